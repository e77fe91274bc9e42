//! Shares: a limit that all callers have in common. One token leaves a third of it to the others.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::authentication::Caller;

/// A limit on what requests hold at the same time, such as event streams.
///
/// A token gets a third unless all is taken. Beyond a third it gets more only while a third stays
/// free. Without authentication there is only one caller, who gets all.
#[derive(Debug, Clone)]
pub(crate) struct Shares(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    most: usize,
    held: Mutex<Held>,
    released: Notify,
}

#[derive(Debug, Default)]
struct Held {
    all: usize,
    by_caller: HashMap<Caller, usize>,
}

/// One of the limit; dropping it returns it.
pub(crate) struct Share {
    shares: Shares,
    caller: Caller,
}

impl Shares {
    pub(crate) fn new(most: usize) -> Self {
        Self(Arc::new(Inner {
            most,
            held: Mutex::default(),
            released: Notify::new(),
        }))
    }

    /// One for this caller, if the limit and the caller's share allow it.
    pub(crate) fn try_acquire(&self, caller: &Caller) -> Option<Share> {
        let mut held = self.held();
        let third = self.0.most.div_ceil(3);
        let free = self.0.most - held.all;
        let own = held.by_caller.get(caller).copied().unwrap_or_default();
        let is_fair = !caller.has_token() || own < third || free > third;
        if free == 0 || !is_fair {
            return None;
        }
        held.all += 1;
        held.by_caller.insert(caller.clone(), own + 1);
        drop(held);
        Some(Share {
            shares: self.clone(),
            caller: caller.clone(),
        })
    }

    /// One for this caller, after a wait for at most this long.
    pub(crate) async fn acquire(&self, caller: &Caller, within: Duration) -> Option<Share> {
        let deadline = Instant::now() + within;
        loop {
            // Registered before the attempt, so that no release between the two is missed.
            let mut released = pin!(self.0.released.notified());
            released.as_mut().enable();
            if let Some(share) = self.try_acquire(caller) {
                return Some(share);
            }
            timeout_at(deadline, released).await.ok()?;
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        let held = self.0.held.lock();
        held.expect("no code that holds the lock panics")
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut held = self.shares.held();
        held.all -= 1;
        if let Some(own) = held.by_caller.get_mut(&self.caller) {
            *own -= 1;
            if *own == 0 {
                held.by_caller.remove(&self.caller);
            }
        }
        drop(held);
        self.shares.0.released.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(name: &str) -> Caller {
        Caller::of_test(Some(name))
    }

    /// As many as this caller gets.
    fn take_all(shares: &Shares, caller: &Caller) -> Vec<Share> {
        std::iter::from_fn(|| shares.try_acquire(caller)).collect()
    }

    #[test]
    fn one_token_leaves_a_third_to_the_others() {
        for (most, first, second) in [(8, 5, 3), (256, 170, 86), (1, 1, 0)] {
            let shares = Shares::new(most);
            let held = take_all(&shares, &token("first"));
            assert_eq!(held.len(), first, "{most}");
            let others = take_all(&shares, &token("second"));
            assert_eq!(others.len(), second, "{most}");
            drop((held, others));
            assert_eq!(take_all(&shares, &token("second")).len(), first, "{most}");
            assert!(shares.held().by_caller.is_empty() && shares.held().all == 0);
        }
    }

    #[test]
    fn a_token_always_gets_a_third_of_what_is_free() {
        let shares = Shares::new(9);
        let first: Vec<Share> = take_all(&shares, &token("first"));
        assert_eq!(first.len(), 6);
        assert_eq!(take_all(&shares, &token("second")).len(), 3);
        let second = take_all(&shares, &token("second"));
        assert!(shares.try_acquire(&token("first")).is_none());
        drop((first, second));
    }

    #[test]
    fn without_authentication_one_caller_gets_all() {
        let shares = Shares::new(8);
        assert_eq!(take_all(&shares, &Caller::of_test(None)).len(), 8);
    }

    #[tokio::test]
    async fn a_release_wakes_the_callers_that_may_take_it() {
        let shares = Shares::new(3);
        let (first, second) = (token("first"), token("second"));
        let mut held = take_all(&shares, &first);
        let other = shares.try_acquire(&second);
        assert_eq!((held.len(), other.is_some()), (2, true));
        let acquire = |caller: Caller, within| {
            let shares = shares.clone();
            tokio::spawn(async move { shares.acquire(&caller, within).await.is_some() })
        };
        let waiting_request = acquire(second.clone(), Duration::from_secs(60));
        let refused_request = acquire(first.clone(), Duration::from_millis(200));
        assert!(!refused_request.await.unwrap());
        drop(other);
        assert!(waiting_request.await.unwrap());
        held.clear();
        assert!(shares.acquire(&first, Duration::ZERO).await.is_some());
    }
}
