//! The blast radius: what stops, what goes on in a lesser way, and when that hurts, if components are down.
//!
//! What follows from a component that is down, dependency by dependency ("C needs N"):
//!
//! - **sync**, nothing takes its place: C is blocked as soon as N is. With a fallback C is degraded instead.
//! - **queue**: C is blocked when the queue before N is full. A queue that is itself down holds nothing: what needs it
//!   is blocked with it. A queue that hands over to N is blocked when it is full itself.
//! - **batch**: C is blocked at its next batch: the next start of a workflow in which it does a step.
//! - **manual**: C is degraded. It works, but what the person does for it waits.
//!
//! A degraded component still answers, in a lesser way, and so whatever asks it is degraded as well; not so where only
//! a person is missing, because nobody else's answer depends on that. A step whose component is blocked stops its
//! workflow from there on; one with a queue in front does so when that queue is full. A workflow with a schedule is
//! hurt at its next start.
//!
//! Times are counted from now, add up along the way, and the shortest way counts. What is not known makes a range: the
//! earliest takes an unknown time for none, the latest for endless. Ways through cycles are longer, so cycles end.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap};

use serde::Serialize;

use super::book::{Book, Component, ComponentType, Dependency, DependencyMode, Workflow};
use super::moment::Span;

/// No end is known.
const ENDLESS: i64 = i64::MAX;

/// What is supposed, and what is known of the time that is left.
#[derive(Debug, Clone, Copy)]
pub struct Suppose<'a> {
    /// What is declared.
    pub book: &'a Book,
    /// The components that are down; ids that the book does not know are taken for components as well.
    pub down: &'a BTreeSet<String>,
    /// By queue: how long from now until it is over its limit if nothing leaves it; absent when not known.
    pub headroom: &'a BTreeMap<String, Span>,
    /// By workflow: how long from now until its next start, zero when it is running; absent when not known.
    pub next_start: &'a BTreeMap<String, Span>,
}

/// How badly something is affected; the greater is the worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// It goes on in a lesser way.
    Degraded,
    /// It stops.
    Blocked,
}

/// When it hurts, counted from now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Harm {
    /// Not before this.
    pub earliest: Span,
    /// Not after this; none when nothing tells.
    pub latest: Option<Span>,
}

impl Harm {
    /// The time, where it is known exactly.
    pub fn exactly(self) -> Option<Span> {
        self.latest.filter(|latest| *latest == self.earliest)
    }
}

/// What follows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Blast {
    /// Affected components: blocked ones, then degraded ones; the soonest first.
    pub components: Vec<ComponentHit>,
    /// Affected workflows: blocked ones, then degraded ones; the soonest harm to the business first.
    pub workflows: Vec<WorkflowHit>,
    /// Components of the book that go on as before, by id.
    pub unaffected_components: Vec<String>,
    /// Workflows that go on as before, by id.
    pub unaffected_workflows: Vec<String>,
    /// The queues whose headroom makes a difference.
    pub queues: BTreeSet<String>,
    /// What each affected component needs, on the way back to what is down.
    back: HashMap<String, String>,
}

/// An affected component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComponentHit {
    /// Its id.
    pub id: String,
    /// How badly.
    pub condition: Condition,
    /// When it hurts.
    pub harm: Harm,
    /// What it needs that is down or affected itself: the next component on the shortest way back.
    pub needs: String,
    /// How it needs that.
    pub mode: DependencyMode,
    /// What is done instead; only when degraded.
    pub instead: Option<Instead>,
    /// Whether the book says that nothing takes its place; otherwise it says nothing.
    pub said_none: bool,
    /// How many dependencies lie between it and what is down.
    pub hops: usize,
}

/// A fallback in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instead {
    /// The component that uses it.
    pub user: String,
    /// What that component has to do without.
    pub without: String,
    /// What it does instead; none where a person is missing and the book says nothing.
    pub words: Option<String>,
    /// Whether a person is what is missing.
    pub by_hand: bool,
}

