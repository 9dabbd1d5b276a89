//! `/problems`: the list, one problem, and what people do about it.

use std::collections::BTreeMap;
use std::sync::Arc;

use app::model::event::Event;
use app::model::following::{LogLine, LoggedStep, Occasion, last_done, sections};
use app::model::group::{component, origins};
use app::model::moment::Moment;
use app::model::problem::{Family, How, Problem, Where};
use app::model::reference::Reference;
use app::model::status::{Role, State as Status};
use app::model::verdict::Wrong;
use app::pages::problem::{
    HandOver, Incident, KnownFailure, Owner, ProblemPicture, ProblemRow, SectionLink, StepTick, Ticked,
};
use app::pages::problems::ProblemsPicture;
use app::pages::shell::Place;
use app::pages::workflow::{ProblemLink, Recovery};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::{Form, Json};
use serde::Deserialize;
use serde_json::json;

use super::error::Error;
use super::following::{self, LONGEST_LOG, Typed};
use super::session::PageContext;
use super::{render, runbooks, runs};
use crate::App;
use crate::actions::act_on_problem::{Act, Acted, act_on_problem};
use crate::actions::follow::{Doer, Follow};
use crate::actions::record_events::Arrival;
use crate::live::Topic;
use crate::standing::{self, Standing};
use crate::store::watches;
use crate::store::{acts, problems};
use crate::world::World;

/// How many ended problems are on a page.
const ON_A_PAGE: i64 = 50;

/// How many of the affected runs are shown.
const SOME_RUNS: i64 = 8;

/// How many runs are ended in one go.
const AT_ONCE: i64 = 500;

/// What the list is limited to.
#[derive(Debug, Default, Deserialize)]
pub struct Asked {
    open: Option<String>,
    after: Option<String>,
}

/// The list as a page.
pub async fn list_page(State(app): State<Arc<App>>, context: PageContext, Query(asked): Query<Asked>) -> Response {
    match list(&app, &asked).await {
        Ok(picture) => {
            let head = app::pages::problems::head(&picture);
            let body = move || app::pages::problems::body(&picture);
            render::page(&app, context, Place::Now, head, None, StatusCode::OK, body).await
        }
        Err(error) => error.page(&app, context).await,
    }
}

/// The list as JSON.
pub async fn list_json(
    State(app): State<Arc<App>>,
    Query(asked): Query<Asked>,
) -> Result<Json<ProblemsPicture>, Error> {
    list(&app, &asked).await.map(Json)
}

/// One problem as a page.
pub async fn page(State(app): State<Arc<App>>, context: PageContext, Path(id): Path<String>) -> Response {
    match picture(&app, &id).await {
        Ok(picture) => {
            let head = app::pages::problem::head(&picture);
            let topic = Topic::Problem(picture.row.id);
            let body = move || app::pages::problem::body(&picture);
            render::page(&app, context, Place::Now, head, Some(topic), StatusCode::OK, body).await
        }
        Err(error) => error.page(&app, context).await,
    }
}

