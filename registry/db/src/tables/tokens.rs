//! API tokens of users, found by hash; a sealed copy where the owner may see the token again.

use crate::engine::{Conn, Row, Tx, coded, first, params, statements};
use crate::{Error, TokenId, UserId};

coded! {
    /// What a token is for.
    pub enum TokenKind {
        /// Bearer of the REST API.
        Access = 0,
        /// Password of one application.
        App = 1,
    }
}

/// A token without its secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// Its id.
    pub id: TokenId,
    /// Its name in the API.
    pub uuid: String,
    /// Whose it is.
    pub user: UserId,
    /// What it is for.
    pub kind: TokenKind,
    /// What its owner calls it.
    pub title: String,
    /// Its ceiling of rights.
    pub scope: String,
    /// The token, encrypted, when it may be shown again.
    pub sealed: Option<Vec<u8>>,
    /// When it was made.
    pub created_ms: i64,
    /// When it ends.
    pub expires_ms: Option<i64>,
    /// When it was last used.
    pub last_used_ms: Option<i64>,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token").field("uuid", &self.uuid).field("user", &self.user).finish_non_exhaustive()
    }
}

/// A token to be made.
pub struct NewToken<'a> {
    /// Its name in the API.
    pub uuid: &'a str,
    /// Whose it is.
    pub user: UserId,
    /// What it is for.
    pub kind: TokenKind,
    /// What its owner calls it.
    pub title: &'a str,
    /// Its ceiling of rights.
    pub scope: &'a str,
    /// SHA-256 of the token.
    pub token_hash: &'a [u8; 32],
    /// The token, encrypted, when it may be shown again.
    pub sealed: Option<&'a [u8]>,
    /// When it ends.
    pub expires_ms: Option<i64>,
    /// Now.
    pub now_ms: i64,
}

statements! {
    CREATE = "INSERT INTO tokens (uuid, user_id, kind, title, scope, token_hash, sealed, created_ms, expires_ms)
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id";
    BY_HASH = "SELECT id, uuid, user_id, kind, title, scope, sealed, created_ms, expires_ms, last_used_ms
               FROM tokens WHERE token_hash = $1 AND (expires_ms IS NULL OR expires_ms > $2)";
    LIST = "SELECT id, uuid, user_id, kind, title, scope, sealed, created_ms, expires_ms, last_used_ms
            FROM tokens WHERE user_id = $1 AND kind = $2 ORDER BY id";
    GET = "SELECT id, uuid, user_id, kind, title, scope, sealed, created_ms, expires_ms, last_used_ms
           FROM tokens WHERE uuid = $1 AND user_id = $2";
    REVOKE = "DELETE FROM tokens WHERE uuid = $1 AND user_id = $2";
    TOUCH = "UPDATE tokens SET last_used_ms = $2 WHERE id = $1";
}

fn token(row: &Row<'_>) -> Result<Token, Error> {
    Ok(Token {
        id: row.get(0)?,
        uuid: row.get(1)?,
        user: row.get(2)?,
        kind: row.get(3)?,
        title: row.get(4)?,
        scope: row.get(5)?,
        sealed: row.get(6)?,
        created_ms: row.get(7)?,
        expires_ms: row.get(8)?,
        last_used_ms: row.get(9)?,
    })
}

/// Makes a token.
pub async fn create(tx: &mut Tx, new: &NewToken<'_>) -> Result<Token, Error> {
    let NewToken { uuid, user, kind, title, scope, token_hash, sealed, expires_ms, now_ms } = *new;
    let id = tx
        .one(CREATE, params![uuid, user, kind, title, scope, token_hash, sealed, now_ms, expires_ms], first)
        .await?;
    Ok(Token {
        id,
        uuid: uuid.to_owned(),
        user,
        kind,
        title: title.to_owned(),
        scope: scope.to_owned(),
        sealed: sealed.map(<[u8]>::to_vec),
        created_ms: now_ms,
        expires_ms,
        last_used_ms: None,
    })
}

/// The token with this hash, unless it ended.
pub async fn by_hash(c: &mut Conn, token_hash: &[u8; 32], now_ms: i64) -> Result<Option<Token>, Error> {
    c.opt(BY_HASH, params![token_hash, now_ms], token).await
}

/// All tokens of a user and kind.
pub async fn list(c: &mut Conn, user: UserId, kind: TokenKind) -> Result<Vec<Token>, Error> {
    c.all(LIST, params![user, kind], token).await
}

/// A user's token by its name.
pub async fn get(c: &mut Conn, user: UserId, uuid: &str) -> Result<Option<Token>, Error> {
    c.opt(GET, params![uuid, user], token).await
}

/// Ends a user's token.
pub async fn revoke(tx: &mut Tx, user: UserId, uuid: &str) -> Result<bool, Error> {
    tx.hit(REVOKE, params![uuid, user]).await
}

/// Notes use.
pub async fn touch(tx: &mut Tx, id: TokenId, now_ms: i64) -> Result<(), Error> {
    tx.exec(TOUCH, params![id, now_ms]).await.map(drop)
}
