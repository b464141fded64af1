//! Browser sessions, found by the hash of their id: who reads the database cannot use them.

use crate::engine::{Conn, Row, Tx, params, statements};
use crate::{Error, UserId};

/// A session.
#[derive(Clone, PartialEq, Eq)]
pub struct Session {
    /// Who signed in.
    pub user: UserId,
    /// What forms must bring.
    pub csrf: Vec<u8>,
    /// The user's credential generation at sign-in: a newer one ends the session.
    pub generation: i64,
    /// When it began.
    pub created_ms: i64,
    /// When it ends.
    pub expires_ms: i64,
    /// When it was last used.
    pub seen_ms: i64,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("user", &self.user).finish_non_exhaustive()
    }
}

statements! {
    INSERT = "INSERT INTO sessions (id_hash, user_id, csrf, generation, created_ms, expires_ms, seen_ms)
              VALUES ($1, $2, $3, $4, $5, $6, $7)";
    GET = "SELECT user_id, csrf, generation, created_ms, expires_ms, seen_ms
           FROM sessions WHERE id_hash = $1 AND expires_ms > $2";
    DELETE = "DELETE FROM sessions WHERE id_hash = $1";
    DELETE_OF_USER = "DELETE FROM sessions WHERE user_id = $1";
    EXTEND = "UPDATE sessions SET seen_ms = $2, expires_ms = $3 WHERE id_hash = $1";
    DELETE_EXPIRED = "DELETE FROM sessions WHERE expires_ms <= $1";
}

fn session(row: &Row<'_>) -> Result<Session, Error> {
    Ok(Session {
        user: row.get(0)?,
        csrf: row.get(1)?,
        generation: row.get(2)?,
        created_ms: row.get(3)?,
        expires_ms: row.get(4)?,
        seen_ms: row.get(5)?,
    })
}

/// Begins a session.
pub async fn insert(tx: &mut Tx, id_hash: &[u8; 32], session: &Session) -> Result<(), Error> {
    let Session { user, csrf, generation, created_ms, expires_ms, seen_ms } = session;
    tx.exec(INSERT, params![id_hash, *user, csrf, *generation, *created_ms, *expires_ms, *seen_ms])
        .await
        .map(drop)
}

/// The session of an id, unless it ended.
pub async fn get(c: &mut Conn, id_hash: &[u8; 32], now_ms: i64) -> Result<Option<Session>, Error> {
    c.opt(GET, params![id_hash, now_ms], session).await
}

/// Ends a session.
pub async fn delete(tx: &mut Tx, id_hash: &[u8; 32]) -> Result<bool, Error> {
    tx.hit(DELETE, params![id_hash]).await
}

/// Ends all sessions of a user.
pub async fn delete_of_user(tx: &mut Tx, user: UserId) -> Result<u64, Error> {
    tx.exec(DELETE_OF_USER, params![user]).await
}

/// Notes use and moves the end.
pub async fn extend(tx: &mut Tx, id_hash: &[u8; 32], now_ms: i64, expires_ms: i64) -> Result<bool, Error> {
    tx.hit(EXTEND, params![id_hash, now_ms, expires_ms]).await
}

/// Removes sessions that ended.
pub async fn delete_expired(tx: &mut Tx, now_ms: i64) -> Result<u64, Error> {
    tx.exec(DELETE_EXPIRED, params![now_ms]).await
}
