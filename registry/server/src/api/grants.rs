//! Permissions on a repository: of people and robots, and of teams.

use std::collections::BTreeMap;

use http::StatusCode;
use quay_core::perms::Administer;
use quay_core::{Grant, Grantee, Missing, RepositoryRole};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::outcome::{Answer, Trouble};
use super::repository::{Asked, no_content};
use super::view::Avatar;
use crate::http::reply;

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Role {
    Read,
    Write,
    Admin,
}

impl From<Role> for RepositoryRole {
    fn from(role: Role) -> Self {
        match role {
            Role::Read => Self::Read,
            Role::Write => Self::Write,
            Role::Admin => Self::Admin,
        }
    }
}

/// Quay's word for a role.
pub(super) fn word(role: RepositoryRole) -> &'static str {
    match role {
        RepositoryRole::Read => "read",
        RepositoryRole::Write => "write",
        RepositoryRole::Admin => "admin",
    }
}

#[derive(Deserialize, ToSchema)]
struct PutGrant {
    role: Role,
}

#[derive(Serialize, ToSchema)]
struct GrantView {
    role: &'static str,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_robot: Option<bool>,
    avatar: Avatar,
}

#[derive(Serialize, ToSchema)]
struct GrantsView {
    permissions: BTreeMap<String, GrantView>,
}

impl GrantView {
    fn new(grantee: Grantee, role: RepositoryRole) -> Self {
        let role = word(role);
        match grantee {
            Grantee::User(name) => {
                let robot = name.contains('+');
                Self { role, is_robot: Some(robot), avatar: Avatar::of_account(&name, robot), name }
            }
            Grantee::Team(name) => Self { role, is_robot: None, avatar: Avatar::new(&name, "team"), name },
        }
    }
}

async fn all(asked: &Asked<'_>) -> Answer<Vec<Grant>> {
    let allowed = asked.app.core.allow::<Administer>(&asked.visitor.caller, asked.name).await?;
    Ok(asked.app.core.grants(&allowed).await?)
}

async fn list(asked: &Asked<'_>, team: bool) -> Answer {
    let grants =
        all(asked).await?.into_iter().filter(|grant| matches!(grant.grantee, Grantee::Team(_)) == team);
    let permissions = grants.map(|grant| GrantView::new(grant.grantee, grant.role));
    let permissions = permissions.map(|view| (view.name.clone(), view)).collect();
    Ok(reply::json(StatusCode::OK, &GrantsView { permissions }))
}

async fn show(asked: &Asked<'_>, grantee: Grantee) -> Answer {
    let found = all(asked).await?.into_iter().find(|grant| grant.grantee == grantee);
    let grant = found.ok_or_else(|| Trouble::Core(Missing::Permission.into()))?;
    Ok(reply::json(StatusCode::OK, &GrantView::new(grant.grantee, grant.role)))
}

async fn put(asked: &Asked<'_>, grantee: Grantee) -> Answer {
    let allowed = asked.app.core.allow::<Administer>(&asked.visitor.caller, asked.name).await?;
    let role = asked.body::<PutGrant>()?.role.into();
    asked.app.core.grant(&allowed, &grantee, role).await?;
    Ok(reply::json(StatusCode::OK, &GrantView::new(grantee, role)))
}

async fn delete(asked: &Asked<'_>, grantee: Grantee) -> Answer {
    let allowed = asked.app.core.allow::<Administer>(&asked.visitor.caller, asked.name).await?;
    asked.app.core.revoke(&allowed, &grantee).await?;
    Ok(no_content())
}

#[derive(Serialize, ToSchema)]
struct RolesView {
    permissions: Vec<RoleView>,
}

#[derive(Serialize, ToSchema)]
struct RoleView {
    role: &'static str,
}

/// Every role that a person or robot has, however they came by it.
#[utoipa::path(get, path = "/api/v1/repository/{repository}/permissions/user/{username}/transitive", tag = "permission",
    params(("repository" = String, Path), ("username" = String, Path)), responses((status = 200, body = RolesView), (status = 404)))]
