-- What people do: the secret that signs check-in links, and what a person has paused.

-- Made by the portal itself, at its first start.
create table secrets (
    name text primary key,
    value text not null,
    made_at bigint not null
);

-- Every pause ever set. One that nobody ended ends by itself at `until_at`; nothing is written then.
create table pauses (
    id bigint primary key,
    -- `workflow:ID`, `step:WORKFLOW/STEP` or `component:ID`
    target text not null,
    -- Where it was set: the workflow on whose page that was.
    workflow text not null,
    reason text not null,
    set_by text not null,
    from_at bigint not null,
    until_at bigint not null,
    ended_at bigint,
    ended_by text
);
create index pauses_by_end on pauses (until_at);
create index pauses_of_workflow on pauses (workflow, id);
create index pauses_of_target on pauses (target, id);
