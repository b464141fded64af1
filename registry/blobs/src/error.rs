//! What can go wrong with stored bytes, by what a caller can do about it.

use std::io;

use crate::key::StorageKey;

/// An operation on stored bytes that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No bytes under this key.
    #[error("no bytes are stored under key {0}")]
    NotFound(StorageKey),
    /// There are bytes under this key already; keys are never used twice.
    #[error("storage key {0} is in use already")]
    Exists(StorageKey),
    /// Fewer bytes are stored than there should be.
    #[error("stored bytes are too short: key {key} has {have} of {want}; the content has to be pushed again")]
    Short {
        /// Key of the bytes.
        key: StorageKey,
        /// Bytes that are there.
        have: u64,
        /// Bytes that were expected.
        want: u64,
    },
    /// Another writer has taken over this upload.
    #[error("upload was taken over by another request: key {0}")]
    Superseded(StorageKey),
    /// The disk is full.
    #[error("no space left in the blob store; free some or enlarge the volume")]
    OutOfSpace,
    /// A sync failed earlier, so what the kernel says about later ones cannot be trusted.
    #[error("blob store refuses writes after a failed sync; check the disk and start the process again")]
    Poisoned,
    /// The process is ending.
    #[error("file operation was interrupted; try again")]
    Interrupted,
    /// Anything else the file system says.
    #[error("{action} failed in the blob store; check the disk and its permissions")]
    Io {
        /// What was tried.
        action: &'static str,
        /// What the file system said.
        source: io::Error,
    },
}

impl Error {
    /// Sorts what the file system says about a key.
    pub(crate) fn of(action: &'static str, key: &StorageKey, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::NotFound => Self::NotFound(key.clone()),
            io::ErrorKind::AlreadyExists => Self::Exists(key.clone()),
            _ => Self::io(action, source),
        }
    }

    pub(crate) fn io(action: &'static str, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                Self::OutOfSpace
            }
            _ => Self::Io { action, source },
        }
    }
}
