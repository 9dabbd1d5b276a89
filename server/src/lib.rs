//! How Watchbook runs: the database, the doors, the pages over HTTP, the clock.

#![recursion_limit = "256"]

pub mod actions;
pub mod book;
pub mod clock;
pub mod config;
pub mod db;
pub mod demo;
pub mod export;
pub mod finding;
pub mod ingest;
pub mod judging;
pub mod known_then;
pub mod live;
mod parallel;
pub mod password;
pub mod recording;
pub mod standing;
pub mod store;
pub mod web;
pub mod world;

use std::sync::Arc;

use app::model::check_in::Key;
use app::model::moment::Moment;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::actions::make_secret;
use crate::clock::Clock;
use crate::config::Serve;
use crate::db::Db;
use crate::finding::Finder;
use crate::ingest::writer::Writer;
use crate::live::Live;
use crate::password::PasswordPool;
use crate::recording::Recording;
use crate::store::books;
use crate::world::{AlreadyRead, World, Worlds};

/// Everything that a request may need.
#[derive(Debug)]
pub struct App {
    /// The database.
    pub db: Db,
    /// The settings.
    pub config: Serve,
    /// The book in use, and what follows from it for documents.
    pub worlds: Arc<Worlds>,
    /// What is known of the folder of the book.
    pub folder: book::Folder,
    /// What finds things in it by words.
    pub finder: Finder,
    /// Who is told of changes.
    pub live: Live,
    /// The one writer of events.
    pub writer: Writer,
    /// Where passwords are checked.
    pub passwords: PasswordPool,
    /// What signs check-in links.
    pub check_in_key: Key,
    /// What time it is.
    pub clock: Clock,
    /// What queues said lately.
    pub queues: judging::queues::Remembered,
    /// What was last claimed by comparing with the usual.
    pub usual: judging::usual::Cache,
    /// When observed behaviour was last held against the book.
    pub observed: judging::observed::Looked,
    /// What is known of the recording of pictures.
    pub recording: Recording,
    /// The pictures that live pages follow.
    pub pictures: web::live::Pictures,
    /// Who wrote which passage of runbooks, as it was last found out.
    pub blames: web::versions::Blames,
    /// Whether the portal could work when that was last asked.
    pub readiness: web::health::Readiness,
    /// Becomes true when the portal is asked to stop: what never ends by itself ends then.
    pub stopping: watch::Sender<bool>,
}

impl App {
    /// Opens the database, reads the book, starts the writer. Gives the app and the writer's task, which ends after
    /// its last batch when the app is gone.
    ///
    /// # Errors
    /// A sentence for the person who starts it.
    pub async fn start(config: Serve, clock: Clock) -> Result<(Arc<Self>, JoinHandle<()>), String> {
        let (app, writing) = Self::assemble(config, clock).await?;
        book::first_import(&app).await?;
        Ok((app, writing))
    }

    /// Opens the database to read from it what a portal knows, whether that runs or not: with the book that it last
    /// used, and without looking at any file of a book.
    ///
    /// # Errors
    /// A sentence for the person who asked.
    pub async fn to_read(config: Serve, clock: Clock) -> Result<Arc<Self>, String> {
        let (app, _) = Self::assemble(config, clock).await?;
        let book = books::newest(app.db.read()).await.map_err(|e| e.to_string())?;
        let book = book.ok_or("no portal has used a book with this database yet")?;
        app.worlds.turn().await.use_book(&app.db, book, AlreadyRead::default()).await.map_err(|e| e.to_string())?;
        Ok(app)
    }

    async fn assemble(config: Serve, clock: Clock) -> Result<(Arc<Self>, JoinHandle<()>), String> {
        // Rendering hands work to an executor even where it never waits; leptos asks which one before the first page.
        // A second call in one process (tests) is refused and harmless.
        let _ = any_spawner::Executor::init_tokio();
        let db = Db::open(&config.database.database_url).await.map_err(|e| e.to_string())?;
        let check_in_key = make_secret::check_in_key(&db, clock.now())
            .await
            .map_err(|e| format!("the secret for check-in links cannot be read or made: {e}"))?;
        let worlds = Arc::new(Worlds::default());
        let finder = Finder::start(&worlds);
        let live = Live::default();
        let (writer, writing) = Writer::start(db.clone(), worlds.clone(), live.clone(), config.room);
        let recording = Recording::new(&live);
        let app = Arc::new(Self {
            db,
            config,
            worlds,
            folder: book::Folder::default(),
            finder,
            live,
            writer,
            passwords: PasswordPool::default(),
            check_in_key,
            clock,
            queues: judging::queues::Remembered::default(),
            usual: judging::usual::Cache::default(),
            observed: judging::observed::Looked::default(),
            recording,
            pictures: web::live::Pictures::default(),
            blames: web::versions::Blames::default(),
            readiness: web::health::Readiness::default(),
            stopping: watch::channel(false).0,
        });
        Ok((app, writing))
    }

    /// The world as it is, or as it was known at a moment.
    ///
    /// # Errors
    /// What the database says; the present world needs none.
    pub async fn world(&self, at: Option<Moment>) -> sqlx::Result<Arc<World>> {
        match at {
            None => Ok(self.worlds.now()),
            Some(at) => self.worlds.as_of(&self.db, at, self.now()).await,
        }
    }

    /// What time it is.
    pub fn now(&self) -> Moment {
        self.clock.now()
    }
}
