//! What is kept of runs by the hour, so that the present can be held against the usual: visits, tries, times, ways.
//!
//! The law: what is kept is the sum over all runs of what each adds up to, so that it is the same for any order and any
//! repetition of events, and however they were cut into commits. An event that belongs earlier takes back what it
//! corrects, durations included. Of an error the words of one occurrence are kept, whichever that is. Two exceptions,
//! both bounded: of a visit with more than [`MOST_TRIES`] later tries or failures, those that are no longer in its fold
//! stay as they were counted; and a book that now says otherwise what is late counts from the next event of a visit on.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::book::{Step, Workflow};
use super::event::{Fault, Progress};
use super::judge::TRY_GRACE;
use super::moment::{Moment, Span};
use super::run::{LaterTry, MOST_TRIES, Run, Visit};
use super::sketch::{Sketch, SketchChange};

/// The finer of the two rhythms: what the present is judged by.
pub const SLOT: Span = Span::from_minutes(10);

/// The coarser one: what the usual is made of.
pub const HOUR: Span = Span::from_minutes(60);

/// The longest name of an error, in characters.
const MOST_ERROR: usize = 80;

/// The beginning of the slot or hour of this length that a moment lies in.
pub fn begin(at: Moment, length: Span) -> Moment {
    Moment::from_millis(at.millis().div_euclid(length.millis()) * length.millis())
}

/// What is counted of one step (or of runs as a whole) in one slot or hour; as a change, more or fewer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Visits that began; of runs as a whole: runs that began.
    pub visits: i64,
    /// Tries after the first one of a visit.
    pub retries: i64,
    /// Those of them that came later than announced or declared, with a minute of grace.
    pub late_retries: i64,
    /// By how much these were late, in milliseconds, summed.
    pub late_by: i64,
}

impl Counts {
    /// Takes in more, or fewer.
    pub fn add(&mut self, other: Counts) {
        self.visits += other.visits;
        self.retries += other.retries;
        self.late_retries += other.late_retries;
        self.late_by += other.late_by;
    }

    /// All tries: the first ones and the later ones.
    pub fn tries(self) -> i64 {
        self.visits + self.retries
    }
}

/// What is kept of one step (or of runs as a whole) in one slot or hour.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// What is counted.
    pub counts: Counts,
    /// How long visits took that ended then, from their first sign to their result. Skipped and cancelled ones took
    /// nothing, and of those that were only heard of when they had ended it is not known.
    pub durations: Sketch,
}

/// What is added to a [`Tally`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TallyChange {
    /// More or fewer.
    pub counts: Counts,
    /// Counted, or no longer.
    pub durations: SketchChange,
}

impl Tally {
    /// Takes in a change. Nothing goes below zero.
    pub fn change(&mut self, change: &TallyChange) {
        let c = &mut self.counts;
        c.add(change.counts);
        for count in [&mut c.visits, &mut c.retries, &mut c.late_retries, &mut c.late_by] {
            *count = (*count).max(0);
        }
        self.durations.change(&change.durations);
    }

    /// Takes in another one.
    pub fn merge(&mut self, other: &Tally) {
        self.counts.add(other.counts);
        self.durations.merge(&other.durations);
    }
}

impl TallyChange {
    /// Takes in another change.
    pub fn merge(&mut self, other: &TallyChange) {
        self.counts.add(other.counts);
        self.durations.merge(&other.durations);
    }

    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.counts == Counts::default() && self.durations.is_empty()
    }
}

/// An error by its name and in the words of one occurrence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorChange {
    /// More or fewer.
    pub count: i64,
    /// Code and message as they came.
    pub sample: Fault,
}

/// What one change of a run adds to (or takes from) what is kept of its workflow.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HourlyChange {
    /// By the beginning of the slot and the step; no step for runs as a whole.
    pub slots: BTreeMap<(Moment, String), TallyChange>,
    /// Passages from one step to the next, by the beginning of the hour, from and to.
    pub edges: BTreeMap<(Moment, String, String), i64>,
    /// Failed tries, by the beginning of the hour, the step and the name of the error.
    pub errors: BTreeMap<(Moment, String, String), ErrorChange>,
}

/// A run at one time: its fold, and when it ended, if it has.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// What its events add up to.
    pub run: &'a Run,
    /// When it ended.
    pub ended_at: Option<Moment>,
}

