//! Manifests: every kind, by tag and by digest, as the bytes received.

use anyhow::Result;
use bytes::Bytes;
use quay_oci::{Algorithm, Digest};
use quay_tests::artifact::{
    DOCKER_LIST, DOCKER_MANIFEST, OCI_EMPTY, OCI_INDEX, OCI_MANIFEST, descriptor, manifest_bytes, noise,
    pull_manifest, push, push_blob, push_with, put_manifest,
};
use serde_json::json;

use crate::fixture::started;

const REPOSITORY: &str = "quayadmin/manifests";

#[tokio::test]
async fn a_manifest_comes_back_byte_for_byte_by_tag_and_by_digest() -> Result<()> {
    let started = started().await?;
    let caller = started.caller();
    let pushed = push(&caller, REPOSITORY, "1.0", 5_000).await?;
    for reference in ["1.0", pushed.digest.as_str()] {
        let answer = pull_manifest(&caller, REPOSITORY, reference).await?;
        assert_eq!(answer.body, pushed.manifest, "{reference}");
        assert_eq!(answer.need("content-type")?, OCI_MANIFEST, "exact, without a charset");
        assert_eq!(answer.digest()?, pushed.digest);
        let path = format!("/v2/{REPOSITORY}/manifests/{reference}");
        let head = caller.head(&path).send().await?.expect(200)?;
        assert_eq!(head.need("content-length")?, pushed.manifest.len().to_string());
        assert_eq!((head.digest()?, head.body.len()), (pushed.digest.clone(), 0));
    }
    Ok(())
}

#[tokio::test]
async fn a_put_answers_201_with_location_and_digest() -> Result<()> {
    let started = started().await?;
    let caller = started.caller();
    let pushed = push(&caller, REPOSITORY, "1", 10).await?;
    // a parameter of the media type does not disturb
    let typed = format!("{OCI_MANIFEST}; charset=utf-8");
    let answer = put_manifest(&caller, REPOSITORY, "2", &typed, &pushed.manifest).await?.expect(201)?;
    assert_eq!(answer.digest()?, pushed.digest);
    let location = format!("/v2/{REPOSITORY}/manifests/{}", pushed.digest);
    assert!(answer.need("location")?.ends_with(&location), "{answer:?}");
    assert_eq!(pull_manifest(&caller, REPOSITORY, "2").await?.need("content-type")?, OCI_MANIFEST);
    Ok(())
}

#[tokio::test]
async fn a_tag_moves_to_what_was_pushed_last_and_the_old_digest_stays_readable() -> Result<()> {
    let started = started().await?;
    let caller = started.caller();
    let old = push(&caller, REPOSITORY, "latest", 10).await?;
    let new = push(&caller, REPOSITORY, "latest", 10).await?;
    assert_eq!(pull_manifest(&caller, REPOSITORY, "latest").await?.digest()?, new.digest);
    pull_manifest(&caller, REPOSITORY, old.digest.as_str()).await?;
    Ok(())
}

#[tokio::test]
async fn docker_manifests_and_lists_keep_their_types() -> Result<()> {
    let started = started().await?;
    let caller = started.caller();
    let config = Bytes::from_static(
        br#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}"#,
    );
    let layer = noise(2_000);
    push_blob(&caller, REPOSITORY, &config).await?;
    push_blob(&caller, REPOSITORY, &layer).await?;
    let image = manifest_bytes(&json!({
        "schemaVersion": 2,
        "mediaType": DOCKER_MANIFEST,
        "config": descriptor("application/vnd.docker.container.image.v1+json", &config),
        "layers": [descriptor("application/vnd.docker.image.rootfs.diff.tar.gzip", &layer)],
    }));
    put_manifest(&caller, REPOSITORY, "docker", DOCKER_MANIFEST, &image).await?.expect(201)?;
    assert_eq!(pull_manifest(&caller, REPOSITORY, "docker").await?.need("content-type")?, DOCKER_MANIFEST);

    let mut child = descriptor(DOCKER_MANIFEST, &image);
    child["platform"] = json!({ "architecture": "amd64", "os": "linux" });
    let list = manifest_bytes(&json!({ "schemaVersion": 2, "mediaType": DOCKER_LIST, "manifests": [child] }));
    put_manifest(&caller, REPOSITORY, "list", DOCKER_LIST, &list).await?.expect(201)?;
    let answer = pull_manifest(&caller, REPOSITORY, "list").await?;
    assert_eq!((answer.need("content-type")?, &answer.body), (DOCKER_LIST, &list));
    Ok(())
}

