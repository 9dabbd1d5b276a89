//! `/workflows/{id}/runs` and `/runs/{workflow}/{run}`: which runs are where, and the story of one.

use std::sync::Arc;

use app::model::book::{Step, Workflow};
use app::model::event::Progress;
use app::model::judge::{Judged, Watch, failed_times, failures, judge};
use app::model::moment::{Moment, Span};
use app::model::past;
use app::model::pause::{Pause, Paused};
use app::model::problem::Kind;
use app::model::report::Report;
use app::model::run::Visit;
use app::model::status::{Role, State as Status};
use app::model::story::{self, Line};
use app::model::tries::{self, Try};
use app::model::usual::{ahead, left_out, names};
use app::pages::check_in::CheckInLink;
use app::pages::run::{AttemptRow, LeftOut, RunPicture, StoryLine, TriesRow, VisitRow};
use app::pages::runs::{RunFilter, RunItem, RunRow, RunsPicture, StepItem};
use app::pages::shell::Place;
use app::parts::Saying;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::at::At;
use super::error::Error;
use super::session::PageContext;
use super::workflows::urlencode;
use super::{check_in, render, runbooks, workflows};
use crate::App;
use crate::known_then;
use crate::live::Topic;
use crate::standing;
use crate::store::runs::{self, RunRecord};
use crate::store::{feed, reports, tallies};
use crate::world::World;

/// How many runs are on one page of the list.
const ON_A_PAGE: i64 = 50;

/// How many lines of a story are shown.
const LONGEST_STORY: i64 = 500;

/// How many words of people are shown.
const MOST_REPORTS: i64 = 50;

/// What the list is limited to, as in the URL.
#[derive(Debug, Default, Deserialize)]
pub struct Asked {
    state: Option<String>,
    step: Option<String>,
    after: Option<String>,
}

