//! The feed: every accepted event at its position, in the order of commits.

use std::collections::HashMap;

use app::model::event::{Event, Identity};
use app::model::moment::Moment;
use app::model::run::Heard;
use app::model::story::Stored;
use sqlx::any::AnyRow;
use sqlx::{AnyPool, AssertSqlSafe, Row};

use crate::db::{Asks, Batch, Tx, write_rows};

/// The last numbers given out.
#[derive(Debug, Clone, Copy)]
pub struct Counters {
    /// The position of the newest event.
    pub position: i64,
    /// The key of the newest run.
    pub run_key: i64,
}

/// An event to be written.
#[derive(Debug)]
pub struct NewEvent<'a> {
    /// Its position.
    pub position: i64,
    /// The event.
    pub event: &'a Event,
    /// When it was heard.
    pub received_at: Moment,
    /// The run it belongs to.
    pub run_key: Option<i64>,
    /// The component, queue or system that it is about, for families other than step and run.
    pub about: Option<&'a str>,
    /// How often it was sent in this batch.
    pub repeats: i64,
}

/// Takes the counters and with them the turn to write: other writers wait until this transaction ends.
pub async fn take_turn(tx: &mut Tx) -> sqlx::Result<Counters> {
    let (position, run_key) =
        sqlx::query_as("update feed set position = position where id = 1 returning position, run_key")
            .fetch_one(&mut **tx)
            .await?;
    Ok(Counters { position, run_key })
}

/// Asks for the turn to write, and for numbers for at most this many events and runs. Positions that are not used must be
/// given back; gaps among run keys harm nobody.
pub fn ask_for_numbers<'q>(asks: &mut Asks<'q>, most: &'q i64) {
    let update = ") update feed
        set position = position + (select n from taken), run_key = run_key + (select n from taken)
        where id = 1
        returning position, run_key";
    asks.rows("with taken (n) as (values", 1, update, std::slice::from_ref(most), |query, n| query.bind(*n));
}

/// The counters, as they were before these numbers were taken.
pub fn counters(rows: &[AnyRow], taken: i64) -> sqlx::Result<Counters> {
    let row = rows.first().ok_or(sqlx::Error::RowNotFound)?;
    Ok(Counters { position: row.get::<i64, _>(0) - taken, run_key: row.get::<i64, _>(1) - taken })
}

/// Gives back the positions after the last one that was used, so that the feed has no gaps.
pub async fn give_back_positions(tx: &mut Tx, last: i64) -> sqlx::Result<()> {
    sqlx::query("update feed set position = $1 where id = 1").bind(last).execute(&mut **tx).await?;
    Ok(())
}

/// The position of the newest event.
pub async fn newest(pool: &AnyPool) -> sqlx::Result<i64> {
    let (position,) = sqlx::query_as("select position from feed where id = 1").fetch_one(pool).await?;
    Ok(position)
}

/// Asks for the positions of those identities that were seen before.
pub fn ask_seen<'q>(asks: &mut Asks<'q>, identities: &'q [Identity]) {
    let head = "with wanted (identity) as (values";
    let tail =
        ") select e.identity, e.identity_check, e.position from wanted join events e on e.identity = wanted.identity";
    asks.rows(head, 1, tail, identities, |query, identity| query.bind(identity.key));
}

/// The positions of those identities that were seen before.
pub fn seen(rows: &[AnyRow]) -> HashMap<Identity, i64> {
    rows.iter().map(|row| (Identity { key: row.get(0), check: row.get(1) }, row.get(2))).collect()
}

/// When an event was heard, if it was.
pub async fn heard_at(pool: &AnyPool, identity: Identity) -> sqlx::Result<Option<Moment>> {
    let rows: Vec<(i64, i64)> = sqlx::query_as("select identity_check, received_at from events where identity = $1")
        .bind(identity.key)
        .fetch_all(pool)
        .await?;
    let found = rows.into_iter().find(|(check, _)| *check == identity.check);
    Ok(found.map(|(_, received_at)| Moment::from_millis(received_at)))
}

