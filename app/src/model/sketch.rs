//! How long things take, as a sketch: a few hundred bytes that answer "one in twenty takes longer than this".
//!
//! DDSketch (Masson, Rim, Lee: DDSketch, VLDB 2019): durations are counted in buckets whose bounds grow by a constant
//! factor, so that a quantile is wrong by at most [`ACCURACY`] of its value, however the durations are spread. A sketch
//! is only counts, so adding two is exact, in any order, and what was counted can be taken back. There are crates for
//! it; they keep sums as floats and bins as dense arrays, and none can take back or be compared, which the law of
//! `hourly` needs. What is left of the algorithm without negative numbers and collapsing is this file.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::moment::Span;

/// A quantile is at most this part of its value away from the true one.
pub const ACCURACY: f64 = 0.02;

/// Each bucket is this many times as wide as the one below it.
const GROWTH: f64 = (1.0 + ACCURACY) / (1.0 - ACCURACY);

/// Durations in buckets: bucket `k` counts those above `GROWTH^(k-1)` and up to `GROWTH^k` milliseconds.
/// Written `12 15=3 16`: the buckets in rising order, with how many where that is not one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sketch(BTreeMap<u16, u64>);

/// Durations that are counted, or no longer counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SketchChange(BTreeMap<u16, i64>);

/// The bucket of a duration; what takes no time at all is counted as a millisecond.
fn bucket(duration: Span) -> u16 {
    let millis = duration.millis().max(1) as f64;
    // The logarithm of the longest span is below 1100 buckets.
    (millis.ln() / GROWTH.ln()).ceil() as u16
}

/// The duration that stands for a bucket: as far from its lower bound as from its upper one, in parts of itself.
fn middle(bucket: u16) -> f64 {
    2.0 * GROWTH.powi(i32::from(bucket)) / (GROWTH + 1.0)
}

impl Sketch {
    /// Counts one duration.
    pub fn add(&mut self, duration: Span) {
        *self.0.entry(bucket(duration)).or_default() += 1;
    }

    /// How many durations it counts.
    pub fn count(&self) -> i64 {
        i64::try_from(self.0.values().sum::<u64>()).unwrap_or(i64::MAX)
    }

    /// How many of them are longer than `limit`, as far as buckets tell.
    pub fn longer_than(&self, limit: Span) -> i64 {
        let above = self.0.range(bucket(limit) + 1..).map(|(_, n)| n).sum::<u64>();
        i64::try_from(above).unwrap_or(i64::MAX)
    }

    /// The duration that a part `q` of all (0 to 1) does not exceed; nothing where nothing is counted.
    pub fn quantile(&self, q: f64) -> Option<Span> {
        let last = u64::try_from(self.count() - 1).ok()?;
        let rank = (q.clamp(0.0, 1.0) * last as f64) as u64;
        let mut below = 0;
        let found = self.0.iter().find(|(_, n)| {
            below += **n;
            below > rank
        });
        found.map(|(bucket, _)| Span::from_millis(middle(*bucket).round() as i64))
    }

    /// Takes in another sketch: the same as having counted everything in one.
    pub fn merge(&mut self, other: &Sketch) {
        for (bucket, n) in &other.0 {
            *self.0.entry(*bucket).or_default() += n;
        }
    }

    /// Takes in a change. What was never counted cannot be taken back: no count goes below zero.
    pub fn change(&mut self, change: &SketchChange) {
        for (bucket, by) in &change.0 {
            let n = self.0.entry(*bucket).or_default();
            *n = n.saturating_add_signed(*by);
        }
        self.0.retain(|_, n| *n > 0);
    }

    /// Reads what `Display` wrote; what cannot be read counts nothing.
    pub fn parse(text: &str) -> Self {
        let one = |part: &str| match part.split_once('=') {
            Some((bucket, n)) => Some((bucket.parse().ok()?, n.parse().ok()?)),
            None => Some((part.parse().ok()?, 1)),
        };
        Self(text.split_whitespace().filter_map(one).filter(|(_, n)| *n > 0).collect())
    }
}

impl fmt::Display for Sketch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (bucket, n)) in self.0.iter().enumerate() {
            let space = if i == 0 { "" } else { " " };
            match n {
                1 => write!(f, "{space}{bucket}")?,
                n => write!(f, "{space}{bucket}={n}")?,
            }
        }
        Ok(())
    }
}

