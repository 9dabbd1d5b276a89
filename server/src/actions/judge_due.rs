//! Judging what is due: runs whose time is over become late, once, whether or not the portal was restarted.

use std::collections::BTreeSet;

use app::model::book::Book;
use app::model::judge::judge;
use app::model::moment::Moment;

use super::record_events::Moved;
use crate::db::{Batch, Db, Tx};
use crate::live::Topic;
use crate::store::runs::{self, RunRecord};
use crate::store::{feed, watches};

/// How many runs are judged in one transaction, so that events never wait long.
const AT_ONCE: i64 = 500;

/// Judges the runs that are due at `now`, at most 500. Gives what changed, and whether there may be more.
///
/// # Errors
/// What the database says; then nothing was judged, and the same runs are due again.
pub async fn judge_due(db: &Db, book: &Book, now: Moment) -> sqlx::Result<(BTreeSet<Topic>, bool)> {
    let mut tx = db.write().await?;
    feed::take_turn(&mut tx).await?;
    let keys = watches::due(&mut tx, now, AT_ONCE).await?;
    let more = keys.len() as i64 == AT_ONCE;
    let topics = judge_runs(&mut tx, book, &keys, now).await?;
    tx.commit().await?;
    Ok((topics, more))
}

/// Judges every open run of a workflow anew, because the book now expects something else of it.
///
/// # Errors
/// What the database says; runs judged in earlier transactions stay judged.
pub async fn judge_workflow(db: &Db, book: &Book, workflow: &str, now: Moment) -> sqlx::Result<BTreeSet<Topic>> {
    let mut topics = BTreeSet::new();
    let mut after = 0;
    loop {
        let mut tx = db.write().await?;
        feed::take_turn(&mut tx).await?;
        let keys = runs::open_keys(&mut tx, workflow, after, AT_ONCE).await?;
        topics.extend(judge_runs(&mut tx, book, &keys, now).await?);
        tx.commit().await?;
        match keys.last() {
            Some(last) => after = *last,
            None => return Ok(topics),
        }
    }
}

async fn judge_runs(tx: &mut Tx, book: &Book, keys: &[i64], now: Moment) -> sqlx::Result<BTreeSet<Topic>> {
    let mut keys = keys.to_vec();
    keys.sort_unstable();
    keys.dedup();
    let records = runs::by_keys(tx, &keys).await?;
    judge_records(tx, book, records, now).await
}

/// Judges these runs anew, and writes what follows.
///
/// # Errors
/// What the database says.
pub(super) async fn judge_records(
    tx: &mut Tx,
    book: &Book,
    records: Vec<RunRecord>,
    now: Moment,
) -> sqlx::Result<BTreeSet<Topic>> {
    let keys: Vec<i64> = records.iter().map(|record| record.key).collect();
    let mut known = watches::of_runs(tx, &keys).await?;
    let mut moved = Moved::default();
    for record in records {
        let declared = book.workflows.get(&record.workflow);
        let judged = judge(&record.folded, declared, now);
        moved.keep(&record, &record.folded, judged.ended_at, declared);
        moved.judge_again(&record, &known.remove(&record.key).unwrap_or_default(), judged, now);
    }
    let tallied = moved.tallied(now);
    let mut batch = Batch::default();
    moved.add_to(&mut batch, &tallied);
    batch.write(tx).await?;
    let mut topics = moved.write_problems(tx, book, now).await?;
    topics.extend(moved.topics());
    Ok(topics)
}
