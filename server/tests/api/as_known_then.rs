//! `?at=` on runs, subjects, components and queues: what the page showed at a moment is what it shows of that moment
//! for ever, whatever is heard, said and written afterwards.

use app::model::status::Role;
use serde_json::{Value, json};

use crate::support::shelf::{Step, Workflow, push_with};
use crate::support::{Client, PASSWORD, TestServer, With, at, encoded, html, on_both_databases, step};

on_both_databases![
    what_was_shown_at_a_moment_is_shown_of_it_for_ever,
    what_arrives_late_about_a_time_before_is_not_known_then,
    an_event_sent_again_was_sent_once_before,
    a_run_that_names_another_subject_stays_in_the_story_that_it_was_in,
    what_was_not_known_yet_says_from_when_on_it_is,
    a_moment_that_cannot_be_shown_is_refused,
    a_what_if_is_asked_of_the_book_of_then,
    a_page_of_the_past_leads_on_into_the_past_and_changes_nothing,
    of_a_moment_before_the_past_is_kept_nothing_is_made_up,
    the_past_of_a_run_is_one_indexed_read,
];

const PAGES: [&str; 8] = [
    "/runs/order-to-erp/1",
    "/runs/order-to-erp/2",
    "/runs/payments/p1",
    "/subjects/order/1",
    "/components/erp-sync",
    "/components/erp-queue",
    "/components/stock-db",
    "/components/erp",
];

/// What a page of the past does not offer: nothing there changes anything.
const ONLY_NOW: [&str; 5] = [
    "Something looks wrong What looks wrong? In plain words, at most 500 characters. It stands on this story with your \
     name, and on Now until somebody has seen it. Say it",
    "Pause it in every workflow",
    "Resume or prolong",
    "Write it",
    "Copy",
];

fn moment_of(path: &str, time: &str) -> String {
    let mark = if path.contains('?') { '&' } else { '?' };
    format!("{path}{mark}at={}", encoded(&at(time).to_string()))
}

