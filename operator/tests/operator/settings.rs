//! What a registry may ask for, and what it is told when that cannot be.

use quay_operator::plan::Reason;
use serde_json::{Value, json};

use crate::world::World;

fn component(kind: &str, managed: bool) -> Value {
    json!({"components": [{"kind": kind, "managed": managed}]})
}

#[test]
fn what_this_version_cannot_do_is_named_with_the_way_out() {
    for (spec, what) in [
        (component("postgres", true), "a managed postgres"),
        (component("clair", true), "a managed clair"),
        (component("clairpostgres", true), "a managed clair"),
        (component("mirror", true), "a managed mirror"),
        (component("horizontalpodautoscaler", true), "exactly one writer"),
        (json!({"exposure": {"type": "Ingress", "hostname": "quay.example.com"}}), "an Ingress"),
        (json!({"exposure": {"type": "Gateway", "hostname": "quay.example.com"}}), "the Gateway API"),
    ] {
        let refusal = World::new("empty-spec").spec(spec).refused();
        assert_eq!(refusal.reason(), Reason::CapabilityMissing);
        assert!(refusal.to_string().contains(what), "{refusal}");
        assert!(refusal.to_string().contains("remove") || refusal.to_string().contains("set "), "{refusal}");
    }
}

#[test]
fn storage_and_databases_elsewhere_are_refused_and_the_embedded_ones_are_not() {
    let s3 = "DISTRIBUTED_STORAGE_CONFIG: {default: [S3Storage, {s3_bucket: b}]}\n";
    for config in [s3, "DB_URI: postgresql://u:p@db/quay\n"] {
        let refusal = World::new("empty-spec").config(config).refused();
        assert!(refusal.problems.iter().any(|p| p.reason == Reason::CapabilityMissing), "{refusal}");
    }
    let local =
        "DISTRIBUTED_STORAGE_CONFIG: {default: [LocalStorage, {storage_path: /datastorage/registry}]}\n";
    World::new("empty-spec").config(local).settled();
}

#[test]
fn a_missing_api_has_its_own_reason() {
    for (spec, reason) in [
        (component("objectstorage", true), Reason::ObjectStorageComponentDependencyError),
        (component("monitoring", true), Reason::MonitoringComponentDependencyError),
        (component("route", true), Reason::RouteComponentDependencyError),
        (json!({"exposure": {"type": "Route"}}), Reason::RouteComponentDependencyError),
    ] {
        assert_eq!(World::new("empty-spec").spec(spec.clone()).refused().reason(), reason, "{spec}");
    }
}

#[test]
fn an_api_that_is_there_but_not_used_yet_is_a_missing_capability() {
    for (spec, group) in [
        (component("objectstorage", true), "objectbucket.io"),
        (component("monitoring", true), "monitoring.coreos.com"),
    ] {
        let mut world = World::new("empty-spec").spec(spec.clone());
        world.snapshot.platform.api_groups.insert(group.to_owned());
        assert_eq!(world.refused().reason(), Reason::CapabilityMissing, "{spec}");
    }
}

#[test]
fn a_component_that_is_not_managed_needs_its_settings() {
    for (kind, key) in
        [("postgres", "DB_URI"), ("objectstorage", "DISTRIBUTED_STORAGE_CONFIG"), ("tls", "ssl.cert")]
    {
        let refusal = World::new("empty-spec").spec(component(kind, false)).refused();
        assert_eq!(refusal.reason(), Reason::ConfigInvalid, "{kind}");
        assert!(refusal.to_string().contains(key), "{refusal}");
    }
}

#[test]
fn components_that_may_be_off_or_are_not_needed_block_nothing() {
    for spec in [
        component("redis", true),
        component("redis", false),
        component("mirror", false),
        component("clair", false),
        component("clairpostgres", false),
        component("monitoring", false),
        component("horizontalpodautoscaler", false),
        component("tls", true),
        component("quay", true),
    ] {
        World::new("empty-spec").spec(spec).settled();
    }
}

