//! Manifests, tags, referrers and lists.

use std::time::Duration;

use bytes::Bytes;
use quay_db::tables::manifests::{self, NewManifest};
use quay_oci::{Algorithm, ArtifactKind, Digest, ErrorCode, media_type};
use serde_json::{Value, json};

use super::world::{World, name, reference, word};
use crate::perms::Delete;
use crate::{Caller, Error, Missing};

#[tokio::test]
async fn a_manifest_comes_back_as_the_bytes_that_were_pushed() {
    let (w, alice) = World::with_alice().await;
    let image = w.image(&alice, "alice/app", b"layer").await;
    // Spaces and unknown members count, too.
    let odd = image.replacen('{', "{ \"x-unknown\" : [1.50, \"\\u00e4\"],\n", 1);
    let digest = w.put(&alice, "alice/app", "v1", &odd).await.unwrap();
    assert_eq!(digest, Digest::sha256(odd.as_bytes()));
    assert_eq!(w.get(&alice, "alice/app", "v1").await.unwrap(), odd);
    assert_eq!(w.get(&alice, "alice/app", digest.as_str()).await.unwrap(), odd);
}

#[tokio::test]
async fn a_push_creates_a_private_repository_with_its_pusher_as_administrator() {
    let w = World::new().await;
    let owner = w.person("owner").await;
    w.organization(&owner, "charts").await;
    let creator = w.person("creator").await;
    w.enlist(&owner, "charts", crate::TeamRole::Creator, "creator").await;
    w.push_image(&creator, "charts/app/deep", "v1", b"layer").await;
    let at = w.may_pull(&creator, "charts/app/deep").await;
    assert!(!at.is_public());
    assert!(w.core.repository(&at).await.unwrap().can_admin);
    assert_eq!(w.deeds(&creator, "charts/app/deep").await, ["create_repo", "push_repo"]);
}

#[tokio::test]
async fn two_first_pushes_at_once_end_in_one_repository() {
    let (w, alice) = World::with_alice().await;
    let at = w.may_push(&alice, "alice/new").await;
    let (a, b) = (Digest::sha256(b"a"), Digest::sha256(b"b"));
    let first = w.core.put_blob(&at, &a, super::world::body(b"a"));
    let second = w.core.put_blob(&at, &b, super::world::body(b"b"));
    let (first, second) = futures::join!(first, second);
    first.unwrap();
    second.unwrap();
    assert_eq!(w.read(&alice, "alice/new", &a).await.unwrap(), b"a");
    assert_eq!(w.read(&alice, "alice/new", &b).await.unwrap(), b"b");
}

#[tokio::test]
async fn a_push_that_fails_creates_nothing() {
    let (w, alice) = World::with_alice().await;
    assert!(w.put(&alice, "alice/new", "v1", "{}").await.is_err());
    let unknown = image_of(&Digest::sha256(b"config"), &Digest::sha256(b"layer"));
    assert_eq!(word(w.put(&alice, "alice/new", "v1", &unknown).await), "MANIFEST_BLOB_UNKNOWN");
    assert_eq!(word(w.get(&alice, "alice/new", "v1").await), "name unknown");
}

#[tokio::test]
async fn a_manifest_needs_its_blobs_linked_in_its_own_repository() {
    let (w, alice, bob) = World::with_two().await;
    let config = w.push_blob(&bob, "bob/app", b"{}").await;
    let secret = w.push_blob(&alice, "alice/secret", b"the plans").await;
    let stolen = image_of(&config, &secret);
    assert_eq!(word(w.put(&bob, "bob/app", "v1", &stolen).await), "MANIFEST_BLOB_UNKNOWN");
    // Control: with the very bytes pushed there, the same manifest is taken.
    w.push_blob(&bob, "bob/app", b"the plans").await;
    assert_eq!(word(w.put(&bob, "bob/app", "v1", &stolen).await), "allowed");
}

