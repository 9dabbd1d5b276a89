//! One runbook: what do I do; can I trust this page?

use std::collections::BTreeMap;

use leptos::prelude::*;
use serde::Serialize;

use super::drill::DrillRow;
use super::runbook_file::{self, FilePicture};
use super::runbooks::RunbookRow;
use super::shell::{Head, Viewer};
use super::versions::{Restore, restore_form};
use crate::islands::DraftSaved;
use crate::model::book::{Decision, Workaround};
use crate::model::compare::DiffBlock;
use crate::model::moment::Moment;
use crate::model::reference::Reference;
use crate::model::runbook::saved_by;
use crate::model::status::{Role, Trust};
use crate::parts;
use crate::parts::document::{about, action, banner, flag, missing_links, trust_line};

/// One runbook as it is now; also `GET /api/v1/runbooks/{slug}`, and its newest version.
#[derive(Debug, Clone, Serialize)]
pub struct RunbookPicture {
    /// Its row, as in the list.
    #[serde(flatten)]
    pub row: RunbookRow,
    /// The sections in order, rendered.
    pub sections: Vec<SectionPicture>,
    /// Every fact it states.
    pub facts: Vec<FactRow>,
    /// What it links to: reference, name, whether it exists.
    pub links: Vec<(String, String, bool)>,
    /// Whether it has steps that can be ticked.
    pub has_steps: bool,
    /// Its newest drills, the last one first.
    pub drills: Vec<DrillRow>,
    /// The version that the person reading last followed, and when.
    #[serde(skip)]
    pub mine: Option<(i64, Moment)>,
    /// Who wrote this version, and why.
    pub author: String,
    /// The line of why.
    pub why: String,
    /// Whether this is what the runbook says now: always.
    pub current: bool,
    /// The version shown, which is the newest.
    pub shown: i64,
    /// When it was saved.
    pub shown_saved_at: Moment,
    /// Whether a newer file on disk and a newer text in the browser disagree.
    pub conflict: Option<String>,
    /// What the file says, while they disagree.
    pub in_file: Option<FileText>,
    /// How it stands with its file.
    pub file: Option<FilePicture>,
    /// Why what it is for, or speaks of, is as it is.
    pub decisions: Vec<Decision>,
    /// What was decided before these, by its id.
    pub replaced: BTreeMap<String, String>,
    /// What is done differently there, just for now.
    pub workarounds: Vec<Workaround>,
}

/// The text of a file that differs from the newest version, which is shown.
#[derive(Debug, Clone, Serialize)]
pub struct FileText {
    /// The whole text, front matter included.
    pub text: String,
    /// What differs, as a reader sees it: from the version shown to the file.
    pub differences: Vec<DiffBlock>,
}

/// A version that is no longer the newest: what was once said. Whether it can be believed is not asked of it.
///
/// `GET /api/v1/runbooks/{slug}/versions/{n}`, where `n` is not the newest.
#[derive(Debug, Clone, Serialize)]
pub struct OldPicture {
    /// The runbook.
    pub slug: String,
    /// The title that it had.
    pub title: String,
    /// This version.
    pub version: i64,
    /// When it was saved.
    pub saved_at: Moment,
    /// Whether this is what the runbook says now: never.
    pub current: bool,
    /// The number of the version that says so.
    pub newest: i64,
    /// None: what was once said is neither trusted nor in doubt.
    pub trust: Option<Trust>,
    /// When and by whom a section of this version was last reviewed.
    pub reviewed: Option<(Moment, String)>,
    /// The team that answered for it.
    pub owner: Option<String>,
    /// Whether it was critical.
    pub critical: bool,
    /// What it was for: reference and name.
    pub about: Vec<(String, String)>,
    /// Those of `about` that do not exist now.
    pub missing: Vec<Reference>,
    /// The sections in order, rendered.
    pub sections: Vec<OldSection>,
    /// Every fact it states, and whether it holds now.
    pub facts: Vec<FactRow>,
    /// What it links to: reference, name, whether it exists now.
    pub links: Vec<(String, String, bool)>,
    /// Who wrote it.
    pub author: String,
    /// The line of why.
    pub why: String,
    /// The version shown: this one.
    pub shown: i64,
    /// When it was saved.
    pub shown_saved_at: Moment,
    /// When and by whom the runbook was taken out of use.
    pub retired: Option<(Moment, String)>,
}

