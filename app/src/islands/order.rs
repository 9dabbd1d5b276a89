//! Lists that are not reordered under the reader: values change at once, the new order waits behind a button.

use std::cell::RefCell;

use wasm_bindgen::JsCast;
use web_sys::{Element, Event};

use super::gestures::{document, focus_quietly, listen, window};
use super::morph::{become_now, keys, morph, named};

/// The class of the button before such a list.
pub const BUTTON: &str = "live-changed";

/// A list whose new order waits until the reader asks for it.
struct Waiting {
    list: Element,
    next: Element,
    button: Element,
}

thread_local! {
    static WAITING: RefCell<Vec<Waiting>> = const { RefCell::new(Vec::new()) };
}

/// Brings the values of a list's rows up to date and offers the rest; false if it may change at once.
pub fn hold_back(old: &Element, new: &Element, arrived: &mut Vec<Element>) -> bool {
    let (before, after) = (keys(old), keys(new));
    if before == after || before.is_empty() || !is_watched(old) {
        return false;
    }
    let next = new.clone_node_with_deep(true).expect("an element can be cloned").unchecked_into();
    let mut rows = named(new);
    for (name, row) in named(old) {
        match rows.remove(&name) {
            Some(newer) => morph(&row, &newer, arrived),
            None => _ = row.set_attribute("data-live-gone", ""),
        }
    }
    ask(old, next, changes(&before, &after));
    true
}

/// Whether the reader may be looking at it.
fn is_watched(list: &Element) -> bool {
    let place = list.get_bounding_client_rect();
    let height = window().inner_height().ok().and_then(|height| height.as_f64()).unwrap_or(f64::MAX);
    !document().hidden() && place.bottom() > 0.0 && place.top() < height
}

/// How many rows came, went or moved: those outside the longest run that both orders share.
fn changes(before: &[String], after: &[String]) -> usize {
    let places: Vec<usize> = after.iter().filter_map(|name| before.iter().position(|was| was == name)).collect();
    let mut ends: Vec<usize> = Vec::new();
    for &place in &places {
        let at = ends.partition_point(|&end| end < place);
        if at == ends.len() {
            ends.push(place);
        } else {
            ends[at] = place;
        }
    }
    let moved = places.len() - ends.len();
    moved + (before.len() - places.len()) + (after.len() - places.len())
}

/// Offers the new order of a list behind a button before it.
fn ask(list: &Element, next: Element, count: usize) {
    let words = format!("{count} changed. Show");
    WAITING.with_borrow_mut(|waiting| {
        if let Some(known) = waiting.iter_mut().find(|known| known.list.is_same_node(Some(list))) {
            known.next = next;
            known.button.set_text_content(Some(&words));
            return;
        }
        let Ok(button) = document().create_element("button") else { return };
        _ = button.set_attribute("type", "button");
        button.set_class_name(BUTTON);
        button.set_text_content(Some(&words));
        listen(&button, "click", {
            let list = list.clone();
            move |_: Event| show(&list)
        });
        // Nothing but rows may stand in a table.
        let before = list.closest("table").ok().flatten().unwrap_or_else(|| list.clone());
        if before.before_with_node_1(&button).is_ok() {
            waiting.push(Waiting { list: list.clone(), next, button });
        }
    });
}

/// Takes a list out of those that wait, with its button.
pub fn stop_asking(list: &Element) -> Option<Element> {
    WAITING.with_borrow_mut(|waiting| {
        let at = waiting.iter().position(|known| known.list.is_same_node(Some(list)))?;
        let known = waiting.swap_remove(at);
        known.button.remove();
        Some(known.next)
    })
}

/// The reader asked: the list becomes what it should be.
fn show(list: &Element) {
    let Some(next) = stop_asking(list) else { return };
    become_now(list, &next);
    // The button that had the focus is gone; the reader goes on from the list.
    if !list.has_attribute("tabindex") {
        _ = list.set_attribute("tabindex", "-1");
    }
    focus_quietly(list);
}

/// Drops the buttons of lists that are no longer on the page.
pub fn forget_lost_lists() {
    WAITING.with_borrow_mut(|waiting| {
        waiting.retain(|known| {
            let stays = known.list.is_connected();
            if !stays {
                known.button.remove();
            }
            stays
        });
    });
}
