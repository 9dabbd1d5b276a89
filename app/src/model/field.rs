//! What people call the fields of parts: `retry.max_attempts` is the number of tries.

use super::review::{DEPLOYED, OBSERVED, TOLD};

/// What people call a field of a part: a few words that "was 5m, is 7m" can follow. `*` stands for any component that
/// is needed, as flags are counted (`answer::counted_as`). A field that has no words of its own is spelled out.
pub fn field_words(field: &str) -> String {
    if let Some(words) = known(field) {
        return words.to_owned();
    }
    if let Some(observed) = field.strip_prefix(OBSERVED) {
        return observed_words(observed).to_owned();
    }
    let inner = |list: &str| field.strip_prefix(list).and_then(|rest| rest.split_once('.'));
    if let Some((id, field)) = inner("depends_on.") {
        let it = if id == "*" { "a component that it needs".to_owned() } else { spelled(id) };
        return match field {
            "mode" => format!("how it needs {it}"),
            "timeout" => format!("how long it waits for {it}"),
            "retry" => format!("how it tries {it} again"),
            "fallback" => format!("what takes the place of {it}"),
            "why" => format!("why it needs {it}"),
            field => format!("{} of {it}", field_words(field)),
        };
    }
    if let Some((id, field)) = inner("steps.").or_else(|| inner("failure_points.")) {
        return format!("{} of {}", field_words(field), spelled(id));
    }
    spelled(field)
}

fn spelled(text: &str) -> String {
    text.replace(['-', '_', '.'], " ")
}

fn known(field: &str) -> Option<&'static str> {
    Some(match field {
        "exists" => "whether it is there",
        DEPLOYED => "deployed version",
        TOLD => "change",
        "purpose" => "why it exists",
        "outcome" => "what is true when it has worked",
        "business_owner" => "business owner",
        "expect.finish_within" => "time allowed for a run",
        "expect.start_every" => "longest time between starts",
        "expect.min_interval" => "shortest time between starts",
        "expect.start_at" => "start time",
        "expect.timezone" => "time zone",
        "expect.grace" => "time allowed for a start",
        "expect.active" => "hours in which silence counts",
        "agree" => "what systems must agree on",
        "order" => "order of the steps",
        "component" => "who does it",
        "via" => "queue in front of it",
        "meaning" => "what it means for the business",
        "finish_within" => "time allowed",
        "if_skipped" => "what happens if it is skipped",
        "safe_to_retry" => "whether doing it twice is safe",
        "check_in" => "who may say that it is done",
        "failure_points" => "known failures",
        "also" => "other names for it",
        "retry.max_attempts" => "number of tries",
        "retry.backoff" => "how the waits between tries grow",
        "retry.first" => "wait before the second try",
        "retry.factor" => "how many times longer each wait is",
        "retry.max" => "longest wait between tries",
        "when.code" => "code of the error",
        "when.message" => "message of the error",
        "effect" => "what it does to the business",
        "automatic" => "what happens by itself",
        "action" => "what a person does",
        "retryable" => "whether another try can help",
        "if_unavailable" => "what happens without it",
        "depends_on" => "what it needs",
        "limits.depth" => "most that may wait",
        "limits.oldest" => "longest that anything may wait",
        "reports.as" => "source that it reports as",
        "reports.every" => "how often it reports",
        "decided" => "decision",
        "superseded_by" => "what took its place",
        "what" => "what is done",
        "review_by" => "day to look at it again",
        _ => return None,
    })
}

/// What was observed, without its `observed.`: what a text may state of it (`observed::FIELDS`), and what is in no book
/// (`undocumented::Sight::field`).
fn observed_words(field: &str) -> &'static str {
    match field.split_once('.').map_or(field, |(sort, _)| sort) {
        "state" => "state",
        "waiting" => "runs waiting there",
        "p50" => "time that half of the visits take at most",
        "p95" => "time that 95 of 100 visits take at most",
        "depth" => "how many wait in the queue",
        "oldest" => "how long the oldest has waited",
        "step" => "unknown step",
        "edge" => "unknown way",
        "error" => "unexplained error",
        "tries" | "waits" => "other retry policy",
        "unseen" => "not seen for 30 days",
        "depends_on" => "unknown dependency",
        _ => "observed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::answer::counted_as;
    use crate::model::book::Book;
    use crate::model::observed::FIELDS;
    use crate::model::review::parts;

    #[test]
    fn a_field_is_called_by_words_that_people_use() {
        for (field, words) in [
            ("retry.max_attempts", "number of tries"),
            ("owner", "owner"),
            ("depends_on.sap-business-one.timeout", "how long it waits for sap business one"),
            ("depends_on.*.fallback", "what takes the place of a component that it needs"),
            ("steps.push-to-erp.retry.first", "wait before the second try of push to erp"),
            ("observed.p95", "time that 95 of 100 visits take at most"),
            ("observed.error.503 refused", "unexplained error"),
            ("fields.vat_id.in_practice", "fields vat id in practice"),
        ] {
            assert_eq!(field_words(field), words, "{field}");
        }
    }

    #[test]
    fn no_field_that_flags_documents_is_shown_as_it_is_written_in_the_book() {
        let book: Book = serde_json::from_value(serde_json::json!({
            "workflows": {"w": {"id": "w", "name": "W", "owner": "a", "business_owner": "b",
                "expect": {"finish_within": "5m", "start_every": "10m", "min_interval": "1m", "start_at": "0 3 * * *",
                    "timezone": "UTC", "grace": "5m", "active": "Mon-Fri 06:00-22:00"},
                "steps": [{"id": "s", "name": "S", "component": "c", "via": "c", "finish_within": "5m", "also": ["t"],
                    "safe_to_retry": "yes", "retry": {"max_attempts": 6, "first": "30s", "factor": 2, "max": "5m"},
                    "failure_points": [{"id": "f", "when": {"code": "503", "message": "no"}, "automatic": "x",
                        "action": "runbook:r", "retryable": false, "also": [{"code": "504"}]}]}]}},
            "components": {"c": {"id": "c", "type": "service", "name": "C", "owner": "a",
                "limits": {"depth": 5, "oldest": "5m"},
                "depends_on": [{"id": "d", "mode": "sync", "timeout": "5s", "retry": "once", "fallback": "none"}]}},
            "decisions": {"d": {"id": "d", "date": "2026-01-01", "decided": "D"},
                "e": {"id": "e", "date": "2026-01-02", "decided": "E", "supersedes": ["d"]}},
            "workarounds": {"w": {"id": "w", "what": "W", "review_by": "2026-05-01", "owner": "a"}}
        }))
        .unwrap();
        let parts = parts(&book);
        assert!(parts.values().map(|values| values.len()).sum::<usize>() > 30);
        for field in parts.values().flat_map(|values| values.keys()) {
            for field in [field.clone(), counted_as(field)] {
                let words = field_words(&field);
                assert!(!words.contains(['.', '_', '*']), "{field}: {words}");
                assert!(known(&field).is_some() || field.contains("depends_on") || words == field, "{field}: {words}");
            }
        }
        assert!(FIELDS.iter().all(|field| observed_words(field) != "observed"));
    }
}
