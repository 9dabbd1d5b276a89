//! Settling that a runbook's file and its newest version differ: a person says which holds, or puts both together.

use app::model::moment::Moment;
use app::model::review::fingerprint;

use crate::db::Db;
use crate::store::feed;
use crate::store::people::{self, AuditLine};
use crate::store::runbooks::{self, RunbookRecord, VersionRecord};

/// What is to hold.
#[derive(Debug, Clone, Copy)]
pub enum Answer<'a> {
    /// The text of the file.
    TakeFile,
    /// The newest version.
    KeepThis,
    /// A text made of both, its title, and the line of why.
    Both {
        /// The whole text, front matter included.
        body: &'a str,
        /// Its title.
        title: &'a str,
        /// Why.
        why: &'a str,
    },
}

/// An answer, and what the person saw who gave it.
#[derive(Debug, Clone)]
pub struct Settlement<'a> {
    /// The runbook.
    pub slug: &'a str,
    /// The version that was shown.
    pub version: i64,
    /// The fingerprint of the file's text that was shown.
    pub file: &'a str,
    /// The title that the file's text has.
    pub file_title: &'a str,
    /// What is to hold.
    pub answer: Answer<'a>,
    /// Who says so.
    pub by: &'a str,
    /// From where.
    pub address: &'a str,
}

/// What became of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// This version holds.
    Version(i64),
    /// Text or file is no longer what was shown; nothing was written.
    Changed,
}

/// Settles it. The text of the file becomes a version in any case, so that nothing that was written is lost; what holds
/// instead of it comes after it.
///
/// # Errors
/// What the database says.
pub async fn settle_runbook(db: &Db, s: Settlement<'_>, now: Moment) -> sqlx::Result<Settled> {
    let mut tx = db.write().await?;
    feed::take_turn(&mut tx).await?;
    let Some(known) = runbooks::find(&mut tx, s.slug).await? else { return Ok(Settled::Changed) };
    let newest = runbooks::version_in(&mut tx, s.slug, known.version).await?;
    let (Some(text), Some(newest)) = (known.conflict_text.clone(), newest) else { return Ok(Settled::Changed) };
    if known.version != s.version || fingerprint(&text) != s.file {
        return Ok(Settled::Changed);
    }
    let of_file = known.version + 1;
    let version = |version: i64, body: &str, title: &str, author: &str, why: &str, origin: &str| VersionRecord {
        slug: s.slug.to_owned(),
        version,
        body: body.to_owned(),
        title: title.to_owned(),
        author: author.to_owned(),
        why: why.to_owned(),
        saved_at: now.millis(),
        origin: origin.to_owned(),
    };
    let author = known.conflict_author.clone().unwrap_or_else(|| known.place());
    let why = known.conflict_why.clone().unwrap_or_default();
    let mut appended = vec![version(of_file, &text, s.file_title, &author, &why, "file")];
    let over = "Kept over what the file said";
    match s.answer {
        Answer::TakeFile => {}
        Answer::Both { body, .. } if fingerprint(body) == s.file => {}
        Answer::KeepThis => appended.push(version(of_file + 1, &newest.body, &newest.title, s.by, over, "browser")),
        Answer::Both { body, title, why } => {
            appended.push(version(of_file + 1, body, title, s.by, why, "browser"));
        }
    }
    let last = known.version + appended.len() as i64;
    let commit_from = match (last == of_file, &known.conflict_commit) {
        (true, Some(_)) => None,
        _ => known.commit_from.or((last != of_file).then_some(last)),
    };
    let commit = known.conflict_commit.clone();
    let next = RunbookRecord {
        version: last,
        file_version: Some(of_file),
        file_fingerprint: Some(s.file.to_owned()),
        commit_from,
        file_problem: None,
        ..known.settled()
    };
    runbooks::put(&mut tx, &next).await?;
    for version in &appended {
        runbooks::append(&mut tx, version).await?;
    }
    if let Some(commit) = commit {
        runbooks::note_commit(&mut tx, s.slug, of_file, &commit).await?;
    }
    let answer = match s.answer {
        Answer::TakeFile => "the file's text",
        Answer::KeepThis => "the text saved in the browser",
        Answer::Both { .. } => "both together",
    };
    let line = AuditLine {
        at: now,
        actor: s.by.to_owned(),
        action: "settle_runbook".to_owned(),
        subject: format!("runbook:{} version {last}: {answer}", s.slug),
        address: s.address.to_owned(),
    };
    people::append_audit(&mut tx, &line).await?;
    tx.commit().await?;
    Ok(Settled::Version(last))
}
