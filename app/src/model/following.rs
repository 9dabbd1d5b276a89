//! Following a runbook, about a problem or in a drill: how each step stands, what was followed, and what that proves.

use serde::{Deserialize, Serialize};

use super::moment::{Moment, Span};

/// How long after it was done a tick may still be told.
const TOLD_WITHIN: Span = Span::from_minutes(24 * 60);

/// When a runbook is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Occasion {
    /// About the problem with this number.
    Problem(i64),
    /// In the drill with this number among all drills.
    Drill(i64),
}

impl Occasion {
    /// The number of the problem, if it is about one.
    pub fn problem(self) -> Option<i64> {
        match self {
            Self::Problem(id) => Some(id),
            Self::Drill(_) => None,
        }
    }

    /// The number of the drill, if it is one.
    pub fn drill(self) -> Option<i64> {
        match self {
            Self::Problem(_) => None,
            Self::Drill(id) => Some(id),
        }
    }
}

/// A step of a runbook as it was when somebody ticked it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct LoggedStep {
    pub slug: String,
    pub version: i64,
    pub section: String,
    pub text: String,
}

impl LoggedStep {
    /// Whether it is the same step, in whichever version.
    fn is(&self, slug: &str, section: &str, text: &str) -> bool {
        self.slug == slug && self.section == section && self.text == text
    }
}

/// What somebody did while following.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When.
    pub at: Moment,
    /// Who.
    pub actor: String,
    /// What, as a word: `owned`, `noted`, `ticked`.
    pub act: String,
    /// In words: the note, the reason.
    pub words: String,
    /// For a tick: which step of which version.
    pub step: Option<LoggedStep>,
}

/// How a drill ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The runbook was right.
    Right,
    /// A section of it was not.
    NotRight,
    /// It was not gone through to the end.
    Stopped,
}

impl Outcome {
    /// The name in JSON and in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::NotRight => "not_right",
            Self::Stopped => "stopped",
        }
    }

    /// Reads the name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Right, Self::NotRight, Self::Stopped].into_iter().find(|outcome| outcome.name() == name)
    }
}

/// That a version was followed: when its newest step was done, and by whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Followed {
    /// The version that was read.
    pub version: i64,
    /// When.
    pub at: Moment,
    /// By whom.
    pub by: String,
    /// Where the record is: `/problems/12`, `/runbooks/erp/drills/3`.
    pub href: String,
}

/// The newest line about a step, whatever it says.
fn newest<'l>(log: &'l [LogLine], slug: &str, section: &str, text: &str) -> Option<&'l LogLine> {
    log.iter().rev().find(|line| line.step.as_ref().is_some_and(|step| step.is(slug, section, text)))
}

/// How a step stands: the line by which it is done or left out; none while it is to do. The newest line decides.
pub fn settled<'l>(log: &'l [LogLine], slug: &str, section: &str, text: &str) -> Option<&'l LogLine> {
    newest(log, slug, section, text).filter(|line| line.act != "unticked")
}

/// What was done about a step after `at`: a tick of `at` that is told only now comes too late then.
pub fn overtaken<'l>(log: &'l [LogLine], step: &LoggedStep, at: Moment) -> Option<&'l LogLine> {
    newest(log, &step.slug, &step.section, &step.text).filter(|line| line.at > at)
}

/// The sections whose steps were ticked or left out: (slug, anchor), each once, in the order in which they were come to.
pub fn sections(log: &[LogLine]) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    for step in log.iter().filter_map(|line| line.step.as_ref()) {
        let section = (step.slug.as_str(), step.section.as_str());
        if !found.contains(&section) {
            found.push(section);
        }
    }
    found
}

/// The newest step of a runbook that is done; none when each was taken back.
pub fn last_done<'l>(log: &'l [LogLine], slug: &str) -> Option<&'l LogLine> {
    let mut of = log.iter().rev().filter(|line| line.act == "ticked");
    of.find(|line| {
        line.step.as_ref().is_some_and(|step| {
            step.slug == slug && newest(log, slug, &step.section, &step.text).is_some_and(|last| last.act == "ticked")
        })
    })
}

