//! `/reviews`: which documents may be false now and exactly why, and the answers to that.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use app::markdown;
use app::model::answer::{self, Answer as Said, Harm};
use app::model::event::without_null;
use app::model::following::Followed;
use app::model::moment::Moment;
use app::model::reference::Reference;
use app::model::review::{Pin, seen};
use app::model::runbook::author_words;
use app::model::status::{Role, Trust};
use app::pages::review::{RefusedAnswer, ReviewPicture, SectionReview};
use app::pages::reviews::{Group, Load, MutedRow, ReviewsPicture, WaitingRow};
use app::pages::runbook::FlagRow;
use app::pages::shell::{Place, Viewer};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Form, Json};
use serde::{Deserialize, Serialize};

use super::error::Error;
use super::render;
use super::runbooks::{After, flags, later, row};
use super::session::PageContext;
use super::shown::Shown;
use crate::App;
use crate::actions::answer_review::{Flag, Review, Taken, answer_review};
use crate::actions::mute_field::{Mute, mute_field};
use crate::actions::note_edits::{EditedFlag, note_edits};
use crate::live::Topic;
use crate::standing;
use crate::store::acts;
use crate::store::doubts::Doubt;
use crate::store::reviews::{self, MutedField, Seen};
use crate::world::{Document, World};

/// Whose reviews are asked for.
#[derive(Debug, Default, Deserialize)]
pub struct Whose {
    #[serde(rename = "for")]
    owner: Option<String>,
}

/// The queue as a page.
pub async fn list_page(State(app): State<Arc<App>>, context: PageContext, Query(whose): Query<Whose>) -> Response {
    let owner = whose.owner.filter(|owner| !owner.is_empty());
    match queue(&app, owner, context.viewer.as_ref()).await {
        Ok(picture) => {
            let head = app::pages::reviews::head(&picture);
            let body = move || app::pages::reviews::body(&picture);
            render::page(&app, context, Place::Reviews, head, None, StatusCode::OK, body).await
        }
        Err(error) => error.page(&app, context).await,
    }
}

/// Every open flag as JSON, with how much there is to do.
#[derive(Debug, Serialize)]
pub struct Flags {
    items: Vec<FlagRow>,
    next: Option<String>,
    #[serde(flatten)]
    load: Load,
}

/// How many flags are on a page of JSON, about: those of one runbook are never parted.
const FLAGS_PER_PAGE: usize = 500;

/// Every open flag, by runbook.
pub async fn json(State(app): State<Arc<App>>, Query(After { after }): Query<After>) -> Json<Flags> {
    let (world, now) = (app.worlds.now(), app.now());
    let begin = after.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
    let mut flagged = world.documents.range::<str, _>((begin, Bound::Unbounded)).filter(|(_, d)| d.is_flagged());
    let (mut items, mut last) = (Vec::new(), None);
    for (slug, document) in flagged.by_ref() {
        items.extend((0..document.outline.sections.len()).flat_map(|n| flags(&world, document, n, now)));
        last = Some(slug);
        if items.len() >= FLAGS_PER_PAGE {
            break;
        }
    }
    let next = last.filter(|_| flagged.next().is_some()).cloned();
    let open = world.documents.values().map(|d| Open::of(d, now)).fold(Open::default(), Open::and);
    Json(Flags { items, next, load: open.load() })
}

/// How many runbooks of a group are shown at once; the others move up.
const GROUP_SHOWN: usize = 100;

