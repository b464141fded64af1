//! Forms: what was sent, what is wrong with it, and where to go afterwards.
//!
//! The frame reads every form and checks its CSRF token before a handler runs: a handler cannot forget it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, HOST, LOCATION, ORIGIN};
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use quay_core::accounts::{Fault, Field};
use quay_core::{Core, Error};

use super::problem::{Answer, Problem};
use super::visit::Visit;
use crate::http::App;
use crate::http::session::{self, COOKIE_NAME};

/// The longest form.
const LONGEST: usize = 256 * 1024;
/// More fields than any form of ours has.
const MOST: usize = 512;

/// Whether a browser says that the page with the form came from another host, or will not say from where.
fn is_from_elsewhere(parts: &Parts) -> bool {
    let Some(origin) = parts.headers.get(ORIGIN) else { return false };
    let host = match parts.headers.get(HOST) {
        Some(host) => host.to_str().ok(),
        None => parts.uri.authority().map(http::uri::Authority::as_str),
    };
    let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    !origin
        .zip(host)
        .is_some_and(|((scheme, origin), host)| scheme == "https" && origin.eq_ignore_ascii_case(host))
}

/// The fields of a form whose token was right.
#[derive(Clone)]
pub(crate) struct Fields(Arc<Vec<(String, String)>>);

impl Fields {
    /// Reads a form and checks that the visitor sent it from a page of ours.
    pub(super) async fn read(core: &Core, visit: &Visit, parts: &Parts, body: Body) -> Answer<Self> {
        // Browsers tell where a request comes from; the token is for those that do not.
        if parts.headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site")
            || is_from_elsewhere(parts)
        {
            return Err(Problem::Forged);
        }
        let is_form =
            parts.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).is_some_and(|kind| {
                quay_oci::media_type::essence(kind).eq_ignore_ascii_case("application/x-www-form-urlencoded")
            });
        if !is_form {
            return Err(Problem::Forged);
        }
        let body = axum::body::to_bytes(body, LONGEST).await.map_err(|_| Problem::Unreadable)?;
        let pairs: Vec<(String, String)> = form_urlencoded::parse(&body).into_owned().take(MOST).collect();
        let fields = Self(Arc::new(pairs));
        let cookie = (!visit.is_new()).then(|| visit.cookie().expose());
        if !session::is_genuine(core, cookie, fields.first(COOKIE_NAME)) {
            return Err(Problem::Forged);
        }
        Ok(fields)
    }

    fn first(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A field as it was typed; empty when it is missing.
    pub(crate) fn raw(&self, name: &str) -> &str {
        self.first(name).unwrap_or_default()
    }

    /// A field without white space around it; empty when it is missing.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.raw(name).trim()
    }

    /// Every field of this name, as it was typed.
    pub(crate) fn all<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A field that may be left empty.
    pub(crate) fn optional(&self, name: &str) -> Option<&str> {
        Some(self.text(name)).filter(|text| !text.is_empty())
    }

    /// Fields whose name begins alike, by the rest of their names.
    pub(crate) fn beginning<'f>(&'f self, prefix: &'f str) -> impl Iterator<Item = (&'f str, &'f str)> {
        self.0.iter().filter_map(move |(key, value)| Some((key.strip_prefix(prefix)?, value.as_str())))
    }

    /// A field with a path on this registry to go to; anything else is as if it were missing.
    pub(crate) fn path(&self, name: &str) -> Option<&str> {
        self.first(name).filter(|path| is_path_of_ours(path))
    }
}

impl FromRequestParts<App> for Fields {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Answer<Self> {
        parts.extensions.get().cloned().ok_or(Problem::Unreadable)
    }
}

/// What is wrong with a form: texts for single fields, and one for all of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Errors {
    whole: Option<String>,
    fields: BTreeMap<&'static str, String>,
}

impl Errors {
    /// One wrong field.
    pub(crate) fn at(field: &'static str, text: impl Into<String>) -> Self {
        let mut errors = Self::default();
        errors.add(field, text);
        errors
    }

    /// Something that is wrong with the form as a whole.
    pub(crate) fn whole(text: impl Into<String>) -> Self {
        Self { whole: Some(text.into()), fields: BTreeMap::new() }
    }

    /// What core has to say about a form, beside `field`; outcomes that no other input would change are for the
    /// whole page.
    pub(crate) fn of(error: Error, field: &'static str) -> Answer<Self> {
        match error {
            Error::Invalid { .. } | Error::Conflict(_) | Error::Unsupported(_) | Error::Immutable { .. } => {
                Ok(Self::at(field, error.message()))
            }
            Error::NotFound(_) => Ok(Self::at(field, error.message())),
            other => Err(other.into()),
        }
    }

    /// What core has to say about a form that has no field for it.
    pub(crate) fn of_whole(error: Error) -> Answer<Self> {
        match error {
            Error::Invalid { .. } | Error::Conflict(_) | Error::Unsupported(_) | Error::Immutable { .. } => {
                Ok(Self::whole(error.message()))
            }
            other => Err(other.into()),
        }
    }

    /// Notes a wrong field; the first text stays.
    pub(crate) fn add(&mut self, field: &'static str, text: impl Into<String>) {
        self.fields.entry(field).or_insert_with(|| text.into());
    }

    /// Notes what core found wrong with an account, beside the field of that name.
    pub(crate) fn fault(&mut self, fault: Fault) {
        let field = match fault.field {
            Field::Username => "username",
            Field::Password => "password",
            Field::Email => "email",
        };
        self.add(field, fault.message);
    }

    /// Whether nothing is wrong.
    pub(crate) fn is_empty(&self) -> bool {
        self.whole.is_none() && self.fields.is_empty()
    }

    /// What is wrong with a field.
    pub(crate) fn get(&self, field: &str) -> Option<&str> {
        self.fields.get(field).map(String::as_str)
    }

    /// What is wrong with the form as a whole.
    pub(crate) fn all(&self) -> Option<&str> {
        self.whole.as_deref()
    }

    /// 422 when something is wrong, else 200: the status of the page with the form on it.
    pub(crate) fn status(&self) -> StatusCode {
        if self.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY }
    }
}

/// 303 to a path of ours.
pub(crate) fn see_other(location: &str) -> Response {
    match HeaderValue::try_from(location) {
        Ok(location) => (StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response(),
        Err(_) => (StatusCode::SEE_OTHER, [(LOCATION, HeaderValue::from_static("/"))]).into_response(),
    }
}

/// Whether a browser that is sent there stays on this registry: one slash, then anything but a slash or backslash,
/// and no character that a browser would drop before it looks.
pub(crate) fn is_path_of_ours(path: &str) -> bool {
    let mut bytes = path.bytes();
    bytes.next() == Some(b'/')
        && !matches!(bytes.next(), Some(b'/' | b'\\'))
        && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_this_registry_are_gone_to() {
        for good in ["/", "/organization", "/repository/a/b?tab=tags&page=2", "/a//b", "/%2f%2fevil.example"]
        {
            assert!(is_path_of_ours(good), "{good}");
        }
        for bad in [
            "",
            "organization",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "/\t/evil.example",
            "/\n/evil.example",
            " /organization",
            "/a\\b",
            "/ä",
        ] {
            assert!(!is_path_of_ours(bad), "{bad}");
        }
    }

    #[test]
    fn the_first_error_of_a_field_stays() {
        let mut errors = Errors::at("name", "too short");
        errors.add("name", "taken");
        assert_eq!(errors.get("name"), Some("too short"));
        assert_eq!(errors.status(), StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(Errors::default().status(), StatusCode::OK);
    }
}
