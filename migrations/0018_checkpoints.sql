-- How the folder of the book was when it was last taken over, and what was found in its texts: a start that finds it so
-- need not read it.

create table checkpoints (
    id bigint primary key check (id = 1),
    -- The folder, as its path.
    folder text not null,
    -- The program that read it: another one may find something else in the same text.
    program text not null,
    -- The fingerprint of its files.
    files text not null,
    -- What was found in each text, as JSON, packed with zstd, in base64.
    gists text not null
);
