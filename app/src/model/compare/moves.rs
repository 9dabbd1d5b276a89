//! Which blocks only changed their place.

use std::collections::{HashMap, VecDeque};

use super::blocks::Block;
use super::{can_be_compared, likeness};

/// Two blocks in different places are one that moved when at least this share of their words is common.
const ALIKE: f64 = 0.75;

/// Which of the blocks that left came again elsewhere: old place to new place. First those that are the same, then
/// those that are nearly so; a single word is too little to be known again.
pub(super) fn moves(from: &[Block], to: &[Block], left: &[usize], came: &[usize]) -> HashMap<usize, usize> {
    let mut places: HashMap<&Block, VecDeque<usize>> = HashMap::new();
    for old in left.iter().filter(|old| words(&from[**old]) > 1) {
        places.entry(&from[*old]).or_default().push_back(*old);
    }
    let mut moved = HashMap::new();
    let mut new: Vec<usize> = Vec::new();
    for place in came {
        match places.get_mut(&to[*place]).and_then(VecDeque::pop_front) {
            Some(old) => drop(moved.insert(old, *place)),
            None => new.push(*place),
        }
    }
    let mut old: Vec<usize> = left.iter().copied().filter(|o| !moved.contains_key(o) && words(&from[*o]) > 3).collect();
    if !can_be_compared(old.iter().map(|o| &from[*o]), new.iter().map(|n| &to[*n])) {
        return moved;
    }
    for place in new {
        let like = old.iter().enumerate().map(|(at, o)| (likeness(&from[*o], &to[place]), at));
        let best = like.filter(|(like, _)| *like >= ALIKE).max_by(|a, b| a.0.total_cmp(&b.0));
        if let Some((_, at)) = best {
            moved.insert(old.swap_remove(at), place);
        }
    }
    moved
}

fn words(block: &Block) -> usize {
    block.text.split_whitespace().count()
}
