//! The book: everything a team declares about its workflows, components, decisions and workarounds.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};

use regex::{Regex, RegexBuilder};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::agreement::Tolerance;
use super::event::Fault;
use super::moment::Span;
use super::reference::Reference;

/// One YAML document of the book; `kind` says which.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Entry {
    /// A named business process.
    Workflow(Workflow),
    /// A part of the business that does work.
    Component(Component),
    /// Why something is as it is.
    Decision(Decision),
    /// A "just for now".
    Workaround(Workaround),
}

/// A named business process: purpose, outcome, owner, steps, expectations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Workflow {
    /// `[a-z0-9-]`, 1 to 63, unique among workflows.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Why it exists.
    pub purpose: Option<String>,
    /// What is true when it has worked.
    pub outcome: Option<String>,
    /// The team that keeps it running.
    pub owner: Option<String>,
    /// The team that is hurt when it does not.
    pub business_owner: Option<String>,
    /// How much harm it does when it stops.
    #[serde(default)]
    pub criticality: Criticality,
    /// The type of the thing a run is about, like `order`.
    pub subject: Option<String>,
    /// What to count, like `orders` in "412 orders waiting".
    pub unit: Option<String>,
    /// What should be true by when.
    #[serde(default)]
    pub expect: Expect,
    /// Which systems must say the same of the thing that a run is about; needs `subject`.
    #[serde(default)]
    pub agree: Vec<Agreement>,
    /// The stages, in order.
    #[serde(default)]
    pub steps: Vec<Step>,
}

/// How much harm a workflow does when it stops.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Criticality {
    /// Nobody notices for a day.
    Low,
    /// The default.
    #[default]
    Normal,
    /// Someone outside the team is hurt within the hour.
    High,
    /// The business stops.
    Critical,
}

/// What should be true by when.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// Each run ends within this time of its start.
    pub finish_within: Option<Span>,
    /// A run starts at least this often.
    pub start_every: Option<Span>,
    /// Two runs start at least this far apart; closer is too often.
    pub min_interval: Option<Span>,
    /// A run starts at these times: a five-field cron line, in `timezone`.
    pub start_at: Option<String>,
    /// The IANA time zone of `start_at` and `active`; UTC when absent.
    pub timezone: Option<String>,
    /// How long after `start_at` a start is still in time; 5 minutes when absent.
    pub grace: Option<Span>,
    /// When silence counts, like `Mon-Fri 06:00-22:00`; always when absent.
    pub active: Option<String>,
}

/// Systems that must say the same of a thing, as their `record` events tell it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Agreement {
    /// The systems, as `record` events name them, two at least; the id of a component lends its name. Each two of them
    /// are compared. A thing that only one has told of is not.
    pub systems: Vec<String>,
    /// The fields that must be alike. A field that only one has told is not compared.
    pub fields: Vec<String>,
    /// How far apart numbers may be: `1%` of the greater one, or a number like `0.01`; not at all when absent.
    pub tolerance: Option<Tolerance>,
    /// How long they may differ before it is a problem; 10 minutes when absent.
    pub within: Option<Span>,
}

impl Agreement {
    /// What a person reads: `shop, erp: status, total; within 10m; up to 1% apart`.
    pub fn words(&self) -> String {
        let within = self.within.map(|w| format!("; within {w}")).unwrap_or_default();
        let tolerance = self.tolerance.map(|t| format!("; up to {t} apart")).unwrap_or_default();
        format!("{}: {}{within}{tolerance}", self.systems.join(", "), self.fields.join(", "))
    }
}

