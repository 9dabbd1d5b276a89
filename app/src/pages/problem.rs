//! One problem: what it is, what to do, what was done, and how it ended. The record of an incident.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use super::runs::RunRow;
use super::shell::Head;
use super::workflow::Recovery;
use crate::model::moment::Moment;
use crate::model::status::{State, Trust};
use crate::parts;

/// What is said where nobody did anything.
const NOTHING_DONE: &str = "Nobody has done anything about it here.";

/// A problem in a list; also an item of `GET /api/v1/problems`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ProblemRow {
    /// Its number.
    pub id: i64,
    /// What sort it is: `failed`, `stuck`, `backlog` …
    pub kind: crate::model::problem::Kind,
    /// The state it puts its place in.
    pub state: State,
    /// The workflow it lies in.
    pub workflow: Option<String>,
    /// The step.
    pub step: Option<String>,
    /// The component that it is on.
    pub component: Option<String>,
    /// What people call its place: `Push to ERP in Order to ERP`.
    pub name: String,
    /// Where its place is shown.
    pub href: String,
    /// Since when.
    pub since: Moment,
    /// When it ended.
    pub ended_at: Option<Moment>,
    /// `by_itself`, `by_person` or `continued`, once it has.
    pub ended: Option<crate::model::problem::How>,
    /// How many runs or things; the most at once when it has ended.
    pub count: i64,
    /// What is counted, in the plural.
    pub unit: String,
    /// Some of the subjects, or runs where these have none.
    pub subjects: Vec<String>,
    /// What is wrong, in a sentence.
    pub sentence: String,
    /// What happens next by itself.
    pub next: Option<String>,
    /// Who is on it.
    pub owner: Option<Owner>,
    /// The failure point of its step that explains it, by its id.
    pub failure_point: Option<String>,
    /// The matching section of a runbook.
    pub runbook: Option<SectionLink>,
    /// The problem that it follows from.
    pub origin: Option<i64>,
    /// The problems that follow from it.
    pub followers: Vec<i64>,
}

/// Who is on a problem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Owner {
    pub name: String,
    pub since: Moment,
}

/// A section of a runbook, and whether it can be believed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct SectionLink {
    pub slug: String,
    pub section: String,
    pub title: String,
    pub trust: Trust,
}

/// What to do about a problem and how far that has come.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Incident {
    /// The problem.
    pub problem: i64,
    /// Who is on it.
    pub owner: Option<Owner>,
    /// Handed over, and not accepted yet.
    pub hand_over: Option<HandOver>,
    /// What the book says of it, where it explains it.
    #[serde(default)]
    pub known: Option<KnownFailure>,
    /// The matching section.
    pub recovery: Option<Recovery>,
    /// Each step of that section, with who did it.
    pub steps: Vec<StepTick>,
    /// The version of the runbook that the steps are from.
    pub version: i64,
    /// What a hand-over begins with: the state, the steps done and not done.
    pub hand_over_draft: String,
    /// Why a person cannot end it here; none where they can.
    pub cannot_end: Option<String>,
}

/// A failure that the book knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownFailure {
    /// The failure point's id.
    pub id: String,
    /// What it does to the business.
    pub effect: Option<String>,
    /// What happens by itself.
    pub automatic: Option<String>,
}

/// Something handed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct HandOver {
    pub by: String,
    pub at: Moment,
    pub words: String,
}

/// A step of a section during a problem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepTick {
    /// The step, as it is written now.
    pub text: String,
    /// Whether it was done or left out; none when it is still to do.
    pub done: Option<Ticked>,
    /// Whether it speaks of something that has changed since its review.
    #[serde(default)]
    pub in_doubt: bool,
}

/// How a step was settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Ticked {
    pub by: String,
    pub at: Moment,
    /// The version of the runbook that they read.
    pub version: i64,
    /// Why it was left out; none when it was done.
    pub skipped: Option<String>,
}

/// One problem; also `GET /api/v1/problems/{id}`.
#[derive(Debug, Clone, Serialize)]
pub struct ProblemPicture {
    /// Its row, as in the list.
    #[serde(flatten)]
    pub row: ProblemRow,
    /// What to do, while it is open.
    pub incident: Option<Incident>,
    /// How it ended, in a sentence.
    pub ending: Option<String>,
    /// The sections that were followed, (slug, anchor, title), to be asked about once it has ended.
    pub asked_about: Vec<(String, String, String)>,
    /// Whether somebody has said if the runbook was right.
    pub answered: bool,
    /// What people did, oldest first.
    pub log: Vec<LogRow>,
    /// Some of the runs it is about.
    pub runs: Vec<RunRow>,
    /// The problems that follow from it.
    pub following: Vec<ProblemRow>,
    /// The problem that it follows from.
    pub from: Option<Box<ProblemRow>>,
}

