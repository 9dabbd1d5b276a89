//! `cargo xtask …`: the only build tool; needs nothing but Rust, and says what else a command needs.

mod assets;
mod bench;
mod browser;
mod cargo;
mod dev;
mod machine;
mod postgres;
mod style;
mod test;

use std::process::ExitCode;

use anyhow::Result;

const USAGE: &str = "\
cargo xtask run [--release] [ARGS]    build what is needed and start the demo; ARGS go to `watchbook serve --demo`
cargo xtask dev [ARGS]                the same, and again whenever a source file changes
cargo xtask build                     leave the one release binary at target/release/watchbook
cargo xtask test [PART…] [WORD…]      everything that has to hold, or only some parts, or the tests named like WORD;
                                      parts: fmt clippy unit api wasm browser; --release: browser tests on that build
cargo xtask bench [ARGS]              what the product promises about speed, on a release build
cargo xtask assets                    only what the browser loads: target/site";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match command(&args) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("\n{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn command(args: &[String]) -> Result<ExitCode> {
    let (name, args) = args.split_first().map_or(("", args), |(name, args)| (name.as_str(), args));
    match name {
        "run" => dev::run(args),
        "dev" => dev::watch(args),
        "build" => {
            assets::build()?;
            let binary = cargo::server(cargo::Profile::Release)?;
            println!("One file holds the whole product: {}", binary.display());
            Ok(ExitCode::SUCCESS)
        }
        "test" => test::all(args),
        "bench" => bench::run(args),
        "assets" => assets::build().map(|()| ExitCode::SUCCESS),
        "" | "help" | "-h" | "--help" => {
            println!("{USAGE}");
            Ok(ExitCode::SUCCESS)
        }
        unknown => anyhow::bail!("There is no `cargo xtask {unknown}`. There is:\n\n{USAGE}"),
    }
}
