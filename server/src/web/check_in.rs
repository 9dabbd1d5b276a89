//! `/check-in/{token}`: one step of one run, said to be done by a person with a link. Opening it changes nothing,
//! because scanners of mail open links; the button does.

use std::sync::Arc;

use app::model::book::{CheckIn, Step, Workflow};
use app::model::check_in::{self, Link, Refused};
use app::model::event::Event;
use app::model::judge::{Judged, judge};
use app::model::moment::Moment;
use app::model::run::Visit;
use app::model::status::Role;
use app::pages::check_in::{CheckInLink, CheckInPicture, Closed, Stands};
use app::pages::shell::Place;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::error::{Error, Problem};
use super::render;
use super::session::{Denied, PageContext, bearer};
use crate::App;
use crate::actions::create_token::{Scope, check_token};
use crate::actions::record_events::Arrival;
use crate::ingest::writer::WriteError;
use crate::store::feed;
use crate::store::runs::{self, RunRecord};
use crate::world::World;

/// Who is written down when a link was used without an account.
const BY_LINK: &str = "link";

/// Whether this is the answer to the press of the button.
#[derive(Debug, Default, Deserialize)]
pub struct After {
    done: Option<String>,
}

/// Why a link is not followed.
enum Shut {
    Closed(Closed),
    /// The book wants an account.
    SignIn(Denied),
    Error(Error),
}

impl From<sqlx::Error> for Shut {
    fn from(error: sqlx::Error) -> Self {
        Self::Error(error.into())
    }
}

/// What a link opens.
struct Opened {
    link: Link,
    record: RunRecord,
    world: Arc<World>,
    /// When it was recorded, if it was.
    recorded_at: Option<Moment>,
    /// Whether the visit still waits.
    waits: bool,
}

impl Opened {
    fn declared(&self) -> Option<(&Workflow, &Step)> {
        let workflow = self.world.workflow(&self.link.workflow)?;
        Some((workflow, workflow.step(&self.link.step)?))
    }

    fn visit(&self) -> Option<&Visit> {
        self.record.folded.visits.iter().find(|v| v.step == self.link.step && v.visit == self.link.visit)
    }
}

/// `GET /check-in/{token}`: what is asked, and the button; or that it is recorded.
pub async fn page(
    State(app): State<Arc<App>>,
    context: PageContext,
    Path(token): Path<String>,
    Query(after): Query<After>,
) -> Response {
    let opened = match open(&app, &context, &token).await {
        Ok(opened) => opened,
        Err(shut) => return shut_page(shut, &app, context).await,
    };
    let picture = match picture(&opened, &context, after.done.is_some()) {
        Ok(picture) => picture,
        Err(closed) => return shut_page(Shut::Closed(closed), &app, context).await,
    };
    let head = app::pages::check_in::head(&picture);
    let body = move || app::pages::check_in::body(&picture, &format!("/check-in/{token}"));
    private(render::page(&app, context, Place::Other, head, None, StatusCode::OK, body).await)
}

/// `POST /check-in/{token}`: it is done.
pub async fn done(State(app): State<Arc<App>>, context: PageContext, Path(token): Path<String>) -> Response {
    let opened = match open(&app, &context, &token).await {
        Ok(opened) => opened,
        Err(shut) => return shut_page(shut, &app, context).await,
    };
    let own = format!("/check-in/{token}");
    if opened.recorded_at.is_some() {
        return private(Redirect::to(&own).into_response());
    }
    let Some(visit) = opened.visit().filter(|_| opened.waits) else {
        return shut_page(Shut::Closed(Closed::NotWaiting), &app, context).await;
    };
    let by = context.viewer.as_ref().map_or(BY_LINK, |viewer| viewer.name.as_str());
    match record(&app, &context, &opened.link, visit, by).await {
        Ok(true) => private(Redirect::to(&format!("{own}?done=1")).into_response()),
        // Somebody else was a moment earlier.
        Ok(false) => private(Redirect::to(&own).into_response()),
        Err(error) => shut_page(Shut::Error(error), &app, context).await,
    }
}

