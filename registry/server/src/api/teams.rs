//! Teams of an organization and their members; robots of the organization may be members, too.

use axum::extract::{Path, State};
use axum::response::IntoResponse;
use http::StatusCode;
use quay_core::TeamRole;
use quay_core::perms::{ManageNamespace, ViewNamespace};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::Json;
use super::outcome::Answer;
use super::robots::PermissionsView;
use super::view::Avatar;
use super::visitor::Visitor;
use crate::http::{App, reply};

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Role {
    Member,
    Creator,
    Admin,
}

impl From<Role> for TeamRole {
    fn from(role: Role) -> Self {
        match role {
            Role::Member => Self::Member,
            Role::Creator => Self::Creator,
            Role::Admin => Self::Admin,
        }
    }
}

/// Quay's word for a role.
pub(super) fn word(role: TeamRole) -> &'static str {
    match role {
        TeamRole::Member => "member",
        TeamRole::Creator => "creator",
        TeamRole::Admin => "admin",
    }
}

#[derive(Deserialize, ToSchema)]
pub(super) struct PutTeam {
    role: Role,
    #[serde(default)]
    description: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct PutTeamView {
    name: String,
    description: String,
    can_view: bool,
    role: &'static str,
    avatar: Avatar,
    new_team: bool,
}

/// Makes or changes a team.
#[utoipa::path(put, path = "/api/v1/organization/{orgname}/team/{teamname}", tag = "team", request_body = PutTeam,
    params(("orgname" = String, Path), ("teamname" = String, Path)), responses((status = 200, body = PutTeamView), (status = 400), (status = 403)))]
pub(super) async fn put(
    State(app): State<App>,
    visitor: Visitor,
    Path((organization, team)): Path<(String, String)>,
    Json(body): Json<PutTeam>,
) -> Answer {
    let allowed = app.core.allow_in::<ManageNamespace>(&visitor.caller, &organization).await?;
    let (team, new_team) =
        app.core.put_team(&allowed, &team, body.role.into(), body.description.as_deref()).await?;
    let view = PutTeamView {
        avatar: Avatar::new(&team.name, "team"),
        name: team.name,
        description: team.description,
        can_view: true,
        role: word(team.role),
        new_team,
    };
    Ok(reply::json(StatusCode::OK, &view))
}

/// Deletes a team.
#[utoipa::path(delete, path = "/api/v1/organization/{orgname}/team/{teamname}", tag = "team",
    params(("orgname" = String, Path), ("teamname" = String, Path)), responses((status = 204), (status = 404)))]
pub(super) async fn delete(
    State(app): State<App>,
    visitor: Visitor,
    Path((organization, team)): Path<(String, String)>,
) -> Answer {
    let allowed = app.core.allow_in::<ManageNamespace>(&visitor.caller, &organization).await?;
    app.core.delete_team(&allowed, &team).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

#[derive(Serialize, ToSchema)]
struct TeamMembersView {
    name: String,
    members: Vec<TeamMemberView>,
    can_edit: bool,
}

#[derive(Serialize, ToSchema)]
struct TeamMemberView {
    name: String,
    kind: &'static str,
    is_robot: bool,
    avatar: Avatar,
    invited: bool,
}

impl TeamMemberView {
    fn new(name: String, is_robot: bool) -> Self {
        Self { avatar: Avatar::of_account(&name, is_robot), name, kind: "user", is_robot, invited: false }
    }
}

/// The members of a team.
#[utoipa::path(get, path = "/api/v1/organization/{orgname}/team/{teamname}/members", tag = "team",
    params(("orgname" = String, Path), ("teamname" = String, Path)), responses((status = 200, body = TeamMembersView), (status = 404)))]
pub(super) async fn members(
    State(app): State<App>,
    visitor: Visitor,
    Path((organization, team)): Path<(String, String)>,
) -> Answer {
    let allowed = app.core.allow_in::<ViewNamespace>(&visitor.caller, &organization).await?;
    let members = app.core.team_members(&allowed, &team).await?;
    let can_edit = app.core.allow_in::<ManageNamespace>(&visitor.caller, &organization).await.is_ok();
    let members = members.into_iter().map(|member| TeamMemberView::new(member.name, member.robot)).collect();
    Ok(reply::json(StatusCode::OK, &TeamMembersView { name: team, members, can_edit }))
}

/// The repositories on which a team has a permission.
#[utoipa::path(get, path = "/api/v1/organization/{orgname}/team/{teamname}/permissions", tag = "team",
    params(("orgname" = String, Path), ("teamname" = String, Path)), responses((status = 200, body = PermissionsView), (status = 404)))]
pub(super) async fn permissions(
    State(app): State<App>,
    visitor: Visitor,
    Path((organization, team)): Path<(String, String)>,
) -> Answer {
    let allowed = app.core.allow_in::<ManageNamespace>(&visitor.caller, &organization).await?;
    let found = app.core.team_permissions(&allowed, &team).await?;
    Ok(reply::json(StatusCode::OK, &PermissionsView::new(found)))
}

/// Adds a person, or a robot of the organization, to a team.
#[utoipa::path(put, path = "/api/v1/organization/{orgname}/team/{teamname}/members/{membername}", tag = "team",
    params(("orgname" = String, Path), ("teamname" = String, Path), ("membername" = String, Path)),
    responses((status = 200, body = TeamMemberView), (status = 404)))]
pub(super) async fn add_member(
    State(app): State<App>,
    visitor: Visitor,
    Path((organization, team, member)): Path<(String, String, String)>,
) -> Answer {
    let allowed = app.core.allow_in::<ManageNamespace>(&visitor.caller, &organization).await?;
    let member = app.core.add_team_member(&allowed, &team, &member).await?;
    Ok(reply::json(StatusCode::OK, &TeamMemberView::new(member.name, member.robot)))
}

/// Takes a member out of a team.
#[utoipa::path(delete, path = "/api/v1/organization/{orgname}/team/{teamname}/members/{membername}", tag = "team",
    params(("orgname" = String, Path), ("teamname" = String, Path), ("membername" = String, Path)),
    responses((status = 204), (status = 404)))]
pub(super) async fn remove_member(
    State(app): State<App>,
    visitor: Visitor,
    Path((organization, team, member)): Path<(String, String, String)>,
) -> Answer {
    let allowed = app.core.allow_in::<ManageNamespace>(&visitor.caller, &organization).await?;
    app.core.remove_team_member(&allowed, &team, &member).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
