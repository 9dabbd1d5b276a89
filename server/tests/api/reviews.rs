//! `/reviews`: which sections may be false now and exactly why, and the answers to that.

use app::model::moment::Moment;
use app::model::status::Role;
use serde_json::{Value, json};
use watchbook::live::Topic;

use crate::support::html::{self, Form};
use crate::support::shelf::{Step, erp_refuses_orders, push, push_with};
use crate::support::{Client, PASSWORD, PATIENCE, TestServer, With, at, on_both_databases, step};

on_both_databases![
    reviewing_every_section_makes_a_runbook_trusted,
    a_changed_value_flags_exactly_the_sections_that_speak_of_it,
    the_step_that_speaks_of_what_changed_is_marked_and_the_others_are_not,
    a_value_that_returns_closes_its_flag_by_itself,
    still_correct_closes_that_flag_and_no_other,
    a_change_made_while_the_reviewer_reads_still_flags,
    a_value_that_changes_again_before_the_answer_still_flags,
    an_edited_section_waits_for_a_review_and_the_others_do_not,
    a_deployment_flags_the_sections_that_speak_of_the_component,
    a_deployment_told_late_does_not_replace_a_newer_one,
    a_deployment_of_the_future_is_one_of_when_it_was_heard,
    every_change_that_is_told_is_listed,
    a_part_that_goes_away_flags_and_its_return_closes,
    a_value_that_does_not_matter_flags_nothing,
    a_stated_value_that_matters_to_nobody_else_flags_what_states_it,
    an_edit_of_what_a_section_links_to_flags_the_edit_and_no_value,
    a_section_without_links_is_not_trusted_in_trouble,
    a_section_that_speaks_of_nothing_is_not_told_as_trusted,
    the_queue_lists_what_waits_and_why,
    who_may_not_review_is_refused_and_told_why,
    an_answer_that_cannot_be_read_changes_nothing,
    still_correct_of_a_text_that_was_edited_meanwhile_is_409,
    an_answer_keeps_the_values_that_were_on_the_screen,
    what_needs_a_check_is_counted_the_same_everywhere,
    what_a_section_is_not_about_flags_it_no_more_until_it_is_again,
    a_value_that_the_text_states_cannot_be_said_to_be_about_something_else,
    a_flag_left_for_later_waits_again_and_the_doubt_stays_meanwhile,
    an_answer_for_later_without_a_reason_or_a_day_comes_back_as_it_was_typed,
    a_flag_given_to_somebody_waits_for_them,
    where_two_must_review_the_second_makes_it_trusted,
    a_field_whose_flags_lead_to_nothing_can_be_muted_and_flags_again,
    a_flag_that_led_to_an_edit_counts_for_its_field,
    documents_of_workflows_in_trouble_are_reviewed_first,
    what_is_said_of_a_flag_or_a_field_that_is_not_there_writes_nothing,
];

const SLUG: &str = "erp-refuses-orders";

/// The forms that say of a flag or a section that it is right, as they are on the page now.
async fn forms(client: &Client) -> Vec<Form> {
    let mut forms = all_forms(client, SLUG).await;
    forms.retain(|form| ["still_correct", "reviewed"].contains(&form.buttons[0].1.as_str()));
    forms
}

/// The forms with the answers that are given seldom.
async fn other_forms(client: &Client) -> Vec<Form> {
    let mut forms = all_forms(client, SLUG).await;
    forms.retain(|form| form.buttons[0].1 == "snoozed");
    forms
}

async fn all_forms(client: &Client, slug: &str) -> Vec<Form> {
    html::forms(&client.page(&format!("/reviews/{slug}")).await, &format!("/reviews/{slug}"))
}

async fn press(client: &Client, form: &Form) -> String {
    let (name, answer) = form.buttons[0].clone();
    let sent = client.post(&form.action, &form.filled(&[], (&name, &answer))).await.expect(303);
    sent.header("location").to_owned()
}

/// Says of every section that it is right.
async fn reviewed(server: &TestServer) -> Client {
    let editor = server.editor().await;
    for form in forms(&editor).await {
        press(&editor, &form).await;
    }
    assert_eq!(server.json(&format!("/runbooks/{SLUG}")).await["trust"], "trusted");
    editor
}

