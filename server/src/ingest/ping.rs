//! A ping: what an address and a body say of a check, as a native event.

use serde_json::{Map, Value, json};

/// How much of a body is kept, in bytes.
pub const MOST_OUTPUT: usize = 10_000;

/// How much of the output says what went wrong, in characters.
const MOST_WORDS: usize = 200;

/// The signal that a ping tells; none when the last word of its address is none that we know.
///
/// `what` is the last part of the address: empty, `start`, `fail`, `log`, or the exit code of a program. The last line
/// of the body of a failed one is taken as its error: there programs say what went wrong.
pub fn native(check: &str, what: &str, rid: Option<&str>, body: &[u8]) -> Option<Value> {
    let code: Option<u8> = what.parse().ok().filter(|_| what.bytes().all(|b| b.is_ascii_digit()));
    let state = match (what, code) {
        ("", _) | (_, Some(0)) => "success",
        ("start", _) => "start",
        ("fail", _) | (_, Some(_)) => "fail",
        ("log", _) => "log",
        _ => return None,
    };
    let output = String::from_utf8_lossy(body);
    let mut event = Map::from_iter([
        ("type".to_owned(), json!("signal")),
        ("name".to_owned(), json!(check)),
        ("source".to_owned(), json!(check)),
        ("state".to_owned(), json!(state)),
    ]);
    if let Some(rid) = rid {
        event.insert("rid".to_owned(), json!(rid));
    }
    if let Some(code) = code {
        event.insert("exit_code".to_owned(), json!(code));
    }
    if !output.is_empty() {
        event.insert("output".to_owned(), json!(output));
    }
    if state == "fail" {
        let last = output.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
        let message: String = last.chars().take(MOST_WORDS).collect();
        let code = code.map(|code| format!("exit {code}")).unwrap_or_default();
        if !(message.is_empty() && code.is_empty()) {
            event.insert("error".to_owned(), json!({"code": code, "message": message}));
        }
    }
    Some(Value::Object(event))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_the_address_says_what_happened() {
        let state = |what| native("backup", what, None, b"").map(|event| event["state"].as_str().unwrap().to_owned());
        for (what, told) in
            [("", "success"), ("start", "start"), ("fail", "fail"), ("log", "log"), ("0", "success"), ("255", "fail")]
        {
            assert_eq!(state(what).as_deref(), Some(told), "{what}");
        }
        for unknown in ["256", "-1", "+1", "begin", "0x1"] {
            assert_eq!(state(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn the_last_line_of_a_failed_program_is_its_error() {
        let event = native("backup", "3", Some("a1"), b"copying\n\nno space left\n").unwrap();
        assert_eq!(event["error"], json!({"code": "exit 3", "message": "no space left"}));
        assert_eq!((&event["rid"], &event["output"]), (&json!("a1"), &json!("copying\n\nno space left\n")));
        assert_eq!(native("backup", "0", None, b"fine").unwrap().get("error"), None);
    }
}
