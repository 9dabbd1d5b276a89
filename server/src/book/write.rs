//! Writing a file of the book: whole or not at all, and never over what somebody else has put there.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use app::model::review::fingerprint;

/// What may be where a text is to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected<'a> {
    /// Nothing.
    Nothing,
    /// A text with this fingerprint.
    Text(&'a str),
}

/// What became of a text that was to be written.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// The file has it now, or had it already.
    Yes,
    /// Something else is there than was expected, or nothing where something was. Reading the folder says what.
    Otherwise,
}

/// Why a file could not be written.
#[derive(Debug)]
pub(super) enum WriteError {
    /// The path leads out of the folder of the book.
    Outside,
    /// The file system does not let us.
    System(io::Error),
}

impl From<io::Error> for WriteError {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

impl WriteError {
    /// Whether nothing can be written here, which is a way to run and no fault.
    pub fn is_read_only(&self) -> bool {
        matches!(self, Self::System(e) if matches!(e.kind(), ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied))
    }
}

/// Follows "could not be written: ".
impl std::fmt::Display for WriteError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self::System(error) = self else {
            return f.write_str("a link leads out of the folder of the book");
        };
        match error.kind() {
            ErrorKind::StorageFull => f.write_str("the disk is full"),
            ErrorKind::QuotaExceeded => f.write_str("the account's share of the disk is used up"),
            ErrorKind::ReadOnlyFilesystem => f.write_str("the folder is read-only"),
            ErrorKind::PermissionDenied => f.write_str("the portal's account may not write there"),
            ErrorKind::NotADirectory => f.write_str("a file is where its folder should be"),
            ErrorKind::NotFound => f.write_str("its folder is not there"),
            // What the system says ends with a number that tells a person nothing.
            _ => f.write_str(error.to_string().split(" (os error").next().unwrap_or_default()),
        }
    }
}

/// Writes the text of a runbook to `path` in the folder `root`, if what is there is what is `expected`.
///
/// Lines end as they do in the file that is there. Somebody who saves the same file in the very moment between the look
/// and the change of names loses that save: no file system has a comparing write.
pub(super) fn write_text(root: &Path, path: &str, text: &str, expected: Expected<'_>) -> Result<Written, WriteError> {
    let target = target(root, path)?;
    let present = match fs::read(&target) {
        Ok(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error.into()),
    };
    match (&present, expected) {
        (Some(present), _) if fingerprint(present) == fingerprint(text) => return Ok(Written::Yes),
        (Some(present), Expected::Text(print)) if fingerprint(present) == print => {}
        (None, Expected::Nothing) => {}
        _ => return Ok(Written::Otherwise),
    }
    let text = match present.is_some_and(|present| present.contains("\r\n")) {
        true => text.replace('\n', "\r\n"),
        false => text.to_owned(),
    };
    put(&target, text.as_bytes())?;
    Ok(Written::Yes)
}

/// Writes an image to `path`, if nothing is there. Gives whether the file has these bytes now.
pub(super) fn write_image(root: &Path, path: &str, bytes: &[u8]) -> Result<bool, WriteError> {
    let target = target(root, path)?;
    match fs::read(&target) {
        Ok(present) => Ok(present == bytes),
        Err(error) if error.kind() == ErrorKind::NotFound => put(&target, bytes).map(|()| true),
        Err(error) => Err(error.into()),
    }
}

/// Whether files can be written in a folder, by writing one.
pub(super) fn try_folder(root: &Path) -> Result<(), WriteError> {
    let draft = root.join(".watchbook");
    File::create(&draft)?;
    Ok(fs::remove_file(&draft)?)
}

