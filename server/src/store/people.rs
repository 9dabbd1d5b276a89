//! People: accounts, their sessions, tokens for programs, and the record of who did what.

use app::model::moment::Moment;
use app::model::status::Role;
use sqlx::AnyPool;

use crate::db::Tx;

/// An account as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRecord {
    /// The name to sign in with.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// The hash of the password, in PHC form.
    pub password_hash: String,
    /// When the account was made.
    pub created_at: Moment,
}

type UserRow = (String, String, String, i64);

fn user((name, role, password_hash, created_at): UserRow) -> UserRecord {
    // The table checks the role; a word that only a newer version knows is taken as the least.
    let role = Role::parse(&role).unwrap_or(Role::Viewer);
    UserRecord { name, role, password_hash, created_at: Moment::from_millis(created_at) }
}

/// One account.
pub async fn find_user(pool: &AnyPool, name: &str) -> sqlx::Result<Option<UserRecord>> {
    let row: Option<UserRow> =
        sqlx::query_as("select name, role, password_hash, created_at from users where name = $1")
            .bind(name)
            .fetch_optional(pool)
            .await?;
    Ok(row.map(user))
}

/// Every account, by name.
pub async fn all_users(pool: &AnyPool) -> sqlx::Result<Vec<UserRecord>> {
    let rows: Vec<UserRow> =
        sqlx::query_as("select name, role, password_hash, created_at from users order by name").fetch_all(pool).await?;
    Ok(rows.into_iter().map(user).collect())
}

/// Whether there is any account.
pub async fn any_user(pool: &AnyPool) -> sqlx::Result<bool> {
    let row: Option<(String,)> = sqlx::query_as("select name from users limit 1").fetch_optional(pool).await?;
    Ok(row.is_some())
}

