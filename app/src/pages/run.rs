//! The story of one run: visits, attempts, durations, gaps; duplicates and late arrivals marked.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use super::check_in::{self, CheckInLink};
use super::runs::RunRow;
use super::shell::Head;
use super::workflow::Recovery;
use crate::model::moment::Moment;
use crate::model::status::State;
use crate::parts;
use crate::parts::Saying;

/// One run; also `GET /api/v1/runs/{workflow}/{run}`.
#[derive(Debug, Clone, Serialize)]
pub struct RunPicture {
    /// Its row, as in the list.
    #[serde(flatten)]
    pub row: RunRow,
    /// The workflow's name.
    pub workflow_name: String,
    /// Each visit of a step, in the order of their starts.
    pub steps: Vec<VisitRow>,
    /// Everything heard, in the order it happened, folded; at most the newest 500 lines.
    pub story: Vec<StoryLine>,
    /// How many earlier lines are left out.
    pub earlier: i64,
    /// The matching section when it is in trouble.
    pub runbook: Option<Recovery>,
    /// Declared steps not reached yet: (id, name).
    pub ahead: Vec<(String, String)>,
    /// Declared steps that it did without: skipped, or passed over.
    pub left_out: Vec<LeftOut>,
    /// For an earlier moment: what of it is not known, one sentence each; absent when all is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_known: Vec<String>,
}

/// A step that a run did without.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LeftOut {
    /// The step's id.
    pub step: String,
    /// Its name.
    pub name: String,
    /// What that means, where the book says it.
    pub means: Option<String>,
}

/// One visit of a step by this run.
#[derive(Debug, Clone, Serialize)]
pub struct VisitRow {
    /// The step's id.
    pub step: String,
    /// Its name.
    pub name: String,
    /// From 1; above 1 is rework.
    pub visit: u32,
    /// The newest attempt, from 1.
    pub attempt: u32,
    /// How many attempts the policy allows, where it is declared.
    pub max_attempts: Option<u32>,
    /// The state of the newest attempt.
    pub state: State,
    /// What was reported last: waiting, running, retrying, succeeded, partial, failed, skipped, cancelled.
    pub progress: String,
    /// When it was first heard of.
    pub started_at: Moment,
    /// When it ended; where the run ended over it, when that was.
    pub ended_at: Option<Moment>,
    /// How the run ended while this visit was still open (`cancelled`, `skipped`, `failed`, `partial`, `ended`); none
    /// for a visit that ended by itself or has not ended.
    pub cut_off: Option<String>,
    /// When it should have ended; none when the run ended over it.
    pub due_at: Option<Moment>,
    /// When the next try is due: as reported, or by the declared policy; none once the run has ended.
    pub next_attempt_at: Option<Moment>,
    /// The last error: code and message.
    pub error: Option<(String, String)>,
    /// Whether the book declares the step.
    pub declared: bool,
    /// Each attempt heard of, oldest first; at most the first and the last ten.
    pub attempts: Vec<AttemptRow>,
    /// Every attempt heard of, oldest first, in parts: one for itself, or several that failed alike.
    pub tries: Vec<TriesRow>,
    /// When further tries come, the next one first, as reported or by the declared policy; at most twelve.
    pub planned: Vec<Moment>,
    /// When the declared policy gives up, if every further try fails at once.
    pub gives_up_at: Option<Moment>,
    /// The declared policy against what was observed, in words; none where there is neither a policy nor a second try.
    pub policy: Option<String>,
}

/// Attempts that are told as one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TriesRow {
    /// All of them, oldest first.
    pub attempts: Vec<AttemptRow>,
    /// `4 more like it, 02:15 to 02:40`; none for one that stands for itself.
    pub alike: Option<String>,
}

/// One try of a step.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct AttemptRow {
    pub attempt: u32,
    pub started_at: Moment,
    pub ended_at: Option<Moment>,
    pub progress: String,
    pub error: Option<(String, String)>,
    /// When it should have come: as announced, or by the declared policy. None for the first.
    pub planned_at: Option<Moment>,
    /// By how much it came later than that, in milliseconds; none where it came in time.
    pub late_by_ms: Option<i64>,
}

