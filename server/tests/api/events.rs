//! `POST /api/v1/events`: what is taken, what is refused and how that is said, and that nothing good is lost.

use std::io::Write;

use serde_json::{Value, json};
use watchbook::actions::create_token::Scope;

use crate::support::{TestServer, With, html, on_both_databases, step};

on_both_databases![
    all_five_forms_of_a_body_are_taken,
    gzip_and_zstd_are_unpacked,
    the_good_part_of_a_bad_batch_is_kept_and_the_bad_part_named,
    a_batch_with_nothing_good_in_it_is_422,
    an_empty_batch_is_taken_and_changes_nothing,
    malformed_json_is_400_with_the_byte,
    a_damaged_body_is_400,
    without_a_token_it_is_401,
    a_wrong_token_is_401,
    a_token_for_reading_may_not_send,
    a_token_for_sending_may_not_read,
    another_content_type_is_415,
    another_encoding_is_415,
    more_than_a_thousand_events_in_a_batch_are_413,
    more_than_16_mib_in_a_batch_are_413_however_small_they_were_packed,
    an_event_larger_than_256_kib_is_refused_alone,
    a_stream_of_lines_is_taken_with_bad_lines_among_them,
    an_event_sent_again_is_counted_on_the_one_that_is_known,
    an_event_twice_in_one_batch_is_recorded_once,
    events_without_an_id_are_known_by_their_content,
    refused_events_are_kept_where_a_person_sees_them,
    unknown_fields_are_kept,
    null_is_as_good_as_absent,
    the_other_families_are_kept_and_shown_as_they_came,
    the_feed_has_every_event_once_in_order_without_gaps,
    thirty_two_senders_make_two_thousand_runs_at_once,
    a_null_character_spoils_nothing,
    who_is_told_to_come_back_loses_nothing_by_it,
    one_event_larger_than_256_kib_is_413_and_kept_to_be_seen,
    how_many_errors_are_not_listed_is_said,
    who_finds_the_writer_full_is_told_to_come_back,
];

async fn all_five_forms_of_a_body_are_taken(server: TestServer) {
    let one = step("1", "take", "succeeded", "08:00");
    let answer = server.send("application/json", &[], one.to_string()).await.expect(202).json();
    assert_eq!(answer, json!({"accepted": 1, "duplicates": 0, "refused": 0, "last": 1, "errors": []}));

    let array = json!([step("2", "take", "succeeded", "08:00"), step("3", "take", "succeeded", "08:00")]);
    let answer = server.send("application/json; charset=utf-8", &[], array.to_string()).await.expect(202).json();
    assert_eq!((&answer["accepted"], &answer["last"]), (&json!(2), &json!(3)));

    let lines = format!("{}\n\n{}", step("4", "take", "succeeded", "08:00"), step("5", "take", "succeeded", "08:00"));
    let answer = server.send("application/x-ndjson", &[], lines).await.expect(202).json();
    assert_eq!((&answer["accepted"], &answer["last"]), (&json!(2), &json!(5)));

    let structured = json!({"specversion": "1.0", "id": "a", "source": "/erp", "type": "com.example.step",
        "time": "2026-06-04T08:00:00Z", "bampid": "order-to-erp", "bamtxid": "6", "bamptxsid": "take",
        "bamptxsstatus": "success", "subject": "order/6"});
    server.send("application/cloudevents+json", &[], structured.to_string()).await.expect(202);

    let second = structured.clone().with("id", "b").with("bamtxid", "7").with("subject", "order/7");
    let answer = server.send("application/cloudevents-batch+json", &[], json!([second]).to_string()).await;
    assert_eq!(answer.expect(202).json()["last"], 7);

    let attributes = [
        ("ce-specversion", "1.0"),
        ("ce-id", "c"),
        ("ce-source", "/sh%C3%B6p"),
        ("ce-type", "com.example.step"),
        ("ce-time", "2026-06-04T08:00:00Z"),
    ];
    let data = json!({"workflow": "order-to-erp", "run": "8", "step": "take", "state": "succeeded"});
    let answer = server.send("application/json", &attributes, data.to_string()).await.expect(202).json();
    assert_eq!((&answer["accepted"], &answer["last"]), (&json!(1), &json!(8)));

    let feed = server.every("/events").await;
    let told: Vec<_> = feed.iter().map(|e| (&e["event"]["run"], &e["event"]["source"])).collect();
    let run = |n: i64| Value::from(n.to_string());
    let sources = ["shop", "shop", "shop", "shop", "shop", "/erp", "/erp", "/shöp"].map(Value::from);
    let expected: Vec<_> = (1..).map(run).zip(sources).collect();
    assert_eq!(told, expected.iter().map(|(run, source)| (run, source)).collect::<Vec<_>>());
    assert_eq!(server.json("/runs/order-to-erp/6").await["subject"], "order/6");
}

