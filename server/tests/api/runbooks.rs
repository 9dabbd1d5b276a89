//! `/runbooks`: writing, versions, what somebody else saved meanwhile, and facts that no longer hold.

use serde_json::{Value, json};

use crate::support::html::{self, Form};
use crate::support::shelf::{Runbook, erp_refuses_orders, push_with};
use crate::support::{Client, TestServer, With, on_both_databases, step};

on_both_databases![
    what_a_text_states_of_how_things_go_is_held_against_what_is_observed,
    the_last_runs_of_a_workflow_are_shown_where_the_text_shows_them,
    saving_makes_the_next_version_and_says_so,
    saving_over_a_newer_version_answers_409_with_both_texts,
    saving_the_same_text_makes_no_version,
    two_who_save_at_once_do_not_overwrite_each_other,
    a_preview_is_shown_and_nothing_is_saved,
    without_a_reason_it_is_422_and_the_text_stays,
    a_text_that_cannot_be_read_is_422_with_the_line,
    a_new_runbook_is_written_in_the_browser,
    a_name_that_is_taken_or_wrong_is_422_and_the_text_stays,
    line_ends_of_browsers_make_no_difference,
    the_history_has_every_version_and_two_can_be_compared,
    an_old_version_says_that_it_is_old,
    a_fact_that_no_longer_holds_is_marked,
    a_link_to_what_is_not_there_is_shown_as_broken,
    a_state_panel_says_what_the_workflow_says_of_itself,
    a_state_panel_of_what_was_never_heard_of_is_not_green,
    a_panel_that_counts_says_no_zero_of_what_was_never_heard_of,
    who_may_not_edit_is_refused,
    an_unknown_runbook_or_version_is_404,
    what_a_runbook_is_for_and_is_not_there_is_a_broken_link,
    an_old_version_is_told_as_what_was_once_said,
    what_changed_in_the_front_matter_is_shown,
    a_long_shelf_is_listed_in_pages_and_reviewed_in_order_of_harm,
];

const SLUG: &str = "/runbooks/erp-refuses-orders";

/// The form of the editor.
async fn editor_form(editor: &Client) -> Form {
    the_form(&editor.page(&format!("{SLUG}/edit")).await)
}

fn the_form(page: &str) -> Form {
    let forms = html::forms(page, &format!("{SLUG}/edit"));
    assert_eq!(forms.len(), 1);
    forms[0].clone()
}

/// The runbook with another background.
fn text(background: &str) -> String {
    erp_refuses_orders().where_section("Background", background).markdown()
}

async fn saved(server: &TestServer) -> Value {
    server.json(SLUG).await
}

async fn saving_makes_the_next_version_and_says_so(server: TestServer) {
    let editor = server.editor().await;
    let form = editor_form(&editor).await;
    assert_eq!((form.get("base"), form.get("text")), (Some("1"), Some(erp_refuses_orders().markdown().as_str())));
    server.at("08:10");
    let text = text("It is very old.");
    let answer = editor
        .post(
            &form.action,
            &form.filled(&[("text", &text), ("why", "It is older than we thought")], ("action", "save")),
        )
        .await
        .expect(303);
    assert_eq!(answer.header("location"), SLUG);
    let page = html::words(&editor.page(SLUG).await);
    assert!(page.contains("Saved as version 2."), "{page}");
    assert!(page.contains("Version 2, saved 08:10 by editor: It is older than we thought"), "{page}");
    assert!(page.contains("It is very old."), "{page}");
    // It is said once.
    assert!(!html::words(&editor.page(SLUG).await).contains("Saved as version 2."));
    let now = saved(&server).await;
    assert_eq!(
        (&now["version"], &now["author"], &now["why"]),
        (&json!(2), &json!("editor"), &json!("It is older than we thought"))
    );
    assert_eq!((&now["shown"], &now["shown_saved_at"]), (&json!(2), &json!("2026-06-04T08:10:00Z")));
}

