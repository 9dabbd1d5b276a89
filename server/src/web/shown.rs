//! What documents are rendered against: how the parts stand that they link to, state facts of, and show live.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use app::markdown::{self, Chip, FactNow, ImageNow, Outline, fact_now};
use app::model::hourly::{HOUR, begin};
use app::model::image::{folder_of, path_in_book};
use app::model::mention::{self, Fact, Panel, PanelKind, Shelved, absent_now};
use app::model::moment::{Moment, Span};
use app::model::observed::{self, Observed};
use app::model::queue;
use app::model::reference::Reference;
use app::model::sketch::Sketch;
use app::model::status::State as Status;
use app::pages::runs::RunRow;

use super::error::Error;
use super::pkg;
use super::workflows::urlencode;
use crate::App;
use crate::judging;
use crate::standing::{self, Standing};
use crate::store::usual as kept_hours;
use crate::world::World;

/// How many of the last runs of a workflow a text shows.
const RUNS_SHOWN: i64 = 5;

/// What documents are rendered against: the state of everything they may link to.
pub struct Shown<'a> {
    world: &'a World,
    standings: HashMap<String, Standing>,
    queues: HashMap<String, queue::Judged>,
    /// What is observed of the parts about which a text states it, durations apart.
    durations: HashMap<Reference, Sketch>,
    /// The last runs of the workflows that a text shows them of.
    runs: HashMap<String, Vec<RunRow>>,
    now: Moment,
    sprite: String,
    /// The text itself with its name, where it is not in use as it is shown.
    draft: Option<(String, Arc<Outline>)>,
    /// The folder of the file that the text is in, and until when the text was in use, for its images.
    place: Option<(String, Option<Moment>)>,
}

impl<'a> Shown<'a> {
    /// Looks up how things stand.
    pub async fn load(app: &App, world: &'a World) -> Result<Self, Error> {
        let standings = standing::all(app, world, app.now()).await?;
        Ok(Self {
            world,
            standings: standings.into_iter().map(|s| (s.id.clone(), s)).collect(),
            queues: judging::queues::all(app, world, app.now()).await?,
            durations: HashMap::new(),
            runs: HashMap::new(),
            now: app.now(),
            sprite: format!("{}/icons.svg", pkg::folder()),
            draft: None,
            place: None,
        })
    }

    /// The same, with what this text states and shows of how things went lately.
    pub async fn of_text(mut self, app: &App, outline: &Outline) -> Result<Self, Error> {
        let sections = || outline.sections.iter();
        let stated = sections().flat_map(|s| &s.facts).filter(|fact| observed::field(&fact.path).is_some());
        let stated: BTreeSet<&Reference> = stated.map(|fact| &fact.subject).collect();
        for subject in stated {
            let durations = durations(app, self.world, subject).await?;
            self.durations.insert(subject.clone(), durations);
        }
        let shown = sections().flat_map(|s| &s.panels).filter(|panel| panel.kind == PanelKind::Runs);
        let shown: BTreeSet<&str> = shown.map(|panel| panel.target.as_str()).collect();
        for workflow in shown {
            let runs = super::runs::newest(app, self.world, workflow, RUNS_SHOWN).await?;
            self.runs.insert(workflow.to_owned(), runs);
        }
        Ok(self)
    }

    /// What is observed of a part now.
    fn observed(&self, subject: &Reference) -> Observed {
        let tally = |workflow: &str, step: Option<&str>| {
            let standing = self.standings.get(workflow)?;
            Some(match step {
                None => standing.tally.open.total(),
                Some(step) => {
                    standing.steps.iter().find(|((_, id), _)| id == step).map_or(0, |(_, tally)| tally.here.total())
                }
            })
        };
        let queue = match subject {
            Reference::Component(id) => self.queues.get(id),
            _ => None,
        };
        Observed {
            state: self.state(subject),
            waiting: match subject {
                Reference::Workflow(id) => tally(id, None),
                Reference::Step(workflow, step) => tally(workflow, Some(step)),
                _ => None,
            },
            durations: self.durations.get(subject).cloned().unwrap_or_default(),
            depth: queue.map(|queue| queue.level.depth),
            oldest: queue.and_then(|queue| queue.level.oldest_at).map(|at| self.now.since(at)),
        }
    }

    /// How a stated fact stands now.
    fn fact_now(&self, fact: &Fact) -> FactNow {
        match observed::field(&fact.path) {
            Some(field) => self.observed(&fact.subject).fact_now(field, &fact.stated),
            None => fact_now(&self.world.book, fact),
        }
    }

    /// For the text of this file, which was in use until a moment or still is: its images are those of then.
    #[must_use]
    pub fn of_file(self, file: &str, until: Option<Moment>) -> Self {
        Self { place: Some((folder_of(file).to_owned(), until)), ..self }
    }

