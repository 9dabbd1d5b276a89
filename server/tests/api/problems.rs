//! Problems: raised by what happens and by the time, kept through retries, worked on by people, and ended.

use serde_json::{Value, json};
use watchbook::judging;

use crate::support::shelf::push_with;
use crate::support::{Client, TestServer, With, html, on_both_databases, step};

on_both_databases![
    a_failure_without_tries_left_is_a_problem_with_its_runbook,
    the_first_tries_of_a_policy_are_no_problem_until_half_of_them_are_used,
    forty_stuck_runs_are_one_problem_with_a_count,
    two_causes_at_one_step_are_two_problems,
    a_problem_outlives_its_retries_and_says_why_it_had_not_recovered_by_itself,
    what_recovers_while_it_is_tried_again_recovers_by_itself,
    a_restart_raises_nothing_twice_and_loses_nothing,
    silence_is_a_problem_that_ends_when_something_is_heard,
    who_is_on_it_is_shown_to_everybody_and_nobody_is_pushed_aside_unseen,
    ticks_keep_who_when_and_which_version_and_can_be_taken_back,
    a_step_is_left_out_only_with_a_word,
    a_hand_over_is_prefilled_and_accepted_by_the_next_person,
    a_person_ends_a_problem_with_a_reason_and_every_run_says_so,
    after_the_end_the_record_stays_as_it_was,
    an_answer_that_the_runbook_was_wrong_flags_that_section,
    a_viewer_may_read_and_not_act,
    failures_of_two_workflows_on_one_component_have_one_origin,
    a_hung_run_among_good_ones_is_the_only_problem,
    the_metrics_tell_problems_by_kind_and_how_long_commits_took,
];

async fn open(server: &TestServer) -> Vec<Value> {
    server.json("/problems?open=1").await["items"].as_array().unwrap().clone()
}

/// An order that the ERP refuses for good.
async fn refused(server: &TestServer, run: &str, time: &str) {
    let error = json!({"code": "503", "message": "refused"});
    let failed = step(run, "push", "failed", time).with("attempt", 3).with("error", error);
    server.post_events(failed.with("subject", format!("order/{run}"))).await;
}

/// One open problem, and its number.
async fn one(server: &TestServer) -> (Value, i64) {
    let mut open = open(server).await;
    assert_eq!(open.len(), 1, "{open:?}");
    let problem = open.remove(0);
    let id = problem["id"].as_i64().unwrap();
    (problem, id)
}

async fn act(client: &Client, id: i64, act: &str, fields: &[(&str, &str)]) -> u16 {
    client.post(&format!("/problems/{id}/{act}"), fields).await.status
}

async fn a_failure_without_tries_left_is_a_problem_with_its_runbook(server: TestServer) {
    refused(&server, "1", "08:00").await;
    let (problem, id) = one(&server).await;
    assert_eq!(
        (&problem["kind"], &problem["state"], &problem["count"]),
        (&json!("failed"), &json!("broken"), &json!(1))
    );
    assert_eq!((&problem["workflow"], &problem["step"]), (&json!("order-to-erp"), &json!("push")));
    assert_eq!(problem["runbook"]["slug"], "erp-refuses-orders");
    assert!(problem["sentence"].as_str().unwrap().contains("(503 refused)"), "{problem}");
    assert_eq!(problem["next"], "Nothing will try again by itself.");
    let one = server.json(&format!("/problems/{id}")).await;
    assert_eq!(one["subjects"], json!(["order/1"]));
    // The same facts on the workflow's page, which is where an alert leads.
    let page = server.viewer().await.page("/workflows/order-to-erp").await;
    assert!(html::words(&page).contains("Nobody is on it yet"), "{}", html::words(&page));
}

async fn the_first_tries_of_a_policy_are_no_problem_until_half_of_them_are_used(server: TestServer) {
    server.shelf.push_is_now(push_with("5m", 6));
    server.take_over_the_book().await;
    for attempt in 1..=3 {
        server.post_events(step("1", "push", "failed", "08:00").with("attempt", attempt)).await;
    }
    assert_eq!(open(&server).await, Vec::<Value>::new());
    assert_eq!(server.json("/workflows/order-to-erp").await["state"], "retrying");
    server.post_events(step("1", "push", "failed", "08:00").with("attempt", 4)).await;
    assert_eq!(one(&server).await.0["kind"], "retrying");
}

