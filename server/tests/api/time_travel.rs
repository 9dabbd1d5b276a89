//! `?at=`: the world as it was known at a moment that is over, on Now, in the list of workflows and on a workflow's page.

use app::model::moment::{Moment, Span};
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use watchbook::store::packed::pack;
use watchbook::store::pictures::{self, PictureRecord};

use crate::support::shelf::push_with;
use crate::support::{Client, TestServer, With, at, encoded, html, on_both_databases, step};

on_both_databases![
    what_the_page_showed_is_what_at_gives,
    a_page_of_the_past_says_so_and_leads_on_into_the_past_and_changes_nothing,
    a_moment_that_cannot_be_read_or_has_not_been_is_refused,
    a_sliders_seconds_become_a_moment_that_can_be_read,
    before_the_first_record_it_says_from_when_on_there_is_one,
    a_stranger_signs_in_before_looking_back,
    what_does_not_weigh_is_recorded_at_most_every_ten_seconds,
    while_nothing_happens_nothing_is_recorded_but_what_counts_time,
    after_a_day_what_weighs_stays_and_after_ninety_days_nothing,
    a_record_that_cannot_be_read_any_more_says_so,
    the_day_of_a_workflow_leads_to_where_its_problems_began,
    the_time_of_the_portal_is_taken_without_an_offset,
];

const PAGES: [&str; 3] = ["/workflows/order-to-erp", "/workflows", "/"];

/// A path as it was at a moment.
fn then(path: &str, time: &str) -> String {
    format!("{path}?at={}", encoded(&at(time).to_string()))
}

/// What is read in the main part of a page, without what acts, without the ways to other moments, and without when Now
/// was looked up, which names the moment.
fn read(page: &str) -> String {
    let (_, main) = page.split_once("<main").unwrap();
    let (main, _) = main.split_once("</main>").unwrap();
    let acts = |tag: &html::Tag| {
        let has = |class: &str| tag.get("class").is_some_and(|all| all.split(' ').any(|one| one == class));
        let leads = |to: &str| tag.get("href").is_some_and(|href| href.contains(to));
        tag.name == "form"
            || tag.get("id") == Some("time")
            || ["for-operators", "not-operators", "of-then"].into_iter().any(has)
            || (tag.name == "a"
                && ["/pause", "/coverage", "/runbooks/new", "/write", "/decisions/new", "/undocumented"]
                    .into_iter()
                    .any(leads))
    };
    let words = html::words_of(html::without(html::tags(&format!("<main{main}")), acts));
    let (before, after) = words.split_once("Checked ").unwrap_or((&words, ""));
    format!("{before}{}", after.trim_start_matches(|c: char| c.is_ascii_digit() || c == ':'))
}

/// The same without what only names the moment.
fn known(mut picture: Value) -> Value {
    for name in ["at", "recorded_at", "checked_at"] {
        picture.as_object_mut().unwrap().remove(name);
    }
    picture
}

fn json_path(page: &str) -> String {
    if page == "/" { "/now".to_owned() } else { page.to_owned() }
}

/// What every page shows and gives at one moment, after everything due then was judged.
async fn shown_at(server: &TestServer, viewer: &Client, time: &str) -> Vec<(String, Value)> {
    server.strike_at(time).await;
    // A word about what somebody did is shown once, on whatever page comes next.
    viewer.page("/sources").await;
    let mut shown = Vec::new();
    for page in PAGES {
        shown.push((read(&viewer.page(page).await), known(server.json(&json_path(page)).await)));
    }
    shown
}

async fn refused(server: &TestServer, run: &str, time: &str) {
    let failed = step(run, "push", "failed", time).with("attempt", 3).with("error", json!({"code": "503"}));
    server.post_events(failed.with("subject", format!("order/{run}"))).await;
}

async fn problem(server: &TestServer) -> i64 {
    server.json("/problems?open=1").await["items"][0]["id"].as_i64().unwrap()
}

