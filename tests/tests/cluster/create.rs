//! `spec: {}` and nothing else.

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Secret};
use quay_tests::artifact::{pull_manifest, push};
use quay_tests::cluster::Case;
use quay_tests::out;
use serde_json::json;

/// The order in which tools expect the conditions.
const CONDITIONS: [&str; 14] = [
    "ComponentHPAReady",
    "ComponentRouteReady",
    "ComponentMonitoringReady",
    "ComponentPostgresReady",
    "ComponentObjectStorageReady",
    "ComponentClairReady",
    "ComponentClairPostgresReady",
    "ComponentTLSReady",
    "ComponentRedisReady",
    "ComponentQuayReady",
    "ComponentMirrorReady",
    "Available",
    "ComponentsCreated",
    "RolloutBlocked",
];

#[tokio::test]
async fn an_empty_spec_becomes_a_registry_that_can_be_used() -> Result<()> {
    Case::run(async |case| {
        case.create("registry", json!({})).await?;
        case.available("registry").await?;
        let registry = case.registry("registry").await?;

        assert_eq!(registry["spec"], json!({}), "the operator never writes spec");
        let status = &registry["status"];
        assert_eq!(status["currentVersion"], "0.1.0");
        assert_eq!(status["observedGeneration"], registry["metadata"]["generation"]);
        let conditions = status["conditions"].as_array().context("conditions")?;
        let types: Vec<&str> = conditions.iter().filter_map(|condition| condition["type"].as_str()).collect();
        assert_eq!(types, CONDITIONS);
        for condition in conditions {
            let expected = if condition["type"] == "RolloutBlocked" { "False" } else { "True" };
            assert_eq!(condition["status"], expected, "{condition}");
            ensure!(
                condition["message"].as_str().is_some_and(|text| !text.is_empty()),
                "no message: {condition}"
            );
        }

        case.hear("Available").await?;
        ensure!(!case.told("DataAdopted").await?, "there was nothing to take up");

        // the endpoint answers to who trusts nothing but the published authority
        let endpoint = case.endpoint("registry").await?;
        endpoint.client().anonymous().get("/v2/").send().await?.expect(401)?;
        let pushed = push(&endpoint.caller(), "quayadmin/first", "1", 200_000).await?;
        let served = pull_manifest(&endpoint.caller(), "quayadmin/first", "1").await?;
        assert_eq!(served.body, pushed.manifest);
        let user =
            endpoint.session(&endpoint.admin).await?.get("/api/v1/user/").await?.expect(200)?.json()?;
        assert_eq!((&user["username"], &user["super_user"]), (&json!(endpoint.admin.username), &json!(true)));
        Ok(())
    })
    .await
}

#[tokio::test]
async fn what_is_made_has_the_names_and_the_protection_that_it_should() -> Result<()> {
    Case::run(async |case| {
        case.ready("names", json!({})).await?;
        let published = case.api::<ConfigMap>().get("names-quay-ca").await?;
        let keys: Vec<String> = published.data.unwrap_or_default().into_keys().collect();
        assert_eq!(keys, ["ca.crt"], "only the certificate is published");

        // data and what opens it outlive the registry; the rest goes with it
        let owners = |meta: &k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta| {
            meta.owner_references.as_ref().map_or(0, Vec::len)
        };
        let claim = case.api::<PersistentVolumeClaim>().get("names-quay-datastorage").await?;
        assert_eq!(owners(&claim.metadata), 0);
        for name in ["names-quay-registry-managed-secret-keys", "names-quay-admin", "names-quay-ca"] {
            let secret = case.api::<Secret>().get(name).await?;
            assert_eq!(owners(&secret.metadata), 0, "{name}");
        }
        let deployment = case.api::<Deployment>().get("names-quay-app").await?;
        assert_eq!(owners(&deployment.metadata), 1);
        assert_eq!(owners(&case.api::<Secret>().get("names-quay-config-secret").await?.metadata), 1);

        let deployment = serde_json::to_value(deployment)?;
        assert_eq!(deployment["spec"]["strategy"]["type"], "Recreate");
        let pod = &deployment["spec"]["template"]["spec"];
        let container = &pod["containers"][0];
        assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
        assert_eq!(container["securityContext"]["allowPrivilegeEscalation"], false);
        let non_root =
            [&pod["securityContext"]["runAsNonRoot"], &container["securityContext"]["runAsNonRoot"]];
        ensure!(non_root.contains(&&json!(true)), "{pod}");
        ensure!(container["env"].to_string().to_lowercase().find("password").is_none(), "a password in env");
        Ok(())
    })
    .await
}

/// The figure of the closing note; never an assertion, because machines are noisy.
#[tokio::test]
async fn the_time_from_create_to_available_is_told() -> Result<()> {
    let mut times = Vec::new();
    for run in 0..if out::long() { 5 } else { 1 } {
        Case::run(async |case| {
            case.create("timed", json!({})).await?;
            let time = case.available("timed").await?;
            println!("run {run}: available after {:.1} s", time.as_secs_f64());
            times.push(time);
            Ok(())
        })
        .await?;
    }
    times.sort();
    println!("median of {} runs: {:.1} s", times.len(), times[times.len() / 2].as_secs_f64());
    Ok(())
}

#[tokio::test]
async fn two_registries_of_one_namespace_do_not_disturb_each_other() -> Result<()> {
    Case::run(async |case| {
        case.create("one", json!({})).await?;
        case.create("two", json!({})).await?;
        case.available("one").await?;
        case.available("two").await?;
        let (one, two) = (case.endpoint("one").await?, case.endpoint("two").await?);
        ensure!(one.host != two.host && one.ca != two.ca, "they share an endpoint or an authority");
        push(&one.caller(), "quayadmin/only-one", "1", 10).await?;
        two.caller().get("/v2/quayadmin/only-one/manifests/1").send().await?.expect(404)?;
        two.client().basic(&one.admin).get("/v2/").send().await?.expect(401)?;
        Ok(())
    })
    .await
}
