//! `/components`: what there is, what breaks without it, what changed, which documents speak of it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use app::model::blast::Affected;
use app::model::book::{Component, ComponentType, Limits};
use app::model::group::down;
use app::model::moment::{Moment, Span};
use app::model::problem::Where;
use app::model::queue::{Drain, Judged, Level};
use app::model::reference::Reference;
use app::model::status::State as Status;
use app::pages::component::{ComponentPicture, QueuePicture, StepUse};
use app::pages::components::{AffectedBy, ComponentRow, ComponentsPicture};
use app::pages::shell::Place;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::at::At;
use super::error::Error;
use super::pause::{MOST_PAUSES, pause_row};
use super::session::PageContext;
use super::{blast, now, render, runbooks, runs, sources};
use crate::App;
use crate::judging;
use crate::known_then::{self, StepsThen};
use crate::live::Topic;
use crate::standing::{self, Standing};
use crate::store::feed::{self, FeedRow};
use crate::store::tallies::{self, StepRow};
use crate::store::{parts, pauses, problems};
use crate::world::World;

/// How many changes and events a component's page shows.
const MOST: i64 = 20;

/// The state of each step that was seen: the worst of what is there.
type StepStates = HashMap<(String, String), Status>;

/// What is asked of one component, as in the URL.
#[derive(Debug, Default, Deserialize)]
pub struct Asked {
    /// `down` for a what-if.
    suppose: Option<String>,
}

impl Asked {
    fn supposed(&self) -> Result<bool, Error> {
        match self.suppose.as_deref() {
            None | Some("") => Ok(false),
            Some("down") => Ok(true),
            Some(other) => {
                Err(Error::Invalid(format!("What can be supposed of a component is \"down\", not \"{other}\".")))
            }
        }
    }
}

/// The list as a page.
pub async fn list_page(State(app): State<Arc<App>>, context: PageContext) -> Response {
    match list(&app).await {
        Ok(picture) => {
            let head = app::pages::components::head(&picture);
            let body = move || app::pages::components::body(&picture);
            render::page(&app, context, Place::Components, head, None, StatusCode::OK, body).await
        }
        Err(error) => error.page(&app, context).await,
    }
}

/// The list as JSON.
pub async fn list_json(State(app): State<Arc<App>>) -> Result<Json<ComponentsPicture>, Error> {
    list(&app).await.map(Json)
}

/// One component as a page.
pub async fn page(
    State(app): State<Arc<App>>,
    context: PageContext,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
    At(at): At,
) -> Response {
    let context = context.at(at);
    let supposed = match asked.supposed() {
        Ok(supposed) => supposed,
        Err(error) => return error.page(&app, context).await,
    };
    match picture(&app, &id, supposed, at).await {
        Ok(picture) => {
            let head = app::pages::component::head(&picture);
            let body = move || app::pages::component::body(&picture);
            // What is supposed stays as it is: what is so now must not take its place.
            let topic = (!supposed).then_some(Topic::Component(id));
            render::page(&app, context, Place::Components, head, topic, StatusCode::OK, body).await
        }
        Err(error) => error.page(&app, context).await,
    }
}

/// One component as JSON.
pub async fn json(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
    At(at): At,
) -> Result<Json<ComponentPicture>, Error> {
    picture(&app, &id, asked.supposed()?, at).await.map(Json)
}

/// The state at every step of every workflow that was seen.
pub async fn step_states(app: &App) -> sqlx::Result<StepStates> {
    let standings = standing::all(app, &app.worlds.now(), app.now()).await?;
    let of = |s: &Standing, (workflow, step): &(String, String)| {
        s.step_state(step).map(|state| ((workflow.clone(), step.clone()), state))
    };
    Ok(standings.iter().flat_map(|s| s.steps.iter().filter_map(move |(key, _)| of(s, key))).collect())
}

/// What is affected by what is down now.
async fn affected(app: &App, world: &World) -> sqlx::Result<Arc<Affected>> {
    Ok(world.affected(down(&problems::open(app.db.read()).await?, &world.book)))
}

/// What something is affected by, from the way to it; none when it is not.
pub fn affected_by(world: &World, path: &[String]) -> Option<AffectedBy> {
    let id = path.first()?;
    Some(AffectedBy { id: id.clone(), name: name_of(world, id), path: path.to_vec() })
}

/// The name of a component; its id when the book does not know it.
pub fn name_of(world: &World, id: &str) -> String {
    world.book.components.get(id).map_or_else(|| id.to_owned(), |c| c.name.clone())
}

