//! A problem: something that needs a person or may soon. What is claimed to be wrong, how it adds up, how it ends.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::book::Step;
use super::event::Fault;
use super::moment::Moment;
use super::status::State;
use super::verdict::{are, count_of, shorten};

/// What sort of problem it is. The order is by how much it needs a person: of two, the greater one is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An observed step, edge or error that the book does not know.
    Undocumented,
    /// A path, its share, or a volume differs from the usual of the same hour and weekday.
    Drift,
    /// A source's updates arrive reordered.
    OutOfOrder,
    /// Starts more often than its minimum interval.
    TooOften,
    /// A try came later than the policy says.
    LateRetry,
    /// Tries past half the policy, or a storm of tries.
    Retrying,
    /// The slowest twentieth takes over three times its own usual.
    Slow,
    /// A queue over its limit, or one that fills faster than it drains.
    Backlog,
    /// Two systems disagree past the tolerance.
    Mismatch,
    /// Not heard of inside its expectation.
    Silent,
    /// Past its time, or the next try did not come.
    Stuck,
    /// A run ended with a remainder.
    Partial,
    /// Failed, and no further try is due.
    Failed,
}

impl Kind {
    /// All, the one that needs a person most first.
    pub const ALL: [Kind; 13] = [
        Self::Failed,
        Self::Partial,
        Self::Stuck,
        Self::Silent,
        Self::Mismatch,
        Self::Backlog,
        Self::Slow,
        Self::Retrying,
        Self::LateRetry,
        Self::TooOften,
        Self::OutOfOrder,
        Self::Drift,
        Self::Undocumented,
    ];

    /// The name in JSON, in URLs and in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Partial => "partial",
            Self::Stuck => "stuck",
            Self::Silent => "silent",
            Self::Mismatch => "mismatch",
            Self::Backlog => "backlog",
            Self::Slow => "slow",
            Self::Retrying => "retrying",
            Self::LateRetry => "late_retry",
            Self::TooOften => "too_often",
            Self::OutOfOrder => "out_of_order",
            Self::Drift => "drift",
            Self::Undocumented => "undocumented",
        }
    }

    /// The words a person reads.
    pub fn words(self) -> &'static str {
        match self {
            Self::Failed => "Failed",
            Self::Partial => "Done in part",
            Self::Stuck => "Stuck",
            Self::Silent => "Silent",
            Self::Mismatch => "Mismatch",
            Self::Backlog => "Backlog",
            Self::Slow => "Slow",
            Self::Retrying => "Retrying",
            Self::LateRetry => "Late retry",
            Self::TooOften => "Too often",
            Self::OutOfOrder => "Out of order",
            Self::Drift => "Drift",
            Self::Undocumented => "Not in the book",
        }
    }

    /// What happens next by itself, where nothing better is known: what is planned, or what ends it.
    pub fn by_itself(self) -> &'static str {
        match self {
            Self::Failed | Self::Partial => "Nothing will try again by itself.",
            Self::Stuck => "Nothing more is planned. If it goes on after all, this ends by itself.",
            Self::Silent => "This ends by itself as soon as it is heard of again.",
            Self::Mismatch => "This ends by itself when the systems say the same.",
            Self::Backlog => "This ends by itself when the queue is well inside its limits.",
            Self::Slow => "This ends by itself when it is about as fast as usual again.",
            Self::Retrying => "It is tried again by its policy.",
            Self::LateRetry => "Nothing more is planned. This is told until an hour after the last late try.",
            Self::TooOften => "This is told until starts are far enough apart again.",
            Self::OutOfOrder => "Every update takes its place. This ends after an hour in order.",
            Self::Drift => "This is looked at again when the next hour is over.",
            Self::Undocumented => "This is told until the book says so, or until a day after it was last seen.",
        }
    }

    /// Reads the name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.name() == name)
    }
}

/// Why something does not recover by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Helpless {
    /// Nothing says that it is tried again.
    NoRetry,
    /// All tries are used up.
    Exhausted,
    /// Another try cannot help: the failure point says so.
    NotRetryable,
    /// A person does this step.
    WaitingOnPerson,
}

impl Helpless {
    /// All.
    pub const ALL: [Helpless; 4] = [Self::NoRetry, Self::Exhausted, Self::NotRetryable, Self::WaitingOnPerson];

