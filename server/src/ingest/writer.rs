//! The writer: takes what waits from all requests, records it in one commit, then answers every caller.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;

use super::commits::Commits;
use super::patience::wait_for;
use crate::actions::record_events::{Arrival, Receipt, record_events};
use crate::db::Db;
use crate::live::Live;
use crate::world::Worlds;

/// The most events that are recorded in one commit.
pub const MOST_IN_COMMIT: usize = 1_000;

/// The most events that may wait; beyond that callers are told to come back.
pub const MOST_WAITING: usize = 50_000;

/// The most arrivals that may wait.
const MOST_ARRIVALS: usize = 1_024;

/// How long the writer stays awake for each answer of the database, and for the next arrival: being woken takes as long as
/// many statements. Whoever else needs the processor meanwhile has it.
const AWAKE: Duration = Duration::from_micros(500);

/// After how many commits the log of the database is copied: each copy waits for the disk as several commits do. So many
/// events in one commit fill the log as much as one commit more.
const COPY_AFTER: usize = 400;
const LIKE_A_COMMIT: usize = 64;

/// How often a commit is tried while the database is busy or away, before the callers are told.
const TRIES: u32 = 3;

/// Hands events to the writer.
#[derive(Debug, Clone)]
pub struct Writer {
    jobs: mpsc::Sender<Job>,
    room: Arc<Semaphore>,
    commits: Arc<Commits>,
    most_waiting: usize,
}

#[derive(Debug)]
struct Job {
    arrival: Arrival,
    _room: OwnedSemaphorePermit,
    answer: oneshot::Sender<Result<Receipt, WriteError>>,
}

/// Why events were not recorded. None of them is kept then; sending them again is safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteError {
    /// Too many wait already.
    Full,
    /// The database did not take them.
    Database,
    /// The portal is stopping.
    Stopping,
}

impl Writer {
    /// Starts the writer; at most `most_waiting` events wait for it. It stops, after its last batch, when every handle to it is gone.
    pub fn start(db: Db, worlds: Arc<Worlds>, live: Live, most_waiting: usize) -> (Self, JoinHandle<()>) {
        let (jobs, mut waiting) = mpsc::channel::<Job>(MOST_ARRIVALS);
        // A thread of its own: a commit is a dozen short statements, and handing each of them from thread to thread of
        // the runtime took longer than the statements.
        let commits = Arc::<Commits>::default();
        let counted = commits.clone();
        let copy = copier(db.clone());
        let task = tokio::task::spawn_blocking(move || {
            let mut since_copy = 0;
            while let Some(first) = wait_for(waiting.recv(), AWAKE) {
                let batch = with_what_waits(first, &mut waiting);
                since_copy += 1 + batch.iter().map(|job| job.arrival.events.len()).sum::<usize>() / LIKE_A_COMMIT;
                let began = Instant::now();
                wait_for(commit(&db, &worlds, &live, batch), AWAKE);
                counted.took(began.elapsed());
                if since_copy >= COPY_AFTER {
                    since_copy = 0;
                    // One that is under way takes this along.
                    let _ = copy.try_send(());
                }
            }
        });
        (Self { jobs, room: Arc::new(Semaphore::new(most_waiting)), most_waiting, commits }, task)
    }

    /// Records an arrival if there is room for it now.
    ///
    /// # Errors
    /// `Full` at once when too many wait; else what became of the commit.
    pub async fn record(&self, arrival: Arrival) -> Result<Receipt, WriteError> {
        let room = self.room.clone().try_acquire_many_owned(self.size(&arrival)).map_err(|_| WriteError::Full)?;
        self.send(arrival, room).await
    }

    /// Records an arrival as soon as there is room: for a stream, which is slowed down instead of refused.
    ///
    /// # Errors
    /// What became of the commit.
    pub async fn record_when_room(&self, arrival: Arrival) -> Result<Receipt, WriteError> {
        let room = self.room.clone().acquire_many_owned(self.size(&arrival)).await.map_err(|_| WriteError::Stopping)?;
        self.send(arrival, room).await
    }

    async fn send(&self, arrival: Arrival, room: OwnedSemaphorePermit) -> Result<Receipt, WriteError> {
        let (answer, answered) = oneshot::channel();
        let job = Job { arrival, _room: room, answer };
        self.jobs.send(job).await.map_err(|_| WriteError::Stopping)?;
        answered.await.unwrap_or(Err(WriteError::Stopping))
    }

    /// How long its commits took, from taking what waits to the answers.
    pub fn commits(&self) -> &Commits {
        &self.commits
    }

    /// How much room an arrival takes; one that is larger than all the room takes all of it.
    fn size(&self, arrival: &Arrival) -> u32 {
        let events = arrival.events.len() + arrival.refused.len();
        u32::try_from(events.clamp(1, self.most_waiting.max(1))).unwrap_or(1)
    }

    /// How many events wait to be committed.
    pub fn waiting(&self) -> usize {
        self.most_waiting - self.room.available_permits().min(self.most_waiting)
    }
}

/// Copies the log of the database whenever it is told to, until nobody can tell it any more.
fn copier(db: Db) -> mpsc::Sender<()> {
    let (copy, mut told) = mpsc::channel(1);
    tokio::spawn(async move {
        while let Some(()) = told.recv().await {
            db.copy_log().await;
        }
    });
    copy
}

/// The first job and those that wait behind it, up to one commit's worth.
fn with_what_waits(first: Job, waiting: &mut mpsc::Receiver<Job>) -> Vec<Job> {
    let mut events = first.arrival.events.len();
    let mut batch = vec![first];
    while events < MOST_IN_COMMIT {
        let Ok(job) = waiting.try_recv() else { break };
        events += job.arrival.events.len();
        batch.push(job);
    }
    batch
}

async fn commit(db: &Db, worlds: &Worlds, live: &Live, batch: Vec<Job>) {
    let (arrivals, answers): (Vec<_>, Vec<_>) =
        batch.into_iter().map(|job| (job.arrival, (job.answer, job._room))).unzip();
    let turn = worlds.turn().await;
    let book = worlds.book();
    let mut tries = 0;
    let recorded = loop {
        tries += 1;
        match record_events(db, &book, &arrivals).await {
            Ok(recorded) => break Ok(recorded),
            Err(error) if tries < TRIES => {
                tracing::warn!(%error, tries, "events were not recorded; trying again");
                tokio::time::sleep(Duration::from_millis(50 << tries)).await;
            }
            Err(error) => break Err(error),
        }
    };
    drop(turn);
    match recorded {
        Ok(recorded) => {
            // Before the answers: a page that is asked for after one knows that it shows this.
            live.changed(recorded.topics);
            for ((answer, room), receipt) in answers.into_iter().zip(recorded.receipts) {
                drop(room);
                // A caller that went away has its events all the same.
                let _ = answer.send(Ok(receipt));
            }
            if recorded.parts_changed {
                worlds.reload(db).await;
                live.changed([crate::live::Topic::Book].into());
            }
        }
        Err(error) => {
            tracing::error!(%error, arrivals = arrivals.len(), "events were not recorded");
            for (answer, _) in answers {
                let _ = answer.send(Err(WriteError::Database));
            }
        }
    }
}
