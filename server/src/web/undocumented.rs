//! `/undocumented`: what was observed and is in no book, and the answers to that.

use std::collections::BTreeMap;
use std::sync::Arc;

use app::model::book::{Book, Workflow};
use app::model::reference::{Reference, is_id};
use app::model::status::Role;
use app::model::undocumented::{Ignored, Observation, Sight, recognised_by};
use app::pages::shell::Place;
use app::pages::undocumented::{Accept, UndocumentedPicture, UndocumentedRow, Wrong};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Form, Json};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::error::Error;
use super::session::PageContext;
use super::workflows::urlencode;
use super::{render, why};
use crate::App;
use crate::actions::keep_observations::ignore_observation;
use crate::book::{Amendment, NotDone, path};
use crate::judging;
use crate::live::Topic;
use crate::store::{observations, tallies};
use crate::world::World;

/// The longest reason or name, in characters.
const LONGEST: usize = 300;

/// Which workflow is asked for alone.
#[derive(Debug, Default, Deserialize)]
pub struct Asked {
    workflow: Option<String>,
}

/// An answer, as the form sends it.
#[derive(Debug, Default, Deserialize)]
pub struct Answered {
    answer: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    words: String,
    #[serde(default)]
    target: String,
}

/// The inbox as a page.
pub async fn page(State(app): State<Arc<App>>, context: PageContext, Query(asked): Query<Asked>) -> Response {
    show(&app, context, asked.workflow.as_deref(), None).await
}

/// The inbox as JSON.
pub async fn json(
    State(app): State<Arc<App>>,
    context: PageContext,
    Query(asked): Query<Asked>,
) -> Result<Json<UndocumentedPicture>, Error> {
    picture(&app, &context, asked.workflow.as_deref(), None).await.map(Json)
}

async fn show(app: &App, context: PageContext, workflow: Option<&str>, wrong: Option<Wrong>) -> Response {
    let status = if wrong.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    match picture(app, &context, workflow, wrong).await {
        Ok(picture) => {
            let head = app::pages::undocumented::head(&picture);
            let body = move || app::pages::undocumented::body(&picture);
            render::page(app, context, Place::Reviews, head, None, status, body).await
        }
        Err(error) => error.page(app, context).await,
    }
}

async fn picture(
    app: &App,
    context: &PageContext,
    workflow: Option<&str>,
    wrong: Option<Wrong>,
) -> Result<UndocumentedPicture, Error> {
    let world = app.worlds.now();
    let mut kept = observations::open(app.db.read()).await?;
    kept.retain(|o| workflow.is_none_or(|id| o.workflow == id));
    let criticality = |o: &Observation| world.workflow(&o.workflow).map(|w| w.criticality);
    kept.sort_by_key(|o| std::cmp::Reverse((criticality(o), o.count, o.id)));
    let (ignored, open): (Vec<_>, Vec<_>) = kept.iter().partition(|o| o.ignored.is_some());
    let may = context.may(Role::Editor, "Answering", "answer");
    Ok(UndocumentedPicture {
        items: open.into_iter().map(|o| row(&world, o)).collect(),
        ignored: ignored.into_iter().map(|o| row(&world, o)).collect(),
        workflow: workflow.map(|id| (id.to_owned(), world.name_of(&Reference::Workflow(id.to_owned())))),
        next: None,
        may,
        wrong,
    })
}

