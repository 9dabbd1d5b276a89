//! What a section says and speaks of: its words, its links, facts, live panels and steps.

use pulldown_cmark::{Event, Tag, TagEnd};

use super::StepItem;
use super::outline::{Part, Piece};
use crate::model::mention::Target;

/// What was found in a section.
pub(super) struct Speech {
    /// What it speaks of, with the byte where it stands.
    pub targets: Vec<(Target, usize)>,
    /// What there is to do.
    pub steps: Vec<StepItem>,
    /// Its words, without the heading.
    pub text: String,
}

/// What a section says and speaks of, its footnotes included.
pub(super) fn of(part: &Part<'_>) -> Speech {
    let mut targets = Vec::new();
    find_targets(&part.heading, &mut targets);
    find_targets(&part.pieces, &mut targets);
    let mut text = words(&part.pieces);
    let mut steps = Vec::new();
    find_steps(&part.pieces, &mut steps);
    for note in &part.notes {
        find_targets(&note.pieces, &mut targets);
        find_steps(&note.pieces, &mut steps);
        text.push(' ');
        text.push_str(&words(&note.pieces));
    }
    Speech { targets, steps, text: text.trim().to_owned() }
}

fn find_targets(pieces: &[Piece<'_>], targets: &mut Vec<(Target, usize)>) {
    let mut i = 0;
    while let Some((event, range)) = pieces.get(i) {
        match event {
            Event::Start(Tag::Link { dest_url, .. }) => {
                let text = words(&pieces[i..=end_of(pieces, i)]);
                targets.extend(Target::of_link(dest_url, &text).map(|t| (t, range.start)));
            }
            Event::Start(Tag::Image { dest_url, .. }) => {
                let end = end_of(pieces, i);
                let alt = words(&pieces[i..=end]);
                targets.extend(Target::of_image(dest_url, &alt).map(|t| (t, range.start)));
                // Links and images in an alternative text are words only.
                i = end;
            }
            _ => {}
        }
        i += 1;
    }
}

/// Where the link or the image that starts at `start` ends.
pub(super) fn end_of(pieces: &[Piece<'_>], start: usize) -> usize {
    let mut depth = 0usize;
    for (i, (event, _)) in pieces.iter().enumerate().skip(start) {
        match event {
            Event::Start(_) => depth += 1,
            Event::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return i;
        }
    }
    pieces.len() - 1
}

fn find_steps(pieces: &[Piece<'_>], steps: &mut Vec<StepItem>) {
    for (i, (event, _)) in pieces.iter().enumerate() {
        if matches!(event, Event::TaskListMarker(_)) {
            let rest = &pieces[i + 1..];
            // A step ends where its paragraph, its item or a list in it begins or ends.
            let end = rest.iter().position(|(event, _)| {
                matches!(event, Event::End(TagEnd::Item | TagEnd::Paragraph)) || starts_block(event)
            });
            let step = &rest[..end.unwrap_or(rest.len())];
            let mut targets = Vec::new();
            find_targets(step, &mut targets);
            steps.push(StepItem {
                index: steps.len() + 1,
                text: words(step),
                targets: targets.into_iter().map(|(target, _)| target).collect(),
            });
        }
    }
}

/// Whether a block starts here, which cannot stand in a line of text.
pub(super) fn starts_block(event: &Event<'_>) -> bool {
    match event {
        Event::Start(tag) => !matches!(
            tag,
            Tag::Emphasis
                | Tag::Strong
                | Tag::Strikethrough
                | Tag::Superscript
                | Tag::Subscript
                | Tag::Link { .. }
                | Tag::Image { .. }
        ),
        Event::Rule => true,
        _ => false,
    }
}

/// The words of some pieces: no marks, one space where a line or a block ends.
pub(super) fn words(pieces: &[Piece<'_>]) -> String {
    let mut text = String::new();
    for (event, _) in pieces {
        match event {
            Event::Text(words) | Event::Code(words) | Event::Html(words) | Event::InlineHtml(words) => {
                text.push_str(words)
            }
            Event::InlineMath(words) | Event::DisplayMath(words) => text.push_str(words),
            Event::SoftBreak | Event::HardBreak | Event::Rule => text.push(' '),
            Event::End(
                TagEnd::Emphasis
                | TagEnd::Strong
                | TagEnd::Strikethrough
                | TagEnd::Superscript
                | TagEnd::Subscript
                | TagEnd::Link,
            ) => {}
            Event::End(_) => text.push(' '),
            Event::Start(_) | Event::FootnoteReference(_) | Event::TaskListMarker(_) => {}
        }
    }
    let mut spaced = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !spaced.is_empty() {
            spaced.push(' ');
        }
        spaced.push_str(word);
    }
    spaced
}
