//! The configuration bundle: judged as a whole before anything is rolled out.

use std::collections::BTreeMap;

use anyhow::Result;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::api::{ListParams, ObjectMeta, Patch, PatchParams, PostParams};
use quay_tests::cluster::Case;
use serde_json::{Value, json};

const BAD: &str = "\
DEFAULT_TAG_EXPIRATION: soon
MAXIMUM_LAYER_SIZE: plenty
FEATURE_USER_CREATION: perhaps
";

async fn bundle(case: &Case, yaml: &str) -> Result<()> {
    let secret = Secret {
        metadata: ObjectMeta { name: Some("bundle".into()), ..ObjectMeta::default() },
        string_data: Some(BTreeMap::from([("config.yaml".into(), yaml.into())])),
        ..Secret::default()
    };
    case.api::<Secret>().create(&PostParams::default(), &secret).await?;
    Ok(())
}

async fn change_bundle(case: &Case, yaml: &str) -> Result<()> {
    let patch = Patch::Merge(json!({ "stringData": { "config.yaml": yaml } }));
    case.api::<Secret>().patch("bundle", &PatchParams::default(), &patch).await?;
    Ok(())
}

#[tokio::test]
async fn a_bad_bundle_is_refused_with_all_its_mistakes_and_a_good_one_is_taken_up() -> Result<()> {
    Case::run(async |case| {
        bundle(case, BAD).await?;
        case.create("bundled", json!({ "configBundleSecret": "bundle" })).await?;
        let message = case.condition("bundled", "RolloutBlocked", "True", "ConfigInvalid").await?;
        for key in ["DEFAULT_TAG_EXPIRATION", "MAXIMUM_LAYER_SIZE", "FEATURE_USER_CREATION"] {
            assert!(message.contains(key), "{key} is not named: {message}");
        }
        assert!(
            case.api::<Deployment>().get_opt("bundled-quay-app").await?.is_none(),
            "something was rolled out"
        );
        assert!(case.api::<Pod>().list(&ListParams::default()).await?.items.is_empty());

        // as one guide prints them
        change_bundle(case, "FEATURE_HELM_OCI_SUPPORT = true\nFEATURE_GENERAL_OCI_SUPPORT = true\n").await?;
        case.wait("bundled", "the two lines to be explained", |registry| {
            let said = registry["status"]["conditions"].to_string();
            said.contains("ConfigInvalid") && said.contains("write FEATURE_HELM_OCI_SUPPORT: true")
        })
        .await?;

        change_bundle(case, "REGISTRY_TITLE: Ours\nFEATURE_USER_CREATION: false\n").await?;
        case.available("bundled").await?;
        let at = case.endpoint("bundled").await?;
        assert!(at.sign_up("somebody").await.is_err(), "the bundle closed sign-up");

        // a registry that runs goes on when its bundle turns bad
        let pod = case.pod("bundled").await?.metadata.uid;
        change_bundle(case, BAD).await?;
        case.condition("bundled", "RolloutBlocked", "True", "ConfigInvalid").await?;
        at.caller().get("/v2/").send().await?.expect(200)?;
        assert_eq!(case.pod("bundled").await?.metadata.uid, pod);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_live_key_reaches_the_registry_without_a_new_pod() -> Result<()> {
    Case::run(async |case| {
        bundle(case, "FEATURE_USER_CREATION: true\n").await?;
        let at = case.ready("live", json!({ "configBundleSecret": "bundle" })).await?;
        at.sign_up("early").await?;
        let pod = case.pod("live").await?.metadata.uid;
        change_bundle(case, "FEATURE_USER_CREATION: false\n").await?;
        let number = std::sync::atomic::AtomicUsize::new(0);
        quay_tests::until::until("sign-up to be closed", std::time::Duration::from_secs(180), || async {
            let number = number.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            anyhow::ensure!(at.sign_up(&format!("late{number}")).await.is_err(), "sign-up is still open");
            Ok(())
        })
        .await?;
        at.caller().get("/v2/").send().await?.expect(200)?;
        assert_eq!(case.pod("live").await?.metadata.uid, pod);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_bundle_that_is_not_there_is_waited_for() -> Result<()> {
    Case::run(async |case| {
        case.create("later", json!({ "configBundleSecret": "bundle" })).await?;
        let message = case.condition("later", "RolloutBlocked", "True", "ConfigInvalid").await?;
        assert!(message.contains("bundle"), "{message}");
        bundle(case, "REGISTRY_TITLE: Late\n").await?;
        case.available("later").await?;
        let registry = case.registry("later").await?;
        assert_eq!(registry["spec"], json!({ "configBundleSecret": "bundle" }));
        assert_ne!(registry["status"]["registryEndpoint"], Value::Null);
        Ok(())
    })
    .await
}