/// One problem as JSON.
pub async fn json(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Json<ProblemPicture>, Error> {
    picture(&app, &id).await.map(Json)
}

async fn list(app: &App, asked: &Asked) -> Result<ProblemsPicture, Error> {
    let world = app.worlds.now();
    let only = |word: &str| asked.open.as_deref() == Some(word);
    let mut items = if asked.after.is_none() && !only("0") { open_rows(app, &world).await? } else { Vec::new() };
    let mut next = None;
    if !only("1") {
        let before = match asked.after.as_deref() {
            None => (Moment::from_millis(i64::MAX), i64::MAX),
            Some(text) => text
                .split_once('-')
                .and_then(|(at, id)| Some((Moment::from_millis(at.parse().ok()?), id.parse().ok()?)))
                .ok_or_else(|| Error::Invalid(format!("\"{text}\" is not a place in this list.")))?,
        };
        let mut ended = problems::ended(app.db.read(), None, before, ON_A_PAGE + 1).await?;
        let more = ended.len() as i64 > ON_A_PAGE;
        ended.truncate(ON_A_PAGE as usize);
        next = ended.last().filter(|_| more).and_then(|p| Some(format!("{}-{}", p.ended.as_ref()?.at.millis(), p.id)));
        items.extend(ended.iter().map(|p| ended_row(app, &world, p)));
    }
    Ok(ProblemsPicture { items, next, later: asked.after.is_some() })
}

/// Every open problem, worst first, unattended before attended, each followed by those that follow from it.
pub async fn open_rows(app: &App, world: &World) -> Result<Vec<ProblemRow>, Error> {
    let standings = standing::all(app, world, app.now()).await?;
    let open = problems::open(app.db.read()).await?;
    Ok(rows_of(app, world, &open, &standings))
}

/// Rows of open problems, with what their workflows say of them.
pub fn rows_of(app: &App, world: &World, open: &[Problem], standings: &[Standing]) -> Vec<ProblemRow> {
    let raised: Vec<Problem> = open.iter().filter(|p| p.is_raised()).cloned().collect();
    let told_by = |id: &str| standings.iter().find(|s| s.id == id).map(|s| s.tally.last_source.as_str());
    let origins = origins(&raised, &world.book, told_by);
    let said: BTreeMap<i64, (&Standing, &Wrong)> = standings
        .iter()
        .flat_map(|s| s.verdict.wrong.iter().filter_map(move |w| Some((w.problem.as_ref()?.id, (s, w)))))
        .collect();
    let mut rows: Vec<ProblemRow> = raised
        .iter()
        .map(|p| {
            let wrong = said.get(&p.id).map(|(_, wrong)| *wrong);
            let mut row = row(app, world, p, wrong);
            row.origin = origins.get(&p.id).copied();
            row.followers = origins.iter().filter(|(_, origin)| **origin == p.id).map(|(id, _)| *id).collect();
            row
        })
        .collect();
    rows.sort_by(|a, b| {
        (b.state, b.kind, a.owner.is_some(), a.since, a.id).cmp(&(a.state, a.kind, b.owner.is_some(), b.since, b.id))
    });
    let (mut origins, followers): (Vec<_>, Vec<_>) = rows.into_iter().partition(|r| r.origin.is_none());
    // A group stands where its worst member would.
    let worst = |r: &ProblemRow| followers.iter().filter(|f| f.origin == Some(r.id)).map(|f| f.state).max();
    origins.sort_by_key(|r| std::cmp::Reverse(worst(r).unwrap_or(r.state).max(r.state)));
    let mut ordered = Vec::new();
    for origin in origins {
        let id = origin.id;
        ordered.push(origin);
        ordered.extend(followers.iter().filter(|f| f.origin == Some(id)).cloned());
    }
    ordered
}

/// The open problems that lie in no workflow and need a look, worst first.
pub fn elsewhere(app: &App, world: &World, open: &[Problem]) -> Vec<ProblemRow> {
    let lies = |p: &&Problem| p.is_raised() && p.place.workflow().is_none() && p.state > Status::Paused;
    let mut rows: Vec<_> = open.iter().filter(lies).map(|p| row(app, world, p, None)).collect();
    rows.sort_by_key(|r| (std::cmp::Reverse(r.state), r.owner.is_some(), r.since));
    rows
}

fn row(app: &App, world: &World, problem: &Problem, wrong: Option<&Wrong>) -> ProblemRow {
    let (now, zone) = (app.now(), app.config.zone());
    let time = |at: Moment| at.words(now, &zone);
    let sentence = match (&problem.ended, wrong) {
        (None, Some(wrong)) => wrong.sentence.clone(),
        (None, None) if !problem.sentence.is_empty() => problem.sentence.clone(),
        _ => problem.told(time),
    };
    let recovery = recovery(world, problem, now);
    ProblemRow {
        id: problem.id,
        kind: problem.kind,
        state: problem.state,
        workflow: problem.place.workflow().map(str::to_owned),
        step: problem.place.step().map(str::to_owned),
        component: component(problem, &world.book).map(str::to_owned),
        name: name(world, problem),
        href: href(&problem.place),
        since: problem.since,
        ended_at: problem.ended.as_ref().map(|e| e.at),
        ended: problem.ended.as_ref().map(|e| e.how),
        count: if problem.ended.is_some() { problem.most } else { problem.count() },
        unit: problem.unit.clone(),
        subjects: problem.subjects.clone(),
        sentence,
        next: match &problem.ended {
            Some(_) => None,
            None => {
                let said = problem.next.clone().or(wrong.and_then(|w| w.next.clone()));
                said.or_else(|| Some(problem.kind.by_itself().to_owned()))
            }
        },
        owner: problem.owner.clone().map(|(name, since)| Owner { name, since }),
        failure_point: problem.failure_point().map(str::to_owned),
        runbook: recovery.map(|r| SectionLink {
            slug: r.slug,
            section: r.section,
            title: if r.section_title.is_empty() { r.title } else { format!("{}: {}", r.title, r.section_title) },
            trust: r.trust,
        }),
        origin: None,
        followers: Vec::new(),
    }
}

fn ended_row(app: &App, world: &World, problem: &Problem) -> ProblemRow {
    row(app, world, problem, None)
}

/// The section that says what to do about a problem.
pub fn recovery(world: &World, problem: &Problem, now: Moment) -> Option<Recovery> {
    if let Some(workflow) = problem.place.workflow() {
        let declared = world.workflow(workflow)?;
        return runbooks::recovery(world, declared, problem.place.step(), &problem.cause, now);
    }
    match &problem.place {
        Where::Component(id) => runbooks::recovery_for(world, &Reference::Component(id.clone()), now),
        // What is written on the part that reports as this source.
        Where::Source(id) => {
            let reporter = world.book.reporter(id)?;
            runbooks::recovery_for(world, &Reference::Component(reporter.id.clone()), now)
        }
        _ => None,
    }
}

/// A problem by its number and the name of its place.
pub fn link(world: &World, problem: &Problem) -> ProblemLink {
    ProblemLink { id: problem.id, name: name(world, problem) }
}

fn name(world: &World, problem: &Problem) -> String {
    match (&problem.place, problem.place.workflow()) {
        (Where::Step(..), Some(workflow)) => {
            let workflow = world.workflow(workflow).map_or(workflow, |w| &w.name);
            format!("{} in {workflow}", problem.name)
        }
        _ => problem.name.clone(),
    }
}

fn href(place: &Where) -> String {
    use app::parts::path_part;
    match place {
        Where::Workflow(id) => format!("/workflows/{}", path_part(id)),
        Where::Step(workflow, step) => format!("/workflows/{}#step-{}", path_part(workflow), path_part(step)),
        Where::Component(id) => format!("/components/{}", path_part(id)),
        Where::Source(_) => "/sources".to_owned(),
        Where::Subject(kind, key) => format!("/subjects/{}/{}", path_part(kind), path_part(key)),
    }
}

/// Everything about one problem.
pub async fn picture(app: &App, id: &str) -> Result<ProblemPicture, Error> {
    let not_found = || Error::NotFound("problem", id.to_owned());
    let number = id.parse().map_err(|_| not_found())?;
    let pool = app.db.read();
    let world = app.worlds.now();
    let problem = problems::find(pool, number).await?.filter(Problem::is_raised).ok_or_else(not_found)?;
    let log = acts::log(pool, Occasion::Problem(number), LONGEST_LOG).await?;
    let mut others = Vec::new();
    let mut row = ended_row(app, &world, &problem);
    if problem.ended.is_none() {
        others = open_rows(app, &world).await?;
        if let Some(found) = others.iter().find(|r| r.id == number) {
            row = found.clone();
        }
    }
    let mut affected = Vec::new();
    if let (Family::Runs, Some(workflow), None) = (problem.family, problem.place.workflow(), &problem.ended) {
        let step = problem.place.step().unwrap_or_default();
        let some = watches::some_of_cause(pool, workflow, step, &problem.cause, SOME_RUNS).await?;
        for (run, subject) in some {
            row.subjects.push(subject.unwrap_or_else(|| run.clone()));
            affected.extend(runs::row_of(app, &world, workflow, &run).await?);
        }
    }
    let asked_about = following::followed(&world, &log);
    Ok(ProblemPicture {
        incident: problem.ended.is_none().then(|| incident(&world, &problem, &log, &row.sentence, app)),
        ending: problem.ended.is_some().then(|| problem.ending()),
        asked_about,
        answered: log.iter().any(|l| l.act == "answered"),
        log: log.iter().map(following::log_row).collect(),
        runs: affected,
        following: others.iter().filter(|r| r.origin == Some(number)).cloned().collect(),
        from: row.origin.and_then(|origin| others.iter().find(|r| r.id == origin)).cloned().map(Box::new),
        row,
    })
}

/// What to do about a problem, and how far that has come.
pub fn incident(world: &World, problem: &Problem, log: &[LogLine], sentence: &str, app: &App) -> Incident {
    let now = app.now();
    let recovery = recovery(world, problem, now);
    let document = recovery.as_ref().and_then(|r| world.documents.get(&r.slug));
    let section = document.zip(recovery.as_ref()).and_then(|(d, r)| Some((d, d.section(&r.section)?)));
    let steps = section.map(|(document, number)| following::ticks(document, number, log)).unwrap_or_default();
    let handed = log.iter().rev().take_while(|l| l.act != "accepted" && l.act != "owned");
    let hand_over = handed.filter(|l| l.act == "handed_over").map(|l| HandOver {
        by: l.actor.clone(),
        at: l.at,
        words: l.words.clone(),
    });
    Incident {
        problem: problem.id,
        owner: problem.owner.clone().map(|(name, since)| Owner { name, since }),
        hand_over: hand_over.last(),
        version: document.map_or(0, |d| d.record.version),
        hand_over_draft: draft(sentence, &steps, log, app),
        cannot_end: match problem.family {
            Family::Runs => None,
            Family::Claimed(_) => Some("It ends by itself as soon as it is no longer so.".to_owned()),
        },
        known: known(world, problem),
        steps,
        recovery,
    }
}

/// What the book says of the failure that a problem is.
fn known(world: &World, problem: &Problem) -> Option<KnownFailure> {
    let step = world.book.step(problem.place.workflow()?, problem.place.step()?)?;
    let point = step.failure_points.iter().find(|point| Some(point.id.as_str()) == problem.failure_point())?;
    Some(KnownFailure { id: point.id.clone(), effect: point.effect.clone(), automatic: point.automatic.clone() })
}

/// What a hand-over begins with.
fn draft(sentence: &str, steps: &[StepTick], log: &[LogLine], app: &App) -> String {
    let (now, zone) = (app.now(), app.config.zone());
    let mut words = format!("State at {}: {sentence}\n", now.clock(&zone));
    let one = |step: &StepTick| match &step.done {
        Some(Ticked { skipped: Some(why), by, .. }) => format!("- left out by {by} ({why}): {}\n", step.text),
        Some(done) => format!("- done {} by {}: {}\n", done.at.words(now, &zone), done.by, step.text),
        None => format!("- not done: {}\n", step.text),
    };
    words.extend(steps.iter().map(one));
    if let Some(note) = log.iter().rev().find(|l| l.act == "noted") {
        words += &format!("Last note, {} by {}: {}\n", note.at.words(now, &zone), note.actor, note.words);
    }
    words + "Open questions:\n"
}

/// `POST /problems/{id}/{act}`: does it, and goes back to the page that it was asked from.
pub async fn act(
    State(app): State<Arc<App>>,
    context: PageContext,
    headers: HeaderMap,
    Path((id, act)): Path<(String, String)>,
    Form(typed): Form<Typed>,
) -> Response {
    let viewer = match context.demand(Role::Operator, "act on problems") {
        Ok(viewer) => viewer,
        Err(refused) => return refused.page(&app, context).await,
    };
    let Ok(number) = id.parse::<i64>() else { return Error::NotFound("problem", id).page(&app, context).await };
    let done = async {
        let act = read(&app, number, &act, &typed).await?;
        let doer = following::doer(&context, &viewer, &typed, app.now())?;
        take(&app, number, &doer, act).await
    };
    let back = if context.back == "/" { format!("/problems/{number}") } else { context.back.clone() };
    let done = done.await.map(|words| (words, back));
    following::done(&app, context, &headers, done).await
}

/// What is to be done, from what was typed.
async fn read(app: &App, id: i64, act: &str, typed: &Typed) -> Result<Act, Error> {
    Ok(match act {
        "own" => Act::Own { instead_of: Some(typed.instead_of.clone()).filter(|o| !o.is_empty()) },
        "release" => Act::Release,
        "notes" => Act::Follow(Follow::Note(following::said(typed, 4_000, "what you saw or did")?)),
        "hand-over" => Act::HandOver(following::said(typed, 8_000, "what the next one must know")?),
        "accept" => Act::Accept,
        "end" => Act::End(following::said(typed, 1_000, "why it is over")?),
        "ticks" => Act::Follow(following::ticked(app, None, typed)?),
        "answer" => Act::Follow(following::answered(typed, asked(app, id).await?)?),
        other => return Err(Error::NotFound("act", other.to_owned())),
    })
}

/// The steps of every section that was followed, in the version that was; none where the problem did not end well.
async fn asked(app: &App, id: i64) -> Result<Vec<LoggedStep>, Error> {
    let pool = app.db.read();
    let well = problems::find(pool, id).await?.and_then(|p| p.ended).is_some_and(|ended| ended.how != How::Continued);
    if !well {
        return Ok(Vec::new());
    }
    let log = acts::log(pool, Occasion::Problem(id), LONGEST_LOG).await?;
    let mut asked = Vec::new();
    for (slug, section) in sections(&log) {
        if let Some(step) = last_done(&log, slug).and_then(|line| line.step.as_ref()) {
            asked.extend(following::steps_of(app, slug, step.version, Some(section)).await?);
        }
    }
    Ok(asked)
}

async fn take(app: &Arc<App>, id: i64, doer: &Doer, act: Act) -> Result<Option<&'static str>, Error> {
    let doubted = matches!(act, Act::Follow(Follow::Answer { doubted: Some(_), .. }));
    let ends = match &act {
        Act::End(why) => Some(why.clone()),
        _ => None,
    };
    let said = match &act {
        Act::Follow(Follow::Note(_)) => Some("Noted."),
        Act::HandOver(_) => Some("Handed over. It is yours until somebody takes it."),
        Act::Follow(Follow::Answer { .. }) => Some("Thank you. The owner of the runbook sees it."),
        Act::End(_) => Some("Ended."),
        _ => None,
    };
    let problem = match act_on_problem(&app.db, id, doer, act).await? {
        Acted::Done(problem) => problem,
        Acted::NotFound => return Err(Error::NotFound("problem", id.to_string())),
        Acted::Refused(why) => return Err(Error::Invalid(why)),
    };
    if let Some(why) = ends {
        end_runs(app, &problem, &doer.name, &why).await?;
    }
    if doubted {
        app.worlds.reload(&app.db).await;
        app.live.changed([Topic::Book].into());
    }
    let workflow = problem.place.workflow().map(|w| Topic::Workflow(w.to_owned()));
    app.live.changed([Topic::Problem(id), Topic::Now].into_iter().chain(workflow).collect());
    Ok(said)
}

