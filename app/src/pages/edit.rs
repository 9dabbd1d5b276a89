//! Writing a runbook, or one section of it: the text, its preview, and three texts when somebody else saved first.

use leptos::prelude::*;
use serde::Serialize;

use super::runbook::{FlagRow, OldSection, draft};
use super::shell::Head;
use super::versions::{diff, runs};
use crate::islands::{LeaveGuard, TextEditor};
use crate::model::compare::{DiffBlock, Difference};
use crate::model::moment::Moment;
use crate::model::runbook::{author_words, saved_by, version_came};
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
    /// The section that is edited alone: its anchor and its title.
    pub section: Option<(String, String)>,
    /// The whole text with its front matter, or that of the section.
    pub text: String,
    /// The line of why, as typed.
    pub why: String,
    /// What is wrong with what was typed.
    pub errors: Vec<Wrong>,
    /// What it looks like; present after "Preview".
    pub preview: Option<Preview>,
    /// Set when somebody else saved first.
    pub conflict: Option<Conflict>,
    /// The flags that wait, of the section that was asked for or else of all, shown while it is written.
    pub flags: Vec<FlagRow>,
    /// What the text links to: reference, name, whether it exists.
    pub links: Vec<(String, String, bool)>,
    /// The zone that moments are told in, as a browser knows it.
    #[serde(skip)]
    pub zone: String,
}

/// Something wrong with what was typed, and in which field: `slug`, `text`, `image` or `why`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub struct Wrong {
    pub field: &'static str,
    pub says: String,
}

/// What a text looks like, and what is to be said of it.
#[derive(Debug, Clone, Serialize)]
pub struct Preview {
    /// The sections, rendered as the page will show them.
    pub sections: Vec<OldSection>,
    /// What is wrong with it or leads nowhere: one sentence each.
    pub findings: Vec<String>,
}

/// Somebody else's newer version, and what both made of the text that both started from.
#[derive(Debug, Clone, Serialize)]
pub struct Conflict {
    /// Its number.
    pub version: i64,
    /// Who saved it.
    pub author: String,
    /// When.
    pub saved_at: Moment,
    /// Why.
    pub why: String,
    /// The version that my writing started from; 0 when there was none.
    pub started_from: i64,
    /// What it said.
    pub base: String,
    /// What theirs says.
    pub theirs: String,
    /// What I typed.
    pub mine: String,
    /// What they changed.
    pub their_changes: Vec<DiffBlock>,
    /// What I changed.
    pub my_changes: Vec<DiffBlock>,
    /// Where both changed the same words.
    pub clashes: Vec<ClashRow>,
}

/// A place that both changed.
#[derive(Debug, Clone, Serialize)]
pub struct ClashRow {
    /// What both started from; empty where both added something.
    pub base: String,
    /// Theirs against it, word by word.
    pub theirs: Vec<(Difference, String)>,
    /// Mine against it, word by word.
    pub mine: Vec<(Difference, String)>,
    /// Whether both are in the proposed text; otherwise it has mine.
    pub both_kept: bool,
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
    let says = match (&picture.section, new) {
        (_, true) => "",
        (None, false) => "Saving makes a new version. Nothing that was written is lost.",
        (Some(_), false) => "Saving makes a new version in which only this section differs.",
    };
    let whole = picture.section.is_some().then(|| {
        view! { <p><a href=format!("{back}/edit")>"Edit the whole runbook instead"</a></p> }
    });
    view! {
        <div class="page edit-page">
        {parts::crumbs(&way)}
        {parts::heading(&title(picture), says, None)}
        {whole}
        {not_saved(&picture.errors)}
        {picture.conflict.as_ref().map(|theirs| conflict(theirs, &slug))}
        {flags(&picture.flags)}
        {kept_draft()}
        <div class="edit">
            <div class="edit-write">{insert()}{form(picture)}</div>
            {preview(picture.preview.as_ref())}
        </div>
        {links(&picture.links)}
        </div>
    }
    .into_any()
}

