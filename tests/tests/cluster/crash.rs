//! The registry's pod killed in the middle of fifty pushes, as the user and on the volume that OpenShift would give it.

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::api::DeleteParams;
use quay_tests::cluster::{Case, Container};
use quay_tests::crash::{Acknowledged, lost, push_and_kill, random_threshold, rounds};
use serde_json::{Value, json};

const USER: u32 = 1_000_660_000;

fn ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array();
    conditions.is_some_and(|all| all.iter().any(|one| one["type"] == "Ready" && one["status"] == "True"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_the_pod_is_killed_as_any_user_with_group_zero() -> Result<()> {
    Case::run(async |case| {
        let at = case
            .ready(
                "crash",
                json!({ "components": [{ "kind": "quay", "managed": true, "overrides": { "securityContext": {
                    "runAsUser": USER,
                    "runAsGroup": 0,
                    "runAsNonRoot": true,
                    "readOnlyRootFilesystem": true,
                    "allowPrivilegeEscalation": false,
                    "capabilities": { "drop": ["ALL"] },
                } } }] }),
            )
            .await?;
        let mut all = Acknowledged::default();
        for round in 0..rounds() {
            let pod = case.pod("crash").await?;
            let name = pod.metadata.name.clone().context("the pod's name")?;
            let container = Container::of(&pod)?;
            assert_eq!(container.user_and_group()?, (USER, 0));
            let pods = case.api::<Pod>();
            let kill = async {
                container.kill().await?;
                // a new pod starts at once; the same one would wait longer after each kill
                pods.delete(&name, &DeleteParams::default().grace_period(0)).await?;
                Ok(())
            };
            let namespace = format!("quayadmin/round-{round}");
            let acknowledged = push_and_kill(&at.caller(), &namespace, random_threshold(), kill).await?;
            println!(
                "round {round}: {} blobs and {} manifests acknowledged, {} pushes cut off",
                acknowledged.blobs.len(),
                acknowledged.manifests.len(),
                acknowledged.cut_off
            );
            ensure!(acknowledged.cut_off > 0, "the kill did not come in the middle");
            all.blobs.extend(acknowledged.blobs);
            all.manifests.extend(acknowledged.manifests);

            let next = quay_tests::until::until("a new pod", std::time::Duration::from_secs(180), || async {
                let pod = case.pod("crash").await?;
                let next = pod.metadata.name.context("the pod's name")?;
                ensure!(next != name, "still the old pod");
                Ok(next)
            })
            .await?;
            case.wait_for(case.api::<Pod>(), &next, "the new pod to be ready", ready).await?;
            at.answers().await?;
            let lost = lost(&at.caller(), &all).await;
            ensure!(lost.is_empty(), "round {round}: {} lost:\n{}", lost.len(), lost.join("\n"));
        }
        case.available("crash").await?;
        Ok(())
    })
    .await
}
