//! helm against the endpoint, with the published authority.

use anyhow::Result;
use quay_tests::accounts::Credentials;
use quay_tests::artifact::pull_manifest;
use quay_tests::chart;
use quay_tests::clients::{HELM_3, HELM_4, Helm};
use quay_tests::cluster::{Case, Endpoint};
use serde_json::json;

async fn helm_pushes(at: &Endpoint, version: &str, who: &Credentials, namespace: &str) -> Result<()> {
    let helm = Helm::new(version, &at.ca).await?;
    let name = format!("chart-{}-{}", version.replace('.', "-"), who.username.replace('+', "-"));
    let archive = chart::package(&helm, helm.home(), &name, "0.1.0").await?;
    helm.login(&at.host, who).await?.success()?;
    let pushed = helm.push(&archive, &format!("{}/{namespace}", at.host)).await?.success()?;
    let printed = pushed.after("Digest:")?;
    let served = pull_manifest(&at.client().basic(who), &format!("{namespace}/{name}"), "0.1.0").await?;
    assert_eq!(served.digest()?.as_str(), printed);
    helm.pull(&format!("{}/{namespace}/{name}", at.host), "0.1.0").await?.success()?;
    assert_eq!(helm.pulled(&format!("{name}-0.1.0.tgz"))?, std::fs::read(&archive)?);
    Ok(())
}

#[tokio::test]
async fn both_helms_push_as_superuser_owner_and_robot_and_tell_why_a_wrong_password_does_not_do() -> Result<()>
{
    Case::run(async |case| {
        let at = case.ready("charts", json!({})).await?;
        let owner = at.sign_up("owner").await?;
        let session = at.session(&owner).await?;
        session.create_organization("acme").await?;
        let robot = session.create_robot("acme", "pusher").await?;
        session.let_create("acme", &robot.username).await?;
        for version in [HELM_3, HELM_4] {
            helm_pushes(&at, version, &at.admin, "quayadmin").await?;
            helm_pushes(&at, version, &owner, "acme").await?;
            helm_pushes(&at, version, &robot, "acme").await?;
            let helm = Helm::new(version, &at.ca).await?;
            let refused = helm.login(&at.host, &owner.with_wrong_password()?).await?.failure()?;
            assert!(refused.text.to_lowercase().contains("invalid username or password"), "{}", refused.text);
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
        let helm = Helm::new(HELM_4, &at.ca).await?.env("KUBECONFIG", &kubeconfig);
        let archive = chart::package(&helm, helm.home(), "hello", "0.1.0").await?;
        helm.login(&at.host, &at.admin).await?.success()?;
        helm.push(&archive, &format!("{}/quayadmin", at.host)).await?.success()?;
        helm.install("release", &format!("{}/quayadmin/hello", at.host), "0.1.0", case.namespace())
            .await?
            .success()?;
        let installed = case.api::<k8s_openapi::api::core::v1::ConfigMap>().get("release").await?;
        assert_eq!(installed.data.and_then(|data| data.get("greeting").cloned()).as_deref(), Some("hello"));
        Ok(())
    })
    .await
}
