//! What the store promises about bytes, in the order of a blob's life.

use std::{fs, io::ErrorKind, os::unix::fs::PermissionsExt, path::Path, sync::Arc};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use proptest::prelude::*;

use super::*;
use crate::disk::hold;

mod turns;

/// Stops a sync half-way.
pub(crate) struct Gate {
    reached: tokio::sync::oneshot::Sender<()>,
    go: std::sync::mpsc::Receiver<()>,
}

impl Gate {
    pub(crate) fn pass(self) {
        let _ = self.reached.send(());
        // A test that has ended lets it pass as well.
        let _ = self.go.recv();
    }
}

struct Store {
    blobs: Blobs,
    folder: tempfile::TempDir,
}

impl Store {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { blobs: Blobs::disk(folder.path(), Durability::Full).unwrap(), folder }
    }

    fn disk(&self) -> &Arc<Disk> {
        let Engine::Disk(disk) = &self.blobs.0;
        disk
    }

    fn fail_next_sync(&self, kind: ErrorKind) {
        *hold(&self.disk().fail_next_sync) = Some(kind);
    }

    async fn sealed(&self, content: &[u8]) -> StorageKey {
        let key = StorageKey::generate();
        let mut writer = self.blobs.begin(&key).await.unwrap();
        writer.write(Bytes::copy_from_slice(content)).await.unwrap();
        writer.sync().await.unwrap();
        assert_eq!(self.blobs.seal(&key).await.unwrap(), content.len() as u64);
        key
    }

    async fn content(&self, key: &StorageKey, range: Range<u64>) -> Result<Vec<u8>, Error> {
        let chunks: Vec<Bytes> = self.blobs.read(key, range).await?.try_collect().await?;
        Ok(chunks.concat())
    }

    fn found(&self) -> Vec<(StorageKey, Place)> {
        let mut keys: Vec<_> =
            self.blobs.keys().map(|entry| entry.map(|entry| (entry.key, entry.place)).unwrap()).collect();
        keys.sort_by(|one, other| one.0.cmp(&other.0));
        keys
    }
}

