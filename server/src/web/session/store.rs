//! Where sessions are kept: a `tower-sessions` store on our own database.

use std::collections::HashMap;
use std::fmt::Write;
use std::future::Future;
use std::pin::Pin;

use app::model::moment::Moment;
use sha2::{Digest, Sha256};
use tower_sessions::cookie::time::OffsetDateTime;
use tower_sessions::session::{Id, Record};
use tower_sessions::{SessionStore, session_store};

use crate::db::Db;
use crate::store::people;

/// Sessions in our own database. A copy of it signs nobody in: it holds hashes of the ids that cookies carry.
#[derive(Debug, Clone)]
pub struct Sessions {
    db: Db,
}

impl Sessions {
    /// Sessions in this database.
    pub fn new(db: Db) -> Self {
        Self { db }
    }
}

fn stored_id(id: &Id) -> String {
    Sha256::digest(id.to_string().as_bytes()).iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn moment(at: OffsetDateTime) -> Moment {
    Moment::from_millis(i64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX))
}

fn backend(error: sqlx::Error) -> session_store::Error {
    session_store::Error::Backend(error.to_string())
}

impl Sessions {
    async fn insert(&self, record: &Record) -> session_store::Result<()> {
        let data = written(record)?;
        let mut tx = self.db.write().await.map_err(backend)?;
        people::delete_expired_sessions(&mut tx, moment(OffsetDateTime::now_utc())).await.map_err(backend)?;
        people::insert_session(&mut tx, &stored_id(&record.id), &data, moment(record.expiry_date))
            .await
            .map_err(backend)?;
        tx.commit().await.map_err(backend)
    }

    async fn update(&self, record: &Record) -> session_store::Result<()> {
        let data = written(record)?;
        let mut tx = self.db.write().await.map_err(backend)?;
        people::update_session(&mut tx, &stored_id(&record.id), &data, moment(record.expiry_date))
            .await
            .map_err(backend)?;
        tx.commit().await.map_err(backend)
    }

    async fn find(&self, id: &Id) -> session_store::Result<Option<Record>> {
        let now = moment(OffsetDateTime::now_utc());
        let found = people::find_session(self.db.read(), &stored_id(id), now).await.map_err(backend)?;
        let Some((data, expires_at)) = found else { return Ok(None) };
        let data: HashMap<String, serde_json::Value> =
            serde_json::from_str(&data).map_err(|e| session_store::Error::Decode(e.to_string()))?;
        let expiry_date = OffsetDateTime::from_unix_timestamp_nanos(i128::from(expires_at.millis()) * 1_000_000)
            .map_err(|e| session_store::Error::Decode(e.to_string()))?;
        Ok(Some(Record { id: *id, data, expiry_date }))
    }

    async fn remove(&self, id: &Id) -> session_store::Result<()> {
        let mut tx = self.db.write().await.map_err(backend)?;
        people::delete_session(&mut tx, &stored_id(id)).await.map_err(backend)?;
        tx.commit().await.map_err(backend)
    }
}

fn written(record: &Record) -> session_store::Result<String> {
    serde_json::to_string(&record.data).map_err(|e| session_store::Error::Encode(e.to_string()))
}

type Answer<'f, T> = Pin<Box<dyn Future<Output = session_store::Result<T>> + Send + 'f>>;

// The trait is written with `async-trait`; these are the signatures that it makes.
impl SessionStore for Sessions {
    fn create<'s, 'r, 'f>(&'s self, record: &'r mut Record) -> Answer<'f, ()>
    where
        's: 'f,
        'r: 'f,
        Self: 'f,
    {
        Box::pin(self.insert(record))
    }

    fn save<'s, 'r, 'f>(&'s self, record: &'r Record) -> Answer<'f, ()>
    where
        's: 'f,
        'r: 'f,
        Self: 'f,
    {
        Box::pin(self.update(record))
    }

