//! The program itself: killed while it takes events, asked to stop, started with what cannot work. Nothing that was
//! acknowledged is lost.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use rand::RngExt;
use serde_json::{Value, json};
use watchbook::actions::create_token::{Scope, create_token};
use watchbook::ingest::writer::MOST_IN_COMMIT;

use crate::support::{PATIENCE, TestServer, on_both_databases};

on_both_databases![
    nothing_acknowledged_is_lost_when_it_is_killed_ten_times,
    asked_to_stop_it_finishes_what_it_has_and_ends_well,
    a_token_made_on_the_command_line_opens_the_door,
    a_stopped_portal_is_exported_on_the_command_line,
    what_cannot_work_is_said_in_one_line,
    killed_while_a_stream_of_lines_runs_it_has_kept_whole_commits_and_counted_them,
];

/// How often it is killed.
const TIMES: usize = 10;

/// How many send at the same time.
const SENDERS: usize = 4;

/// Runs in a batch; each one goes all the way from its first step to its end.
const RUNS: usize = 5;

/// The steps of a run, and what is said of each.
const SAID: [(&str, &str); 6] = [
    ("take", "running"),
    ("take", "succeeded"),
    ("reserve", "running"),
    ("reserve", "succeeded"),
    ("push", "running"),
    ("push", "succeeded"),
];

/// A running portal; killed when the test ends.
struct Portal {
    child: Child,
    base: String,
    http: reqwest::Client,
}

