//! Which uploads are being written to by this process: at most one request each.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use super::UploadId;

/// The uploads being written to.
#[derive(Debug, Default, Clone)]
pub(crate) struct Writers(Arc<Mutex<HashSet<UploadId>>>);

/// The right to write to one upload; given back when dropped, also by a request that is torn down.
#[derive(Debug)]
pub(crate) struct Claim {
    writers: Writers,
    id: UploadId,
}

impl Writers {
    /// Claims an upload; `None` while another request holds it.
    pub(crate) fn claim(&self, id: UploadId) -> Option<Claim> {
        let fresh = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
        fresh.then(|| Claim { writers: self.clone(), id })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.writers.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upload_has_one_writer_at_a_time() {
        let writers = Writers::default();
        let id = UploadId(uuid::Uuid::from_u128(1));
        let first = writers.claim(id);
        assert!(first.is_some());
        assert!(writers.claim(id).is_none());
        assert!(writers.claim(UploadId(uuid::Uuid::from_u128(2))).is_some());
        drop(first);
        assert!(writers.claim(id).is_some());
    }
}
