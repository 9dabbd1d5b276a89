//! What the browser loads: script, wasm, style and icons, compressed, under a name that changes with them.
//!
//! They end up in `target/site/pkg/{HASH}/`, each also as `.br` and `.gz`; `target/site/HASH.txt`
//! holds the hash. The server embeds the folder.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use wasm_bindgen_cli_support::Bindgen;

use crate::{cargo, machine, style};

/// Changed when this file makes something else of the same inputs.
const RECIPE: &str = "1, wasm-bindgen 0.2.130";

/// What may weigh how much, brotli, in bytes; from the visual language's budgets.
const BUDGETS: [(&str, &[&str], usize); 2] =
    [("wasm and glue", &["watchbook.wasm", "watchbook.js"], 160 * 1024), ("style", &["watchbook.css"], 12 * 1024)];

/// The files of the site by their path in its folder.
type Files = BTreeMap<String, Vec<u8>>;

/// Builds what is out of date, and nothing if nothing is.
pub fn build() -> Result<()> {
    let site = cargo::root().join("target/site");
    fs::create_dir_all(&site)?;
    let wasm = wasm()?;
    let style = cargo::root().join("style");
    let sheets = if style.is_dir() { style::sheets(&style)? } else { Vec::new() };
    let mut others = others(&style)?;
    others.extend(scripts(&cargo::root().join("script"))?);

    let mut inputs = Sha256::new();
    inputs.update(RECIPE);
    for file in std::iter::once(&wasm).chain(&sheets).chain(others.values()) {
        inputs.update(file.as_os_str().as_encoded_bytes());
        inputs.update(fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?);
    }
    let inputs = hex(inputs);
    // Beside the site, not in it: what is in it is embedded.
    let known = cargo::root().join("target/site.inputs");
    let hash = fs::read_to_string(site.join("HASH.txt")).unwrap_or_default();
    let is_there = !hash.is_empty() && site.join("pkg").join(&hash).join("watchbook.css.gz").exists();
    if is_there && fs::read_to_string(&known).is_ok_and(|known| known == inputs) {
        return Ok(());
    }

    let mut files = bind(&wasm)?;
    files.insert("watchbook.css".into(), style::bundle(&sheets)?.into_bytes());
    for (name, path) in others {
        files.insert(name, fs::read(path)?);
    }
    let hash = content_hash(&files);
    let sizes = write(&files, &site, &hash)?;
    fs::write(&known, inputs)?;
    report(&hash, &sizes);
    Ok(())
}

/// Compiles the browser's half of `app`.
fn wasm() -> Result<PathBuf> {
    machine::wasm_target()?;
    cargo::build(
        &[
            "build",
            "-p",
            "app",
            "--lib",
            "--no-default-features",
            "--features",
            "hydrate",
            "--target",
            machine::WASM,
            "--profile",
            "wasm",
        ],
        |file| file.extension().is_some_and(|extension| extension == "wasm"),
    )
}

/// Makes the script that loads the wasm, and the wasm that it expects.
fn bind(wasm: &Path) -> Result<Files> {
    let folder = cargo::root().join("target/bindgen");
    _ = fs::remove_dir_all(&folder);
    Bindgen::new()
        .input_path(wasm)
        .out_name("watchbook")
        .web(true)?
        .typescript(false)
        .omit_default_module_path(true)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(&folder)
        .context("The script for the wasm could not be made")?;
    // The name that leptos' island script asks for.
    fs::rename(folder.join("watchbook_bg.wasm"), folder.join("watchbook.wasm"))?;
    let mut files = Files::new();
    collect(&folder, "", &mut files)?;
    Ok(files)
}

/// Reads a folder and the folders in it.
fn collect(folder: &Path, prefix: &str, files: &mut Files) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &format!("{name}/"), files)?;
        } else {
            files.insert(name, fs::read(entry.path())?);
        }
    }
    Ok(())
}

/// What else the style folder holds for the browser: the icon sprite, favicons.
fn others(style: &Path) -> Result<BTreeMap<String, PathBuf>> {
    let mut others = BTreeMap::new();
    if style.is_dir() {
        for entry in fs::read_dir(style)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "svg" || extension == "png" || extension == "ico")
            {
                others.insert(path.file_name().unwrap_or_default().to_string_lossy().into_owned(), path);
            }
        }
    }
    Ok(others)
}

/// The scripts that are loaded as they are written.
fn scripts(folder: &Path) -> Result<BTreeMap<String, PathBuf>> {
    let mut scripts = BTreeMap::new();
    for entry in fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "js") {
            scripts.insert(path.file_name().unwrap_or_default().to_string_lossy().into_owned(), path);
        }
    }
    Ok(scripts)
}

/// Ten hex digits over every name and every byte.
fn content_hash(files: &Files) -> String {
    let mut hash = Sha256::new();
    for (name, bytes) in files {
        hash.update(format!("{name}\0{}\0", bytes.len()));
        hash.update(bytes);
    }
    hex(hash)[..10].to_owned()
}

fn hex(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes every file three times, drops the earlier site, and gives the sizes: as it is, brotli, gzip.
fn write(files: &Files, site: &Path, hash: &str) -> Result<BTreeMap<String, [usize; 3]>> {
    let new = cargo::root().join("target/site.new");
    _ = fs::remove_dir_all(&new);
    let mut sizes = BTreeMap::new();
    for (name, bytes) in files {
        let (br, gz) = (brotli(bytes)?, gzip(bytes)?);
        sizes.insert(name.clone(), [bytes.len(), br.len(), gz.len()]);
        for (ending, bytes) in [("", bytes), (".br", &br), (".gz", &gz)] {
            let path = new.join(format!("{name}{ending}"));
            fs::create_dir_all(path.parent().expect("it is in a folder"))?;
            fs::write(path, bytes)?;
        }
    }
    let pkg = site.join("pkg");
    _ = fs::remove_dir_all(&pkg);
    fs::create_dir_all(&pkg)?;
    fs::rename(&new, pkg.join(hash))?;
    fs::write(site.join("HASH.txt"), hash)?;
    Ok(sizes)
}

fn brotli(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut small = Vec::new();
    let params =
        brotli::enc::BrotliEncoderParams { quality: 11, lgwin: 22, size_hint: bytes.len(), ..Default::default() };
    brotli::BrotliCompress(&mut &*bytes, &mut small, &params)?;
    Ok(small)
}

fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut small = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    small.write_all(bytes)?;
    Ok(small.finish()?)
}

fn report(hash: &str, sizes: &BTreeMap<String, [usize; 3]>) {
    println!("target/site/pkg/{hash}");
    println!("{:>24} {:>9} {:>9} {:>9}", "KiB", "as it is", "brotli", "gzip");
    for (name, size) in sizes {
        let [plain, br, gz] = size.map(|size| size as f64 / 1024.0);
        println!("{name:>24} {plain:>9.1} {br:>9.1} {gz:>9.1}");
    }
    for (what, names, budget) in BUDGETS {
        let size: usize = names.iter().filter_map(|name| sizes.get(*name)).map(|size| size[1]).sum();
        let verdict = if size <= budget { "inside" } else { "OVER" };
        println!("{what}: {:.1} KiB brotli, {verdict} the budget of {}", size as f64 / 1024.0, budget / 1024);
    }
}
