//! The journeys through the real product in a real browser.

use std::fs;

use anyhow::{Context, Result, bail};

use crate::cargo::Profile;
use crate::{assets, cargo, machine};

/// Builds the product and walks through it; `words` choose journeys by name. Gives how many tests passed.
pub fn test(profile: Profile, words: &[String]) -> Result<u32> {
    let [chromium, node, npm] = machine::need([&machine::CHROMIUM, &machine::NODE, &machine::NPM])?;
    assets::build()?;
    let binary = cargo::server(profile)?;
    let folder = cargo::root().join("end2end");
    // npm leaves a copy of the list of what it installed; ours is newer when somebody changed it.
    let wanted = fs::read(folder.join("package-lock.json")).context("end2end/package-lock.json cannot be read")?;
    let stamp = folder.join("node_modules/.installed");
    if fs::read(&stamp).ok().as_ref() != Some(&wanted) {
        cargo::run(cargo::program(npm).current_dir(&folder).args([
            "ci",
            "--no-audit",
            "--no-fund",
            "--ignore-scripts",
        ]))?;
        fs::write(&stamp, wanted)?;
    }
    let mut specs: Vec<String> = fs::read_dir(&folder)?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.ends_with(".spec.mjs"))
        .collect();
    specs.sort();
    if specs.is_empty() {
        bail!("There is no browser test: end2end/ holds no *.spec.mjs.");
    }
    let mut command = cargo::program(node);
    command.current_dir(&folder).env("WATCHBOOK_BINARY", binary).env("WATCHBOOK_CHROMIUM", chromium);
    // One after the other: on a small machine two browsers at once make each other late.
    command.args(["--test", "--test-reporter=spec", "--test-concurrency=1"]);
    command.args(words.iter().map(|word| format!("--test-name-pattern={word}")));
    cargo::run_tests(command.args(specs))
}