/// Tells of every run that waits there that a person took it away: an event like any other, so that the story says who
/// and why, and a restart or a late event changes nothing of it.
async fn end_runs(app: &App, problem: &Problem, by: &str, why: &str) -> Result<(), Error> {
    let Some(workflow) = problem.place.workflow().filter(|_| problem.family == Family::Runs) else { return Ok(()) };
    let step = problem.place.step().unwrap_or_default();
    loop {
        let some = watches::some_of_cause(app.db.read(), workflow, step, &problem.cause, AT_ONCE).await?;
        if some.is_empty() {
            return Ok(());
        }
        let now = app.now();
        let events: Result<Vec<Event>, _> = some
            .iter()
            .map(|(run, _)| {
                let event = json!({"type": "run", "workflow": workflow, "run": run, "state": "cancelled",
                    "id": format!("problem-{}/{run}", problem.id), "error": format!("ended by {by}: {why}"),
                    "attributes": {"by": by}});
                Event::parse(event, standing::OURSELVES, now)
            })
            .collect();
        let events = events.map_err(|refusal| Error::Invalid(refusal.detail))?;
        let told = app.writer.record(Arrival { events, refused: Vec::new(), received_at: now }).await;
        let receipt = told.map_err(|_| Error::Busy("This could not be recorded", 5))?;
        // What is still there after that was told already; asking again would not end it.
        if receipt.accepted == 0 {
            return Ok(());
        }
    }
}

/// The worst open problem of a workflow, as its page shows it at the top.
pub fn leading(standing: &Standing) -> Option<(&Wrong, &Problem)> {
    standing.verdict.wrong.iter().find_map(|w| Some((w, w.problem.as_ref()?))).filter(|(w, _)| w.state > Status::Paused)
}
