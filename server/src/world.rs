//! The world as documents see it: the book in use, the present values of its parts, every runbook and its trust.
//!
//! One immutable picture at a time, replaced as a whole when something changes, so that a page never mixes two.

mod document;
mod read;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex as Guarded, PoisonError, RwLock};

use app::model::blast::{self, Affected};
use app::model::book::{Book, Criticality, Workflow};
use app::model::moment::{Moment, Span};
use app::model::reference::Reference;
use app::model::review::{self, BY_OBSERVATION, DEPLOYED, OBSERVED, Parts, Present};
use app::model::runbook::RunbookText;
use app::model::status::Trust;
use tokio::sync::{Mutex, MutexGuard, watch};

use crate::db::Db;
use crate::store::books;
use crate::store::doubts::{self, Doubt};
use crate::store::images::{self, NamedImage};
use crate::store::parts::{self, ChangeRecord};
use crate::store::reviews::{self, MutedField};
use crate::store::runbooks::{self, RunbookRecord, VersionRecord, Wanted};

use document::People;
pub use document::{Document, Gist};
use read::{Index, Read, by_slug};

/// What was found in the newest version of each runbook, by slug; and which version that is.
pub type Gists = BTreeMap<String, (i64, Gist)>;

/// What of the texts need not be read again.
#[derive(Debug, Default)]
pub struct AlreadyRead<'a> {
    /// The texts of files.
    pub files: &'a [RunbookText],
    /// What was found in versions by this same program.
    pub gists: Gists,
}

/// The fields that say when a workflow should start.
const EXPECTS: [&str; 5] =
    ["expect.start_at", "expect.start_every", "expect.active", "expect.timezone", "expect.grace"];

/// Everything that is declared or written, at one moment.
#[derive(Debug, Default)]
pub struct World {
    /// The last good book.
    pub book: Arc<Book>,
    /// Why the book on disk is not in use, one sentence each; empty when it is.
    pub book_errors: Vec<String>,
    /// Of an earlier moment: what of it is not known, one sentence each.
    pub not_known: Vec<String>,
    /// The values that matter of every part, deployments included.
    pub parts: Parts,
    /// Since when each part is known.
    pub known_since: HashMap<Reference, Moment>,
    /// The fields that flag nothing.
    pub muted: Vec<MutedField>,
    /// The newest version of every runbook, by slug.
    pub documents: BTreeMap<String, Arc<Document>>,
    /// The runbooks that are out of use, by slug: their last version, and when and by whom they were retired.
    pub retired: BTreeMap<String, (Arc<VersionRecord>, RunbookRecord)>,
    /// Which image stands at which path of the book.
    pub images: Arc<Images>,
    /// The newest change of each (part, field).
    causes: HashMap<(String, String), ChangeRecord>,
    /// Which runbooks speak of what.
    index: Arc<Index>,
    /// The newest answer of a review that this world knows of.
    answers: i64,
    /// What was last asked to be down, and what that affects.
    affected: Guarded<(BTreeSet<String>, Arc<Affected>)>,
}

impl World {
    /// The declared workflow.
    pub fn workflow(&self, id: &str) -> Option<&Workflow> {
        self.book.workflows.get(id)
    }

    /// What is affected when these components are down. The same are down at many looks, so that the last answer is kept.
    pub fn affected(&self, down: BTreeSet<String>) -> Arc<Affected> {
        let mut last = self.affected.lock().unwrap_or_else(PoisonError::into_inner);
        if last.0 != down {
            let affected = Arc::new(blast::affected(&self.book, &down));
            *last = (down, affected);
        }
        last.1.clone()
    }

    /// Since when the book expects of a workflow what it expects now: what it asks for anew is not held against the past.
    pub fn expected_from(&self, workflow: &str) -> Moment {
        let reference = Reference::Workflow(workflow.to_owned());
        let known = self.known_since.get(&reference).copied().unwrap_or_default();
        let asked = EXPECTS.iter().filter_map(|field| self.cause(&reference, field));
        asked.map(|change| Moment::from_millis(change.changed_at)).fold(known, Moment::max)
    }

    /// The newest change of a value.
    pub fn cause(&self, subject: &Reference, field: &str) -> Option<&ChangeRecord> {
        self.causes.get(&(subject.to_string(), field.to_owned()))
    }

    /// The runbooks that speak of a part or are for it.
    pub fn speaking_of(&self, reference: &Reference) -> impl Iterator<Item = &Arc<Document>> {
        self.index.speaking.get(reference).into_iter().flatten().filter_map(|slug| self.documents.get(slug))
    }

