//! Runbooks: the newest number of each, and every immutable version.

use app::model::moment::Moment;
use sqlx::AnyPool;

use crate::db::Tx;

/// A version as it is stored.
#[derive(Debug, Clone, sqlx::FromRow)]
#[allow(missing_docs)]
pub struct VersionRecord {
    pub slug: String,
    pub version: i64,
    pub body: String,
    pub title: String,
    pub author: String,
    pub why: String,
    pub saved_at: i64,
    /// `file` or `browser`.
    pub origin: String,
}

/// What is known of a runbook besides its versions.
#[derive(Debug, Clone, sqlx::FromRow)]
#[allow(missing_docs)]
pub struct RunbookRecord {
    pub slug: String,
    pub version: i64,
    /// The fingerprint of the file's text when it was last taken over; none for those written in the browser.
    pub file_fingerprint: Option<String>,
    /// Why the file and the newest version disagree.
    pub conflict: Option<String>,
    /// The text of the file while they disagree.
    pub conflict_text: Option<String>,
}

const VERSION: &str = "v.slug, v.version, v.body, v.title, v.author, v.why, v.saved_at, v.origin";

/// The newest version of every runbook.
pub async fn newest(pool: &AnyPool) -> sqlx::Result<Vec<VersionRecord>> {
    let sql = format!(
        "select {VERSION} from runbooks r join runbook_versions v on v.slug = r.slug and v.version = r.version"
    );
    sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_all(pool).await
}

/// The newest version of every runbook that had been saved by a moment.
pub async fn newest_by(pool: &AnyPool, by: Moment) -> sqlx::Result<Vec<VersionRecord>> {
    let sql = format!(
        "select {VERSION}
        from (select slug, max(version) as version from runbook_versions where saved_at <= $1 group by slug) r
        join runbook_versions v on v.slug = r.slug and v.version = r.version"
    );
    sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(by.millis()).fetch_all(pool).await
}

/// Every runbook.
pub async fn all(pool: &AnyPool) -> sqlx::Result<Vec<RunbookRecord>> {
    sqlx::query_as("select slug, version, file_fingerprint, conflict, conflict_text from runbooks")
        .fetch_all(pool)
        .await
}

/// One runbook, read in a writing transaction.
pub async fn find(tx: &mut Tx, slug: &str) -> sqlx::Result<Option<RunbookRecord>> {
    sqlx::query_as("select slug, version, file_fingerprint, conflict, conflict_text from runbooks where slug = $1")
        .bind(slug)
        .fetch_optional(&mut **tx)
        .await
}

/// Writes what is known of a runbook.
pub async fn put(tx: &mut Tx, runbook: &RunbookRecord) -> sqlx::Result<()> {
    sqlx::query(
        "insert into runbooks (slug, version, file_fingerprint, conflict, conflict_text) values ($1, $2, $3, $4, $5)
        on conflict (slug) do update set
            version = excluded.version, file_fingerprint = excluded.file_fingerprint, conflict = excluded.conflict,
            conflict_text = excluded.conflict_text",
    )
    .bind(runbook.slug.as_str())
    .bind(runbook.version)
    .bind(runbook.file_fingerprint.as_deref())
    .bind(runbook.conflict.as_deref())
    .bind(runbook.conflict_text.as_deref())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Appends a version.
pub async fn append(tx: &mut Tx, v: &VersionRecord) -> sqlx::Result<()> {
    sqlx::query(
        "insert into runbook_versions (slug, version, body, title, author, why, saved_at, origin)
        values ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(v.slug.as_str())
    .bind(v.version)
    .bind(v.body.as_str())
    .bind(v.title.as_str())
    .bind(v.author.as_str())
    .bind(v.why.as_str())
    .bind(v.saved_at)
    .bind(v.origin.as_str())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// One version.
pub async fn version(pool: &AnyPool, slug: &str, version: i64) -> sqlx::Result<Option<VersionRecord>> {
    let sql = format!("select {VERSION} from runbook_versions v where v.slug = $1 and v.version = $2");
    sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(slug).bind(version).fetch_optional(pool).await
}

/// The same, in a writing transaction.
pub async fn version_in(tx: &mut Tx, slug: &str, version: i64) -> sqlx::Result<Option<VersionRecord>> {
    let sql = format!("select {VERSION} from runbook_versions v where v.slug = $1 and v.version = $2");
    sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(slug).bind(version).fetch_optional(&mut **tx).await
}

/// A page of versions before `before`, newest first.
pub async fn versions(pool: &AnyPool, slug: &str, before: i64, most: i64) -> sqlx::Result<Vec<VersionRecord>> {
    let sql = format!(
        "select {VERSION} from runbook_versions v
        where v.slug = $1 and v.version < $2
        order by v.version desc
        limit $3"
    );
    sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(slug).bind(before).bind(most).fetch_all(pool).await
}

impl VersionRecord {
    /// When it was saved.
    pub fn saved(&self) -> Moment {
        Moment::from_millis(self.saved_at)
    }
}
