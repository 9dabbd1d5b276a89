//! `/runbooks/{slug}/edit` and around it: a preview, one section alone, two people at once, what can be inserted, moved
//! passages, whose words they are, and going back to an old version.

use serde_json::{Value, json};

use crate::support::html::{self, Form};
use crate::support::shelf::erp_refuses_orders;
use crate::support::{Client, TestServer, on_both_databases};

on_both_databases![
    a_preview_comes_as_a_piece_that_says_what_leads_nowhere,
    a_link_to_a_section_that_is_being_written_leads_there,
    a_new_runbook_begins_with_five_headings,
    a_section_is_edited_alone_and_nothing_else_changes,
    a_section_goes_into_the_newest_version_when_others_changed_other_sections,
    a_section_that_both_changed_is_409_about_the_section,
    a_section_that_is_gone_is_409_about_the_whole,
    a_section_that_would_swallow_the_next_is_422_and_stays,
    what_two_changed_in_different_places_is_merged_in_the_proposed_text,
    what_two_changed_in_one_place_is_shown_with_what_both_started_from,
    what_is_wrong_stands_beside_its_field,
    a_text_that_is_too_long_is_422_with_a_sentence,
    what_can_be_inserted_is_found_by_name_with_present_values,
    a_moved_passage_is_marked_as_moved_and_the_source_is_a_click_away,
    every_passage_knows_the_version_it_came_with,
    an_old_version_is_restored_as_the_next_one,
    restoring_over_a_newer_version_is_409_and_goes_through_once_it_is_known,
    who_may_not_edit_restores_nothing_and_previews_nothing,
    the_history_says_how_much_changed,
];

const SLUG: &str = "/runbooks/erp-refuses-orders";
const SAVE: (&str, &str) = ("action", "save");

fn text(background: &str) -> String {
    erp_refuses_orders().where_section("Background", background).markdown()
}

fn form_of(page: &str, action: &str) -> Form {
    html::forms(page, action).remove(0)
}

async fn editor_form(editor: &Client, query: &str) -> Form {
    form_of(&editor.page(&format!("{SLUG}/edit{query}")).await, &format!("{SLUG}/edit"))
}

async fn save(client: &Client, base: i64, text: &str, why: &str) {
    let base = base.to_string();
    client.post(&format!("{SLUG}/edit"), &[("base", &base), ("text", text), ("why", why), SAVE]).await.expect(303);
}

async fn source(client: &Client) -> String {
    editor_form(client, "").await.get("text").unwrap().to_owned()
}

async fn a_preview_comes_as_a_piece_that_says_what_leads_nowhere(server: TestServer) {
    let editor = server.editor().await;
    let typed = text("See [it](component:nothing) and [the stock](component:stock-db), <script>alert(1)</script>.");
    let piece = editor.post(&format!("{SLUG}/preview"), &[("base", "1"), ("text", &typed)]).await.expect(200);
    assert!(!piece.text.contains("<html") && !piece.text.contains("<script"), "{}", piece.text);
    let words = html::words(&piece.text);
    assert!(words.contains("component \"nothing\" does not exist") && words.contains("component:stock-db"), "{words}");
    assert!(words.contains("<script>alert(1)</script>"), "as the words it is: {words}");
    assert!(words.contains("Line ") && words.contains("Preview, not saved yet"), "{words}");
    let new = editor.post("/runbooks/new/preview", &[("text", "## Do this now\n\nWait.")]).await.expect(200);
    assert!(html::words(&new.text).contains("Do this now"));
    assert_eq!(server.json(SLUG).await["version"], 1);
}

async fn a_link_to_a_section_that_is_being_written_leads_there(server: TestServer) {
    let editor = server.editor().await;
    let preview = async |more: &str| {
        let typed = format!("{}\n## New part\n\n{more}\n", text("Old."));
        let piece = editor.post(&format!("{SLUG}/preview"), &[("base", "1"), ("text", &typed)]).await.expect(200);
        html::words(&piece.text)
    };
    for link in ["runbook:erp-refuses-orders#new-part", "erp-refuses-orders.md#new-part", "#new-part"] {
        let words = preview(&format!("See [above]({link}).")).await;
        assert!(words.contains("See above") && !words.contains("has no section"), "{link}: {words}");
        assert!(!words.contains("nowhere"), "{link}: {words}");
    }
    let words = preview("See [above](runbook:erp-refuses-orders#no-part).").await;
    assert!(words.contains("above (runbook \"erp-refuses-orders\" has no section \"no-part\")"), "{words}");
    assert!(words.contains("A link in it leads nowhere"), "{words}");
}

