//! One runbook: what do I do; can I trust this page?

use leptos::prelude::*;
use serde::Serialize;

use super::runbooks::RunbookRow;
use super::shell::{Head, Viewer};
use crate::model::moment::Moment;
use crate::model::status::{Role, Trust};
use crate::parts;
use crate::parts::document::{action, banner, flag, missing_links, trust_line};

/// One runbook; also `GET /api/v1/runbooks/{slug}`, and one version of it.
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
    /// Who wrote this version, and why.
    pub author: String,
    /// The line of why.
    pub why: String,
    /// The version shown; the newest unless an older one was asked for.
    pub shown: i64,
    /// When the version shown was saved.
    pub shown_saved_at: Moment,
    /// Whether a newer file on disk and a newer text in the browser disagree.
    pub conflict: Option<String>,
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
    let title = match (is_old(picture), picture.row.trust) {
        (true, _) => format!("Old version: {title}"),
        (_, Trust::CheckNeeded) => format!("May be wrong: {title}"),
        _ => title.clone(),
    };
    Head { title, state: None }
}

/// The runbook as a page: first whether to believe it, then what to do.
pub fn body(picture: &RunbookPicture, viewer: Option<&Viewer>) -> AnyView {
    view! {
        <div class="page runbook">
        {parts::crumbs(&[("Runbooks", "/runbooks")])}
        <article class="doc" class:old=is_old(picture)>
            <div class="doc-top">
                {top(picture, viewer)}
                {old_version(picture)}
                {picture.conflict.as_ref().map(|words| conflict(&picture.row.slug, words))}
                {wrong_facts(picture)}
                {missing_links(&picture.links)}
            </div>
            {contents(&picture.sections)}
            <div class="doc-text">{sections(picture)}</div>
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
                {format!(" by {}: {}", picture.author, picture.why)}
            </p>
            <div class="actions">
                {action(viewer, Role::Editor, "Edit", &format!("{base}/edit"))}
                {review}
                <a class="button" href=history>"History"</a>
            </div>
        </div>
    }
    .into_any()
}

/// Nobody should follow an old version by mistake.
fn old_version(picture: &RunbookPicture) -> Option<AnyView> {
    let (shown, newest) = (picture.shown, picture.row.version);
    let base = format!("/runbooks/{}", picture.row.slug);
    is_old(picture).then(|| {
        let says = format!("You are reading version {shown} of {newest}, saved ");
        banner(
            "bad",
            view! {
                <p><strong>{says}{parts::when(picture.shown_saved_at)}". It is not what the runbook says now."</strong></p>
                <p>
                    <a href=base.clone()>{format!("Read the newest, version {newest}")}</a>
                    " or "
                    <a href=format!("{base}/compare?from={shown}&to={newest}")>"see what changed since"</a>
                    "."
                </p>
            }
            .into_any(),
        )
    })
}

fn conflict(slug: &str, words: &str) -> AnyView {
    banner(
        "warn",
        view! {
            <p>{words.to_owned()}</p>
            <p><a href=format!("/runbooks/{slug}/history")>"See both in the history"</a></p>
        }
        .into_any(),
    )
}

