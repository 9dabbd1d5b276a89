//! `/runbooks/{slug}/drills`: starting a drill, one drill, and what people do in it.

use std::sync::Arc;

use app::model::following::{LogLine, LoggedStep, Occasion, last_done};
use app::model::status::Role;
use app::pages::drill::{DrillPicture, DrillRow, DrillSection};
use app::pages::runbooks::Follow as FollowPicture;
use app::pages::shell::Place;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Form, Json};

use super::error::Error;
use super::following::{self, LONGEST_LOG, Typed};
use super::render;
use super::session::PageContext;
use crate::App;
use crate::actions::act_in_drill::{Act, Acted, act_in_drill};
use crate::actions::follow::Follow;
use crate::actions::start_drill::start_drill;
use crate::live::Topic;
use crate::store::acts::{self, Last};
use crate::store::drills::{self, DrillRecord};

/// How many drills are named on the page of a runbook.
const ON_RUNBOOK: i64 = 10;

/// `POST /runbooks/{slug}/drills`: starts one and leads to it.
pub async fn start(State(app): State<Arc<App>>, context: PageContext, Path(slug): Path<String>) -> Response {
    let viewer = match context.demand(Role::Operator, "start drills") {
        Ok(viewer) => viewer,
        Err(refused) => return refused.page(&app, context).await,
    };
    match begin(&app, &slug, &viewer.name, &context.address).await {
        Ok(number) => Redirect::to(&format!("/runbooks/{slug}/drills/{number}")).into_response(),
        Err(error) => error.page(&app, context).await,
    }
}

async fn begin(app: &App, slug: &str, by: &str, address: &str) -> Result<i64, Error> {
    let world = app.worlds.now();
    let document = world.documents.get(slug).ok_or_else(|| Error::NotFound("runbook", slug.to_owned()))?;
    if document.outline.sections.iter().all(|section| section.steps.is_empty()) {
        let words = "This runbook has no steps to tick. Write them as \"- [ ] …\", and it can be followed.";
        return Err(Error::Invalid(words.to_owned()));
    }
    Ok(start_drill(&app.db, slug, document.record.version, by, address, app.now()).await?)
}

/// One drill as a page.
pub async fn page(
    State(app): State<Arc<App>>,
    context: PageContext,
    Path((slug, number)): Path<(String, String)>,
) -> Response {
    match picture(&app, &slug, &number).await {
        Ok(picture) => {
            let head = app::pages::drill::head(&picture);
            let body = move || app::pages::drill::body(&picture);
            render::page(&app, context, Place::Runbooks, head, None, StatusCode::OK, body).await
        }
        Err(error) => error.page(&app, context).await,
    }
}

/// One drill as JSON.
pub async fn json(
    State(app): State<Arc<App>>,
    Path((slug, number)): Path<(String, String)>,
) -> Result<Json<DrillPicture>, Error> {
    picture(&app, &slug, &number).await.map(Json)
}

async fn find(app: &App, slug: &str, number: &str) -> Result<DrillRecord, Error> {
    let unknown = || Error::NotFound("drill", format!("{slug} {number}"));
    let n = number.parse().map_err(|_| unknown())?;
    drills::find(app.db.read(), slug, n).await?.ok_or_else(unknown)
}

/// Everything about one drill.
pub async fn picture(app: &App, slug: &str, number: &str) -> Result<DrillPicture, Error> {
    let drill = find(app, slug, number).await?;
    let world = app.worlds.now();
    let document = world.documents.get(slug).ok_or_else(|| Error::NotFound("runbook", slug.to_owned()))?;
    let log = acts::log(app.db.read(), Occasion::Drill(drill.id), LONGEST_LOG).await?;
    let sections = document.outline.sections.iter().enumerate().filter(|(_, section)| !section.steps.is_empty());
    Ok(DrillPicture {
        slug: slug.to_owned(),
        title: document.record.title.clone(),
        newest: document.record.version,
        sections: sections
            .map(|(n, section)| DrillSection {
                anchor: section.anchor.clone(),
                title: section.title.clone(),
                trust: document.trusts[n].trust,
                flags: document.flags_of(n),
                steps: following::ticks(document, n, &log),
            })
            .collect(),
        row: row(&drill, acts::is_proof(app.db.read(), drill.id).await?),
        log: log.iter().map(following::log_row).collect(),
    })
}

