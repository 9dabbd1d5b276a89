//! An event: a reported fact, parsed at the door; after that the type is the proof.

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::moment::{Moment, Span};

/// The longest event that is taken, in bytes of JSON.
pub const MOST_BYTES: usize = 256 * 1024;

/// The longest name (workflow, run, step, source, id), in bytes.
const MOST_NAME: usize = 200;

/// An event further ahead of our clock than this is ordered by when it was heard.
const FUTURE: Span = Span::from_minutes(5);

/// A reported fact.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Which event this is: seen before means counted, nothing else.
    pub identity: Identity,
    /// Who told us.
    pub source: String,
    /// When it happened.
    pub time: Moment,
    /// What it says.
    pub what: What,
    /// The whole event as compact JSON with its defaults filled in: all that is stored.
    pub body: String,
}

/// A 128-bit hash of (`source`, `id`), or of the content where no id was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// The half that is indexed.
    pub key: i64,
    /// The half that settles a collision of the first.
    pub check: i64,
}

/// What an event says.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// About a run or a step of a run.
    Report(Box<Report>),
    /// A part changed: a deployment, a configuration.
    Change(Box<Change>),
    /// Queue, signal or record: kept and shown as it came, with the part that it is about.
    Other(Family, String),
}

/// The families of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Family {
    Step,
    Run,
    Queue,
    Signal,
    Change,
    Record,
}

impl Family {
    /// The word in JSON and in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Step => "step",
            Self::Run => "run",
            Self::Queue => "queue",
            Self::Signal => "signal",
            Self::Change => "change",
            Self::Record => "record",
        }
    }
}

/// What is said about a run, or a step of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The workflow; need not be declared.
    pub workflow: String,
    /// The caller's id of the run.
    pub run: String,
    /// The step; none when it is about the run as a whole.
    pub step: Option<String>,
    /// What state it is said to be in.
    pub progress: Progress,
    /// Which try, from 1.
    pub attempt: Option<u32>,
    /// The sender's own order among events of one moment.
    pub sequence: Option<Sequence>,
    /// The business thing: `order/10482`.
    pub subject: Option<String>,
    /// What went wrong.
    pub error: Option<Fault>,
    /// When the next try is due.
    pub next_attempt_at: Option<Moment>,
    /// What it waits for.
    pub waiting_on: Option<String>,
    /// What was left undone.
    pub remainder: Option<Remainder>,
}

/// What a step or run is said to be doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Progress {
    Waiting,
    Running,
    Retrying,
    Succeeded,
    Partial,
    Failed,
    Skipped,
    Cancelled,
}

impl Progress {
    /// All, in the order of their rank.
    pub const ALL: [Progress; 8] = [
        Self::Waiting,
        Self::Running,
        Self::Retrying,
        Self::Failed,
        Self::Partial,
        Self::Skipped,
        Self::Cancelled,
        Self::Succeeded,
    ];

    /// The word in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Retrying => "retrying",
            Self::Succeeded => "succeeded",
            Self::Partial => "partial",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Cancelled => "cancelled",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.name() == word)
    }

    /// Whether an attempt that says this has ended.
    pub fn is_result(self) -> bool {
        !matches!(self, Self::Waiting | Self::Running | Self::Retrying)
    }

    /// Decides between two reports of one moment: starts come before results, success last.
    pub fn rank(self) -> u8 {
        Self::ALL.iter().position(|p| *p == self).unwrap_or(0) as u8
    }
}

/// What went wrong, in the words of the system.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// A code: `503`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub code: String,
    /// A message.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code.as_str(), self.message.as_str()) {
            (code, "") => f.write_str(code),
            ("", message) => f.write_str(message),
            (code, message) => write!(f, "{code} {message}"),
        }
    }
}

/// What was left undone: 97 of 100 lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Remainder {
    pub done: i64,
    pub total: i64,
}

/// A part changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The component that changed.
    pub component: String,
    /// What it is now: a version, a build.
    pub version: Option<String>,
    /// What was done, in words.
    pub what: Option<String>,
    /// Who or what did it.
    pub by: Option<String>,
    /// Where to read more.
    pub link: Option<String>,
}

/// A sender's own numbering: numbers count as numbers, anything else as text after them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sequence(String);

