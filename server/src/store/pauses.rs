//! Pauses: each one ever set. Whether one is in force follows from its times and is not stored.

use app::model::moment::Moment;
use app::model::pause::Pause;
use app::model::problem::Where;
use sqlx::{AnyPool, AssertSqlSafe};

use crate::db::Tx;

const COLUMNS: &str = "id, target, reason, set_by, from_at, until_at, ended_at, ended_by";

type PauseRow = (i64, String, String, String, i64, i64, Option<i64>, Option<String>);

fn pause((id, target, reason, by, from, until, ended_at, ended_by): PauseRow) -> Option<Pause> {
    let Some(target) = Where::parse(&target) else {
        tracing::error!(id, target, "a stored pause cannot be read");
        return None;
    };
    let moment = Moment::from_millis;
    let ended = ended_at.map(|at| (moment(at), ended_by.unwrap_or_default()));
    Some(Pause { id, target, reason, by, from: moment(from), until: moment(until), ended })
}

/// The pauses whose time ends after a moment, oldest first: those in force, and those that ended since.
pub async fn ending_after(pool: &AnyPool, at: Moment) -> sqlx::Result<Vec<Pause>> {
    let sql = format!("select {COLUMNS} from pauses where until_at > $1 order by id");
    let rows: Vec<PauseRow> = sqlx::query_as(AssertSqlSafe(sql)).bind(at.millis()).fetch_all(pool).await?;
    Ok(rows.into_iter().filter_map(pause).collect())
}

/// The pauses as they were known at a moment: those that had been set by then and whose time ends after `since`. That one
/// was ended later was not known.
pub async fn known_at(pool: &AnyPool, since: Moment, at: Moment) -> sqlx::Result<Vec<Pause>> {
    let sql = format!("select {COLUMNS} from pauses where until_at > $1 and from_at <= $2 order by id");
    let query = sqlx::query_as(AssertSqlSafe(sql)).bind(since.millis()).bind(at.millis());
    let rows: Vec<PauseRow> = query.fetch_all(pool).await?;
    Ok(rows.into_iter().filter_map(pause).map(|pause| known_by(pause, at)).collect())
}

fn known_by(pause: Pause, at: Moment) -> Pause {
    Pause { ended: pause.ended.filter(|(ended, _)| *ended <= at), ..pause }
}

/// The newest pauses that were set on the page of a workflow.
pub async fn of_workflow(pool: &AnyPool, workflow: &str, most: i64) -> sqlx::Result<Vec<Pause>> {
    let sql = format!("select {COLUMNS} from pauses where workflow = $1 order by id desc limit $2");
    let rows: Vec<PauseRow> = sqlx::query_as(AssertSqlSafe(sql)).bind(workflow).bind(most).fetch_all(pool).await?;
    Ok(rows.into_iter().filter_map(pause).collect())
}

/// The newest pauses of one target as they were known at a moment.
pub async fn of_target(pool: &AnyPool, target: &Where, at: Moment, most: i64) -> sqlx::Result<Vec<Pause>> {
    let sql = format!("select {COLUMNS} from pauses where target = $1 and from_at <= $2 order by id desc limit $3");
    let query = sqlx::query_as(AssertSqlSafe(sql)).bind(target.to_string()).bind(at.millis()).bind(most);
    let rows: Vec<PauseRow> = query.fetch_all(pool).await?;
    Ok(rows.into_iter().filter_map(pause).map(|pause| known_by(pause, at)).collect())
}

/// When the next pause ends by itself.
pub async fn next_end(pool: &AnyPool, now: Moment) -> sqlx::Result<Option<Moment>> {
    let row: Option<(i64,)> = sqlx::query_as(
        "select until_at from pauses where until_at > $1 and ended_at is null order by until_at limit 1",
    )
    .bind(now.millis())
    .fetch_optional(pool)
    .await?;
    Ok(row.map(|(until,)| Moment::from_millis(until)))
}

/// Writes a pause, set on the page of `workflow`; its own number is not looked at. The caller holds the turn to write
/// (`feed::take_turn`), so that numbers are in order of commits.
pub async fn append(tx: &mut Tx, workflow: &str, pause: &Pause) -> sqlx::Result<()> {
    sqlx::query(
        "insert into pauses (id, target, workflow, reason, set_by, from_at, until_at)
        values ((select coalesce(max(id), 0) + 1 from pauses), $1, $2, $3, $4, $5, $6)",
    )
    .bind(pause.target.to_string())
    .bind(workflow)
    .bind(pause.reason.as_str())
    .bind(pause.by.as_str())
    .bind(pause.from.millis())
    .bind(pause.until.millis())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Ends every pause of a target that is in force; gives how many those were.
pub async fn end(tx: &mut Tx, target: &Where, by: &str, now: Moment) -> sqlx::Result<u64> {
    let done = sqlx::query(
        "update pauses set ended_at = $1, ended_by = $2
        where target = $3 and ended_at is null and until_at > $1",
    )
    .bind(now.millis())
    .bind(by)
    .bind(target.to_string())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected())
}
