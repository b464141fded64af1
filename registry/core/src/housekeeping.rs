//! What has to be done now and then: things end, keys turn, bytes that nobody owns go.
//!
//! Called by the server, which owns the task. Every step goes in batches until one is short, and goes its own way:
//! a step or a row that fails is told and does not keep the others.

use std::collections::HashSet;
use std::time::Duration;

use quay_blobs::StorageKey;
use quay_db::tables::{audit, blobs, sessions, uploads};

use crate::clock::ms;
use crate::core::Core;
use crate::error::{Error, Result};
use crate::gc::Collected;
use crate::uploads::{discard, storage_key};

/// Rows of a kind that are looked at in one go.
const BATCH: u32 = 500;
/// How long the log is kept.
const LOG_KEPT: Duration = Duration::from_secs(90 * 24 * 3600);

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
    /// Lines of the log that were old enough to go.
    pub logs: u64,
    /// What the collection freed.
    pub collected: Collected,
}

impl Core {
    /// One round. About once a minute. Every step is taken; the first failure is the answer, all are in the log.
    pub async fn housekeeping(&self) -> Result<Housekept> {
        let mut kept = Housekept::default();
        let failures = &mut Failures::default();
        note(failures, "writing down pulls", self.flush_pulls().await);
        note(failures, "turning the signing keys", self.turn_keys().await);
        kept.uploads = self.give_up_uploads(failures).await;
        kept.files = self.sweep_intents(failures).await;
        kept.sessions = note(failures, "ending sessions", self.end_sessions().await);
        kept.links = note(failures, "ending links", self.end_links().await);
        kept.logs = note(failures, "shortening the log", self.shorten_log().await);
        kept.collected = note(failures, "collecting", self.collect().await);
        if self.sweep_due() {
            kept.files += note(failures, "searching for stray files", self.sweep_orphans().await);
        }
        if kept.collected != Collected::default() {
            tracing::info!(collected = ?kept.collected, "collected what nobody can reach");
        }
        failures.first.take().map_or(Ok(kept), Err)
    }

    /// Puts in order what the process before this one left.
    pub(crate) async fn recover(&self) -> Result<()> {
        // The folder is locked: whoever held a lease is gone.
        self.db().write(async move |tx| uploads::release_all(tx).await).await?;
        let files = self.sweep_intents(&mut Failures::default()).await;
        if files > 0 {
            tracing::info!(files, "removed files of uploads that came to nothing");
        }
        Ok(())
    }

    /// Uploads that nobody continued.
    async fn give_up_uploads(&self, failures: &mut Failures) -> u64 {
        let (now_ms, mut given_up) = (self.now_ms(), 0);
        loop {
            let expired = self.db().read(async |c| uploads::expired(c, now_ms, BATCH).await).await;
            let expired = note(failures, "reading uploads", expired.map_err(Error::from));
            let full = expired.len() == BATCH as usize;
            let mut moved = false;
            for row in expired {
                let done = self.give_up(row).await;
                let done = note(failures, "giving up an upload", done);
                given_up += u64::from(done);
                moved |= done;
            }
            // Rows that cannot go would be read again and again.
            if !full || !moved {
                return given_up;
            }
        }
    }

    async fn give_up(&self, row: uploads::Upload) -> Result<bool> {
        // Its request may be running still.
        let id = row.id.parse()?;
        let Some(_claim) = self.writers().claim(id)? else { return Ok(false) };
        let name = row.id;
        self.db().write(async move |tx| uploads::remove(tx, &name).await).await?;
        discard(self, &storage_key(&row.storage_key)?).await?;
        Ok(true)
    }

    /// Bytes whose key was written down and that neither a blob nor an upload owns.
    async fn sweep_intents(&self, failures: &mut Failures) -> u64 {
        let mut swept = 0;
        let mut after: Option<String> = None;
        loop {
            let batch = self.db().read(async |c| blobs::intents(c, after.as_deref(), BATCH).await).await;
            let batch = note(failures, "reading storage keys", batch.map_err(Error::from));
            let Some(last) = batch.last() else { return swept };
            after = Some(last.storage_key.clone());
            for intent in batch.into_iter().filter(|intent| intent.upload.is_none()) {
                let done = async { discard(self, &storage_key(&intent.storage_key)?).await };
                swept += u64::from(note(failures, "removing a file", done.await.map(|()| true)));
            }
        }
    }

    async fn end_sessions(&self) -> Result<u64> {
        let now_ms = self.now_ms();
        Ok(self.db().write(async move |tx| sessions::delete_expired(tx, now_ms).await).await?)
    }

    /// Links of uploads and mounts that no manifest took up in time.
    async fn end_links(&self) -> Result<u64> {
        let (now_ms, mut ended) = (self.now_ms(), 0);
        loop {
            let batch = self
                .db()
                .write(async move |tx| -> Result<u64> {
                    let mut ended = 0;
                    for (repo, blob) in blobs::expired_leases(tx, now_ms, BATCH).await? {
                        ended += u64::from(blobs::drop_lease(tx, repo, blob, now_ms).await?);
                    }
                    Ok(ended)
                })
                .await?;
            ended += batch;
            if batch < u64::from(BATCH) {
                return Ok(ended);
            }
        }
    }

    async fn shorten_log(&self) -> Result<u64> {
        let (before_ms, mut gone) = (self.now_ms().saturating_sub(ms(LOG_KEPT)), 0);
        loop {
            let batch =
                self.db().write(async move |tx| audit::delete_before(tx, before_ms, BATCH).await).await?;
            gone += batch;
            if batch < u64::from(BATCH) {
                return Ok(gone);
            }
        }
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
            // An upload that began after the listing has no file in it; one that was finished since has a row.
            let known = intended.contains(text)
                || self
                    .db()
                    .read(async |c| -> Result<bool> {
                        Ok(blobs::by_storage_key(c, text).await?.is_some()
                            || blobs::is_intended(c, text).await?)
                    })
                    .await?;
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

/// What failed in a round.
#[derive(Default)]
struct Failures {
    first: Option<Error>,
}

/// Tells of a failure and goes on with nothing.
fn note<T: Default>(failures: &mut Failures, step: &str, outcome: Result<T>) -> T {
    outcome.unwrap_or_else(|error| {
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        tracing::warn!(%error, cause, "housekeeping: {step} failed; it is tried again");
        failures.first.get_or_insert(error);
        T::default()
    })
}
