//! Runs: one row each, with the folded state they are judged by.

use app::model::judge::Judged;
use app::model::moment::Moment;
use app::model::run::Run;
use app::model::status::State;
use app::model::usual::Start;
use app::pages::runs::RunFilter;
use sqlx::any::AnyRow;
use sqlx::{AnyPool, AssertSqlSafe, Row};

use crate::db::{Asks, Batch, Db, Tx, read_rows};

/// A run as it is stored.
#[derive(Debug, Clone)]
pub struct RunRecord {
    /// Our own key, in the order in which runs were first heard of.
    pub key: i64,
    /// The workflow's id.
    pub workflow: String,
    /// The caller's id.
    pub run: String,
    /// The state of its worst place.
    pub state: State,
    /// Whether anything of it is still watched.
    pub open: bool,
    /// When it ended.
    pub ended_at: Option<Moment>,
    /// The step it is at, or was last; empty when it never named one.
    pub step: String,
    /// What its events add up to.
    pub folded: Run,
}

impl RunRecord {
    /// The same as it is judged.
    pub fn judged(self, judged: &Judged) -> Self {
        Self {
            state: judged.state(),
            open: !judged.watches.is_empty(),
            ended_at: judged.ended_at,
            step: match judged.worst() {
                Some(watch) => watch.step.clone(),
                None => self.folded.visits.last().map(|v| v.step.clone()).unwrap_or_default(),
            },
            ..self
        }
    }
}

const COLUMNS: &str =
    "runs.run_key, runs.workflow, runs.run, runs.state, runs.phase, runs.ended_at, runs.step, runs.folded";

fn record(row: &sqlx::any::AnyRow) -> Option<RunRecord> {
    let folded: String = row.get(7);
    let folded = match serde_json::from_str(&folded) {
        Ok(folded) => folded,
        Err(error) => {
            tracing::error!(%error, run = row.get::<String, _>(2), "a stored run cannot be read");
            return None;
        }
    };
    Some(RunRecord {
        key: row.get(0),
        workflow: row.get(1),
        run: row.get(2),
        state: State::parse(row.get(3)).unwrap_or(State::NoSignal),
        open: row.get::<&str, _>(4) == "open",
        ended_at: row.get::<Option<i64>, _>(5).map(Moment::from_millis),
        step: row.get(6),
        folded,
    })
}

/// Asks for those runs that exist, of these (workflow, run).
pub fn ask_by_ids<'q>(asks: &mut Asks<'q>, ids: &'q [(&str, &str)]) {
    let head = "with wanted (workflow, run) as (values";
    let tail = format!(
        ") select distinct {COLUMNS} from wanted join runs on runs.run = wanted.run and runs.workflow = wanted.workflow"
    );
    asks.rows(head, 2, tail, ids, |query, (workflow, run)| query.bind(*workflow).bind(*run));
}

/// The runs that were found.
pub fn found(rows: &[AnyRow]) -> Vec<RunRecord> {
    rows.iter().filter_map(record).collect()
}

/// The runs with these keys.
pub async fn by_keys(tx: &mut Tx, keys: &[i64]) -> sqlx::Result<Vec<RunRecord>> {
    let head = "with wanted (run_key) as (values";
    let tail = format!(") select distinct {COLUMNS} from wanted join runs on runs.run_key = wanted.run_key");
    let rows = read_rows(tx, head, 1, tail, keys, |query, key| query.bind(*key)).await?;
    Ok(rows.iter().filter_map(record).collect())
}

/// The keys of the runs of a workflow that ended as failed before a moment and are watched since.
pub async fn failed_before(tx: &mut Tx, workflow: &str, moment: Moment) -> sqlx::Result<Vec<i64>> {
    let rows: Vec<(i64,)> = sqlx::query_as(
        "select distinct runs.run_key
        from watches
        join runs on runs.run_key = watches.run_key
        where watches.workflow = $1 and watches.state = 'broken' and runs.ended_at < $2
        order by runs.run_key",
    )
    .bind(workflow)
    .bind(moment.millis())
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|(key,)| key).collect())
}

/// The runs with these few keys, read outside of a transaction.
pub async fn with_keys(db: &Db, keys: &[i64]) -> sqlx::Result<Vec<RunRecord>> {
    let mut tx = db.snapshot().await?;
    let found = by_keys(&mut tx, keys).await?;
    tx.rollback().await?;
    Ok(found)
}

/// Writes runs, new or known.
pub fn put<'q>(batch: &mut Batch<'q>, runs: &'q [RunRecord]) {
    let head = "insert into runs (run_key, workflow, run, state, phase, subject, correlation, trace, started_at, last_at, ended_at, step, folded) values";
    let tail = "on conflict (run_key) do update set
        state = excluded.state, phase = excluded.phase, subject = excluded.subject, correlation = excluded.correlation,
        trace = excluded.trace, started_at = excluded.started_at,
        last_at = excluded.last_at, ended_at = excluded.ended_at, step = excluded.step, folded = excluded.folded";
    batch.rows(head, 13, tail, runs, |query, r| {
        // A fold is plain data: writing it as JSON cannot fail.
        let folded = serde_json::to_string(&r.folded).unwrap_or_default();
        query
            .bind(r.key)
            .bind(r.workflow.as_str())
            .bind(r.run.as_str())
            .bind(r.state.name())
            .bind(if r.open { "open" } else { "ended" })
            .bind(r.folded.subject.as_deref())
            .bind(r.folded.correlation.as_deref())
            .bind(r.folded.trace.as_deref())
            .bind(r.folded.started_at)
            .bind(r.folded.last_at)
            .bind(r.ended_at.map(Moment::millis))
            .bind(r.step.as_str())
            .bind(folded)
    });
}

