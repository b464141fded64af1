//! The web console: pages rendered by the server, with Quay's URLs, that work without any script.
//!
//! ```text
//! request ─► frame::framed ─┬ who asks (session cookie), theme, flash ─► Visit
//!                           ├ POST: the form, its CSRF token            ─► Fields
//!                           └─► screen ─► core: Allowed<_>, operation   ─► page · 303 · Problem
//!            ◄─ headers (CSP, no-store), cookies, a page for a Problem
//! ```
//! Owns: what people see. Must not know: rights, rows, JSON. One file per screen, one template per page. Every action
//! is a form that is posted to the URL of the page it stands on and answered by 303, or by the page again with the
//! errors beside the fields (422).

mod about;
mod assets;
mod chart;
mod commands;
mod deeds;
mod flash;
mod format;
mod forms;
mod frame;
mod front;
mod history;
mod limits;
mod log_lines;
mod markdown;
mod organization;
mod organizations;
mod parts;
mod problem;
mod repositories;
mod repository;
mod session;
mod short;
mod superuser;
mod tag;
mod tags;
mod theme;
mod trust;
mod visit;

use axum::Router;
use axum::routing::{get, post};

use crate::http::App;

/// Every page, its assets, and what is answered to a browser that asks for anything else.
pub(crate) fn router(app: App) -> Router<App> {
    Router::new()
        .route("/", get(front::front))
        .route("/about", get(about::show))
        .route("/trust", get(trust::show))
        .route("/theme", post(theme::choose))
        .route("/signin", get(session::sign_in_form).post(session::sign_in))
        .route("/signout", post(session::sign_out))
        .route("/createaccount", get(session::create_form).post(session::create))
        .route("/organization", get(organizations::list))
        .route("/organizations/new", get(organizations::create_form).post(organizations::create))
        .merge(organization::routes())
        .merge(repositories::routes())
        .merge(repository::routes())
        .merge(superuser::routes())
        .method_not_allowed_fallback(front::nothing_here)
        .layer(axum::middleware::from_fn_with_state(app, frame::framed))
        .route("/assets/{name}", get(assets::serve))
        .route("/ca.crt", get(trust::certificate))
}

/// What a browser gets at a path that is no page's: the page that a short address means, or one that says so.
pub(crate) fn nowhere(app: App) -> Router {
    Router::new()
        .route("/{*rest}", get(short::lead))
        .method_not_allowed_fallback(front::nothing_here)
        .fallback(front::nothing_here)
        .layer(axum::middleware::from_fn_with_state(app.clone(), frame::framed))
        .with_state(app)
}
