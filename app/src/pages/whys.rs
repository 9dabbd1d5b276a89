//! Every decision, the newest first, and every "just for now", those past their date first.

use leptos::prelude::*;
use serde::Serialize;

use super::shell::{Head, Viewer};
use crate::model::book::{Decision, Workaround};
use crate::model::status::Role;
use crate::parts;
use crate::parts::document::action;

/// The decisions; also `GET /api/v1/decisions`.
#[derive(Debug, Clone, Serialize)]
pub struct DecisionsPicture {
    /// The newest first.
    pub items: Vec<DecisionRow>,
    /// How many are in force, on all pages.
    pub in_force: usize,
    /// How many had their place taken by others, on all pages.
    pub replaced: usize,
    /// Pass as `after=` for the next page; none on the last one.
    pub next: Option<String>,
}

/// One decision in the list.
#[derive(Debug, Clone, Serialize)]
pub struct DecisionRow {
    /// As the book has it.
    #[serde(flatten)]
    pub decision: Decision,
    /// What it is about: name and path; an empty path where it does not exist.
    pub concerns: Vec<(String, String)>,
    /// What took its place; nothing while it is in force.
    pub replaced_by: Vec<Decision>,
}

/// The workarounds; also `GET /api/v1/workarounds`.
#[derive(Debug, Clone, Serialize)]
pub struct WorkaroundsPicture {
    /// By the day on which to look at them again; those without one last.
    pub items: Vec<WorkaroundRow>,
    /// How many there are, on all pages.
    pub total: usize,
    /// How many of them are past their date.
    pub overdue: usize,
    /// Pass as `after=` for the next page; none on the last one.
    pub next: Option<String>,
}

/// One workaround in the list.
#[derive(Debug, Clone, Serialize)]
pub struct WorkaroundRow {
    /// As the book has it.
    #[serde(flatten)]
    pub workaround: Workaround,
    /// What it touches: name and path; an empty path where it does not exist.
    pub concerns: Vec<(String, String)>,
    /// Whether the day on which it was to be looked at again is over.
    pub overdue: bool,
}

/// The title of the decisions.
pub fn decisions_head(_: &DecisionsPicture) -> Head {
    Head { title: "Decisions".to_owned(), state: None }
}

/// The decisions as a page: when, what, about what, and whether it is still so.
pub fn decisions_body(picture: &DecisionsPicture, viewer: Option<&Viewer>) -> AnyView {
    let row = |row: &DecisionRow| {
        let decision = &row.decision;
        view! {
            <li>
                <span class="c-when">{decision.date.clone()}</span>
                <span class="c-name"><a href=format!("/decisions/{}", decision.id)>{decision.decided.clone()}</a></span>
                <div class="c-what">{parts::names(&row.concerns)}</div>
                <span class="c-owner">{standing(&row.replaced_by)}</span>
            </li>
        }
    };
    let list = match picture.items.is_empty() {
        true => parts::empty(
            "No decision is in the book yet. Write the first one: what was decided about how things work here, and why. It can also be written in a file of the book, as kind: decision.",
        ),
        false => view! { <ul class="rows r-why">{picture.items.iter().map(row).collect_view()}</ul> }.into_any(),
    };
    let actions = view! {
        {action(viewer, Role::Editor, "Write a decision", "/decisions/new")}
        <a class="button" href="/workarounds">"Workarounds"</a>
    };
    view! {
        <div class="page decisions">
            {parts::crumbs(&[("Runbooks", "/runbooks")])}
            {parts::heading("Decisions", &in_force_words(picture.in_force, picture.replaced), Some(actions.into_any()))}
            {list}
            {parts::pager(picture.next.as_ref().map(|after| format!("/decisions?after={after}")))}
        </div>
    }
    .into_any()
}

/// Whether a decision is in force, else what took its place.
fn standing(replaced_by: &[Decision]) -> AnyView {
    let link = |d: &Decision| view! { " "<a href=format!("/decisions/{}", d.id)>{d.decided.trim_end_matches('.').to_owned()}</a>"." };
    match replaced_by {
        [] => "In force.".into_any(),
        others => view! { "Replaced by:"{others.iter().map(link).collect_view()} }.into_any(),
    }
}

/// `6 are in force, and 1 was replaced. The newest first.`
fn in_force_words(in_force: usize, replaced: usize) -> String {
    let are = |n: usize, one: &str, more: &str| if n == 1 { format!("1 {one}") } else { format!("{n} {more}") };
    match (in_force, replaced) {
        (0, 0) => String::new(),
        (_, 0) => format!("{}. The newest first.", are(in_force, "is in force", "are in force")),
        _ => format!(
            "{}, and {}. The newest first.",
            are(in_force, "is in force", "are in force"),
            are(replaced, "was replaced", "were replaced")
        ),
    }
}

