//! Drills: runs of a runbook outside trouble, counted for each runbook.

use app::model::following::Outcome;
use app::model::moment::Moment;
use sqlx::any::AnyRow;
use sqlx::{AnyPool, Row};

use crate::db::Tx;

/// A drill as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct DrillRecord {
    /// Its number among all drills.
    pub id: i64,
    pub slug: String,
    /// Its number among those of its runbook.
    pub number: i64,
    /// The version that was the newest when it began.
    pub version: i64,
    pub started_by: String,
    pub started_at: Moment,
    /// When, by whom and how it ended.
    pub ended: Option<(Moment, String, Outcome)>,
}

fn drill(row: &AnyRow) -> DrillRecord {
    let at = row.get::<Option<i64>, _>(6).map(Moment::from_millis);
    let outcome = row.get::<Option<&str>, _>(8).and_then(Outcome::parse);
    DrillRecord {
        id: row.get(0),
        slug: row.get(1),
        number: row.get(2),
        version: row.get(3),
        started_by: row.get(4),
        started_at: Moment::from_millis(row.get(5)),
        ended: at
            .map(|at| (at, row.get::<Option<String>, _>(7).unwrap_or_default(), outcome.unwrap_or(Outcome::Stopped))),
    }
}

/// Begins one and gives its number among those of its runbook. The caller holds the turn to write.
pub async fn append(tx: &mut Tx, slug: &str, version: i64, by: &str, at: Moment) -> sqlx::Result<i64> {
    let (number,) = sqlx::query_as(
        "insert into drills (id, slug, number, version, started_by, started_at)
        values (
            (select coalesce(max(id), 0) + 1 from drills),
            $1, (select coalesce(max(number), 0) + 1 from drills where slug = $1), $2, $3, $4)
        returning number",
    )
    .bind(slug)
    .bind(version)
    .bind(by)
    .bind(at.millis())
    .fetch_one(&mut **tx)
    .await?;
    Ok(number)
}

/// Ends one that has not ended.
pub async fn end(tx: &mut Tx, id: i64, by: &str, outcome: Outcome, at: Moment) -> sqlx::Result<()> {
    sqlx::query("update drills set ended_at = $1, ended_by = $2, outcome = $3 where id = $4 and ended_at is null")
        .bind(at.millis())
        .bind(by)
        .bind(outcome.name())
        .bind(id)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// One drill of a runbook.
pub async fn find(pool: &AnyPool, slug: &str, number: i64) -> sqlx::Result<Option<DrillRecord>> {
    let row = sqlx::query(
        "select id, slug, number, version, started_by, started_at, ended_at, ended_by, outcome
        from drills where slug = $1 and number = $2",
    )
    .bind(slug)
    .bind(number)
    .fetch_optional(pool)
    .await?;
    Ok(row.as_ref().map(drill))
}

/// The same, in a transaction that is going to change it.
pub async fn find_in(tx: &mut Tx, slug: &str, number: i64) -> sqlx::Result<Option<DrillRecord>> {
    let row = sqlx::query(
        "select id, slug, number, version, started_by, started_at, ended_at, ended_by, outcome
        from drills where slug = $1 and number = $2",
    )
    .bind(slug)
    .bind(number)
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.as_ref().map(drill))
}

/// The newest drills of a runbook.
pub async fn newest(pool: &AnyPool, slug: &str, most: i64) -> sqlx::Result<Vec<DrillRecord>> {
    let rows = sqlx::query(
        "select id, slug, number, version, started_by, started_at, ended_at, ended_by, outcome
        from drills where slug = $1
        order by number desc
        limit $2",
    )
    .bind(slug)
    .bind(most)
    .fetch_all(pool)
    .await?;
    Ok(rows.iter().map(drill).collect())
}