fn row(world: &World, o: &Observation) -> UndocumentedRow {
    let part = o.sight.part(&o.workflow);
    let field = o.sight.field();
    let flags = world.speaking_of(&part).flat_map(|d| &d.trusts);
    let flags = flags.filter(|t| t.differences.iter().any(|d| d.subject == part && d.field == field)).count();
    let kind = serde_json::to_value(&o.sight).ok();
    UndocumentedRow {
        id: o.id,
        kind: kind.and_then(|k| k["kind"].as_str().map(str::to_owned)).unwrap_or_default(),
        sort: o.sight.sort(),
        name: world.name_of(&part),
        href: part.path(),
        part: part.to_string(),
        workflow: (o.workflow.clone(), world.name_of(&Reference::Workflow(o.workflow.clone()))),
        sentence: o.sight.sentence(&world.book, &o.workflow),
        declared: o.declared.clone(),
        observed: o.value.clone(),
        since: o.first_seen,
        last_seen: o.last_seen,
        count: o.count,
        run: o.run.as_ref().map(|run| format!("/runs/{}/{}", urlencode(&o.workflow), urlencode(run))),
        ignored: o.ignored.clone(),
        flags: flags as i64,
        accept: accept(&world.book, o),
        same_as: same_as(world.workflow(&o.workflow), &o.sight),
    }
}

/// What accepting would say; none where the book cannot say it in one place.
fn accept(book: &Book, o: &Observation) -> Option<Accept> {
    let says = |says: String| Some(Accept { says, name: None, words: None });
    let name = |id: &str| book.step(&o.workflow, id).map_or_else(|| id.to_owned(), |s| s.name.clone());
    match &o.sight {
        Sight::Step { step } if is_id(step) => Some(Accept {
            says: "A step of this workflow, after the one that it was seen after.".to_owned(),
            name: Some(("What people call it", as_name(step))),
            words: Some("What it means for the business"),
        }),
        Sight::Edge { from, to } if from != to => says(format!("{} may come right after {}.", name(to), name(from))),
        Sight::Error { sample, .. } => Some(Accept {
            says: "A known way in which this step fails.".to_owned(),
            name: Some(("A short name: a to z, 0 to 9 and -", as_id(&sample.to_string()))),
            words: Some("What it does to the business"),
        }),
        Sight::Tries { tries, .. } | Sight::GivesUp { tries, .. } => says(format!("{tries} tries in all.")),
        Sight::Dependency { component, on } => says(format!("{component} needs {on}.")),
        _ => None,
    }
}

fn as_name(id: &str) -> String {
    let mut words = id.replace('-', " ");
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    words
}

fn as_id(text: &str) -> String {
    let parts = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
    let words: Vec<_> = parts.take(6).map(str::to_ascii_lowercase).collect();
    words.join("-").chars().take(60).collect::<String>().trim_end_matches('-').to_owned()
}

/// The declared things that it may be.
fn same_as(declared: Option<&Workflow>, sight: &Sight) -> Vec<(String, String)> {
    let Some(declared) = declared else { return Vec::new() };
    match sight {
        Sight::Step { .. } => declared.steps.iter().map(|s| (s.id.clone(), s.name.clone())).collect(),
        Sight::Error { step, .. } => {
            let points = declared.step(step).map(|s| s.failure_points.as_slice()).unwrap_or_default();
            points.iter().map(|p| (p.id.clone(), as_name(&p.id))).collect()
        }
        _ => Vec::new(),
    }
}

/// Takes an answer.
pub async fn answer(
    State(app): State<Arc<App>>,
    context: PageContext,
    Path(id): Path<i64>,
    Form(answered): Form<Answered>,
) -> Response {
    let viewer = match context.demand(Role::Editor, "say what the book should say") {
        Ok(viewer) => viewer,
        Err(refused) => return refused.page(&app, context).await,
    };
    match take(&app, (&viewer.name, &context.address), id, &answered).await {
        Ok(Ok(done)) => {
            context.flash(&done).await;
            Redirect::to("/undocumented").into_response()
        }
        Ok(Err(NotDone { why, snippet })) => {
            let Answered { name, words, .. } = answered;
            let snippet = Some(snippet).filter(|s| !s.is_empty());
            show(&app, context, None, Some(Wrong { id, why, snippet, name, words })).await
        }
        Err(error) => error.page(&app, context).await,
    }
}