async fn queue(app: &App, owner: Option<String>, viewer: Option<&Viewer>) -> Result<ReviewsPicture, Error> {
    let (world, now) = (app.worlds.now(), app.now());
    let troubled = in_trouble(app, &world).await?;
    let last = acts::last_of_all(app.db.read()).await?;
    let lately = |followed: &&Followed| now.since(followed.at) <= answer::IN_USE;
    let in_use = |d: &Document| last.get(&d.record.slug).is_some_and(|l| l.0.as_ref().filter(lately).is_some());
    let looked = world.documents.values().map(|d| (Waiting::of(d, now), d));
    let (trusted, mut waiting): (Vec<_>, Vec<_>) = looked.partition(|(waiting, _)| waiting.trust == Trust::Trusted);
    let owners: BTreeSet<String> = waiting.iter().flat_map(|(waiting, _)| waiting.whose.clone()).collect();
    waiting.retain(|(waiting, _)| owner.as_ref().is_none_or(|owner| waiting.whose.contains(owner)));
    let open = waiting.iter().map(|(waiting, _)| waiting.open).fold(Open::default(), Open::and);
    waiting.sort_by_cached_key(|(_, d)| (Reverse(harm(&world, d, &troubled, in_use(d))), d.record.title.clone()));
    let mut of = |chosen: &dyn Fn(&Waiting) -> bool| {
        let (these, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut waiting).into_iter().partition(|(w, _)| chosen(w));
        waiting = rest;
        let total = these.len();
        let rows = these.into_iter().take(GROUP_SHOWN).map(|(w, d)| waiting_row(&world, d, w, &troubled, now));
        Group { rows: rows.collect(), total }
    };
    Ok(ReviewsPicture {
        later: of(&|waiting| waiting.open.answers == 0 && waiting.open.later_until.is_some()),
        check_needed: of(&|waiting| waiting.trust == Trust::CheckNeeded),
        never_reviewed: of(&|waiting| waiting.trust == Trust::NeverReviewed),
        overdue: of(&|waiting| waiting.trust == Trust::Overdue),
        not_linked: of(&|waiting| waiting.trust == Trust::NotLinked),
        trusted: trusted.len() as i64,
        load: open.load(),
        workarounds: super::why::overdue(app, &world),
        undocumented: super::undocumented::waiting(app).await?.values().sum(),
        owner,
        owners: owners.into_iter().collect(),
        precision: answer::precision(&reviews::tallies(app.db.read()).await?),
        muted: world.muted.iter().map(muted_row).collect(),
        may_mute: viewer.is_some_and(|viewer| viewer.role >= Role::Editor),
    })
}

fn muted_row(muted: &MutedField) -> MutedRow {
    MutedRow {
        kind: muted.kind.clone(),
        field: muted.field.clone(),
        at: Moment::from_millis(muted.muted_at),
        by: muted.muted_by.clone(),
        why: muted.words.clone(),
    }
}

/// The workflows that are in trouble now, with their names.
async fn in_trouble(app: &App, world: &World) -> Result<HashMap<String, String>, Error> {
    let standings = standing::all(app, world, app.now()).await?;
    let troubled = standings.iter().filter(|s| s.verdict.state.is_trouble());
    let name = |id: &str| world.workflow(id).map_or_else(|| id.to_owned(), |w| w.name.clone());
    Ok(troubled.map(|s| (s.id.clone(), name(&s.id))).collect())
}

/// The workflows that a document is for, or for a part of.
fn workflows_of(document: &Document) -> BTreeSet<&str> {
    let about = document.front.about.iter();
    about
        .filter_map(|reference| match reference {
            Reference::Workflow(id) | Reference::Step(id, _) | Reference::Failure(id, ..) => Some(id.as_str()),
            _ => None,
        })
        .collect()
}

fn harm(world: &World, document: &Document, troubled: &HashMap<String, String>, in_use: bool) -> Harm {
    let changes = document.trusts.iter().flat_map(|trust| &trust.differences);
    let since = changes.clone().filter_map(|d| world.cause(&d.subject, &d.field)).map(|c| c.changed_at).min();
    Harm {
        in_trouble: workflows_of(document).iter().any(|id| troubled.contains_key(*id)),
        critical_in_use: document.front.critical && in_use,
        changes: changes.count() as i64,
        waits_since: Reverse(since.map_or(document.record.saved(), Moment::from_millis)),
    }
}

/// What waits in a document.
struct Waiting {
    trust: Trust,
    open: Open,
    /// Whom its flags were given to, besides its owner.
    given_to: BTreeSet<String>,
    /// For whom it waits: those it was given to, else its owner.
    whose: BTreeSet<String>,
}

