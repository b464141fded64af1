//! Finding: names that begin like this, repositories by a part of their name, and what nobody finds without a right.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::alice;
use crate::temporary::{As, Registry};

const BOB: As = As::Basic("bob");

fn names(answer: &Value) -> Vec<&str> {
    let results = answer["results"].as_array().expect("results");
    results.iter().map(|result| result["name"].as_str().expect("a name")).collect()
}

#[tokio::test]
async fn names_are_offered_in_quays_shape() {
    let registry = Registry::new().await;
    let path = "/api/v1/entities/c?namespace=charts&includeTeams=true&includeOrgs=true";
    let found = alice(&registry, Method::GET, path, None, 200).await.json();
    assert_eq!(names(&found), ["creators", "charts+ci", "charts"]);
    let [team, robot, organization] = [&found["results"][0], &found["results"][1], &found["results"][2]];
    assert_eq!((&team["kind"], &team["is_org_member"]), (&json!("team"), &json!(true)));
    assert_eq!((&robot["kind"], &robot["is_robot"]), (&json!("user"), &json!(true)));
    assert_eq!((&organization["kind"], &organization["avatar"]["kind"]), (&json!("org"), &json!("org")));
    let people =
        alice(&registry, Method::GET, "/api/v1/entities/bo?namespace=charts", None, 200).await.json();
    assert_eq!(
        (&people["results"][0]["is_robot"], &people["results"][0]["is_org_member"]),
        (&json!(false), &json!(false))
    );
    assert_eq!(names(&registry.get(&BOB, path).await.json()), ["charts"]);
    assert_eq!(names(&registry.get(&As::Nobody, path).await.json()), Vec::<&str>::new());
    alice(&registry, Method::GET, "/api/v1/entities/%20", None, 400).await;
    alice(&registry, Method::GET, "/api/v1/entities/", None, 404).await;
}

#[tokio::test]
async fn repositories_are_found_by_a_part_of_their_name_by_those_who_may_read_them() {
    let registry = Registry::new().await;
    for name in ["charts/etherpad", "charts/deep/etherpad-lite", "alice/etherpad", "charts/other"] {
        registry.push(&As::Basic("alice"), name, "v1").await;
    }
    registry.publish("charts/etherpad").await;
    let path = "/api/v1/find/repositories?query=etherpad";
    let found = alice(&registry, Method::GET, path, None, 200).await.json();
    let mut all = names(&found);
    all.sort_unstable();
    assert_eq!(all, ["deep/etherpad-lite", "etherpad", "etherpad"]);
    for (key, value) in [
        ("page", json!(1)),
        ("page_size", json!(10)),
        ("start_index", json!(0)),
        ("has_additional", json!(false)),
    ] {
        assert_eq!(found[key], value, "{key}");
    }
    let public = registry.get(&As::Nobody, path).await.json();
    assert_eq!(names(&public), ["etherpad"]);
    let first = &public["results"][0];
    assert_eq!(
        (&first["kind"], &first["title"], &first["is_public"], &first["href"]),
        (&json!("repository"), &json!("repo"), &json!(true), &json!("/repository/charts/etherpad"))
    );
    assert_eq!(
        (&first["namespace"]["kind"], &first["namespace"]["name"], &first["namespace"]["href"]),
        (&json!("organization"), &json!("charts"), &json!("/organization/charts"))
    );
    assert_eq!(names(&registry.get(&BOB, path).await.json()), ["etherpad"]);
    for (query, count) in [("alice/ether", 1), ("deep/ether", 1), ("nowhere/ether", 0), ("%25", 0), ("", 4)] {
        let path = format!("/api/v1/find/repositories?query={query}");
        let found = alice(&registry, Method::GET, &path, None, 200).await.json();
        assert_eq!(names(&found).len(), count, "{query}");
    }
    let long = format!("/api/v1/find/repositories?query={}", "x".repeat(300));
    alice(&registry, Method::GET, &long, None, 400).await;
}

#[tokio::test]
async fn a_search_has_pages_and_an_end() {
    let registry = Registry::new().await;
    for n in 0..12 {
        let new = json!({"namespace": "charts", "repository": format!("app-{n:02}"), "visibility": "private", "description": ""});
        alice(&registry, Method::POST, "/api/v1/repository", Some(new), 201).await;
    }
    let page = async |n: u32| {
        let path = format!("/api/v1/find/repositories?query=app&page={n}");
        alice(&registry, Method::GET, &path, None, 200).await.json()
    };
    let (first, second) = (page(1).await, page(2).await);
    assert_eq!((names(&first).len(), &first["has_additional"]), (10, &json!(true)));
    assert_eq!(
        (names(&second).len(), &second["has_additional"], &second["start_index"]),
        (2, &json!(false), &json!(10))
    );
    assert!(names(&first).iter().all(|name| !names(&second).contains(name)));
    assert!(names(&page(4_000_000_000).await).is_empty());
}

#[tokio::test]
async fn everything_with_a_name_is_found_at_once() {
    let registry = Registry::new().await;
    registry.push(&As::Basic("alice"), "charts/charts-demo", "v1").await;
    let path = "/api/v1/find/all?query=char";
    let found = alice(&registry, Method::GET, path, None, 200).await.json();
    let seen: Vec<_> = found["results"]
        .as_array()
        .expect("results")
        .iter()
        .map(|result| (result["kind"].as_str().expect("a kind"), result["href"].as_str().expect("a path")))
        .collect();
    assert_eq!(
        seen,
        [("organization", "/organization/charts"), ("repository", "/repository/charts/charts-demo")]
    );
    assert_eq!(names(&registry.get(&BOB, path).await.json()), ["charts"]);
    assert_eq!(registry.get(&As::Nobody, path).await.json(), json!({"results": []}));
    assert_eq!(registry.get(&BOB, "/api/v1/find/all").await.json(), json!({"results": []}));
    alice(&registry, Method::PUT, "/api/v1/user/robots/chart-bot", Some(json!({})), 201).await;
    let found = alice(&registry, Method::GET, path, None, 200).await.json();
    assert!(names(&found).contains(&"alice+chart-bot"), "{found}");
    assert!(!names(&registry.get(&BOB, path).await.json()).contains(&"alice+chart-bot"));
}

#[tokio::test]
async fn what_the_registry_can_do_is_told_to_everybody() {
    let registry = Registry::new().await;
    let answer = registry.get(&As::Nobody, "/api/v1/registry/capabilities").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(
        answer.json(),
        json!({
            "sparse_manifests": {
                "supported": false, "required_architectures": [], "optional_architectures_allowed": false,
            },
            "mirror_architectures": [],
        })
    );
}
