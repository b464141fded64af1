//! The one writer: closures queue up, run in order, each in a savepoint, and share a COMMIT.
//!
//! ```text
//!  queue ─► BEGIN ─► savepoint: closure ─► savepoint: closure ─► … ─► COMMIT (one sync) ─► all answers
//! ```
//!
//! While one COMMIT waits for the disk the next batch gathers, so the batch grows with the load by itself.
//! Nobody is answered before the COMMIT that holds their rows. A closure that fails or panics loses its own
//! savepoint only; a failed COMMIT fails the whole batch; a failed write to the disk ends all writing.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

use crate::engine::{Trouble, ready};
use crate::{Error, Tx};

/// Closures in one COMMIT at most, so that the first of a batch is not kept waiting.
const BATCH: usize = 512;

/// What the writer has done so far.
#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) commits: AtomicU64,
    pub(crate) writes: AtomicU64,
    pub(crate) failed: AtomicU64,
    pub(crate) poisoned: AtomicBool,
}

/// A closure in the queue.
pub(crate) trait Job: Send {
    /// Nobody waits for it any more.
    fn abandoned(&self) -> bool;
    /// Runs the closure; says whether its changes are to be kept.
    fn run(&mut self, tx: &mut Tx) -> bool;
    /// Replaces the result: its changes could not be kept.
    fn fail(&mut self, error: Error);
    /// Sends the result.
    fn answer(self: Box<Self>);
}

/// A closure with the place its result goes to.
struct Write<F, T, E> {
    closure: Option<F>,
    result: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

/// Makes a job of a closure.
pub(crate) fn job<F, T, E>(closure: F, reply: oneshot::Sender<Result<T, E>>) -> Box<dyn Job>
where
    F: AsyncFnOnce(&mut Tx) -> Result<T, E> + Send + 'static,
    T: Send + 'static,
    E: From<Error> + Send + 'static,
{
    Box::new(Write { closure: Some(closure), result: None, reply })
}

impl<F, T, E> Job for Write<F, T, E>
where
    F: AsyncFnOnce(&mut Tx) -> Result<T, E> + Send,
    T: Send,
    E: From<Error> + Send,
{
    fn abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    fn run(&mut self, tx: &mut Tx) -> bool {
        let Some(closure) = self.closure.take() else { return false };
        let result = match ready(closure(tx)) {
            Ok(result) => result,
            Err(error) => Err(error.into()),
        };
        self.result.insert(result).is_ok()
    }

    fn fail(&mut self, error: Error) {
        self.result = Some(Err(error.into()));
    }

    fn answer(self: Box<Self>) {
        let Write { result, reply, .. } = *self;
        // The caller may have gone; the rows are committed all the same.
        let _ = reply.send(result.unwrap_or_else(|| Err(Error::Closed.into())));
    }
}

/// Works the queue until every sender is gone, then empties the log into the database.
pub(crate) struct Writer {
    pub(crate) tx: Tx,
    pub(crate) queue: mpsc::Receiver<Box<dyn Job>>,
    pub(crate) counters: Arc<Counters>,
    /// How long one COMMIT may gather closures.
    pub(crate) gather: Duration,
    /// For the control of a test: answer before the COMMIT.
    pub(crate) answer_early: bool,
}

/// What became of one savepoint.
enum Kept {
    /// The transaction goes on, with or without its changes.
    Open,
    /// The engine ended the whole transaction.
    Lost(Error),
}

impl Writer {
    pub(crate) fn work(mut self) {
        let mut batch: Vec<Box<dyn Job>> = Vec::new();
        while let Some(first) = self.queue.blocking_recv() {
            self.batch(first, &mut batch);
        }
        if let Err(error) = self.tx.lite().control("PRAGMA wal_checkpoint(TRUNCATE)") {
            tracing::warn!(%error, "log could not be emptied at shutdown; the next start does it");
        }
    }

