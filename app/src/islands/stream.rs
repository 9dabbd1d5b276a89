//! The page's one stream: takes whole pictures as they come, and says how fresh the page is.
//!
//! A message's data is JSON:
//!
//! ```json
//! {"made": "02:14:06", "title": "Broken: Order to ERP", "state": "broken", "icon": "/pkg/3f9a/broken.svg",
//!  "pkg": "/pkg/3f9a", "blocks": {"answer": "<section data-live=\"answer\">…</section>"}}
//! ```
//!
//! Only `made` is always there. A block takes the place of the element with that `data-live`. The
//! server speaks at least every ten seconds, with a picture or with an event named `tick` whose data
//! is the time at which the picture still held; 35 seconds of silence count as a lost connection,
//! because a dead one gives no error by itself.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use leptos::prelude::set_timeout;
use serde::Deserialize;
use wasm_bindgen::prelude::*;
use web_sys::{Element, Event, EventSource, HtmlLinkElement, MessageEvent, PageTransitionEvent};

use super::gestures::{announce, document, is_unsaved, listen, prepare_announcing, window};
use super::morph;

/// How long the stream may be silent.
const SILENCE: Duration = Duration::from_secs(35);
/// How long after a refusal the stream is tried again; the browser itself only tries after a broken line.
const AGAIN: Duration = Duration::from_secs(5);
/// How long a page that nobody sees keeps its stream.
const UNSEEN: Duration = Duration::from_secs(20);
/// How often a page that nobody sees looks, for its title.
const LOOK: Duration = Duration::from_secs(60);

#[derive(Deserialize)]
struct Picture {
    made: String,
    title: Option<String>,
    state: Option<String>,
    icon: Option<String>,
    pkg: Option<String>,
    #[serde(default)]
    blocks: BTreeMap<String, String>,
}

/// How fresh the page is, as it says.
#[derive(Clone, Copy, PartialEq)]
enum Freshness {
    Picture,
    Live,
    Lost,
}

struct Stream {
    url: String,
    source: RefCell<Option<EventSource>>,
    freshness: Cell<Freshness>,
    made: RefCell<String>,
    state: RefCell<Option<String>>,
    /// The blocks as they were last put on the page, so that what did not change is not even read.
    shown: RefCell<BTreeMap<String, String>>,
    /// Nobody sees the page: look now and then instead of holding one of the browser's six connections.
    unseen: Cell<bool>,
    /// Counts what was put off, so that only the last of it is done: lost, try again, let go or look.
    turn: Cell<u32>,
}

thread_local! {
    static FOLLOWING: Cell<bool> = const { Cell::new(false) };
}

/// Opens the page's stream, once, and keeps it for as long as the page is there.
pub fn follow(topics: &str, since: i64, made: &str) {
    if FOLLOWING.replace(true) {
        return;
    }
    prepare_announcing();
    let stream = Rc::new(Stream {
        url: format!("/live?topics={}&since={since}", percent_encoded(topics)),
        source: RefCell::default(),
        freshness: Cell::new(Freshness::Picture),
        made: RefCell::new(made.to_owned()),
        state: RefCell::default(),
        shown: RefCell::default(),
        unseen: Cell::default(),
        turn: Cell::default(),
    });
    stream.open();
    listen(&document(), "visibilitychange", {
        let stream = stream.clone();
        move |_: Event| stream.seen_or_not()
    });
    // A page with an open stream would not be kept for the Back button.
    listen(&window(), "pagehide", {
        let stream = stream.clone();
        move |_: Event| stream.close()
    });
    listen(&window(), "pageshow", move |shown: PageTransitionEvent| {
        if shown.persisted() {
            stream.open();
        }
    });
}

impl Stream {
    fn open(self: &Rc<Self>) {
        self.close();
        let Ok(source) = EventSource::new(&self.url) else { return };
        listen(&source, "open", {
            let stream = self.clone();
            move |_: Event| stream.is_live()
        });
        listen(&source, "message", {
            let stream = self.clone();
            move |message: MessageEvent| stream.take(&message.data().as_string().unwrap_or_default())
        });
        listen(&source, "tick", {
            let stream = self.clone();
            move |message: MessageEvent| stream.heard(&message.data().as_string().unwrap_or_default())
        });
        listen(&source, "error", {
            let stream = self.clone();
            let source = source.clone();
            move |_: Event| {
                let is_mine = stream.source.borrow().as_ref() == Some(&source);
                if is_mine {
                    stream.say(Freshness::Lost);
                    if source.ready_state() == EventSource::CLOSED {
                        stream.then(AGAIN, Self::open);
                    }
                }
            }
        });
        self.source.replace(Some(source));
    }