async fn saving_over_a_newer_version_answers_409_with_both_texts(server: TestServer) {
    let (anna, ben) = (server.editor().await, server.admin().await);
    let (annas, bens) = (editor_form(&anna).await, editor_form(&ben).await);
    let (annas_text, bens_text) = (text("Anna was <b>here</b>."), text("Ben was here."));
    let save = ("action", "save");
    anna.post(&annas.action, &annas.filled(&[("text", &annas_text), ("why", "a")], save)).await.expect(303);
    let conflict =
        ben.post(&bens.action, &bens.filled(&[("text", &bens_text), ("why", "mine")], save)).await.expect(409);
    let words = html::words(&conflict.text);
    assert!(words.contains("editor saved version 2 while you were writing"), "{words}");
    assert!(words.contains("Anna was <b>here</b>."), "theirs: {words}");
    let again = the_form(&conflict.text);
    assert_eq!((again.get("text"), again.get("why")), (Some(bens_text.as_str()), Some("mine")));
    assert_eq!(saved(&server).await["version"], 2);
    // From there it goes on: both were read, mine becomes the next.
    assert_eq!(again.get("base"), Some("2"));
    ben.post(&again.action, &again.filled(&[], save)).await.expect(303);
    let now = saved(&server).await;
    assert_eq!((&now["version"], &now["author"]), (&json!(3), &json!("admin")));
    assert!(html::words(&ben.page(&format!("{SLUG}/versions/2")).await).contains("Anna was"));
}

async fn saving_the_same_text_makes_no_version(server: TestServer) {
    let editor = server.editor().await;
    let form = editor_form(&editor).await;
    editor.post(&form.action, &form.filled(&[("why", "nothing")], ("action", "save"))).await.expect(303);
    assert!(html::words(&editor.page(SLUG).await).contains("Nothing was changed; version 1 stays."));
    assert_eq!(saved(&server).await["version"], 1);
}

async fn two_who_save_at_once_do_not_overwrite_each_other(server: TestServer) {
    let (anna, ben) = (server.editor().await, server.admin().await);
    let (annas, bens) = (text("Anna."), text("Ben."));
    let address = format!("{SLUG}/edit");
    let (annas_fields, bens_fields) =
        ([("base", "1"), ("text", &annas), ("why", "a")], [("base", "1"), ("text", &bens), ("why", "b")]);
    let (a, b) = tokio::join!(anna.post(&address, &annas_fields), ben.post(&address, &bens_fields));
    let mut statuses = [a.status, b.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 409]);
    assert_eq!(saved(&server).await["version"], 2);
}

async fn a_preview_is_shown_and_nothing_is_saved(server: TestServer) {
    let editor = server.editor().await;
    let form = editor_form(&editor).await;
    let text = text("Look at [nothing](component:nothing) and [the stock](component:stock-db).");
    let preview = editor.post(&form.action, &form.filled(&[("text", &text)], ("action", "preview"))).await.expect(200);
    let words = html::words(&preview.text);
    assert!(words.contains("Preview, not saved yet"), "{words}");
    assert!(words.contains("component:nothing") && words.contains("does not exist"), "{words}");
    assert_eq!(the_form(&preview.text).get("text"), Some(text.as_str()));
    assert_eq!(saved(&server).await["version"], 1);
}

async fn without_a_reason_it_is_422_and_the_text_stays(server: TestServer) {
    let editor = server.editor().await;
    let form = editor_form(&editor).await;
    let text = text("A lot of work.");
    let refused = editor
        .post(&form.action, &form.filled(&[("text", &text), ("why", "  ")], ("action", "save")))
        .await
        .expect(422);
    assert!(html::words(&refused.text).contains("Say in a line why you change it"));
    assert_eq!(the_form(&refused.text).get("text"), Some(text.as_str()));
    assert_eq!(saved(&server).await["version"], 1);
}

