//! Judging one run: what is watched about it, in which state, and when it must be looked at again.

use super::book::{Step, Workflow};
use super::event::Progress;
use super::moment::{Moment, Span};
use super::run::{Run, Visit};
use super::status::State;

/// How long after its announced time a next try is still in time.
const TRY_GRACE: Span = Span::from_minutes(1);

/// How long a retry without any announced or declared time is believed.
const TRY_UNKNOWN: Span = Span::from_minutes(60);

/// One place of an open run that is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watch {
    /// The step; the last one left when the run is between steps.
    pub step: String,
    /// Whether the run has left that step and has not reached the next one.
    pub between: bool,
    /// Its state; never `NoSignal` or `Paused` for a single run.
    pub state: State,
    /// Since when: the try began, the failure began, or the time was over.
    pub since: Moment,
    /// When it must be judged again, if nothing is heard; none when only an event can change it.
    pub due_at: Option<Moment>,
    /// When the next try is due, as reported or by the declared policy.
    pub next_attempt_at: Option<Moment>,
    /// When the declared policy gives up, if every further try fails at once.
    pub gives_up_at: Option<Moment>,
    /// The newest try.
    pub attempt: u32,
    /// The last error in words; empty when there was none.
    pub error: String,
}

/// What is to be said of a run at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// What is watched; empty once the run has ended.
    pub watches: Vec<Watch>,
    /// When it ended.
    pub ended_at: Option<Moment>,
}

impl Judged {
    /// The watch that needs a person most; among equals the newest place.
    pub fn worst(&self) -> Option<&Watch> {
        self.watches.iter().max_by_key(|w| w.state)
    }

    /// The state of the run: that of its worst place; On track once it has ended.
    pub fn state(&self) -> State {
        self.worst().map_or(State::OnTrack, |w| w.state)
    }
}

/// Judges a run by what the book expects of it (`declared`, if it does) at `now`.
pub fn judge(run: &Run, declared: Option<&Workflow>, now: Moment) -> Judged {
    if run.events == 0 {
        return Judged { watches: Vec::new(), ended_at: None };
    }
    if let Some(ended_at) = ended_at(run, declared) {
        return Judged { watches: failed_whole(run).into_iter().collect(), ended_at: Some(ended_at) };
    }
    let run_due =
        declared.and_then(|w| w.expect.finish_within).map(|within| Moment::from_millis(run.started_at) + within);
    let mut watches: Vec<Watch> = run
        .latest_visits()
        .filter_map(|visit| {
            let step = declared.and_then(|w| w.step(&visit.step));
            watch_visit(visit, step, run_due, now)
        })
        .collect();
    if watches.is_empty() {
        watches.push(between(run, run_due, now));
    }
    Judged { watches, ended_at: None }
}

/// When a run has ended: it said so, or every last declared step was left and nothing is open.
fn ended_at(run: &Run, declared: Option<&Workflow>) -> Option<Moment> {
    if let Some(whole) = &run.whole
        && whole.progress.is_result()
        && run.visits.iter().all(|v| v.started_at <= whole.at)
    {
        return Some(Moment::from_millis(whole.at));
    }
    let declared = declared?;
    let latest: Vec<_> = run.latest_visits().collect();
    let good = |v: &Visit| matches!(v.progress, Progress::Succeeded | Progress::Skipped | Progress::Cancelled);
    let cancelled = latest.last().is_some_and(|v| v.progress == Progress::Cancelled);
    let edges = declared.edges();
    let mut last_steps = declared.steps.iter().filter(|s| !edges.iter().any(|(from, _)| *from == s.id)).peekable();
    let all_left = last_steps.peek().is_some()
        && last_steps.all(|s| latest.iter().any(|v| v.step == s.id && good(v)))
        && latest.iter().all(|v| good(v));
    (all_left || cancelled)
        .then(|| Moment::from_millis(latest.iter().map(|v| v.progress_at).max().unwrap_or(run.last_at)))
}