/// What was done in a sentence, or why it was not.
async fn take(
    app: &Arc<App>,
    who: (&str, &str),
    id: i64,
    answered: &Answered,
) -> Result<Result<String, NotDone>, Error> {
    let refused = |why: &str| Ok(Err(NotDone { why: why.to_owned(), snippet: String::new() }));
    let world = app.worlds.now();
    let Some(known) = observations::find(app.db.read(), id).await? else {
        return Err(Error::NotFound("observation", id.to_string()));
    };
    if known.ended.is_some() {
        return Ok(Ok("It was answered meanwhile.".to_owned()));
    }
    let words = answered.words.trim();
    if words.chars().count() > LONGEST || answered.name.chars().count() > LONGEST {
        return refused("At most 300 characters.");
    }
    let change = match answered.answer.as_str() {
        "ignore" if words.is_empty() => {
            return refused("Say why it needs no answer: whoever looks next has only this line.");
        }
        "ignore" => {
            let ignored = Ignored { by: who.0.to_owned(), at: app.now(), reason: words.to_owned() };
            ignore_observation(&app.db, &world.book, id, Some(&ignored), who, app.now()).await?;
            told(app).await;
            return Ok(Ok("Ignored. It is asked again if it changes.".to_owned()));
        }
        "undo" => {
            ignore_observation(&app.db, &world.book, id, None, who, app.now()).await?;
            told(app).await;
            return Ok(Ok("It is asked again.".to_owned()));
        }
        "accept" => accepted(app, &world, &known, answered).await?,
        "map" => mapped(&world, &known, &answered.target),
        other => return Err(Error::Invalid(format!("\"{other}\" is not an answer."))),
    };
    let change = match change {
        Ok(change) => change,
        Err(why) => return refused(&why),
    };
    let what = format!("{} {}", known.sight.part(&known.workflow), known.value);
    let amended = match why::write(app, change, &what, who).await? {
        Ok(amended) => amended,
        Err(not_done) => return Ok(Err(not_done)),
    };
    judging::look_at_the_book(app).await?;
    Ok(Ok(format!("{} The book says so now.", amended.told("Written into"))))
}

async fn told(app: &App) {
    app.worlds.reload(&app.db).await;
    app.live.changed([Topic::Book].into());
}

fn amendment(workflow: &str, keys: &[&str]) -> impl Fn(Value) -> Amendment {
    let (id, path) = (workflow.to_owned(), path(keys));
    move |item| Amendment::Add { kind: "workflow", id: id.clone(), path: path.clone(), item }
}

