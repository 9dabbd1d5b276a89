//! Find among 10,000 runbooks of 1,500 words: how soon it answers, how much is sent, and how soon after a start.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::portal::Portal;
use crate::table::{Goal, Table};
use crate::{per_second, percentile};

/// How many runbooks, of how many words, in how many sections.
const RUNBOOKS: usize = 10_000;
const WORDS: usize = 1_500;
const SECTIONS: usize = 10;

/// How many different words there are; a few are frequent and most are rare, as in any language.
const VOCABULARY: usize = 60_000;

/// How often each thing is asked.
const ASKED: usize = 300;

/// Makes the question that is asked at the `n`th time.
type Question = fn(&Words, usize) -> String;

/// What is asked, and how it is told: made from the words of the place in `n`.
const QUESTIONS: [(&str, Question); 6] = [
    ("a rare word", |words, n| words.at(2_000 + n * 37)),
    ("a frequent word", |words, n| words.at(n % 50)),
    ("three words", |words, n| format!("{}+{}+{}", words.at(n % 40), words.at(40 + n % 60), words.at(100 + n % 200))),
    ("a word begun", |words, n| words.at(100 + n * 11).chars().take(2 + n % 3).collect()),
    ("a word with a slip", |words, n| slip(&words.at(300 + n * 13))),
    ("what is not there", |_, n| format!("zzq{n}+qqz")),
];

/// Asks on a portal with that many runbooks, after it was started again.
pub fn measure(table: &mut Table, scale: usize) {
    let many = RUNBOOKS / scale;
    let words = Words::new();
    let mut portal = Portal::of_book(|folder| write_book(folder, &words, many));
    portal.wait_until_read();
    portal.stop();
    // A start reads again what was written only just before the one before it.
    portal.restart();
    portal.stop();
    let ready = portal.restart();
    let began = Instant::now();
    portal.wait_until_read();
    let read = ready + began.elapsed();
    let of = format!("with {many} runbooks of {WORDS} words");
    table.row(&format!("unchanged start to /ready {of}"), ready.as_secs_f64(), "s", Goal::AtMost(1.0));
    table.row(&format!("start until all is found {of}"), read.as_secs_f64(), "s", Goal::None);
    table.row("of them a second", per_second(many, began.elapsed()), "runbooks/s", Goal::None);
    for (name, question) in QUESTIONS {
        answered(table, &portal, &format!("Find {name}, the list below the box, p99"), "/find/options?q=", |n| {
            question(&words, n)
        });
        answered(table, &portal, &format!("Find {name}, the page, p99"), "/find?all&q=", |n| question(&words, n));
    }
    for coding in ["br", "gzip"] {
        for (what, path) in
            [("the list below the box", "/find/options?q="), ("the page", "/find?all&q="), ("JSON", "/api/v1/find?q=")]
        {
            let sent =
                (0..ASKED / 10).flat_map(|n| QUESTIONS.map(|(_, question)| format!("{path}{}", question(&words, n))));
            let mut connection = portal.connect();
            let most = sent.map(|path| connection.get_packed(&path, coding).1).max().unwrap_or_default();
            let name = format!("Find, {what} on the wire at most, {coding}");
            table.row(&name, most as f64 / 1024.0, "KB", Goal::AtMost(20.0));
        }
    }
    table.row(&format!("memory {of}, after all this"), portal.memory(), "MB", Goal::None);
}

/// Every answer is to a question that was not asked before.
fn answered(table: &mut Table, portal: &Portal, name: &str, path: &str, question: impl Fn(usize) -> String) {
    let mut connection = portal.connect();
    let mut took: Vec<Duration> = (0..ASKED)
        .map(|n| {
            let path = format!("{path}{}", question(n));
            let began = Instant::now();
            let (status, _) = connection.get(&path);
            assert_eq!(status, 200, "{path} was not answered");
            began.elapsed()
        })
        .collect();
    table.row(name, percentile(&mut took, 0.99), "ms", Goal::AtMost(20.0));
}

/// A made-up language, the same each time.
struct Words(Vec<String>);

impl Words {
    fn new() -> Self {
        let mut rng = StdRng::seed_from_u64(20_260_604);
        let mut syllable = || {
            let pick = |from: &[u8], at: usize| char::from(from[at % from.len()]);
            let (a, b) = (pick(b"bcdfghklmnprstvw", rng.random_range(0..16)), pick(b"aeiou", rng.random_range(0..5)));
            format!("{a}{b}")
        };
        let word = |n: usize| -> String { (0..2 + n % 3).map(|_| syllable()).collect() };
        Self((0..VOCABULARY).map(word).collect())
    }

    /// The word of this rank.
    fn at(&self, rank: usize) -> String {
        self.0[rank % VOCABULARY].clone()
    }

    /// A word as texts have it: the second is half as frequent as the first, the third a third (Zipf).
    fn any(&self, rng: &mut StdRng) -> &str {
        let share: f64 = rng.random_range(0.0..1.0);
        let rank = (VOCABULARY as f64).powf(share) as usize;
        &self.0[rank.min(VOCABULARY) - 1]
    }
}

/// Two neighbouring letters swapped.
fn slip(word: &str) -> String {
    let mut letters: Vec<char> = word.chars().collect();
    letters.swap(1, 2);
    letters.into_iter().collect()
}

/// One workflow, and runbooks about its steps.
fn write_book(folder: &Path, words: &Words, many: usize) {
    let mut rng = StdRng::seed_from_u64(7);
    let workflow =
        "kind: workflow\nid: order-to-erp\nname: Order to ERP\nsteps:\n  - { id: push, name: Push to ERP }\n";
    fs::write(folder.join("order-to-erp.yaml"), workflow).expect("the book can be written");
    for n in 0..many {
        let mut title = String::new();
        (0..4).for_each(|_| write!(title, "{} ", words.any(&mut rng)).expect("a text takes words"));
        let mut text = format!("---\ntitle: {title}{n}\nfor: [step:order-to-erp/push]\n---\n");
        for section in 0..SECTIONS {
            write!(text, "\n## {} {section}\n\n", words.any(&mut rng)).expect("a text takes words");
            for word in 1..=WORDS / SECTIONS {
                let end = if word % 12 == 0 { ".\n" } else { " " };
                write!(text, "{}{end}", words.any(&mut rng)).expect("a text takes words");
            }
            text.push_str("See [the push](step:order-to-erp/push).\n");
        }
        fs::write(folder.join(format!("runbook-{n}.md")), text).expect("the book can be written");
    }
}
