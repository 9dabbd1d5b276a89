//! Recovering checks: a run of a check that had failed needs nobody any more once a later one went well.

use std::collections::BTreeSet;

use app::model::book::Book;
use app::model::moment::Moment;

use super::judge_due::judge_records;
use crate::db::Tx;
use crate::live::Topic;
use crate::store::{runs, tallies};

/// Looks at the failed runs of these checks, of which something was written just now in the same transaction. Gives
/// what changed.
///
/// # Errors
/// What the database says.
pub(super) async fn recover_checks(
    tx: &mut Tx,
    book: &Book,
    checks: &BTreeSet<&str>,
    now: Moment,
) -> sqlx::Result<BTreeSet<Topic>> {
    let mut topics = BTreeSet::new();
    for check in checks {
        let Some(well_at) = tallies::last_ended_well(tx, check).await? else { continue };
        let keys = runs::failed_before(tx, check, well_at).await?;
        let mut records = runs::by_keys(tx, &keys).await?;
        records.retain_mut(|record| record.folded.recover(well_at));
        topics.extend(judge_records(tx, book, records, now).await?);
    }
    Ok(topics)
}
