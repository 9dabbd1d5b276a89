//! Grouping problems by their cause: which one is the origin of which others.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::book::Book;
use super::problem::{Kind, Problem, Where};
use super::status::State;

/// For each problem that follows from another one, the number of its origin. An origin follows nothing.
///
/// Problems of several workflows on one component have one origin, the oldest. A problem on a component that needs
/// another one, which is itself in trouble, follows from that. The silence of a workflow follows from that of the
/// source that last told of it, which `told_by` names. Nothing is suppressed by it: followers stay problems.
pub fn origins<'a>(problems: &[Problem], book: &Book, told_by: impl Fn(&str) -> Option<&'a str>) -> BTreeMap<i64, i64> {
    let placed: Vec<_> = problems
        .iter()
        .filter(|p| p.is_raised() && spreads(p.kind))
        .filter_map(|p| Some((p, component(p, book)?)))
        .collect();
    let mut follows: BTreeMap<i64, i64> = BTreeMap::new();
    for (problem, on) in &placed {
        let needed = needs(book, on);
        let older = |other: &Problem| (other.since, other.id) < (problem.since, problem.id);
        let origin = placed
            .iter()
            .filter(|(other, _)| other.id != problem.id)
            .filter_map(|(other, at)| match needed.get(at) {
                // The same component: only across workflows, for two failures of one step are two things.
                Some(0) => (other.place.workflow() != problem.place.workflow() && older(other)).then_some((0, other)),
                // What it needs, where that is bad enough; around a circle the older one leads.
                Some(far) => {
                    let leads = !needs(book, at).contains_key(on) || older(other);
                    (is_bad(other) && leads).then_some((*far, other))
                }
                None => None,
            })
            // The deepest need explains most; of several the oldest.
            .min_by_key(|(far, other)| (std::cmp::Reverse(*far), other.since, other.id));
        if let Some((_, origin)) = origin {
            follows.insert(problem.id, origin.id);
        }
    }
    let silent = || problems.iter().filter(|p| p.is_raised() && p.kind == Kind::Silent);
    for problem in silent() {
        let source = problem.place.workflow().and_then(&told_by);
        let origin = silent().find(|p| matches!((&p.place, source), (Where::Source(id), Some(source)) if id == source));
        if let Some(origin) = origin {
            follows.insert(problem.id, origin.id);
        }
    }
    let root = |id: i64| {
        let (mut at, mut seen) = (id, BTreeSet::new());
        while let Some(next) = follows.get(&at).filter(|_| seen.insert(at)) {
            at = *next;
        }
        at
    };
    follows.keys().map(|id| (*id, root(*id))).filter(|(id, root)| id != root).collect()
}

/// Whether a problem of this kind says something of its component, so that others may follow from it.
fn spreads(kind: Kind) -> bool {
    matches!(kind, Kind::Failed | Kind::Stuck | Kind::Backlog | Kind::Slow | Kind::Retrying | Kind::Silent)
}

fn is_bad(problem: &Problem) -> bool {
    problem.state == State::Broken || matches!(problem.kind, Kind::Slow | Kind::Backlog | Kind::Stuck | Kind::Retrying)
}

/// The components that are down, as open problems tell: a step that they do has failed for good, or they are Broken
/// themselves. A pause hides trouble from the state of a step, not from this.
pub fn down(problems: &[Problem], book: &Book) -> BTreeSet<String> {
    let broken = problems.iter().filter(|p| p.is_raised() && p.state == State::Broken);
    broken.filter_map(|p| component(p, book)).map(str::to_owned).collect()
}

/// The component that a problem is on.
pub fn component<'a>(problem: &'a Problem, book: &'a Book) -> Option<&'a str> {
    match &problem.place {
        Where::Component(id) => Some(id),
        Where::Step(workflow, step) => book.step(workflow, step)?.component.as_deref(),
        Where::Workflow(_) | Where::Source(_) | Where::Subject(..) => None,
    }
}

/// What a component needs, with how far it is: itself 0, what it needs directly 1.
fn needs<'a>(book: &'a Book, component: &'a str) -> BTreeMap<&'a str, usize> {
    let mut far = BTreeMap::from([(component, 0)]);
    let mut next = VecDeque::from([component]);
    while let Some(id) = next.pop_front() {
        let at = far[id];
        for need in book.components.get(id).into_iter().flat_map(|c| &c.depends_on) {
            if !far.contains_key(need.id.as_str()) {
                far.insert(&need.id, at + 1);
                next.push_back(&need.id);
            }
        }
    }
    far
}

