//! Images that are pasted, dropped or chosen are sent by themselves, and what the server calls them is put into the text.

use js_sys::{Object, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    ClipboardEvent, DragEvent, Event, File, FileList, FormData, HtmlElement, HtmlInputElement, HtmlTextAreaElement,
    RequestInit, Response,
};

use super::gestures::{document, listen, window};

/// Listens to the text and to the button.
pub fn take_images(target: String) {
    let page = document();
    let Some(text) = page.get_element_by_id("edit-text").and_then(|e| e.dyn_into::<HtmlTextAreaElement>().ok()) else {
        return;
    };
    listen(&text, "paste", {
        let (target, text) = (target.clone(), text.clone());
        move |paste: ClipboardEvent| {
            let files = paste.clipboard_data().and_then(|data| data.files());
            // A table from a spreadsheet has a picture beside its words; the words are what is meant.
            let words = paste.clipboard_data().and_then(|data| data.get_data("text/plain").ok());
            if words.is_none_or(|words| words.is_empty()) && send_all(files, &target, &text) {
                paste.prevent_default();
            }
        }
    });
    listen(&text, "dragover", |over: DragEvent| {
        if over.data_transfer().is_some_and(|data| data.types().includes(&JsValue::from_str("Files"), 0)) {
            over.prevent_default();
        }
    });
    listen(&text, "drop", {
        let (target, text) = (target.clone(), text.clone());
        move |dropped: DragEvent| {
            if send_all(dropped.data_transfer().and_then(|data| data.files()), &target, &text) {
                dropped.prevent_default();
            }
        }
    });
    let (button, field) = (page.get_element_by_id("edit-image-add"), input("edit-image"));
    if let (Some(button), Some(field)) = (button, field) {
        listen(&button, "click", move |click: Event| {
            if send_all(field.files(), &target, &text) {
                click.prevent_default();
            }
        });
    }
}

fn input(id: &str) -> Option<HtmlInputElement> {
    document().get_element_by_id(id)?.dyn_into().ok()
}

/// Sends each file; gives whether there was any.
fn send_all(files: Option<FileList>, target: &str, text: &HtmlTextAreaElement) -> bool {
    let files: Vec<File> = files.map(|f| (0..f.length()).filter_map(|n| f.get(n)).collect()).unwrap_or_default();
    let any = !files.is_empty();
    if any {
        let (target, text) = (target.to_owned(), text.clone());
        leptos::task::spawn_local(async move {
            for file in files {
                say("Adding the image …");
                match send(&file, &target).await {
                    Ok(markdown) => put(&text, &markdown),
                    Err(words) => say(&words),
                }
            }
        });
    }
    any
}

/// Sends a file, and gives the words for the text, or why not.
async fn send(file: &File, target: &str) -> Result<String, String> {
    let lost = |_: JsValue| "The image could not be sent. Nothing is lost; try again.".to_owned();
    let form = FormData::new().map_err(lost)?;
    form.append_with_blob("image", file).map_err(lost)?;
    for (name, id) in [("slug", "edit-slug"), ("image_words", "edit-image-words")] {
        if let Some(field) = input(id) {
            form.append_with_str(name, &field.value()).map_err(lost)?;
        }
    }
    let headers = Object::new();
    Reflect::set(&headers, &"accept".into(), &"application/json".into()).map_err(lost)?;
    let request = RequestInit::new();
    request.set_method("POST");
    request.set_body(&form);
    request.set_headers(&headers);
    let sent: Promise = window().fetch_with_str_and_init(target, &request);
    let response: Response = JsFuture::from(sent).await.map_err(lost)?.dyn_into().map_err(lost)?;
    let answer = JsFuture::from(response.json().map_err(lost)?).await.map_err(lost)?;
    let said = |name: &str| Reflect::get(&answer, &name.into()).ok().and_then(|value| value.as_string());
    match said("markdown") {
        Some(markdown) if response.ok() => Ok(markdown),
        _ => Err(said("detail").unwrap_or_else(|| lost(JsValue::NULL))),
    }
}

/// Puts words where the cursor is, as if they were typed.
fn put(text: &HtmlTextAreaElement, words: &str) {
    let at = |place: Result<Option<u32>, JsValue>| {
        place.ok().flatten().unwrap_or_else(|| text.value().encode_utf16().count() as u32)
    };
    let (mut start, mut end) = (at(text.selection_start()), at(text.selection_end()));
    let below = below_front(&text.value());
    let words = &match start < below {
        true => {
            (start, end) = (below, below);
            format!("\n{words}\n\n")
        }
        false => words.to_owned(),
    };
    if text.set_range_text_with_start_and_end_and_mode(words, start, end, "end").is_ok() {
        if let Ok(typed) = Event::new("input") {
            _ = text.dispatch_event(&typed);
        }
        for id in ["edit-image", "edit-image-words"] {
            if let Some(field) = input(id) {
                field.set_value("");
            }
        }
        say("The image is in the text.");
        _ = text.dyn_ref::<HtmlElement>().map(HtmlElement::focus);
    }
}

/// Where the text begins below its header, in UTF-16. A text that nobody has touched has its cursor at the very top,
/// where an image would make words of the header.
fn below_front(text: &str) -> u32 {
    // The end of the first line is also the end before a header of nothing.
    let header = text.strip_prefix("---").and_then(|rest| rest.find("\n---\n"));
    header.filter(|_| text.starts_with("---\n")).map_or(0, |end| text[..end + 8].encode_utf16().count() as u32)
}

/// Says it beside the field, and to those who listen.
fn say(words: &str) {
    if let Some(said) = document().get_element_by_id("edit-image-said") {
        said.set_text_content(Some(words));
    }
}
