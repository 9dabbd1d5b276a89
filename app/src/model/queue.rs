//! A queue: what it says of itself, how fast it fills and drains, and when that is trouble.

use jiff::tz::TimeZone;
use serde::Serialize;

use super::book::Limits;
use super::moment::{Moment, Span};
use super::problem::{Claim, Kind, Where};
use super::status::State;
use super::verdict::count_of;

/// Rates are those of this long.
const WINDOW: Span = Span::from_minutes(10);

/// A rate over less than this says nothing.
const SHORTEST: Span = Span::from_minutes(1);

/// A limit that was passed counts as passed until both values are under this share of their limits.
const RELEASE: f64 = 0.8;

/// Fewer than this many more in ten minutes is no trouble, however few they are.
const LEAST_GAIN: f64 = 10.0;

/// No queue is called stuck before it has stood still for this long, and one without an age limit for twice this.
const STUCK_FIRST: Span = Span::from_minutes(5);

/// What a queue says at one moment. The greater of two is the newer one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Level {
    /// When.
    pub at: Moment,
    /// How many wait.
    pub depth: i64,
    /// Since when the oldest of them does; none when nothing waits, or nobody says.
    pub oldest_at: Option<Moment>,
    /// How many came in since the report before; none where that is not counted.
    #[serde(rename = "in")]
    pub arrived: Option<i64>,
    /// How many went out since the report before; none where that is not counted.
    #[serde(rename = "out")]
    pub departed: Option<i64>,
}

impl Level {
    /// How long the oldest has waited, where that is known.
    pub fn age(&self) -> Option<Span> {
        match self.depth {
            0 => Some(Span::default()),
            _ => self.oldest_at.map(|oldest| self.at.since(oldest)),
        }
    }

    /// The same as a report of the time that is believed of it: nothing has waited since after that.
    pub fn believed(self, at: Moment) -> Self {
        Self { at, oldest_at: self.oldest_at.map(|oldest| oldest.min(at)), ..self }
    }

    /// Two reports as one: the newer one's level, and all that came and went. In any order the same.
    pub fn joined(self, other: Self) -> Self {
        let sum = |a: Option<i64>, b: Option<i64>| match (a, b) {
            (Some(a), Some(b)) => Some(a.saturating_add(b)),
            (a, b) => a.or(b),
        };
        let newer = self.max(other);
        Self { arrived: sum(self.arrived, other.arrived), departed: sum(self.departed, other.departed), ..newer }
    }

    /// The minute it falls into, since 1970.
    pub fn minute(&self) -> i64 {
        self.at.millis().div_euclid(60_000)
    }
}

/// How fast a queue moves, over the last ten minutes of its reports.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// How many come in a minute.
    pub arrivals: Option<f64>,
    /// How many go out a minute.
    pub departures: Option<f64>,
    /// How many more wait each minute; negative while it drains.
    pub growth: f64,
    /// How much older the oldest becomes in each unit of time: 1 while nothing leaves; none where no age is told.
    pub ageing: Option<f64>,
    /// How long that was looked at.
    pub over: Span,
}

/// How fast a queue moves, from its samples, oldest first; none when they span less than a minute.
pub fn pace(samples: &[Level]) -> Option<Pace> {
    let last = samples.last()?;
    let first = window(samples, last.at - WINDOW);
    let over = last.at.since(samples[first].at);
    if over < SHORTEST {
        return None;
    }
    let minutes = over.millis() as f64 / 60_000.0;
    let counted = |count: fn(&Level) -> Option<i64>| {
        let sum: Option<i64> = samples[first + 1..].iter().map(count).try_fold(0i64, |sum, n| sum.checked_add(n?));
        sum.map(|n| n as f64 / minutes)
    };
    let risen = (last.depth - samples[first].depth) as f64 / minutes;
    let (arrivals, departures) = match (counted(|l| l.arrived), counted(|l| l.departed)) {
        (Some(arrivals), None) => (Some(arrivals), Some((arrivals - risen).max(0.0))),
        (None, Some(departures)) => (Some((departures + risen).max(0.0)), Some(departures)),
        both => both,
    };
    let ageing = match (samples[first].age(), last.age()) {
        (Some(before), Some(after)) => Some((after.millis() - before.millis()) as f64 / over.millis() as f64),
        _ => None,
    };
    let growth = match (arrivals, departures) {
        (Some(arrivals), Some(departures)) => arrivals - departures,
        _ => risen,
    };
    Some(Pace { arrivals, departures, growth, ageing, over })
}

