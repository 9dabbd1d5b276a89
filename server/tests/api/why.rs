//! `/decisions`, `/workarounds`, `/write` and `/coverage`: why something is as it is, and what nobody has written yet.

use serde_json::{Value, json};

use crate::support::{TestServer, html, on_both_databases};

on_both_databases![
    a_decision_is_written_into_the_book_and_shown_where_it_belongs,
    a_decision_takes_the_place_of_another_and_both_say_so,
    a_decision_without_a_reason_comes_back_with_what_was_typed,
    a_workaround_past_its_date_waits_with_the_reviews_and_is_marked_at_its_step,
    a_workaround_is_needed_longer_or_not_any_more,
    a_new_workaround_asks_for_a_day_and_says_what_is_wrong_with_another,
    every_decision_is_listed_with_whether_it_is_in_force,
    every_workaround_is_listed_and_those_past_their_date_come_first,
    long_lists_of_decisions_are_given_in_pages,
    a_gap_is_filled_where_it_is_shown_and_the_score_falls,
    a_field_means_one_thing_on_paper_and_another_in_practice,
    what_would_break_the_book_is_refused_with_what_was_typed,
    who_may_not_write_is_told_why,
];

const OLD: &str = "\
kind: decision
id: call-directly
about: [workflow:order-to-erp] # for now
date: 2024-01-02
decided: Call the ERP directly.
---
kind: workaround
id: type-by-hand
about: [step:order-to-erp/push]
what: Orders from abroad are typed by hand.
review_by: 2026-05-01
owner: order-desk
";

async fn with_why(server: &TestServer) {
    server.shelf.write("why.yaml", OLD);
    server.take_over_the_book().await;
}

fn file(server: &TestServer, name: &str) -> String {
    std::fs::read_to_string(server.shelf.folder().join(name)).unwrap()
}

async fn a_decision_is_written_into_the_book_and_shown_where_it_belongs(server: TestServer) {
    let editor = server.editor().await;
    let form = editor.page("/decisions/new?about=workflow:order-to-erp").await;
    assert!(form.contains("value=\"workflow:order-to-erp\""), "{form}");
    let typed = [
        ("words", "Put a queue in front."),
        ("why", "It was: slow."),
        ("about", "workflow:order-to-erp"),
        ("supersedes", ""),
    ];
    let sent = editor.post("/decisions/new", &typed).await.expect(303);
    assert_eq!(sent.header("location"), "/decisions/2026-06-put-a-queue-in-front");
    // Decisions stand together.
    let written = file(&server, "components.yaml");
    assert!(written.contains("decided: \"Put a queue in front.\"\nbecause: \"It was: slow.\"\n"), "{written}");
    let words = html::words(&editor.page("/decisions/2026-06-put-a-queue-in-front").await);
    assert!(words.contains("Decided on 2026-06-04, and still so."), "{words}");
    let words = html::words(&editor.page("/workflows/order-to-erp").await);
    assert!(words.contains("Put a queue in front."), "{words}");
}

async fn a_decision_takes_the_place_of_another_and_both_say_so(server: TestServer) {
    with_why(&server).await;
    let editor = server.editor().await;
    let typed = [("words", "Call through a queue"), ("why", "Slow"), ("about", ""), ("supersedes", "call-directly")];
    let new = editor.post("/decisions/new", &typed).await.expect(303).header("location").to_owned();
    assert!(file(&server, "why.yaml").starts_with(OLD), "a decision is never changed");
    let words = html::words(&editor.page("/decisions/call-directly").await);
    assert!(
        words.contains("Another decision took its place on 2026-06-04.") && words.contains("Call through a queue"),
        "{words}"
    );
    assert_eq!(server.json(&new).await["replaces"], json!([["call-directly", "Call the ERP directly."]]));
    let typed = [("words", "Else"), ("why", "Slow"), ("about", ""), ("supersedes", "nothing")];
    editor.post("/decisions/new", &typed).await.expect(422);
}

