//! Outcomes of core in the words of the distribution protocol: status, code, challenge.
//!
//! Owns: this one table. Must not know: why an outcome came about.

use std::sync::Arc;
use std::time::Duration;

use axum::response::Response;
use http::header::{ALLOW, AUTHORIZATION, CONTENT_RANGE, LOCATION, RANGE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use quay_core::{Error, Missing, Refusal, Scope};
use quay_oci::{ErrorCode, Reference};

use super::endpoint::{Endpoint, Operation, Start, Unreadable};
use super::{uploads, value};
use crate::http::observe::Fault;
use crate::http::{App, reply};

/// What to say to a request that is none.
pub(super) fn unreadable(unreadable: Unreadable) -> Response {
    match unreadable {
        Unreadable::NoRoute => reply::error(
            StatusCode::NOT_FOUND,
            ErrorCode::Unsupported,
            "no such route in the registry protocol",
        ),
        Unreadable::Method { allow } => {
            let code = ErrorCode::Unsupported;
            let mut response = reply::error(StatusCode::METHOD_NOT_ALLOWED, code, code.message());
            response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
            response
        }
        Unreadable::Part { status, code, message } => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
            reply::error(status, code, &message)
        }
    }
}

/// The answer to a request that did not succeed.
pub(super) fn respond(app: &App, parts: &Parts, endpoint: &Endpoint, error: Error) -> Response {
    let error = at_a_probe(endpoint, error);
    let status = status(&error);
    let text = message(app, endpoint, &error);
    let mut response = match (code(&error), &error) {
        // Quay's body for this, to the letter.
        (code, Error::TypeNotAccepted(_)) => reply::detailed_error(status, code, code.message(), &text),
        // podman, skopeo and docker show the message alone: the reason stands there, too.
        (code @ ErrorCode::ManifestInvalid, _) => {
            reply::detailed_error(status, code, &format!("{}: {text}", code.message()), &text)
        }
        (code, _) => reply::error(status, code, &text),
    };
    let headers = response.headers_mut();
    match &error {
        Error::Refused(Refusal::Challenge { scope }) => {
            let scope = scope.as_ref().map(|scope| enough(endpoint, scope)).or_else(|| wanted(endpoint));
            headers.insert(WWW_AUTHENTICATE, challenge(app, parts, scope.as_deref(), None));
        }
        Error::Refused(Refusal::InsufficientScope { scope }) => {
            let scope = enough(endpoint, scope);
            headers.insert(WWW_AUTHENTICATE, challenge(app, parts, Some(&scope), Some("insufficient_scope")));
        }
        Error::BadCredentials(_) => {
            let bearer = parts
                .headers
                .get(AUTHORIZATION)
                .is_some_and(|header| header.as_bytes().starts_with(b"Bearer"));
            let why = bearer.then_some("invalid_token");
            headers.insert(WWW_AUTHENTICATE, challenge(app, parts, wanted(endpoint).as_deref(), why));
        }
        Error::TooManyAttempts { retry_after } | Error::Unavailable { retry_after } => {
            headers.insert(RETRY_AFTER, after(*retry_after));
        }
        Error::UploadOffset { held } => {
            if let Endpoint::In(name, Operation::AppendUpload(id) | Operation::FinishUpload(id, _)) = endpoint
            {
                headers.insert(LOCATION, uploads::location(name, id));
                headers.insert(&uploads::UPLOAD_UUID, value(id.to_string()));
            }
            headers.insert(RANGE, uploads::held(*held));
        }
        Error::RangeNotSatisfiable { size } => {
            headers.insert(CONTENT_RANGE, value(format!("bytes */{size}")));
        }
        _ => {}
    }
    if let Error::Internal(fault) = error {
        response.extensions_mut().insert(Fault(Arc::from(fault)));
    }
    response
}

/// A client that is about to push first asks by digest whether the content is there. An answer to HEAD has no body: at
/// 403 helm and podman stop and can print no reason. 404 tells them as little as 403 would, since both are the same
/// for what is missing and what is private, and the upload that follows is refused in words.
fn at_a_probe(endpoint: &Endpoint, error: Error) -> Error {
    let probe = matches!(
        endpoint,
        Endpoint::In(_, Operation::HeadManifest(Reference::Digest(_)) | Operation::HeadBlob(_))
    );
    match error {
        Error::Refused(Refusal::Denied) if probe => Refusal::NameUnknown.into(),
        other => other,
    }
}

