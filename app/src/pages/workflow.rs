//! One workflow: what is broken, since when, how much waits, what next, what do I do.

use std::collections::BTreeSet;

use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::components::AffectedBy;
use super::pause::PauseRow;
use super::problem::{Incident, Owner};
use super::runbooks::RunbookRow;
use super::runs::RunRow;
use super::shell::Head;
use super::workflows::WorkflowRow;
use crate::layout::Layout;
use crate::model::book::{Decision, Workaround};
use crate::model::coverage::write_at;
use crate::model::mention::absent;
use crate::model::moment::Moment;
use crate::model::reference::Reference;
use crate::model::status::State;
use crate::model::verdict::{capital, count_of};
use crate::parts::document::is_past as is_over;
use crate::parts::{self, Timeline};

/// One workflow; also `GET /api/v1/workflows/{id}`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WorkflowPicture {
    /// Its row, as in the list: state, sentence, since, waiting.
    #[serde(flatten)]
    pub row: WorkflowRow,
    /// The facts under the answer: label and value, four of them.
    pub facts: Vec<(String, String)>,
    /// What to do about the worst of it, and how far that has come.
    pub incident: Option<Incident>,
    /// What needs a person or may soon, worst first.
    pub trouble: Vec<Trouble>,
    /// Whether the book declares it.
    pub in_book: bool,
    /// Steps and edges of the book.
    pub declared: Declared,
    /// What was seen.
    pub observed: Observed,
    /// Every step, declared ones in the book's order, then the observed ones, with what is there now.
    pub steps: Vec<StepNow>,
    /// Every edge, declared or observed.
    pub edges: Vec<EdgeNow>,
    /// Where the steps stand in the diagram.
    #[serde(skip)]
    pub layout: Layout,
    /// The five questions, answered from the book.
    pub questions: Questions,
    /// Its runbooks with their trust.
    pub documents: Vec<RunbookRow>,
    /// The newest runs, at most 12.
    pub runs: Vec<RunRow>,
    /// What is paused, and what was.
    pub pauses: Pauses,
    /// How much was seen of it that its book does not say.
    #[serde(default)]
    pub undocumented: i64,
}

/// The pauses that concern a workflow.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Pauses {
    /// What of it is paused now: the whole, steps, or components that it uses.
    pub in_force: Vec<PauseRow>,
    /// What ended in the last hour, newest first.
    pub resumed: Vec<PauseRow>,
    /// The pauses that were set on its page, newest first, at most 10.
    pub history: Vec<PauseRow>,
}

/// One thing that is wrong at one place of a workflow.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Trouble {
    /// The state it puts the workflow in.
    pub state: State,
    /// The step's id; none when it is about the workflow as a whole (silent, or a run over its time).
    pub step: Option<String>,
    /// The step's name.
    pub name: String,
    /// What is wrong, in a sentence with times and numbers.
    pub sentence: String,
    /// How many runs.
    pub count: i64,
    /// Whether `since` is about the oldest of them: since when it is in that state.
    #[serde(default)]
    pub of_runs: bool,
    /// Since when.
    pub since: Option<Moment>,
    /// What happens next by itself.
    pub next: Option<String>,
    /// Where to see these runs.
    pub href: String,
    /// What to do first: the matching section of a runbook.
    pub runbook: Option<Recovery>,
    /// Who else needs what it has brought down; none when nobody does.
    pub affects: Option<Affects>,
    /// The problem that it follows from, where it has its cause elsewhere.
    pub follows: Option<ProblemLink>,
    /// The problems elsewhere that follow from it.
    pub followers: Vec<ProblemLink>,
    /// The number of the problem; none while it is none.
    pub problem: Option<i64>,
    /// Who is on it.
    pub owner: Option<Owner>,
}

/// Who else needs a component that is down.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Affects {
    /// The component.
    pub component: String,
    /// Its name.
    pub name: String,
    /// The other workflows that need it, at any distance: id and name.
    pub workflows: Vec<(String, String)>,
    /// How many other components need it, at any distance.
    pub components: i64,
}

/// A problem by its number and the name of its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct ProblemLink {
    pub id: i64,
    pub name: String,
}

