//! The folder of the book: whether what is saved in the browser reaches its files, said once for all runbooks.

use leptos::prelude::*;

use crate::pages::sources::FolderPicture;

/// In sentences, with the runbooks that wait.
pub fn folder(picture: &FolderPicture) -> AnyView {
    let one = |(slug, title, why): &(String, String, String)| {
        view! { <li><a href=format!("/runbooks/{slug}")>{title.clone()}</a><p class="dim">{why.clone()}</p></li> }
    };
    let waiting = (!picture.waiting.is_empty())
        .then(|| view! { <ul class="plain folder-waiting">{picture.waiting.iter().map(one).collect_view()}</ul> });
    let body = view! { <p>{picture.sentence.clone()}</p>{waiting} };
    super::section("folder", "The book's files", body.into_any())
}
