//! `/undocumented`: what was observed and is in no book, what it flags, and how it is answered.

use serde_json::{Value, json};

use crate::support::html::{self, Form};
use crate::support::shelf::push;
use crate::support::{Client, TestServer, With, at, on_both_databases, step};

on_both_databases![
    an_unexplained_error_waits_in_the_inbox_and_flags_what_speaks_of_its_step,
    accepting_an_error_writes_a_failure_point_and_leaves_the_rest_of_the_file,
    an_error_that_is_mapped_is_recognised_from_then_on,
    an_unknown_step_is_accepted_after_the_one_it_was_seen_after,
    a_step_that_is_mapped_is_the_declared_one_under_another_id,
    what_is_ignored_closes_its_flag_and_can_be_asked_again,
    a_policy_that_is_another_than_declared_is_told_and_taken_over,
    a_component_that_waits_on_another_is_told_and_taken_over,
    it_closes_by_itself_when_the_file_comes_to_say_it,
    a_file_that_may_not_be_written_shows_what_to_paste,
    who_may_not_answer_is_told_why_and_changes_nothing,
    what_was_observed_then_is_known_of_then,
];

const SLUG: &str = "/runbooks/erp-refuses-orders";

/// Somebody reviews every section of the runbook.
async fn reviewed(editor: &Client) {
    let path = "/reviews/erp-refuses-orders";
    loop {
        let forms: Vec<Form> = html::forms(&editor.page(path).await, path);
        let Some(form) = forms.first() else { break };
        let (name, answer) = form.buttons[0].clone();
        editor.post(&form.action, &form.filled(&[], (&name, &answer))).await.expect(303);
    }
}

/// The push of a run fails with something that no failure point explains.
async fn fails(server: &TestServer) {
    let error = json!({"code": "E42", "message": "no tax code for item 7714"});
    server.post_events(step("1", "push", "failed", "08:01").with("error", error)).await;
    server.strike_at("08:05").await;
}

async fn inbox(server: &TestServer) -> Vec<Value> {
    server.every("/undocumented").await
}

async fn only(server: &TestServer) -> Value {
    let mut all = inbox(server).await;
    assert_eq!(all.len(), 1, "{all:#?}");
    all.remove(0)
}

/// The flags that stand because of what was observed.
async fn flags(server: &TestServer) -> Vec<Value> {
    let all = server.every("/reviews").await;
    all.into_iter().filter(|f| f["field"].as_str().unwrap().starts_with("observed.")).collect()
}

async fn answer(client: &Client, id: &Value, fields: &[(&str, &str)]) {
    client.post(&format!("/undocumented/{id}"), fields).await.expect(303);
}

fn file(server: &TestServer, name: &str) -> String {
    std::fs::read_to_string(server.shelf.folder().join(name)).unwrap()
}

async fn an_unexplained_error_waits_in_the_inbox_and_flags_what_speaks_of_its_step(server: TestServer) {
    let editor = server.editor().await;
    reviewed(&editor).await;
    assert_eq!(server.json(SLUG).await["trust"], "trusted");
    fails(&server).await;
    let told = only(&server).await;
    assert_eq!(told["part"], "step:order-to-erp/push");
    assert_eq!(
        (&told["kind"], &told["count"], &told["run"]),
        (&json!("error"), &json!(1), &json!("/runs/order-to-erp/1"))
    );
    assert_eq!(
        told["sentence"],
        "Push to ERP failed with \"E42 no tax code for item 7714\". No failure point explains it."
    );
    let flags = flags(&server).await;
    assert_eq!(flags.len(), 1, "{flags:#?}");
    assert_eq!(flags[0]["section"], "what-it-means");
    assert_eq!((&flags[0]["before"], &flags[0]["by"]), (&json!("fails as erp-refuses"), &json!("observed")));
    assert_eq!(server.json(SLUG).await["trust"], "check_needed");
    // The list of runbooks and Find say in the same words why.
    let why = "Push to ERP, observed: fails with \"E42 no tax code for item #\".";
    let listed = server.every("/runbooks").await;
    assert!(listed.iter().any(|row| row["reason"] == why), "{listed:#?}");
    let found = server.json("/find?q=what+it+means").await;
    assert!(found["items"].as_array().unwrap().iter().any(|item| item["reason"] == why), "{found:#}");
    let change = server.every("/changes").await.pop().unwrap();
    assert_eq!(change["link"], "/runs/order%2Dto%2Derp/1");
    // Looking again finds nothing new.
    server.strike_at("08:09").await;
    assert_eq!(server.every("/changes").await.len(), 1);
    let words = html::words(&editor.page("/undocumented").await);
    assert!(words.contains("Unexplained error") && words.contains("Accept into the book"), "{words}");
    assert!(html::words(&editor.page("/reviews").await).contains("1 thing was seen that the book does not say"));
    assert!(
        html::words(&editor.page("/workflows/order-to-erp").await)
            .contains("1 thing was seen that the book does not say")
    );
}

