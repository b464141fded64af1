//! What stays when a registry is deleted, and who takes it up again.

use anyhow::Result;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Secret};
use kube::api::DeleteParams;
use quay_tests::artifact::pull_manifest;
use quay_tests::chart;
use quay_tests::clients::{HELM_4, Helm};
use quay_tests::cluster::Case;
use serde_json::json;

#[tokio::test]
async fn a_registry_made_again_has_its_charts_its_endpoint_and_its_passwords() -> Result<()> {
    Case::run(async |case| {
        let before = case.ready("kept", json!({})).await?;
        let helm = Helm::new(HELM_4, &before.ca).await?;
        helm.login(&before.host, &before.admin).await?.success()?;
        let archive = chart::package(&helm, helm.home(), "stays", "0.1.0").await?;
        helm.push(&archive, &format!("{}/quayadmin", before.host)).await?.success()?;
        let digest = pull_manifest(&before.caller(), "quayadmin/stays", "0.1.0").await?.digest()?;

        case.registries().delete("kept", &DeleteParams::default()).await?;
        case.wait_gone(case.registries(), "kept").await?;
        case.wait_gone(case.api::<Deployment>(), "kept-quay-app").await?;
        case.api::<PersistentVolumeClaim>().get("kept-quay-datastorage").await?;

        let after = case.ready("kept", json!({})).await?;
        assert_eq!((&after.host, &after.ca, &after.admin), (&before.host, &before.ca, &before.admin));
        assert_eq!(pull_manifest(&after.caller(), "quayadmin/stays", "0.1.0").await?.digest()?, digest);
        case.hear("DataAdopted").await?;
        // the same client, without a new log-in
        helm.pull(&format!("{}/quayadmin/stays", after.host), "0.1.0").await?.success()?;
        assert_eq!(helm.pulled("stays-0.1.0.tgz")?, std::fs::read(&archive)?);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_registry_with_the_policy_delete_takes_its_data_with_it() -> Result<()> {
    Case::run(async |case| {
        case.ready("gone", json!({ "deletionPolicy": "Delete" })).await?;
        case.registries().delete("gone", &DeleteParams::default()).await?;
        case.wait_gone(case.registries(), "gone").await?;
        case.wait_gone(case.api::<PersistentVolumeClaim>(), "gone-quay-datastorage").await?;
        for name in ["gone-quay-admin", "gone-quay-ca", "gone-quay-registry-managed-secret-keys"] {
            case.wait_gone(case.api::<Secret>(), name).await?;
        }
        Ok(())
    })
    .await
}
