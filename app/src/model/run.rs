//! A run: what its events, in their order, add up to. The fold is pure, so any arrival order ends the same.

use serde::{Deserialize, Serialize};

use super::event::{Event, Fault, OrderKey, Progress, Remainder, Report, What, believed_time, order_key};
use super::moment::Moment;

/// How many tries, and how many failures, are kept of one visit: the newest.
pub const MOST_TRIES: usize = 32;

/// How much is kept of the message of a failure, in characters.
const MOST_MESSAGE: usize = 200;

/// The folded state of one run. Stored with the run; rebuilt from its events whenever one arrives out of order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// The business thing it is about: the first that was named.
    pub subject: Option<String>,
    /// What it is joined by with runs elsewhere: the first that was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation: Option<String>,
    /// The trace it is part of: the first that was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    /// When its first event happened.
    pub started_at: i64,
    /// When its newest event happened.
    pub last_at: i64,
    /// How many events it was folded from.
    pub events: i64,
    /// Each visit of a step, in the order of their first events.
    pub visits: Vec<Visit>,
    /// What was last said of the run as a whole.
    pub whole: Option<Whole>,
    /// How many events were refused as impossible.
    pub refused: i64,
    /// Whether a check tells of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub of_check: bool,
    /// When a later run of the same check went well. It is the one thing here that no event of the run says, and it
    /// is kept when the run is folded again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovered_at: Option<i64>,
    /// Where the newest event stands in the order.
    newest: Option<OrderKey>,
}

/// One passage through a step; a step may be visited again in the same run (rework).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Visit {
    /// The step.
    pub step: String,
    /// From 1.
    pub visit: u32,
    /// The newest try, from 1.
    pub attempt: u32,
    /// What was last believed of that try.
    pub progress: Progress,
    /// When the visit was first heard of.
    pub started_at: i64,
    /// When the newest try was first heard of.
    pub attempt_at: i64,
    /// When `progress` was said.
    pub progress_at: i64,
    /// Since when it fails without a success in between.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<i64>,
    /// When the next try is due, as reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_attempt_at: Option<i64>,
    /// The last error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Fault>,
    /// What it waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_on: Option<String>,
    /// What was left undone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remainder: Option<Remainder>,
    /// The tries after the first one, oldest first, at most [`MOST_TRIES`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub later_tries: Vec<LaterTry>,
    /// What its tries failed with, oldest first, at most one a try and [`MOST_TRIES`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<Failure>,
}

/// A try after the first one, and when it should have come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LaterTry {
    /// Which try.
    pub attempt: u32,
    /// When it was first heard of.
    pub at: i64,
    /// When the try before it failed, where that was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_at: Option<i64>,
    /// When it was announced for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned_at: Option<i64>,
}

/// What a try failed with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// Which try.
    pub attempt: u32,
    /// When that was said.
    pub at: i64,
    /// The error; its message may be shortened.
    pub error: Fault,
}

/// What was last said of a run as a whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Whole {
    pub progress: Progress,
    pub at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Fault>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remainder: Option<Remainder>,
    /// The newest try of the whole, from 1.
    #[serde(default = "first")]
    pub attempt: u32,
}

fn first() -> u32 {
    1
}

/// What became of one report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// It moved the state, or confirmed it.
    Moved,
    /// It is of an earlier try than one already seen; kept, nothing moved.
    EarlierAttempt,
    /// It is impossible (done to running in the same try); kept, marked, nothing moved.
    Refused,
}

/// An event with when it was heard: what a run is folded from.
#[derive(Debug, Clone, PartialEq)]
pub struct Heard {
    /// The event; only reports move a run.
    pub event: Event,
    /// When it was heard.
    pub received_at: Moment,
}

impl Heard {
    /// The report inside, with its place in the order; none for other families.
    pub fn report(&self) -> Option<(&Report, OrderKey)> {
        match &self.event.what {
            What::Report(report) => Some((report, order_key(&self.event, report, self.received_at))),
            _ => None,
        }
    }
}

