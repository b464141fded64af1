//! Tags as a console lists them: sorted, filtered and paged by the registry, signed marks and attachments included.

use std::time::Duration;

use quay_oci::{ArtifactKind, Attachment, Digest, media_type};
use serde_json::{Value, json};

use super::world::{World, name, noise};
use crate::perms::Delete;
use crate::{Caller, Error, Missing, Signature, TagRowQuery, TagSort, Via};

const APP: &str = "alice/app";
const COSIGN: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// A manifest with one layer, and what else is said.
async fn artifact(w: &World, who: &Caller, config_type: &str, layer_type: &str, more: Value) -> String {
    let config = w.push_blob(who, APP, b"{}").await;
    let layer = w.push_blob(who, APP, b"a layer").await;
    let mut manifest = json!({
        "schemaVersion": 2,
        "mediaType": media_type::OCI_MANIFEST,
        "config": {"mediaType": config_type, "digest": config, "size": 2},
        "layers": [{"mediaType": layer_type, "digest": layer, "size": 7}],
    });
    for (key, value) in more.as_object().unwrap() {
        manifest[key] = value.clone();
    }
    manifest.to_string()
}

/// Puts a manifest under its own digest.
async fn put_untagged(w: &World, who: &Caller, manifest: &str) -> Digest {
    w.put(who, APP, Digest::sha256(manifest.as_bytes()).as_str(), manifest).await.unwrap()
}

fn subject(digest: &Digest) -> Value {
    json!({"mediaType": media_type::OCI_MANIFEST, "digest": digest, "size": 1})
}

/// A signature as cosign 3 makes it: a bundle that refers to what it signs.
async fn bundle(w: &World, who: &Caller, of: &Digest, content: &str) -> Digest {
    let more = json!({
        "artifactType": BUNDLE, "subject": subject(of),
        "annotations": {"dev.sigstore.bundle.content": content},
    });
    put_untagged(w, who, &artifact(w, who, media_type::OCI_EMPTY, BUNDLE, more).await).await
}

/// An image with a layer of this length, pushed under a tag a second after whatever came before.
async fn push(w: &World, who: &Caller, tag: &str, length: usize) -> Digest {
    w.clock.advance(Duration::from_secs(1));
    w.push_image(who, APP, tag, &noise(length, length as u64)).await
}

async fn names(w: &World, who: &Caller, query: TagRowQuery) -> Vec<String> {
    let at = w.may_pull(who, APP).await;
    let found = w.core.tag_rows(&at, &query).await.unwrap();
    found.rows.into_iter().map(|row| row.name).collect()
}

#[tokio::test]
async fn rows_are_sorted_by_name_time_and_size_either_way() {
    let (w, alice) = World::with_alice().await;
    push(&w, &alice, "b", 10).await;
    push(&w, &alice, "a", 30).await;
    push(&w, &alice, "C", 20).await;
    let by = |sort, descending| TagRowQuery { sort, descending, ..TagRowQuery::default() };
    for (sort, up) in [
        (TagSort::Name, ["C", "a", "b"]),
        (TagSort::Modified, ["b", "a", "C"]),
        (TagSort::Size, ["b", "C", "a"]),
    ] {
        assert_eq!(names(&w, &alice, by(sort, false)).await, up, "{sort:?}");
        let down: Vec<_> = up.into_iter().rev().collect();
        assert_eq!(names(&w, &alice, by(sort, true)).await, down, "{sort:?} down");
    }
}

#[tokio::test]
async fn pages_hold_every_tag_once_and_tell_how_many_there_are() {
    let (w, alice) = World::with_alice().await;
    for n in 0..25 {
        // Equal sizes and times in groups: the name decides.
        w.push_image(&alice, APP, &format!("v{n}"), &[b'x'; 9][..n % 3 + 1]).await;
    }
    let at = w.may_pull(&alice, APP).await;
    for sort in [TagSort::Name, TagSort::Modified, TagSort::Size] {
        let mut seen = std::collections::BTreeSet::new();
        let mut page = Some(1);
        while let Some(number) = page {
            let query = TagRowQuery { sort, page: number, limit: 7, ..TagRowQuery::default() };
            let found = w.core.tag_rows(&at, &query).await.unwrap();
            assert_eq!((found.total, found.pages, found.page), (25, 4, number));
            assert_eq!(found.rows.len(), if number == 4 { 4 } else { 7 });
            found.rows.into_iter().for_each(|row| assert!(seen.insert(row.name)));
            page = found.next;
        }
        assert_eq!(seen.len(), 25);
    }
    for page in [5, u32::MAX] {
        let beyond = TagRowQuery { page, limit: 7, ..TagRowQuery::default() };
        let found = w.core.tag_rows(&at, &beyond).await.unwrap();
        assert_eq!((found.rows.len(), found.next, found.total), (0, None, 25));
    }
    let careless = TagRowQuery { page: 0, limit: 0, ..TagRowQuery::default() };
    let found = w.core.tag_rows(&at, &careless).await.unwrap();
    assert_eq!((found.rows.len(), found.page, found.pages), (1, 1, 25));
}

