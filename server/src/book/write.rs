//! Writing one file of the book: whole or not at all, whatever happens meanwhile.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Puts a text in the place of a file, or makes it: written beside it, synced, and renamed. Whoever reads the folder
/// finds the old text or the new one, never a part. What the file system lets others do with it stays.
///
/// # Errors
/// What the file system says; the file is as it was then.
pub fn write_file(path: &Path, text: &str) -> io::Result<()> {
    // A link stays a link: what it leads to is written.
    let path = &path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy();
    // A hidden file is no part of the book.
    let beside = folder.join(format!(".{name}.{}.tmp", std::process::id()));
    let written = (|| {
        let mut file = File::create(&beside)?;
        if let Ok(before) = fs::metadata(path) {
            if before.permissions().readonly() {
                return Err(io::ErrorKind::PermissionDenied.into());
            }
            file.set_permissions(before.permissions())?;
        }
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        // The new name survives a loss of power only when its folder was written as well.
        if let Ok(folder) = File::open(folder) {
            let _ = folder.sync_all();
        }
        Ok(())
    })();
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(write_file(&path, "two").unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        assert_eq!(
            (fs::read_to_string(&path).unwrap().as_str(), fs::read_dir(dir.path()).unwrap().count()),
            ("one", 1)
        );
    }
}
