//! One request's turn at an upload: bytes in, hash along, and at the end a parked upload or a readable blob.
//!
//! Up to [`INLINE`] bytes stay in memory and are parked in the upload's row; beyond that they go to a file. What a row
//! says of a file is synced before the row says it, so the hash kept there is of the bytes that are really there,
//! whatever happens to the power.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use quay_blobs::{StorageKey, Writer};
use quay_db::tables::blobs::{self, Place, Stored};
use quay_db::tables::uploads::{self, Acquired};
use quay_db::{BlobId, RepoId, Tx};
use quay_oci::{Algorithm, Digest, ErrorCode, Hasher};
use tokio::sync::OwnedSemaphorePermit;

use super::writers::Claim;
use super::{FORGOTTEN_AFTER, INLINE, UploadId, storage_key};
use crate::body::Body;
use crate::clock::ms;
use crate::core::Core;
use crate::error::{Error, Missing, Result};
use crate::pull::BlobStat;

/// How long a lease holds without being renewed.
const LEASE: Duration = Duration::from_secs(120);
/// A body that stands still for this long has broken off; shorter than the lease.
const IDLE: Duration = Duration::from_secs(60);
/// A long body is noted down, and the lease renewed, after so many bytes or so much time.
const NOTED_AFTER_BYTES: u64 = 256 << 20;
const NOTED_AFTER: Duration = Duration::from_secs(30);
/// Room is taken for so many bytes at a time.
const PAID_EVERY: u64 = 1 << 20;
/// Smaller frames are gathered.
const WORTH_HANDING_ON: usize = 16 << 10;

/// First byte of a row's state: the bytes themselves follow.
const SMALL: u8 = 0;
/// First byte of a row's state: the hash of the file's bytes follows.
const HASHED: u8 = 1;

/// The one writer of an upload.
pub(super) struct Work {
    core: Core,
    repo: RepoId,
    id: UploadId,
    key: StorageKey,
    algorithm: Algorithm,
    sink: Sink,
    /// What the row says.
    noted: u64,
    noted_ms: i64,
    /// Kept until the end: it keeps other requests out.
    _claim: Claim,
}

#[expect(clippy::large_enum_variant, reason = "one per request, and the large one is the common one")]
enum Sink {
    Small(Vec<u8>),
    File(Filing),
}

/// Bytes on their way to a file.
struct Filing {
    writer: Writer,
    hasher: Hasher,
    /// Small frames, until they are worth handing on: each costs more than its bytes.
    gathered: BytesMut,
    /// Bytes for which no room was taken yet.
    unpaid: u64,
    /// Not too many files at once.
    _turn: OwnedSemaphorePermit,
}

impl Filing {
    fn new(writer: Writer, hasher: Hasher, turn: OwnedSemaphorePermit) -> Self {
        Self { writer, hasher, gathered: BytesMut::new(), unpaid: 0, _turn: turn }
    }

    fn offset(&self) -> u64 {
        self.writer.offset() + self.gathered.len() as u64
    }

    async fn write(&mut self, core: &Core, chunk: Bytes) -> Result<()> {
        self.hasher.update(&chunk);
        self.unpaid += chunk.len() as u64;
        if self.unpaid >= PAID_EVERY {
            core.take_room(std::mem::take(&mut self.unpaid))?;
        }
        if chunk.len() >= WORTH_HANDING_ON {
            self.hand_on().await?;
            return Ok(self.writer.write(chunk).await?);
        }
        self.gathered.extend_from_slice(&chunk);
        if self.gathered.len() >= WORTH_HANDING_ON { self.hand_on().await } else { Ok(()) }
    }

    async fn hand_on(&mut self) -> Result<()> {
        if !self.gathered.is_empty() {
            self.writer.write(self.gathered.split().freeze()).await?;
        }
        Ok(())
    }
}

