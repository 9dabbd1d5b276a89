//! What a document speaks of: parts of the book, facts stated about them, live panels, its own sections.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};

use super::reference::Reference;

/// One place in a document that speaks of something.
#[derive(Debug, Clone, PartialEq)]
pub struct Mention {
    /// What it speaks of.
    pub target: Target,
    /// The line of the body on which it stands, from 1.
    pub line: usize,
    /// Which section it stands in, counted from 0.
    pub section: usize,
}

/// What a link or an image with a meaning of ours points at.
#[derive(Debug, Clone, PartialEq)]
pub enum Target {
    /// A part of the book, or another runbook.
    Part(Reference),
    /// A claim that the book can confirm or deny.
    Fact(Fact),
    /// Something to show live.
    Panel(Panel),
    /// A section of the same document.
    Anchor(String),
    /// One of our schemes, written wrongly: a sentence for the author.
    Wrong(String),
}

/// A claim bound to a value: `[6 times](fact:step:order-to-erp/push-to-erp?retry.max_attempts=6)`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// The words that a person reads: `6 times`.
    pub text: String,
    /// Whose value it is.
    pub subject: Reference,
    /// Which value: a dotted path, like `retry.max_attempts`.
    pub path: String,
    /// The value as the author stated it: `6`.
    pub stated: String,
}

/// A live panel: `![Retries now](live:retries/order-to-erp/push-to-erp)`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Panel {
    /// What shows where it cannot be live.
    pub alt: String,
    /// What to show.
    pub kind: PanelKind,
    /// About what: one id, or `WORKFLOW/STEP`.
    pub target: String,
}

/// What a live panel shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PanelKind {
    /// The state of a workflow, step or component, with its sentence.
    State,
    /// Depth and age of a queue.
    Queue,
    /// The attempts of a step.
    Retries,
    /// The runs that are stuck.
    Stuck,
    /// Who needs a component.
    Dependents,
    /// The last runs of a workflow.
    Runs,
}

impl PanelKind {
    const ALL: [(&'static str, Self); 6] = [
        ("state", Self::State),
        ("queue", Self::Queue),
        ("retries", Self::Retries),
        ("stuck", Self::Stuck),
        ("dependents", Self::Dependents),
        ("runs", Self::Runs),
    ];
}

impl Panel {
    /// The parts it may be about, the likeliest first; it is about the first that exists.
    pub fn candidates(&self) -> Vec<Reference> {
        let own = str::to_owned;
        match (self.kind, self.target.split_once('/')) {
            (PanelKind::Runs, Some(_)) => Vec::new(),
            (_, Some((workflow, step))) => vec![Reference::Step(own(workflow), own(step))],
            (PanelKind::Queue | PanelKind::Dependents, None) => vec![Reference::Component(self.target.clone())],
            (PanelKind::Stuck | PanelKind::Runs, None) => vec![Reference::Workflow(self.target.clone())],
            (PanelKind::State | PanelKind::Retries, None) => {
                vec![Reference::Workflow(self.target.clone()), Reference::Component(self.target.clone())]
            }
        }
    }

    fn parse(destination: &str, alt: &str) -> Result<Self, String> {
        let wrong = || {
            format!("\"live:{destination}\" is not a live panel; write live:KIND/ID, like live:queue/erp-sync-queue")
        };
        let (kind, target) = destination.split_once('/').ok_or_else(wrong)?;
        let kind = PanelKind::ALL.iter().find(|(name, _)| *name == kind).map(|(_, kind)| *kind).ok_or_else(|| {
            format!("\"{kind}\" is not a kind of live panel; the kinds are state, queue, retries, stuck, dependents and runs")
        })?;
        let panel = Self { alt: alt.to_owned(), kind, target: target.to_owned() };
        // The ids are checked where every reference is: in its parser.
        match panel.candidates().first().map(|r| Reference::parse(&r.to_string())) {
            Some(Ok(_)) => Ok(panel),
            _ => Err(wrong()),
        }
    }
}

impl Fact {
    fn parse(destination: &str, text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "\"fact:{destination}\" is not a fact; write fact:REFERENCE?FIELD=VALUE, like fact:step:order-to-erp/push?retry.max_attempts=6"
            )
        };
        let (subject, claim) = destination.split_once('?').ok_or_else(wrong)?;
        let (path, stated) = claim.split_once('=').ok_or_else(wrong)?;
        let (path, stated) = (decoded(path), decoded(stated));
        if path.trim().is_empty() || stated.trim().is_empty() {
            return Err(wrong());
        }
        Ok(Self {
            text: text.to_owned(),
            subject: Reference::parse(&decoded(subject))?,
            path: path.trim().to_owned(),
            stated: stated.trim().to_owned(),
        })
    }
}

impl Target {
    /// Reads where a link points; nothing when it is an ordinary link. `text` is what a person reads.
    pub fn of_link(destination: &str, text: &str) -> Option<Self> {
        let wrong = |result: Result<Self, String>| Some(result.unwrap_or_else(Self::Wrong));
        if let Some(anchor) = destination.strip_prefix('#') {
            return Some(Self::Anchor(decoded(anchor).into_owned()));
        }
        match destination.split_once(':') {
            Some(("fact", rest)) => wrong(Fact::parse(rest, text).map(Self::Fact)),
            Some(("live", _)) => Some(Self::Wrong(format!(
                "\"{destination}\" is a live panel; put a ! before it: ![{text}]({destination})"
            ))),
            Some(("component" | "workflow" | "step" | "failure" | "decision" | "workaround" | "runbook", _)) => {
                wrong(Reference::parse(&decoded(destination)).map(Self::Part))
            }
            Some(_) => None,
            None => runbook_file(destination).map(Self::Part),
        }
    }

