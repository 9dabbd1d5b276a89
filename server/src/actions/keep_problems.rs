//! Keeping problems: the sum of what fails at a place, changed in the transaction that moves its runs; and what judges
//! claim, compared with what they claimed before.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use app::model::book::Book;
use app::model::judge::Watch;
use app::model::moment::Moment;
use app::model::problem::{Change, Claim, Counts, Ended, Family, Helpless, How, Problem, Where};
use app::model::run::Run;
use app::model::status::State;

use crate::db::{Db, Tx};
use crate::live::Topic;
use crate::store::{feed, problems};

const DAY_MS: i64 = 24 * 3_600_000;

/// What a transaction does to the sums, gathered before any of it is written.
#[derive(Debug, Default)]
pub struct Sums {
    changes: BTreeMap<(Where, String), Change>,
    now: Moment,
}

impl Sums {
    /// Takes in that the watches of this run are others now.
    pub fn judged_again(&mut self, workflow: &str, known: &[Watch], now_watched: &[Watch], run: &Run, now: Moment) {
        self.now = self.now.max(now);
        let place = |w: &Watch| match w.step.as_str() {
            "" => Where::Workflow(workflow.to_owned()),
            step => Where::Step(workflow.to_owned(), step.to_owned()),
        };
        let ill = |w: &&Watch| w.state != State::OnTrack;
        for watch in known.iter().filter(ill) {
            let again = now_watched.iter().filter(ill).find(|w| w.step == watch.step);
            let change = self.changes.entry((place(watch), watch.cause.clone())).or_default();
            change.counts.add(watch.kind, -1);
            match again {
                Some(again) if again.cause != watch.cause => change.moved = true,
                Some(_) => {}
                None => {
                    change.cancelled |= run.was_cancelled();
                    change.came_again |= run.recovered_at.is_some();
                }
            }
        }
        for watch in now_watched.iter().filter(ill) {
            // A late word may say that it began earlier than was known.
            let was = known.iter().filter(ill).find(|w| w.step == watch.step && w.cause == watch.cause);
            let began_earlier = was.is_none_or(|was| watch.since < was.since);
            let change = self.changes.entry((place(watch), watch.cause.clone())).or_default();
            change.counts.add(watch.kind, 1);
            change.helpless = watch.helpless.or(change.helpless);
            if began_earlier {
                change.since = Some(change.since.map_or(watch.since, |since| since.min(watch.since)));
            }
            if !watch.error.is_empty() {
                change.error.clone_from(&watch.error);
            }
        }
    }

    /// Whether no watch has changed anything that a problem is made of.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// What changed in the sums; what entered and left again within one transaction did not.
    fn changes(self) -> Vec<((Where, String), Change)> {
        let changed = |c: &Change| c.counts != Counts::default() || c.helpless.is_some() || c.since.is_some();
        self.changes.into_iter().filter(|(_, change)| changed(change)).collect()
    }

    /// Writes what follows. Nothing is asked of the database while all is well. Gives what changed.
    pub async fn write(self, tx: &mut Tx, book: &Book) -> sqlx::Result<BTreeSet<Topic>> {
        let mut topics = BTreeSet::new();
        let now = self.now;
        let changes = self.changes();
        if changes.is_empty() {
            return Ok(topics);
        }
        let keys: Vec<_> = changes.iter().map(|((place, cause), _)| (place.to_string(), cause.clone())).collect();
        let open = problems::open_sums(tx, &keys).await?;
        let newest_id = problems::newest_id(tx).await?;
        let (kept, gone) = summed(changes, open, book, newest_id, now);
        topics.extend(kept.iter().map(|problem| Topic::Problem(problem.id)));
        problems::put(tx, &kept).await?;
        problems::forget(tx, &gone).await?;
        count_endings(tx, &kept).await?;
        Ok(topics)
    }
}

