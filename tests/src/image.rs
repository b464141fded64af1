//! A small container image as an OCI layout, for clients that copy images.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use quay_oci::Digest;
use serde_json::json;
use tokio::process::Command;

use crate::artifact::{OCI_MANIFEST, descriptor, manifest_bytes, noise};

/// Writes a one-layer image into `folder` under the tag `latest`: the digest of its config, which copies keep.
pub async fn layout(folder: &Path) -> Result<Digest> {
    let blobs = folder.join("blobs/sha256");
    fs::create_dir_all(&blobs)?;
    let content = folder.join("content");
    fs::write(&content, noise(100_000))?;
    let tar = Command::new("tar")
        .arg("-C")
        .arg(folder)
        .args(["-c", "content"])
        .output()
        .await
        .context("run tar")?;
    ensure!(tar.status.success(), "tar failed: {}", String::from_utf8_lossy(&tar.stderr));
    fs::remove_file(content)?;

    let config = manifest_bytes(&json!({
        "architecture": "amd64",
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
    for bytes in [&tar.stdout[..], &config, &manifest] {
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

/// The digest of the config of the only image in a layout.
pub fn config_digest(folder: &Path) -> Result<Digest> {
    let read = |path: &Path| -> Result<serde_json::Value> {
        let bytes = fs::read(path).with_context(|| format!("read {}", path.display()))?;
        Ok(serde_json::from_slice(&bytes)?)
    };
    let digest = |value: &serde_json::Value| -> Result<Digest> {
        let text = value.as_str().context("a digest")?;
        text.parse().ok().with_context(|| format!("not a digest: {text}"))
    };
    let index = read(&folder.join("index.json"))?;
    let manifest = digest(&index["manifests"][0]["digest"])?;
    let manifest = read(&folder.join("blobs/sha256").join(manifest.hex()))?;
    digest(&manifest["config"]["digest"])
}