impl Work {
    /// Takes the lease and goes on where the row says; `None` while another process holds it.
    pub(super) async fn take_up(
        core: &Core,
        claim: Claim,
        repo: RepoId,
        id: UploadId,
    ) -> Result<Option<Self>> {
        let (name, owner, now_ms) = (id.to_string(), core.instance().to_owned(), core.now_ms());
        let until_ms = now_ms.saturating_add(ms(LEASE));
        let acquired = core
            .db()
            .write(async move |tx| uploads::acquire(tx, repo, &name, &owner, now_ms, until_ms).await)
            .await?;
        let row = match acquired {
            Acquired::Taken(row) => row,
            Acquired::Held => return Ok(None),
            Acquired::Unknown => return Err(Missing::Upload.into()),
        };
        let key = storage_key(&row.storage_key)?;
        let noted = row.offset.cast_unsigned();
        let (algorithm, sink) = match row.hash_state.split_first() {
            None => (Algorithm::Sha256, Sink::Small(Vec::new())),
            Some((&SMALL, bytes)) if bytes.len() as u64 == noted => {
                (Algorithm::Sha256, Sink::Small(bytes.to_vec()))
            }
            Some((&HASHED, state)) => {
                let hasher = Hasher::resume(state).map_err(|e| Error::Internal(Box::new(e)))?;
                match core.blobs().resume(&key, noted).await {
                    Ok(writer) => {
                        let turn = core.writers().file().await?;
                        (hasher.algorithm(), Sink::File(Filing::new(writer, hasher, turn)))
                    }
                    // Sealed by a request that then came to nothing: it has to be uploaded anew.
                    Err(quay_blobs::Error::NotFound(_) | quay_blobs::Error::Short { .. }) => {
                        forget(core, &id, &key).await?;
                        return Err(Missing::Upload.into());
                    }
                    Err(other) => return Err(other.into()),
                }
            }
            Some(_) => {
                return Err(Error::internal("reading an upload failed: its state is of an unknown kind"));
            }
        };
        Ok(Some(Self {
            core: core.clone(),
            repo,
            id,
            key,
            algorithm,
            sink,
            noted,
            noted_ms: now_ms,
            _claim: claim,
        }))
    }

    /// Bytes the upload holds, those not yet noted included.
    pub(super) fn offset(&self) -> u64 {
        match &self.sink {
            Sink::Small(bytes) => bytes.len() as u64,
            Sink::File(filing) => filing.offset(),
        }
    }

    /// Tells which digest the bytes will be compared with, so that they need to be hashed only once.
    pub(super) fn expect(&mut self, algorithm: Algorithm) {
        if let Sink::Small(_) = self.sink {
            self.algorithm = algorithm;
        }
    }

    /// Takes in a body. When it breaks off, what came stays and can be continued.
    pub(super) async fn fill(&mut self, mut body: Body) -> Result<()> {
        loop {
            match tokio::time::timeout(IDLE, body.next()).await {
                Ok(None) => return Ok(()),
                Ok(Some(Ok(chunk))) => self.write(chunk).await?,
                Ok(Some(Err(_))) | Err(_) => {
                    self.note(true).await?;
                    return Err(Error::BodyFailed);
                }
            }
        }
    }

    /// Takes in some bytes.
    pub(super) async fn write(&mut self, chunk: Bytes) -> Result<()> {
        let limit = self.core.rules().largest_blob;
        if self.offset().saturating_add(chunk.len() as u64) > limit {
            forget(&self.core, &self.id, &self.key).await?;
            return Err(Error::TooLarge { limit });
        }
        if let Sink::Small(bytes) = &mut self.sink {
            if bytes.len() + chunk.len() <= INLINE {
                bytes.extend_from_slice(&chunk);
                return Ok(());
            }
            let begun = std::mem::take(bytes);
            self.sink = self.spill(begun).await?;
        }
        if let Sink::File(filing) = &mut self.sink {
            filing.write(&self.core, chunk).await?;
        }
        let bytes_due = self.offset() - self.noted >= NOTED_AFTER_BYTES;
        if bytes_due || self.core.now_ms().saturating_sub(self.noted_ms) >= ms(NOTED_AFTER) {
            self.note(false).await?;
        }
        Ok(())
    }

    async fn spill(&self, begun: Vec<u8>) -> Result<Sink> {
        let turn = self.core.writers().file().await?;
        let writer = match self.core.blobs().begin(&self.key).await {
            // Left by a request that was torn down before it noted anything.
            Err(quay_blobs::Error::Exists(_)) => self.core.blobs().resume(&self.key, 0).await?,
            other => other?,
        };
        let mut filing = Filing::new(writer, Hasher::new(self.algorithm), turn);
        filing.write(&self.core, begun.into()).await?;
        Ok(Sink::File(filing))
    }

