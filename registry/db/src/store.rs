//! `Db`: opens the store, lends readers, queues writes, closes in order.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

use crate::engine::{Mode, Setup, ready};
use crate::folder::{self, Hold};
use crate::readers::Readers;
use crate::writer::{self, Counters, Job, Writer};
use crate::{Conn, Error, Tx, migrate, tables};

const DATABASE_FOLDER: &str = "db";
const DATABASE_FILE: &str = "registry.sqlite";
/// Connections for long scans, apart from those of point reads.
const SCANNERS: usize = 2;

/// Whether a COMMIT waits for the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// What is answered survives a power loss.
    Full,
    /// Nothing is synced: for the control of a test. What is shipped has no such thing.
    #[cfg(debug_assertions)]
    Off,
}

/// How to open a store.
#[derive(Clone, Debug)]
pub struct Options {
    /// Reading connections: as many as threads that read at once.
    pub readers: usize,
    /// Writes that may wait; more are refused with [`Error::Busy`].
    pub queue: usize,
    /// Whether a COMMIT waits for the disk.
    pub durability: Durability,
    /// How long one COMMIT may gather closures, so that the first is not kept waiting.
    pub gather: Duration,
    /// Answers before the COMMIT: for the control of a test. What is shipped never does.
    pub answer_early: bool,
}

impl Default for Options {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Options {
            readers: cores.clamp(2, 32),
            queue: 4096,
            durability: Durability::Full,
            gather: Duration::from_millis(10),
            answer_early: false,
        }
    }
}

/// What the store has done so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stats {
    /// Shared COMMITs.
    pub commits: u64,
    /// Writes answered after one of them.
    pub writes: u64,
    /// Writes lost with a failed COMMIT.
    pub failed: u64,
    /// Writes waiting now.
    pub queue_depth: usize,
    /// Whether writing has ended because the disk failed.
    pub poisoned: bool,
}

/// The store of rows. Clones share it; the last one closes it.
#[derive(Clone)]
pub struct Db {
    inner: Arc<Inner>,
}

struct Inner {
    file: PathBuf,
    options: Options,
    readers: Readers,
    scanners: Readers,
    queue: Mutex<Option<mpsc::Sender<Box<dyn Job>>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    counters: Arc<Counters>,
    // Last: the folder is free only when every connection is closed.
    hold: Mutex<Option<Hold>>,
}

impl Db {
    /// Opens the store in a data folder, making or upgrading it, and holds the folder until closed. Blocks.
    pub fn open(data: &Path, options: Options) -> Result<Db, Error> {
        let hold = folder::hold(data)?;
        let folder = folder::make(data, DATABASE_FOLDER)?;
        // SQLite gives its other files the mode of this one.
        folder::own_file(&folder, DATABASE_FILE)?;
        let file = folder.join(DATABASE_FILE);
        let setup = Setup { file: &file, durability: options.durability };
        let mut conn = Conn::open(&setup, Mode::Write)?;
        let done = migrate::run(conn.lite().connection(), migrate::ALL, &folder, now_ms())?;
        if done.from != done.to {
            tracing::info!(
                schema.from = done.from,
                schema.to = done.to,
                snapshot = done.snapshot.as_ref().map(|path| path.display().to_string()),
                "database schema is up to date"
            );
        }
        let readers = Readers::open(&setup, options.readers.max(1))?;
        let scanners = Readers::open(&setup, SCANNERS)?;
        let counters = Arc::new(Counters::default());
        let (sender, receiver) = mpsc::channel(options.queue.max(1));
        let writer = Writer {
            tx: Tx::new(conn),
            queue: receiver,
            counters: counters.clone(),
            gather: options.gather,
            answer_early: cfg!(debug_assertions) && options.answer_early,
        };
        let thread = std::thread::Builder::new()
            .name("db-writer".to_owned())
            .spawn(move || writer.work())
            .map_err(Error::io("start writer", &file))?;
        Ok(Db {
            inner: Arc::new(Inner {
                file,
                options,
                readers,
                scanners,
                queue: Mutex::new(Some(sender)),
                thread: Mutex::new(Some(thread)),
                counters,
                hold: Mutex::new(Some(hold)),
            }),
        })
    }

