//! `/subjects/{type}/{key}`: everything about one order across workflows, what systems hold of it, and where they
//! disagree.

use std::collections::BTreeMap;

use app::model::problem::Claim;
use serde_json::{Value, json};
use watchbook::judging::records;

use crate::support::shelf::{Step, Workflow};
use crate::support::{TestServer, With, at, encoded, html, on_both_databases, step};

on_both_databases![
    the_runs_of_a_subject_are_one_story_across_workflows,
    a_story_is_folded_to_what_one_would_tell_another,
    runs_are_joined_by_correlation_and_trace_and_say_so,
    what_everything_has_in_common_joins_nothing,
    the_worst_run_says_where_a_subject_stands_and_what_to_do,
    a_known_failure_leads_to_the_section_that_it_names,
    a_subject_without_a_type_stands_under_a_dash,
    a_cloud_event_brings_what_joins_it,
    the_newest_record_of_each_system_is_kept_whatever_arrives_when,
    a_record_that_cannot_be_taken_is_refused_by_its_field,
    systems_that_disagree_too_long_are_a_mismatch_until_they_agree,
    a_mismatch_is_a_problem_that_ends_when_the_systems_agree,
    forty_orders_that_disagree_are_one_claim,
    small_differences_are_none,
    another_comparison_in_the_book_is_made_at_once,
    a_subject_page_is_live,
    a_run_and_lists_of_runs_lead_to_the_subject,
];

fn parcel(run: &str, id: &str, state: &str, time: &str) -> Value {
    step(run, id, state, time).with("workflow", "parcels")
}

fn texts(subject: &Value) -> Vec<&str> {
    subject["story"].as_array().unwrap().iter().map(|line| line["text"].as_str().unwrap()).collect()
}

async fn the_runs_of_a_subject_are_one_story_across_workflows(server: TestServer) {
    server.at("08:10");
    server
        .post_events(json!([
            step("10482", "take", "succeeded", "08:00").with("subject", "order/10482"),
            parcel("p-1", "pack", "running", "08:02").with("subject", "order/10482"),
            step("10482", "reserve", "succeeded", "08:01").with("subject", "order/10482"),
            parcel("p-1", "pack", "succeeded", "08:05").with("subject", "order/10482"),
            step("10483", "take", "succeeded", "08:00").with("subject", "order/10483"),
        ]))
        .await;
    let subject = server.json("/subjects/order/10482").await;
    assert_eq!(
        (&subject["subject"], &subject["type"], &subject["key"]),
        (&json!("order/10482"), &json!("order"), &json!("10482"))
    );
    assert_eq!(texts(&subject), ["Take the order finished", "Reserve stock finished", "pack finished after 3 min"]);
    let workflows: Vec<_> =
        subject["story"].as_array().unwrap().iter().map(|l| l["workflow_name"].as_str().unwrap()).collect();
    assert_eq!(workflows, ["Order to ERP", "Order to ERP", "parcels"]);
    assert_eq!((&subject["state"], subject["runs"].as_array().unwrap().len()), (&json!("on_track"), 2));
    let page = server.viewer().await.page("/subjects/order/10482").await;
    assert_eq!(html::title(&page), "On track: order/10482 · Watchbook");
    let words = html::words(&page);
    assert!(words.contains("Last status") && words.contains("pack finished after 3 min"), "{words}");
}

async fn a_story_is_folded_to_what_one_would_tell_another(server: TestServer) {
    server.at("08:30");
    let refused = json!({"code": "503", "message": "refused"});
    let mut events = Vec::new();
    for attempt in 1..=5 {
        let time = format!("08:0{attempt}");
        let next = at("08:29").to_string();
        events.push(step("1", "push", "running", &time).with("attempt", attempt));
        let failed = step("1", "push", "failed", &format!("{time}:30")).with("attempt", attempt);
        events.push(failed.with("error", refused.clone()).with("next_attempt_at", next));
    }
    events.push(step("1", "push", "succeeded", "08:29").with("attempt", 6));
    let events: Vec<_> = events.into_iter().map(|e| e.with("subject", "order/1")).collect();
    server.post_events(events).await;
    let subject = server.json("/subjects/order/1").await;
    assert_eq!(texts(&subject), ["Push to ERP failed 5 times: 503 refused", "Push to ERP finished, try 6"]);
    assert_eq!(
        (&subject["story"][0]["times"], &subject["story"][0]["until"]),
        (&json!(5), &json!("2026-06-04T08:05:30Z"))
    );
}

