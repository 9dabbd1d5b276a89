//! A source: whoever sends us events, when its silence means that we do not know, and whether it keeps their order.

use jiff::tz::TimeZone;

use super::book::Book;
use super::moment::{Moment, Span};
use super::problem::{Claim, Kind, Where};
use super::status::State;
use super::verdict::count_of;

/// No pause shorter than this is called silence, where the book does not say otherwise.
const SHORTEST: Span = Span::from_minutes(10);

/// A source has a usual pause once it was heard for this many of its longest.
const USUAL_AFTER: i64 = 3;

/// From so many reordered events in one hour on a source is out of order, if they are also more than one in
/// [`REORDERED_ONE_IN`] of all.
pub const REORDERED_LEAST: i64 = 20;

/// See [`REORDERED_LEAST`].
pub const REORDERED_ONE_IN: i64 = 20;

/// How often something is expected from a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// At least this often, as the book says.
    Declared(Span),
    /// By its longest usual pause.
    Learned(Span),
}

impl Expected {
    /// What is expected of a source: what the book says, else what was learned of it.
    pub fn of(book: &Book, source: &str, longest_pause: Span) -> Self {
        declared(book, source).map_or(Self::Learned(longest_pause), Self::Declared)
    }

    /// How long after its last word it is called silent: what the book says with a fifth more and at least half a
    /// minute, or twice its longest usual pause and at least ten minutes.
    pub fn silent_after(self) -> Span {
        match self {
            Self::Declared(every) => Span::from_millis(every.millis().saturating_add((every.millis() / 5).max(30_000))),
            Self::Learned(pause) => SHORTEST.max(Span::from_millis(pause.millis().saturating_mul(2))),
        }
    }

    /// Whether it has gone silent.
    pub fn is_silent(self, last_heard_at: Moment, now: Moment) -> bool {
        now.since(last_heard_at) > self.silent_after()
    }
}

/// How often the book expects to hear from a source, where it says so.
pub fn declared(book: &Book, source: &str) -> Option<Span> {
    book.reporter(source)?.reports.as_ref()?.every
}

/// What is known of one source.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// Its name.
    pub id: &'a str,
    /// What is expected of it.
    pub expected: Expected,
    /// When it was first and last heard; none when it never was.
    pub heard: Option<(Moment, Moment)>,
    /// Since when the book expects something of it.
    pub expected_from: Moment,
    /// What was heard from it in this hour, and in the two before, the newest first.
    pub hours: [Hour; 3],
}

/// What was heard from a source in one hour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hour {
    /// Events.
    pub events: i64,
    /// Those of them that came after one of the same run that happened later.
    pub reordered: i64,
    /// When these had become too many, if they had at any time in it.
    pub disorder_at: Option<Moment>,
}

/// The hour that a moment falls into, since 1970.
pub fn hour(at: Moment) -> i64 {
    at.millis().div_euclid(3_600_000)
}

/// What is wrong with a source: it is silent, or its events come out of order. Times are written in `zone`.
pub fn claims(source: &Source<'_>, now: Moment, zone: &TimeZone) -> Vec<Claim> {
    silence(source, now, zone).into_iter().chain(disorder(source, now)).collect()
}

fn claim(source: &Source<'_>, kind: Kind, state: State, since: Moment, count: i64, sentence: String) -> Claim {
    Claim {
        kind,
        place: Where::Source(source.id.to_owned()),
        cause: String::new(),
        state,
        since,
        count,
        sentence,
        next: None,
        subjects: Vec::new(),
    }
}

