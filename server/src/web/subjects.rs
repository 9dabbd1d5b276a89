//! `/subjects/{type}/{key}`: everything about one order or customer, across workflows, as one story.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use app::model::agreement::{self, Comparison, Disagreement, comparisons};
use app::model::book::Workflow;
use app::model::event::Sequence;
use app::model::judge::judge;
use app::model::moment::Moment;
use app::model::record::Kept;
use app::model::report::Report;
use app::model::retelling::{Chapter, Passage, retell};
use app::model::status::State as Status;
use app::model::story::{self, Stored};
use app::model::subject::{Joining, Link, Standing, Subject, stands};
use app::pages::runs::RunRow;
use app::pages::shell::Place;
use app::pages::subject::{
    FieldNow, JoinedRun, SubjectLine, SubjectPicture, SubjectTrouble, SystemRow, WorkflowStatus,
};
use app::parts::Saying;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use jiff::tz::TimeZone;

use super::at::At;
use super::error::Error;
use super::session::PageContext;
use super::workflows::urlencode;
use super::{render, runbooks, runs};
use crate::App;
use crate::judging::records::{name, names};
use crate::known_then;
use crate::live::Topic;
use crate::standing;
use crate::store::runs::{self as store_runs, RunRecord};
use crate::store::{feed, records, reports, subjects};
use crate::world::World;

/// How many runs make the story of a subject at most.
const MOST_RUNS: usize = 50;

/// How many of the newest events of each run are told.
const MOST_EVENTS: i64 = 200;

/// How many lines of the story are shown.
const LONGEST_STORY: usize = 500;

/// How many words of people are shown.
const MOST_REPORTS: i64 = 50;

/// A subject as a page.
pub async fn page(
    State(app): State<Arc<App>>,
    context: PageContext,
    Path((kind, key)): Path<(String, String)>,
    At(at): At,
) -> Response {
    show(&app, context.at(at), &Subject::at(&kind, &key), Saying::default()).await
}

/// A subject as a page, with what somebody typed who wanted to say something: 422 when that was not taken.
pub async fn show(app: &App, context: PageContext, subject: &Subject, saying: Saying) -> Response {
    match picture(app, subject, context.at).await {
        Ok(picture) => {
            let head = app::pages::subject::head(&picture);
            let topic = Topic::Subject(subject.text().to_owned());
            let saying = Saying { page: path(subject), may: context.viewer.is_some(), ..saying };
            let status = if saying.error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
            let body = move || app::pages::subject::body(&picture, &saying);
            render::page(app, context, Place::Workflows, head, Some(topic), status, body).await
        }
        Err(error) => error.page(app, context).await,
    }
}

/// A subject as JSON.
pub async fn json(
    State(app): State<Arc<App>>,
    Path((kind, key)): Path<(String, String)>,
    At(at): At,
) -> Result<Json<SubjectPicture>, Error> {
    picture(&app, &Subject::at(&kind, &key), at).await.map(Json)
}

/// Where the page of a subject is.
pub fn path(subject: &Subject) -> String {
    format!("/subjects/{}/{}", urlencode(subject.kind()), urlencode(subject.key()))
}

/// What is known of a subject, as far as it was loaded.
struct Known {
    joining: Joining,
    found: Vec<RunRecord>,
    /// What is told of each of the runs, in the same order.
    events: Vec<Vec<Stored>>,
    kept: Vec<Kept>,
    disagreements: Vec<Disagreement>,
}