async fn forty_stuck_runs_are_one_problem_with_a_count(server: TestServer) {
    let events: Vec<Value> = (0..40).map(|n| step(&n.to_string(), "push", "running", "08:00")).collect();
    server.post_events(events).await;
    assert_eq!(open(&server).await, Vec::<Value>::new());
    server.strike_at("08:05").await;
    let (problem, _) = one(&server).await;
    assert_eq!((&problem["kind"], &problem["state"], &problem["count"]), (&json!("stuck"), &json!("late"), &json!(40)));
    server.at("08:06");
    server.post_events(step("7", "push", "succeeded", "08:06")).await;
    assert_eq!(one(&server).await.0["count"], 39);
}

async fn two_causes_at_one_step_are_two_problems(server: TestServer) {
    refused(&server, "1", "08:00").await;
    let blocked = json!({"code": "423", "message": "customer is blocked"});
    server.post_events(step("2", "push", "failed", "08:00").with("attempt", 3).with("error", blocked)).await;
    assert_eq!(open(&server).await.len(), 2);
}

async fn a_problem_outlives_its_retries_and_says_why_it_had_not_recovered_by_itself(server: TestServer) {
    refused(&server, "1", "08:00").await;
    let (_, id) = one(&server).await;
    server.at("08:10");
    server.post_events(step("1", "push", "running", "08:10").with("attempt", 4)).await;
    let (problem, same) = one(&server).await;
    assert_eq!((same, &problem["kind"]), (id, &json!("retrying")));
    server.at("08:11");
    server.post_events(step("1", "push", "succeeded", "08:11").with("attempt", 4)).await;
    assert_eq!(open(&server).await, Vec::<Value>::new());
    let over = server.json(&format!("/problems/{id}")).await;
    assert_eq!((&over["ended"], &over["ended_at"]), (&json!("by_person"), &json!("2026-06-04T08:11:00Z")));
    assert_eq!(over["ending"], "A person did it. It had not recovered by itself because all tries were used up.");
    assert!(over["sentence"].as_str().unwrap().starts_with("Push to ERP failed from 08:00 to 08:11"), "{over}");
}

async fn what_recovers_while_it_is_tried_again_recovers_by_itself(server: TestServer) {
    server.post_events(step("1", "push", "failed", "08:00").with("attempt", 2)).await;
    let (problem, id) = one(&server).await;
    assert_eq!(problem["kind"], "retrying");
    server.post_events(step("1", "push", "succeeded", "08:01").with("attempt", 3)).await;
    let over = server.json(&format!("/problems/{id}")).await;
    assert_eq!((&over["ended"], &over["ending"]), (&json!("by_itself"), &json!("It recovered by itself.")));
}

async fn a_restart_raises_nothing_twice_and_loses_nothing(server: TestServer) {
    refused(&server, "1", "08:00").await;
    server.post_events(step("2", "reserve", "running", "08:00")).await;
    let before = open(&server).await;
    let server = server.restarted("08:10", |_| {}).await;
    server.strike_at("08:10").await;
    server.strike_at("08:10").await;
    let after = open(&server).await;
    assert_eq!((before.len(), after.len()), (1, 2), "{after:?}");
    assert_eq!(after[0]["id"], before[0]["id"]);
    assert_eq!(after[1]["kind"], "stuck");
}

async fn silence_is_a_problem_that_ends_when_something_is_heard(server: TestServer) {
    server.post_events(step("1", "sync", "running", "08:00").with("workflow", "stock-sync")).await;
    server.strike_at("12:00").await;
    let silent = |open: Vec<Value>| open.into_iter().find(|p| p["kind"] == "silent" && p["workflow"] == "stock-sync");
    let problem = silent(open(&server).await).expect("silence is claimed");
    assert!(problem["sentence"].as_str().unwrap().contains("Nothing heard"), "{problem}");
    server.post_events(step("2", "sync", "running", "12:00").with("workflow", "stock-sync")).await;
    judging::look(&server.app).await.unwrap();
    assert_eq!(silent(open(&server).await), None);
    let over = server.json(&format!("/problems/{}", problem["id"])).await;
    assert_eq!(over["ended"], "by_itself");
}

