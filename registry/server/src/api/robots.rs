//! Robots of a person and of an organization: the same operations under two paths.

use axum::extract::{Path, Query, State};
use axum::response::IntoResponse;
use http::StatusCode;
use quay_core::perms::{ManageNamespace, ViewNamespace};
use quay_core::{RepositoryPermission, Robot, RobotRow};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::{self, Json};
use super::grants::word;
use super::outcome::{Answer, Trouble};
use super::view::{Avatar, date};
use super::visitor::Visitor;
use crate::http::{App, reply};

/// Robots that are read at once.
const PAGE: u32 = 100;

#[derive(Serialize, ToSchema)]
struct RobotsView {
    robots: Vec<RobotView>,
}

#[derive(Serialize, ToSchema)]
struct RobotView {
    name: String,
    created: String,
    last_accessed: Option<String>,
    description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    teams: Option<Vec<TeamOfRobot>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    repositories: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unstructured_metadata: Option<serde_json::Value>,
}

#[derive(Serialize, ToSchema)]
struct TeamOfRobot {
    name: String,
    avatar: Avatar,
}

impl RobotView {
    /// With what it may do.
    fn in_full(row: RobotRow) -> Self {
        let team = |name: String| TeamOfRobot { avatar: Avatar::new(&name, "team"), name };
        Self {
            teams: Some(row.teams.into_iter().map(team).collect()),
            repositories: Some(row.repositories.into_iter().map(|held| held.repository).collect()),
            ..Self::in_list(row.robot)
        }
    }

    fn in_list(robot: Robot) -> Self {
        Self {
            name: robot.name,
            created: date(robot.created),
            last_accessed: robot.last_accessed.map(date),
            description: robot.description,
            token: robot.token.map(|token| token.expose().to_owned()),
            teams: None,
            repositories: None,
            unstructured_metadata: None,
        }
    }

    fn alone(robot: Robot) -> Self {
        // What is stored is JSON, and nothing is shown for what is not.
        let metadata = serde_json::from_str(&robot.metadata).unwrap_or_else(|_| serde_json::json!({}));
        Self { unstructured_metadata: Some(metadata), ..Self::in_list(robot) }
    }
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// Whether to show tokens, to those who may see them.
    #[serde(default = "yes", deserialize_with = "body::flag")]
    token: bool,
    /// Whether to show teams and repositories.
    #[serde(default, deserialize_with = "body::flag")]
    permissions: bool,
    /// At most so many.
    #[serde(default)]
    limit: Option<usize>,
}

fn yes() -> bool {
    true
}

#[derive(Default, Deserialize, ToSchema)]
pub(super) struct NewRobot {
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    unstructured_metadata: Option<serde_json::Value>,
}

/// The namespace of one's own robots.
fn own(visitor: &Visitor) -> Answer<String> {
    match visitor.caller.name() {
        Some(name) => Ok(name.to_owned()),
        None => Err(Trouble::Core(quay_core::Refusal::Challenge { scope: None }.into())),
    }
}

async fn list(app: &App, visitor: &Visitor, namespace: &str, query: &ListQuery) -> Answer {
    let allowed = app.core.allow_in::<ViewNamespace>(&visitor.caller, namespace).await?;
    let limit = query.limit.unwrap_or(usize::MAX);
    let mut robots = Vec::new();
    let mut last: Option<String> = None;
    while robots.len() < limit {
        let page = app.core.robot_rows(&allowed, None, query.token, PAGE, last.as_deref()).await?;
        last = page.items.last().map(|row| row.robot.name.clone());
        let shown = |row: RobotRow| match query.permissions {
            true => RobotView::in_full(row),
            false => RobotView::in_list(row.robot),
        };
        robots.extend(page.items.into_iter().map(shown));
        if !page.more {
            break;
        }
    }
    robots.truncate(limit);
    Ok(reply::json(StatusCode::OK, &RobotsView { robots }))
}

async fn show(app: &App, visitor: &Visitor, namespace: &str, short: &str) -> Answer {
    let allowed = app.core.allow_in::<ManageNamespace>(&visitor.caller, namespace).await?;
    let robot = app.core.robot(&allowed, short).await?;
    Ok(reply::json(StatusCode::OK, &RobotView::alone(robot)))
}

