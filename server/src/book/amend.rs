//! Amending the text of a YAML file: one value is set, added or taken out, and everything else, comments included, stays
//! as it was written. An edit that does not read back as exactly that is refused.

use saphyr_parser::{Event, Parser};
use serde_json::{Map, Value};

use super::node::Node;
use super::yaml;

/// One change of one entry, or of a file as a whole.
#[derive(Debug, Clone, PartialEq)]
pub enum Amendment {
    /// A new entry (with its `kind`) at the end.
    Append(Value),
    /// An entry goes, with the comments in it.
    Remove {
        /// Its kind.
        kind: &'static str,
        /// Its id.
        id: String,
    },
    /// A value is set at a key of an entry, or of something in it; the mappings on the way are made if they are not there.
    Set {
        /// The kind of the entry.
        kind: &'static str,
        /// Its id.
        id: String,
        /// Where in it.
        path: Vec<Step>,
        /// The value; a list or a mapping only where nothing was.
        value: Value,
    },
    /// An item is added at the end of a list, which is made if it is not there.
    Add {
        /// The kind of the entry.
        kind: &'static str,
        /// Its id.
        id: String,
        /// Where the list is.
        path: Vec<Step>,
        /// The item.
        item: Value,
    },
}

/// One step on the way to a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The value of this key.
    Key(String),
    /// The item of a list that has this value under this key, as `id: push-to-erp`.
    Item(&'static str, String),
}

/// The way to a value, as `steps`, `id=push-to-erp`, `failure_points`.
pub fn path(steps: &[&str]) -> Vec<Step> {
    let step = |text: &&str| match text.split_once('=') {
        Some(("id", id)) => Step::Item("id", id.to_owned()),
        Some(("name", name)) => Step::Item("name", name.to_owned()),
        _ => Step::Key((*text).to_owned()),
    };
    steps.iter().map(step).collect()
}

/// Why a text was not amended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// The entry, or what the edit is about, is not in this text.
    NotThere(String),
    /// It is there, in a form that cannot be edited without touching more than that.
    NotSafe(String),
}

impl Refused {
    /// A sentence for the person.
    pub fn sentence(&self) -> &str {
        match self {
            Self::NotThere(why) | Self::NotSafe(why) => why,
        }
    }
}

fn not_safe() -> Refused {
    Refused::NotSafe(
        "The way this is written in the file cannot be edited without changing more than that. Put it in by hand."
            .to_owned(),
    )
}

/// The text with the change in it, and nothing else changed. A text that says it already is given back as it is.
///
/// # Errors
/// When it is not there, or cannot be done safely: the result is read again and must be the old values with the change.
pub fn amend(text: &str, change: &Amendment) -> Result<String, Refused> {
    let before = values(text).ok_or_else(not_safe)?;
    let expected = expected(before.clone(), change)?;
    if expected == before {
        return Ok(text.to_owned());
    }
    let amended = match change {
        Amendment::Append(entry) => append(text, entry),
        Amendment::Remove { kind, id } => remove(text, kind, id)?,
        Amendment::Set { kind, id, path, value } => edited(text, kind, id, path, &Edit::Set(value))?,
        Amendment::Add { kind, id, path, item } => edited(text, kind, id, path, &Edit::Add(item))?,
    };
    match values(&amended) {
        Some(after) if after == expected => Ok(amended),
        _ => Err(not_safe()),
    }
}

/// What a person pastes where the text itself cannot be edited.
pub fn snippet(change: &Amendment) -> String {
    match change {
        Amendment::Append(entry) => block(entry, 0),
        Amendment::Remove { kind, id } => format!("# take out: kind: {kind}, id: {id}\n"),
        Amendment::Set { kind, id, path, value } => {
            format!("# in kind: {kind}, id: {id}{}\n{}", way(path), nested(path, value, false))
        }
        Amendment::Add { kind, id, path, item } => {
            format!("# in kind: {kind}, id: {id}{}\n{}", way(path), nested(path, item, true))
        }
    }
}

/// Where in the entry, as far as it is not the last key.
fn way(path: &[Step]) -> String {
    let before = path.split_last().map(|(_, before)| before).unwrap_or_default();
    let one = |step: &Step| match step {
        Step::Key(key) => key.clone(),
        Step::Item(key, value) => format!("{key}: {value}"),
    };
    before.iter().map(|step| format!(", {}", one(step))).collect()
}

