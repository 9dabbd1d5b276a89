//! The blocks that pages are made of: answer, facts, sections, gaps, notices, fields.

use leptos::prelude::*;

use super::marks::{badge, icon};
use super::past::{is_past, to};
use crate::islands::CopyButton;
use crate::model::status::State;

/// The answer of a page: state, title, one sentence, and what belongs right under it. Carries the page's `h1`.
pub fn answer(state: Option<State>, title: &str, sentence: &str, extra: Option<AnyView>) -> AnyView {
    let class = format!("answer s-{}", state.map_or("none", State::name));
    view! {
        <div class=class>
            {state.map(badge)}
            <h1>{title.to_owned()}</h1>
            {(!sentence.is_empty()).then(|| view! { <p class="sentence">{sentence.to_owned()}</p> })}
            {extra}
        </div>
    }
    .into_any()
}

/// The title of a page that has no state: `h1`, a sentence, and what can be done here.
pub fn heading(title: &str, sentence: &str, actions: Option<AnyView>) -> AnyView {
    view! {
        <div class="heading">
            <h1>{title.to_owned()}</h1>
            {(!sentence.is_empty()).then(|| view! { <p class="sentence">{sentence.to_owned()}</p> })}
            {actions.map(|a| view! { <div class="actions">{a}</div> })}
        </div>
    }
    .into_any()
}

/// Labels and values in one strip.
pub fn facts(facts: &[(String, String)]) -> AnyView {
    if facts.is_empty() {
        return ().into_any();
    }
    let one = |(label, value): &(String, String)| {
        view! { <div><dt>{label.clone()}</dt><dd>{value.clone()}</dd></div> }
    };
    view! { <dl class="facts">{facts.iter().map(one).collect_view()}</dl> }.into_any()
}

/// A part of a page with its own heading; `id` is also what a link to it says.
pub fn section(id: &str, title: &str, body: AnyView) -> AnyView {
    let (id, heading) = (id.to_owned(), format!("{id}-h"));
    view! {
        <section id=id class="part" aria-labelledby=heading>
            <h2 id=heading.clone()>{title.to_owned()}</h2>
            {body}
        </section>
    }
    .into_any()
}

/// A block that the live stream may replace: `name` is unique on its page.
pub fn block(name: &'static str, body: AnyView) -> AnyView {
    view! { <div data-live=name class=format!("block b-{name}")>{body}</div> }.into_any()
}

/// The place of a block that has nothing to show now, so that the live stream can fill it.
pub fn no_block(name: &'static str) -> AnyView {
    view! { <div data-live=name class=format!("block b-{name}") hidden></div> }.into_any()
}

/// A question nobody has answered yet, and where to answer it; not in the past.
pub fn gap(text: &str, href: Option<String>) -> AnyView {
    view! {
        <p class="gap">
            {icon("pencil")}<span>{text.to_owned()}</span>
            {href.filter(|_| !is_past()).map(|href| view! { <a href=href>"Write it"</a> })}
        </p>
    }
    .into_any()
}

/// One line for a list with nothing in it.
pub fn empty(text: &str) -> AnyView {
    view! { <p class="empty">{text.to_owned()}</p> }.into_any()
}

/// A word to the person: `kind` is `info`, `good`, `warn` or `bad`.
pub fn notice(kind: &'static str, text: &str) -> AnyView {
    let name = match kind {
        "good" => "check",
        "warn" => "alert",
        "bad" => "state-broken",
        _ => "info",
    };
    let role = if kind == "bad" { "alert" } else { "status" };
    view! { <div class=format!("notice n-{kind}") role=role>{icon(name)}<p>{text.to_owned()}</p></div> }.into_any()
}

/// The way up from here: `(name, href)`, the page itself left out.
pub fn crumbs(way: &[(&str, &str)]) -> AnyView {
    let one = |(name, href): &(&str, &str)| {
        view! { <li><a href=to(*href)>{(*name).to_owned()}</a></li> }
    };
    view! { <nav class="crumbs" aria-label="Where this is"><ol>{way.iter().map(one).collect_view()}</ol></nav> }
        .into_any()
}

/// The way to the next page of a list; nothing on the last one.
pub fn pager(next: Option<String>) -> AnyView {
    next.map(|href| {
        view! {
            <nav class="pager" aria-label="More of this list">
                <a class="button" rel="next" href=href>"Next page"{icon("arrow-right")}</a>
            </nav>
        }
    })
    .into_any()
}

/// A labelled input, with what was typed and what is wrong with it.
pub fn field(label: &str, name: &'static str, kind: &'static str, value: &str, error: Option<&str>) -> AnyView {
    let id = format!("f-{name}");
    let told = format!("{id}-error");
    let autocomplete = match (name, kind) {
        ("name", "text") => Some("username"),
        (_, "password") => Some("current-password"),
        _ => None,
    };
    view! {
        <div class="field">
            <label for=id.clone()>{label.to_owned()}</label>
            <input
                id=id name=name type=kind value=value.to_owned() autocomplete=autocomplete
                aria-invalid=error.map(|_| "true")
                aria-describedby=error.map(|_| told.clone())
            />
            {error.map(|error| view! { <p class="error" id=told.clone()>{icon("alert")}{error.to_owned()}</p> })}
        </div>
    }
    .into_any()
}

/// A browser drops a line break right after the tag, so one is put there for it to drop.
pub fn text_area_text(text: &str) -> String {
    format!("\n{}", text.replace('&', "&amp;").replace('<', "&lt;"))
}

/// A labelled box for several lines, with what is in it.
pub fn text_area(id: String, name: &'static str, label: &'static str, text: &str, rows: &'static str) -> AnyView {
    view! {
        <div class="field">
            <label for=id.clone()>{label}</label>
            <textarea id=id name=name rows=rows required=true inner_html=text_area_text(text)></textarea>
        </div>
    }
    .into_any()
}

/// An id in mono with a button that copies it.
pub fn copy_id(text: &str) -> AnyView {
    view! { <span class="id"><code>{text.to_owned()}</code><CopyButton text=text.to_owned()/></span> }.into_any()
}

/// Text in which some words are marked, as `(words, marked)`.
pub fn words(words: &[(String, bool)]) -> AnyView {
    let one = |(words, marked): &(String, bool)| match marked {
        true => view! { <mark>{words.clone()}</mark> }.into_any(),
        false => words.clone().into_any(),
    };
    words.iter().map(one).collect_view().into_any()
}

/// Links by name in one line, as `(name, href)`; an empty href is a name without a page.
pub fn names(links: &[(String, String)]) -> AnyView {
    let one = |(name, href): &(String, String)| {
        let name = name.clone();
        match href.is_empty() {
            true => view! { <li>{name}</li> }.into_any(),
            false => view! { <li><a href=to(href.clone())>{name}</a></li> }.into_any(),
        }
    };
    view! { <ul class="names">{links.iter().map(one).collect_view()}</ul> }.into_any()
}