/// One stage of a workflow, done by a component.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Unique in its workflow.
    pub id: String,
    /// Other ids that systems report it under; what is declared of the step holds for them as well.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
    /// What people call it.
    pub name: String,
    /// What it means for the business.
    pub meaning: Option<String>,
    /// The component that does it.
    pub component: Option<String>,
    /// The steps that come before it; the one above when absent, none when empty.
    pub after: Option<Vec<String>>,
    /// The queue in front of it.
    pub via: Option<String>,
    /// It ends within this time of its start.
    pub finish_within: Option<Span>,
    /// How it tries again.
    pub retry: Option<Retry>,
    /// Whether doing it twice is safe.
    pub safe_to_retry: Option<SafeToRetry>,
    /// What happens if it is skipped.
    pub if_skipped: Option<String>,
    /// Who may say by a link, with one click, that it is done; no link when absent. Only for what people do: a step
    /// whose component is an approval, a spreadsheet, a mailbox or a person.
    pub check_in: Option<CheckIn>,
    /// Known ways it fails.
    #[serde(default)]
    pub failure_points: Vec<FailurePoint>,
}

/// Who may say by a link that a step is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CheckIn {
    /// Whoever has the link.
    Anyone,
    /// Whoever has the link and an account.
    Account,
}

/// How a step tries again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// How many tries in all, the first included.
    pub max_attempts: u32,
    /// How the waits grow.
    #[serde(default)]
    pub backoff: Backoff,
    /// The wait before the second try.
    pub first: Option<Span>,
    /// Each wait is this many times the one before (exponential only; 2 when absent).
    pub factor: Option<f64>,
    /// No wait is longer than this.
    pub max: Option<Span>,
}

/// How the waits between tries grow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Backoff {
    /// Always `first`.
    #[default]
    Fixed,
    /// `first`, then `factor` times longer each time, up to `max`.
    Exponential,
    /// `first`, twice `first`, three times `first`, up to `max`.
    Linear,
}

/// Whether doing a step twice is safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SafeToRetry {
    /// Yes, always.
    Yes,
    /// Yes, because a key makes duplicates count once.
    Keyed,
    /// Ask the owner first.
    Ask,
    /// No.
    Never,
}

impl SafeToRetry {
    /// What a person reads.
    pub fn words(self) -> &'static str {
        match self {
            Self::Yes => "Yes",
            Self::Keyed => "Yes, duplicates ignored",
            Self::Ask => "Ask the owner first",
            Self::Never => "No",
        }
    }
}

/// A known way a step fails.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FailurePoint {
    /// Unique in its step.
    pub id: String,
    /// How to recognise it.
    #[serde(default)]
    pub when: When,
    /// Other errors that are this failure, too: each is recognised as `when` is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<When>,
    /// What it does to the business.
    pub effect: Option<String>,
    /// What happens by itself.
    pub automatic: Option<String>,
    /// What a person does: `runbook:slug#section`.
    pub action: Option<Reference>,
    /// Whether another try can help; `false` makes it Broken at once, whatever the retry policy says.
    pub retryable: Option<bool>,
}

impl FailurePoint {
    /// Whether an error is this failure, by `when` or one of `also`: every expression given there must match, that of
    /// the code the code, that of the message the message. One without any expression matches nothing; an expression that cannot be read matches
    /// nothing either.
    pub fn matches(&self, error: &Fault) -> bool {
        std::iter::once(&self.when).chain(&self.also).any(|when| when.matches(error))
    }
}

impl When {
    /// What a person reads: `503 refused`.
    pub fn words(&self) -> String {
        [&self.code, &self.message].into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" ")
    }

    fn matches(&self, error: &Fault) -> bool {
        let given = [(&self.code, &error.code), (&self.message, &error.message)];
        let mut given = given.into_iter().filter_map(|(wanted, text)| Some((wanted.as_ref()?, text))).peekable();
        given.peek().is_some() && given.all(|(wanted, text)| !text.is_empty() && is_found(wanted, text))
    }
}

/// Whether a case-insensitive regular expression is found in a text. Every failed try asks, so each expression is
/// compiled once a thread.
fn is_found(expression: &str, text: &str) -> bool {
    /// Enough for every failure point of a large book; then it starts anew.
    const MOST_KNOWN: usize = 2_000;
    thread_local! {
        static KNOWN: RefCell<HashMap<String, Option<Regex>>> = RefCell::default();
    }
    KNOWN.with_borrow_mut(|known| {
        if known.len() > MOST_KNOWN {
            known.clear();
        }
        let compile = || RegexBuilder::new(expression).case_insensitive(true).build().ok();
        let regex = match known.get(expression) {
            Some(regex) => regex,
            None => known.entry(expression.to_owned()).or_insert_with(compile),
        };
        regex.as_ref().is_some_and(|regex| regex.is_match(text))
    })
}

