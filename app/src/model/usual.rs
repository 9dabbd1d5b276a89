//! The usual, and what differs from it: slow, drift, a storm of tries, late tries, starts too often, what no book knows.
//!
//! The usual of a step at an hour is that of the same hour and weekday in earlier weeks. Where there are too few weeks
//! it is that of the same hour on the last days; for how many there are, of a whole week of them. Hours are those of the
//! portal's time zone, so that a change to summer time moves nothing. The usual is the median, and its spread the median
//! absolute deviation (MAD, Hampel 1974), so that one bad week changes neither. Where there is not enough of a past
//! nothing is claimed.
//!
//! Whether something is claimed now is found by walking over the last slots or hours from the oldest on: it begins at
//! one limit and ends at a lower one, so that a value that hovers does not flicker; and what was kept decides alone, so
//! that a restart changes nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::ToSpan;
use jiff::tz::TimeZone;

use super::book::{Book, Step, Workflow};
use super::event::{Fault, Progress};
use super::hourly::{HOUR, SLOT, Tally, begin};
use super::moment::{Moment, Span};
use super::problem::{Claim, Kind, Where};
use super::run::Run;
use super::sketch::Sketch;
use super::status::State;
use super::verdict::{count_of, shorten};

/// How many weeks, and days, are looked back at.
const WEEKS: i64 = 8;
const DAYS: i64 = 7;

/// How many of them make a usual.
const ENOUGH_PAST: usize = 3;

/// How many durations of an hour, or of the present, say how long one in twenty takes.
const ENOUGH_DURATIONS: i64 = 10;

/// "One in twenty": the part of visits that are not slower.
const SLOWEST: f64 = 0.95;

/// Over how much of the last hours the present is judged.
pub const PRESENT: Span = Span::from_minutes(180);

/// How many slots at most make up the present of a step with few visits.
const WIDEST_WINDOW: usize = 6;

/// An hour is complete this long after its end: what happened in it has been told by then.
const SETTLED: Span = Span::from_minutes(5);

/// How many complete hours are walked over for volumes and shares.
const SETTLED_HOURS: i64 = 3;

/// Slow begins at so many times the usual and ends at so many, and never for less than this much longer.
const SLOW: (f64, f64) = (3.0, 2.0);
const SLOW_AT_LEAST: Span = Span::from_secs(1);

/// A storm begins at so many times the usual tries and ends at so many; never for fewer tries in a slot than this.
const STORM: (f64, f64) = (5.0, 2.5);
const STORM_AT_LEAST: i64 = 20;

/// Drift begins this many spreads away from the usual, and ends at this part of that.
const DRIFT_SPREADS: f64 = 5.0;
const DRIFT_ENDS: f64 = 0.6;

/// Makes a MAD as wide as a standard deviation.
const MAD_TO_SIGMA: f64 = 1.4826;

/// A volume drifts by at least this part of the usual, and by at least so many.
const VOLUME_PART: f64 = 0.5;
const VOLUME_AT_LEAST: f64 = 20.0;

/// A share is one of at least so many passages, and drifts by at least this much and by so many standard errors.
const ENOUGH_PASSAGES: i64 = 30;
const SHARE_AT_LEAST: f64 = 0.1;
const SHARE_ERRORS: f64 = 4.0;

/// A try that came late is told for this long.
const LATE_TOLD: Span = Span::from_minutes(60);

/// A start that came too early is told for at least this long.
const EARLY_TOLD: Span = Span::from_minutes(10);

/// What the book does not know is told for this long after it was last seen.
pub const UNKNOWN_TOLD: Span = Span::from_minutes(24 * 60);

/// For so long after it was first seen, what is not seen any more was corrected; later its time may just be over. Times
/// are kept by the hour.
pub const CORRECTED_WITHIN: Span = Span::from_minutes(22 * 60);

/// How many of one sort are told of one workflow.
const MOST_UNKNOWN: usize = 10;

/// How many subjects a claim names.
const MOST_SUBJECTS: usize = 5;

/// The hours that say what is usual at an hour, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earlier {
    /// The same hour of the same weekday, in earlier weeks.
    pub weeks: Vec<Moment>,
    /// The same hour of the last days.
    pub days: Vec<Moment>,
}

/// The hours that say what is usual at the hour that begins at `hour`.
pub fn earlier(hour: Moment, zone: &TimeZone) -> Earlier {
    let here = hour.zoned(zone);
    let back = |span: jiff::Span| {
        let then = here.checked_sub(span).ok()?;
        Some(begin(Moment::from_millis(then.timestamp().as_millisecond()), HOUR))
    };
    Earlier {
        weeks: (1..=WEEKS).filter_map(|n| back(n.weeks())).collect(),
        days: (1..=DAYS).filter_map(|n| back(n.days())).collect(),
    }
}

/// Which past the usual is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// The same hour and weekday of earlier weeks.
    Weekday,
    /// The same hour of the last days.
    Day,
}

/// A usual value, and how far values usually lie from it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Level {
    /// The median.
    pub middle: f64,
    /// The median absolute deviation.
    pub spread: f64,
    /// Which past it is made of.
    pub basis: Basis,
}

/// How long a visit usually takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Took {
    /// Half of the visits take no longer.
    pub middle: Span,
    /// One in twenty takes longer.
    pub slowest: Span,
}

impl Took {
    /// `12 s, one in twenty over 40 s`.
    pub fn words(&self) -> String {
        format!("{}, one in twenty over {}", about(self.middle), about(self.slowest))
    }
}

/// A duration of a sketch in words: in two digits, because it is not known more exactly.
fn about(span: Span) -> String {
    let mut unit = 1;
    while span.millis() / unit >= 100 {
        unit *= 10;
    }
    Span::from_millis((span.millis() + unit / 2) / unit * unit).words()
}

/// What is usual for a step (or for runs as a whole) at an hour; what is none has not enough of a past.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Usual {
    /// Visits that begin in the hour.
    pub volume: Option<Level>,
    /// Tries in the hour, first ones and later ones.
    pub tries: Option<Level>,
    /// How long visits take that end in it.
    pub took: Option<Took>,
}

