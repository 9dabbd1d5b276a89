//! `POST /api/v1/events`: the door for events. Authenticates, parses, waits for the commit, answers.

use std::sync::Arc;

use app::model::event::MOST_BYTES;
use app::model::moment::Moment;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use serde::Serialize;

use super::error::{Problem, is_none};
use super::session::bearer;
use crate::App;
use crate::actions::create_token::{Scope, check_token};
use crate::actions::record_events::Arrival;
use crate::ingest::body::{BodyError, EventError, Form, MOST_BATCH_BYTES, Parsed, parse};
use crate::ingest::writer::{MOST_IN_COMMIT, WriteError};

/// How many commits of one stream of lines may be on their way at once: one is written while the next is read.
const IN_FLIGHT: usize = 3;

/// How many errors are told of one request, with how many more there are; all are counted and kept.
const MOST_ERRORS: usize = 100;

/// The longest line that is looked at; a longer one is refused without being kept in memory.
const LONGEST_LINE: usize = 1024 * 1024;

/// What is answered.
#[derive(Debug, Default, Serialize)]
struct Answer {
    accepted: i64,
    duplicates: i64,
    refused: i64,
    last: i64,
    errors: Vec<EventError>,
    /// How many more errors there are than are listed.
    #[serde(skip_serializing_if = "is_none")]
    errors_left_out: i64,
}

/// Records the events of a body.
pub async fn record(State(app): State<Arc<App>>, headers: HeaderMap, body: Body) -> Response {
    match record_or_refuse(&app, &headers, body).await {
        Ok(answer) => respond(answer),
        Err(response) => response,
    }
}

async fn record_or_refuse(app: &App, headers: &HeaderMap, body: Body) -> Result<Answer, Response> {
    let source = authenticate(app, headers).await?;
    let Some(form) = Form::of(headers) else {
        return Err(problem(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "This content type is not understood",
            "Send application/json, application/x-ndjson, application/cloudevents+json or application/cloudevents-batch+json.",
        ));
    };
    if form == Form::Lines {
        return record_lines(app, body, &source).await;
    }
    let bytes = whole(body).await?;
    let now = app.now();
    let parsed = parse(form, headers, &bytes, &source, now).map_err(|error| match error {
        BodyError::Malformed(detail) => problem(StatusCode::BAD_REQUEST, "The body cannot be read", detail),
        BodyError::TooLarge(detail) => problem(StatusCode::PAYLOAD_TOO_LARGE, "The batch is too large", detail),
    })?;
    let mut answer = Answer::default();
    let too_large = parsed.is_one_too_large;
    let arrival = arrival(&mut answer, parsed, now);
    let receipt = app.writer.record(arrival).await.map_err(not_written)?;
    answer.add(receipt);
    if too_large {
        let detail = format!("An event has at most {} KiB. Send less with it.", MOST_BYTES / 1024);
        let problem = Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "The event is too large", detail);
        return Err(problem.with_errors(answer.errors, 0).into_response());
    }
    Ok(answer)
}

/// The name of the token, which is the source of events that name none.
async fn authenticate(app: &App, headers: &HeaderMap) -> Result<String, Response> {
    let unknown = |detail: &str| {
        let mut response = problem(StatusCode::UNAUTHORIZED, "A token is needed", detail);
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        response
    };
    let Some(token) = bearer(headers) else {
        return Err(unknown(
            "Send \"Authorization: Bearer TOKEN\"; make one with \"watchbook token create --name NAME --scope ingest\".",
        ));
    };
    match check_token(&app.db, token).await {
        Ok(Some((name, Scope::Ingest | Scope::Admin))) => Ok(name),
        Ok(Some((_, scope @ (Scope::Read | Scope::Ping)))) => Err(problem(
            StatusCode::FORBIDDEN,
            "This token may not send events",
            format!("It has the scope {}; sending needs the scope ingest.", scope.name()),
        )),
        Ok(None) => Err(unknown("This token is not known.")),
        Err(error) => Err(super::error::Error::Database(error).into_response()),
    }
}

