//! Now: is anything wrong, and does it need me?

use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::problem::ProblemRow;
use super::shell::Head;
use super::workflows::WorkflowRow;
use crate::model::moment::Moment;
use crate::model::report::Report;
use crate::model::status::State;
use crate::model::verdict::capital;
use crate::parts;

/// What Now shows; also `GET /api/v1/now`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NowPicture {
    /// When this was looked up.
    pub checked_at: Moment,
    /// The worst state of all workflows.
    pub state: State,
    /// The answer in one sentence.
    pub sentence: String,
    /// Workflows that are Broken: those that nobody is on first, then the longest.
    pub broken: Vec<WorkflowRow>,
    /// Workflows that are Late, Retrying or without signal, worst first; among equals those that nobody is on.
    pub attention: Vec<WorkflowRow>,
    /// Workflows that are Paused, the pause that ends first first.
    pub paused: Vec<WorkflowRow>,
    /// Open problems that lie in no workflow: of components, sources, subjects.
    pub elsewhere: Vec<ProblemRow>,
    /// How many problems are open.
    pub problems_open: i64,
    /// What people say looks wrong and nobody has seen yet, newest first, at most 12.
    pub reports: Vec<Report>,
    /// What changed in the last 24 hours, newest first, at most 12.
    pub changed: Vec<ChangeRow>,
    /// The workflows on track.
    pub on_track: Vec<WorkflowRow>,
    /// How many sources, and which are silent.
    pub sources: super::shell::Heard,
    /// Runbooks that wait for a review.
    pub reviews_waiting: i64,
}

/// One change to a part of the book or of the running system.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ChangeRow {
    /// What changed, as a reference: `step:order-to-erp/push-to-erp`.
    pub subject: String,
    /// Its name, for people.
    pub name: String,
    /// Where the portal shows it.
    pub href: String,
    /// Which value: `retry.max_attempts`; `deployed` for a deployment; `change` for what was told and left what is
    /// deployed as it is.
    pub field: String,
    /// The value before; none when it is new.
    pub before: Option<String>,
    /// The value after; none when it is gone.
    pub after: Option<String>,
    /// When it was noticed or happened.
    pub changed_at: Moment,
    /// Who or what did it: a name from the event, or `the book`.
    pub by: String,
    /// Further words or a link from the event.
    pub link: Option<String>,
    /// Slugs of the runbooks that it flags now.
    pub flags: Vec<String>,
    /// Their titles, in the same order.
    #[serde(default)]
    pub titles: Vec<String>,
}

impl NowPicture {
    /// Reads it from its JSON.
    ///
    /// # Errors
    /// When it is not the JSON of this version.
    pub fn read(json: &str) -> serde_json::Result<Self> {
        serde_json::from_str(json)
    }

    /// What of it weighs, as one text: the states, what is wrong and who is on it, pauses, what changed or was said, and
    /// who is silent.
    pub fn weight(&self) -> String {
        let row = |w: &WorkflowRow| {
            let paused = w.paused.as_ref().map(|pause| (pause.target.clone(), pause.until));
            json!([w.id, w.name, w.state, w.owner, w.trust, w.problem, w.attended, paused])
        };
        let rows = self.rows().map(row);
        let elsewhere = self.elsewhere.iter().map(|p| json!([p.id, p.kind, p.state, p.owner]));
        let said = self.reports.iter().map(|r| json!([r.id, r.seen_by]));
        let changed = self.changed.iter().map(|c| json!([c.subject, c.field, c.after, c.changed_at, c.flags]));
        let silent = self.sources.silent.iter().map(|(source, _)| source);
        json!([
            rows.collect::<Vec<_>>(),
            elsewhere.collect::<Vec<_>>(),
            self.problems_open,
            said.collect::<Vec<_>>(),
            changed.collect::<Vec<_>>(),
            silent.collect::<Vec<_>>(),
            self.reviews_waiting,
        ])
        .to_string()
    }

