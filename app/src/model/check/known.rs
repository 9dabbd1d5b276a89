//! What exists in a book, and what somebody may have meant who wrote a name that does not.

use std::collections::{BTreeMap, BTreeSet};

use super::Places;
use crate::model::book::Book;
use crate::model::mention::absent;
use crate::model::reference::Reference;

/// The anchors of the sections of every runbook, by slug.
pub type Anchors = BTreeMap<String, BTreeSet<String>>;

/// Everything that a reference can point at.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// The book.
    pub book: &'a Book,
    /// The runbooks.
    pub anchors: &'a Anchors,
    /// Where things were written: what could not be read is not called missing as well.
    pub places: &'a Places,
}

impl Known<'_> {
    /// The sentence that says that nothing has this name, with the nearest name that something has.
    pub fn missing(&self, reference: &Reference) -> Option<String> {
        let book = self.book;
        let meant = match reference {
            Reference::Component(id) if !book.components.contains_key(id) => nearest(id, book.components.keys()),
            Reference::Decision(id) if !book.decisions.contains_key(id) => nearest(id, book.decisions.keys()),
            Reference::Workaround(id) if !book.workarounds.contains_key(id) => nearest(id, book.workarounds.keys()),
            Reference::Workflow(id) if !book.workflows.contains_key(id) => nearest(id, book.workflows.keys()),
            Reference::Runbook(slug, _) if !self.anchors.contains_key(slug) => {
                return self.unread(Reference::Runbook(slug.clone(), None), nearest(slug, self.anchors.keys()));
            }
            Reference::Runbook(slug, Some(section)) => {
                let sections = self.anchors.get(slug)?;
                if sections.contains(section) {
                    return None;
                }
                nearest(section, sections)
            }
            Reference::Step(workflow, step) | Reference::Failure(workflow, step, _) => {
                let Some(found) = book.workflows.get(workflow) else {
                    return self.missing(&Reference::Workflow(workflow.clone()));
                };
                match (found.step(step), reference) {
                    (None, _) => {
                        let meant = nearest(step, found.steps.iter().map(|s| &s.id));
                        let step = Reference::Step(workflow.clone(), step.clone());
                        return Some(with_suggestion(absent(&step), meant));
                    }
                    (Some(step), Reference::Failure(_, _, point)) => {
                        let mut points = step.failure_points.iter().map(|p| &p.id);
                        if points.clone().any(|p| p == point) {
                            return None;
                        }
                        nearest(point, &mut points)
                    }
                    (Some(_), _) => return None,
                }
            }
            _ => return None,
        };
        self.unread(reference.clone(), meant)
    }

    fn unread(&self, reference: Reference, meant: Option<&str>) -> Option<String> {
        (!self.places.knows(&reference)).then(|| with_suggestion(absent(&reference), meant))
    }
}

/// Adds `; did you mean "…"?` when there is something to suggest.
pub fn with_suggestion(sentence: String, meant: Option<&str>) -> String {
    match meant {
        Some(meant) => format!("{sentence}; did you mean \"{meant}\"?"),
        None => sentence,
    }
}

/// The name that was probably meant: at most one wrong letter in four, two in a short one.
pub fn nearest<'n>(
    written: &str,
    names: impl IntoIterator<Item = &'n (impl AsRef<str> + ?Sized + 'n)>,
) -> Option<&'n str> {
    // Comparing costs the product of the lengths, and nobody mistypes a name that is this long.
    let short = |name: &str| name.len() <= 100;
    if !short(written) {
        return None;
    }
    let lower = written.to_lowercase();
    names
        .into_iter()
        .map(AsRef::as_ref)
        .filter(|name: &&str| short(name))
        .map(|name| (strsim::damerau_levenshtein(&lower, &name.to_lowercase()), name))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, name)| {
            let letters = name.chars().count();
            *distance < letters && *distance <= (letters / 4).max(2)
        })
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_suggested_and_a_far_one_is_not() {
        let names = ["finish_within", "start_every", "active"];
        assert_eq!(nearest("finish_wihtin", &names), Some("finish_within"));
        assert_eq!(nearest("Finish_Within", &names), Some("finish_within"));
        assert_eq!(nearest("colour", &names), None);
        assert_eq!(nearest("x", &["id", "name"]), None);
        assert_eq!(nearest(&"a".repeat(1_000_000), &names), None);
    }
}