/// What changes make of the open sums: the problems to keep, new ones numbered after `newest_id`, and the numbers of those
/// that were never more than a first try and are forgotten.
fn summed(
    changes: Vec<((Where, String), Change)>,
    open: Vec<Problem>,
    book: &Book,
    newest_id: i64,
    now: Moment,
) -> (Vec<Problem>, Vec<i64>) {
    let mut open: HashMap<(Where, String), Problem> =
        open.into_iter().map(|problem| ((problem.place.clone(), problem.cause.clone()), problem)).collect();
    let mut next_id = newest_id;
    let (mut kept, mut gone) = (Vec::new(), Vec::new());
    for ((place, cause), mut change) in changes {
        change.helpless = change.helpless.map(|why| who_does(book, &place).unwrap_or(why));
        let known = open.remove(&(place.clone(), cause.clone()));
        let is_new = known.is_none();
        let mut problem = known.unwrap_or_else(|| {
            let since = change.since.unwrap_or(now);
            Problem::begin(next_id + 1, place.clone(), cause, name(book, &place), unit(book, &place), since)
        });
        problem.apply(&change, now);
        match (&problem.ended, problem.is_raised(), is_new) {
            // It came and went within one commit.
            (Some(_), _, true) => continue,
            (Some(_), false, false) => gone.push(problem.id),
            _ => {
                next_id = next_id.max(problem.id);
                kept.push(problem);
            }
        }
    }
    (kept, gone)
}

/// Counts how these ended, for the share that recovers by itself.
pub async fn count_endings(tx: &mut Tx, problems: &[Problem]) -> sqlx::Result<()> {
    let mut counted: BTreeMap<(String, i64, String), i64> = BTreeMap::new();
    for problem in problems {
        let (Some(ended), Some(workflow)) = (&problem.ended, problem.place.workflow()) else { continue };
        let how = match ended.how {
            How::ByItself => How::ByItself.name().to_owned(),
            How::ByPerson => match problem.helpless {
                Some(why) => why.name().to_owned(),
                None => How::ByPerson.name().to_owned(),
            },
            How::Continued => continue,
        };
        *counted.entry((workflow.to_owned(), ended.at.millis().div_euclid(DAY_MS), how)).or_default() += 1;
    }
    let rows: Vec<_> = counted.into_iter().map(|((w, day, how), n)| (w, day, how, n)).collect();
    problems::add_recoveries(tx, &rows).await
}

/// Keeps the open problems in step with what judges claim at `now`: new ones begin, known ones are kept up, and those
/// that nobody claims any more end by evidence. Nothing is written while nothing has changed.
///
/// # Errors
/// What the database says; nothing changed then, and the next look does the same again.
pub async fn keep_claims(db: &Db, book: &Book, claims: Vec<Claim>, now: Moment) -> sqlx::Result<BTreeSet<Topic>> {
    let known = problems::open_claims(db.read()).await?;
    if kept_up(known, &claims, book, now, 0).is_empty() {
        return Ok(BTreeSet::new());
    }
    let mut tx = db.write().await?;
    feed::take_turn(&mut tx).await?;
    let known = problems::open_claims(&mut *tx).await?;
    let last_id = problems::newest_id(&mut tx).await?;
    let changed = kept_up(known, &claims, book, now, last_id);
    problems::put(&mut tx, &changed).await?;
    count_endings(&mut tx, &changed).await?;
    tx.commit().await?;
    Ok(changed.iter().flat_map(told).collect())
}