/// Everything about one subject, as it is or as it was known at a moment.
pub async fn picture(app: &App, subject: &Subject, at: Option<Moment>) -> Result<SubjectPicture, Error> {
    let world = app.world(at).await?;
    let now = at.unwrap_or_else(|| app.now());
    let known = match at {
        None => known_now(app, subject).await?,
        Some(at) => known_then(app, &world, subject, at).await?,
    };
    let Known { joining, found, events, kept, disagreements } = known;
    let said = words_on(app, subject, &found, now).await?;
    if found.is_empty() && kept.is_empty() && said.is_empty() {
        return Err(match at {
            None => Error::NotFound("subject", subject.text().to_owned()),
            Some(_) => not_known(app, subject).await?,
        });
    }
    let differing = differing(&world, &disagreements);
    let pauses = standing::pauses_near(app, now).await?;
    let rows: BTreeMap<i64, _> = found.iter().map(|r| (r.key, runs::row_at(app, &world, r, &pauses, now))).collect();
    let mut told: Vec<(RunRecord, Vec<Stored>)> = found.into_iter().zip(events).collect();
    told.sort_by_key(|(r, _)| std::cmp::Reverse((rows[&r.key].state, rows[&r.key].last_at, r.key)));
    let (found, events): (Vec<RunRecord>, Vec<Vec<Stored>>) = told.into_iter().unzip();
    let seen = Seen { world: &world, now, zone: app.config.zone() };
    let (state, sentence) = answer(&seen, &found, &rows, &differing, kept.len());
    let (story, earlier) = whole_story(&world, subject, (&found, &events), &kept, said);
    Ok(SubjectPicture {
        subject: subject.text().to_owned(),
        kind: subject.kind().to_owned(),
        key: subject.key().to_owned(),
        state,
        sentence,
        since: rows.values().map(|r| r.since).min(),
        last_at: rows.values().map(|r| r.last_at).max(),
        trouble: trouble(&seen, &found, &rows, &differing),
        systems: kept.iter().map(|k| system(&world, k, &differing)).collect(),
        workflows: workflows(&world, subject, &found, &rows),
        story,
        earlier,
        runs: found
            .iter()
            .map(|r| JoinedRun {
                row: rows[&r.key].clone(),
                workflow_name: workflow_name(&world, &r.workflow),
                joined_by: joining
                    .joined()
                    .get(&r.key)
                    .filter(|link| **link != Link::Subject(subject.text().to_owned()))
                    .map(Link::words),
            })
            .collect(),
        more_runs: joining.left_out(),
        not_known: world.not_known.clone(),
    })
}

async fn known_now(app: &App, subject: &Subject) -> Result<Known, Error> {
    let pool = app.db.read();
    let (joining, found) = joined(app, subject).await?;
    let kept = records::of_subject(pool, subject).await?;
    let mut events = Vec::with_capacity(found.len());
    for record in &found {
        events.push(feed::newest_of_run(pool, record.key, MOST_EVENTS).await?);
    }
    Ok(Known { joining, found, events, kept, disagreements: records::disagreements_of(pool, subject).await? })
}

async fn known_then(app: &App, world: &World, subject: &Subject, at: Moment) -> Result<Known, Error> {
    let (joining, then) = known_then::joined(app, world, subject, MOST_RUNS, at).await?;
    let (kept, disagreements) = known_then::held(app, world, subject, at).await?;
    let (mut found, mut events) = (Vec::new(), Vec::new());
    for mut run in then.into_values() {
        run.events.drain(..run.events.len().saturating_sub(MOST_EVENTS as usize));
        found.push(run.record);
        events.push(run.events);
    }
    Ok(Known { joining, found, events, kept, disagreements })
}

/// That nothing was known of a subject at the moment asked for, and from when on something is.
async fn not_known(app: &App, subject: &Subject) -> Result<Error, Error> {
    let pool = app.db.read();
    let mut first = [records::heard_at(pool, subject).await?, reports::said_at(pool, subject.text()).await?].to_vec();
    for record in joined(app, subject).await?.1 {
        first.push(feed::run_heard_at(pool, record.key).await?);
    }
    Ok(runs::not_yet(app, "subject", subject.text(), first.into_iter().flatten().min()))
}

/// What the parts of a picture are made with: the world and the moment that it is of.
struct Seen<'w> {
    world: &'w World,
    now: Moment,
    zone: TimeZone,
}

/// The runs that belong to the story of a subject, as of one moment.
async fn joined(app: &App, subject: &Subject) -> Result<(Joining, Vec<RunRecord>), Error> {
    let mut joining = Joining::about(subject, MOST_RUNS);
    let mut tx = app.db.snapshot().await?;
    while let Some(link) = joining.ask() {
        let members = subjects::members(&mut tx, &link, MOST_RUNS as i64 + 1).await?;
        joining.found(&link, &members);
    }
    let keys: Vec<i64> = joining.joined().keys().copied().collect();
    let found = store_runs::by_keys(&mut tx, &keys).await?;
    tx.rollback().await?;
    Ok((joining, found))
}

fn workflow_name(world: &World, id: &str) -> String {
    world.workflow(id).map_or_else(|| id.to_owned(), |w| w.name.clone())
}

/// What people had said by a moment of a subject, and of the runs of its story.
async fn words_on(app: &App, subject: &Subject, runs: &[RunRecord], by: Moment) -> Result<Vec<Report>, Error> {
    let mut said = reports::of_subject(app.db.read(), subject.text(), by, MOST_REPORTS).await?;
    for run in runs.iter().filter(|r| r.folded.subject.as_deref() != Some(subject.text())) {
        said.extend(reports::of_run(app.db.read(), &run.workflow, &run.run, by, MOST_REPORTS).await?);
    }
    let mut seen = BTreeSet::new();
    said.retain(|report| seen.insert(report.id));
    Ok(said)
}