async fn a_text_that_cannot_be_read_is_422_with_the_line(server: TestServer) {
    let editor = server.editor().await;
    let form = editor_form(&editor).await;
    let broken = erp_refuses_orders().markdown().replace("owner: integration-team", "ownr: integration-team");
    let refused = editor
        .post(&form.action, &form.filled(&[("text", &broken), ("why", "x")], ("action", "save")))
        .await
        .expect(422);
    let words = html::words(&refused.text);
    assert!(words.contains("Line 4:") && words.contains("ownr") && words.contains("owner"), "{words}");
    assert_eq!(the_form(&refused.text).get("text"), Some(broken.as_str()));
}

async fn a_new_runbook_is_written_in_the_browser(server: TestServer) {
    let editor = server.editor().await;
    let form = html::forms(&editor.page("/runbooks/new").await, "/runbooks/new").remove(0);
    assert!(form.get("text").unwrap().contains("## Do this now"), "{form:?}");
    let text = Runbook::new("Queue is full", "component:erp-queue").section("Do this now", "Wait.").markdown();
    let typed = [("slug", "queue-is-full"), ("text", text.as_str()), ("why", "It was full")];
    let answer = editor.post("/runbooks/new", &form.filled(&typed, ("action", "save"))).await.expect(303);
    assert_eq!(answer.header("location"), "/runbooks/queue-is-full");
    let made = server.json("/runbooks/queue-is-full").await;
    assert_eq!(
        (&made["version"], &made["title"], &made["trust"]),
        (&json!(1), &json!("Queue is full"), &json!("not_linked"))
    );
    // Its file is written, and reading it changes nothing.
    server.take_over_the_book().await;
    assert_eq!(server.json("/runbooks/queue-is-full").await["version"], 1);
}

async fn a_name_that_is_taken_or_wrong_is_422_and_the_text_stays(server: TestServer) {
    let editor = server.editor().await;
    let text = Runbook::new("Mine", "component:erp-queue").section("Do this now", "Wait.").markdown();
    for (slug, told) in [
        ("erp-refuses-orders", "There is a runbook \"erp-refuses-orders\" already."),
        ("Not An Id", "must be 1 to 63 of a-z, 0-9 and -"),
        ("new", "must be 1 to 63 of a-z, 0-9 and -"),
        ("", "must be 1 to 63 of a-z, 0-9 and -"),
    ] {
        let typed = [("slug", slug), ("text", &text), ("why", "x"), ("action", "save")];
        let refused = editor.post("/runbooks/new", &typed).await.expect(422);
        assert!(html::words(&refused.text).contains(told), "{slug}");
        assert_eq!(html::forms(&refused.text, "/runbooks/new")[0].get("text"), Some(text.as_str()), "{slug}");
    }
    assert_eq!(saved(&server).await["version"], 1);
}

async fn line_ends_of_browsers_make_no_difference(server: TestServer) {
    let editor = server.editor().await;
    let sent = erp_refuses_orders().markdown().replace('\n', "\r\n");
    editor.post(&format!("{SLUG}/edit"), &[("base", "1"), ("text", &sent), ("why", "x")]).await.expect(303);
    assert_eq!(saved(&server).await["version"], 1);
    let sent = text("New.").replace('\n', "\r\n");
    editor.post(&format!("{SLUG}/edit"), &[("base", "1"), ("text", &sent), ("why", "x")]).await.expect(303);
    assert_eq!(editor_form(&editor).await.get("text"), Some(text("New.").as_str()));
}

