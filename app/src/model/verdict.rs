//! The verdict on a workflow: its state, the sentence that says it, and each thing that is wrong with it.

use jiff::tz::TimeZone;

use super::book::Workflow;
use super::judge::Watch;
use super::moment::{Moment, Span};
use super::pause::Paused;
use super::problem::{Family, Kind, Problem};
use super::schedule::{Hours, StartDue, active_since, start_due};
use super::status::State;

/// A workflow without any expectation is believed for this long after its last word.
const SILENT_AFTER: Span = Span::from_minutes(24 * 60);

/// What is known of a workflow: kept rows, nothing counted for the page.
#[derive(Debug, Clone)]
pub struct Known<'a> {
    /// What the book says of it.
    pub declared: Option<&'a Workflow>,
    /// When its newest run started.
    pub last_started_at: Option<Moment>,
    /// When a run last ended well.
    pub last_ended_at: Option<Moment>,
    /// When anything was last heard about it.
    pub last_heard_at: Option<Moment>,
    /// Since when the book expects something of it.
    pub expected_from: Moment,
    /// The source that last told of it, where that has gone silent: name and last word.
    pub silent_source: Option<(&'a str, Moment)>,
    /// Where its open runs are.
    pub places: &'a [Place],
    /// What judges claim to be wrong with it, its steps, or what it uses.
    pub claims: &'a [Problem],
    /// What of it is paused.
    pub paused: &'a Paused,
}

/// Open runs at one step: those on track, or those that one problem is about.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Place {
    /// The step's id; empty for runs that never named one.
    pub step: String,
    /// What makes them one problem; empty for those on track.
    pub cause: String,
    /// The problem they are, or would be; none for those on track.
    pub problem: Option<Problem>,
    /// Who does the step by hand; none where a program does.
    pub by_hand: Option<String>,
    /// How many are waiting or running inside their time.
    pub open: i64,
    /// How many wait for a next try.
    pub retrying: i64,
    /// How many are past their time.
    pub late: i64,
    /// How many failed for good.
    pub broken: i64,
    /// The oldest of each state that is there.
    pub oldest: Vec<Watch>,
}

impl Place {
    /// How many runs are in a state here.
    pub fn count(&self, state: State) -> i64 {
        match state {
            State::OnTrack => self.open,
            State::Retrying => self.retrying,
            State::Late => self.late,
            State::Broken => self.broken,
            State::Paused | State::NoSignal => 0,
        }
    }

    /// All runs here.
    pub fn total(&self) -> i64 {
        self.open + self.retrying + self.late + self.broken
    }

    /// The worst state of what is here.
    pub fn worst(&self) -> Option<State> {
        State::ALL.into_iter().find(|s| self.count(*s) > 0)
    }

    /// The oldest run in a state here.
    pub fn sample(&self, state: State) -> Option<&Watch> {
        self.oldest.iter().find(|w| w.state == state)
    }
}

/// What is to be said of a workflow.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// Its state: the worst of what is wrong.
    pub state: State,
    /// The answer, in one or two sentences.
    pub sentence: String,
    /// Since when it is in that state, where that is known.
    pub since: Option<Moment>,
    /// Each thing that is wrong, worst first.
    pub wrong: Vec<Wrong>,
    /// The next start that is expected.
    pub start_due: Option<StartDue>,
    /// When this verdict can change without anything being heard.
    pub changes_at: Option<Moment>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq)]
pub struct Wrong {
    /// The state it puts the workflow in.
    pub state: State,
    /// The step; none when it is about the whole.
    pub step: Option<String>,
    /// What is wrong, in a sentence.
    pub sentence: String,
    /// How many runs.
    pub count: i64,
    /// Since when.
    pub since: Option<Moment>,
    /// What happens next by itself.
    pub next: Option<String>,
    /// What makes its runs one problem (`problem::cause`), for finding the failure point.
    pub cause: String,
    /// The problem that it is; none while it is only the first tries of a policy, or silence.
    pub problem: Option<Problem>,
}

impl Wrong {
    /// What sort of problem it is, once it is one.
    pub fn kind(&self) -> Option<Kind> {
        self.problem.as_ref().map(|p| p.kind)
    }

