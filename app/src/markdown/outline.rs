//! A text cut into its sections, each with the footnotes that it needs.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use pulldown_cmark::{CowStr, Event, LinkType, Options, Parser, Tag, TagEnd};

use super::speech::words;
use crate::model::unseen::{self, has_unseen};

/// Something in the text, and where it stands in bytes.
pub(super) type Piece<'a> = (Event<'a>, Range<usize>);

/// A section: its heading and the pieces under it.
pub(super) struct Part<'a> {
    pub anchor: String,
    pub title: String,
    pub level: u8,
    pub range: Range<usize>,
    pub heading: Vec<Piece<'a>>,
    pub pieces: Vec<Piece<'a>>,
    pub notes: Vec<Note<'a>>,
}

/// A footnote.
pub(super) struct Note<'a> {
    pub label: String,
    /// Counted through the document from 1, in the order of first use.
    pub number: usize,
    pub pieces: Vec<Piece<'a>>,
}

/// A footnote that no section has taken yet.
struct Loose<'a> {
    label: String,
    written_in: usize,
    pieces: Vec<Piece<'a>>,
}

/// Cuts a text into sections.
pub(super) fn outline(body: &str) -> Vec<Part<'_>> {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_GFM;
    let mut parts = vec![Part::new(0..body.len(), 0)];
    let mut notes: Vec<Loose<'_>> = Vec::new();
    let mut open_notes: Vec<Loose<'_>> = Vec::new();
    let mut depth = 0usize;
    let mut in_heading = false;
    for (event, range) in Parser::new_ext(body, options).into_offset_iter() {
        let newest = parts.len() - 1;
        let event = seen(event);
        match &event {
            Event::Start(Tag::FootnoteDefinition(label)) => {
                open_notes.push(Loose { label: label.to_string(), written_in: newest, pieces: Vec::new() });
                continue;
            }
            Event::End(TagEnd::FootnoteDefinition) => {
                notes.extend(open_notes.pop());
                continue;
            }
            Event::Start(Tag::Heading { level, .. }) if depth == 0 && open_notes.is_empty() => {
                parts[newest].range.end = range.start;
                parts.push(Part::new(range.start..body.len(), *level as u8));
                in_heading = true;
                depth += 1;
                continue;
            }
            Event::End(TagEnd::Heading(_)) if in_heading && depth == 1 => {
                in_heading = false;
                depth -= 1;
                continue;
            }
            // Depth counts what a section is made of; a footnote stands outside of that.
            Event::Start(_) if open_notes.is_empty() => depth += 1,
            Event::End(_) if open_notes.is_empty() => depth = depth.saturating_sub(1),
            _ => {}
        }
        let part = &mut parts[newest];
        match open_notes.last_mut() {
            Some(note) => note.pieces.push((event, range)),
            None if in_heading => part.heading.push((event, range)),
            None => part.pieces.push((event, range)),
        }
    }
    name(&mut parts);
    hand_out(&mut parts, notes);
    if let Some(first) = parts.first()
        && first.pieces.is_empty()
        && first.notes.is_empty()
    {
        parts.remove(0);
        // The sections together are the whole text, blank lines at its top included.
        if let Some(first) = parts.first_mut() {
            first.range.start = 0;
        }
    }
    parts
}

/// Puts a mark where a character would hide words or turn them round, and says of mail that it is mail.
fn seen(event: Event<'_>) -> Event<'_> {
    let marked = |text: CowStr<'_>| CowStr::from(unseen::seen(&text).into_owned());
    match event {
        Event::Text(text) if has_unseen(&text) => Event::Text(marked(text)),
        Event::Code(text) if has_unseen(&text) => Event::Code(marked(text)),
        Event::Html(text) if has_unseen(&text) => Event::Html(marked(text)),
        Event::InlineHtml(text) if has_unseen(&text) => Event::InlineHtml(marked(text)),
        // `<a@b.c>` is an address of mail, which the parser leaves to us to say.
        Event::Start(Tag::Link { link_type: LinkType::Email, dest_url, title, id }) => {
            let dest_url = format!("mailto:{dest_url}").into();
            Event::Start(Tag::Link { link_type: LinkType::Email, dest_url, title, id })
        }
        other => other,
    }
}

impl Part<'_> {
    fn new(range: Range<usize>, level: u8) -> Self {
        Self {
            anchor: String::new(),
            title: String::new(),
            level,
            range,
            heading: vec![],
            pieces: vec![],
            notes: vec![],
        }
    }
}

/// Gives each section its title and its anchor.
fn name(parts: &mut [Part<'_>]) {
    let mut taken: HashSet<String> = HashSet::new();
    let mut repeats: HashMap<String, usize> = HashMap::new();
    for part in parts.iter_mut().filter(|p| p.level > 0) {
        part.title = words(&part.heading);
        let plain = anchor(&part.title);
        let mut anchor = plain.clone();
        while taken.contains(&anchor) {
            let count = repeats.entry(plain.clone()).or_default();
            *count += 1;
            anchor = format!("{plain}-{count}");
        }
        taken.insert(anchor.clone());
        part.anchor = anchor;
    }
}

/// As GitHub makes them: lower case, letters, digits, `_` and `-`, spaces become `-`.
fn anchor(title: &str) -> String {
    let kept = |c| match c {
        ' ' | '-' => Some('-'),
        c if c.is_alphanumeric() || c == '_' => Some(c),
        _ => None,
    };
    let anchor: String = title.to_lowercase().chars().filter_map(kept).collect();
    if anchor.trim_matches('-').is_empty() { "section".to_owned() } else { anchor }
}

/// Gives each footnote to the section that uses it first; one that nobody uses stays where it was written.
fn hand_out<'a>(parts: &mut [Part<'a>], notes: Vec<Loose<'a>>) {
    let mut by_label: HashMap<String, Loose<'a>> = HashMap::new();
    let mut unused = Vec::new();
    for note in notes {
        match by_label.contains_key(&note.label) {
            true => unused.push(note),
            false => drop(by_label.insert(note.label.clone(), note)),
        }
    }
    let mut number = 0;
    let mut take = |part: &mut Part<'a>, note: Loose<'a>| {
        number += 1;
        part.notes.push(Note { label: note.label, number, pieces: note.pieces });
    };
    for part in parts.iter_mut() {
        let mut wanted: Vec<String> = labels(&part.heading).chain(labels(&part.pieces)).collect();
        wanted.reverse();
        while let Some(label) = wanted.pop() {
            if let Some(note) = by_label.remove(&label) {
                // A footnote may need others.
                let from = wanted.len();
                wanted.extend(labels(&note.pieces));
                wanted[from..].reverse();
                take(part, note);
            }
        }
    }
    unused.extend(by_label.into_values());
    unused.sort_by_key(|note| note.pieces.first().map(|(_, range)| range.start));
    for note in unused {
        if let Some(part) = parts.get_mut(note.written_in) {
            take(part, note);
        }
    }
}

fn labels(pieces: &[Piece<'_>]) -> impl Iterator<Item = String> {
    pieces.iter().filter_map(|(event, _)| match event {
        Event::FootnoteReference(label) => Some(label.to_string()),
        _ => None,
    })
}
