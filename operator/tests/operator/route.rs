//! Exposure by a Route: what is asked of routers, and what follows from what they say.

use insta::assert_snapshot;
use quay_operator::names::Slot;
use quay_operator::pki;
use quay_operator::plan::Reason;
use serde_json::{Value, json};

use crate::world::{End, World, condition, status_yaml};

const HOST: &str = "example-quay-team.apps.example.com";

fn said(host: &str, status: &str) -> Value {
    json!({
        "host": host, "routerName": "default",
        "conditions": [{"type": "Admitted", "status": status, "reason": "HostAlreadyClaimed", "message": "taken by another"}],
    })
}

fn admitted() -> World {
    let mut world = World::new("routes");
    assert!(world.settled().app.is_none(), "it starts with its address");
    world.route(json!([said(HOST, "True")]));
    world.settled();
    world
}

fn spec(world: &World) -> Value {
    serde_json::to_value(world.snapshot.children.get(Slot::Route).unwrap()).unwrap()["spec"].clone()
}

#[test]
fn where_routes_are_served_a_registry_is_exposed_by_one() {
    assert_snapshot!("children", admitted().children_yaml());
}

#[test]
fn the_endpoint_and_the_certificate_follow_the_host_that_was_admitted() {
    let mut world = admitted();
    world.start_pod();
    let report = world.pass();
    assert_snapshot!("available", status_yaml(&report.status));
    assert!(world.value(Slot::Config, "config.yaml").unwrap().contains(&format!("SERVER_HOSTNAME: {HOST}")));
    assert_eq!(world.value(Slot::Keys, "record.exposure").as_deref(), Some("Route"));
    let leaf = world.value(Slot::Config, "ssl.cert").unwrap();
    let key = world.value(Slot::Config, "ssl.key").unwrap();
    let pair = pki::Pair { certificate: leaf, key };
    pki::check(&pair, HOST).unwrap();
    pki::check(&pair, "example-quay-app.team.svc").unwrap();

    world.settled();
    assert_eq!(world.writes, []);
    world.route(json!([said("moved.example.com", "True")]));
    let report = world.pass();
    assert_eq!(report.status.registry_endpoint.as_deref(), Some("https://moved.example.com"));
    assert!(report.events.iter().any(|event| event.reason == "EndpointChanged" && event.is_warning));
}

#[test]
fn a_second_router_and_one_that_hesitates_change_nothing() {
    let mut world = admitted();
    for ingress in [
        json!([said("a.example.com", "True"), said(HOST, "True")]),
        json!([said(HOST, "Unknown")]),
        json!([]),
    ] {
        world.route(ingress);
        let plan = world.settled();
        assert_eq!(plan.exposure.host.as_deref(), Some(HOST));
        assert_eq!(world.writes, []);
    }
    // but it is told
    let (status, _, message) = condition(&world.pass().status, "ComponentRouteReady");
    assert_eq!(status, "False");
    assert!(message.contains("waiting for a router"), "{message}");
}

#[test]
fn auto_takes_a_node_port_when_no_router_admits_the_route_within_a_minute_and_says_so() {
    for (ingress, cause) in [
        (json!([]), "no router admitted Route example-quay"),
        (json!([said(HOST, "False")]), "taken by another"),
    ] {
        let mut world = World::new("routes");
        world.settled();
        world.route(ingress);
        world.wait(59);
        let plan = world.settled();
        assert!(plan.waiting.unwrap().contains("after a minute a node port"));
        assert_eq!(plan.exposure.look_again, Some(std::time::Duration::from_secs(1)));
        world.wait(1);
        let report = world.pass();
        assert_eq!(world.removed, [Slot::Route]);
        let notice = world.notices.iter().find(|notice| notice.reason == "RouteNotAdmitted").unwrap();
        assert!(notice.is_warning && notice.message.contains(cause), "{}", notice.message);
        assert_eq!(report.status.registry_endpoint.as_deref(), Some("https://10.0.0.1:30443"));
        let (status, reason, message) = condition(&report.status, "ComponentRouteReady");
        assert_eq!((status.as_str(), reason.as_str()), ("True", "ComponentNotManaged"));
        assert!(message.contains(cause) && message.contains("set exposure.type: Route"), "{message}");

        // that stays, and is not said again
        let report = world.pass();
        assert!(world.writes.is_empty() && world.removed.is_empty() && world.notices.is_empty());
        assert_eq!(condition(&report.status, "ComponentRouteReady").2, message);
    }
}

