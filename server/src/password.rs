//! Passwords: hashed with argon2id on threads of their own, a few at a time, so that a flood of sign-ins starves nobody.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::oneshot;

/// Memory in KiB, passes and lanes of a hash: the second choice of the OWASP Password Storage Cheat Sheet, which is
/// as strong as its others and needs 19 MiB for one sign-in.
const COST: (u32, u32, u32) = (19_456, 2, 1);

/// How many passwords are hashed at the same time.
const AT_ONCE: usize = 1;

/// How many more may wait for that.
const MOST_WAITING: usize = 16;

/// A hash of no password at all: what an unknown name is checked against, so that it takes as long as a known one.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Why a password could not be hashed or checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordError {
    /// Too many wait already: the caller should come back.
    Busy,
    /// The computation itself failed: there is not enough memory, or its threads could not be started.
    Failed,
}

impl fmt::Display for PasswordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Busy => "Too many sign-ins at once; try again in a moment",
            Self::Failed => "The password could not be hashed; the machine may be out of memory",
        })
    }
}

impl std::error::Error for PasswordError {}

type Job = Box<dyn FnOnce() + Send>;

/// A few threads that hash passwords, and a short queue before them.
#[derive(Debug, Clone)]
pub struct PasswordPool {
    jobs: SyncSender<Job>,
}

impl Default for PasswordPool {
    fn default() -> Self {
        Self::start(AT_ONCE, MOST_WAITING)
    }
}

impl PasswordPool {
    /// Starts `threads` threads with room for `waiting` more. They end when every handle to the pool is gone.
    pub fn start(threads: usize, waiting: usize) -> Self {
        let (jobs, queue) = sync_channel(waiting);
        let queue = Arc::new(Mutex::new(queue));
        for number in 1..=threads {
            let queue = queue.clone();
            let started = std::thread::Builder::new().name(format!("password-{number}")).spawn(move || work(&queue));
            if let Err(error) = started {
                tracing::error!(%error, "a thread for passwords could not be started");
            }
        }
        Self { jobs }
    }

    /// Hashes a password, in PHC form.
    ///
    /// # Errors
    /// `Busy` at once when too many wait.
    pub async fn hash(&self, password: String) -> Result<String, PasswordError> {
        self.run(move || hash(&password)).await?
    }

    /// Whether this is the password of that hash. Without a hash (there is no such account) the answer is no, after
    /// as long a time.
    ///
    /// # Errors
    /// `Busy` at once when too many wait.
    pub async fn verify(&self, password: String, known: Option<String>) -> Result<bool, PasswordError> {
        self.run(move || verify(&password, known.as_deref())).await
    }

    /// Computes something on a thread of the pool, after what waits there already.
    ///
    /// # Errors
    /// `Busy` at once when too many wait.
    pub async fn run<T: Send + 'static>(
        &self,
        compute: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PasswordError> {
        let (answer, answered) = oneshot::channel();
        self.enqueue(Box::new(move || {
            // Whoever hung up while waiting costs nothing.
            if !answer.is_closed() {
                let _ = answer.send(compute());
            }
        }))?;
        answered.await.map_err(|_| PasswordError::Failed)
    }

    fn enqueue(&self, job: Job) -> Result<(), PasswordError> {
        self.jobs.try_send(job).map_err(|refused| match refused {
            TrySendError::Full(_) => PasswordError::Busy,
            TrySendError::Disconnected(_) => PasswordError::Failed,
        })
    }
}

fn work(queue: &Mutex<Receiver<Job>>) {
    loop {
        // Only taking a job happens under the lock; it cannot panic there.
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        // A panic in one computation must not end the thread: there may be only this one.
        if catch_unwind(AssertUnwindSafe(job)).is_err() {
            tracing::error!("hashing a password failed");
        }
    }
}

/// Hashes a password, in PHC form, on this thread: for the command line. The portal uses [`PasswordPool::hash`].
///
/// # Errors
/// `Failed` when there is not enough memory.
pub fn hash(password: &str) -> Result<String, PasswordError> {
    let (memory, passes, lanes) = COST;
    let hashed = Params::new(memory, passes, lanes, None)
        .map_err(|e| e.to_string())
        .map(|params| Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
        .and_then(|argon2| argon2.hash_password(password.as_bytes()).map_err(|e| e.to_string()));
    match hashed {
        Ok(hash) => Ok(hash.to_string()),
        Err(error) => {
            tracing::error!(error, "a password could not be hashed");
            Err(PasswordError::Failed)
        }
    }
}

fn verify(password: &str, known: Option<&str>) -> bool {
    let known = known.and_then(|hash| PasswordHash::new(hash).ok()).or_else(|| PasswordHash::new(NOBODY).ok());
    // The cost is that of the stored hash, whatever ours is today.
    known.is_some_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn an_unknown_name_costs_what_a_known_one_does() {
        let nobody = PasswordHash::new(NOBODY).unwrap();
        let known = PasswordHash::new(&hash("correct horse").unwrap()).unwrap();
        assert_eq!(nobody.params, known.params);
        assert_eq!((nobody.algorithm, nobody.version), (known.algorithm, known.version));
        assert_eq!(nobody.hash.unwrap().as_bytes().len(), known.hash.unwrap().as_bytes().len());
        assert!(!verify("", None) && !verify("", Some("not a hash")));
    }

    #[tokio::test]
    async fn only_the_password_itself_fits_its_hash() {
        let pool = PasswordPool::default();
        let hash = pool.hash("correct horse".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(pool.verify("correct horse".into(), Some(hash.clone())).await.unwrap());
        assert!(!pool.verify("wrong horse".into(), Some(hash)).await.unwrap());
    }

    #[tokio::test]
    async fn a_flood_is_refused_at_once_and_those_who_wait_are_served() {
        let pool = PasswordPool::start(1, 3);
        let ((started, has_started), (release, held)) = (channel(), channel::<()>());
        pool.enqueue(Box::new(move || {
            started.send(()).unwrap();
            let _ = held.recv();
        }))
        .unwrap();
        has_started.recv().unwrap();
        let (done, served) = channel();
        for _ in 0..3 {
            let done = done.clone();
            pool.enqueue(Box::new(move || done.send(()).unwrap())).unwrap();
        }
        for _ in 0..1_000 {
            assert_eq!(pool.verify("x".into(), None).await, Err(PasswordError::Busy));
        }
        drop(release);
        for _ in 0..3 {
            served.recv().unwrap();
        }
        assert_eq!(pool.verify("x".into(), None).await, Ok(false));
    }

    #[tokio::test]
    async fn a_computation_that_fails_does_not_end_the_pool() {
        let pool = PasswordPool::start(1, 1);
        assert_eq!(pool.run(|| panic!("as if out of memory")).await, Err::<(), _>(PasswordError::Failed));
        assert_eq!(pool.run(|| 7).await, Ok(7));
    }
}
