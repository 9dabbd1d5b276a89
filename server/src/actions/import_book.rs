//! Importing the book: every difference becomes a change, every new text of a file a version.

use std::collections::BTreeSet;

use app::model::book::Book;
use app::model::mention::RunbookText;
use app::model::moment::Moment;
use app::model::reference::Reference;
use app::model::review::{self, DEPLOYED, Difference, OBSERVED, Parts, fingerprint};

use crate::db::{Db, Tx};
use crate::store::parts::{self, ChangeRecord};
use crate::store::runbooks::{self, RunbookRecord, VersionRecord};
use crate::store::watches;
use crate::store::{books, feed};

/// What an import changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// How many values of parts differ from the import before.
    pub changes: usize,
    /// How many texts became versions.
    pub versions: usize,
    /// Workflows whose open runs must be judged anew; they are due, so the clock judges those that nobody else does.
    pub rejudge: BTreeSet<String>,
}

/// Takes over a book and its runbooks.
///
/// The first import of all records no changes: nothing was there before.
///
/// # Errors
/// What the database says; nothing of the import is kept then.
pub async fn import_book(db: &Db, book: &Book, texts: &[RunbookText], now: Moment) -> sqlx::Result<Imported> {
    let mut tx = db.write().await?;
    feed::take_turn(&mut tx).await?;
    let before: Parts = parts::all(&mut *tx).await?.into_iter().map(|(r, v, _)| (r, v)).collect();
    let mut imported = Imported::default();
    let mut after = review::parts(book);
    // What is deployed is told by events and survives every import.
    for (reference, values) in &before {
        if let (Some(deployed), Some(now)) = (values.get(DEPLOYED), after.get_mut(reference)) {
            now.insert(DEPLOYED.to_owned(), deployed.clone());
        }
    }
    // So does what was observed, until the book comes to say it.
    for (reference, values) in &before {
        if let Some(now) = after.get_mut(reference) {
            let observed = values.iter().filter(|(field, _)| field.starts_with(OBSERVED));
            now.extend(observed.map(|(field, value)| (field.clone(), value.clone())));
        }
    }
    let declared = |r: &Reference| before.get(r).is_some_and(|v| v.len() > 1 || !v.contains_key(DEPLOYED));
    let differences: Vec<Difference> = review::changes(&before, &after)
        .into_iter()
        // A part that only a deployment told of is not gone because the book does not know it.
        .filter(|d| after.contains_key(&d.subject) || declared(&d.subject))
        .collect();
    let changed: Parts =
        after.iter().filter(|(r, v)| before.get(*r) != Some(v)).map(|(r, v)| (r.clone(), v.clone())).collect();
    parts::put(&mut tx, &changed, now).await?;
    let gone: Vec<Reference> = before.keys().filter(|r| !after.contains_key(*r) && declared(r)).cloned().collect();
    parts::remove(&mut tx, &gone).await?;
    for difference in &differences {
        match &difference.subject {
            Reference::Workflow(w) | Reference::Step(w, _) => imported.rejudge.insert(w.clone()),
            _ => false,
        };
    }
    // Whatever happens after the commit, the clock judges them.
    let workflows: Vec<&str> = imported.rejudge.iter().map(String::as_str).collect();
    watches::due_at(&mut tx, &workflows, now).await?;
    if !before.is_empty() {
        imported.changes = differences.len();
        let records: Vec<_> = differences.into_iter().map(|d| change(d, now)).collect();
        parts::append_changes(&mut tx, &records, now).await?;
    }
    keep_book(&mut tx, book, now).await?;
    for text in texts {
        imported.versions += usize::from(take_over(&mut tx, text, now).await?);
    }
    tx.commit().await?;
    Ok(imported)
}

/// Keeps the whole book if it is another than before: what it said is asked for long after it has changed.
async fn keep_book(tx: &mut Tx, book: &Book, now: Moment) -> sqlx::Result<()> {
    // A book is plain data: writing it as JSON cannot fail.
    let text = serde_json::to_string(book).unwrap_or_default();
    let print = fingerprint(&text);
    if books::newest_fingerprint(tx).await?.as_ref() != Some(&print) {
        books::append(tx, &print, &text, now).await?;
    }
    Ok(())
}

fn change(d: Difference, now: Moment) -> ChangeRecord {
    let value = |v: String| (!v.is_empty()).then_some(v);
    ChangeRecord {
        reference: d.subject.to_string(),
        field: d.field,
        before_value: value(d.before),
        after_value: value(d.after),
        changed_at: now.millis(),
        changed_by: "the book".to_owned(),
        link: None,
        deployed: None,
        origin: "book".to_owned(),
    }
}

/// Makes a version of a file's text if it is new. A newer text from the browser is never overwritten.
async fn take_over(tx: &mut Tx, text: &RunbookText, now: Moment) -> sqlx::Result<bool> {
    let known = runbooks::find(tx, &text.slug).await?;
    let print = fingerprint(&text.source);
    if known.as_ref().is_some_and(|k| k.file_fingerprint.as_deref() == Some(&print)) {
        return Ok(false);
    }
    let newest = match &known {
        Some(known) => runbooks::version_in(tx, &text.slug, known.version).await?,
        None => None,
    };
    // Whoever changes a file that held the browser's text has seen that text.
    let file_had = known.as_ref().and_then(|k| k.file_fingerprint.clone());
    let mut runbook = RunbookRecord {
        slug: text.slug.clone(),
        version: known.as_ref().map_or(0, |k| k.version),
        file_fingerprint: Some(print),
        conflict: None,
        conflict_text: None,
    };
    match newest {
        Some(newest) if fingerprint(&newest.body) == fingerprint(&text.source) => {}
        Some(newest) if newest.origin == "browser" && file_had != Some(fingerprint(&newest.body)) => {
            runbook.file_fingerprint = file_had;
            runbook.conflict_text = Some(text.source.clone());
            runbook.conflict = Some(format!(
                "The file {} and version {}, saved in the browser by {}, differ. Version {} is shown. Settle it by putting the text of one into the other.",
                text.file, newest.version, newest.author, newest.version
            ));
        }
        _ => {
            runbook.version += 1;
            runbooks::put(tx, &runbook).await?;
            let why = if runbook.version == 1 { "First version" } else { "The file changed" };
            let version = VersionRecord {
                slug: text.slug.clone(),
                version: runbook.version,
                body: text.source.clone(),
                title: text.front.title.clone(),
                author: text.file.clone(),
                why: why.to_owned(),
                saved_at: now.millis(),
                origin: "file".to_owned(),
            };
            runbooks::append(tx, &version).await?;
            return Ok(true);
        }
    }
    runbooks::put(tx, &runbook).await?;
    Ok(false)
}