    /// The runbooks that are for a part.
    pub fn written_for(&self, reference: &Reference) -> impl Iterator<Item = &Arc<Document>> {
        self.index.about.get(reference).into_iter().flatten().filter_map(|slug| self.documents.get(slug))
    }

    /// The runbooks of a workflow: for it, for one of its steps or failures, or speaking of them; each once.
    pub fn documents_of<'a>(&'a self, workflow: &'a Workflow) -> Vec<&'a Arc<Document>> {
        let mut references = vec![Reference::Workflow(workflow.id.clone())];
        let mut slugs: BTreeSet<&String> = BTreeSet::new();
        for step in &workflow.steps {
            references.push(Reference::Step(workflow.id.clone(), step.id.clone()));
            for point in &step.failure_points {
                references.push(Reference::Failure(workflow.id.clone(), step.id.clone(), point.id.clone()));
                if let Some(Reference::Runbook(slug, _)) = &point.action {
                    slugs.insert(slug);
                }
            }
        }
        slugs.extend(references.iter().filter_map(|reference| self.index.about.get(reference)).flatten());
        slugs.into_iter().filter_map(|slug| self.documents.get(slug)).collect()
    }

    /// The slugs of the runbooks of critical workflows.
    pub fn documents_of_critical(&self) -> BTreeSet<String> {
        let critical = self.book.workflows.values().filter(|w| w.criticality == Criticality::Critical);
        critical.flat_map(|w| self.documents_of(w)).map(|document| document.record.slug.clone()).collect()
    }

    /// What was found in the text of every runbook.
    pub fn gists(&self) -> Gists {
        let found = |(slug, d): (&String, &Arc<Document>)| (slug.clone(), (d.record.version, d.gist().clone()));
        self.documents.iter().map(found).collect()
    }

    /// Takes over what is in texts that have been read: whoever opens them need not read them again.
    pub fn offer(&self, texts: &[RunbookText]) {
        for text in texts {
            if let Some(document) = self.documents.get(&text.slug) {
                document.outline.offer(text);
            }
        }
    }

    /// How many documents need a check: what the top bar, Now and the numbers for Prometheus say.
    pub fn documents_to_check(&self, now: Moment) -> i64 {
        self.documents.values().filter(|d| d.trust(now) == Trust::CheckNeeded).count() as i64
    }

    /// What people call a part; the reference itself when it does not exist.
    pub fn name_of(&self, reference: &Reference) -> String {
        let book = &self.book;
        let name = match reference {
            Reference::Component(id) => book.components.get(id).map(|c| c.name.clone()),
            Reference::Workflow(id) => book.workflows.get(id).map(|w| w.name.clone()),
            Reference::Step(w, s) => book.step(w, s).map(|s| s.name.clone()),
            Reference::Failure(w, s, f) => {
                book.step(w, s).map(|step| format!("{}: {}", step.name, f.replace('-', " ")))
            }
            Reference::Decision(id) => book.decisions.get(id).map(|d| d.decided.clone()),
            Reference::Workaround(id) => book.workarounds.get(id).map(|w| w.what.clone()),
            Reference::Runbook(slug, section) => self.documents.get(slug).map(|d| match section {
                Some(anchor) => match d.section(anchor) {
                    Some(n) => format!("{}: {}", d.record.title, d.outline.sections[n].title),
                    None => d.record.title.clone(),
                },
                None => d.record.title.clone(),
            }),
        };
        name.unwrap_or_else(|| reference.to_string())
    }

    /// What is true now, for reviews.
    pub fn present(&self) -> Present<'_> {
        Present { parts: &self.parts, book: &self.book }
    }

    /// Whether a part exists.
    pub fn exists(&self, reference: &Reference) -> bool {
        match reference {
            Reference::Runbook(slug, section) => self
                .documents
                .get(slug)
                .is_some_and(|d| section.as_ref().is_none_or(|anchor| d.section(anchor).is_some())),
            other => self.parts.contains_key(other),
        }
    }
}

/// Which image stands at which path of the book since when.
#[derive(Debug, Default)]
pub struct Images(HashMap<String, Vec<NamedImage>>);

impl Images {
    /// From every name there ever was, oldest first.
    pub fn new(names: Vec<NamedImage>) -> Self {
        let mut images: HashMap<String, Vec<NamedImage>> = HashMap::new();
        for name in names {
            images.entry(name.path.clone()).or_default().push(name);
        }
        Self(images)
    }

