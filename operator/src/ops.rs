//! `/healthz`, `/readyz`, `/metrics`: every replica serves them, the leader or not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::registry::Registry;

/// What the endpoints look at.
#[derive(Clone, Debug)]
pub struct Ops {
    registry: Arc<Registry>,
    is_ready: Arc<AtomicBool>,
}

impl Ops {
    /// Endpoints over a registry of metrics; not ready yet.
    pub fn new(registry: Registry) -> Self {
        Self { registry: Arc::new(registry), is_ready: Arc::new(AtomicBool::new(false)) }
    }

    /// From now on ready, or no longer.
    pub fn set_ready(&self, is_ready: bool) {
        self.is_ready.store(is_ready, Ordering::Relaxed);
    }

    /// The router.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/healthz", get(|| async { "ok" }))
            .route("/readyz", get(ready))
            .route("/metrics", get(metrics))
            .with_state(self.clone())
    }
}

async fn ready(State(ops): State<Ops>) -> Response {
    if ops.is_ready.load(Ordering::Relaxed) {
        "ok".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready").into_response()
    }
}

async fn metrics(State(ops): State<Ops>) -> Response {
    let mut text = String::new();
    match prometheus_client::encoding::text::encode(&mut text, &ops.registry) {
        Ok(()) => {
            ([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text)
                .into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