/// What follows the text while it is typed: its preview, what is wrong with it, what it links to.
pub fn following(picture: &EditPicture) -> AnyView {
    view! { {preview(picture.preview.as_ref())}{links(&picture.links)} }.into_any()
}

fn title(picture: &EditPicture) -> String {
    match (&picture.section, is_new(picture)) {
        (_, true) => "Write a runbook".to_owned(),
        (Some((_, section)), false) => format!("Edit {section} in {}", picture.title),
        (None, false) => format!("Edit {}", picture.title),
    }
}

fn is_new(picture: &EditPicture) -> bool {
    picture.base == 0 && picture.conflict.is_none()
}

fn not_saved(errors: &[Wrong]) -> Option<AnyView> {
    let link = |wrong: &Wrong| {
        let name = match wrong.field {
            "slug" => "Name in its address",
            "why" => "Why this change",
            "image" => "Image",
            _ => "Text",
        };
        view! { <li><a href=format!("#edit-{}", wrong.field)>{name}</a>": "{wrong.says.clone()}</li> }
    };
    (!errors.is_empty()).then(|| {
        view! {
            <div class="notice n-bad" role="alert">
                {parts::icon("state-broken")}
                <div>
                    <p><strong>"Not saved. What you typed is still here."</strong></p>
                    <ul class="plain">{errors.iter().map(link).collect_view()}</ul>
                </div>
            </div>
        }
        .into_any()
    })
}

/// What is wrong with one field, beside it.
fn beside(errors: &[Wrong], field: &'static str) -> Option<AnyView> {
    let says: Vec<_> = errors.iter().filter(|wrong| wrong.field == field).map(|wrong| wrong.says.clone()).collect();
    (!says.is_empty()).then(|| {
        let one = |says: String| view! { <span>{says}</span> };
        view! {
            <p class="error" id=format!("edit-{field}-error")>{parts::icon("alert")}<span class="errors">{says.into_iter().map(one).collect_view()}</span></p>
        }
        .into_any()
    })
}

fn described_by(errors: &[Wrong], field: &'static str, help: bool) -> Option<String> {
    let error = errors.iter().any(|wrong| wrong.field == field).then(|| format!("edit-{field}-error"));
    let help = help.then(|| format!("edit-{field}-help"));
    let both: Vec<_> = help.into_iter().chain(error).collect();
    (!both.is_empty()).then(|| both.join(" "))
}

/// What both did, so that nobody's work is lost and nobody's is overwritten unread.
fn conflict(theirs: &Conflict, slug: &str) -> AnyView {
    let Conflict { version, author, started_from, .. } = theirs;
    let title = format!("{} while you were writing", version_came(author, *version));
    let who = author_words(author);
    let says = match theirs.clashes.len() {
        0 => "You changed different places, so the text below has both. Look at it, then save it as the next version.",
        1 => {
            "What you changed in different places is in the text below, theirs and yours. In 1 place you both changed the same words: decide there."
        }
        _ => {
            "What you changed in different places is in the text below, theirs and yours. Where you both changed the same words, decide."
        }
    };
    let from = match started_from {
        0 => "an empty page".to_owned(),
        n => format!("version {n}"),
    };
    let whole = |name: String, text: &str| {
        let label = name.clone();
        view! {
            <details>
                <summary>{name}</summary>
                <pre class="raw" tabindex="0" role="region" aria-label=label>{text.to_owned()}</pre>
            </details>
        }
    };
    let body = view! {
        <p>"Nothing is lost. "{says}</p>
        <p class="dim">{format!("Version {version} was saved ")}{parts::when(theirs.saved_at)}{format!(" {}: {}", saved_by(author), theirs.why)}</p>
        {clashes(&theirs.clashes, &who)}
        <div class="both">
            <div>
                <h3>{format!("What {who} changed, from {from}")}</h3>
                {changes(&theirs.their_changes)}
            </div>
            <div>
                <h3>{format!("What you changed, from {from}")}</h3>
                {changes(&theirs.my_changes)}
            </div>
        </div>
        <div>
            {whole(format!("All that you started from, {from}"), &theirs.base)}
            {whole(format!("All of theirs, version {version}"), &theirs.theirs)}
            {whole("All of yours, as you sent it".to_owned(), &theirs.mine)}
        </div>
        <p><a class="button" href=format!("/runbooks/{slug}")>"Leave mine and keep theirs"</a></p>
    };
    view! { <div class="conflict">{parts::section("edit:conflict", &title, body.into_any())}</div> }.into_any()
}

