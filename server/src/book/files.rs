//! The files of a book: found in any folder below one, and whether any of them has changed.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use sha2::{Digest, Sha256};

/// Clocks of file systems are coarse: a file that was written so shortly ago may be written once more, at what is the
/// same moment to them.
const TOO_NEW: Duration = Duration::from_secs(2);

/// A file that may belong to the book.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct File {
    /// Relative to the folder, with `/`.
    pub name: String,
    pub path: PathBuf,
    pub kind: Kind,
}

impl File {
    /// How a person opens it.
    pub fn shown(&self) -> String {
        self.path.display().to_string()
    }

    /// Its length and when it was last written: as long as they are the same, so is what is in it. None when it is not
    /// there, or when the file system does not tell.
    pub fn stamp(&self) -> Option<Stamp> {
        let metadata = fs::metadata(&self.path).ok()?;
        Some(Stamp { length: metadata.len(), modified: metadata.modified().ok()? })
    }
}

/// The length of a file and when it was last written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    pub length: u64,
    pub modified: SystemTime,
}

impl Stamp {
    /// Whether a file that has this stamp `now` can be told by it from every later state of it.
    pub fn is_settled(&self, now: SystemTime) -> bool {
        now.duration_since(self.modified).is_ok_and(|age| age > TOO_NEW)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Yaml,
    Markdown,
    Image,
}

/// The files of the book, sorted by name. What starts with a dot, and a README, do not belong to it.
///
/// # Errors
/// What the file system says of the folder, or of one in it.
pub(super) fn files(dir: &Path) -> io::Result<Vec<File>> {
    let mut found = Vec::new();
    // Links to folders are followed, because mounted books are made of them; each folder is read once.
    let mut seen = HashSet::new();
    let mut folders = vec![(dir.to_owned(), String::new())];
    while let Some((folder, prefix)) = folders.pop() {
        if !seen.insert(folder.canonicalize()?) {
            continue;
        }
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let path = entry.path();
            let Some(name) = path.file_name().and_then(|n| n.to_str()).filter(|n| !n.starts_with('.')) else {
                continue;
            };
            let name = format!("{prefix}{name}");
            // Asked of the folder where it says so: a look goes over every file.
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir() || kind.is_symlink() && path.is_dir());
            if is_folder {
                folders.push((path, format!("{name}/")));
            } else if let Some(kind) = kind(&path) {
                found.push(File { name, path, kind });
            }
        }
    }
    found.sort();
    Ok(found)
}

fn kind(path: &Path) -> Option<Kind> {
    let readme = path.file_stem().is_some_and(|stem| stem.eq_ignore_ascii_case("readme"));
    match path.extension()?.to_str()? {
        "yaml" | "yml" => Some(Kind::Yaml),
        "md" | "markdown" if !readme => Some(Kind::Markdown),
        "png" | "jpg" | "jpeg" | "webp" | "svg" => Some(Kind::Image),
        _ => None,
    }
}

/// The files of a book at a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint {
    /// A number that changes when a file comes, goes, is renamed or is written.
    pub print: u64,
    /// Whether none was written so shortly before the look that it may be written once more without a trace.
    pub settled: bool,
}

/// Looks at the files of a book.
///
/// # Errors
/// What the file system says.
pub fn fingerprint(dir: &Path) -> io::Result<Fingerprint> {
    let now = SystemTime::now();
    let mut settled = true;
    let mut hash = Sha256::new();
    for file in files(dir)? {
        // A file that went away while we looked is not there.
        let Some(stamp @ Stamp { length, modified }) = file.stamp() else { continue };
        settled &= stamp.is_settled(now);
        let modified = modified.duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos());
        hash.update((file.name.len() as u64).to_le_bytes());
        hash.update(file.name.as_bytes());
        hash.update(length.to_le_bytes());
        hash.update(modified.to_le_bytes());
    }
    let mut first = [0; 8];
    first.copy_from_slice(&hash.finalize()[..8]);
    Ok(Fingerprint { print: u64::from_le_bytes(first), settled })
}

/// The same on a thread that nobody else waits for, since it asks of every file; and how long it took. None when the
/// folder cannot be read.
pub(super) async fn look_at(dir: &Path) -> (Option<Fingerprint>, Duration) {
    let dir = dir.to_owned();
    let look = move || {
        let began = Instant::now();
        (fingerprint(&dir).ok(), began.elapsed())
    };
    tokio::task::spawn_blocking(look).await.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_book_is_what_is_yaml_or_markdown_and_not_hidden() {
        let dir = tempfile::tempdir().unwrap();
        for name in
            ["b/z.yaml", "b/a.yml", "a.md", "README.md", ".git/x.yaml", "b/.hidden.yaml", "notes.txt", "c.markdown"]
        {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        #[cfg(unix)]
        std::os::unix::fs::symlink(dir.path(), dir.path().join("b/loop")).unwrap();
        let names: Vec<_> = files(dir.path()).unwrap().into_iter().map(|f| f.name).collect();
        assert_eq!(names, ["a.md", "b/a.yml", "b/z.yaml", "c.markdown"]);
    }

    #[test]
    fn the_fingerprint_changes_when_a_file_is_written_comes_or_goes_and_not_otherwise() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (dir.path().join("a.yaml"), dir.path().join("b.yaml"));
        fs::write(&a, "x: 1").unwrap();
        let print = || fingerprint(dir.path()).unwrap().print;
        let first = print();
        assert_eq!(print(), first);
        fs::write(dir.path().join("notes.txt"), "x").unwrap();
        assert_eq!(print(), first);
        fs::write(&b, "x: 1").unwrap();
        let second = print();
        assert_ne!(second, first);
        fs::write(&b, "x: 12").unwrap();
        assert_ne!(print(), second);
        fs::remove_file(&b).unwrap();
        assert_eq!(print(), first);
    }

    #[test]
    fn files_that_were_only_just_written_are_not_believed_to_stay_so() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.yaml");
        fs::write(&path, "x: 1").unwrap();
        assert!(!fingerprint(dir.path()).unwrap().settled);
        let file = fs::File::options().write(true).open(path).unwrap();
        file.set_modified(SystemTime::now() - 2 * TOO_NEW).unwrap();
        assert!(fingerprint(dir.path()).unwrap().settled);
    }
}