    /// The image at a path: the newest, or the one that a text showed that was in use until a moment. Where only a
    /// later one is known, that one.
    pub fn at(&self, path: &str, until: Option<Moment>) -> Option<&NamedImage> {
        let named = self.0.get(path)?;
        match until {
            None => named.last(),
            Some(until) => named.iter().rev().find(|name| name.from < until).or(named.first()),
        }
    }
}

/// The world in use.
#[derive(Debug, Default)]
pub struct Worlds {
    current: RwLock<Arc<World>>,
    /// How often it was replaced.
    replaced: watch::Sender<u64>,
    turn: Mutex<()>,
    imports: Mutex<()>,
    /// Worlds of earlier moments that were asked for lately, the last one first.
    earlier: RwLock<VecDeque<(Moment, Arc<World>)>>,
    /// The books of such moments, by their numbers.
    earlier_books: RwLock<VecDeque<(i64, Arc<Book>)>>,
}

/// How many worlds of earlier moments, and how many of their books, are kept at hand.
const MOST_EARLIER: usize = 4;

/// A moment is over for good when it is this long ago: what was being written then has been written.
const SETTLED: Span = Span::from_minutes(1);

/// The turn to put another world in use, or to judge runs by the book of this one. Whoever has it knows that no other
/// world takes the place of what was read meanwhile.
#[derive(Debug)]
pub struct Turn<'a> {
    worlds: &'a Worlds,
    _held: MutexGuard<'a, ()>,
}

impl Worlds {
    /// The world now.
    pub fn now(&self) -> Arc<World> {
        // The lock only ever guards one assignment; a panic elsewhere cannot leave it half done.
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The book now.
    pub fn book(&self) -> Arc<Book> {
        self.now().book.clone()
    }

    fn replace(&self, make: impl FnOnce(&World) -> World) {
        let before = {
            let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
            let next = Arc::new(make(&current));
            std::mem::replace(&mut *current, next)
        };
        self.replaced.send_modify(|times| *times += 1);
        // A large world takes its time to go, and nobody waits for it at the lock.
        drop(before);
    }

    /// Hears how often the world was replaced.
    pub fn replacements(&self) -> watch::Receiver<u64> {
        self.replaced.subscribe()
    }

    /// Says that the book on disk cannot be used, and why; the last good one stays.
    pub fn set_book_errors(&self, errors: Vec<String>) {
        self.replace(|now| World { book_errors: errors, ..now.shallow() });
    }

    /// Waits for the turn. It is taken before a transaction and never inside one.
    pub async fn turn(&self) -> Turn<'_> {
        Turn { worlds: self, _held: self.turn.lock().await }
    }

