//! What holds for every page: it has a title, it runs only our own scripts, nothing that was sent to us is more than
//! text in it, and its links lead somewhere.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use crate::support::html::{self, Tag};
use crate::support::{Client, TestServer, With, encoded, on_both_databases, step};

on_both_databases![
    every_page_is_there_with_a_title_and_one_heading,
    every_page_runs_only_our_own_scripts,
    what_is_not_there_is_a_404_page_that_offers_find,
    what_is_not_there_is_a_problem_under_api,
    hostile_text_is_only_text_on_every_page,
    every_link_leads_somewhere,
    every_link_leads_somewhere_whatever_things_are_called,
    answers_tell_the_browser_to_guess_nothing,
];

const PAGES: [&str; 28] = [
    "/",
    "/workflows",
    "/workflows/order-to-erp",
    "/workflows/order-to-erp/runs",
    "/workflows/order-to-erp/runs?state=failed&step=push",
    "/runs/order-to-erp/10482",
    "/subjects/order/10482",
    "/components",
    "/components/erp-sync",
    "/components/erp?suppose=down",
    "/runbooks",
    "/runbooks/erp-refuses-orders",
    "/runbooks/erp-refuses-orders/history",
    "/runbooks/erp-refuses-orders/compare?from=1&to=1",
    "/runbooks/erp-refuses-orders/versions/1",
    "/runbooks/house-rules",
    "/reviews",
    "/reviews/erp-refuses-orders",
    "/reviews/house-rules",
    "/decisions",
    "/decisions/queue-before-erp",
    "/workarounds",
    "/workarounds/block-flag",
    "/sources",
    "/find",
    "/find?q=the",
    "/find?q=nothing-like-it",
    "/sign-in",
];

async fn something_happens(server: &TestServer) {
    let refused = json!({"code": "503", "message": "refused"});
    server.post_events(step("10482", "take", "succeeded", "07:59").with("subject", "order/10482")).await;
    server.post_events(step("10482", "push", "failed", "08:00").with("attempt", 3).with("error", refused)).await;
    server.post_events(step("10483", "push", "running", "08:00")).await;
    server.post_events(step("1", "knead", "running", "08:00").with("workflow", "bakery")).await;
    server.post_events(json!({"type": "queue", "queue": "erp-queue", "depth": 3})).await;
    server.send_events(&json!({"workflow": "w"})).await.expect(422);
}

async fn every_page_is_there_with_a_title_and_one_heading(server: TestServer) {
    something_happens(&server).await;
    let viewer = server.viewer().await;
    let mut titles = BTreeMap::new();
    for path in PAGES {
        let page = viewer.page(path).await;
        assert!(page.starts_with("<!DOCTYPE html>"), "{path}");
        let title = html::title(&page);
        assert!(title.ends_with(" · Watchbook") && title.len() > 15, "{path}: {title}");
        let tags = html::tags(&page);
        assert_eq!(tags.iter().filter(|t| t.name == "h1").count(), 1, "{path} has one h1");
        assert!(!html::heading(&page).is_empty(), "{path}");
        assert_eq!(tags.iter().find(|t| t.name == "html").and_then(|t| t.get("lang")), Some("en"), "{path}");
        let ids: Vec<_> = tags.iter().filter_map(|t| t.get("id")).collect();
        let once: BTreeSet<_> = ids.iter().collect();
        assert_eq!(once.len(), ids.len(), "{path} has an id twice: {ids:?}");
        titles.entry(title).or_insert_with(Vec::new).push(path);
    }
    let same: Vec<_> = titles.into_iter().filter(|(_, paths)| paths.len() > 1).collect();
    // The runs of a workflow are one list, however it is limited; the newest version is the runbook.
    assert_eq!(same.len(), 2, "{same:?}");
    server.editor().await.page("/runbooks/erp-refuses-orders/edit").await;
    server.editor().await.page("/runbooks/new").await;
}

