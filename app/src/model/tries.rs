//! The tries of a visit: which came late and by how much, which are alike, what is still planned, and what was declared
//! against what was observed.

use super::book::{Retry, Step};
use super::event::{Fault, Progress};
use super::hourly::{error_name, late_by, planned_at};
use super::moment::{Moment, Span};
use super::run::{LaterTry, Visit};
use super::story::Line;
use super::verdict::count_of;

/// How many planned tries are told at most.
const MOST_PLANNED: usize = 12;

/// So many alike are told as one; fewer stand for themselves.
const ENOUGH_ALIKE: usize = 2;

/// One try of a visit, as it was told.
#[derive(Debug, Clone, PartialEq)]
pub struct Try {
    /// Which, from 1.
    pub attempt: u32,
    /// When it was first heard of.
    pub at: Moment,
    /// When it was over; none while it goes on.
    pub ended_at: Option<Moment>,
    /// What was said of it last.
    pub progress: Progress,
    /// What it failed with.
    pub error: Option<Fault>,
    /// When the one after it was announced for.
    pub next_at: Option<Moment>,
    /// When it should have come: as announced, or by the policy. None for the first.
    pub planned_at: Option<Moment>,
    /// By how much it came later than that; none where it came in time.
    pub late_by: Option<Span>,
}

impl Try {
    fn has_failed(&self) -> bool {
        matches!(self.progress, Progress::Failed | Progress::Retrying)
    }

    /// Whether two tries failed with the same, and in time. One that came late always stands for itself.
    fn is_like(&self, other: &Self) -> bool {
        let failed = self.has_failed() && other.has_failed();
        let name = |tried: &Self| tried.error.as_ref().map(error_name);
        failed && self.late_by.is_none() && other.late_by.is_none() && name(self) == name(other)
    }
}

