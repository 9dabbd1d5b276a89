//! Starting a drill: a run of a runbook outside trouble.

use app::model::moment::Moment;

use crate::db::Db;
use crate::store::people::{self, AuditLine};
use crate::store::{drills, feed};

/// Starts one and gives its number among those of the runbook.
///
/// # Errors
/// What the database says; nothing was started then.
pub async fn start_drill(db: &Db, slug: &str, version: i64, by: &str, address: &str, now: Moment) -> sqlx::Result<i64> {
    let mut tx = db.write().await?;
    feed::take_turn(&mut tx).await?;
    let number = drills::append(&mut tx, slug, version, by, now).await?;
    let line = AuditLine {
        at: now,
        actor: by.to_owned(),
        action: "drill_started".to_owned(),
        subject: format!("runbook:{slug}"),
        address: address.to_owned(),
    };
    people::append_audit(&mut tx, &line).await?;
    tx.commit().await?;
    Ok(number)
}