    fn load<'s, 'r, 'f>(&'s self, id: &'r Id) -> Answer<'f, Option<Record>>
    where
        's: 'f,
        'r: 'f,
        Self: 'f,
    {
        Box::pin(self.find(id))
    }

    fn delete<'s, 'r, 'f>(&'s self, id: &'r Id) -> Answer<'f, ()>
    where
        's: 'f,
        'r: 'f,
        Self: 'f,
    {
        Box::pin(self.remove(id))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tower_sessions::cookie::time::Duration;
    use tower_sessions::{Expiry, Session};

    use super::super::{NAME, NOTICE, SEEN, begin, end, take_notice};
    use super::*;

    async fn sessions() -> (tempfile::TempDir, Sessions) {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::open(&format!("sqlite://{}", dir.path().join("t.db").display())).await.unwrap();
        (dir, Sessions { db })
    }

    fn of_one_hour(sessions: &Sessions, id: Option<Id>) -> Session {
        Session::new(id, Arc::new(sessions.clone()), Some(Expiry::OnInactivity(Duration::hours(1))))
    }

    #[tokio::test]
    async fn a_session_is_found_by_its_cookie_and_stored_without_it() {
        let (_dir, sessions) = sessions().await;
        let session = of_one_hour(&sessions, None);
        begin(&session, "ada", Moment::from_millis(5)).await.unwrap();
        session.save().await.unwrap();
        let id = session.id().unwrap();
        let again = of_one_hour(&sessions, Some(id));
        assert_eq!(again.get::<String>(NAME).await.unwrap().as_deref(), Some("ada"));
        let now = moment(OffsetDateTime::now_utc());
        let find = async |id: &str| people::find_session(sessions.db.read(), id, now).await.unwrap();
        assert!(find(&stored_id(&id)).await.is_some());
        assert!(find(&id.to_string()).await.is_none());
    }

    #[tokio::test]
    async fn signing_in_makes_a_new_id_and_forgets_the_past() {
        let (_dir, sessions) = sessions().await;
        let session = of_one_hour(&sessions, None);
        begin(&session, "ada", Moment::from_millis(5)).await.unwrap();
        session.insert(NOTICE, "Saved.").await.unwrap();
        session.save().await.unwrap();
        let before = session.id().unwrap();
        let session = of_one_hour(&sessions, Some(before));
        begin(&session, "bob", Moment::from_millis(6)).await.unwrap();
        session.save().await.unwrap();
        assert_ne!(session.id(), Some(before));
        assert_eq!(session.get::<String>(NOTICE).await.unwrap(), None);
        assert_eq!(sessions.find(&before).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_session_that_was_ended_is_not_brought_back_by_a_slower_request() {
        let (_dir, sessions) = sessions().await;
        let session = of_one_hour(&sessions, None);
        begin(&session, "ada", Moment::from_millis(5)).await.unwrap();
        session.save().await.unwrap();
        let id = session.id().unwrap();
        let slower = of_one_hour(&sessions, Some(id));
        slower.insert(SEEN, 6).await.unwrap();
        end(&of_one_hour(&sessions, Some(id))).await.unwrap();
        slower.save().await.unwrap();
        assert_eq!(sessions.find(&id).await.unwrap(), None);
    }

    #[tokio::test]
    async fn an_expired_session_is_not_found() {
        let (_dir, sessions) = sessions().await;
        let past = Some(Expiry::AtDateTime(OffsetDateTime::now_utc() - Duration::seconds(1)));
        let session = Session::new(None, Arc::new(sessions.clone()), past);
        begin(&session, "ada", Moment::from_millis(5)).await.unwrap();
        session.save().await.unwrap();
        assert_eq!(sessions.find(&session.id().unwrap()).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_stranger_has_no_session() {
        let (_dir, sessions) = sessions().await;
        let session = of_one_hour(&sessions, None);
        assert_eq!(take_notice(&session).await.unwrap(), None);
        end(&session).await.unwrap();
        assert!(!session.is_modified() && session.is_empty().await);
    }
}
