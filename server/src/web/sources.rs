//! `/sources`: can I trust what I see?

use std::sync::Arc;

use app::model::check_in;
use app::model::moment::{Moment, Span};
use app::model::source::Expected;
use app::model::status::{Role, State as Status};
use app::pages::shell::Place;
use app::pages::sources::{EventRow, RefusedRow, SourceRow, SourcesPicture};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use super::error::Error;
use super::render;
use super::session::PageContext;
use crate::App;
use crate::actions::record_events::Arrival;
use crate::actions::retry_refused::retry_refused;
use crate::ingest::body::parse_again;
use crate::ingest::writer::WriteError;
use crate::judging::sources::{self as judging, Standing};
use crate::live::Topic;
use crate::store::feed::{self, FeedRow};
use crate::store::sources::{self, RefusedEvent};
use crate::world::World;

/// How many refused and how many kept events are shown.
const MOST: i64 = 20;

/// How much of a refused event is shown, in characters.
const SHOWN: i64 = 4_096;

/// The sources as a page.
pub async fn page(State(app): State<Arc<App>>, context: PageContext) -> Response {
    show(&app, context, StatusCode::OK, None).await
}

async fn show(app: &App, context: PageContext, status: StatusCode, refused: Option<String>) -> Response {
    match picture(app).await {
        Ok(picture) => {
            let head = app::pages::sources::head(&picture);
            let body = move || app::pages::sources::body(&picture, refused.as_deref());
            render::page(app, context, Place::Sources, head, Some(Topic::Sources), status, body).await
        }
        Err(error) => error.page(app, context).await,
    }
}

/// The sources as JSON.
pub async fn json(State(app): State<Arc<App>>) -> Result<Json<SourcesPicture>, Error> {
    picture(&app).await.map(Json)
}

/// What is heard from whom.
pub async fn picture(app: &App) -> Result<SourcesPicture, Error> {
    let pool = app.db.read();
    let world = app.worlds.now();
    let standings = judging::all(app, &world, app.now()).await?;
    let mut items: Vec<_> = standings.into_iter().map(|s| row(app, &world, s)).collect();
    items.sort_by(|a, b| b.state.cmp(&a.state).then_with(|| a.id.cmp(&b.id)));
    let refused = sources::newest_refused(pool, MOST, SHOWN).await?;
    let raw = feed::newest_others(pool, MOST).await?;
    let refused_row = |((id, r), length): ((i64, RefusedEvent), i64)| RefusedRow {
        id,
        received_at: r.received_at,
        source: r.source,
        field: r.field,
        detail: r.detail,
        raw: r.body,
        length,
        left_out: r.left_out,
    };
    Ok(SourcesPicture {
        items,
        refused: refused.into_iter().map(refused_row).collect(),
        raw: raw.into_iter().map(event_row).collect(),
        next: None,
        folder: super::files::folder(app, &world),
    })
}

fn row(app: &App, world: &World, standing: Standing) -> SourceRow {
    let (now, zone) = (app.now(), app.config.zone());
    let Standing { id, record, expected, claims, .. } = standing;
    let allowed = expected.silent_after().words();
    let last = record.as_ref().map(|r| Moment::from_millis(r.last_heard_at));
    let words = |at: Moment| at.words(now, &zone);
    let (state, sentence) = match (last, claims.iter().max_by_key(|c| c.state)) {
        // Our own word: it comes when people press a button.
        (Some(last), _) if id == check_in::SOURCE => (
            Status::OnTrack,
            format!("What people said by a check-in link, last {}. Its silence means nothing.", words(last)),
        ),
        (Some(last), _) if expected.is_silent(last, now) => (
            Status::NoSignal,
            format!(
                "Not heard since {}. After {allowed} we call that silence: we do not know what it would say.",
                words(last)
            ),
        ),
        (_, Some(claim)) => (
            claim.state,
            [Some(&claim.sentence), claim.next.as_ref()].into_iter().flatten().cloned().collect::<Vec<_>>().join(" "),
        ),
        (Some(last), None) => {
            (Status::OnTrack, format!("Heard {}. Called silent {allowed} after its last word.", words(last)))
        }
        (None, None) => (Status::NoSignal, format!("Not heard yet. Called silent after {allowed} without a word.")),
    };
    let (every, declared) = match expected {
        Expected::Declared(every) => (Some(every), true),
        Expected::Learned(pause) => (Some(pause).filter(|p| *p > Span::default()), false),
    };
    let reporter = world.book.reporter(&id);
    let record = record.unwrap_or_default();
    SourceRow {
        state,
        sentence,
        component: reporter.map(|c| (c.id.clone(), c.name.clone())),
        owner: reporter.and_then(|c| c.owner.clone()),
        expected_every_seconds: every.map(|every| every.millis() / 1000),
        declared,
        first_heard_at: last.map(|_| Moment::from_millis(record.first_heard_at)),
        last_heard_at: last,
        accepted: record.accepted,
        duplicates: record.duplicates,
        refused: record.refused,
        id,
    }
}

/// `POST /sources/refused/{id}/retry`: reads a refused event once more, by the rules of now. Still refused, the page
/// comes back with the reason.
pub async fn retry(State(app): State<Arc<App>>, context: PageContext, Path(id): Path<i64>) -> Response {
    let viewer = match context.demand(Role::Operator, "try refused events again") {
        Ok(viewer) => viewer,
        Err(denied) => return denied.page(&app, context).await,
    };
    match retry_or_say_why(&app, id, (&viewer.name, &context.address)).await {
        Ok(Err(words)) => show(&app, context, StatusCode::UNPROCESSABLE_ENTITY, Some(words)).await,
        Ok(Ok(words)) => {
            context.flash(&words).await;
            Redirect::to("/sources#refused-events").into_response()
        }
        Err(error) => error.page(&app, context).await,
    }
}

/// Says that it was recorded, or why it is still refused.
async fn retry_or_say_why(app: &App, id: i64, who: (&str, &str)) -> Result<Result<String, String>, Error> {
    let gone = || Error::NotFound("refused event", id.to_string());
    let (_, refused) = sources::find_refused(app.db.read(), id).await?.ok_or_else(gone)?;
    if refused.left_out.is_some() {
        let why = "It is longer than what is kept of a refused event, so it cannot be tried again. Its sender can send it once more.";
        return Err(Error::Invalid(why.to_owned()));
    }
    let now = app.now();
    let (outcome, words) = match parse_again(&refused) {
        Ok(event) => {
            let arrival = Arrival { events: vec![event], refused: Vec::new(), received_at: now };
            let receipt = app.writer.record(arrival).await.map_err(|error| match error {
                WriteError::Full => Error::Busy("Too many events wait to be written", 1),
                WriteError::Database | WriteError::Stopping => Error::Busy("The event could not be recorded", 5),
            })?;
            let words = match receipt.duplicates {
                0 => format!("The event from {} was recorded.", refused.source),
                _ => format!("The event from {} was known already; it was counted as sent again.", refused.source),
            };
            (Ok(()), words)
        }
        Err(refusal) => {
            let field = if refusal.field.is_empty() { String::new() } else { format!("{}: ", refusal.field) };
            let words = format!("It is still refused. {field}{}.", refusal.detail);
            (Err(refusal), words)
        }
    };
    if !retry_refused(&app.db, id, &outcome, who, now).await? {
        return Err(gone());
    }
    app.live.changed([Topic::Sources].into());
    Ok(outcome.map_err(|_| words.clone()).map(|()| words))
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