fn nested(path: &[Step], value: &Value, item: bool) -> String {
    let Some(Step::Key(key)) = path.last() else { return block(value, 0) };
    let value = if item { Value::Array(vec![value.clone()]) } else { value.clone() };
    block(&Value::Object(Map::from_iter([(key.clone(), value)])), 0)
}

/// Every document of a text; none when it is not YAML as a book must be.
fn values(text: &str) -> Option<Vec<Value>> {
    let (nodes, wrong) = yaml::documents(text, 1);
    wrong.is_empty().then(|| nodes.iter().map(Node::value).collect())
}

fn is_entry(value: &Value, kind: &str, id: &str) -> bool {
    value.get("kind").and_then(Value::as_str) == Some(kind) && value.get("id").and_then(Value::as_str) == Some(id)
}

/// What the documents must be afterwards.
fn expected(mut all: Vec<Value>, change: &Amendment) -> Result<Vec<Value>, Refused> {
    let gone = |kind: &str, id: &str| Refused::NotThere(format!("The {kind} \"{id}\" is not in this file any more."));
    match change {
        Amendment::Append(entry) => all.push(entry.clone()),
        Amendment::Remove { kind, id } => {
            let at = all.iter().position(|v| is_entry(v, kind, id)).ok_or_else(|| gone(kind, id))?;
            all.remove(at);
        }
        Amendment::Set { kind, id, path, value } => {
            let entry = all.iter_mut().find(|v| is_entry(v, kind, id)).ok_or_else(|| gone(kind, id))?;
            *place(entry, path)? = value.clone();
        }
        Amendment::Add { kind, id, path, item } => {
            let entry = all.iter_mut().find(|v| is_entry(v, kind, id)).ok_or_else(|| gone(kind, id))?;
            let list = place(entry, path)?;
            if list.is_null() {
                *list = Value::Array(Vec::new());
            }
            let list = list.as_array_mut().ok_or_else(not_safe)?;
            if !list.contains(item) {
                list.push(item.clone());
            }
        }
    }
    Ok(all)
}

fn place<'v>(entry: &'v mut Value, path: &[Step]) -> Result<&'v mut Value, Refused> {
    let mut at = entry;
    for step in path {
        at = match step {
            Step::Key(key) => {
                if at.is_null() {
                    *at = Value::Object(Map::new());
                }
                at.as_object_mut().ok_or_else(not_safe)?.entry(key.clone()).or_insert(Value::Null)
            }
            Step::Item(key, value) => {
                let items = at.as_array_mut().ok_or_else(not_safe)?;
                let is = |item: &&mut Value| item.get(key).and_then(Value::as_str) == Some(value);
                let gone = || Refused::NotThere(format!("\"{value}\" is not in this file any more."));
                items.iter_mut().find(is).ok_or_else(gone)?
            }
        };
    }
    Ok(at)
}

/// A value with where it is written, in bytes.
#[derive(Debug, Clone)]
struct Spot {
    start: usize,
    end: usize,
    content: Content,
}

#[derive(Debug, Clone)]
enum Content {
    Scalar(String),
    List(Vec<Spot>),
    Map(Vec<(Spot, Spot)>),
    /// An alias: what it stands for is written elsewhere.
    Alias,
}

impl Spot {
    fn get(&self, key: &str) -> Option<&Spot> {
        let Content::Map(entries) = &self.content else { return None };
        entries.iter().find(|(k, _)| k.text() == Some(key)).map(|(_, value)| value)
    }

    fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Scalar(text) => Some(text),
            _ => None,
        }
    }

    /// Whether it is written in braces or brackets.
    fn is_flow(&self, text: &str) -> bool {
        text[self.start..].starts_with(['{', '['])
    }

    /// The end of the last thing that is written in it. The end that the parser tells of a block lies behind the comments
    /// that follow it.
    fn last_end(&self, text: &str) -> usize {
        let inner = match &self.content {
            _ if self.is_flow(text) => return self.end,
            Content::List(items) => items.last(),
            Content::Map(entries) => entries.last().map(|(_, value)| value),
            Content::Scalar(_) | Content::Alias => None,
        };
        inner.map_or(self.end, |inner| inner.last_end(text))
    }
}

