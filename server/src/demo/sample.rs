//! The example book inside the binary, and the few places in which the demo changes its copy.

use rust_embed::RustEmbed;

use super::place::Place;

/// The file that declares the workflow of orders.
pub const ORDERS: &str = "workflows/order-to-erp.yaml";

/// The runbook that once said something else.
const EDITED: &str = "guides/courier-api-down.md";

/// What it says now, and what it said before it was edited.
const EDIT: [(&str, &str); 2] = [
    ("Do nothing for the first hour. Each parcel is tried", "Do nothing for the first half hour. Each parcel is tried"),
    (
        "- [ ] When the courier answers again, release the parcels that gave up. Start with 10.",
        "- [ ] When the courier answers again, release all parcels that gave up.",
    ),
];

/// The book of the example company.
#[derive(RustEmbed)]
#[folder = "../runbooks"]
#[include = "*.yaml"]
#[include = "*.md"]
struct Book;

/// Copies the example book, for a company in `zone`.
///
/// # Errors
/// A sentence when it cannot be written.
pub fn copy(place: &Place, zone: &str) -> Result<(), String> {
    for name in Book::iter() {
        let Some(file) = Book::get(&name) else { continue };
        place.write(&name, &moved_to(zone, &String::from_utf8_lossy(&file.data)))?;
    }
    Ok(())
}

/// Puts one runbook back to what it said before it was edited, and gives what puts the edit in place again.
///
/// # Errors
/// A sentence when it cannot be read or written.
pub fn before_the_edit(place: &Place) -> Result<impl FnOnce(&Place) -> Result<(), String> + use<>, String> {
    let text = place.read(EDITED)?;
    place.write(EDITED, &before_edit(&text))?;
    Ok(move |place: &Place| place.write(EDITED, &text))
}

/// Says in the copy how many times an order is tried.
///
/// # Errors
/// A sentence when it cannot be read or written.
pub fn set_tries(place: &Place, tries: u32) -> Result<(), String> {
    place.write(ORDERS, &with_tries(&place.read(ORDERS)?, tries))
}

/// The text of a company somewhere else.
fn moved_to(zone: &str, text: &str) -> String {
    let city = zone.rsplit('/').next().unwrap_or(zone).replace('_', " ");
    text.replace("[Berlin](", &format!("[{city}](")).replace("Europe/Berlin", zone)
}

fn before_edit(text: &str) -> String {
    EDIT.iter().fold(text.to_owned(), |text, (now, before)| text.replace(now, before))
}

/// The workflow with another number of tries of Push to ERP; unchanged where that is not found.
fn with_tries(text: &str, tries: u32) -> String {
    const KEY: &str = "max_attempts: ";
    let place = text.find("- id: push-to-erp").and_then(|step| Some(step + text[step..].find(KEY)? + KEY.len()));
    let Some(start) = place else { return text.to_owned() };
    let digits = text[start..].bytes().take_while(u8::is_ascii_digit).count();
    format!("{}{tries}{}", &text[..start], &text[start + digits..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(name: &str) -> String {
        String::from_utf8(Book::get(name).unwrap().data.into_owned()).unwrap()
    }

    #[test]
    fn only_the_tries_of_one_step_change_and_they_can_change_back() {
        let now = text(ORDERS);
        let more = with_tries(&now, 8);
        let different: Vec<_> = now.lines().zip(more.lines()).filter(|(a, b)| a != b).collect();
        assert_eq!(different.len(), 1);
        assert!(different[0].1.contains("max_attempts: 8"), "{different:?}");
        assert_eq!(with_tries(&more, 6), now);
    }

    #[test]
    fn the_runbook_once_said_something_else() {
        let now = text(EDITED);
        assert!(EDIT.iter().all(|(words, _)| now.contains(words)), "the words that were edited are gone from {EDITED}");
        assert_ne!(before_edit(&now), now);
    }

    #[test]
    fn the_company_moves_with_its_words() {
        let moved = moved_to("America/New_York", "local time in [Berlin](fact:x?timezone=Europe/Berlin)");
        assert_eq!(moved, "local time in [New York](fact:x?timezone=America/New_York)");
    }
}