#[cfg(test)]
mod tests {
    use super::super::moment::Moment;
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn book(needs: &[(&str, &str)], steps: &[(&str, &str)]) -> Book {
        let mut book = Book::default();
        for id in needs.iter().flat_map(|(a, b)| [a, b]).chain(steps.iter().map(|(_, c)| c)) {
            let depends: Vec<_> = needs.iter().filter(|(a, _)| a == id).map(|(_, b)| json!({"id": b})).collect();
            let component = json!({"id": id, "type": "service", "name": id, "depends_on": depends});
            book.components.insert((*id).to_owned(), serde_json::from_value(component).unwrap());
        }
        for (workflow, component) in steps {
            let declared = json!({"id": workflow, "name": workflow,
                "steps": [{"id": "s", "name": "S", "component": component}]});
            book.workflows.insert((*workflow).to_owned(), serde_json::from_value(declared).unwrap());
        }
        book
    }

    fn problem(id: i64, workflow: &str, minute: i64) -> Problem {
        let at = Moment::from_millis(minute * 60_000);
        let place = Where::Step(workflow.into(), "s".into());
        let mut problem = Problem::begin(id, place, String::new(), "S".into(), "runs".into(), at);
        problem.raised_at = Some(at);
        problem.kind = Kind::Failed;
        problem.state = State::Broken;
        problem
    }

    /// Nobody knows who tells of a workflow.
    fn nobody(_: &str) -> Option<&'static str> {
        None
    }

    #[test]
    fn the_silence_of_a_workflow_follows_from_that_of_who_tells_of_it() {
        let silent = |id, place| Problem { place, kind: Kind::Silent, state: State::NoSignal, ..problem(id, "", id) };
        let problems = [
            silent(1, Where::Workflow("returns".into())),
            silent(2, Where::Source("carrier".into())),
            silent(3, Where::Workflow("stock".into())),
        ];
        let told_by = |workflow: &str| (workflow == "returns").then_some("carrier");
        assert_eq!(origins(&problems, &Book::default(), told_by), [(1, 2)].into());
    }

    #[test]
    fn failures_of_several_workflows_on_one_component_follow_from_the_oldest() {
        let book = book(&[], &[("orders", "erp"), ("stock", "erp"), ("refunds", "shop")]);
        let problems = [problem(1, "orders", 5), problem(2, "stock", 3), problem(3, "refunds", 1)];
        assert_eq!(origins(&problems, &book, nobody), [(1, 2)].into());
    }

    #[test]
    fn what_needs_something_broken_follows_from_it_however_far() {
        let book = book(&[("web", "api"), ("api", "db")], &[("shop", "web"), ("feed", "api"), ("store", "db")]);
        let problems = [problem(1, "shop", 1), problem(2, "feed", 2), problem(3, "store", 3)];
        assert_eq!(origins(&problems, &book, nobody), [(1, 3), (2, 3)].into());
    }

    #[test]
    fn down_is_what_does_a_step_that_failed_for_good() {
        let book = book(&[], &[("orders", "erp"), ("stock", "db")]);
        let late = Problem { state: State::Late, ..problem(2, "stock", 1) };
        assert_eq!(down(&[problem(1, "orders", 1), late], &book), ["erp".to_owned()].into());
    }

    #[test]
    fn two_failures_of_one_workflow_on_one_component_are_two_things() {
        let book = book(&[], &[("orders", "erp")]);
        assert_eq!(origins(&[problem(1, "orders", 1), problem(2, "orders", 2)], &book, nobody), BTreeMap::new());
    }

    proptest! {
        #[test]
        fn every_follower_leads_to_an_origin_that_follows_nothing(
            edges in proptest::collection::vec((0usize..6, 0usize..6), 0..14),
            at in proptest::collection::vec((0usize..6, 0i64..5), 1..8)
        ) {
            let names = ["a", "b", "c", "d", "e", "f"];
            let needs: Vec<_> = edges.iter().filter(|(a, b)| a != b).map(|(a, b)| (names[*a], names[*b])).collect();
            let workflows: Vec<String> = (0..at.len()).map(|i| format!("w{i}")).collect();
            let steps: Vec<_> = workflows.iter().zip(&at).map(|(w, (c, _))| (w.as_str(), names[*c])).collect();
            let book = book(&needs, &steps);
            let problems: Vec<_> =
                workflows.iter().zip(&at).enumerate().map(|(i, (w, (_, t)))| problem(i as i64, w, *t)).collect();
            let found = origins(&problems, &book, nobody);
            for origin in found.values() {
                prop_assert!(!found.contains_key(origin));
            }
            let mut reversed = problems.clone();
            reversed.reverse();
            prop_assert_eq!(origins(&reversed, &book, nobody), found);
        }
    }
}
