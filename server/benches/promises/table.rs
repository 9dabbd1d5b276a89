//! The table of what was measured: printed, and written as JSON.

use serde_json::json;

/// What a figure should be.
#[derive(Clone, Copy)]
pub enum Goal {
    /// A yardstick, or told for interest.
    None,
    /// Not less than this.
    AtLeast(f64),
    /// Not more than this.
    AtMost(f64),
}

impl Goal {
    fn met(self, value: f64) -> Option<bool> {
        match self {
            Self::None => None,
            Self::AtLeast(goal) => Some(value >= goal),
            Self::AtMost(goal) => Some(value <= goal),
        }
    }

    fn words(self) -> String {
        match self {
            Self::None => String::new(),
            Self::AtLeast(goal) => format!(">= {}", number(goal)),
            Self::AtMost(goal) => format!("<= {}", number(goal)),
        }
    }
}

struct Row {
    name: String,
    value: f64,
    unit: &'static str,
    goal: Goal,
}

/// What was measured, in order.
#[derive(Default)]
pub struct Table {
    rows: Vec<Row>,
}

impl Table {
    /// Adds a figure, and says it at once.
    pub fn row(&mut self, name: &str, value: f64, unit: &'static str, goal: Goal) {
        let row = Row { name: name.to_owned(), value, unit, goal };
        println!("{}", line(&row));
        self.rows.push(row);
    }

    /// Adds a figure as a share of a yardstick of this run.
    pub fn ratio(&mut self, name: &str, yardstick: &str, value: f64, goal: f64) {
        let known = self.rows.iter().find(|r| r.name == yardstick).map(|r| r.value);
        let known = known.unwrap_or_else(|| panic!("the yardstick \"{yardstick}\" was not taken"));
        self.row(name, value / known, "x", Goal::AtLeast(goal));
    }

    /// Prints it all and writes `target/bench.json`; `less` says what makes it less than the whole.
    pub fn finish(self, less: &str) {
        let (machine, commit) = (machine(), commit());
        println!("\n{machine}\ncommit {commit}{less}\n");
        println!("| what | measured | goal | |\n| --- | ---: | --- | --- |");
        for row in &self.rows {
            let met = match row.goal.met(row.value) {
                None => "",
                Some(true) => "met",
                Some(false) => "missed",
            };
            println!("| {} | {} {} | {} | {met} |", row.name, number(row.value), row.unit, row.goal.words());
        }
        let rows: Vec<_> = self
            .rows
            .iter()
            .map(|r| json!({"name": r.name, "value": r.value, "unit": r.unit, "goal": r.goal.words(), "met": r.goal.met(r.value)}))
            .collect();
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/bench.json");
        let text = format!(
            "{:#}\n",
            json!({"machine": machine, "commit": commit, "less": less.trim_start_matches(", "), "rows": rows})
        );
        match std::fs::write(file, text) {
            Ok(()) => println!("\nwritten to target/bench.json"),
            Err(error) => eprintln!("target/bench.json cannot be written: {error}"),
        }
        let missed = self.rows.iter().filter(|r| r.goal.met(r.value) == Some(false)).count();
        println!("{missed} of {} goals missed", self.rows.iter().filter(|r| r.goal.met(r.value).is_some()).count());
    }
}

fn line(row: &Row) -> String {
    let goal = row.goal.words();
    let missed = if row.goal.met(row.value) == Some(false) { "  MISSED" } else { "" };
    format!("{:<62} {:>12} {:<9} {goal}{missed}", row.name, number(row.value), row.unit)
}

fn number(value: f64) -> String {
    match value {
        v if v >= 100.0 => format!("{v:.0}"),
        v if v >= 10.0 => format!("{v:.1}"),
        v => format!("{v:.2}"),
    }
}

fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|l| l.strip_prefix("model name")).unwrap_or(": unknown processor");
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let memory = memory.lines().find_map(|l| l.strip_prefix("MemTotal:")).unwrap_or("0 kB");
    let memory = memory.split_whitespace().next().and_then(|n| n.parse::<f64>().ok()).unwrap_or(0.0) / 1_048_576.0;
    format!("{cores} cores, {}, {memory:.0} GiB", model.trim_start_matches([' ', '\t', ':']))
}

fn commit() -> String {
    let output = std::process::Command::new("git").args(["rev-parse", "--short", "HEAD"]).output();
    output.ok().and_then(|o| String::from_utf8(o.stdout).ok()).map_or_else(|| "unknown".into(), |s| s.trim().to_owned())
}