async fn a_new_runbook_begins_with_five_headings(server: TestServer) {
    let page = server.editor().await.page("/runbooks/new?for=component:erp-sync").await;
    let form = form_of(&page, "/runbooks/new");
    let text = form.get("text").unwrap();
    let headings: Vec<_> = text.lines().filter(|l| l.starts_with("## ")).collect();
    assert_eq!(
        headings,
        ["## Do this now", "## What it means", "## If it does not help", "## Who depends on it", "## Background"]
    );
    assert!(text.contains("for: [\"component:erp-sync\"]") && text.contains("live:dependents/erp-sync"), "{text}");
}

async fn a_section_is_edited_alone_and_nothing_else_changes(server: TestServer) {
    let editor = server.editor().await;
    let before = source(&editor).await;
    let form = editor_form(&editor, "?section=what-it-means").await;
    let section = form.get("text").unwrap();
    assert!(section.starts_with("## What it means") && !section.contains("Background"), "{section}");
    let typed = section.replace("does not come through", "is refused");
    let preview = editor.post(&form.action, &form.filled(&[("text", &typed)], ("action", "preview"))).await.expect(200);
    let words = html::words(&preview.text);
    assert!(words.contains("is refused") && !words.contains("The ERP is old."), "only the section: {words}");
    editor.post(&form.action, &form.filled(&[("text", &typed), ("why", "Clearer")], SAVE)).await.expect(303);
    assert_eq!(source(&editor).await, before.replace("does not come through", "is refused"));
}

async fn a_section_goes_into_the_newest_version_when_others_changed_other_sections(server: TestServer) {
    let (anna, ben) = (server.editor().await, server.admin().await);
    let form = editor_form(&ben, "?section=what-it-means").await;
    save(&anna, 1, &text("Anna was here."), "a").await;
    let typed = form.get("text").unwrap().replace("does not come through", "is refused");
    ben.post(&form.action, &form.filled(&[("text", &typed), ("why", "b")], SAVE)).await.expect(303);
    assert_eq!(source(&ben).await, text("Anna was here.").replace("does not come through", "is refused"));
    assert_eq!(server.json(SLUG).await["version"], 3);
}

async fn a_section_that_both_changed_is_409_about_the_section(server: TestServer) {
    let (anna, ben) = (server.editor().await, server.admin().await);
    let form = editor_form(&ben, "?section=background").await;
    save(&anna, 1, &text("The ERP is ancient."), "a").await;
    let typed = form.get("text").unwrap().replace("is old", "is slow");
    let refused = ben.post(&form.action, &form.filled(&[("text", &typed), ("why", "b")], SAVE)).await.expect(409);
    let again = form_of(&refused.text, &form.action);
    assert_eq!((again.get("section"), again.get("base")), (Some("background"), Some("2")));
    assert!(again.get("text").unwrap().contains("is slow"));
    assert!(html::words(&refused.text).contains("ancient"));
    ben.post(&again.action, &again.filled(&[], SAVE)).await.expect(303);
    assert_eq!(source(&ben).await, text("The ERP is slow."));
}

async fn a_section_that_is_gone_is_409_about_the_whole(server: TestServer) {
    let (anna, ben) = (server.editor().await, server.admin().await);
    let form = editor_form(&ben, "?section=background").await;
    let whole = source(&anna).await;
    save(&anna, 1, &whole.replace("## Background", "## History"), "a").await;
    let typed = form.get("text").unwrap().replace("is old", "is slow");
    let refused = ben.post(&form.action, &form.filled(&[("text", &typed), ("why", "b")], SAVE)).await.expect(409);
    let again = form_of(&refused.text, &form.action);
    assert_eq!(again.get("section"), None);
    let proposed = again.get("text").unwrap();
    assert!(proposed.contains("## History") && proposed.contains("is slow"), "{proposed}");
}

async fn a_section_that_would_swallow_the_next_is_422_and_stays(server: TestServer) {
    let editor = server.editor().await;
    let form = editor_form(&editor, "?section=what-it-means").await;
    let typed = "## What it means\n\n```\nls";
    let refused = editor.post(&form.action, &form.filled(&[("text", typed), ("why", "x")], SAVE)).await.expect(422);
    assert!(html::words(&refused.text).contains("would swallow the sections after it"));
    assert_eq!(form_of(&refused.text, &form.action).get("text"), Some(typed));
    assert_eq!(server.json(SLUG).await["version"], 1);
}

