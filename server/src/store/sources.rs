//! Sources: who sends us events, when each was last heard, and what was refused.

use app::model::moment::Moment;
use sqlx::{AnyPool, Row};

use crate::db::{Tx, write_rows};

/// A source as it is stored.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs)]
pub struct SourceRecord {
    pub id: String,
    pub first_heard_at: i64,
    pub last_heard_at: i64,
    /// The longest usual pause between two words, in milliseconds; fades by a fourteenth a day, so that an outage of
    /// some weeks ago is no excuse for a silence today.
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

/// Takes in what was heard of sources, in one statement: when (the newest), and how many of each more. A pause longer
/// than the longest, which fades by a fourteenth of itself a day, becomes the longest.
pub async fn hear(tx: &mut Tx, heard: &[SourceRecord]) -> sqlx::Result<()> {
    let head = "insert into sources as s (id, first_heard_at, last_heard_at, longest_pause, accepted, duplicates, refused) values";
    let tail = format!(
        "on conflict (id) do update set
        longest_pause = case
            when excluded.last_heard_at - s.last_heard_at > {FADED} then excluded.last_heard_at - s.last_heard_at
            else {FADED} end,
        last_heard_at = case when excluded.last_heard_at > s.last_heard_at
            then excluded.last_heard_at else s.last_heard_at end,
        accepted = s.accepted + excluded.accepted,
        duplicates = s.duplicates + excluded.duplicates,
        refused = s.refused + excluded.refused"
    );
    write_rows(tx, head, 7, &tail, heard, |query, s| {
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

/// The longest pause as it has faded by now: 14 days are 1,209,600,000 ms.
const FADED: &str = "cast(case when excluded.last_heard_at > s.last_heard_at
            then s.longest_pause * (1.0 - (excluded.last_heard_at - s.last_heard_at) / 1209600000.0)
            else s.longest_pause end as bigint)";

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
