//! Uploads, mounts and reading back, with controls for what keeps content honest.

use std::time::Duration;

use crate::perms::{Delete, Pull, Push};
use crate::{Allowed, Body, BodyError, Caller, Error, Missing, UploadId};
use bytes::Bytes;
use futures::stream;
use quay_db::tables::{blobs, repos, uploads};
use quay_oci::{Algorithm, Digest};

use super::world::{World, body, collect, name, noise, word};

/// Beyond this a blob is a file.
const SMALL: usize = 64 << 10;

fn broken_after(bytes: Vec<u8>) -> Body {
    let broken = Err(BodyError("connection reset".into()));
    Box::pin(stream::iter([Ok(Bytes::from(bytes)), broken]))
}

/// An upload that has begun, in a repository that is there.
async fn upload(w: &World, who: &Caller) -> (Allowed<Push>, UploadId) {
    let id = w.core.start_upload(&w.may_push(who, "alice/tools").await).await.unwrap().id;
    (w.may_push(who, "alice/tools").await, id)
}

#[tokio::test]
async fn every_style_of_upload_gives_back_the_very_bytes() {
    let (w, alice) = World::with_alice().await;
    for (i, size) in [0, 1, SMALL - 1, SMALL, SMALL + 1, 3 << 20].into_iter().enumerate() {
        let seed = i as u64 * 10;
        let whole = noise(size, seed);
        w.push_blob(&alice, "alice/tools", &whole).await;
        assert_eq!(
            w.read(&alice, "alice/tools", &Digest::sha256(&whole)).await.unwrap(),
            whole,
            "one go, {size}"
        );

        let put = noise(size, seed + 1);
        let at = w.may_push(&alice, "alice/tools").await;
        let id = w.core.start_upload(&at).await.unwrap().id;
        w.core.finish_upload(&at, &id, None, &Digest::sha256(&put), body(&put)).await.unwrap();
        assert_eq!(
            w.read(&alice, "alice/tools", &Digest::sha256(&put)).await.unwrap(),
            put,
            "POST PUT, {size}"
        );

        let parts = noise(size, seed + 2);
        let id = w.core.start_upload(&at).await.unwrap().id;
        let (first, rest) = parts.split_at(size / 3);
        let (second, third) = rest.split_at(rest.len() / 2);
        w.core.append_upload(&at, &id, None, None, body(first)).await.unwrap();
        let held = w
            .core
            .append_upload(&at, &id, Some(first.len() as u64), None, body(second))
            .await
            .unwrap()
            .offset;
        assert_eq!(held, (first.len() + second.len()) as u64);
        assert_eq!(w.core.upload_status(&at, &id).await.unwrap().offset, held);
        let stat =
            w.core.finish_upload(&at, &id, Some(held), &Digest::sha256(&parts), body(third)).await.unwrap();
        assert_eq!(stat.size, size as u64);
        assert_eq!(
            w.read(&alice, "alice/tools", &Digest::sha256(&parts)).await.unwrap(),
            parts,
            "PATCH, {size}"
        );
    }
}

#[tokio::test]
async fn sha512_is_as_good_however_late_it_is_asked_for() {
    let (w, alice) = World::with_alice().await;
    for size in [100, SMALL + 100] {
        let bytes = noise(size, 7);
        let digest = Digest::of(Algorithm::Sha512, &bytes);
        let (at, id) = upload(&w, &alice).await;
        w.core.append_upload(&at, &id, None, None, body(&bytes)).await.unwrap();
        w.core.finish_upload(&at, &id, None, &digest, crate::body::empty()).await.unwrap();
        assert_eq!(w.read(&alice, "alice/tools", &digest).await.unwrap(), bytes);
    }
}