async fn what_two_changed_in_different_places_is_merged_in_the_proposed_text(server: TestServer) {
    let (anna, ben) = (server.editor().await, server.admin().await);
    let whole = source(&anna).await;
    save(&anna, 1, &whole.replace("Call the duty desk", "Call the night desk"), "a").await;
    let mine = whole.replace("The ERP is old.", "The ERP is slow.");
    let typed = [("base", "1"), ("text", &mine), ("why", "b"), SAVE];
    let refused = ben.post(&format!("{SLUG}/edit"), &typed).await.expect(409);
    let words = html::words(&refused.text);
    assert!(words.contains("You changed different places, so the text below has both."), "{words}");
    let again = form_of(&refused.text, &format!("{SLUG}/edit"));
    let both = mine.replace("Call the duty desk", "Call the night desk");
    assert_eq!(again.get("text"), Some(both.as_str()));
    ben.post(&again.action, &again.filled(&[], SAVE)).await.expect(303);
    assert_eq!(source(&ben).await, both);
}

async fn what_two_changed_in_one_place_is_shown_with_what_both_started_from(server: TestServer) {
    let (anna, ben) = (server.editor().await, server.admin().await);
    save(&anna, 1, &text("The ERP is ancient."), "a").await;
    let mine = text("The ERP is slow.");
    let refused =
        ben.post(&format!("{SLUG}/edit"), &[("base", "1"), ("text", &mine), ("why", "b"), SAVE]).await.expect(409);
    let words = html::words(&refused.text);
    for told in [
        "In 1 place you both changed the same words",
        "The ERP is old.",
        "ancient.",
        "slow.",
        "The text below has yours here.",
    ] {
        assert!(words.contains(told), "{told}: {words}");
    }
}

async fn what_is_wrong_stands_beside_its_field(server: TestServer) {
    let editor = server.editor().await;
    let long = "x".repeat(201);
    for (why, says) in [("", "Say in a line why"), (long.as_str(), "at most 200 characters")] {
        let typed = [("base", "1"), ("text", &text("New.")), ("why", why), SAVE];
        let refused = editor.post(&format!("{SLUG}/edit"), &typed).await.expect(422);
        let tags = html::tags(&refused.text);
        let field = tags.iter().find(|t| t.get("id") == Some("edit-why")).unwrap();
        assert_eq!((field.get("aria-invalid"), field.get("aria-describedby")), (Some("true"), Some("edit-why-error")));
        assert!(html::words(&refused.text).contains(says));
    }
}

async fn a_text_that_is_too_long_is_422_with_a_sentence(server: TestServer) {
    let editor = server.editor().await;
    let long = format!("---\ntitle: Long\n---\n\n{}", "word ".repeat(1_050_000));
    let typed = [("base", "1"), ("text", long.as_str()), ("why", "x"), SAVE];
    let refused = editor.post(&format!("{SLUG}/edit"), &typed).await.expect(422);
    assert!(refused.text.contains("At most 5 MB can be read; split it into several runbooks."));
    assert_eq!(server.json(SLUG).await["version"], 1);
}

async fn what_can_be_inserted_is_found_by_name_with_present_values(server: TestServer) {
    let found = server.json("/insert?q=push").await;
    let first = &found["items"][0];
    assert_eq!(first["reference"], "step:order-to-erp/push");
    let markdown: Vec<_> =
        first["offers"].as_array().unwrap().iter().map(|o| o["markdown"].as_str().unwrap()).collect();
    assert_eq!(markdown[0], "[Push to ERP](step:order-to-erp/push)");
    assert!(markdown.contains(&"[3](fact:step:order-to-erp/push?retry.max_attempts=3)"), "{markdown:?}");
    assert!(markdown.iter().any(|m| m.ends_with("](live:retries/order-to-erp/push)")), "{markdown:?}");
    let editor = server.editor().await;
    let page = html::words(&editor.page("/insert?q=push").await);
    assert!(page.contains("retry.max_attempts is 3"), "{page}");
    let piece = editor.get("/insert/found?q=push").await.expect(200);
    assert!(html::tags(&piece.text).iter().any(|t| t.get("data-insert") == Some(markdown[0])));
    assert!(html::words(&editor.page("/insert?q=zzz").await).contains("No part is called \"zzz\""));
}

async fn a_moved_passage_is_marked_as_moved_and_the_source_is_a_click_away(server: TestServer) {
    let editor = server.editor().await;
    save(&editor, 1, &text("One goes first here.\n\nTwo comes second.\n\nThree ends it all."), "a").await;
    save(&editor, 2, &text("Three ends it all.\n\nOne goes first here.\n\nTwo comes second."), "b").await;
    let compared = server.json(&format!("{SLUG}/compare?from=2&to=3")).await;
    let moved: Vec<_> = compared["blocks"].as_array().unwrap().iter().filter(|b| !b["moved"].is_null()).collect();
    assert_eq!(moved.iter().map(|b| &b["moved"]).collect::<Vec<_>>(), [&json!("here"), &json!("away")]);
    let page = editor.page(&format!("{SLUG}/compare?from=2&to=3")).await;
    let words = html::words(&page);
    assert!(words.contains("1 passage differs.") && words.contains("Moved here: Three ends it all."), "{words}");
    let link = format!("{SLUG}/compare?from=2&to=3&source=1");
    assert!(html::tags(&page).iter().any(|t| t.get("href") == Some(&link)));
    assert!(html::words(&editor.page(&link).await).contains("Show it as it is read"));
}

