//! Collection frees what nobody can reach, and nothing else.

use std::time::Duration;

use quay_db::tables::blobs;
use quay_oci::{Attachment, Digest, media_type};
use serde_json::json;

use super::uploads::files;
use super::world::{World, name, noise, reference, word};
use crate::perms::Delete;
use crate::{Caller, Collected};

const LARGE: usize = 100_000;
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Rounds until nothing is left to do.
async fn collect(w: &World) -> Collected {
    let mut all = Collected::default();
    loop {
        let kept = w.core.housekeeping().await.unwrap();
        let done = kept.collected;
        if kept.links == 0 && done == Collected::default() {
            return all;
        }
        all.tags += done.tags;
        all.hidden += done.hidden;
        all.manifests += done.manifests;
        all.blobs += done.blobs;
        all.bytes += done.bytes;
    }
}

/// An index under the tag `multi` and its one child.
async fn index_of_one(w: &World, who: &Caller) -> (Digest, Digest) {
    let image = w.image(who, "alice/app", b"layer").await;
    let child = Digest::sha256(image.as_bytes());
    w.put(who, "alice/app", child.as_str(), &image).await.unwrap();
    let index = json!({
        "schemaVersion": 2, "mediaType": media_type::OCI_INDEX,
        "manifests": [{"mediaType": media_type::OCI_MANIFEST, "digest": child, "size": image.len()}],
    })
    .to_string();
    (w.put(who, "alice/app", "multi", &index).await.unwrap(), child)
}

async fn delete(w: &World, who: &Caller, repository: &str, at: &str) {
    let allowed = w.core.allow::<Delete>(who, &name(repository)).await.unwrap();
    w.core.delete_manifest(&allowed, &reference(at)).await.unwrap();
}

#[tokio::test]
async fn a_blob_that_no_manifest_took_up_goes_with_its_link() {
    let (w, alice) = World::with_alice().await;
    w.push_blob(&alice, "alice/app", &noise(LARGE, 1)).await;
    assert_eq!(collect(&w).await.blobs, 0);
    assert_eq!(files(&w), 1);
    w.clock.advance(HOUR);
    let done = collect(&w).await;
    assert_eq!((done.blobs, done.bytes), (1, LARGE as u64));
    assert_eq!(files(&w), 0);
}

#[tokio::test]
async fn deleted_content_stays_until_it_cannot_be_restored_any_more() {
    let (w, alice) = World::with_alice().await;
    let layer = noise(LARGE, 1);
    let digest = w.push_image(&alice, "alice/app", "v1", &layer).await;
    delete(&w, &alice, "alice/app", digest.as_str()).await;
    w.clock.advance(DAY * 13);
    collect(&w).await;
    let at = w.may_push(&alice, "alice/app").await;
    w.core.restore_tag(&at, &"v1".parse().unwrap(), &digest).await.unwrap();
    assert_eq!(w.read(&alice, "alice/app", &Digest::sha256(&layer)).await.unwrap(), layer);

    delete(&w, &alice, "alice/app", digest.as_str()).await;
    w.clock.advance(DAY * 14);
    let done = collect(&w).await;
    assert_eq!((done.manifests, done.blobs, files(&w)), (1, 2, 0));
    assert_eq!(word(w.core.restore_tag(&at, &"v1".parse().unwrap(), &digest).await), "not found");
}

#[tokio::test]
async fn what_another_repository_uses_stays() {
    let (w, alice, bob) = World::with_two().await;
    let layer = noise(LARGE, 1);
    let digest = w.push_image(&alice, "alice/app", "v1", &layer).await;
    w.push_image(&bob, "bob/app", "v1", &layer).await;
    delete(&w, &alice, "alice/app", digest.as_str()).await;
    w.clock.advance(DAY * 30);
    let done = collect(&w).await;
    assert_eq!((done.manifests, done.blobs), (1, 0));
    assert_eq!(w.read(&bob, "bob/app", &Digest::sha256(&layer)).await.unwrap(), layer);
}

#[tokio::test]
async fn tagged_content_stays_for_ever_and_untagged_content_for_its_window() {
    let (w, alice) = World::with_alice().await;
    let kept = w.push_image(&alice, "alice/app", "v1", b"kept").await;
    let image = w.image(&alice, "alice/app", b"untagged").await;
    let untagged = Digest::sha256(image.as_bytes());
    w.put(&alice, "alice/app", untagged.as_str(), &image).await.unwrap();
    w.clock.advance(DAY * 13);
    collect(&w).await;
    assert_eq!(word(w.get(&alice, "alice/app", untagged.as_str()).await), "allowed");
    w.clock.advance(DAY);
    let done = collect(&w).await;
    assert_eq!((done.hidden, done.blobs), (1, 1), "the configuration is shared and stays");
    assert_eq!(word(w.get(&alice, "alice/app", untagged.as_str()).await), "not found");
    w.clock.advance(DAY * 1000);
    collect(&w).await;
    assert_eq!(word(w.get(&alice, "alice/app", kept.as_str()).await), "allowed");
    assert_eq!(word(w.read(&alice, "alice/app", &Digest::sha256(b"kept")).await), "allowed");
}

