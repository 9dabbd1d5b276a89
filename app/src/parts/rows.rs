//! Lists of workflows, runs, runbooks and changes; rows have a key, so the live stream can ask before it moves them.

use leptos::prelude::*;

use super::marks::{icon, mark, tag, trust_badge};
use super::times::when;
use crate::model::book::Criticality;
use crate::pages::now::ChangeRow;
use crate::pages::runbooks::RunbookRow;
use crate::pages::runs::RunRow;
use crate::pages::workflows::WorkflowRow;

/// Workflows: state, name, the sentence, how many wait, who keeps it running, whether its book can be believed.
pub fn workflow_rows(rows: &[WorkflowRow]) -> AnyView {
    view! { <ul class="rows r-workflow" data-live-order="ask">{rows.iter().map(workflow_row).collect_view()}</ul> }
        .into_any()
}

fn workflow_row(row: &WorkflowRow) -> AnyView {
    let waiting = (row.waiting > 0).then(|| {
        let oldest = row.oldest_at.map(|at| view! { <small>"oldest "{when(at)}</small> });
        view! { <span class="c-count">{format!("{} open", row.waiting)}{oldest}</span> }
    });
    let trust = match row.trust {
        Some(trust) => trust_badge(trust, 0),
        None => view! { <span class="dim">"No runbook"</span> }.into_any(),
    };
    view! {
        <li data-key=row.id.clone() class=format!("s-{}", row.state.name())>
            <span class="c-state">{mark(row.state)}</span>
            <span class="c-name">
                <a href=format!("/workflows/{}", path_part(&row.id))>{row.name.clone()}</a>
                {(row.criticality == Criticality::Critical).then(|| tag("critical"))}
                {(!row.declared).then(|| tag("not in the book"))}
            </span>
            <span class="c-what">{row.sentence.clone()}</span>
            {waiting}
            <span class="c-owner">{row.owner.clone().unwrap_or_else(|| "No owner".to_owned())}</span>
            <span class="c-trust">{trust}</span>
        </li>
    }
    .into_any()
}

/// Runs: state, id and subject, where it is, when it started and was last heard of.
pub fn run_rows(rows: &[RunRow]) -> AnyView {
    view! { <ul class="rows r-run" data-live-order="ask">{rows.iter().map(run_row).collect_view()}</ul> }.into_any()
}

fn run_row(row: &RunRow) -> AnyView {
    let href = format!("/runs/{}/{}", path_part(&row.workflow), path_part(&row.run));
    let subject = row.subject.as_ref().filter(|s| !s.ends_with(&format!("/{}", row.run)));
    let last = match row.ended_at {
        Some(at) => view! { <span>"ended "{when(at)}</span> }.into_any(),
        None => view! { <span>"heard "{when(row.last_at)}</span> }.into_any(),
    };
    view! {
        <li data-key=row.run.clone() class=format!("s-{}", row.state.name())>
            <span class="c-state">{mark(row.state)}</span>
            <span class="c-name"><a href=href><code>{row.run.clone()}</code></a>
                {subject.map(|s| view! { <small>{s.clone()}</small> })}
            </span>
            <span class="c-what">{row.sentence.clone()}</span>
            <span class="c-when"><span>"started "{when(row.since)}</span>{last}</span>
        </li>
    }
    .into_any()
}

/// Runbooks: whether each can be believed and why, who answers for it, when it was last reviewed.
pub fn runbook_rows(rows: &[RunbookRow]) -> AnyView {
    view! { <ul class="rows r-runbook" data-live-order="ask">{rows.iter().map(runbook_row).collect_view()}</ul> }
        .into_any()
}

fn runbook_row(row: &RunbookRow) -> AnyView {
    let reviewed = match &row.reviewed {
        Some((at, by)) => view! { <span>"reviewed "{when(*at)}" by "{by.clone()}</span> }.into_any(),
        None => view! { <span>{format!("version {}, saved ", row.version)}{when(row.saved_at)}</span> }.into_any(),
    };
    view! {
        <li data-key=row.slug.clone() class=format!("t-{}", row.trust.name())>
            <span class="c-trust">{trust_badge(row.trust, row.flags)}</span>
            <span class="c-name">
                <a href=format!("/runbooks/{}", row.slug)>{row.title.clone()}</a>
                {row.critical.then(|| tag("critical"))}
            </span>
            <span class="c-what">{row.reason.clone()}</span>
            <span class="c-when">{reviewed}</span>
            <span class="c-owner">{row.owner.clone().unwrap_or_else(|| "No owner".to_owned())}</span>
        </li>
    }
    .into_any()
}

/// Changes: when, what, from which value to which, by whom, and the runbooks that may be wrong because of it.
pub fn change_rows(rows: &[ChangeRow]) -> AnyView {
    view! { <ul class="rows r-change" data-live-order="ask">{rows.iter().map(change_row).collect_view()}</ul> }
        .into_any()
}

fn change_row(row: &ChangeRow) -> AnyView {
    let values = match (&row.before, &row.after) {
        (Some(before), Some(after)) => view! {
            <del>{before.clone()}</del><span class="dim">" to "</span><ins>{after.clone()}</ins>
        }
        .into_any(),
        (None, Some(after)) => view! { <span class="dim">"new: "</span><ins>{after.clone()}</ins> }.into_any(),
        (Some(before), None) => view! { <span class="dim">"gone: "</span><del>{before.clone()}</del> }.into_any(),
        (None, None) => ().into_any(),
    };
    let flags = (!row.flags.is_empty()).then(|| {
        let one = |slug: &String| view! { <li><a href=format!("/reviews/{slug}")>{slug.clone()}</a></li> };
        view! {
            <span class="c-flags">
                {icon("trust-check_needed")}<span>"may outdate"</span>
                <ul class="names">{row.flags.iter().map(one).collect_view()}</ul>
            </span>
        }
    });
    let link = row.link.as_ref().map(|link| match link.starts_with("https://") || link.starts_with("http://") {
        true => view! { <a class="out" href=link.clone() rel="noreferrer">"Details"{icon("external")}</a> }.into_any(),
        false => view! { <small>{link.clone()}</small> }.into_any(),
    });
    view! {
        <li data-key=format!("{} {} {}", row.subject, row.field, row.changed_at.millis())>
            <span class="c-when">{when(row.changed_at)}</span>
            <span class="c-name"><a href=row.href.clone()>{row.name.clone()}</a></span>
            <span class="c-what"><code>{row.field.clone()}</code>" "{values}</span>
            <span class="c-owner">"by "{row.by.clone()}{link}</span>
            {flags}
        </li>
    }
    .into_any()
}

/// A caller's id as one part of a path.
pub fn path_part(id: &str) -> String {
    let mut path = String::with_capacity(id.len());
    for byte in id.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b':' | b'@' => {
                path.push(byte as char)
            }
            _ => path.push_str(&format!("%{byte:02X}")),
        }
    }
    path
}
