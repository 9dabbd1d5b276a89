//! When a workflow should start next: every so often inside active hours, or at the times of a cron line.

use std::str::FromStr;

use croner::Cron;
use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;

use super::book::Expect;
use super::moment::{Moment, Span};

/// How long after a scheduled start it is still in time, where the book does not say.
const GRACE: Span = Span::from_minutes(5);

/// A start that was scheduled, or that the rhythm asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StartDue {
    /// When it should have started, or should start.
    pub at: Moment,
    /// From when on its absence is late.
    pub late_at: Moment,
}

/// The start that is due, overdue when `late_at` has passed; none without an expectation or outside active hours.
///
/// `last` is when the newest run started. `first_expected` is when we began to expect anything (the book was read).
pub fn start_due(expect: &Expect, last: Option<Moment>, first_expected: Moment, now: Moment) -> Option<StartDue> {
    if let Some(line) = &expect.start_at {
        return scheduled(line, expect, last, first_expected, now);
    }
    let every = expect.start_every?;
    let from = last.unwrap_or(first_expected);
    let at = match active_since(expect, now) {
        Hours::Closed => return None,
        Hours::Open(opened) => opened.map_or(from, |opened| from.max(opened)) + every,
    };
    Some(StartDue { at, late_at: at + expect.grace.unwrap_or_default() })
}

/// Whether silence counts at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hours {
    /// Outside the active hours.
    Closed,
    /// Inside them, since this moment; none where the book names no hours, or none that can be read.
    Open(Option<Moment>),
}

/// Whether silence counts at `now`, and since when.
pub fn active_since(expect: &Expect, now: Moment) -> Hours {
    match expect.active.as_deref().map(Active::parse) {
        Some(Ok(active)) => match active.open_since(now, &zone(expect)) {
            Some(opened) => Hours::Open(Some(opened)),
            None => Hours::Closed,
        },
        _ => Hours::Open(None),
    }
}

fn scheduled(line: &str, expect: &Expect, last: Option<Moment>, first: Moment, now: Moment) -> Option<StartDue> {
    let cron = parse_cron(line).ok()?;
    let zone = zone(expect);
    let grace = expect.grace.unwrap_or(GRACE);
    let moment = |z: jiff::Zoned| Moment::from_millis(z.timestamp().as_millisecond());
    let previous = cron.find_previous_occurrence(&now.zoned(&zone), true).ok().map(moment);
    // A job whose clock runs a little ahead of ours has still started for this time.
    let missed = previous.filter(|p| last.is_none_or(|last| last < *p - Span::from_minutes(1)) && first <= *p);
    let at = match missed {
        Some(previous) => previous,
        None => cron.find_next_occurrence(&now.zoned(&zone), false).ok().map(moment)?,
    };
    Some(StartDue { at, late_at: at + grace })
}

/// The zone of an expectation; UTC when it names none or one that does not exist (`watchbook check` says so).
pub fn zone(expect: &Expect) -> TimeZone {
    expect.timezone.as_deref().and_then(|name| TimeZone::get(name).ok()).unwrap_or(TimeZone::UTC)
}

/// Parses a five-field cron line.
///
/// # Errors
/// A sentence for the author.
pub fn parse_cron(line: &str) -> Result<Cron, String> {
    if line.split_whitespace().count() != 5 {
        return Err(format!("\"{line}\" is not a cron line; write five fields, like \"0 3 * * *\""));
    }
    Cron::from_str(line).map_err(|e| format!("\"{line}\" is not a cron line: {e}"))
}

/// Hours in which silence counts: `Mon-Fri 06:00-22:00`, several separated by commas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Active(Vec<Window>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Window {
    days: (Weekday, Weekday),
    /// Minutes of the day, the second one exclusive, up to 24:00.
    minutes: (u16, u16),
}

impl Active {
    /// Parses the hours.
    ///
    /// # Errors
    /// A sentence for the author.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("\"{text}\" are not active hours; write \"Mon-Fri 06:00-22:00\"");
        let window = |part: &str| {
            let (days, hours) = part.trim().split_once(' ')?;
            let (first, last) = days.split_once('-').unwrap_or((days, days));
            let (from, to) = hours.trim().split_once('-')?;
            let minutes = (minute(from)?, minute(to)?);
            (minutes.0 < minutes.1).then_some(Window { days: (weekday(first)?, weekday(last)?), minutes })
        };
        let windows: Option<Vec<_>> = text.split(',').map(window).collect();
        windows.map(Self).ok_or_else(wrong)
    }

    /// Since when it has been active without a break, when it is active at `now`; looks back at most eight days.
    pub fn open_since(&self, now: Moment, zone: &TimeZone) -> Option<Moment> {
        let local = now.zoned(zone);
        let mut date = local.date();
        let mut until = u16::from(local.hour() as u8) * 60 + u16::from(local.minute() as u8) + 1;
        let mut since = None;
        for _ in 0..8 {
            while let Some(window) =
                self.0.iter().find(|w| w.covers(date.weekday()) && w.minutes.0 < until && w.minutes.1 >= until)
            {
                until = window.minutes.0;
                let time = Time::new((until / 60) as i8, (until % 60) as i8, 0, 0).ok()?;
                let start = date.to_datetime(time).to_zoned(zone.clone()).ok()?;
                since = Some(Moment::from_millis(start.timestamp().as_millisecond()));
                if until == 0 {
                    break;
                }
            }
            if until != 0 {
                break;
            }
            date = date.yesterday().ok()?;
            until = 24 * 60;
        }
        since
    }
}