/// The list as a page.
pub async fn list_page(
    State(app): State<Arc<App>>,
    context: PageContext,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Response {
    match list(&app, &id, &asked).await {
        Ok(picture) => {
            let head = app::pages::runs::head(&picture);
            let body = move || app::pages::runs::body(&picture);
            render::page(&app, context, Place::Workflows, head, None, StatusCode::OK, body).await
        }
        Err(error) => error.page(&app, context).await,
    }
}

/// The list as JSON.
pub async fn list_json(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Json<RunsPicture>, Error> {
    list(&app, &id, &asked).await.map(Json)
}

/// One run as a page.
pub async fn page(
    State(app): State<Arc<App>>,
    context: PageContext,
    Path((workflow, run)): Path<(String, String)>,
    At(at): At,
    headers: HeaderMap,
) -> Response {
    show(&app, context.at(at), &headers, (&workflow, &run), Saying::default()).await
}

/// One run as a page, with what somebody typed who wanted to say something: 422 when that was not taken.
pub async fn show(
    app: &App,
    context: PageContext,
    headers: &HeaderMap,
    (workflow, run): (&str, &str),
    saying: Saying,
) -> Response {
    match picture(app, workflow, run, context.at).await {
        Ok(picture) => {
            let head = app::pages::run::head(&picture);
            let check_ins = match &context.viewer {
                Some(viewer) if viewer.role >= Role::Operator && context.at.is_none() => {
                    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
                    match check_ins(app, workflow, run, host).await {
                        Ok(links) => links,
                        Err(error) => return error.page(app, context).await,
                    }
                }
                _ => Vec::new(),
            };
            let topic = Topic::Run(workflow.to_owned(), run.to_owned());
            let page = format!("/runs/{}/{}", urlencode(workflow), urlencode(run));
            let saying = Saying { page, may: context.viewer.is_some(), ..saying };
            let status = if saying.error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
            let body = move || app::pages::run::body(&picture, &check_ins, &saying);
            render::page(app, context, Place::Workflows, head, Some(topic), status, body).await
        }
        Err(error) => error.page(app, context).await,
    }
}

/// One run as JSON.
pub async fn json(State(app): State<Arc<App>>, Path((workflow, run)): Path<(String, String)>, At(at): At) -> Response {
    match picture(&app, &workflow, &run, at).await {
        Ok(picture) => Json(picture).into_response(),
        Err(error) => error.into_response(),
    }
}

/// The newest runs of a workflow.
pub async fn newest(app: &App, world: &World, workflow: &str, most: i64) -> Result<Vec<RunRow>, Error> {
    let records = runs::page(app.db.read(), workflow, RunFilter::All, None, i64::MAX, most).await?;
    let pauses = standing::pauses_near(app, app.now()).await?;
    Ok(records.iter().map(|r| row(app, world, r, &pauses)).collect())
}

/// One run in a list, by its ids; none when it is not there.
pub async fn row_of(app: &App, world: &World, workflow: &str, run: &str) -> Result<Option<RunRow>, Error> {
    let pauses = standing::pauses_near(app, app.now()).await?;
    Ok(runs::find(app.db.read(), workflow, run).await?.map(|record| row(app, world, &record, &pauses)))
}

async fn list(app: &App, id: &str, asked: &Asked) -> Result<RunsPicture, Error> {
    let filter = match asked.state.as_deref().filter(|s| !s.is_empty()) {
        None => RunFilter::All,
        Some(name) => RunFilter::parse(name).ok_or_else(|| {
            let names: Vec<_> = RunFilter::ALL.iter().map(|f| f.name()).collect();
            Error::Invalid(format!("\"{name}\" is not one of {}.", names.join(", ")))
        })?,
    };
    let before = match asked.after.as_deref() {
        None => i64::MAX,
        Some(text) => text.parse().map_err(|_| Error::Invalid(format!("\"{text}\" is not a place in this list.")))?,
    };
    let world = app.worlds.now();
    let declared = world.workflow(id);
    let tally = tallies::workflow(app.db.read(), id).await?;
    if tally.is_none() && declared.is_none() {
        return Err(Error::NotFound("workflow", id.to_owned()));
    }
    let tally = tally.unwrap_or_default();
    let step = asked.step.as_deref().filter(|s| !s.is_empty());
    let mut records = runs::page(app.db.read(), id, filter, step, before, ON_A_PAGE + 1).await?;
    let more = records.len() as i64 > ON_A_PAGE;
    records.truncate(ON_A_PAGE as usize);
    let pauses = standing::pauses_near(app, app.now()).await?;
    let count = |filter| match filter {
        RunFilter::All => tally.runs,
        RunFilter::Failed => tally.open.broken,
        RunFilter::Late => tally.open.late,
        RunFilter::Retrying => tally.open.retrying,
        RunFilter::Open => tally.open.total(),
        RunFilter::Ended => tally.runs - tally.open.total(),
    };
    Ok(RunsPicture {
        workflow: id.to_owned(),
        name: declared.map_or_else(|| id.to_owned(), |w| w.name.clone()),
        unit: workflows::unit(declared).to_owned(),
        filter,
        counts: RunFilter::ALL.into_iter().map(|f| (f, count(f))).collect(),
        step: step.map(|s| (s.to_owned(), step_name(declared, s))),
        next: more.then(|| records.last().map(|r| r.key.to_string())).flatten(),
        items: records.iter().map(|r| item(app, &world, r, &pauses)).collect(),
    })
}

/// One run of the list, with where it has been.
fn item(app: &App, world: &World, record: &RunRecord, pauses: &[Pause]) -> RunItem {
    let declared = world.workflow(&record.workflow);
    let now = app.now();
    let judged = judge(&record.folded, declared, now);
    let paused = Paused::at(pauses, &record.workflow, declared, now);
    let step = |visit: VisitRow| StepItem {
        step: visit.step,
        visit: visit.visit,
        attempt: visit.attempt,
        state: visit.state,
        started_at: visit.started_at,
        ended_at: visit.ended_at,
        due_at: visit.due_at,
        next_attempt_at: visit.next_attempt_at,
    };
    // What was tried is told by events, which are not read for a list.
    let steps = visits(record, declared, &judged, &paused, &[], (now, &app.config.zone()));
    RunItem { row: row(app, world, record, pauses), steps: steps.into_iter().map(step).collect() }
}

fn step_name(declared: Option<&Workflow>, step: &str) -> String {
    if step.is_empty() {
        return "The run".to_owned();
    }
    declared.and_then(|w| w.step(step)).map_or_else(|| step.to_owned(), |s| s.name.clone())
}

/// One run in a list; `pauses` are those near now.
pub fn row(app: &App, world: &World, record: &RunRecord, pauses: &[Pause]) -> RunRow {
    row_at(app, world, record, pauses, app.now())
}

/// One run in a list as it stands at `now`; `pauses` are those near that moment.
pub fn row_at(app: &App, world: &World, record: &RunRecord, pauses: &[Pause], now: Moment) -> RunRow {
    let declared = world.workflow(&record.workflow);
    let judged = judge(&record.folded, declared, now);
    let paused = Paused::at(pauses, &record.workflow, declared, now);
    let state = judged.watches.iter().map(|w| paused.state_of_run(&w.step, w.state)).max();
    let words = sentence(record, world, declared, &judged, now, &app.config.zone());
    let sentence = match judged.watches.iter().find_map(|w| paused.step(&w.step)) {
        Some(pause) => {
            format!("Paused until {}: {}. {words}", pause.end().words(now, &app.config.zone()), pause.reason)
        }
        None => words,
    };
    RunRow {
        workflow: record.workflow.clone(),
        run: record.run.clone(),
        state: state.unwrap_or(Status::OnTrack),
        sentence,
        since: Moment::from_millis(record.folded.started_at),
        last_at: Moment::from_millis(record.folded.last_at),
        ended_at: judged.ended_at,
        subject: record.folded.subject.clone(),
        step: (!record.step.is_empty()).then(|| (record.step.clone(), step_name(declared, &record.step))),
    }
}

fn sentence(
    record: &RunRecord,
    world: &World,
    declared: Option<&Workflow>,
    judged: &Judged,
    now: Moment,
    zone: &TimeZone,
) -> String {
    let time = |at: Moment| at.words(now, zone);
    let Some(watch) = judged.worst() else {
        let whole = record.folded.whole.as_ref().map(|w| w.progress);
        let how = match whole {
            Some(Progress::Cancelled) => "Was cancelled",
            Some(Progress::Skipped) => "Was skipped",
            _ => "Finished",
        };
        let recovered = record.folded.recovered_at.map(Moment::from_millis);
        if let (Some(Progress::Failed | Progress::Partial), Some(ended), Some(well)) =
            (whole, judged.ended_at, recovered)
        {
            return format!("Failed {}. A later run of this check went well {}.", time(ended), time(well));
        }
        return match judged.ended_at {
            Some(at) => {
                let took = at.since(Moment::from_millis(record.folded.started_at)).words();
                let without = match declared.map(|w| left_out(&record.folded, w)).unwrap_or_default().as_slice() {
                    left if how == "Finished" && !left.is_empty() => format!(", without {}", names(left)),
                    _ => String::new(),
                };
                format!("{how} {}, after {took}{without}.", time(at))
            }
            None => "Nothing of it is open.".to_owned(),
        };
    };
    let step = step_name(declared, &watch.step);
    let error = if watch.error.is_empty() { String::new() } else { format!(": {}", watch.error) };
    let (times, last) = failures(&record.folded, watch);
    let failed = failed_times(times);
    match watch.state {
        Status::Broken if watch.kind == Some(Kind::Partial) => {
            format!("{step} was done only in part {}{error}.", time(watch.since))
        }
        Status::Broken if times > 1 => format!("{step} {failed}, last {}{error}.", time(last)),
        Status::Broken => format!("{step} {failed} {}{error}.", time(watch.since)),
        Status::Retrying if watch.trying_again => {
            format!("{step} {failed}{error}. Try {} is under way.", watch.attempt)
        }
        Status::Retrying => match watch.next_attempt_at {
            Some(next) => format!("{step} {failed}{error}. Next try {}.", time(next)),
            None => format!("{step} {failed}{error}. It will try again."),
        },
        Status::Late => match by_hand(world, declared, watch) {
            Some(who) => format!("{step} should have been done by {} by {who}.", time(watch.since)),
            None => format!("{} It should have been done by {}.", place(&step, watch), time(watch.since)),
        },
        Status::OnTrack | Status::Paused | Status::NoSignal => match watch.due_at {
            Some(due) => format!("{} Due by {}.", place(&step, watch), time(due)),
            None => place(&step, watch),
        },
    }
}

/// Who has not done it yet, where a run waits for nothing but a person.
fn by_hand<'w>(world: &'w World, declared: Option<&Workflow>, watch: &Watch) -> Option<&'w str> {
    let step = declared?.step(&watch.step).filter(|_| !watch.between && watch.next_attempt_at.is_none())?;
    world.book.done_by_hand(step)
}

