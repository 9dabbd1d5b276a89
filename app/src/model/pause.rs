//! A pause: what a person has stopped watching for a while, why and until when; and what that does to a verdict.
//!
//! Everything is judged on while a pause lasts. The pause only decides what is said: a paused place is Paused whatever
//! is heard, its lateness and silence are not told, and what has failed is told beside it. When the pause is over there
//! is nothing to undo.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::book::Workflow;
use super::moment::{Moment, Span};
use super::problem::Where;
use super::status::State;
use super::verdict::{Wrong, are};

/// No pause is longer.
pub const LONGEST: Span = Span::from_minutes(30 * 24 * 60);

/// For how long a page says that a pause has ended.
pub const LATELY: Span = Span::from_minutes(60);

/// Until when, as the form offers it: the word it sends, and what a person reads. The last one goes with a time.
pub const CHOICES: [(&str, &str); 5] = [
    ("30m", "For 30 minutes"),
    ("1h", "For 1 hour"),
    ("4h", "For 4 hours"),
    ("morning", "Until the next 06:00"),
    ("at", "Until this time"),
];

/// One pause, in force or over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// Its number, in the order in which they were set.
    pub id: i64,
    /// What is paused: a workflow, a step or a component.
    pub target: Where,
    /// Why.
    pub reason: String,
    /// The account that set it.
    pub by: String,
    /// Since when.
    pub from: Moment,
    /// When it ends by itself.
    pub until: Moment,
    /// When a person ended it before that, and who.
    pub ended: Option<(Moment, String)>,
}

impl Pause {
    /// When it ends, or ended.
    pub fn end(&self) -> Moment {
        self.ended.as_ref().map_or(self.until, |(at, _)| (*at).min(self.until))
    }

    /// Whether it is in force.
    pub fn holds(&self, now: Moment) -> bool {
        self.from <= now && now < self.end()
    }

    /// Whether a place lies in what is paused. `declared` is the workflow of the place, as the book has it.
    pub fn covers(&self, place: &Where, declared: Option<&Workflow>) -> bool {
        match (&self.target, place) {
            (Where::Workflow(paused), place) => place.workflow() == Some(paused),
            (Where::Component(paused), Where::Step(_, step)) => declared
                .and_then(|w| w.step(step))
                .is_some_and(|s| s.component.as_ref() == Some(paused) || s.via.as_ref() == Some(paused)),
            (target, place) => target == place,
        }
    }

    /// `by anna from 02:10 to 04:00: ERP maintenance.`
    pub fn words(&self, now: Moment, zone: &TimeZone) -> String {
        let (from, until) = (self.from.words(now, zone), self.end().words(now, zone));
        let stop = if self.reason.ends_with(['.', '?']) { "" } else { "." };
        format!("by {} from {from} to {until}: {}{stop}", self.by, self.reason)
    }

    /// `The pause ended 04:00 by itself.`, `anna ended the pause 03:10.`; none while it lasts.
    pub fn end_words(&self, now: Moment, zone: &TimeZone) -> Option<String> {
        (self.end() <= now).then(|| {
            let at = self.end().words(now, zone);
            match &self.ended {
                Some((ended, by)) if *ended < self.until => format!("{by} ended the pause {at}."),
                _ => format!("The pause ended {at} by itself."),
            }
        })
    }
}

/// The pause that a place lies in; of several the one that ends last. Lets a judge hold back what a pause explains.
pub fn of<'p>(pauses: &'p [Pause], place: &Where, declared: Option<&Workflow>, now: Moment) -> Option<&'p Pause> {
    pauses.iter().filter(|p| p.holds(now) && p.covers(place, declared)).max_by_key(|p| (p.end(), p.id))
}

/// What of one workflow is paused at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Paused {
    /// The pause of the workflow as a whole.
    pub whole: Option<Pause>,
    /// Its paused steps with the pause of each, by a pause of the step or of its component or queue.
    pub steps: Vec<(String, Pause)>,
}

