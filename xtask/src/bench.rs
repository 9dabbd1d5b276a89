//! What the product promises about speed, measured.

use std::process::ExitCode;

use anyhow::Result;

use crate::cargo::Profile;
use crate::{assets, cargo};

/// Builds the release and measures it; `args` go to the benchmark.
pub fn run(args: &[String]) -> Result<ExitCode> {
    assets::build()?;
    let binary = cargo::server(Profile::Release)?;
    let mut command = cargo::cargo(["bench", "-p", "watchbook", "--bench", "promises", "--"]);
    cargo::run(command.args(args).env("WATCHBOOK_BINARY", binary))?;
    Ok(ExitCode::SUCCESS)
}
