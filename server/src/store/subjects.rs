//! Subjects: which runs have something in common, and which types of subjects were heard of.

use std::collections::BTreeSet;

use app::model::moment::Moment;
use app::model::subject::{Link, Member};
use sqlx::{AnyPool, AssertSqlSafe, Row};

use crate::db::{Tx, write_rows};

/// The most types that a bare key is looked for under.
const MOST_TYPES: i64 = 100;

fn column(link: &Link) -> (&'static str, &str) {
    match link {
        Link::Subject(value) => ("subject", value),
        Link::Correlation(value) => ("correlation", value),
        Link::Trace(value) => ("trace", value),
    }
}

/// The newest runs that have this in common, at most `most`.
pub async fn members(tx: &mut Tx, link: &Link, most: i64) -> sqlx::Result<Vec<Member>> {
    let (column, value) = column(link);
    let sql = format!(
        "select run_key, subject, correlation, trace
        from runs
        where {column} = $1
        order by run_key desc
        limit $2"
    );
    let rows = sqlx::query(AssertSqlSafe(sql)).bind(value).bind(most).fetch_all(&mut **tx).await?;
    let member = |row: &sqlx::any::AnyRow| Member {
        run_key: row.get(0),
        subject: row.get(1),
        correlation: row.get(2),
        trace: row.get(3),
    };
    Ok(rows.iter().map(member).collect())
}

/// Keeps what joined runs to others until a moment: (kind, value, run key).
pub async fn keep_former(tx: &mut Tx, links: &[(&'static str, String, i64)], until: Moment) -> sqlx::Result<()> {
    let head = "insert into former_links (kind, value, run_key, until_at) values";
    write_rows(tx, head, 4, "on conflict do nothing", links, |query, (kind, value, run_key)| {
        query.bind(*kind).bind(value.as_str()).bind(*run_key).bind(until.millis())
    })
    .await
}

/// The newest runs that may have had this in common at a moment, at most `most`: those that had been heard of by then
/// and have it now, or had it until later.
pub async fn members_by(pool: &AnyPool, link: &Link, by: Moment, most: i64) -> sqlx::Result<Vec<i64>> {
    let (column, value) = column(link);
    let heard = "exists (select 1 from events e where e.run_key = r.run_key and e.received_at <= $2)";
    let have =
        format!("select r.run_key from runs r where r.{column} = $1 and {heard} order by r.run_key desc limit $3");
    let had = format!(
        "select r.run_key
        from former_links r
        where r.kind = '{column}' and r.value = $1 and r.until_at > $2 and {heard}
        order by r.run_key desc
        limit $3"
    );
    let mut keys = BTreeSet::new();
    for sql in [have, had] {
        let query = sqlx::query_as(AssertSqlSafe(sql)).bind(value).bind(by.millis()).bind(most);
        let rows: Vec<(i64,)> = query.fetch_all(pool).await?;
        keys.extend(rows.into_iter().map(|(key,)| key));
    }
    Ok(keys.into_iter().rev().take(usize::try_from(most).unwrap_or_default()).collect())
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