    /// Reads inline. Each statement sees the newest commit.
    pub async fn read<T, E, F>(&self, closure: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&mut Conn) -> Result<T, E>,
        E: From<Error>,
    {
        let mut loan = self.inner.readers.take().await?;
        ready(closure(loan.conn()))?
    }

    /// Reads inline; all statements see one commit. Keep it short: checkpoints wait for it.
    pub async fn snapshot<T, E, F>(&self, closure: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&mut Conn) -> Result<T, E>,
        E: From<Error>,
    {
        let mut loan = self.inner.readers.take().await?;
        loan.conn().lite().control("BEGIN")?;
        let result = ready(closure(loan.conn()))?;
        loan.conn().lite().control("COMMIT")?;
        result
    }

    /// Reads on the blocking pool: for scans that may leave the page cache.
    pub async fn scan<T, E, F>(&self, closure: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&mut Conn) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let mut loan = self.inner.scanners.take().await?;
        let task = tokio::task::spawn_blocking(move || ready(closure(loan.conn())));
        task.await.map_err(|e| if e.is_panic() { Error::Panicked } else { Error::Closed })??
    }

    /// Runs a closure in a savepoint of a shared COMMIT and answers after it. An error undoes this closure only.
    pub async fn write<T, E, F>(&self, closure: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&mut Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        self.inner.enqueue(writer::job(closure, reply))?;
        answer.await.unwrap_or_else(|_| Err(Error::Closed.into()))
    }

    /// Whether reads work and writes can be kept.
    pub async fn ping(&self) -> Result<(), Error> {
        if self.stats().poisoned {
            return Err(Error::Poisoned);
        }
        self.read(async |c| tables::state::get(c, "ping").await.map(|_| ())).await
    }

    /// What was done so far.
    pub fn stats(&self) -> Stats {
        let counters = &self.inner.counters;
        let queue = self.inner.queue.lock().unwrap_or_else(PoisonError::into_inner);
        Stats {
            commits: counters.commits.load(Ordering::Relaxed),
            writes: counters.writes.load(Ordering::Relaxed),
            failed: counters.failed.load(Ordering::Relaxed),
            queue_depth: queue.as_ref().map_or(0, |q| q.max_capacity() - q.capacity()),
            poisoned: counters.poisoned.load(Ordering::Acquire),
        }
    }

    /// Gives up to `pages` free pages back to the volume.
    pub async fn reclaim(&self, pages: u32) -> Result<(), Error> {
        // A savepoint cannot hold it, yet it is a change: one small step per call, inside the shared transaction.
        self.write(async move |tx| {
            (0..pages).try_for_each(|_| tx.lite().control("PRAGMA incremental_vacuum(1)"))
        })
        .await
    }

    /// Copies the database as it is now, while serving. The file must not exist.
    pub async fn backup(&self, to: &Path) -> Result<(), Error> {
        let setup = (self.inner.file.clone(), self.inner.options.durability, to.to_owned());
        let task = tokio::task::spawn_blocking(move || {
            let (file, durability, to) = setup;
            let mut conn = Conn::open(&Setup { file: &file, durability }, Mode::Write)?;
            migrate::copy(conn.lite().connection(), &to)
        });
        task.await.map_err(|_| Error::Panicked)?
    }

    /// Takes no more work, does what is queued, empties the log and frees the folder. Later calls get
    /// [`Error::Closed`].
    pub async fn close(&self) -> Result<(), Error> {
        let inner = self.inner.clone();
        inner.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
        inner.readers.close(inner.options.readers.max(1)).await;
        inner.scanners.close(SCANNERS).await;
        tokio::task::spawn_blocking(move || inner.finish()).await.map_err(|_| Error::Panicked)
    }
}

impl Inner {
    fn enqueue(&self, job: Box<dyn Job>) -> Result<(), Error> {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(queue) = queue.as_ref() else { return Err(Error::Closed) };
        queue.try_send(job).map_err(|e| match e {
            TrySendError::Full(_) => Error::Busy,
            TrySendError::Closed(_) => Error::Closed,
        })
    }

    /// Waits for the writer to work off its queue, then lets go of the folder.
    fn finish(&self) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        // A closure may own the last clone; the writer cannot wait for itself.
        if let Some(thread) = thread
            && thread.thread().id() != std::thread::current().id()
            && thread.join().is_err()
        {
            tracing::error!("the writer ended in a panic");
        }
        self.hold.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.finish();
    }
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
