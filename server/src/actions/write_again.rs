//! A runbook whose file is gone is to have one again; one that was taken out of use is in use again.

use app::model::moment::Moment;

use crate::db::Db;
use crate::store::feed;
use crate::store::people::{self, AuditLine};
use crate::store::runbooks::{self, RunbookRecord};

/// Says that its file is to be written as if it never had one. Gives whether anything was to be done.
///
/// # Errors
/// What the database says.
pub async fn write_again(db: &Db, slug: &str, by: &str, address: &str, now: Moment) -> sqlx::Result<bool> {
    let mut tx = db.write().await?;
    feed::take_turn(&mut tx).await?;
    let Some(known) = runbooks::find(&mut tx, slug).await? else { return Ok(false) };
    if known.gone_at.is_none() && known.retired_at.is_none() {
        return Ok(false);
    }
    let next = RunbookRecord {
        gone_at: None,
        retired_at: None,
        retired_by: None,
        file_version: None,
        file_fingerprint: None,
        commit_from: Some(known.version),
        file_problem: None,
        ..known.settled()
    };
    runbooks::put(&mut tx, &next).await?;
    let line = AuditLine {
        at: now,
        actor: by.to_owned(),
        action: "write_again".to_owned(),
        subject: format!("runbook:{slug}"),
        address: address.to_owned(),
    };
    people::append_audit(&mut tx, &line).await?;
    tx.commit().await?;
    Ok(true)
}