#[test]
fn a_wrong_bundle_is_told_in_full_and_nothing_is_rolled_out() {
    let refusal = World::new("empty-spec")
        .config("SERVER_HOSTNAME: https://quay.example.com/\nSUPER_USERS: 3\nDEFAULT_TAG_EXPIRATION: soon\n")
        .refused();
    assert!(refusal.problems.len() >= 3, "{refusal}");
    assert!(refusal.problems.iter().all(|problem| problem.reason == Reason::ConfigInvalid));
    for key in ["SERVER_HOSTNAME", "SUPER_USERS", "DEFAULT_TAG_EXPIRATION"] {
        assert!(refusal.to_string().contains(key), "{refusal}");
    }
}

#[test]
fn a_wrong_bundle_is_told_even_while_the_address_is_not_known() {
    let refusal = World::new("empty-spec")
        .spec(json!({"exposure": {"type": "LoadBalancer"}}))
        .config("DEFAULT_TAG_EXPIRATION: soon\n")
        .refused();
    assert_eq!(refusal.reason(), Reason::ConfigInvalid);
}

#[test]
fn a_host_is_taken_as_the_registry_reads_it() {
    let mut world = World::new("empty-spec").config("SERVER_HOSTNAME: ' quay.example.com '\n");
    let plan = world.settled();
    assert_eq!(plan.exposure.host.as_deref(), Some("quay.example.com"));
    assert!(plan.exposure.names.iter().all(|name| name.trim() == name), "{:?}", plan.exposure.names);
}

#[test]
fn a_host_for_which_no_certificate_can_be_made_is_told() {
    for spec in
        [json!({}), json!({"exposure": {"type": "None"}}), json!({"exposure": {"type": "LoadBalancer"}})]
    {
        // in a running registry as well
        let mut world = World::new("empty-spec");
        world.settled();
        for mut world in [World::new("empty-spec"), world] {
            world.snapshot.registry.spec = serde_json::from_value(spec.clone()).unwrap();
            let mut world = world.config("SERVER_HOSTNAME: quäy.example.com\n");
            let End::Refused(refusal) = world.settle() else { panic!("{spec} was not refused") };
            assert_eq!(refusal.reason(), Reason::ConfigInvalid);
            assert!(refusal.to_string().contains("SERVER_HOSTNAME"), "{refusal}");
        }
    }
}

#[test]
fn a_wrong_host_of_the_spec_is_not_told_as_the_bundles() {
    let refusal = World::new("empty-spec")
        .spec(json!({"exposure": {"type": "None", "hostname": "quay.example.com:99999"}}))
        .refused();
    assert!(refusal.to_string().starts_with("spec.exposure.hostname: "), "{refusal}");
}

#[test]
fn a_bundle_that_does_not_exist_is_named() {
    let refusal = World::new("empty-spec").spec(json!({"configBundleSecret": "nowhere"})).refused();
    assert_eq!(refusal.reason(), Reason::ConfigInvalid);
    assert!(refusal.to_string().contains("Secret nowhere"), "{refusal}");
}

#[test]
fn overrides_that_a_component_does_not_take_are_refused() {
    for (kind, overrides, hint) in [
        ("quay", json!({"volumeSize": "10Gi"}), "set spec.storage.size"),
        ("quay", json!({"storageClassName": "fast"}), "set spec.storage.storageClassName"),
        ("redis", json!({"replicas": 2}), "remove it"),
        ("tls", json!({"env": [{"name": "A"}]}), "remove it"),
        ("redis", json!({"securityContext": {}}), "remove it"),
    ] {
        let spec = json!({"components": [{"kind": kind, "managed": true, "overrides": overrides}]});
        let refusal = World::new("empty-spec").spec(spec).refused();
        assert_eq!(refusal.reason(), Reason::ComponentOverrideInvalid, "{kind}");
        assert!(refusal.to_string().contains(hint), "{refusal}");
    }
}