fn joined(subject: &Value) -> BTreeMap<String, Value> {
    let runs = subject["runs"].as_array().unwrap();
    runs.iter().map(|r| (r["run"].as_str().unwrap().to_owned(), r["joined_by"].clone())).collect()
}

async fn runs_are_joined_by_correlation_and_trace_and_say_so(server: TestServer) {
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    server
        .post_events(json!([
            step("1", "take", "running", "08:00").with("subject", "order/1").with("correlation", "basket-7"),
            step("2", "take", "running", "08:00").with("subject", "order/2").with("correlation", "basket-7"),
            parcel("3", "pack", "running", "08:00").with("trace", format!("00-{trace}-00f067aa0ba902b7-01")),
            step("4", "take", "running", "08:00").with("subject", "order/4").with("correlation", "basket-8"),
        ]))
        .await;
    // The trace is told later, by another system, and joins what was told before.
    server.post_events(step("2", "reserve", "running", "08:01").with("trace", trace)).await;
    let expected = [("1", Value::Null), ("2", json!("correlation basket-7")), ("3", json!(format!("trace {trace}")))];
    let subject = server.json("/subjects/order/1").await;
    assert_eq!(joined(&subject), expected.into_iter().map(|(run, by)| (run.to_owned(), by)).collect());
    let words = html::words(&server.viewer().await.page("/subjects/order/1").await);
    assert!(words.contains("by correlation basket-7"), "{words}");
    // How its own run stands is not said by another order's.
    let status: Vec<_> = subject["workflows"].as_array().unwrap().iter().map(|w| (&w["workflow"], &w["run"])).collect();
    assert!(status.contains(&(&json!("order-to-erp"), &json!("1"))), "{status:?}");
    assert_eq!(joined(&server.json("/subjects/order/4").await).len(), 1);
}

async fn what_everything_has_in_common_joins_nothing(server: TestServer) {
    let runs: Vec<_> = (0..60)
        .map(|i| {
            step(&i.to_string(), "take", "running", "08:00")
                .with("subject", format!("order/{i}"))
                .with("correlation", "import")
        })
        .collect();
    server.post_events(runs).await;
    assert_eq!(joined(&server.json("/subjects/order/7").await).len(), 1);
    // A subject itself may have any number of runs: the newest are told, and it says that there are more.
    let all: Vec<_> = (0..60)
        .map(|i| parcel(&format!("p{i}"), "pack", "running", "08:00").with("subject", "warehouse/main"))
        .collect();
    server.post_events(all).await;
    let subject = server.json("/subjects/warehouse/main").await;
    let runs = joined(&subject);
    assert_eq!((runs.len(), &subject["more_runs"]), (50, &json!(true)));
    assert!(runs.contains_key("p59") && !runs.contains_key("p9"));
}

async fn the_worst_run_says_where_a_subject_stands_and_what_to_do(server: TestServer) {
    let refused = json!({"code": "503", "message": "refused"});
    server
        .post_events(json!([
            step("1", "push", "failed", "08:00").with("attempt", 3).with("error", refused).with("subject", "order/1"),
            parcel("p-1", "pack", "running", "08:00").with("subject", "order/1"),
        ]))
        .await;
    let subject = server.json("/subjects/order/1").await;
    assert_eq!(
        (&subject["state"], &subject["sentence"]),
        (&json!("broken"), &json!("Order to ERP: Push to ERP failed 3 times, last 08:00: 503 refused."))
    );
    let trouble = &subject["trouble"][0];
    assert_eq!((&trouble["run"], &trouble["runbook"]["slug"]), (&json!("1"), &json!("erp-refuses-orders")));
    let page = server.viewer().await.page("/subjects/order/1").await;
    assert!(html::words(&page).contains("Call the duty desk."));
}

