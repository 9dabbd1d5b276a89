//! Observed behaviour against the book: loads what was seen of late, of the newest runs and of the flow.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use app::model::book::Book;
use app::model::hourly::{HOUR, begin};
use app::model::moment::Moment;
use app::model::reference::Reference;
use app::model::run::Run;
use app::model::undocumented::{Flow, Sighting, is_shown_by, of_flow, of_runs, of_seen};
use app::model::usual::UNKNOWN_TOLD;
use app::pages::runs::RunFilter;

use crate::App;
use crate::store::{feed, observations, runs, tallies, usual};
use crate::world::World;

/// How many of the newest runs of a workflow are held against its policies, and how many are searched for an example.
const NEWEST_RUNS: i64 = 30;
const SEARCHED: i64 = 100;

/// The runs of so many workflows are looked at in one minute; with more they take turns.
const AT_ONCE: usize = 20;

/// More was seen of late than this: it is looked at once a minute, whatever was told since.
const MANY: usize = 500;

/// When it was last looked, and at what.
#[derive(Debug, Default)]
pub struct Looked(Mutex<Option<At>>);

#[derive(Debug)]
struct At {
    minute: i64,
    book: Arc<Book>,
    position: i64,
    seen: usize,
    /// What runs and flows showed; they are read once a minute.
    by_the_minute: Vec<Sighting>,
}

/// What is seen now that the book does not say; none when nothing can have changed since the last look.
///
/// # Errors
/// What the database says.
pub async fn sightings(app: &App, world: &World, now: Moment) -> sqlx::Result<Option<Vec<Sighting>>> {
    let position = feed::newest(app.db.read()).await?;
    let minute = now.millis().div_euclid(60_000);
    let known = {
        let looked = app.observed.0.lock().unwrap_or_else(PoisonError::into_inner);
        let same = looked.as_ref().filter(|at| at.minute == minute && Arc::ptr_eq(&at.book, &world.book));
        if same.is_some_and(|at| at.position == position || at.seen > MANY) {
            return Ok(None);
        }
        same.map(|at| at.by_the_minute.clone())
    };
    let pool = app.db.read();
    let told = begin(now - UNKNOWN_TOLD, HOUR) + HOUR;
    let seen = usual::seen(pool, told).await?;
    let mut found = of_seen(&seen, &world.book);
    let by_the_minute = match known {
        Some(known) => known,
        None => {
            let mut shown = of_newest_runs(app, world, minute).await?;
            shown.extend(of_flows(app, world, now).await?);
            shown
        }
    };
    found.extend(by_the_minute.iter().cloned());
    give_examples(app, &mut found).await?;
    let at = At { minute, book: world.book.clone(), position, seen: seen.len(), by_the_minute };
    *app.observed.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(at);
    Ok(Some(found))
}

async fn newest_runs(app: &App, workflow: &str, most: i64) -> sqlx::Result<Vec<(String, Run)>> {
    let records = runs::page(app.db.read(), workflow, RunFilter::All, None, i64::MAX, most).await?;
    Ok(records.into_iter().map(|record| (record.run, record.folded)).collect())
}

async fn of_newest_runs(app: &App, world: &World, minute: i64) -> sqlx::Result<Vec<Sighting>> {
    let workflows: Vec<_> = world.book.workflows.values().filter(|w| !w.steps.is_empty()).collect();
    let rounds = workflows.len().div_ceil(AT_ONCE).max(1);
    let turn = usize::try_from(minute).unwrap_or_default() % rounds;
    let mut found = Vec::new();
    for workflow in workflows.into_iter().skip(turn * AT_ONCE).take(AT_ONCE) {
        let runs = newest_runs(app, &workflow.id, NEWEST_RUNS).await?;
        found.extend(of_runs(workflow, &world.book, &runs));
    }
    Ok(found)
}

async fn of_flows(app: &App, world: &World, now: Moment) -> sqlx::Result<Vec<Sighting>> {
    let pool = app.db.read();
    let heard = tallies::workflows(pool).await?;
    let mut steps: BTreeMap<String, Vec<(String, Moment)>> = BTreeMap::new();
    for ((workflow, step), tally) in tallies::steps(pool, None).await? {
        if let Some(last) = tally.last_seen.filter(|_| tally.visits > 0) {
            steps.entry(workflow).or_default().push((step, Moment::from_millis(last)));
        }
    }
    let mut found = Vec::new();
    for workflow in world.book.workflows.values() {
        let Some(tally) = heard.get(&workflow.id) else { continue };
        let known_since = world.known_since.get(&Reference::Workflow(workflow.id.clone())).copied().unwrap_or(now);
        let mut flow = Flow {
            heard: Moment::from_millis(tally.last_heard_at),
            known_since,
            steps: steps.remove(&workflow.id).unwrap_or_default(),
            edges: Vec::new(),
        };
        // Passages are read only of what can have one that was not seen for so long.
        if now.since(known_since) > app::model::undocumented::LONG_UNSEEN {
            let edges = tallies::edges(pool, &workflow.id).await?;
            flow.edges = edges.into_iter().map(|e| (e.from, e.to, e.last_seen)).collect();
        }
        found.extend(of_flow(workflow, &flow, now));
    }
    Ok(found)
}

/// Finds a run that shows it, for what has none yet.
async fn give_examples(app: &App, found: &mut [Sighting]) -> sqlx::Result<()> {
    let kept = observations::open(app.db.read()).await?;
    let mut read: BTreeMap<String, Vec<(String, Run)>> = BTreeMap::new();
    for sighting in found.iter_mut().filter(|s| s.run.is_none() && s.count > 0) {
        let known = kept.iter().find(|o| o.workflow == sighting.workflow && o.sight.field() == sighting.sight.field());
        if let Some(known) = known {
            sighting.run.clone_from(&known.run);
            continue;
        }
        if !read.contains_key(&sighting.workflow) {
            let runs = newest_runs(app, &sighting.workflow, SEARCHED).await?;
            read.insert(sighting.workflow.clone(), runs);
        }
        let shows = |(_, run): &&(String, Run)| is_shown_by(&sighting.sight, run);
        sighting.run = read[&sighting.workflow].iter().find(shows).map(|(id, _)| id.clone());
    }
    Ok(())
}
