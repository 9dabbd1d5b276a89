//! The clock: what time it is, and waking when the next moment is due.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use app::model::moment::Moment;

use crate::App;
use crate::actions::judge_due::judge_due;
use crate::live::Topic;
use crate::store::watches;

/// How long at most between two looks: sentences that count time ("22 min over") stay true.
const LONGEST: Duration = Duration::from_secs(10);

/// What time it is.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The machine's time.
    System,
    /// A time that a test sets, in milliseconds since 1970.
    Fixed(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands at a moment until it is set.
    pub fn fixed(at: Moment) -> Self {
        Self::Fixed(Arc::new(AtomicI64::new(at.millis())))
    }

    /// Sets a fixed clock; the machine's time cannot be set.
    pub fn set(&self, at: Moment) {
        if let Self::Fixed(now) = self {
            now.store(at.millis(), Ordering::SeqCst);
        }
    }

    /// What time it is.
    pub fn now(&self) -> Moment {
        match self {
            Self::System => Moment::from_millis(jiff::Timestamp::now().as_millisecond()),
            Self::Fixed(now) => Moment::from_millis(now.load(Ordering::SeqCst)),
        }
    }
}

/// Judges everything that is due now, once; gives how many transactions that took.
///
/// # Errors
/// What the database says; what was not judged is due again.
pub async fn strike(app: &App) -> sqlx::Result<usize> {
    let mut rounds = 0;
    loop {
        let (topics, more) = judge_due(&app.db, &app.worlds.book(), app.now()).await?;
        app.live.changed(topics);
        rounds += 1;
        if !more {
            return Ok(rounds);
        }
    }
}

/// Strikes whenever something is due, for ever.
pub async fn run(app: Arc<App>) {
    let mut changes = app.live.listen();
    loop {
        if let Err(error) = strike(&app).await {
            tracing::error!(%error, "what is due could not be judged; trying again");
        }
        // Silence of a workflow or a source begins without any event: every page that sums up looks again.
        app.live.changed(BTreeSet::from([Topic::Now, Topic::Sources]));
        let next = watches::next_due(app.db.read()).await.ok().flatten();
        let wait = next.map_or(LONGEST, |due| {
            let millis = due.since(app.now()).millis().clamp(20, LONGEST.as_millis() as i64);
            Duration::from_millis(millis as u64)
        });
        let sooner = tokio::time::sleep(wait);
        tokio::pin!(sooner);
        loop {
            tokio::select! {
                () = &mut sooner => break,
                // A new deadline may be nearer than the one we wait for; ask again, but not at every event.
                told = changes.recv() => if told.is_err() { break },
            }
            let due = watches::next_due(app.db.read()).await.ok().flatten();
            if due.is_some_and(|due| due <= app.now()) {
                break;
            }
            let pause = Duration::from_millis(250);
            tokio::select! {
                () = &mut sooner => break,
                () = tokio::time::sleep(pause) => {}
            }
            while changes.try_recv().is_ok() {}
        }
    }
}
