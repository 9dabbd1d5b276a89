//! An event: a reported fact, parsed at the door; after that the type is the proof.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::moment::{Moment, Span};
use super::queue::Level;
use super::record::{Datum, Record};
use super::subject::{Subject, UNTYPED, trace_of};

/// The longest event that is taken, in bytes of JSON.
pub const MOST_BYTES: usize = 256 * 1024;

/// The longest name (workflow, run, step, source, id), in bytes.
const MOST_NAME: usize = 200;

/// The most that a queue may count: far beyond any queue, and sums of it stay whole numbers.
const MOST_COUNT: i64 = 1_000_000_000_000;
/// The most fields of a record.
const MOST_FIELDS: usize = 100;

/// The longest value of a field of a record, in bytes.
const MOST_TEXT: usize = 1_000;

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
    /// A queue said how much waits in it: the queue, and its level.
    Queue(String, Level),
    /// A check told its start or its end without naming the run. Which run that is, its earlier words decide:
    /// [`Event::of_run`] makes a report of it.
    Check(Check),
    /// What a system holds of a thing.
    Record(Box<Record>),
    /// Heartbeat, or a line of a check's log: kept and shown as it came, with what it is about.
    Other(Family, String),
}

/// A check's word without a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// The check's name, which is the id of its workflow.
    pub name: String,
    /// Running for its start, succeeded or failed for its end.
    pub progress: Progress,
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
    /// What the sender joins it by with runs elsewhere.
    pub correlation: Option<String>,
    /// The trace that it is part of: the trace id of a `traceparent`, or the text that was given.
    pub trace: Option<String>,
    /// What went wrong.
    pub error: Option<Fault>,
    /// When the next try is due.
    pub next_attempt_at: Option<Moment>,
    /// What it waits for.
    pub waiting_on: Option<String>,
    /// What was left undone.
    pub remainder: Option<Remainder>,
    /// Whether a check tells it: each of its runs does the same work again.
    pub of_check: bool,
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
    /// What was not done, where the sender names it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<String>,
}

