//! Blobs on their way in: sessions, pieces, whole bodies and mounts.
//!
//! Owns: the headers of an upload. Must not know: where its bytes go or how they are hashed.

use axum::response::Response;
use http::header::{CONTENT_RANGE, HeaderName, LOCATION, RANGE};
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use quay_core::perms::Push;
use quay_core::{Allowed, Error, Result, UploadId, UploadStatus};
use quay_oci::range::ContentRange;
use quay_oci::{Digest, ErrorCode, RepositoryName};

use super::body::Lent;
use super::endpoint::Start;
use super::{created, status as empty, value};
use crate::http::App;

/// Old clients show it in their logs.
pub(super) static UPLOAD_UUID: HeaderName = HeaderName::from_static("docker-upload-uuid");

/// POST: a session, or at once a blob when the body or another repository has it.
pub(super) async fn start(
    app: &App,
    allowed: &Allowed<Push>,
    start: &Start,
    body: &Lent,
) -> Result<Response> {
    match start {
        Start::Whole(digest) => {
            let stored = app.core.put_blob(allowed, digest, body.stream(&app.metrics)).await?;
            return Ok(created(allowed.repository(), "blobs", &stored.digest));
        }
        Start::Mount { digest, from } if app.core.mount_blob(allowed, digest, from.as_ref()).await? => {
            return Ok(created(allowed.repository(), "blobs", digest));
        }
        Start::Mount { .. } | Start::Session => {}
    }
    let upload = app.core.start_upload(allowed).await?;
    Ok(accepted(StatusCode::ACCEPTED, allowed, &upload))
}

/// GET: how far it is.
pub(super) async fn status(app: &App, allowed: &Allowed<Push>, id: &UploadId) -> Result<Response> {
    let upload = app.core.upload_status(allowed, id).await?;
    Ok(accepted(StatusCode::NO_CONTENT, allowed, &upload))
}

/// PATCH: a piece, at the place its `Content-Range` says, else at the end.
pub(super) async fn append(
    app: &App,
    parts: &Parts,
    allowed: &Allowed<Push>,
    id: &UploadId,
    body: &Lent,
) -> Result<Response> {
    let place = place(parts, body)?;
    let (first, last) = (place.map(|place| place.first), place.map(|place| place.last));
    let upload = app.core.append_upload(allowed, id, first, last, body.stream(&app.metrics)).await?;
    Ok(accepted(StatusCode::ACCEPTED, allowed, &upload))
}

/// PUT: the last piece or nothing, and the digest that all of it must have.
pub(super) async fn finish(
    app: &App,
    parts: &Parts,
    allowed: &Allowed<Push>,
    id: &UploadId,
    digest: &Digest,
    body: &Lent,
) -> Result<Response> {
    // An empty body has no place, whatever the header says.
    let first = if body.is_empty() { None } else { place(parts, body)?.map(|place| place.first) };
    let stored = app.core.finish_upload(allowed, id, first, digest, body.stream(&app.metrics)).await?;
    Ok(created(allowed.repository(), "blobs", &stored.digest))
}

/// Where the client says its piece belongs; the length of the body must agree.
fn place(parts: &Parts, body: &Lent) -> Result<Option<ContentRange>> {
    let Some(header) = parts.headers.get(CONTENT_RANGE) else {
        return Ok(None);
    };
    let range = header
        .to_str()
        .ok()
        .and_then(|text| ContentRange::parse(text).ok())
        .ok_or_else(|| invalid(ErrorCode::RangeInvalid, "invalid Content-Range: write <first>-<last>"))?;
    match body.length() {
        Some(length) if length != range.count() => {
            Err(invalid(ErrorCode::SizeInvalid, "Content-Length and Content-Range disagree"))
        }
        _ => Ok(Some(range)),
    }
}

fn invalid(code: ErrorCode, message: &str) -> Error {
    Error::Invalid { code, message: message.to_owned() }
}

fn accepted(status: StatusCode, allowed: &Allowed<Push>, upload: &UploadStatus) -> Response {
    let mut response = empty(status);
    let headers = response.headers_mut();
    headers.insert(LOCATION, location(allowed.repository(), &upload.id));
    headers.insert(RANGE, held(upload.offset));
    headers.insert(&UPLOAD_UUID, value(upload.id.to_string()));
    response
}

/// Where the upload goes on: on the host the client already talks to.
pub(super) fn location(name: &RepositoryName, id: &UploadId) -> HeaderValue {
    value(format!("/v2/{name}/blobs/uploads/{id}"))
}

/// The bytes held, first and last; `0-0` when there is none.
pub(super) fn held(offset: u64) -> HeaderValue {
    value(format!("0-{}", offset.saturating_sub(1)))
}
