//! Searching: repositories by a part of their name, and everything that has a name, as far as the caller may read it.

use std::collections::BTreeMap;

use axum::extract::{Query, State};
use http::StatusCode;
use quay_core::{
    Entity, EntityKind, EntityQuery, Error, Missing, RepositoryQuery, RepositoryRow, RepositorySort,
    Visibility,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::outcome::Answer;
use super::view::Avatar;
use super::visitor::Visitor;
use crate::http::{App, reply};

/// Repositories on a page, as Quay has them.
const PAGE: u32 = 10;
/// Pages that are served; who needs more looks for something narrower.
const PAGES: u32 = 10;

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// A part of the name; `namespace/part` looks in one namespace.
    #[serde(default)]
    query: String,
    /// Which page, from 1 to 10.
    #[serde(default)]
    page: Option<u32>,
}

#[derive(Serialize, ToSchema)]
struct PageView {
    results: Vec<RepositoryFound>,
    has_additional: bool,
    page: u32,
    page_size: u32,
    start_index: u32,
}

#[derive(Serialize, ToSchema)]
struct RepositoryFound {
    kind: &'static str,
    title: &'static str,
    namespace: Found,
    name: String,
    description: String,
    is_public: bool,
    score: u32,
    href: String,
    last_modified: i64,
}

/// Somebody or something with a name.
#[derive(Clone, Debug)]
struct Named {
    kind: &'static str,
    name: String,
}

#[derive(Serialize, ToSchema)]
struct Found {
    title: &'static str,
    kind: &'static str,
    avatar: Avatar,
    name: String,
    score: u32,
    href: String,
}

impl Found {
    fn new(Named { kind, name }: &Named) -> Self {
        let (title, avatar, href) = match *kind {
            "organization" => ("org", "org", format!("/organization/{name}")),
            "robot" => {
                let owner = name.split('+').next().unwrap_or_default();
                ("robot", "robot", format!("/user/{owner}?tab=Robotaccounts"))
            }
            _ => ("user", "user", format!("/user/{name}")),
        };
        Self { title, kind, avatar: Avatar::new(name, avatar), name: name.clone(), score: 1, href }
    }
}

impl RepositoryFound {
    fn new(row: RepositoryRow, namespace: &Named) -> Self {
        let repository = row.repository;
        Self {
            kind: "repository",
            title: "repo",
            namespace: Found::new(namespace),
            href: format!("/repository/{}/{}", repository.namespace, repository.name),
            name: repository.name,
            description: repository.description,
            is_public: repository.visibility == Visibility::Public,
            score: 1,
            last_modified: repository.modified.as_second(),
        }
    }
}

/// Up to `limit` repositories that the caller may read, the last changed first, and whether there are more.
async fn matching(
    app: &App,
    visitor: &Visitor,
    text: &str,
    limit: u32,
) -> Answer<(Vec<RepositoryRow>, bool)> {
    let text = text.trim();
    let (namespace, part) = match text.split_once('/') {
        Some((namespace, part)) if is_account(app, namespace).await? => (Some(namespace.to_owned()), part),
        _ => (None, text),
    };
    let query = RepositoryQuery {
        namespace,
        search: Some(part.to_owned()),
        sort: RepositorySort::Modified,
        descending: true,
        limit,
        ..RepositoryQuery::default()
    };
    let found = app.core.repository_rows(&visitor.caller, &query).await?;
    Ok((found.rows, found.next.is_some()))
}

async fn is_account(app: &App, name: &str) -> Answer<bool> {
    match app.core.profile(name).await {
        Ok(_) => Ok(true),
        Err(Error::NotFound(Missing::User)) => Ok(false),
        Err(other) => Err(other.into()),
    }
}

/// The repositories with their namespaces, each of which is looked up once.
async fn described(app: &App, rows: Vec<RepositoryRow>) -> Answer<Vec<RepositoryFound>> {
    let mut namespaces: BTreeMap<String, Named> = BTreeMap::new();
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        let name = row.repository.namespace.clone();
        if !namespaces.contains_key(&name) {
            let organization = match app.core.profile(&name).await {
                Ok(profile) => profile.organization,
                // Deleted since: it shows no more the next time.
                Err(Error::NotFound(Missing::User)) => continue,
                Err(other) => return Err(other.into()),
            };
            let kind = if organization { "organization" } else { "user" };
            namespaces.insert(name.clone(), Named { kind, name: name.clone() });
        }
        if let Some(namespace) = namespaces.get(&name) {
            found.push(RepositoryFound::new(row, namespace));
        }
    }
    Ok(found)
}

/// Repositories by a part of their name, the last changed first.
#[utoipa::path(get, path = "/api/v1/find/repositories", tag = "search", params(Wanted),
    responses((status = 200, body = PageView)))]
pub(super) async fn repositories(
    State(app): State<App>,
    visitor: Visitor,
    Query(wanted): Query<Wanted>,
) -> Answer {
    let page = wanted.page.unwrap_or(1).clamp(1, PAGES);
    let before = (page - 1) * PAGE;
    let (mut rows, more) = matching(&app, &visitor, &wanted.query, before + PAGE).await?;
    let rows = rows.split_off(rows.len().min(before as usize));
    let view = PageView {
        results: described(&app, rows).await?,
        has_additional: more && page < PAGES,
        page,
        page_size: PAGE,
        start_index: before,
    };
    Ok(reply::json(StatusCode::OK, &view))
}

#[derive(Serialize, ToSchema)]
struct AllView {
    results: Vec<Thing>,
}

#[derive(Serialize, ToSchema)]
#[serde(untagged)]
enum Thing {
    Named(Found),
    Repository(RepositoryFound),
}

/// Everything that has a name: people, organizations and robots of one's own by its beginning, repositories by a part.
#[utoipa::path(get, path = "/api/v1/find/all", tag = "search", params(Wanted), responses((status = 200, body = AllView)))]
pub(super) async fn all(State(app): State<App>, visitor: Visitor, Query(wanted): Query<Wanted>) -> Answer {
    let mut results = Vec::new();
    let text = wanted.query.trim();
    if !text.is_empty() {
        let query =
            EntityQuery { prefix: text, namespace: visitor.caller.name(), teams: false, organizations: true };
        let named = app.core.entities(&visitor.caller, &query).await?.into_iter().filter_map(named);
        results.extend(named.map(|named| Thing::Named(Found::new(&named))));
        let (rows, _) = matching(&app, &visitor, text, PAGE).await?;
        results.extend(described(&app, rows).await?.into_iter().map(Thing::Repository));
    }
    Ok(reply::json(StatusCode::OK, &AllView { results }))
}

fn named(entity: Entity) -> Option<Named> {
    let kind = match entity.kind {
        EntityKind::Person => "user",
        EntityKind::Robot => "robot",
        EntityKind::Organization => "organization",
        EntityKind::Team => return None,
    };
    Some(Named { kind, name: entity.name })
}
