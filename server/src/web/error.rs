//! When a request cannot be answered: one enum, one mapping to status, a page for people and a problem for programs.

use std::sync::Arc;

use app::model::status::Role;
use app::model::verdict::count_of;
use app::pages::error::ErrorPicture;
use app::pages::shell::Place;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::render;
use super::session::PageContext;
use crate::App;
use crate::ingest::body::EventError;

/// Why a request was refused or failed.
#[derive(Debug)]
pub enum Error {
    /// 404: what kind of thing, and which one.
    NotFound(&'static str, String),
    /// 403: what was wanted, the role it needs, the role they have.
    Role(&'static str, Role, Option<Role>),
    /// 422: what is wrong with the request, in a sentence.
    Invalid(String),
    /// What was refused before it was understood: its status, what is wrong as a heading, and what would be right.
    Refused {
        /// The status.
        status: StatusCode,
        /// What is wrong.
        title: String,
        /// What would be right.
        detail: String,
    },
    /// 400: why no page can be shown as it was at the moment that was asked for, in a sentence.
    Moment(String),
    /// 404: nothing is recorded of the moment that was asked for; from when on something is, in a sentence.
    NotRecorded(String),
    /// 410: what was recorded then cannot be read by this version.
    Unreadable,
    /// 429: too much at once; how many seconds to wait.
    Busy(&'static str, u32),
    /// 404: what kind of thing was not known at the moment that was asked for, which one, and from when on it is.
    NotYet(&'static str, String, Option<String>),
    /// 500: the database failed; the cause goes to the log alone.
    Database(sqlx::Error),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        // PostgreSQL keeps no text with a null character in it (SQLSTATE 22021), so nothing has one in its name.
        match error.as_database_error().and_then(|e| e.code()).as_deref() {
            Some("22021") => Self::NotFound("page", "with a null character in its address".to_owned()),
            _ => Self::Database(error),
        }
    }
}

impl Error {
    /// The status.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NotFound(..) | Self::NotRecorded(_) => StatusCode::NOT_FOUND,
            Self::Unreadable => StatusCode::GONE,
            Self::Role(..) => StatusCode::FORBIDDEN,
            Self::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Refused { status, .. } => *status,
            Self::Moment(_) => StatusCode::BAD_REQUEST,
            Self::Busy(..) => StatusCode::TOO_MANY_REQUESTS,
            Self::NotYet(..) => StatusCode::NOT_FOUND,
            Self::Database(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What failed, as a heading.
    pub fn title(&self) -> String {
        match self {
            Self::NotFound(kind, id) => format!("There is no {kind} \"{id}\""),
            Self::Role(wanted, ..) => format!("You may not {wanted}"),
            Self::Invalid(_) => "That could not be done".to_owned(),
            Self::Refused { title, .. } => title.clone(),
            Self::Moment(_) => "That moment cannot be shown".to_owned(),
            Self::NotRecorded(_) => "Nothing is recorded of that moment".to_owned(),
            Self::Unreadable => "This record cannot be read any more".to_owned(),
            Self::Busy(what, _) => (*what).to_owned(),
            Self::NotYet(kind, id, _) => format!("The {kind} \"{id}\" was not known then"),
            Self::Database(_) => "This page could not be made".to_owned(),
        }
    }

    /// What to do.
    pub fn detail(&self) -> String {
        match self {
            Self::NotFound(..) => "It may be gone, or have another name. Search for it below.".to_owned(),
            Self::Role(_, needed, Some(have)) => {
                format!("That is for {}s; you are {}. An admin can change that.", needed.name(), have.one())
            }
            Self::Role(_, needed, None) => format!("Sign in as {}.", needed.one()),
            Self::Refused { detail, .. } => detail.clone(),
            Self::Invalid(why) | Self::Moment(why) | Self::NotRecorded(why) => why.clone(),
            Self::Unreadable => {
                "Another version of Watchbook wrote it. Try a later moment; programs can still read this one.".to_owned()
            }
            Self::Busy(_, seconds) => {
                format!("Nothing was lost. Try again in {}.", count_of(i64::from(*seconds), "seconds"))
            }
            Self::NotYet(_, _, Some(since)) => format!("It is known from {since} on. Ask for a later moment."),
            Self::NotYet(..) => "Ask for another moment.".to_owned(),
            Self::Database(_) => {
                "The database did not answer. Try again in a moment; if it stays so, tell whoever runs Watchbook: its log says why.".to_owned()
            }
        }
    }

    fn log(&self) {
        if let Self::Database(error) = self {
            tracing::error!(%error, "a request failed");
        }
    }

    fn query(&self) -> String {
        match self {
            Self::NotFound(_, id) => id.clone(),
            _ => String::new(),
        }
    }

    /// The answer for a person.
    pub async fn page(self, app: &App, context: PageContext) -> Response {
        self.log();
        let picture = ErrorPicture {
            status: self.status().as_u16(),
            title: self.title(),
            detail: self.detail(),
            query: self.query(),
        };
        let head = app::pages::error::head(&picture);
        let body = move || app::pages::error::body(&picture);
        let mut response = render::page(app, context, Place::Other, head, None, self.status(), body).await;
        self.retry_after(&mut response);
        response
    }

    fn retry_after(&self, response: &mut Response) {
        if let Self::Busy(_, seconds) = self {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(*seconds));
        }
    }
}

/// The answer for a program.
impl IntoResponse for Error {
    fn into_response(self) -> Response {
        self.log();
        let mut response = Problem::new(self.status(), &self.title(), self.detail()).into_response();
        self.retry_after(&mut response);
        response
    }
}

/// `application/problem+json` (RFC 9457).
#[derive(Debug, Serialize)]
pub struct Problem {
    status: u16,
    title: String,
    detail: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<EventError>,
    #[serde(skip_serializing_if = "is_none")]
    errors_left_out: i64,
}

/// Whether nothing was left out; then nothing is said of it.
pub fn is_none(left_out: &i64) -> bool {
    *left_out == 0
}

impl Problem {
    /// A problem with a status, what failed, and what to do.
    pub fn new(status: StatusCode, title: &str, detail: impl Into<String>) -> Self {
        Self {
            status: status.as_u16(),
            title: title.to_owned(),
            detail: detail.into(),
            errors: Vec::new(),
            errors_left_out: 0,
        }
    }

    /// With what is wrong with single events, and with how many more nothing is said of.
    pub fn with_errors(self, errors: Vec<EventError>, errors_left_out: i64) -> Self {
        Self { errors, errors_left_out, ..self }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self)).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        response
    }
}

/// Any address that is not ours.
pub async fn not_found(State(app): State<Arc<App>>, context: PageContext, uri: Uri) -> Response {
    let error = Error::NotFound("page", uri.path().to_owned());
    if uri.path().starts_with("/api/") {
        return error.into_response();
    }
    let last = uri.path().rsplit('/').next().unwrap_or_default().to_owned();
    let picture = ErrorPicture { status: 404, title: error.title(), detail: error.detail(), query: last };
    let head = app::pages::error::head(&picture);
    let body = move || app::pages::error::body(&picture);
    render::page(&app, context, Place::Other, head, None, StatusCode::NOT_FOUND, body).await
}
