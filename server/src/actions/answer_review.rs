//! Answering a review: pins what the reviewer saw, so that a change made while they read still flags.

use app::model::moment::Moment;
use app::model::reference::Reference;
use app::model::review::Pin;

use crate::db::Db;
use crate::store::feed;
use crate::store::people::{self, AuditLine};
use crate::store::reviews::{self, Answer, PinRecord};
use crate::store::runbooks;

/// What a reviewer says of one section.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// "Still correct": one flag, by part and field; with the values before and after as they were shown.
    StillCorrect {
        /// Which part.
        subject: Reference,
        /// Which value.
        field: String,
        /// As shown.
        before: String,
        /// As shown.
        after: String,
    },
    /// "This section is right": everything as it was seen.
    Reviewed,
}

/// An answer to one section of a review.
#[derive(Debug, Clone)]
pub struct Review<'a> {
    /// The runbook.
    pub slug: &'a str,
    /// The version that was on the screen.
    pub read: i64,
    /// The newest version when it was looked whether that section still says what was on the screen.
    pub newest_version: i64,
    /// The section's anchor.
    pub section: &'a str,
    /// What is said of it.
    pub verdict: Verdict,
    /// What was on the screen.
    pub seen: Pin,
    /// Who says it.
    pub by: &'a str,
    /// From where, for the record of who did what.
    pub address: &'a str,
}

/// Takes an answer. False when the runbook has a newer version than `newest_version`; nothing was written then.
///
/// # Errors
/// What the database says.
pub async fn answer_review(db: &Db, review: Review<'_>, now: Moment) -> sqlx::Result<bool> {
    let Review { slug, read, newest_version, section, verdict, seen, by, address } = review;
    let mut tx = db.write().await?;
    feed::take_turn(&mut tx).await?;
    if runbooks::find(&mut tx, slug).await?.is_none_or(|runbook| runbook.version != newest_version) {
        return Ok(false);
    }
    let known = reviews::pin(&mut tx, slug, section).await?;
    let (pin, answer, flag) = match (verdict, known) {
        (Verdict::StillCorrect { subject, field, before, after }, Some(known)) => {
            let mut pin = known.pin;
            pin.accept(&subject, &field, &seen);
            (pin, "still_correct", Some((subject.to_string(), field, before, after)))
        }
        // There is no flag without a review before it; what was seen is then all there is.
        (Verdict::StillCorrect { .. } | Verdict::Reviewed, _) => (seen, "reviewed", None),
    };
    let record = PinRecord {
        slug: slug.to_owned(),
        section: section.to_owned(),
        pin,
        version: read,
        reviewed_at: now,
        reviewed_by: by.to_owned(),
    };
    reviews::put_pin(&mut tx, &record).await?;
    let answer = Answer { slug, version: read, section, answer, flag, at: now, by };
    reviews::append(&mut tx, &answer).await?;
    let line = AuditLine {
        at: now,
        actor: by.to_owned(),
        action: "answer_review".to_owned(),
        subject: format!("runbook:{slug}#{section}"),
        address: address.to_owned(),
    };
    people::append_audit(&mut tx, &line).await?;
    tx.commit().await?;
    Ok(true)
}
