//! The demo against the rules that every event is judged by.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use app::model::book::Book;
use app::model::event::{Event, What as Said};
use app::model::judge::{Judged, judge};
use app::model::moment::{Moment, Span};
use app::model::run::{Heard, fold};
use app::model::status::{State, Trust};
use app::model::{problem, queue};
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::plan::{CYCLE, Day, Plan, Planned, What, script};
use super::*;
use crate::book;
use crate::standing;
use crate::store::sources;
use crate::web::serve::start_quietly;

fn start() -> Moment {
    Moment::parse("2026-06-04T09:13:05Z").unwrap()
}

fn after(seconds: i64) -> Moment {
    start() + Span::from_secs(seconds)
}

fn example() -> Book {
    book::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../runbooks")).unwrap().book
}

/// Everything that is told up to a moment.
fn told_until(seed: u64, until: Moment) -> Vec<Planned> {
    let mut plan = Plan::starting(seed, start());
    std::iter::from_fn(|| plan.next_until(until)).collect()
}

/// The events of each run.
fn runs(planned: &[Planned]) -> BTreeMap<(String, String), Vec<Heard>> {
    let mut runs: BTreeMap<_, Vec<Heard>> = BTreeMap::new();
    for Planned { at, what } in planned {
        let What::Told(source, event) = what else { continue };
        let event = Event::parse(event.clone(), source, *at).unwrap();
        if let Said::Report(report) = &event.what {
            let key = (report.workflow.clone(), report.run.clone());
            runs.entry(key).or_default().push(Heard { event, received_at: *at });
        }
    }
    runs
}

/// A run as it is judged at a moment, by what was heard until then.
fn judged(heard: &[Heard], book: &Book, workflow: &str, now: Moment) -> Judged {
    let until_now: Vec<Heard> = heard.iter().filter(|h| h.received_at <= now).cloned().collect();
    judge(&fold(&until_now), book.workflows.get(workflow), now)
}

/// The book once the demo has changed how often an order is tried.
fn with_tries(mut book: Book, tries: u32) -> Book {
    let steps = &mut book.workflows.get_mut("order-to-erp").unwrap().steps;
    let push = steps.iter_mut().find(|s| s.id == "push-to-erp").unwrap();
    push.retry.as_mut().unwrap().max_attempts = tries;
    book
}

#[test]
fn every_event_is_taken_and_speaks_of_what_the_book_declares_but_the_check_by_hand() {
    let book = example();
    let mut undeclared = BTreeSet::new();
    for Planned { at, what } in told_until(7, after(4 * 420)) {
        let What::Told(source, event) = what else { continue };
        let event = Event::parse(event, source, at).unwrap();
        assert_eq!(event.source, source);
        match event.what {
            Said::Report(report) => {
                let workflow = &book.workflows[&report.workflow];
                undeclared.extend(report.step.filter(|step| workflow.step(step).is_none()));
            }
            Said::Change(change) => assert!(book.components.contains_key(&change.component)),
            Said::Queue(about, _) | Said::Other(_, about) => assert!(book.components.contains_key(&about), "{about}"),
            Said::Check(check) => assert!(book.workflows.contains_key(&check.name)),
            Said::Record(record) => assert!(book.components.contains_key(&record.system)),
        }
    }
    assert_eq!(undeclared, BTreeSet::from(["manual-check".to_owned()]));
}

