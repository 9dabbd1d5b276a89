//! Keeping what was observed and is in no book: each beginning and each end is a change of the part it is about.

use std::collections::{BTreeMap, BTreeSet};

use app::model::book::Book;
use app::model::moment::{Moment, Span};
use app::model::reference::Reference;
use app::model::review::{BY_OBSERVATION, Parts, Values};
use app::model::undocumented::{Ignored, Move, Observation, Sighting, moves};

use crate::db::{Db, Tx};
use crate::live::Topic;
use crate::store::parts::{self, ChangeRecord};
use crate::store::people::{self, AuditLine};
use crate::store::{feed, observations};

/// How often something was seen is written at most this often.
const RECOUNTED: Span = Span::from_secs(60);

/// Holds what is seen against what is kept. Gives what changed, and whether documents must be judged anew; nothing is
/// written while nothing has changed.
///
/// # Errors
/// What the database says; the next look does the same again.
pub async fn keep_observations(db: &Db, book: &Book, seen: &[Sighting], now: Moment) -> sqlx::Result<BTreeSet<Topic>> {
    let kept = observations::open(db.read()).await?;
    let counted = |id: i64, again: &Sighting| {
        let known = kept.iter().find(|o| o.id == id);
        known.is_some_and(|o| {
            (o.count != again.count || o.run.is_none() && again.run.is_some()) && now.since(o.last_seen) >= RECOUNTED
        })
    };
    let matters = |m: &Move| match m {
        Move::Again(id, again) => counted(*id, again),
        Move::Begins(_) | Move::Ends(..) => true,
    };
    if !moves(book, seen, &kept, now).iter().any(matters) {
        return Ok(BTreeSet::new());
    }
    let mut tx = db.write().await?;
    feed::take_turn(&mut tx).await?;
    let kept = observations::open(&mut *tx).await?;
    let mut changed = Changed::default();
    let mut begun = Vec::new();
    let all = moves(book, seen, &kept, now);
    for one in &all {
        match one {
            Move::Begins(sighting) => {
                let declared = sighting.sight.declared(book, &sighting.workflow);
                changed.begins(sighting, &declared, now);
                begun.push((sighting, declared));
            }
            Move::Again(id, again) if counted(*id, again) => {
                observations::see(&mut tx, *id, again.count, again.run.as_deref(), now).await?;
            }
            Move::Again(..) => {}
            Move::Ends(id, why) => {
                observations::end(&mut tx, *id, why, now).await?;
                if let Some(known) = kept.iter().find(|o| o.id == *id && o.ignored.is_none()) {
                    changed.ends(known, book, why, now);
                }
            }
        }
    }
    observations::begin(&mut tx, &begun, now).await?;
    changed.write(&mut tx, now).await?;
    tx.commit().await?;
    let ended = all.iter().any(|m| !matches!(m, Move::Again(..)));
    Ok(if ended { BTreeSet::from([Topic::Book]) } else { BTreeSet::new() })
}

/// Says that an observation needs no answer and why, or (with none) that it does after all. Gives whether there is such a
/// one that is not over.
///
/// # Errors
/// What the database says.
pub async fn ignore_observation(
    db: &Db,
    book: &Book,
    id: i64,
    ignored: Option<&Ignored>,
    (by, address): (&str, &str),
    now: Moment,
) -> sqlx::Result<bool> {
    let mut tx = db.write().await?;
    feed::take_turn(&mut tx).await?;
    let Some(known) = observations::find(&mut *tx, id).await?.filter(|o| o.ended.is_none()) else { return Ok(false) };
    if known.ignored.is_some() == ignored.is_some() {
        return Ok(true);
    }
    observations::ignore(&mut tx, id, ignored).await?;
    let mut changed = Changed::default();
    match ignored {
        Some(_) => changed.ends(&known, book, by, now),
        None => {
            let again = Sighting {
                workflow: known.workflow.clone(),
                sight: known.sight.clone(),
                count: known.count,
                since: now,
                run: known.run.clone(),
            };
            changed.begins(&again, &known.declared, now);
        }
    }
    changed.write(&mut tx, now).await?;
    let part = known.sight.part(&known.workflow);
    let line = AuditLine {
        at: now,
        actor: by.to_owned(),
        action: if ignored.is_some() { "ignore_observation" } else { "observation_counts_again" }.to_owned(),
        subject: format!("{part} {}: {}", known.value, ignored.map_or("", |i| &i.reason)),
        address: address.to_owned(),
    };
    people::append_audit(&mut tx, &line).await?;
    tx.commit().await?;
    Ok(true)
}

/// Keeps that somebody amended the book in the browser.
///
/// # Errors
/// What the database says.
pub async fn note_amended(db: &Db, what: &str, (by, address): (&str, &str), now: Moment) -> sqlx::Result<()> {
    let mut tx = db.write().await?;
    feed::take_turn(&mut tx).await?;
    let line = AuditLine {
        at: now,
        actor: by.to_owned(),
        action: "amend_book".to_owned(),
        subject: what.to_owned(),
        address: address.to_owned(),
    };
    people::append_audit(&mut tx, &line).await?;
    tx.commit().await
}

fn in_path(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// What observations change in the values of parts, and the changes that say so.
#[derive(Default)]
struct Changed {
    values: BTreeMap<Reference, Vec<(String, Option<String>)>>,
    records: Vec<ChangeRecord>,
}

impl Changed {
    fn begins(&mut self, seen: &Sighting, declared: &str, now: Moment) {
        let (part, field, value) = (seen.sight.part(&seen.workflow), seen.sight.field(), seen.sight.value());
        self.values.entry(part.clone()).or_default().push((field.clone(), Some(value.clone())));
        self.records.push(ChangeRecord {
            reference: part.to_string(),
            field,
            before_value: Some(declared.to_owned()),
            after_value: Some(value),
            changed_at: now.millis(),
            changed_by: BY_OBSERVATION.to_owned(),
            link: seen.run.as_ref().map(|run| format!("/runs/{}/{}", in_path(&seen.workflow), in_path(run))),
            origin: "event".to_owned(),
            deployed: None,
        });
    }

    fn ends(&mut self, known: &Observation, book: &Book, why: &str, now: Moment) {
        let (part, field) = (known.sight.part(&known.workflow), known.sight.field());
        // A later value of the same field stands by itself.
        self.values.entry(part.clone()).or_default().insert(0, (field.clone(), None));
        self.records.insert(
            0,
            ChangeRecord {
                reference: part.to_string(),
                field,
                before_value: Some(known.value.clone()),
                after_value: Some(known.sight.declared(book, &known.workflow)),
                changed_at: now.millis(),
                changed_by: why.to_owned(),
                link: None,
                origin: "event".to_owned(),
                deployed: None,
            },
        );
    }

    async fn write(self, tx: &mut Tx, now: Moment) -> sqlx::Result<()> {
        let references: Vec<&Reference> = self.values.keys().collect();
        let known = parts::of(tx, &references).await?;
        let mut written = Parts::new();
        for (reference, fields) in &self.values {
            // What the book does not have cannot be spoken of.
            let Some((values, _)) = known.get(reference) else { continue };
            let mut values: Values = values.clone();
            for (field, value) in fields {
                match value {
                    Some(value) => values.insert(field.clone(), value.clone()),
                    None => values.remove(field),
                };
            }
            written.insert(reference.clone(), values);
        }
        parts::put(tx, &written, now).await?;
        parts::append_changes(tx, &self.records, now).await
    }
}
