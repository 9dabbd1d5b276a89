//! Links and images as HTML: chips with a state, facts that hold or do not, live panels, plain addresses.

use std::borrow::Cow;

use pulldown_cmark::{Event, Tag, TagEnd};

use super::destination::{Destination, destination, plain};
use super::html::{push_text, text};
use super::outline::Piece;
use super::speech::end_of;
use super::writer::{Open, Writer};
use super::{FactNow, ImageNow};
use crate::model::mention::{Fact, Target};
use crate::model::observed;
use crate::model::reference::Reference;

impl Writer<'_> {
    /// Starts a link and says how it ends.
    pub fn start_link(&mut self, address: &str, words: &str) -> Cow<'static, str> {
        match destination(address, words) {
            Destination::Ours(Target::Part(reference)) => self.start_chip(&reference),
            Destination::Ours(Target::Fact(fact)) => self.start_fact(&fact),
            Destination::Ours(Target::Anchor(anchor)) => {
                self.html.push_str(&format!("<a href=\"#{}\">", text(&anchor)));
                "</a>".into()
            }
            Destination::Ours(Target::Wrong(sentence)) => self.start_broken(&sentence),
            Destination::Here(address) => match self.context.here(address) {
                Some(address) => {
                    self.html.push_str(&format!("<a href=\"{}\">", text(&address)));
                    "</a>".into()
                }
                None => format!(" <small>({})</small>", text(address)).into(),
            },
            Destination::Elsewhere(address) => {
                self.html.push_str(&format!("<a href=\"{}\" rel=\"noopener noreferrer\">", text(address)));
                "</a>".into()
            }
            Destination::Ours(Target::Panel(_)) | Destination::Nowhere => "".into(),
        }
    }

    fn start_chip(&mut self, reference: &Reference) -> Cow<'static, str> {
        let chip = self.context.chip(reference);
        if !chip.exists {
            return self.start_broken(&self.context.absent(reference));
        }
        if let Some(words) = self.context.spelled(reference) {
            self.html.push_str("<span class=\"part\">");
            return format!(" <small>({})</small></span>", text(&words)).into();
        }
        let (href, title) = (text(&chip.href), text(&chip.name));
        let Some(state) = chip.state else {
            self.html.push_str(&format!("<a class=\"chip\" href=\"{href}\" title=\"{title}\">"));
            return "</a>".into();
        };
        let (name, sprite) = (state.name(), text(self.context.sprite()));
        self.html.push_str(&format!(
            "<a class=\"chip chip-{name}\" href=\"{href}\" title=\"{title}\"><svg class=\"icon\" aria-hidden=\"true\"><use href=\"{sprite}#state-{name}\"/></svg>"
        ));
        format!("<span class=\"sr\">, {}</span></a>", state.words()).into()
    }

    fn start_broken(&mut self, why: &str) -> Cow<'static, str> {
        self.html.push_str("<span class=\"broken-link\">");
        format!(" <small>({})</small></span>", text(why)).into()
    }

    fn start_fact(&mut self, fact: &Fact) -> Cow<'static, str> {
        let what = text(&format!("{} of {}", fact.path, fact.subject));
        match self.context.fact(fact) {
            FactNow::Holds => {
                self.html
                    .push_str(&format!("<span class=\"fact\" title=\"Checked: {what} is {}\">", text(&fact.stated)));
                "</span>".into()
            }
            FactNow::Differs { present } => {
                let (present, stated) = (text(&present), text(&fact.stated));
                let title = format!("{what} is {present} now; this text was written when it was {stated}");
                self.html.push_str(&format!("<span class=\"fact fact-wrong\" title=\"{title}\">"));
                format!(" <strong>{} {present}</strong></span>", text(self.context.now())).into()
            }
            FactNow::Unknown => {
                let (is, small) = match observed::field(&fact.path) {
                    Some(_) => ("is not known now", "not known now"),
                    None => ("is not in the book", "no longer in the book"),
                };
                self.html.push_str(&format!("<span class=\"fact fact-unknown\" title=\"{what} {is}\">"));
                format!(" <small>({small})</small></span>").into()
            }
        }
    }

    /// Writes an image: a live panel, or a link to what it would show.
    pub fn image(&mut self, address: &str, alt: &str, open: &mut Open) {
        let alone = open.panels_only;
        match Target::of_image(address, alt) {
            Some(Target::Panel(panel)) => match self.context.panel(&panel) {
                Some(html) if alone => self.html.push_str(&html),
                Some(html) => {
                    push_text(&mut self.html, alt);
                    open.panels.push(html);
                }
                None if alone => self.html.push_str(&format!("<p class=\"panel-absent\">{}</p>\n", text(alt))),
                None => push_text(&mut self.html, alt),
            },
            Some(Target::Wrong(why)) => {
                let end = self.start_broken(&why);
                push_text(&mut self.html, alt);
                self.html.push_str(&end);
            }
            _ => self.plain_image(address, alt, open),
        }
    }

    fn plain_image(&mut self, address: &str, alt: &str, open: &Open) {
        match self.context.image(address) {
            ImageNow::Here { src, size } => {
                let size = size.map(|(w, h)| format!(" width=\"{w}\" height=\"{h}\"")).unwrap_or_default();
                let (src, alt) = (text(&src), text(alt));
                self.html.push_str(&format!("<img src=\"{src}\" alt=\"{alt}\"{size} loading=\"lazy\">"));
            }
            ImageNow::Missing => {
                let end = self.start_broken(&format!("the image {address} is not there"));
                push_text(&mut self.html, alt);
                self.html.push_str(&end);
            }
            ImageNow::AsLink => {
                let words = if alt.is_empty() { address } else { alt };
                match plain(address) {
                    Destination::Here(address) if self.context.here(address).is_none() => {
                        push_text(&mut self.html, words);
                    }
                    Destination::Here(address) | Destination::Elsewhere(address) if !open.in_link => {
                        let (address, words) = (text(address), text(words));
                        self.html.push_str(&format!("<a href=\"{address}\" rel=\"noopener noreferrer\">{words}</a>"));
                    }
                    _ => push_text(&mut self.html, words),
                }
            }
        }
    }
}

/// Whether the paragraph that starts here holds nothing but live panels.
pub(super) fn panels_only(pieces: &[Piece<'_>]) -> bool {
    let mut i = 1;
    let mut panels = 0;
    while let Some((event, _)) = pieces.get(i) {
        match event {
            Event::Start(Tag::Image { dest_url, .. })
                if matches!(Target::of_image(dest_url, ""), Some(Target::Panel(_))) =>
            {
                panels += 1;
                i = end_of(pieces, i);
            }
            Event::SoftBreak | Event::HardBreak => {}
            Event::Text(words) if words.trim().is_empty() => {}
            Event::End(TagEnd::Paragraph) => return panels > 0,
            _ => return false,
        }
        i += 1;
    }
    false
}
