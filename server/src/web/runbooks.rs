//! `/runbooks`: the list, and one runbook as it is or once was.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use app::markdown::{self, FactNow, Outline};
use app::model::answer::{self, SetAside};
use app::model::book::Workflow;
use app::model::compare::compare;
use app::model::field::field_words;
use app::model::moment::Moment;
use app::model::observed;
use app::model::reference::Reference;
use app::model::review::{Difference, OBSERVED, sections_to_check, words_with};
use app::model::status::Trust;
use app::pages::runbook::{FactRow, FileText, FlagRow, Later, OldPicture, OldSection, RunbookPicture, SectionPicture};
use app::pages::runbooks::{RunbookRow, RunbooksPicture};
use app::pages::shell::Place;
use app::pages::versions::Restore;
use app::pages::workflow::Recovery;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::error::Error;
use super::session::PageContext;
use super::shown::Shown;
use super::{drills, edit, files, render, versions};
use crate::App;
use crate::book;
use crate::store::acts;
use crate::store::runbooks::{self, VersionRecord};
use crate::world::{Document, World};

/// How many steps of a section are shown where it is only recommended.
const STEPS_SHOWN: usize = 3;

/// A runbook in a list.
pub fn row(world: &World, document: &Document, now: Moment) -> RunbookRow {
    let front = &document.front;
    let trust = document.trust(now);
    RunbookRow {
        slug: document.record.slug.clone(),
        title: document.record.title.clone(),
        version: document.record.version,
        saved_at: document.record.saved(),
        trust,
        reason: reason(world, document, trust),
        flags: document.flags(),
        to_check: sections_to_check(document.trusts.iter(), document.reviewed().is_some()) as i64,
        reviewed: document.reviewed(),
        owner: front.owner.clone(),
        critical: front.critical,
        about: front.about.iter().map(|r| (r.to_string(), world.name_of(r))).collect(),
        missing: front.about.iter().filter(|r| !world.exists(r)).cloned().collect(),
        follow: None,
    }
}

/// Why a document is trusted as far as it is, in words.
fn reason(world: &World, document: &Document, trust: Trust) -> String {
    match trust {
        Trust::Trusted => "Reviewed, and nothing it speaks of has changed since.".to_owned(),
        Trust::NotLinked => "It links to no part, so nothing can tell when it becomes wrong.".to_owned(),
        Trust::NeverReviewed => "Nobody has said that it is right.".to_owned(),
        Trust::Overdue => match document.front.review_every {
            Some(every) => format!("It is to be reviewed every {}.", every.words()),
            None => String::new(),
        },
        Trust::CheckNeeded => doubt(world, document, None),
    }
}

/// Why a document may be wrong, or one section of it, by its number, in words.
pub fn doubt(world: &World, document: &Document, section: Option<usize>) -> String {
    let sections = section.map_or(0..document.trusts.len(), |number| number..number + 1);
    let first = sections.clone().flat_map(|number| &document.trusts[number].differences).next();
    let told = match first {
        Some(difference) => told(world, difference),
        None if sections.clone().any(|number| !document.doubts[number].is_empty()) => {
            "Somebody followed it and says that it was not right".to_owned()
        }
        None if section.is_some() => "It was edited and not reviewed since".to_owned(),
        None => "A section was edited, or added, and not reviewed since".to_owned(),
    };
    match sections.map(|number| document.flags_of(number)).sum::<i64>() {
        ..=1 => format!("{told}."),
        flags => format!("{told}, and {} more.", flags - 1),
    }
}

/// `Push to ERP: number of tries was 6, is 8`.
fn told(world: &World, difference: &Difference) -> String {
    let Difference { subject, field, before, after } = difference;
    let name = world.name_of(subject);
    match (field.as_str(), after.as_str()) {
        ("exists", "") => format!("{name} is gone"),
        ("exists", _) => format!("{name} is there now"),
        (observed, "") if observed.starts_with(OBSERVED) => format!("{name}, observed no more: {before}"),
        (observed, after) if observed.starts_with(OBSERVED) => format!("{name}, observed: {after}"),
        (field, _) => {
            format!("{name}: {} was {}, is {}", field_words(field), or_nothing(before), or_nothing(after))
        }
    }
}

