//! Recording events: duplicates, order, the state of runs, tallies and deadlines, in one commit.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use app::model::book::{Book, Workflow};
use app::model::check_in;
use app::model::event::{Change, Event, Identity, Report, What, believed_time, order_key};
use app::model::flow;
use app::model::hourly::{Known, difference};
use app::model::judge::{Judged, Watch, judge};
use app::model::moment::Moment;
use app::model::queue::Level;
use app::model::record::Record;
use app::model::reference::Reference;
use app::model::review::{DEPLOYED, TOLD};
use app::model::run::{Heard, Run, fold};
use app::model::signal;
use app::model::source::{REORDERED_LEAST, REORDERED_ONE_IN, hour};
use app::model::status::State;
use app::model::subject::Subject;

use super::keep_problems::Sums;
use super::keep_records::keep_records;
use super::recover_checks::recover_checks;
use crate::db::{Asks, Batch, Db, Tx};
use crate::live::Topic;
use crate::store::feed::{self, NewEvent};
use crate::store::parts::{self, ChangeRecord};
use crate::store::queues::{self, QueueRecord};
use crate::store::runs::{self, RunRecord};
use crate::store::sources::{self, HourTally, RefusedEvent, SourceRecord};
use crate::store::subjects;
use crate::store::tallies::{self, StepRow, StepTally, WorkflowTally};
use crate::store::{checks, usual, watches};

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
    let most = arrivals.iter().map(|a| a.events.len() as i64).sum();
    let told: Vec<&Event> = arrivals.iter().flat_map(|a| &a.events).collect();
    let identities: Vec<Identity> = told.iter().map(|event| event.identity).collect();
    let ids: BTreeSet<(&str, &str)> = told.iter().filter_map(|event| run_of(event)).collect();
    let ids: Vec<_> = ids.into_iter().collect();
    let mut asks = Asks::default();
    feed::ask_for_numbers(&mut asks, &most);
    feed::ask_seen(&mut asks, &identities);
    runs::ask_by_ids(&mut asks, &ids);
    watches::ask_of_runs(&mut asks, &ids);
    let (mut tx, answers) = db.write_asking(asks).await?;
    let [counters, seen, found, watched] = &answers[..] else {
        return Err(sqlx::Error::Protocol("four questions, and not four answers".into()));
    };
    let (mut counters, seen) = (feed::counters(counters, most)?, feed::seen(seen));
    let mut known = KnownRuns::default();
    known.add(runs::found(found), watches::by_run(watched));
    let taken = counters.position + most;

    let mut recorded = Recorded::default();
    let mut fresh: Vec<Fresh> = Vec::new();
    let mut index: HashMap<Identity, usize> = HashMap::new();
    let mut repeats: BTreeMap<(i64, Moment), i64> = BTreeMap::new();
    let mut heard: BTreeMap<&str, HeardFrom> = BTreeMap::new();
    for arrival in arrivals {
        let mut receipt = Receipt::default();
        for event in &arrival.events {
            let from = heard.entry(&event.source).or_default();
            from.at = from.at.max(arrival.received_at.millis());
            if let Some(position) = seen.get(&event.identity) {
                *repeats.entry((*position, arrival.received_at)).or_default() += 1;
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

    let placed = place_checks(&mut tx, &fresh).await?;
    for (i, event) in &placed {
        fresh[*i].event = event;
    }
    known.ask(&mut tx, placed.iter().filter_map(|(_, event)| run_of(event))).await?;
    let mut moved = move_runs(&mut tx, book, &mut fresh, known, &mut counters.run_key).await?;
    let now = arrivals.iter().map(|a| a.received_at).max().unwrap_or_default();
    let (events, tallied, from) = (events(&fresh), moved.tallied(now), heard_from(&heard));
    let hours = hours(&fresh, &moved.reordered);
    let types = new_types(book, &moved, &fresh);
    let refused: Vec<RefusedEvent> = arrivals.iter().flat_map(|a| a.refused.iter().cloned()).collect();
    recorded.topics.extend(moved.topics());
    if !heard.is_empty() {
        recorded.topics.insert(Topic::Sources);
    }
    let mut batch = Batch::default();
    feed::append(&mut batch, &events);
    moved.add_to(&mut batch, &tallied);
    sources::hear(&mut batch, &from);
    sources::add_to_hours(&mut batch, &hours);
    // Most events are reports that go well: nothing follows from them, and the commit goes with what they write.
    let checks: BTreeSet<&str> =
        fresh.iter().filter_map(|f| f.report().filter(|r| r.of_check)).map(|r| r.workflow.as_str()).collect();
    let plain = fresh.iter().all(|f| f.report().is_some()) && moved.reordered.is_empty() && moved.sums.is_empty();
    let plain = plain && checks.is_empty();
    if plain && repeats.is_empty() && refused.is_empty() && types.is_empty() && counters.position == taken {
        batch.commit(tx).await?;
        return Ok(recorded);
    }
    batch.write(&mut tx).await?;
    mark_disorder(&mut tx, &fresh, &moved.reordered).await?;
    recorded.topics.extend(moved.write_problems(&mut tx, book, now).await?);
    recorded.topics.extend(recover_checks(&mut tx, book, &checks, now).await?);
    recorded.topics.extend(keep_levels(&mut tx, book, &fresh).await?);
    let repeats: Vec<_> = repeats.into_iter().map(|((position, at), times)| (position, at, times)).collect();
    feed::add_repeats(&mut tx, &repeats).await?;
    sources::keep_refused(&mut tx, &refused).await?;
    let changes: Vec<(&Change, Moment)> = fresh.iter().filter_map(Fresh::change).collect();
    recorded.topics.extend(changes.iter().map(|(change, _)| Topic::Component(change.component.clone())));
    recorded.parts_changed = deploy(&mut tx, changes, now).await?;
    recorded.topics.extend(keep_records(&mut tx, book, &told_records(&fresh)).await?);
    subjects::put_types(&mut tx, &types).await?;
    if counters.position < taken {
        feed::give_back_positions(&mut tx, counters.position).await?;
    }
    tx.commit().await?;
    Ok(recorded)
}

/// The run that an event reports on.
fn run_of(event: &Event) -> Option<(&str, &str)> {
    match &event.what {
        What::Report(report) => Some((&report.workflow, &report.run)),
        What::Change(_) | What::Queue(..) | What::Check(_) | What::Record(_) | What::Other(..) => None,
    }
}

/// The runs that are known of those that events are about, with their watches.
#[derive(Default)]
struct KnownRuns {
    runs: HashMap<(String, String), RunRecord>,
    watches: HashMap<i64, Vec<Watch>>,
}

impl KnownRuns {
    fn add(&mut self, runs: Vec<RunRecord>, watches: HashMap<i64, Vec<Watch>>) {
        self.runs.extend(runs.into_iter().map(|record| ((record.workflow.clone(), record.run.clone()), record)));
        self.watches.extend(watches);
    }

    /// Asks for more of them.
    async fn ask(&mut self, tx: &mut Tx, ids: impl Iterator<Item = (&str, &str)>) -> sqlx::Result<()> {
        let ids: Vec<_> = ids.collect::<BTreeSet<_>>().into_iter().collect();
        if ids.is_empty() {
            return Ok(());
        }
        let mut asks = Asks::default();
        runs::ask_by_ids(&mut asks, &ids);
        watches::ask_of_runs(&mut asks, &ids);
        if let [found, watched] = &asks.read(tx).await?[..] {
            self.add(runs::found(found), watches::by_run(watched));
        }
        Ok(())
    }
}

/// An event that was not seen before.
struct Fresh<'a> {
    position: i64,
    event: &'a Event,
    received_at: Moment,
    run_key: Option<i64>,
    repeats: i64,
}

impl<'a> Fresh<'a> {
    /// The change that it tells, and when that is believed to have been.
    fn change(&self) -> Option<(&'a Change, Moment)> {
        match &self.event.what {
            What::Change(change) => Some((change, believed_time(self.event.time, self.received_at))),
            What::Report(_) | What::Queue(..) | What::Check(_) | What::Record(_) | What::Other(..) => None,
        }
    }

    fn report(&self) -> Option<&Report> {
        match &self.event.what {
            What::Report(report) => Some(report),
            What::Change(_) | What::Queue(..) | What::Check(_) | What::Record(_) | What::Other(..) => None,
        }
    }

    /// When it happened, as far as its clock is believed.
    fn time(&self) -> Moment {
        believed_time(self.event.time, self.received_at)
    }
}

fn events<'f>(fresh: &'f [Fresh<'f>]) -> Vec<NewEvent<'f>> {
    fresh
        .iter()
        .map(|f| NewEvent {
            position: f.position,
            event: f.event,
            received_at: f.received_at,
            run_key: f.run_key,
            about: match &f.event.what {
                What::Report(_) | What::Check(_) => None,
                What::Change(change) => Some(&change.component),
                What::Record(record) => Some(&record.system),
                What::Queue(about, _) | What::Other(_, about) => Some(about),
            },
            repeats: f.repeats,
        })
        .collect()
}

/// Finds the run of each word of a check that names none. Gives those events by their place among the fresh ones, as
/// reports.
async fn place_checks(tx: &mut Tx, fresh: &[Fresh<'_>]) -> sqlx::Result<Vec<(usize, Event)>> {
    let mut told = Vec::new();
    for (i, f) in fresh.iter().enumerate() {
        if let What::Check(check) = &f.event.what {
            told.push((i, f, check));
        }
    }
    if told.is_empty() {
        return Ok(Vec::new());
    }
    let names: BTreeSet<&str> = told.iter().map(|(.., check)| check.name.as_str()).collect();
    let mut known = checks::by_names(tx, &names.into_iter().collect::<Vec<_>>()).await?;
    let mut placed = Vec::with_capacity(told.len());
    for (i, f, check) in told {
        let (newest, run) = signal::place(known.remove(&check.name), check.progress, f.time());
        known.insert(check.name.clone(), newest);
        match f.event.of_run(&run) {
            Ok(event) => placed.push((i, event)),
            // Larger than an event may be by the name of its run alone: it is kept as it came.
            Err(refusal) => tracing::warn!(field = refusal.field, detail = refusal.detail, "a check has no run"),
        }
    }
    checks::put(tx, &known.into_iter().collect::<Vec<_>>()).await?;
    Ok(placed)
}

/// Keeps what queues said: the newest report of each, and a sample a minute. Gives what that changed.
async fn keep_levels(tx: &mut Tx, book: &Book, fresh: &[Fresh<'_>]) -> sqlx::Result<BTreeSet<Topic>> {
    let mut newest: BTreeMap<&str, (Level, i64)> = BTreeMap::new();
    let mut samples: BTreeMap<(&str, i64), Level> = BTreeMap::new();
    for f in fresh {
        let What::Queue(queue, level) = &f.event.what else { continue };
        let level = level.believed(f.time());
        newest
            .entry(queue)
            .and_modify(|(known, reports)| (*known, *reports) = ((*known).max(level), *reports + 1))
            .or_insert((level, 1));
        samples.entry((queue, level.minute())).and_modify(|s| *s = s.joined(level)).or_insert(level);
    }
    if newest.is_empty() {
        return Ok(BTreeSet::new());
    }
    let known = queues::by_ids(tx, &newest.keys().copied().collect::<Vec<_>>()).await?;
    let rows: Vec<(&str, QueueRecord)> = newest
        .into_iter()
        .map(|(queue, (level, reports))| {
            let before = known.get(queue);
            let level = before.map_or(level, |before| before.level.max(level));
            (queue, QueueRecord { level, reports: reports + before.map_or(0, |before| before.reports) })
        })
        .collect();
    queues::put(tx, &rows).await?;
    let samples: Vec<(&str, Level)> = samples.into_iter().map(|((queue, _), level)| (queue, level)).collect();
    queues::add_samples(tx, &samples).await?;
    let mut topics = BTreeSet::new();
    for (queue, _) in rows {
        topics.insert(Topic::Component(queue.to_owned()));
        topics.extend(book.steps_on(queue).map(|(workflow, _)| Topic::Workflow(workflow.id.clone())));
    }
    Ok(topics)
}

/// How many were heard of each source in an hour, and how many of them came after something that happened later.
fn hours<'f>(fresh: &'f [Fresh<'f>], reordered: &[usize]) -> Vec<(&'f str, i64, HourTally)> {
    let mut hours: BTreeMap<(&str, i64), HourTally> = BTreeMap::new();
    for f in fresh {
        hours.entry((&f.event.source, hour(f.received_at))).or_default().events += 1;
    }
    for f in reordered.iter().map(|i| &fresh[*i]) {
        hours.entry((&f.event.source, hour(f.received_at))).or_default().reordered += 1;
    }
    hours.into_iter().map(|((source, hour), tally)| (source, hour, tally)).collect()
}

/// Notes the sources of which too many came reordered, once the tallies have been written.
async fn mark_disorder(tx: &mut Tx, fresh: &[Fresh<'_>], reordered: &[usize]) -> sqlx::Result<()> {
    match reordered.iter().map(|i| fresh[*i].received_at).max() {
        Some(now) => sources::mark_disorder(tx, hour(now), REORDERED_LEAST, REORDERED_ONE_IN, now).await,
        None => Ok(()),
    }
}

/// The records among the fresh events, with when they were so and when they were heard.
fn told_records<'a>(fresh: &[Fresh<'a>]) -> Vec<(&'a Record, Moment, Moment)> {
    let record = |f: &Fresh<'a>| match &f.event.what {
        What::Record(record) => Some((&**record, f.event.time, f.received_at)),
        _ => None,
    };
    fresh.iter().filter_map(record).collect()
}

/// The types of subjects of runs that named theirs first just now, and of records. What the book says a workflow is
/// about is known anyway.
fn new_types(book: &Book, moved: &Moved, fresh: &[Fresh<'_>]) -> Vec<String> {
    let of_runs = moved.new_subjects.iter().cloned();
    let of_records = told_records(fresh).into_iter().map(|(record, ..)| record.subject.clone());
    let subjects: BTreeSet<Subject> = of_runs.chain(of_records).collect();
    let declared = |kind: &str| book.workflows.values().any(|w| w.subject.as_deref() == Some(kind));
    let types: BTreeSet<&str> = subjects.iter().map(Subject::kind).filter(|kind| !declared(kind)).collect();
    types.into_iter().map(str::to_owned).collect()
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
    /// Which of the fresh events came after one of the same source and run that happened later.
    reordered: Vec<usize>,
    sums: Sums,
    /// Subjects that a run has named for the first time.
    new_subjects: BTreeSet<Subject>,
    /// What joined a run to others until now: (kind, value, run key).
    former_links: Vec<(&'static str, String, i64)>,
    /// The steps at which something that is not well is another thing than before.
    ill: BTreeSet<(String, String)>,
    usual: usual::Changes,
}

/// What is added to tallies, as rows.
#[derive(Debug)]
pub(super) struct Tallied {
    workflows: Vec<(String, WorkflowTally)>,
    steps: Vec<StepRow>,
    edges: Vec<(String, String, String, i64, i64)>,
    usual: Vec<String>,
    now: Moment,
}

impl Moved {
    /// Takes in that a run is judged anew: its row, its watches, and the tallies that follow from the difference.
    pub(super) fn judge_again(&mut self, before: &RunRecord, known: &[Watch], judged: Judged, now: Moment) {
        self.sums.judged_again(&before.workflow, known, &judged.watches, &before.folded, now);
        let after = before.clone().judged(&judged);
        let tally = self.workflows.entry(after.workflow.clone()).or_default();
        if before.open {
            tally.open.add(before.state, -1);
        }
        if after.open {
            tally.open.add(after.state, 1);
        }
        tally.ended += i64::from(after.ended_at.is_some()) - i64::from(before.ended_at.is_some());
        if after.state == State::OnTrack && after.folded.ended_well() {
            tally.last_ended_at = tally.last_ended_at.max(after.ended_at.map(Moment::millis));
        }
        for watch in known {
            self.step(&after.workflow, &watch.step).here.add(watch.state, -1);
        }
        let other = |watches: &[Watch], than: &[Watch]| -> Vec<String> {
            let other = watches.iter().filter(|w| w.state != State::OnTrack && !than.contains(w));
            other.map(|w| w.step.clone()).collect()
        };
        for step in [other(known, &judged.watches), other(&judged.watches, known)].concat() {
            self.ill.insert((after.workflow.clone(), step));
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

    /// Takes in what the change of a run does to what is kept by the hour.
    pub(super) fn keep(
        &mut self,
        before: &RunRecord,
        run: &Run,
        ended_at: Option<Moment>,
        declared: Option<&Workflow>,
    ) {
        let known = Known { run: &before.folded, ended_at: before.ended_at };
        self.usual.add(&before.workflow, difference(known, Known { run, ended_at }, declared));
    }

    /// The tallies as rows, as what is known at `now`.
    pub(super) fn tallied(&self, now: Moment) -> Tallied {
        Tallied {
            workflows: self.workflows.iter().map(|(w, t)| (w.clone(), t.clone())).collect(),
            steps: self.steps.iter().map(|(k, t)| (k.clone(), t.clone())).collect(),
            edges: self
                .edges
                .iter()
                .map(|((w, from, to), (n, at))| (w.clone(), from.clone(), to.clone(), *n, *at))
                .collect(),
            usual: self.usual.waiting(),
            now,
        }
    }

    /// Adds what is to be written; the problems that follow are written after it.
    pub(super) fn add_to<'q>(&'q self, batch: &mut Batch<'q>, tallied: &'q Tallied) {
        runs::put(batch, &self.runs);
        watches::end(batch, &self.left);
        watches::put(batch, &self.watches);
        tallies::add_to_workflows(batch, &tallied.workflows);
        tallies::add_to_steps(batch, &tallied.steps, tallied.now);
        tallies::add_to_edges(batch, &tallied.edges);
        usual::wait(batch, &tallied.usual);
    }

    /// Writes the problems that follow, and what was so until `now`. Gives which problems changed.
    pub(super) async fn write_problems(
        &mut self,
        tx: &mut Tx,
        book: &Book,
        now: Moment,
    ) -> sqlx::Result<BTreeSet<Topic>> {
        let ill: Vec<_> = std::mem::take(&mut self.ill).into_iter().collect();
        tallies::keep_steps(tx, &ill, now).await?;
        subjects::keep_former(tx, &self.former_links, now).await?;
        std::mem::take(&mut self.sums).write(tx, book).await
    }

    /// What changed.
    pub(super) fn topics(&self) -> impl Iterator<Item = Topic> + '_ {
        let workflows = self.workflows.keys().map(|w| Topic::Workflow(w.clone()));
        let subjects = self.runs.iter().filter_map(|r| r.folded.subject.clone()).map(Topic::Subject);
        workflows.chain(subjects).chain(self.runs.iter().map(|r| Topic::Run(r.workflow.clone(), r.run.clone())))
    }
}

/// Moves every run that the fresh events are about, and gives them their run keys.
async fn move_runs(
    tx: &mut Tx,
    book: &Book,
    fresh: &mut [Fresh<'_>],
    mut known: KnownRuns,
    last_key: &mut i64,
) -> sqlx::Result<Moved> {
    let mut by_run: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
    for (i, f) in fresh.iter().enumerate() {
        if let Some(run) = run_of(f.event) {
            by_run.entry(run).or_default().push(i);
        }
    }
    let mut moved = Moved::default();
    // Runs get their keys in the order in which they were first heard of.
    let mut groups: Vec<((&str, &str), Vec<usize>)> = by_run.into_iter().collect();
    groups.sort_by_key(|(_, events)| events[0]);
    for ((workflow, run), events) in groups {
        let before = known.runs.remove(&(workflow.to_owned(), run.to_owned()));
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
        let (folded, reordered) = fold_more(tx, &before, fresh, &events).await?;
        moved.reordered.extend(reordered);
        moved.flow(workflow, &before.folded, &folded);
        moved.seen(workflow, is_new, &folded, fresh, &events);
        if let Some(subject) = folded.subject.as_deref().filter(|s| before.folded.subject.as_deref() != Some(*s)) {
            moved.new_subjects.insert(Subject::of(subject));
        }
        for (kind, was, is) in [
            ("subject", &before.folded.subject, &folded.subject),
            ("correlation", &before.folded.correlation, &folded.correlation),
            ("trace", &before.folded.trace, &folded.trace),
        ] {
            if let Some(was) = was.as_ref().filter(|_| was != is) {
                moved.former_links.push((kind, was.clone(), before.key));
            }
        }
        for i in &events {
            fresh[*i].run_key = Some(before.key);
        }
        let now = events.iter().map(|i| fresh[*i].received_at).max().unwrap_or_default();
        let judged = judge(&folded, declared(book, workflow), now);
        moved.keep(&before, &folded, judged.ended_at, declared(book, workflow));
        let watches = known.watches.remove(&before.key).unwrap_or_default();
        moved.judge_again(&RunRecord { folded, ..before }, &watches, judged, now);
    }
    Ok(moved)
}

fn declared<'a>(book: &'a Book, workflow: &str) -> Option<&'a Workflow> {
    book.workflows.get(workflow)
}

/// The run with these events added: one by one where they come next, folded again from all where one belongs earlier.
/// Gives also which of them came reordered.
async fn fold_more(
    tx: &mut Tx,
    before: &RunRecord,
    fresh: &[Fresh<'_>],
    events: &[usize],
) -> sqlx::Result<(Run, Vec<usize>)> {
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
        return Ok((run, reordered(&[], fresh, events)));
    }
    let mut all = feed::of_run(tx, before.key).await?;
    let reordered = reordered(&all, fresh, events);
    all.extend(ordered.iter().map(|(.., f)| Heard { event: f.event.clone(), received_at: f.received_at }));
    let mut run = fold(&all);
    run.recovered_at = before.folded.recovered_at;
    Ok((run, reordered))
}

/// Which of these events, in the order they came, happened before one that the same source had told earlier.
fn reordered(before: &[Heard], fresh: &[Fresh<'_>], events: &[usize]) -> Vec<usize> {
    if before.is_empty() && events.len() < 2 {
        return Vec::new();
    }
    let mut newest: HashMap<&str, Moment> = HashMap::new();
    for heard in before {
        let at = believed_time(heard.event.time, heard.received_at);
        newest.entry(&heard.event.source).and_modify(|newest| *newest = at.max(*newest)).or_insert(at);
    }
    let mut found = Vec::new();
    for i in events {
        let at = fresh[*i].time();
        match newest.entry(&fresh[*i].event.source) {
            Entry::Occupied(newest) if at < *newest.get() => found.push(*i),
            Entry::Occupied(mut newest) => *newest.get_mut() = at,
            Entry::Vacant(first) => drop(first.insert(at)),
        }
    }
    found
}

impl Moved {
    /// Takes in when the workflow and its steps were heard of.
    fn seen(&mut self, workflow: &str, is_new: bool, run: &Run, fresh: &[Fresh<'_>], events: &[usize]) {
        let tally = self.workflows.entry(workflow.to_owned()).or_default();
        tally.runs += i64::from(is_new);
        tally.events += events.len() as i64;
        tally.last_started_at = tally.last_started_at.max(Some(run.started_at));
        tally.last_happened_at = tally.last_happened_at.max(Some(run.last_at));
        for i in events {
            let heard = &fresh[*i];
            if heard.received_at.millis() >= tally.last_heard_at {
                tally.last_heard_at = heard.received_at.millis();
                // A check-in is our own word: whose silence would matter is still whoever told before.
                if heard.event.source != check_in::SOURCE {
                    tally.last_source.clone_from(&heard.event.source);
                }
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

fn heard_from(heard: &BTreeMap<&str, HeardFrom>) -> Vec<SourceRecord> {
    heard
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
        .collect()
}

/// Takes in that components were changed, each at a believed time, which is noticed only now: what is deployed of them, and a change for each.
/// Gives whether anything else is deployed now.
///
/// What is told late or again, or names no version, is a change all the same and leaves what is deployed as it is.
async fn deploy(tx: &mut Tx, mut told: Vec<(&Change, Moment)>, noticed_at: Moment) -> sqlx::Result<bool> {
    if told.is_empty() {
        return Ok(false);
    }
    told.sort_by_key(|(_, at)| *at);
    let components: BTreeSet<Reference> =
        told.iter().map(|(change, _)| Reference::Component(change.component.clone())).collect();
    let mut known = parts::of(tx, &components.iter().collect::<Vec<_>>()).await?;
    let mut deployed: BTreeMap<Reference, Moment> = BTreeMap::new();
    let mut records = Vec::new();
    for (change, at) in told {
        let reference = Reference::Component(change.component.clone());
        let (values, since) = known.entry(reference.clone()).or_default();
        let is_newest = since.is_none_or(|since| since <= at);
        let value = change.version.as_ref().or(change.what.as_ref()).cloned();
        let before = match &value {
            Some(value) if is_newest => {
                *since = Some(at);
                deployed.insert(reference.clone(), at);
                Some(values.insert(DEPLOYED.to_owned(), value.clone())).filter(|before| before.as_ref() != Some(value))
            }
            _ => None,
        };
        records.push(ChangeRecord {
            reference: reference.to_string(),
            field: if before.is_some() { DEPLOYED } else { TOLD }.to_owned(),
            deployed: value.clone().filter(|_| before.is_some()),
            before_value: before.flatten(),
            after_value: match (&change.version, &change.what) {
                (Some(version), Some(what)) => Some(format!("{version} ({what})")),
                _ => value,
            },
            changed_at: at.millis(),
            changed_by: change.by.clone().unwrap_or_else(|| "a deployment".to_owned()),
            link: change.link.clone(),
            origin: "event".to_owned(),
        });
    }
    let now = deployed.values().max().copied().unwrap_or_default();
    let changed = known.into_iter().filter(|(reference, _)| deployed.contains_key(reference));
    parts::put(tx, &changed.map(|(reference, (values, _))| (reference, values)).collect(), now).await?;
    parts::put_deployed_at(tx, &deployed.iter().map(|(reference, at)| (reference, *at)).collect::<Vec<_>>()).await?;
    parts::append_changes(tx, &records, noticed_at).await?;
    Ok(records.iter().any(|record| record.field == DEPLOYED))
}
