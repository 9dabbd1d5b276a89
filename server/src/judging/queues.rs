//! Queues: what they said in the last hours, kept in memory for as long as they say nothing new.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use app::model::book::Limits;
use app::model::moment::{Moment, Span};
use app::model::problem::Claim;
use app::model::queue::{Judged, Level, Queue, judge};

use crate::App;
use crate::store::queues::{self, QueueRecord};
use crate::world::World;

/// How far back from its newest report a queue is looked at.
pub const LOOKED_AT: Span = Span::from_minutes(3 * 60);

/// The samples of each queue as they were when it had made so many reports: judging asks every second, and a queue
/// says something new far less often.
#[derive(Debug, Default)]
pub struct Remembered(Mutex<HashMap<String, Known>>);

/// How many reports there were, and the samples then.
type Known = (i64, Arc<Vec<Level>>);

/// What is wrong with queues at `now`.
///
/// # Errors
/// What the database says.
pub async fn claims(app: &App, world: &World, now: Moment) -> sqlx::Result<Vec<Claim>> {
    let mut claims: Vec<Claim> = all(app, world, now).await?.into_values().flat_map(|judged| judged.claims).collect();
    claims.sort_by(|a, b| a.place.cmp(&b.place));
    Ok(claims)
}

/// How every queue stands that ever said anything.
///
/// # Errors
/// What the database says.
pub async fn all(app: &App, world: &World, now: Moment) -> sqlx::Result<HashMap<String, Judged>> {
    let mut all = HashMap::new();
    for (id, record) in queues::all(app.db.read()).await? {
        let samples = samples(app, &id, &record).await?;
        if let Some(judged) = judged(app, world, &id, &samples, now) {
            all.insert(id, judged);
        }
    }
    Ok(all)
}

/// How one queue stands, with its samples, oldest first; none when it never said anything.
///
/// # Errors
/// What the database says.
pub async fn one(app: &App, world: &World, id: &str, now: Moment) -> sqlx::Result<Option<(Judged, Arc<Vec<Level>>)>> {
    let Some(record) = queues::find(app.db.read(), id).await? else { return Ok(None) };
    let samples = samples(app, id, &record).await?;
    Ok(judged(app, world, id, &samples, now).map(|judged| (judged, samples)))
}

/// The limits of a queue; none where the book does not know it.
pub fn limits(world: &World, id: &str) -> Limits {
    world.book.components.get(id).map(|c| c.limits.clone()).unwrap_or_default()
}

/// How a queue stands by its samples, oldest first; none when there are none.
pub fn judged(app: &App, world: &World, id: &str, samples: &[Level], now: Moment) -> Option<Judged> {
    let limits = limits(world, id);
    let name = world.book.components.get(id).map_or(id, |c| c.name.as_str());
    let queue = Queue { id, name, unit: world.book.unit_in(id), limits: &limits, samples };
    judge(&queue, now, &app.config.zone())
}

async fn samples(app: &App, id: &str, record: &QueueRecord) -> sqlx::Result<Arc<Vec<Level>>> {
    let known = |id: &str| app.queues.0.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned();
    if let Some((reports, samples)) = known(id)
        && reports == record.reports
    {
        return Ok(samples);
    }
    let samples = Arc::new(queues::samples(app.db.read(), id, record.level.at - LOOKED_AT).await?);
    let mut known = app.queues.0.lock().unwrap_or_else(PoisonError::into_inner);
    known.insert(id.to_owned(), (record.reports, samples.clone()));
    Ok(samples)
}
