//! The five forms of a body of events: one object, an array, NDJSON, and CloudEvents single and in batch.

use app::model::event::{self, Event, MOST_BYTES, Refusal, without_null};
use app::model::moment::Moment;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use serde::Serialize;
use serde_json::Value;

use super::cloudevents;
use crate::store::sources::RefusedEvent;

/// The most events in one JSON batch.
pub const MOST_EVENTS: usize = 1_000;

/// The largest JSON batch, in bytes after decompression.
pub const MOST_BATCH_BYTES: usize = 16 * 1024 * 1024;

/// How much of a refused event is kept, in bytes: all that an event may have, so that it can be tried again.
const KEPT_BYTES: usize = MOST_BYTES;

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// One native event or an array of them.
    Json,
    /// One native event a line, without an end.
    Lines,
    /// CloudEvents: attributes in headers, data in the body.
    CloudBinary,
    /// CloudEvents: one JSON object.
    CloudStructured,
    /// CloudEvents: an array.
    CloudBatch,
}

impl Form {
    /// The form that the headers announce; none when the content type is not one of ours.
    ///
    /// CloudEvents are recognised in the order of their HTTP binding: batch, structured, binary.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let content_type = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("");
        let media = content_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
        match media.as_str() {
            "application/cloudevents-batch+json" => Some(Self::CloudBatch),
            "application/cloudevents+json" => Some(Self::CloudStructured),
            _ if headers.contains_key("ce-specversion") => Some(Self::CloudBinary),
            "application/json" => Some(Self::Json),
            "application/x-ndjson" | "application/ndjson" | "application/jsonl" => Some(Self::Lines),
            _ => None,
        }
    }
}

/// Why a whole body was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BodyError {
    /// Not JSON; says where, in bytes from 1.
    Malformed(String),
    /// More events or bytes than one batch may have.
    TooLarge(String),
}

/// One event that was refused, as it is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EventError {
    /// Which event of the body, from 0.
    pub index: usize,
    /// The field that is wrong; empty for the event as a whole.
    pub field: String,
    /// What is wrong with it.
    pub detail: String,
}

/// The events of a body: good ones, and refused ones with their index.
#[derive(Debug, Default)]
pub struct Parsed {
    /// Those that are taken.
    pub events: Vec<Event>,
    /// Those that are not, as they are answered.
    pub errors: Vec<EventError>,
    /// The same, as they are kept.
    pub refused: Vec<RefusedEvent>,
    /// Whether the body is one event, and that is larger than an event may be.
    pub is_one_too_large: bool,
}

impl Parsed {
    fn add(
        &mut self,
        index: usize,
        result: Result<Event, Refusal>,
        (raw, is_cloudevent): (impl Fn() -> String, bool),
        source: &str,
        now: Moment,
    ) {
        match result {
            Ok(event) => self.events.push(event),
            Err(refusal) => {
                let mut body = without_null(&raw());
                let length = body.len();
                let mut end = KEPT_BYTES.min(length);
                while !body.is_char_boundary(end) {
                    end -= 1;
                }
                body.truncate(end);
                self.refused.push(RefusedEvent {
                    received_at: now,
                    source: source.to_owned(),
                    field: refusal.field.clone(),
                    detail: refusal.detail.clone(),
                    body,
                    is_cloudevent,
                    left_out: (end < length).then_some((length - end) as i64),
                });
                self.errors.push(EventError { index, field: refusal.field, detail: refusal.detail });
            }
        }
    }

    /// Whether an event was refused that is larger than one may be: as it came, or with what was written into it.
    fn is_too_large(&self) -> bool {
        self.refused.iter().any(|refused| refused.left_out.is_some() || refused.detail == event::too_large())
    }

    /// Adds one line of NDJSON; empty lines are skipped.
    pub fn line(&mut self, index: usize, line: &[u8], source: &str, now: Moment) {
        if line.iter().all(u8::is_ascii_whitespace) {
            return;
        }
        let result = if line.len() > MOST_BYTES {
            Err(Refusal::new("", format!("the line is longer than {} KiB", MOST_BYTES / 1024)))
        } else {
            serde_json::from_slice::<Value>(line)
                .map_err(|e| Refusal::new("", format!("not JSON at byte {}: {}", e.column(), short(&e))))
                .and_then(|value| Event::parse(value, source, now))
        };
        self.add(index, result, (|| String::from_utf8_lossy(line).into_owned(), false), source, now);
    }
}

/// Reads a refused event once more, as it was kept. Without a time of its own it happened when it was heard.
///
/// # Errors
/// Why it is still refused.
pub fn parse_again(refused: &RefusedEvent) -> Result<Event, Refusal> {
    let value: Value = serde_json::from_str(&refused.body)
        .map_err(|e| Refusal::new("", format!("not JSON at byte {}: {}", e.column(), short(&e))))?;
    let native = if refused.is_cloudevent { cloudevents::structured(value)? } else { value };
    Event::parse(native, &refused.source, refused.received_at)
}

