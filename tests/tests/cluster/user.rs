//! Which user the registry runs as is the platform's choice, and may be another one tomorrow.

use anyhow::{Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use quay_oci::Digest;
use quay_tests::artifact::{pull_blob, pull_manifest, push};
use quay_tests::cluster::{Case, Container};
use serde_json::{Value, json};

fn as_user(user: u32) -> Value {
    json!({ "components": [{ "kind": "quay", "managed": true, "overrides": { "securityContext": {
        "runAsUser": user,
        "runAsGroup": 0,
        "runAsNonRoot": true,
        "readOnlyRootFilesystem": true,
        "allowPrivilegeEscalation": false,
        "capabilities": { "drop": ["ALL"] },
    } } }] })
}

#[tokio::test]
async fn another_user_of_group_zero_takes_up_the_data() -> Result<()> {
    Case::run(async |case| {
        let (first, second) = (1_000_660_000, 1_000_770_000);
        let at = case.ready("users", as_user(first)).await?;
        assert_eq!(Container::of(&case.pod("users").await?)?.user_and_group()?, (first, 0));
        let pushed = push(&at.caller(), "quayadmin/kept", "1", 500_000).await?;

        case.patch("users", &json!({ "spec": as_user(second) })).await?;
        case.wait_for(
            case.api::<Deployment>(),
            "users-quay-app",
            "the Deployment to name the other user",
            |app| {
                let pod = &app["spec"]["template"]["spec"];
                pod["containers"][0]["securityContext"]["runAsUser"] == second
                    && app["status"]["observedGeneration"] == app["metadata"]["generation"]
                    && app["status"]["availableReplicas"] == 1
                    && app["status"]["updatedReplicas"] == 1
                    && app["status"]["unavailableReplicas"].is_null()
            },
        )
        .await?;
        case.available("users").await?;
        at.answers().await?;
        let pod = case.pod("users").await?;
        assert_eq!(Container::of(&pod)?.user_and_group()?, (second, 0));
        ensure!(pull_manifest(&at.caller(), "quayadmin/kept", "1").await?.body == pushed.manifest);
        pull_blob(&at.caller(), "quayadmin/kept", &Digest::sha256(&pushed.layer)).await?;
        push(&at.caller(), "quayadmin/kept", "2", 500_000).await?;
        ensure!(!case.told("DataAdopted").await?, "it is the same registry, not another one");
        Ok(())
    })
    .await
}
