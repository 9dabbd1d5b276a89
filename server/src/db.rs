//! The database: opening it, reading, writing. The only file that knows which database it is.

use std::borrow::Cow;
use std::time::Duration;

use sqlx::any::{AnyPoolOptions, AnyRow};
use sqlx::migrate::Migrator;
use sqlx::{Any, AnyPool, AssertSqlSafe, Executor, Transaction};

static MIGRATIONS: Migrator = sqlx::migrate!("../migrations");

/// A transaction on either database.
pub type Tx = Transaction<'static, Any>;

/// A query with its arguments bound.
pub type Query<'q> = sqlx::query::Query<'q, Any, sqlx::any::AnyArguments>;

/// How many rows one statement writes or looks for. Only these, so that few statement texts exist and each is prepared
/// once a connection; close enough together that most batches need two statements.
const SIZES: [usize; 14] = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128];

/// The largest of the sizes that is not larger than `rows`, which is at least 1.
fn size_within(rows: usize) -> usize {
    SIZES.into_iter().rev().find(|size| *size <= rows).unwrap_or(1)
}

/// The smallest of the sizes that holds `rows`, at most the largest.
fn size_holding(rows: usize) -> usize {
    SIZES.into_iter().find(|size| *size >= rows).unwrap_or(SIZES[SIZES.len() - 1])
}

/// The database, SQLite or PostgreSQL.
#[derive(Debug, Clone)]
pub struct Db {
    readers: AnyPool,
    /// On SQLite one connection, so that our own writers wait in line instead of for a lock.
    writers: AnyPool,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Sqlite,
    Postgres,
}

/// Why the database cannot be used: a sentence for the person who starts the portal.
#[derive(Debug)]
pub struct OpenError(String);

impl std::fmt::Display for OpenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for OpenError {}

impl Db {
    /// Opens `sqlite://FILE` (made if missing) or `postgres://…` and brings its tables up to date.
    ///
    /// # Errors
    /// A sentence when the address is of another kind, or the database cannot be reached, written or migrated.
    pub async fn open(url: &str) -> Result<Self, OpenError> {
        sqlx::any::install_default_drivers();
        let shown = without_password(url);
        let failed = |e: sqlx::Error| OpenError(format!("the database {shown} cannot be used: {e}"));
        let db = if url.starts_with("sqlite:") {
            let url = match url.contains('?') {
                true => url.to_owned(),
                false => format!("{url}?mode=rwc"),
            };
            let writers = sqlite_pool(&url, 1).await.map_err(failed)?;
            Self { readers: sqlite_pool(&url, 4).await.map_err(failed)?, writers, kind: Kind::Sqlite }
        } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            let pool = AnyPoolOptions::new()
                .max_connections(10)
                .acquire_timeout(Duration::from_secs(10))
                .connect(url)
                .await
                .map_err(failed)?;
            Self { readers: pool.clone(), writers: pool, kind: Kind::Postgres }
        } else {
            return Err(OpenError(format!(
                "\"{shown}\" is not a database address; write sqlite://FILE or postgres://…"
            )));
        };
        MIGRATIONS
            .run(&db.writers)
            .await
            .map_err(|e| OpenError(format!("the tables of {shown} cannot be brought up to date: {e}")))?;
        Ok(db)
    }

    /// Connections for reading.
    pub fn read(&self) -> &AnyPool {
        &self.readers
    }

    /// A transaction that may write.
    ///
    /// On SQLite it takes the write lock at once: a transaction that reads first and then writes fails when another
    /// one wrote in between, however long it is willing to wait.
    ///
    /// # Errors
    /// When the database cannot be reached or stays locked.
    pub async fn write(&self) -> sqlx::Result<Tx> {
        match self.kind {
            Kind::Sqlite => self.writers.begin_with("begin immediate").await,
            Kind::Postgres => self.writers.begin().await,
        }
    }

    /// Writes a consistent copy to `file` while the portal runs. SQLite only.
    ///
    /// # Errors
    /// When the database is PostgreSQL (use `pg_dump`), or the file exists or cannot be written.
    pub async fn backup(&self, file: &str) -> Result<(), OpenError> {
        if self.kind == Kind::Postgres {
            return Err(OpenError("this database is PostgreSQL: make the copy with pg_dump".into()));
        }
        sqlx::query("vacuum into $1")
            .bind(file.to_owned())
            .execute(&self.readers)
            .await
            .map(|_| ())
            .map_err(|e| OpenError(format!("the copy {file} cannot be written: {e}")))
    }

    /// Closes every connection, which on SQLite folds the log into the file.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writers.close().await;
    }
}

