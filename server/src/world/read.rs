//! From what the database says to a world, with all taken over from the world before that has stayed as it was.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex};

use app::model::book::Book;
use app::model::moment::Moment;
use app::model::reference::Reference;
use app::model::review::{Parts, Present};
use app::model::runbook::RunbookText;

use super::document::{self, Document, People};
use super::{AlreadyRead, Images, World};
use crate::db::{Db, Tx};
use crate::parallel::in_parallel;
use crate::store::doubts::{self, Doubt};
use crate::store::images;
use crate::store::parts::{self, ChangeRecord};
use crate::store::reviews::{self, MutedField};
use crate::store::runbooks::{self, RunbookRecord, Wanted};

/// Which runbooks speak of what, by their slugs.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// Of each part: those that link to it, state something of it, or are for it.
    pub speaking: HashMap<Reference, BTreeSet<String>>,
    /// Of each part: those that are for it.
    pub about: HashMap<Reference, BTreeSet<String>>,
}

impl Index {
    fn of(documents: &BTreeMap<String, Arc<Document>>) -> Self {
        let mut index = Self::default();
        for (slug, document) in documents {
            let sections = document.gist().sections.iter();
            let spoken = sections.flat_map(|s| s.links.iter().chain(s.facts.iter().map(|fact| &fact.subject)));
            let spoken = spoken.filter(|reference| !matches!(reference, Reference::Runbook(..)));
            spoken.chain(&document.front.about).for_each(|reference| add(&mut index.speaking, reference, slug));
            document.front.about.iter().for_each(|reference| add(&mut index.about, reference, slug));
        }
        index
    }
}

fn add(to: &mut HashMap<Reference, BTreeSet<String>>, reference: &Reference, slug: &str) {
    match to.get_mut(reference) {
        Some(slugs) if slugs.contains(slug) => {}
        Some(slugs) => drop(slugs.insert(slug.to_owned())),
        None => drop(to.insert(reference.clone(), BTreeSet::from([slug.to_owned()]))),
    }
}

/// What a world is made from, besides the book.
pub(super) struct Read {
    pub parts: Parts,
    pub known_since: HashMap<Reference, Moment>,
    pub causes: Vec<ChangeRecord>,
    /// What people said, doubts apart: of all runbooks, or of those where it may be other than in the world before.
    pub people: HashMap<String, People>,
    /// The newest answer of a review.
    pub answers: i64,
    pub muted: Vec<MutedField>,
    /// What people doubt, by the runbook.
    pub doubts: HashMap<String, Vec<Doubt>>,
    /// How it stands with the file of each.
    pub kept: HashMap<String, RunbookRecord>,
    pub images: Images,
    pub texts: Vec<document::Read>,
}

impl Read {
    /// Reads what may be other than in the world before.
    pub async fn now(db: &Db, before: &World, already: AlreadyRead<'_>) -> sqlx::Result<Self> {
        let pool = db.read();
        let by = Moment::from_millis(i64::MAX);
        let parts = parts::all(pool);
        let texts = Texts::now(db, before, already);
        let (parts, texts, told) = if before.documents.is_empty() {
            // At a start there is much of each, and nothing of it tells what else to ask for.
            tokio::try_join!(parts, texts, Told::by_all(db))?
        } else {
            let (parts, texts) = tokio::try_join!(parts, texts)?;
            let told = Told::anew(db, before, &texts).await?;
            (parts, texts, told)
        };
        let known_since = parts.iter().map(|(reference, _, since)| (reference.clone(), *since)).collect();
        Ok(Self {
            parts: parts.into_iter().map(|(reference, values, _)| (reference, values)).collect(),
            known_since,
            causes: parts::newest_of_each(pool, by).await?,
            people: told.people,
            answers: told.answers,
            muted: reviews::muted(pool, by).await?,
            doubts: by_slug(doubts::open(pool).await?),
            texts: texts.read,
            kept: texts.kept.into_iter().map(|r| (r.slug.clone(), r)).collect(),
            images: Images::new(images::names(pool).await?),
        })
    }

