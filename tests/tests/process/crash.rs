//! SIGKILL in the middle of fifty pushes: whatever got 201 is there afterwards, and its bytes have its digest.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use quay_tests::artifact::{pull_blob, push, push_blob};
use quay_tests::crash::{Acknowledged, lost, push_and_kill, random_threshold, rounds};

use crate::fixture::started;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_was_acknowledged_is_lost_when_the_process_is_killed() -> Result<()> {
    let mut started = started().await?;
    let mut all = Acknowledged::default();
    for round in 0..rounds() {
        let namespace = format!("quayadmin/round-{round}");
        let (caller, pid) = (started.caller(), started.registry.pid()?);
        let kill = async { Ok(rustix::process::kill_process(pid, rustix::process::Signal::KILL)?) };
        let acknowledged = push_and_kill(&caller, &namespace, random_threshold(), kill).await?;
        started.registry.ended().await?;
        started.registry = started.site.start().await?;
        println!(
            "round {round}: {} blobs and {} manifests acknowledged, {} pushes cut off",
            acknowledged.blobs.len(),
            acknowledged.manifests.len(),
            acknowledged.cut_off
        );
        ensure!(acknowledged.cut_off > 0, "the kill did not come in the middle");
        all.blobs.extend(acknowledged.blobs);
        all.manifests.extend(acknowledged.manifests);
        // earlier rounds are asked again: a recovery must not undo them
        let lost = lost(&started.caller(), &all).await;
        ensure!(lost.is_empty(), "round {round}: {} lost:\n{}", lost.len(), lost.join("\n"));
        push(&started.caller(), &format!("{namespace}/after"), "1", 100_000).await?;
    }
    Ok(())
}

fn files(folder: &Path, into: &mut BTreeSet<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            files(&entry.path(), into)?;
        } else {
            into.insert(entry.path());
        }
    }
    Ok(())
}

/// The control of the test above: what is lost or changed on the disk is found.
#[tokio::test]
async fn the_verdict_finds_a_blob_that_was_removed_and_one_that_was_changed() -> Result<()> {
    let started = started().await?;
    let caller = started.caller();
    let mut acknowledged = Acknowledged::default();
    let mut places = Vec::new();
    for tag in ["kept", "removed", "changed"] {
        let folder = started.site.data().join("blobs");
        let (mut before, mut after) = (BTreeSet::new(), BTreeSet::new());
        files(&folder, &mut before)?;
        let pushed = push(&caller, "quayadmin/control", tag, 300_000).await?;
        files(&folder, &mut after)?;
        let new: Vec<PathBuf> = after.difference(&before).cloned().collect();
        ensure!(new.len() == 1, "one large blob is one file: {new:?}");
        places.push(new.into_iter().next().context("a file")?);
        acknowledged.blobs.push((pushed.repository, quay_oci::Digest::sha256(&pushed.layer)));
        acknowledged.manifests.push(("quayadmin/control".into(), tag.into(), pushed.digest));
    }
    ensure!(lost(&caller, &acknowledged).await.is_empty(), "nothing is lost yet");

    fs::remove_file(&places[1])?;
    let mut bytes = fs::read(&places[2])?;
    bytes[150_000] ^= 1;
    fs::write(&places[2], bytes)?;
    let lost = lost(&caller, &acknowledged).await;
    ensure!(lost.len() == 2, "both are found and nothing else: {lost:?}");
    for (_, digest) in &acknowledged.blobs[1..] {
        ensure!(lost.iter().any(|line| line.contains(digest.as_str())), "{digest} is not named: {lost:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_blob_that_the_disk_has_lost_is_told_and_comes_back_when_it_is_pushed_again() -> Result<()> {
    let started = started().await?;
    let caller = started.caller();
    let (mut before, mut after) = (BTreeSet::new(), BTreeSet::new());
    let folder = started.site.data().join("blobs");
    files(&folder, &mut before)?;
    let pushed = push(&caller, "quayadmin/healed", "1", 300_000).await?;
    files(&folder, &mut after)?;
    let file = after.difference(&before).next().context("a file")?;
    fs::remove_file(file)?;

    let digest = quay_oci::Digest::sha256(&pushed.layer);
    let path = format!("/v2/quayadmin/healed/blobs/{digest}");
    let answer = caller.get(&path).send().await;
    ensure!(
        answer.is_err() || answer.is_ok_and(|answer| answer.status >= 400),
        "bytes that are not there are served"
    );
    push_blob(&caller, "quayadmin/healed", &pushed.layer).await?;
    ensure!(pull_blob(&caller, "quayadmin/healed", &digest).await? == pushed.layer, "other bytes");
    Ok(())
}
