//! What differs from the usual: slow, drift, storms, late tries, starts too often, what the book does not know.

use std::collections::BTreeSet;

use app::model::hourly::{HOUR, Tally, begin};
use app::model::moment::{Moment, Span};
use app::model::problem::{Claim, Kind};
use app::model::usual::Kept;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use watchbook::actions::take_in_usual::take_in_usual;
use watchbook::judging::usual::claims;
use watchbook::store::usual as kept;

use crate::support::shelf::{self, Step, Workflow};
use crate::support::{TestServer, With, at, html, on_both_databases, step};

on_both_databases![
    a_step_that_takes_over_three_times_its_usual_is_slow,
    a_restart_changes_nothing_of_what_is_claimed,
    what_waited_when_the_portal_stopped_is_taken_in_by_the_next_strike,
    without_a_past_there_is_no_usual_yet_and_nothing_is_held_against_it,
    the_page_says_what_is_usual_at_this_hour,
    far_fewer_runs_than_on_this_weekday_at_this_hour_is_drift,
    a_storm_of_tries_is_told_of_the_component_while_it_goes_on,
    a_try_six_hours_late_is_told_with_by_how_much,
    starts_closer_than_the_book_allows_are_too_often,
    what_the_book_does_not_know_is_told_until_a_day_after_it_was_last_seen,
    an_error_is_told_until_a_failure_point_explains_it,
    what_is_kept_is_the_same_however_events_arrive,
    what_is_older_than_the_usual_is_removed_and_not_kept_again,
];

/// The Thursdays before the day of the tests.
const EARLIER: [&str; 4] = ["2026-05-28", "2026-05-21", "2026-05-14", "2026-05-07"];

/// Takes in what waits, as every strike of the clock does first.
async fn take_in(server: &TestServer) {
    take_in_usual(&server.app.db, server.app.now()).await.unwrap();
}

async fn told(server: &TestServer) -> Vec<Claim> {
    take_in(server).await;
    claims(&server.app, &server.app.worlds.now(), server.app.now()).await.unwrap()
}

async fn sentences(server: &TestServer, kind: Kind) -> Vec<String> {
    told(server).await.into_iter().filter(|c| c.kind == kind).map(|c| c.sentence).collect()
}

/// Visits of a step that each take so many seconds: how many, from when on, one every so many seconds.
fn visits(name: &str, many: i64, from: Moment, every: i64, took: i64) -> Vec<Value> {
    (0..many)
        .flat_map(|i| {
            let began = from + Span::from_secs(i * every);
            let run = format!("{name}-{began}");
            let event = |state, time: Moment| step(&run, name, state, &time.to_string());
            [event("running", began), event("succeeded", began + Span::from_secs(took))]
        })
        .collect()
}

/// Forty visits of twelve seconds at eight on each of the earlier Thursdays.
async fn with_a_past(server: &TestServer) {
    for day in EARLIER {
        server.post_events(visits("push", 40, at(&format!("{day}T08:00:00Z")), 60, 12)).await;
    }
    take_in(server).await;
}

async fn a_step_that_takes_over_three_times_its_usual_is_slow(server: TestServer) {
    with_a_past(&server).await;
    server.at("08:30");
    server.post_events(visits("push", 12, at("08:10"), 30, 12)).await;
    assert_eq!(sentences(&server, Kind::Slow).await, [""; 0]);
    server.post_events(visits("push", 12, at("08:20"), 30, 41)).await;
    let sentence = "Push to ERP takes 41 s for one in twenty, usual at this hour is 12 s, since 08:20.";
    assert_eq!(sentences(&server, Kind::Slow).await, [sentence]);
    server.at("08:40");
    server.post_events(visits("push", 12, at("08:30"), 30, 12)).await;
    assert_eq!(sentences(&server, Kind::Slow).await, [""; 0]);
}

async fn a_restart_changes_nothing_of_what_is_claimed(server: TestServer) {
    with_a_past(&server).await;
    server.at("08:30");
    server.post_events(visits("push", 12, at("08:20"), 30, 41)).await;
    let before = told(&server).await;
    assert_eq!(before.len(), 1);
    let server = server.restarted("08:30", |_| {}).await;
    assert_eq!(told(&server).await, before);
}

async fn what_waited_when_the_portal_stopped_is_taken_in_by_the_next_strike(server: TestServer) {
    server.post_events(visits("push", 3, at("07:00"), 60, 12)).await;
    let server = server.restarted("08:30", |_| {}).await;
    server.strike_at("08:30").await;
    let hours = BTreeSet::from([at("07:00")]);
    let kept: Kept = kept::hours(server.app.db.read(), &hours, Some("order-to-erp")).await.unwrap();
    let of_push = &kept[&("order-to-erp".to_owned(), "push".to_owned())];
    assert_eq!(of_push[&at("07:00")].counts.visits, 3);
}

