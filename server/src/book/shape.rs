//! What was written, held against the schema: unknown keys, missing ones, wrong words and types, each with its line.

use app::model::agreement::Tolerance;
use app::model::check::{Lines, nearest, with_suggestion};
use app::model::moment::Span;
use app::model::reference::Reference;
use serde_json::{Map, Value};

use super::node::{Content, Node};
use super::schema::Schema;
use super::yaml::Wrong;

/// What was written, brought into the shape that the types can read.
pub(super) struct Shaped {
    /// Without what is wrong; nothing when something that must be there is wrong or missing.
    pub value: Option<Value>,
    /// Where everything in `value` was written.
    pub lines: Lines,
    /// What is wrong.
    pub wrong: Vec<Wrong>,
}

/// Holds a node against a schema.
pub(super) fn shape(node: &Node, schema: Schema<'_>) -> Shaped {
    let mut shaper = Shaper { wrong: Vec::new(), lost: false };
    let (value, lines) = shaper.any(node, schema).unwrap_or((Value::Null, Lines::new(node.line)));
    Shaped { value: (!shaper.lost && !value.is_null()).then_some(value), lines, wrong: shaper.wrong }
}

struct Shaper {
    wrong: Vec<Wrong>,
    /// Whether something that must be there is wrong or missing.
    lost: bool,
}

impl Shaper {
    /// The value and its lines; nothing when it is wrong.
    fn any(&mut self, node: &Node, schema: Schema<'_>) -> Option<(Value, Lines)> {
        if schema.is_mapping() {
            self.mapping(node, schema)
        } else if let Some(items) = schema.items() {
            self.list(node, items)
        } else {
            let value = self.scalar(node, schema)?;
            Some((value, Lines::new(node.line)))
        }
    }

    fn says(&mut self, line: usize, text: impl Into<String>) {
        self.wrong.push(Wrong { line, text: text.into() });
    }

    fn mapping(&mut self, node: &Node, schema: Schema<'_>) -> Option<(Value, Lines)> {
        let Content::Map(entries) = &node.content else {
            let keys = schema.keys().join(", ");
            self.says(node.line, format!("a mapping is needed here; its keys are {keys}"));
            return None;
        };
        let (mut values, mut lines) = (Map::new(), Lines::new(node.line));
        let required = schema.required();
        for (key, node) in entries {
            let Some(schema_of_key) = schema.key(key) else {
                let sentence = with_suggestion(format!("unknown key \"{key}\""), nearest(key, &schema.keys()));
                self.says(node.line, sentence);
                continue;
            };
            let must = required.contains(&key.as_str());
            if node.is_nothing() && !must {
                continue;
            }
            match self.any(node, schema_of_key) {
                Some((value, inner)) => {
                    values.insert(key.clone(), value);
                    lines.insert(key, inner);
                }
                None => self.lost |= must,
            }
        }
        for key in required {
            if !entries.iter().any(|(k, _)| k == key) {
                self.says(node.line, format!("\"{key}\" is missing"));
                self.lost = true;
            }
        }
        Some((Value::Object(values), lines))
    }

    fn list(&mut self, node: &Node, schema: Schema<'_>) -> Option<(Value, Lines)> {
        let Content::List(items) = &node.content else {
            match node.text() {
                Some(text) => self.says(node.line, format!("a list is needed here; write [{text}]")),
                None => self.says(node.line, "a list is needed here; write - before each item"),
            }
            return None;
        };
        let (mut values, mut lines) = (Vec::new(), Lines::new(node.line));
        for item in items {
            if let Some((value, inner)) = self.any(item, schema) {
                lines.insert(values.len().to_string(), inner);
                values.push(value);
            }
        }
        Some((Value::Array(values), lines))
    }

    fn scalar(&mut self, node: &Node, schema: Schema<'_>) -> Option<Value> {
        match scalar(node, schema) {
            Ok(value) => Some(value),
            Err(text) => {
                self.says(node.line, text);
                None
            }
        }
    }
}

fn scalar(node: &Node, schema: Schema<'_>) -> Result<Value, String> {
    let value = node.value();
    let Some(text) = node.text() else {
        return Err(match schema.scalar() {
            "integer" | "number" => "a number is needed here, not a list or a mapping".to_owned(),
            _ => "text is needed here, not a list or a mapping; put it in quotes if it holds : or #".to_owned(),
        });
    };
    if let Some(words) = schema.words() {
        return match words.contains(&text) {
            true => Ok(Value::String(text.to_owned())),
            false => Err(not_one_of(text, &words)),
        };
    }
    match (schema.name(), schema.scalar()) {
        _ if value.is_null() => Err("there is nothing here".to_owned()),
        ("Duration", _) => Span::parse(text).map(|_| text.into()),
        ("Tolerance", _) => Tolerance::parse(text).map(|_| text.into()),
        ("Reference", _) => Reference::parse(text).map(|_| text.into()),
        // `code: 503` and `name: 2026` mean text where text is asked for, as it was written.
        (_, "string") => Ok(text.into()),
        (_, "integer") if value.as_i64().is_some_and(|n| n < 0) => {
            Err(format!("a number from 0 up is needed here, not \"{text}\""))
        }
        (_, "integer") if value.is_i64() => Ok(value),
        (_, "integer") => Err(format!("a whole number is needed here, not \"{text}\"")),
        (_, "number") if value.is_number() => Ok(value),
        (_, "number") => Err(format!("a number is needed here, not \"{text}\"")),
        (_, "boolean") if value.is_boolean() => Ok(value),
        (_, "boolean") => Err(format!("true or false is needed here, not \"{text}\"")),
        _ => Ok(value),
    }
}

fn not_one_of(text: &str, words: &[&str]) -> String {
    match nearest(text, words) {
        Some(meant) => format!("\"{text}\" is not possible here; did you mean \"{meant}\"?"),
        None => format!("\"{text}\" is not possible here; write one of {}", words.join(", ")),
    }
}