/// The state that the events add up to, in whatever order and however often they are given.
pub fn fold<'a>(heard: impl IntoIterator<Item = &'a Heard>) -> Run {
    let mut reports: Vec<_> = heard.into_iter().filter_map(|h| h.report().map(|(r, key)| (key, r, h))).collect();
    reports.sort_by(|a, b| a.0.cmp(&b.0));
    reports.dedup_by(|a, b| a.2.event.identity == b.2.event.identity);
    let mut run = Run::default();
    for (key, report, heard) in reports {
        run.apply(report, key, believed_time(heard.event.time, heard.received_at));
    }
    run
}

impl Run {
    /// Whether a report with this key comes after everything folded so far, so that `apply` may be used.
    pub fn takes_next(&self, key: &OrderKey) -> bool {
        self.newest.as_ref().is_none_or(|newest| newest < key)
    }

    /// Adds a report that stands after all others (`takes_next`).
    pub fn apply(&mut self, report: &Report, key: OrderKey, at: Moment) -> Applied {
        let at = at.millis();
        if self.events == 0 {
            self.started_at = at;
        }
        self.events += 1;
        self.last_at = at;
        self.newest = Some(key);
        self.of_check |= report.of_check;
        if self.subject.is_none() {
            self.subject.clone_from(&report.subject);
        }
        if self.correlation.is_none() {
            self.correlation.clone_from(&report.correlation);
        }
        if self.trace.is_none() {
            self.trace.clone_from(&report.trace);
        }
        let applied = match &report.step {
            Some(step) => self.apply_step(step, report, at),
            None => self.apply_whole(report, at),
        };
        if applied == Applied::Refused {
            self.refused += 1;
        }
        applied
    }

    fn apply_whole(&mut self, report: &Report, at: i64) -> Applied {
        let known = self.whole.as_ref().map_or(1, |w| w.attempt);
        let attempt = report.attempt.unwrap_or(known);
        if attempt < known {
            return Applied::EarlierAttempt;
        }
        let ended = self.whole.as_ref().is_some_and(|w| w.progress.is_result());
        if ended && attempt == known && !report.progress.is_result() {
            return Applied::Refused;
        }
        let (error, remainder) = (report.error.clone(), report.remainder.clone());
        self.whole = Some(Whole { progress: report.progress, at, error, remainder, attempt });
        Applied::Moved
    }

    fn apply_step(&mut self, step: &str, report: &Report, at: i64) -> Applied {
        let visits = self.visits.iter().filter(|v| v.step == step).count() as u32;
        let Some(visit) = self.visits.iter_mut().rev().find(|v| v.step == step) else {
            self.visits.push(Visit::open(step, 1, report, at));
            return Applied::Moved;
        };
        match report.attempt {
            // A new start, or a result, without a number after the step had ended is rework.
            None if visit.has_ended() => {
                self.visits.push(Visit::open(step, visits + 1, report, at));
                Applied::Moved
            }
            None if visit.tried_and_waits() => visit.next_try(visit.attempt + 1, report, at),
            None => visit.same_try(report, at),
            Some(n) if n < visit.attempt => Applied::EarlierAttempt,
            Some(n) if n > visit.attempt => visit.next_try(n, report, at),
            Some(_) => visit.same_try(report, at),
        }
    }

    /// Takes in that a run of the same workflow went well at this moment. Where both are runs of a check and this one
    /// had failed before, it is what the check does that works again: nothing is left to be done about this one. A run
    /// that hangs is not ended by it. Gives whether anything is another than before.
    pub fn recover(&mut self, well_at: Moment) -> bool {
        let failed = self.whole.as_ref().filter(|w| matches!(w.progress, Progress::Failed | Progress::Partial));
        let is_open = |failed: &Whole| self.recovered_at.is_none_or(|at| at <= failed.at);
        let is_new = self.of_check && failed.is_some_and(|failed| is_open(failed) && failed.at < well_at.millis());
        if is_new {
            self.recovered_at = Some(well_at.millis());
        }
        is_new
    }

    /// Whether a person took it away: it was cancelled or skipped, as a whole or at its newest step.
    pub fn was_cancelled(&self) -> bool {
        let cancelled = |p: Progress| matches!(p, Progress::Cancelled | Progress::Skipped);
        self.whole.as_ref().is_some_and(|w| cancelled(w.progress))
            || self.visits.last().is_some_and(|v| cancelled(v.progress))
    }

