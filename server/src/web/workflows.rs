//! `/workflows`: the list, and one workflow: state, trouble, flow, the five questions, documents, runs.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use app::layout::{self, Edge, Layout, Plan, Step};
use app::model::blast;
use app::model::book::{Step as BookStep, Workaround, Workflow};
use app::model::following::Occasion;
use app::model::group::{down, origins};
use app::model::hourly::{HOUR, begin};
use app::model::moment::{Moment, Span};
use app::model::past;
use app::model::pause::Pause;
use app::model::problem::{Kind, Problem, recovered};
use app::model::queue;
use app::model::reference::Reference;
use app::model::status::State as Status;
use app::model::usual::{self, Usual};
use app::model::verdict::{Place as Where, count_of};
use app::pages::now::NowPicture;
use app::pages::problem::Owner;
use app::pages::shell::Place;
use app::pages::workflow::{
    Affects, Declared, EdgeNow, Observed, Questions, StepNow, Trouble, UsualTime, WorkflowPicture,
};
use app::pages::workflows::{WorkflowRow, WorkflowsPicture};
use app::parts::{Spell, Timeline};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::tz::TimeZone;
use serde_json::json;

use super::at::{At, Recorded};
use super::error::Error;
use super::session::PageContext;
use super::shown::absent;
use super::{components, pause, problems, render, runbooks, runs, undocumented};
use crate::App;
use crate::judging::queues as judging;
use crate::live::Topic;
use crate::standing::{self, Standing};
use crate::store::acts;
use crate::store::pictures;
use crate::store::problems as store_problems;
use crate::store::tallies::{self, Counts, StepTally};
use crate::store::usual as kept;
use crate::world::World;

/// How many lines of a problem's log are read for its steps.
const LONGEST_LOG: i64 = 500;

/// How many problems of a day are looked at, the newest, and how many of them are marked in it.
const MOST_SPELLS: i64 = 50;
const MOST_MARKED: usize = 12;

/// A record that is no older than this after the begin of a problem is the first that knows of it.
const SOON_AFTER: Span = Span::from_minutes(1);

/// A day, in milliseconds.
const DAY_MS: i64 = 24 * 3_600_000;

/// How many of the newest runs a workflow's page shows.
const NEWEST_RUNS: i64 = 12;

/// The list as a page.
pub async fn list_page(State(app): State<Arc<App>>, context: PageContext, At(at): At) -> Response {
    let (context, picture) = match at {
        None => (context, list(&app).await),
        Some(at) => match list_then(&app, at).await {
            Ok((recorded_at, picture)) => (context.at(Some(at)).recorded(recorded_at), Ok(picture)),
            Err(error) => (context, Err(error)),
        },
    };
    match picture {
        Ok(picture) => {
            let head = app::pages::workflows::head(&picture);
            let body = move || app::pages::workflows::body(&picture);
            render::page(&app, context, Place::Workflows, head, Some(Topic::Workflows), StatusCode::OK, body).await
        }
        Err(error) => error.page(&app, context).await,
    }
}

/// The list as JSON.
pub async fn list_json(State(app): State<Arc<App>>, At(at): At) -> Result<Response, Error> {
    let Some(at) = at else { return list(&app).await.map(|list| Json(list).into_response()) };
    let (recorded_at, WorkflowsPicture { items, next }) = list_then(&app, at).await?;
    Ok(Json(json!({"items": items, "next": next, "at": at, "recorded_at": recorded_at})).into_response())
}

/// One workflow as a page.
pub async fn page(State(app): State<Arc<App>>, context: PageContext, Path(id): Path<String>, At(at): At) -> Response {
    let (context, shown) = match at {
        None => (context, picture(&app, &id).await),
        Some(at) => match picture_then(&app, &id, at).await {
            Ok((recorded_at, picture)) => (context.at(Some(at)).recorded(recorded_at), Ok(picture)),
            Err(error) => (context, Err(error)),
        },
    };
    let shown = match shown {
        Ok(picture) => day(&app, &id, at).await.map(|day| (picture, day)),
        Err(error) => Err(error),
    };
    match shown {
        Ok((picture, day)) => {
            let head = app::pages::workflow::head(&picture);
            let body = move || app::pages::workflow::body(&picture, &day);
            render::page(&app, context, Place::Workflows, head, Some(Topic::Workflow(id)), StatusCode::OK, body).await
        }
        Err(error) => error.page(&app, context).await,
    }
}

