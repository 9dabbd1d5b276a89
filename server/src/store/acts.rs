//! Acts: what people did about a problem or in a drill, and what of it is a following of a runbook.

use std::collections::HashMap;

use app::model::following::{Followed, LogLine, LoggedStep, Occasion};
use app::model::moment::Moment;
use sqlx::any::AnyRow;
use sqlx::{AnyPool, AssertSqlSafe, Row};

use crate::db::Tx;

/// What is written of an act besides its line.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// When it was heard of, where that was not at once.
    pub heard_at: Option<Moment>,
    /// What the browser calls it.
    pub once: Option<String>,
}

/// Appends a line. The caller holds the turn to write.
pub async fn append(tx: &mut Tx, of: Occasion, line: &LogLine, told: &Told) -> sqlx::Result<()> {
    sqlx::query(
        "insert into acts (id, problem, drill, at, heard_at, actor, act, words, slug, version, section, step, once)
        values ((select coalesce(max(id), 0) + 1 from acts), $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(of.problem())
    .bind(of.drill())
    .bind(line.at.millis())
    .bind(told.heard_at.map(Moment::millis))
    .bind(line.actor.as_str())
    .bind(line.act.as_str())
    .bind(line.words.as_str())
    .bind(line.step.as_ref().map(|s| s.slug.as_str()))
    .bind(line.step.as_ref().map(|s| s.version))
    .bind(line.step.as_ref().map(|s| s.section.as_str()))
    .bind(line.step.as_ref().map(|s| s.text.as_str()))
    .bind(told.once.as_deref())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Whether an act that a browser calls this was taken before.
pub async fn is_known(tx: &mut Tx, once: &str) -> sqlx::Result<bool> {
    let row: Option<(i64,)> =
        sqlx::query_as("select id from acts where once = $1").bind(once).fetch_optional(&mut **tx).await?;
    Ok(row.is_some())
}

fn line(row: &AnyRow) -> LogLine {
    LogLine {
        at: Moment::from_millis(row.get(0)),
        actor: row.get(1),
        act: row.get(2),
        words: row.get(3),
        step: row.get::<Option<String>, _>(4).map(|slug| LoggedStep {
            slug,
            version: row.get::<Option<i64>, _>(5).unwrap_or_default(),
            section: row.get::<Option<String>, _>(6).unwrap_or_default(),
            text: row.get::<Option<String>, _>(7).unwrap_or_default(),
        }),
    }
}

/// The column that says of which occasion an act is, and its number.
fn place(of: Occasion) -> (&'static str, i64) {
    match of {
        Occasion::Problem(id) => ("problem", id),
        Occasion::Drill(id) => ("drill", id),
    }
}

fn newest_first(of: Occasion) -> (String, i64) {
    let (column, id) = place(of);
    let sql = format!(
        "select at, actor, act, words, slug, version, section, step
        from acts
        where {column} = $1
        order by id desc
        limit $2"
    );
    (sql, id)
}

/// What people did, oldest first, at most the newest `most`.
pub async fn log(pool: &AnyPool, of: Occasion, most: i64) -> sqlx::Result<Vec<LogLine>> {
    let (sql, id) = newest_first(of);
    let rows = sqlx::query(AssertSqlSafe(sql)).bind(id).bind(most).fetch_all(pool).await?;
    Ok(rows.iter().rev().map(line).collect())
}

/// The same, in a transaction that is going to add to it.
pub async fn log_in(tx: &mut Tx, of: Occasion, most: i64) -> sqlx::Result<Vec<LogLine>> {
    let (sql, id) = newest_first(of);
    let rows = sqlx::query(AssertSqlSafe(sql)).bind(id).bind(most).fetch_all(&mut **tx).await?;
    Ok(rows.iter().rev().map(line).collect())
}

/// Writes that a runbook was followed then, by its newest step done; or that it was not, where each was taken back.
pub async fn put_following(tx: &mut Tx, of: Occasion, slug: &str, last: Option<&LogLine>) -> sqlx::Result<()> {
    let (column, id) = place(of);
    let forget = format!("delete from followings where {column} = $1 and slug = $2");
    sqlx::query(AssertSqlSafe(forget)).bind(id).bind(slug).execute(&mut **tx).await?;
    let Some((last, step)) = last.and_then(|last| Some((last, last.step.as_ref()?))) else { return Ok(()) };
    sqlx::query(
        "insert into followings (id, problem, drill, slug, version, at, actor)
        values ((select coalesce(max(id), 0) + 1 from followings), $1, $2, $3, $4, $5, $6)",
    )
    .bind(of.problem())
    .bind(of.drill())
    .bind(slug)
    .bind(step.version)
    .bind(last.at.millis())
    .bind(last.actor.as_str())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Writes that a following proved its runbook.
pub async fn put_proof(tx: &mut Tx, of: Occasion, slug: &str, at: Moment) -> sqlx::Result<()> {
    let (column, id) = place(of);
    let sql = format!("update followings set proved_at = $1 where {column} = $2 and slug = $3");
    sqlx::query(AssertSqlSafe(sql)).bind(at.millis()).bind(id).bind(slug).execute(&mut **tx).await?;
    Ok(())
}

/// Whether a drill proved its runbook.
pub async fn is_proof(pool: &AnyPool, drill: i64) -> sqlx::Result<bool> {
    let row: Option<(i64,)> = sqlx::query_as("select id from followings where drill = $1 and proved_at is not null")
        .bind(drill)
        .fetch_optional(pool)
        .await?;
    Ok(row.is_some())
}

/// When a runbook was last followed, and last proved.
pub type Last = (Option<Followed>, Option<Followed>);

fn followed(row: &AnyRow) -> (String, Followed) {
    let slug: String = row.get(0);
    let href = match (row.get::<Option<i64>, _>(4), row.get::<Option<i64>, _>(5)) {
        (Some(problem), _) => format!("/problems/{problem}"),
        (None, Some(drill)) => format!("/runbooks/{slug}/drills/{drill}"),
        (None, None) => String::new(),
    };
    let followed = Followed { version: row.get(1), at: Moment::from_millis(row.get(2)), by: row.get(3), href };
    (slug, followed)
}

/// When each runbook was last followed, and last proved.
pub async fn last_of_all(pool: &AnyPool) -> sqlx::Result<HashMap<String, Last>> {
    last(pool, None).await
}

/// When one runbook was last followed, and last proved.
pub async fn last_of(pool: &AnyPool, slug: &str) -> sqlx::Result<Last> {
    Ok(last(pool, Some(slug)).await?.remove(slug).unwrap_or_default())
}

async fn last(pool: &AnyPool, slug: Option<&str>) -> sqlx::Result<HashMap<String, Last>> {
    let only = if slug.is_some() { "where r.slug = $1" } else { "" };
    let newest = |proved: &str| {
        format!(
            "select f.slug, f.version, f.at, f.actor, f.problem, d.number
            from runbooks r
            join followings f on f.id = (
                select n.id from followings n where n.slug = r.slug {proved} order by n.at desc, n.id desc limit 1)
            left join drills d on d.id = f.drill
            {only}"
        )
    };
    let mut all: HashMap<String, Last> = HashMap::new();
    for (proved, sql) in [(false, newest("")), (true, newest("and n.proved_at is not null"))] {
        let mut query = sqlx::query(AssertSqlSafe(sql));
        if let Some(slug) = slug {
            query = query.bind(slug.to_owned());
        }
        for row in query.fetch_all(pool).await? {
            let (slug, followed) = followed(&row);
            let last = all.entry(slug).or_default();
            *(if proved { &mut last.1 } else { &mut last.0 }) = Some(followed);
        }
    }
    Ok(all)
}

/// The version in which somebody last ticked a step of a runbook, and when.
pub async fn last_by(pool: &AnyPool, slug: &str, actor: &str) -> sqlx::Result<Option<(i64, Moment)>> {
    let row: Option<(i64, i64)> = sqlx::query_as(
        "select version, at from acts where slug = $1 and actor = $2 and act = 'ticked' order by id desc limit 1",
    )
    .bind(slug)
    .bind(actor)
    .fetch_optional(pool)
    .await?;
    Ok(row.map(|(version, at)| (version, Moment::from_millis(at))))
}
