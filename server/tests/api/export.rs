//! The export: plain files that tell what was so, whether the portal runs or not.

use std::fs;
use std::path::Path;

use serde_json::json;
use watchbook::App;
use watchbook::clock::Clock;
use watchbook::config::{Database, Serve};
use watchbook::export::export;

use crate::support::shelf::push_with;
use crate::support::{TestServer, With, at, html, on_both_databases, step};

on_both_databases![
    every_runbook_is_a_file_that_says_when_it_is_of_and_what_is_doubted,
    a_link_to_a_part_is_its_name_its_state_and_its_id_and_one_to_a_runbook_is_a_file,
    a_stopped_portal_is_exported_from_its_database_alone,
    an_export_takes_the_place_of_the_one_before_and_of_nothing_else,
];

fn read(dir: &Path, file: &str) -> String {
    fs::read_to_string(dir.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

async fn every_runbook_is_a_file_that_says_when_it_is_of_and_what_is_doubted(server: TestServer) {
    let editor = server.editor().await;
    let page = editor.page("/reviews/erp-refuses-orders").await;
    let form = html::forms(&page, "/reviews/erp-refuses-orders");
    let form = form.iter().find(|f| f.get("section") == Some("do-this-now")).unwrap();
    let fields = ["section", "version", "seen"].map(|name| (name, form.get(name).unwrap_or_default()));
    let mut fields = fields.to_vec();
    fields.push(("answer", "reviewed"));
    editor.post("/reviews/erp-refuses-orders", &fields).await.expect(303);
    server.shelf.push_is_now(push_with("5m", 6));
    server.take_over_the_book().await;
    server.at("08:10");
    let dir = server.folder().join("export");
    let told = export(&server.app, &dir).await.unwrap();
    assert!(told.starts_with("3 runbooks as of 2026-06-04 08:10:00 UTC"), "{told}");
    let page = read(&dir, "runbooks/erp-refuses-orders.html");
    let words = html::words(&page);
    assert!(words.contains("As of 2026-06-04 08:10:00 UTC. This is a copy: it may have changed since."), "{words}");
    assert!(words.contains("number of tries was 3, is 6"), "{words}");
    assert!(words.contains("Words that hold the old value: \u{201c}3 times\u{201d}."), "{words}");
    assert!(words.contains("This section may be wrong. Check before you act."), "{words}");
    assert!(words.contains("at that time 6"), "the fact does not hold: {words}");
    for outside in ["<script", "<link", "<img", "src=", " style="] {
        assert!(!page.contains(outside), "{outside} in {page}");
    }
    let source = read(&dir, "runbooks/erp-refuses-orders.md");
    assert_eq!(source, fs::read_to_string(server.shelf.folder().join("erp-refuses-orders.md")).unwrap());
    for index in [html::words(&read(&dir, "index.html")), read(&dir, "index.md")] {
        assert!(index.contains("As of 2026-06-04 08:10:00 UTC") && index.contains("Order to ERP"), "{index}");
        assert!(index.contains("Check needed (3 sections)"), "{index}");
    }
}

async fn a_link_to_a_part_is_its_name_its_state_and_its_id_and_one_to_a_runbook_is_a_file(server: TestServer) {
    let text = "---\ntitle: Way out\nfor: [workflow:order-to-erp]\n---\n\n## Now\n\nLook at [it](workflow:order-to-erp), \
        then [read on](runbook:erp-refuses-orders#background), or [the list](/workflows).\n\n\
        ![Orders](live:state/order-to-erp)\n";
    server.shelf.write("way-out.md", text);
    server.take_over_the_book().await;
    let failed = step("1", "push", "failed", "08:00").with("attempt", 3).with("error", json!({"code": "503"}));
    server.post_events(failed).await;
    let dir = server.folder().join("export");
    export(&server.app, &dir).await.unwrap();
    let page = read(&dir, "runbooks/way-out.html");
    let words = html::words(&page);
    assert!(words.contains("Look at it (Order to ERP, Broken, workflow:order-to-erp)"), "{words}");
    assert!(words.contains("the list (/workflows)"), "{words}");
    assert!(words.contains("Orders: Broken") && words.contains("(at 2026-06-04 08:00:00 UTC)"), "{words}");
    assert!(page.contains("href=\"erp-refuses-orders.html#background\""), "{page}");
    assert!(read(&dir, "runbooks/erp-refuses-orders.html").contains("id=\"background\""));
    let workflow = html::words(&read(&dir, "workflows/order-to-erp.html"));
    assert!(workflow.contains("Broken") && workflow.contains("Orders must be in the ERP"), "{workflow}");
    assert!(workflow.contains("Fails as erp-refuses (503)") && workflow.contains("What happens if it fails?"));
}

async fn a_stopped_portal_is_exported_from_its_database_alone(server: TestServer) {
    let database_url = server.database_url().to_owned();
    let dir = server.folder().join("export");
    server.app.db.close().await;
    let settings = Serve { database: Database { database_url }, book: "nowhere".into(), ..Serve::quiet() };
    let app = App::to_read(settings, Clock::fixed(at("09:00"))).await.unwrap();
    export(&app, &dir).await.unwrap();
    app.db.close().await;
    assert!(html::words(&read(&dir, "runbooks/erp-refuses-orders.html")).contains("As of 2026-06-04 09:00:00 UTC"));
}

async fn an_export_takes_the_place_of_the_one_before_and_of_nothing_else(server: TestServer) {
    let dir = server.folder().join("files");
    fs::create_dir(&dir).unwrap();
    fs::write(dir.join("cat.jpg"), "cat").unwrap();
    assert!(export(&server.app, &dir).await.unwrap_err().contains("is not empty and is no export"));
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 1);
    fs::remove_file(dir.join("cat.jpg")).unwrap();
    export(&server.app, &dir).await.unwrap();
    fs::write(dir.join("runbooks/left-over.html"), "").unwrap();
    export(&server.app, &dir).await.unwrap();
    assert!(!dir.join("runbooks/left-over.html").exists());
    let beside = fs::read_dir(server.folder()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    assert_eq!(beside.filter(|name| name.starts_with(".files")).count(), 0, "nothing is left beside it");
}
