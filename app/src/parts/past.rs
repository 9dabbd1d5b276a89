//! The past: whether a page shows it, the strip that says so, and links that stay in it.

use leptos::prelude::*;

use super::blocks::notice;
use super::ink;
use super::marks::icon;
use crate::model::moment::{Moment, Span};
use crate::model::past::{address, can_be_shown, in_full};

/// What a page of the past says of itself.
#[derive(Debug, Clone)]
pub struct Past {
    /// The moment that is shown.
    pub at: Moment,
    /// When what is shown was recorded, where it was recorded as a whole; never after `at`.
    pub recorded: Option<Moment>,
    /// What time it is for the reader.
    pub now: Moment,
    /// The address of the same page as it is now.
    pub back: String,
}

/// What was recorded so shortly before is as good as of the moment itself: records of what does not weigh are this far
/// apart.
const AS_GOOD_AS_THEN: Span = Span::from_secs(10);

/// Whether the page shows a moment that is over: then nothing on it changes anything.
pub fn is_past() -> bool {
    ink().past
}

/// The address to lead to: on a page of the past the same moment there, where that page can show it.
pub fn to(href: impl Into<String>) -> String {
    let (href, ink) = (href.into(), ink());
    match ink.past && can_be_shown(&href) {
        true => address(&href, Some(ink.now)),
        false => href,
    }
}

/// In the place of the freshness strip: which moment is shown, and the way back.
pub fn past_strip(past: &Past) -> AnyView {
    let zone = ink().zone;
    let recorded = past.recorded.filter(|recorded| past.at.since(*recorded) > AS_GOOD_AS_THEN).map(|recorded| {
        let day = recorded.zoned(&zone).date() == past.at.zoned(&zone).date();
        let clock = recorded.clock_seconds(&zone);
        let clock = if day { clock } else { format!("{clock} on {}", recorded.date(&zone)) };
        view! { <span>{format!("The record is from {clock}. No important change was seen between then and the moment shown.")}</span> }
    });
    let utc = past.at.to_string();
    view! {
        <div class="strip past" role="note">
            <p>
                {icon("history")}
                <strong>"As it was known at "<time datetime=utc.clone() title=utc>{in_full(past.at, past.now, &zone)}</time>"."</strong>
                {recorded}
            </p>
            <a class="button" href=past.back.clone()>"Back to now"</a>
        </div>
    }
    .into_any()
}

/// What of the moment that is shown nobody can say any more, a sentence each.
pub fn not_known(sentences: &[String]) -> AnyView {
    sentences.iter().map(|sentence| notice("info", sentence)).collect_view().into_any()
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::super::Ink;
    use super::*;

    fn moment(text: &str) -> Moment {
        Moment::parse(text).unwrap()
    }

    fn drawn<T>(past: bool, draw: impl FnOnce() -> T) -> T {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let now = moment("2026-06-04T00:13:00Z");
        Owner::new().with(|| {
            Ink { pkg: "/pkg".to_owned(), now, zone, past }.provide();
            draw()
        })
    }

    #[test]
    fn a_link_stays_in_the_past_where_the_page_behind_it_can() {
        let there = drawn(true, || [to("/workflows/a#step-b"), to("/runbooks/x"), to("#step-b")]);
        assert_eq!(there, ["/workflows/a?at=2026-06-04T00%3A13%3A00Z#step-b", "/runbooks/x", "#step-b"]);
        assert_eq!(drawn(false, || to("/workflows/a")), "/workflows/a");
    }

    #[test]
    fn the_strip_says_which_moment_is_shown_and_when_it_was_recorded() {
        let strip = |recorded: Option<&str>| {
            let past = Past {
                at: moment("2026-06-04T00:13:00Z"),
                recorded: recorded.map(moment),
                now: moment("2026-06-04T12:00:00Z"),
                back: "/workflows/a".to_owned(),
            };
            drawn(true, || past_strip(&past).to_html())
        };
        let html = strip(None);
        assert!(html.contains("02:13:00 CEST on Thursday 4 June") && html.contains("href=\"/workflows/a\""), "{html}");
        assert!(!strip(Some("2026-06-04T00:12:51Z")).contains("The record is"));
        assert!(strip(Some("2026-06-04T00:12:11Z")).contains("The record is from 02:12:11. No important change"));
        assert!(strip(Some("2026-06-03T20:00:00Z")).contains("The record is from 22:00:00 on 3 Jun 2026."));
    }
}
