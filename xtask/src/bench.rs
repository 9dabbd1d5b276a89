//! What the product promises about speed, measured.

use std::process::ExitCode;

use anyhow::Result;

use crate::{assets, cargo};

/// Builds the release and measures it; `args` go to the benchmark.
pub fn run(args: &[String]) -> Result<ExitCode> {
    assets::build()?;
    // Cargo builds the binary that is measured with the benchmark.
    cargo::run(cargo::cargo(["bench", "-p", "watchbook", "--bench", "promises", "--"]).args(args))?;
    Ok(ExitCode::SUCCESS)
}
