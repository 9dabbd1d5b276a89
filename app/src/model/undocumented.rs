//! What was observed and is in no book: each a difference of the part it is about, until the book comes to say it.

use serde::{Deserialize, Serialize};

use super::book::{Book, Retry, Step, When, Workflow};
use super::event::{Fault, Progress};
use super::hourly::late_by;
use super::moment::{Moment, Span};
use super::reference::Reference;
use super::review::OBSERVED;
use super::run::{Run, Visit};
use super::usual::{CORRECTED_WITHIN, Seen, Thing, explains, knows_passage};

/// What is declared and was not seen for so long is told.
pub const LONG_UNSEEN: Span = Span::from_minutes(30 * 24 * 60);

/// How many runs, or tries, must show the same before a policy is said to be another than declared.
const ENOUGH_ALIKE: usize = 3;

/// So many words of a message are enough to recognise it.
const MOST_WORDS: usize = 12;

/// Something that was observed and that the book does not say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Sight {
    /// A step that the book does not know.
    Step {
        /// Its id.
        step: String,
    },
    /// A passage that the book does not know.
    Edge {
        /// From this step.
        from: String,
        /// To that one.
        to: String,
    },
    /// An error that no failure point explains.
    Error {
        /// The step.
        step: String,
        /// The name under which it is counted.
        name: String,
        /// Code and message of one occurrence.
        sample: Fault,
    },
    /// A step is tried more often than declared.
    Tries {
        /// The step.
        step: String,
        /// How often.
        tries: u32,
    },
    /// A step is given up before all declared tries are used.
    GivesUp {
        /// The step.
        step: String,
        /// After how many tries.
        tries: u32,
    },
    /// Further tries of a step come later than the policy says.
    Waits {
        /// The step.
        step: String,
    },
    /// A declared step that was not seen for a long time.
    UnseenStep {
        /// The step.
        step: String,
        /// When it was last seen; none when never.
        last: Option<Moment>,
    },
    /// A declared passage that was not seen for a long time.
    UnseenEdge {
        /// From this step.
        from: String,
        /// To that one.
        to: String,
        /// When it was last seen.
        last: Moment,
    },
    /// A component waits on one that it is not said to need.
    Dependency {
        /// The component.
        component: String,
        /// What it waits on.
        on: String,
    },
}

/// A sight with where, how often and since when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// In which workflow.
    pub workflow: String,
    /// What.
    pub sight: Sight,
    /// How often lately; how many runs showed it, where those were looked at.
    pub count: i64,
    /// Since when.
    pub since: Moment,
    /// A run that shows it.
    pub run: Option<String>,
}

/// A sight as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// Its number.
    pub id: i64,
    /// In which workflow it was seen.
    pub workflow: String,
    /// What.
    pub sight: Sight,
    /// What the book declared when it was first seen.
    pub declared: String,
    /// What was observed, in words that stay the same as long as it does.
    pub value: String,
    /// Since when.
    pub first_seen: Moment,
    /// When it was last seen.
    pub last_seen: Moment,
    /// How often in the last day.
    pub count: i64,
    /// A run that shows it.
    pub run: Option<String>,
    /// Who ignores it, since when and why.
    pub ignored: Option<Ignored>,
    /// When it ended and how; none while it is open.
    pub ended: Option<(Moment, String)>,
}

/// That somebody said that an observation needs no answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub struct Ignored {
    pub by: String,
    pub at: Moment,
    pub reason: String,
}

impl Sight {
    /// The part that it is about.
    pub fn part(&self, workflow: &str) -> Reference {
        match self {
            Self::Step { .. } | Self::Edge { .. } | Self::UnseenEdge { .. } => Reference::Workflow(workflow.to_owned()),
            Self::Error { step, .. }
            | Self::Tries { step, .. }
            | Self::GivesUp { step, .. }
            | Self::Waits { step }
            | Self::UnseenStep { step, .. } => Reference::Step(workflow.to_owned(), step.clone()),
            Self::Dependency { component, .. } => Reference::Component(component.clone()),
        }
    }