/// One line of a story.
#[derive(Debug, Clone, Serialize)]
pub struct StoryLine {
    /// When it happened.
    pub at: Moment,
    /// When we heard it.
    pub received_at: Moment,
    /// The step's id; none for the run as a whole.
    pub step: Option<String>,
    /// What happened, in words.
    pub text: String,
    /// How often the same event was sent; 1 is once.
    pub repeats: i64,
    /// `late`, `out_of_order`, `refused`, `undeclared`.
    pub marks: Vec<&'static str>,
    /// The pause before it, in words, where it is over a minute.
    pub gap: Option<String>,
    /// The source that told us.
    pub source: String,
    /// The event as it came, for those who want it; empty for what a person said.
    pub raw: String,
    /// The person who said it; none for an event.
    pub by: Option<String>,
    /// Which visit of its step it belongs to, from 1; 0 for the run as a whole and for what a person said.
    pub visit: u32,
    /// Which try of that visit, from 1; 0 likewise.
    pub attempt: u32,
}

/// The title and the favicon.
pub fn head(picture: &RunPicture) -> Head {
    Head { title: format!("{} in {}", picture.row.run, picture.workflow_name), state: Some(picture.row.state) }
}

/// The page. `check_ins` are the links that this reader may hand on.
pub fn body(picture: &RunPicture, check_ins: &[CheckInLink], saying: &Saying) -> AnyView {
    let way = format!("/workflows/{}", parts::path_part(&picture.row.workflow));
    let runs = format!("{way}/runs");
    let mut first = blocks(picture);
    let rest = first.split_off(2);
    view! {
        <div class="page run">
            {parts::crumbs(&[("Workflows", "/workflows"), (&picture.workflow_name, &way), ("Runs", &runs)])}
            {parts::not_known(&picture.not_known)}
            {first.into_iter().map(|(_, block)| block).collect_view()}
            {(!check_ins.is_empty()).then(|| check_in::links(check_ins))}
            {rest.into_iter().map(|(_, block)| block).collect_view()}
            {parts::say(saying)}
        </div>
    }
    .into_any()
}

/// The page in blocks, in order, for the live stream.
pub fn blocks(picture: &RunPicture) -> Vec<(&'static str, AnyView)> {
    let recovery = match &picture.runbook {
        Some(recovery) => parts::block("recovery", parts::section("recovery", "What to do", parts::recovery(recovery))),
        None => parts::no_block("recovery"),
    };
    vec![
        ("answer", parts::block("answer", answer(picture))),
        ("recovery", recovery),
        ("steps", parts::block("steps", parts::section("steps", "Where it is", steps(picture)))),
        ("story", parts::block("story", parts::section("story", "What happened", story(picture)))),
    ]
}

fn answer(picture: &RunPicture) -> AnyView {
    let row = &picture.row;
    let ended = match row.ended_at {
        Some(at) => view! { <div><dt>"Ended"</dt><dd>{parts::when(at)}<small>"after "{parts::length(row.since, at)}</small></dd></div> }.into_any(),
        None => view! { <div><dt>"Last event"</dt><dd>{parts::when_ago(row.last_at)}</dd></div> }.into_any(),
    };
    let due = picture
        .steps
        .iter()
        .rev()
        .find(|s| s.ended_at.is_none())
        .and_then(|s| s.due_at)
        .filter(|_| row.ended_at.is_none());
    let due = due.map(|at| view! { <div><dt>"This step is due"</dt><dd>{parts::when_ago(at)}</dd></div> });
    let subject = row.subject.as_ref().map(
        |s| view! { <div><dt>"About"</dt><dd><a href=parts::to(parts::subject_path(s))>{s.clone()}</a></dd></div> },
    );
    let facts = view! {
        <dl class="facts">
            <div><dt>"Id"</dt><dd>{parts::copy_id(&row.run)}</dd></div>
            {subject}
            <div><dt>"Started"</dt><dd>{parts::when_ago(row.since)}</dd></div>
            {ended}
            {due}
        </dl>
    };
    let left_out = (!picture.left_out.is_empty()).then(|| {
        let line = |left: &LeftOut| {
            let means = left.means.clone().unwrap_or_else(|| "Not written yet: what that means.".to_owned());
            view! { <p>{format!("{} was left out. {means}", left.name)}</p> }
        };
        view! { <div class="notice n-info">{parts::icon("info")}<div>{picture.left_out.iter().map(line).collect_view()}</div></div> }
            .into_any()
    });
    view! {
        {parts::answer(Some(row.state), &format!("{}: {}", picture.workflow_name, row.run), &row.sentence, left_out)}
        {facts}
    }
    .into_any()
}