impl Sequence {
    fn key(&self) -> (bool, usize, &str) {
        let number = !self.0.is_empty() && self.0.bytes().all(|b| b.is_ascii_digit());
        match number {
            true => {
                let digits = self.0.trim_start_matches('0');
                (false, digits.len(), digits)
            }
            false => (true, 0, &self.0),
        }
    }
}

impl Ord for Sequence {
    fn cmp(&self, other: &Self) -> Ordering {
        // "007" and "7" are one number; the text decides, so that the order stays total.
        self.key().cmp(&other.key()).then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for Sequence {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Where a report stands among those of its run: model rule 2.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OrderKey {
    /// When it happened, or was heard where it claims to be from the future.
    pub time: i64,
    sequence: Option<Sequence>,
    attempt: Option<u32>,
    rank: u8,
    identity: Identity,
}

/// Where `report` stands among those of its run.
pub fn order_key(event: &Event, report: &Report, received_at: Moment) -> OrderKey {
    OrderKey {
        time: believed_time(event.time, received_at).millis(),
        sequence: report.sequence.clone(),
        attempt: report.attempt,
        rank: report.progress.rank(),
        identity: event.identity,
    }
}

/// The time to order by: an event more than five minutes ahead of our clock is ordered by when it was heard.
pub fn believed_time(time: Moment, received_at: Moment) -> Moment {
    if time.since(received_at) > FUTURE { received_at } else { time }
}

/// Why one event was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// The field that is wrong; empty for the event as a whole.
    pub field: String,
    /// What is wrong with it, and what would be right.
    pub detail: String,
}

impl Refusal {
    /// A refusal of one field.
    pub fn new(field: &str, detail: impl Into<String>) -> Self {
        Self { field: field.to_owned(), detail: without_null(&detail.into()) }
    }
}

impl Event {
    /// Parses one native event. `source` is used where the event names none; `now` where it has no time.
    ///
    /// # Errors
    /// The first field that is wrong, and how to write it.
    pub fn parse(value: Value, source: &str, now: Moment) -> Result<Self, Refusal> {
        let Value::Object(mut map) = value else {
            return Err(Refusal::new("", "an event is a JSON object"));
        };
        map.retain(|_, v| !v.is_null());
        let fields = Fields(&map);
        let source = fields.name("source")?.unwrap_or_else(|| source.to_owned());
        let time = fields.moment("time")?;
        let id = fields.name("id")?;
        let family = fields.family()?;
        let what = match family {
            Family::Step | Family::Run => What::Report(Box::new(fields.report(family)?)),
            Family::Change => What::Change(Box::new(fields.change()?)),
            Family::Queue => What::Other(family, fields.required("queue")?),
            Family::Signal => What::Other(family, fields.name("name")?.unwrap_or_else(|| source.clone())),
            Family::Record => What::Other(family, fields.required("system")?),
        };
        let time = time.unwrap_or(now);
        map.insert("type".into(), family.name().into());
        map.insert("source".into(), source.as_str().into());
        map.insert("time".into(), time.to_string().into());
        // serde_json keeps object keys sorted, so equal content is equal text.
        let body = Value::Object(map).to_string();
        if body.len() > MOST_BYTES {
            return Err(Refusal::new("", format!("the event is larger than {} KiB", MOST_BYTES / 1024)));
        }
        let identity = match &id {
            Some(id) => Identity::of(&["id", &source, id]),
            None => Identity::of(&["content", &body]),
        };
        Ok(Self { identity, source, time, what, body })
    }

    /// Reads back what `parse` made of it: a stored body.
    ///
    /// # Errors
    /// Only when the text was not written by `parse`.
    pub fn stored(body: &str) -> Result<Self, Refusal> {
        let value = serde_json::from_str(body).map_err(|e| Refusal::new("", e.to_string()))?;
        Self::parse(value, "", Moment::default())
    }

    /// The family it belongs to.
    pub fn family(&self) -> Family {
        match &self.what {
            What::Report(r) if r.step.is_some() => Family::Step,
            What::Report(_) => Family::Run,
            What::Change(_) => Family::Change,
            What::Other(family, _) => *family,
        }
    }
}

impl Identity {
    /// The first 128 bits of SHA-256 over the parts, each ended by a zero byte.
    fn of(parts: &[&str]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        let bytes = hash.finalize();
        let half = |at: usize| {
            let mut eight = [0; 8];
            eight.copy_from_slice(&bytes[at..at + 8]);
            i64::from_be_bytes(eight)
        };
        Self { key: half(0), check: half(8) }
    }
}

/// The text with each null character replaced: PostgreSQL keeps no text that has one, and one sender's must not cost
/// others the commit that they share.
pub fn without_null(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// The fields of one event, each read with an error that names it.
struct Fields<'a>(&'a Map<String, Value>);

impl Fields<'_> {
    fn text(&self, field: &str) -> Result<Option<String>, Refusal> {
        Ok(self.raw(field)?.as_deref().map(without_null))
    }

    fn raw(&self, field: &str) -> Result<Option<String>, Refusal> {
        match self.0.get(field) {
            None => Ok(None),
            // PostgreSQL has no text with a null character; one sender's must not cost others their commit.
            Some(Value::String(text)) => Ok(Some(text.replace('\0', "\u{fffd}"))),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(_) => Err(Refusal::new(field, "must be text")),
        }
    }

    fn name(&self, field: &str) -> Result<Option<String>, Refusal> {
        let Some(text) = self.raw(field)? else { return Ok(None) };
        if text.trim().is_empty() {
            return Err(Refusal::new(field, "must not be empty"));
        }
        if text.len() > MOST_NAME || text.chars().any(char::is_control) {
            return Err(Refusal::new(field, format!("must be at most {MOST_NAME} bytes without control characters")));
        }
        Ok(Some(text))
    }

    fn required(&self, field: &str) -> Result<String, Refusal> {
        self.name(field)?.ok_or_else(|| Refusal::new(field, "is needed"))
    }

    fn moment(&self, field: &str) -> Result<Option<Moment>, Refusal> {
        match self.0.get(field) {
            None => Ok(None),
            Some(Value::String(text)) => Moment::parse(text).map(Some).map_err(|e| Refusal::new(field, e)),
            Some(_) => Err(Refusal::new(field, "must be a time like \"2026-06-04T02:13:05Z\"")),
        }
    }

    fn family(&self) -> Result<Family, Refusal> {
        let Some(word) = self.text("type")? else {
            return Ok(if self.0.contains_key("step") { Family::Step } else { Family::Run });
        };
        [Family::Step, Family::Run, Family::Queue, Family::Signal, Family::Change, Family::Record]
            .into_iter()
            .find(|f| f.name() == word)
            .ok_or_else(|| {
                Refusal::new("type", format!("\"{word}\" is not one of step, run, queue, signal, change, record"))
            })
    }

    fn report(&self, family: Family) -> Result<Report, Refusal> {
        let step = match family {
            Family::Step => Some(self.required("step")?),
            _ => None,
        };
        let word = self.required("state")?;
        let progress = Progress::parse(&word).ok_or_else(|| {
            let words: Vec<_> = Progress::ALL.iter().map(|p| p.name()).collect();
            Refusal::new("state", format!("\"{word}\" is not one of {}", words.join(", ")))
        })?;
        let attempt = match self.0.get("attempt") {
            None => None,
            Some(value) => match value.as_u64().and_then(|n| u32::try_from(n).ok()).filter(|n| *n >= 1) {
                Some(n) => Some(n),
                None => return Err(Refusal::new("attempt", "must be a whole number from 1")),
            },
        };
        Ok(Report {
            workflow: self.required("workflow")?,
            run: self.required("run")?,
            step,
            progress,
            attempt,
            sequence: self.name("sequence")?.map(Sequence),
            subject: self.name("subject")?,
            error: self.fault()?,
            next_attempt_at: self.moment("next_attempt_at")?,
            waiting_on: self.text("waiting_on")?,
            remainder: self.remainder()?,
        })
    }

    fn fault(&self) -> Result<Option<Fault>, Refusal> {
        match self.0.get("error") {
            None => Ok(None),
            Some(Value::String(message)) => Ok(Some(Fault { code: String::new(), message: without_null(message) })),
            Some(Value::Object(map)) => {
                let inner = Fields(map);
                let part = |field| match inner.text(field) {
                    Ok(text) => Ok(text.unwrap_or_default()),
                    Err(_) => Err(Refusal::new(&format!("error.{field}"), "must be text")),
                };
                Ok(Some(Fault { code: part("code")?, message: part("message")? }))
            }
            Some(_) => Err(Refusal::new("error", "must be text or {\"code\": …, \"message\": …}")),
        }
    }

    fn remainder(&self) -> Result<Option<Remainder>, Refusal> {
        let Some(value) = self.0.get("remainder") else { return Ok(None) };
        match (value.get("done").and_then(Value::as_i64), value.get("total").and_then(Value::as_i64)) {
            (Some(done), Some(total)) => Ok(Some(Remainder { done, total })),
            _ => Err(Refusal::new("remainder", "must be {\"done\": 97, \"total\": 100}")),
        }
    }

    fn change(&self) -> Result<Change, Refusal> {
        Ok(Change {
            component: self.required("component")?,
            version: self.text("version")?,
            what: self.text("what")?,
            by: self.text("by")?,
            link: self.text("link")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn now() -> Moment {
        Moment::parse("2026-06-04T02:13:05Z").unwrap()
    }

    fn parse(value: Value) -> Result<Event, Refusal> {
        Event::parse(value, "token", now())
    }

    #[test]
    fn only_workflow_run_and_state_are_needed() {
        let event = parse(json!({"workflow": "w", "run": 10482, "state": "running"})).unwrap();
        assert_eq!((event.time, event.source.as_str(), event.family()), (now(), "token", Family::Run));
    }

    #[test]
    fn a_wrong_field_is_named_with_what_would_be_right() {
        let field = |v| parse(v).unwrap_err().field;
        assert_eq!(field(json!({"run": "1", "state": "running"})), "workflow");
        assert_eq!(field(json!({"workflow": "w", "run": "1", "state": "flying"})), "state");
        assert_eq!(field(json!({"workflow": "w", "run": "1", "state": "running", "attempt": 0})), "attempt");
        assert_eq!(field(json!({"workflow": "w", "run": "1", "state": "running", "time": "yesterday"})), "time");
        assert_eq!(field(json!({"workflow": "w", "run": "1", "state": "failed", "error": {"code": []}})), "error.code");
        assert!(parse(json!({"type": "steps"})).unwrap_err().detail.contains("record"));
        assert_eq!(parse(json!([])).unwrap_err().detail, "an event is a JSON object");
    }

    #[test]
    fn the_same_id_from_the_same_source_is_the_same_event_whatever_else_it_says() {
        let a = parse(json!({"id": "1", "workflow": "w", "run": "1", "state": "running"})).unwrap();
        let b = parse(json!({"id": "1", "workflow": "w", "run": "1", "state": "failed"})).unwrap();
        let c = parse(json!({"id": "1", "source": "x", "workflow": "w", "run": "1", "state": "failed"})).unwrap();
        assert_eq!(a.identity, b.identity);
        assert_ne!(a.identity, c.identity);
    }

    #[test]
    fn without_an_id_equal_content_is_the_same_event_in_any_order_of_fields() {
        let a = json!({"workflow": "w", "run": "1", "state": "running", "time": "2026-06-04T02:13:05Z"});
        let b = json!({"time": "2026-06-04T04:13:05+02:00", "state": "running", "run": "1", "workflow": "w"});
        assert_eq!(parse(a).unwrap().identity, parse(b).unwrap().identity);
    }

    #[test]
    fn null_is_absent_and_unknown_fields_are_kept() {
        let event =
            parse(json!({"workflow": "w", "run": "1", "state": "running", "step": null, "colour": "red"})).unwrap();
        assert_eq!(event.family(), Family::Run);
        assert!(event.body.contains("\"colour\":\"red\""));
    }

    #[test]
    fn a_stored_event_reads_back_the_same() {
        let event = parse(json!({"workflow": "w", "run": "1", "step": "s", "state": "failed", "attempt": 2, "id": "x",
            "error": {"code": "503", "message": "refused"}, "next_attempt_at": "2026-06-04T02:19:00Z"}))
        .unwrap();
        assert_eq!(Event::stored(&event.body).unwrap(), event);
    }

    #[test]
    fn sequences_count_as_numbers() {
        let s = |t: &str| Sequence(t.to_owned());
        assert!(s("9") < s("10") && s("000009") < s("10") && s("10") < s("a"));
    }
}