#[test]
fn within_ten_seconds_something_happens_and_within_two_minutes_there_is_one_thing_of_each_state() {
    let until = after(120);
    let planned = told_until(7, until);
    assert!(planned.iter().filter(|p| start() < p.at && p.at <= after(10)).count() > 10);
    let (before, since) = (example(), with_tries(example(), 8));
    let mut runs = runs(&planned);
    let all_workflows: BTreeSet<String> = runs.keys().map(|(workflow, _)| workflow.clone()).collect();
    runs.retain(|(workflow, _), heard| {
        let at_start = judged(heard, &before, workflow, start());
        at_start.ended_at.is_none() || at_start.state() != State::OnTrack
    });
    let mut seen: BTreeMap<(State, &str), i64> = BTreeMap::new();
    for second in 0..=120 {
        let book = if second < 45 { &before } else { &since };
        for ((workflow, _), heard) in &runs {
            let judged = judged(heard, book, workflow, after(second));
            if judged.ended_at.is_none() || judged.state() != State::OnTrack {
                seen.entry((judged.state(), workflow)).or_insert(second);
            }
        }
    }
    let first = |state, workflow| seen.get(&(state, workflow)).copied().unwrap_or(i64::MAX);
    assert!(first(State::OnTrack, "supplier-invoice-approval") == 0, "{seen:?}");
    assert!(first(State::Retrying, "order-to-erp") <= 10, "{seen:?}");
    assert!(first(State::Retrying, "courier-booking") <= 30, "{seen:?}");
    assert!((1..=40).contains(&first(State::Broken, "order-to-erp")), "{seen:?}");
    assert!((1..=60).contains(&first(State::Late, "order-to-erp")), "{seen:?}");
    // What is broken stays so when orders are tried more often from now on.
    assert!(runs.iter().any(|((w, _), heard)| judged(heard, &since, w, until).state() == State::Broken));
    // No signal: there is a workflow that nobody ever speaks of.
    assert!(before.workflows.contains_key("refunds") && all_workflows.iter().all(|w| w != "refunds"));
}

#[test]
fn when_the_demo_is_opened_nothing_is_broken_or_late() {
    let book = example();
    for ((workflow, run), heard) in runs(&told_until(7, start())) {
        let state = judged(&heard, &book, &workflow, start()).state();
        assert!(matches!(state, State::OnTrack | State::Retrying), "{workflow} {run} is {state:?}");
    }
}

#[test]
fn whatever_gets_stuck_ends_and_the_open_runs_do_not_grow() {
    let book = example();
    let open = |cycles: i64| {
        let until = after(cycles * 420);
        let runs = runs(&told_until(11, until));
        let open: Vec<_> = runs
            .into_iter()
            .filter(|((workflow, _), heard)| !judged(heard, &book, workflow, until).watches.is_empty())
            .collect();
        for ((workflow, run), heard) in &open {
            let age = until.since(heard.iter().map(|h| h.event.time).min().unwrap());
            assert!(age < Span::from_minutes(40), "{workflow} {run} is open since {}", age.words());
        }
        open.len()
    };
    let (now, later) = (open(4), open(16));
    assert!(now < 80 && later < 80, "{now} open after half an hour, {later} after two");
}

#[test]
fn what_is_ordinary_is_never_late_or_broken() {
    let (day, book) = (Day { start: start() }, example());
    for cycle in [-10, 0, 1] {
        let planned = company::ordinary(day, cycle, &mut StdRng::seed_from_u64(7));
        for ((workflow, run), heard) in runs(&planned) {
            for moment in heard.iter().flat_map(|h| [h.received_at, h.received_at - Span::from_millis(1)]) {
                let state = judged(&heard, &book, &workflow, moment).state();
                assert!(matches!(state, State::OnTrack | State::Retrying), "{workflow} {run} is {state:?}");
            }
        }
    }
}

#[test]
fn orders_wait_in_the_queue_and_become_late_and_the_queue_says_how_many_they_are() {
    let day = Day { start: start() };
    let planned = told_until(7, day.at(2, 400));
    let book = example();
    let now = day.at(2, 384);
    let waiting: Vec<_> = runs(&planned)
        .iter()
        .filter(|((workflow, _), _)| workflow == "order-to-erp")
        .filter_map(|((w, _), heard)| {
            judged(heard, &book, w, now).watches.into_iter().find(|w| w.step == "push-to-erp")
        })
        .map(|watch| watch.state)
        .collect();
    let late = waiting.iter().filter(|s| **s == State::Late).count();
    let depth = planned.iter().rev().find_map(|p| match &p.what {
        What::Told(_, event) if event["queue"] == "erp-sync-queue" && p.at <= now => event["depth"].as_i64(),
        _ => None,
    });
    assert!(late > 3, "{waiting:?}");
    assert!((waiting.len() as i64 - depth.unwrap()).abs() <= 6, "{} wait, the queue says {depth:?}", waiting.len());
}

