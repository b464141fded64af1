//! `/api/v1`: administration over HTTP, with Quay's paths and JSON.

use axum::Router;

use crate::http::App;

/// Every route of `/api/v1` and what belongs to it.
pub fn router() -> Router<App> {
    Router::new()
}