    /// The field of the part under which it is a change.
    pub fn field(&self) -> String {
        match self {
            Self::Step { step } => format!("{OBSERVED}step.{step}"),
            Self::Edge { from, to } => format!("{OBSERVED}edge.{from}.{to}"),
            Self::Error { name, .. } => format!("{OBSERVED}error.{name}"),
            Self::Tries { .. } | Self::GivesUp { .. } => format!("{OBSERVED}tries"),
            Self::Waits { .. } => format!("{OBSERVED}waits"),
            Self::UnseenStep { .. } => format!("{OBSERVED}unseen"),
            Self::UnseenEdge { from, to, .. } => format!("{OBSERVED}unseen.{from}.{to}"),
            Self::Dependency { on, .. } => format!("{OBSERVED}depends_on.{on}"),
        }
    }

    /// What the book declares where this was seen.
    pub fn declared(&self, book: &Book, workflow: &str) -> String {
        let declared = book.workflows.get(workflow);
        let policy = |step: &str| match declared.and_then(|w| w.step(step)).and_then(|s| s.retry.as_ref()) {
            Some(retry) => retry.words(),
            None => "no further try".to_owned(),
        };
        match self {
            Self::Step { .. } => "no such step".to_owned(),
            Self::Edge { from, .. } => {
                let edges = declared.map(Workflow::edges).unwrap_or_default();
                let after: Vec<_> = edges.iter().filter(|(f, _)| f == from).map(|(_, to)| *to).collect();
                match after.is_empty() {
                    true => format!("nothing after {from}"),
                    false => format!("{from} is followed by {}", after.join(", ")),
                }
            }
            Self::Error { step, .. } => {
                let points =
                    declared.and_then(|w| w.step(step)).map(|s| s.failure_points.as_slice()).unwrap_or_default();
                match points {
                    [] => "no failure point".to_owned(),
                    points => {
                        format!("fails as {}", points.iter().map(|p| p.id.as_str()).collect::<Vec<_>>().join(", "))
                    }
                }
            }
            Self::Tries { step, .. } | Self::GivesUp { step, .. } | Self::Waits { step } => policy(step),
            Self::UnseenStep { .. } => "a step of this workflow".to_owned(),
            Self::UnseenEdge { from, to, .. } => format!("{from} is followed by {to}"),
            Self::Dependency { component, .. } => {
                let needs = book.components.get(component).map(|c| c.depends_on.as_slice()).unwrap_or_default();
                match needs {
                    [] => "it needs nothing".to_owned(),
                    needs => format!("it needs {}", needs.iter().map(|d| d.id.as_str()).collect::<Vec<_>>().join(", ")),
                }
            }
        }
    }

    /// What was observed, in a few words that hold as long as it is the same.
    pub fn value(&self) -> String {
        match self {
            Self::Step { step } => format!("the step {step} is done"),
            Self::Edge { from, to } => format!("{from} was followed by {to}"),
            Self::Error { name, .. } if name.is_empty() => "fails without a word".to_owned(),
            Self::Error { name, .. } => format!("fails with \"{name}\""),
            Self::Tries { tries, .. } => format!("{tries} tries"),
            Self::GivesUp { tries: 1, .. } => "given up after the first try".to_owned(),
            Self::GivesUp { tries, .. } => format!("given up after {tries} tries"),
            Self::Waits { .. } => "tries come later than that".to_owned(),
            Self::UnseenStep { last: None, .. } => "never seen".to_owned(),
            Self::UnseenStep { last: Some(last), .. } | Self::UnseenEdge { last, .. } => {
                format!("not seen since {}", last.to_string().get(..10).unwrap_or_default())
            }
            Self::Dependency { on, .. } => format!("it waits on {on}"),
        }
    }

