//! Coverage: what nobody has written about a workflow yet, and what only one person knows.
//!
//! Everything is asked of every workflow alike, so that the number of gaps falls only when somebody fills one.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::book::{Book, Criticality, Step, Workflow};
use super::reference::Reference;
use super::status::Trust;

/// The five questions, and what people know by themselves alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Question {
    /// How does this actually work today?
    Works,
    /// What happens if it fails?
    Fails,
    /// Who depends on it?
    Depends,
    /// What should happen next?
    Next,
    /// Why does it exist, and why is it built this way?
    Why,
    /// Who else could do it?
    Knowledge,
}

impl Question {
    /// All, in the order they are asked.
    pub const ALL: [Self; 6] = [Self::Works, Self::Fails, Self::Depends, Self::Next, Self::Why, Self::Knowledge];

    /// What a person reads.
    pub fn words(self) -> &'static str {
        match self {
            Self::Works => "How it works",
            Self::Fails => "What if it fails",
            Self::Depends => "Who depends on it",
            Self::Next => "What should happen next",
            Self::Why => "Why it is so",
            Self::Knowledge => "Who else knows",
        }
    }
}

/// Something that nobody has written or done yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// Which question it leaves open.
    pub question: Question,
    /// The part that it is about.
    pub part: Reference,
    /// What is missing, in a sentence.
    pub words: String,
    /// Where to fill it, as a path on this site.
    pub fill: String,
}

/// Who has had to do with a runbook.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct People {
    /// Who has written a version of it.
    pub written: BTreeSet<String>,
    /// Who has answered a review of it.
    pub reviewed: BTreeSet<String>,
    /// Who has ticked a step of it.
    pub used: BTreeSet<String>,
}

/// A runbook of a workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Documented {
    /// Its name in URLs.
    pub slug: String,
    /// Its title.
    pub title: String,
    /// Whether it can be believed.
    pub trust: Trust,
    /// Who has had to do with it.
    pub people: People,
}

/// What is known besides the book.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// The runbooks of each workflow.
    pub documents: BTreeMap<String, Vec<Documented>>,
    /// How much was seen of each workflow that its book does not know.
    pub undocumented: BTreeMap<String, i64>,
    /// Recovery steps that the book names and that are not there, each with the sentence that says so.
    pub missing: BTreeMap<Reference, String>,
    /// The day of now, `YYYY-MM-DD`.
    pub today: String,
}

/// What is missing of one workflow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WorkflowCoverage {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// How much harm it does when it stops.
    pub criticality: Criticality,
    /// The team that keeps it running.
    pub owner: Option<String>,
    /// Each question with how much of it is asked and how much is missing; nothing missing is an answer.
    pub questions: Vec<Asked>,
    /// What is missing, in the order of the questions.
    pub gaps: Vec<Gap>,
    /// The gaps, each as heavy as the workflow is critical.
    pub score: i64,
}

/// One question of one workflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Asked {
    /// Which.
    pub question: Question,
    /// How many things it asks for.
    pub asked: i64,
    /// How many of them are missing.
    pub missing: i64,
}

/// How heavy a gap of such a workflow is.
pub fn weight(criticality: Criticality) -> i64 {
    match criticality {
        Criticality::Low => 1,
        Criticality::Normal => 2,
        Criticality::High => 4,
        Criticality::Critical => 8,
    }
}

/// What is missing, the most critical workflow first, and among equals the one with the most gaps.
pub fn coverage(book: &Book, known: &Known) -> Vec<WorkflowCoverage> {
    let mut all: Vec<_> = book.workflows.values().map(|workflow| of_workflow(book, workflow, known)).collect();
    all.sort_by(|a, b| {
        b.criticality.cmp(&a.criticality).then(b.gaps.len().cmp(&a.gaps.len())).then_with(|| a.name.cmp(&b.name))
    });
    all
}