/// The real place of a path in the folder: its own folder is made if it is missing, links are followed as far as they
/// stay inside.
fn target(root: &Path, path: &str) -> Result<PathBuf, WriteError> {
    let root = root.canonicalize()?;
    let plain = root.join(path);
    if let Ok(real) = plain.canonicalize() {
        return if real.starts_with(&root) { Ok(real) } else { Err(WriteError::Outside) };
    }
    let folder = plain.parent().unwrap_or(&root);
    // The nearest folder that is there decides, before any is made.
    let there = folder.ancestors().find_map(|f| f.canonicalize().ok()).unwrap_or_default();
    if !there.starts_with(&root) {
        return Err(WriteError::Outside);
    }
    if folder.is_file() {
        return Err(io::Error::from(ErrorKind::NotADirectory).into());
    }
    fs::create_dir_all(folder)?;
    let name = plain.file_name().ok_or(WriteError::Outside)?;
    Ok(folder.canonicalize()?.join(name))
}

/// Puts bytes in the place of a file in one move: a hidden file beside it is written, made safe on the disk, and takes
/// its name. It keeps the rights of the file that was there.
fn put(target: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    let name = target.file_name().and_then(|name| name.to_str()).ok_or(WriteError::Outside)?;
    let draft = target.with_file_name(format!(".{name}.watchbook"));
    // One that a kill left behind; nobody else makes such files.
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).open(&draft)?;
        if let Ok(present) = fs::metadata(target) {
            // What cannot be kept of rights and owner is no reason not to write.
            let _ = fs::set_permissions(&draft, present.permissions());
            #[cfg(unix)]
            {
                use std::os::unix::fs::{MetadataExt, chown};
                let _ = chown(&draft, Some(present.uid()), Some(present.gid()));
            }
        }
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&draft, target)
    })();
    if let Err(error) = written {
        let _ = fs::remove_file(&draft);
        return Err(error.into());
    }
    // The name is safe when its folder is; some systems know no such thing.
    if let Some(folder) = target.parent() {
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
    }
    Ok(())
}

