//! The blast radius against examples, laws, and a slow reference that does it by going round until nothing changes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::book::{Book, Component, DependencyMode, Workflow};
use super::*;

/// A book of these components and workflows, as they are written.
fn book(components: &[Value], workflows: &[Value]) -> Book {
    let component = |v: &Value| {
        let mut v = v.clone();
        v["name"] = v["id"].clone();
        if v.get("type").is_none() {
            v["type"] = json!("service");
        }
        serde_json::from_value::<Component>(v).unwrap()
    };
    let workflow = |v: &Value| {
        let mut v = v.clone();
        v["name"] = v["id"].clone();
        serde_json::from_value::<Workflow>(v).unwrap()
    };
    Book {
        components: components.iter().map(component).map(|c| (c.id.clone(), c)).collect(),
        workflows: workflows.iter().map(workflow).map(|w| (w.id.clone(), w)).collect(),
        ..Book::default()
    }
}

/// A component that needs others: `(id, mode, fallback)`.
fn needs(id: &str, others: &[(&str, &str, Option<&str>)]) -> Value {
    let one = |(id, mode, fallback): &(&str, &str, Option<&str>)| json!({"id": id, "mode": mode, "fallback": fallback});
    json!({"id": id, "depends_on": others.iter().map(one).collect::<Vec<_>>()})
}

fn queue(id: &str) -> Value {
    json!({"id": id, "type": "queue"})
}

/// A workflow of steps: `(id, component, queue)`.
fn workflow(id: &str, expect: Value, steps: &[(&str, &str, Option<&str>)]) -> Value {
    let one = |(id, component, via): &(&str, &str, Option<&str>)| json!({"id": id, "name": id, "component": component, "via": via});
    json!({"id": id, "expect": expect, "steps": steps.iter().map(one).collect::<Vec<_>>()})
}

fn minutes(minutes: i64) -> Span {
    Span::from_minutes(minutes)
}

fn map(pairs: &[(&str, i64)]) -> BTreeMap<String, Span> {
    pairs.iter().map(|(id, n)| ((*id).to_owned(), minutes(*n))).collect()
}

/// What follows when one component is down, with headroom and next starts in minutes.
fn down(book: &Book, id: &str, headroom: &[(&str, i64)], next_start: &[(&str, i64)]) -> Blast {
    let down = BTreeSet::from([id.to_owned()]);
    blast(&Suppose { book, down: &down, headroom: &map(headroom), next_start: &map(next_start) })
}

fn within(earliest: i64, latest: i64) -> Harm {
    Harm { earliest: minutes(earliest), latest: Some(minutes(latest)) }
}

fn at(n: i64) -> Harm {
    within(n, n)
}

/// Condition and time of a component.
fn hit(blast: &Blast, id: &str) -> Option<(Condition, Harm)> {
    blast.component(id).map(|c| (c.condition, c.harm))
}

#[test]
fn what_waits_for_an_answer_that_nothing_replaces_is_blocked_at_once_and_so_is_what_needs_it() {
    let book =
        book(&[needs("a", &[("b", "sync", Some("none"))]), needs("b", &[("erp", "sync", None)]), needs("c", &[])], &[]);
    let blast = down(&book, "erp", &[], &[]);
    assert_eq!(hit(&blast, "b"), Some((Condition::Blocked, at(0))));
    assert_eq!(hit(&blast, "a"), Some((Condition::Blocked, at(0))));
    assert_eq!(blast.path("a"), ["erp", "b", "a"]);
    assert_eq!(blast.unaffected_components, ["c"]);
    assert!(blast.component("a").unwrap().said_none && !blast.component("b").unwrap().said_none);
}

#[test]
fn what_has_a_fallback_is_degraded_and_what_asks_it_is_too_but_nothing_of_it_is_blocked() {
    let book = book(
        &[
            needs("stock", &[("warehouse", "sync", Some("last known stock"))]),
            needs("shop", &[("stock", "sync", None)]),
            needs("app", &[("shop", "sync", None)]),
        ],
        &[workflow("orders", json!({}), &[("reserve", "stock", None), ("sell", "till", None)])],
    );
    let blast = down(&book, "warehouse", &[], &[]);
    for id in ["stock", "shop", "app"] {
        assert_eq!(hit(&blast, id), Some((Condition::Degraded, at(0))), "{id}");
        let instead = blast.component(id).unwrap().instead.as_ref().unwrap();
        assert_eq!((instead.user.as_str(), instead.without.as_str()), ("stock", "warehouse"));
        assert_eq!(instead.words.as_deref(), Some("last known stock"));
    }
    let orders = blast.workflow("orders").unwrap();
    assert_eq!((orders.condition, orders.steps.len(), orders.at.as_str()), (Condition::Degraded, 1, "reserve"));
}