async fn a_known_failure_leads_to_the_section_that_it_names(server: TestServer) {
    let point = "{ id: no-stock, when: { code: \"409\" }, effect: Orders wait., action: \"runbook:stock-runs-low#do-this-now\" }";
    server.shelf.push_is_now(Step::new("push", "Push to ERP").says(&format!("failure_points: [{point}]")));
    server.take_over_the_book().await;
    assert_eq!(server.app.worlds.now().book_errors, Vec::<String>::new());
    let failed = |run: &str, code: &str| {
        let error = json!({"code": code, "message": "refused"});
        step(run, "push", "failed", "08:00").with("error", error).with("subject", format!("order/{run}"))
    };
    server.post_events(json!([failed("1", "409"), failed("2", "500")])).await;
    for (run, slug) in [("1", "stock-runs-low"), ("2", "erp-refuses-orders")] {
        let subject = server.json(&format!("/subjects/order/{run}")).await;
        assert_eq!(subject["trouble"][0]["runbook"]["slug"], slug, "{subject}");
    }
}

async fn a_subject_without_a_type_stands_under_a_dash(server: TestServer) {
    for (text, path) in
        [("10482", "/subjects/-/10482"), ("order/", "/subjects/-/order%2F"), ("a/b/c", "/subjects/a/b%2Fc")]
    {
        server.post_events(step(text, "take", "running", "08:00").with("subject", text)).await;
        assert_eq!(server.json(path).await["subject"], text);
        let page = server.viewer().await.page(&format!("/runs/order-to-erp/{}", encoded(text))).await;
        assert!(html::tags(&page).iter().any(|t| t.get("href") == Some(path)), "{path}");
    }
    // The text under a dash is the same thing as its type and key.
    assert_eq!(server.json("/subjects/-/a%2Fb%2Fc").await["type"], "a");
}

async fn a_cloud_event_brings_what_joins_it(server: TestServer) {
    let event = |id: &str, run: &str, subject: &str, more: Value| {
        let mut event = json!({"specversion": "1.0", "id": id, "source": "shop", "type": "com.example.order",
            "subject": subject, "correlationid": "basket-7", "bampid": "order-to-erp", "bamtxid": run,
            "bamptxsid": "take", "bamptxsstatus": "waiting"});
        for (field, value) in more.as_object().unwrap() {
            event[field] = value.clone();
        }
        event.to_string()
    };
    let kind = "application/cloudevents+json";
    server.send(kind, &[], event("1", "1", "order/1", json!({}))).await.expect(202);
    server.send(kind, &[], event("2", "2", "order/2", json!({}))).await.expect(202);
    assert_eq!(joined(&server.json("/subjects/order/1").await)["2"], "correlation basket-7");
    let record = json!({"specversion": "1.0", "id": "3", "source": "erp", "type": "com.example.erp.record",
        "subject": "order/1", "data": {"system": "erp", "fields": {"status": "paid"}}});
    server.send(kind, &[], record.to_string()).await.expect(202);
    assert_eq!(server.json("/subjects/order/1").await["systems"][0]["fields"][0]["value"], "paid");
}

fn record(system: &str, order: &str, status: &str, time: &str) -> Value {
    json!({"type": "record", "system": system, "subject": format!("order/{order}"), "as_of": at(time).to_string(),
        "time": at(time).to_string(), "fields": {"status": status}})
}

async fn the_newest_record_of_each_system_is_kept_whatever_arrives_when(server: TestServer) {
    server.at("08:30");
    let events = [
        record("erp", "1", "open", "08:00"),
        record("erp", "1", "paid", "08:10").with("version", 9),
        record("erp", "1", "sent", "08:10").with("version", 10),
        record("erp", "1", "late word", "08:05"),
        record("shop", "1", "paid", "08:01"),
    ];
    // In one commit, and again one by one, backwards: the same stands.
    server.post_events(events.to_vec()).await;
    let systems = server.json("/subjects/order/1").await["systems"].clone();
    assert_eq!(systems[0]["fields"], json!([{"field": "status", "value": "sent", "differs_since": null}]));
    assert_eq!((&systems[0]["version"], &systems[0]["as_of"]), (&json!("10"), &json!("2026-06-04T08:10:00Z")));
    for event in events.into_iter().rev() {
        let mut event = event;
        event["subject"] = "order/2".into();
        server.post_events(event).await;
    }
    assert_eq!(server.json("/subjects/order/2").await["systems"], systems);
    let words = html::words(&server.viewer().await.page("/subjects/order/1").await);
    assert!(words.contains("status sent") && words.contains("as of 08:10"), "{words}");
    assert!(words.contains("No run about it has been heard of"), "{words}");
}

