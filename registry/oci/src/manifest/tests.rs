//! What is and what is not a manifest, on documents that real clients write.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn descriptor(media_type: &str) -> Value {
    json!({"mediaType": media_type, "digest": DIGEST, "size": 3})
}

fn image() -> Value {
    json!({
        "schemaVersion": 2,
        "mediaType": media_type::OCI_MANIFEST,
        "config": descriptor(media_type::OCI_IMAGE_CONFIG),
        "layers": [descriptor(media_type::OCI_LAYER_GZIP), descriptor(media_type::OCI_LAYER_ZSTD)],
        "annotations": {"org.opencontainers.image.title": "x"},
    })
}

fn index() -> Value {
    let mut child = descriptor(media_type::OCI_MANIFEST);
    child["platform"] = json!({"architecture": "arm64", "os": "linux", "variant": "v8"});
    json!({"schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": [child]})
}

fn with(mut document: Value, key: &str, value: Value) -> Value {
    document[key] = value;
    document
}

fn without(mut document: Value, key: &str) -> Value {
    document.as_object_mut().unwrap().remove(key);
    document
}

fn parse(content_type: Option<&str>, document: &Value) -> Result<Manifest, ManifestError> {
    Manifest::parse(content_type, document.to_string().as_bytes())
}

fn refusal(content_type: Option<&str>, document: &Value) -> String {
    parse(content_type, document).unwrap_err().to_string()
}

#[test]
fn an_image_is_described() {
    let manifest = parse(Some(media_type::OCI_MANIFEST), &image()).unwrap();
    assert_eq!(manifest.kind, ManifestKind::Image);
    assert_eq!(manifest.media_type, media_type::OCI_MANIFEST);
    assert_eq!(manifest.layers.len(), 2);
    assert_eq!(manifest.blobs().count(), 3);
    assert_eq!(manifest.annotations["org.opencontainers.image.title"], "x");
    assert_eq!(manifest.effective_artifact_type(), Some(media_type::OCI_IMAGE_CONFIG));
    assert!(!manifest.is_index() && !manifest.is_docker());
}

#[test]
fn an_index_is_described_with_its_platforms() {
    let manifest = parse(Some(media_type::OCI_INDEX), &index()).unwrap();
    assert!(manifest.is_index());
    let platform = manifest.manifests[0].platform.as_ref().unwrap();
    assert_eq!((platform.os.as_str(), platform.architecture.as_str()), ("linux", "arm64"));
    assert_eq!(manifest.blobs().count(), 0);
    assert_eq!(manifest.effective_artifact_type(), None);
}

#[test]
fn a_chart_without_media_type_is_an_artifact_by_its_config() {
    let chart = without(with(image(), "config", descriptor(media_type::HELM_CONFIG)), "mediaType");
    for content_type in [None, Some("application/json"), Some(media_type::OCI_MANIFEST)] {
        let manifest = parse(content_type, &chart).unwrap();
        assert_eq!(manifest.kind, ManifestKind::Artifact);
        assert_eq!(manifest.media_type, media_type::OCI_MANIFEST);
        assert_eq!(manifest.effective_artifact_type(), Some(media_type::HELM_CONFIG));
    }
}

#[test]
fn an_explicit_artifact_type_wins_over_the_config() {
    let signature = with(image(), "artifactType", json!("application/vnd.example+json"));
    let signature = with(signature, "subject", descriptor(media_type::OCI_MANIFEST));
    let manifest = parse(None, &signature).unwrap();
    assert_eq!(manifest.kind, ManifestKind::Artifact);
    assert_eq!(manifest.effective_artifact_type(), Some("application/vnd.example+json"));
    assert_eq!(manifest.subject.unwrap().digest.as_str(), DIGEST);
}

#[test]
fn docker_types_are_taken_and_foreign_layers_are_not_asked_for() {
    let mut foreign = descriptor(media_type::DOCKER_LAYER_FOREIGN);
    foreign["urls"] = json!(["https://example.com/layer"]);
    let document = json!({
        "schemaVersion": 2,
        "mediaType": media_type::DOCKER_MANIFEST,
        "config": descriptor(media_type::DOCKER_IMAGE_CONFIG),
        "layers": [descriptor(media_type::DOCKER_LAYER), foreign],
    });
    let manifest = parse(Some(media_type::DOCKER_MANIFEST), &document).unwrap();
    assert!(manifest.is_docker());
    assert_eq!(manifest.kind, ManifestKind::Image);
    assert_eq!(manifest.blobs().count(), 2);

    // Without an address it is a layer like any other.
    let unlisted = with(document, "layers", json!([descriptor(media_type::DOCKER_LAYER_FOREIGN)]));
    assert_eq!(parse(None, &unlisted).unwrap().blobs().count(), 2);

    let list = with(index(), "mediaType", json!(media_type::DOCKER_LIST));
    assert!(parse(Some(media_type::DOCKER_LIST), &list).unwrap().is_index());
}

