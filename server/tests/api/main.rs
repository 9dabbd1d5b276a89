//! What the portal promises over HTTP, on SQLite and on PostgreSQL: one module a group of URLs or a rule.

mod support;

mod belief;
mod book;
mod crash;
mod events;
mod find;
mod live;
mod pages;
mod people;
mod receipt;
mod reviews;
mod runbooks;
mod runs;
mod workflows;
