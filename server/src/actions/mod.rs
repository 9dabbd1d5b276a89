//! What can happen: one file a thing, one transaction each.

pub mod act_on_problem;
pub mod add_report;
pub mod answer_review;
pub mod create_token;
pub mod create_user;
pub mod forget_pictures;
pub mod forget_samples;
pub mod forget_usual;
pub mod import_book;
pub mod judge_due;
pub mod keep_observations;
pub mod keep_problems;
pub mod keep_records;
pub mod make_secret;
pub mod mute_field;
pub mod note_edits;
pub mod pause;
pub mod publish_runbook;
pub mod record_events;
pub mod record_pictures;
pub mod recover_checks;
pub mod resume;
pub mod retry_refused;
pub mod see_report;
pub mod take_in_usual;
