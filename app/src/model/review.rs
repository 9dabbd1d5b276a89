//! Staleness: what a reviewer saw against what is true now. Computed on every look, never stored.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::answer::counted_as;
use super::book::{Book, Component, FailurePoint, Step, When, Workflow};
use super::fact::value_at;
use super::moment::{Moment, Span};
use super::reference::Reference;
use super::status::Trust;

/// The values of one part that matter: dotted field to its value as the book writes it. Absent is not written.
pub type Values = BTreeMap<String, String>;

/// Every part that a document may speak of, with the values that matter.
pub type Parts = BTreeMap<Reference, Values>;

/// The field that holds what is deployed of a component, told by change events.
pub const DEPLOYED: &str = "deployed";

/// The field of a change that was told and left what is deployed as it was: told late, said again, or naming no version.
pub const TOLD: &str = "change";

/// How the fields begin that hold what was observed and is in no book.
pub const OBSERVED: &str = "observed.";

/// Who changes what was observed.
pub const BY_OBSERVATION: &str = "observed";

/// What a reviewer saw of one section and said was right.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pin {
    /// The fingerprint of the section's text.
    pub text: String,
    /// The values of every part that it speaks of (all that matter, or those it states); nothing for a part that did
    /// not exist.
    pub parts: BTreeMap<Reference, Option<Values>>,
}

/// What is true now, to hold what reviewers saw against.
#[derive(Debug, Clone, Copy)]
pub struct Present<'a> {
    /// The values that matter of every part.
    pub parts: &'a Parts,
    /// The book, for the values that do not matter by themselves but may be stated.
    pub book: &'a Book,
}

impl Present<'_> {
    fn value(self, subject: &Reference, field: &str) -> Option<String> {
        let matters = self.parts.get(subject).and_then(|values| values.get(field)).cloned();
        matters.or_else(|| value_at(self.book, subject, field))
    }
}

/// What a section speaks of in one part: all of it where it links to it, and the values that it states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spoken {
    /// The part.
    pub subject: Reference,
    /// Whether it links to the part: then it speaks of every value that matters.
    pub whole: bool,
    /// The paths of the values it states, whether they matter by themselves or not.
    pub stated: BTreeSet<String>,
    /// The fields of which a reviewer has said that the section does not speak of them.
    pub muted: BTreeSet<String>,
    /// The fields of this kind of part that flag nothing anywhere, as they are counted (`answer::counted_as`).
    pub muted_everywhere: BTreeSet<String>,
}

/// What a section speaks of, from its links and its facts (subject and path).
pub fn spoken<'a>(links: &[Reference], facts: impl IntoIterator<Item = (&'a Reference, &'a str)>) -> Vec<Spoken> {
    let part = |subject: &Reference, whole| Spoken {
        subject: subject.clone(),
        whole,
        stated: BTreeSet::new(),
        muted: BTreeSet::new(),
        muted_everywhere: BTreeSet::new(),
    };
    let mut spoken: Vec<_> = links.iter().map(|link| part(link, true)).collect();
    for (subject, path) in facts {
        let known = spoken.iter().position(|s| s.subject == *subject).unwrap_or_else(|| {
            spoken.push(part(subject, false));
            spoken.len() - 1
        });
        spoken[known].stated.insert(path.to_owned());
    }
    spoken
}

