//! Looking back: which moment somebody asks for, and which address shows it.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::moment::{Moment, Span};

/// How long the day is that is looked back on.
pub const DAY: Span = Span::from_minutes(24 * 60);

/// Reads the moment that a page is asked for: RFC 3339; or `2026-06-04T02:13` in the zone of the page, which is what a
/// field for date and time sends; or seconds since 1970, which is what a slider sends. The `+` of an offset may have
/// become a space on its way through an address.
///
/// # Errors
/// A sentence for whoever asked: it cannot be read, or lies after `now`.
pub fn asked(text: &str, now: Moment, zone: &TimeZone) -> Result<Moment, String> {
    let text = text.trim();
    let read =
        seconds(text).ok_or(()).or_else(|()| Moment::parse(&text.replace(' ', "+"))).or_else(|_| local(text, zone));
    let moment = read.map_err(|()| {
        let example = now.zoned(zone).strftime("%Y-%m-%dT%H:%M");
        format!("\"{text}\" is not a moment. Write it like {now}, or like {example} in the time of this portal.")
    })?;
    match moment > now {
        true => Err(format!("{} has not been yet. Ask for a moment that is over.", moment.full(zone))),
        false => Ok(moment),
    }
}

/// Seconds since 1970, as a slider sends them.
pub fn seconds(text: &str) -> Option<Moment> {
    // Ten digits reach to the year 2286.
    let secs = (text.len() <= 10 && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse::<i64>().ok());
    secs.flatten().map(|secs| Moment::from_millis(secs * 1_000))
}

fn local(text: &str, zone: &TimeZone) -> Result<Moment, ()> {
    // A day alone would be read as its midnight.
    let local: DateTime = text.contains(['T', ' ']).then(|| text.parse().ok()).flatten().ok_or(())?;
    let zoned = local.to_zoned(zone.clone()).map_err(drop)?;
    Ok(Moment::from_millis(zoned.timestamp().as_millisecond()))
}

/// An address with this moment in it, in the place of any other; without one when it is none.
pub fn address(href: &str, at: Option<Moment>) -> String {
    let (href, place) = href.split_at(href.find('#').unwrap_or(href.len()));
    let (path, query) = href.split_once('?').unwrap_or((href, ""));
    let kept = query.split('&').filter(|part| !part.is_empty() && *part != "at" && !part.starts_with("at="));
    let asked = at.map(|at| format!("at={}", at.to_string().replace(':', "%3A")));
    let query: Vec<String> = kept.map(str::to_owned).chain(asked).collect();
    let mark = if query.is_empty() { "" } else { "?" };
    format!("{path}{mark}{}{place}", query.join("&"))
}

/// Whether the page at this path of ours can show another moment than now.
pub fn can_be_shown(href: &str) -> bool {
    let path = href.split(['?', '#']).next().unwrap_or_default();
    let mut parts = path.split('/').skip(1);
    let place = (parts.next(), parts.next(), parts.next(), parts.next());
    match place {
        _ if !path.starts_with('/') => false,
        (Some("" | "workflows"), None, None, None) => true,
        (Some("workflows" | "components"), Some(_), None, None) => true,
        (Some("runs" | "subjects"), Some(_), Some(_), None) => true,
        _ => false,
    }
}

/// The end of the day to show around a moment: the last 24 hours while it lies in them, else twelve hours on each side.
pub fn end_of_day(shown: Moment, now: Moment) -> Moment {
    match now.since(shown) <= DAY {
        true => now,
        false => shown + Span::from_millis(DAY.millis() / 2),
    }
}

/// In which of a few lanes each of these stretches lies, so that they do not cover each other, and how many lanes are
/// used. Where all are taken, it lies in none.
pub fn lanes(stretches: impl Iterator<Item = (f64, f64)>, most: usize) -> (Vec<Option<usize>>, usize) {
    let mut ends: Vec<f64> = Vec::new();
    let lanes = stretches
        .map(|(from, to)| {
            let free = ends.iter().position(|end| *end <= from);
            let lane = free.or_else(|| {
                (ends.len() < most).then(|| {
                    ends.push(0.0);
                    ends.len() - 1
                })
            })?;
            ends[lane] = to;
            Some(lane)
        })
        .collect();
    (lanes, ends.len())
}