    /// The sort of it, for people.
    pub fn sort(&self) -> &'static str {
        match self {
            Self::Step { .. } => "Unknown step",
            Self::Edge { .. } => "Unknown way",
            Self::Error { .. } => "Unexplained error",
            Self::Tries { .. } | Self::GivesUp { .. } | Self::Waits { .. } => "Other retry policy",
            Self::UnseenStep { .. } | Self::UnseenEdge { .. } => "Not seen for 30 days",
            Self::Dependency { .. } => "Unknown dependency",
        }
    }

    /// What was seen, in a sentence with the names that the book has.
    pub fn sentence(&self, book: &Book, workflow: &str) -> String {
        let step = |id: &str| match book.step(workflow, id) {
            Some(step) => step.name.clone(),
            None => format!("\"{id}\""),
        };
        let component = |id: &str| book.components.get(id).map_or_else(|| id.to_owned(), |c| c.name.clone());
        match self {
            Self::Step { step } => format!("The step \"{step}\" was done. The book does not know it."),
            Self::Edge { from, to } => {
                format!("{} was followed by {}. The book does not say so.", step(from), step(to))
            }
            Self::Error { step: at, sample, .. } => {
                format!("{} failed with \"{sample}\". No failure point explains it.", step(at))
            }
            Self::Tries { step: at, tries } => {
                format!("{} was tried {tries} times. The book says: {}.", step(at), self.declared(book, workflow))
            }
            Self::GivesUp { step: at, tries } => {
                let after = if *tries == 1 { "the first try".to_owned() } else { format!("{tries} tries") };
                format!("{} was given up after {after}. The book says: {}.", step(at), self.declared(book, workflow))
            }
            Self::Waits { step: at } => {
                format!(
                    "Tries of {} come later than declared. The book says: {}.",
                    step(at),
                    self.declared(book, workflow)
                )
            }
            Self::UnseenStep { step: at, .. } => {
                format!("{} is in the book and was {}.", step(at), self.value())
            }
            Self::UnseenEdge { from, to, .. } => {
                format!("That {} is followed by {} is in the book and was {}.", step(from), step(to), self.value())
            }
            Self::Dependency { component: by, on } => {
                format!("{} waits on {}. The book does not say that it needs it.", component(by), component(on))
            }
        }
    }

    /// Whether the book says it, or no longer speaks of what it is about. What was not seen for long ends by being seen.
    pub fn is_said_by(&self, book: &Book, workflow: &str) -> bool {
        let Some(declared) = book.workflows.get(workflow).filter(|w| !w.steps.is_empty()) else { return true };
        let policy = |step: &str| declared.step(step).map(|s| s.retry.as_ref().map_or(1, |r| r.max_attempts));
        match self {
            Self::Step { step } => declared.step(step).is_some(),
            Self::Edge { from, to } => knows_passage(declared, from, to),
            Self::Error { step, sample, .. } => explains(declared, step, sample),
            Self::Tries { step, tries } => policy(step).is_none_or(|max| max >= *tries),
            Self::GivesUp { step, tries } => policy(step).is_none_or(|max| max <= *tries),
            Self::Waits { step } => policy(step).is_none_or(|max| max <= 1),
            Self::UnseenStep { step, .. } => declared.step(step).is_none(),
            Self::UnseenEdge { from, to, .. } => !declared.edges().contains(&(from.as_str(), to.as_str())),
            Self::Dependency { component, on } => {
                book.components.get(component).is_none_or(|c| c.depends_on.iter().any(|d| d.id == *on))
            }
        }
    }

    /// Whether it is told by what is missing, and so is over as soon as it is not told any more.
    fn is_absence(&self) -> bool {
        matches!(self, Self::UnseenStep { .. } | Self::UnseenEdge { .. })
    }
}

/// What was seen of late that the book does not know: steps, passages and errors.
pub fn of_seen(seen: &[Seen], book: &Book) -> Vec<Sighting> {
    let sight = |seen: &Seen| match &seen.what {
        Thing::Step(step) => Sight::Step { step: step.clone() },
        Thing::Edge(from, to) => Sight::Edge { from: from.clone(), to: to.clone() },
        Thing::Error { step, name, sample } => {
            Sight::Error { step: step.clone(), name: name.clone(), sample: sample.clone() }
        }
    };
    let told = |seen: &Seen| Sighting {
        workflow: seen.workflow.clone(),
        sight: sight(seen),
        count: seen.count,
        since: seen.since,
        run: None,
    };
    let unknown = |s: &Sighting| s.count > 0 && !s.sight.is_said_by(book, &s.workflow);
    seen.iter().map(told).filter(unknown).collect()
}