    /// Whether its sentences count time while nothing is heard.
    pub fn counts_time(&self) -> bool {
        self.rows().any(|row| row.state != State::OnTrack)
    }

    /// Every workflow.
    pub fn rows(&self) -> impl Iterator<Item = &WorkflowRow> {
        [&self.broken, &self.attention, &self.paused, &self.on_track].into_iter().flatten()
    }
}

/// How many workflows there are of each sort that Now tells apart, and what besides them waits for somebody.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Broken: they need a person.
    pub broken: usize,
    /// Late or without signal: they need a look.
    pub look: usize,
    /// Whether one of them is without signal, so that nobody knows whether it is broken.
    pub silent: bool,
    /// Retrying: they need nobody yet.
    pub retrying: usize,
    /// Paused.
    pub paused: usize,
    /// On track.
    pub on_track: usize,
    /// Problems of no workflow that need a look.
    pub elsewhere: usize,
    /// Whether somebody says that something looks wrong, and nobody has seen it.
    pub said: bool,
}

impl Tally {
    /// Counts rows, problems that lie in no workflow, and what people say.
    pub fn of<'r>(
        rows: impl IntoIterator<Item = &'r WorkflowRow>,
        elsewhere: &[ProblemRow],
        reports: &[Report],
    ) -> Self {
        let elsewhere = elsewhere.iter().filter(|row| row.state.needs_a_look()).count();
        let mut tally = Self { elsewhere, said: !reports.is_empty(), ..Self::default() };
        for row in rows {
            match row.state {
                State::Broken => tally.broken += 1,
                State::Late => tally.look += 1,
                State::NoSignal => (tally.look, tally.silent) = (tally.look + 1, true),
                State::Retrying => tally.retrying += 1,
                State::Paused => tally.paused += 1,
                State::OnTrack => tally.on_track += 1,
            }
        }
        tally
    }

    /// Whether anything needs somebody, in a few words.
    pub fn title(&self) -> String {
        let need = |n: usize| if n == 1 { "needs" } else { "need" };
        match self {
            _ if *self == Self::default() => "Nothing to watch yet".to_owned(),
            Self { broken: 0, look: 0, retrying, elsewhere, said, .. } => {
                let what = if *elsewhere > 0 || *said { "No workflow" } else { "Nothing" };
                format!("{what} needs you{}", if *retrying > 0 { " yet" } else { "" })
            }
            Self { broken: 0, look: n, .. } => format!("{} {} a look", workflows(*n), need(*n)),
            Self { broken: n, .. } => format!("{} {} a person", workflows(*n), need(*n)),
        }
    }

    /// The answer: the title, and what it does not say; `reporting` is about the sources.
    pub fn sentence(&self, reporting: &str) -> String {
        format!("{}. {}", self.title(), self.rest(reporting))
    }

    /// What waits for somebody although no workflow does.
    fn besides(&self) -> impl Iterator<Item = String> {
        let things = match self.elsewhere {
            0 => None,
            1 => Some("1 thing elsewhere needs a look".to_owned()),
            n => Some(format!("{n} things elsewhere need a look")),
        };
        things.into_iter().chain(self.said.then(|| "somebody says that something looks wrong".to_owned()))
    }

    fn rest(&self, reporting: &str) -> String {
        let mut parts = Vec::new();
        match (self.broken, self.look) {
            _ if *self == Self::default() => return "Nothing is declared and nothing was heard yet.".to_owned(),
            (0, 0) => parts.extend(self.besides()),
            (_, 0) => {}
            // Of what is silent nobody knows.
            (0, _) if self.silent => parts.push("nothing is known to be broken".to_owned()),
            (0, _) => parts.push("nothing is broken".to_owned()),
            (_, 1) => parts.push("1 more needs a look".to_owned()),
            (_, n) => parts.push(format!("{n} more need a look")),
        }
        // Where the title has not said what is counted, the first number does.
        let named = self.broken + self.look > 0;
        let count = |n: usize, first: bool| if first && !named { workflows(n) } else { n.to_string() };
        if self.retrying > 0 {
            let by_itself = if self.retrying == 1 { "by itself" } else { "by themselves" };
            parts.push(format!("{} retrying {by_itself}", count(self.retrying, true)));
        }
        parts.push(format!("{} on track", count(self.on_track, self.retrying == 0)));
        if self.paused > 0 {
            parts.push(format!("{} paused", self.paused));
        }
        parts.push(reporting.to_owned());
        format!("{}.", capital(&parts.join(", ")))
    }
}

