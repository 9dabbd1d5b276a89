//! "Something looks wrong": said on a run or a subject by anybody who is signed in, seen on Now.

use app::model::status::Role;
use serde_json::json;
use watchbook::store::people::newest_audit;

use crate::support::{Client, PASSWORD, TestServer, With, html, on_both_databases, step};

on_both_databases![
    what_somebody_says_of_a_run_stands_on_its_story_and_on_now,
    what_somebody_says_of_a_subject_stands_on_the_stories_of_its_runs,
    what_was_seen_leaves_now_and_stays_on_the_story,
    now_does_not_say_that_nothing_needs_you_while_somebody_waits_to_be_heard,
    what_was_typed_comes_back_when_it_cannot_be_taken,
    who_is_not_signed_in_is_asked_to_sign_in,
    a_viewer_cannot_say_that_it_was_seen,
    of_what_is_not_there_nothing_can_be_said,
    hostile_words_are_only_words,
];

const RUN: &str = "/runs/order-to-erp/10482";
const SUBJECT: &str = "/subjects/order/10482";

async fn an_order(server: &TestServer) {
    server.post_events(step("10482", "take", "succeeded", "08:00").with("subject", "order/10482")).await;
}

async fn anna(server: &TestServer) -> Client {
    server.account("anna", Role::Viewer).await;
    let client = server.stranger();
    client.sign_in("anna", PASSWORD).await.expect(303);
    client
}

async fn what_somebody_says_of_a_run_stands_on_its_story_and_on_now(server: TestServer) {
    an_order(&server).await;
    server.at("08:05");
    let anna = anna(&server).await;
    let form = &html::forms(&anna.page(RUN).await, &format!("{RUN}/reports"))[0];
    assert_eq!(form.get("words"), Some(""));
    let answer = anna.post(&form.action, &[("words", "  The mail came twice.  ")]).await.expect(303);
    assert_eq!(answer.header("location"), RUN);
    let page = anna.page(RUN).await;
    let words = html::words(&page);
    assert!(words.contains("Said. It stands on this story"), "{words}");
    assert!(words.contains("anna says: The mail came twice. said by a person"), "{words}");
    let run = server.json(RUN).await;
    let line = &run["story"][1];
    assert_eq!(
        (&line["text"], &line["by"], &line["at"]),
        (&json!("anna says: The mail came twice."), &json!("anna"), &json!("2026-06-04T08:05:00Z"))
    );
    let now = server.json("/now").await;
    let expected = json!([{"id": 1, "workflow": "order-to-erp", "run": "10482", "subject": "order/10482",
        "text": "The mail came twice.", "by": "anna", "at": "2026-06-04T08:05:00Z", "seen_by": null, "seen_at": null}]);
    assert_eq!(now["reports"], expected);
    let words = html::words(&anna.page("/").await);
    assert!(
        words.contains("Somebody says order/10482") && words.contains("anna says: The mail came twice."),
        "{words}"
    );
    // The subject tells it as well.
    let subject = server.json(SUBJECT).await;
    assert_eq!(subject["story"][1]["text"], "anna says: The mail came twice.");
    let audit = newest_audit(server.app.db.read(), 1).await.unwrap().remove(0);
    assert_eq!(
        (audit.actor.as_str(), audit.action.as_str(), audit.subject.as_str()),
        ("anna", "add_report", "run:order-to-erp/10482")
    );
}

async fn what_somebody_says_of_a_subject_stands_on_the_stories_of_its_runs(server: TestServer) {
    an_order(&server).await;
    let anna = anna(&server).await;
    let answer = anna.post(&format!("{SUBJECT}/reports"), &[("words", "Twice?")]).await.expect(303);
    assert_eq!(answer.header("location"), SUBJECT);
    for path in [RUN, SUBJECT] {
        assert!(html::words(&anna.page(path).await).contains("anna says: Twice?"), "{path}");
    }
    assert_eq!(server.json("/now").await["reports"][0]["run"], json!(null));
}

async fn what_was_seen_leaves_now_and_stays_on_the_story(server: TestServer) {
    an_order(&server).await;
    anna(&server).await.post(&format!("{RUN}/reports"), &[("words", "Twice?")]).await.expect(303);
    server.at("08:07");
    let operator = server.operator().await;
    let page = operator.page("/").await;
    let form = &html::forms(&page, "/reports/1/seen")[0];
    operator.post(&form.action, &[]).await.expect(303);
    assert!(html::words(&operator.page("/").await).contains("Seen. It stays on its story."));
    let page = operator.page("/").await;
    assert!(html::forms(&page, "/reports/1/seen").is_empty() && !html::words(&page).contains("Somebody says"));
    assert_eq!(server.json("/now").await["reports"], json!([]));
    assert!(html::words(&operator.page(RUN).await).contains("anna says: Twice?"));
    // A second time nothing changes.
    operator.post("/reports/1/seen", &[]).await.expect(303);
    assert!(html::words(&operator.page("/").await).contains("operator had seen it already."));
    let actions: Vec<_> = newest_audit(server.app.db.read(), 9).await.unwrap().into_iter().map(|a| a.action).collect();
    assert_eq!(actions.iter().filter(|a| *a == "see_report").count(), 1);
}