/// Records the check-in through the writer, like any event. Gives whether it was the first.
async fn record(app: &App, context: &PageContext, link: &Link, visit: &Visit, by: &str) -> Result<bool, Error> {
    let now = app.now();
    let event = Event::parse(link.event(visit, by, now), check_in::SOURCE, now)
        .map_err(|refusal| Error::Invalid(refusal.detail))?;
    let arrival = Arrival { events: vec![event], refused: Vec::new(), received_at: now };
    let receipt = app.writer.record(arrival).await.map_err(|error| match error {
        WriteError::Full => Error::Busy("Too much is waiting to be written", 1),
        WriteError::Database | WriteError::Stopping => Error::Busy("This could not be recorded", 5),
    })?;
    let first = receipt.accepted == 1;
    if first {
        let subject = format!("step:{}/{} of run {}, visit {}", link.workflow, link.step, link.run, link.visit);
        if let Err(error) = context.record(app, by, "check_in", &subject).await {
            tracing::error!(%error, by, subject, "a check-in could not be written down");
        }
    }
    Ok(first)
}

/// Opens a link, as far as this person may.
async fn open(app: &App, context: &PageContext, token: &str) -> Result<Opened, Shut> {
    let now = app.now();
    let link = Link::open(token, &app.check_in_key, now).map_err(|refused| {
        Shut::Closed(match refused {
            Refused::Unknown => Closed::Unknown,
            Refused::Expired => Closed::Expired,
        })
    })?;
    let world = app.worlds.now();
    let closed = || Shut::Closed(Closed::NotWaiting);
    let declared = world.workflow(&link.workflow);
    // The book may have changed since the link was handed out.
    match declared.and_then(|w| w.step(&link.step)).and_then(|s| s.check_in) {
        Some(CheckIn::Anyone) => {}
        Some(CheckIn::Account) => {
            context.demand(Role::Viewer, "check in").map_err(Shut::SignIn)?;
        }
        None => return Err(closed()),
    }
    let record = runs::find(app.db.read(), &link.workflow, &link.run).await?.ok_or_else(closed)?;
    let judged = judge(&record.folded, declared, now);
    let waits = link.waiting(&record.folded, &judged).is_some();
    let recorded_at = feed::heard_at(app.db.read(), link.identity()).await?;
    Ok(Opened { link, record, world, recorded_at, waits })
}

fn picture(opened: &Opened, context: &PageContext, just_now: bool) -> Result<CheckInPicture, Closed> {
    let (workflow, step) = opened.declared().ok_or(Closed::NotWaiting)?;
    let visit = opened.visit().ok_or(Closed::NotWaiting)?;
    let began = Moment::from_millis(visit.attempt_at);
    let stands = match opened.recorded_at {
        Some(at) => Stands::Recorded { at, now: just_now },
        None if opened.waits => Stands::Waits {
            since: began,
            due_at: step.finish_within.map(|within| began + within),
            by: context.viewer.as_ref().map(|viewer| viewer.name.clone()),
        },
        None => return Err(Closed::NotWaiting),
    };
    let subject = opened.record.folded.subject.as_deref();
    Ok(CheckInPicture {
        step: step.name.clone(),
        about: subject.map_or(opened.link.run.as_str(), |s| s.split_once('/').map_or(s, |(_, key)| key)).to_owned(),
        workflow: workflow.name.clone(),
        meaning: step.meaning.clone(),
        if_skipped: step.if_skipped.clone(),
        stands,
    })
}

async fn shut_page(shut: Shut, app: &App, context: PageContext) -> Response {
    let closed = match shut {
        Shut::Closed(closed) => closed,
        Shut::SignIn(denied) => return private(denied.page(app, context).await),
        Shut::Error(error) => return private(error.page(app, context).await),
    };
    let status = match closed {
        Closed::Unknown => StatusCode::NOT_FOUND,
        Closed::Expired => StatusCode::GONE,
        Closed::NotWaiting => StatusCode::CONFLICT,
    };
    let head = app::pages::check_in::closed_head(closed);
    let body = move || app::pages::check_in::closed_body(closed);
    private(render::page(app, context, Place::Other, head, None, status, body).await)
}