fn workflows(n: usize) -> String {
    if n == 1 { "1 workflow".to_owned() } else { format!("{n} workflows") }
}

/// The title and the favicon.
pub fn head(picture: &NowPicture) -> Head {
    Head { title: "Now".to_owned(), state: Some(picture.state) }
}

/// The page.
pub fn body(picture: &NowPicture) -> AnyView {
    view! { <div class="page now">{blocks(picture).into_iter().map(|(_, block)| block).collect_view()}</div> }
        .into_any()
}

/// The page in blocks, in order, for the live stream.
pub fn blocks(picture: &NowPicture) -> Vec<(&'static str, AnyView)> {
    let list = |name: &'static str, title: &str, rows: &[WorkflowRow]| match rows {
        [] => (name, parts::no_block(name)),
        rows => {
            let title = format!("{title} ({})", rows.len());
            (name, parts::block(name, parts::section(name, &title, parts::workflow_rows(rows))))
        }
    };
    let (retrying, look): (Vec<_>, Vec<_>) =
        picture.attention.iter().cloned().partition(|row| row.state == State::Retrying);
    vec![
        ("answer", parts::block("answer", answer(picture))),
        list("broken", "Needs a person", &picture.broken),
        list("attention", "Worth a look", &look),
        ("elsewhere", elsewhere(picture)),
        list("retrying", "Retrying by itself", &retrying),
        ("paused", paused(picture)),
        ("reports", reports(&picture.reports)),
        ("on-track", on_track(&picture.on_track)),
        ("changed", parts::block("changed", changed(picture))),
    ]
}

fn reports(reports: &[Report]) -> AnyView {
    match reports {
        [] => parts::no_block("reports"),
        reports => parts::block("reports", parts::section("reports", "Somebody says", parts::reports(reports))),
    }
}

fn answer(picture: &NowPicture) -> AnyView {
    let title = Tally::of(picture.rows(), &picture.elsewhere, &picture.reports).title();
    // The title is not said twice.
    let sentence = picture.sentence.strip_prefix(&format!("{title}. ")).unwrap_or(&picture.sentence);
    let reviews = (picture.reviews_waiting > 0).then(|| {
        let words = match picture.reviews_waiting {
            1 => "1 runbook may be outdated".to_owned(),
            n => format!("{n} runbooks may be outdated"),
        };
        view! { <p class="aside">{parts::icon("flag")}<a href="/reviews">{words}</a></p> }.into_any()
    });
    parts::answer(Some(picture.state), &title, sentence, reviews)
}

/// Problems of what no workflow is about, and the way to all of them.
fn elsewhere(picture: &NowPicture) -> AnyView {
    if picture.problems_open == 0 {
        return parts::no_block("elsewhere");
    }
    let rows = (!picture.elsewhere.is_empty()).then(|| {
        let title = format!("Elsewhere ({})", picture.elsewhere.len());
        parts::section("elsewhere", &title, parts::problem_rows(&picture.elsewhere))
    });
    let all = match picture.problems_open {
        1 => "The open problem".to_owned(),
        n => format!("All {n} open problems"),
    };
    let all = view! { <p class="more"><a href="/problems">{all}{parts::icon("arrow-right")}</a></p> };
    parts::block("elsewhere", view! { {rows}{all} }.into_any())
}

