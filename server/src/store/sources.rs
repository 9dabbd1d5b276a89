//! Sources: who sends us events, when each was last heard, and what was refused.

use std::collections::HashMap;

use app::model::moment::Moment;
use sqlx::{AnyPool, Row};

use crate::db::{Tx, read_rows, write_rows};

/// A source as it is stored.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs)]
pub struct SourceRecord {
    pub id: String,
    pub first_heard_at: i64,
    pub last_heard_at: i64,
    /// The longest usual pause between two words, in milliseconds; fades with a half-life of seven days.
    pub longest_pause: i64,
    pub accepted: i64,
    pub duplicates: i64,
    pub refused: i64,
}

/// A refused event to be kept.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct RefusedEvent {
    pub received_at: Moment,
    pub source: String,
    pub field: String,
    pub detail: String,
    pub body: String,
}

/// How many refused events are kept.
const MOST_REFUSED: i64 = 1_000;

const COLUMNS: &str = "sources.id, sources.first_heard_at, sources.last_heard_at, sources.longest_pause, sources.accepted, sources.duplicates, sources.refused";

fn record(row: &sqlx::any::AnyRow) -> SourceRecord {
    SourceRecord {
        id: row.get(0),
        first_heard_at: row.get(1),
        last_heard_at: row.get(2),
        longest_pause: row.get(3),
        accepted: row.get(4),
        duplicates: row.get(5),
        refused: row.get(6),
    }
}

/// Those sources that are known, of the ones asked for.
pub async fn by_ids(tx: &mut Tx, ids: &[&str]) -> sqlx::Result<HashMap<String, SourceRecord>> {
    let head = "with wanted (id) as (values";
    let tail = format!(") select distinct {COLUMNS} from wanted join sources on sources.id = wanted.id");
    let rows = read_rows(tx, head, 1, &tail, ids, |query, id| query.bind(*id)).await?;
    Ok(rows.iter().map(record).map(|s| (s.id.clone(), s)).collect())
}

/// Writes sources, new or known.
pub async fn put(tx: &mut Tx, sources: &[SourceRecord]) -> sqlx::Result<()> {
    let head =
        "insert into sources (id, first_heard_at, last_heard_at, longest_pause, accepted, duplicates, refused) values";
    let tail = "on conflict (id) do update set
        last_heard_at = excluded.last_heard_at, longest_pause = excluded.longest_pause,
        accepted = excluded.accepted, duplicates = excluded.duplicates, refused = excluded.refused";
    write_rows(tx, head, 7, tail, sources, |query, s| {
        query
            .bind(s.id.as_str())
            .bind(s.first_heard_at)
            .bind(s.last_heard_at)
            .bind(s.longest_pause)
            .bind(s.accepted)
            .bind(s.duplicates)
            .bind(s.refused)
    })
    .await
}

/// Every source.
pub async fn all(pool: &AnyPool) -> sqlx::Result<Vec<SourceRecord>> {
    let sql = format!("select {COLUMNS} from sources order by id");
    Ok(sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(pool).await?.iter().map(record).collect())
}

/// Keeps refused events; only the newest thousand stay.
pub async fn keep_refused(tx: &mut Tx, refused: &[RefusedEvent]) -> sqlx::Result<()> {
    if refused.is_empty() {
        return Ok(());
    }
    let (newest,): (i64,) =
        sqlx::query_as("select coalesce(max(id), 0) from refused_events").fetch_one(&mut **tx).await?;
    let kept = &refused[refused.len().saturating_sub(MOST_REFUSED as usize)..];
    let rows: Vec<(i64, &RefusedEvent)> = (newest + 1..).zip(kept).collect();
    let head = "insert into refused_events (id, received_at, source, field, detail, body) values";
    write_rows(tx, head, 6, "", &rows, |query, (id, r)| {
        query
            .bind(*id)
            .bind(r.received_at.millis())
            .bind(r.source.as_str())
            .bind(r.field.as_str())
            .bind(r.detail.as_str())
            .bind(r.body.as_str())
    })
    .await?;
    sqlx::query("delete from refused_events where id <= $1")
        .bind(newest + rows.len() as i64 - MOST_REFUSED)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// The newest refused events.
pub async fn newest_refused(pool: &AnyPool, most: i64) -> sqlx::Result<Vec<RefusedEvent>> {
    let rows: Vec<(i64, String, String, String, String)> =
        sqlx::query_as("select received_at, source, field, detail, body from refused_events order by id desc limit $1")
            .bind(most)
            .fetch_all(pool)
            .await?;
    Ok(rows
        .into_iter()
        .map(|(received_at, source, field, detail, body)| RefusedEvent {
            received_at: Moment::from_millis(received_at),
            source,
            field,
            detail,
            body,
        })
        .collect())
}
