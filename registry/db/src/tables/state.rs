//! Small facts about the store itself, such as the check value of its secret key.

use crate::Error;
use crate::engine::{Conn, Tx, first, params, statements};

statements! {
    GET = "SELECT value FROM service_state WHERE name = $1";
    SET = "INSERT INTO service_state (name, value) VALUES ($1, $2)
           ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    SET_ONCE = "INSERT INTO service_state (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
}

/// The value of a fact.
pub async fn get(c: &mut Conn, name: &str) -> Result<Option<Vec<u8>>, Error> {
    c.opt(GET, params![name], first).await
}

/// Writes a fact.
pub async fn set(tx: &mut Tx, name: &str, value: &[u8]) -> Result<(), Error> {
    tx.exec(SET, params![name, value]).await.map(drop)
}

/// Writes a fact unless it is there; gives the value that is there now.
pub async fn set_once(tx: &mut Tx, name: &str, value: &[u8]) -> Result<Vec<u8>, Error> {
    tx.exec(SET_ONCE, params![name, value]).await?;
    tx.one(GET, params![name], first).await
}