#[tokio::test]
async fn bytes_of_another_digest_are_refused_and_forgotten() {
    let (w, alice) = World::with_alice().await;
    w.push_blob(&alice, "alice/tools", b"first").await;
    for size in [100, SMALL + 100] {
        let (bytes, other) = (noise(size, 1), Digest::sha256(b"other"));
        let at = w.may_push(&alice, "alice/tools").await;
        assert_eq!(word(w.core.put_blob(&at, &other, body(&bytes)).await), "DIGEST_INVALID");
        let id = w.core.start_upload(&at).await.unwrap().id;
        assert_eq!(word(w.core.finish_upload(&at, &id, None, &other, body(&bytes)).await), "DIGEST_INVALID");
        assert_eq!(word(w.core.upload_status(&at, &id).await), "not found", "the upload is gone");
        for digest in [&other, &Digest::sha256(&bytes)] {
            assert_eq!(word(w.read(&alice, "alice/tools", digest).await), "not found");
        }
    }
    assert_eq!(files(&w), 0, "and so are its bytes");

    // Control: a row that says what is not so is believed, so it is the check at the end of an upload that keeps
    // content honest, and the reading above would have shown its absence.
    let lie = Digest::sha256(b"other");
    let told = lie.clone();
    let repo = repo_of(&w, "alice/tools").await;
    w.rows(async move |tx| {
        let blob = blobs::store_inline(tx, &told, b"something else", 0).await?;
        blobs::lease(tx, repo, blob.id, i64::MAX >> 11).await
    })
    .await;
    assert_eq!(w.read(&alice, "alice/tools", &lie).await.unwrap(), b"something else");
}

#[tokio::test]
async fn a_blob_is_read_only_through_a_link_of_its_repository() {
    let (w, alice, bob) = World::with_two().await;
    let secret = w.push_blob(&alice, "alice/secret", b"the plans").await;
    w.push_blob(&bob, "bob/tools", b"something").await;
    w.push_blob(&alice, "alice/other", b"something").await;
    assert_eq!(word(w.read(&bob, "bob/tools", &secret).await), "not found");
    assert_eq!(word(w.read(&alice, "alice/other", &secret).await), "not found");

    // Control: with a link, and only that changed, the same read goes through.
    let (repo, digest) = (repo_of(&w, "bob/tools").await, secret.clone());
    w.rows(async move |tx| {
        let blob = blobs::lock(tx, &digest).await?.unwrap();
        blobs::lease(tx, repo, blob.id, i64::MAX >> 11).await
    })
    .await;
    assert_eq!(w.read(&bob, "bob/tools", &secret).await.unwrap(), b"the plans");
}

#[tokio::test]
async fn a_mount_needs_the_right_to_pull_from_the_source_now() {
    let (w, alice, bob) = World::with_two().await;
    let digest = w.push_blob(&alice, "alice/base", b"a layer").await;
    let from = name("alice/base");
    let at = w.may_push(&bob, "bob/app").await;
    assert!(!w.core.mount_blob(&at, &digest, Some(&from)).await.unwrap(), "private to Alice");
    assert!(!w.core.mount_blob(&at, &digest, Some(&name("no/where"))).await.unwrap());
    assert!(!w.core.mount_blob(&at, &digest, None).await.unwrap());
    assert_eq!(
        word(w.core.allow::<Pull>(&bob, &name("bob/app")).await),
        "name unknown",
        "nothing was created"
    );

    w.grant(&alice, "alice/base", "bob", crate::RepositoryRole::Read).await;
    assert!(!w.core.mount_blob(&at, &Digest::sha256(b"unknown"), Some(&from)).await.unwrap());
    assert!(w.core.mount_blob(&at, &digest, Some(&from)).await.unwrap());
    assert_eq!(w.read(&bob, "bob/app", &digest).await.unwrap(), b"a layer");
}

#[tokio::test]
async fn the_link_of_an_upload_ends_unless_a_manifest_takes_it_up() {
    let (w, alice) = World::with_alice().await;
    let stray = w.push_blob(&alice, "alice/tools", b"stray").await;
    w.push_image(&alice, "alice/tools", "v1", b"used").await;
    let hour = Duration::from_secs(w.config.push_temp_tag_expiration_sec);
    w.clock.advance(hour);
    assert_eq!(word(w.read(&alice, "alice/tools", &stray).await), "not found");
    assert_eq!(w.read(&alice, "alice/tools", &Digest::sha256(b"used")).await.unwrap(), b"used");
    assert_eq!(w.core.housekeeping().await.unwrap().links, 3);
    assert_eq!(w.read(&alice, "alice/tools", &Digest::sha256(b"used")).await.unwrap(), b"used");
}

