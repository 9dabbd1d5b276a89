//! Tallies: what is known of a workflow and its steps without counting rows.

use std::collections::HashMap;

use app::model::moment::Moment;
use app::model::status::State;
use app::pages::workflow::{ObservedEdge, ObservedStep, StepCount};
use sqlx::{AnyPool, AssertSqlSafe, Row};

use crate::db::{Batch, Tx, write_rows};

/// How many are in each state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Counts {
    pub on_track: i64,
    pub retrying: i64,
    pub late: i64,
    pub broken: i64,
}

impl Counts {
    /// Counts one more (or fewer) in a state.
    pub fn add(&mut self, state: State, by: i64) {
        match state {
            State::OnTrack => self.on_track += by,
            State::Retrying => self.retrying += by,
            State::Late => self.late += by,
            State::Broken => self.broken += by,
            // No single run is paused or without signal: these are verdicts on a workflow.
            State::Paused | State::NoSignal => {}
        }
    }

    /// How many are in a state.
    pub fn of(self, state: State) -> i64 {
        match state {
            State::OnTrack => self.on_track,
            State::Retrying => self.retrying,
            State::Late => self.late,
            State::Broken => self.broken,
            State::Paused | State::NoSignal => 0,
        }
    }

    /// The worst state that any is in; On track when there is none.
    pub fn worst(self) -> State {
        match self {
            Self { broken: 1.., .. } => State::Broken,
            Self { late: 1.., .. } => State::Late,
            Self { retrying: 1.., .. } => State::Retrying,
            _ => State::OnTrack,
        }
    }

    /// All of them.
    pub fn total(self) -> i64 {
        self.on_track + self.retrying + self.late + self.broken
    }
}

/// What is known of a workflow; as a change, what is added to it.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs)]
pub struct WorkflowTally {
    pub runs: i64,
    pub events: i64,
    pub ended: i64,
    /// Open runs by the state of their worst place.
    pub open: Counts,
    pub last_started_at: Option<i64>,
    pub last_ended_at: Option<i64>,
    /// When the newest of its events happened: an import of old ones is heard today and says nothing about today.
    pub last_happened_at: Option<i64>,
    pub last_heard_at: i64,
    pub last_source: String,
}

/// What is known of a step; as a change, what is added to it.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs)]
pub struct StepTally {
    pub visits: i64,
    pub starts: i64,
    pub ends: i64,
    pub first_seen: Option<i64>,
    pub last_seen: Option<i64>,
    /// Watches at this step by state.
    pub here: Counts,
}

/// What is known of one step: its (workflow, step), and the tally.
pub type StepRow = ((String, String), StepTally);

/// Adds to what is known of workflows.
pub fn add_to_workflows<'q>(batch: &mut Batch<'q>, changes: &'q [(String, WorkflowTally)]) {
    let head = "insert into workflow_tallies as t (workflow, runs, events, ended, on_track, retrying, late, broken, last_started_at, last_ended_at, last_happened_at, last_heard_at, last_source) values";
    let tail = "on conflict (workflow) do update set
        runs = t.runs + excluded.runs,
        events = t.events + excluded.events,
        ended = t.ended + excluded.ended,
        on_track = t.on_track + excluded.on_track,
        retrying = t.retrying + excluded.retrying,
        late = t.late + excluded.late,
        broken = t.broken + excluded.broken,
        last_started_at = case when t.last_started_at is null or excluded.last_started_at > t.last_started_at
            then excluded.last_started_at else t.last_started_at end,
        last_ended_at = case when t.last_ended_at is null or excluded.last_ended_at > t.last_ended_at
            then excluded.last_ended_at else t.last_ended_at end,
        last_happened_at = case when t.last_happened_at is null or excluded.last_happened_at > t.last_happened_at
            then excluded.last_happened_at else t.last_happened_at end,
        last_source = case when excluded.last_heard_at >= t.last_heard_at and excluded.last_source <> ''
            then excluded.last_source else t.last_source end,
        last_heard_at = case when excluded.last_heard_at > t.last_heard_at
            then excluded.last_heard_at else t.last_heard_at end";
    batch.rows(head, 13, tail, changes, |query, (workflow, t)| {
        query
            .bind(workflow.as_str())
            .bind(t.runs)
            .bind(t.events)
            .bind(t.ended)
            .bind(t.open.on_track)
            .bind(t.open.retrying)
            .bind(t.open.late)
            .bind(t.open.broken)
            .bind(t.last_started_at)
            .bind(t.last_ended_at)
            .bind(t.last_happened_at)
            .bind(t.last_heard_at)
            .bind(t.last_source.as_str())
    });
}