async fn every_passage_knows_the_version_it_came_with(server: TestServer) {
    let editor = server.editor().await;
    let came = |picture: &Value| -> Vec<(i64, String)> {
        let item = |i: &Value| {
            (i["came_with"]["version"].as_i64().unwrap(), i["came_with"]["why"].as_str().unwrap().to_owned())
        };
        picture["items"].as_array().unwrap().iter().map(item).collect()
    };
    let first = server.json(&format!("{SLUG}/blame")).await;
    assert_eq!(came(&first), [(1, "First version".to_owned())]);
    // It grows with what was found before, and reads nothing twice.
    save(&editor, 1, &text("The ERP is ancient."), "Older").await;
    let second = server.json(&format!("{SLUG}/blame")).await;
    assert_eq!(came(&second), [(1, "First version".to_owned()), (2, "Older".to_owned())]);
    let words = html::words(&editor.page(&format!("{SLUG}/blame")).await);
    assert!(words.contains("The ERP is ancient.") && words.contains("by editor Older"), "{words}");
}

async fn an_old_version_is_restored_as_the_next_one(server: TestServer) {
    let editor = server.editor().await;
    let first = source(&editor).await;
    save(&editor, 1, &text("Worse."), "a").await;
    let page = editor.page(&format!("{SLUG}/versions/1")).await;
    let form = form_of(&page, &format!("{SLUG}/versions/1/restore"));
    assert_eq!((form.get("base"), form.get("why")), (Some("2"), Some("Restores version 1")));
    editor.post(&form.action, &form.filled(&[("why", " ")], ("", ""))).await.expect(422);
    editor.post(&form.action, &form.filled(&[], ("", ""))).await.expect(303);
    assert_eq!(source(&editor).await, first);
    let now = server.json(SLUG).await;
    assert_eq!((&now["version"], &now["why"]), (&json!(3), &json!("Restores version 1")));
    assert_eq!(server.json(&format!("{SLUG}/versions/2")).await["version"], 2, "what it replaced stays");
}

async fn restoring_over_a_newer_version_is_409_and_goes_through_once_it_is_known(server: TestServer) {
    let (anna, ben) = (server.editor().await, server.admin().await);
    save(&anna, 1, &text("Two."), "a").await;
    let form = form_of(&ben.page(&format!("{SLUG}/versions/1")).await, &format!("{SLUG}/versions/1/restore"));
    save(&anna, 2, &text("Three."), "b").await;
    let refused = ben.post(&form.action, &form.filled(&[], ("", ""))).await.expect(409);
    assert!(html::words(&refused.text).contains("editor saved version 3 meanwhile"));
    let again = form_of(&refused.text, &form.action);
    assert_eq!(again.get("base"), Some("3"));
    ben.post(&again.action, &again.filled(&[], ("", ""))).await.expect(303);
    assert_eq!(server.json(SLUG).await["version"], 4);
}

async fn who_may_not_edit_restores_nothing_and_previews_nothing(server: TestServer) {
    let editor = server.editor().await;
    save(&editor, 1, &text("Two."), "a").await;
    let operator = server.operator().await;
    let restore = format!("{SLUG}/versions/1/restore");
    assert_eq!(operator.post(&restore, &[("base", "2"), ("why", "x")]).await.status, 403);
    assert_eq!(operator.post(&format!("{SLUG}/preview"), &[("text", "x")]).await.status, 403);
    let page = operator.page(&format!("{SLUG}/versions/1")).await;
    assert!(html::forms(&page, &restore).is_empty() && html::words(&page).contains("Only for editors."));
    assert_eq!(server.json(SLUG).await["version"], 2);
}

async fn the_history_says_how_much_changed(server: TestServer) {
    let editor = server.editor().await;
    save(&editor, 1, &text("The ERP is old and very slow."), "a").await;
    let history = server.json(&format!("{SLUG}/versions")).await;
    assert_eq!(history["items"][0]["amount"], json!({"added": 4, "removed": 1}));
    let words = html::words(&editor.page(&format!("{SLUG}/history")).await);
    assert!(words.contains("4 words added, 1 removed") && words.contains("What it changed, version 2"), "{words}");
}
