//! Find: anything by name, id or words.

use leptos::prelude::*;
use serde::Serialize;

use super::shell::Head;
use crate::islands::FindBox;
use crate::model::find::Fit;
use crate::model::status::{State, Trust};
use crate::parts;

/// What was found; also `GET /api/v1/find?q=`.
#[derive(Debug, Clone, Default, Serialize)]
pub struct FindPicture {
    /// What was asked.
    pub query: String,
    /// Best first, at most 40.
    pub items: Vec<Found>,
    /// Whether more was found than is shown.
    #[serde(skip_serializing_if = "is_false")]
    pub more: bool,
    /// What makes the answer less than it seems, one sentence each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// How many runbooks have been read since the start, while not all have been.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reading: Option<Reading>,
}

/// How far Find has come with reading.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Reading {
    /// So many runbooks have been read.
    pub done: usize,
    /// Of so many.
    pub of: usize,
}

/// One thing found.
#[derive(Debug, Clone, Serialize)]
pub struct Found {
    /// `workflow`, `step`, `component`, `field`, `runbook`, `decision`, `workaround`, `run`, `subject`, `problem`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// Where it is.
    pub href: String,
    /// A line about it, as (words, marked).
    pub snippet: Vec<(String, bool)>,
    /// Its state, where it has one.
    pub state: Option<State>,
    /// How far it can be believed, where it is a document or a section of one.
    pub trust: Option<Trust>,
    /// Why it can be believed so far, in words; empty where it has no trust.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// How many flags stand on it.
    pub flags: i64,
    /// How well it fits: `id`, `title`, `begins`, `name`, `text`, `close`.
    pub fit: Fit,
}

impl Found {
    /// A thing without anything said of it.
    pub fn new(kind: &'static str, name: String, href: String, fit: Fit) -> Self {
        let (snippet, reason) = (Vec::new(), String::new());
        Self { kind, name, href, snippet, state: None, trust: None, reason, flags: 0, fit }
    }

    /// Whether it must not look like something that can be followed as it is.
    fn is_doubtful(&self) -> bool {
        matches!(self.trust, Some(Trust::CheckNeeded | Trust::Overdue))
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_false(value: &bool) -> bool {
    !*value
}

/// The title.
pub fn head(picture: &FindPicture) -> Head {
    let title = if picture.query.is_empty() { "Find".to_owned() } else { format!("Find: {}", picture.query) };
    Head { title, state: None }
}

/// The page: the box, then what was found, best first.
pub fn body(picture: &FindPicture) -> AnyView {
    let found = match (picture.query.is_empty(), picture.items.is_empty()) {
        (true, _) => hints(),
        (false, true) => nothing(&picture.query),
        (false, false) => results(picture),
    };
    let notes = picture.notes.iter().map(|note| parts::notice("info", note)).collect_view();
    view! { <div class="page find-page">{parts::heading("Find", "", None)}{form(&picture.query)}{notes}{found}</div> }
        .into_any()
}

fn form(query: &str) -> AnyView {
    view! {
        <form class="find-form" method="get" action="/find" role="search">
            <label for="find-q">"A name, an id, or words from a runbook"</label>
            <div class="find-line">
                <FindBox query=query.to_owned() hint=String::new()/>
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
                ("erp", "A name, or how it begins, finds workflows, steps, components and runbooks."),
                ("call the duty desk", "Words find the sections of runbooks that have them, also with a slip: \"dtuy desk\"."),
            ].map(one).collect_view()}
        </dl>
    }
    .into_any()
}

fn nothing(query: &str) -> AnyView {
    let all = [
        ("All workflows", "/workflows"),
        ("All components", "/components"),
        ("All runbooks", "/runbooks"),
        ("All decisions", "/decisions"),
        ("All workarounds", "/workarounds"),
    ]
    .map(|(name, href)| (name.to_owned(), href.to_owned()));
    view! {
        <div class="empty" role="status">
            <p>"Nothing found for "<q>{query.to_owned()}</q>"."</p>
            <p>"Looked through names and words of workflows, steps, components, fields, runbooks, decisions, workarounds and open problems, and through the ids of runs and orders. Fewer words, or the start of a word, find more."</p>
            {parts::names(&all)}
        </div>
    }
    .into_any()
}

fn results(picture: &FindPicture) -> AnyView {
    let (close, exact): (Vec<_>, Vec<_>) = picture.items.iter().partition(|found| found.fit == Fit::Close);
    let list = |items: &[&Found]| {
        (!items.is_empty())
            .then(|| view! { <ul class="rows r-found">{items.iter().map(|f| row(f)).collect_view()}</ul> })
    };
    let but_close = (!close.is_empty()).then(|| {
        let words = match exact.is_empty() {
            true => "Nothing has all of these words as they are written. This comes close:",
            false => "This comes close:",
        };
        view! { <p class="dim close-words">{words}</p>{list(&close)} }
    });
    view! { <div class="found"><p class="dim" role="status">{count(picture)}</p>{list(&exact)}{but_close}</div> }
        .into_any()
}

fn count(picture: &FindPicture) -> String {
    match (picture.items.len(), picture.more) {
        (n, true) => format!("The best {n} of more things found"),
        (0, _) => "Nothing found".to_owned(),
        (1, _) => "1 thing found".to_owned(),
        (n, _) => format!("{n} things found"),
    }
}