impl Waiting {
    fn of(document: &Document, now: Moment) -> Self {
        let of_section = document.trusts.iter().zip(&document.said).filter(|(_, said)| !said.is_empty());
        let given_to: BTreeSet<String> = of_section
            .flat_map(|(trust, said)| {
                let of_flags = trust.differences.iter().map(Some).chain([None]);
                of_flags.filter_map(|difference| answer::assignee(said, difference)).map(str::to_owned)
            })
            .collect();
        let owner = || document.front.owner.clone().into_iter().collect();
        let whose = if given_to.is_empty() { owner() } else { given_to.clone() };
        Self { trust: document.trust(now), open: Open::of(document, now), given_to, whose }
    }
}

fn waiting_row(
    world: &World,
    document: &Document,
    waiting: Waiting,
    troubled: &HashMap<String, String>,
    now: Moment,
) -> WaitingRow {
    WaitingRow {
        in_trouble: workflows_of(document).iter().filter_map(|id| troubled.get(*id)).cloned().collect(),
        later_until: waiting.open.later_until,
        load: waiting.open.load(),
        given_to: waiting.given_to.into_iter().collect(),
        row: row(world, document, now),
    }
}

/// What is to be answered in documents.
#[derive(Debug, Clone, Copy, Default)]
struct Open {
    /// How many words the sections have in which something waits.
    words: usize,
    /// How many answers wait.
    answers: usize,
    /// When the first that is to be looked at later waits again.
    later_until: Option<Moment>,
}

impl Open {
    fn of(document: &Document, now: Moment) -> Self {
        let whole = document.trust(now);
        let mut open = Self::default();
        for (number, section) in document.outline.sections.iter().enumerate() {
            if !waits(document, number, whole) {
                continue;
            }
            let (trust, said) = (&document.trusts[number], &document.said[number]);
            let as_a_whole = trust.differences.is_empty() || reason(document, number, whole).is_some();
            let asked = trust.differences.iter().map(Some).chain(as_a_whole.then_some(None));
            let (later, now): (Vec<_>, Vec<_>) =
                asked.map(|difference| answer::later(said, difference, now)).partition(Option::is_some);
            open.answers += now.len();
            open.words += if now.is_empty() { 0 } else { section.text.split_whitespace().count() };
            open.later_until = later.into_iter().flatten().filter_map(|said| said.until).chain(open.later_until).min();
        }
        open
    }

    fn and(self, other: Self) -> Self {
        Self {
            words: self.words + other.words,
            answers: self.answers + other.answers,
            later_until: self.later_until.into_iter().chain(other.later_until).min(),
        }
    }

    fn load(&self) -> Load {
        Load { waiting: self.answers as i64, minutes: answer::minutes(self.words, self.answers) }
    }
}

/// Notes the flags that stood on sections of a runbook which its newest version says otherwise than `before` did.
pub async fn note_edited_flags(app: &App, before: &World, slug: &str, by: &str) -> sqlx::Result<()> {
    let after = app.worlds.now();
    let (Some(old), Some(new)) = (before.documents.get(slug), after.documents.get(slug)) else { return Ok(()) };
    let print = |anchor: &str| new.section(anchor).map(|number| &new.outline.sections[number].print);
    let edited =
        old.outline.sections.iter().enumerate().filter(|(_, section)| print(&section.anchor) != Some(&section.print));
    let flags = edited.flat_map(|(number, section)| {
        old.trusts[number].differences.iter().map(|difference| EditedFlag {
            section: section.anchor.clone(),
            flag: Flag {
                subject: difference.subject.clone(),
                field: difference.field.clone(),
                before: difference.before.clone(),
                after: difference.after.clone(),
            },
        })
    });
    note_edits(&app.db, slug, new.record.version, flags.collect(), by, app.now()).await
}

/// What is to be done with a field.
#[derive(Debug, Deserialize)]
pub struct Muting {
    kind: String,
    field: String,
    #[serde(default)]
    why: String,
    act: String,
}

