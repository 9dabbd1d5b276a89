//! Times as people read them: local and absolute, UTC in the title, relative words only beside an absolute.

use leptos::prelude::*;

use super::ink;
use crate::model::moment::{Moment, Span};

/// `02:13` today, `3 Jun 02:13` before; the whole moment with its zone and UTC in the title.
pub fn when(at: Moment) -> AnyView {
    let ink = ink();
    time(at, at.words(ink.now, &ink.zone))
}

/// `02:13` as text, where no element can stand.
pub fn when_words(at: Moment) -> String {
    let ink = ink();
    at.words(ink.now, &ink.zone)
}

/// `02:13:05`, for stories, where order is everything; the day before it when that is not today.
pub fn seconds(at: Moment) -> AnyView {
    let ink = ink();
    let clock = at.clock_seconds(&ink.zone);
    let day = at.zoned(&ink.zone).date();
    time(at, if day == ink.now.zoned(&ink.zone).date() { clock } else { format!("{} {clock}", day.strftime("%-d %b")) })
}

/// `4 Jun 2026`.
pub fn day(at: Moment) -> AnyView {
    time(at, at.date(&ink().zone))
}

/// `02:13`, and beside it `47 min ago` or `in 5 min`.
pub fn when_ago(at: Moment) -> AnyView {
    let span = ink().now.since(at);
    let words = match span.millis() {
        ms if ms.abs() < 1000 => "now".to_owned(),
        ms if ms < 0 => format!("in {}", span.words()),
        _ => format!("{} ago", span.words()),
    };
    view! { <span class="when">{when(at)}" "<span class="dim">{words}</span></span> }.into_any()
}

/// How long from one moment to another, as people say it.
pub fn length(from: Moment, to: Moment) -> String {
    let span = to.since(from);
    if span <= Span::default() { "0 s".to_owned() } else { span.words() }
}

fn time(at: Moment, words: String) -> AnyView {
    let utc = at.to_string();
    let title = format!("{} ({} UTC)", at.full(&ink().zone), &utc.get(11..19).unwrap_or_default());
    view! { <time datetime=utc title=title>{words}</time> }.into_any()
}
