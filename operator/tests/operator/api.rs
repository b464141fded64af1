//! What is said to an API server, request by request.

use futures::FutureExt;
use http::{Method, Request, Response};
use kube::Client;
use kube::client::Body;
use quay_operator::child::Prepared;
use quay_operator::names::Slot;
use quay_operator::settings::Touch;
use quay_operator::snapshot::Children;
use quay_operator::{apply, build};
use serde_json::{Value, json};
use tower_test::mock::Handle;

use crate::world::World;

type Server = Handle<Request<Body>, Response<Body>>;

struct Said {
    method: Method,
    path: String,
    query: String,
    kind: String,
    body: Value,
}

async fn answer(server: &mut Server, status: impl Fn(&Said) -> u16) -> Said {
    let (request, reply) = server.next_request().await.expect("no request came");
    let (parts, body) = request.into_parts();
    let said = Said {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        kind: parts.headers["content-type"].to_str().unwrap().to_owned(),
        body: serde_json::from_slice(&body.collect_bytes().await.unwrap()).unwrap(),
    };
    let code = status(&said);
    let reply_body = if code == 200 {
        said.body.clone()
    } else {
        json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": "Invalid", "message": "no such thing"})
    };
    reply.send_response(
        Response::builder().status(code).body(Body::from(serde_json::to_vec(&reply_body).unwrap())).unwrap(),
    );
    said
}

fn api() -> (Client, Server) {
    let (service, server) = tower_test::mock::pair();
    (Client::new(service, "team"), server)
}

/// Whether no request is left that nobody has answered.
fn nothing_more(client: Client, mut server: Server) -> bool {
    drop(client);
    server.next_request().now_or_never().flatten().is_none()
}

/// A settled world, and what it is made of.
fn settled() -> (World, Vec<Prepared>) {
    let mut world = World::new("empty-spec");
    let prepared = build::children(&world.settled()).unwrap();
    (world, prepared)
}

#[tokio::test]
async fn a_child_is_applied_strictly_by_force_and_under_one_name() {
    let (_, prepared) = settled();
    let (client, mut server) = api();
    let mut live = Children::default();
    let (written, said) = tokio::join!(apply::children(&client, "team", &prepared, &mut live), async {
        let mut said = Vec::new();
        // what cannot be made twice is created before it is applied
        while said.iter().filter(|said: &&Said| said.method == Method::PATCH).count() < prepared.len() {
            said.push(answer(&mut server, |_| 200).await);
        }
        said
    });
    assert_eq!(written.unwrap().len(), 9);
    let created: Vec<_> = said.iter().filter(|said| said.method != Method::PATCH).collect();
    assert_eq!(created.len(), 3);
    assert!(created.iter().all(|said| said.method == Method::POST && said.body["data"].is_null()));
    let said: Vec<_> = said.iter().filter(|said| said.method == Method::PATCH).collect();
    assert!(said[0].path.ends_with("/secrets/example-quay-registry-managed-secret-keys"), "{}", said[0].path);
    assert_eq!(
        said[0].query.trim_start_matches('&'),
        "force=true&fieldManager=quay-operator&fieldValidation=Strict"
    );
    assert!(said[8].path.ends_with("/deployments/example-quay-app"), "{}", said[8].path);
    for said in said {
        let is_made = created.iter().any(|made| {
            said.path == format!("{}/{}", made.path, made.body["metadata"]["name"].as_str().unwrap())
        });
        // a version that no object has: what appeared since it was looked for is not written over
        let version = if is_made { json!(null) } else { json!("1") };
        assert_eq!(said.body["metadata"]["resourceVersion"], version, "{}", said.path);
        assert!(said.body["metadata"]["managedFields"].is_null());
    }
}

#[tokio::test]
async fn a_route_that_is_not_wanted_any_more_goes_unless_it_has_changed_since() {
    for (code, is_gone) in [(200, true), (404, true), (409, false)] {
        let mut world = World::new("routes");
        world.settled();
        world.meddle(Slot::Route, |live| live["metadata"]["resourceVersion"] = "7".into());
        let mut children = world.snapshot.children.clone();
        let mut prepared = build::children(&world.settled()).unwrap();
        prepared.retain(|child| child.slot != Slot::Route);
        let (client, mut server) = api();
        let (removed, said) = tokio::join!(
            apply::remove_unwanted(&client, "team", &prepared, &mut children),
            answer(&mut server, |_| code)
        );
        assert_eq!(said.method, Method::DELETE);
        assert!(said.path.ends_with("/namespaces/team/routes/example-quay"), "{}", said.path);
        assert_eq!(said.body["preconditions"], json!({"uid": "uid-of-Route", "resourceVersion": "7"}));
        assert_eq!(removed.is_ok(), is_gone);
        assert_eq!(children.has(Slot::Route), !is_gone);
    }
}

