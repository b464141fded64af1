//! What an operation comes to when it does not succeed, in Quay's words.
//!
//! Owns: status, error type and text. The body is written by [`super::frame`], which knows the name of the registry.

use std::sync::Arc;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};
use quay_core::{Error, Missing, Refusal};
use quay_oci::NameError;
use serde_json::json;

use crate::http::observe::Fault;
use crate::http::reply;

/// The result of an operation of the API.
pub(super) type Answer<T = Response> = Result<T, Trouble>;

/// An operation that did not succeed.
#[derive(Debug)]
pub(super) enum Trouble {
    /// An outcome of core.
    Core(Error),
    /// The request cannot be read.
    Request(String),
    /// No such route, or one that is switched off.
    NotFound,
    /// A form from elsewhere.
    Csrf,
    /// The session is too old for this.
    Stale,
    /// A bare message, where Quay sends no more.
    Message(String),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Core(error)
    }
}

/// Quay's words, and what a name may be.
impl From<NameError> for Trouble {
    fn from(error: NameError) -> Self {
        Self::Request(error.to_string().replacen('i', "I", 1))
    }
}

/// An error body that is still to be written, in the extensions of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) status: StatusCode,
    pub(super) kind: &'static str,
    pub(super) detail: String,
}

impl Problem {
    pub(super) fn new(status: StatusCode, kind: &'static str, detail: impl Into<String>) -> Self {
        Self { status, kind, detail: detail.into() }
    }

    /// The body, where `base` is the address of the registry.
    pub(super) fn body(&self, base: &str) -> serde_json::Value {
        json!({
            "detail": self.detail,
            "error_message": self.detail,
            "error_type": self.kind,
            "title": self.kind,
            "type": format!("{base}/api/v1/error/{}", self.kind),
            "status": self.status.as_u16(),
        })
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        let bad =
            |detail: String| Problem::new(StatusCode::BAD_REQUEST, "invalid_request", detail).into_response();
        match self {
            Self::Core(error) => of_core(error),
            Self::Request(detail) => bad(detail),
            Self::NotFound => not_found("Not Found"),
            Self::Stale => {
                Problem::new(StatusCode::UNAUTHORIZED, "fresh_login_required", "Requires fresh login")
                    .into_response()
            }
            Self::Csrf => {
                reply::json(StatusCode::FORBIDDEN, &json!({"error": "CSRF token was invalid or missing."}))
            }
            Self::Message(message) => reply::json(StatusCode::BAD_REQUEST, &json!({"message": message})),
        }
    }
}

fn not_found(detail: &str) -> Response {
    Problem::new(StatusCode::NOT_FOUND, "not_found", detail).into_response()
}

fn of_core(error: Error) -> Response {
    let problem = |status, kind| Problem::new(status, kind, error.message()).into_response();
    match error {
        Error::Refused(Refusal::Challenge { .. }) => {
            Problem::new(StatusCode::UNAUTHORIZED, "invalid_token", "Requires authentication").into_response()
        }
        Error::Refused(Refusal::InsufficientScope { .. } | Refusal::Denied) => {
            Problem::new(StatusCode::FORBIDDEN, "insufficient_scope", "Unauthorized").into_response()
        }
        Error::Refused(Refusal::NameUnknown) | Error::NotFound(Missing::Route | Missing::Repository) => {
            not_found("Not Found")
        }
        Error::BadCredentials(text) => {
            Problem::new(StatusCode::UNAUTHORIZED, "invalid_token", text).into_response()
        }
        Error::TooManyAttempts { retry_after } => {
            later(reply::text(StatusCode::TOO_MANY_REQUESTS, error.message()), retry_after)
        }
        Error::NotFound(_) => problem(StatusCode::NOT_FOUND, "not_found"),
        Error::Immutable { .. } => problem(StatusCode::CONFLICT, "tag_immutable"),
        Error::Unavailable { retry_after } => {
            later(problem(StatusCode::SERVICE_UNAVAILABLE, "service_unavailable"), retry_after)
        }
        Error::OutOfSpace => problem(StatusCode::INSUFFICIENT_STORAGE, "out_of_space"),
        Error::TooLarge { .. } => problem(StatusCode::PAYLOAD_TOO_LARGE, "invalid_request"),
        Error::Internal(fault) => {
            let mut response =
                Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", "internal error")
                    .into_response();
            response.extensions_mut().insert(Fault(Arc::from(fault)));
            response
        }
        Error::Conflict(_)
        | Error::Invalid { .. }
        | Error::Unsupported(_)
        | Error::UnsupportedMediaType(_)
        | Error::TypeNotAccepted(_)
        | Error::UploadOffset { .. }
        | Error::RangeNotSatisfiable { .. }
        | Error::BodyFailed => problem(StatusCode::BAD_REQUEST, "invalid_request"),
    }
}

fn later(mut response: Response, wait: Duration) -> Response {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    response
}