#[test]
fn where_only_a_person_is_missing_the_work_goes_on_and_nobody_else_is_degraded() {
    let book = book(
        &[needs("erp", &[("desk", "manual", Some("wait until 07:00"))]), needs("sync", &[("erp", "sync", None)])],
        &[workflow("book-it", json!({}), &[("book", "erp", None)])],
    );
    let blast = down(&book, "desk", &[], &[]);
    assert_eq!(hit(&blast, "erp"), Some((Condition::Degraded, at(0))));
    assert!(blast.component("erp").unwrap().instead.as_ref().unwrap().by_hand);
    assert_eq!(hit(&blast, "sync"), None);
    assert_eq!(blast.workflow("book-it").unwrap().condition, Condition::Degraded);
}

#[test]
fn a_step_behind_a_queue_stops_when_the_queue_is_full_and_what_waits_is_late_before_that() {
    let expect = json!({"finish_within": "30m"});
    let steps = [("take", "shop", None), ("push", "sync", Some("line")), ("confirm", "mail", None)];
    let book = book(
        &[needs("sync", &[("erp", "sync", None)]), queue("line"), needs("mail", &[]), needs("shop", &[])],
        &[workflow("orders", expect, &steps)],
    );
    let known = down(&book, "erp", &[("line", 38)], &[]);
    let orders = known.workflow("orders").unwrap();
    assert_eq!((orders.condition, orders.harm, orders.late), (Condition::Blocked, at(38), Some(minutes(30))));
    let told: Vec<_> = orders.steps.iter().map(|s| (s.step.as_str(), s.harm, s.cause.clone())).collect();
    assert_eq!(
        told,
        [("push", at(38), Cause::Component("sync".into())), ("confirm", at(38), Cause::After("push".into()))]
    );
    assert_eq!(orders.first().unwrap().waits_in.as_deref(), Some("line"));
    assert_eq!(known.queues, BTreeSet::from(["line".to_owned()]));
    assert_eq!(orders.hurt_by, Some(minutes(30)), "late before the queue is full");
    assert_eq!(down(&book, "erp", &[("line", 12)], &[]).workflow("orders").unwrap().hurt_by, Some(minutes(12)));
    let unknown = down(&book, "erp", &[], &[]);
    let harm = unknown.workflow("orders").unwrap().harm;
    assert_eq!(harm, Harm { earliest: minutes(0), latest: None }, "how long it holds out is not known");
}

#[test]
fn a_queue_that_is_down_itself_holds_nothing() {
    let book = book(
        &[
            json!({"id": "line", "type": "queue", "depends_on": [{"id": "broker", "mode": "sync"}]}),
            needs("sync", &[("line", "queue", None)]),
        ],
        &[workflow("orders", json!({}), &[("push", "sync", Some("line"))])],
    );
    let blast = down(&book, "broker", &[("line", 38)], &[]);
    assert_eq!(hit(&blast, "sync"), Some((Condition::Blocked, at(0))));
    assert_eq!(blast.workflow("orders").unwrap().harm, at(0));
}

#[test]
fn a_dependency_through_a_queue_adds_its_headroom_on_the_way() {
    let book = book(
        &[
            needs("shop", &[("sync", "queue", None)]),
            needs("site", &[("shop", "queue", None)]),
            needs("sync", &[("erp", "sync", None)]),
            queue("line"),
            queue("second"),
        ],
        &[
            workflow("orders", json!({}), &[("push", "sync", Some("line"))]),
            workflow("visits", json!({}), &[("sell", "shop", Some("second"))]),
        ],
    );
    let blast = down(&book, "erp", &[("line", 10), ("second", 15)], &[]);
    assert_eq!(hit(&blast, "shop"), Some((Condition::Blocked, at(10))));
    assert_eq!(hit(&blast, "site"), Some((Condition::Blocked, at(25))));
    let order: Vec<_> = blast.components.iter().map(|c| c.id.as_str()).collect();
    assert_eq!(order, ["sync", "shop", "site"], "the soonest first");
}