    /// Whether it ended well: not failed, done in part or taken away.
    pub fn ended_well(&self) -> bool {
        let whole = self.whole.as_ref().is_none_or(|w| !w.progress.is_result() || w.progress == Progress::Succeeded);
        whole && !self.was_cancelled()
    }

    /// How it ended as a whole: as it said itself, or by the cancelling of its newest step; none where neither says it.
    pub fn ended_as(&self) -> Option<Progress> {
        let whole = self.whole.as_ref().map(|w| w.progress).filter(|p| p.is_result());
        let newest = self.visits.last().map(|v| v.progress).filter(|p| *p == Progress::Cancelled);
        whole.or(newest)
    }

    /// The newest visit of each step, in the order of their starts: only the latest is state.
    pub fn latest_visits(&self) -> impl Iterator<Item = &Visit> {
        self.visits.iter().enumerate().filter_map(|(i, visit)| {
            let again = self.visits[i + 1..].iter().any(|later| later.step == visit.step);
            (!again).then_some(visit)
        })
    }
}

impl Visit {
    fn open(step: &str, visit: u32, report: &Report, at: i64) -> Self {
        let mut opened = Self {
            step: step.to_owned(),
            visit,
            attempt: report.attempt.unwrap_or(1),
            progress: report.progress,
            started_at: at,
            attempt_at: at,
            progress_at: at,
            failing_since: is_failure(report.progress).then_some(at),
            next_attempt_at: report.next_attempt_at.map(Moment::millis),
            error: report.error.clone(),
            waiting_on: report.waiting_on.clone(),
            remainder: report.remainder.clone(),
            later_tries: Vec::new(),
            failures: Vec::new(),
        };
        opened.note_failure(report, at);
        opened
    }

    /// Ended: a result, and no further try was announced with it.
    pub fn has_ended(&self) -> bool {
        self.progress.is_result() && !self.tried_and_waits()
    }

    /// A try has failed and another one was announced.
    pub fn tried_and_waits(&self) -> bool {
        match self.progress {
            Progress::Retrying => true,
            Progress::Failed => self.next_attempt_at.is_some(),
            _ => false,
        }
    }

    fn next_try(&mut self, attempt: u32, report: &Report, at: i64) -> Applied {
        let failed_at = is_failure(self.progress).then_some(self.progress_at);
        keep_newest(&mut self.later_tries, LaterTry { attempt, at, failed_at, planned_at: self.next_attempt_at });
        self.attempt = attempt;
        self.attempt_at = at;
        self.say(report, at)
    }

    fn same_try(&mut self, report: &Report, at: i64) -> Applied {
        // A failure may say a moment later that it will be tried again; what is done cannot.
        let again = report.progress == Progress::Retrying && self.progress == Progress::Failed;
        if self.progress.is_result() && !report.progress.is_result() && !again {
            return Applied::Refused;
        }
        self.say(report, at)
    }

    fn say(&mut self, report: &Report, at: i64) -> Applied {
        self.progress = report.progress;
        self.progress_at = at;
        self.next_attempt_at = report.next_attempt_at.map(Moment::millis);
        self.waiting_on.clone_from(&report.waiting_on);
        self.remainder.clone_from(&report.remainder);
        if report.error.is_some() || report.progress == Progress::Succeeded {
            self.error.clone_from(&report.error);
        }
        if is_failure(report.progress) {
            self.failing_since.get_or_insert(at);
        } else if report.progress.is_result() {
            self.failing_since = None;
        }
        self.note_failure(report, at);
        Applied::Moved
    }

    /// Keeps what a try failed with; said again, it is the same failure.
    fn note_failure(&mut self, report: &Report, at: i64) {
        let Some(error) = report.error.as_ref().filter(|_| is_failure(report.progress)) else { return };
        self.failures.retain(|known| known.attempt != self.attempt);
        let short = |text: &str| text.chars().take(MOST_MESSAGE).collect();
        let error = Fault { code: short(&error.code), message: short(&error.message) };
        keep_newest(&mut self.failures, Failure { attempt: self.attempt, at, error });
    }
}

