//! Keeping pictures as they are now, for whoever asks later what was known.

use crate::db::Db;
use crate::store::feed;
use crate::store::pictures::{self, PictureRecord};

/// Writes these. Nothing is written where there are none.
///
/// # Errors
/// What the database says; then none was written.
pub async fn record_pictures(db: &Db, records: &[PictureRecord]) -> sqlx::Result<()> {
    if records.is_empty() {
        return Ok(());
    }
    let mut tx = db.write().await?;
    feed::take_turn(&mut tx).await?;
    pictures::put(&mut tx, records).await?;
    tx.commit().await
}
