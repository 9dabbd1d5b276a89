//! What breaks without a component: what stops, what goes on in a lesser way, what is not affected, and the notice.

use leptos::prelude::*;
use serde::Serialize;

use crate::islands::CopyButton;
use crate::model::blast::Condition;
use crate::model::book::Criticality;
use crate::model::moment::{Moment, Span};
use crate::parts;
use crate::parts::records::{labelled, value};

/// How many affected components the page shows; the JSON has all.
const MOST_COMPONENTS: usize = 40;

/// How many components the way back names on the page.
const LONGEST_WAY: usize = 4;

/// What breaks without one component: blocked things, then degraded ones, soonest harm first.
#[derive(Debug, Clone, Serialize)]
pub struct BlastPicture {
    /// True for a what-if; false when the component is in trouble now.
    pub supposed: bool,
    /// What is wrong with it now, in a sentence; none when nothing is known to be.
    pub trouble: Option<String>,
    /// Since when the oldest of that.
    pub since: Option<Moment>,
    /// How many of each, and when it first hurts, in words.
    pub summary: String,
    /// Affected workflows.
    pub workflows: Vec<WorkflowAffected>,
    /// Affected components.
    pub components: Vec<ComponentAffected>,
    /// The queues that hold work back, and for how long.
    pub queues: Vec<QueueRoom>,
    /// Workflows that go on as before: id and name.
    pub unaffected_workflows: Vec<(String, String)>,
    /// Components that go on as before: ids.
    pub unaffected_components: Vec<String>,
    /// What cannot be told, one sentence each.
    pub not_known: Vec<String>,
    /// A paragraph for business staff, ready to be copied.
    pub notice: String,
}

/// When something stops, or goes on in a lesser way.
#[derive(Debug, Clone, Serialize)]
pub struct When {
    /// Not before this.
    pub earliest: Moment,
    /// Not after this; none when not known.
    pub latest: Option<Moment>,
    /// In words: `now`, `02:51, in 38 min`, `not known when`.
    pub words: String,
}

/// An affected workflow.
#[derive(Debug, Clone, Serialize)]
pub struct WorkflowAffected {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// `blocked` or `degraded`.
    pub condition: Condition,
    /// When it stops, or goes on in a lesser way.
    pub when: When,
    /// By when the business is hurt for certain: what waits is late, or a queue is over its limit; where neither
    /// tells, when it stops; none when not known.
    pub hurt_by: Option<Moment>,
    /// When what has to wait is past its time, at the latest; none when not known.
    pub late_at: Option<Moment>,
    /// Where it stops and what waits, or how it goes on.
    pub sentence: String,
    /// The step that it stops at, or the first one degraded: its id.
    pub step: String,
    /// What is not assured while it lasts: the outcome as the book says it.
    pub outcome: Option<String>,
    /// The team that is hurt.
    pub business_owner: Option<String>,
    /// How much harm it does when it stops.
    pub criticality: Criticality,
    /// What is counted, in the plural.
    pub unit: String,
    /// How many are open now; none for an earlier moment, of which it is not known.
    pub waiting: Option<i64>,
    /// From what is down to the component that the step uses: id and name.
    pub path: Vec<(String, String)>,
    /// Every affected step, in the book's order.
    pub steps: Vec<StepAffected>,
}

/// An affected step.
#[derive(Debug, Clone, Serialize)]
pub struct StepAffected {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// `blocked` or `degraded`.
    pub condition: Condition,
    /// When.
    pub when: When,
    /// Why, in a few words.
    pub why: String,
    /// What happens if it is skipped, as the book says it.
    pub if_skipped: Option<String>,
}

/// An affected component.
#[derive(Debug, Clone, Serialize)]
pub struct ComponentAffected {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// `blocked` or `degraded`.
    pub condition: Condition,
    /// When.
    pub when: When,
    /// Why, and what is done instead.
    pub sentence: String,
    /// What is done instead, as the book says it; only when degraded.
    pub fallback: Option<String>,
    /// What happens to the business when it is not there; only when blocked.
    pub if_unavailable: Option<String>,
    /// The next component on the way back to what is down: id and name.
    pub needs: (String, String),
    /// How many dependencies lie between it and what is down.
    pub hops: usize,
}