async fn now_does_not_say_that_nothing_needs_you_while_somebody_waits_to_be_heard(server: TestServer) {
    an_order(&server).await;
    for (workflow, only) in [("nightly-export", "export"), ("stock-sync", "sync")] {
        server.post_events(step("1", only, "running", "08:00").with("workflow", workflow)).await;
    }
    let sentence = async || server.json("/now").await["sentence"].as_str().unwrap().to_owned();
    let quiet = "Nothing needs you. 3 workflows on track, the one source reporting.";
    assert_eq!(sentence().await, quiet);
    anna(&server).await.post(&format!("{RUN}/reports"), &[("words", "Twice?")]).await.expect(303);
    assert_eq!(
        sentence().await,
        "No workflow needs you. Somebody says that something looks wrong, 3 workflows on track, the one source reporting."
    );
    server.operator().await.post("/reports/1/seen", &[]).await.expect(303);
    assert_eq!(sentence().await, quiet);
}

async fn what_was_typed_comes_back_when_it_cannot_be_taken(server: TestServer) {
    an_order(&server).await;
    let anna = anna(&server).await;
    for page in [RUN, SUBJECT] {
        let path = format!("{page}/reports");
        let long = "x".repeat(501);
        let answer = anna.post(&path, &[("words", &long)]).await.expect(422);
        assert_eq!(html::forms(&answer.text, &path)[0].get("words"), Some(long.as_str()));
        assert!(html::words(&answer.text).contains("This is 501 characters long."), "{page}");
        assert!(
            html::tags(&answer.text).iter().any(|t| t.get("id") == Some("say") && t.get("open").is_some()),
            "{page}"
        );
        let answer = anna.post(&path, &[("words", " \r\n ")]).await.expect(422);
        assert!(html::words(&answer.text).contains("Say in a few words what looks wrong."), "{page}");
        anna.post(&path, &[]).await.expect(422);
    }
    assert_eq!(server.json("/now").await["reports"], json!([]));
}

async fn who_is_not_signed_in_is_asked_to_sign_in(server: TestServer) {
    an_order(&server).await;
    let server = server.restarted("08:05", |settings| settings.public_read = true).await;
    let stranger = server.stranger();
    for page in [RUN, SUBJECT] {
        let text = stranger.page(page).await;
        assert!(html::forms(&text, &format!("{page}/reports")).is_empty());
        assert!(html::words(&text).contains("Sign in to say it"), "{page}");
        let answer = stranger.post(&format!("{page}/reports"), &[("words", "x")]).await.expect(303);
        assert!(answer.header("location").starts_with("/sign-in"), "{page}");
    }
}

async fn a_viewer_cannot_say_that_it_was_seen(server: TestServer) {
    an_order(&server).await;
    let anna = anna(&server).await;
    anna.post(&format!("{RUN}/reports"), &[("words", "Twice?")]).await.expect(303);
    let answer = anna.post("/reports/1/seen", &[]).await.expect(403);
    assert!(html::words(&answer.text).contains("operator"));
    assert_eq!(server.json("/now").await["reports"][0]["seen_by"], json!(null));
}

async fn of_what_is_not_there_nothing_can_be_said(server: TestServer) {
    let operator = server.operator().await;
    for path in
        ["/runs/order-to-erp/none/reports", "/subjects/order/none/reports", "/reports/7/seen", "/reports/x/seen"]
    {
        operator.post(path, &[("words", "x")]).await.expect(404);
    }
}

async fn hostile_words_are_only_words(server: TestServer) {
    an_order(&server).await;
    let anna = anna(&server).await;
    let hostile = "</textarea><script>alert(1)</script> & \0";
    anna.post(&format!("{RUN}/reports"), &[("words", hostile)]).await.expect(303);
    for path in ["/", RUN, SUBJECT] {
        let page = anna.page(path).await;
        assert!(!page.contains("<script>alert(1)"), "{path}");
        assert!(html::words(&page).contains("</textarea><script>alert(1)</script> & \u{fffd}"), "{path}");
    }
    let long = format!("{hostile}{}", "x".repeat(500));
    let answer = anna.post(&format!("{RUN}/reports"), &[("words", &long)]).await.expect(422);
    assert!(!answer.text.contains("<script>alert(1)"));
}