impl fmt::Display for Remainder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} done", self.done, self.total)?;
        match self.failed.as_slice() {
            [] => Ok(()),
            [one] => write!(f, ", not {one}"),
            [one, more @ ..] => write!(f, ", not {one} and {} more", more.len()),
        }
    }
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
    /// The number, or other text, that a sender gave.
    pub fn of(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The text that the sender gave.
    pub fn text(&self) -> &str {
        &self.0
    }

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

/// What is wrong with an event that has more than [`MOST_BYTES`].
pub fn too_large() -> String {
    format!("the event is larger than {} KiB", MOST_BYTES / 1024)
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
        let is_check = tell_as_run(&mut map)?;
        let fields = Fields(&map);
        let source = fields.name("source")?.unwrap_or_else(|| source.to_owned());
        let time = fields.moment("time")?;
        let id = fields.name("id")?;
        let family = fields.family()?;
        let happened = time.unwrap_or(now);
        let what = match family {
            Family::Run if is_check && !map.contains_key("run") => What::Check(fields.check()?),
            Family::Step | Family::Run => What::Report(Box::new(fields.report(family)?)),
            Family::Change => What::Change(Box::new(fields.change()?)),
            Family::Queue => What::Queue(fields.required("queue")?, fields.level(happened)?),
            Family::Signal => What::Other(family, fields.name("name")?.unwrap_or_else(|| source.clone())),
            Family::Record => What::Record(Box::new(fields.record()?)),
        };
        let time = happened;
        if let What::Record(record) = &what {
            // `type` becomes the family, so what it said of the thing is kept with the thing.
            map.insert("subject".into(), record.subject.text().into());
        }
        map.insert("type".into(), family.name().into());
        map.insert("source".into(), source.as_str().into());
        map.insert("time".into(), time.to_string().into());
        // serde_json keeps object keys sorted, so equal content is equal text.
        let mut whole = Value::Object(map);
        let mut body = whole.to_string();
        let mut id = id;
        if let (What::Check(_), None) = (&what, &id) {
            // The run is written into it later; what it is known by must be settled before.
            let content = Identity::of(&["content", &body]);
            let own = format!("{:016x}{:016x}", content.key, content.check);
            whole["id"] = own.as_str().into();
            body = whole.to_string();
            id = Some(own);
        }
        if body.len() > MOST_BYTES {
            return Err(Refusal::new("", too_large()));
        }
        let identity = match &id {
            Some(id) => Identity::of_id(&source, id),
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

    /// A check's word as a report of one of its runs; the same event, with the run written into it.
    ///
    /// # Errors
    /// Only when the run's name is none, or the event becomes too large by it.
    pub fn of_run(&self, run: &str) -> Result<Self, Refusal> {
        let mut value: Value = serde_json::from_str(&self.body).map_err(|e| Refusal::new("", e.to_string()))?;
        value["run"] = run.into();
        Self::parse(value, &self.source, self.time)
    }

    /// The family it belongs to.
    pub fn family(&self) -> Family {
        match &self.what {
            What::Report(r) if r.step.is_some() => Family::Step,
            What::Report(_) | What::Check(_) => Family::Run,
            What::Change(_) => Family::Change,
            What::Queue(..) => Family::Queue,
            What::Record(_) => Family::Record,
            What::Other(family, _) => *family,
        }
    }
}

impl Identity {
    /// The identity of the event that this source sends with this id.
    pub fn of_id(source: &str, id: &str) -> Self {
        Self::of(&["id", source, id])
    }

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

/// Makes a run event of a signal in which a named check tells its start or its end: the check is the workflow, its
/// `rid` is the run. Gives whether it was one. A signal without a name, or without a state, is a heartbeat.
fn tell_as_run(map: &mut Map<String, Value>) -> Result<bool, Refusal> {
    let fields = Fields(map);
    if fields.family()? != Family::Signal {
        return Ok(false);
    }
    let (Some(name), Some(word)) = (fields.name("name")?, fields.text("state")?) else { return Ok(false) };
    let progress = match word.as_str() {
        "start" => Progress::Running,
        "success" => Progress::Succeeded,
        "fail" => Progress::Failed,
        "log" => return Ok(false),
        _ => return Err(Refusal::new("state", format!("\"{word}\" is not one of start, success, fail, log"))),
    };
    let run = fields.name("rid")?;
    map.insert("type".into(), Family::Run.name().into());
    map.insert("workflow".into(), name.into());
    map.insert("signal".into(), word.into());
    map.insert("state".into(), progress.name().into());
    if let Some(run) = run {
        map.insert("run".into(), run.into());
    }
    Ok(true)
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
        // What a system and a key are given for is a record, and `type` is then that of the thing.
        let is_record = self.0.contains_key("system") && self.0.contains_key("key");
        [Family::Step, Family::Run, Family::Queue, Family::Signal, Family::Change, Family::Record]
            .into_iter()
            .find(|f| f.name() == word)
            .or(is_record.then_some(Family::Record))
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
            correlation: self.joint("correlation")?,
            trace: self.joint("trace")?.as_deref().and_then(trace_of),
            error: self.fault()?,
            next_attempt_at: self.moment("next_attempt_at")?,
            waiting_on: self.text("waiting_on")?,
            remainder: self.remainder()?,
            of_check: family == Family::Run && self.0.contains_key("signal"),
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
        let failed = match value.get("failed") {
            None | Some(Value::Null) => Some(Vec::new()),
            Some(Value::Array(items)) => items
                .iter()
                .map(|item| match item {
                    Value::String(text) => Some(without_null(text)),
                    Value::Number(number) => Some(number.to_string()),
                    _ => None,
                })
                .collect(),
            Some(_) => None,
        };
        match (value.get("done").and_then(Value::as_i64), value.get("total").and_then(Value::as_i64), failed) {
            (Some(done), Some(total), Some(failed)) => Ok(Some(Remainder { done, total, failed })),
            _ => Err(Refusal::new("remainder", "must be {\"done\": 97, \"total\": 100, \"failed\": [\"line 7\", …]}")),
        }
    }

    fn check(&self) -> Result<Check, Refusal> {
        let progress = Progress::parse(&self.required("state")?).unwrap_or(Progress::Running);
        Ok(Check { name: self.required("workflow")?, progress })
    }

    /// What a queue says at a moment.
    fn level(&self, at: Moment) -> Result<Level, Refusal> {
        let depth = self.count("depth")?.ok_or_else(|| Refusal::new("depth", "is needed: how many wait"))?;
        let oldest_at = match self.moment("oldest_at")? {
            Some(oldest_at) => Some(oldest_at),
            None => self.age("oldest")?.map(|age| at - age),
        };
        Ok(Level {
            at,
            depth,
            oldest_at: oldest_at.filter(|_| depth > 0).map(|oldest_at| oldest_at.min(at)),
            arrived: self.count("in")?,
            departed: self.count("out")?,
        })
    }

    fn count(&self, field: &str) -> Result<Option<i64>, Refusal> {
        match self.0.get(field) {
            None => Ok(None),
            Some(value) => match value.as_i64().filter(|n| (0..=MOST_COUNT).contains(n)) {
                Some(n) => Ok(Some(n)),
                None => Err(Refusal::new(field, format!("must be a whole number from 0 to {MOST_COUNT}"))),
            },
        }
    }

    /// A length of time: `47m`, or a number of seconds.
    fn age(&self, field: &str) -> Result<Option<Span>, Refusal> {
        match self.0.get(field) {
            None => Ok(None),
            Some(Value::Number(seconds)) => match seconds.as_f64().filter(|s| (0.0..=1e10).contains(s)) {
                Some(seconds) => Ok(Some(Span::from_millis((seconds * 1000.0) as i64))),
                None => Err(Refusal::new(field, "must be a duration like \"47m\", or a number of seconds")),
            },
            Some(Value::String(text)) if ["0s", "0m", "0h", "0ms"].contains(&text.as_str()) => {
                Ok(Some(Span::default()))
            }
            Some(Value::String(text)) => Span::parse(text).map(Some).map_err(|e| Refusal::new(field, e)),
            Some(_) => Err(Refusal::new(field, "must be a duration like \"47m\", or a number of seconds")),
        }
    }

    /// What runs may have in common; nothing where it is empty.
    fn joint(&self, field: &str) -> Result<Option<String>, Refusal> {
        match self.raw(field)? {
            Some(text) if !text.trim().is_empty() => self.name(field),
            _ => Ok(None),
        }
    }

    fn record(&self) -> Result<Record, Refusal> {
        let system = self.required("system")?;
        let subject = self.thing()?;
        let version = self.name("version")?.map(Sequence);
        let as_of = self.moment("as_of")?;
        let Some(Value::Object(given)) = self.0.get("fields") else {
            return Err(Refusal::new("fields", "must be {\"status\": \"paid\", \"total\": 99.9}"));
        };
        if given.len() > MOST_FIELDS {
            return Err(Refusal::new("fields", format!("must be at most {MOST_FIELDS}, here are {}", given.len())));
        }
        let mut fields = BTreeMap::new();
        for (field, value) in given.iter().filter(|(_, value)| !value.is_null()) {
            let place = format!("fields.{field}");
            if field.is_empty() || field.len() > MOST_NAME || field.chars().any(char::is_control) {
                let why = format!("its name must be 1 to {MOST_NAME} bytes without control characters");
                return Err(Refusal::new(&without_null(&place), why));
            }
            let datum = match value {
                Value::Bool(truth) => Datum::Truth(*truth),
                Value::Number(number) => Datum::Number(number.clone()),
                Value::String(text) if text.len() <= MOST_TEXT => Datum::Text(without_null(text)),
                Value::String(_) => return Err(Refusal::new(&place, format!("must be at most {MOST_TEXT} bytes"))),
                _ => return Err(Refusal::new(&place, "must be text, a number, true or false")),
            };
            fields.insert(field.clone(), datum);
        }
        Ok(Record { system, subject, version, fields, as_of })
    }

    /// What a record is of: `subject`, or `type` and `key`.
    fn thing(&self) -> Result<Subject, Refusal> {
        let how = "write \"subject\": \"order/10482\", or \"type\": \"order\" and \"key\": \"10482\"";
        if let Some(subject) = self.name("subject")? {
            return match Subject::of(&subject) {
                thing if thing.kind() == UNTYPED => Err(Refusal::new("subject", format!("has no type; {how}"))),
                thing => Ok(thing),
            };
        }
        let key = self.name("key")?.ok_or_else(|| Refusal::new("key", format!("is needed; {how}")))?;
        let kind = self.name("type")?.filter(|kind| kind != Family::Record.name());
        let kind = kind.ok_or_else(|| Refusal::new("type", format!("must be that of the thing; {how}")))?;
        let thing = Subject::at(&kind, &key);
        match thing.kind() == kind && kind.len() + key.len() < MOST_NAME {
            true => Ok(thing),
            false => Err(Refusal::new("type", format!("cannot be \"{kind}\"; {how}"))),
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

    fn record(value: Value) -> Result<Record, Refusal> {
        match parse(value)?.what {
            What::Record(record) => Ok(*record),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_record_names_its_thing_by_subject_or_by_type_and_key() {
        let by_subject = json!({"type": "record", "system": "erp", "subject": "order/10482", "version": 3,
            "fields": {"status": "paid", "total": 99.9, "held": false, "note": null}});
        let by_key = json!({"type": "order", "system": "erp", "key": 10482, "version": "3",
            "fields": {"status": "paid", "total": 99.9, "held": false}});
        let (one, other) = (record(by_subject).unwrap(), record(by_key.clone()).unwrap());
        assert_eq!(one, other);
        assert_eq!((one.subject.text(), one.fields.len()), ("order/10482", 3));
        let event = parse(by_key).unwrap();
        assert_eq!(event.family(), Family::Record);
        assert_eq!(Event::stored(&event.body).unwrap(), event);
    }

    #[test]
    fn a_wrong_field_of_a_record_is_named() {
        let field = |v| record(v).unwrap_err().field;
        let good = json!({"type": "record", "system": "erp", "subject": "order/1", "fields": {"status": "paid"}});
        let with = |field: &str, value: Value| {
            let mut event = good.clone();
            event[field] = value;
            event
        };
        assert!(record(good.clone()).is_ok());
        assert_eq!(field(with("system", Value::Null)), "system");
        assert_eq!(field(with("subject", json!("10482"))), "subject");
        assert_eq!(field(with("subject", Value::Null)), "key");
        assert_eq!(field(json!({"type": "record", "system": "erp", "key": "1", "fields": {}})), "type");
        assert_eq!(field(json!({"type": "a/b", "system": "erp", "key": "1", "fields": {}})), "type");
        assert_eq!(field(with("fields", json!("paid"))), "fields");
        assert_eq!(field(with("fields", json!({"lines": [1, 2]}))), "fields.lines");
        assert_eq!(field(with("fields", json!({"note": "x".repeat(1_001)}))), "fields.note");
        assert_eq!(field(with("as_of", json!("yesterday"))), "as_of");
        assert_eq!(field(with("version", json!([]))), "version");
    }

    #[test]
    fn what_joins_runs_is_read_and_an_empty_one_is_none() {
        let report = |value: Value| match parse(value).unwrap().what {
            What::Report(report) => (report.correlation, report.trace),
            other => panic!("{other:?}"),
        };
        let event = |correlation: &str, trace: &str| json!({"workflow": "w", "run": "1", "state": "running", "correlation": correlation, "trace": trace});
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let (correlation, trace) = report(event("basket-7", parent));
        assert_eq!(correlation.as_deref(), Some("basket-7"));
        assert_eq!(trace.as_deref(), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
        assert_eq!(report(event("", " ")), (None, None));
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
    fn a_queue_says_its_depth_and_how_old_the_oldest_is_either_way() {
        let told = |more: Value| {
            let mut event = json!({"type": "queue", "queue": "q", "depth": 412});
            event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            parse(event).map(|e| match e.what {
                What::Queue(_, level) => level,
                other => panic!("{other:?}"),
            })
        };
        let at_0126 = Moment::parse("2026-06-04T01:26:05Z").unwrap();
        assert_eq!(told(json!({"oldest": "47m"})).unwrap().oldest_at, Some(at_0126));
        assert_eq!(told(json!({"oldest": 2820})).unwrap().oldest_at, Some(at_0126));
        assert_eq!(told(json!({"oldest_at": "2026-06-04T01:26:05Z"})).unwrap().oldest_at, Some(at_0126));
        assert_eq!(told(json!({"oldest_at": "2026-06-05T00:00:00Z"})).unwrap().oldest_at, Some(now()));
        assert_eq!(told(json!({"depth": 0, "oldest": "0s"})).unwrap().oldest_at, None);
        assert_eq!(told(json!({"in": 7, "out": 0})).unwrap().departed, Some(0));
        for (field, wrong) in [
            ("depth", json!({"depth": -1})),
            ("depth", json!({"depth": null})),
            ("depth", json!({"depth": "many"})),
            ("oldest", json!({"oldest": "long"})),
            ("oldest", json!({"oldest": -1})),
            ("oldest_at", json!({"oldest_at": 5})),
            ("in", json!({"in": 0.5})),
            ("out", json!({"out": i64::MAX})),
        ] {
            assert_eq!(told(wrong.clone()).unwrap_err().field, field, "{wrong}");
        }
    }

    #[test]
    fn a_check_with_a_run_id_is_a_run_of_its_workflow() {
        let event = parse(json!({"type": "signal", "name": "backup", "state": "fail", "rid": "a1", "error": "disk"}));
        let event = event.unwrap();
        let What::Report(report) = &event.what else { panic!("{event:?}") };
        assert_eq!((report.workflow.as_str(), report.run.as_str()), ("backup", "a1"));
        assert_eq!((report.progress, event.family(), report.of_check), (Progress::Failed, Family::Run, true));
        assert_eq!(Event::stored(&event.body).unwrap(), event);
        assert_eq!(parse(json!({"type": "signal", "name": "b", "state": "maybe"})).unwrap_err().field, "state");
    }

    #[test]
    fn a_check_without_a_run_id_gets_its_run_later_and_stays_the_same_event() {
        let told = parse(json!({"type": "signal", "name": "backup", "state": "start"})).unwrap();
        assert_eq!(told.what, What::Check(Check { name: "backup".into(), progress: Progress::Running }));
        let placed = told.of_run("2026-06-04T02:13:05Z").unwrap();
        assert_eq!((placed.identity, placed.time, placed.source.as_str()), (told.identity, told.time, "token"));
        assert!(matches!(&placed.what, What::Report(report) if report.run == "2026-06-04T02:13:05Z"));
        assert_eq!(Event::stored(&placed.body).unwrap(), placed);
    }

    #[test]
    fn a_heartbeat_and_a_line_of_a_log_are_kept_as_they_came() {
        for (signal, about) in [
            (json!({"type": "signal"}), "token"),
            (json!({"type": "signal", "name": "alive"}), "alive"),
            (json!({"type": "signal", "name": "backup", "state": "log", "rid": "a1"}), "backup"),
        ] {
            assert_eq!(parse(signal).unwrap().what, What::Other(Family::Signal, about.to_owned()));
        }
    }

    #[test]
    fn sequences_count_as_numbers() {
        let s = |t: &str| Sequence(t.to_owned());
        assert!(s("9") < s("10") && s("000009") < s("10") && s("10") < s("a"));
    }
}
