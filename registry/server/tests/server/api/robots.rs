//! Robots: made, shown, given other tokens, and let into repositories.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{alice, script};
use crate::temporary::{As, HOST, Registry};

/// Whether a robot may push to a repository right now.
async fn may_push(registry: &Registry, robot: &str, token: &Value, repository: &str) -> StatusCode {
    let basic = BASE64_STANDARD.encode(format!("{robot}:{}", token.as_str().expect("a token")));
    let request = http::Request::post(format!("/v2/{repository}/blobs/uploads/"))
        .header("host", HOST)
        .header("authorization", format!("Basic {basic}"))
        .body(axum::body::Body::empty())
        .expect("a request");
    registry.send(request).await.status
}

#[tokio::test]
async fn a_robot_of_an_organization_lives_its_life() {
    let registry = Registry::new().await;
    let path = "/api/v1/organization/charts/robots/builder";
    let made = alice(&registry, Method::PUT, path, Some(json!({"description": "builds"})), 201).await.json();
    assert_eq!((&made["name"], &made["description"]), (&json!("charts+builder"), &json!("builds")));
    let token = made["token"].clone();
    assert_eq!(token.as_str().expect("a token").len(), 64);
    let again = alice(&registry, Method::PUT, path, None, 400).await;
    assert_eq!(again.json()["detail"], "Existing robot with name: charts+builder");

    assert_eq!(alice(&registry, Method::GET, path, None, 200).await.json()["token"], token);
    let all = alice(&registry, Method::GET, "/api/v1/organization/charts/robots", None, 200).await.json();
    let names: Vec<_> =
        all["robots"].as_array().expect("robots").iter().map(|robot| robot["name"].clone()).collect();
    assert_eq!(names, ["charts+builder", "charts+ci"]);
    let bare =
        alice(&registry, Method::GET, "/api/v1/organization/charts/robots?token=false&limit=1", None, 200)
            .await
            .json();
    assert_eq!(bare["robots"].as_array().expect("robots").len(), 1);
    assert!(bare["robots"][0].get("token").is_none());

    assert_eq!(may_push(&registry, "charts+builder", &token, "charts/new").await, StatusCode::FORBIDDEN);
    let renewed = alice(&registry, Method::POST, &format!("{path}/regenerate"), None, 200).await.json();
    assert_ne!(renewed["token"], token);
    assert_eq!(may_push(&registry, "charts+builder", &token, "charts/new").await, StatusCode::UNAUTHORIZED);

    alice(&registry, Method::DELETE, path, None, 204).await;
    alice(&registry, Method::GET, path, None, 404).await;
    assert_eq!(
        may_push(&registry, "charts+builder", &renewed["token"], "charts/new").await,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn a_robot_may_push_what_it_was_granted_and_nothing_else() {
    let registry = Registry::new().await;
    let made =
        alice(&registry, Method::PUT, "/api/v1/organization/charts/robots/builder", None, 201).await.json();
    let push =
        async |repository: &str| may_push(&registry, "charts+builder", &made["token"], repository).await;
    for name in ["demo", "other"] {
        let new =
            json!({"namespace": "charts", "repository": name, "visibility": "private", "description": ""});
        alice(&registry, Method::POST, "/api/v1/repository", Some(new), 201).await;
        assert_eq!(push(&format!("charts/{name}")).await, StatusCode::FORBIDDEN);
    }
    let grant = "/api/v1/repository/charts/demo/permissions/user/charts+builder";
    let granted = alice(&registry, Method::PUT, grant, Some(json!({"role": "write"})), 200).await.json();
    assert_eq!((&granted["role"], &granted["is_robot"]), (&json!("write"), &json!(true)));
    assert_eq!(push("charts/demo").await, StatusCode::ACCEPTED);
    assert_eq!(push("charts/other").await, StatusCode::FORBIDDEN);
    let path = "/api/v1/organization/charts/robots/builder/permissions";
    let permissions = alice(&registry, Method::GET, path, None, 200).await.json();
    assert_eq!(permissions["permissions"][0]["repository"]["name"], "demo");
    assert_eq!(permissions["permissions"][0]["role"], "write");

    // Into repositories that do not exist yet, by a team of creators.
    assert_eq!(push("charts/future").await, StatusCode::FORBIDDEN);
    alice(
        &registry,
        Method::PUT,
        "/api/v1/organization/charts/team/creators/members/charts+builder",
        None,
        200,
    )
    .await;
    assert_eq!(push("charts/future").await, StatusCode::ACCEPTED);

    alice(&registry, Method::DELETE, grant, None, 204).await;
    assert_eq!(push("charts/demo").await, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_person_has_robots_too() {
    let registry = Registry::new().await;
    let path = "/api/v1/user/robots/mine";
    let made = alice(&registry, Method::PUT, path, Some(json!({"description": ""})), 201).await.json();
    assert_eq!(made["name"], "alice+mine");
    let listed = alice(&registry, Method::GET, "/api/v1/user/robots", None, 200).await.json();
    assert_eq!(listed["robots"][0]["name"], "alice+mine");
    alice(&registry, Method::POST, &format!("{path}/regenerate"), None, 200).await;
    alice(&registry, Method::GET, &format!("{path}/permissions"), None, 200).await;
    alice(&registry, Method::DELETE, path, None, 204).await;
    assert_eq!(registry.get(&As::Nobody, "/api/v1/user/robots").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn tokens_are_for_those_who_manage_the_robots() {
    let registry = Registry::new().await;
    let bob = As::Basic("bob");
    for (method, path) in [
        (Method::GET, "/api/v1/organization/charts/robots"),
        (Method::GET, "/api/v1/organization/charts/robots/ci"),
        (Method::PUT, "/api/v1/organization/charts/robots/evil"),
        (Method::POST, "/api/v1/organization/charts/robots/ci/regenerate"),
        (Method::DELETE, "/api/v1/organization/charts/robots/ci"),
    ] {
        let answer = script(&registry, &bob, method.clone(), path, None).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{method} {path}");
    }
    alice(
        &registry,
        Method::PUT,
        "/api/v1/organization/charts/team/readers",
        Some(json!({"role": "member"})),
        200,
    )
    .await;
    alice(&registry, Method::PUT, "/api/v1/organization/charts/team/readers/members/bob", None, 200).await;
    let listed = registry.get(&bob, "/api/v1/organization/charts/robots?token=true").await;
    assert_eq!((listed.status, &listed.json()["robots"][0]["name"]), (StatusCode::OK, &json!("charts+ci")));
    assert!(!String::from_utf8_lossy(&listed.body).contains(&registry.robot_token));
}

#[tokio::test]
async fn robots_do_not_administer() {
    let registry = Registry::new().await;
    let answer = registry.get(&As::Robot(registry.robot_token.clone()), "/api/v1/user/").await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(answer.json()["detail"].as_str().expect("a text").starts_with("Robot accounts cannot"));
}

#[tokio::test]
async fn names_of_robots_are_checked() {
    let registry = Registry::new().await;
    for short in ["Upper", "a+b", "-x", "%20", "%2e%2e"] {
        alice(&registry, Method::PUT, &format!("/api/v1/organization/charts/robots/{short}"), None, 400)
            .await;
    }
}