impl Window {
    fn covers(self, day: Weekday) -> bool {
        let number = |d: Weekday| d.to_monday_zero_offset();
        let (first, last, day) = (number(self.days.0), number(self.days.1), number(day));
        if first <= last { (first..=last).contains(&day) } else { day >= first || day <= last }
    }
}

fn weekday(name: &str) -> Option<Weekday> {
    Some(match name {
        "Mon" => Weekday::Monday,
        "Tue" => Weekday::Tuesday,
        "Wed" => Weekday::Wednesday,
        "Thu" => Weekday::Thursday,
        "Fri" => Weekday::Friday,
        "Sat" => Weekday::Saturday,
        "Sun" => Weekday::Sunday,
        _ => return None,
    })
}

fn minute(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
    let total = hours * 60 + minutes;
    (hours <= 24 && minutes < 60 && total <= 24 * 60).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Moment {
        Moment::parse(text).unwrap()
    }

    fn nightly() -> Expect {
        Expect {
            start_at: Some("0 3 * * *".into()),
            timezone: Some("Europe/Berlin".into()),
            grace: Some(Span::from_minutes(15)),
            ..Expect::default()
        }
    }

    #[test]
    fn a_nightly_job_that_did_not_start_is_late_after_its_grace() {
        // 03:00 in Berlin is 01:00 UTC in summer.
        let due = start_due(
            &nightly(),
            Some(at("2026-06-03T01:00:02Z")),
            at("2026-01-01T00:00:00Z"),
            at("2026-06-04T01:20:00Z"),
        );
        assert_eq!(due.unwrap(), StartDue { at: at("2026-06-04T01:00:00Z"), late_at: at("2026-06-04T01:15:00Z") });
    }

    #[test]
    fn a_nightly_job_that_started_is_due_tomorrow() {
        let due = start_due(
            &nightly(),
            Some(at("2026-06-04T01:00:02Z")),
            at("2026-01-01T00:00:00Z"),
            at("2026-06-04T01:20:00Z"),
        );
        assert_eq!(due.unwrap().at, at("2026-06-05T01:00:00Z"));
    }

    #[test]
    fn a_schedule_from_before_the_book_was_read_is_not_held_against_anyone() {
        let due = start_due(&nightly(), None, at("2026-06-04T01:10:00Z"), at("2026-06-04T01:20:00Z"));
        assert_eq!(due.unwrap().at, at("2026-06-05T01:00:00Z"));
    }

    #[test]
    fn silence_outside_active_hours_does_not_count() {
        let expect = Expect {
            start_every: Some(Span::from_minutes(10)),
            active: Some("Mon-Fri 08:00-18:00".into()),
            timezone: Some("UTC".into()),
            ..Expect::default()
        };
        let last = Some(at("2026-06-04T17:55:00Z"));
        let due = |now| start_due(&expect, last, at("2026-01-01T00:00:00Z"), at(now));
        assert_eq!(due("2026-06-04T23:00:00Z"), None);
        assert_eq!(due("2026-06-05T08:05:00Z").unwrap().at, at("2026-06-05T08:10:00Z"));
    }

    #[test]
    fn round_the_clock_hours_never_close() {
        let active = Active::parse("Mon-Sun 00:00-24:00").unwrap();
        assert!(active.open_since(at("2026-06-04T00:00:00Z"), &TimeZone::UTC).unwrap() < at("2026-05-30T00:00:00Z"));
    }

    #[test]
    fn wrong_hours_and_lines_say_how_to_write_them() {
        assert!(Active::parse("weekdays").unwrap_err().contains("Mon-Fri"));
        assert!(Active::parse("Mon-Fri 22:00-06:00").is_err());
        assert!(parse_cron("every day").unwrap_err().contains("0 3 * * *"));
        assert!(parse_cron("99 3 * * *").is_err());
    }
}
