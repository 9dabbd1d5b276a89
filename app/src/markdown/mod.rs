//! Markdown to safe HTML, and what is in it: sections, links, facts, live panels and steps.

#[cfg(test)]
mod corpus;
mod destination;
mod html;
mod links;
mod outline;
mod render;
#[cfg(test)]
mod safety;
pub mod section;
mod speech;
mod writer;

use std::collections::BTreeSet;

use pulldown_cmark::{Event, Tag};

use self::outline::Part;
use crate::model::mention::{Mention, Target};
use crate::model::review::fingerprint;

pub use crate::model::fact::{FactNow, fact_now, value_at};
pub use crate::model::runbook::{Outline, Section, StepItem};
pub use crate::model::unseen::seen;
pub use render::{Chip, Context, ImageNow, RenderedSection, render};

/// The longest text that is read, in bytes.
pub const LONGEST: usize = 5 * 1024 * 1024;

/// Reads a text.
///
/// # Errors
/// A sentence for the author when it is longer than [`LONGEST`].
pub fn parse(body: &str) -> Result<Outline, String> {
    if body.len() > LONGEST {
        let (length, longest) = (body.len().div_ceil(1024 * 1024), LONGEST / (1024 * 1024));
        return Err(format!(
            "The text is about {length} MB long. At most {longest} MB can be read; split it into several runbooks."
        ));
    }
    let lines: Vec<usize> = body.match_indices('\n').map(|(at, _)| at).collect();
    let mut mentions = Vec::new();
    let mut sections = Vec::new();
    let parts = outline::outline(body);
    for (number, part) in parts.iter().enumerate() {
        let spoken = speech::of(part);
        let (mut links, mut linked) = (Vec::new(), BTreeSet::new());
        let (mut facts, mut panels) = (Vec::new(), Vec::new());
        for (target, at) in spoken.targets {
            match &target {
                Target::Part(reference) if linked.insert(reference.clone()) => links.push(reference.clone()),
                Target::Fact(fact) => facts.push(fact.clone()),
                Target::Panel(panel) => panels.push(panel.clone()),
                Target::Part(_) | Target::Anchor(_) | Target::Wrong(_) => {}
            }
            mentions.push(Mention {
                target,
                line: lines.partition_point(|newline| *newline < at) + 1,
                section: number,
            });
        }
        sections.push(Section {
            anchor: part.anchor.clone(),
            title: part.title.clone(),
            level: part.level,
            source_range: part.range.clone(),
            links,
            facts,
            panels,
            steps: spoken.steps,
            text: spoken.text,
            print: fingerprint(body.get(part.range.clone()).unwrap_or_default()),
        });
    }
    Ok(Outline { body: body.to_owned(), sections, mentions, images: images_in(&parts) })
}

/// The addresses of the images in a text that have no meaning of ours, in order.
pub fn images(body: &str) -> Vec<String> {
    // Most texts have none, and are not read for it.
    if !body.contains("![") || body.len() > LONGEST {
        return Vec::new();
    }
    images_in(&outline::outline(body))
}

