//! Runbooks: the newest number of each, and every immutable version.

use std::collections::HashMap;

use app::model::moment::Moment;
use sqlx::any::AnyRow;
use sqlx::{Any, AnyPool, Executor, FromRow};

use crate::db::{Tx, read_rows};

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
#[derive(Debug, Clone, Default, PartialEq, sqlx::FromRow)]
#[allow(missing_docs)]
pub struct RunbookRecord {
    pub slug: String,
    pub version: i64,
    /// The fingerprint of the text that the file was last known to hold; none while it never had a file.
    pub file_fingerprint: Option<String>,
    /// Why the file and the newest version disagree.
    pub conflict: Option<String>,
    /// The text of the file while they disagree.
    pub conflict_text: Option<String>,
    /// Who wrote that text.
    pub conflict_author: Option<String>,
    /// Why, in a line.
    pub conflict_why: Option<String>,
    /// In which commit.
    pub conflict_commit: Option<String>,
    /// The file, from the folder of the book, with `/`; none while it never had one.
    pub file: Option<String>,
    /// The version whose text the file was last known to hold.
    pub file_version: Option<i64>,
    /// The first version saved in the browser that git has not got yet.
    pub commit_from: Option<i64>,
    /// Why the file cannot be written, committed or taken over, in a sentence.
    pub file_problem: Option<String>,
    /// Since when the file is missing, in milliseconds.
    pub gone_at: Option<i64>,
    /// When it was taken out of use, in milliseconds.
    pub retired_at: Option<i64>,
    /// By whom.
    pub retired_by: Option<String>,
}

impl RunbookRecord {
    /// Whether the newest text is still to be written to the file, or to be committed.
    pub fn waits(&self) -> bool {
        let written = self.file_version == Some(self.version);
        let open = self.conflict.is_none() && self.gone_at.is_none() && self.retired_at.is_none();
        open && (!written || self.commit_from.is_some())
    }

    /// Where its file is, or will be.
    pub fn place(&self) -> String {
        self.file.clone().unwrap_or_else(|| format!("{}.md", self.slug))
    }

    /// The same without a conflict.
    #[must_use]
    pub fn settled(self) -> Self {
        Self {
            conflict: None,
            conflict_text: None,
            conflict_author: None,
            conflict_why: None,
            conflict_commit: None,
            ..self
        }
    }
}

const RUNBOOK: &str = "slug, version, file_fingerprint, conflict, conflict_text, conflict_author, conflict_why, \
    conflict_commit, file, file_version, commit_from, file_problem, gone_at, retired_at, retired_by";

const VERSION: &str = "v.slug, v.version, v.body, v.title, v.author, v.why, v.saved_at, v.origin";

/// Which runbooks are asked about.
#[derive(Debug, Clone, Copy)]
pub enum Wanted<'a> {
    /// Every one.
    All,
    /// These.
    These(&'a [&'a str]),
}

impl Wanted<'_> {
    /// The rows of a query whose first table is `wanted`, with the column `slug`.
    pub(super) async fn rows(self, tx: &mut Tx, query: &str) -> sqlx::Result<Vec<AnyRow>> {
        let tail = format!(") {query}");
        match self {
            Self::All => {
                let sql = format!("with wanted (slug) as (select slug from runbooks{tail}");
                sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(&mut **tx).await
            }
            Self::These(slugs) => {
                let head = "with wanted (slug) as (values";
                read_rows(tx, head, 1, tail, slugs, |query, slug| query.bind(*slug)).await
            }
        }
    }
}

/// The newest versions of runbooks.
pub async fn newest(tx: &mut Tx, wanted: Wanted<'_>) -> sqlx::Result<Vec<VersionRecord>> {
    let query = format!(
        "select {VERSION}
        from wanted
        join runbooks r on r.slug = wanted.slug
        join runbook_versions v on v.slug = r.slug and v.version = r.version"
    );
    wanted.rows(tx, &query).await?.iter().map(VersionRecord::from_row).collect()
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

/// The fingerprint of the text that the file of each runbook was last known to hold, where it ever had a file.
pub async fn prints(pool: &AnyPool) -> sqlx::Result<HashMap<String, String>> {
    let sql = "select slug, file_fingerprint from runbooks where file_fingerprint is not null";
    let rows: Vec<(String, String)> = sqlx::query_as(sql).fetch_all(pool).await?;
    Ok(rows.into_iter().collect())
}

/// Every runbook.
pub async fn all<'c>(db: impl Executor<'c, Database = Any>) -> sqlx::Result<Vec<RunbookRecord>> {
    sqlx::query_as(sqlx::AssertSqlSafe(format!("select {RUNBOOK} from runbooks"))).fetch_all(db).await
}

