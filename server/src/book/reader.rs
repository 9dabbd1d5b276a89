//! Gathers what the files of a book say: entries, runbooks, catalogs, and what is wrong with them.

use std::fs;
use std::path::Path;

use app::markdown::LONGEST;
use app::model::book::{Component, Decision, Workaround, Workflow};
use app::model::check::{
    Finding, Known, Lines, Severity, anchors, check_entries, check_runbook, nearest, with_suggestion,
};
use app::model::reference::{Reference, is_id};
use app::model::runbook::RunbookText;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::Segment;

use super::Reading;
use super::backstage::{self, Catalog};
use super::files::{File, Kind};
use super::frontmatter;
use super::node::Node;
use super::schema::{KINDS, Schema};
use super::shape::shape;
use super::yaml::{self, Wrong};
use crate::parallel::in_parallel;

/// Something that could not be read.
pub(super) fn error(file: &str, line: usize, text: impl Into<String>) -> Finding {
    Finding { severity: Severity::Error, file: file.to_owned(), line, text: text.into() }
}

/// What one file says by itself, whatever the others do.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    entries: Vec<Entry>,
    wrong: Vec<Finding>,
}

/// One entry of a file.
#[derive(Debug)]
enum Entry {
    /// An entry of the book; without its value when that could not be read.
    Declared(Reference, Lines, Option<Box<Declaration>>),
    /// A runbook.
    Runbook(RunbookText, Lines),
    /// Something that is meant for Backstage.
    Entity(Node),
}

/// What an entry of the book declares.
#[derive(Debug, Clone)]
enum Declaration {
    Workflow(Workflow),
    Component(Component),
    Decision(Decision),
    Workaround(Workaround),
}

/// Reads one file. Images are read when a runbook shows them.
pub(super) fn parse(file: &File) -> Parsed {
    let source = match file.kind {
        Kind::Image => return Parsed::default(),
        Kind::Yaml | Kind::Markdown => source(&file.path),
    };
    match source {
        Ok(source) => parse_text(file, &source),
        Err(sentence) => Parsed { entries: Vec::new(), wrong: vec![error(&file.shown(), 0, sentence)] },
    }
}

/// Reads one file as if this was in it.
pub(super) fn parse_text(file: &File, source: &str) -> Parsed {
    let mut parser = Parser { shown: file.shown(), parsed: Parsed::default() };
    match file.kind {
        Kind::Yaml => {
            let (nodes, wrong) = yaml::documents(source, 1);
            parser.all_wrong(wrong);
            nodes.into_iter().for_each(|node| parser.document(node));
        }
        Kind::Markdown => parser.runbook(file, source),
        Kind::Image => {}
    }
    parser.parsed
}

struct Parser {
    /// How a person opens the file.
    shown: String,
    parsed: Parsed,
}

impl Parser {
    fn wrong(&mut self, line: usize, text: impl Into<String>) {
        self.parsed.wrong.push(error(&self.shown, line, text));
    }

    fn all_wrong(&mut self, wrong: Vec<Wrong>) {
        wrong.into_iter().for_each(|w| self.wrong(w.line, w.text));
    }

    fn runbook(&mut self, file: &File, source: &str) {
        let slug = file.path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        if !is_id(slug) {
            let text = format!("\"{slug}\" is not an id; name the file with 1 to 63 of a-z, 0-9 and -");
            return self.wrong(0, text);
        }
        let frontmatter::Runbook { text, lines, wrong } = frontmatter::runbook(slug, &file.name, source);
        self.all_wrong(wrong);
        self.parsed.entries.push(Entry::Runbook(text, lines));
    }

    fn document(&mut self, node: Node) {
        if backstage::is_entity(&node) {
            return self.parsed.entries.push(Entry::Entity(node));
        }
        let kinds = || format!("write kind: {}", KINDS.join(", kind: "));
        let Some(kind) = node.get("kind") else {
            return self.wrong(node.line, format!("\"kind\" is missing; {}", kinds()));
        };
        let (kind, line) = (kind.text().unwrap_or_default(), kind.line);
        let Some(schema) = Schema::of_kind(kind) else {
            let sentence = format!("\"{kind}\" is not a kind");
            let sentence = match nearest(kind, &KINDS) {
                Some(meant) => with_suggestion(sentence, Some(meant)),
                None => format!("{sentence}; {}", kinds()),
            };
            return self.wrong(line, sentence);
        };
        match kind {
            "workflow" => self.entry(&node, schema, Reference::Workflow, Declaration::Workflow),
            "component" => self.entry(&node, schema, Reference::Component, Declaration::Component),
            "decision" => self.entry(&node, schema, Reference::Decision, Declaration::Decision),
            _ => self.entry(&node, schema, Reference::Workaround, Declaration::Workaround),
        }
    }

