//! Forgetting what is older than the usual is made of, in steps so small that no event waits for them.

use app::model::moment::Moment;

use crate::db::Db;
use crate::store::{feed, usual};

/// Removes a few hundred of the rows that are older than what is kept at `now`, if there are any.
///
/// # Errors
/// What the database says; then nothing was removed.
pub async fn forget_usual(db: &Db, now: Moment) -> sqlx::Result<()> {
    if !usual::has_old(db.read(), now).await? {
        return Ok(());
    }
    let mut tx = db.write().await?;
    feed::take_turn(&mut tx).await?;
    usual::remove_old(&mut tx, now).await?;
    tx.commit().await
}
