//! Writing a runbook or one of its sections: the editor, its preview, saving, and what somebody else saved meanwhile.

use std::ops::Range;
use std::sync::Arc;

use app::markdown::section::{Cut, cut, put_back};
use app::markdown::{self, Outline};
use app::model::answer::rewritten;
use app::model::check::{Finding, Severity};
use app::model::compare::{compare, word_by_word};
use app::model::event::without_null;
use app::model::mention::{Shelved, absent, absent_now};
use app::model::merge::merge;
use app::model::reference::{Reference, is_id};
use app::model::review::Difference;
use app::model::skeleton::skeleton;
use app::model::status::Role;
use app::pages::edit::{ClashRow, Conflict, EditPicture, Preview, Wrong};
use app::pages::runbook::{FlagRow, OldSection};
use app::pages::shell::Place;
use axum::Form;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use leptos::prelude::RenderHtml;
use serde::Deserialize;

use super::error::Error;
use super::render;
use super::runbooks::{document, flags, links};
use super::session::PageContext;
use super::shown::Shown;
use crate::App;
use crate::actions::publish_runbook::{Draft, Published, publish_runbook};
use crate::book;
use crate::live::Topic;
use crate::store::runbooks::{self, VersionRecord};
use crate::world::World;

/// The longest line of why, in characters.
const LONGEST_WHY: usize = 200;

/// How often a section is put into a newer version while others keep saving theirs.
const MOST_TRIES: usize = 5;

/// How the word about a save begins.
const SAVED: &str = "Saved as version ";

/// Whether this word was said of a save.
pub(super) fn tells_of_saving(notice: &str) -> bool {
    notice.starts_with(SAVED)
}

/// How much a form with a text may weigh: the longest text, each byte of it written as three, and what is said of it.
pub(super) fn largest() -> DefaultBodyLimit {
    DefaultBodyLimit::max(4 * markdown::LONGEST)
}

/// What is typed in the editor.
#[derive(Debug, Default, Clone, Deserialize)]
pub struct Typed {
    #[serde(default)]
    slug: String,
    #[serde(default)]
    base: i64,
    #[serde(default)]
    text: String,
    #[serde(default)]
    why: String,
    #[serde(default)]
    action: String,
    /// The section that is edited alone.
    #[serde(default)]
    section: Option<String>,
}

impl Typed {
    /// As it was meant: browsers end lines with CR LF, files with LF.
    fn meant(mut self) -> Self {
        self.text = without_null(&self.text).replace("\r\n", "\n");
        self.why = without_null(&self.why);
        self.section = self.section.filter(|section| !section.is_empty());
        self
    }
}

/// What a new runbook is for.
#[derive(Debug, Default, Deserialize)]
pub struct New {
    #[serde(rename = "for")]
    about: Option<String>,
}

/// Which section is to be edited, and because of which flag: of what, and which field.
#[derive(Debug, Default, Deserialize)]
pub struct Part {
    section: Option<String>,
    subject: Option<String>,
    field: Option<String>,
}

/// The editor for a new runbook.
pub async fn new_page(State(app): State<Arc<App>>, context: PageContext, Query(new): Query<New>) -> Response {
    if let Err(refused) = context.demand(Role::Editor, "write runbooks") {
        return refused.page(&app, context).await;
    }
    let about = new.about.as_deref().and_then(|about| Reference::parse(about).ok());
    let typed = Typed { text: skeleton(about.as_ref()), ..Typed::default() };
    editor(&app, context, Shows::new(None, typed)).await
}