/// The trust of each section, by its anchor.
async fn trusts(server: &TestServer) -> Vec<(String, String)> {
    let runbook = server.json(&format!("/runbooks/{SLUG}")).await;
    let sections = runbook["sections"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    sections.filter(|s| s["anchor"] != "").map(|s| (text(&s["anchor"]), text(&s["trust"]))).collect()
}

fn sections(trusts: [&str; 4]) -> Vec<(String, String)> {
    let anchors = ["do-this-now", "what-it-means", "if-it-does-not-help", "background"];
    anchors.into_iter().zip(trusts).map(|(a, t)| (a.to_owned(), t.to_owned())).collect()
}

/// Every open flag, as (section, subject, field, before, after).
async fn flags(server: &TestServer) -> Vec<[String; 5]> {
    let reviews = server.json("/reviews").await;
    let text = |flag: &Value, field: &str| flag[field].as_str().unwrap().to_owned();
    let items = reviews["items"].as_array().unwrap().iter();
    items.map(|f| ["section", "subject", "field", "before", "after"].map(|field| text(f, field))).collect()
}

fn flag(section: &str, field: &str, before: &str, after: &str) -> [String; 5] {
    [section, "step:order-to-erp/push", field, before, after].map(str::to_owned)
}

async fn reviewing_every_section_makes_a_runbook_trusted(server: TestServer) {
    assert_eq!(trusts(&server).await, sections(["never_reviewed", "never_reviewed", "never_reviewed", "not_linked"]));
    let editor = server.editor().await;
    // What speaks of nothing is not asked about.
    let open = forms(&editor).await;
    let asked: Vec<_> = open.iter().map(|f| f.get("section").unwrap()).collect();
    assert_eq!(asked, ["do-this-now", "what-it-means", "if-it-does-not-help"]);
    server.at("08:10");
    assert_eq!(press(&editor, &open[0]).await, format!("/reviews/{SLUG}"));
    assert_eq!(press(&editor, &open[1]).await, format!("/reviews/{SLUG}"));
    assert_eq!(press(&editor, &open[2]).await, format!("/runbooks/{SLUG}"));
    let runbook = server.json(&format!("/runbooks/{SLUG}")).await;
    assert_eq!(
        (&runbook["trust"], &runbook["reviewed"]),
        (&json!("trusted"), &json!(["2026-06-04T08:10:00Z", "editor"]))
    );
    let page = html::words(&editor.page(&format!("/runbooks/{SLUG}")).await);
    assert!(page.contains("Trusted") && page.contains("Last reviewed 08:10 by editor."), "{page}");
    assert!(html::words(&editor.page(&format!("/reviews/{SLUG}")).await).contains("Nothing in it waits for a review."));
    let history = server.json(&format!("/runbooks/{SLUG}/versions")).await;
    assert_eq!(history["items"][0]["reviewed"], json!(["2026-06-04T08:10:00Z", "editor"]));
}

async fn a_changed_value_flags_exactly_the_sections_that_speak_of_it(server: TestServer) {
    let editor = reviewed(&server).await;
    server.at("08:15");
    server.shelf.push_is_now(push_with("5m", 8));
    server.take_over_the_book().await;
    // One section states the number, one links to the step; the others speak of something else.
    assert_eq!(trusts(&server).await, sections(["check_needed", "check_needed", "trusted", "not_linked"]));
    assert_eq!(
        flags(&server).await,
        [flag("do-this-now", "retry.max_attempts", "3", "8"), flag("what-it-means", "retry.max_attempts", "3", "8")]
    );
    let first = &server.json("/reviews").await["items"][0];
    assert_eq!(
        *first,
        json!({"runbook": SLUG, "section": "do-this-now", "subject": "step:order-to-erp/push", "name": "Push to ERP",
            "field": "retry.max_attempts", "before": "3", "after": "8", "changed_at": "2026-06-04T08:15:00Z",
            "by": "the book", "words": first["words"], "answer": null, "later": null, "assignee": null, "stated": true})
    );
    assert!(first["words"][0].as_str().unwrap().contains("3 times"), "{first}");
    let page = html::words(&editor.page(&format!("/runbooks/{SLUG}")).await);
    assert!(page.contains("Push to ERP, number of tries was 3, is 8 since 08:15 by the book."), "{page}");
    assert_eq!(page.matches("This section may be wrong. Check before you act.").count(), 2);
    // What is asked stands after the text that it is about, so that nobody answers before they have read.
    let review = html::words(&editor.page(&format!("/reviews/{SLUG}")).await);
    assert!(review.find("Wait until it has tried").unwrap() < review.find("Still correct").unwrap(), "{review}");
    let changes = server.json("/changes").await;
    assert_eq!(
        (changes["items"].as_array().unwrap().len(), &changes["items"][0]["field"]),
        (1, &json!("retry.max_attempts"))
    );
}

async fn the_step_that_speaks_of_what_changed_is_marked_and_the_others_are_not(server: TestServer) {
    let editor = reviewed(&server).await;
    let of_runbook = format!("/runbooks/{SLUG}");
    assert!(!editor.page(&of_runbook).await.contains("May be wrong:"));
    server.shelf.push_is_now(push_with("5m", 8));
    server.take_over_the_book().await;
    // Where it is read, where it is reviewed, where it is followed, and where it is kept for when the portal is down.
    let drill = editor.post(&format!("{of_runbook}/drills"), &[]).await.expect(303).header("location").to_owned();
    for path in [of_runbook.as_str(), &format!("/reviews/{SLUG}"), &drill, &format!("/kept/runbooks/{SLUG}")] {
        let page = html::words(&editor.page(path).await);
        assert_eq!(page.matches("May be wrong:").count(), 1, "{path}: {page}");
        assert!(page.contains("May be wrong: Wait until it has tried"), "{path}: {page}");
    }
    // And in trouble: where the steps are ticked, and where they are only recommended.
    let failed = step("7", "push", "failed", "08:01").with("error", json!({"code": "E42"}));
    server.post_events(failed).await;
    server.strike_at("08:05").await;
    let problem = server.every("/problems?open=1").await.remove(0)["id"].clone();
    for path in ["/workflows/order-to-erp".to_owned(), format!("/problems/{problem}")] {
        let page = html::words(&editor.page(&path).await);
        assert!(page.contains("May be wrong: Wait until it has tried"), "{path}: {page}");
        assert_eq!(page.matches("May be wrong:").count(), 1, "{path}: {page}");
    }
    let incident = server.json(&format!("/problems/{problem}")).await["incident"].clone();
    assert_eq!(incident["recovery"]["in_doubt"], json!([2]));
    let drill = server.json(&drill).await;
    let steps = drill["sections"][0]["steps"].as_array().unwrap().iter();
    assert_eq!(steps.map(|step| step["in_doubt"].as_bool().unwrap()).collect::<Vec<_>>(), [false, true, false]);
}

async fn a_value_that_returns_closes_its_flag_by_itself(server: TestServer) {
    reviewed(&server).await;
    server.shelf.push_is_now(push_with("5m", 8));
    server.take_over_the_book().await;
    assert_eq!(flags(&server).await.len(), 2);
    server.shelf.push_is_now(push());
    server.take_over_the_book().await;
    assert_eq!(flags(&server).await, Vec::<[String; 5]>::new());
    assert_eq!(server.json(&format!("/runbooks/{SLUG}")).await["trust"], "trusted");
}

async fn still_correct_closes_that_flag_and_no_other(server: TestServer) {
    let editor = reviewed(&server).await;
    server.shelf.push_is_now(push_with("7m", 8));
    server.take_over_the_book().await;
    assert_eq!(
        flags(&server).await,
        [
            flag("do-this-now", "retry.max_attempts", "3", "8"),
            flag("what-it-means", "finish_within", "5m", "7m"),
            flag("what-it-means", "retry.max_attempts", "3", "8"),
        ]
    );
    let of = |forms: Vec<Form>, section: &str, field: &str| -> Form {
        forms.into_iter().find(|f| f.get("section") == Some(section) && f.get("field") == Some(field)).unwrap()
    };
    let form = of(forms(&editor).await, "what-it-means", "retry.max_attempts");
    assert_eq!(press(&editor, &form).await, format!("/reviews/{SLUG}"));
    assert_eq!(
        flags(&server).await,
        [flag("do-this-now", "retry.max_attempts", "3", "8"), flag("what-it-means", "finish_within", "5m", "7m")]
    );
    // Pressed twice, it says nothing new.
    press(&editor, &form).await;
    assert_eq!(flags(&server).await.len(), 2);
    press(&editor, &of(forms(&editor).await, "do-this-now", "retry.max_attempts")).await;
    let last = of(forms(&editor).await, "what-it-means", "finish_within");
    assert_eq!(press(&editor, &last).await, format!("/runbooks/{SLUG}"));
    assert_eq!(server.json(&format!("/runbooks/{SLUG}")).await["trust"], "trusted");
}

async fn a_change_made_while_the_reviewer_reads_still_flags(server: TestServer) {
    let editor = server.editor().await;
    let read = forms(&editor).await;
    server.shelf.push_is_now(push_with("5m", 8));
    server.take_over_the_book().await;
    for form in &read {
        press(&editor, form).await;
    }
    assert_eq!(
        flags(&server).await,
        [flag("do-this-now", "retry.max_attempts", "3", "8"), flag("what-it-means", "retry.max_attempts", "3", "8")]
    );
}

async fn a_value_that_changes_again_before_the_answer_still_flags(server: TestServer) {
    let editor = reviewed(&server).await;
    server.shelf.push_is_now(push_with("5m", 8));
    server.take_over_the_book().await;
    let read = forms(&editor).await;
    server.shelf.push_is_now(push_with("5m", 9));
    server.take_over_the_book().await;
    for form in &read {
        press(&editor, form).await;
    }
    assert_eq!(
        flags(&server).await,
        [flag("do-this-now", "retry.max_attempts", "8", "9"), flag("what-it-means", "retry.max_attempts", "8", "9")]
    );
}

async fn an_edited_section_waits_for_a_review_and_the_others_do_not(server: TestServer) {
    let editor = reviewed(&server).await;
    let text = erp_refuses_orders()
        .where_section("If it does not help", "Ask who keeps [the stock](component:stock-db), twice.")
        .markdown();
    let typed = [("base", "1"), ("text", text.as_str()), ("why", "Once is not enough")];
    editor.post(&format!("/runbooks/{SLUG}/edit"), &typed).await.expect(303);
    assert_eq!(trusts(&server).await, sections(["trusted", "trusted", "check_needed", "not_linked"]));
    let page = html::words(&editor.page(&format!("/reviews/{SLUG}")).await);
    assert!(page.contains("It was edited since its review."), "{page}");
    // Somebody else edits once more while it is read: what was read is not what is there now.
    let read = forms(&editor).await;
    let newer = text.replace("twice", "thrice");
    let typed = [("base", "2"), ("text", newer.as_str()), ("why", "Nor is twice")];
    editor.post(&format!("/runbooks/{SLUG}/edit"), &typed).await.expect(303);
    let (name, right) = read[0].buttons[0].clone();
    let refused = editor.post(&read[0].action, &read[0].filled(&[], (&name, &right))).await.expect(409);
    let told = html::words(&refused.text);
    assert!(
        told.contains("Your answer was not taken: you read version 2, and editor has changed that section."),
        "{told}"
    );
    assert!(told.contains("Version 3 is shown.") && told.contains("thrice"), "{told}");
    assert_eq!(trusts(&server).await[2].1, "check_needed");
    // From there it goes on.
    press(&editor, &html::forms(&refused.text, &format!("/reviews/{SLUG}"))[0]).await;
    assert_eq!(server.json(&format!("/runbooks/{SLUG}")).await["trust"], "trusted");
}

async fn still_correct_of_a_text_that_was_edited_meanwhile_is_409(server: TestServer) {
    let editor = reviewed(&server).await;
    server.shelf.push_is_now(push_with("5m", 8));
    server.take_over_the_book().await;
    let read = forms(&editor).await;
    let of = |section: &str| read.iter().find(|f| f.get("section") == Some(section)).unwrap().clone();
    assert_eq!(
        ["version", "before", "after"].map(|name| of("do-this-now").get(name).map(str::to_owned)),
        [Some("1".to_owned()), Some("3".to_owned()), Some("8".to_owned())]
    );
    let text = erp_refuses_orders().where_section("What it means", "[The push](step:order-to-erp/push) is slow.");
    let typed = [("base", "1"), ("text", &text.markdown()), ("why", "It is")];
    editor.post(&format!("/runbooks/{SLUG}/edit"), &typed).await.expect(303);
    let form = of("what-it-means");
    let refused = editor.post(&form.action, &form.filled(&[], ("answer", "still_correct"))).await.expect(409);
    assert!(html::words(&refused.text).contains("The push is slow."));
    assert_eq!(flags(&server).await.len(), 2);
    // So is one of a section that is gone.
    let gone = form.filled(&[], ("answer", "still_correct"));
    let gone: Vec<_> = gone.iter().map(|(n, v)| if *n == "section" { (*n, "old-name") } else { (*n, *v) }).collect();
    editor.post(&form.action, &gone).await.expect(409);
    // The other section says what it said: that answer counts, for the version that was read.
    let form = of("do-this-now");
    editor.post(&form.action, &form.filled(&[], ("answer", "still_correct"))).await.expect(303);
    assert_eq!(flags(&server).await, [flag("what-it-means", "retry.max_attempts", "3", "8")]);
    let history = server.json(&format!("/runbooks/{SLUG}/versions")).await;
    let of_versions: Vec<_> = history["items"].as_array().unwrap().iter().map(|v| v["reviewed"].is_null()).collect();
    assert_eq!(of_versions, [true, false]);
}

async fn an_answer_keeps_the_values_that_were_on_the_screen(server: TestServer) {
    let editor = reviewed(&server).await;
    server.shelf.push_is_now(push_with("5m", 8));
    server.take_over_the_book().await;
    let read = forms(&editor).await;
    server.shelf.push_is_now(push_with("5m", 9));
    server.take_over_the_book().await;
    press(&editor, &read[0]).await;
    let kept: Vec<(Option<String>, Option<String>)> =
        sqlx::query_as("select before_value, after_value from reviews where field is not null")
            .fetch_all(server.app.db.read())
            .await
            .unwrap();
    assert_eq!(kept, [(Some("3".to_owned()), Some("8".to_owned()))]);
}

/// How many documents need a check, as the top bar, Now and the numbers for Prometheus say it.
async fn to_check(server: &TestServer) -> [i64; 3] {
    let bar = html::words(&server.viewer().await.page("/workflows").await);
    let bar = bar.split_once("Reviews ").and_then(|(_, rest)| rest.split_once(" waiting")).map_or("0", |(n, _)| n);
    let numbers = server.program(&server.read).get("/metrics").await.expect(200).text;
    let number = numbers.lines().find_map(|l| l.strip_prefix("watchbook_runbooks_needing_check ")).unwrap();
    let now = server.json("/now").await["reviews_waiting"].as_i64().unwrap();
    [bar.parse().unwrap_or(0), now, number.parse().unwrap()]
}

async fn what_needs_a_check_is_counted_the_same_everywhere(server: TestServer) {
    assert_eq!(to_check(&server).await, [0, 0, 0]);
    let editor = reviewed(&server).await;
    assert_eq!(to_check(&server).await, [0, 0, 0]);
    // A section that was added has no flag, and still nobody has said that it is right.
    let text = erp_refuses_orders().section("After that", "Look at [the queue](component:erp-queue) again.").markdown();
    let typed = [("base", "1"), ("text", text.as_str()), ("why", "More to do")];
    editor.post(&format!("/runbooks/{SLUG}/edit"), &typed).await.expect(303);
    let runbook = server.json(&format!("/runbooks/{SLUG}")).await;
    assert_eq!((&runbook["trust"], &runbook["flags"]), (&json!("check_needed"), &json!(0)));
    assert_eq!(to_check(&server).await, [1, 1, 1]);
    // What is counted is said with the number: sections of a runbook, runbooks of the list, answers of Reviews.
    assert_eq!(runbook["to_check"], 1);
    for (path, says) in [
        (format!("/runbooks/{SLUG}"), "Check needed 1 section"),
        ("/runbooks".to_owned(), "Check needed 1 section"),
        ("/runbooks".to_owned(), "1 runbook needs a check."),
        ("/reviews".to_owned(), " answers wait, about "),
    ] {
        let words = html::words(&editor.page(&path).await);
        assert!(words.contains(says), "{path} does not say {says}: {words}");
    }
}

/// Sends change events and waits until documents have been looked at again.
async fn deploy(server: &TestServer, events: Value) {
    let mut told = server.app.live.listen();
    server.post_events(events).await;
    let looked_again = async { while !told.recv().await.unwrap().contains(&Topic::Book) {} };
    tokio::time::timeout(PATIENCE, looked_again).await.expect("documents are looked at again");
}

async fn a_deployment_flags_the_sections_that_speak_of_the_component(server: TestServer) {
    reviewed(&server).await;
    server.at("08:20");
    let event = change("08:20").with("version", "2.4.1").with("by", "deploy-bot").with("link", "https://ci.example/1");
    deploy(&server, event).await;
    let reviews = server.json("/reviews").await;
    assert_eq!(reviews["items"].as_array().unwrap().len(), 1);
    let flag = &reviews["items"][0];
    assert_eq!((&flag["section"], &flag["subject"]), (&json!("do-this-now"), &json!("component:erp-queue")));
    assert_eq!((&flag["field"], &flag["before"], &flag["after"]), (&json!("deployed"), &json!(""), &json!("2.4.1")));
    assert_eq!((&flag["by"], &flag["changed_at"]), (&json!("deploy-bot"), &json!("2026-06-04T08:20:00Z")));
    let change = &server.json("/changes").await["items"][0];
    assert_eq!((&change["origin"], &change["link"]), (&json!("event"), &json!("https://ci.example/1")));
    assert_eq!(server.json("/now").await["changed"][0]["flags"], json!([SLUG]));
    // It survives the next import of the book, and a restart.
    server.take_over_the_book().await;
    assert_eq!(flags(&server).await.len(), 1);
    let server = server.restarted("08:30", |_| {}).await;
    assert_eq!(flags(&server).await.len(), 1);
}

fn change(time: &str) -> Value {
    json!({"type": "change", "component": "erp-queue", "time": at(time).to_string()})
}

/// What was told to have changed, newest first: (field, before, after, when).
async fn changed(server: &TestServer) -> Vec<(Value, Value, Value, Value)> {
    let component = server.json("/components/erp-queue").await;
    let rows = component["changes"].as_array().unwrap().iter();
    rows.map(|c| (c["field"].clone(), c["before"].clone(), c["after"].clone(), c["changed_at"].clone())).collect()
}

async fn a_deployment_told_late_does_not_replace_a_newer_one(server: TestServer) {
    server.at("10:30");
    deploy(&server, change("10:00").with("version", "2")).await;
    reviewed(&server).await;
    // Late by itself, and late in one batch with what is newer still.
    server.post_events(change("09:00").with("version", "1")).await;
    assert_eq!(flags(&server).await, Vec::<[String; 5]>::new());
    deploy(&server, json!([change("10:20").with("version", "3"), change("09:30").with("version", "1.5")])).await;
    let [_, _, field, before, after] = flags(&server).await.remove(0);
    assert_eq!((field.as_str(), before.as_str(), after.as_str()), ("deployed", "2", "3"));
    let row = |field: &str, before: Value, after: &str, time: &str| {
        (json!(field), before, json!(after), json!(at(time).to_string()))
    };
    assert_eq!(
        changed(&server).await,
        [
            row("deployed", json!("2"), "3", "10:20"),
            row("change", Value::Null, "1.5", "09:30"),
            row("change", Value::Null, "1", "09:00"),
            row("deployed", Value::Null, "2", "10:00"),
        ]
    );
    let page = html::words(&server.viewer().await.page("/components/erp-queue").await);
    assert!(page.contains("change: 1.5") && page.contains("deployed version: 2 to 3"), "{page}");
}

async fn a_deployment_of_the_future_is_one_of_when_it_was_heard(server: TestServer) {
    deploy(&server, change("23:00").with("version", "1")).await;
    server.at("08:10");
    deploy(&server, change("08:05").with("version", "2")).await;
    let times: Vec<_> = changed(&server).await.into_iter().map(|(_, _, after, time)| (after, time)).collect();
    assert_eq!(times, [(json!("2"), json!("2026-06-04T08:05:00Z")), (json!("1"), json!("2026-06-04T08:00:00Z"))]);
}

async fn every_change_that_is_told_is_listed(server: TestServer) {
    deploy(&server, change("07:50").with("version", "1").with("what", "Faster")).await;
    server.post_events(change("07:51").with("version", "1").with("what", "Pool doubled")).await;
    server.post_events(change("07:52").with("by", "anna").with("link", "https://ci.example/7")).await;
    let told: Vec<_> = changed(&server).await.into_iter().map(|(field, _, after, _)| (field, after)).collect();
    assert_eq!(
        told,
        [
            (json!("change"), Value::Null),
            (json!("change"), json!("1 (Pool doubled)")),
            (json!("deployed"), json!("1 (Faster)")),
        ]
    );
    assert_eq!(server.json("/now").await["changed"].as_array().unwrap().len(), 3);
    // Said late: what was told last is what is deployed.
    server.post_events(change("07:50:30").with("version", "0")).await;
    assert_eq!(changed(&server).await[0].0, "change");
}

async fn a_part_that_goes_away_flags_and_its_return_closes(server: TestServer) {
    reviewed(&server).await;
    let whole = std::fs::read_to_string(server.shelf.folder().join("components.yaml")).unwrap();
    let queue = "kind: component\nid: erp-queue\nname: ERP queue\ntype: queue\n---\n";
    assert!(whole.contains(queue));
    server.shelf.write("components.yaml", &whole.replace(queue, ""));
    server.take_over_the_book().await;
    let gone = flags(&server).await;
    assert!(gone.contains(&["do-this-now", "component:erp-queue", "exists", "yes", ""].map(str::to_owned)), "{gone:?}");
    server.shelf.write("components.yaml", &whole);
    server.take_over_the_book().await;
    assert_eq!(flags(&server).await, Vec::<[String; 5]>::new());
}

async fn a_value_that_does_not_matter_flags_nothing(server: TestServer) {
    reviewed(&server).await;
    server.shelf.push_is_now(push().says("meaning: The order becomes visible to the warehouse."));
    server.take_over_the_book().await;
    assert_eq!(flags(&server).await, Vec::<[String; 5]>::new());
    assert_eq!(server.json("/changes").await["items"], json!([]));
}

async fn a_stated_value_that_matters_to_nobody_else_flags_what_states_it(server: TestServer) {
    let push = |skipped: &str| {
        Step::new("push", "Push to ERP").says("component: erp-sync").says(&format!("if_skipped: {skipped}"))
    };
    server.shelf.push_is_now(push("Nothing is picked."));
    let fact = "Then [nothing is picked](fact:step:order-to-erp/push?if_skipped=Nothing%20is%20picked.).";
    let runbook = erp_refuses_orders().where_section("Do this now", fact).markdown();
    server.shelf.write("erp-refuses-orders.md", &runbook);
    server.take_over_the_book().await;
    reviewed(&server).await;
    server.shelf.push_is_now(push("Orders are picked late."));
    server.take_over_the_book().await;
    // It is no change of the flow, so what only links to the step says nothing of it.
    assert_eq!(
        flags(&server).await,
        [flag("do-this-now", "if_skipped", "Nothing is picked.", "Orders are picked late.")]
    );
    assert_eq!(trusts(&server).await, sections(["check_needed", "trusted", "trusted", "not_linked"]));
    server.shelf.push_is_now(push("Nothing is picked."));
    server.take_over_the_book().await;
    assert_eq!(flags(&server).await, Vec::<[String; 5]>::new());
}

async fn an_edit_of_what_a_section_links_to_flags_the_edit_and_no_value(server: TestServer) {
    let editor = reviewed(&server).await;
    let texts = [
        "It is [a database](fact:component:stock-db?type=database).",
        "Ask [the stock team](fact:component:stock-db?owner=stock-team) of [the stock](component:stock-db).",
    ];
    for (base, text) in ["1", "2"].into_iter().zip(texts) {
        let text = erp_refuses_orders().where_section("If it does not help", text).markdown();
        let typed = [("base", base), ("text", text.as_str()), ("why", "Other words")];
        editor.post(&format!("/runbooks/{SLUG}/edit"), &typed).await.expect(303);
        assert_eq!(flags(&server).await, Vec::<[String; 5]>::new());
        assert_eq!(trusts(&server).await[2].1, "check_needed");
        press(&editor, &forms(&editor).await[0]).await;
        assert_eq!(trusts(&server).await[2].1, "trusted");
    }
}

async fn a_section_without_links_is_not_trusted_in_trouble(server: TestServer) {
    let runbook = erp_refuses_orders().where_section("Do this now", "- [ ] Call the duty desk.").markdown();
    server.shelf.write("erp-refuses-orders.md", &runbook);
    server.take_over_the_book().await;
    reviewed(&server).await;
    server
        .post_events(step("1", "push", "failed", "08:00").with("attempt", 3).with("error", json!({"code": "503"})))
        .await;
    let workflow = server.json("/workflows/order-to-erp").await;
    let recovery = &workflow["trouble"][0]["runbook"];
    assert_eq!((&recovery["section"], &recovery["trust"]), (&json!("do-this-now"), &json!("not_linked")));
}

async fn a_section_that_speaks_of_nothing_is_not_told_as_trusted(server: TestServer) {
    let words = html::words(&server.viewer().await.page("/reviews/erp-refuses-orders").await);
    assert!(!words.contains("Trusted ("), "nobody has reviewed anything: {words}");
    reviewed(&server).await;
    server.shelf.push_is_now(push_with("5m", 6));
    server.take_over_the_book().await;
    let words = html::words(&server.viewer().await.page("/reviews/erp-refuses-orders").await);
    let trusted = &words[words.find("Trusted (").unwrap()..];
    assert!(trusted.contains("If it does not help") && !trusted.contains("Background"), "{trusted}");
}

async fn the_queue_lists_what_waits_and_why(server: TestServer) {
    let viewer = server.viewer().await;
    let page = html::words(&viewer.page("/reviews").await);
    let places = ["ERP refuses orders", "Stock runs low", "House rules"].map(|title| page.find(title).expect(title));
    assert!(places.is_sorted(), "{page}");
    // The badge of each says that nobody has reviewed it; its row does not say it in other words as well.
    assert!(page.contains("Never reviewed") && !page.contains("Nobody has said that it is right."), "{page}");
    reviewed(&server).await;
    server.shelf.push_is_now(push_with("5m", 8));
    server.take_over_the_book().await;
    let page = html::words(&viewer.page("/reviews").await);
    assert!(page.contains("Push to ERP: number of tries was 3, is 8, and 1 more."), "{page}");
    // How many wait stands on every page.
    let page = html::words(&viewer.page("/workflows").await);
    assert!(page.contains("Reviews 1 waiting"), "{page}");
}

async fn who_may_not_review_is_refused_and_told_why(server: TestServer) {
    let editor = server.editor().await;
    let form = forms(&editor).await.remove(0);
    for (client, role) in [(server.viewer().await, "a viewer"), (server.operator().await, "an operator")] {
        let page = client.page(&format!("/reviews/{SLUG}")).await;
        assert!(html::words(&page).contains(&format!("Reviewing is for editors; you are {role}.")));
        assert!(html::forms(&page, &form.action).is_empty());
        let answer = client.post(&form.action, &form.filled(&[], ("answer", "reviewed"))).await.expect(403);
        assert!(html::words(&answer.text).contains("You may not review runbooks"));
    }
    let answer = server.stranger().post(&form.action, &form.filled(&[], ("answer", "reviewed"))).await.expect(303);
    assert!(answer.header("location").starts_with("/sign-in"));
    assert_eq!(server.json(&format!("/runbooks/{SLUG}")).await["trust"], "never_reviewed");
}

async fn an_answer_that_cannot_be_read_changes_nothing(server: TestServer) {
    let editor = server.editor().await;
    let form = forms(&editor).await.remove(0);
    for (field, value) in
        [("answer", "maybe"), ("seen", "nothing"), ("section", "gone"), ("section", ""), ("version", "0")]
    {
        let fields = ["section", "subject", "field", "version", "seen"].map(|name| (name, form.get(name).unwrap()));
        let mut fields: Vec<_> = fields.into_iter().filter(|(name, _)| *name != field).collect();
        fields.push((field, value));
        if field != "answer" {
            fields.push(("answer", "reviewed"));
        }
        editor.post(&form.action, &fields).await.expect(422);
    }
    assert_eq!(server.json(&format!("/runbooks/{SLUG}")).await["trust"], "never_reviewed");
}

/// Changes how often the push is tried, so that two sections are flagged.
async fn with_two_flags(server: &TestServer) -> Client {
    let editor = reviewed(server).await;
    server.at("08:15");
    server.shelf.push_is_now(push_with("5m", 8));
    server.take_over_the_book().await;
    assert_eq!(flags(server).await.len(), 2);
    editor
}

async fn what_a_section_is_not_about_flags_it_no_more_until_it_is_again(server: TestServer) {
    let editor = with_two_flags(&server).await;
    let form = other_forms(&editor).await.pop().unwrap();
    assert_eq!((form.get("section").unwrap(), form.buttons.last().unwrap().1.as_str()), ("what-it-means", "not_about"));
    editor.post(&form.action, &form.filled(&[], ("answer", "not_about"))).await.expect(303);
    assert_eq!(trusts(&server).await, sections(["check_needed", "trusted", "trusted", "not_linked"]));
    // It stays so for later changes of that field, and not for those of others.
    server.shelf.push_is_now(push_with("5m", 9));
    server.take_over_the_book().await;
    assert_eq!(flags(&server).await, [flag("do-this-now", "retry.max_attempts", "3", "9")]);
    server.shelf.push_is_now(push_with("6m", 9));
    server.take_over_the_book().await;
    assert!(flags(&server).await.contains(&flag("what-it-means", "finish_within", "5m", "6m")));
    // And it can be taken back.
    let all = all_forms(&editor, SLUG).await;
    let back = all.iter().find(|form| form.buttons[0].1 == "about").unwrap();
    press(&editor, back).await;
    assert!(flags(&server).await.contains(&flag("what-it-means", "retry.max_attempts", "3", "9")));
}

async fn a_value_that_the_text_states_cannot_be_said_to_be_about_something_else(server: TestServer) {
    let editor = with_two_flags(&server).await;
    let form = other_forms(&editor).await.swap_remove(0);
    assert!(form.buttons.iter().all(|(_, answer)| answer != "not_about"), "{:?}", form.buttons);
    let mut sent = form.filled(&[], ("answer", "snoozed"));
    sent.pop();
    sent.push(("answer", "not_about"));
    let answer = editor.post(&form.action, &sent).await.expect(422);
    assert!(html::words(&answer.text).contains("The text states this value"), "{}", html::words(&answer.text));
    assert_eq!(flags(&server).await.len(), 2);
}

async fn a_flag_left_for_later_waits_again_and_the_doubt_stays_meanwhile(server: TestServer) {
    let editor = with_two_flags(&server).await;
    for form in other_forms(&editor).await {
        let typed = [("why", "The new number is on trial"), ("until", "2026-06-08")];
        editor.post(&form.action, &form.filled(&typed, ("answer", "snoozed"))).await.expect(303);
    }
    let queue = html::words(&editor.page("/reviews").await);
    assert!(queue.contains("Later (1)") && !queue.contains("May be wrong"), "{queue}");
    let reviews = server.json("/reviews").await;
    // What waits is the other runbook, which nobody has reviewed.
    assert_eq!(
        (&reviews["waiting"], &reviews["items"][0]["later"]["why"]),
        (&json!(1), &json!("The new number is on trial"))
    );
    let page = html::words(&editor.page(&format!("/runbooks/{SLUG}")).await);
    assert!(page.contains("This section may be wrong. Check before you act."), "{page}");
    // Another change is another flag.
    server.shelf.push_is_now(push_with("5m", 9));
    server.take_over_the_book().await;
    assert!(html::words(&editor.page("/reviews").await).contains("May be wrong (1)"));
    server.shelf.push_is_now(push_with("5m", 8));
    server.take_over_the_book().await;
    assert!(html::words(&editor.page("/reviews").await).contains("Later (1)"));
    server.app.clock.set(Moment::parse("2026-06-08T00:00:01Z").unwrap());
    let editor = server.editor().await;
    assert!(html::words(&editor.page("/reviews").await).contains("May be wrong (1)"));
}

async fn an_answer_for_later_without_a_reason_or_a_day_comes_back_as_it_was_typed(server: TestServer) {
    let editor = with_two_flags(&server).await;
    let form = other_forms(&editor).await.swap_remove(0);
    for (why, until, wrong) in [
        ("", "2026-06-08", "Say in a line why it can wait"),
        ("On trial", "", "Choose the day"),
        ("On trial", "2026-06-04", "no less than until tomorrow"),
        ("On trial", "2026-08-04", "30 days at most"),
    ] {
        let typed = [("why", why), ("until", until)];
        let answer = editor.post(&form.action, &form.filled(&typed, ("answer", "snoozed"))).await.expect(422);
        let words = html::words(&answer.text);
        assert!(words.contains(wrong), "{words}");
        assert!(answer.text.contains(&format!("value=\"{why}\"")) || why.is_empty());
    }
    assert!(html::words(&editor.page("/reviews").await).contains("May be wrong (1)"));
}

async fn a_flag_given_to_somebody_waits_for_them(server: TestServer) {
    let editor = with_two_flags(&server).await;
    let form = other_forms(&editor).await.swap_remove(0);
    editor.post(&form.action, &form.filled(&[("assignee", "nobody")], ("answer", "reassigned"))).await.expect(422);
    let given = form.filled(&[("assignee", "order-desk")], ("answer", "reassigned"));
    editor.post(&form.action, &given).await.expect(303);
    let queue = html::words(&editor.page("/reviews?for=order-desk").await);
    assert!(queue.contains("ERP refuses orders") && queue.contains("Given to order-desk"), "{queue}");
    let review = html::words(&editor.page(&format!("/reviews/{SLUG}")).await);
    assert!(review.contains("Given to order-desk."), "{review}");
    assert_eq!(server.json("/reviews").await["items"][0]["assignee"], "order-desk");
    assert!(!html::words(&editor.page("/reviews?for=somebody-else").await).contains("ERP refuses orders"));
}

async fn where_two_must_review_the_second_makes_it_trusted(server: TestServer) {
    let text = erp_refuses_orders().markdown().replacen("---\n", "---\ntwo_reviewers: true\n", 1);
    server.shelf.write("erp-refuses-orders.md", &text);
    server.take_over_the_book().await;
    let editor = server.editor().await;
    server.account("second", Role::Editor).await;
    let second = server.stranger();
    second.sign_in("second", PASSWORD).await.expect(303);
    for _ in 0..2 {
        // Once more by the same person is not a second one.
        for form in forms(&editor).await {
            press(&editor, &form).await;
        }
    }
    assert_eq!(server.json(&format!("/runbooks/{SLUG}")).await["trust"], "never_reviewed");
    let words = html::words(&second.page(&format!("/reviews/{SLUG}")).await);
    assert!(words.contains("editor has reviewed this. It is trusted when a second person says the same."), "{words}");
    for form in forms(&second).await {
        press(&second, &form).await;
    }
    let runbook = server.json(&format!("/runbooks/{SLUG}")).await;
    assert_eq!((&runbook["trust"], &runbook["reviewed"][1]), (&json!("trusted"), &json!("editor and second")));
    // One flag, answered by both.
    server.shelf.push_is_now(push_with("5m", 8));
    server.take_over_the_book().await;
    for client in [&editor, &second] {
        assert_eq!(flags(&server).await.len(), 2);
        for form in forms(client).await {
            press(client, &form).await;
        }
    }
    assert_eq!(flags(&server).await.len(), 0);
}

async fn a_field_whose_flags_lead_to_nothing_can_be_muted_and_flags_again(server: TestServer) {
    let editor = reviewed(&server).await;
    for tries in [8, 7, 6] {
        server.shelf.push_is_now(push_with("5m", tries));
        server.take_over_the_book().await;
        for form in forms(&editor).await {
            press(&editor, &form).await;
        }
    }
    let form = html::forms(&editor.page("/reviews").await, "/reviews").swap_remove(0);
    assert_eq!((form.get("kind").unwrap(), form.get("field").unwrap()), ("step", "retry.max_attempts"));
    editor.post("/reviews", &form.filled(&[("why", "")], ("act", "mute"))).await.expect(422);
    let operator = server.operator().await;
    operator.post("/reviews", &form.filled(&[("why", "Noise")], ("act", "mute"))).await.expect(403);
    editor.post("/reviews", &form.filled(&[("why", "Noise")], ("act", "mute"))).await.expect(303);
    server.shelf.push_is_now(push_with("5m", 9));
    server.take_over_the_book().await;
    // What the text states is wrong all the same.
    assert_eq!(flags(&server).await, [flag("do-this-now", "retry.max_attempts", "6", "9")]);
    let form = html::forms(&editor.page("/reviews").await, "/reviews").swap_remove(0);
    press(&editor, &form).await;
    assert_eq!(flags(&server).await.len(), 2);
}

async fn a_flag_that_led_to_an_edit_counts_for_its_field(server: TestServer) {
    let editor = with_two_flags(&server).await;
    let edit = format!("/runbooks/{SLUG}/edit");
    let form = html::forms(&editor.page(&edit).await, &edit).swap_remove(0);
    let text = form.get("text").unwrap().replace("[3 times]", "[8 times]").replace("max_attempts=3", "max_attempts=8");
    editor
        .post(&edit, &form.filled(&[("text", &text), ("why", "Eight tries now")], ("action", "save")))
        .await
        .expect(303);
    for form in forms(&editor).await {
        press(&editor, &form).await;
    }
    let words = html::words(&editor.page("/reviews").await);
    // Two flags: one led to an edit, one was still correct.
    assert!(words.contains("number of tries of each step 2 1"), "{words}");
}

async fn documents_of_workflows_in_trouble_are_reviewed_first(server: TestServer) {
    let editor = server.editor().await;
    let first = |page: String| {
        let words = html::words(&page);
        words.find("ERP refuses orders").unwrap() < words.find("Stock runs low").unwrap()
    };
    server.shelf.write("a-night.md", "---\ntitle: A bad night\nfor: [workflow:nightly-export]\n---\n\n## Do this now\n\nLook at [it](workflow:nightly-export).\n");
    server.take_over_the_book().await;
    let failed = json!({"workflow": "nightly-export", "run": "1", "state": "failed", "time": "2026-06-04T07:59:00Z"});
    let order = |page: &str| {
        let words = html::words(page);
        words.find("A bad night").unwrap() < words.find("ERP refuses orders").unwrap()
    };
    let page = editor.page("/reviews").await;
    // Of a workflow that was never heard of nobody knows whether it is in trouble.
    assert!(!html::words(&page).contains("In trouble now"), "{}", html::words(&page));
    assert!(first(page));
    server.post_events(vec![failed]).await;
    let page = editor.page("/reviews").await;
    assert!(order(&page) && html::words(&page).contains("In trouble now: Nightly export"), "{}", html::words(&page));
    let load = server.json("/reviews").await;
    assert!(load["waiting"].as_i64().unwrap() >= 5 && load["minutes"].as_i64().unwrap() >= 2, "{load}");
}

async fn what_is_said_of_a_flag_or_a_field_that_is_not_there_writes_nothing(server: TestServer) {
    let editor = with_two_flags(&server).await;
    let form = other_forms(&editor).await.swap_remove(0);
    for (answer, field) in
        [("snoozed", "owner"), ("reassigned", "ow\0ner"), ("about", "retry.max_attempts"), ("about", "\0")]
    {
        let mut sent = form.filled(
            &[("field", field), ("why", "So"), ("until", "2026-06-08"), ("assignee", "order-desk")],
            ("answer", "snoozed"),
        );
        sent.pop();
        sent.push(("answer", answer));
        editor.post(&form.action, &sent).await.expect(303);
    }
    // Text that no database keeps is no reason to fail.
    let typed = [("after", "8\0"), ("why", "So\0"), ("until", "2026-06-08")];
    editor.post(&form.action, &form.filled(&typed, ("answer", "snoozed"))).await.expect(303);
    let flags = server.json("/reviews").await;
    assert_eq!((&flags["items"][0]["later"], &flags["items"][0]["assignee"]), (&json!(null), &json!(null)));
    for (kind, field) in [("step", "owner"), ("st\0ep", "\0")] {
        let sent = [("kind", kind), ("field", field), ("why", "Noise"), ("act", "mute")];
        editor.post("/reviews", &sent).await.expect(422);
    }
}
