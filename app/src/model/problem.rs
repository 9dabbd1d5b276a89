//! A problem: something that needs a person or may soon. What a judge claims is wrong, and where.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::moment::Moment;
use super::status::State;

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

    /// Reads the name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.name() == name)
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

    /// Reads what `Display` wrote. Ids of callers may hold anything but the first slash of a pair.
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once(':')?;
        let pair = || rest.split_once('/').map(|(a, b)| (a.to_owned(), b.to_owned()));
        Some(match kind {
            "workflow" => Self::Workflow(rest.to_owned()),
            "step" => pair().map(|(workflow, step)| Self::Step(workflow, step))?,
            "component" => Self::Component(rest.to_owned()),
            "source" => Self::Source(rest.to_owned()),
            "subject" => pair().map(|(kind, key)| Self::Subject(kind, key))?,
            _ => return None,
        })
    }
}

impl fmt::Display for Where {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Workflow(id) => write!(f, "workflow:{id}"),
            Self::Step(workflow, step) => write!(f, "step:{workflow}/{step}"),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_reads_back_as_it_was_written() {
        for text in
            ["workflow:order-to-erp", "step:order-to-erp/push", "component:erp", "source:shop", "subject:order/1/2"]
        {
            assert_eq!(Where::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Where::parse("planet:mars"), None);
    }

    #[test]
    fn every_kind_reads_back_by_its_name_and_the_worst_is_first() {
        assert!(Kind::ALL.iter().all(|k| Kind::parse(k.name()) == Some(*k)));
        assert!(Kind::ALL.windows(2).all(|pair| pair[0] > pair[1]));
    }
}