#[tokio::test]
async fn children_live_as_long_as_their_index_and_referrers_as_long_as_their_subject() {
    let (w, alice) = World::with_alice().await;
    let (index, child) = index_of_one(&w, &alice).await;
    let config = Digest::sha256(b"{}");
    let signature = json!({
        "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST,
        "config": {"mediaType": media_type::OCI_EMPTY, "digest": config, "size": 2},
        "layers": [], "artifactType": "application/vnd.example.signature",
        "subject": {"mediaType": media_type::OCI_INDEX, "digest": index, "size": 1},
    })
    .to_string();
    let signed = Digest::sha256(signature.as_bytes());
    w.put(&alice, "alice/app", signed.as_str(), &signature).await.unwrap();

    for _ in 0..3 {
        w.clock.advance(DAY * 20);
        collect(&w).await;
    }
    for digest in [&index, &child, &signed] {
        assert_eq!(word(w.get(&alice, "alice/app", digest.as_str()).await), "allowed");
    }
    delete(&w, &alice, "alice/app", index.as_str()).await;
    for _ in 0..3 {
        w.clock.advance(DAY * 20);
        collect(&w).await;
    }
    for digest in [&index, &child, &signed] {
        assert_eq!(word(w.get(&alice, "alice/app", digest.as_str()).await), "not found");
    }
    assert_eq!(word(w.read(&alice, "alice/app", &Digest::sha256(b"layer")).await), "not found");
}

#[tokio::test]
async fn an_index_is_restored_with_its_children_and_what_refers_to_it() {
    let (w, alice) = World::with_alice().await;
    let (index, child) = index_of_one(&w, &alice).await;
    w.clock.advance(DAY * 30);
    collect(&w).await;
    delete(&w, &alice, "alice/app", index.as_str()).await;
    // Long enough for the child to be looked at several times while its index is hidden.
    for _ in 0..13 {
        w.clock.advance(DAY);
        collect(&w).await;
    }
    let at = w.may_push(&alice, "alice/app").await;
    w.core.restore_tag(&at, &"multi".parse().unwrap(), &index).await.unwrap();
    for digest in [&index, &child] {
        assert_eq!(word(w.get(&alice, "alice/app", digest.as_str()).await), "allowed");
    }
    assert_eq!(word(w.read(&alice, "alice/app", &Digest::sha256(b"layer")).await), "allowed");
}

#[tokio::test]
async fn a_child_is_deleted_from_under_no_index_that_can_be_pulled() {
    let (w, alice) = World::with_alice().await;
    let (index, child) = index_of_one(&w, &alice).await;
    let image = w.get(&alice, "alice/app", child.as_str()).await.unwrap();
    w.put(&alice, "alice/app", "amd64", &image).await.unwrap();
    let signature = Attachment::Signature.tag_of(&child);
    w.push_image(&alice, "alice/app", &signature, b"signed").await;
    let alone = w.push_image(&alice, "alice/app", "alone", b"no index names it").await;
    let at = w.core.allow::<Delete>(&alice, &name("alice/app")).await.unwrap();
    let gone = async |what: &str| word(w.get(&alice, "alice/app", what).await) == "not found";

    for digest in [&child, &alone] {
        w.core.delete_manifest(&at, &reference(digest.as_str())).await.unwrap();
    }
    assert!(gone("amd64").await && gone("alone").await, "what pointed there points there no more");
    assert!(gone(alone.as_str()).await, "the control");
    for still in [index.as_str(), "multi", child.as_str(), &signature] {
        assert!(!gone(still).await, "{still}");
    }
    assert_eq!(w.read(&alice, "alice/app", &Digest::sha256(b"layer")).await.unwrap(), b"layer");
    for _ in 0..4 {
        w.clock.advance(DAY * 20);
        collect(&w).await;
        assert!(!gone(child.as_str()).await, "as long as the index");
    }

    // It goes with the index at once, and comes back with it.
    let again = w.core.delete_manifest(&at, &reference(child.as_str())).await;
    assert_eq!(word(again), "allowed", "as often as one likes");
    w.core.delete_manifest(&at, &reference(index.as_str())).await.unwrap();
    assert!(gone(child.as_str()).await && gone("multi").await && gone(&signature).await);
    w.clock.advance(DAY * 13);
    collect(&w).await;
    let push = w.may_push(&alice, "alice/app").await;
    w.core.restore_tag(&push, &"multi".parse().unwrap(), &index).await.unwrap();
    assert_eq!(w.get(&alice, "alice/app", child.as_str()).await.unwrap(), image);
    assert_eq!(w.read(&alice, "alice/app", &Digest::sha256(b"layer")).await.unwrap(), b"layer");
    assert!(!gone(&signature).await, "with what was attached to it");

    // Left alone, both go by the rules for everything that nobody keeps.
    delete(&w, &alice, "alice/app", index.as_str()).await;
    for _ in 0..4 {
        w.clock.advance(DAY * 20);
        collect(&w).await;
    }
    assert!(gone(child.as_str()).await && gone(index.as_str()).await);
    assert_eq!(word(w.read(&alice, "alice/app", &Digest::sha256(b"layer")).await), "not found");
}

