//! `/decisions` and `/workarounds`: why something is as it is, written in the browser and kept in the book.

use std::collections::BTreeSet;
use std::sync::Arc;

use app::model::book::{Decision, Workaround};
use app::model::reference::{Reference, is_id};
use app::model::status::Role;
use app::pages::shell::Place;
use app::pages::why::{DecisionPicture, WorkaroundPicture};
use app::pages::whys::{DecisionRow, DecisionsPicture, WorkaroundRow, WorkaroundsPicture};
use app::pages::write::{FormField, WritePicture};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Form, Json};
use jiff::civil::Date;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::error::Error;
use super::render;
use super::runbooks::After;
use super::session::PageContext;
use crate::App;
use crate::actions::keep_observations::note_amended;
use crate::book::{Amended, Amendment, By, NotDone, amend_book, path};
use crate::world::{Document, World};

/// How far ahead the next look at a workaround is proposed.
const NEXT_LOOK_MONTHS: i32 = 3;

/// The day of now where the portal shows times, `YYYY-MM-DD`.
pub fn today(app: &App) -> String {
    app.now().zoned(&app.config.zone()).date().to_string()
}

/// The day that was chosen to look at a workaround again, which must be after `today`; else what to do.
fn day_to_look(typed: &str, today: &str) -> Result<String, String> {
    let day = typed.trim();
    let is_day = day.parse::<Date>().is_ok_and(|date| date.to_string() == day);
    match is_day && day > today {
        true => Ok(day.to_owned()),
        false if is_day || day.is_empty() => Err("Choose a day that is still to come.".to_owned()),
        false => Err(format!("\"{day}\" is not a day, as 2027-03-01 is. Choose a day that is still to come.")),
    }
}

/// The workarounds whose day is over.
pub fn overdue(app: &App, world: &World) -> Vec<Workaround> {
    let today = today(app);
    let mut overdue: Vec<_> = world.book.workarounds.values().filter(|w| w.is_overdue(&today)).cloned().collect();
    overdue.sort_by(|a, b| a.review_by.cmp(&b.review_by));
    overdue
}

/// How many entries are on a page of a list.
const PER_PAGE: usize = 100;

/// The entries on the page of a list that begins after one of them, and the id of the last where more follow. Where that
/// one is not there any more it begins at the first.
fn page_of<'a, T>(all: &[&'a T], after: Option<&str>, id: impl Fn(&T) -> &str) -> (Vec<&'a T>, Option<String>) {
    let begin = after.and_then(|after| all.iter().position(|one| id(one) == after)).map_or(0, |at| at + 1);
    let shown: Vec<&'a T> = all.iter().skip(begin).take(PER_PAGE).copied().collect();
    let next = shown.last().filter(|_| begin + shown.len() < all.len()).map(|last| id(last).to_owned());
    (shown, next)
}

fn decisions(world: &World, after: Option<&str>) -> DecisionsPicture {
    let all = world.book.decisions_newest_first();
    let (shown, next) = page_of(&all, after, |decision| &decision.id);
    let row = |decision: &Decision| DecisionRow {
        concerns: concerns(world, &decision.about),
        replaced_by: world.book.superseding(&decision.id).cloned().collect(),
        decision: decision.clone(),
    };
    let superseded: BTreeSet<&String> = all.iter().flat_map(|decision| &decision.supersedes).collect();
    let replaced = all.iter().filter(|decision| superseded.contains(&decision.id)).count();
    DecisionsPicture { items: shown.into_iter().map(row).collect(), in_force: all.len() - replaced, replaced, next }
}

/// The decisions as a page.
pub async fn decisions_page(
    State(app): State<Arc<App>>,
    context: PageContext,
    Query(After { after }): Query<After>,
) -> Response {
    let picture = decisions(&app.worlds.now(), after.as_deref());
    let head = app::pages::whys::decisions_head(&picture);
    let viewer = context.viewer.clone();
    let body = move || app::pages::whys::decisions_body(&picture, viewer.as_ref());
    render::page(&app, context, Place::Runbooks, head, None, StatusCode::OK, body).await
}

/// The decisions as JSON.
pub async fn decisions_json(
    State(app): State<Arc<App>>,
    Query(After { after }): Query<After>,
) -> Json<DecisionsPicture> {
    Json(decisions(&app.worlds.now(), after.as_deref()))
}

