//! Checks: the newest run of each that is told without run ids.

use std::collections::HashMap;

use app::model::moment::Moment;
use app::model::signal::CheckRun;
use sqlx::Row;

use crate::db::{Tx, read_rows, write_rows};

/// Those checks that are known, of the ones asked for.
pub async fn by_names(tx: &mut Tx, names: &[&str]) -> sqlx::Result<HashMap<String, CheckRun>> {
    let head = "with wanted (name) as (values";
    let tail = ") select distinct c.name, c.run, c.started_at, c.ended_at
        from wanted join checks as c on c.name = wanted.name";
    let rows = read_rows(tx, head, 1, tail, names, |query, name| query.bind(*name)).await?;
    let moment = |at: Option<i64>| at.map(Moment::from_millis);
    let one = |row: &sqlx::any::AnyRow| {
        (row.get(0), CheckRun { run: row.get(1), started_at: moment(row.get(2)), ended_at: moment(row.get(3)) })
    };
    Ok(rows.iter().map(one).collect())
}

/// Writes checks, new or known.
pub async fn put(tx: &mut Tx, checks: &[(String, CheckRun)]) -> sqlx::Result<()> {
    let head = "insert into checks (name, run, started_at, ended_at) values";
    let tail = "on conflict (name) do update set
        run = excluded.run, started_at = excluded.started_at, ended_at = excluded.ended_at";
    write_rows(tx, head, 4, tail, checks, |query, (name, check)| {
        query
            .bind(name.as_str())
            .bind(check.run.as_str())
            .bind(check.started_at.map(Moment::millis))
            .bind(check.ended_at.map(Moment::millis))
    })
    .await
}
