//! `/find`: anything by name, id or words; an exact id goes straight there.

use std::collections::BTreeSet;
use std::sync::Arc;

use app::model::event::without_null;
use app::model::reference::Reference;
use app::model::status::State as Status;
use app::model::subject::Subject;
use app::pages::find::{FindPicture, Found};
use app::pages::shell::Place;
use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::error::Error;
use super::runs::row;
use super::session::PageContext;
use super::workflows::urlencode;
use super::{components, render};
use crate::App;
use crate::judging;
use crate::standing;
use crate::store::runs::{self, RunRecord};
use crate::store::{records, subjects};
use crate::world::World;

/// How many things are shown.
const MOST: usize = 40;

/// How many characters of a section are shown around the first word found.
const SNIPPET: usize = 140;

/// What is asked.
#[derive(Debug, Default, Deserialize)]
pub struct Asked {
    #[serde(default)]
    q: String,
}

/// What was found as a page; straight to the thing when the words are its exact id.
pub async fn page(State(app): State<Arc<App>>, context: PageContext, Query(asked): Query<Asked>) -> Response {
    match find(&app, &asked.q).await {
        Ok((Some(href), _)) => Redirect::to(&href).into_response(),
        Ok((None, picture)) => {
            let head = app::pages::find::head(&picture);
            let body = move || app::pages::find::body(&picture);
            render::page(&app, context, Place::Find, head, None, StatusCode::OK, body).await
        }
        Err(error) => error.page(&app, context).await,
    }
}

/// What was found as JSON.
pub async fn json(State(app): State<Arc<App>>, Query(asked): Query<Asked>) -> Result<Json<FindPicture>, Error> {
    find(&app, &asked.q).await.map(|(_, picture)| Json(picture))
}

/// What was found, and the one thing whose id was asked for exactly.
async fn find(app: &App, query: &str) -> Result<(Option<String>, FindPicture), Error> {
    let query = without_null(query);
    let asked = query.trim();
    let mut picture = FindPicture { query: asked.to_owned(), items: Vec::new() };
    if asked.is_empty() {
        return Ok((None, picture));
    }
    let world = app.worlds.now();
    let mut exact = Vec::new();
    let with_id = runs::by_run_id(app.db.read(), asked, MOST as i64).await?;
    let pauses = standing::pauses_near(app, app.now()).await?;
    let subjects = subjects_called(app, &world, asked).await?;
    for subject in &subjects {
        exact.push(subject_href(&subject.subject));
        picture.items.push(found_subject(subject));
    }
    let about = match subjects.iter().any(|s| s.subject.text() == asked) {
        true => runs::by_subject(app.db.read(), asked, MOST as i64).await?,
        false => Vec::new(),
    };
    let about = about.iter().filter(|r| with_id.iter().all(|w| w.key != r.key));
    for (record, has_id) in with_id.iter().map(|r| (r, true)).chain(about.map(|r| (r, false))) {
        let row = row(app, &world, record, &pauses);
        let href = format!("/runs/{}/{}", urlencode(&record.workflow), urlencode(&record.run));
        if has_id {
            exact.push(href.clone());
        }
        picture.items.push(Found {
            kind: "run",
            name: format!("{} {}", world.name_of(&Reference::Workflow(record.workflow.clone())), record.run),
            href,
            snippet: vec![(row.sentence, false)],
            state: Some(row.state),
            trust: None,
        });
    }
    let words: Vec<String> = asked.to_lowercase().split_whitespace().map(str::to_owned).collect();
    let mut found: Vec<(u32, Found)> = Vec::new();
    let standings = standing::all(app, &world, app.now()).await?;
    let steps = components::step_states(app).await?;
    let queues = judging::queues::all(app, &world, app.now()).await?;
    for standing in &standings {
        let declared = world.workflow(&standing.id);
        let name = declared.map_or(standing.id.as_str(), |w| w.name.as_str());
        let purpose = declared.and_then(|w| w.purpose.as_deref()).unwrap_or("");
        let href = format!("/workflows/{}", urlencode(&standing.id));
        if standing.id == asked {
            exact.push(href.clone());
        }
        let item = entry(&words, "workflow", &standing.id, name, purpose, href);
        found.extend(item.map(|(score, f)| (score + 4, Found { state: Some(standing.verdict.state), ..f })));
        for step in declared.map(|w| w.steps.as_slice()).unwrap_or_default() {
            let href = format!("/workflows/{}#step-{}", urlencode(&standing.id), urlencode(&step.id));
            let meaning = step.meaning.as_deref().unwrap_or("");
            let state = steps.get(&(standing.id.clone(), step.id.clone())).copied();
            found.extend(
                entry(&words, "step", &step.id, &step.name, meaning, href).map(|(n, f)| (n, Found { state, ..f })),
            );
        }
    }
    found.extend(declared_things(&world, &words, asked, &mut exact, |id| {
        let queue = queues.get(id).map(|queue| queue.state);
        queue.or_else(|| components::state_of(&world, id, &steps))
    }));
    found.extend(documents(app, &world, &words, asked, &mut exact));
    found.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.name.cmp(&b.1.name)));
    picture.items.extend(found.into_iter().map(|(_, f)| f));
    picture.items.truncate(MOST);
    exact.dedup();
    let straight = match subjects.as_slice() {
        // Runs with this id that are about the one subject with this key are one answer: the subject, whose page
        // tells of all its runs, or the run itself where it is the only one.
        [one] if one.tells_all(&exact) => match one.runs.as_slice() {
            [run] if exact.len() > 1 => Some(run.clone()),
            _ => Some(subject_href(&one.subject)),
        },
        _ if exact.len() == 1 => exact.pop(),
        _ => None,
    };
    Ok((straight, picture))
}