/// What differs in what a run adds up to, before and after; costs only the part that changed.
pub fn difference(before: Known, after: Known, declared: Option<&Workflow>) -> HourlyChange {
    let mut change = HourlyChange::default();
    if (before.run.started_at, before.run.events == 0, before.ended_at)
        != (after.run.started_at, after.run.events == 0, after.ended_at)
    {
        change.whole(before, -1);
        change.whole(after, 1);
    }
    let (old, new) = (&before.run.visits, &after.run.visits);
    let same = old.iter().zip(new).take_while(|(a, b)| a.step == b.step && a.started_at == b.started_at).count();
    change.passages(before.run, same, -1);
    change.passages(after.run, same, 1);
    for i in 0..old.len().max(new.len()) {
        let (a, b) = (old.get(i), new.get(i));
        if a == b {
            continue;
        }
        // Tries that the fold let go because there were too many were counted, and stay counted.
        let let_go = match (a, b) {
            (Some(a), Some(b)) if a.step == b.step && a.visit == b.visit => LetGo::by(b),
            _ => LetGo::default(),
        };
        if let Some(visit) = a {
            change.visit(visit, declared, let_go, -1);
        }
        if let Some(visit) = b {
            change.visit(visit, declared, LetGo::default(), 1);
        }
    }
    change.slots.retain(|_, tally| !tally.is_empty());
    change.edges.retain(|_, n| *n != 0);
    change.errors.retain(|_, error| error.count != 0);
    change
}

/// Tries before these are not in the fold any more.
#[derive(Debug, Clone, Copy, Default)]
struct LetGo {
    tries_before: u32,
    failures_before: u32,
}

impl LetGo {
    fn by(visit: &Visit) -> Self {
        let full = |n: usize, first: Option<u32>| first.filter(|_| n >= MOST_TRIES).unwrap_or(0);
        Self {
            tries_before: full(visit.later_tries.len(), visit.later_tries.first().map(|t| t.attempt)),
            failures_before: full(visit.failures.len(), visit.failures.first().map(|f| f.attempt)),
        }
    }
}

impl HourlyChange {
    fn at(&mut self, millis: i64, step: &str) -> &mut TallyChange {
        let slot = begin(Moment::from_millis(millis), SLOT);
        self.slots.entry((slot, step.to_owned())).or_default()
    }

    fn whole(&mut self, known: Known, by: i64) {
        if known.run.events == 0 {
            return;
        }
        self.at(known.run.started_at, "").counts.visits += by;
        if let Some(ended_at) = known.ended_at {
            let took = ended_at.since(Moment::from_millis(known.run.started_at));
            if took.millis() > 0 {
                self.at(ended_at.millis(), "").durations.add(took, by);
            }
        }
    }

    fn passages(&mut self, run: &Run, from: usize, by: i64) {
        for i in from.max(1)..run.visits.len() {
            let hour = begin(Moment::from_millis(run.visits[i].started_at), HOUR);
            let edge = (hour, run.visits[i - 1].step.clone(), run.visits[i].step.clone());
            *self.edges.entry(edge).or_default() += by;
        }
    }

    fn visit(&mut self, visit: &Visit, declared: Option<&Workflow>, let_go: LetGo, by: i64) {
        let step = declared.and_then(|w| w.step(&visit.step));
        self.at(visit.started_at, &visit.step).counts.visits += by;
        if let Some(took) = took(visit) {
            self.at(visit.progress_at, &visit.step).durations.add(took, by);
        }
        for again in visit.later_tries.iter().filter(|t| t.attempt >= let_go.tries_before) {
            let late = late_by(again, step);
            let counts = &mut self.at(again.at, &visit.step).counts;
            counts.retries += by;
            if let Some(late) = late {
                counts.late_retries += by;
                counts.late_by += by * late.millis();
            }
        }
        for failure in visit.failures.iter().filter(|f| f.attempt >= let_go.failures_before) {
            let hour = begin(Moment::from_millis(failure.at), HOUR);
            let sample = || ErrorChange { count: 0, sample: failure.error.clone() };
            let key = (hour, visit.step.clone(), error_name(&failure.error));
            self.errors.entry(key).or_insert_with(sample).count += by;
        }
    }
}

/// How long a visit took; nothing while it is under way, and where its beginning was not told apart from its end.
fn took(visit: &Visit) -> Option<Span> {
    let worked = matches!(visit.progress, Progress::Succeeded | Progress::Failed | Progress::Partial);
    let took = visit.progress_at - visit.started_at;
    (worked && visit.has_ended() && took > 0).then_some(Span::from_millis(took))
}

/// By how much a try came late: after its announced time, or where none was, after what the policy of its step says.
pub fn late_by(again: &LaterTry, step: Option<&Step>) -> Option<Span> {
    let late = Moment::from_millis(again.at).since(planned_at(again, step)?);
    (late > TRY_GRACE).then_some(late)
}

/// When a try should have come: as announced, or by the policy of its step.
pub fn planned_at(again: &LaterTry, step: Option<&Step>) -> Option<Moment> {
    let by_policy = || {
        // A policy that does not say how long it waits makes no try late.
        let policy = step?.retry.as_ref().filter(|policy| policy.first.is_some())?;
        let wait = policy.wait_after(again.attempt.saturating_sub(1))?;
        Some(Moment::from_millis(again.failed_at?) + wait)
    };
    again.planned_at.map(Moment::from_millis).or_else(by_policy)
}

