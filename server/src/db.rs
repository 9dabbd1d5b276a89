//! The database: opening it, reading, writing. The only file that knows which database it is.

use std::borrow::Cow;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt;
use sqlx::any::{AnyPoolOptions, AnyRow};
use sqlx::migrate::{Migration, Migrator};
use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyConnection, AnyPool, AssertSqlSafe, Connection, Either, Executor, SqlSafeStr};
use tokio::sync::{Mutex, OwnedMutexGuard};

static MIGRATIONS: Migrator = sqlx::migrate!("../migrations");

/// A transaction on either database. One that is dropped without a commit changes nothing: its connection is closed.
///
/// Not that of sqlx, because there beginning and committing are messages of their own to the thread of the connection,
/// and each message costs as much as a small statement.
#[derive(Debug)]
pub struct Tx {
    held: Held,
    open: bool,
}

#[derive(Debug)]
enum Held {
    /// The one connection that writes to SQLite; there is one while it is held.
    Alone(OwnedMutexGuard<Option<AnyConnection>>),
    Pooled(PoolConnection<Any>),
}

impl Deref for Tx {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        match &self.held {
            Held::Alone(connection) => connection.as_ref().expect("it is put there before it is held"),
            Held::Pooled(connection) => connection,
        }
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        match &mut self.held {
            Held::Alone(connection) => connection.as_mut().expect("it is put there before it is held"),
            Held::Pooled(connection) => connection,
        }
    }
}

impl Drop for Tx {
    fn drop(&mut self) {
        if self.open {
            match &mut self.held {
                Held::Alone(connection) => drop(connection.take()),
                Held::Pooled(connection) => connection.close_on_drop(),
            }
        }
    }
}

impl Tx {
    async fn begin(held: Held, first: Query<'_>) -> sqlx::Result<Self> {
        let mut tx = Self { held, open: true };
        first.execute(&mut *tx).await?;
        Ok(tx)
    }

    /// Makes what was written last.
    ///
    /// # Errors
    /// What the database says; nothing was written then.
    pub async fn commit(self) -> sqlx::Result<()> {
        self.end("commit").await
    }

    /// Ends a transaction that only read, or takes back what was written.
    ///
    /// # Errors
    /// What the database says.
    pub async fn rollback(self) -> sqlx::Result<()> {
        self.end("rollback").await
    }

    async fn end(mut self, how: &'static str) -> sqlx::Result<()> {
        sqlx::query(how).execute(&mut *self).await?;
        self.open = false;
        Ok(())
    }

    /// Whether it takes several statements in one text, and plain marks for values.
    fn is_sqlite(&self) -> bool {
        self.backend_name() == "SQLite"
    }
}

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
    writers: Writers,
}

