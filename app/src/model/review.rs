//! Staleness: what a reviewer saw against what is true now. Computed on every look, never stored.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::book::{Book, Component, FailurePoint, Step, Workflow};
use super::moment::{Moment, Span};
use super::reference::Reference;
use super::status::Trust;

/// The values of one part that matter: dotted field to its value as the book writes it. Absent is not written.
pub type Values = BTreeMap<String, String>;

/// Every part that a document may speak of, with the values that matter.
pub type Parts = BTreeMap<Reference, Values>;

/// The field that holds what is deployed of a component, told by change events.
pub const DEPLOYED: &str = "deployed";

/// What a reviewer saw of one section and said was right.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pin {
    /// The fingerprint of the section's text.
    pub text: String,
    /// The values of every part that it speaks of; nothing for a part that did not exist.
    pub parts: BTreeMap<Reference, Option<Values>>,
}

/// What a section speaks of: a part as a whole where it links to it, or single values where it only states facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spoken {
    /// The part.
    pub subject: Reference,
    /// The values it states; none for the part as a whole.
    pub fields: Option<BTreeSet<String>>,
}

/// What a section speaks of, from its links and its facts (subject and path).
pub fn spoken<'a>(links: &[Reference], facts: impl IntoIterator<Item = (&'a Reference, &'a str)>) -> Vec<Spoken> {
    let mut spoken: Vec<_> = links.iter().map(|link| Spoken { subject: link.clone(), fields: None }).collect();
    for (subject, path) in facts {
        match spoken.iter_mut().find(|s| s.subject == *subject) {
            Some(Spoken { fields: None, .. }) => {}
            Some(Spoken { fields: Some(fields), .. }) => {
                fields.insert(path.to_owned());
            }
            None => {
                spoken.push(Spoken { subject: subject.clone(), fields: Some(BTreeSet::from([path.to_owned()])) });
            }
        }
    }
    spoken
}

impl Spoken {
    /// The values of the part that the section speaks of; none when the part does not exist.
    fn values(&self, present: &Parts) -> Option<Values> {
        let values = present.get(&self.subject)?;
        Some(match &self.fields {
            None => values.clone(),
            Some(fields) => {
                let stated = values.iter().filter(|(field, _)| fields.contains(*field));
                stated.map(|(field, value)| (field.clone(), value.clone())).collect()
            }
        })
    }
}

/// A value that differs from what the reviewer saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Which part.
    pub subject: Reference,
    /// Which value of it; `exists` when the part as a whole came or went.
    pub field: String,
    /// What the reviewer saw; empty when there was nothing.
    pub before: String,
    /// What is true now; empty when there is nothing.
    pub after: String,
}

/// Whether one section can be believed.
#[derive(Debug, Clone, PartialEq)]
pub struct SectionTrust {
    /// The answer.
    pub trust: Trust,
    /// Its text was edited after the review.
    pub edited: bool,
    /// What differs from what the reviewer saw.
    pub differences: Vec<Difference>,
}

/// Judges one section: `spoken` is what it speaks of, `pin` what its last reviewer saw.
pub fn section_trust(text: &str, spoken: &[Spoken], pin: Option<&Pin>, present: &Parts) -> SectionTrust {
    let Some(pin) = pin else {
        return SectionTrust { trust: Trust::NeverReviewed, edited: false, differences: Vec::new() };
    };
    let mut differences = Vec::new();
    for part in spoken {
        // A part that the text came to speak of after the review: the edit flags the section by itself.
        let Some(seen) = pin.parts.get(&part.subject) else { continue };
        match (seen, part.values(present)) {
            (None, None) => {}
            (Some(_), None) => differences.push(difference(&part.subject, "exists", "yes", "")),
            (None, Some(_)) => differences.push(difference(&part.subject, "exists", "", "yes")),
            (Some(seen), Some(now)) => differences.extend(field_differences(&part.subject, seen, &now)),
        }
    }
    let edited = pin.text != fingerprint(text);
    let trust = if edited || !differences.is_empty() { Trust::CheckNeeded } else { Trust::Trusted };
    SectionTrust { trust, edited, differences }
}

fn field_differences(subject: &Reference, before: &Values, after: &Values) -> Vec<Difference> {
    let fields: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let value = |of: &Values, field: &str| of.get(field).cloned().unwrap_or_default();
    fields
        .into_iter()
        .filter(|field| before.get(*field) != after.get(*field))
        .map(|field| difference(subject, field, &value(before, field), &value(after, field)))
        .collect()
}

