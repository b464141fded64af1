//! Collection of what nobody can reach any more: online, in small steps, each of which may be the last.
//!
//! ```text
//!   tag ends ─► lifetime forgotten after the window ─┐
//!   untagged manifest expires ─► hidden ─────────────┴─► erased ─► its blobs become candidates
//!   candidate blob without edge or lease ─► condemned ─► bytes deleted ─► row erased
//! ```
//!
//! Decisions are made from edges, inside of one transaction per step, never from counts. A condemned blob is gone for
//! every reader and writer: its digest is stored anew when it is pushed again. Nothing here waits for a push.

use std::collections::HashMap;

use quay_db::tables::blobs::{self, Place};
use quay_db::tables::gc::{self, Candidate};
use quay_db::tables::manifests::{self, ManifestHead, ManifestState};
use quay_db::tables::{repos, tags, users};
use quay_db::{BlobId, Conn, ManifestId, RepoId, Tx};

use crate::attached;
use crate::core::Core;
use crate::error::Result;
use crate::push::{expire_referrers, expire_untagged};
use crate::uploads::storage_key;

/// Rows looked at in one step.
const BATCH: u32 = 200;
/// Namespaces looked at in one step.
const NAMESPACES: u32 = 200;
/// A manifest that something still needs is looked at again after this time.
const LOOK_AGAIN_MS: i64 = 24 * 3600 * 1000;

/// What a round of collection freed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Collected {
    /// Tags whose end had come.
    pub tags: u64,
    /// Manifests taken from readers because nothing kept them.
    pub hidden: u64,
    /// Manifests erased.
    pub manifests: u64,
    /// Blobs erased.
    pub blobs: u64,
    /// Bytes of those.
    pub bytes: u64,
}

impl Core {
    /// One round of collection.
    pub async fn collect(&self) -> Result<Collected> {
        let mut done = Collected { tags: self.end_tags().await?, ..Collected::default() };
        done.hidden = self.hide_expired().await?;
        done.manifests = self.forget_lifetimes().await? + self.erase_hidden().await?;
        self.condemn_candidates().await?;
        (done.blobs, done.bytes) = self.erase_condemned().await?;
        Ok(done)
    }

    /// Tags whose end has come: readers do not see them any more, now their manifests learn of it.
    async fn end_tags(&self) -> Result<u64> {
        let (now_ms, mut ended) = (self.now_ms(), 0);
        loop {
            let batch = self
                .db()
                .write(async move |tx| -> Result<u64> {
                    let expired = tags::expired(tx, now_ms, BATCH).await?;
                    let count = expired.len() as u64;
                    for tag in expired {
                        let dropped = tags::drop_expired(tx, tag.repo, &tag.name, now_ms).await?;
                        if let (Some(manifest), Some(repo)) = (dropped, repos::get(tx, tag.repo).await?) {
                            expire_untagged(tx, repo.namespace, manifest, now_ms).await?;
                        }
                    }
                    Ok(count)
                })
                .await?;
            ended += batch;
            if batch < u64::from(BATCH) {
                return Ok(ended);
            }
        }
    }

    /// Manifests without a tag whose time is up, unless something else keeps them.
    async fn hide_expired(&self) -> Result<u64> {
        let (now_ms, mut hidden) = (self.now_ms(), 0);
        loop {
            let (batch, looked_at) = self
                .db()
                .write(async move |tx| -> Result<(u64, usize)> {
                    let (expired, mut hidden) = (manifests::expired(tx, now_ms, BATCH).await?, 0);
                    for head in &expired {
                        hidden += u64::from(hide_unless_kept(tx, head, now_ms).await?);
                    }
                    Ok((hidden, expired.len()))
                })
                .await?;
            hidden += batch;
            if looked_at < BATCH as usize {
                return Ok(hidden);
            }
        }
    }

    /// Lifetimes that ended before the window of their namespace cannot be restored; what only they kept goes.
    async fn forget_lifetimes(&self) -> Result<u64> {
        let (now_ms, mut erased) = (self.now_ms(), 0);
        let mut after: Option<String> = None;
        loop {
            let owners =
                self.db().read(async |c| users::list(c, None, after.as_deref(), NAMESPACES).await).await?;
            let Some(last) = owners.last() else { return Ok(erased) };
            after = Some(last.username.clone());
            erased += self
                .db()
                .write(async move |tx| -> Result<u64> {
                    let mut erased = 0;
                    for owner in owners {
                        let before_ms = now_ms.saturating_sub(window_of(&owner));
                        let mut freed = tags::forget(tx, owner.id, before_ms, BATCH).await?;
                        freed.sort_unstable();
                        freed.dedup();
                        for manifest in freed {
                            erased += u64::from(erase_if_hidden(tx, manifest).await?);
                        }
                    }
                    Ok(erased)
                })
                .await?;
        }
    }

