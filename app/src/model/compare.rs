//! What differs between two texts of a document, as a reader sees it: block by block, word by word.

pub mod align;
pub mod blocks;
mod moves;

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use similar::{ChangeTag, TextDiff};

use align::{Stretch, align, tokens};
use blocks::{Block, blocks};

/// One paragraph, heading, list item, table row, piece of code, or list of link targets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DiffBlock {
    /// `heading`, `text`, `item`, `row`, `code`; `link` for targets that differ behind the words just above.
    pub kind: &'static str,
    /// The words, each run with how it differs.
    pub words: Vec<(Difference, String)>,
    /// Set when it stands elsewhere in the other text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moved: Option<Moved>,
}

/// Which of its two places a moved block is shown at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Moved {
    /// Where it stood in the old text; its words are those of the old.
    Away,
    /// Where it stands in the new text; its words say what else became of it.
    Here,
}

/// How a run of words differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Difference {
    Same,
    Removed,
    Added,
}

impl DiffBlock {
    /// Whether nothing in it differs, its place included.
    pub fn same(&self) -> bool {
        self.moved.is_none() && self.words.iter().all(|(difference, _)| *difference == Difference::Same)
    }
}

/// Compares two markdown texts as rendered prose.
///
/// Blocks come in reading order. The runs that are the same or removed spell the old prose, the runs that are the same
/// or added the new one; a moved block spells the old where it is [`Moved::Away`] and the new where it is
/// [`Moved::Here`]. Only blocks of kind `link` stand beside the prose. Front matter counts as code, line by line.
///
/// The time it takes is bounded for texts of any size: what would take long to align is shown as removed and added.
pub fn compare(from_markdown: &str, to_markdown: &str) -> Vec<DiffBlock> {
    let (from, to) = (blocks(from_markdown), blocks(to_markdown));
    let mut side_by_side: Vec<Pair> = Vec::new();
    for stretch in align(&from, &to) {
        match stretch {
            Stretch::Same { old, new, len } => side_by_side.extend((0..len).map(|at| (Some(old + at), Some(new + at)))),
            Stretch::Differs { old, new } => {
                let (first_old, first_new) = (old.start, new.start);
                let found = pairs(&from[old], &to[new]);
                side_by_side
                    .extend(found.into_iter().map(|(o, n)| (o.map(|o| o + first_old), n.map(|n| n + first_new))));
            }
        }
    }
    let left: Vec<usize> = side_by_side.iter().filter_map(|pair| pair.0.filter(|_| pair.1.is_none())).collect();
    let came: Vec<usize> = side_by_side.iter().filter_map(|pair| pair.1.filter(|_| pair.0.is_none())).collect();
    let moved = moves::moves(&from, &to, &left, &came);
    let back: HashMap<usize, usize> = moved.iter().map(|(old, new)| (*new, *old)).collect();
    let mut out = Vec::new();
    for pair in side_by_side {
        match pair {
            (Some(o), Some(n)) if from[o] == to[n] => out.push(to[n].whole(Difference::Same)),
            (Some(o), Some(n)) => changed(&from[o], &to[n], None, &mut out),
            (Some(o), None) if moved.contains_key(&o) => {
                out.push(DiffBlock { moved: Some(Moved::Away), ..from[o].whole(Difference::Same) });
            }
            (Some(o), None) => out.push(from[o].whole(Difference::Removed)),
            (None, Some(n)) => match back.get(&n) {
                Some(o) => changed(&from[*o], &to[n], Some(Moved::Here), &mut out),
                None => out.push(to[n].whole(Difference::Added)),
            },
            (None, None) => {}
        }
    }
    out
}

/// How many words came and went between two texts, wherever they stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Amount {
    /// Words that only the new text has.
    pub added: usize,
    /// Words that only the old text has.
    pub removed: usize,
}

/// How much differs between two texts; in time that grows with their length alone.
pub fn amount(from_markdown: &str, to_markdown: &str) -> Amount {
    let (from, to) = (blocks(from_markdown), blocks(to_markdown));
    let mut words: HashMap<&str, i64> = HashMap::new();
    from.iter().flat_map(|b| b.text.split_whitespace()).for_each(|word| *words.entry(word).or_default() -= 1);
    to.iter().flat_map(|b| b.text.split_whitespace()).for_each(|word| *words.entry(word).or_default() += 1);
    let sum = |sign: i64| words.values().map(|n| (n * sign).max(0)).sum::<i64>() as usize;
    Amount { added: sum(1), removed: sum(-1) }
}

/// Above this many comparisons a rewritten stretch is shown as removed and added, instead of searched for likenesses.
const MOST_COMPARISONS: usize = 20_000;

