//! Records: the newest of each thing in each system, and where two systems say different things of it.

use std::collections::HashMap;

use app::model::agreement::{Disagreement, Lasting};
use app::model::event::Sequence;
use app::model::moment::Moment;
use app::model::record::Kept;
use app::model::subject::Subject;
use sqlx::{AnyPool, AssertSqlSafe, Row};

use crate::db::{Tx, read_rows, write_rows};

/// The most disagreements of one comparison that are counted.
const MOST_COUNTED: i64 = 10_000;

/// How many of them are named.
const MOST_NAMED: i64 = 5;

const COLUMNS: &str =
    "records.subject, records.system, records.as_of, records.version, records.fields, records.heard_at";

fn kept(row: &sqlx::any::AnyRow) -> Option<Kept> {
    let (subject, fields): (String, String) = (row.get(0), row.get(4));
    match serde_json::from_str(&fields) {
        Ok(fields) => Some(Kept {
            subject: Subject::of(&subject),
            system: row.get(1),
            as_of: Moment::from_millis(row.get(2)),
            version: row.get::<Option<String>, _>(3).as_deref().map(Sequence::of),
            fields,
            heard_at: Moment::from_millis(row.get(5)),
        }),
        Err(error) => {
            tracing::error!(%error, subject, "a stored record cannot be read");
            None
        }
    }
}

/// Everything that systems hold of these things.
pub async fn of_subjects(tx: &mut Tx, subjects: &[&str]) -> sqlx::Result<Vec<Kept>> {
    let head = "with wanted (subject) as (values";
    let tail = format!(") select distinct {COLUMNS} from wanted join records on records.subject = wanted.subject");
    let rows = read_rows(tx, head, 1, tail, subjects, |query, subject| query.bind(*subject)).await?;
    Ok(rows.iter().filter_map(kept).collect())
}

/// What systems hold of one thing, by system.
pub async fn of_subject(pool: &AnyPool, subject: &Subject) -> sqlx::Result<Vec<Kept>> {
    let sql = format!("select {COLUMNS} from records where subject = $1 order by system");
    let rows = sqlx::query(AssertSqlSafe(sql)).bind(subject.text()).fetch_all(pool).await?;
    Ok(rows.iter().filter_map(kept).collect())
}

/// Writes records, new or in the place of older ones.
pub async fn put(tx: &mut Tx, records: &[&Kept]) -> sqlx::Result<()> {
    let head = "insert into records (subject, system, type, as_of, version, fields, heard_at) values";
    let tail = "on conflict (subject, system) do update set
        as_of = excluded.as_of, version = excluded.version, fields = excluded.fields, heard_at = excluded.heard_at";
    write_rows(tx, head, 7, tail, records, |query, r| {
        // The fields are plain data: writing them as JSON cannot fail.
        let fields = serde_json::to_string(&r.fields).unwrap_or_default();
        query
            .bind(r.subject.text())
            .bind(r.system.as_str())
            .bind(r.subject.kind())
            .bind(r.as_of.millis())
            .bind(r.version.as_ref().map(Sequence::text))
            .bind(fields)
            .bind(r.heard_at.millis())
    })
    .await
}

/// Keeps what systems held until newer records took their place, each with when that was.
pub async fn keep_former(tx: &mut Tx, records: &[(Kept, Moment)]) -> sqlx::Result<()> {
    let head = "insert into former_records (subject, system, as_of, version, fields, heard_at, until_at) values";
    write_rows(tx, head, 7, "on conflict do nothing", records, |query, (r, until)| {
        // The fields are plain data: writing them as JSON cannot fail.
        let fields = serde_json::to_string(&r.fields).unwrap_or_default();
        query
            .bind(r.subject.text())
            .bind(r.system.as_str())
            .bind(r.as_of.millis())
            .bind(r.version.as_ref().map(Sequence::text))
            .bind(fields)
            .bind(r.heard_at.millis())
            .bind(until.millis())
    })
    .await
}

/// Everything that systems held of one thing and that had been heard by a moment, in the order in which it was heard.
pub async fn history(pool: &AnyPool, subject: &Subject, by: Moment) -> sqlx::Result<Vec<Kept>> {
    let rows = sqlx::query(
        "select subject, system, as_of, version, fields, heard_at
        from records
        where subject = $1 and heard_at <= $2
        union all
        select subject, system, as_of, version, fields, heard_at
        from former_records
        where subject = $1 and heard_at <= $2
        order by heard_at, as_of, system",
    )
    .bind(subject.text())
    .bind(by.millis())
    .fetch_all(pool)
    .await?;
    Ok(rows.iter().filter_map(kept).collect())
}

/// When a thing was first told of by any system.
pub async fn heard_at(pool: &AnyPool, subject: &Subject) -> sqlx::Result<Option<Moment>> {
    let (first,): (Option<i64>,) = sqlx::query_as(
        "select min(heard_at)
        from (
            select heard_at from records where subject = $1
            union all
            select heard_at from former_records where subject = $1
        ) r",
    )
    .bind(subject.text())
    .fetch_one(pool)
    .await?;
    Ok(first.map(Moment::from_millis))
}