fn changes(blocks: &[DiffBlock]) -> AnyView {
    match blocks.iter().all(DiffBlock::same) {
        true => view! { <p class="dim">"Nothing that a reader sees."</p> }.into_any(),
        false => diff(blocks),
    }
}

/// The places to decide, with what became of the same words on each side.
fn clashes(clashes: &[ClashRow], author: &str) -> Option<AnyView> {
    let one = |clash: &ClashRow| {
        let outcome = match clash.both_kept {
            true => "You both added something here. The text below has both, theirs first.",
            false => "The text below has yours here.",
        };
        let side = |name: String, words: &[(Difference, String)]| {
            let words = match words.is_empty() {
                true => view! { <span class="dim">"(taken out)"</span> }.into_any(),
                false => runs(words),
            };
            view! { <div><dt>{name}</dt><dd class="diff">{words}</dd></div> }
        };
        let before = (!clash.base.is_empty()).then(|| {
            view! { <div><dt>"Before"</dt><dd>{clash.base.clone()}</dd></div> }
        });
        view! {
            <li>
                <dl class="clash">{before}{side(author.to_owned(), &clash.theirs)}{side("You".to_owned(), &clash.mine)}</dl>
                <p class="dim">{outcome}</p>
            </li>
        }
    };
    (!clashes.is_empty()).then(|| {
        view! { <h3>"Changed by both"</h3><ol class="clashes">{clashes.iter().map(one).collect_view()}</ol> }.into_any()
    })
}

fn flags(flags: &[FlagRow]) -> Option<AnyView> {
    (!flags.is_empty()).then(|| {
        let says = view! { <p><strong>"What changed since this was last reviewed"</strong></p> };
        banner("warn", view! { {says}{flags.iter().map(flag).collect_view()} }.into_any())
    })
}

/// Shown by the browser when it holds words that were typed before and not saved.
fn kept_draft() -> AnyView {
    view! {
        <div id="edit:draft" class="notice n-info" role="status" hidden>
            {parts::icon("info")}
            <div>
                <p>"This browser has kept what was typed here until "<strong class="draft-when"></strong>" and not saved. It is not what stands below."</p>
                <div class="actions">
                    <button type="button" class="button" data-draft="use">"Put it into the text"</button>
                    <button type="button" class="button" data-draft="drop">"Throw it away"</button>
                </div>
            </div>
        </div>
    }
    .into_any()
}

/// Looks for parts to link to. It is a form of its own: without JavaScript it answers in another tab, so that what was
/// typed stays.
fn insert() -> AnyView {
    view! {
        <details class="insert">
            <summary>"Insert a link, a fact or a live panel"</summary>
            <form class="insert-form" method="get" action="/insert" target="_blank">
                <div class="field">
                    <label for="insert-q">"Which part is it about?"</label>
                    <p id="insert-help" class="dim">"A workflow, step, component, decision or runbook, by its name or id. What you choose goes to where you were writing; words that are selected become its words."</p>
                    <div class="find-line">
                        <input id="insert-q" name="q" type="search" autocomplete="off" autocapitalize="none" spellcheck="false" aria-describedby="insert-help"/>
                        <button class="button">"Search"</button>
                    </div>
                </div>
            </form>
            <div id="insert:found" role="region" aria-label="Parts found" aria-live="polite"></div>
        </details>
    }
    .into_any()
}