#[tokio::test]
async fn an_index_keeps_its_children() -> Result<()> {
    let started = started().await?;
    let caller = started.caller();
    let child = push(&caller, REPOSITORY, "child", 100).await?;
    let index = manifest_bytes(&json!({
        "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [child.descriptor()],
    }));
    put_manifest(&caller, REPOSITORY, "all", OCI_INDEX, &index).await?.expect(201)?;
    assert_eq!(pull_manifest(&caller, REPOSITORY, "all").await?.need("content-type")?, OCI_INDEX);
    caller.delete(&format!("/v2/{REPOSITORY}/manifests/child")).send().await?.expect(202)?;
    pull_manifest(&caller, REPOSITORY, child.digest.as_str()).await?;
    let by_digest = format!("/v2/{REPOSITORY}/manifests/{}", child.digest);
    caller.delete(&by_digest).send().await?.expect(202)?;
    assert_eq!(pull_manifest(&caller, REPOSITORY, child.digest.as_str()).await?.body, child.manifest);
    // no index needs it any more, so what was deleted before goes with it
    let index = format!("/v2/{REPOSITORY}/manifests/{}", Digest::sha256(&index));
    caller.delete(&index).send().await?.expect(202)?;
    for gone in [index, by_digest] {
        caller.get(&gone).send().await?.expect(404)?;
    }
    // the control: a child that nobody deleted stays for a while
    let other = push(&caller, REPOSITORY, "other", 100).await?;
    let list = manifest_bytes(&json!({
        "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [other.descriptor()],
    }));
    put_manifest(&caller, REPOSITORY, "list", OCI_INDEX, &list).await?.expect(201)?;
    caller.delete(&format!("/v2/{REPOSITORY}/manifests/other")).send().await?.expect(202)?;
    let list = format!("/v2/{REPOSITORY}/manifests/{}", Digest::sha256(&list));
    caller.delete(&list).send().await?.expect(202)?;
    pull_manifest(&caller, REPOSITORY, other.digest.as_str()).await?;
    Ok(())
}

#[tokio::test]
async fn tags_named_beside_a_digest_answer_with_that_very_digest() -> Result<()> {
    let started = started().await?;
    let caller = started.caller();
    let pushed = push(&caller, REPOSITORY, "1", 10).await?;
    for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
        let digest = Digest::of(algorithm, &pushed.manifest);
        let reference = format!("{digest}?tag={algorithm:?}-a&tag={algorithm:?}-b");
        let put = put_manifest(&caller, REPOSITORY, &reference, OCI_MANIFEST, &pushed.manifest).await?;
        let named: Vec<_> = put.expect(201)?.headers.get_all("oci-tag").iter().cloned().collect();
        let tags = [format!("{algorithm:?}-a"), format!("{algorithm:?}-b")];
        assert_eq!(named, tags);
        for tag in tags {
            let path = format!("/v2/{REPOSITORY}/manifests/{tag}");
            assert_eq!(caller.head(&path).send().await?.expect(200)?.digest()?, digest);
            let pulled = caller.get(&path).send().await?.expect(200)?;
            assert_eq!((pulled.digest()?, &pulled.body), (digest.clone(), &pushed.manifest));
        }
    }
    Ok(())
}