/// An affected workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkflowHit {
    /// Its id.
    pub id: String,
    /// How badly: as its worst step.
    pub condition: Condition,
    /// When it stops or goes on in a lesser way: as its first step of that condition.
    pub harm: Harm,
    /// By when the business is hurt for certain: what waits is past `finish_within`, or a queue is over its limit;
    /// where neither tells, when it stops. Counted from now; none when nothing tells.
    pub hurt_by: Option<Span>,
    /// When what starts to wait is past `finish_within` at the latest, counted from now; none when nothing tells.
    pub late: Option<Span>,
    /// The step that it stops at, or the first one that is degraded.
    pub at: String,
    /// Affected steps, in the book's order.
    pub steps: Vec<StepHit>,
}

impl WorkflowHit {
    /// The step that it stops at, or the first one that is degraded.
    pub fn first(&self) -> Option<&StepHit> {
        self.steps.iter().find(|s| s.step == self.at)
    }
}

/// An affected step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepHit {
    /// Its id.
    pub step: String,
    /// How badly.
    pub condition: Condition,
    /// When it hurts.
    pub harm: Harm,
    /// Why.
    pub cause: Cause,
    /// The queue in which its work waits until then.
    pub waits_in: Option<String>,
}

/// Why a step is affected.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// The component that does it, or the queue in front of it, is down or affected.
    Component(String),
    /// Nothing comes any more from the step before it.
    After(String),
}

impl Blast {
    /// The shortest way from what is down to a component, both included; only itself when it is down.
    pub fn path(&self, component: &str) -> Vec<String> {
        let mut path = vec![component.to_owned()];
        let mut at = component;
        while let Some(next) = self.back.get(at) {
            path.push(next.clone());
            at = next;
        }
        path.reverse();
        path
    }

    /// What happens to a component.
    pub fn component(&self, id: &str) -> Option<&ComponentHit> {
        self.components.iter().find(|c| c.id == id)
    }

    /// What happens to a workflow.
    pub fn workflow(&self, id: &str) -> Option<&WorkflowHit> {
        self.workflows.iter().find(|w| w.id == id)
    }
}

/// What is affected, whatever the time: the overlay on what is itself fine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Affected {
    /// By component: the way from what is down to the last one before it.
    pub components: BTreeMap<String, Vec<String>>,
    /// By workflow: the way from what is down to the component that one of its steps uses.
    pub workflows: BTreeMap<String, Vec<String>>,
}

/// What is affected by what is down: for each component and workflow that is not itself down but needs something that
/// is, at any distance, the shortest way to it.
pub fn affected(book: &Book, down: &BTreeSet<String>) -> Affected {
    if down.is_empty() {
        return Affected::default();
    }
    let unknown = BTreeMap::new();
    let blast = blast(&Suppose { book, down, headroom: &unknown, next_start: &unknown });
    let components = blast.components.iter().map(|c| (c.id.clone(), blast.path(&c.needs))).collect();
    let path = |hit: &WorkflowHit| match hit.first().map(|s| &s.cause) {
        Some(Cause::Component(component)) => blast.path(component),
        Some(Cause::After(_)) | None => Vec::new(),
    };
    let workflows = blast.workflows.iter().map(|w| (w.id.clone(), path(w))).collect();
    Affected { components, workflows }
}

/// What follows from what is supposed.
pub fn blast(suppose: &Suppose) -> Blast {
    let graph = Graph::of(suppose);
    let ways = Ways { soonest: graph.ways(0), latest: graph.ways(ENDLESS) };
    let mut blast = Blast { queues: graph.queues(&ways), ..Blast::default() };
    for (number, id) in graph.ids.iter().enumerate() {
        if suppose.down.contains(*id) {
            continue;
        }
        match graph.hit(&ways, number) {
            Some(hit) => {
                blast.back.insert(hit.id.clone(), hit.needs.clone());
                blast.components.push(hit);
            }
            None if suppose.book.components.contains_key(*id) => blast.unaffected_components.push((*id).to_owned()),
            None => {}
        }
    }
    for workflow in suppose.book.workflows.values() {
        match graph.stops(&ways, workflow, &mut blast.queues) {
            Some(hit) => blast.workflows.push(hit),
            None => blast.unaffected_workflows.push(workflow.id.clone()),
        }
    }
    let end = |at: Option<Span>| at.map_or(ENDLESS, Span::millis);
    blast.components.sort_by(|a, b| {
        let soon = |hit: &ComponentHit| (Reverse(hit.condition), hit.harm.earliest, end(hit.harm.latest), hit.hops);
        soon(a).cmp(&soon(b)).then_with(|| a.id.cmp(&b.id))
    });
    let critical = |hit: &WorkflowHit| suppose.book.workflows.get(&hit.id).map(|w| Reverse(w.criticality));
    blast.workflows.sort_by(|a, b| {
        let soon = |hit: &WorkflowHit| (Reverse(hit.condition), end(hit.hurt_by), hit.harm.earliest, critical(hit));
        soon(a).cmp(&soon(b)).then_with(|| a.id.cmp(&b.id))
    });
    blast
}

