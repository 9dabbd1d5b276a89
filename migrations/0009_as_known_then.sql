-- The past as it was known: what is replaced is kept, with the moment until which it was so. Whatever is told at a
-- moment is found by when it was heard, not by when it happened.

-- From when on the past is kept like this; 0 where it always was.
create table past (
    id bigint primary key check (id = 1),
    since bigint not null
);
insert into past (id, since)
select 1, coalesce((select received_at from events order by position desc limit 1), 0);

-- The whole book, each time that it became another: JSON, packed.
create table books (
    id bigint primary key,
    fingerprint text not null,
    body text not null,
    used_from bigint not null
);
create index books_by_time on books (used_from, id);

-- When a change was noticed, which may be long after it was made, and what is deployed since, word for word.
alter table changes add column noticed_at bigint not null default 0;
alter table changes add column deployed text;
update changes set noticed_at = changed_at;

-- An event that was sent again: how often, and when. What `events.repeats` counts besides was there from the start.
create table repeats (
    position bigint not null,
    received_at bigint not null,
    times bigint not null,
    primary key (position, received_at)
);

-- What is about one component, queue or system, by when it was heard.
drop index events_about;
create index events_about on events (about, received_at, position) where about is not null;

-- What joined a run to others until its events said otherwise.
create table former_links (
    kind text not null check (kind in ('subject', 'correlation', 'trace')),
    value text not null,
    run_key bigint not null references runs (run_key),
    until_at bigint not null,
    primary key (kind, value, run_key, until_at)
);

-- What a system held of a thing until a newer record took its place.
create table former_records (
    subject text not null,
    system text not null,
    as_of bigint not null,
    version text,
    fields text not null,
    heard_at bigint not null,
    until_at bigint not null,
    primary key (subject, system, until_at)
);

-- What a reviewer of a section saw until it was reviewed again.
create table former_pins (
    slug text not null,
    section text not null,
    seen text not null,
    version bigint not null,
    reviewed_at bigint not null,
    reviewed_by text not null,
    until_at bigint not null,
    primary key (slug, section, until_at)
);

-- How many at a step were not well, whenever that changed: the newest row before a moment holds then.
create table former_steps (
    workflow text not null,
    step text not null,
    at bigint not null,
    retrying bigint not null,
    late bigint not null,
    broken bigint not null,
    -- Since when the oldest of those in the worst state was in it.
    since bigint,
    primary key (workflow, step, at)
);
insert into former_steps (workflow, step, at, retrying, late, broken, since)
select t.workflow, t.step, p.since, t.retrying, t.late, t.broken,
    (
        select min(w.since)
        from watches w
        where w.workflow = t.workflow and w.step = t.step and w.state = case
            when t.broken > 0 then 'broken' when t.late > 0 then 'late' else 'retrying' end
    )
from step_tallies t, past p
where t.retrying + t.late + t.broken > 0;

-- When a step was first heard of.
alter table step_tallies add column heard_at bigint not null default 0;
update step_tallies set heard_at = first_seen;

-- What had no signal, by when that was over: for what had none at a moment.
create index problems_without_signal on problems (ended_at) where state = 'no_signal';