/// What the newest runs of a workflow show against its policies and dependencies. `runs` are (id, run), newest first.
pub fn of_runs(workflow: &Workflow, book: &Book, runs: &[(String, Run)]) -> Vec<Sighting> {
    let mut sightings = Vec::new();
    for step in &workflow.steps {
        let visits: Vec<(&str, &Visit)> = runs
            .iter()
            .flat_map(|(id, run)| run.visits.iter().map(move |v| (id.as_str(), v)))
            .filter(|(_, v)| workflow.step(&v.step).is_some_and(|s| s.id == step.id))
            .collect();
        let mut told = |sight: Sight, found: &[(&str, &Visit)]| {
            let first = found.iter().map(|(_, v)| v.progress_at).min();
            if let (Some(first), Some((run, _))) = (first, found.first())
                && !sight.is_said_by(book, &workflow.id)
            {
                sightings.push(Sighting {
                    workflow: workflow.id.clone(),
                    sight,
                    count: found.len() as i64,
                    since: Moment::from_millis(first),
                    run: Some((*run).to_owned()),
                });
            }
        };
        if let Some((sight, found)) = tries(step, &visits) {
            told(sight, &found);
        }
        let late: Vec<_> = visits
            .iter()
            .filter(|(_, v)| v.later_tries.iter().any(|t| late_by(t, Some(step)).is_some()))
            .copied()
            .collect();
        let later = visits.iter().filter(|(_, v)| !v.later_tries.is_empty()).count();
        if late.len() >= ENOUGH_ALIKE && late.len() * 2 > later {
            told(Sight::Waits { step: step.id.clone() }, &late);
        }
        for (component, on) in waited_on(step, book, &visits) {
            let found: Vec<_> = visits
                .iter()
                .filter(|(_, v)| v.waiting_on.as_deref().is_some_and(|w| is_called(book, on, w)))
                .copied()
                .collect();
            told(Sight::Dependency { component: component.to_owned(), on: on.to_owned() }, &found);
        }
    }
    sightings
}

/// How often a step is tried, where that is not as declared: more often than that once, or given up earlier, again and
/// again at the same try.
fn tries<'v>(step: &Step, visits: &[(&'v str, &'v Visit)]) -> Option<(Sight, Vec<(&'v str, &'v Visit)>)> {
    let max = step.retry.as_ref().map_or(1, |r: &Retry| r.max_attempts);
    let most = visits.iter().map(|(_, v)| v.attempt).max()?;
    if most > max {
        let found = visits.iter().filter(|(_, v)| v.attempt > max).copied().collect();
        return Some((Sight::Tries { step: step.id.clone(), tries: most }, found));
    }
    // A known way to fail that no other try can help, or that a person must decide, ends early as it should.
    let known = |v: &Visit| v.error.as_ref().is_some_and(|e| step.failure_points.iter().any(|p| p.matches(e)));
    let given_up: Vec<_> = visits
        .iter()
        .filter(|(_, v)| v.progress == Progress::Failed && v.next_attempt_at.is_none() && !known(v))
        .copied()
        .collect();
    let last = given_up.iter().map(|(_, v)| v.attempt).max()?;
    let alike = given_up.len() >= ENOUGH_ALIKE && given_up.iter().all(|(_, v)| v.attempt == last);
    (alike && last < max && most == last).then(|| (Sight::GivesUp { step: step.id.clone(), tries: last }, given_up))
}

/// The components that a step waits on and that its component is not said to need.
fn waited_on<'b>(step: &'b Step, book: &'b Book, visits: &[(&str, &Visit)]) -> Vec<(&'b str, &'b str)> {
    let Some(component) = step.component.as_deref().filter(|c| book.components.contains_key(*c)) else {
        return Vec::new();
    };
    let own = |id: &str| id == component || step.via.as_deref() == Some(id);
    let others = book.components.keys().map(String::as_str).filter(|id| !own(id));
    let waits = |id: &&str| visits.iter().any(|(_, v)| v.waiting_on.as_deref().is_some_and(|w| is_called(book, id, w)));
    others.filter(waits).map(|id| (component, id)).collect()
}

/// Whether what a system says it waits on is this component: by its id, or by its name.
fn is_called(book: &Book, id: &str, said: &str) -> bool {
    said == id || book.components.get(id).is_some_and(|c| c.name.eq_ignore_ascii_case(said))
}

/// What was last seen of the declared flow of one workflow.
#[derive(Debug, Clone, Default)]
pub struct Flow {
    /// When the workflow was last heard of.
    pub heard: Moment,
    /// When its book is known since.
    pub known_since: Moment,
    /// When each step was last seen.
    pub steps: Vec<(String, Moment)>,
    /// When each passage was last seen.
    pub edges: Vec<(String, String, Moment)>,
}

