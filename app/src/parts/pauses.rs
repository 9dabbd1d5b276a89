//! Pauses: what is paused now and until when, what has ended lately, and earlier ones.

use leptos::prelude::*;

use super::blocks::empty;
use super::marks::{badge, icon};
use super::past::is_past;
use super::times::when;
use crate::model::status::State;
use crate::pages::pause::PauseRow;

/// What is paused now, a line each, and what has ended lately; `href` leads to where a pause is set and ended. `said`
/// leaves out the line that the answer of the page has said.
pub fn pauses_now(in_force: &[PauseRow], resumed: &[PauseRow], href: &str, said: &str) -> AnyView {
    let now = in_force.iter().map(|row| {
        let sentence = (!said.contains(row.sentence.trim_start_matches("Paused "))).then(|| row.sentence.clone());
        let change = (!is_past()).then(|| view! { <a href=href.to_owned()>"Resume or prolong"</a> });
        view! {
            <li class="s-paused">
                {badge(State::Paused)}
                <p><strong>{row.name.clone()}</strong>" "{sentence}" "{change}</p>
            </li>
        }
    });
    let over = resumed.iter().map(|row| {
        view! { <li>{icon("info")}<p><strong>{row.name.clone()}</strong>" "{row.ended.clone()}" "<span class="dim">{row.reason.clone()}</span></p></li> }
    });
    view! { <ul class="pauses">{now.collect_view()}{over.collect_view()}</ul> }.into_any()
}

/// Earlier pauses and the present ones, newest first: what, from when to when, why, who, and how it ended.
pub fn pause_history(rows: &[PauseRow]) -> AnyView {
    if rows.is_empty() {
        return empty("Nothing was paused here yet.");
    }
    let one = |row: &PauseRow| {
        let ended = row.ended.clone().unwrap_or_else(|| "In force.".to_owned());
        view! {
            <li data-key=format!("{} {}", row.target, row.since.millis())>
                <span class="c-when">{when(row.since)}" to "{when(row.ended_at.unwrap_or(row.until))}</span>
                <span class="c-name"><strong>{row.name.clone()}</strong></span>
                <span class="c-what">{row.reason.clone()}" "<span class="dim">{ended}</span></span>
                <span class="c-owner">"by "{row.by.clone()}</span>
            </li>
        }
    };
    view! { <ul class="rows r-pause">{rows.iter().map(one).collect_view()}</ul> }.into_any()
}
