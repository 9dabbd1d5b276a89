//! Whether what a document states about the book is still so.

use serde::Serialize;
use serde_json::Value;

use super::book::Book;
use super::mention::Fact;
use super::moment::Span;
use super::reference::Reference;

/// How a stated fact stands now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FactNow {
    /// It is so.
    Holds,
    /// It is otherwise.
    Differs {
        /// The value now, as the book writes it.
        present: String,
    },
    /// The part or the value is not there (any more).
    Unknown,
}

/// How the fact stands against this book.
pub fn fact_now(book: &Book, fact: &Fact) -> FactNow {
    match value_at(book, &fact.subject, &fact.path) {
        Some(present) if same(&fact.stated, &present) => FactNow::Holds,
        Some(present) => FactNow::Differs { present },
        None => FactNow::Unknown,
    }
}

/// A declared value in words, as the book writes it: `6`, `30m`, `exponential`, `erp-queue, shop-database`.
///
/// `path` is dotted (`retry.max_attempts`); an item of a list goes by its id, its name or its number from 0
/// (`depends_on.sap-business-one.timeout`). Nothing when the part, the field or its value is not there.
pub fn value_at(book: &Book, subject: &Reference, path: &str) -> Option<String> {
    let part = declared(book, subject)?;
    words(follow(&part, path).ok()?)
}

/// The part as the book holds it; nothing when it does not.
pub(super) fn declared(book: &Book, subject: &Reference) -> Option<Value> {
    let value = match subject {
        Reference::Workflow(id) => serde_json::to_value(book.workflows.get(id)?),
        Reference::Component(id) => serde_json::to_value(book.components.get(id)?),
        Reference::Step(workflow, step) => serde_json::to_value(book.step(workflow, step)?),
        Reference::Failure(workflow, step, point) => {
            let step = book.step(workflow, step)?;
            serde_json::to_value(step.failure_points.iter().find(|p| p.id == *point)?)
        }
        Reference::Decision(id) => serde_json::to_value(book.decisions.get(id)?),
        Reference::Workaround(id) => serde_json::to_value(book.workarounds.get(id)?),
        Reference::Runbook(..) => return None,
    };
    value.ok()
}

/// Follows a dotted path; when it leads nowhere, the name that is not there and the names that are.
pub(super) fn follow<'v>(part: &'v Value, path: &str) -> Result<&'v Value, (String, Vec<String>)> {
    let mut value = part;
    for name in path.split('.') {
        value = match value {
            Value::Object(fields) => {
                fields.get(name).ok_or_else(|| (name.to_owned(), fields.keys().cloned().collect()))?
            }
            Value::Array(items) => items
                .iter()
                .find(|item| label(item) == Some(name))
                .or_else(|| items.get(name.parse::<usize>().ok()?))
                .ok_or_else(|| (name.to_owned(), items.iter().filter_map(label).map(str::to_owned).collect()))?,
            // A field that is not set may have fields of its own, which then are not set either.
            Value::Null => return Ok(value),
            _ => return Err((name.to_owned(), Vec::new())),
        };
    }
    Ok(value)
}

/// What an item of a list is known by.
fn label(item: &Value) -> Option<&str> {
    item.get("id").or_else(|| item.get("name")).unwrap_or(item).as_str()
}

/// A value as the book writes it; nothing when it is not set.
pub(super) fn words(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Bool(yes) => Some(yes.to_string()),
        // `factor: 2` is kept as 2.0.
        Value::Number(n) => {
            Some(n.as_f64().filter(|f| n.is_f64() && f.fract() == 0.0).map_or(n.to_string(), |f| format!("{f:.0}")))
        }
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => {
            joined(items.iter().filter_map(|item| label(item).map(str::to_owned).or_else(|| words(item))))
        }
        Value::Object(fields) => {
            joined(fields.iter().filter_map(|(name, value)| words(value).map(|words| format!("{name}: {words}"))))
        }
    }
}

fn joined(items: impl Iterator<Item = String>) -> Option<String> {
    Some(items.collect::<Vec<_>>().join(", ")).filter(|words| !words.is_empty())
}

/// Whether the stated and the present value are the same: `5m` is `300s`, `2,000` is `2000`; case and space do not count.
pub fn same(stated: &str, present: &str) -> bool {
    let (stated, present) = (plain(stated), plain(present));
    let spans = || Some(Span::parse(&stated.replace(' ', "")).ok()? == Span::parse(&present.replace(' ', "")).ok()?);
    let number = |text: &str| text.replace([',', '_'], "").parse::<f64>().ok();
    let numbers = || Some(number(&stated)? == number(&present)?);
    stated == present || spans().or_else(numbers).unwrap_or(false)
}

/// Lower case, one space between words, none before a comma.
fn plain(text: &str) -> String {
    let items: Vec<String> =
        text.split(',').map(|item| item.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()).collect();
    items.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book() -> Book {
        serde_json::from_value(serde_json::json!({
            "workflows": {"order-to-erp": {"id": "order-to-erp", "name": "Order to ERP", "criticality": "high", "steps": [
                {"id": "push", "name": "Push", "finish_within": "5m", "after": ["a", "b"],
                 "retry": {"max_attempts": 6, "backoff": "exponential", "factor": 2, "first": "30s"}}]}},
            "components": {"worker": {"id": "worker", "type": "service", "name": "Worker", "limits": {"depth": 2000},
                "depends_on": [{"id": "sap", "timeout": "30s"}, {"id": "queue"}]}},
            "decisions": {}, "workarounds": {}
        }))
        .unwrap()
    }

    fn value(subject: &str, path: &str) -> Option<String> {
        value_at(&book(), &Reference::parse(subject).unwrap(), path)
    }

    #[test]
    fn a_value_reads_as_the_book_writes_it() {
        assert_eq!(value("step:order-to-erp/push", "retry.max_attempts").unwrap(), "6");
        assert_eq!(value("step:order-to-erp/push", "retry.factor").unwrap(), "2");
        assert_eq!(value("step:order-to-erp/push", "finish_within").unwrap(), "5m");
        assert_eq!(value("step:order-to-erp/push", "after").unwrap(), "a, b");
        assert_eq!(value("workflow:order-to-erp", "criticality").unwrap(), "high");
        assert_eq!(value("workflow:order-to-erp", "steps.push.retry.first").unwrap(), "30s");
        assert_eq!(value("component:worker", "depends_on").unwrap(), "sap, queue");
        assert_eq!(value("component:worker", "depends_on.sap.timeout").unwrap(), "30s");
    }

    #[test]
    fn a_value_that_is_not_there_is_nothing_and_not_empty_words() {
        assert_eq!(value("component:worker", "owner"), None);
        assert_eq!(value("component:worker", "ownr"), None);
        assert_eq!(value("component:worker", "limits.oldest"), None);
        assert_eq!(value("component:nobody", "owner"), None);
        assert_eq!(value("step:order-to-erp/push", "safe_to_retry"), None);
    }

    #[test]
    fn equal_lengths_of_time_and_equal_numbers_are_the_same_however_written() {
        assert!(same("300s", "5m"));
        assert!(same("5 m", "5m"));
        assert!(same("2,000", "2000"));
        assert!(same("Integration-Team", "integration-team"));
        assert!(same("sap,  queue", "sap, queue"));
        assert!(!same("5m", "6m"));
        assert!(!same("6", "60"));
        assert!(!same("5m", "5"));
    }
}
