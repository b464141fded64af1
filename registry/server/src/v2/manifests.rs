//! Manifests in and out, byte for byte.
//!
//! Owns: content negotiation, conditions, and the headers of a manifest. Must not know: what a manifest says.

use axum::body::Body;
use axum::response::Response;
use http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderName};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use quay_core::perms::{Pull, Push};
use quay_core::{Allowed, Error, Result, StoredManifest};
use quay_oci::manifest::MAX_BYTES;
use quay_oci::media_type::{self, essence};
use quay_oci::{ErrorCode, Reference, TagName};

use super::blobs::{etag, matches_any};
use super::body::Lent;
use super::{CONTENT_DIGEST, created, errors, status, value};
use crate::http::App;

static SUBJECT: HeaderName = HeaderName::from_static("oci-subject");
static TAG: HeaderName = HeaderName::from_static("oci-tag");

/// HEAD and GET.
pub(super) async fn read(
    app: &App,
    parts: &Parts,
    allowed: &Allowed<Pull>,
    at: &Reference,
) -> Result<Response> {
    let outcome = find(app, &parts.headers, allowed, at).await;
    let by_tag = matches!(at, Reference::Tag(_));
    if parts.method == Method::GET {
        app.metrics.pulled(by_tag, answered(&outcome, StatusCode::OK));
    }
    let manifest = outcome?;
    let etag = etag(&manifest.digest);
    let unchanged = matches_any(&parts.headers, &etag);
    let mut response = if unchanged {
        status(StatusCode::NOT_MODIFIED)
    } else if parts.method == Method::HEAD {
        let mut response = status(StatusCode::OK);
        response.headers_mut().insert(CONTENT_LENGTH, manifest.bytes.len().into());
        response
    } else {
        let tag = match at {
            Reference::Tag(tag) => Some(tag),
            Reference::Digest(_) => None,
        };
        app.core.record_pull(allowed, &manifest, tag);
        Response::new(Body::from(manifest.bytes.clone()))
    };
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, content_type(&manifest.media_type)?);
    headers.insert(&CONTENT_DIGEST, value(manifest.digest.to_string()));
    headers.insert(ETAG, etag);
    Ok(response)
}

/// The manifest to send. A client that knows no lists gets the one for linux/amd64 of a list, as Docker's registry
/// does; nothing is ever converted.
async fn find(
    app: &App,
    headers: &HeaderMap,
    allowed: &Allowed<Pull>,
    at: &Reference,
) -> Result<StoredManifest> {
    let manifest = app.core.manifest(allowed, at).await?;
    if matches!(at, Reference::Tag(_))
        && media_type::is_index(&manifest.media_type)
        && only_single(headers, &manifest.media_type)
        && let Some(one) = app.core.platform_manifest(allowed, &manifest, "linux", "amd64").await?
    {
        return Ok(one);
    }
    Ok(manifest)
}

/// Whether `Accept` names single manifests but neither this list nor everything.
fn only_single(headers: &HeaderMap, list: &str) -> bool {
    let mut single = false;
    for line in headers.get_all(ACCEPT) {
        let Ok(line) = line.to_str() else { continue };
        for accepted in line.split(',').map(essence) {
            if accepted.eq_ignore_ascii_case(list)
                || accepted == "*/*"
                || accepted.eq_ignore_ascii_case("application/*")
            {
                return false;
            }
            single |= accepted.eq_ignore_ascii_case(media_type::OCI_MANIFEST)
                || accepted.eq_ignore_ascii_case(media_type::DOCKER_MANIFEST);
        }
    }
    single
}

/// The usual types are ready made.
fn content_type(media_type: &str) -> Result<HeaderValue> {
    Ok(match media_type {
        media_type::OCI_MANIFEST => HeaderValue::from_static(media_type::OCI_MANIFEST),
        media_type::OCI_INDEX => HeaderValue::from_static(media_type::OCI_INDEX),
        media_type::DOCKER_MANIFEST => HeaderValue::from_static(media_type::DOCKER_MANIFEST),
        media_type::DOCKER_LIST => HeaderValue::from_static(media_type::DOCKER_LIST),
        other => HeaderValue::from_str(other).map_err(|error| Error::Internal(error.into()))?,
    })
}

/// PUT by tag or digest; `tags` are set besides.
pub(super) async fn put(
    app: &App,
    parts: &Parts,
    allowed: &Allowed<Push>,
    at: &Reference,
    tags: &[TagName],
    body: &Lent,
) -> Result<Response> {
    let outcome = store(app, parts, allowed, at, tags, body).await;
    app.metrics.pushed(answered(&outcome, StatusCode::CREATED));
    outcome
}

/// The status that a client sees, for the count.
fn answered<T>(outcome: &Result<T>, good: StatusCode) -> u16 {
    outcome.as_ref().err().map_or(good, errors::status).as_u16()
}

async fn store(
    app: &App,
    parts: &Parts,
    allowed: &Allowed<Push>,
    at: &Reference,
    tags: &[TagName],
    body: &Lent,
) -> Result<Response> {
    let content_type = match parts.headers.get(CONTENT_TYPE) {
        None => None,
        Some(header) => Some(header.to_str().map_err(|_| Error::Invalid {
            code: ErrorCode::ManifestInvalid,
            message: "invalid Content-Type: it is not text".to_owned(),
        })?),
    };
    let whole = app.bodies.manifest(body, MAX_BYTES).await?;
    let stored = app.core.put_manifest(allowed, at, tags, content_type, whole.bytes.clone()).await?;
    let mut response = created(allowed.repository(), "manifests", &stored.digest);
    let headers = response.headers_mut();
    if let Some(subject) = &stored.subject {
        headers.insert(&SUBJECT, value(subject.to_string()));
    }
    for tag in tags {
        headers.append(&TAG, value(tag.to_string()));
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accept(lines: &[&'static str]) -> HeaderMap {
        lines.iter().map(|&line| (ACCEPT, HeaderValue::from_static(line))).collect()
    }

    #[test]
    fn a_list_is_reduced_only_for_clients_that_know_no_lists() {
        let list = media_type::OCI_INDEX;
        assert!(only_single(&accept(&[media_type::OCI_MANIFEST]), list));
        assert!(only_single(
            &accept(&["application/vnd.docker.distribution.manifest.v2+json;q=0.8, text/plain"]),
            list
        ));
        for everything in [
            vec![],
            vec!["*/*"],
            vec!["application/*"],
            vec!["application/json"],
            vec![media_type::OCI_MANIFEST, "*/*;q=0.1"],
            vec![media_type::OCI_MANIFEST, media_type::OCI_INDEX],
        ] {
            assert!(!only_single(&accept(&everything), list), "{everything:?}");
        }
    }
}
