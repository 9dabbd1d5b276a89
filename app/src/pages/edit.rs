//! Writing a runbook: the text, its preview, and both texts when somebody else saved first.

use leptos::prelude::*;
use serde::Serialize;

use super::runbook::FlagRow;
use super::shell::Head;
use crate::islands::LeaveGuard;
use crate::parts;
use crate::parts::document::{banner, flag, missing_links};
use crate::parts::image_input::image_input;

/// The editor as it is shown, first or again after a refused save.
#[derive(Debug, Clone, Serialize)]
pub struct EditPicture {
    /// The runbook; for a new one (`base` is 0) what was typed, none at first.
    pub slug: Option<String>,
    /// Its title.
    pub title: String,
    /// The version that the writing started from; 0 for a new one.
    pub base: i64,
    /// The whole text, front matter included.
    pub text: String,
    /// The line of why, as typed.
    pub why: String,
    /// What is wrong with what was typed: one sentence each.
    pub errors: Vec<String>,
    /// The preview, rendered as safe HTML with headings; present after "Preview".
    pub preview: Option<String>,
    /// What the text links to: reference, name, whether it exists.
    pub links: Vec<(String, String, bool)>,
    /// Set when somebody else saved first.
    pub conflict: Option<Conflict>,
    /// The flags that wait, of the section that was asked for or else of all, shown while it is written.
    pub flags: Vec<FlagRow>,
}

/// Somebody else's newer version.
#[derive(Debug, Clone, Serialize)]
pub struct Conflict {
    /// Its number.
    pub version: i64,
    /// Who saved it.
    pub author: String,
    /// Its whole text.
    pub text: String,
    /// Theirs against mine, line by line, as (sign, line): ' ', '-' theirs, '+' mine.
    pub lines: Vec<(char, String)>,
}

/// The title.
pub fn head(picture: &EditPicture) -> Head {
    Head { title: title(picture), state: None }
}

/// The editor as a page: what is wrong first, then the text, then what it becomes.
pub fn body(picture: &EditPicture) -> AnyView {
    let new = is_new(picture);
    let slug = picture.slug.clone().unwrap_or_default();
    let back = format!("/runbooks/{slug}");
    let mut way = vec![("Runbooks", "/runbooks")];
    if !new {
        way.push((&picture.title, &back));
    }
    view! {
        <div class="page edit-page">
        {parts::crumbs(&way)}
        {parts::heading(&title(picture), if new { "" } else { "Saving makes a new version. Nothing that was written is lost." }, None)}
        {errors(&picture.errors)}
        {picture.conflict.as_ref().map(|theirs| conflict(theirs, &slug))}
        {flags(&picture.flags)}
        <div class="edit" class:with-preview=picture.preview.is_some()>
            {form(picture)}
            {picture.preview.as_ref().map(|html| preview(html))}
        </div>
        {parts::section("links", "What it links to", links(&picture.links))}
        </div>
    }
    .into_any()
}

fn title(picture: &EditPicture) -> String {
    if is_new(picture) { "Write a runbook".to_owned() } else { format!("Edit {}", picture.title) }
}

fn is_new(picture: &EditPicture) -> bool {
    picture.base == 0 && picture.conflict.is_none()
}

fn errors(errors: &[String]) -> Option<AnyView> {
    let list = errors.iter().map(|error| view! { <li>{error.clone()}</li> }).collect_view();
    (!errors.is_empty()).then(|| {
        view! {
            <div class="notice n-bad" role="alert">
                {parts::icon("state-broken")}
                <div><p><strong>"Not saved. What you typed is still here."</strong></p><ul class="plain">{list}</ul></div>
            </div>
        }
        .into_any()
    })
}

/// Both texts, so that nobody's work is lost and nobody's is overwritten unread.
fn conflict(theirs: &Conflict, slug: &str) -> AnyView {
    let line = |(sign, line): &(char, String)| {
        let line = line.clone();
        match sign {
            '-' => view! { <li class="d-removed"><del><span class="sr">"theirs: "</span>{line}</del></li> }.into_any(),
            '+' => view! { <li class="d-added"><ins><span class="sr">"yours: "</span>{line}</ins></li> }.into_any(),
            _ => view! { <li>{line}</li> }.into_any(),
        }
    };
    let title = format!("{} saved version {} while you were writing", theirs.author, theirs.version);
    let body = view! {
        <p>"Nothing is lost. Lines with \u{2212} are only in theirs, lines with + only in yours. Take over from theirs what should stay, then save yours as the next version."</p>
        <ol class="lines" tabindex="0" aria-label="Theirs and yours, line by line">{theirs.lines.iter().map(line).collect_view()}</ol>
        <details>
            <summary>{format!("The whole text of version {}", theirs.version)}</summary>
            <pre class="raw">{theirs.text.clone()}</pre>
        </details>
        <p><a class="button" href=format!("/runbooks/{slug}")>"Leave mine and keep theirs"</a></p>
    };
    view! { <div class="conflict">{parts::section("conflict", &title, body.into_any())}</div> }.into_any()
}

fn flags(flags: &[FlagRow]) -> Option<AnyView> {
    (!flags.is_empty()).then(|| {
        let says = view! { <p><strong>"What changed since this was last reviewed"</strong></p> };
        banner("warn", view! { {says}{flags.iter().map(flag).collect_view()} }.into_any())
    })
}

