//! Creating a token for a program, and checking the one that a request brings.

use std::collections::HashMap;
use std::fmt;
use std::fmt::Write;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use app::model::moment::Moment;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::ValueEnum;
use rand::Rng;
use sha2::{Digest, Sha256};

use crate::db::Db;
use crate::store::feed;
use crate::store::people::{self, AuditLine};

/// What every token begins with, so that one that leaked is recognised.
const PREFIX: &str = "wb_";

/// The length of a token: the prefix, and 32 random bytes in URL-safe base64.
const LENGTH: usize = 3 + 43;

/// The longest name of a token, in bytes.
const LONGEST_NAME: usize = 64;

/// How long a token that was found good is not looked up again: a deleted one stops working after this time.
const KNOWN_FOR: Duration = Duration::from_secs(10);

/// How many tokens are remembered so.
const MOST_KNOWN: usize = 1_000;

/// What a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scope {
    /// Send events.
    Ingest,
    /// Read what pages show, as JSON.
    Read,
    /// Tell of one check by asking for an address that holds the token: /ping/TOKEN. The name of the token is the
    /// name of the check.
    Ping,
    /// Everything.
    Admin,
}

impl Scope {
    /// The name in commands and in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Read => "read",
            Self::Ping => "ping",
            Self::Admin => "admin",
        }
    }

    /// Reads the name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Ingest, Self::Read, Self::Ping, Self::Admin].into_iter().find(|scope| scope.name() == name)
    }

    /// Whether a token of this scope may do what needs `wanted`. A ping needs a token of its own, named like its check.
    pub fn may(self, wanted: Scope) -> bool {
        self == wanted || self == Self::Admin && wanted != Self::Ping
    }
}

/// Why a token was not made.
#[derive(Debug)]
pub enum CreateTokenError {
    /// The name cannot be used.
    Unusable,
    /// There is a token of this name.
    Taken(String),
    /// What the database says.
    Database(sqlx::Error),
}

impl fmt::Display for CreateTokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unusable => write!(f, "a token needs a name of at most {LONGEST_NAME} bytes, to know it by"),
            Self::Taken(name) => write!(f, "there is a token \"{name}\" already; choose another name"),
            Self::Database(error) => write!(f, "the token could not be written: {error}"),
        }
    }
}

impl std::error::Error for CreateTokenError {}

impl From<sqlx::Error> for CreateTokenError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

/// Makes a token, from the command line, and gives its text: the only time that it can be seen, for only its hash is
/// kept.
///
/// # Errors
/// When the name is taken or empty, or the database does not take it.
pub async fn create_token(db: &Db, name: &str, scope: Scope, now: Moment) -> Result<String, CreateTokenError> {
    let name = name.trim();
    if name.is_empty() || name.len() > LONGEST_NAME || name.chars().any(char::is_control) {
        return Err(CreateTokenError::Unusable);
    }
    let mut bytes = [0u8; 32];
    rand::rng().fill_bytes(&mut bytes);
    let token = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes));
    let line = AuditLine {
        at: now,
        actor: "command line".to_owned(),
        action: "create_token".to_owned(),
        subject: format!("{name} for {}", scope.name()),
        address: "local".to_owned(),
    };
    let mut tx = db.write().await?;
    feed::take_turn(&mut tx).await?;
    if !people::insert_token(&mut tx, &hex(&digest(&token)), name, scope.name(), now).await? {
        return Err(CreateTokenError::Taken(name.to_owned()));
    }
    people::append_audit(&mut tx, &line).await?;
    tx.commit().await?;
    Ok(token)
}