/// A section of an old version.
#[derive(Debug, Clone, Serialize)]
pub struct OldSection {
    /// Its anchor; empty before the first heading.
    pub anchor: String,
    /// Its title; empty before the first heading.
    pub title: String,
    /// The heading's level, 1 to 6.
    pub level: u8,
    /// Its text as safe HTML, without the heading.
    #[serde(skip)]
    pub html: String,
}

/// One section.
#[derive(Debug, Clone, Serialize)]
pub struct SectionPicture {
    /// Its anchor; empty before the first heading.
    pub anchor: String,
    /// Its title; empty before the first heading.
    pub title: String,
    /// The heading's level, 1 to 6.
    pub level: u8,
    /// Whether it can be believed.
    pub trust: Trust,
    /// Its text as safe HTML, without the heading.
    #[serde(skip)]
    pub html: String,
    /// What may have made it wrong.
    pub flags: Vec<FlagRow>,
}

/// "This section may be wrong, because of this change"; also an item of `GET /api/v1/reviews`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FlagRow {
    /// The runbook's slug.
    pub runbook: String,
    /// The section's anchor.
    pub section: String,
    /// What changed, as a reference.
    pub subject: String,
    /// Its name, for people.
    pub name: String,
    /// Which value of it.
    pub field: String,
    /// The value that the last review saw.
    pub before: String,
    /// The value now; empty when it is gone.
    pub after: String,
    /// When it changed, where that is known.
    pub changed_at: Option<Moment>,
    /// Who or what changed it.
    pub by: String,
    /// The words of the section that hold the old value, as plain text; empty when none do.
    pub words: Vec<String>,
    /// The answer given to it: none while it waits.
    pub answer: Option<String>,
    /// Where a reviewer has left it for later: until when, why and by whom. The doubt stays.
    pub later: Option<Later>,
    /// Whom it was given to, where that is not the runbook's owner.
    pub assignee: Option<String>,
    /// Whether the text states the value, so that it cannot be said to be about something else.
    pub stated: bool,
}

/// A flag that is looked at later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Later {
    /// Until when.
    pub until: Moment,
    /// Why.
    pub why: String,
    /// Who says so.
    pub by: String,
}

/// One claim bound to a value.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs)]
pub struct FactRow {
    pub section: String,
    pub text: String,
    pub holds: bool,
    pub stated: String,
    pub present: Option<String>,
}

/// The title; it says so when the text cannot be believed.
pub fn head(picture: &RunbookPicture) -> Head {
    let title = &picture.row.title;
    let title = match picture.row.trust {
        Trust::CheckNeeded => format!("May be wrong: {title}"),
        _ => title.clone(),
    };
    Head { title, state: None }
}

/// The title of an old version.
pub fn old_head(picture: &OldPicture) -> Head {
    if picture.retired.is_some() {
        return Head { title: format!("Retired: {}", picture.title), state: None };
    }
    Head { title: format!("Old version: {}", picture.title), state: None }
}

/// The runbook as a page: first whether to believe it, then what to do.
pub fn body(picture: &RunbookPicture, viewer: Option<&Viewer>) -> AnyView {
    let parts: Vec<_> = picture.sections.iter().map(|section| Part::new(section, &picture.row.slug)).collect();
    view! {
        <div class="page runbook">
        {parts::crumbs(&[("Runbooks", "/runbooks")])}
        <article class="doc">
            <div class="doc-top">
                {top(picture, viewer)}
                {runbook_file::standing(picture, viewer)}
                {wrong_facts(&picture.facts, &parts)}
                {missing_links(&picture.links)}
            </div>
            {contents(&parts)}
            <div class="doc-text">{sections(&parts)}{runbook_file::source(picture)}</div>
        </article>
        {super::why::beside(&picture.decisions, &picture.replaced, &picture.workarounds)}
        </div>
    }
    .into_any()
}