fn workarounds(app: &App, world: &World, after: Option<&str>) -> WorkaroundsPicture {
    let today = today(app);
    let all = world.book.workarounds_by_day();
    let (shown, next) = page_of(&all, after, |workaround| &workaround.id);
    let row = |workaround: &Workaround| WorkaroundRow {
        concerns: concerns(world, &workaround.about),
        overdue: workaround.is_overdue(&today),
        workaround: workaround.clone(),
    };
    WorkaroundsPicture {
        items: shown.into_iter().map(row).collect(),
        total: all.len(),
        overdue: all.iter().filter(|workaround| workaround.is_overdue(&today)).count(),
        next,
    }
}

/// The workarounds as a page.
pub async fn workarounds_page(
    State(app): State<Arc<App>>,
    context: PageContext,
    Query(After { after }): Query<After>,
) -> Response {
    let picture = workarounds(&app, &app.worlds.now(), after.as_deref());
    let head = app::pages::whys::workarounds_head(&picture);
    let viewer = context.viewer.clone();
    let body = move || app::pages::whys::workarounds_body(&picture, viewer.as_ref());
    render::page(&app, context, Place::Runbooks, head, None, StatusCode::OK, body).await
}

/// The workarounds as JSON.
pub async fn workarounds_json(
    State(app): State<Arc<App>>,
    Query(After { after }): Query<After>,
) -> Json<WorkaroundsPicture> {
    Json(workarounds(&app, &app.worlds.now(), after.as_deref()))
}

/// What a part is about: name and path; no path where it does not exist.
fn concerns(world: &World, about: &[Reference]) -> Vec<(String, String)> {
    let path = |r: &Reference| if world.exists(r) { r.path() } else { String::new() };
    about.iter().map(|r| (world.name_of(r), path(r))).collect()
}

fn speaking(world: &World, reference: &Reference) -> Vec<(String, String)> {
    world.speaking_of(reference).map(|d| (d.record.title.clone(), d.record.slug.clone())).collect()
}

/// The decisions that hold and the workarounds about what a runbook is for, and those that it speaks of.
pub fn of_runbook(world: &World, document: &Document) -> (Vec<Decision>, Vec<Workaround>) {
    let spoken: Vec<_> = document.spoken.iter().flatten().map(|s| &s.subject).collect();
    let fits = |own: Reference, about: &[Reference]| {
        spoken.contains(&&own) || about.iter().any(|about| document.front.about.contains(about))
    };
    let book = &world.book;
    let holds = |d: &&Decision| book.superseding(&d.id).next().is_none();
    let decisions = book.decisions.values().filter(holds);
    let decisions = decisions.filter(|d| fits(Reference::Decision(d.id.clone()), &d.about));
    let workarounds = book.workarounds.values().filter(|w| fits(Reference::Workaround(w.id.clone()), &w.about));
    (decisions.cloned().collect(), workarounds.cloned().collect())
}

fn decision(world: &World, id: &str) -> Result<DecisionPicture, Error> {
    let decision = world.book.decisions.get(id).ok_or_else(|| Error::NotFound("decision", id.to_owned()))?;
    let decided = |id: &String| (id.clone(), world.book.decisions.get(id).map(|d| d.decided.clone()));
    Ok(DecisionPicture {
        concerns: concerns(world, &decision.about),
        replaces: decision.supersedes.iter().map(decided).collect(),
        replaced_by: world.book.superseding(id).cloned().collect(),
        runbooks: speaking(world, &Reference::Decision(id.to_owned())),
        decision: decision.clone(),
    })
}

/// One decision as a page.
pub async fn decision_page(State(app): State<Arc<App>>, context: PageContext, Path(id): Path<String>) -> Response {
    match decision(&app.worlds.now(), &id) {
        Ok(picture) => {
            let head = app::pages::why::decision_head(&picture);
            let viewer = context.viewer.clone();
            let body = move || app::pages::why::decision_body(&picture, viewer.as_ref());
            render::page(&app, context, Place::Runbooks, head, None, StatusCode::OK, body).await
        }
        Err(error) => error.page(&app, context).await,
    }
}

/// One decision as JSON.
pub async fn decision_json(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
) -> Result<Json<DecisionPicture>, Error> {
    decision(&app.worlds.now(), &id).map(Json)
}

