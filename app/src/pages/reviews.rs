//! Reviews: which documents may be false now, and exactly why.

use leptos::prelude::*;
use serde::Serialize;

use super::runbooks::RunbookRow;
use super::shell::Head;
use crate::parts;
use crate::parts::document::reviewed;

/// The queue; its flags are `GET /api/v1/reviews`.
#[derive(Debug, Clone, Serialize)]
pub struct ReviewsPicture {
    /// Runbooks with open flags, by harm.
    pub check_needed: Vec<RunbookRow>,
    /// Never reviewed.
    pub never_reviewed: Vec<RunbookRow>,
    /// Asked to be reviewed by now.
    pub overdue: Vec<RunbookRow>,
    /// Linked to nothing.
    pub not_linked: Vec<RunbookRow>,
    /// How many are trusted.
    pub trusted: i64,
}

/// The title.
pub fn head(_: &ReviewsPicture) -> Head {
    Head { title: "Reviews".to_owned(), state: None }
}

/// The queue as a page: what may be false first, each with its reason.
pub fn body(picture: &ReviewsPicture) -> AnyView {
    let groups = [
        ("check-needed", "May be wrong", "Something they describe has changed.", &picture.check_needed),
        ("never-reviewed", "Never reviewed", "Nobody has said yet that they are right.", &picture.never_reviewed),
        ("overdue", "Overdue", "Their owner asked for a look by now.", &picture.overdue),
        (
            "not-linked",
            "Not linked",
            "They link to nothing, so nothing can tell when they become wrong.",
            &picture.not_linked,
        ),
    ];
    let waiting: usize = groups.iter().map(|(.., rows)| rows.len()).sum();
    let trusted = match picture.trusted {
        1 => "1 runbook is trusted".to_owned(),
        n => format!("{n} runbooks are trusted"),
    };
    let sentence = match waiting {
        0 => String::new(),
        1 => format!("1 runbook waits for a look. {trusted}."),
        n => format!("{n} runbooks wait for a look. {trusted}."),
    };
    let nothing = (waiting == 0).then(|| nothing_waits(&trusted));
    let group = |(id, title, says, rows): &(&'static str, &'static str, &'static str, &Vec<RunbookRow>)| {
        let rows_view = rows.iter().map(row).collect_view();
        let list = view! { <p class="dim">{*says}</p><ul class="rows r-review">{rows_view}</ul> }.into_any();
        (!rows.is_empty()).then(|| parts::section(id, &format!("{title} ({})", rows.len()), list))
    };
    view! { <div class="page reviews">{parts::heading("Reviews", &sentence, None)}{nothing}{groups.iter().map(group).collect_view()}</div> }.into_any()
}

fn nothing_waits(trusted: &str) -> AnyView {
    let checked = parts::when(parts::ink().now);
    view! { <p class="sentence">"Nothing waits for a review. "{trusted.to_owned()}", checked "{checked}"."</p> }
        .into_any()
}

fn row(row: &RunbookRow) -> AnyView {
    let href = format!("/reviews/{}", row.slug);
    view! {
        <li class=format!("t-{}", row.trust.name())>
            <span class="c-trust">{parts::trust_badge(row.trust, row.flags)}</span>
            <span class="c-name">
                <a href=format!("/runbooks/{}", row.slug)>{row.title.clone()}</a>
                {row.critical.then(|| parts::tag("critical"))}
            </span>
            <span class="c-what">{row.reason.clone()}</span>
            <span class="c-when">{reviewed(row.reviewed.as_ref())}</span>
            <span class="c-owner">{row.owner.clone().unwrap_or_else(|| "No owner".to_owned())}</span>
            <span class="c-act"><a class="button" href=href>"Review"<span class="sr">{format!(" {}", row.title)}</span></a></span>
        </li>
    }
    .into_any()
}
