//! `/reviews`: which documents may be false now and exactly why, and the answers to that.

use std::sync::Arc;

use app::markdown;
use app::model::reference::Reference;
use app::model::review::{Pin, fingerprint, seen};
use app::model::status::{Role, Trust};
use app::pages::review::{ReviewPicture, SectionReview};
use app::pages::reviews::ReviewsPicture;
use app::pages::runbook::FlagRow;
use app::pages::shell::Place;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Form, Json};
use serde::{Deserialize, Serialize};

use super::error::Error;
use super::render;
use super::runbooks::{Shown, flags, row};
use super::session::PageContext;
use crate::App;
use crate::actions::answer_review::{Review, Verdict, answer_review};
use crate::live::Topic;
use crate::store::problems::Doubt;
use crate::world::{Document, World};

/// The queue as a page.
pub async fn list_page(State(app): State<Arc<App>>, context: PageContext) -> Response {
    let picture = queue(&app);
    let head = app::pages::reviews::head(&picture);
    let body = move || app::pages::reviews::body(&picture);
    render::page(&app, context, Place::Reviews, head, None, StatusCode::OK, body).await
}

/// Every open flag as JSON.
#[derive(Debug, Serialize)]
pub struct Flags {
    items: Vec<FlagRow>,
    next: Option<String>,
}

/// Every open flag.
pub async fn json(State(app): State<Arc<App>>) -> Json<Flags> {
    let world = app.worlds.now();
    let items = world
        .documents
        .values()
        .flat_map(|d| (0..d.outline.sections.len()).flat_map(|n| flags(&world, d, n)))
        .collect();
    Json(Flags { items, next: None })
}

fn queue(app: &App) -> ReviewsPicture {
    let world = app.worlds.now();
    let now = app.now();
    let mut rows: Vec<_> = world.documents.values().map(|d| row(&world, d, now)).collect();
    // By harm: critical documents, then the number of changed values, then by title.
    rows.sort_by(|a, b| b.critical.cmp(&a.critical).then(b.flags.cmp(&a.flags)).then_with(|| a.title.cmp(&b.title)));
    let mut of = |trust: Trust| {
        let (these, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut rows).into_iter().partition(|r| r.trust == trust);
        rows = rest;
        these
    };
    ReviewsPicture {
        check_needed: of(Trust::CheckNeeded),
        never_reviewed: of(Trust::NeverReviewed),
        overdue: of(Trust::Overdue),
        not_linked: of(Trust::NotLinked),
        trusted: of(Trust::Trusted).len() as i64,
    }
}

/// One review as a page.
pub async fn page(State(app): State<Arc<App>>, context: PageContext, Path(slug): Path<String>) -> Response {
    show(&app, context, &slug, None).await
}

/// One review as a page; 409 with why an answer was not taken, beside the text as it is now.
async fn show(app: &App, context: PageContext, slug: &str, edited_meanwhile: Option<String>) -> Response {
    match picture(app, &context, slug).await {
        Ok(picture) => {
            let status = if edited_meanwhile.is_some() { StatusCode::CONFLICT } else { StatusCode::OK };
            let picture = ReviewPicture { edited_meanwhile, ..picture };
            let head = app::pages::review::head(&picture);
            let viewer = context.viewer.clone();
            let body = move || app::pages::review::body(&picture, viewer.as_ref());
            render::page(app, context, Place::Reviews, head, None, status, body).await
        }
        Err(error) => error.page(app, context).await,
    }
}

async fn picture(app: &App, context: &PageContext, slug: &str) -> Result<ReviewPicture, Error> {
    let world = app.worlds.now();
    let document = world.documents.get(slug).ok_or_else(|| Error::NotFound("runbook", slug.to_owned()))?;
    let shown = Shown::load(app, &world).await?;
    let whole = document.trust(app.now());
    let rendered = markdown::render(&document.outline, &shown);
    let (mut sections, mut trusted) = (Vec::new(), Vec::new());
    for (number, section) in rendered.into_iter().enumerate() {
        if !waits(document, number, whole) {
            trusted.push(if section.title.is_empty() { document.record.title.clone() } else { section.title });
            continue;
        }
        sections.push(SectionReview {
            reason: reason(document, number, whole),
            flags: flags(&world, document, number),
            seen: serde_json::to_string(&as_seen(&world, document, number)).unwrap_or_default(),
            anchor: section.anchor,
            title: section.title,
            html: section.html,
        });
    }
    let may_answer = match &context.viewer {
        Some(viewer) if viewer.role >= Role::Editor => Ok(()),
        Some(viewer) => Err(format!("Reviewing needs the role editor; you are {}.", viewer.role.name())),
        None => Err("Reviewing needs the role editor. Sign in first.".to_owned()),
    };
    let row = row(&world, document, app.now());
    Ok(ReviewPicture { row, sections, trusted, may_answer, edited_meanwhile: None })
}

/// Whether a section waits for an answer: it is in doubt itself, or the whole document is asked for again.
fn waits(document: &Document, number: usize, whole: Trust) -> bool {
    match document.trusts[number].trust {
        Trust::Trusted => whole == Trust::Overdue,
        // A section that speaks of nothing is reviewed with the others, and asked about only then.
        Trust::NotLinked => false,
        Trust::NeverReviewed | Trust::Overdue | Trust::CheckNeeded => true,
    }
}

