-- The skeleton: the feed and what follows from it, the documents and their reviews, people.
-- Allowed here: TEXT, BIGINT, DOUBLE PRECISION; moments are milliseconds; see README.md beside this file.

-- The feed ---------------------------------------------------------------------------------------

-- One row: the last position given out, and the last run key. Updating it first makes writers take turns.
create table feed (
    id bigint primary key check (id = 1),
    position bigint not null,
    run_key bigint not null
);
insert into feed (id, position, run_key) values (1, 0, 0);

-- Every event ever accepted, append-only but for `repeats`.
create table events (
    position bigint primary key,
    identity bigint not null,
    identity_check bigint not null,
    received_at bigint not null,
    happened_at bigint not null,
    family text not null check (family in ('step', 'run', 'queue', 'signal', 'change', 'record')),
    source text not null,
    run_key bigint,
    about text,
    repeats bigint not null,
    body text not null
);
create index events_identity on events (identity);
create index events_run on events (run_key, position) where run_key is not null;
create index events_about on events (about, position) where about is not null;
-- The newest events that belong to no run, for the page of sources.
create index events_others on events (position) where run_key is null and about is not null;

-- Events that were refused, kept where a person can see them.
create table refused_events (
    id bigint primary key,
    received_at bigint not null,
    source text not null,
    field text not null,
    detail text not null,
    body text not null
);

-- Who sends us events.
create table sources (
    id text primary key,
    first_heard_at bigint not null,
    last_heard_at bigint not null,
    longest_pause bigint not null,
    accepted bigint not null,
    duplicates bigint not null,
    refused bigint not null
);

-- Runs -------------------------------------------------------------------------------------------

create table runs (
    run_key bigint primary key,
    workflow text not null,
    run text not null,
    state text not null check (state in ('on_track', 'retrying', 'late', 'broken')),
    phase text not null check (phase in ('open', 'ended')),
    subject text,
    started_at bigint not null,
    last_at bigint not null,
    ended_at bigint,
    step text not null,
    folded text not null
);
create unique index runs_by_id on runs (run, workflow);
create index runs_by_workflow on runs (workflow, run_key);
create index runs_by_phase on runs (workflow, phase, run_key);
create index runs_by_state on runs (workflow, state, run_key) where phase = 'open';
create index runs_by_subject on runs (subject, run_key) where subject is not null;

-- Where open runs are, one row a place; gone when the run leaves it.
create table watches (
    run_key bigint not null references runs (run_key),
    step text not null,
    workflow text not null,
    state text not null check (state in ('on_track', 'retrying', 'late', 'broken')),
    since bigint not null,
    due_at bigint,
    between_steps bigint,
    next_attempt_at bigint,
    gives_up_at bigint,
    attempt bigint not null,
    error text not null,
    primary key (run_key, step)
);
create index watches_due on watches (due_at) where due_at is not null;
create index watches_oldest on watches (workflow, step, state, since);
create index watches_newest on watches (workflow, step, run_key);

-- What is known of a workflow without counting; kept in the writing transaction.
create table workflow_tallies (
    workflow text primary key,
    runs bigint not null,
    events bigint not null,
    ended bigint not null,
    on_track bigint not null,
    retrying bigint not null,
    late bigint not null,
    broken bigint not null,
    last_started_at bigint,
    last_ended_at bigint,
    last_heard_at bigint not null,
    last_source text not null
);

create table step_tallies (
    workflow text not null,
    step text not null,
    visits bigint not null,
    starts bigint not null,
    ends bigint not null,
    first_seen bigint not null,
    last_seen bigint not null,
    on_track bigint not null,
    retrying bigint not null,
    late bigint not null,
    broken bigint not null,
    primary key (workflow, step)
);

create table edge_tallies (
    workflow text not null,
    from_step text not null,
    to_step text not null,
    passages bigint not null,
    last_seen bigint not null,
    primary key (workflow, from_step, to_step)
);

-- The book ---------------------------------------------------------------------------------------

-- The present values of every part that documents may speak of.
create table parts (
    reference text primary key,
    fields text not null,
    known_since bigint not null
);

-- Every difference ever noticed, append-only.
create table changes (
    id bigint primary key,
    reference text not null,
    field text not null,
    before_value text,
    after_value text,
    changed_at bigint not null,
    changed_by text not null,
    link text,
    origin text not null check (origin in ('book', 'event'))
);
create index changes_of_part on changes (reference, field, id);
create index changes_by_time on changes (changed_at, id);

create table runbooks (
    slug text primary key,
    version bigint not null,
    file_fingerprint text,
    conflict text
);

-- Immutable texts.
create table runbook_versions (
    slug text not null references runbooks (slug),
    version bigint not null,
    body text not null,
    title text not null,
    author text not null,
    why text not null,
    saved_at bigint not null,
    origin text not null check (origin in ('file', 'browser')),
    primary key (slug, version)
);

-- What the last reviewer of each section saw.
create table section_pins (
    slug text not null references runbooks (slug),
    section text not null,
    seen text not null,
    version bigint not null,
    reviewed_at bigint not null,
    reviewed_by text not null,
    primary key (slug, section)
);

-- Every answer ever given, append-only.
create table reviews (
    id bigint primary key,
    slug text not null,
    version bigint not null,
    section text not null,
    answer text not null check (answer in ('still_correct', 'reviewed')),
    reference text,
    field text,
    before_value text,
    after_value text,
    answered_at bigint not null,
    answered_by text not null
);
create index reviews_of_runbook on reviews (slug, id);

-- People -----------------------------------------------------------------------------------------

create table users (
    name text primary key,
    role text not null check (role in ('viewer', 'operator', 'editor', 'admin')),
    password_hash text not null,
    created_at bigint not null
);

create table sessions (
    id text primary key,
    data text not null,
    expires_at bigint not null
);
create index sessions_expiry on sessions (expires_at);

create table tokens (
    hash text primary key,
    name text not null unique,
    scope text not null check (scope in ('ingest', 'read', 'admin')),
    created_at bigint not null
);

-- Who did what, never updated.
create table audit (
    id bigint primary key,
    at bigint not null,
    actor text not null,
    action text not null,
    subject text not null,
    address text not null
);