async fn the_history_has_every_version_and_two_can_be_compared(server: TestServer) {
    let editor = server.editor().await;
    for (base, words) in [("1", "The ERP is ancient."), ("2", "The ERP is gone.")] {
        let body = text(words);
        editor.post(&format!("{SLUG}/edit"), &[("base", base), ("text", &body), ("why", words)]).await.expect(303);
    }
    let history = server.json(&format!("{SLUG}/versions")).await;
    let told: Vec<_> =
        history["items"].as_array().unwrap().iter().map(|v| (&v["version"], &v["origin"], &v["why"])).collect();
    assert_eq!(
        told,
        [
            (&json!(3), &json!("browser"), &json!("The ERP is gone.")),
            (&json!(2), &json!("browser"), &json!("The ERP is ancient.")),
            (&json!(1), &json!("file"), &json!("First version")),
        ]
    );
    let viewer = server.viewer().await;
    let page = html::words(&viewer.page(&format!("{SLUG}/history")).await);
    assert!(page.contains("Version 3") && page.contains("The ERP is gone."), "{page}");
    for path in ["compare?from=1&to=3", "compare?from=3&to=1"] {
        let compare = viewer.page(&format!("{SLUG}/{path}")).await;
        let tags = html::tags(&compare);
        let marked = |name: &str| -> String {
            let inside = tags.iter().enumerate().filter(|(_, t)| t.name == name);
            inside
                .map(|(i, _)| {
                    tags[i..]
                        .iter()
                        .take_while(|t| t.name != format!("/{name}"))
                        .map(|t| t.after.clone())
                        .collect::<String>()
                })
                .collect()
        };
        assert_eq!((marked("del"), marked("ins")), ("removed: old.".to_owned(), "added: gone.".to_owned()), "{path}");
    }
    assert!(html::words(&viewer.page(&format!("{SLUG}/compare")).await).contains("1 passage differs."));
}

async fn an_old_version_says_that_it_is_old(server: TestServer) {
    let editor = server.editor().await;
    editor.post(&format!("{SLUG}/edit"), &[("base", "1"), ("text", &text("New.")), ("why", "x")]).await.expect(303);
    let old = editor.page(&format!("{SLUG}/versions/1")).await;
    assert_eq!(html::title(&old), "Old version: ERP refuses orders · Watchbook");
    let words = html::words(&old);
    assert!(words.contains("You are reading version 1 of 2") && words.contains("The ERP is old."), "{words}");
    assert_eq!(server.json(&format!("{SLUG}/versions/1")).await["shown"], 1);
    assert!(!html::words(&editor.page(&format!("{SLUG}/versions/2")).await).contains("You are reading version"));
}

async fn a_fact_that_no_longer_holds_is_marked(server: TestServer) {
    let fact = |now: &Value| now["facts"].as_array().unwrap().clone();
    assert_eq!(
        fact(&saved(&server).await),
        [json!({"section": "do-this-now", "text": "3 times", "holds": true, "stated": "3", "present": "3"})]
    );
    server.shelf.push_is_now(push_with("5m", 8));
    server.take_over_the_book().await;
    assert_eq!(
        fact(&saved(&server).await),
        [json!({"section": "do-this-now", "text": "3 times", "holds": false, "stated": "3", "present": "8"})]
    );
    let page = server.viewer().await.page(SLUG).await;
    let words = html::words(&page);
    assert!(words.contains("1 fact in this text is no longer true."), "{words}");
    assert!(words.contains("3 times now 8"), "{words}");
    assert!(html::tags(&page).iter().any(|t| t.get("class") == Some("fact fact-wrong")));
}

async fn a_link_to_what_is_not_there_is_shown_as_broken(server: TestServer) {
    let text = erp_refuses_orders().where_section("Background", "Ask [the oracle](component:oracle).").markdown();
    server.shelf.write("erp-refuses-orders.md", &text);
    server.take_over_the_book().await;
    let page = html::words(&server.viewer().await.page(SLUG).await);
    assert!(page.contains("A link in it leads nowhere: component:oracle"), "{page}");
    let links = saved(&server).await["links"].as_array().unwrap().clone();
    assert!(links.contains(&json!(["component:oracle", "component:oracle", false])), "{links:?}");
}

/// What the background of the runbook says, with this text in it.
async fn background(server: &TestServer, text: &str) -> String {
    server.shelf.write("erp-refuses-orders.md", &self::text(text));
    server.take_over_the_book().await;
    let words = html::words(&server.viewer().await.page(SLUG).await);
    words[words.rfind("Background").unwrap()..].to_owned()
}