/// The editor for a runbook, or for one section of it; for all of it where there is no such section.
pub async fn edit_page(
    State(app): State<Arc<App>>,
    context: PageContext,
    Path(slug): Path<String>,
    Query(part): Query<Part>,
) -> Response {
    if let Err(refused) = context.demand(Role::Editor, "edit runbooks") {
        return refused.page(&app, context).await;
    }
    let world = app.worlds.now();
    let document = match document(&world, &slug) {
        Ok(document) => document.clone(),
        Err(error) => return error.page(&app, context).await,
    };
    let record = document.record.clone();
    // A flag is answered by an edit: the present value stands in the text already where the old one did.
    let flagged = part.section.as_deref().and_then(|anchor| {
        let number = document.section(anchor)?;
        let (subject, field) = (part.subject.as_deref()?, part.field.as_deref()?);
        let of_flag = |d: &&Difference| d.subject.to_string() == subject && d.field == field;
        document.trusts[number].differences.iter().find(of_flag)
    });
    let section = part.section.filter(|anchor| !anchor.is_empty());
    let alone = section.as_deref().and_then(|anchor| Some(section_of(&record, anchor)?.0.section.to_owned()));
    let alone = alone.map(|text| flagged.and_then(|flag| rewritten(&text, flag)).unwrap_or(text));
    let typed = Typed {
        slug: slug.clone(),
        base: record.version,
        section: section.filter(|_| alone.is_some()),
        text: alone.unwrap_or_else(|| record.body.clone()),
        ..Typed::default()
    };
    editor(&app, context, Shows::new(Some(&slug), typed)).await
}

/// A text cut at a section, and how long its front matter is.
fn section_of<'r>(record: &'r VersionRecord, anchor: &str) -> Option<(Cut<'r>, usize)> {
    let text = book::runbook_text(&record.slug, &record.body);
    let body = &text.outline.body;
    let front = record.body.len().checked_sub(body.len())?;
    Some((cut(&record.body, body, anchor)?, front))
}

/// Saves a new runbook.
pub async fn create(State(app): State<Arc<App>>, context: PageContext, Form(typed): Form<Typed>) -> Response {
    if let Err(refused) = context.demand(Role::Editor, "write runbooks") {
        return refused.page(&app, context).await;
    }
    let mut typed = typed.meant();
    typed.section = None;
    if typed.action == "preview" {
        return editor(&app, context, Shows { preview: true, ..Shows::new(None, typed) }).await;
    }
    let slug = typed.slug.trim().to_owned();
    let world = app.worlds.now();
    let (taken, retired) = (world.documents.contains_key(&slug), world.retired.contains_key(&slug));
    let wrong = match (is_id(&slug) && slug != "new", taken) {
        (false, _) => Some("The name in the address must be 1 to 63 of a-z, 0-9 and -, and not \"new\".".to_owned()),
        (true, false) if retired => Some(format!(
            "The runbook \"{slug}\" is retired. Choose another name, or put that one in use again on its page."
        )),
        (_, true) => Some(format!("There is a runbook \"{slug}\" already. Choose another name, or edit that one.")),
        _ => None,
    };
    let mut errors: Vec<_> = wrong.into_iter().map(|says| Wrong { field: "slug", says }).collect();
    errors.extend(wrong_text(&world, &slug, &typed.text, &typed.why));
    if !errors.is_empty() {
        return editor(&app, context, Shows { errors, ..Shows::new(None, typed) }).await;
    }
    let text = typed.text.clone();
    match publish(&app, &context, &slug, &typed, typed.base, &text).await {
        Ok(Published::Conflict(theirs)) => {
            let conflict = whole_conflict(&app, &slug, 0, *theirs, &typed.text).await;
            conflicted(&app, context, None, typed, conflict).await
        }
        Ok(done) => published(&app, context, &slug, &done).await,
        Err(error) => Error::Database(error).page(&app, context).await,
    }
}

/// Saves the next version of a runbook, or one section into the newest.
pub async fn save(
    State(app): State<Arc<App>>,
    context: PageContext,
    Path(slug): Path<String>,
    Form(typed): Form<Typed>,
) -> Response {
    if let Err(refused) = context.demand(Role::Editor, "edit runbooks") {
        return refused.page(&app, context).await;
    }
    if !app.worlds.now().documents.contains_key(&slug) {
        return Error::NotFound("runbook", slug).page(&app, context).await;
    }
    let typed = typed.meant();
    if typed.action == "preview" {
        return editor(&app, context, Shows { preview: true, ..Shows::new(Some(&slug), typed) }).await;
    }
    match typed.section.clone() {
        None => save_whole(&app, context, &slug, typed).await,
        Some(anchor) => save_section(&app, context, &slug, typed, &anchor).await,
    }
}

