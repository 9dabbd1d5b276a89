//! `/find`: anything by id, name or words.

use serde_json::{Value, json};

use crate::support::shelf::{push_with, stock_runs_low};
use crate::support::{PATIENCE, TestServer, With, html, on_both_databases, step};

on_both_databases![
    an_exact_id_goes_straight_to_the_thing,
    who_wants_to_see_everything_is_not_sent_away,
    words_find_workflows_steps_components_and_documents,
    the_best_is_first,
    a_field_a_decision_and_a_workaround_are_found_where_they_are_shown,
    a_word_is_found_while_it_is_typed_and_with_a_slip,
    case_and_accents_make_no_difference,
    what_is_saved_is_found_and_what_it_said_before_is_not,
    a_section_in_doubt_says_so_and_why_and_the_others_do_not,
    without_its_index_find_looks_all_the_same_and_says_so,
    below_the_box_stands_the_best_of_what_the_page_shows,
    an_open_problem_is_found_by_its_words_and_by_its_number,
    a_run_is_found_by_what_it_is_about,
    a_bare_number_goes_to_the_only_run_or_to_the_subject_of_several,
    a_bare_key_of_two_subjects_is_a_choice,
    the_same_run_in_two_workflows_is_a_choice,
    what_is_not_found_says_so_and_keeps_the_words,
    nothing_asked_is_an_empty_box,
    any_text_may_be_asked,
];

/// What is found, once the index has all that the world has.
async fn found(server: &TestServer, asked: &str) -> Value {
    assert!(server.app.finder.caught_up(PATIENCE).await, "the index follows");
    server.json(&format!("/find?q={asked}")).await
}

