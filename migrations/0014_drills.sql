-- A runbook is followed about a problem or in a drill: what is ticked, said and doubted is one thing for both.

-- A run of a runbook outside trouble. It ends once, with a word on whether the runbook was right.
create table drills (
    id bigint primary key,
    slug text not null,
    -- Counted for each runbook: its place in the address.
    number bigint not null,
    -- The version that was the newest when it began.
    version bigint not null,
    started_by text not null,
    started_at bigint not null,
    ended_at bigint,
    ended_by text,
    outcome text check (outcome in ('right', 'not_right', 'stopped'))
);
create unique index drills_of_runbook on drills (slug, number);

-- What people did about a problem or in a drill, append-only. Before, it was of problems alone.
create table acts (
    id bigint primary key,
    problem bigint references problems (id),
    drill bigint references drills (id),
    -- When it was done. Where it was told later, because the portal could not be reached, `heard_at` says when.
    at bigint not null,
    heard_at bigint,
    actor text not null,
    act text not null check (act in (
        'raised', 'owned', 'released', 'noted', 'ticked', 'unticked', 'skipped', 'handed_over', 'accepted', 'ended',
        'answered')),
    words text not null,
    -- For ticks, the step: where it is written and in which version.
    slug text,
    version bigint,
    section text,
    step text,
    -- What a browser calls the tick that it sends, so that sending it again does nothing.
    once text,
    check ((problem is null) <> (drill is null))
);
insert into acts (id, problem, at, actor, act, words, slug, version, section, step)
select id, problem, at, actor, act, words, slug, version, section, step from problem_log;
drop table problem_log;
create index acts_of_problem on acts (problem, id) where problem is not null;
create index acts_of_drill on acts (drill, id) where drill is not null;
create index acts_of_reader on acts (slug, actor, id) where act = 'ticked';
create unique index acts_once on acts (once) where once is not null;

-- "Was the runbook right?" answered with no, after a problem or a drill: a flag on that section until its next review.
alter table doubts rename to former_doubts;
drop index doubts_of_section;
create table doubts (
    id bigint primary key,
    problem bigint references problems (id),
    drill bigint references drills (id),
    slug text not null,
    section text not null,
    words text not null,
    actor text not null,
    at bigint not null,
    check ((problem is null) <> (drill is null))
);
insert into doubts (id, problem, slug, section, words, actor, at)
select id, problem, slug, section, words, actor, at from former_doubts;
drop table former_doubts;
create index doubts_of_section on doubts (slug, section, at);

-- Each runbook that was followed about a problem or in a drill: the newest step done, and since when that proves it.
create table followings (
    id bigint primary key,
    problem bigint references problems (id),
    drill bigint references drills (id),
    slug text not null,
    version bigint not null,
    at bigint not null,
    actor text not null,
    proved_at bigint,
    check ((problem is null) <> (drill is null))
);
insert into followings (id, problem, slug, version, at, actor)
select a.id, a.problem, a.slug, a.version, a.at, a.actor
from acts a
where a.id in (select max(id) from acts where act = 'ticked' and slug is not null group by problem, slug);
create index followings_of_runbook on followings (slug, at, id);
create index proofs_of_runbook on followings (slug, at, id) where proved_at is not null;
create index followings_about on followings (problem, slug) where problem is not null;
create index followings_in on followings (drill) where drill is not null;
