//! What is judged by the time and by kept facts: each file loads the facts of one noun and lets a pure rule claim what is wrong.

pub mod observed;
pub mod queues;
pub mod records;
pub mod silence;
pub mod sources;
pub mod usual;

use std::collections::BTreeSet;

use app::model::moment::Moment;
use app::model::pause;
use app::model::problem::Claim;

use crate::App;
use crate::actions::keep_observations::keep_observations;
use crate::actions::keep_problems::keep_claims;
use crate::live::Topic;
use crate::standing;
use crate::world::World;

/// Looks at everything that is claimed to be wrong now, and keeps the problems in step with it. Nothing is written
/// while nothing has changed.
///
/// # Errors
/// What the database says; the next look does the same again.
pub async fn look(app: &App) -> sqlx::Result<BTreeSet<Topic>> {
    let (world, now) = (app.worlds.now(), app.now());
    keep_claims(&app.db, &world.book, claims(app, &world, now).await?, now).await
}

/// Holds what was observed against the book, and keeps what it does not say. Nothing is written while nothing has changed.
///
/// # Errors
/// What the database says; the next look does the same again.
pub async fn look_at_the_book(app: &App) -> sqlx::Result<()> {
    let (world, now) = (app.worlds.now(), app.now());
    let Some(seen) = observed::sightings(app, &world, now).await? else { return Ok(()) };
    let topics = keep_observations(&app.db, &world.book, &seen, now).await?;
    if !topics.is_empty() {
        app.worlds.reload(&app.db).await;
        app.live.changed(topics);
    }
    Ok(())
}

/// Everything that is claimed to be wrong at `now`.
async fn claims(app: &App, world: &World, now: Moment) -> sqlx::Result<Vec<Claim>> {
    let mut claims = silence::claims(app, world, now).await?;
    claims.extend(queues::claims(app, world, now).await?);
    claims.extend(sources::claims(app, world, now).await?);
    claims.extend(records::claims(app, world, now).await?);
    claims.extend(usual::claims(app, world, now).await?);
    // What a person has paused raises nothing; it is judged all the same, and told when the pause is over.
    let pauses = standing::pauses_near(app, now).await?;
    claims.retain(|claim| {
        let declared = claim.place.workflow().and_then(|w| world.workflow(w));
        pause::of(&pauses, &claim.place, declared, now).is_none()
    });
    claims.sort_by(|a, b| (a.kind, &a.place, &a.cause).cmp(&(b.kind, &b.place, &b.cause)));
    Ok(claims)
}