async fn a_decision_without_a_reason_comes_back_with_what_was_typed(server: TestServer) {
    let editor = server.editor().await;
    let typed = [("words", "Do it <so>"), ("why", " "), ("about", "workflow:order-to-erp"), ("supersedes", "")];
    let refused = editor.post("/decisions/new", &typed).await.expect(422);
    assert!(html::words(&refused.text).contains("Say why: a decision without a reason is asked again."));
    assert!(refused.text.contains("Do it &lt;so>"), "{}", refused.text);
    let wrong = [("words", "Do it"), ("why", "So"), ("about", "nothing at all"), ("supersedes", "")];
    assert!(html::words(&editor.post("/decisions/new", &wrong).await.expect(422).text).contains("is not a reference"));
}

async fn a_workaround_past_its_date_waits_with_the_reviews_and_is_marked_at_its_step(server: TestServer) {
    with_why(&server).await;
    let viewer = server.viewer().await;
    let words = html::words(&viewer.page("/reviews").await);
    assert!(words.contains("Workarounds past their date (1)"), "{words}");
    assert!(words.contains("To be looked at again by 2026-05-01. order-desk."), "{words}");
    let words = html::words(&viewer.page("/workflows/order-to-erp").await);
    assert!(words.contains("workaround past its date") && words.contains("Past its date: 2026-05-01."), "{words}");
    assert_eq!(server.json("/workarounds/type-by-hand").await["overdue"], true);
}

async fn a_workaround_is_needed_longer_or_not_any_more(server: TestServer) {
    with_why(&server).await;
    let editor = server.editor().await;
    for day in ["2026-06-04", "soon", "2026-13-01"] {
        let refused = editor.post("/workarounds/type-by-hand/review", &[("review_by", day)]).await.expect(422);
        assert!(html::words(&refused.text).contains("Choose a day that is still to come."), "{day}");
    }
    editor.post("/workarounds/type-by-hand/review", &[("review_by", "2026-12-01")]).await.expect(303);
    assert_eq!(file(&server, "why.yaml"), OLD.replace("2026-05-01", "2026-12-01"));
    assert!(!html::words(&editor.page("/reviews").await).contains("past their date"));
    editor.post("/workarounds/type-by-hand/remove", &[]).await.expect(303);
    assert_eq!(file(&server, "why.yaml"), OLD.split("---\n").next().unwrap());
    editor.get("/workarounds/type-by-hand").await.expect(404);
    editor.post("/workarounds/type-by-hand/remove", &[]).await.expect(404);
}

async fn a_new_workaround_asks_for_a_day_and_says_what_is_wrong_with_another(server: TestServer) {
    let editor = server.editor().await;
    let form = editor.page("/workarounds/new").await;
    let tag = html::tags(&form).into_iter().find(|tag| tag.get("name") == Some("review_by")).unwrap();
    assert_eq!(tag.get("type"), Some("date"));
    let typed =
        |day| [("words", "Type it <by hand>"), ("why", "Slow"), ("about", ""), ("owner", ""), ("review_by", day)];
    for (day, says) in [
        ("soon", "\"soon\" is not a day, as 2027-03-01 is. Choose a day that is still to come."),
        ("2026-06-04", "Choose a day that is still to come."),
        ("", "Choose a day that is still to come."),
    ] {
        let refused = editor.post("/workarounds/new", &typed(day)).await.expect(422);
        assert!(html::words(&refused.text).contains(says), "{day}");
        assert!(refused.text.contains("Type it &lt;by hand>"), "what was typed comes back: {}", refused.text);
    }
    let sent = editor.post("/workarounds/new", &typed("2026-12-01")).await.expect(303);
    assert_eq!(server.json(sent.header("location")).await["review_by"], "2026-12-01");
}

