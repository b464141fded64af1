//! Whether the process lives, and whether it can serve.
//!
//! ```text
//! /healthz /livez   the process answers, and may still write (restart me when not)
//! /readyz           started, not draining, database and storage work   (send me no one when not)
//! /health/…         the same in Quay's words, for what watches a Quay
//! ```
//! Owns: these answers. Must not know: how the database or the storage is checked.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use http::StatusCode;
use serde::Serialize;
use tokio::sync::Mutex;

use crate::VERSION;
use crate::http::{App, reply};
use crate::metrics::{self, Figure};

/// A check is not repeated within this time, whoever asks.
const FRESH: Duration = Duration::from_secs(1);
/// Liveness does not wait longer for a check: a slow disk is no reason for a restart.
const LIVENESS_WAITS: Duration = Duration::from_millis(300);
/// Below this much free space Quay's warning check fails.
const LITTLE_SPACE: u64 = 1 << 30;

/// Where the process is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Phase {
    /// Not serving yet.
    Starting = 0,
    /// Serving.
    Serving = 1,
    /// Finishing what has begun.
    Draining = 2,
}

/// What is known of our own state.
#[derive(Debug, Default)]
pub struct Health {
    phase: AtomicU8,
    /// Only a new process may write again; never taken back.
    poisoned: AtomicBool,
    checked: Mutex<Option<(Instant, Checked)>>,
    /// Which live settings are in force; unknown without a configuration.
    settings: RwLock<Option<String>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Checked {
    database: bool,
    storage: bool,
    full: bool,
    free_space: u64,
}

impl Health {
    /// Starting.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves on.
    pub fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Release);
    }

    /// Notes the configuration whose live settings are in force.
    pub fn note_settings(&self, yaml: &str) {
        let hash = quay_config::live_hash_input(yaml).ok().map(|input| settings_hash(&input));
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = hash;
    }

    fn serving(&self) -> bool {
        self.phase.load(Ordering::Acquire) == Phase::Serving as u8
    }

    fn poison(&self) {
        if !self.poisoned.swap(true, Ordering::AcqRel) {
            tracing::error!("a write could not be made durable: nothing more is written; restart the server");
        }
    }

    fn liveness(&self) -> Response {
        if self.poisoned.load(Ordering::Acquire) {
            let text = "nothing more is written until a restart\n".to_owned();
            return reply::text(StatusCode::SERVICE_UNAVAILABLE, text);
        }
        reply::text(StatusCode::OK, "true\n".to_owned())
    }

    fn draining(&self) -> bool {
        self.phase.load(Ordering::Acquire) == Phase::Draining as u8
    }
}

async fn check(app: &App) -> Checked {
    let mut last = app.health.checked.lock().await;
    if let Some((at, checked)) = *last
        && at.elapsed() < FRESH
    {
        return checked;
    }
    let checked = match app.core.health().await {
        Ok(health) => {
            if health.poisoned {
                app.health.poison();
            }
            Checked {
                database: health.database,
                storage: health.storage,
                full: health.full,
                free_space: health.free_space,
            }
        }
        Err(error) => {
            tracing::warn!(%error, "the health check failed");
            Checked::default()
        }
    };
    *last = Some((Instant::now(), checked));
    checked
}

/// Liveness, readiness and version: on both ports.
pub fn router() -> Router<App> {
    Router::new()
        .route("/healthz", get(alive))
        .route("/livez", get(alive))
        .route("/readyz", get(ready))
        .route("/version", get(version))
}

/// Quay's paths.
pub fn quay_router() -> Router<App> {
    Router::new()
        .route("/health", get(instance))
        .route("/health/instance", get(instance))
        .route("/health/endtoend", get(end_to_end))
        .route("/status", get(end_to_end))
        .route("/health/warning", get(warning))
        .route("/_internal_ping", get(alive))
        .route("/v1/_internal_ping", get(alive))
}

async fn alive(State(app): State<App>) -> Response {
    // Poison stays, so a check that is too slow now is made up for by the next one.
    let _ = tokio::time::timeout(LIVENESS_WAITS, check(&app)).await;
    app.health.liveness()
}

