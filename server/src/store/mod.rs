//! SQL, one file a noun; nothing else in the tree contains any.

pub mod feed;
pub mod parts;
pub mod people;
pub mod reviews;
pub mod runbooks;
pub mod runs;
pub mod sources;
pub mod tallies;
pub mod watches;
