//! One's own account: changing and deleting it, passwords for programs, stars, notifications.

use http::{Method, StatusCode};
use quay_config::Period;
use serde_json::json;

use super::{Browser, alice, script};
use crate::temporary::{As, PASSWORD, Registry, request};

const NEW: &str = "a-new-password";

#[tokio::test]
async fn a_new_password_ends_other_sessions_and_keeps_this_one() {
    let registry = Registry::new().await;
    let mut one = Browser::signed_in(&registry, "alice").await;
    let mut other = Browser::signed_in(&registry, "alice").await;
    let before = one.cookie.clone();
    let answer = one.send(&registry, Method::PUT, "/api/v1/user/", Some(json!({"password": NEW}))).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_ne!(one.cookie, before);
    assert_eq!(one.send(&registry, Method::GET, "/api/v1/user/", None).await.status, StatusCode::OK);
    let answer = other.send(&registry, Method::GET, "/api/v1/user/", None).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    for (password, status) in [(PASSWORD, StatusCode::FORBIDDEN), (NEW, StatusCode::OK)] {
        let credentials = Some(json!({"username": "alice", "password": password}));
        let answer = other.send(&registry, Method::POST, "/api/v1/signin", credentials).await;
        assert_eq!(answer.status, status);
    }
}

#[tokio::test]
async fn the_account_is_changed_and_shown_as_changed() {
    let registry = Registry::new().await;
    let body = json!({"email": "new@registry.example", "company": "ACME", "tag_expiration_s": 86_400});
    let answer = alice(&registry, Method::PUT, "/api/v1/user/", Some(body), 200).await.json();
    assert_eq!(answer["email"], "new@registry.example");
    assert_eq!((&answer["company"], &answer["tag_expiration_s"]), (&json!("ACME"), &json!(86_400)));
    for (body, told) in [
        (json!({"email": "bob@registry.example"}), "Email has already been used"),
        (json!({"email": "nowhere"}), "Invalid email address"),
        (json!({"password": "short"}), "Invalid password"),
        (json!({"username": "other"}), "Accounts cannot be renamed"),
        (json!({"tag_expiration_s": 7}), "Invalid tag expiration"),
    ] {
        let answer = alice(&registry, Method::PUT, "/api/v1/user/", Some(body), 400).await.json();
        assert!(answer["detail"].as_str().expect("a text").starts_with(told), "{answer}");
    }
}

#[tokio::test]
async fn a_change_with_a_wrong_part_changes_no_other_part() {
    let registry = Registry::with(|config| config.feature_user_rename = true).await;
    let before = alice(&registry, Method::GET, "/api/v1/user/", None, 200).await.json();
    for body in [
        json!({"email": "new@registry.example", "username": "al2", "password": "short"}),
        json!({"email": "new@registry.example", "username": "Al 2"}),
        json!({"email": "new@registry.example", "company": "ACME", "tag_expiration_s": 7}),
        json!({"email": "new@registry.example", "company": "ACME", "username": "bob"}),
    ] {
        alice(&registry, Method::PUT, "/api/v1/user/", Some(body), 400).await;
        assert_eq!(alice(&registry, Method::GET, "/api/v1/user/", None, 200).await.json(), before);
    }
    // The control: the same parts, of which each can be.
    let body = json!({"email": "new@registry.example", "company": "ACME", "username": "al2"});
    let after = alice(&registry, Method::PUT, "/api/v1/user/", Some(body), 200).await.json();
    assert_eq!(after["username"], "al2");
    assert_eq!((&after["email"], &after["company"]), (&json!("new@registry.example"), &json!("ACME")));
}

