//! What people do about a problem: own it, follow its runbook, hand over, end it.

use app::model::following::{LogLine, Occasion};
use app::model::problem::Problem;

use super::follow::{Doer, Follow, follow, is_repeated};
use crate::db::{Db, Tx};
use crate::store::people::{self, AuditLine};
use crate::store::{acts, feed, problems};

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
    /// Ticks, notes, and says afterwards whether the runbook was right.
    Follow(Follow),
    /// Hands it over, in words, to whoever accepts.
    HandOver(String),
    /// Takes over what was handed over.
    Accept,
    /// Ends it, for a reason; what it is about must go away after this.
    End(String),
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
pub async fn act_on_problem(db: &Db, id: i64, doer: &Doer, act: Act) -> sqlx::Result<Acted> {
    let mut tx = db.write().await?;
    feed::take_turn(&mut tx).await?;
    let Some(problem) = problems::find_in(&mut tx, id).await? else { return Ok(Acted::NotFound) };
    if is_repeated(&mut tx, doer).await? {
        return Ok(Acted::Done(Box::new(problem)));
    }
    if let Err(why) = may(&problem, &act, &doer.name) {
        return Ok(Acted::Refused(why));
    }
    let (by, now) = (doer.name.as_str(), doer.now);
    let (word, words) = match &act {
        Act::Own { .. } => ("owned", ""),
        Act::Release => ("released", ""),
        Act::Follow(what) => (what.word(), ""),
        Act::HandOver(words) => ("handed_over", words.as_str()),
        Act::Accept => ("accepted", ""),
        Act::End(why) => ("ended", why.as_str()),
    };
    match &act {
        Act::Own { .. } | Act::Accept => problems::set_owner(&mut tx, id, Some((by, now))).await?,
        Act::Release => problems::set_owner(&mut tx, id, None).await?,
        // Who works on it without a word owns it from then on.
        Act::Follow(Follow::Tick(_) | Follow::Skip(..)) if problem.owner.is_none() => {
            problems::set_owner(&mut tx, id, Some((by, doer.done_at))).await?;
        }
        Act::End(why) => problems::announce_end(&mut tx, id, by, why).await?,
        Act::Follow(_) | Act::HandOver(_) => {}
    }
    match &act {
        Act::Follow(what) => {
            if let Err(why) = follow(&mut tx, Occasion::Problem(id), doer, what).await? {
                return Ok(Acted::Refused(why));
            }
        }
        _ => {
            let (actor, act) = (by.to_owned(), word.to_owned());
            let line = LogLine { at: now, actor, act, words: words.to_owned(), step: None };
            acts::append(&mut tx, Occasion::Problem(id), &line, &doer.told()).await?;
        }
    }
    audit(&mut tx, id, doer, word).await?;
    tx.commit().await?;
    Ok(Acted::Done(Box::new(problem)))
}

/// Whether it can be done to this problem; why not, in a sentence.
fn may(problem: &Problem, act: &Act, by: &str) -> Result<(), String> {
    let ended = problem.ended.is_some();
    let owner = problem.owner.as_ref().map(|(name, _)| name.as_str());
    match act {
        Act::Follow(Follow::Answer { .. }) if !ended => Err("It has not ended yet; say it when it has.".to_owned()),
        Act::Follow(Follow::Answer { .. } | Follow::Note(_)) => Ok(()),
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

async fn audit(tx: &mut Tx, id: i64, doer: &Doer, word: &str) -> sqlx::Result<()> {
    let line = AuditLine {
        at: doer.now,
        actor: doer.name.clone(),
        action: format!("problem_{word}"),
        subject: format!("problem:{id}"),
        address: doer.address.clone(),
    };
    people::append_audit(tx, &line).await
}