/// Whether a following proves these steps: there are some, and each was done as that version says it.
///
/// Whoever calls knows that it ended well, and that somebody said that the runbook was right.
pub fn proves(log: &[LogLine], asked: &[LoggedStep]) -> bool {
    let done = |asked: &LoggedStep| {
        settled(log, &asked.slug, &asked.section, &asked.text).is_some_and(|line| {
            line.act == "ticked" && line.step.as_ref().is_some_and(|step| step.version == asked.version)
        })
    };
    !asked.is_empty() && asked.iter().all(done)
}

/// When a tick was done that is told now. A browser that could not reach the portal says when that was; its clock may be
/// a little ahead of ours.
///
/// # Errors
/// A sentence when that was too long ago.
pub fn done_at(told: Option<Moment>, now: Moment) -> Result<Moment, String> {
    match told {
        None => Ok(now),
        Some(at) if now.since(at) > TOLD_WITHIN => {
            Err("That was more than a day ago. Say it in a note, if it still matters.".to_owned())
        }
        Some(at) => Ok(at.min(now)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(version: i64, text: &str) -> LoggedStep {
        LoggedStep { slug: "erp".into(), version, section: "now".into(), text: text.into() }
    }

    fn line(at: i64, act: &str, version: i64, text: &str) -> LogLine {
        let (actor, act) = ("anna".into(), act.into());
        LogLine { at: Moment::from_millis(at), actor, act, words: String::new(), step: Some(step(version, text)) }
    }

    #[test]
    fn the_newest_line_about_a_step_decides_how_it_stands() {
        let log = [line(1, "ticked", 1, "Call"), line(2, "unticked", 1, "Call"), line(3, "skipped", 1, "Wait")];
        assert_eq!(settled(&log, "erp", "now", "Call"), None);
        assert_eq!(settled(&log, "erp", "now", "Wait"), Some(&log[2]));
        assert_eq!(settled(&log, "erp", "later", "Wait"), None, "the same words elsewhere are another step");
    }

    #[test]
    fn a_runbook_is_followed_by_steps_that_are_done_and_not_by_those_taken_back_or_left_out() {
        let mut log = vec![line(1, "ticked", 1, "Call"), line(2, "skipped", 1, "Wait")];
        assert_eq!(last_done(&log, "erp"), Some(&log[0]));
        assert_eq!(last_done(&log, "other"), None);
        log.push(line(3, "unticked", 1, "Call"));
        assert_eq!(last_done(&log, "erp"), None);
    }

    #[test]
    fn only_every_step_done_in_one_version_proves_it() {
        let asked = [step(2, "Call"), step(2, "Wait")];
        let both = [line(1, "ticked", 2, "Call"), line(2, "ticked", 2, "Wait")];
        assert!(proves(&both, &asked));
        assert!(!proves(&both[..1], &asked), "one is still to do");
        assert!(!proves(&[both[0].clone(), line(2, "skipped", 2, "Wait")], &asked), "one was left out");
        assert!(!proves(&[line(1, "ticked", 1, "Call"), both[1].clone()], &asked), "one was read in another version");
        assert!(!proves(&both, &[]), "what has no steps is not proved by doing nothing");
    }

    #[test]
    fn a_tick_that_is_told_late_gives_way_to_what_was_done_since() {
        let log = [line(10, "unticked", 1, "Call")];
        assert_eq!(overtaken(&log, &step(1, "Call"), Moment::from_millis(5)), Some(&log[0]));
        assert_eq!(overtaken(&log, &step(1, "Call"), Moment::from_millis(10)), None);
        assert_eq!(overtaken(&log, &step(1, "Wait"), Moment::from_millis(5)), None);
    }

    #[test]
    fn a_tick_is_of_when_it_was_done_for_a_day_and_never_of_the_future() {
        let now = Moment::from_millis(100 * 3_600_000);
        let ago = |hours: i64| Moment::from_millis(now.millis() - hours * 3_600_000);
        assert_eq!(done_at(None, now), Ok(now));
        assert_eq!(done_at(Some(ago(3)), now), Ok(ago(3)));
        assert_eq!(done_at(Some(ago(-1)), now), Ok(now));
        assert!(done_at(Some(ago(25)), now).is_err());
    }

    #[test]
    fn the_sections_that_were_followed_are_named_once() {
        let log = [line(1, "ticked", 1, "Call"), line(2, "skipped", 1, "Wait"), line(3, "unticked", 2, "Call")];
        assert_eq!(sections(&log), [("erp", "now")]);
    }
}