/// The same just after it was saved, when the browser need not keep what was typed any more.
pub fn body_after(picture: &RunbookPicture, viewer: Option<&Viewer>, saved: bool) -> AnyView {
    let forget = saved.then(|| view! { <DraftSaved runbook=picture.row.slug.clone()/> });
    view! { {body(picture, viewer)}{forget} }.into_any()
}

/// An old version as a page: that it is old is said first, and at each section.
pub fn old_body(picture: &OldPicture, viewer: Option<&Viewer>, restore: &Restore) -> AnyView {
    let said = match picture.version == picture.newest {
        true => "Retired".to_owned(),
        false => format!("Version {}, not the newest", picture.version),
    };
    let parts: Vec<_> = picture.sections.iter().map(|section| Part::old(section, &said)).collect();
    view! {
        <div class="page runbook">
        {parts::crumbs(&[("Runbooks", "/runbooks")])}
        <article class="doc old">
            <div class="doc-top">
                {old_top(picture)}
                {picture.retired.as_ref().map(|retired| runbook_file::retired(&picture.slug, retired, viewer))}
                {(picture.version != picture.newest).then(|| old_version(picture))}
                {(picture.retired.is_none()).then(|| restore_form(restore, picture, viewer))}
                {wrong_facts(&picture.facts, &parts)}
                {missing_links(&picture.links)}
            </div>
            {contents(&parts)}
            <div class="doc-text">{sections(&parts)}</div>
        </article>
        </div>
    }
    .into_any()
}

fn top(picture: &RunbookPicture, viewer: Option<&Viewer>) -> AnyView {
    let row = &picture.row;
    let base = format!("/runbooks/{}", row.slug);
    let review = (row.trust != Trust::Trusted)
        .then(|| view! { <a class="button" href=format!("/reviews/{}", row.slug)>"Review"</a> });
    let history = format!("{base}/history");
    view! {
        <div class="doc-head">
            <h1>{row.title.clone()}</h1>
            {trust_line(row)}
            <p class="dim">
                {format!("Version {}", picture.shown)}
                ", saved "
                {parts::when(picture.shown_saved_at)}
                {format!(" {}: {}", saved_by(&picture.author), picture.why)}
            </p>
            <div class="actions">
                {action(viewer, Role::Editor, "Edit", &format!("{base}/edit"))}
                {review}
                <a class="button" href=history>"History"</a>
                <a class="button" href=format!("{base}/blame")>"Who wrote what"</a>
            </div>
            {practice(picture)}
        </div>
    }
    .into_any()
}

fn practice(picture: &RunbookPicture) -> Option<AnyView> {
    let practice = |follow| parts::Practice {
        slug: &picture.row.slug,
        newest: picture.shown,
        follow,
        mine: picture.mine,
        drills: &picture.drills,
        has_steps: picture.has_steps,
    };
    picture.row.follow.as_ref().map(|follow| parts::practice(&practice(follow)))
}

fn old_top(picture: &OldPicture) -> AnyView {
    let reviewed =
        picture.reviewed.as_ref().map(|(at, by)| view! { " Reviewed "{parts::when(*at)}{format!(" by {by}.")} });
    view! {
        <div class="doc-head">
            <h1>{picture.title.clone()}</h1>
            <p class="dim">
                {format!("Version {}", picture.version)}
                ", saved "
                {parts::when(picture.saved_at)}
                {format!(" {}: {}.", saved_by(&picture.author), picture.why.trim_end_matches('.'))}
                {reviewed}
            </p>
            {about(&picture.about, &picture.missing)}
            <div class="actions"><a class="button" href=format!("/runbooks/{}/history", picture.slug)>"History"</a></div>
        </div>
    }
    .into_any()
}

