//! The past as it was known: runs, records, queues and steps at an earlier moment. Only what had been heard by then
//! counts, and the rules are those of the present.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use app::model::agreement::{Disagreement, disagreements};
use app::model::book::{Book, Workflow};
use app::model::event::{What, believed_time};
use app::model::judge::judge;
use app::model::moment::Moment;
use app::model::pause::Paused;
use app::model::queue::Level;
use app::model::record::Kept;
use app::model::run::{Heard, fold};
use app::model::status::State;
use app::model::story::Stored;
use app::model::subject::{Joining, Link, Member, Subject};

use crate::App;
use crate::judging::queues::LOOKED_AT;
use crate::standing::{self, claims_about};
use crate::store::runs::RunRecord;
use crate::store::tallies::StepRow;
use crate::store::{feed, problems, records, runs, subjects, tallies};
use crate::world::World;

/// The most reports of a queue that are read.
const MOST_REPORTS: i64 = 20_000;

/// A run as it was known.
#[derive(Debug)]
pub struct RunThen {
    /// Its row: folded from what had been heard by then, and judged at that moment.
    pub record: RunRecord,
    /// What had been heard, oldest first.
    pub events: Vec<Stored>,
}

/// A run as it was known at a moment, from one read; none when nothing of it had been heard.
///
/// # Errors
/// What the database says.
pub async fn run(
    app: &App,
    record: RunRecord,
    declared: Option<&Workflow>,
    at: Moment,
) -> sqlx::Result<Option<RunThen>> {
    let events = feed::of_run_by(app.db.read(), record.key, at).await?;
    if events.is_empty() {
        return Ok(None);
    }
    let mut folded = fold(events.iter().map(|stored| &stored.heard));
    folded.recovered_at = record.folded.recovered_at.filter(|recovered| *recovered <= at.millis());
    let judged = judge(&folded, declared, at);
    Ok(Some(RunThen { record: RunRecord { folded, ..record }.judged(&judged), events }))
}

/// The runs that belonged to the story of a subject, as it was known at a moment: what joined them was what their
/// events had said by then.
///
/// # Errors
/// What the database says.
pub async fn joined(
    app: &App,
    world: &World,
    subject: &Subject,
    most: usize,
    at: Moment,
) -> sqlx::Result<(Joining, BTreeMap<i64, RunThen>)> {
    let mut joining = Joining::about(subject, most);
    let mut known: BTreeMap<i64, RunThen> = BTreeMap::new();
    while let Some(link) = joining.ask() {
        let keys = subjects::members_by(app.db.read(), &link, at, most as i64 + 1).await?;
        let unknown: Vec<i64> = keys.iter().copied().filter(|key| !known.contains_key(key)).collect();
        for record in runs::with_keys(&app.db, &unknown).await? {
            let declared = world.workflow(&record.workflow).cloned();
            if let Some(then) = run(app, record, declared.as_ref(), at).await? {
                known.insert(then.record.key, then);
            }
        }
        let members: Vec<Member> =
            keys.iter().filter_map(|key| known.get(key)).map(member).filter(|m| has(m, &link)).collect();
        joining.found(&link, &members);
    }
    known.retain(|key, _| joining.joined().contains_key(key));
    Ok((joining, known))
}

fn member(then: &RunThen) -> Member {
    let folded = &then.record.folded;
    Member {
        run_key: then.record.key,
        subject: folded.subject.clone(),
        correlation: folded.correlation.clone(),
        trace: folded.trace.clone(),
    }
}

fn has(member: &Member, link: &Link) -> bool {
    match link {
        Link::Subject(value) => member.subject.as_ref() == Some(value),
        Link::Correlation(value) => member.correlation.as_ref() == Some(value),
        Link::Trace(value) => member.trace.as_ref() == Some(value),
    }
}

