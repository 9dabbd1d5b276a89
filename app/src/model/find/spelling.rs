//! How far a word is from another by slips of the hand: a letter wrong, missing, too many, or two swapped.

/// How many slips are forgiven in a word. None in one with a digit: the number of another order is another order.
pub fn forgiven(word: &str) -> u8 {
    match word.chars().count() {
        _ if word.chars().any(|c| !c.is_alphabetic()) => 0,
        0..=3 => 0,
        4..=7 => 1,
        _ => 2,
    }
}

/// Whether `word` is what was asked for with at most `most` slips; with `begins`, whether it begins so.
///
/// The distance is that of optimal string alignment (Damerau-Levenshtein where no letter is moved twice), the same as
/// that of the index.
pub fn is_close(asked: &str, word: &str, most: u8, begins: bool) -> bool {
    let asked: Vec<char> = asked.chars().collect();
    let most = usize::from(most);
    // A row more than these cannot bring a smaller distance.
    let word: Vec<char> = word.chars().take(asked.len() + most + 1).collect();
    if word.len() + most < asked.len() || (!begins && word.len() > asked.len() + most) {
        return false;
    }
    // Rows of the word, columns of what was asked: the last column is the distance to the word so far.
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=asked.len()).collect();
    let mut least = last[asked.len()];
    for (row, letter) in word.iter().enumerate() {
        let mut next = vec![row + 1; asked.len() + 1];
        for (column, wanted) in asked.iter().enumerate() {
            let mut slips =
                (last[column] + usize::from(letter != wanted)).min(last[column + 1] + 1).min(next[column] + 1);
            if row > 0 && column > 0 && word[row - 1] == *wanted && asked[column - 1] == *letter {
                slips = slips.min(before_last[column - 1] + 1);
            }
            next[column + 1] = slips;
        }
        before_last = std::mem::replace(&mut last, next);
        least = least.min(last[asked.len()]);
    }
    if begins { least <= most } else { last[asked.len()] <= most }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_slip_of_the_hand_is_forgiven() {
        for typed in ["refnud", "refun", "reffund", "rofund", "efund"] {
            assert!(is_close(typed, "refund", forgiven(typed), false), "{typed}");
        }
        assert!(is_close("reconcilaton", "reconciliation", 2, false));
        assert!(!is_close("refuse", "refund", 1, false));
    }

    #[test]
    fn a_word_that_is_being_typed_may_already_have_a_slip() {
        assert!(is_close("recnoc", "reconcile", 1, true));
        assert!(!is_close("recnoc", "reconcile", 1, false));
    }

    #[test]
    fn short_words_and_numbers_are_meant_as_they_are_written() {
        assert_eq!((forgiven("erp"), forgiven("10482"), forgiven("gw01"), forgiven("fünf")), (0, 0, 0, 1));
    }

    proptest! {
        #[test]
        fn it_is_the_distance_of_optimal_string_alignment(a in "[abc]{0,7}", b in "[abc]{0,7}", most in 0u8..4) {
            prop_assert_eq!(is_close(&a, &b, most, false), strsim::osa_distance(&a, &b) <= usize::from(most));
            let begun = (0..=b.len()).any(|end| strsim::osa_distance(&a, &b[..end]) <= usize::from(most));
            prop_assert_eq!(is_close(&a, &b, most, true), begun);
        }
    }
}