/// What is missing of one workflow.
pub fn of_workflow(book: &Book, workflow: &Workflow, known: &Known) -> WorkflowCoverage {
    let mut asking = Asking { asked: BTreeMap::new(), gaps: Vec::new() };
    works(&mut asking, workflow, known);
    workflow.steps.iter().for_each(|step| fails(&mut asking, workflow, step, known));
    depends(&mut asking, book, workflow);
    why(&mut asking, book, workflow, known);
    knowledge(&mut asking, workflow, known);
    asking.gaps.sort_by_key(|gap| gap.question);
    let missing = |question| asking.gaps.iter().filter(|gap| gap.question == question).count() as i64;
    let asked = |question| asking.asked.get(&question).copied().unwrap_or(0);
    WorkflowCoverage {
        id: workflow.id.clone(),
        name: workflow.name.clone(),
        criticality: workflow.criticality,
        owner: workflow.owner.clone(),
        questions: Question::ALL.map(|q| Asked { question: q, asked: asked(q), missing: missing(q) }).into(),
        score: asking.gaps.len() as i64 * weight(workflow.criticality),
        gaps: asking.gaps,
    }
}

/// The questions as they are asked, and what is missing.
struct Asking {
    asked: BTreeMap<Question, i64>,
    gaps: Vec<Gap>,
}

impl Asking {
    /// Asks for one thing.
    fn ask(&mut self, question: Question, there: bool, part: &Reference, words: impl Into<String>, fill: String) {
        *self.asked.entry(question).or_default() += 1;
        if !there {
            self.gaps.push(Gap { question, part: part.clone(), words: words.into(), fill });
        }
    }
}

/// Where a value of the book is written.
pub fn write_at(part: &Reference, field: &str) -> String {
    format!("/write?part={part}&field={field}")
}

fn works(asking: &mut Asking, workflow: &Workflow, known: &Known) {
    let part = Reference::Workflow(workflow.id.clone());
    let of_book = format!("{}#steps", part.path());
    asking.ask(Question::Works, !workflow.steps.is_empty(), &part, "No step of it is in the book.", of_book);
    for step in &workflow.steps {
        let part = Reference::Step(workflow.id.clone(), step.id.clone());
        let words = format!("{}: what it means for the business.", step.name);
        asking.ask(Question::Works, step.meaning.is_some(), &part, words, write_at(&part, "meaning"));
    }
    let seen = known.undocumented.get(&workflow.id).copied().unwrap_or(0);
    let words = match seen {
        1 => "1 thing was seen that the book does not know.".to_owned(),
        n => format!("{n} things were seen that the book does not know."),
    };
    let inbox = format!("/undocumented?workflow={}", workflow.id);
    asking.ask(Question::Works, seen == 0, &part, words, inbox);
}

fn fails(asking: &mut Asking, workflow: &Workflow, step: &Step, known: &Known) {
    let part = Reference::Step(workflow.id.clone(), step.id.clone());
    let name = &step.name;
    let words = format!("{name}: what happens if it is skipped.");
    asking.ask(Question::Fails, step.if_skipped.is_some(), &part, words, write_at(&part, "if_skipped"));
    let words = format!("{name}: how it fails.");
    asking.ask(Question::Fails, !step.failure_points.is_empty(), &part, words, write_at(&part, "failure_points"));
    let words = format!("{name}: whether doing it twice is safe.");
    asking.ask(Question::Fails, step.safe_to_retry.is_some(), &part, words, write_at(&part, "safe_to_retry"));
    for point in &step.failure_points {
        let part = Reference::Failure(workflow.id.clone(), step.id.clone(), point.id.clone());
        let called = point.id.replace('-', " ");
        let missing = point.action.as_ref().and_then(|action| known.missing.get(action));
        let there = point.action.is_some() && missing.is_none();
        let words = match missing {
            Some(why) => format!("{name}, {called}: what a person does leads nowhere, {why}."),
            None => format!("{name}, {called}: what a person does."),
        };
        asking.ask(Question::Fails, there, &part, words, write_at(&part, "action"));
    }
}

