//! The runs of a workflow: which are where; every filter is in the URL.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use super::shell::Head;
use crate::model::moment::Moment;
use crate::model::status::State;
use crate::parts;

/// A page of runs; also `GET /api/v1/workflows/{id}/runs`.
#[derive(Debug, Clone, Serialize)]
pub struct RunsPicture {
    /// The workflow's id.
    pub workflow: String,
    /// Its name.
    #[serde(skip)]
    pub name: String,
    /// What one run is about: `orders`.
    #[serde(skip)]
    pub unit: String,
    /// The filter in use.
    #[serde(skip)]
    pub filter: RunFilter,
    /// How many runs there are a filter choice, in the order shown: (filter, count).
    #[serde(skip)]
    pub counts: Vec<(RunFilter, i64)>,
    /// The step that the list is limited to, if any: id and name.
    #[serde(skip)]
    pub step: Option<(String, String)>,
    /// Newest first, at most 50.
    pub items: Vec<RunItem>,
    /// Pass as `after=` for the next page; none on the last one.
    pub next: Option<String>,
}

/// The runs a list is limited to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RunFilter {
    /// Every run.
    #[default]
    All,
    /// Not ended.
    Open,
    /// Failed and nothing will happen by itself.
    Failed,
    /// Past its time.
    Late,
    /// Trying again by itself.
    Retrying,
    /// Ended.
    Ended,
}

impl RunFilter {
    /// In the order shown.
    pub const ALL: [RunFilter; 6] = [Self::All, Self::Failed, Self::Late, Self::Retrying, Self::Open, Self::Ended];

    /// The name in the URL.
    pub fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Open => "open",
            Self::Failed => "failed",
            Self::Late => "late",
            Self::Retrying => "retrying",
            Self::Ended => "ended",
        }
    }

    /// What a person reads.
    pub fn words(self) -> &'static str {
        match self {
            Self::All => "All",
            Self::Open => "Open",
            Self::Failed => "Failed",
            Self::Late => "Late",
            Self::Retrying => "Retrying",
            Self::Ended => "Ended",
        }
    }

    /// Reads the name used in URLs. `stuck` is another word for `late`; state names work as well.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "stuck" => Some(Self::Late),
            "broken" => Some(Self::Failed),
            _ => Self::ALL.into_iter().find(|f| f.name() == name),
        }
    }
}

/// One run in a list.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunRow {
    /// The workflow's id.
    pub workflow: String,
    /// The caller's id.
    pub run: String,
    /// On track when it is inside its time or has ended well.
    pub state: State,
    /// Where it is, in a sentence.
    pub sentence: String,
    /// When it started.
    pub since: Moment,
    /// When its last event happened, which may have been heard later.
    pub last_at: Moment,
    /// When it ended; none while it is open.
    pub ended_at: Option<Moment>,
    /// What it is about: `order/10482`.
    pub subject: Option<String>,
    /// The step it is at, or was last: id and name.
    pub step: Option<(String, String)>,
}

/// One run of the list, with where it has been.
#[derive(Debug, Clone, Serialize)]
pub struct RunItem {
    /// Its row.
    #[serde(flatten)]
    pub row: RunRow,
    /// Each visit of a step, in the order of their starts.
    pub steps: Vec<StepItem>,
}

/// One visit of a step; everything else that is known of it is on the page of its run.
#[derive(Debug, Clone, Serialize)]
pub struct StepItem {
    /// The step's id.
    pub step: String,
    /// From 1; above 1 is rework.
    pub visit: u32,
    /// The newest attempt, from 1.
    pub attempt: u32,
    /// The state of the newest attempt.
    pub state: State,
    /// When it was first heard of.
    pub started_at: Moment,
    /// When it ended; where the run ended over it, when that was.
    pub ended_at: Option<Moment>,
    /// When it should have ended.
    pub due_at: Option<Moment>,
    /// When the next try is due.
    pub next_attempt_at: Option<Moment>,
}

/// The title and the favicon.
pub fn head(picture: &RunsPicture) -> Head {
    Head { title: format!("Runs of {}", picture.name), state: None }
}

/// The page.
pub fn body(picture: &RunsPicture) -> AnyView {
    let title = match picture.unit.as_str() {
        "" | "runs" => format!("Runs of {}", picture.name),
        unit => format!("{}: {unit}", picture.name),
    };
    let list = match (picture.items.as_slice(), picture.filter) {
        ([], RunFilter::All) => parts::empty("No run has been heard of yet."),
        ([], filter) => parts::empty(&format!("No run is \"{}\" now.", filter.words())),
        (items, _) => parts::run_rows(items.iter().map(|item| &item.row)),
    };
    let next =
        picture.next.as_ref().map(|after| format!("{}&after={}", address(picture, picture.filter), encode(after)));
    let way = format!("/workflows/{}", parts::path_part(&picture.workflow));
    view! {
        <div class="page runs">
            {parts::crumbs(&[("Workflows", "/workflows"), (&picture.name, &way)])}
            {parts::heading(&title, "Newest first.", None)}
            {filters(picture)}
            {list}
            {parts::pager(next)}
        </div>
    }
    .into_any()
}

/// One link a filter, with how many runs it shows; and the step, if the list is limited to one.
fn filters(picture: &RunsPicture) -> AnyView {
    let one = |(filter, count): &(RunFilter, i64)| {
        let current = (*filter == picture.filter).then_some("true");
        // They count the runs of the whole workflow, and would promise what a list of one step does not have.
        let count = picture.step.is_none().then(|| view! { <b>{*count}</b> });
        view! {
            <li><a href=address(picture, *filter) aria-current=current>{filter.words()}" "{count}</a></li>
        }
    };
    let step = picture.step.as_ref().map(|(_, name)| {
        let everywhere = format!("/workflows/{}/runs?state={}", parts::path_part(&picture.workflow), picture.filter.name());
        let at = if picture.filter == RunFilter::Ended { "Only those that ended at " } else { "Only at " };
        view! { <p class="limited">{at}<strong>{name.clone()}</strong><a href=everywhere>{parts::icon("x")}"Show every step"</a></p> }
    });
    view! {
        <nav class="filters" aria-label="Which runs"><ul>{picture.counts.iter().map(one).collect_view()}</ul>{step}</nav>
    }
    .into_any()
}

fn address(picture: &RunsPicture, filter: RunFilter) -> String {
    let step = picture.step.as_ref().map(|(id, _)| format!("&step={}", encode(id))).unwrap_or_default();
    format!("/workflows/{}/runs?state={}{step}", parts::path_part(&picture.workflow), filter.name())
}

/// A value in a query, percent-encoded (RFC 3986, 3.4).
fn encode(value: &str) -> String {
    let mut encoded = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(byte as char),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}
