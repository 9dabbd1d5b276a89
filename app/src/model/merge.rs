//! Two people wrote from one text: what both did, put together, and where they did different things to the same words.
//!
//! What comes out is a text that can be saved, with mine where both clash, which is told beside it; where neither text is
//! mine, `both` cuts the three texts in the same way and leaves both in the text.

use std::ops::Range;

use serde::Serialize;

use super::compare::align::{Stretch, align, tokens};

/// What two people made of one text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Merged {
    /// Both texts in one. Where they clash it has mine; where both added something in one place, theirs and then mine.
    pub text: String,
    /// Where they clash, in order.
    pub clashes: Vec<Clash>,
}

/// A place where both did something else to the same words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Clash {
    /// The lines that both started from; empty where both added something.
    pub base: String,
    /// What they made of them.
    pub theirs: String,
    /// What I made of them.
    pub mine: String,
    /// Whether both are in the merged text, one after the other.
    pub both_kept: bool,
}

/// Merges two texts that were written from `base`: line by line, and within lines that both changed word by word.
pub fn merge(base: &str, theirs: &str, mine: &str) -> Merged {
    let is_ended = |text: &str| text.is_empty() || text.ends_with('\n');
    let ended = |text: &str| if is_ended(text) { text.to_owned() } else { format!("{text}\n") };
    // A last line without an end is the same line as one with it; who changed that decides how the text ends.
    let ends = if is_ended(mine) == is_ended(base) { is_ended(theirs) } else { is_ended(mine) };
    let texts = (ended(base), ended(theirs), ended(mine));
    let mut merged = merge_lines(&lines(&texts.0), &lines(&texts.1), &lines(&texts.2));
    if !ends && merged.text.ends_with('\n') {
        merged.text.pop();
    }
    merged
}

fn merge_lines(base: &[&str], theirs: &[&str], mine: &[&str]) -> Merged {
    let mut merged = Merged { text: String::new(), clashes: Vec::new() };
    for region in regions(base, theirs, mine, |between| between.is_empty()) {
        let [b, t, m] = region.texts(base, theirs, mine);
        match settled(&b, &t, &m) {
            Some(text) => merged.text.push_str(text),
            None if b.is_empty() => {
                merged.text.push_str(&t);
                merged.text.push_str(&m);
                merged.clashes.push(Clash { base: b, theirs: t, mine: m, both_kept: true });
            }
            None => {
                let (text, clean) = words(&b, &t, &m);
                merged.text.push_str(&text);
                if !clean {
                    merged.clashes.push(Clash { base: b, theirs: t, mine: m, both_kept: false });
                }
            }
        }
    }
    merged
}

/// What stands in a place that not both changed, or both in the same way.
fn settled<'t>(base: &str, theirs: &'t str, mine: &'t str) -> Option<&'t str> {
    match () {
        () if theirs == mine || theirs == base => Some(mine),
        () if mine == base => Some(theirs),
        () => None,
    }
}

/// Merges word by word; where that is not possible it has mine. Says whether it was possible everywhere.
fn words(base: &str, theirs: &str, mine: &str) -> (String, bool) {
    let (base, theirs, mine) = (tokens(base), tokens(theirs), tokens(mine));
    let (mut text, mut clean) = (String::new(), true);
    // Two changed words with nothing but a space between are one change of meaning.
    let near = |between: &[&str]| between.iter().all(|token| token.trim().is_empty());
    for region in regions(&base, &theirs, &mine, near) {
        let [b, t, m] = region.texts(&base, &theirs, &mine);
        match settled(&b, &t, &m) {
            Some(settled) => text.push_str(settled),
            None => {
                text.push_str(&m);
                clean = false;
            }
        }
    }
    (text, clean)
}

fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// The same place in three texts.
pub(super) struct Region {
    pub(super) base: Range<usize>,
    pub(super) theirs: Range<usize>,
    pub(super) mine: Range<usize>,
}

impl Region {
    fn texts(&self, base: &[&str], theirs: &[&str], mine: &[&str]) -> [String; 3] {
        [base[self.base.clone()].concat(), theirs[self.theirs.clone()].concat(), mine[self.mine.clone()].concat()]
    }
}

/// A change of one side: what it takes away from the base, and what it puts there.
type Hunk = (Range<usize>, Range<usize>);

fn hunks(base: &[&str], side: &[&str]) -> Vec<Hunk> {
    let changes = align(base, side).into_iter().filter_map(|stretch| match stretch {
        Stretch::Differs { old, new } => Some((old, new)),
        Stretch::Same { .. } => None,
    });
    changes.collect()
}