fn place(step: &str, watch: &Watch) -> String {
    match (watch.between, watch.step.is_empty()) {
        (_, true) => "Started.".to_owned(),
        (true, _) => format!("Left {step}; the next step has not started."),
        (false, _) => format!("At {step}."),
    }
}

/// The check-in links of a run. They are no part of its picture, which is the same for everybody.
async fn check_ins(app: &App, workflow: &str, run: &str, host: Option<&str>) -> Result<Vec<CheckInLink>, Error> {
    let world = app.worlds.now();
    let Some(record) = runs::find(app.db.read(), workflow, run).await? else { return Ok(Vec::new()) };
    let judged = judge(&record.folded, world.workflow(workflow), app.now());
    Ok(check_in::links(app, &world, &record, &judged, host))
}

/// Everything about one run, as it is or as it was known at a moment.
pub async fn picture(app: &App, workflow: &str, run: &str, at: Option<Moment>) -> Result<RunPicture, Error> {
    let world = app.world(at).await?;
    let now = at.unwrap_or_else(|| app.now());
    let declared = world.workflow(workflow);
    let record =
        runs::find(app.db.read(), workflow, run).await?.ok_or_else(|| Error::NotFound("run", run.to_owned()))?;
    let (record, events) = match at {
        None => {
            let events = feed::newest_of_run(app.db.read(), record.key, LONGEST_STORY).await?;
            (record, events)
        }
        Some(at) => {
            let key = record.key;
            let Some(mut then) = known_then::run(app, record, declared, at).await? else {
                let first = feed::run_heard_at(app.db.read(), key).await?;
                return Err(not_yet(app, "run", run, first));
            };
            then.events.drain(..then.events.len().saturating_sub(LONGEST_STORY as usize));
            (then.record, then.events)
        }
    };
    let lines = story::tell(&events, declared);
    let said = words_on(app, &record, now).await?;
    let judged = judge(&record.folded, declared, now);
    let pauses = standing::pauses_near(app, now).await?;
    let paused = Paused::at(&pauses, workflow, declared, now);
    let row = row_at(app, &world, &record, &pauses, now);
    let trouble = judged.worst().filter(|w| w.state != Status::OnTrack);
    let runbook = match (declared, trouble) {
        (Some(declared), Some(watch)) => runbooks::recovery(&world, declared, Some(&watch.step), &watch.cause, now),
        _ => None,
    };
    let zone = app.config.zone();
    let ahead = match (declared, judged.ended_at) {
        (Some(declared), None) => ahead(&record.folded, declared),
        _ => Vec::new(),
    };
    Ok(RunPicture {
        workflow_name: declared.map_or_else(|| workflow.to_owned(), |w| w.name.clone()),
        steps: visits(&record, declared, &judged, &paused, &lines, (now, &zone)),
        earlier: (record.folded.events - lines.len() as i64).max(0),
        story: with_words(lines.into_iter().map(story_line).collect(), said),
        runbook,
        ahead: ahead.into_iter().map(|step| (step.id.clone(), step.name.clone())).collect(),
        left_out: declared.map(|w| left_out(&record.folded, w)).unwrap_or_default().into_iter().map(without).collect(),
        not_known: world.not_known.clone(),
        row,
    })
}