#[derive(Debug, Clone)]
enum Writers {
    /// One connection to this address, so that our own writers wait in line instead of for a lock. It is not in a pool,
    /// which would ask it at every return whether it still lives.
    Sqlite(Arc<Mutex<Option<AnyConnection>>>, Arc<str>),
    /// Those that also read.
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
            let writer = sqlite_connection(&url).await.map_err(failed)?;
            let writers = Writers::Sqlite(Arc::new(Mutex::new(Some(writer))), url.as_str().into());
            Self { readers: sqlite_pool(&url, 4).await.map_err(failed)?, writers }
        } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            let pool = AnyPoolOptions::new()
                .max_connections(10)
                .acquire_timeout(Duration::from_secs(10))
                .connect(url)
                .await
                .map_err(failed)?;
            Self { readers: pool, writers: Writers::Postgres }
        } else {
            return Err(OpenError(format!(
                "\"{shown}\" is not a database address; write sqlite://FILE or postgres://…"
            )));
        };
        let brought = match &db.writers {
            Writers::Sqlite(..) => migrations_of_sqlite().run(&db.readers).await,
            Writers::Postgres => MIGRATIONS.run(&db.readers).await,
        };
        brought.map_err(|e| OpenError(format!("the tables of {shown} cannot be brought up to date: {e}")))?;
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
        match &self.writers {
            Writers::Sqlite(writer, url) => Tx::begin(alone(writer, url).await?, sqlx::query("begin immediate")).await,
            Writers::Postgres => Tx::begin(self.pooled().await?, sqlx::query("begin")).await,
        }
    }

    /// A transaction that may write and begins with these questions: on SQLite in one message, where they are small.
    /// Gives also their answers. The first of them may write, to take a turn before the others are answered.
    ///
    /// # Errors
    /// When the database cannot be reached or stays locked, or what it says of a question.
    pub async fn write_asking(&self, asks: Asks<'_>) -> sqlx::Result<(Tx, Vec<Vec<AnyRow>>)> {
        match &self.writers {
            Writers::Sqlite(writer, url) => {
                let mut tx = Tx { held: alone(writer, url).await?, open: true };
                let answers = asks.read_after(Some("begin immediate"), &mut tx).await?;
                Ok((tx, answers))
            }
            Writers::Postgres => {
                let mut tx = self.write().await?;
                let answers = asks.read(&mut tx).await?;
                Ok((tx, answers))
            }
        }
    }

    async fn pooled(&self) -> sqlx::Result<Held> {
        Ok(Held::Pooled(self.readers.acquire().await?))
    }

    /// A transaction that only reads, so that all its statements see one moment.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn snapshot(&self) -> sqlx::Result<Tx> {
        let begin = match self.writers {
            Writers::Sqlite(..) => "begin",
            Writers::Postgres => "begin isolation level repeatable read read only",
        };
        Tx::begin(self.pooled().await?, sqlx::query(begin)).await
    }

    /// Writes a consistent copy to `file` while the portal runs. SQLite only.
    ///
    /// # Errors
    /// When the database is PostgreSQL (use `pg_dump`), or the file exists or cannot be written.
    pub async fn backup(&self, file: &str) -> Result<(), OpenError> {
        if matches!(self.writers, Writers::Postgres) {
            return Err(OpenError("this database is PostgreSQL: make the copy with pg_dump".into()));
        }
        sqlx::query("vacuum into $1")
            .bind(file.to_owned())
            .execute(&self.readers)
            .await
            .map(|_| ())
            .map_err(|e| OpenError(format!("the copy {file} cannot be written: {e}")))
    }

    /// Copies what was committed from the log into the file, beside the writer, so that its commits need not. SQLite only.
    pub async fn copy_log(&self) {
        if let Writers::Sqlite(..) = &self.writers
            && let Err(error) = sqlx::query("pragma wal_checkpoint(passive)").execute(&self.readers).await
        {
            tracing::debug!(%error, "the log was not copied; the writer will do it");
        }
    }

    /// Closes every connection, which on SQLite folds the log into the file.
    pub async fn close(&self) {
        self.readers.close().await;
        if let Writers::Sqlite(writer, _) = &self.writers
            && let Some(connection) = writer.lock().await.take()
            && let Err(error) = connection.close().await
        {
            tracing::warn!(%error, "the database was not closed cleanly; nothing is lost");
        }
    }
}

/// The one connection that writes to SQLite, made anew if the last transaction was not ended.
async fn alone(writer: &Arc<Mutex<Option<AnyConnection>>>, url: &str) -> sqlx::Result<Held> {
    let mut connection = writer.clone().lock_owned().await;
    if connection.is_none() {
        *connection = Some(sqlite_connection(url).await?);
    }
    Ok(Held::Alone(connection))
}

/// What every connection to SQLite is told. FULL: an acknowledged event survives the loss of power, not only of the
/// process. The log may grow to 64 MB before a commit has to copy it, for [`Db::copy_log`] does that first. Pages are
/// half as large as usual (of a new file; one that is there keeps its own): an event touches some twenty, a few bytes in
/// each, and every one is written to the log as a whole.
const SQLITE_SETTINGS: &str =
    "pragma busy_timeout = 10000; pragma page_size = 2048; pragma journal_mode = wal; pragma synchronous = full;
    pragma foreign_keys = on; pragma temp_store = memory; pragma cache_size = -4000;
    pragma wal_autocheckpoint = 32000; pragma journal_size_limit = 67108864";

async fn sqlite_connection(url: &str) -> sqlx::Result<AnyConnection> {
    let mut connection = AnyConnection::connect(url).await?;
    connection.execute(sqlx::raw_sql(SQLITE_SETTINGS)).await?;
    Ok(connection)
}

async fn sqlite_pool(url: &str, connections: u32) -> sqlx::Result<AnyPool> {
    AnyPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(Duration::from_secs(10))
        // A file does not hang up: asking before each use whether it is there would cost as much as a statement.
        .test_before_acquire(false)
        .after_connect(|connection, _| {
            Box::pin(async move {
                connection.execute(sqlx::raw_sql(SQLITE_SETTINGS)).await?;
                Ok(())
            })
        })
        .connect(url)
        .await
}

