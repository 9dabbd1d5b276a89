//! A reference: `kind:id`, how one part of the book, or a document, names another.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A name for one part: `component:erp`, `step:order-to-erp/push-to-erp`, `runbook:slug#section`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reference {
    /// `component:ID`
    Component(String),
    /// `workflow:ID`
    Workflow(String),
    /// `step:WORKFLOW/STEP`
    Step(String, String),
    /// `failure:WORKFLOW/STEP/FAILURE`
    Failure(String, String, String),
    /// `decision:ID`
    Decision(String),
    /// `workaround:ID`
    Workaround(String),
    /// `runbook:SLUG` or `runbook:SLUG#SECTION`
    Runbook(String, Option<String>),
}

impl Reference {
    /// Parses `kind:id`.
    ///
    /// # Errors
    /// A sentence for the author: an unknown kind, or an id that is not `[a-z0-9-]{1,63}`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (kind, rest) = text
            .split_once(':')
            .ok_or_else(|| format!("\"{text}\" is not a reference; write kind:id, like component:erp"))?;
        let ids: Vec<&str> = rest.split('/').collect();
        let own = |s: &str| s.to_owned();
        let reference = match (kind, ids.as_slice()) {
            ("component", [id]) => Self::Component(own(id)),
            ("workflow", [id]) => Self::Workflow(own(id)),
            ("step", [w, s]) => Self::Step(own(w), own(s)),
            ("failure", [w, s, f]) => Self::Failure(own(w), own(s), own(f)),
            ("decision", [id]) => Self::Decision(own(id)),
            ("workaround", [id]) => Self::Workaround(own(id)),
            ("runbook", [id]) => match id.split_once('#') {
                Some((slug, section)) => Self::Runbook(own(slug), Some(own(section))),
                None => Self::Runbook(own(id), None),
            },
            ("step", _) => return Err(format!("\"{text}\": write step:WORKFLOW/STEP")),
            ("failure", _) => return Err(format!("\"{text}\": write failure:WORKFLOW/STEP/FAILURE")),
            ("component" | "workflow" | "decision" | "workaround" | "runbook", _) => {
                return Err(format!("\"{text}\": write {kind}:ID"));
            }
            _ => {
                return Err(format!(
                    "\"{kind}\" is not a kind of reference; the kinds are component, workflow, step, failure, decision, workaround and runbook"
                ));
            }
        };
        match reference.ids().into_iter().find(|id| !is_id(id)) {
            Some(id) => Err(format!("\"{id}\" in \"{text}\" is not an id; ids are 1 to 63 of a-z, 0-9 and -")),
            None => Ok(reference),
        }
    }

    fn ids(&self) -> Vec<&str> {
        match self {
            Self::Component(a) | Self::Workflow(a) | Self::Decision(a) | Self::Workaround(a) | Self::Runbook(a, _) => {
                vec![a]
            }
            Self::Step(a, b) => vec![a, b],
            Self::Failure(a, b, c) => vec![a, b, c],
        }
    }

    /// The word before the colon: `component`, `step`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Component(_) => "component",
            Self::Workflow(_) => "workflow",
            Self::Step(..) => "step",
            Self::Failure(..) => "failure",
            Self::Decision(_) => "decision",
            Self::Workaround(_) => "workaround",
            Self::Runbook(..) => "runbook",
        }
    }

    /// Where the portal shows it, as a path on this site.
    pub fn path(&self) -> String {
        match self {
            Self::Component(id) => format!("/components/{id}"),
            Self::Workflow(id) => format!("/workflows/{id}"),
            Self::Step(w, s) => format!("/workflows/{w}#step-{s}"),
            Self::Failure(w, s, _) => format!("/workflows/{w}#step-{s}"),
            Self::Decision(id) => format!("/decisions/{id}"),
            Self::Workaround(id) => format!("/workarounds/{id}"),
            Self::Runbook(slug, Some(section)) => format!("/runbooks/{slug}#{section}"),
            Self::Runbook(slug, None) => format!("/runbooks/{slug}"),
        }
    }
}

/// Whether the text is an id: 1 to 63 of `a-z`, `0-9` and `-`.
pub fn is_id(text: &str) -> bool {
    (1..=63).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Component(id) => write!(f, "component:{id}"),
            Self::Workflow(id) => write!(f, "workflow:{id}"),
            Self::Step(w, s) => write!(f, "step:{w}/{s}"),
            Self::Failure(w, s, p) => write!(f, "failure:{w}/{s}/{p}"),
            Self::Decision(id) => write!(f, "decision:{id}"),
            Self::Workaround(id) => write!(f, "workaround:{id}"),
            Self::Runbook(slug, None) => write!(f, "runbook:{slug}"),
            Self::Runbook(slug, Some(section)) => write!(f, "runbook:{slug}#{section}"),
        }
    }
}

impl Serialize for Reference {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Reference {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(d)?;
        Reference::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl schemars::JsonSchema for Reference {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Reference".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "pattern": "^(component|workflow|step|failure|decision|workaround|runbook):",
            "description": "kind:id, like component:erp or step:order-to-erp/push-to-erp"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_reads_back_as_it_was_written() {
        for text in [
            "component:erp",
            "workflow:a-b",
            "step:w/s",
            "failure:w/s/f",
            "decision:2026-03-q",
            "workaround:x",
            "runbook:r",
            "runbook:r#do-this-now",
        ] {
            assert_eq!(Reference::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_wrong_reference_says_how_to_write_it() {
        assert!(Reference::parse("erp").unwrap_err().contains("component:erp"));
        assert!(Reference::parse("step:push").unwrap_err().contains("step:WORKFLOW/STEP"));
        assert!(Reference::parse("team:x").unwrap_err().contains("kinds are component"));
        assert!(Reference::parse("component:Not An Id").unwrap_err().contains("a-z"));
    }
}
