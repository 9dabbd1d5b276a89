//! Doubts: what people said was not right in a section, after a problem or a drill.

use app::model::following::Occasion;
use app::model::moment::Moment;
use sqlx::{AnyPool, Row};

use crate::db::Tx;

/// Somebody said after a problem or a drill that a section was not right.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Doubt {
    pub occasion: Occasion,
    pub slug: String,
    pub section: String,
    pub words: String,
    pub actor: String,
    pub at: Moment,
}

/// Appends a doubt. The caller holds the turn to write.
pub async fn append(tx: &mut Tx, doubt: &Doubt) -> sqlx::Result<()> {
    sqlx::query(
        "insert into doubts (id, problem, drill, slug, section, words, actor, at)
        values ((select coalesce(max(id), 0) + 1 from doubts), $1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(doubt.occasion.problem())
    .bind(doubt.occasion.drill())
    .bind(doubt.slug.as_str())
    .bind(doubt.section.as_str())
    .bind(doubt.words.as_str())
    .bind(doubt.actor.as_str())
    .bind(doubt.at.millis())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

fn doubt(row: &sqlx::any::AnyRow) -> Doubt {
    let drill = || Occasion::Drill(row.get::<Option<i64>, _>(6).unwrap_or_default());
    Doubt {
        occasion: row.get::<Option<i64>, _>(0).map_or_else(drill, Occasion::Problem),
        slug: row.get(1),
        section: row.get(2),
        words: row.get(3),
        actor: row.get(4),
        at: Moment::from_millis(row.get(5)),
    }
}

/// The doubts that no review of their section has answered since.
pub async fn open(pool: &AnyPool) -> sqlx::Result<Vec<Doubt>> {
    let rows = sqlx::query(
        "select d.problem, d.slug, d.section, d.words, d.actor, d.at, d.drill
        from doubts d
        left join section_pins p on p.slug = d.slug and p.section = d.section
        where p.reviewed_at is null or p.reviewed_at < d.at
        order by d.id",
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.iter().map(doubt).collect())
}

/// Every doubt that had been said by a moment.
pub async fn said_by(pool: &AnyPool, by: Moment) -> sqlx::Result<Vec<Doubt>> {
    let rows =
        sqlx::query("select problem, slug, section, words, actor, at, drill from doubts where at <= $1 order by id")
            .bind(by.millis())
            .fetch_all(pool)
            .await?;
    Ok(rows.iter().map(doubt).collect())
}
