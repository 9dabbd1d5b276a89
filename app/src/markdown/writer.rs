//! The HTML of one section, piece by piece: paragraphs, lists, tables, code, alerts, steps and footnotes.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use pulldown_cmark::{Alignment, BlockQuoteKind, CodeBlockKind, CowStr, Event, Tag, TagEnd};

use super::html::{push_text, text};
use super::links::panels_only;
use super::outline::{Note, Piece};
use super::render::Context;
use super::speech::{end_of, starts_block, words};
use crate::model::in_doubt::InDoubt;
use crate::model::review::words_at;

/// Deeper lists, quotes and emphasis are shown without their marks: browsers and people lose count before.
const DEEPEST: usize = 24;

/// The footnotes of the document.
pub(super) struct Notes {
    pub numbers: HashMap<String, usize>,
    /// Those that a reference before has led to: an id may stand only once.
    pub referred: HashSet<usize>,
}

/// Writes the HTML of one section.
pub(super) struct Writer<'w> {
    pub html: String,
    pub context: &'w dyn Context,
    notes: &'w mut Notes,
    title: &'w str,
    in_doubt: &'w InDoubt,
    tables: usize,
    codes: usize,
    steps: usize,
}

/// What is open while pieces are written one after the other.
#[derive(Default)]
pub(super) struct Open {
    /// How each open element ends.
    ends: Vec<Cow<'static, str>>,
    /// At which depth the label of a step is open.
    label: Option<usize>,
    /// Live panels that cannot stand in a line of text, waiting for its end.
    pub panels: Vec<String>,
    /// Whether the open paragraph holds nothing but live panels, so that they may stand where they are.
    pub panels_only: bool,
    /// How the columns of the open table are aligned, and the present column.
    columns: Vec<Alignment>,
    column: usize,
    in_head: bool,
    /// Whether a link is open: another cannot stand in it.
    pub in_link: bool,
}

impl<'w> Writer<'w> {
    /// A writer for a section with this title, of which something may be in doubt.
    pub fn new(context: &'w dyn Context, notes: &'w mut Notes, title: &'w str, in_doubt: &'w InDoubt) -> Self {
        Self { html: String::new(), context, notes, title, in_doubt, tables: 0, codes: 0, steps: 0 }
    }
}

