//! Whose words they are: each passage of a runbook with the version, the person and the reason it is so.

use leptos::prelude::*;
use serde::Serialize;

use super::shell::Head;
use super::versions::VersionRow;
use crate::model::runbook::saved_by;
use crate::parts;

/// The newest version, passage by passage; also `GET /api/v1/runbooks/{slug}/blame`.
#[derive(Debug, Clone, Serialize)]
pub struct BlamePicture {
    /// The runbook.
    pub slug: String,
    /// Its title.
    pub title: String,
    /// The version whose words these are: the newest.
    pub version: i64,
    /// The oldest version that was looked at. A passage of this one may be older.
    pub looked_back_to: i64,
    /// The passages in order.
    pub items: Vec<BlameRow>,
}

/// Neighbouring blocks that came with one version.
#[derive(Debug, Clone, Serialize)]
pub struct BlameRow {
    /// The version that they came with.
    pub came_with: VersionRow,
    /// Whether they may be older than that version.
    pub or_earlier: bool,
    /// The blocks in order: kind (`heading`, `text`, `item`, `row` or `code`) and words.
    pub blocks: Vec<(String, String)>,
}

/// The title.
pub fn head(picture: &BlamePicture) -> Head {
    Head { title: format!("Who wrote what in {}", picture.title), state: None }
}

/// The page: the words, and beside them where they come from.
pub fn body(picture: &BlamePicture) -> AnyView {
    let base = format!("/runbooks/{}", picture.slug);
    let history = format!("{base}/history");
    let says = format!("Each passage of version {} with the version that made it what it is.", picture.version);
    let rows = picture.items.iter().map(|item| row(item, &base)).collect_view();
    view! {
        <div class="page blame">
        {parts::crumbs(&[("Runbooks", "/runbooks"), (&picture.title, &base), ("History", &history)])}
        {parts::heading(&format!("Who wrote what in {}", picture.title), &says, None)}
        <ol class="blame-rows">{rows}</ol>
        </div>
    }
    .into_any()
}

fn row(item: &BlameRow, base: &str) -> AnyView {
    let VersionRow { version, saved_at, author, why, .. } = &item.came_with;
    let block = |(kind, words): &(String, String)| view! { <p class=format!("d-block d-{kind}")>{words.clone()}</p> };
    let href = match version {
        1 => format!("{base}/versions/1"),
        n => format!("{base}/compare?from={}&to={n}", n - 1),
    };
    view! {
        <li>
            <div class="blame-who">
                <p><a href=href>{format!("Version {version}")}</a>{item.or_earlier.then_some(" or earlier")}</p>
                <p class="dim">{parts::when(*saved_at)}{format!(" {}", saved_by(author))}</p>
                <p>{why.clone()}</p>
            </div>
            <div class="blame-words">{item.blocks.iter().map(block).collect_view()}</div>
        </li>
    }
    .into_any()
}
