//! What does not succeed is answered in Quay's words.

use axum::body::Body;
use http::{Method, StatusCode};
use serde_json::json;

use super::{Browser, alice, problem_type, script};
use crate::temporary::{As, Registry, request};

#[tokio::test]
async fn every_refusal_has_the_shape_of_quays_problems() {
    let registry = Registry::new().await;
    registry.push(&As::Basic("alice"), "charts/demo", "v1").await;
    for (who, method, path, status, kind, detail) in [
        (As::Nobody, Method::GET, "/api/v1/user/", 401, "invalid_token", "Requires authentication"),
        (
            As::Basic("nobody"),
            Method::GET,
            "/api/v1/user/",
            401,
            "invalid_token",
            "Invalid Username or Password",
        ),
        (
            As::Nobody,
            Method::GET,
            "/api/v1/repository/charts/demo",
            401,
            "invalid_token",
            "Requires authentication",
        ),
        (
            As::Basic("bob"),
            Method::GET,
            "/api/v1/repository/charts/demo",
            403,
            "insufficient_scope",
            "Unauthorized",
        ),
        (
            As::Basic("bob"),
            Method::GET,
            "/api/v1/repository/charts/none",
            403,
            "insufficient_scope",
            "Unauthorized",
        ),
        (As::Basic("alice"), Method::GET, "/api/v1/repository/charts/none", 404, "not_found", "Not Found"),
        (
            As::Basic("bob"),
            Method::DELETE,
            "/api/v1/organization/charts",
            403,
            "insufficient_scope",
            "Unauthorized",
        ),
        (As::Basic("alice"), Method::GET, "/api/v1/nonsense", 404, "not_found", "Not Found"),
        (As::Basic("alice"), Method::GET, "/api/v1/repository/charts", 404, "not_found", "Not Found"),
        (
            As::Basic("alice"),
            Method::GET,
            "/api/v1/organization/none",
            404,
            "not_found",
            "organization not found",
        ),
        (As::Basic("alice"), Method::PATCH, "/api/v1/user/", 405, "invalid_request", "Method not allowed"),
        (
            As::Basic("alice"),
            Method::PATCH,
            "/api/v1/repository/charts/demo",
            405,
            "invalid_request",
            "Method not allowed",
        ),
        (
            As::Basic("alice"),
            Method::POST,
            "/api/v1/organization/",
            400,
            "invalid_request",
            "Missing JSON body",
        ),
        (
            As::Basic("alice"),
            Method::GET,
            "/api/v1/superuser/users/",
            403,
            "insufficient_scope",
            "Unauthorized",
        ),
    ] {
        let answer = script(&registry, &who, method.clone(), path, None).await;
        let what = format!("{who:?} {method} {path}");
        assert_eq!(answer.status.as_u16(), status, "{what}: {answer:?}");
        let problem = json!({
            "detail": detail, "error_message": detail, "error_type": kind, "title": kind, "status": status,
            "type": answer.json()["type"],
        });
        assert_eq!(answer.json(), problem, "{what}");
        assert_eq!(answer.header("content-type"), "application/json", "{what}");
        assert_eq!(answer.header("cache-control"), "no-store", "{what}");
    }
    let answer = registry.get(&As::Nobody, "/api/v1/user/").await;
    assert_eq!(answer.json()["type"], problem_type("invalid_token"));
}

#[tokio::test]
async fn paths_that_are_no_text_are_problems_too() {
    let registry = Registry::new().await;
    for path in ["organization/%ff", "users/%ff", "repository/charts/%ff", "user/robots/%ff"] {
        let answer =
            script(&registry, &As::Basic("alice"), Method::GET, &format!("/api/v1/{path}"), None).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}");
        assert_eq!(answer.header("content-type"), "application/json", "{path}");
        assert_eq!(answer.json()["error_type"], "invalid_request", "{path}");
        assert!(answer.json()["detail"].as_str().is_some_and(|text| text.contains("UTF-8")), "{answer:?}");
    }
}

#[tokio::test]
async fn bodies_that_cannot_be_read_are_told_what_is_wrong() {
    let registry = Registry::new().await;
    let send = async |content_type: &str, body: &str| {
        let builder = request(&As::Basic("alice"), Method::POST, "/api/v1/organization/");
        let builder = builder.header("content-type", content_type);
        registry.send(builder.body(Body::from(body.to_owned())).expect("a request")).await
    };
    for (content_type, body, detail) in [
        ("text/plain", "{\"name\": \"x\"}", "Missing JSON body"),
        ("application/json", "", "Missing JSON body"),
        ("application/json", "{", "Invalid JSON body: EOF"),
        ("application/json", "{}", "Invalid JSON body: missing field `name`"),
        ("application/json", "{\"name\": 7}", "Invalid JSON body: invalid type"),
        ("application/json", &"[".repeat(100_000), "Invalid JSON body: it must be an object"),
        ("application/json", "[\"listed\", null, null]", "Invalid JSON body: it must be an object"),
        ("text/plain", "{}", "Missing JSON body: send it with `Content-Type: application/json`"),
    ] {
        let answer = send(content_type, body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body:.20}");
        let told = answer.json()["detail"].as_str().expect("a text").to_owned();
        assert!(told.starts_with(detail), "{told}");
    }
    for (method, path) in
        [(Method::POST, "/api/v1/organization/"), (Method::PUT, "/api/v1/repository/charts/demo")]
    {
        let huge = request(&As::Basic("alice"), method, path).header("content-type", "application/json");
        let huge = registry.send(huge.body(Body::from(" ".repeat(2 << 20))).expect("a request")).await;
        assert_eq!(huge.status, StatusCode::PAYLOAD_TOO_LARGE, "{path}");
        assert_eq!(huge.json()["detail"], "content is too large: the limit is 1048576 bytes", "{path}");
    }
    assert_eq!(
        send("application/json; charset=utf-8", "{\"name\": \"fine\"}").await.status,
        StatusCode::CREATED
    );
}