fn difference(subject: &Reference, field: &str, before: &str, after: &str) -> Difference {
    Difference { subject: subject.clone(), field: field.into(), before: before.into(), after: after.into() }
}

/// What a reviewer sees of a section right now: what a review pins.
pub fn seen(text: &str, spoken: &[Spoken], present: &Parts) -> Pin {
    let parts = spoken.iter().map(|part| (part.subject.clone(), part.values(present))).collect();
    Pin { text: fingerprint(text), parts }
}

impl Pin {
    /// Takes over one value that a reviewer saw and called still correct; everything else stays as it was pinned.
    pub fn accept(&mut self, subject: &Reference, field: &str, saw: &Pin) {
        let Some(saw) = saw.parts.get(subject) else { return };
        let pinned = self.parts.entry(subject.clone()).or_default();
        match (pinned.as_mut(), saw) {
            (Some(pinned), Some(saw)) if field != "exists" => match saw.get(field) {
                Some(value) => {
                    pinned.insert(field.to_owned(), value.clone());
                }
                None => {
                    pinned.remove(field);
                }
            },
            _ => pinned.clone_from(saw),
        }
    }
}

/// A short fingerprint of a section's text; white space at the ends of lines does not count.
pub fn fingerprint(text: &str) -> String {
    let mut hash = Sha256::new();
    for line in text.trim().lines() {
        hash.update(line.trim_end().as_bytes());
        hash.update(b"\n");
    }
    hash.finalize().iter().take(12).map(|b| format!("{b:02x}")).collect()
}

/// The trust of a document: the worst of its sections that link, and whether its own rhythm of review is kept.
pub fn document_trust(
    sections: &[(bool, SectionTrust)],
    review_every: Option<Span>,
    last_review: Option<Moment>,
    now: Moment,
) -> Trust {
    let linked = sections.iter().any(|(links, _)| *links);
    if !linked {
        return Trust::NotLinked;
    }
    if sections.iter().any(|(_, s)| s.trust == Trust::CheckNeeded) {
        return Trust::CheckNeeded;
    }
    if let (Some(every), Some(last)) = (review_every, last_review)
        && now.since(last) > every
    {
        return Trust::Overdue;
    }
    match sections.iter().any(|(links, s)| *links && s.trust == Trust::NeverReviewed) {
        // A section that nobody reviewed in a document somebody did: it was added later, and must be looked at.
        true if last_review.is_some() => Trust::CheckNeeded,
        true => Trust::NeverReviewed,
        false => Trust::Trusted,
    }
}

/// The values that matter of every part of the book. Cosmetic ones (names, meanings) are left out.
pub fn parts(book: &Book) -> Parts {
    let mut parts = Parts::new();
    for workflow in book.workflows.values() {
        parts.insert(Reference::Workflow(workflow.id.clone()), workflow_values(workflow));
        for step in &workflow.steps {
            parts.insert(Reference::Step(workflow.id.clone(), step.id.clone()), step_values(step));
            for point in &step.failure_points {
                let reference = Reference::Failure(workflow.id.clone(), step.id.clone(), point.id.clone());
                parts.insert(reference, failure_values(point));
            }
        }
    }
    for component in book.components.values() {
        parts.insert(Reference::Component(component.id.clone()), component_values(component));
    }
    for decision in book.decisions.values() {
        let values = [("decided", Some(decision.decided.clone()))];
        parts.insert(Reference::Decision(decision.id.clone()), written(values));
    }
    for workaround in book.workarounds.values() {
        let values = [("what", Some(workaround.what.clone())), ("review_by", workaround.review_by.clone())];
        parts.insert(Reference::Workaround(workaround.id.clone()), written(values));
    }
    parts
}

fn written<const N: usize>(values: [(&str, Option<String>); N]) -> Values {
    values.into_iter().filter_map(|(field, value)| Some((field.to_owned(), value?))).collect()
}

fn list<'a>(items: impl Iterator<Item = &'a str>) -> Option<String> {
    let joined = items.collect::<Vec<_>>().join(", ");
    (!joined.is_empty()).then_some(joined)
}

fn span(value: Option<Span>) -> Option<String> {
    value.map(|v| v.to_string())
}

/// The word a unit variant is written with in the book.
fn word(value: impl Serialize) -> Option<String> {
    serde_json::to_value(value).ok()?.as_str().map(str::to_owned)
}

