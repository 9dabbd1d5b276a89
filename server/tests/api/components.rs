//! `/components` and `/components/{id}`: what breaks without one, now and as a what-if, and what is affected.

use serde_json::{Value, json};

use crate::support::{TestServer, With, html, on_both_databases, step};

on_both_databases![
    supposing_a_component_down_tells_what_stops_when_and_who_is_hurt,
    the_page_of_a_what_if_says_the_same_and_that_it_is_one,
    a_queue_that_tells_its_depth_tells_how_long_it_holds_out,
    a_workflow_with_a_schedule_is_hurt_at_its_next_start,
    without_trouble_and_without_a_question_there_is_only_the_offer,
    a_component_in_trouble_tells_what_breaks_without_being_asked,
    what_needs_something_broken_is_affected_on_the_list_and_on_its_page,
    a_workflow_that_needs_something_broken_is_affected_and_the_broken_one_says_so,
    what_is_broken_behind_a_pause_still_affects_what_needs_it,
    a_what_if_of_something_unknown_is_404,
    supposing_anything_but_down_is_422,
    what_a_component_needs_and_is_not_there_is_a_broken_link,
];

/// A price list that needs the ERP sync, and a nightly job that reads the ERP in bulk into a report.
const MORE: &str = "\
kind: component
id: price-list
name: Price list
type: file
depends_on:
  - { id: erp-sync, mode: sync, fallback: none }
---
kind: component
id: night-job
name: Night job
type: service
depends_on:
  - { id: erp, mode: batch, fallback: none }
---
kind: component
id: report
name: Morning report
type: file
depends_on:
  - { id: night-job, mode: batch, fallback: \"yesterday's report\" }
---
kind: component
id: line
name: Order line
type: queue
limits: { depth: 500, oldest: 15m }
---
kind: component
id: reader
name: Order reader
type: service
depends_on:
  - { id: erp, mode: sync, fallback: none }
---
kind: workflow
id: night
name: Nightly reconcile
business_owner: finance-team
expect: { start_at: \"0 9 * * *\", timezone: UTC, finish_within: 45m }
steps:
  - { id: compare, name: Compare, component: night-job }
  - { id: publish, name: Publish, component: report }
---
kind: workflow
id: reading
name: Reading orders
unit: orders
steps:
  - { id: read, name: Read, component: reader, via: line }
";

async fn with_more(server: &TestServer) {
    server.shelf.write("more.yaml", MORE);
    server.take_over_the_book().await;
}

/// The item of a list with this id.
fn item<'v>(list: &'v Value, id: &str) -> &'v Value {
    list.as_array().unwrap().iter().find(|v| v["id"] == id).unwrap_or_else(|| panic!("no {id} in {list}"))
}

async fn supposing_a_component_down_tells_what_stops_when_and_who_is_hurt(server: TestServer) {
    server.post_events(step("1", "push", "running", "08:00")).await;
    let blast = server.json("/components/erp?suppose=down").await["blast"].clone();
    assert_eq!((&blast["supposed"], &blast["trouble"]), (&json!(true), &Value::Null));
    let workflow = item(&blast["workflows"], "order-to-erp");
    assert_eq!((&workflow["condition"], &workflow["step"]), (&json!("blocked"), &json!("push")));
    assert_eq!((&workflow["business_owner"], &workflow["unit"]), (&json!("order-desk"), &json!("orders")));
    assert_eq!((&workflow["waiting"], &workflow["late_at"]), (&json!(1), &json!("2026-06-04T10:00:00Z")));
    assert_eq!(workflow["path"], json!([["erp", "ERP"], ["erp-sync", "ERP sync"]]));
    assert_eq!(workflow["when"]["words"], "not known when", "nothing tells how long the queue holds out");
    let component = item(&blast["components"], "erp-sync");
    assert_eq!((&component["condition"], &component["when"]["words"]), (&json!("blocked"), &json!("now")));
    assert_eq!(component["sentence"], "Needs an answer from ERP. What takes its place is not written.");
    assert_eq!(blast["queues"], json!([{"id": "erp-queue", "name": "ERP queue", "minutes": null, "until": null}]));
    let fine: Vec<_> = blast["unaffected_workflows"].as_array().unwrap().iter().map(|w| w[0].clone()).collect();
    assert_eq!(fine, ["nightly-export", "stock-sync"]);
    let not_known = blast["not_known"].as_array().unwrap();
    assert!(not_known[0].as_str().unwrap().starts_with("How long ERP queue has room"), "{not_known:?}");
    assert_eq!(
        blast["notice"],
        "If ERP is not available: Orders wait. Order to ERP: orders wait in line; it is not known for how long there \
         is room. What has to wait is late from 10:00. Not affected: Nightly export and Stock sync. This concerns: \
         order desk. As known at 4 Jun 2026 08:00 UTC."
    );
}

