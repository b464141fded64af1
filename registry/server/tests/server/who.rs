//! Who gets what: every line of the table of answers, by every kind of caller.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::{Method, StatusCode};

use crate::temporary::{As, HOST, Registry, request};

const ZERO: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

#[tokio::test]
async fn the_base_path_asks_for_a_token_and_takes_any_good_credential() {
    let registry = Registry::new().await;
    for path in ["/v2/", "/v2"] {
        let answer = registry.get(&As::Nobody, path).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert_eq!(answer.header("docker-distribution-api-version"), "registry/2.0");
        assert_eq!(
            answer.header("www-authenticate"),
            format!("Bearer realm=\"https://{HOST}/v2/auth\",service=\"{HOST}\"")
        );
        assert_eq!(answer.code(), "UNAUTHORIZED");
    }
    assert_eq!(registry.get(&As::Basic("alice"), "/v2/").await.status, StatusCode::OK);
    assert_eq!(registry.get(&As::Robot(registry.robot_token.clone()), "/v2/").await.status, StatusCode::OK);
    let token = registry.token(&As::Basic("alice"), "").await;
    assert_eq!(registry.get(&token, "/v2/").await.status, StatusCode::OK);
    let forged = registry.get(&As::Token("not.a.token".to_owned()), "/v2/").await;
    assert_eq!(forged.status, StatusCode::UNAUTHORIZED);
    assert!(forged.header("www-authenticate").contains("error=\"invalid_token\""), "{forged:?}");
}

#[tokio::test]
async fn the_realm_follows_the_host_only_when_it_is_ours() {
    let registry = Registry::new().await;
    for (host, realm) in [
        ("registry.example", "https://registry.example/v2/auth"),
        ("registry.example:31443", "https://registry.example:31443/v2/auth"),
        ("evil.example", "https://registry.example:8443/v2/auth"),
    ] {
        let asked = http::Request::get("/v2/").header("host", host).body(axum::body::Body::empty());
        let answer = registry.send(asked.expect("a request")).await;
        assert!(
            answer.header("www-authenticate").starts_with(&format!("Bearer realm=\"{realm}\"")),
            "{answer:?}"
        );
    }
}

#[tokio::test]
async fn nobody_gets_a_challenge_that_names_the_scope() {
    let registry = Registry::new().await;
    registry.push(&As::Basic("alice"), "charts/demo", "v1").await;
    let reads = [
        (Method::GET, "manifests/v1"),
        (Method::HEAD, "manifests/v1"),
        (Method::GET, &format!("blobs/{ZERO}")),
        (Method::GET, "tags/list"),
        (Method::GET, &format!("referrers/{ZERO}")),
    ];
    let writes = [
        (Method::POST, "blobs/uploads/"),
        (Method::PUT, "manifests/v1"),
        (Method::PATCH, "blobs/uploads/0190a6a5-7a51-7d2e-9c5e-0123456789ab"),
    ];
    for name in ["charts/demo", "charts/missing", "nobody/missing"] {
        for (method, path) in &reads {
            let answer = registry.ask(&As::Nobody, method.clone(), &format!("/v2/{name}/{path}")).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{method} {name} {path}");
            let scope = format!(",scope=\"repository:{name}:pull\"");
            assert!(answer.header("www-authenticate").ends_with(&scope), "{answer:?}");
        }
        for (method, path) in &writes {
            let answer = registry.ask(&As::Nobody, method.clone(), &format!("/v2/{name}/{path}")).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{method} {name} {path}");
            let scope = format!(",scope=\"repository:{name}:pull,push\"");
            assert!(answer.header("www-authenticate").ends_with(&scope), "{answer:?}");
        }
    }
}

#[tokio::test]
async fn a_stranger_is_denied_alike_whether_it_exists_or_not() {
    let registry = Registry::new().await;
    registry.push(&As::Basic("alice"), "charts/demo", "v1").await;
    for who in [As::Basic("bob"), registry.token(&As::Basic("bob"), "repository:charts/demo:pull,push").await]
    {
        let mut answers = Vec::new();
        for name in ["charts/demo", "charts/missing"] {
            let answer = registry.get(&who, &format!("/v2/{name}/manifests/v1")).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{who:?} {name}");
            // The text names what was asked for, and nothing else may differ.
            answers.push(String::from_utf8_lossy(&answer.body).replace(name, "NAME"));
        }
        assert_eq!(answers[0], answers[1]);
        let push = registry.ask(&who, Method::POST, "/v2/charts/demo/blobs/uploads/").await;
        assert_eq!((push.status, push.code()), (StatusCode::FORBIDDEN, "DENIED".to_owned()), "{who:?}");
    }
}

#[tokio::test]
async fn a_token_that_is_too_narrow_is_told_which_scope_would_do() {
    let registry = Registry::new().await;
    registry.push(&As::Basic("alice"), "charts/demo", "v1").await;
    let narrow = registry.token(&As::Basic("alice"), "repository:charts/demo:pull").await;
    assert_eq!(registry.get(&narrow, "/v2/charts/demo/manifests/v1").await.status, StatusCode::OK);
    let answer = registry.ask(&narrow, Method::POST, "/v2/charts/demo/blobs/uploads/").await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    let challenge = answer.header("www-authenticate");
    assert!(challenge.contains("scope=\"repository:charts/demo:pull,push\""), "{challenge}");
    assert!(challenge.ends_with(",error=\"insufficient_scope\""), "{challenge}");
}

