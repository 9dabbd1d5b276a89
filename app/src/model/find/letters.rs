//! A text as words that can be compared: without case, without accents, ids whole and by part.

use std::collections::VecDeque;
use std::ops::Range;

use unicode_normalization::char::{decompose_compatible, is_combining_mark};

/// No word is compared beyond this many bytes: what is longer is no word, but data.
const LONGEST: usize = 64;

/// A word of a text, as it is compared, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// The letters that are compared: `uber` for `Über`.
    pub text: String,
    /// Where it stands, in bytes.
    pub range: Range<usize>,
}

/// How finely a text is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// As a person asks: `erp-sync` is `erp` and `sync`; `PaymentTimeout` is one word.
    Asked,
    /// As it is to be found: also `erp-sync` whole, and also `payment` and `timeout`.
    ToFind,
}

/// Letters as they are compared: lower case, without accents, `ß` as `ss`; white space as one space.
pub fn folded(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for part in text.split_whitespace() {
        if !folded.is_empty() {
            folded.push(' ');
        }
        fold_into(&mut folded, part);
    }
    folded
}

fn fold_into(folded: &mut String, text: &str) {
    for letter in text.chars() {
        match letter {
            letter if letter.is_ascii() => folded.push(letter.to_ascii_lowercase()),
            letter if is_unseen(letter) => {}
            'ß' | 'ẞ' => folded.push_str("ss"),
            'æ' | 'Æ' => folded.push_str("ae"),
            'œ' | 'Œ' => folded.push_str("oe"),
            'ø' | 'Ø' => folded.push('o'),
            'ł' | 'Ł' => folded.push('l'),
            'đ' | 'Đ' | 'ð' | 'Ð' => folded.push('d'),
            'þ' | 'Þ' => folded.push_str("th"),
            'ı' => folded.push('i'),
            letter => decompose_compatible(letter, |part| {
                if !is_combining_mark(part) {
                    folded.extend(part.to_lowercase().filter(|c| !is_combining_mark(*c)));
                }
            }),
        }
    }
}

/// What stands between letters without being seen: it divides no word.
fn is_unseen(letter: char) -> bool {
    matches!(letter, '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}')
}