#[test]
fn a_batch_is_hurt_at_its_next_start_and_a_scheduled_workflow_as_well() {
    let expect = json!({"start_at": "0 3 * * *", "finish_within": "45m"});
    let steps = [("open", "job", None), ("read", "erp", None), ("report", "file", None)];
    let book = book(
        &[
            needs("job", &[("erp", "batch", None)]),
            needs("file", &[("job", "batch", Some("yesterday's report"))]),
            needs("list", &[("erp", "batch", None)]),
        ],
        &[workflow("night", expect, &steps)],
    );
    let blast = down(&book, "erp", &[], &[("night", 47)]);
    assert_eq!(hit(&blast, "job"), Some((Condition::Blocked, at(47))));
    assert_eq!(hit(&blast, "file"), Some((Condition::Degraded, at(47))));
    let unscheduled = Harm { earliest: minutes(0), latest: None };
    assert_eq!(hit(&blast, "list"), Some((Condition::Blocked, unscheduled)), "nothing tells when it is next made");
    let night = blast.workflow("night").unwrap();
    assert_eq!((night.harm, night.late, night.at.as_str()), (at(47), Some(minutes(92)), "open"));
}

#[test]
fn what_hurts_the_business_soonest_is_first_and_what_only_goes_on_in_a_lesser_way_is_last() {
    let days = workflow("refunds", json!({"finish_within": "3d"}), &[("book", "erp", None)]);
    let soon = workflow("orders", json!({"finish_within": "30m"}), &[("push", "erp", Some("line"))]);
    let night = json!({"start_at": "0 3 * * *", "finish_within": "45m"});
    let workflows = [
        days,
        soon,
        workflow("night", night, &[("read", "erp", None)]),
        workflow("parcels", json!({}), &[("record", "recorder", None)]),
        workflow("other", json!({}), &[("do", "nothing", None)]),
    ];
    let book = book(&[queue("line"), needs("recorder", &[("erp", "sync", Some("kept"))])], &workflows);
    let blast = down(&book, "erp", &[], &[("night", 47)]);
    let order: Vec<_> = blast.workflows.iter().map(|w| w.id.as_str()).collect();
    assert_eq!(order, ["orders", "night", "refunds", "parcels"]);
    assert_eq!(blast.unaffected_workflows, ["other"]);
}

#[test]
fn the_shortest_way_counts() {
    let book = book(
        &[
            needs("a", &[("b", "sync", None), ("erp", "queue", None)]),
            needs("b", &[("c", "sync", None)]),
            needs("c", &[("erp", "sync", None)]),
        ],
        &[],
    );
    // Straight to it there is a queue of which nothing is known, round about there is none.
    let blast = down(&book, "erp", &[], &[]);
    assert_eq!(hit(&blast, "a"), Some((Condition::Blocked, at(0))));
}

#[test]
fn a_cycle_ends_and_is_hurt_once() {
    let book = book(
        &[needs("a", &[("b", "sync", None)]), needs("b", &[("c", "sync", None)]), needs("c", &[("a", "sync", None)])],
        &[],
    );
    let blast = down(&book, "a", &[], &[]);
    assert_eq!(blast.components.len(), 2);
    assert_eq!(blast.path("b"), ["a", "c", "b"]);
}

#[test]
fn what_is_itself_fine_is_told_by_what_it_is_affected() {
    let book = book(
        &[needs("sync", &[("erp", "sync", None)]), needs("job", &[("sync", "batch", None)]), needs("other", &[])],
        &[workflow("night", json!({}), &[("run", "job", None)]), workflow("day", json!({}), &[("run", "other", None)])],
    );
    let affected = affected(&book, &BTreeSet::from(["erp".to_owned()]));
    let path = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    assert_eq!(
        affected.components,
        BTreeMap::from([("sync".into(), path(&["erp"])), ("job".into(), path(&["erp", "sync"]))])
    );
    assert_eq!(affected.workflows, BTreeMap::from([("night".into(), path(&["erp", "sync", "job"]))]));
    assert_eq!(super::affected(&book, &BTreeSet::new()), Affected::default());
}

