//! Sources: can I trust what I see?

use leptos::prelude::*;
use serde::Serialize;

use super::shell::Head;
use crate::model::moment::{Moment, Span};
use crate::model::status::State;
use crate::model::verdict::count_of;
use crate::parts;
use crate::parts::records::event_rows;

/// All sources; also `GET /api/v1/sources`.
#[derive(Debug, Clone, Serialize)]
pub struct SourcesPicture {
    /// Silent ones first.
    pub items: Vec<SourceRow>,
    /// The newest refused events, at most 20.
    pub refused: Vec<RefusedRow>,
    /// The newest events that are about no run (queue, signal, change, record), at most 20.
    pub raw: Vec<EventRow>,
    /// Always none.
    pub next: Option<String>,
    /// Whether what is saved in the browser reaches the files of the book.
    pub folder: FolderPicture,
}

/// The folder of the book.
#[derive(Debug, Clone, Serialize)]
pub struct FolderPicture {
    /// Whether files can be written there.
    pub written: bool,
    /// The git branch that they are committed to, if they are.
    pub branch: Option<String>,
    /// The same in words.
    pub sentence: String,
    /// The runbooks whose text waits for its file: slug, title, why.
    pub waiting: Vec<(String, String, String)>,
}

/// One source.
#[derive(Debug, Clone, Serialize)]
pub struct SourceRow {
    /// Its name.
    pub id: String,
    /// On track; No signal when it is silent; Late when its events come out of order.
    pub state: State,
    /// In a sentence.
    pub sentence: String,
    /// The component that reports as it, where the book says so: id and name.
    pub component: Option<(String, String)>,
    /// Who answers for that component.
    pub owner: Option<String>,
    /// How often at least it is heard, in seconds; none when nothing is declared and nothing learned yet.
    pub expected_every_seconds: Option<i64>,
    /// Whether the book says so; else it is its longest usual pause.
    pub declared: bool,
    /// When it was first heard; none when it never was.
    pub first_heard_at: Option<Moment>,
    /// When it was last heard; none when it never was.
    pub last_heard_at: Option<Moment>,
    /// Events counted.
    pub accepted: i64,
    /// Events seen before.
    pub duplicates: i64,
    /// Events refused.
    pub refused: i64,
}

/// An event that was refused, kept where a person can see it.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs)]
pub struct RefusedRow {
    /// The number it is kept under, for trying it again.
    pub id: i64,
    pub received_at: Moment,
    pub source: String,
    pub field: String,
    pub detail: String,
    /// As it came; at most its first 4,096 characters.
    pub raw: String,
    /// How many characters of it are kept.
    pub length: i64,
    /// How many bytes of it were not kept, so that it cannot be tried again; none when it is whole.
    pub left_out: Option<i64>,
}

/// An event as it came.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs)]
pub struct EventRow {
    pub position: i64,
    pub at: Moment,
    pub received_at: Moment,
    pub source: String,
    pub family: String,
    pub raw: String,
}

/// The title, with the worst state of all sources.
pub fn head(picture: &SourcesPicture) -> Head {
    Head { title: "Sources".to_owned(), state: picture.items.iter().map(|row| row.state).max() }
}

/// The page; its blocks are replaced by the live stream. `refused` says why an event that was tried again is still
/// refused.
pub fn body(picture: &SourcesPicture, refused: Option<&str>) -> AnyView {
    let refused = refused.map(|words| parts::notice("warn", words));
    let blocks = blocks(picture).into_iter().map(|(_, block)| block).collect_view();
    view! { <div class="page sources">{refused}{parts::heading("Sources", "Who tells us what happens, and when they last did.", None)}{blocks}</div> }.into_any()
}

/// The blocks of the page, by the name the live stream knows them by.
pub fn blocks(picture: &SourcesPicture) -> Vec<(&'static str, AnyView)> {
    vec![
        ("sources", parts::block("sources", sources(&picture.items))),
        ("refused", parts::block("refused", refused(&picture.refused))),
        ("folder", parts::block("folder", parts::folder::folder(&picture.folder))),
        ("raw", parts::block("raw", raw(&picture.raw))),
    ]
}