    /// For the text of a runbook that is being written: what it links to in itself is looked up in it.
    #[must_use]
    pub fn of_draft(self, slug: &str, outline: &Arc<Outline>) -> Self {
        Self { draft: Some((slug.to_owned(), outline.clone())), ..self }
    }

    fn step_state(&self, workflow: &str, step: &str) -> Option<Status> {
        self.standings.get(workflow)?.step_state(step)
    }

    fn state(&self, reference: &Reference) -> Option<Status> {
        match reference {
            Reference::Workflow(id) => self.standings.get(id).map(|s| s.verdict.state),
            Reference::Step(w, s) | Reference::Failure(w, s, _) => self.step_state(w, s),
            Reference::Component(id) => self.queues.get(id).map(|queue| queue.state).or_else(|| {
                let steps = self.world.book.steps_on(id);
                steps.filter_map(|(w, s)| self.step_state(&w.id, &s.id)).max()
            }),
            Reference::Decision(_) | Reference::Workaround(_) | Reference::Runbook(..) => None,
        }
    }

    /// What the queue says that a panel is about: a queue, or the one that a step waits in.
    fn waiting(&self, panel: &Panel) -> Option<String> {
        let id = match panel.candidates().into_iter().find(|r| self.world.exists(r))? {
            Reference::Component(id) => id,
            Reference::Step(workflow, step) => self.world.book.step(&workflow, &step)?.via.clone()?,
            _ => return None,
        };
        let queue = self.queues.get(&id).filter(|queue| queue.state != Status::NoSignal)?;
        Some(queue::short(&queue.level, &judging::queues::limits(self.world, &id)))
    }

    /// The state of what a panel is about, and the sentence that says it: for a workflow those that its own page has.
    fn state_now(&self, panel: &Panel) -> Option<(Status, &str)> {
        let reference = panel.candidates().into_iter().find(|r| self.world.exists(r))?;
        if let Reference::Workflow(id) = &reference {
            return self.standings.get(id).map(|s| (s.verdict.state, s.verdict.sentence.as_str()));
        }
        // Silence is never green.
        Some(self.state(&reference).map_or((Status::NoSignal, "Nothing has been heard of it yet."), |s| (s, "")))
    }

    /// Runs at the steps that a panel is about: (retrying, late, broken, open).
    fn counts(&self, panel: &Panel) -> Option<crate::store::tallies::Counts> {
        let reference = panel.candidates().into_iter().find(|r| self.world.exists(r))?;
        let mut sum = crate::store::tallies::Counts::default();
        let mut add = |workflow: &str, step: Option<&str>| {
            let steps = self.standings.get(workflow).map(|s| s.steps.as_slice()).unwrap_or_default();
            for (_, tally) in steps.iter().filter(|((_, s), _)| step.is_none_or(|step| step == s)) {
                for state in [Status::OnTrack, Status::Retrying, Status::Late, Status::Broken] {
                    sum.add(state, tally.here.of(state));
                }
            }
        };
        match &reference {
            Reference::Workflow(id) => add(id, None),
            Reference::Step(w, s) => add(w, Some(s)),
            Reference::Component(id) => {
                for (workflow, step) in self.world.book.steps_on(id) {
                    add(&workflow.id, Some(&step.id));
                }
            }
            _ => return None,
        }
        Some(sum)
    }
}

