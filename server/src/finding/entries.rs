//! What of a world can be found by words: each thing with its names, its text and its place.

use std::borrow::Cow;
use std::fmt;

use app::model::book::{Book, Component, Decision, Field, Step, Workaround, Workflow};
use app::model::find::{Asked, Closeness, Fit};
use app::model::reference::Reference;

use crate::world::{Document, World};

/// Which thing it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// A part of the book, or a runbook as a whole.
    Part(Reference),
    /// A section of a runbook: its slug and its anchor.
    Section(String, String),
    /// A field of a component: its id, and the name of the field.
    Field(String, String),
}

/// One thing that can be found.
#[derive(Debug, Clone)]
pub struct Entry<'w> {
    /// Which.
    pub target: Target,
    /// What it is, in a word: `workflow`, `step`, `component`, `field`, `runbook`, `decision`, `workaround`.
    pub kind: &'static str,
    /// What it is written as.
    pub ids: Vec<Cow<'w, str>>,
    /// What people call it.
    pub names: Vec<Cow<'w, str>>,
    /// The name of what it is in: the runbook of a section, the workflow of a step. Empty where it stands alone.
    pub context: Cow<'w, str>,
    /// What is said of it.
    pub text: Cow<'w, str>,
}

impl Target {
    /// Reads what its `Display` writes.
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once(':')?;
        // Anchors and the names of fields may have any letters.
        Some(match kind {
            "section" => rest.split_once('#').map(|(slug, anchor)| Self::Section(slug.into(), anchor.into()))?,
            "field" => rest.split_once('/').map(|(component, name)| Self::Field(component.into(), name.into()))?,
            _ => Self::Part(Reference::parse(text).ok()?),
        })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Part(reference) => reference.fmt(f),
            Self::Section(slug, anchor) => write!(f, "section:{slug}#{anchor}"),
            Self::Field(component, name) => write!(f, "field:{component}/{name}"),
        }
    }
}

/// Everything in a world that can be found.
pub fn all(world: &World) -> impl Iterator<Item = Entry<'_>> {
    of_book(&world.book).chain(world.documents.values().flat_map(|document| of_document(document)))
}

/// The parts of a book.
pub fn of_book(book: &Book) -> impl Iterator<Item = Entry<'_>> {
    let workflows = book.workflows.values();
    let workflows = workflows.flat_map(|w| std::iter::once(workflow(w)).chain(w.steps.iter().map(|s| step(w, s))));
    let components = book.components.values();
    let components = components.flat_map(|c| std::iter::once(component(c)).chain(c.fields.iter().map(|f| field(c, f))));
    let why = book.decisions.values().map(decision).chain(book.workarounds.values().map(workaround));
    workflows.chain(components).chain(why)
}

/// A runbook as a whole, and each of its sections.
pub fn of_document(document: &Document) -> impl Iterator<Item = Entry<'_>> {
    let titled = (0..document.outline.sections.len()).filter(|n| !document.outline.sections[*n].anchor.is_empty());
    std::iter::once(runbook(document)).chain(titled.map(|n| section(document, n)))
}

impl<'w> Entry<'w> {
    /// A thing as it is in this world; none when it is not there.
    pub fn of(world: &'w World, target: &Target) -> Option<Self> {
        let book = &world.book;
        Some(match target {
            Target::Part(Reference::Workflow(id)) => workflow(book.workflows.get(id)?),
            Target::Part(Reference::Step(w, s)) => step(book.workflows.get(w)?, book.step(w, s)?),
            Target::Part(Reference::Component(id)) => component(book.components.get(id)?),
            Target::Part(Reference::Decision(id)) => decision(book.decisions.get(id)?),
            Target::Part(Reference::Workaround(id)) => workaround(book.workarounds.get(id)?),
            Target::Part(Reference::Runbook(slug, None)) => runbook(world.documents.get(slug)?),
            // A failure is found with its step.
            Target::Part(Reference::Failure(..) | Reference::Runbook(..)) => return None,
            Target::Section(slug, anchor) => {
                let document = world.documents.get(slug)?;
                section(document, document.section(anchor)?)
            }
            Target::Field(id, name) => {
                let of = book.components.get(id)?;
                field(of, of.fields.iter().find(|f| f.name == *name)?)
            }
        })
    }