/// One workflow as JSON.
pub async fn json(State(app): State<Arc<App>>, Path(id): Path<String>, At(at): At) -> Result<Response, Error> {
    match at {
        None => picture(&app, &id).await.map(|picture| Json(picture).into_response()),
        Some(at) => Ok(Json(recorded(&app, &id, at).await?.json()?).into_response()),
    }
}

/// The list as it was known at a moment, and when it was recorded: what is recorded of Now names every workflow.
async fn list_then(app: &App, at: Moment) -> Result<(Moment, WorkflowsPicture), Error> {
    let recorded = Recorded::find(app, &Topic::Now, at).await?;
    let now = recorded.picture(NowPicture::read)?;
    Ok((recorded.recorded_at, sorted(now.rows().cloned().collect())))
}

/// One workflow as it was known at a moment, and when it was recorded.
async fn picture_then(app: &App, id: &str, at: Moment) -> Result<(Moment, WorkflowPicture), Error> {
    let recorded = recorded(app, id, at).await?;
    let picture = recorded.picture(WorkflowPicture::read)?;
    let layout = placed(&picture.steps, &picture.edges);
    Ok((recorded.recorded_at, WorkflowPicture { layout, ..picture }))
}

/// The day around the moment that is shown, with the problems of this workflow that are known today.
async fn day(app: &App, id: &str, at: Option<Moment>) -> Result<Timeline, Error> {
    let (pool, now) = (app.db.read(), app.now());
    let shown = at.unwrap_or(now);
    let to = past::end_of_day(shown, now);
    let topic = Topic::Workflow(id.to_owned()).to_string();
    let first = pictures::first_since(pool, &topic, Moment::default()).await?;
    let problems = store_problems::of_workflow_in(pool, id, to - past::DAY, to, MOST_SPELLS).await?;
    let many = store_problems::count_of_workflow_in(pool, id, to - past::DAY, to).await?;
    let mut spells = Vec::new();
    for problem in marked(problems, now) {
        let from = problem.raised_at.unwrap_or(problem.since);
        // The picture that knows of it is recorded a moment later.
        let recorded = pictures::first_since(pool, &topic, from).await?.filter(|at| at.since(from) <= SOON_AFTER);
        spells.push(Spell {
            problem: problem.id,
            state: problem.state,
            name: format!("{}: {}", problem.kind.words(), problem.name),
            from,
            to: problem.ended.as_ref().map(|ended| ended.at),
            // What began before anything was recorded is first known where the records begin.
            known_at: recorded.unwrap_or(from).max(first.unwrap_or(from)),
        });
    }
    spells.sort_by_key(|spell| (spell.from, spell.problem));
    let not_marked = usize::try_from(many).unwrap_or_default().saturating_sub(spells.len());
    Ok(Timeline { page: format!("/workflows/{}", urlencode(id)), to, shown, now, first, spells, not_marked })
}

/// The problems that a day has room for: the last one, and of the rest the worst and longest. What puts nothing into
/// another state is counted only.
fn marked(mut problems: Vec<Problem>, now: Moment) -> Vec<Problem> {
    problems.retain(|p| p.state != Status::OnTrack);
    let known = |p: &Problem| p.raised_at.unwrap_or(p.since);
    let length = |p: &Problem| p.ended.as_ref().map_or(now, |ended| ended.at).since(known(p));
    problems.sort_by_key(|p| std::cmp::Reverse((p.state, length(p), p.id)));
    if let Some(last) = problems.iter().enumerate().max_by_key(|(_, p)| (known(p), p.id)).map(|(at, _)| at) {
        problems[..=last].rotate_right(1);
    }
    problems.truncate(MOST_MARKED);
    problems
}

/// What is recorded of a workflow; one that there is not, and was not, has no moments either.
async fn recorded(app: &App, id: &str, at: Moment) -> Result<Recorded, Error> {
    let found = Recorded::find(app, &Topic::Workflow(id.to_owned()), at).await;
    if let Err(Error::NotRecorded(_)) = found
        && app.worlds.now().workflow(id).is_none()
        && tallies::workflow(app.db.read(), id).await?.is_none()
    {
        return Err(Error::NotFound("workflow", id.to_owned()));
    }
    found
}

/// Every workflow: worst first, then the most critical, then by name.
pub async fn list(app: &App) -> Result<WorkflowsPicture, Error> {
    let now = app.now();
    let world = app.worlds.now();
    let standings = standing::all(app, &world, now).await?;
    Ok(sorted(standings.iter().map(|s| row(&world, s, now, &app.config.zone())).collect()))
}

