//! The newest version of a runbook, and what follows from the world for it: whether each section can be believed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use app::markdown::Outline;
use app::model::answer::{self, SetAside};
use app::model::book::FrontMatter;
use app::model::in_doubt::{InDoubt, in_doubt};
use app::model::mention::Fact;
use app::model::moment::Moment;
use app::model::reference::Reference;
use app::model::review::{self, DocumentTrust, Present, SectionTrust, Spoken};
use app::model::runbook::RunbookText;
use app::model::status::Trust;
use serde::{Deserialize, Serialize};

use crate::book;
use crate::store::doubts::Doubt;
use crate::store::reviews::PinRecord;
use crate::store::runbooks::{RunbookRecord, VersionRecord};

/// The newest version of a runbook with what follows from it.
#[derive(Debug)]
pub struct Document {
    /// The version as it is stored. It and what was read from it are shared by every world that they are in.
    pub record: Arc<VersionRecord>,
    /// Its front matter.
    pub front: Arc<FrontMatter>,
    /// What was found in it, as far as its trust depends on it.
    gist: Arc<Gist>,
    /// What is in its body.
    pub outline: LazyOutline,
    /// What each section speaks of, in the order of `outline.sections`.
    pub spoken: Vec<Vec<Spoken>>,
    /// Whether each section can be believed, in the same order.
    pub trusts: Vec<SectionTrust>,
    /// Whether the document can be believed.
    trust: DocumentTrust,
    /// Who last reviewed which section.
    pub pins: BTreeMap<String, Arc<PinRecord>>,
    /// What was said of the flags of each section that leaves them open, in the same order.
    pub said: Vec<Vec<SetAside>>,
    /// What single reviewers saw of sections that wait for a second one.
    pub firsts: Vec<PinRecord>,
    /// What people said after a problem or a drill that no review has answered since, for each section in the same order.
    pub doubts: Vec<Vec<Doubt>>,
    /// Why the file and this text disagree, and what the file says.
    pub conflict: Option<(String, String)>,
    /// How it stands with its file; of an earlier moment that is not known.
    pub kept: RunbookRecord,
}

impl Document {
    /// Whether the document can be believed.
    pub fn trust(&self, now: Moment) -> Trust {
        self.trust.at(now)
    }

    /// How many flags stand on it.
    pub fn flags(&self) -> i64 {
        (0..self.trusts.len()).map(|number| self.flags_of(number)).sum()
    }

    /// Whether a value that it speaks of is other than it was at its review.
    pub fn is_flagged(&self) -> bool {
        self.trusts.iter().any(|trust| !trust.differences.is_empty())
    }

    /// How many flags stand on a section, by its number.
    pub fn flags_of(&self, number: usize) -> i64 {
        let trust = &self.trusts[number];
        trust.differences.len() as i64 + i64::from(trust.edited) + self.doubts[number].len() as i64
    }

    /// What of a section, by its number, is in doubt because of what has changed.
    pub fn in_doubt(&self, number: usize) -> InDoubt {
        in_doubt(&self.outline.sections[number], &self.trusts[number].differences)
    }

    /// The same of every section, in their order.
    pub fn all_in_doubt(&self) -> Vec<InDoubt> {
        (0..self.trusts.len()).map(|number| self.in_doubt(number)).collect()
    }

    /// When and by whom it was last reviewed.
    pub fn reviewed(&self) -> Option<(Moment, String)> {
        let last = self.pins.values().max_by_key(|p| p.reviewed_at)?;
        Some((last.reviewed_at, last.reviewed_by.clone()))
    }

    /// The number of the section with this anchor.
    pub fn section(&self, anchor: &str) -> Option<usize> {
        self.gist.sections.iter().position(|s| s.anchor == anchor)
    }

    /// What was found in it, as far as its trust depends on it.
    pub(super) fn gist(&self) -> &Gist {
        &self.gist
    }
}

/// What was found in a text, as far as its trust depends on it. It is kept over a restart, so that ten thousand texts
/// need not be read before the first page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gist {
    /// Its front matter.
    front: Arc<FrontMatter>,
    /// Its sections, in the order of [`Outline::sections`].
    pub(super) sections: Vec<SectionGist>,
}

/// What was found in a section, as in [`app::markdown::Section`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct SectionGist {
    pub anchor: String,
    pub print: String,
    pub links: Vec<Reference>,
    pub facts: Vec<Fact>,
}

impl Gist {
    fn of(front: Arc<FrontMatter>, outline: &Outline) -> Self {
        let sections = outline.sections.iter().map(|section| SectionGist {
            anchor: section.anchor.clone(),
            print: section.print.clone(),
            links: section.links.clone(),
            facts: section.facts.clone(),
        });
        Self { front, sections: sections.collect() }
    }
}

/// What is in the body of a version. It is read when it is first asked for, if nobody has read it before.
#[derive(Debug, Clone)]
pub struct LazyOutline {
    record: Arc<VersionRecord>,
    outline: Arc<OnceLock<Arc<Outline>>>,
}

impl LazyOutline {
    /// Takes over what is in a text that has been read elsewhere, if it is the same text.
    pub(super) fn offer(&self, text: &RunbookText) {
        if *text.source == *self.record.body {
            // Whoever was first has found the same.
            let _ = self.outline.set(text.outline.clone());
        }
    }
}

impl Deref for LazyOutline {
    type Target = Outline;

