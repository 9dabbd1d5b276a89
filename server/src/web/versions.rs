//! The versions of a runbook: their history, what differs between two, whose words they are, and going back to one.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use app::model::blame::Blame;
use app::model::check::Severity;
use app::model::compare::align::{Stretch, align};
use app::model::compare::{Difference, amount, compare, word_by_word};
use app::model::event::without_null;
use app::model::moment::Moment;
use app::model::runbook::version_came;
use app::model::status::Role;
use app::pages::blame::{BlamePicture, BlameRow};
use app::pages::shell::Place;
use app::pages::versions::{ComparePicture, HistoryPicture, Restore, VersionRow};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Form, Json};
use serde::Deserialize;

use super::edit;
use super::error::Error;
use super::refusals::Number;
use super::render;
use super::runbooks::{document, newest_of, old, show_old};
use super::session::PageContext;
use crate::App;
use crate::actions::publish_runbook::{Draft, Published, publish_runbook};
use crate::store::reviews;
use crate::store::runbooks::{self, VersionRecord};

/// How many versions are on one page of the history.
const ON_A_PAGE: i64 = 50;

/// Texts of so many bytes together are counted on one page of the history; of more it is not said how much differs.
const MOST_COUNTED: usize = 8 * 1024 * 1024;

/// How many versions are looked back for who wrote what, and how many bytes of them.
const MOST_BACK: i64 = 500;

/// How many versions are read at a time for that.
const AT_A_TIME: i64 = 50;

/// Of how many runbooks it is kept who wrote what.
const MOST_KEPT: usize = 200;

/// From where in a list.
#[derive(Debug, Default, Deserialize)]
pub struct After {
    after: Option<Number>,
}

/// The versions as a page.
pub async fn history_page(
    State(app): State<Arc<App>>,
    context: PageContext,
    Path(slug): Path<String>,
    Query(from): Query<After>,
) -> Response {
    match history(&app, &slug, from).await {
        Ok(picture) => {
            let head = app::pages::versions::history_head(&picture);
            let body = move || app::pages::versions::history_body(&picture);
            render::page(&app, context, Place::Runbooks, head, None, StatusCode::OK, body).await
        }
        Err(error) => error.page(&app, context).await,
    }
}

/// The versions as JSON.
pub async fn history_json(
    State(app): State<Arc<App>>,
    Path(slug): Path<String>,
    Query(from): Query<After>,
) -> Result<Json<HistoryPicture>, Error> {
    history(&app, &slug, from).await.map(Json)
}

async fn history(app: &App, slug: &str, from: After) -> Result<HistoryPicture, Error> {
    let world = app.worlds.now();
    let newest = newest_of(&world, slug)?;
    let commits = runbooks::commits(app.db.read(), slug).await?;
    let before = from.after.map_or(i64::MAX, |after| after.0);
    let records = runbooks::versions(app.db.read(), slug, before, ON_A_PAGE + 1).await?;
    let shown = records.len().min(ON_A_PAGE as usize);
    let reviewed = reviewers(app, slug).await?;
    let is_counted = records.iter().map(|r| r.body.len()).sum::<usize>() <= MOST_COUNTED;
    let row = |at: usize| {
        let record = &records[at];
        let before = records.get(at + 1).map_or("", |before| before.body.as_str());
        let amount = is_counted.then(|| amount(before, &record.body));
        let commit = commits.get(&record.version).cloned();
        VersionRow { amount, commit, ..version_row(record, &reviewed) }
    };
    Ok(HistoryPicture {
        slug: slug.to_owned(),
        title: newest.title.clone(),
        newest: newest.version,
        next: (records.len() > shown).then(|| records[shown - 1].version.to_string()),
        items: (0..shown).map(row).collect(),
    })
}

/// When and by whom which version was last reviewed.
pub(super) async fn reviewers(app: &App, slug: &str) -> Result<HashMap<i64, (Moment, String)>, Error> {
    let rows = reviews::by_version(app.db.read(), slug).await?;
    Ok(rows.into_iter().map(|(version, at, by)| (version, (at, by))).collect())
}

fn version_row(record: &VersionRecord, reviewed: &HashMap<i64, (Moment, String)>) -> VersionRow {
    VersionRow {
        version: record.version,
        saved_at: record.saved(),
        author: record.author.clone(),
        why: record.why.clone(),
        origin: record.origin.clone(),
        reviewed: reviewed.get(&record.version).cloned(),
        commit: None,
        amount: None,
    }
}

/// Which two versions, and whether as markdown.
#[derive(Debug, Default, Deserialize)]
pub struct Two {
    from: Option<Number>,
    to: Option<Number>,
    source: Option<String>,
}