/// The newest sample that is no later than a moment; the first when there is none.
fn window(samples: &[Level], from: Moment) -> usize {
    samples.partition_point(|s| s.at <= from).saturating_sub(1)
}

/// Where the depth of a queue is going.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Trend {
    /// More wait each minute.
    Growing,
    /// Fewer wait each minute.
    Shrinking,
    /// About as many as before.
    Steady,
    /// Too little was heard to say.
    Unknown,
}

impl Trend {
    /// What a person reads.
    pub fn words(self) -> &'static str {
        match self {
            Self::Growing => "Growing",
            Self::Shrinking => "Shrinking",
            Self::Steady => "Steady",
            Self::Unknown => "Not known yet",
        }
    }
}

/// Where the depth is going: a change of less than a twentieth, or of two, in the time looked at is none.
pub fn trend(level: &Level, pace: Option<&Pace>) -> Trend {
    let Some(pace) = pace else { return Trend::Unknown };
    let change = pace.growth * pace.over.millis() as f64 / 60_000.0;
    match change {
        change if change.abs() <= (level.depth as f64 / 20.0).max(2.0) => Trend::Steady,
        change if change > 0.0 => Trend::Growing,
        _ => Trend::Shrinking,
    }
}

/// When a queue will be empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drain {
    /// Nothing waits.
    Empty,
    /// In this time, at the present rates; never negative.
    In(Span),
    /// Not at the present rates: no more goes out than comes in.
    Never,
    /// Too little was heard to say.
    Unknown,
}

/// When a queue will be empty at its present rates.
pub fn drain(level: &Level, pace: Option<&Pace>) -> Drain {
    match pace {
        _ if level.depth == 0 => Drain::Empty,
        None => Drain::Unknown,
        Some(pace) => match time_for(level.depth as f64, -pace.growth) {
            Some(time) => Drain::In(time),
            None => Drain::Never,
        },
    }
}

/// How long until a queue passes a limit at its present rates: zero when it has, none when it will not.
pub fn headroom(level: &Level, pace: Option<&Pace>, limits: &Limits) -> Option<Span> {
    let deeper = limits.depth.and_then(|limit| room(limit, level.depth, pace.map_or(0.0, |p| p.growth)));
    let older = limits.oldest.zip(level.age()).and_then(|(limit, age)| {
        let left = limit.millis().saturating_sub(age.millis());
        match (left, pace.and_then(|p| p.ageing)) {
            (..0, _) => Some(Span::default()),
            // Slower than that is the noise of a queue that flows.
            (left, Some(ageing)) if ageing > 0.05 => Some(Span::from_millis((left as f64 / ageing) as i64)),
            _ => None,
        }
    });
    deeper.into_iter().chain(older).min()
}

/// How long until a queue passes a limit if nothing went out from now on: what is left when its taker stops.
pub fn headroom_if_stopped(level: &Level, pace: Option<&Pace>, limits: &Limits) -> Option<Span> {
    let arrivals = pace.and_then(|p| p.arrivals).unwrap_or(0.0);
    let deeper = limits.depth.and_then(|limit| room(limit, level.depth, arrivals));
    // What waits now ages as fast as time passes; in an empty queue what comes next does.
    let older = limits.oldest.filter(|_| level.depth > 0 || arrivals > 0.0).map(|limit| {
        let age = level.age().unwrap_or_default();
        Span::from_millis(limit.millis().saturating_sub(age.millis()).max(0))
    });
    deeper.into_iter().chain(older).min()
}

