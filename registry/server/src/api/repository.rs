//! Repositories: listing, making, showing, changing; and the way to everything below one.

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use http::{Method, StatusCode, Uri};
use quay_core::perms::{Administer, CreateRepository, Pull, Push};
use quay_core::{RepositoryQuery, RepositoryRow, TagQuery, Visibility};
use quay_oci::RepositoryName;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::{self, Json};
use super::outcome::{Answer, Trouble};
use super::target::{self, Target};
use super::view::SUCCESS;
use super::visitor::Visitor;
use super::{frame, grants, labels, logs, manifests, tags};
use crate::http::{App, reply};

/// Repositories on a page of the list.
const PAGE: u32 = 100;
/// Tags that are shown with a repository.
const TAGS: u32 = 500;

/// A request about one repository.
pub(super) struct Asked<'a> {
    pub(super) app: &'a App,
    pub(super) visitor: &'a Visitor,
    pub(super) name: &'a RepositoryName,
    pub(super) uri: &'a Uri,
    pub(super) body: &'a [u8],
}

impl Asked<'_> {
    pub(super) fn body<T: serde::de::DeserializeOwned>(&self) -> Answer<T> {
        body::read(self.body)
    }

    pub(super) fn query<T: serde::de::DeserializeOwned>(&self) -> Answer<T> {
        Query::try_from_uri(self.uri)
            .map(|Query(query)| query)
            .map_err(|error| Trouble::Request(error.body_text()))
    }
}

/// Everything below `/api/v1/repository/`.
pub(super) async fn serve(
    State(app): State<App>,
    visitor: Visitor,
    Path(rest): Path<String>,
    method: Method,
    uri: Uri,
    body: Bytes,
) -> Answer {
    let Some((name, target)) = target::parse(&rest) else { return Err(Trouble::NotFound) };
    let asked = Asked { app: &app, visitor: &visitor, name: &name, uri: &uri, body: &body };
    // HEAD is a GET whose body the server leaves out.
    let method = if method == Method::HEAD { Method::GET } else { method };
    match (method, target) {
        (Method::GET, Target::Itself) => show(&asked).await,
        (Method::PUT, Target::Itself) => describe(&asked).await,
        (Method::DELETE, Target::Itself) => delete(&asked).await,
        (_, Target::Itself) => Ok(frame::not_that_way("GET, PUT, DELETE")),
        (Method::POST, Target::Visibility) => change_visibility(&asked).await,
        (Method::GET, Target::Tags) => tags::list(&asked).await,
        (Method::PUT, Target::Tag(tag)) => tags::put(&asked, &tag).await,
        (Method::DELETE, Target::Tag(tag)) => tags::delete(&asked, &tag).await,
        (Method::POST, Target::Restore(tag)) => tags::restore(&asked, &tag).await,
        (Method::GET, Target::Manifest(digest)) => manifests::show(&asked, &digest).await,
        (Method::GET, Target::Labels(digest)) => labels::list(&asked, &digest).await,
        (Method::POST, Target::Labels(digest)) => labels::add(&asked, &digest).await,
        (Method::GET, Target::Label(digest, label)) => labels::show(&asked, &digest, &label).await,
        (Method::DELETE, Target::Label(digest, label)) => labels::delete(&asked, &digest, &label).await,
        (Method::GET, Target::Users) => grants::list_users(&asked).await,
        (Method::GET, Target::User(user)) => grants::show_user(&asked, &user).await,
        (Method::PUT, Target::User(user)) => grants::put_user(&asked, &user).await,
        (Method::DELETE, Target::User(user)) => grants::delete_user(&asked, &user).await,
        (Method::GET, Target::Teams) => grants::list_teams(&asked).await,
        (Method::GET, Target::Team(team)) => grants::show_team(&asked, &team).await,
        (Method::PUT, Target::Team(team)) => grants::put_team(&asked, &team).await,
        (Method::DELETE, Target::Team(team)) => grants::delete_team(&asked, &team).await,
        (Method::GET, Target::Transitive(user)) => grants::transitive(&asked, &user).await,
        (Method::GET, Target::Logs) => logs::of_repository(&asked).await,
        (Method::GET, Target::LogCounts) => logs::counts_of_repository(&asked).await,
        (_, Target::Transitive(_) | Target::Logs | Target::LogCounts) => Ok(frame::not_that_way("GET")),
        (_, Target::Labels(_)) => Ok(frame::not_that_way("GET, POST")),
        (_, Target::Label(..)) => Ok(frame::not_that_way("GET, DELETE")),
        (_, Target::Tags | Target::Manifest(_) | Target::Users | Target::Teams) => {
            Ok(frame::not_that_way("GET"))
        }
        (_, Target::Tag(_)) => Ok(frame::not_that_way("PUT, DELETE")),
        (_, Target::User(_) | Target::Team(_)) => Ok(frame::not_that_way("GET, PUT, DELETE")),
        (_, Target::Visibility | Target::Restore(_)) => Ok(frame::not_that_way("POST")),
    }
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// Only repositories of this namespace.
    #[serde(default)]
    namespace: Option<String>,
    /// Also public ones of other people.
    #[serde(default, deserialize_with = "body::flag")]
    public: bool,
    /// Only those with a star of one's own.
    #[serde(default, deserialize_with = "body::flag")]
    starred: bool,
    /// Where the page before ended.
    #[serde(default)]
    next_page: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct ListView {
    pub(super) repositories: Vec<ItemView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_page: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct ItemView {
    namespace: String,
    name: String,
    description: String,
    is_public: bool,
    kind: &'static str,
    state: &'static str,
    last_modified: i64,
    is_starred: bool,
}

impl ItemView {
    pub(super) fn new(RepositoryRow { repository, starred }: RepositoryRow) -> Self {
        Self {
            namespace: repository.namespace,
            name: repository.name,
            description: repository.description,
            is_public: repository.visibility == Visibility::Public,
            kind: "image",
            state: repository.state,
            last_modified: repository.modified.as_second(),
            is_starred: starred,
        }
    }
}

/// The repositories that the caller may pull from.
#[utoipa::path(get, path = "/api/v1/repository", tag = "repository", params(ListQuery),
    responses((status = 200, body = ListView), (status = 400)))]
