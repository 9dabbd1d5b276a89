//! The plan of the demo: everything that happens, in the order in which it is told. Pure: one seed and one start
//! give one day.

use std::collections::BTreeMap;

use app::model::moment::{Moment, Span};
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::Value;

use super::{company, troubles};

/// How long one cycle of the company's day is. Four of them make a round of all troubles.
pub const CYCLE: Span = Span::from_secs(420);

/// The cycle with which the past begins: three hours before the start.
const FIRST: i64 = -26;

/// The first cycle with the troubles and the full traffic of the present; before it everything was calm.
const LIVELY: i64 = -4;

/// Something that will happen.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// When it is told, which may be later than when it happened.
    pub at: Moment,
    /// What it is.
    pub what: What,
}

/// What will happen.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// A source tells an event.
    Told(&'static str, Value),
    /// The book says how many times an order is tried.
    Tries(u32),
}

impl Planned {
    /// A source tells an event.
    pub fn event(at: Moment, source: &'static str, event: Value) -> Self {
        Self { at, what: What::Told(source, event) }
    }
}

/// The day of the company, in cycles counted from the start of the demo.
#[derive(Debug, Clone, Copy)]
pub struct Day {
    /// When the demo was started: the beginning of cycle 0.
    pub start: Moment,
}

/// What a cycle is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The courier fails, an order is held, and a deployment changes how often orders are tried.
    Deployment,
    /// An order is blocked, an invoice is refused, a stock update does not come.
    Finance,
    /// The queue before the ERP backs up.
    Backlog,
    /// The deployment is taken back.
    Rollback,
}

impl Day {
    /// A moment of a cycle, by the seconds since its beginning.
    pub fn at(self, cycle: i64, seconds: i64) -> Moment {
        self.start + Span::from_millis(cycle * CYCLE.millis() + seconds * 1000)
    }

    /// The cycle of a moment, and how far into it that is.
    pub fn cycle(self, at: Moment) -> (i64, Span) {
        let since = at.since(self.start).millis();
        (since.div_euclid(CYCLE.millis()), Span::from_millis(since.rem_euclid(CYCLE.millis())))
    }

    /// What a cycle is about; none in the calm part of the past.
    pub fn phase(self, cycle: i64) -> Option<Phase> {
        let phases = [Phase::Deployment, Phase::Finance, Phase::Backlog, Phase::Rollback];
        (cycle >= LIVELY).then(|| phases[cycle.rem_euclid(4) as usize])
    }
}

/// Everything that happens, without an end. Only what begins in the present cycle, and what of earlier ones is not
/// over yet, is in memory.
#[derive(Debug)]
pub struct Plan {
    seed: u64,
    day: Day,
    next_cycle: i64,
    waiting: BTreeMap<(Moment, u64), What>,
    count: u64,
}

impl Plan {
    /// The plan of a demo that is started at a moment; it begins three hours before.
    pub fn starting(seed: u64, start: Moment) -> Self {
        Self { seed, day: Day { start }, next_cycle: FIRST, waiting: BTreeMap::new(), count: 0 }
    }

    /// When the demo was started.
    pub fn start(&self) -> Moment {
        self.day.start
    }

    /// When the next thing happens.
    pub fn next_at(&mut self) -> Moment {
        loop {
            let known_until = self.day.at(self.next_cycle, 0);
            match self.waiting.first_key_value() {
                Some(((at, _), _)) if *at < known_until => return *at,
                _ => self.plan_cycle(),
            }
        }
    }

    /// The next thing, if it happens no later than a moment.
    pub fn next_until(&mut self, until: Moment) -> Option<Planned> {
        if self.next_at() > until {
            return None;
        }
        self.waiting.pop_first().map(|((at, _), what)| Planned { at, what })
    }

    fn plan_cycle(&mut self) {
        for planned in script(self.seed, self.day, self.next_cycle) {
            self.count += 1;
            self.waiting.insert((planned.at, self.count), planned.what);
        }
        self.next_cycle += 1;
    }
}

/// What begins in one cycle, with all that follows from it. Nothing of it is told before the cycle begins.
pub fn script(seed: u64, day: Day, cycle: i64) -> Vec<Planned> {
    let mut rng = StdRng::seed_from_u64(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(cycle as u64));
    let mut planned = company::ordinary(day, cycle, &mut rng);
    planned.extend(troubles::of(day, cycle, &mut rng));
    planned
}
