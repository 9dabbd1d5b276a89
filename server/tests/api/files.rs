//! The book's files and what is saved in the browser are one: written back, committed, and settled where both changed.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

use app::model::review::fingerprint;
use serde_json::{Value, json};
use watchbook::live::Topic;
use watchbook::store::people::newest_audit;

use crate::support::html::{self, Form};
use crate::support::shelf::{Runbook, erp_refuses_orders};
use crate::support::{Answer, Client, TestServer, on_both_databases};

on_both_databases![
    what_is_saved_in_the_browser_is_in_its_file,
    what_is_saved_is_committed_alone_with_its_author_and_why,
    what_others_have_staged_stays_as_it_is,
    a_new_runbook_gets_a_file_and_a_commit,
    a_commit_becomes_a_version_with_its_author_and_message,
    a_change_that_is_not_committed_has_the_file_as_its_author,
    a_text_that_was_written_does_not_come_back_as_a_change,
    an_edit_of_the_book_is_committed_alone_with_its_author_and_what_it_is,
    an_edit_of_the_book_leaves_what_others_have_not_committed,
    an_edit_of_the_book_says_that_a_link_leads_out_of_the_work_tree,
    in_the_middle_of_a_merge_the_book_is_not_edited,
    files_that_git_ignores_are_plain_files,
    a_commit_starts_no_hook,
    both_changed_is_a_conflict_and_nothing_is_overwritten,
    a_conflict_is_settled_by_taking_the_files_text,
    a_conflict_is_settled_by_keeping_the_text_of_the_browser,
    a_conflict_is_settled_by_putting_both_together,
    marks_of_a_merge_are_never_saved,
    an_answer_to_another_conflict_than_was_shown_is_409,
    who_may_not_edit_settles_nothing,
    a_disk_that_refuses_loses_nothing_and_is_tried_again,
    a_read_only_folder_is_said_once_and_versions_are_kept,
    in_the_middle_of_a_merge_a_text_waits,
    marks_of_git_are_not_taken_over_in_the_middle_of_a_merge,
    a_file_is_written_while_git_is_locked_and_committed_after,
    a_runbook_whose_file_is_gone_is_written_again,
    a_runbook_whose_file_is_gone_is_retired_and_stays_readable,
    a_link_to_a_retired_runbook_says_that_it_is_retired,
    a_retired_runbook_is_put_in_use_again,
    a_file_that_moves_stays_the_same_runbook,
    the_page_of_sources_says_whether_files_are_written,
    who_watches_the_folder_writes_what_waits,
];

const SLUG: &str = "/runbooks/erp-refuses-orders";
const FILE: &str = "erp-refuses-orders.md";
const WORKFLOW: &str = "order-to-erp.yaml";

/// The runbook with another background.
fn text(background: &str) -> String {
    erp_refuses_orders().where_section("Background", background).markdown()
}

/// The runbook with another text of what it means.
fn meaning(words: &str) -> String {
    erp_refuses_orders().where_section("What it means", words).markdown()
}

async fn save(editor: &Client, base: i64, text: &str, why: &str) {
    let fields = [("base", &*base.to_string()), ("text", text), ("why", why)];
    editor.post(&format!("{SLUG}/edit"), &fields).await.expect(303);
}

fn read(server: &TestServer, file: &str) -> String {
    std::fs::read_to_string(server.shelf.folder().join(file)).unwrap()
}

async fn words(server: &TestServer, path: &str) -> String {
    html::words(&server.viewer().await.page(path).await)
}

/// A git work tree, used as people use it.
struct Git(PathBuf);

impl Git {
    /// Around the book, with everything committed by Jonas.
    async fn around(server: &TestServer) -> Self {
        let git = Self(server.shelf.folder().to_owned());
        git.run(&["init", "--quiet", "--initial-branch=main"]);
        git.run(&["add", "."]);
        git.commit("The book");
        // Nothing has changed, but that is known from now on.
        server.take_over_the_book().await;
        git
    }

    fn try_run(&self, asked: &[&str]) -> Result<String, String> {
        let mut git = Command::new("git");
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("GIT_")) {
            git.env_remove(name);
        }
        let output = git
            .current_dir(&self.0)
            .args(["-c", "user.name=Jonas", "-c", "user.email=jonas@example.com", "-c", "core.editor=true"])
            .args(asked)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    fn run(&self, asked: &[&str]) -> String {
        self.try_run(asked).unwrap_or_else(|error| panic!("git {asked:?}: {error}"))
    }

    fn commit(&self, message: &str) {
        self.run(&["commit", "--quiet", "--all", "--message", message]);
    }

    fn head(&self) -> String {
        self.run(&["rev-parse", "HEAD"])
    }

    /// A merge that stops because both sides changed the runbook.
    fn stop_in_a_merge(&self, ours: &str, theirs: &str) {
        self.run(&["checkout", "--quiet", "-b", "other"]);
        std::fs::write(self.0.join(FILE), theirs).unwrap();
        self.commit("Theirs");
        self.run(&["checkout", "--quiet", "main"]);
        std::fs::write(self.0.join(FILE), ours).unwrap();
        self.commit("Ours");
        self.try_run(&["merge", "other"]).unwrap_err();
    }
}

