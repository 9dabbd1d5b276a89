//! `/runbooks`: the list, and one runbook as it is or once was.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use app::markdown::{self, Chip, FactNow, ImageNow, Outline, fact_now};
use app::model::answer::{self, SetAside};
use app::model::book::Workflow;
use app::model::compare::compare;
use app::model::hourly::{HOUR, begin};
use app::model::image::{folder_of, path_in_book};
use app::model::mention::{Fact, Panel, PanelKind};
use app::model::moment::{Moment, Span};
use app::model::observed::{self, Observed};
use app::model::queue;
use app::model::reference::Reference;
use app::model::review::OBSERVED;
use app::model::review::words_with;
use app::model::sketch::Sketch;
use app::model::status::{State as Status, Trust};
use app::pages::runbook::{FactRow, FileText, FlagRow, Later, OldPicture, OldSection, RunbookPicture, SectionPicture};
use app::pages::runbooks::{RunbookRow, RunbooksPicture};
use app::pages::runs::RunRow;
use app::pages::shell::Place;
use app::pages::versions::Restore;
use app::pages::workflow::Recovery;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

use super::error::Error;
use super::session::PageContext;
use super::workflows::urlencode;
use super::{drills, edit, files, pkg, render, versions};
use crate::App;
use crate::book;
use crate::judging;
use crate::standing::{self, Standing};
use crate::store::acts;
use crate::store::runbooks::{self, VersionRecord};
use crate::store::usual as kept_hours;
use crate::world::{Document, World};

/// How many of the last runs of a workflow a text shows.
const RUNS_SHOWN: i64 = 5;

/// A runbook in a list.
pub fn row(world: &World, document: &Document, now: Moment) -> RunbookRow {
    let front = &document.front;
    let trust = document.trust(now);
    RunbookRow {
        slug: document.record.slug.clone(),
        title: document.record.title.clone(),
        version: document.record.version,
        saved_at: document.record.saved(),
        trust,
        reason: reason(world, document, trust),
        flags: document.flags(),
        reviewed: document.reviewed(),
        owner: front.owner.clone(),
        critical: front.critical,
        about: front.about.iter().map(|r| (r.to_string(), world.name_of(r))).collect(),
        missing: front.about.iter().filter(|r| !world.exists(r)).cloned().collect(),
        follow: None,
    }
}

/// Why a document is trusted as far as it is, in words.
fn reason(world: &World, document: &Document, trust: Trust) -> String {
    match trust {
        Trust::Trusted => "Reviewed, and nothing it speaks of has changed since.".to_owned(),
        Trust::NotLinked => "It links to no part, so nothing can tell when it becomes wrong.".to_owned(),
        Trust::NeverReviewed => "Nobody has said that it is right.".to_owned(),
        Trust::Overdue => match document.front.review_every {
            Some(every) => format!("It is to be reviewed every {}.", every.words()),
            None => String::new(),
        },
        Trust::CheckNeeded => {
            let first = document.trusts.iter().flat_map(|t| &t.differences).next();
            let more = document.flags() - 1;
            let told = match first {
                Some(d) if d.field == "exists" => match d.after.is_empty() {
                    true => format!("{} is gone", world.name_of(&d.subject)),
                    false => format!("{} is there now", world.name_of(&d.subject)),
                },
                Some(d) if d.field.starts_with(OBSERVED) => match d.after.as_str() {
                    "" => format!("{}, observed no more: {}", world.name_of(&d.subject), d.before),
                    after => format!("{}, observed: {after}", world.name_of(&d.subject)),
                },
                Some(d) => format!(
                    "{}: {} was {}, is {}",
                    world.name_of(&d.subject),
                    d.field,
                    or_nothing(&d.before),
                    or_nothing(&d.after)
                ),
                None if document.doubts.iter().any(|d| !d.is_empty()) => {
                    "Somebody followed it and says that it was not right".to_owned()
                }
                None => "A section was edited, or added, and not reviewed since".to_owned(),
            };
            if more > 0 { format!("{told}, and {more} more.") } else { format!("{told}.") }
        }
    }
}