#[tokio::test]
async fn what_is_sensitive_about_an_account_needs_a_fresh_password() {
    let sensitive = [
        (Method::PUT, "/api/v1/user/", Some(json!({"email": "x@registry.example"}))),
        (Method::DELETE, "/api/v1/user/", None),
        (Method::POST, "/api/v1/user/apptoken", Some(json!({"title": "laptop"}))),
        (Method::GET, "/api/v1/user/apptoken/x", None),
        (Method::DELETE, "/api/v1/user/apptoken/x", None),
    ];
    let stale =
        Registry::with(|config| config.fresh_login_timeout = Period::parse("0s").expect("a period")).await;
    let mut browser = Browser::signed_in(&stale, "bob").await;
    for (method, path, body) in sensitive.clone() {
        let answer = browser.send(&stale, method.clone(), path, body).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{method} {path}");
        assert_eq!(answer.json()["error_type"], "fresh_login_required", "{method} {path}");
    }
    // The control: nobody is asked again right after signing in.
    let registry = Registry::new().await;
    let mut browser = Browser::signed_in(&registry, "bob").await;
    for (method, path, body) in sensitive.into_iter().filter(|(method, ..)| *method != Method::DELETE) {
        let answer = browser.send(&registry, method.clone(), path, body).await;
        assert_ne!(answer.status, StatusCode::UNAUTHORIZED, "{method} {path}");
    }
    let answer = browser.send(&registry, Method::DELETE, "/api/v1/user/", None).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert_eq!(registry.get(&As::Nobody, "/api/v1/users/bob").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_only_owner_of_an_organization_is_told_to_hand_it_over_first() {
    let registry = Registry::new().await;
    let answer = alice(&registry, Method::DELETE, "/api/v1/user/", None, 400).await.json();
    assert!(answer["detail"].as_str().expect("a text").contains("only owner of the organization charts"));
}

#[tokio::test]
async fn showing_the_password_again_ends_the_session_before() {
    let registry = Registry::new().await;
    let mut browser = Browser::signed_in(&registry, "alice").await;
    let before = browser.clone();
    let password = Some(json!({"password": PASSWORD}));
    browser.send(&registry, Method::POST, "/api/v1/signin/verify", password).await;
    let seen = async |browser: &mut Browser| {
        browser.send(&registry, Method::GET, "/api/v1/user/", None).await.status
    };
    assert_eq!(seen(&mut before.clone()).await, StatusCode::UNAUTHORIZED);
    assert_eq!(seen(&mut browser).await, StatusCode::OK);
}

#[tokio::test]
async fn a_cookie_that_was_planted_is_nobodys_after_signing_in() {
    let registry = Registry::new().await;
    let planted = Browser::open(&registry).await;
    let mut victim = planted.clone();
    let credentials = Some(json!({"username": "alice", "password": PASSWORD}));
    victim.send(&registry, Method::POST, "/api/v1/signin", credentials).await;
    assert_ne!(victim.cookie, planted.cookie);
    // Who planted it has a session with nobody in it; the control is the victim's own.
    for (mut browser, status) in [(planted, StatusCode::UNAUTHORIZED), (victim, StatusCode::OK)] {
        assert_eq!(browser.send(&registry, Method::GET, "/api/v1/user/", None).await.status, status);
    }
}

#[tokio::test]
async fn a_request_from_another_site_changes_nothing() {
    let registry = Registry::new().await;
    let mut browser = Browser::signed_in(&registry, "alice").await;
    let strangers = Browser::signed_in(&registry, "bob").await;
    let new = || Some(json!({"name": "made-by-csrf"}));
    for token in [String::new(), "x".to_owned(), strangers.csrf.clone(), format!("{}0", browser.csrf)] {
        let mut forged = Browser { csrf: token, ..browser.clone() };
        let answer = forged.send(&registry, Method::POST, "/api/v1/organization/", new()).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        assert_eq!(answer.json(), json!({"error": "CSRF token was invalid or missing."}));
    }
    let path = "/api/v1/organization/made-by-csrf";
    assert_eq!(registry.get(&As::Nobody, path).await.status, StatusCode::NOT_FOUND);
    // The control: the token of the cookie opens the way.
    let answer = browser.send(&registry, Method::POST, "/api/v1/organization/", new()).await;
    assert_eq!(answer.status, StatusCode::CREATED);
}

#[tokio::test]
async fn an_application_token_logs_in_clients_and_is_shown_again() {
    let registry = Registry::new().await;
    let new = Some(json!({"title": "laptop"}));
    let made = alice(&registry, Method::POST, "/api/v1/user/apptoken", new, 200).await.json();
    let (uuid, code) = (&made["token"]["uuid"], &made["token"]["token_code"]);
    let (uuid, code) = (uuid.as_str().expect("a name"), code.as_str().expect("a secret"));
    let path = format!("/api/v1/user/apptoken/{uuid}");
    let shown = alice(&registry, Method::GET, &path, None, 200).await.json();
    assert_eq!(shown["token"]["token_code"], code);
    let listed = alice(&registry, Method::GET, "/api/v1/user/apptoken", None, 200).await.json();
    assert_eq!(listed["only_expiring"], false);
    assert_eq!(listed["tokens"].as_array().expect("tokens").len(), 1);
    assert!(listed["tokens"][0].get("token_code").is_none(), "lists show no secret");

    let ping = async || {
        let basic = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, format!("$app:{code}"));
        let ask = request(&As::Nobody, Method::GET, "/v2/").header("authorization", format!("Basic {basic}"));
        registry.send(ask.body(axum::body::Body::empty()).expect("a request")).await.status
    };
    assert_eq!(ping().await, StatusCode::OK);
    let bob = script(&registry, &As::Basic("bob"), Method::GET, &path, None).await;
    assert_eq!(bob.status, StatusCode::NOT_FOUND);
    alice(&registry, Method::DELETE, &path, None, 204).await;
    assert_eq!(ping().await, StatusCode::UNAUTHORIZED);
    alice(&registry, Method::GET, &path, None, 404).await;
}

#[tokio::test]
async fn an_encrypted_password_logs_in_clients_and_nothing_else() {
    let registry = Registry::new().await;
    let mut browser = Browser::signed_in(&registry, "alice").await;
    let path = "/api/v1/user/clientkey";
    let ask = |password: &str| Some(json!({"password": password}));
    let wrong = browser.send(&registry, Method::POST, path, ask("no")).await;
    assert_eq!(wrong.status, StatusCode::FORBIDDEN);
    assert_eq!(
        wrong.json(),
        json!({"needsEmailVerification": false, "invalidCredentials": true, "message": "Invalid Username or Password"})
    );
    let nobody = Browser::open(&registry).await.send(&registry, Method::POST, path, ask(PASSWORD)).await;
    assert_eq!(nobody.status, StatusCode::UNAUTHORIZED);
    let missing = browser.send(&registry, Method::POST, path, Some(json!({}))).await;
    assert_eq!(missing.status, StatusCode::BAD_REQUEST);

    let made = browser.send(&registry, Method::POST, path, ask(PASSWORD)).await;
    assert_eq!(made.status, StatusCode::OK, "{made:?}");
    let key = made.json()["key"].as_str().expect("a key").to_owned();
    assert!(!key.contains(PASSWORD));
    let basic = async |path: &str| {
        let pair = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, format!("alice:{key}"));
        let ask = request(&As::Nobody, Method::GET, path).header("authorization", format!("Basic {pair}"));
        registry.send(ask.body(axum::body::Body::empty()).expect("a request")).await.status
    };
    assert_eq!(basic("/v2/").await, StatusCode::OK);
    assert_eq!(basic("/v2/auth").await, StatusCode::OK);
    assert_eq!(basic("/api/v1/user/").await, StatusCode::UNAUTHORIZED);
    for path in ["/api/v1/signin", "/api/v1/signin/verify"] {
        let body = Some(json!({"username": "alice", "password": key}));
        let answer = browser.send(&registry, Method::POST, path, body).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
    }

    let mut config = (*registry.core.config()).clone();
    config.feature_require_encrypted_basic_auth = true;
    registry.core.swap_config(config);
    let plain = registry.get(&As::Basic("alice"), "/v2/auth").await;
    assert_eq!((plain.status, plain.code()), (StatusCode::UNAUTHORIZED, "UNAUTHORIZED".to_owned()));
    assert!(String::from_utf8_lossy(&plain.body).contains("encrypted password"), "{plain:?}");
    assert_eq!(basic("/v2/auth").await, StatusCode::OK);
}

