//! What superusers have beyond everybody else: all accounts of people, the organizations of others, and the log of the
//! whole installation.
//!
//! Whoever is no superuser learns no more here than that there is no such page.

mod logs;
mod organizations;
mod users;

use axum::Router;
use axum::routing::get;
use quay_core::Allowed;
use quay_core::perms::Superuser;

use super::problem::Answer;
use super::visit::Visit;
use crate::http::App;

/// The pages of superusers.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/superuser/users", get(users::show).post(users::act))
        .route("/superuser/organizations/{name}/{deed}", get(organizations::ask).post(organizations::act))
        .route("/usage-logs", get(logs::show))
}

async fn powers(app: &App, visit: &Visit) -> Answer<Allowed<Superuser>> {
    Ok(app.core.allow_superuser(visit.caller()).await?)
}
