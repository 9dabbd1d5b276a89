//! Calls cargo and other programs, and says in words which of them failed.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// How the server is built.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Built soonest.
    Dev,
    /// Fastest, and holds all its assets.
    Release,
}

/// The folder with the workspace's Cargo.toml.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a folder in the workspace")
}

/// A program, to be started in the workspace's folder as if the reader had typed it there.
///
/// Takes out what `cargo run` told us about ourselves: build scripts that look at it (ring's does)
/// would build again whenever somebody changes between `cargo xtask …` and plain `cargo …`.
pub fn program(name: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(name);
    command.current_dir(root());
    for (name, _) in std::env::vars_os() {
        let told = name.to_str().is_some_and(|name| {
            ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_NAME", "CARGO_PRIMARY_PACKAGE"]
                .iter()
                .any(|start| name.starts_with(start))
        });
        if told {
            command.env_remove(name);
        }
    }
    command
}

/// Cargo, the same one that runs us.
pub fn cargo<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    let mut command = program(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args);
    command
}

/// Runs a command in view of the reader; an exit code other than 0 is an error.
pub fn run(command: &mut Command) -> Result<()> {
    let words = words(command);
    let status = command.status().with_context(|| format!("`{words}` could not be started"))?;
    if !status.success() {
        bail!("`{words}` failed ({status}); what it said is above.");
    }
    Ok(())
}

/// Runs tests in view of the reader and gives how many passed; one that fails is an error.
pub fn run_tests(command: &mut Command) -> Result<u32> {
    let words = words(command);
    let mut child =
        command.stdout(Stdio::piped()).spawn().with_context(|| format!("`{words}` could not be started"))?;
    let mut passed = 0;
    for line in BufReader::new(child.stdout.take().expect("its output is piped")).split(b'\n') {
        let line = String::from_utf8_lossy(&line?).into_owned();
        println!("{line}");
        passed += tests_passed(&line).unwrap_or_default();
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("`{words}` failed ({status}); what it said is above.");
    }
    Ok(passed)
}

/// How many tests passed, where a line sums that up: as Rust's own test runner says it, or as node's does.
fn tests_passed(line: &str) -> Option<u32> {
    let of_rust = || line.strip_prefix("test result: ok. ")?.split(" passed;").next()?.parse().ok();
    let of_node = || line.strip_prefix("ℹ pass ")?.trim().parse().ok();
    of_rust().or_else(of_node)
}

/// Runs a command and gives what it wrote to standard output.
pub fn output(command: &mut Command) -> Result<String> {
    let words = words(command);
    let output =
        command.stderr(Stdio::inherit()).output().with_context(|| format!("`{words}` could not be started"))?;
    if !output.status.success() {
        bail!("`{words}` failed ({}); what it said is above.", output.status);
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Builds the server and gives the path of its binary; a release holds the site that `assets` made.
pub fn server(profile: Profile) -> Result<PathBuf> {
    let is_binary =
        |file: &Path| file.file_stem() == Some(OsStr::new("watchbook")) && file.extension() != Some(OsStr::new("d"));
    let args = ["build", "-p", "watchbook", "--bin", "watchbook"];
    if profile == Profile::Dev {
        return build(&args, is_binary);
    }
    let args = [&args[..], &["--release"]].concat();
    let binary = build(&args, is_binary)?;
    if holds_site(&binary)? {
        return Ok(binary);
    }
    // Somebody built a release before there was a site, and cargo cannot know that there is one now.
    run(&mut cargo(["clean", "--release", "-p", "watchbook"]))?;
    let binary = build(&args, is_binary)?;
    if !holds_site(&binary)? {
        bail!("{} does not hold the site in target/site. See server/src/web/pkg.rs.", binary.display());
    }
    Ok(binary)
}

/// Whether a binary holds the present site: the names of its files stand in it.
fn holds_site(binary: &Path) -> Result<bool> {
    let hash = std::fs::read_to_string(root().join("target/site/HASH.txt"))?;
    let name = format!("pkg/{hash}/watchbook.wasm");
    let bytes = std::fs::read(binary).with_context(|| format!("{} cannot be read", binary.display()))?;
    Ok(bytes.windows(name.len()).any(|window| window == name.as_bytes()))
}

/// Runs a `cargo build …` and gives the one file it made that is `wanted`.
pub fn build(args: &[&str], wanted: impl Fn(&Path) -> bool) -> Result<PathBuf> {
    let mut command = cargo(args.iter().copied().chain(["--message-format", "json-render-diagnostics"]));
    let words = format!("cargo {}", args.join(" "));
    let mut child =
        command.stdout(Stdio::piped()).spawn().with_context(|| format!("`{words}` could not be started"))?;
    let mut found = None;
    for line in BufReader::new(child.stdout.take().expect("its output is piped")).lines() {
        let line = line?;
        let message: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
        if message["reason"] == "compiler-artifact" {
            let files = message["filenames"].as_array().into_iter().flatten().filter_map(|file| file.as_str());
            found = files.map(PathBuf::from).find(|file| wanted(file)).or(found);
        }
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("`{words}` failed ({status}); what it said is above.");
    }
    found.with_context(|| format!("`{words}` succeeded, but did not say where it put its result."))
}

fn words(command: &Command) -> String {
    let name = Path::new(command.get_program()).file_name().unwrap_or_default();
    std::iter::once(name).chain(command.get_args()).map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::tests_passed;

    #[test]
    fn the_line_that_sums_up_says_how_many_tests_passed() {
        assert_eq!(
            tests_passed("test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 7 filtered out"),
            Some(12)
        );
        assert_eq!(tests_passed("ℹ pass 185"), Some(185));
        for other in ["running 12 tests", "test result: FAILED. 1 passed; 1 failed", "ℹ skipped 3", ""] {
            assert_eq!(tests_passed(other), None, "{other}");
        }
    }
}
