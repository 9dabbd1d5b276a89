//! The rules of belief: what is held to be true of a run and of a workflow, from the events heard and the time it is.

use std::collections::BTreeSet;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use watchbook::actions::judge_due::judge_due;

use crate::support::shelf::{self, push_with};
use crate::support::{TestServer, With, assert_tallies_are_what_the_lists_say, at, html, on_both_databases, step};

on_both_databases![
    a_late_event_takes_its_place_and_drags_nothing_back,
    an_event_of_an_impossible_step_back_is_kept_and_marked_refused,
    an_event_of_a_lower_attempt_never_moves_state,
    a_higher_attempt_begins_the_step_anew,
    a_step_after_its_end_is_visited_again,
    an_event_far_in_the_future_is_ordered_by_when_it_was_heard,
    a_run_ends_when_its_last_declared_step_does,
    a_run_that_says_it_ended_has_ended_whatever_is_open,
    a_run_that_ended_as_failed_waits_for_a_person,
    a_step_is_late_when_the_clock_strikes_after_its_time_and_not_before,
    a_run_between_two_steps_is_late_after_its_whole_time,
    a_deadline_is_raised_once_across_a_restart,
    a_deadline_that_passed_while_the_portal_was_down_is_raised_at_the_next_strike,
    a_late_step_that_ends_is_late_no_more,
    a_failure_with_tries_left_says_when_the_next_one_is,
    a_next_try_that_does_not_come_is_late,
    a_failure_without_tries_left_is_broken_and_names_what_to_do,
    another_time_in_the_book_judges_open_runs_anew,
    a_rhythm_that_stops_is_late_then_without_signal,
    a_source_that_falls_silent_leaves_us_not_knowing,
    a_night_without_its_job_is_late,
    a_nightly_job_never_heard_of_is_no_signal,
    what_the_book_does_not_know_is_welcome,
    after_random_events_the_tallies_are_what_the_lists_say,
];

async fn run(server: &TestServer, run: &str) -> Value {
    server.json(&format!("/runs/order-to-erp/{run}")).await
}

async fn sentence(server: &TestServer, workflow: &str) -> (String, String) {
    let page = server.json(&format!("/workflows/{workflow}")).await;
    (page["state"].as_str().unwrap().to_owned(), page["sentence"].as_str().unwrap().to_owned())
}

fn said(state: &str, sentence: &str) -> (String, String) {
    (state.to_owned(), sentence.to_owned())
}

/// The story as (text, marks).
fn story(run: &Value) -> Vec<(&str, Vec<&str>)> {
    let marks = |line: &'_ Value| line["marks"].as_array().unwrap().len();
    run["story"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| {
            (line["text"].as_str().unwrap(), (0..marks(line)).map(|i| line["marks"][i].as_str().unwrap()).collect())
        })
        .collect()
}

async fn a_late_event_takes_its_place_and_drags_nothing_back(server: TestServer) {
    server.at("08:03");
    server.post_events(step("1", "take", "succeeded", "08:00")).await;
    server.post_events(step("1", "reserve", "succeeded", "08:02")).await;
    server.post_events(step("1", "push", "running", "08:03")).await;
    let before = run(&server, "1").await;
    server.at("08:03:30");
    server.post_events(step("1", "reserve", "running", "08:01")).await;
    server.at("08:20");
    server.post_events(step("1", "take", "running", "07:59")).await;
    let after = run(&server, "1").await;
    assert_eq!(
        story(&after),
        [
            ("Take the order started", vec!["late", "out_of_order"]),
            ("Take the order finished", vec![]),
            ("Reserve stock started", vec!["out_of_order"]),
            ("Reserve stock finished", vec![]),
            ("Push to ERP started", vec![]),
        ]
    );
    let places: Vec<_> = after["steps"].as_array().unwrap().iter().map(|s| (&s["step"], &s["progress"])).collect();
    let progress = ["succeeded", "succeeded", "running"].map(Value::from);
    assert_eq!(
        places,
        [(&json!("take"), &progress[0]), (&json!("reserve"), &progress[1]), (&json!("push"), &progress[2])]
    );
    assert_eq!((&before["step"], &after["step"]), (&json!(["push", "Push to ERP"]), &json!(["push", "Push to ERP"])));
    assert_eq!((&before["since"], &after["since"]), (&json!("2026-06-04T08:00:00Z"), &json!("2026-06-04T07:59:00Z")));
    assert_eq!(after["story"][0]["received_at"], "2026-06-04T08:20:00Z");
    // Its last event happened at 08:03, whenever others were heard.
    assert_eq!((&before["last_at"], &after["last_at"]), (&after["last_at"], &json!("2026-06-04T08:03:00Z")));
    let page = html::words(&server.viewer().await.page("/runs/order-to-erp/1").await);
    assert!(page.contains("Last event 08:03 17 min ago"), "{page}");
}

