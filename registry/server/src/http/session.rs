//! The browser's session: its cookie, the CSRF token that goes with it, and who it belongs to.
//!
//! Owns: what `api` and `console` must read and write alike. Must not know: what either of them answers.

use std::net::IpAddr;
use std::time::Duration;

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use quay_core::perms::Account;
use quay_core::{Allowed, Caller, Core, Error, Secret, SignedIn};

/// Quay's name for its session cookie, and for the field of a form that brings the CSRF token.
pub(crate) const COOKIE_NAME: &str = "_csrf_token";

/// Who asks, as far as the cookie tells.
pub(crate) struct Seen {
    pub(crate) caller: Caller,
    /// When the password was shown last; `None` for somebody who is not signed in.
    pub(crate) signed_in_at: Option<Timestamp>,
}

/// Whose session it is: nobody's, when the cookie is missing or worth nothing.
pub(crate) async fn seen(core: &Core, cookie: Option<&str>, from: IpAddr) -> Result<Seen, Error> {
    let session = match cookie {
        Some(cookie) => core.session(cookie, from).await?,
        None => None,
    };
    Ok(match session {
        Some(session) => Seen { caller: session.caller, signed_in_at: Some(session.signed_in_at) },
        None => Seen { caller: Caller::anonymous(from), signed_in_at: None },
    })
}

/// Signs a person in. The session of the cookie that came along ends: the new one takes its place in the browser.
pub(crate) async fn sign_in(
    core: &Core,
    username: &str,
    password: &Secret,
    from: IpAddr,
    old: Option<&str>,
) -> Result<SignedIn, Error> {
    replacing(core, core.sign_in(username, password, from).await?, old).await
}

/// Shows the password again, before something sensitive; here too the new session takes the place of the old one.
pub(crate) async fn verify(
    core: &Core,
    account: &Allowed<Account>,
    password: &Secret,
    old: Option<&str>,
) -> Result<SignedIn, Error> {
    replacing(core, core.verify_fresh(account, password).await?, old).await
}

async fn replacing(core: &Core, new: SignedIn, old: Option<&str>) -> Result<SignedIn, Error> {
    if let Some(cookie) = old {
        core.end_session(cookie).await?;
    }
    Ok(new)
}

/// Whether the password was shown too long ago for something sensitive. Credentials that came with the request
/// itself (`None`) are never stale.
pub(crate) fn is_stale(core: &Core, signed_in_at: Option<Timestamp>) -> bool {
    let limit = Duration::from_secs(core.config().fresh_login_timeout.seconds());
    signed_in_at.is_some_and(|at| Timestamp::now().duration_since(at).unsigned_abs() > limit)
}

/// Whether a presented CSRF token goes with the cookie.
pub(crate) fn is_genuine(core: &Core, cookie: Option<&str>, presented: Option<&str>) -> bool {
    cookie.zip(presented).is_some_and(|(cookie, presented)| core.csrf_valid(cookie, presented))
}

/// The session cookie of a request, if it has the form of ours.
pub(crate) fn cookie(headers: &HeaderMap) -> Option<&str> {
    cookies(headers, COOKIE_NAME)
        .find(|value| value.len() == 64 && value.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Every value of the cookies with this name.
pub(crate) fn cookies<'h>(headers: &'h HeaderMap, name: &str) -> impl Iterator<Item = &'h str> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(move |(found, _)| *found == name)
        .map(|(_, value)| value)
}

/// The header that gives a browser its session cookie.
pub(crate) fn set_cookie(core: &Core, cookie: &Secret) -> Result<HeaderValue, Error> {
    let lifetime = core.config().session_timeout.seconds();
    let mut value = set_any(core, COOKIE_NAME, cookie.expose(), lifetime)?;
    value.set_sensitive(true);
    Ok(value)
}

/// The header that gives a browser a cookie that scripts cannot read; a lifetime of 0 takes it away.
pub(crate) fn set_any(
    core: &Core,
    name: &str,
    value: &str,
    lifetime_s: impl std::fmt::Display,
) -> Result<HeaderValue, Error> {
    let secure = if core.config().session_cookie_secure { "; Secure" } else { "" };
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={lifetime_s}{secure}");
    HeaderValue::try_from(text).map_err(|error| Error::Internal(error.into()))
}