/// The section of a runbook that says what to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Recovery {
    /// The runbook.
    pub slug: String,
    /// The section's anchor; empty for the whole document.
    pub section: String,
    /// The runbook's title.
    pub title: String,
    /// The section's title.
    pub section_title: String,
    /// The first steps of that section, as plain text, at most three.
    pub steps: Vec<String>,
    /// How many more the section has.
    #[serde(default)]
    pub more: usize,
    /// Which of them speak of something that has changed since its review, from 1.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub in_doubt: BTreeSet<usize>,
    /// Whether it can be believed, and how many flags stand on that section.
    pub trust: crate::model::status::Trust,
    /// Flags on that section: values that have changed, its own edit, and what people doubt.
    pub flags: i64,
    /// Whether its own text was edited since its review.
    pub edited: bool,
    /// How often somebody who followed it said that it was not right, since its review.
    pub doubts: i64,
}

/// What the book says of the flow.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Declared {
    /// Step ids in the book's order.
    pub steps: Vec<String>,
    /// `[from, to]`.
    pub edges: Vec<(String, String)>,
}

/// What was seen of the flow.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Observed {
    /// Runs ever heard of.
    pub runs: i64,
    /// Events ever counted, duplicates left out.
    pub events: i64,
    /// Steps, most visited first.
    pub steps: Vec<ObservedStep>,
    /// "Directly followed by, in the same run", most frequent first.
    pub edges: Vec<ObservedEdge>,
    /// First steps of runs.
    pub starts: Vec<StepCount>,
    /// Last steps of runs, ended or not.
    pub ends: Vec<StepCount>,
}

/// A step as seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct ObservedStep {
    pub step: String,
    pub visits: i64,
    pub first_seen: Moment,
    pub last_seen: Moment,
}

/// An edge as seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct ObservedEdge {
    pub from: String,
    pub to: String,
    pub count: i64,
    pub last_seen: Moment,
}

/// How often a step was first or last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct StepCount {
    pub step: String,
    pub count: i64,
}

/// One step and what is there now.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StepNow {
    /// Its id.
    pub id: String,
    /// Its name; the id when it is not declared.
    pub name: String,
    /// Whether the book declares it.
    pub declared: bool,
    /// The worst state of what is there; On track when seen and nothing is wrong; none when never seen.
    pub state: Option<State>,
    /// What is there, in a few words: `412 waiting, oldest 47 min`, `4 of 6 tries, next 02:19`.
    pub fact: String,
    /// Runs now at this step that are on track (waiting or running).
    pub open: i64,
    /// Runs now here that retry.
    pub retrying: i64,
    /// Runs now here that are late.
    pub late: i64,
    /// Runs now here that failed for good.
    pub broken: i64,
    /// How often runs came here.
    pub visits: i64,
    /// When it was last heard of.
    pub last_seen: Option<Moment>,
    /// What it means for the business.
    pub meaning: Option<String>,
    /// The component that does it: id and name.
    pub component: Option<(String, String)>,
    /// The queue in front of it: id and name.
    pub via: Option<(String, String)>,
    /// How long a visit usually takes at this hour; none while there is not enough of a past ("no usual yet").
    pub usual: Option<UsualTime>,
    /// Declared: ends within.
    pub finish_within: Option<String>,
    /// Declared: the retry policy in words.
    pub retry: Option<String>,
    /// Declared: whether doing it twice is safe, in words.
    pub safe_to_retry: Option<String>,
    /// Declared: what happens if it is skipped.
    pub if_skipped: Option<String>,
    /// Declared: known ways it fails.
    pub failure_points: Vec<crate::model::book::FailurePoint>,
    /// Just for now: what is done differently here for a while.
    #[serde(default)]
    pub workarounds: Vec<Workaround>,
    /// What the book names here and does not have: of `component`, `via` and the actions of `failure_points`.
    pub missing: Vec<Reference>,
    /// The sentences that say so, in the same order.
    #[serde(default)]
    pub why_missing: Vec<String>,
}

/// How long a visit of a step usually takes at this hour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsualTime {
    /// Half of the visits take no longer, in milliseconds.
    pub middle_ms: i64,
    /// One in twenty takes longer than this, in milliseconds.
    pub slowest_ms: i64,
    /// Both in words: `12 s, one in twenty over 40 s`.
    pub words: String,
}

/// One edge of the flow.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EdgeNow {
    /// From this step.
    pub from: String,
    /// To that one.
    pub to: String,
    /// Whether the book declares it.
    pub declared: bool,
    /// How often it was seen; 0 for declared but never seen.
    pub count: i64,
}

