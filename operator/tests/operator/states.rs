//! What the status says on the way.

use insta::assert_snapshot;
use quay_operator::crd::ConditionType;
use quay_operator::names::Slot;
use serde_json::json;

use crate::world::{World, condition, status_yaml};

#[test]
fn a_registry_becomes_available_and_says_where_and_how() {
    let mut world = World::new("empty-spec");
    let first = world.pass();
    assert_snapshot!("made", status_yaml(&first.status));
    assert_eq!(condition(&first.status, "Available").0, "False");

    world.start_pod();
    let second = world.pass();
    assert_snapshot!("available", status_yaml(&second.status));
    let told: Vec<_> = second.events.iter().map(|e| (e.reason.as_ref(), e.message.as_str())).collect();
    assert_eq!(
        told,
        [
            (
                "Available",
                "the registry answers at https://10.0.0.1:30443; the first user and its password are in Secret \
                 example-quay-admin; clients must trust ca.crt of ConfigMap example-quay-ca"
            ),
            ("VersionReported", "the registry runs version 0.1.0"),
            ("ArtifactPolicy", "in force now: every artifact type is accepted"),
        ]
    );

    let third = world.pass();
    assert_eq!(third.status, second.status, "a settled pass changes nothing");
    assert_eq!(third.events, []);
}

#[test]
fn all_conditions_stand_in_upstreams_order_whatever_happens() {
    let worlds = [
        World::new("empty-spec"),
        World::new("upstream"),
        World::new("openshift"),
        World::new("empty-spec").config("DEFAULT_TAG_EXPIRATION: soon\n"),
        World::new("empty-spec").spec(json!({"exposure": {"type": "LoadBalancer"}})),
    ];
    for mut world in worlds {
        let types: Vec<_> = world.pass().status.conditions.into_iter().filter_map(|c| c.type_).collect();
        assert_eq!(types, ConditionType::ALL.map(ConditionType::as_str));
    }
}

#[test]
fn a_change_of_what_the_registry_accepts_is_told_once_and_stays_while_nobody_answers() {
    let mut world = World::available("empty-spec");
    world.snapshot.reported.as_mut().unwrap().artifact_policy = Some("OCI manifests are refused".to_owned());
    let report = world.pass();
    let told: Vec<_> = report.events.iter().map(|e| (e.reason.as_ref(), e.message.as_str())).collect();
    assert_eq!(told, [("ArtifactPolicy", "in force now: OCI manifests are refused")]);
    world.snapshot.reported = None;
    let report = world.pass();
    assert_eq!(report.status.artifact_policy.as_deref(), Some("OCI manifests are refused"));
    assert_eq!(report.events, []);
}

#[test]
fn times_tell_when_a_status_changed_not_when_it_was_looked_at() {
    let mut world = World::new("empty-spec");
    let first = world.pass().status;
    world.snapshot.now += jiff::SignedDuration::from_secs(60);
    world.start_pod();
    let second = world.pass().status;
    let times = |status: &quay_operator::crd::QuayRegistryStatus, type_: &str| {
        status
            .conditions
            .iter()
            .find(|c| c.type_.as_deref() == Some(type_))
            .unwrap()
            .last_transition_time
            .clone()
            .unwrap()
    };
    assert_eq!(times(&first, "RolloutBlocked"), times(&second, "RolloutBlocked"));
    assert_eq!(times(&second, "Available"), "2026-05-01T12:01:00Z");
    assert_eq!(second.last_updated.as_deref(), Some("2026-05-01T12:01:00Z"));
}

#[test]
fn a_running_registry_stays_available_while_a_wrong_bundle_blocks_the_rollout() {
    let mut world = World::available("empty-spec");
    world = world.config("DEFAULT_TAG_EXPIRATION: soon\n");
    let report = world.pass();
    assert_eq!(condition(&report.status, "Available").0, "True");
    assert_eq!(condition(&report.status, "ComponentsCreated").0, "True");
    let (status, reason, message) = condition(&report.status, "RolloutBlocked");
    assert_eq!((status.as_str(), reason.as_str()), ("True", "ConfigInvalid"));
    assert!(message.contains("DEFAULT_TAG_EXPIRATION"));
    assert!(report.events.iter().any(|event| event.is_warning && event.reason == "ConfigInvalid"));
    assert_eq!(report.status.registry_endpoint.as_deref(), Some("https://10.0.0.1:30443"));

    world.secrets.get_mut("my-config").unwrap().insert("config.yaml".to_owned(), String::new());
    let report = world.pass();
    assert_eq!(condition(&report.status, "RolloutBlocked").0, "False");
    assert!(report.events.iter().any(|event| event.reason == "RolloutUnblocked"));
}

#[test]
fn the_generation_that_was_looked_at_is_told_even_when_it_is_refused() {
    let mut world = World::new("empty-spec").config("DEFAULT_TAG_EXPIRATION: soon\n");
    world.snapshot.registry.metadata.generation = Some(7);
    assert_eq!(world.pass().status.observed_generation, Some(7));
}

