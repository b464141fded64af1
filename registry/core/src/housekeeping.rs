//! What has to be done now and then: things end, keys turn, bytes that nobody owns go.
//!
//! Called by the server, which owns the task. Every step is bounded and goes on where it stopped the time before.

use std::collections::HashSet;

use quay_blobs::StorageKey;
use quay_db::tables::{blobs, sessions, uploads};

use crate::core::Core;
use crate::error::{Error, Result};
use crate::uploads::{discard, storage_key};

/// Rows of a kind that are looked at in one go.
const BATCH: u32 = 500;

/// What housekeeping did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Housekept {
    /// Uploads given up because nobody continued them.
    pub uploads: u64,
    /// Files removed that no row owned.
    pub files: u64,
    /// Sessions that ended.
    pub sessions: u64,
    /// Links to blobs that ended without a manifest.
    pub links: u64,
}

impl Core {
    /// One round. About once a minute.
    pub async fn housekeeping(&self) -> Result<Housekept> {
        self.flush_pulls().await?;
        self.turn_keys().await?;
        let uploads = self.give_up_uploads().await?;
        let files = self.sweep_intents().await?;
        let now_ms = self.now_ms();
        let sessions = self.db().write(async move |tx| sessions::delete_expired(tx, now_ms).await).await?;
        let links = self.end_links().await?;
        Ok(Housekept { uploads, files, sessions, links })
    }

    /// Puts in order what the process before this one left.
    pub(crate) async fn recover(&self) -> Result<()> {
        // The folder is locked: whoever held a lease is gone.
        self.db().write(async move |tx| uploads::release_all(tx).await).await?;
        let files = self.sweep_intents().await?;
        if files > 0 {
            tracing::info!(files, "removed files of uploads that came to nothing");
        }
        Ok(())
    }

    /// Uploads that nobody continued.
    async fn give_up_uploads(&self) -> Result<u64> {
        let now_ms = self.now_ms();
        let expired = self.db().read(async |c| uploads::expired(c, now_ms, BATCH).await).await?;
        let mut given_up = 0;
        for row in expired {
            // Its request may be running still.
            let Ok(id) = row.id.parse() else { continue };
            let Some(_claim) = self.writers().claim(id) else { continue };
            let name = row.id;
            self.db().write(async move |tx| uploads::remove(tx, &name).await).await?;
            discard(self, &storage_key(&row.storage_key)?).await?;
            given_up += 1;
        }
        Ok(given_up)
    }

    /// Bytes whose key was written down and that neither a blob nor an upload owns.
    async fn sweep_intents(&self) -> Result<u64> {
        let mut swept = 0;
        let mut after: Option<String> = None;
        loop {
            let batch = self.db().read(async |c| blobs::intents(c, after.as_deref(), BATCH).await).await?;
            let Some(last) = batch.last() else { return Ok(swept) };
            after = Some(last.storage_key.clone());
            for intent in batch.into_iter().filter(|intent| intent.upload.is_none()) {
                discard(self, &storage_key(&intent.storage_key)?).await?;
                swept += 1;
            }
        }
    }

    /// Links of uploads and mounts that no manifest took up in time.
    async fn end_links(&self) -> Result<u64> {
        let now_ms = self.now_ms();
        self.db()
            .write(async move |tx| -> Result<u64> {
                let mut ended = 0;
                for (repo, blob) in blobs::expired_leases(tx, now_ms, BATCH).await? {
                    ended += u64::from(blobs::drop_lease(tx, repo, blob, now_ms).await?);
                }
                Ok(ended)
            })
            .await
    }

    /// Removes files under keys that no row knows, as a restored backup may leave them. Walks the whole storage;
    /// never part of a request. A key is written down before its first byte, so a file without a row is nobody's.
    pub async fn sweep_orphans(&self) -> Result<u64> {
        let blobs = self.blobs().clone();
        let listed = tokio::task::spawn_blocking(move || {
            blobs.keys().map(|entry| entry.map(|entry| entry.key)).collect::<Result<Vec<StorageKey>, _>>()
        });
        let keys = listed.await.map_err(|e| Error::Internal(Box::new(e)))??;
        let intended = self.intended_keys().await?;
        let mut removed = 0;
        for key in keys {
            let text = key.as_str();
            let known = intended.contains(text)
                || self.db().read(async |c| blobs::by_storage_key(c, text).await).await?.is_some();
            if !known {
                self.blobs().delete(&key).await?;
                tracing::warn!(storage.key = %key, "removed a file that no row knows");
                removed += 1;
            }
        }
        Ok(removed)
    }

    async fn intended_keys(&self) -> Result<HashSet<String>> {
        let mut keys = HashSet::new();
        let mut after: Option<String> = None;
        loop {
            let batch = self.db().read(async |c| blobs::intents(c, after.as_deref(), BATCH).await).await?;
            let Some(last) = batch.last() else { return Ok(keys) };
            after = Some(last.storage_key.clone());
            keys.extend(batch.into_iter().map(|intent| intent.storage_key));
        }
    }
}