async fn who_is_on_it_is_shown_to_everybody_and_nobody_is_pushed_aside_unseen(server: TestServer) {
    refused(&server, "1", "08:00").await;
    let (_, id) = one(&server).await;
    let (operator, admin) = (server.operator().await, server.admin().await);
    server.at("08:02");
    assert_eq!(act(&operator, id, "own", &[("instead_of", "")]).await, 303);
    let words = html::words(&server.viewer().await.page("/workflows/order-to-erp").await);
    assert!(words.contains("operator is on it since 08:02"), "{words}");
    // The other one pressed a button that was drawn before.
    let refusal = admin.post(&format!("/problems/{id}/own"), &[("instead_of", "")]).await.expect(422);
    assert!(html::words(&refusal.text).contains("operator is on it since you looked"));
    assert_eq!(act(&admin, id, "own", &[("instead_of", "operator")]).await, 303);
    assert_eq!(one(&server).await.0["owner"]["name"], "admin");
    assert_eq!(act(&admin, id, "release", &[]).await, 303);
    assert_eq!(one(&server).await.0["owner"], json!(null));
}

/// The fields of the form beside the first step.
fn tick_of(page: &str, id: i64, act: &str) -> Vec<(String, String)> {
    let forms = html::forms(page, &format!("/problems/{id}/ticks"));
    let form = forms.iter().find(|f| f.get("act") == Some(act)).unwrap_or_else(|| panic!("no form to {act}"));
    ["act", "slug", "section", "version", "step"]
        .iter()
        .map(|name| ((*name).to_owned(), form.get(name).unwrap_or_default().to_owned()))
        .collect()
}

fn fields(of: &[(String, String)]) -> Vec<(&str, &str)> {
    of.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect()
}

async fn ticks_keep_who_when_and_which_version_and_can_be_taken_back(server: TestServer) {
    refused(&server, "1", "08:00").await;
    let (_, id) = one(&server).await;
    let operator = server.operator().await;
    let page = operator.page("/workflows/order-to-erp").await;
    let tick = tick_of(&page, id, "tick");
    server.at("08:03");
    assert_eq!(act(&operator, id, "ticks", &fields(&tick)).await, 303);
    let record = server.json(&format!("/problems/{id}")).await;
    let done = &record["incident"]["steps"][0]["done"];
    assert_eq!(
        (&done["by"], &done["at"], &done["version"]),
        (&json!("operator"), &json!("2026-06-04T08:03:00Z"), &json!(1))
    );
    assert_eq!(record["owner"]["name"], "operator", "who works on it owns it");
    let untick = tick_of(&operator.page("/workflows/order-to-erp").await, id, "untick");
    assert_eq!(act(&operator, id, "ticks", &fields(&untick)).await, 303);
    let record = server.json(&format!("/problems/{id}")).await;
    assert_eq!(record["incident"]["steps"][0]["done"], json!(null));
    let acts: Vec<_> = record["log"].as_array().unwrap().iter().map(|l| l["act"].as_str().unwrap()).collect();
    assert_eq!(acts, ["ticked", "unticked"], "both stay in the history");
}

async fn a_step_is_left_out_only_with_a_word(server: TestServer) {
    refused(&server, "1", "08:00").await;
    let (_, id) = one(&server).await;
    let operator = server.operator().await;
    let skip = tick_of(&operator.page("/workflows/order-to-erp").await, id, "skip");
    assert_eq!(act(&operator, id, "ticks", &fields(&skip)).await, 422);
    let mut with_word = fields(&skip);
    with_word.push(("words", "The desk is closed"));
    assert_eq!(act(&operator, id, "ticks", &with_word).await, 303);
    let words = html::words(&operator.page("/workflows/order-to-erp").await);
    assert!(words.contains("Left out: The desk is closed"), "{words}");
}