#[tokio::test]
async fn a_child_of_an_index_in_an_index_stays_and_comes_back_too() {
    let (w, alice) = World::with_alice().await;
    let (inner, child) = index_of_one(&w, &alice).await;
    let size = w.get(&alice, "alice/app", inner.as_str()).await.unwrap().len();
    let outer = json!({
        "schemaVersion": 2, "mediaType": media_type::OCI_INDEX,
        "manifests": [{"mediaType": media_type::OCI_INDEX, "digest": inner, "size": size}],
    });
    let outer = w.put(&alice, "alice/app", "outer", &outer.to_string()).await.unwrap();
    for digest in [&inner, &child] {
        delete(&w, &alice, "alice/app", digest.as_str()).await;
        assert_eq!(word(w.get(&alice, "alice/app", digest.as_str()).await), "allowed");
    }
    assert_eq!(word(w.get(&alice, "alice/app", "multi").await), "not found");
    delete(&w, &alice, "alice/app", outer.as_str()).await;
    for digest in [&outer, &inner, &child] {
        let found = word(w.get(&alice, "alice/app", digest.as_str()).await);
        assert_eq!(found, "not found", "what was deleted before goes with what kept it");
    }
    let push = w.may_push(&alice, "alice/app").await;
    w.core.restore_tag(&push, &"outer".parse().unwrap(), &outer).await.unwrap();
    for digest in [&outer, &inner, &child] {
        assert_eq!(word(w.get(&alice, "alice/app", digest.as_str()).await), "allowed");
    }
}

#[tokio::test]
async fn a_list_of_referrers_keeps_none_of_them() {
    let (w, alice) = World::with_alice().await;
    let image = w.push_image(&alice, "alice/app", "v1", b"layer").await;
    let config = Digest::sha256(b"{}");
    let referrer = |n: u32, subject: bool| {
        let mut manifest = json!({
            "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST,
            "config": {"mediaType": media_type::OCI_EMPTY, "digest": config, "size": 2},
            "layers": [], "artifactType": format!("application/vnd.example.{n}"),
        });
        if subject {
            manifest["subject"] = json!({"mediaType": media_type::OCI_MANIFEST, "digest": image, "size": 1});
        }
        manifest.to_string()
    };
    let (named, listed) = (referrer(1, true), referrer(2, false));
    let (tag, mut entries) = (Attachment::Referrers.tag_of(&image), Vec::new());
    for manifest in [&named, &listed] {
        let digest = Digest::sha256(manifest.as_bytes());
        w.put(&alice, "alice/app", digest.as_str(), manifest).await.unwrap();
        entries
            .push(json!({"mediaType": media_type::OCI_MANIFEST, "digest": digest, "size": manifest.len()}));
        // Every version of the list but the last is under no tag any more.
        let list = json!({"schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": entries});
        w.put(&alice, "alice/app", &tag, &list.to_string()).await.unwrap();
    }
    let list = Digest::sha256(w.get(&alice, "alice/app", &tag).await.unwrap().as_bytes());
    let gone = async || {
        for manifest in [&named, &listed] {
            let digest = Digest::sha256(manifest.as_bytes());
            assert_eq!(word(w.get(&alice, "alice/app", digest.as_str()).await), "not found", "{manifest}");
        }
    };
    for manifest in [&named, &listed] {
        delete(&w, &alice, "alice/app", Digest::sha256(manifest.as_bytes()).as_str()).await;
    }
    gone().await;
    // Nor does it bring one back.
    let at = w.may_push(&alice, "alice/app").await;
    delete(&w, &alice, "alice/app", &tag).await;
    w.core.restore_tag(&at, &tag.parse().unwrap(), &list).await.unwrap();
    gone().await;
    // The control: under a name of its own it is an index like any other.
    w.core.set_tag(&at, &"all".parse().unwrap(), &list).await.unwrap();
    delete(&w, &alice, "alice/app", "all").await;
    w.core.restore_tag(&at, &"all".parse().unwrap(), &list).await.unwrap();
    for manifest in [&named, &listed] {
        let digest = Digest::sha256(manifest.as_bytes());
        assert_eq!(word(w.get(&alice, "alice/app", digest.as_str()).await), "allowed", "{manifest}");
    }
}