#[tokio::test]
async fn guessing_at_an_encrypted_password_is_slowed_down() {
    let registry = Registry::new().await;
    let mut browser = Browser::signed_in(&registry, "alice").await;
    let mut statuses = Vec::new();
    for _ in 0..20 {
        let wrong = Some(json!({"password": "wrong"}));
        statuses.push(browser.send(&registry, Method::POST, "/api/v1/user/clientkey", wrong).await.status);
    }
    assert_eq!(statuses[0], StatusCode::FORBIDDEN);
    assert!(statuses.contains(&StatusCode::TOO_MANY_REQUESTS), "{statuses:?}");
}

#[tokio::test]
async fn stars_are_given_listed_and_taken_back() {
    let registry = Registry::new().await;
    registry.push(&As::Basic("alice"), "charts/deep/demo", "v1").await;
    let star = || Some(json!({"namespace": "charts", "repository": "deep/demo"}));
    let made = alice(&registry, Method::POST, "/api/v1/user/starred", star(), 201).await;
    assert_eq!(made.json(), json!({"namespace": "charts", "repository": "deep/demo"}));
    let refused = script(&registry, &As::Basic("bob"), Method::POST, "/api/v1/user/starred", star()).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "one sees what one gives a star");
    for path in
        ["/api/v1/user/starred", "/api/v1/repository?starred=true", "/api/v1/repository?namespace=charts"]
    {
        let listed = alice(&registry, Method::GET, path, None, 200).await.json();
        let first = &listed["repositories"][0];
        assert_eq!((&first["name"], &first["is_starred"]), (&json!("deep/demo"), &json!(true)), "{path}");
    }
    let shown = alice(&registry, Method::GET, "/api/v1/repository/charts/deep/demo", None, 200).await.json();
    assert_eq!(shown["is_starred"], true);
    alice(&registry, Method::DELETE, "/api/v1/user/starred/charts/deep/demo", None, 204).await;
    let listed = alice(&registry, Method::GET, "/api/v1/user/starred", None, 200).await.json();
    assert_eq!(listed["repositories"], json!([]));
}

