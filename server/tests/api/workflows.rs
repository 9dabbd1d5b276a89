//! `/workflows` and `/workflows/{id}`: where each stands, what is declared and what was seen, what to do.

use serde_json::{Value, json};

use crate::support::shelf::{Step, erp_refuses_orders};
use crate::support::{TestServer, With, html, on_both_databases, step};

on_both_databases![
    the_list_has_every_workflow_worst_first,
    one_workflow_tells_what_is_declared_and_what_was_seen,
    one_workflow_answers_the_five_questions_from_the_book,
    the_page_says_where_it_is_broken_and_what_to_do_first,
    now_sums_up_and_says_what_needs_somebody,
    an_unknown_workflow_is_404_and_offers_find,
    what_a_step_names_and_is_not_there_is_a_broken_link,
];

async fn the_list_has_every_workflow_worst_first(server: TestServer) {
    server.post_events(step("1", "push", "failed", "08:00").with("attempt", 3)).await;
    server.post_events(step("1", "sync", "running", "08:00").with("workflow", "stock-sync")).await;
    let list = server.json("/workflows").await;
    let items = list["items"].as_array().unwrap();
    let told: Vec<_> = items.iter().map(|w| (w["id"].as_str().unwrap(), w["state"].as_str().unwrap())).collect();
    assert_eq!(told, [("order-to-erp", "broken"), ("nightly-export", "no_signal"), ("stock-sync", "on_track")]);
    let first = &items[0];
    assert_eq!((&first["name"], &first["waiting"], &list["next"]), (&json!("Order to ERP"), &json!(1), &Value::Null));
    assert_eq!((&first["trust"], &first["runbooks"]), (&json!("never_reviewed"), &json!(["erp-refuses-orders"])));
    assert_eq!(
        (&first["since"], &first["oldest_at"]),
        (&json!("2026-06-04T08:00:00Z"), &json!("2026-06-04T08:00:00Z"))
    );
    let page = html::words(&server.viewer().await.page("/workflows").await);
    let places = ["Order to ERP", "Nightly export", "Stock sync"].map(|name| page.find(name).expect(name));
    assert!(places.is_sorted(), "{page}");
}

async fn one_workflow_tells_what_is_declared_and_what_was_seen(server: TestServer) {
    for (name, time) in [("take", "08:00"), ("push", "08:01"), ("wrap", "08:02")] {
        server.post_events(step("1", name, "succeeded", time)).await;
    }
    let page = server.json("/workflows/order-to-erp").await;
    assert_eq!((&page["state"], &page["facts"][3]), (&json!("on_track"), &json!(["Who depends on it", "order-desk"])));
    assert_eq!(
        page["declared"],
        json!({"steps": ["take", "reserve", "push"], "edges": [["take", "reserve"], ["reserve", "push"]]})
    );
    let seen = |name: &str, time: &str| json!({"step": name, "visits": 1, "first_seen": time, "last_seen": time});
    assert_eq!(
        page["observed"],
        json!({
            "runs": 1, "events": 3,
            "steps": [seen("push", "2026-06-04T08:01:00Z"), seen("take", "2026-06-04T08:00:00Z"), seen("wrap", "2026-06-04T08:02:00Z")],
            "edges": [
                {"from": "push", "to": "wrap", "count": 1, "last_seen": "2026-06-04T08:02:00Z"},
                {"from": "take", "to": "push", "count": 1, "last_seen": "2026-06-04T08:01:00Z"},
            ],
            "starts": [{"step": "take", "count": 1}],
            "ends": [{"step": "wrap", "count": 1}],
        })
    );
    let edges: Vec<_> =
        page["edges"].as_array().unwrap().iter().map(|e| (&e["from"], &e["to"], &e["declared"], &e["count"])).collect();
    assert_eq!(
        edges,
        [
            (&json!("take"), &json!("reserve"), &json!(true), &json!(0)),
            (&json!("reserve"), &json!("push"), &json!(true), &json!(0)),
            (&json!("push"), &json!("wrap"), &json!(false), &json!(1)),
            (&json!("take"), &json!("push"), &json!(false), &json!(1)),
        ]
    );
}

async fn one_workflow_answers_the_five_questions_from_the_book(server: TestServer) {
    let questions = &server.json("/workflows/order-to-erp").await["questions"];
    assert_eq!(questions["works"], "3 steps: Take the order, Reserve stock, Push to ERP. No run was seen yet.");
    assert_eq!(
        questions["fails"],
        json!([
            ["Push to ERP: erp refuses", "Orders pile up."],
            ["Push to ERP", "If it is skipped: The warehouse never sees the order."]
        ])
    );
    assert_eq!(questions["depends"], "order-desk.");
    assert_eq!(questions["next"], "Each run ends within 2 h.");
    assert_eq!(questions["purpose"], "Orders must be in the ERP before the warehouse picks.");
    assert_eq!(questions["decisions"][0]["decided"], "Put a queue before the ERP.");
    // What the book does not say is shown as a gap, not left out.
    let page = html::words(&server.viewer().await.page("/workflows/stock-sync").await);
    assert!(page.contains("Not written yet"), "{page}");
}

