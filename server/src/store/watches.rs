//! Watches: where open runs are, in which state, and when each must be looked at again.

use std::collections::HashMap;

use app::model::judge::Watch;
use app::model::moment::Moment;
use app::model::problem::{Helpless, Kind};
use app::model::status::State;
use sqlx::any::AnyRow;
use sqlx::{AnyPool, AssertSqlSafe, Row};

use crate::db::{Asks, Batch, Tx, read_rows};

const COLUMNS: &str = "watches.run_key, watches.step, watches.state, watches.since, watches.due_at,
    watches.between_steps, watches.next_attempt_at, watches.gives_up_at, watches.attempt, watches.error,
    watches.kind, watches.cause, watches.helpless, watches.trying_again";

fn watch(row: &sqlx::any::AnyRow) -> (i64, Watch) {
    let moment = |at: Option<i64>| at.map(Moment::from_millis);
    let watch = Watch {
        step: row.get(1),
        state: State::parse(row.get(2)).unwrap_or(State::NoSignal),
        since: Moment::from_millis(row.get(3)),
        due_at: moment(row.get(4)),
        between: row.get::<Option<i64>, _>(5).is_some(),
        next_attempt_at: moment(row.get(6)),
        gives_up_at: moment(row.get(7)),
        attempt: u32::try_from(row.get::<i64, _>(8)).unwrap_or(1),
        error: row.get(9),
        kind: row.get::<Option<&str>, _>(10).and_then(Kind::parse),
        cause: row.get(11),
        helpless: row.get::<Option<&str>, _>(12).and_then(Helpless::parse),
        trying_again: row.get::<Option<i64>, _>(13).is_some(),
    };
    (row.get(0), watch)
}

/// The watches of these runs, by run key.
pub async fn of_runs(tx: &mut Tx, keys: &[i64]) -> sqlx::Result<HashMap<i64, Vec<Watch>>> {
    let head = "with wanted (run_key) as (values";
    let tail = format!(") select distinct {COLUMNS} from wanted join watches on watches.run_key = wanted.run_key");
    Ok(by_run(&read_rows(tx, head, 1, tail, keys, |query, key| query.bind(*key)).await?))
}

/// Asks for the watches of these (workflow, run).
pub fn ask_of_runs<'q>(asks: &mut Asks<'q>, ids: &'q [(&str, &str)]) {
    let head = "with wanted (workflow, run) as (values";
    let tail = format!(
        ") select distinct {COLUMNS} from wanted
        join runs on runs.run = wanted.run and runs.workflow = wanted.workflow
        join watches on watches.run_key = runs.run_key"
    );
    asks.rows(head, 2, tail, ids, |query, (workflow, run)| query.bind(*workflow).bind(*run));
}

/// The watches that were found, by run key.
pub fn by_run(rows: &[AnyRow]) -> HashMap<i64, Vec<Watch>> {
    let mut found: HashMap<i64, Vec<Watch>> = HashMap::new();
    for (key, watch) in rows.iter().map(watch) {
        found.entry(key).or_default().push(watch);
    }
    found
}

/// Ends every watch of these runs. By run alone: SQLite searches an index for single values, not for pairs.
pub fn end<'q>(batch: &mut Batch<'q>, runs: &'q [i64]) {
    batch.rows("delete from watches where run_key in (values", 1, ")", runs, |query, key| query.bind(*key));
}

