//! Reports: what people said looks wrong, on which run or subject, and who has seen it.

use app::model::moment::Moment;
use app::model::report::Report;
use sqlx::{AnyPool, AssertSqlSafe, Row};

use crate::db::Tx;

/// A report to be kept.
#[derive(Debug, Clone)]
pub struct NewReport<'a> {
    /// The run it is said of: workflow and id.
    pub run: Option<(&'a str, &'a str)>,
    /// The subject it is said of, or that the run is about.
    pub subject: Option<&'a str>,
    /// What is said.
    pub words: &'a str,
    /// Who says it.
    pub said_by: &'a str,
    /// When.
    pub said_at: Moment,
}

const COLUMNS: &str = "id, workflow, run, subject, words, said_by, said_at, seen_by, seen_at";

fn report(row: &sqlx::any::AnyRow) -> Report {
    Report {
        id: row.get(0),
        workflow: row.get(1),
        run: row.get(2),
        subject: row.get(3),
        text: row.get(4),
        by: row.get(5),
        at: Moment::from_millis(row.get(6)),
        seen_by: row.get(7),
        seen_at: row.get::<Option<i64>, _>(8).map(Moment::from_millis),
    }
}

/// Keeps a report and gives its id. The caller holds the turn to write.
pub async fn append(tx: &mut Tx, new: &NewReport<'_>) -> sqlx::Result<i64> {
    let (id,) = sqlx::query_as(
        "insert into reports (id, workflow, run, subject, words, said_by, said_at)
        values ((select coalesce(max(id), 0) + 1 from reports), $1, $2, $3, $4, $5, $6)
        returning id",
    )
    .bind(new.run.map(|(workflow, _)| workflow))
    .bind(new.run.map(|(_, run)| run))
    .bind(new.subject)
    .bind(new.words)
    .bind(new.said_by)
    .bind(new.said_at.millis())
    .fetch_one(&mut **tx)
    .await?;
    Ok(id)
}

/// One report.
pub async fn find(tx: &mut Tx, id: i64) -> sqlx::Result<Option<Report>> {
    let sql = format!("select {COLUMNS} from reports where id = $1");
    let row = sqlx::query(AssertSqlSafe(sql)).bind(id).fetch_optional(&mut **tx).await?;
    Ok(row.as_ref().map(report))
}

/// Keeps that somebody has seen a report, if nobody had.
pub async fn see(tx: &mut Tx, id: i64, by: &str, at: Moment) -> sqlx::Result<()> {
    sqlx::query("update reports set seen_by = $1, seen_at = $2 where id = $3 and seen_at is null")
        .bind(by)
        .bind(at.millis())
        .bind(id)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// The newest reports that nobody has seen, newest first.
pub async fn newest_open(pool: &AnyPool, most: i64) -> sqlx::Result<Vec<Report>> {
    let sql = format!("select {COLUMNS} from reports where seen_at is null order by id desc limit $1");
    let rows = sqlx::query(AssertSqlSafe(sql)).bind(most).fetch_all(pool).await?;
    Ok(rows.iter().map(report).collect())
}

/// The newest reports on one run that had been said by a moment, newest first.
pub async fn of_run(pool: &AnyPool, workflow: &str, run: &str, by: Moment, most: i64) -> sqlx::Result<Vec<Report>> {
    let sql = format!(
        "select {COLUMNS} from reports where workflow = $1 and run = $2 and said_at <= $3 order by id desc limit $4"
    );
    let query = sqlx::query(AssertSqlSafe(sql)).bind(workflow).bind(run).bind(by.millis()).bind(most);
    Ok(query.fetch_all(pool).await?.iter().map(report).collect())
}

/// The newest reports on a subject or on a run about it that had been said by a moment, newest first.
pub async fn of_subject(pool: &AnyPool, subject: &str, by: Moment, most: i64) -> sqlx::Result<Vec<Report>> {
    let sql = format!("select {COLUMNS} from reports where subject = $1 and said_at <= $2 order by id desc limit $3");
    let rows = sqlx::query(AssertSqlSafe(sql)).bind(subject).bind(by.millis()).bind(most).fetch_all(pool).await?;
    Ok(rows.iter().map(report).collect())
}

/// When a subject was first spoken of.
pub async fn said_at(pool: &AnyPool, subject: &str) -> sqlx::Result<Option<Moment>> {
    let (first,): (Option<i64>,) =
        sqlx::query_as("select min(said_at) from reports where subject = $1").bind(subject).fetch_one(pool).await?;
    Ok(first.map(Moment::from_millis))
}