fn silence(source: &Source<'_>, now: Moment, zone: &TimeZone) -> Option<Claim> {
    let id = source.id;
    let unknown = "We do not know what it would say.";
    let Some((first, last)) = source.heard else {
        let Expected::Declared(every) = source.expected else { return None };
        let expected_by = source.expected_from + source.expected.silent_after();
        let sentence = format!(
            "Nothing has ever been heard from {id}. The book expects it at least every {}. {unknown}",
            every.words()
        );
        return (expected_by < now).then(|| claim(source, Kind::Silent, State::NoSignal, expected_by, 0, sentence));
    };
    if !source.expected.is_silent(last, now) {
        return None;
    }
    let expects = match source.expected {
        Expected::Declared(every) => format!("the book expects it at least every {}", every.words()),
        Expected::Learned(pause) => {
            // Who spoke once or twice has no usual pause yet, and is not judged by it.
            let usual = SHORTEST.max(pause).millis().saturating_mul(USUAL_AFTER);
            if last.since(first).millis() < usual {
                return None;
            }
            format!("it usually speaks at least every {}", SHORTEST.max(pause).words())
        }
    };
    let sentence = format!("Nothing heard from {id} since {}; {expects}. {unknown}", last.words(now, zone));
    Some(claim(source, Kind::Silent, State::NoSignal, last, 0, sentence))
}

