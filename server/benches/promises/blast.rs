//! The blast radius of the worst component in a large made-up book.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use app::model::blast::{Suppose, blast};
use app::model::book::Book;
use app::model::moment::Span;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Map, Value, json};

use crate::table::{Goal, Table};

/// How large the book is.
const COMPONENTS: usize = 5_000;
const DEPENDENCIES: usize = 20_000;
const WORKFLOWS: usize = 500;

/// The components that are most needed; the worst is among them.
const TRIED: usize = 50;

/// Takes each of the most needed components down, and tells the longest time that an answer took.
pub fn measure(table: &mut Table) {
    let book = made_up(20_260_604);
    let mut needed: BTreeMap<&str, usize> = BTreeMap::new();
    for dependency in book.components.values().flat_map(|c| &c.depends_on) {
        *needed.entry(&dependency.id).or_default() += 1;
    }
    let mut needed: Vec<_> = needed.into_iter().collect();
    needed.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    let headroom = (0..COMPONENTS).step_by(10).map(|n| (format!("c{n}"), Span::from_minutes(n as i64 % 90))).collect();
    let next_start = (0..WORKFLOWS).step_by(2).map(|n| (format!("w{n}"), Span::from_minutes(n as i64 % 600))).collect();
    let mut worst = (0, Duration::ZERO);
    for (id, _) in needed.into_iter().take(TRIED) {
        let down = BTreeSet::from([id.to_owned()]);
        let began = Instant::now();
        let found = blast(&Suppose { book: &book, down: &down, headroom: &headroom, next_start: &next_start });
        worst = (worst.0.max(found.components.len()), worst.1.max(began.elapsed()));
    }
    assert!(worst.0 > COMPONENTS / 10, "the book is connected");
    let ms = worst.1.as_secs_f64() * 1_000.0;
    table.row("blast radius, 5,000 components, 20,000 dependencies", ms, "ms", Goal::AtMost(100.0));
}

/// A book with cycles, queues, batches and fallbacks: the same for the same seed.
fn made_up(seed: u64) -> Book {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut depends_on: Vec<Vec<Value>> = vec![Vec::new(); COMPONENTS];
    for _ in 0..DEPENDENCIES {
        let mode = ["sync", "sync", "sync", "queue", "batch", "manual"][rng.random_range(0..6)];
        let fallback = rng.random_bool(0.25).then_some("by hand");
        let to = format!("c{}", rng.random_range(0..COMPONENTS));
        depends_on[rng.random_range(0..COMPONENTS)].push(json!({"id": to, "mode": mode, "fallback": fallback}));
    }
    let components: Map<String, Value> = depends_on
        .into_iter()
        .enumerate()
        .map(|(n, depends_on)| {
            let kind = if n % 10 == 0 { "queue" } else { "service" };
            let id = format!("c{n}");
            (id.clone(), json!({"id": id, "name": id, "type": kind, "depends_on": depends_on}))
        })
        .collect();
    let workflows: Map<String, Value> = (0..WORKFLOWS)
        .map(|n| {
            let steps: Vec<_> = (0..8)
                .map(|step| {
                    let component = format!("c{}", rng.random_range(0..COMPONENTS));
                    let queue = rng.random_bool(0.3).then(|| format!("c{}", 10 * rng.random_range(0..COMPONENTS / 10)));
                    json!({"id": format!("s{step}"), "name": "Step", "component": component, "via": queue})
                })
                .collect();
            let id = format!("w{n}");
            let start_at = (n % 2 == 0).then_some("0 3 * * *");
            (id.clone(), json!({"id": id, "name": id, "expect": {"start_at": start_at}, "steps": steps}))
        })
        .collect();
    let book = json!({"workflows": workflows, "components": components, "decisions": {}, "workarounds": {}});
    serde_json::from_value(book).expect("a made-up book is a book")
}