/// One thing that somebody did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub struct LogRow {
    pub at: Moment,
    pub by: String,
    pub act: String,
    pub words: String,
    /// The step, for a tick.
    pub step: Option<String>,
    /// The version of the runbook that it is from.
    pub version: Option<i64>,
}

/// The title and the favicon.
pub fn head(picture: &ProblemPicture) -> Head {
    let state = if picture.row.ended_at.is_some() { State::OnTrack } else { picture.row.state };
    Head { title: format!("{}, problem {}", picture.row.name, picture.row.id), state: Some(state) }
}

/// The page.
pub fn body(picture: &ProblemPicture) -> AnyView {
    view! {
        <div class="page problem">
            {parts::crumbs(&[("Problems", "/problems")])}
            {blocks(picture).into_iter().map(|(_, block)| block).collect_view()}
        </div>
    }
    .into_any()
}

/// The page in blocks, in order, for the live stream.
pub fn blocks(picture: &ProblemPicture) -> Vec<(&'static str, AnyView)> {
    let list = |name: &'static str, title: &str, rows: AnyView, is_empty: bool| match is_empty {
        true => (name, parts::no_block(name)),
        false => (name, parts::block(name, parts::section(name, title, rows))),
    };
    let incident = match &picture.incident {
        Some(incident) => parts::block("incident", parts::section("incident", "What to do", parts::incident(incident))),
        None => parts::no_block("incident"),
    };
    let from: Vec<ProblemRow> = picture.from.iter().map(|row| (**row).clone()).collect();
    vec![
        ("answer", parts::block("answer", answer(picture))),
        ("incident", incident),
        ("question", question(picture)),
        list("from", "Because of", parts::problem_rows(&from), from.is_empty()),
        list("following", "Because of it", parts::problem_rows(&picture.following), picture.following.is_empty()),
        list("runs", "Affected", parts::run_rows(&picture.runs), picture.runs.is_empty()),
        ("log", parts::block("log", parts::section("log", "What was done", parts::log(&picture.log, NOTHING_DONE)))),
    ]
}

fn answer(picture: &ProblemPicture) -> AnyView {
    let row = &picture.row;
    let next = row.next.clone().filter(|_| row.ended_at.is_none());
    let extra = view! {
        {picture.ending.clone().map(|words| view! { <p class="aside">{parts::icon("check")}{words}</p> })}
        {next.map(|words| view! { <p>{words}</p> })}
        <p class="dim">{row.kind.words()}" in "<a href=row.href.clone()>{row.name.clone()}</a></p>
    };
    let state = if row.ended_at.is_some() { None } else { Some(row.state) };
    let title = match row.ended_at {
        Some(_) => format!("Over: {}", row.name),
        None => row.name.clone(),
    };
    let lasted = row.ended_at.map_or("until now".to_owned(), parts::when_words);
    let facts = [
        ("Since".to_owned(), parts::when_words(row.since)),
        ("Until".to_owned(), lasted),
        (
            if row.ended_at.is_some() { "At most".to_owned() } else { "Waiting".to_owned() },
            crate::model::verdict::count_of(row.count, &row.unit),
        ),
        ("On it".to_owned(), row.owner.as_ref().map_or("nobody".to_owned(), |o| o.name.clone())),
    ];
    view! {
        {parts::answer(state, &title, &row.sentence, Some(extra.into_any()))}
        {parts::facts(&facts)}
    }
    .into_any()
}

/// "Was the runbook right?", asked once after the end.
fn question(picture: &ProblemPicture) -> AnyView {
    if picture.row.ended_at.is_none() || picture.answered || picture.asked_about.is_empty() {
        return parts::no_block("question");
    }
    let action = format!("/problems/{}/answer", picture.row.id);
    let form = parts::was_it_right(&action, &picture.asked_about);
    let body = view! { <div class="question-now">{form}</div> }.into_any();
    parts::block("question", parts::section("question", "Was the runbook right?", parts::for_operators(body)))
}
