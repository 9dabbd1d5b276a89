//! `/sources`: can I trust what I see?

use std::sync::Arc;

use app::model::moment::{Moment, Span};
use app::model::source;
use app::model::status::State as Status;
use app::pages::shell::Place;
use app::pages::sources::{EventRow, RefusedRow, SourceRow, SourcesPicture};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::error::Error;
use super::render;
use super::session::PageContext;
use crate::App;
use crate::live::Topic;
use crate::store::feed::{self, FeedRow};
use crate::store::sources::{self, SourceRecord};

/// How many refused and how many kept events are shown.
const MOST: i64 = 20;

/// The sources as a page.
pub async fn page(State(app): State<Arc<App>>, context: PageContext) -> Response {
    match picture(&app).await {
        Ok(picture) => {
            let head = app::pages::sources::head(&picture);
            let body = move || app::pages::sources::body(&picture);
            render::page(&app, context, Place::Sources, head, Some(Topic::Sources), StatusCode::OK, body).await
        }
        Err(error) => error.page(&app, context).await,
    }
}

/// The sources as JSON.
pub async fn json(State(app): State<Arc<App>>) -> Result<Json<SourcesPicture>, Error> {
    picture(&app).await.map(Json)
}

/// What is heard from whom.
pub async fn picture(app: &App) -> Result<SourcesPicture, Error> {
    let pool = app.db.read();
    let mut items: Vec<_> = sources::all(pool).await?.into_iter().map(|s| row(app, s)).collect();
    items.sort_by(|a, b| b.state.cmp(&a.state).then_with(|| a.id.cmp(&b.id)));
    let refused = sources::newest_refused(pool, MOST).await?;
    let raw = feed::newest_others(pool, MOST).await?;
    Ok(SourcesPicture {
        items,
        refused: refused
            .into_iter()
            .map(|r| RefusedRow {
                received_at: r.received_at,
                source: r.source,
                field: r.field,
                detail: r.detail,
                raw: r.body,
            })
            .collect(),
        raw: raw.into_iter().map(event_row).collect(),
        next: None,
    })
}

fn row(app: &App, s: SourceRecord) -> SourceRow {
    let (now, zone) = (app.now(), app.config.zone());
    let last = Moment::from_millis(s.last_heard_at);
    let pause = Span::from_millis(s.longest_pause);
    let allowed = source::silent_after(pause).words();
    let (state, sentence) = match source::is_silent(last, pause, now) {
        true => (
            Status::NoSignal,
            format!(
                "Not heard since {}. After {allowed} we call that silence: we do not know what it would say.",
                last.words(now, &zone)
            ),
        ),
        false => {
            (Status::OnTrack, format!("Heard {}. Called silent {allowed} after its last word.", last.words(now, &zone)))
        }
    };
    SourceRow {
        id: s.id,
        state,
        sentence,
        first_heard_at: Moment::from_millis(s.first_heard_at),
        last_heard_at: last,
        accepted: s.accepted,
        duplicates: s.duplicates,
        refused: s.refused,
    }
}

/// An event as it came.
pub fn event_row(row: FeedRow) -> EventRow {
    EventRow {
        position: row.position,
        at: Moment::from_millis(row.happened_at),
        received_at: Moment::from_millis(row.received_at),
        source: row.source,
        family: row.family,
        raw: row.body,
    }
}