/// Each visit of a step from top to bottom, then the declared steps that are still ahead.
fn steps(picture: &RunPicture) -> AnyView {
    if picture.steps.is_empty() && picture.ahead.is_empty() {
        return parts::empty("No step has been heard of yet.");
    }
    let workflow = picture.row.workflow.as_str();
    let ahead = picture.ahead.iter().map(|(id, name)| {
        view! {
            <li class="s-none ahead">
                {parts::icon("dot")}
                <div><p class="name"><a href=parts::to(format!("/workflows/{}#step-{}", parts::path_part(workflow), parts::path_part(id)))>{name.clone()}</a></p></div>
                <span class="side dim">"not reached"</span>
            </li>
        }
    });
    view! {
        <ol class="spine visits">
            {picture.steps.iter().map(|visit| visit_row(workflow, visit)).collect_view()}
            {ahead.collect_view()}
        </ol>
    }
    .into_any()
}

fn visit_row(workflow: &str, visit: &VisitRow) -> AnyView {
    let done = visit.progress == "succeeded" || visit.progress == "skipped";
    let took = match (visit.ended_at, &visit.cut_off) {
        (Some(at), Some(how)) => cut_off(visit, at, how),
        (Some(at), None) => format!("took {}", parts::length(visit.started_at, at)),
        (None, _) => format!("{} for {}", visit.progress, parts::length(visit.started_at, parts::ink().now)),
    };
    let due =
        visit.due_at.filter(|_| visit.ended_at.is_none()).map(|at| view! { <span>"due "{parts::when(at)}</span> });
    let error = visit.error.as_ref().filter(|_| !done).map(|(code, message)| {
        view! { <p class="error"><code>{code.clone()}</code>" "{message.clone()}</p> }
    });
    let rework = (visit.visit > 1).then(|| parts::tag(&format!("visit {}", visit.visit)));
    let undeclared = (!visit.declared).then(|| parts::tag("not in the book"));
    let state = match visit.state {
        State::OnTrack if visit.cut_off.is_some() => view! { <span class="dim">"not finished"</span> }.into_any(),
        State::OnTrack => view! { <span class="dim">{visit.progress.clone()}</span> }.into_any(),
        state => parts::badge(state),
    };
    let picture = match (visit.state, visit.progress.as_str()) {
        (State::OnTrack, "skipped" | "cancelled") => "skip".to_owned(),
        (State::OnTrack, _) if visit.cut_off.is_some() => "skip".to_owned(),
        (State::OnTrack, "waiting" | "running") => "running".to_owned(),
        (state, _) => format!("state-{}", state.name()),
    };
    view! {
        <li data-key=format!("{} {}", visit.step, visit.visit) class=format!("s-{}", visit.state.name())>
            {parts::icon(&picture)}
            <div>
                <p class="name">
                    <a href=parts::to(format!("/workflows/{}#step-{}", parts::path_part(workflow), parts::path_part(&visit.step)))>{visit.name.clone()}</a>{rework}{undeclared}
                </p>
                <p class="fact"><span>{parts::seconds(visit.started_at)}</span><span>{took}</span>{due}</p>
                {error}
                {parts::attempts(visit)}
            </div>
            <span class="side">{state}</span>
        </li>
    }
    .into_any()
}

/// `was running for 12 min when the run was cancelled`.
fn cut_off(visit: &VisitRow, at: Moment, how: &str) -> String {
    let run = match how {
        "cancelled" | "skipped" => format!("was {how}"),
        "partial" => "ended in part".to_owned(),
        how => how.to_owned(),
    };
    format!("was {} for {} when the run {run}", visit.progress, parts::length(visit.started_at, at))
}

