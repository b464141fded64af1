//! Robots: accounts of a namespace with a token instead of a password.

use super::users::{self, Kind, NewUser};
use crate::engine::{Conn, Row, Tx, first, params, statements};
use crate::{Error, UserId};

/// A robot. Its name is `namespace+short`.
#[derive(Clone, PartialEq, Eq)]
pub struct Robot {
    /// Its user row.
    pub user: UserId,
    /// Its namespace.
    pub owner: UserId,
    /// Its full name.
    pub username: String,
    /// What it is for.
    pub description: String,
    /// JSON text of the owner's choice.
    pub metadata: String,
    /// Its token, encrypted.
    pub token_sealed: Vec<u8>,
    /// Credential generation.
    pub generation: i64,
    /// Whether it may do anything at all.
    pub enabled: bool,
    /// When it was made.
    pub created_ms: i64,
    /// When it last did something.
    pub last_accessed_ms: Option<i64>,
}

impl std::fmt::Debug for Robot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Robot")
            .field("user", &self.user)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

/// A robot to be made.
pub struct NewRobot<'a> {
    /// Its namespace.
    pub owner: UserId,
    /// A stable public name of the row.
    pub uuid: &'a str,
    /// Its full name.
    pub username: &'a str,
    /// What it is for.
    pub description: &'a str,
    /// JSON text of the owner's choice.
    pub metadata: &'a str,
    /// SHA-256 of its token.
    pub token_hash: &'a [u8; 32],
    /// Its token, encrypted.
    pub token_sealed: &'a [u8],
    /// Now.
    pub now_ms: i64,
}

macro_rules! columns {
    () => {
        "u.id, u.owner_id, u.username, r.description, r.metadata, r.token_sealed, u.generation, u.enabled, \
         u.created_ms, u.last_accessed_ms"
    };
}
pub(super) use columns;

statements! {
    INSERT = "INSERT INTO robots (user_id, token_hash, token_sealed, description, metadata)
              VALUES ($1, $2, $3, $4, $5)";
    GET = concat!("SELECT ", columns!(), " FROM users u JOIN robots r ON r.user_id = u.id WHERE u.username = $1");
    BY_TOKEN = concat!("SELECT ", columns!(), " FROM robots r JOIN users u ON u.id = r.user_id
              WHERE r.token_hash = $1");
    LIST = concat!("SELECT ", columns!(), " FROM users u JOIN robots r ON r.user_id = u.id
              WHERE u.owner_id = $1 AND u.username > $2 ORDER BY u.username LIMIT $3");
    BETWEEN = concat!("SELECT ", columns!(), " FROM users u JOIN robots r ON r.user_id = u.id
              WHERE u.owner_id = $1 AND u.username >= $2 AND u.username < $3 ORDER BY u.username LIMIT $4");
    SET_TOKEN = "UPDATE robots SET token_hash = $2, token_sealed = $3 WHERE user_id = $1 RETURNING user_id";
    RESEAL = "UPDATE robots SET token_sealed = $2 WHERE user_id = $1";
    SET_DESCRIPTION = "UPDATE robots SET description = $2 WHERE user_id = $1";
}

pub(super) fn robot(row: &Row<'_>) -> Result<Robot, Error> {
    Ok(Robot {
        user: row.get(0)?,
        owner: row.get(1)?,
        username: row.get(2)?,
        description: row.get(3)?,
        metadata: row.get(4)?,
        token_sealed: row.get(5)?,
        generation: row.get(6)?,
        enabled: row.get(7)?,
        created_ms: row.get(8)?,
        last_accessed_ms: row.get(9)?,
    })
}

/// Makes a robot; None when the name is taken.
pub async fn create(tx: &mut Tx, new: &NewRobot<'_>) -> Result<Option<Robot>, Error> {
    let NewRobot { owner, uuid, username, description, metadata, token_hash, token_sealed, now_ms } = *new;
    let account = NewUser {
        kind: Kind::Robot,
        uuid,
        username,
        email: None,
        verified: true,
        password_hash: None,
        superuser: false,
        owner: Some(owner),
        tag_expiration_s: 0,
        now_ms,
    };
    let Some(account) = users::insert(tx, &account).await? else { return Ok(None) };
    tx.exec(INSERT, params![account.id, token_hash, token_sealed, description, metadata]).await?;
    get(tx, username).await
}

/// By full name.
pub async fn get(c: &mut Conn, username: &str) -> Result<Option<Robot>, Error> {
    c.opt(GET, params![username], robot).await
}

/// By the hash of its token.
pub async fn by_token(c: &mut Conn, token_hash: &[u8; 32]) -> Result<Option<Robot>, Error> {
    c.opt(BY_TOKEN, params![token_hash], robot).await
}

/// Robots of a namespace by name.
pub async fn list(c: &mut Conn, owner: UserId, after: Option<&str>, limit: u32) -> Result<Vec<Robot>, Error> {
    c.all(LIST, params![owner, after.unwrap_or(""), limit], robot).await
}

/// Robots of a namespace with full names from one, included, to another, excluded.
pub async fn between(
    c: &mut Conn,
    owner: UserId,
    from: &str,
    to: &str,
    limit: u32,
) -> Result<Vec<Robot>, Error> {
    c.all(BETWEEN, params![owner, from, to, limit], robot).await
}

/// Gives it another token and voids what was issued before; gives the new generation.
pub async fn rotate(
    tx: &mut Tx,
    id: UserId,
    token_hash: &[u8; 32],
    token_sealed: &[u8],
) -> Result<Option<i64>, Error> {
    match tx.opt(SET_TOKEN, params![id, token_hash, token_sealed], first::<UserId>).await? {
        Some(id) => users::bump_generation(tx, id).await.map(Some),
        None => Ok(None),
    }
}

/// Changes its full name, with its token sealed for that; false when the name is taken.
pub async fn rename(tx: &mut Tx, id: UserId, username: &str, token_sealed: &[u8]) -> Result<bool, Error> {
    Ok(users::rename(tx, id, username).await? && tx.hit(RESEAL, params![id, token_sealed]).await?)
}

/// Changes what it is for.
pub async fn set_description(tx: &mut Tx, id: UserId, description: &str) -> Result<bool, Error> {
    tx.hit(SET_DESCRIPTION, params![id, description]).await
}

/// Removes it with its permissions.
pub async fn delete(tx: &mut Tx, id: UserId) -> Result<bool, Error> {
    users::delete(tx, id).await
}