/// Events that were sent again: (position, when, how often).
pub async fn add_repeats(tx: &mut Tx, repeats: &[(i64, Moment, i64)]) -> sqlx::Result<()> {
    for (position, _, times) in repeats {
        sqlx::query("update events set repeats = repeats + $1 where position = $2")
            .bind(*times)
            .bind(*position)
            .execute(&mut **tx)
            .await?;
    }
    let head = "insert into repeats as r (position, received_at, times) values";
    let tail = "on conflict (position, received_at) do update set times = r.times + excluded.times";
    write_rows(tx, head, 3, tail, repeats, |query, (position, received_at, times)| {
        query.bind(*position).bind(received_at.millis()).bind(*times)
    })
    .await
}

/// Appends events.
pub fn append<'q>(batch: &mut Batch<'q>, events: &'q [NewEvent<'_>]) {
    let head = "insert into events (position, identity, identity_check, received_at, happened_at, family, source, run_key, about, repeats, body) values";
    batch.rows(head, 11, "", events, |query, e| {
        query
            .bind(e.position)
            .bind(e.event.identity.key)
            .bind(e.event.identity.check)
            .bind(e.received_at.millis())
            .bind(e.event.time.millis())
            .bind(e.event.family().name())
            .bind(e.event.source.as_str())
            .bind(e.run_key)
            .bind(e.about)
            .bind(e.repeats)
            .bind(e.event.body.as_str())
    });
}

/// Every event of one run: what it is folded from again when one arrives out of order.
pub async fn of_run(tx: &mut Tx, run_key: i64) -> sqlx::Result<Vec<Heard>> {
    let rows: Vec<(i64, String)> =
        sqlx::query_as("select received_at, body from events where run_key = $1 order by position")
            .bind(run_key)
            .fetch_all(&mut **tx)
            .await?;
    Ok(rows.into_iter().filter_map(|(received_at, body)| heard(received_at, &body)).collect())
}

/// The newest events of one run, at most `most`, oldest of them first.
pub async fn newest_of_run(pool: &AnyPool, run_key: i64, most: i64) -> sqlx::Result<Vec<Stored>> {
    let rows: Vec<(i64, i64, i64, String)> = sqlx::query_as(
        "select position, received_at, repeats, body
        from events
        where run_key = $1
        order by position desc
        limit $2",
    )
    .bind(run_key)
    .bind(most)
    .fetch_all(pool)
    .await?;
    let stored = |(position, received_at, repeats, body): (i64, i64, i64, String)| {
        Some(Stored { position, heard: heard(received_at, &body)?, repeats })
    };
    Ok(rows.into_iter().rev().filter_map(stored).collect())
}

/// How often the event `e` had been sent by `$2`.
const REPEATS_BY: &str = "e.repeats - (
    select coalesce(cast(sum(r.times) as bigint), 0)
    from repeats r
    where r.position = e.position and r.received_at > $2
)";

/// Every event of one run that had been heard by a moment, oldest first, with how often it had been sent by then.
pub async fn of_run_by(pool: &AnyPool, run_key: i64, by: Moment) -> sqlx::Result<Vec<Stored>> {
    let sql = format!(
        "select e.position, e.received_at, {REPEATS_BY}, e.body
        from events e
        where e.run_key = $1 and e.received_at <= $2
        order by e.position"
    );
    let rows: Vec<(i64, i64, i64, String)> =
        sqlx::query_as(AssertSqlSafe(sql)).bind(run_key).bind(by.millis()).fetch_all(pool).await?;
    let stored = |(position, received_at, repeats, body): (i64, i64, i64, String)| {
        Some(Stored { position, heard: heard(received_at, &body)?, repeats })
    };
    Ok(rows.into_iter().filter_map(stored).collect())
}

