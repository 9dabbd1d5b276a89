//! Problems: what needs a person or may soon, what people did about it, and how it ended.

use app::model::moment::Moment;
use app::model::problem::{Counts, Ended, Family, Helpless, How, Kind, Problem, Where};
use app::model::status::State;
use sqlx::{AnyPool, AssertSqlSafe, Row};

use crate::db::{Tx, read_rows, write_rows};

const COLUMNS: &str = "problems.id, problems.family, problems.place, problems.cause, problems.kind, problems.state,
    problems.name, problems.unit, problems.since, problems.raised_at, problems.failed, problems.partial,
    problems.stuck, problems.retrying, problems.trying, problems.most, problems.error, problems.sentence,
    problems.next, problems.subjects, problems.helpless, problems.owner, problems.owned_at, problems.ended_at,
    problems.ended, problems.ended_by, problems.ended_why";

fn problem(row: &sqlx::any::AnyRow) -> Problem {
    let moment = |at: Option<i64>| at.map(Moment::from_millis);
    let place: &str = row.get(2);
    let subjects: &str = row.get(19);
    Problem {
        id: row.get(0),
        family: Family::parse(row.get(1)).unwrap_or(Family::Runs),
        place: Where::parse(place).unwrap_or_else(|| Where::Workflow(place.to_owned())),
        cause: row.get(3),
        kind: Kind::parse(row.get(4)).unwrap_or(Kind::Failed),
        state: State::parse(row.get(5)).unwrap_or(State::NoSignal),
        name: row.get(6),
        unit: row.get(7),
        since: Moment::from_millis(row.get(8)),
        raised_at: moment(row.get(9)),
        counts: Counts {
            failed: row.get(10),
            partial: row.get(11),
            stuck: row.get(12),
            retrying: row.get(13),
            trying: row.get(14),
        },
        most: row.get(15),
        error: row.get(16),
        sentence: row.get(17),
        next: row.get(18),
        subjects: serde_json::from_str(subjects).unwrap_or_default(),
        helpless: row.get::<Option<&str>, _>(20).and_then(Helpless::parse),
        owner: row.get::<Option<String>, _>(21).zip(moment(row.get(22))),
        announced: match row.get::<Option<i64>, _>(23) {
            None => row.get::<Option<String>, _>(25).zip(row.get(26)),
            Some(_) => None,
        },
        ended: moment(row.get(23)).map(|at| Ended {
            at,
            how: row.get::<Option<&str>, _>(24).and_then(How::parse).unwrap_or(How::Continued),
            by: row.get(25),
            why: row.get::<Option<String>, _>(26).unwrap_or_default(),
        }),
    }
}

/// The open sums of watches at these (place, cause).
pub async fn open_sums(tx: &mut Tx, keys: &[(String, String)]) -> sqlx::Result<Vec<Problem>> {
    let head = "with wanted (place, cause) as (values";
    let tail = format!(
        ") select distinct {COLUMNS} from wanted
        join problems on problems.place = wanted.place and problems.cause = wanted.cause
            and problems.family = 'runs' and problems.ended_at is null"
    );
    let rows =
        read_rows(tx, head, 2, tail, keys, |query, (place, cause)| query.bind(place.as_str()).bind(cause.as_str()))
            .await?;
    Ok(rows.iter().map(problem).collect())
}

/// The open problems that judges claimed.
pub async fn open_claims(from: impl sqlx::Executor<'_, Database = sqlx::Any>) -> sqlx::Result<Vec<Problem>> {
    let sql = format!("select {COLUMNS} from problems where ended_at is null and family <> 'runs'");
    let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(from).await?;
    Ok(rows.iter().map(problem).collect())
}

/// The greatest number given out. The caller holds the turn to write.
pub async fn newest_id(tx: &mut Tx) -> sqlx::Result<i64> {
    let (id,) = sqlx::query_as("select coalesce(max(id), 0) from problems").fetch_one(&mut **tx).await?;
    Ok(id)
}

