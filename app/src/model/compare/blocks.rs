//! A text as a reader sees it: paragraphs, headings, items, rows and lines of code, in reading order.

use pulldown_cmark::{BlockQuoteKind, Event, Options, Parser, Tag, TagEnd};

use super::{DiffBlock, Difference};

/// One block of a rendered document.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Block {
    /// As in [`DiffBlock`].
    pub kind: &'static str,
    /// Its words.
    pub text: String,
    /// Where its links, facts and live panels lead; readers do not see them, but they decide what a section speaks of.
    pub targets: Vec<String>,
}

impl Block {
    /// The block as one run of words.
    pub fn whole(&self, difference: Difference) -> DiffBlock {
        DiffBlock { kind: self.kind, words: vec![(difference, self.text.clone())], moved: None }
    }
}

/// Reads markdown into blocks, in reading order.
pub fn blocks(markdown: &str) -> Vec<Block> {
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