fn pattern(count: usize) -> Vec<u8> {
    (0..count).map(|at| (at.wrapping_mul(31) ^ (at >> 9)) as u8).collect()
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[tokio::test]
async fn what_was_written_and_sealed_is_read_back_whole_and_in_parts() {
    let store = Store::new();
    let content = pattern(3 * 1024 * 1024 + 17);
    let key = StorageKey::generate();
    let mut writer = store.blobs.begin(&key).await.unwrap();
    for piece in content.chunks(50_000) {
        writer.write(Bytes::copy_from_slice(piece)).await.unwrap();
    }
    assert_eq!(writer.offset(), content.len() as u64);
    assert_eq!(writer.key(), &key);
    writer.sync().await.unwrap();
    assert!(matches!(store.blobs.read(&key, 0..1).await, Err(Error::NotFound(_))), "an upload is no blob");
    assert_eq!(store.blobs.seal(&key).await.unwrap(), content.len() as u64);
    assert_eq!(store.blobs.size(&key).await.unwrap(), content.len() as u64);
    let len = content.len();
    for range in [0..len, 0..1, len - 1..len, 262_143..262_145, 5..5, 100_000..2_000_000] {
        let read = store.content(&key, range.start as u64..range.end as u64).await.unwrap();
        assert_eq!(read, content[range]);
    }
}

#[tokio::test]
async fn an_empty_blob_is_a_blob() {
    let store = Store::new();
    let key = store.sealed(b"").await;
    assert_eq!(store.blobs.size(&key).await.unwrap(), 0);
    assert_eq!(store.content(&key, 0..0).await.unwrap(), b"");
}

#[tokio::test]
async fn chunks_are_of_256_kib() {
    let store = Store::new();
    let key = store.sealed(&pattern(600 * 1024)).await;
    let sizes: Vec<usize> = store
        .blobs
        .read(&key, 0..600 * 1024)
        .await
        .unwrap()
        .map(|chunk| chunk.unwrap().len())
        .collect()
        .await;
    assert_eq!(sizes, [256 * 1024, 256 * 1024, 88 * 1024]);
}

#[tokio::test]
async fn a_key_is_used_once() {
    let store = Store::new();
    let key = StorageKey::generate();
    let _writer = store.blobs.begin(&key).await.unwrap();
    assert!(matches!(store.blobs.begin(&key).await, Err(Error::Exists(_))));
}

#[tokio::test]
async fn resuming_cuts_off_what_lies_past_the_offset() {
    let store = Store::new();
    let key = StorageKey::generate();
    let mut writer = store.blobs.begin(&key).await.unwrap();
    writer.write(Bytes::from_static(b"0123456789")).await.unwrap();
    writer.flush().await.unwrap();
    drop(writer);

    let mut writer = store.blobs.resume(&key, 4).await.unwrap();
    assert_eq!(writer.offset(), 4);
    writer.write(Bytes::from_static(b"abc")).await.unwrap();
    writer.sync().await.unwrap();
    store.blobs.seal(&key).await.unwrap();
    assert_eq!(store.content(&key, 0..7).await.unwrap(), b"0123abc");
}

#[tokio::test]
async fn resuming_past_the_end_or_without_an_upload_is_an_error() {
    let store = Store::new();
    let key = StorageKey::generate();
    assert!(matches!(store.blobs.resume(&key, 0).await, Err(Error::NotFound(_))));
    let mut writer = store.blobs.begin(&key).await.unwrap();
    writer.write(Bytes::from_static(b"abc")).await.unwrap();
    writer.flush().await.unwrap();
    assert!(matches!(store.blobs.resume(&key, 4).await, Err(Error::Short { have: 3, want: 4, .. })));
    assert!(store.blobs.resume(&key, 3).await.is_ok());
}

#[tokio::test]
async fn an_older_writer_cannot_write_after_a_newer_one_has_begun() {
    let store = Store::new();
    let key = StorageKey::generate();
    let mut old = store.blobs.begin(&key).await.unwrap();
    old.write(Bytes::from_static(b"old old old")).await.unwrap();
    let mut new = store.blobs.resume(&key, 0).await.unwrap();
    new.write(Bytes::from_static(b"new")).await.unwrap();
    new.flush().await.unwrap();
    assert!(matches!(old.flush().await, Err(Error::Superseded(_))));
    assert!(old.write(Bytes::from_static(b"again")).await.is_err(), "a failed writer stays failed");
    new.sync().await.unwrap();
    assert_eq!(store.blobs.seal(&key).await.unwrap(), 3);
    assert_eq!(store.content(&key, 0..3).await.unwrap(), b"new");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_dropped_with_bytes_in_flight_leave_nothing_behind_for_the_next() {
    let store = Store::new();
    for round in 0..50_u8 {
        let key = StorageKey::generate();
        let mut dropped = store.blobs.begin(&key).await.unwrap();
        // Over a batch, so that writing starts at once.
        dropped.write(Bytes::from(vec![0xee; 3 << 20])).await.unwrap();
        drop(dropped);
        let mut writer = store.blobs.resume(&key, 0).await.unwrap();
        let content = vec![round; 2 << 20];
        writer.write(Bytes::from(content.clone())).await.unwrap();
        writer.sync().await.unwrap();
        assert_eq!(store.blobs.seal(&key).await.unwrap(), content.len() as u64);
        assert!(store.content(&key, 0..content.len() as u64).await.unwrap() == content, "round {round}");
        store.blobs.delete(&key).await.unwrap();
    }
}

#[tokio::test]
async fn sealed_bytes_never_change() {
    let store = Store::new();
    let key = StorageKey::generate();
    let mut writer = store.blobs.begin(&key).await.unwrap();
    writer.write(Bytes::from_static(b"good")).await.unwrap();
    writer.sync().await.unwrap();
    store.blobs.seal(&key).await.unwrap();
    writer.write(Bytes::from_static(b"late")).await.unwrap();
    assert!(matches!(writer.flush().await, Err(Error::Superseded(_))));
    assert!(matches!(store.blobs.resume(&key, 0).await, Err(Error::NotFound(_))));
    assert_eq!(store.blobs.size(&key).await.unwrap(), 4);
}

#[tokio::test]
async fn sealing_again_gives_the_same_answer_and_sealing_nothing_gives_none() {
    let store = Store::new();
    let key = store.sealed(b"abc").await;
    assert_eq!(store.blobs.seal(&key).await.unwrap(), 3);
    assert!(matches!(store.blobs.seal(&StorageKey::generate()).await, Err(Error::NotFound(_))));
}

#[tokio::test]
async fn after_a_failed_sync_writes_are_refused_and_reads_and_deletes_go_on() {
    let store = Store::new();
    let kept = store.sealed(b"kept").await;
    let key = StorageKey::generate();
    let mut writer = store.blobs.begin(&key).await.unwrap();
    let mut other = store.blobs.begin(&StorageKey::generate()).await.unwrap();
    writer.write(Bytes::from_static(b"lost")).await.unwrap();
    assert!(!store.blobs.is_poisoned());

    store.fail_next_sync(ErrorKind::Other);
    assert!(matches!(writer.sync().await, Err(Error::Io { action: "syncing a blob", .. })));
    assert!(store.blobs.is_poisoned());

    assert!(
        matches!(store.blobs.seal(&key).await, Err(Error::Poisoned)),
        "the sync would now call lost pages safe"
    );
    assert!(matches!(store.blobs.begin(&StorageKey::generate()).await, Err(Error::Poisoned)));
    assert!(matches!(store.blobs.resume(&key, 0).await, Err(Error::Poisoned)));
    other.write(Bytes::from_static(b"x")).await.unwrap();
    assert!(matches!(other.flush().await, Err(Error::Poisoned)));

    assert_eq!(store.content(&kept, 0..4).await.unwrap(), b"kept");
    assert!(store.blobs.delete(&kept).await.unwrap());

    // A new process looks at the disk again.
    let again = Blobs::disk(store.folder.path(), Durability::Full).unwrap();
    assert!(!again.is_poisoned());
    assert!(again.begin(&StorageKey::generate()).await.is_ok());
}

#[tokio::test]
async fn a_failed_sync_while_sealing_leaves_no_blob() {
    let store = Store::new();
    let key = StorageKey::generate();
    let mut writer = store.blobs.begin(&key).await.unwrap();
    writer.write(Bytes::from_static(b"abc")).await.unwrap();
    writer.flush().await.unwrap();
    store.fail_next_sync(ErrorKind::Other);
    assert!(store.blobs.seal(&key).await.is_err());
    assert!(matches!(store.blobs.size(&key).await, Err(Error::NotFound(_))));
}

#[tokio::test]
async fn a_full_disk_spoils_the_upload_and_not_the_store() {
    let store = Store::new();
    let key = StorageKey::generate();
    let mut writer = store.blobs.begin(&key).await.unwrap();
    writer.write(Bytes::from_static(b"abc")).await.unwrap();
    writer.flush().await.unwrap();
    store.fail_next_sync(ErrorKind::StorageFull);
    assert!(matches!(store.blobs.seal(&key).await, Err(Error::OutOfSpace)));
    assert!(
        matches!(store.blobs.seal(&key).await, Err(Error::NotFound(_))),
        "a second sync would not tell the truth"
    );
    assert!(!store.blobs.is_poisoned());
    store.sealed(b"next").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_that_have_begun_finish_while_the_blob_is_deleted() {
    let store = Store::new();
    let content = pattern(4 << 20);
    let key = store.sealed(&content).await;
    let mut readers = Vec::new();
    for _ in 0..8 {
        let mut stream = store.blobs.read(&key, 0..content.len() as u64).await.unwrap();
        let first = stream.next().await.unwrap().unwrap();
        readers.push((first, stream));
    }
    assert!(store.blobs.delete(&key).await.unwrap());
    assert!(!store.blobs.delete(&key).await.unwrap());
    assert!(matches!(store.blobs.read(&key, 0..1).await, Err(Error::NotFound(_))));
    for (first, stream) in readers {
        let rest: Vec<Bytes> = stream.try_collect().await.unwrap();
        assert!([first.as_ref(), &rest.concat()].concat() == content);
    }
}

#[tokio::test]
async fn a_damaged_blob_is_an_error_and_never_a_short_answer() {
    let store = Store::new();
    let content = pattern(1 << 20);
    let key = store.sealed(&content).await;
    let mut stream = store.blobs.read(&key, 0..1 << 20).await.unwrap();
    let path = store.disk().blob_path(&key);
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(300 * 1024).unwrap();
    let mut last = None;
    while let Some(chunk) = stream.next().await {
        last = Some(chunk);
    }
    assert!(matches!(last, Some(Err(Error::Short { .. }))));
    assert!(matches!(store.blobs.read(&key, 0..1 << 20).await, Err(Error::Short { have: 307_200, .. })));
}

#[tokio::test]
async fn a_damaged_copy_is_told_by_its_size_and_gives_way_to_a_copy_under_another_key() {
    let store = Store::new();
    let content = pattern(1 << 20);
    let (cut, lost) = (store.sealed(&content).await, store.sealed(&content).await);
    fs::OpenOptions::new().write(true).open(store.disk().blob_path(&cut)).unwrap().set_len(1000).unwrap();
    fs::remove_file(store.disk().blob_path(&lost)).unwrap();
    assert_eq!(store.blobs.size(&cut).await.unwrap(), 1000);
    assert!(matches!(store.blobs.size(&lost).await, Err(Error::NotFound(_))));

    let whole = store.sealed(&content).await;
    assert!(store.blobs.delete(&cut).await.unwrap());
    assert!(!store.blobs.delete(&lost).await.unwrap(), "removing what is gone is no failure");
    assert!(store.content(&whole, 0..1 << 20).await.unwrap() == content);
    assert_eq!(store.found(), [(whole, Place::Blob)]);
}

#[tokio::test]
async fn a_walk_finds_blobs_and_uploads_and_leaves_strangers_alone() {
    let store = Store::new();
    let blob = store.sealed(b"abc").await;
    let upload = StorageKey::generate();
    store.blobs.begin(&upload).await.unwrap();
    fs::write(store.folder.path().join("uploads/lost+found"), "x").unwrap();
    assert_eq!(store.found(), [(blob.clone(), Place::Blob), (upload.clone(), Place::Upload)]);
    assert!(store.blobs.delete(&upload).await.unwrap());
    assert_eq!(store.found(), [(blob, Place::Blob)]);
}

#[tokio::test]
async fn a_store_is_found_again_by_the_next_process() {
    let store = Store::new();
    let key = store.sealed(b"abc").await;
    let again = Blobs::disk(store.folder.path(), Durability::Off).unwrap();
    assert_eq!(again.size(&key).await.unwrap(), 3);
    assert!(again.free_space().unwrap() > 0);
}

#[test]
fn a_folder_that_cannot_be_used_is_told() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("blobs"), "a file").unwrap();
    let error = Blobs::disk(folder.path(), Durability::Full).unwrap_err();
    assert_eq!(
        error.to_string(),
        "making the folder `blobs` failed in the blob store; check the disk and its permissions"
    );
    assert!(Blobs::disk(Path::new("/proc/nowhere"), Durability::Full).is_err());
}

#[tokio::test]
async fn the_group_may_do_what_the_owner_may() {
    let store = Store::new();
    let key = store.sealed(b"abc").await;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(&store.folder.path().join("blobs")) & 0o070, 0o070);
    assert_eq!(mode(&store.folder.path().join("blobs/7f")) & 0o070, 0o070);
    assert_eq!(mode(&store.disk().blob_path(&key)) & 0o060, 0o060);
}

