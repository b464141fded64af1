//! Pulls, written down behind the request: a bounded queue that a crash may lose a few seconds of.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

use quay_oci::TagName;

use crate::audit::Entry;
use crate::core::Core;
use crate::error::Result;
use crate::perms::{Allowed, Pull};
use crate::pull::StoredManifest;

/// Pulls waiting at most; more are counted and not written down.
const MOST_WAITING: usize = 10_000;
/// Pulls written down in one go, so that other writes get their turn.
const BATCH: usize = 500;

/// Pulls that wait to be written down.
#[derive(Default)]
pub(crate) struct Pulls {
    waiting: Mutex<Vec<Entry>>,
    dropped: AtomicU64,
}

impl Core {
    /// Notes that a manifest was fetched; never fails and never waits.
    pub fn record_pull(&self, at: &Allowed<Pull>, manifest: &StoredManifest, tag: Option<&TagName>) {
        let mut entry = Entry::by("pull_repo", &at.caller, self.now_ms())
            .on_repo(at.place.namespace, at.repo())
            .detail("repo", at.place.name.repository())
            .detail("namespace", at.place.name.namespace())
            .detail("manifest_digest", manifest.digest.as_str());
        if let Some(tag) = tag {
            entry = entry.detail("tag", tag.as_str());
        }
        let mut waiting = self.pulls().waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < MOST_WAITING {
            waiting.push(entry);
        } else {
            self.pulls().dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Writes down the pulls that wait; called every few seconds, and at the end. What cannot be written is counted.
    pub async fn flush_pulls(&self) -> Result<()> {
        let pulls = self.pulls();
        let mut waiting = std::mem::take(&mut *pulls.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        while !waiting.is_empty() {
            let batch: Vec<Entry> = waiting.drain(..waiting.len().min(BATCH)).collect();
            let count = batch.len();
            let written = self.db().write(async move |tx| -> Result<()> {
                for entry in batch {
                    entry.record(tx).await?;
                }
                Ok(())
            });
            if let Err(error) = written.await {
                pulls.dropped.fetch_add((count + waiting.len()) as u64, Ordering::Relaxed);
                return Err(error);
            }
        }
        Ok(())
    }

    /// Pulls that were not written down because too many waited.
    pub fn dropped_pulls(&self) -> u64 {
        self.pulls().dropped.load(Ordering::Relaxed)
    }
}
