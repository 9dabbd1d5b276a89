//! What can happen: one file a thing, one transaction each.

pub mod answer_review;
pub mod create_token;
pub mod create_user;
pub mod import_book;
pub mod judge_due;
pub mod publish_runbook;
pub mod record_events;