/// How to recognise a failure: case-insensitive regular expressions, all given must match.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct When {
    /// Matches the error's code.
    pub code: Option<String>,
    /// Matches the error's message.
    pub message: Option<String>,
}

/// A part of the business that does work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Component {
    /// Unique among components.
    pub id: String,
    /// What sort of thing it is.
    #[serde(rename = "type")]
    pub kind: ComponentType,
    /// What people call it.
    pub name: String,
    /// The team that answers for it.
    pub owner: Option<String>,
    /// What it is for.
    pub meaning: Option<String>,
    /// What happens to the business when it is not there.
    pub if_unavailable: Option<String>,
    /// What it needs.
    #[serde(default)]
    pub depends_on: Vec<Dependency>,
    /// Where a queue becomes a problem.
    #[serde(default)]
    pub limits: Limits,
    /// What fields mean on paper, and in practice.
    #[serde(default)]
    pub fields: Vec<Field>,
    /// How it reports to Watchbook, where its silence is to be noticed.
    pub reports: Option<Reports>,
}

/// How a component reports to Watchbook.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reports {
    /// The name of the source that it sends events as; its own id when absent.
    #[serde(rename = "as")]
    pub source: Option<String>,
    /// It is heard at least this often; what is usual is learned when absent.
    pub every: Option<Span>,
}

impl Reports {
    /// The name of the source.
    pub fn source<'a>(&'a self, component: &'a Component) -> &'a str {
        self.source.as_deref().unwrap_or(&component.id)
    }
}

/// What sort of thing a component is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum ComponentType {
    Service,
    Api,
    Database,
    Queue,
    Spreadsheet,
    Mailbox,
    Person,
    Approval,
    Model,
    External,
    File,
}

impl ComponentType {
    /// Whether people do its work: what waits there waits for a person.
    pub fn is_manual(self) -> bool {
        matches!(self, Self::Spreadsheet | Self::Mailbox | Self::Person | Self::Approval)
    }

    /// What a person reads.
    pub fn words(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Api => "API",
            Self::Database => "database",
            Self::Queue => "queue",
            Self::Spreadsheet => "spreadsheet",
            Self::Mailbox => "mailbox",
            Self::Person => "role",
            Self::Approval => "approval",
            Self::Model => "model",
            Self::External => "outside party",
            Self::File => "file",
        }
    }
}

/// "This component needs that one".
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Dependency {
    /// The component that is needed.
    pub id: String,
    /// How it is needed.
    #[serde(default)]
    pub mode: DependencyMode,
    /// How long it waits for an answer.
    pub timeout: Option<Span>,
    /// How it tries again, in words.
    pub retry: Option<String>,
    /// What it does without it; `none` says there is nothing.
    pub fallback: Option<String>,
    /// Why it needs it.
    pub why: Option<String>,
}

/// How a component is needed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DependencyMode {
    /// Waits for the answer.
    #[default]
    Sync,
    /// Hands over through a queue.
    Queue,
    /// In bulk, at times.
    Batch,
    /// A person carries it.
    Manual,
}

/// Where a queue becomes a problem.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// More waiting than this is too many.
    pub depth: Option<u64>,
    /// The oldest waiting longer than this is too long.
    pub oldest: Option<Span>,
}

/// What a field means on paper, and in practice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// The field's name in the system.
    pub name: String,
    /// What the documentation says.
    pub documented: Option<String>,
    /// What people use it for.
    pub in_practice: Option<String>,
    /// The steps that read it.
    #[serde(default)]
    pub used_by: Vec<String>,
}

