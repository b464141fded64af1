//! Repositories: made, listed, shown, changed, shared and deleted.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{alice, script};
use crate::temporary::{As, Registry};

fn new(name: &str, visibility: &str) -> Option<Value> {
    Some(
        json!({"namespace": "charts", "repository": name, "visibility": visibility, "description": "for tests"}),
    )
}

fn names(list: &Value) -> Vec<String> {
    let name =
        |repository: &Value| format!("{}/{}", repository["namespace"], repository["name"]).replace('"', "");
    list["repositories"].as_array().expect("repositories").iter().map(name).collect()
}

#[tokio::test]
async fn a_repository_of_any_depth_is_made_shown_and_deleted() {
    let registry = Registry::new().await;
    for name in ["demo", "team/app/web"] {
        let made = alice(&registry, Method::POST, "/api/v1/repository", new(name, "private"), 201).await;
        assert_eq!(made.json(), json!({"namespace": "charts", "name": name, "kind": "image"}));
        let again = alice(&registry, Method::POST, "/api/v1/repository", new(name, "private"), 400).await;
        assert_eq!(again.json()["detail"], "Repository already exists");
        let path = format!("/api/v1/repository/charts/{name}");
        let shown = alice(&registry, Method::GET, &path, None, 200).await.json();
        assert_eq!(
            (&shown["name"], &shown["is_public"], &shown["can_admin"]),
            (&json!(name), &json!(false), &json!(true))
        );
        alice(&registry, Method::PUT, &path, Some(json!({"description": "changed"})), 200).await;
        assert_eq!(alice(&registry, Method::GET, &path, None, 200).await.json()["description"], "changed");
        alice(&registry, Method::DELETE, &path, None, 204).await;
        alice(&registry, Method::GET, &path, None, 404).await;
    }
    for wrong in ["", "Upper", "a//b", "a b", "../x"] {
        let answer = alice(&registry, Method::POST, "/api/v1/repository", new(wrong, "private"), 400).await;
        let told = answer.json()["detail"].as_str().expect("a text").to_owned();
        assert!(told.starts_with("Invalid repository name: components are lower-case letters"), "{told}");
    }
    alice(&registry, Method::POST, "/api/v1/repository", new("x", "secret"), 400).await;
}

#[tokio::test]
async fn a_pushed_image_is_shown_with_its_tags() {
    let registry = Registry::new().await;
    let digest = registry.push(&As::Basic("alice"), "charts/demo", "v1").await;
    let shown = alice(&registry, Method::GET, "/api/v1/repository/charts/demo", None, 200).await.json();
    assert_eq!(shown["tags"]["v1"]["manifest_digest"], digest.as_str());
    insta::assert_json_snapshot!(shown, {".tags.v1.last_modified" => "[date]"});
    let bare =
        alice(&registry, Method::GET, "/api/v1/repository/charts/demo?includeTags=false", None, 200).await;
    assert!(bare.json().get("tags").is_none());
}

