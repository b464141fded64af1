//! How long to wait before the next try, per object.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(300);

/// Counts failed tries per key.
#[derive(Debug)]
pub struct Backoff<K>(Mutex<HashMap<K, u32>>);

impl<K> Default for Backoff<K> {
    fn default() -> Self {
        Self(Mutex::new(HashMap::new()))
    }
}

impl<K: Eq + Hash> Backoff<K> {
    /// Notes a failure and answers how long to wait: twice as long each time, up to five minutes, with some spread so
    /// that objects that failed together do not come back together.
    pub fn next(&self, key: K) -> Duration {
        let spread = u32::from(spread(&key));
        let mut attempts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = attempts.entry(key).or_insert(0);
        let wait = FIRST.saturating_mul(1 << (*count).min(16)).min(LONGEST);
        *count = count.saturating_add(1);
        wait.mul_f64(1.0 - f64::from(spread) / 1024.0)
    }

    /// Forgets the failures of a key.
    pub fn reset(&self, key: &K) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

fn spread<K: Hash>(key: &K) -> u8 {
    use std::hash::BuildHasher;
    // a fresh RandomState is seeded anew: enough for spreading, and no source of randomness to carry around
    let [byte, ..] = std::collections::hash_map::RandomState::new().hash_one(key).to_ne_bytes();
    byte
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound_and_start_anew_after_success() {
        let backoff = Backoff::default();
        let waits: Vec<Duration> = (0..20).map(|_| backoff.next("a")).collect();
        assert!(waits[0] <= FIRST && waits[0] >= FIRST / 2);
        assert!(waits[5] > waits[0] * 8);
        assert!(waits.iter().all(|wait| *wait <= LONGEST));
        assert!(backoff.next("b") <= FIRST);
        backoff.reset(&"a");
        assert!(backoff.next("a") <= FIRST);
    }
}
