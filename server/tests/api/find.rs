//! `/find`: anything by id, name or words.

use serde_json::{Value, json};

use crate::support::{TestServer, With, html, on_both_databases, step};

on_both_databases![
    an_exact_id_goes_straight_to_the_thing,
    words_find_workflows_steps_components_and_documents,
    a_run_is_found_by_what_it_is_about,
    a_bare_number_goes_to_the_only_run_or_to_the_subject_of_several,
    a_bare_key_of_two_subjects_is_a_choice,
    the_same_run_in_two_workflows_is_a_choice,
    what_is_not_found_says_so_and_keeps_the_words,
    nothing_asked_is_an_empty_box,
    any_text_may_be_asked,
];

async fn an_exact_id_goes_straight_to_the_thing(server: TestServer) {
    server.post_events(step("10482", "take", "running", "08:00")).await;
    let viewer = server.viewer().await;
    for (asked, there) in [
        ("10482", "/runs/order-to-erp/10482"),
        ("%2010482%20", "/runs/order-to-erp/10482"),
        ("order-to-erp", "/workflows/order-to-erp"),
        ("erp-sync", "/components/erp-sync"),
        ("stock-runs-low", "/runbooks/stock-runs-low"),
    ] {
        assert_eq!(viewer.get(&format!("/find?q={asked}")).await.expect(303).header("location"), there);
    }
    let found = server.json("/find?q=10482").await;
    assert_eq!((&found["query"], &found["items"][0]["kind"]), (&json!("10482"), &json!("run")));
    assert_eq!(found["items"][0]["name"], "Order to ERP 10482");
}

async fn words_find_workflows_steps_components_and_documents(server: TestServer) {
    let found = server.json("/find?q=erp").await;
    let items: Vec<_> = found["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|i| (i["kind"].as_str().unwrap(), i["name"].as_str().unwrap()))
        .collect();
    for expected in [
        ("component", "ERP"),
        ("component", "ERP sync"),
        ("workflow", "Order to ERP"),
        ("step", "Push to ERP"),
        ("decision", "Put a queue before the ERP."),
    ] {
        assert!(items.contains(&expected), "{expected:?} is not in {items:?}");
    }
    assert!(items.iter().any(|(kind, name)| *kind == "runbook" && name.starts_with("ERP refuses orders")), "{items:?}");
    assert_eq!(items[0], ("component", "ERP"));
    let both = server.json("/find?q=duty+desk").await;
    assert_eq!(both["items"].as_array().unwrap().len(), 1);
    let item = &both["items"][0];
    assert_eq!((&item["kind"], &item["href"]), (&json!("runbook"), &json!("/runbooks/erp-refuses-orders#do-this-now")));
    let marked: Vec<_> =
        item["snippet"].as_array().unwrap().iter().filter(|s| s[1] == true).map(|s| s[0].clone()).collect();
    assert_eq!(marked, [json!("duty"), json!("desk")]);
}

async fn a_run_is_found_by_what_it_is_about(server: TestServer) {
    server.post_events(step("1", "take", "running", "08:00").with("subject", "order/10482")).await;
    server.post_events(step("2", "take", "running", "08:00").with("subject", "order/10482")).await;
    let found = server.json("/find?q=order/10482").await;
    let runs: Vec<_> = found["items"].as_array().unwrap().iter().map(|i| i["href"].as_str().unwrap()).collect();
    assert_eq!(runs, ["/subjects/order/10482", "/runs/order-to-erp/2", "/runs/order-to-erp/1"]);
    let there = server.viewer().await.get("/find?q=order/10482").await.expect(303);
    assert_eq!(there.header("location"), "/subjects/order/10482");
}

async fn straight_to(server: &TestServer, asked: &str) -> String {
    let answer = server.viewer().await.get(&format!("/find?q={asked}")).await;
    if answer.status == 303 { answer.header("location").to_owned() } else { String::new() }
}

async fn a_bare_number_goes_to_the_only_run_or_to_the_subject_of_several(server: TestServer) {
    server.post_events(step("10482", "take", "running", "08:00").with("subject", "order/10482")).await;
    assert_eq!(straight_to(&server, "10482").await, "/runs/order-to-erp/10482");
    let parcel = step("parcel-10482", "pack", "running", "08:00").with("workflow", "parcels");
    server.post_events(parcel.with("subject", "order/10482")).await;
    assert_eq!(straight_to(&server, "10482").await, "/subjects/order/10482");
    // Another run with this id, of another thing: somebody has to choose.
    server.post_events(step("10482", "sync", "running", "08:00").with("workflow", "stock-sync")).await;
    assert_eq!(straight_to(&server, "10482").await, "");
}

async fn a_bare_key_of_two_subjects_is_a_choice(server: TestServer) {
    server.post_events(step("a", "take", "running", "08:00").with("subject", "order/512")).await;
    assert_eq!(straight_to(&server, "512").await, "/subjects/order/512");
    let record = json!({"type": "customer", "key": "512", "system": "crm", "fields": {"name": "Ada"}});
    server.post_events(record).await;
    assert_eq!(straight_to(&server, "512").await, "");
    let found = server.json("/find?q=512").await;
    let names: Vec<_> = found["items"].as_array().unwrap().iter().map(|i| i["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["customer/512", "order/512"]);
}

async fn the_same_run_in_two_workflows_is_a_choice(server: TestServer) {
    server.post_events(step("7", "take", "running", "08:00")).await;
    server.post_events(step("7", "sync", "running", "08:00").with("workflow", "stock-sync")).await;
    let page = server.viewer().await.page("/find?q=7").await;
    let words = html::words(&page);
    assert!(words.contains("Order to ERP 7") && words.contains("Stock sync 7"), "{words}");
}

async fn what_is_not_found_says_so_and_keeps_the_words(server: TestServer) {
    let page = server.viewer().await.page("/find?q=banana+split").await;
    assert_eq!(html::title(&page), "Find: banana split · Watchbook");
    assert!(html::forms(&page, "/find").iter().any(|f| f.get("q") == Some("banana split")));
    assert_eq!(server.json("/find?q=banana+split").await["items"], json!([]));
}

async fn nothing_asked_is_an_empty_box(server: TestServer) {
    for path in ["/find", "/find?q=", "/find?q=%20"] {
        assert_eq!(server.json(path).await, json!({"query": "", "items": []}), "{path}");
        server.viewer().await.page(path).await;
    }
}

async fn any_text_may_be_asked(server: TestServer) {
    let long = "x".repeat(5_000);
    for asked in ["%00", "%25", "a%00b", "%27%3B--", "%5C", "%F0%9F%8D%95", "İ", "ß", &long] {
        let found = server.json(&format!("/find?q={asked}")).await;
        assert_eq!(found["items"], Value::Array(Vec::new()), "{asked}");
    }
}