async fn a_hand_over_is_prefilled_and_accepted_by_the_next_person(server: TestServer) {
    refused(&server, "1", "08:00").await;
    let (_, id) = one(&server).await;
    let (operator, admin) = (server.operator().await, server.admin().await);
    let tick = tick_of(&operator.page("/workflows/order-to-erp").await, id, "tick");
    act(&operator, id, "ticks", &fields(&tick)).await;
    let record = server.json(&format!("/problems/{id}")).await;
    let draft = record["incident"]["hand_over_draft"].as_str().unwrap().to_owned();
    assert!(draft.contains("State at 08:00: Push to ERP has failed") && draft.contains("- done 08:00 by operator: "));
    assert_eq!(act(&operator, id, "hand-over", &[("words", &format!("{draft}Who calls SAP?"))]).await, 303);
    let words = html::words(&admin.page("/workflows/order-to-erp").await);
    assert!(words.contains("operator handed it over 08:00") && words.contains("Who calls SAP?"), "{words}");
    assert_eq!(one(&server).await.0["owner"]["name"], "operator", "until somebody accepts");
    assert_eq!(act(&admin, id, "accept", &[]).await, 303);
    assert_eq!(one(&server).await.0["owner"]["name"], "admin");
    let words = html::words(&admin.page("/workflows/order-to-erp").await);
    assert!(!words.contains("handed it over"), "{words}");
}

async fn a_person_ends_a_problem_with_a_reason_and_every_run_says_so(server: TestServer) {
    refused(&server, "1", "08:00").await;
    refused(&server, "2", "08:01").await;
    let (_, id) = one(&server).await;
    let operator = server.operator().await;
    server.at("08:20");
    assert_eq!(act(&operator, id, "end", &[("words", "")]).await, 422, "a reason is needed");
    assert_eq!(act(&operator, id, "end", &[("words", "Entered by hand")]).await, 303);
    assert_eq!(open(&server).await, Vec::<Value>::new());
    let over = server.json(&format!("/problems/{id}")).await;
    let ending = "Ended by operator: Entered by hand. It had not recovered by itself because all tries were used up.";
    assert_eq!((&over["ended"], &over["ending"]), (&json!("by_person"), &json!(ending)));
    for run in ["1", "2"] {
        let run = server.json(&format!("/runs/order-to-erp/{run}")).await;
        let story = run["story"].as_array().unwrap();
        let last = story.last().unwrap()["text"].as_str().unwrap();
        assert_eq!(last, "The run was cancelled: ended by operator: Entered by hand");
    }
    assert_eq!(server.json("/workflows/order-to-erp").await["waiting"], 0);
}

async fn after_the_end_the_record_stays_as_it_was(server: TestServer) {
    refused(&server, "1", "08:00").await;
    let (_, id) = one(&server).await;
    let operator = server.operator().await;
    act(&operator, id, "own", &[("instead_of", "")]).await;
    server.at("08:20");
    act(&operator, id, "end", &[("words", "Entered by hand")]).await;
    let before = server.json(&format!("/problems/{id}")).await;
    // Neither the book nor what happens later changes it.
    server.shelf.push_is_now(push_with("1m", 9));
    server.take_over_the_book().await;
    server.at("09:00");
    refused(&server, "3", "09:00").await;
    for (name, fields) in [("own", vec![("instead_of", "")]), ("release", vec![]), ("end", vec![("words", "x")])] {
        assert_eq!(act(&operator, id, name, &fields).await, 422, "{name}");
    }
    let mut after = server.json(&format!("/problems/{id}")).await;
    after["runbook"] = before["runbook"].clone();
    assert_eq!(after, before);
}

