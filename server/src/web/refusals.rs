//! What is refused before any handler sees it, in our words: a problem for programs, the error page for people.
//!
//! A wrong method, an address or a form that cannot be read, a body that is too large or packed in an unknown way: the
//! framework answers these with plain text or with nothing. Here, in one place, that becomes an answer that says what
//! is wrong and what would be right.

use std::sync::Arc;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Deserializer};

use super::error::Error;
use super::session::PageContext;
use crate::App;

/// The longest refusal that is read for its words, in bytes.
const LONGEST: usize = 4096;

/// What the framework puts before the reason.
const BEGINNINGS: [(&str, &str); 4] = [
    ("Failed to deserialize query string: ", "What follows the question mark in the address cannot be read: "),
    ("Failed to deserialize form body: ", "The form cannot be read: "),
    ("Failed to deserialize form: ", "The form cannot be read: "),
    ("Invalid URL: ", "The address cannot be read: "),
];

/// Puts our words in the place of refusals that come without. Inside sessions, where there are any, so that a page is
/// for whoever asked.
pub fn in_our_words(router: Router<Arc<App>>, app: &Arc<App>) -> Router<Arc<App>> {
    router.layer(middleware::from_fn_with_state(app.clone(), reworded))
}

async fn reworded(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let (parts, body) = request.into_parts();
    // Only a page needs to know who asked.
    let asked = (!is_for_programs(parts.uri.path())).then(|| parts.clone());
    let response = next.run(Request::from_parts(parts, body)).await;
    if !is_bare(&response) {
        return response;
    }
    let (mut head, body) = response.into_parts();
    let said = to_bytes(body, LONGEST).await.unwrap_or_default();
    let error = refusal(head.status, &method, &head.headers, &String::from_utf8_lossy(&said));
    let mut answer = match asked {
        None => error.into_response(),
        Some(mut asked) => match PageContext::from_request_parts(&mut asked, &app).await {
            Ok(context) => error.page(&app, context).await,
            Err(response) => response,
        },
    };
    // What says which encodings would be right stays.
    if let Some(value) = head.headers.remove(header::ACCEPT_ENCODING) {
        answer.headers_mut().insert(header::ACCEPT_ENCODING, value);
    }
    answer
}

fn is_for_programs(path: &str) -> bool {
    path.starts_with("/api/") || path == "/live" || path == "/metrics"
}

/// A refusal that nobody wrote words for: all of ours are pages or problems.
fn is_bare(response: &Response) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    let refuses = response.status().is_client_error() || response.status() == StatusCode::SERVICE_UNAVAILABLE;
    refuses && kind.is_none_or(|kind| kind.starts_with(b"text/plain"))
}

fn refusal(status: StatusCode, method: &Method, headers: &HeaderMap, said: &str) -> Error {
    let (title, detail) = match status {
        // The header is written after this, when the answer leaves the router.
        StatusCode::METHOD_NOT_ALLOWED => (
            format!("This address does not take {method}"),
            "Go back to the page before. For programs, the header Allow of this answer says what it takes.".to_owned(),
        ),
        StatusCode::PAYLOAD_TOO_LARGE => {
            ("That is too much at once".to_owned(), "Nothing of it was kept. Send less at a time.".to_owned())
        }
        StatusCode::SERVICE_UNAVAILABLE => {
            ("This cannot be answered just now".to_owned(), sentence(said, "Try again in a moment."))
        }
        StatusCode::UNSUPPORTED_MEDIA_TYPE if headers.contains_key(header::ACCEPT_ENCODING) => (
            "This content encoding is not understood".to_owned(),
            "Send the body as it is, or packed, with \"Content-Encoding: gzip\" or \"Content-Encoding: zstd\"."
                .to_owned(),
        ),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            ("This content type is not understood".to_owned(), sentence(said, "Send it as this address takes it."))
        }
        _ => ("The request cannot be read".to_owned(), sentence(said, "Check the address, or go back and try again.")),
    };
    Error::Refused { status, title, detail }
}

/// The reason as a sentence; `else_say` where none was given.
fn sentence(said: &str, else_say: &str) -> String {
    let said = said.trim();
    if said.is_empty() {
        return else_say.to_owned();
    }
    if said.contains("Invalid UTF-8") {
        return "The address is not UTF-8 where it is percent-encoded; encode its text as UTF-8.".to_owned();
    }
    let known = BEGINNINGS.iter().find_map(|(theirs, ours)| Some(format!("{ours}{}", said.strip_prefix(theirs)?)));
    let said = known.unwrap_or_else(|| said.to_owned());
    format!("{}.", said.trim_end_matches('.'))
}

/// A whole number in an address, like the place in a list.
#[derive(Debug, Clone, Copy)]
pub struct Number(pub i64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wrong = |_| serde::de::Error::custom(format!("\"{text}\" is not a whole number, like 48211"));
        text.parse().map(Self).map_err(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_becomes_a_sentence() {
        let said = "Failed to deserialize query string: after: \"x\" is not a whole number, like 48211";
        let told = "What follows the question mark in the address cannot be read: after: \"x\" is not a whole number, like 48211.";
        assert_eq!(sentence(said, ""), told);
        assert_eq!(sentence("", "Look again."), "Look again.");
        assert_eq!(sentence("Missing boundary.", ""), "Missing boundary.");
    }
}