impl Paused {
    /// What of a workflow is paused at `now`.
    pub fn at(pauses: &[Pause], workflow: &str, declared: Option<&Workflow>, now: Moment) -> Self {
        let whole = of(pauses, &Where::Workflow(workflow.to_owned()), declared, now);
        let mut steps: Vec<&str> = declared.iter().flat_map(|w| &w.steps).map(|s| s.id.as_str()).collect();
        // A step that the book does not know can be paused as well.
        let named = pauses.iter().filter_map(|p| match &p.target {
            Where::Step(w, step) if w == workflow => Some(step.as_str()),
            _ => None,
        });
        for step in named {
            if !steps.contains(&step) {
                steps.push(step);
            }
        }
        let place = |step: &str| Where::Step(workflow.to_owned(), step.to_owned());
        let only_parts: Vec<Pause> =
            pauses.iter().filter(|p| !matches!(p.target, Where::Workflow(_))).cloned().collect();
        let paused = |step: &str| Some((step.to_owned(), of(&only_parts, &place(step), declared, now)?.clone()));
        Self { whole: whole.cloned(), steps: steps.into_iter().filter_map(paused).collect() }
    }

    /// The pause that a step lies in.
    pub fn step(&self, id: &str) -> Option<&Pause> {
        self.whole.as_ref().or_else(|| self.steps.iter().find(|(step, _)| step == id).map(|(_, pause)| pause))
    }

    /// The pause to be told of the workflow: that of the whole, else the one of a step that ends last.
    pub fn told(&self) -> Option<&Pause> {
        self.whole.as_ref().or_else(|| self.steps.iter().map(|(_, pause)| pause).max_by_key(|p| (p.end(), p.id)))
    }

    /// When the first of them ends.
    pub fn ends_at(&self) -> Option<Moment> {
        self.whole.iter().chain(self.steps.iter().map(|(_, pause)| pause)).map(Pause::end).min()
    }

    /// The state of a step: Paused wherever it is paused.
    pub fn state_of(&self, step: &str, state: Option<State>) -> Option<State> {
        if self.step(step).is_some() { Some(State::Paused) } else { state }
    }

    /// The state of a step from the worst of what is there, which is none when it was never seen. What is not heard of any
    /// more (`silent`, by its workflow) is not on track only because nothing is known to be wrong.
    pub fn state_of_step(&self, step: &str, worst: Option<State>, silent: bool) -> Option<State> {
        let state = worst.map(|worst| match worst {
            State::OnTrack if silent => State::NoSignal,
            state => state,
        });
        self.state_of(step, state)
    }

    /// The state of a run at a step: what has failed stays so; everything else waits with the pause.
    pub fn state_of_run(&self, step: &str, state: State) -> State {
        match (self.step(step), state) {
            (None, _) | (_, State::Broken | State::Retrying) => state,
            (Some(_), State::OnTrack | State::Paused | State::NoSignal | State::Late) => State::Paused,
        }
    }

