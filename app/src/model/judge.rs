//! Judging one run: what is watched about it, in which state, and when it must be looked at again.

use super::book::{Step, Workflow};
use super::event::{Fault, Progress};
use super::moment::{Moment, Span};
use super::problem::{Helpless, Kind, cause};
use super::run::{Run, Visit};
use super::status::State;

/// How long after its announced time a next try is still in time.
pub(super) const TRY_GRACE: Span = Span::from_minutes(1);

/// How long a retry without any announced or declared time is believed.
const TRY_UNKNOWN: Span = Span::from_minutes(60);

/// From this many failed tries on retrying is a problem where no policy says how many there may be.
const MANY_TRIES: u32 = 3;

/// One place of an open run that is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watch {
    /// The step; the last one left when the run is between steps.
    pub step: String,
    /// Whether the run has left that step and has not reached the next one.
    pub between: bool,
    /// Whether another try is under way after one that failed: a retry is not a success yet.
    pub trying_again: bool,
    /// Its state; never `NoSignal` or `Paused` for a single run.
    pub state: State,
    /// What sort of problem it is part of; none while on track, and in the first half of its tries.
    pub kind: Option<Kind>,
    /// What makes it one problem with others at its place (`problem::cause`).
    pub cause: String,
    /// Why it will not recover by itself, where it will not.
    pub helpless: Option<Helpless>,
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
        return Judged { watches: failed_whole(run, declared).into_iter().collect(), ended_at: Some(ended_at) };
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
    {
        let failed = matches!(whole.progress, Progress::Failed | Progress::Partial);
        if !run.visits.iter().any(|v| goes_on(v, whole.at, failed)) {
            return Some(Moment::from_millis(whole.at));
        }
    }
    let declared = declared?;
    let latest: Vec<_> = run.latest_visits().collect();
    let good = |v: &Visit| matches!(v.progress, Progress::Succeeded | Progress::Skipped | Progress::Cancelled);
    let all_good = latest.iter().all(|v| good(v));
    let cancelled = latest.last().is_some_and(|v| v.progress == Progress::Cancelled) && all_good;
    let edges = declared.edges();
    let mut last_steps = declared.steps.iter().filter(|s| !edges.iter().any(|(from, _)| *from == s.id)).peekable();
    let all_left =
        last_steps.peek().is_some() && last_steps.all(|s| latest.iter().any(|v| v.step == s.id && good(v))) && all_good;
    (all_left || cancelled)
        .then(|| Moment::from_millis(latest.iter().map(|v| v.progress_at).max().unwrap_or(run.last_at)))
}

/// Whether a visit says that its run goes on after it had ended: it began later and is not over well; or, where the
/// run had failed, one of its steps was sent again and did not fail.
fn goes_on(visit: &Visit, ended_at: i64, failed: bool) -> bool {
    match visit.progress {
        Progress::Waiting | Progress::Running | Progress::Retrying if failed => visit.progress_at > ended_at,
        Progress::Succeeded => failed && visit.progress_at > ended_at,
        Progress::Skipped | Progress::Cancelled => false,
        _ => visit.started_at > ended_at,
    }
}

/// A run that ended as failed needs a person, until a later one of the same check went well; its place is the last step
/// that failed, or the last one at all.
fn failed_whole(run: &Run, declared: Option<&Workflow>) -> Option<Watch> {
    let whole = run.whole.as_ref().filter(|w| matches!(w.progress, Progress::Failed | Progress::Partial))?;
    if run.recovered_at.is_some_and(|at| whole.at < at) {
        return None;
    }
    let visit = run.latest_visits().filter(|v| v.failing_since.is_some()).last().or(run.visits.last());
    let step = visit.and_then(|v| declared?.step(&v.step));
    let error = whole.error.as_ref().or(visit.and_then(|v| v.error.as_ref()));
    let cause = error.map(|e| cause(step, e)).unwrap_or_default();
    let kind = if whole.progress == Progress::Partial { Kind::Partial } else { Kind::Failed };
    let left = whole.remainder.as_ref().map(ToString::to_string);
    Some(Watch {
        kind: Some(kind),
        helpless: Some(helpless(step, visit.map_or(1, |v| v.attempt), error)),
        error: left.or(error.map(ToString::to_string)).unwrap_or_default(),
        cause,
        attempt: visit.map_or(1, |v| v.attempt),
        ..Watch::at(
            visit.map(|v| v.step.as_str()).unwrap_or_default(),
            State::Broken,
            Moment::from_millis(visit.and_then(|v| v.failing_since).unwrap_or(whole.at)),
        )
    })
}

