//! Whether the process lives, whether it can work, and its numbers for Prometheus.

use std::fmt::Write;
use std::sync::Arc;

use app::model::moment::Moment;
use app::model::problem::Kind;
use app::model::status::State as Status;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::App;
use crate::standing;
use crate::store::{feed, problems, queues, sources};

/// The process answers.
pub async fn health() -> &'static str {
    "OK"
}

/// The database answers and the writer takes events.
pub async fn ready(State(app): State<Arc<App>>) -> Response {
    match feed::newest(app.db.read()).await {
        Ok(position) => format!("OK, {position} events").into_response(),
        Err(error) => {
            tracing::error!(%error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "The database does not answer.").into_response()
        }
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
        let seconds = now.since(s.oldest_at()?).millis() as f64 / 1000.0;
        Some((format!("{{workflow=\"{}\"}}", label(&s.id)), seconds))
    });
    family("oldest_waiting_seconds", "gauge", "How long the oldest open run has been where it is.", oldest.collect());
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
    let checks = world.documents.values().filter(|d| d.flags() > 0).count();
    family("runbooks_needing_check", "gauge", "Runbooks with open flags.", vec![(String::new(), checks as f64)]);
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