/// When a run was first heard of.
pub async fn run_heard_at(pool: &AnyPool, run_key: i64) -> sqlx::Result<Option<Moment>> {
    let (first,): (Option<i64>,) =
        sqlx::query_as("select min(received_at) from events where run_key = $1").bind(run_key).fetch_one(pool).await?;
    Ok(first.map(Moment::from_millis))
}

/// When anything about one component, queue or system was first heard.
pub async fn about_heard_at(pool: &AnyPool, about: &str) -> sqlx::Result<Option<Moment>> {
    let (first,): (Option<i64>,) =
        sqlx::query_as("select min(received_at) from events where about = $1").bind(about).fetch_one(pool).await?;
    Ok(first.map(Moment::from_millis))
}

fn heard(received_at: i64, body: &str) -> Option<Heard> {
    match Event::stored(body) {
        Ok(event) => Some(Heard { event, received_at: Moment::from_millis(received_at) }),
        Err(refusal) => {
            tracing::error!(field = refusal.field, detail = refusal.detail, "a stored event cannot be read");
            None
        }
    }
}

/// An event as it lies in the feed.
#[derive(Debug, Clone, sqlx::FromRow)]
#[allow(missing_docs)]
pub struct FeedRow {
    pub position: i64,
    pub happened_at: i64,
    pub received_at: i64,
    pub source: String,
    pub family: String,
    pub repeats: i64,
    pub body: String,
}

/// The events after a position, oldest first.
pub async fn after(pool: &AnyPool, position: i64, most: i64) -> sqlx::Result<Vec<FeedRow>> {
    sqlx::query_as(
        "select position, happened_at, received_at, source, family, repeats, body
        from events
        where position > $1
        order by position
        limit $2",
    )
    .bind(position)
    .bind(most)
    .fetch_all(pool)
    .await
}

/// The newest events about one component, queue or system.
pub async fn newest_about(pool: &AnyPool, about: &str, most: i64) -> sqlx::Result<Vec<FeedRow>> {
    sqlx::query_as(
        "select position, happened_at, received_at, source, family, repeats, body
        from events
        where about = $1
        order by received_at desc, position desc
        limit $2",
    )
    .bind(about)
    .bind(most)
    .fetch_all(pool)
    .await
}

/// The newest events about one component, queue or system that had been heard by a moment, with how often each had
/// been sent by then.
pub async fn newest_about_by(pool: &AnyPool, about: &str, by: Moment, most: i64) -> sqlx::Result<Vec<FeedRow>> {
    let sql = format!(
        "select e.position, e.happened_at, e.received_at, e.source, e.family, {REPEATS_BY} as repeats, e.body
        from events e
        where e.about = $1 and e.received_at <= $2
        order by e.received_at desc, e.position desc
        limit $3"
    );
    sqlx::query_as(AssertSqlSafe(sql)).bind(about).bind(by.millis()).bind(most).fetch_all(pool).await
}

/// The newest reports of a queue that were heard between two moments, the last one heard first.
pub async fn queue_reports(
    pool: &AnyPool,
    queue: &str,
    (from, by): (Moment, Moment),
    most: i64,
) -> sqlx::Result<Vec<Heard>> {
    let rows: Vec<(i64, String)> = sqlx::query_as(
        "select received_at, body
        from events
        where about = $1 and received_at >= $2 and received_at <= $3 and family = 'queue'
        order by received_at desc, position desc
        limit $4",
    )
    .bind(queue)
    .bind(from.millis())
    .bind(by.millis())
    .bind(most)
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().filter_map(|(received_at, body)| heard(received_at, &body)).collect())
}

/// The newest events that are kept but move no run (queue, signal, change, record).
pub async fn newest_others(pool: &AnyPool, most: i64) -> sqlx::Result<Vec<FeedRow>> {
    sqlx::query_as(
        "select position, happened_at, received_at, source, family, repeats, body
        from events
        where run_key is null and about is not null
        order by position desc
        limit $1",
    )
    .bind(most)
    .fetch_all(pool)
    .await
}
