//! `/sources`: who is heard, who is not, whose events come out of order, and refused events that are tried again.

use app::model::problem::{Claim, Kind};
use serde_json::{Value, json};
use watchbook::judging;
use watchbook::store::people::newest_audit;

use crate::support::{TestServer, With, at, html, on_both_databases, step};

on_both_databases![
    what_the_book_expects_of_a_source_is_shown_and_claimed,
    a_source_never_heard_of_is_claimed_when_the_book_expects_it,
    a_source_that_stops_speaking_is_claimed_by_what_is_usual,
    a_source_heard_once_is_not_judged_by_a_usual_pause,
    events_that_come_reordered_are_counted_and_claimed,
    events_in_order_across_sources_are_not_called_reordered,
    a_refused_event_that_is_good_now_is_recorded_and_leaves_the_list,
    a_refused_event_that_is_still_wrong_stays_with_the_reason,
    a_refused_event_that_is_not_whole_cannot_be_tried_again,
    trying_again_is_for_operators,
    two_components_cannot_be_one_source,
];

async fn claims(server: &TestServer) -> Vec<Claim> {
    let app = &server.app;
    judging::sources::claims(app, &app.worlds.now(), app.now()).await.unwrap()
}

/// The book with one more component that reports as `broker`, at least every five minutes.
async fn expect_the_broker(server: &TestServer) {
    let broker = "kind: component\nid: message-broker\nname: Message broker\ntype: service\nowner: platform-team\nreports: { as: broker, every: 5m }\n";
    server.shelf.write("broker.yaml", broker);
    server.take_over_the_book().await;
    assert_eq!(server.app.worlds.now().book_errors, Vec::<String>::new());
}

async fn alive(server: &TestServer, time: &str) {
    server.at(time);
    server.post_events(json!({"type": "signal", "source": "broker", "time": at(time).to_string()})).await;
}

async fn row(server: &TestServer, id: &str) -> Value {
    let sources = server.json("/sources").await;
    sources["items"].as_array().unwrap().iter().find(|row| row["id"] == id).unwrap().clone()
}

async fn what_the_book_expects_of_a_source_is_shown_and_claimed(server: TestServer) {
    expect_the_broker(&server).await;
    alive(&server, "08:00").await;
    let broker = row(&server, "broker").await;
    assert_eq!((&broker["expected_every_seconds"], &broker["declared"]), (&json!(300), &json!(true)));
    assert_eq!((&broker["component"][0], &broker["owner"]), (&json!("message-broker"), &json!("platform-team")));
    let page = html::words(&server.viewer().await.page("/sources").await);
    assert!(page.contains("expected every 5 min, by the book") && page.contains("Message broker"), "{page}");
    server.at("08:06");
    assert_eq!(claims(&server).await, []);
    server.at("08:07");
    let silent = claims(&server).await;
    assert_eq!((silent[0].kind, silent[0].place.to_string().as_str()), (Kind::Silent, "source:broker"));
    assert_eq!(row(&server, "broker").await["state"], "no_signal");
    alive(&server, "08:08").await;
    assert_eq!(claims(&server).await, []);
}

async fn a_source_never_heard_of_is_claimed_when_the_book_expects_it(server: TestServer) {
    expect_the_broker(&server).await;
    assert_eq!(claims(&server).await, []);
    assert_eq!(row(&server, "broker").await["last_heard_at"], Value::Null);
    server.at("08:07");
    assert_eq!(
        claims(&server).await[0].sentence,
        "Nothing has ever been heard from broker. The book expects it at least every 5 min. We do not know what it would say."
    );
    let page = html::words(&server.viewer().await.page("/sources").await);
    assert!(page.contains("Nothing has ever been heard from broker."), "{page}");
}

async fn a_source_that_stops_speaking_is_claimed_by_what_is_usual(server: TestServer) {
    for minute in (0..60).step_by(5) {
        alive(&server, &format!("08:{minute:02}")).await;
    }
    server.at("09:05");
    assert_eq!(claims(&server).await, []);
    server.at("09:06");
    assert_eq!(
        claims(&server).await[0].sentence,
        "Nothing heard from broker since 08:55; it usually speaks at least every 10 min. We do not know what it would say."
    );
}

async fn a_source_heard_once_is_not_judged_by_a_usual_pause(server: TestServer) {
    alive(&server, "08:00").await;
    server.at("12:00");
    assert_eq!(claims(&server).await, []);
    // That it is not heard is said all the same.
    assert_eq!(row(&server, "broker").await["state"], "no_signal");
}

async fn events_that_come_reordered_are_counted_and_claimed(server: TestServer) {
    server.at("08:10");
    // The end of each comes before its start.
    let backwards = |run: i64| {
        let end = step(&run.to_string(), "take", "succeeded", "08:05");
        [end, step(&run.to_string(), "take", "running", "08:04")]
    };
    for part in 0..4 {
        let events: Vec<_> = (0..5).flat_map(|i| backwards(part * 5 + i)).collect();
        // In one request and in several.
        for request in events.chunks(if part % 2 == 0 { 10 } else { 1 }) {
            server.post_events(request).await;
        }
    }
    let reordered = claims(&server).await;
    assert_eq!((reordered[0].kind, reordered[0].count, reordered[0].since), (Kind::OutOfOrder, 20, at("08:10")));
    assert!(reordered[0].sentence.starts_with("20 of 40 events from shop in the last hour"), "{reordered:?}");
    assert_eq!(row(&server, "shop").await["state"], "late");
    // It ends when there was order for an hour.
    for (i, time) in ["08:40", "09:10", "09:40", "09:55"].into_iter().enumerate() {
        server.at(time);
        server.post_events(step(&format!("good-{i}"), "take", "succeeded", time)).await;
    }
    assert_eq!(claims(&server).await, []);
}

