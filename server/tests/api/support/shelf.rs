//! The folder of a book, and the small book that most tests read: written by builders, as an author would.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// A folder with the files of a book.
pub struct Shelf(PathBuf);

impl Shelf {
    /// A folder with a shop's way from order to ERP, a nightly job, a job that runs all day, and three runbooks.
    pub fn with_the_small_book(folder: &Path) -> Self {
        fs::create_dir_all(folder).unwrap();
        let shelf = Self(folder.to_owned());
        shelf.write("order-to-erp.yaml", &order_to_erp(push()).yaml());
        shelf.write("nightly-export.yaml", &nightly_export().yaml());
        shelf.write("stock-sync.yaml", &stock_sync().yaml());
        shelf.write("components.yaml", COMPONENTS);
        shelf.write("erp-refuses-orders.md", &erp_refuses_orders().markdown());
        shelf.write("stock-runs-low.md", &stock_runs_low().markdown());
        shelf.write("house-rules.md", &house_rules().markdown());
        shelf
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.0
    }

    /// Writes a file as editors do: it is never there in part.
    pub fn write(&self, file: &str, text: &str) {
        let half = self.0.with_extension("half");
        fs::write(&half, text).unwrap();
        fs::rename(half, self.0.join(file)).unwrap();
    }

    /// Lets all files have been written long ago, at the same moment.
    pub fn age(&self) {
        let files = fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
        for path in files {
            let file = fs::File::options().write(true).open(path).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)).unwrap();
        }
    }

    /// Writes Order to ERP with another way to push.
    pub fn push_is_now(&self, push: Step) {
        self.write("order-to-erp.yaml", &order_to_erp(push).yaml());
    }
}

/// Order to ERP: take, reserve, push; two hours for the whole, ten minutes to reserve.
pub fn order_to_erp(push: Step) -> Workflow {
    Workflow::new("order-to-erp", "Order to ERP")
        .says("purpose: Orders must be in the ERP before the warehouse picks.")
        .says("business_owner: order-desk")
        .says("unit: orders")
        .says("criticality: high")
        .says("expect: { finish_within: 2h }")
        .step(Step::new("take", "Take the order").says("component: web-shop"))
        .step(Step::new("reserve", "Reserve stock").says("component: stock-db").says("finish_within: 10m"))
        .step(push)
}

/// Push to ERP, as it is at first: five minutes, three tries.
pub fn push() -> Step {
    push_with("5m", 3)
}

/// Push to ERP with this much time and this many tries.
pub fn push_with(finish_within: &str, tries: u32) -> Step {
    Step::new("push", "Push to ERP")
        .says("component: erp-sync")
        .says("via: erp-queue")
        .says("safe_to_retry: keyed")
        .says(&format!("finish_within: {finish_within}"))
        .says(&format!("retry: {{ max_attempts: {tries}, backoff: exponential, first: 30s, factor: 2 }}"))
        .says("if_skipped: The warehouse never sees the order.")
        .says("failure_points: [{ id: erp-refuses, when: { code: \"503\" }, effect: Orders pile up., action: \"runbook:erp-refuses-orders#do-this-now\" }]")
}

/// A job that starts at three every night.
pub fn nightly_export() -> Workflow {
    Workflow::new("nightly-export", "Nightly export")
        .says("unit: exports")
        .says("expect: { start_at: \"0 3 * * *\", timezone: UTC, grace: 15m }")
        .step(Step::new("export", "Export"))
}

/// A job that starts every ten minutes.
pub fn stock_sync() -> Workflow {
    Workflow::new("stock-sync", "Stock sync")
        .says("unit: syncs")
        .says("expect: { start_every: 10m }")
        .step(Step::new("sync", "Sync"))
}

