//! What was observed and is in no book: an inbox, each answered by the book, by something declared, or by a reason.

use leptos::prelude::*;
use serde::Serialize;

use super::shell::Head;
use crate::model::moment::Moment;
use crate::model::status::MayNot;
use crate::model::undocumented::Ignored;
use crate::parts;

/// The inbox; also `GET /api/v1/undocumented`.
#[derive(Debug, Clone, Serialize)]
pub struct UndocumentedPicture {
    /// What waits for an answer: the most critical workflow first, then what is seen most.
    pub items: Vec<UndocumentedRow>,
    /// What somebody ignores, newest first.
    pub ignored: Vec<UndocumentedRow>,
    /// The workflow that is asked for alone: id and name.
    pub workflow: Option<(String, String)>,
    /// The position after the last one; always none.
    pub next: Option<String>,
    /// Whether the viewer may answer; else why not.
    #[serde(skip)]
    pub may: Result<(), MayNot>,
    /// Why an answer was not taken.
    #[serde(skip)]
    pub wrong: Option<Wrong>,
}

/// Why an answer was not taken, with what was typed.
#[derive(Debug, Clone, Default)]
pub struct Wrong {
    /// Which row.
    pub id: i64,
    /// A sentence.
    pub why: String,
    /// What a person can put into the book by hand.
    pub snippet: Option<String>,
    /// What was typed as a name.
    pub name: String,
    /// What was typed as words.
    pub words: String,
}

/// One thing that the book does not say.
#[derive(Debug, Clone, Serialize)]
pub struct UndocumentedRow {
    /// Its number.
    pub id: i64,
    /// `step`, `edge`, `error`, `tries`, `gives_up`, `waits`, `unseen_step`, `unseen_edge`, `dependency`.
    pub kind: String,
    /// The sort of it, for people.
    pub sort: &'static str,
    /// The part that it is about, as a reference.
    pub part: String,
    /// Its name.
    pub name: String,
    /// Where the portal shows it.
    pub href: String,
    /// The workflow: id and name.
    pub workflow: (String, String),
    /// What was seen, in a sentence.
    pub sentence: String,
    /// What the book declares.
    pub declared: String,
    /// What was observed.
    pub observed: String,
    /// Since when.
    pub since: Moment,
    /// When it was last seen.
    pub last_seen: Moment,
    /// How often in the last day; 0 for what is not counted.
    pub count: i64,
    /// A run that shows it, as a path.
    pub run: Option<String>,
    /// Who ignores it and why.
    pub ignored: Option<Ignored>,
    /// How many sections of runbooks it flags now.
    pub flags: i64,
    /// What accepting would write; none where the book cannot say it by itself.
    pub accept: Option<Accept>,
    /// What declared thing it may be: id and name.
    pub same_as: Vec<(String, String)>,
}

