//! One subject: everything about one order or customer, across workflows, as one story.

use leptos::prelude::*;
use serde::Serialize;

use super::runs::RunRow;
use super::shell::Head;
use super::workflow::Recovery;
use crate::model::moment::Moment;
use crate::model::status::State;
use crate::parts;
use crate::parts::Saying;

/// One subject; also `GET /api/v1/subjects/{type}/{key}`.
#[derive(Debug, Clone, Serialize)]
pub struct SubjectPicture {
    /// Its text as events say it: `order/10482`.
    pub subject: String,
    /// Its type, `-` where its text has none.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its key; the whole text where it has no type.
    pub key: String,
    /// The worst state of its runs, Late where systems have disagreed for too long; none when no run is known.
    pub state: Option<State>,
    /// Where it stands, in a sentence or two.
    pub sentence: String,
    /// When the first event of its runs happened.
    pub since: Option<Moment>,
    /// When the last event of its runs happened, which may have been heard later.
    pub last_at: Option<Moment>,
    /// What needs a person or may soon, worst first.
    pub trouble: Vec<SubjectTrouble>,
    /// The newest record of each system, by system.
    pub systems: Vec<SystemRow>,
    /// Of each workflow the newest run about the subject, or else the newest that is joined to it; worst first.
    pub workflows: Vec<WorkflowStatus>,
    /// Everything that happened, in the order of time, folded; at most the newest 500 lines.
    pub story: Vec<SubjectLine>,
    /// Whether earlier lines are left out.
    pub earlier: bool,
    /// Its runs, worst first, then the one heard of last; at most 50.
    pub runs: Vec<JoinedRun>,
    /// Whether there are more runs than these.
    pub more_runs: bool,
    /// For an earlier moment: what of it is not known, one sentence each; absent when all is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_known: Vec<String>,
}

/// One thing that is wrong with a subject: a run of it, or what systems hold of it.
#[derive(Debug, Clone, Serialize)]
pub struct SubjectTrouble {
    /// The state it is in.
    pub state: State,
    /// The workflow's id.
    pub workflow: String,
    /// What it is called: the workflow's name.
    pub name: String,
    /// The run; none where systems disagree.
    pub run: Option<String>,
    /// What is wrong, in a sentence.
    pub sentence: String,
    /// Since when.
    pub since: Moment,
    /// What to do first: the matching section of a runbook.
    pub runbook: Option<Recovery>,
}

/// What one system holds of the subject.
#[derive(Debug, Clone, Serialize)]
pub struct SystemRow {
    /// The system, as its records name it.
    pub system: String,
    /// What people call it: the name of the component with this id.
    pub name: String,
    /// Whether there is a component with this id.
    pub declared: bool,
    /// When the system held this.
    pub as_of: Moment,
    /// When we heard it.
    pub heard_at: Moment,
    /// The system's own numbering.
    pub version: Option<String>,
    /// Its fields by name.
    pub fields: Vec<FieldNow>,
}

/// One field of a record.
#[derive(Debug, Clone, Serialize)]
pub struct FieldNow {
    /// Its name.
    pub field: String,
    /// Its value, as text.
    pub value: String,
    /// Since when another system says something else, where the book asks them to agree.
    pub differs_since: Option<Moment>,
}

/// The latest of one workflow.
#[derive(Debug, Clone, Serialize)]
pub struct WorkflowStatus {
    /// The workflow's id.
    pub workflow: String,
    /// Its name.
    pub name: String,
    /// The newest run of the subject in it.
    pub run: String,
    /// The state of that run.
    pub state: State,
    /// Where it is, in a sentence.
    pub sentence: String,
    /// When its last event happened, which may have been heard later.
    pub last_at: Moment,
}

/// A run of the subject.
#[derive(Debug, Clone, Serialize)]
pub struct JoinedRun {
    /// Its row, as in every list of runs.
    #[serde(flatten)]
    pub row: RunRow,
    /// The workflow's name.
    pub workflow_name: String,
    /// What joins it, in words (`correlation basket-7`); none where it names the subject itself.
    pub joined_by: Option<String>,
}

