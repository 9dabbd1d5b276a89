//! Where each entry of the book, and each value in it, was written.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Finding, Severity};
use crate::model::reference::Reference;

/// The line of a value, and of the values in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lines {
    line: usize,
    /// Shared: a book is gathered anew from what its files said before, and most of them say the same.
    inside: Arc<BTreeMap<String, Lines>>,
}

impl Lines {
    /// A value that starts on this line, from 1, with nothing in it yet.
    pub fn new(line: usize) -> Self {
        Self { line, inside: Arc::default() }
    }

    /// Notes a value in it: by its key, or by its number from 0 in a list.
    pub fn insert(&mut self, key: impl Into<String>, lines: Lines) {
        Arc::make_mut(&mut self.inside).insert(key.into(), lines);
    }

    /// The lines of the value at this JSON pointer (`/steps/0/via`), or of the nearest one around it.
    pub fn at(&self, pointer: &str) -> &Lines {
        let mut found = self;
        for key in pointer.split('/').skip(1) {
            match found.inside.get(key) {
                Some(inner) => found = inner,
                None => break,
            }
        }
        found
    }

    /// The line of the value at this JSON pointer, or of the nearest one around it.
    pub fn line(&self, pointer: &str) -> usize {
        self.at(pointer).line
    }
}

/// Where each entry was written, also those that could not be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places(BTreeMap<Reference, (String, Lines)>);

impl Places {
    /// Notes where an entry was written. Says where it was written before, as `file:line`, and keeps that place.
    ///
    /// # Errors
    /// The earlier place, when there is one.
    pub fn add(&mut self, entry: Reference, file: &str, lines: Lines) -> Result<(), String> {
        match self.0.get(&entry) {
            Some((file, lines)) => Err(format!("{file}:{}", lines.line(""))),
            None => {
                self.0.insert(entry, (file.to_owned(), lines));
                Ok(())
            }
        }
    }

    /// Whether something was written under this name, readable or not.
    pub fn knows(&self, entry: &Reference) -> bool {
        self.0.contains_key(entry)
    }

    /// The file and the line of a value of an entry; an entry that nobody noted has no file and line 0.
    pub fn of(&self, entry: &Reference, pointer: &str) -> (&str, usize) {
        self.0.get(entry).map_or(("", 0), |(file, lines)| (file.as_str(), lines.line(pointer)))
    }

    /// Something wrong with a value of an entry.
    pub(super) fn wrong(&self, entry: &Reference, pointer: &str, text: String) -> Finding {
        let (file, line) = self.of(entry, pointer);
        Finding { severity: Severity::Warning, file: file.to_owned(), line, text }
    }
}