    /// Leaves the upload to be continued by another request.
    pub(super) async fn park(mut self) -> Result<u64> {
        self.note(true).await?;
        Ok(self.noted)
    }

    /// Notes in the row how far it is, once the bytes are safe; keeps or gives back the lease.
    async fn note(&mut self, last: bool) -> Result<()> {
        if let Sink::File(filing) = &mut self.sink {
            filing.hand_on().await?;
            filing.writer.sync().await?;
        }
        let step = self.step();
        let until_ms = self.core.now_ms().saturating_add(ms(LEASE));
        let (repo, noted, noted_ms) = (self.repo, step.to, step.now_ms);
        self.core
            .db()
            .write(async move |tx| -> Result<()> {
                step.take(tx).await?;
                if last {
                    uploads::release(tx, &step.id, &step.owner).await?;
                } else {
                    uploads::acquire(tx, repo, &step.id, &step.owner, step.now_ms, until_ms).await?;
                }
                Ok(())
            })
            .await?;
        (self.noted, self.noted_ms) = (noted, noted_ms);
        Ok(())
    }

    fn step(&self) -> Step {
        let now_ms = self.core.now_ms();
        let state = match &self.sink {
            Sink::Small(bytes) => [&[SMALL][..], bytes].concat(),
            Sink::File(filing) => [&[HASHED][..], &filing.hasher.suspend()].concat(),
        };
        Step {
            id: self.id.to_string(),
            owner: self.core.instance().to_owned(),
            from: self.noted,
            to: self.offset(),
            state,
            now_ms,
            expires_ms: now_ms.saturating_add(ms(FORGOTTEN_AFTER)),
        }
    }

    /// Makes the bytes a blob of this digest, linked to the repository; other bytes are forgotten.
    pub(super) async fn finish(self, digest: &Digest) -> Result<BlobStat> {
        let step = self.step();
        let Self { core, repo, id, key, sink, .. } = self;
        let size = step.to;
        let until_ms = core.link_until_ms();
        match sink {
            Sink::Small(bytes) => {
                if !digest.matches(&bytes) {
                    forget(&core, &id, &key).await?;
                    return Err(digest_mismatch());
                }
                // A request that was torn down may have left a file under the key.
                core.blobs().delete(&key).await?;
                let (digest, key) = (digest.clone(), key.to_string());
                core.db()
                    .write(async move |tx| -> Result<()> {
                        step.take(tx).await?;
                        let blob = blobs::store_inline(tx, &digest, &bytes, step.now_ms).await?;
                        blobs::lease(tx, repo, blob.id, until_ms).await?;
                        uploads::remove(tx, &step.id).await?;
                        blobs::forget_intent(tx, &key).await?;
                        Ok(())
                    })
                    .await?;
            }
            Sink::File(mut filing) => {
                filing.hand_on().await?;
                filing.writer.flush().await?;
                let Filing { writer, hasher, .. } = filing;
                drop(writer);
                let hashed = (hasher.algorithm() == digest.algorithm()).then(|| hasher.finish());
                // Bytes known to be others are not worth a sync.
                if hashed.as_ref().is_none_or(|found| found == digest) {
                    core.blobs().seal(&key).await?;
                }
                let found = match hashed {
                    Some(found) => found,
                    None => hash_again(&core, &key, size, digest.algorithm()).await?,
                };
                if found != *digest {
                    forget(&core, &id, &key).await?;
                    return Err(digest_mismatch());
                }
                let damaged = damaged_copy(&core, digest).await?;
                let (wanted, own_key) = (digest.clone(), key.to_string());
                let kept = core
                    .db()
                    .write(async move |tx| -> Result<bool> {
                        step.take(tx).await?;
                        let (blob, kept) = match damaged {
                            Some((blob, old_key))
                                if blobs::replace(tx, blob, &old_key, &own_key, step.now_ms).await? =>
                            {
                                (blob, true)
                            }
                            Some(_) | None => {
                                let size = step.to.cast_signed();
                                let stored =
                                    blobs::store_stored(tx, &wanted, size, &own_key, step.now_ms).await?;
                                (stored.blob().id, matches!(stored, Stored::New(_)))
                            }
                        };
                        blobs::lease(tx, repo, blob, until_ms).await?;
                        uploads::remove(tx, &step.id).await?;
                        Ok(kept)
                    })
                    .await?;
                if !kept {
                    discard(&core, &key).await?;
                }
            }
        }
        Ok(BlobStat { digest: digest.clone(), size })
    }