    fn close(&self) {
        self.turn.set(self.turn.get() + 1);
        if let Some(source) = self.source.take() {
            source.close();
        }
    }

    /// Takes one message: blocks, title, favicon, and the word to those who listen.
    fn take(self: &Rc<Self>, data: &str) {
        let Ok(picture) = leptos::serde_json::from_str::<Picture>(data) else { return };
        if picture.pkg.is_some_and(|pkg| self.is_outdated(&pkg)) {
            _ = window().location().reload();
            return;
        }
        if let Some(body) = document().body() {
            for old in morph::elements(&body, "[data-live]") {
                self.put(&old, &picture.blocks);
            }
        }
        if let Some(title) = picture.title {
            // Before the first message the title alone says in which state the page was made.
            let page = document();
            let is_news = match self.state.replace(picture.state.clone()) {
                Some(was) => Some(was) != picture.state,
                None => page.title() != title,
            };
            if is_news {
                announce(&title);
            }
            page.set_title(&title);
        }
        if let Some(icon) = picture.icon {
            show_icon(&icon);
        }
        self.heard(&picture.made);
    }

    fn put(&self, old: &Element, blocks: &BTreeMap<String, String>) {
        let Some(name) = old.get_attribute("data-live") else { return };
        let Some(html) = blocks.get(&name) else { return };
        // An outer block may have just replaced this one.
        if !old.is_connected() || self.shown.borrow().get(&name) == Some(html) {
            return;
        }
        if let Some(new) = morph::parse(html) {
            morph::replace(old, &new);
            self.shown.borrow_mut().insert(name, html.clone());
        }
    }

    /// The server has spoken: what the page shows holds as of `made`.
    fn heard(self: &Rc<Self>, made: &str) {
        if !made.is_empty() {
            made.clone_into(&mut self.made.borrow_mut());
        }
        if self.unseen.get() {
            self.close();
            self.say(Freshness::Picture);
            self.then(LOOK, Self::open);
        } else {
            self.is_live();
        }
    }

    /// The connection stands, until it has been silent for too long.
    fn is_live(self: &Rc<Self>) {
        self.say(Freshness::Live);
        self.then(SILENCE, |stream| {
            stream.say(Freshness::Lost);
            stream.open();
        });
    }

    fn seen_or_not(self: &Rc<Self>) {
        if document().hidden() {
            self.then(UNSEEN, |stream| {
                stream.unseen.set(true);
                stream.heard("");
            });
        } else if self.unseen.replace(false) || self.source.borrow().is_none() {
            self.open();
        } else {
            self.heard("");
        }
    }

    /// Says on the page how fresh it is.
    fn say(&self, freshness: Freshness) {
        let was = self.freshness.replace(freshness);
        let Ok(Some(place)) = document().query_selector(".live-state") else { return };
        let made = self.made.borrow();
        let (words, class) = match freshness {
            Freshness::Picture => (format!("Picture of {made}"), "live-state"),
            Freshness::Live => (format!("Live, picture of {made}"), "live-state live-on"),
            Freshness::Lost => (format!("Connection lost, showing {made}"), "live-state live-lost"),
        };
        if freshness == Freshness::Lost && was == Freshness::Live {
            announce(&words);
        }
        place.set_class_name(class);
        place.set_text_content(Some(&words));
    }

    /// Does `act` after `pause`, instead of what was due before.
    fn then(self: &Rc<Self>, pause: Duration, act: impl FnOnce(&Rc<Self>) + 'static) {
        let stream = self.clone();
        let turn = self.turn.get() + 1;
        self.turn.set(turn);
        set_timeout(
            move || {
                if stream.turn.get() == turn {
                    act(&stream);
                }
            },
            pause,
        );
    }

    /// Whether the server now speaks to another version of this page, and nothing typed would be lost by loading it.
    fn is_outdated(&self, pkg: &str) -> bool {
        let page = document();
        let is_other = page
            .query_selector("link[rel=stylesheet]")
            .ok()
            .flatten()
            .and_then(|link| link.get_attribute("href"))
            .is_some_and(|href| !href.starts_with(pkg));
        is_other && !page.body().is_some_and(|body| is_unsaved(&body))
    }
}

fn show_icon(href: &str) {
    let icon = document().query_selector("link[rel=icon]").ok().flatten();
    if let Some(icon) = icon.and_then(|icon| icon.dyn_into::<HtmlLinkElement>().ok())
        && icon.get_attribute("href").as_deref() != Some(href)
    {
        icon.set_href(href);
    }
}

/// Percent-encodes everything but letters, digits and `-._~:,` (RFC 3986, 3.4).
fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~:,".contains(&byte) {
            encoded.push(byte.into());
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
        encoded
    })
}