#[tokio::test]
async fn ranges_are_cut_to_the_byte_from_rows_and_from_files() {
    let (w, alice) = World::with_alice().await;
    for size in [1000_usize, 3 << 20] {
        let bytes = noise(size, 3);
        let digest = w.push_blob(&alice, "alice/tools", &bytes).await;
        let at = w.may_pull(&alice, "alice/tools").await;
        for range in [0..1, 0..size, 17..900, size - 1..size] {
            let asked = Some(range.start as u64..range.end as u64);
            let read = w.core.read_blob(&at, &digest, asked).await.unwrap();
            assert_eq!(read.size, size as u64);
            assert_eq!(collect(read.body).await, bytes[range]);
        }
        #[expect(clippy::reversed_empty_ranges, reason = "what a careless caller may hand in")]
        for range in [0..size as u64 + 1, size as u64..size as u64, 5..4] {
            let refused = w.core.read_blob(&at, &digest, Some(range)).await;
            assert!(matches!(refused, Err(Error::RangeNotSatisfiable { size: told }) if told == size as u64));
        }
    }
}

#[tokio::test]
async fn an_upload_belongs_to_its_repository_and_to_who_began_it() {
    let w = World::new().await;
    let owner = w.person("owner").await;
    w.organization(&owner, "charts").await;
    let other = w.person("other").await;
    w.enlist(&owner, "charts", crate::TeamRole::Admin, "other").await;
    w.push_blob(&owner, "charts/one", b"1").await;
    w.push_blob(&owner, "charts/two", b"2").await;
    let id = w.core.start_upload(&w.may_push(&owner, "charts/one").await).await.unwrap().id;

    let elsewhere = w.may_push(&owner, "charts/two").await;
    let somebody = w.may_push(&other, "charts/one").await;
    for at in [&elsewhere, &somebody] {
        assert_eq!(word(w.core.upload_status(at, &id).await), "not found");
        assert_eq!(word(w.core.append_upload(at, &id, None, None, body(b"x")).await), "not found");
        assert_eq!(word(w.core.cancel_upload(at, &id).await), "not found");
    }
    let own = w.may_push(&owner, "charts/one").await;
    assert_eq!(w.core.upload_status(&own, &id).await.unwrap().offset, 0);
}

#[tokio::test]
async fn a_chunk_that_does_not_continue_the_upload_is_told_where_it_stands() {
    let (w, alice) = World::with_alice().await;
    let (at, id) = upload(&w, &alice).await;
    w.core.append_upload(&at, &id, Some(0), Some(4), body(b"01234")).await.unwrap();
    for wrong in [0, 4, 6, u64::MAX] {
        let refused = w.core.append_upload(&at, &id, Some(wrong), None, body(b"x")).await;
        assert!(matches!(refused, Err(Error::UploadOffset { held: 5 })), "{wrong}");
        let refused = w.core.finish_upload(&at, &id, Some(wrong), &Digest::sha256(b"x"), body(b"x")).await;
        assert!(matches!(refused, Err(Error::UploadOffset { held: 5 })), "{wrong}");
    }
    let short = w.core.append_upload(&at, &id, Some(5), Some(9), body(b"56")).await;
    assert_eq!(word(short), "SIZE_INVALID");
}

#[tokio::test]
async fn of_two_writers_of_one_upload_the_second_is_turned_away() {
    let (w, alice) = World::with_alice().await;
    let (at, id) = upload(&w, &alice).await;

    // The first writer's body comes slowly.
    let (sender, receiver) = futures::channel::mpsc::unbounded::<Result<Bytes, BodyError>>();
    let first = w.core.append_upload(&at, &id, None, None, Box::pin(receiver));
    tokio::pin!(first);
    sender.unbounded_send(Ok(Bytes::from_static(b"first "))).unwrap();
    while futures::poll!(&mut first).is_pending() {
        let second = w.core.append_upload(&at, &id, None, None, body(b"second")).await;
        if word(second) == "offset" {
            break;
        }
    }
    drop(sender);
    let held = first.await.unwrap().offset;
    let digest = Digest::sha256(b"first and last");
    w.core.finish_upload(&at, &id, Some(held), &digest, body(b"and last")).await.unwrap();
    assert_eq!(w.read(&alice, "alice/tools", &digest).await.unwrap(), b"first and last");
}