pub(super) async fn transitive(asked: &Asked<'_>, user: &str) -> Answer {
    let allowed = asked.app.core.allow::<Administer>(&asked.visitor.caller, asked.name).await?;
    let roles = asked.app.core.transitive_roles(&allowed, user).await?;
    let permissions = roles.into_iter().map(|role| RoleView { role: word(role) }).collect();
    Ok(reply::json(StatusCode::OK, &RolesView { permissions }))
}

/// Permissions of people and robots.
#[utoipa::path(get, path = "/api/v1/repository/{repository}/permissions/user/", tag = "permission",
    params(("repository" = String, Path)), responses((status = 200, body = GrantsView), (status = 403)))]
pub(super) async fn list_users(asked: &Asked<'_>) -> Answer {
    list(asked, false).await
}

/// The permission of one person or robot.
#[utoipa::path(get, path = "/api/v1/repository/{repository}/permissions/user/{username}", tag = "permission",
    params(("repository" = String, Path), ("username" = String, Path)), responses((status = 200, body = GrantView), (status = 404)))]
pub(super) async fn show_user(asked: &Asked<'_>, user: &str) -> Answer {
    show(asked, Grantee::User(user.to_owned())).await
}

/// Gives a person or a robot a permission.
#[utoipa::path(put, path = "/api/v1/repository/{repository}/permissions/user/{username}", tag = "permission",
    request_body = PutGrant, params(("repository" = String, Path), ("username" = String, Path)),
    responses((status = 200, body = GrantView), (status = 403), (status = 404)))]
pub(super) async fn put_user(asked: &Asked<'_>, user: &str) -> Answer {
    put(asked, Grantee::User(user.to_owned())).await
}

/// Takes a person's or robot's permission away.
#[utoipa::path(delete, path = "/api/v1/repository/{repository}/permissions/user/{username}", tag = "permission",
    params(("repository" = String, Path), ("username" = String, Path)), responses((status = 204), (status = 404)))]
pub(super) async fn delete_user(asked: &Asked<'_>, user: &str) -> Answer {
    delete(asked, Grantee::User(user.to_owned())).await
}

/// Permissions of teams.
#[utoipa::path(get, path = "/api/v1/repository/{repository}/permissions/team/", tag = "permission",
    params(("repository" = String, Path)), responses((status = 200, body = GrantsView), (status = 403)))]
pub(super) async fn list_teams(asked: &Asked<'_>) -> Answer {
    list(asked, true).await
}

/// The permission of one team.
#[utoipa::path(get, path = "/api/v1/repository/{repository}/permissions/team/{teamname}", tag = "permission",
    params(("repository" = String, Path), ("teamname" = String, Path)), responses((status = 200, body = GrantView), (status = 404)))]
pub(super) async fn show_team(asked: &Asked<'_>, team: &str) -> Answer {
    show(asked, Grantee::Team(team.to_owned())).await
}

/// Gives a team a permission.
#[utoipa::path(put, path = "/api/v1/repository/{repository}/permissions/team/{teamname}", tag = "permission",
    request_body = PutGrant, params(("repository" = String, Path), ("teamname" = String, Path)),
    responses((status = 200, body = GrantView), (status = 403), (status = 404)))]
pub(super) async fn put_team(asked: &Asked<'_>, team: &str) -> Answer {
    put(asked, Grantee::Team(team.to_owned())).await
}

/// Takes a team's permission away.
#[utoipa::path(delete, path = "/api/v1/repository/{repository}/permissions/team/{teamname}", tag = "permission",
    params(("repository" = String, Path), ("teamname" = String, Path)), responses((status = 204), (status = 404)))]
pub(super) async fn delete_team(asked: &Asked<'_>, team: &str) -> Answer {
    delete(asked, Grantee::Team(team.to_owned())).await
}