async fn what_the_page_showed_is_what_at_gives(server: TestServer) {
    let operator = server.operator().await;
    let mut moments = vec![("08:00", shown_at(&server, &operator, "08:00").await)];
    server.at("08:05");
    server
        .post_events(json!([step("1", "take", "succeeded", "08:04"), step("1", "reserve", "running", "08:05")]))
        .await;
    moments.push(("08:05", shown_at(&server, &operator, "08:05").await));
    // Nothing is told, but the sentences go on counting.
    moments.push(("08:07", shown_at(&server, &operator, "08:07").await));
    server.at("08:12");
    refused(&server, "1", "08:12").await;
    moments.push(("08:12", shown_at(&server, &operator, "08:12").await));
    server.at("08:15");
    let id = problem(&server).await;
    operator.post(&format!("/problems/{id}/own"), &[("instead_of", "")]).await.expect(303);
    moments.push(("08:15", shown_at(&server, &operator, "08:15").await));
    server.at("08:17");
    let page = operator.page("/workflows/order-to-erp").await;
    let tick = html::forms(&page, &format!("/problems/{id}/ticks")).remove(0);
    let fields: Vec<_> = tick.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    operator.post(&tick.action, &fields).await.expect(303);
    moments.push(("08:17", shown_at(&server, &operator, "08:17").await));
    server.at("08:20");
    for workflow in ["order-to-erp", "nightly-export"] {
        let target = if workflow == "order-to-erp" { "step:order-to-erp/take" } else { "workflow:nightly-export" };
        let sent = [("target", target), ("reason", "New scanners"), ("until", "at"), ("at", "2026-06-04T08:35")];
        operator.post(&format!("/workflows/{workflow}/pause"), &sent).await.expect(303);
    }
    moments.push(("08:20", shown_at(&server, &operator, "08:20").await));
    server.at("08:25");
    server.shelf.push_is_now(push_with("7m", 8));
    server.take_over_the_book().await;
    moments.push(("08:25", shown_at(&server, &operator, "08:25").await));
    moments.push(("08:31", shown_at(&server, &operator, "08:31").await));
    let server = server.restarted("08:40", |_| ()).await;
    let operator = server.operator().await;
    moments.push(("08:40", shown_at(&server, &operator, "08:40").await));
    server.at("08:45");
    server.post_events(step("1", "push", "succeeded", "08:45").with("attempt", 4)).await;
    moments.push(("08:45", shown_at(&server, &operator, "08:45").await));
    server.strike_at("10:30").await;
    for (n, (time, shown)) in moments.iter().enumerate() {
        assert!(n == 0 || moments[n - 1].1 != *shown, "something is told at {time}");
        for (page, (text, json)) in PAGES.into_iter().zip(shown) {
            let past = server.json(&then(&json_path(page), time)).await;
            assert_eq!(past["at"], at(time).to_string(), "{page}");
            assert_eq!(known(past), *json, "{page} at {time}");
            let past = operator.page(&then(page, time)).await;
            assert_eq!(read(&past), *text, "{page} at {time}");
        }
    }
}

async fn a_page_of_the_past_says_so_and_leads_on_into_the_past_and_changes_nothing(server: TestServer) {
    server.at("08:01");
    refused(&server, "1", "08:01").await;
    server.strike_at("08:01").await;
    server.at("09:00");
    let operator = server.operator().await;
    let asked = then("/workflows/order-to-erp", "08:01");
    let page = operator.page(&asked).await;
    let words = html::words(&page);
    assert!(words.contains("As it was known at 08:01:00 UTC on Thursday 4 June."), "{words}");
    assert!(words.contains("Push to ERP has failed since 08:01 (503)."), "{words}");
    assert!(!words.contains("Checked "), "{words}");
    let tags = html::tags(&page);
    let back = tags.iter().find(|tag| tag.after == "Back to now").unwrap();
    assert_eq!(back.get("href"), Some("/workflows/order-to-erp"));
    let leads = |to: &str| tags.iter().any(|tag| tag.get("href") == Some(to));
    let moment = "?at=2026-06-04T08%3A01%3A00Z";
    for path in ["/", "/workflows", "/runs/order-to-erp/1", "/components/erp-sync", "/subjects/order/1"] {
        assert!(leads(&format!("{path}{moment}")), "{path}");
    }
    assert!(leads("/runbooks/erp-refuses-orders#do-this-now"), "a runbook has versions of its own");
    let (_, main) = page.split_once("<main").unwrap();
    assert!(!main.contains("method=\"post\"") && !main.contains("/pause\""), "nothing can be changed there");
    assert!(!page.contains("since&quot;") && !page.contains("LiveStream"), "nothing is followed");
    let late = html::words(&operator.page(&then("/workflows/order-to-erp", "08:30")).await);
    assert!(
        late.contains("The record is from 08:01:00. No important change was seen between then and the moment shown."),
        "{late}"
    );
    for page in ["/", "/workflows"] {
        let words = html::words(&operator.page(&then(page, "08:01")).await);
        assert!(words.contains("As it was known at 08:01:00 UTC"), "{words}");
        assert!(words.contains("Push to ERP has failed since 08:01"), "{words}");
    }
}

