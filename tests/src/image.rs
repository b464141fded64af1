//! Small container images, as an OCI layout for clients that copy images, or pushed at once.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use quay_oci::Digest;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::artifact::{
    OCI_INDEX, OCI_MANIFEST, Pushed, descriptor, manifest_bytes, noise, push_blob, put_manifest,
};
use crate::client::Caller;

/// The three things a one-layer image consists of.
struct Parts {
    config: Bytes,
    layer: Bytes,
    manifest: Bytes,
}

/// An image with a layer that nobody has pushed before.
async fn parts(architecture: &str, size: usize) -> Result<Parts> {
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("content"), noise(size))?;
    let mut tar = Command::new("tar");
    let tar = tar.arg("-C").arg(folder.path()).args(["-c", "content"]).output().await.context("run tar")?;
    ensure!(tar.status.success(), "tar failed: {}", String::from_utf8_lossy(&tar.stderr));
    let config = manifest_bytes(&json!({
        "architecture": architecture,
        "os": "linux",
        "config": { "Labels": { "made-by": "quay-tests" } },
        "rootfs": { "type": "layers", "diff_ids": [Digest::sha256(&tar.stdout).as_str()] },
    }));
    let manifest = manifest_bytes(&json!({
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor("application/vnd.oci.image.config.v1+json", &config),
        "layers": [descriptor("application/vnd.oci.image.layer.v1.tar", &tar.stdout)],
    }));
    Ok(Parts { config, layer: tar.stdout.into(), manifest })
}

/// Writes a one-layer image into `folder` under the tag `latest`: the digest of its config, which copies keep.
pub async fn layout(folder: &Path) -> Result<Digest> {
    let blobs = folder.join("blobs/sha256");
    fs::create_dir_all(&blobs)?;
    let Parts { config, layer, manifest } = parts("amd64", 100_000).await?;
    for bytes in [&layer, &config, &manifest] {
        fs::write(blobs.join(Digest::sha256(bytes).hex()), bytes)?;
    }
    let mut entry = descriptor(OCI_MANIFEST, &manifest);
    entry["annotations"] = json!({ "org.opencontainers.image.ref.name": "latest" });
    fs::write(
        folder.join("index.json"),
        serde_json::to_vec(&json!({ "schemaVersion": 2, "manifests": [entry] }))?,
    )?;
    fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#)?;
    Ok(Digest::sha256(&config))
}

/// Pushes a one-layer image under `tag`.
pub async fn push(caller: &Caller, repository: &str, tag: &str) -> Result<Pushed> {
    push_for(caller, repository, Some(tag), "amd64").await
}

async fn push_for(
    caller: &Caller,
    repository: &str,
    tag: Option<&str>,
    architecture: &str,
) -> Result<Pushed> {
    let Parts { config, layer, manifest } = parts(architecture, 2_000).await?;
    push_blob(caller, repository, &config).await?;
    push_blob(caller, repository, &layer).await?;
    let digest = Digest::sha256(&manifest);
    let reference = tag.unwrap_or(digest.as_str());
    put_manifest(caller, repository, reference, OCI_MANIFEST, &manifest).await?.expect(201)?;
    Ok(Pushed { repository: repository.to_owned(), digest, manifest, config, layer })
}

/// Pushes an image for two platforms under `tag`: the digest of its index.
pub async fn push_index(caller: &Caller, repository: &str, tag: &str) -> Result<Digest> {
    let mut manifests: Vec<Value> = Vec::new();
    for architecture in ["amd64", "arm64"] {
        let mut entry = push_for(caller, repository, None, architecture).await?.descriptor();
        entry["platform"] = json!({ "os": "linux", "architecture": architecture });
        manifests.push(entry);
    }
    let index = json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests });
    let index = manifest_bytes(&index);
    put_manifest(caller, repository, tag, OCI_INDEX, &index).await?.expect(201)?;
    Ok(Digest::sha256(&index))
}

/// The digest of the config of the only image in a layout.
pub fn config_digest(folder: &Path) -> Result<Digest> {
    let read = |path: &Path| -> Result<Value> {
        let bytes = fs::read(path).with_context(|| format!("read {}", path.display()))?;
        Ok(serde_json::from_slice(&bytes)?)
    };
    let digest = |value: &Value| -> Result<Digest> {
        let text = value.as_str().context("a digest")?;
        text.parse().ok().with_context(|| format!("not a digest: {text}"))
    };
    let index = read(&folder.join("index.json"))?;
    let manifest = digest(&index["manifests"][0]["digest"])?;
    let manifest = read(&folder.join("blobs/sha256").join(manifest.hex()))?;
    digest(&manifest["config"]["digest"])
}
