//! "Something looks wrong": said on the page of a run or a subject, seen on Now.

use std::sync::Arc;

use app::model::report;
use app::model::status::Role;
use app::model::subject::Subject;
use app::parts::Saying;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::error::Error;
use super::session::PageContext;
use super::workflows::urlencode;
use super::{runs, subjects};
use crate::App;
use crate::actions::add_report::add_report;
use crate::actions::see_report::see_report;
use crate::live::Topic;
use crate::store::reports::NewReport;
use crate::store::runs as store_runs;

/// What somebody says.
#[derive(Debug, Deserialize)]
pub struct Said {
    #[serde(default)]
    words: String,
}

impl Said {
    /// The words as they are kept, or the form as it is shown again.
    fn words(&self) -> Result<String, Saying> {
        report::words(&self.words).map_err(|why| Saying {
            typed: self.words.clone(),
            error: Some(why),
            ..Saying::default()
        })
    }
}

/// Takes what somebody says of a run.
pub async fn of_run(
    State(app): State<Arc<App>>,
    context: PageContext,
    Path((workflow, run)): Path<(String, String)>,
    headers: HeaderMap,
    Form(said): Form<Said>,
) -> Response {
    let viewer = match context.demand(Role::Viewer, "say that something looks wrong") {
        Ok(viewer) => viewer,
        Err(refused) => return refused.page(&app, context).await,
    };
    let record = match store_runs::find(app.db.read(), &workflow, &run).await {
        Ok(Some(record)) => record,
        Ok(None) => return Error::NotFound("run", run).page(&app, context).await,
        Err(error) => return Error::from(error).page(&app, context).await,
    };
    let words = match said.words() {
        Ok(words) => words,
        Err(saying) => return runs::show(&app, context, &headers, (&workflow, &run), saying).await,
    };
    let new = NewReport {
        run: Some((&workflow, &run)),
        subject: record.folded.subject.as_deref(),
        words: &words,
        said_by: &viewer.name,
        said_at: app.now(),
    };
    keep(&app, context, &new, &format!("/runs/{}/{}", urlencode(&workflow), urlencode(&run))).await
}

/// Takes what somebody says of a subject.
pub async fn of_subject(
    State(app): State<Arc<App>>,
    context: PageContext,
    Path((kind, key)): Path<(String, String)>,
    Form(said): Form<Said>,
) -> Response {
    let viewer = match context.demand(Role::Viewer, "say that something looks wrong") {
        Ok(viewer) => viewer,
        Err(refused) => return refused.page(&app, context).await,
    };
    let subject = Subject::at(&kind, &key);
    if let Err(error) = subjects::picture(&app, &subject, None).await {
        return error.page(&app, context).await;
    }
    let words = match said.words() {
        Ok(words) => words,
        Err(saying) => return subjects::show(&app, context, &subject, saying).await,
    };
    let new = NewReport {
        run: None,
        subject: Some(subject.text()),
        words: &words,
        said_by: &viewer.name,
        said_at: app.now(),
    };
    keep(&app, context, &new, &subjects::path(&subject)).await
}

async fn keep(app: &App, context: PageContext, new: &NewReport<'_>, page: &str) -> Response {
    match add_report(&app.db, new, &context.address).await {
        Ok(_) => {
            tell(app, new.run, new.subject);
            context.flash("Said. It stands on this story, and on Now until somebody has seen it.").await;
            Redirect::to(page).into_response()
        }
        Err(error) => Error::from(error).page(app, context).await,
    }
}

fn tell(app: &App, run: Option<(&str, &str)>, subject: Option<&str>) {
    let run = run.map(|(workflow, run)| Topic::Run(workflow.to_owned(), run.to_owned()));
    let subject = subject.map(|text| Topic::Subject(text.to_owned()));
    app.live.changed(run.into_iter().chain(subject).chain([Topic::Now]).collect());
}

/// Takes that somebody who answers for it has seen what was said.
pub async fn seen(State(app): State<Arc<App>>, context: PageContext, Path(id): Path<String>) -> Response {
    let viewer = match context.demand(Role::Operator, "say that you have seen it") {
        Ok(viewer) => viewer,
        Err(refused) => return refused.page(&app, context).await,
    };
    let report = match id.parse() {
        Ok(number) => see_report(&app.db, number, &viewer.name, &context.address, app.now()).await,
        Err(_) => Ok(None),
    };
    match report {
        Ok(Some(report)) => {
            let run = report.workflow.as_deref().zip(report.run.as_deref());
            tell(&app, run, report.subject.as_deref());
            match &report.seen_by {
                Some(by) => context.flash(&format!("{by} had seen it already.")).await,
                None => context.flash("Seen. It stays on its story.").await,
            }
            Redirect::to(&context.back).into_response()
        }
        Ok(None) => Error::NotFound("report", id).page(&app, context).await,
        Err(error) => Error::from(error).page(&app, context).await,
    }
}
