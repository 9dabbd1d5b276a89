//! What was found by words as it is shown: with its state or its trust, and the words marked.

use std::collections::HashMap;

use app::model::find::snippet::snippet;
use app::model::find::{Asked, Closeness, Fit};
use app::model::problem::Problem;
use app::model::queue::Judged;
use app::model::reference::Reference;
use app::model::status::{State, Trust};
use app::pages::find::Found;

use crate::App;
use crate::finding::Hit;
use crate::finding::entries::{Entry, Target};
use crate::judging::queues;
use crate::standing::{self, Standing};
use crate::store::problems;
use crate::web::error::Error;
use crate::web::workflows::urlencode;
use crate::web::{components, problems as problem_pages, runbooks};
use crate::world::{Document, World};

/// How many open problems are shown.
const MOST_PROBLEMS: usize = 5;

/// No text scores as high for its words.
const WRONG_NOW: f32 = 1_000.0;

/// What things are shown with, and what no book declares.
pub struct Shown<'a> {
    app: &'a App,
    world: &'a World,
    asked: &'a Asked,
    standings: Vec<Standing>,
    steps: HashMap<(String, String), State>,
    queues: HashMap<String, Judged>,
    open: Vec<Problem>,
}

impl<'a> Shown<'a> {
    /// Loads how everything stands.
    pub async fn load(app: &'a App, world: &'a World, asked: &'a Asked) -> Result<Self, Error> {
        let standings = standing::all(app, world, app.now()).await?;
        let of = |s: &Standing, (workflow, step): &(String, String)| {
            s.step_state(step).map(|state| ((workflow.clone(), step.clone()), state))
        };
        let steps = standings.iter().flat_map(|s| s.steps.iter().filter_map(move |(key, _)| of(s, key))).collect();
        let queues = queues::all(app, world, app.now()).await?;
        let mut open = problems::open(app.db.read()).await?;
        open.retain(Problem::is_raised);
        Ok(Self { app, world, asked, standings, steps, queues, open })
    }

    /// What fits of that which no index has: open problems, by words or as `#12`, and what no book declares.
    pub fn live(&self) -> Vec<(Fit, f32, Found)> {
        let undeclared = self.standings.iter().filter(|s| self.world.workflow(&s.id).is_none()).filter_map(|s| {
            let fit = self.asked.names(&[&s.id], &[])?;
            let href = format!("/workflows/{}", urlencode(&s.id));
            Some((fit, Found { state: Some(s.verdict.state), ..Found::new("workflow", s.id.clone(), href, fit) }))
        });
        let queues = self.queues.iter().filter(|(id, _)| !self.world.book.components.contains_key(*id));
        let queues = queues.filter_map(|(id, queue)| {
            let fit = self.asked.names(&[id], &[])?;
            let href = format!("/components/{}", urlencode(id));
            Some((fit, Found { state: Some(queue.state), ..Found::new("component", id.clone(), href, fit) }))
        });
        let mut problems: Vec<_> = self.open.iter().filter_map(|problem| self.problem(problem)).collect();
        problems.sort_by(|a, b| b.0.cmp(&a.0).then(b.1.state.cmp(&a.1.state)));
        problems.truncate(MOST_PROBLEMS);
        // What is wrong now stands before what is written about it.
        let problems = problems.into_iter().map(|(fit, found)| (fit, WRONG_NOW, found));
        undeclared.chain(queues).map(|(fit, found)| (fit, 1.0, found)).chain(problems).collect()
    }

    fn problem(&self, problem: &Problem) -> Option<(Fit, Found)> {
        let said = self.standings.iter().flat_map(|s| &s.verdict.wrong);
        let said = said.filter(|w| w.problem.as_ref().is_some_and(|p| p.id == problem.id)).map(|w| w.sentence.as_str());
        let sentence = said.chain([problem.sentence.as_str()]).find(|s| !s.is_empty()).unwrap_or_default();
        let (name, number) = (problem_pages::link(self.world, problem).name, format!("#{}", problem.id));
        let text = [sentence, problem.error.as_str()].join(" ");
        let fit = match number == self.asked.text() {
            true => Fit::Id,
            // A number alone is that of an order or a run, and a name alone that of the place where the problem is.
            false => self.asked.fit(&[], &[], &format!("{name} {text}"), Closeness::AsWritten)?,
        };
        let found = Found::new("problem", name, format!("/problems/{}", problem.id), fit);
        let snippet = snippet(&text, self.asked, Closeness::AsWritten);
        Some((fit, Found { state: Some(problem.state), snippet, ..found }))
    }

    /// What was found in the world, as it is in it.
    pub fn hit(&self, hit: &Hit) -> Option<Found> {
        let entry = Entry::of(self.world, &hit.target)?;
        let closeness = if hit.fit == Fit::Close { Closeness::Close } else { Closeness::AsWritten };
        let found = Found::new(entry.kind, entry.name(), entry.href(self.world), hit.fit);
        let found = Found { snippet: snippet(&entry.text, self.asked, closeness), ..found };
        let state = |state| Found { state, ..found.clone() };
        Some(match &hit.target {
            Target::Part(Reference::Workflow(id)) => {
                state(self.standings.iter().find(|s| s.id == *id).map(|s| s.verdict.state))
            }
            Target::Part(Reference::Step(w, s)) => state(self.steps.get(&(w.clone(), s.clone())).copied()),
            Target::Part(Reference::Component(id)) => {
                let queue = self.queues.get(id).map(|queue| queue.state);
                state(queue.or_else(|| components::state_of(self.world, id, &self.steps)))
            }
            Target::Part(Reference::Runbook(slug, _)) => {
                let document = self.world.documents.get(slug)?;
                self.trusted(document, None, found)
            }
            Target::Section(slug, anchor) => {
                let document = self.world.documents.get(slug)?;
                self.trusted(document, document.section(anchor), found)
            }
            _ => found,
        })
    }

    /// The same with how far it can be believed, and why: a section by what it says itself, as on its page.
    fn trusted(&self, document: &Document, section: Option<usize>, found: Found) -> Found {
        let row = runbooks::row(self.world, document, self.app.now());
        let whole = Found { trust: Some(row.trust), reason: row.reason, flags: row.flags, ..found.clone() };
        let Some(number) = section else {
            let start =
                || document.outline.sections.first().map(|s| snippet(&s.text, self.asked, Closeness::AsWritten));
            let snippet = if found.snippet.is_empty() { start().unwrap_or_default() } else { found.snippet };
            return Found { snippet, ..whole };
        };
        let own = &document.trusts[number];
        let others = if row.trust == Trust::CheckNeeded { " Another section may be wrong." } else { "" };
        let (trust, reason) = match (own.trust, row.trust) {
            (Trust::CheckNeeded, _) => (Trust::CheckNeeded, runbooks::doubt(self.world, document, Some(number))),
            (_, Trust::Overdue) => return Found { flags: 0, ..whole },
            (Trust::Trusted, _) => {
                (Trust::Trusted, format!("Reviewed, and nothing it speaks of has changed since.{others}"))
            }
            (Trust::NotLinked, _) => {
                (Trust::NotLinked, format!("It links to no part, so nothing can tell when it becomes wrong.{others}"))
            }
            (trust, _) => (trust, format!("Nobody has said that this section is right.{others}")),
        };
        Found { trust: Some(trust), reason, flags: document.flags_of(number), ..found }
    }
}