pub(super) async fn list(State(app): State<App>, visitor: Visitor, Query(query): Query<ListQuery>) -> Answer {
    if query.namespace.is_none() && !query.public && !query.starred {
        return Err(Trouble::Request(
            "namespace, public or starred are required for this API call".to_owned(),
        ));
    }
    if query.starred {
        let account = visitor.account(&app).await?;
        let rows = app.core.starred(&account).await?;
        let of =
            |row: &RepositoryRow| query.namespace.as_ref().is_none_or(|n| *n == row.repository.namespace);
        let repositories = rows.into_iter().filter(of).map(ItemView::new).collect();
        return Ok(reply::json(StatusCode::OK, &ListView { repositories, next_page: None }));
    }
    let after = match query.next_page.as_deref() {
        None => None,
        Some(token) => {
            Some(page_start(token).ok_or_else(|| Trouble::Request("Invalid next_page".to_owned()))?)
        }
    };
    let query =
        RepositoryQuery { namespace: query.namespace, after, limit: PAGE, ..RepositoryQuery::default() };
    let page = app.core.repository_rows(&visitor.caller, &query).await?;
    let next_page = page.next.map(|next| BASE64_URL_SAFE_NO_PAD.encode(next));
    let repositories = page.rows.into_iter().map(ItemView::new).collect();
    Ok(reply::json(StatusCode::OK, &ListView { repositories, next_page }))
}

fn page_start(token: &str) -> Option<String> {
    String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(token).ok()?).ok()
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum VisibilityWord {
    Public,
    Private,
}

impl From<VisibilityWord> for Visibility {
    fn from(word: VisibilityWord) -> Self {
        match word {
            VisibilityWord::Public => Self::Public,
            VisibilityWord::Private => Self::Private,
        }
    }
}

#[derive(Deserialize, ToSchema)]
pub(super) struct NewRepository {
    repository: String,
    visibility: VisibilityWord,
    #[serde(default)]
    namespace: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    repo_kind: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct CreatedView {
    namespace: String,
    name: String,
    kind: &'static str,
}

/// Makes a repository.
#[utoipa::path(post, path = "/api/v1/repository", tag = "repository", request_body = NewRepository,
    responses((status = 201, body = CreatedView), (status = 400), (status = 403)))]
pub(super) async fn create(
    State(app): State<App>,
    visitor: Visitor,
    Json(new): Json<NewRepository>,
) -> Answer {
    if new.repo_kind.as_deref().is_some_and(|kind| kind != "image") {
        return Err(Trouble::Request("Repositories of this kind are not supported".to_owned()));
    }
    let namespace = new.namespace.as_deref().or(visitor.caller.name()).unwrap_or_default();
    let allowed = app.core.allow_in::<CreateRepository>(&visitor.caller, namespace).await?;
    let name = RepositoryName::from_parts(namespace, &new.repository)?;
    if name.repository().contains('/') && !app.core.config().feature_extended_repository_names {
        let why = "Invalid repository name: `/` in it needs FEATURE_EXTENDED_REPOSITORY_NAMES";
        return Err(Trouble::Request(why.to_owned()));
    }
    let description = new.description.unwrap_or_default();
    let made = app.core.create_repository(&allowed, &name, new.visibility.into(), &description).await?;
    let view = CreatedView { namespace: made.namespace, name: made.name, kind: "image" };
    Ok(reply::json(StatusCode::CREATED, &view))
}

