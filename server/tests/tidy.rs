//! The rules of the tree, read from its source: who may import what, and how a file begins.
//!
//! ARCHITECTURE.md says why. Tests inside files are not looked at: they may use what they like.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

/// A file of the tree.
struct File {
    /// From the root of the repository, with `/`.
    path: String,
    text: String,
    /// What it names with a path: `crate::store::feed`, `sqlx::query`, `app::pages::runs::RunFilter`. `crate` is
    /// written out as the crate's name (`app`, `watchbook`), and so are `self` and `super`.
    names: Vec<String>,
}

impl File {
    fn is_in(&self, folder: &str) -> bool {
        self.path.starts_with(folder)
    }

    /// The names that begin with one of these paths.
    fn names_from<'f>(&'f self, paths: &'f [&'f str]) -> impl Iterator<Item = &'f str> {
        self.names.iter().map(String::as_str).filter(|name| paths.iter().any(|path| is_under(name, path)))
    }
}

/// Whether a name is a path or something in it.
fn is_under(name: &str, path: &str) -> bool {
    name.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// Whether a name ends in a type: `app::pages::runs::RunFilter`, `app::pages::runs::RunFilter::All`.
fn names_a_type(name: &str) -> bool {
    name.split("::").any(|part| part.starts_with(|c: char| c.is_ascii_uppercase()))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every Rust file of ours.
fn files() -> Vec<File> {
    let mut files = Vec::new();
    let folders = ["app", "server", "xtask"];
    let mut waiting: Vec<PathBuf> = folders.iter().map(|folder| root().join(folder)).collect();
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let path = path.strip_prefix(root()).unwrap().to_str().unwrap().replace('\\', "/");
                let names = names(&path, &text);
                files.push(File { path, text, names });
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(files.len() > 100, "the tree is where it should be");
    files
}

/// The source without comments, the content of texts, and the tests at its end.
fn code(text: &str) -> String {
    let end = text.find("#[cfg(test)]\nmod ").filter(|at| text[*at..].contains('{')).unwrap_or(text.len());
    let mut code = String::with_capacity(end);
    let mut rest = &text[..end];
    while let Some(character) = rest.chars().next() {
        if rest.starts_with("//") {
            rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
            continue;
        }
        if let Some(raw) = raw_text(rest) {
            rest = &rest[raw..];
            code.push_str("\"\"");
            continue;
        }
        if character == '"' {
            rest = &rest[plain_text(rest)..];
            code.push_str("\"\"");
            continue;
        }
        if rest.starts_with("'\"'") || rest.starts_with("'\\\"'") {
            rest = &rest[rest[1..].find('\'').unwrap() + 2..];
            continue;
        }
        code.push(character);
        rest = &rest[character.len_utf8()..];
    }
    code
}

/// The length of the `r#"…"#` that the source begins with, if it does.
fn raw_text(source: &str) -> Option<usize> {
    let hashes = source.strip_prefix('r')?.bytes().take_while(|b| *b == b'#').count();
    source[1 + hashes..].starts_with('"').then_some(())?;
    let end = format!("\"{}", "#".repeat(hashes));
    let start = 2 + hashes;
    Some(start + source[start..].find(&end)? + end.len())
}

/// The length of the `"…"` that the source begins with.
fn plain_text(source: &str) -> usize {
    let mut escaped = false;
    for (at, character) in source.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    source.len()
}

/// Everything that a file names with a path.
fn names(path: &str, text: &str) -> Vec<String> {
    let mut code = code(text);
    let module = module(path);
    let mut found = Vec::new();
    // `use` with its tree, which may nest.
    let is_name = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let mut from = 0;
    while let Some(at) = code[from..].find("use ").map(|at| from + at) {
        from = at + 4;
        if code[..at].ends_with(is_name) {
            continue;
        }
        let end = code[at..].find(';').map_or(code.len(), |end| at + end);
        let tree: String = code.drain(at..end).collect();
        spread("", &tree[4..].split_whitespace().collect::<Vec<_>>().join(" "), &mut found);
        from = at;
    }
    // And paths in the middle of a line.
    for word in code.split(|c: char| !is_name(c)).filter(|word| word.contains("::")) {
        found.push(word.trim_matches(':').to_owned());
    }
    let mut names: Vec<_> = found.into_iter().map(|name| whole(&name, &module)).collect();
    names.sort();
    names.dedup();
    names
}

/// Each path of a `use` tree: `a::{b, c::{d}}` is `a::b` and `a::c::d`.
fn spread(before: &str, tree: &str, found: &mut Vec<String>) {
    let tree = tree.trim();
    let Some((head, inside)) = tree.split_once('{') else {
        let name = tree.split(" as ").next().unwrap_or(tree).trim();
        let name = format!("{before}{name}");
        return found.push(name.strip_suffix("::self").map_or(name.clone(), str::to_owned));
    };
    let inside = inside.trim_end().strip_suffix('}').unwrap_or(inside);
    let (mut depth, mut start) = (0, 0);
    let before = format!("{before}{}", head.trim());
    for (at, character) in inside.char_indices().chain([(inside.len(), ',')]) {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                if !inside[start..at].trim().is_empty() {
                    spread(&before, &inside[start..at], found);
                }
                start = at + 1;
            }
            _ => {}
        }
    }
}