    /// The name in JSON and in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoRetry => "no_retry",
            Self::Exhausted => "exhausted",
            Self::NotRetryable => "not_retryable",
            Self::WaitingOnPerson => "waiting_on_person",
        }
    }

    /// The words a person reads, after "had not recovered by itself because".
    pub fn words(self) -> &'static str {
        match self {
            Self::NoRetry => "nothing tries again",
            Self::Exhausted => "all tries were used up",
            Self::NotRetryable => "another try could not help",
            Self::WaitingOnPerson => "it waited for a person",
        }
    }

    /// Reads the name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|h| h.name() == name)
    }
}

/// What makes failures at one step one problem: the failure point that they match, else the code, else the message
/// with its numbers left out. Empty without an error.
pub fn cause(step: Option<&Step>, error: &Fault) -> String {
    if let Some(point) = step.and_then(|s| s.failure_points.iter().find(|p| p.matches(error))) {
        return format!("failure:{}", point.id);
    }
    match (error.code.trim(), error.message.trim()) {
        ("", "") => String::new(),
        ("", message) => {
            let mut words = String::new();
            for c in message.chars() {
                match c.is_ascii_digit() {
                    true if words.ends_with('#') => {}
                    true => words.push('#'),
                    false => words.extend(c.to_lowercase()),
                }
            }
            format!("error:{}", shorten(&words, 80))
        }
        (code, _) => format!("code:{}", shorten(&code.to_lowercase(), 80)),
    }
}

/// Where a problem is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Where {
    /// A workflow as a whole; need not be declared.
    Workflow(String),
    /// A step of a workflow; need not be declared.
    Step(String, String),
    /// A component, a queue among them.
    Component(String),
    /// A source of events.
    Source(String),
    /// A business thing: type and key.
    Subject(String, String),
}

impl Where {
    /// The workflow it lies in, if it lies in one.
    pub fn workflow(&self) -> Option<&str> {
        match self {
            Self::Workflow(workflow) | Self::Step(workflow, _) => Some(workflow),
            Self::Component(_) | Self::Source(_) | Self::Subject(..) => None,
        }
    }

    /// The step, if it is one.
    pub fn step(&self) -> Option<&str> {
        match self {
            Self::Step(_, step) => Some(step),
            _ => None,
        }
    }

    /// The component, if it is one.
    pub fn component(&self) -> Option<&str> {
        match self {
            Self::Component(component) => Some(component),
            _ => None,
        }
    }

    /// Reads what `Display` wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once(':')?;
        let pair = || rest.split_once('/').map(|(a, b)| (a.to_owned(), b.to_owned()));
        Some(match kind {
            "workflow" => Self::Workflow(rest.to_owned()),
            "step" => pair().map(|(workflow, step)| Self::Step(decoded(&workflow), step))?,
            "component" => Self::Component(rest.to_owned()),
            "source" => Self::Source(rest.to_owned()),
            "subject" => pair().map(|(kind, key)| Self::Subject(kind, key))?,
            _ => return None,
        })
    }
}

fn decoded(workflow: &str) -> String {
    workflow.replace("%2F", "/").replace("%25", "%")
}

impl fmt::Display for Where {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Workflow(id) => write!(f, "workflow:{id}"),
            // The first slash parts the two, so the workflow's own are written otherwise.
            Self::Step(workflow, step) => {
                write!(f, "step:{}/{step}", workflow.replace('%', "%25").replace('/', "%2F"))
            }
            Self::Component(id) => write!(f, "component:{id}"),
            Self::Source(id) => write!(f, "source:{id}"),
            Self::Subject(kind, key) => write!(f, "subject:{kind}/{key}"),
        }
    }
}

/// What a judge says is wrong at one moment. The same (`kind`, `place`, `cause`) claimed again is the same problem.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// What sort of problem it is.
    pub kind: Kind,
    /// Where it is.
    pub place: Where,
    /// Tells apart several of one kind in one place: an edge, a field; empty where there can be one only.
    pub cause: String,
    /// The state it puts its place in: Late for what needs a look, Broken for what needs a person.
    pub state: State,
    /// Since when.
    pub since: Moment,
    /// How many runs or things; 0 where nothing is counted.
    pub count: i64,
    /// What is wrong and why, in one or two sentences with absolute times.
    pub sentence: String,
    /// What happens next by itself, in a sentence.
    pub next: Option<String>,
    /// The affected subjects or runs, at most a few.
    pub subjects: Vec<String>,
}