async fn gzip_and_zstd_are_unpacked(server: TestServer) {
    let body = json!([step("1", "take", "succeeded", "08:00")]).to_string();
    server.send("application/json", &[("content-encoding", "gzip")], gzipped(body.as_bytes())).await.expect(202);
    let lines = format!("{}\n", step("2", "take", "succeeded", "08:00"));
    let packed = zstd::encode_all(lines.as_bytes(), 3).unwrap();
    server.send("application/x-ndjson", &[("content-encoding", "zstd")], packed).await.expect(202);
    assert_eq!(server.json("/workflows/order-to-erp").await["observed"]["runs"], 2);
}

fn gzipped(body: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(body).unwrap();
    packer.finish().unwrap()
}

async fn the_good_part_of_a_bad_batch_is_kept_and_the_bad_part_named(server: TestServer) {
    let batch = json!([
        step("1", "take", "succeeded", "08:00"),
        step("2", "take", "odd", "08:00"),
        step("3", "take", "succeeded", "08:00").with("attempt", 0),
        step("4", "take", "succeeded", "08:00").with("time", "yesterday"),
        {"workflow": "order-to-erp", "state": "running"},
        "nothing",
        step("5", "take", "succeeded", "08:00"),
    ]);
    let answer = server.send_events(&batch).await.expect(202).json();
    assert_eq!((&answer["accepted"], &answer["refused"], &answer["last"]), (&json!(2), &json!(5), &json!(2)));
    let errors = answer["errors"].as_array().unwrap();
    let named: Vec<_> = errors.iter().map(|e| (e["index"].as_i64().unwrap(), e["field"].as_str().unwrap())).collect();
    assert_eq!(named, [(1, "state"), (2, "attempt"), (3, "time"), (4, "run"), (5, "")]);
    assert_eq!(
        errors[0]["detail"],
        "\"odd\" is not one of waiting, running, retrying, failed, partial, skipped, cancelled, succeeded"
    );
    assert_eq!(errors[4]["detail"], "an event is a JSON object");
}

async fn a_batch_with_nothing_good_in_it_is_422(server: TestServer) {
    let problem = server.send_events(&json!([{"run": "1", "state": "running"}])).await.problem(422);
    assert_eq!(problem["title"], "Nothing was recorded");
    assert_eq!(problem["errors"], json!([{"index": 0, "field": "workflow", "detail": "is needed"}]));
    let lines = server.send("application/x-ndjson", &[], "{}\n{}\n").await.problem(422);
    assert_eq!(lines["detail"], "All 2 events were refused.");
    assert_eq!(server.json("/events").await["items"], json!([]));
}

async fn an_empty_batch_is_taken_and_changes_nothing(server: TestServer) {
    for (kind, body) in [("application/json", "[]"), ("application/x-ndjson", ""), ("application/x-ndjson", "\n \n")] {
        let answer = server.send(kind, &[], body).await.expect(202).json();
        assert_eq!(answer, json!({"accepted": 0, "duplicates": 0, "refused": 0, "last": 0, "errors": []}));
    }
}

async fn malformed_json_is_400_with_the_byte(server: TestServer) {
    let problem = server.send("application/json", &[], "{\"workflow\": \"a\",\n \"run\" 2}").await.problem(400);
    assert_eq!(problem["title"], "The body cannot be read");
    assert_eq!(problem["detail"], "The body is not JSON: expected `:` at byte 26.");
    server.send("application/json", &[], "").await.problem(400);
    server.send("application/json", &[], vec![b'"', 0xff, b'"']).await.problem(400);
    server.send("application/cloudevents-batch+json", &[], "[").await.problem(400);
    assert_eq!(server.json("/sources").await["refused"], json!([]));
}

