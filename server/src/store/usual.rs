//! What is kept by the hour and by ten minutes, for comparing with the usual. Every look is by primary key.

use std::collections::{BTreeMap, BTreeSet};

use app::model::event::Fault;
use app::model::hourly::{Counts, HOUR, HourlyChange, SLOT, Tally, TallyChange, begin};
use app::model::moment::{Moment, Span};
use app::model::sketch::Sketch;
use app::model::usual::{Kept, Passages, Seen, Thing};
use serde::{Deserialize, Serialize};
use sqlx::{AnyPool, AssertSqlSafe, Row};

use crate::db::{Batch, Tx, read_rows};

/// How long rows are kept: slots as long as anything looks back at them; hours nine weeks, one more than the usual is
/// made of; errors as long as they are told. What belongs to an older one is not kept.
const SLOTS_KEPT: Span = Span::from_minutes(6 * 60);
const HOURS_KEPT: Span = Span::from_minutes(9 * 7 * 24 * 60);
const ERRORS_KEPT: Span = Span::from_minutes(48 * 60);

/// How many rows of each table are removed in one step.
const AT_ONCE: i64 = 500;

/// How many errors are looked at.
const MOST_ERRORS: i64 = 500;

/// A row of `usual_times`: minutes, beginning, workflow, step.
type Place = (i64, i64, String, String);

/// A row of `usual_edges` or `usual_errors`: beginning, workflow, and the two steps, or the step and the error.
type Way = (i64, String, String, String);

/// What commits change. A commit leaves it waiting, and the clock takes it into the rows, where each change costs more.
#[derive(Debug, Default)]
pub struct Changes {
    times: BTreeMap<Place, TallyChange>,
    edges: BTreeMap<Way, i64>,
    errors: BTreeMap<Way, (i64, String)>,
}

/// [`Changes`] as they wait: JSON has no keys of several parts.
#[derive(Debug, Serialize, Deserialize)]
struct Waiting {
    times: Vec<(Place, TallyChange)>,
    edges: Vec<(Way, i64)>,
    errors: Vec<(Way, (i64, String))>,
}

impl Changes {
    /// As the rows that wait: one, or none when nothing changes.
    pub fn waiting(&self) -> Vec<String> {
        let waiting = Waiting {
            times: self.times.iter().filter(|(_, change)| !change.is_empty()).map(own).collect(),
            edges: self.edges.iter().filter(|(_, n)| **n != 0).map(own).collect(),
            errors: self.errors.iter().filter(|(_, (n, _))| *n != 0).map(own).collect(),
        };
        match waiting.times.is_empty() && waiting.edges.is_empty() && waiting.errors.is_empty() {
            true => Vec::new(),
            // Numbers and texts: writing them as JSON cannot fail.
            false => vec![serde_json::to_string(&waiting).unwrap_or_default()],
        }
    }

    /// Takes in what waited.
    fn join(&mut self, waiting: Waiting) {
        for (place, change) in waiting.times {
            self.times.entry(place).or_default().merge(&change);
        }
        for (edge, n) in waiting.edges {
            *self.edges.entry(edge).or_default() += n;
        }
        for (error, (n, sample)) in waiting.errors {
            self.errors.entry(error).or_insert((0, sample)).0 += n;
        }
    }

    /// Takes in what one run changes in what is kept of its workflow.
    pub fn add(&mut self, workflow: &str, change: HourlyChange) {
        for ((slot, step), change) in change.slots {
            for length in [SLOT, HOUR] {
                let place = (length.millis() / 60_000, begin(slot, length).millis(), workflow.to_owned(), step.clone());
                self.times.entry(place).or_default().merge(&change);
            }
        }
        for ((hour, from, to), n) in change.edges {
            *self.edges.entry((hour.millis(), workflow.to_owned(), from, to)).or_default() += n;
        }
        for ((hour, step, error), change) in change.errors {
            let key = (hour.millis(), workflow.to_owned(), step, error);
            self.errors.entry(key).or_insert_with(|| (0, told(&change.sample))).0 += change.count;
        }
    }