/// What to do when the ERP refuses orders: one section states a fact of the push, one links to it, one to the stock,
/// one to nothing.
pub fn erp_refuses_orders() -> Runbook {
    Runbook::new("ERP refuses orders", "step:order-to-erp/push")
        .section(
            "Do this now",
            "- [ ] Look at [the queue](component:erp-queue).\n\
             - [ ] Wait until it has tried [3 times](fact:step:order-to-erp/push?retry.max_attempts=3).\n\
             - [ ] Call the duty desk.",
        )
        .section("What it means", "[The push](step:order-to-erp/push) does not come through.")
        .section("If it does not help", "Ask who keeps [the stock](component:stock-db).")
        .section("Background", "The ERP is old.")
}

/// A runbook that speaks of the stock alone.
pub fn stock_runs_low() -> Runbook {
    Runbook::new("Stock runs low", "component:stock-db")
        .section("Do this now", "Order more of what [the stock](component:stock-db) lacks.")
}

/// A runbook that speaks of nothing.
pub fn house_rules() -> Runbook {
    Runbook { about: "[]".to_owned(), ..Runbook::new("House rules", "") }.section("Always", "Be kind.")
}

const COMPONENTS: &str = "\
kind: component
id: web-shop
name: Web shop
type: service
---
kind: component
id: stock-db
name: Stock database
type: database
owner: stock-team
---
kind: component
id: erp-queue
name: ERP queue
type: queue
---
kind: component
id: erp-sync
name: ERP sync
type: service
owner: integration-team
depends_on:
  - { id: erp, mode: sync, timeout: 30s }
---
kind: component
id: erp
name: ERP
type: external
if_unavailable: Orders wait.
---
kind: decision
id: queue-before-erp
about: [step:order-to-erp/push]
date: 2026-03-02
decided: Put a queue before the ERP.
because: A slow ERP made the checkout slow.
---
kind: workaround
id: block-flag
about: [component:erp]
since: 2021-05-10
what: Finance writes X into the status.
review_by: 2026-12-01
";

/// A workflow as an author writes it.
pub struct Workflow {
    text: String,
    steps: Vec<Step>,
}

impl Workflow {
    /// With nothing but its name.
    pub fn new(id: &str, name: &str) -> Self {
        Self { text: format!("kind: workflow\nid: {id}\nname: {name}\n"), steps: Vec::new() }
    }

    /// With one line more.
    pub fn says(mut self, line: &str) -> Self {
        writeln!(self.text, "{line}").unwrap();
        self
    }

    /// With one step more.
    pub fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// The file.
    pub fn yaml(&self) -> String {
        let steps: String = self.steps.iter().map(|s| s.0.as_str()).collect();
        format!("{}steps:\n{steps}", self.text)
    }
}

/// A step as an author writes it.
pub struct Step(String);

impl Step {
    /// With nothing but its name.
    pub fn new(id: &str, name: &str) -> Self {
        Self(format!("  - id: {id}\n    name: {name}\n"))
    }

    /// With one line more.
    pub fn says(mut self, line: &str) -> Self {
        writeln!(self.0, "    {line}").unwrap();
        self
    }
}

/// A runbook as an author writes it.
pub struct Runbook {
    title: String,
    about: String,
    sections: Vec<(String, String)>,
}

impl Runbook {
    /// For one part.
    pub fn new(title: &str, about: &str) -> Self {
        Self::for_all(title, &[about])
    }

    /// For several parts.
    pub fn for_all(title: &str, about: &[&str]) -> Self {
        Self { title: title.to_owned(), about: format!("{about:?}"), sections: Vec::new() }
    }

    /// With one section more.
    pub fn section(mut self, title: &str, text: &str) -> Self {
        self.sections.push((title.to_owned(), text.to_owned()));
        self
    }

    /// With another text in a section.
    pub fn where_section(mut self, title: &str, text: &str) -> Self {
        let section = self.sections.iter_mut().find(|(t, _)| t == title).unwrap();
        text.clone_into(&mut section.1);
        self
    }

    /// The file.
    pub fn markdown(&self) -> String {
        let mut text = format!("---\ntitle: {}\nfor: {}\nowner: integration-team\n---\n", self.title, self.about);
        for (title, words) in &self.sections {
            write!(text, "\n## {title}\n\n{words}\n").unwrap();
        }
        text
    }
}