async fn an_event_of_an_impossible_step_back_is_kept_and_marked_refused(server: TestServer) {
    server.post_events(step("1", "push", "succeeded", "08:00").with("attempt", 1)).await;
    server.post_events(step("1", "push", "running", "08:00:05").with("attempt", 1)).await;
    let run = run(&server, "1").await;
    assert_eq!(
        story(&run),
        [
            ("Push to ERP finished", vec![]),
            ("Push to ERP started (impossible after it had ended; nothing moved)", vec!["refused"]),
        ]
    );
    assert_eq!((&run["steps"][0]["progress"], &run["steps"][1]), (&json!("succeeded"), &Value::Null));
    let page = html::words(&server.viewer().await.page("/runs/order-to-erp/1").await);
    assert!(page.contains("refused: it contradicts what is known"), "{page}");
}

async fn an_event_of_a_lower_attempt_never_moves_state(server: TestServer) {
    server.post_events(step("1", "push", "failed", "08:00").with("attempt", 2)).await;
    server.post_events(step("1", "push", "succeeded", "08:00:05").with("attempt", 1)).await;
    let run = run(&server, "1").await;
    assert_eq!((&run["state"], &run["steps"][0]["attempt"]), (&json!("retrying"), &json!(2)));
    assert_eq!(story(&run)[1].0, "Push to ERP finished (word of an earlier try; nothing moved)");
}

async fn a_higher_attempt_begins_the_step_anew(server: TestServer) {
    server.post_events(step("1", "push", "failed", "08:00").with("attempt", 1)).await;
    server.at("08:04");
    server.post_events(step("1", "push", "running", "08:00:30").with("attempt", 2)).await;
    let run = run(&server, "1").await;
    let push = &run["steps"][0];
    // A retry is not a success: it is retrying until it has worked.
    assert_eq!((&run["state"], &push["attempt"], &push["visit"]), (&json!("retrying"), &json!(2), &json!(1)));
    // The time to finish counts from the new try.
    assert_eq!(push["due_at"], "2026-06-04T08:05:30Z");
    let attempts: Vec<_> =
        push["attempts"].as_array().unwrap().iter().map(|a| (&a["attempt"], &a["progress"])).collect();
    assert_eq!(attempts, [(&json!(1), &json!("failed")), (&json!(2), &json!("running"))]);
}

async fn a_step_after_its_end_is_visited_again(server: TestServer) {
    for (state, time) in [("running", "08:00"), ("succeeded", "08:01"), ("running", "08:02"), ("succeeded", "08:03")] {
        server.post_events(step("1", "reserve", state, time)).await;
    }
    let run = run(&server, "1").await;
    let visits: Vec<_> = run["steps"].as_array().unwrap().iter().map(|s| s["visit"].as_i64().unwrap()).collect();
    assert_eq!(visits, [1, 2]);
    let page = server.json("/workflows/order-to-erp").await;
    assert_eq!(page["observed"]["steps"][0]["visits"], 2);
    assert_eq!(page["observed"]["edges"][0]["count"], 1);
}

async fn an_event_far_in_the_future_is_ordered_by_when_it_was_heard(server: TestServer) {
    server.post_events(step("1", "push", "running", "2027-01-01T00:00:00Z")).await;
    server.at("08:00:10");
    server.post_events(step("1", "push", "succeeded", "08:00:05")).await;
    let run = run(&server, "1").await;
    assert_eq!(run["steps"][0]["progress"], "succeeded");
    assert_eq!(run["story"][0]["at"], "2026-06-04T08:00:00Z");
    assert!(run["story"][0]["raw"].as_str().unwrap().contains("2027-01-01T00:00:00Z"));
}

