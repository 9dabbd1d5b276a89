//! The stories of several runs told as one: folded to what one person would tell another, in the order of time.

use super::book::Workflow;
use super::event::Progress;
use super::moment::{Moment, Span};
use super::story::{Line, name_of};

/// How long a step takes before it is said how long it took.
const WORTH_SAYING: Span = Span::from_secs(1);

/// The story of one run, to be told with others.
#[derive(Debug)]
pub struct Chapter<'a> {
    /// The run's key: what tells it from the others, and decides where two things happened at one moment.
    pub run_key: i64,
    /// Its workflow, where the book declares it.
    pub declared: Option<&'a Workflow>,
    /// Its story.
    pub lines: &'a [Line<'a>],
}

/// One thing that happened, whatever number of lines told it.
#[derive(Debug, Clone, PartialEq)]
pub struct Passage {
    /// The run it happened to.
    pub run_key: i64,
    /// The step; none for the run as a whole.
    pub step: Option<String>,
    /// When it happened; of what happened several times the first.
    pub at: Moment,
    /// When it happened last.
    pub until: Moment,
    /// What happened, in words.
    pub text: String,
    /// How many times in a row.
    pub times: u32,
    /// How many lines it stands for.
    pub lines: u32,
    /// What is odd about it: `late`, `out_of_order`, `undeclared`.
    pub marks: Vec<&'static str>,
}

/// Tells several stories as one. The order in which they are given decides nothing.
///
/// - A wait and a start are told until the step goes on; then its end says how long it took.
/// - The same failure again and again is told once, with how many times and until when.
/// - What was refused, or is word of an earlier try, changed nothing and is left to the page of its run.
pub fn retell(chapters: &[Chapter<'_>]) -> Vec<Passage> {
    let mut passages: Vec<(usize, Passage)> =
        chapters.iter().flat_map(|chapter| fold(chapter).into_iter().enumerate()).collect();
    passages.sort_by(|(i, a), (j, b)| (a.at, a.run_key, i).cmp(&(b.at, b.run_key, j)));
    passages.into_iter().map(|(_, passage)| passage).collect()
}

/// A visit of a step, or the run as a whole, while its story is folded.
struct Place<'a> {
    step: Option<&'a str>,
    visit: u32,
    /// The newest try.
    attempt: u32,
    /// When the newest try was first waited for or started.
    began: Option<Moment>,
    /// The passage that tells of that, until the step goes on.
    begun: Option<usize>,
    /// The passage of its last result, how it ended, and the error.
    last: Option<(usize, Kind, String)>,
}

/// What sort of thing a line tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Begins,
    Fails,
    Ends(Progress),
}

fn kind(progress: Progress) -> Kind {
    match progress {
        Progress::Waiting | Progress::Running => Kind::Begins,
        Progress::Failed | Progress::Retrying => Kind::Fails,
        other => Kind::Ends(other),
    }
}

fn fold(chapter: &Chapter<'_>) -> Vec<Passage> {
    // Those that a later line tells better are taken out again.
    let mut told: Vec<Option<Passage>> = Vec::new();
    let mut places: Vec<Place<'_>> = Vec::new();
    for line in chapter.lines.iter().filter(|l| !l.marks.contains(&"refused")) {
        let Some((report, _)) = line.stored.heard.report() else { continue };
        let step = report.step.as_deref();
        let known = places.iter().position(|p| p.step == step && p.visit == line.visit);
        let number = known.unwrap_or_else(|| {
            let (visit, attempt) = (line.visit, line.attempt);
            places.push(Place { step, visit, attempt, began: None, begun: None, last: None });
            places.len() - 1
        });
        let place = &mut places[number];
        if line.attempt < place.attempt {
            continue;
        }
        place.attempt = line.attempt;
        let mut passage = Passage {
            run_key: chapter.run_key,
            step: report.step.clone(),
            at: line.at,
            until: line.at,
            text: line.text.clone(),
            times: 1,
            lines: 1,
            marks: line.marks.clone(),
        };
        if let Some(begun) = place.begun.take().and_then(|begun| told[begun].take()) {
            passage.stands_for(&begun);
        }
        let kind = kind(report.progress);
        if kind == Kind::Begins {
            place.began.get_or_insert(line.at);
            place.begun = Some(told.len());
            told.push(Some(passage));
            continue;
        }
        let took = place.began.take().map(|began| line.at.since(began)).filter(|took| *took >= WORTH_SAYING);
        if let (Kind::Ends(Progress::Succeeded), Some(took)) = (kind, took) {
            passage.text += &format!(" after {}", took.words());
        }
        let error = report.error.as_ref().map(ToString::to_string).unwrap_or_default();
        let same = place.last.as_ref().filter(|(_, how, why)| *how == kind && *why == error).map(|(at, ..)| *at);
        if let Some(known) = same.and_then(|at| told[at].as_mut()) {
            known.stands_for(&passage);
            known.until = line.at;
            known.times += 1;
            let why = if error.is_empty() { String::new() } else { format!(": {error}") };
            known.text = match kind {
                Kind::Fails => format!("{} failed {} times{why}", name_of(report, chapter.declared), known.times),
                _ => format!("{}, {} times", passage.text, known.times),
            };
            continue;
        }
        place.last = Some((told.len(), kind, error));
        told.push(Some(passage));
    }
    told.into_iter().flatten().collect()
}

