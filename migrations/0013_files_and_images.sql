-- Files and texts saved in the browser are one: what the folder of the book holds of each runbook, and images.

-- The runbook's file, from the folder of the book, with `/`; none while it never had one.
alter table runbooks add column file text;
-- The version whose text the file was last known to hold; `file_fingerprint` is that text's. None while it never had one.
alter table runbooks add column file_version bigint;
-- The first version saved in the browser that git has not got yet.
alter table runbooks add column commit_from bigint;
-- Why the file cannot be written, committed or taken over, in a sentence; it is tried again.
alter table runbooks add column file_problem text;
-- Who wrote the file's text while it and the newest version disagree, why, and in which commit.
alter table runbooks add column conflict_author text;
alter table runbooks add column conflict_why text;
alter table runbooks add column conflict_commit text;
-- Since when the file is missing.
alter table runbooks add column gone_at bigint;
-- When and by whom the runbook was taken out of use; its versions stay.
alter table runbooks add column retired_at bigint;
alter table runbooks add column retired_by text;

update runbooks
set file_version = (select max(v.version) from runbook_versions v where v.slug = runbooks.slug and v.origin = 'file')
where file_fingerprint is not null;

-- In which commit of the book's git work tree a version stands.
create table runbook_commits (
    slug text not null,
    version bigint not null,
    commit_id text not null,
    primary key (slug, version),
    foreign key (slug, version) references runbook_versions (slug, version)
);

-- Images of runbooks, each content once.
create table images (
    -- SHA-256 of the bytes, in hex
    hash text primary key,
    kind text not null check (kind in ('png', 'jpeg', 'webp', 'svg')),
    -- bytes
    size bigint not null,
    -- points; none where the image does not say
    width bigint,
    height bigint,
    -- base64
    body text not null,
    added_at bigint not null
);

-- Which image stands at a path of the book since when.
create table image_names (
    -- from the folder of the book, with `/`
    path text not null,
    from_at bigint not null,
    hash text not null references images (hash),
    -- the account that added it, or `file`
    added_by text not null,
    primary key (path, from_at)
);