/// Adds to what is known of steps: ((workflow, step), change). One that is new was first heard of at `now`.
pub fn add_to_steps<'q>(batch: &mut Batch<'q>, changes: &'q [StepRow], now: Moment) {
    let head = "insert into step_tallies as t (workflow, step, visits, starts, ends, first_seen, last_seen, on_track, retrying, late, broken, heard_at) values";
    let tail = "on conflict (workflow, step) do update set
        visits = t.visits + excluded.visits,
        starts = t.starts + excluded.starts,
        ends = t.ends + excluded.ends,
        first_seen = case when excluded.first_seen < t.first_seen then excluded.first_seen else t.first_seen end,
        last_seen = case when excluded.last_seen > t.last_seen then excluded.last_seen else t.last_seen end,
        on_track = t.on_track + excluded.on_track,
        retrying = t.retrying + excluded.retrying,
        late = t.late + excluded.late,
        broken = t.broken + excluded.broken";
    batch.rows(head, 12, tail, changes, move |query, ((workflow, step), t)| {
        query
            .bind(workflow.as_str())
            .bind(step.as_str())
            .bind(t.visits)
            .bind(t.starts)
            .bind(t.ends)
            // A change that only moves counts of a known step says nothing of when it was seen.
            .bind(t.first_seen.unwrap_or(i64::MAX))
            .bind(t.last_seen.unwrap_or(i64::MIN))
            .bind(t.here.on_track)
            .bind(t.here.retrying)
            .bind(t.here.late)
            .bind(t.here.broken)
            .bind(now.millis())
    });
}

/// Keeps how many are not well at these steps from `now` on: (workflow, step).
pub async fn keep_steps(tx: &mut Tx, steps: &[(String, String)], now: Moment) -> sqlx::Result<()> {
    let tail = ") insert into former_steps (workflow, step, at, retrying, late, broken, since)
        select t.workflow, t.step, wanted.at, t.retrying, t.late, t.broken,
            (
                select min(w.since)
                from watches w
                where w.workflow = t.workflow and w.step = t.step and w.state = case
                    when t.broken > 0 then 'broken' when t.late > 0 then 'late' else 'retrying' end
            )
        from wanted
        join step_tallies t on t.workflow = wanted.workflow and t.step = wanted.step
        where true
        on conflict (workflow, step, at) do update set
            retrying = excluded.retrying, late = excluded.late, broken = excluded.broken, since = excluded.since";
    let head = "with wanted (workflow, step, at) as (values";
    write_rows(tx, head, 3, tail, steps, |query, (workflow, step)| {
        query.bind(workflow.as_str()).bind(step.as_str()).bind(now.millis())
    })
    .await
}

/// What was known at a moment of each step that had been heard of: how many were not well, and since when the oldest of
/// those in the worst state was. How many were on track is not kept.
pub async fn steps_at(pool: &AnyPool, at: Moment) -> sqlx::Result<Vec<(StepRow, Option<Moment>)>> {
    let rows = sqlx::query(
        "select t.workflow, t.step, f.retrying, f.late, f.broken, f.since
        from step_tallies t
        left join former_steps f on f.workflow = t.workflow and f.step = t.step and f.at = (
            select max(b.at)
            from former_steps b
            where b.workflow = t.workflow and b.step = t.step and b.at <= $1
        )
        where t.heard_at <= $1 and t.visits > 0",
    )
    .bind(at.millis())
    .fetch_all(pool)
    .await?;
    let count = |row: &sqlx::any::AnyRow, column: usize| row.get::<Option<i64>, _>(column).unwrap_or_default();
    Ok(rows
        .iter()
        .map(|row| {
            let here = Counts { on_track: 0, retrying: count(row, 2), late: count(row, 3), broken: count(row, 4) };
            let since = row.get::<Option<i64>, _>(5).map(Moment::from_millis);
            (((row.get(0), row.get(1)), StepTally { visits: 1, here, ..StepTally::default() }), since)
        })
        .collect())
}

/// Adds to what is known of edges: (workflow, from, to, passages, last seen).
pub fn add_to_edges<'q>(batch: &mut Batch<'q>, changes: &'q [(String, String, String, i64, i64)]) {
    let head = "insert into edge_tallies as t (workflow, from_step, to_step, passages, last_seen) values";
    let tail = "on conflict (workflow, from_step, to_step) do update set
        passages = t.passages + excluded.passages,
        last_seen = case when excluded.last_seen > t.last_seen then excluded.last_seen else t.last_seen end";
    batch.rows(head, 5, tail, changes, |query, (workflow, from, to, passages, last_seen)| {
        query.bind(workflow.as_str()).bind(from.as_str()).bind(to.as_str()).bind(*passages).bind(*last_seen)
    });
}

const WORKFLOW: &str = "workflow, runs, events, ended, on_track, retrying, late, broken,
    last_started_at, last_ended_at, last_heard_at, last_source, last_happened_at";