/// The usual by what was kept of each hour.
pub fn usual(kept: &BTreeMap<Moment, Tally>, earlier: &Earlier) -> Usual {
    let level = |value: fn(&Tally) -> i64| {
        let of = |hours: &[Moment], basis| {
            robust(hours.iter().map(|hour| kept.get(hour).map_or(0, value) as f64).collect(), basis)
        };
        // Before the first hour in which anything was seen nothing is known; after it, nothing seen is nothing done.
        let known = earlier.weeks.iter().rposition(|hour| kept.contains_key(hour)).map_or(0, |last| last + 1);
        if known >= ENOUGH_PAST {
            return of(&earlier.weeks[..known], Basis::Weekday);
        }
        // What does not happen on every day has a rhythm that days do not tell.
        let every_day = earlier.days.iter().all(|hour| kept.contains_key(hour));
        every_day.then(|| of(&earlier.days, Basis::Day)).flatten()
    };
    let took = |hours: &[Moment]| {
        let enough = |sketch: &&Sketch| sketch.count() >= ENOUGH_DURATIONS;
        let sketches: Vec<_> = hours.iter().filter_map(|h| kept.get(h)).map(|t| &t.durations).filter(enough).collect();
        let part = |q| {
            let millis = sketches.iter().filter_map(|s| s.quantile(q)).map(|span| span.millis() as f64).collect();
            median(millis).map(|millis| Span::from_millis(millis.round() as i64))
        };
        (sketches.len() >= ENOUGH_PAST).then(|| Some(Took { middle: part(0.5)?, slowest: part(SLOWEST)? })).flatten()
    };
    Usual {
        volume: level(|tally| tally.counts.visits),
        tries: level(|tally| tally.counts.tries()),
        took: took(&earlier.weeks).or_else(|| took(&earlier.days)),
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let (half, odd) = (values.len() / 2, values.len() % 2 == 1);
    match (values.get(half), odd) {
        (Some(middle), true) => Some(*middle),
        (Some(upper), false) => Some((values[half - 1] + upper) / 2.0),
        (None, _) => None,
    }
}

fn robust(values: Vec<f64>, basis: Basis) -> Option<Level> {
    let middle = median(values.clone())?;
    let spread = median(values.iter().map(|v| (v - middle).abs()).collect())?;
    Some(Level { middle, spread, basis })
}

/// What is kept of steps by (workflow, step), and by the beginning of the slot or hour; no step for runs as a whole.
pub type Kept = BTreeMap<(String, String), BTreeMap<Moment, Tally>>;

/// Passages by (workflow, from), by the beginning of the hour, and by where they went.
pub type Passages = BTreeMap<(String, String), BTreeMap<Moment, BTreeMap<String, i64>>>;

/// Something that was seen of late.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// In which workflow.
    pub workflow: String,
    /// What.
    pub what: Thing,
    /// How often since `since`.
    pub count: i64,
    /// The beginning of the hour in which it was first seen, within [`UNKNOWN_TOLD`].
    pub since: Moment,
}

/// What a book may know or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Thing {
    /// A step.
    Step(String),
    /// A passage from one step to the next.
    Edge(String, String),
    /// An error of a step.
    Error {
        /// The step.
        step: String,
        /// The name under which it is counted.
        name: String,
        /// Code and message of one occurrence.
        sample: Fault,
    },
}

/// Everything that is compared with the usual at one moment; all of it rows by primary key, bounded by what exists.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts {
    /// What was kept of each hour of [`hours`].
    pub hours: Kept,
    /// What was kept of each slot of the [`PRESENT`].
    pub slots: Kept,
    /// Passages in each hour of [`hours`].
    pub passages: Passages,
    /// What was seen within [`UNKNOWN_TOLD`].
    pub seen: Vec<Seen>,
}

/// The beginning of the oldest slot that is judged at `now`.
pub fn first_slot(now: Moment) -> Moment {
    begin(now, SLOT) - PRESENT
}

/// The complete hours that are walked over at `now`, oldest first.
fn settled_hours(now: Moment) -> impl Iterator<Item = Moment> {
    let newest = begin(now - SETTLED - HOUR, HOUR);
    (0..SETTLED_HOURS).rev().map(move |n| newest - Span::from_millis(n * HOUR.millis()))
}

/// The hours that are judged at `now`: those of the present, and the complete ones.
fn judged_hours(now: Moment) -> BTreeSet<Moment> {
    let (first, last) = (begin(first_slot(now), HOUR), begin(now, HOUR));
    let present = (0..).map(|n| first + Span::from_millis(n * HOUR.millis())).take_while(|hour| *hour <= last);
    present.chain(settled_hours(now)).collect()
}

/// The beginning of every hour that is needed to judge at `now`.
pub fn hours(now: Moment, zone: &TimeZone) -> BTreeSet<Moment> {
    let judged = judged_hours(now);
    let past = judged.iter().flat_map(|hour| {
        let Earlier { weeks, days } = earlier(*hour, zone);
        weeks.into_iter().chain(days)
    });
    past.chain(judged.iter().copied()).collect()
}

/// How one slot or hour looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    /// Over the limit at which a claim begins.
    Over,
    /// In between, or not enough to tell: whatever was so stays so.
    Between,
    /// Under the limit at which it ends.
    Under,
}

impl Look {
    fn at(value: f64, begins: f64, ends: f64) -> Self {
        match value {
            v if v > begins => Self::Over,
            v if v < ends => Self::Under,
            _ => Self::Between,
        }
    }
}

/// Since when a claim stands at the end of a walk over looks, oldest first.
fn stands_since(looks: &[(Moment, Look)]) -> Option<Moment> {
    looks.iter().fold(None, |since, (at, look)| match look {
        Look::Over => since.or(Some(*at)),
        Look::Between => since,
        Look::Under => None,
    })
}

/// Everything that differs from the usual, or that the book does not know.
pub fn claims(facts: &Facts, book: &Book, now: Moment, zone: &TimeZone) -> Vec<Claim> {
    let pasts: BTreeMap<Moment, Earlier> =
        judged_hours(now).into_iter().map(|hour| (hour, earlier(hour, zone))).collect();
    let each = facts.hours.iter().flat_map(|(place, kept)| pasts.iter().map(move |past| (place, kept, past)));
    let usuals = each.map(|(place, kept, (hour, earlier))| ((place, *hour), usual(kept, earlier))).collect();
    let judge = Judge { facts, book, now, zone, usuals, pasts: &pasts };
    let mut claims = Vec::new();
    for (place, slots) in facts.slots.iter().filter(|((_, step), _)| !step.is_empty()) {
        claims.extend(judge.slow(place, slots));
        claims.extend(judge.late_retries(place, slots));
    }
    claims.extend(facts.hours.keys().filter(|(_, step)| step.is_empty()).filter_map(|(w, _)| judge.volume(w)));
    claims.extend(facts.passages.iter().filter_map(|(place, hours)| judge.shares(place, hours)));
    claims.extend(book.components.keys().filter_map(|component| judge.storm(component)));
    claims.extend(judge.unknown());
    claims
}

struct Judge<'a> {
    facts: &'a Facts,
    book: &'a Book,
    now: Moment,
    zone: &'a TimeZone,
    /// The hours that say what is usual, by the hour that is judged.
    pasts: &'a BTreeMap<Moment, Earlier>,
    /// What is usual for (workflow, step) at each hour that is judged.
    usuals: HashMap<(&'a (String, String), Moment), Usual>,
}

