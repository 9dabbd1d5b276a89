//! What a browser keeps for when the portal cannot be reached, as the portal gives it.

use serde_json::json;

use crate::support::{TestServer, With, html, on_both_databases, step};

on_both_databases![
    a_page_for_keeping_says_of_when_it_is_and_shows_no_state,
    what_is_critical_is_named_and_another_version_has_another_tag,
    the_worker_is_at_the_root_and_may_ask_its_own_server_alone,
    a_page_for_keeping_is_given_to_readers_alone_and_takes_no_notice_away,
];

async fn a_page_for_keeping_says_of_when_it_is_and_shows_no_state(server: TestServer) {
    let text =
        "---\ntitle: Way out\n---\n\n## Now\n\n[It](workflow:order-to-erp).\n\n![Orders](live:state/order-to-erp)\n";
    server.shelf.write("way-out.md", text);
    server.take_over_the_book().await;
    let failed = step("1", "push", "failed", "08:00").with("attempt", 3).with("error", json!({"code": "503"}));
    server.post_events(failed).await;
    let viewer = server.viewer().await;
    assert!(viewer.page("/runbooks/way-out").await.contains("chip-broken"), "the page itself is of now");
    server.at("08:14");
    let page = viewer.get("/kept/runbooks/way-out").await.expect(200);
    let words = html::words(&page.text);
    let told = "You are offline, or Watchbook cannot be reached. This is version 1 as kept at 08:14:00 UTC on 4 Jun 2026. It may have changed since.";
    assert!(words.contains(told), "{words}");
    assert!(words.contains("Orders: not kept, because it is live"), "{words}");
    assert!(!page.text.contains("chip-broken") && !words.contains("Broken"), "{words}");
    assert_eq!(page.header("watchbook-title"), "Way%20out");
    let list = viewer.page("/kept/runbooks").await;
    assert!(html::words(&list).contains("This is the list as kept at 08:14:00 UTC"));
    assert!(viewer.page("/kept/unreachable").await.contains("<!--kept-->"), "the browser puts the list there");
}

async fn what_is_critical_is_named_and_another_version_has_another_tag(server: TestServer) {
    server.shelf.write("fire.md", "---\ntitle: Fire\ncritical: true\n---\n\n## Now\n\nOut.\n");
    server.take_over_the_book().await;
    let viewer = server.viewer().await;
    let pages = async || viewer.get("/kept").await.expect(200).json()["pages"].clone();
    let of = |pages: &serde_json::Value, path: &str| {
        pages.as_array().unwrap().iter().find(|page| page["path"] == path).unwrap().clone()
    };
    let before = pages().await;
    assert_eq!(of(&before, "/runbooks/fire")["critical"], true);
    assert_eq!(of(&before, "/runbooks/house-rules")["critical"], false);
    server.shelf.write("fire.md", "---\ntitle: Fire\ncritical: true\n---\n\n## Now\n\nOut, and call.\n");
    server.take_over_the_book().await;
    let after = pages().await;
    for path in ["/runbooks", "/runbooks/fire"] {
        assert_ne!(of(&after, path)["tag"], of(&before, path)["tag"], "{path}");
    }
    assert_eq!(of(&after, "/runbooks/house-rules"), of(&before, "/runbooks/house-rules"));
}

async fn the_worker_is_at_the_root_and_may_ask_its_own_server_alone(server: TestServer) {
    let worker = server.stranger().get("/service-worker.js").await.expect(200);
    assert_eq!(worker.header("content-type"), "text/javascript; charset=utf-8");
    assert_eq!(worker.header("content-security-policy"), "default-src 'none'; connect-src 'self'");
    assert_eq!(worker.header("cache-control"), "no-cache", "a new release is found at once");
    assert!(worker.text.starts_with("const RELEASE = \""), "{}", &worker.text[..80]);
}

async fn a_page_for_keeping_is_given_to_readers_alone_and_takes_no_notice_away(server: TestServer) {
    let stranger = server.stranger();
    for path in ["/kept", "/kept/runbooks", "/kept/runbooks/house-rules", "/kept/unreachable"] {
        let answer = stranger.get(path).await.expect(303);
        assert!(answer.header("location").starts_with("/sign-in"), "{path}");
    }
    let editor = server.editor().await;
    let text = "---\ntitle: House rules\n---\n\n## Always\n\nBe kinder.\n";
    let saved = [("base", "1"), ("text", text), ("why", "Kinder"), ("action", "save")];
    editor.post("/runbooks/house-rules/edit", &saved).await.expect(303);
    assert!(!editor.page("/kept/runbooks/house-rules").await.contains("Saved as version 2"));
    assert!(editor.page("/runbooks/house-rules").await.contains("Saved as version 2"), "it waits for who reads it");
    server.viewer().await.get("/kept/runbooks/nothing").await.expect(404);
}
