//! What differs between two texts of a document, as a reader sees it: block by block, word by word.

use std::collections::BTreeMap;

use pulldown_cmark::{BlockQuoteKind, Event, Options, Parser, Tag, TagEnd};
use serde::Serialize;
use similar::{Algorithm, ChangeTag, DiffOp, TextDiff, capture_diff_slices};

/// One paragraph, heading, list item, table row, piece of code, or list of link targets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DiffBlock {
    /// `heading`, `text`, `item`, `row`, `code`; `link` for targets that differ behind the words just above.
    pub kind: &'static str,
    /// The words, each run with how it differs.
    pub words: Vec<(Difference, String)>,
}

/// How a run of words differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Difference {
    Same,
    Removed,
    Added,
}

impl DiffBlock {
    /// Whether nothing in it differs.
    pub fn same(&self) -> bool {
        self.words.iter().all(|(difference, _)| *difference == Difference::Same)
    }
}

/// Compares two markdown texts as rendered prose.
///
/// Blocks come in reading order. The runs that are the same or removed spell the old prose, the runs that are the same
/// or added the new one; only blocks of kind `link` stand beside the prose. Front matter counts as code, line by line.
pub fn compare(from_markdown: &str, to_markdown: &str) -> Vec<DiffBlock> {
    let (from, to) = (blocks(from_markdown), blocks(to_markdown));
    let mut out = Vec::new();
    for op in capture_diff_slices(Algorithm::Patience, &from, &to) {
        if let DiffOp::Equal { old_index, len, .. } = op {
            from[old_index..old_index + len].iter().for_each(|b| out.push(b.whole(Difference::Same)));
            continue;
        }
        let (old, new) = (&from[op.old_range()], &to[op.new_range()]);
        for pair in pairs(old, new) {
            match pair {
                (Some(o), Some(n)) => changed(&old[o], &new[n], &mut out),
                (Some(o), None) => out.push(old[o].whole(Difference::Removed)),
                (None, Some(n)) => out.push(new[n].whole(Difference::Added)),
                (None, None) => {}
            }
        }
    }
    out
}

/// One block of a rendered document.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Block {
    kind: &'static str,
    text: String,
    /// Where its links, facts and live panels lead; readers do not see them, but they decide what a section speaks of.
    targets: Vec<String>,
}

impl Block {
    fn whole(&self, difference: Difference) -> DiffBlock {
        DiffBlock { kind: self.kind, words: vec![(difference, self.text.clone())] }
    }
}

/// Reads markdown into blocks, in reading order.
fn blocks(markdown: &str) -> Vec<Block> {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_GFM
        | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS;
    let mut reader = Reader::default();
    Parser::new_ext(markdown, options).for_each(|event| reader.read(event));
    reader.flush();
    reader.done
}

/// Collects blocks from the events of a markdown parser.
#[derive(Default)]
struct Reader {
    done: Vec<Block>,
    text: String,
    targets: Vec<String>,
    /// The kinds of the blocks that are open, innermost last.
    open: Vec<&'static str>,
}