/// What is paused, under a line of its own that says until when.
fn paused(picture: &NowPicture) -> AnyView {
    let ends = || picture.paused.iter().filter_map(|row| row.paused.as_ref()).map(|p| p.until);
    let Some(first) = ends().min() else { return parts::no_block("paused") };
    let ink = parts::ink();
    let until = first.words(ink.now, &ink.zone);
    let title = match picture.paused.len() {
        n if ends().all(|at| at == first) => format!("{n} paused until {until}"),
        n => format!("{n} paused, the first until {until}"),
    };
    parts::block("paused", parts::section("paused", &title, parts::workflow_rows(&picture.paused)))
}

/// Healthy workflows take one line each at most: their names side by side.
fn on_track(rows: &[WorkflowRow]) -> AnyView {
    if rows.is_empty() {
        return parts::no_block("on-track");
    }
    let one = |row: &&WorkflowRow| {
        view! {
            <li data-key=row.id.clone()>
                {parts::icon("state-on_track")}
                <a href=parts::to(format!("/workflows/{}", parts::path_part(&row.id)))>{row.name.clone()}</a>
                <span class="dim">
                    {row.affected_by.as_ref().map(|by| view! { {parts::affected(&by.name)}" " })}{row.sentence.clone()}
                </span>
            </li>
        }
    };
    // What needs something that is down comes first.
    let (affected, fine): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.affected_by.is_some());
    let rows = [affected, fine].concat();
    let list = view! { <ul class="calm s-on_track" data-live-order="ask">{rows.iter().map(one).collect_view()}</ul> };
    let title = format!("On track ({})", rows.len());
    parts::block("on-track", parts::section("on-track", &title, list.into_any()))
}

fn changed(picture: &NowPicture) -> AnyView {
    let ink = parts::ink();
    let list = match picture.changed.as_slice() {
        [] => parts::empty(&format!(
            "Nothing changed in the last 24 hours. Checked {}.",
            picture.checked_at.clock_seconds(&ink.zone)
        )),
        rows => parts::change_rows(rows),
    };
    parts::section("changed", "Changed in the last 24 hours", list)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &str = "all 5 sources reporting";

    #[test]
    fn what_tries_again_by_itself_is_told_and_needs_nobody_yet() {
        let said = |tally: Tally| tally.sentence(ALL);
        let fine = Tally { on_track: 16, ..Tally::default() };
        assert_eq!(said(fine), "Nothing needs you. 16 workflows on track, all 5 sources reporting.");
        assert_eq!(
            said(Tally { retrying: 1, on_track: 15, ..fine }),
            "Nothing needs you yet. 1 workflow retrying by itself, 15 on track, all 5 sources reporting."
        );
        assert_eq!(
            said(Tally { look: 1, retrying: 2, ..fine }),
            "1 workflow needs a look. Nothing is broken, 2 retrying by themselves, 16 on track, all 5 sources reporting."
        );
        assert_eq!(
            said(Tally { look: 3, silent: true, paused: 1, ..fine }),
            "3 workflows need a look. Nothing is known to be broken, 16 on track, 1 paused, all 5 sources reporting."
        );
        assert_eq!(
            said(Tally { broken: 2, look: 1, ..fine }),
            "2 workflows need a person. 1 more needs a look, 16 on track, all 5 sources reporting."
        );
        assert_eq!(
            said(Tally { broken: 1, ..fine }),
            "1 workflow needs a person. 16 on track, all 5 sources reporting."
        );
        assert_eq!(
            said(Tally { elsewhere: 1, ..fine }),
            "No workflow needs you. 1 thing elsewhere needs a look, 16 workflows on track, all 5 sources reporting."
        );
        assert_eq!(
            said(Tally { elsewhere: 2, said: true, retrying: 1, ..fine }),
            "No workflow needs you yet. 2 things elsewhere need a look, somebody says that something looks wrong, 1 workflow retrying by itself, 16 on track, all 5 sources reporting."
        );
        assert_eq!(said(Tally::default()), "Nothing to watch yet. Nothing is declared and nothing was heard yet.");
    }
}
