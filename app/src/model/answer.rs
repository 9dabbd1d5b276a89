//! The answers to a flag: what each does to the flag, to the queue of reviews, and to what is thought of its field.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::moment::{Moment, Span};
use super::reference::Reference;
use super::review::{Difference, Spoken, words_at};

/// The longest that a flag may be left for later.
pub const LONGEST: Span = Span::from_minutes(30 * 24 * 60);

/// A document is in use when it was followed no longer ago than this.
pub const IN_USE: Span = Span::from_minutes(30 * 24 * 60);

/// From how many answers on it is said of a field that its flags lead to nothing.
pub const LEAST_ANSWERS: i64 = 5;

/// What is said of a flag, or of a section as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// What the section says of it is right.
    StillCorrect,
    /// The section as a whole is right.
    Reviewed,
    /// The section was edited while the flag stood on it.
    Edited,
    /// The section does not speak of that field: it is no reason to look at it, now or later.
    NotAbout,
    /// It does, after all.
    About,
    /// It is looked at later; the doubt stays where it is read.
    Snoozed,
    /// Somebody else answers it.
    Reassigned,
}

impl Answer {
    const ALL: [(&'static str, Self); 7] = [
        ("still_correct", Self::StillCorrect),
        ("reviewed", Self::Reviewed),
        ("edited", Self::Edited),
        ("not_about", Self::NotAbout),
        ("about", Self::About),
        ("snoozed", Self::Snoozed),
        ("reassigned", Self::Reassigned),
    ];

    /// As it is written in forms, in JSON and in the database.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, answer)| *answer == self).map_or("", |(name, _)| name)
    }

    /// Reads it as it is written.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, answer)| *answer)
    }
}

/// An answer that leaves a flag open or takes its field out of the section: the newest of its sort.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// The runbook.
    pub slug: String,
    /// The section's anchor.
    pub section: String,
    /// Which value of which part; none where it is about the section as a whole.
    pub flag: Option<(Reference, String)>,
    /// The value as it was shown; a later change is another flag.
    pub after: String,
    /// What was said.
    pub answer: Answer,
    /// Until when, where it was left for later.
    pub until: Option<Moment>,
    /// Whom it was given to.
    pub assignee: Option<String>,
    /// Why.
    pub words: String,
    /// When.
    pub at: Moment,
    /// By whom.
    pub by: String,
}

impl SetAside {
    /// Whether it is about this difference, or, for none, about the section as a whole.
    fn is_about(&self, difference: Option<&Difference>) -> bool {
        match (&self.flag, difference) {
            (Some((subject, field)), Some(d)) => *subject == d.subject && *field == d.field && self.after == d.after,
            (None, None) => true,
            _ => false,
        }
    }
}

/// Until when a flag is left for later, by the answers that were given in its section; none when it waits now.
pub fn later<'a>(said: &'a [SetAside], difference: Option<&Difference>, now: Moment) -> Option<&'a SetAside> {
    said.iter()
        .filter(|s| s.answer == Answer::Snoozed && s.is_about(difference))
        .find(|s| s.until.is_some_and(|until| now < until))
}

/// Whom a flag was given to.
pub fn assignee<'a>(said: &'a [SetAside], difference: Option<&Difference>) -> Option<&'a str> {
    let given = said.iter().filter(|s| s.answer == Answer::Reassigned && s.is_about(difference));
    given.max_by_key(|s| s.at).and_then(|s| s.assignee.as_deref())
}

/// Takes out of what a section speaks of what was said to be none of its matter, and the fields that flag nothing
/// anywhere. What it states stays: a stated value that is not so is wrong whatever anybody says.
pub fn without(spoken: &mut [Spoken], said: &[SetAside], muted: &BTreeSet<(String, String)>) {
    for part in spoken {
        let kind = part.subject.kind();
        let not_about = said.iter().filter(|s| s.answer == Answer::NotAbout).filter_map(|s| s.flag.as_ref());
        part.muted.extend(not_about.filter(|(subject, _)| *subject == part.subject).map(|(_, field)| field.clone()));
        let of_kind = muted.iter().filter(|(of, _)| of == kind).map(|(_, field)| field.clone());
        part.muted_everywhere.extend(of_kind);
    }
}

/// A field as it is counted and muted: what is said of one dependency counts for all, `depends_on.*.timeout`.
pub fn counted_as(field: &str) -> String {
    match field.strip_prefix("depends_on.").and_then(|rest| rest.rsplit_once('.')) {
        Some((_, last)) => format!("depends_on.*.{last}"),
        None => field.to_owned(),
    }
}

/// How the flags of one field of one kind of part were answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Precision {
    /// The kind of part: `step`, `component`.
    pub kind: String,
    /// The field, as it is counted.
    pub field: String,
    /// How many were answered.
    pub answered: i64,
    /// How many of them led to an edit.
    pub edited: i64,
    /// Whether they have shown to lead to nothing: muting it is offered.
    pub leads_to_nothing: bool,
}