#[test]
fn a_pod_in_trouble_is_explained() {
    let pod =
        |status: serde_json::Value| json!([{"metadata": {"name": "example-quay-app-1"}, "status": status}]);
    for (status, hint) in [
        (
            json!({"containerStatuses": [{"name": "quay-app", "image": "i", "imageID": "", "ready": false, "restartCount": 0,
                "state": {"waiting": {"reason": "ImagePullBackOff", "message": "not found"}}}]}),
            "cannot be pulled",
        ),
        (
            json!({"containerStatuses": [{"name": "quay-app", "image": "i", "imageID": "", "ready": false, "restartCount": 4,
                "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                "lastState": {"terminated": {"exitCode": 3, "message": "the volume is full"}}}]}),
            "the volume is full",
        ),
        (
            json!({"conditions": [{"type": "PodScheduled", "status": "False", "message": "0/1 nodes are available"}]}),
            "0/1 nodes",
        ),
    ] {
        let mut world = World::new("empty-spec");
        world.pass();
        world.meddle(Slot::App, |live| live["status"] = json!({"observedGeneration": 1, "replicas": 1}));
        world.pods(pod(status));
        let (status, reason, message) = condition(&world.pass().status, "ComponentQuayReady");
        assert_eq!((status.as_str(), reason.as_str()), ("False", "ComponentNotReady"));
        assert!(message.contains(hint), "{message}");
    }
}

#[test]
fn a_volume_that_does_not_come_is_explained() {
    for (has_default_class, hint) in
        [(false, "set spec.storage.storageClassName"), (true, "its provisioner (standard)")]
    {
        let mut world = World::new("empty-spec");
        world.has_default_class = has_default_class;
        world.volume_phase = "Pending";
        let (status, reason, message) = condition(&world.pass().status, "ComponentObjectStorageReady");
        assert_eq!((status.as_str(), reason.as_str()), ("False", "PVCPending"));
        assert!(message.contains(hint), "{message}");
    }
}

#[test]
fn a_stopped_registry_is_healthy() {
    let mut world = World::new("empty-spec")
        .spec(json!({"components": [{"kind": "quay", "managed": true, "overrides": {"replicas": 0}}]}));
    assert_eq!(condition(&world.pass().status, "ComponentQuayReady").2, "Quay manually scaled down");
}

#[test]
fn redis_is_accepted_and_said_to_be_unneeded() {
    let mut world =
        World::new("empty-spec").spec(json!({"components": [{"kind": "redis", "managed": true}]}));
    let (status, reason, message) = condition(&world.pass().status, "ComponentRedisReady");
    assert_eq!((status.as_str(), reason.as_str()), ("True", "ComponentReady"));
    assert!(message.contains("not needed"), "{message}");
}

#[test]
fn an_authority_that_ends_within_half_a_year_is_announced_once() {
    let mut world = World::new("empty-spec");
    world.pass();
    world.start_pod();
    world.snapshot.now += jiff::SignedDuration::from_hours(24 * 3469);
    assert!(!condition(&world.pass().status, "ComponentTLSReady").2.contains("ends on"));
    world.snapshot.now += jiff::SignedDuration::from_hours(48);
    let report = world.pass();
    let (status, reason, message) = condition(&report.status, "ComponentTLSReady");
    assert_eq!((status.as_str(), reason.as_str()), ("True", "ComponentReady"));
    assert!(message.contains("ends on 2036-04-28: delete Secret example-quay-ca"), "{message}");
    assert!(report.events.iter().any(|event| event.reason == "CertificateEnds" && event.is_warning));
    assert_eq!(world.pass().events, []);
}

#[test]
fn a_certificate_of_the_user_that_ends_within_three_weeks_is_announced() {
    let mut world = World::new("empty-spec").certificate("quay.example.com");
    world.pass();
    world.snapshot.now += jiff::SignedDuration::from_hours(24 * 70);
    let report = world.pass();
    let (status, _, message) = condition(&report.status, "ComponentTLSReady");
    assert!(status == "True" && message.contains("the certificate ends on 2026-07-30"), "{message}");
    assert!(report.events.iter().any(|event| event.reason == "CertificateEnds"));
}

#[test]
fn an_expired_certificate_of_the_user_makes_the_registry_unavailable() {
    let mut world = World::new("empty-spec").certificate("quay.example.com");
    world.pass();
    world.start_pod();
    assert_eq!(condition(&world.pass().status, "ComponentTLSReady").2, "Config bundle contains certs");
    world.snapshot.now += jiff::SignedDuration::from_hours(24 * 91);
    let report = world.pass();
    assert!(condition(&report.status, "ComponentTLSReady").2.contains("expired"));
    assert_eq!(condition(&report.status, "Available").0, "False");
    assert!(report.events.iter().any(|event| event.reason == "Unavailable"));
}
