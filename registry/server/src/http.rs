//! The one router: every surface of the registry, and the layers around them in order.
//!
//! ```text
//! request ─► observe (id, client, metrics, log, panics, headers) ─┬► /v2            v2::serve, one route
//!                                                                 ├► /api/v1/…      api::router, JSON bodies ≤ 1 MiB
//!                                                                 ├► /, /organization, …  console::router, pages
//!                                                                 └► health, version, metrics (ops only), 404
//! ```
//! Owns: which path goes where. Must not know: what an answer says.
//!
//! A surface is a `Router<App>`. Its handlers may take `State<Core>` or `State<App>`, and [`client::Client`] as an
//! extractor for the address of the client. A fault (500) is handed up by [`observe::Fault`] in the
//! extensions of the response, so that it is logged once, with the request's id.

pub mod authority;
pub mod client;
pub mod names;
pub mod observe;
pub mod reply;
pub(crate) mod session;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRef, Request, State};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use http::StatusCode;
use quay_core::Core;
use quay_oci::ErrorCode;
use tower::ServiceExt;

use crate::health::{self, Health};
use crate::metrics::Metrics;
use crate::v2::body::arriving_within;
use crate::{api, console, v2};

/// The longest JSON body that an administrative request may have.
pub(crate) const JSON_BODY: usize = 1024 * 1024;
/// Within this time it must have arrived.
const JSON_WITHIN: Duration = Duration::from_secs(60);

/// What every handler can reach; a clone is a reference count.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// What [`App`] is made of.
pub struct Parts {
    /// What the registry does.
    pub core: Core,
    /// What the registry is called.
    pub names: names::Names,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Whether it works.
    pub health: Health,
    /// Whom clients must trust.
    pub authority: authority::Authority,
    /// Memory for request bodies that are held whole.
    pub bodies: v2::body::Budget,
}

impl App {
    /// Puts the parts together.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

impl std::ops::Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl FromRef<App> for Core {
    fn from_ref(app: &App) -> Self {
        app.core.clone()
    }
}

/// Everything that is served by HTTPS.
pub fn router(app: App) -> Router {
    let in_time = |request: Request| async { request.map(|body| arriving_within(body, JSON_WITHIN)) };
    let api = api::router().layer(DefaultBodyLimit::max(JSON_BODY)).layer(middleware::map_request(in_time));
    let pages = console::router(app.clone()).layer(middleware::map_request(in_time));
    let no_page = console::nowhere(app.clone());
    Router::new()
        .route("/v2", any(v2::serve))
        .route("/v2/", any(v2::serve))
        .route("/v2/{*rest}", any(v2::serve))
        .route("/v1/_ping", get(v1_ping))
        .merge(health::router())
        .merge(health::quay_router())
        .merge(api)
        .merge(pages)
        .fallback(move |request| elsewhere(no_page, request))
        .layer(middleware::from_fn_with_state(app.clone(), observe::observe))
        .with_state(app)
}

/// What is served by plain HTTP, for the cluster only.
pub fn ops_router(app: App) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .merge(health::router())
        .fallback(nothing_here)
        .layer(middleware::from_fn_with_state(app.clone(), observe::observe))
        .with_state(app)
}

/// Old clients ask this to learn that it is no registry of the first protocol.
async fn v1_ping() -> Response {
    let headers = [("x-docker-registry-version", "0.6.0"), ("x-docker-registry-standalone", "0")];
    (headers, reply::text(StatusCode::OK, "true".to_owned())).into_response()
}

async fn metrics(State(app): State<App>) -> Response {
    let page = app.metrics.page(&health::figures(&app).await);
    ([(http::header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], page)
        .into_response()
}

/// A path that is nobody's: a page for browsers, JSON for everybody else.
async fn elsewhere(no_page: Router, request: Request) -> Response {
    let accept = request.headers().get(http::header::ACCEPT).and_then(|accept| accept.to_str().ok());
    if !accept.is_some_and(|accept| accept.contains("text/html")) {
        return nothing_here().await;
    }
    no_page.oneshot(request).await.into_response()
}

async fn nothing_here() -> Response {
    reply::error(StatusCode::NOT_FOUND, ErrorCode::Unsupported, "no such route")
}