#[tokio::test]
async fn a_layer_that_is_fetched_from_elsewhere_need_not_be_here() {
    let (w, alice) = World::with_alice().await;
    let config = w.push_blob(&alice, "alice/app", b"{}").await;
    let foreign = json!({
        "schemaVersion": 2,
        "config": {"mediaType": media_type::OCI_IMAGE_CONFIG, "digest": config, "size": 2},
        "layers": [{
            "mediaType": media_type::OCI_LAYER_FOREIGN_GZIP, "digest": Digest::sha256(b"far away"), "size": 8,
            "urls": ["https://vendor.example/layer"],
        }],
    });
    assert_eq!(word(w.put(&alice, "alice/app", "v1", &foreign.to_string()).await), "allowed");
}

#[tokio::test]
async fn an_index_needs_its_children_with_their_true_sizes() {
    let (w, alice) = World::with_alice().await;
    let image = w.image(&alice, "alice/app", b"layer").await;
    let digest = Digest::sha256(image.as_bytes());
    let index = |size: usize| index_of(&digest, size);
    assert_eq!(word(w.put(&alice, "alice/app", "multi", &index(image.len())).await), "MANIFEST_BLOB_UNKNOWN");
    w.put(&alice, "alice/app", digest.as_str(), &image).await.unwrap();
    let wrong = w.put(&alice, "alice/app", "multi", &index(image.len() + 1)).await.unwrap_err();
    let (told, true_size) = (image.len() + 1, image.len());
    assert_eq!(
        wrong.message(),
        format!("Size of manifest does not match that retrieved: {told} vs {true_size} for `{digest}`")
    );
    assert_eq!(word(Err::<(), _>(wrong)), "MANIFEST_INVALID");
    assert_eq!(word(w.put(&alice, "alice/app", "multi", &index(image.len())).await), "allowed");
    // An index of indexes is no different.
    let inner = index(image.len());
    let outer = |size: usize| index_of(&Digest::sha256(inner.as_bytes()), size);
    assert_eq!(word(w.put(&alice, "alice/app", "outer", &outer(inner.len() - 1)).await), "MANIFEST_INVALID");
    assert_eq!(word(w.put(&alice, "alice/app", "outer", &outer(inner.len())).await), "allowed");

    let at = w.may_pull(&alice, "alice/app").await;
    let list = w.core.manifest(&at, &reference("multi")).await.unwrap();
    let child = w.core.platform_manifest(&at, &list, "linux", "amd64").await.unwrap().unwrap();
    assert_eq!(child.bytes, image);
    assert_eq!(w.core.platform_manifest(&at, &list, "linux", "arm64").await.unwrap(), None);
}

