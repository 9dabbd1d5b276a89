//! HTML written by hand, with everything that came from outside escaped.

/// Adds text, so that it is text in an element and in a quoted attribute.
pub(super) fn push_text(html: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            // Not allowed in HTML, and some readers stop there.
            '\0' => html.push('\u{fffd}'),
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