/// 5,000 components and 20,000 dependencies by a plain generator, cycles and all; 500 workflows of four steps.
fn large() -> Book {
    let mut seed = 20_260_604u64;
    let mut random = move |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below
    };
    let mut components: Vec<_> = (0..5_000).map(|n| needs(&format!("c{n}"), &[])).collect();
    let mut others = vec![Vec::new(); components.len()];
    for _ in 0..20_000 {
        let mode = ["sync", "sync", "sync", "queue", "batch", "manual"][random(6)];
        let fallback = (random(4) == 0).then_some("by hand");
        others[random(5_000)].push(json!({"id": format!("c{}", random(5_000)), "mode": mode, "fallback": fallback}));
    }
    for (component, others) in components.iter_mut().zip(others) {
        component["depends_on"] = json!(others);
    }
    let workflows: Vec<_> = (0..500)
        .map(|n| {
            let ids: Vec<_> = (0..4).map(|_| format!("c{}", random(5_000))).collect();
            let steps: Vec<_> = ["a", "b", "c", "d"].iter().zip(&ids).map(|(s, c)| (*s, c.as_str(), None)).collect();
            workflow(&format!("w{n}"), json!({}), &steps)
        })
        .collect();
    book(&components, &workflows)
}

#[test]
fn five_thousand_components_and_twenty_thousand_dependencies_are_answered_at_once() {
    let book = large();
    let began = Instant::now();
    let blast = down(&book, "c0", &[], &[]);
    let took = began.elapsed();
    assert!(blast.components.len() > 1_000, "{} are hit", blast.components.len());
    // A test build is many times slower than what is shipped, whose bound is in the benchmark: 100 ms.
    assert!(took < Duration::from_secs(3), "{took:?}");
}

/// The same by going round all dependencies until nothing changes: when each component is blocked, goes on in a
/// lesser way, or lacks a person, as (earliest, latest).
#[derive(Default, Clone, PartialEq, Debug)]
struct Slow {
    blocked: BTreeMap<String, (i64, i64)>,
    lesser: BTreeMap<String, (i64, i64)>,
    by_hand: BTreeMap<String, (i64, i64)>,
}

fn least(map: &mut BTreeMap<String, (i64, i64)>, id: &str, times: (i64, i64)) {
    let known = map.entry(id.to_owned()).or_insert(times);
    *known = (known.0.min(times.0), known.1.min(times.1));
}

fn add(time: (i64, i64), room: Option<i64>) -> (i64, i64) {
    match room {
        Some(room) => (time.0 + room, time.1.saturating_add(room)),
        None => (time.0, ENDLESS),
    }
}

fn batch(time: (i64, i64), next: Option<i64>) -> (i64, i64) {
    let one = |at: i64, later: i64| match next {
        Some(next) if at <= next => next,
        _ => later,
    };
    (one(time.0, time.0), one(time.1, ENDLESS))
}