async fn save_whole(app: &Arc<App>, context: PageContext, slug: &str, typed: Typed) -> Response {
    let errors = wrong_text(&app.worlds.now(), slug, &typed.text, &typed.why);
    if !errors.is_empty() {
        return editor(app, context, Shows { errors, ..Shows::new(Some(slug), typed) }).await;
    }
    match publish(app, &context, slug, &typed, typed.base, &typed.text).await {
        Ok(Published::Conflict(theirs)) => {
            let conflict = whole_conflict(app, slug, typed.base, *theirs, &typed.text).await;
            conflicted(app, context, Some(slug), typed, conflict).await
        }
        Ok(done) => published(app, context, slug, &done).await,
        Err(error) => Error::Database(error).page(app, context).await,
    }
}

/// Puts a section into the newest version. Where others changed other sections that goes through; where they changed
/// this one it is a conflict about the section, and where they took it away about the whole.
async fn save_section(app: &Arc<App>, context: PageContext, slug: &str, typed: Typed, anchor: &str) -> Response {
    let started = match runbooks::version(app.db.read(), slug, typed.base).await {
        Ok(Some(started)) => started,
        Ok(None) => return Error::NotFound("version", format!("{slug} {}", typed.base)).page(app, context).await,
        Err(error) => return Error::Database(error).page(app, context).await,
    };
    let Some((in_base, base_front)) = section_of(&started, anchor) else {
        return Error::NotFound("section", anchor.to_owned()).page(app, context).await;
    };
    let mut newest = app.worlds.now().documents.get(slug).map_or(started.clone(), |d| VersionRecord::clone(&d.record));
    for _ in 0..MOST_TRIES {
        let now = section_of(&newest, anchor);
        let whole = match &now {
            Some((now, front)) if now.section == in_base.section => put_back(*now, *front, &typed.text),
            Some((now, _)) => {
                let conflict = conflict(&started, in_base.section, &newest, now.section, &typed.text);
                return conflicted(app, context, Some(slug), typed, Ok(conflict)).await;
            }
            None => {
                let mine = put_back(in_base, base_front, &typed.text).unwrap_or_else(|_| started.body.clone());
                let conflict = conflict(&started, &started.body, &newest, &newest.body, &mine);
                return conflicted(app, context, Some(slug), Typed { section: None, ..typed }, Ok(conflict)).await;
            }
        };
        let errors = match &whole {
            Ok(whole) => wrong_text(&app.worlds.now(), slug, whole, &typed.why),
            Err(says) => vec![Wrong { field: "text", says: says.clone() }],
        };
        let Ok(whole) = whole else {
            return editor(app, context, Shows { errors, ..Shows::new(Some(slug), typed) }).await;
        };
        if !errors.is_empty() {
            return editor(app, context, Shows { errors, ..Shows::new(Some(slug), typed) }).await;
        }
        match publish(app, &context, slug, &typed, newest.version, &whole).await {
            Ok(Published::Conflict(theirs)) => newest = *theirs,
            Ok(done) => return published(app, context, slug, &done).await,
            Err(error) => return Error::Database(error).page(app, context).await,
        }
    }
    Error::Busy("Others are saving this runbook too", 5).page(app, context).await
}

async fn publish(
    app: &App,
    context: &PageContext,
    slug: &str,
    typed: &Typed,
    base: i64,
    body: &str,
) -> sqlx::Result<Published> {
    let title = book::runbook_text(slug, body).front.title.clone();
    let author = context.viewer.as_ref().map(|v| v.name.clone()).unwrap_or_default();
    let why = typed.why.trim();
    let draft = Draft { slug, base, body, title: &title, author: &author, address: &context.address, why };
    publish_runbook(&app.db, draft, app.now()).await
}

/// What follows a save that went through: everything is looked at again, and the person is sent to the page.
pub(super) async fn published(app: &Arc<App>, context: PageContext, slug: &str, done: &Published) -> Response {
    let home = Redirect::to(&format!("/runbooks/{slug}"));
    let Published::Version(version) = done else {
        let stays = match done {
            Published::Conflict(theirs) => theirs.version,
            Published::Version(version) | Published::Same(version) => *version,
        };
        context.flash(&format!("Nothing was changed; version {stays} stays.")).await;
        return home.into_response();
    };
    let before = app.worlds.now();
    let differed = before.documents.get(slug).is_some_and(|d| d.conflict.is_some());
    app.worlds.reload(&app.db).await;
    let author = context.viewer.as_ref().map(|v| v.name.as_str()).unwrap_or_default();
    if let Err(error) = super::reviews::note_edited_flags(app, &before, slug, author).await {
        // The text is saved; only what flags are good for is not counted.
        tracing::error!(%error, slug, "the flags that led to an edit could not be noted");
    }
    // It may be the text of the file now, which settles it: only an import can tell.
    if differed {
        book::take_over_files(app, &app.config.book).await;
    }
    book::write_soon(app).await;
    app.live.changed([Topic::Book].into());
    let words = format!("{SAVED}{version}. Saving is not reviewing: sections you changed wait for a review.");
    context.flash(&words).await;
    home.into_response()
}