async fn a_run_ends_when_its_last_declared_step_does(server: TestServer) {
    server.post_events(step("1", "take", "succeeded", "08:00").with("subject", "order/1")).await;
    server.post_events(step("1", "push", "succeeded", "08:05")).await;
    server.at("08:05");
    let ended = run(&server, "1").await;
    assert_eq!((&ended["state"], &ended["ended_at"]), (&json!("on_track"), &json!("2026-06-04T08:05:00Z")));
    assert_eq!(ended["sentence"], "Finished 08:05, after 5 min, without Reserve stock.");
    let (state, sentence) = sentence(&server, "order-to-erp").await;
    assert_eq!((state.as_str(), sentence.as_str()), ("on_track", "Orders are flowing. Last one finished 08:05."));
    assert_eq!(server.json("/workflows/order-to-erp").await["waiting"], 0);
}

async fn a_run_that_says_it_ended_has_ended_whatever_is_open(server: TestServer) {
    server.post_events(step("1", "push", "running", "08:00")).await;
    server
        .post_events(
            json!({"workflow": "order-to-erp", "run": "1", "state": "cancelled", "time": "2026-06-04T08:01:00Z"}),
        )
        .await;
    server.strike_at("09:00").await;
    let run = run(&server, "1").await;
    assert_eq!((&run["state"], &run["sentence"]), (&json!("on_track"), &json!("Was cancelled 08:01, after 60 s.")));
    assert_tallies_are_what_the_lists_say(&server, "order-to-erp").await;
}

async fn a_run_that_ended_as_failed_waits_for_a_person(server: TestServer) {
    server.post_events(step("1", "push", "running", "08:00")).await;
    server
        .post_events(json!({"workflow": "order-to-erp", "run": "1", "state": "failed", "error": "no stock",
        "time": "2026-06-04T08:00:00.500Z"}))
        .await;
    assert_eq!(run(&server, "1").await["state"], "broken");
    assert_eq!(
        sentence(&server, "order-to-erp").await,
        said(
            "broken",
            "Push to ERP has failed since 08:00 (no stock). 1 order is waiting. Nothing will try again by itself."
        )
    );
    assert_tallies_are_what_the_lists_say(&server, "order-to-erp").await;
}

async fn a_step_is_late_when_the_clock_strikes_after_its_time_and_not_before(server: TestServer) {
    server.post_events(step("1", "push", "running", "08:00")).await;
    server.strike_at("08:04:59.999").await;
    assert_eq!(sentence(&server, "order-to-erp").await.0, "on_track");
    assert_eq!(run(&server, "1").await["sentence"], "At Push to ERP. Due by 08:05.");
    server.strike_at("08:05").await;
    assert_eq!(sentence(&server, "order-to-erp").await.0, "late");
    server.strike_at("08:07").await;
    assert_eq!(
        sentence(&server, "order-to-erp").await,
        said("late", "Nothing has failed, but 1 order at Push to ERP should have finished by 08:05. It is 2 min over.")
    );
    assert_eq!(run(&server, "1").await["sentence"], "At Push to ERP. It should have been done by 08:05.");
    // It waits since 08:00: since 08:05 it is late, and that is what is said.
    let page = server.json("/workflows/order-to-erp").await;
    assert_eq!(page["facts"][1], json!(["Oldest late since", "08:05, 2 min ago"]));
    assert_eq!((&page["oldest_at"], &page["oldest_state"]), (&json!("2026-06-04T08:05:00Z"), &json!("late")));
    let words = html::words(&server.viewer().await.page("/workflows/order-to-erp").await);
    assert!(words.contains("Late since 08:05"), "{words}");
}

async fn a_run_between_two_steps_is_late_after_its_whole_time(server: TestServer) {
    server.post_events(step("1", "take", "succeeded", "08:00")).await;
    // The source is still heard; it is only this run that goes nowhere.
    server.at("09:55");
    server.post_events(json!({"type": "signal", "name": "alive"})).await;
    server.strike_at("09:59:59").await;
    assert_eq!(sentence(&server, "order-to-erp").await.0, "on_track");
    server.strike_at("10:30").await;
    assert_eq!(
        sentence(&server, "order-to-erp").await.1,
        "Nothing has failed, but 1 order after Take the order should have finished by 10:00. It is 30 min over."
    );
    assert_eq!(
        run(&server, "1").await["sentence"],
        "Left Take the order; the next step has not started. It should have been done by 10:00."
    );
}

