//! Queues: what they report is kept by its own time, judged, and shown where somebody looks.

use app::model::problem::{Claim, Kind};
use app::model::status::State;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use serde_json::{Value, json};
use watchbook::judging;

use crate::support::{TestServer, With, at, html, on_both_databases, step};

on_both_databases![
    an_older_report_never_overwrites_a_newer_one,
    reports_in_any_order_and_in_any_parts_say_the_same,
    a_queue_over_its_limits_is_a_backlog_with_the_time_to_drain,
    a_queue_that_stops_draining_is_stuck_until_it_moves,
    more_in_than_out_is_a_backlog_below_the_limits,
    a_queue_that_no_longer_reports_is_no_signal,
    a_wrong_report_is_refused_by_its_field,
    a_queue_that_the_book_does_not_know_is_welcome,
    steps_and_runbooks_say_what_the_queue_says,
    a_component_is_followed_live,
    another_limit_in_the_book_judges_anew,
    what_nobody_looks_at_any_more_is_forgotten_in_small_steps,
];

fn report(time: &str, depth: i64) -> Value {
    json!({"type": "queue", "queue": "erp-queue", "depth": depth, "time": at(time).to_string(), "source": "broker"})
}

/// The small book, in which the queue has limits.
async fn with_limits(server: &TestServer, limits: &str) {
    let queue = format!("kind: component\nid: erp-queue\nname: ERP queue\ntype: queue\nlimits: {limits}\n");
    let components = std::fs::read_to_string(server.shelf.folder().join("components.yaml")).unwrap();
    let others: Vec<_> = components.split("---\n").filter(|entry| !entry.contains("id: erp-queue\n")).collect();
    server.shelf.write("components.yaml", &others.join("---\n"));
    server.shelf.write("queue.yaml", &queue);
    server.take_over_the_book().await;
    assert_eq!(server.app.worlds.now().book_errors, Vec::<String>::new());
}

async fn queue(server: &TestServer) -> Value {
    server.json("/components/erp-queue").await["queue"].clone()
}

async fn claims(server: &TestServer) -> Vec<Claim> {
    let app = &server.app;
    judging::queues::claims(app, &app.worlds.now(), app.now()).await.unwrap()
}

/// A report each minute from one on, as (waiting, waited by the oldest in minutes, in, out).
async fn each_minute(server: &TestServer, from: u32, said: &[(i64, i64, i64, i64)]) {
    for (minute, (depth, waited, come, go)) in (from..).zip(said) {
        let time = format!("08:{minute:02}");
        server.at(&time);
        let event = report(&time, *depth).with("oldest", format!("{waited}m")).with("in", *come).with("out", *go);
        server.post_events(event).await;
    }
}

async fn an_older_report_never_overwrites_a_newer_one(server: TestServer) {
    server.at("08:05");
    server.post_events(report("08:04", 12)).await;
    server.post_events(report("08:02", 99)).await;
    let queue = queue(&server).await;
    assert_eq!((&queue["depth"], &queue["reported_at"]), (&json!(12), &json!("2026-06-04T08:04:00Z")));
    let samples: Vec<_> = queue["samples"].as_array().unwrap().iter().map(|s| s["depth"].as_i64().unwrap()).collect();
    assert_eq!(samples, [99, 12]);
}

async fn reports_in_any_order_and_in_any_parts_say_the_same(server: TestServer) {
    server.at("08:30");
    let mut reports: Vec<Value> = (0..90)
        .map(|i| {
            let time = format!("08:{:02}:{:02}", i / 3, i % 3 * 20);
            report(&time, (i * 7) % 31).with("oldest", format!("{}s", i % 50)).with("in", i % 4).with("out", 1)
        })
        .collect();
    let said = async |reports: &[Value], name: &str, parts: usize| {
        for part in reports.chunks(parts) {
            let part: Vec<_> = part.iter().map(|r| r.clone().with("queue", name)).collect();
            server.post_events(part).await;
        }
        server.json(&format!("/components/{name}")).await["queue"].clone()
    };
    let once = said(&reports, "in-order", 90).await;
    assert_eq!(once["samples"].as_array().unwrap().len(), 30);
    let mut rng = StdRng::seed_from_u64(7);
    for round in 0..3 {
        reports.shuffle(&mut rng);
        let again = said(&reports, &format!("shuffled-{round}"), 7).await;
        for field in ["depth", "oldest_at", "reported_at", "samples", "in_per_minute", "out_per_minute", "trend"] {
            assert_eq!(again[field], once[field], "{field} in round {round}");
        }
    }
}

