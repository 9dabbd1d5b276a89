//! `/check-in/{token}`: a step that a person does, said to be done with one press, with or without an account.

use app::model::check_in::{Key, Link};
use serde_json::{Value, json};
use watchbook::actions::create_token::Scope;
use watchbook::store::people::newest_audit;

use crate::support::shelf::{Step, Workflow};
use crate::support::{TestServer, With, html, on_both_databases, step};

on_both_databases![
    what_a_person_has_not_done_in_time_is_late_in_words_that_fit_a_person,
    opening_a_link_shows_what_is_asked_and_changes_nothing,
    one_press_records_that_it_is_done_and_a_second_one_counts_nothing,
    a_link_that_wants_an_account_sends_to_sign_in_and_comes_back,
    a_link_that_expired_was_changed_or_is_not_needed_any_more_does_nothing_and_tells_nothing,
    a_press_from_another_site_is_refused,
    the_link_is_shown_to_operators_and_to_nobody_else,
    a_program_gets_the_link_with_an_admin_token_alone,
    links_outlive_a_restart_and_those_of_another_key_open_nothing,
    the_silence_of_people_is_no_silence,
];

const PEOPLE: &str = "\
kind: component
id: cost-sheet
name: Cost sheet
type: spreadsheet
owner: accounts
---
kind: component
id: budget-owner
name: Budget owner
type: person
";

/// A book in which invoices are entered in a sheet and approved by a person.
async fn with_invoices(server: &TestServer) {
    let enter = Step::new("enter", "Enter in cost sheet").says("component: cost-sheet").says("check_in: account");
    let approve = Step::new("approve", "Approve invoice")
        .says("component: budget-owner")
        .says("finish_within: 3h")
        .says("check_in: anyone")
        .says("meaning: Somebody agrees to pay.")
        .says("if_skipped: The auditors will ask.");
    let invoices = Workflow::new("invoices", "Invoices")
        .says("unit: invoices")
        .step(enter)
        .step(approve)
        .step(Step::new("pay", "Pay").says("component: erp"));
    server.shelf.write("people.yaml", PEOPLE);
    server.shelf.write("invoices.yaml", &invoices.yaml());
    server.take_over_the_book().await;
    server.post_events(json!([waiting("i-1", "approve", "08:00"), waiting("i-2", "enter", "08:00")])).await;
}

fn waiting(run: &str, at: &str, time: &str) -> Value {
    step(run, at, "waiting", time).with("workflow", "invoices").with("subject", format!("invoice/{run}"))
}

/// The way to the link of a step, as a program gets it.
async fn link(server: &TestServer, run: &str, step: &str) -> String {
    let admin = server.token(&format!("mailer-{run}-{step}"), Scope::Admin).await;
    let answer = server.program(&admin).get(&format!("/api/v1/runs/invoices/{run}/check-in?step={step}")).await;
    answer.expect(200).json()["path"].as_str().unwrap().to_owned()
}

async fn audited(server: &TestServer) -> Vec<(String, String, String)> {
    let lines = newest_audit(server.app.db.read(), 100).await.unwrap();
    lines.into_iter().filter(|l| l.action == "check_in").map(|l| (l.actor, l.subject, l.address)).collect()
}

async fn what_a_person_has_not_done_in_time_is_late_in_words_that_fit_a_person(server: TestServer) {
    with_invoices(&server).await;
    server.strike_at("11:22").await;
    server.post_events(json!({"type": "signal", "name": "alive", "time": "2026-06-04T11:22:00Z"})).await;
    let workflow = server.json("/workflows/invoices").await;
    assert_eq!(workflow["state"], "late");
    assert_eq!(
        workflow["sentence"],
        "Approve invoice should have been done by 11:00 by Budget owner. It is 22 min over."
    );
    let run = server.json("/runs/invoices/i-1").await;
    assert_eq!(run["sentence"], "Approve invoice should have been done by 11:00 by Budget owner.");
}

async fn opening_a_link_shows_what_is_asked_and_changes_nothing(server: TestServer) {
    with_invoices(&server).await;
    let path = link(&server, "i-1", "approve").await;
    server.at("08:10");
    let stranger = server.stranger();
    for _ in 0..3 {
        let answer = stranger.get(&path).await.expect(200);
        assert_eq!(answer.header("x-robots-tag"), "noindex, nofollow");
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(html::heading(&answer.text), "Approve invoice i-1");
        let words = html::words(&answer.text);
        for said in [
            "Invoices has waited for this since 08:00. It should be done by 11:00.",
            "Somebody agrees to pay.",
            "The auditors will ask.",
            "It is done",
        ] {
            assert!(words.contains(said), "{said} is not in {words}");
        }
        let forms = html::forms(&answer.text, &path);
        assert_eq!((forms.len(), forms[0].buttons.len()), (1, 1));
    }
    assert_eq!(server.json("/runs/invoices/i-1").await["steps"][0]["progress"], "waiting");
    server.strike_at("11:22").await;
    let late = html::words(&stranger.page(&path).await);
    assert!(late.contains("It should have been done by 11:00; it is 22 min over."), "{late}");
}

