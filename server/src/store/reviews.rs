//! Reviews: what the last reviewer of each section saw, every answer ever given, and what follows from the answers.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use app::model::answer::{Answer as Said, SetAside, counted_as};
use app::model::moment::Moment;
use app::model::reference::Reference;
use app::model::review::Pin;
use sqlx::any::AnyRow;
use sqlx::{AnyPool, AssertSqlSafe, FromRow, Row};

use super::runbooks::Wanted;
use crate::db::Tx;

/// What a reviewer saw, as it is stored. It is read when more is asked than whether it is still so.
#[derive(Debug, Clone)]
pub struct Seen {
    json: String,
    pin: OnceLock<Option<Pin>>,
}

impl Seen {
    /// What was seen.
    pub fn new(pin: Pin) -> Self {
        // A pin is text to text: writing it as JSON cannot fail.
        Self { json: serde_json::to_string(&pin).unwrap_or_default(), pin: OnceLock::from(Some(pin)) }
    }

    fn stored(json: String) -> Self {
        Self { json, pin: OnceLock::new() }
    }

    /// As JSON.
    pub fn json(&self) -> &str {
        &self.json
    }
}

impl PartialEq for Seen {
    fn eq(&self, other: &Self) -> bool {
        self.json == other.json
    }
}

/// A pin as it is stored.
#[derive(Debug, Clone)]
pub struct PinRecord {
    /// The runbook.
    pub slug: String,
    /// The section's anchor.
    pub section: String,
    /// What was seen.
    pub seen: Seen,
    /// The version that was reviewed.
    pub version: i64,
    /// When.
    pub reviewed_at: Moment,
    /// By whom.
    pub reviewed_by: String,
}

impl PinRecord {
    /// What was seen, read; none if it cannot be.
    pub fn pin(&self) -> Option<&Pin> {
        let Self { slug, section, .. } = self;
        let unread =
            |error: &serde_json::Error| tracing::error!(%error, slug, section, "a stored review cannot be read");
        self.seen.pin.get_or_init(|| serde_json::from_str(&self.seen.json).inspect_err(unread).ok()).as_ref()
    }
}

const PIN: &str = "slug, section, seen, version, reviewed_at, reviewed_by";

type PinRow = (String, String, String, i64, i64, String);

fn record((slug, section, seen, version, reviewed_at, reviewed_by): PinRow) -> PinRecord {
    let seen = Seen::stored(seen);
    PinRecord { slug, section, seen, version, reviewed_at: Moment::from_millis(reviewed_at), reviewed_by }
}

/// The number of the newest answer; pins and what single reviewers saw change with an answer alone.
pub async fn newest(tx: &mut Tx) -> sqlx::Result<i64> {
    let (id,): (i64,) = sqlx::query_as("select coalesce(max(id), 0) from reviews").fetch_one(&mut **tx).await?;
    Ok(id)
}

/// The runbooks of which there are answers after this one.
pub async fn answered_after(tx: &mut Tx, id: i64) -> sqlx::Result<Vec<String>> {
    let sql = "select distinct slug from reviews where id > $1";
    let rows: Vec<(String,)> = sqlx::query_as(sql).bind(id).fetch_all(&mut **tx).await?;
    Ok(rows.into_iter().map(|(slug,)| slug).collect())
}

/// The pins of runbooks.
pub async fn pins(tx: &mut Tx, wanted: Wanted<'_>) -> sqlx::Result<Vec<PinRecord>> {
    saw(tx, wanted, "section_pins").await
}

/// What reviewers saw, of one table of it.
async fn saw(tx: &mut Tx, wanted: Wanted<'_>, table: &str) -> sqlx::Result<Vec<PinRecord>> {
    let query = format!(
        "select p.slug, p.section, p.seen, p.version, p.reviewed_at, p.reviewed_by
        from wanted join {table} p on p.slug = wanted.slug"
    );
    let rows = wanted.rows(tx, &query).await?;
    rows.iter().map(|row| Ok(record(PinRow::from_row(row)?))).collect()
}

