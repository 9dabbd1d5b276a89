//! A start that finds the book's folder as it was left does not read it, knows the same, and is never mistaken for one.

use std::fs;

use serde_json::json;

use crate::support::shelf::{erp_refuses_orders, push_with};
use crate::support::{TestServer, html, on_both_databases};

on_both_databases![
    a_start_that_finds_the_folder_as_it_was_left_does_not_read_it_and_knows_the_same,
    what_changed_while_the_portal_was_down_is_taken_over_before_it_answers,
    a_folder_that_went_back_is_not_mistaken_for_what_was_last_taken_over,
    a_broken_book_is_not_kept_for_the_next_start,
];

const SLUG: &str = "/runbooks/erp-refuses-orders";
const REVIEW: &str = "/reviews/erp-refuses-orders";
const FILE: &str = "erp-refuses-orders.md";

/// The portal after two starts with files that were written long ago: the first reads them, the second need not.
async fn started_without_reading(server: TestServer, time: &str) -> TestServer {
    server.shelf.age();
    server.restarted(time, |_| {}).await.restarted(time, |_| {}).await
}

/// Puts another text of the same length into a file, with the time that it had: nobody can see that from outside.
fn write_unseen(server: &TestServer, file: &str, from: &str, to: &str) {
    assert_eq!(from.len(), to.len());
    let path = server.shelf.folder().join(file);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(&path, text.replace(from, to)).unwrap();
    server.shelf.age();
}

async fn a_start_that_finds_the_folder_as_it_was_left_does_not_read_it_and_knows_the_same(server: TestServer) {
    // One runbook is reviewed, and then flagged by a change; a text was saved in the browser; nothing else is known.
    let editor = server.editor().await;
    let form = html::forms(&editor.page(REVIEW).await, REVIEW).remove(0);
    let (name, answer) = form.buttons[0].clone();
    editor.post(REVIEW, &form.filled(&[], (&name, &answer))).await.expect(303);
    server.at("08:10");
    server.shelf.push_is_now(push_with("2m", 8));
    server.take_over_the_book().await;
    let text = erp_refuses_orders().where_section("Background", "Written in the browser.").markdown();
    editor.post(&format!("{SLUG}/edit"), &[("base", "1"), ("text", &text), ("why", "x")]).await.expect(303);
    let told = async |server: &TestServer| {
        let mut told = Vec::new();
        for path in ["/runbooks", SLUG, "/runbooks/stock-runs-low", "/reviews", "/workflows/order-to-erp", "/coverage"]
        {
            told.push(server.json(path).await);
        }
        let page = server.viewer().await.page(SLUG).await;
        (told, html::words(&page))
    };
    let server = server.restarted("08:20", |_| {}).await;
    let before = told(&server).await;
    assert!(before.1.contains("Written in the browser."), "{}", before.1);
    let server = started_without_reading(server, "08:20").await;
    assert_eq!(told(&server).await, before);
    write_unseen(&server, FILE, "browser", "drawers");
    write_unseen(&server, "order-to-erp.yaml", "Order to ERP", "Order to SAP");
    let server = server.restarted("08:20", |_| {}).await;
    assert_eq!(told(&server).await, before, "it has read a file");
    // Whoever looks finds it, and takes all of it over.
    server.at("08:30");
    server.take_over_the_book().await;
    let runbook = server.json(SLUG).await;
    assert_eq!((&runbook["version"], &runbook["why"]), (&json!(3), &json!("The file changed")));
    assert_eq!(server.json("/workflows/order-to-erp").await["name"], "Order to SAP");
}

async fn what_changed_while_the_portal_was_down_is_taken_over_before_it_answers(server: TestServer) {
    let server = started_without_reading(server, "08:10").await;
    server.shelf.push_is_now(push_with("2m", 8));
    let server = server.restarted("08:20", |_| {}).await;
    let changes = server.json("/changes").await;
    assert!(changes["items"].as_array().is_some_and(|items| !items.is_empty()), "{changes}");
}

async fn a_folder_that_went_back_is_not_mistaken_for_what_was_last_taken_over(server: TestServer) {
    let server = started_without_reading(server, "08:10").await;
    let path = server.shelf.folder().join(FILE);
    let first = fs::read_to_string(&path).unwrap();
    server.shelf.write(FILE, &erp_refuses_orders().where_section("Background", "It is gone.").markdown());
    server.take_over_the_book().await;
    // As from a backup of the folder: its files as they were, with the times that they had.
    fs::write(&path, &first).unwrap();
    server.shelf.age();
    let server = server.restarted("08:20", |_| {}).await;
    let runbook = server.json(SLUG).await;
    assert_eq!((&runbook["version"], &runbook["why"]), (&json!(3), &json!("The file changed")));
}

async fn a_broken_book_is_not_kept_for_the_next_start(server: TestServer) {
    let server = started_without_reading(server, "08:10").await;
    server.shelf.write("order-to-erp.yaml", "\u{0}: [");
    server.shelf.age();
    let mut seen = None;
    for _ in 0..2 {
        watchbook::book::look(&server.app, server.shelf.folder(), &mut seen).await;
    }
    assert!(seen.is_some(), "what is in the files does not change by looking again");
    let refused = server.refuses_to_start_again().await;
    assert!(refused.contains("order-to-erp.yaml:1"), "{refused}");
}
