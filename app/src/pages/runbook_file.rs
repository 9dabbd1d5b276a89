//! How a runbook stands with its file: written or waiting, different from it, or without it; and what a person can do.

use leptos::prelude::*;
use serde::Serialize;

use super::runbook::RunbookPicture;
use super::shell::{Head, Viewer};
use super::versions::{diff, diff_from};
use crate::islands::LeaveGuard;
use crate::model::both::places;
use crate::model::compare::DiffBlock;
use crate::model::moment::Moment;
use crate::model::status::Role;
use crate::parts;
use crate::parts::document::{banner, sign_in};

/// A runbook's file.
#[derive(Debug, Clone, Serialize)]
pub struct FilePicture {
    /// Where it is, or will be, from the folder of the book.
    pub path: String,
    /// How it stands.
    pub state: FileState,
    /// Why it waits or is not taken over, in a sentence.
    pub problem: Option<String>,
    /// Since when it is gone.
    pub gone_at: Option<Moment>,
    /// The commit that has the newest version.
    pub commit: Option<String>,
    /// Names the file's text that differs: an answer to the conflict carries it.
    pub print: Option<String>,
}

/// How a file stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FileState {
    /// It has the newest version.
    Written,
    /// The newest version is still to be written to it, or to be committed.
    Waiting,
    /// The folder cannot be written: the newest version is in the database alone.
    ReadOnly,
    /// It says something else, and a person must settle it.
    Conflict,
    /// It is not there any more.
    Gone,
}

/// What is to be said of the file before anybody reads on, with what can be done.
pub fn standing(picture: &RunbookPicture, viewer: Option<&Viewer>) -> Option<AnyView> {
    let file = picture.file.as_ref()?;
    let says = match file.state {
        FileState::Conflict => conflict(picture, file, viewer)?,
        FileState::Gone => gone(&picture.row.slug, file, viewer),
        FileState::ReadOnly => {
            let words = "The folder of the book cannot be written, so this version is kept in the database alone.";
            return Some(view! { <p class="dim">{words}</p> }.into_any());
        }
        FileState::Written | FileState::Waiting => view! { <p>{file.problem.clone()?}</p> }.into_any(),
    };
    Some(banner("warn", says))
}

/// Where the text can be found outside, at the end of the page.
pub fn source(picture: &RunbookPicture) -> Option<AnyView> {
    let file = picture.file.as_ref().filter(|file| file.state == FileState::Written)?;
    let commit = file.commit.as_ref().map(|id| {
        let short: String = id.chars().take(10).collect();
        view! { ", commit "<code title=id.clone()>{short}</code> }
    });
    Some(view! { <p class="dim doc-source">"File "<code>{file.path.clone()}</code>{commit}"."</p> }.into_any())
}

/// That the file says something else, what differs, all that the file says, and the three ways to settle it.
fn conflict(picture: &RunbookPicture, file: &FilePicture, viewer: Option<&Viewer>) -> Option<AnyView> {
    let words = picture.conflict.clone()?;
    let both = picture.in_file.as_ref().map(|in_file| {
        view! {
            <details>
                <summary>{format!("What differs, from version {} to the file", picture.shown)}</summary>
                {diff(&in_file.differences)}
            </details>
            <details>
                <summary>"The whole text of the file"</summary>
                {whole("The whole text of the file", &in_file.text)}
            </details>
        }
    });
    let target = format!("/runbooks/{}/settle", picture.row.slug);
    let page = target.clone();
    let answers = move || {
        view! {
            <form class="answers" method="post" action=target>
                <input type="hidden" name="version" value=picture.shown.to_string()/>
                <input type="hidden" name="file" value=file.print.clone().unwrap_or_default()/>
                <button class="button" name="answer" value="take_file">"Take the file's text"</button>
                <button class="button" name="answer" value="keep_this">"Keep this text"</button>
                <a class="button" href=page>"Edit both together"</a>
            </form>
            <p class="dim">"Whatever you choose, both texts stay in the history."</p>
        }
        .into_any()
    };
    Some(view! { <p>{words}</p>{both}{for_editors(viewer, &picture.row.slug, "settle this", answers)} }.into_any())
}

fn gone(slug: &str, file: &FilePicture, viewer: Option<&Viewer>) -> AnyView {
    let since = file.gone_at.map(|at| view! { " since "{parts::when(at)} });
    let answers = || {
        view! {
            <div class="answers">
                <form method="post" action=format!("/runbooks/{slug}/write-again")><button class="button">"Write it again"</button></form>
                <form method="post" action=format!("/runbooks/{slug}/retire")><button class="button">"Retire the runbook"</button></form>
            </div>
        }
        .into_any()
    };
    view! {
        <p><strong>"Its file is gone"</strong>{since}": "<code>{file.path.clone()}</code>". The text is kept here. Should it have a file again, or is it no longer in use?"</p>
        {for_editors(viewer, slug, "settle this", answers)}
    }
    .into_any()
}

/// What an editor can do; others are told who can.
fn for_editors(viewer: Option<&Viewer>, slug: &str, what: &str, answers: impl FnOnce() -> AnyView) -> AnyView {
    match viewer {
        Some(viewer) if viewer.role >= Role::Editor => answers(),
        Some(_) => view! { <p class="dim">{format!("An editor can {what}.")}</p> }.into_any(),
        None => {
            let href = sign_in(&format!("/runbooks/{slug}"));
            view! { <p><a class="button" href=href>{format!("Sign in to {what}")}</a></p> }.into_any()
        }
    }
}

/// A text as it was written, with every line in sight: it is there to be compared.
fn whole(label: &'static str, text: &str) -> AnyView {
    view! { <div class="prose"><pre class="wrapped" tabindex="0" role="region" aria-label=label><code>{text.to_owned()}</code></pre></div> }
        .into_any()
}