    fn deref(&self) -> &Outline {
        self.outline.get_or_init(|| book::runbook_text(&self.record.slug, &self.record.body).outline)
    }
}

/// A version, and what was read from it.
pub(super) struct Read {
    pub record: Arc<VersionRecord>,
    gist: Arc<Gist>,
    outline: LazyOutline,
}

impl Read {
    /// What was read before; it need not be read again.
    pub fn again(document: &Document) -> Self {
        let Document { record, gist, outline, .. } = document;
        Self { record: record.clone(), gist: gist.clone(), outline: outline.clone() }
    }

    /// Reads a version. `file` is the text of its file, which has been read and mostly says the same.
    pub fn new(record: VersionRecord, file: Option<&RunbookText>) -> Self {
        let (front, outline) = match file.filter(|file| *file.source == *record.body) {
            Some(file) => (file.front.clone(), file.outline.clone()),
            None => {
                let text = book::runbook_text(&record.slug, &record.body);
                (text.front, text.outline)
            }
        };
        let gist = Arc::new(Gist::of(front, &outline));
        let record = Arc::new(record);
        let outline = LazyOutline { record: record.clone(), outline: Arc::new(OnceLock::from(outline)) };
        Self { record, gist, outline }
    }

    /// A version that was read before the start of this portal: this was found in it.
    pub fn kept(record: VersionRecord, gist: Gist) -> Self {
        let record = Arc::new(record);
        let outline = LazyOutline { record: record.clone(), outline: Arc::default() };
        Self { record, gist: Arc::new(gist), outline }
    }
}

/// What people said of one document.
#[derive(Default)]
pub(super) struct People {
    pub pins: BTreeMap<String, Arc<PinRecord>>,
    pub firsts: Vec<PinRecord>,
    pub said: Vec<SetAside>,
    pub doubts: Vec<Doubt>,
}

impl People {
    /// What is known of a document; doubts apart.
    pub fn of(document: &Document) -> Self {
        let said = document.said.iter().flatten().cloned().collect();
        Self { pins: document.pins.clone(), firsts: document.firsts.clone(), said, doubts: Vec::new() }
    }

    /// What they said, by the runbook of which they said it; doubts apart.
    pub fn by_slug(pins: Vec<PinRecord>, firsts: Vec<PinRecord>, said: Vec<SetAside>) -> HashMap<String, Self> {
        let mut people: HashMap<String, Self> = HashMap::new();
        for pin in pins {
            people.entry(pin.slug.clone()).or_default().pins.insert(pin.section.clone(), Arc::new(pin));
        }
        for first in firsts {
            people.entry(first.slug.clone()).or_default().firsts.push(first);
        }
        for answer in said {
            people.entry(answer.slug.clone()).or_default().said.push(answer);
        }
        people
    }
}

/// What follows for a document from what people said of it and from what is true now. `muted` are the fields that flag
/// nothing.
pub(super) fn judge(
    Read { record, gist, outline }: Read,
    people: People,
    muted: &BTreeSet<(String, String)>,
    kept: RunbookRecord,
    present: Present,
) -> Document {
    let People { pins, firsts, said, doubts } = people;
    let of = |anchor: &str| said.iter().filter(|s| s.section == anchor).cloned().collect();
    let said: Vec<Vec<SetAside>> = gist.sections.iter().map(|section| of(&section.anchor)).collect();
    let of = |anchor: &str| doubts.iter().filter(|d| d.section == anchor).cloned().collect();
    let doubts: Vec<Vec<Doubt>> = gist.sections.iter().map(|section| of(&section.anchor)).collect();
    let (mut all_spoken, mut trusts) = (Vec::new(), Vec::new());
    for (number, section) in gist.sections.iter().enumerate() {
        let facts = section.facts.iter().map(|f| (&f.subject, f.path.as_str()));
        let mut spoken = review::spoken(&section.links, facts);
        spoken.retain(|s| !matches!(s.subject, Reference::Runbook(..)));
        answer::without(&mut spoken, &said[number], muted);
        let pinned = pins.get(&section.anchor);
        let as_it_was = |trust| SectionTrust { trust, edited: false, differences: Vec::new() };
        let judged = match (spoken.is_empty(), pinned) {
            // What links to nothing and was never asked about is no reason to doubt the document.
            (true, None) => as_it_was(Trust::NotLinked),
            (_, Some(pinned)) if review::is_as_pinned(pinned.seen.json(), &section.print, &spoken, present) => {
                as_it_was(Trust::Trusted)
            }
            (_, pinned) => {
                review::section_trust(&section.print, &spoken, pinned.and_then(|pinned| pinned.pin()), present)
            }
        };
        trusts.push(match doubts[number].is_empty() {
            true => judged,
            // Somebody followed it and says that it was not right.
            false => SectionTrust { trust: Trust::CheckNeeded, ..judged },
        });
        all_spoken.push(spoken);
    }
    let linked = all_spoken.iter().map(|spoken| !spoken.is_empty());
    let reviewed = pins.values().map(|pin| pin.reviewed_at).max();
    let front = gist.front.clone();
    let trust = review::document_trust(linked.zip(&trusts), front.review_every, reviewed);
    let conflict = kept.conflict.clone().zip(Some(kept.conflict_text.clone().unwrap_or_default()));
    let spoken = all_spoken;
    Document { record, front, gist, outline, spoken, trusts, trust, pins, said, firsts, doubts, conflict, kept }
}
