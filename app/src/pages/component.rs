//! One component: what it is, what breaks without it, what changed, which documents speak of it.

use leptos::prelude::*;
use serde::Serialize;

use super::components::ComponentRow;
use super::now::ChangeRow;
use super::runbooks::RunbookRow;
use super::shell::Head;
use crate::model::book::{Decision, Dependency, DependencyMode, Field, Limits, Workaround};
use crate::model::status::State;
use crate::parts;
use crate::parts::records::{decisions, event_rows, labelled, value, workarounds};

/// One component; also `GET /api/v1/components/{id}`.
#[derive(Debug, Clone, Serialize)]
pub struct ComponentPicture {
    /// Its row, as in the list.
    #[serde(flatten)]
    pub row: ComponentRow,
    /// What happens to the business when it is not there.
    pub if_unavailable: Option<String>,
    /// What it needs: the dependency, and the needed component's name where it is declared.
    pub depends_on: Vec<(Dependency, Option<String>)>,
    /// The components that need it: id, name, how.
    pub dependants: Vec<(String, String, Dependency)>,
    /// The steps it does, or that wait in it.
    pub steps: Vec<StepUse>,
    /// Where a queue becomes a problem.
    pub limits: Limits,
    /// What fields mean on paper, and in practice.
    pub fields: Vec<Field>,
    /// Why it is as it is.
    pub decisions: Vec<Decision>,
    /// Just for now.
    pub workarounds: Vec<Workaround>,
    /// What changed, newest first, at most 20.
    pub changes: Vec<ChangeRow>,
    /// The runbooks that speak of it.
    pub documents: Vec<RunbookRow>,
    /// Queue, signal, change and record events about it as they came, newest first, at most 20.
    pub events: Vec<super::sources::EventRow>,
}

/// A step that a component does.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs)]
pub struct StepUse {
    pub workflow: String,
    pub workflow_name: String,
    pub step: String,
    pub step_name: String,
    /// `does it` or `waits in it`.
    pub how: &'static str,
    pub state: Option<State>,
}

/// The title, with the worst state of the steps it does.
pub fn head(picture: &ComponentPicture) -> Head {
    Head { title: picture.row.name.clone(), state: picture.row.state }
}

/// The component as a page: what it is, what hurts without it, and then everything known about it.
pub fn body(picture: &ComponentPicture) -> AnyView {
    let row = &picture.row;
    view! {
        <div class="page component">
        {parts::crumbs(&[("Components", "/components")])}
        {parts::answer(row.state, &row.name, row.meaning.as_deref().unwrap_or_default(), Some(about(picture)))}
        {row.meaning.is_none().then(|| parts::gap("What it is for: not written yet.", None))}
        {parts::section("without-it", "What happens without it", text_or_gap(picture.if_unavailable.as_deref()))}
        {parts::section("needed-by", "What needs it", needed_by(picture))}
        {parts::section("needs", "What it needs", needs(&picture.depends_on))}
        {parts::section("steps", "Steps", steps(&picture.steps))}
        {parts::section("documents", "Runbooks that speak of it", documents(picture))}
        {limits(&picture.limits)}
        {fields(&picture.fields)}
        {why(picture)}
        {parts::section("changes", "What changed", changes(picture))}
        {events(picture)}
        </div>
    }
    .into_any()
}

fn about(picture: &ComponentPicture) -> AnyView {
    let row = &picture.row;
    let owner = row.owner.as_ref().map_or("Nobody owns it yet.".to_owned(), |owner| format!("Owned by {owner}."));
    let unseen = row.state.is_none().then_some(" No step of it has been seen yet.");
    view! { <p class="dim about-it">{parts::tag(&row.kind)}<span>{owner}{unseen}</span>{parts::copy_id(&row.id)}</p> }
        .into_any()
}

fn text_or_gap(text: Option<&str>) -> AnyView {
    match text {
        Some(text) => view! { <p class="prose">{text.to_owned()}</p> }.into_any(),
        None => parts::gap("Not written yet.", None),
    }
}

fn needed_by(picture: &ComponentPicture) -> AnyView {
    let one = |(id, name, dependency): &(String, String, Dependency)| dependency_row(id, Some(name), dependency);
    match picture.dependants.is_empty() {
        true => parts::empty("No component is said to need it."),
        false => view! { <ul class="things">{picture.dependants.iter().map(one).collect_view()}</ul> }.into_any(),
    }
}

fn needs(depends_on: &[(Dependency, Option<String>)]) -> AnyView {
    let one =
        |(dependency, name): &(Dependency, Option<String>)| dependency_row(&dependency.id, name.as_ref(), dependency);
    match depends_on.is_empty() {
        true => parts::empty("It is not said to need anything."),
        false => view! { <ul class="things">{depends_on.iter().map(one).collect_view()}</ul> }.into_any(),
    }
}

