//! Exposure by a Route, on OpenShift's own definition of it. The test plays the router.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::{ConfigMap, Node, Secret, Service};
use kube::api::{Api, ListParams, ObjectMeta, Patch, PatchParams, PostParams};
use quay_tests::client::Client;
use quay_tests::cluster::{Case, forwarded};
use quay_tests::tls::Authority;
use quay_tests::until::until;
use serde_json::{Value, json};

/// A way past the router to the pods of a registry: where a router would connect to.
async fn backend(case: &Case, registry: &str) -> Result<SocketAddr> {
    let service: Service = serde_json::from_value(json!({
        "metadata": { "name": "backend" },
        "spec": {
            "type": "NodePort",
            "selector": { "quay-component": "quay-app", "quay-operator/quayregistry": registry },
            "ports": [{ "port": 443, "targetPort": "https" }],
        },
    }))?;
    let made = case.api::<Service>().create(&PostParams::default(), &service).await?;
    let made = serde_json::to_value(made)?;
    let port = made["spec"]["ports"][0]["nodePort"].as_u64().context("a node port")?;
    let nodes = Api::<Node>::all(case.client().clone()).list(&ListParams::default()).await?;
    let node = serde_json::to_value(nodes.items.first().context("a node")?)?;
    let addresses = node["status"]["addresses"].as_array().context("addresses of the node")?;
    let address = addresses.iter().find(|address| address["type"] == "InternalIP").context("an address")?;
    let address = address["address"].as_str().context("an address")?;
    let address = SocketAddr::new(address.parse()?, u16::try_from(port)?);
    forwarded(&address.to_string()).await?;
    Ok(address)
}

async fn endpoint_is(case: &Case, name: &str, endpoint: &str) -> Result<Value> {
    case.wait(name, &format!("the endpoint {endpoint}"), |registry| {
        registry["status"]["registryEndpoint"] == endpoint
    })
    .await
}

async fn made_and_moved(case: &Case) -> Result<()> {
    let (first, second) = ("routed-quay-team.apps.example.com", "moved.apps.example.com");
    case.create("routed", json!({})).await?;
    let route = case.route("routed-quay").await?;
    let meta = &route["metadata"];
    assert_eq!(meta["labels"]["quay-component"], "quay-app-route");
    assert_eq!(meta["annotations"]["haproxy.router.openshift.io/timeout"], "30m");
    assert_eq!(meta["ownerReferences"][0]["kind"], "QuayRegistry");
    let spec = &route["spec"];
    assert_eq!(spec["host"], Value::Null, "routers assign it");
    assert_eq!(
        (&spec["to"]["name"], &spec["port"]["targetPort"]),
        (&json!("routed-quay-app"), &json!("https"))
    );
    assert_eq!(spec["tls"]["termination"], "reencrypt");
    assert_eq!(spec["tls"]["insecureEdgeTerminationPolicy"], "Redirect");
    let authority = spec["tls"]["destinationCACertificate"].as_str().context("an authority")?.to_owned();

    case.router_says("routed-quay", first, true).await?;
    case.available("routed").await?;
    let registry = endpoint_is(case, "routed", &format!("https://{first}")).await?;
    assert_eq!(registry["status"]["exposure"]["type"], "Route");
    assert_eq!(
        registry["status"]["exposure"]["caConfigMap"],
        Value::Null,
        "clients see the router's certificate"
    );
    let service = case.api::<Service>().get("routed-quay-app").await?;
    assert_eq!(service.spec.and_then(|spec| spec.type_).as_deref(), Some("ClusterIP"));

    // as a router does: it checks the certificate by the authority of the Route and the name of the Service
    let address = backend(case, "routed").await?;
    let inside = format!("routed-quay-app.{}.svc", case.namespace());
    Client::reached_at(&inside, &authority, address)?.anonymous().get("/readyz").send().await?.expect(200)?;
    // the same certificate is good for the host, and the registry speaks of itself by it
    let outside = Client::reached_at(first, &authority, address)?;
    let refused = outside.anonymous().get("/v2/").send().await?.expect(401)?;
    assert_eq!(refused.challenge()?.realm, format!("https://{first}/v2/auth"));

    let patch = Patch::Merge(
        json!({ "spec": { "to": { "name": "elsewhere" }, "tls": { "insecureEdgeTerminationPolicy": "Allow" } } }),
    );
    case.routes().patch("routed-quay", &PatchParams::default(), &patch).await?;
    case.wait_for(case.routes(), "routed-quay", "the Route to be put right", |route| {
        route["spec"]["to"]["name"] == "routed-quay-app"
            && route["spec"]["tls"]["insecureEdgeTerminationPolicy"] == "Redirect"
    })
    .await?;

    case.router_says("routed-quay", second, true).await?;
    endpoint_is(case, "routed", &format!("https://{second}")).await?;
    case.hear("EndpointChanged").await?;
    let moved = Client::reached_at(second, &authority, address)?;
    until("the registry to answer by its new name", Duration::from_secs(180), || async {
        let refused = moved.anonymous().get("/v2/").send().await?.expect(401)?;
        ensure!(refused.challenge()?.realm.contains(second), "still the old name");
        Ok(())
    })
    .await?;
    case.available("routed").await?;

    // another kind of exposure takes away what was made for this one, and nothing that others made
    case.patch("routed", &json!({ "spec": { "exposure": { "type": "NodePort" } } })).await?;
    case.wait_gone(case.routes(), "routed-quay").await?;
    let at = case.wait("routed", "an endpoint at a node", |registry| {
        registry["status"]["exposure"]["type"] == "NodePort"
            && registry["status"]["exposure"]["nodePort"].is_i64()
    });
    at.await?;
    case.api::<Service>().get("backend").await?;
    case.available("routed").await?;
    case.endpoint("routed").await?.caller().get("/v2/").send().await?.expect(200)?;
    Ok(())
}