async fn a_moment_that_cannot_be_read_or_has_not_been_is_refused(server: TestServer) {
    server.strike_at("08:00").await;
    let viewer = server.viewer().await;
    let program = server.program(&server.read);
    for (asked, why) in [
        ("yesterday", "is not a moment"),
        ("2026-06-04", "is not a moment"),
        ("2026-06-04T08:00:01Z", "has not been yet"),
        ("2026-06-04T08:00:00Z&at=2026-06-04T08:00:00Z", "Ask for one moment"),
    ] {
        for page in PAGES {
            let answer = viewer.get(&format!("{page}?at={asked}")).await.expect(400);
            assert!(html::words(&answer.text).contains(why), "{}", answer.text);
            let problem = program.get(&format!("/api/v1{}?at={asked}", json_path(page))).await.problem(400);
            assert!(problem["detail"].as_str().unwrap().contains(why), "{problem}");
        }
    }
    // A form whose field was left empty asks for nothing.
    assert!(html::words(&viewer.page("/?at=").await).contains("Checked 08:00:00 UTC"));
}

async fn a_sliders_seconds_become_a_moment_that_can_be_read(server: TestServer) {
    server.strike_at("08:10").await;
    let viewer = server.viewer().await;
    for page in PAGES {
        let answer = viewer.get(&format!("{page}?at=1780560480")).await.expect(303);
        assert_eq!(answer.header("location"), format!("{page}?at=2026-06-04T08%3A08%3A00Z"));
        // A program is answered at once.
        let path = json_path(page);
        server.program(&server.read).get(&format!("/api/v1{path}?at=1780560480")).await.problem(404);
    }
}

async fn before_the_first_record_it_says_from_when_on_there_is_one(server: TestServer) {
    server.strike_at("08:10").await;
    let viewer = server.viewer().await;
    for page in PAGES {
        let answer = viewer.get(&then(page, "08:09")).await.expect(404);
        let words = html::words(&answer.text);
        assert!(words.contains("What is known is recorded from 08:10:00 UTC on Thursday 4 June on."), "{words}");
        server.program(&server.read).get(&format!("/api/v1{}", then(&json_path(page), "08:09"))).await.problem(404);
    }
    let answer = viewer.get(&then("/workflows/none", "08:09")).await.expect(404);
    assert!(html::heading(&answer.text).contains("There is no workflow"));
}

async fn a_stranger_signs_in_before_looking_back(server: TestServer) {
    server.strike_at("08:00").await;
    for page in PAGES {
        let answer = server.stranger().get(&then(page, "08:00")).await.expect(303);
        assert!(answer.header("location").starts_with("/sign-in?next="), "{}", answer.header("location"));
        server.stranger().get(&format!("/api/v1{}", then(&json_path(page), "08:00"))).await.problem(401);
    }
    // Nor is a stranger told what is wrong with a moment.
    server.stranger().get("/?at=yesterday").await.expect(303);
}

/// When what is known of Order to ERP at a moment was recorded.
async fn recorded_at(server: &TestServer, time: &str) -> String {
    let picture = server.json(&then("/workflows/order-to-erp", time)).await;
    picture["recorded_at"].as_str().unwrap().replace("2026-06-04T", "").replace('Z', "")
}

async fn what_does_not_weigh_is_recorded_at_most_every_ten_seconds(server: TestServer) {
    let take = async |run: &str, time: &str| {
        server.at(time);
        server.post_events(step(run, "take", "succeeded", time)).await;
        server.strike_at(time).await;
    };
    take("1", "08:00:00").await;
    take("2", "08:00:04").await;
    take("3", "08:00:08").await;
    assert_eq!(recorded_at(&server, "08:00:08").await, "08:00:00");
    // What was held back comes without anything being told.
    server.strike_at("08:00:10").await;
    assert_eq!(recorded_at(&server, "08:00:10").await, "08:00:10");
    let known = server.json(&then("/workflows/order-to-erp", "08:00:10")).await;
    assert_eq!(known["observed"]["runs"], 3);
    server.at("08:00:12");
    refused(&server, "3", "08:00:12").await;
    server.strike_at("08:00:12").await;
    assert_eq!(recorded_at(&server, "08:00:12").await, "08:00:12", "what weighs does not wait");
}

async fn while_nothing_happens_nothing_is_recorded_but_what_counts_time(server: TestServer) {
    server.post_events(step("1", "take", "succeeded", "08:00")).await;
    server
        .post_events(
            json!({"workflow": "order-to-erp", "run": "1", "state": "succeeded", "time": at("08:00").to_string()}),
        )
        .await;
    server.strike_at("08:00").await;
    for time in ["08:01", "08:02", "08:03"] {
        server.strike_at(time).await;
    }
    assert_eq!(recorded_at(&server, "08:03").await, "08:00:00");
    let server = server.restarted("08:03:30", |_| ()).await;
    server.strike_at("08:03:31").await;
    assert_eq!(recorded_at(&server, "08:03:31").await, "08:00:00", "a restart alone records nothing");
    server.at("08:04");
    refused(&server, "2", "08:04").await;
    server.strike_at("08:04").await;
    server.strike_at("08:04:30").await;
    assert_eq!(recorded_at(&server, "08:04:30").await, "08:04:00");
    server.strike_at("08:05").await;
    assert_eq!(recorded_at(&server, "08:05").await, "08:05:00", "its sentences count time");
}

