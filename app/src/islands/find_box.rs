//! The box of Find as it is typed into: a combobox by the pattern of ARIA, with a list that the server draws.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use leptos::prelude::set_timeout;
use wasm_bindgen::prelude::*;
use web_sys::{Element, Event, HtmlElement, HtmlInputElement, KeyboardEvent, XmlHttpRequest};

use super::gestures::{announce, document, listen, prepare_announcing, window};
use super::morph::elements;

/// Nobody is asked before typing has paused for this long.
const PAUSE: Duration = Duration::from_millis(60);

/// The box, its list, and the number of the newest question: answers to older ones are not shown.
#[derive(Clone)]
struct FindField {
    input: HtmlInputElement,
    list: HtmlElement,
    asked: Rc<Cell<u32>>,
}

/// Follows what is typed.
pub fn follow() {
    let page = document();
    let input = page.get_element_by_id("find-q").and_then(|found| found.dyn_into().ok());
    let list = page.get_element_by_id("find-options").and_then(|found| found.dyn_into().ok());
    let (Some(input), Some(list)) = (input, list) else { return };
    let of = FindField { input, list, asked: Rc::default() };
    prepare_announcing();
    for (name, value) in [
        ("role", "combobox"),
        ("aria-autocomplete", "list"),
        ("aria-controls", "find-options"),
        ("aria-expanded", "false"),
    ] {
        _ = of.input.set_attribute(name, value);
    }
    let typed = of.clone();
    listen(&of.input, "input", move |_: Event| typed.ask_after(PAUSE));
    let keys = of.clone();
    listen(&of.input, "keydown", move |key: KeyboardEvent| keys.key(&key));
    let left = of.clone();
    listen(&of.input, "blur", move |_: Event| left.close());
    // A press on an option must not take the focus away, or the list would be gone before it is released.
    listen(&of.list, "mousedown", |press: Event| press.prevent_default());
    // Who comes back to the page finds it as it was left, and no list over it.
    let back = of.clone();
    listen(&window(), "pageshow", move |_: Event| back.close());
    // What was typed before the script was there.
    if of.is_focused() && of.input.value() != of.input.default_value() {
        of.ask_after(Duration::ZERO);
    }
}

impl FindField {
    fn is_focused(&self) -> bool {
        document().active_element().is_some_and(|active| active.is_same_node(Some(&self.input)))
    }

    /// Asks when typing has paused; whatever was asked before is old from now on.
    fn ask_after(&self, pause: Duration) {
        let number = self.asked.get().wrapping_add(1);
        self.asked.set(number);
        let of = self.clone();
        set_timeout(
            move || {
                if of.asked.get() == number {
                    of.ask(number);
                }
            },
            pause,
        );
    }

    fn ask(&self, number: u32) {
        let typed = self.input.value();
        if typed.trim().is_empty() {
            return self.close();
        }
        let Ok(request) = XmlHttpRequest::new() else { return };
        let path = format!("/find/options?q={}", String::from(js_sys::encode_uri_component(&typed)));
        let (of, answer) = (self.clone(), request.clone());
        listen(&request, "load", move |_: Event| {
            if of.asked.get() == number {
                of.show(&answer);
            }
        });
        if request.open("GET", &path).is_ok() {
            _ = request.send();
        }
    }

    /// Shows what was answered. Where nothing can be shown the form still leads to the page Find.
    fn show(&self, answer: &XmlHttpRequest) {
        // Who is no longer signed in is answered with another page.
        let ours = answer.status() == Ok(200) && answer.response_url().contains("/find/options");
        let html = answer.response_text().ok().flatten().filter(|_| ours && self.is_focused());
        let Some(html) = html else { return self.close() };
        self.list.set_inner_html(&html);
        self.choose(None);
        self.list.set_hidden(false);
        _ = self.input.set_attribute("aria-expanded", "true");
        if let Some(said) = self.options().last().and_then(|last| last.get_attribute("data-said")) {
            announce(&said);
        }
    }

    fn close(&self) {
        // What is still on its way comes too late.
        self.asked.set(self.asked.get().wrapping_add(1));
        self.list.set_hidden(true);
        self.choose(None);
        _ = self.input.set_attribute("aria-expanded", "false");
    }

    fn options(&self) -> Vec<Element> {
        elements(&self.list, "[role=option]").collect()
    }

    fn chosen(&self) -> Option<usize> {
        self.options().iter().position(|option| option.get_attribute("aria-selected").as_deref() == Some("true"))
    }

    /// Makes one option the one that Enter follows, or none.
    fn choose(&self, number: Option<usize>) {
        for (n, option) in self.options().iter().enumerate() {
            let chosen = Some(n) == number;
            _ = option.set_attribute("aria-selected", if chosen { "true" } else { "false" });
            if chosen {
                _ = self.input.set_attribute("aria-activedescendant", &option.id());
                self.reveal(option);
            }
        }
        if number.is_none() {
            _ = self.input.remove_attribute("aria-activedescendant");
        }
    }

    /// Scrolls the list, and nothing else, until the option is in it.
    fn reveal(&self, option: &Element) {
        let (list, option) = (self.list.get_bounding_client_rect(), option.get_bounding_client_rect());
        let above = (list.top() - option.top()).max(0.0);
        let below = (option.bottom() - list.bottom()).max(0.0);
        self.list.set_scroll_top(self.list.scroll_top() + (below - above).round() as i32);
    }

    fn key(&self, key: &KeyboardEvent) {
        if key.is_composing() || key.ctrl_key() || key.meta_key() || key.alt_key() {
            return;
        }
        let open = !self.list.hidden();
        match (key.key().as_str(), open) {
            ("ArrowDown" | "ArrowUp", false) => self.ask_after(Duration::ZERO),
            // From the box down to the first, up to the last, and past either end back into the box.
            ("ArrowDown", true) => self.choose(match self.chosen() {
                None => Some(0),
                Some(n) => Some(n + 1).filter(|n| *n < self.options().len()),
            }),
            ("ArrowUp", true) => self.choose(match self.chosen() {
                None => self.options().len().checked_sub(1),
                Some(n) => n.checked_sub(1),
            }),
            ("Escape", true) => self.close(),
            ("Enter", true) => match self.chosen().and_then(|n| self.options().into_iter().nth(n)) {
                Some(option) => option.unchecked_into::<HtmlElement>().click(),
                None => return self.close(),
            },
            _ => return,
        }
        key.prevent_default();
    }
}
