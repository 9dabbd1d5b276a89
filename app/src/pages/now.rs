//! Now: is anything wrong, and does it need me?

use leptos::prelude::*;
use serde::Serialize;

use super::shell::Head;
use super::workflows::WorkflowRow;
use crate::model::moment::Moment;
use crate::model::status::State;
use crate::parts;

/// What Now shows; also `GET /api/v1/now`.
#[derive(Debug, Clone, Serialize)]
pub struct NowPicture {
    /// When this was looked up.
    pub checked_at: Moment,
    /// The worst state of all workflows.
    pub state: State,
    /// The answer in one sentence.
    pub sentence: String,
    /// Workflows that are Broken, longest first.
    pub broken: Vec<WorkflowRow>,
    /// Workflows that are Late, Retrying, Paused or without signal, worst first.
    pub attention: Vec<WorkflowRow>,
    /// What changed in the last 24 hours, newest first, at most 12.
    pub changed: Vec<ChangeRow>,
    /// The workflows on track.
    pub on_track: Vec<WorkflowRow>,
    /// How many sources, and which are silent.
    pub sources: super::shell::Heard,
    /// Runbooks that wait for a review.
    pub reviews_waiting: i64,
}

/// One change to a part of the book or of the running system.
#[derive(Debug, Clone, Serialize)]
pub struct ChangeRow {
    /// What changed, as a reference: `step:order-to-erp/push-to-erp`.
    pub subject: String,
    /// Its name, for people.
    pub name: String,
    /// Where the portal shows it.
    pub href: String,
    /// Which value: `retry.max_attempts`; `deployed` for a deployment.
    pub field: String,
    /// The value before; none when it is new.
    pub before: Option<String>,
    /// The value after; none when it is gone.
    pub after: Option<String>,
    /// When it was noticed or happened.
    pub changed_at: Moment,
    /// Who or what did it: a name from the event, or `the book`.
    pub by: String,
    /// Further words or a link from the event.
    pub link: Option<String>,
    /// Slugs of the runbooks that it flags now.
    pub flags: Vec<String>,
}

/// The title and the favicon.
pub fn head(picture: &NowPicture) -> Head {
    Head { title: "Now".to_owned(), state: Some(picture.state) }
}

/// The page.
pub fn body(picture: &NowPicture) -> AnyView {
    view! { <div class="page now">{blocks(picture).into_iter().map(|(_, block)| block).collect_view()}</div> }
        .into_any()
}

/// The page in blocks, in order, for the live stream.
pub fn blocks(picture: &NowPicture) -> Vec<(&'static str, AnyView)> {
    let list = |name: &'static str, title: &str, rows: &[WorkflowRow]| match rows {
        [] => (name, parts::no_block(name)),
        rows => {
            let title = format!("{title} ({})", rows.len());
            (name, parts::block(name, parts::section(name, &title, parts::workflow_rows(rows))))
        }
    };
    vec![
        ("answer", parts::block("answer", answer(picture))),
        list("broken", "Needs a person", &picture.broken),
        list("attention", "Worth a look", &picture.attention),
        ("on-track", on_track(&picture.on_track)),
        ("changed", parts::block("changed", changed(&picture.changed))),
    ]
}

fn answer(picture: &NowPicture) -> AnyView {
    let known = picture.broken.len() + picture.attention.len() + picture.on_track.len();
    let title = match (picture.broken.len(), picture.attention.len()) {
        (0, 0) if known == 0 => "Nothing to watch yet".to_owned(),
        (0, 0) => "Nothing needs you".to_owned(),
        (0, 1) => "1 workflow is worth a look".to_owned(),
        (0, n) => format!("{n} workflows are worth a look"),
        (1, _) => "1 workflow needs a person".to_owned(),
        (n, _) => format!("{n} workflows need a person"),
    };
    let reviews = (picture.reviews_waiting > 0).then(|| {
        let words = match picture.reviews_waiting {
            1 => "1 runbook may be outdated".to_owned(),
            n => format!("{n} runbooks may be outdated"),
        };
        view! { <p class="aside">{parts::icon("flag")}<a href="/reviews">{words}</a></p> }.into_any()
    });
    parts::answer(Some(picture.state), &title, &picture.sentence, reviews)
}

/// Healthy workflows take one line each at most: their names side by side.
fn on_track(rows: &[WorkflowRow]) -> AnyView {
    if rows.is_empty() {
        return parts::no_block("on-track");
    }
    let one = |row: &WorkflowRow| {
        view! {
            <li data-key=row.id.clone()>
                {parts::icon("state-on_track")}
                <a href=format!("/workflows/{}", parts::path_part(&row.id))>{row.name.clone()}</a>
                <span class="dim">{row.sentence.clone()}</span>
            </li>
        }
    };
    let list = view! { <ul class="calm s-on_track" data-live-order="ask">{rows.iter().map(one).collect_view()}</ul> };
    let title = format!("On track ({})", rows.len());
    parts::block("on-track", parts::section("on-track", &title, list.into_any()))
}

fn changed(rows: &[ChangeRow]) -> AnyView {
    let list = match rows {
        [] => parts::empty("Nothing changed in the last 24 hours."),
        rows => parts::change_rows(rows),
    };
    parts::section("changed", "Changed in the last 24 hours", list)
}
