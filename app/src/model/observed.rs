//! What is observed of a part, as a document may state it: `observed.p95=4m`, `observed.depth=<500`.

use super::fact::{FactNow, same};
use super::moment::Span;
use super::sketch::Sketch;
use super::status::State;

/// What a path to something observed begins with.
pub const PREFIX: &str = "observed.";

/// What can be stated of what is observed.
pub const FIELDS: [&str; 6] = ["state", "waiting", "p50", "p95", "depth", "oldest"];

/// How far an observed length or count may be from the stated one, as a part of that: nobody writes "4 minutes" to
/// the second.
const TOLERANCE: f64 = 0.25;

/// What is observed of one part now. What is not known of it is nothing, and a fact about that is unknown, not wrong.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// Its state.
    pub state: Option<State>,
    /// How many runs are there.
    pub waiting: Option<i64>,
    /// How long visits took in the last 24 hours.
    pub durations: Sketch,
    /// How many wait in the queue.
    pub depth: Option<i64>,
    /// How long the oldest of them has waited.
    pub oldest: Option<Span>,
}

/// Whether a path leads to something observed; the field then.
pub fn field(path: &str) -> Option<&str> {
    path.strip_prefix(PREFIX)
}

/// What is wrong with a statement about something observed, in words for its author; nothing when it can be held
/// against what is observed.
pub fn wrong(path: &str, stated: &str) -> Option<String> {
    let field = field(path)?;
    if !FIELDS.contains(&field) {
        return Some(format!("\"{field}\" is not observed; what is observed is {}", FIELDS.join(", ")));
    }
    let is_length = matches!(field, "p50" | "p95" | "oldest");
    let bare = stated.trim_start_matches(['<', '>']).trim();
    match field {
        "state" if State::parse(&as_name(stated)).is_none() => {
            Some(format!("\"{stated}\" is not a state; write one like on_track, late or broken"))
        }
        "state" => None,
        _ if is_length && length(bare).is_none() => {
            Some(format!("{path} is a length of time; write it like 4m, or <4m"))
        }
        _ if !is_length && number(bare).is_none() => Some(format!("{path} is a number; write it like 500, or <500")),
        _ => None,
    }
}

impl Observed {
    /// How a statement stands against this. Lengths and counts hold within a quarter of what is stated, or, with `<`
    /// or `>` before them, below or above it.
    pub fn fact_now(&self, field: &str, stated: &str) -> FactNow {
        let length_of = |of: Option<Span>| of.map(|span| (span.millis() as f64, rounded(span)));
        let (value, present) = match field {
            "state" => {
                return match self.state {
                    None => FactNow::Unknown,
                    Some(state) if same(&as_name(stated), state.name()) => FactNow::Holds,
                    Some(state) => FactNow::Differs { present: state.words().to_owned() },
                };
            }
            "waiting" => match self.waiting {
                Some(n) => (n as f64, n.to_string()),
                None => return FactNow::Unknown,
            },
            "depth" => match self.depth {
                Some(n) => (n as f64, n.to_string()),
                None => return FactNow::Unknown,
            },
            _ => {
                let span = match field {
                    "p50" => self.durations.quantile(0.5),
                    "p95" => self.durations.quantile(0.95),
                    "oldest" => self.oldest,
                    _ => None,
                };
                match length_of(span) {
                    Some(known) => known,
                    None => return FactNow::Unknown,
                }
            }
        };
        let (bound, bare) = match stated.trim().split_at_checked(1) {
            Some((sign @ ("<" | ">"), rest)) => (Some(sign), rest.trim()),
            _ => (None, stated.trim()),
        };
        let limit = match field {
            "p50" | "p95" | "oldest" => length(bare).map(|span| span.millis() as f64),
            _ => number(bare),
        };
        let holds = match (limit, bound) {
            (None, _) => return FactNow::Unknown,
            (Some(limit), Some("<")) => value < limit,
            (Some(limit), Some(_)) => value > limit,
            (Some(limit), None) => (value - limit).abs() <= limit.abs() * TOLERANCE,
        };
        if holds { FactNow::Holds } else { FactNow::Differs { present } }
    }
}

fn as_name(stated: &str) -> String {
    stated.trim().to_lowercase().replace(' ', "_")
}

fn length(text: &str) -> Option<Span> {
    Span::parse(&text.replace(' ', "")).ok()
}

fn number(text: &str) -> Option<f64> {
    text.replace([',', '_'], "").parse().ok().filter(|n: &f64| n.is_finite())
}

/// A length as a person would say it: to the second below a minute, else to two digits or so.
fn rounded(span: Span) -> String {
    let millis = span.millis();
    let step = match millis {
        ..60_000 => 1_000,
        60_000..600_000 => 10_000,
        _ => 60_000,
    };
    Span::from_millis(((millis + step / 2) / step * step).max(1_000)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn observed() -> Observed {
        let mut durations = Sketch::default();
        (0..100).for_each(|_| durations.add(Span::from_secs(240)));
        Observed {
            state: Some(State::Late),
            waiting: Some(12),
            durations,
            depth: Some(400),
            oldest: Some(Span::from_minutes(9)),
        }
    }

    #[test]
    fn a_length_holds_within_a_quarter_and_else_says_what_it_is() {
        for stated in ["4m", "210s", "300s", "<5m", ">3m"] {
            assert_eq!(observed().fact_now("p95", stated), FactNow::Holds, "{stated}");
        }
        for stated in ["8m", "1m", "<3m", ">5m"] {
            assert!(matches!(observed().fact_now("p95", stated), FactNow::Differs { .. }), "{stated}");
        }
    }

    #[test]
    fn a_state_is_itself_however_it_is_written() {
        assert_eq!(observed().fact_now("state", "late"), FactNow::Holds);
        assert_eq!(observed().fact_now("state", "On track"), FactNow::Differs { present: "Late".into() });
    }

    #[test]
    fn a_count_holds_below_its_limit() {
        assert_eq!(observed().fact_now("depth", "<500"), FactNow::Holds);
        assert_eq!(observed().fact_now("depth", "<400"), FactNow::Differs { present: "400".into() });
        assert_eq!(observed().fact_now("waiting", "10"), FactNow::Holds);
        assert_eq!(observed().fact_now("waiting", "100"), FactNow::Differs { present: "12".into() });
    }

    #[test]
    fn what_is_not_known_is_unknown_and_not_wrong() {
        for field in FIELDS {
            assert_eq!(Observed::default().fact_now(field, "4m"), FactNow::Unknown, "{field}");
        }
    }

    #[test]
    fn an_author_is_told_what_cannot_be_held_against_anything() {
        assert!(wrong("observed.p99", "4m").unwrap().contains("state, waiting, p50"));
        assert!(wrong("observed.p95", "four").unwrap().contains("like 4m"));
        assert!(wrong("observed.depth", "4m").unwrap().contains("like 500"));
        assert!(wrong("observed.state", "fine").unwrap().contains("not a state"));
        for (path, stated) in [("observed.p95", "<4m"), ("observed.depth", "2,000"), ("observed.state", "On track")] {
            assert_eq!(wrong(path, stated), None, "{path}={stated}");
        }
        assert_eq!(wrong("retry.max_attempts", "six"), None);
    }

    proptest! {
        #[test]
        fn what_is_stated_as_it_is_holds(seconds in 1i64..1_000_000) {
            let mut durations = Sketch::default();
            durations.add(Span::from_secs(seconds));
            let observed = Observed { durations, ..Observed::default() };
            prop_assert_eq!(observed.fact_now("p50", &format!("{seconds}s")), FactNow::Holds);
        }
    }
}
