//! `/write`: one value of the book, written in the browser where a page shows that it is missing.

use std::sync::Arc;

use app::model::fact::value_at;
use app::model::reference::{Reference, is_id};
use app::model::status::Role;
use app::pages::shell::Place;
use app::pages::write::{FormField, WritePicture};
use axum::Form;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::error::Error;
use super::session::PageContext;
use super::{render, why};
use crate::App;
use crate::book::{Amendment, NotDone, path};

/// The longest text that is taken.
const LONGEST: usize = 4_000;

/// Which value, and what it is to say.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Written {
    part: String,
    field: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    value: String,
    #[serde(default)]
    more: String,
}

/// How a value is asked for.
struct Question {
    /// Where it stands in the entry: keys, and items by `id=` or `name=`.
    keys: Vec<String>,
    label: &'static str,
    help: &'static str,
    long: bool,
    choices: &'static [(&'static str, &'static str)],
    /// A new item of a list: the label of its name, and of its second text.
    item: Option<(&'static str, &'static str)>,
}

const SAFE: &[(&str, &str)] =
    &[("yes", "Yes"), ("keyed", "Yes, duplicates ignored"), ("ask", "Ask the owner first"), ("never", "No")];

/// What can be written of a part; none for what is written in a file alone.
fn question(part: &Reference, field: &str) -> Option<Question> {
    let plain = |label, help, long| {
        Some(Question {
            keys: field.split('.').map(str::to_owned).collect(),
            label,
            help,
            long,
            choices: &[],
            item: None,
        })
    };
    let found = match (part, field) {
        (Reference::Workflow(_), "purpose") => plain("Why it exists", "", true),
        (Reference::Workflow(_), "outcome") => plain("What is true when it has worked", "", true),
        (Reference::Workflow(_) | Reference::Component(_), "owner") => {
            plain("The team that keeps it running", "", false)
        }
        (Reference::Workflow(_), "business_owner") => plain("The team that is hurt when it stops", "", false),
        (Reference::Workflow(_), "expect.finish_within") => plain("A run ends within", "Like 30m, 2h or 3d", false),
        (Reference::Workflow(_), "expect.start_every") => {
            plain("A run starts at least every", "Like 10m, 2h or 1d", false)
        }
        (Reference::Step(..), "meaning") => plain("What it means for the business", "", true),
        (Reference::Step(..), "if_skipped") => plain("What happens if it is skipped", "", true),
        (Reference::Step(..), "safe_to_retry") => {
            plain("Is doing it twice safe?", "", false).map(|q| Question { choices: SAFE, ..q })
        }
        (Reference::Step(..), "failure_points") => plain("The code of the error", "A pattern, like 503|timeout", false)
            .map(|q| Question {
                item: Some(("A short name: a to z, 0 to 9 and -", "What it does to the business")),
                ..q
            }),
        (Reference::Failure(..), "effect") => plain("What it does to the business", "", true),
        (Reference::Failure(..), "automatic") => plain("What happens by itself", "", true),
        (Reference::Failure(..), "action") => {
            plain("What a person does", "A section of a runbook: runbook:SLUG#SECTION", false)
        }
        (Reference::Component(_), "meaning") => plain("What it is for", "", true),
        (Reference::Component(_), "if_unavailable") => plain("What happens to the business without it", "", true),
        (Reference::Component(_), "fields") => plain("What it means on paper", "", true)
            .map(|q| Question { item: Some(("The name of the field", "What it means in practice")), ..q }),
        (Reference::Component(_), field) => {
            let (name, what) = field.strip_prefix("fields.")?.rsplit_once('.')?;
            let label = match what {
                "documented" => "What it means on paper",
                "in_practice" => "What it means in practice",
                _ => return None,
            };
            let keys = vec!["fields".to_owned(), format!("name={name}"), what.to_owned()];
            plain(label, "", true).map(|q| Question { keys, ..q })
        }
        _ => None,
    };
    let mut found = found?;
    let before = match part {
        Reference::Step(_, step) => vec!["steps".to_owned(), format!("id={step}")],
        Reference::Failure(_, step, point) => {
            ["steps".to_owned(), format!("id={step}"), "failure_points".to_owned(), format!("id={point}")].into()
        }
        _ => Vec::new(),
    };
    found.keys.splice(0..0, before);
    Some(found)
}

/// The entry that holds a part.
fn entry(part: &Reference) -> Option<(&'static str, &str)> {
    match part {
        Reference::Workflow(id) | Reference::Step(id, _) | Reference::Failure(id, _, _) => Some(("workflow", id)),
        Reference::Component(id) => Some(("component", id)),
        _ => None,
    }
}