fn slowly(suppose: &Suppose) -> Slow {
    let book = suppose.book;
    let room = |queue: &str| suppose.headroom.get(queue).map(|s| s.millis());
    let is_queue = |id: &str| book.components.get(id).is_some_and(|c| c.kind == ComponentType::Queue);
    let steps = || book.workflows.values().flat_map(|w| w.steps.iter().map(move |s| (w, s)));
    let mut slow = Slow::default();
    for id in suppose.down {
        slow.blocked.insert(id.clone(), (0, 0));
    }
    loop {
        let before = slow.clone();
        for component in book.components.values() {
            for d in &component.depends_on {
                let next = steps()
                    .filter(|(_, s)| s.component.as_ref() == Some(&component.id))
                    .filter_map(|(w, _)| suppose.next_start.get(&w.id).map(|s| s.millis()))
                    .min();
                let has_fallback = d.fallback.as_deref().is_some_and(|f| f != "none");
                if let Some(times) = before.blocked.get(&d.id).copied() {
                    let times = match d.mode {
                        DependencyMode::Sync | DependencyMode::Manual => times,
                        DependencyMode::Batch => batch(times, next),
                        DependencyMode::Queue if is_queue(&component.id) => add(times, room(&component.id)),
                        DependencyMode::Queue if is_queue(&d.id) => times,
                        DependencyMode::Queue => {
                            let rooms: Vec<_> = steps()
                                .filter(|(_, s)| s.component.as_ref() == Some(&d.id))
                                .filter_map(|(_, s)| s.via.as_deref().map(room))
                                .collect();
                            match rooms.iter().any(Option::is_none) || rooms.is_empty() {
                                true => (times.0, ENDLESS),
                                false => {
                                    let rooms = || rooms.iter().flatten().copied();
                                    let most = times.1.saturating_add(rooms().max().unwrap());
                                    (times.0 + rooms().min().unwrap(), most)
                                }
                            }
                        }
                    };
                    let layer = match d.mode {
                        DependencyMode::Manual => &mut slow.by_hand,
                        _ if has_fallback => &mut slow.lesser,
                        _ => &mut slow.blocked,
                    };
                    least(layer, &component.id, times);
                }
                if let Some(times) = before.lesser.get(&d.id).copied() {
                    match d.mode {
                        DependencyMode::Sync | DependencyMode::Queue => least(&mut slow.lesser, &component.id, times),
                        DependencyMode::Batch => least(&mut slow.lesser, &component.id, batch(times, next)),
                        DependencyMode::Manual => {}
                    }
                }
            }
        }
        for id in suppose.down {
            slow.blocked.insert(id.clone(), (0, 0));
        }
        if slow == before {
            return slow;
        }
    }
}

impl Slow {
    fn worst(&self, id: &str) -> Option<(Condition, (i64, i64))> {
        if let Some(times) = self.blocked.get(id) {
            return Some((Condition::Blocked, *times));
        }
        let found = [self.lesser.get(id), self.by_hand.get(id)];
        let (one, two) = (found.iter().flatten().map(|t| t.0).min(), found.iter().flatten().map(|t| t.1).min());
        Some((Condition::Degraded, one.zip(two)?))
    }

    /// Condition and times of every step of a workflow that is hit.
    fn steps(&self, suppose: &Suppose, workflow: &Workflow) -> BTreeMap<String, (Condition, (i64, i64))> {
        let gate = |times| match workflow.expect.start_at {
            Some(_) => batch(times, suppose.next_start.get(&workflow.id).map(|s| s.millis())),
            None => times,
        };
        let mut cut: BTreeMap<String, (i64, i64)> = BTreeMap::new();
        for step in &workflow.steps {
            let own = step.component.as_ref().and_then(|c| self.blocked.get(c)).copied();
            match (own, &step.via) {
                (Some(times), Some(queue)) => {
                    least(&mut cut, &step.id, gate(add(times, suppose.headroom.get(queue).map(|s| s.millis()))));
                }
                (Some(times), None) => least(&mut cut, &step.id, gate(times)),
                (None, _) => {}
            }
            if let Some(times) = step.via.as_ref().and_then(|q| self.blocked.get(q)) {
                least(&mut cut, &step.id, gate(*times));
            }
        }
        for _ in &workflow.steps {
            for (from, to) in workflow.edges() {
                if let Some(times) = cut.get(from).copied() {
                    least(&mut cut, to, times);
                }
            }
        }
        let mut hit: BTreeMap<_, _> = cut.into_iter().map(|(s, t)| (s, (Condition::Blocked, t))).collect();
        for step in &workflow.steps {
            for id in step.component.iter().chain(&step.via) {
                if let Some((Condition::Degraded, times)) = self.worst(id) {
                    let times = gate(times);
                    let known = hit.entry(step.id.clone()).or_insert((Condition::Degraded, times));
                    if known.0 == Condition::Degraded {
                        known.1 = (known.1.0.min(times.0), known.1.1.min(times.1));
                    }
                }
            }
        }
        hit
    }
}

/// A made-up book of few components, so that cycles and ways round about are common.
#[derive(Debug, Clone)]
struct Made {
    book: Book,
    down: BTreeSet<String>,
    headroom: BTreeMap<String, Span>,
    next_start: BTreeMap<String, Span>,
}

impl Made {
    fn suppose(&self) -> Suppose<'_> {
        Suppose { book: &self.book, down: &self.down, headroom: &self.headroom, next_start: &self.next_start }
    }
}

const COMPONENTS: usize = 9;

