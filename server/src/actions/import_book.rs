//! Importing the book: every difference becomes a change, every new text of a file a version.

use std::collections::{BTreeSet, HashMap};

use app::model::book::Book;
use app::model::image::Judged;
use app::model::moment::Moment;
use app::model::reference::Reference;
use app::model::review::{self, DEPLOYED, Difference, OBSERVED, Parts, fingerprint};
use app::model::runbook::RunbookText;

use crate::db::{Db, Tx};
use crate::store::parts::{self, ChangeRecord};
use crate::store::runbooks::{self, RunbookRecord, VersionRecord};
use crate::store::watches;
use crate::store::{books, checkpoints, feed, images};

/// What an import changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// How many values of parts differ from the import before.
    pub changes: usize,
    /// How many texts became versions.
    pub versions: usize,
    /// Workflows whose open runs must be judged anew; they are due, so the clock judges those that nobody else does.
    pub rejudge: BTreeSet<String>,
}

/// The last commit of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its full name.
    pub id: String,
    /// Who wrote it.
    pub author: String,
    /// The first line of its message.
    pub subject: String,
}

/// An image that stands in the folder and that a runbook shows.
#[derive(Debug, Clone)]
pub struct FoundImage {
    /// From the folder of the book, with `/`.
    pub path: String,
    /// The SHA-256 of its bytes, in hex.
    pub hash: String,
    /// What it is.
    pub judged: Judged,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// What is known of the files besides what they say.
#[derive(Debug, Default)]
pub struct Files {
    /// The last commit of each file that is as it was committed, by its path from the folder.
    pub commits: HashMap<String, Commit>,
    /// Runbooks whose files are not to be taken over now, and why, by slug.
    pub held: HashMap<String, String>,
    /// Images that are new, or others than before.
    pub images: Vec<FoundImage>,
}

/// Takes over a book and its runbooks.
///
/// The first import of all records no changes: nothing was there before.
///
/// # Errors
/// What the database says; nothing of the import is kept then.
pub async fn import_book(
    db: &Db,
    book: &Book,
    texts: &[RunbookText],
    files: &Files,
    now: Moment,
) -> sqlx::Result<Imported> {
    let mut tx = db.write().await?;
    feed::take_turn(&mut tx).await?;
    checkpoints::forget(&mut tx).await?;
    let before: Parts = parts::all(&mut *tx).await?.into_iter().map(|(r, v, _)| (r, v)).collect();
    let mut imported = Imported::default();
    let mut after = review::parts(book);
    // What is deployed is told by events and survives every import.
    for (reference, values) in &before {
        if let (Some(deployed), Some(now)) = (values.get(DEPLOYED), after.get_mut(reference)) {
            now.insert(DEPLOYED.to_owned(), deployed.clone());
        }
    }
    // So does what was observed, until the book comes to say it.
    for (reference, values) in &before {
        if let Some(now) = after.get_mut(reference) {
            let observed = values.iter().filter(|(field, _)| field.starts_with(OBSERVED));
            now.extend(observed.map(|(field, value)| (field.clone(), value.clone())));
        }
    }
    let declared = |r: &Reference| before.get(r).is_some_and(|v| v.len() > 1 || !v.contains_key(DEPLOYED));
    let differences: Vec<Difference> = review::changes(&before, &after)
        .into_iter()
        // A part that only a deployment told of is not gone because the book does not know it.
        .filter(|d| after.contains_key(&d.subject) || declared(&d.subject))
        .collect();
    let changed: Parts =
        after.iter().filter(|(r, v)| before.get(*r) != Some(v)).map(|(r, v)| (r.clone(), v.clone())).collect();
    parts::put(&mut tx, &changed, now).await?;
    let gone: Vec<Reference> = before.keys().filter(|r| !after.contains_key(*r) && declared(r)).cloned().collect();
    parts::remove(&mut tx, &gone).await?;
    for difference in &differences {
        match &difference.subject {
            Reference::Workflow(w) | Reference::Step(w, _) => imported.rejudge.insert(w.clone()),
            _ => false,
        };
    }
    // Whatever happens after the commit, the clock judges them.
    let workflows: Vec<&str> = imported.rejudge.iter().map(String::as_str).collect();
    watches::due_at(&mut tx, &workflows, now).await?;
    if !before.is_empty() {
        imported.changes = differences.len();
        let records: Vec<_> = differences.into_iter().map(|d| change(d, now)).collect();
        parts::append_changes(&mut tx, &records, now).await?;
    }
    keep_book(&mut tx, book, now).await?;
    for image in &files.images {
        images::keep(&mut tx, &image.hash, image.judged, &image.bytes, now).await?;
        if images::at(&mut tx, &image.path).await?.as_ref() != Some(&image.hash) {
            images::name(&mut tx, &image.path, &image.hash, "file", now).await?;
        }
    }
    imported.versions = take_over(&mut tx, texts, files, now).await?;
    tx.commit().await?;
    Ok(imported)
}

/// Keeps the whole book if it is another than before: what it said is asked for long after it has changed.
async fn keep_book(tx: &mut Tx, book: &Book, now: Moment) -> sqlx::Result<()> {
    // A book is plain data: writing it as JSON cannot fail.
    let text = serde_json::to_string(book).unwrap_or_default();
    let print = fingerprint(&text);
    if books::newest_fingerprint(tx).await?.as_ref() != Some(&print) {
        books::append(tx, &print, &text, now).await?;
    }
    Ok(())
}

fn change(d: Difference, now: Moment) -> ChangeRecord {
    let value = |v: String| (!v.is_empty()).then_some(v);
    ChangeRecord {
        reference: d.subject.to_string(),
        field: d.field,
        before_value: value(d.before),
        after_value: value(d.after),
        changed_at: now.millis(),
        changed_by: "the book".to_owned(),
        link: None,
        deployed: None,
        origin: "book".to_owned(),
    }
}

/// Takes over the texts of files; gives how many became versions.
async fn take_over(tx: &mut Tx, texts: &[RunbookText], files: &Files, now: Moment) -> sqlx::Result<usize> {
    let mut known: HashMap<String, RunbookRecord> =
        runbooks::all(&mut **tx).await?.into_iter().map(|r| (r.slug.clone(), r)).collect();
    let mut versions = 0;
    for text in texts {
        let known = known.remove(&text.slug);
        let print = text.print.clone();
        let held = files.held.get(&text.slug);
        let next = match (held, known.clone()) {
            (Some(why), Some(known)) => RunbookRecord { file_problem: Some(why.clone()), ..known },
            (Some(_), None) => continue,
            (None, Some(known)) if known.file_fingerprint.as_ref() == Some(&print) => unchanged(known, text),
            (None, known) => {
                let newest = match &known {
                    Some(known) => runbooks::version_in(tx, &text.slug, known.version).await?,
                    None => None,
                };
                let commit = files.commits.get(&text.file);
                let next = changed(known.unwrap_or_default(), newest.as_ref(), text, print, commit);
                if newest.is_none_or(|newest| newest.version != next.version) {
                    runbooks::put(tx, &next).await?;
                    append(tx, text, next.version, commit, now).await?;
                    versions += 1;
                    continue;
                }
                next
            }
        };
        if known.as_ref() != Some(&next) {
            runbooks::put(tx, &next).await?;
        }
    }
    // What is left has no file; what is still to be written for the first time has none yet.
    for runbook in known.into_values().filter(|r| !files.held.contains_key(&r.slug)) {
        if runbook.file_version.is_some() && runbook.gone_at.is_none() {
            runbooks::put(tx, &RunbookRecord { gone_at: Some(now.millis()), ..runbook }).await?;
        }
    }
    Ok(versions)
}

/// The file says what it was last known to say.
fn unchanged(known: RunbookRecord, text: &RunbookText) -> RunbookRecord {
    // A file that went back to that text contradicts nobody any more.
    let known = known.settled();
    let file_problem = if known.file_version == Some(known.version) && known.commit_from.is_none() {
        None
    } else {
        known.file_problem.clone()
    };
    RunbookRecord { file_problem, ..there(known, text) }
}

/// The file is there; one that was taken out of use with its file is in use again.
fn there(known: RunbookRecord, text: &RunbookText) -> RunbookRecord {
    RunbookRecord { file: Some(text.file.clone()), gone_at: None, retired_at: None, retired_by: None, ..known }
}

/// The file says something else than it was last known to say: the same as the newest version, the next version, or,
/// if there is a version since that the file never held, something to be settled by a person.
fn changed(
    known: RunbookRecord,
    newest: Option<&VersionRecord>,
    text: &RunbookText,
    print: String,
    commit: Option<&Commit>,
) -> RunbookRecord {
    let known = RunbookRecord { slug: text.slug.clone(), ..there(known, text) };
    match newest {
        Some(newest) if fingerprint(&newest.body) == print => RunbookRecord {
            file_fingerprint: Some(print),
            file_version: Some(known.version),
            file_problem: known.commit_from.and(known.file_problem.clone()),
            ..known.settled()
        },
        Some(newest) if known.file_version != Some(known.version) => RunbookRecord {
            conflict: Some(differ(&known, newest, text)),
            conflict_text: Some(text.source.to_string()),
            conflict_author: Some(commit.map_or(&text.file, |c| &c.author).clone()),
            conflict_why: Some(commit.map_or("The file changed", |c| &c.subject).to_owned()),
            conflict_commit: commit.map(|c| c.id.clone()),
            file_problem: None,
            ..known
        },
        _ => RunbookRecord {
            version: known.version + 1,
            file_fingerprint: Some(print),
            file_version: Some(known.version + 1),
            // What is committed has all that was saved before in it.
            commit_from: if commit.is_some() { None } else { known.commit_from },
            file_problem: None,
            ..known.settled()
        },
    }
}

fn differ(known: &RunbookRecord, newest: &VersionRecord, text: &RunbookText) -> String {
    let since = match known.file_version {
        Some(base) => format!("Both were changed since version {base}."),
        None => "Neither comes from the other.".to_owned(),
    };
    let (file, version, author) = (&text.file, newest.version, &newest.author);
    format!(
        "The file {file} and version {version}, saved in the browser by {author}, differ. {since} Version {version} is shown until somebody settles it."
    )
}

async fn append(
    tx: &mut Tx,
    text: &RunbookText,
    version: i64,
    commit: Option<&Commit>,
    now: Moment,
) -> sqlx::Result<()> {
    let why = match (commit, version) {
        (Some(commit), _) => commit.subject.as_str(),
        (None, 1) => "First version",
        (None, _) => "The file changed",
    };
    let record = VersionRecord {
        slug: text.slug.clone(),
        version,
        body: text.source.to_string(),
        title: text.front.title.clone(),
        author: commit.map_or(&text.file, |c| &c.author).clone(),
        why: why.to_owned(),
        saved_at: now.millis(),
        origin: "file".to_owned(),
    };
    runbooks::append(tx, &record).await?;
    match commit {
        Some(commit) => runbooks::note_commit(tx, &text.slug, version, &commit.id).await,
        None => Ok(()),
    }
}
