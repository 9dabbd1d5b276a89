//! What the portal promises over HTTP, on SQLite and on PostgreSQL: one module a group of URLs or a rule.

mod support;

mod as_known_then;
mod belief;
mod book;
mod check_in;
mod components;
mod crash;
mod drills;
mod events;
mod export;
mod files;
mod find;
mod images;
mod kept;
mod live;
mod pages;
mod pauses;
mod people;
mod pings;
mod problems;
mod queues;
mod receipt;
mod refusals;
mod reports;
mod reviews;
mod runbooks;
mod runs;
mod scenarios;
mod sources;
mod subjects;
mod time_travel;
mod truth;
mod usual;
mod workflows;
mod writing;
