//! Why something is as it is: one decision with what it took the place of, and one "just for now" with its date.

use std::collections::BTreeMap;

use leptos::prelude::*;
use serde::Serialize;

use super::shell::{Head, Viewer};
use crate::model::book::{Decision, Workaround};
use crate::model::status::Role;
use crate::parts;
use crate::parts::document::action;
use crate::parts::records::{decisions, labelled, value, workarounds};

/// One decision; also `GET /api/v1/decisions/{id}`.
#[derive(Debug, Clone, Serialize)]
pub struct DecisionPicture {
    /// As the book has it.
    #[serde(flatten)]
    pub decision: Decision,
    /// What it is about: name and path; an empty path where it does not exist.
    pub concerns: Vec<(String, String)>,
    /// What it took the place of; the text is none where the book no longer has it.
    pub replaces: Vec<(String, Option<String>)>,
    /// What took its place.
    pub replaced_by: Vec<Decision>,
    /// The runbooks that speak of it: title and slug.
    pub runbooks: Vec<(String, String)>,
}

/// One workaround; also `GET /api/v1/workarounds/{id}`.
#[derive(Debug, Clone, Serialize)]
pub struct WorkaroundPicture {
    /// As the book has it.
    #[serde(flatten)]
    pub workaround: Workaround,
    /// What it is about: name and path; an empty path where it does not exist.
    pub concerns: Vec<(String, String)>,
    /// Whether the day on which it was to be looked at again is over.
    pub overdue: bool,
    /// The runbooks that speak of it: title and slug.
    pub runbooks: Vec<(String, String)>,
    /// Why an answer was not taken, and what can be put in by hand.
    #[serde(skip)]
    pub wrong: Option<(String, Option<String>)>,
    /// What was typed as the next date, or a good one.
    #[serde(skip)]
    pub next_date: String,
}

/// The title of a decision.
pub fn decision_head(picture: &DecisionPicture) -> Head {
    Head { title: picture.decision.decided.clone(), state: None }
}

/// A decision as a page: what is so, why, since when, and what was before and after it.
pub fn decision_body(picture: &DecisionPicture, viewer: Option<&Viewer>) -> AnyView {
    let decision = &picture.decision;
    let standing = match picture.replaced_by.as_slice() {
        [] => format!("Decided on {}, and still so.", decision.date),
        [one, ..] => format!("Decided on {}. Another decision took its place on {}.", decision.date, one.date),
    };
    let because = match &decision.because {
        Some(because) => view! { <p class="prose">{because.clone()}</p> }.into_any(),
        None => parts::gap("Not written yet: why.", None),
    };
    let before = picture.replaces.iter().map(|(id, decided)| match decided {
        Some(decided) => view! { <li><a href=format!("/decisions/{id}")>{decided.clone()}</a></li> }.into_any(),
        None => view! { <li><code>{id.clone()}</code>" is not in the book any more."</li> }.into_any(),
    });
    let before = (!picture.replaces.is_empty()).then(|| {
        parts::section(
            "replaces",
            "It took the place of",
            view! { <ul class="prose">{before.collect_view()}</ul> }.into_any(),
        )
    });
    let after = picture.replaced_by.iter().map(|d| {
        view! { <li><a href=format!("/decisions/{}", d.id)>{d.decided.clone()}</a>" "<span class="dim">{d.date.clone()}</span></li> }
    });
    let after = (!picture.replaced_by.is_empty()).then(|| {
        parts::section(
            "replaced-by",
            "What took its place",
            view! { <ul class="prose">{after.collect_view()}</ul> }.into_any(),
        )
    });
    let about = decision.about.first().map(|r| format!("&about={r}")).unwrap_or_default();
    let again =
        action(viewer, Role::Editor, "Decide otherwise", &format!("/decisions/new?supersedes={}{about}", decision.id));
    view! {
        <div class="page decision">
            {parts::crumbs(&[("Decisions", "/decisions")])}
            {parts::heading(&decision.decided, &standing, Some(again))}
            <p class="dim">"A decision is never changed; another one takes its place. "{parts::copy_id(&decision.id)}</p>
            {after}
            {parts::section("because", "Because", because)}
            {parts::section("about", "It is about", concerns(&picture.concerns))}
            {before}
            {speaking(&picture.runbooks)}
        </div>
    }
    .into_any()
}

fn concerns(concerns: &[(String, String)]) -> AnyView {
    match concerns {
        [] => parts::gap("Not written yet.", None),
        concerns => parts::names(concerns),
    }
}

fn speaking(runbooks: &[(String, String)]) -> Option<AnyView> {
    let links: Vec<_> = runbooks.iter().map(|(title, slug)| (title.clone(), format!("/runbooks/{slug}"))).collect();
    (!links.is_empty()).then(|| parts::section("runbooks", "Runbooks that speak of it", parts::names(&links)))
}

