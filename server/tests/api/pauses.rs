//! `/workflows/{id}/pause` and `/resume`: what is paused is never on track, is watched on, and ends by itself.

use serde_json::{Value, json};
use watchbook::clock;
use watchbook::live::Topic;
use watchbook::store::people::newest_audit;

use crate::support::{Client, TestServer, With, at, html, on_both_databases, step};

on_both_databases![
    a_paused_workflow_says_so_on_every_page_that_shows_it,
    a_paused_step_is_paused_in_the_list_and_in_the_diagram_and_its_lateness_is_not_told,
    a_paused_queue_is_paused_on_its_page_and_in_every_step_before_which_it_stands,
    what_fails_meanwhile_is_said_and_watching_never_stops,
    a_pause_ends_by_itself_and_says_so_also_after_a_restart,
    an_operator_ends_a_pause_before_its_time,
    a_pause_set_again_takes_the_place_of_the_one_before,
    what_cannot_be_taken_comes_back_with_what_was_typed,
    who_may_not_pause_is_refused_and_told_why,
    whoever_listens_is_told_when_a_pause_ends,
];

async fn pause(client: &Client, workflow: &str, target: &str, until: &str) {
    let sent = [("target", target), ("reason", "ERP maintenance"), ("until", "at"), ("at", until)];
    let answer = client.post(&format!("/workflows/{workflow}/pause"), &sent).await.expect(303);
    assert_eq!(answer.header("location"), format!("/workflows/{workflow}"));
}

/// Orders that flow, at 08:10.
async fn with_orders(server: &TestServer) -> Client {
    server.at("08:09");
    server
        .post_events(json!([
            step("1", "take", "succeeded", "08:00"),
            step("1", "reserve", "succeeded", "08:01"),
            step("1", "push", "running", "08:09"),
        ]))
        .await;
    heard_at(server, "08:10").await;
    server.operator().await
}

/// The source is heard of, at a time at which everything due is judged.
async fn heard_at(server: &TestServer, time: &str) {
    server.strike_at(time).await;
    server.post_events(json!({"type": "signal", "name": "alive", "time": at(time).to_string()})).await;
}

fn step_of<'w>(workflow: &'w Value, id: &str) -> &'w Value {
    workflow["steps"].as_array().unwrap().iter().find(|s| s["id"] == id).unwrap()
}

async fn a_paused_workflow_says_so_on_every_page_that_shows_it(server: TestServer) {
    let operator = with_orders(&server).await;
    assert_eq!(server.json("/workflows/order-to-erp").await["state"], "on_track");
    pause(&operator, "order-to-erp", "workflow:order-to-erp", "2026-06-04T09:00").await;
    let sentence = "Paused by operator from 08:10 to 09:00: ERP maintenance.";
    let workflow = server.json("/workflows/order-to-erp").await;
    assert_eq!((&workflow["state"], &workflow["sentence"]), (&json!("paused"), &json!(sentence)));
    let paused = &workflow["paused"];
    assert_eq!(
        (&paused["by"], &paused["since"], &paused["until"], &paused["reason"]),
        (&json!("operator"), &json!("2026-06-04T08:10:00Z"), &json!("2026-06-04T09:00:00Z"), &json!("ERP maintenance"))
    );
    let steps = workflow["steps"].as_array().unwrap();
    assert!(steps.iter().all(|s| s["state"] == "paused" && s["fact"] == "until 09:00"), "{steps:?}");
    let now = server.json("/now").await;
    assert_eq!(now["paused"][0]["id"], "order-to-erp");
    assert!(now["sentence"].as_str().unwrap().contains("0 on track, 1 paused"), "{now}");
    assert!(now["on_track"].as_array().unwrap().iter().all(|w| w["id"] != "order-to-erp"));
    assert_eq!(server.json("/runs/order-to-erp/1").await["state"], "paused");
    assert_eq!(server.json("/workflows/order-to-erp/runs").await["items"][0]["state"], "paused");
    assert_eq!(server.json("/components/erp-sync").await["state"], "paused");
    // Told once, right after it was set.
    let page = operator.page("/workflows/order-to-erp").await;
    assert!(html::words(&page).contains("Paused until 09:00."));
    assert_eq!(html::title(&page), "Paused: Order to ERP · Watchbook");
    assert!(html::words(&page).contains(sentence), "{page}");
    assert!(html::words(&operator.page("/").await).contains("1 paused until 09:00"));
    assert_eq!(server.json("/workflows/stock-sync").await["paused"], Value::Null);
    let line = newest_audit(server.app.db.read(), 1).await.unwrap().remove(0);
    assert_eq!((line.actor.as_str(), line.action.as_str(), line.address.as_str()), ("operator", "pause", "127.0.0.1"));
    assert_eq!(line.subject, "workflow:order-to-erp until 2026-06-04T09:00:00Z: ERP maintenance");
    // What should happen next is not a start that nobody will miss.
    pause(&operator, "stock-sync", "workflow:stock-sync", "2026-06-04T09:00").await;
    let sync = server.json("/workflows/stock-sync").await;
    assert_eq!(sync["questions"]["next"], "Syncs start at least every 10 min; while it is paused no start is missed.");
}