    /// The world that follows.
    pub fn judged(self, book: Arc<Book>, before: &World) -> World {
        let unchanged = self.unchanged(&book, before);
        let Self { parts, known_since, causes, mut people, answers, muted, mut doubts, mut kept, images, texts } = self;
        let rules = reviews::as_rules(&muted);
        let present = Present { parts: &parts, book: &book };
        let mut documents = BTreeMap::new();
        let mut retired = BTreeMap::new();
        let mut open = Vec::new();
        for text in texts {
            let slug = text.record.slug.clone();
            let kept = kept.remove(&slug).unwrap_or_default();
            if kept.retired_at.is_some() {
                retired.insert(slug, (text.record, kept));
                continue;
            }
            let known = before.documents.get(&slug);
            match known.filter(|known| unchanged.contains(slug.as_str()) && known.kept == kept) {
                Some(known) => drop(documents.insert(slug, known.clone())),
                None => {
                    let of = people.remove(&slug).or_else(|| known.map(|known| People::of(known)));
                    let of = People { doubts: doubts.remove(&slug).unwrap_or_default(), ..of.unwrap_or_default() };
                    open.push((text, of, kept));
                }
            }
        }
        let judge = |(text, people, kept)| Arc::new(document::judge(text, people, &rules, kept, present));
        let judged = in_parallel(open, judge);
        documents.extend(judged.into_iter().map(|document| (document.record.slug.clone(), document)));
        World {
            index: match same_texts(&before.documents, &documents) {
                true => before.index.clone(),
                false => Arc::new(Index::of(&documents)),
            },
            book,
            book_errors: Vec::new(),
            not_known: Vec::new(),
            parts,
            known_since,
            muted,
            documents,
            retired,
            images: Arc::new(images),
            causes: causes.into_iter().map(|c| ((c.reference.clone(), c.field.clone()), c)).collect(),
            answers,
            affected: Mutex::default(),
        }
    }

    /// The runbooks of the world before of which nothing follows that did not follow there: neither what people said of
    /// them nor a value of what they speak of is another one. How it stands with their files is not looked at.
    fn unchanged<'w>(&self, book: &Book, before: &'w World) -> HashSet<&'w str> {
        if self.muted != before.muted {
            return HashSet::new();
        }
        let mut changed: HashSet<&str> = HashSet::new();
        for (reference, slugs) in &before.index.speaking {
            if before.parts.get(reference) != self.parts.get(reference)
                || is_declared_otherwise(reference, &before.book, book)
            {
                changed.extend(slugs.iter().map(String::as_str));
            }
        }
        let same = |(slug, document): &(&String, &Arc<Document>)| {
            !changed.contains(slug.as_str())
                && !self.people.contains_key(*slug)
                && !self.doubts.contains_key(*slug)
                && document.doubts.iter().all(Vec::is_empty)
        };
        before.documents.iter().filter(same).map(|(slug, _)| slug.as_str()).collect()
    }
}

/// The newest version of every runbook, at one moment.
struct Texts {
    kept: Vec<RunbookRecord>,
    read: Vec<document::Read>,
    /// Those of which the world before has no version, or another one.
    unread: Vec<String>,
}

impl Texts {
    async fn now(db: &Db, before: &World, already: AlreadyRead<'_>) -> sqlx::Result<Self> {
        let mut tx = db.snapshot().await?;
        let kept = runbooks::all(&mut *tx).await?;
        let known = |r: &RunbookRecord| before.documents.get(&r.slug).filter(|d| d.record.version == r.version);
        let unread: Vec<String> = kept.iter().filter(|r| known(r).is_none()).map(|r| r.slug.clone()).collect();
        let these: Vec<&str> = unread.iter().map(String::as_str).collect();
        let wanted = if unread.len() == kept.len() { Wanted::All } else { Wanted::These(&these) };
        let records = runbooks::newest(&mut tx, wanted).await?;
        drop(tx);
        let AlreadyRead { files, mut gists } = already;
        let files: HashMap<&str, &RunbookText> = files.iter().map(|file| (file.slug.as_str(), file)).collect();
        let records = records.into_iter().map(|record| {
            let gist = gists.remove(&record.slug).filter(|(version, _)| *version == record.version);
            (record, gist)
        });
        let new = in_parallel(records.collect(), |(record, gist)| match gist {
            Some((_, gist)) => document::Read::kept(record, gist),
            None => {
                let file = files.get(record.slug.as_str()).copied();
                document::Read::new(record, file)
            }
        });
        let again = kept.iter().filter_map(known).map(|d| document::Read::again(d));
        Ok(Self { read: again.chain(new).collect(), kept, unread })
    }
}

