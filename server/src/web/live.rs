//! `/live`: the stream of pictures that a page follows. One picture a topic at a time, made once however many listen.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use app::model::subject::Subject;
use app::pages::shell::{self, Head, Place};
use app::parts;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::StreamExt;
use leptos::prelude::{AnyView, RenderHtml};
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until};
use tokio_stream::wrappers::WatchStream;

use super::error::{Error, Problem};
use super::{components, now, problems, render, runs, sources, subjects, workflows};
use crate::App;
use crate::live::Topic;
use crate::store::{feed, queues, runs as store_runs, tallies};

/// Pictures of one topic are at least this far apart.
const BETWEEN: Duration = Duration::from_secs(1);

/// A picture is made anew after this time even when nothing was heard: sentences count time.
const LONGEST: Duration = Duration::from_secs(10);

/// The pictures that are being followed.
#[derive(Debug, Default)]
pub struct Pictures {
    followed: Mutex<HashMap<Topic, Followed>>,
    drawn: AtomicU64,
}

impl Pictures {
    /// How many pictures were drawn since the start.
    pub fn drawn(&self) -> u64 {
        self.drawn.load(Ordering::Relaxed)
    }
}

/// One topic that is being followed.
#[derive(Debug, Clone)]
struct Followed {
    pictures: watch::Receiver<Message>,
    /// Somebody has joined who knows of a change that the present picture does not show.
    anew: Arc<Notify>,
}

/// A picture as it is sent.
#[derive(Debug, Clone, Default)]
struct Message {
    /// It shows every change up to this one ([`crate::live::Live::told`]).
    told: i64,
    bytes: Bytes,
}

/// What a page follows.
#[derive(Debug, Deserialize)]
pub struct Asked {
    topics: String,
    /// The page itself knows of every change up to this one: an older picture would turn it back.
    #[serde(default)]
    since: i64,
}

