//! What superusers do with accounts of people: see, make, change, disable and delete them.

use axum::extract::{Path, Query, State};
use axum::response::IntoResponse;
use http::StatusCode;
use quay_core::perms::Superuser;
use quay_core::{AccountChange, Allowed, NewUser, Secret, User};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::{self, Json};
use super::outcome::Answer;
use super::view::Avatar;
use super::visitor::Visitor;
use crate::http::{App, reply};

/// Rows on a page, unless fewer are asked for.
pub(super) const PAGE: u32 = 100;

/// A superuser's powers, which are sensitive as a whole.
pub(super) async fn powers(app: &App, visitor: &Visitor) -> Answer<Allowed<Superuser>> {
    let allowed = app.core.allow_superuser(&visitor.caller).await?;
    visitor.fresh(app)?;
    Ok(allowed)
}

fn yes() -> bool {
    true
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// Whether accounts that are disabled are listed too; they are unless this is `false`.
    #[serde(default = "yes", deserialize_with = "body::flag")]
    disabled: bool,
    /// Accounts on a page, up to 100.
    #[serde(default)]
    limit: Option<u32>,
    /// Where the page before ended.
    #[serde(default)]
    next_page: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct UsersView {
    users: Vec<UserView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct UserView {
    kind: &'static str,
    name: String,
    username: String,
    email: Option<String>,
    verified: bool,
    avatar: Avatar,
    super_user: bool,
    enabled: bool,
}

impl UserView {
    fn new(user: User) -> Self {
        Self {
            kind: "user",
            name: user.username.clone(),
            avatar: Avatar::new(&user.username, "user"),
            username: user.username,
            email: user.email,
            verified: user.verified,
            super_user: user.superuser,
            enabled: user.enabled,
        }
    }
}

/// Every account.
#[utoipa::path(get, path = "/api/v1/superuser/users/", tag = "superuser", params(ListQuery),
    responses((status = 200, body = UsersView), (status = 403)))]
pub(super) async fn users(
    State(app): State<App>,
    visitor: Visitor,
    Query(query): Query<ListQuery>,
) -> Answer {
    let allowed = powers(&app, &visitor).await?;
    let limit = query.limit.unwrap_or(PAGE);
    let page = app.core.list_users(&allowed, query.disabled, limit, query.next_page.as_deref()).await?;
    let next_page = page.items.last().filter(|_| page.more).map(|last| last.username.clone());
    let users = page.items.into_iter().map(UserView::new).collect();
    Ok(reply::json(StatusCode::OK, &UsersView { users, next_page }))
}

#[derive(Deserialize, ToSchema)]
pub(super) struct NewAccount {
    username: String,
    #[serde(default)]
    email: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct NewAccountView {
    username: String,
    email: Option<String>,
    password: String,
    encrypted_password: String,
}

/// Makes an account with a generated password, which is shown this once.
#[utoipa::path(post, path = "/api/v1/superuser/users/", tag = "superuser", request_body = NewAccount,
    responses((status = 200, body = NewAccountView), (status = 400), (status = 403)))]
pub(super) async fn create_user(
    State(app): State<App>,
    visitor: Visitor,
    Json(new): Json<NewAccount>,
) -> Answer {
    let allowed = powers(&app, &visitor).await?;
    let password = app.core.new_password()?;
    let new = NewUser { username: new.username, email: new.email, password: password.clone() };
    let (user, client_key) = app.core.create_user_as(&allowed, new).await?;
    let view = NewAccountView {
        username: user.username,
        email: user.email,
        password: password.expose().to_owned(),
        encrypted_password: client_key.expose().to_owned(),
    };
    Ok(reply::json(StatusCode::OK, &view))
}

/// The account of a person.
#[utoipa::path(get, path = "/api/v1/superuser/users/{username}", tag = "superuser", params(("username" = String, Path)),
    responses((status = 200, body = UserView), (status = 403), (status = 404)))]
pub(super) async fn user(State(app): State<App>, visitor: Visitor, Path(username): Path<String>) -> Answer {
    let allowed = powers(&app, &visitor).await?;
    let user = app.core.account_of(&allowed, &username).await?;
    Ok(reply::json(StatusCode::OK, &UserView::new(user)))
}

#[derive(Deserialize, ToSchema)]
pub(super) struct ChangeAccount {
    #[serde(default)]
    password: Option<String>,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    enabled: Option<bool>,
    #[serde(default)]
    username: Option<String>,
}

/// Changes the account of a person who is no superuser. A new password, and disabling, end every session, encrypted
/// password and registry token drawn from the password; application and access tokens and robots rest while the account
/// is disabled, and work again afterwards.
#[utoipa::path(put, path = "/api/v1/superuser/users/{username}", tag = "superuser", request_body = ChangeAccount,
    params(("username" = String, Path)),
    responses((status = 200, body = UserView), (status = 400), (status = 403), (status = 404)))]
pub(super) async fn change_user(
    State(app): State<App>,
    visitor: Visitor,
    Path(username): Path<String>,
    Json(body): Json<ChangeAccount>,
) -> Answer {
    let allowed = powers(&app, &visitor).await?;
    let ChangeAccount { password, email, enabled, username: new } = body;
    let change = AccountChange { password: password.map(Secret::new), email, enabled, username: new };
    let user = app.core.change_account(&allowed, &username, change).await?;
    Ok(reply::json(StatusCode::OK, &UserView::new(user)))
}

/// Deletes the account of a person who is no superuser, with everything in its namespace.
#[utoipa::path(delete, path = "/api/v1/superuser/users/{username}", tag = "superuser", params(("username" = String, Path)),
    responses((status = 204), (status = 400), (status = 403), (status = 404)))]
pub(super) async fn delete_user(
    State(app): State<App>,
    visitor: Visitor,
    Path(username): Path<String>,
) -> Answer {
    let allowed = powers(&app, &visitor).await?;
    app.core.delete_account_of(&allowed, &username).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
