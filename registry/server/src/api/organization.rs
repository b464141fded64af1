//! Organizations and who belongs to them.

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use axum::response::IntoResponse;
use http::StatusCode;
use quay_core::perms::ManageNamespace;
use quay_core::{Error, InvoicingChange, Member, Missing, Organization, Team};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::Json;
use super::outcome::Answer;
use super::teams::word;
use super::view::Avatar;
use super::visitor::Visitor;
use crate::http::{App, reply};

#[derive(Deserialize, ToSchema)]
pub(super) struct NewOrganization {
    name: String,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    contact_email: Option<String>,
}

/// Makes an organization, of which the caller becomes an owner.
#[utoipa::path(post, path = "/api/v1/organization/", tag = "organization", request_body = NewOrganization,
    responses((status = 201, description = "\"Created\""), (status = 400), (status = 401)))]
pub(super) async fn create(
    State(app): State<App>,
    visitor: Visitor,
    Json(body): Json<NewOrganization>,
) -> Answer {
    let account = visitor.account(&app).await?;
    let email = body.email.or(body.contact_email).filter(|email| !email.trim().is_empty());
    app.core.create_organization(&account, &body.name, email.as_deref()).await?;
    Ok(reply::json(StatusCode::CREATED, &"Created"))
}

#[derive(Serialize, ToSchema)]
struct OrganizationView {
    name: String,
    email: Option<String>,
    avatar: Avatar,
    is_admin: bool,
    is_member: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    teams: Option<BTreeMap<String, TeamView>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ordered_teams: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    invoice_email: Option<bool>,
    /// Empty when invoices go to the organization's own address, or nowhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    invoice_email_address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_free_account: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag_expiration_s: Option<i64>,
}

#[derive(Serialize, ToSchema)]
struct TeamView {
    name: String,
    description: String,
    role: &'static str,
    avatar: Avatar,
    can_view: bool,
    member_count: u64,
    repo_count: u64,
    is_synced: bool,
}

impl TeamView {
    fn new(team: Team) -> Self {
        Self {
            avatar: Avatar::new(&team.name, "team"),
            role: word(team.role),
            description: team.description,
            can_view: team.can_view,
            member_count: team.members,
            repo_count: team.repositories,
            is_synced: false,
            name: team.name,
        }
    }
}

/// An organization; its teams are for its members.
#[utoipa::path(get, path = "/api/v1/organization/{orgname}", tag = "organization", params(("orgname" = String, Path)),
    responses((status = 200, body = OrganizationView), (status = 404)))]
pub(super) async fn show(State(app): State<App>, visitor: Visitor, Path(name): Path<String>) -> Answer {
    let Organization { name, email, is_admin, is_member, teams, tag_expiration_s, invoicing, .. } =
        app.core.organization(&visitor.caller, &name).await?;
    let inside = is_member || is_admin;
    let view = OrganizationView {
        avatar: Avatar::new(&name, "org"),
        name,
        email,
        is_admin,
        is_member,
        ordered_teams: inside.then(|| teams.iter().map(|team| team.name.clone()).collect()),
        teams: inside
            .then(|| teams.into_iter().map(|team| (team.name.clone(), TeamView::new(team))).collect()),
        invoice_email: invoicing.as_ref().map(|invoicing| invoicing.by_mail),
        invoice_email_address: invoicing.map(|invoicing| invoicing.address.unwrap_or_default()),
        is_free_account: is_admin.then_some(true),
        tag_expiration_s: is_admin.then_some(tag_expiration_s),
    };
    Ok(reply::json(StatusCode::OK, &view))
}

#[derive(Deserialize, ToSchema)]
pub(super) struct ChangeOrganization {
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    contact_email: Option<String>,
    #[serde(default)]
    tag_expiration_s: Option<u64>,
    #[serde(default)]
    invoice_email: Option<bool>,
    #[serde(default)]
    invoice_email_address: Option<String>,
}

/// Changes an organization's address, or how long its deleted tags can be restored.
#[utoipa::path(put, path = "/api/v1/organization/{orgname}", tag = "organization", request_body = ChangeOrganization,
    params(("orgname" = String, Path)), responses((status = 200, body = OrganizationView), (status = 400), (status = 403)))]
pub(super) async fn change(
    State(app): State<App>,
    visitor: Visitor,
    Path(name): Path<String>,
    Json(body): Json<ChangeOrganization>,
) -> Answer {
    let allowed = app.core.allow_in::<ManageNamespace>(&visitor.caller, &name).await?;
    if let Some(email) = body.email.or(body.contact_email) {
        app.core.set_organization_email(&allowed, Some(&email)).await?;
    }
    if let Some(seconds) = body.tag_expiration_s {
        app.core.set_tag_expiration(&allowed, seconds).await?;
    }
    let invoicing = InvoicingChange { by_mail: body.invoice_email, address: body.invoice_email_address };
    if !invoicing.is_empty() {
        app.core.set_organization_invoicing(&allowed, invoicing).await?;
    }
    show(State(app), visitor, Path(name)).await
}

