//! What is known of files that were read before, so that of 10,000 only those are read again that have changed.

use std::collections::HashMap;
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use super::files::{File, Stamp};
use super::reader::{Parsed, parse};

/// Clocks of file systems are coarse: a file that was written so shortly before it was read may have been written once
/// more since, at what is the same moment to them. It is read again.
const TOO_NEW: Duration = Duration::from_secs(2);

/// What each file said when it was last read.
#[derive(Debug, Default)]
pub(crate) struct Parses(HashMap<PathBuf, (Stamp, Arc<Parsed>)>);

impl Parses {
    /// What each of these files says; files that are not among them are forgotten.
    pub(super) fn parse(&mut self, files: &[File]) -> Vec<Arc<Parsed>> {
        let stamps: Vec<Option<Stamp>> = files.iter().map(File::stamp).collect();
        let now = SystemTime::now();
        let known = |(file, stamp): (&File, &Option<Stamp>)| {
            let (at, parsed) = self.0.get(&file.path)?;
            (Some(at) == stamp.as_ref()).then(|| parsed.clone())
        };
        let known: Vec<_> = files.iter().zip(&stamps).map(known).collect();
        let parsed = in_parallel(files.len(), |n| known[n].clone().unwrap_or_else(|| Arc::new(parse(&files[n]))));
        let settled = |stamp: &Stamp| now.duration_since(stamp.modified).is_ok_and(|age| age > TOO_NEW);
        let keep = files.iter().zip(stamps).zip(&parsed).filter_map(|((file, stamp), parsed)| {
            let stamp = stamp.filter(settled)?;
            Some((file.path.clone(), (stamp, parsed.clone())))
        });
        self.0 = keep.collect();
        parsed
    }
}

/// The results of `work` for 0 to `many`, in order, from as many threads as there are processors.
fn in_parallel<T: Send>(many: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let (next, threads) = (AtomicUsize::new(0), thread::available_parallelism().map_or(1, NonZero::get));
    let take = || {
        let numbers = std::iter::from_fn(|| Some(next.fetch_add(1, Ordering::Relaxed)).filter(|n| *n < many));
        numbers.map(|n| (n, work(n))).collect::<Vec<_>>()
    };
    let mut done = thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(take)).collect();
        let mut done = take();
        for other in others {
            match other.join() {
                Ok(some) => done.extend(some),
                // A file that makes us panic does so on the thread of who asked as well.
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done
    });
    done.sort_by_key(|(n, _)| *n);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

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

    #[test]
    fn results_come_in_order_from_however_many_threads() {
        assert_eq!(in_parallel(1_000, |n| n * 2), (0..1_000).map(|n| n * 2).collect::<Vec<_>>());
        assert_eq!(in_parallel(0, |n| n), Vec::<usize>::new());
    }
}
