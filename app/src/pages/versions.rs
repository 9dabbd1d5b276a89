//! The versions of a runbook, and what differs between two of them.

use leptos::prelude::*;
use serde::Serialize;

use super::runbook::OldPicture;
use super::shell::{Head, Viewer};
use crate::model::compare::{Amount, DiffBlock, Difference, Moved};
use crate::model::moment::Moment;
use crate::model::runbook::saved_by;
use crate::model::status::Role;
use crate::parts;
use crate::parts::document::action;

/// All versions; also `GET /api/v1/runbooks/{slug}/versions`.
#[derive(Debug, Clone, Serialize)]
pub struct HistoryPicture {
    /// The runbook.
    pub slug: String,
    /// Its title.
    pub title: String,
    /// The newest version's number.
    pub newest: i64,
    /// Newest first, at most 50.
    pub items: Vec<VersionRow>,
    /// Pass as `after=` for the next page.
    pub next: Option<String>,
}

/// One version.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs)]
pub struct VersionRow {
    pub version: i64,
    pub saved_at: Moment,
    pub author: String,
    pub why: String,
    /// `file` or `browser`.
    pub origin: String,
    /// Reviewed as a whole or in part, by whom, when.
    pub reviewed: Option<(Moment, String)>,
    /// The commit of the book's git work tree that it stands in.
    pub commit: Option<String>,
    /// How many words came and went with it; not counted where that is not asked or too much.
    pub amount: Option<Amount>,
}

/// What differs between two versions, as rendered prose, word by word.
#[derive(Debug, Clone, Serialize)]
pub struct ComparePicture {
    /// The runbook.
    pub slug: String,
    /// Its title.
    pub title: String,
    /// The older one.
    pub from: VersionRow,
    /// The newer one.
    pub to: VersionRow,
    /// The newest version's number.
    pub newest: i64,
    /// The newest versions, at most 50, newest first, for choosing; of more, the number is typed.
    pub versions: Vec<i64>,
    /// The markdown of both against each other, word by word, where it was asked for.
    pub source: Option<Vec<(Difference, String)>>,
    /// Blocks in order, the front matter line by line before all others; equal ones far from a change are folded by the page.
    pub blocks: Vec<DiffBlock>,
}

/// The title of the history.
pub fn history_head(picture: &HistoryPicture) -> Head {
    Head { title: format!("History of {}", picture.title), state: None }
}

/// The history as a page: two versions can be chosen and compared.
pub fn history_body(picture: &HistoryPicture) -> AnyView {
    let base = format!("/runbooks/{}", picture.slug);
    let two = picture.items.len() > 1;
    let rows = picture
        .items
        .iter()
        .enumerate()
        .map(|(at, row)| version_row(&base, row, picture.newest, two.then_some(at)))
        .collect_view();
    let list = match picture.items.is_empty() {
        true => parts::empty("No version has been saved yet."),
        false => view! { <ul class="rows r-version" class:choose=two>{rows}</ul> }.into_any(),
    };
    let compare = two.then(|| {
        view! {
            <div class="actions"><button class="button primary">"Compare the two"</button></div>
        }
    });
    view! {
        <div class="page history">
        {parts::crumbs(&[("Runbooks", "/runbooks"), (&picture.title, &base)])}
        {parts::heading(&format!("History of {}", picture.title), if two { "Choose an older and a newer version to see what differs." } else { "" }, None)}
        <p><a href=format!("{base}/blame")>"Who wrote what, passage by passage"</a></p>
        <form class="choose-two" method="get" action=format!("{base}/compare")>{list}{compare}</form>
        {parts::pager(picture.next.as_ref().map(|after| format!("{base}/history?after={after}")))}
        </div>
    }
    .into_any()
}

/// `12 words added, 3 removed`.
fn amount(amount: Amount) -> String {
    let words = |n: usize| if n == 1 { "1 word".to_owned() } else { format!("{n} words") };
    match (amount.added, amount.removed) {
        (0, 0) => "No word came or went".to_owned(),
        (added, 0) => format!("{} added", words(added)),
        (0, removed) => format!("{} removed", words(removed)),
        (added, removed) => format!("{} added, {removed} removed", words(added)),
    }
}

