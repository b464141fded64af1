//! Deletion and coming back, and installations that are not ours.

use quay_operator::names::{OURS, Slot};
use quay_operator::plan::Reason;
use serde_json::json;

use crate::world::{End, World, condition};

#[test]
fn under_retain_data_keys_and_authority_outlive_the_registry_and_are_taken_up_again() {
    let mut world = World::new("empty-spec");
    world.settled();
    let kept = [
        (Slot::Keys, "SECRET_KEY"),
        (Slot::Keys, "DATABASE_SECRET_KEY"),
        (Slot::Admin, "password"),
        (Slot::Authority, "ca.crt"),
    ];
    let before = kept.map(|(slot, key)| world.value(slot, key));
    let endpoint = world.settled().exposure.host.clone();

    world.recreate();
    for slot in [Slot::Keys, Slot::Admin, Slot::Authority, Slot::Data] {
        assert!(world.snapshot.children.has(slot), "{slot:?} went with the registry");
    }
    assert!(!world.snapshot.children.has(Slot::App));
    // the nodes of the cluster are others now, or come in another order
    world.snapshot.nodes.reverse();
    world.snapshot.nodes[0].name = "node-0".to_owned();

    let plan = world.settled();
    assert_eq!(plan.exposure.host, endpoint);
    assert_eq!(kept.map(|(slot, key)| world.value(slot, key)), before);
    assert!(!world.writes.contains(&Slot::Authority));
    assert!(world.notices.iter().any(|notice| notice.reason == "DataAdopted"));
}

#[test]
fn nothing_is_said_to_be_taken_up_where_there_was_nothing() {
    for spec in
        [json!({}), json!({"components": [{"kind": "quay", "managed": true, "overrides": {"replicas": 1}}]})]
    {
        let mut world = World::new("empty-spec").spec(spec);
        world.settled();
        assert!(world.notices.iter().all(|notice| notice.reason != "DataAdopted"));
    }
}

#[test]
fn under_delete_everything_goes_with_the_registry() {
    let mut world = World::new("empty-spec").spec(json!({"deletionPolicy": "Delete"}));
    world.settled();
    world.recreate();
    assert_eq!(world.snapshot.children.iter().count(), 0);
}

#[test]
fn changing_the_policy_changes_the_owner_references_of_what_is_kept() {
    let mut world = World::new("empty-spec").spec(json!({"deletionPolicy": "Delete"}));
    world.settled();
    world = world.spec(json!({}));
    world.settled();
    assert_eq!(world.writes, [Slot::Keys, Slot::Admin, Slot::Authority, Slot::Data]);
    world.recreate();
    assert_eq!(world.snapshot.children.iter().count(), 4);
}

#[test]
fn a_volume_taken_up_again_keeps_its_size_when_none_is_asked_for() {
    let mut world = World::new("empty-spec").spec(json!({"storage": {"size": "50Gi"}}));
    world.settled();
    world.recreate();
    world = world.spec(json!({}));
    assert_eq!(world.settled().volume.size.0, "50Gi");
    assert!(!world.writes.contains(&Slot::Data));
}

#[test]
fn children_of_the_registry_before_must_be_gone_first() {
    let mut world = World::new("empty-spec");
    world.settled();
    world.snapshot.registry.metadata.uid = Some("22222222-2222-2222-2222-222222222222".to_owned());
    let End::Waiting(on) = world.settle() else { panic!("not waiting") };
    assert!(on.contains("belongs to an earlier registry"), "{on}");
    assert_eq!(world.writes, []);
}

#[test]
fn a_child_on_its_way_out_is_waited_for() {
    let mut world = World::new("empty-spec");
    world.settled();
    world.meddle(Slot::App, |live| live["metadata"]["deletionTimestamp"] = "2026-05-01T12:00:00Z".into());
    let End::Waiting(on) = world.settle() else { panic!("not waiting") };
    assert!(on.contains("Deployment example-quay-app is being deleted"), "{on}");
}

#[test]
fn an_installation_of_upstream_is_not_touched() {
    let mut world = World::new("upstream");
    let old = world.snapshot.registry.status.clone().unwrap();
    let report = world.pass();
    assert_eq!(world.writes, []);
    let (status, reason, message) = condition(&report.status, "RolloutBlocked");
    assert_eq!((status.as_str(), reason.as_str()), ("True", "AdoptionRequired"));
    for mark in [
        "v3.15.0",
        "Deployment example-quay-app",
        "example-quay-registry-managed-secret-keys",
        "example-quay-database",
        "quay-operator/finalizer",
    ] {
        assert!(message.contains(mark), "{mark} in {message}");
    }
    // what upstream said stays, and nothing claims the registry for us
    assert_eq!(report.status.current_version, old.current_version);
    assert_eq!(report.status.registry_endpoint, old.registry_endpoint);
    assert_eq!(report.status.managed_by, None);
    assert_eq!(condition(&report.status, "Available").1, "HealthChecksPassing");

    // and so it stays in the next pass
    assert_eq!(condition(&world.pass().status, "RolloutBlocked").1, "AdoptionRequired");
}

#[test]
fn each_mark_of_another_operator_is_enough() {
    type Mark = fn(&mut World);
    let marks: [(&str, Mark); 5] = [
        ("a version nobody of us wrote", |world| {
            world.snapshot.registry.status =
                serde_json::from_value(json!({"currentVersion": "v3.15.0"})).unwrap();
        }),
        ("another operator's name", |world| {
            world.snapshot.registry.status =
                serde_json::from_value(json!({"managedBy": "somebody"})).unwrap();
        }),
        ("upstream's finalizer", |world| {
            world.snapshot.registry.metadata.finalizers = Some(vec!["quay-operator/finalizer".to_owned()]);
        }),
        ("upstream's workloads", |world| {
            world.snapshot.strangers = vec!["Deployment example-quay-database".to_owned()];
        }),
        ("an object of ours without our mark", |world| {
            world.settled();
            world.snapshot.registry.status = None;
            world.meddle(Slot::TrustAnchor, |live| {
                live["metadata"]["labels"].as_object_mut().unwrap().remove("app.kubernetes.io/managed-by");
                live["metadata"]["annotations"].as_object_mut().unwrap().remove("quay-operator/applied-hash");
            });
        }),
    ];
    for (name, mark) in marks {
        let mut world = World::new("empty-spec");
        mark(&mut world);
        assert_eq!(world.refused().reason(), Reason::AdoptionRequired, "{name}");
    }
    // control: without a mark it is made
    World::new("empty-spec").settled();
}

#[test]
fn our_own_registry_is_known_again_by_its_status() {
    let mut world = World::new("empty-spec");
    world.pass();
    world.start_pod();
    let report = world.pass();
    assert_eq!(report.status.current_version.as_deref(), Some("0.1.0"));
    assert_eq!(report.status.managed_by.as_deref(), Some(OURS));
    world.settled();
}