/// A letter of a script that writes no spaces: each is a word.
fn is_ideograph(letter: char) -> bool {
    matches!(letter, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// What joins the parts of an id.
fn is_joint(letter: char) -> bool {
    matches!(letter, '-' | '.' | '_')
}

/// What a word is made of, besides its first letter.
fn continues(letter: char) -> bool {
    letter.is_alphanumeric() || is_unseen(letter) || is_combining_mark(letter)
}

/// The words of a text, in their order; where words lie in each other, the longer one first.
#[derive(Debug)]
pub struct Words<'a> {
    text: &'a str,
    at: usize,
    cut: Cut,
    /// Words that were found and not yet given.
    waiting: VecDeque<Word>,
    /// The parts of the id that is being read.
    parts: Vec<Range<usize>>,
}

impl<'a> Words<'a> {
    /// The words of this text.
    pub fn new(text: &'a str, cut: Cut) -> Self {
        Self { text, at: 0, cut, waiting: VecDeque::new(), parts: Vec::new() }
    }

    /// Reads the next id or word with its parts; false at the end of the text.
    fn read(&mut self) -> bool {
        let Some(start) = self.text[self.at..].find(char::is_alphanumeric).map(|at| self.at + at) else {
            self.at = self.text.len();
            return false;
        };
        self.parts.clear();
        let mut end = start;
        loop {
            let part = end..self.run(end);
            end = part.end;
            self.parts.push(part);
            let mut rest = self.text[end..].chars();
            let joined = rest.next().filter(|c| is_joint(*c)).zip(rest.next().filter(|c| c.is_alphanumeric()));
            match joined {
                Some((joint, _)) => end += joint.len_utf8(),
                None => break,
            }
        }
        self.at = end;
        if self.parts.len() > 1 && self.cut == Cut::ToFind && end - start <= LONGEST {
            self.give(start..end);
        }
        for part in std::mem::take(&mut self.parts) {
            self.give_part(part);
        }
        true
    }

    /// Where the letters that begin at `start` end.
    fn run(&self, start: usize) -> usize {
        self.text[start..].find(|c| !continues(c)).map_or(self.text.len(), |at| start + at)
    }

    fn give_part(&mut self, part: Range<usize>) {
        let letters = &self.text[part.clone()];
        if letters.is_ascii() {
            self.give(part.clone());
            if self.cut == Cut::ToFind && letters.len() <= LONGEST {
                self.give_humps(part);
            }
            return;
        }
        let mut from = part.start;
        for (at, letter) in letters.char_indices().filter(|(_, c)| is_ideograph(*c)) {
            let (at, end) = (part.start + at, part.start + at + letter.len_utf8());
            self.give(from..at);
            self.give(at..end);
            from = end;
        }
        self.give(from..part.end);
    }

    /// `PaymentTimeout` by its parts, where it has any.
    fn give_humps(&mut self, part: Range<usize>) {
        let letters = self.text[part.clone()].as_bytes();
        let begins = |at: usize| {
            let after = letters.get(at + 1).is_some_and(u8::is_ascii_lowercase);
            letters[at].is_ascii_uppercase() && (letters[at - 1].is_ascii_lowercase() || after)
        };
        let mut from = 0;
        for at in (1..letters.len()).filter(|at| begins(*at)) {
            self.give(part.start + from..part.start + at);
            from = at;
        }
        if from > 0 {
            self.give(part.start + from..part.end);
        }
    }

    fn give(&mut self, range: Range<usize>) {
        let mut text = String::with_capacity(range.len());
        fold_into(&mut text, &self.text[range.clone()]);
        if text.len() > LONGEST {
            text.truncate(text.floor_char_boundary(LONGEST));
        }
        if !text.is_empty() {
            self.waiting.push_back(Word { text, range });
        }
    }
}

impl Iterator for Words<'_> {
    type Item = Word;

    fn next(&mut self) -> Option<Word> {
        while self.waiting.is_empty() {
            if !self.read() {
                return None;
            }
        }
        self.waiting.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(text: &str, cut: Cut) -> Vec<String> {
        Words::new(text, cut).map(|w| w.text).collect()
    }

    #[test]
    fn case_and_accents_make_no_difference() {
        for (text, same) in [
            ("Überfällig", "uberfallig"),
            ("u\u{308}berfa\u{308}llig", "uberfallig"),
            ("Straße", "strasse"),
            ("İSTANBUL", "istanbul"),
            ("Łódź", "lodz"),
            ("Œuvre", "oeuvre"),
            ("ＥＲＰ", "erp"),
            ("un\u{ad}usual", "unusual"),
        ] {
            assert_eq!(words(text, Cut::ToFind), [same], "{text}");
            assert_eq!(folded(text), same);
        }
    }

    #[test]
    fn an_id_is_found_whole_and_by_part() {
        assert_eq!(words("see erp-sync.v2_a.", Cut::ToFind), ["see", "erp-sync.v2_a", "erp", "sync", "v2", "a"]);
        assert_eq!(words("erp-sync", Cut::Asked), ["erp", "sync"]);
        assert_eq!(words("-a- b", Cut::ToFind), ["a", "b"]);
    }

    #[test]
    fn the_name_of_an_error_is_found_by_part() {
        assert_eq!(words("PaymentTimeout", Cut::ToFind), ["paymenttimeout", "payment", "timeout"]);
        assert_eq!(words("HTTPServer", Cut::ToFind), ["httpserver", "http", "server"]);
        assert_eq!(words("PaymentTimeout", Cut::Asked), ["paymenttimeout"]);
        assert_eq!(words("Payment", Cut::ToFind), ["payment"]);
    }

    #[test]
    fn scripts_without_spaces_are_found_letter_by_letter() {
        assert_eq!(words("ERPを再起動", Cut::ToFind), ["erp", "を", "再", "起", "動"]);
    }

    #[test]
    fn what_is_no_word_is_cut_short() {
        let [word] = words(&"ä".repeat(10_000), Cut::ToFind).try_into().unwrap();
        assert_eq!(word.len(), LONGEST);
    }

    proptest! {
        #[test]
        fn words_stand_where_they_say_in_any_text(text in any::<String>()) {
            for cut in [Cut::Asked, Cut::ToFind] {
                let mut from = 0;
                for word in Words::new(&text, cut) {
                    prop_assert!(word.range.start >= from && !word.text.is_empty());
                    let mut again = String::new();
                    fold_into(&mut again, &text[word.range.clone()]);
                    prop_assert!(again.starts_with(&word.text));
                    if cut == Cut::Asked {
                        from = word.range.end;
                    }
                }
            }
        }

        #[test]
        fn every_word_that_is_asked_for_is_one_that_can_be_found(text in any::<String>()) {
            let found = words(&text, Cut::ToFind);
            for asked in words(&text, Cut::Asked) {
                prop_assert!(found.contains(&asked), "{asked} is not in {found:?}");
            }
        }
    }
}