/// The sections of a text that is not saved yet, as its page will show them.
pub fn draft(drafted: &[OldSection]) -> AnyView {
    let part = |section| Part { standing: Standing::Draft, ..Part::old(section, "") };
    sections(&drafted.iter().map(part).collect::<Vec<_>>()).into_any()
}

/// Nobody should follow an old version by mistake.
fn old_version(picture: &OldPicture) -> AnyView {
    let OldPicture { slug, version, newest, .. } = picture;
    let base = format!("/runbooks/{slug}");
    let says = format!("You are reading version {version} of {newest}, saved ");
    banner(
        "bad",
        view! {
            <p><strong>{says}{parts::when(picture.saved_at)}". It is not what the runbook says now."</strong></p>
            <p>
                <a href=base.clone()>{format!("Read the newest, version {newest}")}</a>
                " or "
                <a href=format!("{base}/compare?from={version}&to={newest}")>"see what changed since"</a>
                "."
            </p>
        }
        .into_any(),
    )
}

/// Sentences that the running system contradicts, before anybody relies on them.
fn wrong_facts(facts: &[FactRow], sections: &[Part]) -> Option<AnyView> {
    let one = |fact: &FactRow| {
        let title = sections.iter().find(|s| s.anchor == fact.section).map(|s| s.title.to_owned());
        let present = match &fact.present {
            Some(value) => format!(" It is {value} now."),
            None => " The book does not say it any more.".to_owned(),
        };
        view! {
            <li>
                "It says "<q>{fact.text.clone()}</q>"."<strong>{present}</strong>
                {title.filter(|t| !t.is_empty()).map(|title| view! {
                    " In "<a href=format!("#{}", fact.section)>{title}</a>"."
                })}
            </li>
        }
    };
    let wrong: Vec<_> = facts.iter().filter(|fact| !fact.holds).map(one).collect();
    let says = match wrong.len() {
        0 => return None,
        1 => "1 fact in this text is no longer true.".to_owned(),
        n => format!("{n} facts in this text are no longer true."),
    };
    Some(banner("warn", view! { <p><strong>{says}</strong></p><ul class="plain">{wrong}</ul> }.into_any()))
}

/// The way through a long text; a short one needs none.
fn contents(sections: &[Part]) -> Option<AnyView> {
    let titled: Vec<_> = sections.iter().filter(|s| !s.title.is_empty()).collect();
    let one = |section: &&Part| {
        let doubt = section.flagged().then(|| view! { <span class="past">{parts::icon("alert")}"may be wrong"</span> });
        view! { <li><a href=format!("#{}", section.anchor)>{section.title.to_owned()}</a>{doubt}</li> }
    };
    (titled.len() > 3).then(|| {
        view! {
            <nav class="contents" aria-labelledby="contents_h">
                <p id="contents_h">"On this page"</p>
                <ol>{titled.iter().map(one).collect_view()}</ol>
            </nav>
        }
        .into_any()
    })
}

/// What a section is drawn from, of the newest version or of an old one.
struct Part<'a> {
    anchor: &'a str,
    title: &'a str,
    level: u8,
    html: &'a str,
    /// What is to be thought of it.
    standing: Standing<'a>,
}

enum Standing<'a> {
    /// It is what the runbook says now: this far it can be believed, this is what may have made it wrong, and there
    /// it is reviewed.
    Now(Trust, &'a [FlagRow], &'a str),
    /// It is what was once said: in these words.
    Once(&'a str),
    /// It is being written; nothing is to be thought of it yet.
    Draft,
}

impl<'a> Part<'a> {
    fn new(section: &'a SectionPicture, slug: &'a str) -> Self {
        let SectionPicture { anchor, title, level, html, trust, flags } = section;
        Self { anchor, title, level: *level, html, standing: Standing::Now(*trust, flags, slug) }
    }

    fn old(section: &'a OldSection, said: &'a str) -> Self {
        let OldSection { anchor, title, level, html } = section;
        Self { anchor, title, level: *level, html, standing: Standing::Once(said) }
    }

