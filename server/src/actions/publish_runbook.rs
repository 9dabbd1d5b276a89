//! Publishing a runbook from the browser: a new version, unless somebody else saved first.

use app::model::moment::Moment;
use app::model::review::fingerprint;

use crate::db::Db;
use crate::store::feed;
use crate::store::people::{self, AuditLine};
use crate::store::runbooks::{self, RunbookRecord, VersionRecord};

/// A text to be saved.
#[derive(Debug, Clone)]
pub struct Draft<'a> {
    /// The runbook; may be new.
    pub slug: &'a str,
    /// The version that the writing started from; 0 for a new one.
    pub base: i64,
    /// The whole text, front matter included.
    pub body: &'a str,
    /// Its title.
    pub title: &'a str,
    /// Who wrote it.
    pub author: &'a str,
    /// From where, for the record of who did what.
    pub address: &'a str,
    /// Why, in a line.
    pub why: &'a str,
}

/// What became of a draft.
#[derive(Debug)]
pub enum Published {
    /// It is this version now.
    Version(i64),
    /// It says the same as the newest version, which stays.
    Same(i64),
    /// Somebody else saved this version since; nothing was written.
    Conflict(Box<VersionRecord>),
}

/// Saves a draft as the next version.
///
/// # Errors
/// What the database says.
pub async fn publish_runbook(db: &Db, draft: Draft<'_>, now: Moment) -> sqlx::Result<Published> {
    let mut tx = db.write().await?;
    feed::take_turn(&mut tx).await?;
    let known = runbooks::find(&mut tx, draft.slug).await?;
    let newest = match &known {
        Some(known) => runbooks::version_in(&mut tx, draft.slug, known.version).await?,
        None => None,
    };
    if let Some(newest) = newest {
        if fingerprint(&newest.body) == fingerprint(draft.body) {
            return Ok(Published::Same(newest.version));
        }
        if newest.version != draft.base {
            return Ok(Published::Conflict(Box::new(newest)));
        }
    }
    let version = known.as_ref().map_or(1, |k| k.version + 1);
    let known = known.unwrap_or_default();
    // The file still holds what it held; whoever writes files sees that this version waits.
    let commit_from = known.commit_from.or(Some(version));
    let runbook = RunbookRecord { slug: draft.slug.to_owned(), version, commit_from, ..known };
    runbooks::put(&mut tx, &runbook).await?;
    let record = VersionRecord {
        slug: draft.slug.to_owned(),
        version,
        body: draft.body.to_owned(),
        title: draft.title.to_owned(),
        author: draft.author.to_owned(),
        why: draft.why.to_owned(),
        saved_at: now.millis(),
        origin: "browser".to_owned(),
    };
    runbooks::append(&mut tx, &record).await?;
    let line = AuditLine {
        at: now,
        actor: draft.author.to_owned(),
        action: "publish_runbook".to_owned(),
        subject: format!("runbook:{} version {version}", draft.slug),
        address: draft.address.to_owned(),
    };
    people::append_audit(&mut tx, &line).await?;
    tx.commit().await?;
    Ok(Published::Version(version))
}
