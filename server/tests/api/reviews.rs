//! `/reviews`: which sections may be false now and exactly why, and the answers to that.

use serde_json::{Value, json};
use watchbook::live::Topic;

use crate::support::html::{self, Form};
use crate::support::shelf::{erp_refuses_orders, push, push_with};
use crate::support::{Client, PATIENCE, TestServer, on_both_databases};

on_both_databases![
    reviewing_every_section_makes_a_runbook_trusted,
    a_changed_value_flags_exactly_the_sections_that_speak_of_it,
    a_value_that_returns_closes_its_flag_by_itself,
    still_correct_closes_that_flag_and_no_other,
    a_change_made_while_the_reviewer_reads_still_flags,
    a_value_that_changes_again_before_the_answer_still_flags,
    an_edited_section_waits_for_a_review_and_the_others_do_not,
    a_deployment_flags_the_sections_that_speak_of_the_component,
    a_part_that_goes_away_flags_and_its_return_closes,
    a_value_that_does_not_matter_flags_nothing,
    the_queue_lists_what_waits_and_why,
    who_may_not_review_is_refused_and_told_why,
    an_answer_that_cannot_be_read_changes_nothing,
];

const SLUG: &str = "erp-refuses-orders";

/// The forms of the review as they are on the page now.
async fn forms(client: &Client) -> Vec<Form> {
    html::forms(&client.page(&format!("/reviews/{SLUG}")).await, &format!("/reviews/{SLUG}"))
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
            "by": "the book", "words": first["words"], "answer": null})
    );
    assert!(first["words"][0].as_str().unwrap().contains("3 times"), "{first}");
    let page = html::words(&editor.page(&format!("/runbooks/{SLUG}")).await);
    assert!(page.contains("Push to ERP, retry.max_attempts was 3, is 8 since 08:15 by the book."), "{page}");
    assert_eq!(page.matches("This section may be wrong. Check before you act.").count(), 2);
    let changes = server.json("/changes").await;
    assert_eq!(
        (changes["items"].as_array().unwrap().len(), &changes["items"][0]["field"]),
        (1, &json!("retry.max_attempts"))
    );
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
    // Somebody else edits once more while it is read: what was read is what is right, not what is there now.
    let read = forms(&editor).await;
    let newer = text.replace("twice", "thrice");
    let typed = [("base", "2"), ("text", newer.as_str()), ("why", "Nor is twice")];
    editor.post(&format!("/runbooks/{SLUG}/edit"), &typed).await.expect(303);
    press(&editor, &read[0]).await;
    assert_eq!(trusts(&server).await[2].1, "check_needed");
    press(&editor, &forms(&editor).await[0]).await;
    assert_eq!(server.json(&format!("/runbooks/{SLUG}")).await["trust"], "trusted");
}

/// Sends a change event and waits until documents have been looked at again.
async fn deploy(server: &TestServer, component: &str, version: &str, by: &str) {
    let mut told = server.app.live.listen();
    let event = json!({"type": "change", "component": component, "version": version, "by": by,
        "time": server.app.now().to_string(), "link": "https://ci.example/1"});
    server.post_events(event).await;
    let looked_again = async { while !told.recv().await.unwrap().contains(&Topic::Book) {} };
    tokio::time::timeout(PATIENCE, looked_again).await.expect("documents are looked at again");
}

async fn a_deployment_flags_the_sections_that_speak_of_the_component(server: TestServer) {
    reviewed(&server).await;
    server.at("08:20");
    deploy(&server, "erp-queue", "2.4.1", "deploy-bot").await;
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

async fn the_queue_lists_what_waits_and_why(server: TestServer) {
    let viewer = server.viewer().await;
    let page = html::words(&viewer.page("/reviews").await);
    let places = ["ERP refuses orders", "Stock runs low", "House rules"].map(|title| page.find(title).expect(title));
    assert!(places.is_sorted(), "{page}");
    reviewed(&server).await;
    server.shelf.push_is_now(push_with("5m", 8));
    server.take_over_the_book().await;
    let page = html::words(&viewer.page("/reviews").await);
    assert!(page.contains("Push to ERP: retry.max_attempts was 3, is 8, and 1 more."), "{page}");
    // How many wait stands on every page.
    let page = html::words(&viewer.page("/workflows").await);
    assert!(page.contains("Reviews 1 waiting"), "{page}");
}

async fn who_may_not_review_is_refused_and_told_why(server: TestServer) {
    let editor = server.editor().await;
    let form = forms(&editor).await.remove(0);
    for (client, role) in [(server.viewer().await, "viewer"), (server.operator().await, "operator")] {
        let page = client.page(&format!("/reviews/{SLUG}")).await;
        assert!(html::words(&page).contains(&format!("Reviewing needs the role editor; you are {role}.")));
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
    for (field, value) in [("answer", "maybe"), ("seen", "nothing"), ("section", "gone"), ("section", "")] {
        let fields = ["section", "subject", "field", "seen"].map(|name| (name, form.get(name).unwrap()));
        let mut fields: Vec<_> = fields.into_iter().filter(|(name, _)| *name != field).collect();
        fields.push((field, value));
        if field != "answer" {
            fields.push(("answer", "reviewed"));
        }
        editor.post(&form.action, &fields).await.expect(422);
    }
    assert_eq!(server.json(&format!("/runbooks/{SLUG}")).await["trust"], "never_reviewed");
}
