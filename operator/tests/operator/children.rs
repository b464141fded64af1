//! What a registry is made of.

use insta::assert_snapshot;
use quay_operator::names::Slot;
use serde_json::json;

use crate::world::World;

#[test]
fn an_empty_spec_becomes_a_whole_registry() {
    let mut world = World::new("empty-spec");
    world.settled();
    assert_snapshot!(world.children_yaml());
}

#[test]
fn a_bundle_and_overrides_are_taken_over() {
    let mut world = World::new("bundle");
    world.settled();
    assert_snapshot!(world.children_yaml());
}

#[test]
fn a_platform_that_assigns_users_gets_neither_user_nor_group() {
    let mut world = World::new("openshift");
    world.settled();
    assert_snapshot!(world.children_yaml());
}

#[test]
fn a_settled_registry_is_not_written_to() {
    for fixture in ["empty-spec", "bundle", "openshift"] {
        let mut world = World::new(fixture);
        world.settled();
        assert!(!world.writes.is_empty());
        world.settled();
        assert_eq!(world.writes, [], "{fixture}");
    }
}

#[test]
fn a_change_behind_our_back_is_put_right_and_nothing_else_is_written() {
    type Change = fn(&mut serde_json::Value);
    let changes: [(Slot, Change); 7] = [
        (Slot::Service, |live| {
            live["metadata"]["labels"].as_object_mut().unwrap().remove("app.kubernetes.io/managed-by");
        }),
        (Slot::App, |live| {
            live["spec"]["template"]["spec"]["containers"][0]["image"] = "elsewhere/other:1".into();
        }),
        (Slot::App, |live| {
            live["spec"]["template"]["spec"]["automountServiceAccountToken"] = serde_json::Value::Null;
        }),
        (Slot::App, |live| {
            live["spec"]["strategy"] = json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}});
        }),
        (Slot::Service, |live| live["spec"]["ports"][0]["nodePort"] = 31999.into()),
        (Slot::TrustAnchor, |live| live["data"]["ca.crt"] = "other".into()),
        (Slot::Config, |live| live["metadata"]["labels"]["quay-operator/quayregistry"] = "other".into()),
    ];
    for (slot, change) in changes {
        let mut world = World::new("empty-spec");
        world.settled();
        world.meddle(slot, change);
        world.settled();
        assert_eq!(world.writes, [slot]);
    }
}

#[test]
fn what_others_add_to_a_child_is_left_alone() {
    let mut world = World::new("empty-spec");
    world.settled();
    world.meddle(Slot::App, |live| {
        live["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = "3".into();
        live["spec"]["template"]["spec"]["containers"]
            .as_array_mut()
            .unwrap()
            .insert(0, json!({"name": "sidecar"}));
    });
    world.settled();
    assert_eq!(world.writes, []);
}

#[test]
fn the_node_port_is_read_back_before_the_registry_is_told_its_address() {
    let mut world = World::new("empty-spec");
    let plan = world.settled();
    assert_eq!(plan.exposure.host.as_deref(), Some("10.0.0.1:30443"));
    let service = world.writes.iter().position(|slot| *slot == Slot::Service).unwrap();
    let config = world.writes.iter().position(|slot| *slot == Slot::Config).unwrap();
    assert!(service < config, "{:?}", world.writes);
    assert_eq!(world.value(Slot::Keys, "record.host").as_deref(), Some("10.0.0.1"));
    assert_eq!(world.value(Slot::Keys, "record.node-port").as_deref(), Some("30443"));
    assert!(world.value(Slot::Config, "config.yaml").unwrap().contains("SERVER_HOSTNAME: 10.0.0.1:30443"));
}

#[test]
fn keys_are_written_alone_and_first() {
    for slot in Slot::ALL {
        assert_eq!(slot.wave() == 0, slot == Slot::Keys);
    }
}

#[test]
fn a_load_balancer_without_an_address_is_waited_for() {
    let mut world = World::new("empty-spec").spec(json!({"exposure": {"type": "LoadBalancer"}}));
    let plan = world.settled();
    assert!(plan.app.is_none());
    assert!(plan.waiting.unwrap().contains("set exposure.type: NodePort"));
    assert!(!world.snapshot.children.has(Slot::App));
}

#[test]
fn a_live_setting_changes_no_pod_and_a_restart_setting_does() {
    let mut world = World::new("empty-spec").config("REGISTRY_TITLE: One\n");
    world.settled();
    world = world.config("REGISTRY_TITLE: Two\n");
    world.settled();
    assert_eq!(world.writes, [Slot::Config]);
    world = world.config("REGISTRY_TITLE: Two\nSERVER_HOSTNAME: quay.example.com\n");
    world.settled();
    assert_eq!(world.writes, [Slot::Config, Slot::App]);
}

#[test]
fn the_leaf_is_renewed_before_it_expires_without_a_restart() {
    let mut world = World::new("empty-spec");
    world.settled();
    let before = world.value(Slot::Config, "ssl.cert").unwrap();
    world.snapshot.now += jiff::SignedDuration::from_hours(24 * 61);
    world.settled();
    assert_eq!(world.writes, [Slot::Config]);
    assert_ne!(world.value(Slot::Config, "ssl.cert").unwrap(), before);
    assert_eq!(world.notices.iter().map(|n| n.reason.as_ref()).collect::<Vec<_>>(), ["CertificateRenewed"]);
}

#[test]
fn a_new_node_gets_into_the_certificate() {
    let mut world = World::new("empty-spec");
    world.settled();
    world.snapshot.nodes.push(quay_operator::snapshot::NodeAddresses {
        name: "node-0".to_owned(),
        ready: true,
        external: vec![],
        internal: vec!["10.0.0.9".to_owned()],
    });
    let plan = world.settled();
    assert_eq!(world.writes, [Slot::Config]);
    assert_eq!(plan.exposure.host.as_deref(), Some("10.0.0.1:30443"), "what was picked stays");
}

#[test]
fn a_password_that_a_person_sets_stays() {
    let mut world = World::new("empty-spec");
    world.settled();
    world.meddle(Slot::Admin, |live| live["data"]["password"] = "Y2hvc2Vu".into());
    world.settled();
    assert_eq!(world.value(Slot::Admin, "password").as_deref(), Some("chosen"));
    world.settled();
    assert_eq!(world.writes, []);
}

#[test]
fn the_registry_can_be_stopped() {
    let mut world = World::new("empty-spec")
        .spec(json!({"components": [{"kind": "quay", "managed": true, "overrides": {"replicas": 0}}]}));
    world.settled();
    assert_eq!(world.snapshot.children.deployment().unwrap().spec.unwrap().replicas, Some(0));
}
