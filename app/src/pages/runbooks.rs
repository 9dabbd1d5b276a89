//! Runbooks: which documents there are, and which can be believed.

use std::collections::BTreeMap;

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use super::shell::{Head, Viewer};
use crate::model::following::Followed;
use crate::model::moment::Moment;
use crate::model::reference::Reference;
use crate::model::status::{Role, Trust};
use crate::parts;
use crate::parts::document::action;

/// The list; also `GET /api/v1/runbooks`.
#[derive(Debug, Clone, Serialize)]
pub struct RunbooksPicture {
    /// Those that need a check first, then by title.
    pub items: Vec<RunbookRow>,
    /// How many there are of each trust, on all pages.
    pub counts: BTreeMap<Trust, usize>,
    /// Pass as `after=` for the next page; none on the last one.
    pub next: Option<String>,
}

/// One runbook in a list.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunbookRow {
    /// Its name in URLs.
    pub slug: String,
    /// Its title.
    pub title: String,
    /// The newest version.
    pub version: i64,
    /// When that version was saved.
    pub saved_at: Moment,
    /// Whether it can be believed.
    pub trust: Trust,
    /// The reason in words: `Push to ERP: number of tries was 6, is 8.`.
    pub reason: String,
    /// How many flags stand on it.
    pub flags: i64,
    /// How many of its sections are to be checked.
    #[serde(default)]
    pub to_check: i64,
    /// When and by whom it was last reviewed.
    pub reviewed: Option<(Moment, String)>,
    /// The team that answers for it.
    pub owner: Option<String>,
    /// Whether it is critical.
    pub critical: bool,
    /// What it is for: reference and name.
    pub about: Vec<(String, String)>,
    /// Those of `about` that do not exist.
    pub missing: Vec<Reference>,
    /// When it was last followed and proved; left out where that is not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follow: Option<Follow>,
}

/// When a runbook was last followed, about a problem or in a drill.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Follow {
    /// The newest step that was done.
    pub last_followed: Option<Followed>,
    /// The last time that everything was done, it ended well, and somebody said that the runbook was right.
    pub last_proved: Option<Followed>,
}

/// The title.
pub fn head(_: &RunbooksPicture) -> Head {
    Head { title: "Runbooks".to_owned(), state: None }
}

/// The list as a page.
pub fn body(picture: &RunbooksPicture, viewer: Option<&Viewer>) -> AnyView {
    let sentence = sentence(&picture.counts);
    let list = match picture.items.is_empty() {
        true => {
            parts::empty("There is no runbook yet. The first one takes ten minutes: what do you do when it breaks?")
        }
        false => parts::runbook_rows(&picture.items),
    };
    view! {
        <div class="page runbooks">
        {parts::heading("Runbooks", &sentence, Some(view! { {action(viewer, Role::Editor, "Write a runbook", "/runbooks/new")}<a class="button" href="/coverage">"Coverage"</a><a class="button" href="/decisions">"Decisions"</a><a class="button" href="/workarounds">"Workarounds"</a> }.into_any()))}
        {list}
        {parts::pager(picture.next.as_ref().map(|after| format!("/runbooks?after={after}")))}
        </div>
    }
    .into_any()
}

/// `5 runbooks need a check. 3 can be trusted.`
fn sentence(counts: &BTreeMap<Trust, usize>) -> String {
    let count = |trust: Trust| counts.get(&trust).copied().unwrap_or_default();
    let trusted = match count(Trust::Trusted) {
        0 => "None can be trusted yet".to_owned(),
        n => format!("{n} can be trusted"),
    };
    match count(Trust::CheckNeeded) {
        0 if counts.is_empty() => String::new(),
        0 => format!("{trusted}. None speaks of something that has changed."),
        1 => format!("1 runbook needs a check. {trusted}."),
        n => format!("{n} runbooks need a check. {trusted}."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentence_counts_runbooks_and_says_so() {
        let counts = BTreeMap::from([(Trust::CheckNeeded, 5), (Trust::Trusted, 3)]);
        assert_eq!(sentence(&counts), "5 runbooks need a check. 3 can be trusted.");
        assert_eq!(
            sentence(&BTreeMap::from([(Trust::CheckNeeded, 1)])),
            "1 runbook needs a check. None can be trusted yet."
        );
        assert_eq!(sentence(&BTreeMap::new()), "");
    }
}