fn sorted(mut items: Vec<WorkflowRow>) -> WorkflowsPicture {
    items.sort_by(|a, b| {
        b.state
            .cmp(&a.state)
            .then(b.criticality.cmp(&a.criticality))
            .then_with(|| (&a.name, &a.id).cmp(&(&b.name, &b.id)))
    });
    WorkflowsPicture { items, next: None }
}

/// One workflow in a list.
pub fn row(world: &World, standing: &Standing, now: Moment, zone: &TimeZone) -> WorkflowRow {
    let declared = world.workflow(&standing.id);
    let documents = declared.map(|w| world.documents_of(w)).unwrap_or_default();
    let problem = problems::leading(standing).map(|(_, problem)| problem);
    WorkflowRow {
        id: standing.id.clone(),
        name: declared.map_or_else(|| standing.id.clone(), |w| w.name.clone()),
        declared: declared.is_some(),
        state: standing.verdict.state,
        sentence: standing.verdict.sentence.clone(),
        since: standing.verdict.since,
        waiting: standing.tally.open.total(),
        unit: unit(declared).to_owned(),
        oldest_at: standing.oldest().map(|watch| watch.since),
        oldest_state: standing.oldest().map(|watch| watch.state),
        owner: declared.and_then(|w| w.owner.clone()),
        criticality: declared.map(|w| w.criticality).unwrap_or_default(),
        trust: documents.iter().map(|d| d.trust(now)).max(),
        runbooks: documents.iter().map(|d| d.record.slug.clone()).collect(),
        problem: problem.map(|p| p.id),
        attended: problem.and_then(|p| p.owner.clone()).map(|(name, since)| Owner { name, since }),
        affected_by: components::affected_by(world, &standing.affected_by),
        paused: standing.paused.told().map(|p| pause::pause_row(world, p, now, zone)),
    }
}

/// What one run is about, in the plural.
pub fn unit(declared: Option<&Workflow>) -> &str {
    declared.and_then(|w| w.unit.as_deref()).unwrap_or("runs")
}

/// Everything about one workflow.
pub async fn picture(app: &App, id: &str) -> Result<WorkflowPicture, Error> {
    let now = app.now();
    let zone = app.config.zone();
    let world = app.worlds.now();
    let standing =
        standing::one(app, &world, id, now).await?.ok_or_else(|| Error::NotFound("workflow", id.to_owned()))?;
    let declared = world.workflow(id);
    let edges_seen = tallies::edges(app.db.read(), id).await?;
    let (steps_seen, starts, ends) = tallies::observed(&standing.steps);
    let runs = runs::newest(app, &world, id, NEWEST_RUNS).await?;
    let observed = Observed {
        runs: standing.tally.runs,
        events: standing.tally.events,
        steps: steps_seen,
        edges: edges_seen,
        starts,
        ends,
    };
    let declared_flow = declared.map(declared_flow).unwrap_or_default();
    let edges = edges(&declared_flow, &observed);
    let mut queues = HashMap::new();
    for via in declared.iter().flat_map(|w| &w.steps).filter_map(|s| s.via.as_deref()) {
        if let Some((judged, _)) = judging::one(app, &world, via, now).await? {
            queues.insert(via, judged);
        }
    }
    let usuals = usuals(app, id, now, &zone).await?;
    let steps = steps(&world, declared, &standing, &observed, &usuals, &queues, (now, &zone));
    let row = row(&world, &standing, now, &zone);
    let documents = declared.map(|w| world.documents_of(w)).unwrap_or_default();
    let open = store_problems::open(app.db.read()).await?;
    let incident = match problems::leading(&standing) {
        Some((wrong, problem)) => {
            let log = acts::log(app.db.read(), Occasion::Problem(problem.id), LONGEST_LOG).await?;
            Some(problems::incident(&world, problem, &log, &wrong.sentence, app))
        }
        None => None,
    };
    let undocumented = undocumented::waiting(app).await?.get(id).copied().unwrap_or(0);
    Ok(WorkflowPicture {
        in_book: row.declared,
        undocumented,
        incident,
        facts: facts(declared, &standing, &row, now, &zone),
        trouble: trouble(&world, declared, &standing, &open, now),
        pauses: pause::of_workflow(app, &world, &standing).await?,
        layout: placed(&steps, &edges),
        questions: Questions {
            usual: usual_volume(&usuals, declared, now, &zone),
            recovered: recovered(&store_problems::recoveries(app.db.read(), id, now.millis() / DAY_MS - 30).await?),
            ..questions(&world, declared, &standing, &edges, &observed, now, &zone)
        },
        documents: documents.into_iter().map(|d| runbooks::row(&world, d, now)).collect(),
        declared: declared_flow,
        observed,
        steps,
        edges,
        runs,
        row,
    })
}

