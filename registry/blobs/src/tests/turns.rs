//! Requests that are dropped while their work goes on, and the next request for the same key beside them.

use std::{pin::pin, sync::mpsc};

use futures::poll;

use super::*;

/// An upload of `first` whose request was dropped while the bytes are being synced to be sealed.
struct Dropped {
    store: Store,
    key: StorageKey,
    go: mpsc::Sender<()>,
}

impl Dropped {
    async fn while_sealing() -> Self {
        let store = Store::new();
        let key = StorageKey::generate();
        let mut writer = store.blobs.begin(&key).await.unwrap();
        writer.write(Bytes::from_static(b"first")).await.unwrap();
        writer.flush().await.unwrap();
        drop(writer);
        let (reached, is_reached) = tokio::sync::oneshot::channel();
        let (go, gone) = mpsc::channel();
        *hold(&store.disk().pause_next_sync) = Some(Gate { reached, go: gone });
        {
            let mut sealing = pin!(store.blobs.seal(&key));
            assert!(poll!(&mut sealing).is_pending());
            is_reached.await.unwrap();
        }
        Self { store, key, go }
    }

    /// Lets whatever was handed to the blocking pool before this come as far as it can.
    async fn others_have_had_their_chance(&self) {
        for _ in 0..200 {
            assert!(matches!(self.store.blobs.size(&StorageKey::generate()).await, Err(Error::NotFound(_))));
        }
    }
}

#[tokio::test]
async fn a_retry_beside_a_dropped_seal_cannot_go_on_with_the_sealed_file() {
    let dropped = Dropped::while_sealing().await;
    let (store, key) = (&dropped.store, &dropped.key);
    let mut retry = pin!(store.blobs.resume(key, 0));
    assert!(poll!(&mut retry).is_pending());
    dropped.others_have_had_their_chance().await;
    assert_eq!(store.found(), [(key.clone(), Place::Upload)], "the control: the seal is under way");
    dropped.go.send(()).unwrap();
    assert!(matches!(retry.await, Err(Error::NotFound(_))));
    assert_eq!(store.content(key, 0..5).await.unwrap(), b"first");
    assert_eq!(store.blobs.seal(key).await.unwrap(), 5);
}

#[tokio::test]
async fn a_retry_that_begins_anew_beside_a_dropped_seal_writes_a_file_of_its_own() {
    let dropped = Dropped::while_sealing().await;
    let (store, key) = (&dropped.store, &dropped.key);
    let mut retry = pin!(store.blobs.begin(key));
    assert!(poll!(&mut retry).is_pending());
    dropped.others_have_had_their_chance().await;
    dropped.go.send(()).unwrap();
    let mut writer = retry.await.unwrap();
    writer.write(Bytes::from_static(b"second")).await.unwrap();
    writer.sync().await.unwrap();
    assert_eq!(store.content(key, 0..5).await.unwrap(), b"first", "what is sealed is not written to");

    // The bytes of the retry get a sync of their own: when it fails nothing is acknowledged.
    store.fail_next_sync(ErrorKind::Other);
    assert!(store.blobs.seal(key).await.is_err());
    assert_eq!(store.content(key, 0..5).await.unwrap(), b"first");
}

#[tokio::test]
async fn sealing_the_retry_puts_its_bytes_in_the_place_of_those_nobody_took() {
    let dropped = Dropped::while_sealing().await;
    let (store, key) = (&dropped.store, &dropped.key);
    dropped.go.send(()).unwrap();
    let mut writer = store.blobs.begin(key).await.unwrap();
    writer.write(Bytes::from_static(b"second")).await.unwrap();
    assert_eq!(writer.offset(), 6);
    writer.flush().await.unwrap();
    assert_eq!(store.blobs.seal(key).await.unwrap(), 6);
    assert_eq!(store.content(key, 0..6).await.unwrap(), b"second");
    assert_eq!(store.found(), [(key.clone(), Place::Blob)]);
}

#[tokio::test]
async fn deleting_beside_a_dropped_seal_leaves_nothing() {
    let dropped = Dropped::while_sealing().await;
    let (store, key) = (&dropped.store, &dropped.key);
    let mut deleting = pin!(store.blobs.delete(key));
    assert!(poll!(&mut deleting).is_pending());
    dropped.others_have_had_their_chance().await;
    dropped.go.send(()).unwrap();
    assert!(deleting.await.unwrap());
    assert_eq!(store.found(), []);
}

#[tokio::test]
async fn a_request_dropped_while_it_waits_does_nothing() {
    let dropped = Dropped::while_sealing().await;
    let (store, key) = (&dropped.store, &dropped.key);
    {
        let mut deleting = pin!(store.blobs.delete(key));
        assert!(poll!(&mut deleting).is_pending());
    }
    dropped.others_have_had_their_chance().await;
    dropped.go.send(()).unwrap();
    assert_eq!(store.blobs.seal(key).await.unwrap(), 5);
    assert_eq!(store.content(key, 0..5).await.unwrap(), b"first");
}

#[tokio::test]
async fn a_writer_whose_file_was_deleted_or_taken_over_cannot_call_it_safe() {
    let store = Store::new();
    let (deleted, taken_over) = (StorageKey::generate(), StorageKey::generate());
    let mut first = store.blobs.begin(&deleted).await.unwrap();
    store.blobs.delete(&deleted).await.unwrap();
    assert!(matches!(first.sync().await, Err(Error::Superseded(_))));

    let mut second = store.blobs.begin(&taken_over).await.unwrap();
    second.sync().await.unwrap();
    let _newer = store.blobs.resume(&taken_over, 0).await.unwrap();
    assert!(matches!(second.sync().await, Err(Error::Superseded(_))));
}
