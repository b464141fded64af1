//! `/v2`: the OCI distribution protocol, one route for everything.
//!
//! ```text
//! method, path, query ─ endpoint ─► who (Basic, Bearer, nobody) ─► may they: Allowed<_> ─► core ─► reply
//!                                        any step may end here: error ─► status, code, challenge
//! ```
//! Owns: how an operation of core is asked for and answered in HTTP. Must not know: rights, rows or files.

pub mod body;
pub mod endpoint;

mod blobs;
mod errors;
mod lists;
mod manifests;
mod token;
mod uploads;
mod who;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use http::header::{HeaderName, LOCATION};
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode};
use quay_core::Result;
use quay_core::perms::{Delete, Pull, Push};
use quay_oci::{Digest, RepositoryName};

use crate::http::App;
use crate::http::observe::Who;
use body::Lent;
use endpoint::{Endpoint, Operation, Start};

static API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");
const REGISTRY_2: HeaderValue = HeaderValue::from_static("registry/2.0");
static CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");
const OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// Every request to `/v2`.
pub async fn serve(State(app): State<App>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = Lent::new(body, &parts.headers);
    let mut response = match endpoint::parse(&parts.method, parts.uri.path(), parts.uri.query()) {
        Ok(Endpoint::Token) => token::serve(&app, &parts, &body).await,
        Ok(mut endpoint) => {
            let outcome = match resolve(&app.core, &mut endpoint) {
                Ok(()) => answer(&app, &parts, &endpoint, &body).await,
                Err(error) => Err(error),
            };
            outcome.unwrap_or_else(|error| errors::respond(&app, &parts, &endpoint, error))
        }
        Err(unreadable) => errors::unreadable(unreadable),
    };
    if response.status().is_client_error() || response.status().is_server_error() {
        // A client that is still sending would see a reset instead of the answer.
        body.drain().await;
    }
    response.headers_mut().insert(&API_VERSION, REGISTRY_2);
    response
}

/// Puts in the namespace that names without one belong to.
fn resolve(core: &quay_core::Core, endpoint: &mut Endpoint) -> Result<()> {
    let Endpoint::In(name, operation) = endpoint else { return Ok(()) };
    *name = core.resolve(name.clone())?;
    if let Operation::StartUpload(Start::Mount { from, .. }) = operation {
        // Where a mount comes from is a hint; without it the bytes are sent.
        *from = from.take().and_then(|from| core.resolve(from).ok());
    }
    Ok(())
}

async fn answer(app: &App, parts: &Parts, endpoint: &Endpoint, body: &Lent) -> Result<Response> {
    let caller = who::caller(app, parts).await?;
    let core = &app.core;
    let mut response = match endpoint {
        // Answered before: it needs no caller.
        Endpoint::Token | Endpoint::Ping => return ping(&caller, parts),
        Endpoint::Catalog(page) => {
            // Who is not asked for credentials would take the empty list for all there is.
            if tokenless(&caller, parts) && !core.config().feature_public_catalog {
                return Err(quay_core::Refusal::Challenge { scope: None }.into());
            }
            lists::catalog(app, &caller, page).await?
        }
        Endpoint::In(name, operation) => match operation {
            Operation::HeadManifest(at) | Operation::GetManifest(at) => {
                let allowed = core.allow::<Pull>(&caller, name).await?;
                manifests::read(app, parts, &allowed, at).await?
            }
            Operation::HeadBlob(digest) | Operation::GetBlob(digest) => {
                let allowed = core.allow::<Pull>(&caller, name).await?;
                blobs::read(app, parts, &allowed, digest).await?
            }
            Operation::Tags(page) => {
                let allowed = core.allow::<Pull>(&caller, name).await?;
                lists::tags(app, &allowed, page).await?
            }
            Operation::Referrers { subject, artifact_type, last } => {
                let allowed = core.allow::<Pull>(&caller, name).await;
                lists::referrers(app, allowed, subject, artifact_type.as_deref(), last.as_ref()).await?
            }
            Operation::StartUpload(start) => {
                let allowed = core.allow::<Push>(&caller, name).await?;
                uploads::start(app, &allowed, start, body).await?
            }
            Operation::UploadStatus(id) => {
                let allowed = core.allow::<Push>(&caller, name).await?;
                uploads::status(app, &allowed, id).await?
            }
            Operation::AppendUpload(id) => {
                let allowed = core.allow::<Push>(&caller, name).await?;
                uploads::append(app, parts, &allowed, id, body).await?
            }
            Operation::FinishUpload(id, digest) => {
                let allowed = core.allow::<Push>(&caller, name).await?;
                uploads::finish(app, parts, &allowed, id, digest, body).await?
            }
            Operation::CancelUpload(id) => {
                let allowed = core.allow::<Push>(&caller, name).await?;
                core.cancel_upload(&allowed, id).await?;
                status(StatusCode::NO_CONTENT)
            }
            Operation::PutManifest(at, tags) => {
                let allowed = core.allow::<Push>(&caller, name).await?;
                manifests::put(app, parts, &allowed, at, tags, body).await?
            }
            Operation::DeleteManifest(at) => {
                let allowed = core.allow::<Delete>(&caller, name).await?;
                core.delete_manifest(&allowed, at).await?;
                status(StatusCode::ACCEPTED)
            }
            Operation::DeleteBlob(digest) => {
                let allowed = core.allow::<Delete>(&caller, name).await?;
                core.delete_blob(&allowed, digest).await?;
                status(StatusCode::ACCEPTED)
            }
        },
    };
    if !matches!(parts.method, Method::GET | Method::HEAD)
        && let Some(name) = caller.name()
    {
        response.extensions_mut().insert(Who(name.into()));
    }
    Ok(response)
}

/// Nobody, who has not even asked for a token yet.
fn tokenless(caller: &quay_core::Caller, parts: &Parts) -> bool {
    caller.is_anonymous() && !parts.headers.contains_key(http::header::AUTHORIZATION)
}

/// `/v2/` tells a client whether its credentials work; without any it learns where to get a token.
fn ping(caller: &quay_core::Caller, parts: &Parts) -> Result<Response> {
    if tokenless(caller, parts) {
        return Err(quay_core::Refusal::Challenge { scope: None }.into());
    }
    Ok(crate::http::reply::json(StatusCode::OK, &true))
}

/// An empty answer.
fn status(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// 201 for something with a digest, with where to find it.
fn created(name: &RepositoryName, kind: &str, digest: &Digest) -> Response {
    let mut response = status(StatusCode::CREATED);
    response.headers_mut().insert(LOCATION, value(format!("/v2/{name}/{kind}/{digest}")));
    response.headers_mut().insert(&CONTENT_DIGEST, value(digest.to_string()));
    response
}

/// A header from text that our own grammars have restricted to visible ASCII.
fn value(text: String) -> HeaderValue {
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
}
