//! Bytes of blobs under storage keys.
//!
//! Owns where the bytes lie and when they are safe; knows nothing of digests, repositories, permissions or rows. Every
//! physical copy has its own [`StorageKey`], which is never used again, so nothing here is ever overwritten.
//!
//! ```text
//!   begin(key) ─► Writer.write… ─► sync ─► seal(key) ═══► read(key, range) … ─► delete(key)
//!      ▲                             │        fsync, rename, fsync of the folder: from here on power loss takes nothing
//!      └── resume(key, offset) ◄─────┘
//! ```

mod disk;
mod error;
mod key;
mod read;
mod upload;

use std::{ops::Range, path::Path, sync::Arc};

use disk::{Disk, Turn};
pub use disk::{Entry, Place};
pub use error::Error;
pub use key::{InvalidKey, StorageKey};
pub use read::BlobStream;
pub use upload::Writer;

/// Whether what is acknowledged survives a power loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Everything is synced before it is acknowledged.
    Full,
    /// Nothing is: for tests, which show by it that they would notice. What is shipped has no such thing.
    #[cfg(debug_assertions)]
    Off,
}

/// The store of blobs; cheap to clone.
#[derive(Clone, Debug)]
pub struct Blobs(Engine);

#[derive(Clone, Debug)]
enum Engine {
    Disk(Arc<Disk>),
}

impl Blobs {
    /// Opens the store in a folder, which gets the sub-folders `uploads` and `blobs`.
    ///
    /// Blocks for a moment; meant for the start of the process.
    pub fn disk(root: &Path, durability: Durability) -> Result<Self, Error> {
        Ok(Self(Engine::Disk(Arc::new(Disk::open(root, durability)?))))
    }

    /// Starts an upload under a new key.
    ///
    /// What an interrupted request may have sealed under the key stays as it is, and is replaced when this is sealed.
    pub async fn begin(&self, key: &StorageKey) -> Result<Writer, Error> {
        let Engine::Disk(disk) = &self.0;
        Writer::begin(Arc::clone(disk), key.clone()).await
    }

    /// Goes on with an upload of which `offset` bytes count; whatever lies past them is cut off.
    ///
    /// An older writer of the same upload, if there is one, cannot write any more from here on. What is sealed, or is
    /// being sealed, cannot be gone on with: the answer is [`Error::NotFound`].
    pub async fn resume(&self, key: &StorageKey, offset: u64) -> Result<Writer, Error> {
        let Engine::Disk(disk) = &self.0;
        Writer::resume(Arc::clone(disk), key.clone(), offset).await
    }

    /// Makes a finished upload a blob, which is safe when this returns; its size is the answer.
    ///
    /// A key that is sealed already stays so: the answer is the same again.
    pub async fn seal(&self, key: &StorageKey) -> Result<u64, Error> {
        let Engine::Disk(disk) = &self.0;
        let (disk, key) = (Arc::clone(disk), key.clone());
        in_turn(disk.turn(&key), move |number| disk.seal(&key, number)).await
    }

    /// Opens a blob and streams a part of it. The file stays readable to the stream's end even if it is deleted.
    pub async fn read(&self, key: &StorageKey, range: Range<u64>) -> Result<BlobStream, Error> {
        let Engine::Disk(disk) = &self.0;
        BlobStream::open(Arc::clone(disk), key.clone(), range).await
    }

    /// Removes a blob or an upload; the answer is whether there was one.
    ///
    /// The removal may be undone by a power loss, so a row is only removed after it, and the scrub looks for strays.
    pub async fn delete(&self, key: &StorageKey) -> Result<bool, Error> {
        let Engine::Disk(disk) = &self.0;
        let (disk, key) = (Arc::clone(disk), key.clone());
        in_turn(disk.turn(&key), move |number| disk.delete(&key, number)).await
    }

    /// The size of a blob as it lies there, by which a caller that knows what it should be finds a damaged copy.
    pub async fn size(&self, key: &StorageKey) -> Result<u64, Error> {
        let Engine::Disk(disk) = &self.0;
        let (disk, key) = (Arc::clone(disk), key.clone());
        blocking(move || disk.size(&key)).await
    }

    /// Bytes that can still be stored.
    pub fn free_space(&self) -> Result<u64, Error> {
        let Engine::Disk(disk) = &self.0;
        disk.free_space()
    }

    /// Every key there is, blobs and uploads, in no order; blocks while it is walked.
    pub fn keys(&self) -> impl Iterator<Item = Result<Entry, Error>> + Send + use<> {
        let Engine::Disk(disk) = &self.0;
        disk.keys()
    }

    /// Whether the store has refused to write since an fsync failed; only a new process clears it.
    pub fn is_poisoned(&self) -> bool {
        let Engine::Disk(disk) = &self.0;
        disk.is_poisoned()
    }
}

/// Runs file work where it may block.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    joined(tokio::task::spawn_blocking(work).await)
}

/// Runs work on the files of a key while nobody else works on them.
async fn in_turn<T: Send + 'static>(
    turn: Arc<Turn>,
    work: impl FnOnce(&mut u64) -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let mut turn = turn.lock_owned().await;
    blocking(move || work(&mut turn)).await
}

fn joined<T>(result: Result<Result<T, Error>, tokio::task::JoinError>) -> Result<T, Error> {
    result.unwrap_or_else(|_| Err(Error::Interrupted))
}

#[cfg(test)]
mod tests;
