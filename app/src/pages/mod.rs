//! The pages: one file a page, each a picture (the same facts as its JSON) and the HTML drawn from it.

pub mod shell;
pub mod now;
pub mod workflows;
pub mod workflow;
pub mod runs;
pub mod run;
pub mod components;
pub mod component;
pub mod runbooks;
pub mod runbook;
pub mod edit;
pub mod versions;
pub mod reviews;
pub mod review;
pub mod sources;
pub mod find;
pub mod sign_in;
pub mod error;
