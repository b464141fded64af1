//! Accounts: signing up, in and out, and the first account of all.

use http::{Method, StatusCode};
use quay_config::Period;
use quay_core::Secret;
use serde_json::json;

use super::{Browser, alice, script};
use crate::temporary::{As, PASSWORD, Registry};

#[tokio::test]
async fn a_person_signs_up_and_is_signed_in() {
    let registry = Registry::new().await;
    let mut browser = Browser::open(&registry).await;
    let before = browser.cookie.clone();
    let new = json!({"username": "carol", "password": "new-password", "email": "carol@registry.example"});
    let answer = browser.send(&registry, Method::POST, "/api/v1/user/", Some(new.clone())).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_ne!(browser.cookie, before, "a cookie planted before must be worth nothing");
    let cookie = answer.header("set-cookie");
    for attribute in ["; Path=/", "; HttpOnly", "; SameSite=Lax", "; Secure", "; Max-Age=2678400"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    let me = browser.send(&registry, Method::GET, "/api/v1/user/", None).await;
    assert_eq!(me.json(), answer.json());
    insta::assert_json_snapshot!(me.json());

    let again =
        Browser::open(&registry).await.send(&registry, Method::POST, "/api/v1/user/", Some(new)).await;
    assert_eq!(again.json()["detail"], "The username already exists");
}

#[tokio::test]
async fn signing_up_is_refused_with_the_reason() {
    let registry = Registry::new().await;
    let mut browser = Browser::open(&registry).await;
    for (username, password, email, detail) in [
        ("root", "long-enough", "x@y.example", "The username already exists"),
        ("Carol", "long-enough", "x@y.example", "Invalid namespace Carol: Namespace must match"),
        ("c", "long-enough", "x@y.example", "Invalid namespace c: Namespace must be between"),
        ("carol", "short", "x@y.example", "Invalid password, password must be at least 8"),
        ("carol", "long-enough", "nonsense", "Invalid email address: nonsense"),
        ("charts", "long-enough", "x@y.example", "The username already exists"),
        ("carol", "long-enough", "alice@registry.example", "Email has already been used"),
    ] {
        let new = json!({"username": username, "password": password, "email": email});
        let answer = browser.send(&registry, Method::POST, "/api/v1/user/", Some(new)).await;
        let told = answer.json()["detail"].as_str().expect("a text").to_owned();
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{username}");
        assert!(told.starts_with(detail), "{told}");
    }
}

#[tokio::test]
async fn signing_up_can_be_switched_off() {
    let registry = Registry::with(|config| config.feature_user_creation = false).await;
    let new = json!({"username": "carol", "password": "long-enough"});
    let answer =
        Browser::open(&registry).await.send(&registry, Method::POST, "/api/v1/user/", Some(new)).await;
    assert_eq!(
        (answer.status, answer.json()["error_type"].clone()),
        (StatusCode::NOT_FOUND, json!("not_found"))
    );
}

#[tokio::test]
async fn signing_in_with_a_wrong_password_says_so() {
    let registry = Registry::new().await;
    let mut browser = Browser::open(&registry).await;
    let wrong = json!({"username": "alice", "password": "wrong"});
    let answer = browser.send(&registry, Method::POST, "/api/v1/signin", Some(wrong)).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert_eq!(
        answer.json(),
        json!({"needsEmailVerification": false, "invalidCredentials": true, "message": "Invalid Username or Password"})
    );
    assert_eq!(
        browser.send(&registry, Method::GET, "/api/v1/user/", None).await.status,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn guessing_passwords_is_slowed_down() {
    let registry = Registry::new().await;
    let mut browser = Browser::open(&registry).await;
    let mut last = None;
    for _ in 0..20 {
        let wrong = json!({"username": "alice", "password": "wrong"});
        let answer = browser.send(&registry, Method::POST, "/api/v1/signin", Some(wrong)).await;
        let status = answer.status;
        last = Some(answer);
        if status == StatusCode::TOO_MANY_REQUESTS {
            break;
        }
    }
    let last = last.expect("an answer");
    assert_eq!(last.status, StatusCode::TOO_MANY_REQUESTS);
    let wait: u64 = last.header("retry-after").parse().expect("seconds");
    assert!((1..=60).contains(&wait), "{wait}");
}

#[tokio::test]
async fn signing_out_ends_every_session() {
    let registry = Registry::new().await;
    let mut one = Browser::signed_in(&registry, "alice").await;
    let mut other = Browser::signed_in(&registry, "alice").await;
    assert_eq!(other.send(&registry, Method::GET, "/api/v1/user/", None).await.json()["username"], "alice");
    let answer = one.send(&registry, Method::POST, "/api/v1/signout", None).await;
    assert_eq!((answer.status, answer.json()), (StatusCode::OK, json!({"success": true})));
    for mut browser in [one, other] {
        assert_eq!(
            browser.send(&registry, Method::GET, "/api/v1/user/", None).await.status,
            StatusCode::UNAUTHORIZED
        );
    }
}

#[tokio::test]
async fn a_sensitive_action_needs_a_fresh_password() {
    let registry =
        Registry::with(|config| config.fresh_login_timeout = Period::parse("0s").expect("a period")).await;
    let mut browser = Browser::signed_in(&registry, "alice").await;
    let answer = browser.send(&registry, Method::DELETE, "/api/v1/organization/charts", None).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(answer.json()["error_type"], "fresh_login_required");
    // A script brings the password with the request.
    alice(&registry, Method::DELETE, "/api/v1/organization/charts", None, 204).await;
    // The control: a session that is fresh enough may do it as well.
    let registry = Registry::new().await;
    let mut browser = Browser::signed_in(&registry, "alice").await;
    let answer = browser.send(&registry, Method::DELETE, "/api/v1/organization/charts", None).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn showing_the_password_again_refreshes_the_session() {
    let registry = Registry::new().await;
    let mut browser = Browser::signed_in(&registry, "alice").await;
    let before = browser.cookie.clone();
    let password = Some(json!({"password": PASSWORD}));
    let answer = browser.send(&registry, Method::POST, "/api/v1/signin/verify", password).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_ne!(browser.cookie, before);
    assert_eq!(browser.send(&registry, Method::GET, "/api/v1/user/", None).await.status, StatusCode::OK);
    let wrong = Some(json!({"password": "no"}));
    let answer = browser.send(&registry, Method::POST, "/api/v1/signin/verify", wrong).await;
    assert_eq!((answer.status, &answer.json()["invalidCredentials"]), (StatusCode::FORBIDDEN, &json!(true)));
}

#[tokio::test]
async fn the_first_account_is_made_only_where_that_is_allowed_and_only_once() {
    let first = || {
        Some(
            json!({"username": "quayadmin", "password": "quaypass12345", "email": "a@b.example", "access_token": true}),
        )
    };
    let path = "/api/v1/user/initialize";
    let closed = Registry::empty(|_| {}).await;
    assert_eq!(script(&closed, &As::Nobody, Method::POST, path, first()).await.status, StatusCode::NOT_FOUND);
    assert_eq!(script(&closed, &As::Nobody, Method::POST, path, None).await.status, StatusCode::NOT_FOUND);

    let registry = Registry::empty(|config| {
        config.feature_user_initialize = true;
        config.super_users = vec!["quayadmin".to_owned()];
    })
    .await;
    let weak = Some(json!({"username": "quayadmin", "password": "short"}));
    let answer = script(&registry, &As::Nobody, Method::POST, path, weak).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let told = answer.json()["message"].as_str().expect("a message").to_owned();
    assert!(told.starts_with("Failed to initialize user: Invalid password"), "{told}");

    let answer = script(&registry, &As::Nobody, Method::POST, path, first()).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(
        (&answer.json()["username"], &answer.json()["email"]),
        (&json!("quayadmin"), &json!("a@b.example"))
    );
    let key = answer.json()["encrypted_password"].as_str().expect("an encrypted password").to_owned();
    let key = Secret::new(key);
    let here = std::net::Ipv4Addr::LOCALHOST.into();
    let client = registry.core.authenticate_client("quayadmin", &key, here).await.expect("logs in");
    assert_eq!(client.name(), Some("quayadmin"));
    let token = As::Token(answer.json()["access_token"].as_str().expect("a token").to_owned());

    let again = script(&registry, &As::Nobody, Method::POST, path, first()).await;
    assert_eq!(again.status, StatusCode::BAD_REQUEST);
    assert_eq!(again.json(), json!({"message": "Cannot initialize user in a non-empty database"}));

    // What automation does with the token.
    for (method, path, body, status) in [
        (Method::GET, "/api/v1/user/", None, 200),
        (Method::POST, "/api/v1/organization/", Some(json!({"name": "charts"})), 201),
        (Method::PUT, "/api/v1/organization/charts/robots/ci", Some(json!({"description": "x"})), 201),
        (
            Method::POST,
            "/api/v1/repository",
            Some(
                json!({"namespace": "charts", "repository": "demo", "visibility": "private", "description": ""}),
            ),
            201,
        ),
        (
            Method::PUT,
            "/api/v1/repository/charts/demo/permissions/user/charts+ci",
            Some(json!({"role": "write"})),
            200,
        ),
        (Method::GET, "/api/v1/superuser/users/", None, 200),
    ] {
        let answer = script(&registry, &token, method.clone(), path, body).await;
        assert_eq!(answer.status.as_u16(), status, "{method} {path}: {answer:?}");
    }
}

#[tokio::test]
async fn everybody_may_look_up_a_person_but_not_their_address() {
    let registry = Registry::new().await;
    let answer = registry.get(&As::Nobody, "/api/v1/users/alice").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.json()["username"], "alice");
    assert!(!String::from_utf8_lossy(&answer.body).contains('@'));
    for missing in ["nobody", "charts", "charts+ci"] {
        assert_eq!(
            registry.get(&As::Nobody, &format!("/api/v1/users/{missing}")).await.status,
            StatusCode::NOT_FOUND
        );
    }
}

#[tokio::test]
async fn a_superuser_makes_accounts_for_others() {
    let registry = Registry::new().await;
    let root = As::Basic("root");
    let new = Some(json!({"username": "dave", "email": "dave@registry.example"}));
    let answer = script(&registry, &root, Method::POST, "/api/v1/superuser/users/", new).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let password = answer.json()["password"].as_str().expect("a password").to_owned();
    assert_eq!(password.len(), 32);
    let key = Secret::new(answer.json()["encrypted_password"].as_str().expect("an encrypted password"));
    let here = std::net::Ipv4Addr::LOCALHOST.into();
    assert!(registry.core.authenticate_client("dave", &key, here).await.is_ok());
    let mut browser = Browser::open(&registry).await;
    let credentials = Some(json!({"username": "dave", "password": password}));
    assert_eq!(
        browser.send(&registry, Method::POST, "/api/v1/signin", credentials).await.status,
        StatusCode::OK
    );
    let listed = script(&registry, &root, Method::GET, "/api/v1/superuser/users/", None).await.json();
    let names: Vec<_> =
        listed["users"].as_array().expect("users").iter().map(|user| user["username"].clone()).collect();
    assert_eq!(names, ["alice", "bob", "dave", "root"]);
}