fn links(base: &str, row: &VersionRow, newest: i64) -> AnyView {
    let version = row.version;
    let change = (version > 1).then(|| {
        let href = format!("{base}/compare?from={}&to={version}", version - 1);
        view! { <a href=href>"What it changed"<span class="sr">{format!(", version {version}")}</span></a> }
    });
    let restore = (version < newest).then(|| {
        let href = format!("{base}/versions/{version}#restore");
        view! { <a href=href>"Restore"<span class="sr">{format!(" version {version}")}</span></a> }
    });
    view! { {change}{restore} }.into_any()
}

fn version_row(base: &str, row: &VersionRow, newest: i64, chosen: Option<usize>) -> AnyView {
    let version = row.version;
    let choice = |name: &'static str, words: &'static str, checked: bool| {
        view! {
            <label class="choice">
                <input type="radio" name=name value=version.to_string() checked=checked/>
                <span>{words}<span class="sr">{format!(" version {version}")}</span></span>
            </label>
        }
    };
    let reviewed = row.reviewed.as_ref().map(|(at, by)| view! { "Reviewed "{parts::when(*at)}{format!(" by {by}")} });
    view! {
        <li>
            {chosen.map(|at| view! {
                <span class="c-choice">{choice("from", "Older", at == 1)}{choice("to", "Newer", at == 0)}</span>
            })}
            <span class="c-name"><a href=format!("{base}/versions/{version}")>{format!("Version {version}")}</a></span>
            <span class="c-what">{row.why.clone()}<small class="amount">{row.amount.map(amount)}{links(base, row, newest)}</small></span>
            <span class="c-when">
                <span>{parts::when(row.saved_at)}{format!(" {}", saved_by(&row.author))}</span>
                <small>
                    {if row.origin == "file" { "from a file" } else { "written here" }}
                    {row.commit.as_ref().map(|id| view! { ", commit "<code title=id.clone()>{id.chars().take(10).collect::<String>()}</code> })}
                </small>
            </span>
            <span class="c-owner">{reviewed.map_or_else(|| "Not reviewed".into_any(), IntoAny::into_any)}</span>
        </li>
    }
    .into_any()
}

/// The title of a comparison.
pub fn compare_head(picture: &ComparePicture) -> Head {
    Head { title: format!("What changed in {}", picture.title), state: None }
}

/// The comparison as a page: what was removed, what was added, in the words a reader sees.
pub fn compare_body(picture: &ComparePicture) -> AnyView {
    let base = format!("/runbooks/{}", picture.slug);
    let history = format!("{base}/history");
    let changed = picture.blocks.iter().filter(|b| !b.same() && b.moved != Some(Moved::Away)).count();
    let sentence = match changed {
        0 => "Nothing that a reader sees differs, and neither does the front matter.".to_owned(),
        1 => "1 passage differs.".to_owned(),
        n => format!("{n} passages differ."),
    };
    view! {
        <div class="page compare">
        {parts::crumbs(&[("Runbooks", "/runbooks"), (&picture.title, &base), ("History", &history)])}
        {parts::heading(&format!("What changed in {}", picture.title), &sentence, None)}
        <dl class="between">{one_side("Older", &base, &picture.from)}{one_side("Newer", &base, &picture.to)}</dl>
        {choose(picture, &base)}
        {as_source(picture, &base)}
        {match &picture.source {
            Some(source) => source_diff(source),
            None => diff(&picture.blocks),
        }}
        </div>
    }
    .into_any()
}

fn one_side(label: &'static str, base: &str, row: &VersionRow) -> AnyView {
    view! {
        <div>
            <dt>{label}</dt>
            <dd>
                <a href=format!("{base}/versions/{}", row.version)>{format!("Version {}", row.version)}</a>
                ", "{parts::when(row.saved_at)}{format!(" {}: {}", saved_by(&row.author), row.why)}
            </dd>
        </div>
    }
    .into_any()
}

