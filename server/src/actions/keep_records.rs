//! Keeping records: the newest of each thing in each system, and with them where systems begin and cease to disagree.
//!
//! Whether two systems disagree is settled here, when one of them speaks, and kept as a row for as long as it is so.
//! What has lasted too long is then an indexed look (`store::records::lasting`): nobody ever reads all records, but
//! when the book asks for another comparison (`compare_again`).

use std::collections::{BTreeMap, BTreeSet};

use app::model::agreement::disagreements;
use app::model::book::Book;
use app::model::moment::Moment;
use app::model::record::{Kept, Record};
use app::model::subject::Subject;

use crate::db::{Db, Tx};
use crate::live::Topic;
use crate::store::{feed, records};

/// How many things are compared anew in one transaction, so that events never wait long.
const AT_ONCE: i64 = 500;

/// Everything that systems hold of things, by thing and system.
type Held = BTreeMap<Subject, BTreeMap<String, Kept>>;

/// Takes in what systems hold of things: (record, when it was so by the event, when it was heard). A few statements,
/// whatever their number. Gives what changed.
pub(super) async fn keep_records(
    tx: &mut Tx,
    book: &Book,
    told: &[(&Record, Moment, Moment)],
) -> sqlx::Result<BTreeSet<Topic>> {
    if told.is_empty() {
        return Ok(BTreeSet::new());
    }
    let subjects: BTreeSet<&str> = told.iter().map(|(record, ..)| record.subject.text()).collect();
    let mut held = held(tx, &subjects).await?;
    let mut changed: BTreeSet<(Subject, String)> = BTreeSet::new();
    let mut former: Vec<(Kept, Moment)> = Vec::new();
    for (record, time, received_at) in told {
        let new = Kept::heard(record, *time, *received_at);
        let of_subject = held.entry(record.subject.clone()).or_default();
        if of_subject.get(&record.system).is_none_or(|known| new.is_newer_than(known)) {
            let first = changed.insert((record.subject.clone(), record.system.clone()));
            // What came and went within one commit was never shown.
            former
                .extend(of_subject.insert(record.system.clone(), new).filter(|_| first).map(|old| (old, *received_at)));
        }
    }
    let rows: Vec<&Kept> = changed.iter().filter_map(|(subject, system)| held.get(subject)?.get(system)).collect();
    records::put(tx, &rows).await?;
    records::keep_former(tx, &former).await?;
    held.retain(|subject, _| changed.iter().any(|(s, _)| s == subject));
    compare(tx, book, &held).await?;
    Ok(held.keys().map(|subject| Topic::Subject(subject.text().to_owned())).collect())
}

/// Compares anew whatever a workflow may ask to be compared, because the book now asks for something else.
///
/// # Errors
/// What the database says; what was compared in earlier transactions stays so.
pub async fn compare_again(db: &Db, book: &Book, workflow: &str) -> sqlx::Result<BTreeSet<Topic>> {
    let asks = book.workflows.get(workflow).filter(|w| !w.agree.is_empty());
    let kind = asks.and_then(|w| w.subject.as_deref());
    let mut tx = db.write().await?;
    feed::take_turn(&mut tx).await?;
    records::end_disagreements_but(&mut tx, workflow, kind).await?;
    tx.commit().await?;
    let mut topics = BTreeSet::new();
    let Some(kind) = kind else { return Ok(topics) };
    let mut after = String::new();
    loop {
        let mut tx = db.write().await?;
        feed::take_turn(&mut tx).await?;
        let subjects = records::subjects_of_type(&mut tx, kind, &after, AT_ONCE).await?;
        let held = held(&mut tx, &subjects.iter().map(String::as_str).collect()).await?;
        compare(&mut tx, book, &held).await?;
        tx.commit().await?;
        topics.extend(held.into_keys().map(|subject| Topic::Subject(subject.text().to_owned())));
        match subjects.into_iter().last() {
            Some(last) => after = last,
            None => return Ok(topics),
        }
    }
}

async fn held(tx: &mut Tx, subjects: &BTreeSet<&str>) -> sqlx::Result<Held> {
    let subjects: Vec<&str> = subjects.iter().copied().collect();
    let mut held = Held::new();
    for kept in records::of_subjects(tx, &subjects).await? {
        held.entry(kept.subject.clone()).or_default().insert(kept.system.clone(), kept);
    }
    Ok(held)
}

/// Compares what systems hold of these things, and begins and ends disagreements where something is different now.
async fn compare(tx: &mut Tx, book: &Book, held: &Held) -> sqlx::Result<()> {
    let asking = |kind: &str| {
        book.workflows
            .values()
            .filter(|w| !w.agree.is_empty() && w.subject.as_deref() == Some(kind))
            .collect::<Vec<_>>()
    };
    let asked: BTreeMap<&str, Vec<_>> = held.keys().map(|s| s.kind()).map(|kind| (kind, asking(kind))).collect();
    // Of what nobody compares there is no row either: the book's change would have ended it.
    let subjects: Vec<&str> =
        held.keys().filter(|s| asked.get(s.kind()).is_some_and(|w| !w.is_empty())).map(Subject::text).collect();
    if subjects.is_empty() {
        return Ok(());
    }
    let known = records::disagreements_of_subjects(tx, &subjects).await?;
    let (mut ended, mut begun) = (Vec::new(), Vec::new());
    for subject in subjects {
        let key = Subject::of(subject);
        let systems: Vec<Kept> = held.get(&key).into_iter().flat_map(BTreeMap::values).cloned().collect();
        let before: BTreeSet<_> = known.get(subject).into_iter().flatten().cloned().collect();
        let workflows = asked.get(key.kind()).into_iter().flatten();
        let known: Vec<_> = before.iter().cloned().collect();
        let after: BTreeSet<_> = workflows.flat_map(|w| disagreements(w, &systems, &known)).collect();
        if after == before {
            continue;
        }
        if !before.is_empty() {
            ended.push(subject);
        }
        begun.extend(after.into_iter().map(|d| (subject, d)));
    }
    records::end_disagreements(tx, &ended).await?;
    records::begin_disagreements(tx, &begun).await
}
