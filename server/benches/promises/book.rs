//! A large book: how soon 10,000 runbooks are taken over, opened, and flagged after one change.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use app::model::moment::Moment;
use app::model::review::seen;
use watchbook::db::Db;
use watchbook::store::reviews::{PinRecord, Seen, put_pin};
use watchbook::world::{AlreadyRead, Worlds};

use crate::portal::Portal;
use crate::table::{Goal, Table};
use crate::{p99_of, percentile};

/// How many runbooks there are, of how many words in each of their sections.
const RUNBOOKS: usize = 10_000;
const WORDS: usize = 80;

/// How many components there are, and how many in a file.
const COMPONENTS: usize = 5_000;
const PER_FILE: usize = 100;

/// How many workflows of how many steps there are.
const WORKFLOWS: usize = 200;
const STEPS: usize = 5;

/// The sections of each runbook, by convention.
const SECTIONS: [&str; 5] = ["Do this now", "What it means", "How it works", "If it does not help", "Why it is so"];

/// The runbook with 40 links, 10 facts and 4 live panels.
const FULL: &str = "/runbooks/full";

/// How often the value changes that every runbook speaks of.
const CHANGES: usize = 5;

/// Starts a portal on that book, starts it again, opens pages, and changes one value that every runbook speaks of.
pub fn measure(table: &mut Table, scale: usize) {
    let many = RUNBOOKS / scale;
    let began = Instant::now();
    let mut written = Duration::ZERO;
    let mut portal = Portal::of_book(|folder| {
        write_book(folder, many);
        written = began.elapsed();
    });
    wait_until_ready(&portal);
    let files = format!("{many} runbooks, {COMPONENTS} components");
    let first = (began.elapsed() - written).as_secs_f64();
    table.row(&format!("first start to /ready, {files}"), first, "s", Goal::AtMost(10.0));
    portal.stop();
    review_everything(&portal);
    portal.restart();
    portal.stop();
    let again = portal.restart().as_secs_f64();
    table.row(&format!("unchanged start to /ready, {files}"), again, "s", Goal::AtMost(1.0));
    assert_eq!(to_check(&portal), 0, "everything was reviewed");
    portal.wait_until_read();
    for path in [FULL, "/runbooks", "/reviews", "/coverage", "/api/v1/runbooks/full"] {
        let p99 = p99_of(&portal, path);
        let what = if path == FULL { ", 40 links, 10 facts, 4 panels" } else { "" };
        let goal = if path.ends_with("full") { Goal::AtMost(10.0) } else { Goal::None };
        table.row(&format!("GET {path}{what}, {files}, p99"), p99, "ms", goal);
    }
    flagged_in_the_book(table, &portal, many);
    flagged_by_an_event(table, &portal, many);
    table.row(&format!("memory at most, {files}"), portal.peak_memory(), "MB", Goal::None);
}

/// From the change of one value in a file until every runbook says that it is flagged, and back.
fn flagged_in_the_book(table: &mut Table, portal: &Portal, many: usize) {
    let mut took = Vec::new();
    for change in 0..CHANGES {
        let right = if change % 2 == 0 { many } else { 0 };
        write_first_workflow(portal.book(), if right == 0 { 6 } else { 8 });
        took.push(until_flagged(portal, right));
    }
    let worst = percentile(&mut took, 1.0) / 1_000.0;
    let name = format!("a value changes in a file, until all of {many} runbooks are flagged, worst of {CHANGES}");
    table.row(&name, worst, "s", Goal::AtMost(1.0));
}

/// The same for a deployment that is told by an event.
fn flagged_by_an_event(table: &mut Table, portal: &Portal, many: usize) {
    write_first_workflow(portal.book(), 6);
    until_flagged(portal, 0);
    let event = r#"{"type":"change","component":"c0","version":"2.0","by":"bench","id":"deployed"}"#;
    let began = Instant::now();
    let (status, _) = portal.connect().post(&portal.token, "application/json", event.as_bytes());
    assert_eq!(status, 202, "the change was refused");
    until_flagged(portal, many);
    let name = format!("a deployment is told, until all of {many} runbooks are flagged");
    table.row(&name, began.elapsed().as_secs_f64(), "s", Goal::AtMost(1.0));
}

/// Waits until so many runbooks need a check.
fn until_flagged(portal: &Portal, many: usize) -> Duration {
    let began = Instant::now();
    while to_check(portal) != many {
        assert!(began.elapsed() < Duration::from_secs(60), "the flags do not become right");
        std::thread::sleep(Duration::from_millis(5));
    }
    began.elapsed()
}

/// How many runbooks need a check: it is told of the one world that every page is made of.
fn to_check(portal: &Portal) -> usize {
    portal.metric("watchbook_runbooks_needing_check") as usize
}

fn wait_until_ready(portal: &Portal) {
    assert_eq!(portal.connect().get("/ready").0, 200, "it is not ready");
}