    /// Gives the upload up.
    pub(super) async fn abandon(self) -> Result<()> {
        forget(&self.core, &self.id, &self.key).await
    }
}

/// A move of the offset that happens only if the upload is still ours and stands where we left it.
struct Step {
    id: String,
    owner: String,
    from: u64,
    to: u64,
    state: Vec<u8>,
    now_ms: i64,
    expires_ms: i64,
}

impl Step {
    async fn take(&self, tx: &mut Tx) -> Result<()> {
        let Self { id, owner, from, to, state, now_ms, expires_ms } = self;
        let (from, to) = (from.cast_signed(), to.cast_signed());
        if uploads::advance(tx, id, owner, from, to, state, *now_ms, *expires_ms).await? {
            Ok(())
        } else {
            Err(Error::UploadOffset { held: self.from })
        }
    }
}

/// Reads up to [`INLINE`] bytes; `true` when the body ended within them.
pub(super) async fn read_small(body: &mut Body, head: &mut Vec<u8>, limit: u64) -> Result<bool> {
    loop {
        match tokio::time::timeout(IDLE, body.next()).await {
            Ok(None) => return Ok(true),
            Ok(Some(Ok(chunk))) => head.extend_from_slice(&chunk),
            Ok(Some(Err(_))) | Err(_) => return Err(Error::BodyFailed),
        }
        if head.len() as u64 > limit {
            return Err(Error::TooLarge { limit });
        }
        if head.len() > INLINE {
            return Ok(false);
        }
    }
}

pub(super) fn digest_mismatch() -> Error {
    Error::invalid(ErrorCode::DigestInvalid, ErrorCode::DigestInvalid.message())
}

/// Removes an upload and its bytes.
pub(super) async fn forget(core: &Core, id: &UploadId, key: &StorageKey) -> Result<()> {
    let id = id.to_string();
    core.db().write(async move |tx| uploads::remove(tx, &id).await).await?;
    discard(core, key).await
}

/// Deletes bytes that no row owns, then forgets that they were meant to be written.
pub(crate) async fn discard(core: &Core, key: &StorageKey) -> Result<()> {
    core.blobs().delete(key).await?;
    let key = key.to_string();
    core.db().write(async move |tx| blobs::forget_intent(tx, &key).await).await?;
    Ok(())
}

/// The copy of a digest whose bytes are not there as they should be: what is being uploaded takes its place.
async fn damaged_copy(core: &Core, digest: &Digest) -> Result<Option<(BlobId, String)>> {
    let Some(blob) = core.db().read(async |c| blobs::copy(c, digest).await).await? else { return Ok(None) };
    let Place::Stored(key) = blob.place else { return Ok(None) };
    let damage = match core.blobs().size(&storage_key(&key)?).await {
        Ok(size) if size == blob.size.cast_unsigned() => return Ok(None),
        Ok(size) => format!("{size} bytes instead of {}", blob.size),
        Err(quay_blobs::Error::NotFound(_)) => "missing".to_owned(),
        Err(other) => return Err(other.into()),
    };
    tracing::error!(blob.digest = %digest, storage.key = key, damage, "a stored blob is damaged; healed by a push");
    Ok(Some((blob.id, key)))
}

/// The digest of a sealed file, for a client that asks for another algorithm at the end than was guessed at the start.
async fn hash_again(core: &Core, key: &StorageKey, size: u64, algorithm: Algorithm) -> Result<Digest> {
    let mut hasher = Hasher::new(algorithm);
    let mut bytes = core.blobs().read(key, 0..size).await?;
    while let Some(chunk) = bytes.next().await {
        hasher.update(&chunk?);
    }
    Ok(hasher.finish())
}
