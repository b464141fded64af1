//! Who is asking: credentials out of the `Authorization` header.
//!
//! Owns: reading the header. Must not know: whether credentials are right, that is core's.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::HeaderValue;
use http::header::AUTHORIZATION;
use http::request::Parts;
use quay_core::{Caller, Error, Result, Secret};

use crate::http::App;
use crate::http::client::Client;

/// What an `Authorization` header holds.
pub(super) enum Credentials {
    /// User (or robot) and password.
    Basic {
        /// As given; `+` and `$` have meaning to core.
        username: String,
        /// The password.
        password: Secret,
    },
    /// A token of ours.
    Bearer(String),
}

/// Reads the header; a form that we do not know is an error, not nobody.
pub(super) fn credentials(header: &HeaderValue) -> Result<Credentials> {
    const UNREADABLE: Error = Error::BadCredentials("Invalid authorization header");
    let text = header.to_str().map_err(|_| UNREADABLE)?;
    let (scheme, rest) = text.split_once(' ').ok_or(UNREADABLE)?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") && !rest.is_empty() {
        return Ok(Credentials::Bearer(rest.to_owned()));
    }
    if scheme.eq_ignore_ascii_case("basic") {
        let pair = BASE64_STANDARD.decode(rest).map_err(|_| UNREADABLE)?;
        let pair = String::from_utf8(pair).map_err(|_| UNREADABLE)?;
        let (username, password) = pair.split_once(':').ok_or(UNREADABLE)?;
        return Ok(Credentials::Basic {
            username: username.to_owned(),
            password: Secret::new(password.to_owned()),
        });
    }
    Err(UNREADABLE)
}

/// The caller of a request; nobody when it carries no credentials.
pub(super) async fn caller(app: &App, parts: &Parts) -> Result<Caller> {
    let from = Client::of(parts).0;
    let Some(header) = parts.headers.get(AUTHORIZATION) else {
        return Ok(Caller::anonymous(from));
    };
    match credentials(header)? {
        Credentials::Bearer(token) => {
            app.core.authenticate_bearer(&token, from, &|audience| app.names.ours(audience)).await
        }
        Credentials::Basic { username, password } => basic(app, parts, &username, &password).await,
    }
}

/// Checks user and password, and counts the attempt.
pub(super) async fn basic(app: &App, parts: &Parts, username: &str, password: &Secret) -> Result<Caller> {
    let kind = match username {
        "$oauthtoken" => "oauth",
        "$app" => "apptoken",
        robot if robot.contains('+') => "robot",
        _ => "password",
    };
    let outcome = app.core.authenticate_client(username, password, Client::of(parts).0).await;
    app.metrics.attempt(kind, outcome.is_ok());
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    fn basic_of(header: &'static str) -> Option<(String, String)> {
        match credentials(&HeaderValue::from_static(header)) {
            Ok(Credentials::Basic { username, password }) => Some((username, password.expose().to_owned())),
            _ => None,
        }
    }

    #[test]
    fn a_password_may_hold_colons_and_a_robot_a_plus() {
        assert_eq!(basic_of("Basic b3JnK2NpOmE6Yg=="), Some(("org+ci".to_owned(), "a:b".to_owned())));
        assert_eq!(basic_of("basic b3JnK2NpOmE6Yg=="), Some(("org+ci".to_owned(), "a:b".to_owned())));
    }

    #[test]
    fn what_cannot_be_read_is_refused_instead_of_taken_for_nobody() {
        for header in
            ["Basic", "Basic !!!", "Basic bm9jb2xvbg==", "Bearer", "Bearer ", "Digest x", "Basic /w=="]
        {
            let outcome = credentials(&HeaderValue::from_static(header));
            assert!(matches!(outcome, Err(Error::BadCredentials(_))), "{header}");
        }
    }
}