    /// Whether it is about runs at one place, and `since` about the oldest of them; not so what judges claim, and
    /// silence.
    pub fn is_of_runs(&self) -> bool {
        self.count > 0 && self.problem.as_ref().is_none_or(|p| p.family == Family::Runs)
    }

    /// What happens next by itself: as it was said, or by the sort of problem. What is none yet is silence.
    pub fn by_itself(&self) -> String {
        self.next.clone().unwrap_or_else(|| self.kind().unwrap_or(Kind::Silent).by_itself().to_owned())
    }
}

/// Judges a workflow by what is known of it at `now`; times are written in `zone`.
pub fn verdict(known: &Known, now: Moment, zone: &TimeZone) -> Verdict {
    let say = Say { known, now, zone };
    let mut wrong: Vec<Wrong> = known
        .places
        .iter()
        .filter_map(|place| say.at_place(place))
        // A gap in the book is a problem of the book and no trouble of the workflow.
        .chain(known.claims.iter().filter(|p| p.kind != Kind::Silent && p.state != State::OnTrack).map(claimed))
        .collect();
    let start = known.declared.and_then(|w| start_due(&w.expect, known.last_started_at, known.expected_from, now));
    // Silence is said at each look; the claim brings what people do about it.
    let silent = known.claims.iter().find(|p| p.kind == Kind::Silent).cloned();
    wrong.extend(say.silence(start).map(|wrong| Wrong { problem: silent, ..wrong }));
    let (mut wrong, meanwhile) = known.paused.set_aside(wrong, |step| say.step(step), now, zone);
    // Worst first; among equals the most runs, then the oldest.
    wrong.sort_by(|a, b| {
        b.state.cmp(&a.state).then(b.count.cmp(&a.count)).then(a.since.cmp(&b.since)).then(a.step.cmp(&b.step))
    });
    let (state, sentence, since) = match wrong.first() {
        Some(first) => (first.state, say.answer(first, &wrong), first.since),
        None => (State::OnTrack, say.on_track(), known.last_ended_at.or(known.last_started_at)),
    };
    let silent_at = match (known.declared.map(|w| &w.expect), known.last_heard_at) {
        (Some(e), heard) if e.start_every.is_some() || e.start_at.is_some() => {
            [start.map(|s| s.late_at), heard.and_then(|h| Some(h + Span::from_millis(e.start_every?.millis() * 3)))]
                .into_iter()
                .flatten()
                .filter(|at| *at > now)
                .min()
        }
        (_, heard) => heard.map(|h| h + SILENT_AFTER).filter(|at| *at > now),
    };
    let changes_at = [silent_at, known.paused.ends_at()].into_iter().flatten().min();
    wrong.extend(meanwhile);
    Verdict { state, sentence, since, wrong, start_due: start, changes_at }
}

/// What a judge claims, as one thing that is wrong.
fn claimed(problem: &Problem) -> Wrong {
    Wrong {
        state: problem.state,
        step: problem.place.step().map(str::to_owned),
        sentence: problem.sentence.clone(),
        count: problem.count(),
        since: Some(problem.since),
        next: problem.next.clone(),
        cause: String::new(),
        problem: Some(problem.clone()),
    }
}

/// Says things about one workflow.
struct Say<'a> {
    known: &'a Known<'a>,
    now: Moment,
    zone: &'a TimeZone,
}

