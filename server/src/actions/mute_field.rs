//! Muting a field: of one kind of part, everywhere, because its flags have led to nothing; and letting it flag again.

use app::model::moment::Moment;

use crate::db::Db;
use crate::store::feed;
use crate::store::people::{self, AuditLine};
use crate::store::reviews::{self, MutedField};

/// Which field, and who says so.
#[derive(Debug, Clone)]
pub struct Mute<'a> {
    /// The kind of part: `step`, `component`.
    pub kind: &'a str,
    /// The field, as it is counted (`answer::counted_as`).
    pub field: &'a str,
    /// Why it is muted; none to let it flag again.
    pub why: Option<&'a str>,
    /// Who says it.
    pub by: &'a str,
    /// From where, for the record of who did what.
    pub address: &'a str,
}

/// Mutes a field, or lets it flag again.
///
/// # Errors
/// What the database says.
pub async fn mute_field(db: &Db, mute: Mute<'_>, now: Moment) -> sqlx::Result<()> {
    let Mute { kind, field, why, by, address } = mute;
    let mut tx = db.write().await?;
    feed::take_turn(&mut tx).await?;
    match why {
        Some(why) => {
            let muted = MutedField {
                kind: kind.to_owned(),
                field: field.to_owned(),
                muted_at: now.millis(),
                muted_by: by.to_owned(),
                words: why.to_owned(),
            };
            reviews::mute(&mut tx, &muted).await?;
        }
        None => reviews::unmute(&mut tx, kind, field, now, by).await?,
    }
    let action = if why.is_some() { "mute_field" } else { "unmute_field" };
    let line = AuditLine {
        at: now,
        actor: by.to_owned(),
        action: action.to_owned(),
        subject: format!("{field} of each {kind}"),
        address: address.to_owned(),
    };
    people::append_audit(&mut tx, &line).await?;
    tx.commit().await
}
