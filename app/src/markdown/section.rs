//! One section of a whole text, front matter included: taken out to be edited alone, and put back.

use super::parse;

/// A text cut at one section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut<'t> {
    /// Everything before its heading.
    pub before: &'t str,
    /// From its heading to the next one, without the blank lines at its end.
    pub section: &'t str,
    /// Everything after, from the blank lines at its end on.
    pub after: &'t str,
}

/// Cuts a text at the section with this anchor; nothing when it has none. `body` is what of `source` follows the front
/// matter.
pub fn cut<'t>(source: &'t str, body: &str, anchor: &str) -> Option<Cut<'t>> {
    let document = parse(body).ok()?;
    let section = document.sections.iter().find(|s| s.anchor == anchor && s.level > 0)?;
    let front = source.len().checked_sub(body.len())?;
    let range = front + section.source_range.start..front + section.source_range.end;
    let whole = source.get(range.clone())?;
    // Blank lines before the first heading belong to what is before it.
    let start = range.start + (whole.len() - whole.trim_start_matches(['\n', '\r']).len());
    let end = range.start + whole.trim_end().len();
    Some(Cut { before: &source[..start], section: &source[start..end.max(start)], after: &source[end.max(start)..] })
}

/// Puts a section back as it was written now. `front` is the length of the front matter in `cut.before`.
///
/// # Errors
/// A sentence for the author when it is no section of its own any more, or would swallow what comes after it.
pub fn put_back(cut: Cut<'_>, front: usize, section: &str) -> Result<String, String> {
    let section = section.trim();
    if section.is_empty() {
        return Err("A section cannot be saved empty. To take it out, edit the whole runbook.".to_owned());
    }
    let after = match cut.after.trim_start_matches(['\n', '\r', ' ', '\t']) {
        "" => "\n".to_owned(),
        // The next heading stands on a line of its own.
        _ if !cut.after.starts_with("\n\n") => format!("\n\n{}", cut.after.trim_start_matches(['\n', '\r', ' ', '\t'])),
        _ => cut.after.to_owned(),
    };
    let text = format!("{}{section}{after}", cut.before);
    let document = parse(text.get(front..).unwrap_or_default())?;
    let begins = |at: usize| {
        document.sections.iter().any(|s| {
            let start = front + s.source_range.start;
            s.level > 0 && (start == at || text.get(start..at).is_some_and(|between| between.trim().is_empty()))
        })
    };
    if !begins(cut.before.len()) {
        return Err("A section begins with its heading, like \"## Do this now\". To join it to the one above, edit the whole runbook.".to_owned());
    }
    let rest = after.trim_start();
    if !rest.is_empty() && !begins(text.len() - rest.len()) {
        return Err("Something that is opened in this section is not closed, so that it would swallow the sections after it. Close it, for example a block of code with a line ```.".to_owned());
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &str = "---\ntitle: T\n---\n\nFirst.\n\n## One\n\nAbc.\n\n## Two\n\nDef.\n";
    const FRONT: usize = 17;

    fn edited(anchor: &str, section: &str) -> Result<String, String> {
        put_back(cut(TEXT, &TEXT[FRONT..], anchor).unwrap(), FRONT, section)
    }

    #[test]
    fn a_section_comes_out_alone_and_goes_back_into_its_place() {
        let one = cut(TEXT, &TEXT[FRONT..], "one").unwrap();
        assert_eq!(one.section, "## One\n\nAbc.");
        assert_eq!(edited("one", one.section).unwrap(), TEXT);
        assert_eq!(edited("one", "## Eins\n\nX.\n").unwrap(), TEXT.replace("## One\n\nAbc.", "## Eins\n\nX."));
        assert_eq!(edited("two", "## Two\n\nX.\n\n\n").unwrap(), TEXT.replace("Def.", "X."));
        assert_eq!(cut(TEXT, &TEXT[FRONT..], "three"), None);
    }

    #[test]
    fn what_is_no_section_any_more_is_refused_with_what_to_do() {
        for (text, says) in
            [("", "saved empty"), ("No heading.", "begins with its heading"), ("## One\n\n```\ncode", "swallow")]
        {
            assert!(edited("one", text).unwrap_err().contains(says), "{text}");
        }
        assert!(edited("two", "## Two\n\n```\ncode").is_ok(), "nothing comes after the last one");
    }

    proptest! {
        #[test]
        fn what_is_around_a_section_stays_to_the_letter(
            body in "(## [a-c]\n|[a-z ]{0,5}\n|\n|```\n|> # x\n|- ){0,14}", at in 0usize..4, new in "(## n\n|[a-z]{0,4}\n|\n|```\n){0,5}",
        ) {
            let anchors: Vec<String> = parse(&body).unwrap().sections.into_iter().map(|s| s.anchor).collect();
            if let Some(anchor) = anchors.get(at) && let Some(out) = cut(&body, &body, anchor) {
                prop_assert_eq!(format!("{}{}{}", out.before, out.section, out.after), body.clone());
                if let Ok(text) = put_back(out, 0, &new) {
                    prop_assert!(text.starts_with(out.before));
                    prop_assert!(text.trim_end().ends_with(out.after.trim()));
                }
            }
        }
    }
}
