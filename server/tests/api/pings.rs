//! `/ping/{key}`: a check tells its runs by asking for an address.

use serde_json::{Value, json};
use watchbook::actions::create_token::Scope;

use crate::support::{Client, TestServer, html, on_both_databases};

on_both_databases![
    a_start_and_an_end_are_one_run,
    get_head_and_post_are_the_same,
    an_exit_code_says_how_it_went,
    every_run_id_is_its_own_run_so_that_a_hung_one_is_not_hidden,
    without_run_ids_each_start_is_a_run,
    a_ping_is_answered_after_it_is_recorded,
    a_line_of_the_log_changes_no_state,
    of_a_long_body_the_beginning_is_kept,
    a_wrong_key_and_a_wrong_word_are_404,
    a_key_may_nothing_else_and_nothing_else_is_a_key,
    a_failed_run_needs_nobody_once_a_later_one_went_well,
    a_failed_run_is_recovered_whichever_is_heard_first,
    a_run_that_is_of_no_check_is_not_recovered_by_another,
    a_job_that_starts_and_does_not_end_is_late,
    a_check_tells_its_runs_as_signals_too,
];

/// The check `nightly-export`, by its key.
struct Check {
    client: Client,
    key: String,
}

impl Check {
    async fn of(server: &TestServer) -> Self {
        let key = server.token("nightly-export", Scope::Ping).await;
        Self { client: server.stranger(), key }
    }

    async fn pings(&self, rest: &str) {
        let answer = self.client.get(&format!("/ping/{}{rest}", self.key)).await.expect(200);
        assert_eq!(answer.text, "OK");
    }

    async fn pings_with(&self, rest: &str, body: impl Into<reqwest::Body>) {
        self.client.send(&format!("/ping/{}{rest}", self.key), &[], body).await.expect(200);
    }
}

/// The runs of the check, the newest first: id and state.
async fn runs(server: &TestServer) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let runs = server.json("/workflows/nightly-export/runs").await;
    runs["items"].as_array().unwrap().iter().map(|run| (text(&run["run"]), text(&run["state"]))).collect()
}

async fn story(server: &TestServer, run: &str) -> Vec<String> {
    let run = server.json(&format!("/runs/nightly-export/{run}")).await;
    run["story"].as_array().unwrap().iter().map(|line| line["text"].as_str().unwrap().to_owned()).collect()
}

fn ran(run: &str, state: &str) -> (String, String) {
    (run.to_owned(), state.to_owned())
}

async fn a_start_and_an_end_are_one_run(server: TestServer) {
    let check = Check::of(&server).await;
    check.pings("/start").await;
    server.at("08:09");
    check.pings("").await;
    assert_eq!(runs(&server).await, [ran("2026-06-04T08:00:00Z", "on_track")]);
    assert_eq!(story(&server, "2026-06-04T08:00:00Z").await, ["The run started", "The run finished"]);
    let workflow = server.json("/workflows/nightly-export").await;
    assert_eq!((&workflow["waiting"], &workflow["observed"]["runs"]), (&json!(0), &json!(1)));
    // It goes on later.
    server.at("09:00");
    check.pings("/start").await;
    check.pings("/0").await;
    assert_eq!(runs(&server).await.len(), 2);
    assert_eq!(server.json("/sources").await["items"][0]["id"], "nightly-export");
}

async fn get_head_and_post_are_the_same(server: TestServer) {
    let check = Check::of(&server).await;
    check.pings("?rid=a").await;
    check.pings_with("?rid=b", "").await;
    let url = format!("{}/ping/{}?rid=c", server.base, check.key);
    assert_eq!(reqwest::Client::new().head(url).send().await.unwrap().status(), 200);
    let runs: Vec<_> = runs(&server).await.into_iter().map(|(run, _)| run).collect();
    assert_eq!(runs, ["c", "b", "a"]);
}

async fn an_exit_code_says_how_it_went(server: TestServer) {
    let check = Check::of(&server).await;
    check.pings("/0?rid=good").await;
    check.pings_with("/3?rid=bad", "copying\nno space left on device\n").await;
    check.pings("/fail?rid=worse").await;
    assert_eq!(runs(&server).await, [ran("worse", "broken"), ran("bad", "broken"), ran("good", "on_track")]);
    assert_eq!(story(&server, "bad").await, ["The run failed: exit 3 no space left on device"]);
    let kept = &server.json("/events").await["items"][1]["event"];
    assert_eq!((&kept["output"], &kept["exit_code"]), (&json!("copying\nno space left on device\n"), &json!(3)));
}