async fn a_deadline_is_raised_once_across_a_restart(server: TestServer) {
    server.post_events(step("1", "push", "running", "08:00")).await;
    let due = judge_due(&server.app.db, &server.app.worlds.book(), at("08:06")).await.unwrap();
    assert!(!due.0.is_empty(), "it is raised");
    let server = server.restarted("08:07", |_| {}).await;
    let again = judge_due(&server.app.db, &server.app.worlds.book(), at("08:07")).await.unwrap();
    assert_eq!(again, (BTreeSet::new(), false), "it is not raised again");
    let page = server.json("/workflows/order-to-erp").await;
    assert_eq!((&page["state"], &page["steps"][2]["late"]), (&json!("late"), &json!(1)));
    assert_eq!(page["trouble"][0]["since"], "2026-06-04T08:05:00Z");
    assert_tallies_are_what_the_lists_say(&server, "order-to-erp").await;
}

async fn a_deadline_that_passed_while_the_portal_was_down_is_raised_at_the_next_strike(server: TestServer) {
    server.post_events(step("1", "push", "running", "08:00")).await;
    server.strike_at("08:01").await;
    let server = server.restarted("08:09", |_| {}).await;
    server.strike_at("08:09").await;
    let page = server.json("/workflows/order-to-erp").await;
    assert_eq!((&page["state"], &page["steps"][2]["late"]), (&json!("late"), &json!(1)));
    assert_eq!(page["trouble"][0]["since"], "2026-06-04T08:05:00Z");
    server.strike_at("08:10").await;
    assert_eq!(server.json("/workflows/order-to-erp").await["steps"][2]["late"], 1);
    assert_tallies_are_what_the_lists_say(&server, "order-to-erp").await;
}

async fn a_late_step_that_ends_is_late_no_more(server: TestServer) {
    server.post_events(step("1", "push", "running", "08:00")).await;
    server.strike_at("08:06").await;
    server.post_events(step("1", "push", "succeeded", "08:06")).await;
    assert_eq!(sentence(&server, "order-to-erp").await.0, "on_track");
    server.strike_at("08:07").await;
    let page = server.json("/workflows/order-to-erp").await;
    assert_eq!((&page["waiting"], &page["trouble"]), (&json!(0), &json!([])));
}

async fn a_failure_with_tries_left_says_when_the_next_one_is(server: TestServer) {
    let refused = json!({"code": "503", "message": "refused"});
    server.post_events(step("1", "push", "failed", "08:00").with("attempt", 1).with("error", refused.clone())).await;
    let run = run(&server, "1").await;
    assert_eq!(
        (&run["state"], &run["steps"][0]["next_attempt_at"]),
        (&json!("retrying"), &json!("2026-06-04T08:00:30Z"))
    );
    assert_eq!(run["sentence"], "Push to ERP failed: 503 refused. Next try 08:00.");
    assert_eq!(run["steps"][0]["max_attempts"], 3);
    server.at("08:00:31");
    server.post_events(step("1", "push", "failed", "08:00:31").with("attempt", 2).with("error", refused)).await;
    assert_eq!(
        sentence(&server, "order-to-erp").await,
        said(
            "retrying",
            "Push to ERP failed 2 times since 08:00 (503 refused). 1 order is waiting. Next try 08:01. Gives up 08:01. Nobody needs to act yet."
        )
    );
    // What the source announces goes before what the book says.
    let announced = step("2", "push", "failed", "08:00:31").with("next_attempt_at", "2026-06-04T08:19:00Z");
    server.post_events(announced).await;
    assert_eq!(self::run(&server, "2").await["steps"][0]["next_attempt_at"], "2026-06-04T08:19:00Z");
}

async fn a_next_try_that_does_not_come_is_late(server: TestServer) {
    server.post_events(step("1", "push", "failed", "08:00").with("error", json!({"code": "503"}))).await;
    server.strike_at("08:01:29").await;
    assert_eq!(sentence(&server, "order-to-erp").await.0, "retrying");
    server.strike_at("08:03:30").await;
    assert_eq!(
        sentence(&server, "order-to-erp").await,
        said(
            "late",
            "1 order at Push to ERP, where the next try did not come, should have finished by 08:01. It is 2 min over."
        )
    );
}

