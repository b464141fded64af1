//! What a process that died leaves to the next one.

use quay_db::tables::blobs;
use quay_oci::Digest;

use super::uploads::files;
use super::world::{World, body, noise, word};

#[tokio::test]
async fn an_upload_goes_on_in_the_next_process() {
    let w = World::new().await;
    let alice = w.person("alice").await;
    for (size, repository) in [(1000, "alice/small"), (3 << 20, "alice/large")] {
        let bytes = noise(size, 1);
        let at = w.may_push(&alice, repository).await;
        w.core.start_upload(&at).await.unwrap();
        let at = w.may_push(&alice, repository).await;
        let id = w.core.start_upload(&at).await.unwrap().id;
        w.core.append_upload(&at, &id, None, None, body(&bytes[..size / 2])).await.unwrap();
        let w = &w;
        let held = w.core.upload_status(&at, &id).await.unwrap().offset;
        assert_eq!(held, size as u64 / 2);
    }
    let at = w.may_push(&alice, "alice/large").await;
    let id = w.core.start_upload(&at).await.unwrap().id;
    let bytes = noise(3 << 20, 2);
    w.core.append_upload(&at, &id, None, None, body(&bytes[..1 << 20])).await.unwrap();

    let w = w.reopened().await;
    let alice = w.log_in("alice").await.unwrap();
    let at = w.may_push(&alice, "alice/large").await;
    let held = w.core.upload_status(&at, &id).await.unwrap().offset;
    assert_eq!(held, 1 << 20);
    let digest = Digest::sha256(&bytes);
    w.core.finish_upload(&at, &id, Some(held), &digest, body(&bytes[1 << 20..])).await.unwrap();
    assert_eq!(w.read(&alice, "alice/large", &digest).await.unwrap(), bytes);
}

#[tokio::test]
async fn bytes_of_a_key_that_no_row_took_over_are_removed_at_the_next_start() {
    let w = World::new().await;
    let alice = w.person("alice").await;
    let kept = w.push_blob(&alice, "alice/tools", &noise(1 << 20, 1)).await;
    // As if the process had died between the last byte and the row of the blob.
    let key = quay_blobs::StorageKey::generate();
    let (text, now_ms) = (key.to_string(), w.now_ms());
    w.rows(async move |tx| blobs::intend(tx, &text, now_ms).await).await;
    let mut writer = w.core.blobs().begin(&key).await.unwrap();
    writer.write(noise(1 << 20, 2).into()).await.unwrap();
    writer.sync().await.unwrap();
    drop(writer);
    w.core.blobs().seal(&key).await.unwrap();
    assert_eq!(files(&w), 2);

    let w = w.reopened().await;
    assert_eq!(files(&w), 1);
    let alice = w.log_in("alice").await.unwrap();
    assert_eq!(word(w.read(&alice, "alice/tools", &kept).await), "allowed");
}

#[tokio::test]
async fn files_that_no_row_knows_are_swept_and_all_others_stay() {
    let w = World::new().await;
    let alice = w.person("alice").await;
    let kept = w.push_blob(&alice, "alice/tools", &noise(1 << 20, 1)).await;
    let at = w.may_push(&alice, "alice/tools").await;
    let id = w.core.start_upload(&at).await.unwrap().id;
    let bytes = noise(1 << 20, 3);
    w.core.append_upload(&at, &id, None, None, body(&bytes)).await.unwrap();
    let stray = quay_blobs::StorageKey::generate();
    let mut writer = w.core.blobs().begin(&stray).await.unwrap();
    writer.write(noise(100, 2).into()).await.unwrap();
    writer.sync().await.unwrap();
    drop(writer);
    assert_eq!(files(&w), 3);
    assert_eq!(w.core.sweep_orphans().await.unwrap(), 1);
    assert_eq!(files(&w), 2);
    let digest = Digest::sha256(&bytes);
    w.core.finish_upload(&at, &id, None, &digest, crate::body::empty()).await.unwrap();
    for digest in [&kept, &digest] {
        assert_eq!(word(w.read(&alice, "alice/tools", digest).await), "allowed");
    }
}
