//! What Watchbook is: its nouns and rules (`model`), its documents (`markdown`) and its pages.
//!
//! Nothing here reads a clock, a file, a database or the network; time is an argument.
//! The browser gets only `islands`; everything else is needed on the server alone.

#![recursion_limit = "256"]

#[cfg(feature = "ssr")]
pub mod layout;
#[cfg(feature = "ssr")]
pub mod markdown;
#[cfg(feature = "ssr")]
pub mod model;
#[cfg(feature = "ssr")]
pub mod pages;
#[cfg(feature = "ssr")]
pub mod parts;

pub mod islands;

/// Called once by the browser when the page's script has loaded.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    leptos::mount::hydrate_islands();
}