async fn not_admitted(case: &Case) -> Result<()> {
    for name in ["silent", "refused"] {
        case.create(name, json!({})).await?;
    }
    case.route("refused-quay").await?;
    case.router_says("refused-quay", "taken.apps.example.com", false).await?;
    let waiting =
        case.condition("refused", "ComponentsCreated", "False", "ComponentsCreationInProgress").await?;
    ensure!(waiting.contains("Route refused-quay"), "{waiting}");
    for (name, cause) in [("silent", "within a minute"), ("refused", "another Route has the host")] {
        case.available(name).await?;
        case.wait_gone(case.routes(), &format!("{name}-quay")).await?;
        let message = case.condition(name, "ComponentRouteReady", "True", "ComponentNotManaged").await?;
        ensure!(message.contains(cause) && message.contains("exposure.type: Route"), "{message}");
        let registry = case.registry(name).await?;
        assert_eq!(registry["status"]["exposure"]["type"], "NodePort");
        case.endpoint(name).await?.caller().get("/v2/").send().await?.expect(200)?;
    }
    case.hear("RouteNotAdmitted").await
}

async fn of_a_stranger(case: &Case) -> Result<()> {
    let stranger = json!({
        "apiVersion": "route.openshift.io/v1", "kind": "Route", "metadata": { "name": "taken-quay" },
        "spec": { "host": "mine.example.com", "to": { "kind": "Service", "name": "mine" } },
    });
    case.routes().create(&PostParams::default(), &serde_json::from_value(stranger)?).await?;
    let before = case.route("taken-quay").await?;
    case.create("taken", json!({ "exposure": { "type": "Route" } })).await?;
    let message = case.condition("taken", "RolloutBlocked", "True", "ComponentCreationFailed").await?;
    ensure!(message.contains("Route taken-quay"), "{message}");
    // Auto goes around it at once
    case.patch("taken", &json!({ "spec": { "exposure": null } })).await?;
    case.available("taken").await?;
    assert_eq!(case.registry("taken").await?["status"]["exposure"]["type"], "NodePort");
    assert_eq!(case.route("taken-quay").await?, before);
    Ok(())
}

async fn passed_through(case: &Case) -> Result<()> {
    let (first, second) = ("one.example.com", "two.example.com");
    let authority = Authority::new("the user's own")?;
    let pair = authority.leaf(&[first, second])?;
    let bundle = Secret {
        metadata: ObjectMeta { name: Some("bundle".into()), ..ObjectMeta::default() },
        string_data: Some([("ssl.cert".into(), pair.cert), ("ssl.key".into(), pair.key)].into()),
        ..Secret::default()
    };
    case.api::<Secret>().create(&PostParams::default(), &bundle).await?;
    let named = |host: &str| json!({ "configBundleSecret": "bundle", "exposure": { "type": "Route", "hostname": host } });
    case.create("passed", named(first)).await?;
    let route = case.route("passed-quay").await?;
    assert_eq!(route["spec"]["host"], first);
    assert_eq!(
        route["spec"]["tls"],
        json!({ "termination": "passthrough", "insecureEdgeTerminationPolicy": "Redirect" })
    );
    let refused = case.router_says("passed-quay", first, false);
    refused.await?;
    let message = case
        .wait("passed", "the refusal to be told", |registry| {
            registry["status"]["conditions"].to_string().contains("another Route has the host")
        })
        .await?;
    ensure!(message["status"]["exposure"]["type"] == "Route", "what is asked for is not given up: {message}");
    case.router_says("passed-quay", first, true).await?;
    case.available("passed").await?;
    ensure!(
        case.api::<ConfigMap>().get_opt("passed-quay-ca").await?.is_none(),
        "there is nothing of ours to trust"
    );
    let address = backend(case, "passed").await?;
    let client = Client::reached_at(first, &authority.pem(), address)?;
    client.anonymous().get("/readyz").send().await?.expect(200)?;

    case.patch("passed", &json!({ "spec": named(second) })).await?;
    case.wait_for(case.routes(), "passed-quay", "the Route to ask for the other host", |route| {
        route["spec"]["host"] == second
    })
    .await?;
    case.condition("passed", "ComponentRouteReady", "False", "ComponentNotReady").await?;
    case.router_says("passed-quay", second, true).await?;
    endpoint_is(case, "passed", &format!("https://{second}")).await?;
    case.available("passed").await?;
    Ok(())
}

#[tokio::test]
async fn a_route_is_made_followed_given_up_and_taken_away() -> Result<()> {
    Case::with_routes(4, async |cases| {
        let [moved, given_up, stranger, passed] = cases else { anyhow::bail!("four namespaces") };
        tokio::try_join!(
            Box::pin(made_and_moved(moved)),
            Box::pin(not_admitted(given_up)),
            Box::pin(of_a_stranger(stranger)),
            Box::pin(passed_through(passed)),
        )
        .map(drop)
    })
    .await
}