/// The stream: the present picture at once, or a new one within a second if the page knows more; then each new one.
pub async fn stream(State(app): State<Arc<App>>, Query(asked): Query<Asked>) -> Response {
    let topic = match Topic::parse(&asked.topics) {
        Some(topic) if can_be_followed(&app, &topic).await => topic,
        _ => {
            let detail = format!("\"{}\" is nothing that can be followed.", asked.topics);
            return Problem::new(StatusCode::NOT_FOUND, "There is no such stream", detail).into_response();
        }
    };
    let followed = follow(&app, topic);
    if followed.pictures.borrow().told < asked.since {
        followed.anew.notify_one();
    }
    let is_news = move |m: &Message| std::future::ready(!m.bytes.is_empty() && m.told >= asked.since);
    let messages = WatchStream::new(followed.pictures).filter(is_news).map(|m| Ok::<_, Infallible>(m.bytes));
    let mut response = Body::from_stream(messages).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies that collect answers would hold pictures back.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

async fn can_be_followed(app: &App, topic: &Topic) -> bool {
    let pool = app.db.read();
    match topic {
        Topic::Now | Topic::Workflows | Topic::Sources => true,
        Topic::Workflow(id) => {
            app.worlds.now().workflow(id).is_some() || tallies::workflow(pool, id).await.is_ok_and(|t| t.is_some())
        }
        Topic::Subject(text) => subjects::picture(app, &Subject::of(text), None).await.is_ok(),
        Topic::Run(workflow, run) => store_runs::find(pool, workflow, run).await.is_ok_and(|r| r.is_some()),
        Topic::Problem(id) => problems::picture(app, &id.to_string()).await.is_ok(),
        Topic::Component(id) => {
            app.worlds.now().book.components.contains_key(id)
                || queues::find(pool, id).await.is_ok_and(|queue| queue.is_some())
        }
        Topic::Book => false,
    }
}

/// The pictures of a topic; begins to make them when nobody followed it yet.
fn follow(app: &Arc<App>, topic: Topic) -> Followed {
    let mut all = app.pictures.followed.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(followed) = all.get(&topic)
        && followed.pictures.has_changed().is_ok()
    {
        return followed.clone();
    }
    let (show, pictures) = watch::channel(Message::default());
    let followed = Followed { pictures, anew: Arc::default() };
    all.insert(topic.clone(), followed.clone());
    tokio::spawn(make_pictures(app.clone(), topic, show, followed.anew.clone()));
    followed
}

/// Makes pictures of a topic for as long as anybody follows it.
async fn make_pictures(app: Arc<App>, topic: Topic, show: watch::Sender<Message>, anew: Arc<Notify>) {
    let mut changes = app.live.listen();
    let mut stopping = app.stopping.subscribe();
    loop {
        let made_at = Instant::now();
        let told = app.live.told();
        app.pictures.drawn.fetch_add(1, Ordering::Relaxed);
        match picture(&app, &topic).await {
            Ok(picture) => {
                let position = feed::newest(app.db.read()).await.unwrap_or_default();
                // A picture is text to text: writing it as JSON cannot fail.
                let data = serde_json::to_string(&picture).unwrap_or_default();
                let bytes = format!("id: {position}\ndata: {data}\n\n").into();
                show.send_replace(Message { told, bytes });
            }
            Err(error) => tracing::warn!(?error, %topic, "a picture could not be made"),
        }
        if nobody_follows(&app, &topic, &show) {
            return;
        }
        let longest = sleep_until(made_at + LONGEST);
        tokio::pin!(longest);
        loop {
            tokio::select! {
                () = &mut longest => break,
                () = anew.notified() => break,
                // The channel ends with this task, and with it every stream of the topic.
                _ = stopping.wait_for(|stop| *stop) => return,
                told = changes.recv() => match told {
                    Ok(topics) if topics.iter().any(|t| topic.concerned_by(t)) => break,
                    Ok(_) => {}
                    // Fallen behind: look at everything.
                    Err(_) => break,
                },
            }
        }
        tokio::select! {
            () = sleep_until(made_at + BETWEEN) => {}
            _ = stopping.wait_for(|stop| *stop) => return,
        }
    }
}

/// Whether the making can end; decided under the lock, so that nobody joins in between.
fn nobody_follows(app: &App, topic: &Topic, show: &watch::Sender<Message>) -> bool {
    let mut followed = app.pictures.followed.lock().unwrap_or_else(PoisonError::into_inner);
    // One receiver is the map's own.
    let nobody = show.receiver_count() <= 1;
    if nobody {
        followed.remove(topic);
    }
    nobody
}

/// What the browser gets: every live block of a page as HTML.
#[derive(Debug, Serialize)]
struct Picture {
    made: String,
    title: String,
    state: Option<&'static str>,
    icon: String,
    pkg: String,
    blocks: BTreeMap<String, String>,
}

async fn picture(app: &App, topic: &Topic) -> Result<Picture, Error> {
    type Draw = Box<dyn FnOnce() -> Vec<(&'static str, AnyView)> + Send>;
    let (head, draw): (Head, Draw) = match topic {
        Topic::Now => {
            let picture = now::picture(app).await?;
            (app::pages::now::head(&picture), Box::new(move || app::pages::now::blocks(&picture)))
        }
        Topic::Workflows => {
            let picture = workflows::list(app).await?;
            (app::pages::workflows::head(&picture), Box::new(move || app::pages::workflows::blocks(&picture)))
        }
        Topic::Workflow(id) => {
            let picture = workflows::picture(app, id).await?;
            (app::pages::workflow::head(&picture), Box::new(move || app::pages::workflow::blocks(&picture)))
        }
        Topic::Run(workflow, run) => {
            let picture = runs::picture(app, workflow, run, None).await?;
            (app::pages::run::head(&picture), Box::new(move || app::pages::run::blocks(&picture)))
        }
        Topic::Subject(text) => {
            let picture = subjects::picture(app, &Subject::of(text), None).await?;
            (app::pages::subject::head(&picture), Box::new(move || app::pages::subject::blocks(&picture)))
        }
        Topic::Sources => {
            let picture = sources::picture(app).await?;
            (app::pages::sources::head(&picture), Box::new(move || app::pages::sources::blocks(&picture)))
        }
        Topic::Problem(id) => {
            let picture = problems::picture(app, &id.to_string()).await?;
            (app::pages::problem::head(&picture), Box::new(move || app::pages::problem::blocks(&picture)))
        }
        Topic::Component(id) => {
            let picture = components::picture(app, id, false, None).await?;
            (app::pages::component::head(&picture), Box::new(move || app::pages::component::blocks(&picture)))
        }
        Topic::Book => return Err(Error::NotFound("stream", "book".to_owned())),
    };
    let frame = render::frame(app, None, None, Place::Other, Some(topic.clone())).await;
    let mut blocks: BTreeMap<String, String> = render::drawn(&render::ink(app, frame.now), || {
        draw().into_iter().map(|(name, view)| (name.to_owned(), view.to_html())).collect()
    });
    let freshness = render::drawn(&render::ink(app, frame.now), || parts::freshness(&frame).to_html());
    blocks.insert("freshness".to_owned(), freshness);
    Ok(Picture {
        made: frame.now.clock_seconds(&frame.zone),
        title: shell::title(&head),
        state: head.state.map(|s| s.name()),
        icon: shell::favicon(&frame.pkg, head.state),
        pkg: frame.pkg,
        blocks,
    })
}
