//! Following a runbook over HTTP: what forms about ticks, notes and answers say, the same for problems and drills.

use app::model::event::without_null;
use app::model::following::{self, LogLine, LoggedStep};
use app::model::moment::Moment;
use app::model::reference::Reference;
use app::model::runbook::StepItem;
use app::pages::problem::{LogRow, StepTick, Ticked};
use app::pages::shell::Viewer;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::error::Error;
use super::session::PageContext;
use crate::App;
use crate::actions::follow::{Doer, Follow};
use crate::book;
use crate::store::runbooks;
use crate::world::{Document, World};

/// How many lines of a log are shown.
pub const LONGEST_LOG: i64 = 500;

/// The longest name that a browser may give to a tick.
const LONGEST_NAME: usize = 64;

/// What a form says.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Typed {
    /// Of a problem: the owner on the screen.
    pub instead_of: String,
    /// A note, a reason, an answer.
    pub words: String,
    act: String,
    slug: String,
    section: String,
    version: i64,
    step: String,
    right: String,
    doubted: String,
    /// Of a tick that waited until the portal could be reached: when it was done, in milliseconds.
    at: Option<i64>,
    /// By whom.
    by: String,
    /// What the browser calls it.
    once: String,
}

/// Who does what a form says, and when that was.
///
/// # Errors
/// When somebody else did it, or too long ago.
pub fn doer(context: &PageContext, viewer: &Viewer, typed: &Typed, now: Moment) -> Result<Doer, Error> {
    if !typed.by.is_empty() && typed.by != viewer.name {
        return Err(Error::Invalid(format!("{} did that; it is not sent in the name of {}.", typed.by, viewer.name)));
    }
    if typed.once.len() > LONGEST_NAME {
        return Err(Error::Invalid("The name of this tick is too long.".to_owned()));
    }
    let told = typed.at.map(Moment::from_millis);
    Ok(Doer {
        name: viewer.name.clone(),
        address: context.address.clone(),
        done_at: following::done_at(told, now).map_err(Error::Invalid)?,
        now,
        once: Some(without_null(&typed.once)).filter(|once| !once.is_empty()),
    })
}

/// The words of a form, at most so many characters; `what` they should say.
///
/// # Errors
/// When there are none, or too many.
pub fn said(typed: &Typed, most: usize, what: &str) -> Result<String, Error> {
    let words = without_null(typed.words.trim()).replace("\r\n", "\n");
    match words.chars().count() {
        0 => Err(Error::Invalid(format!("Say {what}, in a few words."))),
        n if n > most => Err(Error::Invalid(format!("That is {n} characters long; at most {most} are kept."))),
        _ => Ok(words),
    }
}

/// A tick, its taking back, or a step left out; in a drill, of this runbook alone.
///
/// # Errors
/// When the step is not in the runbook any more, or a word is missing.
pub fn ticked(app: &App, of: Option<&str>, typed: &Typed) -> Result<Follow, Error> {
    if of.is_some_and(|slug| slug != typed.slug) {
        return Err(Error::Invalid("That step is of another runbook.".to_owned()));
    }
    let step = logged(app, typed)?;
    match typed.act.as_str() {
        "tick" => Ok(Follow::Tick(step)),
        "untick" => Ok(Follow::Untick(step)),
        "skip" => Ok(Follow::Skip(step, said(typed, 500, "why it is left out")?)),
        other => Err(Error::Invalid(format!("\"{other}\" is not tick, untick or skip."))),
    }
}

/// The step as it was on the screen; it must stand in the runbook as it is now.
fn logged(app: &App, typed: &Typed) -> Result<LoggedStep, Error> {
    let world = app.worlds.now();
    let stands = world.documents.get(&typed.slug).is_some_and(|d| {
        d.section(&typed.section).is_some_and(|n| d.outline.sections[n].steps.iter().any(|s| s.text == typed.step))
    });
    if !stands {
        return Err(Error::Invalid(
            "That step is no longer in the runbook; somebody edited it. Go back and look again.".to_owned(),
        ));
    }
    Ok(LoggedStep {
        slug: typed.slug.clone(),
        version: typed.version,
        section: typed.section.clone(),
        text: typed.step.clone(),
    })
}