/// What the last reviewer of each section had seen by a moment.
pub async fn pins_by(pool: &AnyPool, by: Moment) -> sqlx::Result<Vec<PinRecord>> {
    let rows: Vec<PinRow> = sqlx::query_as(
        "select slug, section, seen, version, reviewed_at, reviewed_by
        from section_pins
        where reviewed_at <= $1
        union all
        select slug, section, seen, version, reviewed_at, reviewed_by
        from former_pins
        where reviewed_at <= $1 and until_at > $1",
    )
    .bind(by.millis())
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(record).collect())
}

/// One pin, read in a writing transaction.
pub async fn pin(tx: &mut Tx, slug: &str, section: &str) -> sqlx::Result<Option<PinRecord>> {
    let row: Option<PinRow> = sqlx::query_as(
        "select slug, section, seen, version, reviewed_at, reviewed_by
        from section_pins where slug = $1 and section = $2",
    )
    .bind(slug)
    .bind(section)
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(record))
}

/// Writes a pin, and keeps the one whose place it takes.
pub async fn put_pin(tx: &mut Tx, record: &PinRecord) -> sqlx::Result<()> {
    sqlx::query(
        "insert into former_pins (slug, section, seen, version, reviewed_at, reviewed_by, until_at)
        select slug, section, seen, version, reviewed_at, reviewed_by, $3
        from section_pins
        where slug = $1 and section = $2
        on conflict do nothing",
    )
    .bind(record.slug.as_str())
    .bind(record.section.as_str())
    .bind(record.reviewed_at.millis())
    .execute(&mut **tx)
    .await?;
    put(tx, record, "section_pins", "slug, section").await
}

/// Writes what a reviewer saw to a table of it, in place of what has the same key.
async fn put(tx: &mut Tx, record: &PinRecord, table: &str, key: &str) -> sqlx::Result<()> {
    let sql = format!(
        "insert into {table} (slug, section, seen, version, reviewed_at, reviewed_by)
        values ($1, $2, $3, $4, $5, $6)
        on conflict ({key}) do update set
            seen = excluded.seen, version = excluded.version,
            reviewed_at = excluded.reviewed_at, reviewed_by = excluded.reviewed_by"
    );
    sqlx::query(AssertSqlSafe(sql))
        .bind(record.slug.as_str())
        .bind(record.section.as_str())
        .bind(record.seen.json())
        .bind(record.version)
        .bind(record.reviewed_at.millis())
        .bind(record.reviewed_by.as_str())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// An answer to be kept.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct Answer<'a> {
    pub slug: &'a str,
    pub version: i64,
    pub section: &'a str,
    pub answer: Said,
    /// The flag that was answered: part, field, before, after; none for a section as a whole.
    pub flag: Option<(Reference, String, String, String)>,
    /// Until when it is left for later.
    pub until: Option<Moment>,
    /// Whom it is given to.
    pub assignee: Option<&'a str>,
    /// Why.
    pub words: &'a str,
    pub at: Moment,
    pub by: &'a str,
}