/// A subject that was asked for by its text or its key.
struct Called {
    subject: Subject,
    /// Where its runs are, newest first, at most 40.
    runs: Vec<String>,
}

impl Called {
    /// Whether everything that was asked for exactly is it, or a run of it.
    fn tells_all(&self, exact: &[String]) -> bool {
        let own = subject_href(&self.subject);
        exact.iter().all(|href| *href == own || self.runs.contains(href))
    }
}

fn subject_href(subject: &Subject) -> String {
    format!("/subjects/{}/{}", urlencode(subject.kind()), urlencode(subject.key()))
}

/// The subjects with this text, or with this key under a type that was heard of or that the book declares. A look at
/// an index a type: there are as many types as there are sorts of things in a business.
async fn subjects_called(app: &App, world: &World, asked: &str) -> Result<Vec<Called>, Error> {
    let mut types: BTreeSet<String> = subjects::types(app.db.read()).await?.into_iter().collect();
    types.extend(world.book.workflows.values().filter_map(|w| w.subject.clone()));
    let mut wanted = BTreeSet::from([Subject::of(asked)]);
    wanted.extend(types.iter().map(|kind| Subject::at(kind, asked)));
    let mut called = Vec::new();
    for subject in wanted {
        let runs = runs::by_subject(app.db.read(), subject.text(), MOST as i64).await?;
        if !runs.is_empty() || !records::of_subject(app.db.read(), &subject).await?.is_empty() {
            let href = |r: &RunRecord| format!("/runs/{}/{}", urlencode(&r.workflow), urlencode(&r.run));
            called.push(Called { runs: runs.iter().map(href).collect(), subject });
        }
    }
    Ok(called)
}

fn found_subject(called: &Called) -> Found {
    let words = match called.runs.len() {
        0 => "Known from records of systems.".to_owned(),
        1 => "1 run".to_owned(),
        n if n == MOST => format!("{n} runs or more"),
        n => format!("{n} runs"),
    };
    Found {
        kind: "subject",
        name: called.subject.text().to_owned(),
        href: subject_href(&called.subject),
        snippet: vec![(words, false)],
        state: None,
        trust: None,
    }
}

fn declared_things(
    world: &World,
    words: &[String],
    asked: &str,
    exact: &mut Vec<String>,
    state: impl Fn(&str) -> Option<Status>,
) -> Vec<(u32, Found)> {
    let mut found = Vec::new();
    for component in world.book.components.values() {
        let href = format!("/components/{}", component.id);
        if component.id == asked {
            exact.push(href.clone());
        }
        let fields = component.fields.iter().map(|f| {
            format!("{}: {} {}", f.name, f.documented.as_deref().unwrap_or(""), f.in_practice.as_deref().unwrap_or(""))
        });
        let about = component.meaning.iter().cloned().chain(fields).collect::<Vec<_>>().join(" ");
        let item = entry(words, "component", &component.id, &component.name, &about, href);
        found.extend(item.map(|(n, f)| (n + 2, Found { state: state(&component.id), ..f })));
    }
    // Decisions and workarounds are shown where they belong: at the first part that they are about.
    let place = |about: &[Reference]| about.first().map_or_else(|| "/workflows".to_owned(), Reference::path);
    for d in world.book.decisions.values() {
        found.extend(entry(words, "decision", &d.id, &d.decided, d.because.as_deref().unwrap_or(""), place(&d.about)));
    }
    for w in world.book.workarounds.values() {
        let later = w.harder_later.as_deref().unwrap_or("");
        found.extend(entry(words, "workaround", &w.id, &w.what, later, place(&w.about)));
    }
    found
}

