//! Signing in and out, and the CSRF token that goes with the cookie.

use axum::extract::State;
use axum::response::Response;
use http::header::{HeaderName, SET_COOKIE};
use http::{HeaderValue, StatusCode};
use quay_core::{Error, Secret, SignedIn};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::body::Json;
use super::outcome::{Answer, Trouble};
use super::view::{SUCCESS, Success};
use super::visitor::{Stranger, Visitor, set_cookie};
use crate::http::{App, reply, session};

static NEXT_CSRF: HeaderName = HeaderName::from_static("x-next-csrf-token");

#[derive(Serialize, ToSchema)]
struct CsrfToken {
    csrf_token: String,
}

/// A token for forms, and the cookie it belongs to.
#[utoipa::path(get, path = "/csrf_token", tag = "session", responses((status = 200, body = CsrfToken)))]
pub(super) async fn csrf_token(State(app): State<App>, stranger: Stranger) -> Answer {
    let answer =
        |cookie: &str| reply::json(StatusCode::OK, &CsrfToken { csrf_token: app.core.csrf_token(cookie) });
    if let Some(cookie) = stranger.cookie() {
        return Ok(answer(cookie));
    }
    let cookie = app.core.new_cookie()?;
    let mut response = answer(cookie.expose());
    response.headers_mut().insert(SET_COOKIE, set_cookie(&app, &cookie)?);
    Ok(response)
}

#[derive(Deserialize, ToSchema)]
pub(super) struct Credentials {
    username: String,
    password: String,
}

/// Signs a person in.
#[utoipa::path(post, path = "/api/v1/signin", tag = "session", request_body = Credentials,
    responses((status = 200, body = Success), (status = 403), (status = 429)))]
pub(super) async fn sign_in(
    State(app): State<App>,
    visitor: Visitor,
    Json(body): Json<Credentials>,
) -> Answer {
    let (password, from) = (Secret::new(body.password), visitor.caller.from());
    let outcome = session::sign_in(&app.core, &body.username, &password, from, visitor.session()).await;
    app.metrics.attempt("session", outcome.is_ok());
    match outcome {
        Ok(signed_in) => welcome(&app, &signed_in, reply::json(StatusCode::OK, &SUCCESS)),
        Err(Error::BadCredentials(message)) => Ok(wrong(message)),
        Err(other) => Err(other.into()),
    }
}

#[derive(Deserialize, ToSchema)]
pub(super) struct Password {
    password: String,
}

#[derive(Serialize, ToSchema)]
struct ClientKey {
    key: String,
}

/// Shows the password again, before something sensitive.
#[utoipa::path(post, path = "/api/v1/signin/verify", tag = "session", request_body = Password,
    responses((status = 200, body = Success), (status = 403), (status = 429)))]
pub(super) async fn verify(State(app): State<App>, visitor: Visitor, Json(body): Json<Password>) -> Answer {
    let account = visitor.account(&app).await?;
    let password = Secret::new(body.password);
    match session::verify(&app.core, &account, &password, visitor.session()).await {
        Ok(signed_in) => welcome(&app, &signed_in, reply::json(StatusCode::OK, &SUCCESS)),
        Err(Error::BadCredentials(message)) => Ok(wrong(message)),
        Err(other) => Err(other.into()),
    }
}

/// An encrypted password, which clients of the registry protocol use in the place of one's own.
#[utoipa::path(post, path = "/api/v1/user/clientkey", tag = "user", request_body = Password,
    responses((status = 200, body = ClientKey), (status = 403), (status = 429)))]
pub(super) async fn client_key(
    State(app): State<App>,
    visitor: Visitor,
    Json(body): Json<Password>,
) -> Answer {
    let account = visitor.account(&app).await?;
    match app.core.client_key(&account, &Secret::new(body.password)).await {
        Ok(key) => Ok(reply::json(StatusCode::OK, &ClientKey { key: key.expose().to_owned() })),
        Err(Error::BadCredentials(message)) => Ok(wrong(message)),
        Err(other) => Err(other.into()),
    }
}

/// Ends every session of the account.
#[utoipa::path(post, path = "/api/v1/signout", tag = "session", responses((status = 200, body = Success)))]
pub(super) async fn sign_out(State(app): State<App>, visitor: Visitor) -> Answer {
    let account = visitor.account(&app).await?;
    app.core.sign_out(&account).await?;
    Ok(reply::json(StatusCode::OK, &SUCCESS))
}

/// Gives the browser its new cookie, and the token that goes with it.
pub(super) fn welcome(app: &App, signed_in: &SignedIn, mut response: Response) -> Answer {
    let token = HeaderValue::try_from(app.core.csrf_token(signed_in.cookie.expose()));
    let token = token.map_err(|error| Trouble::Core(Error::Internal(error.into())))?;
    response.headers_mut().insert(SET_COOKIE, set_cookie(app, &signed_in.cookie)?);
    response.headers_mut().insert(&NEXT_CSRF, token);
    Ok(response)
}

fn wrong(message: &str) -> Response {
    let body = json!({"needsEmailVerification": false, "invalidCredentials": true, "message": message});
    reply::json(StatusCode::FORBIDDEN, &body)
}
