//! What a browser keeps for when the portal cannot be reached: the service worker, what there is to keep, and pages as
//! they are kept. Nothing on those looks like the present.

use std::sync::Arc;

use app::markdown::{Chip, Context, FactNow};
use app::model::mention::{Fact, Panel};
use app::model::reference::Reference;
use app::model::review::fingerprint;
use app::pages::runbooks::RunbookRow;
use app::pages::shell::{Head, Place};
use app::parts::path_part;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use leptos::prelude::AnyView;
use serde::Serialize;

use super::error::Error;
use super::runbooks::{self, newest_picture};
use super::session::PageContext;
use super::shown::Shown;
use super::{pkg, render};
use crate::App;

/// The script of the service worker, without its first line.
const WORKER: &str = "service-worker.js";

/// `GET /service-worker.js`: at the root, because it may only look after what lies below its own address.
pub async fn worker() -> Response {
    let Some(script) = pkg::text(WORKER) else { return StatusCode::NOT_FOUND.into_response() };
    let release = pkg::folder().trim_start_matches("/pkg/").to_owned();
    let headers = [
        (header::CONTENT_TYPE, "text/javascript; charset=utf-8"),
        (header::CACHE_CONTROL, "no-cache"),
        // What a worker may fetch follows from its own policy, not from that of a page.
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; connect-src 'self'"),
    ];
    (headers, format!("const RELEASE = \"{release}\";\n{script}")).into_response()
}

/// What there is to keep; `GET /kept`.
#[derive(Debug, Serialize)]
pub struct ToKeep {
    /// The list, and every runbook.
    pages: Vec<Page>,
}

/// A page that may be kept.
#[derive(Debug, Serialize)]
struct Page {
    /// Its address; its copy for keeping is under `/kept` and this.
    path: String,
    title: String,
    /// Another one when the copy would be another one.
    tag: String,
    /// Whether it is kept without having been visited.
    critical: bool,
}

/// What there is to keep.
pub async fn to_keep(State(app): State<Arc<App>>) -> Result<Json<ToKeep>, Error> {
    let picture = runbooks::list(&app, None, usize::MAX).await?;
    let all: Vec<String> = picture.items.iter().map(tag).collect();
    let list = Page {
        path: "/runbooks".to_owned(),
        title: "Runbooks".to_owned(),
        tag: fingerprint(&all.join(" ")),
        critical: true,
    };
    let world = app.worlds.now();
    let needed = world.documents_of_critical();
    let one = |row: &RunbookRow| Page {
        path: format!("/runbooks/{}", path_part(&row.slug)),
        title: row.title.clone(),
        tag: tag(row),
        critical: row.critical || needed.contains(&row.slug),
    };
    Ok(Json(ToKeep { pages: std::iter::once(list).chain(picture.items.iter().map(one)).collect() }))
}

/// What of a runbook a copy shows that may change: its version, and what is thought of it.
fn tag(row: &RunbookRow) -> String {
    format!("{} {} {} {}", row.slug, row.version, row.trust.name(), row.flags)
}

/// A document as it is kept: links without states, panels without what was live.
struct Kept<'a>(&'a Shown<'a>);

impl Context for Kept<'_> {
    fn chip(&self, reference: &Reference) -> Chip {
        Chip { state: None, ..self.0.chip(reference) }
    }

    fn absent(&self, reference: &Reference) -> String {
        self.0.absent(reference)
    }

    fn fact(&self, fact: &Fact) -> FactNow {
        self.0.fact(fact)
    }

    fn now(&self) -> &str {
        "when kept"
    }

    fn panel(&self, panel: &Panel) -> Option<String> {
        let alt = panel.alt.replace('&', "&amp;").replace('<', "&lt;");
        Some(format!("<span class=\"panel\">{alt}: not kept, because it is live</span>"))
    }

    fn sprite(&self) -> &str {
        self.0.sprite()
    }
}

/// The list as it is kept.
pub async fn list_page(State(app): State<Arc<App>>, context: PageContext) -> Response {
    match runbooks::list(&app, None, usize::MAX).await {
        Ok(picture) => {
            let tags: Vec<String> = picture.items.iter().map(tag).collect();
            let about =
                About { what: "the list".to_owned(), title: "Runbooks".to_owned(), tag: fingerprint(&tags.join(" ")) };
            let head = app::pages::runbooks::head(&picture);
            let viewer = context.viewer.clone();
            answer(&app, context, head, about, move || app::pages::runbooks::body(&picture, viewer.as_ref())).await
        }
        Err(error) => error.page(&app, context).await,
    }
}

/// One runbook as it is kept.
pub async fn page(State(app): State<Arc<App>>, context: PageContext, Path(slug): Path<String>) -> Response {
    match picture(&app, &slug).await {
        Ok(picture) => {
            let row = &picture.row;
            let about = About { what: format!("version {}", row.version), title: row.title.clone(), tag: tag(row) };
            let head = app::pages::runbook::head(&picture);
            let viewer = context.viewer.clone();
            answer(&app, context, head, about, move || app::pages::runbook::body(&picture, viewer.as_ref())).await
        }
        Err(error) => error.page(&app, context).await,
    }
}

async fn picture(app: &App, slug: &str) -> Result<app::pages::runbook::RunbookPicture, Error> {
    let world = app.worlds.now();
    let document = world.documents.get(slug).ok_or_else(|| Error::NotFound("runbook", slug.to_owned()))?;
    let shown = Shown::load(app, &world).await?;
    newest_picture(app, &world, document, &Kept(&shown)).await
}

/// What is shown in place of a page that is not kept, around the list of what is.
pub async fn unreachable(State(app): State<Arc<App>>, context: PageContext) -> Response {
    let head = Head { title: "Cannot reach Watchbook".to_owned(), state: None };
    let words = "You are offline, or Watchbook cannot be reached. Nothing is known here of how things stand now.";
    let context = context.kept(words.to_owned());
    render::page(&app, context, Place::Other, head, None, StatusCode::OK, app::pages::unreachable::body).await
}

/// What is said of a copy.
struct About {
    /// `version 5`, `the list`.
    what: String,
    title: String,
    tag: String,
}

async fn answer(app: &App, context: PageContext, head: Head, about: About, body: impl FnOnce() -> AnyView) -> Response {
    let at = app.now().zoned(&app.config.zone()).strftime("%H:%M:%S %Z on %-d %b %Y").to_string();
    let words = format!(
        "You are offline, or Watchbook cannot be reached. This is {} as kept at {at}. It may have changed since.",
        about.what
    );
    let mut response = render::page(app, context.kept(words), Place::Runbooks, head, None, StatusCode::OK, body).await;
    let told = [
        ("watchbook-title", encoded(&about.title)),
        ("watchbook-kept", format!("{}, kept at {at}", about.what)),
        ("watchbook-tag", about.tag),
    ];
    say(response.headers_mut(), told);
    response
}

fn say(headers: &mut HeaderMap, told: [(&'static str, String); 3]) {
    for (name, value) in told {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
}

/// A title as a header can carry it.
fn encoded(title: &str) -> String {
    path_part(title)
}
