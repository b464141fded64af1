//! Manifests: the bytes as received, what is indexed of them, and the edges to blobs, children and subjects.
//!
//! A hidden manifest is gone for readers and still pins its bytes: it can be restored until collected.

use quay_oci::{ArtifactKind, Digest};

use crate::engine::{Conn, Row, Tx, coded, first, params, statements};
use crate::{BlobId, Error, ManifestId, RepoId};

coded! {
    /// Whether readers see a manifest.
    pub enum ManifestState {
        /// Yes.
        Live = 0,
        /// No; it waits for restoring or collection.
        Hidden = 1,
    }
}

/// A manifest without its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestHead {
    /// Its id.
    pub id: ManifestId,
    /// Its repository.
    pub repo: RepoId,
    /// The digest of its bytes.
    pub digest: Digest,
    /// Its media type.
    pub media_type: String,
    /// Its artifact type, or the type of its config.
    pub artifact_type: Option<String>,
    /// The type of its config.
    pub config_media_type: Option<String>,
    /// The manifest it is about.
    pub subject: Option<Digest>,
    /// How many bytes it has.
    pub size: i64,
    /// How many bytes its layers have.
    pub layers_size: i64,
    /// Whether readers see it.
    pub state: ManifestState,
    /// Since when they do not.
    pub hidden_ms: Option<i64>,
    /// When it may be collected unless something refers to it.
    pub expires_ms: Option<i64>,
    /// When it was pushed.
    pub created_ms: i64,
}

/// A manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Everything but kind and bytes.
    pub head: ManifestHead,
    /// What it is.
    pub kind: ArtifactKind,
    /// The bytes as received.
    pub bytes: Vec<u8>,
}

impl std::ops::Deref for Manifest {
    type Target = ManifestHead;
    fn deref(&self) -> &ManifestHead {
        &self.head
    }
}

/// A manifest to be stored.
pub struct NewManifest<'a> {
    /// Its repository.
    pub repo: RepoId,
    /// The digest of its bytes.
    pub digest: &'a Digest,
    /// Its media type.
    pub media_type: &'a str,
    /// Its artifact type, or the type of its config.
    pub artifact_type: Option<&'a str>,
    /// The type of its config.
    pub config_media_type: Option<&'a str>,
    /// The manifest it is about.
    pub subject: Option<&'a Digest>,
    /// What it is.
    pub kind: ArtifactKind,
    /// Its annotations as a JSON object, for lists of referrers.
    pub annotations: Option<&'a [u8]>,
    /// How many bytes its layers have.
    pub layers_size: i64,
    /// The bytes as received.
    pub bytes: &'a [u8],
    /// Copies of its config and layers.
    pub blobs: &'a [BlobId],
    /// Manifests it lists.
    pub children: &'a [&'a Digest],
    /// When it may be collected unless something refers to it.
    pub expires_ms: Option<i64>,
    /// Now.
    pub now_ms: i64,
}

/// What a push of a manifest did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was not there.
    New,
    /// It was there.
    Existing,
    /// It was hidden and is live again.
    Revived,
}

/// Answer to a push of a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Put {
    /// Its id.
    pub id: ManifestId,
    /// What was done.
    pub outcome: Outcome,
}

/// A manifest about another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referrer {
    /// Its digest.
    pub digest: Digest,
    /// Its media type.
    pub media_type: String,
    /// Its artifact type, or the type of its config.
    pub artifact_type: Option<String>,
    /// How many bytes it has.
    pub size: i64,
    /// Its annotations as a JSON object.
    pub annotations: Option<Vec<u8>>,
}

macro_rules! columns {
    () => {
        "m.id, m.repo_id, m.digest, m.media_type, m.artifact_type, m.config_media_type, m.subject, m.size, \
         m.layers_size, m.state, m.hidden_ms, m.expires_ms, m.created_ms"
    };
}

