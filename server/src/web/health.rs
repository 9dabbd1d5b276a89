//! Whether the process lives, whether it can work, and its numbers for Prometheus.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use app::model::moment::{Moment, Span};
use app::model::problem::Kind;
use app::model::status::State as Status;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::App;
use crate::actions::record_events::Arrival;
use crate::ingest::writer::WriteError;
use crate::standing;
use crate::store::{feed, problems, queues, sources};

/// How long the database and the writer may take before they count as not ready.
const READY_WITHIN: Duration = Duration::from_secs(2);

/// How long an answer about them is good for.
const LOOKED_EVERY: Span = Span::from_secs(1);

/// The process answers.
pub async fn health() -> &'static str {
    "OK"
}

/// Whether the portal could work when that was last looked at, and when that was.
#[derive(Debug, Default)]
pub struct Readiness(Mutex<Option<(Moment, Result<i64, &'static str>)>>);

/// The database answers, the writer takes work, and what it writes is committed; else 503 with which of them not.
///
/// At most once a second something is written, however often and by however many this is asked.
pub async fn ready(State(app): State<Arc<App>>) -> Response {
    let mut known = app.readiness.0.lock().await;
    let now = app.now();
    let looked = match *known {
        Some((at, looked)) if at <= now && now.since(at) < LOOKED_EVERY => looked,
        _ => look(&app).await,
    };
    if known.is_none_or(|(_, before)| before.is_ok() && looked.is_err())
        && let Err(wrong) = looked
    {
        tracing::error!(wrong, "not ready");
    }
    *known = Some((now, looked));
    match looked {
        Ok(position) => format!("OK, {position} events").into_response(),
        Err(wrong) => (StatusCode::SERVICE_UNAVAILABLE, wrong).into_response(),
    }
}

async fn look(app: &App) -> Result<i64, &'static str> {
    let read = timeout(READY_WITHIN, feed::newest(app.db.read())).await;
    let Ok(Ok(_)) = read else { return Err("The database does not answer.") };
    // With nothing in it, an arrival waits, is written and committed like any other.
    let nothing = Arrival { received_at: app.now(), ..Arrival::default() };
    match timeout(READY_WITHIN, app.writer.record(nothing)).await {
        Ok(Ok(receipt)) => Ok(receipt.last),
        Ok(Err(WriteError::Full)) => Err("The writer takes no more: too many events wait to be written."),
        Ok(Err(WriteError::Stopping)) => Err("The writer has stopped."),
        Ok(Err(WriteError::Database)) => Err("The database cannot be written; the log says why."),
        Err(_) => Err("The writer waits: the database has not taken what was to be written for 2 seconds."),
    }
}

/// The numbers, as Prometheus text.
pub async fn metrics(State(app): State<Arc<App>>) -> Response {
    match numbers(&app).await {
        Ok(text) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response(),
        Err(error) => super::error::Error::Database(error).into_response(),
    }
}

async fn numbers(app: &App) -> sqlx::Result<String> {
    let now = app.now();
    let world = app.worlds.now();
    let standings = standing::all(app, &world, now).await?;
    let mut out = String::new();
    let mut family = |name: &str, kind: &str, help: &str, lines: Vec<(String, f64)>| {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "# HELP watchbook_{name} {help}\n# TYPE watchbook_{name} {kind}");
        for (labels, value) in lines {
            let _ = writeln!(out, "watchbook_{name}{labels} {value}");
        }
    };
    let open = standings.iter().flat_map(|s| {
        let open = s.tally.open;
        [
            (Status::OnTrack, open.on_track),
            (Status::Retrying, open.retrying),
            (Status::Late, open.late),
            (Status::Broken, open.broken),
        ]
        .map(|(state, n)| (format!("{{workflow=\"{}\",state=\"{}\"}}", label(&s.id), state.name()), n as f64))
    });
    family("open_runs", "gauge", "Runs that are not ended, by the state of their worst place.", open.collect());
    let oldest = standings.iter().filter_map(|s| {
        let seconds = now.since(s.oldest()?.since).millis() as f64 / 1000.0;
        Some((format!("{{workflow=\"{}\"}}", label(&s.id)), seconds))
    });
    family(
        "oldest_waiting_seconds",
        "gauge",
        "How long the oldest open run is in its state: at its step, failing, failed, or late.",
        oldest.collect(),
    );
    let mut problems: std::collections::BTreeMap<&str, f64> = Kind::ALL.iter().map(|kind| (kind.name(), 0.0)).collect();
    for problem in problems::open(app.db.read()).await?.iter().filter(|p| p.is_raised()) {
        *problems.entry(problem.kind.name()).or_default() += 1.0;
    }
    let problems = problems.into_iter().map(|(kind, n)| (format!("{{kind=\"{kind}\"}}"), n));
    family("problems_open", "gauge", "Open problems by kind.", problems.collect());
    let queues: std::collections::BTreeMap<_, _> = queues::all(app.db.read()).await?.into_iter().collect();
    let depth = queues.iter().map(|(id, q)| (format!("{{queue=\"{}\"}}", label(id)), q.level.depth as f64));
    family("queue_depth", "gauge", "How many wait in a queue, by its newest report.", depth.collect());
    let oldest = queues.iter().filter_map(|(id, q)| {
        let seconds = q.level.age()?.millis() as f64 / 1000.0;
        Some((format!("{{queue=\"{}\"}}", label(id)), seconds))
    });
    family("queue_oldest_seconds", "gauge", "How long the oldest had waited at that report.", oldest.collect());
    let checks = world.documents_to_check(now);
    family("runbooks_needing_check", "gauge", "Runbooks that need a check.", vec![(String::new(), checks as f64)]);
    let heard = sources::all(app.db.read()).await?;
    let by_source = |value: fn(&sources::SourceRecord) -> i64| -> Vec<(String, f64)> {
        heard.iter().map(|s| (format!("{{source=\"{}\"}}", label(&s.id)), value(s) as f64)).collect()
    };
    family("events_accepted_total", "counter", "Events recorded.", by_source(|s| s.accepted));
    family("events_duplicate_total", "counter", "Events seen before.", by_source(|s| s.duplicates));
    family("events_refused_total", "counter", "Events refused.", by_source(|s| s.refused));
    let silence = heard.iter().map(|s| {
        let seconds = now.since(Moment::from_millis(s.last_heard_at)).millis() as f64 / 1000.0;
        (format!("{{source=\"{}\"}}", label(&s.id)), seconds)
    });
    family("source_silence_seconds", "gauge", "Seconds since a source was last heard.", silence.collect());
    family(
        "writer_waiting_events",
        "gauge",
        "Events that wait to be committed.",
        vec![(String::new(), app.writer.waiting() as f64)],
    );
    let commits = app.writer.commits();
    let mut took: Vec<_> = commits
        .up_to()
        .into_iter()
        .map(|(bound, count)| {
            let bound = bound.map_or("+Inf".to_owned(), |millis| (millis as f64 / 1000.0).to_string());
            (format!("_bucket{{le=\"{bound}\"}}"), count as f64)
        })
        .collect();
    let all = took.last().map_or(0.0, |(_, count)| *count);
    took.extend([("_sum".to_owned(), commits.sum().as_secs_f64()), ("_count".to_owned(), all)]);
    family("commit_seconds", "histogram", "How long commits of events took.", took);
    let drawn = vec![(String::new(), app.pictures.drawn() as f64)];
    family("pictures_drawn_total", "counter", "Pictures drawn for pages that are followed.", drawn);
    Ok(out)
}

fn label(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
