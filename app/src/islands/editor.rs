//! Writing a text: its preview follows, what is found goes in at the caret, and a draft is kept in this browser.
//!
//! A draft is one entry of the browser's storage, `draft:RUNBOOK:SECTION`: when it was typed, whether it has been sent,
//! the version that it started from, why, and the text, each on a line and the text last.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use leptos::prelude::set_timeout;
use wasm_bindgen::prelude::*;
use web_sys::{
    Element, Event, FormData, HtmlDocument, HtmlElement, HtmlFormElement, HtmlInputElement, HtmlTextAreaElement,
    Storage, UrlSearchParams, XmlHttpRequest,
};

use super::gestures::{document, listen, window};
use super::morph;
use super::slider;

/// How long nobody types before the server is asked.
const PAUSE: Duration = Duration::from_millis(400);
/// The parts of the page that follow the text.
const FOLLOWING: [&str; 2] = ["edit:preview", "edit:links"];
/// Where what was found is shown.
const FOUND: &str = "insert:found";

struct Editor {
    form: HtmlFormElement,
    text: HtmlTextAreaElement,
    preview: String,
    key: String,
    zone: String,
    /// The draft that was kept before, until it is used or thrown away: nothing that is typed meanwhile overwrites it.
    offered: RefCell<Option<Draft>>,
    /// Counts what was put off, so that only the last of it is done, and only the last answer is shown.
    turn: Rc<Cell<u32>>,
}

struct Draft {
    at: f64,
    sent: bool,
    base: String,
    why: String,
    text: String,
}

/// Begins to follow the form's text.
pub fn begin(form: &str, preview: String, draft: &str, zone: String) {
    let Some(form) = by_id::<HtmlFormElement>(form) else { return };
    let Some(text) = by_id::<HtmlTextAreaElement>("edit-text") else { return };
    let editor = Rc::new(Editor {
        form,
        text,
        preview,
        key: format!("draft:{draft}"),
        zone,
        offered: RefCell::default(),
        turn: Rc::default(),
    });
    editor.offer_draft();
    editor.follow();
    listen(&editor.form, "input", {
        let editor = editor.clone();
        move |_: Event| {
            later(&editor.turn, {
                let editor = editor.clone();
                move || {
                    editor.keep(false);
                    editor.follow();
                }
            })
        }
    });
    listen(&editor.form, "submit", {
        let editor = editor.clone();
        move |_: Event| editor.keep(true)
    });
    listen(&document(), "click", {
        let editor = editor.clone();
        move |click: Event| editor.clicked(&click)
    });
    search();
}

/// Forgets the drafts of a runbook that were sent: it has been saved.
pub fn forget_sent(runbook: &str) {
    let Some(storage) = storage() else { return };
    let keys: Vec<String> = (0..storage.length().unwrap_or(0)).filter_map(|at| storage.key(at).ok()?).collect();
    let prefixes = [format!("draft:{runbook}:"), "draft:new:".to_owned()];
    for key in keys.iter().filter(|key| prefixes.iter().any(|prefix| key.starts_with(prefix))) {
        if read(&storage, key).is_some_and(|draft| draft.sent) {
            _ = storage.remove_item(key);
        }
    }
}

impl Editor {
    /// Shows what the text looks like. Nothing of it touches the text, so that caret and scroll stay.
    fn follow(&self) {
        let Ok(form) = FormData::new_with_form(&self.form) else { return };
        let Ok(fields) = UrlSearchParams::new_with_str_sequence_sequence(&form) else { return };
        let (turn, asked) = (self.turn.clone(), self.turn.get());
        fetch("POST", &self.preview, Some(&fields), move |html| {
            if turn.get() == asked {
                show(&html);
            }
        });
    }

    fn field(&self, name: &str) -> Option<HtmlInputElement> {
        self.form.query_selector(&format!("input[name={name}]")).ok()??.dyn_into().ok()
    }

    /// Keeps what is typed, or forgets it where it is what the server sent.
    fn keep(&self, sent: bool) {
        let Some(storage) = storage() else { return };
        let value = |name| self.field(name).map(|field| field.value()).unwrap_or_default();
        let text = self.text.value();
        let is_new = self.text.default_value().is_ok_and(|was| was != text) || self.form.has_attribute("data-unsaved");
        if is_new {
            let why = value("why").replace('\n', " ");
            let sent = u8::from(sent);
            let draft = format!("{}\n{sent}\n{}\n{why}\n{text}", js_sys::Date::now(), value("base"));
            // A full storage keeps the draft before.
            _ = storage.set_item(&self.key, &draft);
        } else if self.offered.borrow().is_none() {
            _ = storage.remove_item(&self.key);
        }
    }

    fn offer_draft(&self) {
        let Some(storage) = storage() else { return };
        let Some(draft) = read(&storage, &self.key) else { return };
        if self.form.has_attribute("data-unsaved") {
            // It came back with what was typed, so nothing has been saved.
            return self.keep(false);
        }
        if draft.text == self.text.value() {
            _ = storage.remove_item(&self.key);
            return;
        }
        let Some(place) = by_id::<HtmlElement>("edit:draft") else { return };
        if let Ok(Some(when)) = place.query_selector(".draft-when") {
            when.set_text_content(slider::moment(draft.at, &self.zone).as_deref());
        }
        self.offered.replace(Some(draft));
        place.set_hidden(false);
    }