#[tokio::test]
async fn a_search_takes_the_text_as_it_is() {
    let (w, alice) = World::with_alice().await;
    for tag in ["v1.0", "v1_0", "V2", "latest"] {
        push(&w, &alice, tag, 5).await;
    }
    let search = |text: &str| TagRowQuery {
        search: Some(text.to_owned()),
        sort: TagSort::Name,
        descending: false,
        ..TagRowQuery::default()
    };
    assert_eq!(names(&w, &alice, search("V")).await, ["V2", "v1.0", "v1_0"]);
    assert_eq!(names(&w, &alice, search("1_0")).await, ["v1_0"]);
    for nothing in ["%", "_%", "*", "' OR 1=1 --", "v3"] {
        assert_eq!(names(&w, &alice, search(nothing)).await, [""; 0], "{nothing}");
    }
    assert_eq!(names(&w, &alice, search("")).await.len(), 4);
}

#[tokio::test]
async fn rows_tell_what_a_tag_points_at_and_can_be_filtered_by_it() {
    let (w, alice) = World::with_alice().await;
    let image = push(&w, &alice, "image", 100).await;
    let chart = artifact(&w, &alice, media_type::HELM_CONFIG, media_type::HELM_CHART, json!({})).await;
    w.put(&alice, APP, "chart", &chart).await.unwrap();
    let size = w.get(&alice, APP, "image").await.unwrap().len();
    let child = json!({"mediaType": media_type::OCI_MANIFEST, "digest": image, "size": size,
                       "platform": {"os": "linux", "architecture": "arm64", "variant": "v8"}});
    let index =
        json!({"schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": [child]}).to_string();
    let index = w.put(&alice, APP, "multi", &index).await.unwrap();

    let at = w.may_pull(&alice, APP).await;
    let target = async |tag: &str| w.core.tag_row(&at, &tag.parse().unwrap()).await.unwrap().target;
    let seen = target("chart").await;
    assert_eq!((seen.kind, seen.size, seen.is_index), (ArtifactKind::HelmChart, 7, false));
    assert_eq!(seen.artifact_type.as_deref(), Some(media_type::HELM_CONFIG));
    assert_eq!(seen.config_media_type.as_deref(), Some(media_type::HELM_CONFIG));
    assert_eq!((seen.signed_by, seen.referrers), (None, 0));
    let seen = target("multi").await;
    assert_eq!((seen.kind, seen.size, seen.is_index, seen.child_count), (ArtifactKind::Index, 100, true, 1));
    let of = |kind| TagRowQuery { kind: Some(kind), ..TagRowQuery::default() };
    assert_eq!(names(&w, &alice, of(ArtifactKind::HelmChart)).await, ["chart"]);
    assert_eq!(names(&w, &alice, of(ArtifactKind::Wasm)).await, [""; 0]);

    // A tag that moves is of another kind from then on.
    w.put(&alice, APP, "image", &chart).await.unwrap();
    assert_eq!(names(&w, &alice, of(ArtifactKind::Image)).await, [""; 0]);
    assert_eq!(target("image").await.kind, ArtifactKind::HelmChart);

    let children = w.core.children(&at, &index).await.unwrap();
    assert_eq!(children.len(), 1);
    assert_eq!(children[0].platform.as_deref(), Some("linux/arm64/v8"));
    assert_eq!((children[0].kind, children[0].size, children[0].present), (ArtifactKind::Image, 100, true));
    assert_eq!(w.core.children(&at, &image).await.unwrap(), []);
}

