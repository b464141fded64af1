//! The kubelet pulls from the registry that the operator made.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use k8s_openapi::api::core::v1::{Event, Pod, Secret};
use kube::api::{ListParams, ObjectMeta, PostParams};
use quay_tests::accounts::Credentials;
use quay_tests::clients::Skopeo;
use quay_tests::cluster::{Case, Endpoint, trust};
use serde_json::{Value, json};

/// The image that the cluster of the tests brings along.
pub(crate) fn busybox() -> Result<PathBuf> {
    let kubeconfig = std::env::var("CLUSTER_KUBECONFIG").or_else(|_| std::env::var("KUBECONFIG"))?;
    let folder = PathBuf::from(kubeconfig).parent().context("the cluster's folder")?.to_path_buf();
    Ok(folder.join("images/busybox.oci.tar"))
}

pub(crate) async fn pull_secret(case: &Case, name: &str, at: &Endpoint, who: &Credentials) -> Result<()> {
    let auth = BASE64_STANDARD.encode(format!("{}:{}", who.username, who.password));
    let config = json!({
        "auths": { &at.host: { "username": who.username, "password": who.password, "auth": auth } },
    });
    let secret = Secret {
        metadata: ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() },
        type_: Some("kubernetes.io/dockerconfigjson".to_owned()),
        string_data: Some(BTreeMap::from([(".dockerconfigjson".to_owned(), config.to_string())])),
        ..Secret::default()
    };
    case.api::<Secret>().create(&PostParams::default(), &secret).await?;
    Ok(())
}

pub(crate) fn pod(name: &str, image: &str, pull_secret: &str) -> Result<Pod> {
    Ok(serde_json::from_value(json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "name": name },
        "spec": {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 0,
            "imagePullSecrets": [{ "name": pull_secret }],
            "containers": [{
                "name": "main",
                "image": image,
                "imagePullPolicy": "Always",
                "command": ["/bin/sh", "-c", "echo pulled and run"],
            }],
        },
    }))?)
}

pub(crate) fn ended_well(pod: &Value) -> bool {
    pod["status"]["phase"] == "Succeeded"
}

fn refused(pod: &Value) -> bool {
    let reason = &pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"];
    reason == "ErrImagePull" || reason == "ImagePullBackOff"
}

#[tokio::test]
async fn a_pod_runs_an_image_that_the_kubelet_pulled_with_a_robots_pull_secret() -> Result<()> {
    Case::run(async |case| {
        let at = case.ready("pulls", json!({})).await?;
        let owner = at.sign_up("owner").await?;
        let session = at.session(&owner).await?;
        session.create_organization("apps").await?;
        let pusher = session.create_robot("apps", "pusher").await?;
        session.let_create("apps", &pusher.username).await?;

        let skopeo = Skopeo::new(&at.ca)?;
        skopeo.login(&at.host, &pusher).await?.success()?;
        let archive = busybox()?;
        ensure!(archive.try_exists()?, "no image at {}", archive.display());
        let repository = format!("{}/apps/busybox", at.host);
        let from = format!("oci-archive:{}", archive.display());
        skopeo.copy(&from, &format!("docker://{repository}:1")).await?.success()?;

        // one robot may read just this repository, another one nothing
        let reader = session.create_robot("apps", "reader").await?;
        session.permit("apps/busybox", &reader.username, "read").await?;
        let outsider = session.create_robot("apps", "outsider").await?;
        pull_secret(case, "reader", &at, &reader).await?;
        pull_secret(case, "outsider", &at, &outsider).await?;
        trust(&at.host, &at.ca).await?;

        let image = format!("{repository}:1");
        let pods = case.api::<Pod>();
        // first the one that may not: afterwards the image is on the node
        pods.create(&PostParams::default(), &pod("not", &image, "outsider")?).await?;
        case.wait_for(pods.clone(), "not", "the pull to be refused", refused).await?;
        pods.create(&PostParams::default(), &pod("may", &image, "reader")?).await?;
        let done = case.wait_for(pods.clone(), "may", "the pod to end well", ended_well).await?;
        // the node names an image that several registries have after any of them, so its name says nothing: the event does
        let id = done["status"]["containerStatuses"][0]["imageID"].as_str().context("imageID")?;
        ensure!(id.contains("@sha256:"), "no image that was pulled: {id}");
        assert_eq!(pods.logs("may", &kube::api::LogParams::default()).await?.trim(), "pulled and run");

        let events =
            case.api::<Event>().list(&ListParams::default().fields("involvedObject.name=may")).await?;
        let pulled = events.items.iter().any(|event| {
            event.reason.as_deref() == Some("Pulled")
                && event
                    .message
                    .as_deref()
                    .is_some_and(|text| text.starts_with(&format!("Successfully pulled image \"{image}\"")))
        });
        ensure!(pulled, "the kubelet did not tell that it pulled {image}");
        Ok(())
    })
    .await
}