/// The module that a file is: `server/src/web/mod.rs` is `watchbook::web`.
fn module(path: &str) -> Vec<String> {
    let (krate, inside) = match path.split_once("/src/") {
        Some(("app", inside)) => ("app", inside),
        Some(("server", inside)) => ("watchbook", inside),
        _ => ("other", path),
    };
    let inside = inside.trim_end_matches(".rs").trim_end_matches("/mod");
    let parts = inside.split('/').filter(|part| !["lib", "main", "mod"].contains(part));
    std::iter::once(krate).chain(parts).map(str::to_owned).collect()
}

/// A name with `crate`, `self` and `super` written out.
fn whole(name: &str, module: &[String]) -> String {
    let mut place = module.to_vec();
    let mut parts = name.split("::").peekable();
    match parts.peek().copied() {
        Some("crate") => place.truncate(1),
        Some("self") => {}
        Some("super") => {
            while parts.next_if_eq(&"super").is_some() {
                place.pop();
            }
            place.extend(parts.map(str::to_owned));
            return place.join("::");
        }
        _ => return name.to_owned(),
    }
    parts.next();
    place.extend(parts.map(str::to_owned));
    place.join("::")
}

/// Who may not name what, and why.
struct Rule {
    /// In which folder or file.
    whose: &'static str,
    /// What it must not name.
    what: &'static [&'static str],
    /// The exceptions.
    but: fn(&str) -> bool,
    /// In a sentence.
    why: &'static str,
}

fn nothing(_: &str) -> bool {
    false
}

const RULES: [Rule; 11] = [
    Rule {
        whose: "app/src/",
        what: &[
            "tokio",
            "sqlx",
            "axum",
            "reqwest",
            "std::fs",
            "std::net",
            "std::env",
            "std::process",
            "std::time::SystemTime",
        ],
        but: nothing,
        why: "app says what the product is: it reads no clock, no file, no database and no network",
    },
    Rule {
        whose: "app/src/model/",
        what: &["app::pages", "app::parts", "app::islands", "app::markdown", "app::layout", "leptos"],
        but: nothing,
        why: "the nouns know nothing of how they are shown",
    },
    Rule {
        whose: "app/src/markdown/",
        what: &["app::pages", "app::parts", "app::islands", "app::layout", "leptos"],
        but: nothing,
        why: "documents know nothing of pages",
    },
    Rule {
        whose: "app/src/layout.rs",
        what: &["app"],
        but: nothing,
        why: "layout places names on a plane and knows nothing else",
    },
    Rule {
        whose: "app/src/parts/",
        what: &["app::pages", "app::markdown"],
        // A part draws what a page was given: it takes the page's picture, and never calls the page.
        but: names_a_type,
        why: "parts are pieces of pages, not the other way round",
    },
    Rule {
        whose: "app/src/islands/",
        what: &["app::pages", "app::parts", "app::markdown", "app::model", "app::layout"],
        but: nothing,
        why: "islands go to the browser, where nothing else of the crate is",
    },
    Rule {
        whose: "server/src/",
        what: &["sqlx"],
        but: |name| ["sqlx::Error", "sqlx::Result"].iter().any(|allowed| is_under(name, allowed)),
        why: "SQL is in server/src/store and db.rs alone; elsewhere sqlx is only the name of an error",
    },
    Rule {
        whose: "server/src/store/",
        what: &["watchbook", "axum", "app::parts", "app::markdown", "app::islands", "app::pages"],
        but: |name| {
            ["watchbook::store", "watchbook::db"].iter().any(|own| is_under(name, own))
                || is_under(name, "app::pages") && names_a_type(name)
        },
        why: "the store reads and writes rows, and decides nothing",
    },
    Rule {
        whose: "server/src/actions/",
        what: &[
            "watchbook::web",
            "watchbook::ingest",
            "watchbook::world",
            "watchbook::standing",
            "watchbook::clock",
            "axum",
            "app::pages",
            "app::parts",
        ],
        but: nothing,
        why: "an action is one transaction, whoever asks for it and however that looks",
    },
    Rule {
        whose: "server/src/ingest/",
        what: &["watchbook::web", "watchbook::standing", "watchbook::clock", "app::pages", "app::parts"],
        but: nothing,
        why: "a format is translated and handed on",
    },
    Rule {
        whose: "server/src/db.rs",
        what: &["watchbook", "app", "axum"],
        but: nothing,
        why: "the database is below everything",
    },
];