/// A problem as it stands, or stood.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// Its number.
    pub id: i64,
    /// What keeps it.
    pub family: Family,
    /// Where it is.
    pub place: Where,
    /// What makes it one; see [`cause`] and [`Claim::cause`].
    pub cause: String,
    /// The worst that is among it.
    pub kind: Kind,
    /// The state it puts its place in.
    pub state: State,
    /// What the book called its place.
    pub name: String,
    /// What was counted, in the plural.
    pub unit: String,
    /// Since when.
    pub since: Moment,
    /// When it became a problem; none while it is only the first tries of a policy.
    pub raised_at: Option<Moment>,
    /// How many, by kind.
    pub counts: Counts,
    /// The greatest number at once.
    pub most: i64,
    /// The newest error.
    pub error: String,
    /// What is wrong, as a judge claimed it; empty for a sum of watches, which says it at each look.
    pub sentence: String,
    /// What happens next by itself, as a judge claimed it.
    pub next: Option<String>,
    /// The affected subjects, as a judge claimed them.
    pub subjects: Vec<String>,
    /// Why it does not recover by itself, once that was so.
    pub helpless: Option<Helpless>,
    /// Who is on it, and since when.
    pub owner: Option<(String, Moment)>,
    /// Who is ending it and why, while what it is about is still going away.
    pub announced: Option<(String, String)>,
    /// How it ended.
    pub ended: Option<Ended>,
}

/// What keeps a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// It is the sum of watches; kept in the transaction that moves them.
    Runs,
    /// A judge claims it.
    Claimed(Kind),
}

impl Family {
    /// The name in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Runs => "runs",
            Self::Claimed(kind) => kind.name(),
        }
    }

    /// Reads the name.
    pub fn parse(name: &str) -> Option<Self> {
        if name == "runs" { Some(Self::Runs) } else { Kind::parse(name).map(Self::Claimed) }
    }
}

/// How many watches a problem is the sum of, by kind; of a claimed problem `claimed` is all there is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Counts {
    pub failed: i64,
    pub partial: i64,
    pub stuck: i64,
    /// Past half their tries.
    pub retrying: i64,
    /// In the first half of their tries: no problem by themselves.
    pub trying: i64,
}

impl Counts {
    /// Counts one more (or fewer) watch of a kind; none is a try of the first half.
    pub fn add(&mut self, kind: Option<Kind>, by: i64) {
        match kind {
            Some(Kind::Failed) => self.failed += by,
            Some(Kind::Partial) => self.partial += by,
            Some(Kind::Stuck) => self.stuck += by,
            Some(_) => self.retrying += by,
            None => self.trying += by,
        }
    }

    /// How many there are in a state.
    pub fn of(self, state: State) -> i64 {
        match state {
            State::Broken => self.failed + self.partial,
            State::Late => self.stuck,
            State::Retrying => self.retrying + self.trying,
            State::OnTrack | State::Paused | State::NoSignal => 0,
        }
    }

    /// All of them.
    pub fn total(self) -> i64 {
        self.failed + self.partial + self.stuck + self.retrying + self.trying
    }

    /// The kind that needs a person most; none when nothing here is a problem.
    pub fn worst(self) -> Option<Kind> {
        let of = [
            (self.failed, Kind::Failed),
            (self.partial, Kind::Partial),
            (self.stuck, Kind::Stuck),
            (self.retrying, Kind::Retrying),
        ];
        of.into_iter().find(|(n, _)| *n > 0).map(|(_, kind)| kind)
    }

    fn plus(self, other: Self) -> Self {
        Self {
            failed: self.failed + other.failed,
            partial: self.partial + other.partial,
            stuck: self.stuck + other.stuck,
            retrying: self.retrying + other.retrying,
            trying: self.trying + other.trying,
        }
    }
}

/// How a problem ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    /// When.
    pub at: Moment,
    /// By what.
    pub how: How,
    /// The person who ended it in the portal; none where evidence did.
    pub by: Option<String>,
    /// A person's reason, or why it had not recovered by itself.
    pub why: String,
}

/// What ended a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// It recovered by itself.
    ByItself,
    /// A person did it.
    ByPerson,
    /// What it was about fails for another cause now, or went on as another problem.
    Continued,
}

impl How {
    /// The name in JSON and in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::ByItself => "by_itself",
            Self::ByPerson => "by_person",
            Self::Continued => "continued",
        }
    }

    /// Reads the name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::ByItself, Self::ByPerson, Self::Continued].into_iter().find(|h| h.name() == name)
    }
}

