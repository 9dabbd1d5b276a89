//! The git work tree that the book may be in, through the program `git`: who wrote a file and why, and a commit of ours.
//!
//! The program and not a library, because it does what the team's own git does with its own settings: filters, line
//! ends, work trees, formats to come. Each call is bounded in time, asks nobody anything, and starts nothing of the
//! repository's that could: no hooks (programs of somebody else, run as the portal, which may wait, refuse or rewrite;
//! what a team checks is checked where its changes are pulled), no signing, no editor, no watcher of files, no
//! housekeeping in the background. Nothing is ever fetched or pushed.

use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use app::model::moment::Moment;

use crate::actions::import_book::Commit;

/// How long one call of git may take.
const LONGEST: Duration = Duration::from_secs(20);

/// How many commits are looked through for those that changed a file last.
const MOST_COMMITS: &str = "--max-count=20000";

/// What would lead git to another repository than the one around the folder (`git rev-parse --local-env-vars`).
const ELSEWHERE: [&str; 11] = [
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
];

/// Who commits; the author is who wrote the text.
const COMMITTER: (&str, &str) = ("Watchbook", "watchbook@watchbook.invalid");

/// The git work tree around a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WorkTree {
    /// The folder of the book.
    folder: PathBuf,
    /// Where git keeps its things.
    git_dir: PathBuf,
    /// The branch that is checked out; none when that is a commit alone.
    pub branch: Option<String>,
}

/// What is around a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Around {
    /// A git work tree.
    Tree(WorkTree),
    /// None, or no git program: the files are plain files.
    Plain,
    /// One in which git does not work, and what it says.
    Refused(String),
}

/// What became of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Committed {
    /// It is this commit, or was committed by somebody else before.
    Yes(Option<String>),
    /// Git is told to ignore the file.
    Ignored,
    /// It could not be: why, to follow "could not be committed: ".
    No(String),
}

/// How it stands with a file that is about to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// As it was committed, or not there yet.
    AsCommitted,
    /// With changes in it that nobody has committed.
    Changed,
    /// Git is told to ignore it.
    Ignored,
}

/// What a commit of ours says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    /// The account.
    pub author: String,
    /// Its address.
    pub address: String,
    /// When the text was saved.
    pub at: Moment,
    /// The line of why, and what else is to be said below it.
    pub text: String,
}

struct Output {
    good: bool,
    out: String,
    err: String,
}

/// Looks what is around a folder.
pub(super) fn around(folder: &Path) -> Around {
    let asked = ["rev-parse", "--is-inside-work-tree", "--absolute-git-dir"];
    let Ok(output) = run(folder, &asked, &[]) else { return Around::Plain };
    if !output.good {
        return match output.err.contains("not a git repository") {
            true => Around::Plain,
            false => Around::Refused(said(&output.err)),
        };
    }
    let mut lines = output.out.lines();
    if lines.next() != Some("true") {
        return Around::Plain;
    }
    let git_dir = PathBuf::from(lines.next().unwrap_or_default());
    let branch = run(folder, &["symbolic-ref", "--quiet", "--short", "HEAD"], &[]).ok().filter(|o| o.good);
    let branch = branch.map(|o| o.out.trim().to_owned());
    Around::Tree(WorkTree { folder: folder.to_owned(), git_dir, branch })
}

