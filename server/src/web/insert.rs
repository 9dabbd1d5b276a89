//! `/insert`: what can be put into a text about a part that is found by its name or id.

use std::sync::Arc;

use app::model::event::without_null;
use app::model::insert::{fit, offers};
use app::model::reference::Reference;
use app::pages::insert::{InsertPart, InsertPicture};
use app::pages::shell::Place;
use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use leptos::prelude::RenderHtml;
use serde::Deserialize;

use super::render;
use super::session::PageContext;
use crate::App;
use crate::world::World;

/// How many parts are offered.
const MOST: usize = 12;

/// What is asked.
#[derive(Debug, Default, Deserialize)]
pub struct Asked {
    #[serde(default)]
    q: String,
}

/// What was found as a page, to be copied from.
pub async fn page(State(app): State<Arc<App>>, context: PageContext, Query(asked): Query<Asked>) -> Response {
    let picture = find(&app.worlds.now(), &asked.q);
    let head = app::pages::insert::head(&picture);
    let body = move || app::pages::insert::body(&picture);
    render::page(&app, context, Place::Runbooks, head, None, StatusCode::OK, body).await
}

/// What was found as JSON.
pub async fn json(State(app): State<Arc<App>>, Query(asked): Query<Asked>) -> Json<InsertPicture> {
    Json(find(&app.worlds.now(), &asked.q))
}

/// What was found as a piece of the editor's page.
pub async fn found(State(app): State<Arc<App>>, Query(asked): Query<Asked>) -> Response {
    let picture = find(&app.worlds.now(), &asked.q);
    let ink = render::ink(&app, app.now());
    Html(render::drawn(&ink, || app::pages::insert::found(&picture, true).to_html())).into_response()
}

fn find(world: &World, query: &str) -> InsertPicture {
    let query = without_null(query).trim().to_owned();
    let asked: Vec<String> = query.to_lowercase().split_whitespace().map(str::to_owned).collect();
    let mut fitting = if asked.is_empty() { Vec::new() } else { fitting(world, &asked) };
    fitting.sort();
    let part = |(_, _, reference): (usize, String, Reference)| {
        let name = world.name_of(&reference);
        InsertPart { offers: offers(&world.book, &reference, &name), reference: reference.to_string(), name }
    };
    InsertPicture { items: fitting.into_iter().take(MOST).map(part).collect(), query }
}

/// Every part that fits, with how well it does and what it is sorted by then.
fn fitting(world: &World, asked: &[String]) -> Vec<(usize, String, Reference)> {
    let book = &world.book;
    let mut found = Vec::new();
    let mut look = |order: usize, id: &str, name: &str, reference: &dyn Fn() -> Reference| {
        if let Some(fit) = fit(asked, id, name) {
            found.push((fit * 8 + order, name.to_lowercase(), reference()));
        }
    };
    for workflow in book.workflows.values() {
        look(1, &workflow.id, &workflow.name, &|| Reference::Workflow(workflow.id.clone()));
        for step in &workflow.steps {
            look(0, &step.id, &step.name, &|| Reference::Step(workflow.id.clone(), step.id.clone()));
            for point in &step.failure_points {
                let failure = || Reference::Failure(workflow.id.clone(), step.id.clone(), point.id.clone());
                look(5, &point.id, &step.name, &failure);
            }
        }
    }
    for component in book.components.values() {
        look(2, &component.id, &component.name, &|| Reference::Component(component.id.clone()));
    }
    for decision in book.decisions.values() {
        look(6, &decision.id, &decision.decided, &|| Reference::Decision(decision.id.clone()));
    }
    for workaround in book.workarounds.values() {
        look(6, &workaround.id, &workaround.what, &|| Reference::Workaround(workaround.id.clone()));
    }
    for document in world.documents.values() {
        let slug = &document.record.slug;
        look(3, slug, &document.record.title, &|| Reference::Runbook(slug.clone(), None));
        for section in document.outline.sections.iter().filter(|s| !s.anchor.is_empty()) {
            let name = format!("{}: {}", document.record.title, section.title);
            look(7, &section.anchor, &name, &|| Reference::Runbook(slug.clone(), Some(section.anchor.clone())));
        }
    }
    found
}
