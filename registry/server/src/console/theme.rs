//! Light, dark, or as the system likes it: a choice that the browser keeps in a cookie.

use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use http::header::SET_COOKIE;

use super::forms::{Fields, see_other};
use super::problem::Answer;
use crate::http::{App, session};

const COOKIE: &str = "theme";
const A_YEAR_S: u32 = 365 * 24 * 3600;

/// How pages look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Theme {
    /// As the system likes it.
    #[default]
    Auto,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

impl Theme {
    /// The choice in a browser's cookie.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        session::cookies(headers, COOKIE).next().map_or_else(Self::default, Self::named)
    }

    fn named(name: &str) -> Self {
        match name {
            "light" => Self::Light,
            "dark" => Self::Dark,
            _ => Self::Auto,
        }
    }

    /// The word in the cookie and in forms.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// For which screens the dark style sheet is: none of them where the theme is light.
    pub(crate) fn dark_media(self) -> Option<&'static str> {
        match self {
            Self::Auto => Some("(prefers-color-scheme: dark)"),
            Self::Light => None,
            Self::Dark => Some("all"),
        }
    }

    /// What form controls and scroll bars of the browser itself follow.
    pub(crate) fn color_scheme(self) -> &'static str {
        match self {
            Self::Auto => "light dark",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// `POST /theme`: remembers the choice and goes back to where it was made.
pub(super) async fn choose(State(app): State<App>, fields: Fields) -> Answer<Response> {
    let theme = Theme::named(fields.text("theme"));
    let mut response = see_other(fields.path("back").unwrap_or("/"));
    let cookie = session::set_any(&app.core, COOKIE, theme.as_str(), A_YEAR_S)?;
    response.headers_mut().append(SET_COOKIE, cookie);
    Ok(response)
}
