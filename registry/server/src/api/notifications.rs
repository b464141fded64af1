//! Notifications of a person. Nothing in this registry notifies people yet, so the list is short.

use axum::extract::{Path, State};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::outcome::{Answer, Trouble};
use super::visitor::Visitor;
use crate::http::{App, reply};

#[derive(Serialize, ToSchema)]
struct NotificationsView {
    #[schema(value_type = Vec<Object>)]
    notifications: [(); 0],
    additional: bool,
}

/// What one has been notified of.
#[utoipa::path(get, path = "/api/v1/user/notifications", tag = "user", responses((status = 200, body = NotificationsView)))]
pub(super) async fn list(State(app): State<App>, visitor: Visitor) -> Answer {
    visitor.account(&app).await?;
    Ok(reply::json(StatusCode::OK, &NotificationsView { notifications: [], additional: false }))
}

/// One notification.
#[utoipa::path(get, path = "/api/v1/user/notifications/{uuid}", tag = "user", params(("uuid" = String, Path)),
    responses((status = 404)))]
pub(super) async fn show(State(app): State<App>, visitor: Visitor, Path(_): Path<String>) -> Answer {
    visitor.account(&app).await?;
    Err(Trouble::NotFound)
}