async fn the_page_says_where_it_is_broken_and_what_to_do_first(server: TestServer) {
    let silent = html::words(&server.viewer().await.page("/workflows/order-to-erp").await);
    assert!(silent.contains("The 3 steps") && !silent.contains("Where it is stuck"), "{silent}");
    let steps = "- [ ] Look at the queue.\n- [ ] Wait.\n- [ ] Call.\n- [ ] Write it down.\n- [ ] Go home.";
    let longer = erp_refuses_orders().where_section("Do this now", steps);
    server.shelf.write("erp-refuses-orders.md", &longer.markdown());
    server.take_over_the_book().await;
    let broken = step("10482", "push", "failed", "08:00").with("attempt", 3).with("error", json!({"code": "503"}));
    server.post_events(broken).await;
    let page = server.viewer().await.page("/workflows/order-to-erp").await;
    assert_eq!(html::title(&page), "Broken: Order to ERP · Watchbook");
    assert_eq!(html::heading(&page), "Order to ERP");
    let words = html::words(&page);
    assert!(words.contains("Push to ERP has failed since 08:00 (503). 1 order is waiting."), "{words}");
    assert!(words.contains("Look at the queue.") && words.contains("Where it is stuck"), "{words}");
    let trouble = server.json("/workflows/order-to-erp").await["trouble"][0].clone();
    assert_eq!((&trouble["runbook"]["steps"][2], &trouble["runbook"]["more"]), (&json!("Call."), &json!(2)));
    let links: Vec<_> = html::tags(&page).iter().filter_map(|t| t.get("href").map(str::to_owned)).collect();
    for link in ["/runbooks/erp-refuses-orders#do-this-now", "/workflows/order-to-erp/runs?state=failed&step=push"] {
        assert!(links.iter().any(|l| l == link), "{link} is not in {links:?}");
    }
}

async fn now_sums_up_and_says_what_needs_somebody(server: TestServer) {
    let quiet = server.json("/now").await;
    assert_eq!(
        quiet["sentence"],
        "3 workflows need a look. Nothing is known to be broken, 0 on track, no source has reported yet."
    );
    server.post_events(step("1", "push", "failed", "08:00").with("attempt", 3)).await;
    server.post_events(step("1", "sync", "running", "08:00").with("workflow", "stock-sync")).await;
    let now = server.json("/now").await;
    assert_eq!(
        now["sentence"],
        "1 workflow needs a person. 1 more needs a look, 1 on track, the one source reporting."
    );
    assert_eq!((&now["state"], &now["checked_at"]), (&json!("broken"), &json!("2026-06-04T08:00:00Z")));
    let page = html::words(&server.viewer().await.page("/").await);
    // What the title says is not said again below it.
    assert_eq!(page.matches("1 workflow needs a person").count(), 1, "{page}");
    assert!(page.contains("1 workflow needs a person 1 more needs a look, 1 on track"), "{page}");
}

async fn an_unknown_workflow_is_404_and_offers_find(server: TestServer) {
    let problem = server.program(&server.read).get("/api/v1/workflows/order-to-erb").await.problem(404);
    assert_eq!(problem["title"], "There is no workflow \"order-to-erb\"");
    let page = server.viewer().await.get("/workflows/order-to-erb").await.expect(404).text;
    let find = html::forms(&page, "/find");
    assert!(find.iter().any(|form| form.get("q") == Some("order-to-erb")), "{find:?}");
}

async fn what_a_step_names_and_is_not_there_is_a_broken_link(server: TestServer) {
    let push = Step::new("push", "Push to ERP")
        .says("component: nobody")
        .says("via: no-queue")
        .says("failure_points: [{ id: lost, effect: Lost., action: \"runbook:erp-refuses-orders#gone\" }]");
    server.shelf.push_is_now(push);
    server.take_over_the_book().await;
    let workflow = server.json("/workflows/order-to-erp").await;
    let gone = json!(["component:no-queue", "component:nobody", "runbook:erp-refuses-orders#gone"]);
    assert_eq!(workflow["steps"][2]["missing"], gone);
    assert_eq!(workflow["steps"][0]["missing"], json!([]));
    assert_eq!(workflow["questions"]["missing"], json!(["component:no-queue", "component:nobody"]));
    let page = server.viewer().await.page("/workflows/order-to-erp").await;
    let tags = html::tags(&page);
    let leads = |to: &str| tags.iter().any(|t| t.get("href") == Some(to));
    for nowhere in ["/components/nobody", "/components/no-queue", "/runbooks/erp-refuses-orders#gone"] {
        assert!(!leads(nowhere), "{nowhere} leads to nothing");
    }
    assert!(leads("/components/web-shop"));
    // Each stands at its step, and what the workflow needs stands once more among the five questions.
    assert_eq!(tags.iter().filter(|t| t.get("class") == Some("broken-link")).count(), 5);
    let words = html::words(&page);
    assert!(words.contains("nobody (component \"nobody\" does not exist)"), "{words}");
    assert!(words.contains("What to do (runbook \"erp-refuses-orders\" has no section \"gone\")"), "{words}");
}
