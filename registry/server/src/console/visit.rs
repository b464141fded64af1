//! One request of a browser: who asks, with which form token, and how they want to see pages.
//!
//! Made once per request by [`super::frame::framed`]; handlers take it as an argument.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;
use jiff::Timestamp;
use quay_core::perms::Account;
use quay_core::{Allowed, Caller, Error, Secret};

use super::flash::Flash;
use super::frame::Frame;
use super::problem::{Answer, Problem};
use super::theme::Theme;
use crate::http::App;
use crate::http::client::Client;
use crate::http::session::{self, Seen};

/// Who asks, and how. A clone is a reference count.
#[derive(Clone)]
pub(crate) struct Visit(Arc<Inner>);

struct Inner {
    caller: Caller,
    signed_in_at: Option<Timestamp>,
    cookie: Secret,
    /// Whether the browser does not have the cookie yet.
    is_new: bool,
    csrf: String,
    theme: Theme,
    flash: Option<Flash>,
    /// Path and query of the request.
    here: String,
    host: String,
    superuser: bool,
    sign_up: bool,
}

impl Visit {
    /// Looks at a request.
    pub(super) async fn of(parts: &Parts, app: &App) -> Result<Self, Error> {
        let core = &app.core;
        let given = session::cookie(&parts.headers);
        let Seen { caller, signed_in_at } = session::seen(core, given, Client::of(parts).0).await?;
        let cookie = match given {
            Some(cookie) => Secret::new(cookie),
            None => core.new_cookie()?,
        };
        let config = core.config();
        Ok(Self(Arc::new(Inner {
            superuser: caller.name().is_some_and(|name| core.is_superuser(name)),
            sign_up: config.feature_user_creation
                && config.feature_direct_login
                && !config.feature_invite_only_user_creation,
            caller,
            signed_in_at,
            is_new: given.is_none(),
            csrf: core.csrf_token(cookie.expose()),
            cookie,
            theme: Theme::of(&parts.headers),
            flash: Flash::of(core, &parts.headers),
            here: parts.uri.path_and_query().map_or_else(|| "/".to_owned(), |path| path.as_str().to_owned()),
            host: app.names.of(parts).into_owned(),
        })))
    }

    /// Who asks, for `core.allow…`.
    pub(crate) fn caller(&self) -> &Caller {
        &self.0.caller
    }

    /// The name of the person who is signed in.
    pub(crate) fn user(&self) -> Option<&str> {
        self.0.caller.name()
    }

    /// The right to act on one's own account; nobody signed in becomes the way to the sign-in page.
    pub(crate) async fn account(&self, app: &App) -> Answer<Allowed<Account>> {
        Ok(app.core.allow_account(&self.0.caller).await?)
    }

    /// Whether the password was shown too long ago for something sensitive.
    pub(crate) fn is_stale(&self, app: &App) -> bool {
        session::is_stale(&app.core, self.0.signed_in_at)
    }

    /// Whether a superuser asks.
    pub(crate) fn is_superuser(&self) -> bool {
        self.0.superuser
    }

    /// Whether people may create accounts.
    pub(crate) fn sign_up(&self) -> bool {
        self.0.sign_up
    }

    /// What every form must bring as `_csrf_token`.
    pub(crate) fn csrf(&self) -> &str {
        &self.0.csrf
    }

    /// Light, dark, or as the system likes it.
    pub(crate) fn theme(&self) -> Theme {
        self.0.theme
    }

    /// What came of the action before this page.
    pub(crate) fn flash(&self) -> Option<&Flash> {
        self.0.flash.as_ref()
    }

    /// Path and query of the request.
    pub(crate) fn here(&self) -> &str {
        &self.0.here
    }

    /// The registry's name and port as this browser knows it: what commands must be given.
    pub(crate) fn host(&self) -> &str {
        &self.0.host
    }

    /// The frame of a page.
    pub(crate) fn frame(&self, title: impl Into<String>) -> Frame {
        Frame::new(self.clone(), title.into())
    }

    pub(super) fn cookie(&self) -> &Secret {
        &self.0.cookie
    }

    pub(super) fn is_new(&self) -> bool {
        self.0.is_new
    }
}

impl FromRequestParts<App> for Visit {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Answer<Self> {
        let outside =
            || Problem::from(Error::Internal("a screen stands outside of the console's frame".into()));
        parts.extensions.get().cloned().ok_or_else(outside)
    }
}
