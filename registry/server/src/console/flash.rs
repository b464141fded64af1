//! What came of an action, shown once on the next page.
//!
//! It travels in a cookie that only we can have written: a text from elsewhere would look like a word of ours.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderValue};
use quay_core::{Core, Error};

use super::forms::see_other;
use super::problem::Answer;
use crate::http::{App, session};
use axum::response::Response;

const COOKIE: &str = "flash";
const LIFETIME_S: u32 = 60;
/// Longer is cut: a cookie has at most 4 KiB.
const LONGEST: usize = 1024;

/// A message about something that was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flash {
    text: String,
}

impl Flash {
    /// What to show.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The message that a browser brings, if it is ours.
    pub(super) fn of(core: &Core, headers: &HeaderMap) -> Option<Self> {
        let value = session::cookies(headers, COOKIE).next()?;
        let (encoded, seal) = value.split_once('.')?;
        if !core.csrf_valid(&sealed(encoded), seal) {
            return None;
        }
        let text = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(encoded).ok()?).ok()?;
        Some(Self { text })
    }

    fn cookie(core: &Core, text: &str) -> Result<HeaderValue, Error> {
        let mut end = text.len().min(LONGEST);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let encoded = BASE64_URL_SAFE_NO_PAD.encode(&text[..end]);
        let value = format!("{encoded}.{}", core.csrf_token(&sealed(&encoded)));
        session::set_any(core, COOKIE, &value, LIFETIME_S)
    }

    /// Takes the message away again.
    pub(super) fn taken(core: &Core) -> Result<HeaderValue, Error> {
        session::set_any(core, COOKIE, "", 0)
    }
}

/// What the seal is made of: no session cookie looks like this, so no form token is a seal.
fn sealed(encoded: &str) -> String {
    format!("flash:{encoded}")
}

/// The answer to an action that succeeded: the next page, which says so.
pub(crate) fn done(app: &App, location: &str, said: &str) -> Answer {
    let mut response: Response = see_other(location);
    response.headers_mut().append(SET_COOKIE, Flash::cookie(&app.core, said)?);
    Ok(response)
}
