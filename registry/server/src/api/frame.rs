//! What happens around every request of the API: problems become JSON, nothing is cached, the log learns who asked.

use std::sync::{Arc, OnceLock};

use axum::body::to_bytes;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use http::{HeaderValue, StatusCode};
use quay_core::Error;

use super::outcome::{Answer, Problem, Trouble};
use crate::http::observe::Who;
use crate::http::{App, JSON_BODY, reply};
use crate::v2::body::Lent;

const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
/// The framework's own texts are a line.
const LONGEST_REFUSAL: usize = 4096;
static ALLOW: HeaderName = http::header::ALLOW;

/// Where [`super::visitor`] leaves what the frame needs afterwards.
#[derive(Clone, Default)]
pub(super) struct Note(Arc<OnceLock<Noted>>);

struct Noted {
    base: String,
    who: Option<Who>,
}

impl Note {
    /// Remembers the address of the registry, and who asks.
    pub(super) fn take(&self, app: &App, name: Option<&str>) {
        // Only the first visitor of a request counts; there is no second.
        let _ =
            self.0.set(Noted { base: app.core.config().base_url(), who: name.map(|name| Who(name.into())) });
    }
}

/// The layer.
pub(super) async fn framed(mut request: Request, next: Next) -> Response {
    let note = Note::default();
    request.extensions_mut().insert(note.clone());
    let (parts, body) = request.into_parts();
    let lent = Lent::new(body, &parts.headers);
    let mut response = unreadable(next.run(Request::from_parts(parts, lent.body())).await).await;
    if response.status().is_client_error() || response.status().is_server_error() {
        // A client that is still sending would see a reset instead of the answer.
        lent.drain().await;
    }
    let noted = note.0.get();
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        let base = noted.map_or("", |noted| noted.base.as_str());
        let written = reply::json(problem.status, &problem.body(base));
        let (mut parts, _) = response.into_parts();
        // The empty body's length goes with it.
        parts.headers.remove(http::header::CONTENT_LENGTH);
        parts.headers.extend(written.headers().clone());
        response = Response::from_parts(parts, written.into_body());
    }
    if let Some(who) = noted.and_then(|noted| noted.who.clone()) {
        response.extensions_mut().insert(who);
    }
    response.headers_mut().entry(CACHE_CONTROL).or_insert(NO_STORE);
    response
}

/// What the framework refused before any operation saw it, as a problem like all others.
async fn unreadable(response: Response) -> Response {
    let plain = |header: &HeaderValue| header.as_bytes().starts_with(b"text/plain");
    let refused = matches!(response.status(), StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE);
    if !refused || !response.headers().get(CONTENT_TYPE).is_some_and(plain) {
        return response;
    }
    if response.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return Trouble::from(Error::TooLarge { limit: JSON_BODY as u64 }).into_response();
    }
    let said = to_bytes(response.into_body(), LONGEST_REFUSAL).await.unwrap_or_default();
    Trouble::Request(String::from_utf8_lossy(&said).into_owned()).into_response()
}

/// An unknown path below `/api/v1`.
pub(super) async fn nothing_here() -> Answer {
    Err(Trouble::NotFound)
}

/// A known path that is asked in a way it does not understand.
pub(super) async fn wrong_method() -> Response {
    not_that_way("")
}

/// 405; `allow` lists the ways that are understood, where the router has not done so already.
pub(super) fn not_that_way(allow: &'static str) -> Response {
    let mut response =
        Problem::new(StatusCode::METHOD_NOT_ALLOWED, "invalid_request", "Method not allowed").into_response();
    if !allow.is_empty() {
        response.headers_mut().insert(&ALLOW, HeaderValue::from_static(allow));
    }
    response
}
