//! Pausing a workflow, a step of it or a queue before a step: what is paused now, the form, and every earlier pause.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use super::shell::Head;
use crate::model::moment::Moment;
use crate::model::pause::CHOICES;
use crate::model::status::MayNot;
use crate::parts;

/// The pauses of a workflow; also `GET /api/v1/workflows/{id}/pause`.
#[derive(Debug, Clone, Serialize)]
pub struct PausePicture {
    /// The workflow's id.
    pub workflow: String,
    /// Its name.
    pub name: String,
    /// What of it is paused now.
    pub in_force: Vec<PauseRow>,
    /// The pauses that were set on this page, newest first, at most 10.
    pub history: Vec<PauseRow>,
    /// What can be paused here: the target as it is sent, and its name.
    pub targets: Vec<(String, String)>,
    /// What was typed.
    #[serde(skip)]
    pub typed: Typed,
    /// Why it was not taken: the field (`target`, `reason`, `until`) and a sentence.
    #[serde(skip)]
    pub error: Option<(&'static str, String)>,
    /// Whether the viewer may pause; else why not.
    #[serde(skip)]
    pub may: Result<(), MayNot>,
}

/// One pause in a list.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PauseRow {
    /// What is paused: `workflow:…`, `step:…/…` or `component:…`.
    pub target: String,
    /// Its name.
    pub name: String,
    /// Who set it.
    pub by: String,
    /// Since when.
    pub since: Moment,
    /// When it ends by itself.
    pub until: Moment,
    /// Why.
    pub reason: String,
    /// When it ended; none while it is in force.
    pub ended_at: Option<Moment>,
    /// How it ended, in a sentence; none while it is in force.
    pub ended: Option<String>,
    /// `Paused by anna from 02:10 to 04:00: ERP maintenance.`
    pub sentence: String,
}

/// What was typed into the form.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs)]
pub struct Typed {
    pub target: String,
    pub reason: String,
    /// A word of `model::pause::CHOICES`.
    pub until: String,
    /// `2026-06-04T04:00`, in the zone of the page.
    pub at: String,
}

/// The title.
pub fn head(picture: &PausePicture) -> Head {
    Head { title: format!("Pause {}", picture.name), state: None }
}

/// The page.
pub fn body(picture: &PausePicture) -> AnyView {
    let way = format!("/workflows/{}", parts::path_part(&picture.workflow));
    let sentence = "A pause says that nothing needs to be done for a while, and why. Everything is watched on meanwhile; a pause ends by itself.";
    let in_force = (!picture.in_force.is_empty()).then(|| {
        let list = picture.in_force.iter().map(|row| in_force(picture, row)).collect_view();
        parts::section("paused-now", "Paused now", view! { <ul class="things">{list}</ul> }.into_any())
    });
    view! {
        <div class="page pause-page">
            {parts::crumbs(&[("Workflows", "/workflows"), (&picture.name, &way)])}
            {parts::heading(&format!("Pause {}", picture.name), sentence, None)}
            {in_force}
            {parts::section("pause", "Set a pause", form(picture))}
            {parts::section("history", "Pauses so far", parts::pause_history(&picture.history))}
        </div>
    }
    .into_any()
}

fn in_force(picture: &PausePicture, row: &PauseRow) -> AnyView {
    let action = format!("/workflows/{}/resume", parts::path_part(&picture.workflow));
    let button = view! { "Resume now"<span class="sr">{format!(": {}", row.name)}</span> };
    let resume = match picture.may.is_ok() {
        true => view! {
            <form method="post" action=action>
                <input type="hidden" name="target" value=row.target.clone()/>
                <button class="button">{button}</button>
            </form>
        }
        .into_any(),
        false => {
            view! { <p><button type="button" class="button" disabled aria-describedby="may-not">{button}</button></p> }
                .into_any()
        }
    };
    view! { <li><p class="thing-name">{row.name.clone()}</p><div class="stack"><p>{row.sentence.clone()}</p>{resume}</div></li> }.into_any()
}

fn form(picture: &PausePicture) -> AnyView {
    let typed = &picture.typed;
    let error = |field: &str| picture.error.as_ref().filter(|(wrong, _)| *wrong == field).map(|(_, why)| why.as_str());
    let told = |field: &'static str| {
        error(field).map(|why| {
            view! { <p class="error" id=format!("f-{field}-error")>{parts::icon("alert")}{why.to_owned()}</p> }
        })
    };
    let described = |field: &'static str| error(field).map(|_| format!("f-{field}-error"));
    let targets = picture.targets.iter().map(|(value, name)| {
        view! { <option value=value.clone() selected=*value == typed.target>{name.clone()}</option> }
    });
    let choices = CHOICES.iter().map(|(word, words)| {
        view! {
            <label class="choice">
                <input type="radio" name="until" value=*word checked=*word == typed.until/>
                <span>{*words}</span>
            </label>
        }
    });
    let may_not = picture.may.as_ref().err().map(parts::document::may_not);
    let zone = parts::ink().now.zoned(&parts::ink().zone).strftime("%Z").to_string();
    view! {
        <form class="stack" method="post" action=format!("/workflows/{}/pause", parts::path_part(&picture.workflow))>
            <div class="field">
                <label for="f-target">"What"</label>
                <select id="f-target" name="target" aria-invalid=error("target").map(|_| "true") aria-describedby=described("target")>
                    {targets.collect_view()}
                </select>
                {told("target")}
            </div>
            {parts::field("Why", "reason", "text", &typed.reason, error("reason"))}
            <fieldset class="field" aria-describedby=described("until")>
                <legend>"Until when"</legend>
                <div class="choices">{choices.collect_view()}</div>
                <label class="sr" for="f-at">{format!("Time, in {zone}, when it is until a time")}</label>
                <input id="f-at" name="at" type="datetime-local" value=typed.at.clone() aria-invalid=error("until").map(|_| "true")/>
                {told("until")}
            </fieldset>
            {may_not}
            <button class="button primary" disabled=picture.may.is_err()>"Pause"</button>
        </form>
    }
    .into_any()
}