/// What files of the tree are outside a rule although they lie where it holds.
fn is_exempt(file: &File, rule: &Rule) -> bool {
    let sql = rule.what == ["sqlx"] && (file.is_in("server/src/store/") || file.path == "server/src/db.rs");
    // Modules of tests are files of their own in places.
    sql || file.path.ends_with("/tests.rs") || file.path.ends_with("/safety.rs")
}

#[test]
fn every_module_imports_only_what_it_may() {
    let files = files();
    let mut wrong = String::new();
    for rule in &RULES {
        let held: Vec<_> = files.iter().filter(|f| f.is_in(rule.whose)).collect();
        assert!(!held.is_empty(), "{} is not there any more", rule.whose);
        for file in held.into_iter().filter(|file| !is_exempt(file, rule)) {
            for name in file.names_from(rule.what).filter(|name| !(rule.but)(name)) {
                writeln!(wrong, "{} names {name}: {}.", file.path, rule.why).unwrap();
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn every_file_says_first_what_it_is_for() {
    for file in files() {
        let first = file.text.lines().next().unwrap_or_default();
        let sentence = first.strip_prefix("//! ").unwrap_or_default();
        assert!(sentence.len() > 10, "{} does not begin with a sentence after //!", file.path);
    }
}

#[test]
fn no_file_is_a_drawer_for_everything() {
    for file in files() {
        for part in file.path.trim_end_matches(".rs").split('/') {
            assert!(
                !["utils", "util", "common", "helpers", "helper", "types", "misc"].contains(&part),
                "{}",
                file.path
            );
        }
    }
}

#[test]
fn only_db_rs_asks_which_database_it_is() {
    for file in files().iter().filter(|f| f.is_in("server/src/") && f.path != "server/src/db.rs") {
        let names = file.names_from(&["sqlx::sqlite", "sqlx::postgres", "sqlx::Sqlite", "sqlx::Postgres"]);
        let named: Vec<_> = names.into_iter().collect();
        assert!(named.is_empty(), "{} names {named:?}: both databases are one to all but db.rs", file.path);
    }
}

#[test]
fn names_are_found_in_trees_paths_and_not_in_texts() {
    let source = "//! Says.\n\nuse crate::store::{feed, parts::{self, Change as C}};\nuse super::error;\n\n/// [`crate::live`]\nfn f() -> sqlx::Result<()> {\n    let s = \"crate::web\"; // crate::web\n    crate::live::tell(r#\"crate::\"world\"#)\n}\n\n#[cfg(test)]\nmod tests {\n    use crate::web;\n}\n";
    assert_eq!(
        names("server/src/web/runs.rs", source),
        [
            "sqlx::Result",
            "watchbook::live::tell",
            "watchbook::store::feed",
            "watchbook::store::parts",
            "watchbook::store::parts::Change",
            "watchbook::web::error",
        ]
    );
    assert_eq!(module("server/src/web/mod.rs"), ["watchbook", "web"]);
    assert_eq!(module("app/src/lib.rs"), ["app"]);
}
