//! Yardsticks: what the same machine does at the same time with as little as possible around the same rows.

use std::net::SocketAddr;
use std::time::Instant;

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection as _, SqliteConnection};
use tokio::sync::{mpsc, oneshot};

use crate::client::one_by_one;
use crate::load::{self, Shape};
use crate::table::{Goal, Table};

/// Measures all of them.
pub fn measure(table: &mut Table, scale: usize) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime starts");
    let rate = runtime.block_on(plain_loop(1, 4_000 / scale));
    table.row("plain SQLite loop, batch 1", rate, "events/s", Goal::None);
    let rate = runtime.block_on(plain_loop(100, 100_000 / scale));
    table.row("plain SQLite loop, batches of 100", rate, "events/s", Goal::None);
    for (connections, events) in [(1, 6_000 / scale), (32, 60_000 / scale)] {
        let address = runtime.block_on(bare_handler());
        let bodies = load::singles(Shape::interleaved("bare"), events);
        let (rate, p99) = one_by_one(address, "none", connections, &bodies);
        let plural = if connections == 1 { "" } else { "s" };
        table.row(&format!("bare handler, {connections} connection{plural}"), rate, "events/s", Goal::None);
        table.row(&format!("bare handler, {connections} connection{plural}, p99"), p99, "ms", Goal::None);
    }
}

async fn database(name: &str) -> SqliteConnection {
    let file = format!("{}/yardstick-{}-{name}.db", env!("CARGO_TARGET_TMPDIR"), std::process::id());
    for ending in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{file}{ending}"));
    }
    let mut connection = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .connect()
        .await
        .expect("a database opens");
    sqlx::query("create table events (position integer primary key, at integer, body text)")
        .execute(&mut connection)
        .await
        .expect("a table is made");
    connection
}

async fn insert(connection: &mut SqliteConnection, rows: &[Vec<u8>]) {
    let mut tx = connection.begin().await.expect("a transaction begins");
    for row in rows {
        sqlx::query("insert into events (at, body) values ($1, $2)")
            .bind(1i64)
            .bind(String::from_utf8_lossy(row).into_owned())
            .execute(&mut *tx)
            .await
            .expect("a row is written");
    }
    tx.commit().await.expect("a transaction ends");
}

/// The same rows, one insert each, a commit a batch, nothing else.
async fn plain_loop(batch: usize, events: usize) -> f64 {
    let rows = load::singles(Shape::interleaved("plain"), events);
    let mut connection = database(&format!("plain-{batch}")).await;
    let began = Instant::now();
    for rows in rows.chunks(batch) {
        insert(&mut connection, rows).await;
    }
    events as f64 / began.elapsed().as_secs_f64()
}

type Job = (Vec<u8>, oneshot::Sender<()>);

/// One handler, one writer that commits what waits, one table: no parsing, no rules.
async fn bare_handler() -> SocketAddr {
    let (jobs, mut waiting) = mpsc::channel::<Job>(1_024);
    let mut connection = database("bare").await;
    tokio::spawn(async move {
        while let Some(first) = waiting.recv().await {
            let mut batch = vec![first];
            while batch.len() < 1_000
                && let Ok(job) = waiting.try_recv()
            {
                batch.push(job);
            }
            let (rows, answers): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
            insert(&mut connection, &rows).await;
            for answer in answers {
                let _ = answer.send(());
            }
        }
    });
    let handler = async |State(jobs): State<mpsc::Sender<Job>>, body: axum::body::Bytes| {
        let (answer, answered) = oneshot::channel();
        let _ = jobs.send((body.to_vec(), answer)).await;
        let _ = answered.await;
        (axum::http::StatusCode::ACCEPTED, "{\"accepted\":1}")
    };
    let router = Router::new().route("/api/v1/events", post(handler)).with_state(jobs);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("it has an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}
