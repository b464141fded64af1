//! Keys that sign tokens: published before use, kept for verification after it.

use crate::Error;
use crate::engine::{Conn, Row, Tx, coded, params, statements};

coded! {
    /// Where a key is in its life.
    pub enum KeyState {
        /// Known to verifiers, not signing yet.
        Publish = 0,
        /// Signing.
        Use = 1,
        /// Verifying only.
        Retire = 2,
    }
}

/// A key pair; the private half is encrypted by the caller.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey {
    /// Key id, as in the token's header.
    pub kid: String,
    /// Signature algorithm.
    pub algorithm: String,
    /// Public half.
    pub public: Vec<u8>,
    /// Private half, encrypted.
    pub sealed_private: Vec<u8>,
    /// Where it is in its life.
    pub state: KeyState,
    /// When it was made.
    pub created_ms: i64,
    /// When it stops verifying.
    pub expires_ms: i64,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey")
            .field("kid", &self.kid)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

statements! {
    INSERT = "INSERT INTO signing_keys (kid, algorithm, public, sealed_private, state, created_ms, expires_ms)
              VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING";
    GET = "SELECT kid, algorithm, public, sealed_private, state, created_ms, expires_ms
           FROM signing_keys WHERE kid = $1";
    LIST = "SELECT kid, algorithm, public, sealed_private, state, created_ms, expires_ms
            FROM signing_keys WHERE expires_ms > $1 ORDER BY created_ms DESC, kid";
    SET_STATE = "UPDATE signing_keys SET state = $2, expires_ms = $3 WHERE kid = $1";
    DELETE_EXPIRED = "DELETE FROM signing_keys WHERE expires_ms <= $1";
}

fn key(row: &Row<'_>) -> Result<SigningKey, Error> {
    Ok(SigningKey {
        kid: row.get(0)?,
        algorithm: row.get(1)?,
        public: row.get(2)?,
        sealed_private: row.get(3)?,
        state: row.get(4)?,
        created_ms: row.get(5)?,
        expires_ms: row.get(6)?,
    })
}

/// Adds a key; false when the key id exists.
pub async fn insert(tx: &mut Tx, key: &SigningKey) -> Result<bool, Error> {
    let SigningKey { kid, algorithm, public, sealed_private, state, created_ms, expires_ms } = key;
    tx.hit(INSERT, params![kid, algorithm, public, sealed_private, *state, *created_ms, *expires_ms]).await
}

/// The key of a key id, expired or not.
pub async fn get(c: &mut Conn, kid: &str) -> Result<Option<SigningKey>, Error> {
    c.opt(GET, params![kid], key).await
}

/// Keys that still verify, newest first.
pub async fn list(c: &mut Conn, now_ms: i64) -> Result<Vec<SigningKey>, Error> {
    c.all(LIST, params![now_ms], key).await
}

/// Moves a key on in its life.
pub async fn set_state(tx: &mut Tx, kid: &str, state: KeyState, expires_ms: i64) -> Result<bool, Error> {
    tx.hit(SET_STATE, params![kid, state, expires_ms]).await
}

/// Removes keys that verify no more.
pub async fn delete_expired(tx: &mut Tx, now_ms: i64) -> Result<u64, Error> {
    tx.exec(DELETE_EXPIRED, params![now_ms]).await
}
