//! Subjects: which runs have something in common, and which types of subjects were heard of.

use app::model::subject::{Link, Member};
use sqlx::{AnyPool, AssertSqlSafe, Row};

use crate::db::{Tx, write_rows};

/// The most types that a bare key is looked for under.
const MOST_TYPES: i64 = 100;

/// The newest runs that have this in common, at most `most`.
pub async fn members(tx: &mut Tx, link: &Link, most: i64) -> sqlx::Result<Vec<Member>> {
    let (column, value) = match link {
        Link::Subject(value) => ("subject", value),
        Link::Correlation(value) => ("correlation", value),
        Link::Trace(value) => ("trace", value),
    };
    let sql = format!(
        "select run_key, subject, correlation, trace
        from runs
        where {column} = $1
        order by run_key desc
        limit $2"
    );
    let rows = sqlx::query(AssertSqlSafe(sql)).bind(value.as_str()).bind(most).fetch_all(&mut **tx).await?;
    let member = |row: &sqlx::any::AnyRow| Member {
        run_key: row.get(0),
        subject: row.get(1),
        correlation: row.get(2),
        trace: row.get(3),
    };
    Ok(rows.iter().map(member).collect())
}

/// Keeps that these types of subjects were heard of.
pub async fn put_types(tx: &mut Tx, types: &[String]) -> sqlx::Result<()> {
    let head = "insert into subject_types (type) values";
    write_rows(tx, head, 1, "on conflict (type) do nothing", types, |query, kind| query.bind(kind.as_str())).await
}

/// The types of subjects that were heard of and that the book did not declare then, at most 100.
pub async fn types(pool: &AnyPool) -> sqlx::Result<Vec<String>> {
    let rows: Vec<(String,)> = sqlx::query_as("select type from subject_types order by type limit $1")
        .bind(MOST_TYPES)
        .fetch_all(pool)
        .await?;
    Ok(rows.into_iter().map(|(kind,)| kind).collect())
}
