//! Blobs: physical copies of bytes, and what makes one usable in a repository.
//!
//! ```text
//!  intend(key) ─► bytes written ─► store_stored ─► lease ─► manifest edge ─► … ─► condemn ─► bytes gone ─► erase
//!  └ intent row survives a crash        └ one live copy per digest
//! ```
//!
//! A blob is usable in a repository only through an edge of a live manifest there or an unexpired lease.

use quay_oci::Digest;

use super::gc::{self, Candidate};
use crate::engine::{Conn, Row, Tx, first, params, statements};
use crate::{BlobId, Error, RepoId};

/// Where the bytes lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the database.
    Inline,
    /// Under a storage key.
    Stored(String),
}

/// A physical copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// Its id.
    pub id: BlobId,
    /// The digest its bytes have.
    pub digest: Digest,
    /// How many bytes.
    pub size: i64,
    /// Where they lie.
    pub place: Place,
    /// When it was stored.
    pub created_ms: i64,
}

/// A storage key that no blob owns yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// The key.
    pub storage_key: String,
    /// When it was written down.
    pub created_ms: i64,
    /// The upload that writes to it.
    pub upload: Option<String>,
}

/// What became of bytes under a storage key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stored {
    /// They are the copy of that digest now.
    New(Blob),
    /// There was a copy already: the key's bytes are to be deleted, then its intent forgotten.
    Existing(Blob),
}

impl Stored {
    /// The live copy, whoever stored it.
    pub fn blob(&self) -> &Blob {
        let (Stored::New(blob) | Stored::Existing(blob)) = self;
        blob
    }
}

macro_rules! columns {
    () => {
        "b.id, b.digest, b.size, b.storage_key, b.created_ms"
    };
}

statements! {
    INTEND = "INSERT INTO storage_intents (storage_key, created_ms) VALUES ($1, $2)";
    FORGET_INTENT = "DELETE FROM storage_intents WHERE storage_key = $1";
    IS_INTENDED = "SELECT EXISTS (SELECT 1 FROM storage_intents WHERE storage_key = $1)";
    INTENTS = "SELECT i.storage_key, i.created_ms, u.id
               FROM storage_intents i LEFT JOIN uploads u ON u.storage_key = i.storage_key
               WHERE i.storage_key > $1 ORDER BY i.storage_key LIMIT $2";
    GET = concat!("SELECT ", columns!(), " FROM blobs b WHERE b.id = $1");
    BY_STORAGE_KEY = concat!("SELECT ", columns!(), " FROM blobs b WHERE b.storage_key = $1");
    LINKED = concat!("SELECT ", columns!(), " FROM blobs b WHERE b.digest = $2 AND b.state = 0 AND (
               EXISTS (SELECT 1 FROM manifest_blobs e JOIN manifests m ON m.id = e.manifest_id
                       WHERE e.repo_id = $1 AND e.blob_id = b.id AND m.state = 0)
               OR EXISTS (SELECT 1 FROM blob_leases l
                          WHERE l.repo_id = $1 AND l.blob_id = b.id AND l.expires_ms > $3))");
    LOCK = concat!("SELECT ", columns!(), " FROM blobs b WHERE b.digest = $1 AND b.state = 0 /* FOR UPDATE */");
    REPLACE = "UPDATE blobs SET storage_key = $3 WHERE id = $1 AND storage_key = $2 AND state = 0";
    INSERT = "INSERT INTO blobs (digest, size, storage_key, created_ms) VALUES ($1, $2, $3, $4)
              ON CONFLICT (digest) WHERE state = 0 DO NOTHING RETURNING id";
    INSERT_BYTES = "INSERT INTO blob_bytes (blob_id, bytes) VALUES ($1, $2)";
    INLINE_BYTES = "SELECT bytes FROM blob_bytes WHERE blob_id = $1";
    LEASE = "INSERT INTO blob_leases (repo_id, blob_id, expires_ms) VALUES ($1, $2, $3)
             ON CONFLICT (repo_id, blob_id) DO UPDATE SET expires_ms = excluded.expires_ms
             WHERE blob_leases.expires_ms < excluded.expires_ms";
    UNLINK = "DELETE FROM blob_leases WHERE repo_id = $1 AND blob_id = $2";
    USED = "SELECT EXISTS (SELECT 1 FROM manifest_blobs e JOIN manifests m ON m.id = e.manifest_id
            WHERE e.repo_id = $1 AND e.blob_id = $2 AND m.state = 0)";
    EXPIRED_LEASES = "SELECT repo_id, blob_id FROM blob_leases WHERE expires_ms <= $1 ORDER BY expires_ms LIMIT $2";
    DROP_LEASE = "DELETE FROM blob_leases WHERE repo_id = $1 AND blob_id = $2 AND expires_ms <= $3";
    CONDEMN = "UPDATE blobs SET state = 1, condemned_ms = $2 WHERE id = $1 AND state = 0
               AND NOT EXISTS (SELECT 1 FROM manifest_blobs e WHERE e.blob_id = $1)
               AND NOT EXISTS (SELECT 1 FROM blob_leases l WHERE l.blob_id = $1)
               RETURNING id";
    CONDEMNED = concat!("SELECT ", columns!(), " FROM blobs b WHERE b.state = 1 AND b.id > $1
               ORDER BY b.id LIMIT $2");
    ERASE = "DELETE FROM blobs WHERE id = $1 AND state = 1";
}