#[tokio::test]
async fn a_manifest_tells_the_true_sizes_of_its_blobs() {
    let (w, alice) = World::with_alice().await;
    let config = w.push_blob(&alice, "alice/app", b"{}").await;
    let layer = w.push_blob(&alice, "alice/app", b"the layer").await;
    let far = Digest::sha256(b"far away");
    let (docker, list) = (media_type::DOCKER_MANIFEST, media_type::OCI_MANIFEST);
    let manifest = |of: &str, config_type: &str, config_size: u64, layers: Value| {
        let mut manifest = json!({
            "schemaVersion": 2, "mediaType": of,
            "config": {"mediaType": config_type, "digest": config, "size": config_size},
        });
        manifest["layers"] = layers;
        manifest.to_string()
    };
    let one =
        |kind: &str, digest: &Digest, size: u64| json!({"mediaType": kind, "digest": digest, "size": size});
    let (gzip, docker_gzip) =
        (media_type::OCI_LAYER_GZIP, "application/vnd.docker.image.rootfs.diff.tar.gzip");
    let image = |config_size, size| {
        manifest(list, media_type::OCI_IMAGE_CONFIG, config_size, json!([one(gzip, &layer, size)]))
    };
    let mut foreign = one(media_type::OCI_LAYER_FOREIGN_GZIP, &far, 77);
    foreign["urls"] = json!(["https://vendor.example/layer"]);
    let put = async |manifest: &str| w.put(&alice, "alice/app", "v1", manifest).await;

    for (what, wrong, said) in [
        ("a layer", image(2, 10), ("10 vs 9", &layer)),
        ("a layer said to be empty", image(2, 0), ("0 vs 9", &layer)),
        ("a configuration", image(3, 9), ("3 vs 2", &config)),
        (
            "the empty configuration of an artifact",
            manifest(list, media_type::OCI_EMPTY, 0, json!([one("text/plain", &layer, 9)])),
            ("0 vs 2", &config),
        ),
        (
            "a blob listed twice",
            manifest(
                list,
                media_type::OCI_EMPTY,
                2,
                json!([one("text/plain", &layer, 9), one("text/plain", &layer, 8)]),
            ),
            ("8 vs 9", &layer),
        ),
        (
            "a layer of Docker's",
            manifest(docker, media_type::DOCKER_IMAGE_CONFIG, 2, json!([one(docker_gzip, &layer, 1)])),
            ("1 vs 9", &layer),
        ),
        (
            "a layer beside one that is elsewhere",
            manifest(list, media_type::OCI_IMAGE_CONFIG, 2, json!([foreign, one(gzip, &layer, 90)])),
            ("90 vs 9", &layer),
        ),
    ] {
        let refused = put(&wrong).await.unwrap_err();
        assert!(matches!(refused, Error::Invalid { code: ErrorCode::ManifestInvalid, .. }), "{what}");
        let (sizes, digest) = said;
        let told = format!("Size of blob does not match that retrieved: {sizes} for `{digest}`");
        assert_eq!(refused.message(), told, "{what}");
    }
    assert_eq!(word(w.get(&alice, "alice/app", "v1").await), "not found", "nothing of it was done");
    // The control: the true sizes are taken, and nothing is compared with what is elsewhere.
    for right in [
        image(2, 9),
        manifest(list, media_type::OCI_EMPTY, 2, json!([one("text/plain", &layer, 9)])),
        manifest(list, media_type::OCI_EMPTY, 2, json!([one("text/plain", &config, 2)])),
        manifest(docker, media_type::DOCKER_IMAGE_CONFIG, 2, json!([one(docker_gzip, &layer, 9)])),
        manifest(list, media_type::OCI_IMAGE_CONFIG, 2, json!([foreign, one(gzip, &layer, 9)])),
    ] {
        assert_eq!(word(put(&right).await), "allowed", "{right}");
    }
}

#[tokio::test]
async fn a_manifest_that_was_taken_with_a_false_size_can_be_tagged_still() {
    let (w, alice) = World::with_alice().await;
    let right = w.image(&alice, "alice/app", b"layer").await;
    w.put(&alice, "alice/app", "right", &right).await.unwrap();
    let wrong = right.replace("\"size\":5", "\"size\":6");
    assert_ne!(right, wrong);
    assert_eq!(word(w.put(&alice, "alice/app", "wrong", &wrong).await), "MANIFEST_INVALID", "the control");

    // as a version that did not compare has left it
    let repo = w.may_push(&alice, "alice/app").await.place.repo.unwrap();
    let (digest, text) = (Digest::sha256(wrong.as_bytes()), wrong.clone());
    let stored = w.core.db().write(async move |tx| {
        let new = NewManifest {
            repo,
            digest: &digest,
            media_type: media_type::OCI_MANIFEST,
            artifact_type: None,
            config_media_type: None,
            subject: None,
            kind: ArtifactKind::Image,
            annotations: None,
            layers_size: 6,
            bytes: text.as_bytes(),
            blobs: &[],
            children: &[],
            expires_ms: None,
            now_ms: 0,
        };
        manifests::put(tx, &new).await
    });
    stored.await.unwrap();
    assert_eq!(word(w.put(&alice, "alice/app", "wrong", &wrong).await), "allowed");
    assert_eq!(w.get(&alice, "alice/app", "wrong").await.unwrap(), wrong);
}