/// How many tries have failed where a run is watched, and when the last one did. What is told of one try is told once,
/// and what failed and is tried again now has failed one time less.
pub fn failures(run: &Run, watch: &Watch) -> (u32, Moment) {
    if let Some(whole) = run.whole.as_ref().filter(|_| watch.step.is_empty()) {
        return (whole.attempt.max(1), Moment::from_millis(whole.at));
    }
    let failing = run.latest_visits().find(|v| v.step == watch.step && v.failing_since.is_some());
    let Some(visit) = failing else { return (1, watch.since) };
    match visit.progress {
        Progress::Failed | Progress::Retrying | Progress::Partial => {
            (visit.attempt.max(1), Moment::from_millis(visit.progress_at))
        }
        _ => {
            let last = visit.failures.last().map_or(watch.since, |failure| Moment::from_millis(failure.at));
            (visit.attempt.saturating_sub(1).max(1), last)
        }
    }
}

/// `failed` of the first try, `failed 6 times` of the sixth.
pub fn failed_times(times: u32) -> String {
    if times <= 1 { "failed".to_owned() } else { format!("failed {times} times") }
}

/// Why nothing will try again.
fn helpless(step: Option<&Step>, attempt: u32, error: Option<&Fault>) -> Helpless {
    let policy = step.and_then(|s| s.retry.as_ref());
    match policy {
        _ if step.zip(error).is_some_and(|(step, error)| !can_retry(step, error)) => Helpless::NotRetryable,
        Some(policy) if policy.max_attempts > 1 && attempt >= policy.max_attempts => Helpless::Exhausted,
        _ => Helpless::NoRetry,
    }
}

/// Whether another try can help: the failure point that matches may say that it cannot.
fn can_retry(step: &Step, error: &Fault) -> bool {
    let point = step.failure_points.iter().find(|p| p.matches(error));
    point.is_none_or(|p| p.retryable != Some(false))
}