/// What is usual at this hour for each step, and under the empty name for runs as a whole.
async fn usuals(app: &App, workflow: &str, now: Moment, zone: &TimeZone) -> sqlx::Result<BTreeMap<String, Usual>> {
    let earlier = usual::earlier(begin(now, HOUR), zone);
    let hours = earlier.weeks.iter().chain(&earlier.days).copied().collect();
    let kept = kept::hours(app.db.read(), &hours, Some(workflow)).await?;
    Ok(kept.into_iter().map(|((_, step), hours)| (step, usual::usual(&hours, &earlier))).collect())
}

/// How many runs usually start in this hour: "Usual on Thursdays at this hour: 120 orders start."
fn usual_volume(
    usuals: &BTreeMap<String, Usual>,
    declared: Option<&Workflow>,
    now: Moment,
    zone: &TimeZone,
) -> Option<String> {
    let level = usuals.get("")?.volume.filter(|level| level.middle >= 1.0)?;
    let many = level.middle.round() as i64;
    let starts = if many == 1 { "starts" } else { "start" };
    let usually = usual::usually(begin(now, HOUR), level.basis, zone);
    Some(format!("Usual {usually}: {} {starts}.", count_of(many, unit(declared))))
}

fn declared_flow(workflow: &Workflow) -> Declared {
    Declared {
        steps: workflow.steps.iter().map(|s| s.id.clone()).collect(),
        edges: workflow.edges().into_iter().map(|(from, to)| (from.to_owned(), to.to_owned())).collect(),
    }
}

/// Declared edges in the book's order, then the observed ones that it does not know, most frequent first.
fn edges(declared: &Declared, observed: &Observed) -> Vec<EdgeNow> {
    let seen: HashMap<(&str, &str), i64> =
        observed.edges.iter().map(|e| ((e.from.as_str(), e.to.as_str()), e.count)).collect();
    let known: HashSet<(&str, &str)> = declared.edges.iter().map(|(f, t)| (f.as_str(), t.as_str())).collect();
    let edge = |from: &str, to: &str, declared, count| EdgeNow { from: from.into(), to: to.into(), declared, count };
    let mut edges: Vec<_> = declared
        .edges
        .iter()
        .map(|(from, to)| edge(from, to, true, seen.get(&(from.as_str(), to.as_str())).copied().unwrap_or(0)))
        .collect();
    edges.extend(
        observed
            .edges
            .iter()
            .filter(|e| !known.contains(&(e.from.as_str(), e.to.as_str())))
            .map(|e| edge(&e.from, &e.to, false, e.count)),
    );
    edges
}