/// The title of a workaround.
pub fn workaround_head(picture: &WorkaroundPicture) -> Head {
    Head { title: picture.workaround.what.clone(), state: None }
}

/// A workaround as a page: what is done, what it costs later, and by when to look again.
pub fn workaround_body(picture: &WorkaroundPicture, viewer: Option<&Viewer>) -> AnyView {
    let workaround = &picture.workaround;
    let sentence = match (&workaround.review_by, picture.overdue) {
        (Some(day), true) => format!("Just for now, and past its date: it was to be looked at again by {day}."),
        (Some(day), false) => format!("Just for now. Look at it again by {day}."),
        (None, _) => "Just for now, without a day on which to look at it again.".to_owned(),
    };
    let harder = match &workaround.harder_later {
        Some(words) => view! { <p class="prose">{words.clone()}</p> }.into_any(),
        None => parts::gap("Not written yet: what it makes harder.", None),
    };
    let facts = labelled(vec![
        ("Since", value(workaround.since.as_ref())),
        ("Owner", value(Some(workaround.owner.as_deref().unwrap_or("Nobody yet")))),
    ]);
    view! {
        <div class="page workaround">
            {parts::crumbs(&[("Workarounds", "/workarounds")])}
            {parts::heading(&workaround.what, &sentence, None)}
            {picture.overdue.then(|| parts::notice("warn", "Past its date. Look at it again."))}
            {facts}
            <p class="dim">{parts::copy_id(&workaround.id)}</p>
            {parts::section("harder", "What it makes harder later", harder)}
            {parts::section("about", "It is about", concerns(&picture.concerns))}
            {parts::section("look", "Look at it again", answers(picture, viewer))}
            {speaking(&picture.runbooks)}
        </div>
    }
    .into_any()
}

fn answers(picture: &WorkaroundPicture, viewer: Option<&Viewer>) -> AnyView {
    let id = &picture.workaround.id;
    if viewer.is_none_or(|v| v.role < Role::Editor) {
        return action(viewer, Role::Editor, "Look at it again", &format!("/workarounds/{id}"));
    }
    let wrong = picture.wrong.clone().map(|(why, yaml)| {
        let paste = yaml.map(|yaml| view! { <p class="dim">"This is what the book would say:"</p><pre class="raw" tabindex="0">{yaml}</pre> });
        view! { <div role="alert"><p class="error">{parts::icon("alert")}{why}</p>{paste}</div> }
    });
    view! {
        {wrong}
        <form class="stack" method="post" action=format!("/workarounds/{id}/review")>
            <div class="field">
                <label for="f-review-by">"It is still needed. Look again by"</label>
                <input id="f-review-by" name="review_by" type="date" required value=picture.next_date.clone()/>
            </div>
            <button class="button primary">"Still needed"</button>
        </form>
        <details>
            <summary>"It is not needed any more"</summary>
            <form class="stack" method="post" action=format!("/workarounds/{id}/remove")>
                <p>"It is taken out of the book. What was, stays in the history of changes."</p>
                <button class="button">"Take it out of the book"</button>
            </form>
        </details>
    }
    .into_any()
}

/// Why something is as it is, under a document that speaks of it; nothing when nobody has written why.
pub fn beside(decided: &[Decision], replaced: &BTreeMap<String, String>, for_now: &[Workaround]) -> AnyView {
    let decided =
        (!decided.is_empty()).then(|| parts::section("decisions", "Why it is as it is", decisions(decided, replaced)));
    let for_now = (!for_now.is_empty()).then(|| parts::section("workarounds", "Just for now", workarounds(for_now)));
    view! { {decided}{for_now} }.into_any()
}

/// The workarounds whose day is over, for the queue of reviews; nothing when there is none.
pub fn overdue(workarounds: &[Workaround]) -> Option<AnyView> {
    let one = |w: &Workaround| {
        let owner = w.owner.clone().unwrap_or_else(|| "No owner".to_owned());
        let day = w.review_by.clone().unwrap_or_default();
        view! {
            <li class="dated-thing overdue">
                <p class="thing-name"><a href=format!("/workarounds/{}", w.id)>{w.what.clone()}</a></p>
                <p>{format!("To be looked at again by {day}. {owner}.")}</p>
            </li>
        }
    };
    let list = view! {
        <p class="dim">"Just for now, and the day to look at them again is over."</p>
        <ul class="things">{workarounds.iter().map(one).collect_view()}</ul>
        <p class="more"><a href="/workarounds">"All workarounds"{parts::icon("arrow-right")}</a></p>
    };
    let title = format!("Workarounds past their date ({})", workarounds.len());
    (!workarounds.is_empty()).then(|| parts::section("workarounds", &title, list.into_any()))
}
