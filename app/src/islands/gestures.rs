//! What keys and clicks do beyond links and forms: find, copy, and the question before leaving.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use leptos::prelude::set_timeout;
use wasm_bindgen::prelude::*;
use web_sys::{Element, Event, HtmlElement, HtmlInputElement, HtmlTextAreaElement, KeyboardEvent, MouseEvent};

use super::morph::elements;

/// Calls `act` for each `name` event that reaches `target`, for as long as the page lives.
pub fn listen<E: wasm_bindgen::convert::FromWasmAbi + 'static>(
    target: &web_sys::EventTarget,
    name: &str,
    act: impl FnMut(E) + 'static,
) {
    let act = Closure::<dyn FnMut(E)>::new(act).into_js_value();
    _ = target.add_event_listener_with_callback(name, act.unchecked_ref());
}

/// The page's window; the browser always has one.
pub fn window() -> web_sys::Window {
    web_sys::window().expect("a page has a window")
}

/// The page.
pub fn document() -> web_sys::Document {
    window().document().expect("a window has a document")
}

/// Whether this browser lets a page copy; it does so only over https and on this machine.
pub fn can_copy() -> bool {
    window().is_secure_context()
}

/// Copies `text` and says so on the button for two seconds.
pub fn copy(click: &MouseEvent, text: &str) {
    let Some(button) = click.current_target().or(click.target()).and_then(|target| target.dyn_into::<Element>().ok())
    else {
        return;
    };
    _ = window().navigator().clipboard().write_text(text);
    button.set_text_content(Some("Copied"));
    set_timeout(move || button.set_text_content(Some("Copy")), Duration::from_secs(2));
}

/// Listens for the two keys that lead to Find.
pub fn find_keys() {
    listen(&window(), "keydown", |key: KeyboardEvent| {
        if key.default_prevented() || key.is_composing() || key.alt_key() {
            return;
        }
        let command = key.ctrl_key() || key.meta_key();
        let wanted = match key.key().as_str() {
            "/" => !command && !is_typing(&key),
            "k" | "K" => command && !key.shift_key(),
            _ => false,
        };
        if wanted {
            key.prevent_default();
            go_to_find();
        }
    });
}

/// Whether the key was pressed in something that takes text, where `/` is a letter.
fn is_typing(key: &KeyboardEvent) -> bool {
    const TAKES_TEXT: &str =
        "input:not([type=checkbox],[type=radio],[type=button],[type=submit]),textarea,select,[contenteditable]";
    key.target()
        .and_then(|target| target.dyn_into::<Element>().ok())
        .is_some_and(|element| element.closest(TAKES_TEXT).is_ok_and(|found| found.is_some()))
}

/// Puts the focus in the page's find box, or goes to the page that has one.
fn go_to_find() {
    let page = document();
    if let Some(field) = page.get_element_by_id("find-q").and_then(|found| found.dyn_into::<HtmlInputElement>().ok()) {
        _ = field.focus();
        field.select();
        // A box that is not shown, as in a closed menu, does not take the focus.
        if page.active_element().is_some_and(|active| active.is_same_node(Some(&field))) {
            return;
        }
    }
    _ = window().location().assign("/find");
}

/// Asks before the page is left while the form differs from what the server sent.
pub fn guard(form: String) {
    let Some(form) = document().get_element_by_id(&form) else { return };
    let sending = Rc::new(Cell::new(false));
    listen(&form, "submit", {
        let sending = sending.clone();
        move |_: Event| sending.set(true)
    });
    listen(&window(), "pageshow", {
        let sending = sending.clone();
        move |_: Event| sending.set(false)
    });
    listen(&window(), "beforeunload", move |leaving: Event| {
        if !sending.get() && is_unsaved(&form) {
            leaving.prevent_default();
        }
    });
}

/// Whether the form holds words that the server has not got.
pub fn is_unsaved(form: &Element) -> bool {
    form.has_attribute("data-unsaved")
        || elements(form, "textarea").any(|field| {
            field
                .dyn_into::<HtmlTextAreaElement>()
                .is_ok_and(|field| field.default_value().is_ok_and(|sent| sent != field.value()))
        })
        || elements(form, "input:not([type=hidden])").any(|field| {
            field
                .dyn_into::<HtmlInputElement>()
                .is_ok_and(|field| field.value() != field.default_value() || field.checked() != field.default_checked())
        })
}

/// Says `words` to those who listen instead of look, once and without interrupting.
pub fn announce(words: &str) {
    if let Some(status) = document().get_element_by_id("announce") {
        status.set_text_content(Some(words));
    }
}

/// Makes sure that there is a place to announce from; it has to be there before the first words.
pub fn prepare_announcing() {
    let page = document();
    if page.get_element_by_id("announce").is_some() {
        return;
    }
    if let (Ok(status), Some(body)) = (page.create_element("div"), page.body()) {
        status.set_id("announce");
        status.set_class_name("sr");
        _ = status.set_attribute("role", "status");
        _ = body.append_child(&status);
    }
}

/// Puts the focus on an element that usually has none, without moving the page.
pub fn focus_quietly(element: &Element) {
    if let Some(element) = element.dyn_ref::<HtmlElement>() {
        let how = web_sys::FocusOptions::new();
        how.set_prevent_scroll(true);
        _ = element.focus_with_options(&how);
    }
}