fn or_nothing(value: &str) -> &str {
    if value.is_empty() { "nothing" } else { value }
}

/// The flags that stand on a section, by its number.
pub fn flags(world: &World, document: &Document, number: usize, now: Moment) -> Vec<FlagRow> {
    let said = &document.said[number];
    let section = &document.outline.sections[number];
    let facts: Vec<_> = section.facts.iter().map(|f| (f.subject.clone(), f.path.clone(), f.text.clone())).collect();
    document.trusts[number]
        .differences
        .iter()
        .map(|d| {
            let cause = world.cause(&d.subject, &d.field);
            FlagRow {
                runbook: document.record.slug.clone(),
                section: section.anchor.clone(),
                subject: d.subject.to_string(),
                name: world.name_of(&d.subject),
                field: d.field.clone(),
                // Of what was observed the reviewer saw nothing: it is told against what the book declares.
                before: match cause.filter(|_| d.field.starts_with(OBSERVED) && d.before.is_empty()) {
                    Some(cause) => cause.before_value.clone().unwrap_or_default(),
                    None => d.before.clone(),
                },
                after: d.after.clone(),
                changed_at: cause.map(|c| Moment::from_millis(c.changed_at)),
                by: cause.map(|c| c.changed_by.clone()).unwrap_or_default(),
                words: words_with(d, &facts, &section.text),
                answer: None,
                later: answer::later(said, Some(d), now).map(later),
                assignee: answer::assignee(said, Some(d)).map(str::to_owned),
                stated: document.spoken[number]
                    .iter()
                    .any(|spoken| spoken.subject == d.subject && spoken.stated.contains(&d.field)),
            }
        })
        .collect()
}

/// A flag left for later, as it is shown.
pub fn later(said: &SetAside) -> Later {
    Later { until: said.until.unwrap_or_default(), why: said.words.clone(), by: said.by.clone() }
}

/// What to do about trouble at a step: the section of the failure point that is its cause first, then a runbook for the
/// step, its component, the workflow.
pub fn recovery(world: &World, workflow: &Workflow, step: Option<&str>, cause: &str, now: Moment) -> Option<Recovery> {
    let declared = step.and_then(|s| workflow.step(s));
    if let Some(step) = declared {
        for point in step.failure_points.iter().filter(|p| cause.strip_prefix("failure:") == Some(&p.id)) {
            if let Some(Reference::Runbook(slug, section)) = &point.action
                && let Some(found) = section_of(world, slug, section.as_deref(), now)
            {
                return Some(found);
            }
        }
    }
    let mut places = Vec::new();
    if let Some(step) = declared {
        places.push(Reference::Step(workflow.id.clone(), step.id.clone()));
        places.extend(step.component.iter().chain(&step.via).map(|c| Reference::Component(c.clone())));
    }
    places.push(Reference::Workflow(workflow.id.clone()));
    places.iter().find_map(|place| recovery_for(world, place, now))
}

/// What to do about trouble with a part: the runbook that is for it.
pub fn recovery_for(world: &World, part: &Reference, now: Moment) -> Option<Recovery> {
    let document = world.written_for(part).next()?;
    section_of(world, &document.record.slug, None, now)
}

fn section_of(world: &World, slug: &str, anchor: Option<&str>, now: Moment) -> Option<Recovery> {
    let document = world.documents.get(slug)?;
    let sections = &document.outline.sections;
    // Without a section the first one with something to do; recovery comes first by convention.
    let number = anchor
        .and_then(|a| document.section(a))
        .or_else(|| sections.iter().position(|s| !s.steps.is_empty()))
        .or_else(|| sections.iter().position(|s| s.level > 0))?;
    let section = &sections[number];
    let own = document.trusts[number].trust;
    // Doubts about the document are doubts about each section, but for changes: those stand on the sections they touch.
    let trust = match document.trust(now) {
        Trust::CheckNeeded => own,
        whole => own.max(whole),
    };
    Some(Recovery {
        slug: slug.to_owned(),
        section: section.anchor.clone(),
        title: document.record.title.clone(),
        section_title: section.title.clone(),
        steps: section.steps.iter().take(STEPS_SHOWN).map(|s| s.text.clone()).collect(),
        more: section.steps.len().saturating_sub(STEPS_SHOWN),
        in_doubt: document.in_doubt(number).steps.into_iter().filter(|step| *step <= STEPS_SHOWN).collect(),
        trust,
        flags: document.flags_of(number),
        edited: document.trusts[number].edited,
        doubts: document.doubts[number].len() as i64,
    })
}