/// Why something is as it is: dated, append-only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// Unique among decisions.
    pub id: String,
    /// What it is about.
    #[serde(default)]
    pub about: Vec<Reference>,
    /// When it was made, `YYYY-MM-DD`.
    pub date: String,
    /// What was decided.
    pub decided: String,
    /// Why.
    pub because: Option<String>,
    /// The decisions that it replaces.
    #[serde(default)]
    pub supersedes: Vec<String>,
}

/// A "just for now".
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Workaround {
    /// Unique among workarounds.
    pub id: String,
    /// What it is about.
    #[serde(default)]
    pub about: Vec<Reference>,
    /// Since when, `YYYY-MM-DD`.
    pub since: Option<String>,
    /// What is done.
    pub what: String,
    /// What it makes harder.
    pub harder_later: Option<String>,
    /// When to look at it again, `YYYY-MM-DD`.
    pub review_by: Option<String>,
    /// The team that answers for it.
    pub owner: Option<String>,
}

impl Workaround {
    /// Whether the day on which it was to be looked at again is over on `today`, both `YYYY-MM-DD`.
    pub fn is_overdue(&self, today: &str) -> bool {
        self.review_by.as_deref().is_some_and(|day| day < today)
    }
}

/// The front matter of a runbook.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FrontMatter {
    /// What people call it.
    pub title: String,
    /// What it is for.
    #[serde(default, rename = "for")]
    pub about: Vec<Reference>,
    /// The team that answers for it.
    pub owner: Option<String>,
    /// Whether lives of workflows hang on it.
    #[serde(default)]
    pub critical: bool,
    /// Ask for a review at least this often.
    pub review_every: Option<Span>,
    /// Whether two people must have reviewed a section before it is trusted.
    #[serde(default)]
    pub two_reviewers: bool,
}

/// The book as read: every entry by id. Runbooks live in the database, with their versions.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Book {
    /// Workflows by id.
    pub workflows: BTreeMap<String, Workflow>,
    /// Components by id.
    pub components: BTreeMap<String, Component>,
    /// Decisions by id.
    pub decisions: BTreeMap<String, Decision>,
    /// Workarounds by id.
    pub workarounds: BTreeMap<String, Workaround>,
}

impl Book {
    /// The step, where the workflow declares it.
    pub fn step(&self, workflow: &str, step: &str) -> Option<&Step> {
        self.workflows.get(workflow)?.step(step)
    }

    /// Who does a step by hand: the role itself, or whoever answers for the approval, the sheet or the mailbox. None for
    /// what a program does.
    pub fn done_by_hand(&self, step: &Step) -> Option<&str> {
        let component = self.components.get(step.component.as_deref()?).filter(|c| c.kind.is_manual())?;
        match (component.kind, &component.owner) {
            (ComponentType::Person, _) | (_, None) => Some(&component.name),
            (_, Some(owner)) => Some(owner),
        }
    }