#[tokio::test]
async fn a_signature_marks_what_it_signs_by_reference_and_by_tag() {
    let (w, alice) = World::with_alice().await;
    let referred = push(&w, &alice, "referred", 10).await;
    let tagged = push(&w, &alice, "tagged", 20).await;
    let listed = push(&w, &alice, "listed", 30).await;
    let attested = push(&w, &alice, "attested", 40).await;
    push(&w, &alice, "plain", 50).await;

    let by_reference = bundle(&w, &alice, &referred, "message-signature").await;
    bundle(&w, &alice, &attested, "dsse-envelope").await;
    let sig = artifact(&w, &alice, media_type::OCI_IMAGE_CONFIG, COSIGN, json!({})).await;
    let sig_tag = Attachment::Signature.tag_of(&tagged);
    let by_tag = w.put(&alice, APP, &sig_tag, &sig).await.unwrap();
    // A client that keeps its own list, of something that does not name its subject.
    let notation = artifact(
        &w,
        &alice,
        "application/vnd.cncf.notary.signature",
        "application/jose+json",
        json!({"annotations": {"a": "b"}}),
    )
    .await;
    let by_list = put_untagged(&w, &alice, &notation).await;
    let entry = json!({"mediaType": media_type::OCI_MANIFEST, "digest": by_list, "size": notation.len()});
    let list =
        json!({"schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": [entry]}).to_string();
    w.put(&alice, APP, &Attachment::Referrers.tag_of(&listed), &list).await.unwrap();

    let at = w.may_pull(&alice, APP).await;
    let signed = async |tag: &str| w.core.tag_row(&at, &tag.parse().unwrap()).await.unwrap().target.signed_by;
    assert_eq!(signed("referred").await, Some(Signature { tag: None, digest: by_reference.clone() }));
    assert_eq!(
        signed("tagged").await,
        Some(Signature { tag: Some(sig_tag.clone()), digest: by_tag.clone() })
    );
    assert_eq!(signed("listed").await, Some(Signature { tag: None, digest: by_list.clone() }));
    assert_eq!(signed("attested").await, None, "a statement about it is no signature of it");
    assert_eq!(signed("plain").await, None);
    assert_eq!(w.core.tag_row(&at, &"attested".parse().unwrap()).await.unwrap().target.referrers, 1);

    // The page says the same as the single rows, and hides what only belongs to others.
    let page = w.core.tag_rows(&at, &TagRowQuery::default()).await.unwrap();
    assert_eq!(page.total, 5);
    for row in page.rows {
        assert_eq!(row.target.signed_by, signed(&row.name).await, "{}", row.name);
    }
    let everything = TagRowQuery { hide_attached: false, ..TagRowQuery::default() };
    assert_eq!(w.core.tag_rows(&at, &everything).await.unwrap().total, 7);

    for (of, digest, via) in [
        (&referred, &by_reference, Via::Referrer),
        (&tagged, &by_tag, Via::Tag(sig_tag)),
        (&listed, &by_list, Via::Referrer),
    ] {
        let attached = w.core.attached(&at, of).await.unwrap();
        let told: Vec<_> = attached.iter().map(|one| (&one.digest, one.kind, &one.via)).collect();
        assert_eq!(told, [(digest, ArtifactKind::Signature, &via)]);
    }

    // Control: with the signature the mark goes.
    let delete = w.core.allow::<Delete>(&alice, &name(APP)).await.unwrap();
    for digest in [by_reference, by_tag, by_list] {
        w.core.delete_manifest(&delete, &quay_oci::Reference::Digest(digest)).await.unwrap();
    }
    for tag in ["referred", "tagged", "listed"] {
        assert_eq!(signed(tag).await, None, "{tag}");
    }
}

#[tokio::test]
async fn a_tag_named_like_a_signature_marks_nothing_unless_it_is_one() {
    let (w, alice) = World::with_alice().await;
    let digest = push(&w, &alice, "v1", 10).await;
    push(&w, &alice, &Attachment::Signature.tag_of(&digest), 20).await;
    let at = w.may_pull(&alice, APP).await;
    assert_eq!(w.core.tag_row(&at, &"v1".parse().unwrap()).await.unwrap().target.signed_by, None);
}

#[tokio::test]
async fn a_tag_that_is_gone_has_no_row() {
    let (w, alice) = World::with_alice().await;
    push(&w, &alice, "gone", 10).await;
    push(&w, &alice, "ends", 10).await;
    let (at, push) = (w.may_pull(&alice, APP).await, w.may_push(&alice, APP).await);
    let delete = w.core.allow::<Delete>(&alice, &name(APP)).await.unwrap();
    w.core.delete_tag(&delete, &"gone".parse().unwrap()).await.unwrap();
    let soon = jiff::Timestamp::from_millisecond(w.now_ms() + 5000).unwrap();
    w.core.set_tag_end(&push, &"ends".parse().unwrap(), Some(soon)).await.unwrap();
    assert_eq!(w.core.tag_row(&at, &"ends".parse().unwrap()).await.unwrap().expires, Some(soon));
    w.clock.advance(Duration::from_secs(5));
    for tag in ["gone", "ends"] {
        let missing = w.core.tag_row(&at, &tag.parse().unwrap()).await;
        assert!(matches!(missing, Err(Error::NotFound(Missing::TagExpired(was))) if was == tag));
    }
    let never = w.core.tag_row(&at, &"never".parse().unwrap()).await;
    assert!(matches!(never, Err(Error::NotFound(Missing::Tag))));
    let rows = w.core.tag_rows(&at, &TagRowQuery::default()).await.unwrap();
    assert_eq!((rows.total, rows.pages), (0, 1));
}
