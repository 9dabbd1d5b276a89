//! The frame around every page: head, top bar, freshness strip, main.

use jiff::tz::TimeZone;
use leptos::config::LeptosOptions;
use leptos::hydration::HydrationScripts;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use crate::islands::{FindBox, FindKeys, LiveStream};
use crate::model::moment::Moment;
use crate::model::status::{Role, State};
use crate::parts::{self, Past};

/// What every page is drawn with, whatever it shows.
#[derive(Debug, Clone)]
pub struct Frame {
    /// What time it is for this page; the moment that it shows, where that is over.
    pub now: Moment,
    /// The zone that times are shown in.
    pub zone: TimeZone,
    /// Where the page's script, style and icons are, like `/pkg/3f9a…`; no slash at the end.
    pub pkg: String,
    /// Which entry of the top bar this page belongs to.
    pub place: Place,
    /// Who is signed in.
    pub viewer: Option<Viewer>,
    /// Whether this is the demo: shows who to be.
    pub demo: bool,
    /// How many runbooks wait for a review.
    pub reviews_waiting: i64,
    /// What the portal hears: for the freshness strip.
    pub heard: Heard,
    /// Why the last good book is in use instead of the one on disk, as a sentence per finding.
    pub book_errors: Vec<String>,
    /// The moment that is shown and what to say of it; none on a page of what is so now. A page of the past is not live.
    pub at: Option<Past>,
    /// The topic of the live stream of this page; none on pages that are not live.
    pub topic: Option<String>,
    /// The last change that this page may show: its stream gives no older picture.
    pub told: i64,
    /// A word to the person after an action, shown once.
    pub notice: Option<String>,
    /// The address of the page, for who has it on paper.
    pub address: String,
    /// What a page says of itself that is made for keeping, for when the portal cannot be reached.
    pub kept: Option<String>,
}

/// Which entry of the top bar a page belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Place {
    Now,
    Workflows,
    Components,
    Runbooks,
    Reviews,
    Sources,
    Find,
    Other,
}

/// Who is signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Viewer {
    /// The account's name.
    pub name: String,
    /// What they may do.
    pub role: Role,
}

/// What the portal hears.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    /// How many sources have ever been heard.
    pub sources: i64,
    /// Those not heard inside their usual pause, with when they were last heard.
    pub silent: Vec<(String, Moment)>,
}

/// The head of a page: what its title and favicon say.
#[derive(Debug, Clone)]
pub struct Head {
    /// What the page is about, without the state: `Order to ERP`.
    pub title: String,
    /// Put first in the title and drawn in the favicon.
    pub state: Option<State>,
}

/// The name of the module that the browser loads, and of the wasm beside it.
const OUTPUT: &str = "watchbook";

/// Which links the browser may fetch before they are followed: pages of this site that only read.
const SPECULATION: &str = r#"{"prefetch":[{"where":{"and":[{"href_matches":"/*"},{"not":{"href_matches":"/sign-out"}},{"not":{"href_matches":"/sign-in/*"}},{"not":{"href_matches":"/api/*"}},{"not":{"href_matches":"/live*"}}]},"eagerness":"moderate"}]}"#;

/// A whole page, from the doctype on. `body` is drawn by a page with the same [`crate::parts::Ink`].
pub fn document(frame: &Frame, head: &Head, body: AnyView) -> String {
    let nonce = leptos::nonce::use_nonce();
    let pkg = frame.pkg.as_str();
    let options = LeptosOptions::builder().output_name(OUTPUT).site_pkg_dir(pkg.trim_start_matches('/')).build();
    let role = frame.viewer.as_ref().map_or("nobody", |viewer| viewer.role.name());
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta name="color-scheme" content="light dark"/>
                <title>{title(head)}</title>
                <link rel="stylesheet" href=format!("{pkg}/watchbook.css")/>
                <link rel="icon" type="image/svg+xml" href=favicon(pkg, head.state)/>
                <script type="speculationrules" nonce=nonce inner_html=SPECULATION></script>
            </head>
            <body data-role=role data-viewer=frame.viewer.as_ref().map(|viewer| viewer.name.clone()) data-kept=frame.kept.as_ref().map(|_| "") data-at=frame.at.as_ref().map(|past| past.at.to_string())>
                <a class="skip" href="#main">"Skip to content"</a>
                {top(frame)}
                {strip(frame)}
                <p class="printed">{format!("{}, as of {}", frame.address, frame.now.full(&frame.zone))}</p>
                <main id="main" tabindex="-1">
                    {book_errors(&frame.book_errors)}
                    {frame.notice.as_ref().map(|words| parts::notice("good", words))}
                    {body}
                </main>
                <footer class="foot">
                    <p><span>"Watchbook"</span><a href="/sources">"What is heard"</a><a href="/api/v1/now">"Now as JSON"</a></p>
                </footer>
                <FindKeys/>
                <script src=format!("{pkg}/kept.js") defer nonce=leptos::nonce::use_nonce()></script>
                <HydrationScripts options=options islands=true/>
            </body>
        </html>
    }
    .to_html()
}