fn sources(items: &[SourceRow]) -> AnyView {
    let nobody = items.iter().all(|row| row.last_heard_at.is_none()).then(|| {
        let say = "No source has reported yet. Send one event with: curl -H \"Authorization: Bearer TOKEN\" --json '{\"workflow\":\"order-to-erp\",\"run\":\"10482\",\"state\":\"succeeded\"}' to /api/v1/events.";
        parts::empty(say)
    });
    let one = |row: &SourceRow| {
        view! {
            <li data-key=row.id.clone() class=format!("s-{}", row.state.name())>
                <span class="c-state">{parts::mark(row.state)}</span>
                <span class="c-name"><code>{row.id.clone()}</code>{who(row)}</span>
                <span class="c-what">{row.sentence.clone()}</span>
                <span class="c-when">
                    {row.last_heard_at.map(|at| view! { <span>"last heard "{parts::when_ago(at)}</span> })}
                    {row.first_heard_at.map(|at| view! { <small>"first heard "{parts::when(at)}</small> })}
                    <small>{expected(row)}</small>
                </span>
                <span class="c-count">{counts(row)}</span>
            </li>
        }
    };
    let rows = (!items.is_empty()).then(|| {
        view! { <ul class="rows r-source" data-live-order="ask">{items.iter().map(one).collect_view()}</ul> }
    });
    view! { {nobody}{rows} }.into_any()
}

/// The component that reports as it.
fn who(row: &SourceRow) -> Option<AnyView> {
    let (id, name) = row.component.as_ref()?;
    let owner = row.owner.as_ref().map(|owner| format!(", {owner}"));
    Some(view! { <small><a href=format!("/components/{id}")>{name.clone()}</a>{owner}</small> }.into_any())
}

/// `expected every 5 min, by the book`.
fn expected(row: &SourceRow) -> String {
    let every = row.expected_every_seconds.map(|seconds| Span::from_secs(seconds).words());
    match (every, row.declared) {
        (Some(every), true) => format!("expected every {every}, by the book"),
        (Some(every), false) => format!("longest usual pause {every}"),
        (None, _) => "no usual pause known yet".to_owned(),
    }
}

fn counts(row: &SourceRow) -> AnyView {
    let refused =
        (row.refused > 0).then(|| view! { <strong class="past">{format!("{} refused", row.refused)}</strong> });
    let twice = (row.duplicates > 0).then(|| view! { <small>{format!("{} sent twice", row.duplicates)}</small> });
    let events = if row.accepted == 1 { "1 event".to_owned() } else { format!("{} events", row.accepted) };
    view! { <span>{events}</span>{twice}{refused} }.into_any()
}

fn refused(rows: &[RefusedRow]) -> AnyView {
    let one = |row: &RefusedRow| {
        let cut = (row.raw.chars().count() as i64) < row.length;
        view! {
            <li data-key=format!("refused-{}", row.id)>
                <details>
                    <summary>
                        <span class="row-when">{parts::seconds(row.received_at)}</span>
                        <span><code>{row.field.clone()}</code>": "{row.detail.clone()}</span>
                        <span class="dim">{format!("from {}", row.source)}</span>
                    </summary>
                    <pre class="raw">{row.raw.clone()}</pre>
                    {cut.then(|| view! { <p class="dim">{format!("Its beginning; {} are kept.", count_of(row.length, "characters"))}</p> })}
                    {again(row)}
                </details>
            </li>
        }
    };
    let body = match rows.is_empty() {
        true => parts::empty("Nothing was refused."),
        false => view! {
            <p class="dim">"After a fix an operator can try one again: it is read once more by the rules of now."</p>
            <ul class="raw-rows">{rows.iter().map(one).collect_view()}</ul>
        }
        .into_any(),
    };
    parts::section("refused-events", "Refused", body)
}

/// The button that tries it again, or why there is none.
fn again(row: &RefusedRow) -> AnyView {
    match row.left_out {
        Some(_) => {
            let say = "It is longer than what is kept of a refused event, so it cannot be tried again. Its sender can send it once more.";
            view! { <p class="dim">{say}</p> }.into_any()
        }
        None => view! {
            <form method="post" action=format!("/sources/refused/{}/retry", row.id)>
                <button class="button">"Try again"</button>
            </form>
        }
        .into_any(),
    }
}

fn raw(rows: &[EventRow]) -> AnyView {
    let body = match rows.is_empty() {
        true => parts::empty("None was heard yet."),
        false => event_rows(rows),
    };
    parts::section("kept-events", "Queues, signals, changes, records", body)
}