/// In what way a component is affected: each component is three places of the graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layer {
    Blocked = 0,
    /// By a fallback, its own or that of something it needs.
    Lesser = 1,
    /// Only a person is missing.
    ByHand = 2,
}

const LAYERS: usize = 3;

fn place(number: usize, layer: Layer) -> usize {
    number * LAYERS + layer as usize
}

/// How time passes along a dependency.
#[derive(Debug, Clone, Copy)]
enum Delay {
    None,
    /// Until a queue is full: at least, at most; none where not known.
    Room(Option<i64>, Option<i64>),
    /// Until the next batch; none where not known.
    Batch(Option<i64>),
}

impl Delay {
    /// When it arrives, having set out at `at`; what is not known takes `unknown`.
    fn after(self, at: i64, unknown: i64) -> i64 {
        match self {
            Self::None => at,
            Self::Room(least, most) => {
                let room = if unknown == ENDLESS { most } else { least };
                at.saturating_add(room.unwrap_or(unknown))
            }
            Self::Batch(Some(next)) if at <= next => next,
            // The one after the next batch is not known.
            Self::Batch(_) => at.saturating_add(unknown),
        }
    }
}

/// One dependency, from what is needed to what needs it.
struct Edge<'a> {
    to: usize,
    delay: Delay,
    dependency: &'a Dependency,
    /// The queues whose headroom is in the delay.
    queues: Vec<&'a str>,
}

/// What tells apart two ways that are equal: the place before, how it is needed, and the fallback.
type Before<'a> = (usize, u8, Option<&'a str>);

/// The best way found to a place: when, after how many dependencies, and from where.
#[derive(Clone, Copy)]
struct Way<'a> {
    at: i64,
    hops: usize,
    /// The place before it, and the dependency taken; none for what is down.
    from: Option<(usize, &'a Dependency)>,
}

impl<'a> Way<'a> {
    /// Of two ways the lesser is taken; the order in which the book was written has no say.
    fn key(&self) -> (i64, usize, Option<Before<'a>>) {
        (self.at, self.hops, self.from.map(|(from, d)| (from, d.mode as u8, d.fallback.as_deref())))
    }
}

/// The best ways to every place, with unknown times taken for none, and for endless.
struct Ways<'a> {
    soonest: Vec<Option<Way<'a>>>,
    latest: Vec<Option<Way<'a>>>,
}

impl<'a> Ways<'a> {
    /// When it is reached, as (earliest, latest).
    fn times(&self, place: usize) -> Option<(i64, i64)> {
        Some((self.soonest[place]?.at, self.latest[place]?.at))
    }
}

/// Everything that is needed, and by what.
struct Graph<'a> {
    suppose: Suppose<'a>,
    /// Components by number, sorted by id: those of the book and those that it only names.
    ids: Vec<&'a str>,
    numbers: HashMap<&'a str, usize>,
    /// By place.
    edges: Vec<Vec<Edge<'a>>>,
}