    /// The flags that nobody has answered.
    fn waiting(&self) -> Vec<&'a FlagRow> {
        match self.standing {
            Standing::Now(_, flags, _) => flags.iter().filter(|flag| flag.answer.is_none()).collect(),
            Standing::Once(_) | Standing::Draft => Vec::new(),
        }
    }

    fn flagged(&self) -> bool {
        !self.waiting().is_empty()
    }
}

fn sections(sections: &[Part]) -> Vec<AnyView> {
    let top = sections.iter().filter(|s| !s.title.is_empty()).map(|s| s.level).min().unwrap_or(1);
    let mut above = 1;
    let one = |section: &Part| {
        // The page's title is the one h1, and no level is left out on the way down.
        let level = (section.level.saturating_sub(top) + 2).min(above + 1).min(6);
        if !section.title.is_empty() {
            above = level;
        }
        self::section(section, level)
    };
    sections.iter().map(one).collect()
}

fn section(section: &Part, level: u8) -> AnyView {
    let flagged = section.flagged();
    let warning = warning(section);
    let text = view! { <div class="prose" inner_html=section.html.to_owned()></div> };
    if section.title.is_empty() {
        return view! { <div class="doc-section" class:flagged=flagged>{warning}{text}</div> }.into_any();
    }
    let id = format!("{}_h", section.anchor);
    let title = heading(level, id.clone(), section.title);
    view! {
        <section id=section.anchor.to_owned() class="doc-section" class:flagged=flagged aria-labelledby=id>
            <div class="doc-title">{title}{doubt(section)}</div>
            {warning}
            {text}
        </section>
    }
    .into_any()
}

/// Who comes by a link to a section sees nothing above it, so the word of doubt stands at each.
fn doubt(section: &Part) -> Option<AnyView> {
    match section.standing {
        Standing::Once(said) => {
            let said = said.to_owned();
            Some(view! { <span class="trust t-overdue">{parts::icon("history")}{said}</span> }.into_any())
        }
        Standing::Now(Trust::Trusted, ..) | Standing::Draft => None,
        Standing::Now(trust, ..) => Some(parts::trust_badge(trust, 0)),
    }
}

fn heading(level: u8, id: String, title: &str) -> AnyView {
    let title = title.to_owned();
    match level {
        2 => view! { <h2 id=id>{title}</h2> }.into_any(),
        3 => view! { <h3 id=id>{title}</h3> }.into_any(),
        4 => view! { <h4 id=id>{title}</h4> }.into_any(),
        5 => view! { <h5 id=id>{title}</h5> }.into_any(),
        _ => view! { <h6 id=id>{title}</h6> }.into_any(),
    }
}