    fn entry<T: DeserializeOwned>(
        &mut self,
        node: &Node,
        schema: Schema<'_>,
        name: fn(String) -> Reference,
        declare: fn(T) -> Declaration,
    ) {
        let shaped = shape(node, schema);
        self.all_wrong(shaped.wrong);
        let Some(id) = node.get("id").and_then(Node::text).map(str::to_owned) else { return };
        let declaration = shaped.value.and_then(|mut value| {
            if let Value::Object(fields) = &mut value {
                fields.remove("kind");
            }
            match serde_path_to_error::deserialize(value) {
                Ok(entry) => Some(Box::new(declare(entry))),
                Err(wrong) => {
                    let pointer: String = wrong.path().iter().map(|segment| format!("/{}", key(segment))).collect();
                    self.wrong(shaped.lines.line(&pointer), wrong.into_inner().to_string());
                    None
                }
            }
        });
        self.parsed.entries.push(Entry::Declared(name(id), shaped.lines, declaration));
    }
}

/// Gathers what the files say.
#[derive(Default)]
pub(super) struct Reader {
    reading: Reading,
    catalog: Catalog,
}

impl Reader {
    /// Takes what one file says. Of two entries with one name the one that is taken first is the book's.
    pub fn take(&mut self, file: &File, parsed: &Parsed) {
        let shown = file.shown();
        self.reading.findings.extend(parsed.wrong.iter().cloned());
        for entry in &parsed.entries {
            match entry {
                Entry::Declared(name, lines, declaration) => {
                    if self.is_new(name.clone(), &shown, lines.clone())
                        && let Some(declaration) = declaration
                    {
                        self.keep(name, Declaration::clone(declaration));
                    }
                }
                Entry::Runbook(text, lines) => {
                    let name = Reference::Runbook(text.slug.clone(), None);
                    match self.reading.places.add(name, &shown, lines.clone()) {
                        Ok(()) => self.reading.runbooks.push(text.clone()),
                        Err(first) => {
                            let sentence = format!("runbook \"{}\" is there twice; first in {first}", text.slug);
                            self.reading.findings.push(error(&shown, 0, sentence));
                        }
                    }
                }
                Entry::Entity(node) => {
                    if let Err(wrong) = self.catalog.take(&shown, node.clone()) {
                        self.reading.findings.push(error(&shown, wrong.line, wrong.text));
                    }
                }
            }
        }
    }

    fn keep(&mut self, name: &Reference, declaration: Declaration) {
        let (Reference::Workflow(id) | Reference::Component(id) | Reference::Decision(id) | Reference::Workaround(id)) =
            name
        else {
            return;
        };
        let (book, id) = (&mut self.reading.book, id.clone());
        match declaration {
            Declaration::Workflow(workflow) => drop(book.workflows.insert(id, workflow)),
            Declaration::Component(component) => drop(book.components.insert(id, component)),
            Declaration::Decision(decision) => drop(book.decisions.insert(id, decision)),
            Declaration::Workaround(workaround) => drop(book.workarounds.insert(id, workaround)),
        }
    }

    /// Notes where an entry was written; says so when it was written before.
    fn is_new(&mut self, name: Reference, shown: &str, lines: Lines) -> bool {
        let line = lines.line("/id");
        let words = name.to_string().replacen(':', " \"", 1);
        match self.reading.places.add(name, shown, lines) {
            Ok(()) => true,
            Err(first) => {
                let sentence = format!("{words}\" is there twice; first in {first}");
                self.reading.findings.push(error(shown, line, sentence));
                false
            }
        }
    }

    /// Everything that was gathered, checked.
    pub fn finish(mut self) -> Reading {
        for declared in std::mem::take(&mut self.catalog).components() {
            let id = declared.component.id.clone();
            if self.is_new(Reference::Component(id.clone()), &declared.file, declared.lines) {
                self.reading.book.components.insert(id, declared.component);
            }
        }
        let mut reading = self.reading;
        let anchors = anchors(&reading.runbooks);
        let known = Known { book: &reading.book, anchors: &anchors, places: &reading.places };
        reading.findings.extend(check_entries(known));
        // Each runbook by itself: of ten thousand every processor checks its part.
        let wrong = in_parallel(reading.runbooks.iter().collect(), |runbook| check_runbook(runbook, known));
        reading.findings.extend(wrong.into_iter().flatten());
        reading.findings.sort();
        // Pages, addresses and links are made of ids: what has none cannot be shown. The check has said so.
        reading.book.workflows.retain(|id, _| is_id(id));
        reading.book.components.retain(|id, _| is_id(id));
        reading.book.decisions.retain(|id, _| is_id(id));
        reading.book.workarounds.retain(|id, _| is_id(id));
        reading
    }
}

fn key(segment: &Segment) -> String {
    match segment {
        Segment::Seq { index } => index.to_string(),
        other => other.to_string(),
    }
}

/// The text of a file.
fn source(path: &Path) -> Result<String, String> {
    let length = fs::metadata(path).map_err(|e| format!("the file cannot be read: {e}"))?.len();
    if length > LONGEST as u64 {
        let (length, longest) = (length.div_ceil(1024 * 1024), LONGEST / (1024 * 1024));
        return Err(format!("the file has {length} MB; at most {longest} MB can be read"));
    }
    let bytes = fs::read(path).map_err(|e| format!("the file cannot be read: {e}"))?;
    String::from_utf8(bytes).map_err(|_| "the file is not UTF-8 text".to_owned())
}