/// The migrations as SQLite is told them: a number that is a key is its `integer`. Then it is the place of the row itself,
/// and no index beside it has to be searched and written. Checksums stay those of the files.
fn migrations_of_sqlite() -> Migrator {
    let told = |migration: &Migration| {
        let sql = migration.sql.as_str().replace("bigint primary key", "integer primary key");
        Migration { sql: AssertSqlSafe(sql).into_sql_str(), ..migration.clone() }
    };
    Migrator::with_migrations(MIGRATIONS.iter().map(told).collect())
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

/// How the values of a statement are marked in its text.
#[derive(Debug, Clone, Copy)]
enum Marks {
    /// `?` for each: what sqlx finds fastest, and SQLite alone takes.
    Plain,
    /// `$1`, `$2` and so on, after this many before them.
    NumberedAfter(usize),
}

/// `head` followed by the marks of `rows` rows of `columns`, then `tail`.
fn with_rows(head: &str, marks: Marks, rows: usize, columns: usize, tail: &str) -> String {
    let mut sql = String::with_capacity(head.len() + rows * columns * 6 + tail.len());
    sql.push_str(head);
    for row in 0..rows {
        sql.push_str(if row == 0 { " (" } else { ", (" });
        for column in 1..=columns {
            if column > 1 {
                sql.push_str(", ");
            }
            match marks {
                Marks::Plain => sql.push('?'),
                Marks::NumberedAfter(before) => {
                    sql.push('$');
                    sql.push_str(&(before + row * columns + column).to_string());
                }
            }
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
const FEW_ROWS: usize = 32;

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
        let is_sqlite = tx.is_sqlite();
        for group in groups(self.parts, is_sqlite) {
            together(None, group, None, is_sqlite).execute(&mut **tx).await?;
        }
        Ok(())
    }

    /// Executes them and commits: small ones and the commit in one message, where the database takes that.
    ///
    /// # Errors
    /// What the database says; nothing was written then.
    pub async fn commit(self, mut tx: Tx) -> sqlx::Result<()> {
        let is_sqlite = tx.is_sqlite();
        let mut groups = groups(self.parts, is_sqlite);
        let last = groups.pop_if(|group| is_sqlite && group.iter().all(|part| part.rows <= FEW_ROWS));
        for group in groups {
            together(None, group, None, is_sqlite).execute(&mut *tx).await?;
        }
        match last {
            Some(last) => {
                together(None, last, Some("commit"), is_sqlite).execute(&mut *tx).await?;
                tx.open = false;
                Ok(())
            }
            None => tx.commit().await,
        }
    }
}

/// Statements that read, gathered to be executed together as a [`Batch`] is.
#[derive(Default)]
pub struct Asks<'q> {
    parts: Vec<Part<'q>>,
    /// How many parts each ask has.
    lengths: Vec<usize>,
}

impl<'q> Asks<'q> {
    /// Adds a statement with no arguments.
    pub fn one(&mut self, sql: &'static str) {
        self.parts.push(Part { head: sql, tail: "".into(), rows: 0, columns: 0, bind: Box::new(|query| query) });
        self.lengths.push(1);
    }

    /// Adds `head (…), (…) tail` for all rows; `bind` adds the `columns` values of one row. The last chunk repeats its
    /// last row, so the result must not depend on how often a row is asked for.
    pub fn rows<T: Sync>(
        &mut self,
        head: &'static str,
        columns: usize,
        tail: impl Into<Cow<'static, str>>,
        rows: &'q [T],
        bind: impl Fn(Query<'q>, &'q T) -> Query<'q> + Copy + Send + 'q,
    ) {
        let (tail, before) = (tail.into(), self.parts.len());
        for chunk in rows.chunks(SIZES[SIZES.len() - 1]) {
            let size = size_holding(chunk.len());
            let padded = chunk.iter().chain(std::iter::repeat_n(&chunk[chunk.len() - 1], size - chunk.len()));
            let bind = Box::new(move |query| padded.fold(query, bind));
            self.parts.push(Part { head, tail: tail.clone(), rows: size, columns, bind });
        }
        self.lengths.push(self.parts.len() - before);
    }

    /// Executes them. Gives the rows of each ask, in the order in which they were added.
    ///
    /// # Errors
    /// What the database says.
    pub async fn read(self, tx: &mut Tx) -> sqlx::Result<Vec<Vec<AnyRow>>> {
        self.read_after(None, tx).await
    }

    /// Executes them, with a statement before them that gives no rows.
    async fn read_after(self, mut first: Option<&str>, tx: &mut Tx) -> sqlx::Result<Vec<Vec<AnyRow>>> {
        let mut found: Vec<Vec<AnyRow>> = Vec::new();
        let (is_sqlite, before) = (tx.is_sqlite(), usize::from(first.is_some()));
        for group in groups(self.parts, is_sqlite) {
            let mut rows = Vec::new();
            // That of the connection: sqlx calls that of a query deprecated, because only SQLite takes several statements,
            // and only there are several given. A test below holds that each is answered by its own rows.
            let mut steps = (**tx).fetch_many(together(first.take(), group, None, is_sqlite));
            while let Some(step) = steps.try_next().await? {
                match step {
                    Either::Right(row) => rows.push(row),
                    // A statement has ended.
                    Either::Left(_) => found.push(std::mem::take(&mut rows)),
                }
            }
        }
        if let Some(first) = first {
            // Nothing was asked.
            sqlx::query(AssertSqlSafe(first.to_owned())).execute(&mut **tx).await?;
        }
        let mut parts = found.into_iter().skip(before);
        Ok(self.lengths.iter().map(|length| parts.by_ref().take(*length).flatten().collect()).collect())
    }
}

/// Which statements are executed as one text: small ones that follow each other, where the database takes that.
fn groups<'q>(parts: Vec<Part<'q>>, together: bool) -> Vec<Vec<Part<'q>>> {
    let mut groups: Vec<Vec<Part<'q>>> = Vec::new();
    let is_small = |part: &Part| part.rows <= FEW_ROWS;
    for part in parts {
        match groups.last_mut() {
            Some(group) if together && is_small(&part) && group.iter().all(is_small) => group.push(part),
            _ => groups.push(vec![part]),
        }
    }
    groups
}