/// Reads one document with places. `at` is where it begins in the whole text.
fn spots(document: &str) -> Option<Spot> {
    // The parser counts characters.
    let bytes: Vec<usize> = document.char_indices().map(|(at, _)| at).chain([document.len()]).collect();
    let byte = |index: usize| bytes.get(index).copied().unwrap_or(document.len());
    let mut parser = Parser::new_from_str(document);
    let mut open: Vec<(usize, bool, Vec<Spot>)> = Vec::new();
    let mut root = None;
    while let Some(event) = parser.next_event() {
        let (event, span) = event.ok()?;
        let (start, end) = (byte(span.start.index()), byte(span.end.index()));
        let done = match event {
            Event::Scalar(text, ..) => Spot { start, end, content: Content::Scalar(text.into_owned()) },
            Event::Alias(_) => Spot { start, end, content: Content::Alias },
            Event::SequenceStart(..) | Event::MappingStart(..) => {
                open.push((start, matches!(event, Event::MappingStart(..)), Vec::new()));
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let (start, is_map, inner) = open.pop()?;
                let end = inner
                    .last()
                    .map_or(Some(start + 1), |last| Some(last.end))
                    .and_then(|e| closed(document, start, e));
                let content = match is_map {
                    false => Content::List(inner),
                    true => {
                        let mut pairs = inner.into_iter();
                        Content::Map(std::iter::from_fn(|| Some((pairs.next()?, pairs.next()?))).collect())
                    }
                };
                Spot { start, end: end.unwrap_or(byte(span.end.index())), content }
            }
            _ => continue,
        };
        match open.last_mut() {
            Some((_, _, inner)) => inner.push(done),
            None => root = root.or(Some(done)),
        }
    }
    root
}

/// Where a list in brackets or a mapping in braces ends, behind what is last in it.
fn closed(document: &str, start: usize, from: usize) -> Option<usize> {
    let close = match document[start..].chars().next()? {
        '[' => ']',
        '{' => '}',
        _ => return None,
    };
    let rest = &document[from..];
    let at = rest.find(|c: char| !c.is_whitespace() && c != ',')?;
    rest[at..].starts_with(close).then_some(from + at + 1)
}

enum Edit<'a> {
    Set(&'a Value),
    Add(&'a Value),
}

/// Finds the document of an entry and edits it.
fn edited(text: &str, kind: &str, id: &str, path: &[Step], edit: &Edit<'_>) -> Result<String, Refused> {
    let (from, document) = document(text, kind, id)?;
    let root = spots(document).ok_or_else(not_safe)?;
    let mut at = &root;
    for (n, step) in path.iter().enumerate() {
        let found = match step {
            Step::Key(key) => at.get(key),
            Step::Item(key, value) => match &at.content {
                Content::List(items) => items.iter().find(|i| i.get(key).and_then(Spot::text) == Some(value)),
                _ => None,
            },
        };
        match found {
            Some(found) => at = found,
            None => {
                let value = match edit {
                    Edit::Set(value) => (*value).clone(),
                    Edit::Add(item) => Value::Array(vec![(*item).clone()]),
                };
                let (place, insert) = with_key(document, at, &path[n..], value)?;
                return Ok(inserted(text, from + place, &insert));
            }
        }
    }
    match edit {
        Edit::Set(value) => {
            let scalar = matches!(at.content, Content::Scalar(_)) && !value.is_array() && !value.is_object();
            if !scalar || document[at.start..].starts_with(['|', '>']) {
                return Err(not_safe());
            }
            let mut amended = text.to_owned();
            amended.replace_range(from + at.start..from + at.end, &flow(value));
            Ok(amended)
        }
        Edit::Add(item) => {
            let (place, insert) = with_item(document, at, item)?;
            Ok(inserted(text, from + place, &insert))
        }
    }
}

/// The document of an entry: where it begins, and its text.
fn document<'t>(text: &'t str, kind: &str, id: &str) -> Result<(usize, &'t str), Refused> {
    let gone = || Refused::NotThere(format!("The {kind} \"{id}\" is not in this file any more."));
    let is = |document: &str| yaml::documents(document, 1).0.first().is_some_and(|n| is_entry(&n.value(), kind, id));
    let starts = starts(text);
    let at = (0..starts.len()).find(|n| is(&text[range(text, &starts, *n)])).ok_or_else(gone)?;
    let range = range(text, &starts, at);
    Ok((range.start, &text[range]))
}

fn range(text: &str, starts: &[usize], n: usize) -> std::ops::Range<usize> {
    starts[n]..starts.get(n + 1).copied().unwrap_or(text.len())
}