async fn after_a_day_what_weighs_stays_and_after_ninety_days_nothing(server: TestServer) {
    let record = |minutes: i64, stays: bool, base: i64| {
        let moment = |minutes: i64| at("08:00") + Span::from_minutes(minutes);
        let base_text = format!("{{\"told\":{base}}}");
        let text = format!("{{\"told\":{minutes}}}");
        let body = pack(&text, (base != minutes).then_some(base_text.as_str())).unwrap();
        PictureRecord { topic: "workflow:order-to-erp".into(), at: moment(minutes), stays, base_at: moment(base), body }
    };
    let mut tx = server.app.db.write().await.unwrap();
    let records = [record(0, true, 0), record(1, false, 0), record(2, true, 0), record(3, false, 0)];
    pictures::put(&mut tx, &records).await.unwrap();
    tx.commit().await.unwrap();
    let told = async |minutes: i64| {
        let moment: Moment = at("08:00") + Span::from_minutes(minutes);
        let found = pictures::newest(server.app.db.read(), "workflow:order-to-erp", moment).await.unwrap();
        found.map(|(_, text)| text)
    };
    server.strike_at("2026-06-05T08:59:00Z").await;
    assert_eq!(told(3).await.unwrap(), "{\"told\":3}", "a day and a little");
    server.strike_at("2026-06-05T09:04:00Z").await;
    assert_eq!(told(1).await.unwrap(), "{\"told\":0}");
    assert_eq!(told(3).await.unwrap(), "{\"told\":2}", "what weighs stays, with what it is written against");
    server.strike_at("2026-09-02T08:01:00Z").await;
    assert_eq!(told(3).await, None);
}

async fn a_record_that_cannot_be_read_any_more_says_so(server: TestServer) {
    let body = pack("{\"of_another_version\":true}", None).unwrap();
    let moment = at("07:00");
    let record = PictureRecord { topic: "now".into(), at: moment, stays: true, base_at: moment, body };
    let mut tx = server.app.db.write().await.unwrap();
    pictures::put(&mut tx, &[record]).await.unwrap();
    tx.commit().await.unwrap();
    let answer = server.viewer().await.get(&then("/", "07:30")).await.expect(410);
    assert_eq!(html::heading(&answer.text), "This record cannot be read any more");
    assert_eq!(server.json(&then("/now", "07:30")).await["of_another_version"], true);
    // Nor does it keep the next from being recorded.
    server.strike_at("08:00").await;
    server.viewer().await.page(&then("/", "08:00")).await;
}

async fn the_day_of_a_workflow_leads_to_where_its_problems_began(server: TestServer) {
    server.strike_at("08:00").await;
    server.at("08:30");
    refused(&server, "1", "08:30").await;
    server.strike_at("08:30:01").await;
    server.at("08:50");
    server.post_events(step("1", "push", "succeeded", "08:50").with("attempt", 4)).await;
    server.strike_at("08:55").await;
    let viewer = server.viewer().await;
    let page = viewer.page("/workflows/order-to-erp").await;
    let words = html::words(&page);
    assert!(words.contains("08:00 to 08:55: 1 problem, the last from 08:30 to 08:50."), "{words}");
    let spell = html::tags(&page).into_iter().find(|tag| tag.get("class") == Some("spell s-broken")).unwrap();
    let href = spell.get("href").unwrap();
    assert_eq!(href, "/workflows/order-to-erp?at=2026-06-04T08%3A30%3A01Z", "the first record that knows of it");
    let past = viewer.page(href).await;
    assert!(html::words(&past).contains("Push to ERP has failed since 08:30"));
    assert!(html::words(&past).contains("shown: 08:30:01") && html::words(&past).contains("10 minutes later"));
    // From later, that is the problem before.
    let later = viewer.page(&then("/workflows/order-to-erp", "08:54")).await;
    let before = html::tags(&later).into_iter().find(|tag| tag.after == "Where the problem before began").unwrap();
    assert_eq!(before.get("href"), Some(href));
}

async fn the_time_of_the_portal_is_taken_without_an_offset(server: TestServer) {
    server.strike_at("08:00").await;
    let server = server.restarted("08:30", |settings| settings.timezone = TimeZone::get("Europe/Berlin").ok()).await;
    let viewer = server.viewer().await;
    let page = viewer.page("/workflows/order-to-erp?at=2026-06-04T10:15").await;
    assert!(html::words(&page).contains("As it was known at 10:15:00 CEST on Thursday 4 June."));
    let form = html::forms(&page, "/workflows/order-to-erp").remove(1);
    assert_eq!(form.get("at"), Some("2026-06-04T10:15:00"));
}
