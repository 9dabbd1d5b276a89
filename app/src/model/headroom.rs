//! Headroom: how long a queue holds out if nothing leaves it from now on.

use super::book::Limits;
use super::moment::{Moment, Span};

/// A reading older than this says nothing about now.
const FRESH: Span = Span::from_minutes(15);

/// What a queue reported at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// When.
    pub at: Moment,
    /// How many wait.
    pub depth: i64,
    /// Since when the oldest waits, where it was told and something waits.
    pub oldest_at: Option<Moment>,
    /// How many came since the reading before, where it was told.
    pub arrived: Option<i64>,
}

/// How long from `now` until the queue is over one of its limits, if nothing leaves it and as much comes as of late;
/// zero when it is over one already. None when that cannot be told: no limit, no reading of the last 15 minutes, or
/// readings that do not say enough.
pub fn headroom(limits: &Limits, readings: &[Reading], now: Moment) -> Option<Span> {
    let mut readings: Vec<_> = readings.iter().filter(|r| r.at <= now).collect();
    readings.sort_by_key(|r| r.at);
    let newest = readings.last().filter(|r| now.since(r.at) <= FRESH)?;
    let by_age = limits.oldest.and_then(|limit| {
        let waits = match newest.oldest_at {
            Some(oldest) => now.since(oldest),
            None if newest.depth == 0 => Span::default(),
            None => return None,
        };
        Some(limit.millis() - waits.millis())
    });
    let by_depth = limits.depth.and_then(|limit| {
        let left = i64::try_from(limit).unwrap_or(i64::MAX).saturating_sub(newest.depth);
        if left < 0 {
            return Some(0);
        }
        let (came, during) = arrivals(&readings)?;
        // It is over its limit with one more than the limit.
        let until = (i128::from(left) + 1) * i128::from(during) / i128::from(came);
        i64::try_from(until).ok().map(|until| until - now.since(newest.at).millis())
    });
    let until = by_age.into_iter().chain(by_depth).min()?;
    Some(Span::from_millis(until.max(0)))
}

/// How many came during how many milliseconds; none when nothing came or it was not told.
fn arrivals(readings: &[&Reading]) -> Option<(i64, i64)> {
    let (first, later) = readings.split_first()?;
    let came: i64 = later.iter().map(|r| r.arrived).sum::<Option<i64>>()?;
    let during = later.last()?.at.since(first.at).millis();
    (came > 0 && during > 0).then_some((came, during))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Moment {
        Moment::default() + Span::from_minutes(100 + minute)
    }

    fn reading(minute: i64, depth: i64, oldest: Option<i64>, arrived: i64) -> Reading {
        Reading { at: at(minute), depth, oldest_at: oldest.map(at), arrived: Some(arrived) }
    }

    fn limits(depth: Option<u64>, oldest: Option<i64>) -> Limits {
        Limits { depth, oldest: oldest.map(Span::from_minutes) }
    }

    fn left(limits: &Limits, readings: &[Reading], now: i64) -> Option<i64> {
        headroom(limits, readings, at(now)).map(|span| span.millis() / 60_000)
    }

    #[test]
    fn the_oldest_reaches_its_limit_by_waiting() {
        assert_eq!(left(&limits(None, Some(15)), &[reading(0, 4, Some(-5), 0)], 1), Some(9));
        assert_eq!(left(&limits(None, Some(15)), &[reading(0, 0, None, 0)], 1), Some(15));
        assert_eq!(left(&limits(None, Some(15)), &[reading(0, 4, Some(-47), 0)], 1), Some(0), "over it already");
    }

    #[test]
    fn a_queue_fills_as_fast_as_of_late() {
        let readings = [reading(10, 100, None, 50), reading(0, 90, None, 7), reading(5, 95, None, 50)];
        // 100 came in ten minutes; room for 401 more, two minutes of which have passed.
        assert_eq!(left(&limits(Some(500), None), &readings, 12), Some(38));
        assert_eq!(left(&limits(Some(99), None), &readings, 12), Some(0));
    }

    #[test]
    fn the_first_limit_counts() {
        let readings = [reading(0, 0, None, 0), reading(10, 0, None, 10)];
        assert_eq!(left(&limits(Some(500), Some(15)), &readings, 10), Some(15));
        assert_eq!(left(&limits(Some(4), Some(15)), &readings, 10), Some(5));
    }

    #[test]
    fn without_limit_or_fresh_reading_nothing_is_claimed() {
        assert_eq!(left(&limits(None, None), &[reading(0, 4, Some(-5), 1)], 1), None);
        assert_eq!(left(&limits(Some(500), Some(15)), &[], 1), None);
        assert_eq!(left(&limits(Some(500), Some(15)), &[reading(0, 4, Some(-5), 1)], 16), None);
        assert_eq!(left(&limits(Some(500), None), &[reading(0, 4, None, 1)], 1), None, "one reading is no rate");
    }
}