async fn a_record_that_cannot_be_taken_is_refused_by_its_field(server: TestServer) {
    let good = record("erp", "1", "paid", "08:00");
    let answer = server
        .send_events(&json!([
            good.clone().with("subject", "10482"),
            good.clone().with("system", Value::Null),
            good.clone().with("fields", json!({"lines": [1]})),
            good,
        ]))
        .await
        .expect(202)
        .json();
    let fields: Vec<_> = answer["errors"].as_array().unwrap().iter().map(|e| e["field"].as_str().unwrap()).collect();
    assert_eq!((&answer["accepted"], fields), (&json!(1), vec!["subject", "system", "fields.lines"]));
}

fn payments(agree: &str) -> String {
    Workflow::new("payments", "Payments").says("subject: order").says(agree).step(Step::new("pay", "Pay")).yaml()
}

const AGREE: &str = "agree: [{ systems: [shop, erp], fields: [status, total], tolerance: 1%, within: 10m }]";

async fn with_payments(server: &TestServer, agree: &str) {
    server.shelf.write("payments.yaml", &payments(agree));
    server.take_over_the_book().await;
    assert_eq!(server.app.worlds.now().book_errors, Vec::<String>::new());
}

async fn claims(server: &TestServer) -> Vec<Claim> {
    records::claims(&server.app, &server.app.worlds.now(), server.app.now()).await.unwrap()
}

async fn systems_that_disagree_too_long_are_a_mismatch_until_they_agree(server: TestServer) {
    with_payments(&server, AGREE).await;
    server.post_events(json!([record("erp", "1", "open", "07:50"), record("shop", "1", "paid", "08:00")])).await;
    let subject = server.json("/subjects/order/1").await;
    assert_eq!(subject["systems"][0]["fields"][0]["differs_since"], "2026-06-04T08:00:00Z");
    assert_eq!((&subject["state"], &subject["trouble"]), (&Value::Null, &json!([])));
    server.at("08:09:59");
    assert_eq!(claims(&server).await, []);
    server.at("08:10");
    let claimed = claims(&server).await.remove(0);
    assert_eq!((claimed.place.to_string().as_str(), claimed.cause.as_str()), ("workflow:payments", "shop/erp status"));
    assert_eq!((claimed.count, claimed.subjects, claimed.since), (1, vec!["order/1".to_owned()], at("08:00")));
    assert_eq!(claimed.sentence, "shop and ERP disagree on status of order/1 since 08:00.");
    let subject = server.json("/subjects/order/1").await;
    assert_eq!(
        (&subject["state"], &subject["trouble"][0]["sentence"]),
        (&json!("late"), &json!("shop and ERP disagree on status since 08:00."))
    );
    // Words of before change nothing, and a newer one that still differs does not begin it anew.
    server.post_events(json!([record("erp", "1", "paid", "07:40"), record("shop", "1", "sent", "08:09")])).await;
    assert_eq!(claims(&server).await[0].since, at("08:00"));
    server.post_events(record("erp", "1", "sent", "08:10")).await;
    assert_eq!(claims(&server).await, []);
    assert_eq!(server.json("/subjects/order/1").await["systems"][0]["fields"][0]["differs_since"], Value::Null);
}

async fn a_mismatch_is_a_problem_that_ends_when_the_systems_agree(server: TestServer) {
    with_payments(&server, AGREE).await;
    server.post_events(json!([record("erp", "1", "open", "08:00"), record("shop", "1", "paid", "08:00")])).await;
    server.strike_at("08:10").await;
    let open = server.json("/problems?open=1").await["items"].as_array().unwrap().clone();
    let problem = open.iter().find(|p| p["kind"] == "mismatch").unwrap();
    assert_eq!(problem["sentence"], "shop and ERP disagree on status of order/1 since 08:00.");
    server.at("08:20");
    server.post_events(record("erp", "1", "paid", "08:20")).await;
    server.strike_at("08:20").await;
    let over = server.json(&format!("/problems/{}", problem["id"])).await;
    assert_eq!((&over["ended"], &over["ended_at"]), (&json!("by_itself"), &json!("2026-06-04T08:20:00Z")));
}