/// One runbook, read in a writing transaction.
pub async fn find(tx: &mut Tx, slug: &str) -> sqlx::Result<Option<RunbookRecord>> {
    let sql = format!("select {RUNBOOK} from runbooks where slug = $1");
    sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(slug).fetch_optional(&mut **tx).await
}

/// Writes what is known of a runbook.
pub async fn put(tx: &mut Tx, runbook: &RunbookRecord) -> sqlx::Result<()> {
    sqlx::query(
        "insert into runbooks (slug, version, file_fingerprint, conflict, conflict_text, conflict_author, conflict_why,
            conflict_commit, file, file_version, commit_from, file_problem, gone_at, retired_at, retired_by)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
        on conflict (slug) do update set
            version = excluded.version, file_fingerprint = excluded.file_fingerprint, conflict = excluded.conflict,
            conflict_text = excluded.conflict_text, conflict_author = excluded.conflict_author,
            conflict_why = excluded.conflict_why, conflict_commit = excluded.conflict_commit, file = excluded.file,
            file_version = excluded.file_version, commit_from = excluded.commit_from,
            file_problem = excluded.file_problem, gone_at = excluded.gone_at, retired_at = excluded.retired_at,
            retired_by = excluded.retired_by",
    )
    .bind(runbook.slug.as_str())
    .bind(runbook.version)
    .bind(runbook.file_fingerprint.as_deref())
    .bind(runbook.conflict.as_deref())
    .bind(runbook.conflict_text.as_deref())
    .bind(runbook.conflict_author.as_deref())
    .bind(runbook.conflict_why.as_deref())
    .bind(runbook.conflict_commit.as_deref())
    .bind(runbook.file.as_deref())
    .bind(runbook.file_version)
    .bind(runbook.commit_from)
    .bind(runbook.file_problem.as_deref())
    .bind(runbook.gone_at)
    .bind(runbook.retired_at)
    .bind(runbook.retired_by.as_deref())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Notes in which commit a version stands; a version stands in one.
pub async fn note_commit(tx: &mut Tx, slug: &str, version: i64, commit: &str) -> sqlx::Result<()> {
    sqlx::query(
        "insert into runbook_commits (slug, version, commit_id) values ($1, $2, $3)
        on conflict (slug, version) do nothing",
    )
    .bind(slug)
    .bind(version)
    .bind(commit)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// In which commits the versions of a runbook stand, by version.
pub async fn commits(pool: &AnyPool, slug: &str) -> sqlx::Result<HashMap<i64, String>> {
    let rows: Vec<(i64, String)> = sqlx::query_as("select version, commit_id from runbook_commits where slug = $1")
        .bind(slug)
        .fetch_all(pool)
        .await?;
    Ok(rows.into_iter().collect())
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

/// The versions from `first` to `last`, oldest first.
pub async fn versions_between(pool: &AnyPool, slug: &str, first: i64, last: i64) -> sqlx::Result<Vec<VersionRecord>> {
    let sql = format!(
        "select {VERSION} from runbook_versions v
        where v.slug = $1 and v.version >= $2 and v.version <= $3
        order by v.version"
    );
    sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(slug).bind(first).bind(last).fetch_all(pool).await
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

/// A page of versions after `after`, oldest first.
pub async fn versions_after(pool: &AnyPool, slug: &str, after: i64, most: i64) -> sqlx::Result<Vec<VersionRecord>> {
    let sql = format!(
        "select {VERSION} from runbook_versions v
        where v.slug = $1 and v.version > $2
        order by v.version
        limit $3"
    );
    sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(slug).bind(after).bind(most).fetch_all(pool).await
}

/// These versions without their texts.
pub async fn told(pool: &AnyPool, slug: &str, versions: &[i64]) -> sqlx::Result<Vec<VersionRecord>> {
    let numbers = versions.iter().map(i64::to_string).collect::<Vec<_>>().join(", ");
    if numbers.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "select v.slug, v.version, cast('' as text) as body, v.title, v.author, v.why, v.saved_at, v.origin
        from runbook_versions v
        where v.slug = $1 and v.version in ({numbers})"
    );
    sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(slug).fetch_all(pool).await
}

impl VersionRecord {
    /// When it was saved.
    pub fn saved(&self) -> Moment {
        Moment::from_millis(self.saved_at)
    }
}
