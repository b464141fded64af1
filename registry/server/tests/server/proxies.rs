//! Behind proxies: whose address is written down and counted, and what a proxy has no say in.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use http::{Method, Request, StatusCode};
use quay_config::Config;
use quay_core::ManualClock;
use quay_registry::listen::Peer;

use crate::temporary::{Answer, As, Registry, request};

const PROXY: &str = "10.0.0.1:4711";
const STRANGER: &str = "192.0.2.1:4711";

/// A registry that trusts the network of [`PROXY`], and for which no time goes by.
async fn trusting() -> Registry {
    let clock = Arc::new(ManualClock::at(jiff::Timestamp::now().as_millisecond()));
    let change =
        |config: &mut Config| config.trusted_proxies = vec!["10.0.0.0/8".parse().expect("a network")];
    Registry::with_clock(clock, change).await
}

/// A request over a connection from `peer`, which says that it comes from `client`.
fn from(peer: &str, client: &str, mut request: Request<Body>) -> Request<Body> {
    let peer: SocketAddr = peer.parse().expect("an address");
    request.extensions_mut().insert(Peer(peer));
    request.headers_mut().insert("x-forwarded-for", client.parse().expect("a header"));
    request
}

fn bodiless(who: &As, method: Method, path: &str) -> Request<Body> {
    request(who, method, path).body(Body::empty()).expect("a request")
}

/// Makes a robot over such a connection, and tells which address the log has got.
async fn logged(registry: &Registry, peer: &str, client: &str) -> String {
    let path = format!("/api/v1/organization/charts/robots/{}", uuid::Uuid::new_v4().simple());
    let made = registry.send(from(peer, client, bodiless(&As::Basic("alice"), Method::PUT, &path))).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    let logs = registry.get(&As::Basic("alice"), "/api/v1/organization/charts/logs").await.json();
    let line = &logs["logs"][0];
    assert_eq!(line["kind"], "create_robot");
    line["ip"].as_str().expect("an address").to_owned()
}

#[tokio::test]
async fn the_log_has_the_clients_address_where_its_proxy_is_trusted_from_one_request_to_the_next() {
    let registry = trusting().await;
    assert_eq!(logged(&registry, PROXY, "198.51.100.1, 203.0.113.9").await, "203.0.113.9");
    assert_eq!(logged(&registry, STRANGER, "203.0.113.9").await, "192.0.2.1");
    let mut config = (*registry.core.config()).clone();
    config.trusted_proxies.clear();
    registry.core.swap_config(config);
    assert_eq!(logged(&registry, PROXY, "203.0.113.9").await, "10.0.0.1");
}

/// Signs bob in over such a connection.
async fn sign_in(registry: &Registry, peer: &str, client: &str, password: &str) -> Answer {
    let form = format!("grant_type=password&service=x&username=bob&password={password}");
    let asked = request(&As::Nobody, Method::POST, "/v2/auth")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(form))
        .expect("a request");
    registry.send(from(peer, client, asked)).await
}

#[tokio::test]
async fn a_guesser_behind_a_trusted_proxy_locks_out_nobody_but_itself() {
    let registry = trusting().await;
    for peer in [PROXY, STRANGER] {
        for _ in 0..6 {
            let guess = sign_in(&registry, peer, "203.0.113.9", "wrong").await;
            assert_eq!(guess.status, StatusCode::UNAUTHORIZED, "{peer}");
        }
        let locked = sign_in(&registry, peer, "203.0.113.9", "wrong").await;
        assert_eq!(locked.status, StatusCode::TOO_MANY_REQUESTS, "{peer}");
    }
    let right = crate::temporary::PASSWORD;
    assert_eq!(sign_in(&registry, PROXY, "203.0.113.10", right).await.status, StatusCode::OK);
    // The control, and the other side of it: what a stranger writes gives it no other address to guess from.
    assert_eq!(sign_in(&registry, PROXY, "203.0.113.9", right).await.status, StatusCode::TOO_MANY_REQUESTS);
    let elsewhere = sign_in(&registry, STRANGER, "203.0.113.10", right).await;
    assert_eq!(elsewhere.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn no_proxy_has_a_say_in_host_and_scheme() {
    let registry = trusting().await;
    for path in ["/v2/", "/signin"] {
        let plain = registry.send(from(PROXY, "203.0.113.9", bodiless(&As::Nobody, Method::GET, path))).await;
        let mut asked = from(PROXY, "203.0.113.9", bodiless(&As::Nobody, Method::GET, path));
        for (name, value) in [
            ("x-forwarded-host", "evil.example"),
            ("x-forwarded-proto", "http"),
            ("x-forwarded-port", "80"),
            ("x-forwarded-prefix", "/evil"),
            ("forwarded", "for=203.0.113.9;host=evil.example;proto=http"),
        ] {
            asked.headers_mut().insert(name, value.parse().expect("a header"));
        }
        let told = registry.send(asked).await;
        assert_eq!(told.status, plain.status);
        for name in ["www-authenticate", "strict-transport-security", "location"] {
            assert_eq!(told.header(name), plain.header(name), "{path}: {name}");
        }
        assert_eq!(told.header("set-cookie").contains("; Secure"), path == "/signin", "{told:?}");
        assert!(!String::from_utf8_lossy(&told.body).contains("evil.example"));
    }
    let challenge = registry.get(&As::Nobody, "/v2/").await;
    assert!(challenge.header("www-authenticate").contains("https://registry.example"), "{challenge:?}");
}
