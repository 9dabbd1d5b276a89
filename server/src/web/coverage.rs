//! `/coverage`: what nobody has written yet and what only one person knows.

use std::collections::BTreeMap;
use std::sync::Arc;

use app::model::coverage::{Documented, Known, People, coverage};
use app::model::reference::Reference;
use app::pages::coverage::CoveragePicture;
use app::pages::shell::Place;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::error::Error;
use super::session::PageContext;
use super::shown::absent;
use super::{render, undocumented};
use crate::App;
use crate::store::knowledge;

/// The gaps as a page.
pub async fn page(State(app): State<Arc<App>>, context: PageContext) -> Response {
    match picture(&app).await {
        Ok(picture) => {
            let head = app::pages::coverage::head(&picture);
            let body = move || app::pages::coverage::body(&picture);
            render::page(&app, context, Place::Workflows, head, None, StatusCode::OK, body).await
        }
        Err(error) => error.page(&app, context).await,
    }
}

/// The gaps as JSON.
pub async fn json(State(app): State<Arc<App>>) -> Result<Json<CoveragePicture>, Error> {
    picture(&app).await.map(Json)
}

async fn picture(app: &App) -> Result<CoveragePicture, Error> {
    let (world, now) = (app.worlds.now(), app.now());
    let mut people: BTreeMap<String, People> = BTreeMap::new();
    for (slug, did, who) in knowledge::people(app.db.read()).await? {
        let people = people.entry(slug).or_default();
        match did.as_str() {
            "written" => people.written.insert(who),
            "reviewed" => people.reviewed.insert(who),
            _ => people.used.insert(who),
        };
    }
    let documented = |slug: &str, title: &str, trust| Documented {
        slug: slug.to_owned(),
        title: title.to_owned(),
        trust,
        people: people.get(slug).cloned().unwrap_or_default(),
    };
    let documents = world.book.workflows.values().map(|workflow| {
        let of = world.documents_of(workflow);
        (workflow.id.clone(), of.iter().map(|d| documented(&d.record.slug, &d.record.title, d.trust(now))).collect())
    });
    let steps = world.book.workflows.values().flat_map(|w| &w.steps);
    let actions = steps.flat_map(|s| &s.failure_points).filter_map(|point| point.action.clone());
    let why = |action: Reference| {
        let why = absent(&world, &action);
        (action, why)
    };
    let missing: BTreeMap<_, _> = actions.filter(|action| !world.exists(action)).map(why).collect();
    let known = Known {
        documents: documents.collect(),
        undocumented: undocumented::waiting(app).await?,
        missing,
        today: super::why::today(app),
    };
    Ok(CoveragePicture::of(coverage(&world.book, &known)))
}