/// After which runbook a page of the list begins.
#[derive(Debug, Default, Deserialize)]
pub struct After {
    pub(super) after: Option<String>,
}

/// How many runbooks are on a page of the list.
const PER_PAGE: usize = 100;

/// The list as a page.
pub async fn list_page(
    State(app): State<Arc<App>>,
    context: PageContext,
    Query(After { after }): Query<After>,
) -> Response {
    match list(&app, after.as_deref(), PER_PAGE).await {
        Ok(picture) => {
            let head = app::pages::runbooks::head(&picture);
            let viewer = context.viewer.clone();
            let body = move || app::pages::runbooks::body(&picture, viewer.as_ref());
            render::page(&app, context, Place::Runbooks, head, None, StatusCode::OK, body).await
        }
        Err(error) => error.page(&app, context).await,
    }
}

/// The list as JSON.
pub async fn list_json(
    State(app): State<Arc<App>>,
    Query(After { after }): Query<After>,
) -> Result<Json<RunbooksPicture>, Error> {
    list(&app, after.as_deref(), PER_PAGE).await.map(Json)
}

/// The list that begins after a runbook, and has so many of them at most. Where that is not there any more it begins at
/// the first one.
pub async fn list(app: &App, after: Option<&str>, most: usize) -> Result<RunbooksPicture, Error> {
    let (world, now) = (app.worlds.now(), app.now());
    let mut all: Vec<_> = world.documents.values().map(|d| (Reverse(d.trust(now)), &d.record.title, d)).collect();
    all.sort_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)));
    let mut counts = BTreeMap::new();
    all.iter().for_each(|(Reverse(trust), ..)| *counts.entry(*trust).or_default() += 1);
    let begin = after.and_then(|slug| all.iter().position(|(.., d)| d.record.slug == slug)).map_or(0, |at| at + 1);
    let mut last = acts::last_of_all(app.db.read()).await?;
    let shown = all.iter().skip(begin).take(most).map(|(.., document)| {
        let follow = Some(drills::shown(last.remove(&document.record.slug).unwrap_or_default()));
        RunbookRow { follow, ..row(&world, document, now) }
    });
    let items: Vec<_> = shown.collect();
    let next = items.last().filter(|_| begin + items.len() < all.len()).map(|row| row.slug.clone());
    Ok(RunbooksPicture { items, counts, next })
}

/// One runbook as a page.
pub async fn page(State(app): State<Arc<App>>, context: PageContext, Path(slug): Path<String>) -> Response {
    show(&app, context, &slug, None).await
}

/// One version of it as a page.
pub async fn version_page(
    State(app): State<Arc<App>>,
    context: PageContext,
    Path((slug, version)): Path<(String, String)>,
) -> Response {
    show(&app, context, &slug, Some(&version)).await
}

async fn show(app: &App, context: PageContext, slug: &str, version: Option<&str>) -> Response {
    match picture(app, slug, version).await {
        Ok(Version::Newest(mut picture)) => {
            picture.mine = match mine(app, &context, slug).await {
                Ok(mine) => mine,
                Err(error) => return error.page(app, context).await,
            };
            let head = app::pages::runbook::head(&picture);
            let viewer = context.viewer.clone();
            let saved = context.notice.as_deref().is_some_and(edit::tells_of_saving);
            let body = move || app::pages::runbook::body_after(&picture, viewer.as_ref(), saved);
            render::page(app, context, Place::Runbooks, head, None, StatusCode::OK, body).await
        }
        Ok(Version::Old(picture)) => {
            let restore = Restore::offered(picture.version, picture.newest);
            show_old(app, context, *picture, restore, StatusCode::OK).await
        }
        Err(error) => error.page(app, context).await,
    }
}