impl Spoken {
    /// The values of the part that the section speaks of; none when the part does not exist.
    fn values<'p>(&self, present: Present<'p>) -> Option<Cow<'p, Values>> {
        let known = present.parts.get(&self.subject)?;
        // Mostly all that is spoken of is what matters: thousands of sections are judged by it, and none copies it.
        if self.whole && self.stated.iter().all(|path| known.contains_key(path)) {
            return Some(Cow::Borrowed(known));
        }
        let mut values = if self.whole { known.clone() } else { Values::new() };
        for path in &self.stated {
            let value = known.get(path).cloned().or_else(|| value_at(present.book, &self.subject, path));
            values.extend(value.map(|value| (path.clone(), value)));
        }
        Some(Cow::Owned(values))
    }

    fn is_muted(&self, field: &str) -> bool {
        self.muted.contains(field) || self.muted_everywhere.contains(&counted_as(field))
    }

    /// What differs between the values that a reviewer saw and those of now.
    ///
    /// A text that was edited since may speak of more or less than the one that was reviewed. What it no longer speaks
    /// of is no reason to doubt it, and of what it did not speak then nothing is known to differ.
    fn differences(&self, seen: &Values, now: &Values, edited: bool, present: Present) -> Vec<Difference> {
        if seen == now {
            return Vec::new();
        }
        let fields: BTreeSet<&String> = seen.keys().chain(now.keys()).collect();
        fields
            .into_iter()
            .filter(|field| self.stated.contains(*field) || self.whole && !self.is_muted(field))
            .filter(|field| !edited || seen.contains_key(*field))
            // What was observed and is not so any more, or is in the book by now, is no reason to doubt a text.
            .filter(|field| !field.starts_with(OBSERVED) || now.contains_key(*field))
            .filter_map(|field| {
                let after = now.get(field).cloned().or_else(|| present.value(&self.subject, field));
                let before = seen.get(field).cloned();
                let words = |value: Option<String>| value.unwrap_or_default();
                (before != after).then(|| difference(&self.subject, field, &words(before), &words(after)))
            })
            .collect()
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

/// Judges one section: `print` is the fingerprint of its text, `spoken` what it speaks of, `pin` what its last reviewer
/// saw.
pub fn section_trust(print: &str, spoken: &[Spoken], pin: Option<&Pin>, present: Present) -> SectionTrust {
    let Some(pin) = pin else {
        return SectionTrust { trust: Trust::NeverReviewed, edited: false, differences: Vec::new() };
    };
    let edited = pin.text != print;
    let mut differences = Vec::new();
    for part in spoken {
        // A part that the text came to speak of after the review: the edit flags the section by itself.
        let Some(seen) = pin.parts.get(&part.subject) else { continue };
        match (seen, part.values(present)) {
            (None, None) => {}
            (Some(_), None) => differences.push(difference(&part.subject, "exists", "yes", "")),
            (None, Some(_)) => differences.push(difference(&part.subject, "exists", "", "yes")),
            (Some(seen), Some(now)) => differences.extend(part.differences(seen, &now, edited, present)),
        }
    }
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

/// What a reviewer sees of a section right now: what a review pins. `print` is the fingerprint of its text.
pub fn seen(print: &str, spoken: &[Spoken], present: Present) -> Pin {
    let values = |part: &Spoken| part.values(present).map(Cow::into_owned);
    let parts = spoken.iter().map(|part| (part.subject.clone(), values(part))).collect();
    Pin { text: print.to_owned(), parts }
}

/// Whether a reviewer would see now what `pinned` says, a [`Pin`] as JSON. Then [`section_trust`] finds no difference.
/// It takes far less than reading the pin, and mostly nothing has changed.
pub fn is_as_pinned(pinned: &str, print: &str, spoken: &[Spoken], present: Present) -> bool {
    #[derive(Serialize)]
    struct Now<'a> {
        text: &'a str,
        parts: BTreeMap<&'a Reference, Option<Cow<'a, Values>>>,
    }
    let parts = spoken.iter().map(|part| (&part.subject, part.values(present))).collect();
    serde_json::to_string(&Now { text: print, parts }).is_ok_and(|now| now == pinned)
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

/// How far a document can be believed, now and when its own rhythm of review is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DocumentTrust {
    trust: Trust,
    /// From when on it is overdue.
    overdue_after: Option<Moment>,
}

impl DocumentTrust {
    /// Whether it can be believed at a moment.
    pub fn at(self, now: Moment) -> Trust {
        match self.overdue_after {
            Some(end) if now > end => Trust::Overdue,
            _ => self.trust,
        }
    }
}

/// The trust of a document: the worst of its sections that link or are in doubt, and whether its own rhythm of review is
/// kept.
///
/// Of each section: whether it links to anything, and whether it can be believed.
pub fn document_trust<'a>(
    sections: impl Iterator<Item = (bool, &'a SectionTrust)> + Clone,
    review_every: Option<Span>,
    last_review: Option<Moment>,
) -> DocumentTrust {
    let always = |trust| DocumentTrust { trust, overdue_after: None };
    // What somebody doubts is in doubt, whatever it links to.
    if sections.clone().any(|(_, s)| s.trust == Trust::CheckNeeded) {
        return always(Trust::CheckNeeded);
    }
    let mut linked = sections.filter(|(links, _)| *links).peekable();
    if linked.peek().is_none() {
        return always(Trust::NotLinked);
    }
    let trust = match linked.any(|(_, s)| s.trust == Trust::NeverReviewed) {
        // A section that nobody reviewed in a document somebody did: it was added later, and must be looked at.
        true if last_review.is_some() => Trust::CheckNeeded,
        true => Trust::NeverReviewed,
        false => Trust::Trusted,
    };
    DocumentTrust { trust, overdue_after: last_review.zip(review_every).map(|(last, every)| last + every) }
}

/// How many sections of a document are to be checked: those in doubt, and where somebody has reviewed the document those
/// that nobody has.
pub fn sections_to_check<'a>(sections: impl Iterator<Item = &'a SectionTrust>, was_reviewed: bool) -> usize {
    let is_to_check = |section: &&SectionTrust| match section.trust {
        Trust::CheckNeeded => true,
        Trust::NeverReviewed => was_reviewed,
        Trust::Overdue | Trust::NotLinked | Trust::Trusted => false,
    };
    sections.filter(is_to_check).count()
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
        let by = list(book.superseding(&decision.id).map(|d| d.id.as_str()));
        let values = [("decided", Some(decision.decided.clone())), ("superseded_by", by)];
        parts.insert(Reference::Decision(decision.id.clone()), written(values));
    }
    for workaround in book.workarounds.values() {
        let values = [
            ("what", Some(workaround.what.clone())),
            ("review_by", workaround.review_by.clone()),
            ("owner", workaround.owner.clone()),
        ];
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
    let agree: Vec<_> = w.agree.iter().map(|a| a.words()).collect();
    written([
        ("owner", w.owner.clone()),
        ("business_owner", w.business_owner.clone()),
        ("criticality", word(w.criticality)),
        ("expect.finish_within", span(w.expect.finish_within)),
        ("expect.start_every", span(w.expect.start_every)),
        ("expect.min_interval", span(w.expect.min_interval)),
        ("expect.start_at", w.expect.start_at.clone()),
        ("expect.timezone", w.expect.timezone.clone()),
        ("expect.grace", span(w.expect.grace)),
        ("expect.active", w.expect.active.clone()),
        ("agree", list(agree.iter().map(String::as_str))),
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
        ("check_in", s.check_in.and_then(word)),
        ("failure_points", list(s.failure_points.iter().map(|f| f.id.as_str()))),
        ("also", list(s.also.iter().map(String::as_str))),
    ])
}