/// Two systems that say different things of a subject, and who asks for that comparison.
struct Differing<'w> {
    workflow: &'w Workflow,
    comparison: Comparison<'w>,
    since: Moment,
}

/// The disagreements that the book still asks about.
fn differing<'w>(world: &'w World, known: &[Disagreement]) -> Vec<Differing<'w>> {
    let of = |d: &Disagreement| {
        let workflow = world.workflow(&d.workflow)?;
        let comparison = comparisons(workflow).into_iter().find(|c| c.pair() == d.pair && c.field == d.field)?;
        Some(Differing { workflow, comparison, since: d.since })
    };
    known.iter().filter_map(of).collect()
}

/// The rows of runs by their keys.
type Rows = BTreeMap<i64, RunRow>;

/// The comparisons that have failed for longer than they may, each with what is said of it.
fn lasting<'d>(now: &Seen<'_>, differing: &'d [Differing<'d>]) -> Vec<(&'d Differing<'d>, String)> {
    let Seen { world, now, zone } = now;
    let mut seen = BTreeSet::new();
    differing
        .iter()
        .filter(|d| now.since(d.since) >= d.comparison.within)
        // Two workflows may ask for the same comparison; it is one thing to say.
        .filter(|d| seen.insert(d.comparison.cause()))
        .map(|d| {
            let (first, second) = names(world, &d.comparison);
            (d, agreement::words(&d.comparison, d.since, (&first, &second), *now, zone))
        })
        .collect()
}

fn answer(
    seen: &Seen<'_>,
    found: &[RunRecord],
    rows: &Rows,
    differing: &[Differing<'_>],
    systems: usize,
) -> (Option<Status>, String) {
    let names: Vec<String> = found.iter().map(|r| workflow_name(seen.world, &r.workflow)).collect();
    let standings: Vec<_> = found
        .iter()
        .zip(&names)
        .map(|(record, name)| {
            let row = &rows[&record.key];
            Standing {
                workflow: name,
                state: row.state,
                sentence: &row.sentence,
                ended: row.ended_at.is_some(),
                last_at: row.last_at.millis(),
            }
        })
        .collect();
    let disagree: Vec<String> = lasting(seen, differing).into_iter().map(|(_, words)| words).collect();
    stands(&standings, &disagree, systems)
}

fn trouble(seen: &Seen<'_>, found: &[RunRecord], rows: &Rows, differing: &[Differing<'_>]) -> Vec<SubjectTrouble> {
    let Seen { world, now, .. } = *seen;
    let of_runs = found.iter().filter(|r| rows[&r.key].state != Status::OnTrack).map(|record| {
        let declared = world.workflow(&record.workflow);
        let judged = judge(&record.folded, declared, now);
        let watch = judged.worst();
        SubjectTrouble {
            state: rows[&record.key].state,
            workflow: record.workflow.clone(),
            name: workflow_name(world, &record.workflow),
            run: Some(record.run.clone()),
            sentence: rows[&record.key].sentence.clone(),
            since: watch.map_or(rows[&record.key].since, |w| w.since),
            runbook: declared.zip(watch).and_then(|(declared, watch)| {
                runbooks::recovery(world, declared, Some(&watch.step), &watch.cause, now)
            }),
        }
    });
    let of_systems = lasting(seen, differing).into_iter().map(|(d, words)| SubjectTrouble {
        state: Status::Late,
        workflow: d.workflow.id.clone(),
        name: d.workflow.name.clone(),
        run: None,
        sentence: words,
        since: d.since,
        runbook: runbooks::recovery(world, d.workflow, None, "", now),
    });
    let mut trouble: Vec<_> = of_runs.chain(of_systems).collect();
    trouble.sort_by_key(|t| (std::cmp::Reverse(t.state), t.since));
    trouble
}