/// Everything that is wrong with a text, or leads nowhere.
pub(super) fn findings(world: &World, slug: &str, text: &str) -> Vec<Finding> {
    let anchors =
        world.documents.values().map(|d| (d.record.slug.clone(), d.outline.anchors().cloned().collect())).collect();
    let mut findings = book::check_draft(slug, text, &world.book, &anchors);
    // One that is out of use is there and cannot be followed; nothing else was meant.
    let retired: Vec<(String, String)> = world
        .retired
        .keys()
        .map(|slug| Reference::Runbook(slug.clone(), None))
        .map(|runbook| (absent(&runbook), absent_now(&runbook, Shelved::Retired)))
        .collect();
    for finding in &mut findings {
        if let Some((_, says)) = retired.iter().find(|(absent, _)| finding.text.starts_with(absent.as_str())) {
            finding.text.clone_from(says);
        }
    }
    findings
}

/// Why a line of why cannot be taken.
pub(super) fn wrong_why(why: &str) -> Option<String> {
    match why.trim().chars().count() {
        0 => Some("Say in a line why you change it; it stands in the history.".to_owned()),
        n if n > LONGEST_WHY => Some(format!("Say it in at most {LONGEST_WHY} characters; these are {n}.")),
        _ => None,
    }
}

/// Why a text cannot be saved.
fn wrong_text(world: &World, slug: &str, text: &str, why: &str) -> Vec<Wrong> {
    let says: Vec<String> = match text.len() > markdown::LONGEST {
        true => markdown::parse(text).err().into_iter().collect(),
        false => findings(world, slug, text)
            .iter()
            .filter(|f| f.severity == Severity::Error)
            .map(|f| format!("Line {}: {}.", f.line, f.text))
            .collect(),
    };
    let text = says.into_iter().map(|says| Wrong { field: "text", says });
    text.chain(wrong_why(why).map(|says| Wrong { field: "why", says })).collect()
}

/// The conflict about a whole text that was written from version `base`.
async fn whole_conflict(
    app: &App,
    slug: &str,
    base: i64,
    theirs: VersionRecord,
    mine: &str,
) -> sqlx::Result<(Conflict, String)> {
    let nothing = VersionRecord { version: 0, body: String::new(), ..theirs.clone() };
    let started = runbooks::version(app.db.read(), slug, base).await?.unwrap_or(nothing);
    Ok(conflict(&started, &started.body, &theirs, &theirs.body, mine))
}

/// What both did with a text, and the text that is proposed.
fn conflict(
    started: &VersionRecord,
    base: &str,
    newest: &VersionRecord,
    theirs: &str,
    mine: &str,
) -> (Conflict, String) {
    let merged = merge(base, theirs, mine);
    let clashes = merged.clashes.into_iter().map(|clash| ClashRow {
        theirs: word_by_word(&clash.base, &clash.theirs),
        mine: word_by_word(&clash.base, &clash.mine),
        base: clash.base,
        both_kept: clash.both_kept,
    });
    let conflict = Conflict {
        version: newest.version,
        author: newest.author.clone(),
        saved_at: newest.saved(),
        why: newest.why.clone(),
        started_from: started.version,
        their_changes: compare(base, theirs),
        my_changes: compare(base, mine),
        clashes: clashes.collect(),
        base: base.to_owned(),
        theirs: theirs.to_owned(),
        mine: mine.to_owned(),
    };
    (conflict, merged.text)
}

