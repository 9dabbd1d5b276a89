//! The versions of a runbook, and what differs between two of them.

use leptos::prelude::*;
use serde::Serialize;

use super::shell::Head;
use crate::model::compare::{DiffBlock, Difference};
use crate::model::moment::Moment;
use crate::parts;

/// All versions; also `GET /api/v1/runbooks/{slug}/versions`.
#[derive(Debug, Clone, Serialize)]
pub struct HistoryPicture {
    /// The runbook.
    pub slug: String,
    /// Its title.
    pub title: String,
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
    /// All versions, newest first, for choosing.
    pub versions: Vec<i64>,
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
    let rows =
        picture.items.iter().enumerate().map(|(at, row)| version_row(&base, row, two.then_some(at))).collect_view();
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
        <form class="choose-two" method="get" action=format!("{base}/compare")>{list}{compare}</form>
        {parts::pager(picture.next.as_ref().map(|after| format!("{base}/history?after={after}")))}
        </div>
    }
    .into_any()
}

fn version_row(base: &str, row: &VersionRow, chosen: Option<usize>) -> AnyView {
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
            <span class="c-what">{row.why.clone()}</span>
            <span class="c-when">
                <span>{parts::when(row.saved_at)}{format!(" by {}", row.author)}</span>
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
    let changed = picture.blocks.iter().filter(|block| !block.same()).count();
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
        {diff(&picture.blocks)}
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
                ", "{parts::when(row.saved_at)}{format!(" by {}: {}", row.author, row.why)}
            </dd>
        </div>
    }
    .into_any()
}

fn choose(picture: &ComparePicture, base: &str) -> Option<AnyView> {
    let select = |name: &'static str, label: &'static str, chosen: i64| {
        let option = |version: &i64| {
            view! { <option value=version.to_string() selected=*version == chosen>{format!("Version {version}")}</option> }
        };
        let id = format!("compare-{name}");
        view! {
            <label for=id.clone()>{label}</label>
            <select id=id name=name>{picture.versions.iter().map(option).collect_view()}</select>
        }
    };
    (picture.versions.len() > 2).then(|| {
        view! {
            <form class="compare-form" method="get" action=format!("{base}/compare")>
                {select("from", "Older", picture.from.version)}
                {select("to", "Newer", picture.to.version)}
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
    view! { <div class="diff">{folded(blocks)}</div> }.into_any()
}

/// The blocks, with unchanged ones far from a change folded away and counted; the heading over a change stays.
fn folded(blocks: &[DiffBlock]) -> Vec<AnyView> {
    let changes: Vec<usize> = (0..blocks.len()).filter(|&at| !blocks[at].same()).collect();
    let heading_over = |change: &usize| (0..*change).rev().find(|&at| blocks[at].kind == "heading");
    let headings: Vec<usize> = changes.iter().filter_map(heading_over).collect();
    let near = |at: usize| headings.contains(&at) || changes.iter().any(|change| change.abs_diff(at) <= NEAR);
    let mut out = Vec::new();
    let mut at = 0;
    while at < blocks.len() {
        let far = (at..blocks.len()).take_while(|&next| !near(next)).count();
        if far == 0 {
            out.push(block(&blocks[at]));
            at += 1;
            continue;
        }
        let hidden = blocks[at..at + far].iter().map(block).collect_view();
        let says = if far == 1 { "1 unchanged passage".to_owned() } else { format!("{far} unchanged passages") };
        out.push(view! { <details class="d-fold"><summary>{says}</summary>{hidden}</details> }.into_any());
        at += far;
    }
    out
}

fn block(block: &DiffBlock) -> AnyView {
    let run = |(difference, words): &(Difference, String)| {
        let words = words.clone();
        match difference {
            Difference::Same => words.into_any(),
            Difference::Removed => view! { <del><span class="sr">"removed: "</span>{words}</del> }.into_any(),
            Difference::Added => view! { <ins><span class="sr">"added: "</span>{words}</ins> }.into_any(),
        }
    };
    let lead = (block.kind == "link").then_some("The words stay, their link changes: ");
    view! {
        <p class=format!("d-block d-{}", block.kind) class:d-changed=!block.same()>
            {lead.map(|lead| view! { <span class="dim">{lead}</span> })}
            {block.words.iter().map(run).collect_view()}
        </p>
    }
    .into_any()
}