/// Nobody keeps an answer to a link that is a capability, and nobody lists it.
fn private(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(HeaderName::from_static("x-robots-tag"), HeaderValue::from_static("noindex, nofollow"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The links of a run's waiting steps, for those who may hand them on: operators. `host` is where the page was asked.
pub fn links(app: &App, world: &World, record: &RunRecord, judged: &Judged, host: Option<&str>) -> Vec<CheckInLink> {
    let Some(declared) = world.workflow(&record.workflow) else { return Vec::new() };
    if judged.ended_at.is_some() {
        return Vec::new();
    }
    let waiting = record.folded.latest_visits().filter(|visit| !visit.has_ended());
    waiting.filter_map(|visit| link(app, record, declared.step(&visit.step)?, visit, host)).collect()
}

fn link(app: &App, record: &RunRecord, step: &Step, visit: &Visit, host: Option<&str>) -> Option<CheckInLink> {
    let allows = match step.check_in? {
        CheckIn::Anyone => "anyone",
        CheckIn::Account => "account",
    };
    let link = Link::to(&record.workflow, &record.run, visit, step.finish_within);
    if link.expires_at <= app.now() {
        return None;
    }
    let path = format!("/check-in/{}", link.token(&app.check_in_key));
    let base = match (&app.config.base_url, host) {
        (Some(base), _) => base.trim_end_matches('/').to_owned(),
        (None, Some(host)) => format!("http://{host}"),
        (None, None) => String::new(),
    };
    let since = Moment::from_millis(visit.attempt_at);
    Some(CheckInLink {
        workflow: link.workflow,
        run: link.run,
        step: link.step,
        name: step.name.clone(),
        visit: link.visit,
        url: format!("{base}{path}"),
        path,
        allows,
        since,
        due_at: step.finish_within.map(|within| since + within),
        expires_at: link.expires_at,
    })
}

/// Which step of a run.
#[derive(Debug, Deserialize)]
pub struct Asked {
    #[serde(default)]
    step: String,
}

/// `GET /api/v1/runs/{workflow}/{run}/check-in?step=`: the link for a program that hands it on, say by mail. It is a
/// capability, so it needs a token of scope admin, or an operator.
pub async fn json(
    State(app): State<Arc<App>>,
    context: PageContext,
    headers: HeaderMap,
    Path((workflow, run)): Path<(String, String)>,
    Query(asked): Query<Asked>,
) -> Response {
    if let Err(refused) = may_hand_on(&app, &context, &headers).await {
        return refused;
    }
    let world = app.worlds.now();
    let declared = world.workflow(&workflow);
    let step = declared.and_then(|w| w.step(&asked.step)).filter(|s| s.check_in.is_some());
    let record = match runs::find(app.db.read(), &workflow, &run).await {
        Ok(record) => record,
        Err(error) => return Error::from(error).into_response(),
    };
    let (Some(_), Some(record)) = (step, record) else {
        let detail = "The run is not known, or the book gives this step no check-in; name it as ?step=ID.";
        return Problem::new(StatusCode::NOT_FOUND, "There is no such check-in", detail).into_response();
    };
    let judged = judge(&record.folded, declared, app.now());
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    match links(&app, &world, &record, &judged, host).into_iter().find(|link| link.step == asked.step) {
        Some(link) => Json(link).into_response(),
        None => Problem::new(
            StatusCode::CONFLICT,
            "This step does not wait for a person now",
            "It has not been reached, it has ended, or its link has expired.",
        )
        .into_response(),
    }
}

async fn may_hand_on(app: &App, context: &PageContext, headers: &HeaderMap) -> Result<(), Response> {
    let Some(token) = bearer(headers) else {
        return match context.demand(Role::Operator, "hand on check-in links") {
            Ok(_) => Ok(()),
            Err(denied) => Err(denied.into_response()),
        };
    };
    match check_token(&app.db, token).await {
        Ok(Some((_, Scope::Admin))) => Ok(()),
        Ok(_) => Err(Problem::new(
            StatusCode::FORBIDDEN,
            "This token may not hand on check-in links",
            "Whoever has such a link can use it; handing it on needs the scope admin.",
        )
        .into_response()),
        Err(error) => Err(Error::from(error).into_response()),
    }
}
