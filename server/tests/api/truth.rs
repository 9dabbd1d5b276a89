//! Truth under bad order: whatever arrives when and how often, and whenever the portal is stopped, the same is so.

use app::model::moment::Span;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use crate::support::shelf::{Step, Workflow};
use crate::support::{TestServer, With, at, on_both_databases, step};

on_both_databases![a_history_ends_the_same_in_any_order_in_any_cuts_and_with_restarts_in_between];

/// How many random histories are told.
const HISTORIES: u64 = 5;

/// The same workflow under another id.
fn workflow(id: &str) -> String {
    Workflow::new(id, "The flow")
        .says("expect: { finish_within: 90m }")
        .step(Step::new("take", "Take"))
        .step(Step::new("check", "Check").says("finish_within: 10m"))
        .step(
            Step::new("push", "Push")
                .says("finish_within: 5m")
                .says("retry: { max_attempts: 4, backoff: exponential, first: 1m, factor: 2 }")
                .says("failure_points: [{ id: busy, when: { code: \"503\" } }]"),
        )
        .yaml()
}

/// Two hours of eight runs, by clocks that are up to four minutes wrong. No two events have one time: between such the
/// identity decides, and that is another one for another source.
fn history(random: &mut StdRng) -> Vec<Value> {
    const STATES: [&str; 8] =
        ["waiting", "running", "retrying", "succeeded", "partial", "failed", "skipped", "cancelled"];
    const STEPS: [&str; 4] = ["take", "check", "push", "wrap"];
    (0..70)
        .map(|n| {
            let seconds = random.random_range(0..7_200) + random.random_range(-240..240);
            let time = at("08:00") + Span::from_millis(seconds * 1_000 + n);
            let run = random.random_range(0..8).to_string();
            let (id, state) = (STEPS[random.random_range(0..4)], STATES[random.random_range(0..8)]);
            let mut event = step(&run, id, state, &time.to_string());
            if random.random_bool(0.05) {
                event.as_object_mut().unwrap().remove("step");
            }
            if random.random_bool(0.5) {
                event["attempt"] = random.random_range(1..5).into();
            }
            if ["failed", "retrying"].contains(&state) && random.random_bool(0.7) {
                event["error"] = json!({"code": (["503", "423"])[random.random_range(0..2)], "message": "no"});
            }
            if random.random_bool(0.2) {
                event["next_attempt_at"] = (time + Span::from_minutes(random.random_range(1..200))).to_string().into();
            }
            event
        })
        .collect()
}

/// The same events of a workflow with this id, from a source of its own.
fn under(id: &str, events: &[Value]) -> Vec<Value> {
    events.iter().map(|event| event.clone().with("workflow", id).with("source", id)).collect()
}

/// Everything that must be the same: how the workflow stands, what is wrong, where its runs are, what each run's story
/// is, and what was seen of the flow. Left out is what depends on when something was heard, and so may differ: the
/// numbers of problems, since when they were seen to be there (one who knew less saw less), whether a line came late or
/// out of order, when and how often it was heard, and when an edge was last seen (it never turns back).
async fn told(server: &TestServer, id: &str) -> Value {
    let page = server.json(&format!("/workflows/{id}")).await;
    let mut runs = Vec::new();
    for run in server.every(&format!("/workflows/{id}/runs")).await {
        let mut run = server.json(&format!("/runs/{id}/{}", run["run"].as_str().unwrap())).await;
        for line in run["story"].as_array_mut().unwrap() {
            let marks: Vec<_> = line["marks"].as_array().unwrap().clone();
            let kept = marks.into_iter().filter(|mark| !["late", "out_of_order"].contains(&mark.as_str().unwrap()));
            line["marks"] = kept.collect();
            for field in ["received_at", "repeats", "raw"] {
                line.as_object_mut().unwrap().remove(field);
            }
        }
        runs.push(run);
    }
    runs.sort_by_key(|run| run["run"].to_string());
    let pick = |value: &Value, fields: &[&str]| -> Value {
        fields.iter().map(|field| ((*field).to_owned(), value[*field].clone())).collect()
    };
    let all = |values: &Value, fields: &[&str]| -> Vec<Value> {
        let mut picked: Vec<_> = values.as_array().unwrap().iter().map(|value| pick(value, fields)).collect();
        picked.sort_by_key(Value::to_string);
        picked
    };
    let open = server.json("/problems?open=1").await;
    let own = open["items"].as_array().unwrap().iter().filter(|problem| problem["workflow"] == id).cloned();
    let problems = all(&own.collect(), &["kind", "state", "step", "count", "sentence", "next", "name"]);
    let said = json!({
        "stands": pick(&page, &["state", "sentence", "since", "waiting", "oldest_at", "facts"]),
        "trouble": all(&page["trouble"], &["state", "step", "sentence", "count", "since", "next"]),
        "steps": all(&page["steps"], &["id", "state", "fact", "open", "retrying", "late", "broken", "visits"]),
        "edges": page["edges"],
        "starts": all(&page["observed"]["starts"], &["step", "count"]),
        "ends": all(&page["observed"]["ends"], &["step", "count"]),
        "seen": [page["observed"]["runs"], page["observed"]["events"]],
        "problems": problems,
        "runs": runs,
    });
    serde_json::from_str(&said.to_string().replace(id, "ID")).unwrap()
}