/// How many problems recovered by themselves, and why the others did not, in a sentence; none when none has ended.
/// `endings` are (`by_itself`, `by_person` or a [`Helpless`] by its name, how many).
pub fn recovered(endings: &[(String, i64)]) -> Option<String> {
    let total: i64 = endings.iter().map(|(_, n)| n).sum();
    let itself: i64 = endings.iter().filter(|(how, _)| how == How::ByItself.name()).map(|(_, n)| n).sum();
    let mut missed: Vec<(i64, &str)> = endings
        .iter()
        .filter(|(how, _)| how != How::ByItself.name())
        .map(|(how, n)| (*n, Helpless::parse(how).map_or("a person ended it", Helpless::words)))
        .collect();
    missed.sort_by(|a, b| b.cmp(a));
    let missed: Vec<String> = missed.into_iter().map(|(n, why)| format!("{why} ({n})")).collect();
    let told = match missed.as_slice() {
        [] => String::new(),
        why => format!(" Not by themselves: {}.", why.join(", ")),
    };
    (total > 0)
        .then(|| format!("{itself} of {} in 30 days recovered by themselves.{told}", count_of(total, "problems")))
}

/// What one transaction adds to a problem that is a sum of watches.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Change {
    /// How many more, or fewer, by kind.
    pub counts: Counts,
    /// Since when the oldest of the new ones is there.
    pub since: Option<Moment>,
    /// The newest error of the new ones.
    pub error: String,
    /// Why the new ones will not recover by themselves.
    pub helpless: Option<Helpless>,
    /// Whether one of those that left was cancelled or skipped, which a person does.
    pub cancelled: bool,
    /// Whether one of those that left was of a check, and the check went well at its next time.
    pub came_again: bool,
    /// Whether one of those that left went on to fail for another cause at the same place.
    pub moved: bool,
}

impl Problem {
    /// Whether it is one: not only the first tries of a policy.
    pub fn is_raised(&self) -> bool {
        self.raised_at.is_some()
    }

    /// How many it is about now.
    pub fn count(&self) -> i64 {
        self.counts.total()
    }

    /// Takes a change of its sum in, at `now`. With nothing left it has ended: by itself where it could, else by a
    /// person, with the reason why it could not.
    pub fn apply(&mut self, change: &Change, now: Moment) {
        self.counts = self.counts.plus(change.counts);
        if let Some(since) = change.since {
            self.since = self.since.min(since);
        }
        if !change.error.is_empty() {
            self.error.clone_from(&change.error);
        }
        self.helpless = change.helpless.or(self.helpless);
        self.most = self.most.max(self.count());
        match self.counts.worst() {
            Some(kind) => {
                self.kind = kind;
                self.raised_at.get_or_insert(now);
            }
            // What was worse has become a try of the first half: it is no longer what it was.
            None if self.count() > 0 => self.kind = Kind::Retrying,
            None => {}
        }
        if let Some(state) = [State::Broken, State::Late, State::Retrying].into_iter().find(|s| self.counts.of(*s) > 0)
        {
            self.state = state;
        }
        if self.count() <= 0 {
            let (how, by, why) = match (self.announced.take(), change.moved, self.helpless, change.cancelled) {
                (Some((by, why)), ..) => (How::ByPerson, Some(by), why),
                (_, true, ..) => (How::Continued, None, String::new()),
                _ if change.came_again => (How::ByItself, None, String::new()),
                (_, _, Some(why), _) => (How::ByPerson, None, why.name().to_owned()),
                (_, _, None, true) => (How::ByPerson, None, Helpless::NoRetry.name().to_owned()),
                (_, _, None, false) => (How::ByItself, None, String::new()),
            };
            self.ended = Some(Ended { at: now, how, by, why });
        }
    }

    /// What it was, once it is over, in one sentence; `time` writes a moment.
    pub fn told(&self, time: impl Fn(Moment) -> String) -> String {
        let until = match &self.ended {
            Some(ended) => format!("from {} to {}", time(self.since), time(ended.at)),
            None => format!("since {}", time(self.since)),
        };
        let error = if self.error.is_empty() { String::new() } else { format!(" ({})", shorten(&self.error, 80)) };
        let what = match (self.family, self.kind) {
            (Family::Runs, Kind::Retrying | Kind::Stuck) if self.helpless.is_some() => "failed",
            (Family::Claimed(_), _) => return format!("{} It was so {until}.", self.sentence),
            (_, Kind::Failed) => "failed",
            (_, Kind::Partial) => "was done only in part",
            (_, Kind::Stuck) => "was stuck",
            (_, _) => "failed and tried again",
        };
        let most = self.most.max(1);
        let verb = if most == 1 { "was" } else { "were" };
        format!("{} {what} {until}{error}. At most {} {verb} waiting.", self.name, count_of(most, &self.unit))
    }