async fn without_a_past_there_is_no_usual_yet_and_nothing_is_held_against_it(server: TestServer) {
    server.at("08:30");
    server.post_events(visits("push", 100, at("08:20"), 5, 300)).await;
    assert_eq!(told(&server).await, []);
    let page = server.json("/workflows/order-to-erp").await;
    assert_eq!((&page["steps"][2]["usual"], &page["questions"]["usual"]), (&Value::Null, &Value::Null));
    let words = html::words(&server.viewer().await.page("/workflows/order-to-erp").await);
    assert!(words.contains("no usual yet"), "{words}");
}

async fn the_page_says_what_is_usual_at_this_hour(server: TestServer) {
    with_a_past(&server).await;
    server.at("08:30");
    let page = server.json("/workflows/order-to-erp").await;
    let usual = &page["steps"][2]["usual"];
    assert_eq!(usual["words"], "12 s, one in twenty over 12 s");
    let middle = usual["middle_ms"].as_i64().unwrap();
    assert!((11_760..=12_240).contains(&middle), "within two hundredths: {middle}");
    assert_eq!(page["questions"]["usual"], "Usual on Thursdays at this hour: 40 orders start.");
    let words = html::words(&server.viewer().await.page("/workflows/order-to-erp").await);
    assert!(words.contains("12 s, one in twenty over 12 s"), "{words}");
    assert!(words.contains("Usual on Thursdays at this hour: 40 orders start."), "{words}");
    server.at("09:30");
    assert_eq!(server.json("/workflows/order-to-erp").await["questions"]["usual"], Value::Null);
}

async fn far_fewer_runs_than_on_this_weekday_at_this_hour_is_drift(server: TestServer) {
    with_a_past(&server).await;
    server.post_events(visits("push", 5, at("08:00"), 60, 12)).await;
    server.at("09:04");
    assert_eq!(sentences(&server, Kind::Drift).await, [""; 0]);
    server.at("09:05");
    let sentence = "5 orders started between 08:00 and 09:00; usual on Thursdays at this hour is 40.";
    assert_eq!(sentences(&server, Kind::Drift).await, [sentence]);
}

async fn a_storm_of_tries_is_told_of_the_component_while_it_goes_on(server: TestServer) {
    with_a_past(&server).await;
    server.at("08:25");
    let tries: Vec<_> = (1..=30)
        .flat_map(|n| {
            ["1", "2"].map(|run| {
                step(run, "push", "failed", &format!("08:20:{:02}", n + 10)).with("attempt", n).with("error", "503")
            })
        })
        .collect();
    server.post_events(tries).await;
    let claims = told(&server).await;
    let storm = claims.iter().find(|c| c.kind == Kind::Retrying).unwrap();
    let sentence = "60 tries at ERP sync in the ten minutes from 08:20, 58 of them repeats; usual at this hour is 7.";
    assert_eq!((storm.sentence.as_str(), storm.place.to_string().as_str()), (sentence, "component:erp-sync"));
    server.at("08:40");
    assert_eq!(sentences(&server, Kind::Retrying).await, [""; 0]);
}

async fn a_try_six_hours_late_is_told_with_by_how_much(server: TestServer) {
    server.post_events(step("1", "push", "failed", "02:00").with("attempt", 1).with("error", "503")).await;
    server.post_events(step("1", "push", "running", "08:00:30").with("attempt", 2)).await;
    server.at("08:01");
    let sentence = "A try of Push to ERP came 6 h late, between 08:00 and 08:10. The book says: 3 tries, waiting 30s, then 2 times longer each time.";
    assert_eq!(sentences(&server, Kind::LateRetry).await, [sentence]);
    server.at("09:10");
    assert_eq!(sentences(&server, Kind::LateRetry).await, [""; 0]);
}

async fn starts_closer_than_the_book_allows_are_too_often(server: TestServer) {
    let export = Workflow::new("nightly-export", "Nightly export")
        .says("unit: exports")
        .says("expect: { start_at: \"0 3 * * *\", timezone: UTC, grace: 15m, min_interval: 12h }")
        .step(Step::new("export", "Export"));
    server.shelf.write("nightly-export.yaml", &export.yaml());
    server.take_over_the_book().await;
    let export = |run, time| step(run, "export", "running", time).with("workflow", "nightly-export");
    server.post_events(export("night-1", "03:00")).await;
    assert_eq!(told(&server).await, []);
    server.post_events(export("night-1-again", "03:05")).await;
    let claims = told(&server).await;
    let sentence = "night-1-again started at 03:05, only 5 min after the one before. The book expects at least 12 h between two starts.";
    assert_eq!((claims.len(), claims[0].kind, claims[0].sentence.as_str()), (1, Kind::TooOften, sentence));
    assert_eq!(claims[0].subjects, ["night-1-again"]);
    server.at("15:05");
    assert_eq!(told(&server).await, []);
}