/// The things of a type that any system holds, after `after`, in some order that stays.
pub async fn subjects_of_type(tx: &mut Tx, kind: &str, after: &str, most: i64) -> sqlx::Result<Vec<String>> {
    let rows: Vec<(String,)> = sqlx::query_as(
        "select distinct subject
        from records
        where type = $1 and subject > $2
        order by subject
        limit $3",
    )
    .bind(kind)
    .bind(after)
    .bind(most)
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|(subject,)| subject).collect())
}

fn disagreement(row: &sqlx::any::AnyRow) -> (String, Disagreement) {
    let found = Disagreement {
        workflow: row.get(1),
        pair: row.get(2),
        field: row.get(3),
        since: Moment::from_millis(row.get(4)),
    };
    (row.get(0), found)
}

/// Where systems say different things of these things now, by subject.
pub async fn disagreements_of_subjects(
    tx: &mut Tx,
    subjects: &[&str],
) -> sqlx::Result<HashMap<String, Vec<Disagreement>>> {
    let head = "with wanted (subject) as (values";
    let tail = ") select distinct d.subject, d.workflow, d.pair, d.field, d.since
        from wanted join disagreements d on d.subject = wanted.subject";
    let rows = read_rows(tx, head, 1, tail, subjects, |query, subject| query.bind(*subject)).await?;
    let mut found: HashMap<String, Vec<Disagreement>> = HashMap::new();
    for (subject, one) in rows.iter().map(disagreement) {
        found.entry(subject).or_default().push(one);
    }
    Ok(found)
}

/// Where systems say different things of one thing now, the oldest first.
pub async fn disagreements_of(pool: &AnyPool, subject: &Subject) -> sqlx::Result<Vec<Disagreement>> {
    let rows = sqlx::query(
        "select subject, workflow, pair, field, since
        from disagreements
        where subject = $1
        order by since, pair, field, workflow",
    )
    .bind(subject.text())
    .fetch_all(pool)
    .await?;
    Ok(rows.iter().map(|row| disagreement(row).1).collect())
}

/// Ends every disagreement about these things. By subject alone: SQLite searches an index for single values.
pub async fn end_disagreements(tx: &mut Tx, subjects: &[&str]) -> sqlx::Result<()> {
    let head = "delete from disagreements where subject in (values";
    write_rows(tx, head, 1, ")", subjects, |query, subject| query.bind(*subject)).await
}

/// Ends every disagreement of a workflow about things that are not of this type; with none, all of them.
pub async fn end_disagreements_but(tx: &mut Tx, workflow: &str, kind: Option<&str>) -> sqlx::Result<()> {
    sqlx::query(
        "delete from disagreements
        where workflow = $1
            and subject not in (select subject from records where type = $2)",
    )
    .bind(workflow)
    .bind(kind.unwrap_or(""))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Begins disagreements: (subject, disagreement).
pub async fn begin_disagreements(tx: &mut Tx, begun: &[(&str, Disagreement)]) -> sqlx::Result<()> {
    let head = "insert into disagreements (subject, workflow, pair, field, since) values";
    write_rows(tx, head, 5, "", begun, |query, (subject, d)| {
        query
            .bind(*subject)
            .bind(d.workflow.as_str())
            .bind(d.pair.as_str())
            .bind(d.field.as_str())
            .bind(d.since.millis())
    })
    .await
}

/// The disagreements of one comparison that began at `until` or before; none when there is none.
pub async fn lasting(
    pool: &AnyPool,
    workflow: &str,
    pair: &str,
    field: &str,
    until: Moment,
) -> sqlx::Result<Option<Lasting>> {
    let oldest: Vec<(String, i64)> = sqlx::query_as(
        "select subject, since
        from disagreements
        where workflow = $1 and pair = $2 and field = $3 and since <= $4
        order by since, subject
        limit $5",
    )
    .bind(workflow)
    .bind(pair)
    .bind(field)
    .bind(until.millis())
    .bind(MOST_NAMED)
    .fetch_all(pool)
    .await?;
    let Some((_, first)) = oldest.first() else { return Ok(None) };
    let oldest_at = Moment::from_millis(*first);
    let mut count = oldest.len() as i64;
    if count == MOST_NAMED {
        (count,) = sqlx::query_as(
            "select count(*)
            from (
                select 1
                from disagreements
                where workflow = $1 and pair = $2 and field = $3 and since <= $4
                limit $5
            ) counted",
        )
        .bind(workflow)
        .bind(pair)
        .bind(field)
        .bind(until.millis())
        .bind(MOST_COUNTED)
        .fetch_one(pool)
        .await?;
    }
    let subjects = oldest.into_iter().map(|(subject, _)| subject).collect();
    Ok(Some(Lasting { count, more: count == MOST_COUNTED, oldest: oldest_at, subjects }))
}
