//! A runbook and its file: how they stand, settling that they differ, and what becomes of one whose file is gone.

use std::sync::Arc;

use app::model::both::{both_together, mark_left};
use app::model::check::Severity;
use app::model::compare::compare;
use app::model::event::without_null;
use app::model::moment::Moment;
use app::model::review::fingerprint;
use app::model::status::Role;
use app::pages::runbook_file::{FilePicture, FileState, SettlePicture};
use app::pages::shell::Place;
use app::pages::sources::FolderPicture;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::error::Error;
use super::render;
use super::session::PageContext;
use crate::App;
use crate::actions::retire_runbook::retire_runbook;
use crate::actions::settle_runbook::{Answer, Settled, Settlement, settle_runbook};
use crate::actions::write_again;
use crate::book::{self, FolderStanding, GitStanding};
use crate::live::Topic;
use crate::store::runbooks;
use crate::world::{Document, World};

/// How a runbook stands with its file.
pub async fn file(app: &App, document: &Document) -> Result<FilePicture, Error> {
    let kept = &document.kept;
    let standing = app.folder.standing();
    let state = match () {
        () if kept.conflict.is_some() => FileState::Conflict,
        () if kept.gone_at.is_some() => FileState::Gone,
        () if !kept.waits() => FileState::Written,
        () if standing.read_only.is_some() && kept.file_problem.is_none() => FileState::ReadOnly,
        () => FileState::Waiting,
    };
    let commit = match standing.git {
        GitStanding::Plain => None,
        _ => runbooks::commits(app.db.read(), &kept.slug).await?.remove(&kept.version),
    };
    Ok(FilePicture {
        path: kept.place(),
        state,
        problem: kept.file_problem.clone(),
        gone_at: kept.gone_at.map(Moment::from_millis),
        commit,
        print: kept.conflict_text.as_deref().map(fingerprint),
    })
}

/// How the folder of the book takes what is saved.
pub fn folder(app: &App, world: &World) -> FolderPicture {
    let FolderStanding { read_only, git } = app.folder.standing();
    let mut waiting: Vec<_> = world
        .documents
        .values()
        .filter_map(|d| Some((d.record.slug.clone(), d.record.title.clone(), d.kept.file_problem.clone()?)))
        .collect();
    waiting.sort();
    let sentence = match (&read_only, &git) {
        (Some(why), _) => {
            format!("What is saved here is kept in the database alone, because files cannot be written in the folder of the book: {why}.")
        }
        (None, GitStanding::Plain) => "What is saved here is written to the files of the book. They are under no version control.".to_owned(),
        (None, GitStanding::Branch(branch)) => {
            format!("What is saved here is written to the files of the book and committed to its git work tree, on the branch {branch}.")
        }
        (None, GitStanding::Detached) => {
            "What is saved here is written to the files of the book. It cannot be committed to their git work tree, because no branch is checked out there.".to_owned()
        }
        (None, GitStanding::Refused(why)) => {
            format!("What is saved here is written to the files of the book and not committed to their git work tree: {why}.")
        }
    };
    let branch = match git {
        GitStanding::Branch(branch) if read_only.is_none() => Some(branch),
        _ => None,
    };
    FolderPicture { written: read_only.is_none(), branch, sentence, waiting }
}

/// An answer to a conflict, with what was on the screen.
#[derive(Debug, Default, Deserialize)]
pub struct Answered {
    #[serde(default)]
    answer: String,
    #[serde(default)]
    version: i64,
    #[serde(default)]
    file: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    why: String,
}

/// Both texts, and one made of both.
pub async fn settle_page(State(app): State<Arc<App>>, context: PageContext, Path(slug): Path<String>) -> Response {
    if let Err(refused) = context.demand(Role::Editor, "edit runbooks") {
        return refused.page(&app, context).await;
    }
    match both(&app, &slug).await {
        Ok(Some(picture)) => show(&app, context, picture, StatusCode::OK).await,
        // It was settled meanwhile.
        Ok(None) => Redirect::to(&format!("/runbooks/{slug}")).into_response(),
        Err(error) => error.page(&app, context).await,
    }
}

async fn show(app: &App, context: PageContext, picture: SettlePicture, status: StatusCode) -> Response {
    let head = app::pages::runbook_file::settle_head(&picture);
    let body = move || app::pages::runbook_file::settle_body(&picture);
    render::page(app, context, Place::Runbooks, head, None, status, body).await
}

/// The page for putting both together; none where nothing is to be settled.
async fn both(app: &App, slug: &str) -> Result<Option<SettlePicture>, Error> {
    let world = app.worlds.now();
    let document = world.documents.get(slug).ok_or_else(|| Error::NotFound("runbook", slug.to_owned()))?;
    let kept = &document.kept;
    let Some(in_file) = kept.conflict_text.clone() else { return Ok(None) };
    let before = match kept.file_version {
        Some(n) => runbooks::version(app.db.read(), slug, n).await?.map(|version| version.body),
        None => None,
    };
    let this = document.record.body.clone();
    let together = both_together(before.as_deref(), &this, &in_file);
    Ok(Some(SettlePicture {
        slug: slug.to_owned(),
        title: document.record.title.clone(),
        version: document.record.version,
        path: kept.place(),
        print: fingerprint(&in_file),
        differences: compare(&this, &in_file),
        text: together.text,
        clashes: together.conflicts as i64,
        why: String::new(),
        errors: Vec::new(),
        this,
        in_file,
    }))
}

