//! Pushes by many at once, a kill in the middle, and the accounts afterwards: whatever got 201 must be there.
//!
//! The load notes an item only when the whole 201 has been read. The verdict reads everything that was noted by blob,
//! tag and digest, and hashes the bytes itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Result, anyhow, ensure};
use futures::{StreamExt, stream};
use quay_oci::Digest;
use serde_json::json;
use tokio::sync::{Mutex, Notify};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::artifact::{
    OCI_MANIFEST, descriptor, finish_url, manifest_bytes, noise, open_upload, pull_blob, pull_manifest,
    put_manifest,
};
use crate::client::{Answer, Caller};
use crate::out;

/// How many push at the same time.
pub const PUSHERS: usize = 50;
/// On both sides of the limit up to which a registry may keep bytes inline.
const SIZES: [usize; 5] = [300, 64 * 1024, 64 * 1024 + 1, 300 * 1024, 1024 * 1024];
/// A kill that comes later than this did not hit a working load.
const PATIENCE: Duration = Duration::from_secs(120);

/// What was acknowledged before the kill.
#[derive(Debug, Default)]
pub struct Acknowledged {
    /// Repository and digest of each blob.
    pub blobs: Vec<(String, Digest)>,
    /// Repository, tag and digest of each manifest.
    pub manifests: Vec<(String, String, Digest)>,
    /// How many pushers were cut off in the middle of a request.
    pub cut_off: usize,
}

impl Acknowledged {
    /// How many items.
    pub fn len(&self) -> usize {
        self.blobs.len() + self.manifests.len()
    }

    /// Whether the kill came before the first 201.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

enum Push {
    /// An answer other than the one that success has.
    Refused(Answer),
    /// No answer: the registry is gone.
    CutOff,
    /// Nothing happened to it: it was between two requests when the kill came.
    Stopped,
}

impl From<anyhow::Error> for Push {
    fn from(_: anyhow::Error) -> Push {
        Push::CutOff
    }
}

struct Load {
    caller: Caller,
    namespace: String,
    acknowledged: Mutex<Acknowledged>,
    count: AtomicUsize,
    threshold: usize,
    reached: Notify,
    killed: AtomicBool,
}

/// Lets fifty push into `namespace`, and kills once `threshold` items were acknowledged.
pub async fn push_and_kill<F>(
    caller: &Caller,
    namespace: &str,
    threshold: usize,
    kill: F,
) -> Result<Acknowledged>
where
    F: Future<Output = Result<()>>,
{
    let load = Arc::new(Load {
        caller: caller.clone(),
        namespace: namespace.to_owned(),
        acknowledged: Mutex::default(),
        count: AtomicUsize::new(0),
        threshold,
        reached: Notify::new(),
        killed: AtomicBool::new(false),
    });
    let mut pushers = JoinSet::new();
    for number in 0..PUSHERS {
        let load = Arc::clone(&load);
        pushers.spawn(async move { load.push_on(number).await });
    }
    let ended_early = async {
        match pushers.join_next().await {
            Some(Ok(Push::Refused(answer))) => anyhow!("a push was refused before the kill: {answer:?}"),
            Some(Ok(Push::CutOff | Push::Stopped)) => anyhow!("a push was cut off before the kill"),
            Some(Err(error)) => anyhow!("a pusher failed: {error}"),
            None => anyhow!("there are no pushers"),
        }
    };
    tokio::select! {
        () = load.reached.notified() => {}
        error = ended_early => return Err(error),
        () = tokio::time::sleep(PATIENCE) => {
            return Err(anyhow!("only {} of {threshold} pushes got through", load.count.load(Ordering::Relaxed)));
        }
    }
    kill.await?;
    // a registry that is back soon would serve those for ever that did not notice
    load.killed.store(true, Ordering::Relaxed);
    let mut cut_off = 0;
    while let Some(ended) = pushers.join_next().await {
        match ended? {
            Push::CutOff => cut_off += 1,
            Push::Stopped => {}
            // a registry that is being replaced may say so
            Push::Refused(answer) if matches!(answer.status, 502..=504) => cut_off += 1,
            Push::Refused(answer) => return Err(anyhow!("a push was refused: {answer:?}")),
        }
    }
    let mut acknowledged = std::mem::take(&mut *load.acknowledged.lock().await);
    acknowledged.cut_off = cut_off;
    Ok(acknowledged)
}

impl Load {
    async fn push_on(&self, number: usize) -> Push {
        let repository = format!("{}/pusher-{number}", self.namespace);
        let mut turn = 0;
        while !self.killed.load(Ordering::Relaxed) {
            if let Err(end) = self.push_one(&repository, number, turn).await {
                return end;
            }
            turn += 1;
        }
        Push::Stopped
    }