    /// How well its names alone fit.
    pub fn names_fit(&self, asked: &Asked) -> Option<Fit> {
        asked.names(&texts(&self.ids), &texts(&self.names))
    }

    /// How well it fits as a whole: what an index answers, by looking. Where the name of what it is in has all of the
    /// words and its own has not, it says nothing that the other does not.
    pub fn fit(&self, asked: &Asked) -> Option<Fit> {
        let text = [self.context.as_ref(), self.text.as_ref()].join("\n");
        self.names_fit(asked).or_else(|| {
            let elsewhere = asked.names(&[], &[&self.context]).is_some();
            asked.fit(&texts(&self.ids), &texts(&self.names), &text, Closeness::AsWritten).filter(|_| !elsewhere)
        })
    }

    /// Of things that fit equally well, how much more often this kind is what was meant.
    pub fn weight(&self) -> f32 {
        match self.kind {
            "workflow" => 1.3,
            "component" | "runbook" => 1.2,
            "step" => 1.1,
            _ => 1.0,
        }
    }

    /// What it is called, with what it is in.
    pub fn name(&self) -> String {
        let own = self.names.first().map_or("", |name| name);
        match self.kind {
            "runbook" if !self.context.is_empty() => format!("{}: {own}", self.context),
            "field" => format!("{}: {own}", self.context),
            _ => own.to_owned(),
        }
    }

    /// Where it is shown.
    pub fn href(&self, world: &World) -> String {
        match &self.target {
            Target::Part(Reference::Decision(id)) => {
                let about = world.book.decisions.get(id).map(|d| d.about.as_slice());
                shown_at(&self.target, about.unwrap_or_default(), &format!("decision-{id}"))
            }
            Target::Part(Reference::Workaround(id)) => {
                let about = world.book.workarounds.get(id).map(|w| w.about.as_slice());
                shown_at(&self.target, about.unwrap_or_default(), &format!("workaround-{id}"))
            }
            Target::Part(reference) => reference.path(),
            Target::Section(slug, anchor) => format!("/runbooks/{slug}#{anchor}"),
            Target::Field(component, _) => format!("/components/{component}#fields"),
        }
    }
}

/// Where a decision or a workaround is shown: on a page of its own, or with the first part that it is about.
fn shown_at(target: &Target, about: &[Reference], anchor: &str) -> String {
    let own = match target {
        Target::Part(reference) => reference.path(),
        _ => String::new(),
    };
    if !own.starts_with("/find") {
        return own;
    }
    match about.first().map(Reference::path) {
        Some(path) => format!("{}#{anchor}", path.split('#').next().unwrap_or_default()),
        None => "/workflows".to_owned(),
    }
}

fn texts<'a>(texts: &'a [Cow<'_, str>]) -> Vec<&'a str> {
    texts.iter().map(AsRef::as_ref).collect()
}

/// What was written of these, one after the other.
fn written<'w, const N: usize>(said: [&'w Option<String>; N]) -> Cow<'w, str> {
    sentences(said.into_iter().filter_map(Option::as_deref))
}

/// Sentences in a row, each with its full stop.
fn sentences<'w>(said: impl Iterator<Item = &'w str>) -> Cow<'w, str> {
    let mut text = Cow::Borrowed("");
    for sentence in said.map(str::trim).filter(|s| !s.is_empty()) {
        if text.is_empty() {
            text = Cow::Borrowed(sentence);
            continue;
        }
        let text = text.to_mut();
        if !text.ends_with(['.', '!', '?', ':']) {
            text.push('.');
        }
        text.push(' ');
        text.push_str(sentence);
    }
    text
}

