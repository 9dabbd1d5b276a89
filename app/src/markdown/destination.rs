//! Where a link may lead: ours, the web, mail, telephone, this site. Everything else leads nowhere.

use crate::model::mention::Target;
use crate::model::unseen::has_unseen;

/// Where a link leads.
#[derive(Debug, PartialEq)]
pub(super) enum Destination<'d> {
    /// To something that we know.
    Ours(Target),
    /// To an address on this site or a section of this page.
    Here(&'d str),
    /// To an address elsewhere.
    Elsewhere(&'d str),
    /// Nowhere: its text stands alone.
    Nowhere,
}

/// Decides where a link leads. `text` is what a person reads.
pub(super) fn destination<'d>(address: &'d str, text: &str) -> Destination<'d> {
    if let Some(target) = Target::of_link(address, text) {
        return Destination::Ours(target);
    }
    plain(address)
}

/// Decides where an address without a meaning of ours leads.
pub(super) fn plain(address: &str) -> Destination<'_> {
    // Browsers drop control characters and outer white space, so "java\tscript:" would become a scheme.
    // What turns the reading order round would show another address than it is.
    if address.is_empty() || has_unseen(address) || address.trim() != address {
        return Destination::Nowhere;
    }
    // A scheme is what stands before a colon that comes before any "/", "?" or "#" (RFC 3986, 3.1).
    match address.find([':', '/', '\\', '?', '#']) {
        Some(colon) if address[colon..].starts_with(':') => match address[..colon].to_ascii_lowercase().as_str() {
            "http" | "https" | "mailto" | "tel" => Destination::Elsewhere(address),
            _ => Destination::Nowhere,
        },
        // "//host" and "/\host" are addresses elsewhere.
        Some(0) if address[1..].starts_with(['/', '\\']) => Destination::Elsewhere(address),
        _ => Destination::Here(address),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_addresses_lead_where_they_say() {
        for address in ["https://example.com/a?b#c", "HTTP://x", "mailto:a@b.c", "tel:+49", "//example.com/x"] {
            assert_eq!(plain(address), Destination::Elsewhere(address), "{address}");
        }
        for address in ["sheet.pdf", "/workflows", "../a b.txt", "?q=1:2", "a/b:c", "./x:y"] {
            assert_eq!(plain(address), Destination::Here(address), "{address}");
        }
    }

    #[test]
    fn nothing_that_runs_is_an_address() {
        for address in [
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            " javascript:alert(1)",
            "java\tscript:alert(1)",
            "java\nscript:alert(1)",
            "\u{1}javascript:alert(1)",
            "\u{200b}javascript:alert(1)",
            "\u{feff}javascript:alert(1)",
            "javas\u{ad}cript:alert(1)",
            "data:text/html,<script>",
            "vbscript:x",
            "file:///etc/passwd",
            "blob:x",
            "about:blank",
            "view-source:x",
            "https://example.com/\u{202e}gpj.exe",
            "java\u{2066}script:alert(1)",
            "jav\u{430}script:alert(1)",
            "\u{ff4a}avascript:alert(1)",
            ":x",
            "",
        ] {
            assert_eq!(plain(address), Destination::Nowhere, "{address:?}");
        }
    }
}