async fn create(app: &App, visitor: &Visitor, namespace: &str, short: &str, new: Option<NewRobot>) -> Answer {
    let allowed = app.core.allow_in::<ManageNamespace>(&visitor.caller, namespace).await?;
    let NewRobot { description, unstructured_metadata } = new.unwrap_or_default();
    let description = description.unwrap_or_default();
    let robot = app.core.create_robot(&allowed, short, &description, unstructured_metadata.as_ref()).await?;
    Ok(reply::json(StatusCode::CREATED, &RobotView::alone(robot)))
}

async fn delete(app: &App, visitor: &Visitor, namespace: &str, short: &str) -> Answer {
    let allowed = app.core.allow_in::<ManageNamespace>(&visitor.caller, namespace).await?;
    app.core.delete_robot(&allowed, short).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn regenerate(app: &App, visitor: &Visitor, namespace: &str, short: &str) -> Answer {
    let allowed = app.core.allow_in::<ManageNamespace>(&visitor.caller, namespace).await?;
    let robot = app.core.regenerate_robot(&allowed, short).await?;
    Ok(reply::json(StatusCode::OK, &RobotView::alone(robot)))
}

#[derive(Serialize, ToSchema)]
pub(super) struct PermissionsView {
    permissions: Vec<PermissionView>,
}

#[derive(Serialize, ToSchema)]
struct PermissionView {
    repository: RepositoryOfRobot,
    role: &'static str,
}

#[derive(Serialize, ToSchema)]
struct RepositoryOfRobot {
    name: String,
    namespace: String,
    is_public: bool,
}

impl PermissionsView {
    /// What a robot or a team may do.
    pub(super) fn new(held: Vec<RepositoryPermission>) -> Self {
        let permission = |held: RepositoryPermission| PermissionView {
            repository: RepositoryOfRobot {
                name: held.repository,
                namespace: held.namespace,
                is_public: held.public,
            },
            role: word(held.role),
        };
        Self { permissions: held.into_iter().map(permission).collect() }
    }
}

async fn permissions(app: &App, visitor: &Visitor, namespace: &str, short: &str) -> Answer {
    let allowed = app.core.allow_in::<ManageNamespace>(&visitor.caller, namespace).await?;
    let held = app.core.robot_permissions(&allowed, short).await?;
    Ok(reply::json(StatusCode::OK, &PermissionsView::new(held)))
}

/// What one of one's own robots may do.
#[utoipa::path(get, path = "/api/v1/user/robots/{robot_shortname}/permissions", tag = "robot",
    params(("robot_shortname" = String, Path)), responses((status = 200, body = PermissionsView), (status = 404)))]
pub(super) async fn permissions_of_user(
    State(app): State<App>,
    visitor: Visitor,
    Path(short): Path<String>,
) -> Answer {
    permissions(&app, &visitor, &own(&visitor)?, &short).await
}

/// What a robot of an organization may do.
#[utoipa::path(get, path = "/api/v1/organization/{orgname}/robots/{robot_shortname}/permissions", tag = "robot",
    params(("orgname" = String, Path), ("robot_shortname" = String, Path)), responses((status = 200, body = PermissionsView), (status = 404)))]
pub(super) async fn permissions_of_organization(
    State(app): State<App>,
    visitor: Visitor,
    Path((organization, short)): Path<(String, String)>,
) -> Answer {
    permissions(&app, &visitor, &organization, &short).await
}

/// One's own robots.
#[utoipa::path(get, path = "/api/v1/user/robots", tag = "robot", params(ListQuery), responses((status = 200, body = RobotsView)))]
pub(super) async fn list_of_user(
    State(app): State<App>,
    visitor: Visitor,
    Query(query): Query<ListQuery>,
) -> Answer {
    list(&app, &visitor, &own(&visitor)?, &query).await
}

/// One of one's own robots, with its token.
#[utoipa::path(get, path = "/api/v1/user/robots/{robot_shortname}", tag = "robot", params(("robot_shortname" = String, Path)),
    responses((status = 200, body = RobotView), (status = 404)))]
pub(super) async fn show_of_user(
    State(app): State<App>,
    visitor: Visitor,
    Path(short): Path<String>,
) -> Answer {
    show(&app, &visitor, &own(&visitor)?, &short).await
}