/// What the judge says of a queue each minute, over some cycles.
fn said_of_queue(id: &str, cycles: std::ops::Range<i64>) -> Vec<Option<problem::Kind>> {
    let (day, book) = (Day { start: start() }, example());
    let mut samples: BTreeMap<i64, queue::Level> = BTreeMap::new();
    for Planned { at, what } in told_until(7, day.at(cycles.end, 0)) {
        let What::Told(source, event) = what else { continue };
        if let Said::Queue(queue, level) = Event::parse(event, source, at).unwrap().what
            && queue == id
        {
            samples.entry(level.minute()).and_modify(|s| *s = s.joined(level)).or_insert(level);
        }
    }
    let samples: Vec<_> = samples.into_values().collect();
    let component = &book.components[id];
    let from = samples.partition_point(|s| s.at < day.at(cycles.start, 0));
    (from..samples.len())
        .map(|last| {
            let queue = queue::Queue {
                id,
                name: &component.name,
                unit: book.unit_in(id),
                limits: &component.limits,
                samples: &samples[..=last],
            };
            let judged = queue::judge(&queue, samples[last].at, &jiff::tz::TimeZone::UTC).unwrap();
            judged.claims.first().map(|claim| claim.kind)
        })
        .collect()
}

#[test]
fn the_queue_before_the_erp_is_stuck_and_a_newsletter_is_a_backlog_and_both_end() {
    for (queue, cycles, kind) in
        [("erp-sync-queue", 2..4, problem::Kind::Stuck), ("mail-queue", 1..2, problem::Kind::Backlog)]
    {
        let said = said_of_queue(queue, cycles);
        assert!(said.contains(&Some(kind)) && said.iter().all(|s| s.is_none_or(|s| s == kind)), "{queue}: {said:?}");
        let begins = said.windows(2).filter(|pair| pair[0].is_none() && pair[1].is_some()).count();
        assert!(begins <= 1 && said.last() == Some(&None), "{queue}: {said:?}");
    }
    for queue in ["erp-sync-queue", "courier-queue", "mail-queue"] {
        let calm = said_of_queue(queue, -20..-4);
        assert!(calm.iter().all(Option::is_none), "{queue}: {calm:?}");
    }
}

#[test]
fn an_event_is_told_twice_another_backwards_and_one_long_after_it_happened() {
    let planned = told_until(7, after(2 * 420 + 400));
    let mut ids = BTreeMap::new();
    let mut late = 0;
    for Planned { at, what } in planned.iter().filter(|p| p.at > start()) {
        let What::Told(source, event) = what else { continue };
        if let Some(id) = event["id"].as_str() {
            *ids.entry((*source, id.to_owned())).or_insert(0) += 1;
        }
        let happened = Moment::parse(event["time"].as_str().unwrap()).unwrap();
        late += i64::from(at.since(happened) > Span::from_minutes(5));
    }
    assert_eq!((ids.values().filter(|n| **n == 2).count(), ids.values().filter(|n| **n > 2).count()), (1, 0));
    assert_eq!(late, 1);
    let backwards =
        runs(&planned).into_values().filter(|heard| heard.iter().any(|h| h.received_at > start())).any(|heard| {
            heard.windows(2).any(|pair| {
                pair[0].event.time > pair[1].event.time
                    && pair[1].received_at.since(pair[1].event.time) < Span::from_minutes(1)
            })
        });
    assert!(backwards);
}

#[test]
fn a_deployment_is_followed_by_the_book_and_both_are_taken_back_later() {
    let planned = told_until(7, after(4 * 420));
    let changes: Vec<_> = planned
        .iter()
        .filter_map(|p| match &p.what {
            What::Tries(tries) => Some((p.at, tries.to_string())),
            What::Told("deployments", event) => Some((p.at, event["version"].as_str()?.to_owned())),
            What::Told(..) => None,
        })
        .map(|(at, what)| (at.since(start()).millis() / 1000, what))
        .collect();
    let expected = [(40, "2.14.0"), (45, "8"), (3 * 420 + 195, "2.13.4"), (3 * 420 + 200, "6")];
    assert_eq!(changes, expected.map(|(at, what)| (at, what.to_owned())));
}

