//! What is known of files that were read before, so that of 10,000 only those are read again that have changed.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use super::files::{File, Stamp};
use super::reader::{Parsed, parse};
use crate::parallel::in_parallel;

/// What each file said when it was last read.
#[derive(Debug, Default)]
pub(crate) struct Parses(HashMap<PathBuf, (Stamp, Arc<Parsed>)>);

impl Parses {
    /// Whether no file was read yet.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What each of these files says; files that are not among them are forgotten.
    pub(super) fn parse(&mut self, files: &[File]) -> Vec<Arc<Parsed>> {
        let stamps: Vec<Option<Stamp>> = files.iter().map(File::stamp).collect();
        let now = SystemTime::now();
        let known = |(file, stamp): (&File, &Option<Stamp>)| {
            let (at, parsed) = self.0.get(&file.path)?;
            (Some(at) == stamp.as_ref()).then(|| parsed.clone())
        };
        let known: Vec<_> = files.iter().zip(&stamps).map(|file| (file.0, known(file))).collect();
        let parsed = in_parallel(known, |(file, known)| known.unwrap_or_else(|| Arc::new(parse(file))));
        let keep = files.iter().zip(stamps).zip(&parsed).filter_map(|((file, stamp), parsed)| {
            let stamp = stamp.filter(|stamp| stamp.is_settled(now))?;
            Some((file.path.clone(), (stamp, parsed.clone())))
        });
        self.0 = keep.collect();
        parsed
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::time::Duration;

    use super::*;
    use crate::book::files::files;

    fn parsed(known: &mut Parses, dir: &Path) -> Vec<Arc<Parsed>> {
        known.parse(&files(dir).unwrap())
    }

    /// Writes a file that is old enough to be believed.
    fn write(path: &Path, text: &str, age: u64) {
        fs::write(path, text).unwrap();
        let file = fs::File::options().write(true).open(path).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(age)).unwrap();
    }

    #[test]
    fn only_files_that_have_changed_are_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (dir.path().join("a.md"), dir.path().join("b.md"));
        write(&a, "A", 60);
        write(&b, "B", 60);
        let mut known = Parses::default();
        let first = parsed(&mut known, dir.path());
        write(&b, "C", 30);
        let second = parsed(&mut known, dir.path());
        assert!(Arc::ptr_eq(&first[0], &second[0]) && !Arc::ptr_eq(&first[1], &second[1]));
        fs::remove_file(&a).unwrap();
        assert!(Arc::ptr_eq(&parsed(&mut known, dir.path())[0], &second[1]));
        assert_eq!(known.0.len(), 1);
    }

    #[test]
    fn a_file_that_was_only_just_written_is_not_believed_to_stay_so() {
        let dir = tempfile::tempdir().unwrap();
        write(&dir.path().join("a.md"), "A", 0);
        let mut known = Parses::default();
        let first = parsed(&mut known, dir.path());
        assert!(!Arc::ptr_eq(&first[0], &parsed(&mut known, dir.path())[0]));
    }
}
