//! What has exactly the id that was asked for: runs and subjects, by looks at indexes.

use std::collections::BTreeSet;

use app::model::find::Fit;
use app::model::pause::Pause;
use app::model::reference::Reference;
use app::model::subject::Subject;
use app::pages::find::Found;

use crate::App;
use crate::standing;
use crate::store::runs::{self, RunRecord};
use crate::store::{records, subjects};
use crate::web::error::Error;
use crate::web::runs::row;
use crate::web::workflows::urlencode;
use crate::world::World;

/// How many runs of one id, or of one subject, are looked at.
const MOST: usize = 40;

/// The runs and subjects that were asked for by their ids.
pub struct Exact {
    with_id: Vec<RunRecord>,
    /// Those that are about the subject that was asked for by its whole text.
    about: Vec<RunRecord>,
    subjects: Vec<Called>,
    /// The parts of the book and the runbooks with this id.
    parts: Vec<String>,
    pauses: Vec<Pause>,
}

/// A subject that was asked for by its text or its key.
struct Called {
    subject: Subject,
    /// Where its runs are, newest first, at most 40.
    runs: Vec<String>,
}

impl Called {
    /// Whether everything that was asked for exactly is it, or a run of it.
    fn tells_all(&self, exact: &[String]) -> bool {
        let own = subject_href(&self.subject);
        exact.iter().all(|href| *href == own || self.runs.contains(href))
    }
}

impl Exact {
    /// Looks for this id.
    pub async fn load(app: &App, world: &World, id: &str) -> Result<Self, Error> {
        let with_id = runs::by_run_id(app.db.read(), id, MOST as i64).await?;
        let subjects = subjects_called(app, world, id).await?;
        let mut about = match subjects.iter().any(|s| s.subject.text() == id) {
            true => runs::by_subject(app.db.read(), id, MOST as i64).await?,
            false => Vec::new(),
        };
        about.retain(|r| with_id.iter().all(|w| w.key != r.key));
        let pauses = match with_id.is_empty() && about.is_empty() {
            true => Vec::new(),
            false => standing::pauses_near(app, app.now()).await?,
        };
        Ok(Self { with_id, about, subjects, parts: parts_called(world, id), pauses })
    }

    /// Where to go at once: to the one thing that has exactly this id. `more` is what else has it.
    pub fn straight(&self, more: Vec<String>) -> Option<String> {
        let subjects = self.subjects.iter().map(|s| subject_href(&s.subject));
        let mut exact: Vec<String> = subjects.chain(self.with_id.iter().map(run_href)).collect();
        exact.extend(self.parts.iter().cloned().chain(more));
        let mut known = BTreeSet::new();
        exact.retain(|href| known.insert(href.clone()));
        match self.subjects.as_slice() {
            // Runs with this id that are about the one subject with this key are one answer: the subject, whose page
            // tells of all its runs, or the run itself where it is the only one.
            [one] if one.tells_all(&exact) => match one.runs.as_slice() {
                [run] if exact.len() > 1 => Some(run.clone()),
                _ => Some(subject_href(&one.subject)),
            },
            _ if exact.len() == 1 => exact.pop(),
            _ => None,
        }
    }

    /// As they are shown: subjects, then runs.
    pub fn found(&self, app: &App, world: &World) -> Vec<Found> {
        let subjects = self.subjects.iter().map(found_subject);
        let runs = self.with_id.iter().chain(&self.about).map(|record| {
            let row = row(app, world, record, &self.pauses);
            let workflow = world.name_of(&Reference::Workflow(record.workflow.clone()));
            Found {
                state: Some(row.state),
                snippet: vec![(row.sentence, false)],
                ..Found::new("run", format!("{workflow} {}", record.run), run_href(record), Fit::Id)
            }
        });
        subjects.chain(runs).collect()
    }
}

fn run_href(record: &RunRecord) -> String {
    format!("/runs/{}/{}", urlencode(&record.workflow), urlencode(&record.run))
}

fn subject_href(subject: &Subject) -> String {
    format!("/subjects/{}/{}", urlencode(subject.kind()), urlencode(subject.key()))
}

/// Where the workflow, the component and the runbook with this id are, or what it refers to: `step:order-to-erp/push`,
/// also without the word before the colon.
fn parts_called(world: &World, id: &str) -> Vec<String> {
    let own = |make: fn(String) -> Reference| make(id.to_owned());
    let mut parts =
        vec![own(Reference::Workflow), own(Reference::Component), own(|slug| Reference::Runbook(slug, None))];
    parts.extend(id.split_once('/').map(|(workflow, step)| Reference::Step(workflow.to_owned(), step.to_owned())));
    // A decision and a workaround have no page of their own: they are shown among what was found.
    let whole = Reference::parse(id).ok();
    parts.extend(whole.filter(|r| !matches!(r, Reference::Decision(_) | Reference::Workaround(_))));
    parts.into_iter().filter(|part| world.exists(part)).map(|part| part.path()).collect()
}

/// The subjects with this text, or with this key under a type that was heard of or that the book declares. A look at
/// an index a type: there are as many types as there are sorts of things in a business.
async fn subjects_called(app: &App, world: &World, id: &str) -> Result<Vec<Called>, Error> {
    let mut types: BTreeSet<String> = subjects::types(app.db.read()).await?.into_iter().collect();
    types.extend(world.book.workflows.values().filter_map(|w| w.subject.clone()));
    let mut wanted = BTreeSet::from([Subject::of(id)]);
    wanted.extend(types.iter().map(|kind| Subject::at(kind, id)));
    let mut called = Vec::new();
    for subject in wanted {
        let runs = runs::by_subject(app.db.read(), subject.text(), MOST as i64).await?;
        if !runs.is_empty() || !records::of_subject(app.db.read(), &subject).await?.is_empty() {
            called.push(Called { runs: runs.iter().map(run_href).collect(), subject });
        }
    }
    Ok(called)
}

fn found_subject(called: &Called) -> Found {
    let words = match called.runs.len() {
        0 => "Known from records of systems.".to_owned(),
        1 => "1 run".to_owned(),
        n if n == MOST => format!("{n} runs or more"),
        n => format!("{n} runs"),
    };
    let name = called.subject.text().to_owned();
    Found { snippet: vec![(words, false)], ..Found::new("subject", name, subject_href(&called.subject), Fit::Id) }
}
