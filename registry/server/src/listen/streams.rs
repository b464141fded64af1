//! The streams of one HTTP/2 connection, and how long there has been none.
//!
//! Between requests nothing else ends such a connection: its pings are answered by machinery that outlives interest. It is
//! given the time that HTTP/1 has from one request to the next.
//! Owns: starting and counting streams. Must not know: what ends the connection.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::stall::Sent;
use crate::tasks::Tasks;

/// Bytes of answers that may wait for a reader when the last stream has ended.
const WAITING: u64 = 1 << 20;
/// How many limits it may take until they are read. Pings are answered for as long as they come, and their answers are
/// bytes like any others: only an end in time ends who sends them.
const LIMITS: u64 = 32;
/// Bytes within one limit at least: who reads more slowly would not be done in time.
const LEAST: u64 = WAITING / LIMITS;

/// What runs the streams of one connection: each in a task of its own, from its headers to the last byte of its answer.
#[derive(Clone)]
pub(super) struct Streams {
    tasks: Tasks,
    open: Arc<Open>,
}

struct Open {
    count: AtomicUsize,
    /// When the last one ended, or the connection began.
    since: Mutex<Instant>,
}

impl Streams {
    pub(super) fn new(tasks: Tasks) -> Self {
        let open = Open { count: AtomicUsize::new(0), since: Mutex::new(Instant::now()) };
        Self { tasks, open: Arc::new(open) }
    }

    /// Returns once there has been no stream and too little was `sent` for `limit`, or no stream for [`LIMITS`] times
    /// that. A stream has ended when its answer is handed over, and up to a megabyte of it may wait for a slow reader
    /// then. Streams that are open are waited for, however long they take.
    pub(super) async fn quiet_for(&self, limit: Duration, sent: &Sent) {
        for _ in 0..LIMITS {
            let before = sent.bytes();
            self.absent_for(limit).await;
            if sent.bytes() - before < LEAST {
                return;
            }
        }
    }

    /// Returns once there has been no stream for `limit`. The clock is looked at when that may be so: streams that come
    /// and go cost it nothing.
    pub(super) async fn absent_for(&self, limit: Duration) {
        let mut due = Instant::now() + limit;
        loop {
            sleep_until(due).await;
            let now = Instant::now();
            due = match self.open.count.load(Ordering::Acquire) {
                0 => *self.open.since.lock().unwrap_or_else(PoisonError::into_inner) + limit,
                _ => now + limit,
            };
            if due <= now {
                return;
            }
        }
    }
}

impl<F> hyper::rt::Executor<F> for Streams
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, stream: F) {
        self.open.count.fetch_add(1, Ordering::AcqRel);
        let ended = Ended(Arc::clone(&self.open));
        self.tasks.start_unnamed(async move {
            let _ended = ended;
            stream.await;
        });
    }
}

/// Counts a stream out, however it ends.
struct Ended(Arc<Open>);

impl Drop for Ended {
    fn drop(&mut self) {
        *self.0.since.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.0.count.fetch_sub(1, Ordering::AcqRel);
    }
}