impl Say<'_> {
    fn time(&self, at: Moment) -> String {
        at.words(self.now, self.zone)
    }

    fn unit(&self) -> &str {
        self.known.declared.and_then(|w| w.unit.as_deref()).unwrap_or("runs")
    }

    fn name(&self) -> &str {
        self.known.declared.map_or("this workflow", |w| w.name.as_str())
    }

    fn step(&self, id: &str) -> String {
        match self.known.declared.and_then(|w| w.step(id)) {
            Some(step) => step.name.clone(),
            None if id.is_empty() => "The run".to_owned(),
            None => id.to_owned(),
        }
    }

    fn count(&self, n: i64) -> String {
        count_of(n, self.unit())
    }

    /// What is wrong at a place, by the worst that is there; all that waits there is counted.
    fn at_place(&self, place: &Place) -> Option<Wrong> {
        let state = place.worst().filter(|state| *state != State::OnTrack)?;
        let count = place.retrying + place.late + place.broken;
        let sample = place.sample(state);
        let step = self.step(&place.step);
        let since = sample.map(|w| w.since);
        let error = sample.map(|w| w.error.clone()).unwrap_or_default();
        let told = if error.is_empty() { String::new() } else { format!(" ({})", shorten(&error, 80)) };
        let many = self.count(count);
        let since_words = since.map(|s| format!(" since {}", self.time(s))).unwrap_or_default();
        let (sentence, next) = match state {
            State::Broken => {
                let did = match sample.and_then(|w| w.kind) {
                    Some(Kind::Partial) => "has been done only in part",
                    _ => "has failed",
                };
                (
                    format!("{step} {did}{since_words}{told}. {many} {} waiting.", are(count)),
                    Some(Kind::Failed.by_itself().to_owned()),
                )
            }
            State::Retrying => {
                let again = sample.is_some_and(|w| w.trying_again);
                let tries = match sample.map(|w| w.attempt - u32::from(again)) {
                    Some(0 | 1) | None => "once".to_owned(),
                    Some(n) => format!("{n} times"),
                };
                let next = sample.and_then(|w| w.next_attempt_at).map(|at| format!("Next try {}.", self.time(at)));
                let gives_up = sample.and_then(|w| w.gives_up_at).map(|at| format!(" Gives up {}.", self.time(at)));
                let words = format!(
                    "{}{}",
                    next.unwrap_or_else(|| match again {
                        true => "Trying again now.".to_owned(),
                        false => "It said that it will try again.".to_owned(),
                    }),
                    gives_up.unwrap_or_default()
                );
                (format!("{step} failed {tries}{since_words}{told}. {many} {} waiting.", are(count)), Some(words))
            }
            State::Late => {
                let over = since.map(|s| self.now.since(s).words()).unwrap_or_default();
                let due = since.map(|s| self.time(s)).unwrap_or_default();
                if let Some(who) = place.by_hand.as_ref().filter(|_| sample.is_some_and(is_waiting_for_a_person)) {
                    return Some(Wrong {
                        state,
                        step: Some(place.step.clone()),
                        sentence: by_hand_late(&step, who, &due, &over, (count > 1).then_some(&many)),
                        count,
                        since,
                        next: None,
                        cause: place.cause.clone(),
                        problem: place.problem.clone().filter(Problem::is_raised),
                    });
                }
                let place = match sample {
                    _ if place.step.is_empty() => String::new(),
                    Some(w) if w.between => format!(" after {step}"),
                    Some(w) if w.next_attempt_at.is_some() => format!(" at {step}, where the next try did not come,"),
                    _ => format!(" at {step}"),
                };
                let oldest = if count == 1 { "It is" } else { "The oldest is" };
                let failed = if error.is_empty() { "Nothing has failed, but " } else { "" };
                (format!("{failed}{many}{place} should have finished by {due}. {oldest} {over} over."), None)
            }
            State::OnTrack | State::Paused | State::NoSignal => return None,
        };
        let problem = place.problem.clone().filter(Problem::is_raised);
        let (step, cause) = (Some(place.step.clone()), place.cause.clone());
        Some(Wrong { state, step, sentence, count, since, next, cause, problem })
    }

    /// What the absence of news means: silence is never green.
    fn silence(&self, start: Option<StartDue>) -> Option<Wrong> {
        let wrong = |state, sentence: String, since| {
            let cause = String::new();
            Some(Wrong { state, step: None, sentence, count: 0, since, next: None, cause, problem: None })
        };
        let unknown = "We do not know if this is working.";
        let expect = self.known.declared.map(|w| &w.expect);
        // Outside its active hours silence says nothing; inside, it counts from when they began.
        let opened = match expect.map(|e| active_since(e, self.now)) {
            Some(Hours::Closed) if self.known.last_heard_at.is_some() => return None,
            Some(Hours::Open(since)) => since,
            _ => None,
        };
        let Some(heard) = self.known.last_heard_at else {
            return match start {
                Some(due) if due.late_at <= self.now => wrong(
                    State::NoSignal,
                    format!(
                        "Nothing has ever been heard about {}. It should have started by {}. {unknown}",
                        self.name(),
                        self.time(due.late_at)
                    ),
                    None,
                ),
                _ => {
                    wrong(State::NoSignal, format!("Nothing has been heard about {} yet. {unknown}", self.name()), None)
                }
            };
        };
        if let Some((source, last)) = self.known.silent_source {
            return wrong(
                State::NoSignal,
                format!("Nothing heard from {source} since {}. {unknown}", self.time(last)),
                Some(last),
            );
        }
        let counted = opened.map_or(heard, |opened| heard.max(opened));
        let no_rhythm = expect.is_none_or(|e| e.start_every.is_none() && e.start_at.is_none());
        if no_rhythm && self.now.since(counted) > SILENT_AFTER {
            return wrong(State::NoSignal, format!("Nothing heard since {}. {unknown}", self.time(heard)), Some(heard));
        }
        let due = start.filter(|due| due.late_at <= self.now)?;
        let over = self.now.since(due.at).words();
        if let Some(every) = expect.and_then(|e| e.start_every) {
            if self.now.since(counted).millis() > 3 * every.millis() {
                return wrong(
                    State::NoSignal,
                    format!("Nothing heard since {}. {unknown}", self.time(heard)),
                    Some(heard),
                );
            }
            let last = self.known.last_started_at.unwrap_or(heard);
            return wrong(
                State::Late,
                format!(
                    "Nothing has failed, but no {} have started since {}; one is expected every {}.",
                    self.unit(),
                    self.time(last),
                    every.words()
                ),
                Some(due.late_at),
            );
        }
        wrong(
            State::Late,
            format!(
                "Nothing has failed, but {} should have started at {}. It is {over} over.",
                self.name(),
                self.time(due.at)
            ),
            Some(due.late_at),
        )
    }

    fn answer(&self, first: &Wrong, wrong: &[Wrong]) -> String {
        let mut words = first.sentence.clone();
        if let Some(next) = &first.next {
            words += &format!(" {next}");
        }
        if first.state == State::Retrying {
            words += " Nobody needs to act yet.";
        }
        let more = |counts: fn(State) -> bool| wrong[1..].iter().filter(|w| counts(w.state)).count();
        words + &more_words(more(State::needs_a_look), more(|state| state == State::Retrying))
    }

    fn on_track(&self) -> String {
        let open: i64 = self.known.places.iter().map(Place::total).sum();
        let expect = self.known.declared.map(|w| &w.expect);
        let flowing = flows(self.known.declared);
        let unit = capital(self.unit());
        let lead =
            if flowing { format!("{unit} are flowing. Last one") } else { "Nothing is overdue. Last run".into() };
        let mut words = match (self.known.last_ended_at, self.known.last_started_at) {
            (Some(ended), _) => format!("{lead} finished {}", self.time(ended)),
            (None, Some(started)) => format!("{lead} started {}; none has finished yet", self.time(started)),
            (None, None) if flowing => format!("{unit} are being reported"),
            (None, None) => "Nothing is overdue".to_owned(),
        };
        if let Some(every) = expect.and_then(|e| e.start_every) {
            words += &format!(", one is expected at least every {}", every.words());
        }
        words += ".";
        if let (Some(expect), Some(_)) = (expect, expect.and_then(|e| e.start_at.as_ref())) {
            let due = start_due(expect, self.known.last_started_at, self.known.expected_from, self.now);
            words += &due.map(|due| format!(" Next one is due {}.", self.time(due.at))).unwrap_or_default();
        }
        match open {
            ..=0 => {}
            1 => words += &format!(" {} open, inside its time.", self.count(open)),
            _ => words += &format!(" {} open, all inside their time.", self.count(open)),
        }
        words
    }
}