/// Deletes an organization with everything in it.
#[utoipa::path(delete, path = "/api/v1/organization/{orgname}", tag = "organization", params(("orgname" = String, Path)),
    responses((status = 204), (status = 401, description = "The password has to be shown again"), (status = 403)))]
pub(super) async fn delete(State(app): State<App>, visitor: Visitor, Path(name): Path<String>) -> Answer {
    let allowed = app.core.allow_in::<ManageNamespace>(&visitor.caller, &name).await?;
    visitor.fresh(&app)?;
    app.core.delete_organization(&allowed).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

#[derive(Serialize, ToSchema)]
struct MembersView {
    members: Vec<MemberView>,
}

#[derive(Serialize, ToSchema)]
struct MemberView {
    name: String,
    kind: &'static str,
    avatar: Avatar,
    teams: Vec<TeamOfMember>,
    repositories: Vec<String>,
}

#[derive(Serialize, ToSchema)]
struct TeamOfMember {
    name: String,
    avatar: Avatar,
}

impl MemberView {
    fn new(member: Member) -> Self {
        let team = |name: String| TeamOfMember { avatar: Avatar::new(&name, "team"), name };
        Self {
            avatar: Avatar::of_account(&member.name, member.robot),
            name: member.name,
            kind: "user",
            teams: member.teams.into_iter().map(team).collect(),
            repositories: member.repositories,
        }
    }
}

/// The people in an organization's teams.
#[utoipa::path(get, path = "/api/v1/organization/{orgname}/members", tag = "organization",
    params(("orgname" = String, Path)), responses((status = 200, body = MembersView), (status = 403)))]
pub(super) async fn members(State(app): State<App>, visitor: Visitor, Path(name): Path<String>) -> Answer {
    let allowed = app.core.allow_in::<ManageNamespace>(&visitor.caller, &name).await?;
    let members = app.core.organization_members(&allowed).await?.into_iter().map(MemberView::new).collect();
    Ok(reply::json(StatusCode::OK, &MembersView { members }))
}

/// One of the people in an organization's teams.
#[utoipa::path(get, path = "/api/v1/organization/{orgname}/members/{membername}", tag = "organization",
    params(("orgname" = String, Path), ("membername" = String, Path)), responses((status = 200, body = MemberView), (status = 404)))]
pub(super) async fn member(
    State(app): State<App>,
    visitor: Visitor,
    Path((name, member)): Path<(String, String)>,
) -> Answer {
    let allowed = app.core.allow_in::<ManageNamespace>(&visitor.caller, &name).await?;
    let mut members = app.core.organization_members(&allowed).await?.into_iter();
    let found = members.find(|found| found.name == member).ok_or_else(|| Error::from(Missing::Member))?;
    Ok(reply::json(StatusCode::OK, &MemberView::new(found)))
}

#[derive(Serialize, ToSchema)]
struct CollaboratorsView {
    collaborators: Vec<MemberView>,
}

/// People with permissions on repositories of an organization who are in none of its teams.
#[utoipa::path(get, path = "/api/v1/organization/{orgname}/collaborators", tag = "organization",
    params(("orgname" = String, Path)), responses((status = 200, body = CollaboratorsView), (status = 403)))]
pub(super) async fn collaborators(
    State(app): State<App>,
    visitor: Visitor,
    Path(name): Path<String>,
) -> Answer {
    let allowed = app.core.allow_in::<ManageNamespace>(&visitor.caller, &name).await?;
    let collaborators = app.core.collaborators(&allowed).await?.into_iter().map(MemberView::new).collect();
    Ok(reply::json(StatusCode::OK, &CollaboratorsView { collaborators }))
}

/// Takes a person out of every team of an organization.
#[utoipa::path(delete, path = "/api/v1/organization/{orgname}/members/{membername}", tag = "organization",
    params(("orgname" = String, Path), ("membername" = String, Path)), responses((status = 204), (status = 404)))]
pub(super) async fn remove_member(
    State(app): State<App>,
    visitor: Visitor,
    Path((name, member)): Path<(String, String)>,
) -> Answer {
    let allowed = app.core.allow_in::<ManageNamespace>(&visitor.caller, &name).await?;
    app.core.remove_member(&allowed, &member).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
