//! Texts saved in the browser go back to the folder of the book, and into its git work tree where it is in one.
//!
//! The version in the database is there first and is the truth. What cannot be written stays waiting, with the reason
//! in a sentence, and is tried again at every look of the watcher and after every start.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use app::model::moment::Moment;
use app::model::runbook::RunbookText;

use super::files::Fingerprint;
use super::git::{self, Around, Committed, Message, WorkTree};
use super::images::{self, Seen};
use super::parses::Parses;
use super::write::{Expected, WriteError, Written, try_folder, write_image, write_text};
use crate::App;
use crate::actions::import_book::Files;
use crate::actions::keep_file::{Outcome, keep_file};
use crate::live::Topic;
use crate::store::images as stored;
use crate::store::runbooks::{self, RunbookRecord, VersionRecord};

/// How long somebody who has saved a text waits at most for its file; it is written in any case.
const WAIT: Duration = Duration::from_secs(1);

/// How the folder of the book takes what is written, as last seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FolderStanding {
    /// Why nothing can be written in it, to follow a colon; none when it can.
    pub read_only: Option<String>,
    /// Whether it is in a git work tree.
    pub git: GitStanding,
}

/// Whether texts are committed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum GitStanding {
    /// There is no work tree, or no git.
    #[default]
    Plain,
    /// They are, on this branch.
    Branch(String),
    /// No branch is checked out.
    Detached,
    /// Git does not work there; what it says, to follow a colon.
    Refused(String),
}

/// What is known of the folder of the book.
#[derive(Debug, Default)]
pub struct Folder {
    standing: Mutex<FolderStanding>,
    seen: Mutex<Seen>,
    parses: Mutex<Parses>,
    /// The fingerprint of the files as they were taken over at start.
    at_start: OnceLock<Option<Fingerprint>>,
}

