//! Characters that nobody sees, or that turn the reading order round, so that words look like other words.

use std::borrow::Cow;

/// What stands in their place.
const MARK: char = '\u{fffd}';

/// Whether a character is not seen or changes the order in which others are read: control characters, the bidirectional
/// embeddings, overrides and isolates (Unicode TR 36, 2.5), spaces without width, tags. The joiners that scripts and
/// emoji need, and the plain direction marks, are not among them.
pub fn is_unseen(c: char) -> bool {
    match c {
        '\t' | '\n' | '\r' => false,
        '\u{180e}' | '\u{200b}' | '\u{feff}' => true,
        '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{e0000}'..='\u{e007f}' => true,
        '\u{fff9}'..='\u{fffb}' | '\u{2028}' | '\u{2029}' => true,
        c => c.is_control(),
    }
}

/// Whether a text is plain ASCII, as nearly all are: nothing in it is unseen, and that is seen at a glance.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~'))
}

/// Whether such a character stands in a text.
pub fn has_unseen(text: &str) -> bool {
    !is_plain(text) && text.contains(is_unseen)
}

/// The text with a mark in the place of each such character, so that it is seen that one was there.
pub fn seen(text: &str) -> Cow<'_, str> {
    match has_unseen(text) {
        true => text.chars().map(|c| if is_unseen(c) { MARK } else { c }).collect::<String>().into(),
        false => text.into(),
    }
}

/// The first such character of each line, with the line, from 1.
pub fn unseen(text: &str) -> impl Iterator<Item = (usize, char)> {
    let text = if is_plain(text) { "" } else { text };
    text.lines().enumerate().filter_map(|(at, line)| Some((at + 1, line.chars().find(|c| is_unseen(*c))?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_reverses_or_hides_words_is_marked_and_what_languages_need_stays() {
        assert_eq!(seen("access \u{202e}lru\u{202c} \u{200b}x\u{7}"), "access \u{fffd}lru\u{fffd} \u{fffd}x\u{fffd}");
        for kept in ["tab\tand\nline", "می\u{200c}خواهم", "👩\u{200d}🚒", "\u{200f}שלום", "co\u{ad}op"] {
            assert_eq!(seen(kept), kept);
        }
        assert_eq!(unseen("a\n\u{2066}b\u{2069}\n").collect::<Vec<_>>(), [(2, '\u{2066}')]);
        assert_eq!(unseen("a\nb\u{7f}").collect::<Vec<_>>(), [(2, '\u{7f}')]);
    }
}
