//! Waiting for a future on a thread of one's own: awake for a moment, because most statements take less time than falling
//! asleep and being woken, then asleep.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// Runs a future to its end on this thread, which stays awake for `awake` after each step of it.
pub fn wait_for<F: Future>(future: F, awake: Duration) -> F::Output {
    let bell = Arc::new(Bell { rung: AtomicBool::new(false), sleeper: thread::current() });
    let waker = Waker::from(bell.clone());
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        let awake_until = Instant::now() + awake;
        while !bell.rung.swap(false, Ordering::Acquire) {
            match Instant::now() < awake_until {
                // Others may have it: on a machine with one processor the answer needs it.
                true => thread::yield_now(),
                // A ring between the look above and falling asleep is not lost: the thread then does not sleep.
                false => thread::park(),
            }
        }
    }
}

struct Bell {
    rung: AtomicBool,
    sleeper: Thread,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        self.sleeper.unpark();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ready_at_once_is_given_at_once() {
        assert_eq!(wait_for(async { 7 }, Duration::ZERO), 7);
    }

    #[test]
    fn it_is_woken_whether_it_is_still_awake_or_has_fallen_asleep() {
        for awake in [Duration::ZERO, Duration::from_micros(60)] {
            let pause = awake * 20;
            let (ring, rung) = tokio::sync::oneshot::channel();
            let other = thread::spawn(move || {
                thread::park_timeout(pause);
                ring.send(7)
            });
            assert_eq!(wait_for(rung, awake), Ok(7));
            assert_eq!(other.join().unwrap(), Ok(()));
        }
    }
}