impl Drop for Portal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Portal {
    async fn start(url: &str, book: &Path, log: &Path) -> Self {
        let before = std::fs::read_to_string(log).unwrap_or_default().len();
        let mut child = program(&["serve", "--listen", "127.0.0.1:0"], url)
            .arg("--book")
            .arg(book)
            .stderr(File::options().create(true).append(true).open(log).unwrap())
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let start = Instant::now();
        loop {
            let said = std::fs::read_to_string(log).unwrap();
            if let Some((_, rest)) = said[before..].split_once("listening on ")
                && let Some((base, _)) = rest.split_once('\n')
            {
                let http = reqwest::Client::builder().timeout(PATIENCE).build().unwrap();
                return Self { child, base: base.trim().to_owned(), http };
            }
            let ended = child.try_wait().unwrap();
            assert!(ended.is_none() && start.elapsed() < PATIENCE, "it does not listen ({ended:?}): {said}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until it has ended.
    async fn ended(&mut self) -> Option<i32> {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(start.elapsed() < PATIENCE, "it does not end");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn get(&self, path: &str, token: &str) -> Value {
        let response = self.http.get(format!("{}/api/v1{path}", self.base)).bearer_auth(token).send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
    }

    async fn every(&self, path: &str, token: &str) -> Vec<Value> {
        let mut items = Vec::new();
        let mut after = String::new();
        loop {
            let mut page = self.get(&format!("{path}{after}"), token).await;
            if let Value::Array(more) = page["items"].take() {
                items.extend(more);
            }
            match page["next"].as_str() {
                Some(next) => after = format!("{}after={next}", if path.contains('?') { "&" } else { "?" }),
                None => return items,
            }
        }
    }
}

/// The program with this command on this database.
fn program(words: &[&str], url: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_watchbook"));
    // Settings of whoever runs the tests are not ours.
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("WATCHBOOK_")) {
        command.env_remove(name);
    }
    command.args(words).env("WATCHBOOK_DATABASE_URL", url);
    command
}

/// Its exit code, what it printed and what it said.
fn done(command: &mut Command) -> (i32, String, String) {
    let done = command.stdin(Stdio::null()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (done.status.code().unwrap_or(-1), text(done.stdout), text(done.stderr))
}

/// One batch: some runs, each from its first step to its end.
fn batch(name: &str) -> Value {
    let runs = (0..RUNS).flat_map(|run| {
        SAID.iter().enumerate().map(move |(n, (step, state))| {
            json!({"workflow": "order-to-erp", "run": format!("{name}-{run}"), "step": step, "state": state,
                "id": format!("{name}-{run}-{n}"), "sequence": n})
        })
    });
    Value::Array(runs.collect())
}

/// Sends batches until the door is shut; gives the names of those that were acknowledged.
async fn send(
    portal: (String, reqwest::Client),
    token: String,
    sender: String,
    counted: Arc<AtomicUsize>,
) -> Vec<String> {
    let mut acknowledged = Vec::new();
    for number in 0.. {
        let name = format!("{sender}-{number}");
        let request = portal.1.post(format!("{}/api/v1/events", portal.0)).bearer_auth(&token).json(&batch(&name));
        let Ok(response) = request.send().await else { break };
        if response.status() != 202 {
            // While it stops it says so; before that it takes everything.
            assert_eq!(response.status(), 503);
            break;
        }
        // Only an answer that arrived whole is an acknowledgement.
        let Ok(answer) = response.bytes().await else { break };
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        assert_eq!((&answer["accepted"], &answer["refused"]), (&json!(RUNS * SAID.len()), &json!(0)));
        acknowledged.push(name);
        counted.fetch_add(1, Ordering::SeqCst);
    }
    acknowledged
}

/// Starts everybody who sends.
fn senders(
    portal: &Portal,
    token: &str,
    round: usize,
) -> (Arc<AtomicUsize>, Vec<tokio::task::JoinHandle<Vec<String>>>) {
    let counted = Arc::new(AtomicUsize::new(0));
    let start = |sender| {
        let to = (portal.base.clone(), portal.http.clone());
        tokio::spawn(send(to, token.to_owned(), format!("{round}-{sender}"), counted.clone()))
    };
    let senders = (0..SENDERS).map(start).collect();
    (counted, senders)
}

async fn until(counted: &AtomicUsize, batches: usize) {
    let enough = async {
        while counted.load(Ordering::SeqCst) < batches {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, enough).await.expect("batches are acknowledged");
}

/// What is in the feed: every acknowledged batch, no batch in part, no gap, nothing twice. And what is kept without
/// counting is what the feed adds up to.
async fn assert_nothing_is_lost(portal: &Portal, token: &str, acknowledged: &BTreeSet<String>) {
    let feed = portal.every("/events", token).await;
    assert!(feed.iter().map(|e| e["position"].as_i64().unwrap()).eq(1..=feed.len() as i64), "the feed has a gap");
    let ids: BTreeSet<&str> = feed.iter().map(|e| e["event"]["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), feed.len(), "an event is there twice");
    for name in acknowledged {
        for run in 0..RUNS {
            for n in 0..SAID.len() {
                let id = format!("{name}-{run}-{n}");
                assert!(ids.contains(id.as_str()), "{id} was acknowledged and is lost");
            }
        }
    }
    assert_eq!(feed.len() % (RUNS * SAID.len()), 0, "a batch is there in part");
    let runs = feed.len() / SAID.len();
    let page = portal.get("/workflows/order-to-erp", token).await;
    let observed = &page["observed"];
    assert_eq!((&observed["runs"], &observed["events"]), (&json!(runs), &json!(feed.len())));
    let visits: Vec<_> = observed["steps"].as_array().unwrap().iter().map(|s| s["visits"].as_u64().unwrap()).collect();
    assert_eq!(visits, [runs as u64; 3]);
    let edges: Vec<_> = observed["edges"].as_array().unwrap().iter().map(|e| e["count"].as_u64().unwrap()).collect();
    assert_eq!(edges, [runs as u64; 2]);
    assert_eq!(observed["ends"], json!([{"step": "push", "count": runs}]));
    // No run is left looking busy.
    // The events are of a June that is over: that it is silent since is true, and no run's fault.
    let at_steps = page["trouble"].as_array().unwrap().iter().filter(|t| !t["step"].is_null()).count();
    assert_eq!((&page["waiting"], at_steps), (&json!(0), 0));
    let open = portal.get("/workflows/order-to-erp/runs?state=open", token).await;
    assert_eq!(open["items"], json!([]));
    let accepted = portal.get("/sources", token).await["items"][0]["accepted"].clone();
    assert_eq!(accepted, feed.len());
}

/// A token for everything. The server of the test stands aside: the program alone has the database.
async fn door(server: &TestServer) -> String {
    let token = create_token(&server.app.db, "crash", Scope::Admin, server.app.now()).await.unwrap();
    server.app.db.close().await;
    token
}

async fn nothing_acknowledged_is_lost_when_it_is_killed_ten_times(server: TestServer) {
    let token = door(&server).await;
    let (url, log) = (server.database_url().to_owned(), server.folder().join("log"));
    let mut acknowledged = BTreeSet::new();
    let mut portal = Portal::start(&url, server.shelf.folder(), &log).await;
    for round in 0..TIMES {
        let batches = rand::rng().random_range(1..40);
        let (counted, senders) = senders(&portal, &token, round);
        until(&counted, batches).await;
        // SIGKILL: nothing of it runs any more.
        portal.child.kill().unwrap();
        portal.child.wait().unwrap();
        for sender in senders {
            acknowledged.extend(sender.await.unwrap());
        }
        portal = Portal::start(&url, server.shelf.folder(), &log).await;
        assert_nothing_is_lost(&portal, &token, &acknowledged).await;
    }
    assert!(acknowledged.len() >= TIMES, "{}", acknowledged.len());
    let log = std::fs::read_to_string(log).unwrap();
    assert!(!log.contains("locked") && !log.contains("ERROR") && !log.contains("panicked"), "{log}");
}

async fn asked_to_stop_it_finishes_what_it_has_and_ends_well(server: TestServer) {
    let token = door(&server).await;
    let (url, log) = (server.database_url().to_owned(), server.folder().join("log"));
    let mut portal = Portal::start(&url, server.shelf.folder(), &log).await;
    let (counted, senders) = senders(&portal, &token, 0);
    until(&counted, 10).await;
    let process = portal.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &process]).status().unwrap().success());
    assert_eq!(portal.ended().await, Some(0), "{}", std::fs::read_to_string(&log).unwrap());
    let mut acknowledged = BTreeSet::new();
    for sender in senders {
        acknowledged.extend(sender.await.unwrap());
    }
    let portal = Portal::start(&url, server.shelf.folder(), &log).await;
    assert_nothing_is_lost(&portal, &token, &acknowledged).await;
}

async fn a_token_made_on_the_command_line_opens_the_door(server: TestServer) {
    let url = server.database_url().to_owned();
    server.app.db.close().await;
    let make = || done(&mut program(&["token", "create", "--name", "cron", "--scope", "admin"], &url));
    let (code, out, _) = make();
    assert_eq!((code, out.len(), out.lines().count()), (0, 47, 1), "the token alone: {out}");
    let (code, out, wrong) = make();
    assert_eq!((code, out.as_str()), (1, ""));
    assert_eq!(wrong.trim(), "watchbook: there is a token \"cron\" already; choose another name");
    let (code, out, _) = done(&mut program(&["token", "create", "--name", "other", "--scope", "admin"], &url));
    let token = out.trim();
    assert_eq!(code, 0);
    let portal = Portal::start(&url, server.shelf.folder(), &server.folder().join("log")).await;
    let body = batch("one");
    let sent = portal.http.post(format!("{}/api/v1/events", portal.base)).bearer_auth(token).json(&body).send().await;
    assert_eq!(sent.unwrap().status(), 202);
    assert_eq!(portal.every("/events", token).await.len(), RUNS * SAID.len());
}

async fn a_stopped_portal_is_exported_on_the_command_line(server: TestServer) {
    let url = server.database_url().to_owned();
    server.app.db.close().await;
    let dir = server.folder().join("export");
    let (code, out, said) = done(program(&["export", "--timezone", "Europe/Berlin"], &url).arg(&dir));
    assert_eq!(code, 0, "{said}");
    assert!(out.starts_with("3 runbooks as of ") && out.ends_with(&format!(" are in {}\n", dir.display())), "{out}");
    let page = std::fs::read_to_string(dir.join("runbooks/erp-refuses-orders.html")).unwrap();
    assert!(page.contains("ERP refuses orders"), "{page}");
    // A name that is mistyped makes no database, and no export of nothing takes the place of a good one.
    let (code, out, said) = done(program(&["export"], "sqlite:///no/such/place/w.db").arg(&dir));
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(
        said.contains("watchbook: there is no database /no/such/place/w.db; name it with --database-url"),
        "{said}"
    );
    assert!(dir.join("index.html").exists());
}

async fn what_cannot_work_is_said_in_one_line(server: TestServer) {
    let url = server.database_url().to_owned();
    server.app.db.close().await;
    let wrong = |url: &str, book: &Path| {
        let (code, out, said) = done(program(&["serve", "--listen", "127.0.0.1:0"], url).arg("--book").arg(book));
        assert_eq!((code, out.as_str()), (1, ""), "{said}");
        let lines: Vec<_> = said.lines().filter(|line| line.starts_with("watchbook: ")).map(str::to_owned).collect();
        assert_eq!(lines.len(), 1, "{said}");
        assert!(!said.contains("panicked") && !said.contains("Error {"), "{said}");
        lines[0].clone()
    };
    let said = wrong(&url, Path::new("/no/such/book"));
    assert_eq!(said, "watchbook: there is no folder /no/such/book; name the folder of the book with --book");
    let said = wrong("sqlite:///no/such/place/w.db", server.shelf.folder());
    assert!(said.starts_with("watchbook: the database sqlite:///no/such/place/w.db cannot be used: "), "{said}");
    server.shelf.write("order-to-erp.yaml", "kind: workflow\nid: x\nnam: X\n");
    let said = wrong(&url, server.shelf.folder());
    assert!(said.contains("the book in ") && said.contains(" cannot be used"), "{said}");
    let (code, out, _) = done(program(&["check"], &url).arg(server.shelf.folder()));
    assert_eq!(code, 1);
    assert!(out.lines().any(|line| line.contains("order-to-erp.yaml:3: ") && line.contains("name")), "{out}");
    let (code, _, _) = done(&mut program(&["serve", "--no-such-flag"], &url));
    assert_eq!(code, 2);
}

/// How often it is killed while a stream runs.
const STREAMS: usize = 3;

/// How many runs are told of in one stream. First the first word on each of them, then the second: so the events of
/// every run are spread over several commits.
const TOLD: usize = 1_500;

/// The lines of one stream.
fn lines(name: &str) -> Vec<Value> {
    let said = SAID.iter().enumerate();
    said.flat_map(|(n, (step, state))| {
        (0..TOLD).map(move |run| {
            json!({"workflow": "order-to-erp", "run": format!("{name}-{run}"), "step": step, "state": state,
                "id": format!("{name}-{run}-{n}"), "sequence": n})
        })
    })
    .collect()
}

/// What is kept without counting, as it must be after these events: each run has come this far, by its words.
fn flow_of(feed: &[Value]) -> Value {
    let mut said: BTreeMap<&str, usize> = BTreeMap::new();
    for event in feed {
        *said.entry(event["event"]["run"].as_str().unwrap()).or_default() += 1;
    }
    let reached = |words: usize| said.values().filter(|n| **n >= words).count();
    let (take, reserve, push) = (reached(1), reached(3), reached(5));
    let here = |pairs: Vec<(&str, usize)>| -> Value {
        pairs.into_iter().filter(|(_, n)| *n > 0).map(|(name, n)| (name.to_owned(), json!(n))).collect::<Value>()
    };
    json!({
        "runs": said.len(), "events": feed.len(), "waiting": said.len() - reached(SAID.len()),
        "steps": here(vec![("take", take), ("reserve", reserve), ("push", push)]),
        "edges": here(vec![("take", reserve), ("reserve", push)]),
        "ends": here(vec![("take", take - reserve), ("reserve", reserve - push), ("push", push)]),
    })
}

/// What the portal says of it.
async fn kept_flow(portal: &Portal, token: &str) -> Value {
    let page = portal.get("/workflows/order-to-erp", token).await;
    let observed = &page["observed"];
    let counts = |list: &str, name: &str, count: &str| -> Value {
        let items = observed[list].as_array().unwrap().iter();
        items.map(|item| (item[name].as_str().unwrap().to_owned(), item[count].clone())).collect()
    };
    json!({
        "runs": observed["runs"], "events": observed["events"], "waiting": page["waiting"],
        "steps": counts("steps", "step", "visits"), "edges": counts("edges", "from", "count"),
        "ends": counts("ends", "step", "count"),
    })
}

/// Waits until so many events of this stream are recorded.
async fn until_recorded(portal: &Portal, token: &str, events: usize) {
    let recorded = async {
        loop {
            let sources = portal.get("/sources", token).await;
            if sources["items"][0]["accepted"].as_u64().is_some_and(|n| n >= events as u64) {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, recorded).await.expect("lines are recorded while more of them come");
}

async fn killed_while_a_stream_of_lines_runs_it_has_kept_whole_commits_and_counted_them(server: TestServer) {
    let token = door(&server).await;
    let (url, log) = (server.database_url().to_owned(), server.folder().join("log"));
    let mut portal = Portal::start(&url, server.shelf.folder(), &log).await;
    let mut before = 0;
    for stream in 0..STREAMS {
        let lines = lines(&stream.to_string());
        let commits = lines.len() / MOST_IN_COMMIT;
        let text: Vec<String> = lines.iter().map(|line| format!("{line}\n")).collect();
        // What is sent never ends by itself: it is under way when the portal dies.
        let chunks: Vec<_> = text.chunks(100).map(|lines| Ok::<_, std::io::Error>(lines.concat())).collect();
        let body = reqwest::Body::wrap_stream(stream::iter(chunks).chain(stream::pending()));
        let send = |portal: &Portal, body: reqwest::Body| {
            let request = portal.http.post(format!("{}/api/v1/events", portal.base)).bearer_auth(&token);
            request.header("content-type", "application/x-ndjson").body(body).send()
        };
        let sending = tokio::spawn(send(&portal, body));
        let seen = rand::rng().random_range(1..commits) * MOST_IN_COMMIT;
        until_recorded(&portal, &token, before + seen).await;
        portal.child.kill().unwrap();
        portal.child.wait().unwrap();
        assert!(sending.await.unwrap().is_err(), "nothing of it was acknowledged");
        portal = Portal::start(&url, server.shelf.folder(), &log).await;

        let feed = portal.every("/events", &token).await;
        assert!(feed.iter().map(|e| e["position"].as_i64().unwrap()).eq(1..=feed.len() as i64), "the feed has a gap");
        let kept = &feed[before..];
        assert!(kept.len() >= seen && kept.len() % MOST_IN_COMMIT == 0, "{} were kept of {seen} seen", kept.len());
        assert!(kept.iter().map(|e| &e["event"]["id"]).eq(lines[..kept.len()].iter().map(|l| &l["id"])), "in order");
        assert_eq!(kept_flow(&portal, &token).await, flow_of(&feed));

        // Sent again, what was kept is known and the rest is new.
        let answer = send(&portal, text.concat().into()).await.unwrap();
        let answer: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        let (known, new) = (kept.len(), lines.len() - kept.len());
        assert_eq!((&answer["duplicates"], &answer["accepted"]), (&json!(known), &json!(new)));
        before += lines.len();
        let flow = kept_flow(&portal, &token).await;
        assert_eq!((&flow["events"], &flow["waiting"]), (&json!(before), &json!(0)));
        assert_eq!(flow["ends"], json!({"push": TOLD * (stream + 1)}));
    }
    let log = std::fs::read_to_string(log).unwrap();
    assert!(!log.contains("locked") && !log.contains("ERROR") && !log.contains("panicked"), "{log}");
}