#[tokio::test]
async fn tags_that_belong_to_an_image_go_with_it_and_come_back_with_it() {
    let (w, alice) = World::with_alice().await;
    let image = w.push_image(&alice, "alice/app", "v1", b"layer").await;
    let other = w.push_image(&alice, "alice/app", "other", b"another").await;
    let tag_of = |what: Attachment, of| what.tag_of(of);
    let (sig, sig_of_other) = (tag_of(Attachment::Signature, &image), tag_of(Attachment::Signature, &other));
    for (n, tag) in [&sig, &tag_of(Attachment::Sbom, &image), &sig_of_other].into_iter().enumerate() {
        w.push_image(&alice, "alice/app", tag, format!("attached {n}").as_bytes()).await;
    }
    let tags = async || {
        let at = w.may_pull(&alice, "alice/app").await;
        w.core.tags(&at, None, None).await.unwrap().items.len()
    };
    // Without its tag the image is still there, and so is what belongs to it.
    delete(&w, &alice, "alice/app", "v1").await;
    assert_eq!(tags().await, 4);
    w.clock.advance(Duration::from_secs(1));
    delete(&w, &alice, "alice/app", image.as_str()).await;
    assert_eq!(tags().await, 2);
    assert_eq!(word(w.get(&alice, "alice/app", &sig_of_other).await), "allowed");

    let at = w.may_push(&alice, "alice/app").await;
    w.core.restore_tag(&at, &"v1".parse().unwrap(), &image).await.unwrap();
    assert_eq!(tags().await, 5);
    assert_eq!(word(w.get(&alice, "alice/app", &sig).await), "allowed");

    // What is not restored is collected, with what belonged to it.
    delete(&w, &alice, "alice/app", "v1").await;
    for _ in 0..4 {
        w.clock.advance(DAY * 10);
        collect(&w).await;
    }
    assert_eq!(tags().await, 2);
    for layer in ["layer", "attached 0", "attached 1"] {
        let gone = w.read(&alice, "alice/app", &Digest::sha256(layer.as_bytes())).await;
        assert_eq!(word(gone), "not found", "{layer}");
    }
    assert_eq!(word(w.read(&alice, "alice/app", &Digest::sha256(b"attached 2")).await), "allowed");
}

#[tokio::test]
async fn a_condemned_digest_is_stored_anew_and_only_the_old_copy_goes() {
    let (w, alice) = World::with_alice().await;
    for bytes in [noise(LARGE, 1), noise(100, 2)] {
        let digest = w.push_blob(&alice, "alice/app", &bytes).await;
        w.clock.advance(HOUR);
        let (now_ms, condemned) = (w.now_ms(), digest.clone());
        w.rows(async move |tx| {
            let blob = blobs::lock(tx, &condemned).await?.unwrap();
            for (repo, blob) in blobs::expired_leases(tx, now_ms, 10).await? {
                blobs::drop_lease(tx, repo, blob, now_ms).await?;
            }
            blobs::condemn(tx, blob.id, now_ms).await
        })
        .await
        .unwrap();
        assert_eq!(word(w.read(&alice, "alice/app", &digest).await), "not found");
        w.push_image(&alice, "alice/app", "v1", &bytes).await;
        assert_eq!(collect(&w).await.blobs, 1);
        assert_eq!(w.read(&alice, "alice/app", &digest).await.unwrap(), bytes);
    }
}

#[tokio::test]
async fn a_deleted_repository_gives_its_space_back() {
    let (w, alice) = World::with_alice().await;
    w.push_image(&alice, "alice/app", "v1", &noise(LARGE, 1)).await;
    let at = w.core.allow(&alice, &name("alice/app")).await.unwrap();
    w.core.delete_repository(&at).await.unwrap();
    w.clock.advance(DAY * 14);
    collect(&w).await;
    assert_eq!(files(&w), 0);
}
