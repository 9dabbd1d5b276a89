//! What breaks without a component: loads what is known of queues, schedules and trouble, and tells what follows.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use app::model::blast::{Blast, Cause, ComponentHit, Harm, Suppose, WorkflowHit, blast};
use app::model::book::Component;
use app::model::event::{Event, What};
use app::model::headroom::{Reading, headroom};
use app::model::moment::{Moment, Span};
use app::model::notice::Say;
use app::model::schedule::start_due;
use app::model::status::State as Status;
use app::model::verdict::{are, count_of};
use app::pages::blast::{BlastPicture, ComponentAffected, QueueRoom, StepAffected, When, WorkflowAffected};

use super::workflows;
use crate::App;
use crate::known_then::StepsThen;
use crate::store::feed::{self, FeedRow};
use crate::store::tallies::{self, StepRow, WorkflowTally};
use crate::store::watches;
use crate::world::World;

/// How many of a queue's newest reports tell how fast it fills.
const READINGS: i64 = 12;

/// What is wrong with a component now.
struct Trouble {
    sentence: String,
    since: Option<Moment>,
}

/// The steps, as what breaks is told from them.
#[derive(Debug, Clone, Copy)]
pub enum Steps<'s> {
    /// As they are.
    Now(&'s [StepRow]),
    /// As they were known at an earlier moment.
    Then(&'s StepsThen, Moment),
}

impl<'s> Steps<'s> {
    fn rows(self) -> &'s [StepRow] {
        match self {
            Self::Now(rows) => rows,
            Self::Then(then, _) => &then.rows,
        }
    }

    /// Since when the oldest of those in a state at a step is in it; the worst one there.
    async fn since(self, app: &App, key: &(String, String), state: Status) -> sqlx::Result<Option<Moment>> {
        match self {
            Self::Now(_) => Ok(watches::oldest(app.db.read(), &key.0, &key.1, state).await?.map(|watch| watch.since)),
            Self::Then(then, _) => Ok(then.since.get(key).copied()),
        }
    }
}

/// What breaks without a component: when that is supposed, or when it is in trouble; none otherwise. How many were open
/// at an earlier moment, and when what started next, is not known.
///
/// # Errors
/// What the database says.
pub async fn picture(
    app: &App,
    world: &World,
    component: &Component,
    steps: Steps<'_>,
    supposed: bool,
) -> sqlx::Result<Option<BlastPicture>> {
    let at = match steps {
        Steps::Now(_) => None,
        Steps::Then(_, at) => Some(at),
    };
    let now = at.unwrap_or_else(|| app.now());
    let trouble = trouble(app, world, component, steps, now).await?;
    if !supposed && trouble.is_none() {
        return Ok(None);
    }
    let tallies = match at {
        None => Some(tallies::workflows(app.db.read()).await?),
        Some(_) => None,
    };
    let next_start = tallies.as_ref().map(|tallies| next_starts(world, tallies, now)).unwrap_or_default();
    let down = BTreeSet::from([component.id.clone()]);
    let follows = |headroom: &_| blast(&Suppose { book: &world.book, down: &down, headroom, next_start: &next_start });
    // The first look says which queues matter, so that only those are asked for.
    let unknown = BTreeMap::new();
    let headroom = headrooms(app, world, &follows(&unknown).queues, now).await?;
    let blast = follows(&headroom);
    let zone = app.config.zone();
    let told = trouble.as_ref().filter(|_| !supposed).map(|t| t.sentence.as_str());
    let say = Say { book: &world.book, origin: &component.id, blast: &blast, trouble: told, now, zone: &zone };
    let draw = Draw { world, say, blast: &blast, tallies: tallies.as_ref() };
    Ok(Some(BlastPicture {
        supposed,
        since: trouble.as_ref().and_then(|t| t.since),
        trouble: trouble.as_ref().map(|t| t.sentence.clone()),
        summary: say.summary(),
        workflows: blast.workflows.iter().map(|hit| draw.workflow(hit)).collect(),
        components: blast.components.iter().map(|hit| draw.component(hit)).collect(),
        queues: blast.queues.iter().map(|id| draw.queue(id, headroom.get(id).copied())).collect(),
        unaffected_workflows: blast
            .unaffected_workflows
            .iter()
            .map(|id| (id.clone(), draw.workflow_name(id)))
            .collect(),
        unaffected_components: blast.unaffected_components.clone(),
        not_known: say.not_known(|queue| headroom.contains_key(queue)),
        notice: say.notice(),
    }))
}

/// The worst that is wrong at the steps that a component does.
async fn trouble(
    app: &App,
    world: &World,
    component: &Component,
    steps: Steps<'_>,
    now: Moment,
) -> sqlx::Result<Option<Trouble>> {
    let does = |workflow: &str, step: &str| {
        world.book.step(workflow, step).is_some_and(|s| s.component.as_deref() == Some(component.id.as_str()))
    };
    let wrong = steps
        .rows()
        .iter()
        .filter(|((workflow, step), _)| does(workflow, step))
        .map(|(key, tally)| (tally.here.worst(), tally.here.of(tally.here.worst()), key))
        .filter(|(state, _, _)| matches!(state, Status::Broken | Status::Late | Status::Retrying))
        .max_by_key(|(state, count, _)| (*state, *count));
    let Some((state, count, key)) = wrong else { return Ok(None) };
    let (workflow, step) = key;
    let since = steps.since(app, key, state).await?;
    let declared = world.workflow(workflow);
    let many = count_of(count, workflows::unit(declared));
    let what = match state {
        Status::Broken => format!("{} failed", if count == 1 { "has" } else { "have" }),
        Status::Late => format!("{} late", are(count)),
        _ => format!("{} tried again", are(count)),
    };
    let place = declared.and_then(|w| w.step(step)).map_or(step.as_str(), |s| s.name.as_str());
    let since_words = since.map(|at| format!(" since {}", at.words(now, &app.config.zone()))).unwrap_or_default();
    Ok(Some(Trouble { sentence: format!("{many} {what} at {place}{since_words}."), since }))
}