/// A queue that holds work back for a while.
#[derive(Debug, Clone, Serialize)]
pub struct QueueRoom {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whole minutes until it is over a limit if nothing leaves it; none when not known.
    pub minutes: Option<i64>,
    /// The same as a moment.
    pub until: Option<Moment>,
}

/// The block for the component with this id and name; without a picture it offers the what-if.
pub fn block(id: &str, name: &str, picture: Option<&BlastPicture>) -> AnyView {
    let body = match picture {
        None => offer(id, name).into_any(),
        Some(picture) => view! {
            <div class="blast">
                {said(id, name, picture)}
                <p class="lead">{picture.summary.clone()}</p>
                {workflows(&picture.workflows)}
                {queues(&picture.queues)}
                {components(picture)}
                {unaffected(picture)}
                {not_known(&picture.not_known)}
                {notice(&picture.notice)}
            </div>
        }
        .into_any(),
    };
    parts::section("breaks", "What breaks without it", body)
}

fn offer(id: &str, name: &str) -> AnyView {
    let href = parts::to(format!("/components/{}?suppose=down#breaks", parts::path_part(id)));
    view! {
        <p class="blast-offer">
            <a class="button" href=href>{parts::icon("affected")}{format!("Suppose {name} is down")}</a>
        </p>
    }
    .into_any()
}

/// Whether this is so or only supposed; never the one for the other.
fn said(id: &str, name: &str, picture: &BlastPicture) -> AnyView {
    let what_if = format!("This is a what-if: suppose {name} is down from now on.");
    let (kind, words) = match (picture.supposed, &picture.trouble) {
        (false, Some(trouble)) => ("warn", format!("{trouble} While {name} is not available, this follows.")),
        (_, None) => ("info", format!("{what_if} Nothing says that it is.")),
        (true, Some(trouble)) => ("info", format!("{what_if} What is so now: {trouble}")),
    };
    let back = picture.supposed.then(|| {
        view! { <p><a href=parts::to(format!("/components/{}", parts::path_part(id)))>"Back to what is so now"</a></p> }
    });
    view! { {parts::notice(kind, &words)}{back} }.into_any()
}

fn workflows(rows: &[WorkflowAffected]) -> AnyView {
    let list = match rows.is_empty() {
        true => parts::empty("No workflow of the book is affected."),
        false => view! { <ul class="things hits">{rows.iter().map(workflow).collect_view()}</ul> }.into_any(),
    };
    view! { <h3>"Workflows"</h3>{list} }.into_any()
}

fn workflow(row: &WorkflowAffected) -> AnyView {
    let steps = row.steps.iter().map(|step| {
        view! {
            <li>
                {parts::condition(step.condition)}
                <a href=parts::to(format!("/workflows/{}#step-{}", parts::path_part(&row.id), step.id))>{step.name.clone()}</a>
                <span>{format!("{}, {}", step.why, step.when.words)}</span>
                {step.if_skipped.clone().map(|words| view! { <span class="dim">{format!("Left out: {words}")}</span> })}
            </li>
        }
    });
    let waiting = row.waiting.filter(|open| *open > 0).map(|open| format!("{open} {} open now", row.unit));
    view! {
        <li>
            <div class="hit-name">
                <p class="thing-name"><a href=parts::to(format!("/workflows/{}", parts::path_part(&row.id)))>{row.name.clone()}</a>
                    {(row.criticality == Criticality::Critical).then(|| parts::tag("critical"))}
                </p>
                <p class="hit-when">{parts::condition(row.condition)}<span>{row.when.words.clone()}</span></p>
                {hurt_by(row)}
            </div>
            <div class="hit-what">
                <p>{row.sentence.clone()}</p>
                {labelled(vec![
                    ("Not assured", value(row.outcome.as_ref())),
                    ("Who is hurt", value(row.business_owner.as_ref())),
                    ("Now", value(waiting)),
                    ("The way", way(&row.path)),
                ])}
                <details>
                    <summary>{match row.steps.len() { 1 => "1 step".to_owned(), n => format!("{n} steps") }}</summary>
                    <ul class="hit-steps">{steps.collect_view()}</ul>
                </details>
            </div>
        </li>
    }
    .into_any()
}

