//! Default permissions of an organization, which Quay calls prototypes.

use axum::extract::{Path, State};
use axum::response::IntoResponse;
use http::StatusCode;
use quay_core::perms::ManageNamespace;
use quay_core::{DefaultPermission, Grantee};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::Json;
use super::grants::{Role, word};
use super::outcome::{Answer, Trouble};
use super::view::Avatar;
use super::visitor::Visitor;
use crate::http::{App, reply};

#[derive(Serialize, ToSchema)]
struct WhoView {
    name: String,
    kind: &'static str,
    is_robot: bool,
    avatar: Avatar,
}

impl WhoView {
    fn account(name: String) -> Self {
        let is_robot = name.contains('+');
        Self { avatar: Avatar::of_account(&name, is_robot), name, kind: "user", is_robot }
    }

    fn grantee(grantee: Grantee) -> Self {
        match grantee {
            Grantee::User(name) => Self::account(name),
            Grantee::Team(name) => {
                Self { avatar: Avatar::new(&name, "team"), name, kind: "team", is_robot: false }
            }
        }
    }
}

#[derive(Serialize, ToSchema)]
struct PrototypeView {
    id: String,
    role: &'static str,
    activating_user: Option<WhoView>,
    delegate: WhoView,
}

impl PrototypeView {
    fn new(found: DefaultPermission) -> Self {
        Self {
            id: found.id,
            role: word(found.role),
            activating_user: found.activator.map(WhoView::account),
            delegate: WhoView::grantee(found.delegate),
        }
    }
}

#[derive(Serialize, ToSchema)]
struct PrototypesView {
    prototypes: Vec<PrototypeView>,
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Kind {
    User,
    Team,
}

#[derive(Deserialize, ToSchema)]
struct Delegate {
    name: String,
    kind: Kind,
}

#[derive(Deserialize, ToSchema)]
struct Activator {
    name: Option<String>,
}

#[derive(Deserialize, ToSchema)]
pub(super) struct NewPrototype {
    role: Role,
    delegate: Delegate,
    #[serde(default)]
    activating_user: Option<Activator>,
}

#[derive(Deserialize, ToSchema)]
pub(super) struct ChangePrototype {
    role: Role,
}

/// The default permissions of an organization.
#[utoipa::path(get, path = "/api/v1/organization/{orgname}/prototypes", tag = "prototype",
    params(("orgname" = String, Path)), responses((status = 200, body = PrototypesView), (status = 403)))]
pub(super) async fn list(State(app): State<App>, visitor: Visitor, Path(name): Path<String>) -> Answer {
    let allowed = app.core.allow_in::<ManageNamespace>(&visitor.caller, &name).await?;
    let found = app.core.default_permissions(&allowed).await?;
    let prototypes = found.into_iter().map(PrototypeView::new).collect();
    Ok(reply::json(StatusCode::OK, &PrototypesView { prototypes }))
}

/// Makes a default permission.
#[utoipa::path(post, path = "/api/v1/organization/{orgname}/prototypes", tag = "prototype", request_body = NewPrototype,
    params(("orgname" = String, Path)), responses((status = 200, body = PrototypeView), (status = 400), (status = 403), (status = 404)))]
pub(super) async fn create(
    State(app): State<App>,
    visitor: Visitor,
    Path(name): Path<String>,
    Json(new): Json<NewPrototype>,
) -> Answer {
    let allowed = app.core.allow_in::<ManageNamespace>(&visitor.caller, &name).await?;
    let delegate = match new.delegate.kind {
        Kind::User => Grantee::User(new.delegate.name),
        Kind::Team => Grantee::Team(new.delegate.name),
    };
    let activator = new.activating_user.and_then(|activator| activator.name).filter(|name| !name.is_empty());
    let made = app
        .core
        .create_default_permission(&allowed, activator.as_deref(), &delegate, new.role.into())
        .await
        .map_err(unknown_is_a_bad_request)?;
    Ok(reply::json(StatusCode::OK, &PrototypeView::new(made)))
}

/// A name in the body that nobody has is a mistake in the request: the resource is there.
fn unknown_is_a_bad_request(error: quay_core::Error) -> Trouble {
    match error {
        quay_core::Error::NotFound(missing @ (quay_core::Missing::User | quay_core::Missing::Team)) => {
            Trouble::Request(format!("Unknown delegate or activating user: {missing}"))
        }
        other => other.into(),
    }
}

/// Changes what a default permission allows.
#[utoipa::path(put, path = "/api/v1/organization/{orgname}/prototypes/{prototypeid}", tag = "prototype",
    request_body = ChangePrototype, params(("orgname" = String, Path), ("prototypeid" = String, Path)),
    responses((status = 200, body = PrototypeView), (status = 403), (status = 404)))]
pub(super) async fn change(
    State(app): State<App>,
    visitor: Visitor,
    Path((name, id)): Path<(String, String)>,
    Json(body): Json<ChangePrototype>,
) -> Answer {
    let allowed = app.core.allow_in::<ManageNamespace>(&visitor.caller, &name).await?;
    let changed = app.core.change_default_permission(&allowed, &id, body.role.into()).await?;
    Ok(reply::json(StatusCode::OK, &PrototypeView::new(changed)))
}

/// Deletes a default permission.
#[utoipa::path(delete, path = "/api/v1/organization/{orgname}/prototypes/{prototypeid}", tag = "prototype",
    params(("orgname" = String, Path), ("prototypeid" = String, Path)), responses((status = 204), (status = 403), (status = 404)))]
pub(super) async fn delete(
    State(app): State<App>,
    visitor: Visitor,
    Path((name, id)): Path<(String, String)>,
) -> Answer {
    let allowed = app.core.allow_in::<ManageNamespace>(&visitor.caller, &name).await?;
    app.core.delete_default_permission(&allowed, &id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
