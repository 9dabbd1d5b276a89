//! Taking what commits have left waiting into what is kept by the hour, once a strike: each commit for itself would read
//! and write the same few rows.

use app::model::moment::Moment;

use crate::db::{Batch, Db};
use crate::store::{feed, usual};

/// Takes in all that waits; what is older than what is kept at `now` is left out.
///
/// # Errors
/// What the database says; then it still waits.
pub async fn take_in_usual(db: &Db, now: Moment) -> sqlx::Result<()> {
    if !usual::is_waiting(db.read()).await? {
        return Ok(());
    }
    let mut tx = db.write().await?;
    feed::take_turn(&mut tx).await?;
    let rows = usual::take_waiting(&mut tx).await?.rows(&mut tx, now).await?;
    let mut batch = Batch::default();
    rows.add_to(&mut batch);
    batch.commit(tx).await
}