fn workflow_tally(row: &sqlx::any::AnyRow) -> WorkflowTally {
    WorkflowTally {
        runs: row.get(1),
        events: row.get(2),
        ended: row.get(3),
        open: Counts { on_track: row.get(4), retrying: row.get(5), late: row.get(6), broken: row.get(7) },
        last_started_at: row.get(8),
        last_ended_at: row.get(9),
        last_heard_at: row.get(10),
        last_source: row.get(11),
        last_happened_at: row.get(12),
    }
}

/// What is known of every workflow.
pub async fn workflows(pool: &AnyPool) -> sqlx::Result<HashMap<String, WorkflowTally>> {
    let sql = format!("select {WORKFLOW} from workflow_tallies");
    let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(pool).await?;
    Ok(rows.iter().map(|row| (row.get(0), workflow_tally(row))).collect())
}

/// What is known of one workflow.
pub async fn workflow(pool: &AnyPool, id: &str) -> sqlx::Result<Option<WorkflowTally>> {
    let sql = format!("select {WORKFLOW} from workflow_tallies where workflow = $1");
    let row = sqlx::query(AssertSqlSafe(sql)).bind(id).fetch_optional(pool).await?;
    Ok(row.as_ref().map(workflow_tally))
}

/// When a run of a workflow last ended well.
pub async fn last_ended_well(tx: &mut Tx, workflow: &str) -> sqlx::Result<Option<Moment>> {
    let row: Option<(Option<i64>,)> = sqlx::query_as("select last_ended_at from workflow_tallies where workflow = $1")
        .bind(workflow)
        .fetch_optional(&mut **tx)
        .await?;
    Ok(row.and_then(|(at,)| at).map(Moment::from_millis))
}

/// What is known of the steps: of one workflow, or of all; ((workflow, step), tally).
pub async fn steps(pool: &AnyPool, workflow: Option<&str>) -> sqlx::Result<Vec<StepRow>> {
    let columns = "workflow, step, visits, starts, ends, first_seen, last_seen, on_track, retrying, late, broken";
    let rows = match workflow {
        Some(workflow) => {
            let sql = format!("select {columns} from step_tallies where workflow = $1");
            sqlx::query(AssertSqlSafe(sql)).bind(workflow.to_owned()).fetch_all(pool).await?
        }
        None => sqlx::query(AssertSqlSafe(format!("select {columns} from step_tallies"))).fetch_all(pool).await?,
    };
    Ok(rows
        .iter()
        .map(|row| {
            let tally = StepTally {
                visits: row.get(2),
                starts: row.get(3),
                ends: row.get(4),
                first_seen: Some(row.get(5)),
                last_seen: Some(row.get(6)),
                here: Counts { on_track: row.get(7), retrying: row.get(8), late: row.get(9), broken: row.get(10) },
            };
            ((row.get(0), row.get(1)), tally)
        })
        .collect())
}

/// The observed edges of a workflow, most frequent first.
pub async fn edges(pool: &AnyPool, workflow: &str) -> sqlx::Result<Vec<ObservedEdge>> {
    let rows: Vec<(String, String, i64, i64)> = sqlx::query_as(
        "select from_step, to_step, passages, last_seen
        from edge_tallies
        where workflow = $1 and passages > 0
        order by passages desc, from_step, to_step",
    )
    .bind(workflow)
    .fetch_all(pool)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(from, to, count, last_seen)| ObservedEdge { from, to, count, last_seen: Moment::from_millis(last_seen) })
        .collect())
}

/// The tallies of steps as the observed flow tells them: steps, starts, ends, most frequent first.
pub fn observed(tallies: &[StepRow]) -> (Vec<ObservedStep>, Vec<StepCount>, Vec<StepCount>) {
    let moment = |at: Option<i64>| Moment::from_millis(at.unwrap_or_default());
    let mut steps: Vec<_> = tallies
        .iter()
        .filter(|(_, t)| t.visits > 0)
        .map(|((_, step), t)| ObservedStep {
            step: step.clone(),
            visits: t.visits,
            first_seen: moment(t.first_seen),
            last_seen: moment(t.last_seen),
        })
        .collect();
    steps.sort_by(|a, b| b.visits.cmp(&a.visits).then_with(|| a.step.cmp(&b.step)));
    let counted = |count: fn(&StepTally) -> i64| {
        let mut counts: Vec<_> = tallies
            .iter()
            .map(|((_, step), t)| StepCount { step: step.clone(), count: count(t) })
            .filter(|c| c.count > 0)
            .collect();
        counts.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.step.cmp(&b.step)));
        counts
    };
    (steps, counted(|t| t.starts), counted(|t| t.ends))
}
