//! Find: what was asked for, how well a thing fits it, and what of its text is shown.

pub mod letters;
pub mod snippet;
pub mod spelling;

use std::collections::HashSet;

use serde::Serialize;

use self::letters::{Cut, Words, folded};
use self::spelling::{forgiven, is_close};
use super::event::without_null;

/// Nothing is asked for beyond this many bytes: a box is not for whole logs.
const MOST_BYTES: usize = 240;

/// How many words are looked for, the first ones.
pub const MOST_WORDS: usize = 10;

/// A word that the reader is still typing is taken for the beginning of one from this many letters on; in names and
/// ids from the first.
pub const BEGINS_TYPING: usize = 2;

/// Any other word is taken for the beginning of one from this many letters on.
pub const BEGINS: usize = 3;

/// Of this many words or more, two of three are enough where no place has them all.
const MANY_WORDS: usize = 4;

/// How well a thing fits what was asked for. The greater, the better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fit {
    /// It has words like those, spelled a little otherwise, or most of many.
    Close,
    /// Its text has all the words.
    Text,
    /// Its name or id has them all.
    Name,
    /// Its name or id begins so.
    Begins,
    /// It is its name.
    Title,
    /// It is its id.
    Id,
}

/// How close words have to be to those asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closeness {
    /// As they were written, or begun.
    AsWritten,
    /// With slips of the hand.
    Close,
}

/// What was asked for, as it is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    text: String,
    whole: String,
    words: Vec<Wanted>,
    cut: bool,
}

/// One word that is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// As words are compared.
    pub text: String,
    /// How many slips are forgiven in it.
    pub forgiven: u8,
    /// Whether it may still be being typed: the last one.
    pub last: bool,
}

impl Asked {
    /// Reads what was typed. Anything may be: what is no word is not looked for, and what is too much is left out.
    pub fn parse(typed: &str) -> Self {
        let typed = without_null(typed);
        let typed = typed.trim();
        let text = typed[..typed.floor_char_boundary(MOST_BYTES)].trim_end();
        let mut known = HashSet::new();
        let mut words: Vec<_> = Words::new(text, Cut::Asked).map(|w| w.text).collect();
        // A word that is followed by a space has been typed.
        let typing = text.chars().next_back().is_some_and(char::is_alphanumeric);
        let last = words.last().filter(|_| typing).cloned();
        words.retain(|word| known.insert(word.clone()));
        let cut = text.len() < typed.len() || words.len() > MOST_WORDS;
        words.truncate(MOST_WORDS);
        // Two slips in each of many words would fit anything, and take long to look for.
        let most = if words.len() > MANY_WORDS { 1 } else { 2 };
        let wanted =
            |text: String| Wanted { forgiven: forgiven(&text).min(most), last: last.as_ref() == Some(&text), text };
        Self { text: text.to_owned(), whole: folded(text), words: words.into_iter().map(wanted).collect(), cut }
    }

    /// As it was typed, without white space around it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether nothing was asked.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// All of it, as names are compared.
    pub fn whole(&self) -> &str {
        &self.whole
    }

    /// The words that are looked for; none twice.
    pub fn words(&self) -> &[Wanted] {
        &self.words
    }

    /// Whether more was asked than is looked for.
    pub fn is_cut(&self) -> bool {
        self.cut
    }

    /// How many of the words a thing must have at least.
    pub fn needed(&self, closeness: Closeness) -> usize {
        match (closeness, self.words.len()) {
            (Closeness::Close, many) if many >= MANY_WORDS => (many * 2).div_ceil(3),
            (_, many) => many,
        }
    }

    /// Whether looking for what is close can find more.
    pub fn may_be_close(&self) -> bool {
        self.words.len() >= MANY_WORDS || self.words.iter().any(|word| word.forgiven > 0)
    }

    /// The number of the word that this word of a text is.
    pub fn wanted(&self, word: &str, closeness: Closeness) -> Option<usize> {
        self.words.iter().position(|wanted| wanted.is(word, closeness, BEGINS_TYPING))
    }

    /// How well a thing fits by its ids and names alone; none when they do not have all the words.
    pub fn names(&self, ids: &[&str], names: &[&str]) -> Option<Fit> {
        if self.words.is_empty() {
            return None;
        }
        if ids.contains(&self.text.as_str()) {
            return Some(Fit::Id);
        }
        let folded: Vec<String> = ids.iter().chain(names).map(|name| letters::folded(name)).collect();
        if folded.contains(&self.whole) {
            return Some(Fit::Title);
        }
        if folded.iter().any(|name| name.starts_with(&self.whole)) {
            return Some(Fit::Begins);
        }
        let all = self.all(ids.iter().chain(names), Closeness::AsWritten, 1);
        all.then_some(Fit::Name)
    }

    /// How well a thing fits by its ids, its names and its text; what an index answers, by looking at all of it.
    pub fn fit(&self, ids: &[&str], names: &[&str], text: &str, closeness: Closeness) -> Option<Fit> {
        let text = [text];
        let everywhere = || ids.iter().chain(names).chain(&text);
        self.names(ids, names).or_else(|| match self.words.is_empty() {
            true => None,
            false if self.all(everywhere(), Closeness::AsWritten, BEGINS_TYPING) => Some(Fit::Text),
            false if closeness == Closeness::Close && self.all(everywhere(), closeness, BEGINS_TYPING) => {
                Some(Fit::Close)
            }
            false => None,
        })
    }

