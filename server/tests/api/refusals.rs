//! What is refused before it is understood: a problem for programs and the error page for people, never bare text. And
//! `/ready`, which refuses while nothing can be written.

use std::sync::Arc;

use serde_json::json;

use crate::support::{TestServer, html, on_both_databases, step};

on_both_databases![
    what_programs_ask_wrongly_is_answered_with_a_problem,
    what_people_ask_wrongly_is_answered_with_a_page,
    it_is_not_ready_while_nothing_can_be_written,
    it_is_not_ready_while_the_writer_is_full,
];

async fn what_programs_ask_wrongly_is_answered_with_a_problem(server: TestServer) {
    let reader = server.program(&server.read);
    for (path, words) in [
        ("/api/v1/events?after=x", "after: \"x\" is not a whole number, like 48211"),
        ("/api/v1/changes?after=1.5", "after: \"1.5\" is not a whole number, like 48211"),
        ("/api/v1/runbooks/erp-refuses-orders/versions?after=", "after: \"\" is not a whole number"),
        ("/api/v1/workflows/%FF", "encode its text as UTF-8"),
        ("/api/v1/runs/order-to-erp/%C3", "encode its text as UTF-8"),
    ] {
        let problem = reader.get(path).await.problem(400);
        assert_eq!(problem["title"], "The request cannot be read");
        assert!(problem["detail"].as_str().unwrap().contains(words), "{path}: {problem}");
    }
    for path in ["/api/v1/now", "/api/v1/workflows/order-to-erp"] {
        let answer = reader.send(path, &[], "").await;
        assert_eq!(answer.header("allow"), "GET,HEAD", "{path}");
        let problem = answer.problem(405);
        assert_eq!(problem["title"], "This address does not take POST", "{path}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.ends_with("the header Allow of this answer says what it takes."), "{path}: {detail}");
    }
    reader.get("/api/v1/no/such/thing").await.problem(404);
}

async fn what_people_ask_wrongly_is_answered_with_a_page(server: TestServer) {
    let editor = server.editor().await;
    for (path, words) in [
        ("/workflows/%FF", "encode its text as UTF-8"),
        ("/runbooks/erp-refuses-orders/compare?from=x", "from: \"x\" is not a whole number"),
        ("/runbooks/erp-refuses-orders/history?after=x", "after: \"x\" is not a whole number"),
    ] {
        let answer = editor.get(path).await.expect(400);
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8", "{path}");
        assert_eq!(html::heading(&answer.text), "The request cannot be read", "{path}");
        let told = html::words(&answer.text);
        assert!(told.contains(words) && told.contains("Sign out"), "{path}: {told}");
    }
    let sent = editor.post("/reviews/erp-refuses-orders", &[("version", "one"), ("answer", "reviewed")]).await;
    assert!(html::words(&sent.expect(422).text).contains("The form cannot be read: "));
    let kind = [("content-type", "application/json"), ("origin", server.base.as_str())];
    let sent = editor.send("/reviews/erp-refuses-orders", &kind, "{}").await.expect(415);
    assert_eq!(html::heading(&sent.text), "This content type is not understood");
    let sent = editor.post("/sign-in", &[("name", &"x".repeat(300 * 1024))]).await.expect(413);
    assert_eq!(html::heading(&sent.text), "That is too much at once");
    let sent = editor.post("/runbooks", &[]).await.expect(405);
    assert_eq!(html::heading(&sent.text), "This address does not take POST");
}

async fn it_is_not_ready_while_nothing_can_be_written(server: TestServer) {
    let stranger = server.stranger();
    assert_eq!(stranger.get("/ready").await.expect(200).text, "OK, 0 events");
    let turn = server.hold_the_turn_to_write().await;
    server.at("08:01");
    let refused = stranger.get("/ready").await.expect(503);
    assert!(refused.text.starts_with("The writer waits: the database has not taken"), "{}", refused.text);
    // Reading goes on, and so does the process.
    server.json("/now").await;
    stranger.get("/health").await.expect(200);
    turn.rollback().await.unwrap();
    server.at("08:02");
    stranger.get("/ready").await.expect(200);
    // Asking has left nothing behind.
    server.post_events(step("1", "take", "running", "08:00")).await;
    assert_eq!(server.json("/events").await["items"][0]["position"], 1);
    server.at("08:03");
    assert_eq!(stranger.get("/ready").await.expect(200).text, "OK, 1 events");
    assert_eq!(server.json("/sources").await["items"].as_array().unwrap().len(), 1);
}

async fn it_is_not_ready_while_the_writer_is_full(server: TestServer) {
    let server = Arc::new(server.restarted("08:00", |settings| settings.room = 1).await);
    let turn = server.hold_the_turn_to_write().await;
    let sent = {
        let server = server.clone();
        tokio::spawn(async move { server.post_events(step("1", "take", "running", "08:00")).await })
    };
    server.until(|| server.app.writer.waiting() == 1).await;
    let refused = server.stranger().get("/ready").await.expect(503);
    assert_eq!(refused.text, "The writer takes no more: too many events wait to be written.");
    turn.rollback().await.unwrap();
    assert_eq!(sent.await.unwrap()["accepted"], json!(1));
    server.at("08:01");
    assert_eq!(server.stranger().get("/ready").await.expect(200).text, "OK, 1 events");
}