async fn accepting_an_error_writes_a_failure_point_and_leaves_the_rest_of_the_file(server: TestServer) {
    let before = format!("# Ours.\n{}# The end.\n", file(&server, "order-to-erp.yaml"));
    server.shelf.write("order-to-erp.yaml", &before);
    server.take_over_the_book().await;
    let editor = server.editor().await;
    reviewed(&editor).await;
    fails(&server).await;
    let id = only(&server).await["id"].clone();
    answer(&editor, &id, &[("answer", "accept"), ("name", "no-tax-code"), ("words", "One order waits.")]).await;
    let after = file(&server, "order-to-erp.yaml");
    let added: Vec<_> = after.lines().filter(|line| !before.contains(*line)).collect();
    assert_eq!(added.len(), 1, "{after}");
    assert!(added[0].contains("{ id: no-tax-code, when: { code: "), "{after}");
    assert!(after.starts_with("# Ours.\n") && after.ends_with("# The end.\n"), "{after}");
    assert_eq!(inbox(&server).await, Vec::<Value>::new());
    assert_eq!(flags(&server).await, Vec::<Value>::new());
    // What the book says now is a change like any other, and the sections that speak of the step are asked about it.
    let fields: Vec<_> = server.every("/reviews").await.iter().map(|f| f["field"].clone()).collect();
    assert!(fields.contains(&json!("failure_points")), "{fields:?}");
    // The next one is known.
    let error = json!({"code": "E42", "message": "no tax code for item 9"});
    server.post_events(step("2", "push", "failed", "08:06").with("error", error)).await;
    server.strike_at("08:10").await;
    assert_eq!(inbox(&server).await, Vec::<Value>::new());
}

async fn an_error_that_is_mapped_is_recognised_from_then_on(server: TestServer) {
    let editor = server.editor().await;
    fails(&server).await;
    let told = only(&server).await;
    assert_eq!(told["same_as"], json!([["erp-refuses", "Erp refuses"]]));
    answer(&editor, &told["id"], &[("answer", "map"), ("target", "erp-refuses")]).await;
    assert!(
        file(&server, "order-to-erp.yaml").contains("also: [{ code: \"^E42$\""),
        "{}",
        file(&server, "order-to-erp.yaml")
    );
    assert_eq!(inbox(&server).await, Vec::<Value>::new());
}

async fn checked(server: &TestServer) {
    let all = [
        step("1", "take", "succeeded", "08:00"),
        step("1", "check", "succeeded", "08:01"),
        step("1", "reserve", "succeeded", "08:02"),
    ];
    server.post_events(Value::from(all.to_vec())).await;
    server.strike_at("08:05").await;
}

async fn an_unknown_step_is_accepted_after_the_one_it_was_seen_after(server: TestServer) {
    let editor = server.editor().await;
    checked(&server).await;
    let told = only(&server).await;
    assert_eq!((&told["kind"], &told["part"]), (&json!("step"), &json!("workflow:order-to-erp")));
    answer(&editor, &told["id"], &[("answer", "accept"), ("name", "Check by hand")]).await;
    let declared = server.json("/workflows/order-to-erp").await["declared"].clone();
    assert_eq!(declared["steps"], json!(["take", "reserve", "push", "check"]));
    assert!(declared["edges"].as_array().unwrap().contains(&json!(["take", "check"])), "{declared}");
}

async fn a_step_that_is_mapped_is_the_declared_one_under_another_id(server: TestServer) {
    let editor = server.editor().await;
    checked(&server).await;
    let told = only(&server).await;
    answer(&editor, &told["id"], &[("answer", "map"), ("target", "reserve")]).await;
    assert_eq!(inbox(&server).await, Vec::<Value>::new());
    let steps = server.json("/workflows/order-to-erp").await["steps"].clone();
    let check = steps.as_array().unwrap().iter().find(|s| s["id"] == "check").unwrap().clone();
    assert_eq!((&check["name"], &check["declared"]), (&json!("Reserve stock (as check)"), &json!(true)));
}

async fn what_is_ignored_closes_its_flag_and_can_be_asked_again(server: TestServer) {
    let editor = server.editor().await;
    reviewed(&editor).await;
    fails(&server).await;
    let id = only(&server).await["id"].clone();
    let without =
        editor.post(&format!("/undocumented/{id}"), &[("answer", "ignore"), ("words", " ")]).await.expect(422);
    assert!(html::words(&without.text).contains("Say why it needs no answer"));
    answer(&editor, &id, &[("answer", "ignore"), ("words", "A test of the tax office")]).await;
    let all = server.json("/undocumented").await;
    assert_eq!(
        (&all["items"], &all["ignored"][0]["ignored"]["reason"]),
        (&json!([]), &json!("A test of the tax office"))
    );
    assert_eq!(all["ignored"][0]["ignored"]["by"], "editor");
    assert_eq!(server.json(SLUG).await["trust"], "trusted");
    server.strike_at("08:09").await;
    assert_eq!(inbox(&server).await, Vec::<Value>::new());
    answer(&editor, &id, &[("answer", "undo")]).await;
    assert_eq!(only(&server).await["ignored"], json!(null));
    assert_eq!(flags(&server).await.len(), 1);
}

