//! Recording events: duplicates, order, the state of runs, tallies and deadlines, in one commit.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use app::model::book::{Book, Workflow};
use app::model::event::{Change, Event, Identity, Report, What, order_key};
use app::model::flow;
use app::model::judge::{Judged, Watch, judge};
use app::model::moment::Moment;
use app::model::reference::Reference;
use app::model::review::DEPLOYED;
use app::model::run::{Heard, Run, fold};
use app::model::status::State;

use crate::db::{Db, Tx};
use crate::live::Topic;
use crate::store::feed::{self, NewEvent};
use crate::store::parts::{self, ChangeRecord};
use crate::store::runs::{self, RunRecord};
use crate::store::sources::{self, RefusedEvent, SourceRecord};
use crate::store::tallies::{self, StepTally, WorkflowTally};
use crate::store::watches;

/// Events that came in together, to be answered together.
#[derive(Debug, Default)]
pub struct Arrival {
    /// The events, in the order they came.
    pub events: Vec<Event>,
    /// Those of the same request that were refused; kept where a person can see them.
    pub refused: Vec<RefusedEvent>,
    /// When they were heard.
    pub received_at: Moment,
}

/// What became of one arrival.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Receipt {
    /// New events.
    pub accepted: i64,
    /// Events seen before.
    pub duplicates: i64,
    /// The position of the feed after it.
    pub last: i64,
}

/// What a recording changed, for those who listen.
#[derive(Debug, Default)]
pub struct Recorded {
    /// One receipt an arrival.
    pub receipts: Vec<Receipt>,
    /// What changed.
    pub topics: BTreeSet<Topic>,
    /// Whether a part changed (a deployment), so that documents must be looked at again.
    pub parts_changed: bool,
}

/// Records arrivals in one transaction. Nothing is answered before it has been committed.
///
/// # Errors
/// What the database says; nothing of the arrivals is kept then.
pub async fn record_events(db: &Db, book: &Book, arrivals: &[Arrival]) -> sqlx::Result<Recorded> {
    let mut tx = db.write().await?;
    let recorded = record(&mut tx, book, arrivals).await?;
    tx.commit().await?;
    Ok(recorded)
}

async fn record(tx: &mut Tx, book: &Book, arrivals: &[Arrival]) -> sqlx::Result<Recorded> {
    let most = arrivals.iter().map(|a| a.events.len() as i64).sum();
    let mut counters = feed::take_turn_with_numbers(tx, most).await?;
    let taken = counters.position + most;
    let identities: Vec<Identity> = arrivals.iter().flat_map(|a| a.events.iter().map(|e| e.identity)).collect();
    let seen = feed::seen(tx, &identities).await?;

    let mut recorded = Recorded::default();
    let mut fresh: Vec<Fresh> = Vec::new();
    let mut index: HashMap<Identity, usize> = HashMap::new();
    let mut repeats: BTreeMap<i64, i64> = BTreeMap::new();
    let mut heard: BTreeMap<&str, HeardFrom> = BTreeMap::new();
    for arrival in arrivals {
        let mut receipt = Receipt::default();
        for event in &arrival.events {
            let from = heard.entry(&event.source).or_default();
            from.at = from.at.max(arrival.received_at.millis());
            if let Some(position) = seen.get(&event.identity) {
                *repeats.entry(*position).or_default() += 1;
            } else if let Some(known) = index.get(&event.identity) {
                fresh[*known].repeats += 1;
            } else {
                counters.position += 1;
                index.insert(event.identity, fresh.len());
                let position = counters.position;
                fresh.push(Fresh { position, event, received_at: arrival.received_at, run_key: None, repeats: 1 });
                receipt.accepted += 1;
                from.accepted += 1;
                continue;
            }
            receipt.duplicates += 1;
            from.duplicates += 1;
        }
        for refused in &arrival.refused {
            let from = heard.entry(&refused.source).or_default();
            from.at = from.at.max(arrival.received_at.millis());
            from.refused += 1;
        }
        receipt.last = counters.position;
        recorded.receipts.push(receipt);
    }

    let moved = move_runs(tx, book, &mut fresh, &mut counters.run_key).await?;
    append(tx, &fresh).await?;
    moved.write(tx).await?;
    feed::add_repeats(tx, &repeats.into_iter().collect::<Vec<_>>()).await?;
    hear(tx, &heard).await?;
    let refused: Vec<RefusedEvent> = arrivals.iter().flat_map(|a| a.refused.iter().cloned()).collect();
    sources::keep_refused(tx, &refused).await?;
    for event in &fresh {
        if let What::Change(change) = &event.event.what {
            recorded.parts_changed |= deploy(tx, change, event.event.time).await?;
            recorded.topics.insert(Topic::Component(change.component.clone()));
        }
    }
    if counters.position < taken {
        feed::give_back_positions(tx, counters.position).await?;
    }

    recorded.topics.extend(moved.topics());
    if !heard.is_empty() {
        recorded.topics.insert(Topic::Sources);
    }
    Ok(recorded)
}

