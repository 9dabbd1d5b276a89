-- Queues with what they said, checks that are told without run ids, and how ordered a source is.

-- The newest report of each queue, by the time it is about; `reports` counts them, so that a reader sees a change.
create table queues (
    queue text primary key,
    at bigint not null,
    depth bigint not null,
    oldest_at bigint,
    arrived bigint,
    departed bigint,
    reports bigint not null
);

-- One row a queue and minute: the last level in it, and all that came and went. Old ones are removed by the clock.
create table queue_samples (
    queue text not null,
    minute bigint not null,
    at bigint not null,
    depth bigint not null,
    oldest_at bigint,
    arrived bigint,
    departed bigint,
    primary key (queue, minute)
);
create index queue_samples_by_minute on queue_samples (minute);

-- The newest run of each check that is told without run ids.
create table checks (
    name text primary key,
    run text not null,
    started_at bigint,
    ended_at bigint
);

-- One row a source and hour since 1970: how many events were heard, how many of them after one that happened later,
-- and when those had become too many.
create table source_hours (
    source text not null,
    hour bigint not null,
    events bigint not null,
    reordered bigint not null,
    disorder_at bigint,
    primary key (source, hour)
);
create index source_hours_by_hour on source_hours (hour);

-- How a refused event was written, and how many bytes of it were not kept; none when it is whole.
alter table refused_events add column form text not null default 'native' check (form in ('native', 'cloudevent'));
alter table refused_events add column left_out bigint;
-- Until now nothing beyond 4,096 bytes was kept, and nobody noted how much that was.
update refused_events set left_out = 1 where length(body) >= 4000;

-- Tokens, made anew for one more scope.
create table tokens_anew (
    hash text primary key,
    name text not null unique,
    scope text not null check (scope in ('ingest', 'read', 'admin', 'ping')),
    created_at bigint not null
);
insert into tokens_anew (hash, name, scope, created_at) select hash, name, scope, created_at from tokens;
drop table tokens;
alter table tokens_anew rename to tokens;