/// Appends an answer, and counts it. The caller holds the turn to write (`feed::take_turn`).
pub async fn append(tx: &mut Tx, a: &Answer<'_>) -> sqlx::Result<()> {
    let (reference, field, before, after) = match &a.flag {
        Some((reference, field, before, after)) => {
            (Some(reference.to_string()), Some(field), Some(before), Some(after))
        }
        None => (None, None, None, None),
    };
    if let Some(flag @ (reference, field, ..)) = &a.flag
        // A flag that has led to an edit counts as that, whatever is said of it afterwards.
        && !was_edited(tx, a.slug, a.section, flag).await?
    {
        count(tx, reference.kind(), &counted_as(field), a.answer).await?;
    }
    sqlx::query(
        "insert into reviews (id, slug, version, section, answer, reference, field, before_value, after_value, until_at, assignee, words, answered_at, answered_by)
        values ((select coalesce(max(id), 0) + 1 from reviews), $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    )
    .bind(a.slug)
    .bind(a.version)
    .bind(a.section)
    .bind(a.answer.name())
    .bind(reference)
    .bind(field.map(String::as_str))
    .bind(before.map(String::as_str))
    .bind(after.map(String::as_str))
    .bind(a.until.map(Moment::millis))
    .bind(a.assignee)
    .bind(a.words)
    .bind(a.at.millis())
    .bind(a.by)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Who last said of each version of a runbook that something in it is right: (version, when, by).
pub async fn by_version(pool: &AnyPool, slug: &str) -> sqlx::Result<Vec<(i64, Moment, String)>> {
    let rows: Vec<(i64, i64, String)> = sqlx::query_as(
        "select version, answered_at, answered_by from reviews
        where id in (
            select max(id) from reviews where slug = $1 and answer in ('still_correct', 'reviewed') group by version
        )",
    )
    .bind(slug)
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(|(version, at, by)| (version, Moment::from_millis(at), by)).collect())
}

/// Whether a section was edited while this flag stood on it: part, field, before, after.
pub async fn was_edited(
    tx: &mut Tx,
    slug: &str,
    section: &str,
    (reference, field, before, after): &(Reference, String, String, String),
) -> sqlx::Result<bool> {
    let row: Option<(i64,)> = sqlx::query_as(
        "select id from reviews
        where slug = $1 and section = $2 and answer = 'edited'
            and reference = $3 and field = $4 and before_value = $5 and after_value = $6
        limit 1",
    )
    .bind(slug)
    .bind(section)
    .bind(reference.to_string())
    .bind(field.as_str())
    .bind(before.as_str())
    .bind(after.as_str())
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.is_some())
}