/// What a workflow declares and was not seen to do for long, while it goes on.
pub fn of_flow(workflow: &Workflow, flow: &Flow, now: Moment) -> Vec<Sighting> {
    let long_ago = now - LONG_UNSEEN;
    // Of a workflow that is itself not heard of, or whose book is new, nothing can be said.
    if flow.heard < long_ago || flow.known_since > long_ago {
        return Vec::new();
    }
    let last_of = |step: &Step| {
        let ids = std::iter::once(&step.id).chain(&step.also);
        ids.filter_map(|id| flow.steps.iter().find(|(s, _)| s == id)).map(|(_, at)| *at).max()
    };
    let told = |sight, since| Sighting { workflow: workflow.id.clone(), sight, count: 0, since, run: None };
    let mut sightings = Vec::new();
    for step in &workflow.steps {
        let last = last_of(step);
        if last.unwrap_or(flow.known_since) < long_ago {
            let since = last.unwrap_or(flow.known_since) + LONG_UNSEEN;
            sightings.push(told(Sight::UnseenStep { step: step.id.clone(), last }, since));
        }
    }
    let lively = |id: &str| workflow.step(id).and_then(last_of).is_some_and(|at| at >= long_ago);
    for (from, to) in workflow.edges() {
        let seen = flow.edges.iter().find(|(f, t, _)| f == from && t == to);
        if let Some((_, _, last)) = seen.filter(|(.., last)| *last < long_ago && lively(from) && lively(to)) {
            let sight = Sight::UnseenEdge { from: from.to_owned(), to: to.to_owned(), last: *last };
            sightings.push(told(sight, *last + LONG_UNSEEN));
        }
    }
    sightings
}

/// What becomes of what is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Move {
    /// It is seen for the first time, or again after it was over.
    Begins(Sighting),
    /// It is seen again: how often lately.
    Again(i64, Sighting),
    /// It is over: why, in a few words.
    Ends(i64, &'static str),
}

/// Holds what is seen against what is kept and not over.
///
/// Something that is ignored stays so while it is the same; when it changes in kind it is a new observation. What was
/// told lately and is not told any more was corrected by an event that came late.
pub fn moves(book: &Book, seen: &[Sighting], kept: &[Observation], now: Moment) -> Vec<Move> {
    let mut moves = Vec::new();
    let same_place = |o: &Observation, s: &Sighting| {
        o.sight.field() == s.sight.field() && o.sight.part(&o.workflow) == s.sight.part(&s.workflow)
    };
    for known in kept {
        let again = seen.iter().find(|s| same_place(known, s));
        if known.sight.is_said_by(book, &known.workflow) {
            moves.push(Move::Ends(known.id, "the book says so"));
        } else if again.is_some_and(|s| s.sight.value() != known.value) {
            moves.push(Move::Ends(known.id, "it has changed"));
        } else if let Some(again) = again {
            moves.push(Move::Again(known.id, again.clone()));
        } else if known.sight.is_absence() {
            moves.push(Move::Ends(known.id, "it was seen again"));
        } else if matches!(known.sight, Sight::Step { .. } | Sight::Edge { .. } | Sight::Error { .. })
            && now.since(known.first_seen) < CORRECTED_WITHIN
        {
            moves.push(Move::Ends(known.id, "a later event corrected it"));
        }
    }
    let open = |s: &&Sighting| !kept.iter().any(|o| same_place(o, s) && o.value == s.sight.value());
    moves.extend(seen.iter().filter(open).cloned().map(Move::Begins));
    moves
}

/// How to recognise an error and those like it: its code as it is, and its message with every word that holds a digit
/// left open.
pub fn recognised_by(error: &Fault) -> When {
    let word = |word: &str| match word.contains(|c: char| c.is_ascii_digit()) {
        true => "\\S+".to_owned(),
        false => regex::escape(word),
    };
    let code = Some(error.code.trim()).filter(|code| !code.is_empty()).map(|code| format!("^{}$", regex::escape(code)));
    let words: Vec<_> = error.message.split_whitespace().take(MOST_WORDS).map(word).collect();
    When { code, message: Some(words.join("\\s+")).filter(|words| !words.is_empty()) }
}

