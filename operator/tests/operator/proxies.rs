//! Whom the registry believes about the addresses of its clients, as it is exposed.

use insta::assert_snapshot;
use quay_operator::names::Slot;
use serde_json::json;

use crate::world::World;

const HOST: &str = "quay.example.com";

/// A registry behind a Route that a router has admitted.
fn behind_a_route(mut world: World) -> World {
    world.settled();
    world.route(json!([{
        "host": HOST, "routerName": "default", "conditions": [{"type": "Admitted", "status": "True"}],
    }]));
    world.settled();
    world
}

/// What the registry is told of proxies.
fn told(world: &World) -> String {
    let yaml = world.value(Slot::Config, "config.yaml").expect("a configuration");
    let config: serde_yaml::Mapping = serde_yaml::from_str(&yaml).expect("YAML");
    let about = config.into_iter().filter(|(key, _)| key.as_str().is_some_and(|key| key.contains("PROX")));
    serde_yaml::to_string(&about.collect::<serde_yaml::Mapping>()).expect("YAML")
}

#[test]
fn behind_a_router_that_ends_tls_the_networks_of_the_cluster_are_believed_about_one_hop() {
    let mut world = behind_a_route(World::new("routes"));
    assert_snapshot!(told(&world), @r"
    PROXY_COUNT: 1
    TRUSTED_PROXIES:
    - 10.0.0.0/8
    - 172.16.0.0/12
    - 192.168.0.0/16
    - 100.64.0.0/10
    - fc00::/7
    ");
    world.settled();
    assert_eq!(world.writes, []);
}

#[test]
fn whom_the_bundle_names_is_believed_and_nobody_else() {
    for (yaml, expected) in [
        ("TRUSTED_PROXIES: [10.128.0.0/14]\n", "TRUSTED_PROXIES:\n- 10.128.0.0/14\n"),
        ("TRUSTED_PROXIES: []\n", "TRUSTED_PROXIES: []\n"),
        ("TRUSTED_PROXIES:\nREGISTRY_TITLE: Mine\n", "{}\n"),
        // a higher count than ours would believe a client in a private network about any address
        ("PROXY_COUNT: 2\n", "PROXY_COUNT: 2\n"),
        ("TRUSTED_PROXIES: 10.128.0.5\nPROXY_COUNT: 2\n", "PROXY_COUNT: 2\nTRUSTED_PROXIES: 10.128.0.5\n"),
    ] {
        assert_eq!(told(&behind_a_route(World::new("routes").config(yaml))), expected, "{yaml}");
    }
}

#[test]
fn a_wrong_network_in_the_bundle_is_told_by_its_key() {
    let refusal = World::new("empty-spec").config("TRUSTED_PROXIES: [10.0.0.1/8]\n").refused();
    assert!(
        refusal.to_string().contains("TRUSTED_PROXIES") && refusal.to_string().contains("10.0.0.0/8"),
        "{refusal}"
    );
}

#[test]
fn where_clients_speak_tls_with_the_registry_nobody_is_believed() {
    for spec in [
        json!({}),
        json!({"exposure": {"type": "NodePort"}}),
        json!({"exposure": {"type": "None", "hostname": HOST}}),
    ] {
        let mut world = World::new("empty-spec").spec(spec);
        world.settled();
        assert_eq!(told(&world), "{}\n");
    }
    let mut balanced = World::new("openshift");
    balanced.settled();
    assert_eq!(told(&balanced), "{}\n");

    let passed = behind_a_route(World::new("routes").certificate(HOST));
    assert_eq!(told(&passed), "{}\n", "TLS is passed through");
}

#[test]
fn a_registry_that_leaves_its_route_believes_nobody_any_more() {
    let mut world = behind_a_route(World::new("routes")).spec(json!({"exposure": {"type": "NodePort"}}));
    world.settled();
    assert_eq!(told(&world), "{}\n");
}
