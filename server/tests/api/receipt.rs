//! The observed flow is what the events add up to, in whatever order and however often they arrive.

use std::io::Read;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Once};

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use serde_json::{Value, json};

use crate::support::{TestServer, With, at, on_both_databases};

on_both_databases![
    a_small_log_gives_its_flow_however_it_arrives,
    the_receipt_log_gives_exactly_what_process_mining_computes,
];

/// The ways in which a log may arrive.
const WAYS: [&str; 4] = ["in-order", "shuffled", "twice", "parallel"];

/// A small log of our own: each run is the row of its steps. Rework, loops, runs that skip, that begin elsewhere, that
/// never end.
const RUNS: [&str; 8] = ["abcde", "abbcde", "abcbcd", "acde", "abcdcde", "aab", "bcde", "a"];

/// Counted by hand from [`RUNS`]: directly followed by, in the same run.
fn flow_of_the_small_log() -> Value {
    json!({
        "runs": 8, "events": 36,
        "steps": {"a": 8, "b": 8, "c": 8, "d": 7, "e": 5},
        "edges": {"a>b": 5, "b>c": 6, "c>d": 7, "d>e": 5, "b>b": 1, "c>b": 1, "a>c": 1, "d>c": 1, "a>a": 1},
        "starts": {"a": 7, "b": 1},
        "ends": {"e": 5, "d": 1, "b": 1, "a": 1},
    })
}

/// The events of [`RUNS`]: every other run within one second, where only the sender's sequence tells the order.
fn small_log() -> Vec<Value> {
    let mut events: Vec<(usize, Value)> = Vec::new();
    for (r, steps) in RUNS.iter().enumerate() {
        for (n, step) in steps.chars().enumerate() {
            let second = if r % 2 == 0 { n } else { 0 };
            let event = json!({"run": format!("run-{r}"), "step": step.to_string(), "state": "succeeded", "source": "log",
                "time": at(&format!("07:00:{second:02}")).to_string(), "sequence": n, "id": format!("{r}/{n}")});
            events.push((second, event));
        }
    }
    events.sort_by_key(|(second, _)| *second);
    events.into_iter().map(|(_, event)| event).collect()
}

/// The same log under another name: other runs of another workflow.
fn named(log: &[Value], workflow: &str) -> Vec<Value> {
    log.iter().map(|e| e.clone().with("workflow", workflow).with("source", workflow)).collect()
}

/// Sends a log under the name of the way it arrives.
async fn arrive(server: &Arc<TestServer>, log: &[Value], way: &str) {
    let mut events = named(log, way);
    match way {
        "shuffled" => events.shuffle(&mut StdRng::seed_from_u64(7)),
        "twice" => events = events.iter().flat_map(|e| [e.clone(), e.clone()]).collect(),
        _ => {}
    }
    if way != "parallel" {
        let lines: String = events.iter().map(|e| format!("{e}\n")).collect();
        let answer = server.send("application/x-ndjson", &[], lines).await.expect(202).json();
        assert_eq!(answer["accepted"], log.len(), "{way}");
        return;
    }
    // Eight senders, each with its part of every second.
    let sending = (0..8).map(|sender| {
        let server = server.clone();
        let part: Vec<Value> = events.iter().skip(sender).step_by(8).cloned().collect();
        tokio::spawn(async move {
            let mut accepted = 0;
            for batch in part.chunks(100) {
                accepted += server.post_events(batch.to_vec()).await["accepted"].as_u64().unwrap();
            }
            accepted
        })
    });
    let sending: Vec<_> = sending.collect();
    let mut accepted = 0;
    for batch in sending {
        accepted += batch.await.unwrap();
    }
    assert_eq!(accepted, log.len() as u64);
}

/// The observed flow of a workflow, as counts by name.
async fn flow(server: &TestServer, workflow: &str) -> Value {
    let observed = server.json(&format!("/workflows/{workflow}")).await["observed"].clone();
    let counts = |list: &str, name: &dyn Fn(&Value) -> String, count: &str| -> Value {
        let items = observed[list].as_array().unwrap();
        Value::Object(items.iter().map(|item| (name(item), item[count].clone())).collect())
    };
    let step = |item: &Value| item["step"].as_str().unwrap().to_owned();
    let edge = |item: &Value| format!("{}>{}", item["from"].as_str().unwrap(), item["to"].as_str().unwrap());
    json!({
        "runs": observed["runs"], "events": observed["events"],
        "steps": counts("steps", &step, "visits"), "edges": counts("edges", &edge, "count"),
        "starts": counts("starts", &step, "count"), "ends": counts("ends", &step, "count"),
    })
}

async fn a_small_log_gives_its_flow_however_it_arrives(server: TestServer) {
    let (server, log) = (Arc::new(server), small_log());
    for way in WAYS {
        arrive(&server, &log, way).await;
        assert_eq!(flow(&server, way).await, flow_of_the_small_log(), "{way}");
    }
    // One event at a time, the newest first: each one belongs before all others.
    for event in named(&log, "backwards").into_iter().rev() {
        server.post_events(event).await;
    }
    assert_eq!(flow(&server, "backwards").await, flow_of_the_small_log());
    // And everything again adds nothing.
    server.post_events(named(&log, "backwards")).await;
    assert_eq!(flow(&server, "backwards").await, flow_of_the_small_log());
    let story = async |way: &str| {
        let run = server.json(&format!("/runs/{way}/run-2")).await;
        let told: Vec<_> = run["story"].as_array().unwrap().iter().map(|l| l["text"].clone()).collect();
        (told, run["steps"].clone())
    };
    for way in WAYS {
        assert_eq!(story("backwards").await, story(way).await, "{way}");
    }
}

async fn the_receipt_log_gives_exactly_what_process_mining_computes(server: TestServer) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let Ok(packed) = std::fs::read(folder.join("receipt.ndjson.gz")) else {
        static SAID: Once = Once::new();
        SAID.call_once(|| {
            let _ = writeln!(std::io::stderr(), "The receipt log was NOT compared: it is not in {}.", folder.display());
        });
        return;
    };
    let mut lines = String::new();
    flate2::read::GzDecoder::new(packed.as_slice()).read_to_string(&mut lines).unwrap();
    let log: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let expected = std::fs::read_to_string(folder.join("receipt.expected.json")).unwrap();
    let expected = flow_of_the_receipt_log(&serde_json::from_str(&expected).unwrap());
    let server = Arc::new(server);
    for way in WAYS {
        arrive(&server, &log, way).await;
        assert_eq!(flow(&server, way).await, expected, "{way}");
    }
}

/// The expectation in our words.
fn flow_of_the_receipt_log(expected: &Value) -> Value {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let edges = expected["edges"].as_array().unwrap().iter();
    let edges: serde_json::Map<_, _> =
        edges.map(|e| (format!("{}>{}", text(&e[0]), text(&e[1])), e[2].clone())).collect();
    json!({"runs": expected["runs"], "events": expected["events"], "steps": expected["visits"], "edges": edges,
        "starts": expected["starts"], "ends": expected["ends"]})
}
