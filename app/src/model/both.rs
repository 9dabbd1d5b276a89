//! Two texts that come from one are put together again, line by line; where both changed the same, both stand there.
//!
//! It is cut as `merge` cuts it. What differs is who decides: there one person saves and is shown beside the text what
//! clashes; here neither the file nor the browser is mine, so the text itself cannot be saved before somebody has.

use super::compare::align::{Stretch, align};
use super::merge::{Region, regions};

/// The line before what the first text has where both differ.
pub const BEGIN: &str = "<<<<<<< saved in the browser";
/// The line between the two.
pub const MIDDLE: &str = "=======";
/// The line after what the second text has.
pub const END: &str = ">>>>>>> in the file";

/// Two texts put together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Together {
    /// The text; where both changed the same lines, both are in it between [`BEGIN`], [`MIDDLE`] and [`END`].
    pub text: String,
    /// How many such places there are.
    pub conflicts: usize,
}

/// Puts together what was done to `before` in `mine` and in `theirs`.
///
/// Without `before`, lines that both have are taken as what was there. The rule is that of diff3 (Khanna, Kunal and
/// Pierce, "A Formal Investigation of Diff3", 2007): between lines that all three share, what only one changed is
/// taken, and what both changed otherwise is a conflict.
pub fn both_together(before: Option<&str>, mine: &str, theirs: &str) -> Together {
    let (a, b) = (lines(mine), lines(theirs));
    let shared: Vec<&str> = match before {
        Some(before) => lines(before),
        None => in_both(&a, &b),
    };
    let mut out: Vec<&str> = Vec::new();
    let mut conflicts = 0;
    for Region { base, theirs, mine } in regions(&shared, &b, &a, |between| between.is_empty()) {
        let (was, ours, others) = (&shared[base], &a[mine], &b[theirs]);
        if ours == was || ours == others {
            out.extend(others);
        } else if others == was {
            out.extend(ours);
        } else {
            conflicts += 1;
            out.push(BEGIN);
            out.extend(ours);
            out.push(MIDDLE);
            out.extend(others);
            out.push(END);
        }
    }
    let mut text = out.join("\n");
    if !text.is_empty() {
        text.push('\n');
    }
    Together { text, conflicts }
}

/// The line, from 1, on which a mark of [`both_together`] is left.
pub fn mark_left(text: &str) -> Option<usize> {
    text.lines().position(|line| [BEGIN, END].contains(&line.trim_end())).map(|at| at + 1)
}

/// The lines, from 1, on which a place begins that both changed.
pub fn places(text: &str) -> Vec<usize> {
    let lines = text.lines().enumerate();
    lines.filter(|(_, line)| line.trim_end() == BEGIN).map(|(at, _)| at + 1).collect()
}

fn lines(text: &str) -> Vec<&str> {
    text.lines().collect()
}

/// The lines that two texts have in the same order.
fn in_both<'t>(a: &[&'t str], b: &[&'t str]) -> Vec<&'t str> {
    let same = align(a, b).into_iter().filter_map(|stretch| match stretch {
        Stretch::Same { old, len, .. } => Some(old..old + len),
        Stretch::Differs { .. } => None,
    });
    same.flat_map(|lines| &a[lines]).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_only_one_changed_is_taken_from_that_one() {
        let merged = both_together(Some("a\nb\nc\nd\n"), "a\nB\nc\nd\n", "a\nb\nc\nd\ne\n");
        assert_eq!(merged, Together { text: "a\nB\nc\nd\ne\n".into(), conflicts: 0 });
    }

    #[test]
    fn what_both_changed_otherwise_stands_there_twice_between_marks() {
        let merged = both_together(Some("a\nb\nc\n"), "a\nmine\nc\n", "a\ntheirs\nc\n");
        assert_eq!(merged.text, format!("a\n{BEGIN}\nmine\n{MIDDLE}\ntheirs\n{END}\nc\n"));
        assert_eq!((merged.conflicts, mark_left(&merged.text)), (1, Some(2)));
        assert_eq!(mark_left("=======\n<<<<<<< HEAD\n"), None);
        let twice = both_together(Some("a\nb\nc\n"), "1\nb\n2\n", "3\nb\n4\n");
        assert_eq!((places(&twice.text), twice.conflicts), (vec![1, 7], 2));
    }

    #[test]
    fn without_a_common_text_what_both_have_counts_as_common() {
        let merged = both_together(None, "a\nmine\nc\n", "a\ntheirs\nc\nd\n");
        assert_eq!(merged.text, format!("a\n{BEGIN}\nmine\n{MIDDLE}\ntheirs\n{END}\nc\nd\n"));
    }

    #[test]
    fn very_long_texts_are_put_together_in_bounded_time() {
        let long = |word: &str| (0..100_000).map(|n| format!("{word} {n}\n")).collect::<String>();
        let merged = both_together(Some(&long("a")), &long("b"), &long("c"));
        assert_eq!((merged.conflicts, merged.text.lines().count()), (1, 200_003));
        let near = long("a").replace("a 50000\n", "mine\n");
        assert_eq!(both_together(Some(&long("a")), &near, &long("a")).text, near);
    }

    fn text() -> impl Strategy<Value = String> {
        "([abc]\n){0,12}"
    }

    proptest! {
        #[test]
        fn who_changed_nothing_is_no_hindrance(before in text(), other in text()) {
            prop_assert_eq!(both_together(Some(&before), &other, &before), Together { text: other.clone(), conflicts: 0 });
            prop_assert_eq!(both_together(Some(&before), &before, &other), Together { text: other.clone(), conflicts: 0 });
            prop_assert_eq!(both_together(Some(&before), &other, &other), Together { text: other.clone(), conflicts: 0 });
        }

        #[test]
        fn no_line_that_one_wrote_is_lost(before in text(), mine in "([abcx]\n){0,12}", theirs in "([abcy]\n){0,12}") {
            let merged = both_together(Some(&before), &mine, &theirs).text;
            for (letter, text) in [("x\n", &mine), ("y\n", &theirs)] {
                prop_assert_eq!(merged.matches(letter).count(), text.matches(letter).count());
            }
        }
    }
}