fn or_nothing(value: &str) -> &str {
    if value.is_empty() { "nothing" } else { value }
}

/// The flags that stand on a section, by its number.
pub fn flags(world: &World, document: &Document, number: usize, now: Moment) -> Vec<FlagRow> {
    let said = &document.said[number];
    let section = &document.outline.sections[number];
    let facts: Vec<_> = section.facts.iter().map(|f| (f.subject.clone(), f.path.clone(), f.text.clone())).collect();
    document.trusts[number]
        .differences
        .iter()
        .map(|d| {
            let cause = world.cause(&d.subject, &d.field);
            FlagRow {
                runbook: document.record.slug.clone(),
                section: section.anchor.clone(),
                subject: d.subject.to_string(),
                name: world.name_of(&d.subject),
                field: d.field.clone(),
                // Of what was observed the reviewer saw nothing: it is told against what the book declares.
                before: match cause.filter(|_| d.field.starts_with(OBSERVED) && d.before.is_empty()) {
                    Some(cause) => cause.before_value.clone().unwrap_or_default(),
                    None => d.before.clone(),
                },
                after: d.after.clone(),
                changed_at: cause.map(|c| Moment::from_millis(c.changed_at)),
                by: cause.map(|c| c.changed_by.clone()).unwrap_or_default(),
                words: words_with(d, &facts, &section.text),
                answer: None,
                later: answer::later(said, Some(d), now).map(later),
                assignee: answer::assignee(said, Some(d)).map(str::to_owned),
                stated: document.spoken[number]
                    .iter()
                    .any(|spoken| spoken.subject == d.subject && spoken.stated.contains(&d.field)),
            }
        })
        .collect()
}

/// A flag left for later, as it is shown.
pub fn later(said: &SetAside) -> Later {
    Later { until: said.until.unwrap_or_default(), why: said.words.clone(), by: said.by.clone() }
}

/// What to do about trouble at a step: the section of the failure point that is its cause first, then a runbook for the
/// step, its component, the workflow.
pub fn recovery(world: &World, workflow: &Workflow, step: Option<&str>, cause: &str, now: Moment) -> Option<Recovery> {
    let declared = step.and_then(|s| workflow.step(s));
    if let Some(step) = declared {
        for point in step.failure_points.iter().filter(|p| cause.strip_prefix("failure:") == Some(&p.id)) {
            if let Some(Reference::Runbook(slug, section)) = &point.action
                && let Some(found) = section_of(world, slug, section.as_deref(), now)
            {
                return Some(found);
            }
        }
    }
    let mut places = Vec::new();
    if let Some(step) = declared {
        places.push(Reference::Step(workflow.id.clone(), step.id.clone()));
        places.extend(step.component.iter().chain(&step.via).map(|c| Reference::Component(c.clone())));
    }
    places.push(Reference::Workflow(workflow.id.clone()));
    places.iter().find_map(|place| recovery_for(world, place, now))
}

/// What to do about trouble with a part: the runbook that is for it.
pub fn recovery_for(world: &World, part: &Reference, now: Moment) -> Option<Recovery> {
    let document = world.speaking_of(part).find(|d| d.front.about.contains(part))?;
    section_of(world, &document.record.slug, None, now)
}