/// An event that was not seen before.
struct Fresh<'a> {
    position: i64,
    event: &'a Event,
    received_at: Moment,
    run_key: Option<i64>,
    repeats: i64,
}

impl Fresh<'_> {
    fn report(&self) -> Option<&Report> {
        match &self.event.what {
            What::Report(report) => Some(report),
            What::Change(_) | What::Other(..) => None,
        }
    }
}

async fn append(tx: &mut Tx, fresh: &[Fresh<'_>]) -> sqlx::Result<()> {
    let rows: Vec<NewEvent> = fresh
        .iter()
        .map(|f| NewEvent {
            position: f.position,
            event: f.event,
            received_at: f.received_at,
            run_key: f.run_key,
            about: match &f.event.what {
                What::Report(_) => None,
                What::Change(change) => Some(&change.component),
                What::Other(_, about) => Some(about),
            },
            repeats: f.repeats,
        })
        .collect();
    feed::append(tx, &rows).await
}

/// Everything that follows for runs, gathered before any of it is written.
#[derive(Debug, Default)]
pub(super) struct Moved {
    runs: Vec<RunRecord>,
    /// Runs that left a place: all their watches end, and those that go on are written again.
    left: Vec<i64>,
    watches: Vec<(i64, String, Watch)>,
    workflows: BTreeMap<String, WorkflowTally>,
    steps: BTreeMap<(String, String), StepTally>,
    edges: BTreeMap<(String, String, String), (i64, i64)>,
}

impl Moved {
    /// Takes in that a run is judged anew: its row, its watches, and the tallies that follow from the difference.
    pub(super) fn judge_again(&mut self, before: &RunRecord, known: &[Watch], judged: Judged) {
        let after = RunRecord {
            state: judged.state(),
            open: !judged.watches.is_empty(),
            ended_at: judged.ended_at,
            step: match judged.worst() {
                Some(watch) => watch.step.clone(),
                None => before.folded.visits.last().map(|v| v.step.clone()).unwrap_or_default(),
            },
            ..before.clone()
        };
        let tally = self.workflows.entry(after.workflow.clone()).or_default();
        if before.open {
            tally.open.add(before.state, -1);
        }
        if after.open {
            tally.open.add(after.state, 1);
        }
        tally.ended += i64::from(after.ended_at.is_some()) - i64::from(before.ended_at.is_some());
        if after.state == State::OnTrack {
            tally.last_ended_at = tally.last_ended_at.max(after.ended_at.map(Moment::millis));
        }
        for watch in known {
            self.step(&after.workflow, &watch.step).here.add(watch.state, -1);
        }
        let left = known.iter().any(|k| judged.watches.iter().all(|w| w.step != k.step));
        if left {
            self.left.push(after.key);
        }
        for watch in judged.watches {
            self.step(&after.workflow, &watch.step).here.add(watch.state, 1);
            if left || !known.contains(&watch) {
                self.watches.push((after.key, after.workflow.clone(), watch));
            }
        }
        self.runs.push(after);
    }

    fn step(&mut self, workflow: &str, step: &str) -> &mut StepTally {
        self.steps.entry((workflow.to_owned(), step.to_owned())).or_default()
    }

    /// Takes in what the change of a run does to the observed flow.
    fn flow(&mut self, workflow: &str, before: &Run, after: &Run) {
        let change = flow::difference(before, after);
        for (step, n) in change.visits {
            self.step(workflow, &step).visits += n;
        }
        for (step, n) in change.starts {
            self.step(workflow, &step).starts += n;
        }
        for (step, n) in change.ends {
            self.step(workflow, &step).ends += n;
        }
        for ((from, to), n) in change.edges {
            let last = after.visits.iter().rev().find(|v| v.step == to).map_or(i64::MIN, |v| v.started_at);
            let edge = self.edges.entry((workflow.to_owned(), from, to)).or_insert((0, i64::MIN));
            edge.0 += n;
            edge.1 = edge.1.max(last);
        }
    }

    /// Writes it all.
    pub(super) async fn write(&self, tx: &mut Tx) -> sqlx::Result<()> {
        runs::put(tx, &self.runs).await?;
        watches::end(tx, &self.left).await?;
        watches::put(tx, &self.watches).await?;
        let workflows: Vec<_> = self.workflows.iter().map(|(w, t)| (w.clone(), t.clone())).collect();
        tallies::add_to_workflows(tx, &workflows).await?;
        let steps: Vec<_> = self.steps.iter().map(|(k, t)| (k.clone(), t.clone())).collect();
        tallies::add_to_steps(tx, &steps).await?;
        let edges: Vec<_> =
            self.edges.iter().map(|((w, from, to), (n, at))| (w.clone(), from.clone(), to.clone(), *n, *at)).collect();
        tallies::add_to_edges(tx, &edges).await
    }

    /// What changed.
    pub(super) fn topics(&self) -> impl Iterator<Item = Topic> + '_ {
        let workflows = self.workflows.keys().map(|w| Topic::Workflow(w.clone()));
        workflows.chain(self.runs.iter().map(|r| Topic::Run(r.workflow.clone(), r.run.clone())))
    }
}

