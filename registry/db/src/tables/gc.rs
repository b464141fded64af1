//! The queue of what garbage collection shall look at. An entry is a hint: the collector decides from edges.

use crate::Error;
use crate::engine::{Conn, Tx, coded, first, params, statements};

coded! {
    /// What kind of row may be garbage.
    pub enum Candidate {
        /// A physical copy of a blob.
        Blob = 0,
        /// A manifest.
        Manifest = 1,
        /// A deleted repository.
        Repo = 2,
        /// A deleted user or organization.
        Namespace = 3,
        /// An ended lifetime of a tag.
        Tag = 4,
    }
}

statements! {
    ENQUEUE = "INSERT INTO gc_candidates (kind, target_id, due_ms) VALUES ($1, $2, $3)
               ON CONFLICT (kind, target_id) DO UPDATE SET due_ms = excluded.due_ms";
    DUE = "SELECT target_id FROM gc_candidates WHERE kind = $1 AND due_ms <= $2 ORDER BY due_ms LIMIT $3";
    DEQUEUE = "DELETE FROM gc_candidates WHERE kind = $1 AND target_id = $2";
}

/// Asks for a look at a row from `due_ms` on; a later call moves the time.
pub async fn enqueue(tx: &mut Tx, kind: Candidate, id: i64, due_ms: i64) -> Result<(), Error> {
    tx.exec(ENQUEUE, params![kind, id, due_ms]).await.map(drop)
}

/// Rows whose time has come, longest waiting first.
pub async fn due(c: &mut Conn, kind: Candidate, now_ms: i64, limit: u32) -> Result<Vec<i64>, Error> {
    c.all(DUE, params![kind, now_ms, limit], first).await
}

/// Takes a row off the queue.
pub async fn dequeue(tx: &mut Tx, kind: Candidate, id: i64) -> Result<bool, Error> {
    tx.hit(DEQUEUE, params![kind, id]).await
}