    /// What is to be written; what is older than what is kept at `now` is left out.
    pub async fn rows(&self, tx: &mut Tx, now: Moment) -> sqlx::Result<Rows> {
        let (slots, hours, errors) = limits(now);
        let kept = |place: &Place| place.1 >= if place.0 == SLOT.millis() / 60_000 { slots } else { hours };
        let times: Vec<_> = self.times.iter().filter(|(place, change)| kept(place) && !change.is_empty()).collect();
        let edges = self.edges.iter().filter(|((at, ..), n)| *at >= hours && **n != 0);
        let errors = self.errors.iter().filter(|((at, ..), (n, _))| *at >= errors && *n != 0);
        Ok(Rows {
            times: changed_times(tx, &times).await?,
            edges: edges.map(own).collect(),
            errors: errors.map(own).collect(),
        })
    }
}

/// Leaves changes waiting.
pub fn wait<'q>(batch: &mut Batch<'q>, waiting: &'q [String]) {
    batch
        .rows("insert into usual_waiting (change) values", 1, "", waiting, |query, change| query.bind(change.as_str()));
}

/// Whether changes wait.
pub async fn is_waiting(pool: &AnyPool) -> sqlx::Result<bool> {
    Ok(sqlx::query("select 1 from usual_waiting limit 1").fetch_optional(pool).await?.is_some())
}

/// Takes all changes that wait. The transaction has to have its turn: nothing may be added in between.
pub async fn take_waiting(tx: &mut Tx) -> sqlx::Result<Changes> {
    let rows: Vec<(String,)> = sqlx::query_as("select change from usual_waiting").fetch_all(&mut **tx).await?;
    let mut changes = Changes::default();
    for (text,) in rows {
        match serde_json::from_str(&text) {
            Ok(waiting) => changes.join(waiting),
            // Left waiting it would keep all others from being taken in, for ever.
            Err(error) => tracing::error!(%error, text, "a change of what is usual cannot be read and is left out"),
        }
    }
    sqlx::query("delete from usual_waiting").execute(&mut **tx).await?;
    Ok(changes)
}

fn own<K: Clone, V: Clone>((key, value): (&K, &V)) -> (K, V) {
    (key.clone(), value.clone())
}

/// Rows as they are to be written.
#[derive(Debug)]
pub struct Rows {
    times: Vec<(Place, Tally)>,
    edges: Vec<(Way, i64)>,
    errors: Vec<(Way, (i64, String))>,
}

impl Rows {
    /// Adds them to what a transaction writes.
    pub fn add_to<'q>(&'q self, batch: &mut Batch<'q>) {
        batch.rows(
            "insert into usual_times (minutes, began_at, workflow, step, visits, retries, late_retries, late_by, durations) values",
            9,
            "on conflict (minutes, began_at, workflow, step) do update set
            visits = excluded.visits, retries = excluded.retries, late_retries = excluded.late_retries,
            late_by = excluded.late_by, durations = excluded.durations",
            &self.times,
            |query, ((minutes, at, workflow, step), tally)| {
                query
                    .bind(*minutes)
                    .bind(*at)
                    .bind(workflow.as_str())
                    .bind(step.as_str())
                    .bind(tally.counts.visits)
                    .bind(tally.counts.retries)
                    .bind(tally.counts.late_retries)
                    .bind(tally.counts.late_by)
                    .bind(tally.durations.to_string())
            },
        );
        batch.rows(
            "insert into usual_edges as t (began_at, workflow, from_step, to_step, passages) values",
            5,
            "on conflict (began_at, workflow, from_step, to_step) do update set passages = t.passages + excluded.passages",
            &self.edges,
            |query, ((at, workflow, from, to), n)| {
                query.bind(*at).bind(workflow.as_str()).bind(from.as_str()).bind(to.as_str()).bind(*n)
            },
        );
        batch.rows(
            "insert into usual_errors as t (began_at, workflow, step, error, sample, failures) values",
            6,
            "on conflict (began_at, workflow, step, error) do update set failures = t.failures + excluded.failures",
            &self.errors,
            |query, ((at, workflow, step, error), (n, sample))| {
                query
                    .bind(*at)
                    .bind(workflow.as_str())
                    .bind(step.as_str())
                    .bind(error.as_str())
                    .bind(sample.as_str())
                    .bind(*n)
            },
        );
    }
}

/// An error as it is stored.
fn told(error: &Fault) -> String {
    // Two texts: writing them as JSON cannot fail.
    serde_json::to_string(error).unwrap_or_default()
}

fn read(error: &str) -> Fault {
    serde_json::from_str(error).unwrap_or_default()
}