fn watch_visit(visit: &Visit, step: Option<&Step>, run_due: Option<Moment>, now: Moment) -> Option<Watch> {
    let moment = |ms: i64| Moment::from_millis(ms);
    let policy = step.and_then(|s| s.retry.as_ref());
    let failing_since = visit.failing_since.map(moment);
    let mut watch = Watch {
        attempt: visit.attempt,
        error: visit.error.as_ref().map(ToString::to_string).unwrap_or_default(),
        ..Watch::at(&visit.step, State::OnTrack, moment(visit.attempt_at))
    };
    let error = visit.error.as_ref().filter(|_| failing_since.is_some());
    watch.cause = error.map(|e| cause(step, e)).unwrap_or_default();
    match visit.progress {
        Progress::Succeeded | Progress::Skipped | Progress::Cancelled => return None,
        Progress::Partial => {
            watch.error = visit.remainder.as_ref().map_or(watch.error, ToString::to_string);
            watch.kind = Some(Kind::Partial);
            watch.helpless = Some(helpless(step, visit.attempt, error));
            watch.state = State::Broken;
            watch.since = failing_since.unwrap_or(moment(visit.progress_at));
            return Some(watch);
        }
        Progress::Waiting | Progress::Running => {
            let step_due = step.and_then(|s| s.finish_within).map(|within| moment(visit.attempt_at) + within);
            watch.due_at = [step_due, run_due].into_iter().flatten().min();
            if let Some(since) = failing_since {
                watch.trying_again = true;
                watch.state = State::Retrying;
                watch.since = since;
                watch.kind = is_problem(visit.attempt - 1, step).then_some(Kind::Retrying);
            }
        }
        Progress::Failed | Progress::Retrying => {
            let announced = visit.next_attempt_at.map(moment);
            let helps = step.zip(error).is_none_or(|(step, error)| can_retry(step, error));
            let left = policy.filter(|policy| helps && visit.attempt < policy.max_attempts);
            // A policy that does not say how long it waits leaves tries, but no time for the next one.
            let by_policy =
                || Some(moment(visit.progress_at) + left.filter(|p| p.first.is_some())?.wait_after(visit.attempt)?);
            let next = announced.or_else(by_policy);
            watch.since = failing_since.unwrap_or(moment(visit.progress_at));
            if visit.progress == Progress::Failed && announced.is_none() && left.is_none() {
                watch.state = State::Broken;
                watch.kind = Some(Kind::Failed);
                watch.helpless = Some(helpless(step, visit.attempt, error));
                return Some(watch);
            }
            watch.state = State::Retrying;
            watch.kind = is_problem(visit.attempt, step).then_some(Kind::Retrying);
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

/// Whether this many failed tries are past half the policy; without a policy from the third on.
fn is_problem(failed: u32, step: Option<&Step>) -> bool {
    match step.and_then(|s| s.retry.as_ref()) {
        Some(policy) => failed.saturating_mul(2) > policy.max_attempts,
        None => failed >= MANY_TRIES,
    }
}

fn between(run: &Run, run_due: Option<Moment>, now: Moment) -> Watch {
    let last = run.visits.last();
    let since = Moment::from_millis(last.map_or(run.started_at, |v| v.progress_at));
    let step = last.map(|v| v.step.as_str()).unwrap_or_default();
    late_if_over(Watch { between: true, due_at: run_due, ..Watch::at(step, State::OnTrack, since) }, now)
}

impl Watch {
    /// A watch at a step about which nothing else is known.
    pub fn at(step: &str, state: State, since: Moment) -> Self {
        Self {
            step: step.to_owned(),
            between: false,
            trying_again: false,
            state,
            kind: None,
            cause: String::new(),
            helpless: None,
            since,
            due_at: None,
            next_attempt_at: None,
            gives_up_at: None,
            attempt: 1,
            error: String::new(),
        }
    }
}

/// Past its time: Late since then, until something is heard.
fn late_if_over(watch: Watch, now: Moment) -> Watch {
    match watch.due_at {
        Some(due) if due <= now => {
            Watch { state: State::Late, kind: Some(Kind::Stuck), since: due, due_at: None, ..watch }
        }
        _ => watch,
    }
}

#[cfg(test)]
mod tests {
    use super::super::event::Event;
    use super::super::run::{Heard, fold};
    use super::*;
    use proptest::prelude::*;
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

    fn run(events: &[(i64, Value)]) -> Run {
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
        fold(&heard)
    }

    fn judged(events: &[(i64, Value)], now: i64) -> Judged {
        judge(&run(events), Some(&workflow()), at(now))
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
    fn what_failed_six_times_says_so_and_when_it_last_did() {
        let failed = |events: &[(i64, Value)]| {
            let run = run(events);
            let judged = judge(&run, Some(&workflow()), at(1_000));
            failures(&run, judged.worst().unwrap())
        };
        let of = |attempt: u32, state: &str| json!({"step": "b", "state": state, "attempt": attempt});
        assert_eq!(failed(&[(0, of(1, "failed"))]), (1, at(0)));
        let tries: Vec<_> = (1..=6).map(|n| (i64::from(n) * 10, of(n, "failed"))).collect();
        assert_eq!(failed(&tries), (6, at(60)), "not at 10, since when it fails");
        // One that is under way has not failed yet.
        assert_eq!(failed(&[(0, of(2, "failed")), (10, of(3, "running"))]).0, 2);
        // A run that failed as a whole says nothing of tries of a step that did not.
        assert_eq!(failed(&[(0, of(4, "succeeded")), (10, json!({"state": "failed"}))]), (1, at(10)));
        assert_eq!(["failed", "failed 6 times"].map(str::to_owned), [failed_times(1), failed_times(6)]);
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

    #[test]
    fn another_try_that_runs_is_still_retrying_and_no_success() {
        let judged = judged(
            &[
                (0, json!({"step": "b", "state": "failed", "attempt": 1, "error": {"code": "503"}})),
                (30, json!({"step": "b", "state": "running", "attempt": 2})),
            ],
            40,
        );
        let watch = &judged.watches[0];
        assert_eq!((watch.state, watch.trying_again, watch.since), (State::Retrying, true, at(0)));
        assert_eq!((watch.kind, watch.cause.as_str()), (None, "code:503"));
    }

    #[test]
    fn retrying_is_a_problem_past_half_the_policy() {
        let tries = |n: u32| {
            let judged = judged(&[(0, json!({"step": "b", "state": "failed", "attempt": n}))], 1);
            judged.watches[0].kind
        };
        assert_eq!((tries(1), tries(2), tries(3)), (None, Some(Kind::Retrying), Some(Kind::Failed)));
    }

    #[test]
    fn a_failure_that_no_try_can_help_is_broken_at_once_and_says_why() {
        let mut workflow = workflow();
        workflow.steps[1].failure_points = vec![
            serde_json::from_value(json!({"id": "blocked", "when": {"code": "423"}, "retryable": false})).unwrap(),
        ];
        let event = json!({"workflow": "w", "run": "1", "step": "b", "state": "failed", "attempt": 1,
            "time": at(0).to_string(), "error": {"code": "423", "message": "customer is blocked"}});
        let heard = Heard { event: Event::parse(event, "t", at(0)).unwrap(), received_at: at(0) };
        let judged = judge(&fold(&[heard]), Some(&workflow), at(1));
        let watch = &judged.watches[0];
        assert_eq!((watch.state, watch.helpless), (State::Broken, Some(Helpless::NotRetryable)));
        assert_eq!(watch.cause, "failure:blocked");
    }

    #[test]
    fn a_run_that_failed_and_is_sent_again_goes_on() {
        let sent = [
            (0, json!({"step": "b", "state": "failed", "attempt": 3})),
            (1, json!({"state": "failed", "error": "held"})),
            (600, json!({"step": "b", "state": "running", "attempt": 4})),
        ];
        let again = judged(&sent, 601);
        assert_eq!((again.ended_at, again.state()), (None, State::Retrying));
        assert_eq!(again.watches[0].kind, Some(Kind::Retrying));
    }

    #[test]
    fn a_run_done_in_part_says_how_much_is_left() {
        let judged = judged(
            &[(0, step("b", "succeeded")), (1, json!({"state": "partial", "remainder": {"done": 97, "total": 100}}))],
            2,
        );
        let watch = &judged.watches[0];
        assert_eq!((watch.kind, watch.error.as_str()), (Some(Kind::Partial), "97 of 100 done"));
    }

    #[test]
    fn a_policy_that_does_not_say_how_long_it_waits_has_tries_left_at_no_known_time() {
        let mut workflow = workflow();
        workflow.steps[1].retry = Some(serde_json::from_value(json!({"max_attempts": 3})).unwrap());
        let event = json!({"workflow": "w", "run": "1", "step": "b", "state": "failed", "time": at(0).to_string()});
        let heard = Heard { event: Event::parse(event, "t", at(0)).unwrap(), received_at: at(0) };
        let watch = judge(&fold(&[heard]), Some(&workflow), at(120)).watches.remove(0);
        assert_eq!((watch.state, watch.next_attempt_at), (State::Retrying, None));
    }

    #[test]
    fn a_cancelled_step_hides_no_broken_one() {
        let judged = judged(
            &[
                (0, step("a", "succeeded")),
                (1, json!({"step": "b", "state": "failed", "attempt": 3})),
                (2, step("c", "cancelled")),
            ],
            3,
        );
        assert_eq!((judged.state(), judged.ended_at), (State::Broken, None));
    }

    #[test]
    fn a_last_word_of_a_step_does_not_open_a_run_that_has_ended() {
        let cancelled = [(0, step("b", "running")), (5, json!({"state": "cancelled"})), (6, step("c", "skipped"))];
        assert_eq!(judged(&cancelled, 9_999).ended_at, Some(at(5)));
    }

    /// Events of one run with tries, announced times, and clocks that are up to an hour wrong.
    fn histories() -> impl Strategy<Value = Vec<Heard>> {
        let one = (0i64..3_600, -3_600i64..3_600, 0usize..4, 0usize..8, proptest::option::of(1u32..5), 0i64..3);
        let one = one.prop_map(|(second, skew, s, p, attempt, next)| {
            let mut body = json!({"workflow": "w", "run": "1", "state": Progress::ALL[p].name(),
                "time": at(second + skew).to_string()});
            if s < 3 {
                body["step"] = (["a", "b", "c"])[s].into();
            }
            if let Some(n) = attempt {
                body["attempt"] = n.into();
            }
            if next == 1 {
                body["next_attempt_at"] = at(second + 600).to_string().into();
            }
            Heard { event: Event::parse(body, "t", at(second)).unwrap(), received_at: at(second) }
        });
        proptest::collection::vec(one, 1..16)
    }

    proptest! {
        /// The law of deadlines: between two looks nothing changes by time alone, unless a watch said when. So a portal
        /// that was down, at any time and for any time, finds at its next look what it would have found without that.
        #[test]
        fn time_changes_nothing_before_it_was_said_to_and_something_then(
            events in histories(), first in 0i64..10_000, later in 0i64..10_000
        ) {
            let run = fold(&events);
            let before = judge(&run, Some(&workflow()), at(first));
            let now = at(first + later);
            let after = judge(&run, Some(&workflow()), now);
            prop_assert_eq!(before.watches.len(), after.watches.len());
            prop_assert_eq!(before.ended_at, after.ended_at);
            for (was, is) in before.watches.iter().zip(&after.watches) {
                match was.due_at {
                    Some(due) if due <= now => {
                        prop_assert_eq!((is.state, is.since, is.due_at), (State::Late, due, None));
                    }
                    _ => prop_assert_eq!(was, is),
                }
            }
        }

        /// What is judged is the same for any order and any repetition of what was heard: state, kind, cause, since
        /// when, and when it is due.
        #[test]
        fn the_same_is_judged_in_whatever_order_it_was_heard(events in histories(), seed in any::<u64>(), now in 0i64..20_000) {
            let mut more: Vec<_> = events.iter().chain(events.iter().filter(|_| seed & 1 == 0)).cloned().collect();
            more.rotate_left(seed as usize % events.len());
            if seed & 2 == 0 {
                more.reverse();
            }
            let judged = |events: &[Heard]| judge(&fold(events), Some(&workflow()), at(now));
            prop_assert_eq!(judged(&more), judged(&events));
        }
    }
}