fn workflow_values(w: &Workflow) -> Values {
    let edges: Vec<_> = w.edges().iter().map(|(from, to)| format!("{from} > {to}")).collect();
    written([
        ("owner", w.owner.clone()),
        ("business_owner", w.business_owner.clone()),
        ("criticality", word(w.criticality)),
        ("expect.finish_within", span(w.expect.finish_within)),
        ("expect.start_every", span(w.expect.start_every)),
        ("expect.start_at", w.expect.start_at.clone()),
        ("expect.timezone", w.expect.timezone.clone()),
        ("expect.grace", span(w.expect.grace)),
        ("expect.active", w.expect.active.clone()),
        ("steps", list(w.steps.iter().map(|s| s.id.as_str()))),
        ("order", list(edges.iter().map(String::as_str))),
    ])
}

fn step_values(s: &Step) -> Values {
    let retry = s.retry.as_ref();
    written([
        ("component", s.component.clone()),
        ("via", s.via.clone()),
        ("finish_within", span(s.finish_within)),
        ("retry.max_attempts", retry.map(|r| r.max_attempts.to_string())),
        ("retry.backoff", retry.and_then(|r| word(r.backoff))),
        ("retry.first", retry.and_then(|r| span(r.first))),
        ("retry.factor", retry.and_then(|r| r.factor).map(|f| f.to_string())),
        ("retry.max", retry.and_then(|r| span(r.max))),
        ("safe_to_retry", s.safe_to_retry.and_then(word)),
        ("failure_points", list(s.failure_points.iter().map(|f| f.id.as_str()))),
    ])
}

fn failure_values(f: &FailurePoint) -> Values {
    written([
        ("when.code", f.when.code.clone()),
        ("when.message", f.when.message.clone()),
        ("automatic", f.automatic.clone()),
        ("action", f.action.as_ref().map(ToString::to_string)),
    ])
}

fn component_values(c: &Component) -> Values {
    let mut values = written([
        ("type", word(c.kind)),
        ("owner", c.owner.clone()),
        ("depends_on", list(c.depends_on.iter().map(|d| d.id.as_str()))),
        ("limits.depth", c.limits.depth.map(|d| d.to_string())),
        ("limits.oldest", span(c.limits.oldest)),
    ]);
    for d in &c.depends_on {
        let of = |field: &str| format!("depends_on.{}.{field}", d.id);
        values.extend(
            [
                (of("mode"), word(d.mode)),
                (of("timeout"), span(d.timeout)),
                (of("retry"), d.retry.clone()),
                (of("fallback"), d.fallback.clone()),
            ]
            .into_iter()
            .filter_map(|(field, value)| Some((field, value?))),
        );
    }
    values
}

/// What differs between two states of the book, field by field, and parts that came or went.
pub fn changes(before: &Parts, after: &Parts) -> Vec<Difference> {
    let subjects: BTreeSet<&Reference> = before.keys().chain(after.keys()).collect();
    subjects
        .into_iter()
        .flat_map(|subject| match (before.get(subject), after.get(subject)) {
            (Some(before), Some(after)) => field_differences(subject, before, after),
            (Some(_), None) => vec![difference(subject, "exists", "yes", "")],
            (None, _) => vec![difference(subject, "exists", "", "yes")],
        })
        .collect()
}

/// The words of a section that hold an old value: what a fact says of it, else the sentences that contain it.
///
/// `facts` are (subject, path, text) of the section; `text` is its plain text. At most three.
pub fn words_with(difference: &Difference, facts: &[(Reference, String, String)], text: &str) -> Vec<String> {
    let stated: Vec<String> = facts
        .iter()
        .filter(|(subject, path, _)| *subject == difference.subject && *path == difference.field)
        .map(|(_, _, text)| text.clone())
        .collect();
    if !stated.is_empty() {
        return stated.into_iter().take(3).collect();
    }
    let old = difference.before.as_str();
    if old.is_empty() || old.len() > 60 {
        return Vec::new();
    }
    text.split_inclusive(['.', '\n', '!', '?'])
        .map(str::trim)
        .filter(|sentence| holds_word(sentence, old))
        .map(str::to_owned)
        .take(3)
        .collect()
}