async fn what_is_saved_in_the_browser_is_in_its_file(server: TestServer) {
    std::fs::create_dir(server.shelf.folder().join("guides")).unwrap();
    let deep = Runbook::new("Deep", "component:erp-queue").section("Do this now", "Wait.");
    server.shelf.write("guides/deep.md", &deep.markdown());
    server.take_over_the_book().await;
    let editor = server.editor().await;
    save(&editor, 1, &text("New."), "It is new").await;
    assert_eq!(read(&server, FILE), text("New."));
    let longer = deep.section("Background", "Old.").markdown();
    let fields = [("base", "1"), ("text", longer.as_str()), ("why", "x")];
    editor.post("/runbooks/deep/edit", &fields).await.expect(303);
    assert_eq!(read(&server, "guides/deep.md"), longer);
    let file = &server.json("/runbooks/deep").await["file"];
    assert_eq!((&file["path"], &file["state"]), (&json!("guides/deep.md"), &json!("written")));
    // Nothing is left beside it.
    let names: Vec<_> = std::fs::read_dir(server.shelf.folder().join("guides")).unwrap().collect();
    assert_eq!(names.len(), 1, "{names:?}");
}

async fn what_is_saved_is_committed_alone_with_its_author_and_why(server: TestServer) {
    let git = Git::around(&server).await;
    server.at("08:10");
    save(&server.editor().await, 1, &text("New."), "It is newer than we thought").await;
    assert_eq!(
        git.run(&["show", "--format=%an|%ae|%s|%at", "--name-only", "HEAD"]),
        format!("editor|editor@watchbook.invalid|It is newer than we thought|{}\n\n{FILE}", 1_780_560_600)
    );
    let body = git.run(&["log", "-1", "--format=%b"]);
    assert_eq!(body, "Version 2 of \"ERP refuses orders\", saved in Watchbook.");
    assert_eq!(git.run(&["status", "--porcelain"]), "");
    // The version knows its commit.
    let versions = server.json(&format!("{SLUG}/versions")).await;
    assert_eq!((&versions["items"][0]["commit"], &versions["items"][1]["commit"]), (&json!(git.head()), &json!(null)));
    let short = &git.head()[..10];
    assert!(words(&server, SLUG).await.contains(&format!("File {FILE}, commit {short}.")));
    assert!(words(&server, &format!("{SLUG}/history")).await.contains(&format!("written here, commit {short}")));
}

/// Writes why a workflow exists, in the browser.
async fn write_purpose(server: &TestServer, words: &str) -> Answer {
    let fields = [("part", "workflow:order-to-erp"), ("field", "purpose"), ("value", words)];
    server.editor().await.post("/write", &fields).await
}

async fn an_edit_of_the_book_is_committed_alone_with_its_author_and_what_it_is(server: TestServer) {
    let git = Git::around(&server).await;
    std::fs::write(server.shelf.folder().join("notes.txt"), "Not ours").unwrap();
    git.run(&["add", "notes.txt"]);
    server.at("08:10");
    write_purpose(&server, "Orders reach the ERP.").await.expect(303);
    assert_eq!(
        git.run(&["show", "--format=%an|%ae|%s|%b|%at", "--name-only", "HEAD"]),
        format!(
            "editor|editor@watchbook.invalid|workflow:order-to-erp purpose|Written in Watchbook.\n|{}\n\n{WORKFLOW}",
            1_780_560_600
        )
    );
    assert_eq!(git.run(&["status", "--porcelain"]), "A  notes.txt");
}

async fn an_edit_of_the_book_leaves_what_others_have_not_committed(server: TestServer) {
    let git = Git::around(&server).await;
    let (theirs, head) = (format!("{}# Not finished\n", read(&server, WORKFLOW)), git.head());
    server.shelf.write(WORKFLOW, &theirs);
    let editor = server.editor().await;
    let fields = [("part", "workflow:order-to-erp"), ("field", "purpose"), ("value", "Orders reach the ERP.")];
    editor.post("/write", &fields).await.expect(303);
    assert!(read(&server, WORKFLOW).contains("# Not finished") && read(&server, WORKFLOW).contains("reach the ERP"));
    assert_eq!(git.head(), head);
    let told = format!(
        "Written into {WORKFLOW}, which is not committed: it has other changes in it that nobody has committed yet."
    );
    let page = html::words(&editor.page("/workflows/order-to-erp").await);
    assert!(page.contains(&told), "{page}");
}

async fn an_edit_of_the_book_says_that_a_link_leads_out_of_the_work_tree(server: TestServer) {
    let (link, outside) = (server.shelf.folder().join(WORKFLOW), server.folder().join("elsewhere.yaml"));
    std::fs::rename(&link, &outside).unwrap();
    std::os::unix::fs::symlink(&outside, &link).unwrap();
    let git = Git::around(&server).await;
    let head = git.head();
    let editor = server.editor().await;
    let fields = [("part", "workflow:order-to-erp"), ("field", "purpose"), ("value", "Orders reach the ERP.")];
    editor.post("/write", &fields).await.expect(303);
    assert!(std::fs::read_to_string(&outside).unwrap().contains("reach the ERP"));
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(git.head(), head);
    let page = html::words(&editor.page("/workflows/order-to-erp").await);
    let told = "which is not committed: a link leads to it, out of the folder of the book.";
    assert!(page.contains(told), "{page}");
}