#[derive(Serialize, ToSchema)]
struct RepositoryDetail {
    namespace: String,
    name: String,
    kind: &'static str,
    description: String,
    is_public: bool,
    is_organization: bool,
    is_starred: bool,
    status_token: &'static str,
    trust_enabled: bool,
    tag_expiration_s: i64,
    is_free_account: bool,
    state: &'static str,
    can_write: bool,
    can_admin: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<serde_json::Map<String, serde_json::Value>>,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct ShowQuery {
    /// Whether tags come along; they do unless this is false.
    #[serde(default = "yes", rename = "includeTags", deserialize_with = "body::flag")]
    include_tags: bool,
}

fn yes() -> bool {
    true
}

/// One repository.
#[utoipa::path(get, path = "/api/v1/repository/{repository}", tag = "repository",
    params(("repository" = String, Path, description = "namespace/name"), ShowQuery),
    responses((status = 200, body = RepositoryDetail), (status = 403), (status = 404)))]
pub(super) async fn show(asked: &Asked<'_>) -> Answer {
    let query: ShowQuery = asked.query()?;
    let core = &asked.app.core;
    let allowed = core.allow::<Pull>(&asked.visitor.caller, asked.name).await?;
    let found = core.repository(&allowed).await?;
    let is_starred = match core.allow_account(&asked.visitor.caller).await {
        Ok(account) => core.is_starred(&account, &allowed).await?,
        Err(_) => false,
    };
    let tags = match query.include_tags {
        true => Some(current_tags(asked, &allowed).await?),
        false => None,
    };
    let view = RepositoryDetail {
        namespace: asked.name.namespace().to_owned(),
        name: asked.name.repository().to_owned(),
        kind: "image",
        description: found.repository.description,
        is_public: found.repository.visibility == Visibility::Public,
        is_organization: found.is_organization,
        is_starred,
        status_token: "",
        trust_enabled: false,
        tag_expiration_s: found.tag_expiration_s,
        is_free_account: true,
        state: found.repository.state,
        can_write: found.can_write,
        can_admin: found.can_admin,
        tags,
    };
    Ok(reply::json(StatusCode::OK, &view))
}

async fn current_tags(
    asked: &Asked<'_>,
    allowed: &quay_core::Allowed<Pull>,
) -> Answer<serde_json::Map<String, serde_json::Value>> {
    let mut shown = serde_json::Map::new();
    for page in 1..=TAGS / 100 {
        let query = TagQuery { name: None, like: None, only_active: true, page, limit: 100 };
        let found = asked.app.core.tag_history(allowed, &query).await?;
        shown.extend(found.items.iter().map(|entry| (entry.name.clone(), tags::brief(entry))));
        if !found.more {
            break;
        }
    }
    Ok(shown)
}

#[derive(Deserialize, ToSchema)]
struct Description {
    description: Option<String>,
}

/// Changes the description of a repository.
#[utoipa::path(put, path = "/api/v1/repository/{repository}", tag = "repository", request_body = Description,
    params(("repository" = String, Path)), responses((status = 200, body = super::view::Success), (status = 403)))]
async fn describe(asked: &Asked<'_>) -> Answer {
    let allowed = asked.app.core.allow::<Push>(&asked.visitor.caller, asked.name).await?;
    let body: Description = asked.body()?;
    asked.app.core.set_description(&allowed, body.description.as_deref().unwrap_or_default()).await?;
    Ok(reply::json(StatusCode::OK, &SUCCESS))
}

/// Deletes a repository.
#[utoipa::path(delete, path = "/api/v1/repository/{repository}", tag = "repository",
    params(("repository" = String, Path)), responses((status = 204), (status = 403)))]
async fn delete(asked: &Asked<'_>) -> Answer {
    let allowed = asked.app.core.allow::<Administer>(&asked.visitor.caller, asked.name).await?;
    asked.app.core.delete_repository(&allowed).await?;
    Ok(no_content())
}

#[derive(Deserialize, ToSchema)]
struct ChangeVisibility {
    visibility: VisibilityWord,
}

/// Makes a repository public or private.
#[utoipa::path(post, path = "/api/v1/repository/{repository}/changevisibility", tag = "repository",
    request_body = ChangeVisibility, params(("repository" = String, Path)),
    responses((status = 200, body = super::view::Success), (status = 403)))]
async fn change_visibility(asked: &Asked<'_>) -> Answer {
    let allowed = asked.app.core.allow::<Administer>(&asked.visitor.caller, asked.name).await?;
    let body: ChangeVisibility = asked.body()?;
    asked.app.core.set_visibility(&allowed, body.visibility.into()).await?;
    Ok(reply::json(StatusCode::OK, &SUCCESS))
}

pub(super) fn no_content() -> Response {
    StatusCode::NO_CONTENT.into_response()
}