/// Where the documents of a text begin: at its beginning, and at each `---`.
fn starts(text: &str) -> Vec<usize> {
    let mut starts = vec![0];
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let marks = line.strip_prefix("---").is_some_and(|r| r.is_empty() || r.starts_with([' ', '\t', '\r', '\n']));
        if marks && at > 0 {
            starts.push(at);
        }
        at += line.len();
    }
    starts
}

/// The end of the line on which something ends, its line break included.
fn line_after(document: &str, end: usize) -> usize {
    // The end of a block text is the beginning of the line after it.
    let end = document[..end].trim_end_matches(['\n', '\r', ' ', '\t']).len();
    document[end..].find('\n').map_or(document.len(), |at| end + at + 1)
}

fn column(document: &str, at: usize) -> usize {
    at - document[..at].rfind('\n').map_or(0, |line| line + 1)
}

/// Lines put in at the end of a line; a last line without a break gets one first.
fn lines(document: &str, place: usize, insert: String) -> (usize, String) {
    match document[..place].ends_with('\n') || place == 0 {
        true => (place, insert),
        false => (place, format!("\n{}", insert.trim_end_matches('\n'))),
    }
}

/// What puts a new key with a value into a mapping, and where.
fn with_key(document: &str, map: &Spot, keys: &[Step], value: Value) -> Result<(usize, String), Refused> {
    let mut value = value;
    for step in keys.iter().skip(1).rev() {
        let Step::Key(key) = step else { return Err(not_safe()) };
        value = Value::Object(Map::from_iter([(key.clone(), value)]));
    }
    let (Some(Step::Key(key)), Content::Map(entries)) = (keys.first(), &map.content) else { return Err(not_safe()) };
    if map.is_flow(document) {
        let close = map.end.checked_sub(1).filter(|at| document[*at..].starts_with('}')).ok_or_else(not_safe)?;
        let before = document[..close].trim_end_matches(' ').len();
        let comma = if entries.is_empty() { "" } else { ", " };
        return Ok((before, format!("{comma}{key}: {}", flow(&value))));
    }
    let (first, _) = entries.first().ok_or_else(not_safe)?;
    let entry = Value::Object(Map::from_iter([(key.clone(), value)]));
    let place = line_after(document, map.last_end(document));
    Ok(lines(document, place, block(&entry, column(document, first.start))))
}

/// What puts a new item at the end of a list, and where.
fn with_item(document: &str, list: &Spot, item: &Value) -> Result<(usize, String), Refused> {
    let Content::List(items) = &list.content else { return Err(not_safe()) };
    if list.is_flow(document) {
        let close = list.end.checked_sub(1).filter(|at| document[*at..].starts_with(']')).ok_or_else(not_safe)?;
        let before = document[..close].trim_end_matches(' ').len();
        let comma = if items.is_empty() { "" } else { ", " };
        return Ok((before, format!("{comma}{}", flow(item))));
    }
    let first = items.first().ok_or_else(not_safe)?;
    let dash = document[..first.start].rfind('-').ok_or_else(not_safe)?;
    let place = line_after(document, list.last_end(document));
    // Items that are written in one line are followed by one that is.
    let in_line = items.iter().all(|i| i.is_flow(document) || matches!(i.content, Content::Scalar(_)));
    let indent = column(document, dash);
    let insert = match in_line {
        true => format!("{}- {}\n", " ".repeat(indent), flow(item)),
        false => block(&Value::Array(vec![item.clone()]), indent),
    };
    Ok(lines(document, place, insert))
}

fn inserted(text: &str, at: usize, insert: &str) -> String {
    format!("{}{insert}{}", &text[..at], &text[at..])
}

fn append(text: &str, entry: &Value) -> String {
    let entry = block(entry, 0);
    match text.trim().is_empty() {
        true => format!("{text}{entry}"),
        false => format!("{text}{}---\n{entry}", if text.ends_with('\n') { "" } else { "\n" }),
    }
}

fn remove(text: &str, kind: &str, id: &str) -> Result<String, Refused> {
    let (from, document) = document(text, kind, id)?;
    let rest = &text[from + document.len()..];
    // The first document may begin without a mark; the one after it then needs none either.
    let rest = match from {
        0 if !text.starts_with("---") => rest.strip_prefix("---\n").unwrap_or(rest),
        _ => rest,
    };
    Ok(format!("{}{rest}", &text[..from]))
}

