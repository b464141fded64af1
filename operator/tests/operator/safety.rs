//! Data and keys: what must never happen, and that it would without the check (the control).

use quay_operator::names::Slot;
use quay_operator::plan::Reason;
use serde_json::json;

use crate::world::World;

fn running() -> World {
    let mut world = World::new("empty-spec");
    world.settled();
    world
}

#[test]
fn keys_are_not_made_anew_while_data_exists() {
    let mut world = running();
    world.remove(&[Slot::Keys]);
    let refusal = world.refused();
    assert_eq!(refusal.reason(), Reason::KeysMissing);
    assert!(refusal.to_string().contains("config.yaml of Secret example-quay-config-secret"), "{refusal}");
    // control: without data they are
    world.remove(&[Slot::Data]);
    world.settled();
    assert!(world.writes.contains(&Slot::Keys));
}

#[test]
fn half_of_the_keys_is_as_bad_as_none() {
    for key in ["SECRET_KEY", "DATABASE_SECRET_KEY"] {
        let mut world = running();
        world.meddle(Slot::Keys, |live| {
            live["data"].as_object_mut().unwrap().remove(key);
        });
        assert_eq!(world.refused().reason(), Reason::KeysMissing, "{key}");
    }
}

#[test]
fn keys_in_the_bundle_bring_a_registry_back_whose_keys_are_gone() {
    let mut world = running();
    let (session, database) = (
        world.value(Slot::Keys, "SECRET_KEY").unwrap(),
        world.value(Slot::Keys, "DATABASE_SECRET_KEY").unwrap(),
    );
    world.remove(&[Slot::Keys]);
    world = world.config(&format!("SECRET_KEY: '{session}'\nDATABASE_SECRET_KEY: '{database}'\n"));
    world.settled();
    assert_eq!(world.value(Slot::Keys, "DATABASE_SECRET_KEY"), Some(database));
}

#[test]
fn a_registry_is_not_started_empty_when_its_data_is_gone() {
    let mut world = running();
    world.remove(&[Slot::Data]);
    let refusal = world.refused();
    assert_eq!(refusal.reason(), Reason::DataMissing);
    assert!(
        refusal.to_string().contains("delete Secret example-quay-registry-managed-secret-keys"),
        "{refusal}"
    );
}

#[test]
fn data_recorded_elsewhere_is_not_replaced_by_an_empty_volume() {
    let mut world = running();
    world.meddle(Slot::Keys, |live| live["data"]["record.data"] = "cG9zdGdyZXM=".into());
    assert_eq!(world.refused().reason(), Reason::DataMissing);
}

#[test]
fn another_database_key_in_the_bundle_is_refused_while_data_exists() {
    let mut world = running().config("DATABASE_SECRET_KEY: another-key-of-sufficient-length\n");
    let refusal = world.refused();
    assert_eq!(refusal.reason(), Reason::ConfigInvalid);
    assert!(!refusal.to_string().contains("another-key-of-sufficient-length"));
    // control: before there is data it is taken
    let mut fresh =
        World::new("empty-spec").config("DATABASE_SECRET_KEY: another-key-of-sufficient-length\n");
    fresh.settled();
    assert_eq!(
        fresh.value(Slot::Keys, "DATABASE_SECRET_KEY").as_deref(),
        Some("another-key-of-sufficient-length")
    );
}

#[test]
fn a_key_of_the_bundle_is_stored_as_the_registry_reads_it() {
    for (written, read) in [
        ("12345678901234567", "12345678901234567"),
        ("' blanks are part of a key '", " blanks are part of a key "),
    ] {
        for key in ["SECRET_KEY", "DATABASE_SECRET_KEY"] {
            let mut world = World::new("empty-spec").config(&format!("{key}: {written}\n"));
            world.settled();
            assert_eq!(world.value(Slot::Keys, key).as_deref(), Some(read));
            assert_eq!(key_in_use(&world, key), read);
            // and stays when the bundle goes
            world.snapshot.registry.spec.config_bundle_secret = None;
            world.settled();
            assert_eq!(key_in_use(&world, key), read);
        }
    }
}

fn key_in_use(world: &World, key: &str) -> String {
    let config = quay_config::load(&world.value(Slot::Config, "config.yaml").unwrap()).unwrap().config;
    let found = if key == "SECRET_KEY" { config.secret_key } else { config.database_secret_key };
    found.unwrap().expose().to_owned()
}

#[test]
fn a_database_key_written_as_a_number_is_refused_while_data_exists() {
    let mut world = running().config("DATABASE_SECRET_KEY: 12345678901234567\n");
    assert_eq!(world.refused().reason(), Reason::ConfigInvalid);
}