/// The version that the person reading last followed, and when.
async fn mine(app: &App, context: &PageContext, slug: &str) -> Result<Option<(i64, Moment)>, Error> {
    match &context.viewer {
        Some(viewer) => Ok(acts::last_by(app.db.read(), slug, &viewer.name).await?),
        None => Ok(None),
    }
}

/// An old version as a page, with the form that restores it.
pub(super) async fn show_old(
    app: &App,
    context: PageContext,
    picture: OldPicture,
    restore: Restore,
    status: StatusCode,
) -> Response {
    let head = app::pages::runbook::old_head(&picture);
    let viewer = context.viewer.clone();
    let body = move || app::pages::runbook::old_body(&picture, viewer.as_ref(), &restore);
    render::page(app, context, Place::Runbooks, head, None, status, body).await
}

/// One runbook as JSON.
pub async fn json(State(app): State<Arc<App>>, Path(slug): Path<String>) -> Result<Json<Version>, Error> {
    picture(&app, &slug, None).await.map(Json)
}

/// One version of it as JSON.
pub async fn version_json(
    State(app): State<Arc<App>>,
    Path((slug, version)): Path<(String, String)>,
) -> Result<Json<Version>, Error> {
    picture(&app, &slug, Some(&version)).await.map(Json)
}

/// The newest version of a runbook, in use or not.
pub(super) fn newest_of<'a>(world: &'a World, slug: &str) -> Result<&'a VersionRecord, Error> {
    match (world.documents.get(slug), world.retired.get(slug)) {
        (Some(document), _) => Ok(&document.record),
        (None, Some((record, _))) => Ok(record),
        (None, None) => Err(Error::NotFound("runbook", slug.to_owned())),
    }
}

pub(super) fn document<'a>(world: &'a World, slug: &str) -> Result<&'a Arc<Document>, Error> {
    world.documents.get(slug).ok_or_else(|| Error::NotFound("runbook", slug.to_owned()))
}

/// What a runbook says now, or once said.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Version {
    /// The newest version, with what is thought of it.
    Newest(Box<RunbookPicture>),
    /// An older one.
    Old(Box<OldPicture>),
}

async fn picture(app: &App, slug: &str, version: Option<&str>) -> Result<Version, Error> {
    let version = match version.map(|v| (v, v.parse::<i64>())) {
        None => None,
        Some((_, Ok(number))) => Some(number),
        Some((text, Err(_))) => return Err(Error::NotFound("version", format!("{slug} {text}"))),
    };
    let world = app.worlds.now();
    let last = newest_of(&world, slug)?;
    let n = version.unwrap_or(last.version);
    if n != last.version || world.retired.contains_key(slug) {
        return old(app, &world, last, n).await.map(|picture| Version::Old(Box::new(picture)));
    }
    let newest = document(&world, slug)?;
    let shown = Shown::load(app, &world).await?.of_file(&newest.kept.place(), None);
    let shown = shown.of_text(app, &newest.outline).await?;
    Ok(Version::Newest(Box::new(newest_picture(app, &world, newest, &shown).await?)))
}