#[tokio::test]
async fn any_type_of_artifact_is_accepted() -> Result<()> {
    let started = started().await?;
    let caller = started.caller();
    let empty = Bytes::from_static(b"{}");
    push_blob(&caller, REPOSITORY, &empty).await?;
    for (tag, config, layer) in [
        ("wasm", "application/vnd.wasm.config.v0+json", "application/wasm"),
        ("model", "application/vnd.example.model.config+json", "application/x-mlmodel"),
        ("zstd", "application/vnd.oci.image.config.v1+json", "application/vnd.oci.image.layer.v1.tar+zstd"),
        ("rocket", "application/vnd.acme.rocket.config", "application/vnd.acme.rocket.docs.layer.v1+tar"),
        ("sif", "application/vnd.sylabs.sif.config.v1+json", "application/vnd.sylabs.sif.layer.v1.tar"),
        ("empty", OCI_EMPTY, OCI_EMPTY),
    ] {
        let pushed = push_with(&caller, REPOSITORY, tag, 50, |manifest| {
            manifest["config"]["mediaType"] = json!(config);
            manifest["layers"][0]["mediaType"] = json!(layer);
        })
        .await?;
        assert_eq!(pull_manifest(&caller, REPOSITORY, tag).await?.body, pushed.manifest, "{tag}");
    }
    // no layers, unknown members, no mediaType, an artifactType
    let bare = manifest_bytes(&json!({
        "schemaVersion": 2,
        "artifactType": "application/vnd.example.bare",
        "config": descriptor(OCI_EMPTY, &empty),
        "layers": [],
        "x-unknown": { "kept": true },
    }));
    put_manifest(&caller, REPOSITORY, "bare", OCI_MANIFEST, &bare).await?.expect(201)?;
    assert_eq!(pull_manifest(&caller, REPOSITORY, "bare").await?.body, bare);
    Ok(())
}

#[tokio::test]
async fn a_push_does_not_fail_because_of_what_a_config_blob_holds() -> Result<()> {
    let started = started().await?;
    let caller = started.caller();
    for (tag, config) in
        [("binary", noise(300)), ("text", Bytes::from_static(b"not json")), ("none", Bytes::new())]
    {
        let layer = noise(10);
        push_blob(&caller, REPOSITORY, &config).await?;
        push_blob(&caller, REPOSITORY, &layer).await?;
        let manifest = manifest_bytes(&json!({
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": descriptor("application/vnd.oci.image.config.v1+json", &config),
            "layers": [descriptor("application/vnd.oci.image.layer.v1.tar", &layer)],
        }));
        put_manifest(&caller, REPOSITORY, tag, OCI_MANIFEST, &manifest).await?.expect(201)?;
    }
    Ok(())
}

#[tokio::test]
async fn a_manifest_whose_blobs_are_not_in_the_repository_is_refused() -> Result<()> {
    let started = started().await?;
    let caller = started.caller();
    let elsewhere = push(&caller, "quayadmin/elsewhere", "1", 500).await?;
    push_blob(&caller, REPOSITORY, &elsewhere.config).await?;
    let answer = put_manifest(&caller, REPOSITORY, "1", OCI_MANIFEST, &elsewhere.manifest).await?;
    answer.expect_error(400, "MANIFEST_BLOB_UNKNOWN")?;
    let path = format!("/v2/{REPOSITORY}/manifests/1");
    caller.get(&path).send().await?.expect_error(404, "MANIFEST_UNKNOWN")?;
    Ok(())
}

#[tokio::test]
async fn a_put_by_digest_needs_that_digest() -> Result<()> {
    let started = started().await?;
    let caller = started.caller();
    let pushed = push_with(&caller, REPOSITORY, "", 50, |_| {}).await?;
    pull_manifest(&caller, REPOSITORY, pushed.digest.as_str()).await?;
    let other = Digest::sha256(b"other");
    let answer = put_manifest(&caller, REPOSITORY, other.as_str(), OCI_MANIFEST, &pushed.manifest).await?;
    assert_eq!(answer.status, 400, "{answer:?}");
    caller.get(&format!("/v2/{REPOSITORY}/manifests/{other}")).send().await?.expect(404)?;
    Ok(())
}

#[tokio::test]
async fn what_is_not_a_known_manifest_type_gets_415_or_400() -> Result<()> {
    let started = started().await?;
    let caller = started.caller();
    let pushed = push(&caller, REPOSITORY, "1", 10).await?;
    let answer = put_manifest(&caller, REPOSITORY, "2", "text/html", &pushed.manifest).await?;
    answer.expect_error(415, "MANIFEST_INVALID")?;
    let schema1 =
        Bytes::from_static(br#"{"schemaVersion":1,"name":"a","tag":"1","fsLayers":[],"history":[]}"#);
    let media_type = "application/vnd.docker.distribution.manifest.v1+prettyjws";
    let answer = put_manifest(&caller, REPOSITORY, "2", media_type, &schema1).await?;
    assert!([400, 415].contains(&answer.status), "{answer:?}");
    Ok(())
}
