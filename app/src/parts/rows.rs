//! Lists of workflows, runs, runbooks and changes; rows have a key, so the live stream can ask before it moves them.

use leptos::prelude::*;

use super::incident::owner;
use super::marks::{affected, icon, mark, tag, trust_badge};
use super::past::to;
use super::times::{when, when_ago};
use crate::model::book::Criticality;
use crate::model::field::field_words;
use crate::model::review::{BY_OBSERVATION, TOLD};
use crate::model::subject::Subject;
use crate::pages::now::ChangeRow;
use crate::pages::problem::ProblemRow;
use crate::pages::runbooks::{Follow, RunbookRow};
use crate::pages::runs::RunRow;
use crate::pages::workflows::WorkflowRow;

/// Workflows: state, name, the sentence, how many wait, who keeps it running, whether its book can be believed.
pub fn workflow_rows(rows: &[WorkflowRow]) -> AnyView {
    view! { <ul class="rows r-workflow" data-live-order="ask">{rows.iter().map(workflow_row).collect_view()}</ul> }
        .into_any()
}

fn workflow_row(row: &WorkflowRow) -> AnyView {
    let waiting = (row.waiting > 0).then(|| {
        let oldest = row.oldest().map(|(words, at)| view! { <small>{words}" "{when(at)}</small> });
        view! { <span class="c-count">{format!("{} open", row.waiting)}{oldest}</span> }
    });
    let attended = row.problem.map(|_| view! { <span class="c-attended">{owner(row.attended.as_ref())}</span> });
    let trust = match row.trust {
        Some(trust) => trust_badge(trust, 0),
        None => view! { <span class="dim">"No runbook"</span> }.into_any(),
    };
    view! {
        <li data-key=row.id.clone() class=format!("s-{}", row.state.name())>
            <span class="c-state">{mark(row.state)}</span>
            <span class="c-name">
                <a href=to(format!("/workflows/{}", path_part(&row.id)))>{row.name.clone()}</a>
                {(row.criticality == Criticality::Critical).then(|| tag("critical"))}
                {(!row.declared).then(|| tag("not in the book"))}
            </span>
            <span class="c-what">
                {row.affected_by.as_ref().map(|by| view! { {affected(&by.name)}" " })}{row.sentence.clone()}
            </span>
            {attended}
            {waiting}
            <span class="c-owner">{row.owner.clone().unwrap_or_else(|| "No owner".to_owned())}</span>
            <span class="c-trust">{trust}</span>
        </li>
    }
    .into_any()
}

/// Problems: state and kind, where, what is wrong, how old, who is on it, which runbook and whether it can be believed.
pub fn problem_rows(rows: &[ProblemRow]) -> AnyView {
    view! { <ul class="rows r-problem" data-live-order="ask">{rows.iter().map(problem_row).collect_view()}</ul> }
        .into_any()
}

fn problem_row(row: &ProblemRow) -> AnyView {
    let runbook = row.runbook.as_ref().map(|link| {
        view! {
            <span class="c-trust">
                <a href=format!("/runbooks/{}#{}", link.slug, link.section)>{link.title.clone()}</a>
                " "{trust_badge(link.trust, 0)}
            </span>
        }
    });
    let age = match row.ended_at {
        Some(at) => view! { <span class="c-when"><span>{when(row.since)}" to "{when(at)}</span></span> }.into_any(),
        None => view! { <span class="c-when">{when_ago(row.since)}</span> }.into_any(),
    };
    let followers = (!row.followers.is_empty()).then(|| match row.followers.len() {
        1 => tag("1 more follows from it"),
        n => tag(&format!("{n} more follow from it")),
    });
    let state = match row.ended_at {
        Some(_) => view! { <span class="dim">{row.kind.words()}</span> }.into_any(),
        None => view! { {mark(row.state)} }.into_any(),
    };
    let owner = row.ended_at.is_none().then(|| view! { <span class="c-owner">{owner(row.owner.as_ref())}</span> });
    let class = match (row.origin, row.ended_at) {
        (Some(_), None) => format!("follows s-{}", row.state.name()),
        (_, None) => format!("s-{}", row.state.name()),
        _ => "s-none".to_owned(),
    };
    view! {
        <li data-key=format!("problem-{}", row.id) class=class>
            <span class="c-state">{state}</span>
            <span class="c-name"><a href=format!("/problems/{}", row.id)>{row.name.clone()}</a>{followers}</span>
            <span class="c-what">{row.sentence.clone()}</span>
            {age}
            {owner}
            {runbook}
        </li>
    }
    .into_any()
}

/// Runs: state, id and subject, where it is, when it started and when its last event happened.
pub fn run_rows<'a>(rows: impl IntoIterator<Item = &'a RunRow>) -> AnyView {
    let one = |row: &RunRow| {
        let subject =
            row.subject.as_ref().map(|s| view! { <small><a href=to(subject_path(s))>{s.clone()}</a></small> });
        run_row(row, row.run.clone(), subject.into_any())
    };
    view! { <ul class="rows r-run" data-live-order="ask">{rows.into_iter().map(one).collect_view()}</ul> }.into_any()
}

/// Runs of several workflows, each with the workflow's name, and what joins it to the page where that is to be said.
pub fn run_rows_of(rows: &[(&RunRow, String, Option<String>)]) -> AnyView {
    let one = |(row, workflow, joined): &(&RunRow, String, Option<String>)| {
        let joined = joined.as_ref().map(|joined| view! { <small>{joined.clone()}</small> });
        let workflow = view! { <small>{workflow.clone()}</small>{joined} }.into_any();
        run_row(row, format!("{} {}", row.workflow, row.run), workflow)
    };
    view! { <ul class="rows r-run" data-live-order="ask">{rows.iter().map(one).collect_view()}</ul> }.into_any()
}

