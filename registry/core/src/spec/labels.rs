//! Labels: what was pushed with an image, what people add, and the two that act.

use std::time::Duration;

use quay_oci::{Digest, media_type};
use serde_json::{Value, json};

use super::world::{World, name, word};
use crate::perms::Delete;
use crate::{ArtifactKind, Caller, Error, LabelSource, Missing, RepositoryRole};

const APP: &str = "alice/app";

/// An image with these labels in its configuration and these annotations.
async fn image(w: &World, who: &Caller, labels: Value, annotations: Value) -> String {
    let config = json!({"architecture": "amd64", "os": "linux", "config": {"Labels": labels}}).to_string();
    let config_digest = w.push_blob(who, APP, config.as_bytes()).await;
    let layer = w.push_blob(who, APP, b"a layer").await;
    json!({
        "schemaVersion": 2,
        "mediaType": media_type::OCI_MANIFEST,
        "config": {"mediaType": media_type::OCI_IMAGE_CONFIG, "digest": config_digest, "size": config.len()},
        "layers": [{"mediaType": media_type::OCI_LAYER_GZIP, "digest": layer, "size": 7}],
        "annotations": annotations,
    })
    .to_string()
}

async fn labels(w: &World, who: &Caller, digest: &Digest) -> Vec<(String, String, LabelSource)> {
    let at = w.may_pull(who, APP).await;
    let found = w.core.labels(&at, digest, None).await.unwrap();
    found.into_iter().map(|label| (label.key, label.value, label.source)).collect()
}

/// In how many seconds a tag ends.
async fn ends(w: &World, who: &Caller, tag: &str) -> Option<i64> {
    let at = w.may_pull(who, APP).await;
    let row = w.core.tag_row(&at, &tag.parse().unwrap()).await.unwrap();
    row.expires.map(|end| (end.as_millisecond() - w.now_ms()) / 1000)
}

#[tokio::test]
async fn labels_come_from_the_configuration_and_annotations_win() {
    let (w, alice) = World::with_alice().await;
    let manifest = image(
        &w,
        &alice,
        json!({"a": "config", "b": "{\"x\": 1}", "": "no key", "nul": "\u{0}"}),
        json!({"a": "note"}),
    )
    .await;
    let digest = w.put(&alice, APP, "v1", &manifest).await.unwrap();
    let of = |key: &str, value: &str| (key.to_owned(), value.to_owned(), LabelSource::Manifest);
    let expected = [of("a", "note"), of("b", "{\"x\": 1}")];
    assert_eq!(labels(&w, &alice, &digest).await, expected);
    w.put(&alice, APP, "v2", &manifest).await.unwrap();
    assert_eq!(labels(&w, &alice, &digest).await, expected, "a second push adds nothing");
    let at = w.may_pull(&alice, APP).await;
    let json = w.core.labels(&at, &digest, Some("B")).await.unwrap();
    assert_eq!((json.len(), json[0].media_type.as_str()), (1, "application/json"));
}

#[tokio::test]
async fn no_configuration_keeps_a_push_from_succeeding() {
    let (w, alice) = World::with_alice().await;
    let layer = w.push_blob(&alice, APP, b"a layer").await;
    for (n, config) in
        ["", "no json", "[]", "{\"config\":7}", "{\"config\":{\"Labels\":{\"a\":7}}}"].iter().enumerate()
    {
        let digest = w.push_blob(&alice, APP, config.as_bytes()).await;
        let manifest = json!({
            "schemaVersion": 2,
            "config": {"mediaType": media_type::OCI_IMAGE_CONFIG, "digest": digest, "size": config.len()},
            "layers": [{"mediaType": media_type::OCI_LAYER_GZIP, "digest": layer, "size": 7}],
        });
        let pushed = w.put(&alice, APP, &format!("v{n}"), &manifest.to_string()).await.unwrap();
        assert_eq!(labels(&w, &alice, &pushed).await, []);
        let at = w.may_pull(&alice, APP).await;
        let detail = w.core.manifest_detail(&at, &pushed).await.unwrap();
        assert_eq!((detail.kind, detail.layers.len(), detail.tags.len()), (ArtifactKind::Image, 1, 1));
    }
}

