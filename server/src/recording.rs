//! Recording what is known: the pictures that are due are made, and those that differ are kept as they are.
//!
//! What a page showed follows from many tables that keep only the present. So the picture itself is kept, by the clock,
//! after everything that is due was judged; `?at=` reads it again. When one is due, and how it is written, is a rule of
//! `app::model::recording`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use app::model::moment::{Moment, Span};
use app::model::recording::{Pace, Seen, Write};
use app::pages::now::NowPicture;
use app::pages::workflow::WorkflowPicture;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::TryRecvError;
use tokio::sync::{Mutex, MutexGuard};

use crate::App;
use crate::actions::record_pictures::record_pictures;
use crate::live::{Live, Topic};
use crate::store::packed::pack;
use crate::store::pictures::{self, PictureRecord};
use crate::store::tallies;
use crate::web::error::Error;
use crate::web::{now, workflows};

/// How many pictures of workflows are made at one strike, so that judging never waits long for them.
const AT_ONCE: usize = 8;

/// What is known of the recording since the start.
#[derive(Debug)]
pub struct Recording {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    heard: Receiver<Arc<BTreeSet<Topic>>>,
    /// Something was told that is not known any more, or nothing is known yet: look at everything.
    look_at_all: bool,
    paces: BTreeMap<Topic, Pace>,
}

impl Recording {
    /// Hears everything that is told from now on.
    pub fn new(live: &Live) -> Self {
        Self { state: Mutex::new(State { heard: live.listen(), look_at_all: true, paces: BTreeMap::new() }) }
    }
}

/// A picture as it is compared and kept.
struct Made {
    /// Its JSON.
    text: String,
    /// The same without what differs each time.
    content: String,
    weight: String,
    counts_time: bool,
}

/// Makes the pictures that are due, the oldest debt first, and keeps those that differ.
///
/// # Errors
/// What the database says; what was not kept is due again.
pub async fn record(app: &App) -> sqlx::Result<()> {
    let mut state = app.recording.state.lock().await;
    hear(app, &mut state).await?;
    let mut records = Vec::new();
    let mut kept = Vec::new();
    for topic in due(&state, app.now()) {
        let mut pace = state.paces.get(&topic).cloned().unwrap_or_default();
        if !pace.is_known()
            && let Some(known) = after_start(app, &topic).await?
        {
            pace = known;
        }
        let began = Instant::now();
        let made = match make(app, &topic).await {
            Ok(Some(made)) => made,
            Ok(None) => {
                // It is neither declared nor heard of any more.
                state.paces.remove(&topic);
                continue;
            }
            // One that cannot be made must not keep the others from being recorded.
            Err(error) => {
                tracing::error!(%error, %topic, "a picture could not be made to be recorded; trying again in a minute");
                kept.push((topic, pace.after_failure(app.now())));
                continue;
            }
        };
        let took = Span::from_millis(i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX));
        let at = app.now();
        let seen = Seen { content: &made.content, weight: &made.weight, counts_time: made.counts_time, took };
        let (pace, write) = pace.after(at, seen);
        if let Some(write) = write {
            records.push(packed(app, &topic, at, &made.text, write).await?);
        }
        kept.push((topic, pace));
    }
    record_pictures(&app.db, &records).await?;
    state.paces.extend(kept);
    Ok(())
}

/// Takes in what was told since last time.
async fn hear(app: &App, state: &mut MutexGuard<'_, State>) -> sqlx::Result<()> {
    let now = app.now();
    let world = app.worlds.now();
    let mut told = BTreeSet::new();
    loop {
        match state.heard.try_recv() {
            Ok(topics) => told.extend(topics.iter().cloned()),
            Err(TryRecvError::Lagged(_)) => state.look_at_all = true,
            Err(TryRecvError::Empty | TryRecvError::Closed) => break,
        }
    }
    if told.contains(&Topic::Book) {
        state.look_at_all = true;
    }
    let mut concerned: BTreeSet<Topic> = BTreeSet::new();
    if state.look_at_all {
        let heard_of = tallies::workflows(app.db.read()).await?;
        concerned.extend(world.book.workflows.keys().chain(heard_of.keys()).cloned().map(Topic::Workflow));
        concerned.insert(Topic::Now);
    }
    for topic in told {
        match topic {
            Topic::Workflow(_) => {
                concerned.extend([topic, Topic::Now]);
            }
            // What waits in a queue is told with the steps that it stands before.
            Topic::Component(id) => {
                let using = world.book.workflows.iter().filter(|(_, w)| w.components().any(|used| used == id));
                concerned.extend(using.map(|(id, _)| Topic::Workflow(id.clone())));
            }
            Topic::Now | Topic::Sources | Topic::Workflows => {
                concerned.insert(Topic::Now);
            }
            Topic::Run(..) | Topic::Problem(_) | Topic::Subject(_) | Topic::Book => {}
        }
    }
    for topic in concerned {
        state.paces.entry(topic).or_default().tell(now);
    }
    state.look_at_all = false;
    Ok(())
}