async fn every_run_id_is_its_own_run_so_that_a_hung_one_is_not_hidden(server: TestServer) {
    let check = Check::of(&server).await;
    for rid in ["one", "two", "three"] {
        check.pings(&format!("/start?rid={rid}")).await;
    }
    check.pings("/0?rid=three").await;
    check.pings("?rid=one").await;
    let open = server.json("/workflows/nightly-export/runs?state=open").await;
    let open: Vec<_> = open["items"].as_array().unwrap().iter().map(|run| &run["run"]).collect();
    assert_eq!(open, ["two"]);
}

async fn without_run_ids_each_start_is_a_run(server: TestServer) {
    let check = Check::of(&server).await;
    check.pings("/start").await;
    server.at("08:30");
    check.pings("/start").await;
    server.at("08:35");
    check.pings("").await;
    let open = server.json("/workflows/nightly-export/runs?state=open").await;
    let open: Vec<_> = open["items"].as_array().unwrap().iter().map(|run| &run["run"]).collect();
    assert_eq!(open, ["2026-06-04T08:00:00Z"]);
    // An end without a start is a run as well.
    server.at("08:50");
    check.pings("").await;
    assert_eq!(runs(&server).await[0], ran("2026-06-04T08:50:00Z", "on_track"));
}

async fn a_ping_is_answered_after_it_is_recorded(server: TestServer) {
    let check = Check::of(&server).await;
    check.pings("/start?rid=a").await;
    let server = server.restarted("08:01", |_| {}).await;
    assert_eq!(runs(&server).await, [ran("a", "on_track")]);
    let client = server.stranger();
    client.get(&format!("/ping/{}?rid=a", check.key)).await.expect(200);
    assert_eq!(server.json("/workflows/nightly-export").await["waiting"], 0);
}

async fn a_line_of_the_log_changes_no_state(server: TestServer) {
    let check = Check::of(&server).await;
    check.pings("/start?rid=a").await;
    check.pings_with("/log?rid=a", "half of it is done").await;
    assert_eq!(story(&server, "a").await, ["The run started"]);
    let sources = server.json("/sources").await;
    assert!(sources["raw"][0]["raw"].as_str().unwrap().contains("half of it is done"), "{sources}");
}

async fn of_a_long_body_the_beginning_is_kept(server: TestServer) {
    let check = Check::of(&server).await;
    check.pings_with("/fail?rid=a", "x".repeat(1_000_000)).await;
    let kept = &server.json("/events").await["items"][0]["event"];
    assert_eq!(kept["output"].as_str().unwrap().len(), 10_000);
    check.pings_with("/fail?rid=b", vec![0xff, 0, b'a']).await;
    assert_eq!(runs(&server).await.len(), 2);
    let page = html::words(&server.viewer().await.page("/runs/nightly-export/b").await);
    assert!(page.contains("The run failed"), "{page}");
}

async fn a_wrong_key_and_a_wrong_word_are_404(server: TestServer) {
    let check = Check::of(&server).await;
    let other = format!("wb_{}", "A".repeat(43));
    for path in [format!("/ping/{other}"), "/ping/x".to_owned(), format!("/ping/{other}/start")] {
        check.client.get(&path).await.problem(404);
    }
    for word in ["begin", "256", "-1", "start/again"] {
        let status = check.client.get(&format!("/ping/{}/{word}", check.key)).await.status;
        assert_eq!(status, 404, "{word}");
    }
    check.client.get(&format!("/ping/{}?rid={}", check.key, "r".repeat(300))).await.problem(422);
    assert_eq!(server.json("/events").await["items"], json!([]));
}

async fn a_key_may_nothing_else_and_nothing_else_is_a_key(server: TestServer) {
    let check = Check::of(&server).await;
    let program = server.program(&check.key);
    program.get("/api/v1/now").await.problem(403);
    program.send("/api/v1/events", &[("content-type", "application/json")], "{}").await.problem(403);
    let admin = server.token("root", Scope::Admin).await;
    for token in [&server.ingest, &server.read, &admin] {
        check.client.get(&format!("/ping/{token}")).await.problem(404);
    }
}

