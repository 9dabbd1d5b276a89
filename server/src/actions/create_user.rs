//! Creating an account for a person.

use std::fmt;

use app::model::moment::Moment;
use app::model::status::Role;

use crate::db::Db;
use crate::password::{self, PasswordError};
use crate::store::feed;
use crate::store::people::{self, AuditLine, UserRecord};

/// The longest name of an account, in bytes.
const LONGEST_NAME: usize = 64;

/// The shortest password, in characters (OWASP ASVS 5.0, 6.2.1).
const SHORTEST_PASSWORD: usize = 8;

/// The longest password, in bytes: far beyond what a person types, and nothing to exhaust us with.
pub const LONGEST_PASSWORD: usize = 1_024;

/// Why an account was not made.
#[derive(Debug)]
pub enum CreateUserError {
    /// The name or the password cannot be used; says what can.
    Unusable(String),
    /// Somebody has this name.
    Taken(String),
    /// The password could not be hashed.
    Password(PasswordError),
    /// What the database says.
    Database(sqlx::Error),
}

impl fmt::Display for CreateUserError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unusable(why) => f.write_str(why),
            Self::Taken(name) => write!(f, "there is an account \"{name}\" already; choose another name"),
            Self::Password(error) => error.fmt(f),
            Self::Database(error) => write!(f, "the account could not be written: {error}"),
        }
    }
}

impl std::error::Error for CreateUserError {}

impl From<sqlx::Error> for CreateUserError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

/// The name of an account as it is kept: in lower case, because a phone begins every word with a capital letter.
pub fn account_name(typed: &str) -> String {
    typed.trim().to_lowercase()
}

/// Makes an account, from the command line. The hash is computed on this thread.
///
/// # Errors
/// When the name is taken or cannot be used, the password is too short, or the database does not take it.
pub async fn create_user(db: &Db, name: &str, role: Role, password: &str, now: Moment) -> Result<(), CreateUserError> {
    let name = account_name(name);
    check(&name, password).map_err(CreateUserError::Unusable)?;
    let password_hash = password::hash(password).map_err(CreateUserError::Password)?;
    let line = AuditLine {
        at: now,
        actor: "command line".to_owned(),
        action: "create_user".to_owned(),
        subject: format!("{name} as {}", role.name()),
        address: "local".to_owned(),
    };
    let record = UserRecord { name, role, password_hash, created_at: now };
    let mut tx = db.write().await?;
    feed::take_turn(&mut tx).await?;
    if !people::insert_user(&mut tx, &record).await? {
        return Err(CreateUserError::Taken(record.name));
    }
    people::append_audit(&mut tx, &line).await?;
    tx.commit().await?;
    Ok(())
}

/// The account of a role in the demo, made when it is first asked for. No password fits it.
///
/// # Errors
/// What the database says.
pub async fn demo_account(db: &Db, role: Role, now: Moment) -> sqlx::Result<UserRecord> {
    let name = format!("demo-{}", role.name());
    if let Some(account) = people::find_user(db.read(), &name).await? {
        return Ok(account);
    }
    let account = UserRecord { name, role, password_hash: "none".to_owned(), created_at: now };
    let mut tx = db.write().await?;
    // It says false when another request made the account meanwhile, which is as good.
    people::insert_user(&mut tx, &account).await?;
    tx.commit().await?;
    Ok(account)
}

fn check(name: &str, password: &str) -> Result<(), String> {
    let letter = |c: char| c.is_alphanumeric() || "._-@+".contains(c);
    if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(letter) {
        return Err(format!(
            "\"{name}\" cannot be the name of an account; use letters, digits and . _ - @ +, at most {LONGEST_NAME}"
        ));
    }
    if password.chars().count() < SHORTEST_PASSWORD {
        return Err(format!("the password is too short; use at least {SHORTEST_PASSWORD} characters"));
    }
    if password.len() > LONGEST_PASSWORD {
        return Err(format!("the password is too long; use at most {LONGEST_PASSWORD} bytes"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_account_is_made_once_and_recorded() {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::open(&format!("sqlite://{}", dir.path().join("t.db").display())).await.unwrap();
        let now = Moment::from_millis(9);
        create_user(&db, " Ada ", Role::Editor, "correct horse", now).await.unwrap();
        let again = create_user(&db, "ada", Role::Admin, "correct horse", now).await.unwrap_err();
        assert_eq!(again.to_string(), "there is an account \"ada\" already; choose another name");
        assert_eq!(people::find_user(db.read(), "ada").await.unwrap().unwrap().role, Role::Editor);
        let lines = people::newest_audit(db.read(), 9).await.unwrap();
        assert_eq!((lines.len(), lines[0].subject.as_str()), (1, "ada as editor"));
    }

    #[test]
    fn a_name_or_password_that_cannot_be_used_is_said_with_what_can() {
        assert_eq!(check("ada.l@example.com", "12345678"), Ok(()));
        assert!(check("", "12345678").unwrap_err().contains("cannot be the name"));
        assert!(check("a b", "12345678").unwrap_err().contains("letters, digits"));
        assert!(check("ada", "1234567").unwrap_err().contains("at least 8"));
        assert!(check("ada", &"x".repeat(1_025)).unwrap_err().contains("at most 1024"));
    }
}
