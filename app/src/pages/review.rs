//! One review: each flag beside its section, answered one by one.

use leptos::prelude::*;
use serde::Serialize;

use super::runbook::FlagRow;
use super::runbooks::RunbookRow;
use super::shell::{Head, Viewer};
use crate::parts;
use crate::parts::document::{banner, flag, sign_in, trust_line};

/// One runbook to be reviewed.
#[derive(Debug, Clone, Serialize)]
pub struct ReviewPicture {
    /// The runbook.
    pub row: RunbookRow,
    /// Every section that is not trusted, in the document's order.
    pub sections: Vec<SectionReview>,
    /// Titles of the sections that are trusted.
    pub trusted: Vec<String>,
    /// Whether the viewer may answer; else why not.
    pub may_answer: Result<(), String>,
    /// Why the answer that was just given was not taken: what it was given to was edited meanwhile.
    pub edited_meanwhile: Option<String>,
}

/// One section to be reviewed.
#[derive(Debug, Clone, Serialize)]
pub struct SectionReview {
    /// Its anchor.
    pub anchor: String,
    /// Its title.
    pub title: String,
    /// Its text as safe HTML.
    #[serde(skip)]
    pub html: String,
    /// Why it is here when there is no flag: `Nobody has reviewed this section.`, `Edited since its review.`
    pub reason: Option<String>,
    /// Its flags.
    pub flags: Vec<FlagRow>,
    /// What the reviewer sees of every part, to be sent back with the answer: opaque to the page.
    pub seen: String,
}

/// The title.
pub fn head(picture: &ReviewPicture) -> Head {
    Head { title: format!("Review {}", picture.row.title), state: None }
}

/// The review as a page: each section in doubt with what changed beside it, to be answered one by one.
pub fn body(picture: &ReviewPicture, viewer: Option<&Viewer>) -> AnyView {
    let row = &picture.row;
    let way = [("Reviews", "/reviews")];
    let document = format!("/runbooks/{}", row.slug);
    let nothing = picture.sections.is_empty().then(|| {
        parts::notice("good", "Nothing in it waits for a review. Every section has been reviewed, and nothing it speaks of has changed since.")
    });
    view! {
        <div class="page review-page">
        {parts::crumbs(&way)}
        <div class="doc-head">
            <h1>"Review "{row.title.clone()}</h1>
            {trust_line(row)}
            <div class="actions"><a class="button" href=document>"Read the runbook"</a></div>
        </div>
        {picture.edited_meanwhile.as_ref().map(|words| parts::notice("warn", words))}
        {picture.may_answer.as_ref().err().map(|reason| may_not(reason, viewer, &row.slug))}
        {nothing}
        {picture.sections.iter().map(|section| section_review(picture, section)).collect_view()}
        {trusted(&picture.trusted)}
        </div>
    }
    .into_any()
}

/// Why the buttons below do nothing, in words, and what helps.
fn may_not(reason: &str, viewer: Option<&Viewer>, slug: &str) -> AnyView {
    let href = sign_in(&format!("/reviews/{slug}"));
    let sign_in = viewer.is_none().then(|| view! { <p><a href=href>"Sign in"</a></p> });
    banner("info", view! { <p id="may_not">{reason.to_owned()}</p>{sign_in} }.into_any())
}

fn section_review(picture: &ReviewPicture, section: &SectionReview) -> AnyView {
    let title = if section.title.is_empty() { "Before the first heading" } else { &section.title };
    let id = if section.anchor.is_empty() { "beginning" } else { &section.anchor };
    let waits = section.flags.iter().any(|flag| flag.answer.is_none());
    let unasked = section.flags.is_empty() || section.reason.is_some();
    let why = unasked.then(|| reason_answer(picture, section, title));
    let flags = section.flags.iter().map(|flag| flag_answer(picture, section, title, flag)).collect_view();
    let edit = format!("/runbooks/{}/edit?section={}", picture.row.slug, section.anchor);
    let body = view! {
        <div class="review">
            <div class="review-why">
                {why}{flags}
                {picture.may_answer.is_ok().then(|| view! {
                    <p><a class="button" href=edit>"Edit this section"<span class="sr">{format!(": {title}")}</span></a></p>
                })}
            </div>
            <div class="review-text" class:flagged=waits>
                <h3 class="dim">"What it says now"<span class="sr">{format!(": {title}")}</span></h3>
                <div class="prose" inner_html=section.html.clone()></div>
            </div>
        </div>
    };
    parts::section(id, title, body.into_any())
}

fn reason_answer(picture: &ReviewPicture, section: &SectionReview, title: &str) -> AnyView {
    let reason = section.reason.as_ref().map(|reason| view! { <p>{reason.clone()}</p> });
    let form = answer_form(picture, section, None, "reviewed", "This section is right", title);
    view! { <div class="review-flag">{reason}{form}</div> }.into_any()
}

fn flag_answer(picture: &ReviewPicture, section: &SectionReview, title: &str, row: &FlagRow) -> AnyView {
    let about = format!("{title}, {} of {}", row.field, row.name);
    let answer = match &row.answer {
        Some(answer) => {
            view! { <p class="dim">{parts::icon("check")}{format!("Answered: {}", answer_words(answer))}</p> }
                .into_any()
        }
        None => answer_form(picture, section, Some(row), "still_correct", "Still correct", &about),
    };
    view! { <div class="review-flag">{flag(row)}{answer}</div> }.into_any()
}

/// What a person reads for the name of an answer.
fn answer_words(answer: &str) -> &str {
    match answer {
        "still_correct" => "still correct",
        "reviewed" => "right",
        "edited" => "the section was edited",
        "not_about" => "not about this",
        "snoozed" => "later",
        other => other,
    }
}

/// One button that answers, with all that the answer is about; `about` tells it from the others for those who listen.
fn answer_form(
    picture: &ReviewPicture,
    section: &SectionReview,
    flag: Option<&FlagRow>,
    answer: &'static str,
    words: &'static str,
    about: &str,
) -> AnyView {
    let button = view! { {words}<span class="sr">{format!(": {about}")}</span> };
    if picture.may_answer.is_err() {
        return view! { <p><button type="button" class="button" disabled aria-describedby="may_not">{button}</button></p> }
            .into_any();
    }
    let hidden = |name: &'static str, value: &str| view! { <input type="hidden" name=name value=value.to_owned()/> };
    view! {
        <form method="post" action=format!("/reviews/{}", picture.row.slug)>
            {hidden("section", &section.anchor)}
            {hidden("subject", flag.map_or("", |f| &f.subject))}
            {hidden("field", flag.map_or("", |f| &f.field))}
            {hidden("before", flag.map_or("", |f| &f.before))}
            {hidden("after", flag.map_or("", |f| &f.after))}
            {hidden("version", &picture.row.version.to_string())}
            {hidden("seen", &section.seen)}
            <button class="button primary" name="answer" value=answer>{button}</button>
        </form>
    }
    .into_any()
}

fn trusted(titles: &[String]) -> Option<AnyView> {
    let list = titles.iter().map(|title| view! { <li>{title.clone()}</li> }).collect_view();
    let body = view! {
        <p class="dim">"Reviewed, and nothing they speak of has changed since."</p>
        <ul class="plain">{list}</ul>
    };
    (!titles.is_empty())
        .then(|| parts::section("trusted_sections", &format!("Trusted ({})", titles.len()), body.into_any()))
}