/// And above this many bytes that they would look at together.
const MOST_COMPARED: usize = 40_000_000;

/// Whether each of these blocks may be compared with each of those.
fn can_be_compared<'b>(old: impl Iterator<Item = &'b Block>, new: impl Iterator<Item = &'b Block>) -> bool {
    let size = |(count, bytes): (usize, usize), block: &Block| (count + 1, bytes + block.text.len());
    let ((rows, old_bytes), (columns, new_bytes)) = (old.fold((0, 0), size), new.fold((0, 0), size));
    rows * columns <= MOST_COMPARISONS && columns * old_bytes + rows * new_bytes <= MOST_COMPARED
}

/// Two blocks are versions of one when at least this share of their words is common.
const ALIKE: f64 = 0.4;

type Pair = (Option<usize>, Option<usize>);

/// Puts old and new blocks side by side, in order, so that the likeness of the pairs is greatest.
fn pairs(old: &[Block], new: &[Block]) -> Vec<Pair> {
    let (rows, columns) = (old.len(), new.len());
    let apart = || (0..rows).map(|o| (Some(o), None)).chain((0..columns).map(|n| (None, Some(n)))).collect();
    if rows * columns == 0 || !can_be_compared(old.iter(), new.iter()) {
        return apart();
    }
    let like: Vec<Vec<f64>> = old.iter().map(|o| new.iter().map(|n| likeness(o, n)).collect()).collect();
    // best[o][n]: the greatest likeness in all of what comes from old block `o` and new block `n` on.
    let mut best = vec![vec![0.0_f64; columns + 1]; rows + 1];
    for o in (0..rows).rev() {
        for n in (0..columns).rev() {
            best[o][n] = best[o + 1][n].max(best[o][n + 1]).max(like[o][n] + best[o + 1][n + 1]);
        }
    }
    let (mut o, mut n, mut out) = (0, 0, Vec::new());
    while o < rows || n < columns {
        if o < rows && n < columns && like[o][n] > 0.0 && best[o][n] == like[o][n] + best[o + 1][n + 1] {
            out.push((Some(o), Some(n)));
            (o, n) = (o + 1, n + 1);
        } else if o < rows && (n == columns || best[o][n] == best[o + 1][n]) {
            out.push((Some(o), None));
            o += 1;
        } else {
            out.push((None, Some(n)));
            n += 1;
        }
    }
    out
}

/// The share of words that two blocks have in common, 0 to 1; 0 when too few, or when they are of different kinds.
fn likeness(old: &Block, new: &Block) -> f64 {
    if old.kind != new.kind {
        return 0.0;
    }
    let count = |text: &str| text.split_whitespace().count();
    let mut words: BTreeMap<&str, usize> = BTreeMap::new();
    old.text.split_whitespace().for_each(|w| *words.entry(w).or_default() += 1);
    let common = new.text.split_whitespace().filter(|w| {
        words.get_mut(w).is_some_and(|left| {
            let found = *left > 0;
            *left = left.saturating_sub(1);
            found
        })
    });
    let share = 2.0 * common.count() as f64 / (count(&old.text) + count(&new.text)).max(1) as f64;
    if share >= ALIKE || old.text == new.text { share.max(ALIKE) } else { 0.0 }
}

/// Writes down how one block became another: its words, then its targets where they differ.
fn changed(old: &Block, new: &Block, moved: Option<Moved>, out: &mut Vec<DiffBlock>) {
    out.push(DiffBlock { kind: new.kind, words: word_by_word(&old.text, &new.text), moved });
    let targets = targets(&old.targets, &new.targets);
    if !targets.is_empty() {
        out.push(DiffBlock { kind: "link", words: targets, moved: None });
    }
}

/// The targets that only one of the two has, each as often as it is more.
fn targets(old: &[String], new: &[String]) -> Vec<(Difference, String)> {
    let mut balance: BTreeMap<&str, i64> = BTreeMap::new();
    old.iter().for_each(|t| *balance.entry(t).or_default() -= 1);
    new.iter().for_each(|t| *balance.entry(t).or_default() += 1);
    let side = |wanted: Difference, sign: i64| {
        balance
            .iter()
            .filter(move |(_, n)| n.signum() == sign)
            .map(move |(t, _)| (wanted, (*t).to_owned()))
            .collect::<Vec<_>>()
    };
    [side(Difference::Removed, -1), side(Difference::Added, 1)].concat()
}

/// Above this many words of one text times words of the other, they are aligned more coarsely.
const MOST_WORDS: usize = 1_000_000;

