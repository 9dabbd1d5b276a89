//! Work on many things at once, where it computes and waits for nobody.

use std::num::NonZero;
use std::thread;

/// Fewer things than this are not worth a thread.
const FEW: usize = 64;

/// What `work` makes of each thing, in order, on as many threads as there are processors.
pub fn in_parallel<T: Send, R: Send>(things: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    let threads = if things.len() < FEW { 1 } else { thread::available_parallelism().map_or(1, NonZero::get) };
    let size = things.len().div_ceil(threads);
    let mut things = things.into_iter();
    let work = &work;
    thread::scope(|scope| {
        let mut part = || things.by_ref().take(size).collect::<Vec<T>>();
        let first = part();
        let others: Vec<_> = (1..threads)
            .map(|_| {
                let part = part();
                scope.spawn(move || part.into_iter().map(work).collect::<Vec<R>>())
            })
            .collect();
        let mut done: Vec<R> = first.into_iter().map(work).collect();
        for other in others {
            // What makes one of them panic does so on the thread of who asked as well.
            done.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        done
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order_from_however_many_threads() {
        for many in [0, 1, FEW - 1, FEW, FEW + 1, 1_000] {
            let doubled: Vec<_> = (0..many).map(|n| n * 2).collect();
            assert_eq!(in_parallel((0..many).collect(), |n| n * 2), doubled);
        }
    }

    #[test]
    #[should_panic(expected = "at 900")]
    fn a_panic_on_another_thread_is_one_here() {
        in_parallel((0..1_000).collect(), |n| assert!(n != 900, "at {n}"));
    }
}