fn run_row(row: &RunRow, key: String, beside: AnyView) -> AnyView {
    let href = format!("/runs/{}/{}", path_part(&row.workflow), path_part(&row.run));
    let last = match row.ended_at {
        Some(at) => view! { <span>"ended "{when(at)}</span> }.into_any(),
        None => view! { <span>"last event "{when(row.last_at)}</span> }.into_any(),
    };
    view! {
        <li data-key=key class=format!("s-{}", row.state.name())>
            <span class="c-state">{mark(row.state)}</span>
            <span class="c-name"><a href=to(href)><code>{row.run.clone()}</code></a>{beside}</span>
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
            <span class="c-trust">{trust_badge(row.trust, row.to_check)}</span>
            <span class="c-name">
                <a href=format!("/runbooks/{}", row.slug)>{row.title.clone()}</a>
                {row.critical.then(|| tag("critical"))}
            </span>
            <span class="c-what">{row.reason.clone()}{row.follow.as_ref().map(followed)}</span>
            <span class="c-when">{reviewed}</span>
            <span class="c-owner">{row.owner.clone().unwrap_or_else(|| "No owner".to_owned())}</span>
        </li>
    }
    .into_any()
}

fn followed(follow: &Follow) -> AnyView {
    view! { <small class="c-followed">{super::followed_words(follow)}</small> }.into_any()
}

/// Changes: when, what, from which value to which, by whom, and the runbooks that may be wrong because of it.
pub fn change_rows(rows: &[ChangeRow]) -> AnyView {
    view! { <ul class="rows r-change" data-live-order="ask">{rows.iter().map(change_row).collect_view()}</ul> }
        .into_any()
}

fn change_row(row: &ChangeRow) -> AnyView {
    let values = match (&row.before, &row.after) {
        (None, Some(told)) if row.field == TOLD => told.clone().into_any(),
        (_, Some(_)) if row.field == "exists" => "it is there now".into_any(),
        (_, None) if row.field == "exists" => "it is gone".into_any(),
        (Some(before), Some(after)) => view! {
            <del>{before.clone()}</del><span class="dim">" to "</span><ins>{after.clone()}</ins>
        }
        .into_any(),
        (None, Some(after)) => view! { <ins>{after.clone()}</ins><span class="dim">", new"</span> }.into_any(),
        (Some(before), None) => view! { <del>{before.clone()}</del><span class="dim">", gone"</span> }.into_any(),
        (None, None) => ().into_any(),
    };
    let called =
        (row.field != "exists").then(|| view! { <span title=row.field.clone()>{field_words(&row.field)}</span>": " });
    let flags = (!row.flags.is_empty()).then(|| {
        let one = |(number, slug): (usize, &String)| {
            let title = row.titles.get(number).unwrap_or(slug).clone();
            view! { <li><a href=format!("/reviews/{slug}")>{title}</a></li> }
        };
        view! {
            <span class="c-flags">
                {icon("trust-check_needed")}<span>"may outdate"</span>
                <ul class="names">{row.flags.iter().enumerate().map(one).collect_view()}</ul>
            </span>
        }
    });
    let link = row.link.as_ref().map(|link| match link.starts_with("https://") || link.starts_with("http://") {
        true => view! { <a class="out" href=link.clone() rel="noreferrer">"Details"{icon("external")}</a> }.into_any(),
        false if link.starts_with("/runs/") => view! { <a href=to(link.clone())>"A run that shows it"</a> }.into_any(),
        false => view! { <small>{link.clone()}</small> }.into_any(),
    });
    let by = match row.by.as_str() {
        BY_OBSERVATION => "seen in runs".to_owned(),
        by => format!("by {by}"),
    };
    view! {
        <li data-key=format!("{} {} {}", row.subject, row.field, row.changed_at.millis())>
            <span class="c-when">{when(row.changed_at)}</span>
            <span class="c-name"><a href=to(row.href.clone())>{row.name.clone()}</a></span>
            <span class="c-what">{called}{values}</span>
            <span class="c-owner">{by}" "{link}</span>
            {flags}
        </li>
    }
    .into_any()
}

/// The page of the subject with this text.
pub fn subject_path(text: &str) -> String {
    let subject = Subject::of(text);
    format!("/subjects/{}/{}", path_part(subject.kind()), path_part(subject.key()))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::moment::Moment;

    #[test]
    fn a_change_is_told_with_the_words_for_its_field_and_the_titles_of_what_it_may_outdate() {
        let change = ChangeRow {
            subject: "step:order-to-erp/push".into(),
            name: "Push to ERP".into(),
            href: "/workflows/order-to-erp#step-push".into(),
            field: "retry.max_attempts".into(),
            before: Some("6".into()),
            after: Some("8".into()),
            changed_at: Moment::default(),
            by: "the book".into(),
            link: None,
            flags: vec!["erp-refuses-orders".into()],
            titles: vec!["ERP refuses orders".into()],
        };
        let drawn = |row: ChangeRow| Owner::new().with(|| change_rows(&[row]).to_html());
        let html = drawn(change.clone());
        assert!(html.contains(">number of tries</span>") && html.contains(">ERP refuses orders</a>"), "{html}");
        // A picture that was recorded before titles were has slugs alone.
        assert!(drawn(ChangeRow { titles: Vec::new(), ..change.clone() }).contains(">erp-refuses-orders</a>"));
        let gone = ChangeRow { field: "exists".into(), after: None, before: Some("yes".into()), ..change };
        assert!(drawn(gone).contains("it is gone"));
    }
}