/// Every step of the version that was followed last.
async fn asked(app: &App, slug: &str, log: &[LogLine]) -> Result<Vec<LoggedStep>, Error> {
    match last_done(log, slug).and_then(|line| line.step.as_ref()) {
        Some(step) => following::steps_of(app, slug, step.version, None).await,
        None => Ok(Vec::new()),
    }
}

fn row(drill: &DrillRecord, proved: bool) -> DrillRow {
    DrillRow {
        number: drill.number,
        version: drill.version,
        started_by: drill.started_by.clone(),
        started_at: drill.started_at,
        ended_at: drill.ended.as_ref().map(|(at, ..)| *at),
        ended_by: drill.ended.as_ref().map(|(_, by, _)| by.clone()),
        outcome: drill.ended.as_ref().map(|(_, _, outcome)| *outcome),
        proved,
    }
}

/// The newest drills of a runbook.
pub async fn newest(app: &App, slug: &str) -> Result<Vec<DrillRow>, Error> {
    let mut rows = Vec::new();
    for drill in drills::newest(app.db.read(), slug, ON_RUNBOOK).await? {
        let proved = acts::is_proof(app.db.read(), drill.id).await?;
        rows.push(row(&drill, proved));
    }
    Ok(rows)
}

/// When a runbook was last followed and last proved, as it is shown.
pub fn shown((last_followed, last_proved): Last) -> FollowPicture {
    FollowPicture { last_followed, last_proved }
}

/// `POST /runbooks/{slug}/drills/{n}/{act}`: ticks, notes, ends it, and goes back to the drill.
pub async fn act(
    State(app): State<Arc<App>>,
    context: PageContext,
    headers: HeaderMap,
    Path((slug, number, act)): Path<(String, String, String)>,
    Form(typed): Form<Typed>,
) -> Response {
    let viewer = match context.demand(Role::Operator, "act in drills") {
        Ok(viewer) => viewer,
        Err(refused) => return refused.page(&app, context).await,
    };
    let done = async {
        let drill = find(&app, &slug, &number).await?;
        let act = read(&app, &drill, &act, &typed).await?;
        let doer = following::doer(&context, &viewer, &typed, app.now())?;
        let (doubts, answers) = match &act {
            Act::Follow(Follow::Answer { doubted, .. }) => (doubted.is_some(), true),
            _ => (false, false),
        };
        match act_in_drill(&app.db, &slug, drill.number, &doer, act).await? {
            Acted::Done => {}
            Acted::NotFound => return Err(Error::NotFound("drill", format!("{slug} {number}"))),
            Acted::Refused(why) => return Err(Error::Invalid(why)),
        }
        if doubts {
            app.worlds.reload(&app.db).await;
            app.live.changed([Topic::Book].into());
        }
        let words = answers.then_some("Thank you. The drill has ended.");
        Ok((words, format!("/runbooks/{slug}/drills/{number}")))
    };
    let done = done.await;
    following::done(&app, context, &headers, done).await
}

/// What is to be done, from what was typed.
async fn read(app: &App, drill: &DrillRecord, act: &str, typed: &Typed) -> Result<Act, Error> {
    Ok(match act {
        "ticks" => Act::Follow(following::ticked(app, Some(&drill.slug), typed)?),
        "notes" => Act::Follow(Follow::Note(following::said(typed, 4_000, "what you saw or did")?)),
        "stop" => Act::Stop(following::said(typed, 500, "why it stops here")?),
        "answer" => {
            let log = acts::log(app.db.read(), Occasion::Drill(drill.id), LONGEST_LOG).await?;
            Act::Follow(following::answered(typed, asked(app, &drill.slug, &log).await?)?)
        }
        other => return Err(Error::NotFound("act", other.to_owned())),
    })
}