fn steps(
    world: &World,
    declared: Option<&Workflow>,
    standing: &Standing,
    observed: &Observed,
    usuals: &BTreeMap<String, Usual>,
    queues: &HashMap<&str, queue::Judged>,
    (now, zone): (Moment, &TimeZone),
) -> Vec<StepNow> {
    let tallies: HashMap<&str, &StepTally> = standing.steps.iter().map(|((_, s), t)| (s.as_str(), t)).collect();
    // Of several at one step the worst is told; among equals the one with the most runs.
    let worst = |id: &str| {
        let here = standing.places.iter().filter(|p| p.step == id);
        here.max_by_key(|p| (p.worst(), p.total()))
    };
    let ids: Vec<&str> = declared.map(|w| w.steps.iter().map(|s| s.id.as_str()).collect()).unwrap_or_default();
    let unknown = observed.steps.iter().map(|s| s.step.as_str()).filter(|s| !ids.contains(s));
    let named = |id: &Option<String>| {
        id.as_ref().map(|id| (id.clone(), world.book.components.get(id).map_or(id.clone(), |c| c.name.clone())))
    };
    let all: Vec<&str> = ids.iter().copied().chain(unknown).collect();
    all.into_iter()
        .map(|id| {
            let step = declared.and_then(|w| w.step(id));
            let tally = tallies.get(id);
            let here = tally.map(|t| t.here).unwrap_or_default();
            let visits = tally.map_or(0, |t| t.visits);
            let place = worst(id);
            let max = step.and_then(|s| s.retry.as_ref()).map(|r| r.max_attempts);
            let waiting = step.and_then(|s| s.via.as_deref()).and_then(|via| {
                let queue = queues.get(via).filter(|q| q.state != Status::NoSignal && q.level.depth > 0)?;
                Some(queue::short(&queue.level, &judging::limits(world, via)))
            });
            let gone = step.map(|s| missing(world, named_by(s))).unwrap_or_default();
            StepNow {
                id: id.to_owned(),
                name: match step {
                    Some(step) if step.id != id => format!("{} (as {id})", step.name),
                    Some(step) => step.name.clone(),
                    None => id.to_owned(),
                },
                declared: step.is_some(),
                state: standing.step_state(id),
                fact: match (standing.paused.step(id), place.and_then(Where::worst), waiting) {
                    (Some(pause), ..) => paused_fact(pause, &here, now, zone),
                    (_, Some(Status::Retrying | Status::Late | Status::Broken), Some(waiting)) => {
                        format!("{}; {waiting}", fact(place, max, visits, now, zone))
                    }
                    (_, _, Some(waiting)) => waiting,
                    (_, _, None) => fact(place, max, visits, now, zone),
                },
                open: here.on_track,
                retrying: here.retrying,
                late: here.late,
                broken: here.broken,
                visits,
                last_seen: tally.filter(|t| t.visits > 0).and_then(|t| t.last_seen).map(Moment::from_millis),
                meaning: step.and_then(|s| s.meaning.clone()),
                component: step.and_then(|s| named(&s.component)),
                via: step.and_then(|s| named(&s.via)),
                usual: usuals.get(id).and_then(|usual| usual.took).map(|took| UsualTime {
                    middle_ms: took.middle.millis(),
                    slowest_ms: took.slowest.millis(),
                    words: took.words(),
                }),
                finish_within: step.and_then(|s| s.finish_within).map(|d| d.words()),
                retry: step.and_then(|s| s.retry.as_ref()).map(|r| r.words()),
                safe_to_retry: step.and_then(|s| s.safe_to_retry).map(|s| s.words().to_owned()),
                if_skipped: step.and_then(|s| s.if_skipped.clone()),
                failure_points: step.map(|s| s.failure_points.clone()).unwrap_or_default(),
                workarounds: workarounds(world, declared, step),
                why_missing: gone.iter().map(|reference| absent(world, reference)).collect(),
                missing: gone,
            }
        })
        .collect()
}

/// The workarounds that touch a step: about it, a way in which it fails, or who does it.
fn workarounds(world: &World, declared: Option<&Workflow>, step: Option<&BookStep>) -> Vec<Workaround> {
    let (Some(workflow), Some(step)) = (declared, step) else { return Vec::new() };
    let touches = |about: &Reference| match about {
        Reference::Step(w, s) | Reference::Failure(w, s, _) => *w == workflow.id && *s == step.id,
        Reference::Component(c) => step.component.as_ref() == Some(c) || step.via.as_ref() == Some(c),
        _ => false,
    };
    world.book.workarounds.values().filter(|w| w.about.iter().any(touches)).cloned().collect()
}

/// The parts that a step names: who does it, what it waits in, where it is said what to do.
fn named_by(step: &BookStep) -> impl Iterator<Item = Reference> {
    let parts = step.component.iter().chain(&step.via).map(|id| Reference::Component(id.clone()));
    parts.chain(step.failure_points.iter().filter_map(|point| point.action.clone()))
}

/// Those that do not exist, each once.
fn missing(world: &World, references: impl Iterator<Item = Reference>) -> Vec<Reference> {
    let gone: BTreeSet<Reference> = references.filter(|reference| !world.exists(reference)).collect();
    gone.into_iter().collect()
}

/// Until when a step is paused, and what has failed there meanwhile.
fn paused_fact(pause: &Pause, here: &Counts, now: Moment, zone: &TimeZone) -> String {
    let mut words = format!("until {}", pause.end().words(now, zone));
    for (n, what) in [(here.broken, "failed"), (here.retrying, "trying again")] {
        if n > 0 {
            words += &format!(", {n} {what}");
        }
    }
    words
}

/// One live fact about a step, in a few words.
fn fact(place: Option<&Where>, max_attempts: Option<u32>, visits: i64, now: Moment, zone: &TimeZone) -> String {
    let Some((place, state)) = place.and_then(|p| Some((p, p.worst()?))) else {
        return if visits == 0 { "not seen yet".to_owned() } else { String::new() };
    };
    let count = place.count(state);
    let sample = place.sample(state);
    let oldest = sample.map(|w| now.since(w.since).words()).unwrap_or_default();
    match state {
        Status::Retrying => {
            let tries = match (sample.map(|w| w.attempt), max_attempts) {
                (Some(n), Some(max)) if n <= max => format!("{n} of {max} tries"),
                _ => format!("{count} trying again"),
            };
            let next = sample.and_then(|w| w.next_attempt_at).map(|at| format!(", next {}", at.words(now, zone)));
            format!("{tries}{}", next.unwrap_or_default())
        }
        Status::Broken => match sample.and_then(|w| w.kind) {
            Some(Kind::Partial) => format!("{count} done in part, oldest {oldest}"),
            _ => format!("{count} failed, oldest {oldest}"),
        },
        Status::Late => format!("{count} late, by {oldest}"),
        Status::OnTrack => format!("{count} here, oldest {oldest}"),
        Status::Paused | Status::NoSignal => String::new(),
    }
}