/// The beginnings of the oldest slot, hour and hour of errors that are kept.
fn limits(now: Moment) -> (i64, i64, i64) {
    let oldest = |kept: Span, length| begin(now - kept, length).millis();
    (oldest(SLOTS_KEPT, SLOT), oldest(HOURS_KEPT, HOUR), oldest(ERRORS_KEPT, HOUR))
}

const TALLY: &str = "t.visits, t.retries, t.late_retries, t.late_by, t.durations";

/// The tally of a row whose columns from `at` on are those of [`TALLY`].
fn tally(row: &sqlx::any::AnyRow, at: usize) -> Tally {
    Tally {
        counts: Counts {
            visits: row.get(at),
            retries: row.get(at + 1),
            late_retries: row.get(at + 2),
            late_by: row.get(at + 3),
        },
        durations: Sketch::parse(row.get(at + 4)),
    }
}

/// The rows of times with these changes in them.
async fn changed_times(tx: &mut Tx, changes: &[(&Place, &TallyChange)]) -> sqlx::Result<Vec<(Place, Tally)>> {
    let head = "with wanted (minutes, began_at, workflow, step) as (values";
    let tail = format!(
        ") select distinct t.minutes, t.began_at, t.workflow, t.step, {TALLY}
        from wanted
        join usual_times t on t.minutes = wanted.minutes and t.began_at = wanted.began_at
            and t.workflow = wanted.workflow and t.step = wanted.step"
    );
    let rows = read_rows(tx, head, 4, tail, changes, |query, ((minutes, at, workflow, step), _)| {
        query.bind(*minutes).bind(*at).bind(workflow.as_str()).bind(step.as_str())
    })
    .await?;
    let mut known: BTreeMap<Place, Tally> =
        rows.iter().map(|row| ((row.get(0), row.get(1), row.get(2), row.get(3)), tally(row, 4))).collect();
    Ok(changes
        .iter()
        .map(|(place, change)| {
            let mut tally = known.remove(place).unwrap_or_default();
            tally.change(change);
            ((*place).clone(), tally)
        })
        .collect())
}

/// A list of moments as it is written into a statement: whole numbers, and our own.
fn list(moments: &BTreeSet<Moment>) -> String {
    moments.iter().map(|at| at.millis().to_string()).collect::<Vec<_>>().join(", ")
}

fn into_kept(rows: &[sqlx::any::AnyRow]) -> Kept {
    let mut kept = Kept::new();
    for row in rows {
        let at = Moment::from_millis(row.get(0));
        kept.entry((row.get(1), row.get(2))).or_default().insert(at, tally(row, 3));
    }
    kept
}

/// What was kept of these hours: of all workflows, or of one.
pub async fn hours(pool: &AnyPool, hours: &BTreeSet<Moment>, workflow: Option<&str>) -> sqlx::Result<Kept> {
    let of_one = if workflow.is_some() { "and t.workflow = $1" } else { "" };
    let sql = format!(
        "select t.began_at, t.workflow, t.step, {TALLY}
        from usual_times t
        where t.minutes = 60 and t.began_at in ({}) {of_one}",
        list(hours)
    );
    let mut query = sqlx::query(AssertSqlSafe(sql)).persistent(false);
    if let Some(workflow) = workflow {
        query = query.bind(workflow.to_owned());
    }
    Ok(into_kept(&query.fetch_all(pool).await?))
}

/// What was kept of the slots since this one.
pub async fn slots(pool: &AnyPool, from: Moment) -> sqlx::Result<Kept> {
    let sql = format!(
        "select t.began_at, t.workflow, t.step, {TALLY}
        from usual_times t
        where t.minutes = 10 and t.began_at >= $1"
    );
    Ok(into_kept(&sqlx::query(AssertSqlSafe(sql)).bind(from.millis()).fetch_all(pool).await?))
}

/// Passages in these hours.
pub async fn passages(pool: &AnyPool, hours: &BTreeSet<Moment>) -> sqlx::Result<Passages> {
    let sql = format!(
        "select began_at, workflow, from_step, to_step, passages
        from usual_edges
        where began_at in ({}) and passages > 0",
        list(hours)
    );
    let mut passages = Passages::new();
    for row in sqlx::query(AssertSqlSafe(sql)).persistent(false).fetch_all(pool).await? {
        let ways = passages.entry((row.get(1), row.get(2))).or_default();
        ways.entry(Moment::from_millis(row.get(0))).or_default().insert(row.get(3), row.get(4));
    }
    Ok(passages)
}

