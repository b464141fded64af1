//! podman as Debian has it: images in every compression come back as they went in, and travel on unchanged.

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use quay_oci::Digest;
use quay_tests::artifact::pull_manifest;
use quay_tests::client::Caller;
use quay_tests::clients::{Podman, Skopeo};
use serde_json::Value;

use crate::fixture::{started, started_with};

const ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";

async fn manifest(owner: &Caller, repository: &str, tag: &str) -> Result<(Value, Digest)> {
    let answer = pull_manifest(owner, repository, tag).await?;
    Ok((answer.json()?, answer.digest()?))
}

/// The table of contents of a zstd:chunked layer, read by range from where its annotations say it lies.
async fn table_of_contents(owner: &Caller, repository: &str, layer: &Value) -> Result<Bytes> {
    // the annotation was renamed between podman 4 and 5
    let names =
        ["io.containers", "io.github.containers"].map(|of| format!("{of}.zstd-chunked.manifest-position"));
    let position = names.iter().find_map(|name| layer["annotations"][name].as_str());
    let position = position.with_context(|| format!("no position of the table: {layer}"))?;
    let mut numbers = position.split(':').map(str::parse::<u64>);
    let mut number = || numbers.next().context("a number")?.context("a number");
    let (offset, length) = (number()?, number()?);
    let path = format!("/v2/{repository}/blobs/{}", layer["digest"].as_str().context("a digest")?);
    let range = format!("bytes={offset}-{}", offset + length - 1);
    let part = owner.get(&path).header("range", &range).send().await?.expect(206)?;
    ensure!(part.body.len() as u64 == length, "{length} bytes expected: {part:?}");
    Ok(part.body)
}

#[tokio::test]
async fn podman_logs_in_with_an_authfile_and_pushes_gzip_zstd_and_zstd_chunked() -> Result<()> {
    let started = started().await?;
    let acme = started.organization("acme").await?;
    let (host, owner) = (started.registry.host(), started.client().basic(&acme.owner));
    let podman = Podman::new(&started.ca)?;

    let refused = podman.login(&host, &acme.robot.with_wrong_password()?).await?.failure()?;
    refused.saying("invalid username/password")?;
    podman.login(&host, &acme.robot).await?.success()?.saying("Login Succeeded")?;

    let gzip: &[&str] = &[];
    for (tag, more, layer_type) in [
        ("gzip", gzip, "application/vnd.oci.image.layer.v1.tar+gzip"),
        ("zstd", &["--compression-format", "zstd"], ZSTD),
        ("chunked", &["--compression-format", "zstd:chunked"], ZSTD),
    ] {
        // a new image each time: podman names a layer that it knows to be there in whatever compression that has
        let id = podman.build(100_000).await?;
        let there = format!("{host}/acme/image:{tag}");
        podman.push(&id, &there, more).await?.success()?;
        let (stored, digest) = manifest(&owner, "acme/image", tag).await?;
        assert_eq!(stored["layers"][0]["mediaType"], layer_type, "{tag}: {stored}");
        if tag == "chunked" {
            let table = table_of_contents(&owner, "acme/image", &stored["layers"][0]).await?;
            assert_eq!(&table[..4], [0x28, 0xb5, 0x2f, 0xfd], "the table is a zstd frame of its own");
        }

        podman.run(&["rmi", "--force", "--all"]).await?.success()?;
        podman.pull(&there).await?.success()?.saying(&id)?;

        // and on to another repository, byte for byte
        let skopeo = Skopeo::new(&started.ca)?;
        skopeo.login(&host, &acme.owner).await?.success()?;
        let (from, to) = (format!("docker://{there}"), format!("docker://{host}/acme/copy:{tag}"));
        skopeo.copy_with(&from, &to, &["--preserve-digests"]).await?.success()?;
        assert_eq!(manifest(&owner, "acme/copy", tag).await?.1, digest, "{tag}");
    }
    Ok(())
}

#[tokio::test]
async fn podman_tells_a_stranger_that_he_may_not_push() -> Result<()> {
    let started = started().await?;
    let acme = started.organization("acme").await?;
    let host = started.registry.host();
    let podman = Podman::new(&started.ca)?;
    let id = podman.build(1_000).await?;
    podman.login(&host, &acme.stranger).await?.success()?;
    let refused = podman.push(&id, &format!("{host}/acme/image:1"), &[]).await?.failure()?;
    refused.saying("denied: requested access to the resource is denied: you may not push to acme/image")?;
    Ok(())
}

#[tokio::test]
async fn podman_prints_which_setting_keeps_a_manifest_out() -> Result<()> {
    let started = started_with("FEATURE_GENERAL_OCI_SUPPORT: false\n").await?;
    let podman = Podman::new(&started.ca)?;
    let (id, to) = (podman.build(1_000).await?, format!("{}/quayadmin/image:1", started.registry.host()));
    podman.login(&started.registry.host(), &started.admin).await?.success()?;
    let refused = podman.push(&id, &to, &["--format", "oci"]).await?.failure()?;
    refused
        .saying("manifest invalid: manifest schema version not supported")?
        .saying("FEATURE_GENERAL_OCI_SUPPORT")?;
    podman.push(&id, &to, &["--format", "v2s2"]).await?.success()?;
    Ok(())
}