/// What the browser's tab says: the state first.
pub fn title(head: &Head) -> String {
    match head.state {
        Some(state) => format!("{}: {} · Watchbook", state.words(), head.title),
        None => format!("{} · Watchbook", head.title),
    }
}

/// The address of the favicon for a state: its shape differs, not only its colour.
pub fn favicon(pkg: &str, state: Option<State>) -> String {
    match state {
        Some(state) => format!("{pkg}/favicon-{}.svg", state.name()),
        None => format!("{pkg}/favicon.svg"),
    }
}

/// The top bar: the name, the places, Find, and who is signed in. On a phone the places fold into a menu.
fn top(frame: &Frame) -> AnyView {
    let current = |place: Place| (frame.place == place).then_some("page");
    let places = || {
        let reviews = (frame.reviews_waiting > 0).then(|| {
            view! { <b class="n">{frame.reviews_waiting}<span class="sr">" waiting"</span></b> }
        });
        view! {
            <ul>
                <li><a href=parts::to("/") aria-current=current(Place::Now)>"Now"</a></li>
                <li><a href=parts::to("/workflows") aria-current=current(Place::Workflows)>"Workflows"</a></li>
                <li><a href="/components" aria-current=current(Place::Components)>"Components"</a></li>
                <li><a href="/runbooks" aria-current=current(Place::Runbooks)>"Runbooks"</a></li>
                <li><a href="/reviews" aria-current=current(Place::Reviews)>"Reviews "{reviews}</a></li>
                <li><a href="/sources" aria-current=current(Place::Sources)>"Sources"</a></li>
            </ul>
        }
    };
    view! {
        <header class="top">
            <a class="name" href="/">{parts::icon("watchbook")}"Watchbook"</a>
            <nav class="places" aria-label="Main">{places()}</nav>
            {(frame.place != Place::Find).then(find)}
            <a class="find-link" href="/find">{parts::icon("search")}"Find"</a>
            {who(frame)}
            <details class="menu" name="top">
                <summary>{parts::icon("menu")}<span class="sr">"Menu"</span></summary>
                <nav aria-label="Menu">{places()}</nav>
            </details>
        </header>
    }
    .into_any()
}

/// The find box; the page Find has its own.
fn find() -> AnyView {
    view! {
        <form class="find" action="/find" method="get" role="search">
            {parts::icon("search")}
            <label class="sr" for="find-q">"Find a workflow, run, component or runbook"</label>
            <FindBox query=String::new() hint="Find".to_owned()/>
            <kbd aria-hidden="true">"/"</kbd>
        </form>
    }
    .into_any()
}

/// Who is signed in, and how to change that.
fn who(frame: &Frame) -> AnyView {
    let Some(summary) = (match (&frame.viewer, frame.demo) {
        (Some(viewer), true) => Some(viewer.role.name().to_owned()),
        (Some(viewer), false) => Some(viewer.name.clone()),
        (None, true) => Some("Choose a role".to_owned()),
        (None, false) => None,
    }) else {
        return view! { <a class="sign-in-link" href="/sign-in">"Sign in"</a> }.into_any();
    };
    let name = frame.viewer.as_ref().map(|viewer| {
        view! { <p><strong>{viewer.name.clone()}</strong>" "<span class="dim">{viewer.role.name()}</span></p> }
    });
    let sign_out = frame.viewer.as_ref().map(|_| {
        view! { <form method="post" action="/sign-out"><button class="button">{parts::icon("log-out")}"Sign out"</button></form> }
    });
    let roles = frame.demo.then(|| {
        let role = frame.viewer.as_ref().map(|viewer| viewer.role);
        view! { <p class="dim">"This is the demo. Be another role:"</p>{demo_roles(role, "")} }
    });
    view! {
        <details class="who" name="top">
            <summary>{parts::icon("user")}<span>{summary}</span></summary>
            <div>{name}{roles}{sign_out}</div>
        </details>
    }
    .into_any()
}

