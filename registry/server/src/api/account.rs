//! One's own account, signing up, and the first account of all.

use axum::extract::{Path, State};
use axum::response::IntoResponse;
use http::StatusCode;
use quay_core::perms::Account;
use quay_core::{
    AboutMe, AccountChange, Allowed, Error, Invoicing, InvoicingChange, Membership, NewUser, OwnChange,
    Secret, User,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::Json;
use super::outcome::{Answer, Trouble};
use super::session::welcome;
use super::view::{Avatar, SUCCESS, Success};
use super::visitor::{Stranger, Visitor};
use crate::http::{App, reply, session};

#[derive(Serialize, ToSchema)]
struct UserView {
    anonymous: bool,
    username: String,
    avatar: Avatar,
    can_create_repo: bool,
    is_me: bool,
    verified: bool,
    email: Option<String>,
    logins: Vec<String>,
    invoice_email: bool,
    invoice_email_address: Option<String>,
    preferred_namespace: bool,
    tag_expiration_s: i64,
    prompts: Vec<String>,
    company: Option<String>,
    family_name: Option<String>,
    given_name: Option<String>,
    location: Option<String>,
    is_free_account: bool,
    has_password_set: bool,
    organizations: Vec<OrganizationOfUser>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    super_user: bool,
}

#[derive(Serialize, ToSchema)]
struct OrganizationOfUser {
    name: String,
    avatar: Avatar,
    can_create_repo: bool,
    public: bool,
    is_org_admin: bool,
    preferred_namespace: bool,
}

impl UserView {
    fn new(user: User, about: AboutMe, invoicing: Invoicing, organizations: Vec<Membership>) -> Self {
        let organization = |membership: Membership| OrganizationOfUser {
            avatar: Avatar::new(&membership.organization, "org"),
            can_create_repo: membership.can_create,
            public: false,
            is_org_admin: membership.admin,
            preferred_namespace: false,
            name: membership.organization,
        };
        Self {
            anonymous: false,
            avatar: Avatar::new(&user.username, "user"),
            username: user.username,
            can_create_repo: true,
            is_me: true,
            verified: user.verified,
            email: user.email,
            logins: Vec::new(),
            invoice_email: invoicing.by_mail,
            invoice_email_address: invoicing.address,
            preferred_namespace: false,
            tag_expiration_s: user.tag_expiration_s,
            prompts: Vec::new(),
            company: about.company,
            family_name: about.family_name,
            given_name: about.given_name,
            location: about.location,
            is_free_account: true,
            has_password_set: true,
            organizations: organizations.into_iter().map(organization).collect(),
            super_user: user.superuser,
        }
    }
}

async fn view(app: &App, account: &Allowed<Account>) -> Answer<UserView> {
    let user = app.core.user(account).await?;
    let about = app.core.about_me(account).await?;
    let organizations = app.core.my_organizations(account).await?;
    let invoicing = app.core.invoicing(account).await?;
    Ok(UserView::new(user, about, invoicing, organizations))
}

/// The account that is signed in.
#[utoipa::path(get, path = "/api/v1/user/", tag = "user", responses((status = 200, body = UserView), (status = 401)))]
pub(super) async fn show(State(app): State<App>, visitor: Visitor) -> Answer {
    let account = visitor.account(&app).await?;
    Ok(reply::json(StatusCode::OK, &view(&app, &account).await?))
}

#[derive(Deserialize, ToSchema)]
pub(super) struct SignUp {
    username: String,
    password: String,
    #[serde(default)]
    email: Option<String>,
}

/// Signs a person up, and in.
#[utoipa::path(post, path = "/api/v1/user/", tag = "user", request_body = SignUp,
    responses((status = 200, body = UserView), (status = 400), (status = 404, description = "Signing up is switched off")))]
pub(super) async fn create(State(app): State<App>, visitor: Visitor, Json(body): Json<SignUp>) -> Answer {
    let password = Secret::new(body.password);
    let new = NewUser { username: body.username, email: body.email, password: password.clone() };
    let user = app.core.create_user(&visitor.caller, new).await?;
    let from = visitor.caller.from();
    let signed_in = session::sign_in(&app.core, &user.username, &password, from, visitor.session()).await?;
    let response = reply::json(
        StatusCode::OK,
        &UserView::new(user, AboutMe::default(), Invoicing::default(), Vec::new()),
    );
    welcome(&app, &signed_in, response)
}

#[derive(Deserialize, ToSchema)]
pub(super) struct ChangeUser {
    #[serde(default)]
    password: Option<String>,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    username: Option<String>,
    #[serde(default)]
    tag_expiration_s: Option<u64>,
    #[serde(default)]
    invoice_email: Option<bool>,
    #[serde(default)]
    invoice_email_address: Option<String>,
    #[serde(default)]
    given_name: Option<String>,
    #[serde(default)]
    family_name: Option<String>,
    #[serde(default)]
    company: Option<String>,
    #[serde(default)]
    location: Option<String>,
}

/// Changes one's own account. A new password ends every other session.
#[utoipa::path(put, path = "/api/v1/user/", tag = "user", request_body = ChangeUser,
    responses((status = 200, body = UserView), (status = 400), (status = 401, description = "The password has to be shown again")))]