/// Since when a source is out of order. It begins in an hour with too many reordered events, and goes on for as long
/// as they are half of that in the last hour: this one's, and the share of the one before that still belongs to it.
fn disorder(source: &Source<'_>, now: Moment) -> Option<Claim> {
    let into = now.millis().rem_euclid(3_600_000) as f64 / 3_600_000.0;
    let last_hour = |this: Hour, before: Hour| {
        let sum = |this: i64, before: i64| this as f64 + before as f64 * (1.0 - into);
        (sum(this.reordered, before.reordered), sum(this.events, before.events))
    };
    let goes_on = |(reordered, events): (f64, f64)| {
        reordered >= REORDERED_LEAST as f64 / 2.0 && reordered * REORDERED_ONE_IN as f64 * 2.0 > events
    };
    let [this, before, earlier] = source.hours;
    let present = last_hour(this, before);
    let all_before = (before.reordered as f64, before.events as f64);
    let until_this = earlier.disorder_at.filter(|_| goes_on(all_before)).or(before.disorder_at);
    let since = match (until_this, this.disorder_at) {
        (Some(since), _) if goes_on(present) => since,
        (_, Some(since)) => since,
        _ => return None,
    };
    let (reordered, events) = (present.0.round() as i64, present.1.round() as i64);
    let sentence = format!(
        "{} of {} from {} in the last hour came after something that happened later. Each took its place in its story, and nothing newer was undone.",
        count_of(reordered, "").trim_end(),
        count_of(events, "events"),
        source.id
    );
    let next = "It ends by itself once they come in their order for an hour.".to_owned();
    Some(Claim { next: Some(next), ..claim(source, Kind::OutOfOrder, State::Late, since, reordered, sentence) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(minutes: i64) -> Moment {
        Moment::parse("2026-06-04T02:00:00Z").unwrap() + Span::from_minutes(minutes)
    }

    fn source(expected: Expected, heard: Option<(i64, i64)>) -> Source<'static> {
        let heard = heard.map(|(first, last)| (at(first), at(last)));
        Source { id: "erp-sync", expected, heard, expected_from: at(0), hours: [Hour::default(); 3] }
    }

    fn minutes(minutes: i64) -> Span {
        Span::from_minutes(minutes)
    }

    #[test]
    fn a_source_is_silent_after_twice_its_longest_pause_and_never_before_ten_minutes() {
        let brief = Expected::Learned(Span::from_secs(1));
        assert!(!brief.is_silent(at(0), at(10)) && brief.is_silent(at(0), at(11)));
        let long = Expected::Learned(minutes(60));
        assert!(!long.is_silent(at(0), at(120)) && long.is_silent(at(0), at(121)));
    }

    #[test]
    fn what_the_book_expects_counts_with_a_fifth_of_grace() {
        let every = Expected::Declared(minutes(5));
        assert!(!every.is_silent(at(0), at(6)) && every.is_silent(at(0), at(7)));
    }

    #[test]
    fn a_silent_source_is_claimed_once_it_has_a_usual_pause() {
        let say = |source: Source<'_>, now| claims(&source, at(now), &TimeZone::UTC).pop().map(|c| c.sentence);
        let learned = Expected::Learned(minutes(4));
        assert_eq!(say(source(learned, Some((0, 5))), 60), None);
        assert_eq!(say(source(learned, Some((0, 40))), 50), None);
        assert_eq!(
            say(source(learned, Some((0, 40))), 51).as_deref(),
            Some(
                "Nothing heard from erp-sync since 02:40; it usually speaks at least every 10 min. We do not know what it would say."
            )
        );
        let declared = Expected::Declared(minutes(5));
        assert_eq!(
            say(source(declared, Some((0, 0))), 7).as_deref(),
            Some(
                "Nothing heard from erp-sync since 02:00; the book expects it at least every 5 min. We do not know what it would say."
            )
        );
        assert_eq!(
            say(source(declared, None), 7).as_deref(),
            Some(
                "Nothing has ever been heard from erp-sync. The book expects it at least every 5 min. We do not know what it would say."
            )
        );
        assert_eq!(say(source(declared, None), 6), None);
        assert_eq!(say(source(learned, None), 600), None);
    }

    fn hours(hours: [(i64, i64); 3]) -> Source<'static> {
        let mut begins = 120;
        let hours = hours.map(|(events, reordered)| {
            begins -= 60;
            let disorder_at = (reordered >= 20 && reordered * 20 > events).then(|| at(begins - 50));
            Hour { events, reordered, disorder_at }
        });
        Source { hours, ..source(Expected::Learned(minutes(60)), Some((-600, 60))) }
    }

    fn disordered(source: &Source<'_>, now: i64) -> Option<Claim> {
        claims(source, at(now), &TimeZone::UTC).into_iter().find(|c| c.kind == Kind::OutOfOrder)
    }

    #[test]
    fn a_source_whose_events_come_reordered_is_out_of_order() {
        let claim = disordered(&hours([(400, 30), (0, 0), (0, 0)]), 30).unwrap();
        assert_eq!((claim.count, claim.since), (30, at(10)));
        assert!(claim.sentence.starts_with("30 of 400 events from erp-sync in the last hour"), "{}", claim.sentence);
        assert_eq!(disordered(&hours([(300, 19), (0, 0), (0, 0)]), 30), None);
        assert_eq!(disordered(&hours([(1_000, 50), (0, 0), (0, 0)]), 30), None);
    }

    #[test]
    fn it_ends_when_there_is_order_for_an_hour_and_not_at_the_first_good_minute() {
        // The hour before had 60 of 600; half of it still counts half an hour later.
        let goes_on = disordered(&hours([(300, 0), (600, 60), (0, 0)]), 30).unwrap();
        assert_eq!(goes_on.since, at(-50));
        assert_eq!(disordered(&hours([(600, 0), (600, 60), (0, 0)]), 59), None);
        let long = disordered(&hours([(300, 10), (600, 20), (600, 60)]), 30).unwrap();
        assert_eq!(long.since, at(-110));
    }

    proptest! {
        #[test]
        fn a_constant_share_never_flaps(events in 1i64..2_000, reordered in 0i64..200, begun in 0i64..180) {
            let reordered = reordered.min(events);
            let part = |minutes: i64| (events * minutes / 60, reordered * minutes / 60);
            let mut marks: std::collections::BTreeMap<i64, Moment> = std::collections::BTreeMap::new();
            // So many an hour, from a minute on; looked at each minute of the next three hours.
            let mut claimed = Vec::new();
            for now in begun..begun + 180 {
                let of = |hour: i64| part((now.min(hour * 60 + 60) - begun.max(hour * 60)).clamp(0, 60));
                let this = now.div_euclid(60);
                let (seen, wrong) = of(this);
                if wrong >= REORDERED_LEAST && wrong * REORDERED_ONE_IN > seen {
                    marks.entry(this).or_insert(at(now));
                }
                let hours = [this, this - 1, this - 2].map(|hour| {
                    let (events, reordered) = of(hour);
                    Hour { events, reordered, disorder_at: marks.get(&hour).copied() }
                });
                let source = Source { hours, ..source(Expected::Learned(minutes(60)), None) };
                claimed.push(disordered(&source, now).is_some());
            }
            let ends = claimed.windows(2).filter(|pair| pair[0] && !pair[1]).count();
            prop_assert_eq!(ends, 0, "{:?}", claimed);
        }
    }
}