#[tokio::test]
async fn what_is_not_a_manifest_is_refused_with_a_reason() {
    let (w, alice) = World::with_alice().await;
    let image = w.image(&alice, "alice/app", b"layer").await;
    let at = w.may_push(&alice, "alice/app").await;
    let put = async |at_reference: &str, content_type, text: String| {
        w.core.put_manifest(&at, &reference(at_reference), &[], content_type, text.into()).await
    };
    assert_eq!(word(put("v1", None, "no json".to_owned()).await), "MANIFEST_INVALID");
    assert_eq!(word(put("v1", None, "[]".to_owned()).await), "MANIFEST_INVALID");
    let other = Digest::sha256(b"other");
    assert_eq!(word(put(other.as_str(), None, image.clone()).await), "DIGEST_INVALID");
    let unsupported =
        put("v1", Some("application/vnd.docker.distribution.manifest.v1+json"), image.clone()).await;
    assert!(matches!(unsupported, Err(Error::UnsupportedMediaType(_))));
    let large = put("v1", None, format!("{image}{}", " ".repeat(4 << 20))).await;
    assert!(matches!(large, Err(Error::TooLarge { .. })));
    let with_parameters =
        put("v1", Some("application/vnd.oci.image.manifest.v1+json; charset=utf-8"), image).await;
    assert_eq!(with_parameters.unwrap().media_type, media_type::OCI_MANIFEST);
}

#[tokio::test]
async fn deleting_a_tag_leaves_the_manifest_and_deleting_the_manifest_takes_its_tags() {
    let (w, alice) = World::with_alice().await;
    let digest = w.push_image(&alice, "alice/app", "v1", b"layer").await;
    w.push_image(&alice, "alice/app", "v2", b"layer").await;
    w.push_image(&alice, "alice/app", "other", b"other layer").await;
    let at = w.core.allow::<Delete>(&alice, &name("alice/app")).await.unwrap();

    w.core.delete_manifest(&at, &reference("v1")).await.unwrap();
    let gone = w.get(&alice, "alice/app", "v1").await;
    assert!(matches!(gone, Err(Error::NotFound(Missing::TagExpired(tag))) if tag == "v1"));
    assert!(w.get(&alice, "alice/app", "v2").await.is_ok());
    assert!(w.get(&alice, "alice/app", digest.as_str()).await.is_ok());

    w.core.delete_manifest(&at, &reference(digest.as_str())).await.unwrap();
    for gone in ["v2", digest.as_str()] {
        assert_eq!(word(w.get(&alice, "alice/app", gone).await), "not found", "{gone}");
    }
    assert_eq!(tags(&w, &alice).await, ["other"]);
    for twice in ["v1", "v2", digest.as_str(), "never"] {
        assert_eq!(word(w.core.delete_manifest(&at, &reference(twice)).await), "not found", "{twice}");
    }
    assert_eq!(
        word(w.read(&alice, "alice/app", &Digest::sha256(b"layer")).await),
        "allowed",
        "until its lease ends"
    );
}

