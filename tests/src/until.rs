//! Waiting: for a condition, with a deadline, never for a time. The only place of the harness that sleeps.

use std::future::Future;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::time::{Instant, sleep, timeout};

const POLL: Duration = Duration::from_millis(40);

/// Asks until `probe` answers `Ok`; past the deadline fails with what it said last.
pub async fn until<T, F, Fut>(what: &str, within: Duration, mut probe: F) -> Result<T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T>>,
{
    let end = Instant::now() + within;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let last = match timeout(left.max(POLL), probe()).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => error,
            Err(_) => anyhow::anyhow!("the probe itself did not answer"),
        };
        if Instant::now() >= end {
            return Err(last).with_context(|| format!("waited {within:?} for: {what}"));
        }
        sleep(POLL).await;
    }
}
