//! Stars: repositories that somebody keeps at hand.

use crate::engine::{Conn, Tx, first, params, statements};
use crate::{Error, RepoId, UserId};

statements! {
    ADD = "INSERT INTO stars (user_id, repo_id, created_ms) VALUES ($1, $2, $3)
           ON CONFLICT (user_id, repo_id) DO NOTHING";
    REMOVE = "DELETE FROM stars WHERE user_id = $1 AND repo_id = $2";
    HAS = "SELECT EXISTS (SELECT 1 FROM stars s WHERE s.user_id = $1 AND s.repo_id = $2)";
    COUNT = "SELECT count(*) FROM stars WHERE user_id = $1";
}

/// Gives a star; false when it is there.
pub async fn add(tx: &mut Tx, user: UserId, repo: RepoId, now_ms: i64) -> Result<bool, Error> {
    tx.hit(ADD, params![user, repo, now_ms]).await
}

/// Takes a star.
pub async fn remove(tx: &mut Tx, user: UserId, repo: RepoId) -> Result<bool, Error> {
    tx.hit(REMOVE, params![user, repo]).await
}

/// Whether it is there.
pub async fn has(c: &mut Conn, user: UserId, repo: RepoId) -> Result<bool, Error> {
    c.one(HAS, params![user, repo], first).await
}

/// How many somebody has given.
pub async fn count(c: &mut Conn, user: UserId) -> Result<i64, Error> {
    c.one(COUNT, params![user], first).await
}
