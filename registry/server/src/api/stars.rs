//! Stars: repositories that a person keeps at hand.

use axum::extract::{Path, State};
use axum::response::IntoResponse;
use http::StatusCode;
use quay_core::perms::Pull;
use quay_oci::RepositoryName;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::Json;
use super::outcome::Answer;
use super::repository::{ItemView, ListView};
use super::visitor::Visitor;
use crate::http::{App, reply};

#[derive(Deserialize, ToSchema)]
pub(super) struct NewStar {
    namespace: String,
    repository: String,
}

#[derive(Serialize, ToSchema)]
struct StarView {
    namespace: String,
    repository: String,
}

/// Repositories to which one has given a star.
#[utoipa::path(get, path = "/api/v1/user/starred", tag = "user", responses((status = 200, body = ListView)))]
pub(super) async fn list(State(app): State<App>, visitor: Visitor) -> Answer {
    let account = visitor.account(&app).await?;
    let repositories = app.core.starred(&account).await?.into_iter().map(ItemView::new).collect();
    Ok(reply::json(StatusCode::OK, &ListView { repositories, next_page: None }))
}

/// Gives a repository a star.
#[utoipa::path(post, path = "/api/v1/user/starred", tag = "user", request_body = NewStar,
    responses((status = 201, body = StarView), (status = 403)))]
pub(super) async fn create(State(app): State<App>, visitor: Visitor, Json(new): Json<NewStar>) -> Answer {
    let account = visitor.account(&app).await?;
    let name = RepositoryName::from_parts(&new.namespace, &new.repository)?;
    let allowed = app.core.allow::<Pull>(&visitor.caller, &name).await?;
    app.core.star(&account, &allowed).await?;
    let view = StarView { namespace: new.namespace, repository: new.repository };
    Ok(reply::json(StatusCode::CREATED, &view))
}

/// Takes a star back.
#[utoipa::path(delete, path = "/api/v1/user/starred/{repository}", tag = "user",
    params(("repository" = String, Path, description = "namespace/name")), responses((status = 204), (status = 403)))]
pub(super) async fn delete(State(app): State<App>, visitor: Visitor, Path(rest): Path<String>) -> Answer {
    let account = visitor.account(&app).await?;
    let name = RepositoryName::parse(rest.trim_end_matches('/'))?;
    let allowed = app.core.allow::<Pull>(&visitor.caller, &name).await?;
    app.core.unstar(&account, &allowed).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