/// The five questions every workflow answers; an empty answer is shown as a gap.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Questions {
    /// 1. How does this actually work today? Declared against observed, in a sentence.
    pub works: Option<String>,
    /// 1a. How many runs usually start in this hour, in a sentence; none while there is not enough of a past.
    pub usual: Option<String>,
    /// 1b. The difference between book and reality, one sentence each; empty when there is none.
    pub differences: Vec<String>,
    /// 2. What happens if it fails? `(step name, sentence)`.
    pub fails: Vec<(String, String)>,
    /// 2b. How its problems of the last 30 days ended, in a sentence; none when there were none.
    pub recovered: Option<String>,
    /// 3. Who depends on it? Business owner and outcome in a sentence.
    pub depends: Option<String>,
    /// 3b. What it needs: `(component id, name, if it is unavailable)`.
    pub needs: Vec<(String, String, Option<String>)>,
    /// Those of `needs` that the book does not have.
    pub missing: Vec<Reference>,
    /// 4. What should happen next? The expectations in words, with the next due time.
    pub next: Option<String>,
    /// 5. Why does it exist?
    pub purpose: Option<String>,
    /// 5b. Why is it built this way?
    pub decisions: Vec<Decision>,
    /// 5c. Just for now.
    pub workarounds: Vec<Workaround>,
}

impl Affects {
    /// Who is affected, the workflows by name while they are few: "Invoicing and Daily reconcile, and 2 components".
    pub fn words(&self) -> String {
        let names: Vec<&str> = self.workflows.iter().map(|(_, name)| name.as_str()).collect();
        let workflows = match names.as_slice() {
            [] => None,
            [one] => Some((*one).to_owned()),
            [one, two] => Some(format!("{one} and {two}")),
            many => Some(format!("{} workflows", many.len())),
        };
        let components = match self.components {
            0 => None,
            1 => Some("1 component".to_owned()),
            n => Some(format!("{n} components")),
        };
        [workflows, components].into_iter().flatten().collect::<Vec<_>>().join(", and ")
    }
}

impl WorkflowPicture {
    /// Reads it from its JSON.
    ///
    /// # Errors
    /// When it is not the JSON of this version.
    pub fn read(json: &str) -> serde_json::Result<Self> {
        // `declared` is there twice, and the later one, the flow, is what the JSON means by it.
        let last_of_each: serde_json::Value = serde_json::from_str(json)?;
        let mut picture: Self = serde_json::from_value(last_of_each)?;
        picture.row.declared = picture.in_book;
        Ok(picture)
    }

    /// What of it weighs, as one text: its state, its problems and who is on them, what was ticked, pauses, what the book
    /// says, and whether documents can be believed. Counts, times, runs and the first tries of a policy come and go.
    pub fn weight(&self) -> String {
        let row = &self.row;
        let paused = |pause: &PauseRow| json!([pause.target, pause.by, pause.since, pause.until, pause.ended_at]);
        let advice = |r: &Recovery| json!([r.slug, r.section, r.steps, r.in_doubt, r.trust, r.flags]);
        let incident = self
            .incident
            .as_ref()
            .map(|i| json!([i.problem, i.owner, i.hand_over, i.steps, i.version, i.recovery.as_ref().map(advice)]));
        let trouble = self
            .trouble
            .iter()
            .filter(|t| t.problem.is_some())
            .map(|t| json!([t.state, t.step, t.problem, t.owner, t.runbook.as_ref().map(advice)]));
        let steps = self.steps.iter().map(|s| {
            let declared = json!([s.finish_within, s.retry, s.safe_to_retry, s.if_skipped, s.failure_points]);
            json!([s.id, s.name, s.meaning, s.component, s.via, declared])
        });
        let asked = &self.questions;
        let questions =
            json!([asked.fails, asked.depends, asked.needs, asked.purpose, asked.decisions, asked.workarounds]);
        let documents = self.documents.iter().map(|d| json!([d.slug, d.version, d.trust, d.flags, d.reviewed]));
        let pauses = self.pauses.in_force.iter().chain(&self.pauses.history).map(paused);
        json!([
            [
                row.name,
                row.declared,
                row.state,
                row.owner,
                row.criticality,
                row.trust,
                row.problem,
                row.attended,
                row.affected_by
            ],
            incident,
            trouble.collect::<Vec<_>>(),
            steps.collect::<Vec<_>>(),
            self.declared,
            questions,
            documents.collect::<Vec<_>>(),
            pauses.collect::<Vec<_>>(),
        ])
        .to_string()
    }

