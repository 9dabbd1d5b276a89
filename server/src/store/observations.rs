//! Observations: what was seen and is in no book, open, ignored or over.

use app::model::moment::Moment;
use app::model::undocumented::{Ignored, Observation, Sighting};
use sqlx::any::AnyRow;
use sqlx::{Any, AnyPool, AssertSqlSafe, Executor, Row};

use crate::db::{Tx, write_rows};

const COLUMNS: &str = "id, workflow, sight, declared, observed, first_seen, last_seen, times, run, ignored_by, ignored_at, reason, ended_at, ended";

fn observation(row: &AnyRow) -> Option<Observation> {
    let ignored = row.get::<Option<i64>, _>(10).map(|at| Ignored {
        by: row.get::<Option<String>, _>(9).unwrap_or_default(),
        at: Moment::from_millis(at),
        reason: row.get::<Option<String>, _>(11).unwrap_or_default(),
    });
    let ended = row.get::<Option<i64>, _>(12);
    Some(Observation {
        id: row.get(0),
        workflow: row.get(1),
        sight: serde_json::from_str(row.get(2)).ok()?,
        declared: row.get(3),
        value: row.get(4),
        first_seen: Moment::from_millis(row.get(5)),
        last_seen: Moment::from_millis(row.get(6)),
        count: row.get(7),
        run: row.get(8),
        ignored,
        ended: ended.map(|at| (Moment::from_millis(at), row.get::<Option<String>, _>(13).unwrap_or_default())),
    })
}

/// All that are not over, the ignored ones too, oldest first.
pub async fn open<'c>(db: impl Executor<'c, Database = Any>) -> sqlx::Result<Vec<Observation>> {
    let sql = format!("select {COLUMNS} from observations where ended_at is null order by id");
    Ok(sqlx::query(AssertSqlSafe(sql)).fetch_all(db).await?.iter().filter_map(observation).collect())
}

/// How many of each workflow wait for an answer.
pub async fn waiting(pool: &AnyPool) -> sqlx::Result<Vec<(String, i64)>> {
    sqlx::query_as(
        "select workflow, cast(count(*) as bigint)
        from observations
        where ended_at is null and ignored_at is null
        group by workflow
        order by workflow",
    )
    .fetch_all(pool)
    .await
}

/// One of them.
pub async fn find<'c>(db: impl Executor<'c, Database = Any>, id: i64) -> sqlx::Result<Option<Observation>> {
    let sql = format!("select {COLUMNS} from observations where id = $1");
    Ok(sqlx::query(AssertSqlSafe(sql)).bind(id).fetch_optional(db).await?.as_ref().and_then(observation))
}

/// Keeps what begins; `declared` is what the book says of each. The caller holds the turn to write.
pub async fn begin(tx: &mut Tx, begun: &[(&Sighting, String)], now: Moment) -> sqlx::Result<()> {
    let (newest,): (i64,) =
        sqlx::query_as("select coalesce(max(id), 0) from observations").fetch_one(&mut **tx).await?;
    let rows: Vec<_> = (newest + 1..).zip(begun).collect();
    let head = "insert into observations (id, workflow, reference, field, sight, declared, observed, first_seen, last_seen, times, run) values";
    write_rows(tx, head, 11, "", &rows, |query, (id, (seen, declared))| {
        // Plain data: writing it as JSON cannot fail.
        let sight = serde_json::to_string(&seen.sight).unwrap_or_default();
        query
            .bind(*id)
            .bind(seen.workflow.as_str())
            .bind(seen.sight.part(&seen.workflow).to_string())
            .bind(seen.sight.field())
            .bind(sight)
            .bind(declared.as_str())
            .bind(seen.sight.value())
            .bind(seen.since.millis())
            .bind(now.millis())
            .bind(seen.count)
            .bind(seen.run.as_deref())
    })
    .await
}

/// Keeps how often it was seen lately, and a run that shows it where none is known.
pub async fn see(tx: &mut Tx, id: i64, times: i64, run: Option<&str>, now: Moment) -> sqlx::Result<()> {
    sqlx::query("update observations set times = $1, last_seen = $2, run = coalesce(run, $3) where id = $4")
        .bind(times)
        .bind(now.millis())
        .bind(run)
        .bind(id)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Ends it.
pub async fn end(tx: &mut Tx, id: i64, why: &str, now: Moment) -> sqlx::Result<()> {
    sqlx::query("update observations set ended_at = $1, ended = $2 where id = $3 and ended_at is null")
        .bind(now.millis())
        .bind(why)
        .bind(id)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Says that it needs no answer, or that it does after all.
pub async fn ignore(tx: &mut Tx, id: i64, ignored: Option<&Ignored>) -> sqlx::Result<()> {
    sqlx::query("update observations set ignored_by = $1, ignored_at = $2, reason = $3 where id = $4")
        .bind(ignored.map(|i| i.by.as_str()))
        .bind(ignored.map(|i| i.at.millis()))
        .bind(ignored.map(|i| i.reason.as_str()))
        .bind(id)
        .execute(&mut **tx)
        .await?;
    Ok(())
}