async fn conflicted(
    app: &App,
    context: PageContext,
    slug: Option<&str>,
    typed: Typed,
    found: sqlx::Result<(Conflict, String)>,
) -> Response {
    match found {
        Ok((conflict, text)) => {
            let shows = Shows { conflict: Some(conflict), ..Shows::new(slug, Typed { text, ..typed }) };
            editor(app, context, shows).await
        }
        Err(error) => Error::Database(error).page(app, context).await,
    }
}

/// The editor again, with an image in the text, or with why it could not be added.
pub(super) async fn with_image(
    app: &App,
    context: PageContext,
    known: Option<&str>,
    typed: Typed,
    image: Result<String, String>,
) -> Response {
    let mut typed = typed.meant();
    match image {
        Ok(markdown) => {
            typed.text = format!("{}\n\n{markdown}\n", typed.text.trim_end());
            editor(app, context, Shows { preview: true, ..Shows::new(known, typed) }).await
        }
        Err(says) => {
            let errors = vec![Wrong { field: "image", says }];
            editor(app, context, Shows { errors, ..Shows::new(known, typed) }).await
        }
    }
}

/// The preview, and what the text links to, as pieces of the editor's page. `new` stands for a runbook to come.
pub async fn preview(
    State(app): State<Arc<App>>,
    context: PageContext,
    Path(slug): Path<String>,
    Form(typed): Form<Typed>,
) -> Response {
    if let Err(refused) = context.demand(Role::Editor, "preview runbooks") {
        return refused.into_response();
    }
    let known = (slug != "new").then_some(slug.as_str());
    match picture(&app, Shows { preview: true, ..Shows::new(known, typed.meant()) }).await {
        Ok(picture) => {
            let ink = render::ink(&app, app.now());
            Html(render::drawn(&ink, || app::pages::edit::following(&picture).to_html())).into_response()
        }
        Err(error) => error.into_response(),
    }
}

/// What the editor shows besides what is so anyway.
struct Shows<'s> {
    /// The runbook; none for a new one.
    slug: Option<&'s str>,
    typed: Typed,
    errors: Vec<Wrong>,
    conflict: Option<Conflict>,
    preview: bool,
}

impl<'s> Shows<'s> {
    fn new(slug: Option<&'s str>, typed: Typed) -> Self {
        Self { slug, typed, errors: Vec::new(), conflict: None, preview: false }
    }
}

async fn editor(app: &App, context: PageContext, shows: Shows<'_>) -> Response {
    let status = match (&shows.conflict, shows.errors.is_empty()) {
        (Some(_), _) => StatusCode::CONFLICT,
        (None, false) => StatusCode::UNPROCESSABLE_ENTITY,
        (None, true) => StatusCode::OK,
    };
    match picture(app, shows).await {
        Ok(picture) => {
            let head = app::pages::edit::head(&picture);
            let body = move || app::pages::edit::body(&picture);
            render::page(app, context, Place::Runbooks, head, None, status, body).await
        }
        Err(error) => error.page(app, context).await,
    }
}

async fn picture(app: &App, shows: Shows<'_>) -> Result<EditPicture, Error> {
    let Shows { slug, typed, errors, conflict, preview } = shows;
    let world = app.worlds.now();
    let known = slug.and_then(|s| world.documents.get(s));
    let title_of = |anchor: &String| {
        let title = known.and_then(|d| Some(d.outline.sections[d.section(anchor)?].title.clone()));
        title.unwrap_or_else(|| anchor.clone())
    };
    let section = typed.section.as_ref().map(|anchor| (anchor.clone(), title_of(anchor)));
    let seen = seen(app, slug.unwrap_or(&typed.slug), &typed).await?;
    let waiting =
        known.map(|d| (0..d.outline.sections.len()).flat_map(|n| flags(&world, d, n, app.now())).collect::<Vec<_>>());
    let mut waiting = waiting.unwrap_or_default();
    waiting.retain(|flag: &FlagRow| typed.section.as_ref().is_none_or(|s| *s == flag.section));
    let (links, looks) = match seen {
        Seen::Text(text) => {
            let looks = match preview {
                true => {
                    let place = known.map(|d| d.kept.place()).unwrap_or_default();
                    let shown = Shown::load(app, &world).await?.of_file(&place, None);
                    let shown = shown.of_draft(&text.slug, &text.outline).of_text(app, &text.outline).await?;
                    Some(text.preview(&world, &shown))
                }
                false => None,
            };
            (text.links(&world), looks)
        }
        Seen::Wrong(says) => {
            let nothing = Preview { sections: Vec::new(), findings: vec![says] };
            (Vec::new(), preview.then_some(nothing))
        }
    };
    Ok(EditPicture {
        slug: slug.map(str::to_owned).or(Some(typed.slug).filter(|s| !s.is_empty())),
        title: known.map_or_else(|| "New runbook".to_owned(), |d| d.record.title.clone()),
        base: conflict.as_ref().map_or(typed.base, |t| t.version),
        section,
        preview: looks,
        links,
        conflict,
        flags: waiting,
        text: typed.text,
        why: typed.why,
        errors,
        zone: app.config.zone().iana_name().unwrap_or("UTC").to_owned(),
    })
}

