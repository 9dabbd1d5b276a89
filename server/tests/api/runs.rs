//! `/workflows/{id}/runs` and `/runs/{workflow}/{run}`: which runs are where, page by page, and the story of one.

use std::collections::BTreeSet;

use app::model::moment::Span;
use serde_json::{Value, json};

use crate::support::shelf::Step;
use crate::support::{TestServer, With, at, html, on_both_databases, step};

on_both_databases![
    the_list_is_paged_without_repeats_while_runs_arrive,
    the_filters_are_in_the_address,
    a_filter_that_does_not_exist_is_422,
    the_page_offers_each_filter_with_its_count,
    a_long_story_is_cut_and_says_so,
    a_story_tells_pauses_errors_and_what_is_ahead,
    an_unknown_run_is_404,
    a_run_may_have_any_name,
    a_listed_run_says_where_it_has_been,
    ended_runs_are_found_by_the_step_that_they_ended_at,
    what_was_open_when_its_run_was_over_is_neither_running_nor_planned,
    what_came_out_of_order_is_not_said_to_have_changed_nothing,
    forty_tries_stay_readable_and_every_one_of_them_is_there,
    planned_tries_and_where_the_policy_gives_up_are_shown,
];

async fn the_list_is_paged_without_repeats_while_runs_arrive(server: TestServer) {
    let runs = |range: std::ops::Range<usize>| -> Vec<Value> {
        range.map(|i| step(&i.to_string(), "take", "running", "08:00")).collect()
    };
    server.post_events(runs(0..130)).await;
    let first = server.json("/workflows/order-to-erp/runs").await;
    server.post_events(runs(130..140)).await;
    let second = server.json(&format!("/workflows/order-to-erp/runs?after={}", first["next"].as_str().unwrap())).await;
    let third = server.json(&format!("/workflows/order-to-erp/runs?after={}", second["next"].as_str().unwrap())).await;
    let sizes = [&first, &second, &third].map(|page| page["items"].as_array().unwrap().len());
    assert_eq!((sizes, &third["next"]), ([50, 50, 30], &Value::Null));
    let listed: Vec<_> = [&first, &second, &third]
        .iter()
        .flat_map(|page| page["items"].as_array().unwrap())
        .map(|run| run["run"].as_str().unwrap().to_owned())
        .collect();
    let newest_first: Vec<_> = (0..130).rev().map(|i| i.to_string()).collect();
    assert_eq!(listed, newest_first);
    // The page leads through the same list.
    let viewer = server.viewer().await;
    let mut seen = BTreeSet::new();
    let mut path = "/workflows/order-to-erp/runs?state=open".to_owned();
    for _ in 0..9 {
        let page = viewer.page(&path).await;
        let links: Vec<_> = html::tags(&page).iter().filter_map(|t| t.get("href").map(str::to_owned)).collect();
        for run in links.iter().filter(|l| l.starts_with("/runs/")) {
            assert!(seen.insert(run.clone()), "{run} is listed twice");
        }
        match links.into_iter().find(|l| l.contains("after=")) {
            Some(next) => path = next,
            None => break,
        }
    }
    assert_eq!(seen.len(), 140);
}

async fn runs_in_every_state(server: &TestServer) {
    server
        .post_events(json!([
            step("open", "push", "running", "08:00"),
            step("elsewhere", "reserve", "running", "08:00"),
            step("retrying", "push", "failed", "08:00")
                .with("attempt", 1)
                .with("next_attempt_at", "2026-06-04T09:00:00Z"),
            step("broken", "push", "failed", "08:00").with("attempt", 3),
            step("late", "push", "running", "07:50"),
            step("ended", "push", "succeeded", "08:00"),
        ]))
        .await;
}

async fn the_filters_are_in_the_address(server: TestServer) {
    runs_in_every_state(&server).await;
    for (query, expected) in [
        ("", vec!["ended", "late", "broken", "retrying", "elsewhere", "open"]),
        ("?state=all", vec!["ended", "late", "broken", "retrying", "elsewhere", "open"]),
        ("?state=", vec!["ended", "late", "broken", "retrying", "elsewhere", "open"]),
        ("?state=open", vec!["late", "broken", "retrying", "elsewhere", "open"]),
        ("?state=failed", vec!["broken"]),
        ("?state=broken", vec!["broken"]),
        ("?state=late", vec!["late"]),
        ("?state=stuck", vec!["late"]),
        ("?state=retrying", vec!["retrying"]),
        ("?state=ended", vec!["ended"]),
        ("?step=push", vec!["late", "broken", "retrying", "open"]),
        ("?step=reserve", vec!["elsewhere"]),
        ("?state=late&step=push", vec!["late"]),
        ("?state=late&step=reserve", vec![]),
        ("?step=nowhere", vec![]),
    ] {
        let list = server.json(&format!("/workflows/order-to-erp/runs{query}")).await;
        let runs: Vec<_> = list["items"].as_array().unwrap().iter().map(|r| r["run"].as_str().unwrap()).collect();
        assert_eq!(runs, expected, "{query}");
    }
}