impl Passage {
    /// Takes over the lines and the marks of another passage, which is not told by itself any more.
    fn stands_for(&mut self, other: &Passage) {
        self.lines += other.lines;
        for mark in &other.marks {
            if !self.marks.contains(mark) {
                self.marks.push(mark);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::event::Event;
    use super::super::run::Heard;
    use super::super::story::{Stored, tell};
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn at(second: i64) -> Moment {
        Moment::from_millis(1_780_000_000_000 + second * 1000)
    }

    fn stored(position: i64, second: i64, mut value: Value) -> Stored {
        value["workflow"] = "w".into();
        value["run"] = "1".into();
        value["time"] = at(second).to_string().into();
        value["id"] = position.into();
        let event = Event::parse(value, "t", at(second)).unwrap();
        Stored { position, heard: Heard { event, received_at: at(second) }, repeats: 1 }
    }

    fn told(events: &[(i64, Value)]) -> Vec<(i64, String, u32)> {
        let events: Vec<_> = events.iter().enumerate().map(|(i, (s, v))| stored(i as i64, *s, v.clone())).collect();
        let lines = tell(&events, None);
        retell(&[Chapter { run_key: 1, declared: None, lines: &lines }])
            .into_iter()
            .map(|p| (p.at.since(at(0)).millis() / 1000, p.text, p.times))
            .collect()
    }

    fn push(state: &str) -> Value {
        json!({"step": "push", "state": state})
    }

    #[test]
    fn what_went_on_is_told_by_what_came_of_it_and_how_long_it_took() {
        let events = [(0, push("waiting")), (5, push("running")), (12, push("succeeded"))];
        assert_eq!(told(&events), [(12, "push finished after 12 s".to_owned(), 1)]);
        assert_eq!(told(&events[..2]), [(5, "push started".to_owned(), 1)]);
    }

    #[test]
    fn the_same_failure_again_and_again_is_told_once_and_another_one_anew() {
        let failed = |attempt: u32, why: &str| json!({"step": "push", "state": "failed", "attempt": attempt, "error": why, "next_attempt_at": "2026-06-04T02:19:00Z"});
        let started = |attempt: u32| json!({"step": "push", "state": "running", "attempt": attempt});
        let events = [
            (0, started(1)),
            (1, failed(1, "503 refused")),
            (30, started(2)),
            (31, failed(2, "503 refused")),
            (90, failed(3, "503 refused")),
            (200, failed(4, "timeout")),
        ];
        let expected =
            [(1, "push failed 3 times: 503 refused".to_owned(), 3), (200, "push failed, try 4: timeout".to_owned(), 1)];
        assert_eq!(told(&events), expected);
    }

    #[test]
    fn what_changed_nothing_is_not_told() {
        let events = [
            (0, json!({"step": "push", "state": "succeeded", "attempt": 2})),
            (1, json!({"step": "push", "state": "failed", "attempt": 1})),
            (2, json!({"step": "push", "state": "running", "attempt": 2})),
        ];
        assert_eq!(told(&events), [(0, "push finished, try 2".to_owned(), 1)]);
    }

    #[test]
    fn an_end_that_is_told_again_is_told_with_how_many_times() {
        let done = json!({"step": "push", "state": "succeeded", "attempt": 1});
        assert_eq!(told(&[(0, done.clone()), (5, done)]), [(0, "push finished, 2 times".to_owned(), 2)]);
    }

    fn events() -> impl Strategy<Value = Vec<(i64, Value)>> {
        let one = (0i64..30, 0usize..3, 0usize..8, proptest::option::of(1u32..4), 0usize..2).prop_map(
            |(second, step, state, attempt, error)| {
                let mut value = json!({"state": Progress::ALL[state].name(), "error": (["503", "timeout"])[error]});
                if step > 0 {
                    value["step"] = ["", "a", "b"][step].into();
                }
                if let Some(n) = attempt {
                    value["attempt"] = n.into();
                }
                (second, value)
            },
        );
        proptest::collection::vec(one, 0..20)
    }

    proptest! {
        #[test]
        fn the_order_in_which_runs_are_given_decides_nothing_and_no_line_is_told_twice(
            one in events(), other in events(),
        ) {
            let stories: Vec<Vec<Stored>> = [&one, &other]
                .map(|events| events.iter().enumerate().map(|(i, (s, v))| stored(i as i64, *s, v.clone())).collect())
                .into();
            let lines: Vec<_> = stories.iter().map(|events| tell(events, None)).collect();
            let chapter = |i: usize| Chapter { run_key: i as i64, declared: None, lines: &lines[i] };
            let merged = retell(&[chapter(0), chapter(1)]);
            prop_assert_eq!(&retell(&[chapter(1), chapter(0)]), &merged);
            prop_assert!(merged.windows(2).all(|pair| pair[0].at <= pair[1].at));
            let counted: usize = merged.iter().map(|p| p.lines as usize).sum();
            let all: usize = lines.iter().map(Vec::len).sum();
            let refused = lines.iter().flatten().filter(|l| l.marks.contains(&"refused")).count();
            prop_assert!(counted <= all - refused);
            prop_assert!(merged.iter().all(|p| p.times >= 1 && p.lines >= p.times && p.until >= p.at));
            // Alone a run's story is the same as among others.
            let alone = retell(&[chapter(0)]);
            let among: Vec<_> = merged.into_iter().filter(|p| p.run_key == 0).collect();
            prop_assert_eq!(among, alone);
        }
    }
}
