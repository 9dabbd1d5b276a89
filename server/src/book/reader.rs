//! Gathers what the files of a book say: entries, runbooks, catalogs, and what is wrong with them.

use std::fs;
use std::path::Path;

use app::markdown::LONGEST;
use app::model::book::{Book, Component, Decision, Workaround, Workflow};
use app::model::check::{Finding, Lines, Severity, check, nearest, with_suggestion};
use app::model::reference::{Reference, is_id};
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

/// Something that could not be read.
pub(super) fn error(file: &str, line: usize, text: impl Into<String>) -> Finding {
    Finding { severity: Severity::Error, file: file.to_owned(), line, text: text.into() }
}

/// Gathers what the files say.
#[derive(Default)]
pub(super) struct Reader {
    reading: Reading,
    catalog: Catalog,
}

impl Reader {
    /// Reads one file. `shown` is how a person opens it.
    pub fn file(&mut self, file: &File, shown: &str) {
        if file.kind == Kind::Image {
            // Read when a runbook shows it.
            return;
        }
        let source = match source(&file.path) {
            Ok(source) => source,
            Err(sentence) => return self.wrong(shown, 0, sentence),
        };
        self.text(file, shown, &source);
    }

    /// Reads one file as if this was in it.
    pub fn text(&mut self, file: &File, shown: &str, source: &str) {
        match file.kind {
            Kind::Yaml => {
                let (nodes, wrong) = yaml::documents(source, 1);
                self.all_wrong(shown, wrong);
                nodes.into_iter().for_each(|node| self.document(shown, node));
            }
            Kind::Markdown => self.runbook(file, shown, source),
            Kind::Image => {}
        }
    }

    fn wrong(&mut self, shown: &str, line: usize, text: impl Into<String>) {
        self.reading.findings.push(error(shown, line, text));
    }

    fn all_wrong(&mut self, shown: &str, wrong: Vec<Wrong>) {
        wrong.into_iter().for_each(|w| self.wrong(shown, w.line, w.text));
    }

    fn runbook(&mut self, file: &File, shown: &str, source: &str) {
        let slug = file.path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        if !is_id(slug) {
            let text = format!("\"{slug}\" is not an id; name the file with 1 to 63 of a-z, 0-9 and -");
            return self.wrong(shown, 0, text);
        }
        let frontmatter::Runbook { text, lines, wrong } = frontmatter::runbook(slug, &file.name, source);
        self.all_wrong(shown, wrong);
        match self.reading.places.add(Reference::Runbook(slug.to_owned(), None), shown, lines) {
            Ok(()) => self.reading.runbooks.push(text),
            Err(first) => self.wrong(shown, 0, format!("runbook \"{slug}\" is there twice; first in {first}")),
        }
    }

    fn document(&mut self, shown: &str, node: Node) {
        if backstage::is_entity(&node) {
            if let Err(wrong) = self.catalog.take(shown, node) {
                self.wrong(shown, wrong.line, wrong.text);
            }
            return;
        }
        let kinds = || format!("write kind: {}", KINDS.join(", kind: "));
        let Some(kind) = node.get("kind") else {
            return self.wrong(shown, node.line, format!("\"kind\" is missing; {}", kinds()));
        };
        let (kind, line) = (kind.text().unwrap_or_default(), kind.line);
        let Some(schema) = Schema::of_kind(kind) else {
            let sentence = format!("\"{kind}\" is not a kind");
            let sentence = match nearest(kind, &KINDS) {
                Some(meant) => with_suggestion(sentence, Some(meant)),
                None => format!("{sentence}; {}", kinds()),
            };
            return self.wrong(shown, line, sentence);
        };
        match kind {
            "workflow" => self.entry(shown, &node, schema, Reference::Workflow, |book: &mut Book, id, w: Workflow| {
                book.workflows.insert(id, w);
            }),
            "component" => self.entry(shown, &node, schema, Reference::Component, |book, id, c: Component| {
                book.components.insert(id, c);
            }),
            "decision" => self.entry(shown, &node, schema, Reference::Decision, |book, id, d: Decision| {
                book.decisions.insert(id, d);
            }),
            _ => self.entry(shown, &node, schema, Reference::Workaround, |book, id, w: Workaround| {
                book.workarounds.insert(id, w);
            }),
        }
    }

    fn entry<T: DeserializeOwned>(
        &mut self,
        shown: &str,
        node: &Node,
        schema: Schema<'_>,
        name: fn(String) -> Reference,
        keep: fn(&mut Book, String, T),
    ) {
        let shaped = shape(node, schema);
        self.all_wrong(shown, shaped.wrong);
        let Some(id) = node.get("id").and_then(Node::text).map(str::to_owned) else { return };
        if !self.is_new(name(id.clone()), shown, shaped.lines.clone()) {
            return;
        }
        let Some(mut value) = shaped.value else { return };
        if let Value::Object(fields) = &mut value {
            fields.remove("kind");
        }
        match serde_path_to_error::deserialize(value) {
            Ok(entry) => keep(&mut self.reading.book, id, entry),
            Err(wrong) => {
                let pointer: String = wrong.path().iter().map(|segment| format!("/{}", key(segment))).collect();
                self.wrong(shown, shaped.lines.line(&pointer), wrong.into_inner().to_string());
            }
        }
    }

    /// Notes where an entry was written; says so when it was written before.
    fn is_new(&mut self, name: Reference, shown: &str, lines: Lines) -> bool {
        let line = lines.line("/id");
        let words = name.to_string().replacen(':', " \"", 1);
        match self.reading.places.add(name, shown, lines) {
            Ok(()) => true,
            Err(first) => {
                self.wrong(shown, line, format!("{words}\" is there twice; first in {first}"));
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
        reading.findings.extend(check(&reading.book, &reading.runbooks, &reading.places));
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