fn system(world: &World, kept: &Kept, differing: &[Differing<'_>]) -> SystemRow {
    let differs_since = |field: &str| {
        let own = |c: &Comparison<'_>| c.field == field && (c.first == kept.system || c.second == kept.system);
        differing.iter().filter(|d| own(&d.comparison)).map(|d| d.since).min()
    };
    let field = |(field, value): (&String, &app::model::record::Datum)| FieldNow {
        field: field.clone(),
        value: value.to_string(),
        differs_since: differs_since(field),
    };
    SystemRow {
        system: kept.system.clone(),
        name: name(world, &kept.system),
        declared: world.book.components.contains_key(&kept.system),
        as_of: kept.as_of,
        heard_at: kept.heard_at,
        version: kept.version.as_ref().map(Sequence::text).map(str::to_owned),
        fields: kept.fields.iter().map(field).collect(),
    }
}

/// The newest run of each workflow: that which was first heard of last. A run about the subject itself comes before
/// one that is only joined to it, because that one's state is another thing's.
fn workflows(world: &World, subject: &Subject, found: &[RunRecord], rows: &Rows) -> Vec<WorkflowStatus> {
    let rank = |r: &RunRecord| (r.folded.subject.as_deref() == Some(subject.text()), r.key);
    let mut newest: BTreeMap<&str, &RunRecord> = BTreeMap::new();
    for record in found {
        let known = newest.entry(&record.workflow).or_insert(record);
        if rank(known) < rank(record) {
            *known = record;
        }
    }
    let status = |record: &&RunRecord| {
        let row = &rows[&record.key];
        WorkflowStatus {
            workflow: record.workflow.clone(),
            name: workflow_name(world, &record.workflow),
            run: record.run.clone(),
            state: row.state,
            sentence: row.sentence.clone(),
            last_at: row.last_at,
        }
    };
    let mut all: Vec<_> = newest.values().map(status).collect();
    all.sort_by_key(|w| std::cmp::Reverse((w.state, w.last_at)));
    all
}

/// The story of all runs as one, with what systems hold and what people said at its time. Says whether something of it
/// is left out.
fn whole_story(
    world: &World,
    subject: &Subject,
    (found, events): (&[RunRecord], &[Vec<Stored>]),
    kept: &[Kept],
    said: Vec<Report>,
) -> (Vec<SubjectLine>, bool) {
    let mut earlier = found.iter().zip(events).any(|(r, e)| r.folded.events > e.len() as i64);
    let declared: Vec<_> = found.iter().map(|r| world.workflow(&r.workflow)).collect();
    let told: Vec<_> = events.iter().zip(&declared).map(|(events, declared)| story::tell(events, *declared)).collect();
    let chapters: Vec<_> = found
        .iter()
        .zip(&declared)
        .zip(&told)
        .map(|((record, declared), lines)| Chapter { run_key: record.key, declared: *declared, lines })
        .collect();
    let by_key: BTreeMap<i64, &RunRecord> = found.iter().map(|r| (r.key, r)).collect();
    let mut lines: Vec<_> = retell(&chapters).into_iter().map(|p| told_line(world, by_key[&p.run_key], p)).collect();
    lines.extend(kept.iter().map(|k| record_line(world, subject, k)));
    lines.extend(said.into_iter().map(said_line));
    // Stable: what happened at one moment keeps its order.
    lines.sort_by_key(|line| line.at);
    if lines.len() > LONGEST_STORY {
        earlier = true;
        lines.drain(..lines.len() - LONGEST_STORY);
    }
    (lines, earlier)
}

fn bare_line(at: Moment, text: String) -> SubjectLine {
    SubjectLine {
        at,
        until: at,
        text,
        times: 1,
        marks: Vec::new(),
        workflow: None,
        workflow_name: None,
        run: None,
        by: None,
        system: None,
    }
}

fn told_line(world: &World, record: &RunRecord, passage: Passage) -> SubjectLine {
    SubjectLine {
        until: passage.until,
        times: passage.times,
        marks: passage.marks,
        workflow: Some(record.workflow.clone()),
        workflow_name: Some(workflow_name(world, &record.workflow)),
        run: Some(record.run.clone()),
        ..bare_line(passage.at, passage.text)
    }
}

fn record_line(world: &World, subject: &Subject, kept: &Kept) -> SubjectLine {
    let fields: Vec<_> = kept.fields.iter().map(|(field, value)| format!("{field} {value}")).collect();
    let held = if fields.is_empty() { subject.text().to_owned() } else { fields.join(", ") };
    let text = format!("{} has {held}", name(world, &kept.system));
    SubjectLine { system: Some(kept.system.clone()), ..bare_line(kept.as_of, text) }
}

fn said_line(report: Report) -> SubjectLine {
    let text = format!("{} says: {}", report.by, report.text);
    SubjectLine { by: Some(report.by), ..bare_line(report.at, text) }
}
