//! Noting edits: that sections were edited while flags stood on them, so that it is known which flags lead to something.

use app::model::answer::Answer;
use app::model::moment::Moment;
use app::model::reference::Reference;

use super::answer_review::Flag;
use crate::db::Db;
use crate::store::{feed, reviews};

/// A flag that stood on a section when that was edited.
#[derive(Debug, Clone)]
pub struct EditedFlag {
    /// The section's anchor.
    pub section: String,
    /// The flag.
    pub flag: Flag,
}

/// Notes that a new version of a runbook edits the sections of these flags; one that was noted before stays as it was.
///
/// # Errors
/// What the database says.
pub async fn note_edits(
    db: &Db,
    slug: &str,
    version: i64,
    edited: Vec<EditedFlag>,
    by: &str,
    now: Moment,
) -> sqlx::Result<()> {
    if edited.is_empty() {
        return Ok(());
    }
    let mut tx = db.write().await?;
    feed::take_turn(&mut tx).await?;
    for EditedFlag { section, flag } in edited {
        let flag: (Reference, String, String, String) = (flag.subject, flag.field, flag.before, flag.after);
        if reviews::was_edited(&mut tx, slug, &section, &flag).await? {
            continue;
        }
        let answer = reviews::Answer {
            slug,
            version,
            section: &section,
            answer: Answer::Edited,
            flag: Some(flag),
            until: None,
            assignee: None,
            words: "",
            at: now,
            by,
        };
        reviews::append(&mut tx, &answer).await?;
    }
    tx.commit().await
}