/// Mutes a field of one kind of part, or lets it flag again.
pub async fn mute(State(app): State<Arc<App>>, context: PageContext, Form(muting): Form<Muting>) -> Response {
    let viewer = match context.demand(Role::Editor, "say which fields flag nothing") {
        Ok(viewer) => viewer,
        Err(refused) => return refused.page(&app, context).await,
    };
    let (why, name) = (without_null(muting.why.trim()), viewer.name.clone());
    let tallies = match reviews::tallies(app.db.read()).await {
        Ok(tallies) => tallies,
        Err(error) => return Error::from(error).page(&app, context).await,
    };
    let is_known = tallies.iter().any(|(kind, field, ..)| *kind == muting.kind && *field == muting.field);
    let why = match muting.act.as_str() {
        _ if !is_known => Err("No flag of such a field was answered yet. Choose one of the list.".to_owned()),
        "mute" if why.is_empty() => Err("Say in a line why it need not flag; it stands beside the field.".to_owned()),
        "mute" => Ok(Some(why.as_str())),
        "unmute" => Ok(None),
        other => Err(format!("\"{other}\" cannot be done with a field.")),
    };
    let done = match why {
        Ok(why) => {
            let mute = Mute { kind: &muting.kind, field: &muting.field, why, by: &name, address: &context.address };
            mute_field(&app.db, mute, app.now()).await.map_err(Error::from)
        }
        Err(wrong) => Err(Error::Invalid(wrong)),
    };
    if let Err(error) = done {
        return error.page(&app, context).await;
    }
    app.worlds.reload(&app.db).await;
    app.live.changed([Topic::Book].into());
    Redirect::to("/reviews#fields").into_response()
}

/// One review as a page.
pub async fn page(State(app): State<Arc<App>>, context: PageContext, Path(slug): Path<String>) -> Response {
    show(&app, context, &slug, None, None).await
}