impl SketchChange {
    /// Counts a duration, or no longer counts it.
    pub fn add(&mut self, duration: Span, by: i64) {
        let bucket = bucket(duration);
        let n = self.0.entry(bucket).or_default();
        *n += by;
        if *n == 0 {
            self.0.remove(&bucket);
        }
    }

    /// Takes in another change.
    pub fn merge(&mut self, other: &SketchChange) {
        for (bucket, by) in &other.0 {
            *self.0.entry(*bucket).or_default() += by;
        }
        self.0.retain(|_, n| *n != 0);
    }

    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(millis: &[i64]) -> Sketch {
        let mut sketch = Sketch::default();
        millis.iter().for_each(|ms| sketch.add(Span::from_millis(*ms)));
        sketch
    }

    fn merged(a: &Sketch, b: &Sketch) -> Sketch {
        let mut both = a.clone();
        both.merge(b);
        both
    }

    /// From milliseconds to weeks, as evenly over the scales as durations are.
    fn durations() -> impl Strategy<Value = Vec<i64>> {
        proptest::collection::vec((0.0f64..21.0).prop_map(|power| power.exp() as i64), 1..200)
    }

    #[test]
    fn an_empty_sketch_claims_nothing() {
        assert_eq!((Sketch::default().quantile(0.95), Sketch::default().count()), (None, 0));
    }

    #[test]
    fn weeks_of_durations_from_milliseconds_to_days_fit_in_a_few_kilobytes() {
        let many: Vec<i64> = (0..100_000).map(|i| (f64::from(i) / 100_000.0 * 20.0).exp() as i64).collect();
        assert!(of(&many).to_string().len() < 5_000);
    }

    #[test]
    fn what_was_not_counted_cannot_be_taken_back() {
        let mut sketch = of(&[1_000]);
        let mut change = SketchChange::default();
        change.add(Span::from_secs(1), -3);
        change.add(Span::from_secs(60), -1);
        sketch.change(&change);
        assert_eq!(sketch, Sketch::default());
    }

    #[test]
    fn those_longer_than_a_limit_are_counted() {
        assert_eq!(of(&[1_000, 5_000, 9_000, 20_000]).longer_than(Span::from_secs(7)), 2);
    }

    proptest! {
        #[test]
        fn a_quantile_is_as_near_as_promised(mut millis in durations(), q in 0.0f64..=1.0) {
            let found = of(&millis).quantile(q).unwrap().millis() as f64;
            millis.sort_unstable();
            let truth = millis[(q * (millis.len() - 1) as f64) as usize].max(1) as f64;
            // Half a millisecond is what is lost by whole numbers.
            prop_assert!((found - truth).abs() <= ACCURACY * truth * 1.000_001 + 0.5, "{found} for {truth}");
        }

        #[test]
        fn merging_is_counting_in_one_whatever_the_order(a in durations(), b in durations(), c in durations()) {
            let all: Vec<_> = [a.as_slice(), &b, &c].concat();
            let (a, b, c) = (of(&a), of(&b), of(&c));
            prop_assert_eq!(merged(&merged(&a, &b), &c), of(&all));
            prop_assert_eq!(merged(&a, &merged(&b, &c)), of(&all));
            prop_assert_eq!(merged(&c, &merged(&b, &a)), of(&all));
            prop_assert_eq!(of(&all).count(), all.len() as i64);
        }

        #[test]
        fn what_is_taken_back_was_never_there(kept in durations(), gone in durations()) {
            let mut sketch = of(&[kept.as_slice(), &gone].concat());
            let mut change = SketchChange::default();
            gone.iter().for_each(|ms| change.add(Span::from_millis(*ms), -1));
            sketch.change(&change);
            prop_assert_eq!(sketch, of(&kept));
        }

        #[test]
        fn a_written_sketch_reads_back_the_same(millis in durations()) {
            let sketch = of(&millis);
            prop_assert_eq!(Sketch::parse(&sketch.to_string()), sketch);
        }

        #[test]
        fn whatever_stands_there_is_read_without_harm(text in ".{0,80}") {
            Sketch::parse(&text);
        }
    }
}