fn blob(row: &Row<'_>) -> Result<Blob, Error> {
    let key: Option<String> = row.get(3)?;
    Ok(Blob {
        id: row.get(0)?,
        digest: row.get(1)?,
        size: row.get(2)?,
        place: key.map_or(Place::Inline, Place::Stored),
        created_ms: row.get(4)?,
    })
}

fn intent(row: &Row<'_>) -> Result<Intent, Error> {
    Ok(Intent { storage_key: row.get(0)?, created_ms: row.get(1)?, upload: row.get(2)? })
}

fn lease_of(row: &Row<'_>) -> Result<(RepoId, BlobId), Error> {
    Ok((row.get(0)?, row.get(1)?))
}

/// Writes a storage key down. Its first byte may be written only after the answer to this.
pub async fn intend(tx: &mut Tx, storage_key: &str, now_ms: i64) -> Result<(), Error> {
    tx.exec(INTEND, params![storage_key, now_ms]).await.map(drop)
}

/// Strikes a storage key out: its bytes are gone.
pub async fn forget_intent(tx: &mut Tx, storage_key: &str) -> Result<bool, Error> {
    tx.hit(FORGET_INTENT, params![storage_key]).await
}

/// Whether a storage key is written down and owned by no blob yet.
pub async fn is_intended(c: &mut Conn, storage_key: &str) -> Result<bool, Error> {
    c.one(IS_INTENDED, params![storage_key], first).await
}

/// Storage keys whose bytes no blob owns, in order: what a crash may have left.
pub async fn intents(c: &mut Conn, after: Option<&str>, limit: u32) -> Result<Vec<Intent>, Error> {
    c.all(INTENTS, params![after.unwrap_or(""), limit], intent).await
}

/// By id, condemned or not.
pub async fn get(c: &mut Conn, id: BlobId) -> Result<Option<Blob>, Error> {
    c.opt(GET, params![id], blob).await
}

/// By storage key, condemned or not.
pub async fn by_storage_key(c: &mut Conn, storage_key: &str) -> Result<Option<Blob>, Error> {
    c.opt(BY_STORAGE_KEY, params![storage_key], blob).await
}

/// The copy of a digest that is usable in a repository.
pub async fn linked(c: &mut Conn, repo: RepoId, digest: &Digest, now_ms: i64) -> Result<Option<Blob>, Error> {
    c.opt(LINKED, params![repo, digest, now_ms], blob).await
}

/// The live copy of a digest, kept from being condemned until this write ends.
pub async fn lock(tx: &mut Tx, digest: &Digest) -> Result<Option<Blob>, Error> {
    tx.opt(LOCK, params![digest], blob).await
}

/// Stores bytes in the database, unless there is a live copy.
pub async fn store_inline(tx: &mut Tx, digest: &Digest, bytes: &[u8], now_ms: i64) -> Result<Blob, Error> {
    let size = bytes.len() as i64;
    let id = tx.opt(INSERT, params![digest, size, None::<&str>, now_ms], first::<BlobId>).await?;
    let Some(id) = id else { return tx.one(LOCK, params![digest], blob).await };
    tx.exec(INSERT_BYTES, params![id, bytes]).await?;
    Ok(Blob { id, digest: digest.clone(), size, place: Place::Inline, created_ms: now_ms })
}

