//! Records: which systems have disagreed for longer than the book allows.

use app::model::agreement::{Comparison, claim, comparisons};
use app::model::moment::Moment;
use app::model::problem::Claim;
use app::model::reference::Reference;

use crate::App;
use crate::store::records;
use crate::world::World;

/// What is wrong between systems now: one claim a comparison of the book that fails.
///
/// Records are not read: where two systems disagree is a row that begins and ends with the records that make it
/// (`actions::keep_records`), so each comparison is one look at an index, and a second one that counts.
///
/// # Errors
/// What the database says.
pub async fn claims(app: &App, world: &World, now: Moment) -> sqlx::Result<Vec<Claim>> {
    let mut claims = Vec::new();
    for workflow in world.book.workflows.values() {
        for comparison in comparisons(workflow) {
            let (pair, until) = (comparison.pair(), now - comparison.within);
            let found = records::lasting(app.db.read(), &workflow.id, &pair, comparison.field, until).await?;
            if let Some(lasting) = found {
                let (first, second) = names(world, &comparison);
                let names = (first.as_str(), second.as_str());
                claims.push(claim(workflow, &comparison, &lasting, names, now, &app.config.zone()));
            }
        }
    }
    Ok(claims)
}

/// What people call the two systems of a comparison.
pub fn names(world: &World, comparison: &Comparison<'_>) -> (String, String) {
    (name(world, comparison.first), name(world, comparison.second))
}

/// What people call a system: the component with this id lends its name.
pub fn name(world: &World, system: &str) -> String {
    match world.book.components.contains_key(system) {
        true => world.name_of(&Reference::Component(system.to_owned())),
        false => system.to_owned(),
    }
}