/// Sentences that the running system contradicts, before anybody relies on them.
fn wrong_facts(picture: &RunbookPicture) -> Option<AnyView> {
    let one = |fact: &FactRow| {
        let title = picture.sections.iter().find(|s| s.anchor == fact.section).map(|s| s.title.clone());
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
    let wrong: Vec<_> = picture.facts.iter().filter(|fact| !fact.holds).map(one).collect();
    let says = match wrong.len() {
        0 => return None,
        1 => "1 fact in this text is no longer true.".to_owned(),
        n => format!("{n} facts in this text are no longer true."),
    };
    Some(banner("warn", view! { <p><strong>{says}</strong></p><ul class="plain">{wrong}</ul> }.into_any()))
}

/// The way through a long text; a short one needs none.
fn contents(sections: &[SectionPicture]) -> Option<AnyView> {
    let titled: Vec<_> = sections.iter().filter(|s| !s.title.is_empty()).collect();
    let one = |section: &&SectionPicture| {
        let doubt = waiting(section)
            .next()
            .is_some()
            .then(|| view! { <span class="past">{parts::icon("alert")}"may be wrong"</span> });
        view! { <li><a href=format!("#{}", section.anchor)>{section.title.clone()}</a>{doubt}</li> }
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

fn sections(picture: &RunbookPicture) -> Vec<AnyView> {
    let top = picture.sections.iter().filter(|s| !s.title.is_empty()).map(|s| s.level).min().unwrap_or(1);
    let mut above = 1;
    let one = |section: &SectionPicture| {
        // The page's title is the one h1, and no level is left out on the way down.
        let level = (section.level.saturating_sub(top) + 2).min(above + 1).min(6);
        if !section.title.is_empty() {
            above = level;
        }
        self::section(section, picture, level)
    };
    picture.sections.iter().map(one).collect()
}

fn section(section: &SectionPicture, picture: &RunbookPicture, level: u8) -> AnyView {
    let flagged = waiting(section).next().is_some();
    let warning = warning(section, &picture.row.slug);
    let text = view! { <div class="prose" inner_html=section.html.clone()></div> };
    if section.title.is_empty() {
        return view! { <div class="doc-section" class:flagged=flagged>{warning}{text}</div> }.into_any();
    }
    let id = format!("{}_h", section.anchor);
    let title = heading(level, id.clone(), &section.title);
    view! {
        <section id=section.anchor.clone() class="doc-section" class:flagged=flagged aria-labelledby=id>
            <div class="doc-title">{title}{doubt(section, picture)}</div>
            {warning}
            {text}
        </section>
    }
    .into_any()
}

/// Who comes by a link to a section sees nothing above it, so the word of doubt stands at each.
fn doubt(section: &SectionPicture, picture: &RunbookPicture) -> Option<AnyView> {
    if is_old(picture) {
        let words = format!("Version {}, not the newest", picture.shown);
        return Some(view! { <span class="trust t-overdue">{parts::icon("history")}{words}</span> }.into_any());
    }
    let flags = i64::try_from(waiting(section).count()).unwrap_or(i64::MAX);
    (section.trust != Trust::Trusted).then(|| parts::trust_badge(section.trust, flags))
}

fn is_old(picture: &RunbookPicture) -> bool {
    picture.shown < picture.row.version
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

/// The flags of a section that nobody has answered.
fn waiting(section: &SectionPicture) -> impl Iterator<Item = &FlagRow> {
    section.flags.iter().filter(|flag| flag.answer.is_none())
}

/// The doubt stands before the words that it is about.
fn warning(section: &SectionPicture, slug: &str) -> Option<AnyView> {
    let flags: Vec<_> = waiting(section).map(flag).collect();
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

    fn drawn(sections: Vec<SectionPicture>, shown: i64, role: Option<Role>) -> String {
        let row = RunbookRow {
            slug: "erp".into(),
            title: "ERP refuses orders".into(),
            version: 5,
            saved_at: Moment::default(),
            trust: Trust::CheckNeeded,
            reason: String::new(),
            flags: 1,
            reviewed: None,
            owner: None,
            critical: false,
            about: Vec::new(),
        };
        let (author, why) = ("Anna".into(), "New number".into());
        let picture = RunbookPicture {
            row,
            sections,
            facts: vec![],
            links: vec![],
            author,
            why,
            shown,
            shown_saved_at: Moment::default(),
            conflict: None,
        };
        let viewer = role.map(|role| Viewer { name: "Anna".into(), role });
        leptos::prelude::Owner::new().with(|| body(&picture, viewer.as_ref()).to_html())
    }

    #[test]
    fn a_doubtful_section_warns_before_its_text_and_a_good_one_does_not() {
        let html = drawn(vec![section(vec![flag()])], 5, None);
        let (warning, text) =
            (html.find("may be wrong. Check before").unwrap(), html.find("It tries 6 times").unwrap());
        assert!(warning < text && html.contains("doc-section flagged"));
        assert!(!drawn(vec![section(vec![])], 5, None).contains("may be wrong"));
    }

    #[test]
    fn an_answered_flag_no_longer_warns() {
        let answered = FlagRow { answer: Some("still_correct".into()), ..flag() };
        assert!(!drawn(vec![section(vec![answered])], 5, None).contains("flagged"));
    }

    #[test]
    fn an_old_version_says_so_and_leads_to_the_newest() {
        let html = drawn(vec![section(vec![])], 3, None);
        assert!(html.contains("You are reading version 3 of 5") && html.contains("Read the newest, version 5"));
        assert!(!drawn(vec![section(vec![])], 5, None).contains("You are reading version"));
    }

    #[test]
    fn who_may_not_edit_is_told_why() {
        assert!(drawn(vec![], 5, Some(Role::Operator)).contains("Needs the role editor."));
        assert!(drawn(vec![], 5, Some(Role::Editor)).contains("href=\"/runbooks/erp/edit\""));
        assert!(drawn(vec![], 5, None).contains("/sign-in?next=/runbooks/erp/edit"));
    }

    #[test]
    fn headings_go_down_one_level_at_a_time_below_the_one_title() {
        let at = |level| SectionPicture { level, ..section(vec![]) };
        let html = drawn(vec![at(2), at(5), at(2)], 5, None);
        let levels: Vec<&str> = html.split("<h").skip(1).map(|rest| &rest[..1]).collect();
        assert_eq!(levels, ["1", "2", "3", "2"]);
    }
}