/// Parses a whole body of any form but lines.
///
/// # Errors
/// When nothing of it can be read, or it is too large.
pub fn parse(form: Form, headers: &HeaderMap, body: &[u8], source: &str, now: Moment) -> Result<Parsed, BodyError> {
    let mut parsed = Parsed::default();
    if form == Form::CloudBinary {
        // What is in the headers is kept as well, as the same event in one piece.
        let whole = || match cloudevents::in_one_piece(headers, body) {
            Ok(whole) => whole.to_string(),
            Err(_) => String::from_utf8_lossy(body).into_owned(),
        };
        let native = cloudevents::binary(headers, body);
        let result = native.and_then(|value| Event::parse(value, source, now));
        parsed.add(0, result, (whole, true), source, now);
        parsed.is_one_too_large = parsed.is_too_large();
        return Ok(parsed);
    }
    let value: Value = serde_json::from_slice(body).map_err(|e| BodyError::Malformed(malformed(&e, body)))?;
    let (is_one, items) = match (form, value) {
        (Form::CloudStructured, value) => (true, vec![value]),
        (_, Value::Array(items)) => (false, items),
        (_, value) => (true, vec![value]),
    };
    if items.len() > MOST_EVENTS {
        return Err(BodyError::TooLarge(format!(
            "{} events in one batch; at most {MOST_EVENTS} are taken. Send several batches, or NDJSON.",
            items.len()
        )));
    }
    for (index, item) in items.into_iter().enumerate() {
        let kept = item.clone();
        let is_cloudevent = matches!(form, Form::CloudStructured | Form::CloudBatch);
        let native = if is_cloudevent { cloudevents::structured(item) } else { Ok(item) };
        let result = native.and_then(|value| Event::parse(value, source, now));
        parsed.add(index, result, (|| kept.to_string(), is_cloudevent), source, now);
    }
    parsed.is_one_too_large = is_one && parsed.is_too_large();
    Ok(parsed)
}

/// What is wrong with a text that is not JSON, and at which byte from 1.
fn malformed(error: &serde_json::Error, body: &[u8]) -> String {
    let before: usize =
        body.split_inclusive(|b| *b == b'\n').take(error.line().saturating_sub(1)).map(<[u8]>::len).sum();
    format!("The body is not JSON: {} at byte {}.", short(error), before + error.column())
}

/// The error without serde's own words about the place.
fn short(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(form: Form, body: &str) -> Result<Parsed, BodyError> {
        parse(form, &HeaderMap::new(), body.as_bytes(), "t", Moment::default())
    }

    #[test]
    fn the_good_part_of_a_bad_batch_is_kept_and_the_bad_one_named() {
        let body = r#"[{"workflow":"w","run":"1","state":"running"},{"workflow":"w","run":"1","state":"odd"}]"#;
        let parsed = read(Form::Json, body).unwrap();
        assert_eq!(parsed.events.len(), 1);
        assert_eq!((parsed.errors[0].index, parsed.errors[0].field.as_str()), (1, "state"));
        assert!(parsed.refused[0].body.contains("odd"));
    }

    #[test]
    fn what_was_refused_is_kept_so_that_it_can_be_read_again() {
        let body = r#"{"workflow":"w","run":"1","state":"odd"}"#;
        let refused = read(Form::Json, body).unwrap().refused.remove(0);
        assert_eq!((refused.left_out, parse_again(&refused).unwrap_err().field.as_str()), (None, "state"));
        let put_right = RefusedEvent { body: body.replace("odd", "running"), ..refused };
        assert_eq!(parse_again(&put_right).unwrap().source, "t");
        let headers = [("ce-specversion", "1.0"), ("ce-id", "1"), ("ce-source", "/erp"), ("ce-type", "x")];
        let headers: HeaderMap = headers.iter().map(|(k, v)| (k.parse().unwrap(), v.parse().unwrap())).collect();
        let refused = parse(Form::CloudBinary, &headers, body.as_bytes(), "t", Moment::default()).unwrap().refused;
        assert_eq!(parse_again(&refused[0]).unwrap_err().field, "state");
        let put_right = RefusedEvent { body: refused[0].body.replace("odd", "running"), ..refused[0].clone() };
        assert_eq!(parse_again(&put_right).unwrap().source, "/erp");
    }

    #[test]
    fn of_what_is_too_long_the_beginning_is_kept_with_how_much_is_missing() {
        let mut parsed = Parsed::default();
        parsed.line(0, "ä".repeat(MOST_BYTES).as_bytes(), "t", Moment::default());
        let refused = &parsed.refused[0];
        assert_eq!((refused.body.len(), refused.left_out), (MOST_BYTES, Some(MOST_BYTES as i64)));
    }

    #[test]
    fn malformed_json_is_named_with_its_byte() {
        let error = read(Form::Json, "{\"a\":1,\n \"b\" 2}").unwrap_err();
        assert_eq!(error, BodyError::Malformed("The body is not JSON: expected `:` at byte 14.".into()));
    }

    #[test]
    fn more_than_a_thousand_events_are_too_many_for_one_batch() {
        let body = format!("[{}]", vec!["{}"; MOST_EVENTS + 1].join(","));
        assert!(matches!(read(Form::Json, &body), Err(BodyError::TooLarge(_))));
    }

    #[test]
    fn a_bad_line_is_refused_with_its_byte_and_an_empty_one_skipped() {
        let mut parsed = Parsed::default();
        parsed.line(0, b" ", "t", Moment::default());
        parsed.line(1, b"{\"workflow\":", "t", Moment::default());
        assert_eq!((parsed.errors.len(), parsed.errors[0].index), (1, 1));
        assert!(parsed.errors[0].detail.contains("byte 12"), "{}", parsed.errors[0].detail);
    }

    #[test]
    fn the_form_follows_from_the_headers_batch_first() {
        let form = |content_type: &str, cloud: bool| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, content_type.parse().unwrap());
            if cloud {
                headers.insert("ce-specversion", "1.0".parse().unwrap());
            }
            Form::of(&headers)
        };
        assert_eq!(form("application/json; charset=utf-8", false), Some(Form::Json));
        assert_eq!(form("application/json", true), Some(Form::CloudBinary));
        assert_eq!(form("application/cloudevents-batch+json", true), Some(Form::CloudBatch));
        assert_eq!(form("text/plain", false), None);
    }
}