/// By when it hurts, where that is not when it stops.
fn hurt_by(row: &WorkflowAffected) -> Option<AnyView> {
    let differs = row.condition == Condition::Blocked && row.hurt_by != Some(row.when.earliest);
    row.hurt_by.filter(|_| differs).map(|at| {
        let ahead = at.since(parts::ink().now);
        let ahead = (ahead > Span::default()).then(|| format!(", in {}", ahead.words()));
        view! { <p class="dim">"hurts by "{parts::when(at)}{ahead}</p> }.into_any()
    })
}

/// From what is down to here, when there is something between.
fn way(path: &[(String, String)]) -> Option<AnyView> {
    if path.len() < 2 {
        return None;
    }
    let left_out = path.len().saturating_sub(LONGEST_WAY);
    let shown = path.iter().enumerate().filter(|(i, _)| *i == 0 || *i > left_out);
    let one = |(i, (id, name)): (usize, &(String, String))| {
        let more = (i > 0 && i == left_out + 1 && left_out > 0).then(|| format!("{left_out} more, "));
        view! { <li>{more}<a href=parts::to(format!("/components/{}", parts::path_part(id)))>{name.clone()}</a></li> }
    };
    Some(view! { <ol class="way">{shown.map(one).collect_view()}</ol> }.into_any())
}

fn queues(rows: &[QueueRoom]) -> Option<AnyView> {
    let one = |row: &QueueRoom| {
        let room = match (row.minutes, row.until) {
            (Some(0), _) => view! { "over its limit" }.into_any(),
            (Some(minutes), Some(until)) => {
                view! { {format!("room for {minutes} min, until ")}{parts::when(until)} }.into_any()
            }
            _ => view! { "not known for how long it has room" }.into_any(),
        };
        view! { <li><a href=parts::to(format!("/components/{}", parts::path_part(&row.id)))>{row.name.clone()}</a>" "{room}</li> }
    };
    (!rows.is_empty()).then(|| {
        view! { <h3>"Queues that hold the work back"</h3><ul class="plain">{rows.iter().map(one).collect_view()}</ul> }
            .into_any()
    })
}

fn components(picture: &BlastPicture) -> Option<AnyView> {
    let rows = &picture.components;
    let left_out = rows.len().saturating_sub(MOST_COMPONENTS);
    let more = (left_out > 0).then(|| parts::empty(&format!("{left_out} more, all of them later or just as soon.")));
    (!rows.is_empty()).then(|| {
        let shown = rows.iter().take(MOST_COMPONENTS).map(component).collect_view();
        view! { <h3>"Components"</h3><ul class="things hits">{shown}</ul>{more} }.into_any()
    })
}

fn component(row: &ComponentAffected) -> AnyView {
    view! {
        <li>
            <div class="hit-name">
                <p class="thing-name"><a href=parts::to(format!("/components/{}", parts::path_part(&row.id)))>{row.name.clone()}</a></p>
                <p class="hit-when">{parts::condition(row.condition)}<span>{row.when.words.clone()}</span></p>
            </div>
            <div class="hit-what">
                <p>{row.sentence.clone()}</p>
                {row.if_unavailable.clone().map(|words| view! { <p class="dim">{words}</p> })}
            </div>
        </li>
    }
    .into_any()
}

fn unaffected(picture: &BlastPicture) -> AnyView {
    let links: Vec<_> =
        picture.unaffected_workflows.iter().map(|(id, name)| (name.clone(), format!("/workflows/{id}"))).collect();
    let workflows = match links.is_empty() {
        true => parts::empty("No workflow of the book is left."),
        false => parts::names(&links),
    };
    let components = match picture.unaffected_components.len() {
        1 => "And 1 component.".to_owned(),
        n => format!("And {n} components."),
    };
    view! { <h3>"Not affected"</h3>{workflows}<p class="dim">{components}</p> }.into_any()
}

fn not_known(sentences: &[String]) -> Option<AnyView> {
    (!sentences.is_empty()).then(|| {
        let list = sentences.iter().map(|words| view! { <li>{words.clone()}</li> }).collect_view();
        view! { <h3>"Not known"</h3><ul class="plain">{list}</ul> }.into_any()
    })
}

fn notice(words: &str) -> AnyView {
    view! {
        <h3>"Notice for business staff"</h3>
        <blockquote class="to-copy"><p>{words.to_owned()}</p><CopyButton text=words.to_owned()/></blockquote>
    }
    .into_any()
}
