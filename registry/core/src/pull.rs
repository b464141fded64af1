//! Reading content: blobs through the repository's link, manifests as the bytes that were pushed.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use futures::stream::BoxStream;
use quay_db::RepoId;
use quay_db::tables::blobs::{self, Blob, Place};
use quay_db::tables::manifests::{self, ManifestHead};
use quay_db::tables::tags;
use quay_oci::{Digest, Manifest, Reference, TagName, media_type};

use crate::core::Core;
use crate::error::{Error, Missing, Result};
use crate::perms::{Allowed, Pull};
use crate::uploads::storage_key;

/// A blob without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobStat {
    /// Its digest.
    pub digest: Digest,
    /// Its size.
    pub size: u64,
}

/// A part of a blob, being read.
pub struct BlobRead {
    /// The blob's digest.
    pub digest: Digest,
    /// The whole blob's size.
    pub size: u64,
    /// The part that `body` holds.
    pub range: Range<u64>,
    /// The bytes.
    pub body: BlobBody,
}

/// Bytes of a blob on their way out.
pub enum BlobBody {
    /// All of them, at once.
    Inline(Bytes),
    /// Chunk by chunk.
    Stream(BoxStream<'static, Result<Bytes>>),
}

/// A manifest, as it was pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredManifest {
    /// Its digest.
    pub digest: Digest,
    /// Its media type.
    pub media_type: String,
    /// Its artifact type; falls back to the type of its configuration.
    pub artifact_type: Option<String>,
    /// The media type of its configuration.
    pub config_media_type: Option<String>,
    /// The manifest it is about.
    pub subject: Option<Digest>,
    /// Sum of its layers' sizes.
    pub layers_size: u64,
    /// The very bytes.
    pub bytes: Bytes,
}

impl Core {
    /// A blob as seen through a repository. One whose bytes are not there as they should be is not there: clients
    /// that ask before they push then push it again, which heals it.
    pub async fn blob(&self, at: &Allowed<Pull>, digest: &Digest) -> Result<BlobStat> {
        let blob = self.linked_blob(at, digest).await?;
        if let Place::Stored(key) = &blob.place {
            match self.blobs().size(&storage_key(key)?).await {
                Ok(size) if size == blob.size.cast_unsigned() => {}
                Ok(_) | Err(quay_blobs::Error::NotFound(_)) => {
                    tracing::error!(blob.digest = %digest, storage.key = key, "a stored blob is damaged; push it again");
                    return Err(Missing::Blob.into());
                }
                Err(other) => return Err(other.into()),
            }
        }
        Ok(BlobStat { size: blob.size.cast_unsigned(), digest: blob.digest })
    }

    /// The bytes of a blob, or a part of them.
    pub async fn read_blob(
        &self,
        at: &Allowed<Pull>,
        digest: &Digest,
        range: Option<Range<u64>>,
    ) -> Result<BlobRead> {
        let blob = self.linked_blob(at, digest).await?;
        let size = blob.size.cast_unsigned();
        let range = range.unwrap_or(0..size);
        if range.end > size || range.start > range.end || (range.start == range.end && size > 0) {
            return Err(Error::RangeNotSatisfiable { size });
        }
        let body = match &blob.place {
            Place::Inline => {
                let bytes = self.db().read(async |c| blobs::inline_bytes(c, blob.id).await).await?;
                let bytes = Bytes::from(bytes.ok_or(Missing::Blob)?);
                // Inline blobs are far smaller than any address space.
                let (start, end) = (range.start as usize, range.end as usize);
                if end > bytes.len() {
                    return Err(Error::internal("reading a small blob failed: its row is too short"));
                }
                BlobBody::Inline(bytes.slice(start..end))
            }
            Place::Stored(key) => {
                let stream = self.blobs().read(&storage_key(key)?, range.clone()).await?;
                BlobBody::Stream(stream.map(|chunk| chunk.map_err(Error::from)).boxed())
            }
        };
        Ok(BlobRead { digest: blob.digest, size, range, body })
    }

