//! People: signing in and out, what each role may do, and that nobody gets in by another way.

use std::sync::Arc;

use app::model::status::Role;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use serde_json::json;

use crate::support::{Client, PASSWORD, PATIENCE, TestServer, at, form, html, on_both_databases, step};

on_both_databases![
    a_stranger_is_sent_to_sign_in_and_comes_back,
    signing_in_leads_to_no_other_site,
    a_stranger_gets_401_from_json_and_from_the_stream,
    a_wrong_password_is_422_with_the_name_kept,
    a_name_is_known_in_any_case,
    everybody_reads_where_that_is_wished_and_nobody_writes,
    a_form_from_another_site_is_403,
    the_session_cookie_is_for_this_site_alone,
    signing_in_gives_a_new_session,
    a_request_that_was_on_its_way_takes_no_new_session_away,
    a_session_that_was_signed_out_is_worth_nothing,
    a_session_ends_after_twelve_hours_without_a_request,
    a_session_outlives_a_restart,
    a_made_up_session_is_nobody,
    a_page_offers_only_what_the_role_may_do,
    the_demo_door_is_shut_without_the_demo,
    a_flood_of_sign_ins_leaves_events_flowing,
];

async fn a_stranger_is_sent_to_sign_in_and_comes_back(server: TestServer) {
    server.account("ada", Role::Viewer).await;
    let client = server.stranger();
    let asked = "/workflows/order-to-erp/runs?state=open&step=push";
    let away = client.get(asked).await.expect(303);
    assert_eq!(away.header("location"), "/sign-in?next=/workflows/order-to-erp/runs%3Fstate%3Dopen%26step%3Dpush");
    let page = client.page(away.header("location")).await;
    let sign_in = html::forms(&page, "/sign-in").remove(0);
    assert_eq!(sign_in.get("next"), Some(asked));
    let mut sent: Vec<(&str, &str)> = vec![("name", "ada"), ("password", PASSWORD)];
    sent.push(("next", sign_in.get("next").unwrap()));
    let back = client.post("/sign-in", &sent).await.expect(303);
    assert_eq!(back.header("location"), asked);
    client.page(asked).await;
    assert_eq!(server.stranger().get("/").await.expect(303).header("location"), "/sign-in");
}

async fn signing_in_leads_to_no_other_site(server: TestServer) {
    server.account("ada", Role::Viewer).await;
    for next in
        ["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)", "/\t/evil.example"]
    {
        let client = server.stranger();
        let sent = [("name", "ada"), ("password", PASSWORD), ("next", next)];
        assert_eq!(client.post("/sign-in", &sent).await.expect(303).header("location"), "/", "{next}");
    }
}

async fn a_stranger_gets_401_from_json_and_from_the_stream(server: TestServer) {
    for path in [
        "/api/v1/now",
        "/api/v1/workflows",
        "/api/v1/runbooks/erp-refuses-orders",
        "/api/v1/events",
        "/live?topics=now",
    ] {
        let answer = server.stranger().get(path).await;
        assert_eq!(answer.header("www-authenticate"), "Bearer", "{path}");
        answer.problem(401);
        let answer = server.program("wb_nonsense").get(path).await.problem(401);
        assert_eq!(answer["detail"], "This token is not known.", "{path}");
    }
    for open in ["/health", "/ready", "/sign-in"] {
        server.stranger().get(open).await.expect(200);
    }
    // The numbers tell what workflows there are.
    assert_eq!(server.stranger().get("/metrics").await.status, 401);
    let numbers = server.program(&server.read).get("/metrics").await.expect(200);
    assert!(numbers.text.contains("watchbook_events_accepted_total"), "{}", numbers.text);
    // Who is signed in reads JSON as well.
    server.viewer().await.get("/api/v1/now").await.expect(200);
}

async fn a_wrong_password_is_422_with_the_name_kept(server: TestServer) {
    server.account("ada", Role::Viewer).await;
    for name in ["ada", "nobody\"><b>"] {
        let client = server.stranger();
        let sent = [("name", name), ("password", "wrong horse"), ("next", "/sources")];
        let again = client.post("/sign-in", &sent).await.expect(422);
        assert!(html::words(&again.text).contains("That name and password do not belong together."));
        let sign_in = html::forms(&again.text, "/sign-in").remove(0);
        assert_eq!((sign_in.get("name"), sign_in.get("next")), (Some(name), Some("/sources")));
        assert_eq!(sign_in.get("password"), Some(""));
        assert_eq!(*client.cookie.lock().unwrap(), None, "no session is made");
    }
    server.stranger().sign_in("ada", &"x".repeat(10_000)).await.expect(422);
    server.stranger().sign_in("", "").await.expect(422);
}

async fn a_name_is_known_in_any_case(server: TestServer) {
    server.account("ada", Role::Viewer).await;
    server.stranger().sign_in(" Ada", PASSWORD).await.expect(303);
}

