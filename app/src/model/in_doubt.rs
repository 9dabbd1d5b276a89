//! Which words and which steps of a section a change puts in doubt: those that speak of it most closely.

use std::collections::BTreeSet;

use super::mention::{Fact, Target};
use super::review::{Difference, holds_word, old_word};
use super::runbook::{Section, StepItem};

/// What of a section is in doubt.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InDoubt {
    /// Words in its text that say what a reviewer saw and that is otherwise now. Facts are not among them: they show by
    /// themselves whether they hold.
    pub words: BTreeSet<String>,
    /// The numbers of the steps that speak of something that is otherwise now.
    pub steps: BTreeSet<usize>,
}

/// What of a section these changes put in doubt. A step is in doubt where it states the changed value as a fact; where
/// the section does not, where it holds the old value as a word; where that stands nowhere either, where it links to
/// the part.
pub fn in_doubt(section: &Section, differences: &[Difference]) -> InDoubt {
    let mut found = InDoubt::default();
    for change in differences {
        let states = |fact: &Fact| fact.subject == change.subject && fact.path == change.field;
        let speaks: &dyn Fn(&StepItem) -> bool = if section.facts.iter().any(states) {
            &|step| step.targets.iter().any(|target| matches!(target, Target::Fact(fact) if states(fact)))
        } else if let Some(old) = old_word(change, &section.text) {
            found.words.insert(old.to_owned());
            &move |step| holds_word(&step.text, old)
        } else {
            &|step| step.targets.iter().any(|target| matches!(target, Target::Part(part) if *part == change.subject))
        };
        found.steps.extend(section.steps.iter().filter(|step| speaks(step)).map(|step| step.index));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::markdown::parse;
    use crate::model::reference::Reference;

    fn changed(subject: &str, field: &str, before: &str, after: &str) -> Difference {
        Difference {
            subject: Reference::parse(subject).unwrap(),
            field: field.into(),
            before: before.into(),
            after: after.into(),
        }
    }

    fn of(text: &str, change: Difference) -> (Vec<String>, Vec<usize>) {
        let read = parse(text).unwrap();
        let found = in_doubt(&read.sections[0], &[change]);
        (found.words.into_iter().collect(), found.steps.into_iter().collect())
    }

    const TRIES: &str = "fact:step:w/push?retry.max_attempts=6";

    #[test]
    fn a_step_that_states_the_changed_value_is_in_doubt_and_the_others_are_not() {
        let text =
            format!("- [ ] Look at [the push](step:w/push).\n- [ ] Wait for [6 tries]({TRIES}).\n- [ ] Call 6.\n");
        assert_eq!(of(&text, changed("step:w/push", "retry.max_attempts", "6", "8")), (vec![], vec![2]));
    }

    #[test]
    fn without_a_fact_the_old_value_as_a_word_says_which_step() {
        let text = "- [ ] Look at [the push](step:w/push).\n- [ ] Wait 5m, then 15m.\n- [ ] Wait 25m.\n";
        assert_eq!(of(text, changed("step:w/push", "finish_within", "5m", "8m")), (vec!["5m".into()], vec![2]));
    }

    #[test]
    fn where_the_old_value_stands_nowhere_the_steps_that_link_to_the_part_are_in_doubt() {
        let text = "Of [the push](step:w/push).\n\n- [ ] Look at [the push](step:w/push).\n- [ ] Call the desk.\n";
        assert_eq!(of(text, changed("step:w/push", "component", "erp", "crm")), (vec![], vec![1]));
        assert_eq!(of(text, changed("step:w/take", "component", "erp", "crm")), (vec![], vec![]));
    }

    #[test]
    fn a_value_that_came_to_be_puts_no_word_in_doubt() {
        let text = "Wait.\n\n- [ ] Look at [the push](step:w/push).\n";
        assert_eq!(of(text, changed("step:w/push", "finish_within", "", "8m")), (vec![], vec![1]));
    }
}