impl Reader {
    fn read(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) if self.open.last() == Some(&"code") => self.code(&text),
            Event::Text(text) | Event::Code(text) | Event::Html(text) | Event::InlineHtml(text) => {
                self.text.push_str(&text);
            }
            Event::FootnoteReference(name) => self.text.push_str(&format!("[{name}]")),
            Event::SoftBreak | Event::HardBreak => self.text.push(' '),
            _ => {}
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Heading { .. } => self.enter("heading"),
            Tag::Paragraph if self.open.last() == Some(&"item") => self.flush(),
            Tag::Paragraph | Tag::HtmlBlock => self.enter("text"),
            Tag::BlockQuote(kind) => {
                self.enter("text");
                self.text.push_str(kind.map_or("", label));
                self.flush();
            }
            Tag::Item => self.enter("item"),
            Tag::CodeBlock(_) | Tag::MetadataBlock(_) => self.enter("code"),
            Tag::TableHead | Tag::TableRow => self.enter("row"),
            Tag::TableCell if !self.text.is_empty() => self.text.push_str(" | "),
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => self.targets.push(dest_url.to_string()),
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph if self.open.last() == Some(&"item") => self.flush(),
            TagEnd::Heading(_)
            | TagEnd::Paragraph
            | TagEnd::HtmlBlock
            | TagEnd::BlockQuote(_)
            | TagEnd::Item
            | TagEnd::CodeBlock
            | TagEnd::MetadataBlock(_)
            | TagEnd::TableHead
            | TagEnd::TableRow => {
                self.flush();
                self.open.pop();
            }
            _ => {}
        }
    }

    fn enter(&mut self, kind: &'static str) {
        self.flush();
        self.open.push(kind);
    }

    /// Code is compared line by line: a long piece with one changed line should not be marked as a whole.
    fn code(&mut self, text: &str) {
        for line in text.lines().filter(|l| !l.trim().is_empty()) {
            self.done.push(Block { kind: "code", text: line.to_owned(), targets: Vec::new() });
        }
    }

    fn flush(&mut self) {
        let (text, targets) = (std::mem::take(&mut self.text), std::mem::take(&mut self.targets));
        if !text.trim().is_empty() || !targets.is_empty() {
            let kind = self.open.last().copied().unwrap_or("text");
            self.done.push(Block { kind, text, targets });
        }
    }
}

/// The word that a reader sees on a callout.
fn label(kind: BlockQuoteKind) -> &'static str {
    match kind {
        BlockQuoteKind::Note => "Note",
        BlockQuoteKind::Tip => "Tip",
        BlockQuoteKind::Important => "Important",
        BlockQuoteKind::Warning => "Warning",
        BlockQuoteKind::Caution => "Caution",
    }
}

/// Above this many comparisons a rewritten stretch is shown as removed and added, instead of searched for likenesses.
const MOST_COMPARISONS: usize = 20_000;

/// Two blocks are versions of one when at least this share of their words is common.
const ALIKE: f64 = 0.4;

type Pair = (Option<usize>, Option<usize>);

/// Puts old and new blocks side by side, in order, so that the likeness of the pairs is greatest.
fn pairs(old: &[Block], new: &[Block]) -> Vec<Pair> {
    let (rows, columns) = (old.len(), new.len());
    let apart = || (0..rows).map(|o| (Some(o), None)).chain((0..columns).map(|n| (None, Some(n)))).collect();
    if rows * columns > MOST_COMPARISONS || rows * columns == 0 {
        return apart();
    }
    let like: Vec<Vec<f64>> = old.iter().map(|o| new.iter().map(|n| likeness(o, n)).collect()).collect();
    // best[o][n]: the greatest likeness in all of what comes from old block `o` and new block `n` on.
    let mut best = vec![vec![0.0_f64; columns + 1]; rows + 1];
    for o in (0..rows).rev() {
        for n in (0..columns).rev() {
            best[o][n] = best[o + 1][n].max(best[o][n + 1]).max(like[o][n] + best[o + 1][n + 1]);
        }
    }
    let (mut o, mut n, mut out) = (0, 0, Vec::new());
    while o < rows || n < columns {
        if o < rows && n < columns && like[o][n] > 0.0 && best[o][n] == like[o][n] + best[o + 1][n + 1] {
            out.push((Some(o), Some(n)));
            (o, n) = (o + 1, n + 1);
        } else if o < rows && (n == columns || best[o][n] == best[o + 1][n]) {
            out.push((Some(o), None));
            o += 1;
        } else {
            out.push((None, Some(n)));
            n += 1;
        }
    }
    out
}