async fn in_the_middle_of_a_merge_the_book_is_not_edited(server: TestServer) {
    let git = Git::around(&server).await;
    git.stop_in_a_merge(&text("Ours."), &text("Theirs."));
    let before = read(&server, WORKFLOW);
    let page = write_purpose(&server, "Orders reach the ERP.").await.expect(422).text;
    assert!(html::words(&page).contains("Git is in the middle of a merge in the folder of the book."), "{page}");
    assert!(page.contains("purpose: \"Orders reach the ERP.\""), "it can be pasted: {page}");
    assert_eq!(read(&server, WORKFLOW), before);
}

async fn what_others_have_staged_stays_as_it_is(server: TestServer) {
    let git = Git::around(&server).await;
    let other = read(&server, "stock-runs-low.md") + "\nStaged.\n";
    server.shelf.write("stock-runs-low.md", &other);
    server.shelf.write("new.yaml", "");
    git.run(&["add", "stock-runs-low.md", "new.yaml"]);
    server.shelf.write("stock-runs-low.md", &format!("{other}\nNot staged.\n"));
    let before = (git.run(&["diff", "--cached"]), git.run(&["diff"]));
    save(&server.editor().await, 1, &text("New."), "x").await;
    assert_eq!(git.run(&["show", "--format=", "--name-only", "HEAD"]), FILE);
    assert_eq!((git.run(&["diff", "--cached"]), git.run(&["diff"])), before);
}

async fn a_new_runbook_gets_a_file_and_a_commit(server: TestServer) {
    let git = Git::around(&server).await;
    let text = Runbook::new("Queue is full", "component:erp-queue").section("Do this now", "Wait.").markdown();
    let fields = [("slug", "queue-is-full"), ("text", text.as_str()), ("why", "It was full"), ("action", "save")];
    server.editor().await.post("/runbooks/new", &fields).await.expect(303);
    assert_eq!(read(&server, "queue-is-full.md"), text);
    assert_eq!(git.run(&["show", "--format=%s", "--name-status", "HEAD"]), "It was full\n\nA\tqueue-is-full.md");
    server.take_over_the_book().await;
    assert_eq!(server.json("/runbooks/queue-is-full").await["version"], 1);
}

async fn a_commit_becomes_a_version_with_its_author_and_message(server: TestServer) {
    let git = Git::around(&server).await;
    server.shelf.write(FILE, &text("Committed."));
    git.commit("The ERP is old\n\nVery old.");
    let commit = git.head();
    // Another commit that leaves the file alone, and a change elsewhere that is in none.
    server.shelf.write("house-rules.md", &(read(&server, "house-rules.md") + "\nMore.\n"));
    git.commit("Other rules");
    server.shelf.write("stock-runs-low.md", &(read(&server, "stock-runs-low.md") + "\nMore.\n"));
    server.take_over_the_book().await;
    let runbook = server.json(SLUG).await;
    assert_eq!(
        (&runbook["version"], &runbook["author"], &runbook["why"]),
        (&json!(2), &json!("Jonas"), &json!("The ERP is old"))
    );
    assert_eq!(runbook["file"]["commit"], commit);
    assert_eq!(server.json("/runbooks/house-rules").await["why"], "Other rules");
    assert_eq!(server.json("/runbooks/stock-runs-low").await["why"], "The file changed");
}

async fn a_change_that_is_not_committed_has_the_file_as_its_author(server: TestServer) {
    Git::around(&server).await;
    server.shelf.write(FILE, &text("Typed."));
    server.take_over_the_book().await;
    let runbook = server.json(SLUG).await;
    assert_eq!((&runbook["version"], &runbook["author"]), (&json!(2), &json!(FILE)));
    assert_eq!((&runbook["why"], &runbook["file"]["commit"]), (&json!("The file changed"), &json!(null)));
    for path in [SLUG.to_owned(), format!("{SLUG}/history"), format!("{SLUG}/blame")] {
        let words = words(&server, &path).await;
        assert!(words.contains(&format!(" from the file {FILE}")), "{path}: {words}");
        assert!(!words.contains(&format!("by {FILE}")), "{path}: {words}");
    }
}

async fn a_text_that_was_written_does_not_come_back_as_a_change(server: TestServer) {
    Git::around(&server).await;
    save(&server.editor().await, 1, &text("New."), "x").await;
    let before = server.json("/runbooks").await;
    server.take_over_the_book().await;
    let server = server.restarted("08:30", |_| {}).await;
    server.take_over_the_book().await;
    assert_eq!(server.json("/runbooks").await, before);
    let runbook = server.json(SLUG).await;
    assert_eq!((&runbook["version"], &runbook["conflict"]), (&json!(2), &json!(null)));
    assert_eq!(runbook["file"]["state"], "written");
}

