//! A source: whoever sends us events, and when its silence means that we do not know.

use super::moment::{Moment, Span};

/// No pause shorter than this is called silence.
const SHORTEST: Span = Span::from_minutes(10);

/// Whether a source has gone silent: not heard for longer than twice its longest usual pause, and ten minutes.
pub fn is_silent(last_heard_at: Moment, longest_pause: Span, now: Moment) -> bool {
    now.since(last_heard_at) > silent_after(longest_pause)
}

/// How long after its last word a source is called silent.
pub fn silent_after(longest_pause: Span) -> Span {
    SHORTEST.max(Span::from_millis(longest_pause.millis().saturating_mul(2)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_silent_after_twice_its_longest_pause_and_never_before_ten_minutes() {
        let at = |minutes| Moment::default() + Span::from_minutes(minutes);
        assert!(!is_silent(at(0), Span::from_secs(1), at(10)));
        assert!(is_silent(at(0), Span::from_secs(1), at(11)));
        assert!(!is_silent(at(0), Span::from_minutes(60), at(120)));
        assert!(is_silent(at(0), Span::from_minutes(60), at(121)));
    }
}