fn facts(
    declared: Option<&Workflow>,
    standing: &Standing,
    row: &WorkflowRow,
    now: Moment,
    zone: &TimeZone,
) -> Vec<(String, String)> {
    let fact = |label: &str, value: String| (label.to_owned(), value);
    let oldest = match row.oldest() {
        Some((words, at)) => fact(&capital(&words), format!("{}, {} ago", at.words(now, zone), now.since(at).words())),
        None => fact("Oldest", "nothing waits".to_owned()),
    };
    let worst = standing.verdict.wrong.first().and_then(|w| w.step.as_deref());
    let safe = worst.and_then(|s| declared?.step(s)).map(|s| match s.safe_to_retry {
        Some(safe) => safe.words().to_owned(),
        None => "not written yet".to_owned(),
    });
    let ended = standing.tally.last_ended_at.map(Moment::from_millis);
    vec![
        fact("Open", count_of(row.waiting, &row.unit)),
        oldest,
        match safe {
            Some(safe) => fact("Safe to retry", safe),
            None => fact("Last finished", ended.map_or("never".to_owned(), |at| at.words(now, zone))),
        },
        match declared.and_then(|w| w.business_owner.clone()) {
            // What is fine, waits with a pause, or tries again by itself hurts nobody yet.
            Some(owner) if row.state.needs_a_look() => fact("Who is hurt", owner),
            Some(owner) => fact("Who depends on it", owner),
            None => fact("Runs ever", count_of(standing.tally.runs, "runs")),
        },
    ]
}

fn trouble(
    world: &World,
    declared: Option<&Workflow>,
    standing: &Standing,
    open: &[Problem],
    now: Moment,
) -> Vec<Trouble> {
    let told_by = |id: &str| (id == standing.id).then_some(standing.tally.last_source.as_str());
    let origins = origins(open, &world.book, told_by);
    let link = |id: i64| open.iter().find(|p| p.id == id).map(|p| problems::link(world, p));
    let filter = |state| match state {
        Status::Broken => "failed",
        Status::Late => "late",
        Status::Retrying => "retrying",
        Status::OnTrack | Status::Paused | Status::NoSignal => "all",
    };
    standing
        .verdict
        .wrong
        .iter()
        // What is paused is said above it.
        .filter(|wrong| wrong.state != Status::Paused)
        .map(|wrong| {
            let step = wrong.step.as_deref().filter(|s| !s.is_empty());
            // What waits in a queue is seen there: its runs have not begun, or are at several steps.
            let component = wrong.problem.as_ref().and_then(|problem| problem.place.component());
            let name = match (step, component) {
                (Some(step), _) => declared.and_then(|w| w.step(step)).map_or(step, |s| s.name.as_str()).to_owned(),
                (None, Some(component)) => components::name_of(world, component),
                (None, None) => declared.map_or(standing.id.as_str(), |w| w.name.as_str()).to_owned(),
            };
            let id = urlencode(&standing.id);
            Trouble {
                state: wrong.state,
                step: step.map(str::to_owned),
                name,
                sentence: wrong.sentence.clone(),
                count: wrong.count,
                of_runs: wrong.is_of_runs(),
                since: wrong.since,
                next: Some(wrong.by_itself()),
                href: match (step, component) {
                    (Some(step), _) => {
                        format!("/workflows/{id}/runs?state={}&step={}", filter(wrong.state), urlencode(step))
                    }
                    (None, Some(component)) => format!("/components/{}", urlencode(component)),
                    (None, None) => format!("/workflows/{id}/runs"),
                },
                runbook: match &wrong.problem {
                    Some(problem) => problems::recovery(world, problem, now),
                    None => declared.and_then(|w| runbooks::recovery(world, w, step, &wrong.cause, now)),
                },
                affects: affects(world, wrong.problem.as_ref(), &standing.id),
                follows: wrong.problem.as_ref().and_then(|p| link(*origins.get(&p.id)?)),
                followers: wrong.problem.as_ref().map_or_else(Vec::new, |p| {
                    let own = origins.iter().filter(|(_, origin)| **origin == p.id);
                    own.filter_map(|(id, _)| link(*id)).collect()
                }),
                problem: wrong.problem.as_ref().map(|p| p.id),
                owner: wrong.problem.as_ref().and_then(|p| p.owner.clone()).map(|(name, since)| Owner { name, since }),
            }
        })
        .collect()
}

