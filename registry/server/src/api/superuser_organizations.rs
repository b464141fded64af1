//! What superusers do with organizations of others: see, rename, delete them, and take namespaces over.

use axum::extract::{Path, Query, State};
use axum::response::IntoResponse;
use http::StatusCode;
use quay_core::OrganizationRow;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::Json;
use super::outcome::Answer;
use super::superuser::{PAGE, powers};
use super::view::Avatar;
use super::visitor::Visitor;
use crate::http::{App, reply};

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct PageQuery {
    /// Organizations on a page, up to 100.
    #[serde(default)]
    limit: Option<u32>,
    /// Where the page before ended.
    #[serde(default)]
    next_page: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct AllView {
    organizations: Vec<RowView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct RowView {
    name: String,
    email: Option<String>,
    avatar: Avatar,
}

impl RowView {
    fn new(row: OrganizationRow) -> Self {
        Self { avatar: Avatar::new(&row.name, "org"), name: row.name, email: row.email }
    }
}

/// Every organization.
#[utoipa::path(get, path = "/api/v1/superuser/organizations/", tag = "superuser", params(PageQuery),
    responses((status = 200, body = AllView), (status = 403)))]
pub(super) async fn list(State(app): State<App>, visitor: Visitor, Query(query): Query<PageQuery>) -> Answer {
    let allowed = powers(&app, &visitor).await?;
    let limit = query.limit.unwrap_or(PAGE);
    let page = app.core.list_organizations(&allowed, limit, query.next_page.as_deref()).await?;
    let next_page = page.items.last().filter(|_| page.more).map(|last| last.name.clone());
    let organizations = page.items.into_iter().map(RowView::new).collect();
    Ok(reply::json(StatusCode::OK, &AllView { organizations, next_page }))
}

#[derive(Deserialize, ToSchema)]
pub(super) struct NewName {
    name: String,
}

/// Gives an organization another name; its robots go along.
#[utoipa::path(put, path = "/api/v1/superuser/organizations/{name}", tag = "superuser", request_body = NewName,
    params(("name" = String, Path)),
    responses((status = 200, body = RowView), (status = 400), (status = 403), (status = 404)))]
pub(super) async fn rename(
    State(app): State<App>,
    visitor: Visitor,
    Path(name): Path<String>,
    Json(new): Json<NewName>,
) -> Answer {
    let allowed = powers(&app, &visitor).await?;
    let row = app.core.rename_organization(&allowed, &name, &new.name).await?;
    Ok(reply::json(StatusCode::OK, &RowView::new(row)))
}

/// Deletes an organization with everything in it.
#[utoipa::path(delete, path = "/api/v1/superuser/organizations/{name}", tag = "superuser",
    params(("name" = String, Path)), responses((status = 204), (status = 403), (status = 404)))]
pub(super) async fn delete(State(app): State<App>, visitor: Visitor, Path(name): Path<String>) -> Answer {
    let allowed = powers(&app, &visitor).await?;
    app.core.delete_organization_of(&allowed, &name).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

#[derive(Serialize, ToSchema)]
struct TakenView {
    namespace: String,
}

/// Makes the caller an owner of an organization; the account of a person becomes an organization by that.
#[utoipa::path(post, path = "/api/v1/superuser/takeownership/{namespace}", tag = "superuser",
    params(("namespace" = String, Path)),
    responses((status = 200, body = TakenView), (status = 400), (status = 403), (status = 404)))]
pub(super) async fn take(State(app): State<App>, visitor: Visitor, Path(namespace): Path<String>) -> Answer {
    let allowed = powers(&app, &visitor).await?;
    app.core.take_ownership(&allowed, &namespace).await?;
    Ok(reply::json(StatusCode::OK, &TakenView { namespace }))
}