/// Compares two plain texts word by word; neighbouring changes with only space between are one change.
pub fn word_by_word(old: &str, new: &str) -> Vec<(Difference, String)> {
    let mut runs = Runs::default();
    let (old_words, new_words) = (tokens(old), tokens(new));
    if old_words.len() * new_words.len() > MOST_WORDS {
        for stretch in align(&old_words, &new_words) {
            match stretch {
                Stretch::Same { old, len, .. } => old_words[old..old + len].iter().for_each(|word| runs.same(word)),
                Stretch::Differs { old, new } => {
                    runs.change(&old_words[old].concat(), "");
                    runs.change("", &new_words[new].concat());
                }
            }
        }
    } else {
        for change in TextDiff::from_words(old, new).iter_all_changes() {
            let word = *change.value_ref();
            match change.tag() {
                ChangeTag::Delete => runs.change(word, ""),
                ChangeTag::Insert => runs.change("", word),
                ChangeTag::Equal => runs.same(word),
            }
        }
    }
    runs.settle();
    runs.done
}

/// Runs of words while they are put together.
#[derive(Default)]
struct Runs {
    done: Vec<(Difference, String)>,
    removed: String,
    added: String,
    /// Space after a change, of which it is not known yet whether another change follows.
    space: String,
}

impl Runs {
    fn change(&mut self, removed: &str, added: &str) {
        let space = std::mem::take(&mut self.space);
        self.removed = format!("{}{space}{removed}", self.removed);
        self.added = format!("{}{space}{added}", self.added);
    }

    fn same(&mut self, word: &str) {
        let swapped = !self.removed.is_empty() && !self.added.is_empty();
        if swapped && word.trim().is_empty() {
            self.space.push_str(word);
            return;
        }
        self.settle();
        self.push(Difference::Same, word.to_owned());
    }

    fn settle(&mut self) {
        let (removed, added) = (std::mem::take(&mut self.removed), std::mem::take(&mut self.added));
        let space = std::mem::take(&mut self.space);
        self.push(Difference::Removed, removed);
        self.push(Difference::Added, added);
        self.push(Difference::Same, space);
    }

