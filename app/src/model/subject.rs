//! A subject: the business thing that runs, records and words of people are about, and which runs make its story.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;

use super::status::State;

/// The type under which a subject stands whose text is not `type/key`.
///
/// An address needs both parts, and `-` is not something that anybody calls a type. The whole text is then the key, so
/// that every text has one address and every address leads back to its text.
pub const UNTYPED: &str = "-";

/// The business thing: `order/10482`. Any text is a subject; only `type/key` has a type.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject(String);

impl Subject {
    /// The subject with this text.
    pub fn of(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The subject at an address: its type and key, as `kind` and `key` give them.
    pub fn at(kind: &str, key: &str) -> Self {
        match kind {
            UNTYPED => Self(key.to_owned()),
            _ => Self(format!("{kind}/{key}")),
        }
    }

    /// The text as events say it.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The type: what stands before the first slash; `-` where there is none.
    pub fn kind(&self) -> &str {
        self.parts().0
    }

    /// The key: what stands after the first slash; the whole text where there is no type.
    pub fn key(&self) -> &str {
        self.parts().1
    }

    fn parts(&self) -> (&str, &str) {
        // A browser walks "." and ".." before it asks, so neither can be a part of an address.
        let fits = |part: &str| !["", ".", ".."].contains(&part);
        match self.0.split_once('/') {
            Some((kind, key)) if kind != UNTYPED && fits(kind) && fits(key) => (kind, key),
            _ => (UNTYPED, &self.0),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The trace that a text names: of a W3C `traceparent` (Trace Context, 3.2) its trace id, of any other text the text.
/// None for a `traceparent` that says that it has none.
pub fn trace_of(text: &str) -> Option<String> {
    let text = text.trim();
    let parts: Vec<&str> = text.split('-').collect();
    let hex = |part: &str, length: usize| part.len() == length && part.bytes().all(|b| b.is_ascii_hexdigit());
    match parts.as_slice() {
        [version, trace, parent, flags, ..]
            if hex(version, 2) && hex(trace, 32) && hex(parent, 16) && hex(flags, 2) =>
        {
            trace.bytes().any(|b| b != b'0').then(|| trace.to_ascii_lowercase())
        }
        _ => (!text.is_empty()).then(|| text.to_owned()),
    }
}

/// Something that runs have in common.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Link {
    /// What they are about.
    Subject(String),
    /// What their senders joined them by.
    Correlation(String),
    /// The trace that they are part of.
    Trace(String),
}

impl Link {
    /// What a person reads: `correlation basket-7`.
    pub fn words(&self) -> String {
        match self {
            Self::Subject(subject) => format!("subject {subject}"),
            Self::Correlation(id) => format!("correlation {id}"),
            Self::Trace(id) => format!("trace {id}"),
        }
    }
}

/// A run with what it may have in common with others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The run's key.
    pub run_key: i64,
    /// What it is about.
    pub subject: Option<String>,
    /// Its correlation.
    pub correlation: Option<String>,
    /// Its trace.
    pub trace: Option<String>,
}

impl Member {
    fn links(&self) -> impl Iterator<Item = Link> {
        let subject = self.subject.clone().map(Link::Subject);
        let correlation = self.correlation.clone().map(Link::Correlation);
        subject.into_iter().chain(correlation).chain(self.trace.clone().map(Link::Trace))
    }
}

/// Which runs belong to the story of a subject: those about it, those that have a correlation or a trace in common
/// with one of these, and so on, nearest first.
///
/// It asks (`ask`) and is told (`found`), so that it needs no database. Something that more than `most` runs have in
/// common tells nothing of one of them and is not followed, but for the subject itself.
#[derive(Debug)]
pub struct Joining {
    most: usize,
    asked: BTreeSet<Link>,
    waiting: VecDeque<Link>,
    joined: BTreeMap<i64, Link>,
    left_out: bool,
}

impl Joining {
    /// Begins with a subject; joins at most `most` runs.
    pub fn about(subject: &Subject, most: usize) -> Self {
        let first = Link::Subject(subject.text().to_owned());
        Self {
            most,
            asked: BTreeSet::from([first.clone()]),
            waiting: VecDeque::from([first]),
            joined: BTreeMap::new(),
            left_out: false,
        }
    }

    /// What to look for next: the newest `most` and one more runs that have this.
    pub fn ask(&mut self) -> Option<Link> {
        self.waiting.pop_front()
    }

    /// Takes in which runs have `link`, newest first.
    pub fn found(&mut self, link: &Link, members: &[Member]) {
        let crowded = members.len() > self.most;
        if crowded && !self.joined.is_empty() {
            return;
        }
        self.left_out |= crowded;
        for member in members {
            if self.joined.contains_key(&member.run_key) {
                continue;
            }
            if self.joined.len() == self.most {
                self.left_out = true;
                return;
            }
            self.joined.insert(member.run_key, link.clone());
            for link in member.links() {
                if self.asked.insert(link.clone()) {
                    self.waiting.push_back(link);
                }
            }
        }
    }

    /// The runs that belong to it, by key, each with what joined it first.
    pub fn joined(&self) -> &BTreeMap<i64, Link> {
        &self.joined
    }

    /// Whether there are more runs than were joined.
    pub fn left_out(&self) -> bool {
        self.left_out
    }
}

/// How one run of a subject stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing<'a> {
    /// The workflow's name.
    pub workflow: &'a str,
    /// The state of the run.
    pub state: State,
    /// Where it is, in a sentence.
    pub sentence: &'a str,
    /// Whether it has ended.
    pub ended: bool,
    /// When it was last heard of, in milliseconds.
    pub last_at: i64,
}

/// Where a subject stands: the worst state of its runs, and one sentence or two. `disagree` says for each disagreement
/// of systems that has lasted too long what it is; `systems` is how many have told of it.
pub fn stands(runs: &[Standing<'_>], disagree: &[String], systems: usize) -> (Option<State>, String) {
    let worst = runs.iter().max_by_key(|r| (r.state, !r.ended, r.last_at));
    let state = worst.map(|r| r.state).into_iter().chain((!disagree.is_empty()).then_some(State::Late)).max();
    let others = |n: usize, what: &str| match n {
        0 => String::new(),
        1 => format!(" 1 other run {what}."),
        n => format!(" {n} other runs {what}."),
    };
    let of_runs = match worst {
        None if !disagree.is_empty() => String::new(),
        None if systems > 0 => {
            "No run about it has been heard of. What is known is what systems hold of it.".to_owned()
        }
        None => "No run about it has been heard of.".to_owned(),
        Some(worst) if worst.state != State::OnTrack => {
            let more = |counts: fn(State) -> bool| {
                runs.iter().filter(|r| counts(r.state)).count() - usize::from(counts(worst.state))
            };
            // What tries again by itself needs nobody yet.
            let (look, again) = (more(State::needs_a_look), more(|state| state == State::Retrying));
            let need = if look == 1 { "needs a look" } else { "need a look" };
            let retry = if again == 1 { "is retrying by itself" } else { "are retrying by themselves" };
            format!("{}: {}{}{}", worst.workflow, worst.sentence, others(look, need), others(again, retry))
        }
        Some(worst) if !worst.ended => {
            let more = runs.iter().filter(|r| !r.ended).count() - 1;
            let are = if more == 1 { "is open and on track" } else { "are open and on track" };
            format!("{}: {}{}", worst.workflow, worst.sentence, others(more, are))
        }
        Some(worst) => match runs.len() {
            1 => format!("{}: {}", worst.workflow, worst.sentence),
            n => format!("All {n} runs have ended. The last was {}: {}", worst.workflow, worst.sentence),
        },
    };
    let trouble = worst.is_some_and(|w| w.state != State::OnTrack);
    let said = disagree.iter().map(String::as_str);
    let parts: Vec<&str> = match trouble {
        true => std::iter::once(of_runs.as_str()).chain(said).collect(),
        false => said.chain([of_runs.as_str()]).filter(|s| !s.is_empty()).collect(),
    };
    (state, parts.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_not_type_and_key_stands_under_a_dash_with_its_whole_text() {
        for (text, kind, key) in [
            ("order/10482", "order", "10482"),
            ("order/10482/2", "order", "10482/2"),
            ("10482", "-", "10482"),
            ("/10482", "-", "/10482"),
            ("order/", "-", "order/"),
            ("order/..", "-", "order/.."),
            ("-/10482", "-", "-/10482"),
        ] {
            let subject = Subject::of(text);
            assert_eq!((subject.kind(), subject.key()), (kind, key), "{text}");
        }
    }

    #[test]
    fn a_traceparent_names_its_trace_and_any_other_text_itself() {
        let parent = "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01";
        assert_eq!(trace_of(parent).as_deref(), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
        assert_eq!(trace_of("00-00000000000000000000000000000000-00f067aa0ba902b7-01"), None);
        assert_eq!(trace_of("checkout-7").as_deref(), Some("checkout-7"));
        assert_eq!(trace_of("  "), None);
    }

    fn member(run_key: i64, subject: &str, correlation: &str, trace: &str) -> Member {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Member { run_key, subject: some(subject), correlation: some(correlation), trace: some(trace) }
    }

    fn has(member: &Member, link: &Link) -> bool {
        member.links().any(|l| l == *link)
    }

    fn joined(runs: &[Member], subject: &str, most: usize) -> Joining {
        let mut joining = Joining::about(&Subject::of(subject), most);
        while let Some(link) = joining.ask() {
            let mut members: Vec<_> = runs.iter().filter(|m| has(m, &link)).cloned().collect();
            members.sort_by_key(|m| std::cmp::Reverse(m.run_key));
            members.truncate(most + 1);
            joining.found(&link, &members);
        }
        joining
    }

    #[test]
    fn runs_are_joined_through_others_and_say_by_what() {
        let runs = [
            member(1, "order/1", "basket-7", ""),
            member(2, "order/2", "basket-7", "t1"),
            member(3, "", "", "t1"),
            member(4, "order/4", "", ""),
        ];
        let joining = joined(&runs, "order/1", 50);
        let by: Vec<_> = joining.joined().iter().map(|(key, link)| (*key, link.words())).collect();
        let words = ["subject order/1", "correlation basket-7", "trace t1"].map(str::to_owned);
        assert_eq!(by, (1..=3).zip(words).collect::<Vec<_>>());
        assert!(!joining.left_out());
    }

    #[test]
    fn what_too_many_have_in_common_is_not_followed() {
        let mut runs: Vec<_> = (1..10).map(|i| member(i, &format!("order/{i}"), "everybody", "")).collect();
        runs.push(member(10, "order/1", "", ""));
        assert_eq!(joined(&runs, "order/1", 5).joined().keys().copied().collect::<Vec<_>>(), [1, 10]);
    }

    #[test]
    fn of_a_subject_with_too_many_runs_the_newest_are_joined_and_it_says_so() {
        let runs: Vec<_> = (1..=9).map(|i| member(i, "warehouse/main", "", "")).collect();
        let joining = joined(&runs, "warehouse/main", 4);
        assert_eq!(
            (joining.joined().keys().copied().collect::<Vec<_>>(), joining.left_out()),
            (vec![6, 7, 8, 9], true)
        );
    }

    fn standing(state: State, ended: bool, last_at: i64) -> Standing<'static> {
        Standing { workflow: "Order to ERP", state, sentence: "At Push to ERP.", ended, last_at }
    }

    #[test]
    fn the_worst_run_says_where_a_subject_stands() {
        let runs =
            [standing(State::OnTrack, true, 9), standing(State::Broken, false, 1), standing(State::Late, false, 2)];
        let (state, sentence) = stands(&runs, &[], 0);
        assert_eq!(state, Some(State::Broken));
        assert_eq!(sentence, "Order to ERP: At Push to ERP. 1 other run needs a look.");
        let again = [standing(State::Broken, false, 1), standing(State::Retrying, false, 2)];
        assert_eq!(stands(&again, &[], 0).1, "Order to ERP: At Push to ERP. 1 other run is retrying by itself.");
    }

    #[test]
    fn systems_that_disagree_are_late_even_where_every_run_has_ended() {
        let runs = [standing(State::OnTrack, true, 1), standing(State::OnTrack, true, 2)];
        let (state, sentence) = stands(&runs, &["shop and erp disagree on status since 07:40.".to_owned()], 2);
        assert_eq!(state, Some(State::Late));
        assert!(
            sentence.starts_with("shop and erp disagree on status since 07:40. All 2 runs have ended."),
            "{sentence}"
        );
        assert_eq!(stands(&[], &[], 2).0, None);
    }

    fn runs() -> impl Strategy<Value = Vec<Member>> {
        let text = |prefix: &'static str| {
            proptest::option::of(0u8..6).prop_map(move |n| n.map_or(String::new(), |n| format!("{prefix}{n}")))
        };
        proptest::collection::vec((text("order/"), text("c"), text("t")), 0..14)
            .prop_map(|runs| runs.iter().enumerate().map(|(i, (s, c, t))| member(i as i64, s, c, t)).collect())
    }

    proptest! {
        #[test]
        fn every_subject_has_one_address_that_leads_back_to_it(text in "[-a-z0-9./]{0,8}") {
            let subject = Subject::of(&text);
            prop_assert_eq!(Subject::at(subject.kind(), subject.key()), subject);
        }

        #[test]
        fn all_that_hangs_together_is_joined_and_nothing_else(runs in runs(), seed in any::<u64>()) {
            let start = Link::Subject("order/0".to_owned());
            let mut together: BTreeSet<i64> = BTreeSet::new();
            let mut links = BTreeSet::from([start]);
            loop {
                let more: Vec<_> = runs.iter()
                    .filter(|m| !together.contains(&m.run_key) && m.links().any(|l| links.contains(&l)))
                    .collect();
                if more.is_empty() {
                    break;
                }
                for member in more {
                    together.insert(member.run_key);
                    links.extend(member.links());
                }
            }
            let mut shuffled = runs.clone();
            shuffled.rotate_left(seed as usize % runs.len().max(1));
            let joining = joined(&shuffled, "order/0", 50);
            prop_assert_eq!(joining.joined().keys().copied().collect::<BTreeSet<_>>(), together);
        }

        #[test]
        fn never_more_runs_are_joined_than_asked_for(runs in runs(), most in 1usize..6) {
            prop_assert!(joined(&runs, "order/0", most).joined().len() <= most);
        }
    }
}