/// What differs between two versions, as a page.
pub async fn compare_page(
    State(app): State<Arc<App>>,
    context: PageContext,
    Path(slug): Path<String>,
    Query(two): Query<Two>,
) -> Response {
    match comparison(&app, &slug, two).await {
        Ok(picture) => {
            let head = app::pages::versions::compare_head(&picture);
            let body = move || app::pages::versions::compare_body(&picture);
            render::page(&app, context, Place::Runbooks, head, None, StatusCode::OK, body).await
        }
        Err(error) => error.page(&app, context).await,
    }
}

/// What differs between two versions, as JSON.
pub async fn compare_json(
    State(app): State<Arc<App>>,
    Path(slug): Path<String>,
    Query(two): Query<Two>,
) -> Result<Json<ComparePicture>, Error> {
    comparison(&app, &slug, two).await.map(Json)
}

async fn comparison(app: &App, slug: &str, two: Two) -> Result<ComparePicture, Error> {
    let world = app.worlds.now();
    let newest = newest_of(&world, slug)?;
    let to = two.to.map_or(newest.version, |to| to.0);
    let from = two.from.map_or_else(|| to.saturating_sub(1).max(1), |from| from.0);
    let (older, newer) = (find(app, slug, from.min(to)).await?, find(app, slug, from.max(to)).await?);
    let reviewed = reviewers(app, slug).await?;
    Ok(ComparePicture {
        slug: slug.to_owned(),
        title: newest.title.clone(),
        blocks: compare(&older.body, &newer.body),
        source: two.source.map(|_| source(&older.body, &newer.body)),
        from: version_row(&older, &reviewed),
        to: version_row(&newer, &reviewed),
        newest: newest.version,
        versions: (1..=newest.version).rev().take(ON_A_PAGE as usize).collect(),
    })
}

async fn find(app: &App, slug: &str, version: i64) -> Result<VersionRecord, Error> {
    let found = runbooks::version(app.db.read(), slug, version).await?;
    found.ok_or_else(|| Error::NotFound("version", format!("{slug} {version}")))
}

/// Two texts as they are written: lines that are the same, and between them words.
fn source(older: &str, newer: &str) -> Vec<(Difference, String)> {
    let (old_lines, new_lines): (Vec<_>, Vec<_>) =
        (older.split_inclusive('\n').collect(), newer.split_inclusive('\n').collect());
    let mut out = Vec::new();
    for stretch in align(&old_lines, &new_lines) {
        match stretch {
            Stretch::Same { old, len, .. } => out.push((Difference::Same, old_lines[old..old + len].concat())),
            Stretch::Differs { old, new } => {
                out.extend(word_by_word(&old_lines[old].concat(), &new_lines[new].concat()));
            }
        }
    }
    out
}

/// Who wrote which passage, of the runbooks that were asked for lately: it grows with each version, and is never wrong
/// because a version never changes.
#[derive(Debug, Default)]
pub struct Blames(Mutex<HashMap<String, (i64, Arc<Blame>)>>);

/// Who wrote what, as a page.
pub async fn blame_page(State(app): State<Arc<App>>, context: PageContext, Path(slug): Path<String>) -> Response {
    match blame(&app, &slug).await {
        Ok(picture) => {
            let head = app::pages::blame::head(&picture);
            let body = move || app::pages::blame::body(&picture);
            render::page(&app, context, Place::Runbooks, head, None, StatusCode::OK, body).await
        }
        Err(error) => error.page(&app, context).await,
    }
}

/// Who wrote what, as JSON.
pub async fn blame_json(State(app): State<Arc<App>>, Path(slug): Path<String>) -> Result<Json<BlamePicture>, Error> {
    blame(&app, &slug).await.map(Json)
}

async fn blame(app: &App, slug: &str) -> Result<BlamePicture, Error> {
    let world = app.worlds.now();
    let newest = newest_of(&world, slug)?;
    let (looked_back_to, blame) = blamed(app, slug, newest.version).await?;
    let passages = blame.passages();
    let versions: HashSet<i64> = passages.iter().map(|p| p.version).collect();
    let told = runbooks::told(app.db.read(), slug, &versions.into_iter().collect::<Vec<_>>()).await?;
    let reviewed = reviewers(app, slug).await?;
    let rows: HashMap<i64, VersionRow> = told.iter().map(|r| (r.version, version_row(r, &reviewed))).collect();
    let row = |passage: app::model::blame::Passage| {
        Some(BlameRow {
            came_with: rows.get(&passage.version)?.clone(),
            or_earlier: passage.version == looked_back_to && looked_back_to > 1,
            blocks: passage.blocks.into_iter().map(|(kind, words)| (kind.to_owned(), words)).collect(),
        })
    };
    Ok(BlamePicture {
        slug: slug.to_owned(),
        title: newest.title.clone(),
        version: blame.version,
        looked_back_to,
        items: passages.into_iter().filter_map(row).collect(),
    })
}

