//! Uploads of blobs: begun, appended to, finished, given up; and mounts from another repository.
//!
//! ```text
//!   start ──► row + intent ──► append* (bytes to a file nobody can read) ──► finish: digest checked, sealed, linked
//! ```
//!
//! One writer per upload: a claim inside of the process, a lease and a compare-and-set on the offset in the row. The
//! loser is told where the upload stands. An upload belongs to one repository and one account. Small blobs end as
//! rows, larger ones as files under a storage key whose intent row was committed before their first byte.

mod work;
mod writers;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;
use quay_blobs::StorageKey;
use quay_db::tables::{blobs, uploads};
use quay_db::{RepoId, Tx, UserId};
use quay_oci::{Digest, RepositoryName};

use crate::body::Body;
use crate::clock::ms;
use crate::core::Core;
use crate::entropy;
use crate::error::{Error, Missing, Refusal, Result};
use crate::perms::{Allowed, Pull, Push};
use crate::pull::BlobStat;
use work::Work;
pub(crate) use work::discard;
pub(crate) use writers::Writers;

/// Blobs up to this size live in the database.
pub(crate) const INLINE: usize = 64 << 10;
/// An upload that nobody continues is given up after this time.
pub(crate) const FORGOTTEN_AFTER: Duration = Duration::from_secs(48 * 3600);
/// Open uploads in one repository.
const MOST_OPEN: i64 = 1_000;

/// The name of an upload: random, so that it cannot be guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct UploadId(uuid::Uuid);

impl FromStr for UploadId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        uuid::Uuid::try_parse(text).map(Self).map_err(|_| Missing::Upload.into())
    }
}

impl fmt::Display for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// Where an upload stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UploadStatus {
    /// Its name.
    pub id: UploadId,
    /// Bytes it holds.
    pub offset: u64,
}

impl Core {
    /// Begins an upload; brings the repository to life when it is missing.
    pub async fn start_upload(&self, at: &Allowed<Push>) -> Result<UploadStatus> {
        self.check_open()?;
        let id = UploadId(uuid::Builder::from_random_bytes(entropy::bytes(self.entropy())?).into_uuid());
        let (landing, now_ms) = (self.landing(at)?, self.now_ms());
        let (name, key) = (id.to_string(), StorageKey::generate());
        let user = at.caller.user_id().map(UserId);
        let writers = self.writers().clone();
        self.db()
            .write(async move |tx| -> Result<()> {
                let repo = landing.land(tx).await?.repo;
                if uploads::count(tx, repo).await? >= MOST_OPEN {
                    give_up_the_stalest(tx, repo, &writers).await?;
                }
                let new = uploads::NewUpload {
                    id: &name,
                    repo,
                    user,
                    storage_key: key.as_str(),
                    hash_state: &[],
                    now_ms,
                    expires_ms: now_ms.saturating_add(ms(FORGOTTEN_AFTER)),
                };
                uploads::create(tx, &new).await?;
                Ok(())
            })
            .await?;
        Ok(UploadStatus { id, offset: 0 })
    }

    /// Where an upload stands.
    pub async fn upload_status(&self, at: &Allowed<Push>, id: &UploadId) -> Result<UploadStatus> {
        let row = self.upload_row(at, id).await?;
        Ok(UploadStatus { id: *id, offset: row.offset.cast_unsigned() })
    }

    /// Appends to an upload. `start` and `end` (inclusive) are what the client says of its bytes.
    pub async fn append_upload(
        &self,
        at: &Allowed<Push>,
        id: &UploadId,
        start: Option<u64>,
        end: Option<u64>,
        body: Body,
    ) -> Result<UploadStatus> {
        let mut work = self.take_up(at, id, start).await?;
        let begun_at = work.offset();
        work.fill(body).await?;
        let expected = start.zip(end).map(|(start, end)| end.saturating_sub(start).saturating_add(1));
        let came = work.offset() - begun_at;
        let offset = work.park().await?;
        match expected {
            Some(expected) if expected != came => Err(Error::invalid(
                quay_oci::ErrorCode::SizeInvalid,
                format!("the range announced {expected} bytes and {came} came"),
            )),
            Some(_) | None => Ok(UploadStatus { id: *id, offset }),
        }
    }

    /// Appends the last bytes and makes the blob readable, provided that its bytes have this digest.
    pub async fn finish_upload(
        &self,
        at: &Allowed<Push>,
        id: &UploadId,
        start: Option<u64>,
        digest: &Digest,
        body: Body,
    ) -> Result<BlobStat> {
        let mut work = self.take_up(at, id, start).await?;
        work.expect(digest.algorithm());
        work.fill(body).await?;
        work.finish(digest).await
    }

    /// Gives an upload up and forgets its bytes.
    pub async fn cancel_upload(&self, at: &Allowed<Push>, id: &UploadId) -> Result<()> {
        let row = self.upload_row(at, id).await?;
        let held = || Error::UploadOffset { held: row.offset.cast_unsigned() };
        let claim = self.writers().claim(*id)?.ok_or_else(held)?;
        Work::take_up(self, claim, row.repo, *id).await?.ok_or_else(held)?.abandon().await
    }

    /// Takes a whole blob in one go.
    pub async fn put_blob(&self, at: &Allowed<Push>, digest: &Digest, mut body: Body) -> Result<BlobStat> {
        self.check_open()?;
        let mut head = Vec::new();
        if work::read_small(&mut body, &mut head, self.rules().largest_blob).await? {
            return self.put_small(at, digest, head.into()).await;
        }
        let status = self.start_upload(at).await?;
        // The repository may have come to life just now.
        let at = self.allow::<Push>(&at.caller, &at.place.name).await?;
        let stored = self.put_large(&at, &status.id, digest, head, body).await;
        if stored.is_err() {
            // Nobody knows the name of this upload, so nobody will continue it.
            match self.cancel_upload(&at, &status.id).await {
                Ok(()) | Err(Error::NotFound(_)) => {}
                Err(error) => tracing::warn!(%error, "an upload that broke off is left to be given up later"),
            }
        }
        stored
    }