async fn the_page_of_a_what_if_says_the_same_and_that_it_is_one(server: TestServer) {
    let blast = server.json("/components/erp?suppose=down").await["blast"].clone();
    let page = server.viewer().await.page("/components/erp?suppose=down").await;
    assert_eq!(html::title(&page), "What if ERP is down · Watchbook");
    let words = html::words(&page);
    assert!(words.contains("This is a what-if: suppose ERP is down from now on. Nothing says that it is."), "{words}");
    assert!(words.contains("Back to what is so now"), "{words}");
    for said in ["summary", "notice"].map(|field| blast[field].as_str().unwrap()) {
        assert!(words.contains(said), "{said} is not in {words}");
    }
    for row in ["workflows", "components"].iter().flat_map(|list| blast[list].as_array().unwrap()) {
        for said in [&row["name"], &row["sentence"], &row["when"]["words"]] {
            assert!(words.contains(said.as_str().unwrap()), "{said} is not in {words}");
        }
    }
}

async fn a_queue_that_tells_its_depth_tells_how_long_it_holds_out(server: TestServer) {
    with_more(&server).await;
    let report = |at: &str, (form, oldest): (&str, &str)| {
        json!({"type": "queue", "queue": "line", "depth": 4, "in": 3, "out": 3, "time": format!("2026-06-04T{at}:00Z")})
            .with(form, oldest)
    };
    // Since when the oldest waits, or for how long: both are told.
    let reports = [report("07:54", ("oldest_at", "2026-06-04T07:50:00Z")), report("07:59", ("oldest", "7m"))];
    server.post_events(json!(reports)).await;
    let blast = server.json("/components/erp?suppose=down").await["blast"].clone();
    let line = item(&blast["queues"], "line");
    assert_eq!((&line["minutes"], &line["until"]), (&json!(7), &json!("2026-06-04T08:07:00Z")));
    let reading = item(&blast["workflows"], "reading");
    assert_eq!(reading["when"]["words"], "08:07, in 7 min");
    assert_eq!(reading["sentence"], "Orders wait in Order line before Read. It has room until 08:07.");
    // An old report says nothing about now.
    server.at("08:20");
    let later = server.json("/components/erp?suppose=down").await["blast"].clone();
    assert_eq!(item(&later["queues"], "line")["minutes"], Value::Null);
}

