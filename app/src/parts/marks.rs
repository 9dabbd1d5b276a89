//! Small marks: icons, state badges, trust badges, tags.

use leptos::prelude::*;

use super::ink;
use crate::model::blast::Condition;
use crate::model::status::{State, Trust};

/// An icon of the sprite `style/icons.svg`, by its name there; always beside words, so hidden from readers.
pub fn icon(name: &str) -> AnyView {
    let href = format!("{}/icons.svg#{name}", ink().pkg);
    view! { <svg class="icon" aria-hidden="true"><use_ href=href/></svg> }.into_any()
}

/// A state as a pill: icon and word.
pub fn badge(state: State) -> AnyView {
    view! {
        <span class=format!("badge s-{}", state.name())>{icon(state_icon(state))}<span>{state.words()}</span></span>
    }
    .into_any()
}

/// A state without the pill, for rows: On track stays quiet, the others are pills.
pub fn mark(state: State) -> AnyView {
    match state {
        State::OnTrack => view! {
            <span class="mark s-on_track">{icon(state_icon(state))}<span>{state.words()}</span></span>
        }
        .into_any(),
        _ => badge(state),
    }
}

/// The overlay on what is itself fine, but needs something that is not: what that is, by name.
pub fn affected(by: &str) -> AnyView {
    view! { <span class="reach reach-blocked">{icon("affected")}<span>{format!("Affected by {by}")}</span></span> }
        .into_any()
}

/// What becomes of something if what it needs is down.
pub fn condition(condition: Condition) -> AnyView {
    let (class, name, words) = match condition {
        Condition::Blocked => ("reach reach-blocked", "affected", "Blocked"),
        Condition::Degraded => ("reach reach-degraded", "alert", "Degraded"),
    };
    view! { <span class=class>{icon(name)}<span>{words}</span></span> }.into_any()
}

/// The name of a state's icon in the sprite.
pub(super) fn state_icon(state: State) -> &'static str {
    match state {
        State::OnTrack => "state-on_track",
        State::Paused => "state-paused",
        State::Retrying => "state-retrying",
        State::NoSignal => "state-no_signal",
        State::Late => "state-late",
        State::Broken => "state-broken",
    }
}

/// Whether a document, or a section, can be believed: icon, word, and how many sections of it are to be checked (0 shows
/// none).
pub fn trust_badge(trust: Trust, sections: i64) -> AnyView {
    let name = match trust {
        Trust::Trusted => "trust-trusted",
        Trust::NotLinked => "trust-not_linked",
        Trust::NeverReviewed => "trust-never_reviewed",
        Trust::Overdue => "trust-overdue",
        Trust::CheckNeeded => "trust-check_needed",
    };
    let count = (trust == Trust::CheckNeeded && sections > 0).then(|| view! { " "<b>{sections_words(sections)}</b> });
    view! { <span class=format!("trust t-{}", trust.name())>{icon(name)}<span>{trust.words()}</span>{count}</span> }
        .into_any()
}

/// `2 sections`.
pub fn sections_words(sections: i64) -> String {
    match sections {
        1 => "1 section".to_owned(),
        n => format!("{n} sections"),
    }
}

/// The words of a mark on what was heard. "Late" alone would say that its step is.
pub fn heard_words(mark: &str) -> &str {
    match mark {
        "late" => "heard late",
        "out_of_order" => "heard out of order",
        other => other,
    }
}

/// A small word beside another: `late`, `out of order`, `critical`.
pub fn tag(words: &str) -> AnyView {
    view! { <span class="tag">{words.to_owned()}</span> }.into_any()
}

/// The name of something that is not there, as a broken link in a text is drawn; `why` says what is missing.
pub fn broken(name: &str, why: &str) -> AnyView {
    view! { <span class="broken-link">{name.to_owned()}" "<small>{format!("({why})")}</small></span> }.into_any()
}
