//! Amending the book in its folder: the file is found, edited, checked with all the others, written, committed where
//! the folder is in a git work tree, and taken over.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use app::model::reference::Reference;
use app::model::unseen::seen;
use tokio::sync::Mutex;

use super::amend::{Amendment, amend, snippet};
use super::git::{self, Around, Committed, Message, Standing};
use super::watch::take_over_files;
use super::write::{WriteError, write_file};
use super::{Parses, Reading, read_again, read_with};
use crate::App;

/// How long the first line of a commit may be, in characters.
const MOST_IN_FIRST_LINE: usize = 100;

/// One at a time: each is made from the text that the one before has written.
static TURN: Mutex<()> = Mutex::const_new(());

/// That the book could not be amended: why, and what a person can put in by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotDone {
    /// A sentence for the person.
    pub why: String,
    /// The YAML to paste.
    pub snippet: String,
}

/// Who amends the book, and what for: the author and the first line of its commit.
#[derive(Debug, Clone, Copy)]
pub struct By<'a> {
    /// The account.
    pub author: &'a str,
    /// What is written, in a line.
    pub what: &'a str,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Amended {
    /// The file, from the folder of the book.
    pub file: String,
    /// Why it is not committed though its folder is in a git work tree, to follow a colon.
    pub uncommitted: Option<String>,
}

impl Amended {
    /// What became of it, for who wrote it, beginning with what was `done` to the file.
    pub fn told(&self, done: &str) -> String {
        match &self.uncommitted {
            None => format!("{done} {}.", self.file),
            Some(why) => format!("{done} {}, which is not committed: {why}.", self.file),
        }
    }
}

/// Amends the book, and takes it over as it is then.
///
/// # Errors
/// Why not; nothing was written then.
pub async fn amend_book(app: &Arc<App>, change: Amendment, by: By<'_>) -> Result<Amended, NotDone> {
    let _turn = TURN.lock().await;
    let words = snippet(&change);
    let not_done = |why: String| NotDone { why, snippet: words.clone() };
    let message = Message {
        author: by.author.to_owned(),
        address: git::address(by.author, app.config.base_url.as_deref()),
        at: app.now(),
        text: format!("{}\n\nWritten in Watchbook.\n", first_line(by.what)),
    };
    let amended = {
        // Nobody else commits meanwhile: git takes one at a time.
        let _one = app.worlds.one_import().await;
        let (dir, app) = (app.config.book.clone(), app.clone());
        let amend = move || amend_folder(&dir, &change, &message, &mut app.folder.parses());
        tokio::task::spawn_blocking(amend)
            .await
            .map_err(|error| not_done(format!("It could not be written: {error}")))?
            .map_err(not_done)?
    };
    if let Amended { file, uncommitted: Some(why) } = &amended {
        tracing::warn!(file, why, "an edit of the book is not committed");
    }
    take_over_files(app, &app.config.book).await;
    Ok(amended)
}

/// The first line of a commit: what is longer tells less at a glance, and git shows no more of it in a list. It may hold
/// what a system said, and whoever reads the log reads it in a terminal.
fn first_line(what: &str) -> String {
    seen(what.lines().next().unwrap_or_default()).chars().take(MOST_IN_FIRST_LINE).collect()
}

/// Amends the file that the change is about. The book must be without errors before and after.
fn amend_folder(dir: &Path, change: &Amendment, message: &Message, parses: &mut Parses) -> Result<Amended, String> {
    let around = git::around(dir);
    if let Around::Tree(tree) = &around
        && let Some(what) = tree.in_the_middle_of()
    {
        return Err(format!(
            "Git is in the middle of {what} in the folder of the book. Try again when that is finished, or put it in by hand."
        ));
    }
    let reading = read_again(dir, parses).map_err(|e| e.to_string())?;
    if reading.has_errors() {
        return Err("The book on disk cannot be used as it is; put that right first.".to_owned());
    }
    let path = place(dir, change, &reading)?;
    let file = from_folder(dir, &path);
    let before = match fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        read => read.map_err(|error| unwritable(&error.into()))?,
    };
    let after = amend(&before, change).map_err(|refused| refused.sentence().to_owned())?;
    if after == before {
        return Ok(Amended { file, uncommitted: None });
    }
    let checked = read_with(dir, &path, &after, parses).map_err(|e| e.to_string())?;
    if let Some(wrong) = checked.findings.iter().find(|f| f.severity == super::Severity::Error) {
        return Err(format!("With this the book could not be used: {}.", wrong.text));
    }
    let standing = standing(&around, &file);
    // Somebody may have saved the file meanwhile.
    if fs::read_to_string(&path).unwrap_or_default() != before {
        return Err("The file was changed at this very moment. Try again.".to_owned());
    }
    write_file(&path, &after).map_err(|error| unwritable(&error))?;
    let uncommitted = match (standing, &around) {
        (Ok(Standing::AsCommitted), Around::Tree(tree)) => match tree.commit(&[&file], message) {
            Committed::Yes(_) | Committed::Ignored => None,
            Committed::No(why) => Some(why),
        },
        (Ok(_), _) => None,
        (Err(why), _) => Some(why),
    };
    Ok(Amended { file, uncommitted })
}

