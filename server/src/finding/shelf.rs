//! What of a world is in the index, so that of the next world only what differs is put in.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, HashMap};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use app::model::book::Book;

use super::entries::{self, Entry};
use super::index::{Changing, Index};
use crate::world::World;

/// After so many changed documents what is done so far can be found.
const AT_ONCE: usize = 1_000;

/// The index, and what is in it.
pub struct Shelf {
    index: Arc<Index>,
    /// The book whose parts are in it.
    book: Arc<Book>,
    /// Each part of the book, and what was said of it, as a fingerprint.
    parts: HashMap<String, u64>,
    /// Each runbook and its version: a version never changes.
    documents: BTreeMap<String, i64>,
}

impl Shelf {
    /// Nothing yet.
    pub fn empty() -> tantivy::Result<Self> {
        let index = Arc::new(Index::empty()?);
        Ok(Self { index, book: Arc::default(), parts: HashMap::new(), documents: BTreeMap::new() })
    }

    /// What is to be asked.
    pub fn index(&self) -> Arc<Index> {
        self.index.clone()
    }

    /// Makes the index what this world is; `tell` hears how many of the changed documents are in it.
    pub fn follow(&mut self, world: &World, tell: impl Fn(usize, usize)) -> tantivy::Result<()> {
        let changed: Vec<_> = world
            .documents
            .iter()
            .filter(|(slug, document)| self.documents.get(*slug) != Some(&document.record.version))
            .collect();
        let gone: Vec<String> =
            self.documents.keys().filter(|slug| !world.documents.contains_key(*slug)).cloned().collect();
        let same_book = Arc::ptr_eq(&self.book, &world.book);
        if same_book && changed.is_empty() && gone.is_empty() {
            return Ok(());
        }
        tell(0, changed.len());
        let mut changing = self.index.change(changed.len() > AT_ONCE)?;
        if !same_book {
            self.follow_book(world, &changing)?;
        }
        for slug in gone {
            changing.remove(&group_of(&slug));
            self.documents.remove(&slug);
        }
        changing.show()?;
        let of = changed.len();
        for (done, some) in (0..).step_by(AT_ONCE).zip(changed.chunks(AT_ONCE)) {
            for (slug, document) in some {
                let group = group_of(slug);
                if self.documents.insert((*slug).clone(), document.record.version).is_some() {
                    changing.remove(&group);
                }
                entries::of_document(document).try_for_each(|entry| changing.add(&group, &entry))?;
            }
            changing.show()?;
            tell(done + some.len(), of);
        }
        changing.end()
    }

    /// Puts in the parts of the book that differ, and takes out those that are gone.
    fn follow_book(&mut self, world: &World, changing: &Changing) -> tantivy::Result<()> {
        let mut gone = std::mem::take(&mut self.parts);
        for entry in entries::of_book(&world.book) {
            let (group, said) = (entry.target.to_string(), fingerprint(&entry));
            match gone.remove(&group) {
                Some(before) if before == said => {}
                before => {
                    if before.is_some() {
                        changing.remove(&group);
                    }
                    changing.add(&group, &entry)?;
                }
            }
            self.parts.insert(group, said);
        }
        gone.keys().for_each(|group| changing.remove(group));
        self.book = world.book.clone();
        Ok(())
    }
}

/// Under which name all that a runbook says is put in and taken out.
fn group_of(slug: &str) -> String {
    format!("runbook:{slug}")
}

fn fingerprint(entry: &Entry) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&entry.ids, &entry.names, &entry.context, &entry.text).hash(&mut hasher);
    hasher.finish()
}
