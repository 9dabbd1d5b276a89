//! Sources: can I trust what I see?

use leptos::prelude::*;
use serde::Serialize;

use super::shell::Head;
use crate::model::moment::Moment;
use crate::model::status::State;
use crate::parts;
use crate::parts::records::event_rows;

/// All sources; also `GET /api/v1/sources`.
#[derive(Debug, Clone, Serialize)]
pub struct SourcesPicture {
    /// Silent ones first.
    pub items: Vec<SourceRow>,
    /// The newest refused events, at most 20.
    pub refused: Vec<RefusedRow>,
    /// The newest events that are kept but not yet interpreted (queue, signal, change, record), at most 20.
    pub raw: Vec<EventRow>,
    /// Always none.
    pub next: Option<String>,
}

/// One source.
#[derive(Debug, Clone, Serialize)]
pub struct SourceRow {
    /// Its name.
    pub id: String,
    /// On track, or No signal when not heard for longer than twice its longest usual pause.
    pub state: State,
    /// In a sentence.
    pub sentence: String,
    /// When it was first heard.
    pub first_heard_at: Moment,
    /// When it was last heard.
    pub last_heard_at: Moment,
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
    pub received_at: Moment,
    pub source: String,
    pub field: String,
    pub detail: String,
    pub raw: String,
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

/// The page; its blocks are replaced by the live stream.
pub fn body(picture: &SourcesPicture) -> AnyView {
    let blocks = blocks(picture).into_iter().map(|(_, block)| block).collect_view();
    view! { <div class="page sources">{parts::heading("Sources", "Who tells us what happens, and when they last did.", None)}{blocks}</div> }.into_any()
}

/// The blocks of the page, by the name the live stream knows them by.
pub fn blocks(picture: &SourcesPicture) -> Vec<(&'static str, AnyView)> {
    vec![
        ("sources", parts::block("sources", sources(&picture.items))),
        ("refused", parts::block("refused", refused(&picture.refused))),
        ("raw", parts::block("raw", raw(&picture.raw))),
    ]
}

fn sources(items: &[SourceRow]) -> AnyView {
    if items.is_empty() {
        let say = "No source has reported yet. Send one event with: curl -H \"Authorization: Bearer TOKEN\" --json '{\"workflow\":\"order-to-erp\",\"run\":\"10482\",\"state\":\"succeeded\"}' to /api/v1/events.";
        return parts::empty(say);
    }
    let one = |row: &SourceRow| {
        view! {
            <li data-key=row.id.clone() class=format!("s-{}", row.state.name())>
                <span class="c-state">{parts::mark(row.state)}</span>
                <span class="c-name"><code>{row.id.clone()}</code></span>
                <span class="c-what">{row.sentence.clone()}</span>
                <span class="c-when">
                    <span>"last heard "{parts::when_ago(row.last_heard_at)}</span>
                    <small>"first heard "{parts::when(row.first_heard_at)}</small>
                </span>
                <span class="c-count">{counts(row)}</span>
            </li>
        }
    };
    view! { <ul class="rows r-source" data-live-order="ask">{items.iter().map(one).collect_view()}</ul> }.into_any()
}

fn counts(row: &SourceRow) -> AnyView {
    let refused =
        (row.refused > 0).then(|| view! { <strong class="past">{format!("{} refused", row.refused)}</strong> });
    let twice = (row.duplicates > 0).then(|| view! { <small>{format!("{} sent twice", row.duplicates)}</small> });
    let events = if row.accepted == 1 { "1 event".to_owned() } else { format!("{} events", row.accepted) };
    view! { <span>{events}</span>{twice}{refused} }.into_any()
}

fn refused(rows: &[RefusedRow]) -> AnyView {
    let one = |(at, row): (usize, &RefusedRow)| {
        view! {
            <li data-key=format!("refused-{}-{at}", row.received_at.millis())>
                <details>
                    <summary>
                        <span class="row-when">{parts::seconds(row.received_at)}</span>
                        <span><code>{row.field.clone()}</code>": "{row.detail.clone()}</span>
                        <span class="dim">{format!("from {}", row.source)}</span>
                    </summary>
                    <pre class="raw">{row.raw.clone()}</pre>
                </details>
            </li>
        }
    };
    let body = match rows.is_empty() {
        true => parts::empty("Nothing was refused."),
        false => view! { <ul class="raw-rows">{rows.iter().enumerate().map(one).collect_view()}</ul> }.into_any(),
    };
    parts::section("refused-events", "Refused", body)
}

fn raw(rows: &[EventRow]) -> AnyView {
    let body = match rows.is_empty() {
        true => parts::empty("Nothing is kept that is not understood yet."),
        false => view! {
            <p class="dim">"Counted and kept. They do not change a state yet."</p>
            {event_rows(rows)}
        }
        .into_any(),
    };
    parts::section("kept-events", "Kept as they came", body)
}