#[tokio::test]
async fn a_deleted_tag_can_be_restored_with_its_content() {
    let (w, alice) = World::with_alice().await;
    let old = w.push_image(&alice, "alice/app", "v1", b"old").await;
    w.push_image(&alice, "alice/app", "v1", b"new").await;
    let at = w.core.allow::<Delete>(&alice, &name("alice/app")).await.unwrap();
    w.core.delete_manifest(&at, &reference(old.as_str())).await.unwrap();
    w.clock.advance(Duration::from_secs(7200));
    assert_eq!(word(w.get(&alice, "alice/app", old.as_str()).await), "not found");
    assert_eq!(word(w.read(&alice, "alice/app", &Digest::sha256(b"old")).await), "not found");

    let push = w.may_push(&alice, "alice/app").await;
    w.core.restore_tag(&push, &"v1".parse().unwrap(), &old).await.unwrap();
    assert_eq!(Digest::sha256(w.get(&alice, "alice/app", "v1").await.unwrap().as_bytes()), old);
    assert_eq!(w.read(&alice, "alice/app", &Digest::sha256(b"old")).await.unwrap(), b"old");

    let query = crate::TagQuery { limit: 10, page: 1, ..crate::TagQuery::default() };
    let pull = w.may_pull(&alice, "alice/app").await;
    let history = w.core.tag_history(&pull, &query).await.unwrap();
    let told: Vec<_> = history.items.iter().map(|tag| (tag.reversion, tag.ended.is_some())).collect();
    assert_eq!(told, [(true, false), (false, true), (false, true)]);
    assert_eq!(w.deeds(&alice, "alice/app").await.last().unwrap(), "revert_tag");
}

#[tokio::test]
async fn tags_are_listed_in_the_order_of_their_bytes_page_by_page() {
    let (w, alice) = World::with_alice().await;
    for tag in ["b", "a", "B", "1.10", "1.9", "_x"] {
        w.push_image(&alice, "alice/app", tag, b"layer").await;
    }
    let all = ["1.10", "1.9", "B", "_x", "a", "b"];
    assert_eq!(tags(&w, &alice).await, all);
    let at = w.may_pull(&alice, "alice/app").await;
    let page = w.core.tags(&at, Some(4), None).await.unwrap();
    assert_eq!(
        (page.items.as_slice(), page.more),
        (all[..4].iter().map(|t| (*t).to_owned()).collect::<Vec<_>>().as_slice(), true)
    );
    let page = w.core.tags(&at, Some(4), Some("_x")).await.unwrap();
    assert_eq!((page.items, page.more), (vec!["a".to_owned(), "b".to_owned()], false));
    let page = w.core.tags(&at, Some(0), None).await.unwrap();
    assert_eq!((page.items.len(), page.more), (0, false));
    let page = w.core.tags(&at, Some(usize::MAX), Some("C")).await.unwrap();
    assert_eq!(page.items, ["_x", "a", "b"]);
}

#[tokio::test]
async fn the_catalog_shows_what_the_caller_may_pull() {
    let (w, alice, bob) = World::with_two().await;
    for repository in ["alice/private", "alice/public", "alice/shared"] {
        w.push_image(&alice, repository, "v1", b"layer").await;
    }
    w.push_image(&bob, "bob/own", "v1", b"layer").await;
    w.grant(&alice, "alice/shared", "bob", crate::RepositoryRole::Read).await;
    let at = w.core.allow(&alice, &name("alice/public")).await.unwrap();
    w.core.set_visibility(&at, crate::Visibility::Public).await.unwrap();

    let seen = async |who: &Caller| w.core.catalog(who, None, None).await.unwrap().items;
    assert_eq!(seen(&alice).await, ["alice/private", "alice/public", "alice/shared"]);
    assert_eq!(seen(&bob).await, ["alice/public", "alice/shared", "bob/own"]);
    assert_eq!(seen(&w.anybody()).await, [""; 0]);
    let page = w.core.catalog(&bob, Some(1), Some("alice/public")).await.unwrap();
    assert_eq!((page.items, page.more), (vec!["alice/shared".to_owned()], true));

    let mut config = w.config.clone();
    config.feature_public_catalog = true;
    w.core.swap_config(config);
    assert_eq!(seen(&w.anybody()).await, ["alice/public"]);
}

