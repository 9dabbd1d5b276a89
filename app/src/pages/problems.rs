//! The problems: those that are open, by what needs a person most, and those that are over.

use leptos::prelude::*;
use serde::Serialize;

use super::problem::ProblemRow;
use super::shell::Head;
use crate::model::status::State;
use crate::parts;

/// The list; also `GET /api/v1/problems`.
#[derive(Debug, Clone, Serialize)]
pub struct ProblemsPicture {
    /// Open ones first, worst first, each followed by those that follow from it; then ended ones, newest first.
    pub items: Vec<ProblemRow>,
    /// Where the next page of ended ones begins: the value of `after`.
    pub next: Option<String>,
    /// Whether this is a later page, with ended ones alone.
    #[serde(skip)]
    pub later: bool,
}

/// The title and the favicon.
pub fn head(picture: &ProblemsPicture) -> Head {
    let open = picture.items.iter().filter(|p| p.ended_at.is_none()).map(|p| p.state);
    Head { title: "Problems".to_owned(), state: (!picture.later).then(|| open.max().unwrap_or(State::OnTrack)) }
}

/// The page.
pub fn body(picture: &ProblemsPicture) -> AnyView {
    let (open, ended): (Vec<ProblemRow>, Vec<ProblemRow>) =
        picture.items.iter().cloned().partition(|p| p.ended_at.is_none());
    let words = match open.len() {
        0 => "None is open.".to_owned(),
        1 => "1 is open.".to_owned(),
        n => format!("{n} are open."),
    };
    let open_list = (!picture.later).then(|| {
        let list = match open.as_slice() {
            [] => parts::empty("Nothing needs a person."),
            rows => parts::problem_rows(rows),
        };
        parts::section("open", "Open", list)
    });
    let ended_list = match ended.as_slice() {
        [] => parts::empty("None has ended yet."),
        rows => parts::problem_rows(rows),
    };
    let next = picture.next.as_ref().map(|after| format!("/problems?after={after}"));
    view! {
        <div class="page problems">
            {parts::heading("Problems", if picture.later { "" } else { &words }, None)}
            {open_list}
            {parts::section("ended", "Over", ended_list)}
            {parts::pager(next)}
        </div>
    }
    .into_any()
}