fn workaround(app: &App, world: &World, id: &str) -> Result<WorkaroundPicture, Error> {
    let workaround = world.book.workarounds.get(id).ok_or_else(|| Error::NotFound("workaround", id.to_owned()))?;
    let next = app.now().zoned(&app.config.zone()).date().saturating_add(jiff::Span::new().months(NEXT_LOOK_MONTHS));
    Ok(WorkaroundPicture {
        concerns: concerns(world, &workaround.about),
        overdue: workaround.is_overdue(&today(app)),
        runbooks: speaking(world, &Reference::Workaround(id.to_owned())),
        workaround: workaround.clone(),
        wrong: None,
        next_date: next.to_string(),
    })
}

/// One workaround as a page.
pub async fn workaround_page(State(app): State<Arc<App>>, context: PageContext, Path(id): Path<String>) -> Response {
    show_workaround(&app, context, &id, None).await
}

async fn show_workaround(app: &App, context: PageContext, id: &str, wrong: Option<(NotDone, String)>) -> Response {
    match workaround(app, &app.worlds.now(), id) {
        Ok(mut picture) => {
            let status = if wrong.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
            if let Some((NotDone { why, snippet }, typed)) = wrong {
                picture.wrong = Some((why, Some(snippet).filter(|s| !s.is_empty())));
                picture.next_date = typed;
            }
            let head = app::pages::why::workaround_head(&picture);
            let viewer = context.viewer.clone();
            let body = move || app::pages::why::workaround_body(&picture, viewer.as_ref());
            render::page(app, context, Place::Runbooks, head, None, status, body).await
        }
        Err(error) => error.page(app, context).await,
    }
}

/// One workaround as JSON.
pub async fn workaround_json(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
) -> Result<Json<WorkaroundPicture>, Error> {
    workaround(&app, &app.worlds.now(), &id).map(Json)
}

/// The next day on which to look.
#[derive(Debug, Default, Deserialize)]
pub struct Looked {
    #[serde(default)]
    review_by: String,
}

/// Somebody has looked at a workaround: it is still needed, until the next day given.
pub async fn review_workaround(
    State(app): State<Arc<App>>,
    context: PageContext,
    Path(id): Path<String>,
    Form(looked): Form<Looked>,
) -> Response {
    let viewer = match context.demand(Role::Editor, "answer for workarounds") {
        Ok(viewer) => viewer,
        Err(refused) => return refused.page(&app, context).await,
    };
    let day = match day_to_look(&looked.review_by, &today(&app)) {
        Ok(day) => day,
        Err(why) => {
            let not_done = NotDone { why, snippet: String::new() };
            return show_workaround(&app, context, &id, Some((not_done, looked.review_by))).await;
        }
    };
    let change =
        Amendment::Set { kind: "workaround", id: id.clone(), path: path(&["review_by"]), value: json!(day.clone()) };
    let what = format!("workaround:{id} still needed until {day}");
    match write(&app, change, &what, (&viewer.name, &context.address)).await {
        Ok(Ok(_)) => {
            context.flash(&format!("Still needed. It is asked again after {day}.")).await;
            Redirect::to(&format!("/workarounds/{id}")).into_response()
        }
        Ok(Err(not_done)) => show_workaround(&app, context, &id, Some((not_done, day))).await,
        Err(error) => error.page(&app, context).await,
    }
}

/// A workaround is not needed any more.
pub async fn remove_workaround(State(app): State<Arc<App>>, context: PageContext, Path(id): Path<String>) -> Response {
    let viewer = match context.demand(Role::Editor, "answer for workarounds") {
        Ok(viewer) => viewer,
        Err(refused) => return refused.page(&app, context).await,
    };
    if !app.worlds.now().book.workarounds.contains_key(&id) {
        return Error::NotFound("workaround", id).page(&app, context).await;
    }
    let change = Amendment::Remove { kind: "workaround", id: id.clone() };
    let what = format!("workaround:{id} not needed any more");
    match write(&app, change, &what, (&viewer.name, &context.address)).await {
        Ok(Ok(amended)) => {
            let told = amended.told("Taken out of");
            context.flash(&format!("{told} What speaks of it is flagged.")).await;
            Redirect::to("/reviews").into_response()
        }
        Ok(Err(not_done)) => show_workaround(&app, context, &id, Some((not_done, String::new()))).await,
        Err(error) => error.page(&app, context).await,
    }
}

/// Amends the book and keeps who did. Gives what was written, or why it could not be.
pub async fn write(
    app: &Arc<App>,
    change: Amendment,
    what: &str,
    (author, address): (&str, &str),
) -> Result<Result<Amended, NotDone>, Error> {
    let amended = match amend_book(app, change, By { author, what }).await {
        Ok(amended) => amended,
        Err(not_done) => return Ok(Err(not_done)),
    };
    note_amended(&app.db, &format!("{}: {what}", amended.file), (author, address), app.now()).await?;
    Ok(Ok(amended))
}