async fn a_failure_without_tries_left_is_broken_and_names_what_to_do(server: TestServer) {
    for (attempt, time) in [(1, "08:00"), (2, "08:00:30"), (3, "08:01:30")] {
        let error = json!({"code": "503", "message": "refused"});
        server.post_events(step("1", "push", "failed", time).with("attempt", attempt).with("error", error)).await;
    }
    assert_eq!(
        sentence(&server, "order-to-erp").await,
        said(
            "broken",
            "Push to ERP has failed since 08:00 (503 refused). 1 order is waiting. Nothing will try again by itself."
        )
    );
    let trouble = &server.json("/workflows/order-to-erp").await["trouble"][0];
    assert_eq!(
        (&trouble["runbook"]["slug"], &trouble["runbook"]["section"]),
        (&json!("erp-refuses-orders"), &json!("do-this-now"))
    );
    assert_eq!(
        trouble["runbook"]["steps"],
        json!(["Look at the queue.", "Wait until it has tried 3 times.", "Call the duty desk."])
    );
    assert_eq!(run(&server, "1").await["runbook"]["slug"], "erp-refuses-orders");
    assert_eq!(server.json("/now").await["broken"][0]["id"], "order-to-erp");
}

async fn another_time_in_the_book_judges_open_runs_anew(server: TestServer) {
    server.post_events(step("1", "push", "running", "08:00")).await;
    server.at("08:04");
    server.shelf.push_is_now(push_with("3m", 3));
    server.take_over_the_book().await;
    assert_eq!(
        sentence(&server, "order-to-erp").await,
        said("late", "Nothing has failed, but 1 order at Push to ERP should have finished by 08:03. It is 60 s over.")
    );
    server.shelf.push_is_now(push_with("10m", 3));
    server.take_over_the_book().await;
    assert_eq!(sentence(&server, "order-to-erp").await.0, "on_track");
    assert_eq!(run(&server, "1").await["steps"][0]["due_at"], "2026-06-04T08:10:00Z");
    server.strike_at("08:09:59").await;
    assert_eq!(sentence(&server, "order-to-erp").await.0, "on_track");
    server.strike_at("08:10").await;
    assert_eq!(sentence(&server, "order-to-erp").await.0, "late");
    assert_tallies_are_what_the_lists_say(&server, "order-to-erp").await;
}

async fn a_rhythm_that_stops_is_late_then_without_signal(server: TestServer) {
    let sync = |state: &str, time: &str| step("1", "sync", state, time).with("workflow", "stock-sync");
    let alive = async |time: &str| {
        server.at(time);
        server.post_events(json!({"type": "signal", "name": "alive", "time": at(time).to_string()})).await;
    };
    server.post_events(sync("succeeded", "08:00")).await;
    alive("08:05").await;
    assert_eq!(
        sentence(&server, "stock-sync").await,
        said("on_track", "Syncs are flowing. Last one finished 08:00, one is expected at least every 10 min.")
    );
    alive("08:09:59").await;
    assert_eq!(sentence(&server, "stock-sync").await.0, "on_track");
    alive("08:11").await;
    assert_eq!(
        sentence(&server, "stock-sync").await,
        said("late", "Nothing has failed, but no syncs have started since 08:00; one is expected every 10 min.")
    );
    alive("08:20").await;
    alive("08:30:01").await;
    assert_eq!(
        sentence(&server, "stock-sync").await,
        said("no_signal", "Nothing heard since 08:00. We do not know if this is working.")
    );
    server.post_events(sync("running", "08:30:01").with("run", "2")).await;
    assert_eq!(sentence(&server, "stock-sync").await.0, "on_track");
}

async fn a_source_that_falls_silent_leaves_us_not_knowing(server: TestServer) {
    server.post_events(step("1", "take", "succeeded", "08:00")).await;
    server.strike_at("08:10").await;
    assert_eq!(sentence(&server, "order-to-erp").await.0, "on_track");
    server.strike_at("08:10:01").await;
    assert_eq!(
        sentence(&server, "order-to-erp").await,
        said("no_signal", "Nothing heard from shop since 08:00. We do not know if this is working.")
    );
    assert_eq!(server.json("/sources").await["items"][0]["state"], "no_signal");
    assert_eq!(server.json("/now").await["sources"]["silent"][0][0], "shop");
}

