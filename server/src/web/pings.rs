//! `/ping/{key}`: the cheapest way in, one line in a cron job. The key is the secret of one check and may nothing else.

use std::sync::Arc;

use app::model::event::Event;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use serde::Deserialize;

use super::error::{Error, Problem};
use super::events::not_written;
use crate::App;
use crate::actions::create_token::{Scope, check_token};
use crate::actions::record_events::Arrival;
use crate::ingest::body::MOST_BATCH_BYTES;
use crate::ingest::ping::{self, MOST_OUTPUT};

/// Which run of the check is meant.
#[derive(Debug, Default, Deserialize)]
pub struct Asked {
    rid: Option<String>,
}

/// `/ping/{key}`: it went well.
pub async fn succeeded(
    State(app): State<Arc<App>>,
    Path(key): Path<String>,
    Query(asked): Query<Asked>,
    body: Body,
) -> Response {
    record(&app, &key, "", asked, body).await.unwrap_or_else(|refused| refused)
}

/// `/ping/{key}/{what}`: `start`, `fail`, `log`, or an exit code.
pub async fn told(
    State(app): State<Arc<App>>,
    Path((key, what)): Path<(String, String)>,
    Query(asked): Query<Asked>,
    body: Body,
) -> Response {
    record(&app, &key, &what, asked, body).await.unwrap_or_else(|refused| refused)
}

async fn record(app: &App, key: &str, what: &str, asked: Asked, body: Body) -> Result<Response, Response> {
    let nowhere = || {
        let detail = "The key is not known, or what follows it is none of start, fail, log or 0 to 255.";
        Problem::new(StatusCode::NOT_FOUND, "There is no such check", detail).into_response()
    };
    let name = match check_token(&app.db, key).await {
        Ok(Some((name, scope))) if scope.may(Scope::Ping) => name,
        Ok(_) => return Err(nowhere()),
        Err(error) => return Err(Error::Database(error).into_response()),
    };
    let output = beginning(body).await;
    let now = app.now();
    let rid = asked.rid.as_deref().filter(|rid| !rid.is_empty());
    let native = ping::native(&name, what, rid, &output).ok_or_else(nowhere)?;
    let event = Event::parse(native, &name, now).map_err(|refusal| {
        let detail = format!("{}: {}", refusal.field, refusal.detail);
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "This ping cannot be taken", detail).into_response()
    })?;
    let arrival = Arrival { events: vec![event], refused: Vec::new(), received_at: now };
    app.writer.record(arrival).await.map_err(not_written)?;
    Ok("OK".into_response())
}

/// The beginning of a body. The rest is read and dropped, so that the sender gets its answer; a body that breaks off
/// is taken as far as it came, for the ping itself has arrived.
async fn beginning(body: Body) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut read = 0;
    let mut chunks = body.into_data_stream();
    while let Some(Ok(chunk)) = chunks.next().await {
        read += chunk.len();
        let room = MOST_OUTPUT - kept.len();
        kept.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if read > MOST_BATCH_BYTES {
            break;
        }
    }
    kept
}