fn failure_values(f: &FailurePoint) -> Values {
    written([
        ("when.code", f.when.code.clone()),
        ("when.message", f.when.message.clone()),
        ("automatic", f.automatic.clone()),
        ("action", f.action.as_ref().map(ToString::to_string)),
        ("retryable", f.retryable.map(|can| can.to_string())),
        ("also", (!f.also.is_empty()).then(|| f.also.iter().map(When::words).collect::<Vec<_>>().join(", "))),
    ])
}

fn component_values(c: &Component) -> Values {
    let mut values = written([
        ("type", word(c.kind)),
        ("owner", c.owner.clone()),
        ("depends_on", list(c.depends_on.iter().map(|d| d.id.as_str()))),
        ("limits.depth", c.limits.depth.map(|d| d.to_string())),
        ("limits.oldest", span(c.limits.oldest)),
        ("reports.as", c.reports.as_ref().and_then(|r| r.source.clone())),
        ("reports.every", span(c.reports.as_ref().and_then(|r| r.every))),
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
    let Some(old) = old_word(difference, text) else { return Vec::new() };
    text.split_inclusive(['.', '\n', '!', '?'])
        .map(str::trim)
        .filter(|sentence| holds_word(sentence, old))
        .map(str::to_owned)
        .take(3)
        .collect()
}

/// The old value, where it stands in a text as a word. Longer values than 60 bytes stand in no text word for word.
pub fn old_word<'d>(difference: &'d Difference, text: &str) -> Option<&'d str> {
    let old = difference.before.as_str();
    (!old.is_empty() && old.len() <= 60 && holds_word(text, old)).then_some(old)
}

/// Whether a word stands in a text and is not part of a longer one.
pub fn holds_word(text: &str, word: &str) -> bool {
    words_at(text, word).next().is_some()
}

