//! One review: each flag beside its section, answered one by one.

use leptos::prelude::*;
use serde::Serialize;

use super::runbook::{FlagRow, Later};
use super::runbooks::RunbookRow;
use super::shell::{Head, Viewer};
use crate::model::field::field_words;
use crate::parts::document::{banner, flag, later, sign_in, trust_line};
use crate::parts::{self, encoded};

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
    /// An answer that could not be taken as it was typed.
    pub refused: Option<RefusedAnswer>,
    /// Whom a flag may be given to.
    pub owners: Vec<String>,
    /// Whether two people must have reviewed a section before it is trusted.
    pub two_reviewers: bool,
    /// Today and the last day to which a flag may be left, `YYYY-MM-DD`.
    pub days: (String, String),
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
    /// Where the section as a whole was left for later.
    pub later: Option<Later>,
    /// Whom the section as a whole was given to.
    pub assignee: Option<String>,
    /// Who has said that it is right, where a second person must.
    pub firsts: Vec<String>,
    /// Fields that it was said not to be about: the part, its name, the field, and who said so.
    pub not_about: Vec<(String, String, String, String)>,
}

/// What was typed with an answer that could not be taken, and why.
#[derive(Debug, Clone, Default, Serialize)]
pub struct RefusedAnswer {
    /// What is wrong with it, and what helps.
    pub words: String,
    /// Of which section.
    pub section: String,
    /// Of which part; empty for the section as a whole.
    pub subject: String,
    /// Of which value of it.
    pub field: String,
    /// Until when.
    pub until: String,
    /// Why.
    pub why: String,
    /// Whom it was given to.
    pub assignee: String,
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
        {picture.two_reviewers.then(|| view! { <p class="dim">"Two people must review each section of it."</p> })}
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
    let reason = reason.to_owned();
    let words = match viewer {
        Some(_) => reason.into_any(),
        None => view! { <a href=sign_in(&format!("/reviews/{slug}"))>{reason}</a> }.into_any(),
    };
    banner("info", view! { <p id="may_not">{words}</p> }.into_any())
}

/// A section: its text, and then what is asked of it, so that nobody answers before they have read.
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
            <div class="review-text" class:flagged=waits>
                <h3 class="dim">"What it says now"<span class="sr">{format!(": {title}")}</span></h3>
                <div class="prose" inner_html=section.html.clone()></div>
            </div>
            <div class="review-why">
                <h3 class="dim">"What is asked"<span class="sr">{format!(": {title}")}</span></h3>
                {why}{flags}{not_about(picture, section)}
                {(unasked && picture.may_answer.is_ok()).then(|| view! {
                    <p><a class="button" href=edit>"Edit this section"<span class="sr">{format!(": {title}")}</span></a></p>
                })}
            </div>
        </div>
    };
    parts::section(id, title, body.into_any())
}

fn reason_answer(picture: &ReviewPicture, section: &SectionReview, title: &str) -> AnyView {
    let reason = section.reason.as_ref().map(|reason| view! { <p>{reason.clone()}</p> });
    let first = firsts(section).map(|words| view! { <p>{words}</p> });
    let given = given_to(section.assignee.as_deref());
    let form = answer_form(picture, section, None, "reviewed", "This section is right", title);
    let others = (section.reason.is_some()).then(|| others(picture, section, None, title));
    view! {
        <div class="review-flag">{reason}{section.later.as_ref().map(later)}{given}{first}{form}{others}</div>
    }
    .into_any()
}

/// `Anna has said that it is right. A second person must say so too.`
fn firsts(section: &SectionReview) -> Option<String> {
    (!section.firsts.is_empty()).then(|| {
        let has = if section.firsts.len() == 1 { "has" } else { "have" };
        format!(
            "{} {has} reviewed this. It is trusted when a second person says the same.",
            section.firsts.join(" and ")
        )
    })
}

fn given_to(assignee: Option<&str>) -> Option<AnyView> {
    assignee.map(|whom| view! { <p class="dim">{format!("Given to {whom}.")}</p> }.into_any())
}