#[tokio::test]
async fn a_lease_of_another_process_keeps_this_one_away_until_it_ends() {
    let (w, alice) = World::with_alice().await;
    let (at, id) = upload(&w, &alice).await;
    let (repo, name, now_ms) = (repo_of(&w, "alice/tools").await, id.to_string(), w.now_ms());
    w.rows(async move |tx| uploads::acquire(tx, repo, &name, "another", now_ms, now_ms + 60_000).await).await;
    assert_eq!(word(w.core.append_upload(&at, &id, None, None, body(b"x")).await), "offset");
    // Control: it was the lease, and nothing else.
    w.clock.advance(Duration::from_secs(60));
    assert_eq!(w.core.append_upload(&at, &id, None, None, body(b"x")).await.unwrap().offset, 1);
}

#[tokio::test]
async fn an_offset_that_moved_underneath_makes_the_writer_lose() {
    let (w, alice) = World::with_alice().await;
    let (at, id) = upload(&w, &alice).await;
    let (sender, receiver) = futures::channel::mpsc::unbounded::<Result<Bytes, BodyError>>();
    let digest = Digest::sha256(b"bytes");
    let finish = w.core.finish_upload(&at, &id, None, &digest, Box::pin(receiver));
    tokio::pin!(finish);
    let repo = repo_of(&w, "alice/tools").await;
    // Until the writer holds its lease.
    let owner = loop {
        assert!(futures::poll!(&mut finish).is_pending());
        let (name, now_ms) = (id.to_string(), w.now_ms());
        let row = w.rows(async move |tx| uploads::get(tx, repo, &name, now_ms).await).await.unwrap();
        if let Some(owner) = row.lease_owner {
            break owner;
        }
    };
    // The row moves on as if somebody else had written.
    let (name, now_ms) = (id.to_string(), w.now_ms());
    let moved = w
        .rows(async move |tx| {
            uploads::advance(tx, &name, &owner, 0, 3, &[0, 1, 2, 3], now_ms, now_ms + 1_000_000).await
        })
        .await;
    assert!(moved);
    sender.unbounded_send(Ok(Bytes::from_static(b"bytes"))).unwrap();
    drop(sender);
    assert_eq!(word(finish.await), "offset");
    assert_eq!(word(w.read(&alice, "alice/tools", &digest).await), "not found");
}

#[tokio::test]
async fn a_body_that_breaks_off_leaves_what_came_to_be_continued() {
    let (w, alice) = World::with_alice().await;
    for size in [1000, 2 << 20] {
        let bytes = noise(size, size as u64);
        let at = w.may_push(&alice, "alice/tools").await;
        let id = w.core.start_upload(&at).await.unwrap().id;
        let at = w.may_push(&alice, "alice/tools").await;
        let (first, rest) = bytes.split_at(size / 2);
        let broken = w.core.append_upload(&at, &id, None, None, broken_after(first.to_vec())).await;
        assert!(matches!(broken, Err(Error::BodyFailed)));
        let held = w.core.upload_status(&at, &id).await.unwrap().offset;
        assert_eq!(held, first.len() as u64);
        let digest = Digest::sha256(&bytes);
        w.core.finish_upload(&at, &id, Some(held), &digest, body(rest)).await.unwrap();
        assert_eq!(w.read(&alice, "alice/tools", &digest).await.unwrap(), bytes);
    }
}

#[tokio::test]
async fn a_request_that_is_torn_down_lets_the_next_one_in() {
    let (w, alice) = World::with_alice().await;
    let (at, id) = upload(&w, &alice).await;
    let bytes = noise(2 << 20, 5);
    {
        // Enough for a file to be begun, then nothing more: the server drops the request.
        let start = Bytes::from(bytes[..SMALL * 4].to_vec());
        let stuck: Body = Box::pin(futures::StreamExt::chain(
            stream::once(async move { Ok(start) }),
            stream::pending::<Result<Bytes, BodyError>>(),
        ));
        let request = w.core.append_upload(&at, &id, None, None, stuck);
        let dropped = tokio::time::timeout(Duration::from_millis(200), request).await;
        assert!(dropped.is_err());
    }
    let digest = Digest::sha256(&bytes);
    w.core.finish_upload(&at, &id, Some(0), &digest, body(&bytes)).await.unwrap();
    assert_eq!(w.read(&alice, "alice/tools", &digest).await.unwrap(), bytes);
}