fn settings_hash(input: &str) -> String {
    quay_oci::Digest::sha256(input.as_bytes()).hex().chars().take(16).collect()
}

/// What runs, and with which live settings: by these a change of the configuration is seen to have arrived.
async fn version(State(app): State<App>) -> Response {
    #[derive(Serialize)]
    struct Version {
        version: &'static str,
        artifact_policy: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        settings: Option<String>,
    }
    let settings = app.health.settings.read().unwrap_or_else(PoisonError::into_inner).clone();
    let artifact_policy = app.core.artifact_policy();
    reply::json(StatusCode::OK, &Version { version: VERSION, artifact_policy, settings })
}

async fn ready(State(app): State<App>) -> Response {
    if app.health.draining() {
        return reply::text(StatusCode::SERVICE_UNAVAILABLE, "draining\n".to_owned());
    }
    if !app.health.serving() {
        return reply::text(StatusCode::SERVICE_UNAVAILABLE, "starting\n".to_owned());
    }
    let checked = check(&app).await;
    match (checked.database, checked.storage) {
        (true, true) => reply::text(StatusCode::OK, "ready\n".to_owned()),
        (false, _) => reply::text(StatusCode::SERVICE_UNAVAILABLE, "the database does not work\n".to_owned()),
        (_, false) => reply::text(StatusCode::SERVICE_UNAVAILABLE, "the storage does not work\n".to_owned()),
    }
}

#[derive(Serialize)]
struct Report {
    data: Services,
    status_code: u16,
}

#[derive(Serialize)]
struct Services {
    services: BTreeMap<&'static str, bool>,
}

fn report<const N: usize>(services: [(&'static str, bool); N]) -> Response {
    let good = services.iter().all(|(_, good)| *good);
    let status = if good { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let data = Services { services: services.into() };
    reply::json(status, &Report { data, status_code: status.as_u16() })
}

async fn instance(State(app): State<App>) -> Response {
    let checked = check(&app).await;
    report([
        ("auth", checked.database),
        ("database", checked.database),
        ("disk_space", !checked.full),
        // Quay's two server processes are one here, and it is answering.
        ("registry_gunicorn", true),
        ("service_key", checked.database),
        ("web_gunicorn", true),
    ])
}

async fn end_to_end(State(app): State<App>) -> Response {
    let checked = check(&app).await;
    report([
        ("auth", checked.database),
        ("database", checked.database),
        // There is none, and nothing waits for one.
        ("redis", true),
        ("storage", checked.storage),
    ])
}

async fn warning(State(app): State<App>) -> Response {
    let checked = check(&app).await;
    report([("disk_space_warning", checked.free_space > LITTLE_SPACE)])
}

/// Figures of this moment for the metrics page.
pub async fn figures(app: &App) -> Vec<Figure> {
    let checked = check(app).await;
    let flag = |good: bool| f64::from(u8::from(good));
    let mut figures = metrics::process_figures();
    figures.push(Figure {
        name: "quay_database_up",
        help: "Whether the database works",
        value: flag(checked.database),
    });
    figures.push(Figure {
        name: "quay_storage_up",
        help: "Whether the storage works",
        value: flag(checked.storage),
    });
    figures.push(Figure {
        name: "quay_storage_full",
        help: "Whether uploads are refused for want of space",
        value: flag(checked.full),
    });
    figures.push(Figure {
        name: "quay_pulls_dropped",
        help: "Pulls that were served and not written to the log",
        value: app.core.dropped_pulls() as f64,
    });
    figures.push(Figure {
        name: "quay_storage_free_bytes",
        help: "Free space for blobs",
        value: checked.free_space as f64,
    });
    figures
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_may_not_write_any_more_asks_for_a_restart() {
        let health = Health::new();
        assert_eq!(health.liveness().status(), StatusCode::OK);
        health.enter(Phase::Draining);
        assert_eq!(health.liveness().status(), StatusCode::OK, "to drain is no reason");
        health.poison();
        assert_eq!(health.liveness().status(), StatusCode::SERVICE_UNAVAILABLE);
    }
}
