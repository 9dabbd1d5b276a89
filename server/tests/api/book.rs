//! The book on disk: taken over when it changes, never half, and never over what somebody wrote in the browser.

use std::time::Duration;

use serde_json::json;
use watchbook::live::Topic;

use crate::support::shelf::{erp_refuses_orders, push_with};
use crate::support::{PATIENCE, TestServer, With, html, on_both_databases, step};

on_both_databases![
    a_broken_file_leaves_the_last_good_book_and_every_page_says_so,
    a_changed_file_is_the_next_version,
    a_changed_file_never_overwrites_what_was_written_in_the_browser,
    a_conflict_is_settled_by_writing_the_browsers_text_into_the_file,
    a_conflict_is_settled_by_saving_the_files_text_in_the_browser,
    a_file_that_changes_is_noticed_without_being_asked,
    taking_the_same_book_over_again_changes_nothing,
    a_workflow_that_leaves_the_book_keeps_its_runs,
    a_conflict_shows_what_differs_and_the_whole_text_of_the_file,
];

const SLUG: &str = "/runbooks/erp-refuses-orders";

async fn a_broken_file_leaves_the_last_good_book_and_every_page_says_so(server: TestServer) {
    let good = std::fs::read_to_string(server.shelf.folder().join("order-to-erp.yaml")).unwrap();
    server.shelf.write("order-to-erp.yaml", &good.replace("finish_within: 10m", "finish_wihtin: 10m"));
    server.take_over_the_book().await;
    let viewer = server.viewer().await;
    for path in
        ["/", "/workflows", "/workflows/order-to-erp", "/runbooks", SLUG, "/reviews", "/sources", "/find", "/nothing"]
    {
        let words = html::words(&viewer.get(path).await.text);
        assert!(words.contains("The book on disk cannot be used; the last good one is shown."), "{path}: {words}");
        assert!(words.contains("order-to-erp.yaml:16: ") && words.contains("finish_within"), "{path}: {words}");
    }
    // The last good one is really in use.
    server.post_events(step("1", "reserve", "running", "08:00")).await;
    assert_eq!(server.json("/runs/order-to-erp/1").await["steps"][0]["due_at"], "2026-06-04T08:10:00Z");
    assert_eq!(server.json("/changes").await["items"], json!([]));
    server.shelf.write("order-to-erp.yaml", "\u{0}: [");
    server.take_over_the_book().await;
    assert!(html::words(&viewer.page("/").await).contains("The book on disk cannot be used"));
    server.shelf.write("order-to-erp.yaml", &good.replace("finish_within: 10m", "finish_within: 9m"));
    server.take_over_the_book().await;
    assert!(!html::words(&viewer.page("/").await).contains("The book on disk cannot be used"));
    assert_eq!(server.json("/runs/order-to-erp/1").await["steps"][0]["due_at"], "2026-06-04T08:09:00Z");
}

async fn a_changed_file_is_the_next_version(server: TestServer) {
    let text = erp_refuses_orders().where_section("Background", "It is gone.").markdown();
    server.shelf.write("erp-refuses-orders.md", &text);
    server.at("08:05");
    server.take_over_the_book().await;
    let runbook = server.json(SLUG).await;
    assert_eq!((&runbook["version"], &runbook["why"]), (&json!(2), &json!("The file changed")));
    assert!(runbook["author"].as_str().unwrap().ends_with("erp-refuses-orders.md"), "{runbook}");
    assert_eq!(server.json("/runbooks/stock-runs-low").await["version"], 1);
}

/// Writes one text into the file, and another one in the browser before the first was read.
async fn in_conflict(server: &TestServer) -> (String, String) {
    let browser = erp_refuses_orders().where_section("Background", "Written in the browser.").markdown();
    let file = erp_refuses_orders().where_section("Background", "Written in the file.").markdown();
    let editor = server.editor().await;
    server.shelf.write("erp-refuses-orders.md", &file);
    editor.post(&format!("{SLUG}/edit"), &[("base", "1"), ("text", &browser), ("why", "x")]).await.expect(303);
    server.take_over_the_book().await;
    (browser, file)
}

async fn a_changed_file_never_overwrites_what_was_written_in_the_browser(server: TestServer) {
    in_conflict(&server).await;
    let runbook = server.json(SLUG).await;
    assert_eq!(runbook["version"], 2);
    let conflict = runbook["conflict"].as_str().unwrap();
    assert!(conflict.contains("version 2, saved in the browser by editor, differ"), "{conflict}");
    let page = html::words(&server.viewer().await.page(SLUG).await);
    assert!(page.contains("Written in the browser.") && page.contains(conflict), "{page}");
    // Importing again, and starting again, change nothing of that.
    server.take_over_the_book().await;
    let server = server.restarted("08:30", |_| {}).await;
    assert_eq!(server.json(SLUG).await["version"], 2);
    assert_eq!(server.json(SLUG).await["conflict"], conflict);
}