#[tokio::test]
async fn there_are_no_notifications_and_nobody_elses_either() {
    let registry = Registry::new().await;
    let path = "/api/v1/user/notifications";
    let answer = alice(&registry, Method::GET, path, None, 200).await;
    assert_eq!(answer.json(), json!({"notifications": [], "additional": false}));
    assert_eq!(registry.get(&As::Nobody, path).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_config_document_tells_what_a_console_needs_and_no_secret() {
    let registry = Registry::with(|config| config.registry_title = "Ours".to_owned()).await;
    let answer = registry.get(&As::Nobody, "/config").await;
    assert_eq!(answer.status, StatusCode::OK);
    let document = answer.json();
    assert_eq!(document["config"]["REGISTRY_TITLE"], "Ours");
    assert_eq!(
        (&document["features"]["USER_CREATION"], &document["features"]["MAILING"]),
        (&json!(true), &json!(false))
    );
    assert_eq!((&document["registry_state"], &document["external_login"]), (&json!("normal"), &json!([])));
    assert!(!document["version_number"].as_str().expect("a version").is_empty());
    let text = String::from_utf8(answer.body.to_vec()).expect("text");
    for secret in ["secret for tests", "SECRET_KEY", "SUPER_USERS\":[", "root"] {
        assert!(!text.contains(secret), "{secret}");
    }
    let off = Registry::with(|config| config.feature_user_creation = false).await;
    assert_eq!(off.get(&As::Nobody, "/config").await.json()["features"]["USER_CREATION"], false);
}

#[tokio::test]
async fn an_account_becomes_an_organization_and_the_browser_its_owners() {
    let registry = Registry::new().await;
    let path = "/api/v1/user/convert";
    let to = |owner: &str, password: &str| Some(json!({"adminUser": owner, "adminPassword": password}));
    let mut browser = Browser::signed_in(&registry, "bob").await;
    for (body, said) in [
        (to("alice", "wrong"), "The admin user credentials are not valid"),
        (to("bob", PASSWORD), "The admin user is not valid"),
        (Some(json!({"adminUser": "alice"})), "Invalid JSON body"),
    ] {
        let answer = browser.send(&registry, Method::POST, path, body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert!(answer.json()["detail"].as_str().expect("a text").starts_with(said), "{answer:?}");
    }
    for (who, status) in [(As::Nobody, 403), (As::Basic("root"), 400), (As::Basic("alice"), 400)] {
        let answer = script(&registry, &who, Method::POST, path, to("bob", PASSWORD)).await;
        assert_eq!(answer.status.as_u16(), status, "{who:?}: {answer:?}");
    }
    let before = browser.clone();
    let answer = browser.send(&registry, Method::POST, path, to("alice", PASSWORD)).await;
    assert_eq!((answer.status, answer.json()), (StatusCode::OK, json!({"success": true})));
    let me = browser.send(&registry, Method::GET, "/api/v1/user/", None).await.json();
    assert_eq!(me["username"], "alice");
    let old = before.clone().send(&registry, Method::GET, "/api/v1/user/", None).await;
    assert_eq!(old.status, StatusCode::UNAUTHORIZED);
    assert_eq!(registry.get(&As::Basic("bob"), "/v2/").await.status, StatusCode::UNAUTHORIZED);
    let organization = alice(&registry, Method::GET, "/api/v1/organization/bob", None, 200).await.json();
    assert_eq!(organization["is_admin"], true);
}