impl<'a> Graph<'a> {
    fn of(suppose: &Suppose<'a>) -> Self {
        let suppose = *suppose;
        let book = suppose.book;
        let named = book.components.values().flat_map(|c| c.depends_on.iter().map(|d| &d.id));
        let ids: BTreeSet<&str> = book.components.keys().chain(named).chain(suppose.down).map(String::as_str).collect();
        let ids: Vec<&str> = ids.into_iter().collect();
        let numbers: HashMap<&str, usize> = ids.iter().enumerate().map(|(number, id)| (*id, number)).collect();
        let mut graph = Self { suppose, edges: Vec::with_capacity(ids.len() * LAYERS), ids, numbers };
        graph.edges.resize_with(graph.ids.len() * LAYERS, Vec::new);
        let uses = Uses::of(&suppose);
        for component in book.components.values() {
            for dependency in &component.depends_on {
                graph.add(component, dependency, &uses);
            }
        }
        graph
    }

    fn add(&mut self, component: &'a Component, dependency: &'a Dependency, uses: &Uses<'a>) {
        let (from, to) = (self.numbers[dependency.id.as_str()], self.numbers[component.id.as_str()]);
        let (delay, queues) = match dependency.mode {
            DependencyMode::Sync | DependencyMode::Manual => (Delay::None, Vec::new()),
            DependencyMode::Batch => (Delay::Batch(uses.next_batch.get(component.id.as_str()).copied()), Vec::new()),
            DependencyMode::Queue => self.room(component, dependency, uses),
        };
        let layer = match dependency.mode {
            DependencyMode::Manual => Layer::ByHand,
            _ if fallback(dependency).is_some() => Layer::Lesser,
            _ => Layer::Blocked,
        };
        if dependency.mode != DependencyMode::Manual {
            // What is degraded still answers: no queue fills because of it.
            let delay = if dependency.mode == DependencyMode::Queue { Delay::None } else { delay };
            let edge = Edge { to: place(to, Layer::Lesser), delay, dependency, queues: Vec::new() };
            self.edges[place(from, Layer::Lesser)].push(edge);
        }
        self.edges[place(from, Layer::Blocked)].push(Edge { to: place(to, layer), delay, dependency, queues });
    }

    /// How long a dependency through a queue holds out, and in which queues.
    fn room(&self, component: &'a Component, dependency: &Dependency, uses: &Uses<'a>) -> (Delay, Vec<&'a str>) {
        let is_queue = |c: &Component| c.kind == ComponentType::Queue;
        let queues = if is_queue(component) {
            vec![component.id.as_str()]
        } else if self.suppose.book.components.get(&dependency.id).is_some_and(is_queue) {
            return (Delay::None, Vec::new());
        } else {
            uses.queues_before.get(dependency.id.as_str()).map(|q| q.iter().copied().collect()).unwrap_or_default()
        };
        let rooms: Option<Vec<i64>> =
            queues.iter().map(|q: &&str| self.suppose.headroom.get(*q).map(|s| s.millis().max(0))).collect();
        let rooms = rooms.unwrap_or_default();
        (Delay::Room(rooms.iter().copied().min(), rooms.iter().copied().max()), queues)
    }