/// What a kind is called beside the name of a thing.
fn kind_word(found: &Found) -> &'static str {
    match found.kind {
        "workflow" => "Workflow",
        "step" => "Step",
        "component" => "Component",
        "field" => "Field",
        "runbook" => "Runbook",
        "decision" => "Decision",
        "workaround" => "Workaround",
        "run" => "Run",
        "subject" => "Subject",
        "problem" => "Problem",
        other => other,
    }
}

fn row(found: &Found) -> AnyView {
    let doubt = found.is_doubtful().then(|| view! { <small class="past">{found.reason.clone()}</small> });
    let why = (found.trust.is_some() && !found.is_doubtful())
        .then(|| view! { <small class="sr">{found.reason.clone()}</small> });
    view! {
        <li class:doubtful=found.is_doubtful()>
            <span class="c-kind">{kind_word(found)}</span>
            <span class="c-name"><a href=found.href.clone()>{found.name.clone()}</a></span>
            <span class="c-what">{parts::words(&found.snippet)}{doubt}</span>
            <span class="c-state" title=(!found.reason.is_empty()).then(|| found.reason.clone())>{standing(found)}{why}</span>
        </li>
    }
    .into_any()
}

/// Its state or its trust.
fn standing(found: &Found) -> AnyView {
    let state = found.state.map(parts::mark);
    let trust = found.trust.map(|trust| parts::trust_badge(trust, 0));
    view! { {state}{trust} }.into_any()
}

/// The first things found as the options of the box; the last one leads to all. Each is a link, so that it can be
/// opened as one.
pub fn options(picture: &FindPicture) -> AnyView {
    let one = |(n, found): (usize, &Found)| {
        let doubt = found.is_doubtful().then(|| view! { <small class="o-why past">{found.reason.clone()}</small> });
        view! {
            <a role="option" tabindex="-1" aria-selected="false" id=format!("find-{n}") href=found.href.clone() class:doubtful=found.is_doubtful()>
                <span class="o-kind">{kind_word(found)}</span>
                <span class="o-name">{found.name.clone()}</span>
                <span class="o-state">{standing(found)}</span>
                <span class="o-what">{parts::words(&found.snippet)}</span>
                {doubt}
            </a>
        }
    };
    let all = format!("/find?all&q={}", parts::path_part(&picture.query));
    let words = match picture.items.is_empty() {
        true => format!("Nothing found for \u{201c}{}\u{201d}", picture.query),
        false => format!("Everything found for \u{201c}{}\u{201d}", picture.query),
    };
    let close = picture.items.first().is_some_and(|found| found.fit == Fit::Close);
    let close = close
        .then(|| view! { <p role="presentation" class="dim">"Nothing is written like this. This comes close:"</p> });
    let notes =
        picture.notes.iter().map(|note| view! { <p role="presentation" class="dim">{note.clone()}</p> }).collect_view();
    view! {
        {notes}
        {close}
        {picture.items.iter().enumerate().map(one).collect_view()}
        <a role="option" tabindex="-1" aria-selected="false" id="find-all" class="o-all" href=all data-said=count(picture)>{words}</a>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parts::Ink;

    fn found(name: &str, fit: Fit) -> Found {
        Found::new("runbook", name.to_owned(), format!("/runbooks/{name}"), fit)
    }

    fn drawn(picture: &FindPicture, draw: fn(&FindPicture) -> AnyView) -> String {
        let ink = Ink {
            pkg: "/pkg".to_owned(),
            now: crate::model::moment::Moment::default(),
            zone: jiff::tz::TimeZone::UTC,
            past: false,
        };
        Owner::new().with(|| {
            ink.provide();
            draw(picture).to_html()
        })
    }

    fn picture(items: Vec<Found>) -> FindPicture {
        FindPicture { query: "replay".to_owned(), items, ..FindPicture::default() }
    }

    #[test]
    fn a_section_in_doubt_is_marked_and_says_why() {
        let doubtful = Found {
            trust: Some(Trust::CheckNeeded),
            reason: "Push to ERP: number of tries was 6, is 8.".to_owned(),
            flags: 1,
            ..found("erp", Fit::Text)
        };
        let trusted = Found { trust: Some(Trust::Trusted), ..found("wms", Fit::Text) };
        for draw in [body as fn(&FindPicture) -> AnyView, options] {
            let html = drawn(&picture(vec![doubtful.clone()]), draw);
            assert!(
                html.contains("doubtful") && html.contains("number of tries was 6") && html.contains("Check needed")
            );
            let html = drawn(&picture(vec![trusted.clone()]), draw);
            assert!(!html.contains("doubtful") && html.contains("Trusted"));
        }
    }

    #[test]
    fn what_is_only_close_is_not_passed_off_as_what_was_asked_for() {
        let close = picture(vec![found("refund", Fit::Close)]);
        assert!(drawn(&close, body).contains("Nothing has all of these words"));
        assert!(drawn(&close, options).contains("Nothing is written like this"));
        let both = drawn(&picture(vec![found("replay", Fit::Text), found("reply", Fit::Close)]), body);
        assert!(both.find("This comes close").unwrap() > both.find("/runbooks/replay").unwrap());
    }

    #[test]
    fn what_was_typed_stays_text() {
        let evil = FindPicture { query: "\"><script>alert(1)</script>".to_owned(), ..picture(vec![]) };
        for draw in [body as fn(&FindPicture) -> AnyView, options] {
            assert!(!drawn(&evil, draw).contains("<script>"));
        }
    }
}