async fn events_in_order_across_sources_are_not_called_reordered(server: TestServer) {
    server.at("08:10");
    for run in 0..30 {
        let run = run.to_string();
        // Two sources tell of one run, the second with a delay of its own; each keeps its order.
        server.post_events(step(&run, "reserve", "running", "08:03").with("source", "stock")).await;
        server
            .post_events(json!([step(&run, "take", "running", "08:01"), step(&run, "take", "succeeded", "08:02")]))
            .await;
    }
    assert_eq!(claims(&server).await, []);
}

/// Has an event refused, and gives the number that it is kept under.
async fn refused(server: &TestServer, event: Value) -> i64 {
    let answer = server.send_events(&event).await;
    assert!(matches!(answer.status, 413 | 422), "{}", answer.text);
    server.json("/sources").await["refused"][0]["id"].as_i64().unwrap()
}

/// What the rules of now take: as if a newer portal had learned to read it.
async fn put_right(server: &TestServer, id: i64, from: &str, to: &str) {
    let mut tx = server.app.db.write().await.unwrap();
    sqlx::query("update refused_events set body = replace(body, $1, $2) where id = $3")
        .bind(from.to_owned())
        .bind(to.to_owned())
        .bind(id)
        .execute(&mut *tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

async fn a_refused_event_that_is_good_now_is_recorded_and_leaves_the_list(server: TestServer) {
    let id = refused(&server, step("1", "take", "done", "07:59")).await;
    put_right(&server, id, "done", "succeeded").await;
    let operator = server.operator().await;
    let page = operator.page("/sources").await;
    assert!(page.contains(&format!("action=\"/sources/refused/{id}/retry\"")), "{page}");
    let answer = operator.post(&format!("/sources/refused/{id}/retry"), &[]).await.expect(303);
    assert_eq!(answer.header("location"), "/sources#refused-events");
    let page = html::words(&operator.page("/sources").await);
    assert!(page.contains("The event from shop was recorded.") && page.contains("Nothing was refused."), "{page}");
    assert_eq!(server.json("/runs/order-to-erp/1").await["steps"][0]["progress"], "succeeded");
    let audit = newest_audit(server.app.db.read(), 1).await.unwrap().remove(0);
    assert_eq!((audit.actor.as_str(), audit.action.as_str()), ("operator", "retry_refused"));
    operator.post(&format!("/sources/refused/{id}/retry"), &[]).await.expect(404);
}

async fn a_refused_event_that_is_still_wrong_stays_with_the_reason(server: TestServer) {
    let id = refused(&server, step("1", "take", "done", "07:59").with("attempt", 0)).await;
    put_right(&server, id, "done", "succeeded").await;
    let operator = server.operator().await;
    let page = html::words(&operator.post(&format!("/sources/refused/{id}/retry"), &[]).await.expect(422).text);
    assert!(page.contains("It is still refused. attempt: must be a whole number from 1."), "{page}");
    let kept = &server.json("/sources").await["refused"][0];
    assert_eq!((&kept["id"], &kept["field"]), (&json!(id), &json!("attempt")));
    assert_eq!(server.json("/events").await["items"], json!([]));
}

async fn a_refused_event_that_is_not_whole_cannot_be_tried_again(server: TestServer) {
    let id = refused(&server, step("1", "take", "done", "07:59").with("note", "n".repeat(300 * 1024))).await;
    let kept = &server.json("/sources").await["refused"][0];
    assert!(kept["left_out"].as_i64().unwrap() > 40 * 1024, "{kept}");
    let operator = server.operator().await;
    let page = operator.page("/sources").await;
    assert!(!page.contains("/retry\"") && html::words(&page).contains("it cannot be tried again"), "{page}");
    operator.post(&format!("/sources/refused/{id}/retry"), &[]).await.expect(422);
    // A long one that is whole can be.
    let id = refused(&server, step("2", "take", "done", "07:59").with("note", "n".repeat(200 * 1024))).await;
    put_right(&server, id, "done", "succeeded").await;
    operator.post(&format!("/sources/refused/{id}/retry"), &[]).await.expect(303);
    assert_eq!(server.json("/runs/order-to-erp/2").await["run"], "2");
}

async fn trying_again_is_for_operators(server: TestServer) {
    let id = refused(&server, step("1", "take", "done", "07:59")).await;
    let path = format!("/sources/refused/{id}/retry");
    server.viewer().await.post(&path, &[]).await.expect(403);
    server.stranger().post(&path, &[]).await.expect(303);
    server.operator().await.post_from("https://evil.example", &path, &[]).await.expect(403);
    assert_eq!(server.json("/sources").await["refused"][0]["field"], "state");
}

async fn two_components_cannot_be_one_source(server: TestServer) {
    let twice = "kind: component\nid: a\nname: A\ntype: service\nreports: { as: broker }\n---\nkind: component\nid: broker\nname: B\ntype: service\nreports: { every: 5m }\n";
    server.shelf.write("twice.yaml", twice);
    let found: Vec<_> =
        watchbook::book::read(server.shelf.folder()).unwrap().findings.into_iter().map(|f| f.text).collect();
    assert_eq!(
        found,
        [
            "component \"broker\" reports as \"broker\" too; one source is one component",
            "component \"a\" reports as \"broker\" too; one source is one component"
        ]
    );
}
