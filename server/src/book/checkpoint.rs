//! A start that finds the folder as it was last taken over does not read it: what was found in the texts was kept.
//!
//! Whether the files are the same is told by their names, lengths and times, as at every look of the watcher. Another
//! program may find something else in the same text, so that it reads all of them.

use std::env;
use std::fs;
use std::sync::Arc;

use super::files::{Fingerprint, look_at};
use super::read_again;
use crate::App;
use crate::store::books;
use crate::store::checkpoints::{self, TakenOver};
use crate::world::AlreadyRead;

/// Puts the book in use that was last taken over, if the folder is still as it was then. Gives whether it is.
pub(super) async fn resume(app: &App, seen: Fingerprint) -> sqlx::Result<bool> {
    let Some(taken) = taken_over(app, seen) else { return Ok(false) };
    let pool = app.db.read();
    let unread = |error: &serde_json::Error| tracing::warn!(%error, "the checkpoint cannot be read");
    let gists = checkpoints::find(pool, &taken).await?;
    let Some(gists) = gists.and_then(|gists| serde_json::from_str(&gists).inspect_err(unread).ok()) else {
        return Ok(false);
    };
    let Some(book) = books::newest(pool).await? else { return Ok(false) };
    app.worlds.turn().await.use_book(&app.db, book, AlreadyRead { files: &[], gists }).await?;
    Ok(true)
}

/// Keeps for the next start that the folder, as it was `seen`, is taken over. Where that fails, the next start takes
/// longer.
pub(super) async fn keep(app: &App, seen: Fingerprint) {
    // What was written only just now may be written once more, and look the same.
    let Some(taken) = taken_over(app, seen).filter(|_| seen.settled) else { return };
    if !app.worlds.now().book_errors.is_empty() {
        return;
    }
    let keep = async {
        if checkpoints::is_kept(app.db.read(), &taken).await? {
            return Ok(());
        }
        // Meanwhile nothing is taken over; and it may be that something was, since it was seen.
        let _one = app.worlds.one_import().await;
        match look_at(&app.config.book).await.0 {
            Some(now) if now.print == seen.print => {
                // Gists are plain data: writing them as JSON cannot fail.
                let gists = serde_json::to_string(&app.worlds.now().gists()).unwrap_or_default();
                checkpoints::put(&app.db, &taken, &gists).await
            }
            _ => Ok(()),
        }
    };
    if let Err::<(), sqlx::Error>(error) = keep.await {
        tracing::warn!(%error, "what was found in the book could not be kept; the next start reads all of it again");
    }
}

/// Reads the files after a start that did not: whoever opens a text, or changes one, need not wait for it then.
pub(super) async fn read_ahead(app: Arc<App>) {
    let reading = {
        let app = app.clone();
        tokio::task::spawn_blocking(move || read_again(&app.config.book, &mut app.folder.parses()))
    };
    if let Ok(Ok(reading)) = reading.await {
        app.worlds.now().offer(&reading.runbooks);
    }
}

/// This folder with these files, read by this program; none where that cannot be told.
fn taken_over(app: &App, seen: Fingerprint) -> Option<TakenOver> {
    let folder = fs::canonicalize(&app.config.book).ok()?.to_str()?.to_owned();
    Some(TakenOver { folder, program: program()?, files: seen.print.to_string() })
}

/// This very file of the program, as the file system tells it apart from every other one.
fn program() -> Option<String> {
    let file = fs::metadata(env::current_exe().ok()?).ok()?;
    #[cfg(unix)]
    let at = {
        use std::os::unix::fs::MetadataExt;
        format!("{} {} {}.{}", file.dev(), file.ino(), file.ctime(), file.ctime_nsec())
    };
    #[cfg(not(unix))]
    let at = format!("{:?}", file.modified().ok()?);
    Some(format!("{at} {}", file.len()))
}