fn room(limit: u64, depth: i64, growth: f64) -> Option<Span> {
    let left = i64::try_from(limit).unwrap_or(i64::MAX).saturating_sub(depth);
    match left {
        ..0 => Some(Span::default()),
        left => time_for(left as f64, growth),
    }
}

/// How long `many` take at a rate a minute; none when the rate leads nowhere. Longer than a year is never.
fn time_for(many: f64, rate: f64) -> Option<Span> {
    let minutes = many / rate;
    (rate > 1e-9 && minutes < 60.0 * 24.0 * 365.0).then(|| Span::from_millis((minutes * 60_000.0) as i64))
}

/// A queue as it is judged.
#[derive(Debug, Clone, Copy)]
pub struct Queue<'a> {
    /// Its id: that of its component.
    pub id: &'a str,
    /// What people call it.
    pub name: &'a str,
    /// What waits in it, in the plural, where that is one thing.
    pub unit: Option<&'a str>,
    /// Where it becomes a problem.
    pub limits: &'a Limits,
    /// What it said, one sample a minute, oldest first; the last one is its newest report.
    pub samples: &'a [Level],
}

/// What is to be said of a queue at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// On track; Late when it is stuck, too full or fills up; No signal when it has not reported for long.
    pub state: State,
    /// That in one or two sentences.
    pub sentence: String,
    /// Since when.
    pub since: Moment,
    /// Its newest report.
    pub level: Level,
    /// How fast it moves.
    pub pace: Option<Pace>,
    /// Where its depth is going.
    pub trend: Trend,
    /// When it will be empty.
    pub drain: Drain,
    /// How long until it passes a limit at its present rates.
    pub headroom: Option<Span>,
    /// What is wrong with it.
    pub claims: Vec<Claim>,
}

/// Since when what is wrong with a queue, by going through its samples: each trouble begins at one bound and ends at
/// another, so that a value that hovers at a limit is one trouble.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Trouble {
    stuck: Option<Moment>,
    deep: Option<Moment>,
    filling: Option<Moment>,
}

/// Judges a queue by what it said; none when it said nothing. Times are written in `zone`.
pub fn judge(queue: &Queue<'_>, now: Moment, zone: &TimeZone) -> Option<Judged> {
    let level = *queue.samples.last()?;
    let pace = pace(queue.samples);
    let trouble = trouble(queue.samples, queue.limits);
    let drain = drain(&level, pace.as_ref());
    let headroom = headroom(&level, pace.as_ref(), queue.limits);
    let say = Say { queue, level, pace, drain, headroom, now, zone };
    let claims: Vec<Claim> = say.claim(trouble).into_iter().collect();
    let quiet = now.since(level.at) > quiet_after(queue.samples);
    let (state, sentence, since) = match claims.first() {
        _ if quiet => (State::NoSignal, say.quiet(), level.at),
        Some(claim) => {
            let next = claim.next.as_ref().map(|next| format!(" {next}")).unwrap_or_default();
            (claim.state, format!("{}{next}", claim.sentence), claim.since)
        }
        None => (State::OnTrack, say.calm(), level.at),
    };
    let trend = trend(&level, pace.as_ref());
    Some(Judged { state, sentence, since, level, pace, trend, drain, headroom, claims })
}

/// How long after its last report a queue is not believed any more: three times its longest usual pause, and at least
/// ten minutes.
pub fn quiet_after(samples: &[Level]) -> Span {
    let newest = &samples[samples.len().saturating_sub(12)..];
    let longest = newest.windows(2).map(|pair| pair[1].at.since(pair[0].at).millis()).max().unwrap_or(0);
    WINDOW.max(Span::from_millis(longest.saturating_mul(3)))
}

/// How long a queue may stand still: a third of the age that is too old.
fn stuck_after(limits: &Limits) -> Span {
    match limits.oldest {
        Some(oldest) => STUCK_FIRST.max(Span::from_millis(oldest.millis() / 3)),
        None => Span::from_millis(STUCK_FIRST.millis() * 2),
    }
}

