//! What every test starts from: a portal on a database of its own, a small book, a clock that stands still, and a
//! client a role.

pub mod html;
pub mod shelf;

use std::any::Any;
use std::fmt::Write as _;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex, Once, OnceLock};
use std::time::Duration;

use app::model::moment::Moment;
use app::model::status::Role;
use reqwest::header::{self, HeaderMap};
use reqwest::redirect::Policy;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tempfile::TempDir;
use watchbook::App;
use watchbook::actions::create_token::{Scope, create_token};
use watchbook::clock::{self, Clock};
use watchbook::config::{Database, Serve};
use watchbook::db::Tx;
use watchbook::store::feed;
use watchbook::store::people::{UserRecord, insert_user};
use watchbook::web::serve::start_quietly;
use watchbook::{book, password};

use self::shelf::Shelf;

/// The password of every account.
pub const PASSWORD: &str = "correct horse battery";

/// The variable that names a PostgreSQL server for tests, as an address of its maintenance database.
const POSTGRES: &str = "WATCHBOOK_TEST_POSTGRES";

/// How long at most is waited for something that must come: a bound for failures, not a pause.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Makes of each function two tests: `sqlite::name` and `postgres::name`.
macro_rules! on_both_databases {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[test] fn $name() { crate::support::on_sqlite(super::$name) })*
        }
        mod postgres {
            $(#[test] fn $name() { crate::support::on_postgres(super::$name) })*
        }
    };
}
pub(crate) use on_both_databases;

/// Runs a test on a SQLite file of its own.
pub fn on_sqlite<F: Future<Output = ()>>(test: impl FnOnce(TestServer) -> F) {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", dir.path().join("watchbook.db").display());
    run(dir, url, test);
}

/// Runs a test on a database of its own on the PostgreSQL that the environment names.
pub fn on_postgres<F: Future<Output = ()>>(test: impl FnOnce(TestServer) -> F) {
    let Some(server) = postgres() else { return };
    let name = format!("watchbook_test_{:016x}", rand::random::<u64>());
    tell(&server, format!("create database {name} template template0 encoding 'UTF8'"));
    let end = server.rfind('/').unwrap();
    let url = format!("{}/{name}", &server[..end]);
    let outcome = catch_unwind(AssertUnwindSafe(|| run(tempfile::tempdir().unwrap(), url, test)));
    tell(&server, format!("drop database {name} with (force)"));
    outcome.unwrap_or_else(|why: Box<dyn Any + Send>| resume_unwind(why));
}

/// The server for tests; none when the environment names none and nobody insists.
fn postgres() -> Option<String> {
    static SAID: Once = Once::new();
    if let Ok(server) = std::env::var(POSTGRES) {
        return Some(server);
    }
    let insists = ["CI", "WATCHBOOK_TEST_ALL"].into_iter().find(|name| std::env::var_os(name).is_some());
    if let Some(insists) = insists {
        panic!("{insists} is set, but {POSTGRES} names no server: run `cargo xtask test`, which starts one.");
    }
    // Past the test harness, which keeps to itself what a test prints that passes.
    SAID.call_once(|| {
        let _ = writeln!(
            std::io::stderr(),
            "The tests postgres::… were NOT run: run `cargo xtask test`, which starts a PostgreSQL."
        );
    });
    None
}

fn tell(server: &str, sql: String) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut connection = PgConnection::connect(server)
            .await
            .unwrap_or_else(|error| panic!("the PostgreSQL that {POSTGRES} names does not answer: {error}"));
        sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    });
}

fn run<F: Future<Output = ()>>(dir: TempDir, url: String, test: impl FnOnce(TestServer) -> F) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let server = TestServer::start(dir, url).await;
        test(server).await;
    });
    // A portal serves for ever; with its runtime it ends.
    runtime.shutdown_timeout(Duration::from_secs(1));
}

/// A moment of the day on which all tests play, 4 June 2026 in UTC (`08:05`, `08:04:59.999`), or any other in full.
pub fn at(text: &str) -> Moment {
    let full = match (text.contains('T'), text.len()) {
        (true, _) => text.to_owned(),
        (false, 5) => format!("2026-06-04T{text}:00Z"),
        (false, _) => format!("2026-06-04T{text}Z"),
    };
    Moment::parse(&full).unwrap()
}

