//! The slider over a day: it says where it stands while it is moved, and a drag leads to where it ends.

use std::time::Duration;

use leptos::prelude::set_timeout;
use wasm_bindgen::prelude::*;
use web_sys::{Event, HtmlInputElement};

use super::gestures::document;

/// The element that says the moment to those who look; those who listen hear the slider's own value.
const WORDS: &str = "day-words";

#[wasm_bindgen]
extern "C" {
    /// A moment as the browser puts it in words.
    type Date;

    #[wasm_bindgen(constructor)]
    fn new(millis: f64) -> Date;

    /// Fails where the browser does not know the zone.
    #[wasm_bindgen(method, catch, js_name = toLocaleString)]
    fn words(this: &Date, locale: &str, options: &JsValue) -> Result<String, JsValue>;
}

fn slider(event: &Event) -> Option<HtmlInputElement> {
    event.target()?.dyn_into().ok()
}

/// Says the moment at which the slider stands.
pub fn say(moved: &Event, zone: &str) {
    let Some(slider) = slider(moved) else { return };
    let Some(words) = moment(slider.value_as_number() * 1_000.0, zone) else { return };
    _ = slider.set_attribute("aria-valuetext", &words);
    if let Some(place) = document().get_element_by_id(WORDS) {
        place.set_text_content(Some(&format!("to show: {words}")));
    }
}

/// A moment in words, as the server writes it; nothing where the browser does not know the zone.
pub fn moment(millis: f64, zone: &str) -> Option<String> {
    // Without the comma after the day.
    Some(Date::new(millis).words("en-GB", &options(zone)).ok()?.replace(',', ""))
}

fn options(zone: &str) -> JsValue {
    let options = js_sys::Object::new();
    for (name, value) in
        [("timeZone", zone), ("day", "numeric"), ("month", "short"), ("hour", "2-digit"), ("minute", "2-digit")]
    {
        _ = js_sys::Reflect::set(&options, &name.into(), &value.into());
    }
    options.into()
}

/// Shows the moment at which a drag ended. The keys only move the slider: they would lead away at the first press.
pub fn show(released: &Event) {
    let Some(slider) = slider(released) else { return };
    // Not before the browser has moved it to where it was released.
    set_timeout(
        move || {
            if let (true, Some(form)) = (slider.value() != slider.default_value(), slider.form()) {
                _ = form.request_submit();
            }
        },
        Duration::ZERO,
    );
}