fn items(found: &Value) -> Vec<(&str, &str)> {
    found["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|i| (i["kind"].as_str().unwrap(), i["name"].as_str().unwrap()))
        .collect()
}

fn marked(item: &Value) -> Vec<&str> {
    let snippet = item["snippet"].as_array().unwrap();
    snippet.iter().filter(|s| s[1] == true).map(|s| s[0].as_str().unwrap()).collect()
}

async fn an_exact_id_goes_straight_to_the_thing(server: TestServer) {
    server.post_events(step("10482", "take", "running", "08:00")).await;
    let viewer = server.viewer().await;
    for (asked, there) in [
        ("10482", "/runs/order-to-erp/10482"),
        ("%2010482%20", "/runs/order-to-erp/10482"),
        ("order-to-erp", "/workflows/order-to-erp"),
        ("erp-sync", "/components/erp-sync"),
        ("stock-runs-low", "/runbooks/stock-runs-low"),
        ("order-to-erp/push", "/workflows/order-to-erp#step-push"),
        ("component:erp", "/components/erp"),
        ("runbook:erp-refuses-orders%23do-this-now", "/runbooks/erp-refuses-orders#do-this-now"),
    ] {
        assert_eq!(viewer.get(&format!("/find?q={asked}")).await.expect(303).header("location"), there);
    }
    let found = found(&server, "10482").await;
    assert_eq!((&found["query"], &found["items"][0]["kind"]), (&json!("10482"), &json!("run")));
    assert_eq!(found["items"][0]["name"], "Order to ERP 10482");
}

async fn who_wants_to_see_everything_is_not_sent_away(server: TestServer) {
    assert!(server.app.finder.caught_up(PATIENCE).await);
    let page = server.viewer().await.page("/find?all&q=erp").await;
    let words = html::words(&page);
    assert!(words.contains("ERP sync") && words.contains("Push to ERP"), "{words}");
}

async fn words_find_workflows_steps_components_and_documents(server: TestServer) {
    let all = found(&server, "erp").await;
    let items = items(&all);
    for expected in [
        ("component", "ERP"),
        ("component", "ERP sync"),
        ("workflow", "Order to ERP"),
        ("step", "Push to ERP"),
        ("decision", "Put a queue before the ERP."),
    ] {
        assert!(items.contains(&expected), "{expected:?} is not in {items:?}");
    }
    assert!(items.iter().any(|(kind, name)| *kind == "runbook" && name.starts_with("ERP refuses orders")), "{items:?}");
    let both = found(&server, "duty+desk").await;
    assert_eq!(both["items"].as_array().unwrap().len(), 1, "{both}");
    let item = &both["items"][0];
    assert_eq!((&item["kind"], &item["href"]), (&json!("runbook"), &json!("/runbooks/erp-refuses-orders#do-this-now")));
    assert_eq!((marked(item), &item["fit"]), (vec!["duty", "desk"], &json!("text")));
}

async fn the_best_is_first(server: TestServer) {
    let all = found(&server, "erp").await;
    assert_eq!(items(&all)[0], ("component", "ERP"));
    let all = found(&server, "order").await;
    let fits: Vec<_> = all["items"].as_array().unwrap().iter().map(|i| i["fit"].as_str().unwrap()).collect();
    let order = ["id", "title", "begins", "name", "text", "close"];
    let places: Vec<_> = fits.iter().map(|fit| order.iter().position(|o| o == fit).unwrap()).collect();
    assert!(places.is_sorted() && places.contains(&2) && places.contains(&4), "{fits:?}");
    // The name of a runbook finds the runbook, and not first one of its sections.
    let titled = found(&server, "erp+refuses+orders").await;
    assert_eq!(titled["items"][0]["href"], "/runbooks/erp-refuses-orders");
}

async fn a_field_a_decision_and_a_workaround_are_found_where_they_are_shown(server: TestServer) {
    server.shelf.write("why.yaml", WHY);
    server.take_over_the_book().await;
    for (asked, kind, href) in [
        ("dunning", "field", "/components/ledger#fields"),
        ("shop+ledger", "decision", "/decisions/2031-calm-checkout"),
        ("2031-calm-checkout", "decision", "/decisions/2031-calm-checkout"),
        ("spreadsheets", "workaround", "/workarounds/by-hand"),
    ] {
        let found = found(&server, asked).await;
        assert_eq!((&found["items"][0]["kind"], &found["items"][0]["href"]), (&json!(kind), &json!(href)), "{found}");
        let page = server.viewer().await.page(href.split('#').next().unwrap()).await;
        let anchor = href.split('#').nth(1).map(|anchor| format!("id=\"{anchor}\""));
        assert!(anchor.is_none_or(|anchor| page.contains(&anchor)), "{href} is not on its page");
    }
}

const WHY: &str = "\
kind: component
id: ledger
name: Ledger
type: database
fields: [{ name: dunning_level, documented: How often it was reminded., in_practice: Nine means ask Anna. }]
---
kind: decision
id: 2031-calm-checkout
about: [component:ledger]
date: 2026-03-02
decided: The shop never waits for the ledger.
because: Waiting made the checkout slow, once.
---
kind: workaround
id: by-hand
about: [workflow:order-to-erp]
what: Refunds go through spreadsheets.
";

async fn a_word_is_found_while_it_is_typed_and_with_a_slip(server: TestServer) {
    let typed = found(&server, "duty+de").await;
    assert_eq!((marked(&typed["items"][0]), &typed["items"][0]["fit"]), (vec!["duty", "desk"], &json!("text")));
    let slip = found(&server, "dtuy+desk").await;
    let item = &slip["items"][0];
    assert_eq!((&item["href"], &item["fit"]), (&json!("/runbooks/erp-refuses-orders#do-this-now"), &json!("close")));
    assert_eq!(marked(item), ["duty", "desk"]);
    let page = server.viewer().await.page("/find?q=dtuy+desk").await;
    assert!(html::words(&page).contains("Nothing has all of these words as they are written."), "{page}");
}

async fn case_and_accents_make_no_difference(server: TestServer) {
    let text = "---\ntitle: Überfällige Aufträge\nfor: [workflow:order-to-erp]\n---\n\n## Straße prüfen\n\nDie Łódź-Halle anrufen.\n";
    server.shelf.write("spaet.md", text);
    server.take_over_the_book().await;
    for asked in ["uberfallige", "ÜBERFÄLLIGE+AUFTRÄGE", "u%CC%88berfa", "strasse", "lodz"] {
        let found = found(&server, asked).await;
        assert!(found["items"][0]["href"].as_str().unwrap().starts_with("/runbooks/spaet"), "{asked}: {found}");
    }
}

async fn what_is_saved_is_found_and_what_it_said_before_is_not(server: TestServer) {
    let editor = server.editor().await;
    assert_eq!(found(&server, "xylophone").await["items"], json!([]));
    let save = async |base: &str, text: &str| {
        let sent = [("base", base), ("text", text), ("why", "music")];
        editor.post("/runbooks/stock-runs-low/edit", &sent).await.expect(303);
    };
    save("1", &stock_runs_low().section("Play", "Play the xylophone.").markdown()).await;
    assert_eq!(items(&found(&server, "xylophone").await), [("runbook", "Stock runs low: Play")]);
    save("2", &stock_runs_low().markdown()).await;
    assert_eq!(found(&server, "xylophone").await["items"], json!([]));
    assert_eq!(found(&server, "order+more").await["items"][0]["href"], "/runbooks/stock-runs-low#do-this-now");
}

async fn a_section_in_doubt_says_so_and_why_and_the_others_do_not(server: TestServer) {
    let editor = server.editor().await;
    let review = "/reviews/erp-refuses-orders";
    for form in html::forms(&editor.page(review).await, review) {
        let (name, right) = form.buttons[0].clone();
        if right == "snoozed" {
            continue;
        }
        editor.post(&form.action, &form.filled(&[], (&name, &right))).await.expect(303);
    }
    let trust = async |asked: &str| {
        let found = found(&server, asked).await;
        let item = found["items"].as_array().unwrap().iter().find(|i| i["kind"] == "runbook").unwrap().clone();
        (item["href"].clone(), item["trust"].clone(), item["reason"].as_str().unwrap().to_owned())
    };
    assert_eq!(trust("duty+desk").await.1, "trusted");
    server.shelf.push_is_now(push_with("5m", 8));
    server.take_over_the_book().await;
    let (href, doubted, reason) = trust("duty+desk").await;
    assert_eq!((href, doubted), (json!("/runbooks/erp-refuses-orders#do-this-now"), json!("check_needed")));
    assert_eq!(reason, "Push to ERP: number of tries was 3, is 8.");
    let (href, beside, reason) = trust("keeps+the+stock").await;
    assert_eq!((href, beside), (json!("/runbooks/erp-refuses-orders#if-it-does-not-help"), json!("trusted")));
    assert!(reason.ends_with("Another section may be wrong."), "{reason}");
    for path in ["/find?q=duty+desk", "/find/options?q=duty+desk"] {
        let html = server.viewer().await.page(path).await;
        assert!(html::words(&html).contains("number of tries was 3, is 8."), "{html}");
        assert!(html.contains("doubtful"), "{html}");
    }
}

async fn below_the_box_stands_the_best_of_what_the_page_shows(server: TestServer) {
    assert!(server.app.finder.caught_up(PATIENCE).await);
    let answer = server.viewer().await.get("/find/options?q=erp").await.expect(200);
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    let tags = html::tags(&answer.text);
    let options: Vec<_> = tags.iter().filter(|tag| tag.get("role") == Some("option")).collect();
    assert_eq!(options[0].get("href"), Some("/components/erp"));
    assert!((3..=9).contains(&options.len()), "{}", answer.text);
    assert_eq!(options.last().unwrap().get("href"), Some("/find?all&q=erp"));
    assert_eq!(server.viewer().await.get("/find/options?q=").await.expect(200).text, "");
    server.stranger().get("/find/options?q=erp").await.expect(303);
}

async fn without_its_index_find_looks_all_the_same_and_says_so(server: TestServer) {
    assert!(server.app.finder.caught_up(PATIENCE).await);
    server.app.finder.give_up("a test wants to see it");
    let found_without = server.json("/find?q=duty+desk").await;
    assert_eq!(found_without["items"][0]["href"], "/runbooks/erp-refuses-orders#do-this-now");
    let page = server.viewer().await.page("/find?q=duty+desk").await;
    assert!(html::words(&page).contains("Find works without its index"), "{page}");
    // The next change of the world brings it back.
    server.app.worlds.reload(&server.app.db).await;
    let again = found(&server, "dtuy+desk").await;
    assert_eq!((&again["items"][0]["fit"], &again["notes"]), (&json!("close"), &Value::Null));
}

async fn an_open_problem_is_found_by_its_words_and_by_its_number(server: TestServer) {
    let refused = json!({"code": "E-7731", "message": "Periwinkle ledger is closed"});
    server.post_events(step("1", "push", "failed", "08:00").with("error", refused).with("final", true)).await;
    server.strike_at("08:10").await;
    let found = found(&server, "periwinkle").await;
    let problem = found["items"].as_array().unwrap().iter().find(|i| i["kind"] == "problem");
    let problem = problem.unwrap_or_else(|| panic!("no problem in {found}"));
    let href = problem["href"].as_str().unwrap();
    let number = href.rsplit('/').next().unwrap();
    assert_eq!(straight_to(&server, &format!("%23{number}")).await, href);
}

async fn a_run_is_found_by_what_it_is_about(server: TestServer) {
    server.post_events(step("1", "take", "running", "08:00").with("subject", "order/10482")).await;
    server.post_events(step("2", "take", "running", "08:00").with("subject", "order/10482")).await;
    let found = found(&server, "order/10482").await;
    let runs: Vec<_> = found["items"].as_array().unwrap().iter().map(|i| i["href"].as_str().unwrap()).collect();
    assert_eq!(runs, ["/subjects/order/10482", "/runs/order-to-erp/2", "/runs/order-to-erp/1"]);
    let there = server.viewer().await.get("/find?q=order/10482").await.expect(303);
    assert_eq!(there.header("location"), "/subjects/order/10482");
}

async fn straight_to(server: &TestServer, asked: &str) -> String {
    let answer = server.viewer().await.get(&format!("/find?q={asked}")).await;
    if answer.status == 303 { answer.header("location").to_owned() } else { String::new() }
}
async fn a_bare_number_goes_to_the_only_run_or_to_the_subject_of_several(server: TestServer) {
    server.post_events(step("10482", "take", "running", "08:00").with("subject", "order/10482")).await;
    assert_eq!(straight_to(&server, "10482").await, "/runs/order-to-erp/10482");
    let parcel = step("parcel-10482", "pack", "running", "08:00").with("workflow", "parcels");
    server.post_events(parcel.with("subject", "order/10482")).await;
    assert_eq!(straight_to(&server, "10482").await, "/subjects/order/10482");
    // Another run with this id, of another thing: somebody has to choose.
    server.post_events(step("10482", "sync", "running", "08:00").with("workflow", "stock-sync")).await;
    assert_eq!(straight_to(&server, "10482").await, "");
}

async fn a_bare_key_of_two_subjects_is_a_choice(server: TestServer) {
    server.post_events(step("a", "take", "running", "08:00").with("subject", "order/512")).await;
    assert_eq!(straight_to(&server, "512").await, "/subjects/order/512");
    let record = json!({"type": "customer", "key": "512", "system": "crm", "fields": {"name": "Ada"}});
    server.post_events(record).await;
    assert_eq!(straight_to(&server, "512").await, "");
    let found = server.json("/find?q=512").await;
    let names: Vec<_> = found["items"].as_array().unwrap().iter().map(|i| i["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["customer/512", "order/512"]);
}

async fn the_same_run_in_two_workflows_is_a_choice(server: TestServer) {
    server.post_events(step("7", "take", "running", "08:00")).await;
    server.post_events(step("7", "sync", "running", "08:00").with("workflow", "stock-sync")).await;
    let page = server.viewer().await.page("/find?q=7").await;
    let words = html::words(&page);
    assert!(words.contains("Order to ERP 7") && words.contains("Stock sync 7"), "{words}");
}

async fn what_is_not_found_says_so_and_keeps_the_words(server: TestServer) {
    let page = server.viewer().await.page("/find?q=banana+split").await;
    assert_eq!(html::title(&page), "Find: banana split · Watchbook");
    assert!(html::forms(&page, "/find").iter().any(|f| f.get("q") == Some("banana split")));
    assert_eq!(server.json("/find?q=banana+split").await["items"], json!([]));
}

async fn nothing_asked_is_an_empty_box(server: TestServer) {
    for path in ["/find", "/find?q=", "/find?q=%20"] {
        assert_eq!(server.json(path).await, json!({"query": "", "items": []}), "{path}");
        server.viewer().await.page(path).await;
    }
}

async fn any_text_may_be_asked(server: TestServer) {
    let long = "x".repeat(5_000);
    for asked in ["%00", "%25", "%27%3B--", "%5C", "%F0%9F%8D%95", "ß", "%01%1B%7F", "%2A%3A%2A", "%CC%81", &long] {
        let found = found(&server, asked).await;
        assert_eq!(found["items"], Value::Array(Vec::new()), "{asked}");
    }
    // What is the syntax of a question elsewhere is only letters and marks here.
    let many = "zz%20".repeat(40) + &"a%20b%20c%20".repeat(20);
    for asked in ["a%00b", "İ", "%22erp", "erp%20AND%20(", "+erp%20-erp~2^9", "[a%20TO%20z]", "name:%2F.*%2F", &many] {
        assert!(found(&server, asked).await["items"].is_array(), "{asked}");
    }
    let erp = found(&server, "%22erp%20sync%22~").await;
    assert_eq!(items(&erp)[0], ("component", "ERP sync"));
}