async fn everybody_reads_where_that_is_wished_and_nobody_writes(server: TestServer) {
    let server = server.restarted("08:00", |settings| settings.public_read = true).await;
    let stranger = server.stranger();
    for path in ["/", "/workflows/order-to-erp", "/runbooks/erp-refuses-orders", "/reviews", "/api/v1/now"] {
        stranger.get(path).await.expect(200);
    }
    let away = stranger.get("/runbooks/erp-refuses-orders/edit").await.expect(303);
    assert_eq!(away.header("location"), "/sign-in?next=/runbooks/erp-refuses-orders/edit");
    let sent = [("base", "1"), ("text", "Mine."), ("why", "x")];
    stranger.post("/runbooks/erp-refuses-orders/edit", &sent).await.expect(303);
    let answer = [("section", "do-this-now"), ("answer", "reviewed")];
    stranger.post("/reviews/erp-refuses-orders", &answer).await.expect(303);
    let body = step("1", "take", "running", "08:00").to_string();
    stranger.send("/api/v1/events", &[("content-type", "application/json")], body).await.problem(401);
    assert_eq!(server.json("/runbooks/erp-refuses-orders").await["version"], 1);
    // A wrong token is wrong even where none is needed.
    server.program("wb_nonsense").get("/api/v1/now").await.problem(401);
}

async fn a_form_from_another_site_is_403(server: TestServer) {
    let editor = server.editor().await;
    let path = "/runbooks/erp-refuses-orders/edit";
    let sent = [("base", "1"), ("text", "Mine."), ("why", "x")];
    for origin in ["https://evil.example", "null", "http://127.0.0.1:1"] {
        let problem = editor.post_from(origin, path, &sent).await.problem(403);
        assert_eq!(problem["title"], "This did not come from a page of Watchbook");
    }
    let kind = ("content-type", "application/x-www-form-urlencoded");
    editor.send(path, &[kind], form(&sent)).await.problem(403);
    let same = ("origin", server.base.as_str());
    editor.send(path, &[kind, same, ("sec-fetch-site", "cross-site")], form(&sent)).await.problem(403);
    for path in ["/sign-in", "/sign-out", "/reviews/erp-refuses-orders", "/runbooks/new"] {
        editor.post_from("https://evil.example", path, &[]).await.problem(403);
    }
    editor.page("/").await;
    assert_eq!(server.json("/runbooks/erp-refuses-orders").await["version"], 1);
    editor.send(path, &[kind, ("sec-fetch-site", "same-origin")], form(&sent)).await.expect(303);
}

async fn the_session_cookie_is_for_this_site_alone(server: TestServer) {
    server.account("ada", Role::Viewer).await;
    let parts = |cookie: &str| {
        let mut parts: Vec<_> = cookie.split("; ").skip(1).map(str::to_owned).collect();
        parts.retain(|p| !p.starts_with("Expires="));
        parts.sort();
        parts
    };
    let answer = server.stranger().sign_in("ada", PASSWORD).await;
    assert!(answer.header("set-cookie").starts_with("watchbook="));
    assert_eq!(parts(answer.header("set-cookie")), ["HttpOnly", "Max-Age=43200", "Path=/", "SameSite=Lax"]);
    let address = "https://watch.example.com";
    let server = server.restarted("08:00", |settings| settings.base_url = Some(address.to_owned())).await;
    let sent = [("name", "ada"), ("password", PASSWORD)];
    let answer = server.stranger().post_from(address, "/sign-in", &sent).await.expect(303);
    assert_eq!(parts(answer.header("set-cookie")), ["HttpOnly", "Max-Age=43200", "Path=/", "SameSite=Lax", "Secure"]);
}

fn with_cookie(server: &TestServer, cookie: &str) -> Client {
    let client = server.stranger();
    *client.cookie.lock().unwrap() = Some(cookie.to_owned());
    client
}

async fn signing_in_gives_a_new_session(server: TestServer) {
    let client = server.viewer().await;
    let before = client.cookie.lock().unwrap().clone().unwrap();
    client.sign_in("viewer", PASSWORD).await.expect(303);
    let after = client.cookie.lock().unwrap().clone().unwrap();
    assert_ne!(before, after);
    with_cookie(&server, &after).get("/").await.expect(200);
    with_cookie(&server, &before).get("/").await.expect(303);
}

async fn a_request_that_was_on_its_way_takes_no_new_session_away(server: TestServer) {
    let client = server.viewer().await;
    let before = client.cookie.lock().unwrap().clone().unwrap();
    client.sign_in("viewer", PASSWORD).await.expect(303);
    let late = with_cookie(&server, &before);
    for path in ["/", "/workflows", "/api/v1/now"] {
        let answer = late.get(path).await;
        assert_eq!(answer.header("set-cookie"), "", "{path}");
    }
}