/// One review as a page; 409 with why an answer was not taken, beside the text as it is now, and 422 with what was typed
/// where it could not be taken like that.
async fn show(
    app: &App,
    context: PageContext,
    slug: &str,
    edited_meanwhile: Option<String>,
    refused: Option<RefusedAnswer>,
) -> Response {
    match picture(app, &context, slug).await {
        Ok(picture) => {
            let status = match (&edited_meanwhile, &refused) {
                (Some(_), _) => StatusCode::CONFLICT,
                (_, Some(_)) => StatusCode::UNPROCESSABLE_ENTITY,
                _ => StatusCode::OK,
            };
            let picture = ReviewPicture { edited_meanwhile, refused, ..picture };
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
    let shown =
        Shown::load(app, &world).await?.of_file(&document.kept.place(), None).of_text(app, &document.outline).await?;
    let whole = document.trust(app.now());
    let rendered = markdown::render(&document.outline, &shown, &document.all_in_doubt());
    let (mut sections, mut trusted) = (Vec::new(), Vec::new());
    for (number, section) in rendered.into_iter().enumerate() {
        if !waits(document, number, whole) {
            // One that speaks of nothing waits for nobody, and nobody has said that it is right.
            if document.trusts[number].trust == Trust::Trusted {
                trusted.push(match section.title.as_str() {
                    "" => "What stands before the first heading".to_owned(),
                    _ => section.title,
                });
            }
            continue;
        }
        sections.push(SectionReview {
            reason: reason(document, number, whole),
            flags: flags(&world, document, number, app.now()),
            later: answer::later(&document.said[number], None, app.now()).map(later),
            assignee: answer::assignee(&document.said[number], None).map(str::to_owned),
            firsts: firsts(&world, document, number),
            not_about: not_about(&world, document, number),
            seen: serde_json::to_string(&as_seen(&world, document, number)).unwrap_or_default(),
            anchor: section.anchor,
            title: section.title,
            html: section.html,
        });
    }
    let may_answer = context.may(Role::Editor, "Reviewing", "review this").map_err(|may_not| may_not.why);
    let row = row(&world, document, app.now());
    let today = app.now().zoned(&app.config.zone()).date();
    let last = (app.now() + answer::LONGEST).zoned(&app.config.zone()).date();
    Ok(ReviewPicture {
        row,
        sections,
        trusted,
        may_answer,
        edited_meanwhile: None,
        refused: None,
        owners: owners(&world),
        two_reviewers: document.front.two_reviewers,
        days: (today.to_string(), last.to_string()),
    })
}

/// Everybody who answers for something in the book: those whom a flag may be given to.
fn owners(world: &World) -> Vec<String> {
    let book = &world.book;
    let of_workflows = book.workflows.values().flat_map(|w| [&w.owner, &w.business_owner]).flatten();
    let of_components = book.components.values().filter_map(|c| c.owner.as_ref());
    let of_documents = world.documents.values().filter_map(|d| d.front.owner.as_ref());
    let all: BTreeSet<&String> = of_workflows.chain(of_components).chain(of_documents).collect();
    all.into_iter().cloned().collect()
}

/// Who has said that the section is right as it is, where a second person must say so too.
fn firsts(world: &World, document: &Document, number: usize) -> Vec<String> {
    let (section, seen) = (&document.outline.sections[number].anchor, Seen::new(as_seen(world, document, number)));
    let of_section = document.firsts.iter().filter(|first| first.section == *section);
    of_section.filter(|first| first.seen == seen).map(|first| first.reviewed_by.clone()).collect()
}

/// What the section was said not to be about: the part, its name, the field, and who said so.
fn not_about(world: &World, document: &Document, number: usize) -> Vec<(String, String, String, String)> {
    let said = document.said[number].iter().filter(|s| s.answer == Said::NotAbout);
    said.filter_map(|s| {
        let (subject, field) = s.flag.as_ref()?;
        Some((subject.to_string(), world.name_of(subject), field.clone(), s.by.clone()))
    })
    .collect()
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
        let said = |d: &Doubt| {
            let after = d.occasion.problem().map_or_else(|| "a drill".to_owned(), |id| format!("problem {id}"));
            format!("After {after} {} said: {}", d.actor, d.words)
        };
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
    seen(&document.outline.sections[number].print, &document.spoken[number], world.present())
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
    /// Until when it is left for later: `YYYY-MM-DD`.
    #[serde(default)]
    until: String,
    /// Why.
    #[serde(default)]
    why: String,
    /// Whom it is given to.
    #[serde(default)]
    assignee: String,
}

/// What became of an answer.
enum Outcome {
    /// It is taken; this far the runbook can be believed now.
    Trust(Trust),
    /// It is taken, and a second person must say the same.
    FirstOfTwo,
    /// Its section says something else by now, and nothing was written: in which version, and whose.
    Edited(i64, String),
    /// It cannot be taken as it was typed.
    Refused(String),
}

/// Takes an answer.
pub async fn answer(
    State(app): State<Arc<App>>,
    context: PageContext,
    Path(slug): Path<String>,
    Form(mut answered): Form<Answered>,
) -> Response {
    let viewer = match context.demand(Role::Editor, "review runbooks") {
        Ok(viewer) => viewer.name.clone(),
        Err(refused) => return refused.page(&app, context).await,
    };
    answered.why = without_null(answered.why.trim());
    let review = format!("/reviews/{slug}");
    let (words, to) = match take(&app, &viewer, &context.address, &slug, &answered).await {
        Ok(Outcome::Trust(Trust::Trusted)) => {
            ("Reviewed. This runbook is trusted.".to_owned(), format!("/runbooks/{slug}"))
        }
        Ok(Outcome::Trust(_)) => ("Answered. The rest of this review waits below.".to_owned(), review),
        Ok(Outcome::FirstOfTwo) => ("Answered. It is trusted when a second person says the same.".to_owned(), review),
        Ok(Outcome::Edited(version, author)) => {
            let (read, author) = (answered.version, author_words(&author));
            let words = format!(
                "Your answer was not taken: you read version {read}, and {author} has changed that section. Version \
                 {version} is shown. Read it and answer again."
            );
            return show(&app, context, &slug, Some(words), None).await;
        }
        Ok(Outcome::Refused(words)) => {
            let Answered { section, subject, field, until, why, assignee, .. } = answered;
            let refused = RefusedAnswer { words, section, subject, field, until, why, assignee };
            return show(&app, context, &slug, None, Some(refused)).await;
        }
        Err(error) => return error.page(&app, context).await,
    };
    context.flash(&words).await;
    Redirect::to(&to).into_response()
}

async fn take(app: &Arc<App>, by: &str, address: &str, slug: &str, answered: &Answered) -> Result<Outcome, Error> {
    let world = app.worlds.now();
    let document = world.documents.get(slug).ok_or_else(|| Error::NotFound("runbook", slug.to_owned()))?;
    let seen: Pin = serde_json::from_str(&answered.seen)
        .map_err(|_| Error::Invalid("What you saw cannot be read; open the review again.".to_owned()))?;
    let newest = &document.record;
    if !(1..=newest.version).contains(&answered.version) {
        return Err(Error::Invalid("Which version you saw cannot be read; open the review again.".to_owned()));
    }
    let edited = || Outcome::Edited(newest.version, newest.author.clone());
    let number = match document.section(&answered.section) {
        Some(number) => number,
        None if answered.version < newest.version => return Ok(edited()),
        None => return Err(Error::Invalid("There is no such section in this runbook. Look again.".to_owned())),
    };
    let is_same = seen.text == document.outline.sections[number].print;
    let said = Said::parse(&answered.answer)
        .filter(|said| *said != Said::Edited)
        .ok_or_else(|| Error::Invalid(format!("\"{}\" is not an answer.", answered.answer)))?;
    let flag = match answered.subject.as_str() {
        "" => None,
        subject => Some(Flag {
            subject: Reference::parse(subject).map_err(Error::Invalid)?,
            field: answered.field.clone(),
            before: without_null(&answered.before),
            after: without_null(&answered.after),
        }),
    };
    // What was said not to be about a field is no flag; every other answer to one is to a flag that stands.
    if said == Said::About {
        let was_said = not_about(&world, document, number);
        if !was_said.iter().any(|(subject, _, field, _)| *subject == answered.subject && *field == answered.field) {
            return Ok(Outcome::Trust(document.trust(app.now())));
        }
    } else if flag.is_some() || said == Said::StillCorrect {
        let flags = flags(&world, document, number, app.now());
        let stands = flags.iter().find(|f| f.subject == answered.subject && f.field == answered.field);
        match stands {
            // The value has returned meanwhile, or somebody else answered: nothing is left to say.
            None if is_same => return Ok(Outcome::Trust(document.trust(app.now()))),
            Some(flag) if said == Said::NotAbout && flag.stated => {
                let words =
                    "The text states this value, so it is about it. Edit the section, or say that it is still correct.";
                return Ok(Outcome::Refused(words.to_owned()));
            }
            _ => {}
        }
    }
    if !is_same {
        return Ok(edited());
    }
    let until = match said {
        Said::Snoozed => match until(app, answered) {
            Ok(until) => Some(until),
            Err(wrong) => return Ok(Outcome::Refused(wrong)),
        },
        _ => None,
    };
    if said == Said::Reassigned && !owners(&world).contains(&answered.assignee) {
        return Ok(Outcome::Refused(
            "Choose whom to give it to: somebody who answers for something in the book.".to_owned(),
        ));
    }
    let review = Review {
        slug,
        read: answered.version,
        newest_version: newest.version,
        section: &answered.section,
        answer: said,
        flag,
        until,
        assignee: (said == Said::Reassigned).then_some(&answered.assignee),
        words: &answered.why,
        seen,
        two_reviewers: document.front.two_reviewers,
        by,
        address,
    };
    let taken = answer_review(&app.db, review, app.now()).await?;
    app.worlds.reload(&app.db).await;
    let world = app.worlds.now();
    let document = world.documents.get(slug).unwrap_or(document);
    match taken {
        // Somebody saved between this look and the writing: what they changed is looked at first.
        Taken::Edited => Ok(Outcome::Edited(document.record.version, document.record.author.clone())),
        Taken::FirstOfTwo => {
            app.live.changed([Topic::Book].into());
            Ok(Outcome::FirstOfTwo)
        }
        Taken::Written => {
            app.live.changed([Topic::Book].into());
            Ok(Outcome::Trust(document.trust(app.now())))
        }
    }
}

/// The beginning of the day up to which a flag is left, and why that cannot be.
fn until(app: &App, answered: &Answered) -> Result<Moment, String> {
    if answered.why.is_empty() {
        return Err("Say in a line why it can wait; it stands beside the flag.".to_owned());
    }
    let (now, zone) = (app.now(), app.config.zone());
    let until = Moment::of_day(&answered.until, &zone)
        .ok_or_else(|| "Choose the day after which to look again, within 30 days.".to_owned())?;
    match until > now && until <= now + answer::LONGEST {
        true => Ok(until),
        false => Err("A flag can wait for 30 days at most, and no less than until tomorrow.".to_owned()),
    }
}