    async fn put_large(
        &self,
        at: &Allowed<Push>,
        id: &UploadId,
        digest: &Digest,
        head: Vec<u8>,
        body: Body,
    ) -> Result<BlobStat> {
        let mut work = self.take_up(at, id, None).await?;
        work.expect(digest.algorithm());
        work.write(head.into()).await?;
        work.fill(body).await?;
        work.finish(digest).await
    }

    async fn put_small(&self, at: &Allowed<Push>, digest: &Digest, bytes: Bytes) -> Result<BlobStat> {
        if !digest.matches(&bytes) {
            return Err(work::digest_mismatch());
        }
        let size = bytes.len() as u64;
        let (landing, now_ms, until_ms) = (self.landing(at)?, self.now_ms(), self.link_until_ms());
        let stored = digest.clone();
        self.db()
            .write(async move |tx| -> Result<()> {
                let repo = landing.land(tx).await?.repo;
                let blob = blobs::store_inline(tx, &stored, &bytes, now_ms).await?;
                blobs::lease(tx, repo, blob.id, until_ms).await?;
                Ok(())
            })
            .await?;
        Ok(BlobStat { digest: digest.clone(), size })
    }

    /// Links a blob of another repository, provided that the caller may pull it there now. `false` means: upload it.
    /// Who has the right and shows a token that does not carry it is told so: a wider token spares the bytes.
    pub async fn mount_blob(
        &self,
        at: &Allowed<Push>,
        digest: &Digest,
        from: Option<&RepositoryName>,
    ) -> Result<bool> {
        let Some(from) = from else { return Ok(false) };
        let source = match self.allow::<Pull>(&at.caller, from).await {
            Ok(source) => source.repo(),
            Err(narrow @ Error::Refused(Refusal::InsufficientScope { .. })) => return Err(narrow),
            Err(Error::Refused(_) | Error::NotFound(_)) => return Ok(false),
            Err(other) => return Err(other),
        };
        let now_ms = self.now_ms();
        if self.db().read(async |c| blobs::linked(c, source, digest, now_ms).await).await?.is_none() {
            return Ok(false);
        }
        self.check_open()?;
        let (landing, until_ms, digest) = (self.landing(at)?, self.link_until_ms(), digest.clone());
        self.db()
            .write(async move |tx| -> Result<bool> {
                // Locked first: what is being collected is not linked anew.
                if blobs::lock(tx, &digest).await?.is_none() {
                    return Ok(false);
                }
                let Some(blob) = blobs::linked(tx, source, &digest, now_ms).await? else { return Ok(false) };
                let repo = landing.land(tx).await?.repo;
                blobs::lease(tx, repo, blob.id, until_ms).await?;
                Ok(true)
            })
            .await
    }

    /// Until when a fresh link holds without a manifest that uses it.
    pub(crate) fn link_until_ms(&self) -> i64 {
        let span = Duration::from_secs(self.rules().config.push_temp_tag_expiration_sec);
        self.now_ms().saturating_add(ms(span))
    }

    /// Whether content may be taken in now.
    pub(crate) fn check_open(&self) -> Result<()> {
        if self.draining() {
            return Err(Error::Unavailable { retry_after: Duration::from_secs(5) });
        }
        self.take_room(0)
    }

    /// The row of an upload of this repository and this account.
    async fn upload_row(&self, at: &Allowed<Push>, id: &UploadId) -> Result<uploads::Upload> {
        let repo = at.place.repo.ok_or(Missing::Upload)?;
        let (name, now_ms) = (id.to_string(), self.now_ms());
        let row = self.db().read(async |c| uploads::get(c, repo, &name, now_ms).await).await?;
        let owner = at.caller.user_id().map(UserId);
        Ok(row.filter(|row| row.user == owner).ok_or(Missing::Upload)?)
    }

    /// Becomes the one writer of an upload that stands where the client thinks it does.
    async fn take_up(&self, at: &Allowed<Push>, id: &UploadId, start: Option<u64>) -> Result<Work> {
        let row = self.upload_row(at, id).await?;
        self.take_room(0)?;
        let held = || Error::UploadOffset { held: row.offset.cast_unsigned() };
        let claim = self.writers().claim(*id)?.ok_or_else(held)?;
        let work = Work::take_up(self, claim, row.repo, *id).await?.ok_or_else(held)?;
        match start {
            Some(start) if start != work.offset() => {
                let held = work.park().await?;
                Err(Error::UploadOffset { held })
            }
            Some(_) | None => Ok(work),
        }
    }
}

/// Makes place for a new upload in a repository that has too many.
async fn give_up_the_stalest(tx: &mut Tx, repo: RepoId, writers: &Writers) -> Result<()> {
    for row in uploads::stalest(tx, repo, 8).await? {
        // Claimed, if only for this moment: no request writes to it.
        if let Ok(id) = row.id.parse()
            && writers.claim(id)?.is_some()
        {
            uploads::remove(tx, &row.id).await?;
            return Ok(());
        }
    }
    Err(Error::Unavailable { retry_after: Duration::from_secs(60) })
}

/// A storage key as text, as rows keep it.
pub(crate) fn storage_key(text: &str) -> Result<StorageKey> {
    text.parse().map_err(|_| Error::internal(format!("reading a row failed: {text} is not a storage key")))
}
