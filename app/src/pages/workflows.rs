//! Workflows: what exists, who owns it, is it documented and trusted?

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use super::components::AffectedBy;
use super::pause::PauseRow;
use super::problem::Owner;
use super::shell::Head;
use crate::model::book::Criticality;
use crate::model::moment::Moment;
use crate::model::status::{State, Trust};
use crate::parts;

/// The list; also `GET /api/v1/workflows` (as `items`).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WorkflowsPicture {
    /// Worst first, then by criticality, then by name.
    pub items: Vec<WorkflowRow>,
    /// The position after the last one; always none: a book's workflows fit one page.
    pub next: Option<String>,
}

/// One workflow in a list.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WorkflowRow {
    /// Its id.
    pub id: String,
    /// Its name; the id when it is not declared.
    pub name: String,
    /// Whether the book declares it.
    #[serde(default)]
    pub declared: bool,
    /// Its state now.
    pub state: State,
    /// The state in a sentence.
    pub sentence: String,
    /// Since when it is in this state, where that is known.
    pub since: Option<Moment>,
    /// Runs that wait, run, retry or failed and are not ended.
    pub waiting: i64,
    /// `orders`, `files`; `runs` when the book does not say.
    pub unit: String,
    /// When the oldest of them started to wait where it is.
    pub oldest_at: Option<Moment>,
    /// The team that keeps it running.
    pub owner: Option<String>,
    /// How much harm it does when it stops.
    pub criticality: Criticality,
    /// The least trust among its runbooks; none without a runbook.
    pub trust: Option<Trust>,
    /// Its runbooks.
    pub runbooks: Vec<String>,
    /// The number of its worst open problem.
    pub problem: Option<i64>,
    /// Who is on that.
    pub attended: Option<Owner>,
    /// The pause that it, or a step of it, is in; none when nothing of it is paused.
    pub paused: Option<PauseRow>,
    /// It is itself fine, but needs something that is not: what that is.
    pub affected_by: Option<AffectedBy>,
}

/// The title and the favicon.
pub fn head(picture: &WorkflowsPicture) -> Head {
    Head { title: "Workflows".to_owned(), state: picture.items.iter().map(|row| row.state).max() }
}

/// The page.
pub fn body(picture: &WorkflowsPicture) -> AnyView {
    view! {
        <div class="page workflows">
            {parts::heading("Workflows", "Worst first. Each one says what it does, who keeps it running and whether its runbook can be believed.", (!parts::is_past()).then(|| view! { <a class="button" href="/coverage">"Coverage"</a> }.into_any()))}
            {blocks(picture).into_iter().map(|(_, block)| block).collect_view()}
        </div>
    }
    .into_any()
}

/// The page in blocks, in order, for the live stream.
pub fn blocks(picture: &WorkflowsPicture) -> Vec<(&'static str, AnyView)> {
    let list = match picture.items.as_slice() {
        [] => parts::empty(
            "No workflow is declared, and nothing has reported one. Put one in the book, or send its first event.",
        ),
        rows => parts::workflow_rows(rows),
    };
    vec![("summary", parts::block("summary", summary(&picture.items))), ("list", parts::block("list", list))]
}

/// How many there are in each state that occurs.
fn summary(rows: &[WorkflowRow]) -> AnyView {
    let one = |state: State| {
        let count = rows.iter().filter(|row| row.state == state).count();
        (count > 0).then(|| view! { <li>{parts::badge(state)}<b>{count}</b></li> })
    };
    view! { <ul class="tally" aria-label="How many in each state">{State::ALL.map(one).into_iter().flatten().collect_view()}</ul> }
        .into_any()
}
