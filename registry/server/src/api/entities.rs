//! Names that begin like what somebody types.

use axum::extract::{Path, Query, State};
use http::StatusCode;
use quay_core::{Entity, EntityKind, EntityQuery};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body;
use super::outcome::Answer;
use super::view::Avatar;
use super::visitor::Visitor;
use crate::http::{App, reply};

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// The namespace in which something is to be given: its robots are offered as well.
    #[serde(default)]
    namespace: Option<String>,
    /// Whether teams of that organization are offered.
    #[serde(default, rename = "includeTeams", deserialize_with = "body::flag")]
    teams: bool,
    /// Whether organizations are offered.
    #[serde(default, rename = "includeOrgs", deserialize_with = "body::flag")]
    organizations: bool,
}

#[derive(Serialize, ToSchema)]
struct FoundView {
    results: Vec<EntityView>,
}

#[derive(Serialize, ToSchema)]
struct EntityView {
    name: String,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_robot: Option<bool>,
    avatar: Avatar,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_org_member: Option<bool>,
}

impl EntityView {
    fn new(entity: Entity) -> Self {
        let (kind, is_robot, avatar) = match entity.kind {
            EntityKind::Person => ("user", Some(false), "user"),
            EntityKind::Robot => ("user", Some(true), "robot"),
            EntityKind::Team => ("team", None, "team"),
            EntityKind::Organization => ("org", None, "org"),
        };
        let avatar = Avatar::new(&entity.name, avatar);
        Self { name: entity.name, kind, is_robot, avatar, is_org_member: entity.in_organization }
    }
}

/// People, robots of a namespace, teams and organizations whose names begin like this.
#[utoipa::path(get, path = "/api/v1/entities/{prefix}", tag = "entity", params(("prefix" = String, Path), Wanted),
    responses((status = 200, body = FoundView), (status = 400)))]
pub(super) async fn find(
    State(app): State<App>,
    visitor: Visitor,
    Path(prefix): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Answer {
    let query = EntityQuery {
        prefix: &prefix,
        namespace: wanted.namespace.as_deref(),
        teams: wanted.teams,
        organizations: wanted.organizations,
    };
    let found = app.core.entities(&visitor.caller, &query).await?;
    let results = found.into_iter().map(EntityView::new).collect();
    Ok(reply::json(StatusCode::OK, &FoundView { results }))
}