impl Folder {
    /// How it takes what is written.
    pub fn standing(&self) -> FolderStanding {
        // The lock only ever guards one assignment.
        self.standing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What its files said when they were last read. It computes and waits for the disk: on a thread of its own.
    pub(super) fn parses(&self) -> MutexGuard<'_, Parses> {
        // What a panic left half done is only what need not be read again.
        self.parses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The fingerprint of the files as they were taken over at start.
    pub(super) fn at_start(&self) -> Option<Fingerprint> {
        self.at_start.get().copied().flatten()
    }

    pub(super) fn set_at_start(&self, seen: Option<Fingerprint>) {
        // There is one start.
        let _ = self.at_start.set(seen);
    }

    fn set(&self, change: impl FnOnce(&mut FolderStanding)) {
        change(&mut self.standing.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Looks how the folder takes what is written: at start, before anybody has written anything.
pub(super) async fn look_at_folder(app: &Arc<App>) {
    let root = app.config.book.clone();
    let broken = app.config.broken_disk;
    let looked = tokio::task::spawn_blocking(move || {
        let tried = broken.map_or_else(|| try_folder(&root), |kind| Err(io::Error::from(kind).into()));
        (tried.err().filter(WriteError::is_read_only).map(|e| e.to_string()), git::around(&root))
    });
    if let Ok((read_only, around)) = looked.await {
        if let Some(why) = &read_only {
            tracing::info!(why, "texts saved in the browser are kept in the database alone");
        }
        let git = git_standing(&around);
        app.folder.set(|standing| *standing = FolderStanding { read_only, git });
    }
}

fn git_standing(around: &Around) -> GitStanding {
    match around {
        Around::Plain => GitStanding::Plain,
        Around::Refused(why) => GitStanding::Refused(why.clone()),
        Around::Tree(WorkTree { branch: Some(branch), .. }) => GitStanding::Branch(branch.clone()),
        Around::Tree(_) => GitStanding::Detached,
    }
}

/// What is known of the files besides what they say: their last commits, merges that are not settled, new images.
pub(super) async fn known_of(app: &Arc<App>, texts: &[RunbookText]) -> sqlx::Result<Files> {
    let prints = runbooks::prints(app.db.read()).await?;
    let changed = |text: &&RunbookText| prints.get(&text.slug) != Some(&text.print);
    let changed: Vec<(String, String, bool)> = texts
        .iter()
        .filter(changed)
        .map(|t| (t.slug.clone(), t.file.clone(), t.source.lines().any(|line| line.starts_with("<<<<<<< "))))
        .collect();
    let texts: Vec<_> = texts
        .iter()
        .filter(|text| !text.outline.images.is_empty())
        .map(|text| (text.file.clone(), text.outline.images.clone()))
        .collect();
    let (root, app) = (app.config.book.clone(), app.clone());
    let work = move || {
        let mut seen = app.folder.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let world = app.worlds.now();
        let images = images::find(&root, &texts, &mut seen, |path| world.images.at(path, None).is_some());
        let mut files = Files { images, ..Files::default() };
        if changed.is_empty() {
            return files;
        }
        let around = git::around(&root);
        app.folder.set(|standing| standing.git = git_standing(&around));
        if let Around::Tree(tree) = around {
            let names: Vec<&str> = changed.iter().map(|(_, file, _)| file.as_str()).collect();
            files.commits = tree.last_commits(&names);
            let marked = changed.iter().filter(|(_, _, marked)| *marked).collect::<Vec<_>>();
            let unmerged = if marked.is_empty() { Default::default() } else { tree.unmerged() };
            for (slug, file, _) in marked.into_iter().filter(|(_, file, _)| unmerged.contains(file)) {
                let why =
                    format!("Its file {file} is in the middle of a merge, and is taken over when that is finished.");
                files.held.insert(slug.clone(), why);
            }
        }
        files
    };
    // A panic there is a fault of ours; the texts are taken over without what it would have told.
    Ok(tokio::task::spawn_blocking(work).await.unwrap_or_default())
}

/// Writes what was just saved; who saved it waits a moment, so that the next page knows what became of it.
pub async fn write_soon(app: &Arc<App>) {
    let writing = tokio::spawn({
        let app = app.clone();
        async move { write_back(&app).await }
    });
    let _ = tokio::time::timeout(WAIT, writing).await;
}

/// Writes every text that waits to its file, and commits it. Nothing is read from the folder meanwhile.
pub async fn write_back(app: &Arc<App>) {
    if app.worlds.now().documents.values().any(|d| d.kept.waits()) {
        let _one = app.worlds.one_import().await;
        write_waiting(app).await;
    }
}

/// The same, for who keeps others from reading the folder already.
pub(super) async fn write_waiting(app: &Arc<App>) {
    match try_waiting(app).await {
        Ok(false) => {}
        Ok(true) => {
            app.worlds.reload(&app.db).await;
            app.live.changed([Topic::Book, Topic::Sources].into());
        }
        Err(error) => tracing::error!(%error, "what was saved in the browser could not be written to its files"),
    }
}

/// What is to be written and committed of one runbook.
struct Job {
    record: RunbookRecord,
    newest: VersionRecord,
    /// The images that the text shows, with the bytes of those that are not in the folder.
    images: Vec<(String, Option<Vec<u8>>)>,
    message: Option<Message>,
}

async fn try_waiting(app: &Arc<App>) -> sqlx::Result<bool> {
    let waiting: Vec<_> = runbooks::all(app.db.read()).await?.into_iter().filter(RunbookRecord::waits).collect();
    if waiting.is_empty() {
        return Ok(false);
    }
    let root = app.config.book.clone();
    let around = {
        let root = root.clone();
        tokio::task::spawn_blocking(move || git::around(&root)).await.unwrap_or(Around::Plain)
    };
    app.folder.set(|standing| standing.git = git_standing(&around));
    let around = Arc::new(around);
    let names: HashMap<String, String> =
        stored::names(app.db.read()).await?.into_iter().map(|name| (name.path, name.hash)).collect();
    let mut changed = false;
    for record in waiting {
        let Some(job) = job(app, record, &names).await? else { continue };
        let (slug, problem) = (job.record.slug.clone(), job.record.file_problem.clone());
        let (root, around, broken) = (root.clone(), around.clone(), app.config.broken_disk);
        // One after the other, on a thread that nobody else waits for.
        let outcomes = tokio::task::spawn_blocking(move || attempt(&root, &around, &job, broken)).await;
        for outcome in outcomes.unwrap_or_default() {
            app.folder.set(|standing| standing.read_only = read_only(&outcome, standing.read_only.take()));
            let outcome = outcome.into();
            let known = match &outcome {
                Outcome::Problem(why) => problem.as_ref() == Some(why),
                Outcome::ReadOnly => problem.is_none(),
                _ => false,
            };
            if let (Outcome::Problem(why), false) = (&outcome, known) {
                tracing::warn!(slug, why, "a text saved in the browser waits for its file");
            }
            changed |= !known && keep_file(&app.db, &slug, outcome).await?;
        }
    }
    Ok(changed)
}

async fn job(app: &App, record: RunbookRecord, names: &HashMap<String, String>) -> sqlx::Result<Option<Job>> {
    let pool = app.db.read();
    let Some(newest) = runbooks::version(pool, &record.slug, record.version).await? else { return Ok(None) };
    let mut images = Vec::new();
    for path in images::shown(&record.place(), &newest.body) {
        let Some(hash) = names.get(&path) else { continue };
        let there = app.config.book.join(&path).exists();
        let bytes = if there { None } else { stored::find(pool, hash).await?.map(|image| image.bytes) };
        images.push((path, bytes));
    }
    let message = match record.commit_from {
        None => None,
        Some(first) => {
            let versions = runbooks::versions_between(pool, &record.slug, first, record.version).await?;
            Some(message(&newest, &versions, app.config.base_url.as_deref()))
        }
    };
    Ok(Some(Job { record, newest, images, message }))
}

/// What a commit says: the line of why, and every version that is in it.
fn message(newest: &VersionRecord, versions: &[VersionRecord], base_url: Option<&str>) -> Message {
    let line = |text: &str| text.lines().next().unwrap_or_default().trim().to_owned();
    let mut text = format!(
        "{}\n\nVersion {} of \"{}\", saved in Watchbook.\n",
        line(&newest.why),
        newest.version,
        line(&newest.title)
    );
    let mut others = BTreeSet::new();
    for version in versions.iter().filter(|v| v.version != newest.version) {
        text += &format!("With version {} by {}: {}\n", version.version, line(&version.author), line(&version.why));
        if version.author != newest.author && version.origin == "browser" {
            others.insert(&version.author);
        }
    }
    if !others.is_empty() {
        text.push('\n');
    }
    for author in others {
        text += &format!("Co-authored-by: {} <{}>\n", line(author), git::address(author, base_url));
    }
    Message {
        author: newest.author.clone(),
        address: git::address(&newest.author, base_url),
        at: Moment::from_millis(newest.saved_at),
        text,
    }
}

/// What came of trying.
enum Tried {
    Done(Outcome),
    Problem(String),
    ReadOnly(String),
}

impl From<Tried> for Outcome {
    fn from(tried: Tried) -> Self {
        match tried {
            Tried::Done(outcome) => outcome,
            Tried::Problem(why) => Self::Problem(why),
            Tried::ReadOnly(_) => Self::ReadOnly,
        }
    }
}

/// Why nothing can be written in the folder, after one more try.
fn read_only(tried: &Tried, before: Option<String>) -> Option<String> {
    match tried {
        Tried::ReadOnly(why) => Some(why.clone()),
        Tried::Done(Outcome::Written { .. }) => None,
        _ => before,
    }
}

fn attempt(root: &Path, around: &Around, job: &Job, broken: Option<io::ErrorKind>) -> Vec<Tried> {
    let (record, file) = (&job.record, job.record.place());
    if let Around::Tree(tree) = around
        && let Some(what) = tree.in_the_middle_of()
    {
        let why = format!(
            "The file {file} does not have this text yet: git is in the middle of {what} in the folder of the book. It is written when that is finished."
        );
        return vec![Tried::Problem(why)];
    }
    let mut tried = Vec::new();
    if record.file_version != Some(record.version) {
        match write(root, &file, job, broken) {
            Ok(Written::Yes) => {
                tried.push(Tried::Done(Outcome::Written { version: record.version, file: file.clone() }));
            }
            // Reading the folder tells what is there: a conflict, a new place, or nothing.
            Ok(Written::Otherwise) => return tried,
            Err(error) if error.is_read_only() => return vec![Tried::ReadOnly(error.to_string())],
            Err(error) => {
                let why = format!(
                    "The file {file} could not be written: {error}. The text is kept here, and the file is tried again."
                );
                return vec![Tried::Problem(why)];
            }
        }
    }
    if let Some(message) = &job.message {
        tried.push(commit(root, around, &file, job, message));
    }
    tried
}

fn write(root: &Path, file: &str, job: &Job, broken: Option<io::ErrorKind>) -> Result<Written, WriteError> {
    if let Some(kind) = broken {
        return Err(io::Error::from(kind).into());
    }
    // Images first: a text never speaks of one that is not there.
    for (path, bytes) in job.images.iter().filter_map(|(path, bytes)| Some((path, bytes.as_ref()?))) {
        write_image(root, path, bytes)?;
    }
    let expected = match (&job.record.file_version, &job.record.file_fingerprint) {
        (Some(_), Some(print)) => Expected::Text(print),
        _ => Expected::Nothing,
    };
    write_text(root, file, &job.newest.body, expected)
}

fn commit(root: &Path, around: &Around, file: &str, job: &Job, message: &Message) -> Tried {
    let version = job.record.version;
    let Around::Tree(tree) = around else { return Tried::Done(Outcome::Committed { version, commit: None }) };
    let there = |path: &&str| root.join(PathBuf::from(path)).exists();
    let files: Vec<&str> =
        [file].into_iter().chain(job.images.iter().map(|(path, _)| path.as_str())).filter(there).collect();
    match tree.commit(&files, message) {
        Committed::Yes(commit) => Tried::Done(Outcome::Committed { version, commit }),
        Committed::Ignored => Tried::Done(Outcome::Committed { version, commit: None }),
        Committed::No(why) => {
            Tried::Problem(format!("The file {file} is written but could not be committed: {why}. It is tried again."))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(version: i64, author: &str, why: &str) -> VersionRecord {
        VersionRecord {
            slug: "erp".into(),
            version,
            body: String::new(),
            title: "ERP refuses".into(),
            author: author.into(),
            why: why.into(),
            saved_at: 0,
            origin: "browser".into(),
        }
    }

    #[test]
    fn a_commit_says_why_and_names_all_who_wrote_what_is_in_it() {
        let versions = [version(2, "Ben", "A number"), version(3, "Anna", "Old\ntext"), version(4, "Anna", "Clearer")];
        let message = message(&versions[2], &versions, Some("https://w.example"));
        assert_eq!(
            message.text,
            "Clearer\n\nVersion 4 of \"ERP refuses\", saved in Watchbook.\nWith version 2 by Ben: A number\n\
             With version 3 by Anna: Old\n\nCo-authored-by: Ben <ben@w.example>\n"
        );
        assert_eq!((message.author.as_str(), message.address.as_str()), ("Anna", "anna@w.example"));
    }
}