/// One run by its ids.
pub async fn find(pool: &AnyPool, workflow: &str, run: &str) -> sqlx::Result<Option<RunRecord>> {
    let row = sqlx::query(AssertSqlSafe(format!("select {COLUMNS} from runs where run = $1 and workflow = $2")))
        .bind(run)
        .bind(workflow)
        .fetch_optional(pool)
        .await?;
    Ok(row.as_ref().and_then(record))
}

/// Runs with this id in any workflow.
pub async fn by_run_id(pool: &AnyPool, run: &str, most: i64) -> sqlx::Result<Vec<RunRecord>> {
    let rows =
        sqlx::query(AssertSqlSafe(format!("select {COLUMNS} from runs where run = $1 order by workflow limit $2")))
            .bind(run)
            .bind(most)
            .fetch_all(pool)
            .await?;
    Ok(rows.iter().filter_map(record).collect())
}

/// Runs about this subject, newest first.
pub async fn by_subject(pool: &AnyPool, subject: &str, most: i64) -> sqlx::Result<Vec<RunRecord>> {
    let rows = sqlx::query(AssertSqlSafe(format!(
        "select {COLUMNS} from runs where subject = $1 order by run_key desc limit $2"
    )))
    .bind(subject)
    .bind(most)
    .fetch_all(pool)
    .await?;
    Ok(rows.iter().filter_map(record).collect())
}

/// When the newest runs of a workflow started: id and start, the one that was first heard of last first.
pub async fn newest_starts(pool: &AnyPool, workflow: &str, most: i64) -> sqlx::Result<Vec<Start>> {
    let rows: Vec<(String, i64, Option<String>)> =
        sqlx::query_as("select run, started_at, subject from runs where workflow = $1 order by run_key desc limit $2")
            .bind(workflow)
            .bind(most)
            .fetch_all(pool)
            .await?;
    let start = |(run, started_at, subject)| Start { run, at: Moment::from_millis(started_at), subject };
    Ok(rows.into_iter().map(start).collect())
}

/// A page of a workflow's runs, newest first, before `before`.
pub async fn page(
    pool: &AnyPool,
    workflow: &str,
    filter: RunFilter,
    step: Option<&str>,
    before: i64,
    most: i64,
) -> sqlx::Result<Vec<RunRecord>> {
    let state = match filter {
        RunFilter::Failed => Some(State::Broken),
        RunFilter::Late => Some(State::Late),
        RunFilter::Retrying => Some(State::Retrying),
        RunFilter::All | RunFilter::Open | RunFilter::Ended => None,
    };
    // A step is a place of open runs, so the watches lead; without one the runs do. Ended runs have left every place:
    // theirs is the step that they were at last.
    let sql = match (step, state, filter) {
        (Some(_), _, RunFilter::Ended) => format!(
            "select {COLUMNS} from runs where workflow = $1 and step = $4 and phase = 'ended' and run_key < $2
            order by run_key desc limit $3"
        ),
        (Some(_), _, _) => format!(
            "select {COLUMNS} from watches w join runs on runs.run_key = w.run_key
            where w.workflow = $1 and w.step = $4 and (w.state = $5 or $5 = '') and w.run_key < $2
            order by w.run_key desc limit $3"
        ),
        (None, Some(_), _) => format!(
            "select {COLUMNS} from runs where workflow = $1 and state = $4 and phase = 'open' and run_key < $2
            order by run_key desc limit $3"
        ),
        (None, None, RunFilter::Open) => format!(
            "select {COLUMNS} from runs where workflow = $1 and phase = 'open' and run_key < $2
            order by run_key desc limit $3"
        ),
        (None, None, RunFilter::Ended) => format!(
            "select {COLUMNS} from runs where workflow = $1 and phase = 'ended' and run_key < $2
            order by run_key desc limit $3"
        ),
        (None, None, _) => {
            format!("select {COLUMNS} from runs where workflow = $1 and run_key < $2 order by run_key desc limit $3")
        }
    };
    let mut query = sqlx::query(AssertSqlSafe(sql)).bind(workflow).bind(before).bind(most);
    let state = state.map(State::name);
    query = match step {
        Some(step) if filter == RunFilter::Ended => query.bind(step),
        Some(step) => query.bind(step).bind(state.unwrap_or("")),
        None => match state {
            Some(state) => query.bind(state),
            None => query,
        },
    };
    Ok(query.fetch_all(pool).await?.iter().filter_map(record).collect())
}

/// Keys of open runs of a workflow after `after`: for judging them anew when its expectations changed.
pub async fn open_keys(tx: &mut Tx, workflow: &str, after: i64, most: i64) -> sqlx::Result<Vec<i64>> {
    let rows: Vec<(i64,)> = sqlx::query_as(
        "select run_key from runs where workflow = $1 and phase = 'open' and run_key > $2 order by run_key limit $3",
    )
    .bind(workflow)
    .bind(after)
    .bind(most)
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|(key,)| key).collect())
}