/// What differs between the open problems and what is claimed; new ones are numbered after `last_id`.
fn kept_up(open: Vec<Problem>, claims: &[Claim], book: &Book, now: Moment, mut last_id: i64) -> Vec<Problem> {
    let mut open: HashMap<_, Problem> =
        open.into_iter().map(|p| ((p.family, p.place.clone(), p.cause.clone()), p)).collect();
    let mut changed = Vec::new();
    for claim in claims {
        let family = Family::Claimed(claim.kind);
        let before = open.remove(&(family, claim.place.clone(), claim.cause.clone()));
        let begun = match &before {
            Some(known) => known.clone(),
            None => {
                last_id += 1;
                let (name, unit) = (name(book, &claim.place), unit(book, &claim.place));
                Problem::begin(last_id, claim.place.clone(), claim.cause.clone(), name, unit, claim.since)
            }
        };
        let problem = Problem {
            family,
            kind: claim.kind,
            state: claim.state,
            since: begun.since.min(claim.since),
            raised_at: begun.raised_at.or(Some(now)),
            counts: Counts { failed: claim.count, ..Counts::default() },
            most: begun.most.max(claim.count),
            sentence: claim.sentence.clone(),
            next: claim.next.clone(),
            subjects: claim.subjects.clone(),
            ..begun
        };
        if before.as_ref() != Some(&problem) {
            changed.push(problem);
        }
    }
    changed.extend(open.into_values().map(|problem| {
        // What nobody took on went away by itself.
        let how = if problem.owner.is_some() { How::ByPerson } else { How::ByItself };
        Problem { ended: Some(Ended { at: now, how, by: None, why: String::new() }), ..problem }
    }));
    changed
}

fn told(problem: &Problem) -> impl Iterator<Item = Topic> {
    let about = match &problem.place {
        Where::Workflow(workflow) | Where::Step(workflow, _) => Some(Topic::Workflow(workflow.clone())),
        Where::Component(id) => Some(Topic::Component(id.clone())),
        Where::Source(_) => Some(Topic::Sources),
        Where::Subject(..) => None,
    };
    [Topic::Problem(problem.id), Topic::Now].into_iter().chain(about)
}

/// What a place waits for that a person does.
fn who_does(book: &Book, place: &Where) -> Option<Helpless> {
    let step = book.step(place.workflow()?, place.step()?)?;
    let component = book.components.get(step.component.as_ref()?)?;
    component.kind.is_manual().then_some(Helpless::WaitingOnPerson)
}

/// What people call a place.
fn name(book: &Book, place: &Where) -> String {
    match place {
        Where::Workflow(id) => book.workflows.get(id).map_or_else(|| id.clone(), |w| w.name.clone()),
        Where::Step(workflow, step) => book.step(workflow, step).map_or_else(|| step.clone(), |s| s.name.clone()),
        Where::Component(id) => book.components.get(id).map_or_else(|| id.clone(), |c| c.name.clone()),
        Where::Source(id) => id.clone(),
        Where::Subject(kind, key) => format!("{kind} {key}"),
    }
}

/// What is counted there, in the plural.
fn unit(book: &Book, place: &Where) -> String {
    let declared = place.workflow().and_then(|w| book.workflows.get(w));
    declared.and_then(|w| w.unit.clone()).unwrap_or_else(|| "runs".to_owned())
}

#[cfg(test)]
mod tests {
    use app::model::problem::Kind;
    use proptest::prelude::*;

    use super::*;

    fn at(minute: i64) -> Moment {
        Moment::from_millis(1_780_000_000_000 + minute * 60_000)
    }

    /// A watch of a run at one of two steps: on track, or ill in one of five ways with one of two causes.
    fn watch() -> impl Strategy<Value = Watch> {
        (0usize..2, 0usize..6, 0usize..2, 0i64..60).prop_map(|(step, how, cause, minute)| {
            let (state, kind) = [
                (State::OnTrack, None),
                (State::Retrying, None),
                (State::Retrying, Some(Kind::Retrying)),
                (State::Late, Some(Kind::Stuck)),
                (State::Broken, Some(Kind::Failed)),
                (State::Broken, Some(Kind::Partial)),
            ][how];
            let cause = if state == State::OnTrack { String::new() } else { ["", "code:503"][cause].to_owned() };
            Watch { kind, cause, ..Watch::at(["push", "pack"][step], state, at(minute)) }
        })
    }