/// Who wrote which passage of this version, and the oldest version that was looked at.
async fn blamed(app: &App, slug: &str, version: i64) -> Result<(i64, Arc<Blame>), Error> {
    let kept = || app.blames.0.lock().unwrap_or_else(PoisonError::into_inner);
    let known = kept().get(slug).filter(|(_, blame)| blame.version <= version).cloned();
    let mut found = known.map(|(first, blame)| (first, Arc::unwrap_or_clone(blame)));
    loop {
        let after = found.as_ref().map_or((version - MOST_BACK).max(0), |(_, blame)| blame.version);
        if after >= version && found.is_some() {
            break;
        }
        let records = runbooks::versions_after(app.db.read(), slug, after, AT_A_TIME.min(version - after)).await?;
        if records.is_empty() {
            break;
        }
        for record in records {
            found = Some(match found {
                None => (record.version, Blame::begin(record.version, &record.body)),
                Some((first, blame)) => (first, blame.then(record.version, &record.body)),
            });
        }
        // Others may be served between two pages of a long history.
        tokio::task::yield_now().await;
    }
    let (first, blame) = found.ok_or_else(|| Error::NotFound("version", format!("{slug} {version}")))?;
    let blame = Arc::new(blame);
    let mut kept = kept();
    if kept.len() >= MOST_KEPT {
        kept.clear();
    }
    kept.insert(slug.to_owned(), (first, blame.clone()));
    Ok((first, blame))
}

/// What is typed to restore a version.
#[derive(Debug, Deserialize)]
pub struct Restoring {
    #[serde(default)]
    base: i64,
    #[serde(default)]
    why: String,
}

/// Makes an old version the newest again, as a version of its own.
pub async fn restore(
    State(app): State<Arc<App>>,
    context: PageContext,
    Path((slug, version)): Path<(String, i64)>,
    Form(typed): Form<Restoring>,
) -> Response {
    let viewer = match context.demand(Role::Editor, "restore runbooks") {
        Ok(viewer) => viewer,
        Err(refused) => return refused.page(&app, context).await,
    };
    // One that is retired is put in use again first.
    let found = match document(&app.worlds.now(), &slug) {
        Ok(_) => find(&app, &slug, version).await,
        Err(error) => Err(error),
    };
    let record = match found {
        Ok(record) => record,
        Err(error) => return error.page(&app, context).await,
    };
    let why = without_null(&typed.why).trim().to_owned();
    let wrong = edit::wrong_why(&why).or_else(|| cannot_be_read(&app, &record));
    if let Some(error) = wrong {
        let restore = Restore { base: typed.base, why, error: Some(error) };
        return refused(&app, context, &record, restore, StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    let draft = Draft {
        slug: &slug,
        base: typed.base,
        body: &record.body,
        title: &record.title,
        author: &viewer.name,
        address: &context.address,
        why: &why,
    };
    match publish_runbook(&app.db, draft, app.now()).await {
        Ok(Published::Conflict(theirs)) => {
            let error = format!(
                "{} meanwhile. Look at what it changed; restoring now takes its place, and it stays in the history.",
                version_came(&theirs.author, theirs.version)
            );
            let restore = Restore { base: theirs.version, why, error: Some(error) };
            refused(&app, context, &record, restore, StatusCode::CONFLICT).await
        }
        Ok(published) => edit::published(&app, context, &slug, &published).await,
        Err(error) => Error::Database(error).page(&app, context).await,
    }
}

/// Why this text would be refused if it were written today.
fn cannot_be_read(app: &App, record: &VersionRecord) -> Option<String> {
    let findings = edit::findings(&app.worlds.now(), &record.slug, &record.body);
    let first = findings.iter().find(|f| f.severity == Severity::Error)?;
    Some(format!(
        "It cannot be restored as it is: line {}: {}. Copy its text into the editor and put that right.",
        first.line, first.text
    ))
}

async fn refused(
    app: &App,
    context: PageContext,
    record: &VersionRecord,
    restore: Restore,
    status: StatusCode,
) -> Response {
    let world = app.worlds.now();
    let newest = match document(&world, &record.slug) {
        Ok(newest) => newest,
        Err(error) => return error.page(app, context).await,
    };
    match old(app, &world, &newest.record, record.version).await {
        Ok(picture) if record.version != newest.record.version => {
            show_old(app, context, picture, restore, status).await
        }
        Ok(_) => {
            context.flash(&format!("Version {} is what it says now; nothing was changed.", record.version)).await;
            Redirect::to(&format!("/runbooks/{}", record.slug)).into_response()
        }
        Err(error) => error.page(app, context).await,
    }
}