fn depends(asking: &mut Asking, book: &Book, workflow: &Workflow) {
    let part = Reference::Workflow(workflow.id.clone());
    let mut ask =
        |question, there, words: &str, field| asking.ask(question, there, &part, words, write_at(&part, field));
    ask(Question::Depends, workflow.business_owner.is_some(), "Who is hurt when it stops.", "business_owner");
    ask(Question::Depends, workflow.outcome.is_some(), "What is true when it has worked.", "outcome");
    ask(Question::Depends, workflow.owner.is_some(), "Who keeps it running.", "owner");
    let expect = &workflow.expect;
    let starts = expect.start_every.is_some() || expect.start_at.is_some();
    ask(Question::Next, expect.finish_within.is_some(), "By when a run should end.", "expect.finish_within");
    ask(Question::Next, starts, "How often, or when, it should start.", "expect.start_every");
    for id in workflow.components() {
        let part = Reference::Component(id.to_owned());
        let component = book.components.get(id);
        let name = component.map_or(id, |c| c.name.as_str());
        let there = component.is_some_and(|c| c.if_unavailable.is_some());
        let words = format!("{name}: what happens without it.");
        asking.ask(Question::Depends, there, &part, words, write_at(&part, "if_unavailable"));
    }
}

fn why(asking: &mut Asking, book: &Book, workflow: &Workflow, known: &Known) {
    let part = Reference::Workflow(workflow.id.clone());
    asking.ask(Question::Why, workflow.purpose.is_some(), &part, "Why it exists.", write_at(&part, "purpose"));
    let (decisions, workarounds) = book.why(workflow);
    let new = format!("/decisions/new?about={part}");
    asking.ask(Question::Why, !decisions.is_empty(), &part, "Why it is built this way: no decision is written.", new);
    for workaround in workarounds {
        let part = Reference::Workaround(workaround.id.clone());
        let words = format!("Just for now, and past its date: {}", workaround.what);
        asking.ask(Question::Why, !workaround.is_overdue(&known.today), &part, words, part.path());
    }
    let fields = workflow.components().filter_map(|id| book.components.get(id));
    for (component, field) in fields.flat_map(|c| c.fields.iter().map(move |field| (c, field))) {
        let part = Reference::Component(component.id.clone());
        let words = format!("{}, field {}: what it means in practice.", component.name, field.name);
        let fill = write_at(&part, &format!("fields.{}.in_practice", field.name));
        asking.ask(Question::Why, field.in_practice.is_some(), &part, words, fill);
    }
}