async fn a_queue_over_its_limits_is_a_backlog_with_the_time_to_drain(server: TestServer) {
    with_limits(&server, "{ depth: 300, oldest: 15m }").await;
    each_minute(&server, 0, &[(432, 47, 2, 12), (422, 47, 2, 12), (412, 47, 2, 12)]).await;
    let claims = claims(&server).await;
    let claim = &claims[0];
    assert_eq!((claims.len(), claim.kind, claim.state, claim.count), (1, Kind::Backlog, State::Late, 412));
    assert_eq!(claim.place.to_string(), "component:erp-queue");
    assert_eq!(
        claim.sentence,
        "412 orders wait in ERP queue, more than its limit of 300. The oldest has waited since 07:15, 47 min at the last report; its limit is 15 min."
    );
    assert_eq!(claim.next.as_deref(), Some("It will be empty in 41 min at the present rates."));
    let queue = queue(&server).await;
    for (field, value) in [
        ("state", json!("late")),
        ("in_per_minute", json!(2.0)),
        ("out_per_minute", json!(12.0)),
        ("trend", json!("steady")),
        ("draining", json!("draining")),
        ("drain_seconds", json!(2472)),
        ("headroom_seconds", json!(0)),
        ("unit", json!("orders")),
    ] {
        assert_eq!(queue[field], value, "{field}");
    }
    let page = html::words(&server.viewer().await.page("/components/erp-queue").await);
    for words in ["Late", "412, limit 300", "47 min since 07:15, limit 15 min", "12 a minute", "41 min", "As a table"] {
        assert!(page.contains(words), "{words} is not in {page}");
    }
}

async fn a_queue_that_stops_draining_is_stuck_until_it_moves(server: TestServer) {
    with_limits(&server, "{ depth: 10, oldest: 15m }").await;
    each_minute(&server, 0, &[(3, 0, 7, 7), (3, 0, 7, 7)]).await;
    assert_eq!(claims(&server).await, []);
    each_minute(&server, 2, &[(10, 1, 7, 0), (17, 2, 7, 0), (24, 3, 7, 0), (31, 4, 7, 0), (38, 5, 7, 0)]).await;
    let stuck = claims(&server).await;
    let kinds: Vec<_> = stuck.iter().map(|c| (c.kind, c.since)).collect();
    assert_eq!(kinds, [(Kind::Stuck, at("08:01"))]);
    assert_eq!(
        stuck[0].sentence,
        "Nothing has left ERP queue since 08:01. 38 orders wait in it, the oldest since 08:01."
    );
    // One that leaves does not end it; that it moves does.
    each_minute(&server, 7, &[(44, 6, 7, 1)]).await;
    assert_eq!(claims(&server).await[0].kind, Kind::Stuck);
    each_minute(&server, 8, &[(21, 1, 7, 30), (3, 0, 7, 25), (3, 0, 7, 7)]).await;
    assert_eq!(claims(&server).await, []);
    assert_eq!(queue(&server).await["state"], "on_track");
}

async fn more_in_than_out_is_a_backlog_below_the_limits(server: TestServer) {
    with_limits(&server, "{ depth: 500 }").await;
    let filling: Vec<_> = (0..=10).map(|m| (20 + 4 * m, 1, 12, 8)).collect();
    each_minute(&server, 0, &filling[..10]).await;
    assert_eq!(claims(&server).await, []);
    each_minute(&server, 10, &filling[10..]).await;
    let claims = claims(&server).await;
    assert_eq!(
        claims[0].sentence,
        "More comes into ERP queue than goes out since 08:00: 12 a minute in, 8 a minute out. 60 orders wait in it."
    );
    assert_eq!(claims[0].next.as_deref(), Some("It is not draining. A limit is reached in 110 min."));
}

async fn a_queue_that_no_longer_reports_is_no_signal(server: TestServer) {
    each_minute(&server, 0, &[(3, 1, 7, 7), (3, 1, 7, 7)]).await;
    server.at("08:12");
    let component = server.json("/components/erp-queue").await;
    assert_eq!((&component["state"], &component["queue"]["state"]), (&json!("no_signal"), &json!("no_signal")));
    assert_eq!(
        component["queue"]["sentence"],
        "It has not reported since 08:01, when 3 orders waited. We do not know how it is now."
    );
}

async fn a_wrong_report_is_refused_by_its_field(server: TestServer) {
    for (field, event) in [
        ("depth", report("08:00", 1).with("depth", Value::Null)),
        ("depth", report("08:00", -1)),
        ("oldest", report("08:00", 1).with("oldest", "long")),
        ("oldest_at", report("08:00", 1).with("oldest_at", 7)),
        ("in", report("08:00", 1).with("in", "many")),
        ("out", report("08:00", 1).with("out", -2)),
    ] {
        let problem = server.send_events(&event).await.problem(422);
        assert_eq!(problem["errors"][0]["field"], field, "{event}");
    }
    let component = server.json("/components/erp-queue").await;
    assert_eq!(component["queue"], Value::Null);
}