async fn sqlite_pool(url: &str, connections: u32) -> sqlx::Result<AnyPool> {
    AnyPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(Duration::from_secs(10))
        // A file does not hang up: asking before each use whether it is there would cost as much as a statement.
        .test_before_acquire(false)
        .after_connect(|connection, _| {
            Box::pin(async move {
                // FULL: an acknowledged event survives the loss of power, not only of the process.
                let settings = "pragma busy_timeout = 10000; pragma journal_mode = wal; pragma synchronous = full;
                    pragma foreign_keys = on; pragma temp_store = memory; pragma cache_size = -4000;
                    pragma wal_autocheckpoint = 4000; pragma journal_size_limit = 67108864";
                connection.execute(sqlx::raw_sql(settings)).await?;
                Ok(())
            })
        })
        .connect(url)
        .await
}

/// The address without its password, for messages.
fn without_password(url: &str) -> String {
    match (url.find("://"), url.rfind('@')) {
        (Some(scheme), Some(at)) if at > scheme => match url[scheme + 3..at].split_once(':') {
            Some((user, _)) => format!("{}{user}:…{}", &url[..scheme + 3], &url[at..]),
            None => url.to_owned(),
        },
        _ => url.to_owned(),
    }
}

/// `head` followed by the placeholders of `rows` rows of `columns`, numbered after `before`, then `tail`.
fn with_rows(head: &str, before: usize, rows: usize, columns: usize, tail: &str) -> String {
    let mut sql = String::with_capacity(head.len() + rows * columns * 6 + tail.len());
    sql.push_str(head);
    for row in 0..rows {
        sql.push_str(if row == 0 { " (" } else { ", (" });
        for column in 1..=columns {
            if column > 1 {
                sql.push_str(", ");
            }
            sql.push('$');
            sql.push_str(&(before + row * columns + column).to_string());
        }
        sql.push(')');
    }
    sql.push(' ');
    sql.push_str(tail);
    sql
}

/// Statements that write rows, gathered to be executed one after the other with nothing read in between.
///
/// SQLite takes several statements in one text. There small ones go together, because handing a statement to the
/// thread of the connection costs more than such a statement does. PostgreSQL takes them one by one.
#[derive(Default)]
pub struct Batch<'q> {
    parts: Vec<Part<'q>>,
}

/// One statement of a batch.
struct Part<'q> {
    head: &'static str,
    tail: Cow<'static, str>,
    rows: usize,
    columns: usize,
    bind: Box<dyn FnOnce(Query<'q>) -> Query<'q> + Send + 'q>,
}

/// Statements with more rows than this are executed alone: their texts differ too much to be kept prepared together.
const FEW_ROWS: usize = 2;

impl<'q> Batch<'q> {
    /// Adds `head (…), (…) tail` for all rows; `bind` adds the `columns` values of one row.
    pub fn rows<T: Sync>(
        &mut self,
        head: &'static str,
        columns: usize,
        tail: impl Into<Cow<'static, str>>,
        rows: &'q [T],
        bind: impl Fn(Query<'q>, &'q T) -> Query<'q> + Copy + Send + 'q,
    ) {
        let tail = tail.into();
        let mut left = rows;
        while !left.is_empty() {
            let (now, later) = left.split_at(size_within(left.len()));
            let bind = Box::new(move |query| now.iter().fold(query, bind));
            self.parts.push(Part { head, tail: tail.clone(), rows: now.len(), columns, bind });
            left = later;
        }
    }

    /// Executes them in the order in which they were added.
    ///
    /// # Errors
    /// What the database says.
    pub async fn write(self, tx: &mut Tx) -> sqlx::Result<()> {
        let together = tx.backend_name() == "SQLite";
        let mut parts = self.parts.into_iter().peekable();
        while let Some(first) = parts.next() {
            let mut now = vec![first];
            while together
                && now.iter().all(|part| part.rows <= FEW_ROWS)
                && let Some(next) = parts.next_if(|part| part.rows <= FEW_ROWS)
            {
                now.push(next);
            }
            execute_together(tx, now).await?;
        }
        Ok(())
    }
}

