//! The book on disk: a folder of YAML and markdown, read as far as it can be, with what is wrong and where.

mod amend;
mod amending;
mod back;
mod backstage;
mod checkpoint;
mod files;
mod frontmatter;
mod git;
mod images;
mod node;
mod parses;
mod reader;
pub mod schema;
mod shape;
mod watch;
mod write;
mod yaml;

use std::io;
use std::path::{Path, PathBuf};

use app::model::book::Book;
use app::model::check::{Anchors, Finding, Known, Places, Severity, check_runbook};
use app::model::reference::Reference;
use app::model::runbook::RunbookText;

pub use amend::{Amendment, path};
pub use amending::{Amended, By, NotDone, amend_book};
pub use back::{Folder, FolderStanding, GitStanding, write_back, write_soon};
pub use images::hash as image_hash;
pub use watch::{first_import, look, take_over_files, watch};

use parses::Parses;
use reader::{Reader, error};

/// What a folder holds, as far as it could be read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reading {
    /// Every entry that could be read.
    pub book: Book,
    /// Every runbook, sorted by file.
    pub runbooks: Vec<RunbookText>,
    /// Everything that is wrong, in the order of files and lines. Files are named so that they can be opened.
    pub findings: Vec<Finding>,
    /// Where everything was written.
    pub places: Places,
}

impl Reading {
    /// Whether something is missing from the book because it could not be read.
    pub fn has_errors(&self) -> bool {
        self.findings.iter().any(|f| f.severity == Severity::Error)
    }
}

/// Why a folder could not be read at all.
#[derive(Debug)]
pub enum BookError {
    /// It is not there.
    Missing(PathBuf),
    /// The file system does not let us.
    Unreadable(PathBuf, io::Error),
}

impl std::fmt::Display for BookError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing(dir) => {
                write!(f, "there is no folder {}; name the folder of the book with --book", dir.display())
            }
            Self::Unreadable(dir, error) => write!(f, "the book in {} cannot be read: {error}", dir.display()),
        }
    }
}

impl std::error::Error for BookError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Missing(_) => None,
            Self::Unreadable(_, error) => Some(error),
        }
    }
}

/// Reads a folder with everything below it, and checks what it says.
///
/// # Errors
/// Only when the folder itself cannot be read. Whatever is wrong in it is a finding, and the rest is read all the same.
pub fn read(dir: &Path) -> Result<Reading, BookError> {
    read_again(dir, &mut Parses::default())
}

/// The same; files that are as they were parsed before need not be read.
fn read_again(dir: &Path, parses: &mut Parses) -> Result<Reading, BookError> {
    if !dir.is_dir() {
        return Err(BookError::Missing(dir.to_owned()));
    }
    let files = files::files(dir).map_err(|error| BookError::Unreadable(dir.to_owned(), error))?;
    let parsed = parses.parse(&files);
    let mut reader = Reader::default();
    for (file, parsed) in files.iter().zip(&parsed) {
        reader.take(file, parsed);
    }
    Ok(reader.finish())
}

/// Reads a folder as if one of its YAML files had this text, or was there.
fn read_with(dir: &Path, path: &Path, text: &str, parses: &mut Parses) -> Result<Reading, BookError> {
    let mut files = files::files(dir).map_err(|error| BookError::Unreadable(dir.to_owned(), error))?;
    if !files.iter().any(|file| file.path == path) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        files.push(files::File { name, path: path.to_owned(), kind: files::Kind::Yaml });
    }
    let parsed = parses.parse(&files);
    let mut reader = Reader::default();
    for (file, parsed) in files.iter().zip(&parsed) {
        match file.path == path {
            true => reader.take(file, &reader::parse_text(file, text)),
            false => reader.take(file, parsed),
        }
    }
    Ok(reader.finish())
}

/// A runbook from its whole text, whatever is wrong with it: a version, or a draft. It has no file.
pub fn runbook_text(slug: &str, source: &str) -> RunbookText {
    frontmatter::runbook(slug, "", source).text
}

/// Everything that is wrong with the text of a runbook that is being written. `anchors` are those of all the others.
pub fn check_draft(slug: &str, source: &str, book: &Book, anchors: &Anchors) -> Vec<Finding> {
    let frontmatter::Runbook { text, lines, wrong } = frontmatter::runbook(slug, slug, source);
    let mut places = Places::default();
    // Nothing else was noted, so nothing can be in the way.
    let _ = places.add(Reference::Runbook(slug.to_owned(), None), slug, lines);
    let mut anchors = anchors.clone();
    anchors.insert(slug.to_owned(), text.outline.anchors().cloned().collect());
    let mut findings: Vec<Finding> = wrong.into_iter().map(|w| error(slug, w.line, w.text)).collect();
    findings.extend(check_runbook(&text, Known { book, anchors: &anchors, places: &places }));
    findings.sort();
    findings
}

#[cfg(test)]
mod tests;