fn asked(app: &App, written: &Written) -> Result<(Reference, Question), Error> {
    let part = Reference::parse(&written.part).map_err(Error::Invalid)?;
    if !app.worlds.now().exists(&part) {
        return Err(Error::NotFound("part of the book", written.part.clone()));
    }
    let unknown = || Error::Invalid(format!("\"{}\" of {part} is written in the file alone.", written.field));
    question(&part, &written.field).map(|question| (part.clone(), question)).ok_or_else(unknown)
}

/// The form as a page.
pub async fn page(State(app): State<Arc<App>>, context: PageContext, Query(mut written): Query<Written>) -> Response {
    if written.value.is_empty()
        && let Ok(part) = Reference::parse(&written.part)
    {
        written.value = value_at(&app.worlds.book(), &part, &written.field).unwrap_or_default();
    }
    show(&app, context, written, None).await
}

async fn show(app: &App, context: PageContext, written: Written, wrong: Option<NotDone>) -> Response {
    let (part, question) = match asked(app, &written) {
        Ok(asked) => asked,
        Err(error) => return error.page(app, context).await,
    };
    let may = context.may(Role::Editor, "Writing", "write this");
    let hidden = |name, value: &str| FormField { name, value: value.to_owned(), ..FormField::default() };
    let mut fields = vec![hidden("part", &written.part), hidden("field", &written.field)];
    if let Some((name, _)) = question.item {
        fields.push(FormField {
            name: "name",
            label: name.to_owned(),
            value: written.name.clone(),
            ..FormField::default()
        });
    }
    fields.push(FormField {
        name: "value",
        label: question.label.to_owned(),
        value: if question.item.is_some() && written.name.is_empty() { String::new() } else { written.value.clone() },
        help: question.help.to_owned(),
        long: question.long,
        choices: question.choices.iter().map(|(value, words)| ((*value).to_owned(), (*words).to_owned())).collect(),
        ..FormField::default()
    });
    if let Some((_, more)) = question.item {
        let more =
            FormField { name: "more", label: more.to_owned(), value: written.more.clone(), ..FormField::default() };
        fields.push(FormField { long: true, optional: true, ..more });
    }
    let world = app.worlds.now();
    let status = if wrong.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let (why, snippet) = wrong.map_or((None, None), |w| (Some(w.why), Some(w.snippet).filter(|s| !s.is_empty())));
    let name = world.name_of(&part);
    let picture = WritePicture {
        title: format!("{name}: {}", lower_first(question.label)),
        sentence: "It is written into the file of the book; everything else in it stays as it is.".to_owned(),
        of: (name, part.path()),
        action: "/write".to_owned(),
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

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|c| c.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

/// Writes the value.
pub async fn save(State(app): State<Arc<App>>, context: PageContext, Form(written): Form<Written>) -> Response {
    let viewer = match context.demand(Role::Editor, "write into the book") {
        Ok(viewer) => viewer,
        Err(refused) => return refused.page(&app, context).await,
    };
    let (part, question) = match asked(&app, &written) {
        Ok(asked) => asked,
        Err(error) => return error.page(&app, context).await,
    };
    let change = match change(&part, &question, &written) {
        Ok(change) => change,
        Err(why) => return show(&app, context, written, Some(NotDone { why, snippet: String::new() })).await,
    };
    let what = format!("{part} {}", written.field);
    match why::write(&app, change, &what, (&viewer.name, &context.address)).await {
        Ok(Ok(amended)) => {
            context.flash(&amended.told("Written into")).await;
            Redirect::to(&part.path()).into_response()
        }
        Ok(Err(not_done)) => show(&app, context, written, Some(not_done)).await,
        Err(error) => error.page(&app, context).await,
    }
}

fn change(part: &Reference, question: &Question, written: &Written) -> Result<Amendment, String> {
    let (kind, id) = entry(part).ok_or("This is written in the file alone.")?;
    let keys: Vec<&str> = question.keys.iter().map(String::as_str).collect();
    let text = |text: &str| text.trim().replace("\r\n", "\n");
    let (value, more, name) = (text(&written.value), text(&written.more), text(&written.name));
    if value.is_empty() || [&value, &more, &name].iter().any(|t| t.len() > LONGEST) {
        return Err("Write something, at most 4,000 characters.".to_owned());
    }
    let (id, path) = (id.to_owned(), path(&keys));
    if question.item.is_none() {
        return Ok(Amendment::Set { kind, id, path, value: json!(value) });
    }
    let failure = written.field == "failure_points";
    if name.is_empty() || failure && !is_id(&name) {
        return Err("The name is 1 to 63 of a-z, 0-9 and -.".to_owned());
    }
    let (first, second, third) = if failure { ("id", "when", "effect") } else { ("name", "documented", "in_practice") };
    let mut item = Map::from_iter([(first.to_owned(), json!(name))]);
    item.insert(second.to_owned(), if failure { json!({"code": value}) } else { Value::String(value) });
    if !more.is_empty() {
        item.insert(third.to_owned(), json!(more));
    }
    Ok(Amendment::Add { kind, id, path, item: item.into() })
}