fn section_of(world: &World, slug: &str, anchor: Option<&str>, now: Moment) -> Option<Recovery> {
    let document = world.documents.get(slug)?;
    let sections = &document.outline.sections;
    // Without a section the first one with something to do; recovery comes first by convention.
    let number = anchor
        .and_then(|a| document.section(a))
        .or_else(|| sections.iter().position(|s| !s.steps.is_empty()))
        .or_else(|| sections.iter().position(|s| s.level > 0))?;
    let section = &sections[number];
    let flags = document.trusts[number].differences.len() as i64
        + i64::from(document.trusts[number].edited)
        + document.doubts[number].len() as i64;
    let own = document.trusts[number].trust;
    // Doubts about the document are doubts about each section, but for changes: those stand on the sections they touch.
    let trust = match document.trust(now) {
        Trust::CheckNeeded => own,
        whole => own.max(whole),
    };
    Some(Recovery {
        slug: slug.to_owned(),
        section: section.anchor.clone(),
        title: document.record.title.clone(),
        section_title: section.title.clone(),
        steps: section.steps.iter().take(3).map(|s| s.text.clone()).collect(),
        trust,
        flags,
        edited: document.trusts[number].edited,
        doubts: document.doubts[number].len() as i64,
    })
}

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
        Chip {
            exists: self.world.exists(reference),
            name: self.world.name_of(reference),
            href: reference.path(),
            state: self.state(reference),
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
        let words = match panel.kind {
            PanelKind::State | PanelKind::Runs => return None,
            PanelKind::Queue => self.waiting(panel).unwrap_or_else(|| format!("{} waiting", counts.total())),
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

/// The list as a page.
pub async fn list_page(State(app): State<Arc<App>>, context: PageContext) -> Response {
    match list(&app).await {
        Ok(picture) => {
            let head = app::pages::runbooks::head(&picture);
            let viewer = context.viewer.clone();
            let body = move || app::pages::runbooks::body(&picture, viewer.as_ref());
            render::page(&app, context, Place::Runbooks, head, None, StatusCode::OK, body).await
        }
        Err(error) => error.page(&app, context).await,
    }
}

/// The list as JSON.
pub async fn list_json(State(app): State<Arc<App>>) -> Result<Json<RunbooksPicture>, Error> {
    list(&app).await.map(Json)
}

/// Every runbook.
pub async fn list(app: &App) -> Result<RunbooksPicture, Error> {
    let world = app.worlds.now();
    let now = app.now();
    let mut last = acts::last_of_all(app.db.read()).await?;
    let mut of = |row: RunbookRow| {
        let follow = Some(drills::shown(last.remove(&row.slug).unwrap_or_default()));
        RunbookRow { follow, ..row }
    };
    let mut items: Vec<_> = world.documents.values().map(|d| of(row(&world, d, now))).collect();
    items.sort_by(|a, b| b.trust.cmp(&a.trust).then_with(|| a.title.cmp(&b.title)));
    Ok(RunbooksPicture { items, next: None })
}

/// One runbook as a page.
pub async fn page(State(app): State<Arc<App>>, context: PageContext, Path(slug): Path<String>) -> Response {
    show(&app, context, &slug, None).await
}

/// One version of it as a page.
pub async fn version_page(
    State(app): State<Arc<App>>,
    context: PageContext,
    Path((slug, version)): Path<(String, String)>,
) -> Response {
    show(&app, context, &slug, Some(&version)).await
}

async fn show(app: &App, context: PageContext, slug: &str, version: Option<&str>) -> Response {
    match picture(app, slug, version).await {
        Ok(Version::Newest(mut picture)) => {
            picture.mine = match mine(app, &context, slug).await {
                Ok(mine) => mine,
                Err(error) => return error.page(app, context).await,
            };
            let head = app::pages::runbook::head(&picture);
            let viewer = context.viewer.clone();
            let saved = context.notice.as_deref().is_some_and(edit::tells_of_saving);
            let body = move || app::pages::runbook::body_after(&picture, viewer.as_ref(), saved);
            render::page(app, context, Place::Runbooks, head, None, StatusCode::OK, body).await
        }
        Ok(Version::Old(picture)) => {
            let restore = Restore::offered(picture.version, picture.newest);
            show_old(app, context, *picture, restore, StatusCode::OK).await
        }
        Err(error) => error.page(app, context).await,
    }
}

/// The version that the person reading last followed, and when.
async fn mine(app: &App, context: &PageContext, slug: &str) -> Result<Option<(i64, Moment)>, Error> {
    match &context.viewer {
        Some(viewer) => Ok(acts::last_by(app.db.read(), slug, &viewer.name).await?),
        None => Ok(None),
    }
}

/// An old version as a page, with the form that restores it.
pub(super) async fn show_old(
    app: &App,
    context: PageContext,
    picture: OldPicture,
    restore: Restore,
    status: StatusCode,
) -> Response {
    let head = app::pages::runbook::old_head(&picture);
    let viewer = context.viewer.clone();
    let body = move || app::pages::runbook::old_body(&picture, viewer.as_ref(), &restore);
    render::page(app, context, Place::Runbooks, head, None, status, body).await
}

/// One runbook as JSON.
pub async fn json(State(app): State<Arc<App>>, Path(slug): Path<String>) -> Result<Json<Version>, Error> {
    picture(&app, &slug, None).await.map(Json)
}

/// One version of it as JSON.
pub async fn version_json(
    State(app): State<Arc<App>>,
    Path((slug, version)): Path<(String, String)>,
) -> Result<Json<Version>, Error> {
    picture(&app, &slug, Some(&version)).await.map(Json)
}

/// The newest version of a runbook, in use or not.
pub(super) fn newest_of<'a>(world: &'a World, slug: &str) -> Result<&'a VersionRecord, Error> {
    match (world.documents.get(slug), world.retired.get(slug)) {
        (Some(document), _) => Ok(&document.record),
        (None, Some((record, _))) => Ok(record),
        (None, None) => Err(Error::NotFound("runbook", slug.to_owned())),
    }
}