#[test]
fn a_registry_that_the_user_exposes_needs_its_name() {
    for spec in [component("route", false), json!({"exposure": {"type": "None"}})] {
        assert_eq!(World::new("empty-spec").spec(spec.clone()).refused().reason(), Reason::ConfigInvalid);
        let mut named = World::new("empty-spec").spec(spec).config("SERVER_HOSTNAME: quay.example.com\n");
        assert_eq!(named.settled().exposure.host.as_deref(), Some("quay.example.com"));
    }
}

#[test]
fn the_host_comes_from_the_bundle_then_from_the_spec_then_from_the_object() {
    let exposure = json!({"exposure": {"hostname": "spec.example.com"}});
    let host = |world: &mut World| world.settled().exposure.host.unwrap();
    let mut both =
        World::new("empty-spec").spec(exposure.clone()).config("SERVER_HOSTNAME: bundle.example.com\n");
    assert_eq!(host(&mut both), "bundle.example.com");
    assert_eq!(host(&mut World::new("empty-spec").spec(exposure)), "spec.example.com:30443");
    let mut with_port =
        World::new("empty-spec").spec(json!({"exposure": {"hostname": "spec.example.com:443"}}));
    assert_eq!(host(&mut with_port), "spec.example.com:443");
    assert_eq!(host(&mut World::new("empty-spec")), "10.0.0.1:30443");
    assert_eq!(host(&mut World::new("openshift")), "lb.example.com");
}

#[test]
fn a_certificate_of_the_user_is_served_after_a_check() {
    let now = crate::world::START.parse().unwrap();
    let ca = quay_operator::pki::authority("any", "any", now).unwrap();
    let names = ["quay.example.com".to_owned()].into();
    let pair = quay_operator::pki::issue(&ca, &names, now).unwrap();
    let with = |host: &str, certificate: &str, key: &str| {
        let mut world = World::new("empty-spec").config(&format!("SERVER_HOSTNAME: {host}\n"));
        let files = world.secrets.get_mut("my-config").unwrap();
        files.insert("ssl.cert".to_owned(), certificate.to_owned());
        files.insert("ssl.key".to_owned(), key.to_owned());
        world
    };
    let mut good = with("quay.example.com", &pair.certificate, &pair.key);
    good.settled();
    assert_eq!(good.value(quay_operator::names::Slot::Config, "ssl.cert"), Some(pair.certificate.clone()));
    assert!(!good.snapshot.children.has(quay_operator::names::Slot::Authority));

    let other = quay_operator::pki::issue(&ca, &names, now).unwrap();
    for (mut world, hint) in [
        (with("other.example.com", &pair.certificate, &pair.key), "not valid for other.example.com"),
        (with("quay.example.com", &pair.certificate, &other.key), "does not belong"),
        (with("quay.example.com", "nonsense", &pair.key), "no certificate"),
    ] {
        let End::Refused(refusal) = world.settle() else { panic!("not refused: {hint}") };
        assert!(refusal.to_string().contains(hint), "{refusal}");
        assert!(!world.snapshot.children.has(quay_operator::names::Slot::App));
    }
}

#[test]
fn a_secret_of_the_tls_component_is_served() {
    let now = crate::world::START.parse().unwrap();
    let ca = quay_operator::pki::authority("any", "any", now).unwrap();
    let pair = quay_operator::pki::issue(&ca, &["quay.example.com".to_owned()].into(), now).unwrap();
    let spec = json!({
        "exposure": {"hostname": "quay.example.com"},
        "components": [{"kind": "tls", "managed": false, "secretRef": {"name": "my-tls"}}],
    });
    let mut missing = World::new("empty-spec").spec(spec.clone());
    assert!(missing.refused().to_string().contains("Secret my-tls"));

    let mut world = World::new("empty-spec").spec(spec);
    let files = [("tls.crt".to_owned(), pair.certificate.clone()), ("tls.key".to_owned(), pair.key)];
    world.secrets.insert("my-tls".to_owned(), files.into());
    world.settled();
    assert_eq!(world.value(quay_operator::names::Slot::Config, "ssl.cert"), Some(pair.certificate));

    world.secret_type = "Opaque".to_owned();
    assert!(world.refused().to_string().contains("kubernetes.io/tls"));
}

use crate::world::End;