#[test]
fn the_same_seed_plays_the_same_day_and_another_seed_another() {
    assert_eq!(told_until(7, after(60)), told_until(7, after(60)));
    assert_ne!(told_until(7, after(60)), told_until(8, after(60)));
}

#[test]
fn nothing_is_told_before_its_cycle_begins_and_everything_in_its_order() {
    let day = Day { start: start() };
    for (seed, cycle) in (0..4).flat_map(|seed| (-8..8).map(move |cycle| (seed, cycle))) {
        let planned = script(seed, day, cycle);
        let (first, last) = (planned.iter().map(|p| p.at).min(), planned.iter().map(|p| p.at).max());
        assert!(first.unwrap() >= day.at(cycle, 0), "seed {seed}, cycle {cycle}");
        assert!(last.unwrap() < day.at(cycle + 7, 0), "seed {seed}, cycle {cycle}");
    }
    let planned = told_until(7, after(3 * CYCLE.millis() / 1000));
    assert!(planned.is_sorted_by_key(|p| p.at));
}

#[test]
fn a_demo_that_others_could_reach_is_refused() {
    let mut settings = Serve { listen: "0.0.0.0:3000".parse().unwrap(), ..Serve::quiet() };
    let refused = prepare(&mut settings).unwrap_err();
    assert!(refused.contains("127.0.0.1:3000"), "{refused}");
}

#[tokio::test]
async fn a_demo_has_a_past_is_played_through_the_door_and_leaves_nothing_behind() {
    let mut settings = Serve { demo: true, ..Serve::quiet() };
    let demo = prepare(&mut settings).unwrap();
    let folder = demo.place.book().parent().unwrap().to_owned();
    let (app, _) = start_quietly(settings, Clock::System).await.unwrap();

    let world = app.worlds.now();
    assert_eq!(world.book_errors, Vec::<String>::new());
    let trust = |slug: &str| world.documents[slug].trust(app.now());
    assert_eq!(trust("erp-refuses-orders"), Trust::Trusted);
    assert_eq!(trust("supplier-invoice-waiting"), Trust::Overdue);
    assert_eq!(trust("nightly-reconcile-did-not-run"), Trust::NeverReviewed);
    assert_eq!(trust("refund-failed"), Trust::NotLinked);
    assert_eq!(world.documents["courier-api-down"].record.version, 2);

    let standing = |id: &str| {
        let (app, world, id) = (app.clone(), world.clone(), id.to_owned());
        async move { standing::one(&app, &world, &id, app.now()).await.unwrap().unwrap() }
    };
    assert_eq!(standing("refunds").await.verdict.state, State::NoSignal);
    assert_eq!(standing("supplier-invoice-approval").await.verdict.state, State::OnTrack);
    assert!(standing("order-to-erp").await.tally.runs > 400);
    let paused = standing("stock-sync").await.verdict;
    assert_eq!(paused.state, State::Paused, "{}", paused.sentence);
    // An invoice waits for a person, with a link to say that it is done.
    let by_hand = standing("supplier-invoice-approval").await.places.into_iter().filter(|p| p.by_hand.is_some());
    assert!(by_hand.map(|p| p.total()).sum::<i64>() > 0);
    // In the quarter of an hour after it should have started it is not late yet.
    let nightly = standing("nightly-reconcile").await;
    assert_eq!(nightly.tally.runs, 6);
    let due = nightly.verdict.start_due.unwrap();
    assert!(due.late_at > app.now() || nightly.verdict.state == State::Late, "{:?}", nightly.verdict);

    let accepted = |app: Arc<App>| async move {
        sources::all(app.db.read()).await.unwrap().iter().map(|s| s.accepted).sum::<i64>()
    };
    let before = accepted(app.clone()).await;
    let playing = tokio::spawn(play(demo, app.clone()));
    let mut patience = 100;
    while accepted(app.clone()).await < before + 5 {
        assert!(patience > 0, "nothing is told");
        patience -= 1;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    playing.abort();
    assert!(playing.await.is_err_and(|e| e.is_cancelled()));
    assert!(!folder.exists());
}