    /// One transaction.
    fn batch(&mut self, first: Box<dyn Job>, batch: &mut Vec<Box<dyn Job>>) {
        let mut next = Some(first);
        let mut outcome = if self.counters.poisoned.load(Ordering::Acquire) {
            Err(Error::Poisoned)
        } else {
            self.control("BEGIN IMMEDIATE")
        };
        let begun = Instant::now();
        while let Some(mut job) = next.take() {
            if job.abandoned() {
                job.fail(Error::Closed);
            } else if outcome.is_ok()
                && let Kept::Lost(error) = self.savepoint(&mut *job)
            {
                outcome = Err(error);
            }
            if self.answer_early && outcome.is_ok() {
                job.answer();
            } else {
                batch.push(job);
            }
            if outcome.is_ok() && batch.len() < BATCH && begun.elapsed() < self.gather {
                next = self.queue.try_recv().ok();
            }
        }
        if outcome.is_ok() {
            outcome = self.control("COMMIT");
        }
        match &outcome {
            Ok(()) => {
                self.counters.commits.fetch_add(1, Ordering::Relaxed);
                self.counters.writes.fetch_add(batch.len() as u64, Ordering::Relaxed);
            }
            Err(error) => {
                self.counters.failed.fetch_add(batch.len() as u64, Ordering::Relaxed);
                if !matches!(error, Error::Poisoned) {
                    tracing::error!(error = %chain(error), writes = batch.len(), "commit failed, nothing of it was kept");
                }
                if !self.tx.lite().idle() && self.control("ROLLBACK").is_err() {
                    self.poison();
                }
                batch.iter_mut().for_each(|job| job.fail(shared(error)));
            }
        }
        batch.drain(..).for_each(Job::answer);
    }

    fn savepoint(&mut self, job: &mut dyn Job) -> Kept {
        if let Err(error) = self.control("SAVEPOINT write") {
            return Kept::Lost(error);
        }
        let ran = catch_unwind(AssertUnwindSafe(|| job.run(&mut self.tx)));
        let keep = ran.unwrap_or_else(|_| {
            tracing::error!("a write panicked; its changes are undone");
            job.fail(Error::Panicked);
            false
        });
        let trouble = self.tx.lite().trouble();
        if trouble == Some(Trouble::Disk) {
            self.poison();
            return Kept::Lost(Error::Poisoned);
        }
        // Some failures, such as a full volume, make SQLite roll everything back on its own.
        if self.tx.lite().idle() {
            return Kept::Lost(match trouble {
                Some(Trouble::Full) => Error::OutOfSpace,
                _ => Error::Commit { reason: "the engine undid the transaction".to_owned() },
            });
        }
        let ended = if keep {
            self.control("RELEASE write")
        } else {
            self.control("ROLLBACK TO write").and_then(|()| self.control("RELEASE write"))
        };
        ended.map_or_else(Kept::Lost, |()| Kept::Open)
    }

    fn control(&mut self, text: &'static str) -> Result<(), Error> {
        let done = self.tx.lite().control(text);
        if self.tx.lite().trouble() == Some(Trouble::Disk) {
            self.poison();
        }
        done
    }

    fn poison(&mut self) {
        if !self.counters.poisoned.swap(true, Ordering::AcqRel) {
            tracing::error!(
                "the disk failed a write, so nothing more is written; check the volume, then restart"
            );
        }
    }
}

/// One failure for every closure of the batch.
fn shared(error: &Error) -> Error {
    match error {
        Error::OutOfSpace => Error::OutOfSpace,
        Error::Poisoned => Error::Poisoned,
        Error::Commit { reason } => Error::Commit { reason: reason.clone() },
        other => Error::Commit { reason: chain(other) },
    }
}

fn chain(error: &Error) -> String {
    use std::error::Error as _;
    error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Sql, params};
    use crate::tables::state;
    use crate::{Db, Options};

    const CHILD: Sql = Sql::new(
        "child",
        "CREATE TABLE child (parent INTEGER REFERENCES users (id) DEFERRABLE INITIALLY DEFERRED)",
    );
    const ORPHAN: Sql = Sql::new("orphan", "INSERT INTO child (parent) VALUES (-1)");

