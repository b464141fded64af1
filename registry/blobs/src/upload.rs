//! `Writer`: bytes of an upload on their way to the disk.
//!
//! Bytes are gathered to about a megabyte; while one such batch is being written the next is gathered. A request can be
//! dropped at any moment, leaving a batch in flight, and the next request of the same upload may then already be
//! waiting. All work on a file is therefore done in the turn of its key, opening it included, and a batch asks first
//! whether its writer is still the one that may write.

use std::{
    fs::File,
    io::{self, IoSlice},
    sync::Arc,
};

use bytes::Bytes;
use tokio::task::JoinHandle;

use crate::{
    disk::{Disk, Turn},
    error::Error,
    in_turn, joined,
    key::StorageKey,
};

/// Bytes that are gathered before they are written.
const BATCH: usize = 1024 * 1024;

/// The one that may add bytes to an upload. Dropping it keeps what has been written and loses what was only gathered.
#[derive(Debug)]
pub struct Writer {
    disk: Arc<Disk>,
    key: StorageKey,
    file: Arc<File>,
    turn: Arc<Turn>,
    /// The number under which this writer may write.
    number: u64,
    /// Where the gathered bytes begin.
    written: u64,
    gathered: Vec<Bytes>,
    gathered_bytes: usize,
    in_flight: Option<JoinHandle<Result<(), Error>>>,
    /// After a failed batch the file's content past `written` is unknown.
    failed: bool,
}

impl Writer {
    pub(crate) async fn begin(disk: Arc<Disk>, key: StorageKey) -> Result<Self, Error> {
        let turn = disk.turn(&key);
        in_turn(Arc::clone(&turn), move |number| {
            let file = disk.create_upload(&key)?;
            *number += 1;
            Ok(Self::new(disk, key, file, turn, *number, 0))
        })
        .await
    }

    pub(crate) async fn resume(disk: Arc<Disk>, key: StorageKey, offset: u64) -> Result<Self, Error> {
        let turn = disk.turn(&key);
        in_turn(Arc::clone(&turn), move |number| {
            let file = disk.open_upload(&key)?;
            // No batch of an older writer gets past this.
            *number += 1;
            let size = file.metadata().map_err(|source| Error::io("opening an upload", source))?.len();
            if size < offset {
                return Err(Error::Short { key, have: size, want: offset });
            }
            if size > offset {
                file.set_len(offset).map_err(|source| Error::io("shortening an upload", source))?;
            }
            Ok(Self::new(disk, key, file, turn, *number, offset))
        })
        .await
    }

    fn new(disk: Arc<Disk>, key: StorageKey, file: File, turn: Arc<Turn>, number: u64, written: u64) -> Self {
        let file = Arc::new(file);
        let (gathered, gathered_bytes, in_flight, failed) = (Vec::new(), 0, None, false);
        Self { disk, key, file, turn, number, written, gathered, gathered_bytes, in_flight, failed }
    }

    /// The key of the upload.
    pub fn key(&self) -> &StorageKey {
        &self.key
    }

    /// How many bytes the upload has, those included that are not on the disk yet.
    pub fn offset(&self) -> u64 {
        self.written + self.gathered_bytes as u64
    }

    /// Adds bytes.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), Error> {
        if self.failed {
            return Err(Error::Interrupted);
        }
        if !bytes.is_empty() {
            self.gathered_bytes += bytes.len();
            self.gathered.push(bytes);
        }
        if self.gathered_bytes >= BATCH { self.send().await } else { Ok(()) }
    }

    /// Hands everything to the file system, so that [`crate::Blobs::resume`] finds it while the machine runs.
    pub async fn flush(&mut self) -> Result<(), Error> {
        if self.failed {
            return Err(Error::Interrupted);
        }
        if self.gathered_bytes > 0 {
            self.send().await?;
        }
        self.land().await
    }

    /// Puts everything on the disk, so that it survives a power loss.
    pub async fn sync(&mut self) -> Result<(), Error> {
        self.flush().await?;
        let (disk, key, file) = (Arc::clone(&self.disk), self.key.clone(), Arc::clone(&self.file));
        let number = self.number;
        let synced = in_turn(Arc::clone(&self.turn), move |current| {
            disk.refuse_if_poisoned()?;
            if *current != number {
                return Err(Error::Superseded(key));
            }
            disk.sync_file(&key, &file)
        })
        .await;
        self.failed |= synced.is_err();
        synced
    }

    /// Waits for the batch in flight and sends the gathered one after it.
    async fn send(&mut self) -> Result<(), Error> {
        self.land().await?;
        // Nothing has been taken from `self` yet, so a request dropped while it waits leaves it whole.
        let current = Arc::clone(&self.turn).lock_owned().await;
        let batch = std::mem::take(&mut self.gathered);
        let at = self.written;
        self.written += std::mem::take(&mut self.gathered_bytes) as u64;
        let (disk, key, file) = (Arc::clone(&self.disk), self.key.clone(), Arc::clone(&self.file));
        let number = self.number;
        self.in_flight = Some(tokio::task::spawn_blocking(move || {
            disk.refuse_if_poisoned()?;
            if *current != number {
                return Err(Error::Superseded(key));
            }
            write_all(&file, &batch, at).map_err(|source| Error::io("writing an upload", source))
        }));
        Ok(())
    }

    async fn land(&mut self) -> Result<(), Error> {
        let Some(in_flight) = &mut self.in_flight else { return Ok(()) };
        // Dropped here, the handle is still in place and is waited for by whoever calls next.
        let result = joined(in_flight.await);
        self.in_flight = None;
        self.failed |= result.is_err();
        result
    }
}

fn write_all(file: &File, batch: &[Bytes], mut at: u64) -> io::Result<()> {
    /// What one system call takes at most.
    const SLICES: usize = 1024;
    for part in batch.chunks(SLICES) {
        let mut slices: Vec<_> = part.iter().map(|bytes| IoSlice::new(bytes)).collect();
        let mut slices = slices.as_mut_slice();
        while !slices.is_empty() {
            match rustix::io::pwritev(file, slices, at) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => {
                    at += count as u64;
                    IoSlice::advance_slices(&mut slices, count);
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(())
}
