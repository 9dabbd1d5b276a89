//! Coverage: what nobody has written yet and what only one person knows, by how much harm it can do.

use leptos::prelude::*;
use serde::Serialize;

use super::shell::Head;
use crate::model::book::Criticality;
use crate::model::coverage::{Asked, Gap, Question, WorkflowCoverage, weight};
use crate::parts;

/// Gaps by workflow; also `GET /api/v1/coverage`.
#[derive(Debug, Clone, Serialize)]
pub struct CoveragePicture {
    /// The workflows, the most critical first.
    pub items: Vec<WorkflowCoverage>,
    /// How many gaps there are in all.
    pub gaps: i64,
    /// How much was asked for in all.
    pub asked: i64,
    /// The gaps, each as heavy as its workflow is critical: 1, 2, 4 or 8. 0 when nothing is missing.
    pub score: i64,
    /// The position after the last one; always none.
    pub next: Option<String>,
}

impl CoveragePicture {
    /// Sums up what is missing.
    pub fn of(items: Vec<WorkflowCoverage>) -> Self {
        let asked = items.iter().flat_map(|w| &w.questions).map(|q| q.asked).sum();
        Self {
            gaps: items.iter().map(|w| w.gaps.len() as i64).sum(),
            asked,
            score: items.iter().map(|w| w.score).sum(),
            items,
            next: None,
        }
    }
}

/// The title.
pub fn head(_: &CoveragePicture) -> Head {
    Head { title: "Coverage".to_owned(), state: None }
}

/// The page: the numbers, then each workflow with what is missing and where to fill it.
pub fn body(picture: &CoveragePicture) -> AnyView {
    let sentence = match (picture.items.len(), picture.gaps) {
        (0, _) => "No workflow is declared, so nothing is asked for.".to_owned(),
        (_, 0) => {
            "Nothing is missing: every question of every workflow has an answer, and more than one person knows it."
                .to_owned()
        }
        (_, 1) => format!("1 gap, of {} things that are asked of the workflows.", picture.asked),
        (_, n) => format!("{n} gaps, of {} things that are asked of the workflows.", picture.asked),
    };
    let fact = |label: &str, value: String| (label.to_owned(), value);
    let critical: i64 =
        picture.items.iter().filter(|w| w.criticality == Criticality::Critical).map(|w| w.gaps.len() as i64).sum();
    let facts = [
        fact("Gaps", picture.gaps.to_string()),
        fact("In critical workflows", critical.to_string()),
        fact("Score", picture.score.to_string()),
        fact("Answered", format!("{} of {}", picture.asked - picture.gaps, picture.asked)),
    ];
    let weights = [Criticality::Low, Criticality::Normal, Criticality::High, Criticality::Critical];
    let weights = weights.map(|of| format!("{} {}", criticality(of), weight(of))).join(", ");
    let how = format!(
        "The score counts each gap by how critical its workflow is: {weights}. It falls to 0 as gaps are filled, and rises when something new is found."
    );
    let table = (!picture.items.is_empty()).then(|| table(&picture.items));
    let workflows = picture.items.iter().filter(|w| !w.gaps.is_empty()).map(workflow).collect_view();
    view! {
        <div class="page coverage">
            {parts::heading("Coverage", &sentence, None)}
            {parts::facts(&facts)}
            <p class="dim">{how}</p>
            {table}
            {workflows}
        </div>
    }
    .into_any()
}

fn criticality(of: Criticality) -> &'static str {
    match of {
        Criticality::Low => "low",
        Criticality::Normal => "normal",
        Criticality::High => "high",
        Criticality::Critical => "critical",
    }
}

/// Every workflow with every question: answered, or how much is missing.
fn table(items: &[WorkflowCoverage]) -> AnyView {
    let heads = Question::ALL.map(|q| view! { <th scope="col">{q.words()}</th> });
    let cell = |asked: &Asked| {
        let (class, words) = match (asked.asked, asked.missing) {
            (0, _) => ("dim", "not asked".to_owned()),
            (_, 0) => ("ok", "answered".to_owned()),
            (asked, missing) => ("missing", format!("{missing} of {asked} missing")),
        };
        view! { <td class=class data-label=asked.question.words()>{words}</td> }
    };
    let row = |w: &WorkflowCoverage| {
        let way = if w.gaps.is_empty() { format!("/workflows/{}", w.id) } else { format!("#{}", w.id) };
        view! {
            <tr>
                <th scope="row"><a href=way>{w.name.clone()}</a>" "<span class="dim">{criticality(w.criticality)}</span></th>
                {w.questions.iter().map(cell).collect_view()}
            </tr>
        }
    };
    view! {
        <div class="table" role="region" aria-label="Questions by workflow" tabindex="0">
            <table class="coverage-table">
                <thead><tr><th scope="col">"Workflow"</th>{heads.into_iter().collect_view()}</tr></thead>
                <tbody>{items.iter().map(row).collect_view()}</tbody>
            </table>
        </div>
    }
    .into_any()
}

fn workflow(w: &WorkflowCoverage) -> AnyView {
    let groups = w.gaps.chunk_by(|a, b| a.question == b.question).map(|gaps| {
        let rows = gaps.iter().map(gap).collect_view();
        view! { <li><p class="thing-name">{gaps[0].question.words()}</p><ul class="gaps">{rows}</ul></li> }
    });
    let owner = w.owner.clone().unwrap_or_else(|| "nobody yet".to_owned());
    let body = view! {
        <p class="dim">
            {format!("{} gaps, {}, kept running by {owner}. ", w.gaps.len(), criticality(w.criticality))}
            <a href=format!("/workflows/{}", w.id)>"The workflow"</a>
        </p>
        <ul class="things">{groups.collect_view()}</ul>
    };
    parts::section(&w.id, &w.name, body.into_any())
}

fn gap(gap: &Gap) -> AnyView {
    view! { <li><span>{gap.words.clone()}</span>" "<a class="button" href=gap.fill.clone()>"Fill it"<span class="sr">{format!(": {}", gap.words)}</span></a></li> }
        .into_any()
}
