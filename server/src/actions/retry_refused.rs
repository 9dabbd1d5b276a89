//! Trying a refused event again: what became of it, for the list of refused ones and for the record.

use app::model::event::Refusal;
use app::model::moment::Moment;

use crate::db::Db;
use crate::store::people::{self, AuditLine};
use crate::store::{feed, sources};

/// Notes what became of a refused event that somebody tried again: recorded, it leaves the list; refused again, it
/// stays with the new reason. False when it is not on the list any more.
///
/// # Errors
/// What the database says. An event that was recorded then stays on the list; tried once more, it is a duplicate.
pub async fn retry_refused(
    db: &Db,
    id: i64,
    outcome: &Result<(), Refusal>,
    (by, address): (&str, &str),
    now: Moment,
) -> sqlx::Result<bool> {
    let mut tx = db.write().await?;
    feed::take_turn(&mut tx).await?;
    let known = match outcome {
        Ok(()) => sources::remove_refused(&mut tx, id).await?,
        Err(refusal) => sources::refuse_again(&mut tx, id, &refusal.field, &refusal.detail).await?,
    };
    let became = if outcome.is_ok() { "recorded" } else { "refused again" };
    let line = AuditLine {
        at: now,
        actor: by.to_owned(),
        action: "retry_refused".to_owned(),
        subject: format!("refused event {id}: {became}"),
        address: address.to_owned(),
    };
    people::append_audit(&mut tx, &line).await?;
    tx.commit().await?;
    Ok(known)
}
