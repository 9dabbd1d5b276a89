//! What people do about a problem: own it, note, tick, hand over, end it, and say afterwards whether the runbook was right.

use app::model::moment::Moment;
use app::model::problem::Problem;

use crate::db::{Db, Tx};
use crate::store::feed;
use crate::store::people::{self, AuditLine};
use crate::store::problems::{self, Doubt, LogLine, LoggedStep};

/// What somebody does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// "I'm on it". `instead_of` is the owner that they saw, so that nobody is pushed aside unseen.
    Own {
        /// The owner on the screen; none when nobody was on it.
        instead_of: Option<String>,
    },
    /// No longer on it.
    Release,
    /// Says something.
    Note(String),
    /// A step was done.
    Tick(LoggedStep),
    /// It was not, after all.
    Untick(LoggedStep),
    /// It is left out, for a reason.
    Skip(LoggedStep, String),
    /// Hands it over, in words, to whoever accepts.
    HandOver(String),
    /// Takes over what was handed over.
    Accept,
    /// Ends it, for a reason; what it is about must go away after this.
    End(String),
    /// After it has ended: the runbook was right, or a section was not.
    Answer {
        /// The section that was wrong, or where a step was missing; none when all was right.
        doubted: Option<(String, String)>,
        /// What was wrong, in words.
        words: String,
    },
}

/// Whether it was done.
#[derive(Debug, Clone, PartialEq)]
pub enum Acted {
    /// It was; the problem as it was before.
    Done(Box<Problem>),
    /// There is no such problem.
    NotFound,
    /// It cannot be done, and why, in a sentence.
    Refused(String),
}

/// Does it, in one transaction with its line in the log and in the audit.
///
/// # Errors
/// What the database says; nothing was done then.
pub async fn act_on_problem(db: &Db, id: i64, by: &str, address: &str, act: Act, now: Moment) -> sqlx::Result<Acted> {
    let mut tx = db.write().await?;
    feed::take_turn(&mut tx).await?;
    let Some(problem) = problems::find_in(&mut tx, id).await? else { return Ok(Acted::NotFound) };
    if let Err(why) = may(&problem, &act, by) {
        return Ok(Acted::Refused(why));
    }
    let owner = problem.owner.as_ref().map(|(name, _)| name.as_str());
    let (word, words, step) = match &act {
        Act::Own { .. } => ("owned", String::new(), None),
        Act::Release => ("released", String::new(), None),
        Act::Note(words) => ("noted", words.clone(), None),
        Act::Tick(step) => ("ticked", String::new(), Some(step.clone())),
        Act::Untick(step) => ("unticked", String::new(), Some(step.clone())),
        Act::Skip(step, why) => ("skipped", why.clone(), Some(step.clone())),
        Act::HandOver(words) => ("handed_over", words.clone(), None),
        Act::Accept => ("accepted", String::new(), None),
        Act::End(why) => ("ended", why.clone(), None),
        Act::Answer { words, .. } => ("answered", words.clone(), None),
    };
    match &act {
        Act::Own { .. } | Act::Accept => problems::set_owner(&mut tx, id, Some((by, now))).await?,
        Act::Release => problems::set_owner(&mut tx, id, None).await?,
        // Who works on it without a word owns it from then on.
        Act::Tick(_) | Act::Skip(..) if owner.is_none() => problems::set_owner(&mut tx, id, Some((by, now))).await?,
        Act::End(why) => problems::announce_end(&mut tx, id, by, why).await?,
        Act::Answer { doubted: Some((slug, section)), words } => {
            let doubt = Doubt {
                problem: id,
                slug: slug.clone(),
                section: section.clone(),
                words: words.clone(),
                actor: by.to_owned(),
                at: now,
            };
            problems::append_doubt(&mut tx, &doubt).await?;
        }
        _ => {}
    }
    let line = LogLine { at: now, actor: by.to_owned(), act: word.to_owned(), words, step };
    problems::append_log(&mut tx, id, &line).await?;
    audit(&mut tx, id, by, address, word, now).await?;
    tx.commit().await?;
    Ok(Acted::Done(Box::new(problem)))
}

/// Whether it can be done to this problem; why not, in a sentence.
fn may(problem: &Problem, act: &Act, by: &str) -> Result<(), String> {
    let ended = problem.ended.is_some();
    let owner = problem.owner.as_ref().map(|(name, _)| name.as_str());
    match act {
        Act::Answer { .. } if !ended => Err("It has not ended yet; say it when it has.".to_owned()),
        Act::Answer { .. } | Act::Note(_) => Ok(()),
        _ if ended => Err("It has ended; its record does not change any more.".to_owned()),
        Act::Own { instead_of } => match owner {
            Some(owner) if Some(owner) != instead_of.as_deref() && owner != by => {
                Err(format!("{owner} is on it since you looked. Take it over from there, if you mean to."))
            }
            _ => Ok(()),
        },
        Act::Release if owner != Some(by) => Err("You are not on it.".to_owned()),
        _ => Ok(()),
    }
}

async fn audit(tx: &mut Tx, id: i64, by: &str, address: &str, word: &str, now: Moment) -> sqlx::Result<()> {
    let line = AuditLine {
        at: now,
        actor: by.to_owned(),
        action: format!("problem_{word}"),
        subject: format!("problem:{id}"),
        address: address.to_owned(),
    };
    people::append_audit(tx, &line).await
}