async fn one_press_records_that_it_is_done_and_a_second_one_counts_nothing(server: TestServer) {
    with_invoices(&server).await;
    let path = link(&server, "i-1", "approve").await;
    server.at("09:30");
    let stranger = server.stranger();
    let answer = stranger.post(&path, &[]).await.expect(303);
    assert_eq!(answer.header("location"), format!("{path}?done=1"));
    let page = html::words(&stranger.page(answer.header("location")).await);
    assert!(page.contains("Approve invoice i-1 Recorded 09:30."), "{page}");
    assert_eq!(html::forms(&page, &path).len(), 0);
    let run = server.json("/runs/invoices/i-1").await;
    assert_eq!(
        (&run["steps"][0]["progress"], &run["steps"][0]["ended_at"]),
        (&json!("succeeded"), &json!("2026-06-04T09:30:00Z"))
    );
    let told = run["story"].as_array().unwrap().last().unwrap();
    assert_eq!(told["source"], "check-in");
    let raw: Value = serde_json::from_str(told["raw"].as_str().unwrap()).unwrap();
    assert_eq!(raw["attributes"], json!({"by": "link"}));
    // A second press, by this one or by another, counts nothing.
    server.at("09:45");
    for client in [stranger, server.stranger()] {
        let again = client.post(&path, &[]).await.expect(303);
        assert_eq!(again.header("location"), path);
        let page = html::words(&client.page(&path).await);
        assert!(page.contains("This was recorded 09:30 already."), "{page}");
    }
    assert_eq!(server.json("/runs/invoices/i-1").await["steps"].as_array().unwrap().len(), 1);
    let step = "step:invoices/approve of run i-1, visit 1".to_owned();
    assert_eq!(audited(&server).await, [("link".to_owned(), step, "127.0.0.1".to_owned())]);
}