#[test]
fn a_key_is_digits_and_never_a_path() {
    let key = StorageKey::generate();
    assert_eq!(key.as_str().parse(), Ok(key.clone()));
    assert_ne!(key, StorageKey::generate());
    for wrong in [
        "",
        "..",
        "../../../etc/passwd",
        &key.as_str()[1..],
        &format!("{key}0"),
        &key.as_str().to_uppercase().replace('0', "O"),
    ] {
        assert_eq!(wrong.parse::<StorageKey>(), Err(InvalidKey), "{wrong}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn any_sequence_of_pieces_and_interruptions_gives_the_bytes_that_were_acknowledged(
        pieces in proptest::collection::vec((0_usize..900_000, any::<bool>(), 0_usize..2_000), 1..6),
    ) {
        run(async {
            let store = Store::new();
            let key = StorageKey::generate();
            let mut expected = Vec::new();
            let mut writer = store.blobs.begin(&key).await.unwrap();
            for (count, interrupt, back) in pieces {
                let piece = pattern(count);
                writer.write(Bytes::from(piece.clone())).await.unwrap();
                expected.extend(piece);
                if interrupt {
                    writer.flush().await.unwrap();
                    expected.truncate(expected.len().saturating_sub(back));
                    writer = store.blobs.resume(&key, expected.len() as u64).await.unwrap();
                }
                assert_eq!(writer.offset(), expected.len() as u64);
            }
            writer.sync().await.unwrap();
            store.blobs.seal(&key).await.unwrap();
            assert!(store.content(&key, 0..expected.len() as u64).await.unwrap() == expected);
        });
    }
}
