//! Room on the disk: uploads stop while a reserve is left, so that deletes, log-ins and housekeeping go on.
//!
//! Asked often, answered from a look at the file system that is a moment old, less what was promised since.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};

/// How long one look counts.
const LOOK: Duration = Duration::from_millis(200);

/// What uploads may still take.
pub(crate) struct Room {
    headroom: u64,
    seen: Mutex<Option<Seen>>,
}

struct Seen {
    at: Instant,
    free: u64,
}

impl Room {
    pub(crate) fn new(headroom: u64) -> Self {
        Self { headroom, seen: Mutex::new(None) }
    }

    /// Takes room for some bytes that are about to be written; `look` tells the free space.
    pub(crate) fn take(&self, bytes: u64, look: impl FnOnce() -> Result<u64>) -> Result<()> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let free = match &*seen {
            Some(seen) if seen.at.elapsed() < LOOK => seen.free,
            Some(_) | None => look()?,
        };
        let left = free.saturating_sub(bytes);
        let at =
            seen.as_ref().filter(|seen| seen.at.elapsed() < LOOK).map_or_else(Instant::now, |seen| seen.at);
        if left < self.headroom {
            *seen = Some(Seen { at, free });
            return Err(Error::OutOfSpace);
        }
        *seen = Some(Seen { at, free: left });
        Ok(())
    }

    /// Whether so little is free that uploads are refused.
    pub(crate) fn is_short(&self, free: u64) -> bool {
        free < self.headroom
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_promised_counts_as_taken() {
        let room = Room::new(100);
        assert!(room.take(60, || Ok(200)).is_ok());
        // The disk does not show it yet.
        assert!(matches!(room.take(60, || Ok(200)), Err(Error::OutOfSpace)));
        assert!(room.take(40, || Ok(200)).is_ok());
        assert!(room.is_short(99) && !room.is_short(100));
    }
}
