//! What to do about a problem, step by step, with who did what: the same on a workflow's page and on the problem's own.
//!
//! It is drawn once for everybody; what only operators may press is hidden from others by the role on the page's body.
//! On a page of the past nothing can be pressed.

use leptos::prelude::*;

use super::blocks::{gap, text_area};
use super::following::{Ticking, ticks};
use super::marks::icon;
use super::past::is_past;
use super::recovery::{from, warning};
use super::times::{when, when_ago};
use crate::model::notice::sentence;
use crate::pages::problem::{HandOver, Incident, KnownFailure, Owner};

/// Who is on it, the steps to tick, and what else can be done.
pub fn incident(incident: &Incident) -> AnyView {
    let id = incident.problem;
    let steps = match &incident.recovery {
        Some(recovery) => {
            let place = Ticking {
                action: format!("/problems/{id}/ticks"),
                key: id.to_string(),
                slug: &recovery.slug,
                section: &recovery.section,
                version: incident.version,
                over: false,
            };
            let list = ticks(&place, &incident.steps);
            let none = incident.steps.is_empty().then(|| {
                view! { <p class="dim">"This section has no steps to tick; read it there."</p> }
            });
            view! {
                <div class=format!("recovery t-{}", recovery.trust.name())>
                    <p class="printed">{format!("Steps of version {}", incident.version)}</p>
                    {warning(recovery)}
                    {list}
                    {none}
                    {from(recovery)}
                </div>
            }
            .into_any()
        }
        None => gap("No runbook says what to do here.", Some("/runbooks/new".to_owned())),
    };
    view! {
        <div class="incident" id=format!("problem-{id}")>
            {owner_line(id, incident.owner.as_ref(), incident.hand_over.as_ref())}
            {steps}
            {incident.known.as_ref().map(known)}
            {acts(incident)}
        </div>
    }
    .into_any()
}

/// `Known failure: erp refuses. Orders wait. By itself: it is tried again.`
fn known(failure: &KnownFailure) -> AnyView {
    let effect = failure.effect.as_deref().map(|effect| format!(" {}", sentence(effect)));
    let automatic = failure.automatic.as_deref().map(|what| format!(" By itself: {}", sentence(what)));
    view! {
        <p class="known">"Known failure: "<b>{failure.id.replace('-', " ")}</b>"."{effect}{automatic}</p>
    }
    .into_any()
}

/// What only operators see; others read who may. On a page of the past it is left out.
pub fn for_operators(body: AnyView) -> AnyView {
    if is_past() {
        return view! { <p class="of-then dim">"This is how it was. What can be done is on the page as it is now."</p> }
            .into_any();
    }
    view! {
        <div class="for-operators">{body}</div>
        <p class="not-operators dim">"Only operators can act on it."</p>
    }
    .into_any()
}

fn owner_line(id: i64, owner: Option<&Owner>, hand_over: Option<&HandOver>) -> AnyView {
    let words = match owner {
        Some(owner) => {
            view! { <span><b>{owner.name.clone()}</b>" is on it since "{when(owner.since)}</span> }.into_any()
        }
        None => view! { <span><b>"Nobody is on it yet"</b></span> }.into_any(),
    };
    let (label, instead_of) = match owner {
        Some(owner) => ("Take it over", owner.name.clone()),
        None => ("I'm on it", String::new()),
    };
    let class = if owner.is_some() { "button" } else { "button primary" };
    let own = (!is_past()).then(|| {
        view! {
            <form method="post" action=format!("/problems/{id}/own") class="for-operators">
                <input type="hidden" name="instead_of" value=instead_of/>
                <button class=class>{label}</button>
            </form>
        }
    });
    let offered = hand_over.map(|offered| {
        let accept = (!is_past()).then(|| {
            view! {
                <form method="post" action=format!("/problems/{id}/accept") class="for-operators">
                    <button class="button primary">"I take it"</button>
                </form>
            }
        });
        view! {
            <div class="notice n-info handed" role="status">
                {icon("info")}
                <div>
                    <p><b>{offered.by.clone()}</b>" handed it over "{when(offered.at)}</p>
                    <p class="words">{offered.words.clone()}</p>
                    {accept}
                </div>
            </div>
        }
    });
    view! { <div class="owner">{icon("person")}{words}{own}</div>{offered} }.into_any()
}

/// Note, hand over, end: each opens in place.
fn acts(incident: &Incident) -> AnyView {
    let id = incident.problem;
    let act = |name: &'static str, what: &'static str, body: AnyView| {
        view! {
            <details class="act" data-live-keep="">
                <summary class="button">{what}</summary>
                <form method="post" action=format!("/problems/{id}/{name}") class="stack">{body}</form>
            </details>
        }
    };
    let note = view! {
        {text_area(format!("note-{id}"), "words", "What you saw or did", "", "3")}
        <button class="button primary">"Note it"</button>
    }
    .into_any();
    let hand_over = view! {
        {text_area(format!("hand-over-{id}"), "words", "For whoever takes it", &incident.hand_over_draft, "9")}
        <button class="button primary">"Hand it over"</button>
    }
    .into_any();
    let end = match &incident.cannot_end {
        Some(why) => view! { <p class="dim">{why.clone()}</p> }.into_any(),
        None => {
            let body = view! {
                <p class="dim">"Every run that waits here is taken as cancelled, with your reason in its story."</p>
                {text_area(format!("end-{id}"), "words", "Why it is over", "", "2")}
                <button class="button">"End it"</button>
            }
            .into_any();
            act("end", "End it", body).into_any()
        }
    };
    let release = incident.owner.is_some().then(|| {
        view! {
            <form method="post" action=format!("/problems/{id}/release")>
                <button class="button">"I'm no longer on it"</button>
            </form>
        }
    });
    let body = view! {
        <div class="acts">
            {act("notes", "Note", note)}
            {act("hand-over", "Hand over", hand_over)}
            {end}
            {release}
        </div>
    };
    super::for_operators(body.into_any())
}

/// The bar at the foot of a phone: the next step, a note, a hand-over. Links into the incident above.
pub fn bar(incident: &Incident) -> AnyView {
    let id = incident.problem;
    let next = incident.steps.iter().any(|step| step.done.is_none());
    let next = next.then(|| view! { <a class="button primary" href=format!("#problem-{id}")>"Next step"</a> });
    view! {
        <nav class="incident-bar for-operators" aria-label="What to do">
            {next}
            <a class="button" href=format!("#note-{id}")>"Note"</a>
            <a class="button" href=format!("#hand-over-{id}")>"Hand over"</a>
        </nav>
    }
    .into_any()
}

/// Who is on a problem, in a row of a list.
pub fn owner(owner: Option<&Owner>) -> AnyView {
    match owner {
        Some(owner) => {
            view! { <span class="on-it">{icon("person")}{owner.name.clone()}" "{when_ago(owner.since)}</span> }
                .into_any()
        }
        None => view! { <span class="on-it nobody">"Nobody is on it"</span> }.into_any(),
    }
}