/// The answer to "Was the runbook right?". `asked` are the steps that it is about.
///
/// # Errors
/// When it does not say what was wrong, and where.
pub fn answered(typed: &Typed, asked: Vec<LoggedStep>) -> Result<Follow, Error> {
    if typed.right == "yes" {
        return Ok(Follow::Answer { doubted: None, words: "It was right.".to_owned(), asked });
    }
    let (slug, section) =
        typed.doubted.split_once('#').ok_or_else(|| Error::Invalid("Say which section was wrong.".to_owned()))?;
    let doubted = Some((slug.to_owned(), section.to_owned()));
    Ok(Follow::Answer { doubted, words: said(typed, 1_000, "what was wrong or missing")?, asked })
}

/// The steps of a version of a runbook, of one section or of all; none when there is no such version.
///
/// # Errors
/// What the database says.
pub async fn steps_of(app: &App, slug: &str, version: i64, section: Option<&str>) -> Result<Vec<LoggedStep>, Error> {
    let Some(record) = runbooks::version(app.db.read(), slug, version).await? else { return Ok(Vec::new()) };
    let text = book::runbook_text(slug, &record.body);
    let outline = text.read().map_err(Error::Invalid)?;
    let sections = outline.sections.iter().filter(|s| section.is_none_or(|anchor| anchor == s.anchor));
    let step = |section: &str, text: &str| LoggedStep {
        slug: slug.to_owned(),
        version,
        section: section.to_owned(),
        text: text.to_owned(),
    };
    Ok(sections.flat_map(|s| s.steps.iter().map(move |item| step(&s.anchor, &item.text))).collect())
}

/// How the steps of a section, by its number, stand.
pub fn ticks(document: &Document, number: usize, log: &[LogLine]) -> Vec<StepTick> {
    let section = &document.outline.sections[number];
    let in_doubt = document.in_doubt(number).steps;
    let done = |text: &str| {
        following::settled(log, &document.record.slug, &section.anchor, text).map(|line| Ticked {
            by: line.actor.clone(),
            at: line.at,
            version: line.step.as_ref().map_or(0, |step| step.version),
            skipped: (line.act == "skipped").then(|| line.words.clone()),
        })
    };
    let tick = |step: &StepItem| StepTick {
        text: step.text.clone(),
        done: done(&step.text),
        in_doubt: in_doubt.contains(&step.index),
    };
    section.steps.iter().map(tick).collect()
}

/// A line of the log, as it is shown.
pub fn log_row(line: &LogLine) -> LogRow {
    LogRow {
        at: line.at,
        by: line.actor.clone(),
        act: line.act.clone(),
        words: line.words.clone(),
        step: line.step.as_ref().map(|s| s.text.clone()),
        version: line.step.as_ref().map(|s| s.version),
    }
}

/// The sections whose steps were ticked or left out: (slug, anchor, title), each once.
pub fn followed(world: &World, log: &[LogLine]) -> Vec<(String, String, String)> {
    let named = |(slug, section): (&str, &str)| {
        let reference = Reference::Runbook(slug.to_owned(), Some(section.to_owned()));
        (slug.to_owned(), section.to_owned(), world.name_of(&reference))
    };
    following::sections(log).into_iter().map(named).collect()
}

/// The answer to a form: back to the page it stands on, with a word; or for a script that asked for JSON, nothing.
pub async fn done(
    app: &App,
    context: PageContext,
    headers: &HeaderMap,
    done: Result<(Option<&str>, String), Error>,
) -> Response {
    let for_script = headers.get(header::ACCEPT).is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    match done {
        Ok(_) if for_script => StatusCode::NO_CONTENT.into_response(),
        Ok((words, back)) => {
            if let Some(words) = words {
                context.flash(words).await;
            }
            Redirect::to(&back).into_response()
        }
        Err(error) if for_script => error.into_response(),
        Err(error) => error.page(app, context).await,
    }
}