    /// Whether its sentences count time while nothing is heard.
    pub fn counts_time(&self) -> bool {
        self.row.state != State::OnTrack || self.row.waiting > 0
    }
}

/// The title and the favicon.
pub fn head(picture: &WorkflowPicture) -> Head {
    Head { title: picture.row.name.clone(), state: Some(picture.row.state) }
}

/// The page. Who looks back finds the day at the top, others at the end.
pub fn body(picture: &WorkflowPicture, day: &Timeline) -> AnyView {
    let day = |here: bool| here.then(|| parts::timeline(day));
    view! {
        <div class="page workflow">
            {parts::crumbs(&[("Workflows", "/workflows")])}
            {day(parts::is_past())}
            {blocks(picture).into_iter().map(|(_, block)| block).collect_view()}
            {day(!parts::is_past())}
        </div>
    }
    .into_any()
}

/// On a phone, what to do next stays in reach of the thumb.
fn bar(picture: &WorkflowPicture) -> AnyView {
    match &picture.incident {
        Some(incident) if !parts::is_past() => parts::block("bar", parts::bar(incident)),
        _ => parts::no_block("bar"),
    }
}

/// The page in blocks, in order, for the live stream.
pub fn blocks(picture: &WorkflowPicture) -> Vec<(&'static str, AnyView)> {
    vec![
        ("answer", parts::block("answer", answer(picture))),
        ("pauses", pauses(picture)),
        ("trouble", trouble(picture)),
        ("where", parts::block("where", steps(picture))),
        ("flow", flow(picture)),
        ("questions", parts::block("questions", questions(picture))),
        ("documents", parts::block("documents", documents(picture))),
        ("runs", parts::block("runs", runs(picture))),
        ("differences", differences(picture)),
        ("paused-before", parts::block("paused-before", paused_before(picture))),
        ("bar", bar(picture)),
    ]
}

fn answer(picture: &WorkflowPicture) -> AnyView {
    let row = &picture.row;
    let undeclared = (!row.declared)
        .then(|| parts::gap("This workflow is not in the book: all that is known is what was seen.", None));
    let extra = row.affected_by.as_ref().map(affected).or(undeclared);
    view! {
        {parts::answer(Some(row.state), &row.name, &row.sentence, extra)}
        {parts::facts(&picture.facts)}
    }
    .into_any()
}

/// That it is fine itself, and what it needs is not.
fn affected(by: &AffectedBy) -> AnyView {
    let href = format!("/components/{}", parts::path_part(&by.id));
    view! { <p class="aside"><a href=href>{parts::affected(&by.name)}</a>" It is fine itself, so far."</p> }.into_any()
}

/// What is paused now, and what has ended lately.
fn pauses(picture: &WorkflowPicture) -> AnyView {
    let Pauses { in_force, resumed, .. } = &picture.pauses;
    if in_force.is_empty() && resumed.is_empty() {
        return parts::no_block("pauses");
    }
    let href = format!("/workflows/{}/pause", parts::path_part(&picture.row.id));
    parts::block("pauses", parts::pauses_now(in_force, resumed, &href, &picture.row.sentence))
}

fn paused_before(picture: &WorkflowPicture) -> AnyView {
    let href = format!("/workflows/{}/pause", parts::path_part(&picture.row.id));
    let list = view! {
        {parts::pause_history(&picture.pauses.history)}
        {(!parts::is_past()).then(|| view! {
            <p class="more"><a href=href>"Pause this workflow, a step or a queue"{parts::icon("arrow-right")}</a></p>
        })}
    };
    parts::section("pauses", "Pauses", list.into_any())
}

/// What needs a person or may soon, each with what to do first.
fn trouble(picture: &WorkflowPicture) -> AnyView {
    if picture.trouble.is_empty() {
        return parts::no_block("trouble");
    }
    let leads = |t: &Trouble| picture.incident.as_ref().filter(|i| t.problem == Some(i.problem));
    let list = picture.trouble.iter().map(|t| trouble_line(t, &picture.row, leads(t))).collect_view();
    let list = view! { <ul class="troubles" data-live-order="ask">{list}</ul> }.into_any();
    let title = match picture.row.state {
        State::Broken => "What to do",
        _ => "What to know",
    };
    parts::block("trouble", parts::section("trouble", title, list))
}

