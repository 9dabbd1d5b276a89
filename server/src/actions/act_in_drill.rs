//! What people do in a drill: tick, note, and end it with a word on whether the runbook was right.

use app::model::following::{LogLine, Occasion, Outcome};

use super::follow::{Doer, Follow, follow, is_repeated};
use crate::db::Db;
use crate::store::people::{self, AuditLine};
use crate::store::{acts, drills, feed};

/// What somebody does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Ticks, or notes. An answer ends the drill.
    Follow(Follow),
    /// Ends it without an answer, and says why.
    Stop(String),
}

/// Whether it was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acted {
    /// It was.
    Done,
    /// There is no such drill.
    NotFound,
    /// It cannot be done, and why, in a sentence.
    Refused(String),
}

/// Does it, in one transaction with its line in the log and in the audit.
///
/// # Errors
/// What the database says; nothing was done then.
pub async fn act_in_drill(db: &Db, slug: &str, number: i64, doer: &Doer, act: Act) -> sqlx::Result<Acted> {
    let mut tx = db.write().await?;
    feed::take_turn(&mut tx).await?;
    let Some(drill) = drills::find_in(&mut tx, slug, number).await? else { return Ok(Acted::NotFound) };
    if is_repeated(&mut tx, doer).await? {
        return Ok(Acted::Done);
    }
    if drill.ended.is_some() {
        return Ok(Acted::Refused("This drill has ended; its record does not change any more.".to_owned()));
    }
    let of = Occasion::Drill(drill.id);
    let word = match &act {
        Act::Follow(what) => {
            if let Err(why) = follow(&mut tx, of, doer, what).await? {
                return Ok(Acted::Refused(why));
            }
            if let Follow::Answer { doubted, .. } = what {
                let outcome = if doubted.is_some() { Outcome::NotRight } else { Outcome::Right };
                drills::end(&mut tx, drill.id, &doer.name, outcome, doer.now).await?;
            }
            what.word()
        }
        Act::Stop(why) => {
            let (actor, act, words) = (doer.name.clone(), "ended".to_owned(), why.clone());
            let line = LogLine { at: doer.now, actor, act, words, step: None };
            acts::append(&mut tx, of, &line, &doer.told()).await?;
            drills::end(&mut tx, drill.id, &doer.name, Outcome::Stopped, doer.now).await?;
            "ended"
        }
    };
    let line = AuditLine {
        at: doer.now,
        actor: doer.name.clone(),
        action: format!("drill_{word}"),
        subject: format!("runbook:{slug}/drills/{number}"),
        address: doer.address.clone(),
    };
    people::append_audit(&mut tx, &line).await?;
    tx.commit().await?;
    Ok(Acted::Done)
}