/// Where a word stands in a text and is not part of a longer one, in bytes.
pub fn words_at<'t>(text: &'t str, word: &'t str) -> impl Iterator<Item = usize> + 't {
    let edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
    text.match_indices(word)
        .map(|(at, _)| at)
        .filter(move |at| edge(text[..*at].chars().next_back()) && edge(text[at + word.len()..].chars().next()))
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

    /// Judges by parts alone, with nothing in the book.
    fn section_trust(text: &str, spoken: &[Spoken], pin: Option<&Pin>, parts: &Parts) -> SectionTrust {
        super::section_trust(&fingerprint(text), spoken, pin, Present { parts, book: &Book::default() })
    }

    fn seen(text: &str, spoken: &[Spoken], parts: &Parts) -> Pin {
        super::seen(&fingerprint(text), spoken, Present { parts, book: &Book::default() })
    }

    fn is_as_pinned(pinned: &str, text: &str, spoken: &[Spoken], parts: &Parts) -> bool {
        super::is_as_pinned(pinned, &fingerprint(text), spoken, Present { parts, book: &Book::default() })
    }

    /// A book with one workflow of one step, and one component.
    fn book(first: &str, without: &str) -> Book {
        serde_json::from_value(serde_json::json!({
            "workflows": {"w": {"id": "w", "name": "W", "steps": [
                {"id": "push", "name": "Push", "after": ["take"], "if_skipped": without, "component": "c",
                 "retry": {"max_attempts": 6, "backoff": "fixed", "first": first}}]}},
            "components": {"c": {"id": "c", "type": "service", "name": "C", "owner": "team-a", "if_unavailable": without}},
            "decisions": {}, "workarounds": {}
        }))
        .unwrap()
    }

    /// What differs for a section that is reviewed with one book and text, and judged with another.
    fn differs(before: (&Book, &str, &[Spoken]), after: (&Book, &str, &[Spoken])) -> Vec<Difference> {
        let pin = super::seen(&fingerprint(before.1), before.2, Present { parts: &parts(before.0), book: before.0 });
        super::section_trust(
            &fingerprint(after.1),
            after.2,
            Some(&pin),
            Present { parts: &parts(after.0), book: after.0 },
        )
        .differences
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
    fn a_stated_value_that_does_not_matter_by_itself_flags_when_it_moves() {
        let (old, new) = (book("30s", "Nothing is sent."), book("45s", "Everything waits."));
        let (workflow, component) = (Reference::Workflow("w".into()), Reference::Component("c".into()));
        let cases = [
            (&workflow, "steps.push.retry.first", "30s", "45s"),
            (&workflow, "steps.push.if_skipped", "Nothing is sent.", "Everything waits."),
            (&component, "if_unavailable", "Nothing is sent.", "Everything waits."),
        ];
        for (subject, path, before, after) in cases {
            for links in [vec![], vec![subject.clone()]] {
                let speaks = spoken(&links, [(subject, path)]);
                assert_eq!(
                    differs((&old, "text", &speaks), (&new, "text", &speaks)),
                    [difference(subject, path, before, after)],
                );
                assert_eq!(differs((&old, "text", &speaks), (&old, "text", &speaks)), []);
            }
        }
    }

    #[test]
    fn a_link_that_becomes_a_fact_flags_the_edit_and_no_value() {
        let (book, component) = (book("30s", "Wait."), Reference::Component("c".into()));
        let links = spoken(std::slice::from_ref(&component), []);
        let states = spoken(&[], [(&component, "type")]);
        assert_eq!(differs((&book, "link", &links), (&book, "fact", &states)), []);
        assert_eq!(differs((&book, "fact", &states), (&book, "link", &links)), []);
        let other = spoken(&[], [(&component, "owner")]);
        assert_eq!(differs((&book, "fact", &states), (&book, "other fact", &other)), []);
        let both = spoken(std::slice::from_ref(&component), [(&component, "if_unavailable")]);
        assert_eq!(differs((&book, "both", &both), (&book, "link", &links)), []);
    }

    #[test]
    fn an_edited_section_still_says_which_of_the_values_that_were_reviewed_has_moved() {
        let component = Reference::Component("c".into());
        let before = book("30s", "Wait.");
        let mut after = before.clone();
        after.components.get_mut("c").unwrap().owner = Some("team-b".into());
        let states = spoken(&[], [(&component, "owner")]);
        let links = spoken(std::slice::from_ref(&component), []);
        let moved = [difference(&component, "owner", "team-a", "team-b")];
        assert_eq!(differs((&before, "link", &links), (&after, "fact", &states)), moved);
        assert_eq!(differs((&before, "fact", &states), (&after, "link", &links)), moved);
    }

    #[test]
    fn a_decision_whose_place_another_takes_flags_what_speaks_of_it() {
        let mut before = book("30s", "Wait.");
        let decision = |value| serde_json::from_value(value).unwrap();
        let old = serde_json::json!({"id": "old", "date": "2024-01-01", "decided": "Call directly."});
        before.decisions.insert("old".into(), decision(old));
        let mut after = before.clone();
        let new = serde_json::json!({"id": "new", "date": "2026-01-01", "decided": "Queue.", "supersedes": ["old"]});
        after.decisions.insert("new".into(), decision(new));
        let subject = Reference::Decision("old".into());
        let speaks = spoken(std::slice::from_ref(&subject), []);
        let changed = [difference(&subject, "superseded_by", "", "new")];
        assert_eq!(differs((&before, "text", &speaks), (&after, "text", &speaks)), changed);
    }

    #[test]
    fn what_was_observed_flags_while_it_is_so_and_no_longer() {
        let with = |observed: Option<&str>| {
            let mut parts = present("6");
            let values = parts.get_mut(&step()).unwrap();
            values.extend(observed.map(|value| ("observed.tries".to_owned(), value.to_owned())));
            parts
        };
        let pin = seen("text", &push(), &with(None));
        let now = section_trust("text", &push(), Some(&pin), &with(Some("8 tries")));
        assert_eq!(now.differences, [difference(&step(), "observed.tries", "", "8 tries")]);
        // Reviewed while it was so: that it is over is no reason to look again.
        let pin = seen("text", &push(), &with(Some("8 tries")));
        assert_eq!(section_trust("text", &push(), Some(&pin), &with(None)).trust, Trust::Trusted);
        assert_eq!(section_trust("text", &push(), Some(&pin), &with(Some("9 tries"))).trust, Trust::CheckNeeded);
    }

    #[test]
    fn the_words_that_hold_the_old_value_are_found() {
        let difference = difference(&step(), "retry.max_attempts", "6", "8");
        let facts = [(step(), "retry.max_attempts".to_owned(), "6 times".to_owned())];
        assert_eq!(words_with(&difference, &facts, ""), ["6 times"]);
        assert_eq!(words_with(&difference, &[], "It tries 6 times. Call at 16:00."), ["It tries 6 times."]);
    }

    #[test]
    fn a_document_that_links_to_nothing_is_not_linked_until_somebody_doubts_it() {
        let section = |trust| (false, SectionTrust { trust, edited: false, differences: Vec::new() });
        let trust = |sections: &[(bool, SectionTrust)]| {
            document_trust(sections.iter().map(|(links, trust)| (*links, trust)), None, None).at(Moment::default())
        };
        assert_eq!(trust(&[section(Trust::NotLinked), section(Trust::NotLinked)]), Trust::NotLinked);
        assert_eq!(trust(&[section(Trust::NotLinked), section(Trust::CheckNeeded)]), Trust::CheckNeeded);
    }

    #[test]
    fn the_sections_to_check_are_those_in_doubt_and_those_that_came_after_a_review() {
        let section = |trust| SectionTrust { trust, edited: false, differences: Vec::new() };
        let of = [Trust::CheckNeeded, Trust::NeverReviewed, Trust::Trusted, Trust::NotLinked].map(section);
        assert_eq!((sections_to_check(of.iter(), true), sections_to_check(of.iter(), false)), (2, 1));
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
        fn what_is_as_it_was_pinned_is_what_is_seen_again(before in any_parts(), after in any_parts(), edited: bool) {
            let spoken = spoken(&["a", "b", "c"].map(|c| Reference::Component(c.into())), []);
            let pin = seen("t", &spoken, &before);
            let text = if edited { "u" } else { "t" };
            let pinned = serde_json::to_string(&pin).unwrap();
            prop_assert_eq!(is_as_pinned(&pinned, text, &spoken, &after), pin == seen(text, &spoken, &after));
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
