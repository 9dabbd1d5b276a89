//! CloudEvents 1.0 to native events: the HTTP binding in its three modes, and the BAM extension for processes.

use app::model::event::Refusal;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use serde_json::{Map, Value};

/// One structured CloudEvent as a native event.
///
/// # Errors
/// The attribute that is missing or wrong.
pub fn structured(value: Value) -> Result<Value, Refusal> {
    let Value::Object(mut attributes) = value else {
        return Err(Refusal::new("", "a CloudEvent is a JSON object"));
    };
    let data = attributes.remove("data").unwrap_or(Value::Null);
    if attributes.contains_key("data_base64") {
        return Err(Refusal::new("data_base64", "only JSON data is understood"));
    }
    native(attributes, data)
}

/// One binary CloudEvent as a native event: attributes are in `ce-` headers, percent-encoded.
///
/// # Errors
/// The attribute that is missing or wrong, or data that is not JSON.
pub fn binary(headers: &HeaderMap, body: &[u8]) -> Result<Value, Refusal> {
    structured(in_one_piece(headers, body)?)
}

/// One binary CloudEvent as the structured one that says the same.
///
/// # Errors
/// A header that cannot be read, or data that is not JSON.
pub fn in_one_piece(headers: &HeaderMap, body: &[u8]) -> Result<Value, Refusal> {
    let mut event = Map::new();
    for (name, value) in headers {
        let Some(attribute) = name.as_str().strip_prefix("ce-") else { continue };
        let text = decode(value.as_bytes())
            .ok_or_else(|| Refusal::new(attribute, "the header is not valid percent-encoded UTF-8"))?;
        event.insert(attribute.to_owned(), text.into());
    }
    let is_json = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).is_none_or(|t| t.contains("json"));
    let data = match (body.is_empty(), is_json) {
        (true, _) => Value::Null,
        (false, true) => serde_json::from_slice(body).map_err(|e| Refusal::new("data", format!("not JSON: {e}")))?,
        (false, false) => Value::String(String::from_utf8_lossy(body).into_owned()),
    };
    // An extension may be called data_base64 in no structured event, so none of that name is taken over.
    event.remove("data_base64");
    event.insert("data".to_owned(), data);
    Ok(Value::Object(event))
}

/// Percent-decodes a header value once; none when the result is not UTF-8.
fn decode(bytes: &[u8]) -> Option<String> {
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, tail)) = rest.split_first() {
        let hex = |b: u8| (b as char).to_digit(16).map(|d| d as u8);
        match (first, tail) {
            (b'%', [a, b, after @ ..]) if hex(*a).is_some() && hex(*b).is_some() => {
                decoded.push(hex(*a)? * 16 + hex(*b)?);
                rest = after;
            }
            _ => {
                decoded.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(decoded).ok()
}

/// The attributes of the specification and the extensions we understand; all others are kept as they are.
fn native(mut attributes: Map<String, Value>, data: Value) -> Result<Value, Refusal> {
    attributes.retain(|_, v| !v.is_null());
    for required in ["specversion", "id", "source", "type"] {
        if attributes.get(required).and_then(Value::as_str).is_none_or(str::is_empty) {
            return Err(Refusal::new(required, "a CloudEvent needs it"));
        }
    }
    if attributes["specversion"] != "1.0" {
        return Err(Refusal::new("specversion", "only 1.0 is understood"));
    }
    // Data that is an object speaks our own words; what the attributes say goes before.
    let mut event = match data {
        Value::Object(fields) => fields,
        Value::Null => Map::new(),
        other => Map::from_iter([("data".to_owned(), other)]),
    };
    attributes.remove("specversion");
    let cloud_type = attributes.remove("type");
    let status = attributes.remove("bamptxsstatus");
    let completed = attributes.remove("bamptxcompleted");
    for (attribute, field) in [
        ("id", "id"),
        ("source", "source"),
        ("time", "time"),
        ("subject", "subject"),
        ("sequence", "sequence"),
        ("correlationid", "correlation"),
        ("causationid", "causation"),
        ("traceparent", "trace"),
        ("bampid", "workflow"),
        ("bamtxid", "run"),
        ("bamptxsid", "step"),
    ] {
        if let Some(value) = attributes.remove(attribute) {
            event.insert(field.to_owned(), value);
        }
    }
    if let Some(status) = status {
        let state = match status.as_str() {
            Some("success") => "succeeded",
            Some("waiting") => "waiting",
            Some("failure") => "failed",
            _ => return Err(Refusal::new("bamptxsstatus", "must be success, waiting or failure")),
        };
        event.insert("state".to_owned(), state.into());
    }
    // The end of the transaction as a whole is said of the run, not of the step.
    if completed.is_some_and(|v| v == true || v == "true") {
        event.remove("step");
    }
    // The type of a CloudEvent is the sender's own name for it; only its last word may name a family of ours.
    if let Some(own) = cloud_type.as_ref().and_then(Value::as_str) {
        let last = own.rsplit('.').next().unwrap_or(own);
        if ["queue", "signal", "change", "record"].contains(&last) {
            event.entry("type").or_insert_with(|| last.into());
        }
        event.insert("cloudevents_type".to_owned(), own.into());
    }
    for (name, value) in attributes {
        event.entry(name).or_insert(value);
    }
    Ok(Value::Object(event))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_process_extension_names_workflow_run_and_step() {
        let native = structured(json!({
            "specversion": "1.0", "id": "1", "source": "/shop", "type": "com.example.order.pushed", "subject": "order/1",
            "bampid": "order-to-erp", "bamtxid": "10482", "bamptxsid": "push", "bamptxsstatus": "failure",
            "data": {"attempt": 2}, "sequence": null}))
        .unwrap();
        assert_eq!(native["workflow"], "order-to-erp");
        assert_eq!(
            (&native["run"], &native["step"], &native["state"]),
            (&json!("10482"), &json!("push"), &json!("failed"))
        );
        assert_eq!((&native["attempt"], native.get("sequence")), (&json!(2), None));
    }

    #[test]
    fn headers_are_percent_decoded_once_and_invalid_ones_refused() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("ce-specversion", "1.0"),
            ("ce-id", "1"),
            ("ce-source", "/sh%C3%B6p"),
            ("ce-type", "x"),
            ("ce-subject", "100%2525"),
        ] {
            headers.insert(name, value.parse().unwrap());
        }
        let native = binary(&headers, br#"{"workflow":"w","run":"1","state":"running"}"#).unwrap();
        assert_eq!((&native["source"], &native["subject"]), (&json!("/sh\u{f6}p"), &json!("100%25")));
        headers.insert("ce-subject", "%FF".parse().unwrap());
        assert_eq!(binary(&headers, b"").unwrap_err().field, "subject");
    }

    #[test]
    fn a_missing_attribute_is_named() {
        assert_eq!(structured(json!({"specversion": "1.0", "id": "1", "type": "x"})).unwrap_err().field, "source");
    }
}