async fn a_filter_that_does_not_exist_is_422(server: TestServer) {
    let reader = server.program(&server.read);
    let problem = reader.get("/api/v1/workflows/order-to-erp/runs?state=odd").await.problem(422);
    assert_eq!(problem["detail"], "\"odd\" is not one of all, failed, late, retrying, open, ended.");
    let problem = reader.get("/api/v1/workflows/order-to-erp/runs?after=there").await.problem(422);
    assert_eq!(problem["detail"], "\"there\" is not a place in this list.");
}

async fn the_page_offers_each_filter_with_its_count(server: TestServer) {
    runs_in_every_state(&server).await;
    let viewer = server.viewer().await;
    let words = html::words(&viewer.page("/workflows/order-to-erp/runs?state=late").await);
    assert!(words.contains("All 6 Failed 1 Late 1 Retrying 1 Open 5 Ended 1"), "{words}");
    // Of one step they are not counted, and nothing is promised.
    let page = viewer.page("/workflows/order-to-erp/runs?state=late&step=push").await;
    let words = html::words(&page);
    assert!(words.contains("All Failed Late Retrying Open Ended"), "{words}");
    assert!(words.contains("Only at Push to ERP"), "{words}");
    let tags = html::tags(&page);
    let current: Vec<_> =
        tags.iter().filter(|t| t.get("aria-current") == Some("true")).filter_map(|t| t.get("href")).collect();
    assert_eq!(current, ["/workflows/order-to-erp/runs?state=late&step=push"]);
}

async fn a_long_story_is_cut_and_says_so(server: TestServer) {
    let events: Vec<_> = (0..600)
        .map(|i| step("1", "take", "running", "08:00").with("id", format!("{i:03}")).with("sequence", i))
        .collect();
    server.post_events(events).await;
    let run = server.json("/runs/order-to-erp/1").await;
    assert_eq!((run["story"].as_array().unwrap().len(), &run["earlier"]), (500, &json!(100)));
    let words = html::words(&server.viewer().await.page("/runs/order-to-erp/1").await);
    assert!(words.contains("100 earlier lines are left out."), "{words}");
}

async fn a_story_tells_pauses_errors_and_what_is_ahead(server: TestServer) {
    server.at("08:30");
    server.post_events(step("10482", "take", "succeeded", "08:00").with("subject", "order/10482")).await;
    let failed =
        step("10482", "reserve", "failed", "08:25").with("error", json!({"code": "E7", "message": "none left"}));
    server.post_events(failed).await;
    let run = server.json("/runs/order-to-erp/10482").await;
    assert_eq!(
        (&run["story"][1]["text"], &run["story"][1]["gap"]),
        (&json!("Reserve stock failed: E7 none left"), &json!("25 min"))
    );
    assert_eq!(run["ahead"], json!([["push", "Push to ERP"]]));
    assert_eq!(
        (&run["state"], &run["sentence"]),
        (&json!("broken"), &json!("Reserve stock failed 08:25: E7 none left."))
    );
    assert_eq!((&run["subject"], &run["workflow_name"]), (&json!("order/10482"), &json!("Order to ERP")));
    let page = server.viewer().await.page("/runs/order-to-erp/10482").await;
    assert_eq!(html::title(&page), "Broken: 10482 in Order to ERP · Watchbook");
    assert!(html::words(&page).contains("not reached"));
}

async fn an_unknown_run_is_404(server: TestServer) {
    server.program(&server.read).get("/api/v1/runs/order-to-erp/none").await.problem(404);
    let page = server.viewer().await.get("/runs/order-to-erp/none").await.expect(404).text;
    assert_eq!(html::heading(&page), "There is no run \"none\"");
}

async fn a_run_may_have_any_name(server: TestServer) {
    for name in ["a/b", "50%", "a b", "ä?b#c", "..", "a&b=c", "\"'<b>", "%2F"] {
        server.post_events(step(name, "take", "running", "08:00")).await;
        let path = format!("/runs/order-to-erp/{}", crate::support::encoded(name));
        // A path of two dots is walked by every client before it is sent.
        if name != ".." {
            assert_eq!(
                server.program(&server.read).get(&format!("/api/v1{path}")).await.expect(200).json()["run"],
                name
            );
        }
    }
    let list = server.json("/workflows/order-to-erp/runs").await;
    assert_eq!(list["items"].as_array().unwrap().len(), 8);
}