#[tokio::test]
async fn referrers_are_listed_with_type_and_annotations_and_can_be_filtered() {
    let (w, alice) = World::with_alice().await;
    let image = w.push_image(&alice, "alice/app", "v1", b"layer").await;
    let at = w.may_pull(&alice, "alice/app").await;
    let unknown = w.core.referrers(&at, &Digest::sha256(b"unknown"), None, None).await.unwrap();
    assert_eq!(entries(&unknown.index), json!([]));

    let empty = w.push_blob(&alice, "alice/app", b"{}").await;
    let push = w.may_push(&alice, "alice/app").await;
    let signature =
        referrer_of(&empty, media_type::OCI_EMPTY, Some("application/vnd.example.signature"), &image);
    let chart = referrer_of(&empty, "application/vnd.example.report", None, &image);
    for manifest in [&signature, &chart] {
        let digest = Digest::sha256(manifest.as_bytes());
        let bytes = Bytes::from(manifest.clone());
        let put = w.core.put_manifest(&push, &reference(digest.as_str()), &[], None, bytes).await.unwrap();
        assert_eq!(put.subject.as_ref(), Some(&image));
    }

    let all = w.core.referrers(&at, &image, None, None).await.unwrap();
    assert!(!all.filtered && all.next.is_none());
    assert_eq!(entries(&all.index).as_array().unwrap().len(), 2);
    let signatures =
        w.core.referrers(&at, &image, Some("application/vnd.example.signature"), None).await.unwrap();
    assert!(signatures.filtered);
    assert_eq!(
        entries(&signatures.index),
        json!([{
            "mediaType": media_type::OCI_MANIFEST,
            "digest": Digest::sha256(signature.as_bytes()),
            "size": signature.len(),
            "artifactType": "application/vnd.example.signature",
            "annotations": {"made-by": "a test"},
        }])
    );
    let by_config =
        w.core.referrers(&at, &image, Some("application/vnd.example.report"), None).await.unwrap();
    assert_eq!(entries(&by_config.index)[0]["digest"], json!(Digest::sha256(chart.as_bytes())));
}

#[tokio::test]
async fn a_list_of_referrers_that_a_client_keeps_is_woven_in_once() {
    let (w, alice) = World::with_alice().await;
    let image = w.push_image(&alice, "alice/app", "v1", b"layer").await;
    let empty = w.push_blob(&alice, "alice/app", b"{}").await;
    let (mut named, mut only_listed, mut entries_of_list) = (Vec::new(), Vec::new(), Vec::new());
    for n in 0..12 {
        // Half of them name the image themselves; the list holds all of them, as clients write it.
        let kind = format!("application/vnd.example.{}", n % 3);
        let manifest = referrer_of(&empty, &kind, None, &image).replace("a test", &format!("test {n}"));
        let manifest = match n % 2 {
            0 => manifest,
            _ => {
                let mut document: Value = serde_json::from_str(&manifest).unwrap();
                document.as_object_mut().unwrap().remove("subject");
                document.to_string()
            }
        };
        let digest = Digest::sha256(manifest.as_bytes());
        w.put(&alice, "alice/app", digest.as_str(), &manifest).await.unwrap();
        entries_of_list.push(json!({
            "mediaType": media_type::OCI_MANIFEST, "digest": digest, "size": manifest.len(), "artifactType": kind,
        }));
        if n % 2 == 0 { &mut named } else { &mut only_listed }.push(digest.to_string());
    }
    let at = w.may_pull(&alice, "alice/app").await;
    let seen = async |artifact_type: Option<&str>| -> Vec<String> {
        let found = w.core.referrers(&at, &image, artifact_type, None).await.unwrap();
        let digests = entries(&found.index);
        digests.as_array().unwrap().iter().map(|e| e["digest"].as_str().unwrap().to_owned()).collect()
    };
    named.sort();
    assert_eq!(seen(None).await, named, "without the list");
    let list = json!({"schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": entries_of_list});
    let tag = image.as_str().replace(':', "-");
    w.put(&alice, "alice/app", &tag, &list.to_string()).await.unwrap();
    let mut all = [named.clone(), only_listed].concat();
    all.sort();
    assert_eq!(seen(None).await, all);
    let mut by_type = Vec::new();
    for n in 0..3 {
        by_type.extend(seen(Some(&format!("application/vnd.example.{n}"))).await);
    }
    by_type.sort();
    assert_eq!(by_type, all, "every one has one type");
    // From any place on, the rest follows.
    for (n, last) in all.iter().enumerate() {
        let rest = w.core.referrers(&at, &image, None, Some(&last.parse().unwrap())).await.unwrap();
        assert_eq!(entries(&rest.index).as_array().unwrap().len(), all.len() - n - 1);
    }
    // A list of another image, or of one that is gone, adds nothing.
    let delete = w.core.allow::<Delete>(&alice, &name("alice/app")).await.unwrap();
    w.core.delete_manifest(&delete, &reference(&tag)).await.unwrap();
    assert_eq!(seen(None).await, named);
}