fn flag_answer(picture: &ReviewPicture, section: &SectionReview, title: &str, row: &FlagRow) -> AnyView {
    let about = format!("{title}, {} of {}", field_words(&row.field), row.name);
    let answer = match &row.answer {
        Some(answer) => {
            view! { <p class="dim">{parts::icon("check")}{format!("Answered: {}", answer_words(answer))}</p> }
                .into_any()
        }
        None => {
            let form = answer_form(picture, section, Some(row), "still_correct", "Still correct", &about);
            view! { {given_to(row.assignee.as_deref())}{form}{others(picture, section, Some(row), &about)} }.into_any()
        }
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

/// The hidden fields that every answer is sent with: what it is about, as it was shown.
fn shown(picture: &ReviewPicture, section: &SectionReview, flag: Option<&FlagRow>) -> AnyView {
    let hidden = |name: &'static str, value: &str| view! { <input type="hidden" name=name value=value.to_owned()/> };
    view! {
        {hidden("section", &section.anchor)}
        {hidden("subject", flag.map_or("", |f| &f.subject))}
        {hidden("field", flag.map_or("", |f| &f.field))}
        {hidden("before", flag.map_or("", |f| &f.before))}
        {hidden("after", flag.map_or("", |f| &f.after))}
        {hidden("version", &picture.row.version.to_string())}
        {hidden("seen", &section.seen)}
    }
    .into_any()
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
    let edit = flag.map(|flag| {
        let href = format!(
            "/runbooks/{}/edit?section={}&subject={}&field={}",
            picture.row.slug,
            section.anchor,
            encoded(&flag.subject),
            encoded(&flag.field)
        );
        view! { <a class="button" href=href>"Edit this section"<span class="sr">{format!(": {about}")}</span></a> }
    });
    view! {
        <form method="post" class="answers" action=format!("/reviews/{}", picture.row.slug)>
            {shown(picture, section, flag)}
            <button class="button primary" name="answer" value=answer>{button}</button>
            {edit}
        </form>
    }
    .into_any()
}

/// The answers that are given seldom: not about this, later, somebody else.
fn others(picture: &ReviewPicture, section: &SectionReview, flag: Option<&FlagRow>, about: &str) -> Option<AnyView> {
    if picture.may_answer.is_err() {
        return None;
    }
    let (subject, field) = flag.map_or(("", ""), |f| (&f.subject, &f.field));
    let refused =
        picture.refused.as_ref().filter(|r| r.section == section.anchor && r.subject == subject && r.field == field);
    let typed = refused.cloned().unwrap_or_default();
    let id = field_id(section, flag);
    let words = refused.map(|r| view! { <p class="wrong" id=format!("{id}_wrong")>{r.words.clone()}</p> });
    let action = format!("/reviews/{}", picture.row.slug);
    let sr = move || view! { <span class="sr">{format!(": {about}")}</span> };
    let not_about = flag.filter(|flag| !flag.stated && flag.field != "exists").map(|_| {
        view! {
            <button class="button" name="answer" value="not_about">"Not about this"{sr()}</button>
            <p class="dim">"Not about this: changes of this field no longer flag this section."</p>
        }
    });
    let (today, last) = picture.days.clone();
    let owners = picture.owners.iter().map(|owner| view! { <option value=owner.clone()>{owner.clone()}</option> });
    Some(
        view! {
            <details class="others" open=refused.is_some()>
                <summary>"Other answers"{sr()}</summary>
                {words}
                <form method="post" action=action>
                    {shown(picture, section, flag)}
                    <div class="field">
                        <label for=format!("{id}_why")>"Why"</label>
                        <input id=format!("{id}_why") name="why" maxlength="500" value=typed.why/>
                    </div>
                    <div class="field">
                        <label for=format!("{id}_until")>"Look again after"</label>
                        <input id=format!("{id}_until") name="until" type="date" min=today max=last value=typed.until/>
                    </div>
                    <button class="button" name="answer" value="snoozed">"Later"{sr()}</button>
                    <div class="field">
                        <label for=format!("{id}_whom")>"Whom to ask"</label>
                        <select id=format!("{id}_whom") name="assignee">
                            <option value="">"Choose who"</option>
                            {owners.collect_view()}
                        </select>
                    </div>
                    <button class="button" name="answer" value="reassigned">"Give to them"{sr()}</button>
                    {not_about}
                </form>
            </details>
        }
        .into_any(),
    )
}

/// What the fields of one flag's form are called on the page.
fn field_id(section: &SectionReview, flag: Option<&FlagRow>) -> String {
    let name = flag.map_or(String::new(), |f| format!("_{}_{}", f.subject, f.field));
    let safe = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    format!("a_{}{name}", section.anchor).chars().map(safe).collect()
}

/// The fields that a section was said not to be about, each with the way back.
fn not_about(picture: &ReviewPicture, section: &SectionReview) -> Option<AnyView> {
    let one = |(subject, name, field, by): &(String, String, String, String)| {
        let called = field_words(field);
        let about = format!("{called} of {name}");
        let back = picture.may_answer.is_ok().then(|| {
            view! {
                <form method="post" action=format!("/reviews/{}", picture.row.slug)>
                    <input type="hidden" name="section" value=section.anchor.clone()/>
                    <input type="hidden" name="subject" value=subject.clone()/>
                    <input type="hidden" name="field" value=field.clone()/>
                    <input type="hidden" name="version" value=picture.row.version.to_string()/>
                    <input type="hidden" name="seen" value=section.seen.clone()/>
                    <button class="button" name="answer" value="about">
                        "It is about this"<span class="sr">{format!(": {about}")}</span>
                    </button>
                </form>
            }
        });
        view! { <li><span title=field.clone()>{called}</span>{format!(" of {name}, said {by}")}{back}</li> }
    };
    (!section.not_about.is_empty()).then(|| {
        view! {
            <details class="others">
                <summary>{format!("Not about {} more", section.not_about.len())}</summary>
                <ul class="plain">{section.not_about.iter().map(one).collect_view()}</ul>
            </details>
        }
        .into_any()
    })
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