async fn a_job_that_starts_and_does_not_end_is_late(server: TestServer) {
    let export = "kind: workflow\nid: nightly-export\nname: Nightly export\nexpect: { finish_within: 20m }\n";
    server.shelf.write("nightly-export.yaml", export);
    server.take_over_the_book().await;
    let check = Check::of(&server).await;
    check.pings("/start?rid=hangs").await;
    server.at("08:10");
    check.pings("/start?rid=fine").await;
    server.at("08:15");
    check.pings("?rid=fine").await;
    server.strike_at("08:20").await;
    assert_eq!(runs(&server).await, [ran("fine", "on_track"), ran("hangs", "late")]);
}

async fn a_check_tells_its_runs_as_signals_too(server: TestServer) {
    let signal = |state: &str, more: Value| {
        let mut signal = json!({"type": "signal", "name": "nightly-export", "state": state});
        signal.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        signal
    };
    server.post_events(signal("start", json!({"rid": "a"}))).await;
    server.post_events(signal("fail", json!({"rid": "a", "error": "no disk"}))).await;
    assert_eq!(story(&server, "a").await, ["The run started", "The run failed: no disk"]);
    // Sent again, it is known, although its run was not in it.
    let start = signal("start", json!({"time": "2026-06-04T07:50:00Z"}));
    server.post_events(start.clone()).await;
    assert_eq!(server.post_events(start).await["duplicates"], 1);
    server.post_events(signal("success", json!({"time": "2026-06-04T07:55:00Z"}))).await;
    assert_eq!(story(&server, "2026-06-04T07:50:00Z").await, ["The run started", "The run finished"]);
    let wrong = server.send_events(&signal("maybe", json!({}))).await.problem(422);
    assert_eq!(wrong["errors"][0]["field"], "state");
}

async fn a_failed_run_needs_nobody_once_a_later_one_went_well(server: TestServer) {
    let check = Check::of(&server).await;
    check.pings("/start?rid=hangs").await;
    server.at("08:10");
    check.pings_with("/1?rid=monday", "no space left").await;
    let workflow = server.json("/workflows/nightly-export").await;
    assert_eq!(workflow["state"], "broken");
    // What went well before it failed is no sign that it works again.
    check.client.get(&format!("/ping/{}/0?rid=same", check.key)).await.expect(200);
    assert_eq!(server.json("/workflows/nightly-export").await["state"], "broken");
    server.at("09:00");
    check.pings("/0?rid=tuesday").await;
    let workflow = server.json("/workflows/nightly-export").await;
    assert_eq!((&workflow["state"], &workflow["waiting"]), (&json!("on_track"), &json!(1)), "the one that hangs stays");
    let run = server.json("/runs/nightly-export/monday").await;
    assert_eq!(run["sentence"], "Failed 08:10. A later run of this check went well 09:00.");
    let problem = &server.json("/problems?open=no").await["items"][0];
    assert_eq!((&problem["kind"], &problem["ended"]), (&json!("failed"), &json!("by_itself")), "{problem}");
    // A late word about it is folded in, and does not bring it back.
    let late = json!({"type": "signal", "name": "nightly-export", "rid": "monday", "state": "start",
        "time": "2026-06-04T08:05:00Z"});
    server.post_events(vec![late]).await;
    assert_eq!(server.json("/runs/nightly-export/monday").await["state"], "on_track");
    assert_eq!(server.json("/workflows/nightly-export").await["state"], "on_track");
}

async fn a_failed_run_is_recovered_whichever_is_heard_first(server: TestServer) {
    let told = |rid: &str, state: &str, time: &str| json!({"type": "signal", "name": "nightly-export", "rid": rid, "state": state, "time": time});
    server.at("09:00");
    server.post_events(vec![told("tuesday", "success", "2026-06-04T08:30:00Z")]).await;
    server.post_events(vec![told("monday", "fail", "2026-06-04T08:10:00Z")]).await;
    assert_eq!(server.json("/workflows/nightly-export").await["state"], "on_track");
}

async fn a_run_that_is_of_no_check_is_not_recovered_by_another(server: TestServer) {
    let told = |run: &str, state: &str, time: &str| json!({"workflow": "price-update", "run": run, "state": state, "time": time});
    server.at("09:00");
    server
        .post_events(vec![told("1", "failed", "2026-06-04T08:10:00Z"), told("2", "succeeded", "2026-06-04T08:30:00Z")])
        .await;
    assert_eq!(server.json("/workflows/price-update").await["state"], "broken");
}