/// What else is affected by what a problem has brought down; none while it is down for nobody else.
fn affects(world: &World, problem: Option<&Problem>, workflow: &str) -> Option<Affects> {
    let down = down(std::slice::from_ref(problem?), &world.book);
    let id = down.first()?.clone();
    let affected = blast::affected(&world.book, &down);
    let others = affected.workflows.keys().filter(|other| *other != workflow);
    let workflows: Vec<_> =
        others.map(|id| (id.clone(), world.workflow(id).map_or_else(|| id.clone(), |w| w.name.clone()))).collect();
    let components = affected.components.len() as i64;
    (components > 0 || !workflows.is_empty()).then(|| Affects {
        name: components::name_of(world, &id),
        component: id,
        workflows,
        components,
    })
}

/// Where the steps stand; kept by what is drawn, so that a change of state or count never moves one.
fn placed(steps: &[StepNow], edges: &[EdgeNow]) -> Layout {
    static KNOWN: Mutex<Option<HashMap<Plan, Layout>>> = Mutex::new(None);
    let steps: Vec<_> = steps
        .iter()
        .map(|s| Step {
            id: &s.id,
            name: &s.name,
            declared: s.declared,
            quiet: matches!(s.state, None | Some(Status::OnTrack)),
            visits: s.visits,
        })
        .collect();
    let edges: Vec<_> =
        edges.iter().map(|e| Edge { from: &e.from, to: &e.to, declared: e.declared, count: e.count }).collect();
    let plan = layout::plan(&steps, &edges);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let known = known.get_or_insert_default();
    if let Some(layout) = known.get(&plan) {
        return layout.clone();
    }
    // Enough for every workflow of a large book in several shapes; then it starts anew.
    if known.len() > 500 {
        known.clear();
    }
    let layout = layout::place(&plan);
    known.insert(plan, layout.clone());
    layout
}

fn questions(
    world: &World,
    declared: Option<&Workflow>,
    standing: &Standing,
    edges: &[EdgeNow],
    observed: &Observed,
    now: Moment,
    zone: &TimeZone,
) -> Questions {
    let Some(workflow) = declared else {
        return Questions {
            works: None,
            usual: None,
            differences: vec!["The book does not know this workflow; everything here was observed.".to_owned()],
            fails: Vec::new(),
            recovered: None,
            depends: None,
            needs: Vec::new(),
            missing: Vec::new(),
            next: None,
            purpose: None,
            decisions: Vec::new(),
            workarounds: Vec::new(),
        };
    };
    let (decisions, workarounds) = world.book.why(workflow);
    let names: Vec<&str> = workflow.steps.iter().map(|s| s.name.as_str()).collect();
    let works = (!names.is_empty()).then(|| {
        let seen = match observed.runs {
            0 => "No run was seen yet.".to_owned(),
            n => format!("{} seen so far.", count_of(n, "runs")),
        };
        format!("{}: {}. {seen}", count_of(names.len() as i64, "steps"), names.join(", "))
    });
    let fails = workflow.steps.iter().flat_map(|s| {
        s.failure_points.iter().filter_map(|f| {
            let automatic = f.automatic.as_deref().map(|what| format!("By itself: {what}"));
            let words = [f.effect.as_deref(), automatic.as_deref()];
            let sentence = words.into_iter().flatten().collect::<Vec<_>>().join(" ");
            (!sentence.is_empty()).then(|| (format!("{}: {}", s.name, f.id.replace('-', " ")), sentence))
        })
    });
    let skipped = workflow
        .steps
        .iter()
        .filter_map(|s| Some((s.name.clone(), format!("If it is skipped: {}", s.if_skipped.as_ref()?))));
    let depends = match (&workflow.business_owner, &workflow.outcome) {
        (Some(owner), Some(outcome)) => Some(format!("{owner}. {outcome}")),
        (Some(owner), None) => Some(format!("{owner}.")),
        (None, outcome) => outcome.clone(),
    };
    let needs = workflow.components().map(|id| {
        let component = world.book.components.get(id);
        let name = component.map_or(id, |c| c.name.as_str());
        (id.to_owned(), name.to_owned(), component.and_then(|c| c.if_unavailable.clone()))
    });
    Questions {
        works,
        usual: None,
        differences: differences(workflow, edges, observed),
        fails: fails.chain(skipped).collect(),
        recovered: None,
        depends,
        needs: needs.collect(),
        missing: missing(world, workflow.components().map(|id| Reference::Component(id.to_owned()))),
        next: next(workflow, standing, now, zone),
        purpose: workflow.purpose.clone(),
        decisions: decisions.into_iter().cloned().collect(),
        workarounds: workarounds.into_iter().cloned().collect(),
    }
}