fn workflow(w: &Workflow) -> Entry<'_> {
    Entry {
        target: Target::Part(Reference::Workflow(w.id.clone())),
        kind: "workflow",
        ids: vec![w.id.as_str().into()],
        names: vec![w.name.as_str().into()],
        context: "".into(),
        text: written([&w.purpose, &w.outcome, &w.owner, &w.business_owner]),
    }
}

fn step<'w>(w: &'w Workflow, s: &'w Step) -> Entry<'w> {
    let failures = s.failure_points.iter().flat_map(|f| {
        [
            Some(f.id.as_str()),
            f.effect.as_deref(),
            f.automatic.as_deref(),
            f.when.code.as_deref(),
            f.when.message.as_deref(),
        ]
    });
    let said = [s.meaning.as_deref(), s.if_skipped.as_deref()].into_iter().chain(failures).flatten();
    Entry {
        target: Target::Part(Reference::Step(w.id.clone(), s.id.clone())),
        kind: "step",
        ids: vec![s.id.as_str().into(), format!("{}/{}", w.id, s.id).into()],
        names: vec![s.name.as_str().into()],
        context: w.name.as_str().into(),
        text: sentences(said),
    }
}

fn component(c: &Component) -> Entry<'_> {
    Entry {
        target: Target::Part(Reference::Component(c.id.clone())),
        kind: "component",
        ids: vec![c.id.as_str().into()],
        names: vec![c.name.as_str().into()],
        context: "".into(),
        text: written([&c.meaning, &c.if_unavailable, &c.owner]),
    }
}

fn field<'w>(c: &'w Component, f: &'w Field) -> Entry<'w> {
    Entry {
        target: Target::Field(c.id.clone(), f.name.clone()),
        kind: "field",
        ids: Vec::new(),
        names: vec![f.name.as_str().into()],
        context: c.name.as_str().into(),
        text: written([&f.documented, &f.in_practice]),
    }
}

fn decision(d: &Decision) -> Entry<'_> {
    Entry {
        target: Target::Part(Reference::Decision(d.id.clone())),
        kind: "decision",
        ids: vec![d.id.as_str().into()],
        names: vec![d.decided.as_str().into()],
        context: "".into(),
        text: written([&d.because]),
    }
}

fn workaround(w: &Workaround) -> Entry<'_> {
    Entry {
        target: Target::Part(Reference::Workaround(w.id.clone())),
        kind: "workaround",
        ids: vec![w.id.as_str().into()],
        names: vec![w.what.as_str().into()],
        context: "".into(),
        text: written([&w.harder_later, &w.owner]),
    }
}

fn runbook(document: &Document) -> Entry<'_> {
    let intro = document.outline.sections.first().filter(|s| s.anchor.is_empty()).map(|s| s.text.as_str());
    Entry {
        target: Target::Part(Reference::Runbook(document.record.slug.clone(), None)),
        kind: "runbook",
        ids: vec![document.record.slug.as_str().into()],
        names: vec![document.record.title.as_str().into()],
        context: "".into(),
        text: sentences([intro, document.front.owner.as_deref()].into_iter().flatten()),
    }
}

fn section(document: &Document, number: usize) -> Entry<'_> {
    let section = &document.outline.sections[number];
    Entry {
        target: Target::Section(document.record.slug.clone(), section.anchor.clone()),
        kind: "runbook",
        ids: Vec::new(),
        names: vec![section.title.as_str().into()],
        context: document.record.title.as_str().into(),
        text: section.text.as_str().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_reads_back_as_it_was_written() {
        for target in [
            Target::Part(Reference::Step("order-to-erp".into(), "push".into())),
            Target::Part(Reference::Runbook("erp-refuses-orders".into(), None)),
            Target::Section("erp-refuses-orders".into(), "wenn-es-überfällig-ist_1".into()),
            Target::Field("erp".into(), "status/code: old".into()),
        ] {
            assert_eq!(Target::parse(&target.to_string()), Some(target));
        }
        assert_eq!(Target::parse("nothing"), None);
    }
}
