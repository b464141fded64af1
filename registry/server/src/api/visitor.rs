//! Who asks, and whether the request was really made by them: session cookie with CSRF token, or credentials.
//!
//! Credentials in the `Authorization` header (an access token, or a name and password) cannot be sent by a foreign page,
//! so they need no CSRF token; everything else that changes something does, also when nobody is signed in.

use axum::extract::FromRequestParts;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::header::{AUTHORIZATION, HeaderName};
use http::request::Parts;
use http::{HeaderValue, Method};
use jiff::Timestamp;
use quay_core::perms::Account;
use quay_core::{Allowed, Caller, Error, Secret};

use super::frame::Note;
use super::outcome::{Answer, Trouble};
use crate::http::App;
use crate::http::client::Client;
use crate::http::session::{self, Seen};

static CSRF: HeaderName = HeaderName::from_static("x-csrf-token");

/// Who asks.
pub(super) struct Visitor {
    pub(super) caller: Caller,
    /// When the password was shown last; `None` when it came with this very request.
    signed_in_at: Option<Timestamp>,
    /// The cookie that came along.
    cookie: Option<String>,
}

impl FromRequestParts<App> for Visitor {
    type Rejection = Trouble;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Answer<Self> {
        let visitor = Self::of(parts, app).await;
        note(parts, app, visitor.as_ref().ok().and_then(|visitor| visitor.caller.name()));
        visitor
    }
}

impl Visitor {
    async fn of(parts: &Parts, app: &App) -> Answer<Self> {
        let from = Client::of(parts).0;
        if let Some(header) = parts.headers.get(AUTHORIZATION) {
            let caller = by_credentials(app, header, from).await?;
            return Ok(Self { caller, signed_in_at: None, cookie: None });
        }
        let cookie = session::cookie(&parts.headers);
        if !matches!(parts.method, Method::GET | Method::HEAD)
            && !session::is_genuine(&app.core, cookie, presented(parts).as_deref())
        {
            return Err(Trouble::Csrf);
        }
        let Seen { caller, signed_in_at } = session::seen(&app.core, cookie, from).await?;
        Ok(Self { caller, signed_in_at, cookie: cookie.map(str::to_owned) })
    }

    /// Whether it is a browser's session that asks, not a script with credentials.
    pub(super) fn is_session(&self) -> bool {
        self.signed_in_at.is_some()
    }

    /// The cookie of the session that asks: another takes its place when the password is shown.
    pub(super) fn session(&self) -> Option<&str> {
        self.cookie.as_deref().filter(|_| self.is_session())
    }

    /// The right to act on one's own account.
    pub(super) async fn account(&self, app: &App) -> Answer<Allowed<Account>> {
        Ok(app.core.allow_account(&self.caller).await?)
    }

    /// Refuses a session whose password was shown too long ago for something sensitive.
    pub(super) fn fresh(&self, app: &App) -> Answer<()> {
        if session::is_stale(&app.core, self.signed_in_at) { Err(Trouble::Stale) } else { Ok(()) }
    }
}

/// A visitor whose identity does not matter: no CSRF token is asked for.
pub(super) struct Stranger {
    pub(super) caller: Caller,
    cookie: Option<String>,
}

impl FromRequestParts<App> for Stranger {
    type Rejection = Trouble;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Answer<Self> {
        note(parts, app, None);
        Ok(Self {
            caller: Caller::anonymous(Client::of(parts).0),
            cookie: session::cookie(&parts.headers).map(str::to_owned),
        })
    }
}

impl Stranger {
    /// The cookie that came with the request.
    pub(super) fn cookie(&self) -> Option<&str> {
        self.cookie.as_deref()
    }
}

fn note(parts: &Parts, app: &App, name: Option<&str>) {
    if let Some(note) = parts.extensions.get::<Note>() {
        note.take(app, name);
    }
}

async fn by_credentials(app: &App, header: &HeaderValue, from: std::net::IpAddr) -> Answer<Caller> {
    const UNREADABLE: Error = Error::BadCredentials("Invalid authorization header");
    let (scheme, rest) = header.to_str().ok().and_then(|text| text.split_once(' ')).ok_or(UNREADABLE)?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        let outcome = app.core.authenticate_access_token(rest, from).await;
        app.metrics.attempt("oauth", outcome.is_ok());
        return Ok(outcome?);
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(UNREADABLE.into());
    }
    let pair = BASE64_STANDARD.decode(rest).ok().and_then(|pair| String::from_utf8(pair).ok());
    let pair = pair.ok_or(UNREADABLE)?;
    let (username, password) = pair.split_once(':').ok_or(UNREADABLE)?;
    let outcome = app.core.authenticate_basic(username, &Secret::new(password), from).await;
    app.metrics.attempt("password", outcome.is_ok());
    let caller = outcome?;
    if caller.is_robot() {
        return Err(
            Error::BadCredentials("Robot accounts cannot use this API; use an account of a person").into()
        );
    }
    Ok(caller)
}

/// The CSRF token that a request brings, by header or by query.
fn presented(parts: &Parts) -> Option<String> {
    if let Some(header) = parts.headers.get(&CSRF) {
        return header.to_str().ok().map(str::to_owned);
    }
    let query = parts.uri.query()?;
    // The token's alphabet needs no decoding.
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| *key == session::COOKIE_NAME)
        .map(|(_, v)| v.to_owned())
}

/// The header that gives a browser its cookie.
pub(super) fn set_cookie(app: &App, cookie: &Secret) -> Answer<HeaderValue> {
    Ok(session::set_cookie(&app.core, cookie)?)
}