#[tokio::test]
async fn blobs_over_the_limit_are_refused_whichever_way_they_come() {
    let w = World::with(|config| config.maximum_layer_size = 200_000).await;
    let alice = w.person("alice").await;
    let bytes = noise(200_001, 1);
    let digest = Digest::sha256(&bytes);
    let at = w.may_push(&alice, "alice/tools").await;
    let too_large = |refused| matches!(refused, Err(Error::TooLarge { limit: 200_000 }));
    assert!(too_large(w.core.put_blob(&at, &digest, body(&bytes)).await));
    let id = w.core.start_upload(&at).await.unwrap().id;
    let at = w.may_push(&alice, "alice/tools").await;
    w.core.append_upload(&at, &id, None, None, body(&bytes[..150_000])).await.unwrap();
    assert!(too_large(w.core.finish_upload(&at, &id, None, &digest, body(&bytes[150_000..])).await));
    assert_eq!(files(&w), 0);
    assert_eq!(
        w.push_blob(&alice, "alice/tools", &bytes[..200_000]).await,
        Digest::sha256(&bytes[..200_000])
    );
}

#[tokio::test]
async fn below_the_reserved_space_uploads_are_refused_and_reads_and_deletes_go_on() {
    let (w, alice) = World::with_alice().await;
    w.push_image(&alice, "alice/tools", "v1", b"layer").await;
    let w = w.reopened_with_headroom(u64::MAX).await;
    let alice = w.log_in(alice.name().unwrap()).await.unwrap();
    let at = w.may_push(&alice, "alice/tools").await;
    assert!(matches!(w.core.start_upload(&at).await, Err(Error::OutOfSpace)));
    assert!(matches!(w.core.put_blob(&at, &Digest::sha256(b"x"), body(b"x")).await, Err(Error::OutOfSpace)));
    assert!(matches!(w.put(&alice, "alice/tools", "v2", "{}").await, Err(Error::OutOfSpace)));
    assert!(w.core.health().await.unwrap().full);
    assert!(w.get(&alice, "alice/tools", "v1").await.is_ok());
    let at = w.core.allow::<Delete>(&alice, &name("alice/tools")).await.unwrap();
    w.core.delete_manifest(&at, &"v1".parse().unwrap()).await.unwrap();
}

#[tokio::test]
async fn while_draining_no_upload_begins_and_those_under_way_end_well() {
    let (w, alice) = World::with_alice().await;
    let (at, id) = upload(&w, &alice).await;
    w.core.drain();
    assert!(matches!(w.core.start_upload(&at).await, Err(Error::Unavailable { .. })));
    w.core.finish_upload(&at, &id, None, &Digest::sha256(b"x"), body(b"x")).await.unwrap();
}

#[tokio::test]
async fn a_blob_that_a_manifest_uses_is_not_deleted() {
    let (w, alice) = World::with_alice().await;
    w.push_image(&alice, "alice/tools", "v1", b"layer").await;
    let stray = w.push_blob(&alice, "alice/tools", b"stray").await;
    let at = w.core.allow::<Delete>(&alice, &name("alice/tools")).await.unwrap();
    assert!(matches!(w.core.delete_blob(&at, &Digest::sha256(b"layer")).await, Err(Error::Unsupported(_))));
    w.core.delete_blob(&at, &stray).await.unwrap();
    let gone = w.core.delete_blob(&at, &stray).await;
    assert!(matches!(gone, Err(Error::NotFound(Missing::Blob))));
}

#[tokio::test]
async fn the_same_large_blob_pushed_twice_is_kept_once() {
    let (w, alice, bob) = World::with_two().await;
    let bytes = noise(1 << 20, 9);
    let digest = w.push_blob(&alice, "alice/tools", &bytes).await;
    w.push_blob(&bob, "bob/tools", &bytes).await;
    assert_eq!(files(&w), 1);
    assert_eq!(w.read(&bob, "bob/tools", &digest).await.unwrap(), bytes);
}