async fn a_listed_run_says_where_it_has_been(server: TestServer) {
    server.post_events(step("1", "take", "succeeded", "08:00")).await;
    server.at("08:01");
    server.post_events(step("1", "push", "failed", "08:01").with("attempt", 1)).await;
    let list = server.json("/workflows/order-to-erp/runs").await;
    let told = &list["items"][0]["steps"];
    assert_eq!(
        told[1],
        json!({"step": "push", "visit": 1, "attempt": 1, "state": "retrying", "started_at": "2026-06-04T08:01:00Z",
            "ended_at": "2026-06-04T08:01:00Z", "due_at": "2026-06-04T08:06:00Z",
            "next_attempt_at": "2026-06-04T08:01:30Z"})
    );
    // The same as on its own page, which tells more of each.
    let own = server.json("/runs/order-to-erp/1").await;
    for (listed, whole) in told.as_array().unwrap().iter().zip(own["steps"].as_array().unwrap()) {
        assert!(listed.as_object().unwrap().iter().all(|(field, value)| whole[field] == *value), "{listed} {whole}");
    }
    assert_eq!(told.as_array().unwrap().len(), 2);
    assert!(list["items"][0].get("story").is_none());
}

async fn ended_runs_are_found_by_the_step_that_they_ended_at(server: TestServer) {
    runs_in_every_state(&server).await;
    let cancelled = json!({"workflow": "order-to-erp", "run": "elsewhere", "state": "cancelled",
        "time": "2026-06-04T08:00:00Z"});
    server.post_events(cancelled).await;
    for (query, expected) in [
        ("?state=ended", vec!["ended", "elsewhere"]),
        ("?state=ended&step=push", vec!["ended"]),
        ("?state=ended&step=reserve", vec!["elsewhere"]),
        ("?state=ended&step=take", vec![]),
        ("?step=push", vec!["late", "broken", "retrying", "open"]),
    ] {
        let list = server.json(&format!("/workflows/order-to-erp/runs{query}")).await;
        let runs: Vec<_> = list["items"].as_array().unwrap().iter().map(|r| r["run"].as_str().unwrap()).collect();
        assert_eq!(runs, expected, "{query}");
    }
    let words = html::words(&server.viewer().await.page("/workflows/order-to-erp/runs?state=ended&step=push").await);
    assert!(words.contains("Only those that ended at Push to ERP"), "{words}");
}

async fn what_was_open_when_its_run_was_over_is_neither_running_nor_planned(server: TestServer) {
    let planned = "2026-06-04T09:00:00Z";
    for (run, how, words) in [
        ("1", "cancelled", "was retrying for 5 min when the run was cancelled"),
        ("2", "skipped", "was retrying for 5 min when the run was skipped"),
        ("3", "failed", "was retrying for 5 min when the run failed"),
    ] {
        let over = json!({"workflow": "order-to-erp", "run": run, "state": how, "time": "2026-06-04T08:06:00Z"});
        server.post_events(step(run, "reserve", "running", "08:00")).await;
        server.post_events(step(run, "push", "retrying", "08:01").with("next_attempt_at", planned)).await;
        server.at("08:06");
        server.post_events(over).await;
        server.at("2026-06-06T08:00:00Z");
        let run_now = server.json(&format!("/runs/order-to-erp/{run}")).await;
        for step in run_now["steps"].as_array().unwrap() {
            assert_eq!(
                (&step["ended_at"], &step["cut_off"], &step["due_at"], &step["next_attempt_at"]),
                (&json!("2026-06-04T08:06:00Z"), &json!(how), &Value::Null, &Value::Null),
                "{how}"
            );
        }
        let page = server.viewer().await.page(&format!("/runs/order-to-erp/{run}")).await;
        let told = html::words(&page);
        assert!(told.contains(words), "{told}");
        assert!(told.contains(&words.replace("retrying for 5", "running for 6")), "{told}");
        assert!(!told.contains("planned") && !told.contains("48 h") && !told.contains("next 4 Jun"), "{told}");
        assert!(html::tags(&page).iter().all(|t| t.get("class") != Some("try planned")));
    }
}

async fn what_came_out_of_order_is_not_said_to_have_changed_nothing(server: TestServer) {
    server.at("08:10");
    server.post_events(step("1", "take", "running", "08:00")).await;
    server.post_events(step("1", "push", "running", "08:05")).await;
    // It tells how the first step ended, which nothing newer did.
    server.post_events(step("1", "take", "succeeded", "08:02")).await;
    let run = server.json("/runs/order-to-erp/1").await;
    let told: Vec<_> = run["story"].as_array().unwrap().iter().map(|l| l["marks"].clone()).collect();
    assert_eq!(told, [json!(["late"]), json!(["late", "out_of_order"]), json!([])]);
    assert_eq!(run["steps"][0]["ended_at"], "2026-06-04T08:02:00Z");
    let words = html::words(&server.viewer().await.page("/runs/order-to-erp/1").await);
    assert!(words.contains("it stands at its own time, and what is newer still counts"), "{words}");
    assert!(!words.contains("changed nothing"), "{words}");
}