fn form(picture: &EditPicture) -> AnyView {
    let new = is_new(picture);
    let slug = picture.slug.clone().unwrap_or_default();
    let place = if new { "new".to_owned() } else { slug.clone() };
    let target = if new { "/runbooks/new".to_owned() } else { format!("/runbooks/{slug}/edit") };
    let base = picture.conflict.as_ref().map_or(picture.base, |theirs| theirs.version);
    let unsaved = !picture.errors.is_empty() || picture.preview.is_some() || picture.conflict.is_some();
    let section = picture.section.as_ref().map(|(anchor, _)| anchor.clone());
    let (label, help) = match section {
        Some(_) => ("Text of this section", "Markdown, from its heading on."),
        None => ("Text", "Markdown. The part between the two lines of dashes says what it is for and who owns it."),
    };
    let errors = &picture.errors;
    let invalid = |field| errors.iter().any(|wrong| wrong.field == field).then_some("true");
    view! {
        <form id="edit-form" class="edit-form" method="post" action=target.clone() data-unsaved=unsaved.then_some("")>
            <input type="hidden" name="base" value=base.to_string()/>
            {section.clone().map(|anchor| view! { <input type="hidden" name="section" value=anchor/> })}
            {new.then(|| slug_field(&slug, errors))}
            <div class="field">
                <label for="edit-text">{label}</label>
                <p id="edit-text-help" class="dim">{help}</p>
                <textarea id="edit-text" name="text" rows="28" required spellcheck="true" aria-invalid=invalid("text") aria-describedby=described_by(errors, "text", true) inner_html=parts::text_area_text(&picture.text)></textarea>
                {beside(errors, "text")}
            </div>
            {help_with_links()}
            {image_input(&target)}
            <div class="field">
                <label for="edit-why">"Why this change, in one line"</label>
                <input id="edit-why" name="why" type="text" required maxlength="200" value=picture.why.clone() aria-invalid=invalid("why") aria-describedby=described_by(errors, "why", false)/>
                {beside(errors, "why")}
            </div>
            {picture.conflict.as_ref().map(have_read)}
            <div class="actions">
                {save(picture)}
                <button class="button" name="action" value="preview" formnovalidate formaction=format!("{target}#edit:preview")>"Preview"</button>
            </div>
        </form>
        <LeaveGuard form="edit-form".to_owned()/>
        <TextEditor
            form="edit-form".to_owned()
            preview=format!("/runbooks/{place}/preview")
            draft=format!("{place}:{}", section.unwrap_or_default())
            zone=picture.zone.clone()
        />
    }
    .into_any()
}

fn slug_field(slug: &str, errors: &[Wrong]) -> AnyView {
    let invalid = errors.iter().any(|wrong| wrong.field == "slug").then_some("true");
    view! {
        <div class="field">
            <label for="edit-slug">"Name in its address"</label>
            <p id="edit-slug-help" class="dim">"Small letters, digits and dashes, like erp-refuses-orders. It stays the same for ever, because alerts link to it."</p>
            <input id="edit-slug" name="slug" type="text" required maxlength="63" pattern="[a-z0-9\\-]+" autocapitalize="none" spellcheck="false" value=slug.to_owned() aria-invalid=invalid aria-describedby=described_by(errors, "slug", true)/>
            {beside(errors, "slug")}
        </div>
    }
    .into_any()
}

fn have_read(theirs: &Conflict) -> AnyView {
    view! {
        <div class="field">
            <label class="check">
                <input type="checkbox" name="read" value="yes" required/>
                <span>{format!("I have read what {} changed", author_words(&theirs.author))}</span>
            </label>
        </div>
    }
    .into_any()
}

fn save(picture: &EditPicture) -> AnyView {
    let words = match (&picture.conflict, picture.base) {
        (Some(theirs), _) => format!("Save mine as version {}", theirs.version + 1),
        (None, 0) => "Save as version 1".to_owned(),
        // Others may save other sections meanwhile; which number it gets is told afterwards.
        (None, _) if picture.section.is_some() => "Save this section".to_owned(),
        (None, base) => format!("Save as version {}", base + 1),
    };
    view! { <button class="button primary" name="action" value="save">{words}</button> }.into_any()
}