fn reason(document: &Document, number: usize, whole: Trust) -> Option<String> {
    let trust = &document.trusts[number];
    let doubts = &document.doubts[number];
    if !doubts.is_empty() {
        let said = |d: &Doubt| format!("After problem {} {} said: {}", d.problem, d.actor, d.words);
        return Some(doubts.iter().map(said).collect::<Vec<_>>().join(" "));
    }
    match trust.trust {
        Trust::NeverReviewed => Some("Nobody has reviewed this section.".to_owned()),
        Trust::Trusted if whole == Trust::Overdue => Some("It is time to look again.".to_owned()),
        _ if trust.edited => Some("It was edited since its review.".to_owned()),
        _ => None,
    }
}

fn as_seen(world: &World, document: &Document, number: usize) -> Pin {
    seen(document.section_source(number), &document.spoken[number], world.present())
}

/// An answer, as the form sends it.
#[derive(Debug, Deserialize)]
pub struct Answered {
    #[serde(default)]
    section: String,
    #[serde(default)]
    subject: String,
    #[serde(default)]
    field: String,
    /// The value before the change, as it was shown.
    #[serde(default)]
    before: String,
    /// The value after it, as it was shown.
    #[serde(default)]
    after: String,
    /// The version that was shown.
    #[serde(default)]
    version: i64,
    #[serde(default)]
    seen: String,
    answer: String,
}

/// What became of an answer.
enum Taken {
    /// It is taken; this far the runbook can be believed now.
    Trust(Trust),
    /// Its section says something else by now, and nothing was written: in which version, and whose.
    Edited(i64, String),
}

/// Takes an answer.
pub async fn answer(
    State(app): State<Arc<App>>,
    context: PageContext,
    Path(slug): Path<String>,
    Form(answered): Form<Answered>,
) -> Response {
    let viewer = match context.demand(Role::Editor, "review runbooks") {
        Ok(viewer) => viewer,
        Err(refused) => return refused.page(&app, context).await,
    };
    match take(&app, &viewer.name, &context.address, &slug, &answered).await {
        Ok(Taken::Trust(Trust::Trusted)) => {
            context.flash("Reviewed. This runbook is trusted.").await;
            Redirect::to(&format!("/runbooks/{slug}")).into_response()
        }
        Ok(Taken::Trust(_)) => {
            context.flash("Answered. The rest of this review waits below.").await;
            Redirect::to(&format!("/reviews/{slug}")).into_response()
        }
        Ok(Taken::Edited(version, author)) => {
            let read = answered.version;
            let words = format!(
                "Your answer was not taken: you read version {read}, and {author} has changed that section. Version \
                 {version} is shown. Read it and answer again."
            );
            show(&app, context, &slug, Some(words)).await
        }
        Err(error) => error.page(&app, context).await,
    }
}

async fn take(app: &Arc<App>, by: &str, address: &str, slug: &str, answered: &Answered) -> Result<Taken, Error> {
    let world = app.worlds.now();
    let document = world.documents.get(slug).ok_or_else(|| Error::NotFound("runbook", slug.to_owned()))?;
    let seen: Pin = serde_json::from_str(&answered.seen)
        .map_err(|_| Error::Invalid("What you saw cannot be read; open the review again.".to_owned()))?;
    let newest = &document.record;
    if !(1..=newest.version).contains(&answered.version) {
        return Err(Error::Invalid("Which version you saw cannot be read; open the review again.".to_owned()));
    }
    let edited = || Taken::Edited(newest.version, newest.author.clone());
    let number = match document.section(&answered.section) {
        Some(number) => number,
        None if answered.version < newest.version => return Ok(edited()),
        None => return Err(Error::Invalid("There is no such section in this runbook. Look again.".to_owned())),
    };
    let text = fingerprint(document.section_source(number));
    let verdict = match answered.answer.as_str() {
        "still_correct" => {
            let subject = Reference::parse(&answered.subject).map_err(Error::Invalid)?;
            let flags = flags(&world, document, number);
            if !flags.iter().any(|f| f.subject == answered.subject && f.field == answered.field) && seen.text == text {
                // The value has returned meanwhile, or somebody else answered: nothing is left to say.
                return Ok(Taken::Trust(document.trust(app.now())));
            }
            let Answered { field, before, after, .. } = answered;
            Verdict::StillCorrect { subject, field: field.clone(), before: before.clone(), after: after.clone() }
        }
        "reviewed" => Verdict::Reviewed,
        other => return Err(Error::Invalid(format!("\"{other}\" is not an answer."))),
    };
    if seen.text != text {
        return Ok(edited());
    }
    let (read, newest_version) = (answered.version, newest.version);
    let review = Review { slug, read, newest_version, section: &answered.section, verdict, seen, by, address };
    if !answer_review(&app.db, review, app.now()).await? {
        // Somebody saved between this look and the writing: what they changed is looked at first.
        app.worlds.reload(&app.db).await;
        let world = app.worlds.now();
        let newest = world.documents.get(slug).map(|d| &d.record).unwrap_or(newest);
        return Ok(Taken::Edited(newest.version, newest.author.clone()));
    }
    app.worlds.reload(&app.db).await;
    app.live.changed([Topic::Book].into());
    let world = app.worlds.now();
    Ok(Taken::Trust(world.documents.get(slug).map_or(Trust::Trusted, |d| d.trust(app.now()))))
}
