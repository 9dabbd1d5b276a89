//! The few interactive pieces: every page works without them, they add comfort.
//!
//! An island takes only props that survive being written into the page (strings and numbers) and
//! shares nothing with other islands. On the server it renders what a page without JavaScript
//! shows; the modules below are the browser's half and exist only there.

#![allow(missing_docs, reason = "the island macro adds a struct of its own for the props")]

#[cfg(feature = "hydrate")]
mod editor;
#[cfg(feature = "hydrate")]
mod find_box;
#[cfg(feature = "hydrate")]
mod gestures;
#[cfg(feature = "hydrate")]
mod images;
#[cfg(feature = "hydrate")]
mod morph;
#[cfg(feature = "hydrate")]
mod order;
#[cfg(feature = "hydrate")]
mod slider;
#[cfg(feature = "hydrate")]
mod stream;

use leptos::prelude::*;

/// When the picture on this page was made, and whether it follows what happens.
///
/// Without JavaScript it says `Picture of 02:14:06`. In the browser it opens the page's one stream,
/// `/live?topics={topics}&since={since}`, and puts each message's blocks in the place of the elements with the
/// same `data-live`; see `stream.rs` for the message.
#[island]
pub fn LiveStream(
    /// What the stream is asked for: the page's topic.
    topics: String,
    /// The last change that the page itself shows: the stream gives no older picture.
    since: i64,
    /// When the server made this page's picture, as the reader is shown it: `02:14:06`.
    made: String,
) -> impl IntoView {
    #[cfg(feature = "hydrate")]
    stream::follow(&topics, since, &made);
    #[cfg(not(feature = "hydrate"))]
    drop((topics, since));
    view! { <span class="live-state">{format!("Picture of {made}")}</span> }
}

/// A small button that copies an id or a text; hidden where the browser cannot copy, and without JavaScript.
#[island]
pub fn CopyButton(
    /// What is copied.
    text: String,
) -> impl IntoView {
    #[cfg(feature = "hydrate")]
    let hidden = !gestures::can_copy();
    #[cfg(not(feature = "hydrate"))]
    let hidden = true;
    // An id is said; a paragraph would be read out whole as the name of a button.
    let name = if text.len() > 100 { "Copy this text".to_owned() } else { format!("Copy {text}") };
    view! {
        <button
            type="button"
            class="copy"
            aria-label=name
            hidden=true
            prop:hidden=hidden
            on:click=move |click| {
                #[cfg(feature = "hydrate")]
                gestures::copy(&click, &text);
                #[cfg(not(feature = "hydrate"))]
                let _ = (&click, &text);
            }
        >
            "Copy"
        </button>
    }
}

/// The two keys that lead to Find: `/` outside a field, and Ctrl or Cmd with K anywhere.
#[island]
pub fn FindKeys() -> impl IntoView {
    #[cfg(feature = "hydrate")]
    gestures::find_keys();
}

/// The box of Find: below it stands what is found of what has been typed so far, for the arrow keys and Enter.
///
/// A page has one at most. Without JavaScript it is the field of the form around it, which leads to the page Find; what
/// is listed comes as HTML from `/find/options?q=`, see `find_box.rs`.
#[island]
pub fn FindBox(
    /// What it holds at first.
    query: String,
    /// What it says while it is empty.
    hint: String,
) -> impl IntoView {
    #[cfg(feature = "hydrate")]
    find_box::follow();
    view! {
        <input
            id="find-q"
            name="q"
            type="search"
            value=query
            placeholder=hint
            autocomplete="off"
            autocapitalize="none"
            spellcheck="false"
        />
        <div id="find-options" role="listbox" aria-label="Found so far" hidden=true></div>
    }
}

/// Asks before a reader leaves a form whose text is not saved.
///
/// A form with `data-unsaved` (one that came back with what was typed) counts as changed from the start.
#[island]
pub fn LeaveGuard(
    /// The `id` of the form.
    form: String,
) -> impl IntoView {
    #[cfg(feature = "hydrate")]
    gestures::guard(form);
    #[cfg(not(feature = "hydrate"))]
    drop(form);
}