/// Adds an account; false when the name is taken, and then nothing changed.
pub async fn insert_user(tx: &mut Tx, record: &UserRecord) -> sqlx::Result<bool> {
    let done = sqlx::query(
        "insert into users (name, role, password_hash, created_at)
        values ($1, $2, $3, $4)
        on conflict do nothing",
    )
    .bind(record.name.as_str())
    .bind(record.role.name())
    .bind(record.password_hash.as_str())
    .bind(record.created_at.millis())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The name and scope of the token with this hash.
pub async fn find_token(pool: &AnyPool, hash: &str) -> sqlx::Result<Option<(String, String)>> {
    sqlx::query_as("select name, scope from tokens where hash = $1").bind(hash).fetch_optional(pool).await
}

/// Adds a token; false when the name is taken, and then nothing changed.
pub async fn insert_token(tx: &mut Tx, hash: &str, name: &str, scope: &str, now: Moment) -> sqlx::Result<bool> {
    let done = sqlx::query(
        "insert into tokens (hash, name, scope, created_at)
        values ($1, $2, $3, $4)
        on conflict do nothing",
    )
    .bind(hash)
    .bind(name)
    .bind(scope)
    .bind(now.millis())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Removes a token; false when there was none of that name.
pub async fn delete_token(tx: &mut Tx, name: &str) -> sqlx::Result<bool> {
    let done = sqlx::query("delete from tokens where name = $1").bind(name).execute(&mut **tx).await?;
    Ok(done.rows_affected() == 1)
}

/// Who did what, on what, when, from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditLine {
    /// When.
    pub at: Moment,
    /// The account, or `command line`, or `nobody`.
    pub actor: String,
    /// What, as a word: `sign_in`.
    pub action: String,
    /// On what.
    pub subject: String,
    /// The address it came from.
    pub address: String,
}

/// Appends a line. The caller holds the turn to write (`feed::take_turn`), so that ids are in order of commits.
pub async fn append_audit(tx: &mut Tx, line: &AuditLine) -> sqlx::Result<()> {
    sqlx::query(
        "insert into audit (id, at, actor, action, subject, address)
        values ((select coalesce(max(id), 0) + 1 from audit), $1, $2, $3, $4, $5)",
    )
    .bind(line.at.millis())
    .bind(line.actor.as_str())
    .bind(line.action.as_str())
    .bind(line.subject.as_str())
    .bind(line.address.as_str())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The newest lines, newest first.
pub async fn newest_audit(pool: &AnyPool, most: i64) -> sqlx::Result<Vec<AuditLine>> {
    let rows: Vec<(i64, String, String, String, String)> =
        sqlx::query_as("select at, actor, action, subject, address from audit order by id desc limit $1")
            .bind(most)
            .fetch_all(pool)
            .await?;
    let line = |(at, actor, action, subject, address)| AuditLine {
        at: Moment::from_millis(at),
        actor,
        action,
        subject,
        address,
    };
    Ok(rows.into_iter().map(line).collect())
}

/// Begins a session. Fails when there is one with this id: nobody gets the session of somebody else.
pub async fn insert_session(tx: &mut Tx, id: &str, data: &str, expires_at: Moment) -> sqlx::Result<()> {
    sqlx::query("insert into sessions (id, data, expires_at) values ($1, $2, $3)")
        .bind(id)
        .bind(data)
        .bind(expires_at.millis())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Changes a session that still exists. One that was ended by another request meanwhile stays ended.
pub async fn update_session(tx: &mut Tx, id: &str, data: &str, expires_at: Moment) -> sqlx::Result<()> {
    sqlx::query("update sessions set data = $1, expires_at = $2 where id = $3")
        .bind(data)
        .bind(expires_at.millis())
        .bind(id)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// The data of a session that has not expired, and when it will.
pub async fn find_session(pool: &AnyPool, id: &str, now: Moment) -> sqlx::Result<Option<(String, Moment)>> {
    let row: Option<(String, i64)> =
        sqlx::query_as("select data, expires_at from sessions where id = $1 and expires_at > $2")
            .bind(id)
            .bind(now.millis())
            .fetch_optional(pool)
            .await?;
    Ok(row.map(|(data, expires_at)| (data, Moment::from_millis(expires_at))))
}

/// Ends a session.
pub async fn delete_session(tx: &mut Tx, id: &str) -> sqlx::Result<()> {
    sqlx::query("delete from sessions where id = $1").bind(id).execute(&mut **tx).await?;
    Ok(())
}

/// Removes sessions that have expired.
pub async fn delete_expired_sessions(tx: &mut Tx, now: Moment) -> sqlx::Result<()> {
    sqlx::query("delete from sessions where expires_at <= $1").bind(now.millis()).execute(&mut **tx).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::Db;
    use crate::store::feed;

    async fn database() -> (tempfile::TempDir, Db) {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::open(&format!("sqlite://{}", dir.path().join("people.db").display())).await.unwrap();
        (dir, db)
    }

    fn ada(role: Role) -> UserRecord {
        UserRecord { name: "ada".into(), role, password_hash: "x".into(), created_at: Moment::from_millis(5) }
    }

    #[tokio::test]
    async fn a_name_belongs_to_one_account() {
        let (_dir, db) = database().await;
        assert!(!any_user(db.read()).await.unwrap());
        let mut tx = db.write().await.unwrap();
        assert!(insert_user(&mut tx, &ada(Role::Editor)).await.unwrap());
        assert!(!insert_user(&mut tx, &ada(Role::Admin)).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(find_user(db.read(), "ada").await.unwrap(), Some(ada(Role::Editor)));
        assert_eq!(all_users(db.read()).await.unwrap(), [ada(Role::Editor)]);
        assert!(any_user(db.read()).await.unwrap());
    }

    #[tokio::test]
    async fn the_record_of_who_did_what_is_read_newest_first() {
        let (_dir, db) = database().await;
        let mut tx = db.write().await.unwrap();
        feed::take_turn(&mut tx).await.unwrap();
        for action in ["sign_in", "sign_out"] {
            let line = AuditLine {
                at: Moment::from_millis(7),
                actor: "ada".into(),
                action: action.into(),
                subject: String::new(),
                address: "127.0.0.1".into(),
            };
            append_audit(&mut tx, &line).await.unwrap();
        }
        tx.commit().await.unwrap();
        let actions: Vec<_> = newest_audit(db.read(), 9).await.unwrap().into_iter().map(|line| line.action).collect();
        assert_eq!(actions, ["sign_out", "sign_in"]);
    }

    #[tokio::test]
    async fn a_session_ends_at_its_time_and_is_then_removed() {
        let (_dir, db) = database().await;
        let at = Moment::from_millis;
        let mut tx = db.write().await.unwrap();
        insert_session(&mut tx, "a", "{}", at(100)).await.unwrap();
        update_session(&mut tx, "a", "{\"b\":1}", at(200)).await.unwrap();
        update_session(&mut tx, "gone", "{}", at(200)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(find_session(db.read(), "a", at(199)).await.unwrap(), Some(("{\"b\":1}".into(), at(200))));
        assert_eq!(find_session(db.read(), "a", at(200)).await.unwrap(), None);
        assert_eq!(find_session(db.read(), "gone", at(1)).await.unwrap(), None);
        let mut tx = db.write().await.unwrap();
        delete_expired_sessions(&mut tx, at(200)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(find_session(db.read(), "a", at(1)).await.unwrap(), None);
    }
}
