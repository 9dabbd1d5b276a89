//! Find: anything by name, id or words.

use leptos::prelude::*;
use serde::Serialize;

use super::shell::Head;
use crate::model::status::{State, Trust};
use crate::parts;

/// What was found; also `GET /api/v1/find?q=`.
#[derive(Debug, Clone, Serialize)]
pub struct FindPicture {
    /// What was asked.
    pub query: String,
    /// Best first, at most 40.
    pub items: Vec<Found>,
}

/// One thing found.
#[derive(Debug, Clone, Serialize)]
pub struct Found {
    /// `workflow`, `step`, `component`, `runbook`, `decision`, `workaround`, `run`, `subject`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// Where it is.
    pub href: String,
    /// A line about it, as (words, marked).
    pub snippet: Vec<(String, bool)>,
    /// Its state, where it has one.
    pub state: Option<State>,
    /// Its trust, where it is a document.
    pub trust: Option<Trust>,
}

/// The title.
pub fn head(picture: &FindPicture) -> Head {
    let title = if picture.query.is_empty() { "Find".to_owned() } else { format!("Find: {}", picture.query) };
    Head { title, state: None }
}

/// The page: the box, then what was found, by kind, best kind first.
pub fn body(picture: &FindPicture) -> AnyView {
    let asked = !picture.query.trim().is_empty();
    let found = match (asked, picture.items.is_empty()) {
        (false, _) => hints(),
        (true, true) => nothing(&picture.query),
        (true, false) => results(&picture.items),
    };
    view! { <div class="page find-page">{parts::heading("Find", "", None)}{form(&picture.query)}{found}</div> }
        .into_any()
}

fn form(query: &str) -> AnyView {
    view! {
        <form class="find-form" method="get" action="/find" role="search">
            <label for="find-words">"A name, an id, or words from a runbook"</label>
            <div class="find-line">
                <input id="find-words" name="q" type="search" value=query.to_owned() autocapitalize="none" spellcheck="false"/>
                <button class="button primary">"Find"</button>
            </div>
        </form>
    }
    .into_any()
}

fn hints() -> AnyView {
    let one =
        |(write, get): (&'static str, &'static str)| view! { <div><dt><code>{write}</code></dt><dd>{get}</dd></div> };
    view! {
        <dl class="pairs">
            {[
                ("10482", "An exact id goes straight to the run, the order, the workflow or the part."),
                ("erp", "A part of a name finds workflows, steps, components and runbooks."),
                ("call the duty desk", "Words find the runbooks that have them."),
            ].map(one).collect_view()}
        </dl>
    }
    .into_any()
}

fn nothing(query: &str) -> AnyView {
    let all = [("All workflows", "/workflows"), ("All components", "/components"), ("All runbooks", "/runbooks")]
        .map(|(name, href)| (name.to_owned(), href.to_owned()));
    view! {
        <div class="empty" role="status">
            <p>"Nothing found for "<q>{query.to_owned()}</q>"."</p>
            <p>"Looked through names and words of workflows, steps, components, runbooks, decisions and workarounds, and through the ids of runs and orders. Fewer words, or the start of a word, find more."</p>
            {parts::names(&all)}
        </div>
    }
    .into_any()
}

fn results(items: &[Found]) -> AnyView {
    let mut kinds: Vec<&'static str> = Vec::new();
    for item in items {
        if !kinds.contains(&item.kind) {
            kinds.push(item.kind);
        }
    }
    let group = |kind: &&'static str| {
        let rows = items.iter().filter(|item| item.kind == *kind).map(row).collect_view();
        let list = view! { <ul class="rows r-found">{rows}</ul> }.into_any();
        parts::section(&format!("found-{kind}"), plural(kind), list)
    };
    let count = if items.len() == 1 { "1 thing found".to_owned() } else { format!("{} things found", items.len()) };
    view! { <p class="dim" role="status">{count}</p>{kinds.iter().map(group).collect_view()} }.into_any()
}

fn plural(kind: &str) -> &str {
    match kind {
        "workflow" => "Workflows",
        "step" => "Steps",
        "component" => "Components",
        "runbook" => "Runbooks",
        "decision" => "Decisions",
        "workaround" => "Workarounds",
        "run" => "Runs",
        "subject" => "Subjects",
        other => other,
    }
}

fn row(found: &Found) -> AnyView {
    let state = found.state.map(parts::mark);
    let trust = found.trust.map(|trust| parts::trust_badge(trust, 0));
    view! {
        <li>
            <span class="c-name"><a href=found.href.clone()>{found.name.clone()}</a></span>
            <span class="c-what">{parts::words(&found.snippet)}</span>
            <span class="c-state">{state}{trust}</span>
        </li>
    }
    .into_any()
}