#[test]
fn a_registry_made_before_the_api_was_there_keeps_its_node_port() {
    let mut world = World::new("empty-spec");
    world.settled();
    world.snapshot.platform.api_groups.insert("route.openshift.io".to_owned());
    let plan = world.settled();
    assert_eq!(plan.exposure.host.as_deref(), Some("10.0.0.1:30443"));
    assert_eq!(world.writes, []);
    // asked for, it is made
    let mut world = world.spec(json!({"exposure": {"type": "Route"}}));
    world.settled();
    assert!(world.snapshot.children.has(Slot::Route));
}

#[test]
fn a_route_that_is_asked_for_is_waited_for_without_end() {
    for spec in [
        json!({"exposure": {"type": "Route"}}),
        json!({"components": [{"kind": "route", "managed": true}]}),
        json!({"exposure": {"type": "Route"}, "components": [{"kind": "route", "managed": true}]}),
    ] {
        let mut world = World::new("routes").spec(spec);
        world.settled();
        world.route(json!([said(HOST, "False")]));
        world.wait(3600);
        let report = world.pass();
        assert!(condition(&report.status, "ComponentsCreated").2.contains("taken by another"));
        let (status, _, message) = condition(&report.status, "ComponentRouteReady");
        assert!(status == "False" && message.contains("router default refuses it"), "{message}");
        assert_eq!(world.value(Slot::Keys, "record.exposure"), None, "nothing was picked");
    }
}

#[test]
fn a_managed_route_shows_as_a_managed_component() {
    let mode = |world: &mut World| {
        let plan = world.settled();
        plan.components.iter().find(|c| c.kind == "route").unwrap().mode.clone()
    };
    assert_eq!(mode(&mut admitted()), "Managed");
    assert_eq!(mode(&mut World::new("empty-spec")), "Off");
    let mut exposed = World::new("routes")
        .spec(json!({"components": [{"kind": "route", "managed": false}]}))
        .config("SERVER_HOSTNAME: quay.example.com\n");
    assert_eq!(mode(&mut exposed), "Off");
    assert!(!exposed.snapshot.children.has(Slot::Route), "the user exposes it");
}

#[test]
fn a_host_of_the_user_is_asked_for_and_only_that_one_counts() {
    let mut world =
        World::new("routes").spec(json!({"exposure": {"type": "Route", "hostname": "quay.example.com"}}));
    world.settled();
    assert_eq!(spec(&world)["host"], "quay.example.com");
    world.route(json!([said(HOST, "True")]));
    assert_eq!(condition(&world.pass().status, "ComponentRouteReady").0, "False");
    world.route(json!([said("Quay.example.com", "True")]));
    let report = world.pass();
    assert_eq!(condition(&report.status, "ComponentRouteReady").2, "Route admitted");
    assert_eq!(report.status.registry_endpoint.as_deref(), Some("https://quay.example.com"));

    // the bundle goes before the spec, and a port is none of the router's business
    let mut world = world.config("SERVER_HOSTNAME: bundle.example.com:8443\n");
    let plan = world.settled();
    assert_eq!(spec(&world)["host"], "bundle.example.com");
    assert_eq!(plan.exposure.host.as_deref(), Some("bundle.example.com:8443"));
}

#[test]
fn an_address_is_no_host_for_a_route() {
    for host in ["10.0.0.1", "[fd00::1]:443"] {
        let refusal =
            World::new("routes").spec(json!({"exposure": {"type": "Route", "hostname": host}})).refused();
        assert!(refusal.to_string().contains("needs a host name"), "{refusal}");
    }
}

#[test]
fn a_certificate_of_the_user_is_passed_through() {
    let mut world = World::new("routes").certificate("quay.example.com");
    world.settled();
    assert_eq!(
        spec(&world)["tls"],
        json!({"termination": "passthrough", "insecureEdgeTerminationPolicy": "Redirect"})
    );
    world.route(json!([said("quay.example.com", "True")]));
    world.settled();
    assert_eq!(world.value(Slot::Config, "ca.crt"), None, "there is nothing of ours to trust");
}

