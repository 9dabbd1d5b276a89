//! `/`: is anything wrong, and does it need me?

use std::sync::Arc;

use app::model::moment::{Moment, Span};
use app::model::reference::Reference;
use app::model::status::State as Status;
use app::pages::now::{ChangeRow, NowPicture, Tally};
use app::pages::shell::Place;
use app::pages::workflows::WorkflowRow;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::at::{At, Recorded};
use super::error::Error;
use super::session::PageContext;
use super::{problems, render, workflows};
use crate::App;
use crate::live::Topic;
use crate::standing;
use crate::store::parts::{self, ChangeRecord};
use crate::store::problems as store_problems;
use crate::store::reports;
use crate::world::World;

/// How far back "what changed" goes.
const LATELY: Span = Span::from_minutes(24 * 60);

/// How many changes Now shows.
const MOST_CHANGES: i64 = 12;

/// How many words of people Now shows.
const MOST_REPORTS: i64 = 12;

/// Now as a page.
pub async fn page(State(app): State<Arc<App>>, context: PageContext, At(at): At) -> Response {
    let (context, picture) = match at {
        None => (context, picture(&app).await),
        Some(at) => match Recorded::find(&app, &Topic::Now, at).await {
            Ok(found) => (context.at(Some(at)).recorded(found.recorded_at), found.picture(NowPicture::read)),
            Err(error) => (context, Err(error)),
        },
    };
    match picture {
        Ok(picture) => {
            let head = app::pages::now::head(&picture);
            let body = move || app::pages::now::body(&picture);
            render::page(&app, context, Place::Now, head, Some(Topic::Now), StatusCode::OK, body).await
        }
        Err(error) => error.page(&app, context).await,
    }
}

/// Now as JSON.
pub async fn json(State(app): State<Arc<App>>, At(at): At) -> Result<Response, Error> {
    match at {
        None => picture(&app).await.map(|picture| Json(picture).into_response()),
        Some(at) => Ok(Json(Recorded::find(&app, &Topic::Now, at).await?.json()?).into_response()),
    }
}

/// What Now shows.
pub async fn picture(app: &App) -> Result<NowPicture, Error> {
    let now = app.now();
    let world = app.worlds.now();
    let all = workflows::list(app).await?.items;
    let sources = standing::heard(app, now).await?;
    let changes = parts::changes_since(app.db.read(), now - LATELY, MOST_CHANGES).await?;
    let waiting = world.documents_to_check(now);
    let open = store_problems::open(app.db.read()).await?;
    let elsewhere = problems::elsewhere(app, &world, &open);
    let reports = reports::newest_open(app.db.read(), MOST_REPORTS).await?;
    let sentence = Tally::of(&all, &elsewhere, &reports).sentence(&reporting(&sources));
    let worst = all.first().map_or(Status::NoSignal, |w| w.state);
    let (mut broken, rest): (Vec<_>, Vec<_>) = all.into_iter().partition(|w| w.state == Status::Broken);
    let (on_track, rest): (Vec<_>, Vec<_>) = rest.into_iter().partition(|w| w.state == Status::OnTrack);
    let (mut paused, mut attention): (Vec<_>, Vec<_>) = rest.into_iter().partition(|w| w.state == Status::Paused);
    let attended = |w: &WorkflowRow| w.attended.is_some();
    broken.sort_by_key(|w| (attended(w), w.since));
    attention.sort_by_key(|w| (std::cmp::Reverse(w.state), attended(w), w.since));
    paused.sort_by_key(|w| w.paused.as_ref().map(|p| p.until));
    Ok(NowPicture {
        checked_at: now,
        state: worst,
        sentence,
        broken,
        attention,
        paused,
        elsewhere,
        problems_open: open.iter().filter(|p| p.is_raised()).count() as i64,
        reports,
        changed: changes.iter().map(|c| change_row(&world, c)).collect(),
        on_track,
        sources,
        reviews_waiting: waiting,
    })
}

/// Whether the sources report, in a few words.
fn reporting(sources: &app::pages::shell::Heard) -> String {
    match (sources.sources, sources.silent.len()) {
        (0, _) => "no source has reported yet".to_owned(),
        (1, 0) => "the one source reporting".to_owned(),
        (n, 0) => format!("all {n} sources reporting"),
        (n, silent) => format!("{silent} of {n} sources silent"),
    }
}

/// A change in a list.
pub fn change_row(world: &World, record: &ChangeRecord) -> ChangeRow {
    let reference = Reference::parse(&record.reference).ok();
    let flagged = reference.iter().flat_map(|r| {
        world
            .speaking_of(r)
            .filter(|d| {
                d.trusts.iter().any(|t| t.differences.iter().any(|x| x.subject == *r && x.field == record.field))
            })
            .map(|d| (d.record.slug.clone(), d.record.title.clone()))
    });
    let (flags, titles) = flagged.unzip();
    ChangeRow {
        subject: record.reference.clone(),
        name: reference.as_ref().map_or_else(|| record.reference.clone(), |r| world.name_of(r)),
        href: reference.as_ref().map(Reference::path).unwrap_or_default(),
        field: record.field.clone(),
        before: record.before_value.clone(),
        after: record.after_value.clone(),
        changed_at: Moment::from_millis(record.changed_at),
        by: record.changed_by.clone(),
        link: record.link.clone(),
        flags,
        titles,
    }
}
