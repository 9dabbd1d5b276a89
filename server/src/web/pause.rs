//! `/workflows/{id}/pause` and `/resume`: stopping the watch of a workflow, a step or a queue for a while, and ending
//! that.

use std::sync::Arc;

use app::model::book::Workflow;
use app::model::event::without_null;
use app::model::moment::Moment;
use app::model::pause::{self, Pause};
use app::model::problem::Where;
use app::model::status::Role;
use app::pages::pause::{PausePicture, PauseRow, Typed};
use app::pages::shell::Place;
use app::pages::workflow::Pauses;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Form, Json};
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::error::Error;
use super::render;
use super::session::PageContext;
use super::workflows::urlencode;
use crate::App;
use crate::actions::{pause as pausing, resume as resuming};
use crate::standing::{self, Standing};
use crate::store::pauses;
use crate::world::World;

/// How many earlier pauses a page shows.
pub const MOST_PAUSES: i64 = 10;

/// The longest reason, in characters.
const LONGEST_REASON: usize = 200;

/// What of it a link asks to pause.
#[derive(Debug, Default, Deserialize)]
pub struct Asked {
    #[serde(default)]
    target: String,
}

/// The form, as it is sent.
#[derive(Debug, Default, Deserialize)]
pub struct Sent {
    #[serde(default)]
    target: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    until: String,
    #[serde(default)]
    at: String,
}