/// What systems held of a thing at a moment, by system, and where they disagreed, the oldest first: all that they had
/// told is gone through once more in the order in which it was heard.
///
/// # Errors
/// What the database says.
pub async fn held(
    app: &App,
    world: &World,
    subject: &Subject,
    at: Moment,
) -> sqlx::Result<(Vec<Kept>, Vec<Disagreement>)> {
    let told = records::history(app.db.read(), subject, at).await?;
    let asking: Vec<&Workflow> =
        world.book.workflows.values().filter(|w| w.subject.as_deref() == Some(subject.kind())).collect();
    let mut held: BTreeMap<String, Kept> = BTreeMap::new();
    let mut known: Vec<Disagreement> = Vec::new();
    for at_once in told.chunk_by(|a, b| a.heard_at == b.heard_at) {
        for record in at_once {
            if held.get(&record.system).is_none_or(|before| record.is_newer_than(before)) {
                held.insert(record.system.clone(), record.clone());
            }
        }
        let systems: Vec<Kept> = held.values().cloned().collect();
        known = asking.iter().flat_map(|workflow| disagreements(workflow, &systems, &known)).collect();
    }
    let order = |d: &Disagreement| (d.since, d.pair.clone(), d.field.clone(), d.workflow.clone());
    known.sort_by_key(order);
    Ok((held.into_values().collect(), known))
}

/// What a queue had said by a moment: one level a minute, as samples are kept, oldest first; none when it had said
/// nothing. From its reports themselves, because a sample does not tell when it was heard.
///
/// # Errors
/// What the database says.
pub async fn levels(app: &App, queue: &str, at: Moment) -> sqlx::Result<Option<Vec<Level>>> {
    let pool = app.db.read();
    let last = feed::queue_reports(pool, queue, (Moment::default(), at), 1).await?;
    let Some(last) = last.iter().find_map(level) else { return Ok(None) };
    // Nothing is heard before it happened: whatever is newer than the last one, or up to three hours older than the
    // newest, was heard after this.
    let heard = feed::queue_reports(pool, queue, (last.at - LOOKED_AT, at), MOST_REPORTS).await?;
    let levels: Vec<Level> = heard.iter().filter_map(level).collect();
    let newest = levels.iter().copied().fold(last, Level::max);
    let first = Level { at: newest.at - LOOKED_AT, ..newest }.minute();
    let mut minutes: BTreeMap<i64, Level> = BTreeMap::new();
    for level in levels.into_iter().filter(|level| level.minute() >= first) {
        minutes.entry(level.minute()).and_modify(|known| *known = known.joined(level)).or_insert(level);
    }
    Ok(Some(minutes.into_values().collect()))
}

fn level(heard: &Heard) -> Option<Level> {
    match &heard.event.what {
        What::Queue(_, level) => Some(level.believed(believed_time(heard.event.time, heard.received_at))),
        _ => None,
    }
}

/// The steps as they were known at a moment.
#[derive(Debug, Default)]
pub struct StepsThen {
    /// Those that had been heard of; how many were on track is not known.
    pub rows: Vec<StepRow>,
    /// Since when the oldest of those in the worst state was in it, by (workflow, step).
    pub since: HashMap<(String, String), Moment>,
    /// The state of each, as pages show it.
    pub states: HashMap<(String, String), State>,
}

impl StepsThen {
    /// The components that were down: a step that they do had failed for good.
    pub fn down(&self, book: &Book) -> BTreeSet<String> {
        let broken = self.rows.iter().filter(|(_, tally)| tally.here.broken > 0);
        broken.filter_map(|((workflow, step), _)| book.step(workflow, step)?.component.clone()).collect()
    }
}

/// The steps of every workflow as they were known at a moment; none where that is not kept, rather than steps of which
/// only nothing bad is known.
///
/// # Errors
/// What the database says.
pub async fn steps(app: &App, world: &World, at: Moment) -> sqlx::Result<StepsThen> {
    if !world.not_known.is_empty() {
        return Ok(StepsThen::default());
    }
    let known = tallies::steps_at(app.db.read(), at).await?;
    let without_signal = problems::without_signal_at(app.db.read(), at).await?;
    let pauses = standing::pauses_near(app, at).await?;
    let mut of_workflow: HashMap<String, (Paused, bool)> = HashMap::new();
    let mut then = StepsThen::default();
    for (row, since) in known {
        let (key, tally) = &row;
        let declared = world.workflow(&key.0);
        let (paused, silent) = of_workflow.entry(key.0.clone()).or_insert_with(|| {
            let claimed = claims_about(&without_signal, &key.0, declared);
            let silent = claimed.iter().any(|claim| claim.place.step().is_none());
            (Paused::at(&pauses, &key.0, declared, at), silent)
        });
        if let Some(state) = paused.state_of_step(&key.1, Some(tally.here.worst()), *silent) {
            then.states.insert(key.clone(), state);
        }
        if let Some(since) = since.filter(|_| tally.here.worst() != State::OnTrack) {
            then.since.insert(key.clone(), since);
        }
        then.rows.push(row);
    }
    Ok(then)
}
