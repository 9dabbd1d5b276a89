//! `/components`: what there is, what breaks without it, what changed, which documents speak of it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use app::model::book::Component;
use app::model::reference::Reference;
use app::model::status::State as Status;
use app::pages::component::{ComponentPicture, StepUse};
use app::pages::components::{ComponentRow, ComponentsPicture};
use app::pages::shell::Place;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::error::Error;
use super::session::PageContext;
use super::{now, render, runbooks, sources};
use crate::App;
use crate::store::{feed, parts, tallies};
use crate::world::World;

/// How many changes and events a component's page shows.
const MOST: i64 = 20;

/// The state of each step that was seen: the worst of what is there.
type StepStates = HashMap<(String, String), Status>;

/// The list as a page.
pub async fn list_page(State(app): State<Arc<App>>, context: PageContext) -> Response {
    match list(&app).await {
        Ok(picture) => {
            let head = app::pages::components::head(&picture);
            let body = move || app::pages::components::body(&picture);
            render::page(&app, context, Place::Components, head, None, StatusCode::OK, body).await
        }
        Err(error) => error.page(&app, context).await,
    }
}

/// The list as JSON.
pub async fn list_json(State(app): State<Arc<App>>) -> Result<Json<ComponentsPicture>, Error> {
    list(&app).await.map(Json)
}

/// One component as a page.
pub async fn page(State(app): State<Arc<App>>, context: PageContext, Path(id): Path<String>) -> Response {
    match picture(&app, &id).await {
        Ok(picture) => {
            let head = app::pages::component::head(&picture);
            let body = move || app::pages::component::body(&picture);
            render::page(&app, context, Place::Components, head, None, StatusCode::OK, body).await
        }
        Err(error) => error.page(&app, context).await,
    }
}

/// One component as JSON.
pub async fn json(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Json<ComponentPicture>, Error> {
    picture(&app, &id).await.map(Json)
}

/// The worst state at every step of every workflow that was seen.
pub async fn step_states(app: &App) -> sqlx::Result<StepStates> {
    let steps = tallies::steps(app.db.read(), None).await?;
    Ok(steps.into_iter().filter(|(_, t)| t.visits > 0).map(|(key, t)| (key, t.here.worst())).collect())
}

async fn list(app: &App) -> Result<ComponentsPicture, Error> {
    let world = app.worlds.now();
    let states = step_states(app).await?;
    let mut items: Vec<_> = world.book.components.values().map(|c| row(&world, c, &states)).collect();
    items.sort_by(|a, b| a.kind.cmp(&b.kind).then_with(|| a.name.cmp(&b.name)));
    Ok(ComponentsPicture { items, next: None })
}

/// The worst state of the steps that a component does.
pub fn state_of(world: &World, id: &str, states: &StepStates) -> Option<Status> {
    world.book.steps_on(id).filter_map(|(w, s)| states.get(&(w.id.clone(), s.id.clone())).copied()).max()
}

fn row(world: &World, component: &Component, states: &StepStates) -> ComponentRow {
    let id = component.id.as_str();
    ComponentRow {
        id: id.to_owned(),
        name: component.name.clone(),
        kind: component.kind.words().to_owned(),
        state: state_of(world, id, states),
        owner: component.owner.clone(),
        meaning: component.meaning.clone(),
        needed_by: (world.book.dependants(id).count() + world.book.steps_on(id).count()) as i64,
    }
}

async fn picture(app: &App, id: &str) -> Result<ComponentPicture, Error> {
    let world = app.worlds.now();
    let component = world.book.components.get(id).ok_or_else(|| Error::NotFound("component", id.to_owned()))?;
    let states = step_states(app).await?;
    let reference = Reference::Component(id.to_owned());
    let changes = parts::changes_of(app.db.read(), &reference, MOST).await?;
    let events = feed::newest_about(app.db.read(), id, MOST).await?;
    let about = |references: &[Reference]| references.contains(&reference);
    let now = app.now();
    let name = |id: &str| world.book.components.get(id).map(|c| c.name.clone());
    let documents: BTreeMap<_, _> = world.speaking_of(&reference).map(|d| (d.record.title.clone(), d)).collect();
    Ok(ComponentPicture {
        row: row(&world, component, &states),
        if_unavailable: component.if_unavailable.clone(),
        depends_on: component.depends_on.iter().map(|d| (d.clone(), name(&d.id))).collect(),
        dependants: world.book.dependants(id).map(|(c, d)| (c.id.clone(), c.name.clone(), d.clone())).collect(),
        steps: world
            .book
            .steps_on(id)
            .map(|(w, s)| StepUse {
                workflow: w.id.clone(),
                workflow_name: w.name.clone(),
                step: s.id.clone(),
                step_name: s.name.clone(),
                how: if s.component.as_deref() == Some(id) { "does it" } else { "waits in it" },
                state: states.get(&(w.id.clone(), s.id.clone())).copied(),
            })
            .collect(),
        limits: component.limits.clone(),
        fields: component.fields.clone(),
        decisions: world.book.decisions.values().filter(|d| about(&d.about)).cloned().collect(),
        workarounds: world.book.workarounds.values().filter(|w| about(&w.about)).cloned().collect(),
        changes: changes.iter().map(|c| now::change_row(&world, c)).collect(),
        documents: documents.into_values().map(|d| runbooks::row(&world, d, now)).collect(),
        events: events.into_iter().map(sources::event_row).collect(),
    })
}