/// The pauses of a workflow and the form as a page.
pub async fn page(
    State(app): State<Arc<App>>,
    context: PageContext,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Response {
    let typed = Typed { target: asked.target, until: "1h".to_owned(), ..Typed::default() };
    show(&app, context, &id, typed, None).await
}

/// The pauses of a workflow as JSON.
pub async fn json(
    State(app): State<Arc<App>>,
    context: PageContext,
    Path(id): Path<String>,
) -> Result<Json<PausePicture>, Error> {
    picture(&app, &context, &id, Typed::default(), None).await.map(Json)
}

async fn show(
    app: &App,
    context: PageContext,
    id: &str,
    typed: Typed,
    error: Option<(&'static str, String)>,
) -> Response {
    let status = if error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    match picture(app, &context, id, typed, error).await {
        Ok(picture) => {
            let head = app::pages::pause::head(&picture);
            let body = move || app::pages::pause::body(&picture);
            render::page(app, context, Place::Workflows, head, None, status, body).await
        }
        Err(error) => error.page(app, context).await,
    }
}

async fn picture(
    app: &App,
    context: &PageContext,
    id: &str,
    typed: Typed,
    error: Option<(&'static str, String)>,
) -> Result<PausePicture, Error> {
    let world = app.worlds.now();
    let standing = known(app, &world, id).await?;
    let pauses = of_workflow(app, &world, &standing).await?;
    let may = context.may(Role::Operator, "Pausing", "pause");
    Ok(PausePicture {
        workflow: id.to_owned(),
        name: world.workflow(id).map_or_else(|| id.to_owned(), |w| w.name.clone()),
        in_force: pauses.in_force,
        history: pauses.history,
        targets: targets(&world, &standing),
        typed,
        error,
        may,
    })
}

async fn known(app: &App, world: &World, id: &str) -> Result<Standing, Error> {
    standing::one(app, world, id, app.now()).await?.ok_or_else(|| Error::NotFound("workflow", id.to_owned()))
}

/// What of a workflow can be paused: the whole, each step, each component and queue that its steps use.
fn targets(world: &World, standing: &Standing) -> Vec<(String, String)> {
    let id = &standing.id;
    let declared = world.workflow(id);
    let mut targets = vec![(Where::Workflow(id.clone()), "The whole workflow".to_owned())];
    let steps = declared.iter().flat_map(|w| &w.steps).map(|s| (s.id.as_str(), s.name.as_str()));
    let seen = standing.steps.iter().map(|((_, step), _)| step.as_str()).filter(|s| !s.is_empty());
    let seen = seen.filter(|s| declared.is_none_or(|w| w.step(s).is_none())).map(|s| (s, s));
    for (step, name) in steps.chain(seen) {
        targets.push((Where::Step(id.clone(), step.to_owned()), format!("Step: {name}")));
    }
    for component in declared.iter().flat_map(|w| w.components()) {
        let found = world.book.components.get(component);
        let kind = found.map_or("component", |c| c.kind.words());
        let name = found.map_or(component, |c| c.name.as_str());
        let place = Where::Component(component.to_owned());
        targets.push((place, format!("{name} ({kind}), in every workflow")));
    }
    targets.into_iter().map(|(place, name)| (place.to_string(), name)).collect()
}

/// The pauses of a workflow as its pages show them.
pub async fn of_workflow(app: &App, world: &World, standing: &Standing) -> Result<Pauses, Error> {
    let now = app.now();
    let zone = app.config.zone();
    let row = |pause: &Pause| pause_row(world, pause, now, &zone);
    let mut in_force: Vec<&Pause> = Vec::new();
    for pause in standing.paused.whole.iter().chain(standing.paused.steps.iter().map(|(_, pause)| pause)) {
        if in_force.iter().all(|known| known.id != pause.id) {
            in_force.push(pause);
        }
    }
    let history = pauses::of_workflow(app.db.read(), &standing.id, MOST_PAUSES).await?;
    Ok(Pauses {
        in_force: in_force.into_iter().map(row).collect(),
        resumed: standing.resumed.iter().rev().map(row).collect(),
        history: history.iter().map(row).collect(),
    })
}

/// One pause in a list.
pub fn pause_row(world: &World, pause: &Pause, now: Moment, zone: &TimeZone) -> PauseRow {
    let name = |declared: Option<&Workflow>, id: &str| declared.map_or_else(|| id.to_owned(), |w| w.name.clone());
    PauseRow {
        target: pause.target.to_string(),
        name: match &pause.target {
            Where::Workflow(id) => name(world.workflow(id), id),
            Where::Step(workflow, step) => {
                world.book.step(workflow, step).map_or_else(|| step.clone(), |s| s.name.clone())
            }
            Where::Component(id) => world.book.components.get(id).map_or_else(|| id.clone(), |c| c.name.clone()),
            other => other.to_string(),
        },
        by: pause.by.clone(),
        since: pause.from,
        until: pause.until,
        reason: pause.reason.clone(),
        ended_at: (pause.end() <= now).then(|| pause.end()),
        ended: pause.end_words(now, zone),
        sentence: format!("Paused {}", pause.words(now, zone)),
    }
}

/// Sets a pause.
pub async fn pause(
    State(app): State<Arc<App>>,
    context: PageContext,
    Path(id): Path<String>,
    Form(sent): Form<Sent>,
) -> Response {
    let viewer = match context.demand(Role::Operator, "pause anything") {
        Ok(viewer) => viewer,
        Err(refused) => return refused.page(&app, context).await,
    };
    let pause = match read(&app, &id, &viewer.name, &sent).await {
        Ok(Ok(pause)) => pause,
        Ok(Err(error)) => {
            let Sent { target, reason, until, at } = sent;
            return show(&app, context, &id, Typed { target, reason, until, at }, Some(error)).await;
        }
        Err(error) => return error.page(&app, context).await,
    };
    match pausing::pause(&app.db, &app.worlds.book(), &id, &pause, &context.address).await {
        Ok(topics) => {
            app.live.changed(topics);
            let until = pause.until.words(pause.from, &app.config.zone());
            context.flash(&format!("Paused until {until}.")).await;
            Redirect::to(&format!("/workflows/{}", urlencode(&id))).into_response()
        }
        Err(error) => Error::from(error).page(&app, context).await,
    }
}

/// The pause that was asked for, or the field that is wrong and why.
async fn read(app: &App, id: &str, by: &str, sent: &Sent) -> Result<Result<Pause, (&'static str, String)>, Error> {
    let world = app.worlds.now();
    let standing = known(app, &world, id).await?;
    let known = targets(&world, &standing);
    let target = Where::parse(&sent.target).filter(|_| known.iter().any(|(value, _)| *value == sent.target));
    let Some(target) = target else {
        return Ok(Err(("target", "Choose what to pause: it is nothing of this workflow.".to_owned())));
    };
    let reason = without_null(sent.reason.trim());
    if reason.is_empty() {
        return Ok(Err(("reason", "Say why: whoever looks next has only this line.".to_owned())));
    }
    if reason.chars().count() > LONGEST_REASON || reason.chars().any(char::is_control) {
        return Ok(Err(("reason", format!("At most {LONGEST_REASON} characters in one line."))));
    }
    let from = app.now();
    Ok(pause::until(&sent.until, &sent.at, from, &app.config.zone())
        .map(|until| Pause { id: 0, target, reason, by: by.to_owned(), from, until, ended: None })
        .map_err(|why| ("until", why)))
}

/// Ends a pause before its time.
pub async fn resume(
    State(app): State<Arc<App>>,
    context: PageContext,
    Path(id): Path<String>,
    Form(sent): Form<Asked>,
) -> Response {
    let viewer = match context.demand(Role::Operator, "resume anything") {
        Ok(viewer) => viewer,
        Err(refused) => return refused.page(&app, context).await,
    };
    let Some(target) = Where::parse(&sent.target) else {
        return Error::Invalid(format!("\"{}\" is nothing that can be resumed.", sent.target))
            .page(&app, context)
            .await;
    };
    let book = app.worlds.book();
    match resuming::resume(&app.db, &book, &target, &viewer.name, &context.address, app.now()).await {
        Ok(topics) => {
            let words = match topics.is_empty() {
                true => "It was not paused any more.",
                false => "Resumed. Everything is judged as it is.",
            };
            app.live.changed(topics);
            context.flash(words).await;
            Redirect::to(&format!("/workflows/{}", urlencode(&id))).into_response()
        }
        Err(error) => Error::from(error).page(&app, context).await,
    }
}