/// The ids of a list, in its order.
async fn listed(server: &TestServer, path: &str) -> Vec<String> {
    server.every(path).await.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

async fn every_decision_is_listed_with_whether_it_is_in_force(server: TestServer) {
    with_why(&server).await;
    let editor = server.editor().await;
    let typed = [("words", "Call through a queue"), ("why", "Slow"), ("about", ""), ("supersedes", "call-directly")];
    editor.post("/decisions/new", &typed).await.expect(303);
    assert_eq!(
        listed(&server, "/decisions").await,
        ["2026-06-call-through-a-queue", "queue-before-erp", "call-directly"],
        "the newest first"
    );
    let all = server.json("/decisions").await;
    assert_eq!((&all["in_force"], &all["replaced"]), (&json!(2), &json!(1)));
    assert_eq!(all["items"][2]["replaced_by"][0]["id"], "2026-06-call-through-a-queue");
    assert_eq!(all["items"][2]["concerns"], json!([["Order to ERP", "/workflows/order-to-erp"]]));
    let page = editor.page("/decisions").await;
    let words = html::words(&page);
    assert!(words.contains("2 are in force, and 1 was replaced. The newest first."), "{words}");
    assert!(words.contains("Replaced by: Call through a queue."), "{words}");
    assert!(page.contains("href=\"/decisions/new\""), "{page}");
    assert!(editor.page("/decisions/call-directly").await.contains("href=\"/decisions\""), "one leads to all");
    assert!(editor.page("/runbooks").await.contains("href=\"/decisions\""));
}

async fn every_workaround_is_listed_and_those_past_their_date_come_first(server: TestServer) {
    with_why(&server).await;
    assert_eq!(listed(&server, "/workarounds").await, ["type-by-hand", "block-flag"]);
    let all = server.json("/workarounds").await;
    assert_eq!((&all["total"], &all["overdue"]), (&json!(2), &json!(1)));
    assert_eq!((&all["items"][0]["overdue"], &all["items"][1]["overdue"]), (&json!(true), &json!(false)));
    let viewer = server.viewer().await;
    let page = viewer.page("/workarounds").await;
    let words = html::words(&page);
    assert!(words.contains("2 things are done just for now; 1 is past the day on which to look again."), "{words}");
    assert!(words.contains("Past its date: 2026-05-01."), "{words}");
    assert!(words.contains("order-desk") && words.contains("No owner"), "{words}");
    assert!(page.contains("href=\"/workflows/order-to-erp#step-push\""), "the step that it touches is linked");
    assert!(words.contains("Only for editors."), "{words}");
    assert!(viewer.page("/workarounds/type-by-hand").await.contains("href=\"/workarounds\""), "one leads to all");
    std::fs::remove_file(server.shelf.folder().join("why.yaml")).unwrap();
    let components = file(&server, "components.yaml");
    server.shelf.write("components.yaml", components.split("---\nkind: decision").next().unwrap());
    server.take_over_the_book().await;
    for (path, says) in
        [("/workarounds", "No workaround is in the book."), ("/decisions", "No decision is in the book yet.")]
    {
        assert!(html::words(&viewer.page(path).await).contains(says), "{path}");
        assert_eq!(server.json(path).await["items"], json!([]));
    }
}

async fn long_lists_of_decisions_are_given_in_pages(server: TestServer) {
    let one = |n: usize| format!("kind: decision\nid: d-{n}\ndate: 2020-01-01\ndecided: Decide {n:03}.\n");
    let all: Vec<String> = (0..120).map(one).collect();
    server.shelf.write("why.yaml", &all.join("---\n"));
    server.take_over_the_book().await;
    let first = server.json("/decisions").await;
    assert_eq!((first["items"].as_array().unwrap().len(), &first["in_force"]), (100, &json!(121)));
    assert_eq!(listed(&server, "/decisions").await.len(), 121);
    let viewer = server.viewer().await;
    assert!(html::words(&viewer.page("/decisions").await).contains("Next page"));
    let last = viewer.page(&format!("/decisions?after={}", first["next"].as_str().unwrap())).await;
    assert!(last.contains("Decide 119.") && !last.contains("Decide 000."), "the next page begins after the first");
}

/// What is missing of one workflow.
async fn missing(server: &TestServer, workflow: &str) -> (i64, Vec<Value>) {
    let all = server.json("/coverage").await;
    let one = all["items"].as_array().unwrap().iter().find(|w| w["id"] == workflow).unwrap().clone();
    (one["score"].as_i64().unwrap(), one["gaps"].as_array().unwrap().clone())
}

async fn a_gap_is_filled_where_it_is_shown_and_the_score_falls(server: TestServer) {
    let editor = server.editor().await;
    let (score, gaps) = missing(&server, "order-to-erp").await;
    let gap = gaps.iter().find(|g| g["words"] == "Take the order: what happens if it is skipped.").unwrap();
    let fill = gap["fill"].as_str().unwrap();
    assert!(editor.page("/coverage").await.contains(&fill.replace('&', "&amp;")));
    editor.page(fill).await;
    let typed = [("part", "step:order-to-erp/take"), ("field", "if_skipped"), ("value", "Nobody knows: of it.")];
    let sent = editor.post("/write", &typed).await.expect(303);
    assert_eq!(sent.header("location"), "/workflows/order-to-erp#step-take");
    assert!(file(&server, "order-to-erp.yaml").contains("if_skipped: \"Nobody knows: of it.\""));
    let (after, gaps) = missing(&server, "order-to-erp").await;
    assert_eq!(after, score - 4, "one gap of a workflow of high criticality");
    assert!(gaps.iter().all(|g| g["fill"] != fill));
    // The form shows what is there, to be changed.
    assert!(editor.page(fill).await.contains("Nobody knows: of it."));
}

async fn a_field_means_one_thing_on_paper_and_another_in_practice(server: TestServer) {
    let editor = server.editor().await;
    let new = [
        ("part", "component:stock-db"),
        ("field", "fields"),
        ("name", "status"),
        ("value", "Order state"),
        ("more", ""),
    ];
    editor.post("/write", &new).await.expect(303);
    let practice =
        [("part", "component:stock-db"), ("field", "fields.status.in_practice"), ("value", "X: held by finance")];
    editor.post("/write", &practice).await.expect(303);
    let fields = server.json("/components/stock-db").await["fields"].clone();
    assert_eq!(fields[0]["documented"], "Order state");
    assert_eq!(fields[0]["in_practice"], "X: held by finance");
}

async fn what_would_break_the_book_is_refused_with_what_was_typed(server: TestServer) {
    let editor = server.editor().await;
    let before = file(&server, "order-to-erp.yaml");
    let typed = [("part", "workflow:order-to-erp"), ("field", "expect.finish_within"), ("value", "soonish")];
    let refused = editor.post("/write", &typed).await.expect(422);
    assert!(html::words(&refused.text).contains("With this the book could not be used"), "{}", refused.text);
    assert!(refused.text.contains("soonish"));
    for (part, field, status) in
        [("workflow:order-to-erp", "steps", 422), ("workflow:nothing", "purpose", 404), ("nothing", "purpose", 422)]
    {
        editor.post("/write", &[("part", part), ("field", field), ("value", "x")]).await.expect(status);
    }
    assert_eq!(file(&server, "order-to-erp.yaml"), before);
}

async fn who_may_not_write_is_told_why(server: TestServer) {
    with_why(&server).await;
    let operator = server.operator().await;
    let words = html::words(&operator.page("/write?part=workflow:order-to-erp&field=purpose").await);
    assert!(words.contains("Writing is for editors; you are an operator."), "{words}");
    operator
        .post("/write", &[("part", "workflow:order-to-erp"), ("field", "purpose"), ("value", "x")])
        .await
        .expect(403);
    operator.post("/decisions/new", &[("words", "x"), ("why", "y")]).await.expect(403);
    operator.post("/workarounds/type-by-hand/review", &[("review_by", "2026-12-01")]).await.expect(403);
    operator.post("/workarounds/type-by-hand/remove", &[]).await.expect(403);
    assert_eq!(file(&server, "why.yaml"), OLD);
}