/// The whole body, if it is not too large.
async fn whole(body: Body) -> Result<Vec<u8>, Response> {
    let mut bytes = Vec::new();
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(unreadable)?;
        if bytes.len() + chunk.len() > MOST_BATCH_BYTES {
            return Err(problem(
                StatusCode::PAYLOAD_TOO_LARGE,
                "The batch is too large",
                format!("At most {} MiB are taken in one batch. Send several, or NDJSON.", MOST_BATCH_BYTES >> 20),
            ));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Records lines as they come, a commit's worth at a time, reading the next while the last is written.
async fn record_lines(app: &App, body: Body, source: &str) -> Result<Answer, Response> {
    let mut answer = Answer::default();
    let mut lines = Lines::default();
    let mut parsed = Parsed::default();
    let mut flying = futures_util::stream::FuturesUnordered::new();
    let mut chunks = body.into_data_stream();
    let mut failed = None;
    loop {
        let chunk = match chunks.next().await {
            Some(Ok(chunk)) => chunk,
            Some(Err(error)) => {
                failed = Some(unreadable(error));
                break;
            }
            None => break,
        };
        let mut rest: &[u8] = &chunk;
        while let Some(end) = rest.iter().position(|b| *b == b'\n') {
            lines.take(&rest[..end]);
            rest = &rest[end + 1..];
            lines.end(&mut parsed, source, app.now());
            if parsed.events.len() + parsed.refused.len() >= MOST_IN_COMMIT {
                let arrival = arrival(&mut answer, std::mem::take(&mut parsed), app.now());
                flying.push(app.writer.record_when_room(arrival));
                if flying.len() >= IN_FLIGHT
                    && let Some(done) = flying.next().await
                {
                    answer.add(done.map_err(not_written)?);
                }
            }
        }
        lines.take(rest);
    }
    lines.end(&mut parsed, source, app.now());
    if !parsed.events.is_empty() || !parsed.refused.is_empty() {
        let arrival = arrival(&mut answer, parsed, app.now());
        flying.push(app.writer.record_when_room(arrival));
    }
    while let Some(done) = flying.next().await {
        answer.add(done.map_err(not_written)?);
    }
    match failed {
        // What came before the break is kept; sending it all again is safe, the known ones count as duplicates.
        Some(response) => Err(response),
        None => Ok(answer),
    }
}

/// The line that is being read.
#[derive(Default)]
struct Lines {
    line: Vec<u8>,
    number: usize,
}

impl Lines {
    fn take(&mut self, bytes: &[u8]) {
        let room = LONGEST_LINE.saturating_sub(self.line.len());
        self.line.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn end(&mut self, parsed: &mut Parsed, source: &str, now: Moment) {
        parsed.line(self.number, &self.line, source, now);
        self.number += 1;
        self.line.clear();
    }
}

fn arrival(answer: &mut Answer, parsed: Parsed, now: Moment) -> Arrival {
    answer.refused += parsed.errors.len() as i64;
    let room = MOST_ERRORS.saturating_sub(answer.errors.len());
    answer.errors_left_out += parsed.errors.len().saturating_sub(room) as i64;
    answer.errors.extend(parsed.errors.into_iter().take(room));
    Arrival { events: parsed.events, refused: parsed.refused, received_at: now }
}

impl Answer {
    fn add(&mut self, receipt: crate::actions::record_events::Receipt) {
        self.accepted += receipt.accepted;
        self.duplicates += receipt.duplicates;
        self.last = self.last.max(receipt.last);
    }
}

fn respond(answer: Answer) -> Response {
    if answer.accepted + answer.duplicates == 0 && answer.refused > 0 {
        let detail = match answer.refused {
            1 => "The event was refused.".to_owned(),
            n => format!("All {n} events were refused."),
        };
        return Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "Nothing was recorded", detail)
            .with_errors(answer.errors, answer.errors_left_out)
            .into_response();
    }
    (StatusCode::ACCEPTED, Json(answer)).into_response()
}

fn unreadable(error: axum::Error) -> Response {
    problem(
        StatusCode::BAD_REQUEST,
        "The body cannot be read",
        format!("It broke off or its compression is damaged: {error}."),
    )
}

/// The answer when events were not recorded.
pub fn not_written(error: WriteError) -> Response {
    let (status, title, detail, seconds) = match error {
        WriteError::Full => (
            StatusCode::TOO_MANY_REQUESTS,
            "Too many events wait to be written",
            "Nothing of this request was kept. Send it again after the time in Retry-After.",
            1,
        ),
        WriteError::Database => (
            StatusCode::SERVICE_UNAVAILABLE,
            "The database did not take the events",
            "Not all of this request was kept. Sending it all again is safe.",
            5,
        ),
        WriteError::Stopping => (
            StatusCode::SERVICE_UNAVAILABLE,
            "The portal is stopping",
            "Not all of this request was kept. Sending it all again is safe.",
            5,
        ),
    };
    let mut response = problem(status, title, detail);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    response
}

fn problem(status: StatusCode, title: &str, detail: impl Into<String>) -> Response {
    Problem::new(status, title, detail).into_response()
}
