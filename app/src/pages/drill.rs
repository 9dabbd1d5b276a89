//! A drill: a runbook followed outside trouble, section by section, with a word at its end on whether it was right.

use leptos::prelude::*;
use serde::Serialize;

use super::problem::{LogRow, StepTick};
use super::shell::Head;
use crate::model::following::Outcome;
use crate::model::moment::Moment;
use crate::model::status::Trust;
use crate::parts;
use crate::parts::Ticking;
use crate::parts::document::banner;

/// One drill; also `GET /api/v1/runbooks/{slug}/drills/{n}`.
#[derive(Debug, Clone, Serialize)]
pub struct DrillPicture {
    /// The runbook.
    pub slug: String,
    /// Its title.
    pub title: String,
    /// Its number among the drills of the runbook.
    #[serde(flatten)]
    pub row: DrillRow,
    /// The newest version, from which the steps are.
    pub newest: i64,
    /// The sections with steps, in order.
    pub sections: Vec<DrillSection>,
    /// What people did, oldest first.
    pub log: Vec<LogRow>,
}

/// A drill in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DrillRow {
    /// Its number among the drills of its runbook.
    pub number: i64,
    /// The version that was the newest when it began.
    pub version: i64,
    /// Who began it.
    pub started_by: String,
    /// When.
    pub started_at: Moment,
    /// When it ended.
    pub ended_at: Option<Moment>,
    /// Who ended it.
    pub ended_by: Option<String>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// Whether it proved the runbook: everything was done in one version, and somebody said that it was right.
    pub proved: bool,
}

/// A section with what there is to do.
#[derive(Debug, Clone, Serialize)]
pub struct DrillSection {
    /// Its anchor.
    pub anchor: String,
    /// Its title.
    pub title: String,
    /// Whether it can be believed.
    pub trust: Trust,
    /// How many flags stand on it.
    pub flags: i64,
    /// Each step, with who did it.
    pub steps: Vec<StepTick>,
}

impl DrillRow {
    /// How it stands, in words.
    pub fn words(&self) -> &'static str {
        match (self.outcome, self.proved) {
            (None, _) => "Under way.",
            (Some(Outcome::Right), true) => "Everything was done, and the runbook was right.",
            (Some(Outcome::Right), false) => "The runbook was right, but not every step was done in one version.",
            (Some(Outcome::NotRight), _) => "The runbook was not right.",
            (Some(Outcome::Stopped), _) => "Stopped before its end.",
        }
    }
}

/// The title.
pub fn head(picture: &DrillPicture) -> Head {
    Head { title: format!("Drill {} of {}", picture.row.number, picture.title), state: None }
}

/// The page.
pub fn body(picture: &DrillPicture) -> AnyView {
    let DrillPicture { slug, row, .. } = picture;
    let runbook = format!("/runbooks/{slug}");
    let action = format!("{runbook}/drills/{}", row.number);
    let over = row.outcome.is_some();
    let sections = picture.sections.iter().map(|section| self::section(picture, section, &action)).collect_view();
    let end = (!over).then(|| end(picture, &action));
    view! {
        <div class="page drill">
            {parts::crumbs(&[("Runbooks", "/runbooks"), (picture.title.as_str(), runbook.as_str())])}
            {top(picture)}
            {edited(picture)}
            {sections}
            {end}
            {parts::section("log", "What was done", parts::log(&picture.log, "Nothing was done yet."))}
        </div>
    }
    .into_any()
}

fn top(picture: &DrillPicture) -> AnyView {
    let row = &picture.row;
    let all = picture.sections.iter().flat_map(|s| &s.steps);
    let (steps, settled) = (all.clone().count(), all.filter(|s| s.done.is_some()).count());
    let ended = row.ended_at.zip(row.ended_by.clone());
    view! {
        <div class="doc-head">
            <h1>{format!("Drill {} of {}", row.number, picture.title)}</h1>
            <p><strong>{row.words()}</strong>{format!(" {settled} of {steps} steps settled.")}</p>
            <p class="dim">
                {format!("Begun with version {}, ", row.version)}{parts::when(row.started_at)}
                {format!(" by {}.", row.started_by)}
                {ended.map(|(at, by)| view! { " Ended "{parts::when(at)}{format!(" by {by}.")} })}
            </p>
            <p class="dim">"A drill is no trouble: do what can be done without harm, and say how the rest would be done."</p>
        </div>
    }
    .into_any()
}

