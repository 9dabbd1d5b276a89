//! What can happen: one file a thing, one transaction each.

pub mod record_events;
pub mod judge_due;
pub mod import_book;
pub mod publish_runbook;
pub mod answer_review;
pub mod create_user;
pub mod create_token;
