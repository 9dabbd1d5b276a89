//! Everything that has to hold before a change is good, part by part, with the time each takes.

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Result, bail};

use crate::cargo::{self, Profile};
use crate::postgres::Cluster;
use crate::{assets, browser, machine};

/// The packages that the product is made of; always chosen together, so that their libraries are built once.
const PRODUCT: [&str; 4] = ["-p", "app", "-p", "watchbook"];
/// The browser's half.
const BROWSER_HALF: [&str; 7] =
    ["-p", "app", "--no-default-features", "--features", "hydrate", "--target", machine::WASM];
/// What the browser's half must not carry.
const SERVER_ONLY: [&str; 3] = ["tokio", "sqlx", "axum"];

struct Part {
    name: &'static str,
    what: &'static str,
    run: Run,
}

enum Run {
    /// One question, answered by yes or no.
    Whole(fn() -> Result<()>),
    /// Tests that have names; gives how many passed.
    Named(fn(&Chosen) -> Result<u32>),
}

const PARTS: [Part; 6] = [
    Part { name: "fmt", what: "every file is formatted", run: Run::Whole(formatting) },
    Part { name: "clippy", what: "no warnings, on the server and in the browser", run: Run::Whole(clippy) },
    Part { name: "unit", what: "unit and property tests", run: Run::Named(unit) },
    Part { name: "api", what: "the API on SQLite and on PostgreSQL", run: Run::Named(api) },
    Part { name: "wasm", what: "the browser's half carries nothing of the server", run: Run::Whole(wasm) },
    Part { name: "browser", what: "the journeys in Chromium", run: Run::Named(browser) },
];

/// What the reader asked for.
struct Chosen {
    profile: Profile,
    words: Vec<String>,
}

/// Runs all parts, or those that are named; other words choose tests by their name.
pub fn all(args: &[String]) -> Result<ExitCode> {
    let (names, words): (Vec<&String>, Vec<&String>) =
        args.iter().filter(|arg| *arg != "--release").partition(|arg| PARTS.iter().any(|part| part.name == **arg));
    if let Some(flag) = words.iter().find(|word| word.starts_with('-')) {
        bail!("`cargo xtask test` knows only --release, not {flag}.");
    }
    let release = args.iter().any(|arg| arg == "--release");
    let chosen = Chosen {
        profile: if release { Profile::Release } else { Profile::Dev },
        words: words.into_iter().cloned().collect(),
    };
    let mut results = Vec::new();
    let mut ran = 0;
    for part in &PARTS {
        let is_named = names.iter().any(|name| *name == part.name);
        // A word alone is about tests that have names.
        let has_names = matches!(part.run, Run::Named(_));
        if is_named || names.is_empty() && (chosen.words.is_empty() || has_names) {
            println!("\n== {}: {} ==", part.name, part.what);
            let start = Instant::now();
            let result = match part.run {
                Run::Whole(run) => run(),
                Run::Named(run) => run(&chosen).map(|passed| ran += passed),
            };
            if let Err(error) = &result {
                println!("{error:#}");
            }
            let seconds = start.elapsed().as_secs_f64();
            println!("-- {}: {}, {seconds:.1} s", part.name, verdict(&result));
            results.push((part, result, seconds));
        }
    }
    println!();
    for (part, result, seconds) in &results {
        println!("{:>8} {:<7} {seconds:>7.1} s  {}", part.name, verdict(result), part.what);
    }
    let failed = results.iter().filter(|(_, result, _)| result.is_err()).count();
    println!("\n{} passed, {failed} failed", results.len() - failed);
    let has_names = results.iter().any(|(part, ..)| matches!(part.run, Run::Named(_)));
    if has_names && failed == 0 && ran == 0 {
        let words = chosen.words.join("\" or \"");
        bail!("No test ran: none that was looked at has \"{words}\" in its name.");
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn verdict(result: &Result<()>) -> &'static str {
    if result.is_ok() { "passed" } else { "FAILED" }
}

fn formatting() -> Result<()> {
    cargo::run(&mut cargo::cargo(["fmt", "--all", "--check"]))
}

fn clippy() -> Result<()> {
    site()?;
    machine::wasm_target()?;
    const STRICT: [&str; 3] = ["--", "-D", "warnings"];
    cargo::run(cargo::cargo(["clippy", "--workspace", "--all-targets"]).args(STRICT))?;
    cargo::run(cargo::cargo(["clippy", "--lib"]).args(BROWSER_HALF).args(STRICT))
}

fn unit(chosen: &Chosen) -> Result<u32> {
    site()?;
    let product =
        cargo::run_tests(cargo::cargo(["test", "--lib", "--bins"]).args(PRODUCT).arg("--").args(&chosen.words))?;
    let tools = cargo::run_tests(cargo::cargo(["test", "-p", "xtask", "--"]).args(&chosen.words))?;
    Ok(product + tools)
}

fn api(chosen: &Chosen) -> Result<u32> {
    site()?;
    let cluster = Cluster::start()?;
    cargo::run_tests(
        cargo::cargo(["test", "--test", "*"])
            .args(PRODUCT)
            .arg("--")
            .args(&chosen.words)
            .env("WATCHBOOK_TEST_POSTGRES", cluster.url()),
    )
}

fn wasm() -> Result<()> {
    machine::wasm_target()?;
    let mut ask = cargo::cargo(["tree", "--edges", "normal", "--prefix", "none", "--format", "{p}"]);
    let tree = cargo::output(ask.args(BROWSER_HALF))?;
    let carried = carried(&tree);
    if !carried.is_empty() {
        bail!(
            "The browser's half of `app` depends on {}. `cargo tree -i NAME {}` says through what.",
            carried.join(", "),
            BROWSER_HALF.join(" ")
        );
    }
    let packages: BTreeSet<&str> = tree.lines().filter_map(|line| line.split(" (").next()).collect();
    println!("{} packages, none of them {}", packages.len(), SERVER_ONLY.join(", "));
    Ok(())
}

/// The packages in a tree that only the server may use.
fn carried(tree: &str) -> Vec<&str> {
    let mut found: Vec<&str> = tree
        .lines()
        .filter_map(|line| line.split(' ').next())
        .filter(|name| SERVER_ONLY.iter().any(|only| name == only || name.starts_with(&format!("{only}-"))))
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

fn browser(chosen: &Chosen) -> Result<u32> {
    browser::test(chosen.profile, &chosen.words)
}

/// The server embeds the site: it compiles only where there is one.
fn site() -> Result<()> {
    if cargo::root().join("target/site/HASH.txt").exists() { Ok(()) } else { assets::build() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_of_the_server_in_the_browser_is_named() {
        let tree =
            "app v0.1.0 (/work)\nleptos v0.8.23\ntokio v1.47.0\ntokio-stream v0.1.17\nsqlxy v1.0.0\ntokio v1.47.0";
        assert_eq!(carried(tree), ["tokio", "tokio-stream"]);
    }
}
