//! Following a runbook: ticks, notes and the word afterwards, the same about a problem and in a drill.
//!
//! It is a part of `act_on_problem` and `act_in_drill`, which begin and end the transaction.

use app::model::following::{LogLine, LoggedStep, Occasion, last_done, overtaken, proves};
use app::model::moment::Moment;

use crate::db::Tx;
use crate::store::acts::{self, Told};
use crate::store::doubts::{self, Doubt};

/// How much of a log is looked at to decide how a step stands.
const LONGEST_LOG: i64 = 5_000;

/// What somebody does while following.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Follow {
    /// Says something.
    Note(String),
    /// A step was done.
    Tick(LoggedStep),
    /// It was not, after all.
    Untick(LoggedStep),
    /// It is left out, for a reason.
    Skip(LoggedStep, String),
    /// Afterwards: the runbook was right, or a section was not.
    Answer {
        /// The section that was wrong, or where a step was missing; none when all was right.
        doubted: Option<(String, String)>,
        /// What was wrong, in words.
        words: String,
        /// Every step that there was to do, as the versions said that were followed: all done prove them.
        asked: Vec<LoggedStep>,
    },
}

impl Follow {
    /// Its word in the log.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Note(_) => "noted",
            Self::Tick(_) => "ticked",
            Self::Untick(_) => "unticked",
            Self::Skip(..) => "skipped",
            Self::Answer { .. } => "answered",
        }
    }

    /// The step that it is about.
    fn step(&self) -> Option<&LoggedStep> {
        match self {
            Self::Tick(step) | Self::Untick(step) | Self::Skip(step, _) => Some(step),
            Self::Note(_) | Self::Answer { .. } => None,
        }
    }

    fn words(&self) -> &str {
        match self {
            Self::Note(words) | Self::Skip(_, words) | Self::Answer { words, .. } => words,
            Self::Tick(_) | Self::Untick(_) => "",
        }
    }
}

/// Who does something, from where, and when.
#[derive(Debug, Clone)]
pub struct Doer {
    /// The account.
    pub name: String,
    /// The address of the connection, for the audit.
    pub address: String,
    /// When it was done: now, or earlier where the portal could not be reached.
    pub done_at: Moment,
    /// What time it is.
    pub now: Moment,
    /// What the browser calls it, so that sending it again does nothing.
    pub once: Option<String>,
}

impl Doer {
    /// What is written of an act besides its line.
    pub fn told(&self) -> Told {
        Told { heard_at: (self.done_at != self.now).then_some(self.now), once: self.once.clone() }
    }
}

/// Whether the browser has sent this before: then it is done.
///
/// # Errors
/// What the database says.
pub async fn is_repeated(tx: &mut Tx, doer: &Doer) -> sqlx::Result<bool> {
    match &doer.once {
        Some(once) => acts::is_known(tx, once).await,
        None => Ok(false),
    }
}

/// Does it in a transaction of the caller, who holds the turn to write and has asked whether it may be done. Gives why
/// not where somebody else has settled the step since; nothing is written then.
///
/// # Errors
/// What the database says.
pub async fn follow(tx: &mut Tx, of: Occasion, doer: &Doer, what: &Follow) -> sqlx::Result<Result<(), String>> {
    let mut log = acts::log_in(tx, of, LONGEST_LOG).await?;
    if let Some(since) = what.step().and_then(|step| overtaken(&log, step, doer.done_at)) {
        let did = match since.act.as_str() {
            "ticked" => "ticked it",
            "skipped" => "left it out",
            _ => "took it back",
        };
        return Ok(Err(format!("{} {did} after you did. That stands.", since.actor)));
    }
    let line = LogLine {
        at: doer.done_at,
        actor: doer.name.clone(),
        act: what.word().to_owned(),
        words: what.words().to_owned(),
        step: what.step().cloned(),
    };
    acts::append(tx, of, &line, &doer.told()).await?;
    log.push(line);
    if let Some(step) = what.step() {
        acts::put_following(tx, of, &step.slug, last_done(&log, &step.slug)).await?;
    }
    if let Follow::Answer { doubted, words, asked } = what {
        match doubted {
            Some((slug, section)) => {
                let (slug, section, words) = (slug.clone(), section.clone(), words.clone());
                let doubt = Doubt { occasion: of, slug, section, words, actor: doer.name.clone(), at: doer.now };
                doubts::append(tx, &doubt).await?;
            }
            None => prove(tx, of, &log, asked, doer.now).await?,
        }
    }
    Ok(Ok(()))
}

async fn prove(tx: &mut Tx, of: Occasion, log: &[LogLine], asked: &[LoggedStep], now: Moment) -> sqlx::Result<()> {
    let mut slugs: Vec<&str> = asked.iter().map(|step| step.slug.as_str()).collect();
    slugs.sort_unstable();
    slugs.dedup();
    for slug in slugs {
        let of_it: Vec<LoggedStep> = asked.iter().filter(|step| step.slug == slug).cloned().collect();
        if proves(log, &of_it) {
            acts::put_proof(tx, of, slug, now).await?;
        }
    }
    Ok(())
}
