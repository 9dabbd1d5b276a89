//! A signal: the run that a check means when it tells its start or its end without naming one.

use super::event::Progress;
use super::moment::Moment;

/// The newest run of a check that was told without a run id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckRun {
    /// The run's id: the moment of its first word.
    pub run: String,
    /// When it started; none when only its end was told.
    pub started_at: Option<Moment>,
    /// When it ended; none while it goes on.
    pub ended_at: Option<Moment>,
}

/// Says which run is meant: each start is a run of its own, an end belongs to the newest run that has started and not
/// ended, and an end without a start is a run too. Gives what is then the newest run, and the run that is meant.
///
/// A start that is told after its own end joins it. Beyond that the words of a check without run ids must come in
/// their order, as those of a cron job do; with a run id any order is right.
pub fn place(newest: Option<CheckRun>, progress: Progress, at: Moment) -> (CheckRun, String) {
    let own = at.to_string();
    let (mut known, joins) = match newest {
        Some(known) => {
            let joins = match progress.is_result() {
                false => known.started_at.is_none() && known.ended_at.is_some_and(|ended| at <= ended),
                true => known.ended_at.is_none() && known.started_at.is_some_and(|started| started <= at),
            };
            (known, joins)
        }
        None => (CheckRun { run: own.clone(), started_at: None, ended_at: None }, true),
    };
    let mut fresh = match joins {
        true => known.clone(),
        false => CheckRun { run: own, started_at: None, ended_at: None },
    };
    match progress.is_result() {
        true => fresh.ended_at = Some(at),
        false => fresh.started_at = Some(at),
    }
    let run = fresh.run.clone();
    let last = |run: &CheckRun| run.started_at.max(run.ended_at);
    // What belongs to the past leaves the newest run as it is.
    if joins || last(&fresh) >= last(&known) {
        known = fresh;
    }
    (known, run)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(minute: i64) -> Moment {
        Moment::from_millis(1_780_000_000_000 + minute * 60_000)
    }

    fn placed(words: &[(i64, Progress)]) -> Vec<String> {
        let mut newest = None;
        words
            .iter()
            .map(|(minute, progress)| {
                let (now, run) = place(newest.take(), *progress, at(*minute));
                newest = Some(now);
                run
            })
            .collect()
    }

    #[test]
    fn an_end_belongs_to_the_newest_start() {
        let runs = placed(&[
            (0, Progress::Running),
            (9, Progress::Succeeded),
            (60, Progress::Running),
            (65, Progress::Failed),
            (70, Progress::Succeeded),
        ]);
        assert_eq!(runs, [at(0), at(0), at(60), at(60), at(70)].map(|at| at.to_string()));
    }

    #[test]
    fn a_run_that_hangs_is_not_ended_by_a_later_one() {
        let runs = placed(&[(0, Progress::Running), (60, Progress::Running), (65, Progress::Succeeded)]);
        assert_eq!(runs, [at(0), at(60), at(60)].map(|at| at.to_string()));
    }

    #[test]
    fn a_start_that_comes_after_its_end_joins_it() {
        let runs = placed(&[(9, Progress::Succeeded), (0, Progress::Running)]);
        assert_eq!(runs[0], runs[1]);
    }

    proptest! {
        #[test]
        fn words_in_their_order_give_a_run_for_each_start(starts in proptest::collection::vec(any::<bool>(), 1..40)) {
            let words: Vec<_> = starts
                .iter()
                .enumerate()
                .map(|(i, start)| (i as i64, if *start { Progress::Running } else { Progress::Succeeded }))
                .collect();
            let runs = placed(&words);
            let mut ended = std::collections::BTreeSet::new();
            for ((minute, progress), run) in words.iter().zip(&runs) {
                match progress {
                    Progress::Running => prop_assert_eq!(run, &at(*minute).to_string()),
                    _ => prop_assert!(ended.insert(run.clone()), "{} ends twice", run),
                }
            }
        }
    }
}