fn id(n: usize) -> String {
    format!("c{n}")
}

/// `(from, to, mode, fallback)`.
type Need = (usize, usize, usize, Option<&'static str>);

fn need() -> impl Strategy<Value = Need> {
    let fallback = option::of(prop::sample::select(vec!["none", "by hand", "last list"]));
    (0..COMPONENTS, 0..COMPONENTS, 0..4usize, fallback)
}

fn with(book: &mut Book, (from, to, mode, fallback): Need) {
    let mode = ["sync", "queue", "batch", "manual"][mode];
    let dependency = json!({"id": id(to), "mode": mode, "fallback": fallback});
    book.components.get_mut(&id(from)).unwrap().depends_on.push(serde_json::from_value(dependency).unwrap());
}

fn made() -> impl Strategy<Value = Made> {
    let place = || option::of((0..COMPONENTS).prop_map(id));
    let step = (place(), option::weighted(0.3, (0..3usize).prop_map(id)), option::of(vec(0..4usize, 0..3)));
    let workflow = (any::<bool>(), option::of(1..90i64), vec(step, 1..5));
    let spans = |ids: &'static str| {
        btree_map((0..4usize).prop_map(move |n| format!("{ids}{n}")), (0..60i64).prop_map(minutes), 0..4)
    };
    let down = prop::collection::btree_set((0..COMPONENTS).prop_map(id), 1..3);
    (vec(need(), 0..20), vec(workflow, 0..4), spans("c"), spans("w"), down).prop_map(
        |(needs, workflows, headroom, next_start, down)| {
            let components: Vec<_> = (0..COMPONENTS)
                .map(|n| json!({"id": id(n), "type": if n < 3 { "queue" } else { "service" }}))
                .collect();
            let workflows: Vec<_> = workflows
                .into_iter()
                .enumerate()
                .map(|(n, (scheduled, finish, steps))| {
                    let steps: Vec<_> = steps
                        .into_iter()
                        .enumerate()
                        .map(|(n, (component, via, after))| {
                            let after = after.map(|a| a.into_iter().map(|n| format!("s{n}")).collect::<Vec<_>>());
                            json!({"id": format!("s{n}"), "name": "S", "component": component, "via": via, "after": after})
                        })
                        .collect();
                    let expect = json!({"start_at": scheduled.then_some("0 3 * * *"),
                        "finish_within": finish.map(|m| format!("{m}m"))});
                    json!({"id": format!("w{n}"), "expect": expect, "steps": steps})
                })
                .collect();
            let mut book = book(&components, &workflows);
            for need in needs {
                with(&mut book, need);
            }
            Made { book, down, headroom, next_start }
        },
    )
}

/// What is told of each component, workflow and step: how badly, and when.
fn told(blast: &Blast) -> BTreeMap<String, (Condition, Harm)> {
    let components = blast.components.iter().map(|c| (c.id.clone(), (c.condition, c.harm)));
    let workflows = blast.workflows.iter().map(|w| (format!("workflow {}", w.id), (w.condition, w.harm)));
    let steps = blast
        .workflows
        .iter()
        .flat_map(|w| w.steps.iter().map(move |s| (format!("step {}/{}", w.id, s.step), (s.condition, s.harm))));
    components.chain(workflows).chain(steps).collect()
}

/// Whether a harm is not later than another.
fn not_later(one: Harm, other: Harm) -> bool {
    let latest = |h: Harm| h.latest.map_or(ENDLESS, Span::millis);
    one.earliest <= other.earliest && latest(one) <= latest(other)
}