/// One text of several statements, with their arguments, and with what comes before and after them; `plain` where the
/// database takes plain marks.
fn together<'q>(first: Option<&str>, parts: Vec<Part<'q>>, last: Option<&str>, plain: bool) -> Query<'q> {
    let mut values = 0;
    let mut sql = first.unwrap_or_default().to_owned();
    for part in &parts {
        if !sql.is_empty() {
            sql.push_str(";\n");
        }
        let marks = if plain { Marks::Plain } else { Marks::NumberedAfter(values) };
        sql.push_str(&with_rows(part.head, marks, part.rows, part.columns, &part.tail));
        values += part.rows * part.columns;
    }
    if let Some(last) = last {
        sql.push_str(";\n");
        sql.push_str(last);
    }
    parts.into_iter().fold(sqlx::query(AssertSqlSafe(sql)), |query, part| (part.bind)(query))
}

/// Executes `head (…), (…) tail` for all rows; `bind` adds the `columns` values of one row.
///
/// # Errors
/// What the database says.
pub async fn write_rows<'q, T: Sync>(
    tx: &mut Tx,
    head: &'static str,
    columns: usize,
    tail: impl Into<Cow<'static, str>>,
    rows: &'q [T],
    bind: impl Fn(Query<'q>, &'q T) -> Query<'q> + Copy + Send + 'q,
) -> sqlx::Result<()> {
    let mut batch = Batch::default();
    batch.rows(head, columns, tail, rows, bind);
    batch.write(tx).await
}