impl Judge<'_> {
    fn time(&self, at: Moment) -> String {
        at.words(self.now, self.zone)
    }

    fn declared(&self, workflow: &str) -> Option<&Workflow> {
        self.book.workflows.get(workflow)
    }

    fn step(&self, workflow: &str, step: &str) -> String {
        self.book.step(workflow, step).map_or_else(|| step.to_owned(), |s| s.name.clone())
    }

    fn usual(&self, place: &(String, String), at: Moment) -> Usual {
        self.usuals.get(&(place, begin(at, HOUR))).copied().unwrap_or_default()
    }

    /// The beginnings of all slots of the present, oldest first; the last one is under way.
    fn slots(&self) -> impl Iterator<Item = Moment> + use<> {
        let first = first_slot(self.now);
        (0..=PRESENT.millis() / SLOT.millis()).map(move |n| first + Span::from_millis(n * SLOT.millis()))
    }

    fn is_over(&self, slot: Moment) -> bool {
        slot + SLOT <= self.now
    }

    /// One in twenty takes over three times as long as it usually does, over a slot at least.
    fn slow(&self, place: &(String, String), slots: &BTreeMap<Moment, Tally>) -> Option<Claim> {
        let times: Vec<Moment> = self.slots().filter(|slot| self.is_over(*slot)).collect();
        let mut looks = Vec::new();
        let mut told = None;
        for (i, slot) in times.iter().enumerate() {
            if slots.get(slot).is_none_or(|tally| tally.durations.count() == 0) {
                continue;
            }
            let Some(usual) = self.usual(place, *slot).took else { continue };
            let mut window = Sketch::default();
            for earlier in times[..=i].iter().rev().take(WIDEST_WINDOW) {
                if let Some(tally) = slots.get(earlier) {
                    window.merge(&tally.durations);
                }
                if window.count() >= ENOUGH_DURATIONS {
                    break;
                }
            }
            let Some(slowest) = window.quantile(SLOWEST).filter(|_| window.count() >= ENOUGH_DURATIONS) else {
                continue;
            };
            let usually = usual.slowest.millis() as f64;
            let begins = (usually * SLOW.0).max(usually + SLOW_AT_LEAST.millis() as f64);
            looks.push((*slot, Look::at(slowest.millis() as f64, begins, usually * SLOW.1)));
            told = Some((slowest, usual.slowest, window.longer_than(usual.slowest)));
        }
        let since = stands_since(&looks)?;
        let (slowest, usually, count) = told?;
        Some(Claim {
            kind: Kind::Slow,
            place: Where::Step(place.0.clone(), place.1.clone()),
            cause: String::new(),
            state: State::Late,
            since,
            count,
            sentence: format!(
                "{} takes {} for one in twenty, usual at this hour is {}, since {}.",
                self.step(&place.0, &place.1),
                about(slowest),
                about(usually),
                self.time(since)
            ),
            next: None,
            subjects: Vec::new(),
        })
    }

    /// Tries that came later than they should have, and by how much.
    fn late_retries(&self, place: &(String, String), slots: &BTreeMap<Moment, Tally>) -> Option<Claim> {
        let (mut since, mut last, mut count, mut late_by) = (None, None, 0, 0);
        for (slot, tally) in slots.iter().filter(|(_, tally)| tally.counts.late_retries > 0) {
            if last.is_some_and(|last| slot.since(last) > LATE_TOLD) {
                (since, count, late_by) = (None, 0, 0);
            }
            since.get_or_insert(*slot);
            last = Some(*slot);
            count += tally.counts.late_retries;
            late_by += tally.counts.late_by;
        }
        let (since, last) = (since?, last?);
        if self.now.since(last + SLOT) >= LATE_TOLD {
            return None;
        }
        let late = Span::from_millis(late_by / count).words();
        let step = self.step(&place.0, &place.1);
        let came = match count {
            1 => format!(
                "A try of {step} came {late} late, between {} and {}",
                self.time(since),
                self.time(since + SLOT)
            ),
            n => format!("{n} tries of {step} came late since {}, by {late} on average", self.time(since)),
        };
        let policy = self.book.step(&place.0, &place.1).and_then(|s| s.retry.as_ref());
        let policy = policy.map(|p| format!(" The book says: {}.", p.words())).unwrap_or_default();
        Some(Claim {
            kind: Kind::LateRetry,
            place: Where::Step(place.0.clone(), place.1.clone()),
            cause: String::new(),
            state: State::Late,
            since,
            count,
            sentence: format!("{came}.{policy}"),
            next: None,
            subjects: Vec::new(),
        })
    }

    /// The tries at a component are five times as many as usual, and at least half of them are repeats.
    fn storm(&self, component: &str) -> Option<Claim> {
        let on_it = |(_, step): &(&Workflow, &Step)| step.component.as_deref() == Some(component);
        let steps: Vec<_> =
            self.book.steps_on(component).filter(on_it).map(|(w, s)| (w.id.clone(), s.id.clone())).collect();
        if steps.iter().all(|place| !self.facts.slots.contains_key(place)) {
            return None;
        }
        let mut looks = Vec::new();
        let mut told = None;
        for slot in self.slots() {
            let (mut tries, mut retries, mut usually) = (0, 0, None);
            for place in &steps {
                // A step without a usual is not judged by it, nor counted against that of others.
                let Some(usual) = self.usual(place, slot).tries else { continue };
                *usually.get_or_insert(0.0) += usual.middle * SLOT.millis() as f64 / HOUR.millis() as f64;
                let counts = self.facts.slots.get(place).and_then(|slots| slots.get(&slot)).map(|tally| tally.counts);
                tries += counts.map_or(0, |c| c.tries());
                retries += counts.map_or(0, |c| c.retries);
            }
            let Some(usually) = usually else { continue };
            let least = STORM_AT_LEAST as f64;
            let look = match Look::at(
                tries as f64,
                (usually * STORM.0).max(least - 1.0),
                (usually * STORM.1).max(least / 2.0),
            ) {
                Look::Over if retries * 2 < tries => Look::Between,
                // A slot that is under way can only become worse.
                Look::Under if !self.is_over(slot) => Look::Between,
                look => look,
            };
            looks.push((slot, look));
            if look == Look::Over {
                told = Some((slot, tries, retries, usually));
            }
        }
        let since = stands_since(&looks)?;
        let (slot, tries, retries, usually) = told?;
        let name = self.book.components.get(component).map_or(component, |c| c.name.as_str());
        Some(Claim {
            kind: Kind::Retrying,
            place: Where::Component(component.to_owned()),
            cause: "storm".to_owned(),
            state: State::Retrying,
            since,
            count: retries,
            sentence: format!(
                "{} at {name} in the ten minutes from {}, {retries} of them repeats; usual at this hour is {}.",
                count_of(tries, "tries"),
                self.time(slot),
                usually.round() as i64
            ),
            next: Some("Every try that fails comes again by its policy, and adds to the load.".to_owned()),
            subjects: Vec::new(),
        })
    }

    /// Far more or far fewer runs began than usual.
    fn volume(&self, workflow: &str) -> Option<Claim> {
        let place = (workflow.to_owned(), String::new());
        let kept = self.facts.hours.get(&place)?;
        let mut looks = Vec::new();
        let mut told = None;
        for hour in settled_hours(self.now) {
            let Some(usual) = self.usual(&place, hour).volume else { continue };
            let started = kept.get(&hour).map_or(0, |tally| tally.counts.visits);
            let limit =
                (DRIFT_SPREADS * MAD_TO_SIGMA * usual.spread).max(VOLUME_PART * usual.middle).max(VOLUME_AT_LEAST);
            looks.push((hour, Look::at((started as f64 - usual.middle).abs(), limit, limit * DRIFT_ENDS)));
            told = Some((hour, started, usual));
        }
        let since = stands_since(&looks)?;
        let (hour, started, usual) = told?;
        let unit = self.declared(workflow).and_then(|w| w.unit.as_deref()).unwrap_or("runs");
        Some(Claim {
            kind: Kind::Drift,
            place: Where::Workflow(workflow.to_owned()),
            cause: "volume".to_owned(),
            state: State::Late,
            since,
            count: started,
            sentence: format!(
                "{} started between {} and {}; usual {} is {}.",
                count_of(started, unit),
                self.time(hour),
                self.time(hour + HOUR),
                self.usually(hour, usual.basis),
                usual.middle.round() as i64
            ),
            next: None,
            subjects: Vec::new(),
        })
    }

    /// "on Thursdays at this hour".
    fn usually(&self, hour: Moment, basis: Basis) -> String {
        usually(hour, basis, self.zone)
    }

    /// From a step another way is taken than usual: the one that differs most is told.
    fn shares(&self, place: &(String, String), hours: &BTreeMap<Moment, BTreeMap<String, i64>>) -> Option<Claim> {
        let (workflow, from) = place;
        let mut looks = Vec::new();
        let mut told = None;
        for hour in settled_hours(self.now) {
            let Some(now) = hours.get(&hour) else { continue };
            let total: i64 = now.values().sum();
            let Some(earlier) = self.pasts.get(&hour).filter(|_| total >= ENOUGH_PASSAGES) else { continue };
            let Some((past, basis)) = enough_past(hours, earlier) else { continue };
            let ways: BTreeSet<&String> = past.iter().flat_map(|ways| ways.keys()).chain(now.keys()).collect();
            let far = ways.into_iter().filter_map(|to| {
                let usual = robust(past.iter().map(|ways| share(ways, to)).collect(), basis)?;
                let error = (usual.middle * (1.0 - usual.middle) / total as f64).sqrt();
                let limit = (DRIFT_SPREADS * MAD_TO_SIGMA * usual.spread).max(SHARE_ERRORS * error).max(SHARE_AT_LEAST);
                let here = share(now, to);
                Some(((here - usual.middle).abs() / limit, to, here, usual))
            });
            let Some((over, to, here, usual)) = far.max_by(|a, b| a.0.total_cmp(&b.0)) else { continue };
            looks.push((hour, Look::at(over, 1.0, DRIFT_ENDS)));
            told = Some((hour, to, here, usual, now.get(to).copied().unwrap_or(0)));
        }
        let since = stands_since(&looks)?;
        let (hour, to, here, usual, count) = told?;
        let percent = |share: f64| format!("{} %", (share * 100.0).round() as i64);
        Some(Claim {
            kind: Kind::Drift,
            place: Where::Step(workflow.clone(), from.clone()),
            cause: "path".to_owned(),
            state: State::Late,
            since,
            count,
            sentence: format!(
                "{} of what left {} went on to {} between {} and {}; usual {} is {}.",
                percent(here),
                self.step(workflow, from),
                self.step(workflow, to),
                self.time(hour),
                self.time(hour + HOUR),
                self.usually(hour, usual.basis),
                percent(usual.middle)
            ),
            next: None,
            subjects: Vec::new(),
        })
    }

    /// Steps, passages and errors that the book of a declared workflow does not know, the most frequent of each sort.
    fn unknown(&self) -> Vec<Claim> {
        let mut by_sort: BTreeMap<(&str, u8), Vec<&Seen>> = BTreeMap::new();
        for seen in self.facts.seen.iter().filter(|seen| seen.count > 0) {
            let Some(declared) = self.declared(&seen.workflow).filter(|w| !w.steps.is_empty()) else { continue };
            let sort = match &seen.what {
                Thing::Step(step) if declared.step(step).is_none() => 0,
                Thing::Edge(from, to) if !knows_passage(declared, from, to) => 1,
                Thing::Error { step, sample, .. } if !explains(declared, step, sample) => 2,
                _ => continue,
            };
            by_sort.entry((&seen.workflow, sort)).or_default().push(seen);
        }
        for seen in by_sort.values_mut() {
            seen.sort_by_key(|seen| -seen.count);
            seen.truncate(MOST_UNKNOWN);
        }
        by_sort.into_values().flatten().map(|seen| self.not_in_the_book(seen)).collect()
    }

    fn not_in_the_book(&self, seen: &Seen) -> Claim {
        let workflow = &seen.workflow;
        let times = format!("{} since {}", count_of(seen.count, "times"), self.time(seen.since));
        let name = |step: &str| self.step(workflow, step);
        let mut by_hand = None;
        let (step, cause, sentence) = match &seen.what {
            Thing::Step(step) => {
                (step, format!("step {step}"), format!("The step \"{step}\" was seen {times}. It is not in the book."))
            }
            Thing::Edge(from, to) => {
                let over = self.declared(workflow).map(|w| passed_over(w, from, to)).unwrap_or_default();
                let without = match over.as_slice() {
                    [] => String::new(),
                    over => format!(" without {}", names(over)),
                };
                let means: String = over.iter().filter_map(|s| Some(format!(" {}", s.if_skipped.as_ref()?))).collect();
                // What was left out is where a person looks; one that a person does is no gap in the book.
                by_hand = over.iter().copied().find(|step| self.book.done_by_hand(step).is_some());
                (
                    by_hand.or(over.first().copied()).map_or(from, |step| &step.id),
                    format!("edge {from} > {to}"),
                    format!(
                        "{} was followed by {}{without} {times}. The book does not say so.{means}",
                        name(from),
                        name(to)
                    ),
                )
            }
            Thing::Error { step, name: error, sample } => (
                step,
                format!("error {error}"),
                format!(
                    "{} failed {times} with \"{}\". No failure point in the book explains it.",
                    name(step),
                    shorten(&sample.to_string(), 80)
                ),
            ),
        };
        Claim {
            kind: Kind::Undocumented,
            place: Where::Step(workflow.clone(), step.clone()),
            cause,
            // The flow itself is as it should be, and what is amiss is the book, unless nobody was asked.
            state: if by_hand.is_some() { State::Late } else { State::OnTrack },
            since: seen.since,
            count: seen.count,
            sentence,
            next: None,
            subjects: Vec::new(),
        }
    }
}

