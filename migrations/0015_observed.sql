-- What was observed and is in no book: one row each time it begins, until the book says it or it is over.
create table observations (
    id bigint primary key,
    workflow text not null,
    -- The part that it is about, and the field under which it is a change of it.
    reference text not null,
    field text not null,
    -- What was seen, as JSON.
    sight text not null,
    -- What the book declared, and what was observed.
    declared text not null,
    observed text not null,
    first_seen bigint not null,
    last_seen bigint not null,
    -- How often in the last day.
    times bigint not null,
    run text,
    ignored_by text,
    ignored_at bigint,
    reason text,
    ended_at bigint,
    ended text
);
create index observations_open on observations (workflow, id) where ended_at is null;
