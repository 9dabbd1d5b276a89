//! How long commits took: counted by upper bounds, for the metrics.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The bounds, in milliseconds.
pub const BOUNDS: [u64; 10] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000];

/// How many commits took how long.
#[derive(Debug, Default)]
pub struct Commits {
    /// By the smallest bound that holds them; the last are those beyond all bounds.
    counts: [AtomicU64; BOUNDS.len() + 1],
    /// The sum, in microseconds.
    sum: AtomicU64,
}

impl Commits {
    /// Counts one.
    pub fn took(&self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let at = BOUNDS.iter().position(|bound| micros <= bound * 1_000).unwrap_or(BOUNDS.len());
        self.counts[at].fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(micros, Ordering::Relaxed);
    }

    /// For each bound how many took no longer, then how many there were: as Prometheus counts a histogram.
    pub fn up_to(&self) -> Vec<(Option<u64>, u64)> {
        let bounds = BOUNDS.into_iter().map(Some).chain([None]);
        let counts = self.counts.iter().map(|count| count.load(Ordering::Relaxed));
        let mut sum = 0;
        let up_to = |(bound, count)| {
            sum += count;
            (bound, sum)
        };
        bounds.zip(counts).map(up_to).collect()
    }

    /// How long all of them took together.
    pub fn sum(&self) -> Duration {
        Duration::from_micros(self.sum.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bound_counts_all_that_took_no_longer() {
        let commits = Commits::default();
        for millis in [1, 4, 5, 2_000] {
            commits.took(Duration::from_millis(millis));
        }
        let counted = commits.up_to();
        assert_eq!(counted[..4], [(Some(1), 1), (Some(2), 1), (Some(5), 3), (Some(10), 3)]);
        assert_eq!(counted.last(), Some(&(None, 4)));
        assert_eq!(commits.sum(), Duration::from_millis(2_010));
    }
}