/// Fetches `head (…), (…) tail` for all rows; see [`Asks::rows`].
///
/// # Errors
/// What the database says.
pub async fn read_rows<'q, T: Sync>(
    tx: &mut Tx,
    head: &'static str,
    columns: usize,
    tail: impl Into<Cow<'static, str>>,
    rows: &'q [T],
    bind: impl Fn(Query<'q>, &'q T) -> Query<'q> + Copy + Send + 'q,
) -> sqlx::Result<Vec<AnyRow>> {
    let mut asks = Asks::default();
    asks.rows(head, columns, tail, rows, bind);
    Ok(asks.read(tx).await?.pop().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_count_through_all_rows() {
        assert_eq!(with_rows("values", Marks::NumberedAfter(0), 2, 2, "x"), "values ($1, $2), ($3, $4) x");
        assert_eq!(with_rows("values", Marks::NumberedAfter(4), 1, 2, "x"), "values ($5, $6) x");
        assert_eq!(with_rows("values", Marks::Plain, 2, 2, "x"), "values (?, ?), (?, ?) x");
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

    #[tokio::test]
    async fn asks_are_answered_each_by_its_own_rows() {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::open(&format!("sqlite://{}", dir.path().join("asks.db").display())).await.unwrap();
        let mut tx = db.write().await.unwrap();
        sqlx::query("create table t (a bigint primary key)").execute(&mut *tx).await.unwrap();
        let all: Vec<i64> = (0..300).collect();
        let mut batch = Batch::default();
        batch.rows("insert into t (a) values", 1, "", &all, |query, n| query.bind(*n));
        batch.commit(tx).await.unwrap();
        let head = "with wanted (a) as (values";
        let tail = ") select distinct t.a from wanted join t on t.a = wanted.a order by t.a";
        for (few, none, many) in [(1, 0, 2), (2, 1, 300), (0, 2, 7)] {
            let (few, many) = (&all[..few], &all[..many]);
            let strangers: Vec<i64> = (0..none).map(|n| -1 - n).collect();
            let mut asks = Asks::default();
            asks.rows(head, 1, tail, few, |query, n| query.bind(*n));
            asks.one("select count(*) from t");
            asks.rows(head, 1, tail, &strangers, |query, n| query.bind(*n));
            asks.rows(head, 1, tail, many, |query, n| query.bind(*n));
            let (tx, answers) = db.write_asking(asks).await.unwrap();
            tx.rollback().await.unwrap();
            let mut found: Vec<Vec<i64>> =
                answers.iter().map(|rows| rows.iter().map(|row| sqlx::Row::get(row, 0)).collect()).collect();
            found[3].sort_unstable();
            assert_eq!(found, [few.to_vec(), vec![300], vec![], many.to_vec()]);
        }
    }

    #[tokio::test]
    async fn a_batch_is_there_once_it_is_committed_and_what_is_dropped_never() {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::open(&format!("sqlite://{}", dir.path().join("ends.db").display())).await.unwrap();
        let mut tx = db.write().await.unwrap();
        sqlx::query("create table t (a bigint primary key)").execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
        let rows: Vec<i64> = (0..40).collect();
        let write = |rows| {
            let mut batch = Batch::default();
            batch.rows("insert into t (a) values", 1, "", rows, |query: Query, n: &i64| query.bind(*n));
            batch
        };
        write(&rows[..1]).commit(db.write().await.unwrap()).await.unwrap();
        write(&rows[1..40]).commit(db.write().await.unwrap()).await.unwrap();
        // Nothing is left of one that is dropped, nor of one whose last statement fails, and the next is not disturbed.
        let mut dropped = db.write().await.unwrap();
        sqlx::query("delete from t").execute(&mut *dropped).await.unwrap();
        drop(dropped);
        write(&rows[..1]).commit(db.write().await.unwrap()).await.unwrap_err();
        write(&[40]).commit(db.write().await.unwrap()).await.unwrap();
        let counted: (i64,) = sqlx::query_as("select count(*) from t").fetch_one(db.read()).await.unwrap();
        assert_eq!(counted, (41,));
    }

    #[tokio::test]
    async fn what_is_copied_from_the_log_is_in_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("log.db");
        let db = Db::open(&format!("sqlite://{}", file.display())).await.unwrap();
        let mut tx = db.write().await.unwrap();
        sqlx::query("create table t (a bigint primary key)").execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
        let in_the_file = async |name: &str| {
            let copy = dir.path().join(name);
            std::fs::copy(&file, &copy).unwrap();
            let copy = Db::open(&format!("sqlite://{}", copy.display())).await.unwrap();
            sqlx::query("select 1 from t").fetch_optional(copy.read()).await.is_ok()
        };
        assert!(!in_the_file("before.db").await);
        db.copy_log().await;
        assert!(in_the_file("after.db").await);
    }

    #[tokio::test]
    async fn on_sqlite_a_number_that_is_a_key_is_the_row_itself() {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::open(&format!("sqlite://{}", dir.path().join("keys.db").display())).await.unwrap();
        let sql =
            "select name from sqlite_master where type = 'index' and tbl_name in ('events', 'runs') and sql is null";
        let beside: Vec<(String,)> = sqlx::query_as(sql).fetch_all(db.read()).await.unwrap();
        assert_eq!(beside, []);
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