    /// The components that need this one directly, with how.
    pub fn dependants<'a>(&'a self, component: &'a str) -> impl Iterator<Item = (&'a Component, &'a Dependency)> {
        self.components
            .values()
            .flat_map(move |c| c.depends_on.iter().filter(move |d| d.id == component).map(move |d| (c, d)))
    }

    /// The component that reports as this source.
    pub fn reporter(&self, source: &str) -> Option<&Component> {
        self.components.values().find(|c| c.reports.as_ref().is_some_and(|r| r.source(c) == source))
    }

    /// What waits in a queue, in the plural: the unit of the workflows with a step that waits in it, where it is one.
    pub fn unit_in(&self, queue: &str) -> Option<&str> {
        let mut units = self.workflows.values().filter(|w| w.steps.iter().any(|s| s.via.as_deref() == Some(queue)));
        let unit = units.next()?.unit.as_deref()?;
        units.all(|w| w.unit.as_deref() == Some(unit)).then_some(unit)
    }

    /// The steps that this component does, or that wait in it.
    pub fn steps_on<'a>(&'a self, component: &'a str) -> impl Iterator<Item = (&'a Workflow, &'a Step)> {
        self.workflows.values().flat_map(move |w| {
            w.steps
                .iter()
                .filter(move |s| s.component.as_deref() == Some(component) || s.via.as_deref() == Some(component))
                .map(move |s| (w, s))
        })
    }

    /// The decisions that took the place of this one.
    pub fn superseding<'a>(&'a self, decision: &'a str) -> impl Iterator<Item = &'a Decision> {
        self.decisions.values().filter(move |d| d.supersedes.iter().any(|id| id == decision))
    }

    /// What was decided before these, by its id, where the book still has it.
    pub fn replaced(&self, decisions: &[Decision]) -> BTreeMap<String, String> {
        let before = decisions.iter().flat_map(|d| &d.supersedes);
        before.filter_map(|id| Some((id.clone(), self.decisions.get(id)?.decided.clone()))).collect()
    }

    /// Every decision, the newest first.
    pub fn decisions_newest_first(&self) -> Vec<&Decision> {
        let mut all: Vec<&Decision> = self.decisions.values().collect();
        all.sort_by(|a, b| b.date.cmp(&a.date).then_with(|| a.decided.cmp(&b.decided)));
        all
    }

    /// Every workaround, by the day on which to look at it again: those past it come first, those without one last.
    pub fn workarounds_by_day(&self) -> Vec<&Workaround> {
        let mut all: Vec<&Workaround> = self.workarounds.values().collect();
        all.sort_by(|a, b| {
            (a.review_by.is_none(), &a.review_by, &a.what).cmp(&(b.review_by.is_none(), &b.review_by, &b.what))
        });
        all
    }

    /// The decisions and workarounds about a workflow, its steps and the components it uses.
    pub fn why<'a>(&'a self, workflow: &'a Workflow) -> (Vec<&'a Decision>, Vec<&'a Workaround>) {
        let touches = |about: &[Reference]| {
            about.iter().any(|r| match r {
                Reference::Workflow(w) | Reference::Step(w, _) | Reference::Failure(w, _, _) => *w == workflow.id,
                Reference::Component(c) => workflow.components().any(|own| own == c),
                _ => false,
            })
        };
        (
            self.decisions.values().filter(|d| touches(&d.about)).collect(),
            self.workarounds.values().filter(|w| touches(&w.about)).collect(),
        )
    }
}

impl Workflow {
    /// The step with this id, or that is also reported under it.
    pub fn step(&self, id: &str) -> Option<&Step> {
        let own = self.steps.iter().find(|s| s.id == id);
        own.or_else(|| self.steps.iter().find(|s| s.also.iter().any(|also| also == id)))
    }

    /// The declared edges, `(from, to)`, in the order of the steps they lead to.
    pub fn edges(&self) -> Vec<(&str, &str)> {
        let mut edges = Vec::new();
        for (i, step) in self.steps.iter().enumerate() {
            match &step.after {
                Some(after) => edges.extend(after.iter().map(|a| (a.as_str(), step.id.as_str()))),
                None if i > 0 => edges.push((self.steps[i - 1].id.as_str(), step.id.as_str())),
                None => {}
            }
        }
        edges
    }

    /// The components and queues that its steps use, each once, in order of use.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        let mut seen = std::collections::BTreeSet::new();
        self.steps
            .iter()
            .flat_map(|s| s.via.iter().chain(s.component.iter()))
            .map(String::as_str)
            .filter(move |c| seen.insert(*c))
    }
}

impl Retry {
    /// The wait after a failed try (`attempt` from 1), or nothing when that was the last one.
    pub fn wait_after(&self, attempt: u32) -> Option<Span> {
        if attempt >= self.max_attempts {
            return None;
        }
        let first = self.first.unwrap_or(Span::from_secs(0)).millis() as f64;
        let n = f64::from(attempt.max(1) - 1);
        let wait = match self.backoff {
            Backoff::Fixed => first,
            Backoff::Linear => first * (n + 1.0),
            Backoff::Exponential => first * self.factor.unwrap_or(2.0).powf(n),
        };
        let most = self.max.map_or(f64::from(u32::MAX) * 1000.0, |m| m.millis() as f64);
        Some(Span::from_millis(wait.min(most) as i64))
    }

