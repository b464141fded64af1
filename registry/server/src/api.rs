//! `/api/v1`: administration over HTTP, with Quay's paths, JSON and error bodies.
//!
//! ```text
//! request ─► frame (no caching, problems into JSON) ─► Visitor: who, and CSRF ─► core: Allowed<_>, operation ─► reply
//! ```
//! Owns: how an operation of core is asked for and answered in Quay's words. Must not know: rights, rows, hashes.
//! One file per resource of Quay, one function per operation. Paths of repositories have any number of components,
//! so everything below `/api/v1/repository/` is one route with a parser of its own ([`target`]).

mod body;
mod frame;
mod outcome;
mod visitor;

mod account;
mod app_tokens;
mod config_document;
mod discovery;
mod entities;
mod find;
mod grants;
mod labels;
mod logs;
mod manifests;
mod notifications;
mod organization;
mod prototypes;
mod repository;
mod robots;
mod session;
mod stars;
mod superuser;
mod superuser_organizations;
mod tags;
mod target;
mod teams;
mod view;

use axum::Router;
use axum::routing::{any, delete, get};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::App;

/// Every route of `/api/v1` and what belongs to it.
pub fn router() -> Router<App> {
    let (routes, description) = OpenApiRouter::with_openapi(discovery::start())
        .routes(routes!(session::csrf_token))
        .routes(routes!(session::sign_in))
        .routes(routes!(session::verify))
        .routes(routes!(session::sign_out))
        .routes(routes!(session::client_key))
        .routes(routes!(account::convert))
        .routes(routes!(account::initialize))
        .routes(routes!(account::show, account::create, account::change, account::delete))
        .routes(routes!(account::profile))
        .routes(routes!(organization::create))
        .routes(routes!(organization::show, organization::change, organization::delete))
        .routes(routes!(organization::members))
        .routes(routes!(organization::member, organization::remove_member))
        .routes(routes!(organization::collaborators))
        .routes(routes!(prototypes::list, prototypes::create))
        .routes(routes!(prototypes::change, prototypes::delete))
        .routes(routes!(teams::put, teams::delete))
        .routes(routes!(teams::members))
        .routes(routes!(teams::permissions))
        .routes(routes!(teams::add_member, teams::remove_member))
        .routes(routes!(robots::list_of_user))
        .routes(routes!(robots::show_of_user, robots::create_of_user, robots::delete_of_user))
        .routes(routes!(robots::regenerate_of_user))
        .routes(routes!(robots::permissions_of_user))
        .routes(routes!(robots::list_of_organization))
        .routes(routes!(
            robots::show_of_organization,
            robots::create_of_organization,
            robots::delete_of_organization
        ))
        .routes(routes!(robots::regenerate_of_organization))
        .routes(routes!(robots::permissions_of_organization))
        .routes(routes!(repository::list, repository::create))
        .routes(routes!(superuser::users, superuser::create_user))
        .routes(routes!(superuser::user, superuser::change_user, superuser::delete_user))
        .routes(routes!(superuser_organizations::list))
        .routes(routes!(superuser_organizations::rename, superuser_organizations::delete))
        .routes(routes!(superuser_organizations::take))
        .routes(routes!(app_tokens::list, app_tokens::create))
        .routes(routes!(app_tokens::show, app_tokens::delete))
        .routes(routes!(stars::list, stars::create))
        .routes(routes!(notifications::list))
        .routes(routes!(notifications::show))
        .routes(routes!(logs::of_user))
        .routes(routes!(logs::counts_of_user))
        .routes(routes!(logs::of_organization))
        .routes(routes!(logs::counts_of_organization))
        .routes(routes!(logs::of_registry))
        .routes(routes!(logs::counts_of_registry))
        .routes(routes!(entities::find))
        .routes(routes!(find::repositories))
        .routes(routes!(find::all))
        .routes(routes!(config_document::show))
        .routes(routes!(discovery::capabilities))
        .routes(routes!(discovery::error_type))
        .split_for_parts();
    let description = discovery::written(&description);
    routes
        // Quay redirects these; a client that does not follow a redirect with its body is served as well.
        .route(
            "/api/v1/user",
            get(account::show).post(account::create).put(account::change).delete(account::delete),
        )
        .route("/api/v1/organization", axum::routing::post(organization::create))
        .route("/api/v1/superuser/users", get(superuser::users).post(superuser::create_user))
        .route("/api/v1/superuser/organizations", get(superuser_organizations::list))
        .route("/api/v1/repository/", get(repository::list).post(repository::create))
        .route("/api/v1/repository/{*rest}", any(repository::serve))
        .route("/api/v1/user/starred/{*rest}", delete(stars::delete))
        .route("/api/v1/discovery", get(move || discovery::show(description.clone())))
        .route("/api/v1/{*rest}", any(frame::nothing_here))
        .method_not_allowed_fallback(frame::wrong_method)
        .layer(axum::middleware::from_fn(frame::framed))
}
