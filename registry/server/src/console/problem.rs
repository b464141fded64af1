//! What a screen comes to when there is nothing to show: a page that says why and offers a way on.
//!
//! Missing and private look the same. The page itself is made by [`super::frame`], which knows the visitor.

use std::sync::Arc;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use quay_core::{Error, Refusal};

use crate::http::observe::Fault;

/// The result of a screen.
pub(crate) type Answer<T = Response> = Result<T, Problem>;

/// Why there is no page.
#[derive(Debug)]
pub(crate) enum Problem {
    /// An outcome of core.
    Core(Error),
    /// No such page.
    NotFound,
    /// Something that a repository does not have now, though the visitor may see all that it has.
    Absent { text: String, history: String },
    /// A form that was not sent from a page of ours, or from one that is too old.
    Forged,
    /// A form that cannot be read.
    Unreadable,
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::Core(error)
    }
}

/// What the page will say, in the extensions of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// Signing in might help.
    SignIn,
    /// A page with a heading and a sentence.
    Page { heading: &'static str, text: String },
    /// A sentence, and the history that may tell more.
    Absent { text: String, history: String },
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let page = |status: StatusCode, heading: &'static str, text: String| {
            let mut response = status.into_response();
            response.extensions_mut().insert(Told::Page { heading, text });
            response
        };
        let error = match self {
            Self::Core(error) => error,
            Self::NotFound => return page(StatusCode::NOT_FOUND, NOT_FOUND, NOTHING_HERE.to_owned()),
            Self::Absent { text, history } => {
                let mut response = StatusCode::NOT_FOUND.into_response();
                response.extensions_mut().insert(Told::Absent { text, history });
                return response;
            }
            Self::Forged => {
                return page(
                    StatusCode::FORBIDDEN,
                    "This form has expired",
                    "It was not sent from a current page of this registry, so nothing was changed. \
                     Go back, load the page again and repeat the action. Cookies must be allowed."
                        .to_owned(),
                );
            }
            Self::Unreadable => {
                return page(
                    StatusCode::BAD_REQUEST,
                    "This form cannot be read",
                    "Nothing was changed. Go back, load the page again and repeat the action.".to_owned(),
                );
            }
        };
        let text = error.message();
        match error {
            Error::Refused(Refusal::Challenge { .. }) => {
                let mut response = StatusCode::UNAUTHORIZED.into_response();
                response.extensions_mut().insert(Told::SignIn);
                response
            }
            Error::Refused(_) | Error::NotFound(_) => {
                page(StatusCode::NOT_FOUND, NOT_FOUND, NOTHING_HERE.to_owned())
            }
            Error::Unavailable { retry_after } | Error::TooManyAttempts { retry_after } => {
                let status = StatusCode::SERVICE_UNAVAILABLE;
                later(page(status, "Not available for the moment", capitalised(&text)), retry_after)
            }
            Error::OutOfSpace => page(StatusCode::INSUFFICIENT_STORAGE, "No space left", capitalised(&text)),
            Error::Internal(fault) => {
                let mut response = page(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "Something went wrong",
                    "The registry met an error of its own. Its log has the details, under the id below."
                        .to_owned(),
                );
                response.extensions_mut().insert(Fault(Arc::from(fault)));
                response
            }
            Error::Conflict(_) | Error::Immutable { .. } => {
                page(StatusCode::CONFLICT, "This cannot be done", capitalised(&text))
            }
            Error::BadCredentials(_)
            | Error::Invalid { .. }
            | Error::TooLarge { .. }
            | Error::Unsupported(_)
            | Error::UnsupportedMediaType(_)
            | Error::TypeNotAccepted(_)
            | Error::UploadOffset { .. }
            | Error::RangeNotSatisfiable { .. }
            | Error::BodyFailed => page(StatusCode::BAD_REQUEST, "This cannot be done", capitalised(&text)),
        }
    }
}

pub(super) const NOT_FOUND: &str = "Not found";
const NOTHING_HERE: &str = "This page does not exist, or you have no right to see it.";

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

fn later(mut response: Response, wait: Duration) -> Response {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    response.headers_mut().insert(http::header::RETRY_AFTER, seconds.into());
    response
}
