//! Silence: workflows that are not heard of inside their expectation.

use app::model::moment::Moment;
use app::model::problem::{Claim, Kind, Where};

use crate::App;
use crate::standing;
use crate::world::World;

/// A claim for every workflow that is silent. One that was never heard of at all is a gap, and no problem yet.
pub async fn claims(app: &App, world: &World, now: Moment) -> sqlx::Result<Vec<Claim>> {
    let silent = standing::silent(app, world, now).await?;
    let claim = |(workflow, wrong): (String, app::model::verdict::Wrong)| {
        Some(Claim {
            kind: Kind::Silent,
            place: Where::Workflow(workflow),
            cause: String::new(),
            state: wrong.state,
            since: wrong.since?,
            count: 0,
            sentence: wrong.sentence,
            next: None,
            subjects: Vec::new(),
        })
    };
    Ok(silent.into_iter().filter_map(claim).collect())
}