fn help_with_links() -> AnyView {
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

/// The text as the page will show it. The place is there without a preview too, for the browser to fill.
fn preview(preview: Option<&Preview>) -> AnyView {
    let filled = preview.map(|Preview { sections, findings }| {
        let one = |says: &String| view! { <li>{says.clone()}</li> };
        let findings = (!findings.is_empty()).then(|| {
            let list = findings.iter().map(one).collect_view();
            banner("warn", view! { <p><strong>"To look at"</strong></p><ul class="plain">{list}</ul> }.into_any())
        });
        let text = match sections.is_empty() {
            true => parts::empty("Nothing is written yet."),
            false => view! { <div class="doc-text">{draft(sections)}</div> }.into_any(),
        };
        view! {
            <section class="part" aria-labelledby="edit:preview-h">
                <h2 id="edit:preview-h">"Preview, not saved yet"</h2>
                {findings}
                {text}
            </section>
        }
    });
    view! { <div id="edit:preview" class="edit-preview">{filled}</div> }.into_any()
}

/// What the text speaks of: only what is linked can tell when the text becomes wrong.
fn links(links: &[(String, String, bool)]) -> AnyView {
    let one = |(reference, name, exists): &(String, String, bool)| {
        let state = match exists {
            true => view! { <span>{name.clone()}</span> }.into_any(),
            false => view! { <strong class="past">{parts::icon("alert")}"Leads nowhere"</strong> }.into_any(),
        };
        view! { <li><code>{reference.clone()}</code>{state}</li> }
    };
    let list = match links.is_empty() {
        true => parts::empty("Nothing yet. Without a link, nothing can tell when this text becomes wrong."),
        false => {
            view! { {missing_links(links)}<ul class="link-list">{links.iter().map(one).collect_view()}</ul> }.into_any()
        }
    };
    view! { <div id="edit:links">{parts::section("edit:links-part", "What it links to", list)}</div> }.into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(text: &str, conflict: Option<Conflict>) -> String {
        let picture = EditPicture {
            slug: Some("erp".into()),
            title: "ERP refuses orders".into(),
            base: 5,
            section: None,
            text: text.into(),
            why: String::new(),
            errors: vec![Wrong { field: "why", says: "Say why.".into() }],
            preview: None,
            links: Vec::new(),
            conflict,
            flags: Vec::new(),
            zone: "UTC".into(),
        };
        leptos::prelude::Owner::new().with(|| body(&picture).to_html())
    }

    #[test]
    fn a_text_cannot_leave_its_box_and_keeps_its_first_empty_line() {
        let html = drawn("\n</textarea><script>&amp;", None);
        assert!(html.contains(">\n\n&lt;/textarea>&lt;script>&amp;amp;</textarea>"));
    }

    #[test]
    fn what_is_wrong_stands_beside_its_field() {
        let html = drawn("", None);
        assert!(html.contains("aria-describedby=\"edit-why-error\"") && html.contains("id=\"edit-why-error\""));
    }

    #[test]
    fn after_a_conflict_saving_goes_on_from_their_version_once_it_was_read() {
        let clash = ClashRow {
            base: "a".into(),
            theirs: vec![(Difference::Added, "b".into())],
            mine: Vec::new(),
            both_kept: false,
        };
        let theirs = Conflict {
            version: 6,
            author: "Jonas".into(),
            saved_at: Moment::default(),
            why: "x".into(),
            started_from: 5,
            base: String::new(),
            theirs: String::new(),
            mine: String::new(),
            their_changes: Vec::new(),
            my_changes: Vec::new(),
            clashes: vec![clash],
        };
        let html = drawn("mine", Some(theirs));
        assert!(html.contains("name=\"base\" value=\"6\"") && html.contains("Save mine as version 7"));
        assert!(html.contains("I have read what Jonas changed") && html.contains("(taken out)"));
        assert!(drawn("mine", None).contains("Save as version 6"));
    }
}