#[tokio::test]
async fn nothing_changes_without_the_csrf_token_of_the_same_cookie() {
    let registry = Registry::new().await;
    let good = Browser::signed_in(&registry, "alice").await;
    let other = Browser::signed_in(&registry, "bob").await;
    let new = || Some(json!({"name": "made-by-form"}));
    for mut browser in [
        Browser { csrf: String::new(), ..good.clone() },
        Browser { csrf: "0".repeat(64), ..good.clone() },
        Browser { csrf: other.csrf.clone(), ..good.clone() },
        Browser { cookie: String::new(), ..good.clone() },
        Browser { cookie: "not a cookie of ours".to_owned(), ..good.clone() },
    ] {
        let answer = browser.send(&registry, Method::POST, "/api/v1/organization/", new()).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{browser:?}");
        assert_eq!(answer.json(), json!({"error": "CSRF token was invalid or missing."}));
    }
    assert_eq!(registry.get(&As::Basic("alice"), "/api/v1/organization/made-by-form").await.status, 404);
    // The control: with its own token the same request works, by header as well as by query.
    let answer = good.clone().send(&registry, Method::POST, "/api/v1/organization/", new()).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    let path = format!("/api/v1/organization/?_csrf_token={}", good.csrf);
    let mut by_query = Browser { csrf: String::new(), ..good };
    let answer = by_query.send(&registry, Method::POST, &path, Some(json!({"name": "by-query"}))).await;
    assert_eq!(answer.status, StatusCode::CREATED);
}

#[tokio::test]
async fn the_description_names_every_operation_and_each_of_them_is_served() {
    let registry = Registry::new().await;
    let description = registry.get(&As::Nobody, "/api/v1/discovery").await.json();
    let paths = description["paths"].as_object().expect("paths");
    insta::assert_snapshot!(
        paths
            .iter()
            .flat_map(|(path, methods)| {
                methods
                    .as_object()
                    .expect("methods")
                    .keys()
                    .map(move |method| format!("{} {path}", method.to_uppercase()))
            })
            .collect::<Vec<_>>()
            .join("\n")
    );
    for (path, methods) in paths {
        let path = path.replace("{repository}", "charts/x").replace("{orgname}", "charts");
        let path = path.replace("{error_type}", "not_found");
        let path: String = path
            .split('/')
            .map(|part| if part.starts_with('{') { "/some" } else { part })
            .collect::<Vec<_>>()
            .join("/");
        let path = path.replace("//", "/");
        for method in methods.as_object().expect("methods").keys() {
            let method: Method = method.to_uppercase().parse().expect("a method");
            if method == Method::DELETE {
                continue; // would take the organization away
            }
            let answer = script(&registry, &As::Basic("alice"), method.clone(), &path, None).await;
            assert_ne!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
            assert!(!answer.status.is_server_error(), "{method} {path}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn the_description_says_of_every_parameter_where_it_belongs() {
    let registry = Registry::new().await;
    let description = registry.get(&As::Nobody, "/api/v1/discovery").await.json();
    let mut in_queries = 0;
    for (path, methods) in description["paths"].as_object().expect("paths") {
        let mut named: Vec<&str> = path.split(['{', '}']).skip(1).step_by(2).collect();
        named.sort_unstable();
        for (method, operation) in methods.as_object().expect("methods") {
            let parameters = operation["parameters"].as_array().map_or(&[][..], Vec::as_slice);
            let of = |place: &str| {
                let there = parameters.iter().filter(|parameter| parameter["in"] == place);
                there.filter_map(|parameter| parameter["name"].as_str()).collect::<Vec<_>>()
            };
            let mut in_path = of("path");
            in_path.sort_unstable();
            assert_eq!(in_path, named, "{method} {path}");
            in_queries += of("query").len();
        }
    }
    assert!(in_queries > 40, "logs, lists and tags have filters: {in_queries}");
}

#[tokio::test]
async fn error_types_are_explained_where_problems_point_to() {
    let registry = Registry::new().await;
    let answer = alice(&registry, Method::GET, "/api/v1/error/fresh_login_required", None, 200).await;
    assert_eq!(answer.json()["title"], "fresh_login_required");
    alice(&registry, Method::GET, "/api/v1/error/whatever", None, 404).await;
}