/// An event of a step of Order to ERP, by the source's own clock.
pub fn step(run: &str, step: &str, state: &str, time: &str) -> Value {
    json!({"workflow": "order-to-erp", "run": run, "step": step, "state": state, "time": at(time).to_string()})
}

/// Writing events as people say them: `step("1", "push", "failed", "08:00").with("attempt", 2)`.
pub trait With {
    /// The same with one field more.
    fn with(self, field: &str, value: impl Into<Value>) -> Self;
}

impl With for Value {
    fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self[field] = value.into();
        self
    }
}

/// One portal.
pub struct TestServer {
    /// Everything that its requests have.
    pub app: Arc<App>,
    /// The folder of its book.
    pub shelf: Shelf,
    /// Where it answers, without a slash at the end.
    pub base: String,
    /// The token of the source `shop`, which may send events.
    pub ingest: String,
    /// A token that may read.
    pub read: String,
    settings: Serve,
    dir: TempDir,
}

impl TestServer {
    async fn start(dir: TempDir, url: String) -> Self {
        let shelf = Shelf::with_the_small_book(&dir.path().join("book"));
        let settings =
            Serve { database: Database { database_url: url }, book: shelf.folder().to_owned(), ..Serve::quiet() };
        let (app, address) = start_quietly(settings.clone(), Clock::fixed(at("08:00"))).await.unwrap();
        let ingest = create_token(&app.db, "shop", Scope::Ingest, app.now()).await.unwrap();
        let read = create_token(&app.db, "reader", Scope::Read, app.now()).await.unwrap();
        Self { app, shelf, base: format!("http://{address}"), ingest, read, settings, dir }
    }

    /// The same portal after it was stopped and started again, later and with other settings.
    pub async fn restarted(self, time: &str, change: impl FnOnce(&mut Serve)) -> Self {
        // Without its connections the old one can do nothing any more.
        self.app.db.close().await;
        let mut settings = self.settings;
        change(&mut settings);
        let (app, address) = start_quietly(settings.clone(), Clock::fixed(at(time))).await.unwrap();
        Self { app, settings, base: format!("http://{address}"), ..self }
    }

    /// Why it does not start again after it was stopped.
    pub async fn refuses_to_start_again(self) -> String {
        self.app.db.close().await;
        start_quietly(self.settings, Clock::fixed(at("08:00"))).await.expect_err("it starts")
    }

    /// The address of its database.
    pub fn database_url(&self) -> &str {
        &self.settings.database.database_url
    }

    /// A folder for files of the test, gone with it.
    pub fn folder(&self) -> &std::path::Path {
        self.dir.path()
    }

    /// Sets the clock.
    pub fn at(&self, time: &str) {
        self.app.clock.set(at(time));
    }

    /// Sets the clock, and lets it strike: everything that is due then is judged.
    pub async fn strike_at(&self, time: &str) {
        self.at(time);
        clock::strike(&self.app).await.unwrap();
    }

    /// Takes the turn to write, for which everybody who writes waits until this is over.
    pub async fn hold_the_turn_to_write(&self) -> Tx {
        let mut tx = self.app.db.write().await.unwrap();
        feed::take_turn(&mut tx).await.unwrap();
        tx
    }

    /// Waits until something is so that must become so.
    pub async fn until(&self, is_so: impl Fn() -> bool) {
        let becomes_so = async {
            while !is_so() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, becomes_so).await.expect("it becomes so");
    }

    /// Takes the book over, as the watcher does when its files have changed.
    pub async fn take_over_the_book(&self) {
        book::take_over_files(&self.app, self.shelf.folder()).await;
    }

    /// A token of this scope.
    pub async fn token(&self, name: &str, scope: Scope) -> String {
        create_token(&self.app.db, name, scope, self.app.now()).await.unwrap()
    }