/// Begins or changes watches: (run key, workflow, watch).
pub fn put<'q>(batch: &mut Batch<'q>, watches: &'q [(i64, String, Watch)]) {
    let head = "insert into watches (run_key, step, workflow, state, since, due_at, between_steps, next_attempt_at, gives_up_at, attempt, error, kind, cause, helpless, trying_again) values";
    let tail = "on conflict (run_key, step) do update set
        state = excluded.state, since = excluded.since, due_at = excluded.due_at,
        between_steps = excluded.between_steps, next_attempt_at = excluded.next_attempt_at,
        gives_up_at = excluded.gives_up_at, attempt = excluded.attempt, error = excluded.error,
        kind = excluded.kind, cause = excluded.cause, helpless = excluded.helpless,
        trying_again = excluded.trying_again";
    batch.rows(head, 15, tail, watches, |query, (key, workflow, w)| {
        query
            .bind(*key)
            .bind(w.step.as_str())
            .bind(workflow.as_str())
            .bind(w.state.name())
            .bind(w.since.millis())
            .bind(w.due_at.map(Moment::millis))
            .bind(w.between.then_some(1i64))
            .bind(w.next_attempt_at.map(Moment::millis))
            .bind(w.gives_up_at.map(Moment::millis))
            .bind(i64::from(w.attempt))
            .bind(w.error.as_str())
            .bind(w.kind.map(Kind::name))
            .bind(w.cause.as_str())
            .bind(w.helpless.map(Helpless::name))
            .bind(w.trying_again.then_some(1i64))
    });
}

/// Makes every watch of these workflows due, so that whoever judges next judges their open runs anew.
pub async fn due_at(tx: &mut Tx, workflows: &[&str], at: Moment) -> sqlx::Result<()> {
    for workflow in workflows {
        sqlx::query("update watches set due_at = $1 where workflow = $2")
            .bind(at.millis())
            .bind(*workflow)
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}

/// The earliest moment at which any watch must be looked at.
pub async fn next_due(pool: &AnyPool) -> sqlx::Result<Option<Moment>> {
    let row: Option<(i64,)> =
        sqlx::query_as("select due_at from watches where due_at is not null order by due_at limit 1")
            .fetch_optional(pool)
            .await?;
    Ok(row.map(|(due,)| Moment::from_millis(due)))
}

/// The keys of runs with a watch that is due, longest due first.
pub async fn due(tx: &mut Tx, now: Moment, most: i64) -> sqlx::Result<Vec<i64>> {
    let rows: Vec<(i64,)> = sqlx::query_as(
        "select run_key from watches where due_at is not null and due_at <= $1 order by due_at limit $2",
    )
    .bind(now.millis())
    .bind(most)
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|(key,)| key).collect())
}

/// The oldest watch in one state at one step.
pub async fn oldest(pool: &AnyPool, workflow: &str, step: &str, state: State) -> sqlx::Result<Option<Watch>> {
    let sql = format!(
        "select {COLUMNS} from watches where workflow = $1 and step = $2 and state = $3 order by since limit 1"
    );
    let row = sqlx::query(AssertSqlSafe(sql)).bind(workflow).bind(step).bind(state.name()).fetch_optional(pool).await?;
    Ok(row.as_ref().map(|row| watch(row).1))
}

/// The oldest watch in one state with one cause at one step.
pub async fn oldest_of_cause(
    pool: &AnyPool,
    workflow: &str,
    step: &str,
    cause: &str,
    state: State,
) -> sqlx::Result<Option<Watch>> {
    let sql = format!(
        "select {COLUMNS} from watches
        where workflow = $1 and step = $2 and cause = $3 and state = $4 and state <> 'on_track'
        order by since
        limit 1"
    );
    let query = sqlx::query(AssertSqlSafe(sql)).bind(workflow).bind(step).bind(cause).bind(state.name());
    Ok(query.fetch_optional(pool).await?.as_ref().map(|row| watch(row).1))
}

/// Some of the runs with one cause at one step, oldest first: (run, subject).
pub async fn some_of_cause(
    pool: &AnyPool,
    workflow: &str,
    step: &str,
    cause: &str,
    most: i64,
) -> sqlx::Result<Vec<(String, Option<String>)>> {
    sqlx::query_as(
        "select runs.run, runs.subject
        from watches
        join runs on runs.run_key = watches.run_key
        where watches.workflow = $1 and watches.step = $2 and watches.cause = $3 and watches.state <> 'on_track'
        order by watches.run_key
        limit $4",
    )
    .bind(workflow)
    .bind(step)
    .bind(cause)
    .bind(most)
    .fetch_all(pool)
    .await
}