/// Moves every run that the fresh events are about, and gives them their run keys.
async fn move_runs(tx: &mut Tx, book: &Book, fresh: &mut [Fresh<'_>], last_key: &mut i64) -> sqlx::Result<Moved> {
    let mut by_run: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
    for (i, f) in fresh.iter().enumerate() {
        if let What::Report(report) = &f.event.what {
            by_run.entry((&report.workflow, &report.run)).or_default().push(i);
        }
    }
    let ids: Vec<(&str, &str)> = by_run.keys().copied().collect();
    let mut known: HashMap<(String, String), RunRecord> = runs::by_ids(tx, &ids)
        .await?
        .into_iter()
        .map(|record| ((record.workflow.clone(), record.run.clone()), record))
        .collect();
    let keys: Vec<i64> = known.values().filter(|r| r.open).map(|r| r.key).collect();
    let mut known_watches = watches::of_runs(tx, &keys).await?;

    let mut moved = Moved::default();
    // Runs get their keys in the order in which they were first heard of.
    let mut groups: Vec<((&str, &str), Vec<usize>)> = by_run.into_iter().collect();
    groups.sort_by_key(|(_, events)| events[0]);
    for ((workflow, run), events) in groups {
        let before = known.remove(&(workflow.to_owned(), run.to_owned()));
        let is_new = before.is_none();
        let before = before.unwrap_or_else(|| {
            *last_key += 1;
            RunRecord {
                key: *last_key,
                workflow: workflow.to_owned(),
                run: run.to_owned(),
                state: State::OnTrack,
                open: false,
                ended_at: None,
                step: String::new(),
                folded: Run::default(),
            }
        });
        let folded = fold_more(tx, &before, fresh, &events).await?;
        moved.flow(workflow, &before.folded, &folded);
        moved.seen(workflow, is_new, &folded, fresh, &events);
        for i in &events {
            fresh[*i].run_key = Some(before.key);
        }
        let now = events.iter().map(|i| fresh[*i].received_at).max().unwrap_or_default();
        let judged = judge(&folded, declared(book, workflow), now);
        let watches = known_watches.remove(&before.key).unwrap_or_default();
        moved.judge_again(&RunRecord { folded, ..before }, &watches, judged);
    }
    Ok(moved)
}

fn declared<'a>(book: &'a Book, workflow: &str) -> Option<&'a Workflow> {
    book.workflows.get(workflow)
}