/// The way between what a reader sees and the markdown behind it.
fn as_source(picture: &ComparePicture, base: &str) -> AnyView {
    let here = format!("{base}/compare?from={}&to={}", picture.from.version, picture.to.version);
    match &picture.source {
        Some(_) => view! { <p><a href=here>"Show it as it is read"</a></p> }.into_any(),
        None => view! { <p><a href=format!("{here}&source=1")>"Show the markdown source"</a></p> }.into_any(),
    }
}

/// How many lines stay in sight beside a change of the source.
const LINES_NEAR: usize = 3;

fn source_diff(source: &[(Difference, String)]) -> AnyView {
    let last = source.len().saturating_sub(1);
    let one = |(at, (difference, text)): (usize, &(Difference, String))| {
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let (before, after) = (if at == 0 { 0 } else { LINES_NEAR }, if at == last { 0 } else { LINES_NEAR });
        if *difference != Difference::Same || lines.len() <= before + after + 1 {
            return runs(&[(*difference, text.clone())]);
        }
        let (first, rest) = lines.split_at(before);
        let (hidden, near) = rest.split_at(rest.len() - after);
        let says = format!("{} unchanged lines", hidden.len());
        view! {
            {first.concat()}
            <details class="d-fold"><summary>{says}</summary>{hidden.concat()}</details>
            {near.concat()}
        }
        .into_any()
    };
    let lines = source.iter().enumerate().map(one).collect_view();
    view! { <div class="lines source-diff" tabindex="0" role="region" aria-label="The markdown of both">{lines}</div> }
        .into_any()
}

/// What is needed to make an old version the newest again.
#[derive(Debug, Clone)]
pub struct Restore {
    /// The newest version that the person knows of.
    pub base: i64,
    /// Why, as typed; said already at first.
    pub why: String,
    /// Why it was not done.
    pub error: Option<String>,
}

impl Restore {
    /// As it is offered first.
    pub fn offered(version: i64, newest: i64) -> Self {
        Self { base: newest, why: format!("Restores version {version}"), error: None }
    }
}

/// The form that restores an old version as the next one.
pub fn restore_form(restore: &Restore, old: &OldPicture, viewer: Option<&Viewer>) -> AnyView {
    let path = format!("/runbooks/{}/versions/{}", old.slug, old.version);
    if viewer.is_none_or(|viewer| viewer.role < Role::Editor) {
        return view! { <div class="actions" id="restore">{action(viewer, Role::Editor, "Restore this version", &path)}</div> }.into_any();
    }
    let error = restore.error.clone();
    let told = error.is_some();
    view! {
        <form id="restore" class="restore" method="post" action=format!("{path}/restore")>
            <input type="hidden" name="base" value=restore.base.to_string()/>
            <div class="field">
                <label for="restore-why">"Why it is restored, in one line"</label>
                <input id="restore-why" name="why" type="text" required maxlength="200" value=restore.why.clone() aria-invalid=told.then_some("true") aria-describedby=told.then_some("restore-error")/>
                {error.map(|error| view! { <p class="error" id="restore-error" role="alert">{parts::icon("alert")}{error}</p> })}
            </div>
            <div class="actions"><button class="button">{format!("Restore as version {}", restore.base + 1)}</button></div>
        </form>
    }
    .into_any()
}

/// One number in the address of a comparison, where there are too many to list.
fn number(name: &'static str, label: &'static str, chosen: i64, newest: i64) -> AnyView {
    let id = format!("compare-{name}");
    view! {
        <label for=id.clone()>{label}</label>
        <input id=id name=name type="number" min="1" max=newest.to_string() value=chosen.to_string()/>
    }
    .into_any()
}