/// One line of the story.
#[derive(Debug, Clone, Serialize)]
pub struct SubjectLine {
    /// When it happened; of what happened several times the first.
    pub at: Moment,
    /// When it happened last.
    pub until: Moment,
    /// What happened, in words.
    pub text: String,
    /// How many times in a row.
    pub times: u32,
    /// `late`, `out_of_order`, `undeclared`.
    pub marks: Vec<&'static str>,
    /// The workflow's id; none for what a person said or a system holds.
    pub workflow: Option<String>,
    /// The workflow's name.
    pub workflow_name: Option<String>,
    /// The run.
    pub run: Option<String>,
    /// The person who said it.
    pub by: Option<String>,
    /// The system that holds it.
    pub system: Option<String>,
}

/// The title and the favicon.
pub fn head(picture: &SubjectPicture) -> Head {
    Head { title: picture.subject.clone(), state: picture.state }
}

/// The page.
pub fn body(picture: &SubjectPicture, saying: &Saying) -> AnyView {
    view! {
        <div class="page subject">
            {parts::crumbs(&[("Workflows", "/workflows")])}
            {parts::not_known(&picture.not_known)}
            {blocks(picture).into_iter().map(|(_, block)| block).collect_view()}
            {parts::say(saying)}
        </div>
    }
    .into_any()
}

/// The page in blocks, in order, for the live stream.
pub fn blocks(picture: &SubjectPicture) -> Vec<(&'static str, AnyView)> {
    vec![
        ("answer", parts::block("answer", answer(picture))),
        ("trouble", trouble(picture)),
        ("status", status(picture)),
        ("story", parts::block("story", parts::section("story", "What happened", story(picture)))),
        ("runs", runs(picture)),
    ]
}

fn answer(picture: &SubjectPicture) -> AnyView {
    let fact = |label: &'static str, at: Moment| view! { <div><dt>{label}</dt><dd>{parts::when_ago(at)}</dd></div> };
    let count = match (picture.runs.len(), picture.more_runs) {
        (n, true) => format!("more than {n}"),
        (n, false) => n.to_string(),
    };
    let facts = view! {
        <dl class="facts">
            <div><dt>"Subject"</dt><dd>{parts::copy_id(&picture.subject)}</dd></div>
            <div><dt>"Runs"</dt><dd>{count}</dd></div>
            {picture.since.map(|at| fact("First event", at))}
            {picture.last_at.map(|at| fact("Last event", at))}
        </dl>
    };
    view! { {parts::answer(picture.state, &picture.subject, &picture.sentence, None)}{facts} }.into_any()
}

fn trouble(picture: &SubjectPicture) -> AnyView {
    if picture.trouble.is_empty() {
        return parts::no_block("trouble");
    }
    let one = |trouble: &SubjectTrouble| {
        let workflow = parts::path_part(&trouble.workflow);
        let (href, name) = match &trouble.run {
            Some(run) => (format!("/runs/{workflow}/{}", parts::path_part(run)), format!("{}: {run}", trouble.name)),
            None => (format!("/workflows/{workflow}"), trouble.name.clone()),
        };
        let recovery = match &trouble.runbook {
            Some(recovery) => parts::recovery(recovery),
            None => {
                parts::gap("No runbook says what to do here.", Some(format!("/runbooks/new?for=workflow:{workflow}")))
            }
        };
        // The answer has said it; a second time it would only push the first step down.
        let said = picture.sentence.contains(&trouble.sentence);
        view! {
            <li data-key=format!("{name} {}", trouble.sentence) class=format!("trouble s-{}", trouble.state.name())>
                <h3>{parts::badge(trouble.state)}<span><a href=parts::to(href)>{name.clone()}</a></span></h3>
                {(!said).then(|| view! { <p>{trouble.sentence.clone()}</p> })}
                <dl class="inline"><div><dt>"Since"</dt><dd>{parts::when_ago(trouble.since)}</dd></div></dl>
                {recovery}
            </li>
        }
    };
    let list =
        view! { <ul class="troubles" data-live-order="ask">{picture.trouble.iter().map(one).collect_view()}</ul> };
    let title = match picture.state {
        Some(State::Broken) => "What to do",
        _ => "What to know",
    };
    parts::block("trouble", parts::section("trouble", title, list.into_any()))
}

