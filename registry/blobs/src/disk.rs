//! The disk engine: folders, sealing, deleting, listing.
//!
//! `uploads/KEY` grows while bytes arrive; `blobs/xx/KEY` never changes. The rename from one to the other, between two
//! syncs, is the moment at which bytes become safe. After a sync has failed the kernel may have dropped the pages and
//! report the next sync as good, so the store then refuses to write until a new process has looked at the disk again.

use std::{
    collections::HashMap,
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
};

#[cfg(test)]
use crate::tests::Gate;
use crate::{Durability, error::Error, key::StorageKey};

/// Where the bytes of a key are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Still growing, or left over.
    Upload,
    /// Sealed.
    Blob,
}

/// A key found by walking the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: StorageKey,
    /// Where it was found.
    pub place: Place,
    /// Its bytes.
    pub size: u64,
}

/// Held by whoever works on the files of a key; inside is the number of the writer that may write, the last one begun.
///
/// It is taken before the work is handed to the blocking pool and travels with it: a request dropped while it waits
/// never acts, and work that outlives its request is over before the next request looks at the files.
pub(crate) type Turn = tokio::sync::Mutex<u64>;

pub(crate) struct Disk {
    uploads: PathBuf,
    blobs: PathBuf,
    durability: Durability,
    poisoned: AtomicBool,
    turns: Mutex<HashMap<StorageKey, Weak<Turn>>>,
    #[cfg(test)]
    pub(crate) fail_next_sync: Mutex<Option<io::ErrorKind>>,
    #[cfg(test)]
    pub(crate) pause_next_sync: Mutex<Option<Gate>>,
}

impl std::fmt::Debug for Disk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Disk")
            .field("blobs", &self.blobs)
            .field("durability", &self.durability)
            .finish_non_exhaustive()
    }
}

/// The data may be taken over by another user id of the same group, as OpenShift hands them out.
const GROUP_ALL: u32 = 0o070;
const GROUP_READ_WRITE: u32 = 0o060;

impl Disk {
    pub(crate) fn open(root: &Path, durability: Durability) -> Result<Self, Error> {
        let disk = Self {
            uploads: root.join("uploads"),
            blobs: root.join("blobs"),
            durability,
            poisoned: AtomicBool::new(false),
            turns: Mutex::default(),
            #[cfg(test)]
            fail_next_sync: Mutex::default(),
            #[cfg(test)]
            pause_next_sync: Mutex::default(),
        };
        let made = |action| move |source| Error::io(action, source);
        make_folder(&disk.uploads).map_err(made("making the folder `uploads`"))?;
        make_folder(&disk.blobs).map_err(made("making the folder `blobs`"))?;
        // All shelves exist from the start, so that sealing never has to make and sync one.
        for shelf in 0..=u8::MAX {
            make_folder(&disk.blobs.join(format!("{shelf:02x}")))
                .map_err(made("making a folder in `blobs`"))?;
        }
        disk.sync_folder(&disk.blobs)?;
        disk.sync_folder(root)?;
        Ok(disk)
    }

    pub(crate) fn upload_path(&self, key: &StorageKey) -> PathBuf {
        self.uploads.join(key.as_str())
    }

    pub(crate) fn blob_path(&self, key: &StorageKey) -> PathBuf {
        self.blobs.join(key.shelf()).join(key.as_str())
    }

    pub(crate) fn is_poisoned(&self) -> bool {
        self.poisoned.load(Ordering::Acquire)
    }

    pub(crate) fn refuse_if_poisoned(&self) -> Result<(), Error> {
        if self.is_poisoned() { Err(Error::Poisoned) } else { Ok(()) }
    }

