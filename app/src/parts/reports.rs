//! What people say looks wrong: the form to say it, and what was said, with who has seen it.

use leptos::prelude::*;

use super::blocks::{empty, text_area_text};
use super::marks::{icon, tag};
use super::past::{is_past, to};
use super::rows::{path_part, subject_path};
use super::times::when;
use crate::model::report::{LONGEST, Report};

/// The form to say that something looks wrong, as it is shown at first or again after it was not taken.
#[derive(Debug, Clone, Default)]
pub struct Saying {
    /// The page it stands on; the form is sent to `reports` below it.
    pub page: String,
    /// Whether somebody is signed in.
    pub may: bool,
    /// What was typed.
    pub typed: String,
    /// Why it was not taken.
    pub error: Option<String>,
}

/// The form to say that something looks wrong; who is not signed in is asked to sign in first. Nothing is said of the
/// past.
pub fn say(saying: &Saying) -> AnyView {
    if is_past() {
        return ().into_any();
    }
    let open = saying.error.is_some();
    let inside = match saying.may {
        true => form(saying),
        false => {
            let href = super::document::sign_in(&saying.page);
            view! { <p>"It is kept with your name. "<a href=href>"Sign in to say it"</a></p> }.into_any()
        }
    };
    view! {
        <details class="say" id="say" open=open>
            <summary>{icon("alert")}"Something looks wrong"</summary>
            {inside}
        </details>
    }
    .into_any()
}

fn form(saying: &Saying) -> AnyView {
    let told = "say-error";
    let error = saying
        .error
        .as_ref()
        .map(|error| view! { <p class="error" id=told role="alert">{icon("alert")}{error.clone()}</p> });
    let described = if saying.error.is_some() { format!("say-help {told}") } else { "say-help".to_owned() };
    view! {
        <form class="say-form" method="post" action=format!("{}/reports", saying.page)>
            <div class="field">
                <label for="say-words">"What looks wrong?"</label>
                <p id="say-help" class="dim">{format!("In plain words, at most {LONGEST} characters. It stands on this story with your name, and on Now until somebody has seen it.")}</p>
                <textarea
                    id="say-words" name="words" rows="3" required maxlength=LONGEST.to_string()
                    aria-describedby=described aria-invalid=saying.error.as_ref().map(|_| "true")
                    inner_html=text_area_text(&saying.typed)
                ></textarea>
                {error}
            </div>
            <button class="button primary">"Say it"</button>
        </form>
    }
    .into_any()
}

/// What was said and nobody has seen yet, each with a button for who answers for it.
pub fn reports(reports: &[Report]) -> AnyView {
    if reports.is_empty() {
        return empty("Nobody says that something looks wrong.");
    }
    view! { <ul class="rows r-report" data-live-order="ask">{reports.iter().map(report).collect_view()}</ul> }
        .into_any()
}

fn report(report: &Report) -> AnyView {
    let (href, about) = place(report);
    let seen = report.seen_by.as_ref().map(|by| tag(&format!("seen by {by}")));
    let button = (report.seen_at.is_none() && !is_past()).then(|| {
        view! {
            <form class="for-operators" method="post" action=format!("/reports/{}/seen", report.id)>
                <button class="button">"Seen"<span class="sr">{format!(": {}", report.text)}</span></button>
            </form>
        }
    });
    view! {
        <li data-key=format!("report {}", report.id)>
            <span class="c-name"><a href=to(href)>{about}</a></span>
            <span class="c-what">{format!("{} says: {}", report.by, report.text)}" "{seen}</span>
            <span class="c-when">"said "{when(report.at)}</span>
            <span class="c-act">{button}</span>
        </li>
    }
    .into_any()
}

/// Where a report stands, and what it is about.
fn place(report: &Report) -> (String, String) {
    match (&report.workflow, &report.run, &report.subject) {
        (Some(workflow), Some(run), subject) => {
            let about = subject.clone().unwrap_or_else(|| run.clone());
            (format!("/runs/{}/{}", path_part(workflow), path_part(run)), about)
        }
        (.., Some(subject)) => (subject_path(subject), subject.clone()),
        _ => (String::new(), String::new()),
    }
}