pub(super) async fn change(State(app): State<App>, visitor: Visitor, Json(body): Json<ChangeUser>) -> Answer {
    let account = visitor.account(&app).await?;
    visitor.fresh(&app)?;
    let password = body.password.map(Secret::new);
    let change = OwnChange {
        account: AccountChange {
            password: password.clone(),
            email: body.email,
            enabled: None,
            username: body.username,
        },
        tag_expiration_s: body.tag_expiration_s,
        invoicing: InvoicingChange { by_mail: body.invoice_email, address: body.invoice_email_address },
        about: AboutMe {
            given_name: body.given_name,
            family_name: body.family_name,
            company: body.company,
            location: body.location,
        },
    };
    let name = app.core.change_own_account(&account, change).await?.username;
    let response = reply::json(StatusCode::OK, &view(&app, &account).await?);
    let Some(password) = password.filter(|_| visitor.is_session()) else { return Ok(response) };
    let signed_in = app.core.sign_in(&name, &password, visitor.caller.from()).await?;
    welcome(&app, &signed_in, response)
}

/// Deletes one's own account with everything in its namespace.
#[utoipa::path(delete, path = "/api/v1/user/", tag = "user",
    responses((status = 204), (status = 400), (status = 401, description = "The password has to be shown again")))]
pub(super) async fn delete(State(app): State<App>, visitor: Visitor) -> Answer {
    let account = visitor.account(&app).await?;
    visitor.fresh(&app)?;
    app.core.delete_account(&account).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

#[derive(Deserialize, ToSchema)]
pub(super) struct NewOwner {
    #[serde(rename = "adminUser")]
    admin_user: String,
    #[serde(rename = "adminPassword")]
    admin_password: String,
}

/// Makes one's own account an organization of another person, as whom the browser is signed in from then on.
#[utoipa::path(post, path = "/api/v1/user/convert", tag = "user", request_body = NewOwner,
    responses((status = 200, body = Success), (status = 400), (status = 401, description = "The password has to be shown again")))]
pub(super) async fn convert(State(app): State<App>, visitor: Visitor, Json(body): Json<NewOwner>) -> Answer {
    let account = visitor.account(&app).await?;
    visitor.fresh(&app)?;
    let password = Secret::new(body.admin_password);
    app.core.convert_account(&account, &body.admin_user, &password).await?;
    let response = reply::json(StatusCode::OK, &SUCCESS);
    if !visitor.is_session() {
        return Ok(response);
    }
    let signed_in = app.core.sign_in(&body.admin_user, &password, visitor.caller.from()).await?;
    welcome(&app, &signed_in, response)
}

#[derive(Deserialize, ToSchema)]
pub(super) struct First {
    username: String,
    password: String,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    access_token: Option<bool>,
}

#[derive(Serialize, ToSchema)]
struct FirstView {
    username: String,
    email: Option<String>,
    encrypted_password: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_token: Option<String>,
}

/// Makes the very first account, where `FEATURE_USER_INITIALIZE` allows it.
#[utoipa::path(post, path = "/api/v1/user/initialize", tag = "user", request_body = First,
    responses((status = 200, body = FirstView), (status = 400), (status = 404)))]
pub(super) async fn initialize(
    State(app): State<App>,
    stranger: Stranger,
    body: Answer<Json<First>>,
) -> Answer {
    if !app.core.config().feature_user_initialize {
        return Err(Trouble::NotFound);
    }
    let Json(body) = body?;
    let password = Secret::new(body.password);
    let new = NewUser { username: body.username, email: body.email, password: password.clone() };
    let first = app.core.initialize_first_user(&stranger.caller, new, body.access_token == Some(true)).await;
    let first = first.map_err(|error| match error {
        Error::Invalid { message, .. } | Error::Conflict(message) => Trouble::Message(message),
        other => other.into(),
    })?;
    let signed_in = app.core.sign_in(&first.user.username, &password, stranger.caller.from()).await?;
    let view = FirstView {
        username: first.user.username,
        email: first.user.email,
        encrypted_password: first.client_key.expose().to_owned(),
        access_token: first.access_token.map(|token| token.expose().to_owned()),
    };
    welcome(&app, &signed_in, reply::json(StatusCode::OK, &view))
}

#[derive(Serialize, ToSchema)]
struct ProfileView {
    anonymous: bool,
    username: String,
    avatar: Avatar,
}

/// What everybody may know of a person.
#[utoipa::path(get, path = "/api/v1/users/{username}", tag = "user", params(("username" = String, Path)),
    responses((status = 200, body = ProfileView), (status = 404)))]
pub(super) async fn profile(State(app): State<App>, _: Visitor, Path(username): Path<String>) -> Answer {
    let profile = app.core.profile(&username).await?;
    if profile.organization {
        return Err(Trouble::NotFound);
    }
    let avatar = Avatar::new(&profile.username, "user");
    Ok(reply::json(StatusCode::OK, &ProfileView { anonymous: false, username: profile.username, avatar }))
}