/// Adds one at the end, and lets the oldest go when there are too many.
fn keep_newest<T>(kept: &mut Vec<T>, new: T) {
    if kept.len() >= MOST_TRIES {
        kept.remove(0);
    }
    kept.push(new);
}

fn is_failure(progress: Progress) -> bool {
    matches!(progress, Progress::Failed | Progress::Retrying | Progress::Partial)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn at(second: i64) -> Moment {
        Moment::from_millis(1_780_000_000_000 + second * 1000)
    }

    fn heard(second: i64, mut value: Value) -> Heard {
        value["workflow"] = "w".into();
        value["run"] = "1".into();
        value["time"] = at(second).to_string().into();
        Heard { event: Event::parse(value, "t", at(second)).unwrap(), received_at: at(10_000) }
    }

    fn step(second: i64, step: &str, state: &str) -> Heard {
        heard(second, json!({"step": step, "state": state}))
    }

    fn attempt(second: i64, step: &str, attempt: u32, state: &str) -> Heard {
        heard(second, json!({"step": step, "state": state, "attempt": attempt}))
    }

    #[test]
    fn a_start_and_its_result_are_one_visit() {
        let run = fold(&[step(1, "a", "running"), step(2, "a", "succeeded"), step(3, "b", "running")]);
        let visits: Vec<_> = run.visits.iter().map(|v| (v.step.as_str(), v.visit, v.progress)).collect();
        assert_eq!(visits, [("a", 1, Progress::Succeeded), ("b", 1, Progress::Running)]);
    }

    #[test]
    fn a_result_without_a_number_after_the_step_had_ended_is_a_second_visit() {
        let run = fold(&[step(1, "a", "succeeded"), step(2, "b", "succeeded"), step(3, "a", "succeeded")]);
        let visits: Vec<_> = run.visits.iter().map(|v| (v.step.as_str(), v.visit)).collect();
        assert_eq!(visits, [("a", 1), ("b", 1), ("a", 2)]);
    }

    #[test]
    fn attempts_count_within_one_visit() {
        let run = fold(&[attempt(1, "a", 1, "failed"), attempt(2, "a", 2, "running"), attempt(3, "a", 2, "succeeded")]);
        assert_eq!((run.visits.len(), run.visits[0].attempt, run.visits[0].progress), (1, 2, Progress::Succeeded));
    }

    #[test]
    fn a_lower_attempt_never_moves_state_even_when_it_happened_later() {
        let run = fold(&[attempt(1, "a", 1, "running"), attempt(2, "a", 2, "succeeded"), attempt(3, "a", 1, "failed")]);
        assert_eq!(run.visits[0].progress, Progress::Succeeded);
    }

    #[test]
    fn done_to_running_in_the_same_attempt_is_refused_and_counted() {
        let run = fold(&[attempt(1, "a", 1, "succeeded"), attempt(2, "a", 1, "running")]);
        assert_eq!((run.visits[0].progress, run.refused), (Progress::Succeeded, 1));
    }

    #[test]
    fn a_try_that_follows_an_announced_retry_needs_no_number() {
        let run = fold(&[step(1, "a", "retrying"), step(2, "a", "retrying"), step(3, "a", "succeeded")]);
        assert_eq!((run.visits.len(), run.visits[0].attempt), (1, 3));
    }

    #[test]
    fn a_later_try_keeps_when_it_should_have_come_and_what_the_one_before_failed_with() {
        let next = at(60).to_string();
        let failed = json!({"step": "a", "state": "failed", "attempt": 1, "error": "no", "next_attempt_at": next});
        let run = fold(&[heard(1, failed), attempt(90, "a", 2, "running")]);
        let visit = &run.visits[0];
        let (failed_at, planned_at) = (Some(at(1).millis()), Some(at(60).millis()));
        assert_eq!(visit.later_tries, [LaterTry { attempt: 2, at: at(90).millis(), failed_at, planned_at }]);
        assert_eq!((visit.failures.len(), visit.failures[0].error.to_string().as_str()), (1, "no"));
    }

    #[test]
    fn a_visit_that_tries_for_ever_keeps_the_newest_tries() {
        let tries: Vec<_> = (1..100).map(|n| attempt(i64::from(n), "a", n, "failed")).collect();
        let kept = &fold(&tries).visits[0].later_tries;
        assert_eq!((kept.len(), kept[MOST_TRIES - 1].attempt), (MOST_TRIES, 99));
    }

    #[test]
    fn an_event_from_the_future_is_ordered_by_when_it_was_heard() {
        let mut early = step(99_999, "a", "succeeded");
        early.received_at = at(1);
        let run = fold(&[early, step(2, "a", "running")]);
        assert_eq!((run.visits.len(), run.visits[1].progress), (2, Progress::Running));
    }

    #[test]
    fn word_of_an_earlier_try_of_the_whole_moves_nothing() {
        let whole = |second: i64, attempt: u32, state: &str| heard(second, json!({"state": state, "attempt": attempt}));
        let run = fold(&[whole(1, 1, "running"), whole(2, 2, "succeeded"), whole(3, 1, "failed")]);
        assert_eq!(run.whole.unwrap().progress, Progress::Succeeded);
    }

    #[test]
    fn what_is_done_cannot_say_that_it_will_be_tried_again() {
        let run = fold(&[step(1, "a", "succeeded"), attempt(2, "a", 1, "retrying")]);
        assert_eq!((run.visits[0].progress, run.refused), (Progress::Succeeded, 1));
    }

    #[test]
    fn a_run_is_joined_by_what_was_named_first_whenever_that_is_heard() {
        let named = |second, name: &str| {
            heard(second, json!({"step": "a", "state": "running", "correlation": name, "trace": name}))
        };
        let run = fold(&[named(3, "late"), step(1, "a", "waiting"), named(2, "first")]);
        assert_eq!((run.correlation.as_deref(), run.trace.as_deref()), (Some("first"), Some("first")));
    }

    #[test]
    fn a_run_that_was_stored_before_anything_joined_it_reads_as_joined_by_nothing() {
        let mut stored = serde_json::to_value(fold(&[step(1, "a", "running")])).unwrap();
        let fields = stored.as_object_mut().unwrap();
        assert!(!fields.contains_key("correlation") && !fields.contains_key("trace"));
        let run: Run = serde_json::from_value(stored).unwrap();
        assert_eq!((run.correlation, run.trace), (None, None));
    }

    fn events() -> impl Strategy<Value = Vec<Heard>> {
        let one = (0i64..20, 0usize..3, 0usize..8, proptest::option::of(1u32..4), 0u32..3, 0u32..3).prop_map(
            |(second, s, p, attempt, sequence, joint)| {
                let mut value =
                    json!({"step": (["a", "b", "c"])[s], "state": Progress::ALL[p].name(), "sequence": sequence});
                if let Some(n) = attempt {
                    value["attempt"] = n.into();
                }
                if joint > 0 {
                    value["correlation"] = format!("c{joint}").into();
                    value["trace"] = format!("t{joint}").into();
                }
                heard(second, value)
            },
        );
        proptest::collection::vec(one, 0..24)
    }

    proptest! {
        #[test]
        fn any_permutation_with_any_duplication_ends_the_same(events in events(), seed in any::<u64>()) {
            let once = fold(&events);
            let mut more: Vec<_> = events.iter().chain(events.iter().filter(|_| seed & 1 == 0)).cloned().collect();
            let mut state = seed | 1;
            for i in (1..more.len()).rev() {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                more.swap(i, (state >> 33) as usize % (i + 1));
            }
            prop_assert_eq!(fold(&more), once);
        }

        #[test]
        fn one_by_one_in_order_is_the_same_as_all_at_once(events in events()) {
            let mut sorted: Vec<_> = events.iter().collect();
            sorted.sort_by_key(|h| h.report().map(|(_, key)| key));
            sorted.dedup_by_key(|h| h.event.identity);
            let mut run = Run::default();
            for h in &sorted {
                let (report, key) = h.report().unwrap();
                prop_assert!(run.takes_next(&key));
                run.apply(report, key, h.event.time);
            }
            prop_assert_eq!(run, fold(&events));
        }

        #[test]
        fn the_stored_state_reads_back_the_same(events in events()) {
            let run = fold(&events);
            let text = serde_json::to_string(&run).unwrap();
            prop_assert_eq!(serde_json::from_str::<Run>(&text).unwrap(), run);
        }
    }
}
