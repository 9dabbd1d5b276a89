-- Every answer that a flag can be given, and what follows from the answers: whom it waits for, until when, what a
-- section is not about, which fields flag nothing, and how often a flag led to an edit.

-- SQLite cannot change a check.
alter table reviews rename to former_reviews;
drop index reviews_of_runbook;
create table reviews (
    id bigint primary key,
    slug text not null,
    version bigint not null,
    section text not null,
    answer text not null check (answer in (
        'still_correct', 'reviewed', 'edited', 'not_about', 'about', 'snoozed', 'reassigned')),
    reference text,
    field text,
    before_value text,
    after_value text,
    -- A snoozed flag waits again from then on.
    until_at bigint,
    -- Whom it was given to.
    assignee text,
    -- Why.
    words text not null default '',
    answered_at bigint not null,
    answered_by text not null
);
insert into reviews (id, slug, version, section, answer, reference, field, before_value, after_value, answered_at, answered_by)
select id, slug, version, section, answer, reference, field, before_value, after_value, answered_at, answered_by
from former_reviews;
drop table former_reviews;
create index reviews_of_runbook on reviews (slug, id);
create index reviews_set_aside on reviews (slug, section, id)
    where answer in ('not_about', 'about', 'snoozed', 'reassigned');

-- What each reviewer saw where two must say the same, until a second one does.
create table first_reviews (
    slug text not null references runbooks (slug),
    section text not null,
    seen text not null,
    version bigint not null,
    reviewed_at bigint not null,
    reviewed_by text not null,
    primary key (slug, section, reviewed_by)
);

-- Fields of one kind of part that flag nothing, and for how long that was so.
create table muted_fields (
    kind text not null,
    field text not null,
    muted_at bigint not null,
    muted_by text not null,
    words text not null,
    until_at bigint,
    unmuted_by text,
    primary key (kind, field, muted_at)
);

-- How many flags of a field were answered, and how.
create table flag_tallies (
    kind text not null,
    field text not null,
    answer text not null,
    flags bigint not null,
    primary key (kind, field, answer)
);
