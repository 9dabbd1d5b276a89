//! Keeping problems: the sum of what fails at a place, changed in the transaction that moves its runs; and what judges
//! claim, compared with what they claimed before.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use app::model::book::Book;
use app::model::judge::Watch;
use app::model::moment::Moment;
use app::model::problem::{Change, Claim, Counts, Ended, Family, Helpless, How, Problem, Where};
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
    /// Takes in that the watches of one run are others now. `cancelled` says whether a person took the run away.
    pub fn judged_again(
        &mut self,
        workflow: &str,
        known: &[Watch],
        now_watched: &[Watch],
        cancelled: bool,
        now: Moment,
    ) {
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
                None => change.cancelled |= cancelled,
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

    /// Writes what follows. Nothing is asked of the database while all is well. Gives what changed.
    pub async fn write(self, tx: &mut Tx, book: &Book) -> sqlx::Result<BTreeSet<Topic>> {
        let mut topics = BTreeSet::new();
        let (now, changes) = (self.now, self.changes);
        let changes: Vec<_> = changes
            .into_iter()
            .filter(|(_, change)| {
                change.counts != Counts::default() || change.helpless.is_some() || change.since.is_some()
            })
            .collect();
        if changes.is_empty() {
            return Ok(topics);
        }
        let keys: Vec<_> = changes.iter().map(|((place, cause), _)| (place.to_string(), cause.clone())).collect();
        let mut open: HashMap<(Where, String), Problem> = problems::open_sums(tx, &keys)
            .await?
            .into_iter()
            .map(|problem| ((problem.place.clone(), problem.cause.clone()), problem))
            .collect();
        let mut next_id = problems::newest_id(tx).await?;
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
                // It came and went within one commit, or was never more than a first try.
                (Some(_), _, true) => continue,
                (Some(_), false, false) => gone.push(problem.id),
                _ => {
                    next_id = next_id.max(problem.id);
                    topics.insert(Topic::Problem(problem.id));
                    kept.push(problem);
                }
            }
        }
        problems::put(tx, &kept).await?;
        problems::forget(tx, &gone).await?;
        count_endings(tx, &kept).await?;
        Ok(topics)
    }
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
