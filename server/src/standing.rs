//! How workflows stand: the verdict on each, from kept rows and a few indexed looks, whatever their history.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use app::model::blast::Affected;
use app::model::book::Workflow;
use app::model::check_in;
use app::model::group::down;
use app::model::judge::Watch;
use app::model::moment::{Moment, Span};
use app::model::pause::{self, Pause, Paused};
use app::model::problem::{Family, Problem, Where};
use app::model::schedule::{Hours, active_since};
use app::model::source::Expected;
use app::model::status::State;
use app::model::verdict::{Known, Place, Verdict, Wrong, verdict};
use app::pages::shell::Heard;

use crate::App;
use crate::store::sources::{self, SourceRecord};
use crate::store::tallies::{self, StepRow, WorkflowTally};
use crate::store::watches;
use crate::store::{pauses, problems};
use crate::world::World;

static NOTHING_PAUSED: Paused = Paused { whole: None, steps: Vec::new() };

/// The source of what people do to runs in the portal.
pub const OURSELVES: &str = "watchbook";

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
    /// What of it is paused.
    pub paused: Paused,
    /// Its pauses that have ended lately.
    pub resumed: Vec<Pause>,
    /// When it is itself fine and needs something that is down: the way from there to the component that it uses.
    pub affected_by: Vec<String>,
}

/// What is the same for every workflow at one look.
struct Around<'a> {
    sources: &'a [SourceRecord],
    open: &'a [Problem],
    pauses: &'a [Pause],
    affected: &'a Affected,
}

impl Standing {
    /// The state of one of its steps (`Paused::state_of_step`); none when it was never seen.
    pub fn step_state(&self, step: &str) -> Option<State> {
        let seen = self.steps.iter().find(|((_, id), t)| id == step && t.visits > 0);
        let silent = self.verdict.wrong.iter().any(|w| w.state == State::NoSignal && w.step.is_none());
        self.paused.state_of_step(step, seen.map(|(_, tally)| tally.here.worst()), silent)
    }

    /// The oldest of its open runs: that which is in its state for the longest, the worst one of several.
    pub fn oldest(&self) -> Option<&Watch> {
        self.places.iter().flat_map(|p| &p.oldest).min_by_key(|w| (w.since, Reverse(w.state)))
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
    let sources = sources::all(pool).await?;
    let open = problems::open(pool).await?;
    let pauses = pauses_near(app, now).await?;
    let affected = world.affected(down(&open, &world.book));
    let around = Around { sources: &sources, open: &open, pauses: &pauses, affected: &affected };
    let ids: BTreeSet<String> = world.book.workflows.keys().chain(tallies.keys()).cloned().collect();
    let mut standings = Vec::with_capacity(ids.len());
    for id in ids {
        let tally = tallies.remove(&id);
        let steps = steps.remove(&id).unwrap_or_default();
        standings.push(stand(app, world, id, tally, steps, &around, now).await?);
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
    let sources = sources::all(pool).await?;
    let open = problems::open(pool).await?;
    let pauses = pauses_near(app, now).await?;
    let affected = world.affected(down(&open, &world.book));
    let around = Around { sources: &sources, open: &open, pauses: &pauses, affected: &affected };
    stand(app, world, id.to_owned(), tally, steps, &around, now).await.map(Some)
}

/// The pauses that are in force at `now` or have ended lately, as they were known then.
///
/// # Errors
/// What the database says.
pub async fn pauses_near(app: &App, now: Moment) -> sqlx::Result<Vec<Pause>> {
    pauses::known_at(app.db.read(), now - pause::LATELY, now).await
}

async fn stand(
    app: &App,
    world: &World,
    id: String,
    tally: Option<WorkflowTally>,
    steps: Vec<StepRow>,
    Around { sources, open, pauses, affected }: &Around<'_>,
    now: Moment,
) -> sqlx::Result<Standing> {
    let pool = app.db.read();
    let declared = world.workflow(&id);
    let by_hand =
        |step: &str| declared.and_then(|w| w.step(step)).and_then(|s| world.book.done_by_hand(s)).map(str::to_owned);
    let mut places = Vec::new();
    for ((_, step), tally) in steps.iter().filter(|(_, t)| t.here.on_track > 0) {
        let oldest = watches::oldest(pool, &id, step, State::OnTrack).await?;
        places.push(Place {
            step: step.clone(),
            by_hand: by_hand(step),
            open: tally.here.on_track,
            oldest: oldest.into_iter().collect(),
            ..Place::default()
        });
    }
    for problem in open.iter().filter(|p| p.family == Family::Runs && p.place.workflow() == Some(&id)) {
        let counts = problem.counts;
        let mut place = Place {
            step: problem.place.step().unwrap_or_default().to_owned(),
            by_hand: by_hand(problem.place.step().unwrap_or_default()),
            cause: problem.cause.clone(),
            problem: Some(problem.clone()),
            retrying: counts.of(State::Retrying),
            late: counts.of(State::Late),
            broken: counts.of(State::Broken),
            ..Place::default()
        };
        // The words are about the worst, its age about the oldest of all.
        for state in [State::Broken, State::Late, State::Retrying].into_iter().filter(|s| counts.of(*s) > 0) {
            place.oldest.extend(watches::oldest_of_cause(pool, &id, &place.step, &place.cause, state).await?);
        }
        places.push(place);
    }
    let claims = claims_about(open, &id, declared);
    let paused = Paused::at(pauses, &id, declared, now);
    let known = Known {
        places: &places,
        claims: &claims,
        paused: &paused,
        ..heard_of(world, &id, tally.as_ref(), sources, now)
    };
    let verdict = verdict(&known, now, &app.config.zone());
    let resumed = pauses.iter().filter(|p| p.end() <= now && touches(p, &id, declared)).cloned().collect();
    let affected_by = match verdict.state {
        // What has trouble of its own is not called affected.
        State::OnTrack => affected.workflows.get(&id).cloned().unwrap_or_default(),
        _ => Vec::new(),
    };
    Ok(Standing { id, tally: tally.unwrap_or_default(), steps, places, verdict, paused, resumed, affected_by })
}

/// What judges claim about a workflow, its steps, or what they use.
pub fn claims_about(open: &[Problem], id: &str, declared: Option<&Workflow>) -> Vec<Problem> {
    let uses = |component: &str| declared.is_some_and(|w| w.components().any(|c| c == component));
    let about = |problem: &&Problem| match &problem.place {
        Where::Workflow(workflow) | Where::Step(workflow, _) => workflow == id,
        Where::Component(component) => uses(component),
        Where::Source(_) | Where::Subject(..) => false,
    };
    open.iter().filter(|p| p.family != Family::Runs).filter(about).cloned().collect()
}

/// What is known of when a workflow was heard of; nothing of where its runs are.
fn heard_of<'a>(
    world: &'a World,
    id: &str,
    tally: Option<&WorkflowTally>,
    sources: &'a [SourceRecord],
    now: Moment,
) -> Known<'a> {
    let declared = world.workflow(id);
    // A job that runs by the calendar is expected to be silent in between, and one with hours outside them.
    let hours = declared.map_or(Hours::Open(None), |w| active_since(&w.expect, now));
    let silent_source = match hours {
        Hours::Open(opened) if declared.is_none_or(|w| w.expect.start_at.is_none()) => tally
            .and_then(|t| sources.iter().find(|s| s.id == t.last_source))
            .filter(|source| is_silent(world, source, opened, now))
            .map(|source| (source.id.as_str(), Moment::from_millis(source.last_heard_at))),
        _ => None,
    };
    let moment = |at: Option<i64>| at.map(Moment::from_millis);
    Known {
        declared,
        last_started_at: tally.and_then(|t| moment(t.last_started_at)),
        last_ended_at: tally.and_then(|t| moment(t.last_ended_at)),
        // An import of old events is heard today and says nothing about today.
        last_heard_at: tally
            .map(|t| Moment::from_millis(t.last_heard_at.min(t.last_happened_at.unwrap_or(t.last_heard_at)))),
        expected_from: world.expected_from(id),
        silent_source,
        places: &[],
        claims: &[],
        paused: &NOTHING_PAUSED,
    }
}