async fn list(app: &App) -> Result<ComponentsPicture, Error> {
    let world = app.worlds.now();
    let states = step_states(app).await?;
    let queues = judging::queues::all(app, &world, app.now()).await?;
    let affected = affected(app, &world).await?;
    let one = |c: &Component| row(&world, c, &states, queues.get(&c.id), &affected);
    let mut items: Vec<_> = world.book.components.values().map(one).collect();
    items.sort_by(|a, b| a.kind.cmp(&b.kind).then_with(|| a.name.cmp(&b.name)));
    Ok(ComponentsPicture { items, next: None })
}

/// The worst state of the steps that a component does.
pub fn state_of(world: &World, id: &str, states: &StepStates) -> Option<Status> {
    world.book.steps_on(id).filter_map(|(w, s)| states.get(&(w.id.clone(), s.id.clone())).copied()).max()
}

fn row(
    world: &World,
    component: &Component,
    states: &StepStates,
    queue: Option<&Judged>,
    affected: &Affected,
) -> ComponentRow {
    let id = component.id.as_str();
    let state = match (queue, state_of(world, id, states)) {
        // A queue that says how it is may be well while a step that takes from it fails.
        (Some(queue), state) if state != Some(Status::Paused) => Some(queue.state),
        (_, state) => state,
    };
    // What has trouble of its own is not called affected.
    let fine = matches!(state, None | Some(Status::OnTrack));
    let affected_by = affected.components.get(id).filter(|_| fine).and_then(|path| affected_by(world, path));
    ComponentRow {
        id: id.to_owned(),
        name: component.name.clone(),
        kind: component.kind.words().to_owned(),
        state,
        affected_by,
        owner: component.owner.clone(),
        meaning: component.meaning.clone(),
        needed_by: (world.book.dependants(id).count() + world.book.steps_on(id).count()) as i64,
    }
}

/// A queue that reports and that the book does not know.
fn observed(id: &str) -> Component {
    Component {
        id: id.to_owned(),
        kind: ComponentType::Queue,
        name: id.to_owned(),
        owner: None,
        meaning: None,
        if_unavailable: None,
        depends_on: Vec::new(),
        limits: Limits::default(),
        fields: Vec::new(),
        reports: None,
    }
}

fn queue_picture(world: &World, id: &str, judged: &Judged, samples: Vec<Level>) -> QueuePicture {
    let seconds = |span: Span| span.millis() / 1000;
    // Two decimals are more than any rate is worth.
    let rounded = |rate: f64| (rate * 100.0).round() / 100.0;
    let (draining, drain) = match judged.drain {
        Drain::Empty => ("empty", None),
        Drain::In(span) => ("draining", Some(span)),
        Drain::Never => ("not_draining", None),
        Drain::Unknown => ("unknown", None),
    };
    QueuePicture {
        state: judged.state,
        sentence: judged.sentence.clone(),
        since: judged.since,
        reported_at: judged.level.at,
        depth: judged.level.depth,
        oldest_at: judged.level.oldest_at,
        unit: world.book.unit_in(id).map(str::to_owned),
        in_per_minute: judged.pace.and_then(|p| p.arrivals).map(rounded),
        out_per_minute: judged.pace.and_then(|p| p.departures).map(rounded),
        trend: judged.trend,
        draining,
        drain_seconds: drain.map(seconds),
        headroom_seconds: judged.headroom.map(seconds),
        samples,
    }
}

/// What is asked of the present, or of an earlier moment, for the page of one component.
struct Known {
    queue: Option<(Judged, Vec<Level>)>,
    states: StepStates,
    blast: Steps,
    events: Vec<FeedRow>,
}

/// The steps as they are, or as they were known.
enum Steps {
    Now(Vec<StepRow>),
    Then(StepsThen, Moment),
}

async fn known_now(app: &App, world: &World, id: &str) -> sqlx::Result<Known> {
    let queue = judging::queues::one(app, world, id, app.now()).await?;
    Ok(Known {
        queue: queue.map(|(judged, samples)| (judged, samples.to_vec())),
        states: step_states(app).await?,
        blast: Steps::Now(tallies::steps(app.db.read(), None).await?),
        events: feed::newest_about(app.db.read(), id, MOST).await?,
    })
}

async fn known_at(app: &App, world: &World, id: &str, at: Moment) -> sqlx::Result<Known> {
    let levels = known_then::levels(app, id, at).await?;
    let mut then = known_then::steps(app, world, at).await?;
    Ok(Known {
        queue: levels.and_then(|levels| Some((judging::queues::judged(app, world, id, &levels, at)?, levels))),
        states: std::mem::take(&mut then.states),
        blast: Steps::Then(then, at),
        events: feed::newest_about_by(app.db.read(), id, at, MOST).await?,
    })
}