/// Takes images that are pasted or dropped into the text, and puts them where the cursor is.
///
/// It knows the text and the fields of the image by their ids: `edit-text`, `edit-image`, `edit-image-words`,
/// `edit-image-add`. Without JavaScript the button sends the whole form.
#[island]
pub fn ImageDrop(
    /// Where an image is sent.
    target: String,
) -> impl IntoView {
    #[cfg(feature = "hydrate")]
    images::take_images(target);
    #[cfg(not(feature = "hydrate"))]
    drop(target);
    view! { <p id="edit-image-said" class="dim" role="status"></p> }
}

/// Writing a text, with comfort: its preview and its links follow while it is typed, what is found goes in at the
/// caret, and what is typed is kept in this browser until it is saved.
#[island]
pub fn TextEditor(
    /// The `id` of the form.
    form: String,
    /// Where its preview comes from.
    preview: String,
    /// What a draft is kept under: `RUNBOOK:SECTION`.
    draft: String,
    /// The zone that moments are told in, as the browser knows it.
    zone: String,
) -> impl IntoView {
    #[cfg(feature = "hydrate")]
    editor::begin(&form, preview, &draft, zone);
    #[cfg(not(feature = "hydrate"))]
    drop((form, preview, draft, zone));
}

/// On the page that is shown after a save: what was typed for it need not be kept any more.
#[island]
pub fn DraftSaved(
    /// The runbook that was saved.
    runbook: String,
) -> impl IntoView {
    #[cfg(feature = "hydrate")]
    editor::forget_sent(&runbook);
    #[cfg(not(feature = "hydrate"))]
    drop(runbook);
}

/// The slider over a day: while it is moved it says the moment that it stands at, and where a drag ends, that moment
/// is shown.
///
/// It is the field `at` of the form around it, in seconds since 1970; without JavaScript, and with keys, the form's
/// button shows the moment.
#[island]
pub fn DaySlider(
    /// The first second of the day.
    from: i64,
    /// Its last second.
    to: i64,
    /// The second that the page shows.
    shown: i64,
    /// The moment that the page shows, as the reader is told it: `3 Jun 02:13`.
    words: String,
    /// The zone that moments are told in, as the browser knows it: `Europe/Berlin`.
    zone: String,
) -> impl IntoView {
    #[cfg(not(feature = "hydrate"))]
    drop(zone);
    view! {
        <input
            type="range"
            id="day"
            name="at"
            min=from
            max=to
            step="60"
            value=shown
            list="day-began"
            aria-label="Moment to show"
            aria-valuetext=words
            on:input=move |moved| {
                #[cfg(feature = "hydrate")]
                slider::say(&moved, &zone);
                #[cfg(not(feature = "hydrate"))]
                drop(moved);
            }
            on:pointerup=move |released| {
                #[cfg(feature = "hydrate")]
                slider::show(&released);
                #[cfg(not(feature = "hydrate"))]
                drop(released);
            }
        />
    }
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::*;

    /// What stands between an island's tags.
    fn inside(island: impl IntoView) -> String {
        let html = Owner::new().with(|| island.into_view().to_html());
        let (_, rest) = html.split_once('>').unwrap();
        rest.trim_end_matches("</leptos-island>").to_owned()
    }

    #[test]
    fn without_javascript_a_page_says_when_its_picture_was_made() {
        let html = inside(view! { <LiveStream topics="now".to_owned() since=7 made="02:14:06".to_owned()/> });
        assert_eq!(html, r#"<span class="live-state">Picture of 02:14:06</span>"#);
    }

    #[test]
    fn without_javascript_there_is_no_button_to_copy() {
        let html = inside(view! { <CopyButton text="10482".to_owned()/> });
        assert_eq!(html, r#"<button type="button" aria-label="Copy 10482" hidden class="copy">Copy</button>"#);
    }

    #[test]
    fn without_javascript_the_box_of_find_is_a_field_of_its_form() {
        let html = inside(view! { <FindBox query="erp".to_owned() hint="Find".to_owned()/> });
        assert!(html.starts_with("<input id=\"find-q\" name=\"q\" type=\"search\" value=\"erp\""), "{html}");
        assert!(html.contains("role=\"listbox\"") && html.contains(" hidden") && !html.contains("combobox"), "{html}");
    }

    #[test]
    fn what_only_listens_shows_nothing() {
        assert_eq!(inside(view! { <FindKeys/> }), "<!>");
        assert_eq!(inside(view! { <LeaveGuard form="edit".to_owned()/> }), "<!>");
    }
}
