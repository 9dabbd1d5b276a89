//! The state words: one vocabulary for workflows, runs, steps, components and documents.

use serde::{Deserialize, Serialize};

/// What state a thing is in. The order is by need of a person: a group shows its greatest member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Recent evidence of success inside expectations.
    OnTrack,
    /// A person stopped it, says why and until when.
    Paused,
    /// Failed, and will try again by itself.
    Retrying,
    /// We do not know.
    NoSignal,
    /// No error, but past its expectation.
    Late,
    /// Will not recover by itself, or retries are used up.
    Broken,
}

impl State {
    /// All, in the order people look for them: worst first.
    pub const ALL: [State; 6] =
        [State::Broken, State::Late, State::NoSignal, State::Retrying, State::Paused, State::OnTrack];

    /// The words a person reads.
    pub fn words(self) -> &'static str {
        match self {
            Self::OnTrack => "On track",
            Self::Paused => "Paused",
            Self::Retrying => "Retrying",
            Self::NoSignal => "No signal",
            Self::Late => "Late",
            Self::Broken => "Broken",
        }
    }

    /// The name in JSON, in URLs and as a CSS class.
    pub fn name(self) -> &'static str {
        match self {
            Self::OnTrack => "on_track",
            Self::Paused => "paused",
            Self::Retrying => "retrying",
            Self::NoSignal => "no_signal",
            Self::Late => "late",
            Self::Broken => "broken",
        }
    }

    /// Reads the name used in JSON and URLs.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.name() == name)
    }

    /// Whether it is known that something is in trouble: it failed or is past its time. Of what is silent nothing is
    /// known, and what a person paused is as that person wants it.
    pub fn is_trouble(self) -> bool {
        match self {
            Self::Broken | Self::Late | Self::Retrying => true,
            Self::NoSignal | Self::Paused | Self::OnTrack => false,
        }
    }

    /// Whether somebody has to act or to look: not where it tries again by itself, nor where a person stopped it.
    pub fn needs_a_look(self) -> bool {
        matches!(self, Self::Broken | Self::Late | Self::NoSignal)
    }

    /// What began when a run came into this state. One that is late has waited for longer: since then it is late.
    pub fn since_words(self) -> &'static str {
        match self {
            Self::OnTrack => "at its step since",
            Self::Retrying => "failing since",
            Self::Late => "late since",
            Self::Broken => "failed since",
            Self::Paused | Self::NoSignal => "since",
        }
    }
}

/// Whether a document can be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trust {
    /// Reviewed, and nothing it speaks of has changed since.
    Trusted,
    /// It links to nothing, so nothing can tell when it becomes wrong.
    NotLinked,
    /// Nobody has said that it is right.
    NeverReviewed,
    /// Its owner asked for a review every so often, and that time is over.
    Overdue,
    /// A part it speaks of has changed since its review.
    CheckNeeded,
}

impl Trust {
    /// The words a person reads; `CheckNeeded` is shown with a count beside it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Trusted => "Trusted",
            Self::NotLinked => "Not linked",
            Self::NeverReviewed => "Never reviewed",
            Self::Overdue => "Overdue",
            Self::CheckNeeded => "Check needed",
        }
    }

    /// The name in JSON and as a CSS class.
    pub fn name(self) -> &'static str {
        match self {
            Self::Trusted => "trusted",
            Self::NotLinked => "not_linked",
            Self::NeverReviewed => "never_reviewed",
            Self::Overdue => "overdue",
            Self::CheckNeeded => "check_needed",
        }
    }
}

/// What somebody signed in may do; each role may do all that the ones before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Read everything.
    Viewer,
    /// Own problems, tick, note, pause.
    Operator,
    /// Write, review and restore runbooks; edit the book.
    Editor,
    /// People, tokens, settings.
    Admin,
}

impl Role {
    /// All, least first.
    pub const ALL: [Role; 4] = [Role::Viewer, Role::Operator, Role::Editor, Role::Admin];

    /// The name in commands, JSON and the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Editor => "editor",
            Self::Admin => "admin",
        }
    }

    /// Reads the name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.name() == name)
    }

    /// One of them: `an editor`.
    pub fn one(self) -> &'static str {
        match self {
            Self::Viewer => "a viewer",
            Self::Operator => "an operator",
            Self::Editor => "an editor",
            Self::Admin => "an admin",
        }
    }

    /// Why somebody may not do what needs this role, and what helps: `doing` begins one sentence, `to` ends the other.
    pub fn refusal(self, have: Option<Role>, doing: &str, to: &str) -> String {
        match have {
            Some(have) => format!("{doing} is for {}s; you are {}. An admin can change that.", self.name(), have.one()),
            None => format!("Sign in as {} to {to}.", self.one()),
        }
    }
}

/// Why somebody may not do what a page is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MayNot {
    /// Why, and what helps.
    pub why: String,
    /// Where to be after signing in, for whoever is not signed in.
    pub back: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_who_may_and_what_helps() {
        let refusal = |have| Role::Operator.refusal(have, "Pausing", "pause");
        assert_eq!(refusal(None), "Sign in as an operator to pause.");
        let low = "Pausing is for operators; you are a viewer. An admin can change that.";
        assert_eq!(refusal(Some(Role::Viewer)), low);
    }

    #[test]
    fn what_failed_or_is_late_is_in_trouble_and_what_is_silent_or_paused_is_not() {
        let troubled: Vec<_> = State::ALL.into_iter().filter(|state| state.is_trouble()).collect();
        assert_eq!(troubled, [State::Broken, State::Late, State::Retrying]);
    }
}