async fn an_answer_that_the_runbook_was_wrong_flags_that_section(server: TestServer) {
    refused(&server, "1", "08:00").await;
    let (_, id) = one(&server).await;
    let (operator, editor) = (server.operator().await, server.editor().await);
    let tick = tick_of(&operator.page("/workflows/order-to-erp").await, id, "tick");
    act(&operator, id, "ticks", &fields(&tick)).await;
    assert_eq!(act(&operator, id, "answer", &[("right", "yes")]).await, 422, "it has not ended yet");
    act(&operator, id, "end", &[("words", "Entered by hand")]).await;
    let page = html::words(&operator.page(&format!("/problems/{id}")).await);
    assert!(page.contains("Was the runbook right?"), "{page}");
    server.at("08:30");
    let (slug, section) = (&tick[1].1, &tick[2].1);
    let doubted = format!("{slug}#{section}");
    let said = [("right", "no"), ("doubted", doubted.as_str()), ("words", "Step 1 is the wrong desk")];
    assert_eq!(act(&operator, id, "answer", &said).await, 303);
    let runbook = server.json(&format!("/runbooks/{slug}")).await;
    let flagged = runbook["sections"].as_array().unwrap().iter().find(|s| s["anchor"] == section.as_str()).unwrap();
    assert_eq!((&runbook["trust"], &flagged["trust"]), (&json!("check_needed"), &json!("check_needed")));
    let words = html::words(&editor.page(&format!("/reviews/{slug}")).await);
    assert!(words.contains("Step 1 is the wrong desk"), "{words}");
    assert!(!html::words(&operator.page(&format!("/problems/{id}")).await).contains("Was the runbook right?"));
}

async fn a_viewer_may_read_and_not_act(server: TestServer) {
    refused(&server, "1", "08:00").await;
    let (_, id) = one(&server).await;
    let viewer = server.viewer().await;
    viewer.get(&format!("/problems/{id}")).await.expect(200);
    assert_eq!(act(&viewer, id, "own", &[("instead_of", "")]).await, 403);
    assert_eq!(server.stranger().post(&format!("/problems/{id}/own"), &[]).await.status, 303, "sent to sign in");
    assert_eq!(one(&server).await.0["owner"], json!(null));
    viewer.get("/problems/999").await.expect(404);
    viewer.get("/problems/all").await.expect(404);
}

async fn failures_of_two_workflows_on_one_component_have_one_origin(server: TestServer) {
    server.shelf.write(
        "second.yaml",
        "kind: workflow\nid: refunds\nname: Refunds\nsteps:\n  - id: book\n    name: Book refund\n    component: erp-sync\n",
    );
    server.take_over_the_book().await;
    refused(&server, "1", "08:00").await;
    server.at("08:01");
    server.post_events(step("r", "book", "failed", "08:01").with("workflow", "refunds")).await;
    let open = open(&server).await;
    assert_eq!(open.len(), 2, "{open:?}");
    assert_eq!((&open[0]["workflow"], &open[0]["followers"]), (&json!("order-to-erp"), &json!([open[1]["id"]])));
    assert_eq!((&open[1]["workflow"], &open[1]["origin"]), (&json!("refunds"), &open[0]["id"]));
}

async fn a_hung_run_among_good_ones_is_the_only_problem(server: TestServer) {
    server.post_events(step("hung", "push", "running", "08:00")).await;
    for (n, time) in ["08:01", "08:02", "08:03"].iter().enumerate() {
        server.at(time);
        server
            .post_events(json!([
                step(&format!("good {n}"), "push", "running", time),
                step(&format!("good {n}"), "push", "succeeded", time),
            ]))
            .await;
    }
    server.strike_at("08:05").await;
    let (problem, id) = one(&server).await;
    assert_eq!((&problem["kind"], &problem["count"]), (&json!("stuck"), &json!(1)));
    let record = server.json(&format!("/problems/{id}")).await;
    assert_eq!(record["subjects"], json!(["hung"]));
}

async fn the_metrics_tell_problems_by_kind_and_how_long_commits_took(server: TestServer) {
    refused(&server, "1", "08:00").await;
    let text = server.program(&server.read).get("/metrics").await.expect(200).text;
    let numbers = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name} in {text}")).parse::<f64>().unwrap()
    };
    assert_eq!(numbers("watchbook_problems_open{kind=\"failed\"}"), 1.0);
    assert_eq!(numbers("watchbook_problems_open{kind=\"stuck\"}"), 0.0);
    assert_eq!(numbers("watchbook_commit_seconds_count"), numbers("watchbook_commit_seconds_bucket{le=\"+Inf\"}"));
    assert!(numbers("watchbook_commit_seconds_count") >= 1.0 && numbers("watchbook_commit_seconds_sum") > 0.0);
}