/// Writes problems, new or known. What people set (the owner) is not written here.
pub async fn put(tx: &mut Tx, problems: &[Problem]) -> sqlx::Result<()> {
    let head = "insert into problems (id, family, place, workflow, step, cause, kind, state, name, unit, since, raised_at, failed, partial, stuck, retrying, trying, most, error, sentence, next, subjects, helpless, ended_at, ended, ended_by, ended_why) values";
    let tail = "on conflict (id) do update set
        kind = excluded.kind, state = excluded.state, since = excluded.since, raised_at = excluded.raised_at,
        failed = excluded.failed, partial = excluded.partial, stuck = excluded.stuck, retrying = excluded.retrying,
        trying = excluded.trying, most = excluded.most, error = excluded.error, sentence = excluded.sentence,
        next = excluded.next, subjects = excluded.subjects, helpless = excluded.helpless,
        ended_at = excluded.ended_at, ended = excluded.ended, ended_by = excluded.ended_by,
        ended_why = excluded.ended_why";
    write_rows(tx, head, 27, tail, problems, |query, p| {
        query
            .bind(p.id)
            .bind(p.family.name())
            .bind(p.place.to_string())
            .bind(p.place.workflow())
            .bind(p.place.step())
            .bind(p.cause.as_str())
            .bind(p.kind.name())
            .bind(p.state.name())
            .bind(p.name.as_str())
            .bind(p.unit.as_str())
            .bind(p.since.millis())
            .bind(p.raised_at.map(Moment::millis))
            .bind(p.counts.failed)
            .bind(p.counts.partial)
            .bind(p.counts.stuck)
            .bind(p.counts.retrying)
            .bind(p.counts.trying)
            .bind(p.most)
            .bind(p.error.as_str())
            .bind(p.sentence.as_str())
            .bind(p.next.as_deref())
            // A list of texts: writing it as JSON cannot fail.
            .bind(serde_json::to_string(&p.subjects).unwrap_or_default())
            .bind(p.helpless.map(Helpless::name))
            .bind(p.ended.as_ref().map(|e| e.at.millis()))
            .bind(p.ended.as_ref().map(|e| e.how.name()))
            .bind(match &p.ended {
                Some(ended) => ended.by.as_deref(),
                None => p.announced.as_ref().map(|(by, _)| by.as_str()),
            })
            .bind(match &p.ended {
                Some(ended) => Some(ended.why.as_str()),
                None => p.announced.as_ref().map(|(_, why)| why.as_str()),
            })
    })
    .await
}

/// Forgets what never became a problem.
pub async fn forget(tx: &mut Tx, ids: &[i64]) -> sqlx::Result<()> {
    write_rows(tx, "delete from problems where id in (values", 1, ")", ids, |query, id| query.bind(*id)).await
}

/// Every open problem, and with them what is only the first tries of a policy.
pub async fn open(pool: &AnyPool) -> sqlx::Result<Vec<Problem>> {
    let sql = format!("select {COLUMNS} from problems where ended_at is null order by since, id");
    Ok(sqlx::query(AssertSqlSafe(sql)).fetch_all(pool).await?.iter().map(problem).collect())
}

/// The problems of any kind that were known at a moment for having no signal.
pub async fn without_signal_at(pool: &AnyPool, at: Moment) -> sqlx::Result<Vec<Problem>> {
    let sql = format!(
        "select {COLUMNS} from problems
        where state = 'no_signal' and raised_at <= $1 and (ended_at is null or ended_at > $1)
        order by since, id"
    );
    Ok(sqlx::query(AssertSqlSafe(sql)).bind(at.millis()).fetch_all(pool).await?.iter().map(problem).collect())
}

/// One problem.
pub async fn find(pool: &AnyPool, id: i64) -> sqlx::Result<Option<Problem>> {
    let sql = format!("select {COLUMNS} from problems where id = $1");
    Ok(sqlx::query(AssertSqlSafe(sql)).bind(id).fetch_optional(pool).await?.as_ref().map(problem))
}

/// One problem, in a transaction that is going to change it.
pub async fn find_in(tx: &mut Tx, id: i64) -> sqlx::Result<Option<Problem>> {
    let sql = format!("select {COLUMNS} from problems where id = $1");
    Ok(sqlx::query(AssertSqlSafe(sql)).bind(id).fetch_optional(&mut **tx).await?.as_ref().map(problem))
}