/// Cuts three texts into places that belong together; changes with nothing of weight between them are one place.
pub(super) fn regions(base: &[&str], theirs: &[&str], mine: &[&str], near: impl Fn(&[&str]) -> bool) -> Vec<Region> {
    let (mut left, mut right) = (hunks(base, theirs).into_iter().peekable(), hunks(base, mine).into_iter().peekable());
    let mut regions = Vec::new();
    // How far each text has been cut.
    let (mut at, mut at_theirs, mut at_mine) = (0, 0, 0);
    loop {
        let starts = [left.peek(), right.peek()].into_iter().flatten().map(|(range, _)| range.start);
        let Some(start) = starts.min() else { break };
        let (mut end, mut grew) = (start, true);
        // How much longer each side is than the base in this place.
        let (mut more_theirs, mut more_mine) = (0_isize, 0_isize);
        while grew {
            grew = false;
            for (side, more) in [(&mut left, &mut more_theirs), (&mut right, &mut more_mine)] {
                let belongs = |end: usize, (range, _): &Hunk| range.start <= end || near(&base[end..range.start]);
                while let Some((range, new)) = side.next_if(|hunk| belongs(end, hunk)) {
                    *more += new.len() as isize - range.len() as isize;
                    end = end.max(range.end);
                    grew = true;
                }
            }
        }
        let before = start - at;
        let (from_theirs, from_mine) = (at_theirs + before, at_mine + before);
        let ends = |from: usize, more: isize| from.saturating_add_signed((end - start) as isize + more);
        let region = Region {
            base: start..end,
            theirs: from_theirs..ends(from_theirs, more_theirs),
            mine: from_mine..ends(from_mine, more_mine),
        };
        regions.push(Region { base: at..start, theirs: at_theirs..from_theirs, mine: at_mine..from_mine });
        (at, at_theirs, at_mine) = (end, region.theirs.end, region.mine.end);
        regions.push(region);
    }
    regions.push(Region { base: at..base.len(), theirs: at_theirs..theirs.len(), mine: at_mine..mine.len() });
    regions
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_both_did_in_different_places_is_in_the_text_and_clashes_nowhere() {
        let merged = merge("a\nb\nc\nd\n", "A\nb\nc\nd\n", "a\nb\nc\nD\nE\n");
        assert_eq!((merged.text.as_str(), merged.clashes.len()), ("A\nb\nc\nD\nE\n", 0));
    }

    #[test]
    fn different_words_of_one_sentence_are_merged() {
        let merged = merge(
            "Wait 5 min, then call the night desk.\n",
            "Wait 9 min, then call the night desk.\n",
            "Wait 5 min, then call the duty desk.\n",
        );
        assert_eq!((merged.text.as_str(), merged.clashes.len()), ("Wait 9 min, then call the duty desk.\n", 0));
    }

    #[test]
    fn the_same_words_changed_twice_clash_and_mine_stand_in_the_text() {
        let merged = merge("Wait 5 min.\nCall.\n", "Wait 9 min.\nCall.\n", "Wait 7 min.\nCall them.\n");
        assert_eq!(merged.text, "Wait 7 min.\nCall them.\n");
        assert_eq!(merged.clashes.len(), 1);
        assert_eq!(
            (merged.clashes[0].base.as_str(), merged.clashes[0].theirs.as_str()),
            ("Wait 5 min.\nCall.\n", "Wait 9 min.\nCall.\n")
        );
    }

    #[test]
    fn two_items_added_in_one_place_are_both_kept_and_told() {
        let merged = merge("- a\n- z\n", "- a\n- b\n- z\n", "- a\n- c\n- z\n");
        assert_eq!(merged.text, "- a\n- b\n- c\n- z\n");
        assert!(merged.clashes[0].both_kept);
        // Also at the very end, where a text may stop without ending its line.
        assert_eq!(merge("- a", "- a\n- b", "- a\n- c").text, "- a\n- b\n- c");
    }

    #[test]
    fn neighbouring_words_changed_by_each_are_no_merge() {
        assert_eq!(merge("call night desk now", "call duty desk now", "call night phone now").clashes.len(), 1);
    }

    proptest! {
        #[test]
        fn what_one_alone_did_is_what_comes_out(base in "([a-c]{0,2}[ \n]){0,12}", other in "([a-c]{0,2}[ \n]){0,12}") {
            for merged in [merge(&base, &other, &base), merge(&base, &base, &other), merge(&base, &other, &other)] {
                prop_assert_eq!(&merged.text, &other);
                prop_assert_eq!(merged.clashes.len(), 0);
            }
        }

        #[test]
        fn without_a_clash_it_is_the_same_whoever_saved_first(
            base in "([a-c]{1,2}[ \n]){0,12}", one in "([a-c]{1,2}[ \n]){0,12}", two in "([a-c]{1,2}[ \n]){0,12}",
        ) {
            let (merged, other_way) = (merge(&base, &one, &two), merge(&base, &two, &one));
            prop_assert_eq!(merged.clashes.len(), other_way.clashes.len());
            if merged.clashes.is_empty() {
                prop_assert_eq!(merged.text, other_way.text);
            }
        }
    }
}