/// The name under which an error is counted: code and message, with each word that holds a digit left open, so that
/// "order 10482 refused" and "order 10483 refused" are one. A code stays as it is.
pub fn error_name(error: &Fault) -> String {
    let words = error.message.split_whitespace().map(|word| match word.contains(|c: char| c.is_ascii_digit()) {
        true => "#",
        false => word,
    });
    let words: Vec<_> = std::iter::once(error.code.trim()).filter(|code| !code.is_empty()).chain(words).collect();
    words.join(" ").chars().take(MOST_ERROR).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::event::Event;
    use super::super::judge::judge;
    use super::super::run::{Heard, fold};
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn at(second: i64) -> Moment {
        Moment::from_millis(1_780_000_200_000 + second * 1000)
    }

    fn workflow() -> Workflow {
        serde_json::from_value(json!({"id": "w", "name": "W", "steps": [
            {"id": "a", "name": "A", "retry": {"max_attempts": 3, "backoff": "fixed", "first": "5m"}},
            {"id": "b", "name": "B"}]}))
        .unwrap()
    }

    fn heard(second: i64, run: &str, mut value: Value) -> Heard {
        value["workflow"] = "w".into();
        value["run"] = run.into();
        value["time"] = at(second).to_string().into();
        Heard { event: Event::parse(value, "t", at(second)).unwrap(), received_at: at(1_000_000) }
    }

    fn ended(run: &Run) -> Option<Moment> {
        judge(run, Some(&workflow()), at(1_000_000)).ended_at
    }

    fn of(events: &[Heard]) -> HourlyChange {
        let run = fold(events);
        let nothing = Known { run: &Run::default(), ended_at: None };
        difference(nothing, Known { run: &run, ended_at: ended(&run) }, Some(&workflow()))
    }

    fn step(second: i64, step: &str, state: &str) -> Heard {
        heard(second, "1", json!({"step": step, "state": state}))
    }

    #[test]
    fn a_visit_counts_where_it_began_and_its_duration_where_it_ended() {
        let change = of(&[step(590, "a", "running"), step(610, "a", "succeeded")]);
        let slot = |second| (begin(at(second), SLOT), "a".to_owned());
        let (began, over) = (&change.slots[&slot(590)], &change.slots[&slot(610)]);
        assert_eq!((began.counts.visits, began.durations.is_empty()), (1, true));
        assert_eq!((over.counts.visits, over.durations.is_empty()), (0, false));
    }

    #[test]
    fn of_a_step_that_is_only_heard_of_at_its_end_it_is_not_known_how_long_it_took() {
        assert!(of(&[step(5, "a", "succeeded")]).slots.values().all(|tally| tally.durations.is_empty()));
        assert!(of(&[step(5, "a", "running"), step(9, "a", "skipped")]).slots.values().all(|t| t.durations.is_empty()));
    }

    fn late(events: &[Heard]) -> (i64, i64) {
        let mut counts = Counts::default();
        of(events).slots.values().for_each(|tally| counts.add(tally.counts));
        (counts.late_retries, counts.late_by / 1000)
    }

    #[test]
    fn a_try_is_late_after_its_announced_time_and_a_minute() {
        let failed = json!({"step": "b", "state": "failed", "attempt": 1, "next_attempt_at": at(300).to_string()});
        let again = |second| heard(second, "1", json!({"step": "b", "state": "running", "attempt": 2}));
        assert_eq!(late(&[heard(0, "1", failed.clone()), again(360)]), (0, 0));
        assert_eq!(late(&[heard(0, "1", failed), again(361)]), (1, 61));
    }

    #[test]
    fn a_try_without_an_announced_time_is_held_against_the_policy() {
        let tried = |second, n, state| heard(second, "1", json!({"step": "a", "state": state, "attempt": n}));
        assert_eq!(late(&[tried(0, 1, "failed"), tried(21_600, 2, "running")]), (1, 21_300));
        assert_eq!(late(&[tried(0, 1, "failed"), tried(300, 2, "running")]), (0, 0));
    }

    #[test]
    fn errors_that_differ_by_a_number_are_one() {
        let name = |code: &str, message: &str| error_name(&Fault { code: code.into(), message: message.into() });
        assert_eq!(name("E7", "order 10482 refused"), "E7 order # refused");
        assert_eq!(name("", "no stock"), "no stock");
        assert_eq!(name("503", ""), "503");
    }

    #[test]
    fn a_late_event_takes_back_what_it_corrects() {
        let before = fold(&[step(0, "a", "running"), step(7_200, "b", "succeeded")]);
        let after = fold(&[step(0, "a", "running"), step(60, "a", "succeeded"), step(7_200, "b", "succeeded")]);
        let known = |run| Known { run, ended_at: ended(run) };
        let change = difference(known(&before), known(&after), Some(&workflow()));
        let durations: Vec<_> = change.slots.keys().map(|(slot, step)| (*slot, step.as_str())).collect();
        // The visit of a has ended at last, and with it the run; nothing else is counted twice.
        assert_eq!(durations, [(begin(at(60), SLOT), "a"), (begin(at(7_200), SLOT), "")]);
        assert!(change.edges.is_empty());
    }

    /// Events of two runs with tries, errors, rework and ends, over some hours.
    pub fn events() -> impl Strategy<Value = Vec<Heard>> {
        let one = (0i64..9_000, 0usize..4, 0usize..8, proptest::option::of(1u32..4), any::<bool>(), any::<bool>());
        let one = one.prop_map(|(second, s, p, attempt, other, planned)| {
            let mut value = json!({"state": Progress::ALL[p].name(), "error": {"code": "503", "message": "no"}});
            if s < 3 {
                value["step"] = (["a", "b", "c"])[s].into();
            }
            if let Some(n) = attempt {
                value["attempt"] = n.into();
            }
            if planned {
                value["next_attempt_at"] = at(second + 600).to_string().into();
            }
            heard(second, if other { "2" } else { "1" }, value)
        });
        proptest::collection::vec(one, 0..40)
    }

    /// What is kept after events came in this order and in commits of this size, as the writer does it.
    pub fn kept(events: &[Heard], commit: usize) -> HourlyChange {
        let mut total = HourlyChange::default();
        let mut stored: BTreeMap<String, (Run, Vec<Heard>)> = BTreeMap::new();
        for batch in events.chunks(commit.max(1)) {
            let mut by_run: BTreeMap<String, Vec<Heard>> = BTreeMap::new();
            for h in batch {
                by_run.entry(h.report().unwrap().0.run.clone()).or_default().push(h.clone());
            }
            for (id, mut new) in by_run {
                let (run, known) = stored.entry(id).or_default();
                new.retain(|h| known.iter().all(|k| k.event.identity != h.event.identity));
                new.sort_by_key(|h| h.report().map(|(_, key)| key));
                new.dedup_by_key(|h| h.event.identity);
                let mut after = run.clone();
                let in_order = new.first().is_none_or(|h| run.takes_next(&h.report().unwrap().1));
                known.extend(new.iter().cloned());
                if in_order {
                    for h in &new {
                        let (report, key) = h.report().unwrap();
                        after.apply(report, key, h.event.time);
                    }
                } else {
                    after = fold(known.iter());
                }
                let change = difference(
                    Known { run, ended_at: ended(run) },
                    Known { run: &after, ended_at: ended(&after) },
                    Some(&workflow()),
                );
                total.merge(change);
                *run = after;
            }
        }
        total
    }

    impl HourlyChange {
        fn merge(&mut self, other: HourlyChange) {
            for (key, change) in other.slots {
                self.slots.entry(key).or_default().merge(&change);
            }
            for (key, n) in other.edges {
                *self.edges.entry(key).or_default() += n;
            }
            for (key, error) in other.errors {
                self.errors.entry(key).or_insert_with(|| ErrorChange { count: 0, ..error.clone() }).count +=
                    error.count;
            }
            self.slots.retain(|_, change| !change.is_empty());
            self.edges.retain(|_, n| *n != 0);
            self.errors.retain(|_, error| error.count != 0);
        }
    }

    pub fn shuffled(mut events: Vec<Heard>, mut seed: u64) -> Vec<Heard> {
        for i in (1..events.len()).rev() {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            events.swap(i, (seed >> 33) as usize % (i + 1));
        }
        events
    }

    proptest! {
        #[test]
        fn what_is_kept_is_the_same_for_any_order_any_repetition_and_any_cut(
            events in events(), seed in any::<u64>(), commit in 1usize..50
        ) {
            let once = kept(&events, usize::MAX);
            let twice: Vec<_> = events.iter().chain(events.iter().filter(|_| seed & 1 == 0)).cloned().collect();
            prop_assert_eq!(kept(&shuffled(twice, seed), commit), once);
        }

        #[test]
        fn nothing_that_is_kept_is_negative(events in events(), seed in any::<u64>(), commit in 1usize..9) {
            let kept = kept(&shuffled(events, seed), commit);
            for change in kept.slots.values() {
                let c = change.counts;
                prop_assert!(c.visits >= 0 && c.retries >= c.late_retries && c.late_retries >= 0 && c.late_by >= 0);
                let mut tally = Tally::default();
                tally.change(change);
                prop_assert_eq!(tally.counts, c);
            }
            prop_assert!(kept.edges.values().all(|n| *n > 0) && kept.errors.values().all(|e| e.count > 0));
        }
    }
}