    /// Whether these texts together have all the words that they must have.
    fn all<'t>(&self, texts: impl Iterator<Item = &'t &'t str>, closeness: Closeness, begins: usize) -> bool {
        let mut missing = vec![true; self.words.len()];
        let mut needed = self.needed(closeness);
        for word in texts.flat_map(|text| Words::new(text, Cut::ToFind)) {
            for (n, wanted) in self.words.iter().enumerate() {
                if missing[n] && wanted.is(&word.text, closeness, begins) {
                    missing[n] = false;
                    needed = needed.saturating_sub(1);
                }
            }
            if needed == 0 {
                return true;
            }
        }
        false
    }
}

impl Wanted {
    /// Whether it may be the beginning of a word, in texts where that takes `typing` letters while it is typed.
    pub fn begins(&self, typing: usize) -> bool {
        self.text.chars().count() >= if self.last { typing } else { typing.max(BEGINS) }
    }

    fn is(&self, word: &str, closeness: Closeness, typing: usize) -> bool {
        word == self.text
            || self.begins(typing) && word.starts_with(&self.text)
            || closeness == Closeness::Close
                && self.forgiven > 0
                && is_close(&self.text, word, self.forgiven, self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fit(asked: &str, id: &str, name: &str, text: &str) -> Option<Fit> {
        Asked::parse(asked).fit(&[id], &[name], text, Closeness::Close)
    }

    #[test]
    fn the_more_exactly_a_thing_is_named_the_better_it_fits() {
        for (asked, best) in [
            ("erp-sync", Fit::Id),
            ("ERP-SYNC", Fit::Title),
            ("erp synchroniser", Fit::Title),
            ("Erp sy", Fit::Begins),
            ("synchro", Fit::Name),
            ("copies orders", Fit::Text),
            ("copeis ordres", Fit::Close),
        ] {
            assert_eq!(fit(asked, "erp-sync", "ERP synchroniser", "Copies paid orders."), Some(best), "{asked}");
        }
        assert!(Fit::Id > Fit::Title && Fit::Title > Fit::Begins && Fit::Begins > Fit::Name);
        assert!(Fit::Name > Fit::Text && Fit::Text > Fit::Close);
    }

    #[test]
    fn every_word_must_be_there() {
        assert_eq!(fit("erp banana", "erp", "ERP", "Takes orders."), None);
        assert_eq!(fit("erp orders", "erp", "ERP", "Takes orders."), Some(Fit::Text));
    }

    #[test]
    fn of_many_words_most_are_close() {
        let line = "connection refused to gateway after thirty seconds";
        assert_eq!(fit(line, "x", "X", "The gateway answers: connection refused after 30 seconds."), Some(Fit::Close));
        assert_eq!(fit(line, "x", "X", "The gateway answers after 30 seconds."), None);
    }

    #[test]
    fn a_word_is_found_while_it_is_typed() {
        assert_eq!(fit("rec", "x", "X", "Reconcile the ledger."), Some(Fit::Text));
        assert_eq!(fit("re", "x", "X", "Reconcile the ledger."), Some(Fit::Text));
        // One letter is too little to look through texts with; names are few.
        assert_eq!(fit("r", "x", "X", "Reconcile the ledger."), None);
        assert_eq!(fit("r", "x", "Stock recount", ""), Some(Fit::Name));
        // What is followed by another word has been typed: `to` is not the beginning of `tool`.
        assert_eq!(fit("to ledger", "x", "X", "A tool for the ledger."), None);
    }

    #[test]
    fn another_number_is_another_thing() {
        assert_eq!(fit("10483", "10482", "Order 10482", ""), None);
    }

    #[test]
    fn a_very_long_question_is_cut_and_says_so() {
        let asked = Asked::parse(&"word ".repeat(2_000));
        assert!(asked.is_cut() && asked.text().len() <= MOST_BYTES && asked.words().len() == 1);
        let asked = Asked::parse("a b c d e f g h i j k l");
        assert!(asked.is_cut() && asked.words().len() == MOST_WORDS);
        assert!(!Asked::parse("erp orders").is_cut());
    }

    #[test]
    fn what_is_no_word_finds_nothing() {
        for nothing in ["", " ", "%", "--", "\u{0}", "🍕", "\u{301}", "\u{200b}"] {
            assert_eq!(fit(nothing, "erp", "ERP", "The ERP."), None, "{nothing:?}");
        }
    }

    proptest! {
        #[test]
        fn a_thing_is_found_by_its_own_name(name in "[a-zA-ZäöüéİßÀ-ÿ ]{3,30}", text in any::<String>()) {
            let asked = Asked::parse(&name);
            if !asked.words().is_empty() && !asked.is_cut() {
                let fit = asked.fit(&["x-1"], &[name.as_str()], &text, Closeness::AsWritten);
                prop_assert_eq!(fit, Some(Fit::Title));
            }
        }

        #[test]
        fn any_question_to_any_thing_is_answered(asked in any::<String>(), id in any::<String>(), text in any::<String>()) {
            let asked = Asked::parse(&asked);
            let exact = asked.fit(&[&id], &[&text], &text, Closeness::AsWritten);
            let close = asked.fit(&[&id], &[&text], &text, Closeness::Close);
            prop_assert!(close >= exact);
        }
    }
}
