//! `/find`: anything by name, id or words; an exact id goes straight there.

mod exact;
mod shown;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use app::model::event::without_null;
use app::model::find::{Asked, Fit, MOST_WORDS};
use app::pages::find::{self as drawn, FindPicture, Found, Reading};
use app::pages::shell::Place;
use axum::Json;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use leptos::prelude::RenderHtml;
use serde::Deserialize;

use self::exact::Exact;
use self::shown::Shown;
use super::error::Error;
use super::render;
use super::session::PageContext;
use crate::App;
use crate::finding::entries::Target;
use crate::finding::{Depth, Hit, Progress};
use crate::world::World;

/// How many things are shown on the page.
const MOST: usize = 40;

/// How many are shown below the box while somebody types.
const MOST_OPTIONS: usize = 8;

/// How many sections of one runbook.
const MOST_OF_ONE: usize = 3;

/// How long is waited for an index that lags behind, so that what was saved just now is found.
const WAIT: Duration = Duration::from_millis(200);

/// What is asked.
#[derive(Debug, Default, Deserialize)]
pub struct Question {
    #[serde(default)]
    q: String,
    /// Given by who wants to see everything, and not the one thing whose id it is.
    all: Option<String>,
}

/// What was found as a page; straight to the thing when the words are its exact id.
pub async fn page(State(app): State<Arc<App>>, context: PageContext, Query(query): Query<Question>) -> Response {
    match find(&app, &query.q, MOST, Depth::Texts).await {
        Ok((Some(href), _)) if query.all.is_none() => Redirect::to(&href).into_response(),
        Ok((_, picture)) => {
            let head = drawn::head(&picture);
            let body = move || drawn::body(&picture);
            render::page(&app, context, Place::Find, head, None, StatusCode::OK, body).await
        }
        Err(error) => error.page(&app, context).await,
    }
}

/// What was found as JSON.
pub async fn json(State(app): State<Arc<App>>, Query(query): Query<Question>) -> Result<Json<FindPicture>, Error> {
    find(&app, &query.q, MOST, Depth::Texts).await.map(|(_, picture)| Json(picture))
}

/// The first things found, as what is listed below the box: HTML, so that each looks as on the page and the browser
/// needs to know nothing of it.
pub async fn options(State(app): State<Arc<App>>, Query(query): Query<Question>) -> Result<Response, Error> {
    let (_, picture) = find(&app, &query.q, MOST_OPTIONS, Depth::Names).await?;
    // Nothing asked is nothing listed, without what leptos writes for a view of nothing.
    let draw = || if picture.query.is_empty() { String::new() } else { drawn::options(&picture).to_html() };
    let html = render::drawn(&render::ink(&app, app.now()), draw);
    let headers = [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CACHE_CONTROL, "private, no-cache")];
    Ok((headers, html).into_response())
}

/// What was found, and the one thing whose id was asked for exactly.
async fn find(app: &App, typed: &str, most: usize, depth: Depth) -> Result<(Option<String>, FindPicture), Error> {
    let asked = Asked::parse(typed);
    let mut picture = FindPicture { query: asked.text().to_owned(), ..FindPicture::default() };
    if asked.is_empty() {
        return Ok((None, picture));
    }
    // Ids are looked up as they were typed, however long.
    let id = without_null(typed);
    let caught_up = app.finder.caught_up(WAIT).await;
    let world = app.worlds.now();
    let exact = Exact::load(app, &world, id.trim()).await?;
    let hits = hits(app, &world, &asked, depth).await;
    let shown = Shown::load(app, &world, &asked).await?;
    let mut found: Vec<(Fit, f32, Found)> = shown.live();
    let named = found.iter().filter(|(fit, ..)| *fit == Fit::Id).map(|(.., found)| found.href.clone());
    let straight = exact.straight(named.collect());
    found.extend(few_of_each(hits).into_iter().filter_map(|hit| Some((hit.fit, hit.score, shown.hit(&hit)?))));
    found.sort_by(|a, b| b.0.cmp(&a.0).then(b.1.total_cmp(&a.1)).then_with(|| a.2.name.cmp(&b.2.name)));
    picture.items = exact.found(app, &world);
    picture.items.extend(found.into_iter().map(|(_, _, found)| found));
    picture.more = picture.items.len() > most;
    picture.items.truncate(most);
    picture.notes = notes(&asked, caught_up, app.finder.progress());
    picture.reading = match app.finder.progress() {
        Progress::Reading { done, of } => Some(Reading { done, of }),
        Progress::Ready | Progress::Failed => None,
    };
    Ok((straight, picture))
}

/// Looking computes for milliseconds, and much longer without an index: not where pages are answered.
async fn hits(app: &App, world: &Arc<World>, asked: &Asked, depth: Depth) -> Vec<Hit> {
    let (finder, world, asked) = (app.finder.clone(), world.clone(), asked.clone());
    let looked = tokio::task::spawn_blocking(move || finder.find(&world, &asked, depth)).await;
    looked.unwrap_or_else(|error| {
        tracing::error!(%error, "looking for words failed");
        Vec::new()
    })
}

/// The best sections of each runbook, so that one long text does not fill the page.
fn few_of_each(mut hits: Vec<Hit>) -> Vec<Hit> {
    hits.sort_by(|a, b| b.fit.cmp(&a.fit).then(b.score.total_cmp(&a.score)));
    let mut shown: HashMap<String, usize> = HashMap::new();
    hits.retain(|hit| match &hit.target {
        Target::Section(slug, _) => {
            let many = shown.entry(slug.clone()).or_default();
            *many += 1;
            *many <= MOST_OF_ONE
        }
        _ => true,
    });
    hits
}

/// What a reader must know of an answer that is less than it seems.
fn notes(asked: &Asked, caught_up: bool, progress: Progress) -> Vec<String> {
    let mut notes = Vec::new();
    match progress {
        Progress::Reading { done, of } => notes.push(format!(
            "Find has just started and has read {done} of {of} runbooks so far. What it has not read is not found."
        )),
        Progress::Failed => notes.push(
            "Find works without its index, because making it failed; the log says why. Words are found as they are \
             spelled, and it takes longer."
                .to_owned(),
        ),
        Progress::Ready if !caught_up => notes.push("What changed in the last moments may be missing.".to_owned()),
        Progress::Ready => {}
    }
    if asked.is_cut() {
        notes.push(format!("That is much to look for: only the first {MOST_WORDS} words were."));
    }
    notes
}