/// The doubt stands before the words that it is about.
fn warning(section: &Part) -> Option<AnyView> {
    let Standing::Now(_, _, slug) = section.standing else { return None };
    let flags: Vec<_> = section.waiting().into_iter().map(flag).collect();
    let review = format!("/reviews/{slug}#{}", section.anchor);
    let about = if section.title.is_empty() { String::new() } else { format!(": {}", section.title) };
    (!flags.is_empty()).then(|| {
        view! {
            <div class="flag">
                <p class="flag-says">{parts::icon("alert")}<strong>"This section may be wrong. Check before you act."</strong></p>
                {flags}
                <p><a href=review>"Review this section"<span class="sr">{about}</span></a></p>
            </div>
        }
        .into_any()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::status::Role;

    fn flag() -> FlagRow {
        FlagRow {
            runbook: "erp".into(),
            section: "replay".into(),
            subject: "step:order-to-erp/push".into(),
            name: "Push to ERP".into(),
            field: "retry.max_attempts".into(),
            before: "6".into(),
            after: "8".into(),
            changed_at: None,
            by: "deploy".into(),
            words: vec!["6 times".into()],
            answer: None,
            later: None,
            assignee: None,
            stated: true,
        }
    }

    fn section(flags: Vec<FlagRow>) -> SectionPicture {
        SectionPicture {
            anchor: "replay".into(),
            title: "Replay".into(),
            level: 2,
            trust: if flags.is_empty() { Trust::Trusted } else { Trust::CheckNeeded },
            html: "<p>It tries 6 times.</p>".into(),
            flags,
        }
    }

    fn drawn(sections: Vec<SectionPicture>, role: Option<Role>) -> String {
        let row = RunbookRow {
            slug: "erp".into(),
            title: "ERP refuses orders".into(),
            version: 5,
            saved_at: Moment::default(),
            trust: Trust::CheckNeeded,
            reason: String::new(),
            flags: 1,
            to_check: 1,
            reviewed: None,
            owner: None,
            critical: false,
            about: Vec::new(),
            missing: Vec::new(),
            follow: None,
        };
        let (author, why) = ("Anna".into(), "New number".into());
        let picture = RunbookPicture {
            row,
            sections,
            facts: vec![],
            links: vec![],
            has_steps: false,
            drills: vec![],
            mine: None,
            author,
            why,
            current: true,
            shown: 5,
            shown_saved_at: Moment::default(),
            conflict: None,
            in_file: None,
            file: None,
            decisions: Vec::new(),
            replaced: BTreeMap::new(),
            workarounds: Vec::new(),
        };
        let viewer = role.map(|role| Viewer { name: "Anna".into(), role });
        leptos::prelude::Owner::new().with(|| body(&picture, viewer.as_ref()).to_html())
    }

    #[test]
    fn a_doubtful_section_warns_before_its_text_and_a_good_one_does_not() {
        let html = drawn(vec![section(vec![flag()])], None);
        let (warning, text) =
            (html.find("may be wrong. Check before").unwrap(), html.find("It tries 6 times").unwrap());
        assert!(warning < text && html.contains("doc-section flagged"));
        assert!(!drawn(vec![section(vec![])], None).contains("may be wrong"));
    }

    #[test]
    fn an_answered_flag_no_longer_warns() {
        let answered = FlagRow { answer: Some("still_correct".into()), ..flag() };
        assert!(!drawn(vec![section(vec![answered])], None).contains("flagged"));
    }

    #[test]
    fn an_old_version_says_so_and_leads_to_the_newest() {
        let SectionPicture { anchor, title, level, html, .. } = section(vec![]);
        let picture = OldPicture {
            slug: "erp".into(),
            title: "ERP says no".into(),
            version: 3,
            saved_at: Moment::default(),
            current: false,
            newest: 5,
            trust: None,
            reviewed: None,
            owner: None,
            critical: false,
            about: vec![],
            missing: vec![],
            sections: vec![OldSection { anchor, title, level, html }],
            facts: vec![],
            links: vec![],
            author: "Anna".into(),
            why: "New number".into(),
            shown: 3,
            shown_saved_at: Moment::default(),
            retired: None,
        };
        let html = leptos::prelude::Owner::new().with(|| old_body(&picture, None, &Restore::offered(1, 2)).to_html());
        assert!(html.contains("You are reading version 3 of 5") && html.contains("Read the newest, version 5"));
        assert!(html.contains("Version 3, not the newest") && !html.contains("Trusted"));
        assert!(!drawn(vec![section(vec![])], None).contains("You are reading version"));
    }

    #[test]
    fn who_may_not_edit_is_told_why() {
        assert!(drawn(vec![], Some(Role::Operator)).contains("Only for editors."));
        assert!(drawn(vec![], Some(Role::Editor)).contains("href=\"/runbooks/erp/edit\""));
        assert!(drawn(vec![], None).contains("/sign-in?next=/runbooks/erp/edit"));
    }

    #[test]
    fn headings_go_down_one_level_at_a_time_below_the_one_title() {
        let at = |level| SectionPicture { level, ..section(vec![]) };
        let html = drawn(vec![at(2), at(5), at(2)], None);
        let levels: Vec<&str> = html.split("<h").skip(1).map(|rest| &rest[..1]).collect();
        assert_eq!(levels, ["1", "2", "3", "2"]);
    }
}