async fn a_session_that_was_signed_out_is_worth_nothing(server: TestServer) {
    let client = server.viewer().await;
    let cookie = client.cookie.lock().unwrap().clone().unwrap();
    client.page("/").await;
    assert_eq!(client.post("/sign-out", &[]).await.expect(303).header("location"), "/sign-in");
    assert_eq!(*client.cookie.lock().unwrap(), None, "the browser forgets it");
    with_cookie(&server, &cookie).get("/").await.expect(303);
    with_cookie(&server, &cookie).get("/api/v1/now").await.problem(401);
}

async fn a_session_ends_after_twelve_hours_without_a_request(server: TestServer) {
    let client = server.viewer().await;
    server.at("19:59");
    client.page("/").await;
    server.app.clock.set(at("2026-06-05T07:58:00Z"));
    client.page("/").await;
    server.app.clock.set(at("2026-06-05T19:58:00Z"));
    client.get("/").await.expect(303);
}

async fn a_session_outlives_a_restart(server: TestServer) {
    let client = server.viewer().await;
    let cookie = client.cookie.lock().unwrap().clone().unwrap();
    let server = server.restarted("08:05", |_| {}).await;
    with_cookie(&server, &cookie).page("/").await;
}

async fn a_made_up_session_is_nobody(server: TestServer) {
    for cookie in ["watchbook=", "watchbook=x", "watchbook=AAAAAAAAAAAAAAAAAAAAAA", "watchbook=%00", "other=1"] {
        with_cookie(&server, cookie).get("/").await.expect(303);
    }
}

async fn a_page_offers_only_what_the_role_may_do(server: TestServer) {
    for (client, may) in [
        (server.viewer().await, false),
        (server.operator().await, false),
        (server.editor().await, true),
        (server.admin().await, true),
    ] {
        let page = client.page("/runbooks/erp-refuses-orders").await;
        let edit = html::tags(&page).iter().any(|t| t.get("href") == Some("/runbooks/erp-refuses-orders/edit"));
        assert_eq!(edit, may);
        let status = client.get("/runbooks/erp-refuses-orders/edit").await.status;
        assert_eq!(status, if may { 200 } else { 403 });
    }
}

async fn the_demo_door_is_shut_without_the_demo(server: TestServer) {
    let client = server.stranger();
    client.post("/sign-in/demo", &[("role", "admin")]).await.expect(404);
    client.get("/").await.expect(303);
    let page = client.page("/sign-in").await;
    assert!(html::words(&page).contains("watchbook user add NAME --role admin"), "there is no account yet");
    assert!(html::forms(&page, "/sign-in/demo").is_empty());
}

async fn a_flood_of_sign_ins_leaves_events_flowing(server: TestServer) {
    server.account("ada", Role::Viewer).await;
    let server = Arc::new(server);
    // What is checked first takes as long as the test wants, and sixteen sign-ins wait behind it.
    let (began, has_begun) = std::sync::mpsc::channel();
    let (release, held) = std::sync::mpsc::channel::<()>();
    let first = {
        let server = server.clone();
        let checked = move || {
            began.send(()).unwrap();
            let _ = held.recv();
        };
        tokio::spawn(async move { server.app.passwords.run(checked).await })
    };
    let begun = tokio::task::spawn_blocking(move || has_begun.recv_timeout(PATIENCE));
    begun.await.unwrap().expect("the first one is checked");
    let mut flood: FuturesUnordered<_> = (0..40)
        .map(|_| {
            let server = server.clone();
            tokio::spawn(async move { server.stranger().sign_in("ada", "wrong horse").await })
        })
        .collect();
    // Whoever finds no place is sent away at once.
    for _ in 0..40 - 16 {
        let busy = flood.next().await.unwrap().unwrap().expect(429);
        assert!(!busy.header("retry-after").is_empty());
        assert!(html::words(&busy.text).contains("Too many sign-ins at once"));
        assert_eq!(html::forms(&busy.text, "/sign-in")[0].get("name"), Some("ada"));
    }
    assert_eq!(flood.len(), 16);
    // Events are acknowledged and pages are read while all of them wait.
    for i in 0..20 {
        server.post_events(step(&i.to_string(), "take", "running", "08:00")).await;
    }
    assert_eq!(server.json("/workflows/order-to-erp").await["waiting"], json!(20));
    assert!(flood.iter().all(|sign_in| !sign_in.is_finished()), "sixteen wait");
    // And while they are checked, one after the other.
    release.send(()).unwrap();
    first.await.unwrap().unwrap();
    let mut acknowledged = 0;
    while !flood.is_empty() {
        tokio::select! {
            biased;
            _ = server.post_events(step(&format!("more-{acknowledged}"), "take", "running", "08:00")) => acknowledged += 1,
            Some(answer) = flood.next() => { answer.unwrap().expect(422); }
        }
    }
    assert!(acknowledged > 0, "events were acknowledged between the sign-ins");
    server.stranger().sign_in("ada", PASSWORD).await.expect(303);
}
