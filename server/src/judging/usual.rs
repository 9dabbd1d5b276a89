//! The present against the usual: loads what was kept, and claims what differs from it or is in no book.

use std::sync::{Arc, Mutex, PoisonError};

use app::model::book::Book;
use app::model::hourly::{HOUR, begin};
use app::model::moment::{Moment, Span};
use app::model::problem::Claim;
use app::model::usual::{self, Facts};

use crate::App;
use crate::store::{feed, runs, usual as store};
use crate::world::World;

/// With more rows than this, what is kept is looked at once a minute, whatever was told since.
const MANY_ROWS: usize = 1_000;

/// How many of the newest starts of a workflow are looked at.
const NEWEST_STARTS: i64 = 50;

/// The last claims, and what they were made from. Kept rows change little within a minute, and looking at those of
/// thousands of steps costs more than a portal should spend each second; a small one looks each time that it was told
/// something.
#[derive(Debug, Default)]
pub struct Cache(Mutex<Option<Claimed>>);

#[derive(Debug, Clone)]
struct Claimed {
    /// The minute they are of.
    minute: i64,
    /// The book they were held against.
    book: Arc<Book>,
    /// The newest event then.
    position: i64,
    /// How many rows were looked at.
    rows: usize,
    claims: Arc<Vec<Claim>>,
}

/// What differs from the usual now, what starts too often, and what the book does not know.
///
/// # Errors
/// What the database says.
pub async fn claims(app: &App, world: &World, now: Moment) -> sqlx::Result<Vec<Claim>> {
    let mut claims = too_often(app, &world.book, now).await?;
    let position = feed::newest(app.db.read()).await?;
    let minute = now.millis().div_euclid(60_000);
    let known = app.usual.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let known = known.filter(|k| {
        k.minute == minute && Arc::ptr_eq(&k.book, &world.book) && (k.position == position || k.rows > MANY_ROWS)
    });
    let found = match known {
        Some(known) => known.claims,
        None => {
            let facts = facts(app, now).await?;
            let found = Arc::new(usual::claims(&facts, &world.book, now, &app.config.zone()));
            let claimed =
                Claimed { minute, book: world.book.clone(), position, rows: rows(&facts), claims: found.clone() };
            *app.usual.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(claimed);
            found
        }
    };
    claims.extend(found.iter().cloned());
    Ok(claims)
}

async fn facts(app: &App, now: Moment) -> sqlx::Result<Facts> {
    let pool = app.db.read();
    let hours = usual::hours(now, &app.config.zone());
    // Of an hour that began within the time: what stopped longer ago is not told any more.
    let told = begin(now - usual::UNKNOWN_TOLD, HOUR) + HOUR;
    Ok(Facts {
        hours: store::hours(pool, &hours, None).await?,
        slots: store::slots(pool, usual::first_slot(now)).await?,
        passages: store::passages(pool, &hours).await?,
        seen: store::seen(pool, told).await?,
    })
}

fn rows(facts: &Facts) -> usize {
    let kept =
        [&facts.hours, &facts.slots].into_iter().flat_map(|kept| kept.values()).map(|of| of.len()).sum::<usize>();
    kept + facts.passages.values().map(|of| of.len()).sum::<usize>() + facts.seen.len()
}

async fn too_often(app: &App, book: &Book, now: Moment) -> sqlx::Result<Vec<Claim>> {
    let mut claims = Vec::new();
    for workflow in
        book.workflows.values().filter(|w| w.expect.min_interval.is_some_and(|least| least > Span::default()))
    {
        let starts = runs::newest_starts(app.db.read(), &workflow.id, NEWEST_STARTS).await?;
        claims.extend(usual::too_often(workflow, &starts, now, &app.config.zone()));
    }
    Ok(claims)
}
