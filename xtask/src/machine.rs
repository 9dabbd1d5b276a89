//! What a command needs on this machine besides Rust: found, installed where that is ours to do, or named.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;

use anyhow::{Context, Result, bail};

use crate::cargo;

/// The target of the browser's half.
pub const WASM: &str = "wasm32-unknown-unknown";

/// Adds the wasm target to this toolchain if it is missing.
pub fn wasm_target() -> Result<()> {
    let sysroot = cargo::output(cargo::program("rustc").args(["--print", "sysroot"]))?;
    if Path::new(sysroot.trim()).join("lib/rustlib").join(WASM).join("lib").is_dir() {
        return Ok(());
    }
    println!("Adding the {WASM} target to this Rust toolchain");
    cargo::run(cargo::program("rustup").args(["target", "add", WASM])).with_context(|| {
        format!("Rust's {WASM} target is missing. With rustup: `rustup target add {WASM}`; without, it is a package of whoever packaged your Rust.")
    })
}

/// A program that the tests need.
pub struct Tool {
    /// What people call it.
    pub name: &'static str,
    /// Debian's packages for it.
    pub debian: &'static [&'static str],
    /// Homebrew's package for it.
    pub brew: &'static str,
    /// Says where it is to be found.
    pub find: fn() -> Option<PathBuf>,
}

/// The folder with PostgreSQL's server programs.
pub const POSTGRES: Tool =
    Tool { name: "PostgreSQL's server", debian: &["postgresql"], brew: "postgresql", find: postgres };
/// A Chromium or Chrome; `WATCHBOOK_CHROMIUM` names another.
pub const CHROMIUM: Tool = Tool { name: "Chromium", debian: &["chromium"], brew: "--cask chromium", find: chromium };
/// Node, 20 or newer.
pub const NODE: Tool = Tool { name: "Node 20 or newer", debian: &["nodejs"], brew: "node", find: node };
/// Node's package manager.
pub const NPM: Tool = Tool { name: "npm", debian: &["npm"], brew: "node", find: || on_path("npm") };

/// Finds the tools, installs those that are missing when root on Debian, or says how to.
pub fn need<const N: usize>(tools: [&Tool; N]) -> Result<[PathBuf; N]> {
    let missing: Vec<&Tool> = tools.into_iter().filter(|tool| (tool.find)().is_none()).collect();
    if !missing.is_empty() {
        install(&missing)?;
    }
    let mut found = tools.map(|tool| (tool.find)().ok_or(tool.name));
    if let Some(Err(name)) = found.iter_mut().find(|found| found.is_err()) {
        bail!(
            "{name} is still not found: what this system installs may be too old. Install it by hand, into the PATH."
        );
    }
    Ok(found.map(|found| found.expect("those that are missing were named above")))
}

fn install(missing: &[&Tool]) -> Result<()> {
    let names = missing.iter().map(|tool| tool.name).collect::<Vec<_>>().join(" and ");
    let packages: Vec<&str> = missing.iter().flat_map(|tool| tool.debian).copied().collect();
    if is_root() && on_path("apt-get").is_some() {
        println!("Installing {names}, which the tests need: apt-get install {}", packages.join(" "));
        static UPDATED: Once = Once::new();
        // A failed update is no reason to stop: the list may be good enough.
        UPDATED.call_once(|| _ = cargo::run(cargo::program("apt-get").args(["update", "-q"])));
        return cargo::run(
            cargo::program("apt-get")
                .env("DEBIAN_FRONTEND", "noninteractive")
                .args(["install", "-y", "-q", "--no-install-recommends"])
                .args(packages),
        );
    }
    let brew = missing.iter().map(|tool| format!("brew install {}", tool.brew)).collect::<Vec<_>>().join(" && ");
    bail!(
        "These tests need {names}. On Debian or Ubuntu: `sudo apt-get install {}`; on macOS: `{brew}`.",
        packages.join(" ")
    )
}

/// Whether we are root.
pub fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n")
}

fn on_path(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// Debian keeps the server's programs out of the path, one folder a version: the newest.
fn postgres() -> Option<PathBuf> {
    let version = |path: &PathBuf| -> u32 {
        path.parent().and_then(|path| path.file_name()?.to_str()?.parse().ok()).unwrap_or_default()
    };
    std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|bin| bin.join("initdb").is_file() && bin.join("postgres").is_file())
        .max_by_key(version)
        .or_else(|| Some(on_path("initdb")?.parent()?.to_owned()).filter(|bin| bin.join("postgres").is_file()))
}

fn chromium() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("WATCHBOOK_CHROMIUM").map(PathBuf::from) {
        return named.is_file().then_some(named);
    }
    let applications = [
        "/Applications/Chromium.app/Contents/MacOS/Chromium",
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    ];
    ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
        .into_iter()
        .find_map(on_path)
        .or_else(|| applications.into_iter().map(PathBuf::from).find(|path| path.is_file()))
}

fn node() -> Option<PathBuf> {
    let path = on_path("node")?;
    let said = Command::new(&path).arg("--version").output().ok()?.stdout;
    let major: u32 = std::str::from_utf8(&said).ok()?.trim().trim_start_matches('v').split('.').next()?.parse().ok()?;
    (major >= 20).then_some(path)
}