/// The keys as people write them: what it is first, then what it says, then who answers for it.
const ORDER: [&str; 24] = [
    "kind",
    "id",
    "name",
    "code",
    "about",
    "date",
    "since",
    "meaning",
    "component",
    "after",
    "when",
    "message",
    "documented",
    "in_practice",
    "decided",
    "what",
    "because",
    "harder_later",
    "effect",
    "automatic",
    "action",
    "review_by",
    "owner",
    "supersedes",
];

fn ordered(map: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    let mut pairs: Vec<_> = map.iter().collect();
    pairs.sort_by_key(|(key, _)| ORDER.iter().position(|known| known == key).unwrap_or(ORDER.len()));
    pairs.into_iter()
}

/// A value in one line.
fn flow(value: &Value) -> String {
    match value {
        Value::String(text) => scalar(text),
        Value::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Object(map) if map.is_empty() => "{}".to_owned(),
        Value::Object(map) => {
            let pairs: Vec<_> = ordered(map).map(|(key, value)| format!("{key}: {}", flow(value))).collect();
            format!("{{ {} }}", pairs.join(", "))
        }
        other => other.to_string(),
    }
}

/// A value in lines, each begun with so many spaces. Short lists and mappings of plain values stay in one line.
fn block(value: &Value, indent: usize) -> String {
    let space = " ".repeat(indent);
    let short = |value: &Value| match value {
        Value::Array(items) => items.iter().all(|i| !i.is_array() && !i.is_object()),
        Value::Object(map) => map.values().all(|v| !v.is_array() && !v.is_object()) && flow(value).len() < 80,
        _ => true,
    };
    match value {
        Value::Object(map) => ordered(map)
            .map(|(key, value)| match short(value) {
                true => format!("{space}{key}: {}\n", flow(value)),
                false => format!("{space}{key}:\n{}", block(value, indent + 2)),
            })
            .collect(),
        Value::Array(items) => items
            .iter()
            .map(|item| match item {
                Value::Object(map) if !map.is_empty() => {
                    let lines = block(item, indent + 2);
                    format!("{space}- {}", &lines[indent + 2..])
                }
                item => format!("{space}- {}\n", flow(item)),
            })
            .collect(),
        other => format!("{space}{}\n", flow(other)),
    }
}

/// A text as it can stand anywhere; in quotes unless it plainly needs none.
fn scalar(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || " -_/.".contains(c);
    let word = ["true", "false", "null", "yes", "no", "on", "off"].contains(&text.to_lowercase().as_str());
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic());
    // A date is read as text, and people write it without quotes.
    let date = text.len() == 10
        && text.bytes().enumerate().all(|(n, b)| if n == 4 || n == 7 { b == b'-' } else { b.is_ascii_digit() });
    match date || (begins && !word && text.chars().all(plain) && !text.ends_with([' ', '.', '-'])) || is_reference(text)
    {
        true => text.to_owned(),
        // A JSON text is a YAML text in quotes.
        false => serde_json::to_string(text).unwrap_or_default(),
    }
}