#[test]
fn keys_of_a_stranger_are_not_taken_for_those_that_are_gone() {
    let foreign =
        "SECRET_KEY: a-foreign-key-long-enough\nDATABASE_SECRET_KEY: another-foreign-key-long-enough\n";
    for gone in [&[Slot::Keys][..], &[Slot::Keys, Slot::Config]] {
        let mut world = running().config(foreign);
        world.remove(gone);
        assert_eq!(world.refused().reason(), Reason::KeysMissing);
    }
    // control: without data they are taken
    let mut world = running().config(foreign);
    world.remove(&[Slot::Keys, Slot::Data]);
    world.settled();
}

#[test]
fn more_than_one_replica_is_refused_with_the_way_out() {
    let mut world = World::new("empty-spec")
        .spec(json!({"components": [{"kind": "quay", "managed": true, "overrides": {"replicas": 2}}]}));
    let refusal = world.refused();
    assert_eq!(refusal.reason(), Reason::ComponentOverrideInvalid);
    assert!(refusal.to_string().contains("set overrides.replicas to 1"), "{refusal}");
}

#[test]
fn pods_are_replaced_never_overlapped() {
    let world = running();
    let strategy = world.snapshot.children.deployment().unwrap().spec.unwrap().strategy.unwrap();
    assert_eq!(strategy.type_.as_deref(), Some("Recreate"));
}

#[test]
fn a_lost_authority_is_made_anew_and_told() {
    let mut world = running();
    let before = world.value(Slot::Authority, "ca.crt");
    world.remove(&[Slot::Authority]);
    world.settled();
    assert_ne!(world.value(Slot::Authority, "ca.crt"), before);
    assert!(world.writes.contains(&Slot::Config), "the leaf must come from the new authority");
    assert!(world.notices.iter().any(|n| n.reason == "CertificateAuthorityReplaced" && n.is_warning));
}

#[test]
fn a_broken_authority_is_not_replaced_silently() {
    let mut world = running();
    world.meddle(Slot::Authority, |live| live["data"]["ca.key"] = "bm9uc2Vuc2U=".into());
    assert_eq!(world.refused().reason(), Reason::ConfigInvalid);
}

#[test]
fn an_expired_authority_is_told_and_makes_no_loop_of_writes() {
    let mut world = running();
    world.snapshot.now += jiff::SignedDuration::from_hours(24 * 3651);
    let refusal = world.refused();
    assert_eq!(refusal.reason(), Reason::ConfigInvalid);
    assert!(refusal.to_string().contains("expired"), "{refusal}");
}

#[test]
fn an_authority_whose_making_was_interrupted_is_made() {
    let mut world = running();
    world.meddle(Slot::Authority, |live| live["data"] = json!({}));
    world.settled();
    assert!(world.value(Slot::Authority, "ca.key").is_some());
}

#[test]
fn our_authority_is_not_asked_about_a_certificate_of_the_user() {
    use quay_operator::{pki, version};
    let mut world = running();
    assert!(version::authority(&world.snapshot.children).is_some());
    let other = pki::authority("other", "ns", world.snapshot.now).unwrap();
    let names = ["quay.example.com".to_owned()].into();
    let pair = pki::issue(&other, &names, world.snapshot.now).unwrap();
    let mut world_with_bundle = world.config("SERVER_HOSTNAME: quay.example.com\n");
    let files = world_with_bundle.secrets.get_mut("my-config").unwrap();
    files.insert("ssl.cert".to_owned(), pair.certificate);
    files.insert("ssl.key".to_owned(), pair.key);
    world_with_bundle.settled();
    world = world_with_bundle;
    assert!(world.snapshot.children.has(Slot::Authority), "it is kept");
    assert!(version::authority(&world.snapshot.children).is_none());
}

#[test]
fn a_volume_neither_shrinks_nor_changes_its_class() {
    for storage in [
        json!({"size": "5Gi"}),
        json!({"storageClassName": "other"}),
        json!({"size": "0"}),
        json!({"size": "big"}),
    ] {
        let mut world = running().spec(json!({"storage": storage}));
        assert_eq!(world.refused().reason(), Reason::StorageInvalid, "{storage}");
    }
    // control: it grows
    let mut world = running().spec(json!({"storage": {"size": "20Gi"}}));
    world.settled();
    assert_eq!(world.writes, [Slot::Data]);
}

#[test]
fn secrets_do_not_show_in_what_is_printed_for_debugging() {
    let mut world = running();
    let secrets = [
        world.value(Slot::Keys, "SECRET_KEY").unwrap(),
        world.value(Slot::Keys, "DATABASE_SECRET_KEY").unwrap(),
        world.value(Slot::Admin, "password").unwrap(),
    ];
    let plan = world.settled();
    let prepared = quay_operator::build::children(&plan).unwrap();
    let text = format!("{plan:?} {prepared:?}");
    for secret in secrets {
        assert!(!text.contains(&secret));
    }
    assert!(!text.contains("PRIVATE KEY"));
}