async fn a_state_panel_says_what_the_workflow_says_of_itself(server: TestServer) {
    server.post_events(step("1", "export", "succeeded", "08:00").with("workflow", "nightly-export")).await;
    server.at("2026-06-05T03:30:00Z");
    // It should have started at three this night, and no run of it is open.
    let page = server.json("/workflows/nightly-export").await;
    assert_eq!(page["state"], "late");
    let words = background(&server, "![State now](live:state/nightly-export)").await;
    let sentence = page["sentence"].as_str().unwrap();
    assert!(words.contains(&format!("State now: Late. {sentence}")), "{words}");
}

async fn a_state_panel_of_what_was_never_heard_of_is_not_green(server: TestServer) {
    for of in ["order-to-erp", "order-to-erp/push", "erp-sync"] {
        let words = background(&server, &format!("![State now](live:state/{of})")).await;
        assert!(words.contains("State now: No signal. Nothing has been heard"), "{of}: {words}");
    }
    server.post_events(step("1", "push", "failed", "08:00").with("attempt", 3)).await;
    for of in ["order-to-erp", "order-to-erp/push", "erp-sync"] {
        let words = background(&server, &format!("![State now](live:state/{of})")).await;
        assert!(words.contains("State now: Broken"), "{of}: {words}");
    }
}

async fn a_panel_that_counts_says_no_zero_of_what_was_never_heard_of(server: TestServer) {
    let panels =
        "![Waiting](live:queue/erp-queue)\n![Tries](live:retries/order-to-erp/push)\n![Stuck](live:stuck/order-to-erp)";
    let silent = background(&server, panels).await;
    for panel in ["Waiting", "Tries", "Stuck"] {
        assert!(silent.contains(&format!("{panel}: not known, nothing is heard of it")), "{silent}");
    }
    server.post_events(step("1", "push", "running", "08:00")).await;
    let heard = background(&server, panels).await;
    for said in ["Waiting: 1 waiting", "Tries: none is trying again", "Stuck: none is stuck"] {
        assert!(heard.contains(said), "{heard}");
    }
}

async fn who_may_not_edit_is_refused(server: TestServer) {
    for client in [server.viewer().await, server.operator().await] {
        for path in [format!("{SLUG}/edit"), "/runbooks/new".to_owned()] {
            let page = client.get(&path).await.expect(403);
            assert!(html::words(&page.text).contains("That is for editors; you are"), "{path}");
            let sent = client.post(&path, &[("base", "1"), ("slug", "x"), ("text", "Mine."), ("why", "x")]).await;
            assert_eq!(sent.status, 403, "{path}");
        }
    }
    let stranger = server.stranger();
    assert_eq!(stranger.get(&format!("{SLUG}/edit")).await.status, 303);
    assert_eq!(stranger.post(&format!("{SLUG}/edit"), &[("text", "Mine."), ("why", "x")]).await.status, 303);
    assert_eq!(saved(&server).await["version"], 1);
}

async fn an_unknown_runbook_or_version_is_404(server: TestServer) {
    let (reader, editor) = (server.program(&server.read), server.editor().await);
    for path in [
        "/runbooks/none",
        "/runbooks/none/versions",
        "/runbooks/erp-refuses-orders/versions/9",
        "/runbooks/none/versions/1",
    ] {
        reader.get(&format!("/api/v1{path}")).await.problem(404);
    }
    for path in [
        "/runbooks/none",
        "/runbooks/none/edit",
        "/runbooks/none/history",
        "/runbooks/none/compare",
        "/runbooks/erp-refuses-orders/versions/9",
        "/runbooks/erp-refuses-orders/versions/last",
        "/runbooks/erp-refuses-orders/compare?from=1&to=9",
        "/reviews/none",
    ] {
        let page = editor.get(path).await.expect(404);
        assert!(!html::forms(&page.text, "/find").is_empty(), "{path} offers no Find");
    }
    editor.post("/runbooks/none/edit", &[("base", "0"), ("text", "x"), ("why", "x")]).await.expect(404);
}

