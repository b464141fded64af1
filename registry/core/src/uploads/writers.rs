//! Which uploads are being written to by this process: at most one request each, and not too many altogether.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::UploadId;
use crate::error::{Error, Result};

/// Uploads written to at once.
const MOST_WRITERS: usize = 512;
/// Uploads of files written to at once: each has up to two megabytes on their way to the disk.
const MOST_FILES: usize = 128;
/// How long an upload waits for one of those to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// The uploads being written to.
#[derive(Debug, Clone)]
pub(crate) struct Writers {
    open: Arc<Mutex<HashSet<UploadId>>>,
    files: Arc<Semaphore>,
}

/// The right to write to one upload; given back when dropped, also by a request that is torn down.
#[derive(Debug)]
pub(crate) struct Claim {
    writers: Writers,
    id: UploadId,
}

impl Writers {
    pub(crate) fn new() -> Self {
        Self { open: Arc::default(), files: Arc::new(Semaphore::new(MOST_FILES)) }
    }

    /// Claims an upload; `None` while another request holds it.
    pub(crate) fn claim(&self, id: UploadId) -> Result<Option<Claim>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= MOST_WRITERS && !open.contains(&id) {
            return Err(Error::Unavailable { retry_after: Duration::from_secs(1) });
        }
        Ok(open.insert(id).then(|| Claim { writers: self.clone(), id }))
    }

    /// Waits for the turn to write a file.
    pub(super) async fn file(&self) -> Result<OwnedSemaphorePermit> {
        let turn = tokio::time::timeout(PATIENCE, self.files.clone().acquire_owned());
        match turn.await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(Error::Unavailable { retry_after: Duration::from_secs(5) }),
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.writers.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> UploadId {
        UploadId(uuid::Uuid::from_u128(number as u128))
    }

    #[test]
    fn an_upload_has_one_writer_at_a_time() {
        let writers = Writers::new();
        let first = writers.claim(id(1)).unwrap();
        assert!(first.is_some());
        assert!(writers.claim(id(1)).unwrap().is_none());
        assert!(writers.claim(id(2)).unwrap().is_some());
        drop(first);
        assert!(writers.claim(id(1)).unwrap().is_some());
    }

    #[test]
    fn there_are_not_too_many_writers() {
        let writers = Writers::new();
        let mut all: Vec<_> = (0..MOST_WRITERS).map(|i| writers.claim(id(i)).unwrap().unwrap()).collect();
        assert!(matches!(writers.claim(id(MOST_WRITERS)), Err(Error::Unavailable { .. })));
        assert!(writers.claim(id(0)).unwrap().is_none(), "one that is held is told so");
        all.pop();
        assert!(writers.claim(id(MOST_WRITERS)).unwrap().is_some());
    }
}
