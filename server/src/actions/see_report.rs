//! Seeing a report: it leaves Now and stays on its story, with who has seen it.

use app::model::moment::Moment;
use app::model::report::Report;

use crate::db::Db;
use crate::store::people::{self, AuditLine};
use crate::store::{feed, reports};

/// Keeps that somebody has seen a report. Gives the report as it was before: one that was seen already stays as it
/// was seen first. None when there is no such report.
///
/// # Errors
/// What the database says.
pub async fn see_report(db: &Db, id: i64, by: &str, address: &str, now: Moment) -> sqlx::Result<Option<Report>> {
    let mut tx = db.write().await?;
    feed::take_turn(&mut tx).await?;
    let report = reports::find(&mut tx, id).await?;
    if report.as_ref().is_some_and(|r| r.seen_at.is_none()) {
        reports::see(&mut tx, id, by, now).await?;
        let line = AuditLine {
            at: now,
            actor: by.to_owned(),
            action: "see_report".to_owned(),
            subject: format!("report:{id}"),
            address: address.to_owned(),
        };
        people::append_audit(&mut tx, &line).await?;
    }
    tx.commit().await?;
    Ok(report)
}
