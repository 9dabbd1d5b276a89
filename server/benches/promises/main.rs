//! What the product promises about speed, measured on the release binary against yardsticks taken in the same run.

mod blast;
mod book;
mod client;
mod crowd;
mod find;
mod load;
mod portal;
mod table;
mod watch;
mod yardstick;

use std::time::{Duration, Instant};

use client::Connection;
use portal::Portal;
use table::{Goal, Table};

/// Events stored for the question whether pages grow with history.
const FEW: usize = 10_000;
const MANY: usize = 1_000_000;

/// How often each page is asked for.
const ASKED: usize = 200;

/// The name of a part, and what measures it with a part of the load.
type Part = (&'static str, fn(&mut Table, usize));

/// The parts of the benchmark, in order; the first one takes the yardsticks that it compares with.
const PARTS: [Part; 9] = [
    ("ingest", ingest),
    ("creators", creators),
    ("start", start_and_memory),
    ("history", history),
    ("watch", watch::measure),
    ("crowd", |table, _| crowd::measure(table)),
    ("blast", |table, _| blast::measure(table)),
    ("book", book::measure),
    ("find", find::measure),
];

fn main() {
    // `cargo bench` passes --bench; `--quick` keeps to a tenth of the load, to see that it runs; a word names a part.
    let (options, words): (Vec<String>, Vec<String>) = std::env::args().skip(1).partition(|a| a.starts_with("--"));
    let quick = options.iter().any(|a| a == "--quick");
    let scale = if quick { 10 } else { 1 };
    let unknown: Vec<_> = words.iter().filter(|word| PARTS.iter().all(|(name, _)| name != word)).collect();
    if !unknown.is_empty() {
        let names: Vec<_> = PARTS.iter().map(|(name, _)| *name).collect();
        eprintln!("No part of the benchmark is called {unknown:?}; there are {}.", names.join(", "));
        std::process::exit(2);
    }
    let mut table = Table::default();
    for (_, measure) in PARTS.iter().filter(|(name, _)| words.is_empty() || words.iter().any(|word| word == name)) {
        measure(&mut table, scale);
    }
    table.finish(match (quick, words.is_empty()) {
        (true, _) => ", quick: a tenth of the load",
        (false, true) => "",
        (false, false) => ", not all parts",
    });
}

/// Events acknowledged durably, by each form.
fn ingest(table: &mut Table, scale: usize) {
    yardstick::measure(table, scale);
    let portal = Portal::start();
    let many = 100_000 / scale;
    let mut connection = portal.connect();
    let lines = load::lines(load::Shape::interleaved("ndjson"), many);
    let (status, took) = connection.post(&portal.token, "application/x-ndjson", &lines);
    assert_eq!(status, 202, "NDJSON was refused");
    let rate = per_second(many, took);
    table.row("NDJSON, one connection", rate, "events/s", Goal::AtLeast(20_000.0));
    table.ratio("NDJSON / plain SQLite, batches of 100", "plain SQLite loop, batches of 100", rate, 0.4);

    let batches = load::batches(load::Shape::interleaved("batches"), many, 1_000);
    let began = Instant::now();
    for batch in &batches {
        assert_eq!(connection.post(&portal.token, "application/json", batch).0, 202, "a batch was refused");
    }
    let rate = per_second(many, began.elapsed());
    table.row("JSON batches of 1,000, one connection", rate, "events/s", Goal::AtLeast(20_000.0));
    table.ratio("JSON batches / plain SQLite, batches of 100", "plain SQLite loop, batches of 100", rate, 0.4);

    let singles = 6_000 / scale;
    let (rate, _) = one_by_one(&portal, "one", 1, singles);
    table.row("single POSTs, one connection", rate, "events/s", Goal::AtLeast(1_500.0));
    table.ratio("single POSTs, 1 connection / bare handler", "bare handler, 1 connection", rate, 0.4);
    table.ratio("single POSTs, 1 connection / plain SQLite, batch 1", "plain SQLite loop, batch 1", rate, 0.4);
    let (rate, p99) = one_by_one(&portal, "many", 32, 60_000 / scale);
    table.row("single POSTs, 32 connections", rate, "events/s", Goal::AtLeast(6_000.0));
    table.row("single POSTs, 32 connections, p99", p99, "ms", Goal::AtMost(15.0));
    table.ratio("single POSTs, 32 connections / bare handler", "bare handler, 32 connections", rate, 0.4);
    table.row("memory at most, during all this", portal.peak_memory(), "MB", Goal::AtMost(150.0));
}

/// Single POSTs over some connections: events a second, and the 99th percentile of one answer in ms.
fn one_by_one(portal: &Portal, name: &str, connections: usize, events: usize) -> (f64, f64) {
    let bodies = load::singles(load::Shape::interleaved(name), events);
    client::one_by_one(portal.address, &portal.token, connections, &bodies)
}

/// 32 concurrent creators of runs: every one accepted.
fn creators(table: &mut Table, scale: usize) {
    let portal = Portal::start();
    let runs = 10_000 / scale;
    let (rate, _) = one_by_one(&portal, "creators", 32, runs);
    let counted = portal.number("/api/v1/workflows/creators", "/observed/events") as usize;
    assert_eq!(counted, runs, "runs were lost");
    table.row("32 creators of 10,000 runs, all accepted", rate, "runs/s", Goal::None);
}

/// From start to ready, and memory at rest, with 100,000 events.
fn start_and_memory(table: &mut Table, scale: usize) {
    let mut portal = Portal::start();
    portal.fill("order-to-erp", 100_000 / scale);
    portal.stop();
    let ready = portal.restart();
    table.row("start to /ready with 100,000 events", ready.as_secs_f64(), "s", Goal::AtMost(0.5));
    for path in pages("order-to-erp") {
        portal.connect().get(&path);
    }
    table.row("memory with 100,000 events, every page once", portal.memory(), "MB", Goal::AtMost(60.0));
}

/// Every page and its JSON with few and with many events, and how soon a listener is told.
fn history(table: &mut Table, scale: usize) {
    let portal = Portal::start();
    portal.fill("order-to-erp", FEW);
    portal.settle("order-to-erp");
    let few = ask_for_all(&portal);
    told_within(&portal, table);
    portal.fill("order-to-erp", MANY / scale - FEW);
    portal.settle("order-to-erp");
    let many = ask_for_all(&portal);
    for ((path, few), (_, many)) in few.iter().zip(&many) {
        table.row(&format!("GET {path}, p99"), many.p99, "ms", Goal::AtMost(10.0));
        // The quickest answers tell growth; the others tell also what else the machine did.
        table.row(&format!("GET {path}, growth"), many.quick / few.quick.max(0.05), "x", Goal::AtMost(1.3));
    }
    table.row("memory at most, while 1,000,000 events came in", portal.peak_memory(), "MB", Goal::AtMost(150.0));
}

/// In milliseconds.
struct Answered {
    /// What the quickest tenth took at most: what others do on the machine adds to it least.
    quick: f64,
    p99: f64,
}

fn ask_for_all(portal: &Portal) -> Vec<(String, Answered)> {
    let mut paths = pages("order-to-erp");
    paths.extend(jsons("order-to-erp"));
    let mut connection = portal.connect();
    paths
        .into_iter()
        .map(|path| {
            for _ in 0..5 {
                connection.get(&path);
            }
            let mut took: Vec<_> = (0..ASKED).map(|_| ask(&mut connection, &path)).collect();
            let answered = Answered { quick: percentile(&mut took, 0.1), p99: percentile(&mut took, 0.99) };
            (path, answered)
        })
        .collect()
}

fn ask(connection: &mut Connection, path: &str) -> Duration {
    let began = Instant::now();
    let (status, _) = connection.get(path);
    assert_eq!(status, 200, "{path} was not answered");
    began.elapsed()
}

fn pages(workflow: &str) -> Vec<String> {
    [
        "/".to_owned(),
        "/workflows".to_owned(),
        format!("/workflows/{workflow}"),
        format!("/workflows/{workflow}/runs"),
        format!("/workflows/{workflow}/runs?state=open"),
        format!("/workflows/{workflow}/pause"),
        format!("/runs/{workflow}/500"),
        "/subjects/order/500".to_owned(),
        "/components".to_owned(),
        "/components/erp-sync-worker".to_owned(),
        "/runbooks".to_owned(),
        "/runbooks/erp-refuses-orders".to_owned(),
        "/runbooks/erp-refuses-orders/history".to_owned(),
        "/reviews".to_owned(),
        "/reviews/erp-refuses-orders".to_owned(),
        "/undocumented".to_owned(),
        "/coverage".to_owned(),
        "/decisions".to_owned(),
        "/decisions/2026-03-queue-before-erp".to_owned(),
        "/workarounds".to_owned(),
        "/workarounds/finance-block-flag".to_owned(),
        "/sources".to_owned(),
        "/find?q=erp+orders".to_owned(),
    ]
    .into()
}

fn jsons(workflow: &str) -> Vec<String> {
    [
        "now".to_owned(),
        "workflows".to_owned(),
        format!("workflows/{workflow}"),
        format!("workflows/{workflow}/runs"),
        format!("workflows/{workflow}/pause"),
        format!("runs/{workflow}/500"),
        "subjects/order/500".to_owned(),
        "components".to_owned(),
        "components/erp-sync-worker".to_owned(),
        "runbooks".to_owned(),
        "runbooks/erp-refuses-orders".to_owned(),
        "reviews".to_owned(),
        "decisions".to_owned(),
        "workarounds".to_owned(),
        "sources".to_owned(),
        "find?q=erp+orders".to_owned(),
        "events?after=0".to_owned(),
    ]
    .map(|p| format!("/api/v1/{p}"))
    .into()
}

/// From the answer to an event until a listener of the workflow's stream has the picture, beyond the coalescing.
fn told_within(portal: &Portal, table: &mut Table) {
    let mut stream = portal.listen("workflow:order-to-erp");
    stream.next_message();
    let mut worst = 0.0f64;
    for n in 0..5 {
        let run = format!("told-{n}");
        let body = format!(r#"{{"workflow":"order-to-erp","run":"{run}","step":"receive-order","state":"running"}}"#);
        let (status, _) = portal.connect().post(&portal.token, "application/json", body.as_bytes());
        assert_eq!(status, 202);
        let answered = Instant::now();
        while !stream.next_message().contains(&run) {}
        worst = worst.max(answered.elapsed().as_secs_f64() * 1000.0);
    }
    table.row("answer to picture at the listener, worst of 5", worst, "ms", Goal::AtMost(1_300.0));
}

fn per_second(events: usize, took: Duration) -> f64 {
    events as f64 / took.as_secs_f64()
}

/// The 99th percentile of one answer, in ms.
fn p99_of(portal: &Portal, path: &str) -> f64 {
    let mut connection = portal.connect();
    let mut took: Vec<_> = (0..ASKED).map(|_| ask(&mut connection, path)).collect();
    percentile(&mut took, 0.99)
}

/// In milliseconds.
fn percentile(took: &mut [Duration], share: f64) -> f64 {
    took.sort();
    let at = ((took.len() as f64 * share).ceil() as usize).clamp(1, took.len()) - 1;
    took[at].as_secs_f64() * 1000.0
}