/// "on Thursdays at this hour", or "at this hour".
pub fn usually(hour: Moment, basis: Basis, zone: &TimeZone) -> String {
    match basis {
        Basis::Weekday => format!("on {}s at this hour", hour.zoned(zone).strftime("%A")),
        Basis::Day => "at this hour".to_owned(),
    }
}

/// The ways taken in those earlier hours that had enough passages, where there are enough such hours.
fn enough_past<'a>(
    hours: &'a BTreeMap<Moment, BTreeMap<String, i64>>,
    earlier: &Earlier,
) -> Option<(Vec<&'a BTreeMap<String, i64>>, Basis)> {
    let of = |past: &[Moment], basis| {
        let enough = |ways: &&BTreeMap<String, i64>| ways.values().sum::<i64>() >= ENOUGH_PASSAGES;
        let ways: Vec<_> = past.iter().filter_map(|hour| hours.get(hour)).filter(enough).collect();
        (ways.len() >= ENOUGH_PAST).then_some((ways, basis))
    };
    of(&earlier.weeks, Basis::Weekday).or_else(|| of(&earlier.days, Basis::Day))
}

fn share(ways: &BTreeMap<String, i64>, to: &str) -> f64 {
    let total: i64 = ways.values().sum();
    ways.get(to).copied().unwrap_or(0) as f64 / total.max(1) as f64
}