fn choose(picture: &ComparePicture, base: &str) -> Option<AnyView> {
    let listed = picture.versions.len() as i64 == picture.newest;
    let select = |name: &'static str, label: &'static str, chosen: i64| {
        let option = |version: &i64| {
            view! { <option value=version.to_string() selected=*version == chosen>{format!("Version {version}")}</option> }
        };
        let id = format!("compare-{name}");
        view! {
            <label for=id.clone()>{label}</label>
            <select id=id name=name>{picture.versions.iter().map(option).collect_view()}</select>
        }
        .into_any()
    };
    let choice = |name, label, chosen| match listed {
        true => select(name, label, chosen),
        false => number(name, label, chosen, picture.newest),
    };
    (picture.versions.len() > 2).then(|| {
        view! {
            <form class="compare-form" method="get" action=format!("{base}/compare")>
                {choice("from", "Older", picture.from.version)}
                {choice("to", "Newer", picture.to.version)}
                <button class="button">"Compare"</button>
            </form>
        }
        .into_any()
    })
}

/// How many unchanged blocks stay in sight beside a change.
const NEAR: usize = 1;

/// What differs, with what does not folded away.
pub fn diff(blocks: &[DiffBlock]) -> AnyView {
    view! { <div class="diff">{folded(blocks, None)}</div> }.into_any()
}

/// The same, with an id at the first block that differs, so that a link leads there.
pub fn diff_from(blocks: &[DiffBlock], first: &'static str) -> AnyView {
    view! { <div class="diff">{folded(blocks, Some(first))}</div> }.into_any()
}

/// The blocks, with unchanged ones far from a change folded away and counted; the heading over a change stays. `first`
/// is the id of the first that differs.
fn folded(blocks: &[DiffBlock], first: Option<&'static str>) -> Vec<AnyView> {
    let changes: Vec<usize> = (0..blocks.len()).filter(|&at| !blocks[at].same()).collect();
    let heading_over = |change: &usize| (0..*change).rev().find(|&at| blocks[at].kind == "heading");
    let headings: Vec<usize> = changes.iter().filter_map(heading_over).collect();
    let near = |at: usize| headings.contains(&at) || changes.iter().any(|change| change.abs_diff(at) <= NEAR);
    let mut out = Vec::new();
    let mut at = 0;
    while at < blocks.len() {
        let far = (at..blocks.len()).take_while(|&next| !near(next)).count();
        if far == 0 {
            out.push(block(&blocks[at], first.filter(|_| changes.first() == Some(&at))));
            at += 1;
            continue;
        }
        let hidden = blocks[at..at + far].iter().map(|hidden| block(hidden, None)).collect_view();
        let says = if far == 1 { "1 unchanged passage".to_owned() } else { format!("{far} unchanged passages") };
        out.push(view! { <details class="d-fold"><summary>{says}</summary>{hidden}</details> }.into_any());
        at += far;
    }
    out
}

/// Words with what was removed and added marked.
pub fn runs(words: &[(Difference, String)]) -> AnyView {
    let run = |(difference, words): &(Difference, String)| {
        let words = words.clone();
        match difference {
            Difference::Same => words.into_any(),
            Difference::Removed => view! { <del><span class="sr">"removed: "</span>{words}</del> }.into_any(),
            Difference::Added => view! { <ins><span class="sr">"added: "</span>{words}</ins> }.into_any(),
        }
    };
    words.iter().map(run).collect_view().into_any()
}

fn block(block: &DiffBlock, id: Option<&'static str>) -> AnyView {
    let lead = match (block.kind, block.moved) {
        ("link", _) => Some("The words stay, their link changes: "),
        (_, Some(Moved::Here)) => Some("Moved here: "),
        (_, Some(Moved::Away)) => Some("Moved away from here: "),
        _ => None,
    };
    view! {
        <p id=id class=format!("d-block d-{}", block.kind) class:d-changed=!block.same() class:d-moved=block.moved.is_some() class:d-away=block.moved == Some(Moved::Away)>
            {lead.map(|lead| view! { <span class="dim">{lead}</span> })}
            {runs(&block.words)}
        </p>
    }
    .into_any()
}
