-- What is kept by the hour and by ten minutes, so that the present can be held against the usual.
-- Old rows are removed in small steps: slots of ten minutes after hours, hours after weeks.

-- Of one step of a workflow; of its runs as a whole where the step is empty.
create table usual_times (
    minutes bigint not null check (minutes in (10, 60)),
    began_at bigint not null,
    workflow text not null,
    step text not null,
    visits bigint not null,
    retries bigint not null,
    late_retries bigint not null,
    late_by bigint not null,
    durations text not null,
    primary key (minutes, began_at, workflow, step)
);

-- "Directly followed by, in the same run", by the hour in which the later step began.
create table usual_edges (
    began_at bigint not null,
    workflow text not null,
    from_step text not null,
    to_step text not null,
    passages bigint not null,
    primary key (began_at, workflow, from_step, to_step)
);

-- What tries failed with, by the hour; `error` is the name under which it is counted, `sample` one occurrence.
create table usual_errors (
    began_at bigint not null,
    workflow text not null,
    step text not null,
    error text not null,
    sample text not null,
    failures bigint not null,
    primary key (began_at, workflow, step, error)
);
