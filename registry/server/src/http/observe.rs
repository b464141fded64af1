//! What happens around every request: an id, the client's address, a count, a log line, no panic, and the headers that are
//! always sent.
//!
//! Owns: all of that. Must not know: what the request is about, beyond the part of the registry it goes to.
//! A log line has the path, never the query and never a header of credentials.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use axum::body::HttpBody;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use futures::FutureExt;
use http::header::{HeaderName, STRICT_TRANSPORT_SECURITY, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use quay_oci::ErrorCode;

use super::client::Client;
use super::{App, reply};
use crate::listen::Peer;
use crate::metrics::{self, Surface};

/// The id of a request, sent back to the client and written to the log.
pub static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const DENY: HeaderValue = HeaderValue::from_static("DENY");
const NO_REFERRER: HeaderValue = HeaderValue::from_static("no-referrer");
const CSP: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
const HSTS: HeaderValue = HeaderValue::from_static("max-age=63072000");

/// An internal error on its way to the log, in the extensions of a response.
#[derive(Clone, Debug)]
pub struct Fault(pub Arc<dyn std::error::Error + Send + Sync>);

/// Who asked, in the extensions of a response, for the log.
#[derive(Clone, Debug)]
pub struct Who(pub Arc<str>);

/// The id of this request, in its extensions.
#[derive(Clone, Debug)]
pub struct RequestId(pub HeaderValue);

/// The outermost layer.
pub async fn observe(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = request_id(request.headers());
    let peer = request.extensions().get::<Peer>().copied();
    let client = peer.map(|peer| Client::behind(peer, request.headers(), &app.core.config()));
    let line = Line {
        id: id.clone(),
        method: request.method().clone(),
        path: request.uri().path().to_owned(),
        agent: request.headers().get(USER_AGENT).cloned(),
        client,
    };
    let received = request.body().size_hint().exact().unwrap_or(0);
    request.extensions_mut().insert(RequestId(id.clone()));
    if let Some(client) = client {
        request.extensions_mut().insert(client);
    }

    let mut response = match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        // The panic itself is in the log already, written by the panic hook.
        Err(_) => reply::error(StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::Unknown, "internal error"),
    };

    let took = began.elapsed();
    let sent = response.body().size_hint().exact().unwrap_or(0);
    let labels = metrics::Request {
        route: surface(&line.path),
        method: metrics::method_label(&line.method),
        status: response.status().as_u16(),
    };
    app.metrics.answered(labels, took, received, sent);
    line.write(&response, took.as_micros() as f64 / 1000.0);

    let headers = response.headers_mut();
    headers.insert(REQUEST_ID.clone(), id);
    headers.entry(http::header::X_CONTENT_TYPE_OPTIONS).or_insert(NOSNIFF);
    headers.entry(http::header::X_FRAME_OPTIONS).or_insert(DENY);
    headers.entry(http::header::REFERRER_POLICY).or_insert(NO_REFERRER);
    headers.entry(http::header::CONTENT_SECURITY_POLICY).or_insert(CSP);
    if app.names.is_configured() {
        // Without a name of its own it may be `localhost`, where other servers speak plain HTTP.
        headers.entry(STRICT_TRANSPORT_SECURITY).or_insert(HSTS);
    }
    response
}

/// The client's own id when it is harmless, else a new one.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    if let Some(given) = headers.get(&REQUEST_ID)
        && (1..=64).contains(&given.len())
        && given.as_bytes().iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(byte))
    {
        return given.clone();
    }
    // Unique and cheap: a random start per process, then counting.
    static START: std::sync::LazyLock<u64> =
        std::sync::LazyLock::new(|| uuid::Uuid::new_v4().as_u64_pair().0);
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let id = format!("{:016x}{:08x}", *START, NEXT.fetch_add(1, Ordering::Relaxed));
    HeaderValue::try_from(id).unwrap_or(HeaderValue::from_static("-"))
}

fn surface(path: &str) -> Surface {
    match path.strip_prefix("/v2") {
        Some("/auth") => Surface::Token,
        Some(rest) if rest.contains("/blobs/") => Surface::Blobs,
        Some(_) => Surface::V2,
        None if path.starts_with("/api/") => Surface::Api,
        None => Surface::Other,
    }
}

struct Line {
    id: HeaderValue,
    method: Method,
    path: String,
    agent: Option<HeaderValue>,
    client: Option<Client>,
}

impl Line {
    fn write(&self, response: &Response, duration_ms: f64) {
        let status = response.status().as_u16();
        let id = self.id.to_str().unwrap_or("-");
        let method = self.method.as_str();
        let path = self.path.as_str();
        let agent = self.agent.as_ref().and_then(|agent| agent.to_str().ok()).unwrap_or("-");
        let client = self.client.map(|Client(address)| tracing::field::display(address));
        let user = response.extensions().get::<Who>().map_or("-", |Who(name)| name);
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    request.id = id,
                    method,
                    path,
                    status,
                    duration_ms,
                    client,
                    user,
                    agent,
                    "request"
                )
            };
        }
        match (status, &self.method) {
            (429 | 503 | 507, _) => line!(warn),
            (500.., _) => {
                if let Some(Fault(fault)) = response.extensions().get::<Fault>() {
                    tracing::error!(request.id = id, fault = chain(fault.as_ref()), "internal error");
                }
                line!(error);
            }
            // Reads are many; the metrics count them.
            (_, &Method::GET | &Method::HEAD) => line!(debug),
            _ => line!(info),
        }
    }
}

/// An error with everything beneath it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
