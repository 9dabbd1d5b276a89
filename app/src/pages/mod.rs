//! The pages: one file a page, each a picture (the same facts as its JSON) and the HTML drawn from it.

pub mod blast;
pub mod check_in;
pub mod component;
pub mod components;
pub mod edit;
pub mod error;
pub mod find;
pub mod now;
pub mod pause;
pub mod problem;
pub mod problems;
pub mod review;
pub mod reviews;
pub mod run;
pub mod runbook;
pub mod runbook_file;
pub mod runbooks;
pub mod runs;
pub mod shell;
pub mod sign_in;
pub mod sources;
pub mod subject;
pub mod versions;
pub mod workflow;
pub mod workflows;