/// The numbers of the open problems.
async fn open(server: &TestServer) -> Vec<i64> {
    let open = server.json("/problems?open=1").await;
    let mut ids: Vec<_> = open["items"].as_array().unwrap().iter().map(|p| p["id"].as_i64().unwrap()).collect();
    ids.sort_unstable();
    ids
}

async fn a_history_ends_the_same_in_any_order_in_any_cuts_and_with_restarts_in_between(mut server: TestServer) {
    let ids = |n: u64| (format!("in-order-{n}"), format!("anyhow-{n}"));
    for n in 0..HISTORIES {
        let (in_order, anyhow) = ids(n);
        for id in [in_order, anyhow] {
            server.shelf.write(&format!("{id}.yaml"), &workflow(&id));
        }
    }
    server.take_over_the_book().await;
    // Nothing is further in the future than clocks may be wrong: what is, stands where it was heard.
    let mut clock = at("10:05");
    server.at("10:05");
    for n in 0..HISTORIES {
        let mut random = StdRng::seed_from_u64(n);
        let (in_order, anyhow) = ids(n);
        let mut events = history(&mut random);
        events.sort_by_key(|event| event["time"].to_string());
        // In any order, each third one twice, in any cuts, with looks and restarts in between.
        let mut shuffled: Vec<_> = events.iter().chain(events.iter().step_by(3)).cloned().collect();
        shuffled.shuffle(&mut random);
        let mut left = under(&anyhow, &shuffled);
        while !left.is_empty() {
            let part: Vec<_> = left.drain(..left.len().min(random.random_range(1..16))).collect();
            server.post_events(part).await;
            clock = clock + Span::from_secs(random.random_range(0..60));
            server.at(&clock.to_string());
            if random.random_bool(0.4) {
                server.strike_at(&clock.to_string()).await;
            }
            if random.random_bool(0.3) {
                server.strike_at(&clock.to_string()).await;
                let before = open(&server).await;
                server = server.restarted(&clock.to_string(), |_| {}).await;
                server.strike_at(&clock.to_string()).await;
                assert_eq!(open(&server).await, before, "no problem is lost by a restart, and none is raised twice");
            }
        }
        server.post_events(under(&in_order, &events)).await;
    }
    // Much later, so that every deadline has passed; both are still heard.
    for later in [Span::default(), Span::from_minutes(200)] {
        let now = (clock + later).to_string();
        server.at(&now);
        for n in 0..HISTORIES {
            for id in <[String; 2]>::from(ids(n)) {
                server.post_events(json!({"type": "signal", "source": id, "time": now})).await;
            }
        }
        server.strike_at(&now).await;
        for n in 0..HISTORIES {
            let (in_order, anyhow) = ids(n);
            let (expected, found) = (told(&server, &in_order).await, told(&server, &anyhow).await);
            assert_ne!(expected["problems"], json!([]), "a history without trouble shows nothing");
            for (field, value) in expected.as_object().unwrap() {
                assert_eq!(&found[field], value, "{field} of history {n} at {now}");
            }
        }
    }
}