    /// Manifests that were deleted longer ago than their namespace's window.
    async fn erase_hidden(&self) -> Result<u64> {
        let now_ms = self.now_ms();
        let mut windows: HashMap<RepoId, i64> = HashMap::new();
        let mut after: Option<(i64, ManifestId)> = None;
        let mut erased = 0;
        loop {
            let batch = self.db().read(async |c| manifests::hidden(c, now_ms, after, BATCH).await).await?;
            let Some(last) = batch.last() else { return Ok(erased) };
            after = Some((last.hidden_ms.unwrap_or(now_ms), last.id));
            let mut due = Vec::new();
            for head in batch {
                let window_ms = match windows.get(&head.repo) {
                    Some(window_ms) => *window_ms,
                    None => {
                        let window_ms = self.db().read(async |c| window_in(c, head.repo).await).await?;
                        windows.insert(head.repo, window_ms);
                        window_ms
                    }
                };
                if head.hidden_ms.is_some_and(|hidden_ms| hidden_ms.saturating_add(window_ms) <= now_ms) {
                    due.push(head.id);
                }
            }
            if due.is_empty() {
                continue;
            }
            erased += self
                .db()
                .write(async move |tx| -> Result<u64> {
                    let mut erased = 0;
                    for id in due {
                        erased += u64::from(erase_if_hidden(tx, id).await?);
                    }
                    Ok(erased)
                })
                .await?;
        }
    }

    /// Condemns candidates that no edge and no lease holds.
    async fn condemn_candidates(&self) -> Result<()> {
        let now_ms = self.now_ms();
        loop {
            let looked_at = self
                .db()
                .write(async move |tx| -> Result<usize> {
                    let due = gc::due(tx, Candidate::Blob, now_ms, BATCH).await?;
                    for id in &due {
                        blobs::condemn(tx, BlobId(*id), now_ms).await?;
                        gc::dequeue(tx, Candidate::Blob, *id).await?;
                    }
                    Ok(due.len())
                })
                .await?;
            if looked_at < BATCH as usize {
                return Ok(());
            }
        }
    }

    /// Deletes the bytes of condemned blobs, then their rows: a crash in between leaves a row, never bytes.
    async fn erase_condemned(&self) -> Result<(u64, u64)> {
        let (mut count, mut bytes) = (0, 0_u64);
        let mut after: Option<BlobId> = None;
        loop {
            let batch = self.db().read(async |c| blobs::condemned(c, after, BATCH).await).await?;
            let Some(last) = batch.last() else { return Ok((count, bytes)) };
            after = Some(last.id);
            let mut gone = Vec::new();
            for blob in batch {
                if let Place::Stored(key) = &blob.place
                    && let Err(error) = self.blobs().delete(&storage_key(key)?).await
                {
                    tracing::warn!(%error, storage.key = key, "bytes cannot be deleted; it is tried again");
                    continue;
                }
                bytes = bytes.saturating_add(blob.size.cast_unsigned());
                gone.push(blob.id);
            }
            count += gone.len() as u64;
            self.db()
                .write(async move |tx| -> Result<()> {
                    for id in gone {
                        blobs::erase(tx, id).await?;
                    }
                    Ok(())
                })
                .await?;
        }
    }
}

/// Hides a manifest whose time is up; what is still needed is looked at again later.
async fn hide_unless_kept(tx: &mut Tx, head: &ManifestHead, now_ms: i64) -> Result<bool> {
    let tagged = !tags::of_manifest(tx, head.id, now_ms).await?.is_empty();
    if head.state == ManifestState::Hidden || tagged {
        manifests::set_expiry(tx, head.id, None).await?;
        return Ok(false);
    }
    // An index that was deleted can be restored, and would then be nothing without its children.
    if manifests::has_parent(tx, head.repo, &head.digest).await? {
        manifests::set_expiry(tx, head.id, Some(now_ms.saturating_add(LOOK_AGAIN_MS))).await?;
        return Ok(false);
    }
    if let Some(subject) = &head.subject
        && manifests::head(tx, head.repo, subject).await?.is_some()
    {
        manifests::set_expiry(tx, head.id, None).await?;
        return Ok(false);
    }
    manifests::hide(tx, head.id, now_ms).await?;
    manifests::set_expiry(tx, head.id, None).await?;
    if let Some(repo) = repos::get(tx, head.repo).await? {
        expire_referrers(tx, head.repo, repo.namespace, &head.digest, now_ms).await?;
        attached::end_with_subject(tx, head.repo, repo.namespace, &head.digest, now_ms).await?;
    }
    // Its time was its grace; only a lifetime that can be restored keeps it from now on.
    erase_if_hidden(tx, head.id).await?;
    Ok(true)
}

/// Erases a hidden manifest unless a tag can be restored to it.
async fn erase_if_hidden(tx: &mut Tx, id: ManifestId) -> Result<bool> {
    let hidden =
        manifests::get(tx, id).await?.is_some_and(|manifest| manifest.state == ManifestState::Hidden);
    if !hidden || tags::remembers(tx, id).await? {
        return Ok(false);
    }
    Ok(manifests::erase(tx, id).await?)
}

/// How long what was deleted in a repository can be restored.
async fn window_in(c: &mut Conn, repo: RepoId) -> Result<i64> {
    let Some(repo) = repos::get(c, repo).await? else { return Ok(0) };
    Ok(users::get(c, repo.namespace).await?.as_ref().map_or(0, window_of))
}

fn window_of(owner: &users::User) -> i64 {
    owner.tag_expiration_s.saturating_mul(1000)
}