impl markdown::Context for Shown<'_> {
    fn chip(&self, reference: &Reference) -> Chip {
        let own = self.draft.as_ref().and_then(|(slug, outline)| outline.has_own(slug, reference));
        Chip {
            exists: own.unwrap_or_else(|| self.world.exists(reference)),
            name: self.world.name_of(reference),
            href: reference.path(),
            state: self.state(reference),
        }
    }

    fn absent(&self, reference: &Reference) -> String {
        match &self.draft {
            Some((slug, outline)) if outline.has_own(slug, reference).is_some() => mention::absent(reference),
            _ => absent(self.world, reference),
        }
    }

    fn fact(&self, fact: &Fact) -> FactNow {
        self.fact_now(fact)
    }

    fn panel(&self, panel: &Panel) -> Option<String> {
        if panel.kind == PanelKind::State {
            let (state, sentence) = self.state_now(panel)?;
            return Some(panel_html(&panel.alt, state.words(), sentence));
        }
        if panel.kind == PanelKind::Runs {
            return self.runs.get(&panel.target).map(|runs| runs_html(&panel.alt, runs));
        }
        let counts = self.counts(panel)?;
        // Silence is no zero: whoever reads "0 waiting" goes on.
        let silent = matches!(self.state_now(panel), Some((Status::NoSignal, _)));
        let not_known = || "not known, nothing is heard of it".to_owned();
        let words = match panel.kind {
            PanelKind::State | PanelKind::Runs => return None,
            PanelKind::Queue => match self.waiting(panel) {
                Some(words) => words,
                None if silent && counts.total() == 0 => not_known(),
                None => format!("{} waiting", counts.total()),
            },
            PanelKind::Retries | PanelKind::Stuck if silent && counts.total() == 0 => not_known(),
            PanelKind::Retries => match counts.retrying {
                0 => "none is trying again".to_owned(),
                n => format!("{n} trying again"),
            },
            PanelKind::Stuck => match counts.late + counts.broken {
                0 => "none is stuck".to_owned(),
                n => format!("{n} stuck ({} late, {} failed)", counts.late, counts.broken),
            },
            PanelKind::Dependents => {
                let reference = panel.candidates().into_iter().find(|r| self.world.exists(r))?;
                let Reference::Component(id) = &reference else { return None };
                let names: Vec<_> = self.world.book.dependants(id).map(|(c, _)| c.name.as_str()).collect();
                if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
            }
        };
        Some(panel_html(&panel.alt, &words, ""))
    }

    fn image(&self, address: &str) -> ImageNow {
        let Some((folder, until)) = &self.place else { return ImageNow::AsLink };
        match path_in_book(folder, address).map(|path| self.world.images.at(&path, *until)) {
            None => ImageNow::AsLink,
            Some(None) => ImageNow::Missing,
            Some(Some(image)) => ImageNow::Here { src: format!("/images/{}", image.hash), size: image.size },
        }
    }

    fn sprite(&self) -> &str {
        &self.sprite
    }
}

/// The sentence that says that a part is not there: a runbook that is out of use is told as that.
pub fn absent(world: &World, reference: &Reference) -> String {
    let shelved = match reference {
        Reference::Runbook(slug, _) if world.documents.contains_key(slug) => Shelved::InUse,
        Reference::Runbook(slug, _) if world.retired.contains_key(slug) => Shelved::Retired,
        _ => Shelved::Nowhere,
    };
    absent_now(reference, shelved)
}

/// A live panel: its words in bold, then a sentence that may be empty.
fn panel_html(alt: &str, words: &str, sentence: &str) -> String {
    let sentence = if sentence.is_empty() { String::new() } else { format!(". {}", escape(sentence)) };
    format!("<span class=\"panel\">{}: <strong>{}</strong>{sentence}</span>", escape(alt), escape(words))
}

/// The last runs of a workflow, the newest first, each with its state and the way to its story.
fn runs_html(alt: &str, runs: &[RunRow]) -> String {
    let one = |run: &RunRow| {
        let href = format!("/runs/{}/{}", urlencode(&run.workflow), urlencode(&run.run));
        let (href, run_id, sentence) = (escape(&href), escape(&run.run), escape(&run.sentence));
        format!("<li><a href=\"{href}\">{run_id}</a> <strong>{}</strong>. {sentence}</li>", run.state.words())
    };
    match runs {
        [] => panel_html(alt, "none yet", ""),
        runs => {
            let list: String = runs.iter().map(one).collect();
            format!("<div class=\"panel\"><p>{}:</p><ul>{list}</ul></div>", escape(alt))
        }
    }
}

/// How long the visits of a part took in the last 24 hours: of a step, of all steps that a component does, or of a
/// workflow's runs as a whole.
async fn durations(app: &App, world: &World, subject: &Reference) -> Result<Sketch, Error> {
    let places: Vec<(&str, &str)> = match subject {
        Reference::Workflow(id) => vec![(id, "")],
        Reference::Step(workflow, step) => vec![(workflow, step)],
        Reference::Component(id) => world.book.steps_on(id).map(|(w, s)| (w.id.as_str(), s.id.as_str())).collect(),
        _ => Vec::new(),
    };
    let newest = begin(app.now(), HOUR);
    let hours: BTreeSet<Moment> = (0..=24).map(|back| newest - Span::from_minutes(60 * back)).collect();
    let workflows: BTreeSet<&str> = places.iter().map(|(workflow, _)| *workflow).collect();
    let mut all = Sketch::default();
    for workflow in workflows {
        let kept = kept_hours::hours(app.db.read(), &hours, Some(workflow)).await?;
        for (workflow, step) in places.iter().filter(|(of, _)| *of == workflow) {
            let tallies =
                kept.get(&((*workflow).to_owned(), (*step).to_owned())).into_iter().flat_map(|of| of.values());
            tallies.for_each(|tally| all.merge(&tally.durations));
        }
    }
    Ok(all)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
