//! Books: the whole book, each time that it became another, and from when on the past is kept.

use std::io;

use app::model::book::Book;
use app::model::moment::Moment;
use sqlx::AnyPool;

use super::packed::{pack, unpack};
use crate::db::Tx;

/// The fingerprint of the newest book.
pub async fn newest_fingerprint(tx: &mut Tx) -> sqlx::Result<Option<String>> {
    let row: Option<(String,)> =
        sqlx::query_as("select fingerprint from books order by id desc limit 1").fetch_optional(&mut **tx).await?;
    Ok(row.map(|(print,)| print))
}

/// Keeps a book as JSON that is in use from a moment on. The caller holds the turn to write.
pub async fn append(tx: &mut Tx, print: &str, text: &str, used_from: Moment) -> sqlx::Result<()> {
    sqlx::query(
        "insert into books (id, fingerprint, body, used_from)
        values ((select coalesce(max(id), 0) + 1 from books), $1, $2, $3)",
    )
    .bind(print)
    .bind(pack(text, None)?)
    .bind(used_from.millis())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The number of the book that was in use at a moment.
pub async fn used_at(pool: &AnyPool, at: Moment) -> sqlx::Result<Option<i64>> {
    let row: Option<(i64,)> =
        sqlx::query_as("select id from books where used_from <= $1 order by used_from desc, id desc limit 1")
            .bind(at.millis())
            .fetch_optional(pool)
            .await?;
    Ok(row.map(|(id,)| id))
}

/// One book; none when it cannot be read any more.
pub async fn find(pool: &AnyPool, id: i64) -> sqlx::Result<Option<Book>> {
    let row = sqlx::query_as("select id, body from books where id = $1").bind(id).fetch_optional(pool).await?;
    Ok(row.and_then(read))
}

/// The book that was last used; none when there is none, or when it cannot be read any more.
pub async fn newest(pool: &AnyPool) -> sqlx::Result<Option<Book>> {
    let row = sqlx::query_as("select id, body from books order by id desc limit 1").fetch_optional(pool).await?;
    Ok(row.and_then(read))
}

fn read((id, body): (i64, String)) -> Option<Book> {
    let read = |body: &str| serde_json::from_str(&unpack(body, None)?).map_err(io::Error::other);
    read(&body).inspect_err(|error: &io::Error| tracing::error!(%error, id, "a kept book cannot be read")).ok()
}

/// From when on the past is kept as it was known.
pub async fn past_since(pool: &AnyPool) -> sqlx::Result<Moment> {
    let (since,) = sqlx::query_as("select since from past where id = 1").fetch_one(pool).await?;
    Ok(Moment::from_millis(since))
}
