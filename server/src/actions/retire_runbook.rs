//! Taking a runbook out of use whose file is gone: no longer listed, and every version stays.

use app::model::moment::Moment;

use crate::db::Db;
use crate::store::feed;
use crate::store::people::{self, AuditLine};
use crate::store::runbooks::{self, RunbookRecord};

/// Takes it out of use. Gives whether it was: not while its file is there, or twice.
///
/// # Errors
/// What the database says.
pub async fn retire_runbook(db: &Db, slug: &str, by: &str, address: &str, now: Moment) -> sqlx::Result<bool> {
    let mut tx = db.write().await?;
    feed::take_turn(&mut tx).await?;
    let Some(known) = runbooks::find(&mut tx, slug).await? else { return Ok(false) };
    if known.gone_at.is_none() || known.retired_at.is_some() {
        return Ok(false);
    }
    let next = RunbookRecord {
        retired_at: Some(now.millis()),
        retired_by: Some(by.to_owned()),
        commit_from: None,
        file_problem: None,
        ..known
    };
    runbooks::put(&mut tx, &next).await?;
    let line = AuditLine {
        at: now,
        actor: by.to_owned(),
        action: "retire_runbook".to_owned(),
        subject: format!("runbook:{slug}"),
        address: address.to_owned(),
    };
    people::append_audit(&mut tx, &line).await?;
    tx.commit().await?;
    Ok(true)
}