/// The run with these events added: one by one where they come next, folded again from all where one belongs earlier.
async fn fold_more(tx: &mut Tx, before: &RunRecord, fresh: &[Fresh<'_>], events: &[usize]) -> sqlx::Result<Run> {
    let mut ordered: Vec<_> = events
        .iter()
        .map(|i| &fresh[*i])
        .filter_map(|f| f.report().map(|report| (order_key(f.event, report, f.received_at), report, f)))
        .collect();
    ordered.sort_by(|a, b| a.0.cmp(&b.0));
    let in_order = ordered.first().is_none_or(|(key, ..)| before.folded.takes_next(key));
    if in_order {
        let mut run = before.folded.clone();
        for (key, report, _) in ordered {
            let at = Moment::from_millis(key.time);
            run.apply(report, key, at);
        }
        return Ok(run);
    }
    let mut all = feed::of_run(tx, before.key).await?;
    all.extend(ordered.iter().map(|(.., f)| Heard { event: f.event.clone(), received_at: f.received_at }));
    Ok(fold(&all))
}

impl Moved {
    /// Takes in when the workflow and its steps were heard of.
    fn seen(&mut self, workflow: &str, is_new: bool, run: &Run, fresh: &[Fresh<'_>], events: &[usize]) {
        let tally = self.workflows.entry(workflow.to_owned()).or_default();
        tally.runs += i64::from(is_new);
        tally.events += events.len() as i64;
        tally.last_started_at = tally.last_started_at.max(Some(run.started_at));
        for i in events {
            let heard = &fresh[*i];
            if heard.received_at.millis() >= tally.last_heard_at {
                tally.last_heard_at = heard.received_at.millis();
                tally.last_source.clone_from(&heard.event.source);
            }
        }
        for i in events {
            let heard = &fresh[*i];
            if let Some(step) = heard.report().and_then(|r| r.step.as_deref()) {
                let at = heard.event.time.millis();
                let tally = self.step(workflow, step);
                tally.first_seen = Some(tally.first_seen.map_or(at, |first| first.min(at)));
                tally.last_seen = Some(tally.last_seen.map_or(at, |last| last.max(at)));
            }
        }
    }
}

/// What was heard from one source in this transaction.
#[derive(Default)]
struct HeardFrom {
    at: i64,
    accepted: i64,
    duplicates: i64,
    refused: i64,
}

async fn hear(tx: &mut Tx, heard: &BTreeMap<&str, HeardFrom>) -> sqlx::Result<()> {
    let rows: Vec<SourceRecord> = heard
        .iter()
        .map(|(id, from)| SourceRecord {
            id: (*id).to_owned(),
            first_heard_at: from.at,
            last_heard_at: from.at,
            longest_pause: 0,
            accepted: from.accepted,
            duplicates: from.duplicates,
            refused: from.refused,
        })
        .collect();
    sources::hear(tx, &rows).await
}

/// Takes in that a component was changed: its `deployed` value, and a change where that differs.
async fn deploy(tx: &mut Tx, change: &Change, at: Moment) -> sqlx::Result<bool> {
    let reference = Reference::Component(change.component.clone());
    let Some(after) = change.version.clone().or_else(|| change.what.clone()) else { return Ok(false) };
    let mut values = parts::find(tx, &reference).await?.unwrap_or_default();
    let before = values.insert(DEPLOYED.to_owned(), after.clone());
    if before.as_ref() == Some(&after) {
        return Ok(false);
    }
    parts::put(tx, &[(reference.clone(), values)].into(), at).await?;
    let told = match (&change.version, &change.what) {
        (Some(version), Some(what)) => format!("{version} ({what})"),
        _ => after,
    };
    let record = ChangeRecord {
        reference: reference.to_string(),
        field: DEPLOYED.to_owned(),
        before_value: before,
        after_value: Some(told),
        changed_at: at.millis(),
        changed_by: change.by.clone().unwrap_or_else(|| "a deployment".to_owned()),
        link: change.link.clone(),
        origin: "event".to_owned(),
    };
    parts::append_changes(tx, &[record]).await?;
    Ok(true)
}
