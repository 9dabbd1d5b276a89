//! `?at=`: the moment that a page or its JSON is asked for, and what was recorded of it.

use std::sync::Arc;

use app::model::moment::Moment;
use app::model::past;
use axum::extract::{FromRequestParts, OriginalUri, Query};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::Error;
use super::session::PageContext;
use crate::App;
use crate::live::Topic;
use crate::store::pictures;

/// The moment asked for, if one was. What cannot be read or has not been is answered with 400: as a page, or under
/// `/api/` as a problem.
///
/// A handler that can show another moment than now takes this, makes its picture of then, and gives
/// `context.at(at)` to `render::page`, which does the rest.
#[derive(Debug, Clone, Copy)]
pub struct At(pub Option<Moment>);

#[derive(Debug, Deserialize)]
struct Asked {
    at: Option<String>,
}

impl FromRequestParts<Arc<App>> for At {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        // What else is in the query is the handler's to read.
        let written = Query::<Asked>::try_from_uri(&parts.uri).map(|Query(asked)| asked.at);
        let asked = match &written {
            // A form whose field was left empty asks for no moment.
            Ok(at) => match at.as_deref().filter(|text| !text.trim().is_empty()) {
                None => return Ok(Self(None)),
                Some(text) => past::asked(text, app.now(), &app.config.zone()),
            },
            Err(_) => Err("Ask for one moment, once: ?at=2026-06-04T02:13:00Z".to_owned()),
        };
        // What is nested below `/api/v1` sees its address without that.
        let original = parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |original| &original.0);
        let is_page = !original.path().starts_with("/api/");
        let error = match asked {
            // A slider's seconds say nothing to who is sent the address.
            Ok(at) if is_page && matches!(&written, Ok(Some(text)) if past::seconds(text).is_some()) => {
                return Err(Redirect::to(&past::address(&original.to_string(), Some(at))).into_response());
            }
            Ok(at) => return Ok(Self(Some(at))),
            Err(why) => Error::Moment(why),
        };
        if !is_page {
            return Err(error.into_response());
        }
        let context = PageContext::from_request_parts(parts, app).await?;
        Err(error.page(app, context).await)
    }
}

/// A picture as it was recorded.
#[derive(Debug)]
pub struct Recorded {
    /// The moment that was asked for.
    at: Moment,
    /// When it was so; never after `at`.
    pub recorded_at: Moment,
    text: String,
}

impl Recorded {
    /// What was known of a topic at a moment.
    ///
    /// # Errors
    /// When nothing is recorded of it: then it says from when on something is.
    pub async fn find(app: &App, topic: &Topic, at: Moment) -> Result<Self, Error> {
        let (pool, name) = (app.db.read(), topic.to_string());
        match pictures::newest(pool, &name, at).await {
            Ok(Some((recorded_at, text))) => return Ok(Self { at, recorded_at, text }),
            Ok(None) => {}
            Err(sqlx::Error::Decode(error)) => {
                tracing::error!(%error, %topic, %at, "a recorded picture cannot be unpacked");
                return Err(Error::Unreadable);
            }
            Err(error) => return Err(error.into()),
        }
        let zone = app.config.zone();
        Err(Error::NotRecorded(match pictures::first_since(pool, &name, at).await? {
            Some(first) => format!("What is known is recorded from {} on.", past::in_full(first, app.now(), &zone)),
            None => "What is known is recorded while the portal runs, and nothing is recorded of this yet.".to_owned(),
        }))
    }

    /// The picture as its type reads it, to be drawn.
    ///
    /// # Errors
    /// When this version cannot read it.
    pub fn picture<T>(&self, read: impl FnOnce(&str) -> serde_json::Result<T>) -> Result<T, Error> {
        read(&self.text).map_err(|error| {
            tracing::warn!(%error, at = %self.recorded_at, "a recorded picture cannot be read by this version");
            Error::Unreadable
        })
    }

    /// The JSON as it was, with the moment asked for (`at`) and when it was so (`recorded_at`).
    ///
    /// # Errors
    /// When it is no JSON.
    pub fn json(&self) -> Result<Value, Error> {
        let mut picture: Value = self.picture(|text| serde_json::from_str(text))?;
        picture["at"] = json!(self.at);
        picture["recorded_at"] = json!(self.recorded_at);
        Ok(picture)
    }
}