/// The name and scope of the token that a request brings; none when it is not one of ours.
///
/// Every request that brings events asks, so a good answer holds for ten seconds. Bad ones are looked up each time:
/// remembering them would let a stranger fill the memory.
///
/// # Errors
/// What the database says.
pub async fn check_token(db: &Db, bearer: &str) -> sqlx::Result<Option<(String, Scope)>> {
    if bearer.len() != LENGTH || !bearer.starts_with(PREFIX) {
        return Ok(None);
    }
    let digest = digest(bearer);
    if let Some(found) = known(|known| known.find(&digest, Instant::now())) {
        return Ok(Some(found));
    }
    let found = people::find_token(db.read(), &hex(&digest)).await?;
    let found = found.and_then(|(name, scope)| Some((name, Scope::parse(&scope)?)));
    if let Some(found) = &found {
        known(|known| known.add(digest, found.clone(), Instant::now()));
    }
    Ok(found)
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

fn hex(digest: &[u8]) -> String {
    digest.iter().fold(String::with_capacity(digest.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Runs something with the tokens that were found good lately. They are those of the process: a token is 256 random
/// bits, so two databases in one process (tests) have none in common.
fn known<T>(act: impl FnOnce(&mut Known) -> T) -> T {
    static KNOWN: LazyLock<Mutex<Known>> = LazyLock::new(Mutex::default);
    act(&mut KNOWN.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Tokens found good, by the hash, with when that was.
#[derive(Debug, Default)]
struct Known(HashMap<[u8; 32], (Instant, String, Scope)>);

impl Known {
    fn find(&self, digest: &[u8; 32], now: Instant) -> Option<(String, Scope)> {
        let (at, name, scope) = self.0.get(digest)?;
        (now.saturating_duration_since(*at) < KNOWN_FOR).then(|| (name.clone(), *scope))
    }

    fn add(&mut self, digest: [u8; 32], (name, scope): (String, Scope), now: Instant) {
        if self.0.len() >= MOST_KNOWN {
            self.0.retain(|_, (at, _, _)| now.saturating_duration_since(*at) < KNOWN_FOR);
        }
        // Still full: more tokens are in use than are worth remembering; those beyond are looked up each time.
        if self.0.len() < MOST_KNOWN {
            self.0.insert(digest, (now, name, scope));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn database() -> (tempfile::TempDir, Db) {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::open(&format!("sqlite://{}", dir.path().join("t.db").display())).await.unwrap();
        (dir, db)
    }

    #[tokio::test]
    async fn a_token_is_known_by_its_hash_alone() {
        let (_dir, db) = database().await;
        let token = create_token(&db, "erp-sync", Scope::Ingest, Moment::from_millis(1)).await.unwrap();
        assert_eq!((token.len(), &token[..3]), (LENGTH, "wb_"));
        for _ in 0..2 {
            assert_eq!(check_token(&db, &token).await.unwrap(), Some(("erp-sync".to_owned(), Scope::Ingest)));
        }
        let other = format!("wb_{}", "A".repeat(43));
        for wrong in ["", "wb_", &token[..45], &other, "é"] {
            assert_eq!(check_token(&db, wrong).await.unwrap(), None, "{wrong}");
        }
        assert_eq!(hex(&digest(&token)).len(), 64);
        assert_eq!(people::find_token(db.read(), &token).await.unwrap(), None);
        let again = create_token(&db, "erp-sync", Scope::Read, Moment::from_millis(1)).await.unwrap_err();
        assert!(again.to_string().contains("already"), "{again}");
    }

    #[test]
    fn a_deleted_token_stops_working_after_ten_seconds() {
        let mut known = Known::default();
        let start = Instant::now();
        known.add([1; 32], ("a".into(), Scope::Read), start);
        assert!(known.find(&[1; 32], start + Duration::from_millis(9_999)).is_some());
        assert!(known.find(&[1; 32], start + KNOWN_FOR).is_none());
    }

    #[test]
    fn not_more_than_a_thousand_tokens_are_remembered() {
        let mut known = Known::default();
        let start = Instant::now();
        let key = |n: usize| {
            let mut key = [0; 32];
            key[..8].copy_from_slice(&n.to_le_bytes());
            key
        };
        for n in 0..2 * MOST_KNOWN {
            known.add(key(n), ("a".into(), Scope::Read), start);
        }
        assert_eq!(known.0.len(), MOST_KNOWN);
        known.add([9; 32], ("b".into(), Scope::Read), start + KNOWN_FOR);
        assert_eq!(known.0.len(), 1);
    }

    #[test]
    fn an_admin_token_may_all_but_ping_and_the_others_their_own() {
        assert!(Scope::Admin.may(Scope::Ingest) && Scope::Admin.may(Scope::Read));
        assert!(Scope::Ping.may(Scope::Ping) && !Scope::Admin.may(Scope::Ping) && !Scope::Ping.may(Scope::Read));
        assert!(Scope::Read.may(Scope::Read) && !Scope::Read.may(Scope::Ingest) && !Scope::Ingest.may(Scope::Read));
    }
}
