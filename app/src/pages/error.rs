//! A page that cannot be shown: what failed, what still works, what to do.

use leptos::prelude::*;

use super::shell::Head;
use crate::parts;

/// A refusal or an error, as a page.
#[derive(Debug, Clone)]
pub struct ErrorPicture {
    /// The HTTP status.
    pub status: u16,
    /// What failed, as a heading: `There is no workflow "order-to-erb"`.
    pub title: String,
    /// What to do.
    pub detail: String,
    /// Offered as a search.
    pub query: String,
}

/// The title.
pub fn head(picture: &ErrorPicture) -> Head {
    Head { title: picture.title.clone(), state: None }
}

/// The page.
pub fn body(picture: &ErrorPicture) -> AnyView {
    view! {
        <div class="page error-page">
            {parts::heading(&picture.title, &picture.detail, None)}
            <form class="search" action="/find" method="get" role="search" aria-label="Find what was meant">
                <div class="field">
                    <label for="error-q">"Find a workflow, run, component or runbook"</label>
                    <input id="error-q" name="q" type="search" value=picture.query.clone()/>
                </div>
                <button class="button primary">{parts::icon("search")}"Find"</button>
            </form>
            <p>"What still works: "<a href="/">"Now"</a>", "<a href="/workflows">"all workflows"</a>", "<a href="/runbooks">"all runbooks"</a>"."</p>
            <p class="dim">{format!("Status {}", picture.status)}</p>
        </div>
    }
    .into_any()
}