async fn files_that_git_ignores_are_plain_files(server: TestServer) {
    let git = Git(server.shelf.folder().parent().unwrap().to_owned());
    git.run(&["init", "--quiet", "--initial-branch=main"]);
    std::fs::write(git.0.join(".gitignore"), "book/\n").unwrap();
    git.run(&["add", ".gitignore"]);
    git.commit("x");
    let head = git.head();
    save(&server.editor().await, 1, &text("New."), "x").await;
    assert_eq!(read(&server, FILE), text("New."));
    let file = &server.json(SLUG).await["file"];
    assert_eq!((&file["state"], &file["problem"]), (&json!("written"), &json!(null)));
    assert_eq!(git.head(), head);
    // So is a file that is changed there.
    server.shelf.write(FILE, &text("Typed."));
    server.take_over_the_book().await;
    assert_eq!(server.json(SLUG).await["author"], FILE);
    // And so is one of the book's own, whose edit nobody asked to commit.
    let editor = server.editor().await;
    let fields = [("part", "workflow:order-to-erp"), ("field", "purpose"), ("value", "Orders reach the ERP.")];
    editor.post("/write", &fields).await.expect(303);
    let page = html::words(&editor.page("/workflows/order-to-erp").await);
    assert!(page.contains(&format!("Written into {WORKFLOW}.")), "{page}");
}