/// What each system holds of it, and where each workflow is with it.
fn status(picture: &SubjectPicture) -> AnyView {
    if picture.systems.is_empty() && picture.workflows.is_empty() {
        return parts::no_block("status");
    }
    let workflow = |row: &WorkflowStatus| {
        let href = format!("/runs/{}/{}", parts::path_part(&row.workflow), parts::path_part(&row.run));
        view! {
            <li data-key=format!("workflow {}", row.workflow) class=format!("s-{}", row.state.name())>
                <span class="c-state">{parts::mark(row.state)}</span>
                <span class="c-name"><a href=parts::to(href)>{row.name.clone()}</a></span>
                <span class="c-what">{row.sentence.clone()}</span>
                <span class="c-when">"last event "{parts::when(row.last_at)}</span>
            </li>
        }
    };
    let system = |row: &SystemRow| {
        let name = match row.declared {
            true => view! { <a href=parts::to(format!("/components/{}", parts::path_part(&row.system)))>{row.name.clone()}</a> }
                .into_any(),
            false => view! { <strong>{row.name.clone()}</strong> }.into_any(),
        };
        let version = row.version.as_ref().map(|version| view! { <span>{format!("version {version}")}</span> });
        let heard = (row.heard_at.since(row.as_of).millis() > 60_000)
            .then(|| view! { <span>"heard "{parts::when(row.heard_at)}</span> });
        view! {
            <li data-key=format!("system {}", row.system)>
                <span class="c-state">{parts::tag("record")}</span>
                <span class="c-name">{name}</span>
                <div class="c-what">{fields(&row.fields)}</div>
                <span class="c-when"><span>"as of "{parts::when(row.as_of)}</span>{heard}{version}</span>
            </li>
        }
    };
    let list = view! {
        <ul class="rows r-run r-status">
            {picture.systems.iter().map(system).collect_view()}
            {picture.workflows.iter().map(workflow).collect_view()}
        </ul>
    };
    parts::block("status", parts::section("status", "Last status", list.into_any()))
}

fn fields(fields: &[FieldNow]) -> AnyView {
    if fields.is_empty() {
        return view! { <span class="dim">"No fields were told."</span> }.into_any();
    }
    let one = |field: &FieldNow| {
        let differs = field.differs_since.map(|since| {
            view! { <dd class="differs">{parts::icon("alert")}"not the same everywhere since "{parts::when(since)}</dd> }
        });
        view! { <div><dt>{field.field.clone()}</dt><dd><strong>{field.value.clone()}</strong></dd>{differs}</div> }
    };
    view! { <dl class="inline">{fields.iter().map(one).collect_view()}</dl> }.into_any()
}

fn story(picture: &SubjectPicture) -> AnyView {
    if picture.story.is_empty() {
        return parts::empty("Nothing has been heard of it.");
    }
    let earlier =
        picture.earlier.then(|| parts::empty("Earlier lines are left out; they are on the pages of the runs."));
    view! { {earlier}<ol class="story told">{picture.story.iter().map(line).collect_view()}</ol> }.into_any()
}

fn line(line: &SubjectLine) -> AnyView {
    let who = match (&line.workflow, &line.run, &line.by, &line.system) {
        (Some(workflow), Some(run), ..) => {
            let href = format!("/runs/{}/{}", parts::path_part(workflow), parts::path_part(run));
            let name = line.workflow_name.clone().unwrap_or_else(|| workflow.clone());
            view! { <a href=parts::to(href)>{name}</a> }.into_any()
        }
        (.., Some(_), _) => parts::tag("said by a person"),
        (.., Some(_)) => parts::tag("record"),
        _ => ().into_any(),
    };
    let marks = line.marks.iter().map(|mark| parts::tag(parts::heard_words(mark))).collect_view();
    let until = (line.times > 1).then(|| {
        view! { <span class="dim">"the last "{parts::seconds(line.until)}</span> }
    });
    view! {
        <li data-key=format!("{} {}", line.at.millis(), line.text) class:said=line.by.is_some()>
            <span class="at">{parts::seconds(line.at)}</span>
            <div><p>{line.text.clone()}" "{marks}" "{until}</p><span class="who-told">{who}</span></div>
        </li>
    }
    .into_any()
}

fn runs(picture: &SubjectPicture) -> AnyView {
    if picture.runs.is_empty() {
        return parts::no_block("runs");
    }
    let rows: Vec<_> = picture
        .runs
        .iter()
        .map(|r| (&r.row, r.workflow_name.clone(), r.joined_by.as_ref().map(|by| format!("by {by}"))))
        .collect();
    let more = picture.more_runs.then(|| parts::empty("There are more runs than these; the newest are shown."));
    let title = format!("Runs ({})", picture.runs.len());
    let list = view! { {parts::run_rows_of(&rows)}{more} };
    parts::block("runs", parts::section("runs", &title, list.into_any()))
}
