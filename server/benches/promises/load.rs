//! The load: runs of five steps, ten events each, interleaved as they are when many runs are under way at once.

/// What the events look like.
#[derive(Clone, Copy)]
pub struct Shape<'a> {
    workflow: &'a str,
    /// How many runs are under way at once.
    under_way: usize,
}

impl<'a> Shape<'a> {
    /// 200 runs of a workflow are under way at once.
    pub fn interleaved(workflow: &'a str) -> Self {
        Self { workflow, under_way: 200 }
    }
}

const STEPS: [&str; 5] = ["receive-order", "validate-order", "reserve-stock", "charge-card", "push-to-erp"];
const PER_RUN: usize = STEPS.len() * 2;

/// The event at a place of the load.
fn event(shape: Shape, at: usize) -> String {
    let group = shape.under_way * PER_RUN;
    let (block, inside) = (at / group, at % group);
    let run = block * shape.under_way + inside % shape.under_way;
    let stage = inside / shape.under_way;
    let (step, state) = (STEPS[stage / 2], if stage.is_multiple_of(2) { "running" } else { "succeeded" });
    // A millisecond an event, in the past: times rise as they do in real life.
    let millis = at as i64;
    let (s, ms) = (millis / 1000, millis % 1000);
    let (day, h, m, s) = (1 + s / 86_400 % 28, s / 3600 % 24, s / 60 % 60, s % 60);
    format!(
        r#"{{"workflow":"{}","run":"{run}","step":"{step}","state":"{state}","time":"2026-10-{day:02}T{h:02}:{m:02}:{s:02}.{ms:03}Z","id":"{}-{at}","source":"bench","subject":"order/{run}"}}"#,
        shape.workflow, shape.workflow
    )
}

/// As NDJSON.
pub fn lines(shape: Shape, events: usize) -> Vec<u8> {
    (0..events).flat_map(|at| (event(shape, at) + "\n").into_bytes()).collect()
}

/// As NDJSON of a part of the load.
pub fn lines_of(shape: Shape, events: std::ops::Range<usize>) -> Vec<u8> {
    events.flat_map(|at| (event(shape, at) + "\n").into_bytes()).collect()
}

/// As JSON arrays.
pub fn batches(shape: Shape, events: usize, size: usize) -> Vec<Vec<u8>> {
    let all: Vec<_> = (0..events).map(|at| event(shape, at)).collect();
    all.chunks(size).map(|batch| format!("[{}]", batch.join(",")).into_bytes()).collect()
}

/// As single objects: every one begins a run of its own, the dearest case.
pub fn singles(shape: Shape, events: usize) -> Vec<Vec<u8>> {
    (0..events)
        .map(|at| {
            format!(
                r#"{{"workflow":"{0}","run":"{0}-{at}","step":"receive-order","state":"running","id":"{0}-{at}","source":"bench","subject":"order/{at}"}}"#,
                shape.workflow
            )
            .into_bytes()
        })
        .collect()
}