/// Whether a run shows it.
pub fn is_shown_by(sight: &Sight, run: &Run) -> bool {
    match sight {
        Sight::Step { step } => run.visits.iter().any(|v| v.step == *step),
        Sight::Edge { from, to } => run.visits.windows(2).any(|two| two[0].step == *from && two[1].step == *to),
        Sight::Error { step, name, .. } => run.visits.iter().filter(|v| v.step == *step).any(|v| {
            let errors = v.failures.iter().map(|f| &f.error).chain(&v.error);
            errors.into_iter().any(|e| super::hourly::error_name(e) == *name)
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::book::FailurePoint;
    use super::super::event::Event;
    use super::super::run::{Heard, fold};
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn at(hour: i64) -> Moment {
        Moment::from_millis(1_780_000_000_000 + hour * 3_600_000)
    }

    fn book(steps: Value) -> Book {
        serde_json::from_value(json!({
            "workflows": {"w": {"id": "w", "name": "W", "steps": steps}},
            "components": {
                "worker": {"id": "worker", "type": "service", "name": "Worker"},
                "erp": {"id": "erp", "type": "api", "name": "The ERP"}},
            "decisions": {}, "workarounds": {}
        }))
        .unwrap()
    }

    fn steps() -> Value {
        json!([
            {"id": "take", "name": "Take"},
            {"id": "push", "name": "Push", "component": "worker", "retry": {"max_attempts": 3},
             "failure_points": [{"id": "refused", "when": {"code": "503"}}]},
            {"id": "mail", "name": "Mail"}])
    }

    fn seen(what: Thing) -> Seen {
        Seen { workflow: "w".into(), what, count: 2, since: at(0) }
    }

    fn error(code: &str) -> Thing {
        Thing::Error {
            step: "push".into(),
            name: code.into(),
            sample: Fault { code: code.into(), message: String::new() },
        }
    }

    fn kept(sighting: &Sighting, book: &Book) -> Observation {
        Observation {
            id: 1,
            workflow: "w".into(),
            declared: sighting.sight.declared(book, "w"),
            value: sighting.sight.value(),
            sight: sighting.sight.clone(),
            first_seen: at(0),
            last_seen: at(0),
            count: 1,
            run: None,
            ignored: None,
            ended: None,
        }
    }

    fn run(events: &[(&str, &str, Value)]) -> (String, Run) {
        let events: Vec<_> = events
            .iter()
            .enumerate()
            .map(|(n, (step, state, more))| {
                let mut event = json!({"workflow": "w", "run": "1", "step": step, "state": state,
                    "time": (at(0) + Span::from_secs(n as i64)).to_string()});
                event.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
                Heard { event: Event::parse(event, "s", at(1)).unwrap(), received_at: at(1) }
            })
            .collect();
        ("1".to_owned(), fold(&events))
    }

    #[test]
    fn an_unknown_step_way_and_error_are_seen_and_known_ones_are_not() {
        let book = book(steps());
        let all = [
            seen(Thing::Step("check".into())),
            seen(Thing::Step("push".into())),
            seen(Thing::Edge("take".into(), "mail".into())),
            seen(Thing::Edge("take".into(), "push".into())),
            seen(error("503")),
            seen(error("500")),
        ];
        let fields: Vec<_> = of_seen(&all, &book).iter().map(|s| s.sight.field()).collect();
        assert_eq!(fields, ["observed.step.check", "observed.edge.take.mail", "observed.error.500"]);
    }

    #[test]
    fn each_is_a_change_of_the_part_it_is_about_with_what_the_book_declares() {
        let book = book(steps());
        let sight = of_seen(&[seen(error("500"))], &book).remove(0).sight;
        assert_eq!(sight.part("w").to_string(), "step:w/push");
        assert_eq!(
            (sight.declared(&book, "w").as_str(), sight.value().as_str()),
            ("fails as refused", "fails with \"500\"")
        );
        let tries = Sight::Tries { step: "push".into(), tries: 5 };
        assert_eq!((tries.declared(&book, "w").as_str(), tries.value().as_str()), ("3 tries", "5 tries"));
    }

    #[test]
    fn it_ends_when_the_book_comes_to_say_it_and_an_alias_says_it_too() {
        let before = book(steps());
        let sighting = of_seen(&[seen(Thing::Step("check".into()))], &before).remove(0);
        let known = [kept(&sighting, &before)];
        assert_eq!(moves(&before, std::slice::from_ref(&sighting), &known, at(1)), [Move::Again(1, sighting.clone())]);
        let mut after = steps();
        after[1]["also"] = json!(["check"]);
        assert_eq!(moves(&book(after), &[], &known, at(1)), [Move::Ends(1, "the book says so")]);
    }

    #[test]
    fn what_is_ignored_comes_back_when_it_changes_in_kind() {
        let book = book(steps());
        let tries = |tries| Sighting {
            workflow: "w".into(),
            sight: Sight::Tries { step: "push".into(), tries },
            count: 1,
            since: at(0),
            run: None,
        };
        let ignored = Ignored { by: "anna".into(), at: at(0), reason: "a test".into() };
        let known = [Observation { ignored: Some(ignored), ..kept(&tries(5), &book) }];
        assert_eq!(moves(&book, &[tries(5)], &known, at(1)), [Move::Again(1, tries(5))]);
        assert_eq!(moves(&book, &[tries(7)], &known, at(1)), [Move::Ends(1, "it has changed"), Move::Begins(tries(7))]);
    }

    #[test]
    fn a_step_that_is_tried_more_often_than_declared_shows_the_policy_that_is_so() {
        let book = book(steps());
        let runs = [run(&[("push", "failed", json!({"attempt": 5}))])];
        let told = of_runs(&book.workflows["w"], &book, &runs);
        assert_eq!(told[0].sight, Sight::Tries { step: "push".into(), tries: 5 });
        assert_eq!(told[0].run.as_deref(), Some("1"));
        assert!(of_runs(&book.workflows["w"], &book, &[run(&[("push", "failed", json!({"attempt": 3}))])]).is_empty());
    }

    #[test]
    fn a_step_that_is_given_up_early_three_times_shows_it_unless_the_book_knows_that_failure() {
        let book = book(steps());
        let up = |code: &str| run(&[("push", "failed", json!({"attempt": 2, "error": {"code": code}}))]);
        let told = of_runs(&book.workflows["w"], &book, &[up("500"), up("500"), up("500")]);
        assert_eq!(
            told.iter().map(|s| &s.sight).collect::<Vec<_>>(),
            [&Sight::GivesUp { step: "push".into(), tries: 2 }]
        );
        assert!(of_runs(&book.workflows["w"], &book, &[up("503"), up("503"), up("503")]).is_empty());
    }

    #[test]
    fn a_component_that_waits_on_another_shows_a_dependency() {
        let book = book(steps());
        let runs = [run(&[("push", "waiting", json!({"waiting_on": "the erp"}))])];
        let told = of_runs(&book.workflows["w"], &book, &runs);
        assert_eq!(told[0].sight, Sight::Dependency { component: "worker".into(), on: "erp".into() });
        assert_eq!(told[0].sight.part("w").to_string(), "component:worker");
    }

    #[test]
    fn a_step_that_was_not_seen_for_thirty_days_is_told_while_the_workflow_goes_on() {
        let book = book(steps());
        let now = at(40 * 24);
        let mut flow = Flow { heard: now, known_since: at(0), ..Flow::default() };
        flow.steps = vec![("take".into(), now), ("push".into(), at(24)), ("mail".into(), now)];
        let told = of_flow(&book.workflows["w"], &flow, now);
        assert_eq!(told[0].sight, Sight::UnseenStep { step: "push".into(), last: Some(at(24)) });
        assert_eq!(told.len(), 1);
        assert!(of_flow(&book.workflows["w"], &Flow { heard: at(0), ..flow.clone() }, now).is_empty());
        assert!(of_flow(&book.workflows["w"], &Flow { known_since: now, ..flow }, now).is_empty());
    }

    proptest! {
        #[test]
        fn an_error_is_recognised_by_what_is_made_of_it_and_by_its_code(code in "[A-Z0-9.*+]{1,6}", message in "[ -~]{0,60}") {
            let error = Fault { code: code.clone(), message };
            let point = |when| FailurePoint { when, ..serde_json::from_value(json!({"id": "f"})).unwrap() };
            prop_assert!(point(recognised_by(&error)).matches(&error));
            let other = Fault { code: format!("x{code}"), ..error.clone() };
            prop_assert!(!point(recognised_by(&error)).matches(&other));
        }

        #[test]
        fn nothing_begins_twice_and_whatever_is_kept_is_told_at_most_once(codes in proptest::collection::vec("[45]0[0-9]", 0..8)) {
            let book = book(steps());
            let unique: std::collections::BTreeSet<_> = codes.iter().collect();
            let all: Vec<_> = unique.iter().map(|code| seen(error(code))).collect();
            let told = of_seen(&all, &book);
            let begun = moves(&book, &told, &[], at(1));
            prop_assert_eq!(begun.len(), told.len());
            let known: Vec<_> = told.iter().map(|s| kept(s, &book)).collect();
            prop_assert!(moves(&book, &told, &known, at(1)).iter().all(|m| matches!(m, Move::Again(..))));
        }
    }
}