#[tokio::test]
async fn a_pod_is_touched_in_its_annotation_alone_and_only_that_very_pod() {
    let touch = Touch { pod: "p".to_owned(), uid: "u".to_owned(), value: "v".to_owned() };
    let (client, mut server) = api();
    let (touched, said) = tokio::join!(apply::touch(&client, "team", &touch), answer(&mut server, |_| 200));
    touched.unwrap();
    assert_eq!((said.method, said.path.as_str()), (Method::PATCH, "/api/v1/namespaces/team/pods/p"));
    assert_eq!(said.kind, "application/merge-patch+json");
    assert_eq!(said.body, json!({"metadata": {"uid": "u", "annotations": {"quay-operator/settings": "v"}}}));
}

#[tokio::test]
async fn a_settled_registry_makes_no_request() {
    let (mut world, prepared) = settled();
    let (client, server) = api();
    let written = apply::children(&client, "team", &prepared, &mut world.snapshot.children).await.unwrap();
    assert_eq!(written, []);
    assert!(nothing_more(client, server), "a request was made");
}

#[tokio::test]
async fn without_its_keys_no_volume_is_made() {
    let (_, prepared) = settled();
    let (client, mut server) = api();
    let mut live = Children::default();
    let (written, said) =
        tokio::join!(apply::children(&client, "team", &prepared, &mut live), answer(&mut server, |_| 422));
    let failure = written.unwrap_err();
    assert_eq!(
        failure.to_string(),
        "Secret example-quay-registry-managed-secret-keys could not be written: no such thing"
    );
    assert!(!failure.is_transient);
    assert!(said.path.ends_with("/secrets"));
    assert_eq!(said.body["metadata"]["name"], "example-quay-registry-managed-secret-keys");
    assert!(!live.has(Slot::Data));
    assert!(nothing_more(client, server), "a later wave was written");
}

#[tokio::test]
async fn what_a_rolling_update_left_behind_is_taken_away_before_the_apply() {
    let (mut world, prepared) = settled();
    world.meddle(Slot::App, |live| {
        live["spec"]["strategy"] = json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}});
    });
    let (client, mut server) = api();
    let (written, said) =
        tokio::join!(apply::children(&client, "team", &prepared, &mut world.snapshot.children), async {
            (answer(&mut server, |_| 200).await, answer(&mut server, |_| 200).await)
        });
    assert_eq!(written.unwrap(), [Slot::App]);
    assert_eq!(said.0.body, json!({"spec": {"strategy": {"type": "Recreate", "rollingUpdate": null}}}));
    assert_eq!(
        (said.0.kind.as_str(), said.1.kind.as_str()),
        ("application/merge-patch+json", "application/apply-patch+yaml")
    );
}

#[tokio::test]
async fn keys_that_appear_between_reading_and_writing_are_left_as_they_are() {
    let (_, prepared) = settled();
    let (client, mut server) = api();
    let mut live = Children::default();
    let (written, said) =
        tokio::join!(apply::children(&client, "team", &prepared, &mut live), answer(&mut server, |_| 409));
    assert!(written.unwrap_err().is_transient);
    assert_eq!(said.method, Method::POST);
    assert!(nothing_more(client, server), "it was written all the same");
}

#[tokio::test]
async fn a_write_is_for_the_very_object_that_was_read() {
    let (mut world, prepared) = settled();
    for (slot, version) in [(Slot::Keys, json!("7")), (Slot::Data, json!(null))] {
        world.meddle(slot, |live| {
            live["metadata"]["annotations"] = json!({});
            live["metadata"]["resourceVersion"] = "7".into();
        });
        let (client, mut server) = api();
        let (written, said) = tokio::join!(
            apply::children(&client, "team", &prepared, &mut world.snapshot.children),
            answer(&mut server, |_| 200)
        );
        assert_eq!(written.unwrap(), [slot]);
        assert_eq!(said.body["metadata"]["uid"], format!("uid-of-{slot:?}"));
        assert_eq!(said.body["metadata"]["resourceVersion"], version);
    }
}
