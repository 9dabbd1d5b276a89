//! A document as safe HTML, section by section, with what is true now written into it.

use std::collections::HashSet;

use super::outline::{Part, outline};
use super::writer::{Notes, Writer};
use super::{FactNow, Outline};
use crate::model::mention::{Fact, Panel};
use crate::model::reference::Reference;
use crate::model::status::State;

/// What a document is shown against: the present state of what it speaks of.
pub trait Context {
    /// What a link to a part shows.
    fn chip(&self, reference: &Reference) -> Chip;
    /// How a stated fact stands now.
    fn fact(&self, fact: &Fact) -> FactNow;
    /// A live panel as safe HTML; nothing when it cannot be live, then its alternative text shows.
    fn panel(&self, panel: &Panel) -> Option<String>;
    /// The word before the present value of a fact that does not hold.
    fn now(&self) -> &str {
        "now"
    }
    /// What is put behind the words of a link to a part in place of the link, as plain text; none where it is a link.
    fn spelled(&self, _: &Reference) -> Option<String> {
        None
    }
    /// Where an address on this site leads; none where it leads nowhere.
    fn here(&self, address: &str) -> Option<String> {
        Some(address.to_owned())
    }
    /// What an image with an ordinary address shows. Nothing is ever loaded from elsewhere: what is not here is a link.
    fn image(&self, _address: &str) -> ImageNow {
        ImageNow::AsLink
    }
    /// The address of the icons, without `#`.
    fn sprite(&self) -> &str;
    /// Put before the ids of footnotes, where several documents are on one page.
    fn id_prefix(&self) -> &str {
        ""
    }
}

/// What a link to a part shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chip {
    /// Whether the part is there.
    pub exists: bool,
    /// What people call it.
    pub name: String,
    /// Where the link leads.
    pub href: String,
    /// The state it is in, where that is known.
    pub state: Option<State>,
}

/// What an image shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageNow {
    /// Itself: where it is served, and how wide and high it is, where that is known.
    Here {
        /// The address.
        src: String,
        /// In points.
        size: Option<(i64, i64)>,
    },
    /// That it should be here and is not.
    Missing,
    /// A link to where it is.
    AsLink,
}

/// One section as HTML, without its heading: pages draw that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedSection {
    /// As in [`super::Section`].
    pub anchor: String,
    /// As in [`super::Section`].
    pub title: String,
    /// As in [`super::Section`].
    pub level: u8,
    /// Safe HTML.
    pub html: String,
}

/// Renders every section of a document.
pub fn render(text: &Outline, context: &dyn Context) -> Vec<RenderedSection> {
    let parts = outline(&text.body);
    let numbers = parts.iter().flat_map(|p| &p.notes).map(|n| (n.label.clone(), n.number)).collect();
    let mut notes = Notes { numbers, referred: HashSet::new() };
    parts.iter().map(|part| section(part, context, &mut notes)).collect()
}

fn section(part: &Part<'_>, context: &dyn Context, notes: &mut Notes) -> RenderedSection {
    let mut writer = Writer::new(context, notes, &part.title);
    writer.pieces(&part.pieces);
    if !part.notes.is_empty() {
        writer.footnotes(&part.notes);
    }
    let html = writer.html;
    RenderedSection { anchor: part.anchor.clone(), title: part.title.clone(), level: part.level, html }
}