/// Problems that ended before (`before`, `id`), newest first; of one workflow where one is named.
pub async fn ended(
    pool: &AnyPool,
    workflow: Option<&str>,
    before: (Moment, i64),
    most: i64,
) -> sqlx::Result<Vec<Problem>> {
    let of = if workflow.is_some() { "and workflow = $4" } else { "" };
    let sql = format!(
        "select {COLUMNS} from problems
        where ended_at is not null and raised_at is not null and (ended_at, id) < ($1, $2) {of}
        order by ended_at desc, id desc
        limit $3"
    );
    let mut query = sqlx::query(AssertSqlSafe(sql)).bind(before.0.millis()).bind(before.1).bind(most);
    if let Some(workflow) = workflow {
        query = query.bind(workflow);
    }
    Ok(query.fetch_all(pool).await?.iter().map(problem).collect())
}

/// The problems that lie in a workflow and were open at any time between two moments, the newest `most` of those that
/// have ended.
pub async fn of_workflow_in(
    pool: &AnyPool,
    workflow: &str,
    from: Moment,
    to: Moment,
    most: i64,
) -> sqlx::Result<Vec<Problem>> {
    let open = format!(
        "select {COLUMNS} from problems
        where workflow = $1 and ended_at is null and raised_at <= $2
        order by raised_at desc, id desc
        limit $3"
    );
    let ended = format!(
        "select {COLUMNS} from problems
        where workflow = $1 and ended_at is not null and ended_at >= $4 and raised_at <= $2
        order by ended_at desc, id desc
        limit $3"
    );
    let query = |sql: String| sqlx::query(AssertSqlSafe(sql)).bind(workflow.to_owned()).bind(to.millis()).bind(most);
    let mut rows = query(open).fetch_all(pool).await?;
    rows.extend(query(ended).bind(from.millis()).fetch_all(pool).await?);
    Ok(rows.iter().map(problem).collect())
}

/// How many there are of [`of_workflow_in`].
pub async fn count_of_workflow_in(pool: &AnyPool, workflow: &str, from: Moment, to: Moment) -> sqlx::Result<i64> {
    let (many,): (i64,) = sqlx::query_as(
        "select cast(count(*) as bigint) from (
            select id from problems where workflow = $1 and ended_at is null and raised_at <= $2
            union all
            select id from problems where workflow = $1 and ended_at is not null and ended_at >= $3 and raised_at <= $2
        ) as known",
    )
    .bind(workflow.to_owned())
    .bind(to.millis())
    .bind(from.millis())
    .fetch_one(pool)
    .await?;
    Ok(many)
}

/// Makes somebody the owner, or nobody.
pub async fn set_owner(tx: &mut Tx, id: i64, owner: Option<(&str, Moment)>) -> sqlx::Result<()> {
    sqlx::query("update problems set owner = $1, owned_at = $2 where id = $3")
        .bind(owner.map(|(name, _)| name))
        .bind(owner.map(|(_, at)| at.millis()))
        .bind(id)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Says who is ending a problem and why, before what it is about goes away: then it has ended by that person.
pub async fn announce_end(tx: &mut Tx, id: i64, by: &str, why: &str) -> sqlx::Result<()> {
    sqlx::query("update problems set ended_by = $1, ended_why = $2 where id = $3 and ended_at is null")
        .bind(by)
        .bind(why)
        .bind(id)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Counts how problems ended: (workflow, day since 1970, how, number). `how` is `by_itself` or why it was not.
pub async fn add_recoveries(tx: &mut Tx, rows: &[(String, i64, String, i64)]) -> sqlx::Result<()> {
    let head = "insert into recovery_tallies as t (workflow, day, how, problems) values";
    let tail = "on conflict (workflow, day, how) do update set problems = t.problems + excluded.problems";
    write_rows(tx, head, 4, tail, rows, |query, (workflow, day, how, n)| {
        query.bind(workflow.as_str()).bind(*day).bind(how.as_str()).bind(*n)
    })
    .await
}

/// How problems of a workflow ended since a day: (how, number).
pub async fn recoveries(pool: &AnyPool, workflow: &str, since_day: i64) -> sqlx::Result<Vec<(String, i64)>> {
    sqlx::query_as(
        "select how, cast(sum(problems) as bigint)
        from recovery_tallies
        where workflow = $1 and day >= $2
        group by how
        order by how",
    )
    .bind(workflow)
    .bind(since_day)
    .fetch_all(pool)
    .await
}