/// A step that a run did without, and what that means.
fn without(step: &Step) -> LeftOut {
    LeftOut { step: step.id.clone(), name: step.name.clone(), means: step.if_skipped.clone() }
}

/// Each visit of a step, in the order of their starts. What was open when the run ended has ended with it: nothing of it
/// is due, and no try is planned.
fn visits(
    record: &RunRecord,
    declared: Option<&Workflow>,
    judged: &Judged,
    paused: &Paused,
    lines: &[Line],
    (now, zone): (Moment, &TimeZone),
) -> Vec<VisitRow> {
    let row = |visit: &Visit| {
        let row = visit_row(visit, declared, judged, paused, lines, (now, zone));
        let Some(over_at) = judged.ended_at else { return row };
        let row = VisitRow { next_attempt_at: None, planned: Vec::new(), gives_up_at: None, ..row };
        if row.ended_at.is_some() {
            return row;
        }
        let how = record.folded.ended_as().map_or("ended", Progress::name);
        let how = if how == "succeeded" { "ended" } else { how };
        let ended_at = Some(over_at.max(Moment::from_millis(visit.progress_at)));
        VisitRow { ended_at, cut_off: Some(how.to_owned()), due_at: None, ..row }
    };
    record.folded.visits.iter().map(row).collect()
}

/// That something was not known at the moment asked for, but is from `first` on.
pub fn not_yet(app: &App, kind: &'static str, id: &str, first: Option<Moment>) -> Error {
    let zone = app.config.zone();
    Error::NotYet(kind, id.to_owned(), first.map(|first| past::in_full(first, app.now(), &zone)))
}