/// What began at `Trouble::since`: `Late since` of one, `Oldest late since` of several. It has waited for longer.
fn since_label(trouble: &Trouble) -> String {
    match (trouble.of_runs, trouble.count) {
        (true, 1) => capital(trouble.state.since_words()),
        (true, _) => format!("Oldest {}", trouble.state.since_words()),
        (false, _) => "Since".to_owned(),
    }
}

fn trouble_line(trouble: &Trouble, row: &WorkflowRow, incident: Option<&Incident>) -> AnyView {
    let (workflow, unit) = (row.id.as_str(), row.unit.as_str());
    // The answer has said the worst; a second time it would only push the first step off a phone's screen.
    let said = row.sentence.starts_with(&trouble.sentence);
    let place = trouble.step.as_ref().map(|id| format!("#step-{id}"));
    let name = match place {
        Some(href) => view! { <a href=href>{trouble.name.clone()}</a> }.into_any(),
        None => trouble.name.clone().into_any(),
    };
    let next = trouble
        .next
        .as_ref()
        .filter(|next| !(said && row.sentence.contains(next.as_str())))
        .map(|next| view! { <div><dt>"By itself"</dt><dd>{next.clone()}</dd></div> });
    let since =
        trouble.since.map(|at| view! { <div><dt>{since_label(trouble)}</dt><dd>{parts::when_ago(at)}</dd></div> });
    let runs = (trouble.count > 0 && !trouble.href.is_empty()).then(|| {
        let words = match trouble.count {
            1 => format!("1 of the {unit}"),
            n => format!("{n} {unit}"),
        };
        view! { <div><dt>"Here"</dt><dd><a href=trouble.href.clone()>{words}</a></dd></div> }
    });
    let recovery = match (incident, &trouble.runbook) {
        (Some(incident), _) => parts::incident(incident),
        (None, Some(recovery)) => parts::recovery(recovery),
        (None, None) => parts::gap(
            "No runbook says what to do here.",
            Some(format!("/runbooks/new?for=workflow:{}", parts::path_part(workflow))),
        ),
    };
    let problem = |link: &ProblemLink| {
        view! { <a href=format!("/problems/{}", link.id)>{link.name.clone()}</a>" " }
    };
    let follows = trouble.follows.as_ref().map(|origin| {
        view! { <div><dt>"Follows from"</dt><dd>{problem(origin)}</dd></div> }
    });
    let followers = (!trouble.followers.is_empty()).then(|| {
        view! { <div><dt>"Others follow from it"</dt><dd>{trouble.followers.iter().map(problem).collect_view()}</dd></div> }
    });
    let record = trouble.problem.map(|id| {
        let href = format!("/problems/{id}");
        let owner = incident.is_none().then(|| parts::on_it(trouble.owner.as_ref()));
        view! { <div><dt>"Record"</dt><dd><a href=href>{format!("Problem {id}")}</a>" "{owner}</dd></div> }
    });
    let affects = trouble.affects.as_ref().map(|affects| {
        let href = format!("/components/{}", parts::path_part(&affects.component));
        view! { <div><dt>"Affects"</dt><dd><a href=href>{affects.words()}</a></dd></div> }
    });
    let step = trouble.step.as_deref().unwrap_or_default();
    let key = format!("{} {step} {}", trouble.state.name(), trouble.problem.unwrap_or_default());
    view! {
        <li data-key=key class=format!("trouble s-{}{}", trouble.state.name(), if said { " said" } else { "" })>
            <h3>{parts::badge(trouble.state)}<span>{name}</span></h3>
            {(!said).then(|| view! { <p>{trouble.sentence.clone()}</p> })}
            <dl class="inline">{runs}{since}{affects}{next}{follows}{followers}{record}</dl>
            {recovery}
        </li>
    }
    .into_any()
}

fn steps(picture: &WorkflowPicture) -> AnyView {
    // Of what is silent nobody knows whether anything is stuck.
    let stuck = picture.trouble.iter().any(|trouble| trouble.state != State::NoSignal);
    let title = match (stuck, picture.steps.len()) {
        (true, _) => "Where it is stuck".to_owned(),
        (false, 0) => "Steps".to_owned(),
        (false, 1) => "The step".to_owned(),
        (false, n) => format!("The {n} steps"),
    };
    let list = match picture.steps.as_slice() {
        [] => parts::gap("No steps are declared and none was seen.", None),
        steps => parts::spine(&picture.row.id, steps),
    };
    parts::section("steps", &title, list)
}

