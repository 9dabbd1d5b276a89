//! Rendering: one page around one body; nothing in it waits, so it is one synchronous call.

use std::sync::Arc;

use app::model::moment::Moment;
use app::model::past;
use app::pages::shell::{self, Frame, Head, Place, Viewer};
use app::parts::{Ink, Past};
use axum::Router;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hydration_context::SsrSharedContext;
use leptos::prelude::{AnyView, Owner};
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;

use super::pkg;
use super::session::PageContext;
use crate::App;
use crate::live::Topic;
use crate::standing;

/// Answers with a page: of what is so now, or of the moment that the context carries (see [`super::at`]).
pub async fn page(
    app: &App,
    context: PageContext,
    place: Place,
    head: Head,
    topic: Option<Topic>,
    status: StatusCode,
    body: impl FnOnce() -> AnyView,
) -> Response {
    let kept = context.kept.clone();
    let base = app.config.base_url.as_deref().unwrap_or_default().trim_end_matches('/');
    let address = format!("{base}{}", context.path.trim_start_matches("/kept"));
    let frame = match context.at {
        None => frame(app, context.viewer, context.notice, place, topic).await,
        Some(at) => {
            let now = app.now();
            let past = Past { at, recorded: context.recorded, now, back: past::address(&context.path, None) };
            // What is known of the portal itself is of now and belongs on no page of the past.
            let frame = frame(app, context.viewer, context.notice, place, None).await;
            Frame { now: at, at: Some(past), book_errors: Vec::new(), ..frame }
        }
    };
    let frame = match kept {
        // What is counted in the top bar is of now as well.
        Some(words) => Frame { kept: Some(words), reviews_waiting: 0, book_errors: Vec::new(), ..frame },
        None => frame,
    };
    let frame = Frame { address, ..frame };
    let ink = Ink { past: frame.at.is_some(), ..ink(app, frame.now) };
    let (html, policy) = drawn(&ink, || {
        let html = shell::document(&frame, &head, body());
        let nonce = leptos::nonce::use_nonce().map(|n| n.as_inner().to_string()).unwrap_or_default();
        (html, policy(&nonce))
    });
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    (status, headers, html).into_response()
}

/// What every page is drawn with.
pub async fn frame(
    app: &App,
    viewer: Option<Viewer>,
    notice: Option<String>,
    place: Place,
    topic: Option<Topic>,
) -> Frame {
    let now = app.now();
    let world = app.worlds.now();
    // The pages that a stranger sees (signing in, a wrong address) tell nothing of what is inside.
    let may_read = viewer.is_some() || app.config.public_read || topic.is_some();
    let heard = match standing::heard(app, now).await {
        Ok(heard) if may_read => heard,
        Ok(_) => shell::Heard::default(),
        Err(error) => {
            tracing::error!(%error, "the sources could not be read for a page");
            shell::Heard::default()
        }
    };
    let reviews = world.documents_to_check(now);
    Frame {
        now,
        zone: app.config.zone(),
        pkg: pkg::folder(),
        place,
        viewer,
        demo: app.config.demo,
        reviews_waiting: if may_read { reviews } else { 0 },
        heard,
        book_errors: if may_read { world.book_errors.clone() } else { Vec::new() },
        at: None,
        topic: topic.map(|t| t.to_string()),
        told: app.live.told(),
        notice,
        address: String::new(),
        kept: None,
    }
}

/// What pieces of pages are drawn with now.
pub fn ink(app: &App, now: Moment) -> Ink {
    Ink { pkg: pkg::folder(), now, zone: app.config.zone(), past: false }
}

/// Draws under an owner of its own, as leptos asks; islands are told by their context that this is the server.
pub fn drawn<T>(ink: &Ink, draw: impl FnOnce() -> T) -> T {
    let owner = Owner::new_root(Some(Arc::new(SsrSharedContext::new_islands())));
    let drawn = owner.with(|| {
        leptos::nonce::provide_nonce();
        ink.clone().provide();
        draw()
    });
    owner.cleanup();
    drawn
}

fn policy(nonce: &str) -> String {
    format!(
        "default-src 'none'; script-src 'self' 'nonce-{nonce}' 'wasm-unsafe-eval'; style-src 'self'; \
         img-src 'self' data:; connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; \
         frame-ancestors 'none'"
    )
}

/// Compresses answers on the way out; streams of events are left alone.
pub fn compressed(router: Router) -> Router {
    router.layer(CompressionLayer::new().quality(CompressionLevel::Fastest))
}
