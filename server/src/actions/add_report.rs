//! Adding a report: what a person says looks wrong, on a run or a subject, in their own words.

use crate::db::Db;
use crate::store::feed;
use crate::store::people::{self, AuditLine};
use crate::store::reports::{self, NewReport};

/// Keeps a report. Gives its id.
///
/// # Errors
/// What the database says.
pub async fn add_report(db: &Db, new: &NewReport<'_>, address: &str) -> sqlx::Result<i64> {
    let mut tx = db.write().await?;
    feed::take_turn(&mut tx).await?;
    let id = reports::append(&mut tx, new).await?;
    let subject = match (new.run, new.subject) {
        (Some((workflow, run)), _) => format!("run:{workflow}/{run}"),
        (None, Some(subject)) => format!("subject:{subject}"),
        (None, None) => format!("report:{id}"),
    };
    let line = AuditLine {
        at: new.said_at,
        actor: new.said_by.to_owned(),
        action: "add_report".to_owned(),
        subject,
        address: address.to_owned(),
    };
    people::append_audit(&mut tx, &line).await?;
    tx.commit().await?;
    Ok(id)
}