async fn a_paused_step_is_paused_in_the_list_and_in_the_diagram_and_its_lateness_is_not_told(server: TestServer) {
    let operator = with_orders(&server).await;
    pause(&operator, "order-to-erp", "step:order-to-erp/push", "2026-06-04T09:00").await;
    heard_at(&server, "08:30").await;
    let workflow = server.json("/workflows/order-to-erp").await;
    assert_eq!(
        (&workflow["state"], &workflow["sentence"]),
        (&json!("paused"), &json!("Push to ERP is paused by operator from 08:10 to 09:00: ERP maintenance."))
    );
    assert_eq!(step_of(&workflow, "push")["state"], "paused");
    assert_eq!(step_of(&workflow, "take")["state"], "on_track");
    // It is watched all the same.
    assert_eq!(step_of(&workflow, "push")["late"], 1);
    assert_eq!(workflow["trouble"], json!([]));
    let page = operator.page("/workflows/order-to-erp").await;
    let node = html::tags(&page).into_iter().find(|t| t.get("href") == Some("#step-push") && t.name == "a").unwrap();
    assert_eq!(node.get("aria-label"), Some("Push to ERP, Paused: until 09:00"));
    let run = server.json("/runs/order-to-erp/1").await;
    assert_eq!(run["state"], "paused");
    let said = run["sentence"].as_str().unwrap();
    assert!(said.starts_with("Paused until 09:00: ERP maintenance. At Push to ERP."), "{said}");
}

async fn a_paused_queue_is_paused_on_its_page_and_in_every_step_before_which_it_stands(server: TestServer) {
    let operator = with_orders(&server).await;
    pause(&operator, "order-to-erp", "component:erp-queue", "2026-06-04T09:00").await;
    let queue = server.json("/components/erp-queue").await;
    assert_eq!((&queue["state"], &queue["pauses"][0]["until"]), (&json!("paused"), &json!("2026-06-04T09:00:00Z")));
    let page = html::words(&operator.page("/components/erp-queue").await);
    assert!(page.contains("Paused by operator from 08:10 to 09:00: ERP maintenance."), "{page}");
    let workflow = server.json("/workflows/order-to-erp").await;
    assert_eq!((&workflow["state"], &step_of(&workflow, "push")["state"]), (&json!("paused"), &json!("paused")));
    assert_eq!(server.json("/components/web-shop").await["state"], "on_track");
    let list = server.json("/components").await;
    let item = list["items"].as_array().unwrap().iter().find(|c| c["id"] == "erp-queue").unwrap().clone();
    assert_eq!(item["state"], "paused");
}

