//! skopeo as people use it, and the lines of the README.

use anyhow::{Context, Result};
use quay_tests::artifact::pull_manifest;
use quay_tests::clients::Skopeo;
use quay_tests::image;

use crate::fixture::bare;

#[tokio::test]
async fn skopeo_copies_an_image_to_a_registry_without_configuration_and_back() -> Result<()> {
    let started = bare().await?;
    let skopeo = Skopeo::new(&started.ca)?;
    let host = started.registry.host();
    let (from, back) = (skopeo.home().join("from"), skopeo.home().join("back"));
    let config = image::layout(&from).await?;

    skopeo.login(&host, &started.admin.with_wrong_password()?).await?.failure()?;
    skopeo.login(&host, &started.admin).await?.success()?;
    let there = format!("docker://{host}/quayadmin/image:1");
    skopeo.copy(&format!("oci:{}:latest", from.display()), &there).await?.success()?;
    skopeo.copy(&there, &format!("oci:{}:latest", back.display())).await?.success()?;
    assert_eq!(image::config_digest(&back)?, config);

    // the same as Docker's format, and then by digest to another repository
    let docker = format!("docker://{host}/quayadmin/docker:1");
    let certs = skopeo.cert_dir()?;
    let args =
        ["copy", "--format", "v2s2", "--src-cert-dir", &certs, "--dest-cert-dir", &certs, &there, &docker];
    skopeo.run(&args).await?.success()?;
    let stored = pull_manifest(&started.caller(), "quayadmin/docker", "1").await?;
    assert_eq!(stored.need("content-type")?, quay_tests::artifact::DOCKER_MANIFEST);
    let digest = stored.digest()?;
    let by_digest = format!("docker://{host}/quayadmin/docker@{digest}");
    skopeo.copy(&by_digest, &format!("docker://{host}/quayadmin/other/deep/name:2")).await?.success()?;

    let listed =
        skopeo.run(&["list-tags", "--cert-dir", &certs, &format!("docker://{host}/quayadmin/image")]).await?;
    assert!(listed.success()?.text.contains("\"1\""));
    skopeo.run(&["delete", "--cert-dir", &certs, &there]).await?.success()?;
    skopeo.run(&["inspect", "--cert-dir", &certs, &there]).await?.failure()?;
    Ok(())
}

/// The README's lines for the registry alone, but for those that build and start it; one per command.
fn readme_lines() -> Result<Vec<String>> {
    let readme = std::fs::read_to_string(quay_tests::out::repository().join("README.md"))?;
    let section = readme.split("## The registry alone").nth(1).context("the README's section")?;
    let block =
        section.split("```sh").nth(1).and_then(|rest| rest.split("```").next()).context("its block")?;
    let joined = block.replace("\\\n", " ");
    let wanted = |line: &&str| ["mkdir ", "cp ", "skopeo "].iter().any(|command| line.starts_with(command));
    Ok(joined.lines().filter(wanted).map(str::to_owned).collect())
}

#[tokio::test]
async fn the_readmes_lines_work_as_they_stand() -> Result<()> {
    let started = bare().await?;
    let lines = readme_lines()?;
    assert!(lines.len() >= 3, "log in, push, pull: {lines:?}");
    let skopeo = Skopeo::new(&started.ca)?;
    // what the reader has: an archive that was built, and the folder of `serve --data`
    let archive = skopeo.home().join("image.oci.tar");
    let from = skopeo.home().join("from");
    image::layout(&from).await?;
    let to = format!("oci-archive:{}", archive.display());
    skopeo.run(&["copy", &format!("oci:{}:latest", from.display()), &to]).await?.success()?;
    for line in lines {
        let line = line
            .replace("localhost:8443", &started.registry.host())
            .replace("/tmp/quay/", &format!("{}/", started.site.data().display()))
            .replace("/tmp/pulled.tar", &skopeo.home().join("pulled.tar").display().to_string())
            .replace(".build/images/quay-registry.oci.tar", &archive.display().to_string());
        skopeo.shell(&line).await?.success()?;
    }
    Ok(())
}
