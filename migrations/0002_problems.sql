-- Problems: what needs a person or may soon, what people do about it, and how it ended.

-- One row a problem. Open ones are few; ended ones are the record and never change again.
create table problems (
    id bigint primary key,
    -- 'runs' when it is the sum of watches, kept in the transaction that moves them; else the kind that a judge claims.
    family text not null,
    place text not null,
    -- The workflow it lies in, where it lies in one; what `place` says, for the index.
    workflow text,
    step text,
    cause text not null,
    kind text not null,
    state text not null check (state in ('on_track', 'paused', 'retrying', 'no_signal', 'late', 'broken')),
    -- As the book called it then: the record must not change with the book.
    name text not null,
    unit text not null,
    since bigint not null,
    -- When it became a problem; null while it is only the first tries of a policy.
    raised_at bigint,
    failed bigint not null,
    partial bigint not null,
    stuck bigint not null,
    retrying bigint not null,
    -- Watches in the first half of their tries: no problem by themselves.
    trying bigint not null,
    -- The greatest number at once.
    most bigint not null,
    error text not null,
    sentence text not null,
    next text,
    subjects text not null,
    -- Why it does not recover by itself.
    helpless text check (helpless in ('no_retry', 'exhausted', 'not_retryable', 'waiting_on_person')),
    owner text,
    owned_at bigint,
    ended_at bigint,
    ended text check (ended in ('by_itself', 'by_person', 'continued')),
    ended_by text,
    ended_why text
);
create unique index problems_open on problems (place, cause, family) where ended_at is null;
create index problems_of_workflow on problems (workflow) where ended_at is null;
create index problems_ended on problems (ended_at, id) where ended_at is not null;
create index problems_ended_of_workflow on problems (workflow, ended_at) where ended_at is not null;

-- What people did about a problem, append-only.
create table problem_log (
    id bigint primary key,
    problem bigint not null references problems (id),
    at bigint not null,
    actor text not null,
    act text not null check (act in (
        'raised', 'owned', 'released', 'noted', 'ticked', 'unticked', 'skipped', 'handed_over', 'accepted', 'ended',
        'answered')),
    words text not null,
    -- For ticks, the step: where it is written and in which version.
    slug text,
    version bigint,
    section text,
    step text
);
create index problem_log_of on problem_log (problem, id);

-- "Was the runbook right?" answered with no: a flag on that section until its next review.
create table doubts (
    id bigint primary key,
    problem bigint not null references problems (id),
    slug text not null,
    section text not null,
    words text not null,
    actor text not null,
    at bigint not null
);
create index doubts_of_section on doubts (slug, section, at);

-- How problems of a workflow ended, by day: for the share that recovers by itself.
create table recovery_tallies (
    workflow text not null,
    day bigint not null,
    how text not null,
    problems bigint not null,
    primary key (workflow, day, how)
);

-- What a watch adds to: null and empty while it is on track.
alter table watches add column kind text;
alter table watches add column cause text not null default '';
alter table watches add column helpless text;
-- Another try is under way.
alter table watches add column trying_again bigint;
create index watches_by_cause on watches (workflow, step, cause, state, since) where state <> 'on_track';

-- When the newest event of a workflow happened, as it is believed.
alter table workflow_tallies add column last_happened_at bigint;
