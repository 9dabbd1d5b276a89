//! The JSON Schema of the book: for editors, and for finding typing errors in what was written.

use std::sync::LazyLock;

use app::model::book::{Component, Decision, FrontMatter, Workaround, Workflow};
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

/// The kinds of entries.
pub(super) const KINDS: [&str; 4] = ["workflow", "component", "decision", "workaround"];

/// The JSON Schema of one document of the book; unknown keys are errors.
pub fn schema() -> Value {
    SCHEMA.clone()
}

static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    let mut generator = SchemaSettings::draft2020_12().for_deserialize().into_generator();
    generator.subschema_for::<Workflow>();
    generator.subschema_for::<Component>();
    generator.subschema_for::<Decision>();
    generator.subschema_for::<Workaround>();
    let mut defs = generator.take_definitions(true);
    let mut any = Vec::new();
    for (kind, name) in KINDS.iter().zip(["Workflow", "Component", "Decision", "Workaround"]) {
        // serde takes the tag away before it reads the rest, so the types do not know it; the schema must.
        let entry = &mut defs[name];
        entry["properties"]["kind"] = json!({"const": kind, "description": "What this document declares."});
        if let Some(required) = entry["required"].as_array_mut() {
            required.insert(0, json!("kind"));
        }
        any.push(json!({"$ref": format!("#/$defs/{name}")}));
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Watchbook",
        "description": "One document of a book: a workflow, a component, a decision or a workaround.",
        "oneOf": any,
        "$defs": defs,
    })
});

/// The schema of the front matter of a runbook. Nothing in it is required: the title may be the first heading.
static FRONT_MATTER: LazyLock<Value> = LazyLock::new(|| {
    let mut schema = Value::from(SchemaGenerator::default().into_root_schema_for::<FrontMatter>());
    schema["required"] = json!([]);
    schema
});

/// A part of a schema, with the whole that its references point into.
#[derive(Clone, Copy)]
pub(super) struct Schema<'s> {
    root: &'s Value,
    here: &'s Value,
    /// The name of the definition that led here.
    name: &'s str,
}

impl Schema<'static> {
    /// The schema of a kind of entry.
    pub fn of_kind(kind: &str) -> Option<Self> {
        let name = match kind {
            "workflow" => "Workflow",
            "component" => "Component",
            "decision" => "Decision",
            "workaround" => "Workaround",
            _ => return None,
        };
        let root = &*SCHEMA;
        Some(Self { root, here: &root["$defs"][name], name })
    }

    /// The schema of the front matter.
    pub fn front_matter() -> Self {
        let root = &*FRONT_MATTER;
        Self { root, here: root, name: "" }
    }
}

impl<'s> Schema<'s> {
    /// The name of the shared definition that this is, like `Duration`; empty when it is none.
    pub fn name(self) -> &'s str {
        self.name
    }

    fn at(self, here: &'s Value) -> Self {
        let found = Self { here, name: "", ..self };
        // `Option` of a definition is written as any of it and null; with a description beside, as all of it.
        let inner = here["anyOf"].as_array().and_then(|any| any.iter().find(|s| s["type"] != "null"));
        let inner = inner.or_else(|| here["allOf"].get(0));
        if let Some(inner) = inner {
            return found.at(inner);
        }
        match here["$ref"].as_str().and_then(|r| r.rsplit('/').next()) {
            Some(name) => Self { root: self.root, here: &self.root["$defs"][name], name },
            None => found,
        }
    }

    /// Whether this is a mapping with known keys.
    pub fn is_mapping(self) -> bool {
        self.here["properties"].is_object()
    }

    /// The keys it may have.
    pub fn keys(self) -> Vec<&'s str> {
        self.here["properties"].as_object().map(|p| p.keys().map(String::as_str).collect()).unwrap_or_default()
    }

    /// The keys it must have.
    pub fn required(self) -> Vec<&'s str> {
        self.here["required"].as_array().map(|r| r.iter().filter_map(Value::as_str).collect()).unwrap_or_default()
    }

    /// The schema of the value of a key; nothing when the key is unknown.
    pub fn key(self, key: &str) -> Option<Self> {
        Some(self.at(self.here["properties"].get(key)?))
    }

    /// The schema of the items, when this is a list.
    pub fn items(self) -> Option<Self> {
        Some(self.at(self.here.get("items")?))
    }

    /// The words that are allowed, when only some are.
    pub fn words(self) -> Option<Vec<&'s str>> {
        let consts = |list: &'s Value| Some(list.as_array()?.iter().filter_map(|s| s["const"].as_str()).collect());
        match self.here {
            here if here["const"].is_string() => Some(vec![here["const"].as_str()?]),
            here if here["enum"].is_array() => {
                Some(here["enum"].as_array()?.iter().filter_map(Value::as_str).collect())
            }
            // A list of words with a description each; words without one are gathered in an `enum`.
            here if here["oneOf"].is_array() => {
                let mut words: Vec<&str> = consts(&here["oneOf"])?;
                words.extend(
                    here["oneOf"]
                        .as_array()?
                        .iter()
                        .filter_map(|s| s["enum"].as_array())
                        .flatten()
                        .filter_map(Value::as_str),
                );
                Some(words)
            }
            _ => None,
        }
    }

    /// The type of a scalar: `string`, `integer`, `number` or `boolean`.
    pub fn scalar(self) -> &'s str {
        match &self.here["type"] {
            Value::Array(types) => types.iter().filter_map(Value::as_str).find(|t| *t != "null").unwrap_or_default(),
            one => one.as_str().unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_knows_every_kind_and_allows_no_other_key() {
        let schema = schema();
        assert_eq!(schema["oneOf"].as_array().unwrap().len(), KINDS.len());
        for kind in KINDS {
            let of_kind = Schema::of_kind(kind).unwrap();
            assert_eq!(of_kind.here["additionalProperties"], false, "{kind}");
            assert_eq!(of_kind.required()[..2], ["kind", "id"]);
            assert_eq!(of_kind.key("kind").unwrap().words().unwrap(), [kind]);
        }
        assert_eq!(schema["$defs"]["Expect"]["additionalProperties"], false);
    }

    #[test]
    fn the_schema_leads_through_options_and_definitions() {
        let step = Schema::of_kind("workflow").unwrap().key("steps").unwrap().items().unwrap();
        assert!(step.is_mapping());
        assert_eq!(step.key("safe_to_retry").unwrap().words().unwrap(), ["yes", "keyed", "ask", "never"]);
        assert_eq!(step.key("finish_within").unwrap().name(), "Duration");
        assert_eq!(step.key("retry").unwrap().key("max_attempts").unwrap().scalar(), "integer");
        assert_eq!(step.key("after").unwrap().items().unwrap().scalar(), "string");
        let kinds = Schema::of_kind("component").unwrap().key("type").unwrap().words().unwrap();
        assert!(kinds.contains(&"spreadsheet"), "{kinds:?}");
        assert_eq!(Schema::front_matter().key("for").unwrap().items().unwrap().name(), "Reference");
        assert!(Schema::front_matter().required().is_empty());
    }
}
