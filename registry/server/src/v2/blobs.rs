//! Blobs on their way out: whole, in part, or only their size.
//!
//! Owns: HEAD, GET, ranges and conditions. Must not know: where bytes lie.

mod multipart;

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
use quay_oci::range::parse_ranges;

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
    let ranges = match wanted(&parts.headers, &etag) {
        None => Vec::new(),
        Some(header) => {
            let size = app.core.blob(allowed, digest).await?.size;
            let ranges = asked_for(header, size)?;
            if ranges.len() > 1 {
                let mut response = multipart::answer(app, allowed, digest, ranges, size);
                describe(&mut response, allowed, digest, etag);
                response.headers_mut().insert(CONTENT_TYPE, multipart::content_type(digest));
                return Ok(response);
            }
            ranges
        }
    };
    let range = ranges.into_iter().next();
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
        response.headers_mut().insert(CONTENT_RANGE, value(content_range(&blob.range, blob.size)));
    }
    response.headers_mut().insert(CONTENT_LENGTH, length.into());
    describe(&mut response, allowed, digest, etag);
    Ok(response)
}

fn content_range(range: &Range<u64>, size: u64) -> String {
    format!("bytes {}-{}/{size}", range.start, range.end.saturating_sub(1))
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

/// The parts that a `Range` names; none for everything.
fn asked_for(header: &str, size: u64) -> Result<Vec<Range<u64>>> {
    match parse_ranges(header, size) {
        // The specification's suite wants a range whose end is before its start refused, not ignored.
        Ok(ranges) if ranges.is_empty() && backwards(header) => Err(Error::RangeNotSatisfiable { size }),
        Ok(ranges) => Ok(ranges),
        Err(_) => Err(Error::RangeNotSatisfiable { size }),
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
    #[expect(clippy::single_range_in_vec_init, reason = "a list of one range is meant")]
    fn a_range_is_cut_refused_or_ignored() {
        assert_eq!(asked_for("bytes=2-4", 10).ok(), Some(vec![2..5]));
        assert_eq!(asked_for("bytes=0-1,4-5", 10).ok(), Some(vec![0..2, 4..6]));
        assert_eq!(asked_for("bytes=0-8,4-5", 10).ok(), Some(Vec::new()), "more than there is");
        for refused in ["bytes=5-2", "bytes=10-", "bytes=500-0"] {
            assert!(
                matches!(asked_for(refused, 10), Err(Error::RangeNotSatisfiable { size: 10 })),
                "{refused}"
            );
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