#[tokio::test]
async fn people_add_labels_and_take_only_those_away() {
    let (w, alice, bob) = World::with_two().await;
    let manifest = image(&w, &alice, json!({"own": "x"}), json!({})).await;
    let digest = w.put(&alice, APP, "v1", &manifest).await.unwrap();
    let (push, pull) = (w.may_push(&alice, APP).await, w.may_pull(&alice, APP).await);
    let added = w.core.add_label(&push, &digest, "team", "red", "text/plain").await.unwrap();
    assert_eq!(w.core.label(&pull, &digest, &added.id).await.unwrap(), added);
    assert_eq!(labels(&w, &alice, &digest).await.len(), 2);
    assert_eq!(word(w.core.add_label(&push, &digest, "quay.x", "x", "text/plain").await), "INVALID_REQUEST");
    let unknown = Digest::sha256(b"unknown");
    assert_eq!(word(w.core.add_label(&push, &unknown, "team", "red", "text/plain").await), "not found");
    assert_eq!(word(w.core.labels(&pull, &unknown, None).await), "not found");

    let own = w.core.labels(&pull, &digest, Some("own")).await.unwrap().remove(0);
    assert_eq!(word(w.core.delete_label(&push, &digest, &own.id).await), "INVALID_REQUEST");
    w.core.delete_label(&push, &digest, &added.id).await.unwrap();
    let gone = w.core.delete_label(&push, &digest, &added.id).await;
    assert!(matches!(gone, Err(Error::NotFound(Missing::Label))));
    let deeds = w.deeds(&alice, APP).await;
    assert_eq!(deeds[deeds.len() - 2..], ["manifest_label_add", "manifest_label_delete"]);

    // Who may read, reads; nothing more.
    w.grant(&alice, APP, "bob", RepositoryRole::Read).await;
    assert_eq!(labels(&w, &bob, &digest).await.len(), 1);
    assert_eq!(word(w.core.allow::<crate::perms::Push>(&bob, &name(APP)).await), "denied");
}

#[tokio::test]
async fn a_label_gives_its_tag_an_end() {
    let (w, alice) = World::with_alice().await;
    let week = image(&w, &alice, json!({"quay.expires-after": "1w"}), json!({})).await;
    w.put(&alice, APP, "week", &week).await.unwrap();
    assert_eq!(ends(&w, &alice, "week").await, Some(7 * 24 * 3600));
    w.clock.advance(Duration::from_secs(24 * 3600));
    w.put(&alice, APP, "week", &week).await.unwrap();
    assert_eq!(ends(&w, &alice, "week").await, Some(7 * 24 * 3600), "another push begins anew");
    let nonsense = image(&w, &alice, json!({"quay.expires-after": "soon"}), json!({})).await;
    w.put(&alice, APP, "never", &nonsense).await.unwrap();
    assert_eq!(ends(&w, &alice, "never").await, None);

    // An index ends when all of its children say so alike.
    let child = |manifest: &str| {
        let digest = Digest::sha256(manifest.as_bytes());
        json!({"mediaType": media_type::OCI_MANIFEST, "digest": digest, "size": manifest.len()})
    };
    let other = image(&w, &alice, json!({"quay.expires-after": "1w"}), json!({"x": "y"})).await;
    w.put(&alice, APP, "other", &other).await.unwrap();
    for (tag, children, expected) in [
        ("alike", vec![child(&week), child(&other)], Some(7 * 24 * 3600)),
        ("unlike", vec![child(&week), child(&nonsense)], None),
        ("empty", vec![], None),
    ] {
        let index = json!({"schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": children});
        w.put(&alice, APP, tag, &index.to_string()).await.unwrap();
        assert_eq!(ends(&w, &alice, tag).await, expected, "{tag}");
    }
}

#[tokio::test]
async fn a_label_or_a_writer_fixes_a_tag_and_an_administrator_lets_it_go() {
    let (w, alice, bob) = World::with_two().await;
    let fixed = image(&w, &alice, json!({"quay.immutable": "true"}), json!({})).await;
    w.put(&alice, APP, "by-label", &fixed).await.unwrap();
    w.push_image(&alice, APP, "by-hand", b"x").await;
    w.grant(&alice, APP, "bob", RepositoryRole::Write).await;
    let (push, tag) = (w.may_push(&bob, APP).await, "by-hand".parse().unwrap());
    w.core.set_tag_immutable(&push, &tag, true).await.unwrap();
    let other = w.image(&alice, APP, b"other").await;
    for fixed in ["by-label", "by-hand"] {
        let refused = w.put(&bob, APP, fixed, &other).await;
        assert!(matches!(refused, Err(Error::Immutable { tag }) if tag == fixed));
    }
    assert_eq!(word(w.core.set_tag_immutable(&push, &tag, false).await), "denied");
    let owner = w.may_push(&alice, APP).await;
    w.core.set_tag_immutable(&owner, &tag, false).await.unwrap();
    w.put(&bob, APP, "by-hand", &other).await.unwrap();

    // Where tags cannot be immutable, neither does it.
    let mut config = w.config.clone();
    config.feature_immutable_tags = false;
    w.core.swap_config(config);
    assert_eq!(word(w.core.set_tag_immutable(&owner, &tag, true).await), "NAME_INVALID");
    w.put(&alice, APP, "later", &fixed).await.unwrap();
    let at = w.core.allow::<Delete>(&alice, &name(APP)).await.unwrap();
    w.core.delete_tag(&at, &"later".parse().unwrap()).await.unwrap();
}
