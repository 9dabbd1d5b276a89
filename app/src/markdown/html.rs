//! HTML written by hand, with everything that came from outside escaped.

use crate::model::unseen::is_unseen;

/// Adds text, so that it is text in an element and in a quoted attribute.
pub(super) fn push_text(html: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            // Not allowed in HTML, or not seen, or it turns the words after it round.
            c if is_unseen(c) => html.push('\u{fffd}'),
            c => html.push(c),
        }
    }
}

/// The text, escaped.
pub(super) fn text(text: &str) -> String {
    let mut html = String::with_capacity(text.len() + 8);
    push_text(&mut html, text);
    html
}
