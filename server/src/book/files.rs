//! The files of a book: found in any folder below one, and whether any of them has changed.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use sha2::{Digest, Sha256};

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

/// A number that changes when a file of the book comes, goes, is renamed or is written.
///
/// # Errors
/// What the file system says.
pub fn fingerprint(dir: &Path) -> io::Result<u64> {
    let mut hash = Sha256::new();
    for file in files(dir)? {
        // A file that went away while we looked is not there.
        let Some(Stamp { length, modified }) = file.stamp() else { continue };
        let modified = modified.duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos());
        hash.update((file.name.len() as u64).to_le_bytes());
        hash.update(file.name.as_bytes());
        hash.update(length.to_le_bytes());
        hash.update(modified.to_le_bytes());
    }
    let mut first = [0; 8];
    first.copy_from_slice(&hash.finalize()[..8]);
    Ok(u64::from_le_bytes(first))
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
        let first = fingerprint(dir.path()).unwrap();
        assert_eq!(fingerprint(dir.path()).unwrap(), first);
        fs::write(dir.path().join("notes.txt"), "x").unwrap();
        assert_eq!(fingerprint(dir.path()).unwrap(), first);
        fs::write(&b, "x: 1").unwrap();
        let second = fingerprint(dir.path()).unwrap();
        assert_ne!(second, first);
        fs::write(&b, "x: 12").unwrap();
        assert_ne!(fingerprint(dir.path()).unwrap(), second);
        fs::remove_file(&b).unwrap();
        assert_eq!(fingerprint(dir.path()).unwrap(), first);
    }
}