/// What a person said, among what systems told.
fn said(line: &StoryLine) -> AnyView {
    view! {
        <li data-key=format!("{} {}", line.at.millis(), line.text) class="said">
            <span class="at">{parts::seconds(line.at)}</span>
            <div><p>{line.text.clone()}" "{parts::tag("said by a person")}</p></div>
        </li>
    }
    .into_any()
}

/// What was heard, in the order it happened.
fn story(picture: &RunPicture) -> AnyView {
    if picture.story.is_empty() {
        return parts::empty("Nothing has been heard of this run.");
    }
    let earlier =
        (picture.earlier > 0).then(|| parts::empty(&format!("{} earlier lines are left out.", picture.earlier)));
    let lines = stretches(picture).into_iter().map(|(alike, lines)| match alike {
        None => lines.iter().map(story_line).collect_view().into_any(),
        Some(words) => folded(&words, lines),
    });
    view! { {earlier}<ol class="story">{lines.collect_view()}</ol> }.into_any()
}

/// The story in stretches: those that only tell tries which failed alike are told as one, with these words.
fn stretches(picture: &RunPicture) -> Vec<(Option<String>, &[StoryLine])> {
    let part = |line: &StoryLine| {
        let step = line.step.as_ref().filter(|_| line.marks.is_empty() && line.by.is_none())?;
        let visit = picture.steps.iter().position(|v| v.step == *step && v.visit == line.visit)?;
        let own = |tries: &TriesRow| tries.alike.is_some() && tries.attempts.iter().any(|a| a.attempt == line.attempt);
        Some((visit, picture.steps[visit].tries.iter().position(own)?))
    };
    picture
        .story
        .chunk_by(|a, b| part(a) == part(b))
        .map(|lines| {
            let alike = part(&lines[0]).filter(|_| lines.len() > 1);
            (alike.and_then(|(visit, tries)| picture.steps[visit].tries[tries].alike.clone()), lines)
        })
        .collect()
}

fn folded(words: &str, lines: &[StoryLine]) -> AnyView {
    let first = &lines[0];
    view! {
        <li data-key=format!("alike {} {}", first.at.millis(), first.text)>
            <span class="at">{parts::seconds(first.at)}</span>
            <div>
                <details class="alike">
                    <summary>{words.to_owned()}</summary>
                    <ol class="story">{lines.iter().map(story_line).collect_view()}</ol>
                </details>
            </div>
        </li>
    }
    .into_any()
}

fn story_line(line: &StoryLine) -> AnyView {
    if line.by.is_some() {
        return said(line);
    }
    let gap = line.gap.as_ref().map(|gap| view! { <p class="pause">{gap.clone()}</p> });
    let mut whys = Vec::new();
    let marks = line.marks.iter().map(|mark| {
        let words = parts::heard_words(mark);
        let why = match *mark {
            "late" => format!("heard {} after it happened", parts::length(line.at, line.received_at)),
            "out_of_order" => "something that happened later was heard before it; it stands at its own time, and what is newer still counts".to_owned(),
            "refused" => "it contradicts what is known, so it was not used".to_owned(),
            "undeclared" => "the book does not know this step".to_owned(),
            _ => String::new(),
        };
        whys.push(format!("{words}: {why}"));
        view! { <span class="tag" title=why>{words.to_owned()}</span> }
    });
    let marks = marks.collect_view();
    let repeats = (line.repeats > 1).then(|| {
        view! { <span class="tag" title="sent more than once, counted once">{format!("×{}", line.repeats)}</span> }
    });
    view! {
        <li data-key=format!("{} {}", line.at.millis(), line.text)>
            {gap}
            <span class="at">{parts::seconds(line.at)}</span>
            <div>
                <p>{line.text.clone()}{marks}{repeats}</p>
                <details>
                    <summary>{line.source.clone()}", heard "{parts::seconds(line.received_at)}</summary>
                    {whys.into_iter().map(|why| view! { <p>{why}</p> }).collect_view()}
                    <pre><code>{line.raw.clone()}</code></pre>
                </details>
            </div>
        </li>
    }
    .into_any()
}
