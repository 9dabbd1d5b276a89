//! "This changed", to whoever is listening. Told only after commit.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use tokio::sync::broadcast;

/// Something that a live page shows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// Now, which sums up all.
    Now,
    /// The list of workflows.
    Workflows,
    /// One workflow.
    Workflow(String),
    /// One run.
    Run(String, String),
    /// One component.
    Component(String),
    /// One problem.
    Problem(i64),
    /// One subject, by its text.
    Subject(String),
    /// The sources.
    Sources,
    /// The book or a document: concerns every page.
    Book,
}

impl Topic {
    /// Reads what a page names in `/live?topics=`.
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once(':') {
            None if text == "now" => Some(Self::Now),
            None if text == "workflows" => Some(Self::Workflows),
            None if text == "sources" => Some(Self::Sources),
            Some(("workflow", id)) => Some(Self::Workflow(id.to_owned())),
            Some(("problem", id)) => id.parse().ok().map(Self::Problem),
            Some(("component", id)) => Some(Self::Component(id.to_owned())),
            Some(("subject", text)) => Some(Self::Subject(text.to_owned())),
            Some(("run", ids)) => {
                let (workflow, run) = ids.split_once('/')?;
                Some(Self::Run(workflow.to_owned(), run.to_owned()))
            }
            _ => None,
        }
    }

    /// Whether a page about this must be looked at again when `changed` did.
    pub fn concerned_by(&self, changed: &Topic) -> bool {
        match (self, changed) {
            (_, Topic::Book) => true,
            (Topic::Now | Topic::Workflows, Topic::Workflow(_) | Topic::Now) => true,
            (Topic::Component(_), Topic::Workflow(_)) => true,
            _ => self == changed,
        }
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Now => f.write_str("now"),
            Self::Workflows => f.write_str("workflows"),
            Self::Workflow(id) => write!(f, "workflow:{id}"),
            Self::Run(workflow, run) => write!(f, "run:{workflow}/{run}"),
            Self::Component(id) => write!(f, "component:{id}"),
            Self::Problem(id) => write!(f, "problem:{id}"),
            Self::Subject(text) => write!(f, "subject:{text}"),
            Self::Sources => f.write_str("sources"),
            Self::Book => f.write_str("book"),
        }
    }
}

/// Tells what changed, and counts how often it did.
#[derive(Debug, Clone)]
pub struct Live {
    tell: broadcast::Sender<Arc<BTreeSet<Topic>>>,
    told: Arc<AtomicI64>,
}

impl Default for Live {
    fn default() -> Self {
        // From the time of the start on, in microseconds: a page that was made before a restart is never ahead.
        let start = jiff::Timestamp::now().as_microsecond();
        Self { tell: broadcast::channel(256).0, told: Arc::new(AtomicI64::new(start)) }
    }
}

impl Live {
    /// Tells that these changed.
    pub fn changed(&self, topics: BTreeSet<Topic>) {
        if !topics.is_empty() {
            self.told.fetch_add(1, Ordering::SeqCst);
            // Nobody listening is no error.
            let _ = self.tell.send(Arc::new(topics));
        }
    }

    /// A number that grows with each change told: what is read after asking for it knows of all changes up to it.
    pub fn told(&self) -> i64 {
        self.told.load(Ordering::SeqCst)
    }

    /// Everything told from now on. One who falls behind gets `Lagged` and must look at everything.
    pub fn listen(&self) -> broadcast::Receiver<Arc<BTreeSet<Topic>>> {
        self.tell.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_reads_back_as_it_was_written() {
        for text in [
            "now",
            "workflows",
            "sources",
            "workflow:order-to-erp",
            "run:order-to-erp/10482",
            "component:erp",
            "problem:17",
        ] {
            assert_eq!(Topic::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Topic::parse("subject:order/1/2"), Some(Topic::Subject("order/1/2".into())));
        assert_eq!(Topic::parse("everything"), None);
    }

    #[test]
    fn a_page_is_concerned_by_its_own_topic_and_by_the_book() {
        let workflow = Topic::Workflow("a".into());
        assert!(workflow.concerned_by(&Topic::Book) && workflow.concerned_by(&workflow.clone()));
        assert!(!workflow.concerned_by(&Topic::Workflow("b".into())));
        assert!(Topic::Now.concerned_by(&workflow));
    }
}