fn trouble(samples: &[Level], limits: &Limits) -> Trouble {
    let mut found = Trouble::default();
    let mut still_since: Option<Moment> = None;
    let mut moving = 0;
    for (i, sample) in samples.iter().enumerate() {
        let before = i.checked_sub(1).map(|before| &samples[before]);
        match before {
            _ if sample.depth == 0 => (still_since, found.stuck, moving) = (None, None, 0),
            Some(before) if departed(before, sample) => {
                moving += 1;
                still_since = Some(sample.at);
                // One that leaves now and then does not make a queue move.
                if moving >= 2 {
                    found.stuck = None;
                }
            }
            _ => {
                moving = 0;
                let waited = before.filter(|before| before.depth > 0).unwrap_or(sample).at;
                let since = *still_since.get_or_insert(waited);
                if found.stuck.is_none() && sample.at.since(since) >= stuck_after(limits) {
                    found.stuck = Some(since);
                }
            }
        }
        let (most, full) = share_of_limits(sample, limits);
        match found.deep {
            None if full => found.deep = Some(sample.at),
            Some(_) if most <= RELEASE => found.deep = None,
            _ => {}
        }
        match found.filling {
            None if fills(&samples[..=i], limits) => {
                found.filling = Some(samples[window(&samples[..=i], sample.at - WINDOW)].at);
            }
            Some(_) if sample.depth == 0 || gain(&samples[..=i]).is_some_and(|gain| gain <= 0.0) => {
                found.filling = None;
            }
            _ => {}
        }
    }
    found
}

/// Whether anything left the queue between two samples: as it counts, or because the oldest is another one.
fn departed(before: &Level, after: &Level) -> bool {
    match (after.departed, before.oldest_at, after.oldest_at) {
        (Some(departed), ..) => departed > 0,
        // An age that is told in whole minutes wavers by one.
        (None, Some(first), Some(oldest)) if before.depth > 0 => oldest.since(first) > Span::from_minutes(1),
        _ => before.depth == 0 || after.depth < before.depth || after.oldest_at.is_none(),
    }
}

/// How much of its limits a queue uses up, the greater share, and whether that is too much.
fn share_of_limits(level: &Level, limits: &Limits) -> (f64, bool) {
    let deep = limits.depth.map(|limit| level.depth as f64 / (limit.max(1)) as f64);
    let full = limits.depth.is_some_and(|limit| u64::try_from(level.depth).unwrap_or(0) > limit);
    let age = level.age();
    let old = limits.oldest.zip(age).map(|(limit, age)| age.millis() as f64 / limit.millis().max(1) as f64);
    let too_old = limits.oldest.zip(age).is_some_and(|(limit, age)| age > limit);
    (deep.into_iter().chain(old).fold(0.0, f64::max), full || too_old)
}

/// How many more wait than ten minutes ago; none when less than ten minutes were heard.
fn gain(samples: &[Level]) -> Option<f64> {
    let last = samples.last()?;
    let first = window(samples, last.at - WINDOW);
    (last.at.since(samples[first].at) >= WINDOW).then(|| gained(&samples[first..]))
}

/// How many more came than went from the first of these on.
fn gained(samples: &[Level]) -> f64 {
    let counted = samples[1..].iter().try_fold(0.0, |sum, s| Some(sum + (s.arrived? - s.departed?) as f64));
    let risen = match samples {
        [first, .., last] => (last.depth - first.depth) as f64,
        _ => 0.0,
    };
    counted.unwrap_or(risen)
}

/// Whether more came than went for ten minutes, in both halves of them, and by enough to matter.
fn fills(samples: &[Level], limits: &Limits) -> bool {
    let Some(last) = samples.last() else { return false };
    let Some(whole) = gain(samples) else { return false };
    let first = window(samples, last.at - WINDOW);
    let half = last.at - Span::from_millis(WINDOW.millis() / 2);
    let middle = window(samples, half).max(first);
    let halves = middle == first || gained(&samples[first..=middle]) > 0.0 && gained(&samples[middle..]) > 0.0;
    let matters = LEAST_GAIN.max(last.depth as f64 / 20.0).max(limits.depth.unwrap_or(0) as f64 / 50.0);
    last.depth > 0 && halves && whole >= matters
}