/// A run that ended as failed needs a person; its place is the last step that failed, or the last one at all.
fn failed_whole(run: &Run) -> Option<Watch> {
    let whole = run.whole.as_ref().filter(|w| matches!(w.progress, Progress::Failed | Progress::Partial))?;
    let visit = run.latest_visits().filter(|v| v.failing_since.is_some()).last().or(run.visits.last());
    let error = whole.error.as_ref().or(visit.and_then(|v| v.error.as_ref()));
    Some(Watch {
        step: visit.map(|v| v.step.clone()).unwrap_or_default(),
        between: false,
        state: State::Broken,
        since: Moment::from_millis(visit.and_then(|v| v.failing_since).unwrap_or(whole.at)),
        due_at: None,
        next_attempt_at: None,
        gives_up_at: None,
        attempt: visit.map_or(1, |v| v.attempt),
        error: error.map(ToString::to_string).unwrap_or_default(),
    })
}

fn watch_visit(visit: &Visit, step: Option<&Step>, run_due: Option<Moment>, now: Moment) -> Option<Watch> {
    let moment = |ms: i64| Moment::from_millis(ms);
    let policy = step.and_then(|s| s.retry.as_ref());
    let mut watch = Watch {
        step: visit.step.clone(),
        between: false,
        state: State::OnTrack,
        since: moment(visit.attempt_at),
        due_at: None,
        next_attempt_at: None,
        gives_up_at: None,
        attempt: visit.attempt,
        error: visit.error.as_ref().map(ToString::to_string).unwrap_or_default(),
    };
    let failing_since = moment(visit.failing_since.unwrap_or(visit.progress_at));
    match visit.progress {
        Progress::Succeeded | Progress::Skipped | Progress::Cancelled => return None,
        Progress::Partial => {
            let left = visit.remainder.as_ref().map(|r| format!("{} of {} done", r.done, r.total));
            watch.error = left.unwrap_or(watch.error);
            return Some(Watch { state: State::Broken, since: failing_since, ..watch });
        }
        Progress::Waiting | Progress::Running => {
            let step_due = step.and_then(|s| s.finish_within).map(|within| moment(visit.attempt_at) + within);
            watch.due_at = [step_due, run_due].into_iter().flatten().min();
        }
        Progress::Failed | Progress::Retrying => {
            let announced = visit.next_attempt_at.map(moment);
            let by_policy = || Some(moment(visit.progress_at) + policy?.wait_after(visit.attempt)?);
            let next = announced.or_else(by_policy);
            if visit.progress == Progress::Failed && next.is_none() {
                return Some(Watch { state: State::Broken, since: failing_since, ..watch });
            }
            watch.state = State::Retrying;
            watch.since = failing_since;
            watch.next_attempt_at = next;
            watch.gives_up_at = next.and_then(|next| {
                let policy = policy?;
                let waits = (visit.attempt + 1..policy.max_attempts).filter_map(|n| policy.wait_after(n));
                Some(waits.fold(next, |at, wait| at + wait))
            });
            let try_due = next.map_or(moment(visit.progress_at) + TRY_UNKNOWN, |next| next + TRY_GRACE);
            watch.due_at = [Some(try_due), run_due].into_iter().flatten().min();
        }
    }
    Some(late_if_over(watch, now))
}

fn between(run: &Run, run_due: Option<Moment>, now: Moment) -> Watch {
    let last = run.visits.last();
    let watch = Watch {
        step: last.map(|v| v.step.clone()).unwrap_or_default(),
        between: true,
        state: State::OnTrack,
        since: Moment::from_millis(last.map_or(run.started_at, |v| v.progress_at)),
        due_at: run_due,
        next_attempt_at: None,
        gives_up_at: None,
        attempt: 1,
        error: String::new(),
    };
    late_if_over(watch, now)
}

/// Past its time: Late since then, until something is heard.
fn late_if_over(watch: Watch, now: Moment) -> Watch {
    match watch.due_at {
        Some(due) if due <= now => Watch { state: State::Late, since: due, due_at: None, ..watch },
        _ => watch,
    }
}

#[cfg(test)]
mod tests {
    use super::super::event::Event;
    use super::super::run::{Heard, fold};
    use super::*;
    use serde_json::{Value, json};

    fn at(second: i64) -> Moment {
        Moment::from_millis(1_780_000_000_000 + second * 1000)
    }

