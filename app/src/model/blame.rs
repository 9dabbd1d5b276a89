//! Whose words they are: each block of a text with the version that it has been so since.

use std::collections::{HashMap, VecDeque};

use super::compare::align::{Stretch, align};
use super::compare::blocks::{Block, blocks};

/// A text, block by block, with the version that each came with. It grows by one version at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blame {
    /// The version that it is about.
    pub version: i64,
    blocks: Vec<(Block, i64)>,
}

/// Neighbouring blocks that came with one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    /// The version.
    pub version: i64,
    /// The blocks: kind as in [`super::compare::DiffBlock`], and words.
    pub blocks: Vec<(&'static str, String)>,
}

impl Blame {
    /// All of a text came with this version, or was there before it.
    pub fn begin(version: i64, text: &str) -> Self {
        Self { version, blocks: blocks(text).into_iter().map(|block| (block, version)).collect() }
    }

    /// The next version: what it has as it was, also in another place, stays whose it was.
    #[must_use]
    pub fn then(self, version: i64, text: &str) -> Self {
        let new = blocks(text);
        let (old, since): (Vec<Block>, Vec<i64>) = self.blocks.into_iter().unzip();
        let mut came = vec![version; new.len()];
        let mut left: HashMap<&Block, VecDeque<i64>> = HashMap::new();
        let mut fresh = Vec::new();
        for stretch in align(&old, &new) {
            match stretch {
                Stretch::Same { old: o, new: n, len } => came[n..n + len].copy_from_slice(&since[o..o + len]),
                Stretch::Differs { old: o, new: n } => {
                    o.for_each(|o| left.entry(&old[o]).or_default().push_back(since[o]));
                    fresh.extend(n);
                }
            }
        }
        for n in fresh {
            if let Some(since) = left.get_mut(&new[n]).and_then(VecDeque::pop_front) {
                came[n] = since;
            }
        }
        Self { version, blocks: new.into_iter().zip(came).collect() }
    }

    /// The text in order, cut where the version changes.
    pub fn passages(&self) -> Vec<Passage> {
        let mut passages: Vec<Passage> = Vec::new();
        for (block, version) in &self.blocks {
            let words = (block.kind, block.text.clone());
            match passages.last_mut().filter(|last| last.version == *version) {
                Some(last) => last.blocks.push(words),
                None => passages.push(Passage { version: *version, blocks: vec![words] }),
            }
        }
        passages
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn told(texts: &[&str]) -> Vec<(i64, String)> {
        let first = Blame::begin(1, texts[0]);
        let blame = (2..).zip(&texts[1..]).fold(first, |blame, (version, text)| blame.then(version, text));
        let words = |p: Passage| (p.version, p.blocks.into_iter().map(|b| b.1).collect::<Vec<_>>().join(" / "));
        blame.passages().into_iter().map(words).collect()
    }

    #[test]
    fn a_paragraph_is_of_the_version_that_last_changed_a_word_of_it() {
        let texts = [
            "Look.\n\nWait 5 min.\n\nCall.",
            "Look.\n\nWait 6 min.\n\nCall.",
            "Look.\n\nWait 6 min.\n\nCall.\n\nWrite.",
        ];
        assert_eq!(
            told(&texts),
            [(1, "Look.".into()), (2, "Wait 6 min.".into()), (1, "Call.".into()), (3, "Write.".into())]
        );
    }

    #[test]
    fn what_only_moves_stays_whose_it_was_and_what_comes_back_is_new() {
        assert_eq!(told(&["A a.\n\nB b.", "B b.\n\nA a."]), [(1, "B b. / A a.".into())]);
        assert_eq!(told(&["A.\n\nB.", "A.", "A.\n\nB."]), [(1, "A.".into()), (3, "B.".into())]);
    }

    proptest! {
        #[test]
        fn a_block_stands_in_the_version_that_it_is_said_to_come_from(
            texts in prop::collection::vec("([a-d]{1,2}( |\n\n|\n- )){0,8}", 1..6),
        ) {
            let first = Blame::begin(1, &texts[0]);
            let blame = (2..).zip(&texts[1..]).fold(first, |blame, (version, text)| blame.then(version, text));
            let all: Vec<Block> = blame.blocks.iter().map(|(block, _)| block.clone()).collect();
            prop_assert_eq!(all, blocks(&texts[texts.len() - 1]));
            for (block, version) in &blame.blocks {
                prop_assert!(blocks(&texts[*version as usize - 1]).contains(block));
            }
        }
    }
}