/// Where the book and what was seen differ, a sentence each.
fn differences(workflow: &Workflow, edges: &[EdgeNow], observed: &Observed) -> Vec<String> {
    if observed.runs == 0 {
        return Vec::new();
    }
    let name = |id: &str| workflow.step(id).map_or_else(|| id.to_owned(), |s| s.name.clone());
    let mut found: Vec<String> = observed
        .steps
        .iter()
        .filter(|s| workflow.step(&s.step).is_none())
        .map(|s| format!("The step \"{}\" was seen {} and is not in the book.", s.step, count_of(s.visits, "times")))
        .collect();
    let unseen = workflow.steps.iter().filter(|s| observed.steps.iter().all(|o| o.step != s.id));
    found.extend(unseen.map(|s| format!("The step {} is in the book and was never seen.", s.name)));
    // A passage from or to a step under another id is that of the step.
    let alias = |id: &str| workflow.step(id).is_some_and(|s| s.id != id);
    let said = |e: &EdgeNow| (alias(&e.from) || alias(&e.to)) && usual::knows_passage(workflow, &e.from, &e.to);
    let undeclared: Vec<_> = edges.iter().filter(|e| !e.declared && e.count > 0 && !said(e)).collect();
    let told = undeclared.iter().take(3).map(|e| {
        format!(
            "{} is followed by {} ({}), which the book does not say.",
            name(&e.from),
            name(&e.to),
            count_of(e.count, "times")
        )
    });
    found.extend(told);
    if undeclared.len() > 3 {
        found.push(format!("{} more ways are listed with the steps.", undeclared.len() - 3));
    }
    found
}

/// What should happen next: the expectations in words, with the next start that is due.
fn next(workflow: &Workflow, standing: &Standing, now: Moment, zone: &TimeZone) -> Option<String> {
    let expect = &workflow.expect;
    let unit = unit(Some(workflow));
    let mut words = Vec::new();
    if let Some(every) = expect.start_every {
        words.push(format!("{} start at least every {}", capital(unit), every.words()));
    }
    if let Some(least) = expect.min_interval {
        words.push(format!("two of them start at least {} apart", least.words()));
    }
    if let Some(line) = &expect.start_at {
        let zone = expect.timezone.as_deref().unwrap_or("UTC");
        words.push(format!("It starts at \"{line}\" ({zone})"));
    }
    if let Some(due) = standing.verdict.start_due {
        words.push(match due.at > now {
            _ if standing.paused.whole.is_some() => "while it is paused no start is missed".to_owned(),
            true => format!("the next start is expected by {}", due.at.words(now, zone)),
            false => format!("a start was expected at {}", due.at.words(now, zone)),
        });
    }
    if let Some(within) = expect.finish_within {
        words.push(format!("each run ends within {}", within.words()));
    }
    (!words.is_empty()).then(|| format!("{}.", capital(&words.join("; "))))
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|c| c.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// One part of a path or query, percent-encoded.
pub fn urlencode(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string().replace("%2D", "-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use app::model::problem::{Ended, How, Where};

    #[test]
    fn a_day_marks_the_last_problem_and_the_worst_and_longest_of_the_others() {
        let at = |minutes: i64| Moment::default() + Span::from_minutes(minutes);
        let problem = |id: i64, state: Status, minutes: i64| {
            let mut problem =
                Problem::begin(id, Where::Workflow("a".into()), String::new(), "A".into(), "runs".into(), at(id));
            (problem.raised_at, problem.state) = (Some(at(id)), state);
            problem.ended = Some(Ended { at: at(id + minutes), how: How::ByItself, by: None, why: String::new() });
            problem
        };
        let mut all: Vec<_> = (1..=30).map(|id| problem(id, Status::Late, id)).collect();
        all.push(problem(31, Status::Retrying, 1));
        all.push(problem(0, Status::Broken, 1));
        let marked: Vec<i64> = marked(all, at(90)).iter().map(|p| p.id).collect();
        assert_eq!(marked, [31, 0, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21]);
    }
}
