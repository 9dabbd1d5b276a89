-- Subjects: what joins runs, what systems hold of a thing and where they disagree, what people say looks wrong.

-- What a run is joined to others by, besides its subject; as its events named them first.
alter table runs add column correlation text;
alter table runs add column trace text;
create index runs_by_correlation on runs (correlation, run_key) where correlation is not null;
create index runs_by_trace on runs (trace, run_key) where trace is not null;

-- Types of subjects that were heard of and that no workflow of the book was declared to be about: where a bare key is
-- looked for besides.
create table subject_types (
    type text primary key
);

-- The newest record of each thing in each system; an older one never takes its place.
create table records (
    subject text not null,
    system text not null,
    type text not null,
    as_of bigint not null,
    version text,
    fields text not null,
    heard_at bigint not null,
    primary key (subject, system)
);
create index records_by_type on records (type, subject);

-- Where two systems say different things now; a row begins and ends with the records that make it.
create table disagreements (
    subject text not null,
    workflow text not null,
    pair text not null,
    field text not null,
    since bigint not null,
    primary key (subject, workflow, pair, field)
);
create index disagreements_lasting on disagreements (workflow, pair, field, since, subject);

-- "Something looks wrong", in somebody's own words; never deleted, seen once.
create table reports (
    id bigint primary key,
    workflow text,
    run text,
    subject text,
    words text not null,
    said_by text not null,
    said_at bigint not null,
    seen_by text,
    seen_at bigint
);
create index reports_of_run on reports (workflow, run, id) where run is not null;
create index reports_of_subject on reports (subject, id) where subject is not null;
create index reports_open on reports (id) where seen_at is null;