/// What a page must not have in any tag.
fn assert_harmless(tags: &[Tag], nonce: &str, path: &str) {
    for tag in tags {
        for (name, value) in &tag.attributes {
            assert!(name != "style", "{path}: style=\"{value}\" in <{}>", tag.name);
            assert!(!name.starts_with("on"), "{path}: {name}=\"{value}\" in <{}>", tag.name);
            let address = matches!(name.as_str(), "href" | "src" | "action" | "formaction");
            let start = value.trim().to_ascii_lowercase();
            assert!(!(address && start.starts_with("javascript:")), "{path}: {name}=\"{value}\"");
        }
        match tag.name.as_str() {
            "script" => assert_eq!(tag.get("nonce"), Some(nonce), "{path}: a script without the nonce"),
            "style" | "iframe" | "object" | "embed" | "base" => panic!("{path}: <{}>", tag.name),
            _ => {}
        }
    }
}

/// The nonce of a page's policy, which allows nothing but what is ours.
fn nonce(policy: &str) -> String {
    let nonce = policy.split("'nonce-").nth(1).and_then(|rest| rest.split('\'').next()).expect("a nonce");
    assert_eq!(
        policy.replace(nonce, "N"),
        "default-src 'none'; script-src 'self' 'nonce-N' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; \
         connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    );
    nonce.to_owned()
}

async fn harmless(client: &Client, path: &str) -> (u16, String, String) {
    let answer = client.get(path).await;
    let nonce = nonce(answer.header("content-security-policy"));
    assert_harmless(&html::tags(&answer.text), &nonce, path);
    (answer.status, answer.text, nonce)
}

async fn every_page_runs_only_our_own_scripts(server: TestServer) {
    something_happens(&server).await;
    let editor = server.editor().await;
    let mut nonces = BTreeSet::new();
    let more = ["/runbooks/new", "/runbooks/erp-refuses-orders/edit", "/nothing", "/runs/order-to-erp/none"];
    for path in PAGES.into_iter().chain(more) {
        let (_, page, nonce) = harmless(&editor, path).await;
        assert!(html::tags(&page).iter().any(|t| t.name == "script"), "{path} has its script");
        assert!(nonce.len() >= 16, "{nonce}");
        assert!(nonces.insert(nonce), "a nonce is for one answer");
    }
    // What is no page may do nothing at all.
    let policy = editor.get("/api/v1/now").await;
    assert!(policy.header("content-security-policy").starts_with("default-src 'none'; base-uri 'none'"));
}

async fn what_is_not_there_is_a_404_page_that_offers_find(server: TestServer) {
    let viewer = server.viewer().await;
    for path in [
        "/nothing",
        "/nothing/at/all",
        "/workflows/none",
        "/workflows/none/runs",
        "/runs/order-to-erp/none",
        "/runs/none/none",
        "/subjects/order/none",
        "/subjects/-/none",
        "/subjects/order/%00",
        "/components/none",
        "/runbooks/none",
        "/runbooks/none/history",
        "/runbooks/erp-refuses-orders/versions/7",
        "/reviews/none",
        "/workflows/%00",
        "/runs/order-to-erp/%00",
        "/workflows/%F0%9F%8D%95",
    ] {
        let (status, page, _) = harmless(&viewer, path).await;
        assert_eq!(status, 404, "{path}");
        assert!(!html::forms(&page, "/find").is_empty(), "{path}");
        assert!(html::heading(&page).starts_with("There is no "), "{path}");
    }
}

async fn what_is_not_there_is_a_problem_under_api(server: TestServer) {
    let reader = server.program(&server.read);
    for path in [
        "/nothing",
        "/workflows/none",
        "/workflows/none/runs",
        "/workflows/%00",
        "/runs/order-to-erp/none",
        "/runs/order-to-erp/%00",
        "/subjects/order/none",
        "/subjects/order/%00",
        "/components/none",
        "/runbooks/none",
        "/runbooks/none/versions",
        "/runbooks/erp-refuses-orders/versions/7",
    ] {
        reader.get(&format!("/api/v1{path}")).await.problem(404);
    }
}

/// What somebody may send to be more than text.
const HOSTILE: [&str; 7] = [
    "<script>alert(1)</script>\"'",
    "\"><img src=x onerror=alert(2)>",
    "' onmouseover='alert(3)' x='",
    "</textarea></title></script><b>4</b>",
    "javascript:alert(5)",
    "<!-- --><svg/onload=alert(6)>&lt;&amp;",
    "{{7*7}}${7*7}\u{202e}",
];

async fn hostile_things_happen(server: &TestServer) -> Vec<String> {
    let mut paths = Vec::new();
    for (i, text) in HOSTILE.into_iter().enumerate() {
        let error = json!({"code": text, "message": text});
        server
            .post_events(json!([
                {"workflow": text, "run": text, "step": text, "state": "failed", "error": error, "subject": text,
                    "source": text, "time": "2026-06-04T08:00:00Z", text: text},
                {"workflow": text, "run": text, "step": format!("{text} 2"), "state": "waiting", "waiting_on": text,
                    "source": text, "time": "2026-06-04T08:00:01Z"},
                step(&format!("run {i}"), "push", "failed", "08:00").with("attempt", 3).with("error", text).with("source", text),
                {"type": "queue", "queue": "erp-queue", "depth": i, "note": text, "source": text},
                {"type": "queue", "queue": text, "depth": i, "oldest": "5m", "source": text},
                {"type": "signal", "name": format!("check {text}"), "state": "fail", "rid": text, "error": text},
                {"type": "change", "component": "erp-sync", "version": text, "what": text, "by": text, "link": text,
                    "source": text},
            ]))
            .await;
        server
            .send_events(&json!({"workflow": text, "run": text, "step": text, "state": text, "source": text}))
            .await
            .expect(422);
        paths.push(format!("/workflows/{}", encoded(text)));
        paths.push(format!("/workflows/{}/runs", encoded(text)));
        paths.push(format!("/workflows/{}/runs?step={}", encoded(text), encoded(text)));
        paths.push(format!("/runs/{}/{}", encoded(text), encoded(text)));
        paths.push(format!("/components/{}", encoded(text)));
        paths.push(format!("/subjects/-/{}", encoded(text)));
        paths.push(format!("/find?q={}", encoded(text)));
        paths.push(format!("/find?q={}", encoded(&format!("{text} "))));
        paths.push(format!("/nothing/{}", encoded(text)));
        paths.push(format!("/runbooks/{}", encoded(text)));
        paths.push(format!("/sign-in?next=/{}", encoded(text)));
        paths.push(format!("/workflows/order-to-erp/runs?state={}", encoded(text)));
    }
    paths
}

async fn hostile_text_is_only_text_on_every_page(server: TestServer) {
    let paths = hostile_things_happen(&server).await;
    let editor = server.editor().await;
    // A page with everything in it is as harmless as one without, and has the text as text.
    for path in PAGES.iter().map(|p| (*p).to_owned()).filter(|p| !p.contains("10482")).chain(paths) {
        let (status, page, nonce) = harmless(&editor, &path).await;
        assert!([200, 303, 404, 422].contains(&status), "{path}: {status}");
        assert!(!page.contains("<script>alert(1)"), "{path}");
        let tags = html::tags(&page);
        assert!(tags.iter().all(|t| t.get("src") != Some("x") && t.get("onload").is_none()), "{path}");
        let scripts: Vec<_> = tags.iter().filter(|t| t.name == "script").collect();
        assert!(scripts.iter().all(|s| s.get("nonce") == Some(nonce.as_str())), "{path}");
    }
    for text in [HOSTILE[0], HOSTILE[3]] {
        let page = editor.page(&format!("/workflows/{}", encoded(text))).await;
        assert_eq!(html::heading(&page), text);
        let page = editor.page(&format!("/runs/{}/{}", encoded(text), encoded(text))).await;
        assert!(html::title(&page).contains(text), "{}", html::title(&page));
        assert!(html::words(&editor.page("/sources").await).contains(text));
    }
    // A text that was typed comes back as it was typed.
    let typed = format!("---\ntitle: Hostile\nfor: []\n---\n\n## A\n\n{}\n", HOSTILE.join("\n\n"));
    let preview = [("slug", "hostile"), ("text", typed.as_str()), ("why", HOSTILE[0]), ("action", "preview")];
    let answer = editor.post("/runbooks/new", &preview).await.expect(200);
    assert_harmless(&html::tags(&answer.text), &nonce(answer.header("content-security-policy")), "preview");
    let form = &html::forms(&answer.text, "/runbooks/new")[0];
    assert_eq!((form.get("text"), form.get("why")), (Some(typed.as_str()), Some(HOSTILE[0])));
    let save = [("slug", "hostile"), ("text", typed.as_str()), ("why", HOSTILE[0]), ("action", "save")];
    editor.post("/runbooks/new", &save).await.expect(303);
    for path in
        ["/runbooks", "/runbooks/hostile", "/runbooks/hostile/history", "/runbooks/hostile/compare", "/reviews/hostile"]
    {
        assert_eq!(harmless(&editor, path).await.0, 200, "{path}");
    }
    // Pictures of the stream go into pages as they are.
    let mut stream = editor.stream("/live?topics=sources").await;
    let mut read = Vec::new();
    while !read.ends_with(b"\n\n") {
        read.extend(stream.chunk().await.unwrap().expect("a whole picture"));
    }
    let read = String::from_utf8(read).unwrap();
    let data = read.split_once("data: ").unwrap().1;
    let picture: serde_json::Value = serde_json::from_str(data.trim()).unwrap();
    for (block, page) in picture["blocks"].as_object().unwrap() {
        assert_harmless(&html::tags(page.as_str().unwrap()), "none", block);
    }
}

/// Follows every link from `/`; each must lead to a page, and to a place on it.
async fn follow_every_link(server: &TestServer) {
    let viewer = server.viewer().await;
    let mut waiting = vec![("/".to_owned(), String::new())];
    let mut pages: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut places: Vec<(String, String, String)> = Vec::new();
    let mut wrong = Vec::new();
    while let Some((path, from)) = waiting.pop() {
        if pages.contains_key(&path) {
            continue;
        }
        let mut answer = viewer.get(&path).await;
        // Find goes straight to a thing whose id was asked for.
        if answer.status == 303 && path.starts_with("/find") {
            answer = viewer.get(answer.header("location")).await;
        }
        let is_there = answer.status == 200 || answer.status == 403 && path.contains("/new");
        if !is_there {
            wrong.push(format!("{from} links to {path}: {}", answer.status));
        }
        let tags = html::tags(&answer.text);
        pages.insert(path.clone(), tags.iter().filter_map(|t| t.get("id").map(str::to_owned)).collect());
        if answer.header("content-type").starts_with("text/html") {
            for tag in tags.iter().filter(|t| t.name == "a" || t.name == "form" && t.get("method") == Some("get")) {
                let link = tag.get("href").or(tag.get("action")).unwrap_or_default();
                let (target, place) = link.split_once('#').unwrap_or((link, ""));
                if link.starts_with("http://") || link.starts_with("https://") || link.starts_with("mailto:") {
                    continue;
                }
                let target = if target.is_empty() { path.as_str() } else { target };
                if !target.starts_with('/') {
                    wrong.push(format!("{path} links to \"{link}\""));
                    continue;
                }
                waiting.push((target.to_owned(), path.clone()));
                if !place.is_empty() {
                    places.push((path.clone(), target.to_owned(), place.to_owned()));
                }
            }
        }
    }
    let decoded = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    for (from, target, place) in places {
        let ids = &pages[&target];
        if !target.starts_with("/find") && !ids.contains(&place) && !ids.contains(&decoded(&place)) {
            wrong.push(format!("{from} links to {target}#{place}, and there is no such place"));
        }
    }
    wrong.sort();
    wrong.dedup();
    assert!(wrong.is_empty(), "{} of {} pages are linked wrongly:\n{}", wrong.len(), pages.len(), wrong.join("\n"));
    assert!(pages.len() > 20, "{:?}", pages.keys());
}

async fn every_link_leads_somewhere(server: TestServer) {
    something_happens(&server).await;
    follow_every_link(&server).await;
}

async fn every_link_leads_somewhere_whatever_things_are_called(server: TestServer) {
    for name in ["a/b", "50%", "a b", "ä?b#c", "a&b=c", "a+b", "\"q'"] {
        server
            .post_events(json!([
                {"workflow": name, "run": name, "step": name, "state": "failed", "subject": name, "source": name,
                    "error": {"code": "503"}, "time": "2026-06-04T08:00:00Z"},
                {"workflow": name, "run": name, "step": format!("{name} 2"), "state": "running", "time": "2026-06-04T08:00:01Z"},
                step(name, name, "running", "08:00").with("subject", name),
            ]))
            .await;
    }
    follow_every_link(&server).await;
}

async fn answers_tell_the_browser_to_guess_nothing(server: TestServer) {
    let viewer = server.viewer().await;
    for path in ["/", "/api/v1/now", "/nothing", "/sign-in"] {
        let answer = viewer.get(path).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "same-origin", "{path}");
    }
    assert_eq!(viewer.get("/").await.header("cache-control"), "private, no-cache");
}
