//! Two sequences side by side: what both have in the same order, and what lies between. In bounded time.

use std::collections::HashMap;
use std::hash::Hash;
use std::ops::Range;

use similar::{Algorithm, DiffOp, capture_diff_slices};

/// A stretch of two sequences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stretch {
    /// So many items are the same, from these places on.
    Same {
        /// The first in the old sequence.
        old: usize,
        /// The first in the new sequence.
        new: usize,
        /// How many.
        len: usize,
    },
    /// What one has here and the other has not; one of the two may be empty.
    Differs {
        /// In the old sequence.
        old: Range<usize>,
        /// In the new sequence.
        new: Range<usize>,
    },
}

/// A stretch is aligned item by item while the product of its lengths is at most this.
const MOST: usize = 4_000_000;

/// How often a longer one is cut at items that stand once in both.
const DEEPEST: usize = 12;

/// Aligns two sequences. The stretches come in order and cover both; neighbours are never of one kind.
pub fn align<T: Hash + Eq>(old: &[T], new: &[T]) -> Vec<Stretch> {
    let mut numbers: HashMap<&T, u32> = HashMap::new();
    let mut number = |item| {
        let next = numbers.len() as u32;
        *numbers.entry(item).or_insert(next)
    };
    let old: Vec<u32> = old.iter().map(&mut number).collect();
    let new: Vec<u32> = new.iter().map(&mut number).collect();
    let mut out = Out { old: &old, new: &new, done: Vec::new() };
    out.align(0..old.len(), 0..new.len(), 0);
    out.done
}

struct Out<'s> {
    old: &'s [u32],
    new: &'s [u32],
    done: Vec<Stretch>,
}

impl Out<'_> {
    fn align(&mut self, old: Range<usize>, new: Range<usize>, depth: usize) {
        let both = self.old[old.clone()].iter().zip(&self.new[new.clone()]);
        let begin = both.take_while(|(a, b)| a == b).count();
        self.same(old.start, new.start, begin);
        let (old, new) = (old.start + begin..old.end, new.start + begin..new.end);
        let ends = self.old[old.clone()].iter().rev().zip(self.new[new.clone()].iter().rev());
        let end = ends.take_while(|(a, b)| a == b).count();
        let (old, new) = (old.start..old.end - end, new.start..new.end - end);
        self.middle(old.clone(), new.clone(), depth);
        self.same(old.end, new.end, end);
    }

    fn middle(&mut self, old: Range<usize>, new: Range<usize>, depth: usize) {
        if old.is_empty() || new.is_empty() {
            return self.differs(old, new);
        }
        if old.len() * new.len() <= MOST {
            for op in capture_diff_slices(Algorithm::Patience, &self.old[old.clone()], &self.new[new.clone()]) {
                let (o, n) = (op.old_range(), op.new_range());
                match op {
                    DiffOp::Equal { len, .. } => self.same(old.start + o.start, new.start + n.start, len),
                    _ => self.differs(old.start + o.start..old.start + o.end, new.start + n.start..new.start + n.end),
                }
            }
            return;
        }
        let anchors =
            if depth < DEEPEST { anchors(&self.old[old.clone()], &self.new[new.clone()]) } else { Vec::new() };
        if anchors.is_empty() {
            return self.differs(old, new);
        }
        let (mut from_old, mut from_new) = (old.start, new.start);
        for (o, n) in anchors {
            let (o, n) = (old.start + o, new.start + n);
            self.align(from_old..o, from_new..n, depth + 1);
            self.same(o, n, 1);
            (from_old, from_new) = (o + 1, n + 1);
        }
        self.align(from_old..old.end, from_new..new.end, depth + 1);
    }

    fn same(&mut self, old: usize, new: usize, len: usize) {
        match self.done.last_mut() {
            _ if len == 0 => {}
            Some(Stretch::Same { len: before, .. }) => *before += len,
            _ => self.done.push(Stretch::Same { old, new, len }),
        }
    }

    fn differs(&mut self, old: Range<usize>, new: Range<usize>) {
        match self.done.last_mut() {
            _ if old.is_empty() && new.is_empty() => {}
            Some(Stretch::Differs { old: o, new: n }) => (o.end, n.end) = (old.end, new.end),
            _ => self.done.push(Stretch::Differs { old, new }),
        }
    }
}

/// Items that stand once in both, as many as keep their order (patience diff).
fn anchors(old: &[u32], new: &[u32]) -> Vec<(usize, usize)> {
    let once = |items: &[u32]| {
        let mut places: HashMap<u32, Option<usize>> = HashMap::new();
        for (at, item) in items.iter().enumerate() {
            places.entry(*item).and_modify(|place| *place = None).or_insert(Some(at));
        }
        places
    };
    let in_new = once(new);
    let mut both: Vec<(usize, usize)> =
        once(old).into_iter().filter_map(|(item, at)| Some((at?, in_new.get(&item).copied().flatten()?))).collect();
    both.sort_unstable();
    // The longest run that rises: the last of each pile, and what lay on the pile before.
    let mut piles: Vec<usize> = Vec::new();
    let mut before = vec![None; both.len()];
    for (at, (_, place)) in both.iter().enumerate() {
        let pile = piles.partition_point(|top| both[*top].1 < *place);
        before[at] = pile.checked_sub(1).map(|below| piles[below]);
        if pile == piles.len() {
            piles.push(at);
        } else {
            piles[pile] = at;
        }
    }
    let mut run = Vec::new();
    let mut at = piles.last().copied();
    while let Some(here) = at {
        run.push(both[here]);
        at = before[here];
    }
    run.reverse();
    run
}

/// A text as words and the space between them; together they are the text.
pub fn tokens(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let space = first.is_whitespace();
        let end = rest.find(|c: char| c.is_whitespace() != space).unwrap_or(rest.len());
        let (token, after) = rest.split_at(end);
        found.push(token);
        rest = after;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_long_sequence_is_cut_where_something_stands_once_in_both() {
        let old: Vec<u32> = (0..4_000).map(|n| if n % 100 == 0 { 1_000_000 + n } else { n % 3 }).collect();
        let mut new = old.clone();
        new.insert(2_050, 7_777_777);
        new.remove(10);
        let stretches = align(&old, &new);
        let same: usize = stretches.iter().map(|s| if let Stretch::Same { len, .. } = s { *len } else { 0 }).sum();
        assert_eq!(same, 3_999, "{stretches:?}");
    }

    proptest! {
        #[test]
        fn stretches_cover_both_sequences_in_order(old in prop::collection::vec(0u8..6, 0..40), new in prop::collection::vec(0u8..6, 0..40)) {
            let (mut o, mut n) = (0, 0);
            for stretch in align(&old, &new) {
                match stretch {
                    Stretch::Same { old: from, new: to, len } => {
                        prop_assert_eq!((from, to), (o, n));
                        prop_assert_eq!(&old[o..o + len], &new[n..n + len]);
                        (o, n) = (o + len, n + len);
                    }
                    Stretch::Differs { old: left, new: right } => {
                        prop_assert_eq!((left.start, right.start), (o, n));
                        (o, n) = (left.end, right.end);
                    }
                }
            }
            prop_assert_eq!((o, n), (old.len(), new.len()));
        }

        #[test]
        fn words_and_spaces_together_are_the_text(text in any::<String>()) {
            prop_assert_eq!(tokens(&text).concat(), text);
        }
    }
}