fn flow(picture: &WorkflowPicture) -> AnyView {
    if picture.layout.nodes.len() < 2 {
        return parts::no_block("flow");
    }
    let diagram = parts::diagram(&picture.row.name, &picture.steps, &picture.edges, &picture.layout);
    parts::block("flow", parts::section("flow", "The whole flow", diagram))
}

/// The five questions, each answered from the book or shown as a gap.
fn questions(picture: &WorkflowPicture) -> AnyView {
    let answers = &picture.questions;
    let fill = |field: &str| {
        let part = Reference::Workflow(picture.row.id.clone());
        (picture.in_book && !field.is_empty()).then(|| write_at(&part, field))
    };
    let or_gap = |answer: &Option<String>, gap: &str, field: &str| match answer {
        Some(text) => view! { <p>{text.clone()}</p> }.into_any(),
        None => parts::gap(&format!("Not written yet: {gap}."), fill(field)),
    };
    let one = |title: &'static str, body: AnyView| {
        view! { <div class="question"><h3>{title}</h3><div>{body}</div></div> }
    };
    let fails = match answers.fails.as_slice() {
        [] => parts::gap("Not written yet: what happens if a step is skipped or fails.", None),
        fails => {
            let row =
                |(step, words): &(String, String)| view! { <div><dt>{step.clone()}</dt><dd>{words.clone()}</dd></div> };
            view! { <dl class="pairs">{fails.iter().map(row).collect_view()}</dl> }.into_any()
        }
    };
    let needs = (!answers.needs.is_empty()).then(|| {
        let row = |(id, name, without): &(String, String, Option<String>)| {
            let reference = Reference::Component(id.clone());
            let name = match answers.missing.contains(&reference) {
                true => parts::broken(name, &absent(&reference)),
                false => view! { <a href=parts::to(reference.path())>{name.clone()}</a> }.into_any(),
            };
            let without = without.clone().unwrap_or_else(|| "Not written yet: what happens without it.".to_owned());
            view! { <div><dt>{name}</dt><dd>{without}</dd></div> }
        };
        view! {
            <details><summary>{format!("It needs {}", count_of(answers.needs.len() as i64, "components"))}</summary>
                <dl class="pairs">{answers.needs.iter().map(row).collect_view()}</dl>
            </details>
        }
    });
    let decisions = match answers.decisions.is_empty() {
        true => {
            let new = format!("/decisions/new?about=workflow:{}", parts::path_part(&picture.row.id));
            parts::gap("Not written yet: why it is built this way.", picture.in_book.then_some(new))
        }
        false => decisions(&answers.decisions),
    };
    let workarounds = (!answers.workarounds.is_empty()).then(|| workarounds(&answers.workarounds));
    let recovered = answers.recovered.clone().map(|words| view! { <p>{words}</p> });
    let works = or_gap(&answers.works, "how it works", "");
    let usual = answers.usual.clone().map(|words| view! { <p>{words}</p> });
    let different = match answers.differences.len() {
        0 => None,
        1 => Some("1 difference between the book and what was seen".to_owned()),
        n => Some(format!("{n} differences between the book and what was seen")),
    };
    let different = different.map(|words| view! { <p><a href="#differences">{words}</a></p> });
    let body = view! {
        <div class="questions">
            {one("How does this actually work today?", view! { {works}{usual}{different} }.into_any())}
            {one("What happens if it fails?", view! { {recovered}{fails} }.into_any())}
            {one("Who depends on it?", view! { {or_gap(&answers.depends, "business owner and outcome", "business_owner")}{needs} }.into_any())}
            {one("What should happen next?", or_gap(&answers.next, "what should be true by when", "expect.finish_within"))}
            {one("Why does it exist, and why is it built this way?",
                view! { {or_gap(&answers.purpose, "its purpose", "purpose")}{decisions}{workarounds} }.into_any())}
        </div>
    };
    parts::section("questions", "How it works", body.into_any())
}

