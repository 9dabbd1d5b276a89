//! The feeds: every event and every change after a position, for catching up.

use std::sync::Arc;

use app::model::moment::Moment;
use axum::Json;
use axum::extract::{Query, State};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::Error;
use super::refusals::Number;
use crate::App;
use crate::store::{feed, parts};

/// How many are given at once.
const AT_ONCE: i64 = 500;

/// From where.
#[derive(Debug, Default, Deserialize)]
pub struct After {
    after: Option<Number>,
}

/// A page of a feed.
#[derive(Debug, Serialize)]
pub struct Page<T> {
    items: Vec<T>,
    /// Pass as `after=`; none when there is nothing more now.
    next: Option<String>,
}

/// An event of the feed.
#[derive(Debug, Serialize)]
pub struct FeedEvent {
    position: i64,
    received_at: Moment,
    repeats: i64,
    event: Value,
}

/// A change of the feed.
#[derive(Debug, Serialize)]
pub struct FeedChange {
    position: i64,
    subject: String,
    field: String,
    before: Option<String>,
    after: Option<String>,
    changed_at: Moment,
    by: String,
    link: Option<String>,
    origin: String,
}

/// The events after a position, oldest first.
pub async fn events(State(app): State<Arc<App>>, Query(from): Query<After>) -> Result<Json<Page<FeedEvent>>, Error> {
    let rows = feed::after(app.db.read(), from.after.map_or(0, |after| after.0), AT_ONCE).await?;
    let next = (rows.len() as i64 == AT_ONCE).then(|| rows.last().map(|r| r.position.to_string())).flatten();
    let items = rows.into_iter().map(|r| FeedEvent {
        position: r.position,
        received_at: Moment::from_millis(r.received_at),
        repeats: r.repeats,
        event: serde_json::from_str(&r.body).unwrap_or(Value::String(r.body)),
    });
    Ok(Json(Page { items: items.collect(), next }))
}

/// The changes after a position, oldest first.
pub async fn changes(State(app): State<Arc<App>>, Query(from): Query<After>) -> Result<Json<Page<FeedChange>>, Error> {
    let rows = parts::changes_after(app.db.read(), from.after.map_or(0, |after| after.0), AT_ONCE).await?;
    let next = (rows.len() as i64 == AT_ONCE).then(|| rows.last().map(|(id, _)| id.to_string())).flatten();
    let items = rows.into_iter().map(|(position, c)| FeedChange {
        position,
        subject: c.reference,
        field: c.field,
        before: c.before_value,
        after: c.after_value,
        changed_at: Moment::from_millis(c.changed_at),
        by: c.changed_by,
        link: c.link,
        origin: c.origin,
    });
    Ok(Json(Page { items: items.collect(), next }))
}