async fn forty_orders_that_disagree_are_one_claim(server: TestServer) {
    with_payments(&server, AGREE).await;
    let events: Vec<_> = (100..140)
        .flat_map(|i| [record("shop", &i.to_string(), "paid", "08:00"), record("erp", &i.to_string(), "open", "08:00")])
        .collect();
    server.post_events(events).await;
    server.at("08:30");
    let claimed = claims(&server).await;
    assert_eq!((claimed.len(), claimed[0].count, claimed[0].subjects.len()), (1, 40, 5));
    assert_eq!(
        claimed[0].sentence,
        "shop and ERP disagree on status in 40 cases, the oldest since 08:00: order/100, order/101, order/102, order/103, order/104 and 35 more."
    );
}

async fn small_differences_are_none(server: TestServer) {
    with_payments(&server, AGREE).await;
    let total = |system: &str, order: &str, total: f64| {
        let mut event = record(system, order, "paid", "08:00");
        event["fields"]["total"] = total.into();
        event
    };
    server
        .post_events(json!([
            total("shop", "1", 100.0),
            total("erp", "1", 99.5),
            total("shop", "2", 100.0),
            total("erp", "2", 98.0)
        ]))
        .await;
    server.at("08:30");
    let claimed = claims(&server).await;
    assert_eq!(
        claimed.iter().map(|c| (c.cause.as_str(), c.subjects.join(" "))).collect::<Vec<_>>(),
        [("shop/erp total", "order/2".to_owned())]
    );
}

async fn another_comparison_in_the_book_is_made_at_once(server: TestServer) {
    with_payments(&server, "agree: []").await;
    server.post_events(json!([record("shop", "1", "paid", "08:00"), record("erp", "1", "open", "08:00")])).await;
    server.at("08:30");
    assert_eq!(claims(&server).await, []);
    with_payments(&server, AGREE).await;
    assert_eq!(claims(&server).await.len(), 1);
    with_payments(&server, &AGREE.replace("status, total", "total")).await;
    assert_eq!(claims(&server).await, []);
    with_payments(&server, AGREE).await;
    assert_eq!(claims(&server).await.len(), 1);
    with_payments(&server, "agree: []").await;
    assert_eq!(claims(&server).await, []);
    assert_eq!(server.json("/subjects/order/1").await["systems"][0]["fields"][0]["differs_since"], Value::Null);
}

async fn a_subject_page_is_live(server: TestServer) {
    server.post_events(step("1", "take", "running", "08:00").with("subject", "order/1")).await;
    let viewer = server.viewer().await;
    let mut stream = viewer.stream("/live?topics=subject%3Aorder%2F1").await;
    assert_eq!(stream.status(), 200);
    let mut next = async || {
        let mut read = Vec::new();
        while !read.ends_with(b"\n\n") {
            read.extend(stream.chunk().await.unwrap().expect("a whole picture"));
        }
        String::from_utf8(read).unwrap()
    };
    assert!(next().await.contains("Take the order started"));
    server.post_events(step("1", "take", "succeeded", "08:00:30")).await;
    assert!(next().await.contains("Take the order finished after 30 s"));
    viewer.get("/live?topics=subject%3Aorder%2Fnone").await.problem(404);
}

async fn a_run_and_lists_of_runs_lead_to_the_subject(server: TestServer) {
    server.post_events(step("10482", "take", "running", "08:00").with("subject", "order/10482")).await;
    let viewer = server.viewer().await;
    for path in ["/runs/order-to-erp/10482", "/workflows/order-to-erp/runs", "/workflows/order-to-erp"] {
        let page = viewer.page(path).await;
        assert!(html::tags(&page).iter().any(|t| t.get("href") == Some("/subjects/order/10482")), "{path}");
    }
}
