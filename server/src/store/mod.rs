//! SQL, one file a noun; nothing else in the tree contains any.

pub mod acts;
pub mod books;
pub mod checks;
pub mod doubts;
pub mod drills;
pub mod feed;
pub mod images;
pub mod knowledge;
pub mod observations;
pub mod parts;
pub mod pauses;
pub mod people;
pub mod pictures;
pub mod problems;
pub mod queues;
pub mod records;
pub mod reports;
pub mod reviews;
pub mod runbooks;
pub mod runs;
pub mod secrets;
pub mod sources;
pub mod subjects;
pub mod tallies;
pub mod usual;
pub mod watches;
