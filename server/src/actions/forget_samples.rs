//! Forgetting samples of queues and tallies of sources once nothing looks at them any more, a few at a time.

use app::model::moment::{Moment, Span};
use app::model::source::hour;

use crate::db::Db;
use crate::store::{feed, queues, sources};

/// How long they are kept: the same hour of last week can still be looked at.
const KEPT: Span = Span::from_minutes(8 * 24 * 60);

/// How many are removed in one transaction, so that events never wait long.
const AT_ONCE: i64 = 500;

/// Removes what is older than eight days, at most 500 of each kind. Writes nothing when there is nothing.
///
/// # Errors
/// What the database says; what was not removed is removed later.
pub async fn forget_samples(db: &Db, now: Moment) -> sqlx::Result<()> {
    let before = now - KEPT;
    let any = queues::any_before(db.read(), before).await? || sources::any_hour_before(db.read(), hour(before)).await?;
    if !any {
        return Ok(());
    }
    let mut tx = db.write().await?;
    feed::take_turn(&mut tx).await?;
    queues::forget_samples(&mut tx, before, AT_ONCE).await?;
    sources::forget_hours(&mut tx, hour(before), AT_ONCE).await?;
    tx.commit().await
}
