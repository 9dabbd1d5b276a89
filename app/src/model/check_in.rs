//! A check-in: the signed link by which a person says that a step is done, and what it turns into.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::event::Identity;
use super::judge::Judged;
use super::moment::{Moment, Span};
use super::run::{Run, Visit};

/// The source of what people say by a link. It is we ourselves, so its silence means nothing.
pub const SOURCE: &str = "check-in";

/// How long after its due time a step may still be checked in.
const AFTER_DUE: Span = Span::from_minutes(7 * 24 * 60);

/// No link works for longer than this after the visit began.
const LONGEST: Span = Span::from_minutes(30 * 24 * 60);

/// The only thing that a link can do.
const DONE: &str = "done";

/// What signs links: 32 random bytes that leave the database only into the memory of the portal.
#[derive(Clone)]
pub struct Key([u8; 32]);

impl Key {
    /// A key of these bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    fn mac(&self, payload: &[u8]) -> Hmac<Sha256> {
        // A key shorter than a block is filled up with zeros (RFC 2104, section 2).
        let mut block = [0u8; 64];
        block[..32].copy_from_slice(&self.0);
        Hmac::<Sha256>::new(&block.into()).chain_update(b"check-in\0").chain_update(payload)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

/// What a link is about: one visit of one step in one run, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The workflow.
    pub workflow: String,
    /// The run.
    pub run: String,
    /// The step.
    pub step: String,
    /// The visit of that step in that run, from 1.
    pub visit: u32,
    /// When it stops working.
    pub expires_at: Moment,
}

/// What is signed: the link, and what it does, so that a later purpose cannot be mistaken for this one.
#[derive(Serialize, Deserialize)]
struct Payload {
    does: String,
    #[serde(flatten)]
    link: Link,
}

/// Why a token opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// We have not made it, or somebody has changed it.
    Unknown,
    /// Its time is over.
    Expired,
}

impl Link {
    /// The link for a visit. It is the same however often it is asked for.
    pub fn to(workflow: &str, run: &str, visit: &Visit, finish_within: Option<Span>) -> Self {
        let began = Moment::from_millis(visit.attempt_at);
        let lasts = finish_within.unwrap_or_default().millis().saturating_add(AFTER_DUE.millis());
        Self {
            workflow: workflow.to_owned(),
            run: run.to_owned(),
            step: visit.step.clone(),
            visit: visit.visit,
            expires_at: began + Span::from_millis(lasts).min(LONGEST),
        }
    }

    /// The token: what it is about and a signature over that, each in URL-safe base64, with a dot between.
    pub fn token(&self, key: &Key) -> String {
        let payload = json!(Payload { does: DONE.to_owned(), link: self.clone() }).to_string();
        let signature = key.mac(payload.as_bytes()).finalize().into_bytes();
        format!("{}.{}", URL_SAFE_NO_PAD.encode(payload), URL_SAFE_NO_PAD.encode(signature))
    }