/// The text of an outcome; a refusal says what of, in words that depend on nothing but the request.
fn message(app: &App, endpoint: &Endpoint, error: &Error) -> String {
    let text = error.message();
    match (endpoint, error) {
        (Endpoint::In(name, operation), Error::Refused(Refusal::Denied)) => {
            let verb = match operation {
                Operation::DeleteManifest(_) | Operation::DeleteBlob(_) => "delete in",
                operation if operation.actions() == "pull" => "pull from",
                _ => "push to",
            };
            let config = app.core.config();
            let library = &config.library_namespace;
            let hint = if config.feature_library_support && name.namespace() == library {
                format!("; a name without an organization means {library}, put yours in front of it")
            } else {
                format!("; ask an owner of {} for the right", name.namespace())
            };
            format!("{text}: you may not {verb} {name}{hint}")
        }
        _ => text,
    }
}

/// The status of an outcome.
pub(super) fn status(error: &Error) -> StatusCode {
    match error {
        Error::Refused(Refusal::Challenge { .. } | Refusal::InsufficientScope { .. })
        | Error::BadCredentials(_) => StatusCode::UNAUTHORIZED,
        Error::Refused(Refusal::Denied) => StatusCode::FORBIDDEN,
        Error::Refused(Refusal::NameUnknown) | Error::NotFound(_) => StatusCode::NOT_FOUND,
        Error::TooManyAttempts { .. } => StatusCode::TOO_MANY_REQUESTS,
        Error::Conflict(_) | Error::Immutable { .. } => StatusCode::CONFLICT,
        Error::Invalid { .. } | Error::TypeNotAccepted(_) | Error::BodyFailed => StatusCode::BAD_REQUEST,
        Error::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        Error::Unsupported(_) => StatusCode::METHOD_NOT_ALLOWED,
        Error::UnsupportedMediaType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Error::UploadOffset { .. } | Error::RangeNotSatisfiable { .. } => StatusCode::RANGE_NOT_SATISFIABLE,
        Error::OutOfSpace => StatusCode::INSUFFICIENT_STORAGE,
        Error::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
        Error::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn code(error: &Error) -> ErrorCode {
    match error {
        Error::NotFound(Missing::TagExpired(_)) => ErrorCode::TagExpired,
        Error::UploadOffset { .. } | Error::RangeNotSatisfiable { .. } => ErrorCode::RangeInvalid,
        Error::Unavailable { .. } => ErrorCode::Unavailable,
        Error::Internal(_) => ErrorCode::Unknown,
        other => other.code().unwrap_or(ErrorCode::Unsupported),
    }
}

/// The scope to ask for where this one was missing. A mount reads from a second repository: a token for one of the two
/// would be refused for the other.
fn enough(endpoint: &Endpoint, missing: &Scope) -> String {
    match endpoint {
        Endpoint::In(to, Operation::StartUpload(Start::Mount { from: Some(from), .. })) => {
            format!("repository:{to}:pull,push repository:{from}:pull")
        }
        _ => missing.to_string(),
    }
}

/// The scope that would do for this request.
fn wanted(endpoint: &Endpoint) -> Option<String> {
    match endpoint {
        Endpoint::In(name, operation) => Some(format!("repository:{name}:{}", operation.actions())),
        Endpoint::Catalog(_) => Some("registry:catalog:*".to_owned()),
        Endpoint::Ping | Endpoint::Token => None,
    }
}

/// Where and for what to get a token. The realm is on the host that the client asked, when that is ours.
pub(super) fn challenge(app: &App, parts: &Parts, scope: Option<&str>, error: Option<&str>) -> HeaderValue {
    let host = app.names.of(parts);
    let mut text = format!("Bearer realm=\"https://{host}/v2/auth\",service=\"{host}\"");
    for (key, content) in [("scope", scope), ("error", error)] {
        if let Some(content) = content {
            text.push_str(&format!(",{key}=\"{content}\""));
        }
    }
    value(text)
}

fn after(wait: Duration) -> HeaderValue {
    HeaderValue::from(wait.as_secs() + u64::from(wait.subsec_nanos() > 0))
}