    /// The best way to every place, where what is not known takes `unknown`.
    fn ways(&self, unknown: i64) -> Vec<Option<Way<'a>>> {
        let mut ways: Vec<Option<Way>> = vec![None; self.edges.len()];
        let mut waiting = BinaryHeap::new();
        for id in self.suppose.down {
            let place = place(self.numbers[id.as_str()], Layer::Blocked);
            ways[place] = Some(Way { at: 0, hops: 0, from: None });
            waiting.push(Reverse((0, 0, place)));
        }
        while let Some(Reverse((at, hops, here))) = waiting.pop() {
            if ways[here].is_none_or(|way| (way.at, way.hops) != (at, hops)) {
                continue;
            }
            for edge in &self.edges[here] {
                let way =
                    Way { at: edge.delay.after(at, unknown), hops: hops + 1, from: Some((here, edge.dependency)) };
                let known = ways[edge.to];
                if known.is_none_or(|known| way.key() < known.key()) {
                    ways[edge.to] = Some(way);
                    if known.is_none_or(|known| (way.at, way.hops) < (known.at, known.hops)) {
                        waiting.push(Reverse((way.at, way.hops, edge.to)));
                    }
                }
            }
        }
        ways
    }

    /// The queues whose headroom is on the way of something that is blocked.
    fn queues(&self, ways: &Ways<'a>) -> BTreeSet<String> {
        let reached = self.edges.iter().zip(&ways.soonest).filter(|(_, way)| way.is_some());
        reached.flat_map(|(edges, _)| edges).flat_map(|e| &e.queues).map(|q| (*q).to_owned()).collect()
    }

    /// How a component is hit, if it is: blocked if that comes at all, else degraded.
    fn hit(&self, ways: &Ways<'a>, number: usize) -> Option<ComponentHit> {
        let (condition, at, (earliest, latest)) = self.worst(ways, number)?;
        let way = ways.soonest[at]?;
        let (from, dependency) = way.from?;
        let instead = (condition == Condition::Degraded).then(|| self.instead(ways, at)).flatten();
        Some(ComponentHit {
            id: self.ids[number].to_owned(),
            condition,
            harm: harm(earliest, latest),
            needs: self.ids[from / LAYERS].to_owned(),
            mode: dependency.mode,
            instead,
            said_none: dependency.fallback.as_deref().is_some_and(|f| f.trim() == NONE),
            hops: way.hops,
        })
    }

    /// The worst that comes to a component: the condition, the place that tells how, and when.
    fn worst(&self, ways: &Ways<'a>, number: usize) -> Option<(Condition, usize, (i64, i64))> {
        let blocked = place(number, Layer::Blocked);
        if let Some(times) = ways.times(blocked) {
            return Some((Condition::Blocked, blocked, times));
        }
        let lesser = [place(number, Layer::Lesser), place(number, Layer::ByHand)];
        let found = lesser.into_iter().filter_map(|p| Some((ways.soonest[p]?.key(), p, ways.times(p)?)));
        let found: Vec<_> = found.collect();
        let earliest = found.iter().map(|(_, _, t)| t.0).min()?;
        let latest = found.iter().map(|(_, _, t)| t.1).min()?;
        let (_, at, _) = found.iter().min_by_key(|(key, _, _)| *key)?;
        Some((Condition::Degraded, *at, (earliest, latest)))
    }

    /// The fallback behind a degraded place: the first on the way that what is blocked has made necessary.
    fn instead(&self, ways: &Ways<'a>, mut at: usize) -> Option<Instead> {
        loop {
            let (from, dependency) = ways.soonest[at]?.from?;
            if from % LAYERS == Layer::Blocked as usize {
                return Some(Instead {
                    user: self.ids[at / LAYERS].to_owned(),
                    without: dependency.id.clone(),
                    words: fallback(dependency).map(str::to_owned),
                    by_hand: dependency.mode == DependencyMode::Manual,
                });
            }
            at = from;
        }
    }

    /// How a workflow is hit, if it is.
    fn stops(&self, ways: &Ways<'a>, workflow: &Workflow, queues: &mut BTreeSet<String>) -> Option<WorkflowHit> {
        let own: Vec<_> = workflow.steps.iter().map(|s| self.step(ways, workflow, s, queues)).collect();
        let blocked = flood(workflow, &own);
        let mut steps = Vec::new();
        for (i, step) in workflow.steps.iter().enumerate() {
            let hit = match (&blocked[i], &own[i].degraded) {
                (Some((at, after)), _) => {
                    let cut = own[i].blocked.as_ref().filter(|_| after.is_none());
                    StepHit {
                        step: step.id.clone(),
                        condition: Condition::Blocked,
                        harm: harm(at.0, at.1),
                        cause: match (after, cut) {
                            (None, Some(cut)) => Cause::Component(cut.component.clone()),
                            (after, _) => Cause::After(after.unwrap_or_default().to_owned()),
                        },
                        waits_in: cut.and_then(|cut| cut.waits_in.clone()),
                    }
                }
                (None, Some((times, component))) => StepHit {
                    step: step.id.clone(),
                    condition: Condition::Degraded,
                    harm: harm(times.0, times.1),
                    cause: Cause::Component(component.clone()),
                    waits_in: None,
                },
                (None, None) => continue,
            };
            steps.push(hit);
        }
        let condition = steps.iter().map(|s| s.condition).max()?;
        let worst = || steps.iter().filter(|s| s.condition == condition);
        let earliest = worst().map(|s| s.harm.earliest).min()?;
        let latest = worst().filter_map(|s| s.harm.latest).min();
        let soon = |s: &&StepHit| (s.harm.earliest, s.harm.latest.map_or(ENDLESS, Span::millis));
        let at = worst().filter(|s| matches!(s.cause, Cause::Component(_))).min_by_key(soon)?.step.clone();
        let certain = |at: i64| Some(at).filter(|at| *at != ENDLESS).map(Span::from_millis);
        let cuts = || own.iter().filter_map(|o| o.blocked.as_ref());
        let late = cuts().filter_map(|cut| cut.late).min().and_then(certain);
        let hurt_by = match condition {
            Condition::Blocked => cuts().map(|cut| cut.hurt_by).min().and_then(certain),
            Condition::Degraded => latest,
        };
        Some(WorkflowHit {
            id: workflow.id.clone(),
            condition,
            harm: Harm { earliest, latest },
            hurt_by,
            late,
            at,
            steps,
        })
    }

    /// What its own component and queue do to a step.
    fn step(
        &self,
        ways: &Ways<'a>,
        workflow: &Workflow,
        step: &super::book::Step,
        queues: &mut BTreeSet<String>,
    ) -> Own {
        let start = workflow
            .expect
            .start_at
            .as_ref()
            .map(|_| Delay::Batch(self.suppose.next_start.get(&workflow.id).map(|s| s.millis().max(0))));
        let gate = |(earliest, latest): (i64, i64)| match start {
            Some(start) => (start.after(earliest, 0), start.after(latest, ENDLESS)),
            None => (earliest, latest),
        };
        let number = |id: &Option<String>| id.as_deref().and_then(|id| self.numbers.get(id)).copied();
        let mut own = Own::default();
        if let Some((id, number)) = step.component.as_ref().zip(number(&step.component))
            && let Some(times) = ways.times(place(number, Layer::Blocked))
        {
            let (held, waits_in) = match &step.via {
                Some(queue) => {
                    queues.insert(queue.clone());
                    let room = self.suppose.headroom.get(queue).map(|s| s.millis().max(0));
                    let room = Delay::Room(room, room);
                    ((room.after(times.0, 0), room.after(times.1, ENDLESS)), Some(queue.clone()))
                }
                None => (times, None),
            };
            own.cut(Cut::at(workflow, id, gate(held), waits_in, gate(times).1));
        }
        if let Some((id, number)) = step.via.as_ref().zip(number(&step.via))
            && let Some(times) = ways.times(place(number, Layer::Blocked))
        {
            own.cut(Cut::at(workflow, id, gate(times), None, gate(times).1));
        }
        for id in [&step.component, &step.via] {
            let Some((id, number)) = id.as_ref().zip(number(id)) else { continue };
            if let Some((Condition::Degraded, _, times)) = self.worst(ways, number) {
                let times = gate(times);
                let (earliest, latest) = own.degraded.as_ref().map_or((ENDLESS, ENDLESS), |(t, _)| *t);
                let component = match own.degraded.take() {
                    Some((known, component)) if known.0 <= times.0 => component,
                    _ => id.clone(),
                };
                own.degraded = Some(((earliest.min(times.0), latest.min(times.1)), component));
            }
        }
        own
    }
}

