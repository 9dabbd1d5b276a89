//! How workflows stand: the verdict on each, from kept rows and a few indexed looks, whatever their history.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use app::model::moment::{Moment, Span};
use app::model::source;
use app::model::status::State;
use app::model::verdict::{Known, Place, Verdict, verdict};
use app::pages::shell::Heard;

use crate::App;
use crate::store::sources::{self, SourceRecord};
use crate::store::tallies::{self, StepRow, WorkflowTally};
use crate::store::watches;
use crate::world::World;

/// How one workflow stands.
#[derive(Debug)]
pub struct Standing {
    /// Its id.
    pub id: String,
    /// What is known of it; nothing when it was never heard of.
    pub tally: WorkflowTally,
    /// What is known of its steps.
    pub steps: Vec<StepRow>,
    /// Where its open runs are.
    pub places: Vec<Place>,
    /// What is to be said of it.
    pub verdict: Verdict,
}

impl Standing {
    /// When the oldest of its open runs began to wait where it is.
    pub fn oldest_at(&self) -> Option<Moment> {
        self.places.iter().flat_map(|p| &p.oldest).map(|w| w.since).min()
    }
}

/// How every workflow stands, declared or only observed.
///
/// # Errors
/// What the database says.
pub async fn all(app: &App, world: &World, now: Moment) -> sqlx::Result<Vec<Standing>> {
    let pool = app.db.read();
    let mut tallies = tallies::workflows(pool).await?;
    let mut steps: HashMap<String, Vec<StepRow>> = HashMap::new();
    for step in tallies::steps(pool, None).await? {
        steps.entry(step.0.0.clone()).or_default().push(step);
    }
    let silent = silent_sources(&sources::all(pool).await?, now);
    let ids: BTreeSet<String> = world.book.workflows.keys().chain(tallies.keys()).cloned().collect();
    let mut standings = Vec::with_capacity(ids.len());
    for id in ids {
        let tally = tallies.remove(&id);
        let steps = steps.remove(&id).unwrap_or_default();
        standings.push(stand(app, world, id, tally, steps, &silent, now).await?);
    }
    Ok(standings)
}

/// How one workflow stands; none when it is neither declared nor was ever heard of.
///
/// # Errors
/// What the database says.
pub async fn one(app: &App, world: &World, id: &str, now: Moment) -> sqlx::Result<Option<Standing>> {
    let pool = app.db.read();
    let tally = tallies::workflow(pool, id).await?;
    if tally.is_none() && world.workflow(id).is_none() {
        return Ok(None);
    }
    let steps = tallies::steps(pool, Some(id)).await?;
    let silent = silent_sources(&sources::all(pool).await?, now);
    stand(app, world, id.to_owned(), tally, steps, &silent, now).await.map(Some)
}

async fn stand(
    app: &App,
    world: &World,
    id: String,
    tally: Option<WorkflowTally>,
    steps: Vec<StepRow>,
    silent: &BTreeMap<String, Moment>,
    now: Moment,
) -> sqlx::Result<Standing> {
    let mut places = Vec::new();
    for ((_, step), tally) in steps.iter().filter(|(_, t)| t.here.total() > 0) {
        let here = tally.here;
        let mut place = Place {
            step: step.clone(),
            open: here.on_track,
            retrying: here.retrying,
            late: here.late,
            broken: here.broken,
            oldest: Vec::new(),
        };
        for state in [State::Broken, State::Late, State::Retrying, State::OnTrack] {
            if place.count(state) > 0 {
                place.oldest.extend(watches::oldest(app.db.read(), &id, step, state).await?);
            }
        }
        places.push(place);
    }
    let declared = world.workflow(&id);
    let seen = steps.iter().filter_map(|(_, t)| t.last_seen);
    let told = tally.iter().flat_map(|t| [t.last_started_at, t.last_ended_at]).flatten();
    let happened = seen.chain(told).max().unwrap_or(i64::MAX);
    let moment = |at: Option<i64>| at.map(Moment::from_millis);
    let known = Known {
        declared,
        last_started_at: tally.as_ref().and_then(|t| moment(t.last_started_at)),
        last_ended_at: tally.as_ref().and_then(|t| moment(t.last_ended_at)),
        // An import of old events is heard today and says nothing about today.
        last_heard_at: tally.as_ref().map(|t| Moment::from_millis(t.last_heard_at.min(happened))),
        expected_from: world.expected_from(&id),
        // A job that runs by the calendar is expected to be silent in between.
        silent_source: tally
            .as_ref()
            .filter(|_| declared.is_none_or(|w| w.expect.start_at.is_none()))
            .and_then(|t| silent.get_key_value(&t.last_source))
            .map(|(source, last)| (source.as_str(), *last)),
        places: &places,
    };
    let verdict = verdict(&known, now, &app.config.zone());
    Ok(Standing { id, tally: tally.unwrap_or_default(), steps, places, verdict })
}

/// The sources that have gone silent, with their last word.
fn silent_sources(sources: &[SourceRecord], now: Moment) -> BTreeMap<String, Moment> {
    sources
        .iter()
        .map(|s| (s, Moment::from_millis(s.last_heard_at)))
        .filter(|(s, last)| source::is_silent(*last, Span::from_millis(s.longest_pause), now))
        .map(|(s, last)| (s.id.clone(), last))
        .collect()
}

/// What the portal hears, for the freshness strip.
///
/// # Errors
/// What the database says.
pub async fn heard(app: &App, now: Moment) -> sqlx::Result<Heard> {
    let sources = sources::all(app.db.read()).await?;
    let silent = silent_sources(&sources, now).into_iter().collect();
    Ok(Heard { sources: sources.len() as i64, silent })
}