#[test]
fn labels_and_annotations_of_the_user_get_onto_the_route_and_ours_stay() {
    let mut world = World::new("routes").spec(json!({
        "exposure": {"annotations": {"a": "1", "b": "1"}},
        "components": [{"kind": "route", "managed": true, "overrides": {
            "labels": {"shard": "x", "app": "mine", "quay-component": "mine"},
            "annotations": {"b": "2", "haproxy.router.openshift.io/timeout": "5m"},
        }}],
    }));
    world.settled();
    let meta = world.snapshot.children.meta(Slot::Route).unwrap().clone();
    let (labels, annotations) = (meta.labels.unwrap(), meta.annotations.unwrap());
    assert_eq!(labels["shard"], "x");
    assert_eq!((labels["app"].as_str(), labels["quay-component"].as_str()), ("quay", "quay-app-route"));
    assert_eq!((annotations["a"].as_str(), annotations["b"].as_str()), ("1", "2"));
    assert_eq!(annotations["haproxy.router.openshift.io/timeout"], "5m");
    let service = world.snapshot.children.meta(Slot::Service).unwrap();
    assert!(
        !service.annotations.as_ref().unwrap().contains_key("a"),
        "they are for what exposes the registry"
    );
}

#[test]
fn a_change_of_the_route_behind_our_back_is_put_right() {
    let changes: [fn(&mut Value); 4] = [
        |live| live["spec"]["to"]["name"] = "elsewhere".into(),
        |live| live["spec"]["tls"]["termination"] = "edge".into(),
        |live| live["spec"]["tls"]["destinationCACertificate"] = "other".into(),
        |live| {
            live["metadata"]["annotations"]
                .as_object_mut()
                .unwrap()
                .remove("haproxy.router.openshift.io/timeout");
        },
    ];
    for change in changes {
        let mut world = admitted();
        world.meddle(Slot::Route, change);
        world.settled();
        assert_eq!(world.writes, [Slot::Route]);
    }
}

#[test]
fn another_kind_of_exposure_takes_our_route_away_and_nothing_else() {
    for spec in [
        json!({"exposure": {"type": "NodePort"}}),
        json!({"exposure": {"type": "None", "hostname": "quay.example.com"}}),
        json!({"exposure": {"hostname": "quay.example.com"}, "components": [{"kind": "route", "managed": false}]}),
    ] {
        let mut world = admitted().spec(spec);
        world.settled();
        assert_eq!(world.removed, [Slot::Route]);
    }
}

fn stranger(world: &mut World) {
    world.meddle(Slot::Route, |live| {
        live["metadata"]["labels"] = json!({"app": "something"});
        live["metadata"]["annotations"] = json!({});
    });
}

#[test]
fn a_route_of_a_stranger_is_left_as_it_is() {
    let mut world = admitted();
    stranger(&mut world);
    let before = world.snapshot.children.get(Slot::Route).cloned();
    let End::Refused(refusal) = world.settle() else { panic!("it was not refused") };
    assert_eq!(refusal.reason(), Reason::ComponentCreationFailed);
    assert!(refusal.to_string().contains("Route example-quay exists"), "{refusal}");

    // nor does it keep a registry from being exposed in another way
    let mut world = world.spec(json!({"exposure": {"type": "NodePort"}}));
    world.settled();
    assert_eq!(world.removed, []);
    assert_eq!(world.snapshot.children.get(Slot::Route), before.as_ref());

    // and Auto goes around it
    let mut fresh = World::new("routes");
    fresh.snapshot.children.insert(Slot::Route, before.unwrap());
    assert_eq!(fresh.settled().exposure.host.as_deref(), Some("10.0.0.1:30443"));
    assert!(fresh.notices.iter().any(|notice| notice.message.contains("was there before")));
}

#[test]
fn a_route_of_upstreams_operator_is_a_mark_of_upstream() {
    let mut world = admitted();
    world.meddle(Slot::Route, |live| {
        live["metadata"]["labels"] =
            json!({"quay-operator/quayregistry": "example", "quay-component": "quay-app-route"});
        live["metadata"]["annotations"] = json!({});
    });
    assert_eq!(world.refused().reason(), Reason::AdoptionRequired);
}

#[test]
fn a_recorded_route_without_its_api_blocks_instead_of_moving() {
    let mut world = admitted();
    world.snapshot.platform.api_groups.remove("route.openshift.io");
    world.remove(&[Slot::Route]);
    assert_eq!(world.refused().reason(), Reason::RouteComponentDependencyError);
}
