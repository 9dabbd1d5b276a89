//! Writing one entry or one value of the book: a short form, whatever it is about.

use leptos::prelude::*;
use serde::Serialize;

use super::shell::Head;
use crate::model::status::MayNot;
use crate::parts;

/// A form that writes into the book.
#[derive(Debug, Clone, Serialize)]
pub struct WritePicture {
    /// What is written.
    pub title: String,
    /// Why, or what it is for.
    pub sentence: String,
    /// The page it belongs to: name and path.
    pub of: (String, String),
    /// Where the form goes.
    #[serde(skip)]
    pub action: String,
    /// Its fields.
    pub fields: Vec<FormField>,
    /// What the button says.
    #[serde(skip)]
    pub button: &'static str,
    /// Why it was not taken.
    #[serde(skip)]
    pub wrong: Option<String>,
    /// What a person can put into the book by hand.
    #[serde(skip)]
    pub snippet: Option<String>,
    /// Whether the viewer may write; else why not.
    #[serde(skip)]
    pub may: Result<(), MayNot>,
}

/// One field of it.
#[derive(Debug, Clone, Default, Serialize)]
pub struct FormField {
    /// Its name in the form; a hidden one has no label.
    pub name: &'static str,
    /// What a person reads.
    pub label: String,
    /// What is in it.
    pub value: String,
    /// What helps to fill it.
    pub help: String,
    /// Whether it has room for sentences.
    pub long: bool,
    /// Whether it is a day, `YYYY-MM-DD`.
    pub day: bool,
    /// Whether it may stay empty.
    pub optional: bool,
    /// What can be chosen: value and words; none for free text.
    pub choices: Vec<(String, String)>,
}

/// The title.
pub fn head(picture: &WritePicture) -> Head {
    Head { title: picture.title.clone(), state: None }
}

/// The page.
pub fn body(picture: &WritePicture) -> AnyView {
    let paste = picture.snippet.clone().map(|yaml| {
        view! { <p class="dim">"This is what the book would say:"</p><pre class="raw" tabindex="0">{yaml}</pre> }
    });
    let wrong = picture.wrong.clone().map(|why| {
        view! { <div role="alert"><p class="error">{parts::icon("alert")}{why}</p>{paste}</div> }
    });
    let may_not = picture.may.as_ref().err().map(parts::document::may_not);
    view! {
        <div class="page write">
            {parts::crumbs(&[(&picture.of.0, &picture.of.1)])}
            {parts::heading(&picture.title, &picture.sentence, None)}
            {wrong}
            <form class="stack" method="post" action=picture.action.clone()>
                {picture.fields.iter().map(field).collect_view()}
                {may_not}
                <button class="button primary" disabled=picture.may.is_err()>{picture.button}</button>
            </form>
        </div>
    }
    .into_any()
}

fn field(field: &FormField) -> AnyView {
    if field.label.is_empty() {
        return view! { <input type="hidden" name=field.name value=field.value.clone()/> }.into_any();
    }
    let id = format!("f-{}", field.name);
    let help = format!("{id}-help");
    let helped = (!field.help.is_empty()).then(|| help.clone());
    let told = helped.clone().map(|id| view! { <p class="dim" id=id>{field.help.clone()}</p> });
    let control = match (field.choices.is_empty(), field.long) {
        (false, _) => {
            let one = |(value, words): &(String, String)| {
                view! { <option value=value.clone() selected=*value == field.value>{words.clone()}</option> }
            };
            view! { <select id=id.clone() name=field.name aria-describedby=helped>{field.choices.iter().map(one).collect_view()}</select> }
                .into_any()
        }
        (true, true) => view! {
            <textarea id=id.clone() name=field.name rows="4" required=!field.optional aria-describedby=helped inner_html=parts::text_area_text(&field.value)></textarea>
        }
        .into_any(),
        (true, false) => view! {
            <input id=id.clone() name=field.name type=if field.day { "date" } else { "text" } value=field.value.clone() required=!field.optional aria-describedby=helped/>
        }
        .into_any(),
    };
    view! { <div class="field"><label for=id>{field.label.clone()}</label>{control}{told}</div> }.into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_chosen_and_words_are_typed() {
        let of = |day| FormField { name: "x", label: "X".into(), day, ..FormField::default() };
        let drawn = |day| Owner::new().with(|| field(&of(day)).to_html());
        assert!(drawn(true).contains("type=\"date\"") && drawn(false).contains("type=\"text\""));
    }
}
