//! The blast radius in words: a sentence a thing for the page, and a notice without jargon for business staff.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;

use super::blast::{Blast, Cause, ComponentHit, Condition, Harm, Instead, StepHit, WorkflowHit};
use super::book::{Book, ComponentType, DependencyMode, Workflow};
use super::moment::{Moment, Span};

/// How many names a sentence of the notice has at most.
const MOST_NAMES: usize = 6;

/// Says what follows from a component being down.
#[derive(Debug, Clone, Copy)]
pub struct Say<'a> {
    /// What is declared.
    pub book: &'a Book,
    /// The component that is down, by id.
    pub origin: &'a str,
    /// What follows.
    pub blast: &'a Blast,
    /// What is wrong with it now, in a sentence; none when that is only supposed.
    pub trouble: Option<&'a str>,
    /// The time from which all spans count.
    pub now: Moment,
    /// The zone of the times.
    pub zone: &'a TimeZone,
}

impl Say<'_> {
    fn time(&self, span: Span) -> String {
        (self.now + span).words(self.now, self.zone)
    }

    fn component_name(&self, id: &str) -> String {
        self.book.components.get(id).map_or_else(|| id.to_owned(), |c| c.name.clone())
    }

    fn workflow_name(&self, id: &str) -> String {
        self.book.workflows.get(id).map_or_else(|| id.to_owned(), |w| w.name.clone())
    }

    fn step_name(&self, workflow: &str, step: &str) -> String {
        self.book.step(workflow, step).map_or_else(|| step.to_owned(), |s| s.name.clone())
    }

    /// When it hurts: `now`, `02:51, in 38 min`, `by 02:51 at the latest`, `not known when`.
    pub fn when(&self, harm: Harm) -> String {
        let nothing = Span::default();
        match (harm.earliest, harm.latest) {
            (one, Some(other)) if one == other && one == nothing => "now".to_owned(),
            (one, Some(other)) if one == other => format!("{}, in {}", self.time(one), one.words()),
            (one, Some(other)) if one == nothing => format!("by {} at the latest", self.time(other)),
            (one, Some(other)) => format!("between {} and {}", self.time(one), self.time(other)),
            (one, None) if one == nothing => "not known when".to_owned(),
            (one, None) => format!("not before {}, not known when", self.time(one)),
        }
    }

    /// By when the business is hurt: `now`, `by 02:43`, `not known when`.
    pub fn hurt_by(&self, hit: &WorkflowHit) -> String {
        match hit.hurt_by {
            Some(span) if span == Span::default() => "now".to_owned(),
            Some(span) => format!("by {}", self.time(span)),
            None => "not known when".to_owned(),
        }
    }

    /// Why a component is affected, and what is done instead.
    pub fn component(&self, hit: &ComponentHit) -> String {
        let needs = self.component_name(&hit.needs);
        if let Some(instead) = &hit.instead {
            let without = self.component_name(&instead.without);
            let words = instead.words.as_deref().map(|w| format!(": {w}")).unwrap_or_default();
            return match (instead.by_hand, instead.user == hit.id) {
                (true, _) => format!("Works, but what {without} does for it by hand waits{words}."),
                (false, true) => format!("Goes on without {without}{words}."),
                (false, false) => {
                    let user = self.component_name(&instead.user);
                    format!("Gets less from {needs}, because {user} goes on without {without}{words}.")
                }
            };
        }
        let is_queue = self.book.components.get(&hit.needs).is_some_and(|c| c.kind == ComponentType::Queue);
        let how = match hit.mode {
            DependencyMode::Sync | DependencyMode::Manual => format!("Needs an answer from {needs}."),
            DependencyMode::Queue if is_queue => format!("Works through {needs}."),
            DependencyMode::Queue => format!("Hands over to {needs} through a queue."),
            DependencyMode::Batch => format!("Takes what it needs from {needs} in bulk."),
        };
        let instead = if hit.said_none { "Nothing takes its place." } else { "What takes its place is not written." };
        format!("{how} {instead}")
    }

    /// Where a workflow stops and what waits, or how it goes on.
    pub fn workflow(&self, hit: &WorkflowHit) -> String {
        let Some((workflow, first)) = self.book.workflows.get(&hit.id).zip(hit.first()) else { return String::new() };
        let step = self.step_name(&hit.id, &first.step);
        if hit.condition == Condition::Degraded {
            return format!("Goes on. {}", self.lesser(&step, first));
        }
        let units = capital(unit(workflow));
        let mut words = match (&first.waits_in, workflow.edges().iter().any(|(_, to)| *to == first.step)) {
            (Some(queue), _) => {
                let queue = self.component_name(queue);
                let room = match (first.harm.exactly(), scheduled(workflow)) {
                    (Some(span), false) if span == Span::default() => "It is over its limit.".to_owned(),
                    (Some(span), false) => format!("It has room until {}.", self.time(span)),
                    (Some(_), true) => String::new(),
                    (None, _) => "It is not known for how long it has room.".to_owned(),
                };
                format!("{units} wait in {queue} before {step}. {room}").trim_end().to_owned()
            }
            (None, true) => format!("{units} come as far as {step} and stop there."),
            (None, false) => format!("Nothing gets past the first step, {step}."),
        };
        if let Some(late) = hit.late {
            let late = self.time(late);
            match scheduled(workflow) {
                true => words += &format!(" Late from {late}."),
                false => words += &format!(" What has to wait is late from {late}."),
            }
        }
        words
    }

    /// What is done instead at a step that is degraded.
    fn lesser(&self, step: &str, hit: &StepHit) -> String {
        let Some(instead) = self.instead(hit) else { return format!("{step} goes on in a lesser way.") };
        let (user, without) = (self.component_name(&instead.user), self.component_name(&instead.without));
        let words = instead.words.as_deref().map(|w| format!(": {w}")).unwrap_or_default();
        match instead.by_hand {
            true => format!("At {step}, what {without} does by hand for {user} waits{words}."),
            false => format!("At {step}, {user} goes on without {without}{words}."),
        }
    }

    /// Why a step is affected, in a few words.
    pub fn step(&self, workflow: &str, hit: &StepHit) -> String {
        match (&hit.cause, &hit.waits_in) {
            (Cause::After(step), _) => format!("nothing comes from {}", self.step_name(workflow, step)),
            (Cause::Component(_), Some(queue)) => format!("waits in {}", self.component_name(queue)),
            (Cause::Component(id), None) => format!("needs {}", self.component_name(id)),
        }
    }

    /// How many of each, and when it first hurts.
    pub fn summary(&self) -> String {
        let count = |condition| self.blast.workflows.iter().filter(|w| w.condition == condition).count();
        let parts = |condition| self.blast.components.iter().filter(|c| c.condition == condition).count();
        let counts = match (count(Condition::Blocked), count(Condition::Degraded)) {
            (0, 0) => "No workflow is affected.".to_owned(),
            (blocked, degraded) => {
                let unaffected = self.blast.unaffected_workflows.len();
                let groups = [(blocked, "blocked"), (degraded, "degraded"), (unaffected, "not affected")];
                counted("workflow", &groups)
            }
        };
        let components = match (parts(Condition::Blocked), parts(Condition::Degraded)) {
            (0, 0) => "No other component is affected.".to_owned(),
            (blocked, degraded) => counted("other component", &[(blocked, "blocked"), (degraded, "degraded")]),
        };
        let blocked = self.blast.workflows.first().filter(|w| w.condition == Condition::Blocked);
        let first = blocked.map(|w| format!(" First hurt: {}, {}.", self.workflow_name(&w.id), self.hurt_by(w)));
        format!("{counts} {components}{}", first.unwrap_or_default())
    }

    /// What cannot be told, one sentence each.
    pub fn not_known(&self, room_known: impl Fn(&str) -> bool) -> Vec<String> {
        let queues = self.blast.queues.iter().filter(|q| !room_known(q));
        let mut sentences: Vec<_> = queues
            .map(|q| {
                format!(
                    "How long {} has room: it has no limit or has not told its depth lately.",
                    self.component_name(q)
                )
            })
            .collect();
        let batches =
            self.blast.components.iter().filter(|c| c.mode == DependencyMode::Batch && c.harm.latest.is_none());
        sentences.extend(
            batches
                .map(|c| format!("When {} next needs {}.", self.component_name(&c.id), self.component_name(&c.needs))),
        );
        let unwritten = self.blast.components.iter().filter(|c| c.condition == Condition::Blocked && !c.said_none);
        let unwritten: Vec<_> = unwritten.map(|c| self.component_name(&c.id)).collect();
        if !unwritten.is_empty() {
            sentences.push(format!("What these do without it, which nobody has written: {}.", names(unwritten)));
        }
        sentences
    }

    /// The notice: a paragraph for people who do not know the systems.
    pub fn notice(&self) -> String {
        let origin = self.component_name(self.origin);
        let mut said = vec![match self.trouble {
            Some(trouble) => format!("{origin}: {trouble}"),
            None => format!("If {origin} is not available:"),
        }];
        let means = self.book.components.get(self.origin).and_then(|c| c.if_unavailable.as_deref());
        let while_it_lasts = if self.trouble.is_some() { "While it is not available: " } else { "" };
        said.extend(means.map(|words| format!("{while_it_lasts}{}", sentence(words))));
        said.extend(self.groups());
        if self.blast.workflows.is_empty() {
            said.push("No workflow that we know of is affected.".to_owned());
        } else {
            let unaffected = self.blast.unaffected_workflows.iter().map(|w| self.workflow_name(w)).collect();
            said.push(match self.blast.unaffected_workflows.is_empty() {
                true => "Every workflow that we know of is affected.".to_owned(),
                false => format!("Not affected: {}.", names(unaffected)),
            });
        }
        let owners: BTreeSet<_> = self
            .blast
            .workflows
            .iter()
            .filter_map(|w| self.book.workflows.get(&w.id)?.business_owner.as_deref())
            .map(|team| team.replace(['-', '_'], " "))
            .collect();
        if !owners.is_empty() {
            said.push(format!("This concerns: {}.", names(owners.into_iter().collect())));
        }
        let written = self.now.zoned(self.zone).strftime("%-d %b %Y %H:%M %Z").to_string();
        said.push(format!("As known at {written}."));
        said.join(" ")
    }

    /// One sentence for all workflows that are in the same condition, the soonest harm first.
    fn groups(&self) -> Vec<String> {
        let mut groups: Vec<(String, Vec<String>)> = Vec::new();
        for hit in &self.blast.workflows {
            let Some(says) = self.in_the_notice(hit) else { continue };
            let name = self.workflow_name(&hit.id);
            match groups.iter_mut().find(|(known, _)| *known == says) {
                Some((_, names)) => names.push(name),
                None => groups.push((says, vec![name])),
            }
        }
        groups.into_iter().map(|(says, group)| format!("{}: {says}", names(group))).collect()
    }

    /// What a workflow's people have to know.
    fn in_the_notice(&self, hit: &WorkflowHit) -> Option<String> {
        let workflow = self.book.workflows.get(&hit.id)?;
        let first = hit.first()?;
        if hit.condition == Condition::Degraded {
            return Some(match self.instead(first).and_then(|i| i.words.as_deref()) {
                Some(words) => format!("work goes on in a lesser way ({words})."),
                None => "work goes on, but what needs a person waits.".to_owned(),
            });
        }
        let units = unit(workflow);
        let late = hit.late.map(|late| self.time(late));
        if scheduled(workflow) {
            let due = match hit.harm.exactly() {
                Some(span) if span == Span::default() => "cannot be finished now.".to_owned(),
                Some(span) => format!("due {}, cannot be done unless it is back by then.", self.time(span)),
                None => "cannot be done at its next start.".to_owned(),
            };
            return Some(match late {
                Some(late) => format!("{due} It is late from {late}."),
                None => due,
            });
        }
        let late = late.map(|late| format!(" What has to wait is late from {late}.")).unwrap_or_default();
        let goes_as_far = match workflow.edges().iter().any(|(_, to)| *to == first.step) {
            true => format!("{units} come as far as {} and stop there", self.step_name(&hit.id, &first.step)),
            false => "nothing can start".to_owned(),
        };
        let stops = match (&first.waits_in, hit.harm.exactly(), hit.harm.latest) {
            (Some(_), Some(span), _) if span == Span::default() => {
                format!("{units} wait in line, more than there should be.")
            }
            (Some(_), Some(span), _) => format!("{units} wait in line; there is room until {}.", self.time(span)),
            (Some(_), None, _) => format!("{units} wait in line; it is not known for how long there is room."),
            (None, Some(span), _) if span == Span::default() => format!("{goes_as_far}."),
            (None, Some(span), _) => format!("{goes_as_far} from {} on.", self.time(span)),
            (None, None, Some(latest)) => format!("{goes_as_far} from {} on, perhaps sooner.", self.time(latest)),
            (None, None, None) => format!("{goes_as_far}; it is not known from when on."),
        };
        Some(format!("{stops}{late}"))
    }

    /// The fallback behind a step that is degraded.
    fn instead(&self, hit: &StepHit) -> Option<&Instead> {
        match &hit.cause {
            Cause::Component(id) => self.blast.component(id)?.instead.as_ref(),
            Cause::After(_) => None,
        }
    }
}