async fn execute_together(tx: &mut Tx, parts: Vec<Part<'_>>) -> sqlx::Result<()> {
    let mut values = 0;
    let mut sql = String::new();
    for part in &parts {
        if !sql.is_empty() {
            sql.push_str(";\n");
        }
        sql.push_str(&with_rows(part.head, values, part.rows, part.columns, &part.tail));
        values += part.rows * part.columns;
    }
    let query = parts.into_iter().fold(sqlx::query(AssertSqlSafe(sql)), |query, part| (part.bind)(query));
    query.execute(&mut **tx).await?;
    Ok(())
}

/// Executes `head (…), (…) tail` for all rows; `bind` adds the `columns` values of one row.
///
/// # Errors
/// What the database says.
pub async fn write_rows<T>(
    tx: &mut Tx,
    head: &str,
    columns: usize,
    tail: &str,
    rows: &[T],
    bind: impl for<'q> Fn(Query<'q>, &'q T) -> Query<'q>,
) -> sqlx::Result<()> {
    let mut left = rows;
    while !left.is_empty() {
        let size = size_within(left.len());
        let (now, later) = left.split_at(size);
        let sql = with_rows(head, 0, size, columns, tail);
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for row in now {
            query = bind(query, row);
        }
        query.execute(&mut **tx).await?;
        left = later;
    }
    Ok(())
}

/// Fetches `head (…), (…) tail` for all rows; the last chunk repeats its last row, so the result must not depend on
/// how often a row is asked for.
///
/// # Errors
/// What the database says.
pub async fn read_rows<T>(
    tx: &mut Tx,
    head: &str,
    columns: usize,
    tail: &str,
    rows: &[T],
    bind: impl for<'q> Fn(Query<'q>, &'q T) -> Query<'q>,
) -> sqlx::Result<Vec<AnyRow>> {
    let mut found = Vec::new();
    for chunk in rows.chunks(SIZES[SIZES.len() - 1]) {
        let size = size_holding(chunk.len());
        let sql = with_rows(head, 0, size, columns, tail);
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for row in chunk.iter().chain(std::iter::repeat_n(&chunk[chunk.len() - 1], size - chunk.len())) {
            query = bind(query, row);
        }
        found.extend(query.fetch_all(&mut **tx).await?);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_count_through_all_rows() {
        assert_eq!(with_rows("values", 0, 2, 2, "x"), "values ($1, $2), ($3, $4) x");
        assert_eq!(with_rows("values", 4, 1, 2, "x"), "values ($5, $6) x");
    }

    #[tokio::test]
    async fn a_batch_writes_every_row_of_every_statement_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::open(&format!("sqlite://{}", dir.path().join("batch.db").display())).await.unwrap();
        let mut tx = db.write().await.unwrap();
        sqlx::query("create table t (a bigint primary key, b text)").execute(&mut *tx).await.unwrap();
        for size in [1i64, 2, 3, 7, 200] {
            let rows: Vec<i64> = (0..size).map(|n| size * 1_000 + n).collect();
            let mut batch = Batch::default();
            batch.rows("insert into t (a, b) values", 2, "", &rows, |query, n| query.bind(*n).bind("first"));
            let tail = "on conflict (a) do update set b = excluded.b";
            batch.rows("insert into t (a, b) values", 2, tail, &rows[..1], |query, n| query.bind(*n).bind("second"));
            batch.write(&mut tx).await.unwrap();
            let counted: Vec<(String, i64)> =
                sqlx::query_as("select b, count(*) from t where a >= $1 and a < $2 group by b order by b")
                    .bind(size * 1_000)
                    .bind(size * 1_000 + size)
                    .fetch_all(&mut *tx)
                    .await
                    .unwrap();
            let wanted = [("first".to_owned(), size - 1), ("second".to_owned(), 1)];
            assert_eq!(counted, wanted.into_iter().filter(|(_, n)| *n > 0).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        assert_eq!(without_password("postgres://me:secret@host/db"), "postgres://me:…@host/db");
        assert_eq!(without_password("sqlite://watchbook.db"), "sqlite://watchbook.db");
    }

    #[tokio::test]
    async fn an_unwritable_place_is_named() {
        let error = Db::open("sqlite:///nowhere/at/all.db").await.unwrap_err().to_string();
        assert!(error.contains("/nowhere/at/all.db"), "{error}");
        assert!(Db::open("mysql://x").await.unwrap_err().to_string().contains("sqlite://FILE"));
    }
}
