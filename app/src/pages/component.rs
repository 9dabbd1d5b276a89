//! One component: what it is, what breaks without it, what changed, which documents speak of it.

use std::collections::BTreeMap;

use leptos::prelude::*;
use serde::Serialize;

use super::blast::{self, BlastPicture};
use super::components::ComponentRow;
use super::now::ChangeRow;
use super::pause::PauseRow;
use super::runbooks::RunbookRow;
use super::shell::Head;
use crate::model::book::{Decision, Dependency, DependencyMode, Field, Limits, Workaround};
use crate::model::coverage::write_at;
use crate::model::mention::absent;
use crate::model::moment::{Moment, Span};
use crate::model::queue::{Level, Trend, rate};
use crate::model::reference::Reference;
use crate::model::status::State;
use crate::model::verdict::count_of;
use crate::parts;
use crate::parts::records::{decisions, event_rows, labelled, value, workarounds};

/// One component; also `GET /api/v1/components/{id}`.
#[derive(Debug, Clone, Serialize)]
pub struct ComponentPicture {
    /// Its row, as in the list.
    #[serde(flatten)]
    pub row: ComponentRow,
    /// Whether the book declares it; else it is a queue that reports.
    pub declared: bool,
    /// What it says of itself, where it is a queue that reports.
    pub queue: Option<QueuePicture>,
    /// The source that it reports as, and how often at least it should, where the book says so.
    pub reports: Option<(String, Option<Span>)>,
    /// What happens to the business when it is not there.
    pub if_unavailable: Option<String>,
    /// What it needs: the dependency, and the needed component's name where it is declared.
    pub depends_on: Vec<(Dependency, Option<String>)>,
    /// The components that need it: id, name, how.
    pub dependants: Vec<(String, String, Dependency)>,
    /// The steps it does, or that wait in it.
    pub steps: Vec<StepUse>,
    /// The pauses of it, newest first, at most 10; those of its steps alone are on the pages of their workflows.
    pub pauses: Vec<PauseRow>,
    /// The workflow on whose page it can be paused; none when no step uses it.
    pub pause_at: Option<String>,
    /// Where a queue becomes a problem.
    pub limits: Limits,
    /// What fields mean on paper, and in practice.
    pub fields: Vec<Field>,
    /// Why it is as it is.
    pub decisions: Vec<Decision>,
    /// What was decided before these, by its id.
    pub replaced: BTreeMap<String, String>,
    /// Just for now.
    pub workarounds: Vec<Workaround>,
    /// What changed, newest first, at most 20.
    pub changes: Vec<ChangeRow>,
    /// The runbooks that speak of it.
    pub documents: Vec<RunbookRow>,
    /// What breaks without it: when it is in trouble now, or asked for with `?suppose=down`; none otherwise.
    pub blast: Option<BlastPicture>,
    /// Queue, signal, change and record events about it as they came, newest first, at most 20.
    pub events: Vec<super::sources::EventRow>,
    /// For an earlier moment: what of it is not known, one sentence each; absent when all is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_known: Vec<String>,
    /// Whether the states of its steps are known; of a moment before the past is kept they are not.
    #[serde(skip)]
    pub steps_known: bool,
}