    /// Somebody who is not signed in.
    pub fn stranger(&self) -> Client {
        Client {
            http: reqwest::Client::builder().redirect(Policy::none()).timeout(PATIENCE).build().unwrap(),
            base: self.base.clone(),
            cookie: Mutex::default(),
            token: None,
        }
    }

    /// A program with this token.
    pub fn program(&self, token: &str) -> Client {
        Client { token: Some(token.to_owned()), ..self.stranger() }
    }

    /// Somebody who may read.
    pub async fn viewer(&self) -> Client {
        self.signed_in(Role::Viewer).await
    }

    /// Somebody who keeps things running.
    pub async fn operator(&self) -> Client {
        self.signed_in(Role::Operator).await
    }

    /// Somebody who writes and reviews runbooks.
    pub async fn editor(&self) -> Client {
        self.signed_in(Role::Editor).await
    }

    /// Somebody who may do everything.
    pub async fn admin(&self) -> Client {
        self.signed_in(Role::Admin).await
    }

    async fn signed_in(&self, role: Role) -> Client {
        self.account(role.name(), role).await;
        let client = self.stranger();
        client.sign_in(role.name(), PASSWORD).await.expect(303);
        client
    }

    /// Makes an account; its password is [`PASSWORD`]. One that is there already stays.
    pub async fn account(&self, name: &str, role: Role) {
        // Hashing takes long on purpose: once is enough.
        static HASH: OnceLock<String> = OnceLock::new();
        let password_hash = HASH.get_or_init(|| password::hash(PASSWORD).unwrap()).clone();
        let record = UserRecord { name: name.to_owned(), role, password_hash, created_at: self.app.now() };
        let mut tx = self.app.db.write().await.unwrap();
        insert_user(&mut tx, &record).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Sends events as the source `shop`; all of them must be taken. Gives the answer.
    pub async fn post_events(&self, events: impl Into<Value>) -> Value {
        let answer = self.send_events(&events.into()).await.expect(202).json();
        assert_eq!(answer["refused"], 0, "{answer}");
        answer
    }

    /// Sends events as the source `shop`, whatever becomes of them.
    pub async fn send_events(&self, events: &Value) -> Answer {
        self.send("application/json", &[], events.to_string()).await
    }

    /// Sends a body as the source `shop`, with more headers.
    pub async fn send(&self, kind: &str, more: &[(&str, &str)], body: impl Into<reqwest::Body>) -> Answer {
        let mut headers = vec![("content-type", kind)];
        headers.extend(more);
        self.program(&self.ingest).send("/api/v1/events", &headers, body).await
    }

    /// What a program reads at a path under `/api/v1`.
    pub async fn json(&self, path: &str) -> Value {
        self.program(&self.read).get(&format!("/api/v1{path}")).await.expect(200).json()
    }

    /// Every item of a list under `/api/v1`, page by page. `path` ends where `after=` is to follow.
    pub async fn every(&self, path: &str) -> Vec<Value> {
        let mut items = Vec::new();
        let mut after = String::new();
        loop {
            let page = self.json(&format!("{path}{after}")).await;
            items.extend(page["items"].as_array().unwrap().iter().cloned());
            match page["next"].as_str() {
                Some(next) => after = format!("{}after={next}", if path.contains('?') { "&" } else { "?" }),
                None => return items,
            }
        }
    }
}

/// Somebody, or a program, with what it keeps between requests.
pub struct Client {
    http: reqwest::Client,
    /// Where the portal answers, without a slash at the end.
    pub base: String,
    /// The cookie as it is sent back, `name=value`.
    pub cookie: Mutex<Option<String>>,
    token: Option<String>,
}

impl Client {
    /// Asks for a path.
    pub async fn get(&self, path: &str) -> Answer {
        self.ask(self.http.get(format!("{}{path}", self.base))).await
    }

    /// Asks for a path as a stream, to be read piece by piece.
    pub async fn stream(&self, path: &str) -> reqwest::Response {
        let request = self.with_keys(self.http.get(format!("{}{path}", self.base)));
        request.send().await.unwrap()
    }