/// What is written for "there is no fallback".
const NONE: &str = "none";

/// What is done without what is needed, where there is something.
pub fn fallback(dependency: &Dependency) -> Option<&str> {
    dependency.fallback.as_deref().map(str::trim).filter(|f| !f.is_empty() && *f != NONE)
}

fn harm(earliest: i64, latest: i64) -> Harm {
    Harm { earliest: Span::from_millis(earliest), latest: (latest != ENDLESS).then(|| Span::from_millis(latest)) }
}

/// Where components are used.
struct Uses<'a> {
    /// By component: the next start of a workflow in which it does a step, in milliseconds from now.
    next_batch: HashMap<&'a str, i64>,
    /// By component: the queues in front of the steps that it does.
    queues_before: HashMap<&'a str, BTreeSet<&'a str>>,
}

impl<'a> Uses<'a> {
    fn of(suppose: &Suppose<'a>) -> Self {
        let mut uses = Self { next_batch: HashMap::new(), queues_before: HashMap::new() };
        for workflow in suppose.book.workflows.values() {
            let next = suppose.next_start.get(&workflow.id).map(|s| s.millis().max(0));
            for step in &workflow.steps {
                let Some(component) = step.component.as_deref() else { continue };
                if let Some(next) = next {
                    uses.next_batch.entry(component).and_modify(|at| *at = next.min(*at)).or_insert(next);
                }
                if let Some(queue) = step.via.as_deref() {
                    uses.queues_before.entry(component).or_default().insert(queue);
                }
            }
        }
        uses
    }
}