async fn a_night_without_its_job_is_late(server: TestServer) {
    let export = step("1", "export", "succeeded", "08:00").with("workflow", "nightly-export");
    server.post_events(export.clone()).await;
    let last = "2026-06-05T03:14:59Z";
    server.strike_at(last).await;
    assert_eq!(sentence(&server, "nightly-export").await.0, "on_track");
    server.strike_at("2026-06-05T03:16:00Z").await;
    assert_eq!(
        sentence(&server, "nightly-export").await,
        said("late", "Nothing has failed, but Nightly export should have started at 03:00. It is 16 min over.")
    );
    server.post_events(export.with("run", "2").with("time", "2026-06-05T03:16:00Z")).await;
    assert_eq!(sentence(&server, "nightly-export").await.0, "on_track");
}

async fn a_nightly_job_never_heard_of_is_no_signal(server: TestServer) {
    assert_eq!(
        sentence(&server, "nightly-export").await,
        said("no_signal", "Nothing has been heard about Nightly export yet. We do not know if this is working.")
    );
    server.strike_at("2026-06-05T03:16:00Z").await;
    assert_eq!(
        sentence(&server, "nightly-export").await.1,
        "Nothing has ever been heard about Nightly export. It should have started by 03:15. We do not know if this is working."
    );
}

async fn what_the_book_does_not_know_is_welcome(server: TestServer) {
    server.post_events(step("1", "wrap", "running", "08:00")).await;
    server.post_events(step("1", "knead", "running", "08:00").with("workflow", "bakery")).await;
    let known = server.json("/workflows/order-to-erp").await;
    assert_eq!(known["questions"]["differences"][0], "The step \"wrap\" was seen 1 time and is not in the book.");
    assert_eq!(story(&run(&server, "1").await), [("wrap started", vec!["undeclared"])]);
    let unknown = server.json("/workflows/bakery").await;
    assert_eq!((&unknown["declared"], &unknown["name"]), (&json!({"steps": [], "edges": []}), &json!("bakery")));
    assert_eq!(
        unknown["questions"]["differences"][0],
        "The book does not know this workflow; everything here was observed."
    );
    let page = html::words(&server.viewer().await.page("/workflows/bakery").await);
    assert!(page.contains("This workflow is not in the book"), "{page}");
}

/// A law: whatever happens, what is kept without counting is what counting gives.
async fn after_random_events_the_tallies_are_what_the_lists_say(server: TestServer) {
    const WORKFLOWS: [&str; 3] = ["order-to-erp", "stock-sync", "bakery"];
    const STEPS: [&str; 5] = ["take", "reserve", "push", "sync", "wrap"];
    const STATES: [&str; 8] =
        ["waiting", "running", "retrying", "succeeded", "partial", "failed", "skipped", "cancelled"];
    let mut random = StdRng::seed_from_u64(20_260_604);
    let mut sent = 0;
    for round in 0..10 {
        let minute = 12 * round;
        let mut batch = Vec::new();
        for _ in 0..20 {
            let second = 60 * minute - random.random_range(0..900_i64);
            let time = at("09:00") + app::model::moment::Span::from_secs(second);
            let mut event = json!({"workflow": WORKFLOWS[random.random_range(0..3)], "run": random.random_range(0..12).to_string(),
                "state": STATES[random.random_range(0..8)], "time": time.to_string()});
            if random.random_bool(0.9) {
                event["step"] = STEPS[random.random_range(0..5)].into();
            }
            if random.random_bool(0.4) {
                event["attempt"] = random.random_range(1..4).into();
            }
            if random.random_bool(0.3) {
                event["error"] = json!({"code": "503", "message": "refused"});
            }
            if random.random_bool(0.1) {
                event["next_attempt_at"] = (time + app::model::moment::Span::from_minutes(10)).to_string().into();
            }
            batch.push(event);
        }
        if random.random_bool(0.5) {
            batch.push(batch[0].clone());
        }
        sent += batch.len();
        server.at(&(at("09:00") + app::model::moment::Span::from_minutes(minute)).to_string());
        server.post_events(batch).await;
        if random.random_bool(0.6) {
            let later = at("09:00") + app::model::moment::Span::from_minutes(minute + random.random_range(0..12));
            server.strike_at(&later.to_string()).await;
        }
        if round == 5 {
            server.shelf.push_is_now(shelf::push_with("1m", 2));
            server.take_over_the_book().await;
        }
        for workflow in WORKFLOWS {
            assert_tallies_are_what_the_lists_say(&server, workflow).await;
        }
    }
    let counted: Vec<_> = server.every("/events").await.iter().map(|e| e["repeats"].as_u64().unwrap()).collect();
    assert_eq!(counted.iter().sum::<u64>(), sent as u64);
}
