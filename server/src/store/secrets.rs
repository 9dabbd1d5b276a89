//! Secrets that the portal makes for itself.

use app::model::moment::Moment;

use crate::db::Tx;

/// Keeps a secret under a name, unless there is one already; gives the one that is kept.
pub async fn keep(tx: &mut Tx, name: &str, value: &str, now: Moment) -> sqlx::Result<String> {
    sqlx::query(
        "insert into secrets (name, value, made_at)
        values ($1, $2, $3)
        on conflict do nothing",
    )
    .bind(name)
    .bind(value)
    .bind(now.millis())
    .execute(&mut **tx)
    .await?;
    let (kept,) = sqlx::query_as("select value from secrets where name = $1").bind(name).fetch_one(&mut **tx).await?;
    Ok(kept)
}