statements! {
    INSERT = "INSERT INTO manifests
              (repo_id, digest, media_type, artifact_type, config_media_type, subject, size, layers_size,
               expires_ms, created_ms, annotations, bytes, kind)
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
              ON CONFLICT (repo_id, digest) DO NOTHING RETURNING id";
    LOCK = concat!("SELECT ", columns!(), " FROM manifests m WHERE m.repo_id = $1 AND m.digest = $2 /* FOR UPDATE */");
    PROLONG = "UPDATE manifests SET state = 0, hidden_ms = NULL, expires_ms = $2 WHERE id = $1";
    INSERT_BLOB = "INSERT INTO manifest_blobs (repo_id, blob_id, manifest_id) VALUES ($1, $2, $3)
                   ON CONFLICT DO NOTHING";
    INSERT_CHILD = "INSERT INTO manifest_children (repo_id, manifest_id, digest) VALUES ($1, $2, $3)
                    ON CONFLICT DO NOTHING";
    FIND = concat!("SELECT ", columns!(), ", m.bytes, m.kind FROM manifests m
                    WHERE m.repo_id = $1 AND m.digest = $2 AND m.state = 0");
    FIND_ANY = concat!("SELECT ", columns!(), ", m.bytes, m.kind FROM manifests m WHERE m.repo_id = $1 AND m.digest = $2");
    GET = concat!("SELECT ", columns!(), ", m.bytes, m.kind FROM manifests m WHERE m.id = $1");
    HEAD = concat!("SELECT ", columns!(), " FROM manifests m
                    WHERE m.repo_id = $1 AND m.digest = $2 AND m.state = 0");
    BY_TAG = concat!("SELECT ", columns!(), ", m.bytes, m.kind FROM tags t JOIN manifests m ON m.id = t.manifest_id
                    WHERE t.repo_id = $1 AND t.name = $2 AND (t.end_ms IS NULL OR t.end_ms > $3) AND m.state = 0");
    HEAD_BY_TAG = concat!("SELECT ", columns!(), " FROM tags t JOIN manifests m ON m.id = t.manifest_id
                    WHERE t.repo_id = $1 AND t.name = $2 AND (t.end_ms IS NULL OR t.end_ms > $3) AND m.state = 0");
    HIDE = "UPDATE manifests SET state = 1, hidden_ms = $2 WHERE id = $1 AND state = 0";
    REVIVE = "UPDATE manifests SET state = 0, hidden_ms = NULL WHERE id = $1 AND state = 1";
    SET_EXPIRY = "UPDATE manifests SET expires_ms = $2 WHERE id = $1";
    NEEDED_BY_INDEX = "SELECT EXISTS (SELECT 1 FROM manifest_children c JOIN manifests m ON m.id = c.manifest_id
                       WHERE c.repo_id = $1 AND c.digest = $2 AND m.state = 0 AND (
                       EXISTS (SELECT 1 FROM tags t WHERE t.manifest_id = m.id AND NOT t.attached
                               AND (t.end_ms IS NULL OR t.end_ms > $3))
                       OR ($4 IS NULL AND NOT EXISTS (SELECT 1 FROM tags t WHERE t.manifest_id = m.id AND t.attached))))";
    LISTED = concat!("SELECT ", columns!(), " FROM manifest_children c
                    JOIN manifests m ON m.repo_id = c.repo_id AND m.digest = c.digest
                    WHERE c.manifest_id = $1 ORDER BY c.digest");
    HAS_PARENT = "SELECT EXISTS (SELECT 1 FROM manifest_children WHERE repo_id = $1 AND digest = $2)";
    BLOB_IDS = "SELECT blob_id FROM manifest_blobs WHERE manifest_id = $1 ORDER BY blob_id";
    REFERRERS = "SELECT digest, media_type, artifact_type, size, annotations FROM manifests
                 WHERE repo_id = $1 AND subject = $2 AND digest > $3 AND state = 0 ORDER BY digest LIMIT $4";
    REFERRERS_OF_TYPE = "SELECT digest, media_type, artifact_type, size, annotations FROM manifests
                 WHERE repo_id = $1 AND subject = $2 AND artifact_type = $5 AND digest > $3 AND state = 0
                 ORDER BY digest LIMIT $4";
    LISTED_REFERRERS = "SELECT k.digest, k.media_type, k.artifact_type, k.size, k.annotations
                 FROM tags t JOIN manifests l ON l.id = t.manifest_id AND l.digest <> $7
                 JOIN manifest_children c ON c.manifest_id = l.id
                 JOIN manifests k ON k.repo_id = c.repo_id AND k.digest = c.digest AND k.state = 0
                 WHERE t.repo_id = $1 AND t.name = $2 AND (t.end_ms IS NULL OR t.end_ms > $6) AND c.digest > $3
                 AND ($5 IS NULL OR k.artifact_type = $5) AND (k.subject IS NULL OR k.subject <> $7)
                 ORDER BY c.digest LIMIT $4";
    EXPIRED = concat!("SELECT ", columns!(), " FROM manifests m WHERE m.expires_ms <= $1
                       ORDER BY m.expires_ms LIMIT $2");
    HIDDEN = concat!("SELECT ", columns!(), " FROM manifests m WHERE m.state = 1 AND m.hidden_ms <= $1
                       AND (m.hidden_ms, m.id) > ($2, $3) ORDER BY m.hidden_ms, m.id LIMIT $4");
    SET_REFERRERS_EXPIRY = "UPDATE manifests SET expires_ms = $3 WHERE repo_id = $1 AND subject = $2 AND state = 0
                       AND NOT EXISTS (SELECT 1 FROM tags t WHERE t.manifest_id = manifests.id)";
    QUEUE_BLOBS = "INSERT INTO gc_candidates (kind, target_id, due_ms)
                   SELECT 0, e.blob_id, 0 FROM manifest_blobs e WHERE e.manifest_id = $1 ON CONFLICT DO NOTHING";
    ERASE = "DELETE FROM manifests WHERE id = $1";
}

const BYTES: usize = 13;

fn head_row(row: &Row<'_>) -> Result<ManifestHead, Error> {
    Ok(ManifestHead {
        id: row.get(0)?,
        repo: row.get(1)?,
        digest: row.get(2)?,
        media_type: row.get(3)?,
        artifact_type: row.get(4)?,
        config_media_type: row.get(5)?,
        subject: row.get(6)?,
        size: row.get(7)?,
        layers_size: row.get(8)?,
        state: row.get(9)?,
        hidden_ms: row.get(10)?,
        expires_ms: row.get(11)?,
        created_ms: row.get(12)?,
    })
}

fn manifest(row: &Row<'_>) -> Result<Manifest, Error> {
    Ok(Manifest { head: head_row(row)?, bytes: row.get(BYTES)?, kind: row.get(BYTES + 1)? })
}

fn referrer(row: &Row<'_>) -> Result<Referrer, Error> {
    Ok(Referrer {
        digest: row.get(0)?,
        media_type: row.get(1)?,
        artifact_type: row.get(2)?,
        size: row.get(3)?,
        annotations: row.get(4)?,
    })
}

/// Stores a manifest with its edges, or makes the one that is there live again. An earlier end is moved, never
/// brought forward.
pub async fn put(tx: &mut Tx, new: &NewManifest<'_>) -> Result<Put, Error> {
    let NewManifest {
        repo,
        digest,
        media_type,
        artifact_type,
        config_media_type,
        subject,
        kind,
        annotations,
        layers_size,
        bytes,
        blobs,
        children,
        expires_ms,
        now_ms,
    } = *new;
    let values = params![
        repo,
        digest,
        media_type,
        artifact_type,
        config_media_type,
        subject,
        bytes.len() as i64,
        layers_size,
        expires_ms,
        now_ms,
        annotations,
        bytes,
        kind
    ];
    let Some(id) = tx.opt(INSERT, values, first::<ManifestId>).await? else {
        let there = tx.one(LOCK, params![repo, digest], head_row).await?;
        let revived = there.state == ManifestState::Hidden;
        let expires_ms = match (there.expires_ms, expires_ms) {
            (Some(old), Some(new)) if !revived => Some(old.max(new)),
            (None, Some(_)) if !revived => None,
            (_, new) => new,
        };
        if revived || there.expires_ms != expires_ms {
            tx.exec(PROLONG, params![there.id, expires_ms]).await?;
        }
        return Ok(Put { id: there.id, outcome: if revived { Outcome::Revived } else { Outcome::Existing } });
    };
    for blob in blobs {
        tx.exec(INSERT_BLOB, params![repo, *blob, id]).await?;
    }
    for child in children {
        tx.exec(INSERT_CHILD, params![repo, id, *child]).await?;
    }
    Ok(Put { id, outcome: Outcome::New })
}

/// A live manifest by digest.
pub async fn find(c: &mut Conn, repo: RepoId, digest: &Digest) -> Result<Option<Manifest>, Error> {
    c.opt(FIND, params![repo, digest], manifest).await
}

/// A manifest by digest, hidden or not.
pub async fn find_any(c: &mut Conn, repo: RepoId, digest: &Digest) -> Result<Option<Manifest>, Error> {
    c.opt(FIND_ANY, params![repo, digest], manifest).await
}

/// A manifest by id, hidden or not.
pub async fn get(c: &mut Conn, id: ManifestId) -> Result<Option<Manifest>, Error> {
    c.opt(GET, params![id], manifest).await
}

/// A live manifest by digest, without its bytes.
pub async fn head(c: &mut Conn, repo: RepoId, digest: &Digest) -> Result<Option<ManifestHead>, Error> {
    c.opt(HEAD, params![repo, digest], head_row).await
}

/// The live manifest that a tag points at.
pub async fn by_tag(c: &mut Conn, repo: RepoId, tag: &str, now_ms: i64) -> Result<Option<Manifest>, Error> {
    c.opt(BY_TAG, params![repo, tag, now_ms], manifest).await
}

/// The live manifest that a tag points at, without its bytes.
pub async fn head_by_tag(
    c: &mut Conn,
    repo: RepoId,
    tag: &str,
    now_ms: i64,
) -> Result<Option<ManifestHead>, Error> {
    c.opt(HEAD_BY_TAG, params![repo, tag, now_ms], head_row).await
}

/// Takes a manifest from every reader. Its tags are the caller's to end.
pub async fn hide(tx: &mut Tx, id: ManifestId, now_ms: i64) -> Result<bool, Error> {
    tx.hit(HIDE, params![id, now_ms]).await
}

/// Gives a hidden manifest back to readers.
pub async fn revive(tx: &mut Tx, id: ManifestId) -> Result<bool, Error> {
    tx.hit(REVIVE, params![id]).await
}

/// Changes when a manifest may be collected.
pub async fn set_expiry(tx: &mut Tx, id: ManifestId, expires_ms: Option<i64>) -> Result<(), Error> {
    tx.exec(SET_EXPIRY, params![id, expires_ms]).await.map(drop)
}

/// What an index lists and the repository has, hidden or not.
pub async fn listed(c: &mut Conn, index: ManifestId) -> Result<Vec<ManifestHead>, Error> {
    c.all(LISTED, params![index], head_row).await
}

/// Whether a live index of the repository lists a manifest and could not be pulled without it. A list of referrers that
/// a client keeps under a tag for that, the versions before included, needs none of them.
pub async fn needed_by_index(c: &mut Conn, child: &ManifestHead, now_ms: i64) -> Result<bool, Error> {
    c.one(NEEDED_BY_INDEX, params![child.repo, &child.digest, now_ms, child.subject.as_ref()], first).await
}

/// Whether any index lists a digest, a hidden one included: that may be restored.
pub async fn has_parent(c: &mut Conn, repo: RepoId, digest: &Digest) -> Result<bool, Error> {
    c.one(HAS_PARENT, params![repo, digest], first).await
}

/// Copies that a manifest refers to.
pub async fn blob_ids(c: &mut Conn, id: ManifestId) -> Result<Vec<BlobId>, Error> {
    c.all(BLOB_IDS, params![id], first).await
}

/// Live manifests about a subject by digest, all or those of one artifact type.
pub async fn referrers(
    c: &mut Conn,
    repo: RepoId,
    subject: &Digest,
    artifact_type: Option<&str>,
    after: Option<&Digest>,
    limit: u32,
) -> Result<Vec<Referrer>, Error> {
    let after = after.map_or("", Digest::as_str);
    match artifact_type {
        None => c.all(REFERRERS, params![repo, subject, after, limit], referrer).await,
        Some(of) => c.all(REFERRERS_OF_TYPE, params![repo, subject, after, limit, of], referrer).await,
    }
}

/// What a client listed as referrers of a subject in an index of its own under `tag`, but for those that name the
/// subject themselves. The subject itself under that tag, as cosign copies it, is no such list.
#[expect(clippy::too_many_arguments, reason = "a page of a filtered list")]
pub async fn listed_referrers(
    c: &mut Conn,
    repo: RepoId,
    tag: &str,
    subject: &Digest,
    artifact_type: Option<&str>,
    after: Option<&Digest>,
    limit: u32,
    now_ms: i64,
) -> Result<Vec<Referrer>, Error> {
    let after = after.map_or("", Digest::as_str);
    let values = params![repo, tag, after, limit, artifact_type, now_ms, subject];
    c.all(LISTED_REFERRERS, values, referrer).await
}

/// Manifests whose end has come, oldest first. Whether something refers to them is for the caller to see.
pub async fn expired(c: &mut Conn, now_ms: i64, limit: u32) -> Result<Vec<ManifestHead>, Error> {
    c.all(EXPIRED, params![now_ms, limit], head_row).await
}

/// Manifests hidden since before a time, oldest first.
pub async fn hidden(
    c: &mut Conn,
    before_ms: i64,
    after: Option<(i64, ManifestId)>,
    limit: u32,
) -> Result<Vec<ManifestHead>, Error> {
    let (hidden_ms, id) = after.unwrap_or((i64::MIN, ManifestId(0)));
    c.all(HIDDEN, params![before_ms, hidden_ms, id, limit], head_row).await
}

/// Changes when the untagged live referrers of a subject may be collected; gives how many there are.
pub async fn set_referrers_expiry(
    tx: &mut Tx,
    repo: RepoId,
    subject: &Digest,
    expires_ms: Option<i64>,
) -> Result<u64, Error> {
    tx.exec(SET_REFERRERS_EXPIRY, params![repo, subject, expires_ms]).await
}

/// Removes a manifest and its edges; its blobs become candidates. Refused by the engine while a tag, or a lifetime
/// that can be restored, points at it.
pub async fn erase(tx: &mut Tx, id: ManifestId) -> Result<bool, Error> {
    tx.exec(QUEUE_BLOBS, params![id]).await?;
    tx.hit(ERASE, params![id]).await
}