impl WorkTree {
    /// What git is in the middle of, if anything: then its files are not ours to change.
    pub fn in_the_middle_of(&self) -> Option<&'static str> {
        let there = [
            ("rebase-merge", "a rebase"),
            ("rebase-apply", "a rebase"),
            ("MERGE_HEAD", "a merge"),
            ("CHERRY_PICK_HEAD", "a cherry-pick"),
            ("REVERT_HEAD", "a revert"),
            ("BISECT_LOG", "a bisect"),
        ];
        there.into_iter().find(|(name, _)| self.git_dir.join(name).exists()).map(|(_, words)| words)
    }

    /// The files below the folder that a merge has not settled, from the folder.
    pub fn unmerged(&self) -> HashSet<String> {
        match run(&self.folder, &["ls-files", "--unmerged", "-z", "--", "."], &[]) {
            // MODE HASH STAGE<TAB>PATH
            Ok(output) if output.good => {
                output.out.split('\0').filter_map(|entry| Some(entry.split_once('\t')?.1.to_owned())).collect()
            }
            _ => HashSet::new(),
        }
    }

    /// The last commit of each of these files that is as it was committed.
    pub fn last_commits(&self, files: &[&str]) -> HashMap<String, Commit> {
        let mut found = HashMap::new();
        let Some(mut wanted) = self.committed(files) else { return found };
        let log = [
            "log",
            "--no-renames",
            "--diff-merges=first-parent",
            "--name-only",
            "--relative",
            "-z",
            MOST_COMMITS,
            "--format=%x01%H%x00%an%x00%s%x00",
            "HEAD",
            "--",
        ];
        // One file is asked for by its name; for many it is quicker to read what changed them all.
        let one =
            [if wanted.len() == 1 { files.iter().find(|f| wanted.contains(**f)).copied() } else { None }
                .unwrap_or(".")];
        let Ok(output) = run(&self.folder, &[&log[..], &one].concat(), &[]) else { return found };
        for entry in output.out.split('\u{1}').skip(1) {
            let mut parts = entry.split('\0');
            let (Some(id), Some(author), Some(subject)) = (parts.next(), parts.next(), parts.next()) else { continue };
            for file in parts.map(|file| file.trim_start_matches('\n')).filter(|file| !file.is_empty()) {
                if wanted.remove(file) {
                    let commit = Commit { id: id.to_owned(), author: author.to_owned(), subject: subject.to_owned() };
                    found.insert(file.to_owned(), commit);
                }
            }
            if wanted.is_empty() {
                break;
            }
        }
        found
    }

    /// How it stands with a file before it is written.
    ///
    /// # Errors
    /// Why git does not say, to follow a colon.
    pub fn standing(&self, file: &str) -> Result<Standing, String> {
        if !self.ignored(&[file]).is_empty() {
            return Ok(Standing::Ignored);
        }
        let output = run(&self.folder, &["status", "--porcelain=v1", "-z", "--untracked-files=all", "--", file], &[])?;
        match (output.good, output.out.is_empty()) {
            (false, _) => Err(said(&output.err)),
            (true, true) => Ok(Standing::AsCommitted),
            (true, false) => Ok(Standing::Changed),
        }
    }

    /// Those of the files that git is told to ignore.
    fn ignored(&self, files: &[&str]) -> HashSet<String> {
        let asked = [&["check-ignore", "--"], files].concat();
        // The only one that does not take paths as they are written; ours have nothing in them that it would read.
        let ignored = run(&self.folder, &asked, &[("GIT_LITERAL_PATHSPECS", "0")]).map(|o| o.out).unwrap_or_default();
        ignored.lines().map(str::to_owned).collect()
    }

    /// Those of the files that are as they were committed.
    fn committed(&self, files: &[&str]) -> Option<HashSet<String>> {
        let asked = ["status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all", "--ignored", "--", "."];
        let output = run(&self.folder, &asked, &[]).ok().filter(|o| o.good)?;
        // Told from the top of the work tree, whatever the folder.
        let prefix = run(&self.folder, &["rev-parse", "--show-prefix"], &[]).ok().filter(|o| o.good)?;
        let prefix = prefix.out.trim_end_matches('\n');
        let changed: HashSet<&str> =
            output.out.split('\0').filter_map(|entry| entry.get(3..)?.strip_prefix(prefix)).collect();
        // A folder that is ignored as a whole is named alone, with a slash.
        let is_changed = |file: &str| {
            changed.contains(file)
                || changed.iter().any(|c| c.ends_with('/') && file.starts_with(c))
                || changed.contains("")
        };
        Some(files.iter().filter(|file| !is_changed(file)).map(|file| (*file).to_owned()).collect())
    }

    /// Commits these files alone, of which the first is the text, as they are: what else is staged stays as it is.
    pub fn commit(&self, files: &[&str], message: &Message) -> Committed {
        if self.branch.is_none() {
            return Committed::No(
                "no branch is checked out in its git work tree, so a commit would be lost".to_owned(),
            );
        }
        let refused = |output: Result<Output, String>| match output {
            Ok(output) => Committed::No(said(&output.err)),
            Err(sentence) => Committed::No(sentence),
        };
        let ignored = self.ignored(files);
        if files.first().is_some_and(|file| ignored.contains(*file)) {
            return Committed::Ignored;
        }
        let files: Vec<&str> = files.iter().copied().filter(|file| !ignored.contains(*file)).collect();
        let with = |what: &[&'static str]| -> Vec<String> {
            what.iter()
                .map(|w| (*w).to_owned())
                .chain(["--".to_owned()])
                .chain(files.iter().map(|f| (*f).to_owned()))
                .collect()
        };
        // A new file must be known before it can be committed alone.
        match run(&self.folder, &with(&["add", "--intent-to-add"]), &[]) {
            Ok(output) if output.good => {}
            other => return refused(other),
        }
        match run(&self.folder, &with(&["status", "--porcelain=v1", "-z"]), &[]) {
            Ok(output) if output.good && output.out.is_empty() => return Committed::Yes(None),
            Ok(output) if output.good => {}
            other => return refused(other),
        }
        let (at, author) = (format!("@{} +0000", message.at.millis() / 1000), plain(&message.author));
        let told = [
            ("GIT_AUTHOR_NAME", author.as_str()),
            ("GIT_AUTHOR_EMAIL", message.address.as_str()),
            ("GIT_AUTHOR_DATE", at.as_str()),
            ("GIT_COMMITTER_NAME", COMMITTER.0),
            ("GIT_COMMITTER_EMAIL", COMMITTER.1),
        ];
        let text = format!("--message={}", message.text);
        let mut asked: Vec<String> =
            ["commit", "--quiet", "--no-verify", "--no-gpg-sign", "--cleanup=whitespace", "--only"]
                .map(str::to_owned)
                .into();
        asked.push(text);
        asked.extend(with(&[]));
        match run(&self.folder, &asked, &told) {
            Ok(output) if output.good => {}
            other => return refused(other),
        }
        let head = run(&self.folder, &["rev-parse", "HEAD"], &[]).ok().filter(|o| o.good);
        Committed::Yes(head.map(|o| o.out.trim().to_owned()))
    }
}