proptest! {
    #[test]
    fn the_fast_way_and_the_slow_way_agree(made in made()) {
        let suppose = made.suppose();
        let (fast, slow) = (blast(&suppose), slowly(&suppose));
        for id in made.book.components.keys().filter(|id| !made.down.contains(*id)) {
            let expected = slow.worst(id).map(|(condition, t)| (condition, super::harm(t.0, t.1)));
            prop_assert_eq!(hit(&fast, id), expected, "{}", id);
        }
        for workflow in made.book.workflows.values() {
            let expected: BTreeMap<_, _> = slow
                .steps(&suppose, workflow)
                .into_iter()
                .map(|(step, (condition, t))| (step, (condition, super::harm(t.0, t.1))))
                .collect();
            let found: BTreeMap<_, _> = fast
                .workflow(&workflow.id)
                .map(|w| w.steps.iter().map(|s| (s.step.clone(), (s.condition, s.harm))).collect())
                .unwrap_or_default();
            prop_assert_eq!(found, expected, "{}", workflow.id);
        }
    }

    #[test]
    fn another_dependency_never_makes_anything_less_affected(made in made(), more in need()) {
        let before = told(&blast(&made.suppose()));
        let mut after = made.clone();
        with(&mut after.book, more);
        let after = told(&blast(&after.suppose()));
        for (what, (condition, harm)) in before {
            let now = after.get(&what).copied();
            prop_assert!(now.is_some(), "{} is not affected any more", what);
            let (worse, sooner) = now.unwrap();
            prop_assert!(worse >= condition, "{}: {:?} before, {:?} now", what, condition, worse);
            prop_assert!(worse > condition || not_later(sooner, harm), "{}: {:?} before, {:?} now", what, harm, sooner);
        }
    }

    #[test]
    fn another_dependency_never_hurts_the_business_later(made in made(), more in need()) {
        let before = blast(&made.suppose());
        let mut after = made.clone();
        with(&mut after.book, more);
        let after = blast(&after.suppose());
        let end = |at: Option<Span>| at.map_or(ENDLESS, Span::millis);
        for was in &before.workflows {
            let is = after.workflow(&was.id).unwrap();
            prop_assert!(is.condition > was.condition || end(is.hurt_by) <= end(was.hurt_by), "{:?} {:?}", was, is);
        }
    }

    #[test]
    fn every_result_leads_back_to_what_is_down_without_going_round(made in made()) {
        let blast = blast(&made.suppose());
        let causes = blast.workflows.iter().flat_map(|w| &w.steps).filter_map(|s| match &s.cause {
            Cause::Component(id) => Some(id),
            Cause::After(_) => None,
        });
        for id in blast.components.iter().map(|c| &c.id).chain(causes) {
            let path = blast.path(id);
            prop_assert!(made.down.contains(&path[0]), "{:?}", path);
            prop_assert_eq!(path.iter().collect::<BTreeSet<_>>().len(), path.len(), "{:?}", path);
            for pair in path.windows(2) {
                prop_assert!(made.book.components[&pair[1]].depends_on.iter().any(|d| d.id == pair[0]), "{:?}", path);
            }
        }
        for workflow in &blast.workflows {
            prop_assert!(workflow.first().is_some_and(|s| matches!(s.cause, Cause::Component(_))));
        }
    }

    #[test]
    fn what_is_affected_and_what_is_not_are_all_there_is(made in made()) {
        let blast = blast(&made.suppose());
        let hit = blast.components.iter().map(|c| &c.id);
        let all: Vec<_> = hit.chain(&blast.unaffected_components).chain(&made.down).collect();
        prop_assert_eq!(all.len(), COMPONENTS);
        prop_assert_eq!(all.into_iter().collect::<BTreeSet<_>>().len(), COMPONENTS);
        prop_assert_eq!(blast.workflows.len() + blast.unaffected_workflows.len(), made.book.workflows.len());
    }

    #[test]
    fn the_order_of_the_book_does_not_matter(made in made(), seed in any::<u64>()) {
        let mut other = made.clone();
        for (n, component) in other.book.components.values_mut().enumerate() {
            let by = seed.rotate_left(n as u32) as usize;
            let many = component.depends_on.len().max(1);
            component.depends_on.rotate_left(by % many);
            if by.is_multiple_of(2) {
                component.depends_on.reverse();
            }
        }
        prop_assert_eq!(blast(&made.suppose()), blast(&other.suppose()));
    }

    #[test]
    fn what_is_affected_needs_no_times(made in made()) {
        let blast = blast(&made.suppose());
        let affected = affected(&made.book, &made.down);
        let ids: BTreeSet<_> = blast.components.iter().map(|c| &c.id).collect();
        prop_assert_eq!(affected.components.keys().collect::<BTreeSet<_>>(), ids);
        let ids: BTreeSet<_> = blast.workflows.iter().map(|w| &w.id).collect();
        prop_assert_eq!(affected.workflows.keys().collect::<BTreeSet<_>>(), ids);
    }
}