/// What people said, at one moment.
struct Told {
    people: HashMap<String, People>,
    /// The newest answer of a review.
    answers: i64,
}

impl Told {
    /// Of all runbooks.
    async fn by_all(db: &Db) -> sqlx::Result<Self> {
        let mut tx = db.snapshot().await?;
        let answers = reviews::newest(&mut tx).await?;
        Ok(Self { people: said(&mut tx, Wanted::All).await?, answers })
    }

    /// Of those of which it may be other than in the world before: there is an answer after its last, or another text.
    async fn anew(db: &Db, before: &World, texts: &Texts) -> sqlx::Result<Self> {
        let mut tx = db.snapshot().await?;
        let answers = reviews::newest(&mut tx).await?;
        let answered = match answers == before.answers {
            true => Vec::new(),
            false => reviews::answered_after(&mut tx, before.answers).await?,
        };
        let asked: HashSet<&str> = texts.unread.iter().chain(&answered).map(String::as_str).collect();
        let these: Vec<&str> = asked.into_iter().collect();
        // One question about everything is quicker than many about most of it.
        let wanted = if these.len() * 4 > texts.kept.len() { Wanted::All } else { Wanted::These(&these) };
        let mut people = said(&mut tx, wanted).await?;
        for slug in these {
            people.entry(slug.to_owned()).or_default();
        }
        Ok(Self { people, answers })
    }
}

/// What people said of runbooks, doubts apart.
async fn said(tx: &mut Tx, wanted: Wanted<'_>) -> sqlx::Result<HashMap<String, People>> {
    let (pins, firsts) = (reviews::pins(tx, wanted).await?, reviews::firsts(tx, wanted).await?);
    let said = reviews::set_aside(tx, wanted, Moment::from_millis(i64::MAX)).await?;
    Ok(People::by_slug(pins, firsts, said))
}

/// Doubts by the runbook that they are about.
pub(super) fn by_slug(doubts: Vec<Doubt>) -> HashMap<String, Vec<Doubt>> {
    let mut of: HashMap<String, Vec<Doubt>> = HashMap::new();
    for doubt in doubts {
        of.entry(doubt.slug.clone()).or_default().push(doubt);
    }
    of
}

/// Whether two books say something else of a part; also of values that do not matter by themselves, which a text may
/// state.
fn is_declared_otherwise(reference: &Reference, before: &Book, after: &Book) -> bool {
    match reference {
        Reference::Workflow(id) | Reference::Step(id, _) | Reference::Failure(id, ..) => {
            before.workflows.get(id) != after.workflows.get(id)
        }
        Reference::Component(id) => before.components.get(id) != after.components.get(id),
        Reference::Decision(id) => before.decisions.get(id) != after.decisions.get(id),
        Reference::Workaround(id) => before.workarounds.get(id) != after.workarounds.get(id),
        Reference::Runbook(..) => false,
    }
}

fn same_texts(before: &BTreeMap<String, Arc<Document>>, after: &BTreeMap<String, Arc<Document>>) -> bool {
    // A version is read once, and is of one runbook.
    let same = |(before, after): (&Arc<Document>, &Arc<Document>)| Arc::ptr_eq(&before.record, &after.record);
    before.len() == after.len() && before.values().zip(after.values()).all(same)
}

/// The text of every runbook that was the newest at a moment; those that are still so are taken from the present.
pub(super) async fn texts_by(db: &Db, at: Moment, now: &World) -> sqlx::Result<Vec<document::Read>> {
    let texts = runbooks::newest_by(db.read(), at).await?.into_iter().map(|record| {
        match now.documents.get(&record.slug).filter(|d| d.record.version == record.version) {
            Some(document) => document::Read::again(document),
            None => document::Read::new(record, None),
        }
    });
    Ok(texts.collect())
}