/// Says things about one queue.
struct Say<'a> {
    queue: &'a Queue<'a>,
    level: Level,
    pace: Option<Pace>,
    drain: Drain,
    headroom: Option<Span>,
    now: Moment,
    zone: &'a TimeZone,
}

impl Say<'_> {
    fn time(&self, at: Moment) -> String {
        at.words(self.now, self.zone)
    }

    /// `412 orders wait`.
    fn waiting(&self) -> String {
        let many = count_of(self.level.depth, self.queue.unit.unwrap_or_default());
        format!("{} {}", many.trim_end(), if self.level.depth == 1 { "waits" } else { "wait" })
    }

    fn oldest(&self) -> Option<String> {
        self.level.oldest_at.map(|at| self.time(at))
    }

    fn claim(&self, trouble: Trouble) -> Option<Claim> {
        let name = self.queue.name;
        let (kind, since, sentence, next) = match trouble {
            Trouble { stuck: Some(since), .. } => {
                let oldest = self.oldest().map(|at| format!(", the oldest since {at}")).unwrap_or_default();
                let sentence =
                    format!("Nothing has left {name} since {}. {} in it{oldest}.", self.time(since), self.waiting());
                (Kind::Stuck, since, sentence, self.until_full().or_else(|| Some("It is not draining.".to_owned())))
            }
            Trouble { deep: Some(since), .. } => {
                (Kind::Backlog, since, format!("{}{}", self.over(), self.age_over()), self.draining())
            }
            Trouble { filling: Some(since), .. } => {
                let rates = match self.pace.and_then(|p| p.arrivals.zip(p.departures)) {
                    Some((come, go)) => format!(": {} in, {} out", rate(come), rate(go)),
                    None => String::new(),
                };
                let sentence = format!(
                    "More comes into {name} than goes out since {}{rates}. {} in it.",
                    self.time(since),
                    self.waiting()
                );
                let next = match (self.drain, self.until_full()) {
                    (Drain::Never, Some(full)) => Some(format!("It is not draining. {full}")),
                    _ => self.draining(),
                };
                (Kind::Backlog, since, sentence, next)
            }
            _ => return None,
        };
        Some(Claim {
            kind,
            place: Where::Component(self.queue.id.to_owned()),
            cause: String::new(),
            state: State::Late,
            since,
            count: self.level.depth,
            sentence,
            next,
            subjects: Vec::new(),
        })
    }

    fn over(&self) -> String {
        let limit = self.queue.limits.depth.and_then(|limit| i64::try_from(limit).ok());
        let more = match limit {
            Some(limit) if self.level.depth > limit => {
                format!(", more than its limit of {}", count_of(limit, "").trim_end())
            }
            _ => String::new(),
        };
        format!("{} in {}{more}.", self.waiting(), self.queue.name)
    }

    fn age_over(&self) -> String {
        match (self.oldest(), self.level.age(), self.queue.limits.oldest) {
            (Some(at), Some(age), Some(limit)) if age > limit => format!(
                " The oldest has waited since {at}, {} at the last report; its limit is {}.",
                age.words(),
                limit.words()
            ),
            (Some(at), ..) => format!(" The oldest has waited since {at}."),
            _ => String::new(),
        }
    }

    fn draining(&self) -> Option<String> {
        match self.drain {
            Drain::In(time) => Some(format!("It will be empty in {} at the present rates.", time.words())),
            Drain::Never => Some("It is not draining.".to_owned()),
            Drain::Empty | Drain::Unknown => None,
        }
    }

    fn until_full(&self) -> Option<String> {
        match self.headroom {
            Some(left) if left > Span::default() => Some(format!("A limit is reached in {}.", left.words())),
            _ => None,
        }
    }

    fn quiet(&self) -> String {
        format!(
            "It has not reported since {}, when {}. We do not know how it is now.",
            self.time(self.level.at),
            match self.level.depth {
                0 => "nothing waited".to_owned(),
                n => format!("{} waited", count_of(n, self.queue.unit.unwrap_or_default()).trim_end()),
            }
        )
    }

    fn calm(&self) -> String {
        let first = match (self.level.depth, self.oldest()) {
            (0, _) => "Nothing waits.".to_owned(),
            (_, Some(at)) => format!("{}, the oldest since {at}.", self.waiting()),
            (_, None) => format!("{}.", self.waiting()),
        };
        match self.pace.and_then(|p| p.arrivals.zip(p.departures)) {
            Some((come, go)) => format!("{first} {} in, {} out.", capital(&rate(come)), rate(go)),
            None => first,
        }
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|c| c.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// A rate as people say it: `none`, `12 a minute`, `6.5 a minute`, `20 an hour`.
pub fn rate(a_minute: f64) -> String {
    let number = |rate: f64| match rate {
        rate if rate >= 10.0 => count_of(rate.round() as i64, "").trim_end().to_owned(),
        rate => {
            let tenths = (rate * 10.0).round() as i64;
            if tenths % 10 == 0 { (tenths / 10).to_string() } else { format!("{}.{}", tenths / 10, tenths % 10) }
        }
    };
    match a_minute {
        rate if rate * 60.0 < 0.05 => "none".to_owned(),
        rate if rate < 1.0 => format!("{} an hour", number(rate * 60.0)),
        rate => format!("{} a minute", number(rate)),
    }
}

/// A level in a few words: `412 waiting (limit 300), oldest 47 min (limit 15 min)`.
pub fn short(level: &Level, limits: &Limits) -> String {
    if level.depth == 0 {
        return "none waiting".to_owned();
    }
    let mut words = count_of(level.depth, "waiting");
    if let Some(limit) = limits.depth.filter(|limit| level.depth > i64::try_from(*limit).unwrap_or(i64::MAX)) {
        words += &format!(" (limit {limit})");
    }
    if let Some(age) = level.age().filter(|_| level.oldest_at.is_some()) {
        words += &format!(", oldest {}", age.words());
        if let Some(limit) = limits.oldest {
            words += &format!(" (limit {})", limit.words());
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(minute: i64) -> Moment {
        Moment::parse("2026-06-04T02:00:00Z").unwrap() + Span::from_minutes(minute)
    }

    fn level(minute: i64, depth: i64, oldest: i64, counts: Option<(i64, i64)>) -> Level {
        Level {
            at: at(minute),
            depth,
            oldest_at: (depth > 0).then(|| at(oldest)),
            arrived: counts.map(|c| c.0),
            departed: counts.map(|c| c.1),
        }
    }

    fn limits() -> Limits {
        Limits { depth: Some(300), oldest: Some(Span::from_minutes(15)) }
    }

    fn judged(samples: &[Level]) -> Judged {
        let queue = Queue { id: "q", name: "ERP sync queue", unit: Some("orders"), limits: &limits(), samples };
        judge(&queue, samples.last().unwrap().at, &TimeZone::UTC).unwrap()
    }

    #[test]
    fn a_queue_that_flows_is_on_track_and_says_its_rates() {
        let samples: Vec<_> = (0..12).map(|m| level(m, 3, m - 1, Some((7, 7)))).collect();
        let judged = judged(&samples);
        assert_eq!(judged.state, State::OnTrack);
        assert_eq!(judged.sentence, "3 orders wait, the oldest since 02:10. 7 a minute in, 7 a minute out.");
        assert_eq!((judged.trend, judged.headroom), (Trend::Steady, None));
    }

    #[test]
    fn a_queue_over_its_limits_is_a_backlog_that_says_when_it_will_be_empty() {
        let samples: Vec<_> = (0..12).map(|m| level(m, 500 - 8 * m, -40 + m, Some((2, 10)))).collect();
        let judged = judged(&samples);
        let claim = &judged.claims[0];
        assert_eq!((claim.kind, claim.state, claim.count), (Kind::Backlog, State::Late, 412));
        assert_eq!(
            claim.sentence,
            "412 orders wait in ERP sync queue, more than its limit of 300. The oldest has waited since 01:31, 40 min at the last report; its limit is 15 min."
        );
        assert_eq!(claim.next.as_deref(), Some("It will be empty in 51 min at the present rates."));
    }

    #[test]
    fn a_queue_over_its_limits_that_does_not_drain_says_so() {
        let samples: Vec<_> = (0..12).map(|m| level(m, 400, m - 1, Some((7, 7)))).collect();
        assert_eq!(judged(&samples).claims[0].next.as_deref(), Some("It is not draining."));
    }

    #[test]
    fn a_queue_with_work_and_no_departures_is_stuck_and_not_deep() {
        let samples: Vec<_> = (0..8).map(|m| level(m, 400 + 5 * m, -20, Some((5, 0)))).collect();
        let judged = judged(&samples);
        let kinds: Vec<_> = judged.claims.iter().map(|c| c.kind).collect();
        assert_eq!(kinds, [Kind::Stuck]);
        assert_eq!(
            judged.claims[0].sentence,
            "Nothing has left ERP sync queue since 02:00. 435 orders wait in it, the oldest since 01:40."
        );
    }

    #[test]
    fn without_counts_a_queue_is_stuck_when_the_oldest_stays_the_same() {
        let stays: Vec<_> = (0..8).map(|m| level(m, 9, -1, None)).collect();
        assert_eq!(judged(&stays).claims[0].kind, Kind::Stuck);
        let moves: Vec<_> = (0..8).map(|m| level(2 * m, 9, 2 * m - 1, None)).collect();
        assert_eq!(judged(&moves).claims, []);
    }

    #[test]
    fn one_that_leaves_now_and_then_does_not_make_a_stuck_queue_move() {
        let trickle: Vec<_> = (0..40).map(|m| level(m, 50, m - 14, Some((1, i64::from(m % 7 == 6))))).collect();
        assert_eq!(judged(&trickle).claims[0].kind, Kind::Stuck);
        let again: Vec<_> = (0..12).map(|m| level(m, 50, m - 14, Some((1, i64::from(m > 8) * 3)))).collect();
        assert_eq!(judged(&again).claims, []);
    }

    #[test]
    fn more_in_than_out_for_ten_minutes_is_a_backlog_below_every_limit() {
        let until = |minute| (0..=minute).map(|m| level(m, 20 + 4 * m, m - 1, Some((12, 8)))).collect::<Vec<_>>();
        assert_eq!(judged(&until(9)).claims, []);
        let judged = judged(&until(10));
        assert_eq!(judged.claims[0].kind, Kind::Backlog);
        assert_eq!(
            judged.claims[0].sentence,
            "More comes into ERP sync queue than goes out since 02:00: 12 a minute in, 8 a minute out. 60 orders wait in it."
        );
        assert_eq!(judged.claims[0].next.as_deref(), Some("It is not draining. A limit is reached in 60 min."));
        assert_eq!(judged.headroom, Some(Span::from_minutes(60)));
    }

    #[test]
    fn a_queue_that_hovers_at_its_limit_is_one_backlog() {
        let deep = |depths: &[i64]| {
            let samples: Vec<_> =
                depths.iter().enumerate().map(|(m, d)| level(m as i64, *d, m as i64 - 1, Some((9, 9)))).collect();
            judged(&samples).claims.first().map(|c| c.since)
        };
        assert_eq!(deep(&[290, 301, 299, 303, 280, 250]), Some(at(1)));
        assert_eq!(deep(&[290, 301, 240]), None);
        assert_eq!(deep(&[290, 301, 240, 299]), None);
    }

    #[test]
    fn a_queue_that_has_not_reported_for_long_is_not_believed() {
        let samples = [level(0, 3, -1, None), level(1, 3, 0, None)];
        let queue = Queue { id: "q", name: "Q", unit: None, limits: &limits(), samples: &samples };
        assert_eq!(judge(&queue, at(11), &TimeZone::UTC).unwrap().state, State::OnTrack);
        let quiet = judge(&queue, at(12), &TimeZone::UTC).unwrap();
        assert_eq!(quiet.state, State::NoSignal);
        assert_eq!(quiet.sentence, "It has not reported since 02:01, when 3 waited. We do not know how it is now.");
    }

    #[test]
    fn when_nothing_goes_out_any_more_the_nearer_limit_counts() {
        let samples: Vec<_> = (0..12).map(|m| level(m, 100, m - 5, Some((20, 20)))).collect();
        let pace = pace(&samples).unwrap();
        assert_eq!(headroom(&samples[11], Some(&pace), &limits()), None);
        assert_eq!(headroom_if_stopped(&samples[11], Some(&pace), &limits()), Some(Span::from_minutes(10)));
        let empty = level(11, 0, 0, Some((20, 20)));
        assert_eq!(headroom_if_stopped(&empty, Some(&pace), &limits()), Some(Span::from_minutes(15)));
    }

    #[test]
    fn a_rate_and_a_level_read_as_people_say_them() {
        assert_eq!([12.4, 6.51, 0.25, 0.0].map(rate), ["12 a minute", "6.5 a minute", "15 an hour", "none"]);
        assert_eq!(
            short(&level(0, 412, -47, None), &limits()),
            "412 waiting (limit 300), oldest 47 min (limit 15 min)"
        );
        assert_eq!(short(&level(0, 0, 0, None), &limits()), "none waiting");
    }

    prop_compose! {
        fn some_level()(
            minute in 0i64..90, depth in 0i64..1000, age in 0i64..60,
            arrived in proptest::option::of(0i64..100), departed in proptest::option::of(0i64..100),
        ) -> Level {
            let oldest_at = (depth > 0).then(|| at(minute - age));
            Level { at: at(minute), depth, oldest_at, arrived, departed }
        }
    }

    /// The samples that reports make, one a minute.
    fn sampled(reports: &[Level]) -> Vec<Level> {
        let mut samples = std::collections::BTreeMap::new();
        for report in reports {
            samples.entry(report.minute()).and_modify(|s: &mut Level| *s = s.joined(*report)).or_insert(*report);
        }
        samples.into_values().collect()
    }

    proptest! {
        #[test]
        fn the_order_of_reports_does_not_matter(
            (reports, shuffled) in proptest::collection::vec(some_level(), 1..40)
                .prop_flat_map(|r| (Just(r.clone()), Just(r).prop_shuffle()))
        ) {
            prop_assert_eq!(sampled(&reports), sampled(&shuffled));
            prop_assert_eq!(reports.iter().max(), shuffled.iter().max());
        }

        #[test]
        fn no_time_that_is_told_is_negative(reports in proptest::collection::vec(some_level(), 1..40)) {
            let judged = judged(&sampled(&reports));
            if let Drain::In(time) = judged.drain {
                prop_assert!(time >= Span::default());
            }
            prop_assert!(judged.headroom.is_none_or(|left| left >= Span::default()));
            let stopped = headroom_if_stopped(&judged.level, judged.pace.as_ref(), &limits());
            prop_assert!(stopped.is_none_or(|left| left >= Span::default()));
            prop_assert!(judged.claims.len() <= 1);
        }

        #[test]
        fn what_stays_the_same_is_claimed_at_most_once_and_then_stays_claimed(
            depth in 0i64..1000, age in 0i64..60, counts in proptest::option::of((0i64..50, 0i64..50)), minutes in 1usize..90
        ) {
            let samples: Vec<_> = (0..minutes as i64).map(|m| level(m, depth, m - age, counts)).collect();
            let claimed: Vec<_> = (1..=minutes)
                .map(|n| judged(&samples[..n]).claims.into_iter().map(|c| (c.kind, c.cause)).collect::<Vec<_>>())
                .collect();
            let changes = claimed.windows(2).filter(|pair| pair[0].is_empty() != pair[1].is_empty()).count();
            prop_assert!(changes <= 1, "{:?}", claimed);
        }
    }
}