fn holds_word(sentence: &str, word: &str) -> bool {
    let edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
    sentence
        .match_indices(word)
        .any(|(at, _)| edge(sentence[..at].chars().next_back()) && edge(sentence[at + word.len()..].chars().next()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn step() -> Reference {
        Reference::Step("w".into(), "push".into())
    }

    fn push() -> Vec<Spoken> {
        spoken(&[step()], [])
    }

    fn present(tries: &str) -> Parts {
        Parts::from([(step(), Values::from([("retry.max_attempts".into(), tries.into())]))])
    }

    #[test]
    fn a_section_that_nobody_reviewed_says_so() {
        assert_eq!(section_trust("text", &push(), None, &present("6")).trust, Trust::NeverReviewed);
    }

    #[test]
    fn a_changed_value_flags_the_section_with_before_and_after() {
        let pin = seen("text", &push(), &present("6"));
        let now = section_trust("text", &push(), Some(&pin), &present("8"));
        assert_eq!(now.trust, Trust::CheckNeeded);
        assert_eq!(now.differences, [difference(&step(), "retry.max_attempts", "6", "8")]);
    }

    #[test]
    fn a_value_that_returns_closes_its_flag() {
        let pin = seen("text", &push(), &present("6"));
        assert_eq!(section_trust("text", &push(), Some(&pin), &present("6")).trust, Trust::Trusted);
    }

    #[test]
    fn a_section_that_does_not_speak_of_the_part_is_not_flagged() {
        let pin = seen("text", &[], &present("6"));
        assert_eq!(section_trust("text", &[], Some(&pin), &present("8")).trust, Trust::Trusted);
    }

    #[test]
    fn a_part_that_is_gone_flags_what_speaks_of_it() {
        let pin = seen("text", &push(), &present("6"));
        let now = section_trust("text", &push(), Some(&pin), &Parts::new());
        assert_eq!(now.differences, [difference(&step(), "exists", "yes", "")]);
    }

    #[test]
    fn still_correct_pins_what_the_reviewer_saw_and_not_what_came_after() {
        let mut pin = seen("text", &push(), &present("6"));
        let saw = seen("text", &push(), &present("8"));
        pin.accept(&step(), "retry.max_attempts", &saw);
        assert_eq!(section_trust("text", &push(), Some(&pin), &present("8")).trust, Trust::Trusted);
        assert_eq!(section_trust("text", &push(), Some(&pin), &present("9")).differences[0].before, "8");
    }

    #[test]
    fn an_edit_is_not_a_review() {
        let pin = seen("old text", &push(), &present("6"));
        let now = section_trust("new text", &push(), Some(&pin), &present("6"));
        assert_eq!((now.trust, now.edited), (Trust::CheckNeeded, true));
    }

    #[test]
    fn a_section_that_only_states_a_fact_is_flagged_by_that_value_alone() {
        let states = |field: &str| spoken(&[], [(&step(), field)]);
        let trust = |field| {
            let pin = seen("text", &states(field), &present("6"));
            section_trust("text", &states(field), Some(&pin), &present("8")).trust
        };
        assert_eq!((trust("retry.max_attempts"), trust("finish_within")), (Trust::CheckNeeded, Trust::Trusted));
    }

    #[test]
    fn the_words_that_hold_the_old_value_are_found() {
        let difference = difference(&step(), "retry.max_attempts", "6", "8");
        let facts = [(step(), "retry.max_attempts".to_owned(), "6 times".to_owned())];
        assert_eq!(words_with(&difference, &facts, ""), ["6 times"]);
        assert_eq!(words_with(&difference, &[], "It tries 6 times. Call at 16:00."), ["It tries 6 times."]);
    }

    fn any_parts() -> impl Strategy<Value = Parts> {
        let values = proptest::collection::btree_map("[a-c]", "[0-2]", 1..4);
        let reference = "[a-d]".prop_map(Reference::Component);
        proptest::collection::btree_map(reference, values, 0..4)
    }

    proptest! {
        #[test]
        fn a_section_is_flagged_exactly_when_something_it_speaks_of_differs(before in any_parts(), after in any_parts()) {
            let links = ["a", "b"].map(|c| Reference::Component(c.into()));
            let spoken = spoken(&links, []);
            let pin = seen("t", &spoken, &before);
            let now = section_trust("t", &spoken, Some(&pin), &after);
            let same = links.iter().all(|l| before.get(l) == after.get(l));
            prop_assert_eq!(now.trust == Trust::Trusted, same);
        }

        #[test]
        fn accepting_every_difference_makes_it_trusted(before in any_parts(), after in any_parts()) {
            let spoken = spoken(&["a", "b", "c"].map(|c| Reference::Component(c.into())), []);
            let mut pin = seen("t", &spoken, &before);
            let saw = seen("t", &spoken, &after);
            for d in section_trust("t", &spoken, Some(&pin), &after).differences {
                pin.accept(&d.subject, &d.field, &saw);
            }
            prop_assert_eq!(section_trust("t", &spoken, Some(&pin), &after).trust, Trust::Trusted);
        }

        #[test]
        fn changes_are_empty_exactly_when_nothing_differs(before in any_parts(), after in any_parts()) {
            prop_assert_eq!(changes(&before, &after).is_empty(), before == after);
        }
    }
}