    /// Takes out of what is wrong with a workflow what a pause covers, and puts one line a pause in its place. Gives
    /// what is left, and what is wrong meanwhile at paused places: failures, for lateness and silence are not told.
    pub(super) fn set_aside(
        &self,
        wrong: Vec<Wrong>,
        name: impl Fn(&str) -> String,
        now: Moment,
        zone: &TimeZone,
    ) -> (Vec<Wrong>, Vec<Wrong>) {
        let covered = |w: &Wrong| match &w.step {
            Some(step) => self.step(step).is_some(),
            None => self.whole.is_some(),
        };
        let (covered, mut left): (Vec<_>, Vec<_>) = wrong.into_iter().partition(covered);
        let meanwhile: Vec<_> =
            covered.into_iter().filter(|w| matches!(w.state, State::Broken | State::Retrying)).collect();
        let line = |step: Option<&str>, what: String, pause: &Pause, of: &dyn Fn(&Wrong) -> bool| {
            let wrong_meanwhile = match meanwhile.iter().filter(|w| of(w)).count() {
                0 => String::new(),
                1 => " Meanwhile 1 thing is wrong.".to_owned(),
                n => format!(" Meanwhile {n} things are wrong."),
            };
            Wrong {
                state: State::Paused,
                step: step.map(str::to_owned),
                sentence: format!("{what} {}{wrong_meanwhile}", pause.words(now, zone)),
                count: 0,
                since: Some(pause.from),
                next: None,
                cause: String::new(),
                problem: None,
            }
        };
        if let Some(pause) = &self.whole {
            left.push(line(None, "Paused".to_owned(), pause, &|_| true));
            return (left, meanwhile);
        }
        for (i, (first, pause)) in self.steps.iter().enumerate() {
            if self.steps[..i].iter().any(|(_, earlier)| earlier.id == pause.id) {
                continue;
            }
            let together: Vec<&str> =
                self.steps.iter().filter(|(_, p)| p.id == pause.id).map(|(step, _)| step.as_str()).collect();
            let names = listed(&together.iter().map(|step| name(step)).collect::<Vec<_>>());
            let what = format!("{names} {} paused", are(together.len() as i64));
            let of = |w: &Wrong| w.step.as_deref().is_some_and(|step| together.contains(&step));
            left.push(line(Some(first), what, pause, &of));
        }
        (left, meanwhile)
    }
}