/// Units that are stretches of time: a night does not flow.
const STRETCHES: [&str; 6] = ["hours", "days", "nights", "weeks", "months", "years"];

/// Whether what it does comes one after another, so that it can be said to flow: a job that starts by the clock, or
/// twice a day at most, does not.
fn flows(workflow: Option<&Workflow>) -> bool {
    workflow.is_none_or(|w| {
        let seldom = w.expect.start_every.is_some_and(|every| every >= Span::from_minutes(12 * 60));
        let stretch =
            w.unit.as_deref().and_then(|u| u.rsplit(' ').next()).is_some_and(|last| STRETCHES.contains(&last));
        w.expect.start_at.is_none() && !seldom && !stretch
    })
}

/// What else is wrong: what needs a look, and what tries again by itself, which needs nobody yet.
fn more_words(look: usize, retrying: usize) -> String {
    let things = |n: usize| if n == 1 { "1 more thing".to_owned() } else { format!("{n} more things") };
    let need = if look == 1 { "needs" } else { "need" };
    let retry = if retrying == 1 { "is retrying by itself" } else { "are retrying by themselves" };
    match (look, retrying) {
        (0, 0) => String::new(),
        (0, n) => format!(" {} {retry}.", things(n)),
        (n, 0) => format!(" {} {need} a look.", things(n)),
        (n, again) => format!(" {} {need} a look, {again} {retry}.", things(n)),
    }
}

