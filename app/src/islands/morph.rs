//! Turns an element of the page into the one just received, in place, so that focus, selection,
//! scroll and what the reader opened stay as they are.
//!
//! Attributes that speak to this file:
//! - `id` or `data-key` names an element among its siblings; named ones are matched by name,
//!   the others by place and tag.
//! - `data-live-order="ask"` on a list: it is not reordered under the reader, see `order.rs`.
//! - `data-live-keep`: the element belongs to the reader and is never touched.

use std::collections::BTreeMap;

use wasm_bindgen::prelude::*;
use web_sys::{Document, Element, HtmlInputElement, HtmlTemplateElement, Node};

use super::gestures::{document, focus_quietly};
use super::order;

#[wasm_bindgen]
extern "C" {
    /// Set by the script that starts the islands.
    #[wasm_bindgen(js_namespace = window, js_name = __hydrateIsland, catch)]
    fn hydrate_island(element: &Element, component: &str) -> Result<JsValue, JsValue>;
}

/// Reads one element from its HTML, without running or loading anything in it.
pub fn parse(html: &str) -> Option<Element> {
    let template: HtmlTemplateElement = document().create_element("template").ok()?.dyn_into().ok()?;
    template.set_inner_html(html);
    template.content().first_element_child()
}

/// The elements under `root` that match a selector.
pub fn elements(root: &Element, selector: &str) -> impl Iterator<Item = Element> + use<> {
    let found = root.query_selector_all(selector).ok();
    let count = found.as_ref().map_or(0, |found| found.length());
    (0..count).filter_map(move |at| found.as_ref()?.item(at)?.dyn_into().ok())
}

/// Turns `old`, which is on the page, into `new`, and keeps the focus where it was.
pub fn replace(old: &Element, new: &Element) {
    let page = document();
    let active = page.active_element();
    let mut arrived = Vec::new();
    morph(old, new, &mut arrived);
    arrived.iter().for_each(start_islands);
    order::forget_lost_lists();
    if let Some(active) = active {
        keep_focus(&page, &active);
    }
}

/// Moving an element takes the focus from it, and replacing it does too: this gives it back.
fn keep_focus(page: &Document, active: &Element) {
    let now = page.active_element();
    if now.as_ref().is_some_and(|now| now.is_same_node(Some(active))) {
        return;
    }
    if active.is_connected() {
        focus_quietly(active);
    } else if let Some(again) = active.get_attribute("id").and_then(|id| page.get_element_by_id(&id)) {
        focus_quietly(&again);
    }
}

/// Turns `old` into `new`; elements that are new on the page are added to `arrived`.
pub fn morph(old: &Element, new: &Element, arrived: &mut Vec<Element>) {
    if old.tag_name() != new.tag_name() || key(old) != key(new) {
        swap(old, new, arrived);
    } else if old.has_attribute("data-live-keep") {
        // The reader's own.
    } else if old.tag_name() == "LEPTOS-ISLAND" {
        // An island looks after its own inside; only other props make it another one. The stream's
        // island is the one that is running this: its props change with every picture.
        let same = |name| old.get_attribute(name) == new.get_attribute(name);
        let is_stream = old.query_selector(".live-state").is_ok_and(|found| found.is_some());
        if !(same("data-component") && (is_stream || same("data-props"))) {
            swap(old, new, arrived);
        }
    } else {
        morph_attributes(old, new);
        if !(new.get_attribute("data-live-order").as_deref() == Some("ask") && order::hold_back(old, new, arrived)) {
            order::stop_asking(old);
            morph_children(old, new, arrived);
        }
    }
}

/// Turns a list into what it was to become, because the reader asked for it.
pub fn become_now(list: &Element, next: &Element) {
    let mut arrived = Vec::new();
    morph_attributes(list, next);
    morph_children(list, next, &mut arrived);
    arrived.iter().for_each(start_islands);
}

fn swap(old: &Element, new: &Element, arrived: &mut Vec<Element>) {
    if old.replace_with_with_node_1(new).is_ok() {
        arrived.push(new.clone());
    }
}

/// The name of an element among its siblings.
pub fn key(element: &Element) -> Option<String> {
    // Not `element.id()`: in a form with a field called `id` that is the field.
    element.get_attribute("id").filter(|id| !id.is_empty()).or_else(|| element.get_attribute("data-key"))
}

/// The names of a list's rows, in order.
pub fn keys(list: &Element) -> Vec<String> {
    nodes(list).iter().filter_map(|child| child.dyn_ref::<Element>().and_then(key)).collect()
}

/// The children that have a name, by it.
pub fn named(parent: &Element) -> BTreeMap<String, Element> {
    nodes(parent)
        .into_iter()
        .filter_map(|child| child.dyn_into::<Element>().ok())
        .filter_map(|child| Some((key(&child)?, child)))
        .collect()
}

/// The children of a node as they are now.
pub fn nodes(of: &Node) -> Vec<Node> {
    let children = of.child_nodes();
    (0..children.length()).filter_map(|at| children.item(at)).collect()
}