impl Writer<'_> {
    /// Writes pieces that stand for themselves.
    pub fn pieces(&mut self, pieces: &[Piece<'_>]) {
        let mut open = Open::default();
        let mut i = 0;
        while let Some((event, _)) = pieces.get(i) {
            if open.label.is_some() && starts_block(event) {
                self.end_label(&mut open);
            }
            match event {
                Event::Start(Tag::Image { dest_url, .. }) => {
                    let end = end_of(pieces, i);
                    self.image(dest_url, &words(&pieces[i..=end]), &mut open);
                    i = end;
                }
                Event::Start(Tag::Link { dest_url, .. }) => {
                    let text = words(&pieces[i..=end_of(pieces, i)]);
                    let end = self.start_link(dest_url, &text);
                    open.in_link = true;
                    open.ends.push(end);
                }
                Event::Start(Tag::Paragraph) if panels_only(&pieces[i..]) => {
                    open.panels_only = true;
                    open.ends.push("".into());
                }
                Event::Start(Tag::Item) => {
                    let is_step =
                        pieces[i + 1..].iter().take(2).find(|(e, _)| !matches!(e, Event::Start(Tag::Paragraph)));
                    let is_step = matches!(is_step, Some((Event::TaskListMarker(_), _)));
                    self.start_item(is_step, &mut open);
                }
                Event::Start(tag) => self.start(tag, &mut open),
                Event::End(tag) => self.end(*tag, &mut open),
                Event::TaskListMarker(ticked) => {
                    let ticked = if *ticked { " checked" } else { "" };
                    let name = self.step_name(&pieces[i + 1..]);
                    self.html.push_str(&format!("<label><input type=\"checkbox\"{name} disabled{ticked}> "));
                    if self.in_doubt.steps.contains(&self.steps) {
                        self.html.push_str("<strong class=\"in-doubt\">May be wrong:</strong> ");
                    }
                    open.label = Some(open.ends.len());
                }
                Event::Text(words) => self.words(words),
                Event::Html(words) | Event::InlineHtml(words) => push_text(&mut self.html, words),
                Event::InlineMath(words) | Event::DisplayMath(words) => push_text(&mut self.html, words),
                Event::Code(words) => {
                    self.html.push_str("<code>");
                    self.words(words);
                    self.html.push_str("</code>");
                }
                Event::FootnoteReference(label) => self.footnote_reference(label),
                Event::SoftBreak => self.html.push('\n'),
                Event::HardBreak => self.html.push_str("<br>\n"),
                Event::Rule => self.html.push_str("<hr>\n"),
            }
            i += 1;
        }
        self.html.push_str(&open.panels.concat());
    }

    /// Writes words, with those marked that are in doubt.
    fn words(&mut self, words: &str) {
        // Each word is looked for once: a text may be nothing but such words.
        let places = |word| words_at(words, word).map(move |at| (at, Reverse(word.len())));
        let mut found: Vec<_> = self.in_doubt.words.iter().flat_map(|word| places(word)).collect();
        found.sort_unstable();
        let mut done = 0;
        for (at, Reverse(length)) in found {
            // Of two words at one place the longer is marked, of two that overlap the first.
            if at < done {
                continue;
            }
            push_text(&mut self.html, &words[done..at]);
            self.html.push_str("<mark><span class=\"sr\">May be wrong: </span>");
            push_text(&mut self.html, &words[at..at + length]);
            self.html.push_str("</mark>");
            done = at + length;
        }
        push_text(&mut self.html, &words[done..]);
    }

    /// The name of a box that has no words yet, as in a text that is being written.
    fn step_name(&self, rest: &[Piece<'_>]) -> String {
        let ends = |(event, _): &Piece<'_>| matches!(event, Event::End(_)) || starts_block(event);
        let end = rest.iter().position(ends).unwrap_or(rest.len());
        match words(&rest[..end]).is_empty()
            && matches!(rest.get(end), None | Some((Event::End(TagEnd::Item | TagEnd::Paragraph), _)))
        {
            true => format!(" aria-label=\"Step {}\"", self.steps),
            false => String::new(),
        }
    }

    fn start_item(&mut self, is_step: bool, open: &mut Open) {
        if open.ends.len() >= DEEPEST {
            open.ends.push(" ".into());
            return;
        }
        if is_step {
            self.steps += 1;
            self.html.push_str(&format!("<li class=\"step\" data-step=\"{}\">", self.steps));
        } else {
            self.html.push_str("<li>");
        }
        open.ends.push("</li>\n".into());
    }

    fn start(&mut self, tag: &Tag<'_>, open: &mut Open) {
        let deep = open.ends.len() >= DEEPEST;
        let nests = matches!(tag, Tag::BlockQuote(_) | Tag::List(_) | Tag::Emphasis | Tag::Strong | Tag::Strikethrough);
        if deep && nests {
            open.ends.push("".into());
            return;
        }
        let (start, end): (Cow<'_, str>, Cow<'static, str>) = match tag {
            Tag::Paragraph | Tag::HtmlBlock => ("<p>".into(), "</p>\n".into()),
            // A heading in a quote or a list opens no section, so it is no heading of the page either.
            Tag::Heading { .. } => ("<p><strong>".into(), "</strong></p>\n".into()),
            Tag::BlockQuote(None) => ("<blockquote>".into(), "</blockquote>\n".into()),
            Tag::BlockQuote(Some(kind)) => {
                let (name, word) = alert(*kind);
                let start =
                    format!("<div class=\"alert alert-{name}\" role=\"note\"><p class=\"alert-title\">{word}</p>");
                (start.into(), "</div>\n".into())
            }
            Tag::CodeBlock(kind) => (self.start_code(kind).into(), "</code></pre>\n".into()),
            Tag::List(None) => ("<ul>\n".into(), "</ul>\n".into()),
            Tag::List(Some(1)) => ("<ol>\n".into(), "</ol>\n".into()),
            Tag::List(Some(first)) => (format!("<ol start=\"{first}\">\n").into(), "</ol>\n".into()),
            Tag::Table(columns) => {
                open.columns.clone_from(columns);
                self.tables += 1;
                let label = region("Table", self.tables, self.title);
                let start =
                    format!("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{label}\"><table>");
                (start.into(), "</tbody></table></div>\n".into())
            }
            Tag::TableHead => {
                (open.in_head, open.column) = (true, 0);
                ("<thead><tr>".into(), "</tr></thead><tbody>\n".into())
            }
            Tag::TableRow => {
                (open.in_head, open.column) = (false, 0);
                ("<tr>".into(), "</tr>\n".into())
            }
            Tag::TableCell => cell(open),
            Tag::Emphasis => ("<em>".into(), "</em>".into()),
            Tag::Strong => ("<strong>".into(), "</strong>".into()),
            Tag::Strikethrough => ("<del>".into(), "</del>".into()),
            // Handled before, or never there with the options that are on.
            _ => ("".into(), "".into()),
        };
        self.html.push_str(&start);
        open.ends.push(end);
    }

    fn start_code(&mut self, kind: &CodeBlockKind<'_>) -> String {
        self.codes += 1;
        let label = region("Code", self.codes, self.title);
        let language: String = match kind {
            CodeBlockKind::Fenced(info) => {
                info.chars().take_while(|c| c.is_ascii_alphanumeric() || "+-_".contains(*c)).take(32).collect()
            }
            CodeBlockKind::Indented => String::new(),
        };
        let class = if language.is_empty() { String::new() } else { format!(" class=\"language-{language}\"") };
        format!("<pre class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{label}\"><code{class}>")
    }

    fn end(&mut self, tag: TagEnd, open: &mut Open) {
        if open.label.is_some_and(|depth| depth >= open.ends.len()) {
            self.end_label(open);
        }
        if tag == TagEnd::Link {
            open.in_link = false;
        }
        if matches!(tag, TagEnd::Item | TagEnd::TableCell) {
            self.html.push_str(&open.panels.drain(..).collect::<String>());
        }
        if let Some(end) = open.ends.pop() {
            self.html.push_str(&end);
        }
        if matches!(tag, TagEnd::Paragraph | TagEnd::Heading(_)) {
            open.panels_only = false;
            self.html.push_str(&open.panels.drain(..).collect::<String>());
        }
    }

    fn end_label(&mut self, open: &mut Open) {
        self.html.push_str("</label>");
        open.label = None;
    }

    fn footnote_reference(&mut self, label: &CowStr<'_>) {
        let Some(number) = self.notes.numbers.get(&**label).copied() else {
            push_text(&mut self.html, &format!("[^{label}]"));
            return;
        };
        let prefix = text(self.context.id_prefix());
        let id =
            if self.notes.referred.insert(number) { format!(" id=\"fnref-{prefix}{number}\"") } else { String::new() };
        self.html
            .push_str(&format!("<sup class=\"footnote-ref\"><a href=\"#fn-{prefix}{number}\"{id}>{number}</a></sup>"));
    }

    /// Writes the footnotes under a section.
    pub fn footnotes(&mut self, notes: &[Note<'_>]) {
        self.html.push_str("<div class=\"footnotes\"><ol>\n");
        let prefix = text(self.context.id_prefix());
        for Note { number, pieces, .. } in notes {
            self.html.push_str(&format!("<li id=\"fn-{prefix}{number}\" value=\"{number}\">"));
            self.pieces(pieces);
            if self.notes.referred.contains(number) {
                let back = format!("<a class=\"footnote-back\" href=\"#fnref-{prefix}{number}\">Back to the text</a>");
                self.html.push_str(&back);
            }
            self.html.push_str("</li>\n");
        }
        self.html.push_str("</ol></div>\n");
    }
}

fn cell(open: &mut Open) -> (Cow<'static, str>, Cow<'static, str>) {
    let class = match open.columns.get(open.column) {
        Some(Alignment::Right) => " class=\"align-right\"",
        Some(Alignment::Center) => " class=\"align-center\"",
        _ => "",
    };
    open.column += 1;
    match open.in_head {
        true => (format!("<th scope=\"col\"{class}>").into(), "</th>".into()),
        false => (format!("<td{class}>").into(), "</td>".into()),
    }
}

fn alert(kind: BlockQuoteKind) -> (&'static str, &'static str) {
    match kind {
        BlockQuoteKind::Note => ("note", "Note"),
        BlockQuoteKind::Tip => ("tip", "Tip"),
        BlockQuoteKind::Important => ("important", "Important"),
        BlockQuoteKind::Warning => ("warning", "Warning"),
        BlockQuoteKind::Caution => ("caution", "Caution"),
    }
}

/// The label of a part of the page that scrolls, unlike any other on the page: "Table", "Table 2: What it means".
fn region(what: &str, number: usize, title: &str) -> String {
    let count = if number > 1 { format!(" {number}") } else { String::new() };
    let title = if title.is_empty() { String::new() } else { format!(": {}", text(title)) };
    format!("{what}{count}{title}")
}
