//! What is recorded of what is known: when the next picture of a topic is due, and what becomes of it.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::hourly::{HOUR, begin};
use super::moment::{Moment, Span};

/// Records that differ in nothing of weight are at least this far apart.
pub const APART: Span = Span::from_secs(10);

/// Two looks at one topic are at least this far apart.
const LOOKS_APART: Span = Span::from_secs(1);

/// Where sentences count time ("22 min over") it is looked at this often, told or not.
const COUNTED: Span = Span::from_minutes(1);

/// A look that takes longer is long: after it the next one waits, so that long looks take a twentieth of the time.
const LONG_LOOK: Span = Span::from_millis(250);

/// That part of the time.
const PART_OF_TIME: i64 = 20;

/// After so many that are written as a difference one is written in full.
const DIFFERENCES: u32 = 60;

/// A difference is to one that is not older than this.
const OLDEST_BASE: Span = Span::from_minutes(60);

/// How long everything is kept: a day, and a little, so that "this time yesterday" is still there.
pub const ALL_KEPT: Span = Span::from_minutes(25 * 60);

/// How long what stays is kept.
pub const KEPT: Span = Span::from_minutes(90 * 24 * 60);

/// What is known of the recording of one topic.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pace {
    told_at: Option<Moment>,
    looked_at: Option<Moment>,
    written: Option<Written>,
    /// What was seen last differs from what is written, in nothing of weight.
    held_back: bool,
    counts_time: bool,
    rest: Span,
}

#[derive(Debug, Clone, PartialEq)]
struct Written {
    at: Moment,
    content: u64,
    weight: u64,
    base_at: Moment,
    differences: u32,
}

/// What a look has seen.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// What is compared to tell whether anything differs.
    pub content: &'a str,
    /// What is compared to tell whether something of weight does.
    pub weight: &'a str,
    /// Whether its sentences count time.
    pub counts_time: bool,
    /// How long the look took.
    pub took: Span,
}

/// How a picture is to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Write {
    /// Whether it stays when others of its day go.
    pub stays: bool,
    /// As what differs from the record of this moment; in full when it is none.
    pub base_at: Option<Moment>,
}

impl Pace {
    /// That of a topic of which this is the newest record: found after a start, when the rest is not known any more.
    pub fn from_record(at: Moment, content: &str, weight: &str) -> Self {
        let (content, weight) = (hash(content), hash(weight));
        // The next one is written in full.
        let written = Written { at, content, weight, base_at: at, differences: DIFFERENCES };
        Self { written: Some(written), ..Self::default() }
    }

    /// Something changed that it may show.
    pub fn tell(&mut self, at: Moment) {
        self.told_at.get_or_insert(at);
    }

    /// Whether it was looked at since the start.
    pub fn is_known(&self) -> bool {
        self.looked_at.is_some()
    }

    /// From when on it is to be looked at; none while nothing asks for that.
    pub fn due(&self) -> Option<Moment> {
        let Some(looked_at) = self.looked_at else { return self.told_at };
        let held_back = self.written.as_ref().filter(|_| self.held_back).map(|written| written.at + APART);
        let counted = self.counts_time.then_some(looked_at + COUNTED);
        let due = [self.told_at, held_back, counted].into_iter().flatten().min()?;
        Some(due.max(looked_at + self.rest))
    }

    /// What is known after a look, and how its picture is to be written, if it is.
    pub fn after(&self, at: Moment, seen: Seen<'_>) -> (Self, Option<Write>) {
        let (content, weight) = (hash(seen.content), hash(seen.weight));
        let rest = match seen.took > LONG_LOOK {
            true => Span::from_millis(seen.took.millis().saturating_mul(PART_OF_TIME)),
            false => LOOKS_APART,
        };
        let looked = Self { looked_at: Some(at), told_at: None, counts_time: seen.counts_time, rest, ..self.clone() };
        let (weighs, new_hour) = match &self.written {
            Some(written) if written.content == content => return (Self { held_back: false, ..looked }, None),
            Some(written) => (written.weight != weight, begin(written.at, HOUR) != begin(at, HOUR)),
            None => (true, true),
        };
        if !weighs && self.written.as_ref().is_some_and(|written| at.since(written.at) < APART) {
            return (Self { held_back: true, ..looked }, None);
        }
        let base = self.written.as_ref().filter(|w| w.differences < DIFFERENCES && at.since(w.base_at) <= OLDEST_BASE);
        let (base_at, differences) = base.map_or((at, 0), |w| (w.base_at, w.differences + 1));
        let write = Write { stays: weighs || new_hour || base.is_none(), base_at: base.map(|w| w.base_at) };
        let written = Some(Written { at, content, weight, base_at, differences });
        (Self { held_back: false, written, ..looked }, Some(write))
    }
}