/// A button a role, for the demo; the present one is pressed.
pub(super) fn demo_roles(present: Option<Role>, next: &str) -> AnyView {
    let one = |role: Role| {
        let pressed = if present == Some(role) { "true" } else { "false" };
        view! { <button class="button" name="role" value=role.name() aria-pressed=pressed>{role.name()}</button> }
    };
    let next = (!next.is_empty()).then(|| view! { <input type="hidden" name="next" value=next.to_owned()/> });
    view! { <form class="roles" method="post" action="/sign-in/demo">{next}{Role::ALL.map(one).into_iter().collect_view()}</form> }
        .into_any()
}

/// The freshness strip, and beside it, on a live page, whether the page follows what happens; or which moment it is that
/// a page of the past shows.
fn strip(frame: &Frame) -> AnyView {
    if let Some(words) = &frame.kept {
        return view! { <div class="strip kept-strip" role="status">{parts::icon("alert")}<p><strong>{words.clone()}</strong>" "<a href="">"Try again"</a></p></div> }.into_any();
    }
    // A stranger who is asked to sign in is told nothing of the sources, not that there are none.
    if frame.viewer.is_none() && frame.place == Place::Other {
        return ().into_any();
    }
    if let Some(past) = &frame.at {
        return parts::past_strip(past);
    }
    let live = frame.topic.as_ref().map(|topic| {
        let made = frame.now.clock_seconds(&frame.zone);
        view! { <LiveStream topics=topic.clone() since=frame.told made=made/> }
    });
    view! { <div class="strip">{parts::freshness(frame)}{live}</div> }.into_any()
}

/// Says that the book on disk is not the one in use, and why.
fn book_errors(findings: &[String]) -> AnyView {
    if findings.is_empty() {
        return ().into_any();
    }
    let one = |finding: &String| view! { <li><code>{finding.clone()}</code></li> };
    let count = match findings.len() {
        1 => "1 finding".to_owned(),
        n => format!("{n} findings"),
    };
    view! {
        <div class="notice n-warn">
            {parts::icon("alert")}
            <div>
                <p>"The book on disk cannot be used; the last good one is shown."</p>
                <details><summary>{count}</summary><ul>{findings.iter().map(one).collect_view()}</ul></details>
            </div>
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(place: Place, head: Head) -> String {
        let frame = Frame {
            now: Moment::from_millis(1_780_531_446_000),
            zone: TimeZone::UTC,
            pkg: "/pkg/3f9a".to_owned(),
            place,
            viewer: None,
            demo: true,
            reviews_waiting: 3,
            heard: Heard { sources: 5, silent: vec![("wms".to_owned(), Moment::from_millis(0))] },
            book_errors: vec!["refunds.yaml:14: not a duration".to_owned()],
            at: None,
            topic: Some("now".to_owned()),
            told: 7,
            notice: Some("Saved.".to_owned()),
            address: "/workflows/order-to-erp".to_owned(),
            kept: None,
        };
        Owner::new().with(|| document(&frame, &head, "body".into_any()))
    }

    #[test]
    fn a_page_says_its_state_first_and_keeps_to_the_content_security_policy() {
        let html = page(Place::Now, Head { title: "Order to ERP".to_owned(), state: Some(State::Broken) });
        assert!(html.starts_with("<!DOCTYPE html><html lang=\"en\">"), "{html}");
        assert!(html.contains("<title>Broken: Order to ERP · Watchbook</title>"));
        assert!(html.contains("/pkg/3f9a/favicon-broken.svg") && html.contains("/pkg/3f9a/watchbook.css"));
        assert!(!html.contains(" style=") && !html.contains(" onclick="));
        assert!(html.contains("1 of 5 sources silent"));
    }

    #[test]
    fn the_page_find_has_one_find_box_its_own() {
        let head = Head { title: "Find".to_owned(), state: None };
        assert!(page(Place::Now, head.clone()).contains("id=\"find-q\""));
        assert!(!page(Place::Find, head).contains("id=\"find-q\""));
    }
}