async fn a_link_that_wants_an_account_sends_to_sign_in_and_comes_back(server: TestServer) {
    with_invoices(&server).await;
    let path = link(&server, "i-2", "enter").await;
    let stranger = server.stranger();
    assert_eq!(stranger.get(&path).await.expect(303).header("location"), format!("/sign-in?next={path}"));
    assert!(stranger.post(&path, &[]).await.expect(303).header("location").starts_with("/sign-in"));
    assert_eq!(server.json("/runs/invoices/i-2").await["steps"][0]["progress"], "waiting");
    let viewer = server.viewer().await;
    let page = html::words(&viewer.page(&path).await);
    assert!(page.contains("with the time and your name, viewer."), "{page}");
    viewer.post(&path, &[]).await.expect(303);
    let run = server.json("/runs/invoices/i-2").await;
    assert_eq!(run["steps"][0]["progress"], "succeeded");
    assert!(run["story"][1]["raw"].as_str().unwrap().contains(r#"{"by":"viewer"}"#));
    assert_eq!(audited(&server).await[0].0, "viewer");
}

async fn a_link_that_expired_was_changed_or_is_not_needed_any_more_does_nothing_and_tells_nothing(server: TestServer) {
    with_invoices(&server).await;
    server.post_events(json!([waiting("i-3", "approve", "08:00"), waiting("i-4", "approve", "08:00")])).await;
    let stranger = server.stranger();
    let closed = async |path: &str, status: u16, title: &str| {
        for answer in [stranger.get(path).await, stranger.post(path, &[]).await] {
            let answer = answer.expect(status);
            assert_eq!(html::heading(&answer.text), title);
            assert_eq!(answer.header("x-robots-tag"), "noindex, nofollow");
            let words = html::words(&answer.text);
            for told in ["Approve", "i-1", "i-3", "i-4", "Invoices", "Budget"] {
                assert!(!words.contains(told), "{told} is in {words}");
            }
        }
    };
    let path = link(&server, "i-1", "approve").await;
    let mut changed = path.clone();
    let end = changed.pop().unwrap();
    changed.push(if end == 'A' { 'E' } else { 'A' });
    closed(&changed, 404, "This link does nothing").await;
    closed("/check-in/nothing", 404, "This link does nothing").await;
    // Somebody was faster, in the system itself; another run was cancelled.
    let (done, cancelled) = (link(&server, "i-3", "approve").await, link(&server, "i-4", "approve").await);
    server
        .post_events(json!([
            step("i-3", "approve", "succeeded", "08:05").with("workflow", "invoices"),
            json!({"workflow": "invoices", "run": "i-4", "state": "cancelled", "time": "2026-06-04T08:05:00Z"}),
        ]))
        .await;
    server.at("08:10");
    closed(&done, 409, "Nothing waits for this any more").await;
    closed(&cancelled, 409, "Nothing waits for this any more").await;
    // Three hours and seven days after it began.
    server.at("2026-06-11T10:59:59Z");
    stranger.page(&path).await;
    server.at("2026-06-11T11:00:00Z");
    closed(&path, 410, "This link has expired").await;
    assert_eq!(audited(&server).await, []);
}

async fn a_press_from_another_site_is_refused(server: TestServer) {
    with_invoices(&server).await;
    let path = link(&server, "i-1", "approve").await;
    server.stranger().post_from("https://evil.example", &path, &[]).await.problem(403);
    assert_eq!(server.json("/runs/invoices/i-1").await["steps"][0]["progress"], "waiting");
}

async fn the_link_is_shown_to_operators_and_to_nobody_else(server: TestServer) {
    with_invoices(&server).await;
    let path = link(&server, "i-1", "approve").await;
    let page = server.operator().await.page("/runs/invoices/i-1").await;
    assert!(html::words(&page).contains(&format!("{}{path}", server.base)), "{page}");
    assert!(html::tags(&page).iter().any(|t| t.get("href") == Some(path.as_str())));
    // A link lies in no block of the stream, which everybody gets.
    let block = page.split("data-live=").find(|block| block.contains("/check-in/")).unwrap();
    assert!(block.find("id=\"check-in\"").is_some_and(|at| at < block.find("/check-in/").unwrap()));
    let viewer = server.viewer().await;
    for page in [
        viewer.page("/runs/invoices/i-1").await,
        viewer.get("/api/v1/runs/invoices/i-1").await.text,
        server.operator().await.get("/api/v1/runs/invoices/i-1").await.text,
        server.json("/runs/invoices/i-1").await.to_string(),
    ] {
        assert!(!page.contains("/check-in/"), "{page}");
    }
}

async fn a_program_gets_the_link_with_an_admin_token_alone(server: TestServer) {
    with_invoices(&server).await;
    let ask = "/api/v1/runs/invoices/i-1/check-in?step=approve";
    server.program(&server.read).get(ask).await.problem(403);
    server.program(&server.ingest).get(ask).await.problem(403);
    server.stranger().get(ask).await.problem(401);
    server.viewer().await.get(ask).await.problem(403);
    server.operator().await.get(ask).await.expect(200);
    let admin = server.program(&server.token("mailer", Scope::Admin).await);
    let link = admin.get(ask).await.expect(200).json();
    assert_eq!(link["url"], format!("{}{}", server.base, link["path"].as_str().unwrap()));
    assert_eq!(
        (&link["allows"], &link["since"], &link["due_at"], &link["expires_at"]),
        (
            &json!("anyone"),
            &json!("2026-06-04T08:00:00Z"),
            &json!("2026-06-04T11:00:00Z"),
            &json!("2026-06-11T11:00:00Z")
        )
    );
    assert_eq!(admin.get(ask).await.json(), link, "it is the same however often it is asked for");
    admin.get("/api/v1/runs/invoices/i-1/check-in?step=pay").await.problem(404);
    admin.get("/api/v1/runs/invoices/i-9/check-in?step=approve").await.problem(404);
    admin.get("/api/v1/runs/invoices/i-1/check-in?step=enter").await.problem(409);
    let server = server.restarted("08:30", |settings| settings.base_url = Some("https://watch.example/".into())).await;
    let link = admin_link(&server).await;
    assert!(link.starts_with("https://watch.example/check-in/"), "{link}");
}

async fn admin_link(server: &TestServer) -> String {
    let admin = server.program(&server.token("mailer-again", Scope::Admin).await);
    let answer = admin.get("/api/v1/runs/invoices/i-1/check-in?step=approve").await.expect(200).json();
    answer["url"].as_str().unwrap().to_owned()
}

async fn links_outlive_a_restart_and_those_of_another_key_open_nothing(server: TestServer) {
    with_invoices(&server).await;
    let path = link(&server, "i-1", "approve").await;
    let server = server.restarted("08:30", |_| {}).await;
    server.stranger().page(&path).await;
    let token = path.strip_prefix("/check-in/").unwrap();
    let about = Link::open(token, &server.app.check_in_key, server.app.now()).unwrap();
    let forged = about.token(&Key::new([0; 32]));
    server.stranger().get(&format!("/check-in/{forged}")).await.expect(404);
}

async fn the_silence_of_people_is_no_silence(server: TestServer) {
    with_invoices(&server).await;
    server.post_events(step("1", "sync", "running", "08:00").with("workflow", "stock-sync")).await;
    let path = link(&server, "i-1", "approve").await;
    server.stranger().post(&path, &[]).await.expect(303);
    server.at("08:09");
    server.post_events(step("1", "sync", "succeeded", "08:09").with("workflow", "stock-sync")).await;
    server.at("08:20");
    // The one who told of the invoices has not been silent; that nobody pressed anything since means nothing.
    assert_eq!(server.json("/workflows/invoices").await["state"], "on_track");
    let sources = server.json("/sources").await;
    let own = sources["items"].as_array().unwrap().iter().find(|s| s["id"] == "check-in").unwrap().clone();
    assert_eq!(own["state"], "on_track");
    assert_eq!(server.json("/now").await["sources"]["silent"], json!([]));
}