    /// A page that must be there, as HTML.
    pub async fn page(&self, path: &str) -> String {
        let answer = self.get(path).await.expect(200);
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8", "{path}");
        answer.text
    }

    /// Sends a form, as a page of ours does.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.post_from(&self.base, path, fields).await
    }

    /// Sends a form, as a page of `origin` does.
    pub async fn post_from(&self, origin: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.send(path, &[("content-type", "application/x-www-form-urlencoded"), ("origin", origin)], form(fields))
            .await
    }

    /// Sends a body.
    pub async fn send(&self, path: &str, headers: &[(&str, &str)], body: impl Into<reqwest::Body>) -> Answer {
        let request = self.http.post(format!("{}{path}", self.base)).body(body);
        self.ask(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
    }

    /// Signs in by the form, and keeps the cookie.
    pub async fn sign_in(&self, name: &str, password: &str) -> Answer {
        self.post("/sign-in", &[("name", name), ("password", password)]).await
    }

    fn with_keys(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        let request = match &*self.cookie.lock().unwrap() {
            Some(cookie) => request.header(header::COOKIE, cookie),
            None => request,
        };
        match &self.token {
            Some(token) => request.header(header::AUTHORIZATION, format!("Bearer {token}")),
            None => request,
        }
    }

    async fn ask(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = self.with_keys(request).send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        if let Some(cookie) = headers.get(header::SET_COOKIE) {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap().to_owned();
            *self.cookie.lock().unwrap() = Some(pair).filter(|p| !p.ends_with('='));
        }
        let path = response.url().path().to_owned();
        Answer { path, status, headers, text: response.text().await.unwrap() }
    }
}

/// Fields as a form sends them.
pub fn form(fields: &[(&str, &str)]) -> String {
    fields.iter().fold(String::new(), |mut sent, (name, value)| {
        let and = if sent.is_empty() { "" } else { "&" };
        write!(sent, "{and}{}={}", encoded(name), encoded(value)).unwrap();
        sent
    })
}

/// One part of an address, percent-encoded.
pub fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// What was answered.
#[derive(Debug)]
pub struct Answer {
    path: String,
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub text: String,
}

impl Answer {
    /// The same, if this is its status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{} answered {}", self.path, self.text);
        self
    }

    /// A header; empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("{} is no JSON: {}", self.path, self.text))
    }

    /// The body as a problem of this status.
    #[track_caller]
    pub fn problem(self, status: u16) -> Value {
        let answer = self.expect(status);
        assert_eq!(answer.header("content-type"), "application/problem+json");
        let problem = answer.json();
        assert_eq!(problem["status"], status);
        for field in ["title", "detail"] {
            assert!(problem[field].as_str().is_some_and(|words| !words.is_empty()), "no {field} in {problem}");
        }
        problem
    }
}

/// Counts every run of a workflow anew through the lists, and compares with what is kept of it without counting.
pub async fn assert_tallies_are_what_the_lists_say(server: &TestServer, workflow: &str) {
    let page = server.json(&format!("/workflows/{workflow}")).await;
    let list = async |filter: &str| server.every(&format!("/workflows/{workflow}/runs{filter}")).await;
    let all = list("").await;
    let open = list("?state=open").await;
    assert_eq!(page["observed"]["runs"], all.len(), "runs of {workflow}");
    assert_eq!(page["waiting"], open.len(), "open runs of {workflow}");
    assert_eq!(all.len(), open.len() + list("?state=ended").await.len(), "{workflow}: each run is open or ended");
    for step in page["steps"].as_array().unwrap() {
        let id = encoded(step["id"].as_str().unwrap());
        let here = list(&format!("?step={id}")).await;
        let counts = ["open", "retrying", "late", "broken"].map(|name| step[name].as_i64().unwrap());
        assert!(counts.iter().all(|n| *n >= 0), "{step}");
        assert_eq!(counts.iter().sum::<i64>(), here.len() as i64, "all at {id} of {workflow}");
        for state in ["retrying", "late", "broken"] {
            let listed = list(&format!("?state={state}&step={id}")).await.len();
            assert_eq!(step[state], listed, "{state} at {id} of {workflow}");
        }
    }
}