    /// The policy in words: "6 tries, waiting 30s, then 2 times longer each, at most 30m".
    pub fn words(&self) -> String {
        let mut words = match self.max_attempts {
            1 => return "one try".to_owned(),
            n => format!("{n} tries"),
        };
        if let Some(first) = self.first {
            words += &format!(", waiting {first}");
            match self.backoff {
                Backoff::Fixed => words += " between",
                Backoff::Linear => words += &format!(", then {first} longer each time"),
                Backoff::Exponential => {
                    words += &format!(", then {} times longer each time", self.factor.unwrap_or(2.0))
                }
            }
            if let Some(max) = self.max {
                words += &format!(", at most {max}");
            }
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retry(backoff: Backoff) -> Retry {
        Retry {
            max_attempts: 6,
            backoff,
            first: Some(Span::from_secs(30)),
            factor: Some(2.0),
            max: Some(Span::from_minutes(5)),
        }
    }

    #[test]
    fn exponential_waits_double_up_to_the_maximum_and_end_with_the_last_try() {
        let waits: Vec<_> = (1..=6).map(|n| retry(Backoff::Exponential).wait_after(n).map(Span::millis)).collect();
        assert_eq!(waits, [Some(30_000), Some(60_000), Some(120_000), Some(240_000), Some(300_000), None]);
    }

    #[test]
    fn a_failure_point_reads_the_code_as_code_and_the_message_as_message() {
        let point = |when: serde_json::Value| -> FailurePoint {
            serde_json::from_value(serde_json::json!({"id": "f", "when": when})).unwrap()
        };
        let error = |code: &str, message: &str| Fault { code: code.into(), message: message.into() };
        let exact = point(serde_json::json!({"code": "^503$"}));
        assert!(exact.matches(&error("503", "refused")) && !exact.matches(&error("timeout", "503 orders")));
        let both = point(serde_json::json!({"code": "503", "message": "REFUSED"}));
        assert!(both.matches(&error("503", "it refused")) && !both.matches(&error("503", "busy")));
        assert!(!point(serde_json::json!({})).matches(&error("503", "refused")));
    }

    #[test]
    fn the_newest_decision_is_first_and_so_is_the_workaround_that_waits_longest() {
        let book: Book = serde_json::from_value(serde_json::json!({
            "workflows": {}, "components": {},
            "decisions": {
                "a": {"id": "a", "date": "2024-01-02", "decided": "A"},
                "b": {"id": "b", "date": "2026-03-02", "decided": "B"},
                "c": {"id": "c", "date": "2026-03-02", "decided": "And"}},
            "workarounds": {
                "a": {"id": "a", "what": "A"},
                "b": {"id": "b", "what": "B", "review_by": "2027-03-01"},
                "c": {"id": "c", "what": "C", "review_by": "2026-05-01"}}
        }))
        .unwrap();
        assert_eq!(book.decisions_newest_first().iter().map(|d| d.id.as_str()).collect::<Vec<_>>(), ["c", "b", "a"]);
        assert_eq!(book.workarounds_by_day().iter().map(|w| w.id.as_str()).collect::<Vec<_>>(), ["c", "b", "a"]);
    }

    #[test]
    fn a_policy_reads_as_a_sentence() {
        assert_eq!(
            retry(Backoff::Exponential).words(),
            "6 tries, waiting 30s, then 2 times longer each time, at most 5m"
        );
    }

    #[test]
    fn a_step_follows_the_one_above_unless_it_says_otherwise() {
        let workflow: Workflow = serde_json::from_value(serde_json::json!({
            "id": "w", "name": "W", "steps": [
                {"id": "a", "name": "A"}, {"id": "b", "name": "B"},
                {"id": "c", "name": "C", "after": ["a"]}, {"id": "d", "name": "D", "after": ["b", "c"]},
                {"id": "e", "name": "E", "after": []}]
        }))
        .unwrap();
        assert_eq!(workflow.edges(), [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")]);
    }
}
