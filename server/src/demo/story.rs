//! Telling one run: a pen that writes down, event by event, what its systems will report of it.

use app::model::moment::{Moment, Span};
use serde_json::{Value, json};

use super::plan::Planned;

/// One run as it will be told.
#[derive(Debug)]
pub struct Story {
    workflow: &'static str,
    run: String,
    subject: String,
    correlation: Option<String>,
    now: Moment,
    told: Vec<Planned>,
}

impl Story {
    /// A run that begins at a moment.
    pub fn new(workflow: &'static str, run: String, subject: String, at: Moment) -> Self {
        Self { workflow, run, subject, correlation: None, now: at, told: Vec::new() }
    }

    /// The same, joined with runs elsewhere.
    pub fn joined_by(self, correlation: String) -> Self {
        Self { correlation: Some(correlation), ..self }
    }

    /// The moment that the story has reached.
    pub fn now(&self) -> Moment {
        self.now
    }

    /// Goes to a moment: forward, or back to tell a branch that runs beside another.
    pub fn go_to(&mut self, at: Moment) {
        self.now = at;
    }

    /// Lets time pass.
    pub fn wait(&mut self, span: Span) {
        self.now = self.now + span;
    }

    /// A step reports its state; `more` are further fields of the event.
    pub fn tell(&mut self, step: &str, state: &str, more: Value) {
        let event = json!({"type": "step", "step": step, "state": state});
        self.write(source_of(self.workflow, step), event, more);
    }

    /// A system reports of the run as a whole.
    pub fn tell_run(&mut self, source: &'static str, state: &str, more: Value) {
        self.write(source, json!({"type": "run", "state": state}), more);
    }

    /// A step starts and ends well.
    pub fn does(&mut self, step: &str, took: Span) {
        self.tell(step, "running", json!({}));
        self.wait(took);
        self.tell(step, "succeeded", json!({}));
    }

    /// A try of a step starts and ends well.
    pub fn tries_well(&mut self, step: &str, attempt: u32, took: Span) {
        self.tell(step, "running", json!({"attempt": attempt}));
        self.wait(took);
        self.tell(step, "succeeded", json!({"attempt": attempt}));
    }

    /// A try of a step starts and fails; the next one is announced if there will be one.
    pub fn tries_badly(&mut self, step: &str, attempt: u32, took: Span, fault: Fault, next: Option<Span>) {
        self.tell(step, "running", json!({"attempt": attempt}));
        self.wait(took);
        let next = next.map(|wait| (self.now + wait).to_string());
        self.tell(step, "failed", json!({"attempt": attempt, "error": fault.json(), "next_attempt_at": next}));
    }

    /// What has been told so far, to change how it arrives.
    pub fn told(&mut self) -> &mut Vec<Planned> {
        &mut self.told
    }

    /// The whole story.
    pub fn end(self) -> Vec<Planned> {
        self.told
    }

    fn write(&mut self, source: &'static str, mut event: Value, more: Value) {
        event["id"] = format!("{}-{}", self.run, self.told.len() + 1).into();
        event["source"] = source.into();
        event["workflow"] = self.workflow.into();
        event["run"] = self.run.as_str().into();
        event["subject"] = self.subject.as_str().into();
        event["correlation"] = self.correlation.clone().into();
        event["time"] = self.now.to_string().into();
        if let Value::Object(more) = more {
            for (field, value) in more {
                event[field] = value;
            }
        }
        self.told.push(Planned::event(self.now, source, event));
    }
}

/// What goes wrong, in the words of the system.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    /// A code; empty where the system has none.
    pub code: &'static str,
    /// A message.
    pub message: &'static str,
}

impl Fault {
    /// As it is reported.
    pub fn json(self) -> Value {
        json!({"code": self.code, "message": self.message})
    }
}

/// Which system tells of a step.
fn source_of(workflow: &str, step: &str) -> &'static str {
    match (workflow, step) {
        (_, "push-to-erp") => "erp-sync",
        (_, "confirm-order" | "send-tracking") => "mailer",
        ("stock-sync", _) | (_, "print-label") => "warehouse",
        ("courier-booking", _) => "courier-worker",
        ("nightly-reconcile", _) => "reconcile-job",
        ("supplier-invoice-approval", _) => "finance-office",
        _ => "shop",
    }
}

/// Every system that tells of something; each has a token of its own.
pub const SOURCES: [&str; 8] =
    ["shop", "erp-sync", "mailer", "courier-worker", "warehouse", "reconcile-job", "finance-office", "deployments"];