async fn what_fails_meanwhile_is_said_and_watching_never_stops(server: TestServer) {
    let operator = with_orders(&server).await;
    pause(&operator, "order-to-erp", "workflow:order-to-erp", "2026-06-04T09:00").await;
    server
        .post_events(json!([
            step("1", "push", "failed", "08:11").with("attempt", 3),
            step("2", "reserve", "failed", "08:11").with("next_attempt_at", "2026-06-04T08:40:00Z"),
        ]))
        .await;
    let workflow = server.json("/workflows/order-to-erp").await;
    assert_eq!(workflow["state"], "paused");
    let sentence = "Paused by operator from 08:10 to 09:00: ERP maintenance. Meanwhile 2 things are wrong.";
    assert_eq!(workflow["sentence"], sentence);
    let trouble: Vec<_> = workflow["trouble"].as_array().unwrap().iter().map(|t| t["state"].clone()).collect();
    assert_eq!(trouble, [json!("broken"), json!("retrying")]);
    assert_eq!(step_of(&workflow, "push")["fact"], "until 09:00, 1 failed");
    assert_eq!(server.json("/runs/order-to-erp/1").await["state"], "broken");
    // When it is over, everything is judged as it is, as if there had been no pause.
    server.strike_at("09:00").await;
    let workflow = server.json("/workflows/order-to-erp").await;
    assert_eq!(workflow["state"], "broken");
    assert_eq!((&workflow["paused"], step_of(&workflow, "reserve")["late"].as_i64()), (&Value::Null, Some(1)));
}

async fn a_pause_ends_by_itself_and_says_so_also_after_a_restart(server: TestServer) {
    let operator = with_orders(&server).await;
    pause(&operator, "order-to-erp", "step:order-to-erp/push", "2026-06-04T09:00").await;
    heard_at(&server, "08:30").await;
    heard_at(&server, "08:59").await;
    server.at("08:59:59.999");
    assert_eq!(server.json("/workflows/order-to-erp").await["state"], "paused");
    // Nobody is there when its time is over.
    let server = server.restarted("09:05", |_| {}).await;
    heard_at(&server, "09:05").await;
    let viewer = server.viewer().await;
    let workflow = server.json("/workflows/order-to-erp").await;
    assert_eq!((&workflow["state"], &workflow["paused"]), (&json!("late"), &Value::Null));
    assert_eq!(workflow["pauses"]["resumed"][0]["ended"], "The pause ended 09:00 by itself.");
    assert!(html::words(&viewer.page("/workflows/order-to-erp").await).contains("The pause ended 09:00 by itself."));
    // For a while; then it is history.
    server.at("10:00");
    let workflow = server.json("/workflows/order-to-erp").await;
    assert_eq!(workflow["pauses"]["resumed"], json!([]));
    let past = &workflow["pauses"]["history"][0];
    assert_eq!(
        (&past["name"], &past["ended_at"], &past["ended"]),
        (&json!("Push to ERP"), &json!("2026-06-04T09:00:00Z"), &json!("The pause ended 09:00 by itself."))
    );
}

async fn an_operator_ends_a_pause_before_its_time(server: TestServer) {
    let operator = with_orders(&server).await;
    pause(&operator, "order-to-erp", "workflow:order-to-erp", "2026-06-04T09:00").await;
    server.at("08:12");
    let page = operator.page("/workflows/order-to-erp/pause").await;
    let form = html::forms(&page, "/workflows/order-to-erp/resume").remove(0);
    let sent = [("target", form.get("target").unwrap())];
    operator.post(&form.action, &sent).await.expect(303);
    let workflow = server.json("/workflows/order-to-erp").await;
    assert_eq!(workflow["state"], "on_track");
    assert_eq!(workflow["pauses"]["resumed"][0]["ended"], "operator ended the pause 08:12.");
    operator.post(&form.action, &sent).await.expect(303);
    let page = html::words(&operator.page("/workflows/order-to-erp").await);
    assert!(page.contains("It was not paused any more."), "{page}");
    operator.post(&form.action, &[("target", "nothing")]).await.expect(422);
    let lines = newest_audit(server.app.db.read(), 9).await.unwrap();
    assert_eq!(lines.iter().filter(|l| l.action == "resume").count(), 1);
}

async fn a_pause_set_again_takes_the_place_of_the_one_before(server: TestServer) {
    let operator = with_orders(&server).await;
    pause(&operator, "order-to-erp", "workflow:order-to-erp", "2026-06-04T09:00").await;
    server.at("08:20");
    pause(&operator, "order-to-erp", "workflow:order-to-erp", "2026-06-04T08:30").await;
    let pauses = server.json("/workflows/order-to-erp").await["pauses"].clone();
    assert_eq!((pauses["in_force"].as_array().unwrap().len(), pauses["history"].as_array().unwrap().len()), (1, 2));
    server.at("08:30");
    assert_ne!(server.json("/workflows/order-to-erp").await["state"], "paused");
}