/// Puts a text in the place of a file, or makes it, whatever it says now. What may not be written stays as it is.
pub(super) fn write_file(path: &Path, text: &str) -> Result<(), WriteError> {
    // A link stays a link: what it leads to is written.
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    if fs::metadata(&path).is_ok_and(|present| present.permissions().readonly()) {
        return Err(io::Error::from(ErrorKind::PermissionDenied).into());
    }
    put(&path, text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(dir: &Path, path: &str) -> String {
        fs::read_to_string(dir.join(path)).unwrap()
    }

    #[test]
    fn a_text_is_written_where_nothing_is_and_over_what_was_known() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(write_text(dir.path(), "a/b.md", "one\n", Expected::Nothing).unwrap(), Written::Yes);
        let print = fingerprint("one\n");
        assert_eq!(write_text(dir.path(), "a/b.md", "two\n", Expected::Text(&print)).unwrap(), Written::Yes);
        assert_eq!(read(dir.path(), "a/b.md"), "two\n");
        let names: Vec<_> = fs::read_dir(dir.path().join("a")).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names, ["b.md"], "nothing is left beside it");
    }

    #[test]
    fn what_somebody_else_wrote_is_never_written_over() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("b.md"), "theirs\n").unwrap();
        let known = fingerprint("one\n");
        for expected in [Expected::Nothing, Expected::Text(&known)] {
            assert_eq!(write_text(dir.path(), "b.md", "two\n", expected).unwrap(), Written::Otherwise);
        }
        assert_eq!(read(dir.path(), "b.md"), "theirs\n");
        // A file that vanished is not made again unasked.
        assert_eq!(write_text(dir.path(), "c.md", "two\n", Expected::Text(&known)).unwrap(), Written::Otherwise);
        fs::write(dir.path().join("i.png"), "theirs").unwrap();
        assert!(!write_image(dir.path(), "i.png", b"ours").unwrap());
        assert_eq!(read(dir.path(), "i.png"), "theirs");
    }

    #[test]
    fn lines_end_as_they_did_and_rights_stay() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("b.md");
        fs::write(&path, "a\r\nb\r\n").unwrap();
        #[cfg(unix)]
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o640)).unwrap();
        let known = fingerprint("a\nb\n");
        write_text(dir.path(), "b.md", "a\nc\n", Expected::Text(&known)).unwrap();
        assert_eq!(read(dir.path(), "b.md"), "a\r\nc\r\n");
        #[cfg(unix)]
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).unwrap().permissions()) & 0o777, 0o640);
    }

    #[cfg(unix)]
    #[test]
    fn no_link_leads_a_text_out_of_the_folder() {
        let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let outside = other.path().join("x.md");
        fs::write(&outside, "one\n").unwrap();
        std::os::unix::fs::symlink(&outside, dir.path().join("x.md")).unwrap();
        std::os::unix::fs::symlink(other.path(), dir.path().join("away")).unwrap();
        let known = fingerprint("one\n");
        for (path, expected) in
            [("x.md", Expected::Text(&known)), ("away/y.md", Expected::Nothing), ("away/z/y.md", Expected::Nothing)]
        {
            assert!(matches!(write_text(dir.path(), path, "two\n", expected), Err(WriteError::Outside)), "{path}");
        }
        assert_eq!(fs::read_to_string(&outside).unwrap(), "one\n");
        assert_eq!(fs::read_dir(other.path()).unwrap().count(), 1);
        // One that stays inside is followed, and stays a link.
        fs::write(dir.path().join("real.md"), "one\n").unwrap();
        std::os::unix::fs::symlink("real.md", dir.path().join("link.md")).unwrap();
        write_text(dir.path(), "link.md", "two\n", Expected::Text(&known)).unwrap();
        assert_eq!(read(dir.path(), "real.md"), "two\n");
        assert!(fs::symlink_metadata(dir.path().join("link.md")).unwrap().is_symlink());
    }

    #[test]
    fn what_cannot_be_written_leaves_the_file_as_it_was_and_says_why() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("b.md"), "one\n").unwrap();
        // A folder in the way of the hidden file stands for every disk that does not let us.
        fs::create_dir(dir.path().join(".b.md.watchbook")).unwrap();
        assert!(write_text(dir.path(), "b.md", "two\n", Expected::Text(&fingerprint("one\n"))).is_err());
        assert_eq!(read(dir.path(), "b.md"), "one\n");
        fs::write(dir.path().join("file"), "").unwrap();
        let error = write_text(dir.path(), "file/b.md", "two\n", Expected::Nothing).unwrap_err();
        assert_eq!(error.to_string(), "a file is where its folder should be");
        let said = |kind| WriteError::from(io::Error::from(kind)).to_string();
        assert_eq!(said(ErrorKind::StorageFull), "the disk is full");
        assert_eq!(said(ErrorKind::ReadOnlyFilesystem), "the folder is read-only");
        let numbered = WriteError::from(io::Error::from_raw_os_error(5)).to_string();
        assert!(!numbered.contains("os error"), "{numbered}");
    }

    #[test]
    fn a_file_is_replaced_as_a_whole_and_nothing_is_left_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.yaml");
        write_file(&path, "one").unwrap();
        write_file(&path, "two").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error_and_a_file_that_may_not_be_written_stays() {
        let dir = tempfile::tempdir().unwrap();
        assert!(write_file(&dir.path().join("no/a.yaml"), "x").is_err());
        let path = dir.path().join("a.yaml");
        fs::write(&path, "one").unwrap();
        let mut permissions = fs::metadata(&path).unwrap().permissions();
        permissions.set_readonly(true);
        fs::set_permissions(&path, permissions).unwrap();
        assert_eq!(write_file(&path, "two").unwrap_err().to_string(), "the portal's account may not write there");
        assert_eq!(
            (fs::read_to_string(&path).unwrap().as_str(), fs::read_dir(dir.path()).unwrap().count()),
            ("one", 1)
        );
    }
}