async fn a_conflict_is_settled_by_writing_the_browsers_text_into_the_file(server: TestServer) {
    let (browser, _) = in_conflict(&server).await;
    server.shelf.write("erp-refuses-orders.md", &browser);
    server.take_over_the_book().await;
    assert_eq!((&server.json(SLUG).await["conflict"], &server.json(SLUG).await["version"]), (&json!(null), &json!(2)));
    // From then on the file leads again.
    server.shelf.write("erp-refuses-orders.md", &browser.replace("browser", "house"));
    server.take_over_the_book().await;
    assert!(html::words(&server.viewer().await.page(SLUG).await).contains("Written in the house."));
    assert_eq!((&server.json(SLUG).await["conflict"], &server.json(SLUG).await["version"]), (&json!(null), &json!(3)));
}

async fn a_conflict_is_settled_by_saving_the_files_text_in_the_browser(server: TestServer) {
    let (_, file) = in_conflict(&server).await;
    let editor = server.editor().await;
    editor
        .post(&format!("{SLUG}/edit"), &[("base", "2"), ("text", &file), ("why", "The file is right")])
        .await
        .expect(303);
    // At once: nobody waits for the next change of a file.
    let runbook = server.json(SLUG).await;
    assert_eq!((&runbook["conflict"], &runbook["version"]), (&json!(null), &json!(3)));
}

async fn a_file_that_changes_is_noticed_without_being_asked(server: TestServer) {
    let watching = tokio::spawn(watchbook::book::watch(server.app.clone()));
    let mut told = server.app.live.listen();
    let tries = || server.app.worlds.book().step("order-to-erp", "push").unwrap().retry.as_ref().unwrap().max_attempts;
    let noticed = async {
        // What is written before the watcher has looked for the first time is no change to it.
        for next in 8.. {
            server.shelf.push_is_now(push_with("5m", next));
            let change = async { while !told.recv().await.unwrap().contains(&Topic::Book) {} };
            if tokio::time::timeout(Duration::from_secs(2), change).await.is_ok() && tries() == next {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, noticed).await.expect("the change is noticed");
    watching.abort();
}

async fn taking_the_same_book_over_again_changes_nothing(server: TestServer) {
    let before = server.json("/runbooks").await;
    server.take_over_the_book().await;
    let server = server.restarted("08:30", |_| {}).await;
    assert_eq!(server.json("/runbooks").await, before);
    assert_eq!(server.json("/changes").await["items"], json!([]));
}

async fn a_workflow_that_leaves_the_book_keeps_its_runs(server: TestServer) {
    server.post_events(step("1", "sync", "running", "08:00").with("workflow", "stock-sync")).await;
    std::fs::remove_file(server.shelf.folder().join("stock-sync.yaml")).unwrap();
    server.take_over_the_book().await;
    let page = server.json("/workflows/stock-sync").await;
    assert_eq!((&page["name"], &page["observed"]["runs"]), (&json!("stock-sync"), &json!(1)));
    let gone: Vec<_> =
        server.json("/changes").await["items"].as_array().unwrap().iter().map(|c| c["subject"].clone()).collect();
    assert!(gone.contains(&json!("workflow:stock-sync")), "{gone:?}");
}

async fn a_conflict_shows_what_differs_and_the_whole_text_of_the_file(server: TestServer) {
    let (browser, file) = in_conflict(&server).await;
    let told = async |server: &TestServer| {
        let runbook = server.json(SLUG).await;
        assert_eq!(runbook["in_file"]["text"], file.as_str());
        let page = server.viewer().await.page(SLUG).await;
        let code: Vec<_> = html::tags(&page).into_iter().filter(|t| t.name == "code").map(|t| t.after).collect();
        assert!(code.contains(&file), "{code:?}");
        let words = html::words(&page);
        assert!(words.contains("What differs, from version 2 to the file") && words.contains("removed:"), "{words}");
    };
    told(&server).await;
    // Also after the file is gone, and after a start.
    std::fs::remove_file(server.shelf.folder().join("erp-refuses-orders.md")).unwrap();
    let server = server.restarted("08:30", |_| {}).await;
    told(&server).await;
    server.shelf.write("erp-refuses-orders.md", &browser);
    server.take_over_the_book().await;
    assert_eq!(server.json(SLUG).await["in_file"], json!(null));
}
