//! What superusers do over HTTP, whom that is refused to, and accounts that change their name or become organizations.

use http::{Method, StatusCode};
use quay_config::Period;
use serde_json::json;

use super::{Browser, alice, script};
use crate::temporary::{As, PASSWORD, Registry};

const ROOT: As = As::Basic("root");

/// Every operation, on accounts of others.
fn operations() -> Vec<(Method, &'static str, Option<serde_json::Value>)> {
    vec![
        (Method::GET, "/api/v1/superuser/users/", None),
        (Method::POST, "/api/v1/superuser/users/", Some(json!({"username": "dave"}))),
        (Method::GET, "/api/v1/superuser/users/bob", None),
        (Method::PUT, "/api/v1/superuser/users/bob", Some(json!({"enabled": false}))),
        (Method::GET, "/api/v1/superuser/organizations/", None),
        (Method::PUT, "/api/v1/superuser/organizations/charts", Some(json!({"name": "graphs"}))),
        (Method::POST, "/api/v1/superuser/takeownership/charts", None),
        (Method::DELETE, "/api/v1/superuser/organizations/graphs", None),
        (Method::DELETE, "/api/v1/superuser/users/bob", None),
    ]
}

#[tokio::test]
async fn a_superusers_powers_are_for_superusers_who_have_just_shown_their_password() {
    let registry = Registry::new().await;
    for (method, path, body) in operations() {
        let nobody = script(&registry, &As::Nobody, method.clone(), path, body.clone()).await;
        let refused = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN];
        assert!(refused.contains(&nobody.status), "{method} {path}: {nobody:?}");
        let answer = script(&registry, &As::Basic("alice"), method.clone(), path, body).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{method} {path}");
        assert_eq!(answer.json()["error_type"], "insufficient_scope");
    }
    let stale =
        Registry::with(|config| config.fresh_login_timeout = Period::parse("0s").expect("a period")).await;
    let mut browser = Browser::signed_in(&stale, "root").await;
    for (method, path, body) in operations() {
        let answer = browser.send(&stale, method.clone(), path, body).await;
        assert_eq!(answer.json()["error_type"], "fresh_login_required", "{method} {path}");
    }
    // The control, in the order in which they leave something to the next.
    for (method, path, body) in operations() {
        let path = path.replace("takeownership/charts", "takeownership/graphs");
        let answer = script(&registry, &ROOT, method.clone(), &path, body).await;
        assert!(answer.status.is_success(), "{method} {path}: {answer:?}");
    }
}

#[tokio::test]
async fn an_account_is_shown_changed_disabled_and_deleted() {
    let registry = Registry::with(|config| config.feature_user_rename = true).await;
    let path = "/api/v1/superuser/users/bob";
    let shown = script(&registry, &ROOT, Method::GET, path, None).await.json();
    for (key, value) in [
        ("kind", json!("user")),
        ("name", json!("bob")),
        ("username", json!("bob")),
        ("email", json!("bob@registry.example")),
        ("verified", json!(true)),
        ("super_user", json!(false)),
        ("enabled", json!(true)),
    ] {
        assert_eq!(shown[key], value, "{key}");
    }
    let mut browser = Browser::signed_in(&registry, "bob").await;
    let put = async |path: &str, body| script(&registry, &ROOT, Method::PUT, path, Some(body)).await;
    let changed = put(path, json!({"enabled": false, "email": "robert@registry.example"})).await.json();
    assert_eq!((&changed["enabled"], &changed["email"]), (&json!(false), &json!("robert@registry.example")));
    assert_eq!(browser.send(&registry, Method::GET, "/api/v1/user/", None).await.status, 401);
    let credentials = Some(json!({"username": "bob", "password": PASSWORD}));
    let told = browser.send(&registry, Method::POST, "/api/v1/signin", credentials).await;
    assert_eq!(told.status, StatusCode::FORBIDDEN);
    assert!(told.json()["message"].as_str().expect("a text").contains("disabled"), "{told:?}");

    let listed = async |query: &str| {
        let path = format!("/api/v1/superuser/users/{query}");
        let answer = script(&registry, &ROOT, Method::GET, &path, None).await.json();
        let users = answer["users"].as_array().expect("users").clone();
        let names = users.iter().map(|user| user["name"].as_str().expect("a name").to_owned());
        (names.collect::<Vec<_>>(), answer["next_page"].clone())
    };
    assert_eq!(listed("").await.0, ["alice", "bob", "root"]);
    assert_eq!(listed("?disabled=true").await.0, ["alice", "bob", "root"]);
    assert_eq!(listed("?disabled=false").await.0, ["alice", "root"]);
    let (first, next) = listed("?limit=1&disabled=false").await;
    assert_eq!((first, &next), (vec!["alice".to_owned()], &json!("alice")));
    assert_eq!(listed("?limit=1&disabled=false&next_page=alice").await.0, ["root"]);

    let renamed =
        put(path, json!({"enabled": true, "username": "robert", "password": "another-horse"})).await;
    assert_eq!((renamed.status, renamed.json()["username"].clone()), (StatusCode::OK, json!("robert")));
    let credentials = Some(json!({"username": "robert", "password": "another-horse"}));
    assert_eq!(browser.send(&registry, Method::POST, "/api/v1/signin", credentials).await.status, 200);
    for (path, body, status, said) in [
        ("/api/v1/superuser/users/bob", json!({"enabled": false}), 404, ""),
        ("/api/v1/superuser/users/charts", json!({"enabled": false}), 404, ""),
        ("/api/v1/superuser/users/root", json!({"enabled": false}), 400, "Cannot disable your own account"),
        (
            "/api/v1/superuser/users/robert",
            json!({"email": "alice@registry.example"}),
            400,
            "Email has already",
        ),
        ("/api/v1/superuser/users/robert", json!({"username": "alice"}), 400, "A user or organization"),
        ("/api/v1/superuser/users/robert", json!({"enabled": "no"}), 400, "Invalid JSON body"),
    ] {
        let answer = put(path, body).await;
        assert_eq!(answer.status.as_u16(), status, "{path}: {answer:?}");
        assert!(answer.json()["detail"].as_str().expect("a text").starts_with(said), "{answer:?}");
    }
    let delete = async |name: &str| {
        let path = format!("/api/v1/superuser/users/{name}");
        script(&registry, &ROOT, Method::DELETE, &path, None).await.status.as_u16()
    };
    assert_eq!([delete("root").await, delete("alice").await], [400, 400], "a superuser; an only owner");
    assert_eq!([delete("robert").await, delete("robert").await], [204, 404]);
}