async fn what_the_book_does_not_know_is_told_until_a_day_after_it_was_last_seen(server: TestServer) {
    for (name, time) in [("take", "07:00"), ("push", "07:01"), ("wrap", "07:02")] {
        server.post_events(step("1", name, "succeeded", time)).await;
    }
    let unknown = sentences(&server, Kind::Undocumented).await;
    assert_eq!(
        unknown,
        [
            "The step \"wrap\" was seen 1 time since 07:00. It is not in the book.",
            "Take the order was followed by Push to ERP without Reserve stock 1 time since 07:00. The book does not say so.",
        ]
    );
    server.at("2026-06-05T07:59:00Z");
    assert_eq!(sentences(&server, Kind::Undocumented).await, [""; 0]);
}

async fn an_error_is_told_until_a_failure_point_explains_it(server: TestServer) {
    let failed = |run: &str, code: &str| {
        let error = json!({"code": code, "message": format!("order {run}7 was refused")});
        step(run, "push", "failed", "07:30").with("attempt", 1).with("error", error)
    };
    server.post_events(vec![failed("1", "503"), failed("2", "418"), failed("3", "418")]).await;
    let sentence = "Push to ERP failed 2 times since 07:00 with \"418 order 27 was refused\". No failure point in the book explains it.";
    assert_eq!(sentences(&server, Kind::Undocumented).await, [sentence]);
    let text = shelf::order_to_erp(shelf::push()).yaml().replace("\"503\"", "\"503|418\"");
    server.shelf.write("order-to-erp.yaml", &text);
    server.take_over_the_book().await;
    assert_eq!(sentences(&server, Kind::Undocumented).await, [""; 0]);
}

/// What is kept of a workflow today, with its name left out.
async fn rows(server: &TestServer, workflow: &str) -> Vec<(String, Vec<(Moment, Tally)>)> {
    take_in(server).await;
    let hours: BTreeSet<Moment> = (0..24).map(|n| at("00:00") + Span::from_millis(n * HOUR.millis())).collect();
    let kept: Kept = kept::hours(server.app.db.read(), &hours, Some(workflow)).await.unwrap();
    let nothing = Tally::default();
    kept.into_iter()
        .map(|((_, step), hours)| (step, hours.into_iter().filter(|(_, tally)| *tally != nothing).collect()))
        .filter(|(_, hours): &(String, Vec<_>)| !hours.is_empty())
        .collect()
}

async fn what_is_kept_is_the_same_however_events_arrive(server: TestServer) {
    let mut rng = StdRng::seed_from_u64(11);
    let events: Vec<Value> = (0..240)
        .map(|_| {
            let name = (["take", "reserve", "push", "wrap"])[rng.random_range(0..4)];
            let state = (["waiting", "running", "retrying", "succeeded", "failed"])[rng.random_range(0..5)];
            let time = at("02:00") + Span::from_secs(rng.random_range(0..18_000));
            step(&rng.random_range(0..6).to_string(), name, state, &time.to_string())
                .with("attempt", rng.random_range(1..4))
                .with("next_attempt_at", (time + Span::from_minutes(5)).to_string())
        })
        .collect();
    let under = |name: &str, events: &[Value]| -> Vec<Value> {
        events.iter().map(|event| event.clone().with("workflow", name).with("source", name)).collect()
    };
    server.post_events(under("at-once", &events)).await;
    let mut shuffled: Vec<_> = events.iter().chain(&events[..100]).cloned().collect();
    for i in (1..shuffled.len()).rev() {
        shuffled.swap(i, rng.random_range(0..=i));
    }
    let mut left = under("bit-by-bit", &shuffled);
    while !left.is_empty() {
        let now: Vec<_> = left.drain(..left.len().min(rng.random_range(1..12))).collect();
        server.send_events(&now.into()).await.expect(202);
        if rng.random_bool(0.3) {
            take_in(&server).await;
        }
    }
    let once = rows(&server, "at-once").await;
    assert!(once.len() >= 4, "{once:?}");
    assert_eq!(rows(&server, "bit-by-bit").await, once);
}

async fn what_is_older_than_the_usual_is_removed_and_not_kept_again(server: TestServer) {
    server.post_events(visits("push", 3, at("07:00"), 60, 12)).await;
    assert_eq!(rows(&server, "order-to-erp").await.len(), 2);
    let later = begin(at("2026-08-07T12:00:00Z"), HOUR).to_string();
    server.strike_at(&later).await;
    assert_eq!(rows(&server, "order-to-erp").await.len(), 0);
    server.post_events(step("1", "push", "running", "07:30")).await;
    assert_eq!(rows(&server, "order-to-erp").await.len(), 0);
}