/// What accepting writes, or why it cannot be.
async fn accepted(
    app: &App,
    world: &World,
    known: &Observation,
    answered: &Answered,
) -> Result<Result<Amendment, String>, Error> {
    let workflow = known.workflow.as_str();
    let Some(declared) = world.workflow(workflow) else {
        return Ok(Err("Its workflow is not in the book.".to_owned()));
    };
    let (name, words) = (answered.name.trim(), answered.words.trim());
    let own = |step: &str| declared.step(step).map_or_else(|| step.to_owned(), |s| s.id.clone());
    let mut fields = Map::new();
    let set = |keys: &[&str], value: Value| Amendment::Set {
        kind: "workflow",
        id: workflow.to_owned(),
        path: path(keys),
        value,
    };
    Ok(Ok(match &known.sight {
        Sight::Step { step } => {
            if name.is_empty() {
                return Ok(Err("Say what people call this step.".to_owned()));
            }
            fields.extend([("id".to_owned(), json!(step)), ("name".to_owned(), json!(name))]);
            if !words.is_empty() {
                fields.insert("meaning".to_owned(), json!(words));
            }
            let edges = tallies::edges(app.db.read(), workflow).await?;
            let before: Vec<_> = edges
                .iter()
                .filter(|e| e.to == *step && declared.step(&e.from).is_some())
                .take(1)
                .map(|e| own(&e.from))
                .collect();
            // Without a word of what it comes after, it would come after the step above it.
            fields.insert("after".to_owned(), json!(before));
            amendment(workflow, &["steps"])(fields.into())
        }
        Sight::Edge { from, to } => {
            let to = own(to);
            let step = format!("id={to}");
            let keys = ["steps", step.as_str(), "after"];
            match declared.steps.iter().position(|s| s.id == to) {
                None => return Ok(Err("The step that it leads to is not in the book.".to_owned())),
                Some(at) if declared.steps[at].after.is_none() => {
                    let above = at.checked_sub(1).map(|n| declared.steps[n].id.clone());
                    set(&keys, json!(above.into_iter().chain([own(from)]).collect::<Vec<_>>()))
                }
                Some(_) => amendment(workflow, &keys)(json!(own(from))),
            }
        }
        Sight::Error { step, sample, .. } => {
            let (step, taken) =
                (own(step), declared.step(step).map(|s| s.failure_points.as_slice()).unwrap_or_default());
            if !is_id(name) || taken.iter().any(|p| p.id == name) {
                return Ok(Err(
                    "Choose another short name: 1 to 63 of a-z, 0-9 and -, and one that this step does not have yet."
                        .to_owned(),
                ));
            }
            fields.insert("id".to_owned(), json!(name));
            fields.insert("when".to_owned(), recognised(sample));
            if !words.is_empty() {
                fields.insert("effect".to_owned(), json!(words));
            }
            amendment(workflow, &["steps", &format!("id={step}"), "failure_points"])(fields.into())
        }
        Sight::Tries { step, tries } | Sight::GivesUp { step, tries } => {
            set(&["steps", &format!("id={}", own(step)), "retry", "max_attempts"], json!(tries))
        }
        Sight::Dependency { component, on } => Amendment::Add {
            kind: "component",
            id: component.clone(),
            path: path(&["depends_on"]),
            item: json!({"id": on}),
        },
        Sight::Waits { .. } | Sight::UnseenStep { .. } | Sight::UnseenEdge { .. } => {
            return Ok(Err("Nothing can be written by itself here: change the book by hand, or ignore it.".to_owned()));
        }
    }))
}

/// `when` for an error, without what is not given.
fn recognised(sample: &app::model::event::Fault) -> Value {
    let when = recognised_by(sample);
    let given = [("code", when.code), ("message", when.message)];
    given.into_iter().filter_map(|(key, value)| Some((key.to_owned(), json!(value?)))).collect::<Map<_, _>>().into()
}

/// What mapping to something declared writes, or why it cannot be.
fn mapped(world: &World, known: &Observation, target: &str) -> Result<Amendment, String> {
    let declared = world.workflow(&known.workflow);
    if !same_as(declared, &known.sight).iter().any(|(id, _)| id == target) {
        return Err("Choose what it is: that is nothing of this workflow.".to_owned());
    }
    let own = |step: &str| declared.and_then(|w| w.step(step)).map_or_else(|| step.to_owned(), |s| s.id.clone());
    match &known.sight {
        Sight::Step { step } => {
            Ok(amendment(&known.workflow, &["steps", &format!("id={target}"), "also"])(json!(step)))
        }
        Sight::Error { step, sample, .. } => {
            let keys = ["steps", &format!("id={}", own(step)), "failure_points", &format!("id={target}"), "also"];
            Ok(amendment(&known.workflow, &keys)(recognised(sample)))
        }
        _ => Err("This cannot be mapped to something declared.".to_owned()),
    }
}

/// How many wait for an answer, by workflow.
pub async fn waiting(app: &App) -> sqlx::Result<BTreeMap<String, i64>> {
    Ok(observations::waiting(app.db.read()).await?.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_for_an_error_is_an_id_whatever_the_error_says() {
        assert_eq!(as_id("503 SAP Business One refused: company database"), "503-sap-business-one-refused-company");
        assert_eq!((as_id("…"), as_id(&"x".repeat(200)).len()), (String::new(), 60));
        assert_eq!(as_name("manual-check"), "Manual check");
    }
}
