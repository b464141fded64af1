//! helm, podman and cosign against the endpoint, with the published authority.

use anyhow::Result;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::api::{LogParams, PostParams};
use quay_tests::accounts::Credentials;
use quay_tests::artifact::pull_manifest;
use quay_tests::chart;
use quay_tests::clients::{Cosign, HELM_3_8, Helm, Podman, cosigns, helms};
use quay_tests::cluster::{Case, Endpoint, trust};
use serde_json::json;

use crate::kubelet::{busybox, ended_well, pod, pull_secret};

/// `namespace` is empty for the bare host, which means the library.
async fn helm_pushes(at: &Endpoint, version: &str, who: &Credentials, namespace: &str) -> Result<()> {
    let helm = Helm::new(version, &at.ca).await?;
    let name = format!("chart-{}-{}", version.replace('.', "-"), who.username.replace('+', "-"));
    let archive = chart::package(&helm, helm.home(), &name, "0.1.0").await?;
    helm.login(&at.host, who).await?.success()?;
    let (to, repository) = match namespace {
        "" => (at.host.clone(), format!("library/{name}")),
        namespace => (format!("{}/{namespace}", at.host), format!("{namespace}/{name}")),
    };
    let pushed = helm.push(&archive, &to).await?.success()?;
    let printed = pushed.after("Digest:")?;
    let served = pull_manifest(&at.client().basic(who), &repository, "0.1.0").await?;
    assert_eq!(served.digest()?.as_str(), printed);
    let pulled = helm.pull(&format!("{to}/{name}"), "0.1.0").await?.success()?;
    assert_eq!(pulled.after("Digest:")?, printed);
    assert_eq!(helm.pulled(&format!("{name}-0.1.0.tgz"))?, std::fs::read(&archive)?);
    Ok(())
}

#[tokio::test]
async fn every_helm_pushes_as_everybody_who_may_and_tells_the_others_why_not() -> Result<()> {
    Case::run(async |case| {
        let at = case.ready("charts", json!({})).await?;
        let owner = at.sign_up("owner").await?;
        let member = at.sign_up("member").await?;
        let session = at.session(&owner).await?;
        session.create_organization("acme").await?;
        let robot = session.create_robot("acme", "pusher").await?;
        session.let_create("acme", &robot.username).await?;
        session.let_create("acme", &member.username).await?;
        for version in helms() {
            helm_pushes(&at, version, &at.admin, "").await?;
            for who in [&owner, &member, &robot] {
                helm_pushes(&at, version, who, "acme").await?;
            }
            let helm = Helm::new(version, &at.ca).await?;
            let refused = helm.login(&at.host, &owner.with_wrong_password()?).await?.failure()?;
            refused.saying("invalid username or password")?;
            helm.login(&at.host, &owner).await?.success()?;
            let archive = chart::package(&helm, helm.home(), "bare", "0.1.0").await?;
            let refused = helm.push(&archive, &at.host).await?.failure()?;
            // what helm 3.8 is told it keeps to itself
            let reason =
                if *version == HELM_3_8 { "403 Forbidden" } else { "you may not push to library/bare" };
            refused.saying(reason)?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_chart_is_installed_straight_out_of_the_registry() -> Result<()> {
    Case::run(async |case| {
        let at = case.ready("install", json!({})).await?;
        let kubeconfig = std::env::var("CLUSTER_KUBECONFIG").or_else(|_| std::env::var("KUBECONFIG"))?;
        for version in helms() {
            let helm = Helm::new(version, &at.ca).await?.env("KUBECONFIG", &kubeconfig);
            let archive = chart::package(&helm, helm.home(), "hello", "0.1.0").await?;
            helm.login(&at.host, &at.admin).await?.success()?;
            helm.push(&archive, &format!("{}/quayadmin", at.host)).await?.success()?;
            let (release, from) = (version.replace('.', "-"), format!("{}/quayadmin/hello", at.host));
            helm.install(&release, &from, "0.1.0", case.namespace()).await?.success()?;
            let installed = case.api::<ConfigMap>().get(&release).await?;
            let greeting = installed.data.and_then(|data| data.get("greeting").cloned());
            assert_eq!(greeting.as_deref(), Some("hello"), "{version}");
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_pod_runs_an_image_that_podman_compressed_with_zstd_and_cosign_signed() -> Result<()> {
    Case::run(async |case| {
        let at = case.ready("signed", json!({})).await?;
        let owner = at.sign_up("owner").await?;
        let session = at.session(&owner).await?;
        session.create_organization("apps").await?;
        let pusher = session.create_robot("apps", "pusher").await?;
        session.let_create("apps", &pusher.username).await?;

        let podman = Podman::new(&at.ca)?;
        podman.login(&at.host, &pusher).await?.success()?;
        let archive = format!("oci-archive:{}", busybox()?.display());
        let pulled = podman.run(&["pull", "--quiet", &archive]).await?.success()?;
        let id = pulled.text.lines().last().unwrap_or_default().to_owned();
        let mut reference = String::new();
        // each signs an image of its own: cosign 2 does not get past a bundle of cosign 3
        for (number, one) in cosigns().iter().enumerate() {
            let repository = format!("apps/busybox-{number}");
            let image = format!("{}/{repository}:zstd", at.host);
            podman.push(&id, &image, &["--compression-format", "zstd"]).await?.success()?;
            let stored = pull_manifest(&at.client().basic(&owner), &repository, "zstd").await?;
            let layer = &stored.json()?["layers"][0]["mediaType"];
            assert_eq!(layer, "application/vnd.oci.image.layer.v1.tar+zstd");

            reference = format!("{}/{repository}@{}", at.host, stored.digest()?);
            let cosign = Cosign::new(*one, &at.ca).await?.with_auth_file(&podman.auth_file());
            cosign.generate_key_pair("mine").await?;
            cosign.generate_key_pair("other").await?;
            cosign.sign("mine", &reference).await?.success()?;
            cosign.verify("mine", &reference).await?.success()?;
            cosign.verify("other", &reference).await?.failure()?;
        }

        pull_secret(case, "pusher", &at, &pusher).await?;
        trust(&at.host, &at.ca).await?;
        let pods = case.api::<Pod>();
        pods.create(&PostParams::default(), &pod("runs", &reference, "pusher")?).await?;
        case.wait_for(pods.clone(), "runs", "the pod to end well", ended_well).await?;
        assert_eq!(pods.logs("runs", &LogParams::default()).await?.trim(), "pulled and run");
        Ok(())
    })
    .await
}