fn scheduled(workflow: &Workflow) -> bool {
    workflow.expect.start_at.is_some()
}

fn unit(workflow: &Workflow) -> &str {
    workflow.unit.as_deref().unwrap_or("runs")
}

/// `1 workflow`, `3 workflows`.
fn many(n: usize, thing: &str) -> String {
    if n == 1 { format!("1 {thing}") } else { format!("{n} {thing}s") }
}

/// `4 workflows blocked, 1 degraded.`: of groups of one thing those that have any.
fn counted(thing: &str, groups: &[(usize, &str)]) -> String {
    let mut words = Vec::new();
    for (n, what) in groups.iter().filter(|(n, _)| *n > 0) {
        let number = if words.is_empty() { many(*n, thing) } else { n.to_string() };
        words.push(format!("{number} {what}"));
    }
    format!("{}.", words.join(", "))
}

/// `A, B and C`; beyond some it says how many more.
fn names(mut names: Vec<String>) -> String {
    let more = names.len().saturating_sub(MOST_NAMES);
    if more > 0 {
        names.truncate(MOST_NAMES);
        names.push(format!("{more} more"));
    }
    match names.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

/// Words as a sentence of their own, with a full stop.
pub fn sentence(words: &str) -> String {
    let words = words.trim();
    if words.ends_with(['.', '!', '?']) { words.to_owned() } else { format!("{words}.") }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|c| c.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::super::blast::{Suppose, blast};
    use super::*;

    fn book() -> Book {
        let components = json!({
            "erp": {"id": "erp", "type": "service", "name": "SAP Business One",
                "if_unavailable": "Finance cannot post"},
            "sync": {"id": "sync", "type": "service", "name": "ERP sync worker",
                "depends_on": [{"id": "erp", "fallback": "none"}]},
            "line": {"id": "line", "type": "queue", "name": "ERP sync queue"},
            "job": {"id": "job", "type": "service", "name": "Reconcile job",
                "depends_on": [{"id": "erp", "mode": "batch"}]},
            "list": {"id": "list", "type": "file", "name": "Pick list",
                "depends_on": [{"id": "erp", "mode": "batch", "fallback": "yesterday's list"}]},
            "shop": {"id": "shop", "type": "service", "name": "Shop"}
        });
        let step = |id: &str, name: &str, component: &str, via: Option<&str>| json!({"id": id, "name": name, "component": component, "via": via});
        let workflows = json!({
            "orders": {"id": "orders", "name": "Order to ERP", "unit": "orders", "business_owner": "order-desk",
                "expect": {"finish_within": "30m"},
                "steps": [step("take", "Take order", "shop", None), step("push", "Push to ERP", "sync", Some("line"))]},
            "night": {"id": "night", "name": "Nightly reconcile", "unit": "nights", "business_owner": "finance-team",
                "expect": {"start_at": "0 3 * * *", "finish_within": "45m"},
                "steps": [step("open", "Open the day", "job", None)]},
            "refunds": {"id": "refunds", "name": "Refunds", "unit": "refunds", "expect": {},
                "steps": [step("ask", "Ask", "shop", None), step("book", "Book refund", "erp", None)]},
            "invoices": {"id": "invoices", "name": "Invoices", "expect": {},
                "steps": [step("post", "Post", "erp", None)]},
            "pick": {"id": "pick", "name": "Picking", "expect": {}, "steps": [step("print", "Print", "list", None)]},
            "stock": {"id": "stock", "name": "Stock sync", "expect": {}, "steps": [step("read", "Read", "shop", None)]}
        });
        Book {
            components: serde_json::from_value(components).unwrap(),
            workflows: serde_json::from_value(workflows).unwrap(),
            ..Book::default()
        }
    }

    fn with<T>(headroom: Option<i64>, trouble: Option<&str>, tell: impl Fn(&Say) -> T) -> T {
        let book = book();
        let at = |text: &str| Moment::parse(&format!("2026-06-04T{text}:00Z")).unwrap();
        let down = BTreeSet::from(["erp".to_owned()]);
        let minutes = |(id, n): (&str, i64)| (id.to_owned(), Span::from_minutes(n));
        let headroom: BTreeMap<_, _> = headroom.map(|n| minutes(("line", n))).into_iter().collect();
        let next_start = BTreeMap::from([minutes(("night", 47))]);
        let blast = blast(&Suppose { book: &book, down: &down, headroom: &headroom, next_start: &next_start });
        tell(&Say { book: &book, origin: "erp", blast: &blast, trouble, now: at("02:13"), zone: &TimeZone::UTC })
    }

    #[test]
    fn the_notice_says_what_is_wrong_what_stops_when_and_what_goes_on() {
        let notice = with(Some(38), Some("2 refunds have failed at Book refund since 01:26."), |say| say.notice());
        assert_eq!(
            notice,
            "SAP Business One: 2 refunds have failed at Book refund since 01:26. While it is not available: Finance cannot post. \
             Invoices: nothing can start. Refunds: refunds come as far as Book refund and stop there. \
             Order to ERP: orders wait in line; there is room until 02:51. What has to wait is late from 02:43. \
             Nightly reconcile: due 03:00, cannot be done unless it is back by then. It is late from 03:45. \
             Picking: work goes on in a lesser way (yesterday's list). Not affected: Stock sync. This concerns: finance team and order desk. As known at 4 Jun 2026 02:13 UTC."
        );
    }

    #[test]
    fn a_supposed_notice_does_not_claim_trouble_and_says_what_is_not_known() {
        let notice = with(None, None, |say| say.notice());
        assert!(notice.starts_with("If SAP Business One is not available: Finance cannot post."), "{notice}");
        assert!(notice.contains("orders wait in line; it is not known for how long there is room."), "{notice}");
        let unknown = with(None, None, |say| say.not_known(|_| false));
        assert_eq!(
            unknown,
            [
                "How long ERP sync queue has room: it has no limit or has not told its depth lately.",
                "When Pick list next needs SAP Business One.",
                "What these do without it, which nobody has written: Reconcile job.",
            ]
        );
    }

    #[test]
    fn each_workflow_says_where_it_stops() {
        let said = |id: &str| with(Some(38), None, |say| say.workflow(say.blast.workflow(id).unwrap()));
        assert_eq!(
            said("orders"),
            "Orders wait in ERP sync queue before Push to ERP. It has room until 02:51. \
             What has to wait is late from 02:43."
        );
        assert_eq!(said("night"), "Nothing gets past the first step, Open the day. Late from 03:45.");
        assert_eq!(said("refunds"), "Refunds come as far as Book refund and stop there.");
        assert_eq!(said("pick"), "Goes on. At Print, Pick list goes on without SAP Business One: yesterday's list.");
    }

    #[test]
    fn the_summary_counts_and_names_the_first() {
        assert_eq!(
            with(Some(38), None, |say| say.summary()),
            "4 workflows blocked, 1 degraded, 1 not affected. 2 other components blocked, 1 degraded. \
             First hurt: Invoices, now."
        );
    }

    #[test]
    fn a_group_with_nothing_in_it_is_not_counted() {
        let all = [(1, "blocked"), (0, "degraded"), (3, "not affected")];
        assert_eq!(counted("workflow", &all), "1 workflow blocked, 3 not affected.");
        assert_eq!(counted("workflow", &[(0, "blocked"), (2, "degraded")]), "2 workflows degraded.");
    }

    #[test]
    fn many_names_are_cut_with_their_number() {
        let all = |n: usize| names((0..n).map(|n| n.to_string()).collect());
        assert_eq!((all(1).as_str(), all(3).as_str()), ("0", "0, 1 and 2"));
        assert_eq!(all(9), "0, 1, 2, 3, 4, 5 and 3 more");
    }
}