async fn a_workflow_with_a_schedule_is_hurt_at_its_next_start(server: TestServer) {
    with_more(&server).await;
    let blast = server.json("/components/erp?suppose=down").await["blast"].clone();
    let night = item(&blast["workflows"], "night");
    assert_eq!((&night["condition"], &night["when"]["words"]), (&json!("blocked"), &json!("09:00, in 60 min")));
    assert_eq!(night["late_at"], "2026-06-04T09:45:00Z");
    let report = item(&blast["components"], "report");
    assert_eq!((&report["condition"], &report["fallback"]), (&json!("degraded"), &json!("yesterday's report")));
    let notice = blast["notice"].as_str().unwrap();
    let said = "Nightly reconcile: due 09:00, cannot be done unless it is back by then. It is late from 09:45.";
    assert!(notice.contains(said), "{notice}");
    // Sorted by when it hurts: tonight's job is late at 09:45, orders at 10:00, and of the reading nothing tells.
    let order: Vec<_> = blast["workflows"].as_array().unwrap().iter().map(|w| w["id"].as_str().unwrap()).collect();
    assert_eq!(order, ["night", "order-to-erp", "reading"]);
    assert_eq!(night["hurt_by"], night["late_at"]);
    let page = html::words(&server.viewer().await.page("/components/erp?suppose=down").await);
    assert!(page.contains("hurts by 09:45, in 105 min"), "{page}");
    assert!(page.contains("3 workflows blocked, 2 not affected.") && !page.contains("0 degraded"), "{page}");
}

async fn without_trouble_and_without_a_question_there_is_only_the_offer(server: TestServer) {
    assert_eq!(server.json("/components/erp").await["blast"], Value::Null);
    let page = server.viewer().await.page("/components/erp").await;
    let links =
        html::tags(&page).into_iter().filter(|t| t.name == "a").filter_map(|t| t.get("href").map(str::to_owned));
    assert!(links.into_iter().any(|href| href == "/components/erp?suppose=down#breaks"));
    assert!(html::words(&page).contains("Suppose ERP is down"));
}

async fn a_component_in_trouble_tells_what_breaks_without_being_asked(server: TestServer) {
    server.post_events(step("1", "push", "failed", "08:00").with("attempt", 3)).await;
    let blast = server.json("/components/erp-sync").await["blast"].clone();
    assert_eq!((&blast["supposed"], &blast["since"]), (&json!(false), &json!("2026-06-04T08:00:00Z")));
    assert_eq!(blast["trouble"], "1 order has failed at Push to ERP since 08:00.");
    assert!(blast["notice"].as_str().unwrap().starts_with("ERP sync: 1 order has failed at Push to ERP since 08:00."));
    let page = server.viewer().await.page("/components/erp-sync").await;
    assert!(html::title(&page).starts_with("Broken: ERP sync"));
    let words = html::words(&page);
    assert!(words.contains("While ERP sync is not available, this follows."), "{words}");
    assert!(!words.contains("what-if"), "{words}");
    // Once it went through, nothing is claimed any more.
    server.post_events(step("1", "push", "succeeded", "08:01").with("attempt", 4)).await;
    server
        .post_events(
            json!({"workflow": "order-to-erp", "run": "1", "state": "succeeded", "time": "2026-06-04T08:01:00Z"}),
        )
        .await;
    assert_eq!(server.json("/components/erp-sync").await["blast"], Value::Null);
}

async fn what_needs_something_broken_is_affected_on_the_list_and_on_its_page(server: TestServer) {
    with_more(&server).await;
    let list = server.json("/components").await;
    assert_eq!(item(&list["items"], "price-list")["affected_by"], Value::Null);
    server.post_events(step("1", "push", "failed", "08:00").with("attempt", 3)).await;
    let by = json!({"id": "erp-sync", "name": "ERP sync", "path": ["erp-sync"]});
    let list = server.json("/components").await;
    assert_eq!(item(&list["items"], "price-list")["affected_by"], by);
    for other in ["erp-sync", "erp", "web-shop"] {
        assert_eq!(item(&list["items"], other)["affected_by"], Value::Null, "{other}");
    }
    assert_eq!(server.json("/components/price-list").await["affected_by"], by);
    let viewer = server.viewer().await;
    for path in ["/components", "/components/price-list"] {
        let words = html::words(&viewer.page(path).await);
        assert!(words.contains("Affected by ERP sync"), "{path}: {words}");
    }
}