fn knowledge(asking: &mut Asking, workflow: &Workflow, known: &Known) {
    let part = Reference::Workflow(workflow.id.clone());
    let documents = known.documents.get(&workflow.id).map(Vec::as_slice).unwrap_or_default();
    let new = format!("/runbooks/new?for={part}");
    asking.ask(Question::Knowledge, !documents.is_empty(), &part, "No runbook is written for it.", new);
    for document in documents {
        let part = Reference::Runbook(document.slug.clone(), None);
        let (title, people) = (&document.title, &document.people);
        let review = format!("/reviews/{}", document.slug);
        let reviewed = document.trust != Trust::NeverReviewed;
        asking.ask(Question::Knowledge, reviewed, &part, format!("{title}: nobody has reviewed it."), review.clone());
        // Who wrote a file is not always known, and what nobody did at all is another gap.
        let mut alone = |who: &BTreeSet<String>, did: &str, fill: String| {
            let words = who.first().map(|one| format!("{title}: only {one} has {did} it.")).unwrap_or_default();
            asking.ask(Question::Knowledge, who.len() != 1, &part, words, fill);
        };
        alone(&people.written, "written", format!("/runbooks/{}/edit", document.slug));
        alone(&people.reviewed, "reviewed", review);
        alone(&people.used, "used", part.path());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn book(workflow: serde_json::Value) -> Book {
        let mut workflow = workflow;
        workflow["id"] = "w".into();
        workflow["name"] = "W".into();
        serde_json::from_value(json!({
            "workflows": {"w": workflow}, "components": {}, "decisions": {}, "workarounds": {}
        }))
        .unwrap()
    }

    fn gaps(book: &Book, known: &Known) -> Vec<String> {
        coverage(book, known)[0].gaps.iter().map(|gap| gap.words.clone()).collect()
    }

    fn whole() -> serde_json::Value {
        json!({
            "purpose": "P", "outcome": "O", "owner": "a", "business_owner": "b",
            "expect": {"finish_within": "5m", "start_every": "1h"},
            "steps": [{"id": "push", "name": "Push", "meaning": "M", "if_skipped": "S", "safe_to_retry": "yes",
                "failure_points": [{"id": "erp-refuses", "when": {"code": "503"}, "action": "runbook:erp#do"}]}]
        })
    }

    fn runbook(people: People) -> Known {
        let document = Documented { slug: "erp".into(), title: "ERP".into(), trust: Trust::Trusted, people };
        Known {
            documents: BTreeMap::from([("w".into(), vec![document])]),
            today: "2026-06-04".into(),
            ..Known::default()
        }
    }

    fn people(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_workflow_that_answers_everything_has_no_gap() {
        let mut book = book(whole());
        let decision = json!({"id": "d", "about": ["workflow:w"], "date": "2026-01-01", "decided": "D"});
        book.decisions.insert("d".into(), serde_json::from_value(decision).unwrap());
        assert_eq!(gaps(&book, &runbook(People::default())), Vec::<String>::new());
        assert_eq!(coverage(&book, &runbook(People::default()))[0].score, 0);
    }

    #[test]
    fn a_failure_point_without_a_recovery_step_is_a_gap_and_so_is_one_that_leads_nowhere() {
        let book = book(whole());
        let mut known = runbook(People::default());
        known.missing.insert(Reference::parse("runbook:erp#do").unwrap(), "runbook \"erp\" is retired".into());
        assert!(
            gaps(&book, &known)
                .contains(&"Push, erp refuses: what a person does leads nowhere, runbook \"erp\" is retired.".into())
        );
        let mut without = whole();
        without["steps"][0]["failure_points"][0].as_object_mut().unwrap().remove("action");
        let gap = coverage(&self::book(without), &runbook(People::default()))[0].gaps[0].clone();
        assert_eq!((gap.words.as_str(), gap.question), ("Push, erp refuses: what a person does.", Question::Fails));
        assert_eq!(gap.fill, "/write?part=failure:w/push/erp-refuses&field=action");
    }

    #[test]
    fn what_one_person_alone_has_done_is_a_risk_and_two_are_none() {
        let book = book(whole());
        let alone = People { written: people(&["anna"]), used: people(&["ben"]), ..People::default() };
        let told = gaps(&book, &runbook(alone));
        assert!(told.contains(&"ERP: only anna has written it.".into()), "{told:?}");
        assert!(told.contains(&"ERP: only ben has used it.".into()), "{told:?}");
        let two = People { written: people(&["anna", "ben"]), ..People::default() };
        assert!(gaps(&book, &runbook(two)).iter().all(|words| !words.contains("only")));
    }

    #[test]
    fn the_most_critical_workflow_is_first_and_its_gaps_are_heavier() {
        let mut book = book(json!({"criticality": "low"}));
        let critical = json!({"id": "c", "name": "C", "criticality": "critical"});
        book.workflows.insert("c".into(), serde_json::from_value(critical).unwrap());
        let all = coverage(&book, &Known::default());
        assert_eq!(all[0].id, "c");
        assert_eq!(all[0].score, 8 * all[1].score);
    }

    proptest! {
        #[test]
        fn every_value_that_is_written_closes_its_own_gap_and_opens_none(
            fields in proptest::collection::btree_set(
                prop_oneof![Just("purpose"), Just("outcome"), Just("owner"), Just("business_owner")], 0..4),
            more in prop_oneof![Just("purpose"), Just("outcome"), Just("owner"), Just("business_owner")],
        ) {
            let with = |fields: &BTreeSet<&str>| {
                let all: serde_json::Map<_, _> = fields.iter().map(|f| ((*f).to_owned(), json!("x"))).collect();
                coverage(&book(all.into()), &Known::default())[0].gaps.len()
            };
            let mut after = fields.clone();
            let new = after.insert(more);
            prop_assert_eq!(with(&after) + usize::from(new), with(&fields));
        }

        #[test]
        fn what_is_missing_is_never_more_than_what_is_asked(seen in 0..3_i64) {
            let known = Known { undocumented: BTreeMap::from([("w".into(), seen)]), ..Known::default() };
            let all = coverage(&book(whole()), &known);
            prop_assert!(all[0].questions.iter().all(|q| 0 <= q.missing && q.missing <= q.asked));
            let missing: i64 = all[0].questions.iter().map(|q| q.missing).sum();
            prop_assert_eq!(missing, all[0].gaps.len() as i64);
        }
    }
}
