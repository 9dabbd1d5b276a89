//! A runbook as it is written: what is above the text, and what is in the text, section by section.

use std::ops::Range;
use std::sync::Arc;

use super::book::FrontMatter;
use super::mention::{Fact, Mention, Panel, Target};
use super::reference::Reference;

/// A runbook as it was written in a file or a draft, with what was found in it.
#[derive(Debug, Clone, PartialEq)]
pub struct RunbookText {
    /// The file's name without its ending; an id.
    pub slug: String,
    /// The file, relative to the folder of the book, with `/`.
    pub file: String,
    /// What is above the text.
    pub front: Arc<FrontMatter>,
    /// The whole text.
    pub source: Arc<str>,
    /// The fingerprint of the whole text (`review::fingerprint`).
    pub print: String,
    /// The line of the source on which the body starts, from 1.
    pub body_line: usize,
    /// What is in the body.
    pub outline: Arc<Outline>,
    /// Why the body could not be read, a sentence for the author; its outline is empty then.
    pub unread: Option<String>,
}

impl RunbookText {
    /// What is in its body.
    ///
    /// # Errors
    /// Why the body could not be read, a sentence for the author.
    pub fn read(&self) -> Result<&Arc<Outline>, String> {
        match &self.unread {
            None => Ok(&self.outline),
            Some(why) => Err(why.clone()),
        }
    }
}

/// A text that has been read: what is in it, section by section.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outline {
    /// The markdown it was read from.
    pub body: String,
    /// The sections in order. What stands before the first heading is a section without anchor and title.
    pub sections: Vec<Section>,
    /// Everything it speaks of in order, repeats included, with lines.
    pub mentions: Vec<Mention>,
    /// The addresses of the images that have no meaning of ours, in order.
    pub images: Vec<String>,
}

/// A heading and what is under it, up to the next heading of any level.
#[derive(Debug, Clone, PartialEq)]
pub struct Section {
    /// Stable and unique in the document; empty before the first heading.
    pub anchor: String,
    /// The words of the heading.
    pub title: String,
    /// The level of the heading, 1 to 6; 0 before the first heading.
    pub level: u8,
    /// Where it stands in the body, in bytes: from its heading to the next one.
    pub source_range: Range<usize>,
    /// What it speaks of, each once, in order.
    pub links: Vec<Reference>,
    /// What it states.
    pub facts: Vec<Fact>,
    /// What it shows live.
    pub panels: Vec<Panel>,
    /// What there is to do.
    pub steps: Vec<StepItem>,
    /// Its words without the heading, for search.
    pub text: String,
    /// The fingerprint of its source (`review::fingerprint`): what a review pins.
    pub print: String,
}

/// One line to tick.
#[derive(Debug, Clone, PartialEq)]
pub struct StepItem {
    /// Which one in its section, from 1; `data-step` in the HTML.
    pub index: usize,
    /// Its words.
    pub text: String,
    /// What it speaks of, in order.
    pub targets: Vec<Target>,
}

impl Outline {
    /// The anchors of the sections, in order.
    pub fn anchors(&self) -> impl Iterator<Item = &String> {
        self.sections.iter().map(|section| &section.anchor).filter(|anchor| !anchor.is_empty())
    }

    /// Whether a link leads to something in this text, which is that of the runbook `slug`; none when it leads elsewhere.
    pub fn has_own(&self, slug: &str, reference: &Reference) -> Option<bool> {
        match reference {
            Reference::Runbook(of, section) if of == slug => {
                Some(section.as_ref().is_none_or(|section| self.anchors().any(|anchor| anchor == section)))
            }
            _ => None,
        }
    }
}

/// The author of a version as somebody who did something: a version that came from a file before it was committed has
/// that file as its author.
pub fn author_words(author: &str) -> String {
    if author.ends_with(".md") { format!("the file {author}") } else { author.to_owned() }
}

/// What is said after "saved": `by anna`, `from the file guides/erp.md`.
pub fn saved_by(author: &str) -> String {
    if author.ends_with(".md") { format!("from the file {author}") } else { format!("by {author}") }
}

/// That there is a version: `anna saved version 3`, `Version 3 came from the file guides/erp.md`.
pub fn version_came(author: &str, version: i64) -> String {
    match author.ends_with(".md") {
        true => format!("Version {version} came {}", saved_by(author)),
        false => format!("{author} saved version {version}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_told_as_a_file_and_not_as_a_person() {
        assert_eq!((saved_by("anna").as_str(), author_words("anna").as_str()), ("by anna", "anna"));
        assert_eq!(saved_by("guides/erp.md"), "from the file guides/erp.md");
        assert_eq!(author_words("guides/erp.md"), "the file guides/erp.md");
        assert_eq!(version_came("anna", 3), "anna saved version 3");
        assert_eq!(version_came("guides/erp.md", 3), "Version 3 came from the file guides/erp.md");
    }
}