/// Whether a place is late for nothing but a person who has not done it yet.
fn is_waiting_for_a_person(watch: &Watch) -> bool {
    !watch.between && watch.next_attempt_at.is_none() && watch.error.is_empty()
}

/// `Approve invoice should have been done by 11:00 by Finance office. It is 22 min over.`; `many` where more than one
/// waits.
fn by_hand_late(step: &str, who: &str, due: &str, over: &str, many: Option<&String>) -> String {
    match many {
        None => format!("{step} should have been done by {due} by {who}. It is {over} over."),
        Some(many) => format!(
            "{step} should have been done by {due} by {who}. {many} are waiting for it. The oldest is {over} over."
        ),
    }
}

/// `412 orders`, `1 order`: a plain English plural taken back for one.
pub fn count_of(n: i64, unit: &str) -> String {
    let digits = n.unsigned_abs().to_string();
    let grouped: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    let number = grouped.join(",");
    match (n, unit) {
        (1, _) => match unit.strip_suffix("ies") {
            Some(stem) => format!("{number} {stem}y"),
            None if ["ches", "shes", "sses", "xes"].iter().any(|end| unit.ends_with(*end)) => {
                format!("{number} {}", unit.strip_suffix("es").unwrap_or(unit))
            }
            None => format!("{number} {}", unit.strip_suffix('s').unwrap_or(unit)),
        },
        _ => format!("{number} {unit}"),
    }
}

/// `is` for one, `are` for others.
pub fn are(n: i64) -> &'static str {
    if n == 1 { "is" } else { "are" }
}