/// A new decision or workaround, as the form sends it, and as a link asks for it.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct New {
    #[serde(default)]
    about: String,
    #[serde(default)]
    supersedes: String,
    #[serde(default)]
    words: String,
    #[serde(default)]
    why: String,
    #[serde(default)]
    review_by: String,
    #[serde(default)]
    owner: String,
}

/// The form for a new decision.
pub async fn new_decision(State(app): State<Arc<App>>, context: PageContext, Query(new): Query<New>) -> Response {
    form(&app, context, "decision", new, None).await
}

/// The form for a new workaround.
pub async fn new_workaround(State(app): State<Arc<App>>, context: PageContext, Query(new): Query<New>) -> Response {
    form(&app, context, "workaround", new, None).await
}

/// Writes a new decision.
pub async fn add_decision(State(app): State<Arc<App>>, context: PageContext, Form(new): Form<New>) -> Response {
    add(&app, context, "decision", new).await
}

/// Writes a new workaround.
pub async fn add_workaround(State(app): State<Arc<App>>, context: PageContext, Form(new): Form<New>) -> Response {
    add(&app, context, "workaround", new).await
}

async fn form(app: &App, context: PageContext, kind: &'static str, new: New, wrong: Option<NotDone>) -> Response {
    let may = context.may(Role::Editor, "Writing", "write this");
    let text = |name, label: &str, value: &str, long, optional| FormField {
        name,
        label: label.to_owned(),
        value: value.to_owned(),
        long,
        optional,
        ..FormField::default()
    };
    let about = FormField {
        help: "Names of parts with a comma between: workflow:…, step:WORKFLOW/STEP, component:…".to_owned(),
        ..text("about", "It is about", &new.about, false, true)
    };
    let world = app.worlds.now();
    let before = world.book.decisions.get(&new.supersedes);
    let (title, sentence, fields) = match kind {
        "decision" => {
            let sentence = match before {
                Some(before) => format!("It takes the place of: {} ({})", before.decided, before.date),
                None => "What was decided and why, so that nobody has to guess it in two years.".to_owned(),
            };
            let hidden = FormField { name: "supersedes", value: new.supersedes.clone(), ..FormField::default() };
            let decided = text("words", "What is decided", &new.words, true, false);
            ("A new decision", sentence, vec![decided, text("why", "Because", &new.why, true, false), about, hidden])
        }
        _ => {
            let review =
                FormField { day: true, ..text("review_by", "Look at it again by", &new.review_by, false, false) };
            let fields = vec![
                text("words", "What is done just for now", &new.words, true, false),
                text("why", "What it makes harder later", &new.why, true, true),
                review,
                text("owner", "The team that answers for it", &new.owner, false, true),
                about,
            ];
            (
                "A new workaround",
                "What is done for now, what it costs later, and when to look again.".to_owned(),
                fields,
            )
        }
    };
    let of = match new.about.split(',').next().map(|first| Reference::parse(first.trim())) {
        Some(Ok(first)) => (world.name_of(&first), first.path()),
        _ if kind == "decision" => ("Decisions".to_owned(), "/decisions".to_owned()),
        _ => ("Workarounds".to_owned(), "/workarounds".to_owned()),
    };
    let status = if wrong.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let (why, snippet) = wrong.map_or((None, None), |w| (Some(w.why), Some(w.snippet).filter(|s| !s.is_empty())));
    let picture = WritePicture {
        title: title.to_owned(),
        sentence,
        of,
        action: format!("/{kind}s/new"),
        fields,
        button: "Write it into the book",
        wrong: why,
        snippet,
        may,
    };
    let head = app::pages::write::head(&picture);
    let body = move || app::pages::write::body(&picture);
    render::page(app, context, Place::Other, head, None, status, body).await
}