/// Settles that file and text differ.
pub async fn settle(
    State(app): State<Arc<App>>,
    context: PageContext,
    Path(slug): Path<String>,
    Form(answered): Form<Answered>,
) -> Response {
    if let Err(refused) = context.demand(Role::Editor, "edit runbooks") {
        return refused.page(&app, context).await;
    }
    match try_settle(&app, &context, &slug, answered).await {
        Ok(Ok(words)) => {
            context.flash(&words).await;
            Redirect::to(&format!("/runbooks/{slug}")).into_response()
        }
        Ok(Err(refused)) => {
            let (picture, status) = *refused;
            show(&app, context, picture, status).await
        }
        Err(error) => error.page(&app, context).await,
    }
}

/// Gives what to say on the next page, or the page with what was typed and its status.
async fn try_settle(
    app: &Arc<App>,
    context: &PageContext,
    slug: &str,
    answered: Answered,
) -> Result<Result<String, Box<(SettlePicture, StatusCode)>>, Error> {
    let Some(page) = both(app, slug).await? else {
        return Ok(Ok(
            "Nothing is to be settled any more: file and text are the same, or one of them was taken.".to_owned()
        ));
    };
    let text = without_null(&answered.text).replace("\r\n", "\n");
    let why = without_null(&answered.why).trim().to_owned();
    let made_of_both = answered.answer == "both";
    let again = |errors: Vec<String>, status| {
        let typed = SettlePicture { errors, ..page.clone() };
        let typed = if made_of_both { SettlePicture { text: text.clone(), why: why.clone(), ..typed } } else { typed };
        Ok(Err(Box::new((typed, status))))
    };
    let title = book::runbook_text(slug, &text).front.title.clone();
    let answer = match answered.answer.as_str() {
        "take_file" => Answer::TakeFile,
        "keep_this" => Answer::KeepThis,
        "both" => {
            let wrong = wrong_with(app, slug, &text, &why);
            if !wrong.is_empty() {
                return again(wrong, StatusCode::UNPROCESSABLE_ENTITY);
            }
            Answer::Both { body: &text, title: &title, why: &why }
        }
        _ => return Err(Error::Invalid("Answer with take_file, keep_this or both.".to_owned())),
    };
    let by = context.viewer.as_ref().map(|v| v.name.clone()).unwrap_or_default();
    let file_title = book::runbook_text(slug, &page.in_file).front.title.clone();
    let settlement = Settlement {
        slug,
        version: answered.version,
        file: &answered.file,
        file_title: &file_title,
        answer,
        by: &by,
        address: &context.address,
    };
    match settle_runbook(&app.db, settlement, app.now()).await? {
        Settled::Version(version) => {
            written(app).await;
            Ok(Ok(format!("Settled: version {version} holds. Both texts are in the history.")))
        }
        Settled::Changed => {
            let words = "Text or file changed while you were reading. Look at both again; nothing was saved.";
            again(vec![words.to_owned()], StatusCode::CONFLICT)
        }
    }
}

/// What is wrong with a text that was made of both, one sentence each.
fn wrong_with(app: &App, slug: &str, text: &str, why: &str) -> Vec<String> {
    let world = app.worlds.now();
    let anchors =
        world.documents.values().map(|d| (d.record.slug.clone(), d.outline.anchors().cloned().collect())).collect();
    let findings = book::check_draft(slug, text, &world.book, &anchors);
    let mut wrong: Vec<String> = findings
        .iter()
        .filter(|f| f.severity == Severity::Error)
        .map(|f| format!("Line {}: {}.", f.line, f.text))
        .collect();
    if let Some(line) = mark_left(text) {
        wrong
            .push(format!("Line {line}: a line of marks is still there. Leave what is right, and take the marks out."));
    }
    if why.is_empty() {
        wrong.push("Say in a line why you change it; it stands in the history.".to_owned());
    }
    if let Err(sentence) = app::markdown::parse(text) {
        wrong.push(sentence);
    }
    wrong
}

/// What was settled is in use, and its file is written.
async fn written(app: &Arc<App>) {
    app.worlds.reload(&app.db).await;
    book::write_soon(app).await;
    app.live.changed([Topic::Book].into());
}

/// Gives a runbook a file again.
pub async fn write_again(State(app): State<Arc<App>>, context: PageContext, Path(slug): Path<String>) -> Response {
    let viewer = match context.demand(Role::Editor, "edit runbooks") {
        Ok(viewer) => viewer,
        Err(refused) => return refused.page(&app, context).await,
    };
    let done = write_again::write_again(&app.db, &slug, &viewer.name, &context.address, app.now()).await;
    answered(&app, context, &slug, done, "It has its file again.").await
}

/// Takes a runbook out of use.
pub async fn retire(State(app): State<Arc<App>>, context: PageContext, Path(slug): Path<String>) -> Response {
    let viewer = match context.demand(Role::Editor, "retire runbooks") {
        Ok(viewer) => viewer,
        Err(refused) => return refused.page(&app, context).await,
    };
    let done = retire_runbook(&app.db, &slug, &viewer.name, &context.address, app.now()).await;
    answered(&app, context, &slug, done, "It is retired. Its versions stay readable here.").await
}

async fn answered(
    app: &Arc<App>,
    context: PageContext,
    slug: &str,
    done: sqlx::Result<bool>,
    words: &'static str,
) -> Response {
    let known = super::runbooks::newest_of(&app.worlds.now(), slug).map(|_| ());
    match (known, done) {
        (Err(error), _) => error.page(app, context).await,
        (_, Err(error)) => Error::Database(error).page(app, context).await,
        (_, Ok(done)) => {
            if done {
                written(app).await;
            }
            context
                .flash(if done {
                    words
                } else {
                    "Nothing was to be done: its file is there, or somebody else has answered."
                })
                .await;
            Redirect::to(&format!("/runbooks/{slug}")).into_response()
        }
    }
}