#[tokio::test]
async fn a_page_of_referrers_ends_by_its_bytes_too_and_the_next_goes_on_there() {
    let (w, alice) = World::with_alice().await;
    let image = w.push_image(&alice, "alice/app", "v1", b"layer").await;
    let empty = w.push_blob(&alice, "alice/app", b"{}").await;
    for i in 0..20 {
        let kind = format!("application/vnd.example.{i}");
        let large = referrer_of(&empty, &kind, None, &image).replace("a test", &"x".repeat(500_000));
        w.put(&alice, "alice/app", Digest::sha256(large.as_bytes()).as_str(), &large).await.unwrap();
    }
    let at = w.may_pull(&alice, "alice/app").await;
    let (mut seen, mut pages, mut last) = (std::collections::BTreeSet::new(), 0, None);
    loop {
        let page = w.core.referrers(&at, &image, None, last.as_ref()).await.unwrap();
        assert!(page.index.len() < 10 << 20);
        for entry in entries(&page.index).as_array().unwrap() {
            assert!(seen.insert(entry["digest"].to_string()));
        }
        pages += 1;
        let Some(next) = page.next else { break };
        last = Some(next);
    }
    assert_eq!((seen.len(), pages), (20, 2));
}

#[tokio::test]
async fn further_tags_of_one_push_point_at_the_very_digest_pushed_all_or_none() {
    let (w, alice) = World::with_alice().await;
    let image = w.image(&alice, "alice/app", b"one").await;
    let digest = Digest::of(Algorithm::Sha512, image.as_bytes());
    let at = w.may_push(&alice, "alice/app").await;
    let tags = |names: &[&str]| names.iter().map(|name| name.parse().unwrap()).collect::<Vec<_>>();
    let put = async |manifest: &str, digest: &Digest, names: &[&str]| {
        let (at_digest, bytes) = (reference(digest.as_str()), Bytes::from(manifest.to_owned()));
        w.core.put_manifest(&at, &at_digest, &tags(names), None, bytes).await
    };
    put(&image, &digest, &["a", "b", "a"]).await.unwrap();
    let pull = w.may_pull(&alice, "alice/app").await;
    for tag in ["a", "b"] {
        let found = w.core.manifest(&pull, &reference(tag)).await.unwrap();
        assert_eq!(found.digest, digest, "{tag}");
    }
    assert_eq!(
        w.deeds(&alice, "alice/app").await,
        ["create_repo", "push_repo", "push_repo"],
        "one for each tag"
    );

    let repo = super::uploads::repo_of(&w, "alice/app").await;
    w.rows(async move |tx| quay_db::tables::tags::set_immutable(tx, repo, "b", true).await).await;
    let other = w.image(&alice, "alice/app", b"two").await;
    let refused = put(&other, &Digest::sha256(other.as_bytes()), &["c", "b"]).await;
    assert!(matches!(refused, Err(Error::Immutable { tag }) if tag == "b"));
    assert_eq!(word(w.core.manifest(&pull, &reference("c")).await), "not found", "nothing of it was done");
}

