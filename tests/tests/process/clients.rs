//! Real clients as people use them: helm in two versions and skopeo.

use anyhow::{Context, Result};
use quay_tests::accounts::Credentials;
use quay_tests::artifact::pull_manifest;
use quay_tests::chart;
use quay_tests::clients::{HELM_3, HELM_4, Helm, Skopeo};
use quay_tests::image;

use crate::fixture::{Started, bare, started};

/// Logs in, pushes a chart to a repository that does not exist, pulls it: the bytes and the digest are the same.
async fn helm_pushes(started: &Started, version: &str, who: &Credentials, namespace: &str) -> Result<()> {
    let helm = Helm::new(version, &started.ca).await?;
    let host = started.registry.host();
    let name = format!("chart-{}", who.username.replace(['+', '_'], "-"));
    let archive = chart::package(&helm, helm.home(), &name, "0.1.0").await?;

    let login = helm.login(&host, who).await?.success()?;
    assert!(login.text.contains("Login Succeeded"), "{}", login.text);
    let pushed = helm.push(&archive, &format!("{host}/{namespace}")).await?.success()?;
    let printed = pushed.after("Digest:")?;
    let caller = started.client().basic(who);
    let served = pull_manifest(&caller, &format!("{namespace}/{name}"), "0.1.0").await?;
    assert_eq!(served.digest()?.as_str(), printed, "{who:?}");

    helm.pull(&format!("{host}/{namespace}/{name}"), "0.1.0").await?.success()?;
    assert_eq!(helm.pulled(&format!("{name}-0.1.0.tgz"))?, std::fs::read(&archive)?, "{who:?}");
    Ok(())
}

async fn everybody_pushes_with(version: &str) -> Result<()> {
    let started = started().await?;
    let organization = started.organization("charts").await?;
    helm_pushes(&started, version, &started.admin, "quayadmin").await?;
    helm_pushes(&started, version, &organization.owner, "charts").await?;
    helm_pushes(&started, version, &organization.robot, "charts").await
}

#[tokio::test]
async fn helm_3_18_pushes_as_superuser_owner_and_robot_to_repositories_that_do_not_exist() -> Result<()> {
    everybody_pushes_with(HELM_3).await
}

#[tokio::test]
async fn helm_4_2_pushes_as_superuser_owner_and_robot_to_repositories_that_do_not_exist() -> Result<()> {
    everybody_pushes_with(HELM_4).await
}

#[tokio::test]
async fn helm_tells_why_a_wrong_password_does_not_do() -> Result<()> {
    let started = started().await?;
    let organization = started.organization("charts").await?;
    for version in [HELM_3, HELM_4] {
        for (who, reason) in [
            (&organization.owner, "invalid username or password"),
            (&organization.robot, "could not find robot"),
        ] {
            let wrong = who.with_wrong_password()?;
            let helm = Helm::new(version, &started.ca).await?;
            let host = started.registry.host();
            let login = helm.login(&host, &wrong).await?.failure()?;
            assert!(login.text.to_lowercase().contains(reason), "{version} login: {}", login.text);

            let archive = chart::package(&helm, helm.home(), "refused", "0.1.0").await?;
            helm.remember(&host, &wrong)?;
            let push = helm.push(&archive, &format!("{host}/charts")).await?.failure()?;
            assert!(push.text.to_lowercase().contains(reason), "{version} push: {}", push.text);
        }
    }
    Ok(())
}

#[tokio::test]
async fn helm_tells_a_stranger_that_he_may_not_push() -> Result<()> {
    let started = started().await?;
    let organization = started.organization("charts").await?;
    for version in [HELM_3, HELM_4] {
        let helm = Helm::new(version, &started.ca).await?;
        let host = started.registry.host();
        helm.login(&host, &organization.stranger).await?.success()?;
        let archive = chart::package(&helm, helm.home(), "refused", "0.1.0").await?;
        let push = helm.push(&archive, &format!("{host}/charts")).await?.failure()?;
        assert!(
            push.text.contains("403") || push.text.to_lowercase().contains("denied"),
            "{version}: {}",
            push.text
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_chart_version_with_a_plus_is_found_again() -> Result<()> {
    let started = started().await?;
    let helm = Helm::new(HELM_4, &started.ca).await?;
    let host = started.registry.host();
    helm.login(&host, &started.admin).await?.success()?;
    let archive = chart::package(&helm, helm.home(), "plus", "0.1.0+b1").await?;
    helm.push(&archive, &format!("{host}/quayadmin")).await?.success()?;
    helm.pull(&format!("{host}/quayadmin/plus"), "0.1.0+b1").await?.success()?;
    let tags = quay_tests::artifact::tags(&started.caller(), "quayadmin/plus").await?;
    assert_eq!(tags, ["0.1.0_b1"]);
    Ok(())
}

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