pub(super) fn document<'a>(world: &'a World, slug: &str) -> Result<&'a Arc<Document>, Error> {
    world.documents.get(slug).ok_or_else(|| Error::NotFound("runbook", slug.to_owned()))
}

/// What a runbook says now, or once said.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Version {
    /// The newest version, with what is thought of it.
    Newest(Box<RunbookPicture>),
    /// An older one.
    Old(Box<OldPicture>),
}

async fn picture(app: &App, slug: &str, version: Option<&str>) -> Result<Version, Error> {
    let version = match version.map(|v| (v, v.parse::<i64>())) {
        None => None,
        Some((_, Ok(number))) => Some(number),
        Some((text, Err(_))) => return Err(Error::NotFound("version", format!("{slug} {text}"))),
    };
    let world = app.worlds.now();
    let last = newest_of(&world, slug)?;
    let n = version.unwrap_or(last.version);
    if n != last.version || world.retired.contains_key(slug) {
        return old(app, &world, last, n).await.map(|picture| Version::Old(Box::new(picture)));
    }
    let newest = document(&world, slug)?;
    let shown = Shown::load(app, &world).await?.of_file(&newest.kept.place(), None);
    let shown = shown.of_text(app, &newest.outline).await?;
    Ok(Version::Newest(Box::new(newest_picture(app, &world, newest, &shown).await?)))
}

/// What a runbook says now, drawn against this.
pub async fn newest_picture(
    app: &App,
    world: &World,
    newest: &Document,
    shown: &(dyn markdown::Context + Sync),
) -> Result<RunbookPicture, Error> {
    let (slug, record, outline) = (newest.record.slug.as_str(), &newest.record, &newest.outline);
    let sections = markdown::render(outline, shown)
        .into_iter()
        .enumerate()
        .map(|(n, section)| SectionPicture {
            trust: newest.trusts[n].trust,
            flags: flags(world, newest, n, app.now()),
            anchor: section.anchor,
            title: section.title,
            level: section.level,
            html: section.html,
        })
        .collect();
    let in_file = newest
        .conflict
        .as_ref()
        .filter(|(_, text)| !text.is_empty())
        .map(|(_, text)| FileText { text: text.clone(), differences: compare(&record.body, text) });
    let (decisions, workarounds) = super::why::of_runbook(world, newest);
    Ok(RunbookPicture {
        row: RunbookRow {
            follow: Some(drills::shown(acts::last_of(app.db.read(), slug).await?)),
            ..row(world, newest, app.now())
        },
        has_steps: outline.sections.iter().any(|section| !section.steps.is_empty()),
        drills: drills::newest(app, slug).await?,
        mine: None,
        sections,
        facts: facts(shown, outline),
        links: links(world, outline),
        author: record.author.clone(),
        why: record.why.clone(),
        current: true,
        shown: record.version,
        shown_saved_at: record.saved(),
        conflict: newest.conflict.as_ref().map(|(words, _)| words.clone()),
        in_file,
        file: Some(files::file(app, newest).await?),
        decisions,
        workarounds,
    })
}