#[tokio::test]
async fn who_may_create_is_told_that_the_name_is_unknown() {
    let registry = Registry::new().await;
    let robot = As::Robot(registry.robot_token.clone());
    for who in [As::Basic("alice"), robot.clone(), registry.token(&robot, "repository:charts/new:pull").await]
    {
        for path in ["manifests/v1".to_owned(), format!("blobs/{ZERO}"), "tags/list".to_owned()] {
            let answer = registry.get(&who, &format!("/v2/charts/new/{path}")).await;
            assert_eq!(
                (answer.status, answer.code()),
                (StatusCode::NOT_FOUND, "NAME_UNKNOWN".to_owned()),
                "{path}"
            );
        }
        let referrers = registry.get(&who, &format!("/v2/charts/new/referrers/{ZERO}")).await;
        assert_eq!(referrers.status, StatusCode::OK);
        assert_eq!(referrers.header("content-type"), "application/vnd.oci.image.index.v1+json");
        assert_eq!(referrers.json()["manifests"], serde_json::json!([]));
    }
}

#[tokio::test]
async fn nobody_may_pull_what_is_public_with_and_without_a_token() {
    let registry = Registry::new().await;
    let digest = registry.push(&As::Basic("alice"), "charts/demo", "v1").await;
    registry.publish("charts/demo").await;
    let token = registry.token(&As::Nobody, "repository:charts/demo:pull").await;
    for who in [As::Nobody, token, As::Basic("bob")] {
        let answer = registry.get(&who, "/v2/charts/demo/manifests/v1").await;
        assert_eq!(answer.status, StatusCode::OK, "{who:?}");
        assert_eq!(answer.header("docker-content-digest"), digest.as_str());
    }
    let unknown = registry.get(&As::Nobody, &format!("/v2/charts/demo/referrers/{ZERO}")).await;
    assert_eq!(unknown.status, StatusCode::OK, "an unknown subject in a readable repository");
}

#[tokio::test]
async fn a_wrong_password_is_refused_with_its_reason_everywhere() {
    let registry = Registry::new().await;
    // Each by a name of its own: the next attempt on the same account has to wait.
    for (path, name) in [
        ("/v2/auth?service=registry.example", "bob"),
        ("/v2/", "alice"),
        ("/v2/charts/demo/manifests/v1", "nobody-at-all"),
    ] {
        let credentials = BASE64_STANDARD.encode(format!("{name}:wrong"));
        let asked = http::Request::get(path)
            .header("host", HOST)
            .header("authorization", format!("Basic {credentials}"));
        let answer = registry.send(asked.body(axum::body::Body::empty()).expect("a request")).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(answer.json()["errors"][0]["message"], "Invalid Username or Password", "{path}");
        assert!(answer.header("www-authenticate").starts_with("Bearer "), "{path}");
    }
}

#[tokio::test]
async fn tokens_are_given_by_get_and_by_post_and_never_cached() {
    let registry = Registry::new().await;
    let get = registry
        .get(
            &As::Basic("alice"),
            "/v2/auth?service=registry.example:8443&scope=repository:charts/a:pull,push",
        )
        .await;
    let form = format!(
        "grant_type=password&service={HOST}&client_id=test&username=alice&password=correct-horse-battery&scope=repository%3Acharts%2Fa%3Apull%2Cpush"
    );
    let post = request(&As::Nobody, Method::POST, "/v2/auth")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(axum::body::Body::from(form))
        .expect("a request");
    let post = registry.send(post).await;
    for answer in [&get, &post] {
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        let json = answer.json();
        assert_eq!(json["token"], json["access_token"]);
        assert!(json["expires_in"].as_u64().expect("a number") >= 60);
        assert!(json["issued_at"].as_str().expect("a time").ends_with('Z'));
        assert!(answer.header("cache-control").contains("no-store"));
        let token = As::Token(json["token"].as_str().expect("a token").to_owned());
        let upload = registry.ask(&token, Method::POST, "/v2/charts/a/blobs/uploads/").await;
        assert_eq!(upload.status, StatusCode::ACCEPTED);
    }
    let refresh = request(&As::Nobody, Method::POST, "/v2/auth")
        .body(axum::body::Body::from("grant_type=refresh_token&refresh_token=x"))
        .expect("a request");
    assert_eq!(registry.send(refresh).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_token_for_another_service_is_made_for_us_and_a_foreign_audience_is_not_taken() {
    let registry = Registry::new().await;
    let answer = registry.get(&As::Basic("alice"), "/v2/auth?service=elsewhere.example").await;
    let token = As::Token(answer.json()["token"].as_str().expect("a token").to_owned());
    assert_eq!(registry.get(&token, "/v2/").await.status, StatusCode::OK);
    registry.app.names.configure(Some("moved.example"));
    let moved = registry.get(&token, "/v2/").await;
    assert_eq!(
        moved.status,
        StatusCode::UNAUTHORIZED,
        "the control: its audience is no longer one of our names"
    );
}

#[tokio::test]
async fn what_does_not_exist_is_said_in_json_with_the_usual_headers() {
    let registry = Registry::new().await;
    for (path, status) in [
        ("/nowhere", StatusCode::NOT_FOUND),
        ("/v2/nowhere", StatusCode::NOT_FOUND),
        ("/v2/charts/demo/nowhere/x", StatusCode::NOT_FOUND),
        ("/v1/users/", StatusCode::NOT_FOUND),
    ] {
        let answer = registry.get(&As::Nobody, path).await;
        assert_eq!((answer.status, answer.header("content-type")), (status, "application/json"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert!(!answer.header("x-request-id").is_empty());
    }
    let answer = registry.ask(&As::Nobody, Method::POST, "/v2/").await;
    assert_eq!((answer.status, answer.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, "GET, HEAD"));
}