/// What accepting writes into the book.
#[derive(Debug, Clone, Serialize)]
pub struct Accept {
    /// That in a sentence.
    pub says: String,
    /// A name to begin with, where it needs one: the label of the field, and the name.
    pub name: Option<(&'static str, String)>,
    /// The label of a field for words, where those are asked for.
    pub words: Option<&'static str>,
}

/// The title.
pub fn head(_: &UndocumentedPicture) -> Head {
    Head { title: "Undocumented behaviour".to_owned(), state: None }
}

/// The page.
pub fn body(picture: &UndocumentedPicture) -> AnyView {
    let of = picture.workflow.as_ref().map(|(_, name)| format!(" of {name}")).unwrap_or_default();
    let sentence = match picture.items.len() {
        0 => format!("Everything that was seen{of} is in the book, or somebody said why not."),
        1 => format!("1 thing was seen{of} that the book does not say."),
        n => format!("{n} things were seen{of} that the book does not say."),
    };
    let all =
        picture.workflow.as_ref().map(|_| view! { <p class="more"><a href="/undocumented">"All workflows"</a></p> });
    let may_not = picture.may.as_ref().err().map(parts::document::may_not);
    let rows = picture.items.iter().map(|r| row(picture, r)).collect_view();
    let list = (!picture.items.is_empty()).then(|| view! { <ul class="things inbox">{rows}</ul> });
    let ignored = (!picture.ignored.is_empty()).then(|| {
        let rows = picture.ignored.iter().map(|r| ignored_row(picture, r)).collect_view();
        view! {
            <details class="part">
                <summary>{format!("Ignored ({})", picture.ignored.len())}</summary>
                <ul class="things inbox">{rows}</ul>
            </details>
        }
    });
    view! {
        <div class="page undocumented">
            {parts::crumbs(&[("Reviews", "/reviews")])}
            {parts::heading("Undocumented behaviour", &sentence, None)}
            {all}{may_not}{list}{ignored}
        </div>
    }
    .into_any()
}

fn told(row: &UndocumentedRow) -> AnyView {
    let count = match row.count {
        0 => None,
        1 => Some("1 time in the last day, ".to_owned()),
        n => Some(format!("{n} times in the last day, ")),
    };
    let run = row.run.clone().map(|href| view! { " "<a href=href>"A run that shows it"</a> });
    let flags = (row.flags > 0).then(|| {
        let words = if row.flags == 1 { "1 section of a runbook".to_owned() } else { format!("{} sections of runbooks", row.flags) };
        view! { <p>{parts::icon("trust-check_needed")}" "<a href="/reviews">{words}</a>" may be wrong because of it."</p> }
    });
    view! {
        <p>{row.sentence.clone()}</p>
        <p class="dim">{count}"since "{parts::when(row.since)}"."{run}</p>
        <p class="dim">"The book: "<del>{row.declared.clone()}</del>". Observed: "<ins>{row.observed.clone()}</ins>"."</p>
        {flags}
    }
    .into_any()
}

fn title(row: &UndocumentedRow) -> AnyView {
    view! {
        <div class="thing-name">
            <p>{parts::tag(row.sort)}</p>
            <p><a href=row.href.clone()>{row.name.clone()}</a></p>
            {(row.name != row.workflow.1).then(|| view! { <p class="dim">{row.workflow.1.clone()}</p> })}
        </div>
    }
    .into_any()
}

fn row(picture: &UndocumentedPicture, row: &UndocumentedRow) -> AnyView {
    let wrong = picture.wrong.as_ref().filter(|wrong| wrong.id == row.id);
    let snippet = wrong.and_then(|w| w.snippet.clone());
    let paste = snippet.map(|yaml| view! { <p class="dim">"This is what the book would say:"</p><pre class="raw" tabindex="0">{yaml}</pre> });
    let refused = wrong
        .map(|w| view! { <div role="alert"><p class="error">{parts::icon("alert")}{w.why.clone()}</p>{paste}</div> });
    let answers = picture.may.is_ok().then(|| {
        let accept = row.accept.as_ref().map(|accept| answer_accept(row, accept, wrong));
        view! { <div class="answers">{accept}{answer_map(row)}{answer_ignore(row, wrong)}</div> }
    });
    view! { <li id=format!("seen-{}", row.id)>{title(row)}<div class="stack">{told(row)}{refused}{answers}</div></li> }
        .into_any()
}

fn act(row: &UndocumentedRow) -> String {
    format!("/undocumented/{}", row.id)
}

fn input(row: &UndocumentedRow, name: &'static str, label: &str, value: &str, required: bool) -> AnyView {
    let id = format!("{name}-{}", row.id);
    view! {
        <div class="field">
            <label for=id.clone()>{label.to_owned()}</label>
            <input id=id name=name value=value.to_owned() required=required maxlength="300"/>
        </div>
    }
    .into_any()
}

fn answer_accept(row: &UndocumentedRow, accept: &Accept, wrong: Option<&Wrong>) -> AnyView {
    let typed = wrong.map(|w| w.name.as_str()).filter(|name| !name.is_empty());
    let name = accept.name.as_ref().map(|(label, name)| input(row, "name", label, typed.unwrap_or(name), true));
    let words = accept.words.map(|label| input(row, "words", label, wrong.map_or("", |w| &w.words), false));
    view! {
        <details open=wrong.is_some_and(|w| w.snippet.is_some())>
            <summary>"Accept into the book"</summary>
            <form class="stack" method="post" action=act(row)>
                <p>{accept.says.clone()}</p>
                {name}{words}
                <button class="button primary" name="answer" value="accept">"Write it into the book"<span class="sr">{format!(": {}", row.observed)}</span></button>
            </form>
        </details>
    }
    .into_any()
}

fn answer_map(row: &UndocumentedRow) -> Option<AnyView> {
    let id = format!("same-{}", row.id);
    let options = row.same_as.iter().map(|(id, name)| view! { <option value=id.clone()>{name.clone()}</option> });
    let (label, says) = match row.kind.as_str() {
        "step" => {
            ("It is the step", "The step is reported under this id, too: what is declared of it holds then as well.")
        }
        _ => ("It is the failure", "The failure is recognised by this error, too."),
    };
    (!row.same_as.is_empty()).then(|| {
        view! {
            <details>
                <summary>"Map to something declared"</summary>
                <form class="stack" method="post" action=act(row)>
                    <p>{says}</p>
                    <div class="field"><label for=id.clone()>{label}</label><select id=id name="target">{options.collect_view()}</select></div>
                    <button class="button primary" name="answer" value="map">"Write it into the book"<span class="sr">{format!(": {}", row.observed)}</span></button>
                </form>
            </details>
        }
        .into_any()
    })
}

fn answer_ignore(row: &UndocumentedRow, wrong: Option<&Wrong>) -> AnyView {
    let typed = wrong.filter(|w| w.snippet.is_none()).map_or("", |w| &w.words);
    view! {
        <details>
            <summary>"Ignore"</summary>
            <form class="stack" method="post" action=act(row)>
                {input(row, "words", "Why it needs no answer", typed, true)}
                <button class="button" name="answer" value="ignore">"Ignore it"<span class="sr">{format!(": {}", row.observed)}</span></button>
            </form>
        </details>
    }
    .into_any()
}

fn ignored_row(picture: &UndocumentedPicture, row: &UndocumentedRow) -> AnyView {
    let why =
        row.ignored.as_ref().map(|i| view! { <p>{i.by.clone()}", "{parts::when(i.at)}": "{i.reason.clone()}</p> });
    let undo = picture.may.is_ok().then(|| {
        view! {
            <form method="post" action=act(row)>
                <button class="button" name="answer" value="undo">"Ask again"<span class="sr">{format!(": {}", row.observed)}</span></button>
            </form>
        }
    });
    view! { <li>{title(row)}<div class="stack">{told(row)}{why}{undo}</div></li> }.into_any()
}

/// The way to the inbox, with how much waits there; nothing when nothing does.
pub fn way(waiting: i64, workflow: Option<&str>) -> Option<AnyView> {
    let href =
        workflow.map_or("/undocumented".to_owned(), |w| format!("/undocumented?workflow={}", parts::path_part(w)));
    let words = match waiting {
        0 => return None,
        1 => "1 thing was seen that the book does not say".to_owned(),
        n => format!("{n} things were seen that the book does not say"),
    };
    Some(view! { <p class="more"><a href=href>{words}{parts::icon("arrow-right")}</a></p> }.into_any())
}
