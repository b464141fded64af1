//! Robot accounts: making them, their credentials in every form, and their end.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::StatusCode;

use super::Browser;
use crate::temporary::{As, HOST, Registry};

const TAB: &str = "/organization/charts?tab=Robotaccounts";

#[tokio::test]
async fn a_robot_is_made_with_permissions_and_its_secret_pulls() {
    let registry = Registry::new().await;
    registry.push(&As::Basic("alice"), "charts/demo", "1").await;
    registry.push(&As::Basic("alice"), "charts/other", "1").await;
    let mut alice = Browser::of(&registry, "alice").await;
    alice.open(&format!("{TAB}&create=1")).await;
    let new = [
        ("action", "create"),
        ("name", "pull_er"),
        ("description", "pulls"),
        ("role/demo", "read"),
        ("role/other", "none"),
    ];
    alice.succeed(TAB, &new).await;
    assert_eq!(alice.at, format!("{TAB}&robot=pull_er&view=robot"));
    let token = alice.page.split("id=\"robot-token\"").nth(1).and_then(|rest| rest.split("value=\"").nth(1));
    let token = token.and_then(|rest| rest.split('"').next()).expect("the token").to_owned();

    for (view, line) in [
        ("podman", format!("podman login {HOST} --username charts+pull_er --password {token}")),
        ("docker", format!("docker login {HOST} --username charts+pull_er --password {token}")),
        ("helm", format!("helm registry login {HOST} --username charts+pull_er --password {token}")),
        ("kubernetes", "kubectl create --filename=charts-pull-er-pull-secret.yml".to_owned()),
    ] {
        assert!(alice.open(&format!("{TAB}&robot=pull_er&view={view}")).await.contains(&line), "{view}");
    }

    let file = alice.get(&format!("{TAB}&robot=pull_er&download=kubernetes")).await;
    assert_eq!(file.header("content-disposition"), "attachment; filename=\"charts-pull-er-pull-secret.yml\"");
    assert_eq!(file.header("cache-control"), "no-store");
    let config = alice
        .page
        .split(".dockerconfigjson: ")
        .nth(1)
        .and_then(|rest| rest.lines().next())
        .expect("a config");
    let config: serde_json::Value =
        serde_json::from_slice(&BASE64_STANDARD.decode(config).expect("base64")).expect("JSON");
    let auth = BASE64_STANDARD.decode(config["auths"][HOST]["auth"].as_str().expect("text")).expect("base64");
    assert_eq!(auth, format!("charts+pull_er:{token}").into_bytes());

    // What it was granted it may do, and no more.
    let ask = |name: &str| {
        let header = format!("Basic {}", BASE64_STANDARD.encode(&auth));
        crate::temporary::request(&As::Nobody, http::Method::GET, &format!("/v2/{name}/manifests/1"))
            .header("authorization", header)
            .body(axum::body::Body::empty())
            .expect("a request")
    };
    assert_eq!(registry.send(ask("charts/demo")).await.status, StatusCode::OK);
    assert_eq!(registry.send(ask("charts/other")).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_robot_that_cannot_be_made_says_why_beside_its_name() {
    let registry = Registry::new().await;
    let mut alice = Browser::of(&registry, "alice").await;
    alice.open(TAB).await;
    alice.fail(TAB, &[("action", "create"), ("name", "ci"), ("description", "kept")]).await;
    alice.assert_wrong("robot-name-input", "Existing robot with name: charts+ci");
    assert!(alice.page.contains("value=\"kept\""));
    alice.fail(TAB, &[("action", "create"), ("name", "N o")]).await;
    alice.assert_wrong("robot-name-input", "invalid");
    let long = "x".repeat(300);
    alice.fail(TAB, &[("action", "create"), ("name", "fine"), ("description", &long)]).await;
    alice.assert_wrong("robot-description-input", "At most 255");
}

#[tokio::test]
async fn permissions_are_changed_and_taken_away() {
    let registry = Registry::new().await;
    registry.push(&As::Basic("alice"), "charts/demo", "1").await;
    let mut alice = Browser::of(&registry, "alice").await;
    let permissions = format!("{TAB}&robot=ci&view=permissions");
    alice.open(&permissions).await;
    let permit = |role: &'static str| [("action", "permit"), ("robot", "ci"), ("role/demo", role)];
    let chosen = |page: &str, role: &str| page.contains(&format!("<option value=\"{role}\" selected>"));
    assert!(chosen(alice.succeed(TAB, &permit("write")).await, "write"));
    assert!(alice.open(TAB).await.contains("demo: write"));
    alice.open(&permissions).await;
    assert!(chosen(alice.succeed(TAB, &permit("none")).await, "none"));
    assert!(!alice.open(TAB).await.contains("demo: write"));
}

#[tokio::test]
async fn a_new_token_replaces_the_old_one_and_a_deleted_robot_is_gone() {
    let registry = Registry::new().await;
    let mut alice = Browser::of(&registry, "alice").await;
    let old = registry.robot_token.clone();
    assert!(alice.open(&format!("{TAB}&robot=ci")).await.contains(&old));
    alice.open(&format!("{TAB}&regenerate=ci")).await;
    assert!(!alice.succeed(TAB, &[("action", "regenerate"), ("robot", "ci")]).await.contains(&old));
    assert_eq!(registry.get(&As::Robot(old), "/v2/").await.status, StatusCode::UNAUTHORIZED);
    assert!(alice.open(&format!("{TAB}&delete=ci")).await.contains("Delete charts+ci?"));
    alice.succeed(TAB, &[("action", "delete"), ("robot", "ci")]).await;
    assert!(alice.page.contains("No robot accounts yet"));
    assert_eq!(alice.get(&format!("{TAB}&robot=ci")).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_person_has_robots_too_and_nobody_else_sees_them() {
    let registry = Registry::new().await;
    let mut bob = Browser::of(&registry, "bob").await;
    let tab = "/user/bob?tab=Robotaccounts";
    bob.open(tab).await;
    assert!(bob.succeed(tab, &[("action", "create"), ("name", "own")]).await.contains("bob+own"));
    let mut alice = Browser::of(&registry, "alice").await;
    for path in [
        tab,
        "/user/bob?tab=Robotaccounts&robot=own",
        "/user/bob?tab=Robotaccounts&robot=own&download=kubernetes",
    ] {
        assert_eq!(alice.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
        assert!(!alice.page.contains("bob+own"), "{path}");
    }
}