#[test]
fn parameters_of_the_content_type_do_not_matter() {
    let header = format!("{}; charset=utf-8", media_type::OCI_INDEX);
    assert!(parse(Some(&header), &index()).is_ok());
}

#[test]
fn null_stands_for_empty_as_go_writes_it() {
    let document = with(with(image(), "layers", Value::Null), "annotations", Value::Null);
    assert!(parse(None, &document).unwrap().layers.is_empty());
    let empty = with(index(), "manifests", Value::Null);
    assert!(parse(None, &empty).unwrap().manifests.is_empty());
}

#[test]
fn a_type_that_is_no_manifest_of_ours_is_unsupported() {
    for content_type in
        ["text/html", "application/vnd.oci.artifact.manifest.v1+json", media_type::DOCKER_SCHEMA1_SIGNED]
    {
        assert_eq!(
            parse(Some(content_type), &image()).unwrap_err(),
            ManifestError::Unsupported { media_type: content_type.to_owned() }
        );
    }
    let schema1 = json!({"schemaVersion": 1, "name": "a/b", "tag": "x", "fsLayers": [], "history": []});
    assert!(matches!(parse(None, &schema1), Err(ManifestError::Unsupported { .. })));
    let unknown = with(image(), "mediaType", json!("application/vnd.example+json"));
    assert!(matches!(parse(None, &unknown), Err(ManifestError::Unsupported { .. })));
}

#[test]
fn documents_that_two_readers_would_take_differently_are_refused() {
    let both = with(image(), "manifests", json!([]));
    assert!(refusal(None, &without(both.clone(), "mediaType")).contains("neither 'config' nor 'layers'"));
    assert!(refusal(Some(media_type::OCI_MANIFEST), &both).contains("no 'manifests'"));
    assert!(refusal(Some(media_type::OCI_INDEX), &image()).contains("differs from Content-Type"));
    let twice = image().to_string().replacen('{', r#"{"schemaVersion": 2, "#, 1);
    let error = Manifest::parse(None, twice.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("duplicate field"), "{error}");
}

#[test]
fn refusals_name_what_is_wrong() {
    let said = [
        refusal(None, &without(image(), "schemaVersion")),
        refusal(None, &with(image(), "schemaVersion", json!(3))),
        refusal(None, &without(image(), "config")),
        refusal(None, &without(image(), "layers")),
        refusal(Some(media_type::OCI_INDEX), &without(index(), "manifests")),
        refusal(None, &with(image(), "config", descriptor("nonsense"))),
        refusal(
            None,
            &with(image(), "config", json!({"mediaType": "a/b", "digest": "sha256:00", "size": 1})),
        ),
        refusal(None, &with(image(), "config", json!({"mediaType": "a/b", "digest": DIGEST, "size": -1}))),
        refusal(
            None,
            &with(image(), "config", json!({"mediaType": "a/b", "digest": DIGEST, "size": 1_u64 << 53})),
        ),
        refusal(None, &with(image(), "config", json!({"mediaType": "a/b", "digest": DIGEST}))),
        refusal(None, &with(image(), "annotations", json!({"a": 1}))),
        refusal(None, &with(image(), "artifactType", json!("no type"))),
        refusal(None, &json!([2, null, null, descriptor("a/b"), [], null, null, null, {}])),
        refusal(None, &with(image(), "config", json!(["a/b", DIGEST, 3]))),
        refusal(None, &json!("text")),
        Manifest::parse(None, b"").unwrap_err().to_string(),
        Manifest::parse(None, b"{").unwrap_err().to_string(),
        Manifest::parse(None, "[".repeat(100_000).as_bytes()).unwrap_err().to_string(),
    ];
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn sizes_and_counts_are_bounded() {
    let huge = vec![b' '; MAX_BYTES + 1];
    assert_eq!(Manifest::parse(None, &huge), Err(ManifestError::TooLarge { size: MAX_BYTES + 1 }));
    let many = with(
        index(),
        "manifests",
        Value::Array(vec![descriptor(media_type::OCI_MANIFEST); MAX_DESCRIPTORS + 1]),
    );
    assert!(refusal(None, &many).contains("more than 10000 descriptors"));
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = Manifest::parse(None, &bytes).map(|manifest| manifest.blobs().count());
    }

    #[test]
    fn a_changed_member_never_panics_and_never_yields_an_unknown_type(
        key in "schemaVersion|mediaType|config|layers|manifests|subject|annotations|artifactType|fsLayers",
        value in prop_oneof![
            Just(Value::Null), Just(json!(2)), Just(json!([])), Just(json!({})), Just(json!("x/y")),
            Just(json!([descriptor("a/b")])), Just(descriptor("a/b")),
        ],
        start_from_index in any::<bool>(),
    ) {
        let document = with(if start_from_index { index() } else { image() }, &key, value);
        if let Ok(manifest) = parse(None, &document) {
            prop_assert!(media_type::is_manifest(manifest.media_type));
            prop_assert_eq!(manifest.is_index(), manifest.config.is_none());
        }
    }
}
