//! Answers that every surface gives alike.
//!
//! Owns: the JSON envelope of errors of the registry protocol, and plain text. Must not know: outcomes of core.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use quay_oci::ErrorCode;
use serde::Serialize;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// `{"errors": […]}` with one entry, as the distribution protocol words an error. There is no `detail`: an empty one
/// is shown to people by some clients.
#[must_use]
pub fn error(status: StatusCode, code: ErrorCode, message: &str) -> Response {
    envelope(status, code, message, None)
}

/// The same with a detail, where Quay's clients look for what is wrong with a manifest.
#[must_use]
pub fn detailed_error(status: StatusCode, code: ErrorCode, message: &str, detail: &str) -> Response {
    envelope(status, code, message, Some(Detail { message: detail }))
}

#[derive(Serialize)]
struct Detail<'a> {
    message: &'a str,
}

fn envelope(status: StatusCode, code: ErrorCode, message: &str, detail: Option<Detail<'_>>) -> Response {
    #[derive(Serialize)]
    struct Entry<'a> {
        code: &'a str,
        message: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        detail: Option<Detail<'a>>,
    }
    #[derive(Serialize)]
    struct Envelope<'a> {
        errors: [Entry<'a>; 1],
    }
    json(status, &Envelope { errors: [Entry { code: code.as_str(), message, detail }] })
}

/// A JSON answer.
#[must_use]
pub fn json<T: Serialize>(status: StatusCode, value: &T) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => {
            let mut response = Response::new(Body::from(body));
            *response.status_mut() = status;
            response.headers_mut().insert(CONTENT_TYPE, JSON);
            response
        }
        // Only a map with keys that are no strings cannot be written; there is none.
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// A plain text.
#[must_use]
pub fn text(status: StatusCode, text: String) -> Response {
    (status, [(CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}
