//! Organizations and their teams.

use http::{Method, StatusCode};
use serde_json::json;

use super::{Browser, alice, script};
use crate::temporary::{As, Registry};

#[tokio::test]
async fn an_organization_is_made_seen_changed_and_deleted() {
    let registry = Registry::new().await;
    let mut browser = Browser::signed_in(&registry, "alice").await;
    let new = Some(json!({"name": "tools", "email": "tools@registry.example"}));
    let answer = browser.send(&registry, Method::POST, "/api/v1/organization/", new.clone()).await;
    assert_eq!((answer.status, answer.json()), (StatusCode::CREATED, json!("Created")));
    let again = browser.send(&registry, Method::POST, "/api/v1/organization/", new).await;
    assert_eq!(again.status, StatusCode::BAD_REQUEST);
    assert_eq!(again.json()["detail"], "A user or organization with this name already exists");

    let seen = browser.send(&registry, Method::GET, "/api/v1/organization/tools", None).await;
    insta::assert_json_snapshot!(seen.json());
    let stranger = registry.get(&As::Basic("bob"), "/api/v1/organization/tools").await.json();
    assert_eq!((&stranger["is_member"], &stranger["email"]), (&json!(false), &json!(null)));
    assert!(stranger.get("teams").is_none() && stranger.get("tag_expiration_s").is_none());

    let changed = Some(json!({"tag_expiration_s": 86400, "contact_email": "new@registry.example"}));
    let answer = browser.send(&registry, Method::PUT, "/api/v1/organization/tools", changed).await;
    assert_eq!(
        (&answer.json()["tag_expiration_s"], &answer.json()["email"]),
        (&json!(86400), &json!("new@registry.example"))
    );
    let odd = browser
        .send(&registry, Method::PUT, "/api/v1/organization/tools", Some(json!({"tag_expiration_s": 5})))
        .await;
    assert_eq!(odd.status, StatusCode::BAD_REQUEST);

    let user = browser.send(&registry, Method::GET, "/api/v1/user/", None).await.json();
    let organizations = user["organizations"].as_array().expect("organizations");
    let names: Vec<_> = organizations.iter().map(|organization| organization["name"].clone()).collect();
    assert_eq!(names, ["charts", "tools"]);
    assert_eq!(organizations[1]["is_org_admin"], true);

    assert_eq!(
        browser.send(&registry, Method::DELETE, "/api/v1/organization/tools", None).await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        browser.send(&registry, Method::GET, "/api/v1/organization/tools", None).await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn a_name_that_is_none_is_told() {
    let registry = Registry::new().await;
    for name in ["", "x", "Tools", "a b", "a/b", "a+b", &"x".repeat(256)] {
        let answer =
            alice(&registry, Method::POST, "/api/v1/organization/", Some(json!({"name": name})), 400).await;
        assert_eq!(answer.json()["error_type"], "invalid_request", "{name}");
    }
    alice(&registry, Method::POST, "/api/v1/organization", Some(json!({"name": "alice"})), 400).await;
}

#[tokio::test]
async fn teams_decide_what_members_may_do() {
    let registry = Registry::new().await;
    let bob = As::Basic("bob");
    let team = "/api/v1/organization/charts/team/makers";
    let create = || {
        Some(
            json!({"namespace": "charts", "repository": "by-bob", "visibility": "private", "description": ""}),
        )
    };
    assert_eq!(
        script(&registry, &bob, Method::POST, "/api/v1/repository", create()).await.status,
        StatusCode::FORBIDDEN
    );

    let made = alice(
        &registry,
        Method::PUT,
        team,
        Some(json!({"role": "creator", "description": "who makes"})),
        200,
    )
    .await;
    assert_eq!((&made.json()["role"], &made.json()["new_team"]), (&json!("creator"), &json!(true)));
    let added = alice(&registry, Method::PUT, &format!("{team}/members/bob"), None, 200).await;
    assert_eq!(
        (&added.json()["name"], &added.json()["is_robot"], &added.json()["invited"]),
        (&json!("bob"), &json!(false), &json!(false))
    );
    assert_eq!(
        script(&registry, &bob, Method::POST, "/api/v1/repository", create()).await.status,
        StatusCode::CREATED
    );

    let members = alice(&registry, Method::GET, &format!("{team}/members"), None, 200).await.json();
    assert_eq!((&members["members"][0]["name"], &members["can_edit"]), (&json!("bob"), &json!(true)));
    let everybody =
        alice(&registry, Method::GET, "/api/v1/organization/charts/members", None, 200).await.json();
    let names: Vec<_> = everybody["members"]
        .as_array()
        .expect("members")
        .iter()
        .map(|member| member["name"].clone())
        .collect();
    assert!(names.contains(&json!("alice")) && names.contains(&json!("bob")), "{names:?}");

    alice(&registry, Method::DELETE, &format!("{team}/members/bob"), None, 204).await;
    alice(&registry, Method::DELETE, &format!("{team}/members/bob"), None, 404).await;
    let answer = script(&registry, &bob, Method::POST, "/api/v1/repository", create()).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    alice(&registry, Method::DELETE, team, None, 204).await;
    alice(&registry, Method::DELETE, team, None, 404).await;
}

#[tokio::test]
async fn only_who_manages_an_organization_changes_it() {
    let registry = Registry::new().await;
    for (method, path, body) in [
        (Method::PUT, "/api/v1/organization/charts", Some(json!({}))),
        (Method::PUT, "/api/v1/organization/charts/team/x", Some(json!({"role": "admin"}))),
        (Method::PUT, "/api/v1/organization/charts/team/owners/members/bob", None),
        (Method::DELETE, "/api/v1/organization/charts/team/owners", None),
        (Method::DELETE, "/api/v1/organization/charts/members/alice", None),
        (Method::GET, "/api/v1/organization/charts/members", None),
        (Method::DELETE, "/api/v1/organization/charts", None),
    ] {
        let answer = script(&registry, &As::Basic("bob"), method.clone(), path, body.clone()).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{method} {path}");
    }
    // The last owner stays.
    alice(&registry, Method::DELETE, "/api/v1/organization/charts/members/alice", None, 400).await;
}
