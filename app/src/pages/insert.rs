//! What can be put into a text: parts by name or id, each with its link, its facts and its live panels.

use leptos::prelude::*;
use serde::Serialize;

use super::shell::Head;
use crate::islands::CopyButton;
use crate::model::insert::Offer;
use crate::parts;

/// What was found to put into a text; also `GET /api/v1/insert?q=`.
#[derive(Debug, Clone, Serialize)]
pub struct InsertPicture {
    /// What was asked.
    pub query: String,
    /// The parts that fit, best first, at most 12.
    pub items: Vec<InsertPart>,
}

/// A part with what can be put into a text about it.
#[derive(Debug, Clone, Serialize)]
pub struct InsertPart {
    /// `step:order-to-erp/push-to-erp`.
    pub reference: String,
    /// Its name, for people.
    pub name: String,
    /// The markdown of each, with what it says; the link first.
    pub offers: Vec<Offer>,
}

/// The title.
pub fn head(_: &InsertPicture) -> Head {
    Head { title: "Insert a link, a fact or a live panel".to_owned(), state: None }
}

/// The page: the text of each, to be copied.
pub fn body(picture: &InsertPicture) -> AnyView {
    view! {
        <div class="page insert-page">
        {parts::heading("Insert a link, a fact or a live panel", "Copy what you need into the text that you are writing.", None)}
        <form class="find-form" method="get" action="/insert">
            <label for="insert-q">"Which part is it about?"</label>
            <div class="find-line">
                <input id="insert-q" name="q" type="search" value=picture.query.clone() autocapitalize="none" spellcheck="false"/>
                <button class="button primary">"Search"</button>
            </div>
        </form>
        {found(picture, false)}
        </div>
    }
    .into_any()
}

/// What was found. In the editor each has a button that puts it into the text.
pub fn found(picture: &InsertPicture, in_editor: bool) -> AnyView {
    if picture.items.is_empty() {
        return match picture.query.is_empty() {
            true => ().into_any(),
            false => {
                parts::empty(&format!("No part is called \"{}\". Try another word of its name or id.", picture.query))
            }
        };
    }
    let alone = picture.items.len() == 1;
    let one = |part: &InsertPart| {
        view! {
            <li>
                <details open=alone>
                    <summary><b>{part.name.clone()}</b>" "<code>{part.reference.clone()}</code></summary>
                    <ul class="offers">{part.offers.iter().map(|o| offer(o, in_editor)).collect_view()}</ul>
                </details>
            </li>
        }
    };
    view! { <ul class="insert-found">{picture.items.iter().map(one).collect_view()}</ul> }.into_any()
}

fn offer(offer: &Offer, in_editor: bool) -> AnyView {
    let markdown = offer.markdown.clone();
    let act = match in_editor {
        true => view! {
            <button type="button" class="button" data-insert=markdown.clone()>
                "Insert"<span class="sr">{format!(": {} {}", offer.kind.word(), offer.says)}</span>
            </button>
        }
        .into_any(),
        false => view! { <CopyButton text=markdown.clone()/> }.into_any(),
    };
    view! {
        <li>
            <span class="offer-what"><b>{offer.kind.word()}</b>": "{offer.says.clone()}<code>{markdown}</code></span>
            {act}
        </li>
    }
    .into_any()
}