async fn a_queue_that_the_book_does_not_know_is_welcome(server: TestServer) {
    server.stranger().get("/components/new-queue").await.expect(303);
    server.viewer().await.get("/components/new-queue").await.expect(404);
    server.post_events(report("08:00", 3).with("queue", "new-queue")).await;
    let component = server.json("/components/new-queue").await;
    assert_eq!((&component["declared"], &component["queue"]["depth"]), (&json!(false), &json!(3)));
    let page = html::words(&server.viewer().await.page("/components/new-queue").await);
    assert!(page.contains("not in the book") && page.contains("3 wait."), "{page}");
}

async fn steps_and_runbooks_say_what_the_queue_says(server: TestServer) {
    with_limits(&server, "{ depth: 300, oldest: 15m }").await;
    server.shelf.write("look.md", "---\ntitle: Look\n---\n\n## Do this now\n\n![Queue](live:queue/erp-queue)\n");
    server.take_over_the_book().await;
    let fact = async || {
        let page = server.json("/workflows/order-to-erp").await;
        page["steps"][2]["fact"].as_str().unwrap().to_owned()
    };
    server.post_events(step("1", "push", "waiting", "08:00")).await;
    assert_eq!(fact().await, "1 here, oldest 0 ms");
    let viewer = server.viewer().await;
    assert!(html::words(&viewer.page("/runbooks/look").await).contains("Queue: 1 waiting"));
    server.post_events(report("08:00", 212).with("oldest", "47m")).await;
    assert_eq!(fact().await, "212 waiting, oldest 47 min (limit 15 min)");
    let page = html::words(&viewer.page("/runbooks/look").await);
    assert!(page.contains("Queue: 212 waiting, oldest 47 min (limit 15 min)"), "{page}");
    server.strike_at("08:05").await;
    assert_eq!(fact().await, "1 late, by 0 ms; 212 waiting, oldest 47 min (limit 15 min)");
    // What was said long ago is not what is so.
    server.at("08:20");
    assert!(!fact().await.contains("212"), "{}", fact().await);
}

async fn a_component_is_followed_live(server: TestServer) {
    server.post_events(report("08:00", 3)).await;
    let viewer = server.viewer().await;
    let page = viewer.page("/components/erp-queue").await;
    assert!(page.contains("component:erp-queue") && page.contains("data-live=\"queue\""));
    let mut stream = viewer.stream("/live?topics=component:erp-queue").await;
    assert_eq!(stream.status(), 200);
    let mut read = String::new();
    while !read.contains("\n\n") {
        read.push_str(std::str::from_utf8(&stream.chunk().await.unwrap().unwrap()).unwrap());
    }
    assert!(read.contains("3 orders wait."), "{read}");
    server.post_events(report("08:01", 4)).await;
    while !read.contains("4 orders wait.") {
        read.push_str(std::str::from_utf8(&stream.chunk().await.unwrap().unwrap()).unwrap());
    }
    viewer.get("/live?topics=component:nothing").await.expect(404);
}

async fn another_limit_in_the_book_judges_anew(server: TestServer) {
    each_minute(&server, 0, &[(40, 1, 7, 7), (40, 1, 7, 7)]).await;
    assert_eq!(claims(&server).await, []);
    with_limits(&server, "{ depth: 30 }").await;
    assert_eq!(claims(&server).await[0].kind, Kind::Backlog);
    with_limits(&server, "{ depth: 60 }").await;
    assert_eq!(claims(&server).await, []);
}

async fn what_nobody_looks_at_any_more_is_forgotten_in_small_steps(server: TestServer) {
    let start = at("08:00");
    let reports: Vec<_> = (0..700)
        .map(|minute| {
            let time = (start + app::model::moment::Span::from_minutes(minute)).to_string();
            report("08:00", minute).with("time", time)
        })
        .collect();
    server.at("2026-06-04T19:40:00Z");
    server.post_events(reports).await;
    let kept = async || queue(&server).await["samples"].as_array().unwrap().len();
    assert_eq!(kept().await, 181);
    let left = async || {
        let all = watchbook::store::queues::samples(server.app.db.read(), "erp-queue", start).await.unwrap();
        all.len()
    };
    server.strike_at("2026-06-12T08:00:00Z").await;
    assert_eq!(left().await, 700);
    server.strike_at("2026-06-13T08:00:00Z").await;
    assert_eq!(left().await, 200);
    server.strike_at("2026-06-13T08:00:00Z").await;
    assert_eq!(left().await, 0);
}