/// That a component was not known at the moment asked for, and from when on it is.
async fn not_yet(app: &App, id: &str) -> Result<Error, Error> {
    let declared = app.worlds.now().known_since.get(&Reference::Component(id.to_owned())).copied();
    let first = match declared {
        Some(first) => Some(first),
        None => feed::about_heard_at(app.db.read(), id).await?,
    };
    Ok(match first {
        Some(_) => runs::not_yet(app, "component", id, first),
        None => Error::NotFound("component", id.to_owned()),
    })
}

/// Everything about one component, as it is or as it was known at a moment.
pub async fn picture(app: &App, id: &str, supposed: bool, at: Option<Moment>) -> Result<ComponentPicture, Error> {
    let world = app.world(at).await?;
    let now = at.unwrap_or_else(|| app.now());
    let known = match at {
        None => known_now(app, &world, id).await?,
        Some(at) => known_at(app, &world, id, at).await?,
    };
    let Known { queue, states, blast, events } = known;
    let declared = world.book.components.get(id);
    let component = match (declared, &queue) {
        (Some(component), _) => component,
        (None, Some(_)) => &observed(id),
        (None, None) if at.is_some() => return Err(not_yet(app, id).await?),
        (None, None) => return Err(Error::NotFound("component", id.to_owned())),
    };
    let affected = match &blast {
        Steps::Now(_) => affected(app, &world).await?,
        Steps::Then(then, _) => world.affected(then.down(&world.book)),
    };
    let steps = match &blast {
        Steps::Now(rows) => blast::Steps::Now(rows),
        Steps::Then(then, at) => blast::Steps::Then(then, *at),
    };
    let blast = blast::picture(app, &world, component, steps, supposed).await?;
    let mut not_known = world.not_known.clone();
    let steps_known = not_known.is_empty();
    if at.is_some() && blast.is_some() {
        not_known.push("How many were open then, and what was to start next, is not kept: of what breaks without it, that part is not known for then.".to_owned());
    }
    let reference = Reference::Component(id.to_owned());
    let changes = parts::changes_of(app.db.read(), &reference, now, MOST).await?;
    let about = |references: &[Reference]| references.contains(&reference);
    let name = |id: &str| world.book.components.get(id).map(|c| c.name.clone());
    let decisions: Vec<_> = world.book.decisions.values().filter(|d| about(&d.about)).cloned().collect();
    let documents: BTreeMap<_, _> = world.speaking_of(&reference).map(|d| (d.record.title.clone(), d)).collect();
    Ok(ComponentPicture {
        row: row(&world, component, &states, queue.as_ref().map(|(judged, _)| judged), &affected),
        declared: declared.is_some(),
        queue: queue.map(|(judged, samples)| queue_picture(&world, id, &judged, samples)),
        reports: component.reports.as_ref().map(|r| (r.source(component).to_owned(), r.every)),
        blast,
        pauses: pauses::of_target(app.db.read(), &Where::Component(id.to_owned()), now, MOST_PAUSES)
            .await?
            .iter()
            .map(|p| pause_row(&world, p, now, &app.config.zone()))
            .collect(),
        pause_at: world.book.steps_on(id).next().map(|(w, _)| w.id.clone()),
        if_unavailable: component.if_unavailable.clone(),
        depends_on: component.depends_on.iter().map(|d| (d.clone(), name(&d.id))).collect(),
        dependants: world.book.dependants(id).map(|(c, d)| (c.id.clone(), c.name.clone(), d.clone())).collect(),
        steps: world
            .book
            .steps_on(id)
            .map(|(w, s)| StepUse {
                workflow: w.id.clone(),
                workflow_name: w.name.clone(),
                step: s.id.clone(),
                step_name: s.name.clone(),
                how: if s.component.as_deref() == Some(id) { "does it" } else { "waits in it" },
                state: states.get(&(w.id.clone(), s.id.clone())).copied(),
            })
            .collect(),
        limits: component.limits.clone(),
        fields: component.fields.clone(),
        replaced: world.book.replaced(&decisions),
        decisions,
        workarounds: world.book.workarounds.values().filter(|w| about(&w.about)).cloned().collect(),
        changes: changes.iter().map(|c| now::change_row(&world, c)).collect(),
        documents: documents.into_values().map(|d| runbooks::row(&world, d, now)).collect(),
        events: events.into_iter().map(sources::event_row).collect(),
        not_known,
        steps_known,
    })
}
