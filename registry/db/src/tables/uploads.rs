//! Uploads in progress: how far they are, the half-finished hash, and who may write.
//!
//! One writer per upload: it holds a lease, and moves the offset by compare-and-set.

use super::blobs;
use crate::engine::{Conn, Row, Tx, first, params, statements};
use crate::{Error, RepoId, UserId};

/// An upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Its id.
    pub id: String,
    /// To which repository.
    pub repo: RepoId,
    /// By whom.
    pub user: Option<UserId>,
    /// Where its bytes go.
    pub storage_key: String,
    /// How many bytes are safely there.
    pub offset: i64,
    /// The hash over them, serialised.
    pub hash_state: Vec<u8>,
    /// Who writes.
    pub lease_owner: Option<String>,
    /// Until when the lease holds.
    pub lease_until_ms: i64,
    /// When it began.
    pub created_ms: i64,
    /// When it is given up.
    pub expires_ms: i64,
}

/// An upload to begin.
pub struct NewUpload<'a> {
    /// Its id.
    pub id: &'a str,
    /// To which repository.
    pub repo: RepoId,
    /// By whom.
    pub user: Option<UserId>,
    /// Where its bytes go.
    pub storage_key: &'a str,
    /// The hash over nothing, serialised.
    pub hash_state: &'a [u8],
    /// Now.
    pub now_ms: i64,
    /// When it is given up.
    pub expires_ms: i64,
}

/// Answer to a wish to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acquired {
    /// The lease is ours.
    Taken(Upload),
    /// Somebody else writes.
    Held,
    /// There is no such upload, or it was given up.
    Unknown,
}

macro_rules! columns {
    () => {
        "id, repo_id, user_id, storage_key, received, hash_state, lease_owner, lease_until_ms, created_ms, \
         expires_ms"
    };
}

statements! {
    CREATE = "INSERT INTO uploads (id, repo_id, user_id, storage_key, hash_state, created_ms, expires_ms)
              VALUES ($1, $2, $3, $4, $5, $6, $7)";
    GET = concat!("SELECT ", columns!(), " FROM uploads WHERE id = $2 AND repo_id = $1 AND expires_ms > $3");
    ACQUIRE = concat!("UPDATE uploads SET lease_owner = $3, lease_until_ms = $5
              WHERE id = $2 AND repo_id = $1 AND expires_ms > $4
              AND (lease_owner IS NULL OR lease_owner = $3 OR lease_until_ms <= $4)
              RETURNING ", columns!());
    ADVANCE = "UPDATE uploads SET received = $4, hash_state = $5, expires_ms = $7
               WHERE id = $1 AND lease_owner = $2 AND received = $3 AND expires_ms > $6";
    RELEASE = "UPDATE uploads SET lease_owner = NULL, lease_until_ms = 0 WHERE id = $1 AND lease_owner = $2";
    RELEASE_ALL = "UPDATE uploads SET lease_owner = NULL, lease_until_ms = 0 WHERE lease_owner IS NOT NULL";
    REMOVE = concat!("DELETE FROM uploads WHERE id = $1 RETURNING ", columns!());
    EXPIRED = concat!("SELECT ", columns!(), " FROM uploads WHERE expires_ms <= $1 ORDER BY expires_ms LIMIT $2");
    STALEST = concat!("SELECT ", columns!(), " FROM uploads WHERE repo_id = $1
              ORDER BY received > 0, expires_ms LIMIT $2");
    COUNT = "SELECT count(*) FROM uploads WHERE repo_id = $1";
}

fn upload(row: &Row<'_>) -> Result<Upload, Error> {
    Ok(Upload {
        id: row.get(0)?,
        repo: row.get(1)?,
        user: row.get(2)?,
        storage_key: row.get(3)?,
        offset: row.get(4)?,
        hash_state: row.get(5)?,
        lease_owner: row.get(6)?,
        lease_until_ms: row.get(7)?,
        created_ms: row.get(8)?,
        expires_ms: row.get(9)?,
    })
}

/// Begins an upload and writes its storage key down.
pub async fn create(tx: &mut Tx, new: &NewUpload<'_>) -> Result<Upload, Error> {
    let NewUpload { id, repo, user, storage_key, hash_state, now_ms, expires_ms } = *new;
    blobs::intend(tx, storage_key, now_ms).await?;
    tx.exec(CREATE, params![id, repo, user, storage_key, hash_state, now_ms, expires_ms]).await?;
    tx.one(GET, params![repo, id, i64::MIN], upload).await
}

/// An upload of a repository, unless it was given up.
pub async fn get(c: &mut Conn, repo: RepoId, id: &str, now_ms: i64) -> Result<Option<Upload>, Error> {
    c.opt(GET, params![repo, id, now_ms], upload).await
}

/// Takes, or takes again, the lease to write until a time.
pub async fn acquire(
    tx: &mut Tx,
    repo: RepoId,
    id: &str,
    owner: &str,
    now_ms: i64,
    until_ms: i64,
) -> Result<Acquired, Error> {
    if let Some(taken) = tx.opt(ACQUIRE, params![repo, id, owner, now_ms, until_ms], upload).await? {
        return Ok(Acquired::Taken(taken));
    }
    let known = get(tx, repo, id, now_ms).await?.is_some();
    Ok(if known { Acquired::Held } else { Acquired::Unknown })
}

/// Notes that bytes up to `to_offset` are safe; false when the lease or the offset is no longer ours.
#[expect(clippy::too_many_arguments, reason = "one row, one compare-and-set")]
pub async fn advance(
    tx: &mut Tx,
    id: &str,
    owner: &str,
    from_offset: i64,
    to_offset: i64,
    hash_state: &[u8],
    now_ms: i64,
    expires_ms: i64,
) -> Result<bool, Error> {
    tx.hit(ADVANCE, params![id, owner, from_offset, to_offset, hash_state, now_ms, expires_ms]).await
}

/// Gives the lease back.
pub async fn release(tx: &mut Tx, id: &str, owner: &str) -> Result<bool, Error> {
    tx.hit(RELEASE, params![id, owner]).await
}

/// Ends every lease: at the start of the only process of a store, whoever held one is gone.
pub async fn release_all(tx: &mut Tx) -> Result<u64, Error> {
    tx.exec(RELEASE_ALL, params![]).await
}

/// Ends an upload. The intent of its storage key stays until a blob owns the bytes or they are gone.
pub async fn remove(tx: &mut Tx, id: &str) -> Result<Option<Upload>, Error> {
    tx.opt(REMOVE, params![id], upload).await
}

/// Uploads that are to be given up, oldest first.
pub async fn expired(c: &mut Conn, now_ms: i64, limit: u32) -> Result<Vec<Upload>, Error> {
    c.all(EXPIRED, params![now_ms, limit], upload).await
}

/// Uploads of a repository that are missed least: those without bytes first, then those idle longest.
pub async fn stalest(c: &mut Conn, repo: RepoId, limit: u32) -> Result<Vec<Upload>, Error> {
    c.all(STALEST, params![repo, limit], upload).await
}

/// How many uploads a repository has.
pub async fn count(c: &mut Conn, repo: RepoId) -> Result<i64, Error> {
    c.one(COUNT, params![repo], first).await
}
