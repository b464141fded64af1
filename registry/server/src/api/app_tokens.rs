//! Passwords that a person makes for one program each.

use axum::extract::{Path, Query, State};
use axum::response::IntoResponse;
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use quay_core::{AppToken, Secret};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::{self, Json};
use super::outcome::{Answer, Trouble};
use super::view::date;
use super::visitor::Visitor;
use crate::http::{App, reply};

/// A token that ends within this time is said to be expiring.
const SOON: SignedDuration = SignedDuration::from_hours(30 * 24);

#[derive(Serialize, ToSchema)]
struct TokenView {
    uuid: String,
    title: String,
    created: String,
    last_accessed: Option<String>,
    expiration: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_code: Option<String>,
}

impl TokenView {
    fn new(token: AppToken, secret: Option<&Secret>) -> Self {
        Self {
            uuid: token.uuid,
            title: token.title,
            created: date(token.created),
            last_accessed: token.last_accessed.map(date),
            expiration: token.expiration.map(date),
            token_code: secret.map(|secret| secret.expose().to_owned()),
        }
    }
}

#[derive(Serialize, ToSchema)]
struct TokensView {
    tokens: Vec<TokenView>,
    only_expiring: bool,
}

#[derive(Serialize, ToSchema)]
struct OneView {
    token: TokenView,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// Only those that end soon.
    #[serde(default, deserialize_with = "body::flag")]
    expiring: bool,
}

#[derive(Deserialize, ToSchema)]
pub(super) struct NewToken {
    title: String,
}

fn switched_on(app: &App) -> Answer<()> {
    if app.core.config().feature_app_specific_tokens { Ok(()) } else { Err(Trouble::NotFound) }
}

/// One's own application tokens, without their secrets.
#[utoipa::path(get, path = "/api/v1/user/apptoken", tag = "appspecifictoken", params(ListQuery),
    responses((status = 200, body = TokensView)))]
pub(super) async fn list(State(app): State<App>, visitor: Visitor, Query(query): Query<ListQuery>) -> Answer {
    switched_on(&app)?;
    let account = visitor.account(&app).await?;
    let soon = Timestamp::now().saturating_add(SOON).unwrap_or(Timestamp::MAX);
    let tokens = app.core.app_tokens(&account).await?.into_iter();
    let tokens = tokens.filter(|token| !query.expiring || token.expiration.is_some_and(|end| end < soon));
    let tokens = tokens.map(|token| TokenView::new(token, None)).collect();
    Ok(reply::json(StatusCode::OK, &TokensView { tokens, only_expiring: query.expiring }))
}

/// Makes an application token.
#[utoipa::path(post, path = "/api/v1/user/apptoken", tag = "appspecifictoken", request_body = NewToken,
    responses((status = 200, body = OneView), (status = 400), (status = 401, description = "The password has to be shown again")))]
pub(super) async fn create(State(app): State<App>, visitor: Visitor, Json(new): Json<NewToken>) -> Answer {
    switched_on(&app)?;
    let account = visitor.account(&app).await?;
    visitor.fresh(&app)?;
    let (token, secret) = app.core.create_app_token(&account, &new.title).await?;
    Ok(reply::json(StatusCode::OK, &OneView { token: TokenView::new(token, Some(&secret)) }))
}

/// One of one's own application tokens, with its secret.
#[utoipa::path(get, path = "/api/v1/user/apptoken/{token_uuid}", tag = "appspecifictoken",
    params(("token_uuid" = String, Path)), responses((status = 200, body = OneView), (status = 404)))]
pub(super) async fn show(State(app): State<App>, visitor: Visitor, Path(uuid): Path<String>) -> Answer {
    switched_on(&app)?;
    let account = visitor.account(&app).await?;
    visitor.fresh(&app)?;
    let (token, secret) = app.core.app_token(&account, &uuid).await?;
    Ok(reply::json(StatusCode::OK, &OneView { token: TokenView::new(token, Some(&secret)) }))
}

/// Ends an application token.
#[utoipa::path(delete, path = "/api/v1/user/apptoken/{token_uuid}", tag = "appspecifictoken",
    params(("token_uuid" = String, Path)), responses((status = 204), (status = 404)))]
pub(super) async fn delete(State(app): State<App>, visitor: Visitor, Path(uuid): Path<String>) -> Answer {
    switched_on(&app)?;
    let account = visitor.account(&app).await?;
    visitor.fresh(&app)?;
    app.core.delete_app_token(&account, &uuid).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