    fn push(&mut self, difference: Difference, words: String) {
        match self.done.last_mut() {
            _ if words.is_empty() => {}
            Some((last, text)) if *last == difference => text.push_str(&words),
            _ => self.done.push((difference, words)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Difference::{Added, Removed, Same};
    use super::*;
    use proptest::prelude::*;

    fn words(block: &DiffBlock) -> Vec<(Difference, &str)> {
        block.words.iter().map(|(d, w)| (*d, w.as_str())).collect()
    }

    #[test]
    fn a_changed_number_is_marked_and_the_words_around_it_are_not() {
        let diff = compare("It tries 6 times.", "It tries 8 times.");
        assert_eq!(diff.len(), 1);
        assert_eq!(words(&diff[0]), [(Same, "It tries "), (Removed, "6"), (Added, "8"), (Same, " times.")]);
    }

    #[test]
    fn neighbouring_changes_read_as_one_phrase() {
        let diff = compare("Call the night desk on weekdays now.", "Call the duty phone at weekends now.");
        assert_eq!(
            words(&diff[0]),
            [
                (Same, "Call the "),
                (Removed, "night desk on weekdays"),
                (Added, "duty phone at weekends"),
                (Same, " now.")
            ]
        );
    }

    #[test]
    fn an_inserted_step_leaves_its_neighbours_alone() {
        let diff = compare("- Look at the queue\n- Call the desk", "- Look at the queue\n- Wait\n- Call the desk");
        let marks: Vec<_> = diff.iter().map(|b| (b.kind, b.words[0].0)).collect();
        assert_eq!(marks, [("item", Same), ("item", Added), ("item", Same)]);
    }

    #[test]
    fn markup_is_not_a_difference_because_readers_do_not_see_it() {
        assert!(compare("Call the **duty** desk", "Call the _duty_ desk").iter().all(DiffBlock::same));
    }

    #[test]
    fn a_link_that_leads_elsewhere_is_shown_below_unchanged_words() {
        let diff = compare("See [the queue](component:a).", "See [the queue](component:b).");
        assert!(diff[0].same());
        assert_eq!(diff[1].kind, "link");
        assert_eq!(words(&diff[1]), [(Removed, "component:a"), (Added, "component:b")]);
    }

    #[test]
    fn a_paragraph_that_became_a_heading_is_removed_and_added() {
        let diff = compare("Background", "## Background");
        let marks: Vec<_> = diff.iter().map(|b| (b.kind, b.words[0].0)).collect();
        assert_eq!(marks, [("text", Removed), ("heading", Added)]);
    }

    #[test]
    fn a_table_is_compared_row_by_row_and_front_matter_line_by_line() {
        let table =
            |last: &str| format!("---\ntitle: A\nowner: {last}\n---\n\n| a | b |\n|---|---|\n| one | {last} |\n");
        let diff = compare(&table("x"), &table("y"));
        let changed: Vec<_> = diff.iter().filter(|b| !b.same()).map(|b| b.kind).collect();
        assert_eq!(changed, ["code", "row"]);
        assert_eq!(words(&diff[3]), [(Same, "one | "), (Removed, "x"), (Added, "y")]);
    }

    #[test]
    fn a_document_compared_with_itself_does_not_differ() {
        let text = include_str!("../../../runbooks/guides/erp-refuses-orders.md");
        let diff = compare(text, text);
        assert!(diff.len() > 30 && diff.iter().all(DiffBlock::same));
    }

    #[test]
    fn a_moved_paragraph_is_moved_and_not_removed_and_added() {
        let [one, two, three] = ["Look at the queue first.", "Then call the duty desk.", "Write down what you saw."];
        let diff = compare(&[one, two, three].join("\n\n"), &[three, one, two].join("\n\n"));
        let told: Vec<_> = diff.iter().map(|b| (b.moved, b.words[0].1.as_str())).collect();
        assert_eq!(told, [(Some(Moved::Here), three), (None, one), (None, two), (Some(Moved::Away), three)]);
        assert!(diff.iter().all(|b| b.words.iter().all(|(d, _)| *d == Same)));
    }

    #[test]
    fn what_changed_in_a_moved_paragraph_is_marked_in_its_new_place() {
        let stays = "Look at the queue first, and at the queue behind it, and at the third one.";
        let old = format!("{stays}\n\n{stays} Again.\n\nThen call the duty desk before six in the morning.");
        let new = format!("Then call the duty desk before seven in the morning.\n\n{stays}\n\n{stays} Again.");
        let diff = compare(&old, &new);
        assert_eq!(diff[0].moved, Some(Moved::Here));
        assert_eq!(
            words(&diff[0]),
            [(Same, "Then call the duty desk before "), (Removed, "six"), (Added, "seven"), (Same, " in the morning.")]
        );
    }

    #[test]
    fn the_amount_counts_words_that_came_and_went_and_not_those_that_moved() {
        assert_eq!(
            amount("It tries 6 times.\n\nWait.", "Wait.\n\nIt tries 8 or 9 times."),
            Amount { added: 3, removed: 1 }
        );
        assert_eq!(amount("a\n\nb", "b\n\na"), Amount::default());
    }

    #[test]
    fn texts_of_any_size_are_compared_in_bounded_time() {
        let rows = |from: usize| {
            (from..from + 10_000)
                .fold("| a | b |\n|---|---|\n".to_owned(), |t, n| t + &format!("| row {n} | {} |\n", n % 7))
        };
        let words = |step: usize| (0..60_000).map(|n| format!("w{} ", n * step % 59_999)).collect::<String>();
        let lines = |step: usize| (0..20_000).map(|n| format!("- item {}\n", n * step % 19_997)).collect::<String>();
        for (old, new) in [
            (rows(0), rows(5_000)),
            (words(1), words(7)),
            (lines(1), lines(11)),
            ("a\n\n".repeat(50_000), "b a\n\n".repeat(50_000)),
        ] {
            let start = std::time::Instant::now();
            let diff = compare(&old, &new);
            let took = start.elapsed();
            assert!(took.as_secs() < 20 && !diff.is_empty(), "{took:?} for {}", &old[..30]);
        }
    }

    fn spell(diff: &[DiffBlock], unwanted: Difference) -> String {
        let elsewhere = if unwanted == Added { Moved::Here } else { Moved::Away };
        let prose = diff.iter().filter(|b| b.kind != "link" && b.moved != Some(elsewhere)).flat_map(|b| &b.words);
        prose.filter(|(d, _)| *d != unwanted).map(|(_, w)| w.as_str()).collect()
    }

    fn plain(markdown: &str) -> String {
        blocks(markdown).iter().map(|b| b.text.as_str()).collect()
    }

    proptest! {
        #[test]
        fn what_is_kept_and_removed_is_the_old_text_and_what_is_kept_and_added_the_new(
            old in "([a-c ]{0,12}(\n|\n\n|\n- |\n> |\n# |[*`\\[\\]()|<]|\n```\n)){0,12}",
            new in "([a-c ]{0,12}(\n|\n\n|\n- |\n> |\n# |[*`\\[\\]()|<]|\n```\n)){0,12}",
        ) {
            let diff = compare(&old, &new);
            prop_assert_eq!(spell(&diff, Added), plain(&old));
            prop_assert_eq!(spell(&diff, Removed), plain(&new));
        }
    }
}