fn visit_row(
    visit: &Visit,
    declared: Option<&Workflow>,
    judged: &Judged,
    paused: &Paused,
    lines: &[Line],
    (now, zone): (Moment, &TimeZone),
) -> VisitRow {
    let step = declared.and_then(|w| w.step(&visit.step));
    let policy = step.and_then(|s| s.retry.as_ref());
    let tried = tries::tries(visit, step, lines);
    let watch =
        judged.watches.iter().find(|w| w.step == visit.step && !w.between).filter(|w| w.attempt == visit.attempt);
    let ended = visit.has_ended();
    let moment = Moment::from_millis;
    let due = match (watch, step.and_then(|s| s.finish_within)) {
        (Some(w), _) if w.state == Status::Late => Some(w.since),
        (Some(w), _) if w.due_at.is_some() && w.state == Status::OnTrack => w.due_at,
        (_, Some(within)) => Some(moment(visit.attempt_at) + within),
        _ => None,
    };
    let next = watch.and_then(|w| w.next_attempt_at).or(visit.next_attempt_at.map(moment));
    VisitRow {
        step: visit.step.clone(),
        name: step_name(declared, &visit.step),
        visit: visit.visit,
        attempt: visit.attempt,
        max_attempts: policy.map(|r| r.max_attempts),
        state: match watch {
            Some(watch) => paused.state_of_run(&watch.step, watch.state),
            // What failed and was left behind by a later visit, or by the end of the run, is history.
            None => Status::OnTrack,
        },
        progress: visit.progress.name().to_owned(),
        started_at: moment(visit.started_at),
        ended_at: ended.then(|| moment(visit.progress_at)),
        cut_off: None,
        due_at: due,
        next_attempt_at: next,
        error: visit.error.as_ref().map(|e| (e.code.clone(), e.message.clone())),
        declared: declared.is_none() || step.is_some(),
        attempts: match tried.as_slice() {
            [first, .., _] if tried.len() > 11 => {
                [first].into_iter().chain(&tried[tried.len() - 10..]).map(attempt_row).collect()
            }
            all => all.iter().map(attempt_row).collect(),
        },
        tries: tries::folded(&tried).into_iter().map(|part| tries_row(part, now, zone)).collect(),
        planned: next.map(|at| tries::planned(policy, visit.attempt, at, now)).unwrap_or_default(),
        gives_up_at: watch.and_then(|w| w.gives_up_at),
        policy: tries::against_policy(policy, &tried),
    }
}

fn attempt_row(tried: &Try) -> AttemptRow {
    AttemptRow {
        attempt: tried.attempt,
        started_at: tried.at,
        ended_at: tried.ended_at,
        progress: tried.progress.name().to_owned(),
        error: tried.error.as_ref().map(|e| (e.code.clone(), e.message.clone())),
        planned_at: tried.planned_at,
        late_by_ms: tried.late_by.map(Span::millis),
    }
}

fn tries_row(part: &[Try], now: Moment, zone: &TimeZone) -> TriesRow {
    let alike = match part {
        [first, .., last] => {
            Some(format!("{} more like it, {} to {}", part.len(), first.at.words(now, zone), last.at.words(now, zone)))
        }
        _ => None,
    };
    TriesRow { attempts: part.iter().map(attempt_row).collect(), alike }
}

fn story_line(line: Line) -> StoryLine {
    StoryLine {
        at: line.at,
        received_at: line.stored.heard.received_at,
        step: line.stored.heard.report().and_then(|(r, _)| r.step.clone()),
        text: line.text,
        repeats: line.stored.repeats,
        marks: line.marks,
        gap: line.gap.map(|g| g.words()),
        source: line.stored.heard.event.source.clone(),
        raw: line.stored.heard.event.body.clone(),
        by: None,
        visit: line.visit,
        attempt: line.attempt,
    }
}

/// What people had said by a moment of a run, and of what it is about without naming a run.
async fn words_on(app: &App, record: &RunRecord, by: Moment) -> Result<Vec<Report>, Error> {
    let pool = app.db.read();
    let mut said = reports::of_run(pool, &record.workflow, &record.run, by, MOST_REPORTS).await?;
    if let Some(subject) = &record.folded.subject {
        let of_subject = reports::of_subject(pool, subject, by, MOST_REPORTS).await?;
        said.extend(of_subject.into_iter().filter(|r| r.run.is_none()));
    }
    Ok(said)
}

/// The story with what people said at its time.
fn with_words(mut story: Vec<StoryLine>, said: Vec<Report>) -> Vec<StoryLine> {
    story.extend(said.into_iter().map(|report| StoryLine {
        at: report.at,
        received_at: report.at,
        step: None,
        text: format!("{} says: {}", report.by, report.text),
        repeats: 1,
        marks: Vec::new(),
        gap: None,
        source: report.by.clone(),
        raw: String::new(),
        by: Some(report.by),
        visit: 0,
        attempt: 0,
    }));
    // Stable: what happened at one moment keeps its order.
    story.sort_by_key(|line| line.at);
    story
}
