//! The checkpoint: how the folder of the book was when it was last taken over, and what was found in its texts.

use sqlx::AnyPool;

use super::packed::{pack, unpack};
use crate::db::{Db, Tx};

/// What of a folder was taken over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenOver {
    /// The folder, as its path.
    pub folder: String,
    /// The program that read it.
    pub program: String,
    /// The fingerprint of its files.
    pub files: String,
}

/// What was found in the texts of what was taken over, as it was put; none if that is not what was taken over last, or
/// where it cannot be read any more.
///
/// # Errors
/// What the database says.
pub async fn find(pool: &AnyPool, taken: &TakenOver) -> sqlx::Result<Option<String>> {
    let row: Option<(String,)> =
        sqlx::query_as("select gists from checkpoints where folder = $1 and program = $2 and files = $3")
            .bind(taken.folder.as_str())
            .bind(taken.program.as_str())
            .bind(taken.files.as_str())
            .fetch_optional(pool)
            .await?;
    let unread = |error: &std::io::Error| tracing::warn!(%error, "the checkpoint cannot be read");
    Ok(row.and_then(|(gists,)| unpack(&gists, None).inspect_err(unread).ok()))
}

/// Whether this was taken over last.
///
/// # Errors
/// What the database says.
pub async fn is_kept(pool: &AnyPool, taken: &TakenOver) -> sqlx::Result<bool> {
    let row = sqlx::query("select 1 from checkpoints where folder = $1 and program = $2 and files = $3")
        .bind(taken.folder.as_str())
        .bind(taken.program.as_str())
        .bind(taken.files.as_str())
        .fetch_optional(pool)
        .await?;
    Ok(row.is_some())
}

/// Forgets it: what is in the database and what is in the folder are about to become another.
///
/// # Errors
/// What the database says.
pub async fn forget(tx: &mut Tx) -> sqlx::Result<()> {
    sqlx::query("delete from checkpoints").execute(&mut **tx).await.map(drop)
}

/// Keeps a checkpoint in the place of the last one.
///
/// # Errors
/// What the database says.
pub async fn put(db: &Db, taken: &TakenOver, gists: &str) -> sqlx::Result<()> {
    let gists = pack(gists, None)?;
    let mut tx = db.write().await?;
    sqlx::query(
        "insert into checkpoints (id, folder, program, files, gists) values (1, $1, $2, $3, $4)
        on conflict (id) do update set
            folder = excluded.folder, program = excluded.program, files = excluded.files, gists = excluded.gists",
    )
    .bind(taken.folder.as_str())
    .bind(taken.program.as_str())
    .bind(taken.files.as_str())
    .bind(gists)
    .execute(&mut *tx)
    .await?;
    tx.commit().await
}