/// Lets somebody have reviewed every section, straight in the database: 50,000 forms are not what is measured.
fn review_everything(portal: &Portal) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    runtime.block_on(async {
        let db = Db::open(&portal.database_url()).await.expect("the database opens");
        let worlds = Worlds::default();
        let reading = watchbook::book::read(portal.book()).expect("the book can be read");
        let already = AlreadyRead { files: &reading.runbooks, ..AlreadyRead::default() };
        worlds.turn().await.use_book(&db, reading.book, already).await.expect("the world can be read");
        let world = worlds.now();
        let mut tx = db.write().await.expect("the database takes what is written");
        for document in world.documents.values() {
            for (number, section) in document.outline.sections.iter().enumerate() {
                let pin = PinRecord {
                    slug: document.record.slug.clone(),
                    section: section.anchor.clone(),
                    seen: Seen::new(seen(&section.print, &document.spoken[number], world.present())),
                    version: document.record.version,
                    reviewed_at: Moment::from_millis(document.record.saved_at),
                    reviewed_by: "Bench".to_owned(),
                };
                put_pin(&mut tx, &pin).await.expect("a pin is written");
            }
        }
        tx.commit().await.expect("what was written is kept");
        db.close().await;
    });
}

fn write_first_workflow(folder: &Path, attempts: usize) {
    // As an editor does: all at once, so that nobody reads half a file.
    let new = folder.join(".w0.new");
    fs::write(&new, workflow(0, attempts)).expect("the book can be written");
    fs::rename(new, folder.join("workflows/w0.yaml")).expect("the book can be written");
}

fn workflow(n: usize, attempts: usize) -> String {
    let mut text = format!("kind: workflow\nid: w{n}\nname: Workflow {n}\nowner: team-{}\nsteps:\n", n % 20);
    for step in 0..STEPS {
        let component = (n * STEPS + step) * 7 % COMPONENTS;
        writeln!(
            text,
            "  - id: s{step}\n    name: Step {step}\n    component: c{component}\n    finish_within: 5m\n    \
             retry: {{ max_attempts: {attempts}, backoff: exponential, first: 30s, factor: 2 }}"
        )
        .expect("a text takes words");
    }
    text
}

/// So many words, other ones for each `seed`.
fn words(seed: usize, many: usize) -> String {
    let word =
        |n: usize| ["orders", "queue", "wait", "until", "warehouse", "the", "again", "invoice", "checks", "of"][n % 10];
    let words: Vec<String> = (0..many)
        .map(|n| format!("{}{}", word(seed + n * n), if n % 7 == 0 { (seed + n).to_string() } else { String::new() }))
        .collect();
    words.join(" ")
}

fn write_book(folder: &Path, many: usize) {
    for name in ["components", "workflows", "guides"] {
        fs::create_dir(folder.join(name)).expect("the book can be written");
    }
    let write = |name: String, text: String| fs::write(folder.join(name), text).expect("the book can be written");
    for file in 0..COMPONENTS / PER_FILE {
        let components: Vec<_> = (file * PER_FILE..(file + 1) * PER_FILE).map(component).collect();
        write(format!("components/{file}.yaml"), components.join("---\n"));
    }
    for n in 0..WORKFLOWS {
        write(format!("workflows/w{n}.yaml"), workflow(n, 6));
    }
    for n in 1..many {
        write(format!("guides/runbook-{n}.md"), runbook(n));
    }
    write("guides/full.md".to_owned(), full());
}

fn component(n: usize) -> String {
    let mut text = format!(
        "kind: component\nid: c{n}\ntype: {}\nname: Component {n}\nowner: team-{}\nmeaning: Does the work of {n}.\n\
         if_unavailable: The work of {n} waits.\ndepends_on:\n",
        if n.is_multiple_of(10) { "queue" } else { "service" },
        n % 20
    );
    for back in [1, 3, 40, 700] {
        writeln!(text, "  - {{ id: c{}, mode: sync, timeout: 5s, retry: \"3 tries\" }}", (n + back) % COMPONENTS)
            .expect("a text takes words");
    }
    text
}

/// A runbook of five sections; the first speaks of what all of them speak of.
fn runbook(n: usize) -> String {
    let of = |text: &mut String, number: usize, section: &str| {
        let (a, b) = ((n * 3 + number) % COMPONENTS, (n * 11 + number * 17) % COMPONENTS);
        write!(
            text,
            "\n## {section}\n\n- [ ] Look at [the component](component:c{a}).\n- [ ] Then at [the other](component:c{b}).\n\n{}\n",
            words(n * 5 + number, WORDS)
        )
        .expect("a text takes words");
    };
    let mut text = format!(
        "---\ntitle: Trouble number {n}\nfor: [step:w{}/s{}]\nowner: team-{}\n---\n",
        n % WORKFLOWS,
        n % STEPS,
        n % 20
    );
    for (number, section) in SECTIONS.iter().enumerate() {
        of(&mut text, number, section);
    }
    text.push_str("\nIt is tried [6 times](fact:step:w0/s0?retry.max_attempts=6) by [the first](component:c0).\n");
    text
}

fn full() -> String {
    let mut text = "---\ntitle: Everything at once\nfor: [workflow:w0]\n---\n".to_owned();
    for (number, section) in SECTIONS.iter().enumerate() {
        write!(text, "\n## {section}\n\n{}\n", words(number, WORDS)).expect("a text takes words");
        for link in 0..8 {
            let n = number * 8 + link;
            writeln!(text, "- [ ] Look at [number {n}](component:c{}).", n * 97 % COMPONENTS)
                .expect("a text takes words");
        }
        for fact in 0..2 {
            let n = number * 2 + fact;
            writeln!(text, "\nTried [6 times](fact:step:w{n}/s{fact}?retry.max_attempts=6).")
                .expect("a text takes words");
        }
    }
    text.push_str(
        "\n![State](live:state/w0)\n![Queue](live:queue/c0)\n![Needed by](live:dependents/c0)\n![Runs](live:runs/w0)\n",
    );
    text.push_str("\nBy [the first](component:c0).\n");
    text
}
