//! Taking the book over: at start, and whenever its files change. A broken file leaves the last good book in use.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecursiveMode, Watcher};
use tokio::sync::{broadcast, mpsc};

use super::back::{known_of, look_at_folder, write_back, write_waiting};
use super::files::look_at;
use super::{Reading, checkpoint, read_again};
use crate::App;
use crate::actions::import_book::import_book;
use crate::actions::judge_due::judge_workflow;
use crate::actions::keep_records::compare_again;
use crate::live::Topic;
use crate::world::AlreadyRead;

/// Editors write a file in several moves; the folder is read when it has been quiet for this long.
const QUIET: Duration = Duration::from_millis(100);

/// Some folders (mounts, other machines) tell of no changes; they are looked at this often at most.
const LOOK: Duration = Duration::from_secs(5);

/// A look at a large folder takes long; so many times as long nobody looks unasked, but a minute at most.
const REST: u32 = 50;
const LONGEST_REST: Duration = Duration::from_secs(60);

/// How many findings are shown on pages; `watchbook check` shows all.
const MOST_SHOWN: usize = 20;

/// Takes the book over at start. Without one that can be read the portal does not start.
///
/// # Errors
/// A sentence for the person who starts it.
pub async fn first_import(app: &Arc<App>) -> Result<(), String> {
    // Before it is read: what is written meanwhile is noticed at the first look.
    let (seen, _) = look_at(&app.config.book).await;
    if let Some(seen) = seen
        && checkpoint::resume(app, seen).await.map_err(|e| format!("the book last used cannot be read: {e}"))?
    {
        look_at_folder(app).await;
        app.folder.set_at_start(Some(seen));
        return Ok(());
    }
    let reading = read_again(&app.config.book, &mut app.folder.parses()).map_err(|e| e.to_string())?;
    if reading.has_errors() {
        let shown: Vec<_> = errors(&reading);
        return Err(format!(
            "the book in {} cannot be used:\n  {}\nPut it right; \"watchbook check\" shows everything.",
            app.config.book.display(),
            shown.join("\n  ")
        ));
    }
    look_at_folder(app).await;
    take_over(app, reading).await.map_err(|e| format!("the book cannot be taken over: {e}"))?;
    app.folder.set_at_start(seen);
    if let Some(seen) = seen {
        checkpoint::keep(app, seen).await;
    }
    Ok(())
}

/// Takes the book over whenever its files change, for ever.
pub async fn watch(app: Arc<App>) {
    let (tell, mut told) = mpsc::channel(1);
    let dir = app.config.book.clone();
    let mut watcher = notify::recommended_watcher(move |event| {
        if may_be_a_change(&event) {
            // A full channel means that a change is known already.
            let _ = tell.try_send(());
        }
    });
    match &mut watcher {
        Ok(watcher) => {
            if let Err(error) = watcher.watch(&dir, RecursiveMode::Recursive) {
                tracing::warn!(%error, "the folder of the book tells of no changes; it is looked at every few seconds");
            }
        }
        Err(error) => {
            tracing::warn!(%error, "changes of files cannot be watched; the book is looked at every few seconds")
        }
    }
    if app.folder.parses().is_empty() {
        tokio::spawn(checkpoint::read_ahead(app.clone()));
    }
    let mut seen = app.folder.at_start().map(|seen| seen.print);
    let mut changes = app.live.listen();
    let mut pause = LOOK;
    loop {
        tokio::select! {
            () = quiet_change(&mut told, pause) => {}
            () = saved(&mut changes) => {}
        }
        pause = (look(&app, &dir, &mut seen).await * REST).clamp(LOOK, LONGEST_REST);
    }
}

/// Whether a file may be another after an event. That one was opened or read, as at every look, is not worth the next
/// look: that would go on for ever. What cannot be told may be anything.
fn may_be_a_change(event: &notify::Result<Event>) -> bool {
    let kind = event.as_ref().map(|event| event.kind);
    kind.map_or(true, |kind| !kind.is_access() || kind == EventKind::Access(AccessKind::Close(AccessMode::Write)))
}

/// Waits until files have changed and are left alone, or it is time to look anyway.
async fn quiet_change(told: &mut mpsc::Receiver<()>, pause: Duration) {
    tokio::select! {
        // A watcher that could not start tells nothing, at once and for ever.
        Some(()) = told.recv() => {
            while tokio::time::timeout(QUIET, told.recv()).await.is_ok_and(|t| t.is_some()) {}
        }
        () = tokio::time::sleep(pause) => {}
    }
}

/// Waits until something is told of the book: a text may have been saved that is to be written to its file.
async fn saved(changes: &mut broadcast::Receiver<Arc<BTreeSet<Topic>>>) {
    loop {
        match changes.recv().await {
            Ok(topics) if !topics.contains(&Topic::Book) => {}
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
            Ok(_) | Err(_) => return,
        }
    }
}