    /// What becomes of runs, one after the other: which run, and what is watched of it from then on.
    fn history() -> impl Strategy<Value = Vec<(usize, Vec<Watch>)>> {
        // A step is watched once: its newest visit is state.
        let watches = proptest::collection::vec(watch(), 0..3).prop_map(|mut watches| {
            watches.sort_by(|a, b| a.step.cmp(&b.step));
            watches.dedup_by(|a, b| a.step == b.step);
            watches
        });
        proptest::collection::vec((0usize..4, watches), 1..24)
    }

    /// The open problems after a history that was cut into commits of this many, and what is watched of each run.
    fn played(history: &[(usize, Vec<Watch>)], commit: usize) -> (Vec<Problem>, [Vec<Watch>; 4]) {
        let mut watched: [Vec<Watch>; 4] = Default::default();
        let (mut open, mut newest): (BTreeMap<i64, Problem>, i64) = (BTreeMap::new(), 0);
        for (n, part) in history.chunks(commit).enumerate() {
            let now = at(100 + n as i64);
            let mut sums = Sums::default();
            // In one commit a run is judged once, by all that it is then.
            let last: BTreeMap<usize, &Vec<Watch>> = part.iter().map(|(run, watches)| (*run, watches)).collect();
            for (run, watches) in last {
                sums.judged_again("w", &watched[run], watches, &Run::default(), now);
                watched[run].clone_from(watches);
            }
            let (kept, gone) = summed(sums.changes(), open.values().cloned().collect(), &Book::default(), newest, now);
            newest = kept.iter().map(|p| p.id).fold(newest, i64::max);
            open.extend(kept.into_iter().map(|p| (p.id, p)));
            open.retain(|id, problem| !gone.contains(id) && problem.ended.is_none());
        }
        (open.into_values().collect(), watched)
    }

    proptest! {
        /// Where, for what cause, of what kind, in what state and how many: these are the same however what happened
        /// was cut into commits, for they are the sum of what is watched. What may differ is what depends on having
        /// looked in between: whether a first try was once more than that, since when it was seen, how many there were
        /// at most, and the number that it has.
        #[test]
        fn the_open_problems_are_the_sum_of_what_is_watched_however_it_was_cut(
            history in history(), commit in 1usize..8
        ) {
            let (open, watched) = played(&history, commit);
            let mut expected: BTreeMap<(Where, String), (Counts, Moment)> = BTreeMap::new();
            for watch in watched.iter().flatten().filter(|w| w.state != State::OnTrack) {
                let place = (Where::Step("w".into(), watch.step.clone()), watch.cause.clone());
                let sum = expected.entry(place).or_insert((Counts::default(), watch.since));
                sum.0.add(watch.kind, 1);
                sum.1 = sum.1.min(watch.since);
            }
            let told: BTreeMap<_, _> = open.iter().map(|p| ((p.place.clone(), p.cause.clone()), p)).collect();
            prop_assert_eq!(told.len(), open.len(), "one place and cause is one problem");
            prop_assert_eq!(told.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
            for (place, (counts, oldest)) in expected {
                let problem = told[&place];
                prop_assert_eq!(problem.counts, counts);
                prop_assert_eq!(problem.kind, counts.worst().unwrap_or(Kind::Retrying));
                let worst = [State::Broken, State::Late, State::Retrying].into_iter().find(|s| counts.of(*s) > 0);
                prop_assert_eq!(Some(problem.state), worst);
                prop_assert!(problem.is_raised() || counts.worst().is_none());
                prop_assert!(problem.since <= oldest, "it began no later than the oldest of what it is about");
            }
        }

        /// Judged again by a portal that was started anew, without any news, nothing changes: no problem is raised
        /// twice and none is lost.
        #[test]
        fn looking_again_changes_nothing(history in history()) {
            let (_, watched) = played(&history, 3);
            let mut sums = Sums::default();
            for watches in &watched {
                sums.judged_again("w", watches, watches, &Run::default(), at(200));
            }
            for (place, change) in sums.changes() {
                prop_assert_eq!(change, Change::default(), "{:?}", place);
            }
        }
    }
}