fn images_in(parts: &[Part<'_>]) -> Vec<String> {
    let pieces = parts.iter().flat_map(|part| part.pieces.iter().chain(part.notes.iter().flat_map(|n| &n.pieces)));
    let images = pieces.filter_map(|(event, _)| match event {
        Event::Start(Tag::Image { dest_url, .. }) if Target::of_image(dest_url, "").is_none() => {
            Some(dest_url.to_string())
        }
        _ => None,
    });
    images.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::reference::Reference;

    const GUIDE: &str = "Orders wait.\n\n## Do this now\n\n![Tries](live:retries/order-to-erp/push)\n\n\
        - [ ] Look at [the queue](component:erp-queue).\n- [x] Wait for [6 tries](fact:step:order-to-erp/push?retry.max_attempts=6).\n\n\
        ## Do this now\n\nSee [above](#do-this-now) and [the queue](component:erp-queue), [again](component:erp-queue).[^1]\n\n\
        ## Background\n\nOld.\n\n[^1]: Since [then](decision:2026-03-queue).\n";

    #[test]
    fn a_heading_opens_a_section_and_the_words_before_it_are_one_too() {
        let document = parse(GUIDE).unwrap();
        let anchors: Vec<_> =
            document.sections.iter().map(|s| (s.anchor.as_str(), s.title.as_str(), s.level)).collect();
        assert_eq!(
            anchors,
            [
                ("", "", 0),
                ("do-this-now", "Do this now", 2),
                ("do-this-now-1", "Do this now", 2),
                ("background", "Background", 2)
            ]
        );
        let rejoined: String = document.sections.iter().map(|s| &GUIDE[s.source_range.clone()]).collect();
        assert_eq!(rejoined, GUIDE);
    }

    #[test]
    fn a_section_says_what_it_speaks_of_states_shows_and_asks_to_do() {
        let section = &parse(GUIDE).unwrap().sections[1];
        assert_eq!(section.links, [Reference::parse("component:erp-queue").unwrap()]);
        assert_eq!(section.facts[0].stated, "6");
        assert_eq!(section.facts[0].text, "6 tries");
        assert_eq!(section.panels[0].alt, "Tries");
        let steps: Vec<_> = section.steps.iter().map(|s| (s.index, s.text.as_str())).collect();
        assert_eq!(steps, [(1, "Look at the queue."), (2, "Wait for 6 tries.")]);
    }

    #[test]
    fn a_footnote_belongs_to_the_section_that_needs_it() {
        let document = parse(GUIDE).unwrap();
        let links: Vec<_> = document.sections[2].links.iter().map(Reference::to_string).collect();
        assert_eq!(links, ["component:erp-queue", "decision:2026-03-queue"]);
        assert!(document.sections[3].links.is_empty());
        assert!(document.sections[2].text.ends_with("Since then."));
    }

    #[test]
    fn each_mention_knows_its_line() {
        let lines: Vec<_> = parse(GUIDE).unwrap().mentions.iter().map(|m| m.line).collect();
        assert_eq!(lines, [5, 7, 8, 12, 12, 12, 18]);
    }

    #[test]
    fn anchors_are_those_of_github_and_each_is_there_once() {
        let document =
            parse("# What's *new*, `v2`?\n## Über uns_x\n## a\n## a\n## a-1\n## !!\n> # Not a section\n").unwrap();
        let anchors: Vec<_> = document.sections.iter().map(|s| s.anchor.as_str()).collect();
        assert_eq!(anchors, ["whats-new-v2", "über-uns_x", "a", "a-1", "a-1-1", "section"]);
    }

    #[test]
    fn a_link_to_a_section_of_the_same_text_is_looked_up_in_it() {
        let text = parse("# Do this\n\n[there](runbook:erp#later)\n\n# Later\n").unwrap();
        let own = |reference: &str| text.has_own("erp", &Reference::parse(reference).unwrap());
        assert_eq!(
            (own("runbook:erp#later"), own("runbook:erp"), own("runbook:erp#gone")),
            (Some(true), Some(true), Some(false))
        );
        assert_eq!((own("runbook:other#later"), own("component:erp")), (None, None));
    }

    #[test]
    fn white_space_before_the_first_heading_is_no_section() {
        assert_eq!(parse("\n\n# A\n").unwrap().sections.len(), 1);
        assert!(parse(" \n").unwrap().sections.is_empty());
        assert!(parse("").unwrap().sections.is_empty());
    }

    #[test]
    fn the_images_of_a_text_are_those_without_a_meaning_of_ours() {
        let text = "![a](erp/a.png)\n\n## B\n\n- [![b](b.svg)](x) ![c](live:queue/q)\n\nx[^1]\n\n[^1]: ![d][d]\n\n[d]: ../d.webp\n";
        assert_eq!(images(text), ["erp/a.png", "b.svg", "../d.webp"]);
        assert!(images("no `![x](y.png)` here").is_empty());
    }

    #[test]
    fn a_text_that_is_too_long_is_refused_with_a_sentence() {
        let sentence = parse(&"x".repeat(LONGEST + 1)).unwrap_err();
        assert_eq!(sentence, "The text is about 6 MB long. At most 5 MB can be read; split it into several runbooks.");
    }
}