/// The share of words that two blocks have in common, 0 to 1; 0 when too few, or when they are of different kinds.
fn likeness(old: &Block, new: &Block) -> f64 {
    if old.kind != new.kind {
        return 0.0;
    }
    let count = |text: &str| text.split_whitespace().count();
    let mut words: BTreeMap<&str, usize> = BTreeMap::new();
    old.text.split_whitespace().for_each(|w| *words.entry(w).or_default() += 1);
    let common = new.text.split_whitespace().filter(|w| {
        words.get_mut(w).is_some_and(|left| {
            let found = *left > 0;
            *left = left.saturating_sub(1);
            found
        })
    });
    let share = 2.0 * common.count() as f64 / (count(&old.text) + count(&new.text)).max(1) as f64;
    if share >= ALIKE || old.text == new.text { share.max(ALIKE) } else { 0.0 }
}

/// Writes down how one block became another: its words, then its targets where they differ.
fn changed(old: &Block, new: &Block, out: &mut Vec<DiffBlock>) {
    out.push(DiffBlock { kind: new.kind, words: word_by_word(&old.text, &new.text) });
    let targets = targets(&old.targets, &new.targets);
    if !targets.is_empty() {
        out.push(DiffBlock { kind: "link", words: targets });
    }
}

/// The targets that only one of the two has, each as often as it is more.
fn targets(old: &[String], new: &[String]) -> Vec<(Difference, String)> {
    let mut balance: BTreeMap<&str, i64> = BTreeMap::new();
    old.iter().for_each(|t| *balance.entry(t).or_default() -= 1);
    new.iter().for_each(|t| *balance.entry(t).or_default() += 1);
    let side = |wanted: Difference, sign: i64| {
        balance
            .iter()
            .filter(move |(_, n)| n.signum() == sign)
            .map(move |(t, _)| (wanted, (*t).to_owned()))
            .collect::<Vec<_>>()
    };
    [side(Difference::Removed, -1), side(Difference::Added, 1)].concat()
}

/// Compares two plain texts word by word; neighbouring changes with only space between are one change.
fn word_by_word(old: &str, new: &str) -> Vec<(Difference, String)> {
    let mut runs = Runs::default();
    for change in TextDiff::from_words(old, new).iter_all_changes() {
        let word = *change.value_ref();
        match change.tag() {
            ChangeTag::Delete => runs.change(word, ""),
            ChangeTag::Insert => runs.change("", word),
            ChangeTag::Equal => runs.same(word),
        }
    }
    runs.settle();
    runs.done
}

/// Runs of words while they are put together.
#[derive(Default)]
struct Runs {
    done: Vec<(Difference, String)>,
    removed: String,
    added: String,
    /// Space after a change, of which it is not known yet whether another change follows.
    space: String,
}

impl Runs {
    fn change(&mut self, removed: &str, added: &str) {
        let space = std::mem::take(&mut self.space);
        self.removed = format!("{}{space}{removed}", self.removed);
        self.added = format!("{}{space}{added}", self.added);
    }

    fn same(&mut self, word: &str) {
        let swapped = !self.removed.is_empty() && !self.added.is_empty();
        if swapped && word.trim().is_empty() {
            self.space.push_str(word);
            return;
        }
        self.settle();
        self.push(Difference::Same, word.to_owned());
    }

    fn settle(&mut self) {
        let (removed, added) = (std::mem::take(&mut self.removed), std::mem::take(&mut self.added));
        let space = std::mem::take(&mut self.space);
        self.push(Difference::Removed, removed);
        self.push(Difference::Added, added);
        self.push(Difference::Same, space);
    }