/// The other side of a dependency, and how it is needed.
fn dependency_row(id: &str, name: Option<&String>, dependency: &Dependency) -> AnyView {
    let other = match name {
        Some(name) => view! { <a href=format!("/components/{id}")>{name.clone()}</a> }.into_any(),
        None => view! { <code>{id.to_owned()}</code>" "{parts::tag("not in the book")} }.into_any(),
    };
    let fallback = dependency.fallback.as_deref().map(|f| if f == "none" { "Nothing takes its place" } else { f });
    view! {
        <li>
            <p class="thing-name">{other}</p>
            {labelled(vec![
                ("How", value(Some(mode_words(dependency.mode)))),
                ("Why", value(dependency.why.as_ref())),
                ("Without it", value(fallback)),
                ("Waits", value(dependency.timeout.map(|t| t.words()))),
                ("Tries again", value(dependency.retry.as_ref())),
            ])}
        </li>
    }
    .into_any()
}

fn mode_words(mode: DependencyMode) -> &'static str {
    match mode {
        DependencyMode::Sync => "Asks and waits for the answer",
        DependencyMode::Queue => "Hands over through a queue",
        DependencyMode::Batch => "In bulk, at times",
        DependencyMode::Manual => "A person carries it",
    }
}

fn steps(steps: &[StepUse]) -> AnyView {
    let one = |step: &StepUse| {
        let state = match step.state {
            Some(state) => parts::mark(state),
            None => view! { <span class="dim">"Not seen"</span> }.into_any(),
        };
        view! {
            <li>
                <span class="c-state">{state}</span>
                <span class="c-name"><a href=format!("/workflows/{}#step-{}", step.workflow, step.step)>{step.step_name.clone()}</a></span>
                <span class="c-what">{step.how}</span>
                <span class="c-owner">{format!("in {}", step.workflow_name)}</span>
            </li>
        }
    };
    match steps.is_empty() {
        true => parts::empty("It does no step, and none waits in it."),
        false => view! { <ul class="rows r-step">{steps.iter().map(one).collect_view()}</ul> }.into_any(),
    }
}

fn documents(picture: &ComponentPicture) -> AnyView {
    match picture.documents.is_empty() {
        true => parts::gap("Not written yet.", Some(format!("/runbooks/new?for=component:{}", picture.row.id))),
        false => parts::runbook_rows(&picture.documents),
    }
}

fn limits(limits: &Limits) -> Option<AnyView> {
    let pairs = vec![
        ("Too many", value(limits.depth.map(|depth| format!("more than {depth} waiting")))),
        ("Too old", value(limits.oldest.map(|oldest| format!("the oldest waits longer than {}", oldest.words())))),
    ];
    let any = limits.depth.is_some() || limits.oldest.is_some();
    any.then(|| parts::section("limits", "When it becomes a problem", labelled(pairs)))
}

/// What a field is called on paper is seldom what it is used for.
fn fields(fields: &[Field]) -> Option<AnyView> {
    let one = |field: &Field| {
        let used_by = (!field.used_by.is_empty()).then(|| field.used_by.join(", "));
        let not_written = || view! { <span class="dim">"Not written yet"</span> }.into_any();
        view! {
            <li>
                <p class="thing-name"><code>{field.name.clone()}</code></p>
                {labelled(vec![
                    ("On paper", value(field.documented.as_ref()).or_else(|| Some(not_written()))),
                    ("In practice", value(field.in_practice.as_ref()).or_else(|| Some(not_written()))),
                    ("Read by", value(used_by)),
                ])}
            </li>
        }
    };
    let list = view! { <ul class="things">{fields.iter().map(one).collect_view()}</ul> };
    (!fields.is_empty()).then(|| parts::section("fields", "Fields, on paper and in practice", list.into_any()))
}

fn why(picture: &ComponentPicture) -> AnyView {
    let decided = match picture.decisions.is_empty() {
        true => parts::gap("Not written yet.", None),
        false => decisions(&picture.decisions),
    };
    let for_now = (!picture.workarounds.is_empty())
        .then(|| parts::section("workarounds", "Just for now", workarounds(&picture.workarounds)));
    view! { {parts::section("decisions", "Why it is as it is", decided)}{for_now} }.into_any()
}

fn changes(picture: &ComponentPicture) -> AnyView {
    match picture.changes.is_empty() {
        true => parts::empty("No change has been recorded."),
        false => parts::change_rows(&picture.changes),
    }
}

fn events(picture: &ComponentPicture) -> Option<AnyView> {
    (!picture.events.is_empty()).then(|| parts::section("events", "Events as they came", event_rows(&picture.events)))
}