/// `02:13:00 CEST on Thursday 4 June`, with the year when it is not that of `now`.
pub fn in_full(at: Moment, now: Moment, zone: &TimeZone) -> String {
    let (at, now) = (at.zoned(zone), now.zoned(zone));
    let format = match at.year() == now.year() {
        true => "%H:%M:%S %Z on %A %-d %B",
        false => "%H:%M:%S %Z on %A %-d %B %Y",
    };
    at.strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> Moment {
        Moment::parse(text).unwrap()
    }

    fn berlin() -> TimeZone {
        TimeZone::get("Europe/Berlin").unwrap()
    }

    #[test]
    fn a_moment_is_asked_for_in_full_or_in_the_time_of_the_portal() {
        let now = moment("2026-06-04T12:00:00Z");
        let asked = |text| asked(text, now, &berlin());
        let wanted = Ok(moment("2026-06-04T00:13:00Z"));
        for text in ["2026-06-04T00:13:00Z", "2026-06-04T02:13:00+02:00", "2026-06-04T02:13:00 02:00"] {
            assert_eq!(asked(text), wanted, "{text}");
        }
        for text in ["2026-06-04T02:13", " 2026-06-04T02:13:00 ", "1780531980"] {
            assert_eq!(asked(text), wanted, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_or_has_not_been_is_refused_in_a_sentence() {
        let now = moment("2026-06-04T12:00:00Z");
        for text in ["", "yesterday", "2026-06-04", "25:00", "2026-13-04T02:13", "17805319800"] {
            let why = asked(text, now, &berlin()).unwrap_err();
            assert!(why.contains("is not a moment") && why.contains("2026-06-04T14:00"), "{text}: {why}");
        }
        let why = asked("2026-06-04T14:01", now, &berlin()).unwrap_err();
        assert_eq!(why, "2026-06-04 14:01:00 CEST has not been yet. Ask for a moment that is over.");
        assert_eq!(asked("2026-06-04T14:00", now, &berlin()), Ok(now));
    }

    #[test]
    fn an_address_carries_one_moment_and_keeps_the_rest() {
        let at = Some(moment("2026-06-04T02:13:00Z"));
        assert_eq!(address("/", at), "/?at=2026-06-04T02%3A13%3A00Z");
        assert_eq!(address("/workflows/a?x=1#step-b", at), "/workflows/a?x=1&at=2026-06-04T02%3A13%3A00Z#step-b");
        assert_eq!(address("/workflows/a?at=old&x=1", None), "/workflows/a?x=1");
        assert_eq!(address("/?at=old", None), "/");
    }

    #[test]
    fn a_day_ends_now_or_lies_around_the_moment() {
        let now = moment("2026-06-04T12:00:00Z");
        assert_eq!(end_of_day(moment("2026-06-03T12:00:00Z"), now), now);
        assert_eq!(end_of_day(moment("2026-06-01T12:00:00Z"), now), moment("2026-06-02T00:00:00Z"));
    }

    #[test]
    fn what_overlaps_lies_in_another_lane() {
        let stretches = [(0.0, 10.0), (5.0, 8.0), (9.0, 12.0), (11.0, 20.0), (11.5, 13.0)];
        assert_eq!(lanes(stretches.into_iter(), 4), ([0, 1, 1, 0, 2].map(Some).to_vec(), 3));
        assert_eq!(lanes([(0.0, 9.0), (1.0, 5.0), (2.0, 3.0)].into_iter(), 2), (vec![Some(0), Some(1), None], 2));
    }

    #[test]
    fn only_what_can_be_shown_as_it_was_is_led_to_as_it_was() {
        for path in ["/", "/workflows", "/workflows/a#step-b", "/runs/a/b?x=1", "/subjects/order/1", "/components/a"] {
            assert!(can_be_shown(path), "{path}");
        }
        for path in
            ["", "#here", "/components", "/workflows/a/runs", "/workflows/a/pause", "/runbooks/a", "https://a.example/"]
        {
            assert!(!can_be_shown(path), "{path}");
        }
    }
}
