//! Drills: a runbook followed outside trouble, and what drills and problems alone say of when it was last followed.

use serde_json::{Value, json};

use crate::support::{Answer, Client, TestServer, With, form, html, on_both_databases, step};

on_both_databases![
    a_drill_ticks_every_section_and_proves_the_version_that_was_done_whole,
    a_step_left_out_needs_a_word_and_then_nothing_is_proved,
    an_answer_of_no_after_a_drill_flags_the_section_as_after_a_problem,
    a_drill_that_has_ended_takes_nothing_more,
    a_problem_counts_as_following_its_runbook_and_proves_it_by_an_answer_of_yes,
    who_followed_an_older_version_is_led_to_what_changed_since,
    a_runbook_without_steps_and_a_viewer_start_no_drill,
    a_tick_that_waited_is_of_when_it_was_done_and_counts_once,
    a_tick_that_waited_too_long_for_its_step_is_refused_with_why,
];

const STEPS: [&str; 3] = ["Look at the queue.", "Wait until it has tried 3 times.", "Call the duty desk."];
const SLUG: &str = "erp-refuses-orders";

/// Starts a drill and gives its address.
async fn started(operator: &Client) -> String {
    let answer = operator.post(&format!("/runbooks/{SLUG}/drills"), &[]).await.expect(303);
    answer.header("location").to_owned()
}

fn tick<'a>(act: &'a str, step: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![("act", act), ("slug", SLUG), ("section", "do-this-now"), ("version", "1"), ("step", step)]
}

async fn all_ticked(operator: &Client, drill: &str) {
    for step in STEPS {
        operator.post(&format!("{drill}/ticks"), &tick("tick", step)).await.expect(303);
    }
}

/// A tick as a browser sends it that had to wait.
async fn waited(operator: &Client, path: &str, fields: &[(&str, &str)]) -> Answer {
    let kinds = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("origin", operator.base.as_str()),
        ("accept", "application/json"),
    ];
    operator.send(path, &kinds, form(fields)).await
}

async fn follow(server: &TestServer) -> Value {
    server.json(&format!("/runbooks/{SLUG}")).await["follow"].clone()
}

async fn a_drill_ticks_every_section_and_proves_the_version_that_was_done_whole(server: TestServer) {
    assert_eq!(follow(&server).await, json!({"last_followed": null, "last_proved": null}));
    let operator = server.operator().await;
    let drill = started(&operator).await;
    assert_eq!(drill, format!("/runbooks/{SLUG}/drills/1"));
    server.at("08:03");
    operator.post(&format!("{drill}/ticks"), &tick("tick", STEPS[0])).await.expect(303);
    operator.post(&format!("{drill}/ticks"), &tick("untick", STEPS[0])).await.expect(303);
    assert_eq!(follow(&server).await["last_followed"], json!(null), "what was taken back was not followed");
    server.at("08:05");
    all_ticked(&operator, &drill).await;
    let record = server.json(&drill).await;
    let done = &record["sections"][0]["steps"][1]["done"];
    assert_eq!((&done["by"], &done["at"]), (&json!("operator"), &json!("2026-06-04T08:05:00Z")));
    assert_eq!(record["log"].as_array().unwrap().len(), 5, "what was taken back stays in the record");
    operator.post(&format!("{drill}/answer"), &[("right", "yes")]).await.expect(303);
    let followed = json!({"version": 1, "at": "2026-06-04T08:05:00Z", "by": "operator", "href": drill});
    assert_eq!(follow(&server).await, json!({"last_followed": followed, "last_proved": followed}));
    let record = server.json(&drill).await;
    assert_eq!((&record["outcome"], &record["proved"]), (&json!("right"), &json!(true)));
    let listed = server.json("/runbooks").await;
    let row = listed["items"].as_array().unwrap().iter().find(|row| row["slug"] == SLUG).unwrap();
    assert_eq!(row["follow"]["last_proved"]["version"], 1);
    let words = html::words(&server.viewer().await.page(&format!("/runbooks/{SLUG}")).await);
    assert!(words.contains("Last followed 08:05 by operator (version 1). Last proved 08:05"), "{words}");
}

async fn a_step_left_out_needs_a_word_and_then_nothing_is_proved(server: TestServer) {
    let operator = server.operator().await;
    let drill = started(&operator).await;
    all_ticked(&operator, &drill).await;
    let mut skip = tick("skip", STEPS[2]);
    operator.post(&format!("{drill}/ticks"), &skip).await.expect(422);
    skip.push(("words", "The desk is closed"));
    operator.post(&format!("{drill}/ticks"), &skip).await.expect(303);
    operator.post(&format!("{drill}/answer"), &[("right", "yes")]).await.expect(303);
    assert_eq!(follow(&server).await["last_proved"], json!(null));
    let words = html::words(&operator.page(&drill).await);
    assert!(words.contains("The runbook was right, but not every step was done"), "{words}");
    assert!(words.contains("Left out: The desk is closed"), "{words}");
}

async fn an_answer_of_no_after_a_drill_flags_the_section_as_after_a_problem(server: TestServer) {
    let (operator, editor) = (server.operator().await, server.editor().await);
    let drill = started(&operator).await;
    let doubted = format!("{SLUG}#do-this-now");
    let said = [("right", "no"), ("doubted", doubted.as_str()), ("words", "The desk has another number")];
    operator.post(&format!("{drill}/answer"), &said).await.expect(303);
    assert_eq!(server.json(&format!("/runbooks/{SLUG}")).await["trust"], "check_needed");
    assert_eq!(server.json(&drill).await["outcome"], "not_right");
    let words = html::words(&editor.page(&format!("/reviews/{SLUG}")).await);
    assert!(words.contains("After a drill operator said: The desk has another number"), "{words}");
}