/// Every try of a visit that its story tells, oldest first.
pub fn tries(visit: &Visit, step: Option<&Step>, lines: &[Line<'_>]) -> Vec<Try> {
    let mut tries: Vec<Try> = Vec::new();
    for line in lines.iter().filter(|l| l.visit == visit.visit && !l.marks.contains(&"refused")) {
        let Some((report, _)) = line.stored.heard.report() else { continue };
        if report.step.as_deref() != Some(visit.step.as_str()) {
            continue;
        }
        let over = report.progress.is_result() || report.progress == Progress::Retrying;
        match tries.iter_mut().find(|t| t.attempt == line.attempt) {
            Some(known) => {
                known.progress = report.progress;
                known.ended_at = over.then_some(line.at);
                known.next_at = report.next_attempt_at;
                known.error = report.error.clone().or(known.error.take());
            }
            None => tries.push(Try {
                attempt: line.attempt,
                at: line.at,
                ended_at: over.then_some(line.at),
                progress: report.progress,
                error: report.error.clone(),
                next_at: report.next_attempt_at,
                planned_at: None,
                late_by: None,
            }),
        }
    }
    tries.sort_by_key(|t| t.attempt);
    for i in 1..tries.len() {
        let (before, again) = (&tries[i - 1], &tries[i]);
        let again = LaterTry {
            attempt: again.attempt,
            at: again.at.millis(),
            failed_at: before.ended_at.filter(|_| before.has_failed()).map(Moment::millis),
            planned_at: before.next_at.map(Moment::millis),
        };
        // What is not known of the one before says nothing of when this one should have come.
        if again.attempt == before.attempt + 1 {
            (tries[i].planned_at, tries[i].late_by) = (planned_at(&again, step), late_by(&again, step));
        }
    }
    tries
}

/// The tries in parts, in order: one that stands for itself, or several that failed alike. The first of what failed
/// alike, the last failure of all, and whatever came late stand for themselves.
pub fn folded(tries: &[Try]) -> Vec<&[Try]> {
    let last_failure = tries.iter().rposition(Try::has_failed);
    let mut parts = Vec::new();
    let mut from = 0;
    while from < tries.len() {
        parts.push(&tries[from..=from]);
        let more = tries[from + 1..].iter().take_while(|again| again.is_like(&tries[from])).count();
        let mut until = from + 1 + more;
        if more > 0 && Some(until - 1) == last_failure {
            until -= 1;
        }
        let alike = &tries[from + 1..until];
        if alike.len() >= ENOUGH_ALIKE {
            parts.push(alike);
        } else {
            parts.extend(alike.chunks(1));
        }
        from = until;
    }
    parts
}

/// When further tries come: the next one, and by the policy those after it if each fails at once. Once the next one is
/// overdue nothing is known of the others.
pub fn planned(policy: Option<&Retry>, attempt: u32, next: Moment, now: Moment) -> Vec<Moment> {
    let mut planned = vec![next];
    if next < now {
        return planned;
    }
    let waits = policy.into_iter().flat_map(|p| (attempt + 1..p.max_attempts).filter_map(|n| p.wait_after(n)));
    for wait in waits.take(MOST_PLANNED - 1) {
        planned.push(planned[planned.len() - 1] + wait);
    }
    planned
}

/// The policy against what was observed: `Declared: 6 tries, 30 s to 30 min apart. Observed: 4 tries, 2 to 31 min
/// apart.` None where there is no policy and nothing was tried twice.
pub fn against_policy(policy: Option<&Retry>, tries: &[Try]) -> Option<String> {
    if tries.len() < 2 && policy.is_none_or(|p| p.max_attempts < 2) {
        return None;
    }
    let apart = |spans: &[Span]| {
        let (least, most) = (spans.iter().min()?, spans.iter().max()?);
        Some(format!(", {} apart", between(*least, *most)))
    };
    let told = |n: usize, spans: &[Span]| {
        let n = if n == 1 { "1 try".to_owned() } else { count_of(n as i64, "tries") };
        format!("{n}{}", apart(spans).unwrap_or_default())
    };
    let declared = match policy {
        None => "The book declares no tries.".to_owned(),
        Some(policy) => {
            let waits = (1..policy.max_attempts).filter_map(|n| policy.wait_after(n));
            let waits: Vec<_> = waits.filter(|_| policy.first.is_some()).collect();
            format!("Declared: {}.", told(policy.max_attempts as usize, &waits))
        }
    };
    let gaps: Vec<Span> = tries.windows(2).map(|two| gap(&two[0], &two[1])).collect();
    let late: Vec<Span> = tries.iter().filter_map(|t| t.late_by).collect();
    let late = match (late.len(), late.iter().max()) {
        (1, Some(most)) => format!(" 1 came {} late.", most.words()),
        (n, Some(most)) => format!(" {n} came late, by up to {}.", most.words()),
        (_, None) => String::new(),
    };
    let observed = if tries.is_empty() { "none yet".to_owned() } else { told(tries.len(), &gaps) };
    Some(format!("{declared} Observed: {observed}.{late}"))
}

/// How long after one try the next one came: after its end, where that is known.
fn gap(before: &Try, again: &Try) -> Span {
    let from = before.ended_at.filter(|ended| *ended <= again.at).unwrap_or(before.at);
    Span::from_millis(again.at.since(from).millis().max(0))
}

/// `2 to 31 min`, `30 s to 30 min`, `5 min` where both are that.
fn between(least: Span, most: Span) -> String {
    let (least, most) = (least.words(), most.words());
    if least == most {
        return least;
    }
    match (least.split_once(' '), most.split_once(' ')) {
        (Some((number, unit)), Some((_, same))) if unit == same => format!("{number} to {most}"),
        _ => format!("{least} to {most}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::event::Event;
    use super::super::run::{Heard, fold};
    use super::super::story::{Stored, tell};
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn at(second: i64) -> Moment {
        Moment::from_millis(1_780_000_000_000 + second * 1000)
    }

    fn push(retry: Value) -> Step {
        serde_json::from_value(json!({"id": "push", "name": "Push", "retry": retry})).unwrap()
    }

    fn policy() -> Step {
        push(json!({"max_attempts": 6, "backoff": "exponential", "first": "30s", "factor": 2.0, "max": "30m"}))
    }

    /// A try that failed: when it began, when it failed, and with what.
    fn failed(attempt: u32, began: i64, ended: i64, error: &str) -> Vec<(i64, Value)> {
        let of = |state: &str| json!({"state": state, "attempt": attempt});
        let mut end = of("failed");
        end["error"] = error.into();
        vec![(began, of("running")), (ended, end)]
    }

    fn told(events: &[(i64, Value)], step: &Step) -> Vec<Try> {
        let stored: Vec<_> = (1..)
            .zip(events)
            .map(|(position, (second, value))| {
                let mut body = value.clone();
                for (field, text) in [("workflow", "w"), ("run", "1"), ("step", "push")] {
                    body[field] = text.into();
                }
                body["time"] = at(*second).to_string().into();
                let event = Event::parse(body, "t", at(*second)).unwrap();
                Stored { position, heard: Heard { event, received_at: at(*second) }, repeats: 1 }
            })
            .collect();
        let run = fold(stored.iter().map(|s| &s.heard));
        tries(&run.visits[0], Some(step), &tell(&stored, None))
    }

    fn parts(tries: &[Try]) -> Vec<Vec<u32>> {
        folded(tries).into_iter().map(|part| part.iter().map(|t| t.attempt).collect()).collect()
    }

    #[test]
    fn identical_failures_between_the_first_and_the_last_are_told_as_one() {
        let quick = push(json!({"max_attempts": 9, "backoff": "fixed", "first": "10s"}));
        let events: Vec<_> = (1..=6).flat_map(|n| failed(n, i64::from(n) * 11, i64::from(n) * 11 + 1, "503")).collect();
        assert_eq!(parts(&told(&events, &quick)), [vec![1], vec![2, 3, 4, 5], vec![6]]);
        // A success after the last failure: the last failure stands for itself all the same.
        let good = (80, json!({"state": "succeeded", "attempt": 7}));
        let events: Vec<_> = events.into_iter().chain([good]).collect();
        assert_eq!(parts(&told(&events, &quick)), [vec![1], vec![2, 3, 4, 5], vec![6], vec![7]]);
    }

    #[test]
    fn another_error_and_a_late_try_stand_for_themselves() {
        let quick = push(json!({"max_attempts": 20, "backoff": "fixed", "first": "10s"}));
        let error = |n: u32| if n > 4 { "423 order 7 is blocked" } else { "503" };
        let seconds = |n: u32| i64::from(n) * 11 + if n > 8 { 900 } else { 0 };
        let events: Vec<_> = (1..=11).flat_map(|n| failed(n, seconds(n), seconds(n) + 1, error(n))).collect();
        let tries = told(&events, &quick);
        assert_eq!(tries.iter().filter(|t| t.late_by.is_some()).map(|t| t.attempt).collect::<Vec<_>>(), [9]);
        assert_eq!(parts(&tries), [vec![1], vec![2, 3, 4], vec![5], vec![6, 7, 8], vec![9], vec![10], vec![11]]);
    }

    #[test]
    fn a_late_try_says_when_it_was_planned_and_by_how_much_it_missed_that() {
        let events: Vec<_> = [failed(1, 0, 10, "503"), failed(2, 21_640, 21_650, "503")].concat();
        let late = &told(&events, &policy())[1];
        assert_eq!((late.planned_at, late.late_by), (Some(at(40)), Some(Span::from_minutes(360))));
        // What was announced goes before the policy.
        let mut announced = failed(1, 0, 10, "503");
        announced[1].1["next_attempt_at"] = at(21_640).to_string().into();
        let events: Vec<_> = [announced, failed(2, 21_640, 21_650, "503")].concat();
        let tries = told(&events, &policy());
        assert_eq!((tries[1].planned_at, tries[1].late_by), (Some(at(21_640)), None));
    }

    #[test]
    fn declared_and_observed_are_one_sentence() {
        let sentence = |step: &Step, events: &[(i64, Value)]| against_policy(step.retry.as_ref(), &told(events, step));
        let four = [failed(1, 0, 10, "x"), failed(2, 70, 80, "x"), failed(3, 199, 210, "x"), failed(4, 330, 340, "x")];
        assert_eq!(
            sentence(&policy(), &four.concat()).unwrap(),
            "Declared: 6 tries, 30 s to 8 min apart. Observed: 4 tries, 60 s to 2 min apart."
        );
        let late = [failed(1, 0, 10, "x"), failed(2, 21_640, 21_650, "x")].concat();
        assert_eq!(
            sentence(&policy(), &late).unwrap(),
            "Declared: 6 tries, 30 s to 8 min apart. Observed: 2 tries, 6 h apart. 1 came 6 h late."
        );
        let fixed = push(json!({"max_attempts": 3, "backoff": "fixed", "first": "5m"}));
        assert_eq!(
            sentence(&fixed, &failed(1, 0, 10, "x")).unwrap(),
            "Declared: 3 tries, 5 min apart. Observed: 1 try."
        );
        let none: Step = serde_json::from_value(json!({"id": "push", "name": "Push"})).unwrap();
        let two = [failed(1, 0, 10, "x"), failed(2, 250, 260, "x"), failed(3, 2_120, 2_130, "x")].concat();
        assert_eq!(sentence(&none, &two).unwrap(), "The book declares no tries. Observed: 3 tries, 4 to 31 min apart.");
        assert_eq!(sentence(&none, &failed(1, 0, 10, "x")), None);
    }

    #[test]
    fn planned_tries_follow_the_policy_and_end_where_it_gives_up() {
        let step = policy();
        let seconds = |attempt: u32, now: i64| -> Vec<i64> {
            let planned = planned(step.retry.as_ref(), attempt, at(100), at(now));
            planned.into_iter().map(|m| m.since(at(0)).millis() / 1000).collect()
        };
        assert_eq!(seconds(2, 90), [100, 220, 460, 940]);
        assert_eq!(seconds(5, 90), [100]);
        assert_eq!(seconds(2, 101), [100], "an overdue one says nothing of those after it");
        assert_eq!(planned(None, 1, at(100), at(90)), [at(100)]);
    }

    #[test]
    fn a_policy_that_does_not_say_how_long_it_waits_makes_no_try_late() {
        let open = push(json!({"max_attempts": 3, "backoff": "fixed"}));
        let tries = told(&[failed(1, 0, 10, "x"), failed(2, 900, 910, "x")].concat(), &open);
        assert_eq!((tries[1].planned_at, tries[1].late_by), (None, None));
        let said = "Declared: 3 tries. Observed: 2 tries, 14 min apart.";
        assert_eq!(against_policy(open.retry.as_ref(), &tries).unwrap(), said);
    }

    proptest! {
        #[test]
        fn every_try_is_in_one_part_and_the_first_and_last_failure_stand_for_themselves(
            tries in proptest::collection::vec((0i64..400, 0usize..2, 0usize..3), 1..40)
        ) {
            let quick = push(json!({"max_attempts": 50, "backoff": "fixed", "first": "10s"}));
            let mut second = 0;
            let mut events = Vec::new();
            for (attempt, (wait, error, state)) in (1u32..).zip(&tries) {
                second += wait;
                let mut event = json!({"state": (["failed", "retrying", "running"])[*state], "attempt": attempt});
                event["error"] = ["503", "423"][*error].into();
                events.push((second, event));
            }
            let tries = told(&events, &quick);
            let parts = folded(&tries);
            prop_assert_eq!(parts.concat(), tries.clone());
            let failures: Vec<_> = tries.iter().filter(|t| t.has_failed()).map(|t| t.attempt).collect();
            for part in parts.iter().filter(|part| part.len() > 1) {
                prop_assert!(part.iter().all(|t| t.has_failed() && t.late_by.is_none()));
                prop_assert!(part.iter().all(|t| Some(&t.attempt) != failures.first() && Some(&t.attempt) != failures.last()));
            }
        }
    }
}
