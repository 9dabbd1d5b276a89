//! The release binary as a process of its own, on a database on disk.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::client::{Connection, Messages};
use crate::load::{Shape, lines_of};

/// A running portal.
pub struct Portal {
    folder: TempDir,
    book: PathBuf,
    process: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// May send events.
    pub token: String,
}

impl Portal {
    /// Starts one on a fresh database with the example book.
    pub fn start() -> Self {
        Self::started(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../runbooks").into())
    }

    /// Starts one on a fresh database with the book that `write` writes into a folder.
    pub fn of_book(write: impl FnOnce(&Path)) -> Self {
        Self::started(|folder| {
            let book = folder.join("book");
            std::fs::create_dir(&book).expect("the target folder can be written");
            write(&book);
            book
        })
    }

    fn started(book: impl FnOnce(&Path) -> PathBuf) -> Self {
        // Not /tmp, which may be memory: what is promised is durable on disk.
        let folder = tempfile::Builder::new()
            .prefix("bench-")
            .tempdir_in(env!("CARGO_TARGET_TMPDIR"))
            .expect("the target folder can be written");
        let token = command(folder.path())
            .args(["token", "create", "--name", "bench", "--scope", "ingest"])
            .output()
            .expect("the binary runs");
        let token = String::from_utf8(token.stdout).expect("a token is text").trim().to_owned();
        let book = book(folder.path());
        let (process, address) = launch(folder.path(), &book);
        Self { folder, book, process, address, token }
    }

    /// A new connection.
    pub fn connect(&self) -> Connection {
        Connection::open(self.address)
    }

    /// Follows a topic.
    pub fn listen(&self, topic: &str) -> Messages {
        self.connect().listen(&format!("/live?topics={topic}"))
    }

    /// The folder of its book.
    pub fn book(&self) -> &Path {
        &self.book
    }

    /// Where its database is.
    pub fn database_url(&self) -> String {
        database_url(self.folder.path())
    }

    /// Stores events of a workflow, after those it has.
    pub fn fill(&self, workflow: &str, events: usize) {
        let path = format!("/api/v1/workflows/{workflow}");
        let known = self.number(&path, "/observed/events") as usize;
        let mut connection = self.connect();
        let end = known + events;
        let mut at = known;
        while at < end {
            let next = end.min(at + 50_000);
            let body = lines_of(Shape::interleaved(workflow), at..next);
            assert_eq!(connection.post(&self.token, "application/x-ndjson", &body).0, 202, "filling was refused");
            at = next;
        }
    }

    /// Waits until all runs of a workflow are judged: for two looks it says the same.
    pub fn settle(&self, workflow: &str) {
        let look = || self.connect().get(&format!("/api/v1/workflows/{workflow}")).1;
        let mut before = look();
        loop {
            std::thread::sleep(Duration::from_secs(2));
            let now = look();
            if now == before {
                return;
            }
            before = now;
        }
    }

    /// Waits until Find has read every runbook.
    pub fn wait_until_read(&self) {
        let mut connection = self.connect();
        loop {
            let (_, body) = connection.get("/api/v1/find?q=zzq");
            let found: serde_json::Value = serde_json::from_slice(&body).expect("the answer is JSON");
            if found.get("reading").is_none() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// A number in a JSON answer.
    pub fn number(&self, path: &str, pointer: &str) -> f64 {
        let (_, body) = self.connect().get(path);
        let json: serde_json::Value = serde_json::from_slice(&body).expect("the answer is JSON");
        json.pointer(pointer).and_then(serde_json::Value::as_f64).unwrap_or(0.0)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A number of its metrics; 0 when it is not there.
    pub fn metric(&self, name: &str) -> f64 {
        let (_, body) = self.connect().get("/metrics");
        let text = String::from_utf8_lossy(&body).into_owned();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|value| value.parse().ok()).unwrap_or(0.0)
    }

    /// The processor time that it has used, of all its threads.
    pub fn processor_time(&self) -> Duration {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id())).unwrap_or_default();
        // After the name in brackets; the fields are counted from there. Ticks are a hundredth of a second (proc(5)).
        let fields: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks: u64 = [11, 12].iter().filter_map(|at| fields.get(*at)?.parse::<u64>().ok()).sum();
        Duration::from_millis(ticks * 10)
    }

    /// Resident memory now, in MB.
    pub fn memory(&self) -> f64 {
        self.status("VmRSS:")
    }

    /// The most resident memory so far, in MB.
    pub fn peak_memory(&self) -> f64 {
        self.status("VmHWM:")
    }

    fn status(&self, field: &str) -> f64 {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap_or_default();
        let line = text.lines().find_map(|l| l.strip_prefix(field)).unwrap_or("0 kB");
        line.split_whitespace().next().and_then(|n| n.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
    }

    /// Stops it, leaving the database.
    pub fn stop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// Starts it again on the same database; how long until it is ready.
    pub fn restart(&mut self) -> Duration {
        let began = Instant::now();
        let (process, address) = launch(self.folder.path(), &self.book);
        let (status, _) = Connection::open(address).get("/ready");
        assert_eq!(status, 200, "it is not ready");
        self.process = process;
        self.address = address;
        began.elapsed()
    }
}

impl Drop for Portal {
    fn drop(&mut self) {
        self.stop();
    }
}

fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_watchbook"));
    command.env("WATCHBOOK_DATABASE_URL", database_url(folder));
    command.env("WATCHBOOK_LOG", "error");
    command
}

fn database_url(folder: &Path) -> String {
    format!("sqlite://{}", folder.join("bench.db").display())
}

fn launch(folder: &Path, book: &Path) -> (Child, SocketAddr) {
    let mut process = command(folder)
        .args(["serve", "--public-read", "--listen", "127.0.0.1:0", "--book"])
        .arg(book)
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut lines = BufReader::new(process.stderr.take().expect("its words are read")).lines();
    let address = lines
        .by_ref()
        .map_while(Result::ok)
        .find_map(|line| line.split("http://").nth(1).and_then(|a| a.trim().parse().ok()))
        .expect("it says where it listens");
    // Its later words are read, so that it never waits for us.
    std::thread::spawn(move || lines.for_each(drop));
    (process, address)
}
