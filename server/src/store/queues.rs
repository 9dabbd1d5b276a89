//! Queues: the newest report of each, and one sample a minute.

use std::collections::HashMap;

use app::model::moment::Moment;
use app::model::queue::Level;
use sqlx::any::AnyRow;
use sqlx::{AnyPool, AssertSqlSafe, Row};

use crate::db::{Tx, read_rows, write_rows};

/// The newest report of a queue, and how many there were.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct QueueRecord {
    pub level: Level,
    pub reports: i64,
}

const LEVEL: &str = "at, depth, oldest_at, arrived, departed";

/// Reads a level from a row, from its column `first` on.
fn level(row: &AnyRow, first: usize) -> Level {
    Level {
        at: Moment::from_millis(row.get(first)),
        depth: row.get(first + 1),
        oldest_at: row.get::<Option<i64>, _>(first + 2).map(Moment::from_millis),
        arrived: row.get(first + 3),
        departed: row.get(first + 4),
    }
}

/// Those queues that are known, of the ones asked for.
pub async fn by_ids(tx: &mut Tx, ids: &[&str]) -> sqlx::Result<HashMap<String, QueueRecord>> {
    let head = "with wanted (id) as (values";
    let tail = ") select distinct q.queue, q.at, q.depth, q.oldest_at, q.arrived, q.departed, q.reports
        from wanted join queues as q on q.queue = wanted.id";
    let rows = read_rows(tx, head, 1, tail, ids, |query, id| query.bind(*id)).await?;
    Ok(rows.iter().map(|row| (row.get(0), QueueRecord { level: level(row, 1), reports: row.get(6) })).collect())
}

/// Writes queues, new or known.
pub async fn put(tx: &mut Tx, queues: &[(&str, QueueRecord)]) -> sqlx::Result<()> {
    let head = "insert into queues (queue, at, depth, oldest_at, arrived, departed, reports) values";
    let tail = "on conflict (queue) do update set
        at = excluded.at, depth = excluded.depth, oldest_at = excluded.oldest_at,
        arrived = excluded.arrived, departed = excluded.departed, reports = excluded.reports";
    write_rows(tx, head, 7, tail, queues, |query, (queue, record)| {
        let level = record.level;
        query
            .bind(*queue)
            .bind(level.at.millis())
            .bind(level.depth)
            .bind(level.oldest_at.map(Moment::millis))
            .bind(level.arrived)
            .bind(level.departed)
            .bind(record.reports)
    })
    .await
}

/// Adds to the samples of minutes: the later level stays, counts are added up.
pub async fn add_samples(tx: &mut Tx, samples: &[(&str, Level)]) -> sqlx::Result<()> {
    let head = "insert into queue_samples as s (queue, minute, at, depth, oldest_at, arrived, departed) values";
    // What decides between two reports of one moment is the greater level, as everywhere.
    let later =
        "(excluded.at, excluded.depth, coalesce(excluded.oldest_at, -1)) > (s.at, s.depth, coalesce(s.oldest_at, -1))";
    let sum = |column: &str| {
        format!(
            "{column} = case when s.{column} is null then excluded.{column} when excluded.{column} is null then s.{column} else s.{column} + excluded.{column} end"
        )
    };
    let newer = |column: &str| format!("{column} = case when {later} then excluded.{column} else s.{column} end");
    let tail = format!(
        "on conflict (queue, minute) do update set
        {}, {}, {}, {}, {}",
        newer("depth"),
        newer("oldest_at"),
        sum("arrived"),
        sum("departed"),
        newer("at"),
    );
    write_rows(tx, head, 7, tail, samples, |query, (queue, level)| {
        query
            .bind(*queue)
            .bind(level.minute())
            .bind(level.at.millis())
            .bind(level.depth)
            .bind(level.oldest_at.map(Moment::millis))
            .bind(level.arrived)
            .bind(level.departed)
    })
    .await
}

/// The newest report of every queue.
pub async fn all(pool: &AnyPool) -> sqlx::Result<HashMap<String, QueueRecord>> {
    let sql = format!("select queue, {LEVEL}, reports from queues");
    let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(pool).await?;
    Ok(rows.iter().map(|row| (row.get(0), QueueRecord { level: level(row, 1), reports: row.get(6) })).collect())
}

/// The newest report of one queue.
pub async fn find(pool: &AnyPool, queue: &str) -> sqlx::Result<Option<QueueRecord>> {
    let sql = format!("select {LEVEL}, reports from queues where queue = $1");
    let row = sqlx::query(AssertSqlSafe(sql)).bind(queue.to_owned()).fetch_optional(pool).await?;
    Ok(row.map(|row| QueueRecord { level: level(&row, 0), reports: row.get(5) }))
}

/// The samples of a queue since a moment, oldest first.
pub async fn samples(pool: &AnyPool, queue: &str, since: Moment) -> sqlx::Result<Vec<Level>> {
    let sql = format!("select {LEVEL} from queue_samples where queue = $1 and minute >= $2 order by minute");
    let since = since.millis().div_euclid(60_000);
    let rows = sqlx::query(AssertSqlSafe(sql)).bind(queue.to_owned()).bind(since).fetch_all(pool).await?;
    Ok(rows.iter().map(|row| level(row, 0)).collect())
}

/// Whether there is a sample from before a moment.
pub async fn any_before(pool: &AnyPool, before: Moment) -> sqlx::Result<bool> {
    let row: Option<(i64,)> = sqlx::query_as("select minute from queue_samples where minute < $1 limit 1")
        .bind(before.millis().div_euclid(60_000))
        .fetch_optional(pool)
        .await?;
    Ok(row.is_some())
}

/// Removes samples from before a moment, at most so many.
pub async fn forget_samples(tx: &mut Tx, before: Moment, most: i64) -> sqlx::Result<()> {
    sqlx::query(
        "delete from queue_samples
        where (queue, minute) in (select queue, minute from queue_samples where minute < $1 order by minute limit $2)",
    )
    .bind(before.millis().div_euclid(60_000))
    .bind(most)
    .execute(&mut **tx)
    .await?;
    Ok(())
}
