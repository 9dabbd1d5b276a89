//! The clock: what time it is, and waking when the next moment is due.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use app::model::moment::Moment;

use crate::App;
use crate::actions::forget_pictures::forget_pictures;
use crate::actions::forget_samples::forget_samples;
use crate::actions::forget_usual::forget_usual;
use crate::actions::judge_due::judge_due;
use crate::actions::pause::concerned;
use crate::actions::take_in_usual::take_in_usual;
use crate::judging;
use crate::live::Topic;
use crate::recording;
use crate::store::{pauses, watches};

/// How long at most between two looks: what begins without any event, like silence, is seen within this time.
const LONGEST: Duration = Duration::from_secs(1);

/// How long at most between two pictures of the pages that sum up: sentences that count time ("22 min over") stay true.
const SUMMED_UP: Duration = Duration::from_secs(10);

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

/// Judges everything that is due now, once, looks at what is claimed to be wrong, and records what is known then; gives
/// how many transactions the judging of runs took.
///
/// # Errors
/// What the database says; what was not judged is due again.
pub async fn strike(app: &App) -> sqlx::Result<usize> {
    let mut rounds = 0;
    loop {
        let _turn = app.worlds.turn().await;
        let (topics, more) = judge_due(&app.db, &app.worlds.book(), app.now()).await?;
        app.live.changed(topics);
        rounds += 1;
        if !more {
            break;
        }
    }
    take_in_usual(&app.db, app.now()).await?;
    forget_samples(&app.db, app.now()).await?;
    forget_usual(&app.db, app.now()).await?;
    forget_pictures(&app.db, app.now()).await?;
    app.live.changed(judging::look(app).await?);
    judging::look_at_the_book(app).await?;
    recording::record(app).await?;
    Ok(rounds)
}

/// When something is due next: a run must be judged, or a pause ends by itself.
async fn next_due(app: &App) -> Option<Moment> {
    let pool = app.db.read();
    let (run, pause) = (watches::next_due(pool).await, pauses::next_end(pool, app.now()).await);
    [run, pause].into_iter().filter_map(|due| due.ok().flatten()).min()
}

/// Tells of the pauses that have ended by themselves after `since`. Nothing is written: they have ended because their
/// time is over, whether or not anybody looks.
///
/// # Errors
/// What the database says.
pub async fn tell_ended_pauses(app: &App, since: Moment) -> sqlx::Result<()> {
    let (now, book) = (app.now(), app.worlds.book());
    let ended = pauses::ending_after(app.db.read(), since).await?;
    let ended = ended.iter().filter(|p| p.ended.is_none() && p.until <= now);
    app.live.changed(ended.flat_map(|p| concerned(&book, &p.target)).collect());
    Ok(())
}

/// Strikes whenever something is due, for ever.
pub async fn run(app: Arc<App>) {
    let mut changes = app.live.listen();
    let mut summed_up = Instant::now();
    let mut looked_at = app.now();
    loop {
        let now = app.now();
        match tell_ended_pauses(&app, looked_at).await {
            Ok(()) => looked_at = now,
            Err(error) => tracing::error!(%error, "pauses that have ended could not be told; trying again"),
        }
        if let Err(error) = strike(&app).await {
            tracing::error!(%error, "what is due could not be judged; trying again");
        }
        if summed_up.elapsed() >= SUMMED_UP {
            summed_up = Instant::now();
            app.live.changed(BTreeSet::from([Topic::Now, Topic::Sources]));
        }
        let next = next_due(&app).await;
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
            let due = next_due(&app).await;
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