    pub(crate) fn create_upload(&self, key: &StorageKey) -> Result<File, Error> {
        self.refuse_if_poisoned()?;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o660)
            .open(self.upload_path(key))
            .map_err(|source| Error::of("starting an upload", key, source))?;
        allow_group(&file, GROUP_READ_WRITE).map_err(|source| Error::io("starting an upload", source))?;
        Ok(file)
    }

    pub(crate) fn open_upload(&self, key: &StorageKey) -> Result<File, Error> {
        self.refuse_if_poisoned()?;
        let opened = OpenOptions::new().read(true).write(true).open(self.upload_path(key));
        opened.map_err(|source| Error::of("opening an upload", key, source))
    }

    /// The turn of a key, shared by everyone who works on its files.
    pub(crate) fn turn(&self, key: &StorageKey) -> Arc<Turn> {
        let mut turns = hold(&self.turns);
        if let Some(turn) = turns.get(key).and_then(Weak::upgrade) {
            return turn;
        }
        // Entries that nobody shares any more are swept as the table grows, which keeps it as small as their number.
        if turns.len() == turns.capacity() {
            turns.retain(|_, turn| turn.strong_count() > 0);
        }
        let turn = Arc::new(Turn::default());
        turns.insert(key.clone(), Arc::downgrade(&turn));
        turn
    }

    pub(crate) fn seal(&self, key: &StorageKey, number: &mut u64) -> Result<u64, Error> {
        let file = match self.open_upload(key) {
            // Sealed already by a caller that was interrupted; in its turn the bytes were synced and writers shut out.
            Err(Error::NotFound(_)) => {
                let size = self.size(key)?;
                self.sync_folder(&self.blobs.join(key.shelf()))?;
                return Ok(size);
            }
            other => other?,
        };
        // Writers of now may not write in any later turn.
        *number += 1;
        self.sync_file(key, &file)?;
        let size = file.metadata().map_err(|source| Error::io("sealing a blob", source))?.len();
        fs::rename(self.upload_path(key), self.blob_path(key))
            .map_err(|source| Error::of("sealing a blob", key, source))?;
        self.sync_folder(&self.blobs.join(key.shelf()))?;
        Ok(size)
    }

    pub(crate) fn delete(&self, key: &StorageKey, number: &mut u64) -> Result<bool, Error> {
        // A writer left over would sync a file without a name and take it for safe.
        *number += 1;
        let mut found = false;
        for path in [self.blob_path(key), self.upload_path(key)] {
            match fs::remove_file(path) {
                Ok(()) => found = true,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => return Err(Error::io("deleting a blob", source)),
            }
        }
        Ok(found)
    }

    pub(crate) fn size(&self, key: &StorageKey) -> Result<u64, Error> {
        let metadata = fs::metadata(self.blob_path(key));
        Ok(metadata.map_err(|source| Error::of("looking at a blob", key, source))?.len())
    }

    pub(crate) fn free_space(&self) -> Result<u64, Error> {
        let stat = rustix::fs::statvfs(&self.blobs)
            .map_err(|error| Error::io("asking for free space", error.into()))?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = Result<Entry, Error>> + Send + use<> {
        let shelves = (0..=u8::MAX).map(|shelf| format!("{shelf:02x}"));
        let blobs = self.blobs.clone();
        std::iter::once((self.uploads.clone(), Place::Upload))
            .chain(shelves.map(move |shelf| (blobs.join(shelf), Place::Blob)))
            .flat_map(|(folder, place)| {
                let (entries, failure) = match fs::read_dir(folder) {
                    Ok(entries) => (Some(entries), None),
                    Err(source) => (None, Some(Err(Error::io("listing blobs", source)))),
                };
                entries
                    .into_iter()
                    .flatten()
                    .filter_map(move |entry| found(entry, place).transpose())
                    .chain(failure)
            })
    }

    /// Syncs the bytes of an upload; a failure either spoils this upload (no space) or the whole store.
    pub(crate) fn sync_file(&self, key: &StorageKey, file: &File) -> Result<(), Error> {
        let Err(error) = self.sync(file) else { return Ok(()) };
        let error = Error::io("syncing a blob", error);
        if matches!(error, Error::OutOfSpace) {
            // The kernel has dropped the pages it found no room for and would call the next sync good.
            let _ = fs::remove_file(self.upload_path(key));
            return Err(error);
        }
        Err(self.poison(error))
    }

    fn sync_folder(&self, folder: &Path) -> Result<(), Error> {
        let opened = File::open(folder).map_err(|source| Error::io("opening a folder", source))?;
        self.sync(&opened).map_err(|source| self.poison(Error::io("syncing a folder", source)))
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        #[cfg(test)]
        {
            let gate = hold(&self.pause_next_sync).take();
            if let Some(gate) = gate {
                gate.pass();
            }
        }
        #[cfg(test)]
        if let Some(kind) = hold(&self.fail_next_sync).take() {
            return Err(kind.into());
        }
        match self.durability {
            Durability::Full => file.sync_all(),
            #[cfg(debug_assertions)]
            Durability::Off => Ok(()),
        }
    }

    fn poison(&self, error: Error) -> Error {
        self.poisoned.store(true, Ordering::Release);
        tracing::error!(
            error = %error,
            error.source = ?std::error::Error::source(&error).map(ToString::to_string),
            "blob store refuses writes from now on: a sync failed; check the disk and start the process again"
        );
        error
    }
}

fn found(entry: io::Result<fs::DirEntry>, place: Place) -> Result<Option<Entry>, Error> {
    let failed = |source| Error::io("listing blobs", source);
    let entry = entry.map_err(failed)?;
    // What bears no key was not put here by us, and is left alone.
    let Some(key) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { return Ok(None) };
    match entry.metadata() {
        Ok(metadata) => Ok(Some(Entry { key, place, size: metadata.len() })),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(failed(source)),
    }
}

fn make_folder(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o770).create(path) {
        Ok(()) => allow_group(&File::open(path)?, GROUP_ALL),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
}

/// Adds rights of the group that the umask took away, and leaves every other bit as it is.
fn allow_group(file: &File, bits: u32) -> io::Result<()> {
    let mode = file.metadata()?.mode();
    if mode & bits == bits {
        Ok(())
    } else {
        file.set_permissions(fs::Permissions::from_mode((mode & 0o7777) | bits))
    }
}

/// A lock whose holder panicked still guards nothing that could be half changed.
pub(crate) fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