/// Why it is built this way: what holds, and folded what other decisions took the place of.
fn decisions(all: &[Decision]) -> AnyView {
    let (past, present): (Vec<&Decision>, Vec<&Decision>) =
        all.iter().partition(|d| all.iter().any(|other| other.supersedes.contains(&d.id)));
    let row = |decision: &&Decision| {
        let because = decision.because.clone().map(|why| view! { <p class="dim">{why}</p> });
        let href = format!("/decisions/{}", decision.id);
        view! { <div id=format!("decision-{}", decision.id)><dt>{decision.date.clone()}</dt><dd><p><a href=href>{decision.decided.clone()}</a></p>{because}</dd></div> }
    };
    let folded = (!past.is_empty()).then(|| {
        let rows = past.iter().map(row).collect_view();
        view! { <details><summary>{format!("What was decided before ({})", past.len())}</summary><dl class="pairs dated">{rows}</dl></details> }
    });
    view! { <dl class="pairs dated">{present.iter().map(row).collect_view()}</dl>{folded} }.into_any()
}

fn workarounds(all: &[Workaround]) -> AnyView {
    let row = |workaround: &Workaround| {
        let cost = workaround.harder_later.clone().map(|cost| view! { <p class="dim">"Later: "{cost}</p> });
        let over = workaround.review_by.as_deref().is_some_and(is_over);
        let review = workaround.review_by.clone().map(|day| match over {
            true => view! { <p><strong class="past">{format!("Past its date: {day}.")}</strong></p> }.into_any(),
            false => view! { <p class="dim">"Look again by "{day}</p> }.into_any(),
        });
        let href = format!("/workarounds/{}", workaround.id);
        view! { <div id=format!("workaround-{}", workaround.id)><dt>"Just for now"</dt><dd><p><a href=href>{workaround.what.clone()}</a></p>{cost}{review}</dd></div> }
    };
    view! { <dl class="pairs dated">{all.iter().map(row).collect_view()}</dl> }.into_any()
}

fn documents(picture: &WorkflowPicture) -> AnyView {
    let list = match picture.documents.as_slice() {
        [] => parts::gap(
            "No runbook is written for this workflow yet.",
            Some(format!("/runbooks/new?for=workflow:{}", parts::path_part(&picture.row.id))),
        ),
        rows => parts::runbook_rows(rows),
    };
    parts::section("runbooks", "Runbooks", list)
}

fn runs(picture: &WorkflowPicture) -> AnyView {
    let list = match picture.runs.as_slice() {
        [] => parts::empty("No run has been heard of yet."),
        rows => {
            let all = format!("/workflows/{}/runs", parts::path_part(&picture.row.id));
            let words = match picture.observed.runs {
                n if n > rows.len() as i64 => format!("All {n} runs"),
                _ => "All runs, with filters".to_owned(),
            };
            view! { {parts::run_rows(rows)}<p class="more"><a href=all>{words}{parts::icon("arrow-right")}</a></p> }
                .into_any()
        }
    };
    parts::section("runs", "Recent runs", list)
}