/// By workflow: how long until its next start; none at all while a run is under way.
fn next_starts(world: &World, tallies: &HashMap<String, WorkflowTally>, now: Moment) -> BTreeMap<String, Span> {
    let next = |id: &String| {
        let tally = tallies.get(id);
        // Failed runs stay open until somebody ends them: they are not under way.
        let open = tally.map(|t| t.open);
        if open.is_some_and(|open| open.on_track + open.retrying + open.late > 0) {
            return Some(Span::default());
        }
        let last = tally.and_then(|t| t.last_started_at).map(Moment::from_millis);
        let due = start_due(&world.workflow(id)?.expect, last, world.expected_from(id), now)?;
        Some(due.at.since(now).max(Span::default()))
    };
    world.book.workflows.keys().filter_map(|id| Some((id.clone(), next(id)?))).collect()
}

/// How long each of these queues holds out, where that can be told.
async fn headrooms(
    app: &App,
    world: &World,
    queues: &BTreeSet<String>,
    now: Moment,
) -> sqlx::Result<BTreeMap<String, Span>> {
    let mut known = BTreeMap::new();
    for id in queues {
        let Some(limits) = world.book.components.get(id).map(|c| &c.limits) else { continue };
        if limits.depth.is_none() && limits.oldest.is_none() {
            continue;
        }
        let reports = feed::newest_about_by(app.db.read(), id, now, READINGS).await?;
        let readings: Vec<_> = reports.iter().filter_map(reading).collect();
        if let Some(left) = headroom(limits, &readings, now) {
            known.insert(id.clone(), left);
        }
    }
    Ok(known)
}

/// What a queue reported; none when it is another event or without a depth.
fn reading(row: &FeedRow) -> Option<Reading> {
    let What::Queue(_, level) = Event::stored(&row.body).ok()?.what else { return None };
    let at = Moment::from_millis(row.happened_at);
    Some(Reading { at, depth: level.depth, oldest_at: level.oldest_at, arrived: level.arrived })
}

/// Makes rows of what follows.
struct Draw<'a> {
    world: &'a World,
    say: Say<'a>,
    blast: &'a Blast,
    /// None where they are not known.
    tallies: Option<&'a HashMap<String, WorkflowTally>>,
}

impl Draw<'_> {
    fn component_name(&self, id: &str) -> String {
        self.world.book.components.get(id).map_or_else(|| id.to_owned(), |c| c.name.clone())
    }

    fn workflow_name(&self, id: &str) -> String {
        self.world.workflow(id).map_or_else(|| id.to_owned(), |w| w.name.clone())
    }

    fn when(&self, harm: Harm) -> When {
        let now = self.say.now;
        When { earliest: now + harm.earliest, latest: harm.latest.map(|at| now + at), words: self.say.when(harm) }
    }

    fn workflow(&self, hit: &WorkflowHit) -> WorkflowAffected {
        let declared = self.world.workflow(&hit.id);
        let path = match hit.first().map(|step| &step.cause) {
            Some(Cause::Component(id)) => self.blast.path(id),
            Some(Cause::After(_)) | None => Vec::new(),
        };
        let step = |hit: &app::model::blast::StepHit, workflow: &str| {
            let declared = self.world.book.step(workflow, &hit.step);
            StepAffected {
                id: hit.step.clone(),
                name: declared.map_or_else(|| hit.step.clone(), |s| s.name.clone()),
                condition: hit.condition,
                when: self.when(hit.harm),
                why: self.say.step(workflow, hit),
                if_skipped: declared.and_then(|s| s.if_skipped.clone()),
            }
        };
        WorkflowAffected {
            id: hit.id.clone(),
            name: self.workflow_name(&hit.id),
            condition: hit.condition,
            when: self.when(hit.harm),
            hurt_by: hit.hurt_by.map(|at| self.say.now + at),
            late_at: hit.late.map(|late| self.say.now + late),
            sentence: self.say.workflow(hit),
            step: hit.at.clone(),
            outcome: declared.and_then(|w| w.outcome.clone()),
            business_owner: declared.and_then(|w| w.business_owner.clone()),
            criticality: declared.map(|w| w.criticality).unwrap_or_default(),
            unit: workflows::unit(declared).to_owned(),
            waiting: self.tallies.map(|tallies| tallies.get(&hit.id).map_or(0, |t| t.open.total())),
            path: path.into_iter().map(|id| (id.clone(), self.component_name(&id))).collect(),
            steps: hit.steps.iter().map(|s| step(s, &hit.id)).collect(),
        }
    }

    fn component(&self, hit: &ComponentHit) -> ComponentAffected {
        let blocked = hit.instead.is_none();
        let declared = self.world.book.components.get(&hit.id);
        ComponentAffected {
            id: hit.id.clone(),
            name: self.component_name(&hit.id),
            condition: hit.condition,
            when: self.when(hit.harm),
            sentence: self.say.component(hit),
            fallback: hit.instead.as_ref().and_then(|i| i.words.clone()),
            if_unavailable: declared.and_then(|c| c.if_unavailable.clone()).filter(|_| blocked),
            needs: (hit.needs.clone(), self.component_name(&hit.needs)),
            hops: hit.hops,
        }
    }

    fn queue(&self, id: &str, left: Option<Span>) -> QueueRoom {
        QueueRoom {
            id: id.to_owned(),
            name: self.component_name(id),
            minutes: left.map(|left| left.millis() / 60_000),
            until: left.map(|left| self.say.now + left),
        }
    }
}
