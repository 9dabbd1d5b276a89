//! Resuming: a person ends a pause before its time.

use std::collections::BTreeSet;

use app::model::book::Book;
use app::model::moment::Moment;
use app::model::problem::Where;

use super::pause::concerned;
use crate::db::Db;
use crate::live::Topic;
use crate::store::people::{self, AuditLine};
use crate::store::{feed, pauses};

/// Ends the pause of a target. Gives what changed; nothing when nothing was paused.
///
/// # Errors
/// What the database says.
pub async fn resume(
    db: &Db,
    book: &Book,
    target: &Where,
    by: &str,
    address: &str,
    now: Moment,
) -> sqlx::Result<BTreeSet<Topic>> {
    let mut tx = db.write().await?;
    feed::take_turn(&mut tx).await?;
    if pauses::end(&mut tx, target, by, now).await? == 0 {
        return Ok(BTreeSet::new());
    }
    let line = AuditLine {
        at: now,
        actor: by.to_owned(),
        action: "resume".to_owned(),
        subject: target.to_string(),
        address: address.to_owned(),
    };
    people::append_audit(&mut tx, &line).await?;
    tx.commit().await?;
    Ok(concerned(book, target))
}
