//! Pictures as they were: recorded by the clock, read by moment, packed as what differs from one before.

use app::model::moment::Moment;
use sqlx::{AnyPool, Row};

use super::packed::unpack;
use crate::db::{Tx, write_rows};

/// A picture that is to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PictureRecord {
    /// What it is of, as a topic of `live` is written.
    pub topic: String,
    /// When it was so.
    pub at: Moment,
    /// Whether it stays when others of its day go.
    pub stays: bool,
    /// The record that it is packed against; `at` when it is packed alone.
    pub base_at: Moment,
    /// What [`pack`](super::packed::pack) gave.
    pub body: String,
}

/// Writes records; one that is there already stays. The caller holds the turn to write.
pub async fn put(tx: &mut Tx, records: &[PictureRecord]) -> sqlx::Result<()> {
    let head = "insert into pictures (topic, at, stays, base_at, body) values";
    write_rows(tx, head, 5, "on conflict (topic, at) do nothing", records, |query, record| {
        query
            .bind(record.topic.as_str())
            .bind(record.at.millis())
            .bind(i64::from(record.stays))
            .bind(record.base_at.millis())
            .bind(record.body.as_str())
    })
    .await
}

/// The newest record of a topic that is not newer than `at`: when it was so, and its text.
///
/// # Errors
/// What the database says; [`sqlx::Error::Decode`] when it cannot be unpacked.
pub async fn newest(pool: &AnyPool, topic: &str, at: Moment) -> sqlx::Result<Option<(Moment, String)>> {
    let row =
        sqlx::query("select at, base_at, body from pictures where topic = $1 and at <= $2 order by at desc limit 1")
            .bind(topic.to_owned())
            .bind(at.millis())
            .fetch_optional(pool)
            .await?;
    let Some(row) = row else { return Ok(None) };
    let (at, base_at): (i64, i64) = (row.get(0), row.get(1));
    let base = if base_at == at { None } else { full(pool, topic, Moment::from_millis(base_at)).await? };
    let text = unpack(row.get(2), base.as_deref()).map_err(|e| sqlx::Error::Decode(Box::new(e)))?;
    Ok(Some((Moment::from_millis(at), text)))
}

/// The text of the record of exactly this moment, if it is there and packed alone.
///
/// # Errors
/// As [`newest`].
pub async fn full(pool: &AnyPool, topic: &str, at: Moment) -> sqlx::Result<Option<String>> {
    let body: Option<(String,)> =
        sqlx::query_as("select body from pictures where topic = $1 and at = $2 and base_at = at")
            .bind(topic.to_owned())
            .bind(at.millis())
            .fetch_optional(pool)
            .await?;
    body.map(|(body,)| unpack(&body, None)).transpose().map_err(|e| sqlx::Error::Decode(Box::new(e)))
}

/// When the first record of a topic is of that is not older than `at`.
pub async fn first_since(pool: &AnyPool, topic: &str, at: Moment) -> sqlx::Result<Option<Moment>> {
    let found: Option<(i64,)> =
        sqlx::query_as("select at from pictures where topic = $1 and at >= $2 order by at limit 1")
            .bind(topic.to_owned())
            .bind(at.millis())
            .fetch_optional(pool)
            .await?;
    Ok(found.map(|(at,)| Moment::from_millis(at)))
}

/// Whether there is anything to forget: what passes from before `passing`, or anything written against what is from
/// before `all`.
pub async fn any_before(pool: &AnyPool, passing: Moment, all: Moment) -> sqlx::Result<bool> {
    let of_day: Option<(i64,)> = sqlx::query_as("select at from pictures where stays = 0 and at < $1 limit 1")
        .bind(passing.millis())
        .fetch_optional(pool)
        .await?;
    let of_all: Option<(i64,)> = sqlx::query_as("select at from pictures where base_at < $1 limit 1")
        .bind(all.millis())
        .fetch_optional(pool)
        .await?;
    Ok(of_day.is_some() || of_all.is_some())
}

/// Removes what passes from before `passing`, and all that is written against what is from before `all`; at most so
/// many of each. The base of others goes after them.
pub async fn forget(tx: &mut Tx, passing: Moment, all: Moment, most: i64) -> sqlx::Result<()> {
    sqlx::query(
        "delete from pictures
        where (topic, at) in (select topic, at from pictures where stays = 0 and at < $1 order by at limit $2)",
    )
    .bind(passing.millis())
    .bind(most)
    .execute(&mut **tx)
    .await?;
    sqlx::query(
        "delete from pictures
        where (topic, at) in (
            select topic, at from pictures where base_at < $1 order by base_at, at desc limit $2
        )",
    )
    .bind(all.millis())
    .bind(most)
    .execute(&mut **tx)
    .await?;
    Ok(())
}
