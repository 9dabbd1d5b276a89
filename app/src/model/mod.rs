//! The nouns of Watchbook and the rules about them, in reading order. No IO, no clock.

pub mod book;
pub mod check;
pub mod compare;
pub mod event;
pub mod fact;
pub mod flow;
pub mod judge;
pub mod mention;
pub mod moment;
pub mod problem;
pub mod reference;
pub mod review;
pub mod run;
pub mod schedule;
pub mod source;
pub mod status;
pub mod story;
pub mod verdict;
