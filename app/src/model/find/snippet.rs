//! The piece of a text that shows why it was found, with the words marked.

use std::ops::Range;

use super::letters::{Cut, Words};
use super::{Asked, Closeness};

/// About how many bytes are shown.
const LENGTH: usize = 160;

/// How many of them stand before the first word.
const BEFORE: usize = 48;

/// How far a text is read for its best piece; it is said to be found all the same.
const READ: usize = 32 * 1024;

/// The piece of a text with the most of the words asked for, as (words, marked); its beginning where none is in it.
pub fn snippet(text: &str, asked: &Asked, closeness: Closeness) -> Vec<(String, bool)> {
    let read = &text[..text.floor_char_boundary(READ)];
    let marks = marks(read, asked, closeness);
    let first = best(&marks, asked.words().len());
    let start = match first {
        Some(at) if at > LENGTH / 2 => word_from(text, at - BEFORE, at),
        _ => 0,
    };
    let end = match text.len() - start <= LENGTH + BEFORE {
        true => text.len(),
        false => word_before(text, start, start + LENGTH),
    };
    let mut pieces = Pieces::default();
    if start > 0 {
        pieces.add("… ", false);
    }
    let mut at = start;
    for (range, _) in marks.iter().filter(|(r, _)| r.end <= end) {
        let from = range.start.max(at);
        if from < range.end {
            pieces.add(&text[at..from], false);
            pieces.add(&text[from..range.end], true);
            at = range.end;
        }
    }
    pieces.add(&text[at..end], false);
    if end < text.len() {
        pieces.add(" …", false);
    }
    pieces.pieces
}

/// Where words stand that were asked for, and which of them, in the order of the text.
fn marks(text: &str, asked: &Asked, closeness: Closeness) -> Vec<(Range<usize>, usize)> {
    // An id is marked by its parts: the end of a sentence may look like the middle of one.
    let words = Words::new(text, Cut::ToFind).filter(|word| !word.text.contains(['-', '.', '_']));
    let mut marks: Vec<_> = words.filter_map(|word| Some((word.range, asked.wanted(&word.text, closeness)?))).collect();
    marks.sort_by_key(|(range, _)| range.start);
    marks
}

/// Where the first word of the best piece stands: the first that has most of the words.
fn best(marks: &[(Range<usize>, usize)], words: usize) -> Option<usize> {
    let mut best: Option<(usize, usize)> = None;
    for (n, (first, _)) in marks.iter().enumerate() {
        let near = marks[n..].iter().take_while(|(range, _)| range.end <= first.start + LENGTH - BEFORE);
        let mut seen = vec![false; words];
        near.for_each(|(_, word)| seen[*word] = true);
        let many = seen.iter().filter(|s| **s).count();
        if best.is_none_or(|(most, _)| many > most) {
            best = Some((many, first.start));
        }
        if many == words {
            break;
        }
    }
    best.map(|(_, at)| at)
}

/// Where a word begins at or after `from`, and not after `at`.
fn word_from(text: &str, from: usize, at: usize) -> usize {
    let from = text.floor_char_boundary(from);
    text[from..at].find(char::is_whitespace).map_or(from, |space| from + space)
}

/// Where the last word before `to` ends; `to` itself where that would leave little.
fn word_before(text: &str, start: usize, to: usize) -> usize {
    let to = text.floor_char_boundary(to);
    let space = text[start..to].rfind(char::is_whitespace).map(|at| start + at);
    space.filter(|at| at - start > LENGTH / 2).unwrap_or(to)
}

/// Pieces in a row, white space and control characters in them as single spaces.
#[derive(Default)]
struct Pieces {
    pieces: Vec<(String, bool)>,
    /// Whether a space may follow: not at the beginning, and not after another.
    after_letter: bool,
}

impl Pieces {
    fn add(&mut self, text: &str, marked: bool) {
        let mut piece = String::with_capacity(text.len());
        for letter in text.chars() {
            match letter.is_whitespace() || letter.is_control() {
                true if self.after_letter => piece.push(' '),
                true => continue,
                false => piece.push(letter),
            }
            self.after_letter = !piece.ends_with(' ');
        }
        if piece.is_empty() {
            return;
        }
        match self.pieces.last_mut() {
            Some((last, same)) if *same == marked => last.push_str(&piece),
            _ => self.pieces.push((piece, marked)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str, asked: &str) -> (String, Vec<String>) {
        let pieces = snippet(text, &Asked::parse(asked), Closeness::AsWritten);
        let marked = pieces.iter().filter(|(_, m)| *m).map(|(t, _)| t.clone()).collect();
        (pieces.into_iter().map(|(t, _)| t).collect(), marked)
    }

    #[test]
    fn the_words_are_marked() {
        let (text, marked) = shown("Copies paid orders\n  into the ERP.", "orders erp");
        assert_eq!(text, "Copies paid orders into the ERP.");
        assert_eq!(marked, ["orders", "ERP"]);
    }

    #[test]
    fn accents_and_letters_of_other_lengths_are_marked_where_they_stand() {
        assert_eq!(shown("Die İstanbul-Straße ist überfällig.", "strasse uberfallig").1, ["Straße", "überfällig"]);
    }

    #[test]
    fn an_id_is_marked_by_its_parts() {
        assert_eq!(shown("Restart erp-sync now.", "erp-sync").1, ["erp", "sync"]);
        assert_eq!(shown("Restart erp-sync now.", "erp").1, ["erp"]);
    }

    #[test]
    fn the_piece_that_has_most_of_the_words_is_shown() {
        let text =
            format!("The duty list. {} Call the duty desk. {}", "Nothing here. ".repeat(50), "More. ".repeat(90));
        let (text, marked) = shown(&text, "duty desk");
        assert_eq!(marked, ["duty", "desk"]);
        assert!(text.starts_with("… ") && text.ends_with(" …") && text.len() < 2 * LENGTH, "{text}");
    }

    #[test]
    fn a_word_with_a_slip_is_marked_when_close_ones_were_asked_for() {
        let asked = Asked::parse("refnud");
        let marked = |closeness| snippet("A refund.", &asked, closeness).into_iter().any(|(_, m)| m);
        assert!(marked(Closeness::Close) && !marked(Closeness::AsWritten));
    }

    proptest! {
        #[test]
        fn any_text_and_any_question_give_a_short_piece(text in any::<String>(), asked in any::<String>(), many in 1usize..400) {
            let text = text.repeat(many);
            let pieces = snippet(&text, &Asked::parse(&asked), Closeness::Close);
            let length: usize = pieces.iter().map(|(t, _)| t.len()).sum();
            prop_assert!(length <= 2 * LENGTH);
            prop_assert!(pieces.iter().all(|(t, _)| !t.contains("  ") && !t.chars().any(char::is_control)));
        }
    }
}