    fn clicked(&self, click: &Event) {
        let Some(target) = click.target().and_then(|target| target.dyn_into::<Element>().ok()) else { return };
        let within = |selector: &str| target.closest(selector).ok().flatten();
        if let Some(markdown) = within("[data-insert]").and_then(|button| button.get_attribute("data-insert")) {
            self.insert(&markdown);
        } else if let Some(what) = within("[data-draft]").and_then(|button| button.get_attribute("data-draft")) {
            self.settle_draft(what == "use");
        }
    }

    fn settle_draft(&self, take: bool) {
        let Some(draft) = self.offered.take() else { return };
        if take {
            self.text.set_value(&draft.text);
            for (name, value) in [("why", &draft.why), ("base", &draft.base)] {
                // Saving it goes on from where it started, so that what others saved since is not overwritten.
                if let Some(field) = self.field(name) {
                    field.set_value(value);
                }
            }
            self.keep(false);
            self.follow();
        } else if let Some(storage) = storage() {
            _ = storage.remove_item(&self.key);
        }
        if let Some(place) = by_id::<HtmlElement>("edit:draft") {
            place.set_hidden(true);
        }
        _ = self.text.focus();
    }

    /// Puts markdown at the caret, in a way that can be undone; words that are selected become its words.
    fn insert(&self, markdown: &str) {
        let (from, to) = (self.text.selection_start().ok().flatten(), self.text.selection_end().ok().flatten());
        let selected: String = match (from, to) {
            (Some(from), Some(to)) if to > from => {
                String::from(js_sys::JsString::from(self.text.value()).slice(from, to))
            }
            _ => String::new(),
        };
        let words = markdown.find('[').zip(markdown.rfind("]("));
        let whole = match words {
            Some((open, close)) if !selected.is_empty() && !selected.contains(['[', ']', '\n']) => {
                format!("{}{selected}{}", &markdown[..=open], &markdown[close..])
            }
            _ => markdown.to_owned(),
        };
        _ = self.text.focus();
        let page: HtmlDocument = document().unchecked_into();
        let done = page.exec_command_with_show_ui_and_value("insertText", false, &whole);
        if done != Ok(true) {
            _ = self.text.set_range_text(&whole);
            _ = Event::new("input").map(|event| self.form.dispatch_event(&event));
        }
    }
}

/// Looks for parts while their name is typed.
fn search() {
    let Some(field) = by_id::<HtmlInputElement>("insert-q") else { return };
    let Some(form) = field.form() else { return };
    let turn: Rc<Cell<u32>> = Rc::default();
    let look = {
        let (field, turn) = (field.clone(), turn.clone());
        move || {
            let (turn, asked) = (turn.clone(), turn.get());
            let words: String = js_sys::encode_uri_component(&field.value()).into();
            fetch("GET", &format!("/insert/found?q={words}"), None, move |html| {
                if let (true, Some(place)) = (turn.get() == asked, document().get_element_by_id(FOUND)) {
                    place.set_inner_html(&html);
                }
            });
        }
    };
    listen(&field, "input", {
        let look = look.clone();
        move |_: Event| later(&turn, look.clone())
    });
    listen(&form, "submit", move |sent: Event| {
        sent.prevent_default();
        look();
    });
}

/// Puts what the server drew in the place of what follows the text.
fn show(html: &str) {
    let Some(all) = morph::parse(&format!("<div>{html}</div>")) else { return };
    for id in FOLLOWING {
        let new = morph::elements(&all, "[id]").find(|element| element.get_attribute("id").as_deref() == Some(id));
        if let (Some(old), Some(new)) = (document().get_element_by_id(id), new) {
            morph::replace(&old, &new);
        }
    }
}

/// Asks the server; `take` gets the answer if it is a good one.
fn fetch(method: &str, url: &str, fields: Option<&UrlSearchParams>, take: impl Fn(String) + 'static) {
    let Ok(request) = XmlHttpRequest::new() else { return };
    if request.open(method, url).is_err() {
        return;
    }
    listen(&request, "load", {
        let request = request.clone();
        move |_: Event| {
            if let (Ok(200), Ok(Some(html))) = (request.status(), request.response_text()) {
                take(html);
            }
        }
    });
    _ = match fields {
        Some(fields) => request.send_with_opt_url_search_params(Some(fields)),
        None => request.send(),
    };
}

/// Does `act` when nothing else has been put off meanwhile.
fn later(turn: &Rc<Cell<u32>>, act: impl FnOnce() + 'static) {
    let mine = turn.get() + 1;
    turn.set(mine);
    let turn = turn.clone();
    set_timeout(
        move || {
            if turn.get() == mine {
                act();
            }
        },
        PAUSE,
    );
}

fn read(storage: &Storage, key: &str) -> Option<Draft> {
    let kept = storage.get_item(key).ok()??;
    let mut lines = kept.splitn(5, '\n');
    let mut next = || lines.next().map(str::to_owned);
    let (at, sent) = (next()?.parse().ok()?, next()? == "1");
    Some(Draft { at, sent, base: next()?, why: next()?, text: next()? })
}

/// The browser's storage, where it has one and lets us.
fn storage() -> Option<Storage> {
    window().local_storage().ok().flatten()
}

fn by_id<E: JsCast>(id: &str) -> Option<E> {
    document().get_element_by_id(id)?.dyn_into().ok()
}
