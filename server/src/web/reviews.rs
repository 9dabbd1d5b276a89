//! `/reviews`: which documents may be false now and exactly why, and the answers to that.

use std::sync::Arc;

use app::markdown;
use app::model::reference::Reference;
use app::model::review::{Pin, seen};
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
    match picture(&app, &context, &slug).await {
        Ok(picture) => {
            let head = app::pages::review::head(&picture);
            let viewer = context.viewer.clone();
            let body = move || app::pages::review::body(&picture, viewer.as_ref());
            render::page(&app, context, Place::Reviews, head, None, StatusCode::OK, body).await
        }
        Err(error) => error.page(&app, context).await,
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
    Ok(ReviewPicture { row: row(&world, document, app.now()), sections, trusted, may_answer })
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
    #[serde(default)]
    seen: String,
    answer: String,
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
        Ok(trust) => match trust {
            Trust::Trusted => {
                context.flash("Reviewed. This runbook is trusted.").await;
                Redirect::to(&format!("/runbooks/{slug}")).into_response()
            }
            _ => {
                context.flash("Answered. The rest of this review waits below.").await;
                Redirect::to(&format!("/reviews/{slug}")).into_response()
            }
        },
        Err(error) => error.page(&app, context).await,
    }
}

async fn take(app: &Arc<App>, by: &str, address: &str, slug: &str, answered: &Answered) -> Result<Trust, Error> {
    let world = app.worlds.now();
    let document = world.documents.get(slug).ok_or_else(|| Error::NotFound("runbook", slug.to_owned()))?;
    let number = document.section(&answered.section).ok_or_else(|| {
        Error::Invalid("That section is no longer there; the runbook was edited. Look again.".to_owned())
    })?;
    let seen: Pin = serde_json::from_str(&answered.seen)
        .map_err(|_| Error::Invalid("What you saw cannot be read; open the review again.".to_owned()))?;
    let verdict = match answered.answer.as_str() {
        "still_correct" => {
            let subject = Reference::parse(&answered.subject).map_err(Error::Invalid)?;
            let flag = flags(&world, document, number)
                .into_iter()
                .find(|f| f.subject == answered.subject && f.field == answered.field);
            let Some(flag) = flag else {
                // The value has returned meanwhile, or somebody else answered: nothing is left to say.
                return Ok(document.trust(app.now()));
            };
            Verdict::StillCorrect { subject, field: flag.field, before: flag.before, after: flag.after }
        }
        "reviewed" => Verdict::Reviewed,
        other => return Err(Error::Invalid(format!("\"{other}\" is not an answer."))),
    };
    let version = document.record.version;
    let review = Review { slug, version, section: &answered.section, verdict, seen, by, address };
    answer_review(&app.db, review, app.now()).await?;
    app.worlds.reload(&app.db).await;
    app.live.changed([Topic::Book].into());
    let world = app.worlds.now();
    Ok(world.documents.get(slug).map_or(Trust::Trusted, |d| d.trust(app.now())))
}