/// A workflow that uses the price list, which needs the ERP sync; it has run well.
async fn with_pricing(server: &TestServer) {
    server.shelf.write(
        "pricing.yaml",
        "kind: workflow\nid: pricing\nname: Pricing\nsteps:\n  - { id: list, name: List, component: price-list }\n",
    );
    with_more(server).await;
    server.post_events(json!({"workflow": "pricing", "run": "9", "step": "list", "state": "succeeded"})).await;
}

async fn a_workflow_that_needs_something_broken_is_affected_and_the_broken_one_says_so(server: TestServer) {
    with_pricing(&server).await;
    assert_eq!(server.json("/workflows/pricing").await["affected_by"], Value::Null);
    server.post_events(step("1", "push", "failed", "08:00").with("attempt", 3)).await;
    let pricing = server.json("/workflows/pricing").await;
    assert_eq!(pricing["state"], "on_track");
    let by = json!({"id": "erp-sync", "name": "ERP sync", "path": ["erp-sync", "price-list"]});
    assert_eq!(pricing["affected_by"], by);
    let broken = server.json("/workflows/order-to-erp").await;
    assert_eq!(broken["affected_by"], Value::Null);
    let affects = json!({
        "component": "erp-sync", "name": "ERP sync", "workflows": [["pricing", "Pricing"]], "components": 1,
    });
    assert_eq!(broken["trouble"][0]["affects"], affects);
    let viewer = server.viewer().await;
    for path in ["/", "/workflows", "/workflows/pricing"] {
        let words = html::words(&viewer.page(path).await);
        assert!(words.contains("Affected by ERP sync"), "{path}: {words}");
    }
    let words = html::words(&viewer.page("/workflows/order-to-erp").await);
    assert!(words.contains("Affects Pricing, and 1 component"), "{words}");
}

async fn what_is_broken_behind_a_pause_still_affects_what_needs_it(server: TestServer) {
    with_pricing(&server).await;
    server.post_events(step("1", "push", "failed", "08:00").with("attempt", 3)).await;
    let pause = [
        ("target", "step:order-to-erp/push"),
        ("reason", "ERP maintenance"),
        ("until", "at"),
        ("at", "2026-06-04T09:00"),
    ];
    server.operator().await.post("/workflows/order-to-erp/pause", &pause).await.expect(303);
    assert_eq!(server.json("/components/erp-sync").await["state"], "paused");
    assert_eq!(server.json("/components/price-list").await["affected_by"]["id"], "erp-sync");
    assert_eq!(server.json("/workflows/pricing").await["affected_by"]["id"], "erp-sync");
}

async fn a_what_if_of_something_unknown_is_404(server: TestServer) {
    server.stranger().get("/api/v1/components/nothing?suppose=down").await.expect(401);
    server.program(&server.read).get("/api/v1/components/nothing?suppose=down").await.problem(404);
    server.viewer().await.get("/components/nothing?suppose=down").await.expect(404);
}

async fn supposing_anything_but_down_is_422(server: TestServer) {
    let problem = server.program(&server.read).get("/api/v1/components/erp?suppose=up").await.problem(422);
    assert_eq!(problem["detail"], "What can be supposed of a component is \"down\", not \"up\".");
    server.viewer().await.get("/components/erp?suppose=up").await.expect(422);
}

async fn what_a_component_needs_and_is_not_there_is_a_broken_link(server: TestServer) {
    let ghost = "kind: component\nid: till\nname: Till\ntype: service\ndepends_on:\n  - { id: ghost, mode: sync }\n";
    server.shelf.write("till.yaml", ghost);
    server.take_over_the_book().await;
    let needs = server.json("/components/till").await["depends_on"][0].clone();
    assert_eq!((&needs[0]["id"], &needs[1]), (&json!("ghost"), &Value::Null));
    let page = server.viewer().await.page("/components/till").await;
    let tags = html::tags(&page);
    assert!(tags.iter().all(|t| t.get("href") != Some("/components/ghost")));
    assert!(tags.iter().any(|t| t.get("class") == Some("broken-link")));
    assert!(html::words(&page).contains("ghost (component \"ghost\" does not exist)"));
}