/// What version `n` said. It is not judged: the newest one is what people follow.
pub(super) async fn old(app: &App, world: &World, newest: &VersionRecord, n: i64) -> Result<OldPicture, Error> {
    let slug = newest.slug.as_str();
    let unknown = || Error::NotFound("version", format!("{slug} {n}"));
    let record = runbooks::version(app.db.read(), slug, n).await?.ok_or_else(unknown)?;
    let text = book::runbook_text(slug, &record.body);
    let outline = text.read().map_err(Error::Invalid)?;
    let kept = world.documents.get(slug).map(|d| &d.kept).or(world.retired.get(slug).map(|(_, kept)| kept));
    let until = runbooks::version(app.db.read(), slug, n + 1).await?.map(|next| next.saved());
    let place = kept.map(|kept| kept.place()).unwrap_or_default();
    let shown = Shown::load(app, world).await?.of_file(&place, until).of_text(app, &outline).await?;
    let section =
        |s: markdown::RenderedSection| OldSection { anchor: s.anchor, title: s.title, level: s.level, html: s.html };
    Ok(OldPicture {
        sections: markdown::render(&outline, &shown).into_iter().map(section).collect(),
        reviewed: versions::reviewers(app, slug).await?.remove(&n),
        about: text.front.about.iter().map(|r| (r.to_string(), world.name_of(r))).collect(),
        missing: text.front.about.iter().filter(|r| !world.exists(r)).cloned().collect(),
        owner: text.front.owner.clone(),
        critical: text.front.critical,
        facts: facts(&shown, &outline),
        links: links(world, &outline),
        slug: slug.to_owned(),
        version: n,
        newest: newest.version,
        retired: world.retired.get(slug).and_then(|(_, kept)| {
            Some((Moment::from_millis(kept.retired_at?), kept.retired_by.clone().unwrap_or_default()))
        }),
        saved_at: record.saved(),
        shown: n,
        shown_saved_at: record.saved(),
        current: false,
        trust: None,
        title: record.title,
        author: record.author,
        why: record.why,
    })
}

fn facts(context: &dyn markdown::Context, outline: &Outline) -> Vec<FactRow> {
    let all = outline.sections.iter().flat_map(|s| s.facts.iter().map(move |f| (s, f)));
    all.map(|(section, fact)| {
        let (holds, present) = match context.fact(fact) {
            FactNow::Holds => (true, Some(fact.stated.clone())),
            FactNow::Differs { present } => (false, Some(present)),
            // Nobody has seen that it is otherwise.
            FactNow::Unknown if observed::field(&fact.path).is_some() => (true, None),
            FactNow::Unknown => (false, None),
        };
        FactRow {
            section: section.anchor.clone(),
            text: fact.text.clone(),
            holds,
            stated: fact.stated.clone(),
            present,
        }
    })
    .collect()
}

pub(super) fn links(world: &World, outline: &Outline) -> Vec<(String, String, bool)> {
    let mut links: Vec<_> = outline
        .sections
        .iter()
        .flat_map(|s| &s.links)
        .map(|r| (r.to_string(), world.name_of(r), world.exists(r)))
        .collect();
    links.sort();
    links.dedup();
    links
}