fn form(picture: &EditPicture) -> AnyView {
    let new = is_new(picture);
    let slug = picture.slug.clone().unwrap_or_default();
    let target = if new { "/runbooks/new".to_owned() } else { format!("/runbooks/{slug}/edit") };
    let base = picture.conflict.as_ref().map_or(picture.base, |theirs| theirs.version);
    let unsaved = !picture.errors.is_empty() || picture.preview.is_some() || picture.conflict.is_some();
    view! {
        <form id="edit-form" class="edit-form" method="post" action=target.clone() data-unsaved=unsaved.then_some("")>
            <input type="hidden" name="base" value=base.to_string()/>
            {new.then(|| slug_field(&slug))}
            <div class="field">
                <label for="edit-text">"Text"</label>
                <p id="edit-text-help" class="dim">"Markdown. The part between the two lines of dashes says what it is for and who owns it."</p>
                <textarea id="edit-text" name="text" rows="28" required spellcheck="true" aria-describedby="edit-text-help" inner_html=parts::text_area_text(&picture.text)></textarea>
            </div>
            {help()}
            {image_input(&target)}
            <div class="field">
                <label for="edit-why">"Why this change, in one line"</label>
                <input id="edit-why" name="why" type="text" required maxlength="200" value=picture.why.clone()/>
            </div>
            {picture.conflict.as_ref().map(have_read)}
            <div class="actions">
                {save(picture)}
                <button class="button" name="action" value="preview" formnovalidate formaction=format!("{target}#preview")>"Preview"</button>
            </div>
        </form>
        <LeaveGuard form="edit-form".to_owned()/>
    }
    .into_any()
}

fn slug_field(slug: &str) -> AnyView {
    view! {
        <div class="field">
            <label for="edit-slug">"Name in its address"</label>
            <p id="edit-slug-help" class="dim">"Small letters, digits and dashes, like erp-refuses-orders. It stays the same for ever, because alerts link to it."</p>
            <input id="edit-slug" name="slug" type="text" required maxlength="63" pattern="[a-z0-9\\-]+" autocapitalize="none" spellcheck="false" value=slug.to_owned() aria-describedby="edit-slug-help"/>
        </div>
    }
    .into_any()
}

fn have_read(theirs: &Conflict) -> AnyView {
    view! {
        <div class="field">
            <label class="check">
                <input type="checkbox" name="read" value="yes" required/>
                <span>{format!("I have read what {} changed", theirs.author)}</span>
            </label>
        </div>
    }
    .into_any()
}

fn save(picture: &EditPicture) -> AnyView {
    let words = match (&picture.conflict, picture.base) {
        (Some(theirs), _) => format!("Save mine as version {}", theirs.version + 1),
        (None, 0) => "Save as version 1".to_owned(),
        (None, base) => format!("Save as version {}", base + 1),
    };
    view! { <button class="button primary" name="action" value="save">{words}</button> }.into_any()
}

fn help() -> AnyView {
    let one = |(write, means): (&'static str, &'static str)| view! { <div><dt><code>{write}</code></dt><dd>{means}</dd></div> };
    view! {
        <details class="help">
            <summary>"How to link to the parts it describes"</summary>
            <dl class="pairs">
                {[
                    ("[ERP sync worker](component:erp-sync-worker)", "A link to a part. When that part changes, this section is asked for a check."),
                    ("[6 times](fact:step:order-to-erp/push-to-erp?retry.max_attempts=6)", "A fact. When the value is no longer 6, these words are marked."),
                    ("![Queue now](live:queue/erp-sync-queue)", "A live panel: what is true while it is read."),
                    ("- [ ] Call the duty desk", "A step to tick off."),
                    ("[Replay](runbook:erp-refuses-orders#replay-held-orders)", "A link to a section of a runbook."),
                ].map(one).collect_view()}
            </dl>
        </details>
    }
    .into_any()
}

fn preview(html: &str) -> AnyView {
    parts::section(
        "preview",
        "Preview, not saved yet",
        view! { <div class="prose" inner_html=html.to_owned()></div> }.into_any(),
    )
}

/// What the text speaks of: only what is linked can tell when the text becomes wrong.
fn links(links: &[(String, String, bool)]) -> AnyView {
    if links.is_empty() {
        return parts::empty("Nothing yet. Without a link, nothing can tell when this text becomes wrong.");
    }
    let one = |(reference, name, exists): &(String, String, bool)| {
        let state = match exists {
            true => view! { <span>{name.clone()}</span> }.into_any(),
            false => view! { <strong class="past">{parts::icon("alert")}"Does not exist"</strong> }.into_any(),
        };
        view! { <li><code>{reference.clone()}</code>{state}</li> }
    };
    view! { {missing_links(links)}<ul class="link-list">{links.iter().map(one).collect_view()}</ul> }.into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(text: &str, conflict: Option<Conflict>) -> String {
        let picture = EditPicture {
            slug: Some("erp".into()),
            title: "ERP refuses orders".into(),
            base: 5,
            text: text.into(),
            why: String::new(),
            errors: Vec::new(),
            preview: None,
            links: Vec::new(),
            conflict,
            flags: Vec::new(),
        };
        leptos::prelude::Owner::new().with(|| body(&picture).to_html())
    }

    #[test]
    fn a_text_cannot_leave_its_box_and_keeps_its_first_empty_line() {
        let html = drawn("\n</textarea><script>&amp;", None);
        assert!(html.contains(">\n\n&lt;/textarea>&lt;script>&amp;amp;</textarea>"));
    }

    #[test]
    fn after_a_conflict_saving_goes_on_from_their_version_once_it_was_read() {
        let theirs =
            Conflict { version: 6, author: "Jonas".into(), text: String::new(), lines: vec![('-', "a".into())] };
        let html = drawn("mine", Some(theirs));
        assert!(html.contains("name=\"base\" value=\"6\"") && html.contains("Save mine as version 7"));
        assert!(html.contains("I have read what Jonas changed"));
        assert!(drawn("mine", None).contains("Save as version 6"));
    }
}
