//! A registry that upstream's operator made is left as it is.

use std::collections::BTreeMap;

use anyhow::Result;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::{ObjectMeta, Patch, PatchParams, PostParams};
use quay_tests::cluster::{Case, REGISTRY_KIND};
use serde_json::{Value, json};

/// All objects but the registries themselves, whose status may change.
async fn children(case: &Case) -> Result<Vec<(String, String, String)>> {
    let mut all = case.objects().await?;
    all.retain(|(kind, ..)| kind != REGISTRY_KIND);
    Ok(all)
}

#[tokio::test]
async fn a_registry_with_upstreams_children_is_refused_and_nothing_is_written() -> Result<()> {
    Case::run(async |case| {
        let labels = BTreeMap::from(
            [("quay-operator/quayregistry", "old"), ("quay-component", "quay-app"), ("app", "quay")]
                .map(|(key, value)| (key.to_owned(), value.to_owned())),
        );
        let keys = Secret {
            metadata: ObjectMeta {
                name: Some("old-quay-registry-managed-secret-keys".into()),
                labels: Some(labels),
                ..ObjectMeta::default()
            },
            string_data: Some(BTreeMap::from([("SECRET_KEY".into(), quay_tests::accounts::password())])),
            ..Secret::default()
        };
        case.api::<Secret>().create(&PostParams::default(), &keys).await?;
        let deployment: Deployment = serde_json::from_value(json!({
            "metadata": {
                "name": "old-quay-app",
                "labels": { "quay-operator/quayregistry": "old", "quay-component": "quay-app" },
            },
            "spec": {
                "replicas": 0,
                "selector": { "matchLabels": { "app": "old" } },
                "template": {
                    "metadata": { "labels": { "app": "old" } },
                    "spec": { "containers": [{ "name": "quay-app", "image": "localhost/nothing:1" }] },
                },
            },
        }))?;
        case.api::<Deployment>().create(&PostParams::default(), &deployment).await?;
        case.wait_for(case.api::<Deployment>(), "old-quay-app", "the Deployment to be seen", |deployment| {
            deployment["status"]["observedGeneration"] == deployment["metadata"]["generation"]
        })
        .await?;
        let before = children(case).await?;

        case.create("old", json!({})).await?;
        let message = case.condition("old", "RolloutBlocked", "True", "AdoptionRequired").await?;
        assert!(
            message.contains("old-quay-app") || message.contains("old-quay-registry-managed-secret-keys"),
            "{message}"
        );
        assert_eq!(children(case).await?, before);
        let registry = case.registry("old").await?;
        assert_eq!((&registry["spec"], &registry["status"]["currentVersion"]), (&json!({}), &Value::Null));

        // a neighbour of another name is served as usual, and the stranger stays as he is
        case.ready("new", json!({})).await?;
        let mut after = children(case).await?;
        after.retain(|(_, name, _)| name.starts_with("old-"));
        assert_eq!(after, before);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_registry_with_upstreams_finalizer_is_refused_and_nothing_is_written() -> Result<()> {
    Case::run(async |case| {
        case.create_object(&json!({
            "apiVersion": "quay.redhat.com/v1",
            "kind": REGISTRY_KIND,
            "metadata": { "name": "old", "finalizers": ["quay-operator/finalizer"] },
            "spec": {},
        }))
        .await?;
        case.condition("old", "RolloutBlocked", "True", "AdoptionRequired").await?;
        assert_eq!(children(case).await?, []);
        Ok(())
    })
    .await
}

/// What keeps the operator from taking over an object that appears between its look and its first write.
#[tokio::test]
async fn an_apply_of_what_was_not_there_makes_an_object_and_never_takes_one_over() -> Result<()> {
    Case::run(async |case| {
        let maps = case.api::<ConfigMap>();
        let stranger = json!({ "metadata": { "name": "stranger" }, "data": { "theirs": "kept" } });
        maps.create(&PostParams::default(), &serde_json::from_value(stranger)?).await?;
        let params = PatchParams::apply("quay-operator").force();
        let apply = |name: &str, version: Value| {
            Patch::Apply(json!({
                "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": { "name": name, "resourceVersion": version }, "data": { "ca.crt": "ours" },
            }))
        };
        maps.patch("absent", &params, &apply("absent", json!("1"))).await?;
        match maps.patch("stranger", &params, &apply("stranger", json!("1"))).await {
            Err(kube::Error::Api(status)) if status.code == 409 => {}
            other => anyhow::bail!("it was not refused: {other:?}"),
        }
        let kept = maps.get("stranger").await?.data;
        assert_eq!(kept, Some(BTreeMap::from([("theirs".to_owned(), "kept".to_owned())])));
        // control: without the version it is taken over
        maps.patch("stranger", &params, &apply("stranger", Value::Null)).await?;
        assert_eq!(maps.get("stranger").await?.data.map(|data| data.len()), Some(2));
        Ok(())
    })
    .await
}
