//! Forgetting recorded pictures: after a day those that show nothing new of weight, after 90 days all, a few at a time.

use app::model::moment::Moment;
use app::model::recording::{ALL_KEPT, KEPT};

use crate::db::Db;
use crate::store::{feed, pictures};

/// How many are removed in one transaction, so that events never wait long.
const AT_ONCE: i64 = 500;

/// Removes what is to go at `now`, at most 500 of each kind. Writes nothing when there is nothing.
///
/// # Errors
/// What the database says; what was not removed is removed later.
pub async fn forget_pictures(db: &Db, now: Moment) -> sqlx::Result<()> {
    let (passing, all) = (now - ALL_KEPT, now - KEPT);
    if !pictures::any_before(db.read(), passing, all).await? {
        return Ok(());
    }
    let mut tx = db.write().await?;
    feed::take_turn(&mut tx).await?;
    pictures::forget(&mut tx, passing, all, AT_ONCE).await?;
    tx.commit().await
}
