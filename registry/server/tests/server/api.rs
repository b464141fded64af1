//! `/api/v1` as a browser and as a script use it.

#[path = "api/accounts.rs"]
mod accounts;
#[path = "api/content.rs"]
mod content;
#[path = "api/finding.rs"]
mod finding;
#[path = "api/invoicing.rs"]
mod invoicing;
#[path = "api/logs.rs"]
mod logs;
#[path = "api/organizations.rs"]
mod organizations;
#[path = "api/own_account.rs"]
mod own_account;
#[path = "api/problems.rs"]
mod problems;
#[path = "api/repositories.rs"]
mod repositories;
#[path = "api/robots.rs"]
mod robots;
#[path = "api/superusers.rs"]
mod superusers;
#[path = "api/tags.rs"]
mod tags;

use axum::body::Body;
use http::{Method, StatusCode};
use serde_json::Value;

use crate::temporary::{Answer, As, HOST, PASSWORD, Registry, request};

/// What a browser keeps between requests.
#[derive(Clone, Debug, Default)]
struct Browser {
    cookie: String,
    csrf: String,
}

impl Browser {
    /// Visits the registry for the first time.
    async fn open(registry: &Registry) -> Self {
        let mut browser = Self::default();
        let answer = registry.get(&As::Nobody, "/csrf_token").await;
        assert_eq!(answer.status, StatusCode::OK);
        browser.keep(&answer);
        browser.csrf = answer.json()["csrf_token"].as_str().expect("a token").to_owned();
        browser
    }

    async fn signed_in(registry: &Registry, name: &str) -> Self {
        let mut browser = Self::open(registry).await;
        let credentials = serde_json::json!({"username": name, "password": PASSWORD});
        let answer = browser.send(registry, Method::POST, "/api/v1/signin", Some(credentials)).await;
        assert_eq!((answer.status, answer.json()), (StatusCode::OK, serde_json::json!({"success": true})));
        browser
    }

    /// Sends a request with cookie and CSRF token, and keeps what comes back of them.
    async fn send(&mut self, registry: &Registry, method: Method, path: &str, body: Option<Value>) -> Answer {
        let mut builder = request(&As::Nobody, method, path);
        if !self.cookie.is_empty() {
            builder = builder.header("cookie", format!("other=1; _csrf_token={}", self.cookie));
        }
        if !self.csrf.is_empty() {
            builder = builder.header("x-csrf-token", &self.csrf);
        }
        let answer = registry.send(with_json(builder, body)).await;
        self.keep(&answer);
        answer
    }

    fn keep(&mut self, answer: &Answer) {
        if let Some(pair) = answer.header("set-cookie").split(';').next().filter(|pair| !pair.is_empty()) {
            self.cookie = pair.strip_prefix("_csrf_token=").expect("the cookie's name").to_owned();
        }
        if !answer.header("x-next-csrf-token").is_empty() {
            self.csrf = answer.header("x-next-csrf-token").to_owned();
        }
    }
}

fn with_json(builder: http::request::Builder, body: Option<Value>) -> http::Request<Body> {
    match body {
        Some(body) => builder.header("content-type", "application/json").body(Body::from(body.to_string())),
        None => builder.body(Body::empty()),
    }
    .expect("a request")
}

/// What a script does: credentials with every request, no cookie.
async fn script(registry: &Registry, who: &As, method: Method, path: &str, body: Option<Value>) -> Answer {
    registry.send(with_json(request(who, method, path), body)).await
}

/// [`script`] as `alice`, with the status that is expected.
async fn alice(registry: &Registry, method: Method, path: &str, body: Option<Value>, status: u16) -> Answer {
    let answer = script(registry, &As::Basic("alice"), method.clone(), path, body).await;
    assert_eq!(answer.status.as_u16(), status, "{method} {path}: {answer:?}");
    answer
}

/// The address in the `type` of a problem.
fn problem_type(kind: &str) -> String {
    format!("https://{}/api/v1/error/{kind}", HOST)
}