/// Makes the bytes under a storage key the copy of their digest, unless there is a live copy.
pub async fn store_stored(
    tx: &mut Tx,
    digest: &Digest,
    size: i64,
    storage_key: &str,
    now_ms: i64,
) -> Result<Stored, Error> {
    let id = tx.opt(INSERT, params![digest, size, storage_key, now_ms], first::<BlobId>).await?;
    let Some(id) = id else { return Ok(Stored::Existing(tx.one(LOCK, params![digest], blob).await?)) };
    if !forget_intent(tx, storage_key).await? {
        // The key was given up meanwhile, so its bytes may be gone.
        return Err(Error::Missing { table: "storage_intents" });
    }
    let place = Place::Stored(storage_key.to_owned());
    Ok(Stored::New(Blob { id, digest: digest.clone(), size, place, created_ms: now_ms }))
}

/// The live copy of a digest, whoever may use it.
pub async fn copy(c: &mut Conn, digest: &Digest) -> Result<Option<Blob>, Error> {
    c.opt(LOCK, params![digest], blob).await
}

/// Puts good bytes under a new storage key in the place of a damaged copy's; the old key becomes an intent, to be
/// cleaned up. False when the copy is not what it was.
pub async fn replace(
    tx: &mut Tx,
    id: BlobId,
    old_key: &str,
    new_key: &str,
    now_ms: i64,
) -> Result<bool, Error> {
    if !tx.hit(REPLACE, params![id, old_key, new_key]).await? {
        return Ok(false);
    }
    if !forget_intent(tx, new_key).await? {
        return Err(Error::Missing { table: "storage_intents" });
    }
    intend(tx, old_key, now_ms).await?;
    Ok(true)
}

/// The bytes of an inline blob.
pub async fn inline_bytes(c: &mut Conn, id: BlobId) -> Result<Option<Vec<u8>>, Error> {
    c.opt(INLINE_BYTES, params![id], first).await
}

/// Makes a blob usable in a repository for some time; never shortens an earlier lease.
pub async fn lease(tx: &mut Tx, repo: RepoId, id: BlobId, until_ms: i64) -> Result<(), Error> {
    tx.exec(LEASE, params![repo, id, until_ms]).await.map(drop)
}

/// Ends a lease at once.
pub async fn unlink(tx: &mut Tx, repo: RepoId, id: BlobId, now_ms: i64) -> Result<bool, Error> {
    let gone = tx.hit(UNLINK, params![repo, id]).await?;
    if gone {
        gc::enqueue(tx, Candidate::Blob, id.0, now_ms).await?;
    }
    Ok(gone)
}

/// Whether a live manifest of the repository refers to the blob.
pub async fn used_by_live_manifest(c: &mut Conn, repo: RepoId, id: BlobId) -> Result<bool, Error> {
    c.one(USED, params![repo, id], first).await
}

/// Leases that ended, oldest first.
pub async fn expired_leases(c: &mut Conn, now_ms: i64, limit: u32) -> Result<Vec<(RepoId, BlobId)>, Error> {
    c.all(EXPIRED_LEASES, params![now_ms, limit], lease_of).await
}

/// Removes a lease that ended; false when it was extended meanwhile. The blob becomes a candidate.
pub async fn drop_lease(tx: &mut Tx, repo: RepoId, id: BlobId, now_ms: i64) -> Result<bool, Error> {
    let gone = tx.hit(DROP_LEASE, params![repo, id, now_ms]).await?;
    if gone {
        gc::enqueue(tx, Candidate::Blob, id.0, now_ms).await?;
    }
    Ok(gone)
}

/// Condemns a copy that nothing refers to; from then on its digest is stored anew. None while an edge or a lease
/// exists.
pub async fn condemn(tx: &mut Tx, id: BlobId, now_ms: i64) -> Result<Option<Blob>, Error> {
    match tx.opt(CONDEMN, params![id, now_ms], first::<BlobId>).await? {
        Some(id) => get(tx, id).await,
        None => Ok(None),
    }
}

/// Condemned copies whose bytes may still exist.
pub async fn condemned(c: &mut Conn, after: Option<BlobId>, limit: u32) -> Result<Vec<Blob>, Error> {
    c.all(CONDEMNED, params![after.unwrap_or(BlobId(0)), limit], blob).await
}

/// Removes the row of a condemned copy whose bytes are gone.
pub async fn erase(tx: &mut Tx, id: BlobId) -> Result<bool, Error> {
    tx.hit(ERASE, params![id]).await
}