async fn count(tx: &mut Tx, kind: &str, field: &str, answer: Said) -> sqlx::Result<()> {
    sqlx::query(
        "insert into flag_tallies as t (kind, field, answer, flags)
        values ($1, $2, $3, 1)
        on conflict (kind, field, answer) do update set flags = t.flags + 1",
    )
    .bind(kind)
    .bind(field)
    .bind(answer.name())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// How the flags of each field of each kind of part were answered: (kind, field, answer, number).
pub async fn tallies(pool: &AnyPool) -> sqlx::Result<Vec<(String, String, Said, i64)>> {
    let rows: Vec<(String, String, String, i64)> =
        sqlx::query_as("select kind, field, answer, flags from flag_tallies").fetch_all(pool).await?;
    Ok(rows.into_iter().filter_map(|(kind, field, answer, n)| Some((kind, field, Said::parse(&answer)?, n))).collect())
}

/// The newest of the answers of each sort that leave a flag open or take a field out of a section, by a moment.
pub async fn set_aside(tx: &mut Tx, wanted: Wanted<'_>, by: Moment) -> sqlx::Result<Vec<SetAside>> {
    let query = format!(
        "select slug, section, reference, field, after_value, answer, until_at, assignee, words, answered_at,
            answered_by
        from reviews
        where id in (
            select max(r.id)
            from wanted join reviews r on r.slug = wanted.slug
            where r.answer in ('not_about', 'about', 'snoozed', 'reassigned') and r.answered_at <= {}
            group by r.slug, r.section, r.reference, r.field,
                case when r.answer = 'about' then 'not_about' else r.answer end
        )",
        by.millis()
    );
    Ok(wanted.rows(tx, &query).await?.iter().filter_map(one_set_aside).collect())
}

fn one_set_aside(row: &AnyRow) -> Option<SetAside> {
    let (reference, field): (Option<String>, Option<String>) = (row.get(2), row.get(3));
    let flag = match (reference, field) {
        (Some(reference), Some(field)) => Some((Reference::parse(&reference).ok()?, field)),
        _ => None,
    };
    Some(SetAside {
        slug: row.get(0),
        section: row.get(1),
        flag,
        after: row.get::<Option<String>, _>(4).unwrap_or_default(),
        answer: Said::parse(row.get(5))?,
        until: row.get::<Option<i64>, _>(6).map(Moment::from_millis),
        assignee: row.get(7),
        words: row.get(8),
        at: Moment::from_millis(row.get(9)),
        by: row.get(10),
    })
}

/// What single reviewers saw of sections that wait for a second one.
pub async fn firsts(tx: &mut Tx, wanted: Wanted<'_>) -> sqlx::Result<Vec<PinRecord>> {
    saw(tx, wanted, "first_reviews").await
}

/// What single reviewers saw of one section, read in a writing transaction.
pub async fn firsts_of(tx: &mut Tx, slug: &str, section: &str) -> sqlx::Result<Vec<PinRecord>> {
    let sql = format!("select {PIN} from first_reviews where slug = $1 and section = $2 order by reviewed_at");
    let rows: Vec<PinRow> = sqlx::query_as(AssertSqlSafe(sql)).bind(slug).bind(section).fetch_all(&mut **tx).await?;
    Ok(rows.into_iter().map(record).collect())
}

/// Writes what a single reviewer saw; what that person saw before is replaced.
pub async fn put_first(tx: &mut Tx, record: &PinRecord) -> sqlx::Result<()> {
    put(tx, record, "first_reviews", "slug, section, reviewed_by").await
}

/// Removes what single reviewers saw of a section: two have said the same.
pub async fn remove_firsts(tx: &mut Tx, slug: &str, section: &str) -> sqlx::Result<()> {
    sqlx::query("delete from first_reviews where slug = $1 and section = $2")
        .bind(slug)
        .bind(section)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// A field that flags nothing.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
#[allow(missing_docs)]
pub struct MutedField {
    pub kind: String,
    pub field: String,
    pub muted_at: i64,
    pub muted_by: String,
    pub words: String,
}

/// The fields that flag nothing at a moment.
pub async fn muted(pool: &AnyPool, at: Moment) -> sqlx::Result<Vec<MutedField>> {
    sqlx::query_as(
        "select kind, field, muted_at, muted_by, words
        from muted_fields
        where muted_at <= $1 and (until_at is null or until_at > $1)
        order by kind, field",
    )
    .bind(at.millis())
    .fetch_all(pool)
    .await
}

/// Lets a field flag nothing from now on. One that is muted already stays as it is.
pub async fn mute(tx: &mut Tx, field: &MutedField) -> sqlx::Result<()> {
    sqlx::query(
        "insert into muted_fields (kind, field, muted_at, muted_by, words)
        select $1, $2, $3, $4, $5
        where not exists (select 1 from muted_fields where kind = $1 and field = $2 and until_at is null)
        on conflict (kind, field, muted_at) do update set until_at = null, unmuted_by = null",
    )
    .bind(field.kind.as_str())
    .bind(field.field.as_str())
    .bind(field.muted_at)
    .bind(field.muted_by.as_str())
    .bind(field.words.as_str())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Lets a field flag again.
pub async fn unmute(tx: &mut Tx, kind: &str, field: &str, at: Moment, by: &str) -> sqlx::Result<()> {
    sqlx::query(
        "update muted_fields set until_at = $3, unmuted_by = $4
        where kind = $1 and field = $2 and until_at is null",
    )
    .bind(kind)
    .bind(field)
    .bind(at.millis())
    .bind(by)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Muted fields as the rules take them: (kind, field as it is counted).
pub fn as_rules(muted: &[MutedField]) -> BTreeSet<(String, String)> {
    muted.iter().map(|m| (m.kind.clone(), m.field.clone())).collect()
}