async fn what_a_runbook_is_for_and_is_not_there_is_a_broken_link(server: TestServer) {
    server.shelf.write("oracle.md", &Runbook::new("Ask", "component:oracle").section("Do this now", "Ask.").markdown());
    server.take_over_the_book().await;
    let runbook = server.json("/runbooks/oracle").await;
    assert_eq!(
        (&runbook["about"], &runbook["missing"]),
        (&json!([["component:oracle", "component:oracle"]]), &json!(["component:oracle"]))
    );
    assert_eq!(saved(&server).await["missing"], json!([]));
    let page = server.viewer().await.page("/runbooks/oracle").await;
    assert!(html::tags(&page).iter().all(|t| t.get("href") != Some("/components/oracle")));
    let words = html::words(&page);
    assert!(words.contains("For component:oracle (component \"oracle\" does not exist)"), "{words}");
}

async fn an_old_version_is_told_as_what_was_once_said(server: TestServer) {
    let editor = server.editor().await;
    for section in ["do-this-now", "what-it-means", "if-it-does-not-help"] {
        let forms = html::forms(&editor.page("/reviews/erp-refuses-orders").await, "/reviews/erp-refuses-orders");
        let form = forms.iter().find(|f| f.get("section") == Some(section)).unwrap();
        editor.post(&form.action, &form.filled(&[], ("answer", "reviewed"))).await.expect(303);
    }
    assert_eq!(saved(&server).await["trust"], "trusted");
    let newer = text("New.").replace("title: ERP refuses orders", "title: ERP says no");
    server.at("08:10");
    editor.post(&format!("{SLUG}/edit"), &[("base", "1"), ("text", &newer), ("why", "x")]).await.expect(303);
    let now = server.json(&format!("{SLUG}/versions/2")).await;
    assert_eq!((&now["current"], &now["version"], &now["title"]), (&json!(true), &json!(2), &json!("ERP says no")));
    assert_eq!(now, saved(&server).await);
    let old = server.json(&format!("{SLUG}/versions/1")).await;
    assert_eq!(
        (&old["current"], &old["version"], &old["newest"], &old["title"], &old["saved_at"]),
        (&json!(false), &json!(1), &json!(2), &json!("ERP refuses orders"), &json!("2026-06-04T08:00:00Z"))
    );
    // Nothing is said of it that only today's comparison could say.
    assert!(old["trust"].is_null() && old.get("reason").is_none() && old.get("flags").is_none(), "{old}");
    let sections = old["sections"].as_array().unwrap();
    assert!(sections.iter().all(|s| s.get("trust").is_none() && s.get("flags").is_none()), "{old}");
    // That somebody reviewed it is a fact of the past.
    assert_eq!(old["reviewed"], json!(["2026-06-04T08:00:00Z", "editor"]));
    let page = editor.page(&format!("{SLUG}/versions/1")).await;
    assert_eq!(html::heading(&page), "ERP refuses orders");
    assert!(!html::words(&page).contains("Trusted"));
}

async fn what_changed_in_the_front_matter_is_shown(server: TestServer) {
    let editor = server.editor().await;
    let newer = erp_refuses_orders()
        .markdown()
        .replace("title: ERP refuses orders", "title: ERP says no")
        .replace("owner: integration-team", "owner: night-team\nreview_every: 90d");
    editor.post(&format!("{SLUG}/edit"), &[("base", "1"), ("text", &newer), ("why", "x")]).await.expect(303);
    let words = html::words(&editor.page(&format!("{SLUG}/compare?from=1&to=2")).await);
    assert!(words.contains("3 passages differ."), "{words}");
    for line in [
        "title: ERP removed: refuses ordersadded: says no",
        "owner: removed: integration-teamadded: night-team",
        "added: review_every: 90d",
    ] {
        assert!(words.contains(line), "{line}: {words}");
    }
}

