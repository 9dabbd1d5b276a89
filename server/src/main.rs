//! Starts Watchbook: settings, logging, then the command that was asked for.

use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;
use watchbook::config::{Command, LogFormat, What};
use watchbook::web::serve;

mod commands;

#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    let command = Command::parse();
    log(command.log_format);
    let done = match command.what {
        What::Serve(settings) => serve::serve(settings).await,
        What::Check { dir } => commands::check(&dir),
        What::Schema => commands::schema(),
        What::Token { what } => commands::token(what).await,
        What::User { what } => commands::user(what).await,
        What::Backup { file, database } => commands::backup(&file, &database).await,
        What::Export { dir, database, base_url, timezone } => {
            commands::export(&dir, database, base_url, timezone).await
        }
        What::Restore { file, database } => commands::restore(&file, &database),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(wrong) => {
            eprintln!("watchbook: {wrong}");
            ExitCode::FAILURE
        }
    }
}

fn log(format: LogFormat) {
    let filter = EnvFilter::try_from_env("WATCHBOOK_LOG")
        .unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn,tower_sessions_core=error,tantivy=warn"));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => lines.init(),
        LogFormat::Json => lines.json().init(),
    }
}
