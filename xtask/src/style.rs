//! The style sheets: several files to read, one small file to load.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use lightningcss::rules::CssRule;
use lightningcss::stylesheet::{MinifyOptions, ParserOptions, PrinterOptions, StyleSheet};

/// Files that come first, in this order; others follow by name.
const FIRST: [&str; 4] = ["tokens.css", "base.css", "parts.css", "pages.css"];

/// The style sheets of a folder, in the order in which they take effect.
pub fn sheets(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut sheets = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "css") {
            sheets.push(path);
        }
    }
    sheets.sort_by_key(|path| {
        let name = path.file_name().unwrap_or_default().to_owned();
        (FIRST.iter().position(|first| *first == name).unwrap_or(FIRST.len()), name)
    });
    Ok(sheets)
}

/// Minifies the style sheets, one after the other.
pub fn bundle(sheets: &[PathBuf]) -> Result<String> {
    let mut all = String::new();
    for path in sheets {
        let text = std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
        all.push_str(&minify(&text).with_context(|| format!("{} cannot be used", path.display()))?);
    }
    Ok(all)
}

/// Makes one style sheet small; an error says where and what is wrong.
fn minify(text: &str) -> Result<String> {
    let mut sheet = StyleSheet::parse(text, ParserOptions::default()).map_err(|error| {
        // Its lines count from 0.
        let line = error.loc.map_or(0, |place| place.line + 1);
        anyhow!("line {line}: {}", error.kind)
    })?;
    if sheet.rules.0.iter().any(|rule| matches!(rule, CssRule::Import(_))) {
        bail!("`@import` has no effect here: all files of the folder are joined by themselves.");
    }
    sheet.minify(MinifyOptions::default()).map_err(|error| anyhow!("{error}"))?;
    let options = PrinterOptions { minify: true, ..PrinterOptions::default() };
    Ok(sheet.to_css(options).map_err(|error| anyhow!("{error}"))?.code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sheets_take_effect_in_the_order_of_their_layers() {
        let folder = std::env::temp_dir().join(format!("watchbook-style-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        for (name, text) in [
            ("extra.css", "@layer extra { a { color: red } }"),
            ("base.css", "@layer base { a { color: #00ff00 } }"),
            ("tokens.css", "@layer tokens, base, extra; @layer tokens { :root { --bg: #fff } }"),
        ] {
            std::fs::write(folder.join(name), text).unwrap();
        }
        let css = bundle(&sheets(&folder).unwrap()).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        let css = css.replace("@layer base,extra;", "");
        assert_eq!(css, "@layer tokens{:root{--bg:#fff}}@layer base{a{color:#0f0}}@layer extra{a{color:red}}");
    }

    #[test]
    fn a_mistake_is_named_with_its_place() {
        let error = minify("a { color: red }\nb { color }\n").unwrap_err().to_string();
        assert_eq!(error, "line 2: Unexpected end of input");
    }
}
