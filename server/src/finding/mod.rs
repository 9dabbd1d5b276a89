//! Finding by words: an index in memory that follows the world, and says how far it has come.
//!
//! The index holds nothing that is not in the world, so it can be thrown away at any time. It is filled and changed on a
//! thread of its own; whoever asks meanwhile gets what is in it so far. If it fails, [`Finder::find`] looks through the
//! world itself, and the next change of the world starts a fresh one.

pub mod entries;
mod index;
mod shelf;

use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::Duration;

use app::model::find::{Asked, Closeness, Fit};
use tokio::sync::{oneshot, watch};

use self::entries::{Entry, Target};
use self::index::Index;
use self::shelf::Shelf;
use crate::world::{World, Worlds};

/// How many things an index is asked for: more than are shown, because of one document only a few are.
const MOST: usize = 120;

/// With fewer than these as they were asked for, those that are close are looked for as well.
const FEW: usize = 3;

/// How far the index is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// It is filled for the first time: so many documents of so many are in it.
    Reading {
        /// How many are in it.
        done: usize,
        /// How many there are.
        of: usize,
    },
    /// It has been filled, and follows.
    Ready,
    /// There is none: making it failed.
    Failed,
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// Which.
    pub target: Target,
    /// How well it fits.
    pub fit: Fit,
    /// Of those that fit equally well, the greater the better.
    pub score: f32,
}

/// How thoroughly is looked where there is no index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Through names alone: for an answer at each letter.
    Names,
    /// Through all texts.
    Texts,
}

/// The index, and how far it is.
#[derive(Debug, Clone)]
pub struct Finder {
    index: Arc<RwLock<Option<Arc<Index>>>>,
    /// How many replacements of the world the index has heard of, and how far it is.
    state: watch::Sender<(u64, Progress)>,
    replaced: watch::Receiver<u64>,
}

impl Finder {
    /// Starts to follow these worlds, for as long as they are there.
    pub fn start(worlds: &Arc<Worlds>) -> Self {
        let state = watch::Sender::new((0, Progress::Reading { done: 0, of: 0 }));
        let finder = Self { index: Arc::default(), state, replaced: worlds.replacements() };
        tokio::spawn(follow(finder.clone(), Arc::downgrade(worlds)));
        finder
    }

    /// How far the index is.
    pub fn progress(&self) -> Progress {
        self.state.borrow().1
    }

    /// Waits until the index has all that is in the world, so long at most. Gives whether it has.
    pub async fn caught_up(&self, within: Duration) -> bool {
        let wanted = *self.replaced.borrow();
        let mut state = self.state.subscribe();
        let comes = state.wait_for(|(heard, _)| *heard >= wanted);
        tokio::time::timeout(within, comes).await.is_ok_and(|heard| heard.is_ok())
    }

    /// Does without the index until the world is replaced again. `why` goes to the log.
    pub fn give_up(&self, why: &str) {
        tracing::error!(why, "Find has no index and looks without it");
        self.put(None);
        self.state.send_modify(|state| state.1 = Progress::Failed);
    }

    fn put(&self, index: Option<Arc<Index>>) {
        // The lock only ever guards one assignment; a panic elsewhere cannot leave it half done.
        *self.index.write().unwrap_or_else(PoisonError::into_inner) = index;
    }

    /// What fits, from the index; from the world itself where there is none. It computes and does not wait.
    pub fn find(&self, world: &World, asked: &Asked, depth: Depth) -> Vec<Hit> {
        if asked.words().is_empty() {
            return Vec::new();
        }
        let index = self.index.read().unwrap_or_else(PoisonError::into_inner).clone();
        match index.map(|index| look_up(&index, asked)) {
            Some(Ok(found)) => found.into_iter().filter_map(|found| hit(world, asked, found)).collect(),
            Some(Err(error)) => {
                tracing::error!(%error, "the index cannot be asked; Find looks without it");
                look_through(world, asked, depth)
            }
            None => look_through(world, asked, depth),
        }
    }
}

/// What an index says: which thing, how good it is, and whether it is only close.
type Found = (Target, f32, Closeness);

fn look_up(index: &Index, asked: &Asked) -> tantivy::Result<Vec<Found>> {
    let one = |closeness| move |(target, score)| (target, score, closeness);
    let written = index.find(asked, Closeness::AsWritten, MOST)?;
    let mut found: Vec<Found> = written.into_iter().map(one(Closeness::AsWritten)).collect();
    if found.len() < FEW && asked.may_be_close() {
        let close = index.find(asked, Closeness::Close, MOST)?;
        let close: Vec<_> = close.into_iter().filter(|(target, _)| found.iter().all(|(t, ..)| t != target)).collect();
        found.extend(close.into_iter().map(one(Closeness::Close)));
    }
    Ok(found)
}

/// What was found as it is in this world; none when it is no longer there.
fn hit(world: &World, asked: &Asked, (target, score, closeness): Found) -> Option<Hit> {
    let entry = Entry::of(world, &target)?;
    let fit = entry.names_fit(asked).unwrap_or(match closeness {
        Closeness::AsWritten => Fit::Text,
        Closeness::Close => Fit::Close,
    });
    Some(Hit { score: score * entry.weight(), target, fit })
}

/// What fits, by looking at everything. Slips of the hand are not forgiven.
fn look_through(world: &World, asked: &Asked, depth: Depth) -> Vec<Hit> {
    let one = |entry: Entry| {
        let fit = match depth {
            Depth::Names => entry.names_fit(asked),
            Depth::Texts => entry.fit(asked),
        };
        Some(Hit { score: entry.weight(), fit: fit?, target: entry.target })
    };
    entries::all(world).filter_map(one).collect()
}

/// Takes over one world after the other.
async fn follow(finder: Finder, worlds: Weak<Worlds>) {
    let mut replaced = finder.replaced.clone();
    let mut shelf = None;
    loop {
        let number = *replaced.borrow_and_update();
        let Some(world) = worlds.upgrade().map(|worlds| worlds.now()) else { return };
        // Before the book was read for the first time there is nothing to find, and nothing to call read.
        if number > 0 {
            let (taking, before) = (finder.clone(), shelf.take());
            match on_a_thread(move || take_over(&taking, before, &world)).await {
                Some(Ok(taken)) => {
                    shelf = Some(taken);
                    finder.state.send_replace((number, Progress::Ready));
                }
                failed => {
                    let why = failed.and_then(Result::err).map(|error| error.to_string());
                    finder.give_up(why.as_deref().unwrap_or("the thread that makes it ended"));
                    finder.state.send_modify(|state| state.0 = number);
                }
            }
        }
        if replaced.changed().await.is_err() {
            return;
        }
    }
}

/// Makes the index what the world is; what is ready of it can be asked at once.
fn take_over(finder: &Finder, before: Option<Shelf>, world: &World) -> tantivy::Result<Shelf> {
    let first = before.is_none();
    let mut shelf = before.map_or_else(Shelf::empty, Ok)?;
    finder.put(Some(shelf.index()));
    shelf.follow(world, |done, of| {
        if first {
            finder.state.send_modify(|state| state.1 = Progress::Reading { done, of });
        }
    })?;
    Ok(shelf)
}

/// Filling an index takes all that a thread can give, and its end must not wait for it: a thread of its own.
async fn on_a_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (tell, told) = oneshot::channel();
    let thread = std::thread::Builder::new().name("find".to_owned());
    let started = thread.spawn(move || {
        // Nobody may be waiting any more.
        let _ = tell.send(work());
    });
    started.ok()?;
    told.await.ok()
}