/// What is typed, as a whole text.
enum Seen {
    Text(Whole),
    /// It cannot be read: a sentence for the author.
    Wrong(String),
}

/// A whole text, and what of it is being written.
struct Whole {
    slug: String,
    source: String,
    outline: Arc<Outline>,
    /// How long the front matter is.
    front: usize,
    /// The bytes of the section that is edited alone; everything otherwise.
    edited: Range<usize>,
}

async fn seen(app: &App, slug: &str, typed: &Typed) -> Result<Seen, Error> {
    let (source, edited) = match &typed.section {
        None => (typed.text.clone(), 0..usize::MAX),
        Some(anchor) => {
            let Some(record) = runbooks::version(app.db.read(), slug, typed.base).await? else {
                return Ok(Seen::Wrong(format!("There is no version {} to put this section into.", typed.base)));
            };
            let Some((cut, front)) = section_of(&record, anchor) else {
                return Ok(Seen::Wrong("This section is not there any more. Edit the whole runbook.".to_owned()));
            };
            match put_back(cut, front, &typed.text) {
                Ok(whole) => (whole, cut.before.len()..cut.before.len() + typed.text.trim().len()),
                Err(says) => return Ok(Seen::Wrong(says)),
            }
        }
    };
    let text = book::runbook_text(slug, &source);
    Ok(match text.unread {
        None => {
            let front = source.len() - text.outline.body.len();
            Seen::Text(Whole { slug: slug.to_owned(), source, outline: text.outline, front, edited })
        }
        Some(says) => Seen::Wrong(says),
    })
}

impl Whole {
    /// Whether a section, by its number, is one that is being written.
    fn is_edited(&self, number: usize) -> bool {
        // Blank lines at the top of a text belong to its first section.
        let range = &self.outline.sections[number].source_range;
        let source = &self.outline.body[range.clone()];
        let start = self.front + range.start + (source.len() - source.trim_start_matches(['\n', '\r']).len());
        self.edited.contains(&start)
    }

    fn links(&self, world: &World) -> Vec<(String, String, bool)> {
        let mut own = Outline::clone(&self.outline);
        let mut number = 0..;
        own.sections.retain(|_| number.next().is_some_and(|n| self.is_edited(n)));
        let mut links = links(world, &own);
        for (reference, _, exists) in &mut links {
            let here = Reference::parse(reference).ok().and_then(|r| self.outline.has_own(&self.slug, &r));
            *exists = here.unwrap_or(*exists);
        }
        links
    }

    /// What it looks like; lines are those of what is in the box.
    fn preview(&self, world: &World, shown: &Shown<'_>) -> Preview {
        let rendered = markdown::render(&self.outline, shown, &[]).into_iter().enumerate();
        let sections = rendered.filter(|(n, _)| self.is_edited(*n)).map(|(_, s)| OldSection {
            anchor: s.anchor,
            title: s.title,
            level: s.level,
            html: s.html,
        });
        let alone = self.edited.end != usize::MAX;
        let above = if alone { self.source[..self.edited.start].matches('\n').count() } else { 0 };
        let below = if alone { self.source[..self.edited.end].matches('\n').count() + 1 } else { usize::MAX };
        let findings = findings(world, &self.slug, &self.source);
        let here = findings.iter().filter(|f| f.line > above && f.line <= below);
        Preview {
            sections: sections.collect(),
            findings: here.map(|f| format!("Line {}: {}.", f.line - above, f.text)).collect(),
        }
    }
}