/// What its own component and queue do to a step.
#[derive(Default)]
struct Own {
    blocked: Option<Cut>,
    /// When (earliest, latest), and by which of the two.
    degraded: Option<((i64, i64), String)>,
}

/// Where a workflow is cut.
struct Cut {
    /// (earliest, latest).
    times: (i64, i64),
    component: String,
    waits_in: Option<String>,
    /// When what has to wait is past its time, at the latest; none without one.
    late: Option<i64>,
    /// By when the business is hurt for certain.
    hurt_by: i64,
}

impl Cut {
    /// A cut; from `waits` on, at the latest, what comes has to wait.
    fn at(workflow: &Workflow, component: &str, times: (i64, i64), waits_in: Option<String>, waits: i64) -> Self {
        let late = workflow.expect.finish_within.map(|within| waits.saturating_add(within.millis()));
        let full = waits_in.as_ref().map(|_| times.1);
        let hurt_by = late.into_iter().chain(full).min().unwrap_or(times.1);
        Self { times, component: component.to_owned(), waits_in, late, hurt_by }
    }
}

impl Own {
    /// Of two reasons the sooner is told; the times are the least of both.
    fn cut(&mut self, cut: Cut) {
        self.blocked = Some(match self.blocked.take() {
            None => cut,
            Some(known) => {
                let times = (known.times.0.min(cut.times.0), known.times.1.min(cut.times.1));
                let late = known.late.into_iter().chain(cut.late).min();
                let hurt_by = known.hurt_by.min(cut.hurt_by);
                let told = if cut.times < known.times { cut } else { known };
                Cut { times, late, hurt_by, ..told }
            }
        });
    }
}

/// When each step is cut off: (earliest, latest), and the step before it where that is why.
type Flooded<'a> = Vec<Option<((i64, i64), Option<&'a str>)>>;

/// What is cut at one step does not come to those after it.
fn flood<'a>(workflow: &'a Workflow, own: &[Own]) -> Flooded<'a> {
    let numbers: HashMap<&str, usize> = workflow.steps.iter().enumerate().map(|(i, s)| (s.id.as_str(), i)).collect();
    let mut after: Vec<Vec<usize>> = vec![Vec::new(); own.len()];
    for (from, to) in workflow.edges() {
        if let (Some(from), Some(to)) = (numbers.get(from), numbers.get(to)) {
            after[*from].push(*to);
        }
    }
    let mut cut: Flooded = own.iter().map(|o| o.blocked.as_ref().map(|cut| (cut.times, None))).collect();
    let mut waiting: Vec<usize> = (0..own.len()).filter(|i| cut[*i].is_some()).collect();
    while let Some(from) = waiting.pop() {
        let Some((times, _)) = cut[from] else { continue };
        for to in &after[from] {
            let better = match cut[*to] {
                None => Some((times, Some(workflow.steps[from].id.as_str()))),
                Some((known, why)) if times.0 < known.0 || times.1 < known.1 => {
                    let least = (known.0.min(times.0), known.1.min(times.1));
                    // Why it is cut off is told by the sooner one.
                    Some((least, if times.0 < known.0 { Some(workflow.steps[from].id.as_str()) } else { why }))
                }
                Some(_) => None,
            };
            if better.is_some() {
                cut[*to] = better;
                waiting.push(*to);
            }
        }
    }
    cut
}

#[cfg(test)]
mod tests;
