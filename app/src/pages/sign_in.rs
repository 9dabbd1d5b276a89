//! Signing in.

use leptos::prelude::*;

use super::shell::{Head, demo_roles};
use crate::parts;

/// The form as it is shown, first or again.
#[derive(Debug, Clone)]
pub struct SignInPicture {
    /// The name, as typed.
    pub name: String,
    /// What went wrong.
    pub error: Option<String>,
    /// The path to go to afterwards.
    pub next: String,
    /// Whether to offer a button for each role.
    pub demo: bool,
    /// Whether there is no account yet: the page then says how to make one.
    pub no_accounts: bool,
}

/// The title.
pub fn head(_: &SignInPicture) -> Head {
    Head { title: "Sign in".to_owned(), state: None }
}

/// The page.
pub fn body(picture: &SignInPicture) -> AnyView {
    let demo = picture.demo.then(|| {
        view! {
            <section class="part" aria-labelledby="demo-h">
                <h2 id="demo-h">"This is the demo"</h2>
                <p>"Be anyone, without a password. Each role may do all that the ones before it may."</p>
                {demo_roles(None, &picture.next)}
            </section>
        }
    });
    let first = picture.no_accounts.then(|| {
        view! {
            <div class="notice n-info">
                {parts::icon("info")}
                <p>"There is no account yet. Make the first one where Watchbook runs: "
                    <code>"watchbook user add NAME --role admin"</code></p>
            </div>
        }
    });
    view! {
        <div class="page sign-in">
            {parts::heading("Sign in", "Reading may need no account; changing anything does.", None)}
            {first}
            {demo}
            {picture.error.as_ref().map(|error| parts::notice("bad", error))}
            <form class="stack" method="post" action="/sign-in">
                <input type="hidden" name="next" value=picture.next.clone()/>
                {parts::field("Name", "name", "text", &picture.name, None)}
                {parts::field("Password", "password", "password", "", None)}
                <button class="button primary">"Sign in"</button>
            </form>
        </div>
    }
    .into_any()
}