    fn push(&mut self, difference: Difference, words: String) {
        match self.done.last_mut() {
            _ if words.is_empty() => {}
            Some((last, text)) if *last == difference => text.push_str(&words),
            _ => self.done.push((difference, words)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Difference::{Added, Removed, Same};
    use super::*;
    use proptest::prelude::*;

    fn words(block: &DiffBlock) -> Vec<(Difference, &str)> {
        block.words.iter().map(|(d, w)| (*d, w.as_str())).collect()
    }

    #[test]
    fn a_changed_number_is_marked_and_the_words_around_it_are_not() {
        let diff = compare("It tries 6 times.", "It tries 8 times.");
        assert_eq!(diff.len(), 1);
        assert_eq!(words(&diff[0]), [(Same, "It tries "), (Removed, "6"), (Added, "8"), (Same, " times.")]);
    }

    #[test]
    fn neighbouring_changes_read_as_one_phrase() {
        let diff = compare("Call the night desk on weekdays now.", "Call the duty phone at weekends now.");
        assert_eq!(
            words(&diff[0]),
            [
                (Same, "Call the "),
                (Removed, "night desk on weekdays"),
                (Added, "duty phone at weekends"),
                (Same, " now.")
            ]
        );
    }

    #[test]
    fn an_inserted_step_leaves_its_neighbours_alone() {
        let diff = compare("- Look at the queue\n- Call the desk", "- Look at the queue\n- Wait\n- Call the desk");
        let marks: Vec<_> = diff.iter().map(|b| (b.kind, b.words[0].0)).collect();
        assert_eq!(marks, [("item", Same), ("item", Added), ("item", Same)]);
    }

    #[test]
    fn markup_is_not_a_difference_because_readers_do_not_see_it() {
        assert!(compare("Call the **duty** desk", "Call the _duty_ desk").iter().all(DiffBlock::same));
    }

    #[test]
    fn a_link_that_leads_elsewhere_is_shown_below_unchanged_words() {
        let diff = compare("See [the queue](component:a).", "See [the queue](component:b).");
        assert!(diff[0].same());
        assert_eq!(diff[1].kind, "link");
        assert_eq!(words(&diff[1]), [(Removed, "component:a"), (Added, "component:b")]);
    }

    #[test]
    fn a_paragraph_that_became_a_heading_is_removed_and_added() {
        let diff = compare("Background", "## Background");
        let marks: Vec<_> = diff.iter().map(|b| (b.kind, b.words[0].0)).collect();
        assert_eq!(marks, [("text", Removed), ("heading", Added)]);
    }

    #[test]
    fn a_table_is_compared_row_by_row_and_front_matter_line_by_line() {
        let table =
            |last: &str| format!("---\ntitle: A\nowner: {last}\n---\n\n| a | b |\n|---|---|\n| one | {last} |\n");
        let diff = compare(&table("x"), &table("y"));
        let changed: Vec<_> = diff.iter().filter(|b| !b.same()).map(|b| b.kind).collect();
        assert_eq!(changed, ["code", "row"]);
        assert_eq!(words(&diff[3]), [(Same, "one | "), (Removed, "x"), (Added, "y")]);
    }

    #[test]
    fn a_document_compared_with_itself_does_not_differ() {
        let text = include_str!("../../../runbooks/guides/erp-refuses-orders.md");
        let diff = compare(text, text);
        assert!(diff.len() > 30 && diff.iter().all(DiffBlock::same));
    }

    fn spell(diff: &[DiffBlock], unwanted: Difference) -> String {
        let prose = diff.iter().filter(|b| b.kind != "link").flat_map(|b| &b.words);
        prose.filter(|(d, _)| *d != unwanted).map(|(_, w)| w.as_str()).collect()
    }

    fn plain(markdown: &str) -> String {
        blocks(markdown).iter().map(|b| b.text.as_str()).collect()
    }

    proptest! {
        #[test]
        fn what_is_kept_and_removed_is_the_old_text_and_what_is_kept_and_added_the_new(
            old in "([a-c ]{0,12}(\n|\n\n|\n- |\n> |\n# |[*`\\[\\]()|<]|\n```\n)){0,12}",
            new in "([a-c ]{0,12}(\n|\n\n|\n- |\n> |\n# |[*`\\[\\]()|<]|\n```\n)){0,12}",
        ) {
            let diff = compare(&old, &new);
            prop_assert_eq!(spell(&diff, Added), plain(&old));
            prop_assert_eq!(spell(&diff, Removed), plain(&new));
        }
    }
}
