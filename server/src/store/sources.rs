//! Sources: who sends us events, when each was last heard, and what was refused.

use std::collections::HashMap;

use app::model::moment::Moment;
use sqlx::{AnyPool, Row};

use crate::db::{Batch, Tx, write_rows};

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
#[derive(Debug, Clone, PartialEq)]
pub struct RefusedEvent {
    /// When it was heard.
    pub received_at: Moment,
    /// Whose token brought it.
    pub source: String,
    /// The field that is wrong; empty for the event as a whole.
    pub field: String,
    /// What is wrong with it.
    pub detail: String,
    /// As it came, or its beginning.
    pub body: String,
    /// Whether it is a CloudEvent; else it is one of ours.
    pub is_cloudevent: bool,
    /// How many bytes of it were not kept; none when the body is whole.
    pub left_out: Option<i64>,
}

/// How many events of a source were heard in an hour, and how many of them after one of the same run that happened
/// later.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct HourTally {
    pub events: i64,
    pub reordered: i64,
    /// When the reordered ones had become too many; not written by `add_to_hours`.
    pub disorder_at: Option<i64>,
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
pub fn hear<'q>(batch: &mut Batch<'q>, heard: &'q [SourceRecord]) {
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
    batch.rows(head, 7, tail, heard, |query, s| {
        query
            .bind(s.id.as_str())
            .bind(s.first_heard_at)
            .bind(s.last_heard_at)
            .bind(s.longest_pause)
            .bind(s.accepted)
            .bind(s.duplicates)
            .bind(s.refused)
    });
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
    let head = "insert into refused_events (id, received_at, source, field, detail, body, form, left_out) values";
    write_rows(tx, head, 8, "", &rows, |query, (id, r)| {
        query
            .bind(*id)
            .bind(r.received_at.millis())
            .bind(r.source.as_str())
            .bind(r.field.as_str())
            .bind(r.detail.as_str())
            .bind(r.body.as_str())
            .bind(if r.is_cloudevent { "cloudevent" } else { "native" })
            .bind(r.left_out)
    })
    .await?;
    sqlx::query("delete from refused_events where id <= $1")
        .bind(newest + rows.len() as i64 - MOST_REFUSED)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// A refused event: the number it is kept under, and the event.
pub type RefusedRecord = (i64, RefusedEvent);

fn refused(row: &sqlx::any::AnyRow) -> RefusedRecord {
    let event = RefusedEvent {
        received_at: Moment::from_millis(row.get(1)),
        source: row.get(2),
        field: row.get(3),
        detail: row.get(4),
        body: row.get(5),
        is_cloudevent: row.get::<String, _>(6) == "cloudevent",
        left_out: row.get(7),
    };
    (row.get(0), event)
}

/// The newest refused events, with the first `shown` characters of each; `left_out` still counts bytes that were not
/// kept.
pub async fn newest_refused(pool: &AnyPool, most: i64, shown: i64) -> sqlx::Result<Vec<(RefusedRecord, i64)>> {
    let rows = sqlx::query(
        "select id, received_at, source, field, detail, substr(body, 1, cast($1 as int)), form, left_out,
            cast(length(body) as bigint)
        from refused_events
        order by id desc
        limit $2",
    )
    .bind(shown)
    .bind(most)
    .fetch_all(pool)
    .await?;
    Ok(rows.iter().map(|row| (refused(row), row.get(8))).collect())
}

/// One refused event, whole.
pub async fn find_refused(pool: &AnyPool, id: i64) -> sqlx::Result<Option<RefusedRecord>> {
    let row = sqlx::query(
        "select id, received_at, source, field, detail, body, form, left_out
        from refused_events
        where id = $1",
    )
    .bind(id)
    .fetch_optional(pool)
    .await?;
    Ok(row.as_ref().map(refused))
}

/// Takes a refused event off the list; false when it was not there.
pub async fn remove_refused(tx: &mut Tx, id: i64) -> sqlx::Result<bool> {
    let done = sqlx::query("delete from refused_events where id = $1").bind(id).execute(&mut **tx).await?;
    Ok(done.rows_affected() == 1)
}

/// Says anew why an event is refused; false when it was not there.
pub async fn refuse_again(tx: &mut Tx, id: i64, field: &str, detail: &str) -> sqlx::Result<bool> {
    let done = sqlx::query("update refused_events set field = $1, detail = $2 where id = $3")
        .bind(field)
        .bind(detail)
        .bind(id)
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Adds to the tallies of sources in an hour, by its number since 1970.
pub fn add_to_hours<'q>(batch: &mut Batch<'q>, hours: &'q [(&str, i64, HourTally)]) {
    let head = "insert into source_hours as h (source, hour, events, reordered) values";
    let tail = "on conflict (source, hour) do update set
        events = h.events + excluded.events, reordered = h.reordered + excluded.reordered";
    batch.rows(head, 4, tail, hours, |query, (source, hour, tally)| {
        query.bind(*source).bind(*hour).bind(tally.events).bind(tally.reordered)
    });
}

/// Notes the sources with too many reordered events in an hour: at least so many, and more than one in so many.
pub async fn mark_disorder(tx: &mut Tx, hour: i64, least: i64, one_in: i64, now: Moment) -> sqlx::Result<()> {
    sqlx::query(
        "update source_hours set disorder_at = $1
        where hour = $2 and disorder_at is null and reordered >= $3 and reordered * $4 > events",
    )
    .bind(now.millis())
    .bind(hour)
    .bind(least)
    .bind(one_in)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The tallies of every source since an hour: `(source, hour)` to what was counted.
pub async fn hours_since(pool: &AnyPool, hour: i64) -> sqlx::Result<HashMap<(String, i64), HourTally>> {
    let rows: Vec<(String, i64, i64, i64, Option<i64>)> =
        sqlx::query_as("select source, hour, events, reordered, disorder_at from source_hours where hour >= $1")
            .bind(hour)
            .fetch_all(pool)
            .await?;
    Ok(rows
        .into_iter()
        .map(|(source, hour, events, reordered, disorder_at)| {
            ((source, hour), HourTally { events, reordered, disorder_at })
        })
        .collect())
}

/// Whether there is a tally from before an hour.
pub async fn any_hour_before(pool: &AnyPool, hour: i64) -> sqlx::Result<bool> {
    let row: Option<(i64,)> =
        sqlx::query_as("select hour from source_hours where hour < $1 limit 1").bind(hour).fetch_optional(pool).await?;
    Ok(row.is_some())
}

/// Removes tallies from before an hour, at most so many.
pub async fn forget_hours(tx: &mut Tx, hour: i64, most: i64) -> sqlx::Result<()> {
    sqlx::query(
        "delete from source_hours
        where (source, hour) in (select source, hour from source_hours where hour < $1 order by hour limit $2)",
    )
    .bind(hour)
    .bind(most)
    .execute(&mut **tx)
    .await?;
    Ok(())
}