/// Makes a robot of one's own.
#[utoipa::path(put, path = "/api/v1/user/robots/{robot_shortname}", tag = "robot", params(("robot_shortname" = String, Path)),
    request_body = NewRobot, responses((status = 201, body = RobotView), (status = 400)))]
pub(super) async fn create_of_user(
    State(app): State<App>,
    visitor: Visitor,
    Path(short): Path<String>,
    new: Option<Json<NewRobot>>,
) -> Answer {
    create(&app, &visitor, &own(&visitor)?, &short, new.map(|Json(new)| new)).await
}

/// Deletes a robot of one's own.
#[utoipa::path(delete, path = "/api/v1/user/robots/{robot_shortname}", tag = "robot", params(("robot_shortname" = String, Path)),
    responses((status = 204), (status = 404)))]
pub(super) async fn delete_of_user(
    State(app): State<App>,
    visitor: Visitor,
    Path(short): Path<String>,
) -> Answer {
    delete(&app, &visitor, &own(&visitor)?, &short).await
}

/// Gives a robot of one's own another token.
#[utoipa::path(post, path = "/api/v1/user/robots/{robot_shortname}/regenerate", tag = "robot",
    params(("robot_shortname" = String, Path)), responses((status = 200, body = RobotView), (status = 404)))]
pub(super) async fn regenerate_of_user(
    State(app): State<App>,
    visitor: Visitor,
    Path(short): Path<String>,
) -> Answer {
    regenerate(&app, &visitor, &own(&visitor)?, &short).await
}

/// The robots of an organization; tokens are for those who manage it.
#[utoipa::path(get, path = "/api/v1/organization/{orgname}/robots", tag = "robot",
    params(("orgname" = String, Path), ListQuery), responses((status = 200, body = RobotsView), (status = 403)))]
pub(super) async fn list_of_organization(
    State(app): State<App>,
    visitor: Visitor,
    Path(organization): Path<String>,
    Query(query): Query<ListQuery>,
) -> Answer {
    list(&app, &visitor, &organization, &query).await
}

/// A robot of an organization, with its token.
#[utoipa::path(get, path = "/api/v1/organization/{orgname}/robots/{robot_shortname}", tag = "robot",
    params(("orgname" = String, Path), ("robot_shortname" = String, Path)), responses((status = 200, body = RobotView), (status = 404)))]
pub(super) async fn show_of_organization(
    State(app): State<App>,
    visitor: Visitor,
    Path((organization, short)): Path<(String, String)>,
) -> Answer {
    show(&app, &visitor, &organization, &short).await
}

/// Makes a robot of an organization.
#[utoipa::path(put, path = "/api/v1/organization/{orgname}/robots/{robot_shortname}", tag = "robot", request_body = NewRobot,
    params(("orgname" = String, Path), ("robot_shortname" = String, Path)), responses((status = 201, body = RobotView), (status = 400)))]
pub(super) async fn create_of_organization(
    State(app): State<App>,
    visitor: Visitor,
    Path((organization, short)): Path<(String, String)>,
    new: Option<Json<NewRobot>>,
) -> Answer {
    create(&app, &visitor, &organization, &short, new.map(|Json(new)| new)).await
}

/// Deletes a robot of an organization.
#[utoipa::path(delete, path = "/api/v1/organization/{orgname}/robots/{robot_shortname}", tag = "robot",
    params(("orgname" = String, Path), ("robot_shortname" = String, Path)), responses((status = 204), (status = 404)))]
pub(super) async fn delete_of_organization(
    State(app): State<App>,
    visitor: Visitor,
    Path((organization, short)): Path<(String, String)>,
) -> Answer {
    delete(&app, &visitor, &organization, &short).await
}

/// Gives a robot of an organization another token.
#[utoipa::path(post, path = "/api/v1/organization/{orgname}/robots/{robot_shortname}/regenerate", tag = "robot",
    params(("orgname" = String, Path), ("robot_shortname" = String, Path)), responses((status = 200, body = RobotView), (status = 404)))]
pub(super) async fn regenerate_of_organization(
    State(app): State<App>,
    visitor: Visitor,
    Path((organization, short)): Path<(String, String)>,
) -> Answer {
    regenerate(&app, &visitor, &organization, &short).await
}