/// The workflows that are silent, each with what is to be said of it; from a few kept rows.
///
/// # Errors
/// What the database says.
pub async fn silent(app: &App, world: &World, now: Moment) -> sqlx::Result<Vec<(String, Wrong)>> {
    let tallies = tallies::workflows(app.db.read()).await?;
    let sources = sources::all(app.db.read()).await?;
    let ids: BTreeSet<&String> = world.book.workflows.keys().chain(tallies.keys()).collect();
    let zone = app.config.zone();
    let pauses = pauses_near(app, now).await?;
    let silent = ids.into_iter().filter_map(|id| {
        // What a person has paused may be silent.
        if Paused::at(&pauses, id, world.workflow(id), now).whole.is_some() {
            return None;
        }
        let known = heard_of(world, id, tallies.get(id), &sources, now);
        Some((id.clone(), verdict(&known, now, &zone).wrong.into_iter().next()?))
    });
    Ok(silent.collect())
}

/// Whether a source has gone silent; where hours are given, what was silent before they began does not count.
fn is_silent(world: &World, record: &SourceRecord, opened: Option<Moment>, now: Moment) -> bool {
    // What people say by a link, or in the portal, is our own word.
    if [check_in::SOURCE, OURSELVES].contains(&record.id.as_str()) {
        return false;
    }
    let last = Moment::from_millis(record.last_heard_at);
    let counted = opened.map_or(last, |opened| last.max(opened));
    Expected::of(&world.book, &record.id, Span::from_millis(record.longest_pause)).is_silent(counted, now)
}

/// Whether a pause is one of this workflow, of a step of it, or of a component that it uses.
fn touches(pause: &Pause, workflow: &str, declared: Option<&Workflow>) -> bool {
    match &pause.target {
        Where::Component(id) => declared.is_some_and(|w| w.components().any(|used| used == id)),
        place => place.workflow() == Some(workflow),
    }
}

/// What the portal hears, for the freshness strip.
///
/// # Errors
/// What the database says.
pub async fn heard(app: &App, now: Moment) -> sqlx::Result<Heard> {
    let sources = sources::all(app.db.read()).await?;
    let world = app.worlds.now();
    let silent = sources
        .iter()
        .filter(|s| is_silent(&world, s, None, now))
        .map(|s| (s.id.clone(), Moment::from_millis(s.last_heard_at)))
        .collect();
    Ok(Heard { sources: sources.len() as i64, silent })
}