    /// Waits until no other import is under way: each goes from reading files to judging runs before the next begins,
    /// so that no older reading comes after a newer one.
    pub async fn one_import(&self) -> MutexGuard<'_, ()> {
        self.imports.lock().await
    }

    /// Reads again what documents depend on. On failure the last good world stays, and the failure is logged.
    pub async fn reload(&self, db: &Db) {
        if let Err(error) = self.try_reload(db).await {
            tracing::error!(%error, "documents could not be read again; the last good ones are shown");
        }
    }

    /// Reads again what documents depend on.
    ///
    /// # Errors
    /// What the database says.
    pub async fn try_reload(&self, db: &Db) -> sqlx::Result<()> {
        let _turn = self.turn().await;
        let world = self.read(db, self.book(), AlreadyRead::default()).await?;
        self.replace(|now| World { book_errors: now.book_errors.clone(), ..world });
        Ok(())
    }

    /// The world as it was known at a moment before `now`.
    ///
    /// # Errors
    /// What the database says.
    pub async fn as_of(&self, db: &Db, at: Moment, now: Moment) -> sqlx::Result<Arc<World>> {
        let earlier = || self.earlier.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, world)) = earlier().iter().find(|(moment, _)| *moment == at) {
            return Ok(world.clone());
        }
        let world = Arc::new(self.read_earlier(db, at).await?);
        if now.since(at) > SETTLED {
            let mut earlier = self.earlier.write().unwrap_or_else(PoisonError::into_inner);
            earlier.push_front((at, world.clone()));
            earlier.truncate(MOST_EARLIER);
        }
        Ok(world)
    }

    /// The world as the database has it, with this book.
    async fn read(&self, db: &Db, book: Arc<Book>, already: AlreadyRead<'_>) -> sqlx::Result<World> {
        let before = self.now();
        let read = Read::now(db, &before, already).await?;
        Ok(read.judged(book, &before))
    }

    async fn earlier_book(&self, db: &Db, id: i64) -> sqlx::Result<Option<Arc<Book>>> {
        let earlier = || self.earlier_books.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, book)) = earlier().iter().find(|(number, _)| *number == id) {
            return Ok(Some(book.clone()));
        }
        let Some(book) = books::find(db.read(), id).await?.map(Arc::new) else { return Ok(None) };
        let mut earlier = self.earlier_books.write().unwrap_or_else(PoisonError::into_inner);
        earlier.push_front((id, book.clone()));
        earlier.truncate(MOST_EARLIER);
        Ok(Some(book))
    }

    async fn read_earlier(&self, db: &Db, at: Moment) -> sqlx::Result<World> {
        let pool = db.read();
        let kept = match books::used_at(pool, at).await? {
            Some(id) => self.earlier_book(db, id).await?,
            None => None,
        };
        let since = books::past_since(pool).await?;
        let not_known = match (&kept, at < since) {
            (_, true) => Some(
                "The past is kept as it was known only since a later moment: of this one some things are told as they became known, others not at all.",
            ),
            (None, false) => Some("No book was in use then, as far as this portal knows."),
            (Some(_), false) => None,
        };
        let book = kept.unwrap_or_default();
        let causes = parts::newest_of_each(pool, at).await?;
        let mut parts = review::parts(&book);
        for change in causes.iter().filter(|change| change.field == DEPLOYED) {
            let (reference, value) = (Reference::parse(&change.reference), change.deployed.as_ref());
            if let (Ok(reference), Some(value)) = (reference, value.or(change.after_value.as_ref())) {
                parts.entry(reference).or_default().insert(DEPLOYED.to_owned(), value.clone());
            }
        }
        for change in causes.iter().filter(|c| c.field.starts_with(OBSERVED) && c.changed_by == BY_OBSERVATION) {
            if let (Ok(reference), Some(value)) = (Reference::parse(&change.reference), &change.after_value)
                && let Some(values) = parts.get_mut(&reference)
            {
                values.insert(change.field.clone(), value.clone());
            }
        }
        let known_since = parts::all(pool).await?.into_iter().map(|(reference, _, since)| (reference, since));
        let pins = reviews::pins_by(pool, at).await?;
        let mut doubts = doubts::said_by(pool, at).await?;
        let reviewed = |d: &Doubt| pins.iter().find(|p| p.slug == d.slug && p.section == d.section);
        doubts.retain(|d| reviewed(d).is_none_or(|pin| pin.reviewed_at < d.at));
        let mut tx = db.snapshot().await?;
        let read = Read {
            parts,
            known_since: known_since.filter(|(_, since)| *since <= at).collect(),
            causes,
            // Who else had looked is not kept; it changes nothing of what could be believed.
            people: People::by_slug(pins, Vec::new(), reviews::set_aside(&mut tx, Wanted::All, at).await?),
            answers: reviews::newest(&mut tx).await?,
            muted: reviews::muted(pool, at).await?,
            doubts: by_slug(doubts),
            // How it stood with files then is not known; that one was out of use is.
            kept: runbooks::all(pool)
                .await?
                .into_iter()
                .filter(|r| r.retired_at.is_some_and(|retired| retired <= at.millis()))
                .map(|r| (r.slug.clone(), r))
                .collect(),
            images: Images::new(images::names(pool).await?),
            texts: read::texts_by(db, at, &self.now()).await?,
        };
        let world = read.judged(book, &World::default());
        Ok(World { not_known: not_known.into_iter().map(str::to_owned).collect(), ..world })
    }
}

impl Turn<'_> {
    /// Puts another book in use, together with the parts that its import wrote.
    ///
    /// # Errors
    /// What the database says; the last world stays then.
    pub async fn use_book(self, db: &Db, book: Book, already: AlreadyRead<'_>) -> sqlx::Result<()> {
        let world = self.worlds.read(db, Arc::new(book), already).await?;
        self.worlds.replace(|_| world);
        Ok(())
    }
}

impl World {
    fn shallow(&self) -> World {
        World {
            book: self.book.clone(),
            book_errors: self.book_errors.clone(),
            not_known: self.not_known.clone(),
            parts: self.parts.clone(),
            known_since: self.known_since.clone(),
            muted: self.muted.clone(),
            documents: self.documents.clone(),
            retired: self.retired.clone(),
            images: self.images.clone(),
            causes: self.causes.clone(),
            index: self.index.clone(),
            answers: self.answers,
            affected: Guarded::default(),
        }
    }
}
