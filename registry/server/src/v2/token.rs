//! `/v2/auth`: credentials in, a short-lived token out.
//!
//! ```text
//! GET   Basic (or nothing) + ?service=&scope=…        docker, skopeo, helm's second try
//! POST  form: grant_type=password&username=…          containerd, oras, helm's first try
//! ```
//! Owns: both forms and the JSON. Must not know: who may what, or how a token is made.
//! A query or form here may hold a password, and is never logged.

use axum::response::Response;
use http::header::{AUTHORIZATION, CACHE_CONTROL, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode};
use quay_core::{Caller, Error, Result, Secret};
use quay_oci::ErrorCode;
use serde::Serialize;

use super::body::Lent;
use super::endpoint::Endpoint;
use super::{errors, who};
use crate::http::client::Client;
use crate::http::observe::Who;
use crate::http::{App, reply};

/// More scopes than this in one request are refused.
const MAX_SCOPES: usize = 100;

/// What a client asks for.
#[derive(Default)]
struct Asked {
    service: String,
    scopes: Vec<String>,
    grant_type: String,
    username: Option<String>,
    password: Option<Secret>,
}

impl Asked {
    fn read(text: &[u8]) -> Self {
        let mut asked = Self::default();
        for (key, value) in form_urlencoded::parse(text) {
            match &*key {
                "service" => asked.service = value.into_owned(),
                "scope" => asked.scopes.push(value.into_owned()),
                "grant_type" => asked.grant_type = value.into_owned(),
                "username" => asked.username = Some(value.into_owned()),
                "password" => asked.password = Some(Secret::new(value.into_owned())),
                // account, client_id, access_type, offline_token: nothing depends on them.
                _ => {}
            }
        }
        asked
    }
}

/// GET and POST.
pub(super) async fn serve(app: &App, parts: &Parts, body: &Lent) -> Response {
    let mut response = match issue(app, parts, body).await {
        Ok(response) => response,
        Err(error) => {
            let mut response = errors::respond(app, parts, &Endpoint::Token, error);
            if response.status() == StatusCode::UNAUTHORIZED {
                response.headers_mut().insert(WWW_AUTHENTICATE, errors::challenge(app, parts, None, None));
            }
            response
        }
    };
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, no-store, must-revalidate"));
    response
}

async fn issue(app: &App, parts: &Parts, body: &Lent) -> Result<Response> {
    let posted = parts.method == Method::POST;
    let asked = if posted {
        Asked::read(&app.bodies.form(parts, body).await?.bytes)
    } else {
        Asked::read(parts.uri.query().unwrap_or_default().as_bytes())
    };
    if asked.scopes.len() > MAX_SCOPES {
        return Err(invalid("too many scopes in one request"));
    }
    let caller = caller(app, parts, posted, &asked).await?;
    // A token for another service would be refused by us later: it is ours, or it is made for our name.
    let service = if app.names.ours(&asked.service) { asked.service.into() } else { app.names.of(parts) };
    let token = app.core.issue_token(&caller, &service, &asked.scopes).await?;

    #[derive(Serialize)]
    struct Issued<'a> {
        token: &'a str,
        access_token: &'a str,
        expires_in: u64,
        issued_at: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        scope: Option<String>,
    }
    let scope = posted.then(|| {
        let granted = token.access.iter().filter(|entry| !entry.actions.is_empty());
        granted
            .map(|entry| format!("{}:{}:{}", entry.kind, entry.name, entry.actions.join(",")))
            .collect::<Vec<_>>()
            .join(" ")
    });
    let mut response = reply::json(
        StatusCode::OK,
        &Issued {
            token: token.token.expose(),
            access_token: token.token.expose(),
            expires_in: token.expires_in,
            issued_at: token.issued_at.to_string(),
            scope,
        },
    );
    if let Some(name) = caller.name() {
        response.extensions_mut().insert(Who(name.into()));
    }
    Ok(response)
}

/// Who asks: by the form when posted, else by the header.
async fn caller(app: &App, parts: &Parts, posted: bool, asked: &Asked) -> Result<Caller> {
    if posted {
        return match (asked.grant_type.as_str(), &asked.username, &asked.password) {
            ("password", Some(username), Some(password)) => who::basic(app, parts, username, password).await,
            ("password" | "", _, _) if parts.headers.contains_key(AUTHORIZATION) => {
                basic_header(app, parts).await
            }
            ("password", _, _) => Err(invalid("username and password are missing in the form")),
            ("refresh_token", _, _) => Err(Error::BadCredentials(
                "Refresh tokens are not issued here; log in with user and password",
            )),
            _ => Err(invalid("unknown grant_type: use password")),
        };
    }
    if parts.headers.contains_key(AUTHORIZATION) {
        return basic_header(app, parts).await;
    }
    Ok(Caller::anonymous(Client::of(parts).0))
}

async fn basic_header(app: &App, parts: &Parts) -> Result<Caller> {
    match parts.headers.get(AUTHORIZATION).map(who::credentials).transpose()? {
        Some(who::Credentials::Basic { username, password }) => {
            who::basic(app, parts, &username, &password).await
        }
        Some(who::Credentials::Bearer(_)) | None => {
            Err(Error::BadCredentials("Specified credentials are invalid"))
        }
    }
}

fn invalid(message: &str) -> Error {
    Error::Invalid { code: ErrorCode::InvalidRequest, message: message.to_owned() }
}
