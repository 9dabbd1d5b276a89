//! What became of a version that was to be written to its file is kept.

use app::model::review::fingerprint;

use crate::db::Db;
use crate::store::runbooks::{self, RunbookRecord};
use crate::store::{checkpoints, feed};

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The file at this path holds this version now.
    Written {
        /// The version.
        version: i64,
        /// The file, from the folder of the book.
        file: String,
    },
    /// Git has everything up to this version; the commit, where it is ours.
    Committed {
        /// The version.
        version: i64,
        /// The commit.
        commit: Option<String>,
    },
    /// It could not be, for this reason; it is tried again.
    Problem(String),
    /// It could not be, and that is how the folder is: nothing is to be said of single runbooks.
    ReadOnly,
}

/// Keeps what became of a version of a runbook. Gives whether anything is other than before.
///
/// # Errors
/// What the database says.
pub async fn keep_file(db: &Db, slug: &str, outcome: Outcome) -> sqlx::Result<bool> {
    let mut tx = db.write().await?;
    feed::take_turn(&mut tx).await?;
    let Some(known) = runbooks::find(&mut tx, slug).await? else { return Ok(false) };
    let next = match outcome {
        Outcome::Written { version, file } => {
            checkpoints::forget(&mut tx).await?;
            let text = runbooks::version_in(&mut tx, slug, version).await?;
            RunbookRecord {
                file: Some(file),
                file_version: Some(version),
                file_fingerprint: text.map(|v| fingerprint(&v.body)),
                file_problem: None,
                ..known.clone()
            }
        }
        Outcome::Committed { version, commit } => {
            if let Some(commit) = commit {
                runbooks::note_commit(&mut tx, slug, version, &commit).await?;
            }
            let newer = known.version > version;
            RunbookRecord { commit_from: newer.then_some(version + 1), file_problem: None, ..known.clone() }
        }
        Outcome::Problem(why) => RunbookRecord { file_problem: Some(why), ..known.clone() },
        Outcome::ReadOnly => RunbookRecord { file_problem: None, ..known.clone() },
    };
    if next == known {
        return Ok(false);
    }
    runbooks::put(&mut tx, &next).await?;
    tx.commit().await?;
    Ok(true)
}