/// `a`, `a and b`, `a, b and c`.
fn listed(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// Until when, by a word of [`CHOICES`]; with `at` the time is typed, `2026-06-04T04:00` in the zone.
///
/// # Errors
/// A sentence for the person who typed it.
pub fn until(choice: &str, typed: &str, now: Moment, zone: &TimeZone) -> Result<Moment, String> {
    let until = match choice {
        "30m" => now + Span::from_minutes(30),
        "1h" => now + Span::from_minutes(60),
        "4h" => now + Span::from_minutes(240),
        "morning" => {
            // At 02:13 the morning is that of today.
            let today = now.zoned(zone).date();
            match moment(today.at(6, 0, 0, 0), zone)? {
                morning if morning > now => morning,
                _ => moment(today.tomorrow().map_err(|e| e.to_string())?.at(6, 0, 0, 0), zone)?,
            }
        }
        "at" if typed.trim().is_empty() => return Err("Say until when.".to_owned()),
        "at" => {
            let local: DateTime = typed
                .trim()
                .parse()
                .map_err(|_| format!("\"{}\" is not a time like 2026-06-04T04:00.", typed.trim()))?;
            moment(local, zone)?
        }
        _ => return Err("Say until when.".to_owned()),
    };
    match until {
        until if until <= now => {
            Err(format!("{} is over already. A pause ends later than now.", until.words(now, zone)))
        }
        until if until.since(now) > LONGEST => Err("A pause lasts at most 30 days. Set it again then.".to_owned()),
        until => Ok(until),
    }
}

fn moment(local: DateTime, zone: &TimeZone) -> Result<Moment, String> {
    let zoned = local.to_zoned(zone.clone()).map_err(|_| format!("\"{local}\" is not a time that can be reached."))?;
    Ok(Moment::from_millis(zoned.timestamp().as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::super::judge::Watch;
    use super::super::verdict::{Known, Place, Verdict, verdict};
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn at(text: &str) -> Moment {
        Moment::parse(&format!("2026-06-04T{text}:00Z")).unwrap()
    }

    fn pause(target: &str, from: &str, until: &str) -> Pause {
        Pause {
            id: 1,
            target: Where::parse(target).unwrap(),
            reason: "ERP maintenance".into(),
            by: "anna".into(),
            from: at(from),
            until: at(until),
            ended: None,
        }
    }

    fn workflow() -> Workflow {
        serde_json::from_value(
            json!({"id": "orders", "name": "Orders", "unit": "orders", "expect": {"start_every": "10m"},
            "steps": [{"id": "push", "name": "Push", "component": "erp", "via": "queue"},
                      {"id": "mail", "name": "Mail", "component": "mailer"}]}),
        )
        .unwrap()
    }

    fn place(step: &str, state: State) -> Place {
        let watch = Watch::at(step, state, at("02:00"));
        let n = |s| i64::from(s == state);
        Place {
            step: step.into(),
            open: n(State::OnTrack),
            retrying: n(State::Retrying),
            late: n(State::Late),
            broken: n(State::Broken),
            oldest: vec![watch],
            ..Place::default()
        }
    }

    fn judged(pauses: &[Pause], places: &[Place], heard: &str, now: &str) -> Verdict {
        let declared = workflow();
        let known = Known {
            declared: Some(&declared),
            last_started_at: Some(at(heard)),
            last_ended_at: Some(at(heard)),
            last_heard_at: Some(at(heard)),
            expected_from: at("00:00"),
            silent_source: None,
            places,
            claims: &[],
            paused: &Paused::at(pauses, "orders", Some(&declared), at(now)),
        };
        verdict(&known, at(now), &TimeZone::UTC)
    }

    #[test]
    fn a_paused_workflow_says_by_whom_since_when_until_when_and_why() {
        let verdict = judged(&[pause("workflow:orders", "02:10", "04:00")], &[], "02:09", "02:14");
        assert_eq!(verdict.state, State::Paused);
        assert_eq!(verdict.sentence, "Paused by anna from 02:10 to 04:00: ERP maintenance.");
        assert_eq!((verdict.since, verdict.changes_at), (Some(at("02:10")), Some(at("02:19"))));
    }

    #[test]
    fn what_is_wrong_meanwhile_is_said_and_lateness_and_silence_are_not() {
        let pauses = [pause("workflow:orders", "02:10", "04:00")];
        let places = [place("push", State::Broken), place("mail", State::Retrying), place("x", State::Late)];
        let verdict = judged(&pauses, &places, "01:00", "03:00");
        assert_eq!(
            verdict.sentence,
            "Paused by anna from 02:10 to 04:00: ERP maintenance. Meanwhile 2 things are wrong."
        );
        let states: Vec<_> = verdict.wrong.iter().map(|w| w.state).collect();
        assert_eq!(states, [State::Paused, State::Broken, State::Retrying]);
    }

    #[test]
    fn a_paused_queue_pauses_the_steps_that_wait_in_it_and_no_other() {
        let pauses = [pause("component:queue", "02:10", "04:00")];
        let verdict = judged(&pauses, &[place("push", State::Late)], "02:13", "02:14");
        assert_eq!(verdict.state, State::Paused);
        assert_eq!(verdict.sentence, "Push is paused by anna from 02:10 to 04:00: ERP maintenance.");
        let verdict = judged(&pauses, &[place("push", State::Late), place("mail", State::Late)], "02:13", "02:14");
        assert_eq!((verdict.state, verdict.wrong.len()), (State::Late, 2));
        assert!(!verdict.sentence.contains("more thing"), "{}", verdict.sentence);
    }

    #[test]
    fn a_pause_ends_by_itself_at_its_time_or_by_a_person_before() {
        let mut pause = pause("step:orders/push", "02:10", "04:00");
        assert!(pause.holds(at("02:10")) && pause.holds(at("03:59")) && !pause.holds(at("04:00")));
        assert_eq!(pause.end_words(at("03:59"), &TimeZone::UTC), None);
        assert_eq!(pause.end_words(at("04:05"), &TimeZone::UTC).unwrap(), "The pause ended 04:00 by itself.");
        pause.ended = Some((at("03:10"), "ben".into()));
        assert!(!pause.holds(at("03:10")));
        assert_eq!(pause.end_words(at("04:05"), &TimeZone::UTC).unwrap(), "ben ended the pause 03:10.");
    }

    #[test]
    fn a_pause_is_set_for_a_while_or_until_a_time_in_the_zone() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let (set_by_day, day) = (until("morning", "", at("08:00"), &zone), Span::from_minutes(24 * 60));
        let until = |choice, typed| until(choice, typed, at("02:10"), &zone);
        assert_eq!(until("30m", ""), Ok(at("02:40")));
        assert_eq!((until("morning", ""), set_by_day), (Ok(at("04:00")), Ok(at("04:00") + day)));
        assert_eq!(until("at", "2026-06-04T06:00"), Ok(at("04:00")));
        assert!(until("at", "2026-06-04T04:10").unwrap_err().contains("over already"));
        assert!(until("at", "2026-08-04T04:10").unwrap_err().contains("30 days"));
        assert!(until("at", "tomorrow").unwrap_err().contains("not a time"));
        assert!(until("at", " ").is_err() && until("", "").is_err());
    }

    fn any_pause() -> impl Strategy<Value = Pause> {
        let targets = [
            "workflow:orders",
            "step:orders/push",
            "step:orders/x",
            "component:queue",
            "component:mailer",
            "workflow:b",
        ];
        (0..targets.len(), 0i64..200, 1i64..200, proptest::option::of(0i64..200)).prop_map(
            move |(target, from, lasts, ended)| {
                let minutes = |n| at("00:00") + Span::from_minutes(n);
                let ended = ended.map(|after| (minutes(from + after), "ben".to_owned()));
                Pause {
                    id: from,
                    from: minutes(from),
                    until: minutes(from + lasts),
                    ended,
                    ..pause(targets[target], "00:00", "00:01")
                }
            },
        )
    }

    fn any_places() -> impl Strategy<Value = Vec<Place>> {
        let states = [State::OnTrack, State::Retrying, State::Late, State::Broken];
        proptest::collection::vec((0usize..3, 0usize..4), 0..4).prop_map(move |all| {
            let mut places: Vec<Place> = Vec::new();
            for (step, state) in all {
                let step = ["push", "mail", "x"][step];
                if places.iter().all(|p| p.step != step) {
                    places.push(place(step, states[state]));
                }
            }
            places
        })
    }

    proptest! {
        #[test]
        fn what_is_paused_is_never_on_track_and_after_the_pause_all_is_as_without_one(
            pauses in proptest::collection::vec(any_pause(), 0..4), places in any_places(), minute in 0i64..500
        ) {
            let declared = workflow();
            let now = at("00:00") + Span::from_minutes(minute);
            let paused = Paused::at(&pauses, "orders", Some(&declared), now);
            let nothing = Paused::default();
            let known = Known {
                declared: Some(&declared), last_started_at: Some(at("02:00")), last_ended_at: None,
                last_heard_at: Some(at("02:00")), expected_from: at("00:00"), silent_source: None,
                places: &places, claims: &[], paused: &paused,
            };
            let said = verdict(&known, now, &TimeZone::UTC);
            let without = verdict(&Known { paused: &nothing, ..known.clone() }, now, &TimeZone::UTC);
            let touches = |p: &Pause| ["push", "mail", "x"].iter().any(|step| {
                p.covers(&Where::Step("orders".into(), (*step).into()), Some(&declared))
            });
            if pauses.iter().any(|p| p.holds(now) && touches(p)) {
                prop_assert_ne!(said.state, State::OnTrack);
                prop_assert!(said.changes_at.is_some_and(|at| at > now));
            } else {
                prop_assert_eq!(&said, &without);
            }
            if paused.whole.is_some() {
                prop_assert_eq!(said.state, State::Paused);
            }
            for step in ["push", "mail", "x"] {
                if paused.step(step).is_some() {
                    prop_assert_eq!(paused.state_of(step, Some(State::OnTrack)), Some(State::Paused));
                    prop_assert_ne!(paused.state_of_run(step, State::OnTrack), State::OnTrack);
                }
            }
            // Long after all of them, whatever they were.
            let later = at("00:00") + Span::from_minutes(500);
            prop_assert_eq!(Paused::at(&pauses, "orders", Some(&declared), later), nothing);
        }
    }
}