fn differences(picture: &WorkflowPicture) -> AnyView {
    if picture.questions.differences.is_empty() && picture.undocumented == 0 {
        return parts::no_block("differences");
    }
    let way = super::undocumented::way(picture.undocumented, Some(&picture.row.id)).filter(|_| !parts::is_past());
    let one = |words: &String| view! { <li>{words.clone()}</li> };
    let list = view! { <ul class="prose">{picture.questions.differences.iter().map(one).collect_view()}</ul> };
    let list = view! { {list}{way} };
    parts::block("differences", parts::section("differences", "Where the book and reality differ", list.into_any()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    /// A workflow with one step that has failed, as its JSON.
    fn failed() -> Value {
        let recovery = json!({
            "slug": "erp-refuses", "section": "do-this", "title": "ERP refuses", "section_title": "Do this",
            "steps": ["Call"], "trust": "trusted", "flags": 0, "edited": false, "doubts": 0,
        });
        json!({
            "id": "a", "name": "A", "in_book": true, "state": "broken", "sentence": "Push has failed for 22 min.",
            "waiting": 3, "unit": "orders", "criticality": "high", "trust": "trusted", "runbooks": ["erp-refuses"],
            "problem": 7, "facts": [["Open", "3 orders"]],
            "incident": {
                "problem": 7, "recovery": recovery, "steps": [{"text": "Call", "done": null}], "version": 1,
                "hand_over_draft": "Push has failed for 22 min.",
            },
            "trouble": [{
                "state": "broken", "step": "push", "name": "Push", "sentence": "Push has failed for 22 min.", "count": 3,
                "href": "", "runbook": recovery, "followers": [], "problem": 7,
            }],
            "declared": {"steps": ["push"], "edges": []},
            "observed": {"runs": 9, "events": 20, "steps": [], "edges": [], "starts": [], "ends": []},
            "steps": [{
                "id": "push", "name": "Push", "declared": true, "state": "broken", "fact": "3 failed", "open": 0,
                "retrying": 0, "late": 0, "broken": 3, "visits": 9, "failure_points": [], "missing": [],
            }],
            "edges": [],
            "questions": {
                "differences": [], "fails": [], "needs": [], "missing": [], "decisions": [], "workarounds": [],
                "works": "1 step. 9 runs seen so far.", "purpose": "Orders must arrive.",
            },
            "documents": [], "runs": [], "pauses": {"in_force": [], "resumed": [], "history": []},
        })
    }

    fn weight(picture: &Value) -> String {
        WorkflowPicture::read(&picture.to_string()).unwrap().weight()
    }

    #[test]
    fn state_owner_ticks_pauses_book_and_trust_weigh() {
        let pause = json!({
            "target": "step:a/push", "name": "Push", "by": "anna", "since": "2026-06-04T02:10:00Z",
            "until": "2026-06-04T04:00:00Z", "reason": "New scanners", "sentence": "Paused",
        });
        let anna = json!({"name": "anna", "since": "2026-06-04T02:10:00Z"});
        let done = json!({"by": "anna", "at": "2026-06-04T02:12:00Z", "version": 1, "skipped": null});
        for (place, value) in [
            ("/state", json!("late")),
            ("/problem", json!(8)),
            ("/incident/owner", anna.clone()),
            ("/incident/steps/0/done", done),
            ("/trouble/0/owner", anna),
            ("/trouble/0/runbook/trust", json!("check_needed")),
            ("/questions/purpose", json!("Orders should arrive.")),
            ("/declared/edges", json!([["push", "pack"]])),
            ("/pauses/in_force", json!([pause])),
        ] {
            let mut picture = failed();
            let (parent, name) = place.rsplit_once('/').unwrap();
            picture.pointer_mut(parent).unwrap()[name] = value;
            assert_ne!(weight(&picture), weight(&failed()), "{place}");
        }
    }

    #[test]
    fn counts_times_and_runs_come_and_go() {
        for (place, value) in [
            ("/sentence", json!("Push has failed for 23 min.")),
            ("/waiting", json!(4)),
            ("/facts", json!([["Open", "4 orders"]])),
            ("/trouble/0/count", json!(4)),
            ("/trouble/0/sentence", json!("Push has failed for 23 min.")),
            ("/observed/runs", json!(10)),
            ("/steps/0/visits", json!(10)),
            ("/steps/0/fact", json!("4 failed")),
            ("/steps/0/state", json!("retrying")),
            ("/questions/works", json!("1 step. 10 runs seen so far.")),
        ] {
            let mut picture = failed();
            *picture.pointer_mut(place).unwrap() = value;
            assert_eq!(weight(&picture), weight(&failed()), "{place}");
        }
    }

    #[test]
    fn what_began_then_is_said_of_one_run_and_of_the_oldest_of_several() {
        let label = |state: &str, count: i64, of_runs: bool| {
            let mut trouble = failed()["trouble"][0].clone();
            (trouble["state"], trouble["count"], trouble["of_runs"]) = (json!(state), json!(count), json!(of_runs));
            since_label(&serde_json::from_value::<Trouble>(trouble).unwrap())
        };
        assert_eq!(label("late", 1, true), "Late since");
        assert_eq!(label("late", 3, true), "Oldest late since");
        assert_eq!(label("broken", 3, true), "Oldest failed since");
        assert_eq!(label("late", 40, false), "Since", "a queue that fills is no run that is late");
    }

    #[test]
    fn a_picture_reads_back_as_it_was_written() {
        let picture = WorkflowPicture::read(&failed().to_string()).unwrap();
        assert!(picture.row.declared);
        let written = serde_json::to_string(&picture).unwrap();
        let again = serde_json::to_string(&WorkflowPicture::read(&written).unwrap()).unwrap();
        assert_eq!(again, written);
    }
}