async fn add(app: &Arc<App>, context: PageContext, kind: &'static str, new: New) -> Response {
    let viewer = match context.demand(Role::Editor, "write into the book") {
        Ok(viewer) => viewer,
        Err(refused) => return refused.page(app, context).await,
    };
    let refused = |why: String| NotDone { why, snippet: String::new() };
    let (id, entry) = match entry(app, &app.worlds.now(), kind, &new) {
        Ok(entry) => entry,
        Err(why) => return form(app, context, kind, new, Some(refused(why))).await,
    };
    let what = format!("{kind}:{id} new");
    match write(app, Amendment::Append(entry), &what, (&viewer.name, &context.address)).await {
        Ok(Ok(amended)) => {
            context.flash(&amended.told("Written into")).await;
            Redirect::to(&format!("/{kind}s/{id}")).into_response()
        }
        Ok(Err(not_done)) => form(app, context, kind, new, Some(not_done)).await,
        Err(error) => error.page(app, context).await,
    }
}

/// The entry that was asked for with its id, or what is wrong with it.
fn entry(app: &App, world: &World, kind: &str, new: &New) -> Result<(String, Value), String> {
    let words = new.words.trim();
    if words.is_empty() {
        return Err("Say what it is.".to_owned());
    }
    let about = new.about.split(',').map(str::trim).filter(|about| !about.is_empty());
    let about: Vec<String> = about.map(|a| Reference::parse(a).map(|r| r.to_string())).collect::<Result<_, _>>()?;
    let today = today(app);
    let mut fields = Map::new();
    let mut put = |key: &str, value: &str| {
        if !value.trim().is_empty() {
            fields.insert(key.to_owned(), json!(value.trim().replace("\r\n", "\n")));
        }
    };
    put("kind", kind);
    let taken = |id: &str| match kind {
        "decision" => world.book.decisions.contains_key(id),
        _ => world.book.workarounds.contains_key(id),
    };
    let id = new_id(if kind == "decision" { &today[..7] } else { "" }, words, taken);
    put("id", &id);
    match kind {
        "decision" => {
            if new.why.trim().is_empty() {
                return Err("Say why: a decision without a reason is asked again.".to_owned());
            }
            put("date", &today);
            put("decided", words);
            put("because", &new.why);
            let before = new.supersedes.trim();
            if !before.is_empty() && !world.book.decisions.contains_key(before) {
                return Err(format!("There is no decision \"{before}\" whose place it could take."));
            }
            fields.insert("about".to_owned(), json!(about));
            fields.insert(
                "supersedes".to_owned(),
                json!(Some(before).filter(|b| !b.is_empty()).into_iter().collect::<Vec<_>>()),
            );
        }
        _ => {
            let day = day_to_look(&new.review_by, &today)?;
            put("since", &today);
            put("what", words);
            put("harder_later", &new.why);
            put("review_by", &day);
            put("owner", &new.owner);
            fields.insert("about".to_owned(), json!(about));
        }
    }
    Ok((id, fields.into()))
}

/// An id from the first words that nobody has yet.
fn new_id(before: &str, words: &str, taken: impl Fn(&str) -> bool) -> String {
    let parts = words.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
    let words = parts.take(6).map(str::to_ascii_lowercase);
    let all: Vec<String> = Some(before.to_owned()).filter(|b| !b.is_empty()).into_iter().chain(words).collect();
    let short: String = all.join("-").chars().take(56).collect();
    let short = short.trim_end_matches('-');
    let short = if is_id(short) && short != "new" { short } else { "written" };
    let numbered = (2..).map(|n| format!("{short}-{n}"));
    std::iter::once(short.to_owned()).chain(numbered).find(|id| !taken(id)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_look_is_on_a_day_that_is_still_to_come() {
        let look = |typed| day_to_look(typed, "2026-06-04");
        assert_eq!(look(" 2026-06-05 "), Ok("2026-06-05".to_owned()));
        assert_eq!(look("2026-06-04"), Err("Choose a day that is still to come.".to_owned()));
        assert_eq!(look(""), look("2026-06-04"));
        for wrong in ["soon", "2026-13-01", "5.6.2026"] {
            assert!(look(wrong).unwrap_err().starts_with(&format!("\"{wrong}\" is not a day")), "{wrong}");
        }
    }

    #[test]
    fn an_id_is_made_of_the_first_words_and_is_never_there_twice() {
        assert_eq!(new_id("2026-06", "Put a queue: in front!", |_| false), "2026-06-put-a-queue-in-front");
        assert_eq!(new_id("", "Put it", |id| id == "put-it"), "put-it-2");
        assert_eq!((new_id("", "…", |_| false), new_id("", "New", |_| false)), ("written".into(), "written".into()));
        assert!(is_id(&new_id("", &"long ".repeat(90), |id| !id.ends_with("-3"))));
    }
}