async fn what_a_text_states_of_how_things_go_is_held_against_what_is_observed(server: TestServer) {
    let fact = |words: &str, field: &str, stated: &str| {
        format!("[{words}](fact:step:order-to-erp/push?observed.{field}={stated})")
    };
    let text = format!(
        "---\ntitle: How it goes\nfor: [step:order-to-erp/push]\n---\n\n## Usually\n\nIt takes {}, and {}, never {}.\n",
        fact("a minute", "p95", "1m"),
        fact("it is on track", "state", "on_track"),
        fact("more than an hour", "p95", ">1h"),
    );
    server.shelf.write("how-it-goes.md", &text);
    server.take_over_the_book().await;
    let facts = async || -> Vec<(bool, Value)> {
        let runbook = server.json("/runbooks/how-it-goes").await;
        let facts = runbook["facts"].as_array().unwrap().clone();
        facts.iter().map(|fact| (fact["holds"].as_bool().unwrap(), fact["present"].clone())).collect()
    };
    // Nothing is known yet, and that is no lie.
    assert_eq!(facts().await, vec![(true, json!(null)), (true, json!(null)), (true, json!(null))]);
    server.at("09:00");
    let told = |state: &str, time: &str| step("1", "push", state, time);
    server.post_events(vec![told("running", "08:30"), told("succeeded", "08:31")]).await;
    server.strike_at("09:01").await;
    assert_eq!(facts().await, vec![(true, json!("1m")), (true, json!("on_track")), (false, json!("1m"))]);
    let page = server.viewer().await.page("/runbooks/how-it-goes").await;
    assert!(html::words(&page).contains("more than an hour now 1m"), "{}", html::words(&page));
}

async fn the_last_runs_of_a_workflow_are_shown_where_the_text_shows_them(server: TestServer) {
    let text = "---\ntitle: Last runs\nfor: [workflow:order-to-erp]\n---\n\n## Look\n\n![Last orders](live:runs/order-to-erp)\n";
    server.shelf.write("last-runs.md", text);
    server.take_over_the_book().await;
    let viewer = server.viewer().await;
    assert!(html::words(&viewer.page("/runbooks/last-runs").await).contains("Last orders: none yet"));
    server.post_events(vec![step("order/1", "push", "running", "07:59")]).await;
    let page = viewer.page("/runbooks/last-runs").await;
    assert!(html::words(&page).contains("Last orders: order/1 On track. At Push to ERP."), "{}", html::words(&page));
    assert!(page.contains("href=\"/runs/order-to-erp/order%2F1\""));
}

async fn a_long_shelf_is_listed_in_pages_and_reviewed_in_order_of_harm(server: TestServer) {
    let before = server.every("/runbooks").await.len();
    for n in 0..230 {
        let text = format!("---\ntitle: Trouble {n:03}\nfor: [step:order-to-erp/push]\n---\n\n## Do this\n\nAsk.\n");
        server.shelf.write(&format!("trouble-{n}.md"), &text);
    }
    server.take_over_the_book().await;
    let first = server.json("/runbooks").await;
    assert_eq!((first["items"].as_array().unwrap().len(), first["next"].is_string()), (100, true));
    let mut all: Vec<String> =
        server.every("/runbooks").await.iter().map(|row| row["slug"].as_str().unwrap().to_owned()).collect();
    let listed = all.len();
    all.sort();
    all.dedup();
    assert_eq!((listed, all.len()), (before + 230, before + 230));
    let counts: i64 = first["counts"].as_object().unwrap().values().map(|n| n.as_i64().unwrap()).sum();
    assert_eq!(counts as usize, before + 230);
    let viewer = server.viewer().await;
    assert!(html::words(&viewer.page("/runbooks").await).contains("Next page"));
    let last = viewer.page(&format!("/runbooks?after={}", first["next"].as_str().unwrap())).await;
    assert!(!last.contains(">Trouble 000<"), "what was on the page before is not there again");
    let reviews = html::words(&viewer.page("/reviews").await);
    assert!(reviews.contains("more wait. They move up as these are answered."), "{reviews}");
}
