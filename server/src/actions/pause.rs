//! Pausing: a person stops the watch of a workflow, a step or a component for a while and says why.

use std::collections::BTreeSet;

use app::model::book::Book;
use app::model::pause::Pause;
use app::model::problem::Where;

use crate::db::Db;
use crate::live::Topic;
use crate::store::people::{self, AuditLine};
use crate::store::{feed, pauses};

/// Sets a pause from the page of `workflow`. One of the same target that is in force ends with it, so that a pause is
/// prolonged or shortened by setting it again. Gives what changed.
///
/// # Errors
/// What the database says.
pub async fn pause(
    db: &Db,
    book: &Book,
    workflow: &str,
    pause: &Pause,
    address: &str,
) -> sqlx::Result<BTreeSet<Topic>> {
    let mut tx = db.write().await?;
    feed::take_turn(&mut tx).await?;
    pauses::end(&mut tx, &pause.target, &pause.by, pause.from).await?;
    pauses::append(&mut tx, workflow, pause).await?;
    let line = AuditLine {
        at: pause.from,
        actor: pause.by.clone(),
        action: "pause".to_owned(),
        subject: format!("{} until {}: {}", pause.target, pause.until, pause.reason),
        address: address.to_owned(),
    };
    people::append_audit(&mut tx, &line).await?;
    tx.commit().await?;
    Ok(concerned(book, &pause.target))
}

/// What shows that something is paused.
pub fn concerned(book: &Book, target: &Where) -> BTreeSet<Topic> {
    match target {
        Where::Component(id) => {
            let workflows = book.steps_on(id).map(|(w, _)| Topic::Workflow(w.id.clone()));
            workflows.chain([Topic::Component(id.clone())]).collect()
        }
        place => place.workflow().map(|id| Topic::Workflow(id.to_owned())).into_iter().collect(),
    }
}
