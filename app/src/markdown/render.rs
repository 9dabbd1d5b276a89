//! A document as safe HTML, section by section, with what is true now written into it.

use std::collections::HashSet;

use super::outline::{Part, outline};
use super::writer::{Notes, Writer};
use super::{FactNow, Outline};
use crate::model::in_doubt::InDoubt;
use crate::model::mention::{Fact, Panel, absent};
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
    /// Why a part is not there, for who reads.
    fn absent(&self, reference: &Reference) -> String {
        absent(reference)
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

/// Renders every section of a document. `in_doubt` is what of each is to be marked; of those after its end nothing is.
pub fn render(text: &Outline, context: &dyn Context, in_doubt: &[InDoubt]) -> Vec<RenderedSection> {
    let parts = outline(&text.body);
    let numbers = parts.iter().flat_map(|p| &p.notes).map(|n| (n.label.clone(), n.number)).collect();
    let mut notes = Notes { numbers, referred: HashSet::new() };
    let nothing = InDoubt::default();
    let in_doubt = in_doubt.iter().chain(std::iter::repeat(&nothing));
    parts.iter().zip(in_doubt).map(|(part, in_doubt)| section(part, context, &mut notes, in_doubt)).collect()
}

fn section(part: &Part<'_>, context: &dyn Context, notes: &mut Notes, in_doubt: &InDoubt) -> RenderedSection {
    let mut writer = Writer::new(context, notes, &part.title, in_doubt);
    writer.pieces(&part.pieces);
    if !part.notes.is_empty() {
        writer.footnotes(&part.notes);
    }
    let html = writer.html;
    RenderedSection { anchor: part.anchor.clone(), title: part.title.clone(), level: part.level, html }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Instant;

    use super::super::parse;
    use super::*;

    struct Nothing;

    impl Context for Nothing {
        fn chip(&self, reference: &Reference) -> Chip {
            Chip { exists: true, name: String::new(), href: reference.path(), state: None }
        }
        fn fact(&self, _: &Fact) -> FactNow {
            FactNow::Holds
        }
        fn panel(&self, _: &Panel) -> Option<String> {
            None
        }
        fn sprite(&self) -> &str {
            ""
        }
    }

    #[test]
    fn what_is_in_doubt_of_a_section_is_marked_and_nothing_else() {
        let text = "# A\n\nWait 5m & not 15m, or `5m`.\n\n- [ ] Once\n- [ ] Twice\n\n# B\n\nWait 5m.\n\n- [ ] Once\n- [ ] Twice\n";
        let in_doubt = InDoubt { words: BTreeSet::from(["5m".into()]), steps: BTreeSet::from([2]) };
        let sections = render(&parse(text).unwrap(), &Nothing, &[in_doubt]);
        let html: Vec<_> = sections.iter().filter(|s| s.level > 0).map(|s| s.html.as_str()).collect();
        let mark = "<mark><span class=\"sr\">May be wrong: </span>5m</mark>";
        assert!(html[0].contains(&format!("Wait {mark} &amp; not 15m, or <code>{mark}</code>.")), "{}", html[0]);
        assert_eq!(html[0].matches("<strong class=\"in-doubt\">").count(), 1);
        assert!(html[0].contains("<strong class=\"in-doubt\">May be wrong:</strong> Twice"), "{}", html[0]);
        assert!(!html[1].contains("<mark>") && !html[1].contains("in-doubt"), "{}", html[1]);
    }

    #[test]
    fn of_two_words_at_one_place_the_longer_is_marked() {
        let in_doubt = InDoubt { words: BTreeSet::from(["30 s".into(), "30".into()]), steps: BTreeSet::new() };
        let sections = render(&parse("Wait 30 s, or 30.").unwrap(), &Nothing, &[in_doubt]);
        let marked: Vec<_> =
            sections[0].html.split("</mark>").filter_map(|part| Some(part.rsplit_once('>')?.1)).collect();
        assert_eq!(marked[..2], ["30 s", "30"], "{}", sections[0].html);
    }

    #[test]
    fn a_word_in_doubt_that_stands_everywhere_takes_no_longer_than_its_text_is_long() {
        let in_doubt = InDoubt { words: BTreeSet::from(["5m".into(), "zz".into()]), steps: BTreeSet::new() };
        let start = Instant::now();
        let sections = render(&parse(&"5m ".repeat(130_000)).unwrap(), &Nothing, &[in_doubt]);
        assert_eq!(sections[0].html.matches("<mark>").count(), 130_000);
        // Generous, as for what nests or repeats: quadratic would be minutes.
        assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
    }
}
