//! What can be put into a text about a part: a link, the facts of it with their present values, live panels.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::Serialize;
use serde_json::Value;

use super::book::Book;
use super::fact::{declared, words};
use super::reference::Reference;

/// Something to put into a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Offer {
    /// What it is.
    pub kind: OfferKind,
    /// What it says or shows: `retry.max_attempts is 6`.
    pub says: String,
    /// The markdown.
    pub markdown: String,
}

/// What an offer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum OfferKind {
    Link,
    Fact,
    Panel,
}

impl OfferKind {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Link => "Link",
            Self::Fact => "Fact",
            Self::Panel => "Live panel",
        }
    }
}

/// The most facts of one part.
const MOST_FACTS: usize = 24;

/// The longest value that a sentence can hold, in characters.
const LONGEST_VALUE: usize = 48;

/// What ends an address in markdown, or means something in a fact.
const NOT_IN_ADDRESS: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'%')
    .add(b'(')
    .add(b')')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'"')
    .add(b'*')
    .add(b'_')
    .add(b'`');

/// Everything that can be put into a text about a part, the link first.
pub fn offers(book: &Book, reference: &Reference, name: &str) -> Vec<Offer> {
    let mut offers = vec![Offer {
        kind: OfferKind::Link,
        says: "leads there, with its state; this section then speaks of it".to_owned(),
        markdown: format!("[{}]({reference})", escaped(name)),
    }];
    let mut facts = Vec::new();
    if let Some(part) = declared(book, reference) {
        leaves("", &part, &mut facts);
    }
    for (path, value) in facts.into_iter().take(MOST_FACTS) {
        let stated = utf8_percent_encode(&value, NOT_IN_ADDRESS);
        let markdown = format!("[{}](fact:{reference}?{path}={stated})", escaped(&value));
        offers.push(Offer { kind: OfferKind::Fact, says: format!("{path} is {value}"), markdown });
    }
    offers.extend(panels(book, reference).into_iter().map(|(kind, says, id)| Offer {
        kind: OfferKind::Panel,
        says: says.to_owned(),
        markdown: format!("![{}: {}](live:{kind}/{id})", escaped(name), says),
    }));
    offers
}

/// The values of a part that can be stated, by their paths.
fn leaves(path: &str, value: &Value, found: &mut Vec<(String, String)>) {
    if let Value::Object(fields) = value {
        for (name, value) in fields {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            if !matches!(path.as_str(), "id" | "name" | "steps" | "failure_points") {
                leaves(&path, value, found);
            }
        }
    } else if let Some(words) = words(value)
        && words.chars().count() <= LONGEST_VALUE
        && !words.trim().is_empty()
    {
        found.push((path.to_owned(), words));
    }
}

/// The live panels about a part: kind, what it shows, and about what.
fn panels(book: &Book, reference: &Reference) -> Vec<(&'static str, &'static str, String)> {
    let state = ("state", "state now");
    let retries = ("retries", "tries now");
    let stuck = ("stuck", "what is stuck");
    let queue = ("queue", "what waits");
    let (panels, id) = match reference {
        Reference::Workflow(id) => (vec![state, stuck, retries], id.clone()),
        Reference::Step(workflow, step) => {
            let waits = book.step(workflow, step).is_some_and(|s| s.via.is_some());
            let panels = [Some(state), Some(retries), Some(stuck), waits.then_some(queue)];
            (panels.into_iter().flatten().collect(), format!("{workflow}/{step}"))
        }
        Reference::Component(id) => (vec![state, queue, retries, ("dependents", "who needs it")], id.clone()),
        _ => return Vec::new(),
    };
    panels.into_iter().map(|(kind, says)| (kind, says, id.clone())).collect()
}

/// Words as text of a link: no mark in them ends it.
fn escaped(words: &str) -> String {
    words.chars().fold(String::new(), |mut out, c| {
        if "\\[]`*_<>!&".contains(c) {
            out.push('\\');
        }
        out.push(if c.is_control() { ' ' } else { c });
        out
    })
}

/// How well a part fits what somebody looks for: every word has to stand in its id or its name. The smaller the better.
pub fn fit(asked: &[String], id: &str, name: &str) -> Option<usize> {
    let name = name.to_lowercase();
    let one = |word: &String| match () {
        () if id == word || name == *word => Some(0),
        () if id.starts_with(word.as_str()) || name.starts_with(word.as_str()) => Some(1),
        () if starts_a_word(id, word) || starts_a_word(&name, word) => Some(2),
        () if id.contains(word.as_str()) || name.contains(word.as_str()) => Some(4),
        () => None,
    };
    asked.iter().map(one).sum::<Option<usize>>()
}

fn starts_a_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| !text[..at].ends_with(char::is_alphanumeric))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::markdown;
    use crate::model::fact::{FactNow, fact_now};

    fn book() -> Book {
        serde_json::from_value(serde_json::json!({
            "workflows": {"w": {"id": "w", "name": "Orders [all]", "steps": [
                {"id": "push", "name": "Push", "via": "q", "finish_within": "5m", "retry": {"max_attempts": 6, "factor": 2},
                 "meaning": "A text that is far too long to be stated as a fact in a sentence of somebody else."}],
                "expect": {"start_at": "0 3 * * *"}}},
            "components": {"q": {"id": "q", "type": "queue", "name": "Queue", "depends_on": [{"id": "a"}, {"id": "b"}]}},
            "decisions": {}, "workarounds": {}
        }))
        .unwrap()
    }

    #[test]
    fn every_offer_reads_back_as_what_it_says_and_every_fact_holds() {
        let book = book();
        for (reference, name) in
            [("step:w/push", "Push"), ("workflow:w", "Orders [all]"), ("component:q", "The `queue` (*)")]
        {
            let reference = Reference::parse(reference).unwrap();
            let offers = offers(&book, &reference, name);
            let count = |kind| offers.iter().filter(|o| o.kind == kind).count();
            assert!(count(OfferKind::Fact) > 0 && count(OfferKind::Panel) > 2, "{offers:?}");
            for offer in &offers {
                let section = markdown::parse(&offer.markdown).unwrap().sections.remove(0);
                match offer.kind {
                    OfferKind::Link => {
                        assert_eq!((section.links, section.text.as_str()), (vec![reference.clone()], name))
                    }
                    OfferKind::Fact => assert_eq!(fact_now(&book, &section.facts[0]), FactNow::Holds, "{offer:?}"),
                    OfferKind::Panel => assert_eq!(section.panels.len(), 1, "{offer:?}"),
                }
            }
        }
    }

    #[test]
    fn what_begins_with_the_words_fits_better_than_what_has_them_inside() {
        let asked = |words: &str| words.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert!(fit(&asked("push"), "push-to-erp", "Push to ERP") < fit(&asked("push"), "order", "After the push"));
        assert!(fit(&asked("erp push"), "push-to-erp", "Push to ERP").is_some());
        assert_eq!(fit(&asked("erp pull"), "push-to-erp", "Push to ERP"), None);
    }
}