async fn a_damaged_body_is_400(server: TestServer) {
    let whole = gzipped(json!([step("1", "take", "succeeded", "08:00")]).to_string().as_bytes());
    let half = whole[..whole.len() / 2].to_vec();
    let problem = server.send("application/json", &[("content-encoding", "gzip")], half).await.problem(400);
    assert!(problem["detail"].as_str().unwrap().starts_with("It broke off or its compression is damaged"), "{problem}");
}

async fn without_a_token_it_is_401(server: TestServer) {
    let body = step("1", "take", "succeeded", "08:00").to_string();
    let answer = server.stranger().send("/api/v1/events", &[("content-type", "application/json")], body).await;
    assert_eq!(answer.header("www-authenticate"), "Bearer");
    let problem = answer.problem(401);
    assert!(problem["detail"].as_str().unwrap().contains("watchbook token create"), "{problem}");
}

async fn a_wrong_token_is_401(server: TestServer) {
    let body = step("1", "take", "succeeded", "08:00").to_string();
    for wrong in ["nonsense", &format!("wb_{}", "A".repeat(43)), &server.ingest[..45]] {
        let kind = [("content-type", "application/json")];
        let problem = server.program(wrong).send("/api/v1/events", &kind, body.clone()).await.problem(401);
        assert_eq!(problem["detail"], "This token is not known.");
    }
    assert_eq!(server.json("/events").await["items"], json!([]));
}

async fn a_token_for_reading_may_not_send(server: TestServer) {
    let body = step("1", "take", "succeeded", "08:00").to_string();
    let kind = [("content-type", "application/json")];
    let problem = server.program(&server.read).send("/api/v1/events", &kind, body.clone()).await.problem(403);
    assert_eq!(problem["detail"], "It has the scope read; sending needs the scope ingest.");
    let admin = server.token("everything", Scope::Admin).await;
    server.program(&admin).send("/api/v1/events", &kind, body).await.expect(202);
    server.program(&admin).get("/api/v1/events").await.expect(200);
}

async fn a_token_for_sending_may_not_read(server: TestServer) {
    let problem = server.program(&server.ingest).get("/api/v1/events").await.problem(403);
    assert_eq!(problem["detail"], "It has the scope ingest; reading needs the scope read.");
}

async fn another_content_type_is_415(server: TestServer) {
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/xml", ""] {
        let problem = server.send(kind, &[], step("1", "take", "running", "08:00").to_string()).await.problem(415);
        assert!(problem["detail"].as_str().unwrap().contains("application/x-ndjson"), "{problem}");
    }
}

async fn another_encoding_is_415(server: TestServer) {
    let body = step("1", "take", "running", "08:00").to_string();
    let answer = server.send("application/json", &[("content-encoding", "compress")], body).await;
    assert!(answer.header("accept-encoding").contains("gzip"), "{}", answer.header("accept-encoding"));
    let problem = answer.problem(415);
    assert!(problem["detail"].as_str().unwrap().contains("\"Content-Encoding: zstd\""), "{problem}");
    assert_eq!(server.json("/events").await["items"], json!([]));
}

async fn more_than_a_thousand_events_in_a_batch_are_413(server: TestServer) {
    let batch =
        |n: usize| Value::from((0..n).map(|i| step(&i.to_string(), "take", "succeeded", "08:00")).collect::<Vec<_>>());
    let problem = server.send_events(&batch(1_001)).await.problem(413);
    assert_eq!(problem["detail"], "1001 events in one batch; at most 1000 are taken. Send several batches, or NDJSON.");
    assert_eq!(server.post_events(batch(1_000)).await["accepted"], 1_000);
}

async fn more_than_16_mib_in_a_batch_are_413_however_small_they_were_packed(server: TestServer) {
    let body = vec![b' '; 16 * 1024 * 1024 + 1];
    let problem = server.send("application/json", &[("content-encoding", "gzip")], gzipped(&body)).await.problem(413);
    assert_eq!(problem["detail"], "At most 16 MiB are taken in one batch. Send several, or NDJSON.");
    server.send("application/json", &[], body).await.problem(413);
}