#[cfg(unix)]
async fn a_commit_starts_no_hook(server: TestServer) {
    use std::os::unix::fs::PermissionsExt;
    let git = Git::around(&server).await;
    for hook in ["pre-commit", "prepare-commit-msg", "commit-msg", "post-commit", "reference-transaction"] {
        let path = git.0.join(".git/hooks").join(hook);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, "#!/bin/sh\ntouch ../hook-ran\nexit 1\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    git.run(&["config", "commit.gpgSign", "true"]);
    git.run(&["config", "gpg.program", "false"]);
    save(&server.editor().await, 1, &text("New."), "No hook").await;
    assert_eq!(git.run(&["log", "-1", "--format=%s"]), "No hook");
    assert!(!server.folder().join("hook-ran").exists() && !git.0.join("hook-ran").exists());
}

/// One text in the file, another in the browser: both from version 1, in the same section.
async fn in_conflict(server: &TestServer) -> (String, String) {
    let (browser, file) = (text("Written in the browser."), text("Written in the file."));
    server.shelf.write(FILE, &file);
    save(&server.editor().await, 1, &browser, "From the browser").await;
    server.take_over_the_book().await;
    (browser, file)
}

async fn both_changed_is_a_conflict_and_nothing_is_overwritten(server: TestServer) {
    let (browser, file) = in_conflict(&server).await;
    for _ in 0..2 {
        let runbook = server.json(SLUG).await;
        assert_eq!((&runbook["version"], &runbook["file"]["state"]), (&json!(2), &json!("conflict")));
        let conflict = runbook["conflict"].as_str().unwrap();
        assert!(conflict.contains("Both were changed since version 1."), "{conflict}");
        assert_eq!(read(&server, FILE), file);
        // A further text from the browser changes nothing of that.
        server.take_over_the_book().await;
    }
    save(&server.editor().await, 2, &browser.replace("browser", "house"), "x").await;
    server.take_over_the_book().await;
    assert_eq!(server.json(SLUG).await["file"]["state"], "conflict");
    assert_eq!(read(&server, FILE), file);
}

/// The form that answers a conflict.
async fn answer_form(client: &Client) -> Form {
    html::forms(&client.page(SLUG).await, &format!("{SLUG}/settle")).remove(0)
}

async fn audited(server: &TestServer) -> Value {
    let line = newest_audit(server.app.db.read(), 1).await.unwrap().remove(0);
    json!([line.actor, line.action, line.subject])
}

async fn a_conflict_is_settled_by_taking_the_files_text(server: TestServer) {
    let git = Git::around(&server).await;
    let (_, file) = in_conflict(&server).await;
    let editor = server.editor().await;
    let form = answer_form(&editor).await;
    editor.post(&form.action, &form.filled(&[], ("answer", "take_file"))).await.expect(303);
    let runbook = server.json(SLUG).await;
    assert_eq!((&runbook["version"], &runbook["conflict"]), (&json!(3), &json!(null)));
    assert_eq!((&runbook["file"]["state"], &runbook["author"]), (&json!("written"), &json!(FILE)));
    let said = json!(["editor", "settle_runbook", "runbook:erp-refuses-orders version 3: the file's text"]);
    assert_eq!(audited(&server).await, said);
    let page = words(&server, SLUG).await;
    assert!(page.contains("Written in the file.") && !page.contains("differ."), "{page}");
    assert_eq!(read(&server, FILE), file);
    // The browser's text is still there, and git has what was waiting.
    assert!(words(&server, &format!("{SLUG}/versions/2")).await.contains("Written in the browser."));
    assert!(git.run(&["log", "-1", "--format=%B"]).contains("With version 2 by editor: From the browser"));
    server.take_over_the_book().await;
    assert_eq!(server.json(SLUG).await["version"], 3);
}

async fn a_conflict_is_settled_by_keeping_the_text_of_the_browser(server: TestServer) {
    let git = Git::around(&server).await;
    let (browser, _) = in_conflict(&server).await;
    let editor = server.editor().await;
    let form = answer_form(&editor).await;
    editor.post(&form.action, &form.filled(&[], ("answer", "keep_this"))).await.expect(303);
    assert_eq!(read(&server, FILE), browser);
    let runbook = server.json(SLUG).await;
    assert_eq!((&runbook["version"], &runbook["file"]["state"]), (&json!(4), &json!("written")));
    assert_eq!(git.run(&["log", "-1", "--format=%an: %s"]), "editor: Kept over what the file said");
    // What the file said is a version, too.
    assert!(words(&server, &format!("{SLUG}/versions/3")).await.contains("Written in the file."));
    server.take_over_the_book().await;
    assert_eq!(server.json(SLUG).await["version"], 4);
}

async fn a_conflict_is_settled_by_putting_both_together(server: TestServer) {
    let (browser, file) = (text("Changed here."), meaning("[The push](step:order-to-erp/push) is slow."));
    server.shelf.write(FILE, &file);
    save(&server.editor().await, 1, &browser, "x").await;
    server.take_over_the_book().await;
    let editor = server.editor().await;
    let page = editor.page(&format!("{SLUG}/settle")).await;
    let said = html::words(&page);
    assert!(said.contains("The text below has what was changed in either."), "{said}");
    let code: Vec<_> = html::tags(&page).into_iter().filter(|t| t.name == "code").map(|t| t.after).collect();
    assert!(code.contains(&browser) && code.contains(&file), "both stay in view: {code:?}");
    let form = html::forms(&page, &format!("{SLUG}/settle")).remove(0);
    let both = form.get("text").unwrap().to_owned();
    assert!(both.contains("Changed here.") && both.contains("is slow."), "{both}");
    editor.post(&form.action, &form.filled(&[("why", "Both are right")], ("answer", "both"))).await.expect(303);
    assert_eq!(read(&server, FILE), both);
    let runbook = server.json(SLUG).await;
    assert_eq!((&runbook["version"], &runbook["why"]), (&json!(4), &json!("Both are right")));
    assert!(words(&server, &format!("{SLUG}/versions/3")).await.contains("is slow."));
    // Where nothing is to be settled the page leads back.
    assert_eq!(editor.get(&format!("{SLUG}/settle")).await.expect(303).header("location"), SLUG);
}

async fn marks_of_a_merge_are_never_saved(server: TestServer) {
    in_conflict(&server).await;
    let editor = server.editor().await;
    let page = editor.page(&format!("{SLUG}/settle")).await;
    let said = html::words(&page);
    assert!(said.contains("One place was changed in both. It begins on line "), "{said}");
    assert!(page.contains("href=\"#first-difference\"") && page.contains("id=\"first-difference\""), "{page}");
    let form = html::forms(&page, &format!("{SLUG}/settle")).remove(0);
    let marked = form.get("text").unwrap().to_owned();
    assert!(marked.contains("<<<<<<<") && marked.contains("Written in the file."), "{marked}");
    let refused = editor.post(&form.action, &form.filled(&[("why", "x")], ("answer", "both"))).await.expect(422);
    assert!(html::words(&refused.text).contains("a line of marks is still there"));
    let again = html::forms(&refused.text, &format!("{SLUG}/settle")).remove(0);
    assert_eq!((again.get("text"), again.get("why")), (Some(marked.as_str()), Some("x")));
    let both = text("Both.");
    let without_why = again.filled(&[("text", &both), ("why", " ")], ("answer", "both"));
    editor.post(&form.action, &without_why).await.expect(422);
    assert_eq!(server.json(SLUG).await["version"], 2);
}

async fn an_answer_to_another_conflict_than_was_shown_is_409(server: TestServer) {
    in_conflict(&server).await;
    let editor = server.editor().await;
    let form = answer_form(&editor).await;
    server.shelf.write(FILE, &text("Written in the file, later."));
    server.take_over_the_book().await;
    for answer in ["take_file", "keep_this"] {
        let refused = editor.post(&form.action, &form.filled(&[], ("answer", answer))).await.expect(409);
        let words = html::words(&refused.text);
        assert!(words.contains("changed while you were reading") && words.contains("in the file, later"), "{words}");
    }
    assert_eq!(server.json(SLUG).await["version"], 2);
    assert_eq!(read(&server, FILE), text("Written in the file, later."));
}

async fn who_may_not_edit_settles_nothing(server: TestServer) {
    in_conflict(&server).await;
    let viewer = server.operator().await;
    assert!(html::forms(&viewer.page(SLUG).await, &format!("{SLUG}/settle")).is_empty());
    let file = fingerprint(&text("Written in the file."));
    let answer = [("answer", "take_file"), ("version", "2"), ("file", &file)];
    viewer.post(&format!("{SLUG}/settle"), &answer).await.expect(403);
    for path in ["write-again", "retire"] {
        viewer.post(&format!("{SLUG}/{path}"), &[]).await.expect(403);
    }
    viewer.get(&format!("{SLUG}/settle")).await.expect(403);
    assert_eq!(server.json(SLUG).await["version"], 2);
}

async fn a_disk_that_refuses_loses_nothing_and_is_tried_again(server: TestServer) {
    let server = server.restarted("08:05", |settings| settings.broken_disk = Some(ErrorKind::StorageFull)).await;
    save(&server.editor().await, 1, &text("New."), "x").await;
    let runbook = server.json(SLUG).await;
    assert_eq!((&runbook["version"], &runbook["file"]["state"]), (&json!(2), &json!("waiting")));
    let told = format!("The file {FILE} could not be written: the disk is full.");
    for path in [SLUG, "/sources"] {
        let page = words(&server, path).await;
        assert!(page.contains(&told), "{path}: {page}");
    }
    // Reading the file, which is as it was, takes nothing back.
    server.take_over_the_book().await;
    assert!(words(&server, SLUG).await.contains("New."));
    assert_eq!(read(&server, FILE), erp_refuses_orders().markdown());
    // A start with a disk that works again.
    let server = server.restarted("08:30", |settings| settings.broken_disk = None).await;
    server.take_over_the_book().await;
    assert_eq!(read(&server, FILE), text("New."));
    let runbook = server.json(SLUG).await;
    assert_eq!((&runbook["version"], &runbook["file"]["problem"]), (&json!(2), &json!(null)));
    // A folder that became a file is a disk that refuses, too.
    std::fs::create_dir(server.shelf.folder().join(format!(".{FILE}.watchbook"))).unwrap();
    save(&server.editor().await, 2, &text("Newer."), "x").await;
    assert!(words(&server, SLUG).await.contains("could not be written"));
    std::fs::remove_dir(server.shelf.folder().join(format!(".{FILE}.watchbook"))).unwrap();
    server.take_over_the_book().await;
    assert_eq!(read(&server, FILE), text("Newer."));
}

async fn a_read_only_folder_is_said_once_and_versions_are_kept(server: TestServer) {
    let server = server.restarted("08:05", |settings| settings.broken_disk = Some(ErrorKind::ReadOnlyFilesystem)).await;
    save(&server.editor().await, 1, &text("New."), "x").await;
    let runbook = server.json(SLUG).await;
    assert_eq!((&runbook["version"], &runbook["file"]["state"]), (&json!(2), &json!("read_only")));
    let page = words(&server, SLUG).await;
    assert!(page.contains("this version is kept in the database alone") && !page.contains("could not"), "{page}");
    let sources = words(&server, "/sources").await;
    assert!(sources.contains("is kept in the database alone, because files cannot be written in the folder of the book: the folder is read-only."), "{sources}");
    // The runbooks whose texts are in their files say nothing of it.
    assert!(!words(&server, "/runbooks/stock-runs-low").await.contains("database alone"));
    // A file that changes there is a conflict, and taking it works.
    server.shelf.write(FILE, &text("Rolled out."));
    server.take_over_the_book().await;
    let editor = server.editor().await;
    let form = answer_form(&editor).await;
    editor.post(&form.action, &form.filled(&[], ("answer", "take_file"))).await.expect(303);
    assert_eq!(server.json(SLUG).await["file"]["state"], "written");
}

async fn in_the_middle_of_a_merge_a_text_waits(server: TestServer) {
    let git = Git::around(&server).await;
    let editor = server.editor().await;
    git.stop_in_a_merge(&text("Ours."), &text("Theirs."));
    let stock = read(&server, "stock-runs-low.md");
    let fields = [("base", "1"), ("text", &*stock.replace("Order more", "Order much more")), ("why", "More")];
    editor.post("/runbooks/stock-runs-low/edit", &fields).await.expect(303);
    let page = words(&server, "/runbooks/stock-runs-low").await;
    assert!(page.contains("git is in the middle of a merge in the folder of the book"), "{page}");
    assert!(page.contains("Order much more"), "{page}");
    assert_eq!(read(&server, "stock-runs-low.md"), stock);
    git.run(&["merge", "--abort"]);
    server.take_over_the_book().await;
    assert_eq!(read(&server, "stock-runs-low.md"), fields[1].1);
    assert_eq!(git.run(&["log", "-1", "--format=%s"]), "More");
    assert_eq!(server.json("/runbooks/stock-runs-low").await["file"]["problem"], json!(null));
}

async fn marks_of_git_are_not_taken_over_in_the_middle_of_a_merge(server: TestServer) {
    let git = Git::around(&server).await;
    git.stop_in_a_merge(&text("Ours."), &text("Theirs."));
    assert!(read(&server, FILE).contains("<<<<<<<"));
    server.take_over_the_book().await;
    let runbook = server.json(SLUG).await;
    assert_eq!(runbook["version"], 1, "{runbook}");
    let page = words(&server, SLUG).await;
    assert!(page.contains("is in the middle of a merge, and is taken over when that is finished"), "{page}");
    server.shelf.write(FILE, &text("Both."));
    git.commit("Both are right");
    server.take_over_the_book().await;
    let runbook = server.json(SLUG).await;
    assert_eq!((&runbook["version"], &runbook["why"]), (&json!(2), &json!("Both are right")));
    assert_eq!(runbook["file"]["problem"], json!(null));
}

async fn a_file_is_written_while_git_is_locked_and_committed_after(server: TestServer) {
    let git = Git::around(&server).await;
    let lock = git.0.join(".git/index.lock");
    std::fs::write(&lock, "").unwrap();
    save(&server.editor().await, 1, &text("New."), "First").await;
    assert_eq!(read(&server, FILE), text("New."));
    let page = words(&server, SLUG).await;
    assert!(page.contains("is written but could not be committed: another git command is at work there"), "{page}");
    // Another text meanwhile, by somebody else: one commit has both.
    save(&server.admin().await, 2, &text("Newer."), "Second").await;
    std::fs::remove_file(&lock).unwrap();
    let server = server.restarted("08:30", |_| {}).await;
    server.take_over_the_book().await;
    assert_eq!(git.run(&["log", "-1", "--format=%an: %s"]), "admin: Second");
    let body = git.run(&["log", "-1", "--format=%b"]);
    assert!(body.contains("With version 2 by editor: First"), "{body}");
    assert!(body.contains("Co-authored-by: editor <editor@watchbook.invalid>"), "{body}");
    assert_eq!(server.json(SLUG).await["file"]["problem"], json!(null));
    assert_eq!(git.run(&["status", "--porcelain"]), "");
}

async fn a_runbook_whose_file_is_gone_is_written_again(server: TestServer) {
    let git = Git::around(&server).await;
    git.run(&["rm", "--quiet", FILE]);
    git.commit("Not needed");
    server.at("08:10");
    server.take_over_the_book().await;
    let runbook = server.json(SLUG).await;
    assert_eq!((&runbook["version"], &runbook["file"]["state"]), (&json!(1), &json!("gone")));
    assert_eq!(runbook["file"]["gone_at"], "2026-06-04T08:10:00Z");
    assert!(words(&server, SLUG).await.contains("Its file is gone since 08:10"));
    // What is saved meanwhile does not make the file again: that is to be said.
    let editor = server.editor().await;
    save(&editor, 1, &text("New."), "x").await;
    server.take_over_the_book().await;
    assert!(!server.shelf.folder().join(FILE).exists());
    editor.post(&format!("{SLUG}/write-again"), &[]).await.expect(303);
    assert_eq!(audited(&server).await, json!(["editor", "write_again", "runbook:erp-refuses-orders"]));
    assert_eq!(read(&server, FILE), text("New."));
    assert_eq!(git.run(&["show", "--format=", "--name-status", "HEAD"]), format!("A\t{FILE}"));
    assert_eq!(server.json(SLUG).await["file"]["state"], "written");
}

async fn a_runbook_whose_file_is_gone_is_retired_and_stays_readable(server: TestServer) {
    let editor = server.editor().await;
    // Not while its file is there.
    editor.post(&format!("{SLUG}/retire"), &[]).await.expect(303);
    assert!(words(&server, "/runbooks").await.contains("ERP refuses orders"));
    save(&editor, 1, &text("New."), "x").await;
    std::fs::remove_file(server.shelf.folder().join(FILE)).unwrap();
    server.take_over_the_book().await;
    server.at("08:10");
    editor.post(&format!("{SLUG}/retire"), &[]).await.expect(303);
    assert_eq!(audited(&server).await, json!(["editor", "retire_runbook", "runbook:erp-refuses-orders"]));
    for (path, list) in [("/runbooks", "items"), ("/reviews", "items")] {
        let listed = server.json(path).await[list].to_string();
        assert!(!listed.contains("erp-refuses-orders"), "{path}: {listed}");
    }
    assert!(!words(&server, "/find?q=refuses").await.contains("ERP refuses orders"));
    assert_eq!(server.json(SLUG).await["retired"], json!(["2026-06-04T08:10:00Z", "editor"]));
    let page = words(&server, SLUG).await;
    assert!(page.contains("This runbook is retired. Do not follow it.") && page.contains("New."), "{page}");
    let old = words(&server, &format!("{SLUG}/versions/1")).await;
    assert!(old.contains("This runbook is retired.") && old.contains("The ERP is old."), "{old}");
    for path in ["history", "compare?from=1&to=2"] {
        words(&server, &format!("{SLUG}/{path}")).await;
    }
    editor.get(&format!("{SLUG}/edit")).await.expect(404);
    let new = [("slug", "erp-refuses-orders"), ("text", "x"), ("why", "x"), ("action", "save")];
    let refused = editor.post("/runbooks/new", &new).await.expect(422);
    assert!(html::words(&refused.text).contains("is retired. Choose another name"));
    // It stays so.
    server.take_over_the_book().await;
    let server = server.restarted("08:30", |_| {}).await;
    assert!(server.json(SLUG).await["retired"].is_array());
}

async fn a_link_to_a_retired_runbook_says_that_it_is_retired(server: TestServer) {
    let text = "---\ntitle: See also\nfor: [component:stock-db]\n---\n\n## Now\n\nSee [that](runbook:erp-refuses-orders#do-this-now).\n";
    server.shelf.write("see-also.md", text);
    server.take_over_the_book().await;
    let editor = server.editor().await;
    std::fs::remove_file(server.shelf.folder().join(FILE)).unwrap();
    server.take_over_the_book().await;
    editor.post(&format!("{SLUG}/retire"), &[]).await.expect(303);
    let says = "(runbook \"erp-refuses-orders\" is retired)";
    let page = words(&server, "/runbooks/see-also").await;
    assert!(page.contains(&format!("See that {says}")) && page.contains("A link in it leads nowhere"), "{page}");
    // So it is said where a step leads there, in what nobody has written yet, and to who writes the text.
    let page = words(&server, "/workflows/order-to-erp").await;
    assert!(page.contains(&format!("What to do {says}")), "{page}");
    let page = words(&server, "/coverage").await;
    assert!(page.contains("what a person does leads nowhere, runbook \"erp-refuses-orders\" is retired."), "{page}");
    let piece = editor.post("/runbooks/see-also/preview", &[("base", "1"), ("text", text)]).await.expect(200);
    let piece = html::words(&piece.text);
    assert!(
        piece.contains(": runbook \"erp-refuses-orders\" is retired.") && !piece.contains("does not exist"),
        "{piece}"
    );
}

async fn a_retired_runbook_is_put_in_use_again(server: TestServer) {
    let editor = server.editor().await;
    let retire = async || {
        std::fs::remove_file(server.shelf.folder().join(FILE)).unwrap();
        server.take_over_the_book().await;
        editor.post(&format!("{SLUG}/retire"), &[]).await.expect(303);
        assert!(server.json(SLUG).await["retired"].is_array());
    };
    retire().await;
    editor.post(&format!("{SLUG}/write-again"), &[]).await.expect(303);
    assert_eq!(server.json(SLUG).await["file"]["state"], "written");
    assert_eq!(read(&server, FILE), erp_refuses_orders().markdown());
    // So does a file that is there again.
    retire().await;
    server.shelf.write(FILE, &text("Again."));
    server.take_over_the_book().await;
    let runbook = server.json(SLUG).await;
    assert_eq!((&runbook["version"], &runbook["file"]["state"]), (&json!(2), &json!("written")));
}

async fn a_file_that_moves_stays_the_same_runbook(server: TestServer) {
    let git = Git::around(&server).await;
    std::fs::create_dir(server.shelf.folder().join("guides")).unwrap();
    git.run(&["mv", FILE, "guides/"]);
    git.commit("Tidy");
    // Saved before anybody has looked: not written to the old place.
    save(&server.editor().await, 1, &text("New."), "Newer").await;
    assert!(!server.shelf.folder().join(FILE).exists());
    server.take_over_the_book().await;
    let runbook = server.json(SLUG).await;
    assert_eq!((&runbook["version"], &runbook["file"]["path"]), (&json!(2), &json!("guides/erp-refuses-orders.md")));
    assert_eq!(read(&server, "guides/erp-refuses-orders.md"), text("New."));
    assert_eq!(git.run(&["log", "-1", "--format=%s"]), "Newer");
}

async fn the_page_of_sources_says_whether_files_are_written(server: TestServer) {
    let plain = "What is saved here is written to the files of the book. They are under no version control.";
    assert!(words(&server, "/sources").await.contains(plain));
    let git = Git::around(&server).await;
    let server = server.restarted("08:05", |_| {}).await;
    let folder = server.json("/sources").await["folder"].clone();
    assert_eq!((&folder["written"], &folder["branch"], &folder["waiting"]), (&json!(true), &json!("main"), &json!([])));
    assert!(words(&server, "/sources").await.contains("committed to its git work tree, on the branch main."));
    git.run(&["checkout", "--quiet", "--detach"]);
    save(&server.editor().await, 1, &text("New."), "x").await;
    assert!(words(&server, "/sources").await.contains("because no branch is checked out there"));
    assert!(words(&server, SLUG).await.contains("so a commit would be lost"));
    assert_eq!(read(&server, FILE), text("New."));
}

async fn who_watches_the_folder_writes_what_waits(server: TestServer) {
    let blocked = server.shelf.folder().join(format!(".{FILE}.watchbook"));
    std::fs::create_dir(&blocked).unwrap();
    save(&server.editor().await, 1, &text("New."), "x").await;
    assert_eq!(read(&server, FILE), erp_refuses_orders().markdown());
    std::fs::remove_dir(&blocked).unwrap();
    let watching = tokio::spawn(watchbook::book::watch(server.app.clone()));
    let path: &Path = &server.shelf.folder().join(FILE);
    server
        .until(|| {
            // Whoever is told of the book looks whether anything waits.
            server.app.live.changed([Topic::Book].into());
            std::fs::read_to_string(path).is_ok_and(|now| now == text("New."))
        })
        .await;
    watching.abort();
}
