//! What is shown in place of a page while the portal cannot be reached: that it cannot, and what is kept to read.

use leptos::prelude::*;

use crate::parts;

/// Where the browser puts the list of what it keeps.
const LIST: &str = "<!--kept-->";

/// The page. The browser fills the list.
pub fn body() -> AnyView {
    let sentence = "This page is not kept, because what it shows is only right while it is live. These are kept:";
    view! {
        <div class="page">
            {parts::heading("Cannot reach Watchbook", sentence, None)}
            <ul class="plain kept-list" inner_html=LIST></ul>
            <p><a class="button" href="">"Try again"</a></p>
        </div>
    }
    .into_any()
}
