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
    /// Since when the oldest of them is in its state: at its step, failing, failed, or late.
    pub oldest_at: Option<Moment>,
    /// Which state that is.
    #[serde(default)]
    pub oldest_state: Option<State>,
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

impl WorkflowRow {
    /// What the oldest of its open runs is, and since when: `oldest late since`. That it is late since 05:12 does not
    /// say since when it waits, which was before.
    pub fn oldest(&self) -> Option<(String, Moment)> {
        // A picture that was recorded before that state was does not say it.
        let words = self.oldest_state.map_or("since", State::since_words);
        Some((format!("oldest {words}"), self.oldest_at?))
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn what_is_late_is_not_said_to_wait_only_since_then() {
        let oldest = |at: Value, state: Value| {
            let row = json!({
                "id": "a", "name": "A", "state": "late", "sentence": "", "waiting": 3, "unit": "orders",
                "criticality": "high", "runbooks": [], "oldest_at": at, "oldest_state": state,
            });
            serde_json::from_value::<WorkflowRow>(row).unwrap().oldest().map(|(words, _)| words)
        };
        let at = || json!("2026-06-04T05:12:00Z");
        assert_eq!(oldest(at(), json!("late")).as_deref(), Some("oldest late since"));
        assert_eq!(oldest(at(), json!("retrying")).as_deref(), Some("oldest failing since"));
        assert_eq!(oldest(at(), json!("on_track")).as_deref(), Some("oldest at its step since"));
        assert_eq!(oldest(at(), Value::Null).as_deref(), Some("oldest since"));
        assert_eq!(oldest(Value::Null, Value::Null), None);
    }
}