async fn what_cannot_be_taken_comes_back_with_what_was_typed(server: TestServer) {
    let operator = with_orders(&server).await;
    let good = [
        ("target", "step:order-to-erp/push"),
        ("reason", "Moving <house>"),
        ("until", "at"),
        ("at", "2026-06-04T09:00"),
    ];
    for (field, value, why) in [
        ("target", "workflow:stock-sync", "it is nothing of this workflow"),
        ("target", "step:order-to-erp/gone", "it is nothing of this workflow"),
        ("target", "component:erp", "it is nothing of this workflow"),
        ("target", "", "it is nothing of this workflow"),
        ("reason", "  ", "Say why"),
        ("reason", &"x".repeat(201), "At most 200 characters"),
        ("until", "", "Say until when."),
        ("at", "", "Say until when."),
        ("at", "soon", "is not a time like"),
        ("at", "2026-06-04T08:10", "is over already"),
        ("at", "2026-07-05T08:10", "at most 30 days"),
    ] {
        let sent = good.map(|(name, typed)| (name, if name == field { value } else { typed }));
        let answer = operator.post("/workflows/order-to-erp/pause", &sent).await.expect(422);
        let words = html::words(&answer.text);
        assert!(words.contains(why), "{field} {value:?}: {words}");
        let form = html::forms(&answer.text, "/workflows/order-to-erp/pause").remove(0);
        let reason = if field == "reason" { value } else { "Moving <house>" };
        assert_eq!(form.get("reason"), Some(reason));
    }
    assert_eq!(server.json("/workflows/order-to-erp").await["state"], "on_track");
    operator.get("/workflows/nothing/pause").await.expect(404);
    operator.post("/workflows/nothing/pause", &good).await.expect(404);
    for until in ["30m", "1h", "4h", "morning"] {
        let sent = good.map(|(name, typed)| (name, if name == "until" { until } else { typed }));
        operator.post("/workflows/order-to-erp/pause", &sent).await.expect(303);
    }
    assert_eq!(server.json("/workflows/order-to-erp").await["paused"]["until"], "2026-06-05T06:00:00Z");
}

async fn who_may_not_pause_is_refused_and_told_why(server: TestServer) {
    let operator = with_orders(&server).await;
    let sent = [("target", "workflow:order-to-erp"), ("reason", "No"), ("until", "1h")];
    let viewer = server.viewer().await;
    let page = html::words(&viewer.page("/workflows/order-to-erp/pause").await);
    assert!(page.contains("Pausing is for operators; you are a viewer."), "{page}");
    viewer.post("/workflows/order-to-erp/pause", &sent).await.expect(403);
    let stranger = server.stranger();
    assert!(
        stranger
            .post("/workflows/order-to-erp/pause", &sent)
            .await
            .expect(303)
            .header("location")
            .starts_with("/sign-in")
    );
    operator.post_from("https://evil.example", "/workflows/order-to-erp/pause", &sent).await.problem(403);
    assert_eq!(server.json("/workflows/order-to-erp").await["state"], "on_track");
    pause(&operator, "order-to-erp", "workflow:order-to-erp", "2026-06-04T09:00").await;
    viewer.post("/workflows/order-to-erp/resume", &sent[..1]).await.expect(403);
    assert_eq!(server.json("/workflows/order-to-erp/pause").await["in_force"][0]["by"], "operator");
}

async fn whoever_listens_is_told_when_a_pause_ends(server: TestServer) {
    let operator = with_orders(&server).await;
    pause(&operator, "order-to-erp", "component:erp-queue", "2026-06-04T09:00").await;
    let mut told = server.app.live.listen();
    server.at("09:00");
    clock::tell_ended_pauses(&server.app, at("08:59")).await.unwrap();
    let topics = told.try_recv().unwrap();
    assert!(topics.contains(&Topic::Workflow("order-to-erp".into())), "{topics:?}");
    assert!(topics.contains(&Topic::Component("erp-queue".into())), "{topics:?}");
    clock::tell_ended_pauses(&server.app, at("09:00")).await.unwrap();
    assert!(told.try_recv().is_err(), "once");
}
