//! A value of a YAML document, with the line it was written on.

use serde_json::{Map, Number, Value};

/// A value and the line it starts on; in a mapping that is the line of its key.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// From 1.
    pub line: usize,
    /// What is there.
    pub content: Content,
}

/// What a node holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// Text as it was written. Unquoted text may mean a number, `true`, `false` or nothing.
    Scalar {
        /// The text.
        text: String,
        /// Whether it is text whatever it looks like.
        quoted: bool,
    },
    /// A list.
    List(Vec<Node>),
    /// A mapping in the order written, each key once.
    Map(Vec<(String, Node)>),
}

impl Node {
    /// The value that a mapping has for a key.
    pub fn get(&self, key: &str) -> Option<&Node> {
        match &self.content {
            Content::Map(entries) => entries.iter().find(|(k, _)| k == key).map(|(_, node)| node),
            _ => None,
        }
    }

    /// The text of a scalar.
    pub fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The items of a list; none when it is something else.
    pub fn items(&self) -> &[Node] {
        match &self.content {
            Content::List(items) => items,
            _ => &[],
        }
    }

    /// The value by the core schema of YAML 1.2: `yes` is a word there, and `2026-03-02` too.
    pub fn value(&self) -> Value {
        match &self.content {
            Content::Scalar { text, quoted: true } => Value::String(text.clone()),
            Content::Scalar { text, quoted: false } => plain(text),
            Content::List(items) => items.iter().map(Node::value).collect(),
            Content::Map(entries) => {
                Value::Object(entries.iter().map(|(key, node)| (key.clone(), node.value())).collect::<Map<_, _>>())
            }
        }
    }

    /// Whether there is nothing, as in an empty document.
    pub fn is_nothing(&self) -> bool {
        matches!(&self.content, Content::Scalar { text, quoted: false } if plain(text).is_null())
    }

    /// How much memory it takes, about.
    pub fn size(&self) -> usize {
        let inner: usize = match &self.content {
            Content::Scalar { text, .. } => text.len(),
            Content::List(items) => items.iter().map(Node::size).sum(),
            Content::Map(entries) => entries.iter().map(|(key, node)| key.len() + node.size()).sum(),
        };
        size_of::<Node>() + inner
    }
}

/// An unquoted scalar by the core schema (YAML 1.2.2, 10.3.2).
fn plain(text: &str) -> Value {
    let number = || {
        let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
        // Rust also reads "inf", "nan" and "1_0", which are words here.
        if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
            || !digits.bytes().all(|b| b.is_ascii_digit() || b".eE+-".contains(&b))
        {
            return None;
        }
        let unsigned = text.strip_prefix('+').unwrap_or(text);
        unsigned.parse::<i64>().map(Number::from).ok().or_else(|| Number::from_f64(unsigned.parse().ok()?))
    };
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ => number().map_or_else(|| Value::String(text.to_owned()), Value::Number),
    }
}