fn documents(app: &App, world: &World, words: &[String], asked: &str, exact: &mut Vec<String>) -> Vec<(u32, Found)> {
    let mut found = Vec::new();
    for document in world.documents.values() {
        let (slug, title) = (&document.record.slug, &document.record.title);
        if slug == asked {
            exact.push(format!("/runbooks/{slug}"));
        }
        let trust = Some(document.trust(app.now()));
        let best = document
            .outline
            .sections
            .iter()
            .filter_map(|section| {
                let href = match section.anchor.is_empty() {
                    true => format!("/runbooks/{slug}"),
                    false => format!("/runbooks/{slug}#{}", section.anchor),
                };
                let name = match section.title.is_empty() {
                    true => title.clone(),
                    false => format!("{title}: {}", section.title),
                };
                entry(words, "runbook", slug, &name, &section.text, href)
            })
            .max_by_key(|(score, _)| *score);
        found.extend(best.map(|(score, f)| (score + 3, Found { trust, ..f })));
    }
    found
}

/// One thing, if every word is in its id, name or text: better the earlier and the more exactly it is named.
fn entry(
    words: &[String],
    kind: &'static str,
    id: &str,
    name: &str,
    about: &str,
    href: String,
) -> Option<(u32, Found)> {
    let (lower_id, lower_name, lower_about) = (id.to_lowercase(), name.to_lowercase(), about.to_lowercase());
    let mut score = 0;
    for word in words {
        score += match () {
            () if lower_id == *word || lower_name == *word => 40,
            () if lower_name.split(|c: char| !c.is_alphanumeric()).any(|w| w == word) => 20,
            () if lower_name.split(|c: char| !c.is_alphanumeric()).any(|w| w.starts_with(word.as_str())) => 14,
            () if lower_id.contains(word.as_str()) => 10,
            () if lower_name.contains(word.as_str()) => 8,
            () if lower_about.contains(word.as_str()) => 4,
            () => return None,
        };
    }
    let snippet = snippet(about, words);
    Some((score, Found { kind, name: name.to_owned(), href, snippet, state: None, trust: None }))
}

/// The text around the first word found, with the words marked.
fn snippet(text: &str, words: &[String]) -> Vec<(String, bool)> {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let lower = text.to_lowercase();
    // Lower case may be longer or shorter in bytes; then nothing is marked rather than the wrong thing.
    let aligned = lower.len() == text.len();
    let first = words.iter().filter_map(|w| lower.find(w.as_str())).min().unwrap_or(0);
    let start = match aligned && first > SNIPPET / 2 {
        true => text[..floor(&text, first - SNIPPET / 2)].rfind(' ').map_or(0, |at| at + 1),
        false => 0,
    };
    let end = floor(&text, (start + SNIPPET).min(text.len()));
    let mut parts = Vec::new();
    if start > 0 {
        parts.push(("… ".to_owned(), false));
    }
    let mut at = start;
    while aligned && at < end {
        let next = words.iter().filter_map(|w| lower[at..end].find(w.as_str()).map(|i| (at + i, w.len()))).min();
        let Some((from, length)) =
            next.filter(|(from, length)| text.is_char_boundary(*from) && text.is_char_boundary(from + length))
        else {
            break;
        };
        if from > at {
            parts.push((text[at..from].to_owned(), false));
        }
        parts.push((text[from..from + length].to_owned(), true));
        at = from + length;
    }
    if at < end {
        parts.push((text[at..end].to_owned(), false));
    }
    if end < text.len() {
        parts.push((" …".to_owned(), false));
    }
    parts
}

/// The nearest place at or before `at` where a character begins.
fn floor(text: &str, mut at: usize) -> usize {
    at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn the_words_are_marked_in_the_snippet() {
        let parts = snippet("Copies paid orders into the ERP.", &words("orders erp"));
        let marked: Vec<_> = parts.iter().filter(|(_, m)| *m).map(|(t, _)| t.as_str()).collect();
        assert_eq!(marked, ["orders", "ERP"]);
        assert_eq!(parts.iter().map(|(t, _)| t.as_str()).collect::<String>(), "Copies paid orders into the ERP.");
    }

    #[test]
    fn a_name_is_better_than_a_mention() {
        let score =
            |name: &str, about: &str| entry(&words("erp"), "component", "x", name, about, String::new()).unwrap().0;
        assert!(score("ERP", "") > score("ERP worker", "") && score("ERP worker", "") > score("x", "the erp"));
    }

    #[test]
    fn every_word_must_be_there() {
        assert!(entry(&words("erp banana"), "component", "x", "ERP", "", String::new()).is_none());
    }

    #[test]
    fn letters_of_any_script_are_cut_whole() {
        let long = "ÄÖÜ ".repeat(200);
        assert!(!snippet(&long, &words("öü")).is_empty());
    }
}