/// The steps, passages and errors of the hours since this one, each with its count and the first of its hours.
pub async fn seen(pool: &AnyPool, from: Moment) -> sqlx::Result<Vec<Seen>> {
    let mut seen = Vec::new();
    let steps: Vec<(String, String, i64, i64)> = sqlx::query_as(
        "select workflow, step, cast(sum(visits) as bigint), min(began_at)
        from usual_times
        where minutes = 60 and began_at >= $1 and step <> '' and visits > 0
        group by workflow, step
        order by workflow, step",
    )
    .bind(from.millis())
    .fetch_all(pool)
    .await?;
    seen.extend(steps.into_iter().map(|(workflow, step, count, since)| Seen {
        workflow,
        what: Thing::Step(step),
        count,
        since: Moment::from_millis(since),
    }));
    let edges: Vec<(String, String, String, i64, i64)> = sqlx::query_as(
        "select workflow, from_step, to_step, cast(sum(passages) as bigint), min(began_at)
        from usual_edges
        where began_at >= $1 and passages > 0
        group by workflow, from_step, to_step
        order by workflow, from_step, to_step",
    )
    .bind(from.millis())
    .fetch_all(pool)
    .await?;
    seen.extend(edges.into_iter().map(|(workflow, from, to, count, since)| Seen {
        workflow,
        what: Thing::Edge(from, to),
        count,
        since: Moment::from_millis(since),
    }));
    let errors: Vec<(String, String, String, String, i64, i64)> = sqlx::query_as(
        "select workflow, step, error, min(sample), cast(sum(failures) as bigint), min(began_at)
        from usual_errors
        where began_at >= $1 and failures > 0
        group by workflow, step, error
        order by 5 desc, workflow, step, error
        limit $2",
    )
    .bind(from.millis())
    .bind(MOST_ERRORS)
    .fetch_all(pool)
    .await?;
    seen.extend(errors.into_iter().map(|(workflow, step, name, sample, count, since)| Seen {
        workflow,
        what: Thing::Error { step, name, sample: read(&sample) },
        count,
        since: Moment::from_millis(since),
    }));
    Ok(seen)
}

/// Whether there are rows that are older than what is kept at `now`.
pub async fn has_old(pool: &AnyPool, now: Moment) -> sqlx::Result<bool> {
    let (slots, hours, errors) = limits(now);
    let (old,): (i64,) = sqlx::query_as(
        "select cast(count(*) as bigint) from (
            select 1 as one where exists (select 1 from usual_times where minutes = 10 and began_at < $1)
            union all
            select 1 where exists (select 1 from usual_times where minutes = 60 and began_at < $2)
            union all
            select 1 where exists (select 1 from usual_edges where began_at < $3)
            union all
            select 1 where exists (select 1 from usual_errors where began_at < $4)
        ) as old",
    )
    .bind(slots)
    .bind(hours)
    .bind(hours)
    .bind(errors)
    .fetch_one(pool)
    .await?;
    Ok(old > 0)
}

/// Removes rows that are older than what is kept at `now`, at most 500 of each sort, the oldest first.
pub async fn remove_old(tx: &mut Tx, now: Moment) -> sqlx::Result<()> {
    let (slots, hours, errors) = limits(now);
    for (minutes, oldest) in [(10_i64, slots), (60, hours)] {
        sqlx::query(
            "delete from usual_times
            where (minutes, began_at, workflow, step) in (
                select minutes, began_at, workflow, step
                from usual_times
                where minutes = $1 and began_at < $2
                order by minutes, began_at, workflow, step
                limit $3)",
        )
        .bind(minutes)
        .bind(oldest)
        .bind(AT_ONCE)
        .execute(&mut **tx)
        .await?;
    }
    sqlx::query(
        "delete from usual_edges
        where (began_at, workflow, from_step, to_step) in (
            select began_at, workflow, from_step, to_step
            from usual_edges
            where began_at < $1
            order by began_at, workflow, from_step, to_step
            limit $2)",
    )
    .bind(hours)
    .bind(AT_ONCE)
    .execute(&mut **tx)
    .await?;
    sqlx::query(
        "delete from usual_errors
        where (began_at, workflow, step, error) in (
            select began_at, workflow, step, error
            from usual_errors
            where began_at < $1
            order by began_at, workflow, step, error
            limit $2)",
    )
    .bind(errors)
    .bind(AT_ONCE)
    .execute(&mut **tx)
    .await?;
    Ok(())
}
