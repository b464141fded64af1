//! Every background task of the process has its owner here.
//!
//! Owns: starting tasks, telling them to stop, waiting for them, and what happens when one panics.
//! Must not know: what any task does.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A group of tasks that stop together.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl Tasks {
    /// A new, empty group.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A group that is told to stop whenever this one is, or earlier on its own.
    #[must_use]
    pub fn child(&self) -> Self {
        Self { tracker: TaskTracker::new(), stop: self.stop.child_token() }
    }

    /// Starts a task. A panic inside it is logged and ends only that task.
    pub fn start<F>(&self, name: &'static str, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.tracker.spawn(async move {
            if AssertUnwindSafe(task).catch_unwind().await.is_err() {
                tracing::error!(task = name, "a background task panicked and has ended; restart the server");
            }
        });
    }

    /// Starts a task of which there are many, and whose panics somebody else looks after.
    pub(crate) fn start_unnamed<F>(&self, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.tracker.spawn(task);
    }

    /// Runs blocking work (files, certificates) off the async threads and waits for its answer.
    ///
    /// # Errors
    /// When the work panicked.
    pub async fn blocking<T, F>(&self, work: F) -> Result<T, Panicked>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        self.tracker.spawn_blocking(work).await.map_err(|_| Panicked)
    }

    /// Fires when the group must stop.
    #[must_use]
    pub fn stopping(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Tells every task to stop, without waiting.
    pub fn tell_to_stop(&self) {
        self.stop.cancel();
    }

    /// Waits until every task has ended, at most `within`; false when some are still there.
    pub async fn ended(&self, within: Duration) -> bool {
        self.tracker.close();
        tokio::time::timeout(within, self.tracker.wait()).await.is_ok()
    }

    /// How many tasks are alive.
    #[must_use]
    pub fn alive(&self) -> usize {
        self.tracker.len()
    }
}

/// Blocking work panicked; the panic itself is in the log.
#[derive(Debug, thiserror::Error)]
#[error("the work panicked; see the log above")]
pub struct Panicked;
