//! `?at=`: the moment that a page or its JSON is asked for.

use std::sync::Arc;

use app::model::moment::Moment;
use app::model::past;
use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::error::Error;
use super::session::PageContext;
use crate::App;

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
        let asked = match Query::<Asked>::try_from_uri(&parts.uri) {
            // A form whose field was left empty asks for no moment.
            Ok(Query(Asked { at })) => match at.filter(|text| !text.trim().is_empty()) {
                None => return Ok(Self(None)),
                Some(text) => past::asked(&text, app.now(), &app.config.zone()),
            },
            Err(_) => Err("Ask for one moment, once: ?at=2026-06-04T02:13:00Z".to_owned()),
        };
        let error = match asked {
            Ok(at) => return Ok(Self(Some(at))),
            Err(why) => Error::Moment(why),
        };
        if parts.uri.path().starts_with("/api/") {
            return Err(error.into_response());
        }
        let context = PageContext::from_request_parts(parts, app).await?;
        Err(error.page(app, context).await)
    }
}
