//! Adding an image to a text that is being written: a file is chosen, pasted or dropped.

use leptos::prelude::*;

use crate::islands::ImageDrop;

/// The part of the editor's form that adds an image. `target` is where the form goes: `/runbooks/erp/edit`.
///
/// Its button sends the whole form, so that what was typed comes back with the image in it; where there is JavaScript
/// the image alone is sent, and put where the cursor is.
pub fn image_input(target: &str) -> AnyView {
    let target = format!("{target}/image");
    view! {
        <details class="help">
            <summary>"Add an image"</summary>
            <div class="field">
                <label for="edit-image">"Image"</label>
                <p id="edit-image-help" class="dim">"PNG, JPEG, WebP or SVG, at most 2 MB. It is kept with the text and written beside its file."</p>
                <input id="edit-image" name="image" type="file" accept="image/png,image/jpeg,image/webp,image/svg+xml" aria-describedby="edit-image-help"/>
            </div>
            <div class="field">
                <label for="edit-image-words">"What it shows, in words"</label>
                <input id="edit-image-words" name="image_words" type="text" maxlength="200"/>
            </div>
            <div class="actions">
                <button id="edit-image-add" class="button" formnovalidate formenctype="multipart/form-data" formaction=target.clone()>"Add the image"</button>
            </div>
            <ImageDrop target=target/>
        </details>
    }
    .into_any()
}