/// Whether the book says that `to` may come right after `from`: it says so, or it lets both go on side by side. A
/// passage from or to a step that it does not know is told with that step.
pub fn knows_passage(workflow: &Workflow, from: &str, to: &str) -> bool {
    let (Some(before), Some(after)) = (workflow.step(from), workflow.step(to)) else { return true };
    // One step under two ids is no way from it to itself.
    if from != to && before.id == after.id {
        return true;
    }
    let (from, to) = (before.id.as_str(), after.id.as_str());
    let edges = workflow.edges();
    edges.contains(&(from, to)) || from != to && !leads_to(&edges, from, to) && !leads_to(&edges, to, from)
}

/// The declared steps that a passage left out: those that lie on the way from one step to the other, where the book does
/// not let the second come right after the first.
pub fn passed_over<'w>(workflow: &'w Workflow, from: &str, to: &str) -> Vec<&'w Step> {
    if knows_passage(workflow, from, to) {
        return Vec::new();
    }
    let edges = workflow.edges();
    let between = |step: &&Step| {
        step.id != from && step.id != to && leads_to(&edges, from, &step.id) && leads_to(&edges, &step.id, to)
    };
    workflow.steps.iter().filter(between).collect()
}

/// The declared steps that a run did without: skipped, as somebody said, or passed over and not done later either.
pub fn left_out<'w>(run: &Run, workflow: &'w Workflow) -> Vec<&'w Step> {
    let passages = run.visits.windows(2).flat_map(|pair| passed_over(workflow, &pair[0].step, &pair[1].step));
    let over: BTreeSet<&str> = passages.map(|step| step.id.as_str()).collect();
    let left = |step: &&Step| match run.latest_visits().find(|visit| visit.step == step.id) {
        Some(visit) => visit.progress == Progress::Skipped,
        None => over.contains(step.id.as_str()),
    };
    workflow.steps.iter().filter(left).collect()
}

/// The declared steps that a run has still before it: not visited, and on the way to none that it did visit. What lies
/// behind it and was never heard of is not ahead.
pub fn ahead<'w>(run: &Run, workflow: &'w Workflow) -> Vec<&'w Step> {
    let edges = workflow.edges();
    let behind = |step: &Step| run.visits.iter().any(|visit| leads_to(&edges, &step.id, &visit.step));
    // A visited step leads to itself.
    workflow.steps.iter().filter(|step| !behind(step)).collect()
}

/// `Approve` or `Approve and Check the price`.
pub fn names(steps: &[&Step]) -> String {
    steps.iter().map(|s| s.name.as_str()).collect::<Vec<_>>().join(" and ")
}

fn leads_to(edges: &[(&str, &str)], from: &str, to: &str) -> bool {
    let mut reached = vec![from];
    let mut next = 0;
    while let Some(at) = reached.get(next).copied() {
        for (_, after) in edges.iter().filter(|(before, _)| *before == at) {
            if !reached.contains(after) {
                reached.push(after);
            }
        }
        next += 1;
    }
    reached.contains(&to)
}

/// Whether a failure point of the step explains an error; an error of a step that the book does not know is told with
/// that step.
pub(super) fn explains(workflow: &Workflow, step: &str, error: &Fault) -> bool {
    workflow.step(step).is_none_or(|step| step.failure_points.iter().any(|point| point.matches(error)))
}

/// When a run started, and what it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// The run.
    pub run: String,
    /// When it started.
    pub at: Moment,
    /// What it is about, where that was said.
    pub subject: Option<String>,
}

