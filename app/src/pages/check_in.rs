//! A check-in: what a person is asked to say is done, what happens if it is skipped, and one button.

use leptos::prelude::*;
use serde::Serialize;

use super::shell::Head;
use crate::islands::CopyButton;
use crate::model::moment::Moment;
use crate::model::status::State;
use crate::parts;

/// What a check-in link is about.
#[derive(Debug, Clone)]
pub struct CheckInPicture {
    /// What is to be done: the step's name.
    pub step: String,
    /// For which thing: `10482`; the id of the run when it is about none.
    pub about: String,
    /// The workflow that waits.
    pub workflow: String,
    /// What doing it means.
    pub meaning: Option<String>,
    /// What happens if it is skipped.
    pub if_skipped: Option<String>,
    /// Where it stands.
    pub stands: Stands,
}

/// Where a check-in stands.
#[derive(Debug, Clone)]
pub enum Stands {
    /// It waits for a person.
    Waits {
        /// Since when.
        since: Moment,
        /// By when it should be done.
        due_at: Option<Moment>,
        /// The account that will be written down; none for whoever has the link.
        by: Option<String>,
    },
    /// It was recorded then; `now` is whether by the press that led here.
    Recorded {
        /// When.
        at: Moment,
        /// Whether this is the answer to the press that recorded it.
        now: bool,
    },
}

/// Why a link does nothing. None of them says what it was about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closed {
    /// Not one of ours, or changed on its way.
    Unknown,
    /// Its time is over.
    Expired,
    /// What it was for has ended meanwhile.
    NotWaiting,
}

/// A check-in link for those who may hand it on; also `GET /api/v1/runs/{workflow}/{run}/check-in?step=`.
#[derive(Debug, Clone, Serialize)]
pub struct CheckInLink {
    /// The workflow.
    pub workflow: String,
    /// The run.
    pub run: String,
    /// The step's id.
    pub step: String,
    /// The step's name.
    pub name: String,
    /// The visit of the step, from 1.
    pub visit: u32,
    /// The link in full.
    pub url: String,
    /// The same on this site.
    pub path: String,
    /// Who may use it: `anyone` who has it, or who has an `account` as well.
    pub allows: &'static str,
    /// Since when the step waits.
    pub since: Moment,
    /// By when it should be done.
    pub due_at: Option<Moment>,
    /// When the link stops working.
    pub expires_at: Moment,
}

impl CheckInPicture {
    fn what(&self) -> String {
        format!("{} {}", self.step, self.about)
    }
}

/// The title.
pub fn head(picture: &CheckInPicture) -> Head {
    Head { title: picture.what(), state: None }
}

/// The page. `action` is where the button sends to.
pub fn body(picture: &CheckInPicture, action: &str) -> AnyView {
    let ink = parts::ink();
    let words = |at: Moment| at.words(ink.now, &ink.zone);
    let (since, due_at, by) = match &picture.stands {
        Stands::Recorded { at, now } => {
            let said = match now {
                true => format!("Recorded {}. Nothing else is needed.", words(*at)),
                false => format!("This was recorded {} already. Nothing else is needed.", words(*at)),
            };
            return view! {
                <div class="page check-in">
                    {parts::heading(&picture.what(), "", None)}
                    {parts::notice("good", &said)}
                </div>
            }
            .into_any();
        }
        Stands::Waits { since, due_at, by } => (*since, *due_at, by),
    };
    let due = due_at.map(|due| match ink.now.since(due) {
        over if due <= ink.now => format!(" It should have been done by {}; it is {} over.", words(due), over.words()),
        _ => format!(" It should be done by {}.", words(due)),
    });
    let late = due_at.is_some_and(|due| due <= ink.now).then_some(State::Late);
    let sentence =
        format!("{} has waited for this since {}.{}", picture.workflow, words(since), due.unwrap_or_default());
    let row = |label: &'static str, text: &Option<String>| {
        text.clone().map(|text| view! { <div><dt>{label}</dt><dd>{text}</dd></div> })
    };
    let pairs = (picture.meaning.is_some() || picture.if_skipped.is_some()).then(|| {
        view! { <dl class="pairs">{row("What it means", &picture.meaning)}{row("If it is skipped", &picture.if_skipped)}</dl> }
    });
    let written = match by {
        Some(by) => format!("It is written down with the time and your name, {by}."),
        None => "It is written down with the time.".to_owned(),
    };
    view! {
        <div class="page check-in">
            {parts::answer(late, &picture.what(), &sentence, None)}
            {pairs}
            <form class="stack" method="post" action=action.to_owned()>
                <button class="button primary" aria-describedby="written">{parts::icon("check")}"It is done"</button>
                <p class="dim" id="written">{written}</p>
            </form>
        </div>
    }
    .into_any()
}

/// The title of a link that does nothing.
pub fn closed_head(closed: Closed) -> Head {
    Head { title: closed_words(closed).0.to_owned(), state: None }
}

/// The page of a link that does nothing.
pub fn closed_body(closed: Closed) -> AnyView {
    let (title, words) = closed_words(closed);
    view! {
        <div class="page check-in">
            {parts::heading(title, words, None)}
        </div>
    }
    .into_any()
}

fn closed_words(closed: Closed) -> (&'static str, &'static str) {
    match closed {
        Closed::Unknown => (
            "This link does nothing",
            "It is not complete, or it was changed on its way. Nothing was recorded. Open it again from the message that it came with, or ask whoever sent it.",
        ),
        Closed::Expired => ("This link has expired", "Nothing was recorded. Ask whoever sent it for a new one."),
        Closed::NotWaiting => (
            "Nothing waits for this any more",
            "What it was for was done or stopped in the meantime. Nothing was recorded, and nothing is needed.",
        ),
    }
}

/// The links of a run's waiting steps, for those who may hand them on. Never in a block of the live stream, which is
/// the same for everybody.
pub fn links(links: &[CheckInLink]) -> AnyView {
    let one = |link: &CheckInLink| {
        let who = match link.allows {
            "account" => "Works for everybody with an account, until ",
            _ => "Works without an account, for whoever has it, until ",
        };
        view! {
            <li>
                <p class="thing-name">{link.name.clone()}" waits for a person"</p>
                <div>
                    <p class="check-in-link"><a href=link.path.clone() rel="nofollow">"Check-in link"</a><CopyButton text=link.url.clone()/></p>
                    <p class="dim">{who}{parts::when(link.expires_at)}". Whoever opens it sees what is asked and one button."</p>
                    <details><summary>"The link in full"</summary><p><code>{link.url.clone()}</code></p></details>
                </div>
            </li>
        }
    };
    let list = view! { <ul class="things">{links.iter().map(one).collect_view()}</ul> };
    parts::section("check-in", "Copy check-in link", list.into_any())
}