    fn workflow() -> Workflow {
        serde_json::from_value(json!({"id": "w", "name": "W", "expect": {"finish_within": "30m"}, "steps": [
            {"id": "a", "name": "A"},
            {"id": "b", "name": "B", "finish_within": "5m",
             "retry": {"max_attempts": 3, "backoff": "exponential", "first": "30s", "factor": 2.0}},
            {"id": "c", "name": "C"}]}))
        .unwrap()
    }

    fn judged(events: &[(i64, Value)], now: i64) -> Judged {
        let heard: Vec<_> = events
            .iter()
            .map(|(second, value)| {
                let mut value = value.clone();
                value["workflow"] = "w".into();
                value["run"] = "1".into();
                value["time"] = at(*second).to_string().into();
                Heard { event: Event::parse(value, "t", at(*second)).unwrap(), received_at: at(*second) }
            })
            .collect();
        judge(&fold(&heard), Some(&workflow()), at(now))
    }

    fn step(step: &str, state: &str) -> Value {
        json!({"step": step, "state": state})
    }

    #[test]
    fn a_step_inside_its_time_is_on_track_and_says_when_to_look_again() {
        let judged = judged(&[(0, step("b", "running"))], 60);
        assert_eq!((judged.state(), judged.watches[0].due_at), (State::OnTrack, Some(at(300))));
    }

    #[test]
    fn a_step_past_its_time_is_late_since_that_time() {
        let judged = judged(&[(0, step("b", "running"))], 300);
        assert_eq!((judged.state(), judged.watches[0].since, judged.watches[0].due_at), (State::Late, at(300), None));
    }

    #[test]
    fn a_run_between_two_steps_is_late_when_the_run_is() {
        assert_eq!(judged(&[(0, step("a", "succeeded"))], 1799).state(), State::OnTrack);
        let late = judged(&[(0, step("a", "succeeded"))], 1800);
        assert_eq!((late.state(), late.watches[0].between, late.watches[0].step.as_str()), (State::Late, true, "a"));
    }

    #[test]
    fn a_failure_with_tries_left_by_the_policy_is_retrying_with_the_next_one_and_when_it_gives_up() {
        let judged = judged(&[(0, json!({"step": "b", "state": "failed", "attempt": 1}))], 10);
        let watch = &judged.watches[0];
        assert_eq!(
            (watch.state, watch.next_attempt_at, watch.gives_up_at),
            (State::Retrying, Some(at(30)), Some(at(90)))
        );
    }

    #[test]
    fn a_next_try_that_did_not_come_is_late() {
        assert_eq!(judged(&[(0, json!({"step": "b", "state": "failed", "attempt": 1}))], 90).state(), State::Late);
    }

    #[test]
    fn a_failure_on_the_last_try_is_broken_since_the_first_failure() {
        let judged = judged(
            &[
                (0, json!({"step": "b", "state": "failed", "attempt": 1})),
                (30, json!({"step": "b", "state": "failed", "attempt": 2})),
                (90, json!({"step": "b", "state": "failed", "attempt": 3})),
            ],
            100,
        );
        assert_eq!((judged.state(), judged.watches[0].since), (State::Broken, at(0)));
    }

    #[test]
    fn leaving_the_last_step_ends_the_run_and_every_watch() {
        let judged =
            judged(&[(0, step("a", "succeeded")), (1, step("b", "succeeded")), (2, step("c", "succeeded"))], 9_999);
        assert_eq!((judged.ended_at, judged.watches.len()), (Some(at(2)), 0));
    }

    #[test]
    fn a_terminal_event_of_the_run_ends_every_watch() {
        let judged = judged(&[(0, step("b", "running")), (9, json!({"state": "cancelled"}))], 9_999);
        assert_eq!((judged.state(), judged.ended_at), (State::OnTrack, Some(at(9))));
    }

    #[test]
    fn a_run_that_ended_as_failed_needs_a_person() {
        let judged = judged(&[(0, step("b", "running")), (9, json!({"state": "failed", "error": "no stock"}))], 9_999);
        assert_eq!((judged.state(), judged.watches[0].error.as_str()), (State::Broken, "no stock"));
    }
}
