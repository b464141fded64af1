//! What tags point at, through the API: manifests, signatures, labels, tags that are fixed.

use http::Method;
use quay_oci::Digest;
use serde_json::{Value, json};

use super::{alice, script};
use crate::temporary::{As, Registry, manifest};

const REPOSITORY: &str = "/api/v1/repository/charts/demo";

/// A signature of `subject`, as cosign 3 pushes it.
async fn sign(registry: &Registry, subject: &Digest) -> Digest {
    let who = As::Basic("alice");
    let config = registry.put_blob(&who, "charts/demo", b"{}").await;
    let bundle = registry.put_blob(&who, "charts/demo", b"a bundle").await;
    let signature = json!({
        "schemaVersion": 2,
        "mediaType": quay_oci::media_type::OCI_MANIFEST,
        "artifactType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "config": {"mediaType": quay_oci::media_type::OCI_EMPTY, "digest": config, "size": 2},
        "layers": [{"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "digest": bundle, "size": 8}],
        "subject": {"mediaType": quay_oci::media_type::OCI_MANIFEST, "digest": subject, "size": 2},
        "annotations": {"dev.sigstore.bundle.content": "message-signature"},
    })
    .to_string();
    let digest = Digest::sha256(signature.as_bytes());
    let answer = registry.put_manifest(&who, "charts/demo", digest.as_str(), &signature).await;
    assert_eq!((answer.status.as_u16(), answer.header("oci-subject")), (201, subject.as_str()));
    digest
}

#[tokio::test]
async fn a_signed_chart_is_listed_with_its_kind_and_signature() {
    let registry = Registry::new().await;
    let digest = registry.push(&As::Basic("alice"), "charts/demo", "1.0.0").await;
    let signature = sign(&registry, &digest).await;
    for query in ["", "?onlyActiveTags=true", "?specificTag=1.0.0"] {
        let list =
            alice(&registry, Method::GET, &format!("{REPOSITORY}/tag/{query}"), None, 200).await.json();
        let tag = &list["tags"][0];
        assert_eq!(tag["artifact_kind"], "helm-chart");
        assert_eq!(tag["artifact_type"], quay_oci::media_type::HELM_CONFIG);
        assert_eq!((&tag["referrers_count"], &tag["cosign_signature_tag"]), (&json!(1), &Value::Null));
        assert_eq!(tag["cosign_signature_manifest_digest"], signature.as_str());
    }
    // A signature under a tag has a name.
    let who = As::Basic("alice");
    let config = registry.put_blob(&who, "charts/demo", b"{}").await;
    let payload = registry.put_blob(&who, "charts/demo", b"payload").await;
    let classic = json!({
        "schemaVersion": 2,
        "config": {"mediaType": quay_oci::media_type::OCI_IMAGE_CONFIG, "digest": config, "size": 2},
        "layers": [{"mediaType": quay_oci::media_type::COSIGN_SIGNATURE, "digest": payload, "size": 7}],
    })
    .to_string();
    let name = format!("sha256-{}.sig", digest.hex());
    assert_eq!(registry.put_manifest(&who, "charts/demo", &name, &classic).await.status, 201);
    let list =
        alice(&registry, Method::GET, &format!("{REPOSITORY}/tag/?specificTag=1.0.0"), None, 200).await;
    assert_eq!(list.json()["tags"][0]["cosign_signature_tag"], name);
    assert_eq!(
        list.json()["tags"][0]["cosign_signature_manifest_digest"],
        Digest::sha256(classic.as_bytes()).as_str()
    );
}

#[tokio::test]
async fn a_manifest_is_shown_with_its_layers() {
    let registry = Registry::new().await;
    let who = As::Basic("alice");
    let chart = registry.push(&who, "charts/demo", "chart").await;
    let config = json!({
        "config": {"Labels": {"maintainer": "ada"}},
        "history": [
            {"created": "2026-01-02T03:04:05Z", "created_by": "ADD file", "author": "Ada", "comment": "base"},
            {"created_by": "CMD sh", "empty_layer": true},
        ],
    })
    .to_string();
    let config_digest = registry.put_blob(&who, "charts/demo", config.as_bytes()).await;
    let layer = registry.put_blob(&who, "charts/demo", b"a layer").await;
    let image = manifest(&config_digest, config.len() as u64, &layer, 7, None)
        .replace(quay_oci::media_type::HELM_CONFIG, quay_oci::media_type::OCI_IMAGE_CONFIG)
        .replace(quay_oci::media_type::HELM_CHART, quay_oci::media_type::OCI_LAYER_GZIP);
    assert_eq!(registry.put_manifest(&who, "charts/demo", "image", &image).await.status, 201);
    let image_digest = Digest::sha256(image.as_bytes());
    let show = async |digest: &str, status| {
        alice(&registry, Method::GET, &format!("{REPOSITORY}/manifest/{digest}"), None, status).await
    };
    let shown = show(image_digest.as_str(), 200).await.json();
    assert_eq!(shown["manifest_data"], image);
    insta::assert_json_snapshot!(shown, { ".manifest_data" => "[the text]" });
    let shown = show(chart.as_str(), 200).await.json();
    assert_eq!(
        (&shown["artifact_kind"], &shown["layers"][0]["command"]),
        (&json!("helm-chart"), &Value::Null)
    );
    show(Digest::sha256(b"unknown").as_str(), 404).await;
    show("latest", 404).await;
    alice(&registry, Method::POST, &format!("{REPOSITORY}/manifest/{chart}"), Some(json!({})), 405).await;
}

#[tokio::test]
async fn labels_are_listed_added_and_deleted() {
    let registry = Registry::new().await;
    let digest = registry.push(&As::Basic("alice"), "charts/demo", "v1").await;
    let labels = format!("{REPOSITORY}/manifest/{digest}/labels");
    let new = json!({"key": "team", "value": "red", "media_type": "text/plain"});
    let added = alice(&registry, Method::POST, &labels, Some(new), 201).await;
    let label = added.json()["label"].clone();
    let path = format!("{labels}/{}", label["id"].as_str().expect("an id"));
    assert_eq!(added.header("location"), path);
    insta::assert_json_snapshot!(added.json(), { ".label.id" => "[id]" });
    assert_eq!(alice(&registry, Method::GET, &path, None, 200).await.json(), label);
    let listed = alice(&registry, Method::GET, &labels, None, 200).await.json();
    assert_eq!(listed, json!({"labels": [label]}));
    let none = alice(&registry, Method::GET, &format!("{labels}?filter=other"), None, 200).await.json();
    assert_eq!(none, json!({"labels": []}));
    for (wrong, told) in [
        (json!({"key": "quay.expires-after", "value": "1h"}), "reserved prefix"),
        (json!({"key": "No Key", "value": "1h"}), "Label key is invalid"),
        (json!({"key": "a", "value": "{", "media_type": "application/json"}), "not JSON"),
        (json!({"key": "a", "value": "x", "media_type": "text/html"}), "Media type"),
        (json!({"key": "a"}), "Invalid JSON body"),
    ] {
        let refused = alice(&registry, Method::POST, &labels, Some(wrong), 400).await.json();
        assert!(refused["detail"].as_str().is_some_and(|detail| detail.contains(told)), "{refused}");
    }
    alice(&registry, Method::DELETE, &path, None, 204).await;
    alice(&registry, Method::DELETE, &path, None, 404).await;
    let unknown = format!("{REPOSITORY}/manifest/{}/labels", Digest::sha256(b"unknown"));
    alice(&registry, Method::GET, &unknown, None, 404).await;
}

#[tokio::test]
async fn a_fixed_tag_says_so_where_it_is_in_the_way() {
    let registry = Registry::new().await;
    let who = As::Basic("alice");
    let digest = registry.push(&who, "charts/demo", "v1").await;
    let tag = format!("{REPOSITORY}/tag/v1");
    alice(&registry, Method::PUT, &tag, Some(json!({"immutable": "yes"})), 400).await;
    alice(&registry, Method::PUT, &tag, Some(json!({"immutable": true})), 201).await;
    let listed = alice(&registry, Method::GET, &format!("{REPOSITORY}/tag/"), None, 200).await.json();
    assert_eq!(listed["tags"][0]["immutable"], true);
    let refused = alice(&registry, Method::DELETE, &tag, None, 409).await.json();
    assert_eq!(refused["error_type"], "tag_immutable");
    alice(&registry, Method::PUT, &tag, Some(json!({"expiration": 4_102_444_800_i64})), 409).await;
    alice(&registry, Method::PUT, &tag, Some(json!({"immutable": false})), 201).await;
    alice(&registry, Method::DELETE, &tag, None, 204).await;
    let body = Some(json!({"manifest_digest": digest.as_str()}));
    alice(&registry, Method::POST, &format!("{tag}/restore"), body, 200).await;
}

#[tokio::test]
async fn strangers_learn_nothing_of_manifests_and_labels() {
    let registry = Registry::new().await;
    let digest = registry.push(&As::Basic("alice"), "charts/demo", "v1").await;
    let manifest = format!("{REPOSITORY}/manifest/{digest}");
    let label = json!({"key": "team", "value": "red"});
    for (method, path, body) in [
        (Method::GET, manifest.clone(), None),
        (Method::GET, format!("{manifest}/labels"), None),
        (Method::POST, format!("{manifest}/labels"), Some(label)),
        (Method::GET, format!("{manifest}/labels/x"), None),
        (Method::DELETE, format!("{manifest}/labels/x"), None),
        (Method::PUT, format!("{REPOSITORY}/tag/v1"), Some(json!({"immutable": true}))),
    ] {
        for (who, status) in [(As::Basic("bob"), 403), (As::Nobody, 401)] {
            if matches!(who, As::Nobody) && method != Method::GET {
                continue; // stopped before, for want of a CSRF token
            }
            let answer = script(&registry, &who, method.clone(), &path, body.clone()).await;
            assert_eq!(answer.status.as_u16(), status, "{method} {path} {who:?}");
        }
    }
}