#[tokio::test]
async fn organizations_of_others_are_listed_renamed_taken_over_and_deleted() {
    let registry = Registry::new().await;
    registry.push(&As::Basic("alice"), "charts/demo", "v1").await;
    let listed =
        script(&registry, &ROOT, Method::GET, "/api/v1/superuser/organizations/?limit=1", None).await;
    assert_eq!(listed.json()["organizations"][0]["name"], "charts");
    assert_eq!(
        (&listed.json()["organizations"][0]["avatar"]["kind"], &listed.json()["next_page"]),
        (&json!("org"), &json!("charts"))
    );
    let put = async |name: &str, new: &str| {
        let path = format!("/api/v1/superuser/organizations/{name}");
        script(&registry, &ROOT, Method::PUT, &path, Some(json!({"name": new}))).await
    };
    for (name, new, status) in [
        ("charts", "alice", 400),
        ("charts", "Graphs", 400),
        ("alice", "graphs", 404),
        ("none", "graphs", 404),
    ] {
        assert_eq!(put(name, new).await.status.as_u16(), status, "{name} {new}");
    }
    let renamed = put("charts", "graphs").await;
    assert_eq!((renamed.status, renamed.json()["name"].clone()), (StatusCode::OK, json!("graphs")));
    alice(&registry, Method::GET, "/api/v1/repository/graphs/demo", None, 200).await;
    alice(&registry, Method::GET, "/api/v1/organization/charts", None, 404).await;

    let take = async |namespace: &str| {
        let path = format!("/api/v1/superuser/takeownership/{namespace}");
        script(&registry, &ROOT, Method::POST, &path, None).await
    };
    let taken = take("graphs").await;
    assert_eq!((taken.status, taken.json()), (StatusCode::OK, json!({"namespace": "graphs"})));
    let members = alice(&registry, Method::GET, "/api/v1/organization/graphs/team/owners/members", None, 200);
    let members = members.await.json();
    assert_eq!(members["members"].as_array().expect("members").len(), 2, "{members}");
    assert_eq!((take("root").await.status.as_u16(), take("nobody").await.status.as_u16()), (400, 404));
    assert_eq!(take("bob").await.status, StatusCode::OK);
    let organization = registry.get(&ROOT, "/api/v1/organization/bob").await.json();
    assert_eq!(organization["is_admin"], true);
    assert_eq!(registry.get(&As::Basic("bob"), "/api/v1/user/").await.status, StatusCode::UNAUTHORIZED);

    let path = "/api/v1/superuser/organizations/graphs";
    assert_eq!(script(&registry, &ROOT, Method::DELETE, path, None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(script(&registry, &ROOT, Method::DELETE, path, None).await.status, StatusCode::NOT_FOUND);
    alice(&registry, Method::GET, "/api/v1/organization/graphs", None, 404).await;
}

#[tokio::test]
async fn one_renames_oneself_and_stays_signed_in() {
    let registry = Registry::with(|config| config.feature_user_rename = true).await;
    let mut browser = Browser::signed_in(&registry, "bob").await;
    let taken =
        browser.send(&registry, Method::PUT, "/api/v1/user/", Some(json!({"username": "alice"}))).await;
    assert_eq!(taken.status, StatusCode::BAD_REQUEST);
    let both = Some(json!({"username": "robert", "password": "another-horse"}));
    let answer = browser.send(&registry, Method::PUT, "/api/v1/user/", both).await;
    assert_eq!((answer.status, answer.json()["username"].clone()), (StatusCode::OK, json!("robert")));
    let me = browser.send(&registry, Method::GET, "/api/v1/user/", None).await.json();
    assert_eq!(me["username"], "robert");
    assert_eq!(registry.get(&As::Nobody, "/api/v1/users/bob").await.status, StatusCode::NOT_FOUND);
}
