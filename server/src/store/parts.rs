//! Parts: the present values that documents may speak of, and every change of them.

use std::collections::HashMap;

use app::model::moment::Moment;
use app::model::reference::Reference;
use app::model::review::{Parts, Values};
use sqlx::any::AnyRow;
use sqlx::{Any, AnyPool, Executor, Row};

use crate::db::{Tx, read_rows, write_rows};

/// A change as it is stored.
#[derive(Debug, Clone, sqlx::FromRow)]
#[allow(missing_docs)]
pub struct ChangeRecord {
    pub reference: String,
    pub field: String,
    pub before_value: Option<String>,
    pub after_value: Option<String>,
    pub changed_at: i64,
    pub changed_by: String,
    pub link: Option<String>,
    pub origin: String,
    /// What is deployed since, word for word; none for every other change.
    pub deployed: Option<String>,
}

/// Every part with its present values, and since when each is known.
pub async fn all<'c>(db: impl Executor<'c, Database = Any>) -> sqlx::Result<Vec<(Reference, Values, Moment)>> {
    let rows: Vec<(String, String, i64)> =
        sqlx::query_as("select reference, fields, known_since from parts").fetch_all(db).await?;
    Ok(rows
        .into_iter()
        .filter_map(|(reference, fields, since)| {
            let reference = Reference::parse(&reference).ok()?;
            Some((reference, serde_json::from_str(&fields).ok()?, Moment::from_millis(since)))
        })
        .collect())
}

/// The present values of parts, and since when each has what is deployed of it; read in a writing transaction.
pub async fn of(tx: &mut Tx, references: &[&Reference]) -> sqlx::Result<HashMap<Reference, (Values, Option<Moment>)>> {
    let head = "with wanted (reference) as (values";
    let tail = ") select distinct parts.reference, parts.fields, parts.deployed_at
        from wanted join parts on parts.reference = wanted.reference";
    let rows = read_rows(tx, head, 1, tail, references, |query, reference| query.bind(reference.to_string())).await?;
    let part = |row: &AnyRow| {
        let reference = Reference::parse(row.get(0)).ok()?;
        let deployed_at = row.get::<Option<i64>, _>(2).map(Moment::from_millis);
        Some((reference, (serde_json::from_str(row.get(1)).ok()?, deployed_at)))
    };
    Ok(rows.iter().filter_map(part).collect())
}

/// Says since when parts have what is deployed of them; they must be there.
pub async fn put_deployed_at(tx: &mut Tx, parts: &[(&Reference, Moment)]) -> sqlx::Result<()> {
    let head = "with told (reference, at) as (values";
    let tail = ") update parts
        set deployed_at = (select max(told.at) from told where told.reference = parts.reference)
        where reference in (select told.reference from told)";
    write_rows(tx, head, 2, tail, parts, |query, (reference, at)| query.bind(reference.to_string()).bind(at.millis()))
        .await
}

/// Writes the present values of parts; `known_since` of a known one stays.
pub async fn put(tx: &mut Tx, parts: &Parts, now: Moment) -> sqlx::Result<()> {
    let rows: Vec<_> = parts.iter().collect();
    let head = "insert into parts (reference, fields, known_since) values";
    let tail = "on conflict (reference) do update set fields = excluded.fields";
    write_rows(tx, head, 3, tail, &rows, |query, (reference, values)| {
        // Values are text to text: writing them as JSON cannot fail.
        let fields = serde_json::to_string(values).unwrap_or_default();
        query.bind(reference.to_string()).bind(fields).bind(now.millis())
    })
    .await
}

/// Removes parts that the book no longer has.
pub async fn remove(tx: &mut Tx, gone: &[Reference]) -> sqlx::Result<()> {
    write_rows(tx, "delete from parts where (reference) in (values", 1, ")", gone, |query, reference| {
        query.bind(reference.to_string())
    })
    .await
}

/// Appends changes that were noticed at a moment. The caller holds the turn to write (`feed::take_turn`).
pub async fn append_changes(tx: &mut Tx, changes: &[ChangeRecord], noticed_at: Moment) -> sqlx::Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    let (newest,): (i64,) = sqlx::query_as("select coalesce(max(id), 0) from changes").fetch_one(&mut **tx).await?;
    let rows: Vec<(i64, &ChangeRecord)> = (newest + 1..).zip(changes).collect();
    let head = "insert into changes (id, reference, field, before_value, after_value, changed_at, changed_by, link, origin, deployed, noticed_at) values";
    write_rows(tx, head, 11, "", &rows, |query, (id, c)| {
        query
            .bind(*id)
            .bind(c.reference.as_str())
            .bind(c.field.as_str())
            .bind(c.before_value.as_deref())
            .bind(c.after_value.as_deref())
            .bind(c.changed_at)
            .bind(c.changed_by.as_str())
            .bind(c.link.as_deref())
            .bind(c.origin.as_str())
            .bind(c.deployed.as_deref())
            .bind(noticed_at.millis())
    })
    .await
}

const CHANGE: &str = "reference, field, before_value, after_value, changed_at, changed_by, link, origin, deployed";

/// The newest changes since a moment.
pub async fn changes_since(pool: &AnyPool, since: Moment, most: i64) -> sqlx::Result<Vec<ChangeRecord>> {
    let sql = format!("select {CHANGE} from changes where changed_at >= $1 order by changed_at desc, id desc limit $2");
    sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(since.millis()).bind(most).fetch_all(pool).await
}

/// The newest changes of one part that were noticed by a moment.
pub async fn changes_of(
    pool: &AnyPool,
    reference: &Reference,
    by: Moment,
    most: i64,
) -> sqlx::Result<Vec<ChangeRecord>> {
    let sql =
        format!("select {CHANGE} from changes where reference = $1 and noticed_at <= $2 order by id desc limit $3");
    let query = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(reference.to_string());
    query.bind(by.millis()).bind(most).fetch_all(pool).await
}

/// The changes after one, oldest first, with their ids.
pub async fn changes_after(pool: &AnyPool, after: i64, most: i64) -> sqlx::Result<Vec<(i64, ChangeRecord)>> {
    let sql = format!("select id, {CHANGE} from changes where id > $1 order by id limit $2");
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(after).bind(most).fetch_all(pool).await?;
    rows.iter()
        .map(|row| Ok((sqlx::Row::try_get(row, "id")?, <ChangeRecord as sqlx::FromRow<_>>::from_row(row)?)))
        .collect()
}

/// The newest change of each (part, field) that was noticed by a moment: what a flag names as its cause.
pub async fn newest_of_each(pool: &AnyPool, by: Moment) -> sqlx::Result<Vec<ChangeRecord>> {
    let sql = format!(
        "select {CHANGE} from changes
        where id in (select max(id) from changes where noticed_at <= $1 group by reference, field)"
    );
    sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(by.millis()).fetch_all(pool).await
}