    /// How it ended, in a sentence; empty while it has not.
    pub fn ending(&self) -> String {
        let Some(ended) = &self.ended else { return String::new() };
        match (ended.how, &ended.by, Helpless::parse(&ended.why)) {
            (How::ByItself, ..) => "It recovered by itself.".to_owned(),
            (How::Continued, ..) => "It went on as another problem at the same place.".to_owned(),
            (How::ByPerson, Some(by), _) => {
                let why = self.helpless.map(|why| format!(" It had not recovered by itself because {}.", why.words()));
                let stop = if ended.why.ends_with(['.', '!', '?']) { "" } else { "." };
                format!("Ended by {by}: {}{stop}{}", ended.why, why.unwrap_or_default())
            }
            (How::ByPerson, None, Some(why)) => {
                format!("A person did it. It had not recovered by itself because {}.", why.words())
            }
            (How::ByPerson, None, None) => "A person did it.".to_owned(),
        }
    }

    /// A row for a place that fails for the first time, still empty.
    pub fn begin(id: i64, place: Where, cause: String, name: String, unit: String, since: Moment) -> Self {
        Self {
            id,
            family: Family::Runs,
            place,
            cause,
            kind: Kind::Retrying,
            state: State::Retrying,
            name,
            unit,
            since,
            raised_at: None,
            counts: Counts::default(),
            most: 0,
            error: String::new(),
            sentence: String::new(),
            next: None,
            subjects: Vec::new(),
            helpless: None,
            owner: None,
            announced: None,
            ended: None,
        }
    }

    /// The failure point that it matches, by its id.
    pub fn failure_point(&self) -> Option<&str> {
        self.cause.strip_prefix("failure:")
    }

