//! A runbook's file: what is above the text, the text, and what the text speaks of.

use std::sync::Arc;

use app::markdown::{self, Outline};
use app::model::book::FrontMatter;
use app::model::check::Lines;
use app::model::review::fingerprint;
use app::model::runbook::RunbookText;

use super::schema::Schema;
use super::shape::shape;
use super::yaml::{self, Wrong};

/// A runbook as it was read, also when something is wrong with it.
pub(super) struct Runbook {
    pub text: RunbookText,
    /// Where the front matter was written.
    pub lines: Lines,
    pub wrong: Vec<Wrong>,
}

/// Reads a runbook. What is wrong in the front matter is left out of it; the text is taken in any case.
pub(super) fn runbook(slug: &str, file: &str, source: &str) -> Runbook {
    let Parts { front, front_line, body, body_line } = cut(source);
    let (nodes, mut wrong) = yaml::documents(front, front_line);
    let mut front = FrontMatter::default();
    let mut lines = Lines::new(1);
    if let Some(node) = nodes.first() {
        let mut shaped = shape(node, Schema::front_matter());
        wrong.append(&mut shaped.wrong);
        let mut value = shaped.value.unwrap_or_default();
        if value.is_object() && value["title"].is_null() {
            value["title"] = "".into();
        }
        match serde_json::from_value(value) {
            Ok(read) => (front, lines) = (read, shaped.lines),
            // The sentence of the shape says it already, where there is one.
            Err(error) if wrong.is_empty() => wrong.push(Wrong { line: node.line, text: error.to_string() }),
            Err(_) => {}
        }
    }
    let (outline, unread) = match markdown::parse(body) {
        Ok(outline) => (outline, None),
        Err(text) => (Outline::default(), Some(text)),
    };
    wrong.extend(unread.iter().map(|text| Wrong { line: body_line, text: text.clone() }));
    if front.title.trim().is_empty() {
        let heading = outline.sections.iter().map(|s| &s.title).find(|title| !title.is_empty());
        front.title = heading.cloned().unwrap_or_else(|| slug.to_owned());
    }
    front.title = markdown::seen(&front.title).into_owned();
    let text = RunbookText {
        slug: slug.to_owned(),
        file: file.to_owned(),
        front: Arc::new(front),
        source: source.into(),
        print: fingerprint(source),
        body_line,
        outline: Arc::new(outline),
        unread,
    };
    Runbook { text, lines, wrong }
}

struct Parts<'s> {
    front: &'s str,
    front_line: usize,
    body: &'s str,
    body_line: usize,
}

/// Cuts a source at the lines `---`, of which the first must be the first line of all.
fn cut(source: &str) -> Parts<'_> {
    let source = source.strip_prefix('\u{feff}').unwrap_or(source);
    let is_mark = |line: &str| line.trim_end() == "---";
    let whole = Parts { front: "", front_line: 1, body: source, body_line: 1 };
    let mut lines = source.split_inclusive('\n');
    let Some(first) = lines.next().filter(|line| is_mark(line)) else { return whole };
    let mut at = first.len();
    for (number, line) in lines.enumerate() {
        if is_mark(line) {
            return Parts {
                front: &source[first.len()..at],
                front_line: 2,
                body: &source[at + line.len()..],
                body_line: number + 3,
            };
        }
        at += line.len();
    }
    // A line `---` without another is a rule at the top of the text.
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runbook_knows_its_front_matter_and_where_its_text_starts() {
        let source = "---\ntitle: ERP refuses orders\nfor:\n  - component:erp\ncritical: true\nreview_every: 90d\n---\n\n## Do this now\n";
        let Runbook { text, lines, wrong } = runbook("erp", "guides/erp.md", source);
        assert_eq!(wrong, []);
        assert_eq!((text.front.title.as_str(), text.front.critical), ("ERP refuses orders", true));
        assert_eq!((text.outline.body.as_str(), text.body_line), ("\n## Do this now\n", 8));
        assert!(text.outline.anchors().eq(["do-this-now"]));
        assert_eq!(lines.line("/for/0"), 4);
    }

    #[test]
    fn a_runbook_without_a_title_is_called_by_its_first_heading_or_its_file() {
        let title = |source| runbook("the-slug", "the-slug.md", source).text.front.title.clone();
        assert_eq!(title("Words.\n\n# The *title*\n"), "The title");
        assert_eq!(title("---\nowner: x\n---\nWords."), "the-slug");
        assert_eq!(title("---\n---\n## Heading"), "Heading");
    }

    #[test]
    fn wrong_front_matter_names_its_line_and_does_not_take_the_text_away() {
        let source = "---\ntitle: X\nfro: [component:erp]\ncritical: yes\nfor: component:erp\n---\nText";
        let Runbook { text, wrong, .. } = runbook("x", "x.md", source);
        let wrong: Vec<_> = wrong.iter().map(|w| (w.line, w.text.as_str())).collect();
        assert_eq!(
            wrong,
            [
                (3, "unknown key \"fro\"; did you mean \"for\"?"),
                (4, "true or false is needed here, not \"yes\""),
                (5, "a list is needed here; write [component:erp]"),
            ]
        );
        assert_eq!((text.outline.body.as_str(), text.front.title.as_str()), ("Text", "X"));
    }

    #[test]
    fn a_rule_at_the_top_of_a_text_is_no_front_matter() {
        assert_eq!(runbook("x", "x.md", "---\nText").text.outline.body, "---\nText");
    }
}
