-- What was known: pictures as they were, recorded by the clock.

-- One row a recorded picture.
create table pictures (
    -- `now` or `workflow:ID`
    topic text not null,
    at bigint not null,
    -- 1: something of weight had changed, or it is the first of its hour, or others are written as what differs from it.
    -- 0: it goes after a day.
    stays bigint not null check (stays in (0, 1)),
    -- The row of the same topic that this one is written as what differs from; itself when it is written in full.
    base_at bigint not null,
    -- The picture's JSON, packed by zstd with that of the base as its dictionary, in base64.
    body text not null,
    primary key (topic, at)
);
create index pictures_passing on pictures (at) where stays = 0;
create index pictures_by_base on pictures (base_at);
