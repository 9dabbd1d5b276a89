//! Components: what there is, and who answers for it.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use super::shell::Head;
use crate::parts;

/// The list; also `GET /api/v1/components`.
#[derive(Debug, Clone, Serialize)]
pub struct ComponentsPicture {
    /// By type, then name.
    pub items: Vec<ComponentRow>,
    /// Always none: a book's components fit one page.
    pub next: Option<String>,
}

/// One component in a list.
#[derive(Debug, Clone, Serialize)]
pub struct ComponentRow {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// `service`, `queue`, `spreadsheet`, in words.
    pub kind: String,
    /// Of a queue that reports its own; else the worst state of the steps it does, none when none of them was seen.
    pub state: Option<crate::model::status::State>,
    /// What it needs that is Broken now, while it is not itself; none when there is nothing.
    pub affected_by: Option<AffectedBy>,
    /// The team that answers for it.
    pub owner: Option<String>,
    /// What it is for.
    pub meaning: Option<String>,
    /// How many components and steps need it.
    pub needed_by: i64,
}

/// What something is affected by.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AffectedBy {
    /// The component that is Broken.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The ids on the shortest way from it, itself first, up to the one before what is affected.
    pub path: Vec<String>,
}

/// The title.
pub fn head(_: &ComponentsPicture) -> Head {
    Head { title: "Components".to_owned(), state: None }
}

/// The list as a page, one part a type.
pub fn body(picture: &ComponentsPicture) -> AnyView {
    let groups = picture.items.chunk_by(|one, next| one.kind == next.kind);
    let list = match picture.items.is_empty() {
        true => parts::empty("The book declares no component yet. Write one as YAML in the folder of the book."),
        false => groups.map(group).collect_view().into_any(),
    };
    let sentence = "What the workflows run on: systems, queues, spreadsheets, mailboxes and roles.";
    view! { <div class="page components">{parts::heading("Components", sentence, None)}{list}</div> }.into_any()
}

fn group(rows: &[ComponentRow]) -> AnyView {
    let kind = rows[0].kind.as_str();
    let mut letters = kind.chars();
    let title: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    let id = format!("type-{}", kind.to_lowercase().replace(' ', "-"));
    let list = view! { <ul class="rows r-component">{rows.iter().map(row).collect_view()}</ul> };
    parts::section(&id, &format!("{title} ({})", rows.len()), list.into_any())
}

fn row(row: &ComponentRow) -> AnyView {
    let needed = match row.needed_by {
        0 => "nothing needs it".to_owned(),
        1 => "1 part or step needs it".to_owned(),
        n => format!("{n} parts and steps need it"),
    };
    let state = match row.state {
        Some(state) => parts::mark(state),
        None => view! { <span class="dim">"Not seen"</span> }.into_any(),
    };
    let meaning = match &row.meaning {
        Some(meaning) => meaning.clone().into_any(),
        None => view! { <span class="dim">"Not written yet"</span> }.into_any(),
    };
    view! {
        <li class=row.state.map(|state| format!("s-{}", state.name()))>
            <span class="c-state">{state}</span>
            <span class="c-name"><a href=format!("/components/{}", row.id)>{row.name.clone()}</a></span>
            <span class="c-what">
                {row.affected_by.as_ref().map(|by| view! { {parts::affected(&by.name)}" " })}{meaning}
            </span>
            <span class="c-owner">{row.owner.clone().unwrap_or_else(|| "No owner".to_owned())}</span>
            <span class="c-count">{needed}</span>
        </li>
    }
    .into_any()
}