/// How good the flags of each field are, those first that were answered most often. `tallies` are (kind, field,
/// answer, number).
pub fn precision(tallies: &[(String, String, Answer, i64)]) -> Vec<Precision> {
    let mut fields: BTreeMap<(&str, &str), (i64, i64)> = BTreeMap::new();
    for (kind, field, answer, n) in tallies {
        let (answered, edited) = fields.entry((kind, field)).or_default();
        match answer {
            Answer::StillCorrect | Answer::NotAbout => *answered += n,
            Answer::Edited => (*answered, *edited) = (*answered + n, *edited + n),
            // The flag is still open, or it was not asked about.
            Answer::Snoozed | Answer::Reassigned | Answer::Reviewed | Answer::About => {}
        }
    }
    let mut all: Vec<_> = fields
        .into_iter()
        .filter(|(_, (answered, _))| *answered > 0)
        .map(|((kind, field), (answered, edited))| Precision {
            kind: kind.to_owned(),
            field: field.to_owned(),
            answered,
            edited,
            leads_to_nothing: edited == 0 && answered >= LEAST_ANSWERS,
        })
        .collect();
    all.sort_by(|a, b| b.answered.cmp(&a.answered).then_with(|| (&a.kind, &a.field).cmp(&(&b.kind, &b.field))));
    all
}

/// How urgent a document is in the queue: the greater comes first.
///
/// Documents of workflows in trouble now, then critical ones that were followed in the last 30 days, then the number
/// of changed values, then age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Harm {
    /// A workflow that it is for is in trouble now.
    pub in_trouble: bool,
    /// It is critical and somebody followed it in the last 30 days.
    pub critical_in_use: bool,
    /// How many values changed.
    pub changes: i64,
    /// When the oldest of them did, turned around: the longer ago, the greater.
    pub waits_since: std::cmp::Reverse<Moment>,
}

/// About how many minutes these reviews take: each section is read at 200 words a minute, and each answer takes half
/// a minute. At least one, where anything waits.
pub fn minutes(words: usize, answers: usize) -> i64 {
    if answers == 0 {
        return 0;
    }
    ((words as f64 / 200.0 + answers as f64 / 2.0).ceil() as i64).max(1)
}

/// The text of a section with the old value replaced by the new one where it stands in it: in facts of that value,
/// which are then right, and else as a word of its own. Nothing where it does not stand, or where nothing takes its
/// place.
pub fn rewritten(source: &str, difference: &Difference) -> Option<String> {
    let (before, after) = (difference.before.as_str(), difference.after.as_str());
    if before.is_empty() || after.is_empty() {
        return None;
    }
    let claim = format!("fact:{}?{}=", difference.subject, difference.field);
    if source.contains(&claim) {
        return Some(rewritten_facts(source, &claim, before, after)).filter(|text| text != source);
    }
    let text = replaced_words(source, before, after);
    (text != source).then_some(text)
}

/// Each `[words](fact:…=before)` with both the words and the claim put right.
fn rewritten_facts(source: &str, claim: &str, before: &str, after: &str) -> String {
    let (mut text, mut rest) = (String::new(), source);
    while let Some(at) = rest.find(claim) {
        let (head, tail) = rest.split_at(at);
        let open = head.rfind('[').unwrap_or(at);
        text.push_str(&head[..open]);
        text.push_str(&replaced_words(&head[open..], before, after));
        text.push_str(claim);
        let tail = &tail[claim.len()..];
        let end = tail.find([')', ' ', '>', '\n']).unwrap_or(tail.len());
        // However it was written, it is what the book says now.
        text.push_str(&after.replace(' ', "%20"));
        rest = &tail[end..];
    }
    text.push_str(rest);
    text
}

/// The text with each occurrence of a word replaced that is not part of a longer one, or of an address.
fn replaced_words(text: &str, before: &str, after: &str) -> String {
    let (mut replaced, mut done) = (String::new(), 0);
    for at in words_at(text, before).filter(|at| !is_address(text, *at)) {
        replaced.push_str(&text[done..at]);
        replaced.push_str(after);
        done = at + before.len();
    }
    replaced.push_str(&text[done..]);
    replaced
}