fn main_words(page: &str) -> String {
    let begin = page.find("<main").unwrap();
    let words = html::words(&page[begin..page.find("</main>").unwrap()]);
    let words = ONLY_NOW.iter().fold(words, |words, only| words.replace(only, ""));
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// One page as it was shown: none where there was none yet.
#[derive(PartialEq, Debug)]
struct Shown {
    path: &'static str,
    time: &'static str,
    json: Option<Value>,
    words: Option<String>,
}

/// What of the page of a component is not known for then: how many were open. The page says so.
const NOT_KNOWN: &str = "How many were open then, and what was to start next, is not kept: of what breaks without it, \
                         that part is not known for then.";

impl Shown {
    fn but_what_is_not_known(mut self) -> Self {
        let (Some(json), Some(words)) = (&mut self.json, &mut self.words) else { return self };
        for hit in json["blast"]["workflows"].as_array_mut().into_iter().flatten() {
            let (open, unit) = (hit["waiting"].take(), hit["unit"].as_str().unwrap());
            *words = words.replace(&format!(" Now {open} {unit} open now"), "");
        }
        if json["not_known"] == json!([NOT_KNOWN]) {
            json.as_object_mut().unwrap().remove("not_known");
            *words = words.replace(&format!(" {NOT_KNOWN}"), "");
        }
        self
    }
}

async fn show(server: &TestServer, viewer: &Client, path: &'static str, time: &'static str, asked: &str) -> Shown {
    let json = server.program(&server.read).get(&format!("/api/v1{asked}")).await;
    let page = viewer.get(asked).await;
    assert_eq!(json.status, page.status, "{asked}: {}", page.text);
    let there = json.status == 200;
    assert!(there || json.status == 404, "{asked}: {}", json.text);
    let (json, words) = (there.then(|| json.json()), there.then(|| main_words(&page.text)));
    Shown { path, time, json, words }.but_what_is_not_known()
}

fn payments(tries: &str) -> String {
    Workflow::new("payments", "Payments")
        .says("subject: order")
        .says("agree: [{ systems: [shop, erp], fields: [status], within: 10m }]")
        .step(Step::new("pay", "Pay").says("component: erp-sync").says(tries))
        .yaml()
}

fn record(system: &str, status: &str, time: &str) -> Value {
    json!({"type": "record", "system": system, "subject": "order/1", "as_of": at(time).to_string(),
        "time": at(time).to_string(), "fields": {"status": status}})
}

fn queue(time: &str, depth: i64) -> Value {
    json!({"type": "queue", "queue": "erp-queue", "depth": depth, "oldest": "4m", "in": 9, "out": 1,
        "time": at(time).to_string(), "source": "broker"})
}

fn pay(state: &str, time: &str) -> Value {
    let time = at(time).to_string();
    json!({"workflow": "payments", "run": "p1", "step": "pay", "state": state, "time": time, "correlation": "basket-1"})
}

async fn account(server: &TestServer, name: &str, role: Role) -> Client {
    server.account(name, role).await;
    let client = server.stranger();
    client.sign_in(name, PASSWORD).await.expect(303);
    client
}

/// Says of the first section that waits for a review that it is right.
async fn review(editor: &Client) {
    let page = "/reviews/erp-refuses-orders";
    let form = html::forms(&editor.page(page).await, page).remove(0);
    let (name, answer) = form.buttons[0].clone();
    editor.post(page, &form.filled(&[], (&name, &answer))).await.expect(303);
}

/// One day of one order: late and reordered events, duplicates, tries, a queue that fills, systems that disagree, words
/// of people, a pause, a deployment, a review, and a book that changes.
async fn happens(server: &TestServer, time: &'static str, people: (&Client, &Client)) {
    let (operator, editor) = people;
    server.at(time);
    match time {
        "08:01" => {
            server.shelf.write("payments.yaml", &payments("finish_within: 30m"));
            server.take_over_the_book().await;
            let order = step("1", "take", "succeeded", "08:00:30");
            server.post_events(order.with("subject", "order/1").with("correlation", "basket-1")).await;
        }
        "08:03" => {
            let again = step("1", "take", "succeeded", "08:00:30").with("subject", "order/1");
            server.post_events(again.with("correlation", "basket-1")).await;
            server.post_events(json!([record("erp", "open", "08:02"), pay("running", "08:02:30")])).await;
            server.post_events(json!([record("shop", "paid", "08:02"), queue("08:03", 12)])).await;
        }
        "08:05" => {
            let failed = step("1", "push", "failed", "08:04").with("error", json!({"code": "503", "message": "no"}));
            server.post_events(json!([failed, step("2", "take", "running", "08:04"), queue("08:05", 30)])).await;
        }
        "08:07" => {
            // Heard after what came later, and the same word twice in one commit.
            let late = step("1", "reserve", "succeeded", "08:01:30");
            server.post_events(json!([late.clone(), late, queue("08:04", 20), queue("08:07", 60)])).await;
            let page = "/runs/order-to-erp/1/reports";
            operator.post(page, &[("words", "The mail came twice.")]).await.expect(303);
        }
        "08:13" => {
            let sent = [
                ("target", "component:erp-queue"),
                ("reason", "ERP maintenance"),
                ("until", "at"),
                ("at", "2026-06-04T09:00"),
            ];
            operator.post("/workflows/order-to-erp/pause", &sent).await.expect(303);
            let failed = step("1", "push", "failed", "08:12").with("attempt", 2);
            server.post_events(json!([failed, queue("08:12", 90), record("shop", "refunded", "08:11")])).await;
        }
        "08:20" => {
            server.shelf.push_is_now(push_with("15m", 2));
            server.shelf.write("payments.yaml", &payments("finish_within: 5m"));
            server.take_over_the_book().await;
            operator.post("/workflows/order-to-erp/resume", &[("target", "component:erp-queue")]).await.expect(303);
        }
        "08:26" => {
            let failed = step("1", "push", "failed", "08:25").with("attempt", 3);
            server.post_events(json!([failed, pay("succeeded", "08:06"), queue("08:06", 45)])).await;
            let deployed = json!({"type": "change", "component": "erp-sync", "version": "2.1", "by": "pipeline",
                "time": at("08:22").to_string()});
            server.post_events(deployed).await;
        }
        "08:33" => {
            review(editor).await;
            operator.post("/subjects/order/1/reports", &[("words", "It is paid.")]).await.expect(303);
            server
                .post_events(json!([record("erp", "refunded", "08:32"), step("1", "push", "running", "08:32")]))
                .await;
        }
        "10:40" => {
            server.post_events(json!([step("1", "push", "succeeded", "08:40"), queue("10:39", 0)])).await;
            server.post_events(step("1", "take", "running", "08:00:10").with("subject", "order/9")).await;
        }
        _ => {}
    }
    server.strike_at(time).await;
}

const TIMES: [&str; 11] =
    ["08:00", "08:01", "08:03", "08:05", "08:07", "08:13", "08:20", "08:26", "08:33", "09:10", "10:40"];

async fn what_was_shown_at_a_moment_is_shown_of_it_for_ever(server: TestServer) {
    let operator = account(&server, "anna", Role::Operator).await;
    let editor = account(&server, "berta", Role::Editor).await;
    let viewer = account(&server, "clara", Role::Viewer).await;
    let mut shown = Vec::new();
    for time in TIMES {
        happens(&server, time, (&operator, &editor)).await;
        for path in PAGES {
            shown.push(show(&server, &viewer, path, time, path).await);
        }
    }
    server.at("12:00");
    server.shelf.write("components.yaml", "kind: component\nid: web-shop\nname: Another shop\ntype: service\n");
    server.shelf.write("order-to-erp.yaml", &Workflow::new("order-to-erp", "Renamed").says("purpose: None.").yaml());
    server.take_over_the_book().await;
    review(&editor).await;
    let mut different = Vec::new();
    for before in shown {
        let after = show(&server, &viewer, before.path, before.time, &moment_of(before.path, before.time)).await;
        if before != after {
            different.push(differs(&before, &after));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

/// Where two pictures differ, field by field.
fn differs(before: &Shown, after: &Shown) -> String {
    let mut lines = vec![format!("{} at {}:", before.path, before.time)];
    match (&before.json, &after.json) {
        (Some(Value::Object(a)), Some(Value::Object(b))) => {
            for key in a.keys().chain(b.keys().filter(|key| !a.contains_key(*key))) {
                if a.get(key) != b.get(key) {
                    lines.push(format!("  {key}\n    was {:?}\n    is  {:?}", a.get(key), b.get(key)));
                }
            }
        }
        (a, b) => lines.push(format!("  was there: {}, is: {}", a.is_some(), b.is_some())),
    }
    if before.words != after.words {
        lines.push(format!("  was {:?}\n  is  {:?}", before.words, after.words));
    }
    lines.join("\n")
}

async fn what_arrives_late_about_a_time_before_is_not_known_then(server: TestServer) {
    server.at("08:05");
    server.post_events(step("1", "take", "running", "08:01")).await;
    server.at("08:30");
    server
        .post_events(json!([step("1", "take", "succeeded", "08:02"), step("1", "reserve", "running", "08:03")]))
        .await;
    let then = server.json(&moment_of("/runs/order-to-erp/1", "08:10")).await;
    assert_eq!(then["story"].as_array().unwrap().len(), 1);
    assert_eq!((&then["steps"][0]["progress"], then["steps"].as_array().unwrap().len()), (&json!("running"), 1));
    let now = server.json("/runs/order-to-erp/1").await;
    assert_eq!(now["steps"].as_array().unwrap().len(), 2);
    // A queue's late report of an earlier minute as well.
    server.post_events(queue("08:29", 7)).await;
    server.at("08:40");
    server.post_events(queue("08:20", 99)).await;
    let depths = async |path: &str| {
        let queue = server.json(path).await["queue"].clone();
        queue["samples"].as_array().unwrap().iter().map(|s| s["depth"].as_i64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(depths(&moment_of("/components/erp-queue", "08:35")).await, [7]);
    assert_eq!(depths("/components/erp-queue").await, [99, 7]);
}

async fn an_event_sent_again_was_sent_once_before(server: TestServer) {
    let event = step("1", "take", "running", "08:00");
    server.post_events(json!([event.clone(), event.clone()])).await;
    for time in ["08:01", "08:02", "08:02"] {
        server.at(time);
        server.post_events(event.clone()).await;
    }
    server.at("08:03");
    let repeats = async |path: &str| server.json(path).await["story"][0]["repeats"].clone();
    for (time, times) in [("08:00:59.999", 2), ("08:01", 3), ("08:01:30", 3), ("08:02", 5), ("08:03", 5)] {
        assert_eq!(repeats(&moment_of("/runs/order-to-erp/1", time)).await, times, "{time}");
    }
    assert_eq!(repeats("/runs/order-to-erp/1").await, 5);
}

async fn a_run_that_names_another_subject_stays_in_the_story_that_it_was_in(server: TestServer) {
    server.at("08:05");
    server.post_events(step("1", "take", "running", "08:02").with("subject", "order/1")).await;
    server.at("08:10");
    server.post_events(step("1", "take", "waiting", "08:01").with("subject", "order/2")).await;
    server.at("08:20");
    let runs = async |path: String| {
        let answer = server.program(&server.read).get(&format!("/api/v1{path}")).await;
        if answer.status == 404 { 0 } else { answer.json()["runs"].as_array().unwrap().len() }
    };
    assert_eq!(runs("/subjects/order/1".to_owned()).await, 0);
    assert_eq!(runs(moment_of("/subjects/order/1", "08:09")).await, 1);
    assert_eq!(runs(moment_of("/subjects/order/1", "08:10")).await, 0);
    assert_eq!(runs(moment_of("/subjects/order/2", "08:09")).await, 0);
    assert_eq!(runs(moment_of("/subjects/order/2", "08:10")).await, 1);
}

async fn what_was_not_known_yet_says_from_when_on_it_is(server: TestServer) {
    server.at("08:05");
    let order = step("1", "take", "running", "08:01").with("subject", "order/1");
    server.post_events(json!([order, queue("08:05", 3).with("queue", "mail-queue")])).await;
    server.at("08:30");
    let since = "It is known from 08:05:00 UTC on Thursday 4 June on.";
    let viewer = server.viewer().await;
    for path in ["/runs/order-to-erp/1", "/subjects/order/1", "/components/mail-queue"] {
        let asked = moment_of(path, "08:04:59");
        let problem = server.program(&server.read).get(&format!("/api/v1{asked}")).await.problem(404);
        assert!(problem["detail"].as_str().unwrap().starts_with(since), "{problem}");
        let page = html::words(&viewer.get(&asked).await.expect(404).text);
        assert!(page.contains("was not known then") && page.contains(since), "{page}");
        server.json(&moment_of(path, "08:05")).await;
    }
    // What is not there at all is not there at any moment.
    for path in ["/runs/order-to-erp/none", "/subjects/order/none", "/components/none"] {
        let asked = moment_of(path, "08:10");
        server.program(&server.read).get(&format!("/api/v1{asked}")).await.problem(404);
    }
}

async fn a_moment_that_cannot_be_shown_is_refused(server: TestServer) {
    server.post_events(step("1", "take", "running", "08:00").with("subject", "order/1")).await;
    let viewer = server.viewer().await;
    for path in ["/runs/order-to-erp/1", "/subjects/order/1", "/components/erp-queue"] {
        for wrong in ["yesterday", "2026-06-04T08:01:00Z"] {
            let asked = format!("{path}?at={}", encoded(wrong));
            server.program(&server.read).get(&format!("/api/v1{asked}")).await.problem(400);
            viewer.get(&asked).await.expect(400);
        }
    }
}

async fn a_what_if_is_asked_of_the_book_of_then(server: TestServer) {
    server.at("08:10");
    let components = std::fs::read_to_string(server.shelf.folder().join("components.yaml")).unwrap();
    server.shelf.write("components.yaml", &components.replace("  - { id: erp, mode: sync, timeout: 30s }", "  []"));
    server.take_over_the_book().await;
    assert_eq!(server.app.worlds.now().book_errors, Vec::<String>::new());
    server.at("08:20");
    let hit = async |path: &str| {
        let blast = server.json(path).await["blast"].clone();
        let names = |list: &Value| list.as_array().unwrap().iter().map(|c| c["id"].clone()).collect::<Vec<_>>();
        (names(&blast["components"]), names(&blast["workflows"]), blast["workflows"][0]["waiting"].clone())
    };
    let path = "/components/erp?suppose=down";
    assert_eq!(hit(path).await, (vec![], vec![], Value::Null));
    let then = hit(&moment_of(path, "08:05")).await;
    assert_eq!(then, (vec![json!("erp-sync")], vec![json!("order-to-erp")], Value::Null));
    let not_known = server.json(&moment_of(path, "08:05")).await["not_known"].clone();
    assert_eq!(not_known.as_array().unwrap().len(), 1, "{not_known}");
}

async fn a_page_of_the_past_leads_on_into_the_past_and_changes_nothing(server: TestServer) {
    let failed = step("1", "push", "failed", "08:00").with("attempt", 3).with("subject", "order/1");
    server.post_events(failed).await;
    server.at("08:30");
    let operator = server.operator().await;
    let at = encoded(&at("08:05").to_string());
    for path in ["/runs/order-to-erp/1", "/subjects/order/1", "/components/erp-sync"] {
        let page = operator.page(&moment_of(path, "08:05")).await;
        let main = &page[page.find("<main").unwrap()..page.find("</main>").unwrap()];
        for tag in html::tags(main) {
            assert_ne!(tag.name, "form", "{path}");
            let href = tag.get("href").unwrap_or_default().to_owned();
            let stays = ["/runs/", "/subjects/", "/components/"].iter().any(|begin| href.starts_with(begin));
            assert!(
                !stays || href.to_lowercase().contains(&format!("at={}", at.to_lowercase().replace("%2d", "-"))),
                "{path}: {href}"
            );
        }
        assert!(html::words(&page).contains("As it was known at 08:05:00 UTC"), "{path}");
    }
}

async fn of_a_moment_before_the_past_is_kept_nothing_is_made_up(server: TestServer) {
    server.at("08:05");
    server.post_events(step("1", "push", "failed", "08:01").with("attempt", 3)).await;
    server.at("08:30");
    // As if the portal had been made to keep its past only then.
    sqlx::query("update past set since = $1").bind(at("08:20").millis()).execute(server.app.db.read()).await.unwrap();
    let path = moment_of("/components/erp-sync", "08:10");
    let component = server.json(&path).await;
    assert_eq!((&component["steps"][0]["state"], &component["state"]), (&Value::Null, &Value::Null));
    assert_eq!(component["not_known"].as_array().unwrap().len(), 1);
    let words = html::words(&server.viewer().await.page(&path).await);
    assert!(words.contains("Not known for then") && words.contains("since a later moment"), "{words}");
    assert!(!words.contains("Not seen") && !words.contains("No step of it has been seen yet"), "{words}");
    // Its events say all of a run, whenever they were heard.
    assert_eq!(server.json(&moment_of("/runs/order-to-erp/1", "08:10")).await["state"], "broken");
    let since = server.json(&moment_of("/components/erp-sync", "08:25")).await;
    assert_eq!((&since["steps"][0]["state"], since.get("not_known").is_some()), (&json!("broken"), true));
}

async fn the_past_of_a_run_is_one_indexed_read(server: TestServer) {
    server.post_events(step("1", "take", "running", "08:00")).await;
    let postgres = server.database_url().starts_with("postgres");
    let sql = "select e.position from events e where e.run_key = 1 and e.received_at <= 5 order by e.position";
    let explain = if postgres { "explain" } else { "explain query plan" };
    let mut tx = server.app.db.write().await.unwrap();
    if postgres {
        // A planner that sees a handful of rows would read them all.
        sqlx::query("set local enable_seqscan = off").execute(&mut *tx).await.unwrap();
    }
    let rows = sqlx::query(sqlx::AssertSqlSafe(format!("{explain} {sql}"))).fetch_all(&mut *tx).await.unwrap();
    let column = if postgres { 0 } else { 3 };
    let plan: Vec<String> = rows.iter().map(|row| sqlx::Row::get(row, column)).collect();
    assert!(plan.iter().any(|line| line.contains("events_run")), "{plan:?}");
}