async fn a_drill_that_has_ended_takes_nothing_more(server: TestServer) {
    let operator = server.operator().await;
    let drill = started(&operator).await;
    operator.post(&format!("{drill}/stop"), &[("words", "")]).await.expect(422);
    operator.post(&format!("{drill}/stop"), &[("words", "Lunch")]).await.expect(303);
    let refused = operator.post(&format!("{drill}/ticks"), &tick("tick", STEPS[0])).await.expect(422);
    assert!(html::words(&refused.text).contains("This drill has ended"), "{}", refused.text);
    let page = operator.page(&drill).await;
    assert!(html::words(&page).contains("Stopped before its end."));
    assert!(html::forms(&page, &format!("{drill}/ticks")).is_empty());
    assert_eq!(started(&operator).await, format!("/runbooks/{SLUG}/drills/2"), "the next one has the next number");
}

/// An order that the ERP refuses for good; the number of its problem.
async fn trouble(server: &TestServer) -> i64 {
    let error = json!({"code": "503", "message": "refused"});
    server.post_events(step("1", "push", "failed", "08:00").with("attempt", 3).with("error", error)).await;
    server.json("/problems?open=1").await["items"][0]["id"].as_i64().unwrap()
}

async fn a_problem_counts_as_following_its_runbook_and_proves_it_by_an_answer_of_yes(server: TestServer) {
    let operator = server.operator().await;
    let problem = format!("/problems/{}", trouble(&server).await);
    server.at("08:04");
    all_ticked(&operator, &problem).await;
    let last = follow(&server).await;
    assert_eq!((&last["last_followed"]["href"], &last["last_proved"]), (&json!(problem), &json!(null)));
    operator.post(&format!("{problem}/end"), &[("words", "Entered by hand")]).await.expect(303);
    operator.post(&format!("{problem}/answer"), &[("right", "yes")]).await.expect(303);
    assert_eq!(follow(&server).await["last_proved"]["href"], problem);
}

async fn who_followed_an_older_version_is_led_to_what_changed_since(server: TestServer) {
    let (operator, viewer) = (server.operator().await, server.viewer().await);
    let drill = started(&operator).await;
    all_ticked(&operator, &drill).await;
    let file = server.shelf.folder().join(format!("{SLUG}.md"));
    let text = std::fs::read_to_string(&file).unwrap().replace("The ERP is old.", "The ERP is very old.");
    server.shelf.write(&format!("{SLUG}.md"), &text);
    server.take_over_the_book().await;
    let link = format!("/runbooks/{SLUG}/compare?from=1&amp;to=2");
    let page = operator.page(&format!("/runbooks/{SLUG}")).await;
    assert!(page.contains(&link) && html::words(&page).contains("You last followed version 1"), "{page}");
    assert!(!viewer.page(&format!("/runbooks/{SLUG}")).await.contains(&link), "others have not followed it");
    // The steps are as they were, but they were done in version 1: that one is proved, and not the new one.
    operator.post(&format!("{drill}/answer"), &[("right", "yes")]).await.expect(303);
    assert_eq!(follow(&server).await["last_proved"]["version"], 1);
}

async fn a_runbook_without_steps_and_a_viewer_start_no_drill(server: TestServer) {
    let (operator, viewer) = (server.operator().await, server.viewer().await);
    let refused = operator.post("/runbooks/house-rules/drills", &[]).await.expect(422);
    assert!(html::words(&refused.text).contains("no steps to tick"));
    viewer.post(&format!("/runbooks/{SLUG}/drills"), &[]).await.expect(403);
    operator.post("/runbooks/nothing/drills", &[]).await.expect(404);
    operator.get(&format!("/runbooks/{SLUG}/drills/1")).await.expect(404);
}

async fn a_tick_that_waited_is_of_when_it_was_done_and_counts_once(server: TestServer) {
    let operator = server.operator().await;
    let drill = started(&operator).await;
    server.at("08:30");
    let done = crate::support::at("08:10").millis().to_string();
    let mut sent = tick("tick", STEPS[0]);
    sent.extend([("at", done.as_str()), ("by", "operator"), ("once", "5f0c")]);
    for _ in 0..2 {
        waited(&operator, &format!("{drill}/ticks"), &sent).await.expect(204);
    }
    let log = server.json(&drill).await["log"].clone();
    assert_eq!(log.as_array().unwrap().len(), 1, "{log}");
    assert_eq!(log[0]["at"], "2026-06-04T08:10:00Z");
    // A shared phone: what one person did is not sent in the name of the next.
    let admin = server.admin().await;
    sent.pop();
    let refused = waited(&admin, &format!("{drill}/ticks"), &sent).await.problem(422);
    assert_eq!(refused["detail"], "operator did that; it is not sent in the name of admin.");
}

async fn a_tick_that_waited_too_long_for_its_step_is_refused_with_why(server: TestServer) {
    let (operator, admin) = (server.operator().await, server.admin().await);
    let drill = started(&operator).await;
    let path = format!("{drill}/ticks");
    server.at("08:20");
    operator.post(&path, &tick("tick", STEPS[0])).await.expect(303);
    admin.post(&path, &tick("untick", STEPS[0])).await.expect(303);
    let before = crate::support::at("08:10").millis().to_string();
    let mut late = tick("tick", STEPS[0]);
    late.push(("at", before.as_str()));
    let refused = waited(&operator, &path, &late).await.problem(422);
    assert_eq!(refused["detail"], "admin took it back after you did. That stands.");
    let mut gone = tick("tick", "Ring the bell.");
    gone.push(("at", before.as_str()));
    let refused = waited(&operator, &path, &gone).await.problem(422);
    assert!(refused["detail"].as_str().unwrap().starts_with("That step is no longer in the runbook"), "{refused}");
}
