//! A panic in a handler is an answer for the client and nothing more.

use axum::Router;
use axum::body::Body;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use quay_registry::http::observe::observe;
use tower::ServiceExt;

use crate::temporary::Registry;

#[tokio::test]
async fn a_panic_is_answered_with_an_error_and_the_next_request_works() {
    let registry = Registry::new().await;
    let router = Router::new()
        .route("/breaks", get(|| async { Vec::<u8>::new()[usize::from(true)].to_string() }))
        .route("/works", get(|| async { "works" }))
        .layer(from_fn_with_state(registry.app.clone(), observe));
    let ask = async |path: &str, id: &str| {
        let request = Request::get(path).header("x-request-id", id).body(Body::empty()).expect("a request");
        router.clone().oneshot(request).await.expect("an answer")
    };
    let broken = ask("/breaks", "mine-1").await;
    assert_eq!(broken.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(broken.headers()["x-request-id"], "mine-1");
    let body = broken.into_body().collect().await.expect("a body").to_bytes();
    let body: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(body["errors"][0]["code"], "UNKNOWN");
    assert_eq!(body["errors"][0]["message"], "internal error", "and no more than that");

    let works = ask("/works", "not harmless: \"").await;
    assert_eq!(works.status(), StatusCode::OK);
    assert_ne!(works.headers()["x-request-id"], "not harmless: \"");
}
