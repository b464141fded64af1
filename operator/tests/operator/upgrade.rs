//! A new version of the registry, and one that cannot take the database over.

use quay_operator::names::{FAILED_IMAGE, PREVIOUS_IMAGE, Slot};
use quay_operator::plan::Plan;
use serde_json::json;

use crate::world::{World, condition};

const OLD: &str = "localhost/quay-registry:0.1.0";
const NEW: &str = "localhost/quay-registry:0.2.0";
/// `EX_DATAERR`: what the registry ends with when it leaves the database as it is.
const REFUSED: i32 = 65;

fn running() -> World {
    let mut world = World::new("empty-spec");
    world.pass();
    world.start_pod();
    world.pass();
    world
}

fn image(plan: &Plan) -> &str {
    &plan.app.as_ref().unwrap().image.name
}

fn mark(world: &World, key: &str) -> Option<String> {
    world.snapshot.children.meta(Slot::App)?.annotations.as_ref()?.get(key).cloned()
}

/// The operator brings the new image, and its pod ends with this exit code.
fn upgraded(code: i32) -> World {
    let mut world = running();
    world.snapshot.platform.image = NEW.to_owned();
    assert_eq!(image(&world.settled()), NEW);
    world.pods(json!([{
        "metadata": {"name": "example-quay-app-2"},
        "spec": {"containers": [{"name": "quay-app", "image": NEW}]},
        "status": {"containerStatuses": [{
            "name": "quay-app", "image": NEW, "imageID": "", "ready": false, "restartCount": 1,
            "state": {"waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": {"terminated": {"exitCode": code, "message": "migration 2 (labels) failed and was undone"}}
        }]}
    }]));
    world
}

#[test]
fn a_new_image_is_rolled_out_and_the_one_before_it_remembered() {
    let world = upgraded(0);
    assert_eq!(mark(&world, PREVIOUS_IMAGE).as_deref(), Some(OLD));
    assert_eq!(mark(&world, FAILED_IMAGE), None);
}

#[test]
fn an_image_that_cannot_take_the_database_over_gives_way_to_the_one_before() {
    let mut world = upgraded(REFUSED);
    let report = world.pass();
    assert_eq!(world.writes, [Slot::App]);
    assert_eq!(mark(&world, FAILED_IMAGE).as_deref(), Some(NEW));
    let (status, reason, message) = condition(&report.status, "RolloutBlocked");
    assert_eq!((status.as_str(), reason.as_str()), ("True", "MigrationsFailed"));
    assert!(message.contains(NEW) && message.contains(OLD) && message.contains(FAILED_IMAGE), "{message}");
    assert!(report.events.iter().any(|event| event.is_warning && event.reason == "MigrationsFailed"));

    // the pod of the new image is gone; the old one serves, and stays
    world.pods(json!([]));
    world.start_pod();
    let report = world.pass();
    assert_eq!(world.writes, []);
    assert_eq!(image(&world.settled()), OLD);
    assert_eq!(condition(&report.status, "Available").0, "True");
    assert_eq!(condition(&report.status, "RolloutBlocked").1, "MigrationsFailed");
}

#[test]
fn a_registry_that_ends_for_another_reason_keeps_its_image() {
    let mut world = upgraded(1);
    assert_eq!(image(&world.settled()), NEW);
    assert_eq!(condition(&world.pass().status, "RolloutBlocked").0, "False");
}

#[test]
fn a_third_image_is_tried_and_the_block_ends() {
    let mut world = upgraded(REFUSED);
    world.pass();
    world.pods(json!([]));
    let third = "localhost/quay-registry:0.2.1";
    world.snapshot.platform.image = third.to_owned();
    let report = world.pass();
    assert_eq!(image(&world.settled()), third);
    assert_eq!(mark(&world, PREVIOUS_IMAGE).as_deref(), Some(OLD));
    assert_eq!(condition(&report.status, "RolloutBlocked").0, "False");
}

#[test]
fn removing_the_mark_tries_the_failed_image_again() {
    let mut world = upgraded(REFUSED);
    world.pass();
    world.pods(json!([]));
    world.meddle(Slot::App, |live| {
        live["metadata"]["annotations"].as_object_mut().unwrap().remove(FAILED_IMAGE);
    });
    assert_eq!(image(&world.settled()), NEW);
    assert_eq!(mark(&world, PREVIOUS_IMAGE).as_deref(), Some(OLD));
}

#[test]
fn without_an_image_before_there_is_nothing_to_go_back_to() {
    let mut world = World::new("empty-spec");
    world.settled();
    world.pods(json!([{
        "metadata": {"name": "example-quay-app-1"},
        "spec": {"containers": [{"name": "quay-app", "image": OLD}]},
        "status": {"containerStatuses": [{
            "name": "quay-app", "image": OLD, "imageID": "", "ready": false, "restartCount": 1,
            "state": {"terminated": {"exitCode": REFUSED}}
        }]}
    }]));
    assert_eq!(image(&world.settled()), OLD);
    assert_eq!(world.writes, []);
}
