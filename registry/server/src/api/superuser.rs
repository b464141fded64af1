//! What superusers do: see every account and make accounts for others.

use axum::extract::{Query, State};
use http::StatusCode;
use quay_core::{NewUser, Secret, User};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::Json;
use super::outcome::Answer;
use super::view::Avatar;
use super::visitor::Visitor;
use crate::http::{App, reply};

/// Accounts on a page.
const PAGE: u32 = 100;

#[derive(Deserialize, utoipa::IntoParams)]
pub(super) struct ListQuery {
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
    let allowed = app.core.allow_superuser(&visitor.caller).await?;
    visitor.fresh(&app)?;
    let page = app.core.list_users(&allowed, PAGE, query.next_page.as_deref()).await?;
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
    let allowed = app.core.allow_superuser(&visitor.caller).await?;
    visitor.fresh(&app)?;
    let password = app.core.new_cookie()?;
    let password = Secret::new(&password.expose()[..32]);
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