/// Push to ERP with forty tries, half a minute apart.
async fn with_forty_tries(server: &TestServer) {
    let retry = "retry: { max_attempts: 40, backoff: fixed, first: 30s }";
    server.shelf.push_is_now(Step::new("push", "Push to ERP").says("component: erp-sync").says(retry));
    server.take_over_the_book().await;
}

/// A try that begins at a time and fails a second later.
fn refused(attempt: i64, began: app::model::moment::Moment) -> [Value; 2] {
    let of =
        |state, time: app::model::moment::Moment| step("1", "push", state, &time.to_string()).with("attempt", attempt);
    let error = json!({"code": "503", "message": "refused"});
    [of("running", began), of("failed", began + Span::from_secs(1)).with("error", error)]
}

async fn forty_tries_stay_readable_and_every_one_of_them_is_there(server: TestServer) {
    with_forty_tries(&server).await;
    server.at("08:40");
    // The thirtieth comes ten minutes after it should have.
    let began = |n: i64| at("08:00") + Span::from_secs((n - 1) * 31 + if n >= 30 { 600 } else { 0 });
    let tries: Vec<_> = (1..=40).flat_map(|n| refused(n, began(n))).collect();
    server.post_events(tries).await;
    let run = server.json("/runs/order-to-erp/1").await;
    let push = &run["steps"][0];
    let parts: Vec<_> = push["tries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| (part["attempts"].as_array().unwrap().len(), part["alike"].as_str()))
        .collect();
    let (before, after) = ("28 more like it, 08:00 to 08:14", "8 more like it, 08:26 to 08:29");
    assert_eq!(parts, [(1, None), (28, Some(before)), (1, None), (1, None), (8, Some(after)), (1, None)]);
    let late = &push["tries"][2]["attempts"][0];
    assert_eq!((&late["attempt"], &late["late_by_ms"]), (&json!(30), &json!(600_000)));
    assert_eq!(push["attempts"].as_array().unwrap().len(), 11);
    let sentence = "Declared: 40 tries, 30 s apart. Observed: 40 tries, 30 s to 10 min apart. 1 came 10 min late.";
    assert_eq!(push["policy"], sentence);
    let page = server.viewer().await.page("/runs/order-to-erp/1").await;
    let words = html::words(&page);
    for said in [sentence, "\u{25c6} try 30 came 10 min late", "40 of 40 tries used, 1 came late", before] {
        assert!(words.contains(said), "{said} is not in {words}");
    }
    // The chart has each try, the late one as another shape; the story opens to every line.
    let drawn = |name: &str| {
        html::tags(&page).iter().filter(|t| t.name == name && t.get("class") == Some("try p-failed")).count()
    };
    assert_eq!((drawn("circle"), drawn("path")), (39, 1));
    assert_eq!(run["story"].as_array().unwrap().len(), 80);
    assert_eq!(words.matches("Push to ERP failed").count(), 41, "each line once, and the answer");
}

async fn planned_tries_and_where_the_policy_gives_up_are_shown(server: TestServer) {
    let retry = "retry: { max_attempts: 4, backoff: exponential, first: 5m, factor: 2 }";
    server.shelf.push_is_now(Step::new("push", "Push to ERP").says("component: erp-sync").says(retry));
    server.take_over_the_book().await;
    server.post_events(refused(1, at("08:00")).to_vec()).await;
    let push = server.json("/runs/order-to-erp/1").await["steps"][0].clone();
    let planned = ["2026-06-04T08:05:01Z", "2026-06-04T08:15:01Z", "2026-06-04T08:35:01Z"];
    assert_eq!((&push["planned"], &push["gives_up_at"]), (&json!(planned), &json!(planned[2])));
    let page = server.viewer().await.page("/runs/order-to-erp/1").await;
    let hollow = html::tags(&page).into_iter().filter(|t| t.get("class") == Some("try planned"));
    assert_eq!((hollow.count(), page.contains("class=\"gives-up\"")), (3, true));
    let words = html::words(&page);
    let said = "1 of 4 tries used, next 08:05, gives up 08:35";
    let declared = "Declared: 4 tries, 5 to 20 min apart. Observed: 1 try.";
    assert!(words.contains(said) && words.contains(declared), "{words}");
    assert!(words.contains("4 08:35:01 planned") && words.contains("gives up, if each fails at once"), "{words}");
    // What was planned and did not come says so, and nothing is known of those after it.
    server.strike_at("08:09").await;
    let push = server.json("/runs/order-to-erp/1").await["steps"][0].clone();
    assert_eq!(push["planned"], json!([planned[0]]));
    let words = html::words(&server.viewer().await.page("/runs/order-to-erp/1").await);
    assert!(words.contains("planned, did not come"), "{words}");
}