fn morph_attributes(old: &Element, new: &Element) {
    // Whether something is open is the reader's, not the server's; `tabindex` may be from `show`.
    let is_readers =
        |name: &str| name == "tabindex" || name == "open" && matches!(old.tag_name().as_str(), "DETAILS" | "DIALOG");
    let names = |element: &Element| {
        let names = element.get_attribute_names();
        (0..names.length()).filter_map(move |at| names.get(at).as_string()).collect::<Vec<_>>()
    };
    for name in names(new) {
        let value = new.get_attribute(&name).unwrap_or_default();
        if old.get_attribute(&name).as_ref() != Some(&value) && !is_readers(&name) {
            set_attribute(old, &name, &value);
        }
    }
    for name in names(old) {
        if !new.has_attribute(&name) && !is_readers(&name) {
            _ = old.remove_attribute(&name);
            if let (Some(input), "checked") = (old.dyn_ref::<HtmlInputElement>(), name.as_str()) {
                input.set_checked(false);
            }
        }
    }
}

/// Sets an attribute; in a field that the reader has not touched, what is shown follows it.
fn set_attribute(element: &Element, name: &str, value: &str) {
    match (element.dyn_ref::<HtmlInputElement>(), name) {
        (Some(input), "value") if input.value() == input.default_value() => input.set_value(value),
        (Some(input), "checked") => input.set_checked(true),
        _ => {}
    }
    _ = element.set_attribute(name, value);
}

fn morph_children(old: &Element, new: &Element, arrived: &mut Vec<Element>) {
    let wanted = nodes(new);
    let mut named = named(old);
    let kept: Vec<String> = keys(new);
    let mut at = old.first_child();
    for node in wanted {
        at = skip(at, &kept);
        let name = node.dyn_ref::<Element>().and_then(key);
        let found = match name {
            Some(name) => named.remove(&name).map(Node::from),
            None => at.clone().filter(|at| is_alike(at, &node)).or_else(|| ahead(at.as_ref(), &node)),
        };
        match found {
            Some(found) => {
                if at.as_ref().is_some_and(|at| at.is_same_node(Some(&found))) {
                    at = found.next_sibling();
                } else {
                    _ = old.insert_before(&found, at.as_ref());
                }
                morph_node(&found, &node, arrived);
            }
            None => {
                if old.insert_before(&node, at.as_ref()).is_ok() {
                    arrived.extend(node.dyn_into::<Element>());
                }
            }
        }
    }
    while let Some(rest) = at {
        at = rest.next_sibling();
        if !is_ours(&rest) {
            _ = old.remove_child(&rest);
        }
    }
}

/// Steps over our own button, and drops the named elements that the new picture has not got.
fn skip(mut at: Option<Node>, kept: &[String]) -> Option<Node> {
    while let Some(node) = &at {
        let next = node.next_sibling();
        let gone = node.dyn_ref::<Element>().and_then(key).is_some_and(|name| !kept.contains(&name));
        if gone {
            _ = node.parent_node().map(|parent| parent.remove_child(node));
        } else if !is_ours(node) {
            break;
        }
        at = next;
    }
    at
}

/// Whether two nodes without a name may be the same thing.
fn is_alike(old: &Node, new: &Node) -> bool {
    old.node_name() == new.node_name()
        && match (old.dyn_ref::<Element>(), new.dyn_ref::<Element>()) {
            (Some(old), Some(new)) => {
                key(old).is_none()
                    && (old.class_list().item(0) == new.class_list().item(0) || !old.has_attribute("class"))
            }
            _ => true,
        }
}

/// A later sibling that is exactly what is wanted: what stood between has gone.
fn ahead(at: Option<&Node>, wanted: &Node) -> Option<Node> {
    let mut next = at?.next_sibling();
    while let Some(node) = next {
        if node.is_equal_node(Some(wanted)) {
            return Some(node);
        }
        next = node.next_sibling();
    }
    None
}

fn morph_node(old: &Node, new: &Node, arrived: &mut Vec<Element>) {
    if let (Some(old), Some(new)) = (old.dyn_ref::<Element>(), new.dyn_ref::<Element>()) {
        morph(old, new, arrived);
    } else if old.node_value() != new.node_value() {
        old.set_node_value(new.node_value().as_deref());
    }
}

/// Whether a node was put here by this file.
fn is_ours(node: &Node) -> bool {
    node.dyn_ref::<Element>().is_some_and(|element| element.class_list().contains(order::BUTTON))
}

/// Brings the islands in an element that has just come to life.
fn start_islands(element: &Element) {
    let itself = (element.tag_name() == "LEPTOS-ISLAND").then(|| element.clone());
    for island in itself.into_iter().chain(elements(element, "leptos-island")) {
        if let Some(component) = island.get_attribute("data-component") {
            _ = hydrate_island(&island, &component);
        }
    }
}
