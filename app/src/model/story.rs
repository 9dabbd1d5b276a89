//! The story of a run: what was heard, in the order it happened, in words, with what is odd about it marked.

use super::book::Workflow;
use super::event::{Progress, Report};
use super::moment::{Moment, Span};
use super::run::{Applied, Heard, Run};

/// An event heard longer than this after it happened is marked late.
const LATE: Span = Span::from_minutes(5);

/// A pause longer than this is told.
const GAP: Span = Span::from_minutes(1);

/// An event of the run as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// Its position in the feed: the order in which events were heard.
    pub position: i64,
    /// The event and when it was heard.
    pub heard: Heard,
    /// How often it was sent.
    pub repeats: i64,
}

/// One line of the story.
#[derive(Debug, Clone, PartialEq)]
pub struct Line<'a> {
    /// The event behind it.
    pub stored: &'a Stored,
    /// When it happened.
    pub at: Moment,
    /// What happened, in words.
    pub text: String,
    /// Which visit of its step this belongs to, from 1; 0 for the run as a whole.
    pub visit: u32,
    /// Which try of that visit, from 1; 0 for the run as a whole.
    pub attempt: u32,
    /// `late`, `out_of_order`, `refused`, `undeclared`.
    pub marks: Vec<&'static str>,
    /// The pause before it, where it is long enough to tell.
    pub gap: Option<Span>,
}

/// Tells the story of one run's events, given in any order.
pub fn tell<'a>(events: &'a [Stored], declared: Option<&Workflow>) -> Vec<Line<'a>> {
    let mut ordered: Vec<_> =
        events.iter().filter_map(|s| s.heard.report().map(|(report, key)| (key, report, s))).collect();
    ordered.sort_by(|a, b| a.0.cmp(&b.0));
    let mut run = Run::default();
    let mut before: Option<Moment> = None;
    // What was heard before this one although it happened later: the smallest position from here on.
    let mut heard_first = vec![i64::MAX; ordered.len() + 1];
    for (i, (_, _, stored)) in ordered.iter().enumerate().rev() {
        heard_first[i] = heard_first[i + 1].min(stored.position);
    }
    let mut lines = Vec::with_capacity(ordered.len());
    for (i, (key, report, stored)) in ordered.into_iter().enumerate() {
        let at = Moment::from_millis(key.time);
        let applied = run.apply(report, key, at);
        let visit = report.step.as_ref().and_then(|step| run.visits.iter().rev().find(|v| v.step == *step));
        let mut marks = Vec::new();
        if stored.heard.received_at.since(at) > LATE {
            marks.push("late");
        }
        if heard_first[i + 1] < stored.position {
            marks.push("out_of_order");
        }
        if applied == Applied::Refused {
            marks.push("refused");
        }
        if declared.is_some_and(|w| report.step.as_ref().is_some_and(|s| w.step(s).is_none())) {
            marks.push("undeclared");
        }
        let gap = before.map(|b| at.since(b)).filter(|gap| *gap > GAP);
        before = Some(at);
        lines.push(Line {
            stored,
            at,
            text: words(report, declared, visit.map_or(1, |v| v.attempt), applied),
            visit: visit.map_or(0, |v| v.visit),
            attempt: visit.map_or(0, |v| report.attempt.unwrap_or(v.attempt)),
            marks,
            gap,
        });
    }
    lines
}

/// What a person calls the place that a report is about: the step's name, or the run.
pub(super) fn name_of<'a>(report: &'a Report, declared: Option<&'a Workflow>) -> &'a str {
    match &report.step {
        Some(step) => declared.and_then(|w| w.step(step)).map_or(step.as_str(), |s| s.name.as_str()),
        None => "The run",
    }
}

fn words(report: &Report, declared: Option<&Workflow>, attempt: u32, applied: Applied) -> String {
    let name = name_of(report, declared);
    let attempt = report.attempt.unwrap_or(attempt);
    let again = if attempt > 1 { format!(", try {attempt}") } else { String::new() };
    let error = report.error.as_ref().map(|e| format!(": {e}")).unwrap_or_default();
    let waiting = report.waiting_on.as_ref().map(|w| format!(" for {w}")).unwrap_or_default();
    let did = match report.progress {
        Progress::Waiting => format!("waits{waiting}{again}"),
        Progress::Running => format!("started{again}"),
        Progress::Retrying => format!("failed and will try again{again}{error}"),
        Progress::Succeeded => format!("finished{again}"),
        Progress::Partial => match &report.remainder {
            Some(r) => format!("finished in part, {} of {} done{again}{error}", r.done, r.total),
            None => format!("finished in part{again}{error}"),
        },
        Progress::Failed => format!("failed{again}{error}"),
        Progress::Skipped => format!("was skipped{error}"),
        Progress::Cancelled => format!("was cancelled{error}"),
    };
    match applied {
        Applied::Moved => format!("{name} {did}"),
        Applied::EarlierAttempt => format!("{name} {did} (word of an earlier try; nothing moved)"),
        Applied::Refused => format!("{name} {did} (impossible after it had ended; nothing moved)"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::event::Event;
    use super::*;
    use serde_json::json;

    fn stored(position: i64, happened: i64, heard: i64, step: &str, state: &str) -> Stored {
        let at = |s: i64| Moment::from_millis(1_780_000_000_000 + s * 1000);
        let value =
            json!({"workflow": "w", "run": "1", "step": step, "state": state, "time": at(happened).to_string()});
        let event = Event::parse(value, "t", at(heard)).unwrap();
        Stored { position, heard: Heard { event, received_at: at(heard) }, repeats: 1 }
    }

    #[test]
    fn a_line_says_what_happened_and_how_long_nothing_did() {
        let events = [stored(1, 0, 0, "push", "running"), stored(2, 300, 300, "push", "failed")];
        let lines = tell(&events, None);
        assert_eq!(lines[0].text, "push started");
        assert_eq!((lines[1].text.as_str(), lines[1].gap), ("push failed", Some(Span::from_minutes(5))));
    }

    #[test]
    fn what_was_heard_after_something_later_is_out_of_order_and_in_its_place() {
        let events =
            [stored(1, 0, 0, "a", "running"), stored(2, 9, 9, "b", "running"), stored(3, 5, 10, "a", "succeeded")];
        let lines = tell(&events, None);
        let told: Vec<_> = lines.iter().map(|l| (l.text.as_str(), l.marks.clone())).collect();
        assert_eq!(told, [("a started", vec![]), ("a finished", vec!["out_of_order"]), ("b started", vec![])]);
    }

    #[test]
    fn what_was_heard_long_after_it_happened_is_late() {
        assert_eq!(tell(&[stored(1, 0, 301, "a", "running")], None)[0].marks, ["late"]);
    }

    #[test]
    fn a_step_that_the_book_does_not_know_is_marked() {
        let book: Workflow = serde_json::from_value(json!({"id": "w", "name": "W"})).unwrap();
        assert_eq!(tell(&[stored(1, 0, 0, "a", "running")], Some(&book))[0].marks, ["undeclared"]);
    }
}
