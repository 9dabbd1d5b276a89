//! Answering a review: pins what the reviewer saw, so that a change made while they read still flags.

use app::model::answer::Answer;
use app::model::moment::Moment;
use app::model::reference::Reference;
use app::model::review::Pin;

use crate::db::{Db, Tx};
use crate::store::feed;
use crate::store::people::{self, AuditLine};
use crate::store::reviews::{self, PinRecord, Seen};
use crate::store::runbooks;

/// One flag as it was shown.
#[derive(Debug, Clone)]
pub struct Flag {
    /// Which part.
    pub subject: Reference,
    /// Which value.
    pub field: String,
    /// As shown.
    pub before: String,
    /// As shown.
    pub after: String,
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
    pub answer: Answer,
    /// Of which flag; none for the section as a whole.
    pub flag: Option<Flag>,
    /// Until when it is left for later.
    pub until: Option<Moment>,
    /// Whom it is given to.
    pub assignee: Option<&'a str>,
    /// Why.
    pub words: &'a str,
    /// What was on the screen.
    pub seen: Pin,
    /// Whether two people must say the same.
    pub two_reviewers: bool,
    /// Who says it.
    pub by: &'a str,
    /// From where, for the record of who did what.
    pub address: &'a str,
}

/// What became of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It is written.
    Written,
    /// It is written, and a second person must say the same.
    FirstOfTwo,
    /// The runbook has a newer version than `newest_version`; nothing was written.
    Edited,
}

/// Takes an answer.
///
/// # Errors
/// What the database says.
pub async fn answer_review(db: &Db, review: Review<'_>, now: Moment) -> sqlx::Result<Taken> {
    let Review { slug, section, by, .. } = review;
    let mut tx = db.write().await?;
    feed::take_turn(&mut tx).await?;
    if runbooks::find(&mut tx, slug).await?.is_none_or(|runbook| runbook.version != review.newest_version) {
        return Ok(Taken::Edited);
    }
    let taken = match review.answer {
        Answer::StillCorrect | Answer::Reviewed => pin(&mut tx, &review, now).await?,
        _ => Taken::Written,
    };
    let flag = review.flag.map(|f| (f.subject, f.field, f.before, f.after));
    let answer = reviews::Answer {
        slug,
        version: review.read,
        section,
        answer: review.answer,
        flag,
        until: review.until,
        assignee: review.assignee,
        words: review.words,
        at: now,
        by,
    };
    reviews::append(&mut tx, &answer).await?;
    let line = AuditLine {
        at: now,
        actor: by.to_owned(),
        action: "answer_review".to_owned(),
        subject: format!("runbook:{slug}#{section}"),
        address: review.address.to_owned(),
    };
    people::append_audit(&mut tx, &line).await?;
    tx.commit().await?;
    Ok(taken)
}

/// Pins what the reviewer saw: where two must say the same, once a second one does.
async fn pin(tx: &mut Tx, review: &Review<'_>, now: Moment) -> sqlx::Result<Taken> {
    let Review { slug, section, by, .. } = *review;
    let known = reviews::pin(tx, slug, section).await?;
    let firsts = if review.two_reviewers { reviews::firsts_of(tx, slug, section).await? } else { Vec::new() };
    let mine = firsts.iter().find(|first| first.reviewed_by == by);
    // What this person has answered of the section so far, else what the last review left.
    let before = mine.or(known.as_ref()).and_then(PinRecord::pin).cloned();
    let pin = match (&review.flag, before) {
        (Some(flag), Some(mut pin)) => {
            pin.accept(&flag.subject, &flag.field, &review.seen);
            pin
        }
        // There is no flag without a review before it; what was seen is then all there is.
        _ => review.seen.clone(),
    };
    let record = PinRecord {
        slug: slug.to_owned(),
        section: section.to_owned(),
        version: review.read,
        reviewed_at: now,
        reviewed_by: by.to_owned(),
        seen: Seen::new(pin),
    };
    if !review.two_reviewers {
        reviews::put_pin(tx, &record).await?;
        return Ok(Taken::Written);
    }
    match firsts.iter().find(|first| first.reviewed_by != by && first.seen == record.seen) {
        Some(first) => {
            let reviewed_by = format!("{} and {by}", first.reviewed_by);
            reviews::put_pin(tx, &PinRecord { reviewed_by, ..record }).await?;
            reviews::remove_firsts(tx, slug, section).await?;
            Ok(Taken::Written)
        }
        None => {
            reviews::put_first(tx, &record).await?;
            Ok(Taken::FirstOfTwo)
        }
    }
}