    #[tokio::test]
    async fn a_failed_commit_fails_every_write_of_its_batch_and_none_after_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let options = Options { gather: Duration::from_secs(60), ..Options::default() };
        let db = Db::open(folder.path(), options).expect("opens");
        db.write(async |tx| tx.exec(CHILD, params![]).await)
            .await
            .expect("a table whose rows are checked at COMMIT");

        let (go, gate) = std::sync::mpsc::channel::<()>();
        let plug = db.write(async move |tx| {
            gate.recv().expect("the gate opens");
            state::set(tx, "plug", b"1").await
        });
        let good = db.write(async |tx| state::set(tx, "good", b"1").await);
        let bad = db.write(async |tx| tx.exec(ORPHAN, params![]).await);
        let release = async move { go.send(()).expect("the writer waits") };
        let (plug, good, bad, ()) = futures::join!(plug, good, bad, release);

        for failed in [plug, good, bad.map(drop)] {
            assert!(matches!(failed, Err(Error::Commit { .. })), "{failed:?}");
        }
        let seen = db.read(async |c| state::get(c, "good").await).await.expect("reads");
        assert_eq!(seen, None, "nothing of the batch was kept");
        db.write(async |tx| state::set(tx, "later", b"1").await).await.expect("the next batch is committed");
        assert!(!db.stats().poisoned);
        assert_eq!(db.stats().failed, 3);
    }

    #[tokio::test]
    async fn after_a_failure_of_the_disk_nothing_is_written_any_more() {
        let folder = tempfile::tempdir().expect("a folder");
        let db = Db::open(folder.path(), Options::default()).expect("opens");
        db.write(async |tx| state::set(tx, "large", &vec![7; 4 << 20]).await).await.expect("writes");
        db.close().await.expect("closes, so all pages are in the file");
        drop(db);
        // The tables are whole; the pages of the large value are noise now.
        let file = folder.path().join("db/registry.sqlite");
        let mut bytes = std::fs::read(&file).expect("reads");
        bytes[2 << 20..].fill(0xFF);
        std::fs::write(&file, bytes).expect("writes");

        let db = Db::open(folder.path(), Options::default()).expect("opens: the beginning is whole");
        let broken = db.write(async |tx| state::set(tx, "large", b"small").await).await;
        assert!(matches!(broken, Err(Error::Poisoned)), "{broken:?}");
        assert!(db.stats().poisoned);
        let refused = db.write(async |tx| state::set(tx, "x", b"1").await).await;
        assert!(matches!(refused, Err(Error::Poisoned)), "{refused:?}");
        assert!(matches!(db.ping().await, Err(Error::Poisoned)));
        db.read(async |c| crate::tables::users::any_superuser(c).await).await.expect("reads go on");
    }

    #[tokio::test]
    async fn on_a_full_volume_what_is_answered_as_done_is_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let options = Options { gather: Duration::from_secs(60), ..Options::default() };
        let db = Db::open(folder.path(), options).expect("opens");
        let pages = db.write(async |tx| tx.lite().control("PRAGMA max_page_count = 150")).await;
        pages.expect("a volume of 150 pages");
        let (go, gate) = std::sync::mpsc::channel::<()>();
        let plug = db.write(async move |_| {
            gate.recv().expect("the gate opens");
            Ok::<(), Error>(())
        });
        let small = db.write(async |tx| state::set(tx, "small", b"1").await);
        let large = db.write(async |tx| state::set(tx, "large", &vec![7; 4 << 20]).await);
        let later = db.write(async |tx| state::set(tx, "later", b"1").await);
        let release = async move { go.send(()).expect("the writer waits") };
        let (_, small, large, later, ()) = futures::join!(plug, small, large, later, release);
        assert!(matches!(large, Err(Error::OutOfSpace)), "{large:?}");
        for (name, answer) in [("small", small), ("large", large), ("later", later)] {
            let seen = db.read(async |c| state::get(c, name).await).await.expect("reads");
            assert_eq!(seen.is_some(), answer.is_ok(), "{name}");
        }
        assert!(!db.stats().poisoned, "a full volume is no broken one");
        db.write(async |tx| state::set(tx, "small", b"2").await).await.expect("what fits is written");
    }
}