/// Whether this place lies in the address of a link: `](…)` on one line.
fn is_address(text: &str, at: usize) -> bool {
    let line = text[..at].rsplit('\n').next().unwrap_or_default();
    line.rfind("](").is_some_and(|open| !line[open..].contains(')'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(minute: i64) -> Moment {
        Moment::from_millis(1_780_000_000_000 + minute * 60_000)
    }

    fn step() -> Reference {
        Reference::Step("w".into(), "push".into())
    }

    fn tries(before: &str, after: &str) -> Difference {
        Difference { subject: step(), field: "retry.max_attempts".into(), before: before.into(), after: after.into() }
    }

    fn said(answer: Answer, after: &str, minute: i64) -> SetAside {
        SetAside {
            slug: "r".into(),
            section: "s".into(),
            flag: Some((step(), "retry.max_attempts".into())),
            after: after.into(),
            answer,
            until: (answer == Answer::Snoozed).then(|| at(minute + 60)),
            assignee: (answer == Answer::Reassigned).then(|| format!("team-{minute}")),
            words: String::new(),
            at: at(minute),
            by: "editor".into(),
        }
    }

    #[test]
    fn a_flag_left_for_later_waits_again_at_its_time_and_when_the_value_changes_again() {
        let said = [said(Answer::Snoozed, "8", 0)];
        assert!(later(&said, Some(&tries("3", "8")), at(59)).is_some());
        assert!(later(&said, Some(&tries("3", "8")), at(60)).is_none());
        assert!(later(&said, Some(&tries("3", "9")), at(10)).is_none());
        assert!(later(&said, None, at(10)).is_none());
    }

    #[test]
    fn the_last_to_be_given_a_flag_has_it() {
        let said = [said(Answer::Reassigned, "8", 5), said(Answer::Reassigned, "8", 9)];
        assert_eq!(assignee(&said, Some(&tries("3", "8"))), Some("team-9"));
        assert_eq!(assignee(&said, Some(&tries("3", "7"))), None);
    }

    #[test]
    fn what_a_person_says_of_one_dependency_counts_for_all() {
        assert_eq!(counted_as("depends_on.sap.timeout"), "depends_on.*.timeout");
        assert_eq!(counted_as("depends_on"), "depends_on");
        assert_eq!(counted_as("retry.first"), "retry.first");
    }

    #[test]
    fn a_field_whose_flags_never_led_to_an_edit_is_said_to_lead_to_nothing() {
        let tally = |field: &str, answer, n| ("step".to_owned(), field.to_owned(), answer, n);
        let all = precision(&[
            tally("owner", Answer::StillCorrect, 4),
            tally("owner", Answer::NotAbout, 1),
            tally("retry.first", Answer::StillCorrect, 9),
            tally("retry.first", Answer::Edited, 1),
            tally("via", Answer::StillCorrect, 4),
            tally("steps", Answer::Snoozed, 70),
        ]);
        let told: Vec<_> = all.iter().map(|p| (p.field.as_str(), p.answered, p.edited, p.leads_to_nothing)).collect();
        assert_eq!(told, [("retry.first", 10, 1, false), ("owner", 5, 0, true), ("via", 4, 0, false)]);
    }

    #[test]
    fn the_queue_goes_by_harm() {
        let harm = |in_trouble, critical_in_use, changes, since| Harm {
            in_trouble,
            critical_in_use,
            changes,
            waits_since: std::cmp::Reverse(at(since)),
        };
        let first = [
            harm(true, false, 1, 9),
            harm(false, true, 1, 9),
            harm(false, false, 3, 9),
            harm(false, false, 1, 2),
            harm(false, false, 1, 9),
        ];
        assert!(first.windows(2).all(|pair| pair[0] > pair[1]), "{first:?}");
    }

    #[test]
    fn the_load_is_what_reading_and_answering_take() {
        assert_eq!((minutes(0, 0), minutes(10, 1), minutes(400, 4), minutes(1_000, 8)), (0, 1, 4, 9));
    }

    #[test]
    fn a_fact_is_put_right_in_its_words_and_in_its_claim() {
        let source = "It tries [3 times](fact:step:w/push?retry.max_attempts=3), and 3 people know.";
        let after = "It tries [8 times](fact:step:w/push?retry.max_attempts=8), and 3 people know.";
        assert_eq!(rewritten(source, &tries("3", "8")).as_deref(), Some(after));
    }

    #[test]
    fn an_old_value_is_replaced_as_a_word_and_not_in_addresses() {
        let difference = Difference { field: "component".into(), ..tries("erp-queue", "bus") };
        let source = "Look at erp-queue, not erp-queue2 or [it](component:erp-queue).";
        let after = "Look at bus, not erp-queue2 or [it](component:erp-queue).";
        assert_eq!(rewritten(source, &difference).as_deref(), Some(after));
        assert_eq!(rewritten("It says nothing of that.", &difference), None);
        assert_eq!(rewritten(source, &tries("3", "")), None);
    }

    proptest! {
        #[test]
        fn putting_right_twice_changes_nothing_more(source in ".{0,200}", before in "[a-z]{1,3}", after in "[A-Z]{1,3}") {
            let difference = tries(&before, &after);
            if let Some(once) = rewritten(&source, &difference) {
                prop_assert_ne!(&once, &source);
                prop_assert_eq!(rewritten(&once, &difference), None);
            }
        }
    }
}
