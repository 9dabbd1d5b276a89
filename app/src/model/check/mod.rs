//! What is wrong with a book: names that lead nowhere, circles, schedules and patterns that cannot work.

mod entries;
mod known;
mod places;
mod runbooks;

use std::fmt;

use serde::Serialize;

use super::runbook::RunbookText;

pub use entries::check_entries;
pub use known::{Anchors, Known, nearest, with_suggestion};
pub use places::{Lines, Places};
pub use runbooks::check_runbook;

/// Something wrong, with the file and the line where to put it right. Reads `file:line: text`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// Relative to the folder of the book, with `/`.
    pub file: String,
    /// From 1; 0 when it is about the file as a whole.
    pub line: usize,
    /// What is wrong, as a sentence without a full stop.
    pub text: String,
    /// What it does to the book.
    pub severity: Severity,
}

/// What a finding does to the book.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Something could not be read, and is missing from the book.
    Error,
    /// It was read as it is written, and is wrong.
    Warning,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.text),
            line => write!(f, "{}:{line}: {}", self.file, self.text),
        }
    }
}

/// The anchors of these runbooks.
pub fn anchors(runbooks: &[RunbookText]) -> Anchors {
    runbooks.iter().map(|r| (r.slug.clone(), r.outline.anchors().cloned().collect())).collect()
}