/// `component:erp`: a colon with something right behind it is no key.
fn is_reference(text: &str) -> bool {
    text.split_once(':').is_some_and(|(kind, id)| {
        let id_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-/#".contains(c);
        !kind.is_empty() && kind.chars().all(|c| c.is_ascii_lowercase()) && !id.is_empty() && id.chars().all(id_part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    const BOOK: &str = "\
# All about orders.
kind: workflow
id: order
name: Order   # what people say
steps:
  # the first
  - id: take
    name: Take
  - id: push
    name: Push
    after: [take]  # not itself
    retry: { max_attempts: 6, first: 30s } # per order
    failure_points:
      - id: refused
        when: { code: \"503\" }
        effect: |
          Orders pile up.
          None are lost.

      # more to come
# the end
---
kind: component
id: erp
type: api
name: ERP
depends_on:
  - { id: disk, mode: sync }
";

    fn set(keys: &[&str], value: Value) -> Amendment {
        Amendment::Set { kind: "workflow", id: "order".into(), path: path(keys), value }
    }

    fn add(keys: &[&str], item: Value) -> Amendment {
        Amendment::Add { kind: "workflow", id: "order".into(), path: path(keys), item }
    }

    /// The lines that one text has and the other has not.
    fn added(before: &str, after: &str) -> Vec<String> {
        after.lines().filter(|line| !before.lines().any(|b| b == *line)).map(str::to_owned).collect()
    }

    #[test]
    fn a_value_is_set_and_the_comment_beside_it_stays() {
        let after = amend(BOOK, &set(&["steps", "id=push", "retry", "max_attempts"], json!(8))).unwrap();
        assert_eq!(added(BOOK, &after), ["    retry: { max_attempts: 8, first: 30s } # per order"]);
    }

    #[test]
    fn a_failure_point_is_added_behind_the_last_one() {
        let point = json!({"id": "slow", "when": {"code": "504"}, "effect": "It waits: for long."});
        let after = amend(BOOK, &add(&["steps", "id=push", "failure_points"], point)).unwrap();
        assert_eq!(
            added(BOOK, &after),
            ["      - id: slow", "        when: { code: \"504\" }", "        effect: \"It waits: for long.\""]
        );
        assert!(after.contains("None are lost.\n      - id: slow\n"), "{after}");
        assert!(after.contains("      # more to come\n# the end\n"), "{after}");
    }

    #[test]
    fn a_list_that_is_not_there_is_made() {
        let after = amend(BOOK, &add(&["steps", "id=take", "also"], json!("accept"))).unwrap();
        assert!(after.contains("    name: Take\n    also: [accept]\n  - id: push\n"), "{after}");
        let after =
            amend(BOOK, &add(&["steps", "id=push", "failure_points", "id=refused", "also"], json!({"code": "500"})));
        assert_eq!(added(BOOK, &after.unwrap()), ["        also:", "          - code: \"500\""]);
    }

    #[test]
    fn lists_in_brackets_and_lists_of_lines_in_braces_stay_what_they_are() {
        let after = amend(BOOK, &add(&["steps", "id=push", "after"], json!("check"))).unwrap();
        assert_eq!(added(BOOK, &after), ["    after: [take, check]  # not itself"]);
        let needs = Amendment::Add {
            kind: "component",
            id: "erp".into(),
            path: path(&["depends_on"]),
            item: json!({"id": "net"}),
        };
        assert!(amend(BOOK, &needs).unwrap().ends_with("  - { id: disk, mode: sync }\n  - { id: net }\n"));
        assert!(amend(BOOK.trim_end(), &needs).unwrap().ends_with("  - { id: disk, mode: sync }\n  - { id: net }"));
    }

    #[test]
    fn a_step_goes_to_the_end_and_what_follows_the_steps_stays_behind_them() {
        let text = "kind: workflow\nid: order\nsteps:\n  - id: take\n    name: Take\n\n# who\nowner: me\n";
        let after = amend(text, &add(&["steps"], json!({"id": "check", "name": "Check", "after": ["take"]}))).unwrap();
        assert_eq!(
            after,
            "kind: workflow\nid: order\nsteps:\n  - id: take\n    name: Take\n  - id: check\n    name: Check\n    after: [take]\n\n# who\nowner: me\n"
        );
    }

    #[test]
    fn an_entry_is_appended_and_taken_out_again() {
        let entry = json!({"kind": "decision", "id": "d", "about": ["workflow:order"], "date": "2026-03-02",
            "decided": "Put a queue: in front."});
        let after = amend(BOOK, &Amendment::Append(entry)).unwrap();
        assert_eq!(
            &after[BOOK.len()..],
            "---\nkind: decision\nid: d\nabout: [workflow:order]\ndate: 2026-03-02\ndecided: \"Put a queue: in front.\"\n"
        );
        assert_eq!(amend(&after, &Amendment::Remove { kind: "decision", id: "d".into() }).unwrap(), BOOK);
        let without = amend(BOOK, &Amendment::Remove { kind: "workflow", id: "order".into() }).unwrap();
        assert!(without.starts_with("kind: component"), "{without}");
    }

    #[test]
    fn what_is_there_already_leaves_the_text_as_it_is() {
        for change in [add(&["steps", "id=push", "after"], json!("take")), set(&["name"], json!("Order"))] {
            assert_eq!(amend(BOOK, &change).unwrap(), BOOK);
        }
    }

    #[test]
    fn what_is_not_there_or_cannot_be_done_alone_is_refused() {
        let refused = |change: Amendment| amend(BOOK, &change).unwrap_err();
        assert!(matches!(refused(set(&["steps", "id=gone", "name"], json!("x"))), Refused::NotThere(_)));
        let prose = ["steps", "id=push", "failure_points", "id=refused", "effect"];
        assert!(matches!(refused(set(&prose, json!("x"))), Refused::NotSafe(_)));
        let shared = "kind: workflow\nid: order\nsteps:\n  - &a { id: take }\n  - *a\n";
        let change = set(&["steps", "id=take", "name"], json!("x"));
        assert!(matches!(amend(shared, &change), Err(Refused::NotSafe(_))));
        assert!(matches!(amend("a: [", &change), Err(Refused::NotSafe(_))));
    }

    #[test]
    fn what_cannot_be_put_in_can_be_pasted() {
        let words = snippet(&add(&["steps", "id=push", "also"], json!("check")));
        assert_eq!(words, "# in kind: workflow, id: order, steps, id: push\nalso: [check]\n");
    }

    fn any_text() -> impl Strategy<Value = String> {
        prop_oneof![
            "[ -~]{0,30}",
            "[a-z:#,\\[\\]{}&*!|>'\"%@` \\-]{1,12}",
            Just("yes".to_owned()),
            Just("503".to_owned()),
            Just("~".to_owned()),
            "\\PC{0,12}",
        ]
    }

    fn any_item() -> impl Strategy<Value = Value> {
        (any_text(), any_text()).prop_map(|(a, b)| json!({"id": a, "effect": b, "when": {"code": b, "message": a}}))
    }

    /// Books with comments, odd spaces, and lists in lines or brackets.
    fn any_book() -> impl Strategy<Value = String> {
        let step = ("[a-z]{1,6}", 0..4_u8, any_text()).prop_map(|(id, form, words)| {
            let words = serde_json::to_string(&words).unwrap();
            match form {
                0 => format!("  - id: {id}\n    name: {words} # {id}\n"),
                1 => format!("  # before\n  - {{ id: {id}, name: {words} }}   \n"),
                2 => format!("  -   id: {id}\n      name: >\n        folded\n        text\n\n"),
                _ => format!("  - name: {words}\n    id: {id}\n    after: [ ]\n    # behind\n"),
            }
        });
        (proptest::collection::vec(step, 1..4), any::<bool>(), any::<bool>()).prop_map(|(steps, tail, other)| {
            let tail = if tail { "# tail\nowner: me\n" } else { "" };
            let other = if other { "---\nkind: decision\nid: d\n" } else { "" };
            format!("%YAML 1.2\n---\nkind: workflow\nid: order\nsteps:\n{}{tail}{other}", steps.concat())
        })
    }

    proptest! {
        #[test]
        fn an_edit_reads_back_as_the_book_with_the_change_and_nothing_else_is_touched(
            text in any_book(), item in any_item(), nth in 0..4_usize, value in any_text(),
        ) {
            let Some(before) = values(&text) else { return Ok(()) };
            let steps = before[0]["steps"].as_array().unwrap().clone();
            let id = steps[nth % steps.len()]["id"].as_str().unwrap().to_owned();
            let step = format!("id={id}");
            for change in [
                add(&["steps"], item.clone()),
                add(&["steps", &step, "failure_points"], item.clone()),
                add(&["steps", &step, "also"], json!(value)),
                set(&["steps", &step, "if_skipped"], json!(value)),
                set(&["expect", "finish_within"], json!(value)),
                set(&["purpose"], json!(value)),
                Amendment::Append(json!({"kind": "decision", "id": "new", "decided": value})),
            ] {
                // What is refused touches nothing; what is done is right.
                let Ok(after) = amend(&text, &change) else { continue };
                prop_assert_eq!(values(&after).unwrap(), expected(before.clone(), &change).unwrap());
                prop_assert_eq!(amend(&after, &change).unwrap_or_default() == after || matches!(change, Amendment::Append(_)), true);
                // Only something was put in: what was there stands before it and behind it.
                let same = text.bytes().zip(after.bytes()).take_while(|(a, b)| a == b).count();
                let rest = text.len() - same;
                prop_assert!(after.len() >= text.len());
                prop_assert_eq!(&text.as_bytes()[same..], &after.as_bytes()[after.len() - rest..]);
            }
        }

        #[test]
        fn whatever_is_written_is_amended_or_refused(text in any::<String>(), value in any_text()) {
            let _ = amend(&text, &set(&["steps", "id=a", "name"], json!(value)));
            let _ = amend(&format!("kind: workflow\nid: order\n{text}"), &set(&["name"], json!(value)));
        }
    }
}