    /// Opens a token. The signature is compared before anything in it is read, and in constant time.
    ///
    /// # Errors
    /// Why it opens nothing.
    pub fn open(token: &str, key: &Key, now: Moment) -> Result<Self, Refused> {
        let (payload, signature) = token.split_once('.').ok_or(Refused::Unknown)?;
        let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| Refused::Unknown);
        let (payload, signature) = (bytes(payload)?, bytes(signature)?);
        key.mac(&payload).verify_slice(&signature).map_err(|_| Refused::Unknown)?;
        let read: Payload = serde_json::from_slice(&payload).map_err(|_| Refused::Unknown)?;
        match read.does.as_str() {
            DONE if read.link.expires_at <= now => Err(Refused::Expired),
            DONE => Ok(read.link),
            _ => Err(Refused::Unknown),
        }
    }

    /// The visit that this is about, if it still waits: the newest of its step, not ended, in a run that goes on.
    pub fn waiting<'r>(&self, run: &'r Run, judged: &Judged) -> Option<&'r Visit> {
        let visit = run.latest_visits().find(|v| v.step == self.step && v.visit == self.visit)?;
        (judged.ended_at.is_none() && !visit.has_ended()).then_some(visit)
    }

    /// The id of the event that a check-in becomes: one a visit, so that a second click counts once.
    pub fn event_id(&self) -> String {
        let mut hash = Sha256::new();
        for part in [DONE, &self.workflow, &self.run, &self.step, &self.visit.to_string()] {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        URL_SAFE_NO_PAD.encode(&hash.finalize()[..16])
    }

    /// The identity of that event.
    pub fn identity(&self) -> Identity {
        Identity::of_id(SOURCE, &self.event_id())
    }

    /// The event that a check-in becomes: this try of this visit succeeded. `by` is an account, or `link`.
    pub fn event(&self, visit: &Visit, by: &str, now: Moment) -> Value {
        // It follows the last word on the visit, also where the clock of that source is ahead of ours.
        let after = Moment::from_millis(visit.progress_at + 1);
        json!({
            "type": "step", "id": self.event_id(), "source": SOURCE, "time": now.max(after).to_string(),
            "workflow": self.workflow, "run": self.run, "step": self.step, "state": "succeeded",
            "attempt": visit.attempt, "attributes": {"by": by},
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::event::Event;
    use super::super::judge::judge;
    use super::super::run::{Heard, fold};
    use super::*;
    use proptest::prelude::*;

    fn at(second: i64) -> Moment {
        Moment::from_millis(1_780_000_000_000 + second * 1000)
    }

    fn key() -> Key {
        Key::new([7; 32])
    }

    fn link() -> Link {
        Link { workflow: "invoice".into(), run: "i-1".into(), step: "approve".into(), visit: 1, expires_at: at(86_400) }
    }

    fn heard(second: i64, mut value: Value) -> Heard {
        value["workflow"] = "invoice".into();
        value["run"] = "i-1".into();
        if value["time"].is_null() {
            value["time"] = at(second).to_string().into();
        }
        Heard { event: Event::parse(value, "finance", at(second)).unwrap(), received_at: at(second) }
    }

    fn step(second: i64, step: &str, state: &str) -> Heard {
        heard(second, json!({"step": step, "state": state}))
    }

    #[test]
    fn a_token_opens_to_its_link_until_it_expires() {
        let token = link().token(&key());
        assert_eq!(Link::open(&token, &key(), at(0)), Ok(link()));
        assert_eq!(Link::open(&token, &key(), at(86_399)), Ok(link()));
        assert_eq!(Link::open(&token, &key(), at(86_400)), Err(Refused::Expired));
    }

    #[test]
    fn a_token_of_another_key_or_purpose_opens_nothing() {
        let token = link().token(&Key::new([8; 32]));
        assert_eq!(Link::open(&token, &key(), at(0)), Err(Refused::Unknown));
        let other = json!({"does": "skip", "workflow": "invoice", "run": "i-1", "step": "approve", "visit": 1,
            "expires_at": at(86_400)})
        .to_string();
        let signature = key().mac(other.as_bytes()).finalize().into_bytes();
        let token = format!("{}.{}", URL_SAFE_NO_PAD.encode(&other), URL_SAFE_NO_PAD.encode(signature));
        assert_eq!(Link::open(&token, &key(), at(0)), Err(Refused::Unknown));
        for wrong in ["", ".", "a.b", "é.é", &token[..20]] {
            assert_eq!(Link::open(wrong, &key(), at(0)), Err(Refused::Unknown), "{wrong}");
        }
    }

    #[test]
    fn a_link_works_until_a_week_after_the_due_time_and_thirty_days_at_most() {
        let run = fold(&[step(0, "approve", "waiting")]);
        let days = |within: Option<&str>| {
            let within = within.map(|text| Span::parse(text).unwrap());
            Link::to("invoice", "i-1", &run.visits[0], within).expires_at.since(at(0)).millis() / 86_400_000
        };
        assert_eq!((days(None), days(Some("2d")), days(Some("90d"))), (7, 9, 30));
    }

    #[test]
    fn only_the_newest_visit_of_a_run_that_goes_on_waits() {
        let waits = |events: &[Heard]| {
            let run = fold(events);
            let judged = judge(&run, None, at(100));
            link().waiting(&run, &judged).is_some()
        };
        assert!(waits(&[step(0, "approve", "waiting")]));
        assert!(!waits(&[step(0, "enter", "waiting")]));
        assert!(!waits(&[step(0, "approve", "waiting"), step(1, "approve", "succeeded")]));
        assert!(!waits(&[step(0, "approve", "waiting"), heard(1, json!({"state": "cancelled"}))]));
        // Asked again: the first link is of the first visit, and worth nothing now.
        let again = [step(0, "approve", "waiting"), step(1, "approve", "failed"), step(2, "approve", "waiting")];
        assert!(!waits(&again));
    }

    #[test]
    fn a_check_in_ends_the_visit_even_when_the_clock_of_the_other_source_is_ahead() {
        let ahead = heard(0, json!({"step": "approve", "state": "waiting", "time": at(120).to_string()}));
        let run = fold(std::slice::from_ref(&ahead));
        let event = link().event(&run.visits[0], "anna", at(60));
        let done = Heard { event: Event::parse(event, SOURCE, at(60)).unwrap(), received_at: at(60) };
        assert_eq!(done.event.identity, link().identity());
        let run = fold(&[ahead, done]);
        assert_eq!((run.visits.len(), run.visits[0].has_ended()), (1, true));
    }

    proptest! {
        #[test]
        fn a_token_with_any_character_changed_opens_nothing(at_byte in any::<prop::sample::Index>(), to in "[A-Za-z0-9_.-]") {
            let token = link().token(&key());
            let at_byte = at_byte.index(token.len());
            let changed = format!("{}{to}{}", &token[..at_byte], &token[at_byte + 1..]);
            prop_assume!(changed != token);
            prop_assert_eq!(Link::open(&changed, &key(), at(0)), Err(Refused::Unknown));
        }

        #[test]
        fn whatever_ids_callers_use_the_token_reads_back_and_fits_an_address(
            workflow in "\\PC{1,20}", run in "\\PC{1,20}", step in "\\PC{1,20}", visit in 1u32..9
        ) {
            let link = Link { workflow, run, step, visit, expires_at: at(9) };
            let token = link.token(&key());
            prop_assert!(token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)));
            prop_assert_eq!(Link::open(&token, &key(), at(0)), Ok(link));
        }
    }
}