    /// What people call what it is about: `412 orders`.
    pub fn counted(&self) -> String {
        format!("{} {}", count_of(self.count(), &self.unit), are(self.count()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn at(minute: i64) -> Moment {
        Moment::from_millis(1_780_000_000_000 + minute * 60_000)
    }

    fn problem() -> Problem {
        let place = Where::Step("w".into(), "push".into());
        Problem::begin(1, place, "code:503".into(), "Push to ERP".into(), "orders".into(), at(0))
    }

    fn enters(kind: Option<Kind>, helpless: Option<Helpless>) -> Change {
        let mut change = Change { since: Some(at(0)), helpless, ..Change::default() };
        change.counts.add(kind, 1);
        change
    }

    fn leaves(kind: Option<Kind>) -> Change {
        let mut change = Change::default();
        change.counts.add(kind, -1);
        change
    }

    #[test]
    fn the_first_tries_are_no_problem_yet() {
        let mut problem = problem();
        problem.apply(&enters(None, None), at(1));
        assert!(!problem.is_raised() && problem.ended.is_none());
        problem.apply(&leaves(None), at(2));
        assert_eq!(problem.ended.unwrap().how, How::ByItself);
    }

    #[test]
    fn what_recovers_while_it_is_tried_again_recovers_by_itself() {
        let mut problem = problem();
        problem.apply(&enters(Some(Kind::Retrying), None), at(1));
        assert_eq!((problem.raised_at, problem.state), (Some(at(1)), State::Retrying));
        problem.apply(&leaves(Some(Kind::Retrying)), at(5));
        assert_eq!(problem.ending(), "It recovered by itself.");
    }

    #[test]
    fn what_had_used_up_its_tries_was_ended_by_a_person_and_says_why_it_could_not_by_itself() {
        let mut problem = problem();
        problem.error = "503 refused".into();
        problem.apply(&enters(Some(Kind::Failed), Some(Helpless::Exhausted)), at(1));
        assert_eq!((problem.kind, problem.state), (Kind::Failed, State::Broken));
        let mut again = leaves(Some(Kind::Failed));
        again.counts.add(Some(Kind::Retrying), 1);
        problem.apply(&again, at(8));
        assert_eq!((problem.kind, problem.ended.is_none()), (Kind::Retrying, true));
        problem.apply(&leaves(Some(Kind::Retrying)), at(9));
        assert_eq!(problem.ending(), "A person did it. It had not recovered by itself because all tries were used up.");
        assert_eq!(
            problem.told(|m| format!("{}", m.since(at(0)).millis() / 60_000)),
            "Push to ERP failed from 0 to 9 (503 refused). At most 1 order was waiting."
        );
    }

    #[test]
    fn what_was_stuck_and_is_tried_again_is_stuck_no_more() {
        let mut problem = problem();
        problem.apply(&enters(Some(Kind::Stuck), None), at(1));
        let mut again = leaves(Some(Kind::Stuck));
        again.counts.add(None, 1);
        problem.apply(&again, at(2));
        assert_eq!((problem.kind, problem.state, problem.is_raised()), (Kind::Retrying, State::Retrying, true));
    }

    #[test]
    fn what_fails_for_another_cause_now_went_on() {
        let mut problem = problem();
        problem.apply(&enters(Some(Kind::Retrying), None), at(1));
        problem.apply(&Change { moved: true, ..leaves(Some(Kind::Retrying)) }, at(2));
        assert_eq!(problem.ended.unwrap().how, How::Continued);
    }

    #[test]
    fn the_share_that_recovers_by_itself_is_told_with_the_misses_by_reason() {
        let ended = |how: &str, n: i64| (how.to_owned(), n);
        assert_eq!(recovered(&[]), None);
        assert_eq!(
            recovered(&[ended("by_itself", 9), ended("exhausted", 2), ended("no_retry", 1)]).unwrap(),
            "9 of 12 problems in 30 days recovered by themselves. Not by themselves: all tries were used up (2), nothing tries again (1)."
        );
    }

    #[test]
    fn a_cause_is_the_failure_point_then_the_code_then_the_words_without_numbers() {
        let step: Step = serde_json::from_value(json!({"id": "push", "name": "Push",
            "failure_points": [{"id": "refused", "when": {"code": "503"}}]}))
        .unwrap();
        let fault = |code: &str, message: &str| Fault { code: code.into(), message: message.into() };
        assert_eq!(cause(Some(&step), &fault("503", "busy")), "failure:refused");
        assert_eq!(cause(Some(&step), &fault("E42", "busy")), "code:e42");
        assert_eq!(cause(None, &fault("", "Order 10482 of 2026 is gone")), "error:order # of # is gone");
        assert_eq!(cause(None, &Fault::default()), "");
    }

    #[test]
    fn a_place_reads_back_as_it_was_written() {
        for text in
            ["workflow:order-to-erp", "step:order-to-erp/push", "component:erp", "source:shop", "subject:order/1/2"]
        {
            assert_eq!(Where::parse(text).unwrap().to_string(), text);
        }
        let odd = Where::Step("a/b%2F".into(), "c/d".into());
        assert_eq!(Where::parse(&odd.to_string()), Some(odd));
        assert_eq!(Where::parse("planet:mars"), None);
    }

    #[test]
    fn every_kind_reads_back_by_its_name_and_the_worst_is_first() {
        assert!(Kind::ALL.iter().all(|k| Kind::parse(k.name()) == Some(*k)));
        assert!(Kind::ALL.windows(2).all(|pair| pair[0] > pair[1]));
    }

    proptest! {
        #[test]
        fn a_problem_is_the_sum_of_what_entered_and_left_in_whatever_order(
            kinds in proptest::collection::vec(0usize..5, 1..20), seed in any::<u64>()
        ) {
            let kind = |n: usize| [Some(Kind::Failed), Some(Kind::Partial), Some(Kind::Stuck), Some(Kind::Retrying), None][n];
            let mut problem = problem();
            for k in &kinds {
                problem.apply(&enters(kind(*k), None), at(1));
            }
            prop_assert_eq!(problem.count(), kinds.len() as i64);
            prop_assert_eq!(problem.is_raised(), kinds.iter().any(|k| kind(*k).is_some()));
            let mut left = kinds.clone();
            let at_random = (seed as usize) % left.len();
            left.rotate_left(at_random);
            for k in &left {
                prop_assert!(problem.ended.is_none());
                problem.apply(&leaves(kind(*k)), at(2));
            }
            prop_assert!(problem.ended.is_some());
            prop_assert_eq!(problem.most, kinds.len() as i64);
        }
    }
}