/// What is looked at in this strike: the workflows that have waited longest, then Now, which sums them up.
fn due(state: &State, now: Moment) -> Vec<Topic> {
    let mut due: Vec<(Moment, &Topic)> = state
        .paces
        .iter()
        .filter_map(|(topic, pace)| Some((pace.due()?, topic)))
        .filter(|(at, _)| *at <= now)
        .collect();
    due.sort();
    let sums_up = due.iter().any(|(_, topic)| **topic == Topic::Now);
    let workflows = due.into_iter().map(|(_, topic)| topic).filter(|topic| **topic != Topic::Now).take(AT_ONCE);
    workflows.cloned().chain(sums_up.then_some(Topic::Now)).collect()
}

/// What can be known of the recording of a topic after a start: its newest record.
async fn after_start(app: &App, topic: &Topic) -> sqlx::Result<Option<Pace>> {
    let newest = match pictures::newest(app.db.read(), &topic.to_string(), app.now()).await {
        Err(sqlx::Error::Decode(error)) => {
            tracing::warn!(%error, %topic, "the newest record cannot be read; a new one is written");
            return Ok(None);
        }
        newest => newest?,
    };
    Ok(newest.and_then(|(at, text)| {
        let made = match topic {
            Topic::Now => of_now(&NowPicture::read(&text).ok()?),
            _ => of_workflow(&WorkflowPicture::read(&text).ok()?),
        };
        Some(Pace::from_record(at, &made.content, &made.weight))
    }))
}

/// The picture of a topic; none when there is no such thing.
async fn make(app: &App, topic: &Topic) -> sqlx::Result<Option<Made>> {
    let made = match topic {
        Topic::Workflow(id) => workflows::picture(app, id).await.map(|picture| of_workflow(&picture)),
        _ => now::picture(app).await.map(|picture| of_now(&picture)),
    };
    match made {
        Ok(made) => Ok(Some(made)),
        Err(Error::Database(error)) => Err(error),
        Err(_) => Ok(None),
    }
}

fn of_workflow(picture: &WorkflowPicture) -> Made {
    let text = json(picture);
    Made { content: text.clone(), weight: picture.weight(), counts_time: picture.counts_time(), text }
}

fn of_now(picture: &NowPicture) -> Made {
    let content = json(&NowPicture { checked_at: Moment::default(), ..picture.clone() });
    Made { content, weight: picture.weight(), counts_time: picture.counts_time(), text: json(picture) }
}

/// A picture is text to text: writing it as JSON cannot fail.
fn json(picture: &impl serde::Serialize) -> String {
    serde_json::to_string(picture).unwrap_or_default()
}

/// A picture as its record; in full where the base that was meant is not there any more.
async fn packed(app: &App, topic: &Topic, at: Moment, text: &str, write: Write) -> sqlx::Result<PictureRecord> {
    let topic = topic.to_string();
    let base = match write.base_at {
        Some(base_at) => pictures::full(app.db.read(), &topic, base_at).await?.map(|base| (base_at, base)),
        None => None,
    };
    let body = pack(text, base.as_ref().map(|(_, base)| base.as_str())).map_err(sqlx::Error::Io)?;
    let stays = write.stays || base.is_none();
    Ok(PictureRecord { topic, at, stays, base_at: base.map_or(at, |(base_at, _)| base_at), body })
}
