//! Brakes on guessing: after some failures an account can be tried again from the same address only after a pause
//! that doubles, up to a minute.
//!
//! The first failures are free, because clients try a wrong password in several ways before they show the reason.
//! Counted per account *and* address, so that a stranger who guesses cannot lock out the owner; an IPv6 network
//! counts as one address, because its holder has them all. Attempts of one pair run one after the other: parallel
//! guesses do not get around the pause.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::clock::ms;
use crate::error::{Error, Result};

/// Failures without a pause.
const FREE_FAILURES: u32 = 5;
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Failures are forgotten after this time without another.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(15 * 60);
/// Pairs remembered at most; the least used are forgotten first.
const MOST_PAIRS: u64 = 50_000;

type Pair = (Arc<str>, IpAddr);

/// Failures by account and address.
pub(crate) struct Lockout {
    pairs: Cache<Pair, Arc<Mutex<Failures>>>,
}

#[derive(Debug, Default)]
struct Failures {
    count: u32,
    open_at_ms: i64,
}

/// The turn of one attempt; others of the same pair wait for it to end.
pub(crate) struct Attempt {
    failures: OwnedMutexGuard<Failures>,
}

impl Lockout {
    pub(crate) fn new() -> Self {
        Self { pairs: Cache::builder().max_capacity(MOST_PAIRS).time_to_idle(FORGOTTEN_AFTER).build() }
    }

    /// Waits for the turn, and refuses within the pause, even with the right password.
    pub(crate) async fn attempt(&self, account: &str, from: IpAddr, now_ms: i64) -> Result<Attempt> {
        let entry = self.pairs.get_with((Arc::from(account), network(from)), Arc::default);
        let failures = entry.lock_owned().await;
        match u64::try_from(failures.open_at_ms.saturating_sub(now_ms)) {
            Ok(left) if left > 0 => Err(Error::TooManyAttempts { retry_after: Duration::from_millis(left) }),
            Ok(_) | Err(_) => Ok(Attempt { failures }),
        }
    }
}

impl Attempt {
    /// The password was right: the count starts anew.
    pub(crate) fn succeeded(mut self) {
        *self.failures = Failures::default();
    }

    /// The password was wrong.
    pub(crate) fn failed(mut self, now_ms: i64) {
        self.failures.count = self.failures.count.saturating_add(1);
        self.failures.open_at_ms = now_ms.saturating_add(ms(pause(self.failures.count)));
    }
}

/// The address of an IPv4 host, the network of an IPv6 one.
fn network(from: IpAddr) -> IpAddr {
    match from.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> 64 << 64).into()),
        address @ IpAddr::V4(_) => address,
    }
}

/// Nothing at first, then half a second, 1.5 s, 3.5 s, 7.5 s …, at most a minute.
fn pause(failures: u32) -> Duration {
    let doubled = 2_u64.saturating_pow(failures.saturating_sub(FREE_FAILURES)).saturating_sub(1);
    Duration::from_millis(doubled.saturating_mul(500)).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const THERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    async fn fail(lockout: &Lockout, now_ms: i64) {
        lockout.attempt("alice", HERE, now_ms).await.unwrap().failed(now_ms);
    }

    async fn use_up_the_free_ones(lockout: &Lockout) {
        for _ in 0..FREE_FAILURES {
            fail(lockout, 0).await;
        }
    }

    #[test]
    fn the_pause_doubles_up_to_a_minute() {
        let millis: Vec<u128> = (5..=14).map(|n| pause(n).as_millis()).collect();
        assert_eq!(millis, [0, 500, 1_500, 3_500, 7_500, 15_500, 31_500, 60_000, 60_000, 60_000]);
        assert!((0..5).all(|n| pause(n).is_zero()));
        assert_eq!(pause(u32::MAX), LONGEST_PAUSE);
    }

    #[tokio::test]
    async fn after_too_many_failures_even_the_right_password_waits() {
        let lockout = Lockout::new();
        use_up_the_free_ones(&lockout).await;
        fail(&lockout, 1_000).await;
        let refused = lockout.attempt("alice", HERE, 1_400).await;
        assert!(
            matches!(refused, Err(Error::TooManyAttempts { retry_after }) if retry_after.as_millis() == 100)
        );
        lockout.attempt("alice", HERE, 1_500).await.unwrap().succeeded();
        fail(&lockout, 2_000).await;
        assert!(lockout.attempt("alice", HERE, 2_500).await.is_ok(), "a success starts the count anew");
    }

    #[tokio::test]
    async fn a_guesser_elsewhere_does_not_lock_out_the_owner() {
        let lockout = Lockout::new();
        use_up_the_free_ones(&lockout).await;
        for i in 0..10 {
            fail(&lockout, i * 100_000).await;
        }
        assert!(lockout.attempt("alice", HERE, 900_001).await.is_err());
        assert!(lockout.attempt("alice", THERE, 900_001).await.is_ok());
        assert!(lockout.attempt("bob", HERE, 900_001).await.is_ok());
    }

    #[tokio::test]
    async fn another_address_of_the_same_ipv6_network_is_the_same_guesser() {
        let lockout = Lockout::new();
        for host in 0..7_u128 {
            let from = IpAddr::V6((0x2001_0db8_0000_0001_u128 << 64 | host).into());
            let attempt = lockout.attempt("alice", from, 0).await;
            assert_eq!(attempt.is_ok(), host < 6, "host {host}");
            attempt.into_iter().for_each(|attempt| attempt.failed(0));
        }
        let next_network = IpAddr::V6((0x2001_0db8_0000_0002_u128 << 64).into());
        assert!(lockout.attempt("alice", next_network, 0).await.is_ok());
        let mapped = |last| IpAddr::V6(std::net::Ipv4Addr::new(192, 0, 2, last).to_ipv6_mapped());
        assert_ne!(network(mapped(1)), network(mapped(2)), "IPv4 hosts stay apart");
    }

    #[tokio::test]
    async fn parallel_guesses_take_turns() {
        let lockout = Lockout::new();
        use_up_the_free_ones(&lockout).await;
        let first = lockout.attempt("alice", HERE, 0).await.unwrap();
        let second = lockout.attempt("alice", HERE, 0);
        tokio::pin!(second);
        assert!(futures::poll!(&mut second).is_pending(), "the second guess waits for the first");
        first.failed(0);
        assert!(second.await.is_err(), "and then falls into the pause");
    }
}