#[tokio::test]
async fn a_damaged_copy_is_healed_by_pushing_the_bytes_again() {
    let (w, alice, bob) = World::with_two().await;
    for cut in [None, Some(1000)] {
        let bytes = noise(1 << 20, cut.unwrap_or(1));
        let digest = w.push_blob(&alice, "alice/tools", &bytes).await;
        let file = the_file(&w);
        match cut {
            None => std::fs::remove_file(&file).unwrap(),
            Some(length) => {
                std::fs::File::options().write(true).open(&file).unwrap().set_len(length).unwrap();
            }
        }
        let at = w.may_pull(&alice, "alice/tools").await;
        assert!(w.core.read_blob(&at, &digest, None).await.is_err());
        assert_eq!(word(w.core.blob(&at, &digest).await), "not found", "so that clients push it again");
        w.push_blob(&bob, "bob/tools", &bytes).await;
        assert_eq!(w.core.blob(&at, &digest).await.unwrap().size, 1 << 20);
        assert_eq!(w.read(&alice, "alice/tools", &digest).await.unwrap(), bytes);
        assert_eq!(w.read(&bob, "bob/tools", &digest).await.unwrap(), bytes);
        w.core.housekeeping().await.unwrap();
        assert_eq!(files(&w), 1, "what was left of the old copy is gone");
        std::fs::remove_file(the_file(&w)).unwrap();
    }
}

#[tokio::test]
async fn abandoned_uploads_make_place_for_new_ones() {
    let (w, alice) = World::with_alice().await;
    w.push_blob(&alice, "alice/tools", b"there").await;
    let at = w.may_push(&alice, "alice/tools").await;
    let used = w.core.start_upload(&at).await.unwrap().id;
    w.core.append_upload(&at, &used, None, None, body(b"begun ")).await.unwrap();
    let first = w.core.start_upload(&at).await.unwrap().id;
    for _ in 0..999 {
        w.core.start_upload(&at).await.unwrap();
    }
    assert_eq!(word(w.core.upload_status(&at, &first).await), "not found");
    let digest = Digest::sha256(b"begun and done");
    w.core.finish_upload(&at, &used, Some(6), &digest, body(b"and done")).await.unwrap();
}

#[tokio::test]
async fn a_blob_in_one_go_that_breaks_off_leaves_nothing() {
    let (w, alice) = World::with_alice().await;
    w.push_blob(&alice, "alice/tools", b"there").await;
    let at = w.may_push(&alice, "alice/tools").await;
    for size in [100, 1 << 20] {
        let bytes = noise(size, 1);
        let broken = w.core.put_blob(&at, &Digest::sha256(&bytes), broken_after(bytes)).await;
        assert!(matches!(broken, Err(Error::BodyFailed)));
    }
    let repo = repo_of(&w, "alice/tools").await;
    assert_eq!(w.rows(async move |tx| uploads::count(tx, repo).await).await, 0);
    assert_eq!(files(&w), 0);
}

#[tokio::test]
async fn bytes_in_the_smallest_frames_arrive_in_order() {
    let (w, alice) = World::with_alice().await;
    let bytes = noise(200_000, 4);
    let frames: Vec<_> = bytes.chunks(7).map(|frame| Ok(Bytes::copy_from_slice(frame))).collect();
    let digest = Digest::sha256(&bytes);
    let at = w.may_push(&alice, "alice/tools").await;
    w.core.put_blob(&at, &digest, Box::pin(stream::iter(frames))).await.unwrap();
    assert_eq!(w.read(&alice, "alice/tools", &digest).await.unwrap(), bytes);
}

#[tokio::test]
async fn an_upload_that_nobody_continues_is_given_up() {
    let (w, alice) = World::with_alice().await;
    let (at, id) = upload(&w, &alice).await;
    w.core.append_upload(&at, &id, None, None, body(&noise(1 << 20, 1))).await.unwrap();
    assert_eq!(files(&w), 1);
    w.clock.advance(Duration::from_secs(49 * 3600));
    assert_eq!(word(w.core.upload_status(&at, &id).await), "not found");
    assert_eq!(w.core.housekeeping().await.unwrap().uploads, 1);
    assert_eq!(files(&w), 0);
}

/// The one file in the storage.
fn the_file(w: &World) -> std::path::PathBuf {
    let found = all_files(w);
    assert_eq!(found.len(), 1);
    found.into_iter().next().unwrap()
}

/// How many files are in the storage, finished or not.
pub(crate) fn files(w: &World) -> usize {
    all_files(w).len()
}

fn all_files(w: &World) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![w.folder.path().join("blobs"), w.folder.path().join("uploads")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let folder = entry.file_type().unwrap().is_dir();
            if folder { &mut folders } else { &mut found }.push(entry.path());
        }
    }
    found
}

pub(crate) async fn repo_of(w: &World, repository: &str) -> quay_db::RepoId {
    let name = name(repository);
    w.rows(async move |tx| repos::find(tx, name.namespace(), name.repository()).await).await.unwrap().id
}