#[tokio::test]
async fn everybody_lists_what_they_may_pull() {
    let registry = Registry::new().await;
    for (name, visibility) in [("a-private", "private"), ("b-public", "public"), ("c-private", "private")] {
        alice(&registry, Method::POST, "/api/v1/repository", new(name, visibility), 201).await;
    }
    let list = async |who: &As, query: &str| {
        let answer = registry.get(who, &format!("/api/v1/repository?{query}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{query}");
        names(&answer.json())
    };
    let all = ["charts/a-private", "charts/b-public", "charts/c-private"];
    assert_eq!(list(&As::Basic("alice"), "namespace=charts").await, all);
    assert_eq!(list(&As::Basic("alice"), "public=true").await, all);
    for query in ["namespace=charts", "public=true", "namespace=charts&public=true"] {
        assert_eq!(list(&As::Basic("bob"), query).await, ["charts/b-public"], "{query}");
        assert_eq!(list(&As::Nobody, query).await, ["charts/b-public"], "{query}");
    }
    assert!(list(&As::Basic("alice"), "namespace=nobody").await.is_empty());
    assert!(list(&As::Basic("alice"), "starred=true").await.is_empty());
    assert_eq!(registry.get(&As::Basic("alice"), "/api/v1/repository").await.status, StatusCode::BAD_REQUEST);

    alice(
        &registry,
        Method::PUT,
        "/api/v1/repository/charts/c-private/permissions/user/bob",
        Some(json!({"role": "read"})),
        200,
    )
    .await;
    assert_eq!(list(&As::Basic("bob"), "namespace=charts").await, ["charts/b-public", "charts/c-private"]);
}

#[tokio::test]
async fn long_lists_come_in_pages_without_gaps_or_repetitions() {
    let registry = Registry::new().await;
    for number in 0..105 {
        alice(&registry, Method::POST, "/api/v1/repository", new(&format!("r{number:03}"), "private"), 201)
            .await;
    }
    for start in ["namespace=charts", "public=true"] {
        let (mut seen, mut query) = (Vec::new(), start.to_owned());
        loop {
            let page =
                alice(&registry, Method::GET, &format!("/api/v1/repository?{query}"), None, 200).await.json();
            seen.extend(names(&page));
            assert!(seen.len() <= 105, "{start}");
            let Some(next) = page.get("next_page") else { break };
            query = format!("{start}&next_page={}", next.as_str().expect("a token"));
        }
        let expected: Vec<_> = (0..105).map(|number| format!("charts/r{number:03}")).collect();
        assert_eq!(seen, expected, "{start}");
    }
    alice(&registry, Method::GET, "/api/v1/repository?namespace=charts&next_page=!!!", None, 400).await;
}

#[tokio::test]
async fn visibility_decides_what_strangers_see() {
    let registry = Registry::new().await;
    registry.push(&As::Basic("alice"), "charts/demo", "v1").await;
    let path = "/api/v1/repository/charts/demo";
    assert_eq!(registry.get(&As::Nobody, path).await.status, StatusCode::UNAUTHORIZED);
    let change = |visibility| Some(json!({"visibility": visibility}));
    let answer =
        alice(&registry, Method::POST, &format!("{path}/changevisibility"), change("public"), 200).await;
    assert_eq!(answer.json(), json!({"success": true}));
    let seen = registry.get(&As::Nobody, path).await;
    assert_eq!((seen.status, &seen.json()["can_write"]), (StatusCode::OK, &json!(false)));
    let denied = script(
        &registry,
        &As::Basic("bob"),
        Method::POST,
        &format!("{path}/changevisibility"),
        change("private"),
    )
    .await;
    assert_eq!(denied.status, StatusCode::FORBIDDEN);
    alice(&registry, Method::POST, &format!("{path}/changevisibility"), change("private"), 200).await;
    assert_eq!(registry.get(&As::Nobody, path).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn permissions_of_people_and_teams_are_given_listed_and_taken() {
    let registry = Registry::new().await;
    registry.push(&As::Basic("alice"), "charts/demo", "v1").await;
    let path = "/api/v1/repository/charts/demo";
    let bob = As::Basic("bob");
    assert_eq!(registry.get(&bob, path).await.status, StatusCode::FORBIDDEN);
    let user = format!("{path}/permissions/user/bob");
    alice(&registry, Method::GET, &user, None, 404).await;
    alice(&registry, Method::PUT, &user, Some(json!({"role": "read"})), 200).await;
    assert_eq!(registry.get(&bob, path).await.json()["can_write"], false);
    alice(&registry, Method::PUT, &user, Some(json!({"role": "write"})), 200).await;
    assert_eq!(registry.get(&bob, path).await.json()["can_write"], true);
    assert_eq!(alice(&registry, Method::GET, &user, None, 200).await.json()["role"], "write");
    let listed = alice(&registry, Method::GET, &format!("{path}/permissions/user/"), None, 200).await.json();
    assert_eq!(
        (&listed["permissions"]["bob"]["role"], &listed["permissions"]["bob"]["is_robot"]),
        (&json!("write"), &json!(false))
    );
    alice(&registry, Method::DELETE, &user, None, 204).await;
    assert_eq!(registry.get(&bob, path).await.status, StatusCode::FORBIDDEN);

    alice(
        &registry,
        Method::PUT,
        "/api/v1/organization/charts/team/readers",
        Some(json!({"role": "member"})),
        200,
    )
    .await;
    alice(&registry, Method::PUT, "/api/v1/organization/charts/team/readers/members/bob", None, 200).await;
    let team = format!("{path}/permissions/team/readers");
    alice(&registry, Method::PUT, &team, Some(json!({"role": "read"})), 200).await;
    assert_eq!(registry.get(&bob, path).await.status, StatusCode::OK);
    let listed = alice(&registry, Method::GET, &format!("{path}/permissions/team/"), None, 200).await.json();
    assert_eq!(listed["permissions"]["readers"]["role"], "read");
    alice(&registry, Method::DELETE, &team, None, 204).await;
    assert_eq!(registry.get(&bob, path).await.status, StatusCode::FORBIDDEN);

    alice(&registry, Method::PUT, &user, Some(json!({"role": "owner"})), 400).await;
    alice(
        &registry,
        Method::PUT,
        &format!("{path}/permissions/user/nobody"),
        Some(json!({"role": "read"})),
        404,
    )
    .await;
    alice(
        &registry,
        Method::PUT,
        &format!("{path}/permissions/team/nobody"),
        Some(json!({"role": "read"})),
        404,
    )
    .await;
    let denied = script(&registry, &bob, Method::PUT, &user, Some(json!({"role": "admin"}))).await;
    assert_eq!(denied.status, StatusCode::FORBIDDEN);
}
