//! What somebody changes or removes is put right again.

use anyhow::Result;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Secret, Service};
use kube::api::{DeleteParams, Patch, PatchParams};
use quay_tests::cluster::Case;
use serde_json::{Value, json};

#[tokio::test]
async fn children_that_were_changed_or_removed_are_put_right() -> Result<()> {
    Case::run(async |case| {
        let at = case.ready("drift", json!({})).await?;
        let app = "drift-quay-app";
        let (deployments, services, maps) =
            (case.api::<Deployment>(), case.api::<Service>(), case.api::<ConfigMap>());
        let params = PatchParams::default();

        let patch = json!({ "spec": { "template": { "spec": { "containers": [
            { "name": name_of_container(case).await?, "args": ["serve", "--nonsense"] }
        ] } } } });
        deployments.patch(app, &params, &Patch::Strategic(patch)).await?;
        case.wait_for(deployments.clone(), app, "the arguments to be put right", |deployment| {
            deployment["spec"]["template"]["spec"]["containers"][0]["args"] == json!(["serve"])
        })
        .await?;

        deployments.patch(app, &params, &Patch::Merge(json!({ "spec": { "replicas": 3 } }))).await?;
        case.wait_for(deployments.clone(), app, "one replica", |deployment| {
            deployment["spec"]["replicas"] == 1
        })
        .await?;

        let before = services.get(app).await?.metadata.uid;
        let port = node_port(&serde_json::to_value(services.get(app).await?)?);
        services.delete(app, &DeleteParams::default()).await?;
        let service = case
            .wait_for(services.clone(), app, "a new Service", |service| {
                service["metadata"]["uid"].as_str().map(str::to_owned) != before
            })
            .await?;
        assert_eq!(node_port(&service), port, "the endpoint stays");

        maps.delete("drift-quay-ca", &DeleteParams::default()).await?;
        let ca = at.ca.clone();
        case.wait_for(maps, "drift-quay-ca", "the authority to be published", move |map| {
            map["data"]["ca.crt"] == ca
        })
        .await?;

        let secret = json!({ "stringData": { "config.yaml": "SERVER_HOSTNAME: elsewhere\n" } });
        let secrets = case.api::<Secret>();
        secrets.patch("drift-quay-config-secret", &params, &Patch::Merge(secret)).await?;
        case.wait_for(secrets, "drift-quay-config-secret", "the configuration to be put right", |secret| {
            secret["data"]["config.yaml"].as_str().is_some_and(|text| text.len() > 100)
        })
        .await?;

        case.available("drift").await?;
        quay_tests::until::until("the registry to answer", std::time::Duration::from_secs(180), || async {
            at.caller().get("/v2/").send().await?.expect(200).map(drop)
        })
        .await
    })
    .await
}

async fn name_of_container(case: &Case) -> Result<String> {
    let deployment = serde_json::to_value(case.api::<Deployment>().get("drift-quay-app").await?)?;
    Ok(deployment["spec"]["template"]["spec"]["containers"][0]["name"]
        .as_str()
        .unwrap_or_default()
        .to_owned())
}

fn node_port(service: &Value) -> Value {
    let ports = service["spec"]["ports"].as_array().cloned().unwrap_or_default();
    ports.into_iter().find(|port| port["port"] == 443).map_or(Value::Null, |port| port["nodePort"].clone())
}
