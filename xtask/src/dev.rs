//! Starts the demo, once or again after every change.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitCode};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};

use crate::assets;
use crate::cargo::{self, Profile};

/// What the product is made of. Not the book: the running server reads that again by itself.
const SOURCES: [&str; 6] = ["app", "server", "style", "migrations", "Cargo.toml", "Cargo.lock"];

/// Builds the demo and becomes it; `args` go to it.
pub fn run(args: &[String]) -> Result<ExitCode> {
    let release = args.iter().any(|arg| arg == "--release");
    let mut command = build(if release { Profile::Release } else { Profile::Dev }, args)?;
    // The server takes our place, so that Ctrl-C and SIGTERM reach it and it ends as it should.
    Err(command.exec()).with_context(|| format!("{} could not be started", command.get_program().display()))
}

/// Builds and starts the demo, and does so again when a source file changes.
pub fn watch(args: &[String]) -> Result<ExitCode> {
    let mut running: Option<Child> = None;
    loop {
        let built_from = newest();
        match build(Profile::Dev, args) {
            Ok(mut command) => {
                stop(running.take());
                running = Some(command.spawn().context("The server could not be started")?);
            }
            Err(error) if running.is_some() => eprintln!("\n{error:#}\nThe earlier build goes on."),
            Err(error) => eprintln!("\n{error:#}\nWaiting for a change."),
        }
        while newest() == built_from {
            std::thread::sleep(Duration::from_millis(300));
        }
        // An editor that saves several files is not done with the first.
        std::thread::sleep(Duration::from_millis(100));
        println!("\nSomething changed, building again");
    }
}

fn build(profile: Profile, args: &[String]) -> Result<Command> {
    assets::build()?;
    let mut command = cargo::program(cargo::server(profile)?);
    command.args(["serve", "--demo"]).args(args.iter().filter(|arg| *arg != "--release"));
    Ok(command)
}

/// Nothing acknowledged is lost when it is killed, so it is.
fn stop(running: Option<Child>) {
    if let Some(mut running) = running {
        _ = running.kill();
        _ = running.wait();
    }
}

fn newest() -> Option<SystemTime> {
    SOURCES.iter().filter_map(|name| newest_in(&cargo::root().join(name))).max()
}

/// The time of the latest change in a file or folder; a folder's own tells of files that went.
fn newest_in(path: &Path) -> Option<SystemTime> {
    let metadata = path.metadata().ok()?;
    let inside = metadata
        .is_dir()
        .then(|| std::fs::read_dir(path).ok())
        .flatten()
        .into_iter()
        .flatten()
        .filter_map(|entry| newest_in(&entry.ok()?.path()));
    inside.chain(metadata.modified().ok()).max()
}
