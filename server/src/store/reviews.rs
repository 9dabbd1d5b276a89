//! Reviews: what the last reviewer of each section saw, and every answer ever given.

use app::model::moment::Moment;
use app::model::review::Pin;
use sqlx::AnyPool;

use crate::db::Tx;

/// A pin as it is stored.
#[derive(Debug, Clone)]
pub struct PinRecord {
    /// The runbook.
    pub slug: String,
    /// The section's anchor.
    pub section: String,
    /// What was seen.
    pub pin: Pin,
    /// The version that was reviewed.
    pub version: i64,
    /// When.
    pub reviewed_at: Moment,
    /// By whom.
    pub reviewed_by: String,
}

type PinRow = (String, String, String, i64, i64, String);

fn record((slug, section, seen, version, reviewed_at, reviewed_by): PinRow) -> Option<PinRecord> {
    let pin = match serde_json::from_str(&seen) {
        Ok(pin) => pin,
        Err(error) => {
            tracing::error!(%error, slug, section, "a stored review cannot be read");
            return None;
        }
    };
    Some(PinRecord { slug, section, pin, version, reviewed_at: Moment::from_millis(reviewed_at), reviewed_by })
}

/// Every pin.
pub async fn pins(pool: &AnyPool) -> sqlx::Result<Vec<PinRecord>> {
    let rows: Vec<PinRow> =
        sqlx::query_as("select slug, section, seen, version, reviewed_at, reviewed_by from section_pins")
            .fetch_all(pool)
            .await?;
    Ok(rows.into_iter().filter_map(record).collect())
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
    Ok(rows.into_iter().filter_map(record).collect())
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
    Ok(row.and_then(record))
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
    sqlx::query(
        "insert into section_pins (slug, section, seen, version, reviewed_at, reviewed_by)
        values ($1, $2, $3, $4, $5, $6)
        on conflict (slug, section) do update set
            seen = excluded.seen, version = excluded.version,
            reviewed_at = excluded.reviewed_at, reviewed_by = excluded.reviewed_by",
    )
    .bind(record.slug.as_str())
    .bind(record.section.as_str())
    // A pin is text to text: writing it as JSON cannot fail.
    .bind(serde_json::to_string(&record.pin).unwrap_or_default())
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
    /// `still_correct` or `reviewed`.
    pub answer: &'a str,
    /// The flag that was answered: part, field, before, after; none for a section as a whole.
    pub flag: Option<(String, String, String, String)>,
    pub at: Moment,
    pub by: &'a str,
}

/// Appends an answer. The caller holds the turn to write (`feed::take_turn`).
pub async fn append(tx: &mut Tx, a: &Answer<'_>) -> sqlx::Result<()> {
    let (reference, field, before, after) = match &a.flag {
        Some((reference, field, before, after)) => (Some(reference), Some(field), Some(before), Some(after)),
        None => (None, None, None, None),
    };
    sqlx::query(
        "insert into reviews (id, slug, version, section, answer, reference, field, before_value, after_value, answered_at, answered_by)
        values ((select coalesce(max(id), 0) + 1 from reviews), $1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(a.slug)
    .bind(a.version)
    .bind(a.section)
    .bind(a.answer)
    .bind(reference.map(String::as_str))
    .bind(field.map(String::as_str))
    .bind(before.map(String::as_str))
    .bind(after.map(String::as_str))
    .bind(a.at.millis())
    .bind(a.by)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Who last answered for each version of a runbook: (version, when, by).
pub async fn by_version(pool: &AnyPool, slug: &str) -> sqlx::Result<Vec<(i64, Moment, String)>> {
    let rows: Vec<(i64, i64, String)> = sqlx::query_as(
        "select version, answered_at, answered_by from reviews
        where id in (select max(id) from reviews where slug = $1 group by version)",
    )
    .bind(slug)
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(|(version, at, by)| (version, Moment::from_millis(at), by)).collect())
}