/// What a runbook says now, drawn against this.
pub async fn newest_picture(
    app: &App,
    world: &World,
    newest: &Document,
    shown: &(dyn markdown::Context + Sync),
) -> Result<RunbookPicture, Error> {
    let (slug, record, outline) = (newest.record.slug.as_str(), &newest.record, &newest.outline);
    let sections = markdown::render(outline, shown, &newest.all_in_doubt())
        .into_iter()
        .enumerate()
        .map(|(n, section)| SectionPicture {
            trust: newest.trusts[n].trust,
            flags: flags(world, newest, n, app.now()),
            anchor: section.anchor,
            title: section.title,
            level: section.level,
            html: section.html,
        })
        .collect();
    let in_file = newest
        .conflict
        .as_ref()
        .filter(|(_, text)| !text.is_empty())
        .map(|(_, text)| FileText { text: text.clone(), differences: compare(&record.body, text) });
    let (decisions, workarounds) = super::why::of_runbook(world, newest);
    Ok(RunbookPicture {
        row: RunbookRow {
            follow: Some(drills::shown(acts::last_of(app.db.read(), slug).await?)),
            ..row(world, newest, app.now())
        },
        has_steps: outline.sections.iter().any(|section| !section.steps.is_empty()),
        drills: drills::newest(app, slug).await?,
        mine: None,
        sections,
        facts: facts(shown, outline),
        links: links(world, outline),
        author: record.author.clone(),
        why: record.why.clone(),
        current: true,
        shown: record.version,
        shown_saved_at: record.saved(),
        conflict: newest.conflict.as_ref().map(|(words, _)| words.clone()),
        in_file,
        file: Some(files::file(app, newest).await?),
        replaced: world.book.replaced(&decisions),
        decisions,
        workarounds,
    })
}

/// What version `n` said. It is not judged: the newest one is what people follow.
pub(super) async fn old(app: &App, world: &World, newest: &VersionRecord, n: i64) -> Result<OldPicture, Error> {
    let slug = newest.slug.as_str();
    let unknown = || Error::NotFound("version", format!("{slug} {n}"));
    let record = runbooks::version(app.db.read(), slug, n).await?.ok_or_else(unknown)?;
    let text = book::runbook_text(slug, &record.body);
    let outline = text.read().map_err(Error::Invalid)?;
    let kept = world.documents.get(slug).map(|d| &d.kept).or(world.retired.get(slug).map(|(_, kept)| kept));
    let until = runbooks::version(app.db.read(), slug, n + 1).await?.map(|next| next.saved());
    let place = kept.map(|kept| kept.place()).unwrap_or_default();
    let shown = Shown::load(app, world).await?.of_file(&place, until).of_text(app, outline).await?;
    let section =
        |s: markdown::RenderedSection| OldSection { anchor: s.anchor, title: s.title, level: s.level, html: s.html };
    Ok(OldPicture {
        sections: markdown::render(outline, &shown, &[]).into_iter().map(section).collect(),
        reviewed: versions::reviewers(app, slug).await?.remove(&n),
        about: text.front.about.iter().map(|r| (r.to_string(), world.name_of(r))).collect(),
        missing: text.front.about.iter().filter(|r| !world.exists(r)).cloned().collect(),
        owner: text.front.owner.clone(),
        critical: text.front.critical,
        facts: facts(&shown, outline),
        links: links(world, outline),
        slug: slug.to_owned(),
        version: n,
        newest: newest.version,
        retired: world.retired.get(slug).and_then(|(_, kept)| {
            Some((Moment::from_millis(kept.retired_at?), kept.retired_by.clone().unwrap_or_default()))
        }),
        saved_at: record.saved(),
        shown: n,
        shown_saved_at: record.saved(),
        current: false,
        trust: None,
        title: record.title,
        author: record.author,
        why: record.why,
    })
}

fn facts(context: &dyn markdown::Context, outline: &Outline) -> Vec<FactRow> {
    let all = outline.sections.iter().flat_map(|s| s.facts.iter().map(move |f| (s, f)));
    all.map(|(section, fact)| {
        let (holds, present) = match context.fact(fact) {
            FactNow::Holds => (true, Some(fact.stated.clone())),
            FactNow::Differs { present } => (false, Some(present)),
            // Nobody has seen that it is otherwise.
            FactNow::Unknown if observed::field(&fact.path).is_some() => (true, None),
            FactNow::Unknown => (false, None),
        };
        FactRow {
            section: section.anchor.clone(),
            text: fact.text.clone(),
            holds,
            stated: fact.stated.clone(),
            present,
        }
    })
    .collect()
}

pub(super) fn links(world: &World, outline: &Outline) -> Vec<(String, String, bool)> {
    let mut links: Vec<_> = outline
        .sections
        .iter()
        .flat_map(|s| &s.links)
        .map(|r| (r.to_string(), world.name_of(r), world.exists(r)))
        .collect();
    links.sort();
    links.dedup();
    links
}