/// Whether runs of a workflow start closer to each other than it allows: `starts` are its newest runs.
pub fn too_often(workflow: &Workflow, starts: &[Start], now: Moment, zone: &TimeZone) -> Option<Claim> {
    let least = workflow.expect.min_interval?;
    let mut starts: Vec<_> = starts.iter().filter(|start| start.at <= now).collect();
    starts.sort_by(|a, b| a.at.cmp(&b.at).then_with(|| a.run.cmp(&b.run)));
    let early = starts.windows(2).filter(|pair| pair[1].at.since(pair[0].at) < least);
    let told = least.max(EARLY_TOLD);
    // Those at the end that follow each other closely enough to be one trouble.
    let mut trouble: Vec<(&Start, &Start)> = Vec::new();
    for pair in early {
        if trouble.last().is_some_and(|(_, last)| pair[1].at.since(last.at) > told) {
            trouble.clear();
        }
        trouble.push((pair[0], pair[1]));
    }
    let (first, second) = trouble.last().copied()?;
    let (before, last, run) = (first.at, second.at, &second.run);
    if now.since(last) >= told {
        return None;
    }
    let since = trouble[0].1.at;
    let count = trouble.len() as i64;
    // Two runs about one thing are more than a matter of rhythm: it may have been done twice.
    let about = |(a, b): &(&Start, &Start)| a.subject.clone().filter(|_| a.subject == b.subject);
    let twice: BTreeSet<String> = trouble.iter().filter_map(about).collect();
    let twice = match (count, twice.len(), twice.first()) {
        (1, _, Some(subject)) => format!(" Both are about {subject}: it may have been done twice."),
        (_, 1, Some(subject)) => format!(" Some of them are about {subject}: it may have been done twice."),
        (_, n, Some(_)) => format!(" {n} things, each the subject of two of them, may have been done twice."),
        (_, _, None) => String::new(),
    };
    let unit = workflow.unit.as_deref().unwrap_or("runs");
    let expected = format!("The book expects at least {} between two starts.", least.words());
    let sentence = match count {
        1 => format!(
            "{run} started at {}, only {} after the one before. {expected}",
            last.words(now, zone),
            last.since(before).words()
        ),
        n => format!(
            "{} started too soon after the one before since {}, the last at {}, {} after. {expected}",
            count_of(n, unit),
            since.words(now, zone),
            last.words(now, zone),
            last.since(before).words()
        ),
    };
    Some(Claim {
        kind: Kind::TooOften,
        place: Where::Workflow(workflow.id.clone()),
        cause: String::new(),
        state: State::Late,
        since,
        count,
        sentence: sentence + &twice,
        next: None,
        subjects: trouble.iter().rev().take(MOST_SUBJECTS).map(|(_, early)| early.run.clone()).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::event::Event;
    use super::super::hourly::tests::{events, kept, shuffled};
    use super::super::hourly::{Counts, HourlyChange};
    use super::super::run::{Heard, fold};
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    /// Thursday, 4 June 2026.
    fn at(time: &str) -> Moment {
        Moment::parse(&format!("2026-06-04T{time}:00Z")).unwrap()
    }

    fn book() -> Book {
        let workflow: Workflow = serde_json::from_value(json!({"id": "orders", "name": "Orders", "unit": "orders",
            "expect": {"min_interval": "10m"}, "steps": [
                {"id": "take", "name": "Take the order"},
                {"id": "charge", "name": "Charge card", "component": "bank", "after": ["take"],
                 "retry": {"max_attempts": 3, "first": "5m"},
                 "failure_points": [{"id": "busy", "when": {"code": "503"}}]},
                {"id": "invoice", "name": "Write the invoice", "after": ["take"]},
                {"id": "send", "name": "Send", "after": ["charge", "invoice"]}]}))
        .unwrap();
        let bank = serde_json::from_value(json!({"id": "bank", "name": "The bank", "type": "external"})).unwrap();
        Book {
            workflows: [("orders".to_owned(), workflow)].into(),
            components: [("bank".to_owned(), bank)].into(),
            ..Book::default()
        }
    }

    fn place(step: &str) -> (String, String) {
        ("orders".to_owned(), step.to_owned())
    }

    fn took(visits: i64, seconds: i64) -> Tally {
        let mut tally = Tally { counts: Counts { visits, ..Counts::default() }, ..Tally::default() };
        (0..visits).for_each(|_| tally.durations.add(Span::from_secs(seconds)));
        tally
    }

    fn tried(visits: i64, retries: i64) -> Tally {
        Tally { counts: Counts { visits, retries, ..Counts::default() }, ..Tally::default() }
    }

    /// The same in the hour of each moment in the last weeks, as far back as `weeks`.
    fn in_earlier_weeks(facts: &mut Facts, step: &str, hours: &[&str], weeks: usize, tally: &Tally) {
        for hour in hours {
            for week in earlier(at(hour), &TimeZone::UTC).weeks.into_iter().take(weeks) {
                facts.hours.entry(place(step)).or_default().insert(week, tally.clone());
            }
        }
    }

    fn slots(facts: &mut Facts, step: &str, slots: &[(&str, Tally)]) {
        facts.slots.entry(place(step)).or_default().extend(slots.iter().map(|(time, tally)| (at(time), tally.clone())));
    }

    fn told(facts: &Facts, now: &str) -> Vec<(Kind, String)> {
        claims(facts, &book(), at(now), &TimeZone::UTC).into_iter().map(|c| (c.kind, c.sentence)).collect()
    }

    const AFTERNOON: [&str; 5] = ["10:00", "11:00", "12:00", "13:00", "14:00"];

    fn slow(weeks: usize, slots_now: &[(&str, Tally)]) -> Facts {
        let mut facts = Facts::default();
        in_earlier_weeks(&mut facts, "charge", &AFTERNOON, weeks, &took(40, 12));
        slots(&mut facts, "charge", slots_now);
        facts
    }

    #[test]
    fn a_step_over_three_times_its_usual_is_slow_since_the_slot_in_which_that_began() {
        let facts = slow(4, &[("14:10", took(12, 12)), ("14:20", took(12, 41))]);
        let sentence = "Charge card takes 41 s for one in twenty, usual at this hour is 12 s, since 14:20.";
        assert_eq!(told(&facts, "14:30"), [(Kind::Slow, sentence.to_owned())]);
        assert_eq!(told(&facts, "14:29"), [], "not before it was so for ten minutes");
    }

    #[test]
    fn a_step_without_enough_of_a_past_has_no_usual_and_is_not_slow() {
        assert_eq!(told(&slow(2, &[("14:20", took(12, 41))]), "14:30"), []);
        assert_eq!(usual(&BTreeMap::new(), &earlier(at("14:00"), &TimeZone::UTC)), Usual::default());
    }

    #[test]
    fn a_value_that_hovers_between_the_limits_keeps_what_was_so() {
        let hovering = [("14:00", took(12, 41)), ("14:10", took(12, 30)), ("14:20", took(12, 30))];
        assert_eq!(told(&slow(4, &hovering), "14:30").len(), 1);
        assert_eq!(told(&slow(4, &hovering[1..]), "14:30"), []);
        let over = [("14:00", took(12, 41)), ("14:10", took(12, 20)), ("14:20", took(12, 30))];
        assert_eq!(told(&slow(4, &over), "14:30"), []);
    }

    #[test]
    fn too_few_visits_say_nothing_and_several_slots_together_may() {
        assert_eq!(told(&slow(4, &[("14:20", took(3, 90))]), "14:30"), []);
        let few = [("14:00", took(4, 90)), ("14:10", took(4, 90)), ("14:20", took(4, 90))];
        assert_eq!(told(&slow(4, &few), "14:30").len(), 1);
    }

    #[test]
    fn one_bad_week_does_not_move_the_usual() {
        let mut facts = slow(4, &[("14:20", took(12, 41))]);
        let bad = earlier(at("14:00"), &TimeZone::UTC).weeks[0];
        facts.hours.get_mut(&place("charge")).unwrap().insert(bad, took(500, 900));
        assert_eq!(told(&facts, "14:30").len(), 1);
    }

    #[test]
    fn where_weeks_are_missing_the_last_days_say_what_is_usual() {
        let mut facts = slow(0, &[("14:20", took(12, 41))]);
        for day in earlier(at("14:00"), &TimeZone::UTC).days.into_iter().take(3) {
            facts.hours.entry(place("charge")).or_default().insert(day, took(40, 12));
        }
        assert_eq!(told(&facts, "14:30").len(), 1);
    }

    #[test]
    fn the_same_hour_is_that_of_the_wall_clock_through_a_change_to_summer_time() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let hour = Moment::parse("2026-03-31T08:00:00Z").unwrap();
        assert_eq!(earlier(hour, &zone).weeks[0].to_string(), "2026-03-24T09:00:00Z");
    }

    fn with_volume(weeks: usize, usually: i64, now: i64) -> Facts {
        let mut facts = Facts::default();
        in_earlier_weeks(&mut facts, "", &AFTERNOON, weeks, &tried(usually, 0));
        for hour in ["11:00", "12:00"] {
            facts.hours.entry(place("")).or_default().insert(at(hour), tried(usually, 0));
        }
        facts.hours.entry(place("")).or_default().insert(at("13:00"), tried(now, 0));
        facts
    }

    #[test]
    fn a_volume_far_from_the_usual_is_drift_once_the_hour_is_over() {
        let sentence = "30 orders started between 13:00 and 14:00; usual on Thursdays at this hour is 120.";
        assert_eq!(told(&with_volume(4, 120, 30), "14:05"), [(Kind::Drift, sentence.to_owned())]);
        assert_eq!(told(&with_volume(4, 120, 30), "14:04"), []);
        assert_eq!(told(&with_volume(4, 120, 90), "14:05"), []);
        assert_eq!(told(&with_volume(2, 120, 30), "14:05"), []);
    }

    #[test]
    fn until_there_are_three_weeks_a_week_of_days_says_how_many_are_usual_if_there_was_something_on_each() {
        let mut facts = with_volume(0, 120, 30);
        let days = earlier(at("13:00"), &TimeZone::UTC).days;
        for day in &days {
            facts.hours.get_mut(&place("")).unwrap().insert(*day, tried(120, 0));
        }
        let sentence = "30 orders started between 13:00 and 14:00; usual at this hour is 120.";
        assert_eq!(told(&facts, "14:05"), [(Kind::Drift, sentence.to_owned())]);
        facts.hours.get_mut(&place("")).unwrap().remove(&days[3]);
        assert_eq!(told(&facts, "14:05"), []);
    }

    #[test]
    fn small_numbers_never_cry_wolf() {
        assert_eq!(told(&with_volume(4, 2, 14), "14:05"), []);
        assert_eq!(told(&with_volume(4, 12, 0), "14:05"), []);
    }

    #[test]
    fn another_way_than_usual_is_drift_of_its_step() {
        let mut facts = Facts::default();
        let ways = |invoice: i64, charge: i64| BTreeMap::from([("charge".into(), charge), ("invoice".into(), invoice)]);
        let hours = facts.passages.entry(place("take")).or_default();
        for week in earlier(at("13:00"), &TimeZone::UTC).weeks.into_iter().take(4) {
            hours.insert(week, ways(6, 94));
        }
        hours.insert(at("13:00"), ways(40, 60));
        let sentence = "40 % of what left Take the order went on to Write the invoice between 13:00 and 14:00; usual on Thursdays at this hour is 6 %.";
        assert_eq!(told(&facts, "14:05"), [(Kind::Drift, sentence.to_owned())]);
        facts.passages.get_mut(&place("take")).unwrap().insert(at("13:00"), ways(2, 6));
        assert_eq!(told(&facts, "14:05"), []);
    }

    fn tries(now: Tally) -> Facts {
        let mut facts = Facts::default();
        in_earlier_weeks(&mut facts, "charge", &AFTERNOON, 4, &tried(55, 5));
        slots(&mut facts, "charge", &[("14:10", tried(10, 1)), ("14:20", now)]);
        facts
    }

    #[test]
    fn five_times_the_usual_tries_most_of_them_repeats_are_a_storm_at_the_component_at_once() {
        let sentence =
            "72 tries at The bank in the ten minutes from 14:20, 60 of them repeats; usual at this hour is 10.";
        let claims = claims(&tries(tried(12, 60)), &book(), at("14:24"), &TimeZone::UTC);
        assert_eq!((claims.len(), claims[0].kind, claims[0].sentence.as_str()), (1, Kind::Retrying, sentence));
        assert_eq!((&claims[0].place, claims[0].since), (&Where::Component("bank".into()), at("14:20")));
    }

    #[test]
    fn many_first_tries_are_no_storm() {
        assert_eq!(told(&tries(tried(72, 4)), "14:24"), []);
    }

    #[test]
    fn a_storm_that_has_passed_is_over() {
        assert_eq!(told(&tries(tried(12, 60)), "14:40").len(), 0);
    }

    #[test]
    fn a_late_try_is_told_for_an_hour_with_what_the_book_says() {
        let mut facts = Facts::default();
        let mut tally = tried(1, 1);
        tally.counts.late_retries = 1;
        tally.counts.late_by = Span::from_minutes(360).millis();
        slots(&mut facts, "charge", &[("14:20", tally)]);
        let sentence =
            "A try of Charge card came 6 h late, between 14:20 and 14:30. The book says: 3 tries, waiting 5m between.";
        assert_eq!(told(&facts, "14:30"), [(Kind::LateRetry, sentence.to_owned())]);
        assert_eq!(told(&facts, "15:30"), []);
    }

    fn seen(what: Thing, count: i64) -> Seen {
        Seen { workflow: "orders".into(), what, count, since: at("09:00") }
    }

    #[test]
    fn what_the_book_does_not_know_is_told_with_how_often() {
        let error = |sample: &str| {
            let (code, message) = sample.split_once(' ').unwrap_or((sample, ""));
            let fault = Fault { code: code.into(), message: message.into() };
            Thing::Error { step: "charge".into(), name: sample.into(), sample: fault }
        };
        let edge = |from: &str, to: &str| Thing::Edge(from.into(), to.into());
        let facts = Facts {
            seen: vec![
                seen(Thing::Step("wrap".into()), 3),
                seen(Thing::Step("take".into()), 9),
                seen(edge("take", "send"), 2),
                seen(edge("take", "charge"), 9),
                seen(edge("wrap", "send"), 9),
                seen(error("418 teapot"), 4),
                seen(error("503 busy"), 9),
            ],
            ..Facts::default()
        };
        let expected = [
            "The step \"wrap\" was seen 3 times since 09:00. It is not in the book.",
            "Take the order was followed by Send without Charge card and Write the invoice 2 times since 09:00. The book does not say so.",
            "Charge card failed 4 times since 09:00 with \"418 teapot\". No failure point in the book explains it.",
        ];
        assert_eq!(told(&facts, "14:30"), expected.map(|sentence| (Kind::Undocumented, sentence.to_owned())));
    }

    #[test]
    fn steps_that_go_on_side_by_side_may_follow_each_other() {
        let book = book();
        let knows = |from, to| knows_passage(&book.workflows["orders"], from, to);
        assert!(knows("charge", "invoice") && knows("invoice", "charge") && knows("take", "invoice"));
        assert!(!knows("send", "take") && !knows("take", "send") && !knows("take", "take"));
    }

    fn starts(times: &[&str], now: &str) -> Option<(String, i64)> {
        starts_about(&times.iter().map(|time| (*time, None)).collect::<Vec<_>>(), now)
    }

    fn starts_about(starts: &[(&str, Option<&str>)], now: &str) -> Option<(String, i64)> {
        let start = |(i, (time, about)): (usize, &(&str, Option<&str>))| Start {
            run: format!("run-{i}"),
            at: at(time),
            subject: about.map(str::to_owned),
        };
        let starts: Vec<_> = starts.iter().enumerate().map(start).collect();
        too_often(&book().workflows["orders"], &starts, at(now), &TimeZone::UTC).map(|c| (c.sentence, c.count))
    }

    #[test]
    fn two_starts_about_one_thing_say_that_it_may_have_been_done_twice() {
        let told = |starts: &[(&str, Option<&str>)]| starts_about(starts, "14:06").unwrap().0;
        let twice = told(&[("14:00", Some("order/7")), ("14:05", Some("order/7"))]);
        assert!(twice.ends_with(" Both are about order/7: it may have been done twice."), "{twice}");
        let two = told(&[("14:00", Some("order/7")), ("14:05", Some("order/8"))]);
        assert!(two.ends_with("between two starts."), "{two}");
    }

    #[test]
    fn an_approval_that_was_passed_over_needs_a_look_where_it_was_left_out() {
        let mut book = book();
        let desk = serde_json::from_value(json!({"id": "bank", "name": "The desk", "type": "approval"})).unwrap();
        book.components.insert("bank".to_owned(), desk);
        let orders = book.workflows.get_mut("orders").unwrap();
        orders.steps.truncate(2);
        orders.steps.push(serde_json::from_value(json!({"id": "send", "name": "Send"})).unwrap());
        orders.steps[1].if_skipped = Some("Nobody has agreed.".to_owned());
        let facts = Facts { seen: vec![seen(Thing::Edge("take".into(), "send".into()), 1)], ..Facts::default() };
        let claim = claims(&facts, &book, at("14:30"), &TimeZone::UTC).remove(0);
        assert_eq!((claim.state, claim.place), (State::Late, Where::Step("orders".into(), "charge".into())));
        assert_eq!(
            claim.sentence,
            "Take the order was followed by Send without Charge card 1 time since 09:00. The book does not say so. Nobody has agreed."
        );
    }

    #[test]
    fn a_run_did_without_what_was_skipped_or_passed_over_and_not_done_later() {
        let at = |second: i64| Moment::from_millis(1_780_000_000_000 + second * 1000);
        let book = book();
        let orders = &book.workflows["orders"];
        let folded = |said: &[(&str, &str)]| {
            let heard: Vec<_> = (0..)
                .zip(said)
                .map(|(second, (step, state))| {
                    let body = json!({"workflow": "orders", "run": "1", "step": step, "state": state,
                        "time": at(second).to_string()});
                    Heard { event: Event::parse(body, "t", at(second)).unwrap(), received_at: at(second) }
                })
                .collect();
            fold(&heard)
        };
        let run = |said: &[(&str, &str)]| names(&left_out(&folded(said), orders));
        let done = "succeeded";
        assert_eq!(run(&[("take", done), ("charge", done), ("invoice", done), ("send", done)]), "");
        assert_eq!(run(&[("take", done), ("charge", "skipped"), ("invoice", done), ("send", done)]), "Charge card");
        assert_eq!(run(&[("take", done), ("send", done)]), "Charge card and Write the invoice");
        assert_eq!(run(&[("take", done), ("send", done), ("charge", done)]), "Write the invoice");
        assert_eq!(run(&[("take", done), ("charge", "running")]), "");
        let ahead = |said: &[(&str, &str)]| names(&ahead(&folded(said), orders));
        assert_eq!(ahead(&[("take", done)]), "Charge card and Write the invoice and Send");
        assert_eq!(ahead(&[("charge", done)]), "Write the invoice and Send");
        // Whatever became of the others, they do not come any more.
        assert_eq!(ahead(&[("take", done), ("send", "running")]), "");
    }

    #[test]
    fn starts_closer_than_the_book_allows_are_too_often_until_that_stops() {
        let sentence = "run-1 started at 14:05, only 5 min after the one before. The book expects at least 10 min between two starts.";
        assert_eq!(starts(&["14:00", "14:05"], "14:06"), Some((sentence.to_owned(), 1)));
        assert_eq!(starts(&["14:00", "14:05"], "14:15"), None);
        assert_eq!(starts(&["14:00", "14:10"], "14:11"), None);
        let sentence = "2 orders started too soon after the one before since 14:05, the last at 14:11, 6 min after. The book expects at least 10 min between two starts.";
        assert_eq!(starts(&["14:11", "14:05", "14:00"], "14:12"), Some((sentence.to_owned(), 2)));
    }

    /// The facts as they are read back from what was kept.
    fn facts_of(kept: &HourlyChange) -> Facts {
        let mut facts = Facts::default();
        for ((slot, step), change) in &kept.slots {
            let mut tally = Tally::default();
            tally.change(change);
            let place = ("w".to_owned(), step.clone());
            facts.hours.entry(place.clone()).or_default().entry(begin(*slot, HOUR)).or_default().merge(&tally);
            facts.slots.entry(place).or_default().insert(*slot, tally);
        }
        for ((hour, from, to), n) in &kept.edges {
            let ways = facts.passages.entry(("w".to_owned(), from.clone())).or_default().entry(*hour).or_default();
            ways.insert(to.clone(), *n);
            let what = Thing::Edge(from.clone(), to.clone());
            facts.seen.push(Seen { workflow: "w".to_owned(), what, count: *n, since: *hour });
        }
        facts
    }

    proptest! {
        #[test]
        fn the_claims_are_the_same_for_any_order_any_repetition_and_any_cut(
            events in events(), seed in any::<u64>(), commit in 1usize..50, minutes in 0i64..400
        ) {
            let mut book = book();
            let mut workflow = book.workflows["orders"].clone();
            workflow.id = "w".to_owned();
            workflow.steps.truncate(1);
            workflow.steps[0].id = "a".to_owned();
            book.workflows.insert("w".to_owned(), workflow);
            let now = Moment::from_millis(1_780_000_200_000) + Span::from_minutes(minutes);
            let told = |kept: &HourlyChange| claims(&facts_of(kept), &book, now, &TimeZone::UTC);
            let once = told(&kept(&events, usize::MAX));
            let twice: Vec<_> = events.iter().chain(events.iter().filter(|_| seed & 1 == 0)).cloned().collect();
            prop_assert_eq!(told(&kept(&shuffled(twice, seed), commit)), once.clone());
            // And without a past nothing is held against it.
            prop_assert!(once.iter().all(|c| matches!(c.kind, Kind::LateRetry | Kind::Undocumented)));
        }

        #[test]
        fn the_usual_lies_within_the_past(values in proptest::collection::vec(0i64..1_000, 3..8)) {
            let weeks = earlier(at("14:00"), &TimeZone::UTC);
            let kept = weeks.weeks.iter().zip(&values).map(|(week, n)| (*week, tried(*n, 0))).collect();
            let volume = usual(&kept, &weeks).volume.unwrap();
            let (least, most) = (*values.iter().min().unwrap() as f64, *values.iter().max().unwrap() as f64);
            prop_assert!(volume.middle >= least && volume.middle <= most && volume.spread <= most - least);
        }
    }
}