#[tokio::test]
async fn an_immutable_tag_neither_moves_nor_goes_nor_ends() {
    let (w, alice) = World::with_alice().await;
    let digest = w.push_image(&alice, "alice/app", "v1", b"one").await;
    let repo = super::uploads::repo_of(&w, "alice/app").await;
    w.rows(async move |tx| quay_db::tables::tags::set_immutable(tx, repo, "v1", true).await).await;
    let other = w.image(&alice, "alice/app", b"two").await;
    let (push, tag) = (w.may_push(&alice, "alice/app").await, "v1".parse().unwrap());
    let delete = w.core.allow::<Delete>(&alice, &name("alice/app")).await.unwrap();
    let soon = jiff::Timestamp::from_millisecond(w.now_ms() + 1000).unwrap();
    let immutable = |refused| matches!(refused, Err(Error::Immutable { tag }) if tag == "v1");
    assert!(immutable(w.put(&alice, "alice/app", "v1", &other).await.map(drop)));
    assert!(immutable(w.core.delete_manifest(&delete, &reference("v1")).await));
    assert!(immutable(w.core.delete_manifest(&delete, &reference(digest.as_str())).await));
    assert!(immutable(w.core.set_tag_end(&push, &tag, Some(soon)).await));
    assert_eq!(Digest::sha256(w.get(&alice, "alice/app", "v1").await.unwrap().as_bytes()), digest);
}

#[tokio::test]
async fn pulls_are_written_down_behind_the_request() {
    let (w, alice) = World::with_alice().await;
    w.push_image(&alice, "alice/app", "v1", b"layer").await;
    let at = w.may_pull(&alice, "alice/app").await;
    let manifest = w.core.manifest(&at, &reference("v1")).await.unwrap();
    w.core.record_pull(&at, &manifest, Some(&"v1".parse().unwrap()));
    assert_eq!(w.deeds(&alice, "alice/app").await, ["create_repo", "push_repo"]);
    w.core.flush_pulls().await.unwrap();
    assert_eq!(w.deeds(&alice, "alice/app").await, ["create_repo", "push_repo", "pull_repo"]);
    assert_eq!(w.core.dropped_pulls(), 0);
}

async fn tags(w: &World, who: &Caller) -> Vec<String> {
    w.core.tags(&w.may_pull(who, "alice/app").await, None, None).await.unwrap().items
}

fn entries(index: &Bytes) -> Value {
    let index: Value = serde_json::from_slice(index).unwrap();
    assert_eq!(index["mediaType"], media_type::OCI_INDEX);
    assert_eq!(index["schemaVersion"], 2);
    index["manifests"].clone()
}

fn image_of(config: &Digest, layer: &Digest) -> String {
    json!({
        "schemaVersion": 2,
        "config": {"mediaType": media_type::OCI_IMAGE_CONFIG, "digest": config, "size": 2},
        "layers": [{"mediaType": media_type::OCI_LAYER_GZIP, "digest": layer, "size": 9}],
    })
    .to_string()
}

fn index_of(child: &Digest, size: usize) -> String {
    json!({
        "schemaVersion": 2,
        "mediaType": media_type::OCI_INDEX,
        "manifests": [{
            "mediaType": media_type::OCI_MANIFEST, "digest": child, "size": size,
            "platform": {"os": "linux", "architecture": "amd64"},
        }],
    })
    .to_string()
}

fn referrer_of(empty: &Digest, config_type: &str, artifact_type: Option<&str>, subject: &Digest) -> String {
    let mut manifest = json!({
        "schemaVersion": 2,
        "mediaType": media_type::OCI_MANIFEST,
        "config": {"mediaType": config_type, "digest": empty, "size": 2},
        "layers": [],
        "subject": {"mediaType": media_type::OCI_MANIFEST, "digest": subject, "size": 1},
        "annotations": {"made-by": "a test"},
    });
    if let Some(artifact_type) = artifact_type {
        manifest["artifactType"] = artifact_type.into();
    }
    manifest.to_string()
}
