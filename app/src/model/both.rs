//! Two texts that come from one are put together again, line by line; where both changed the same, both stand there.

use similar::{Algorithm, DiffOp, capture_diff_slices};

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
        None => kept(&a, &b).iter().zip(&a).filter_map(|(there, line)| there.map(|_| *line)).collect(),
    };
    let (in_a, in_b) = (kept(&shared, &a), kept(&shared, &b));
    let mut out: Vec<&str> = Vec::new();
    let mut conflicts = 0;
    let (mut o, mut i, mut j) = (0, 0, 0);
    while o < shared.len() || i < a.len() || j < b.len() {
        if o < shared.len() && in_a[o] == Some(i) && in_b[o] == Some(j) {
            out.push(shared[o]);
            (o, i, j) = (o + 1, i + 1, j + 1);
            continue;
        }
        // Up to the next line that all three share.
        let next = (o..shared.len()).find_map(|n| Some((n, in_a[n]?, in_b[n]?)));
        let (to_o, to_i, to_j) = next.unwrap_or((shared.len(), a.len(), b.len()));
        let (was, ours, others) = (&shared[o..to_o], &a[i..to_i], &b[j..to_j]);
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
        (o, i, j) = (to_o, to_i, to_j);
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

/// Between the lines that two texts begin and end with alike, more than these are not compared: that would take the
/// product of both.
const MOST_COMPARED: usize = 5_000;

/// For each line of `from`, where it still stands in `to`.
fn kept(from: &[&str], to: &[&str]) -> Vec<Option<usize>> {
    let start = from.iter().zip(to).take_while(|(a, b)| a == b).count();
    let ends = from[start..].iter().rev().zip(to[start..].iter().rev());
    let end = ends.take_while(|(a, b)| a == b).count();
    let mut kept = vec![None; from.len()];
    (0..start).for_each(|n| kept[n] = Some(n));
    (1..=end).for_each(|n| kept[from.len() - n] = Some(to.len() - n));
    let (old, new) = (&from[start..from.len() - end], &to[start..to.len() - end]);
    if old.len().max(new.len()) > MOST_COMPARED {
        return kept;
    }
    for op in capture_diff_slices(Algorithm::Myers, old, new) {
        if let DiffOp::Equal { old_index, new_index, len } = op {
            (0..len).for_each(|n| kept[start + old_index + n] = Some(start + new_index + n));
        }
    }
    kept
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