/// Takes the folder over if it is not as it was `seen`. What was not taken over, but for what is in it, is not seen.
/// Gives how long it took to see.
pub async fn look(app: &Arc<App>, dir: &Path, seen: &mut Option<u64>) -> Duration {
    let (now, took) = look_at(dir).await;
    match now {
        Some(now) if Some(now.print) == *seen => {
            checkpoint::keep(app, now).await;
            write_back(app).await;
        }
        now => *seen = if take_over_files(app, dir).await { now.map(|now| now.print) } else { None },
    }
    took
}

/// Reads the folder and takes it over, or says on every page why not; then writes what waits for its file. Gives
/// whether the reading is settled: taken over, or refused for what is in it. Else it is worth another try.
pub async fn take_over_files(app: &Arc<App>, dir: &Path) -> bool {
    let _one = app.worlds.one_import().await;
    let settled = read_and_take_over(app, dir).await;
    write_waiting(app).await;
    settled
}

async fn read_and_take_over(app: &Arc<App>, dir: &Path) -> bool {
    let (dir, reading) = (dir.to_owned(), app.clone());
    let reading = move || read_again(&dir, &mut reading.folder.parses());
    let reading = match tokio::task::spawn_blocking(reading).await {
        Ok(Ok(reading)) => reading,
        Ok(Err(error)) => return keep_last_good(app, vec![error.to_string()], false),
        Err(error) => return keep_last_good(app, vec![format!("reading it failed: {error}")], false),
    };
    if reading.has_errors() {
        return keep_last_good(app, errors(&reading), true);
    }
    if let Err(error) = take_over(app, reading).await {
        tracing::error!(%error, "the book could not be taken over");
        return keep_last_good(app, vec!["The database did not take it; the log says why.".to_owned()], false);
    }
    true
}

fn keep_last_good(app: &App, errors: Vec<String>, settled: bool) -> bool {
    tracing::warn!(?errors, "the book on disk cannot be used; the last good one stays");
    app.worlds.set_book_errors(errors);
    app.live.changed([Topic::Book].into());
    settled
}

fn errors(reading: &Reading) -> Vec<String> {
    let wrong = reading.findings.iter().filter(|f| f.severity == super::Severity::Error);
    wrong.map(ToString::to_string).take(MOST_SHOWN).collect()
}

async fn take_over(app: &Arc<App>, reading: Reading) -> sqlx::Result<()> {
    let now = app.now();
    let files = known_of(app, &reading.runbooks).await?;
    // From the import to its use nobody else reads or judges: parts and book go together.
    let turn = app.worlds.turn().await;
    let imported = import_book(&app.db, &reading.book, &reading.runbooks, &files, now).await?;
    let already = AlreadyRead { files: &reading.runbooks, ..AlreadyRead::default() };
    turn.use_book(&app.db, reading.book, already).await?;
    tracing::info!(changes = imported.changes, versions = imported.versions, "the book was taken over");
    let book = app.worlds.book();
    for workflow in &imported.rejudge {
        let topics = judge_workflow(&app.db, &book, workflow, now).await?;
        app.live.changed(topics);
        app.live.changed(compare_again(&app.db, &book, workflow).await?);
    }
    app.live.changed([Topic::Book].into());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looking_at_the_folder_is_no_reason_to_look_again() {
        let dir = tempfile::tempdir().unwrap();
        let (read, written) = (dir.path().join("read.yaml"), dir.path().join("written.yaml"));
        std::fs::write(&read, "x: 1").unwrap();
        let (tell, told) = std::sync::mpsc::channel();
        let mut watcher = notify::recommended_watcher(move |event| {
            if may_be_a_change(&event) {
                tell.send(event.unwrap().paths).unwrap();
            }
        })
        .unwrap();
        watcher.watch(dir.path(), RecursiveMode::Recursive).unwrap();
        for _ in 0..3 {
            super::super::files::fingerprint(dir.path()).unwrap();
            assert_eq!(std::fs::read_to_string(&read).unwrap(), "x: 1");
        }
        std::fs::write(&written, "x: 1").unwrap();
        // Events come in order: the first one that counts is of what was written last.
        assert_eq!(told.recv_timeout(Duration::from_secs(60)).unwrap(), [written]);
    }

    #[tokio::test]
    async fn a_watcher_that_could_not_start_leaves_the_look_every_few_seconds() {
        let (tell, mut told) = mpsc::channel(1);
        drop(tell);
        // Polled once: what is at once ready is at once ready again, for ever.
        let at_once = tokio::time::timeout(Duration::ZERO, quiet_change(&mut told, LOOK)).await;
        assert!(at_once.is_err(), "nobody told of a change");
    }
}