/// That a runbook is out of use, on each page of it.
pub fn retired(slug: &str, retired: &(Moment, String), viewer: Option<&Viewer>) -> AnyView {
    let (at, by) = retired;
    let again = || {
        view! { <form method="post" action=format!("/runbooks/{slug}/write-again")><button class="button">"Put it in use again"</button></form> }
            .into_any()
    };
    banner(
        "bad",
        view! {
            <p><strong>"This runbook is retired. Do not follow it."</strong></p>
            <p>"It was taken out of use "{parts::when(*at)}{format!(" by {by}, because its file was gone. Its versions stay readable.")}</p>
            {for_editors(viewer, slug, "put it in use again", again)}
        }
        .into_any(),
    )
}

/// Both texts, and one made of both that can be changed before it is saved.
#[derive(Debug, Clone, Serialize)]
pub struct SettlePicture {
    /// The runbook.
    pub slug: String,
    /// Its title.
    pub title: String,
    /// The version that is shown.
    pub version: i64,
    /// Its whole text.
    pub this: String,
    /// The file.
    pub path: String,
    /// What the file says.
    pub in_file: String,
    /// Names that text.
    pub print: String,
    /// What differs, from the version to the file.
    pub differences: Vec<DiffBlock>,
    /// Both together, or what was typed.
    pub text: String,
    /// How many places both changed, of which both are in the text between marks.
    pub clashes: i64,
    /// The line of why, as typed.
    pub why: String,
    /// What is wrong with what was typed.
    pub errors: Vec<String>,
}

/// The title.
pub fn settle_head(picture: &SettlePicture) -> Head {
    Head { title: format!("Both texts of {}", picture.title), state: None }
}

/// The page on which both texts are put together.
pub fn settle_body(picture: &SettlePicture) -> AnyView {
    let base = format!("/runbooks/{}", picture.slug);
    let errors = picture.errors.iter().map(|error| view! { <li>{error.clone()}</li> }).collect_view();
    let target = format!("{base}/settle");
    let refused = (!picture.errors.is_empty()).then(|| {
        view! {
            <div class="notice n-bad" role="alert">
                {parts::icon("state-broken")}
                <div><p><strong>"Not saved. What you typed is still here."</strong></p><ul class="plain">{errors}</ul></div>
            </div>
        }
    });
    let says = to_settle(picture.clashes, &places(&picture.text));
    let first = picture.differences.iter().any(|block| !block.same()).then(|| {
        view! { <p><a href="#first-difference">"See the first place where they differ"</a></p> }
    });
    view! {
        <div class="page edit-page settle-page">
        {parts::crumbs(&[("Runbooks", "/runbooks"), (&picture.title, &base)])}
        {parts::heading(&format!("Both texts of {}", picture.title), "", None)}
        {refused}
        <p>{says}</p>
        {first}
        <div class="edit">
            <form id="settle-form" class="edit-form" method="post" action=target data-unsaved=(!picture.errors.is_empty()).then_some("")>
                <input type="hidden" name="version" value=picture.version.to_string()/>
                <input type="hidden" name="file" value=picture.print.clone()/>
                <div class="field">
                    <label for="settle-text">"Both together"</label>
                    <textarea id="settle-text" name="text" rows="24" required spellcheck="true" inner_html=parts::text_area_text(&picture.text)></textarea>
                </div>
                <div class="field">
                    <label for="settle-why">"Why this change, in one line"</label>
                    <input id="settle-why" name="why" type="text" required maxlength="200" value=picture.why.clone()/>
                </div>
                <div class="actions">
                    <button class="button primary" name="answer" value="both">"Save this as the next version"</button>
                    <a class="button" href=base.clone()>"Leave it as it is"</a>
                </div>
            </form>
            <LeaveGuard form="settle-form".to_owned()/>
        </div>
        {parts::section("differs", &format!("What differs, from version {} to the file", picture.version), diff_from(&picture.differences, "first-difference"))}
        {parts::section("this", &format!("The whole text of version {}", picture.version), whole("The version", &picture.this))}
        {parts::section("file", &format!("The whole text of the file {}", picture.path), whole("The file", &picture.in_file))}
        </div>
    }
    .into_any()
}

/// What there is to do with a text made of both, and on which lines of it: `clashes` places were changed in both, and
/// on `lines` such places begin that still have their marks.
fn to_settle(clashes: i64, lines: &[usize]) -> String {
    let (changed, begins) = match (clashes, lines) {
        (0, []) => return "The text below has what was changed in either. Read it before you save it.".to_owned(),
        (_, []) => return "The text below is what you made of both. Read it before you save it.".to_owned(),
        (_, [line]) => ("One place was changed in both.".to_owned(), format!("It begins on line {line}")),
        (_, [before @ .., last]) => {
            let before: Vec<_> = before.iter().map(usize::to_string).collect();
            let begin = format!("They begin on lines {} and {last}", before.join(", "));
            (format!("{} places were changed in both.", lines.len()), begin)
        }
    };
    format!(
        "{changed} {begins} of the text below, which has both there, between lines of marks: leave what is right, and take the marks out."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_settles_is_told_on_which_lines_both_texts_stand() {
        assert!(to_settle(1, &[12]).starts_with("One place was changed in both. It begins on line 12 of the text"));
        let three = to_settle(3, &[12, 30, 41]);
        assert!(three.starts_with("3 places were changed in both. They begin on lines 12, 30 and 41 of"), "{three}");
        assert!(to_settle(0, &[]).starts_with("The text below has what was changed in either."));
        assert!(to_settle(1, &[]).starts_with("The text below is what you made of both."));
    }
}