/// With a capital first letter.
pub fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|c| c.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// At most `most` characters, with an ellipsis where something was left out.
pub fn shorten(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}…", text[..at].trim_end()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn at(text: &str) -> Moment {
        Moment::parse(&format!("2026-06-04T{text}Z")).unwrap()
    }

    fn workflow() -> Workflow {
        serde_json::from_value(json!({"id": "order-to-erp", "name": "Order to ERP", "unit": "orders",
            "expect": {"start_every": "10m"}, "steps": [{"id": "push", "name": "Push to ERP"}]}))
        .unwrap()
    }

    fn watch(state: State, since: &str) -> Watch {
        Watch { attempt: 2, ..Watch::at("push", state, at(since)) }
    }

    static NOTHING_PAUSED: Paused = Paused { whole: None, steps: Vec::new() };

    fn known<'a>(declared: &'a Workflow, places: &'a [Place]) -> Known<'a> {
        Known {
            declared: Some(declared),
            last_started_at: Some(at("02:12:00")),
            last_ended_at: Some(at("02:12:30")),
            last_heard_at: Some(at("02:12:30")),
            expected_from: at("00:00:00"),
            silent_source: None,
            places,
            claims: &[],
            paused: &NOTHING_PAUSED,
        }
    }

    fn place(oldest: Watch, count: i64) -> Place {
        let mut place = Place { step: "push".into(), oldest: vec![oldest.clone()], ..Place::default() };
        match oldest.state {
            State::Retrying => place.retrying = count,
            State::Late => place.late = count,
            _ => place.broken = count,
        }
        place
    }

    fn sentence(known: &Known, now: &str) -> String {
        verdict(known, at(now), &TimeZone::UTC).sentence
    }

    #[test]
    fn on_track_says_when_the_last_one_finished() {
        let w = workflow();
        assert_eq!(
            sentence(&known(&w, &[]), "02:14:00"),
            "Orders are flowing. Last one finished 02:12, one is expected at least every 10 min."
        );
    }

    #[test]
    fn a_job_that_starts_by_the_clock_does_not_flow() {
        let mut w = workflow();
        w.unit = Some("nightly runs".into());
        (w.expect.start_every, w.expect.start_at) = (None, Some("0 3 * * *".into()));
        let known = Known { last_started_at: Some(at("03:00:00")), ..known(&w, &[]) };
        assert_eq!(
            sentence(&Known { last_ended_at: Some(at("03:12:00")), ..known.clone() }, "04:00:00"),
            "Nothing is overdue. Last run finished 03:12. Next one is due 5 Jun 03:00."
        );
        let open = [Place { step: "push".into(), open: 1, ..Place::default() }];
        assert_eq!(
            sentence(&Known { last_ended_at: None, places: &open, ..known }, "03:10:00"),
            "Nothing is overdue. Last run started 03:00; none has finished yet. Next one is due 5 Jun 03:00. 1 nightly run open, inside its time."
        );
    }

    #[test]
    fn what_flows_comes_often_and_is_no_stretch_of_time() {
        let flow = |unit: &str, expect: serde_json::Value| {
            let w = json!({"id": "a", "name": "A", "unit": unit, "expect": expect});
            flows(Some(&serde_json::from_value(w).unwrap()))
        };
        assert!(flows(None) && flow("orders", json!({})) && flow("files", json!({"start_every": "1h"})));
        assert!(!flow("files", json!({"start_every": "1d"})) && !flow("files", json!({"start_at": "0 3 * * *"})));
        assert!(!flow("nights", json!({})) && !flow("business days", json!({})));
    }

    #[test]
    fn broken_says_what_since_when_and_how_many_wait() {
        let w = workflow();
        let broken = Watch { error: "503 refused".into(), ..watch(State::Broken, "01:26:00") };
        assert_eq!(
            sentence(&known(&w, &[place(broken, 412)]), "02:14:00"),
            "Push to ERP has failed since 01:26 (503 refused). 412 orders are waiting. Nothing will try again by itself."
        );
    }

    #[test]
    fn done_in_part_is_not_called_failed() {
        let w = workflow();
        let left = "97 of 100 done, not SKU-12 and 2 more".to_owned();
        let partial = Watch { error: left, kind: Some(Kind::Partial), ..watch(State::Broken, "01:26:00") };
        assert_eq!(
            sentence(&known(&w, &[place(partial, 1)]), "02:14:00"),
            "Push to ERP has been done only in part since 01:26 (97 of 100 done, not SKU-12 and 2 more). 1 order is waiting. Nothing will try again by itself."
        );
    }

    #[test]
    fn whatever_is_wrong_says_what_happens_by_itself_and_a_late_answer_stays_short() {
        let w = workflow();
        let verdict = verdict(&known(&w, &[place(watch(State::Late, "01:52:00"), 1)]), at("02:14:00"), &TimeZone::UTC);
        assert_eq!(verdict.wrong[0].next, None);
        assert!(!verdict.wrong[0].by_itself().is_empty() && verdict.sentence.ends_with("It is 22 min over."));
    }

    #[test]
    fn retrying_says_when_the_next_try_is_and_when_it_gives_up() {
        let w = workflow();
        let retrying = Watch {
            next_attempt_at: Some(at("02:19:00")),
            gives_up_at: Some(at("03:10:00")),
            ..watch(State::Retrying, "02:10:00")
        };
        assert_eq!(
            sentence(&known(&w, &[place(retrying, 1)]), "02:14:00"),
            "Push to ERP failed 2 times since 02:10. 1 order is waiting. Next try 02:19. Gives up 03:10. Nobody needs to act yet."
        );
    }

    #[test]
    fn late_says_that_nothing_failed_and_how_long_it_is_over() {
        let w = workflow();
        assert_eq!(
            sentence(&known(&w, &[place(watch(State::Late, "01:52:00"), 3)]), "02:14:00"),
            "Nothing has failed, but 3 orders at Push to ERP should have finished by 01:52. The oldest is 22 min over."
        );
    }

    #[test]
    fn what_a_person_has_not_done_in_time_is_said_in_words_that_fit_a_person() {
        let w = workflow();
        let late =
            |count| Place { by_hand: Some("Finance office".into()), ..place(watch(State::Late, "01:52:00"), count) };
        assert_eq!(
            sentence(&known(&w, &[late(1)]), "02:14:00"),
            "Push to ERP should have been done by 01:52 by Finance office. It is 22 min over."
        );
        assert_eq!(
            sentence(&known(&w, &[late(3)]), "02:14:00"),
            "Push to ERP should have been done by 01:52 by Finance office. 3 orders are waiting for it. The oldest is 22 min over."
        );
    }

    #[test]
    fn silence_is_never_green() {
        let w = workflow();
        let state = |k: &Known, now| verdict(k, at(now), &TimeZone::UTC).state;
        assert_eq!(state(&known(&w, &[]), "02:23:00"), State::Late);
        assert_eq!(state(&known(&w, &[]), "02:50:00"), State::NoSignal);
        let never = Known { last_heard_at: None, last_started_at: None, last_ended_at: None, ..known(&w, &[]) };
        assert_eq!(state(&never, "00:01:00"), State::NoSignal);
        let deaf = Known { silent_source: Some(("the connector", at("02:00:00"))), ..known(&w, &[]) };
        assert_eq!(state(&deaf, "02:14:00"), State::NoSignal);
    }

    #[test]
    fn silence_outside_active_hours_says_nothing() {
        let mut w = workflow();
        w.expect.start_every = None;
        w.expect.active = Some("Mon-Fri 08:00-18:00".into());
        let heard = Known { last_heard_at: Some(at("02:00:00") - Span::from_minutes(3 * 24 * 60)), ..known(&w, &[]) };
        assert_eq!(verdict(&heard, at("02:14:00"), &TimeZone::UTC).state, State::OnTrack);
        assert_eq!(
            verdict(&heard, at("09:00:00"), &TimeZone::UTC).state,
            State::OnTrack,
            "only an hour of silence counts"
        );
    }

    #[test]
    fn a_group_shows_its_worst_member() {
        let w = workflow();
        let places = [place(watch(State::Retrying, "02:00:00"), 9), place(watch(State::Broken, "02:10:00"), 1)];
        let verdict = verdict(&known(&w, &places), at("02:14:00"), &TimeZone::UTC);
        assert_eq!((verdict.state, verdict.wrong.len()), (State::Broken, 2));
    }

    #[test]
    fn what_tries_again_by_itself_is_not_said_to_need_a_look() {
        assert_eq!(more_words(0, 0), "");
        assert_eq!(more_words(1, 0), " 1 more thing needs a look.");
        assert_eq!(more_words(0, 1), " 1 more thing is retrying by itself.");
        assert_eq!(more_words(0, 2), " 2 more things are retrying by themselves.");
        assert_eq!(more_words(2, 1), " 2 more things need a look, 1 is retrying by itself.");
    }

    #[test]
    fn one_of_a_unit_is_singular() {
        assert_eq!((count_of(1, "orders"), count_of(1, "deliveries")), ("1 order".into(), "1 delivery".into()));
        assert_eq!((count_of(1, "batches"), count_of(1, "purchases")), ("1 batch".into(), "1 purchase".into()));
        assert_eq!(count_of(1_234_567, "orders"), "1,234,567 orders");
    }
}
