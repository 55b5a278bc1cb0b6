//! Work that makes more work, for several threads.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::interrupt;

/// How often those who wait look for a Ctrl-C.
const TICK: Duration = Duration::from_millis(200);

/// What is still to be done, the newest first.
#[derive(Debug)]
pub(super) struct Queue<T>(Mutex<State<T>>, Condvar);

#[derive(Debug)]
struct State<T> {
    waiting: Vec<T>,
    /// How many are being done.
    busy: usize,
}

impl<T> Queue<T> {
    /// Of these, the last of which is done first.
    pub(super) fn new(waiting: Vec<T>) -> Self {
        Self(Mutex::new(State { waiting, busy: 0 }), Condvar::new())
    }

    /// Adds something.
    pub(super) fn push(&self, work: T) {
        self.state().waiting.push(work);
        self.1.notify_one();
    }

    /// Does what there is with `work`, also what is added meanwhile; returns when all is done, or after a Ctrl-C.
    pub(super) fn work(&self, mut work: impl FnMut(T)) {
        while let Some(next) = self.take() {
            work(next);
            self.state().busy -= 1;
            self.1.notify_all();
        }
    }

    fn take(&self) -> Option<T> {
        let mut state = self.state();
        loop {
            if interrupt::interrupted() {
                return None;
            }
            if let Some(work) = state.waiting.pop() {
                state.busy += 1;
                return Some(work);
            }
            if state.busy == 0 {
                return None;
            }
            state = self.1.wait_timeout(state, TICK).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicU32, Ordering},
        thread,
    };

    use super::*;

    #[test]
    fn nobody_leaves_while_work_may_still_come() {
        let queue = Queue::new(vec![3_u32]);
        let done = AtomicU32::new(0);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    queue.work(|depth| {
                        thread::sleep(Duration::from_millis(5));
                        done.fetch_add(1, Ordering::Relaxed);
                        (0..depth).for_each(|deeper| queue.push(deeper));
                    });
                });
            }
        });
        assert_eq!(done.into_inner(), 8);
    }
}