async fn an_event_larger_than_256_kib_is_refused_alone(server: TestServer) {
    let large = step("1", "take", "succeeded", "08:00").with("note", "x".repeat(256 * 1024));
    let answer = server.send_events(&json!([large, step("2", "take", "succeeded", "08:00")])).await.expect(202).json();
    assert_eq!(answer["accepted"], 1);
    assert_eq!(answer["errors"], json!([{"index": 0, "field": "", "detail": "the event is larger than 256 KiB"}]));
    let lines = format!("{large}\n{}\n", step("3", "take", "succeeded", "08:00"));
    let answer = server.send("application/x-ndjson", &[], lines).await.expect(202).json();
    assert_eq!(
        (&answer["accepted"], &answer["errors"][0]["detail"]),
        (&json!(1), &json!("the line is longer than 256 KiB"))
    );
    // What is kept of a refused event is its beginning.
    let kept = server.json("/sources").await["refused"][0]["raw"].as_str().unwrap().len();
    assert_eq!(kept, 4_096);
}

async fn a_stream_of_lines_is_taken_with_bad_lines_among_them(server: TestServer) {
    let line = |i: usize| match i {
        _ if i % 500 == 7 => "{\"workflow\":".to_owned(),
        _ if i % 1_000 == 8 => step("1", "take", "odd", "08:00").to_string(),
        _ => step(&(i / 5).to_string(), "take", "running", "08:00").with("id", i.to_string()).to_string(),
    };
    let lines: String = (0..5_000).map(|i| line(i) + "\n").collect();
    let answer = server.send("application/x-ndjson", &[], lines).await.expect(202).json();
    assert_eq!((&answer["accepted"], &answer["refused"], &answer["last"]), (&json!(4_985), &json!(15), &json!(4_985)));
    let errors = answer["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 15);
    assert_eq!(errors[0], json!({"index": 7, "field": "", "detail": "not JSON at byte 12: EOF while parsing a value"}));
    let states: Vec<_> =
        errors.iter().filter(|e| e["field"] == "state").map(|e| e["index"].as_i64().unwrap()).collect();
    assert_eq!(states, [8, 1_008, 2_008, 3_008, 4_008]);
    assert_eq!(server.json("/workflows/order-to-erp").await["observed"]["runs"], 1_000);
}

async fn an_event_sent_again_is_counted_on_the_one_that_is_known(server: TestServer) {
    let event = step("1", "take", "succeeded", "08:00").with("id", "e1");
    server.post_events(event.clone()).await;
    let before = server.json("/runs/order-to-erp/1").await;
    // The id settles it, whatever else it says now.
    let answer = server.post_events(event.with("state", "failed")).await;
    assert_eq!(answer, json!({"accepted": 0, "duplicates": 1, "refused": 0, "last": 1, "errors": []}));
    let after = server.json("/runs/order-to-erp/1").await;
    assert_eq!((&before["story"][0]["repeats"], &after["story"][0]["repeats"]), (&json!(1), &json!(2)));
    assert_eq!((&after["state"], &after["steps"]), (&before["state"], &before["steps"]));
    assert_eq!(server.json("/workflows/order-to-erp").await["observed"]["events"], 1);
    assert_eq!(server.json("/sources").await["items"][0]["duplicates"], 1);
    let page = html::words(&server.viewer().await.page("/runs/order-to-erp/1").await);
    assert!(page.contains("Take the order finished×2"), "{page}");
    // Another source may use the same id.
    let other = step("1", "reserve", "running", "08:00").with("id", "e1").with("source", "stock");
    assert_eq!(server.post_events(other).await["accepted"], 1);
}

async fn an_event_twice_in_one_batch_is_recorded_once(server: TestServer) {
    let event = step("1", "take", "succeeded", "08:00").with("id", "e1");
    let answer = server.post_events(json!([event, event, event])).await;
    assert_eq!(answer, json!({"accepted": 1, "duplicates": 2, "refused": 0, "last": 1, "errors": []}));
    assert_eq!(server.json("/runs/order-to-erp/1").await["story"][0]["repeats"], 3);
}

async fn events_without_an_id_are_known_by_their_content(server: TestServer) {
    let event = step("1", "take", "succeeded", "08:00");
    server.post_events(event.clone()).await;
    assert_eq!(server.post_events(event.clone()).await["duplicates"], 1);
    assert_eq!(server.post_events(event.with("note", "other")).await["accepted"], 1);
}

async fn refused_events_are_kept_where_a_person_sees_them(server: TestServer) {
    server.send_events(&step("1", "take", "odd", "08:00").with("colour", "red")).await.expect(422);
    let sources = server.json("/sources").await;
    let refused = &sources["refused"][0];
    assert_eq!((&refused["source"], &refused["field"]), (&json!("shop"), &json!("state")));
    assert_eq!(refused["received_at"], "2026-06-04T08:00:00Z");
    assert!(refused["raw"].as_str().unwrap().contains("\"colour\":\"red\""), "{refused}");
    assert_eq!(sources["items"][0]["refused"], 1);
    let page = html::words(&server.viewer().await.page("/sources").await);
    assert!(page.contains("\"odd\" is not one of waiting"), "{page}");
}

async fn unknown_fields_are_kept(server: TestServer) {
    let event =
        step("1", "take", "succeeded", "08:00").with("colour", "red").with("deep", json!({"a": [1, {"b": null}]}));
    server.post_events(event).await;
    let kept = &server.json("/events").await["items"][0]["event"];
    assert_eq!((&kept["colour"], &kept["deep"]), (&json!("red"), &json!({"a": [1, {"b": null}]})));
    assert_eq!((&kept["type"], &kept["source"]), (&json!("step"), &json!("shop")));
}

async fn null_is_as_good_as_absent(server: TestServer) {
    server
        .post_events(json!({"workflow": "order-to-erp", "run": "1", "state": "running", "step": null, "time": null,
        "id": null, "source": null, "error": null}))
        .await;
    let run = server.json("/runs/order-to-erp/1").await;
    assert_eq!((&run["since"], &run["steps"]), (&json!("2026-06-04T08:00:00Z"), &json!([])));
}

async fn the_other_families_are_kept_and_shown_as_they_came(server: TestServer) {
    let events = json!([
        {"type": "queue", "queue": "erp-queue", "depth": 412, "oldest_at": "2026-06-04T07:13:00Z"},
        {"type": "signal", "name": "backup", "state": "success"},
        {"type": "change", "component": "erp-sync", "version": "2.4.1", "by": "deploy-bot"},
        {"type": "record", "system": "erp", "subject": "order/10482", "fields": {"total": 12}},
    ]);
    assert_eq!(server.post_events(events).await["accepted"], 4);
    let raw = server.json("/sources").await["raw"].as_array().unwrap().clone();
    let families: Vec<_> = raw.iter().map(|e| e["family"].as_str().unwrap()).collect();
    assert_eq!(families, ["record", "change", "queue"]);
    assert!(raw[2]["raw"].as_str().unwrap().contains("\"depth\":412"));
    // A check with a name and a state is a run of its workflow.
    assert_eq!(server.json("/workflows/backup").await["observed"]["runs"], 1);
    assert_eq!(server.json("/workflows/order-to-erp").await["observed"]["events"], 0);
    let viewer = server.viewer().await;
    assert!(html::words(&viewer.page("/sources").await).contains("\"depth\":412"));
    assert!(html::words(&viewer.page("/components/erp-queue").await).contains("\"depth\":412"));
    assert!(html::words(&viewer.page("/components/erp-sync").await).contains("2.4.1"));
    let missing =
        server.send_events(&json!([{"type": "queue"}, {"type": "change"}, {"type": "party"}])).await.problem(422);
    let fields: Vec<_> = missing["errors"].as_array().unwrap().iter().map(|e| e["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["queue", "component", "type"]);
}

async fn the_feed_has_every_event_once_in_order_without_gaps(server: TestServer) {
    let mut last = 0;
    for batch in 0..6 {
        let events: Vec<_> = (0..200).map(|i| step(&format!("{batch}-{i}"), "take", "running", "08:00")).collect();
        let answer = server.post_events(events).await;
        last += 200;
        assert_eq!(answer["last"], last);
    }
    let feed = server.every("/events").await;
    let positions: Vec<_> = feed.iter().map(|e| e["position"].as_i64().unwrap()).collect();
    assert_eq!(positions, (1..=1_200).collect::<Vec<_>>());
    let runs: Vec<_> = feed.iter().map(|e| e["event"]["run"].as_str().unwrap().to_owned()).collect();
    let sent: Vec<_> = (0..6).flat_map(|batch| (0..200).map(move |i| format!("{batch}-{i}"))).collect();
    assert_eq!(runs, sent);
    let rest = server.json("/events?after=1198").await;
    assert_eq!((rest["items"].as_array().unwrap().len(), &rest["next"]), (2, &Value::Null));
}

async fn thirty_two_senders_make_two_thousand_runs_at_once(server: TestServer) {
    let server = std::sync::Arc::new(server);
    let senders: Vec<_> = (0..32)
        .map(|sender| {
            let server = server.clone();
            tokio::spawn(async move {
                let program = server.program(&server.ingest);
                for i in (sender..2_000).step_by(32) {
                    let body = step(&i.to_string(), "take", "running", "08:00").to_string();
                    let kind = [("content-type", "application/json")];
                    let answer = program.send("/api/v1/events", &kind, body).await.expect(202).json();
                    assert_eq!(answer["accepted"], 1);
                }
            })
        })
        .collect();
    for sender in senders {
        sender.await.unwrap();
    }
    let page = server.json("/workflows/order-to-erp").await;
    assert_eq!((&page["observed"]["runs"], &page["waiting"]), (&json!(2_000), &json!(2_000)));
    let feed = server.every("/events").await;
    assert!(feed.iter().map(|e| e["position"].as_i64().unwrap()).eq(1..=2_000));
}

/// PostgreSQL has no text with a null character in it; one sender's must not cost others their events.
async fn a_null_character_spoils_nothing(server: TestServer) {
    let lines = [
        step("1", "push", "failed", "08:00").with("error", json!({"code": "5\u{0}3", "message": "re\u{0}fused"})),
        step("2", "push", "waiting", "08:00").with("waiting_on", "some\u{0}body").with("note", "\u{0}"),
        json!({"type": "change", "component": "erp-sync", "version": "2", "what": "a\u{0}b", "link": "\u{0}"}),
        json!({"type": "par\u{0}ty"}),
        step("3", "push", "o\u{0}dd", "08:00"),
        step("4", "push", "failed", "08:00").with("time", "\u{0}"),
        step("5", "push", "running", "08:00"),
    ];
    let mut body: Vec<u8> = lines.iter().flat_map(|l| format!("{l}\n").into_bytes()).collect();
    body.extend(b"{\"workflow\": \0}\n");
    let answer = server.send("application/x-ndjson", &[], body).await.expect(202).json();
    assert_eq!((&answer["accepted"], &answer["refused"]), (&json!(4), &json!(4)), "{answer}");
    assert_eq!(server.json("/runs/order-to-erp/5").await["state"], "on_track");
    assert_eq!(server.json("/runs/order-to-erp/1").await["state"], "retrying");
    let viewer = server.viewer().await;
    for path in ["/runs/order-to-erp/1", "/runs/order-to-erp/2", "/sources", "/components/erp-sync", "/"] {
        viewer.page(path).await;
    }
}

async fn who_is_told_to_come_back_loses_nothing_by_it(server: TestServer) {
    // Less room than all of them need at once.
    let server = std::sync::Arc::new(server.restarted("08:00", |settings| settings.room = 1_600).await);
    let accepted = std::sync::Arc::new(tokio::sync::watch::Sender::new(0));
    let senders: Vec<_> = (0..24)
        .map(|sender| {
            let (server, accepted) = (server.clone(), accepted.clone());
            tokio::spawn(async move {
                let events: Vec<_> = (0..200)
                    .map(|i| step(&format!("{sender}-{}", i / 20), "take", "waiting", "08:00").with("sequence", i))
                    .collect();
                let batch = Value::from(events);
                // What was refused for want of room was not kept in part: sent again, all of it is new.
                loop {
                    let mut others = accepted.subscribe();
                    let answer = server.send_events(&batch).await;
                    if answer.status == 202 {
                        accepted.send_modify(|n| *n += 1);
                        return assert_eq!(answer.json()["accepted"], 200);
                    }
                    assert_eq!(answer.header("retry-after"), "1");
                    answer.problem(429);
                    // Somebody held the room, and is answered when it is free again.
                    others.changed().await.unwrap();
                }
            })
        })
        .collect();
    for sender in senders {
        sender.await.unwrap();
    }
    let page = server.json("/workflows/order-to-erp").await;
    assert_eq!((&page["observed"]["events"], &page["observed"]["runs"]), (&json!(4_800), &json!(240)));
}

async fn one_event_larger_than_256_kib_is_413_and_kept_to_be_seen(server: TestServer) {
    let large = step("1", "take", "succeeded", "08:00").with("note", "x".repeat(256 * 1024));
    let problem = server.send_events(&large).await.problem(413);
    assert_eq!(problem["title"], "The event is too large");
    assert_eq!(problem["errors"], json!([{"index": 0, "field": "", "detail": "the event is larger than 256 KiB"}]));
    // What it has room for by itself and no more with what is written into it, is as much too large.
    let room = 256 * 1024 - step("2", "take", "succeeded", "08:00").with("note", "").to_string().len();
    server.send_events(&step("2", "take", "succeeded", "08:00").with("note", "x".repeat(room))).await.problem(413);
    let structured = large.with("specversion", "1.0").with("id", "a").with("source", "/erp").with("type", "x");
    server.send("application/cloudevents+json", &[], structured.to_string()).await.problem(413);
    assert_eq!(server.json("/sources").await["refused"].as_array().unwrap().len(), 3);
    assert_eq!(server.json("/events").await["items"], json!([]));
}

async fn how_many_errors_are_not_listed_is_said(server: TestServer) {
    let bad = |n: usize| -> Vec<Value> { (0..n).map(|i| step(&i.to_string(), "take", "odd", "08:00")).collect() };
    let problem = server.send_events(&bad(250).into()).await.problem(422);
    assert_eq!((problem["errors"].as_array().unwrap().len(), &problem["errors_left_out"]), (100, &json!(150)));
    let mut some = bad(130);
    some.push(step("good", "take", "running", "08:00"));
    let answer = server.send_events(&some.clone().into()).await.expect(202).json();
    assert_eq!((&answer["refused"], &answer["errors_left_out"]), (&json!(130), &json!(30)));
    let lines: String = some.iter().map(|e| format!("{e}\n")).collect();
    let answer = server.send("application/x-ndjson", &[], lines).await.expect(202).json();
    assert_eq!((&answer["refused"], &answer["errors_left_out"]), (&json!(130), &json!(30)));
}

async fn who_finds_the_writer_full_is_told_to_come_back(server: TestServer) {
    let server = std::sync::Arc::new(server.restarted("08:00", |settings| settings.room = 10).await);
    // Whoever has the turn to write keeps the writer waiting.
    let turn = server.hold_the_turn_to_write().await;
    let sent = |run: &str, n: usize| -> Value {
        (0..n).map(|i| step(run, "take", "running", "08:00").with("sequence", i)).collect::<Vec<_>>().into()
    };
    let full = {
        let (server, batch) = (server.clone(), sent("1", 10));
        tokio::spawn(async move { server.send_events(&batch).await.expect(202).json() })
    };
    server.until(|| server.app.writer.waiting() == 10).await;
    for events in [sent("2", 1), sent("2", 500)] {
        let refused = server.send_events(&events).await;
        assert_eq!(refused.header("retry-after"), "1");
        assert_eq!(refused.problem(429)["title"], "Too many events wait to be written");
    }
    // A stream of lines is not refused: it waits for room.
    let lines: String = sent("3", 3).as_array().unwrap().iter().map(|e| format!("{e}\n")).collect();
    let waiting = {
        let server = server.clone();
        tokio::spawn(async move { server.send("application/x-ndjson", &[], lines).await.expect(202).json() })
    };
    assert_eq!(server.app.writer.waiting(), 10);
    turn.rollback().await.unwrap();
    assert_eq!((&full.await.unwrap()["accepted"], &waiting.await.unwrap()["accepted"]), (&json!(10), &json!(3)));
    // What was refused was not kept in part: sent again, all of it is new, more than there is room for as well.
    assert_eq!(server.post_events(sent("2", 500)).await["accepted"], 500);
    assert_eq!(server.json("/workflows/order-to-erp").await["observed"]["events"], 513);
}