/// What a queue says of itself.
#[derive(Debug, Clone, Serialize)]
pub struct QueuePicture {
    /// On track; Late when it is stuck, too full or fills up; No signal when it has not reported for long.
    pub state: State,
    /// That in one or two sentences.
    pub sentence: String,
    /// Since when.
    pub since: Moment,
    /// When it last reported: what follows is as it was then.
    pub reported_at: Moment,
    /// How many wait.
    pub depth: i64,
    /// Since when the oldest of them does.
    pub oldest_at: Option<Moment>,
    /// What waits in it, in the plural, where that is one thing.
    pub unit: Option<String>,
    /// How many come in a minute, over the last ten minutes of its reports.
    pub in_per_minute: Option<f64>,
    /// How many go out a minute.
    pub out_per_minute: Option<f64>,
    /// Where its depth is going: `growing`, `shrinking`, `steady`, `unknown`.
    pub trend: Trend,
    /// `empty`, `draining`, `not_draining`, `unknown`.
    pub draining: &'static str,
    /// In how many seconds it will be empty at these rates, where it is draining.
    pub drain_seconds: Option<i64>,
    /// In how many seconds it passes a limit at these rates: 0 when it has, none when it will not.
    pub headroom_seconds: Option<i64>,
    /// One report a minute of the last three hours, oldest first: `at`, `depth`, `oldest_at`, and how many came `in` and
    /// went `out` in that minute.
    pub samples: Vec<Level>,
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

/// The title, with the worst state of the steps it does; a what-if says that it is one.
pub fn head(picture: &ComponentPicture) -> Head {
    if picture.blast.as_ref().is_some_and(|blast| blast.supposed) {
        return Head { title: format!("What if {} is down", picture.row.name), state: None };
    }
    Head { title: picture.row.name.clone(), state: picture.row.state }
}

/// The component as a page: what it is, what hurts without it, and then everything known about it.
pub fn body(picture: &ComponentPicture) -> AnyView {
    let mut blocks = blocks(picture).into_iter().map(|(_, block)| block);
    let mut next = || blocks.next();
    view! {
        <div class="page component">
        {parts::crumbs(&[("Components", "/components")])}
        {parts::not_known(&picture.not_known)}
        {next()}
        {next()}
        {parts::section("without-it", "What happens without it", text_or_gap(picture.if_unavailable.as_deref(), fill(picture, "if_unavailable")))}
        {blast::block(&picture.row.id, &picture.row.name, picture.blast.as_ref())}
        {parts::section("needed-by", "What needs it", needed_by(picture))}
        {parts::section("needs", "What it needs", needs(&picture.depends_on))}
        {next()}
        {parts::section("documents", "Runbooks that speak of it", documents(picture))}
        {limits(&picture.limits)}
        {reports(picture)}
        {fields(picture)}
        {why(picture)}
        {next()}
        {pauses(picture)}
        {next()}
        </div>
    }
    .into_any()
}

/// The blocks of the page that change while it is looked at, in their order on it, by the name the live stream knows
/// them by.
pub fn blocks(picture: &ComponentPicture) -> Vec<(&'static str, AnyView)> {
    let changed = parts::section("changes", "What changed", changes(picture));
    vec![
        ("answer", parts::block("answer", answer(picture))),
        ("queue", queue(picture).map_or_else(|| parts::no_block("queue"), |queue| parts::block("queue", queue))),
        ("steps", parts::block("steps", parts::section("steps", "Steps", steps(picture)))),
        ("changes", parts::block("changes", changed)),
        ("events", events(picture).map_or_else(|| parts::no_block("events"), |events| parts::block("events", events))),
    ]
}

/// What it is; of a queue that reports, how it stands.
fn answer(picture: &ComponentPicture) -> AnyView {
    let row = &picture.row;
    let meaning = row.meaning.as_deref();
    let no_meaning =
        meaning.is_none().then(|| parts::gap("What it is for: not written yet.", fill(picture, "meaning")));
    match &picture.queue {
        Some(queue) => {
            let meaning = meaning.map(|meaning| view! { <p class="prose">{meaning.to_owned()}</p> });
            let extra = view! { {meaning}{about(picture)} }.into_any();
            view! { {parts::answer(row.state, &row.name, &queue.sentence, Some(extra))}{paused(picture)}{no_meaning} }
                .into_any()
        }
        None => view! {
            {parts::answer(row.state, &row.name, meaning.unwrap_or_default(), Some(about(picture)))}
            {paused(picture)}
            {no_meaning}
        }
        .into_any(),
    }
}

/// Depth, age and rates of a queue, and how long the oldest waited in the last hours.
fn queue(picture: &ComponentPicture) -> Option<AnyView> {
    let queue = picture.queue.as_ref()?;
    let ink = parts::ink();
    let fact = |label: &str, value: String| (label.to_owned(), value);
    let limits = &picture.limits;
    let depth_limit = limits.depth.map(|limit| format!(", limit {limit}")).unwrap_or_default();
    let age_limit = limits.oldest.map(|limit| format!(", limit {}", limit.words())).unwrap_or_default();
    let oldest = match queue.oldest_at {
        Some(at) => {
            format!("{} since {}{age_limit}", queue.reported_at.since(at).words(), at.words(ink.now, &ink.zone))
        }
        None if queue.depth == 0 => "nothing waits".to_owned(),
        None => "not told".to_owned(),
    };
    let unknown = if queue.trend == Trend::Unknown { "not known yet" } else { "not counted" };
    let speed = |per_minute: Option<f64>| per_minute.map_or_else(|| unknown.to_owned(), rate);
    let empty_in = match (queue.draining, queue.drain_seconds) {
        ("empty", _) => "it is empty".to_owned(),
        (_, Some(seconds)) => Span::from_secs(seconds).words(),
        ("not_draining", _) if queue.trend == Trend::Steady && queue.state == State::OnTrack => {
            "it flows: as much goes out as comes in".to_owned()
        }
        ("not_draining", _) => "not draining".to_owned(),
        _ => "not known yet".to_owned(),
    };
    let facts = [
        fact("Waiting", format!("{}{depth_limit}", count_of(queue.depth, "").trim_end())),
        fact("Oldest", oldest),
        fact("In", speed(queue.in_per_minute)),
        fact("Out", speed(queue.out_per_minute)),
        fact("Trend", queue.trend.words().to_owned()),
        fact("Empty in", empty_in),
    ];
    let reported = view! { <p class="dim">"Reported "{parts::when_ago(queue.reported_at)}</p> };
    let body = view! { {parts::facts(&facts)}{reported}{parts::queue_chart(&queue.samples, limits)} };
    Some(parts::section("queue", "How it flows", body.into_any()))
}

/// Which source it is, and how often it should be heard.
fn reports(picture: &ComponentPicture) -> Option<AnyView> {
    let (source, every) = picture.reports.as_ref()?;
    let every =
        every.map_or("as often as it usually is".to_owned(), |every| format!("at least every {}", every.words()));
    let body = view! { <p class="prose">"As the source "<code>{source.clone()}</code>", "{every}". "<a href="/sources">"Sources"</a></p> };
    Some(parts::section("reports", "How it reports", body.into_any()))
}

fn about(picture: &ComponentPicture) -> AnyView {
    let row = &picture.row;
    let owner = row.owner.as_ref().map_or("Nobody owns it yet.".to_owned(), |owner| format!("Owned by {owner}."));
    let unknown = (!picture.declared).then(|| parts::tag("not in the book"));
    let unseen = (row.state.is_none() && picture.steps_known).then_some(" No step of it has been seen yet.");
    let affected = row.affected_by.as_ref().map(|by| {
        view! { <p><a href=parts::to(format!("/components/{}", parts::path_part(&by.id)))>{parts::affected(&by.name)}</a></p> }
    });
    view! {
        {affected}
        <p class="dim about-it">{parts::tag(&row.kind)}{unknown}<span>{owner}{unseen}</span>{parts::copy_id(&row.id)}</p>
    }
    .into_any()
}

/// That it is paused now, in its first lines.
/// Where a value of it is written.
fn fill(picture: &ComponentPicture, field: &str) -> Option<String> {
    picture.declared.then(|| write_at(&Reference::Component(picture.row.id.clone()), field))
}

fn paused(picture: &ComponentPicture) -> Option<AnyView> {
    let in_force: Vec<PauseRow> = picture.pauses.iter().filter(|p| p.ended_at.is_none()).cloned().collect();
    (!in_force.is_empty()).then(|| parts::pauses_now(&in_force, &[], &pause_path(picture), ""))
}

fn pause_path(picture: &ComponentPicture) -> String {
    let workflow = picture.pause_at.as_deref().unwrap_or_default();
    format!("/workflows/{}/pause?target=component:{}", parts::path_part(workflow), picture.row.id)
}

fn pauses(picture: &ComponentPicture) -> Option<AnyView> {
    picture.pause_at.as_ref()?;
    let pause = (!parts::is_past()).then(|| {
        view! {
            <p class="more"><a href=pause_path(picture)>"Pause it in every workflow"{parts::icon("arrow-right")}</a></p>
        }
    });
    let list = view! { {parts::pause_history(&picture.pauses)}{pause} };
    Some(parts::section("pauses", "Pauses", list.into_any()))
}

fn text_or_gap(text: Option<&str>, fill: Option<String>) -> AnyView {
    match text {
        Some(text) => view! { <p class="prose">{text.to_owned()}</p> }.into_any(),
        None => parts::gap("Not written yet.", fill),
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
        Some(name) => view! { <a href=parts::to(format!("/components/{id}"))>{name.clone()}</a> }.into_any(),
        None => parts::broken(id, &absent(&Reference::Component(id.to_owned()))),
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

fn steps(picture: &ComponentPicture) -> AnyView {
    let steps = &picture.steps;
    let one = |step: &StepUse| {
        let state = match step.state {
            Some(state) => parts::mark(state),
            None if !picture.steps_known => view! { <span class="dim">"Not known for then"</span> }.into_any(),
            None => view! { <span class="dim">"Not seen"</span> }.into_any(),
        };
        view! {
            <li>
                <span class="c-state">{state}</span>
                <span class="c-name"><a href=parts::to(format!("/workflows/{}#step-{}", step.workflow, step.step))>{step.step_name.clone()}</a></span>
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
fn fields(picture: &ComponentPicture) -> Option<AnyView> {
    let fields = &picture.fields;
    let one = |field: &Field| {
        let meaning = |text: &Option<String>, what: &str| {
            let at = format!(
                "/write?part=component:{}&field=fields.{}.{what}",
                picture.row.id,
                parts::path_part(&field.name)
            );
            match text {
                Some(text) => view! { {text.clone()}" "{(!parts::is_past()).then(|| view! { <a class="dim" href=at>"Change"<span class="sr">{format!(" what {} means", field.name)}</span></a> })} }.into_any(),
                None => parts::gap("Not written yet.", Some(at)),
            }
        };
        let used_by = (!field.used_by.is_empty()).then(|| field.used_by.join(", "));
        view! {
            <li>
                <p class="thing-name"><code>{field.name.clone()}</code></p>
                {labelled(vec![
                    ("On paper", Some(meaning(&field.documented, "documented"))),
                    ("In practice", Some(meaning(&field.in_practice, "in_practice"))),
                    ("Read by", value(used_by)),
                ])}
            </li>
        }
    };
    let more = (!parts::is_past()).then(|| {
        let at = fill(picture, "fields").unwrap_or_default();
        view! { <p class="more"><a href=at>"Write down another field"</a></p> }
    });
    let list = view! { <ul class="things">{fields.iter().map(one).collect_view()}</ul>{more} };
    (!fields.is_empty()).then(|| parts::section("fields", "Fields, on paper and in practice", list.into_any()))
}

fn why(picture: &ComponentPicture) -> AnyView {
    let decided = match picture.decisions.is_empty() {
        true => parts::gap(
            "Not written yet.",
            picture.declared.then(|| format!("/decisions/new?about=component:{}", picture.row.id)),
        ),
        false => decisions(&picture.decisions, &picture.replaced),
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