/// The steps are those of the newest version, which may have come meanwhile.
fn edited(picture: &DrillPicture) -> Option<AnyView> {
    let (from, to) = (picture.row.version, picture.newest);
    let href = format!("/runbooks/{}/compare?from={from}&to={to}", picture.slug);
    (from != to).then(|| {
        let words = format!("The runbook was edited since this began: the steps are those of version {to}. ");
        banner("warn", view! { <p>{words}<a href=href>"See what changed"</a>"."</p> }.into_any())
    })
}

fn section(picture: &DrillPicture, section: &DrillSection, action: &str) -> AnyView {
    let place = Ticking {
        action: format!("{action}/ticks"),
        key: section.anchor.clone(),
        slug: &picture.slug,
        section: &section.anchor,
        version: picture.newest,
        over: picture.row.outcome.is_some(),
    };
    let doubt = (section.trust != Trust::Trusted).then(|| parts::trust_badge(section.trust, 0));
    let title = match section.title.as_str() {
        "" => picture.title.clone(),
        title => title.to_owned(),
    };
    let id = format!("drill-{}_h", section.anchor);
    let href = format!("/runbooks/{}#{}", picture.slug, section.anchor);
    view! {
        <section class="drill-section" aria-labelledby=id.clone()>
            <div class="doc-title"><h2 id=id.clone()><a href=href>{title}</a></h2>{doubt}</div>
            <div class=format!("recovery t-{}", section.trust.name())>{parts::ticks(&place, &section.steps)}</div>
        </section>
    }
    .into_any()
}

/// How it ends: with an answer, or without.
fn end(picture: &DrillPicture, action: &str) -> AnyView {
    let sections: Vec<_> = picture
        .sections
        .iter()
        .map(|s| {
            let title = if s.title.is_empty() { picture.title.clone() } else { s.title.clone() };
            (picture.slug.clone(), s.anchor.clone(), title)
        })
        .collect();
    let form = |name: &'static str, what: &'static str, body: AnyView| {
        view! {
            <details class="act">
                <summary class="button">{what}</summary>
                <form method="post" action=format!("{action}/{name}") class="stack">{body}</form>
            </details>
        }
    };
    let note = view! {
        {parts::text_area("note".to_owned(), "words", "What you saw or did", "", "3")}
        <button class="button primary">"Note it"</button>
    };
    let stop = view! {
        {parts::text_area("stop".to_owned(), "words", "Why it stops here", "", "2")}
        <button class="button">"Stop the drill"</button>
    };
    let body = view! {
        <p class="dim">"Your answer ends the drill. When every step is done and it was right, the runbook counts as proved."</p>
        <div class="question-now">{parts::was_it_right(&format!("{action}/answer"), &sections)}</div>
        <div class="acts">
            {form("notes", "Note", note.into_any())}
            {form("stop", "Stop without an answer", stop.into_any())}
        </div>
    };
    parts::section("question", "Was the runbook right?", parts::for_operators(body.into_any()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::problem::Ticked;

    fn picture(outcome: Option<Outcome>) -> DrillPicture {
        let done = Ticked { by: "anna".into(), at: Moment::default(), version: 2, skipped: None };
        let step = |text: &str, done| StepTick { text: text.into(), done, in_doubt: false };
        DrillPicture {
            slug: "erp".into(),
            title: "ERP refuses orders".into(),
            row: DrillRow {
                number: 3,
                version: 1,
                started_by: "anna".into(),
                started_at: Moment::default(),
                ended_at: outcome.map(|_| Moment::default()),
                ended_by: outcome.map(|_| "anna".into()),
                outcome,
                proved: false,
            },
            newest: 2,
            sections: vec![DrillSection {
                anchor: "now".into(),
                title: "Do this now".into(),
                trust: Trust::CheckNeeded,
                flags: 1,
                steps: vec![step("Call the desk", Some(done)), step("Wait", None)],
            }],
            log: vec![],
        }
    }

    fn drawn(outcome: Option<Outcome>) -> String {
        Owner::new().with(|| body(&picture(outcome)).to_html())
    }

    #[test]
    fn a_drill_says_what_is_settled_and_that_the_runbook_was_edited_meanwhile() {
        let html = drawn(None);
        assert!(html.contains("1 of 2 steps settled.") && html.contains("the steps are those of version 2"), "{html}");
        assert!(html.contains("Yes, it was right") && html.contains("Check needed"), "{html}");
    }

    #[test]
    fn what_has_ended_offers_nothing_to_press() {
        let html = drawn(Some(Outcome::Stopped));
        assert!(!html.contains("<form") && html.contains("Stopped before its end."), "{html}");
    }
}
