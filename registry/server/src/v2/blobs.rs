//! Blobs on their way out: whole, in part, or only their size.
//!
//! Owns: HEAD, GET, ranges and conditions. Must not know: where bytes lie.

use std::ops::Range;

use axum::body::Body;
use axum::response::Response;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_NONE_MATCH, IF_RANGE,
    RANGE,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use quay_core::perms::Pull;
use quay_core::{Allowed, BlobBody, Error, Result};
use quay_oci::Digest;
use quay_oci::range::parse_range;

use super::{CONTENT_DIGEST, OCTETS, status, value};
use crate::http::App;

const BYTES: HeaderValue = HeaderValue::from_static("bytes");
const FOR_EVERYONE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const FOR_ONE: HeaderValue = HeaderValue::from_static("private, max-age=31536000, immutable");

/// HEAD and GET of a blob.
pub(super) async fn read(
    app: &App,
    parts: &Parts,
    allowed: &Allowed<Pull>,
    digest: &Digest,
) -> Result<Response> {
    let etag = etag(digest);
    if parts.method == Method::HEAD || parts.headers.contains_key(IF_NONE_MATCH) {
        let blob = app.core.blob(allowed, digest).await?;
        if matches_any(&parts.headers, &etag) {
            let mut response = status(StatusCode::NOT_MODIFIED);
            describe(&mut response, allowed, digest, etag);
            return Ok(response);
        }
        if parts.method == Method::HEAD {
            let mut response = status(StatusCode::OK);
            response.headers_mut().insert(CONTENT_LENGTH, blob.size.into());
            describe(&mut response, allowed, digest, etag);
            return Ok(response);
        }
    }
    let range = match wanted(&parts.headers, &etag) {
        None => None,
        Some(header) => {
            let size = app.core.blob(allowed, digest).await?.size;
            part(header, size)?
        }
    };
    let partial = range.is_some();
    let blob = app.core.read_blob(allowed, digest, range).await?;
    let length = blob.range.end - blob.range.start;
    let body = match blob.body {
        BlobBody::Inline(bytes) => Body::from(bytes),
        BlobBody::Stream(stream) => Body::from_stream(stream),
    };
    app.metrics.blob_out(length);
    let mut response = Response::new(body);
    if partial {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        let last = blob.range.end.saturating_sub(1);
        let range = format!("bytes {}-{last}/{}", blob.range.start, blob.size);
        response.headers_mut().insert(CONTENT_RANGE, value(range));
    }
    response.headers_mut().insert(CONTENT_LENGTH, length.into());
    describe(&mut response, allowed, digest, etag);
    Ok(response)
}

/// The headers that every answer about a blob has.
fn describe(response: &mut Response, allowed: &Allowed<Pull>, digest: &Digest, etag: HeaderValue) {
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, OCTETS);
    headers.insert(&CONTENT_DIGEST, value(digest.to_string()));
    headers.insert(ACCEPT_RANGES, BYTES);
    headers.insert(ETAG, etag);
    headers.insert(CACHE_CONTROL, if allowed.is_public() { FOR_EVERYONE } else { FOR_ONE });
}

/// The `Range` to honour: there is one, and `If-Range` does not ask for other content.
fn wanted<'h>(headers: &'h HeaderMap, etag: &HeaderValue) -> Option<&'h str> {
    let range = headers.get(RANGE)?.to_str().ok()?;
    match headers.get(IF_RANGE) {
        Some(condition) if condition != etag => None,
        _ => Some(range),
    }
}

/// The bytes that a `Range` names, `None` for all.
fn part(header: &str, size: u64) -> Result<Option<Range<u64>>> {
    let unsatisfiable = Error::RangeNotSatisfiable { size };
    match parse_range(header, size) {
        Ok(Some(range)) => Ok(Some(range)),
        // The specification's suite wants a range whose end is before its start refused, not ignored.
        Ok(None) if backwards(header) => Err(unsatisfiable),
        Ok(None) => Ok(None),
        Err(_) => Err(unsatisfiable),
    }
}

fn backwards(header: &str) -> bool {
    let bounds = header.trim().strip_prefix("bytes=").and_then(|spec| spec.split_once('-'));
    let number = |text: &str| text.trim().parse::<u64>().ok();
    matches!(bounds.map(|(first, last)| (number(first), number(last))), Some((Some(first), Some(last))) if first > last)
}

/// The entity tag of content: its digest.
pub(super) fn etag(digest: &Digest) -> HeaderValue {
    value(format!("\"{digest}\""))
}

/// Whether `If-None-Match` names this content.
pub(super) fn matches_any(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    headers.get_all(IF_NONE_MATCH).iter().filter_map(|given| given.to_str().ok()).any(|given| {
        given
            .split(',')
            .map(|one| one.trim().trim_start_matches("W/"))
            .any(|one| one == "*" || one.as_bytes() == etag)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_cut_refused_or_ignored() {
        assert_eq!(part("bytes=2-4", 10).ok(), Some(Some(2..5)));
        assert_eq!(part("bytes=-3", 10).ok(), Some(Some(7..10)));
        assert_eq!(
            part("bytes=0-1,4-5", 10).ok(),
            Some(None),
            "several ranges: everything is a right answer"
        );
        for refused in ["bytes=5-2", "bytes=10-", "bytes=500-0"] {
            assert!(matches!(part(refused, 10), Err(Error::RangeNotSatisfiable { size: 10 })), "{refused}");
        }
    }

    #[test]
    fn conditions_compare_the_digest() {
        let tag = etag(&Digest::sha256(b"x"));
        let mut headers = HeaderMap::new();
        assert!(!matches_any(&headers, &tag));
        headers.insert(IF_NONE_MATCH, value(format!("\"other\", W/{}", tag.to_str().expect("text"))));
        assert!(matches_any(&headers, &tag));
        headers.insert(RANGE, HeaderValue::from_static("bytes=0-1"));
        assert_eq!(wanted(&headers, &tag), Some("bytes=0-1"));
        headers.insert(IF_RANGE, HeaderValue::from_static("\"other\""));
        assert_eq!(wanted(&headers, &tag), None);
    }
}