impl Pace {
    /// What is known after a look that failed: the next one comes in a minute.
    #[must_use]
    pub fn after_failure(&self, at: Moment) -> Self {
        Self { looked_at: Some(at), told_at: Some(at), rest: COUNTED, ..self.clone() }
    }
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const START: i64 = 1_780_560_000_000;

    fn at(seconds: i64) -> Moment {
        Moment::from_millis(START) + Span::from_secs(seconds)
    }

    fn seen<'a>(content: &'a str, weight: &'a str) -> Seen<'a> {
        Seen { content, weight, counts_time: false, took: Span::default() }
    }

    #[test]
    fn what_weighs_is_written_at_once_and_stays() {
        let (pace, write) = Pace::default().after(at(0), seen("a", "fine"));
        assert_eq!(write, Some(Write { stays: true, base_at: None }));
        let (_, write) = pace.after(at(2), seen("b", "broken"));
        assert_eq!(write, Some(Write { stays: true, base_at: Some(at(0)) }));
    }

    #[test]
    fn what_does_not_weigh_waits_until_the_last_record_is_ten_seconds_old() {
        let (pace, _) = Pace::default().after(at(0), seen("a", "fine"));
        assert_eq!(pace.due(), None);
        let (pace, write) = pace.after(at(4), seen("b", "fine"));
        assert_eq!((write, pace.due()), (None, Some(at(10))));
        let (pace, write) = pace.after(at(10), seen("b", "fine"));
        assert_eq!((write, pace.due()), (Some(Write { stays: false, base_at: Some(at(0)) }), None));
        assert_eq!(pace.after(at(30), seen("b", "fine")).1, None);
    }

    #[test]
    fn the_first_of_an_hour_stays() {
        let (pace, _) = Pace::default().after(at(3_590), seen("a", "fine"));
        let (_, write) = pace.after(at(3_601), seen("b", "fine"));
        assert_eq!(write, Some(Write { stays: true, base_at: Some(at(3_590)) }));
    }

    #[test]
    fn where_time_is_counted_it_is_looked_at_once_a_minute() {
        let (pace, _) = Pace::default().after(at(0), Seen { counts_time: true, ..seen("a", "late") });
        assert_eq!(pace.due(), Some(at(60)));
    }

    #[test]
    fn a_look_that_took_long_is_not_soon_repeated() {
        let (mut pace, _) = Pace::default().after(at(0), Seen { took: Span::from_secs(2), ..seen("a", "fine") });
        pace.tell(at(1));
        assert_eq!(pace.due(), Some(at(40)));
    }

    #[test]
    fn after_a_start_the_same_is_not_written_again_and_anything_else_in_full() {
        let mut pace = Pace::from_record(at(0), "a", "fine");
        pace.tell(at(60));
        assert_eq!((pace.is_known(), pace.due()), (false, Some(at(60))));
        assert_eq!(pace.after(at(60), seen("a", "fine")).1, None);
        assert_eq!(pace.after(at(60), seen("b", "fine")).1.unwrap().base_at, None);
    }

    proptest! {
        /// Whatever happens: nothing of weight goes unwritten, what is written in between is apart, and the base of a
        /// difference is a record that stays and is not too old.
        #[test]
        fn records_are_apart_unless_they_weigh(looks in proptest::collection::vec((1i64..40, 0u8..6, 0u8..3), 1..300)) {
            let (mut pace, mut now) = (Pace::default(), 0);
            let mut records: Vec<(Moment, Write, u8)> = Vec::new();
            for (wait, content, weight) in looks {
                now += wait;
                let (text, heavy) = (format!("{weight} {content}"), weight.to_string());
                let (next, write) = pace.after(at(now), seen(&text, &heavy));
                if records.last().is_none_or(|(.., last)| *last != weight) {
                    prop_assert!(write.is_some_and(|write| write.stays));
                }
                if let Some(write) = write {
                    if let Some((last, ..)) = records.last() && !write.stays {
                        prop_assert!(at(now).since(*last) >= APART);
                    }
                    if let Some(base_at) = write.base_at {
                        let base = records.iter().find(|(at, ..)| *at == base_at);
                        prop_assert!(base.is_some_and(|(_, base, _)| base.stays && base.base_at.is_none()));
                        prop_assert!(at(now).since(base_at) <= OLDEST_BASE);
                    }
                    records.push((at(now), write, weight));
                }
                pace = next;
            }
        }
    }
}