    /// Reads where an image points; nothing when it is an ordinary image.
    pub fn of_image(destination: &str, alt: &str) -> Option<Self> {
        let rest = destination.strip_prefix("live:")?;
        Some(Panel::parse(&decoded(rest), alt).map_or_else(Self::Wrong, Self::Panel))
    }
}

/// A link to the file of another runbook, `../guides/courier-api-down.md#do-this-now`, so that files read well anywhere.
fn runbook_file(destination: &str) -> Option<Reference> {
    let (path, section) = match destination.split_once('#') {
        Some((path, section)) => (path, Some(decoded(section).into_owned())),
        None => (destination, None),
    };
    let slug = path.rsplit('/').next()?.strip_suffix(".md")?;
    Reference::parse(&format!("runbook:{slug}")).ok()?;
    Some(Reference::Runbook(slug.to_owned(), section))
}

fn decoded(text: &str) -> Cow<'_, str> {
    percent_decode_str(text).decode_utf8_lossy()
}

/// The sentence that says that a part is not there.
pub fn absent(reference: &Reference) -> String {
    match reference {
        Reference::Component(id) => format!("component \"{id}\" does not exist"),
        Reference::Workflow(id) => format!("workflow \"{id}\" does not exist"),
        Reference::Step(workflow, step) => format!("workflow \"{workflow}\" has no step \"{step}\""),
        Reference::Failure(workflow, step, point) => {
            format!("step \"{step}\" of workflow \"{workflow}\" has no failure point \"{point}\"")
        }
        Reference::Decision(id) => format!("decision \"{id}\" does not exist"),
        Reference::Workaround(id) => format!("workaround \"{id}\" does not exist"),
        Reference::Runbook(slug, None) => format!("runbook \"{slug}\" does not exist"),
        Reference::Runbook(slug, Some(section)) => format!("runbook \"{slug}\" has no section \"{section}\""),
    }
}

/// How a runbook is there that a link leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shelved {
    /// It is in use.
    InUse,
    /// It was taken out of use.
    Retired,
    /// There is none.
    Nowhere,
}

/// The sentence that says that a part is not there, where it is known how its runbook is: of one that is out of use, or
/// that is not there at all, no section is missed.
pub fn absent_now(reference: &Reference, shelved: Shelved) -> String {
    match (reference, shelved) {
        (Reference::Runbook(slug, _), Shelved::Retired) => format!("runbook \"{slug}\" is retired"),
        (Reference::Runbook(slug, _), Shelved::Nowhere) => absent(&Reference::Runbook(slug.clone(), None)),
        (reference, _) => absent(reference),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fact_names_whose_value_it_states_and_what_it_is() {
        let target = Target::of_link("fact:step:order-to-erp/push-to-erp?retry.max_attempts=6", "6 times").unwrap();
        let Target::Fact(fact) = target else { panic!("{target:?}") };
        assert_eq!(fact.subject.to_string(), "step:order-to-erp/push-to-erp");
        assert_eq!(
            (fact.path.as_str(), fact.stated.as_str(), fact.text.as_str()),
            ("retry.max_attempts", "6", "6 times")
        );
    }

    #[test]
    fn a_stated_value_may_hold_spaces_written_as_in_any_address() {
        let Some(Target::Fact(fact)) = Target::of_link("fact:workflow:w?expect.start_at=0%203%20*%20*%20*", "at 3")
        else {
            panic!()
        };
        assert_eq!(fact.stated, "0 3 * * *");
    }

    #[test]
    fn a_panel_is_about_a_step_when_it_names_two_ids() {
        let Some(Target::Panel(panel)) = Target::of_image("live:retries/order-to-erp/push-to-erp", "Retries now")
        else {
            panic!()
        };
        assert_eq!(panel.candidates()[0].to_string(), "step:order-to-erp/push-to-erp");
    }

    #[test]
    fn what_is_written_wrongly_says_how_to_write_it() {
        for (link, says) in [
            ("fact:step:w/s", "fact:REFERENCE?FIELD=VALUE"),
            ("fact:step:w?x=1", "step:WORKFLOW/STEP"),
            ("step:push", "step:WORKFLOW/STEP"),
            ("live:queue/q", "put a !"),
        ] {
            let Some(Target::Wrong(sentence)) = Target::of_link(link, "text") else { panic!("{link}") };
            assert!(sentence.contains(says), "{sentence}");
        }
        for (image, says) in [
            ("live:graph/x", "the kinds are state"),
            ("live:queue", "live:KIND/ID"),
            ("live:queue/A B", "live:KIND/ID"),
        ] {
            let Some(Target::Wrong(sentence)) = Target::of_image(image, "alt") else { panic!("{image}") };
            assert!(sentence.contains(says), "{sentence}");
        }
    }

    #[test]
    fn of_a_runbook_that_is_not_in_use_no_section_is_missed() {
        let link = Reference::parse("runbook:erp#do-this-now").unwrap();
        assert_eq!(absent_now(&link, Shelved::InUse), "runbook \"erp\" has no section \"do-this-now\"");
        assert_eq!(absent_now(&link, Shelved::Retired), "runbook \"erp\" is retired");
        assert_eq!(absent_now(&link, Shelved::Nowhere), "runbook \"erp\" does not exist");
        let part = Reference::parse("component:erp").unwrap();
        assert_eq!(absent_now(&part, Shelved::Nowhere), absent(&part));
    }

    #[test]
    fn a_link_to_the_file_of_a_runbook_is_a_link_to_the_runbook() {
        let target = Target::of_link("../guides/courier-api-down.md#do-this-now", "there");
        assert_eq!(target, Some(Target::Part(Reference::parse("runbook:courier-api-down#do-this-now").unwrap())));
        assert_eq!(Target::of_link("https://example.com/readme.md", "there"), None);
    }
}