    async fn linked_blob(&self, at: &Allowed<Pull>, digest: &Digest) -> Result<Blob> {
        let (repo, now_ms) = (at.repo(), self.now_ms());
        let blob = self.db().read(async |c| blobs::linked(c, repo, digest, now_ms).await).await?;
        Ok(blob.ok_or(Missing::Blob)?)
    }

    /// All bytes of a blob that is linked to a repository, if it has no more than `limit` of them and they are here.
    /// For what was authorised before.
    pub(crate) async fn small_blob(
        &self,
        repo: RepoId,
        digest: &Digest,
        limit: u64,
    ) -> Result<Option<Bytes>> {
        let now_ms = self.now_ms();
        let blob = self.db().read(async |c| blobs::linked(c, repo, digest, now_ms).await).await?;
        let Some(blob) = blob.filter(|blob| blob.size.cast_unsigned() <= limit) else { return Ok(None) };
        let key = match &blob.place {
            Place::Inline => {
                let bytes = self.db().read(async |c| blobs::inline_bytes(c, blob.id).await).await?;
                return Ok(bytes.map(Bytes::from));
            }
            Place::Stored(key) => storage_key(key)?,
        };
        let mut stream = match self.blobs().read(&key, 0..blob.size.cast_unsigned()).await {
            Err(quay_blobs::Error::NotFound(_)) => return Ok(None),
            opened => opened?,
        };
        let mut all = BytesMut::new();
        while let Some(chunk) = stream.next().await {
            all.extend_from_slice(&chunk?);
        }
        Ok(Some(all.freeze()))
    }

    /// A manifest by tag or digest.
    pub async fn manifest(&self, at: &Allowed<Pull>, reference: &Reference) -> Result<StoredManifest> {
        match reference {
            Reference::Digest(digest) => {
                self.manifest_by_digest(at, digest).await?.ok_or(Missing::Manifest.into())
            }
            Reference::Tag(tag) => self.manifest_by_tag(at, tag).await,
        }
    }

    async fn manifest_by_digest(
        &self,
        at: &Allowed<Pull>,
        digest: &Digest,
    ) -> Result<Option<StoredManifest>> {
        let repo = at.repo();
        let found = self.db().read(async |c| manifests::find(c, repo, digest).await).await?;
        Ok(found.map(stored))
    }

    async fn manifest_by_tag(&self, at: &Allowed<Pull>, tag: &TagName) -> Result<StoredManifest> {
        let (repo, now_ms) = (at.repo(), self.now_ms());
        self.db()
            .read(async |c| -> Result<_> {
                if let Some(found) = manifests::by_tag(c, repo, tag.as_str(), now_ms).await? {
                    return Ok(stored(found));
                }
                let once = tags::history(c, repo, Some(tag.as_str()), None, 1).await?;
                Err(missing_tag(tag, !once.is_empty()).into())
            })
            .await
    }

    /// The child of a list for a platform, for clients that take single manifests only.
    pub async fn platform_manifest(
        &self,
        at: &Allowed<Pull>,
        list: &StoredManifest,
        os: &str,
        architecture: &str,
    ) -> Result<Option<StoredManifest>> {
        if !media_type::is_index(&list.media_type) {
            return Ok(None);
        }
        let Ok(index) = Manifest::parse(Some(&list.media_type), &list.bytes) else { return Ok(None) };
        let child = index.manifests.into_iter().find(|child| {
            child.platform.as_ref().is_some_and(|p| p.os == os && p.architecture == architecture)
        });
        match child {
            Some(child) => self.manifest_by_digest(at, &child.digest).await,
            None => Ok(None),
        }
    }
}

/// How a tag that is not there is not there.
pub(crate) fn missing_tag(tag: &TagName, once_there: bool) -> Missing {
    if once_there { Missing::TagExpired(tag.as_str().to_owned()) } else { Missing::Manifest }
}

pub(crate) fn stored(manifest: manifests::Manifest) -> StoredManifest {
    let manifests::Manifest { head, bytes, kind: _ } = manifest;
    let ManifestHead { digest, media_type, artifact_type, config_media_type, subject, layers_size, .. } =
        head;
    StoredManifest {
        digest,
        media_type,
        artifact_type,
        config_media_type,
        subject,
        layers_size: layers_size.cast_unsigned(),
        bytes: bytes.into(),
    }
}