    async fn push_one(&self, repository: &str, number: usize, turn: usize) -> Result<(), Push> {
        let config = noise(120);
        let layer = noise(SIZES[(number + turn) % SIZES.len()]);
        for blob in [&config, &layer] {
            let digest = Digest::sha256(blob);
            let location = open_upload(&self.caller, repository).await?;
            let answer = self.caller.put(&finish_url(&location, &digest)).body(blob.clone()).send().await?;
            self.note(answer, |noted| noted.blobs.push((repository.to_owned(), digest))).await?;
        }
        let manifest = manifest_bytes(&json!({
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": descriptor("application/vnd.example.crash.config.v1+json", &config),
            "layers": [descriptor("application/vnd.example.crash.layer.v1", &layer)],
        }));
        let tag = format!("turn-{turn}");
        let digest = Digest::sha256(&manifest);
        let answer = put_manifest(&self.caller, repository, &tag, OCI_MANIFEST, &manifest).await?;
        self.note(answer, |noted| noted.manifests.push((repository.to_owned(), tag, digest))).await
    }

    async fn note(&self, answer: Answer, note: impl FnOnce(&mut Acknowledged)) -> Result<(), Push> {
        if answer.status != 201 {
            return Err(Push::Refused(answer));
        }
        note(&mut *self.acknowledged.lock().await);
        if self.count.fetch_add(1, Ordering::Relaxed) + 1 == self.threshold {
            self.reached.notify_one();
        }
        Ok(())
    }
}

/// Reads everything that was acknowledged; what is missing or has other bytes, as sentences.
pub async fn lost(caller: &Caller, acknowledged: &Acknowledged) -> Vec<String> {
    let blobs = stream::iter(&acknowledged.blobs).map(|(repository, digest)| async move {
        let pulled = pull_blob(caller, repository, digest).await;
        pulled.err().map(|error| format!("blob {digest} of {repository}: {error:#}"))
    });
    let manifests = stream::iter(&acknowledged.manifests).map(|(repository, tag, digest)| async move {
        let pulled = check_manifest(caller, repository, tag, digest).await;
        pulled.err().map(|error| format!("{repository}:{tag}: {error:#}"))
    });
    let mut lost: Vec<String> = blobs.buffer_unordered(16).filter_map(std::future::ready).collect().await;
    lost.extend(manifests.buffer_unordered(16).filter_map(std::future::ready).collect::<Vec<_>>().await);
    lost
}

async fn check_manifest(caller: &Caller, repository: &str, tag: &str, digest: &Digest) -> Result<()> {
    for reference in [tag, digest.as_str()] {
        let answer = pull_manifest(caller, repository, reference).await?;
        ensure!(answer.digest()? == *digest, "{reference} is {} now", answer.digest()?);
    }
    Ok(())
}

/// A point of time in the load, different in every round.
pub fn random_threshold() -> usize {
    let (high, _) = Uuid::new_v4().as_u64_pair();
    30 + usize::try_from(high % 270).unwrap_or(0)
}

/// How many rounds: ten in a long run, else two.
pub fn rounds() -> usize {
    if out::long() { 10 } else { 2 }
}