/// A name as git takes it: it leaves out `<`, `>` and line ends, and refuses one of nothing else.
fn plain(name: &str) -> String {
    let name: String = name.chars().filter(|c| !c.is_control() && !['<', '>'].contains(c)).collect();
    if name.chars().any(char::is_alphanumeric) { name } else { "somebody".to_owned() }
}

/// The address of an author: the account itself if it is one; else at the host that people use the portal by, or at
/// one that can be nobody's (RFC 2606, 2).
pub(super) fn address(account: &str, base_url: Option<&str>) -> String {
    let parts = account.split_once('@').filter(|(name, host)| !name.is_empty() && host.contains('.'));
    if parts.is_some() && !account.contains(|c: char| c.is_whitespace() || ['<', '>'].contains(&c)) {
        return account.to_owned();
    }
    let host =
        base_url.and_then(|url| url.split("//").nth(1)?.split(['/', ':']).next()).filter(|host| !host.is_empty());
    let name: String = account.to_lowercase().chars().map(|c| if c.is_alphanumeric() { c } else { '.' }).collect();
    let name = name.trim_matches('.');
    format!("{}@{}", if name.is_empty() { "somebody" } else { name }, host.unwrap_or("watchbook.invalid"))
}

/// What git says, in a sentence's second half.
fn said(err: &str) -> String {
    if err.contains("index.lock") {
        return "another git command is at work there, or was cut off and left the file index.lock".to_owned();
    }
    if err.contains("dubious ownership") {
        return "another account owns the work tree, and git asks for safe.directory to be set".to_owned();
    }
    let line = err
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty() && !line.starts_with("hint:") && !line.starts_with("warning:"));
    let line = line.unwrap_or("git did not say why");
    let line = line.trim_start_matches("fatal: ").trim_start_matches("error: ").trim_end_matches('.');
    format!("git says \"{}\"", line.chars().take(200).collect::<String>())
}

/// Runs git in a folder, and waits for it as long as is allowed. The error is a sentence's second half.
fn run(folder: &Path, asked: &[impl AsRef<std::ffi::OsStr>], told: &[(&str, &str)]) -> Result<Output, String> {
    let mut command = Command::new("git");
    // What surrounds the portal (a hook that started it, a shell in another repository) must not lead elsewhere.
    for name in ELSEWHERE {
        command.env_remove(name);
    }
    command
        .current_dir(folder)
        .args(["-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "gc.auto=0"])
        .args(["-c", "maintenance.auto=false", "-c", "core.quotePath=false", "-c", "log.showSignature=false"])
        .args(asked)
        .envs([("GIT_TERMINAL_PROMPT", "0"), ("GIT_ASKPASS", "true"), ("SSH_ASKPASS", "true"), ("GIT_EDITOR", "true")])
        .envs([
            ("GIT_LITERAL_PATHSPECS", "1"),
            ("GIT_OPTIONAL_LOCKS", "0"),
            ("GIT_NO_LAZY_FETCH", "1"),
            ("LC_ALL", "C"),
        ])
        .envs(told.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|e| format!("git cannot be started: {e}"))?;
    // Each is read by a thread, so that neither can fill up and stop git.
    let (out, err) = (reader(child.stdout.take()), reader(child.stderr.take()));
    let end = Instant::now() + LONGEST;
    let status = loop {
        match child.try_wait().map_err(|e| format!("git cannot be waited for: {e}"))? {
            Some(status) => break status,
            None if Instant::now() > end => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("git did not end within {} seconds", LONGEST.as_secs()));
            }
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    let text = |reader: std::thread::JoinHandle<String>| reader.join().unwrap_or_default();
    Ok(Output { good: status.success(), out: text(out), err: text(err) })
}

fn reader(pipe: Option<impl Read + Send + 'static>) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_author_has_an_address_that_is_theirs_or_nobodys() {
        assert_eq!(address("anna@example.com", None), "anna@example.com");
        assert_eq!(address("Anna Weiß", Some("https://watch.example.com:8443/x")), "anna.weiß@watch.example.com");
        assert_eq!(address("editor", None), "editor@watchbook.invalid");
        assert_eq!(address("<>", None), "somebody@watchbook.invalid");
    }

    #[test]
    fn what_git_says_is_half_a_sentence() {
        assert!(
            said("fatal: Unable to create '/x/.git/index.lock': File exists.\n\nAnother git")
                .contains("another git command")
        );
        assert_eq!(said("hint: x\nfatal: cannot do that.\n"), "git says \"cannot do that\"");
        assert_eq!(said(""), "git says \"git did not say why\"");
    }

    #[test]
    fn a_name_is_never_refused() {
        assert_eq!((plain("Anna <x>\n").as_str(), plain("...").as_str()), ("Anna x", "somebody"));
    }
}
