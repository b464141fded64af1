//! The API described to programs (OpenAPI), and its error types described to people.

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde_json::json;
use utoipa::OpenApi;

use super::outcome::{Answer, Trouble};
use super::{grants, labels, logs, manifests, repository, stars, tags};
use crate::http::reply;

/// Operations below `/api/v1/repository/`, which one route serves.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Quay registry",
        description = "Administration of the registry, with Quay's paths and JSON."
    ),
    paths(
        repository::show,
        repository::describe,
        repository::delete,
        repository::change_visibility,
        tags::list,
        tags::put,
        tags::delete,
        tags::restore,
        manifests::show,
        labels::list,
        labels::add,
        labels::show,
        labels::delete,
        grants::list_users,
        grants::show_user,
        grants::put_user,
        grants::delete_user,
        grants::list_teams,
        grants::show_team,
        grants::put_team,
        grants::delete_team,
        grants::transitive,
        logs::of_repository,
        logs::counts_of_repository,
        stars::delete,
    )
)]
struct Repositories;

/// The description to which the router adds its routes.
pub(super) fn start() -> utoipa::openapi::OpenApi {
    let mut description = Repositories::openapi();
    description.info.version = crate::VERSION.to_owned();
    description
}

/// The description as it is sent.
pub(super) fn written(description: &utoipa::openapi::OpenApi) -> Bytes {
    // A description that cannot be written is a fault of ours that the tests would show.
    serde_json::to_vec(description).unwrap_or_default().into()
}

/// The description of the API.
pub(super) async fn show(description: Bytes) -> Response {
    ([(CONTENT_TYPE, "application/json")], description).into_response()
}

/// What this registry does that others may not. An index is taken only when everything it lists is there.
#[utoipa::path(get, path = "/api/v1/registry/capabilities", tag = "discovery", responses((status = 200)))]
pub(super) async fn capabilities() -> Response {
    let sparse =
        json!({"supported": false, "required_architectures": [], "optional_architectures_allowed": false});
    reply::json(StatusCode::OK, &json!({"sparse_manifests": sparse, "mirror_architectures": []}))
}

/// What an error type means.
#[utoipa::path(get, path = "/api/v1/error/{error_type}", tag = "error", params(("error_type" = String, Path)),
    responses((status = 200), (status = 404)))]
pub(super) async fn error_type(Path(kind): Path<String>) -> Answer {
    let description = match kind.as_str() {
        "invalid_request" => "The request was invalid. It may contain invalid values or lack required ones.",
        "invalid_token" => "The credentials are missing, wrong or no longer valid.",
        "insufficient_scope" => "The caller has no right to do this, or the token does not carry it.",
        "fresh_login_required" => "The password has to be shown again before this.",
        "not_found" => "The resource was not found.",
        "tag_immutable" => "The tag cannot be moved or deleted.",
        "service_unavailable" => "The registry cannot do this at the moment.",
        "out_of_space" => "The storage of the registry is full.",
        "internal_error" => "Something broke in the registry; its log says more.",
        _ => return Err(Trouble::NotFound),
    };
    Ok(reply::json(StatusCode::OK, &json!({"type": kind, "title": kind, "description": description})))
}
