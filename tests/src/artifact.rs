//! Test data for `/v2` and how it gets there: blobs, manifests, whole artifacts.

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use quay_oci::Digest;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::{Answer, Caller};

/// OCI image manifest.
pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// OCI image index.
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// Docker's manifest, version 2 schema 2.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// Docker's manifest list.
pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// The empty JSON object as a config or layer.
pub const OCI_EMPTY: &str = "application/vnd.oci.empty.v1+json";

/// Bytes nobody has pushed before, of this length.
pub fn noise(length: usize) -> Bytes {
    // splitmix64 from a random start: unique and incompressible, at the cost of no system calls
    let (mut state, _) = Uuid::new_v4().as_u64_pair();
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bytes.extend_from_slice(&(mixed ^ (mixed >> 31)).to_le_bytes());
    }
    bytes.truncate(length);
    bytes.into()
}

/// A descriptor of these bytes.
pub fn descriptor(media_type: &str, bytes: &[u8]) -> Value {
    json!({ "mediaType": media_type, "digest": Digest::sha256(bytes).as_str(), "size": bytes.len() })
}

/// A manifest as the bytes that are pushed.
pub fn manifest_bytes(manifest: &Value) -> Bytes {
    serde_json::to_vec_pretty(manifest).unwrap_or_default().into()
}

/// Appends `digest=` to an upload's address, which may have a query already.
pub fn finish_url(location: &str, digest: &Digest) -> String {
    let sign = if location.contains('?') { '&' } else { '?' };
    format!("{location}{sign}digest={}", digest.as_str())
}

/// Opens an upload: its address.
pub async fn open_upload(caller: &Caller, repository: &str) -> Result<String> {
    let answer = caller.post(&format!("/v2/{repository}/blobs/uploads/")).send().await?.expect(202)?;
    Ok(answer.need("location")?.to_owned())
}

/// Pushes a blob by POST and PUT; 201 or an error.
pub async fn push_blob(caller: &Caller, repository: &str, bytes: &Bytes) -> Result<Digest> {
    let digest = Digest::sha256(bytes);
    let location = open_upload(caller, repository).await?;
    let answer = caller
        .put(&finish_url(&location, &digest))
        .header("content-type", "application/octet-stream")
        .body(bytes.clone())
        .send()
        .await?
        .expect(201)?;
    ensure!(answer.digest()? == digest, "another digest: {answer:?}");
    Ok(digest)
}

/// PUTs a manifest.
pub async fn put_manifest(
    caller: &Caller,
    repository: &str,
    reference: &str,
    media_type: &str,
    bytes: &Bytes,
) -> Result<Answer> {
    caller
        .put(&format!("/v2/{repository}/manifests/{reference}"))
        .header("content-type", media_type)
        .body(bytes.clone())
        .send()
        .await
}

/// An artifact that is in a repository.
#[derive(Clone, Debug)]
pub struct Pushed {
    /// Where.
    pub repository: String,
    /// Of the manifest.
    pub digest: Digest,
    /// The manifest as pushed.
    pub manifest: Bytes,
    /// The config as pushed.
    pub config: Bytes,
    /// The only layer as pushed.
    pub layer: Bytes,
}

impl Pushed {
    /// How another manifest names this one.
    pub fn descriptor(&self) -> Value {
        descriptor(OCI_MANIFEST, &self.manifest)
    }
}

/// Pushes an artifact of some type with one layer of `size` bytes under `tag`.
pub async fn push(caller: &Caller, repository: &str, tag: &str, size: usize) -> Result<Pushed> {
    push_with(caller, repository, tag, size, |_| {}).await
}

/// The same, with the manifest changed before it is pushed.
pub async fn push_with(
    caller: &Caller,
    repository: &str,
    reference: &str,
    size: usize,
    change: impl FnOnce(&mut Value),
) -> Result<Pushed> {
    let (config, layer) = (Bytes::from(format!(r#"{{"made":"{}"}}"#, Uuid::new_v4())), noise(size));
    let mut manifest = json!({
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": "application/vnd.example.thing.v1",
        "config": descriptor("application/vnd.example.thing.config.v1+json", &config),
        "layers": [descriptor("application/vnd.example.thing.layer.v1", &layer)],
    });
    change(&mut manifest);
    push_blob(caller, repository, &config).await?;
    push_blob(caller, repository, &layer).await?;
    let manifest = manifest_bytes(&manifest);
    let digest = Digest::sha256(&manifest);
    // an empty reference means: by its digest
    let reference = if reference.is_empty() { digest.as_str().to_owned() } else { reference.to_owned() };
    let answer = put_manifest(caller, repository, &reference, OCI_MANIFEST, &manifest).await?.expect(201)?;
    ensure!(answer.digest()? == digest, "another digest: {answer:?}");
    Ok(Pushed { repository: repository.to_owned(), digest, manifest, config, layer })
}

/// GETs a blob and checks that its bytes have the digest.
pub async fn pull_blob(caller: &Caller, repository: &str, digest: &Digest) -> Result<Bytes> {
    let path = format!("/v2/{repository}/blobs/{}", digest.as_str());
    let answer = caller.get(&path).send().await?.expect(200)?;
    ensure!(Digest::sha256(&answer.body) == *digest, "the bytes of {path} have another digest");
    Ok(answer.body)
}

/// GETs a manifest by tag or digest and checks that its bytes have the digest that the answer names.
pub async fn pull_manifest(caller: &Caller, repository: &str, reference: &str) -> Result<Answer> {
    let path = format!("/v2/{repository}/manifests/{reference}");
    let answer = caller.get(&path).header("accept", "*/*").send().await?.expect(200)?;
    ensure!(Digest::sha256(&answer.body) == answer.digest()?, "the bytes of {path} have another digest");
    Ok(answer)
}

/// The tags of a repository, one page.
pub async fn tags(caller: &Caller, repository: &str) -> Result<Vec<String>> {
    let body = caller.get(&format!("/v2/{repository}/tags/list")).send().await?.expect(200)?.json()?;
    let tags = body["tags"].as_array().context("tags is a list")?;
    Ok(tags.iter().filter_map(|tag| tag.as_str().map(str::to_owned)).collect())
}