/// The file that a change is about: that of its entry, or the one that a new entry goes into.
fn place(dir: &Path, change: &Amendment, reading: &Reading) -> Result<PathBuf, String> {
    let file = |kind: &str, id: &str| {
        let entry = Reference::parse(&format!("{kind}:{id}")).ok()?;
        Some(reading.places.of(&entry, "").0).filter(|file| !file.is_empty()).map(PathBuf::from)
    };
    match change {
        // Entries of a kind stand together.
        Amendment::Append(value) => {
            let kind = value["kind"].as_str().unwrap_or_default();
            let first = match kind {
                "decision" => reading.book.decisions.keys().next(),
                "workaround" => reading.book.workarounds.keys().next(),
                _ => None,
            };
            Ok(first.and_then(|id| file(kind, id)).unwrap_or_else(|| dir.join(format!("{kind}s.yaml"))))
        }
        Amendment::Remove { kind, id } | Amendment::Set { kind, id, .. } | Amendment::Add { kind, id, .. } => {
            file(kind, id).ok_or_else(|| format!("The {kind} \"{id}\" is not in the book."))
        }
    }
}

/// How it stands with a file before it is written, or why it will not be committed.
fn standing(around: &Around, file: &str) -> Result<Standing, String> {
    let tree = match around {
        Around::Plain => return Ok(Standing::Ignored),
        Around::Refused(why) => return Err(why.clone()),
        Around::Tree(tree) => tree,
    };
    if Path::new(file).is_absolute() {
        return Err("a link leads to it, out of the folder of the book".to_owned());
    }
    match tree.standing(file)? {
        // Their work would go into a commit of ours, under another name and half done.
        Standing::Changed => Err("it has other changes in it that nobody has committed yet".to_owned()),
        standing => Ok(standing),
    }
}

/// A path of a file as it is from the folder; one that is a link leads to what is written.
fn from_folder(dir: &Path, path: &Path) -> String {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    // A file that is not there yet has a folder that is.
    let new = || path.parent().map(real).zip(path.file_name()).map(|(parent, name)| parent.join(name));
    let whole = path.canonicalize().ok().or_else(new).unwrap_or_else(|| path.to_owned());
    whole.strip_prefix(real(dir)).unwrap_or(&whole).display().to_string()
}

fn unwritable(error: &WriteError) -> String {
    match error.is_read_only() {
        true => "The portal may not write in the folder of the book. Put it in by hand.".to_owned(),
        false => format!("The file could not be written: {error}. Nothing was changed."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::{path, read};
    use serde_json::json;

    const WORKFLOW: &str = "kind: workflow\nid: w\nname: W # ours\nsteps:\n  - { id: a, name: A }\n";

    fn folder() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("w.yaml"), WORKFLOW).unwrap();
        dir
    }

    fn amended(dir: &Path, change: &Amendment) -> Result<Amended, String> {
        let message =
            Message { author: "A".into(), address: "a@b.c".into(), at: Default::default(), text: "What".into() };
        amend_folder(dir, change, &message, &mut Parses::default())
    }

    fn set(keys: &[&str], value: serde_json::Value) -> Amendment {
        Amendment::Set { kind: "workflow", id: "w".into(), path: path(keys), value }
    }

    #[test]
    fn the_file_of_an_entry_is_amended_and_a_new_decision_begins_a_file_of_its_own() {
        let dir = folder();
        amended(dir.path(), &set(&["purpose"], json!("Why"))).unwrap();
        assert!(fs::read_to_string(dir.path().join("w.yaml")).unwrap().ends_with("purpose: Why\n"));
        let entry = json!({"kind": "decision", "id": "d", "date": "2026-01-01", "decided": "This"});
        let amended = amended(dir.path(), &Amendment::Append(entry)).unwrap();
        assert_eq!(amended.told("Written into"), "Written into decisions.yaml.");
        assert_eq!(read(dir.path()).unwrap().book.decisions.len(), 1);
    }

    #[test]
    fn a_commit_begins_with_one_line_that_does_nothing_to_a_terminal() {
        assert_eq!(first_line("step:w/a fails with \"\u{1b}[2J\u{202e}x\"\r\nCo-authored-by: x"), {
            "step:w/a fails with \"\u{fffd}[2J\u{fffd}x\""
        });
        assert_eq!(first_line(&"ä".repeat(300)).chars().count(), MOST_IN_FIRST_LINE);
    }

    #[test]
    fn what_would_make_the_book_unusable_is_not_written() {
        let dir = folder();
        let why = amended(dir.path(), &set(&["expect", "finish_within"], json!("soon"))).unwrap_err();
        assert!(why.starts_with("With this the book could not be used: "), "{why}");
        assert_eq!(fs::read_to_string(dir.path().join("w.yaml")).unwrap(), WORKFLOW);
        fs::write(dir.path().join("b.yaml"), "kind: nothing\n").unwrap();
        assert!(amended(dir.path(), &set(&["purpose"], json!("Why"))).unwrap_err().contains("put that right first"));
    }

    #[test]
    fn a_file_that_may_not_be_written_stays_and_the_sentence_says_so() {
        let dir = folder();
        let path = dir.path().join("w.yaml");
        let mut permissions = fs::metadata(&path).unwrap().permissions();
        permissions.set_readonly(true);
        fs::set_permissions(&path, permissions).unwrap();
        let why = amended(dir.path(), &set(&["purpose"], json!("Why"))).unwrap_err();
        assert_eq!(why, "The portal may not write in the folder of the book. Put it in by hand.");
        assert_eq!(fs::read_to_string(&path).unwrap(), WORKFLOW);
    }
}