/// The title of the workarounds.
pub fn workarounds_head(_: &WorkaroundsPicture) -> Head {
    Head { title: "Workarounds".to_owned(), state: None }
}

/// The workarounds as a page: by when to look again, what is done, what it touches, who answers for it.
pub fn workarounds_body(picture: &WorkaroundsPicture, viewer: Option<&Viewer>) -> AnyView {
    let row = |row: &WorkaroundRow| {
        let workaround = &row.workaround;
        let by = match (&workaround.review_by, row.overdue) {
            (Some(day), true) => view! { <strong class="past">{format!("Past its date: {day}.")}</strong> }.into_any(),
            (Some(day), false) => format!("Look again by {day}.").into_any(),
            (None, _) => "Without a date.".into_any(),
        };
        view! {
            <li>
                <span class="c-when">{by}</span>
                <span class="c-name"><a href=format!("/workarounds/{}", workaround.id)>{workaround.what.clone()}</a></span>
                <div class="c-what">{parts::names(&row.concerns)}</div>
                <span class="c-owner">{workaround.owner.clone().unwrap_or_else(|| "No owner".to_owned())}</span>
            </li>
        }
    };
    let list = match picture.items.is_empty() {
        true => parts::empty(
            "No workaround is in the book. When something is done differently just for now, write it down: what is done, what it makes harder later, and by when to look again. It can also be written in a file of the book, as kind: workaround.",
        ),
        false => view! { <ul class="rows r-why">{picture.items.iter().map(row).collect_view()}</ul> }.into_any(),
    };
    let actions = view! {
        {action(viewer, Role::Editor, "Write a workaround", "/workarounds/new")}
        <a class="button" href="/decisions">"Decisions"</a>
    };
    view! {
        <div class="page workarounds">
            {parts::crumbs(&[("Runbooks", "/runbooks")])}
            {parts::heading("Workarounds", &overdue_words(picture.total, picture.overdue), Some(actions.into_any()))}
            {list}
            {parts::pager(picture.next.as_ref().map(|after| format!("/workarounds?after={after}")))}
        </div>
    }
    .into_any()
}

/// `5 things are done just for now; 2 are past the day on which to look again.`
fn overdue_words(total: usize, overdue: usize) -> String {
    let done = match total {
        0 => return String::new(),
        1 => "1 thing is done just for now".to_owned(),
        n => format!("{n} things are done just for now"),
    };
    match overdue {
        0 => format!("{done}; none is past the day on which to look again."),
        1 => format!("{done}; 1 is past the day on which to look again."),
        n => format!("{done}; {n} are past the day on which to look again."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentences_count_what_is_in_force_and_what_is_past_its_date() {
        assert_eq!(in_force_words(6, 1), "6 are in force, and 1 was replaced. The newest first.");
        assert_eq!(in_force_words(1, 0), "1 is in force. The newest first.");
        assert_eq!(overdue_words(1, 0), "1 thing is done just for now; none is past the day on which to look again.");
        assert_eq!(overdue_words(5, 2), "5 things are done just for now; 2 are past the day on which to look again.");
        assert_eq!((in_force_words(0, 0), overdue_words(0, 0)), (String::new(), String::new()));
    }

    #[test]
    fn a_decision_in_force_says_so_and_another_leads_to_what_took_its_place() {
        let decision = |id: &str| Decision {
            id: id.to_owned(),
            about: Vec::new(),
            date: "2026-03-02".to_owned(),
            decided: format!("Do {id}."),
            because: None,
            supersedes: Vec::new(),
        };
        let drawn = |replaced_by: Vec<Decision>| {
            let row = DecisionRow { decision: decision("old"), concerns: Vec::new(), replaced_by };
            let picture = DecisionsPicture { items: vec![row], in_force: 1, replaced: 0, next: None };
            Owner::new().with(|| decisions_body(&picture, None).to_html())
        };
        assert!(drawn(Vec::new()).contains("In force."));
        let replaced = drawn(vec![decision("other")]);
        assert!(replaced.contains("href=\"/decisions/other\"") && !replaced.contains("In force."), "{replaced}");
    }

    #[test]
    fn an_empty_list_says_how_to_write_the_first() {
        let none = WorkaroundsPicture { items: Vec::new(), total: 0, overdue: 0, next: None };
        let html = Owner::new().with(|| workarounds_body(&none, None).to_html());
        assert!(
            html.contains("No workaround is in the book.") && html.contains("/sign-in?next=/workarounds/new"),
            "{html}"
        );
    }
}