async fn a_policy_that_is_another_than_declared_is_told_and_taken_over(server: TestServer) {
    let editor = server.editor().await;
    let error = json!({"code": "503", "message": "refused"});
    server.post_events(step("1", "push", "failed", "08:01").with("attempt", 5).with("error", error)).await;
    server.strike_at("08:05").await;
    let told = only(&server).await;
    assert_eq!((&told["kind"], &told["observed"]), (&json!("tries"), &json!("5 tries")));
    assert!(told["declared"].as_str().unwrap().starts_with("3 tries"), "{told}");
    answer(&editor, &told["id"], &[("answer", "accept")]).await;
    assert!(
        file(&server, "order-to-erp.yaml").contains("{ max_attempts: 5, backoff: exponential, first: 30s, factor: 2 }")
    );
    assert_eq!(inbox(&server).await, Vec::<Value>::new());
}

async fn a_component_that_waits_on_another_is_told_and_taken_over(server: TestServer) {
    let editor = server.editor().await;
    server.post_events(step("1", "push", "waiting", "08:01").with("waiting_on", "stock-db")).await;
    server.strike_at("08:05").await;
    let told = only(&server).await;
    assert_eq!((&told["kind"], &told["part"]), (&json!("dependency"), &json!("component:erp-sync")));
    answer(&editor, &told["id"], &[("answer", "accept")]).await;
    assert!(
        file(&server, "components.yaml").contains("  - { id: erp, mode: sync, timeout: 30s }\n  - { id: stock-db }\n")
    );
    assert_eq!(inbox(&server).await, Vec::<Value>::new());
}

async fn it_closes_by_itself_when_the_file_comes_to_say_it(server: TestServer) {
    let editor = server.editor().await;
    reviewed(&editor).await;
    fails(&server).await;
    assert_eq!(flags(&server).await.len(), 1);
    let all = file(&server, "order-to-erp.yaml").replace("code: \"503\"", "code: \"503|E42\"");
    server.shelf.write("order-to-erp.yaml", &all);
    server.take_over_the_book().await;
    server.strike_at("08:06").await;
    assert_eq!((inbox(&server).await.len(), flags(&server).await.len()), (0, 0));
}

async fn a_file_that_may_not_be_written_shows_what_to_paste(server: TestServer) {
    let editor = server.editor().await;
    fails(&server).await;
    let path = server.shelf.folder().join("order-to-erp.yaml");
    let before = std::fs::read_to_string(&path).unwrap();
    let mut permissions = std::fs::metadata(&path).unwrap().permissions();
    permissions.set_readonly(true);
    std::fs::set_permissions(&path, permissions).unwrap();
    let id = only(&server).await["id"].clone();
    let typed = [("answer", "accept"), ("name", "no-tax-code"), ("words", "One order waits.")];
    let refused = editor.post(&format!("/undocumented/{id}"), &typed).await.expect(422);
    let words = html::words(&refused.text);
    assert!(words.contains("The portal may not write in the folder of the book. Put it in by hand."), "{words}");
    assert!(words.contains("id: no-tax-code") && refused.text.contains("One order waits."), "{words}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), before);
    assert_eq!(inbox(&server).await.len(), 1);
}

async fn who_may_not_answer_is_told_why_and_changes_nothing(server: TestServer) {
    fails(&server).await;
    let id = only(&server).await["id"].clone();
    let operator = server.operator().await;
    let typed = [("answer", "ignore"), ("words", "no")];
    operator.post(&format!("/undocumented/{id}"), &typed).await.expect(403);
    let words = html::words(&operator.page("/undocumented").await);
    assert!(words.contains("Answering is for editors; you are an operator."), "{words}");
    assert!(!words.contains("Accept into the book"), "{words}");
    let editor = server.editor().await;
    editor.post("/undocumented/77", &typed).await.expect(404);
    editor.post(&format!("/undocumented/{id}"), &[("answer", "agree")]).await.expect(422);
    assert_eq!(inbox(&server).await.len(), 1);
}

async fn what_was_observed_then_is_known_of_then(server: TestServer) {
    let editor = server.editor().await;
    reviewed(&editor).await;
    fails(&server).await;
    server.at("08:30");
    server.shelf.push_is_now(push().says("meaning: It is there."));
    let id = only(&server).await["id"].clone();
    answer(&editor, &id, &[("answer", "ignore"), ("words", "No longer")]).await;
    server.at("08:40");
    let world = server.app.world(Some(at("08:10"))).await.unwrap();
    let push = app::model::reference::Reference::parse("step:order-to-erp/push").unwrap();
    assert!(world.parts[&push].keys().any(|field| field.starts_with("observed.error.")), "{:?}", world.parts[&push]);
    let world = server.app.world(Some(at("08:35"))).await.unwrap();
    assert!(!world.parts[&push].keys().any(|field| field.starts_with("observed.")));
}
