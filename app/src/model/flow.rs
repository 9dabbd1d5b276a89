//! The observed flow: which steps runs visit, and which step directly follows which.

use std::collections::BTreeMap;

use super::run::Run;

/// What one change of a run adds to (or takes from) the observed flow of its workflow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FlowChange {
    /// Visits more or fewer, by step.
    pub visits: BTreeMap<String, i64>,
    /// Directly followed by: more or fewer, by (from, to).
    pub edges: BTreeMap<(String, String), i64>,
    /// Runs that start here: more or fewer.
    pub starts: BTreeMap<String, i64>,
    /// Runs whose last step this is: more or fewer.
    pub ends: BTreeMap<String, i64>,
}

/// The difference between the flow of a run before and after; costs only the part that changed.
pub fn difference(before: &Run, after: &Run) -> FlowChange {
    let mut change = FlowChange::default();
    let same = before.visits.iter().zip(&after.visits).take_while(|(a, b)| a.step == b.step).count();
    change.count(before, same, -1);
    change.count(after, same, 1);
    change.visits.retain(|_, n| *n != 0);
    change.edges.retain(|_, n| *n != 0);
    change.starts.retain(|_, n| *n != 0);
    change.ends.retain(|_, n| *n != 0);
    change
}

impl FlowChange {
    fn count(&mut self, run: &Run, from: usize, by: i64) {
        for (i, visit) in run.visits.iter().enumerate().skip(from) {
            *self.visits.entry(visit.step.clone()).or_default() += by;
            match i.checked_sub(1) {
                Some(before) => {
                    *self.edges.entry((run.visits[before].step.clone(), visit.step.clone())).or_default() += by;
                }
                None => *self.starts.entry(visit.step.clone()).or_default() += by,
            }
        }
        if let Some(last) = run.visits.last() {
            *self.ends.entry(last.step.clone()).or_default() += by;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::event::Event;
    use super::super::moment::Moment;
    use super::super::run::{Heard, fold};
    use super::*;

    fn run(steps: &[(i64, &str)]) -> Run {
        let heard: Vec<_> = steps
            .iter()
            .map(|(second, step)| {
                let at = Moment::from_millis(second * 1000);
                let value = serde_json::json!({"workflow": "w", "run": "1", "step": step, "state": "succeeded", "time": at.to_string()});
                Heard { event: Event::parse(value, "t", at).unwrap(), received_at: at }
            })
            .collect();
        fold(&heard)
    }

    #[test]
    fn the_next_step_adds_one_visit_and_one_edge_and_moves_the_end() {
        let change = difference(&run(&[(1, "a"), (2, "b")]), &run(&[(1, "a"), (2, "b"), (3, "c")]));
        assert_eq!(change.visits, BTreeMap::from([("c".into(), 1)]));
        assert_eq!(change.edges, BTreeMap::from([(("b".into(), "c".into()), 1)]));
        assert_eq!(change.ends, BTreeMap::from([("b".into(), -1), ("c".into(), 1)]));
        assert!(change.starts.is_empty());
    }

    #[test]
    fn a_late_step_takes_its_place_and_splits_the_edge() {
        let change = difference(&run(&[(1, "a"), (3, "c")]), &run(&[(1, "a"), (2, "b"), (3, "c")]));
        assert_eq!(change.visits, BTreeMap::from([("b".into(), 1)]));
        assert_eq!(
            change.edges,
            BTreeMap::from([
                (("a".into(), "b".into()), 1),
                (("a".into(), "c".into()), -1),
                (("b".into(), "c".into()), 1)
            ])
        );
        assert!(change.ends.is_empty());
    }
}
